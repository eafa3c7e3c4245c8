//! Money on its way back through Stripe.

use axum::http::Method;
use cunji::id::parse_order_token;
use cunji::orders::store::read::held_by_refunds;
use cunji::transact;
use serde_json::{Value, json};

use super::{Fake, Fault, deliver_all, minutes, on_both, open, reconcile, refunds, status};
use crate::app::TestApp;
use crate::buyer::{assert_clean, desk, path, placed, problem, stand, wish_by};

/// An order of so many cases that was paid at Stripe.
async fn paid(shop: &TestApp, fake: &Fake, link: &str, key: &str, wallet: &str, cases: i64) -> Value {
    let order = placed(shop, link, key, &wish_by("stripe", cases)).await;
    let session = open(shop, &order).await;
    assert!(fake.pay(&session, wallet));
    deliver_all(shop, fake).await;
    assert_eq!(status(shop, &order).await, "paid");
    order
}

async fn give_back(shop: &TestApp, order: &Value, fen: i64) -> (u16, Value) {
    let body = json!({"amount_fen": fen, "reason": "少了一箱"});
    shop.post(&shop.zhang.accountant, &desk(order, "/refunds"), body)
        .await
}

fn rows(states: &[(i64, &str)]) -> Vec<(i64, String)> {
    states
        .iter()
        .map(|(fen, state)| (*fen, (*state).to_owned()))
        .collect()
}

/// The name of the only refund at Stripe.
fn only(fake: &Fake) -> String {
    let state = fake.lock();
    assert_eq!(state.refunds.len(), 1, "{:?}", state.refunds);
    state.refunds.keys().next().unwrap().clone()
}

#[tokio::test]
async fn a_paid_order_is_cancelled_and_refunded() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", "alipay", 2).await;
        fake.lock().slow_refunds = true;
        shop.must(Method::POST, "", &path(&order, "/cancel"), json!(null))
            .await;
        assert_eq!(refunds(shop, &order).await, rows(&[(13_600, "agreed")]));
        reconcile(shop).await;
        assert_eq!(refunds(shop, &order).await, rows(&[(13_600, "sent")]));
        assert_eq!(status(shop, &order).await, "cancelled");
        fake.finish_refund(&only(fake), true);
        deliver_all(shop, fake).await;
        assert_eq!(refunds(shop, &order).await, rows(&[(13_600, "done")]));
        assert_eq!(status(shop, &order).await, "refunded");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn parts_go_back_and_never_more_than_came() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", "card", 2).await;
        fake.lock().slow_refunds = true;
        assert_eq!(give_back(shop, &order, 5_000).await.0, 201);
        assert_eq!(give_back(shop, &order, 8_000).await.0, 201);
        let (code, answer) = give_back(shop, &order, 601).await;
        assert_eq!((code, problem(&answer)), (422, "invalid"), "open ones count");
        reconcile(shop).await;
        assert_eq!(give_back(shop, &order, 600).await.0, 201);
        reconcile(shop).await;
        let names: Vec<String> = fake.lock().refunds.keys().cloned().collect();
        assert_eq!(names.len(), 3);
        names.iter().for_each(|name| fake.finish_refund(name, true));
        deliver_all(shop, fake).await;
        assert_eq!(
            refunds(shop, &order).await,
            rows(&[(600, "done"), (5_000, "done"), (8_000, "done")])
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
async fn an_open_refund_holds_the_parcel() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let mut ids = Vec::new();
        for key in ["k1", "k2"] {
            let order = paid(shop, fake, &link, key, "card", 1).await;
            let (_, id) = parse_order_token(order["token"].as_str().unwrap()).unwrap();
            ids.push((id, order));
        }
        let (all, village) = (ids.iter().map(|(id, _)| *id).collect::<Vec<_>>(), shop.zhang.id);
        let held = async || transact!(shop.app.db, tx => held_by_refunds(tx, village, &all).await).unwrap();
        assert!(held().await.is_empty());
        assert_eq!(give_back(shop, &ids[1].1, 100).await.0, 201);
        assert_eq!(held().await, [ids[1].0]);
        reconcile(shop).await;
        assert!(held().await.is_empty(), "the money is back");
    })
    .await;
}

