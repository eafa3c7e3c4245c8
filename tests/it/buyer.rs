//! A buyer of the stories: a stand with something to sell, and orders through its link, as the contract has them.

use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::audit::{check, is_clean, report};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::goods::{add_sku, product, receive, sku};
use crate::silence;

pub const ORDERS: &str = "/api/v1/orders";
pub const LINKS: &str = "/api/v1/links";

/// A link of the manager for FT05 at 68 yuan, with so many cases of it on the shelf; gives its code.
pub async fn stand(shop: &TestApp, cases: i64) -> String {
    let id = product(shop, "fentiao").await;
    add_sku(shop, &id, sku("FT05")).await;
    if cases > 0 {
        receive(shop, "FT05", "L1", "2025-01-09", cases).await;
    }
    link(shop, &shop.zhang.manager, json!({})).await
}

/// One more link; `more` is laid over what [`stand`] asks for.
pub async fn link(shop: &TestApp, token: &str, more: Value) -> String {
    let mut body =
        json!({"title": "年货", "channel": "moments", "offers": [{"sku": "FT05", "price_fen": 6800}]});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let made = shop.must(Method::POST, token, LINKS, body).await;
    made["code"].as_str().unwrap().to_owned()
}

/// What a buyer sends for so many cases of FT05.
pub fn wish(quantity: i64) -> Value {
    json!({
        "items": [{"sku": "FT05", "quantity": quantity}],
        "recipient": {"name": "苏宇", "phone": "13800138000", "province": "广东省", "city": "深圳市",
                      "district": "南山区", "street": "科技园路 1 号"},
        "payment_method": "transfer",
    })
}

pub fn wish_by(method: &str, quantity: i64) -> Value {
    let mut wish = wish(quantity);
    wish["payment_method"] = json!(method);
    wish
}

pub async fn send(shop: &TestApp, link: &str, key: Option<&str>, body: impl Into<Body>) -> (u16, Value) {
    let mut request = Request::post(format!("{LINKS}/{link}/orders"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT_LANGUAGE, "en");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    shop.send(request.body(body.into()).unwrap()).await
}

pub async fn place(shop: &TestApp, link: &str, key: &str, wish: &Value) -> (u16, Value) {
    let (status, order) = send(shop, link, Some(key), wish.to_string()).await;
    if let Some(token) = order["token"].as_str() {
        silence::keep_out(token);
    }
    (status, order)
}

/// Places an order that has to be taken.
pub async fn placed(shop: &TestApp, link: &str, key: &str, wish: &Value) -> Value {
    let (status, order) = place(shop, link, key, wish).await;
    assert_eq!(status, 201, "{order}");
    order
}

/// The order as its buyer reads it.
pub async fn read(shop: &TestApp, order: &Value) -> Value {
    let (status, order) = shop.get("", &path(order, "")).await;
    assert_eq!(status, 200, "{order}");
    order
}

/// A buyer's address of an order, by its token.
pub fn path(order: &Value, more: &str) -> String {
    format!("{ORDERS}/{}{more}", order["token"].as_str().unwrap())
}

/// Staff's address of an order, by its number.
pub fn desk(order: &Value, more: &str) -> String {
    format!("{ORDERS}/{}{more}", order["number"].as_str().unwrap())
}

/// What the link says is left of its first offer.
pub async fn left(shop: &TestApp, link: &str) -> i64 {
    let (_, seen) = shop.get("", &format!("{LINKS}/{link}")).await;
    seen["offers"][0]["available"].as_i64().unwrap()
}

/// How many orders Zhang village has.
pub async fn count(shop: &TestApp) -> usize {
    let (_, list) = shop
        .get(&shop.zhang.manager, &format!("{ORDERS}?limit=200"))
        .await;
    list["items"].as_array().unwrap().len()
}

/// The shop's books are in order.
pub async fn assert_clean(shop: &TestApp) {
    let findings = check(&shop.app.db).await.unwrap();
    assert!(is_clean(&findings), "{}", report(&findings));
}

/// The name of a problem, without the path before it.
pub fn problem(answer: &Value) -> &str {
    let name = answer["type"].as_str().unwrap();
    name.strip_prefix("/problems/").unwrap()
}
