//! The calls of interface v3.

use axum::body::{Body, Bytes};
use axum::extract::State as From;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use cunji::clock::Timestamp;
use http_body_util::{Full, Limited};
use serde_json::{Value, json};

use super::{APP_ID, CERTIFICATE_SERIAL, Fake, Fault, MCH_ID, Order, Refund, State, bill};

type Answer = Result<Value, (u16, &'static str, String)>;

fn refuse(status: u16, code: &'static str, message: &str) -> Answer {
    Err((status, code, message.to_owned()))
}

pub async fn call(
    From(fake): From<Fake>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target = uri.path_and_query().map_or("/", |it| it.as_str());
    let text = String::from_utf8_lossy(&body);
    fake.state().calls.push(format!("{method} {}", uri.path()));
    if let Err(why) = fake
        .keys
        .check(method.as_str(), target, &headers, &text, fake.now())
    {
        return fake.answer(refuse(401, "SIGN_ERROR", why), None, &headers);
    }
    let fault = fake.state().faults.pop_front();
    match fault {
        Some(Fault::Error) => return fake.answer(refuse(500, "SYSTEM_ERROR", "try again"), None, &headers),
        Some(Fault::TooMany) => {
            return fake.answer(refuse(429, "FREQUENCY_LIMITED", "slower"), None, &headers);
        }
        Some(Fault::Drop) => return dead(),
        _ => {}
    }
    if uri.path() == "/v3/billdownload/file" {
        return bill::file(&fake, uri.query().unwrap_or_default());
    }
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    let answer = fake.route(&method, uri.path(), uri.query().unwrap_or_default(), &body);
    match fault {
        Some(Fault::ErrorAfter) => fake.answer(refuse(500, "SYSTEM_ERROR", "try again"), None, &headers),
        Some(Fault::DropAfter) => dead(),
        fault => fake.answer(answer, fault, &headers),
    }
}

/// An answer that never comes to its end: the connection dies under it.
fn dead() -> Response {
    let torn = Limited::new(Full::new(Bytes::from_static(b"torn")), 1);
    Body::new(torn).into_response()
}

impl Fake {
    fn answer(&self, answer: Answer, fault: Option<Fault>, asked: &HeaderMap) -> Response {
        let (status, body) = match answer {
            Ok(Value::Null) => (StatusCode::NO_CONTENT, String::new()),
            Ok(body) => (StatusCode::OK, body.to_string()),
            Err((status, code, message)) => (
                StatusCode::from_u16(status).expect("a status"),
                json!({"code": code, "message": message}).to_string(),
            ),
        };
        let nonce = self.state().number("answer");
        let (now, bytes) = (self.now(), body.as_bytes());
        let by_certificate = asked
            .get("wechatpay-serial")
            .is_none_or(|it| it == CERTIFICATE_SERIAL);
        let mut headers = match fault {
            Some(Fault::Unsigned) => HeaderMap::new(),
            Some(Fault::WrongSignature) => self.keys.sealed_by_stranger(now, &nonce, bytes),
            Some(Fault::OldStamp) => self.keys.sealed_by_platform(now - 301, &nonce, bytes),
            _ if by_certificate => self.keys.sealed_by_certificate(now, &nonce, bytes),
            _ => self.keys.sealed_by_platform(now, &nonce, bytes),
        };
        if fault == Some(Fault::WrongSerial) {
            headers.insert("wechatpay-serial", "PUB_KEY_ID_9999".parse().expect("ASCII"));
        }
        headers.insert(header::CONTENT_TYPE, "application/json".parse().expect("ASCII"));
        (status, headers, Body::from(body)).into_response()
    }

    fn route(&self, method: &Method, path: &str, query: &str, body: &Value) -> Answer {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (method.as_str(), parts.as_slice()) {
            ("POST", ["v3", "pay", "transactions", scene @ ("jsapi" | "native" | "h5")]) => {
                self.prepare(scene, body)
            }
            ("GET", ["v3", "pay", "transactions", "out-trade-no", no]) => {
                if query != format!("mchid={MCH_ID}") {
                    return refuse(400, "PARAM_ERROR", "mchid");
                }
                let state = self.state();
                let order = state.orders.get(*no).filter(|_| !no.is_empty());
                order
                    .map(transaction)
                    .map_or_else(|| refuse(404, "ORDER_NOT_EXIST", "unknown order"), Ok)
            }
            ("POST", ["v3", "pay", "transactions", "out-trade-no", no, "close"]) => self.close(no, body),
            ("POST", ["v3", "refund", "domestic", "refunds"]) => self.refund(body),
            ("GET", ["v3", "refund", "domestic", "refunds", no]) => {
                let state = self.state();
                let refund = state.refunds.get(*no).map(refund_reply);
                refund.map_or_else(|| refuse(404, "RESOURCE_NOT_EXISTS", "unknown refund"), Ok)
            }
            ("GET", ["v3", "bill", "tradebill"]) => bill::announce(self, query),
            _ => refuse(404, "RESOURCE_NOT_EXISTS", "no such address"),
        }
    }

    fn prepare(&self, scene: &str, body: &Value) -> Answer {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let no = text("out_trade_no");
        let is_name = (6..=32).contains(&no.len())
            && no
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-|*".contains(&b));
        let expires = Timestamp::parse(text("time_expire")).map(|at| at.0.div_euclid(1_000));
        let needed = match scene {
            "jsapi" => body["payer"]["openid"].is_string(),
            "h5" => {
                body["scene_info"]["payer_client_ip"].is_string()
                    && body["scene_info"]["h5_info"]["type"] == "Wap"
            }
            _ => true,
        };
        let total = body["amount"]["total"].as_i64().unwrap_or(0);
        let (description, url) = (text("description"), text("notify_url"));
        let sound =
            text("appid") == APP_ID && text("mchid") == MCH_ID && (1..=127).contains(&description.len());
        let good_url = url.starts_with("http") && !url.contains('?') && url.len() <= 255;
        if !is_name || !sound || !good_url || !needed || total <= 0 || body["amount"]["currency"] != "CNY" {
            return refuse(400, "PARAM_ERROR", "a field is wrong");
        }
        let Some(expires) = expires.filter(|at| *at > self.now() + 60) else {
            return refuse(400, "PARAM_ERROR", "time_expire");
        };
        let mut state = self.state();
        if let Some(order) = state.orders.get(no) {
            match order.state {
                "NOTPAY" if order.content == *body && order.scene == scene => {}
                "NOTPAY" => return refuse(403, "OUT_TRADE_NO_USED", "the same number with other content"),
                "CLOSED" => return refuse(400, "ORDER_CLOSED", "the order is closed"),
                _ => return refuse(400, "ORDERPAID", "the order is paid"),
            }
        }
        let order = Order {
            out_trade_no: no.to_owned(),
            scene: scene.to_owned(),
            total,
            state: "NOTPAY",
            expires,
            paid_at: None,
            transaction_id: None,
            refunded: 0,
            made: state
                .orders
                .get(no)
                .map_or(state.orders.len(), |order| order.made),
            content: body.clone(),
            notify_url: url.to_owned(),
        };
        state.orders.insert(no.to_owned(), order);
        let prepared = state.number("wx20240120");
        Ok(match scene {
            "jsapi" => json!({"prepay_id": prepared}),
            "native" => json!({"code_url": format!("weixin://wxpay/bizpayurl?pr={prepared}")}),
            _ => json!({"h5_url": format!("{}/h5?prepay_id={prepared}&order={no}", self.base())}),
        })
    }

    fn close(&self, no: &str, body: &Value) -> Answer {
        if body["mchid"] != MCH_ID {
            return refuse(400, "PARAM_ERROR", "mchid");
        }
        let pays = self.state().pays_at_close.take_if(|it| it == no);
        if pays.is_some() {
            self.pay(no).expect("it is open");
        }
        let mut state = self.state();
        let Some(order) = state.orders.get_mut(no) else {
            return refuse(404, "ORDER_NOT_EXIST", "unknown order");
        };
        match order.state {
            "NOTPAY" | "CLOSED" => {
                order.state = "CLOSED";
                Ok(Value::Null)
            }
            _ => refuse(400, "ORDERPAID", "the order is paid"),
        }
    }

    fn refund(&self, body: &Value) -> Answer {
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let (no, now) = (text("out_refund_no"), self.now());
        let amount = body["amount"]["refund"].as_i64().unwrap_or(0);
        let total = body["amount"]["total"].as_i64();
        if no.is_empty()
            || no.len() > 64
            || text("reason").len() > 80
            || amount <= 0
            || body["amount"]["currency"] != "CNY"
        {
            return refuse(400, "PARAM_ERROR", "a field is wrong");
        }
        let mut state = self.state();
        let by_id = |order: &&Order| order.transaction_id.as_deref() == Some(text("transaction_id"));
        let named = state
            .orders
            .values()
            .find(by_id)
            .map(|order| order.out_trade_no.clone());
        let paid = named.unwrap_or_else(|| text("out_trade_no").to_owned());
        if let Some(known) = state.refunds.get(no) {
            if (&known.out_trade_no, known.amount) != (&paid, amount) {
                return refuse(400, "INVALID_REQUEST", "the same number with other content");
            }
            return Ok(refund_reply(known));
        }
        let (refund_id, status) = (state.number("5030000"), state.refunds_end.unwrap_or("PROCESSING"));
        let Some(order) = state
            .orders
            .get_mut(&paid)
            .filter(|order| order.paid_at.is_some())
        else {
            return refuse(404, "RESOURCE_NOT_EXISTS", "nothing was paid under this number");
        };
        if total != Some(order.total) || order.refunded + amount > order.total {
            return refuse(400, "INVALID_REQUEST", "more than was paid");
        }
        order.refunded += amount;
        order.state = "REFUND";
        let refund = Refund {
            out_refund_no: no.to_owned(),
            out_trade_no: paid,
            refund_id,
            amount,
            total: order.total,
            status,
            at: now,
            notify_url: text("notify_url").to_owned(),
        };
        let reply = refund_reply(&refund);
        state.refunds.insert(no.to_owned(), refund);
        Ok(reply)
    }
}

fn rfc3339(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).expect("a sane instant");
    at.with_timezone(&chrono_tz::Asia::Shanghai).to_rfc3339()
}

