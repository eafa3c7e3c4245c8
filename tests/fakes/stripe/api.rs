//! The calls of Stripe's API that the shop makes, with their refusals.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Part};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::ReaderStream;

use super::{Fake, Fault, State};

type Params = BTreeMap<String, String>;

/// An answer: its status and body. Refusals of what was asked are not stored under a key.
type Answer = (u16, Value);

pub fn routes() -> Router<Fake> {
    Router::new().route("/v1/{*path}", axum::routing::any(call))
}

/// A body that breaks off, and the connection with it.
struct Dead;

impl AsyncRead for Dead {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()))
    }
}

async fn call(Part(fake): Part<Fake>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let query = head.uri.query().unwrap_or_default();
    let params: Params = form_urlencoded::parse(query.as_bytes())
        .chain(form_urlencoded::parse(&body))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let key = text("idempotency-key").map(str::to_owned);
    let path = head.uri.path().trim_start_matches("/v1/").to_owned();
    let is_known = text("authorization").is_some_and(|value| value.starts_with("Bearer sk_test_"));
    let fault = {
        let mut state = fake.lock();
        state.calls.push(format!("{} {path}", head.method));
        state.faults.pop_front().flatten()
    };
    match fault {
        Some(Fault::Busy) => return error(429, "invalid_request_error", "rate_limit", "Too many requests"),
        Some(Fault::Away) => return (StatusCode::SERVICE_UNAVAILABLE, "<h1>503</h1>").into_response(),
        Some(Fault::Dead) => return Body::from_stream(ReaderStream::new(Dead)).into_response(),
        Some(Fault::Silent) => return silence(&fake).await,
        _ => {}
    }
    if !is_known {
        return error(401, "invalid_request_error", "", "Invalid API Key provided");
    }
    let (answer, replayed) = answer(&fake, &head.method, &path, &params, key.as_deref(), fault);
    match fault {
        Some(Fault::DeadAfter) => Body::from_stream(ReaderStream::new(Dead)).into_response(),
        Some(Fault::SilentAfter) => silence(&fake).await,
        _ => respond(answer, replayed),
    }
}

async fn silence(fake: &Fake) -> Response {
    fake.silence.notify_one();
    std::future::pending().await
}

fn respond((status, body): Answer, replayed: bool) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or_default();
    let mut response = (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response();
    if replayed {
        let name = header::HeaderName::from_static("idempotent-replayed");
        response
            .headers_mut()
            .insert(name, header::HeaderValue::from_static("true"));
    }
    response
}

fn refusal(status: u16, kind: &str, code: &str, message: &str) -> Answer {
    (
        status,
        json!({"error": {"type": kind, "code": code, "message": message}}),
    )
}

fn error(status: u16, kind: &str, code: &str, message: &str) -> Response {
    respond(refusal(status, kind, code, message), false)
}

/// The answer, and whether it was given before under this key.
fn answer(
    fake: &Fake,
    method: &Method,
    path: &str,
    params: &Params,
    key: Option<&str>,
    fault: Option<Fault>,
) -> (Answer, bool) {
    let now = fake.now();
    let mut state = fake.lock();
    state.tick(now);
    let asked = format!("{method} {path} {params:?}");
    if let Some((first, status, body)) = key.and_then(|key| state.keys.get(key)) {
        if *first != asked {
            let message = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
            return (refusal(400, "idempotency_error", "", message), false);
        }
        return ((*status, body.clone()), true);
    }
    let internal = || refusal(500, "api_error", "", "Something went wrong");
    let given = match fault {
        Some(Fault::Broken) => internal(),
        _ => route(&mut state, &fake.url, method, path, params, now),
    };
    let given = if fault == Some(Fault::BrokenAfter) && given.0 < 300 {
        internal()
    } else {
        given
    };
    let is_refusal = (400..500).contains(&given.0);
    if let (Some(key), false, true) = (key, is_refusal, *method == Method::POST) {
        state
            .keys
            .insert(key.to_owned(), (asked, given.0, given.1.clone()));
    }
    (given, false)
}

