//! A day's money against WeChat's bill, and what the morning puts right by itself.

use cunji::jobs;
use serde_json::{Value, json};

use super::{cancel, newest, on_both, open, pay};
use crate::app::TestApp;
use crate::buyer::{assert_clean, placed, problem, stand, wish_by};
use crate::fake_wechat::Fault;
use crate::stripe::{minutes, reconcile, refunds, status};

async fn day(shop: &TestApp) -> (u16, Value) {
    let path = "/api/v1/reconciliation?provider=wechat&day=2024-01-20";
    let request = axum::http::Request::get(path)
        .header("authorization", format!("Bearer {}", shop.zhang.accountant))
        .body(axum::body::Body::empty())
        .unwrap();
    shop.send_any(request).await
}

#[tokio::test]
async fn a_day_closes_by_its_bill() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        fake.end_refunds("SUCCESS");
        for key in ["k1", "k2"] {
            let order = placed(shop, &link, key, &wish_by("wechat", 1)).await;
            let no = open(shop, fake, &order).await;
            pay(shop, fake, &no).await;
            if key == "k2" {
                cancel(shop, &order).await;
                reconcile(shop).await;
                assert_eq!(refunds(shop, &order).await, [(6_800, "done".to_owned())]);
            }
        }
        // 21 January, ten in the morning: the bill may still be made
        shop.app.clock.advance(minutes(24 * 60));
        let (code, answer) = day(shop).await;
        assert_eq!((code, problem(&answer)), (409, "no-bill-yet"));
        let close = "/api/v1/daily-close?day=2024-01-20";
        let (code, early) = shop.get(&shop.zhang.accountant, close).await;
        let row = &early["methods"][0];
        assert_eq!(
            (code, &early["closes"], &row["in_fen"]),
            (200, &json!(false), &json!(13_600))
        );
        assert_eq!(row["waits_until"], "2024-01-21T02:05:00Z");
        let told = jobs::run_now(&shop.app, "reconcile-day").await.unwrap();
        assert_eq!(told, "0 differences left", "nothing to compare with yet");
        shop.app.clock.advance(minutes(40));
        let (code, seen) = day(shop).await;
        assert_eq!(code, 200, "{seen}");
        let sums = (
            &seen["theirs_in_fen"],
            &seen["theirs_out_fen"],
            &seen["unexplained_fen"],
        );
        assert_eq!(sums, (&json!(13_600), &json!(6_800), &json!(0)), "{seen}");
        let (code, close) = shop.get(&shop.zhang.accountant, close).await;
        assert_eq!((code, &close["closes"]), (200, &json!(true)), "{close}");
        fake.fail(&[Fault::Error]);
        assert_eq!(day(shop).await.0, 503, "nothing is compared with half a bill");
    })
    .await;
}

#[tokio::test]
async fn the_morning_finds_what_was_never_told() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 1)).await;
        open(shop, fake, &order).await;
        // paid, but neither the notification nor a look has come through before the night
        fake.pay(&newest(fake)).unwrap();
        shop.app.clock.advance(minutes(24 * 60 + 40));
        let (_, seen) = day(shop).await;
        let found = &seen["differences"][0];
        assert_eq!(
            (&found["finding"], &found["theirs_fen"]),
            (&json!("theirs_only"), &json!(6_800))
        );
        assert_eq!(seen["unexplained_fen"], 6_800);
        let told = jobs::run_now(&shop.app, "reconcile-day").await.unwrap();
        assert_eq!(
            (told.as_str(), status(shop, &order).await.as_str()),
            ("0 differences left", "paid")
        );
        assert_eq!(day(shop).await.1["unexplained_fen"], 0);
        assert_clean(shop).await;
    })
    .await;
}