/// A payment as query and notification show it.
pub fn transaction(order: &Order) -> Value {
    let mut told = json!({
        "appid": APP_ID, "mchid": MCH_ID, "out_trade_no": order.out_trade_no, "trade_state": order.state,
        "trade_state_desc": order.state, "attach": "", "payer": {}, "promotion_detail": [],
    });
    if let (Some(at), Some(id)) = (order.paid_at, &order.transaction_id) {
        told["transaction_id"] = json!(id);
        told["success_time"] = json!(rfc3339(at));
        told["trade_type"] = json!(order.scene.to_uppercase());
        told["bank_type"] = json!("OTHERS");
        told["payer"] = json!({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"});
        let total = order.total;
        told["amount"] =
            json!({"total": total, "payer_total": total, "currency": "CNY", "payer_currency": "CNY"});
    }
    told
}

/// A refund as call and query show it.
pub fn refund_reply(refund: &Refund) -> Value {
    let mut told = refund_told(refund);
    told["status"] = told["refund_status"].take();
    told["amount"]["currency"] = json!("CNY");
    told["channel"] = json!("ORIGINAL");
    told["create_time"] = json!(rfc3339(refund.at));
    if let Value::Object(fields) = &mut told {
        fields.remove("refund_status");
    }
    told
}

/// A refund as a notification shows it: another name for its state, and no currency.
pub fn refund_told(refund: &Refund) -> Value {
    let (amount, total) = (refund.amount, refund.total);
    let mut told = json!({
        "mchid": MCH_ID, "out_trade_no": refund.out_trade_no, "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id, "refund_status": refund.status, "user_received_account": "零钱",
        "amount": {"total": total, "refund": amount, "payer_total": total, "payer_refund": amount},
    });
    if refund.status == "SUCCESS" {
        told["success_time"] = json!(rfc3339(refund.at));
    }
    told
}

impl State {
    /// Orders and refunds of one day in Asia/Shanghai.
    pub fn of_day(&self, from: i64) -> (Vec<&Order>, Vec<&Refund>) {
        let within = |at: i64| (from..from + 86_400).contains(&at);
        let paid = self
            .orders
            .values()
            .filter(|order| order.paid_at.is_some_and(within));
        let back = self.refunds.values().filter(|refund| within(refund.at));
        (paid.collect(), back.collect())
    }
}
