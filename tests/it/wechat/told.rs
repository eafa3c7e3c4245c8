//! What the webhook takes and what it refuses, and what the log says of that.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use cunji::audit::check;
use serde_json::Value;
use tracing::instrument::WithSubscriber;

use super::{deliver, on_both, open, post};
use crate::app::{self, TestApp};
use crate::buyer::{assert_clean, placed, stand, wish_by};
use crate::fake_wechat::{Fake, Twist};
use crate::stripe::status;

/// How many events the shop has stored.
async fn stored(shop: &TestApp) -> i64 {
    let findings = check(&shop.app.db).await.unwrap();
    let of = |name: &str| name.starts_with("a provider's event has one outcome");
    findings.iter().find(|finding| of(finding.name)).unwrap().rows
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Posts a notification; its status, and what was logged meanwhile.
async fn logged(shop: &TestApp, fake: &Fake, event: &str, twist: Twist) -> (u16, String) {
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let status = post(shop, fake, event, twist).with_subscriber(lines).await;
    let bytes = log.0.lock().unwrap().clone();
    (status, String::from_utf8(bytes).unwrap())
}

async fn opened(shop: &TestApp, fake: &Fake) -> (Value, String) {
    let link = stand(shop, 5).await;
    let order = placed(shop, &link, "k1", &wish_by("wechat", 1)).await;
    let no = open(shop, fake, &order).await;
    (order, no)
}

#[tokio::test]
async fn only_what_wechat_has_signed_just_now_is_taken() {
    on_both(async |shop, fake| {
        let (order, no) = opened(shop, fake).await;
        let event = fake.pay(&no).unwrap();
        for (twist, why) in [
            (
                Twist::WrongSerial,
                "names a key that is not in WECHAT_PUBLIC_KEY_FILE",
            ),
            (
                Twist::Certificate,
                "names a key that is not in WECHAT_PUBLIC_KEY_FILE",
            ),
            (Twist::WrongSignature, "the signature is wrong"),
            (Twist::OldStamp, "more than five minutes off"),
            (Twist::WrongTag, "does not open with the APIv3 key"),
            (Twist::Probe, "one of WeChat's probes"),
        ] {
            let (status, log) = logged(shop, fake, &event, twist).await;
            assert_eq!(status, 400, "{twist:?}");
            assert!(log.contains(why), "{twist:?}: {log}");
            let told = fake.message(&event, Twist::Genuine).unwrap();
            let body: Value = serde_json::from_str(&told.body).unwrap();
            let sealed = body["resource"]["ciphertext"].as_str().unwrap();
            for content in [
                no.as_str(),
                &event,
                "ciphertext",
                "SIGNTEST",
                "TRANSACTION",
                &sealed[..20],
            ] {
                assert!(!log.contains(content), "{twist:?}: {content} in {log}");
            }
        }
        assert_eq!(
            (stored(shop).await, status(shop, &order).await),
            (0, "awaiting_payment".into())
        );
        for _ in 0..3 {
            deliver(shop, fake, &event).await;
        }
        assert_eq!(
            (stored(shop).await, status(shop, &order).await),
            (1, "paid".into())
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_notification_is_no_reason_to_believe_in_money() {
    on_both(async |shop, fake| {
        let (order, no) = opened(shop, fake).await;
        // signed by WeChat and about us, but WeChat's books say that nothing was paid
        for content in [
            serde_json::json!({"out_trade_no": no, "trade_state": "SUCCESS", "amount": {"total": 6_800}}),
            serde_json::json!({"out_trade_no": "another-shops", "trade_state": "SUCCESS"}),
            serde_json::json!({"out_trade_no": no, "out_refund_no": "another-shops"}),
            serde_json::json!({"out_trade_no": "10000000000000000000000000"}),
            serde_json::json!({"something": "else"}),
        ] {
            let url = "https://shop.example/webhooks/wechat".to_owned();
            let event = fake.tell("TRANSACTION.SUCCESS", content, url);
            deliver(shop, fake, &event).await;
        }
        assert_eq!(
            (stored(shop).await, status(shop, &order).await),
            (5, "awaiting_payment".into())
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn rubbish_is_refused() {
    on_both(async |shop, _| {
        for body in ["", "{}", "not json", "\0"] {
            let request = Request::post("/webhooks/wechat").body(Body::from(body)).unwrap();
            assert_eq!(shop.send(request).await.0, 400, "{body:?}");
        }
        let huge = Request::post("/webhooks/wechat")
            .body(Body::from("x".repeat(600_000)))
            .unwrap();
        assert_eq!(shop.send(huge).await.0, 413);
    })
    .await;
    app::on_both(async |shop| {
        let request = Request::post("/webhooks/wechat").body(Body::from("{}")).unwrap();
        assert_eq!(shop.send(request).await.0, 404, "a shop without WeChat Pay");
    })
    .await;
}
