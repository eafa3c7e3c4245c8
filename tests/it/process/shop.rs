//! A village set up as its manager does it: on the command line first, then over HTTP.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::http::{self, Answer};
use super::{Place, Server};
use crate::silence;

pub const PASSWORD: &str = "rice-noodles-and-sun-7";

/// What the logs must never say.
pub const BUYER: [&str; 3] = ["司马相如", "19912345678", "凤凰台路十七号"];

/// Founds the village in an empty database; the manager's API token.
pub fn found(place: &Place) -> String {
    place.must(
        &["staff", "add", "boss", "--role", "manager"],
        &format!("{PASSWORD}\n"),
    );
    let token = place.must(&["token", "create", "boss"], "").trim().to_owned();
    for private in BUYER.into_iter().chain([PASSWORD, &token]) {
        silence::keep_out(private);
    }
    token
}

pub async fn staff(address: SocketAddr, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let bearer = format!("Bearer {token}");
    let answer = http::send(address, method, path, &[("authorization", &bearer)], &body).await;
    answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

pub async fn must(address: SocketAddr, token: &str, method: &str, path: &str, body: Value) -> Value {
    let answer = staff(address, token, method, path, &body).await;
    assert!(
        (200..300).contains(&answer.status),
        "{method} {path}: {} {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

/// Puts skus on the shelf, each with so many cases, and gives a link that offers them.
pub async fn stocked(server: &Server, token: &str, skus: &[(&str, i64)]) -> String {
    let at = server.address;
    let product = json!({"name": "蜜薯", "slug": "mishu", "legal_kind": "fresh"});
    let product = must(at, token, "POST", "/api/v1/products", product).await;
    let path = format!("/api/v1/products/{}/skus", product["id"].as_str().unwrap());
    for (sku, cases) in skus {
        let body = json!({"sku": sku, "title": "蜜薯", "spec": "5kg/箱", "price_fen": 4_990, "gross_weight_grams": 5_700,
            "shelf_life_days": 3_650});
        must(at, token, "POST", &path, body).await;
        let lot = json!({"code": "L1", "made_on": "2024-01-10", "best_before": "2099-01-01"});
        let receipt = json!({"sku": sku, "lot": lot, "quantity": cases});
        must(at, token, "POST", "/api/v1/stock/receipts", receipt).await;
    }
    let offers: Vec<_> = skus
        .iter()
        .map(|(sku, _)| json!({"sku": sku, "price_fen": 4_990}))
        .collect();
    let link = json!({"title": "蜜薯", "channel": "livestream", "host": "直播间", "offers": offers});
    let link = must(at, token, "POST", "/api/v1/links", link).await;
    link["code"].as_str().unwrap().to_owned()
}

/// What a buyer sends for one case.
pub fn order(sku: &str) -> String {
    let [name, phone, street] = BUYER;
    json!({"items": [{"sku": sku, "quantity": 1}], "payment_method": "transfer",
        "recipient": {"name": name, "phone": phone, "province": "河南省", "city": "平顶山市", "district": "鲁山县",
            "street": street}})
    .to_string()
}

pub async fn place_order(address: SocketAddr, link: &str, sku: &str, key: &str) -> std::io::Result<Answer> {
    let path = format!("/api/v1/links/{link}/orders");
    let answer = http::send(address, "POST", &path, &[("idempotency-key", key)], &order(sku)).await?;
    if answer.status == 201 {
        silence::keep_out(answer.json()["token"].as_str().expect("an order has a token"));
    }
    Ok(answer)
}

/// (held, available) of a sku, as the stock list has it.
pub async fn stock_of(server: &Server, token: &str, sku: &str) -> (i64, i64) {
    let list = must(server.address, token, "GET", "/api/v1/stock", Value::Null).await;
    let item = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["sku"] == sku)
        .unwrap()
        .clone();
    (
        item["held"].as_i64().unwrap(),
        item["available"].as_i64().unwrap(),
    )
}
