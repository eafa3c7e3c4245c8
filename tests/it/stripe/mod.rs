//! Money through Stripe, against the fake one: stories, every ordering of what can happen to a payment, and long random
//! histories.

#[path = "../../fakes/stripe/mod.rs"]
pub mod fake;

mod days;
mod histories;
mod orderings;
mod refunds;
mod stories;
mod webhooks;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use cunji::clock::{Clock, Timestamp};
use cunji::id::VillageId;
use cunji::jobs;
use cunji::payments::store::events;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::buyer::{desk, path, read};

pub use fake::deliver::sign;
pub use fake::{Fake, Fault};

pub const SECRET: &str = "whsec_of_the_stories";

/// Looks at something that a task does by itself, before it counts as never happening.
const LOOKS: u32 = 5_000;
const STEP: Duration = Duration::from_millis(2);

/// A shop that takes Stripe's payments, and the Stripe that it asks; both live by the shop's clock.
pub async fn shop_on(engine: &str) -> (TestApp, Fake) {
    let fake = Fake::start().await;
    let settings = [
        ("CUNJI_PAYMENTS", "stripe,transfer,cod,practice"),
        ("STRIPE_SECRET_KEY", "sk_test_of_the_stories"),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("STRIPE_API_BASE", fake.url.as_str()),
    ];
    let shop = TestApp::with(engine, &settings).await;
    if let Clock::Fixed(clock) = &shop.app.clock {
        fake.follow(clock.clone());
    }
    (shop, fake)
}

/// Tells a story on each engine.
pub async fn on_both(story: impl AsyncFn(&TestApp, &Fake)) {
    for engine in ["sqlite", "postgres"] {
        println!("on {engine}:");
        let (shop, fake) = shop_on(engine).await;
        story(&shop, &fake).await;
    }
}

/// The buyer wants to pay at Stripe: the status and answer.
pub async fn ask(shop: &TestApp, order: &Value) -> (u16, Value) {
    let request = Request::post(path(order, "/payments"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"method": "stripe"}).to_string()))
        .unwrap();
    shop.send_any(request).await
}

/// Opens a payment that has to be opened; gives the session.
pub async fn open(shop: &TestApp, order: &Value) -> String {
    let (status, step) = ask(shop, order).await;
    assert_eq!((status, &step["kind"]), (200, &json!("redirect")), "{step}");
    step["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// Posts an event as Stripe does.
pub async fn post(shop: &TestApp, fake: &Fake, event: &Value) -> u16 {
    let body = event.to_string();
    let header = sign(SECRET, fake.now(), &body);
    post_as(shop, &header, body).await
}

pub async fn post_as(shop: &TestApp, signature: &str, body: String) -> u16 {
    let request = Request::post("/webhooks/stripe")
        .header("content-type", "application/json")
        .header("stripe-signature", signature)
        .body(Body::from(body))
        .unwrap();
    shop.send(request).await.0
}

/// Delivers events and waits until the shop has looked into them.
pub async fn deliver(shop: &TestApp, fake: &Fake, events: &[Value]) {
    for event in events {
        assert_eq!(post(shop, fake, event).await, 200);
    }
    digest(shop).await;
}

/// Delivers what Stripe has to tell.
pub async fn deliver_all(shop: &TestApp, fake: &Fake) {
    let events = fake.take_events();
    deliver(shop, fake, &events).await;
}

/// Waits until every stored event was looked into once; those that could not be settled then wait for the sweep.
async fn digest(shop: &TestApp) {
    for _ in 0..LOOKS {
        let (mut new, now) = (0, shop.app.clock.now());
        for village in [shop.zhang.id, VillageId(0)] {
            let due = events::due(&shop.app.db, village, now, 500).await.unwrap();
            new += due.iter().filter(|event| event.tries == 0).count();
        }
        if new == 0 {
            return;
        }
        tokio::time::sleep(STEP).await;
    }
    panic!("events are left lying");
}

/// What is due, as the cron table does it.
pub async fn reconcile(shop: &TestApp) -> String {
    jobs::run_now(&shop.app, "reconcile").await.unwrap()
}

pub async fn status(shop: &TestApp, order: &Value) -> String {
    read(shop, order).await["status"].as_str().unwrap().to_owned()
}

/// (amount, state) of each refund, as the buyer sees them; those of one instant come in no order, so the smallest first.
pub async fn refunds(shop: &TestApp, order: &Value) -> Vec<(i64, String)> {
    let seen = read(shop, order).await;
    let row = |row: &Value| {
        (
            row["amount_fen"].as_i64().unwrap(),
            row["state"].as_str().unwrap().to_owned(),
        )
    };
    let mut rows: Vec<_> = seen["refunds"].as_array().unwrap().iter().map(row).collect();
    rows.sort();
    rows
}

pub async fn confirm(shop: &TestApp, order: &Value, fen: i64) {
    let body = json!({"received_into": "农商银行 6228", "amount_fen": fen, "reference": "流水 0042"});
    shop.must(
        Method::POST,
        &shop.zhang.accountant,
        &desk(order, "/confirm-payment"),
        body,
    )
    .await;
}

pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub fn at(shop: &TestApp) -> Timestamp {
    shop.app.clock.now()
}
