//! Edits that make an order dearer are proposed to its buyer, and done when the buyer agrees.

use std::time::Duration;

use axum::http::Method;
use cunji::on;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::assisted::{ORDERS, link, recipient, stocked, wanted};
use crate::edit::{
    answer, edit, edited, held, open_payment, pay, place, problem, read, records, refused, text,
};
use crate::imports::broken;

async fn sold(shop: &TestApp) -> Vec<i64> {
    let village = shop.zhang.id;
    let db = &shop.app.db;
    on!(db, ex => sqlx::query_scalar(
        "SELECT offer.sold FROM offer WHERE offer.village_id = $1 ORDER BY offer.position")
        .bind(village).fetch_all(ex).await)
    .unwrap()
}

fn in_guangdong() -> Value {
    let mut to = recipient();
    to["name"] = json!("苏小宇");
    to["province"] = json!("广东省");
    to["city"] = json!("广州市");
    to["district"] = json!("天河区");
    to
}

/// The difference is due, and nothing ends before it has come.
async fn pay_the_difference(shop: &TestApp, placed: &Value, delta: i64) {
    shop.app.clock.advance(Duration::from_secs(3_600));
    let path = open_payment(shop, placed).await;
    let paid = shop.must(Method::POST, "", &path, Value::Null).await;
    assert_eq!(
        [&paid["status"], &paid["refunds"], &paid["total_fen"]],
        [
            &json!("paid"),
            &json!([]),
            &json!(placed["total_fen"].as_i64().unwrap() + delta)
        ]
    );
    let number = text(placed, "number");
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
}

#[tokio::test]
async fn a_dearer_order_waits_for_its_buyer() {
    on_both(async |shop| {
        stocked(shop).await;
        let placed = place(shop, None, &[("FT05", 1)], "practice").await;
        assert_eq!(pay(shop, &placed).await["status"], "paid");
        let change = json!({"items": wanted(&[("FT05", 1), ("HS10", 2)]), "recipient": in_guangdong()});
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

        pay_the_difference(shop, &placed, delta).await;
        assert_eq!(broken(shop).await, [""; 0]);
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
        assert_eq!(broken(shop).await, [""; 0]);
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
        assert_eq!(broken(shop).await, [""; 0]);
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
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}
