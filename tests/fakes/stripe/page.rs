//! The page that a buyer pays on, and the switches for trying things out by hand.

use axum::Router;
use axum::extract::{Path, State as Part};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{Fake, Fault};

pub fn routes() -> Router<Fake> {
    Router::new()
        .route("/pay/{session}", get(page))
        .route("/pay/{session}/{act}", post(act))
        .route("/_fake", post(switch).get(look))
}

async fn page(Part(fake): Part<Fake>, Path(id): Path<String>) -> Response {
    fake.tick();
    let session = fake.lock().session(&id);
    let Some(amount) = session["amount_total"].as_i64() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let status = session["status"].as_str().unwrap_or_default();
    let button = |act: &str, words: &str| {
        format!("<form method=\"post\" action=\"/pay/{id}/{act}\"><button>{words}</button></form>")
    };
    let buttons: String = [
        ("alipay", "Pay with Alipay"),
        ("wechat_pay", "Pay with WeChat Pay"),
        ("slowly", "Pay, and let the money come later"),
        ("arrive", "The money comes"),
        ("fail", "The money does not come"),
        ("again", "Send the last event again"),
    ]
    .iter()
    .map(|(act, words)| button(act, words))
    .collect();
    let yuan = format!("{}.{:02}", amount / 100, amount % 100);
    Html(format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Fake Stripe</title><h1>¥{yuan}</h1><p>{status}</p>{buttons}"
    ))
    .into_response()
}

async fn act(Part(fake): Part<Fake>, Path((id, act)): Path<(String, String)>) -> Response {
    if fake.lock().session(&id).is_null() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let done = match act.as_str() {
        "alipay" | "wechat_pay" | "card" => fake.pay(&id, &act),
        "slowly" => fake.pay_slowly(&id, "alipay"),
        "arrive" | "fail" => fake.arrive(&id, act == "arrive"),
        "again" => {
            let mut state = fake.lock();
            let last = state.events.last().cloned();
            state.outgoing.extend(last);
            true
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    if !done {
        return (StatusCode::CONFLICT, "this session takes no money any more").into_response();
    }
    let back = fake.lock().session(&id)["success_url"]
        .as_str()
        .unwrap_or("/")
        .to_owned();
    Redirect::to(&back).into_response()
}

/// `{"to", "secret", "again", "delay_ms", "reverse", "wrong_signature", "slow_refunds", "faults": ["dead", …]}`; what is
/// left out stays as it is.
async fn switch(Part(fake): Part<Fake>, body: String) -> Response {
    let Ok(told) = serde_json::from_str::<Value>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let number = |name: &str| told[name].as_u64();
    let mut state = fake.lock();
    if let Some(to) = told["to"].as_str() {
        state.delivery.to = Some(to.to_owned());
    }
    if let Some(secret) = told["secret"].as_str() {
        state.delivery.secret = secret.to_owned();
    }
    if let Some(again) = number("again") {
        state.delivery.again = u32::try_from(again).unwrap_or(0);
    }
    if let Some(delay) = number("delay_ms") {
        state.delivery.delay = std::time::Duration::from_millis(delay);
    }
    if let Some(reverse) = number("reverse") {
        state.delivery.reverse = usize::try_from(reverse).unwrap_or(0);
    }
    if let Some(wrong) = told["wrong_signature"].as_bool() {
        state.delivery.wrong_signature = wrong;
    }
    if let Some(slow) = told["slow_refunds"].as_bool() {
        state.slow_refunds = slow;
    }
    for fault in told["faults"].as_array().into_iter().flatten() {
        let fault = match fault.as_str().unwrap_or_default() {
            "broken" => Some(Fault::Broken),
            "broken_after" => Some(Fault::BrokenAfter),
            "dead" => Some(Fault::Dead),
            "dead_after" => Some(Fault::DeadAfter),
            "silent" => Some(Fault::Silent),
            "silent_after" => Some(Fault::SilentAfter),
            "busy" => Some(Fault::Busy),
            "away" => Some(Fault::Away),
            _ => None,
        };
        state.faults.push_back(fault);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn look(Part(fake): Part<Fake>) -> String {
    let state = fake.lock();
    json!({"sessions": state.sessions, "refunds": state.refunds, "calls": state.calls, "waiting": state.outgoing.len()})
        .to_string()
}
