//! Edits of unpacked orders: what gets no dearer is done at once, what gets dearer waits for the buyer.

use std::time::Duration;

use axum::http::Method;
use cunji::on;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::assisted::{ORDERS, link, order, recipient, stocked, wanted};
use crate::goods::{counts, item};

async fn place(shop: &TestApp, link: Option<&str>, items: &[(&str, i64)], method: &str) -> Value {
    let body = order(link, items, method);
    shop.must(Method::POST, &shop.zhang.manager, ORDERS, body).await
}

fn text<'a>(order: &'a Value, field: &str) -> &'a str {
    order[field].as_str().unwrap()
}

async fn edit(shop: &TestApp, order: &Value, version: i64, change: Value) -> (u16, Value) {
    let mut body = json!({"version": version, "reason": "买家来电"});
    body.as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    let path = format!("{ORDERS}/{}/edit", text(order, "number"));
    shop.post(&shop.zhang.manager, &path, body).await
}

async fn edited(shop: &TestApp, order: &Value, version: i64, items: &[(&str, i64)]) -> Value {
    let (status, after) = edit(shop, order, version, json!({"items": wanted(items)})).await;
    assert_eq!(status, 200, "{after}");
    after
}

async fn answer(shop: &TestApp, order: &Value, version: i64, word: &str) -> (u16, Value) {
    let path = format!("{ORDERS}/{}/changes/{version}/{word}", text(order, "token"));
    shop.post("", &path, Value::Null).await
}

async fn open_payment(shop: &TestApp, order: &Value) -> String {
    let path = format!("{ORDERS}/{}/payments", text(order, "token"));
    let step = shop
        .must(Method::POST, "", &path, json!({"method": "practice"}))
        .await;
    let payment = text(&step, "url").rsplit('/').next().unwrap();
    format!("/api/v1/practice/{payment}/pay")
}

async fn pay(shop: &TestApp, order: &Value) -> Value {
    let path = open_payment(shop, order).await;
    shop.must(Method::POST, "", &path, Value::Null).await
}

async fn read(shop: &TestApp, order: &Value) -> Value {
    shop.get("", &format!("{ORDERS}/{}", text(order, "token")))
        .await
        .1
}

fn problem(answer: (u16, Value)) -> (u16, String) {
    (answer.0, answer.1["type"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, name: &str) -> (u16, String) {
    (status, format!("/problems/{name}"))
}

async fn held(shop: &TestApp) -> [i64; 2] {
    [
        counts(&item(shop, "FT05").await).1,
        counts(&item(shop, "HS10").await).1,
    ]
}

async fn sold(shop: &TestApp) -> Vec<i64> {
    let village = shop.zhang.id;
    let db = &shop.app.db;
    on!(db, ex => sqlx::query_scalar(
        "SELECT offer.sold FROM offer WHERE offer.village_id = $1 ORDER BY offer.position")
        .bind(village).fetch_all(ex).await)
    .unwrap()
}

/// What the records of edits hold, as one text.
async fn records(shop: &TestApp) -> String {
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
        assert_eq!(log["items"][0]["act"], "order.edit");

        let cancel = format!("{ORDERS}/{}/cancel", text(&placed, "token"));
        let gone = shop.must(Method::POST, "", &cancel, Value::Null).await;
        assert_eq!(gone["status"], "refunded");
        assert_eq!(held(shop).await, [0, 0]);
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
    })
    .await;
}

