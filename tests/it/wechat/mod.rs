//! Money through WeChat Pay, against the fake one: the client alone, and the stories of a shop.

mod client;
mod days;
mod refunds;
mod stories;
mod told;

use axum::body::Body;
use axum::http::{Method, Request};
use cunji::clock::{Clock, Timestamp};
use cunji::payments::store::events;
use serde_json::{Value, json};

use crate::app::{NOW, TestApp};
use crate::buyer::path;
use crate::fake_wechat::{self, Delivery, Fake, Twist};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fakes/wechat/keys");

/// A shop that takes WeChat's payments, and the WeChat that it asks; both live by the shop's clock.
pub async fn shop_on(engine: &str, more: &[(&str, &str)]) -> (TestApp, Fake) {
    let start = Timestamp::parse(NOW).unwrap();
    let fake = Fake::start(Clock::fixed(start), Delivery::Held, 0).await;
    let file = |name: &str| format!("{KEYS}/{name}");
    let (key, api_key) = (file("merchant_key.pem"), file("api_v3_key.txt"));
    let public_key = file("platform_public_key.pem");
    let settings = [
        ("CUNJI_PAYMENTS", "wechat,transfer,cod,practice"),
        ("CUNJI_PUBLIC_URL", "https://shop.example"),
        ("WECHAT_API_BASE", fake.base()),
        ("WECHAT_MCH_ID", fake_wechat::MCH_ID),
        ("WECHAT_APP_ID", fake_wechat::APP_ID),
        ("WECHAT_SERIAL", fake_wechat::SERIAL),
        ("WECHAT_KEY_FILE", &key),
        ("WECHAT_API_V3_KEY_FILE", &api_key),
        ("WECHAT_PUBLIC_KEY_ID", fake_wechat::PUBLIC_KEY_ID),
        ("WECHAT_PUBLIC_KEY_FILE", &public_key),
    ];
    let shop = TestApp::with(engine, &[more, &settings[..]].concat()).await;
    fake.follow(shop.app.clock.clone());
    (shop, fake)
}

/// Tells a story on each engine.
pub async fn on_both(story: impl AsyncFn(&TestApp, &Fake)) {
    with(&[], story).await;
}

pub async fn with(settings: &[(&str, &str)], story: impl AsyncFn(&TestApp, &Fake)) {
    for engine in ["sqlite", "postgres"] {
        println!("on {engine}:");
        let (shop, fake) = shop_on(engine, settings).await;
        story(&shop, &fake).await;
    }
}

/// The buyer wants to pay by WeChat; `more` is laid over what is asked.
pub async fn ask(shop: &TestApp, order: &Value, more: Value) -> (u16, Value) {
    let mut body = json!({"method": "wechat"});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let request = Request::post(path(order, "/payments"))
        .header("content-type", "application/json")
        .header("accept-language", "en")
        .header("x-forwarded-for", "203.0.113.7, 10.0.0.1")
        .body(Body::from(body.to_string()))
        .unwrap();
    shop.send_any(request).await
}

/// Opens a payment by a code to scan; gives WeChat's order, the one that was made last.
pub async fn open(shop: &TestApp, fake: &Fake, order: &Value) -> String {
    let (status, step) = ask(shop, order, json!({})).await;
    assert_eq!((status, &step["kind"]), (200, &json!("qr")), "{step}");
    newest(fake)
}

/// WeChat's order that was made last.
pub fn newest(fake: &Fake) -> String {
    let orders = fake.orders();
    orders.last().unwrap().out_trade_no.clone()
}

/// Posts a notification as WeChat does.
pub async fn post(shop: &TestApp, fake: &Fake, event: &str, twist: Twist) -> u16 {
    let told = fake.message(event, twist).unwrap();
    assert_eq!(told.url, "https://shop.example/webhooks/wechat");
    let mut request = Request::post("/webhooks/wechat")
        .body(Body::from(told.body))
        .unwrap();
    *request.headers_mut() = told.headers;
    shop.send(request).await.0
}

/// Delivers a notification and waits until the shop has looked into it.
pub async fn deliver(shop: &TestApp, fake: &Fake, event: &str) {
    assert_eq!(post(shop, fake, event, Twist::Genuine).await, 200);
    for _ in 0..5_000 {
        let (now, db) = (shop.app.clock.now(), &shop.app.db);
        if events::due(db, shop.zhang.id, now, 1).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("a notification is left lying");
}

/// The buyer pays, and WeChat tells.
pub async fn pay(shop: &TestApp, fake: &Fake, no: &str) {
    let event = fake.pay(no).unwrap();
    deliver(shop, fake, &event).await;
}

/// The buyer gives an order up.
pub async fn cancel(shop: &TestApp, order: &Value) {
    shop.must(Method::POST, "", &path(order, "/cancel"), json!(null))
        .await;
}
