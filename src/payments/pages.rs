//! The page of an order: where it stands, what to pay and how, and the way to give it up. Whoever holds the token sees
//! it, and links are passed on: names and numbers are masked.

use askama::Template;
use axum::extract::{Path, RawForm, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::store::provider::offer_of;
use super::till::{NextStep, Till};
use super::wechat::Scene;
use super::{change, store, transfer};
use crate::clock::Timestamp;
use crate::error::{Error, Result, Text, invalid, not_found, text};
use crate::id::parse_order_token;
use crate::links::qr;
use crate::links::store::board::code;
use crate::money::{Fen, Method};
use crate::orders::late::Answer;
use crate::orders::view::{OrderView, load_with_order};
use crate::orders::{Order, Status};
use crate::phone::{mask_name, mask_phone};
use crate::villages::store::{Sender, sender};
use crate::web::edge::{Lang, policy_with_forms_to};
use crate::web::json::Json;

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    lang: Lang,
    order: OrderView,
    sender: Sender,
    name: String,
    phone: String,
    place: String,
    /// paid when it is handed over
    on_delivery: bool,
    captured: Fen,
    now: Timestamp,
    /// ways to pay that lead somewhere, the chosen one first
    methods: Vec<Method>,
    instructions: Option<Text>,
    /// the link that it was ordered through
    link: Option<String>,
    /// WeChat's code to scan, drawn
    qr: Option<String>,
    notice: Option<Text>,
}

pub async fn page(till: Till, lang: Lang, Path(token): Path<String>) -> Result<Response> {
    show(&till, lang, &token, StatusCode::OK, None).await
}

/// A button to pay was pressed.
pub async fn pay(
    till: Till,
    lang: Lang,
    Path(token): Path<String>,
    headers: HeaderMap,
    RawForm(body): RawForm,
) -> Result<Response> {
    let chosen = form_urlencoded::parse(&body).find(|(name, _)| name == "method");
    let method = chosen.and_then(|(_, value)| serde_json::from_value(value.as_ref().into()).ok());
    let Some(method) = method else {
        let notice = text("请选一种付款方式。", "Please choose how to pay.");
        return show(
            &till,
            lang,
            &token,
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(notice),
        )
        .await;
    };
    let scene = Scene::of_browser(&headers, till.providers.has_wechat_page());
    match till.open(&token, method, scene, lang).await {
        Ok(NextStep::Redirect { url, .. }) => {
            // our own pages are gone to without the public name: the browser may have come by another one
            let to = url.strip_prefix(till.public_url.0.as_ref()).unwrap_or(&url);
            Ok(Redirect::to(to).into_response())
        }
        // the page shows the code, or how to transfer
        Ok(NextStep::Qr { .. } | NextStep::Bridge { .. } | NextStep::Instructions { .. }) => {
            Ok(Redirect::to(&format!("/o/{token}#pay")).into_response())
        }
        Err(error) => refused(&till, lang, &token, error).await,
    }
}

/// The form to give an order up was sent; its box says that this is meant.
pub async fn cancel(
    till: Till,
    lang: Lang,
    Path(token): Path<String>,
    RawForm(body): RawForm,
) -> Result<Response> {
    if !form_urlencoded::parse(&body).any(|(name, value)| name == "sure" && value == "yes") {
        let notice = text(
            "没有取消：请先勾选“我确定要取消”。",
            "Not cancelled: please tick “I am sure” first.",
        );
        return show(
            &till,
            lang,
            &token,
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(notice),
        )
        .await;
    }
    match till.cancel(&token).await {
        Ok(order) => Ok(Redirect::to(&format!("/o/{}", order.token)).into_response()),
        Err(error) => refused(&till, lang, &token, error).await,
    }
}

/// The buyer's answer to a change that the shop proposes.
pub async fn answer(
    till: Till,
    lang: Lang,
    Path((token, version)): Path<(String, String)>,
    RawForm(body): RawForm,
) -> Result<Response> {
    let agrees = form_urlencoded::parse(&body).any(|(name, value)| name == "answer" && value == "agree");
    let (db, clock, path) = (
        State(till.db.clone()),
        State(till.clock.clone()),
        Path((token.clone(), version)),
    );
    let answered = if agrees {
        change::agree(db, clock, State(till.ids.clone()), path).await
    } else {
        change::decline(db, clock, path).await
    };
    match answered {
        Ok(Json(order)) => Ok(Redirect::to(&format!("/o/{}", order.token)).into_response()),
        Err(error) => refused(&till, lang, &token, error).await,
    }
}

