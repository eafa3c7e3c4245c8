//! WeChat Pay's story through the built program with nothing but settings: order, code, paid by notification, cancelled,
//! refunded; and a start with a key that can't be used.

use cunji::clock::Clock;
use serde_json::{Value, json};

use super::shop::{BUYER, found, order, stock_of, stocked};
use super::{LOOKS, Place, STEP, Server, http, of_the_repo};
use crate::fake_wechat::{self, Delivery, Fake};

fn key(name: &str) -> String {
    of_the_repo(&format!("tests/fakes/wechat/keys/{name}"))
}

fn place(engine: &str, fake: &Fake) -> Place {
    Place::on(engine)
        .with("CUNJI_PAYMENTS", "wechat,transfer")
        .with("WECHAT_API_BASE", fake.base())
        .with("WECHAT_MCH_ID", fake_wechat::MCH_ID)
        .with("WECHAT_APP_ID", fake_wechat::APP_ID)
        .with("WECHAT_SERIAL", fake_wechat::SERIAL)
        .with("WECHAT_KEY_FILE", &key("merchant_key.pem"))
        .with("WECHAT_API_V3_KEY_FILE", &key("api_v3_key.txt"))
        .with("WECHAT_PUBLIC_KEY_ID", fake_wechat::PUBLIC_KEY_ID)
        .with("WECHAT_PUBLIC_KEY_FILE", &key("platform_public_key.pem"))
}

async fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let answer = http::send(server.address, method, path, headers, body)
        .await
        .unwrap();
    assert!(
        (200..300).contains(&answer.status),
        "{path}: {} {}",
        answer.status,
        answer.text()
    );
    answer.json()
}

async fn becomes(server: &Server, order: &str, status: &str) {
    for _ in 0..LOOKS {
        if ask(server, "GET", order, &[], "").await["status"] == status {
            return;
        }
        tokio::time::sleep(STEP).await;
    }
    panic!("never {status}: {}", server.log());
}

async fn story(engine: &str) {
    let fake = Fake::start(Clock::Real, Delivery::Posted { faster: 100 }, 0).await;
    let place = place(engine, &fake);
    let token = found(&place);
    let server = place.serve();
    server.ready().await;
    let link = stocked(&server, &token, &[("MS10", 100)]).await;
    let (body, path) = (
        order("MS10").replace("transfer", "wechat"),
        format!("/api/v1/links/{link}/orders"),
    );
    let placed = ask(&server, "POST", &path, &[("idempotency-key", "k1")], &body).await;
    let public = placed["token"].as_str().unwrap();
    let order = format!("/api/v1/orders/{public}");
    let step = ask(
        &server,
        "POST",
        &format!("{order}/payments"),
        &[],
        r#"{"method":"wechat"}"#,
    )
    .await;
    assert_eq!(step["kind"], "qr", "{step}");
    let [at_wechat] = fake.orders().try_into().unwrap();
    fake.pay(&at_wechat.out_trade_no).unwrap();
    becomes(&server, &order, "paid").await;
    let cancelled = ask(&server, "POST", &format!("{order}/cancel"), &[], "").await;
    assert_eq!(cancelled["status"], "cancelled");
    // the program's own cron table sends it
    for _ in 0..LOOKS {
        if !fake.refunds().is_empty() {
            break;
        }
        tokio::time::sleep(STEP).await;
    }
    let [back] = fake.refunds().try_into().unwrap();
    fake.end_refund(&back.out_refund_no, "SUCCESS").unwrap();
    becomes(&server, &order, "refunded").await;
    assert_eq!(stock_of(&server, &token, "MS10").await, (0, 100));
    let log = server.stop();
    let [name, phone, street] = BUYER;
    let secrets = [
        public,
        name,
        phone,
        street,
        fake_wechat::API_V3_KEY,
        "PRIVATE KEY",
        "oUpF8",
        "WECHATPAY2-SHA256",
    ];
    for word in secrets
        .into_iter()
        .chain([at_wechat.out_trade_no.as_str(), &back.out_refund_no])
    {
        assert!(!log.contains(word), "{word} in the log: {log}");
    }
    place.check();
}

#[tokio::test]
async fn ordered_paid_cancelled_refunded_on_sqlite() {
    story("sqlite").await;
}

#[tokio::test]
async fn ordered_paid_cancelled_refunded_on_postgresql() {
    story("postgres").await;
}

#[tokio::test]
async fn a_key_that_can_not_be_used_stops_the_start() {
    let fake = Fake::start(Clock::Real, Delivery::Held, 0).await;
    for (name, file) in [
        ("WECHAT_KEY_FILE", key("platform_public_key.pem")),
        ("WECHAT_API_V3_KEY_FILE", key("merchant_key.pem")),
        ("WECHAT_PUBLIC_KEY_FILE", key("merchant_key.pem")),
        ("WECHAT_KEY_FILE", "nowhere.pem".to_owned()),
    ] {
        let ran = place("sqlite", &fake).with(name, &file).run(&["serve"], "");
        assert_eq!(ran.code, 2, "{name}");
        assert!(ran.err.contains(name) && !ran.err.contains("MII"), "{}", ran.err);
    }
    let asked = json!(fake.calls());
    assert_eq!(asked, json!([]), "nobody was asked anything");
}
