//! The fake by hand: what a buyer, and WeChat itself, would do, as addresses to post to.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fake, Fault, Twist};

type Said = Result<String, (StatusCode, String)>;

pub fn routes() -> Router<Fake> {
    Router::new()
        .route("/", get(page))
        .route("/h5", get(page))
        .route("/_fake/state", get(state))
        .route("/_fake/pay/{no}", post(pay))
        .route("/_fake/refund/{no}/{status}", post(end_refund))
        .route("/_fake/notify/{event}", post(notify))
        .route("/_fake/faults", post(faults))
}

/// The open orders, each with a button that pays it.
async fn page(State(fake): State<Fake>) -> Html<String> {
    let mut rows = String::new();
    for order in fake.orders() {
        let (no, state) = (&order.out_trade_no, order.state);
        rows.push_str(&format!(
            "<li>{no} · {} fen · {state} <form method=post action=/_fake/pay/{no}><button>pay</button></form>",
            order.total
        ));
    }
    Html(format!(
        "<!doctype html><meta charset=utf-8><title>Fake WeChat Pay</title><ul>{rows}</ul>"
    ))
}

async fn state(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({"orders": fake.orders(), "refunds": fake.refunds(), "calls": fake.calls()}))
}

fn said(result: Result<String, String>) -> Said {
    result.map_err(|why| (StatusCode::CONFLICT, why))
}

async fn pay(State(fake): State<Fake>, Path(no): Path<String>) -> Said {
    said(fake.pay(&no))
}

async fn end_refund(State(fake): State<Fake>, Path((no, status)): Path<(String, String)>) -> Said {
    let status = match status.as_str() {
        "success" => "SUCCESS",
        "closed" => "CLOSED",
        "abnormal" => "ABNORMAL",
        _ => return said(Err("success, closed or abnormal".to_owned())),
    };
    said(fake.end_refund(&no, status))
}

#[derive(Deserialize)]
struct How {
    #[serde(default)]
    r#as: Twist,
}

/// Tells again, or tells wrongly: `?as=probe`.
async fn notify(State(fake): State<Fake>, Path(event): Path<String>, Query(how): Query<How>) -> Said {
    let taken = fake.post(&event, how.r#as).await;
    Ok(if taken { "taken" } else { "refused" }.to_owned())
}

/// The next calls go wrong like this: a JSON list.
async fn faults(State(fake): State<Fake>, Json(list): Json<Vec<Fault>>) -> StatusCode {
    fake.fail(&list);
    StatusCode::NO_CONTENT
}