/// One of the three buttons of a late order was pressed.
pub async fn answer_late(
    till: Till,
    lang: Lang,
    Path(token): Path<String>,
    RawForm(body): RawForm,
) -> Result<Response> {
    let chosen = form_urlencoded::parse(&body).find(|(name, _)| name == "answer");
    let answer = chosen.and_then(|(_, value)| serde_json::from_value(value.as_ref().into()).ok());
    let answered = match answer {
        Some(answer) => till.answer_late(&token, answer).await,
        None => Err(invalid(
            "answer",
            text("请选一个办法。", "Please choose one of the buttons."),
        )),
    };
    match answered {
        Ok(order) => Ok(Redirect::to(&format!("/o/{}", order.token)).into_response()),
        Err(error) => refused(&till, lang, &token, error).await,
    }
}

/// The order's page with what was refused on top.
async fn refused(till: &Till, lang: Lang, token: &str, error: Error) -> Result<Response> {
    match error {
        Error::Problem(problem) if problem.status != StatusCode::NOT_FOUND => {
            show(till, lang, token, problem.status, Some(problem.words().clone())).await
        }
        other => Err(other),
    }
}

async fn show(
    till: &Till,
    lang: Lang,
    token: &str,
    status: StatusCode,
    notice: Option<Text>,
) -> Result<Response> {
    let (village, id) = parse_order_token(token).ok_or_else(not_found)?;
    let now = till.clock.now();
    let (order, view) = load_with_order(&till.db, village, id, now).await?;
    let due = view.status == Status::AwaitingPayment;
    let link = match order.link_id {
        Some(link) => code(&till.db, village, link).await?,
        None => None,
    };
    let page = OrderPage {
        lang,
        sender: sender(&till.db, village).await?,
        name: mask_name(&order.name),
        phone: mask_phone(&order.phone),
        place: place(&order),
        on_delivery: order.method == Method::Cod,
        captured: order.captured_fen,
        now,
        methods: if due {
            methods(&till.config.payments, order.method)
        } else {
            Vec::new()
        },
        instructions: if due {
            instructions(till, &order).await?
        } else {
            None
        },
        qr: if due {
            wechat_code(till, &order).await?
        } else {
            None
        },
        link,
        notice,
        order: view,
    };
    let body = page.render().map_err(anyhow::Error::from)?;
    let mut response = (status, [("x-robots-tag", "noindex")], Html(body)).into_response();
    let hosts = till.providers.pay_hosts();
    if !hosts.is_empty()
        && let Some(policy) = policy_with_forms_to(&hosts)
    {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// Province, city and district; the street stays with us.
fn place(order: &Order) -> String {
    let mut parts = vec![order.province.as_str(), &order.city, &order.district];
    parts.dedup();
    format!("{}****", parts.concat())
}

/// Ways to pay now, the chosen one first. An order to be paid on delivery is not paid now, and one that isn't can't
/// become that here.
fn methods(taken: &[Method], chosen: Method) -> Vec<Method> {
    if chosen == Method::Cod {
        return Vec::new();
    }
    let now = |method: &&Method| !matches!(method, Method::Cod | Method::Platform);
    let mut methods: Vec<Method> = taken.iter().filter(now).copied().collect();
    methods.sort_by_key(|method| *method != chosen);
    methods
}

/// The code of an open payment by WeChat, as long as WeChat takes it.
async fn wechat_code(till: &Till, order: &Order) -> Result<Option<String>> {
    let offer = offer_of(&till.db, order, Method::Wechat).await?;
    let code = offer.filter(|offer| Scene::Native.takes(offer));
    let drawn = code.map(|code| qr::svg(&code).map_err(anyhow::Error::from));
    Ok(drawn.transpose()?)
}

/// How to transfer what is due, when that is how the buyer wants to pay.
async fn instructions(till: &Till, order: &Order) -> Result<Option<Text>> {
    let (village, id) = (order.village_id, order.id);
    let by_transfer = order.method == Method::Transfer
        || store::of_order(&till.db, village, id)
            .await?
            .iter()
            .any(|payment| payment.method == Method::Transfer && payment.state == super::State::Waiting);
    if !by_transfer {
        return Ok(None);
    }
    let account = store::account(&till.db, village).await?;
    let due = Fen(order.total_fen.0 - order.captured_fen.0);
    Ok(Some(transfer::instructions(&account, &order.number, due)))
}

/// A method's name in forms.
fn value(method: &Method) -> String {
    serde_json::to_value(method)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

mod words;

#[cfg(test)]
mod tests;
