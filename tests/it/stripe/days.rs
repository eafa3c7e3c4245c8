//! A day's money against Stripe's books, and what the night puts right by itself.

use serde_json::{Value, json};

use super::{Fake, deliver_all, minutes, on_both, open, reconcile, refunds, status};
use crate::app::{TestApp, fields};
use crate::buyer::{assert_clean, path, placed, stand, wish_by};
use cunji::jobs;

async fn day(shop: &TestApp, day: &str) -> Value {
    let path = format!("/api/v1/reconciliation?provider=stripe&day={day}");
    let (code, day) = shop.get(&shop.zhang.accountant, &path).await;
    assert_eq!(code, 200, "{day}");
    day
}

async fn close(shop: &TestApp, day: &str) -> Value {
    let (code, close) = shop
        .get(&shop.zhang.accountant, &format!("/api/v1/daily-close?day={day}"))
        .await;
    assert_eq!(code, 200, "{close}");
    close
}

async fn paid(shop: &TestApp, fake: &Fake, link: &str, key: &str) -> Value {
    let order = placed(shop, link, key, &wish_by("stripe", 1)).await;
    let session = open(shop, &order).await;
    assert!(fake.pay(&session, "card"));
    order
}

#[tokio::test]
async fn a_day_closes_when_every_fen_is_explained() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        let first = paid(shop, fake, &link, "k1").await;
        deliver_all(shop, fake).await;
        shop.must(
            axum::http::Method::POST,
            "",
            &path(&first, "/cancel"),
            json!(null),
        )
        .await;
        reconcile(shop).await;
        let seen = day(shop, "2024-01-20").await;
        assert_eq!(
            (
                &seen["theirs_in_fen"],
                &seen["theirs_out_fen"],
                &seen["unexplained_fen"]
            ),
            (&json!(6_800), &json!(6_800), &json!(0))
        );
        let seen = close(shop, "2024-01-20").await;
        assert_eq!(
            seen["methods"][0],
            json!({"method": "stripe", "payments": 1, "in_fen": 6_800, "refunds": 1,
            "out_fen": 6_800, "reversed_fen": 0, "unexplained_fen": 0})
        );
        assert_eq!(seen["closes"], true);

        // money whose payment was closed, and of which no event tells
        let late = placed(shop, &link, "k2", &wish_by("stripe", 1)).await;
        let session = open(shop, &late).await;
        shop.app.clock.advance(minutes(31));
        reconcile(shop).await;
        fake.pay_late(&session, "alipay");
        // money of nobody's, and an amount that differs
        let other = paid(shop, fake, &link, "k3").await;
        deliver_all_but_late(shop, fake, &session).await;
        {
            let mut state = fake.lock();
            let intent = state.intents.values_mut().last().unwrap();
            intent["amount"] = json!(6_700);
            let mut stranger = intent.clone();
            stranger["id"] = json!("pi_stranger");
            stranger["metadata"] = json!({});
            stranger["amount"] = json!(1_000);
            state.intents.insert("pi_stranger".into(), stranger);
        }
        let seen = day(shop, "2024-01-20").await;
        let rows = seen["differences"].as_array().unwrap();
        let mut found: Vec<_> = rows.iter().map(|row| row["finding"].as_str().unwrap()).collect();
        found.sort_unstable();
        assert_eq!(found, ["amounts_differ", "theirs_only", "theirs_only"], "{seen}");
        assert_eq!(seen["unexplained_fen"], 100 + 6_800 + 1_000);
        assert!(
            rows.iter()
                .all(|row| !row["next_step"].as_str().unwrap().is_empty())
        );
        assert_eq!(close(shop, "2024-01-20").await["closes"], false);

        shop.app.clock.advance(minutes(24 * 60));
        let said = jobs::run_now(&shop.app, "reconcile-day").await.unwrap();
        assert_eq!(said, "2 differences left", "the late money was found");
        assert_eq!(status(shop, &late).await, "paid");
        assert_eq!(status(shop, &other).await, "paid");
        assert_eq!(refunds(shop, &late).await, []);
        assert_clean(shop).await;
    })
    .await;
}

async fn deliver_all_but_late(shop: &TestApp, fake: &Fake, session: &str) {
    let events = fake.take_events().into_iter();
    let is_late = |event: &Value| {
        let object = &event["data"]["object"];
        object["id"] == session || object["metadata"] == fake.lock().session(session)["metadata"]
    };
    let events: Vec<Value> = events.filter(|event| !is_late(event)).collect();
    super::deliver(shop, fake, &events).await;
}

#[tokio::test]
async fn a_day_is_a_file_too_and_only_the_accountant_s() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        paid(shop, fake, &link, "k1").await;
        let path = "/api/v1/reconciliation?day=2024-01-20&format=csv";
        let (code, file) = shop.get(&shop.zhang.accountant, path).await;
        let text = file.as_str().unwrap();
        assert_eq!((code, text.lines().count()), (200, 2), "{text}");
        assert!(text.contains("只有对方") && text.contains("68.00"), "{text}");
        let (code, _) = shop
            .get(&shop.zhang.accountant, &path.replace("csv", "xlsx"))
            .await;
        assert_eq!(code, 200);
        for token in [&shop.zhang.packer, &shop.zhang.host] {
            assert_eq!(shop.get(token, path).await.0, 403);
        }
        let (_, li) = shop.get(&shop.li.accountant, &path.replace("csv", "json")).await;
        assert_eq!(li["differences"], json!([]), "another village's money");
        for (query, field) in [("day=today", "day"), ("day=2024-01-20&provider=gold", "provider")] {
            let (code, answer) = shop
                .get(&shop.zhang.accountant, &format!("/api/v1/reconciliation?{query}"))
                .await;
            assert_eq!((code, fields(&answer)), (422, vec![field]));
        }
    })
    .await;
}