#[tokio::test]
async fn of_two_who_give_the_same_money_back_one_is_too_late() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", "card", 1).await;
        let (one, other) = tokio::join!(give_back(shop, &order, 6_800), give_back(shop, &order, 6_800));
        let mut codes = [one.0, other.0];
        codes.sort_unstable();
        assert_eq!(codes[0], 201);
        assert!([409, 422].contains(&codes[1]), "{one:?} {other:?}");
        reconcile(shop).await;
        only(fake);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_stripe_won_t_do_a_person_does_with_proof() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", "alipay", 1).await;
        fake.lock().slow_refunds = true;
        assert_eq!(give_back(shop, &order, 6_800).await.0, 201);
        reconcile(shop).await;
        fake.finish_refund(&only(fake), false);
        deliver_all(shop, fake).await;
        let (_, list) = shop
            .get(&shop.zhang.accountant, "/api/v1/refunds?open=true")
            .await;
        let row = &list["items"][0];
        assert_eq!(
            (&row["state"], &row["failure"]),
            (&json!("by_hand"), &json!("expired_or_canceled_card"))
        );
        let done = format!("/api/v1/refunds/{}/done", row["id"].as_str().unwrap());
        let proof = json!({"reference": "农商行 7781", "proof": "转入买家支付宝，回单存档 3 号"});
        let row = shop
            .must(Method::POST, &shop.zhang.accountant, &done, proof.clone())
            .await;
        assert_eq!((&row["state"], &row["proof"]), (&json!("done"), &proof["proof"]));
        // late news of the failure changes nothing
        deliver_all(shop, fake).await;
        shop.app.clock.advance(minutes(600));
        reconcile(shop).await;
        assert_eq!(refunds(shop, &order).await, rows(&[(6_800, "done")]));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn money_that_a_bank_sends_back_is_ours_again() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = paid(shop, fake, &link, "k1", "card", 1).await;
        shop.must(Method::POST, "", &path(&order, "/cancel"), json!(null))
            .await;
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "refunded");
        fake.take_events();
        fake.finish_refund(&only(fake), false);
        deliver_all(shop, fake).await;
        assert_eq!(status(shop, &order).await, "cancelled");
        assert_eq!(refunds(shop, &order).await, rows(&[(6_800, "by_hand")]));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_wallet_s_window_closes() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        let mut orders = Vec::new();
        for (key, wallet) in [("k1", "alipay"), ("k2", "wechat_pay"), ("k3", "card")] {
            orders.push(paid(shop, fake, &link, key, wallet, 1).await);
        }
        for (days, fen, states) in [
            (90, 100, ["by_hand", "done", "done"]),
            (180, 200, ["by_hand", "by_hand", "done"]),
        ] {
            shop.app.clock.advance(minutes(90 * 24 * 60));
            for (order, state) in orders.iter().zip(states) {
                assert_eq!(give_back(shop, order, fen).await.0, 201);
                reconcile(shop).await;
                assert_eq!(
                    refunds(shop, order).await.last(),
                    Some(&(fen, state.to_owned())),
                    "{days}"
                );
            }
        }
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_is_made_once_whatever_fails() {
    use Fault::{Away, Broken, BrokenAfter, Busy, Dead, DeadAfter};
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        for (number, faults) in [
            vec![Some(Dead), Some(Dead), Some(Dead)],
            vec![Some(DeadAfter), Some(Dead), Some(Dead)],
            vec![Some(Broken)],
            vec![Some(BrokenAfter)],
            vec![Some(Away), Some(Broken), None, Some(Busy)],
            vec![Some(DeadAfter); 3],
        ]
        .into_iter()
        .enumerate()
        {
            fake.lock().refunds.clear();
            let order = paid(shop, fake, &link, &format!("k{number}"), "card", 1).await;
            assert_eq!(give_back(shop, &order, 6_800).await.0, 201);
            fake.fail(&faults);
            for _ in 0..6 {
                reconcile(shop).await;
                shop.app.clock.advance(minutes(60));
            }
            assert_eq!(
                refunds(shop, &order).await,
                rows(&[(6_800, "done")]),
                "{faults:?}"
            );
            only(fake);
            fake.lock().faults.clear();
        }
        assert_clean(shop).await;
    })
    .await;
}