fn route(state: &mut State, url: &str, method: &Method, path: &str, params: &Params, now: i64) -> Answer {
    let parts: Vec<&str> = path.split('/').collect();
    let post = *method == Method::POST;
    match parts.as_slice() {
        ["checkout", "sessions"] if post => create_session(state, url, params, now),
        ["checkout", "sessions", id] if !post => match state.sessions.get(*id) {
            Some(session) => (200, expanded(state, session, params)),
            None => missing("checkout.session"),
        },
        ["checkout", "sessions", id, "expire"] if post => match state.session(id)["status"].as_str() {
            Some("open") => {
                state.expire(id, now);
                (200, state.session(id))
            }
            Some(status) => {
                let message = format!(
                    "Only Checkout Sessions with a status in [\"open\"] can be expired. This one is {status}."
                );
                refusal(400, "invalid_request_error", "", &message)
            }
            None => missing("checkout.session"),
        },
        ["payment_intents", id] if !post => found(state.intents.get(*id), "payment_intent"),
        ["refunds"] if post => create_refund(state, params, now),
        ["refunds"] => {
            let intent = params.get("payment_intent").map_or("", String::as_str);
            let of = |row: &&Value| {
                (intent.is_empty() || row["payment_intent"] == intent) && is_between(row, params)
            };
            let rows: Vec<Value> = state.refunds.values().rev().filter(of).cloned().collect();
            (
                200,
                json!({"object": "list", "url": "/v1/refunds", "has_more": false, "data": rows}),
            )
        }
        ["refunds", id] if !post => found(state.refunds.get(*id), "refund"),
        ["charges"] if !post => {
            let rows = state
                .intents
                .values()
                .rev()
                .filter(|row| row["status"] == "succeeded");
            let rows: Vec<Value> = rows.map(charge).filter(|row| is_between(row, params)).collect();
            (
                200,
                json!({"object": "list", "url": "/v1/charges", "has_more": false, "data": rows}),
            )
        }
        ["events"] if !post => {
            let rows: Vec<Value> = state.events.iter().rev().cloned().collect();
            (
                200,
                json!({"object": "list", "url": "/v1/events", "has_more": false, "data": rows}),
            )
        }
        _ => refusal(
            404,
            "invalid_request_error",
            "",
            &format!("Unrecognized request URL ({method}: /v1/{path})."),
        ),
    }
}

fn is_between(row: &Value, params: &Params) -> bool {
    let bound = |name: &str, none: i64| params.get(name).and_then(|it| it.parse().ok()).unwrap_or(none);
    let created = row["created"].as_i64().unwrap_or(0);
    bound("created[gte]", 0) <= created && created < bound("created[lt]", i64::MAX)
}

/// The charge of an intent.
fn charge(intent: &Value) -> Value {
    json!({
        "id": intent["latest_charge"]["id"], "object": "charge", "amount": intent["amount"], "created": intent["created"],
        "currency": intent["currency"], "metadata": intent["metadata"], "payment_intent": intent["id"], "paid": true,
        "status": "succeeded", "payment_method_details": intent["latest_charge"]["payment_method_details"],
    })
}

fn missing(what: &str) -> Answer {
    refusal(
        404,
        "invalid_request_error",
        "resource_missing",
        &format!("No such {what}"),
    )
}

fn found(row: Option<&Value>, what: &str) -> Answer {
    row.map_or_else(|| missing(what), |row| (200, row.clone()))
}

/// The session with its intent inside, where that was asked for.
fn expanded(state: &State, session: &Value, params: &Params) -> Value {
    let mut session = session.clone();
    let wanted = params
        .iter()
        .any(|(name, value)| name.starts_with("expand[") && value.starts_with("payment_intent"));
    let intent = session["payment_intent"]
        .as_str()
        .and_then(|id| state.intents.get(id));
    if wanted && let Some(intent) = intent {
        session["payment_intent"] = intent.clone();
    }
    session
}

const SESSION: [&str; 12] = [
    "mode",
    "client_reference_id",
    "success_url",
    "cancel_url",
    "expires_at",
    "locale",
    "line_items",
    "allowed_payment_method_types",
    "payment_method_options",
    "metadata",
    "payment_intent_data",
    "expand",
];

