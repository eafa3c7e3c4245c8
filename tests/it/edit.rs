//! Edits of unpacked orders, and what they mean for money that was paid.

use std::time::Duration;

use axum::http::Method;
use cunji::on;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::assisted::{ORDERS, entry, order, recipient, stocked, wanted};
use crate::goods::{counts, item};
use crate::imports::broken;

pub async fn place(shop: &TestApp, link: Option<&str>, items: &[(&str, i64)], method: &str) -> Value {
    let body = order(link, items, method);
    shop.must(Method::POST, &shop.zhang.manager, ORDERS, body).await
}

pub fn text<'a>(order: &'a Value, field: &str) -> &'a str {
    order[field].as_str().unwrap()
}

pub async fn edit(shop: &TestApp, order: &Value, version: i64, change: Value) -> (u16, Value) {
    let mut body = json!({"version": version, "reason": "买家来电"});
    body.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    let path = format!("{ORDERS}/{}/edit", text(order, "number"));
    shop.post(&shop.zhang.manager, &path, body).await
}

pub async fn edited(shop: &TestApp, order: &Value, version: i64, items: &[(&str, i64)]) -> Value {
    let (status, after) = edit(shop, order, version, json!({"items": wanted(items)})).await;
    assert_eq!(status, 200, "{after}");
    after
}

pub async fn answer(shop: &TestApp, order: &Value, version: i64, word: &str) -> (u16, Value) {
    let path = format!("{ORDERS}/{}/changes/{version}/{word}", text(order, "token"));
    shop.post("", &path, Value::Null).await
}

pub async fn open_payment(shop: &TestApp, order: &Value) -> String {
    let path = format!("{ORDERS}/{}/payments", text(order, "token"));
    let step = shop
        .must(Method::POST, "", &path, json!({"method": "practice"}))
        .await;
    let payment = text(&step, "url").rsplit('/').next().unwrap();
    format!("/api/v1/practice/{payment}/pay")
}

pub async fn pay(shop: &TestApp, order: &Value) -> Value {
    let path = open_payment(shop, order).await;
    shop.must(Method::POST, "", &path, Value::Null).await
}

pub async fn read(shop: &TestApp, order: &Value) -> Value {
    shop.get("", &format!("{ORDERS}/{}", text(order, "token")))
        .await
        .1
}

pub fn problem(answer: (u16, Value)) -> (u16, String) {
    (answer.0, answer.1["type"].as_str().unwrap_or_default().to_owned())
}

pub fn refused(status: u16, name: &str) -> (u16, String) {
    (status, format!("/problems/{name}"))
}

pub async fn held(shop: &TestApp) -> [i64; 2] {
    [
        counts(&item(shop, "FT05").await).1,
        counts(&item(shop, "HS10").await).1,
    ]
}

/// What the records of edits hold, as one text.
pub async fn records(shop: &TestApp) -> String {
    let village = shop.zhang.id;
    let db = &shop.app.db;
    let rows: Vec<(String, String)> = on!(db, ex => sqlx::query_as(
        "SELECT order_change.before, order_change.after FROM order_change WHERE order_change.village_id = $1")
        .bind(village).fetch_all(ex).await)
    .unwrap();
    format!("{rows:?}")
}