#[tokio::test]
async fn a_dearer_order_waits_for_its_buyer() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 1)], "practice").await;
        assert_eq!(pay(shop, &placed).await["status"], "paid");
        let mut to = recipient();
        to["name"] = json!("苏小宇");
        to["province"] = json!("广东省");
        to["city"] = json!("广州市");
        to["district"] = json!("天河区");
        let change = json!({"items": wanted(&[("FT05", 1), ("HS10", 2)]), "recipient": to});
        let (status, proposed) = edit(shop, &placed, 1, change).await;
        assert_eq!(status, 200, "{proposed}");
        let delta = 2 * 2_000 + 300;
        assert_eq!(
            [&proposed["version"], &proposed["total_fen"], &proposed["status"]],
            [&json!(2), &placed["total_fen"], &json!("paid")]
        );
        let open = &proposed["changes"][0];
        assert_eq!(
            [&open["state"], &open["delta_fen"], &open["items"][1]["quantity"]],
            [&json!("proposed"), &json!(delta), &json!(2)]
        );
        assert_eq!(held(shop).await, [1, 0], "nothing is taken yet");

        assert_eq!(answer(shop, &placed, 3, "agree").await.0, 404);
        assert_eq!(answer(shop, &placed, 2, "maybe").await.0, 404);
        let (status, agreed) = answer(shop, &placed, 2, "agree").await;
        assert_eq!(status, 200, "{agreed}");
        assert_eq!(
            answer(shop, &placed, 2, "agree").await,
            (200, agreed.clone()),
            "tapped twice"
        );
        assert_eq!(
            problem(answer(shop, &placed, 2, "decline").await),
            refused(409, "change-settled")
        );
        assert_eq!(
            [
                &agreed["version"],
                &agreed["status"],
                &agreed["changes"][0]["state"],
                &agreed["pay_before"]
            ],
            [
                &json!(3),
                &json!("awaiting_payment"),
                &json!("agreed"),
                &Value::Null
            ]
        );
        assert_eq!(held(shop).await, [1, 2]);
        assert!(!records(shop).await.contains("苏小宇"));

        // the difference is due, and nothing ends before it has come
        shop.app.clock.advance(Duration::from_secs(3_600));
        let path = open_payment(shop, &placed).await;
        let paid = shop.must(Method::POST, "", &path, Value::Null).await;
        assert_eq!(
            [&paid["status"], &paid["refunds"], &paid["total_fen"]],
            [
                &json!("paid"),
                &json!([]),
                &json!(placed["total_fen"].as_i64().unwrap() + delta)
            ]
        );
        let number = text(&placed, "number");
        let (_, seen) = shop
            .get(&shop.zhang.manager, &format!("{ORDERS}/{number}/details"))
            .await;
        assert_eq!(
            [
                &seen["order"]["captured_fen"],
                &seen["order"]["province"],
                &seen["changes"][0]["state"]
            ],
            [&paid["total_fen"], &json!("广东省"), &json!("agreed")]
        );
    })
    .await;
}

#[tokio::test]
async fn a_proposal_that_is_declined_or_overtaken_changes_nothing() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 1)], "cod").await;
        edited(shop, &placed, 1, &[("FT05", 2)]).await;
        let (status, declined) = answer(shop, &placed, 2, "decline").await;
        assert_eq!(
            (status, &declined["changes"][0]["state"]),
            (200, &json!("declined"))
        );
        assert_eq!(
            [&declined["version"], &declined["total_fen"]],
            [&json!(3), &placed["total_fen"]]
        );
        assert_eq!(answer(shop, &placed, 2, "decline").await.0, 200);
        assert_eq!(
            problem(answer(shop, &placed, 2, "agree").await),
            refused(409, "change-settled")
        );

        edited(shop, &placed, 3, &[("FT05", 3)]).await;
        let after = edited(shop, &placed, 4, &[("FT05", 4)]).await;
        let states: Vec<_> = after["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["state"])
            .collect();
        assert_eq!(states, ["declined", "declined", "proposed"]);
        assert_eq!(
            problem(answer(shop, &placed, 4, "agree").await),
            refused(409, "change-settled")
        );
        assert_eq!(held(shop).await, [1, 0]);

        let cancel = format!("{ORDERS}/{}/cancel", text(&placed, "token"));
        let gone = shop.must(Method::POST, "", &cancel, Value::Null).await;
        assert_eq!(gone["changes"][2]["state"], "declined", "the order has ended");
        assert_eq!(
            problem(answer(shop, &placed, 5, "agree").await),
            refused(409, "change-settled")
        );
        assert!(!records(shop).await.contains("苏宇"));
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
    })
    .await;
}

