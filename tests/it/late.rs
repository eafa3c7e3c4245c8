//! Late orders: their buyers choose among three answers, and the default is taken when they don't.

use std::time::Duration;

use axum::http::Method;
use cunji::id::order_token;
use cunji::jobs;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, fields, on_both};
use crate::batches::{self, carriers, opened, pay, plan};
use crate::browser::{open, press};
use crate::buyer::{assert_clean, desk, path, placed, problem, read, stand, wish_by};

const LATE: &str = "/api/v1/late";
const UNTIL: &str = "2024-01-21T02:00:00Z";

/// A paid order of two cases for Guangdong that asks for EMS, which would be there two days after it has to be; and its
/// stand.
pub async fn late_order(shop: &TestApp) -> Value {
    opened(shop, 60).await;
    let link = stand(shop, 20).await;
    let order = placed(shop, &link, "k1", &wish_by("practice", 2)).await;
    pay(shop, &order).await;
    let wish = json!({"carrier": "ems", "arrive_by": "2024-01-22"});
    shop.must(Method::POST, &shop.zhang.manager, &desk(&order, "/wish"), wish)
        .await;
    order
}

async fn ask(shop: &TestApp, order: &Value, more: Value) -> Value {
    let mut body = json!({"orders": [order["number"]], "answer_by": UNTIL});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let asked = shop.must(Method::POST, &shop.zhang.manager, LATE, body).await;
    asked["results"][0].clone()
}

/// A late order whose buyer has been asked.
async fn asked(shop: &TestApp, more: Value) -> Value {
    let order = late_order(shop).await;
    let result = ask(shop, &order, more).await;
    assert_eq!(result["outcome"], "asked", "{result}");
    order
}

async fn answer(shop: &TestApp, order: &Value, word: &str) -> (u16, Value) {
    shop.post("", &path(order, "/late"), json!({"answer": word}))
        .await
}

async fn refused(shop: &TestApp, order: &Value, word: &str) -> String {
    let (status, told) = answer(shop, order, word).await;
    assert_eq!(status, 409, "{told}");
    problem(&told).to_owned()
}

async fn list(shop: &TestApp) -> Value {
    let (status, list) = shop.get(&shop.zhang.packer, LATE).await;
    assert_eq!(status, 200, "{list}");
    list
}

async fn run_defaults(shop: &TestApp) -> String {
    jobs::run_now(&shop.app, "late-defaults").await.unwrap()
}

async fn over(shop: &TestApp) {
    shop.app.clock.advance(Duration::from_secs(86_400));
}

/// The one parcel of the plan: day, carrier, late or not.
async fn planned(shop: &TestApp) -> Value {
    let plan = plan(shop, json!({})).await;
    let parcel = &plan["days"][0]["parcels"][0];
    json!([plan["days"][0]["ship_on"], parcel["carrier"], plan["late_count"]])
}

