//! A payment that was confirmed and never came.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{confirm, list, seen, sweep};
use crate::app::{TestApp, fields, on_both};
use crate::batches;
use crate::buyer::{assert_clean, desk, left, path, placed, problem, read, stand, wish, wish_by};

/// The address that reverses an order's newest payment that was confirmed.
async fn reversal(shop: &TestApp, order: &Value) -> String {
    let rows = list(shop, "/api/v1/payments").await;
    let is_it =
        |row: &&Value| row["order"] == order["number"] && row["state"] == "paid" && row["reversed"].is_null();
    let row = rows.iter().find(is_it).unwrap();
    format!("/api/v1/payments/{}/reverse", row["id"].as_str().unwrap())
}

async fn reverse(shop: &TestApp, order: &Value) -> (u16, Value) {
    let way = reversal(shop, order).await;
    let because = json!({"reason": "看错了，是别人的款"});
    shop.post(&shop.zhang.accountant, &way, because).await
}

#[tokio::test]
async fn a_payment_that_never_came_is_reversed_by_an_entry() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        confirm(shop, &shop.zhang.accountant, &order, 13_600).await;
        let way = reversal(shop, &order).await;
        assert_eq!(
            shop.post(&shop.zhang.packer, &way, json!({"reason": "看错了"}))
                .await
                .0,
            403
        );
        assert_eq!(
            shop.post(&shop.li.manager, &way, json!({"reason": "看错了"}))
                .await
                .0,
            404
        );
        let (status, answer) = shop
            .post(&shop.zhang.accountant, &way, json!({"reason": ""}))
            .await;
        assert_eq!((status, fields(&answer)), (422, vec!["reason"]));
        let (status, after) = reverse(shop, &order).await;
        assert_eq!(
            (status, &after["status"], &after["paid_at"], &after["pay_before"]),
            (
                200,
                &json!("awaiting_payment"),
                &Value::Null,
                &json!("2024-01-21T02:00:00Z")
            )
        );
        assert_eq!(left(shop, &link).await, 3, "the goods are kept");
        let row = &list(shop, "/api/v1/payments").await[0];
        assert_eq!(
            (&row["state"], &row["reversed"]),
            (&json!("paid"), &json!("看错了，是别人的款"))
        );
        assert_eq!(
            list(shop, "/api/v1/confirmations").await[0]["reversed"],
            row["reversed"]
        );
        let (status, answer) = shop
            .post(&shop.zhang.accountant, &way, json!({"reason": "再来"}))
            .await;
        assert_eq!((status, problem(&answer)), (409, "reversed-before"));
        let (_, day) = shop.get(&shop.zhang.accountant, "/api/v1/daily-close").await;
        assert_eq!(
            (&day["methods"][0]["in_fen"], &day["methods"][0]["reversed_fen"]),
            (&json!(13_600), &json!(13_600))
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn after_a_reversal_the_money_may_come_or_not() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        confirm(shop, &shop.zhang.accountant, &order, 13_600).await;
        reverse(shop, &order).await;
        // the money comes after all
        assert_eq!(
            confirm(shop, &shop.zhang.accountant, &order, 13_600).await["status"],
            "paid"
        );
        assert_clean(shop).await;
        reverse(shop, &order).await;
        shop.app.clock.advance(Duration::from_secs(25 * 3_600));
        sweep(shop).await;
        let over = read(shop, &order).await;
        assert_eq!(
            (&over["status"], &over["refunds"]),
            (&json!("expired"), &json!([])),
            "there is nothing to give back"
        );
        assert_eq!(left(shop, &link).await, 5);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_reversal_takes_refunds_back_that_nobody_has_sent() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let accountant = &shop.zhang.accountant;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        confirm(shop, accountant, &order, 6_800).await;
        let mut second = seen(6_800);
        second["reference"] = json!("流水 0002");
        second["as_surplus"] = json!(true);
        shop.must(
            Method::POST,
            accountant,
            &desk(&order, "/confirm-payment"),
            second,
        )
        .await;
        let all = shop
            .must(
                Method::POST,
                accountant,
                &desk(&order, "/refund-surplus"),
                Value::Null,
            )
            .await;
        assert_eq!(all["surplus_fen"], Value::Null);
        let (status, after) = reverse(shop, &order).await;
        assert_eq!(
            (status, &after["status"], &after["surplus_fen"]),
            (200, &json!("paid"), &Value::Null)
        );
        assert!(list(shop, "/api/v1/refunds?open=true").await.is_empty());
        assert_clean(shop).await;

        let other = placed(shop, &link, "k2", &wish(2)).await;
        confirm(shop, accountant, &other, 13_600).await;
        shop.must(Method::POST, "", &path(&other, "/cancel"), json!({}))
            .await;
        let (status, after) = reverse(shop, &other).await;
        assert_eq!((status, &after["status"]), (200, &json!("cancelled")));
        assert!(list(shop, "/api/v1/refunds?open=true").await.is_empty());
        sweep(shop).await;
        assert!(list(shop, "/api/v1/refunds?open=true").await.is_empty());
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn money_that_went_back_did_come() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let accountant = &shop.zhang.accountant;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        confirm(shop, accountant, &order, 6_800).await;
        let ask = json!({"amount_fen": 500, "reason": "箱子破损"});
        shop.must(Method::POST, accountant, &desk(&order, "/refunds"), ask)
            .await;
        let id = list(shop, "/api/v1/refunds?open=true").await[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let done = json!({"reference": "流水 0043"});
        shop.must(
            Method::POST,
            accountant,
            &format!("/api/v1/refunds/{id}/done"),
            done,
        )
        .await;
        let (status, answer) = reverse(shop, &order).await;
        assert_eq!((status, problem(&answer)), (409, "refunded-before"));
        let played = placed(shop, &link, "k2", &wish_by("practice", 1)).await;
        let step = shop
            .must(
                Method::POST,
                "",
                &path(&played, "/payments"),
                json!({"method": "practice"}),
            )
            .await;
        let payment = step["url"].as_str().unwrap().rsplit('/').next().unwrap();
        shop.must(
            Method::POST,
            "",
            &format!("/api/v1/practice/{payment}/pay"),
            Value::Null,
        )
        .await;
        let (status, answer) = reverse(shop, &played).await;
        assert_eq!((status, problem(&answer)), (409, "not-confirmed"));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_packed_stays_paid_and_cash_on_delivery_may_be_wrong() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        batches::opened(shop, 60).await;
        let accountant = &shop.zhang.accountant;
        let wired = placed(shop, &link, "k1", &wish(1)).await;
        confirm(shop, accountant, &wired, 6_800).await;
        let cash = placed(shop, &link, "k2", &wish_by("cod", 1)).await;
        batches::plan(shop, batches::request(true)).await;
        for batch in batches::all(shop).await {
            let parcels = batches::codes(shop, &batch).await;
            batches::must(shop, &batch, "release", json!({})).await;
            batches::must(shop, &batch, "pack", json!({"parcels": parcels})).await;
        }
        assert_eq!(read(shop, &wired).await["status"], "packed");
        let (status, answer) = reverse(shop, &wired).await;
        assert_eq!((status, problem(&answer)), (409, "already-packed"));
        assert_clean(shop).await;
        // the way out: the money that did come is confirmed first
        let wrong = reversal(shop, &wired).await;
        let mut right = seen(6_800);
        right["reference"] = json!("流水 0002");
        right["as_surplus"] = json!(true);
        shop.must(Method::POST, accountant, &desk(&wired, "/confirm-payment"), right)
            .await;
        let after = shop
            .must(Method::POST, accountant, &wrong, json!({"reason": "是别人的款"}))
            .await;
        assert_eq!(
            (&after["status"], &after["surplus_fen"]),
            (&json!("packed"), &Value::Null)
        );

        confirm(shop, accountant, &cash, 6_800).await;
        let rows = list(shop, "/api/v1/confirmations").await;
        assert_eq!(rows.iter().filter(|row| row["method"] == "cod").count(), 1);
        let (status, after) = reverse(shop, &cash).await;
        assert_eq!(
            (status, &after["status"], &after["paid_at"]),
            (200, &json!("packed"), &Value::Null)
        );
        confirm(shop, accountant, &cash, 6_800).await;
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_went_back_as_too_much_can_not_be_needed_after_all() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let accountant = &shop.zhang.accountant;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        confirm(shop, accountant, &order, 6_800).await;
        let first = reversal(shop, &order).await;
        shop.app.clock.advance(Duration::from_secs(1));
        let mut second = seen(6_800);
        second["reference"] = json!("流水 0002");
        second["as_surplus"] = json!(true);
        let way = |act: &str| desk(&order, act);
        shop.must(Method::POST, accountant, &way("/confirm-payment"), second)
            .await;
        shop.must(Method::POST, accountant, &way("/refund-surplus"), Value::Null)
            .await;
        let open = list(shop, "/api/v1/refunds?open=true").await;
        let done = format!("/api/v1/refunds/{}/done", open[0]["id"].as_str().unwrap());
        let proof = json!({"reference": "农商行 7781", "proof": "转回买家，回单 3 号"});
        shop.must(Method::POST, accountant, &done, proof).await;
        // the second payment has gone back, so that the first is what the order is paid with
        let because = json!({"reason": "看错了，是别人的款"});
        let (status, answer) = shop.post(accountant, &first, because).await;
        assert_eq!((status, problem(&answer)), (409, "refunded-before"));
        assert_eq!(read(shop, &order).await["status"], "paid");
        assert_clean(shop).await;
    })
    .await;
}