#[tokio::test]
async fn a_cheaper_order_is_changed_at_once_and_the_surplus_goes_back() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 2), ("BOX", 1)], "practice").await;
        let total = placed["total_fen"].as_i64().unwrap();
        assert_eq!(pay(shop, &placed).await["status"], "paid");
        let after = edited(shop, &placed, 1, &[("FT05", 1), ("BOX", 1)]).await;
        // 2.9 kg less: freight 8 yuan and one more kilogram
        let less = 6_800 + 3 * 200;
        assert_eq!(after["total_fen"], total - less);
        assert_eq!(
            [
                &after["status"],
                &after["version"],
                &after["refunds"][0]["amount_fen"]
            ],
            [&json!("paid"), &json!(2), &json!(less)]
        );
        let change = &after["changes"][0];
        assert_eq!(
            [
                &change["version"],
                &change["state"],
                &change["delta_fen"],
                &change["reason"]
            ],
            [&json!(2), &json!("applied"), &json!(-less), &json!("买家来电")]
        );
        assert_eq!(change["fields"], json!(["items"]));
        assert_eq!(
            change["items"],
            json!([{"sku": "FT05", "title": "纯红薯粉条", "quantity": 1, "price_fen": 6800},
                   {"sku": "BOX", "title": "纯红薯粉条", "quantity": 1, "price_fen": 9900}])
        );
        assert_eq!(held(shop).await, [2, 2]);
        let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations").await;
        assert_eq!(entry(&log, "order.edit")["subject"], placed["number"]);

        let cancel = format!("{ORDERS}/{}/cancel", text(&placed, "token"));
        let gone = shop.must(Method::POST, "", &cancel, Value::Null).await;
        assert_eq!(gone["status"], "refunded");
        assert_eq!(held(shop).await, [0, 0]);
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_new_recipient_is_not_kept_in_the_record() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 1)], "cod").await;
        let mut to = recipient();
        to["name"] = json!("苏小宇");
        to["phone"] = json!("13987654321");
        let change = json!({"recipient": to, "note": "放门卫"});
        let (status, after) = edit(shop, &placed, 1, change.clone()).await;
        assert_eq!(status, 200, "{after}");
        assert_eq!(
            after["changes"][0]["fields"],
            json!(["recipient.name", "recipient.phone", "note"])
        );
        assert_eq!(after["total_fen"], placed["total_fen"]);
        let unmask = format!("{ORDERS}/{}/unmask", text(&placed, "number"));
        let reason = json!({"reason": "核对"});
        let clear = shop.must(Method::POST, &shop.zhang.packer, &unmask, reason).await;
        assert_eq!(
            [&clear["name"], &clear["phone"]],
            [&json!("苏小宇"), &json!("13987654321")]
        );
        let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations").await;
        for kept in [records(shop).await, log.to_string()] {
            for secret in ["苏小宇", "苏宇", "13987654321", "文化路", "放门卫"] {
                assert!(!kept.contains(secret), "{secret} in {kept}");
            }
        }
        let (status, nothing) = edit(shop, &placed, 2, change).await;
        assert_eq!(
            (status, fields(&nothing)),
            (422, vec!["items"]),
            "nothing would change"
        );
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn an_edit_names_the_version_that_was_seen() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 3)], "cod").await;
        for version in [0, 2] {
            let (status, told) = edit(shop, &placed, version, json!({"note": "急"})).await;
            assert_eq!(
                (status, &told["type"], &told["current"]),
                (409, &json!("/problems/version-mismatch"), &json!(1))
            );
        }
        let items = |cases| json!({"items": wanted(&[("FT05", cases)])});
        let (one, other) = tokio::join!(
            edit(shop, &placed, 1, items(2)),
            edit(shop, &placed, 1, items(1))
        );
        let mut both = [one.0, other.0];
        both.sort_unstable();
        assert_eq!(both, [200, 409]);
        let left = read(shop, &placed).await["items"][0]["quantity"].as_i64().unwrap();
        assert_eq!(left, if one.0 == 200 { 2 } else { 1 });
        assert_eq!(held(shop).await, [left, 0]);

        let wrong = json!({"items": wanted(&[("FT05", 0)]), "reason": "", "recipient": {
            "name": "", "phone": "1", "province": "河南", "city": "郑州", "district": "金水", "street": "文化路1号"}});
        let (status, told) = edit(shop, &placed, 2, wrong).await;
        let expected = vec!["reason", "items[0].quantity", "recipient.name", "recipient.phone"];
        assert_eq!((status, fields(&told)), (422, expected));
        let path = format!("{ORDERS}/{}/edit", text(&placed, "number"));
        let body = json!({"version": 2, "reason": "买家来电", "note": "急"});
        for (token, status) in [
            ("", 401),
            (shop.zhang.host.as_str(), 403),
            (&shop.zhang.packer, 403),
            (&shop.li.manager, 404),
        ] {
            assert_eq!(shop.post(token, &path, body.clone()).await.0, status);
        }
        let nobody = format!("{ORDERS}/%00/edit");
        assert_eq!(shop.post(&shop.zhang.manager, &nobody, body).await.0, 404);
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_has_ended_or_is_packed_stays() {
    on_both(async |shop| {
        stocked(shop).await;
        let note = || json!({"note": "急"});
        let unpaid = place(shop, None, &[("FT05", 1)], "transfer").await;
        let gone = place(shop, None, &[("FT05", 1)], "cod").await;
        let cancel = format!("{ORDERS}/{}/cancel", text(&gone, "token"));
        shop.must(Method::POST, "", &cancel, Value::Null).await;
        assert_eq!(
            problem(edit(shop, &gone, 1, note()).await),
            refused(409, "order-ended")
        );

        let packed = place(shop, None, &[("FT05", 2)], "cod").await;
        edited(shop, &packed, 1, &[("FT05", 3)]).await;
        let (village, number) = (shop.zhang.id, text(&packed, "number").to_owned());
        cunji::transact!(shop.app.db, tx => {
            on!(tx, ex => sqlx::query("UPDATE orders SET packed = 1 WHERE village_id = $1 AND number = $2")
                .bind(village).bind(&number).execute(ex).await.map(|_| ()))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(
            problem(edit(shop, &packed, 2, note()).await),
            refused(409, "already-packed")
        );
        assert_eq!(
            problem(answer(shop, &packed, 2, "agree").await),
            refused(409, "already-packed")
        );
        assert_eq!(answer(shop, &packed, 2, "decline").await.0, 200);

        shop.app.clock.advance(Duration::from_secs(1_800));
        assert_eq!(
            problem(edit(shop, &unpaid, 1, note()).await),
            refused(409, "order-ended")
        );
    })
    .await;
}

#[tokio::test]
async fn money_that_came_for_the_order_as_it_was() {
    on_both(async |shop| {
        stocked(shop).await;
        // a payment opened before the edit brings the old amount: the rest of it goes back
        let placed = place(shop, None, &[("HS10", 3)], "practice").await;
        let old = open_payment(shop, &placed).await;
        edited(shop, &placed, 1, &[("HS10", 1)]).await;
        let paid = shop.must(Method::POST, "", &old, Value::Null).await;
        assert_eq!(
            [&paid["status"], &paid["refunds"][0]["amount_fen"]],
            [&json!("paid"), &json!(4_000)]
        );
        assert_eq!(
            problem(edit(shop, &placed, 2, json!({"items": wanted(&[("HS10", 2)])})).await),
            refused(409, "refunded-before")
        );

        // half of it is there, and the edit makes that enough: sold, and nothing ends any more
        let half = place(shop, None, &[("HS10", 3)], "transfer").await;
        let confirm = format!("{ORDERS}/{}/confirm-payment", text(&half, "number"));
        let money = json!({"received_into": "农商银行", "amount_fen": 3000, "reference": "A1"});
        let part = shop
            .must(Method::POST, &shop.zhang.accountant, &confirm, money)
            .await;
        assert_eq!(part["status"], "awaiting_payment");
        let after = edited(shop, &half, 1, &[("HS10", 1)]).await;
        assert_eq!(
            [
                &after["status"],
                &after["pay_before"],
                &after["refunds"][0]["amount_fen"]
            ],
            [&json!("paid"), &Value::Null, &json!(200)]
        );
        assert_ne!(after["paid_at"], Value::Null);
        shop.app.clock.advance(Duration::from_secs(3_600));
        assert_eq!(read(shop, &half).await["status"], "paid");
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}