#[tokio::test]
async fn a_late_order_gets_one_question() {
    on_both(async |shop| {
        let order = late_order(shop).await;
        let manager = &shop.zhang.manager;
        assert_eq!(planned(shop).await, json!(["2024-01-20", "ems", 1]));
        let on_time = placed(
            shop,
            &crate::buyer::link(shop, manager, json!({})).await,
            "k2",
            &wish_by("practice", 1),
        )
        .await;
        pay(shop, &on_time).await;
        let body = json!({"orders": [order["number"], on_time["number"], "nothing"], "answer_by": UNTIL});
        let asked = shop.must(Method::POST, manager, LATE, body).await;
        let outcomes: Vec<&Value> = (0..3).map(|at| &asked["results"][at]["outcome"]).collect();
        assert_eq!(outcomes, ["asked", "not_late", "not_late"]);
        let question = &asked["results"][0]["question"];
        assert_eq!(
            question["carrier"],
            json!({"carrier": "sf", "name": "顺丰速运", "arrives_by": "2024-01-22", "extra_fen": 1_200})
        );
        assert_eq!(
            question["after"],
            json!({"leaves_from": "2024-02-15", "arrives_by": "2024-02-19"})
        );
        let link = question["link"].as_str().unwrap();
        assert!(link.ends_with(&format!("/o/{}", order["token"].as_str().unwrap())));
        let message = question["message"].as_str().unwrap();
        for part in [link, "1月22日前送到", "1月21日 10:00", "节后再发", "22 January"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(
            ask(shop, &order, json!({"default": "refund"})).await["outcome"],
            "asked_before"
        );

        let seen = read(shop, &order).await;
        assert_eq!(
            [
                &seen["late"]["state"],
                &seen["late"]["default"],
                &seen["late"]["refund_fen"]
            ],
            [&json!("asked"), &json!("after"), &order["total_fen"]]
        );
        let list = list(shop).await;
        assert_eq!(
            [&list["counts"]["asked"], &list["items"][0]["order"]],
            [&json!(1), &order["number"]]
        );
        assert!(list["items"][0]["reason"].as_str().unwrap().contains('/'));
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        assert_eq!(log["items"][0]["act"], "late.ask");
        assert_eq!(read(shop, &on_time).await["late"], Value::Null);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn wrong_questions_are_refused() {
    on_both(async |shop| {
        let order = late_order(shop).await;
        for (more, field) in [
            (json!({"answer_by": "2024-01-20T02:09:59Z"}), "answer_by"),
            (json!({"answer_by": "2024-02-20T02:00:01Z"}), "answer_by"),
            (json!({"default": "carrier"}), "default"),
            (json!({"orders": []}), "orders"),
            (json!({"deadline": "2024-01-19"}), "deadline"),
        ] {
            let mut body = json!({"orders": [order["number"]], "answer_by": UNTIL});
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let (status, told) = shop.post(&shop.zhang.manager, LATE, body).await;
            assert_eq!((status, fields(&told)), (422, vec![field]), "{told}");
        }
        assert_eq!(answer(shop, &order, "after").await.0, 404, "nobody asked");
        let stranger = order_token(shop.zhang.id, Uuid::from_u128(7));
        let path = format!("/api/v1/orders/{stranger}/late");
        assert_eq!(shop.post("", &path, json!({"answer": "after"})).await.0, 404);
        assert_eq!(answer(shop, &order, "maybe").await.0, 422);
    })
    .await;
}

#[tokio::test]
async fn another_carrier_costs_what_was_said_and_is_kept_to() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        let (status, after) = answer(shop, &order, "carrier").await;
        assert_eq!(status, 200, "{after}");
        assert_eq!(
            answer(shop, &order, "carrier").await,
            (200, after.clone()),
            "tapped twice"
        );
        assert_eq!(refused(shop, &order, "refund").await, "late-settled");
        let total = order["total_fen"].as_i64().unwrap() + 1_200;
        assert_eq!(
            [
                &after["status"],
                &after["total_fen"],
                &after["late"]["answer"],
                &after["promise"]["arrives_by"]
            ],
            [
                &json!("awaiting_payment"),
                &json!(total),
                &json!("carrier"),
                &json!("2024-01-22")
            ]
        );
        assert_eq!(after["changes"][0]["delta_fen"], 1_200);
        pay(shop, &order).await;
        assert_eq!(read(shop, &order).await["status"], "paid");
        assert_eq!(planned(shop).await, json!(["2024-01-20", "sf", 0]));
        over(shop).await;
        assert_eq!(run_defaults(shop).await, "0 taken, 0 ended");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_shop_may_bear_what_another_carrier_costs() {
    on_both(async |shop| {
        let order = asked(shop, json!({"shop_pays": true})).await;
        let (status, after) = answer(shop, &order, "carrier").await;
        assert_eq!(status, 200, "{after}");
        assert_eq!(
            [&after["status"], &after["total_fen"], &after["version"]],
            [&json!("paid"), &order["total_fen"], &json!(2)]
        );
        assert_eq!(planned(shop).await, json!(["2024-01-20", "sf", 0]));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn after_the_festival_is_a_new_promise() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        let before = read(shop, &order).await;
        let (status, after) = answer(shop, &order, "after").await;
        assert_eq!(status, 200, "{after}");
        assert_eq!(answer(shop, &order, "after").await.0, 200);
        assert_ne!(after["promise"], before["promise"]);
        assert_eq!(
            after["promise"],
            json!({"ships_on": "2024-02-15", "arrives_by": "2024-02-19"})
        );
        assert_eq!(after["status"], "paid");
        assert_eq!(refused(shop, &order, "carrier").await, "late-settled");
        assert_eq!(planned(shop).await, json!(["2024-02-15", "ems", 0]));
        let counts = list(shop).await["counts"].clone();
        assert_eq!(
            [&counts["asked"], &counts["answered"], &counts["after"]],
            [&json!(0), &json!(1), &json!(1)]
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn money_back_ends_the_order() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        let (status, after) = answer(shop, &order, "refund").await;
        assert_eq!(status, 200, "{after}");
        assert_eq!(
            [
                &after["status"],
                &after["refunds"][0]["amount_fen"],
                &after["late"]["state"]
            ],
            [&json!("refunded"), &order["total_fen"], &json!("answered")]
        );
        assert_eq!(answer(shop, &order, "refund").await, (200, after));
        assert_eq!(refused(shop, &order, "after").await, "late-settled");
        assert_eq!(list(shop).await["counts"]["refund"], 1);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_default_is_taken_at_the_deadline() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        shop.app.clock.advance(Duration::from_secs(86_399));
        assert_eq!(run_defaults(shop).await, "0 taken, 0 ended");
        shop.app.clock.advance(Duration::from_secs(1));
        assert_eq!(refused(shop, &order, "carrier").await, "late-over");
        assert_eq!(run_defaults(shop).await, "1 taken, 0 ended");
        assert_eq!(run_defaults(shop).await, "0 taken, 0 ended");
        let after = read(shop, &order).await;
        assert_eq!(
            [
                &after["late"]["state"],
                &after["late"]["answer"],
                &after["promise"]["ships_on"]
            ],
            [&json!("defaulted"), &json!("after"), &json!("2024-02-15")]
        );
        assert_eq!(refused(shop, &order, "refund").await, "late-settled");
        assert_clean(shop).await;
    })
    .await;
    on_both(async |shop| {
        let order = asked(shop, json!({"default": "refund"})).await;
        over(shop).await;
        assert_eq!(run_defaults(shop).await, "1 taken, 0 ended");
        let after = read(shop, &order).await;
        assert_eq!(
            [&after["late"]["state"], &after["status"]],
            [&json!("defaulted"), &json!("refunded")]
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_has_gone_is_not_taken() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        let mut without = carriers();
        without["items"].as_array_mut().unwrap().remove(1);
        // and the other one begins later again
        without["items"][1]["stops"][0]["resumes_on"] = json!("2024-02-16");
        shop.must(Method::PUT, &shop.zhang.manager, "/api/v1/carriers", without)
            .await;
        assert_eq!(refused(shop, &order, "carrier").await, "offer-gone");
        let seen = read(shop, &order).await["late"].clone();
        assert_eq!(
            [&seen["state"], &seen["carrier"]],
            [&json!("asked"), &Value::Null]
        );
        assert_eq!(seen["after"]["arrives_by"], "2024-02-20", "the new date is shown");
        assert_eq!(answer(shop, &order, "after").await.0, 200);
        assert_eq!(read(shop, &order).await["promise"]["arrives_by"], "2024-02-20");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_packed_or_ended_order_has_nothing_to_answer() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        plan(shop, json!({"commit": true})).await;
        let batch = batches::all(shop).await[0].clone();
        let parcel = batches::codes(shop, &batch).await[0].clone();
        batches::must(shop, &batch, "release", json!({})).await;
        batches::must(shop, &batch, "pack", json!({"parcels": [parcel]})).await;
        assert_eq!(refused(shop, &order, "refund").await, "already-packed");
        over(shop).await;
        assert_eq!(run_defaults(shop).await, "0 taken, 1 ended");
        assert_eq!(read(shop, &order).await["late"]["state"], "ended");
        assert_clean(shop).await;
    })
    .await;
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        shop.must(Method::POST, "", &path(&order, "/cancel"), Value::Null)
            .await;
        assert_eq!(read(shop, &order).await["late"]["state"], "ended");
        assert_eq!(refused(shop, &order, "refund").await, "order-ended");
        over(shop).await;
        assert_eq!(run_defaults(shop).await, "0 taken, 0 ended");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_one_counts() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        let cancel_path = path(&order, "/cancel");
        let (carrier, after, refund, cancel) = tokio::join!(
            answer(shop, &order, "carrier"),
            answer(shop, &order, "after"),
            answer(shop, &order, "refund"),
            shop.post("", &cancel_path, json!({})),
        );
        let seen = read(shop, &order).await;
        let answers = [("carrier", carrier.0), ("after", after.0), ("refund", refund.0)];
        let won: Vec<&str> = answers
            .iter()
            .filter(|(_, status)| *status == 200)
            .map(|(word, _)| *word)
            .collect();
        assert!(
            answers.iter().all(|(_, status)| [200, 409].contains(status)),
            "{answers:?}"
        );
        match seen["late"]["state"].as_str().unwrap() {
            "answered" => assert_eq!(won, [seen["late"]["answer"].as_str().unwrap()]),
            state => assert_eq!((state, won.len()), ("ended", 0), "the cancel came first"),
        }
        assert_eq!(cancel.0, 200, "an answered order can still be cancelled");
        assert_clean(shop).await;
    })
    .await;
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        over(shop).await;
        let app = &shop.app;
        let default = cunji::payments::late::take_defaults;
        let (village, now) = (shop.zhang.id, app.clock.now());
        let cancel_path = path(&order, "/cancel");
        let (one, other, cancel) = tokio::join!(
            default(&app.db, &app.ids, village, now),
            default(&app.db, &app.ids, village, now),
            shop.post("", &cancel_path, json!({})),
        );
        let taken = one.unwrap().taken + other.unwrap().taken;
        let state = read(shop, &order).await["late"]["state"].clone();
        assert_eq!(cancel.0, 200);
        let expected = if taken == 1 { "defaulted" } else { "ended" };
        assert_eq!((taken <= 1, &state), (true, &json!(expected)));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_order_page_has_three_buttons() {
    on_both(async |shop| {
        let order = asked(shop, json!({})).await;
        let place = format!("/o/{}", order["token"].as_str().unwrap());
        open(shop, &place).await.has(&[
            "赶不上1月22日前送到",
            "value=\"carrier\"",
            "加运费 ¥12.00",
            "value=\"after\"",
            "2月19日前到",
            "value=\"refund\"",
            "1月21日 10:00",
        ]);
        let page = press(shop, &format!("{place}/late"), &[]).await;
        page.has(&["请选一个办法。"]);
        assert_eq!(page.status, 422);
        let form = format!("{place}/late");
        assert_eq!(press(shop, &form, &[("answer", "after")]).await.location(), place);
        open(shop, &place)
            .await
            .has(&["您选了节后再发"])
            .has_not(&["value=\"refund\""]);
        let page = press(shop, &form, &[("answer", "refund")]).await;
        page.has(&["这个问题已经有结果了"]);
        assert_eq!(page.status, 409);
    })
    .await;
}
