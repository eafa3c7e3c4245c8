//! Money that only staff have seen: evidence, a second person above the limit, too little, too much, and never.

mod reversed;

use std::time::Duration;

use axum::http::Method;
use cunji::{jobs, on, transact};
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::buyer::{assert_clean, desk, left, placed, problem, read, stand, wish, wish_by};

fn seen(fen: i64) -> Value {
    json!({"received_into": "农商银行 6228", "amount_fen": fen, "reference": "流水 0042"})
}

async fn confirm(shop: &TestApp, token: &str, order: &Value, fen: i64) -> Value {
    let way = desk(order, "/confirm-payment");
    shop.must(Method::POST, token, &way, seen(fen)).await
}

async fn list(shop: &TestApp, path: &str) -> Vec<Value> {
    let (status, page) = shop.get(&shop.zhang.accountant, path).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn limit(shop: &TestApp, fen: i64) {
    let change = json!({"second_person_above_fen": fen});
    shop.must(Method::PATCH, &shop.zhang.manager, "/api/v1/village", change)
        .await;
}

/// The address of the newest confirmation.
async fn newest(shop: &TestApp, act: &str) -> String {
    let mut rows = list(shop, "/api/v1/confirmations").await;
    // those of one instant come in no order
    rows.sort_by_key(|row| row["state"] != "waiting");
    format!("/api/v1/confirmations/{}/{act}", rows[0]["id"].as_str().unwrap())
}

async fn sweep(shop: &TestApp) {
    for job in ["expire-holds", "reconcile"] {
        jobs::run_now(&shop.app, job).await.unwrap();
    }
}

/// (missing, surplus) of the orders whose money is not their price.
async fn uneven(shop: &TestApp) -> Vec<(i64, i64)> {
    let rows = list(shop, "/api/v1/uneven-orders").await;
    let fen = |row: &Value, name: &str| row[name].as_i64().unwrap();
    rows.iter()
        .map(|row| (fen(row, "missing_fen"), fen(row, "surplus_fen")))
        .collect()
}

#[tokio::test]
async fn what_was_seen_is_kept() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        let way = desk(&order, "/confirm-payment");
        let mut told = seen(6_800);
        told["channel"] = json!("alipay");
        told["received_at"] = json!("2024-01-20T01:30:00Z");
        told["note"] = json!("买家 的 父亲付的");
        let mut wrong = told.clone();
        wrong["received_at"] = json!("2024-01-20T02:00:01Z");
        let (status, answer) = shop.post(&shop.zhang.accountant, &way, wrong).await;
        assert_eq!((status, fields(&answer)), (422, vec!["received_at"]));
        let mut wrong = told.clone();
        wrong["channel"] = json!("shells");
        assert_eq!(shop.post(&shop.zhang.accountant, &way, wrong).await.0, 422);
        shop.must(Method::POST, &shop.zhang.accountant, &way, told.clone())
            .await;
        let rows = list(shop, "/api/v1/confirmations").await;
        for field in [
            "received_into",
            "amount_fen",
            "reference",
            "channel",
            "received_at",
            "note",
        ] {
            assert_eq!(rows[0][field], told[field], "{field}");
        }
        assert_eq!(
            (&rows[0]["state"], &rows[0]["confirmed_by"], &rows[0]["method"]),
            (&json!("counted"), &json!("accountant-zhang"), &json!("transfer"))
        );
        assert_eq!(rows[0]["payment"], list(shop, "/api/v1/payments").await[0]["id"]);
        let (_, others) = shop.get(&shop.li.accountant, "/api/v1/confirmations").await;
        assert_eq!(others["items"], json!([]), "a stranger's");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn above_the_limit_another_person_has_to_agree() {
    on_both(async |shop| {
        limit(shop, 10_000).await;
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let (accountant, manager) = (&shop.zhang.accountant, &shop.zhang.manager);
        let waits = confirm(shop, accountant, &order, 13_600).await;
        assert_eq!(
            (&waits["status"], &waits["checking_fen"]),
            (&json!("awaiting_payment"), &json!(13_600))
        );
        let (status, answer) = shop
            .post(accountant, &desk(&order, "/confirm-payment"), seen(13_600))
            .await;
        assert_eq!(
            (status, problem(&answer)),
            (409, "waits-already"),
            "a double click"
        );
        assert_eq!(
            list(shop, "/api/v1/payments").await.len(),
            0,
            "nothing counts yet"
        );
        let (_, page) = shop
            .get("", &format!("/o/{}", order["token"].as_str().unwrap()))
            .await;
        assert!(page.as_str().unwrap().contains("正在核对"), "{page}");

        let agree = newest(shop, "agree").await;
        let (status, answer) = shop.post(accountant, &agree, Value::Null).await;
        assert_eq!((status, problem(&answer)), (409, "second-person"));
        assert_eq!(shop.post(&shop.zhang.packer, &agree, Value::Null).await.0, 403);
        assert_eq!(shop.post(&shop.li.manager, &agree, Value::Null).await.0, 404);
        // the goods are kept for a day, since the money is there
        shop.app.clock.advance(Duration::from_secs(23 * 3_600));
        sweep(shop).await;
        assert_eq!(
            (
                read(shop, &order).await["status"].as_str(),
                left(shop, &link).await
            ),
            (Some("awaiting_payment"), 3)
        );
        let row = shop.must(Method::POST, manager, &agree, Value::Null).await;
        assert_eq!(
            (&row["state"], &row["confirmed_by"], &row["settled_by"]),
            (
                &json!("counted"),
                &json!("accountant-zhang"),
                &json!("manager-zhang")
            )
        );
        let paid = read(shop, &order).await;
        assert_eq!(
            (&paid["status"], &paid["checking_fen"]),
            (&json!("paid"), &Value::Null)
        );
        is_settled_once(shop).await;
        assert_clean(shop).await;
    })
    .await;
}

/// The newest confirmation has its end.
async fn is_settled_once(shop: &TestApp) {
    for act in ["agree", "take-back"] {
        let body = if act == "agree" {
            Value::Null
        } else {
            json!({"reason": "看错了"})
        };
        let way = newest(shop, act).await;
        let (status, answer) = shop.post(&shop.zhang.manager, &way, body).await;
        assert_eq!((status, problem(&answer)), (409, "settled-before"), "{act}");
    }
}

#[tokio::test]
async fn a_large_amount_does_not_pass_in_parts_and_either_may_take_it_back() {
    on_both(async |shop| {
        limit(shop, 10_000).await;
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let (accountant, manager) = (&shop.zhang.accountant, &shop.zhang.manager);
        assert_eq!(
            confirm(shop, accountant, &order, 10_000).await["missing_fen"],
            3_600
        );
        for who in [accountant, manager] {
            let waits = confirm(shop, accountant, &order, 3_600).await;
            assert_eq!(waits["checking_fen"], 3_600, "one person alone is at the limit");
            let way = newest(shop, "take-back").await;
            let row = shop
                .must(Method::POST, who, &way, json!({"reason": "还没到账"}))
                .await;
            assert_eq!(row["state"], "taken_back");
        }
        assert_eq!(list(shop, "/api/v1/confirmations?waiting=true").await.len(), 0);
        limit(shop, 0).await;
        let paid = confirm(shop, accountant, &order, 3_600).await;
        assert_eq!(paid["status"], "paid", "without a limit one person is enough");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_database_itself_wants_two_people() {
    on_both(async |shop| {
        limit(shop, 1).await;
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        let practice = placed(shop, &link, "k2", &wish_by("cod", 1)).await;
        confirm(shop, &shop.zhang.accountant, &order, 6_800).await;
        limit(shop, 0).await;
        confirm(shop, &shop.zhang.accountant, &practice, 6_800).await;
        let alone = transact!(shop.app.db, tx => Ok(on!(tx, ex => sqlx::query(
            "UPDATE confirmation SET state = 'counted', settled_by = confirmed_by, settled_at = confirmed_at,
                 payment_id = (SELECT payment.id FROM payment WHERE payment.state = 'paid') WHERE state = 'waiting'")
            .execute(ex).await.map(|_| ()))?));
        assert!(alone.unwrap_err().is_check_violation());
        let nobody = transact!(shop.app.db, tx => Ok(on!(tx, ex => sqlx::query(
            "UPDATE confirmation SET state = 'counted',
                 payment_id = (SELECT payment.id FROM payment WHERE payment.state = 'paid') WHERE state = 'waiting'")
            .execute(ex).await.map(|_| ()))?));
        assert!(nobody.unwrap_err().is_check_violation());
    })
    .await;
}

#[tokio::test]
async fn a_part_waits_for_the_rest_and_goes_back_when_it_never_comes() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let part = confirm(shop, &shop.zhang.accountant, &order, 10_000).await;
        assert_eq!(
            (&part["status"], &part["missing_fen"], &part["surplus_fen"]),
            (&json!("awaiting_payment"), &json!(3_600), &Value::Null)
        );
        assert_eq!(uneven(shop).await, [(3_600, 0)]);
        let (_, page) = shop
            .get("", &format!("/o/{}", order["token"].as_str().unwrap()))
            .await;
        assert!(page.as_str().unwrap().contains("还差 ¥36.00"), "{page}");
        assert_clean(shop).await;
        shop.app.clock.advance(Duration::from_secs(31 * 60));
        sweep(shop).await;
        let over = read(shop, &order).await;
        assert_eq!(
            (&over["status"], &over["missing_fen"]),
            (&json!("expired"), &Value::Null)
        );
        assert_eq!(over["refunds"][0]["amount_fen"], 10_000);
        assert_eq!(over["refunds"][0]["state"], "by_hand");
        assert!(uneven(shop).await.is_empty());
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_surplus_is_seen_and_goes_back_with_one_click() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        let (accountant, way) = (&shop.zhang.accountant, desk(&order, "/refund-surplus"));
        let (status, answer) = shop.post(accountant, &way, Value::Null).await;
        assert_eq!((status, problem(&answer)), (409, "no-surplus"));
        let paid = confirm(shop, accountant, &order, 7_000).await;
        assert_eq!(
            (&paid["status"], &paid["surplus_fen"]),
            (&json!("paid"), &json!(200))
        );
        let mut second = seen(6_800);
        let confirm_way = desk(&order, "/confirm-payment");
        let (status, answer) = shop.post(accountant, &confirm_way, second.clone()).await;
        assert_eq!((status, problem(&answer)), (409, "already-paid"));
        second["as_surplus"] = json!(true);
        let twice = shop
            .must(Method::POST, accountant, &confirm_way, second.clone())
            .await;
        let (status, answer) = shop.post(accountant, &confirm_way, second).await;
        assert_eq!(
            (status, problem(&answer)),
            (409, "confirmed-before"),
            "a form sent twice"
        );
        assert_eq!(twice["surplus_fen"], 7_000);
        assert_eq!(uneven(shop).await, [(0, 7_000)]);
        assert_clean(shop).await;
        assert_eq!(shop.post(&shop.zhang.host, &way, Value::Null).await.0, 403);
        let (status, after) = shop.post(accountant, &way, Value::Null).await;
        assert_eq!((status, &after["surplus_fen"]), (201, &Value::Null));
        let back: i64 = after["refunds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["amount_fen"].as_i64().unwrap())
            .sum();
        assert_eq!(back, 7_000);
        assert!(uneven(shop).await.is_empty());
        let (status, answer) = shop.post(accountant, &way, Value::Null).await;
        assert_eq!((status, problem(&answer)), (409, "no-surplus"));
        assert_clean(shop).await;
    })
    .await;
}
