//! Products, skus and lots for stories that need some on the shelf. All are Zhang village's.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::TestApp;

pub const PRODUCTS: &str = "/api/v1/products";
pub const RECEIPTS: &str = "/api/v1/stock/receipts";
pub const ADJUSTMENTS: &str = "/api/v1/stock/adjustments";

pub async fn product(shop: &TestApp, slug: &str) -> String {
    let body = json!({"name": "纯红薯粉条", "slug": slug, "legal_kind": "fresh"});
    let made = shop.must(Method::POST, &shop.zhang.manager, PRODUCTS, body).await;
    made["id"].as_str().unwrap().to_owned()
}

pub fn sku(code: &str) -> Value {
    json!({"sku": code, "title": "纯红薯粉条", "spec": "2.5kg/箱", "price_fen": 6800, "gross_weight_grams": 2900,
           "shelf_life_days": 365, "min_days_left": 90})
}

/// Adds a sku to a product and gives its id.
pub async fn add_sku(shop: &TestApp, product: &str, body: Value) -> Uuid {
    let path = format!("{PRODUCTS}/{product}/skus");
    let made = shop.must(Method::POST, &shop.zhang.manager, &path, body).await;
    made["id"].as_str().unwrap().parse().unwrap()
}

pub fn receipt(sku: &str, lot: &str, best_before: &str, quantity: i64) -> Value {
    let lot = json!({"code": lot, "made_on": "2024-01-10", "best_before": best_before});
    json!({"sku": sku, "lot": lot, "quantity": quantity})
}

pub async fn receive(shop: &TestApp, sku: &str, lot: &str, best_before: &str, quantity: i64) -> Value {
    let body = receipt(sku, lot, best_before, quantity);
    shop.must(Method::POST, &shop.zhang.packer, RECEIPTS, body).await
}

/// The row of a sku in the stock list.
pub async fn item(shop: &TestApp, sku: &str) -> Value {
    let (_, list) = shop.get(&shop.zhang.packer, "/api/v1/stock").await;
    let items = list["items"].as_array().unwrap();
    items.iter().find(|item| item["sku"] == sku).unwrap().clone()
}

/// (on hand, held, available) of a level.
pub fn counts(level: &Value) -> (i64, i64, i64) {
    let count = |field: &str| level[field].as_i64().unwrap();
    (count("on_hand"), count("held"), count("available"))
}
