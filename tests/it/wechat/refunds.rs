//! Money on its way back through WeChat.

use axum::http::Method;
use serde_json::{Value, json};

use super::{cancel, deliver, on_both, open, pay};
use crate::app::TestApp;
use crate::buyer::{assert_clean, desk, placed, stand, wish_by};
use crate::fake_wechat::{Fake, Fault};
use crate::stripe::{minutes, reconcile, refunds, status};

/// An order of so many cases that was paid by WeChat.
async fn paid(shop: &TestApp, fake: &Fake, link: &str, key: &str, cases: i64) -> Value {
    let order = placed(shop, link, key, &wish_by("wechat", cases)).await;
    let no = open(shop, fake, &order).await;
    pay(shop, fake, &no).await;
    assert_eq!(status(shop, &order).await, "paid");
    order
}

async fn give_back(shop: &TestApp, order: &Value, fen: i64) {
    let body = json!({"amount_fen": fen, "reason": "少了一箱"});
    shop.must(
        Method::POST,
        &shop.zhang.accountant,
        &desk(order, "/refunds"),
        body,
    )
    .await;
}

fn rows(states: &[(i64, &str)]) -> Vec<(i64, String)> {
    states
        .iter()
        .map(|(fen, state)| (*fen, (*state).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_paid_order_is_cancelled_and_refunded() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", 2).await;
        cancel(shop, &order).await;
        reconcile(shop).await;
        assert_eq!(refunds(shop, &order).await, rows(&[(13_600, "sent")]));
        let [back] = fake.refunds().try_into().unwrap();
        assert_eq!((back.amount, back.total), (13_600, 13_600));
        let event = fake.end_refund(&back.out_refund_no, "SUCCESS").unwrap();
        deliver(shop, fake, &event).await;
        deliver(shop, fake, &event).await;
        assert_eq!(refunds(shop, &order).await, rows(&[(13_600, "done")]));
        assert_eq!(status(shop, &order).await, "refunded");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn parts_go_back_and_a_lost_notification_costs_time_only() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", 2).await;
        give_back(shop, &order, 5_000).await;
        reconcile(shop).await;
        give_back(shop, &order, 8_600).await;
        reconcile(shop).await;
        assert_eq!(
            refunds(shop, &order).await,
            rows(&[(5_000, "sent"), (8_600, "sent")])
        );
        for back in fake.refunds() {
            fake.end_refund(&back.out_refund_no, "SUCCESS").unwrap();
        }
        shop.app.clock.advance(minutes(60));
        reconcile(shop).await;
        assert_eq!(
            refunds(shop, &order).await,
            rows(&[(5_000, "done"), (8_600, "done")])
        );
        assert_eq!(
            status(shop, &order).await,
            "paid",
            "the goods are still to be sent"
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_sends_no_money_twice() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        fake.end_refunds("SUCCESS");
        for (number, fault) in [
            Fault::Error,
            Fault::ErrorAfter,
            Fault::Drop,
            Fault::DropAfter,
            Fault::WrongSignature,
        ]
        .into_iter()
        .enumerate()
        {
            let order = paid(shop, fake, &link, &format!("k{number}"), 1).await;
            give_back(shop, &order, 800).await;
            fake.fail(&[fault]);
            reconcile(shop).await;
            assert_eq!(refunds(shop, &order).await, rows(&[(800, "sent")]), "{fault:?}");
            shop.app.clock.advance(minutes(5));
            reconcile(shop).await;
            assert_eq!(refunds(shop, &order).await, rows(&[(800, "done")]), "{fault:?}");
            assert_eq!(fake.refunds().len(), number + 1, "{fault:?}");
        }
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_wechat_can_not_pay_out_is_left_to_staff() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        for (key, end, words) in [
            ("k1", "ABNORMAL", "merchant platform"),
            ("k2", "CLOSED", "CLOSED"),
        ] {
            let order = paid(shop, fake, &link, key, 1).await;
            give_back(shop, &order, 6_800).await;
            reconcile(shop).await;
            let back = fake
                .refunds()
                .into_iter()
                .find(|it| it.status == "PROCESSING")
                .unwrap();
            let event = fake.end_refund(&back.out_refund_no, end).unwrap();
            deliver(shop, fake, &event).await;
            assert_eq!(refunds(shop, &order).await, rows(&[(6_800, "by_hand")]), "{end}");
            let (_, list) = shop
                .get(&shop.zhang.accountant, "/api/v1/refunds?open=true")
                .await;
            let failure = list["items"][0]["failure"].as_str().unwrap();
            assert!(failure.contains(words), "{failure}");
            assert_clean(shop).await;
        }
    })
    .await;
}

#[tokio::test]
async fn after_half_a_year_money_goes_back_by_hand() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", 1).await;
        shop.app.clock.advance(minutes(180 * 24 * 60));
        give_back(shop, &order, 6_800).await;
        reconcile(shop).await;
        assert_eq!(refunds(shop, &order).await, rows(&[(6_800, "by_hand")]));
        assert!(fake.refunds().is_empty());
        assert_clean(shop).await;
    })
    .await;
}