fn create_session(state: &mut State, url: &str, params: &Params, now: i64) -> Answer {
    let refused = |code: &str, message: &str| refusal(400, "invalid_request_error", code, message);
    for name in params
        .keys()
        .map(|name| name.split('[').next().unwrap_or_default())
    {
        if name == "payment_method_types" {
            return refused(
                "payment_method_types_no_longer_supported",
                "Use allowed_payment_method_types",
            );
        }
        if !SESSION.contains(&name) {
            return refused(
                "parameter_unknown",
                &format!("Received unknown parameter: {name}"),
            );
        }
    }
    let text = |name: &str| params.get(name).cloned().unwrap_or_default();
    let number = |name: &str| params.get(name).and_then(|value| value.parse::<i64>().ok());
    let (Some(price), Some(quantity)) = (
        number("line_items[0][price_data][unit_amount]"),
        number("line_items[0][quantity]"),
    ) else {
        return refused("parameter_missing", "line_items need an amount and a quantity");
    };
    let currency = text("line_items[0][price_data][currency]");
    if text("mode") != "payment" || text("success_url").is_empty() || currency.is_empty() {
        return refused("parameter_missing", "mode, success_url and currency are needed");
    }
    let amount = price * quantity;
    if amount < 400 {
        return refused("amount_too_small", "The amount must convert to at least 50 cents");
    }
    let expires_at = number("expires_at").unwrap_or(now + 86_400);
    if !(now + 1_800..=now + 86_400).contains(&expires_at) {
        return refused(
            "",
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from now",
        );
    }
    let uses_wechat = params.values().any(|value| value == "wechat_pay");
    if uses_wechat && text("payment_method_options[wechat_pay][client]").is_empty() {
        return refused(
            "parameter_missing",
            "payment_method_options[wechat_pay][client] is needed",
        );
    }
    let id = state.id("cs");
    let session = json!({
        "id": id, "object": "checkout.session", "mode": "payment", "status": "open", "payment_status": "unpaid",
        "amount_total": amount, "amount_subtotal": amount, "currency": currency, "created": now, "livemode": false,
        "expires_at": expires_at, "url": format!("{url}/pay/{id}"), "payment_intent": null,
        "client_reference_id": params.get("client_reference_id"), "metadata": fields(params, "metadata"),
        "success_url": text("success_url"), "cancel_url": text("cancel_url"), "locale": params.get("locale"),
        "payment_method_types": ["card", "alipay", "wechat_pay"], "automatic_tax": {"enabled": false, "status": null},
        "custom_fields": [], "custom_text": {}, "shipping_options": [],
    });
    state.sessions.insert(id, session.clone());
    (200, session)
}

fn fields(params: &Params, name: &str) -> Value {
    let start = format!("{name}[");
    let inside = |(key, value): (&String, &String)| {
        let field = key.strip_prefix(&start)?.strip_suffix(']')?;
        Some((field.to_owned(), json!(value)))
    };
    Value::Object(params.iter().filter_map(inside).collect())
}

fn create_refund(state: &mut State, params: &Params, now: i64) -> Answer {
    let intent_id = params.get("payment_intent").cloned().unwrap_or_default();
    let Some(intent) = state.intents.get(&intent_id) else {
        return missing("payment_intent");
    };
    let total = intent["amount"].as_i64().unwrap_or(0);
    let charge = intent["latest_charge"]["id"].clone();
    let currency = intent["currency"].clone();
    let left = total - state.refunded(&intent_id);
    let amount = params
        .get("amount")
        .and_then(|value| value.parse().ok())
        .unwrap_or(left);
    if left == 0 || amount > left || amount <= 0 || intent["status"] != "succeeded" {
        let message =
            format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return refusal(400, "invalid_request_error", "charge_already_refunded", &message);
    }
    let id = state.id("re");
    let status = if state.slow_refunds {
        "pending"
    } else {
        "succeeded"
    };
    let refund = json!({
        "id": id, "object": "refund", "amount": amount, "created": now, "currency": currency, "charge": charge,
        "payment_intent": intent_id, "metadata": fields(params, "metadata"), "status": status, "reason": null,
    });
    state.refunds.insert(id, refund.clone());
    state.event("refund.created", &refund, now);
    (200, refund)
}