#[tokio::test]
async fn an_order_of_a_link_keeps_to_its_offers_and_quotas() {
    on_both(async |shop| {
        stocked(shop).await;
        let manager = &shop.zhang.manager;
        let code = link(shop, manager).await;
        let placed = place(shop, Some(&code), &[("FT05", 3)], "cod").await;
        place(shop, Some(&code), &[("FT05", 3)], "cod").await;
        let dearer = json!({"offers": [{"sku": "FT05", "price_fen": 7000, "quota": 8, "limit_per_order": 3},
                                       {"sku": "HS10", "price_fen": 2500}]});
        shop.must(Method::PATCH, manager, &format!("/api/v1/links/{code}"), dearer)
            .await;
        shop.must(
            Method::POST,
            manager,
            &format!("/api/v1/links/{code}/close"),
            Value::Null,
        )
        .await;

        let (status, told) = edit(shop, &placed, 1, json!({"items": wanted(&[("FT05", 6)])})).await;
        assert_eq!(
            (status, &told["type"], &told["sku"], &told["available"]),
            (409, &json!("/problems/sold-out"), &json!("FT05"), &json!(2))
        );
        let (status, told) = edit(shop, &placed, 1, json!({"items": wanted(&[("BOX", 1)])})).await;
        assert_eq!((status, fields(&told)), (422, vec!["items[0].sku"]));

        // staff are not bound to the window or the limit per order; what stays keeps its price
        let after = edited(shop, &placed, 1, &[("FT05", 5), ("HS10", 1)]).await;
        assert_eq!(
            after["changes"][0]["items"],
            json!([{"sku": "FT05", "title": "纯红薯粉条", "quantity": 5, "price_fen": 6000},
                   {"sku": "HS10", "title": "纯红薯粉条", "quantity": 1, "price_fen": 2500}])
        );
        assert_eq!(sold(shop).await, [6, 0]);
        assert_eq!(answer(shop, &placed, 2, "agree").await.0, 200);
        assert_eq!(sold(shop).await, [8, 1]);
        assert_eq!(held(shop).await, [8, 1]);
        edited(shop, &placed, 3, &[("HS10", 1)]).await;
        assert_eq!(sold(shop).await, [3, 1]);
        let cancel = format!("{ORDERS}/{}/cancel", text(&placed, "token"));
        shop.must(Method::POST, "", &cancel, Value::Null).await;
        assert_eq!(sold(shop).await, [3, 0]);
        assert_eq!(held(shop).await, [3, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_consent_is_worth_what_is_still_there() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 1)], "cod").await;
        let (status, told) = edit(shop, &placed, 1, json!({"items": wanted(&[("FT05", 21)])})).await;
        assert_eq!((status, &told["available"]), (409, &json!(19)));
        edited(shop, &placed, 1, &[("FT05", 1), ("BOX", 2)]).await;
        // somebody else takes the radish that the boxes need, and lets it lapse
        let other = place(shop, None, &[("HS10", 17)], "transfer").await;
        let (status, told) = answer(shop, &placed, 2, "agree").await;
        assert_eq!(
            (status, &told["type"], &told["sku"]),
            (409, &json!("/problems/sold-out"), &json!("BOX"))
        );
        assert_eq!(
            read(shop, &placed).await["changes"][0]["state"],
            "proposed",
            "it can be tried again"
        );
        shop.app.clock.advance(Duration::from_secs(1_800));
        assert_eq!(answer(shop, &placed, 2, "agree").await.0, 200);
        assert_eq!(held(shop).await, [3, 4]);
        assert_eq!(read(shop, &other).await["status"], "expired");
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
    })
    .await;
}
