//! What the plan makes of lots, wishes, doors and circumstances.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::batches::{all, codes, details, must, opened, outcomes, pay, plan, request};
use crate::buyer::{assert_clean, desk, link, placed, problem, read, stand, wish_by};
use crate::goods::{add_sku, product, receive, sku};

const WHAT_IF: &str = "/api/v1/plan/what-if";

/// An order to a house in Henan.
fn to_henan(quantity: i64) -> Value {
    let mut wish = wish_by("practice", quantity);
    wish["recipient"] = json!({"name": "王小明", "phone": "13812345678", "province": "河南省", "city": "平顶山市",
                               "district": "宝丰县", "street": "石桥镇小寨村 5 号"});
    wish
}

async fn bought(shop: &TestApp, link: &str, key: &str, wish: &Value) -> Value {
    let order = placed(shop, link, key, wish).await;
    pay(shop, &order).await;
    order
}

/// A link for FT05, which has to last 90 days after arrival, with five cases of a lot that does so in Henan only, and
/// five of a young one.
async fn two_lots(shop: &TestApp) -> String {
    opened(shop, 60).await;
    let id = product(shop, "fentiao").await;
    add_sku(shop, &id, sku("FT05")).await;
    receive(shop, "FT05", "OLD", "2024-04-21", 5).await;
    receive(shop, "FT05", "NEW", "2025-01-09", 5).await;
    link(shop, &shop.zhang.manager, json!({})).await
}

#[tokio::test]
async fn the_first_lot_to_expire_goes_where_it_still_lasts() {
    on_both(async |shop| {
        let link = two_lots(shop).await;
        let far = bought(shop, &link, "k1", &wish_by("practice", 2)).await;
        let near = bought(shop, &link, "k2", &to_henan(2)).await;
        plan(shop, request(true)).await;
        let parcels = details(shop, &all(shop).await[0]).await["parcels"].clone();
        for (order, lot) in [(&far, "NEW"), (&near, "OLD")] {
            let parcels = parcels.as_array().unwrap();
            let parcel = parcels.iter().find(|it| it["orders"][0] == order["number"]).unwrap();
            assert_eq!(parcel["lots"][0]["lot"], lot, "{parcel}");
        }
        assert_clean(shop).await;

        let before = all(shop).await;
        let lost = json!({"as_of": "2024-01-20", "deadline": "2024-02-08", "spoiled": [{"sku": "FT05", "lot": "NEW"}]});
        plan(shop, request(true)).await;
        // what is planned already goes on holding its goods in the question as well, until it is asked anew
        let asked = shop.must(Method::POST, &shop.zhang.manager, WHAT_IF, lost).await;
        assert_eq!(asked["difference"]["late_count"], 1, "{}", asked["difference"]);
        assert_eq!(asked["difference"]["newly_late"], json!([far["number"]]));
        assert_eq!(all(shop).await, before, "a question leaves no trace");
        let less = json!({"as_of": "2024-01-20", "deadline": "2024-02-08", "workshop": {"days": {"2024-01-20": 2}}});
        let asked = shop.must(Method::POST, &shop.zhang.manager, WHAT_IF, less).await;
        let moved = asked["difference"]["moved"].as_array().unwrap();
        assert_eq!((moved.len(), &moved[0]["to"]["ship_on"]), (1, &json!("2024-01-21")), "{moved:?}");
        for (change, field) in [
            (json!({"carriers": {"nobody": {}}}), "carriers.nobody"),
            (json!({"carriers": {"zto": {"pickup_cases_per_day": "many"}}}), "carriers.zto"),
            (json!({"workshop": {"cases_per_day": -1}}), "workshop.cases_per_day"),
            (json!({"spoiled": [{"sku": "FT05", "lot": "NONE"}]}), "spoiled[0].lot"),
        ] {
            let (status, answer) = shop.post(&shop.zhang.manager, WHAT_IF, change).await;
            assert_eq!((status, fields(&answer)), (422, vec![field]));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_sold_ahead_leaves_when_its_lot_is_in() {
    on_both(async |shop| {
        opened(shop, 60).await;
        let link = stand(shop, 1).await;
        let ahead = json!({"cases": 5, "ready_on": "2024-01-25"});
        shop.must(
            Method::PUT,
            &shop.zhang.manager,
            "/api/v1/stock/FT05/ahead",
            ahead,
        )
        .await;
        let order = bought(shop, &link, "k1", &wish_by("practice", 3)).await;
        let made = plan(shop, request(true)).await;
        let days: Vec<_> = made["days"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| (&day["ship_on"], &day["cases"]))
            .collect();
        assert_eq!(
            days,
            [
                (&json!("2024-01-20"), &json!(1)),
                (&json!("2024-01-25"), &json!(2))
            ]
        );
        let batches = all(shop).await;
        for batch in &batches {
            must(shop, batch, "release", json!({})).await;
        }
        let list = json!({"parcels": codes(shop, &batches[1]).await});
        let early = must(shop, &batches[1], "pack", list.clone()).await;
        assert_eq!(outcomes(&early), ["no_lot"], "{early}");
        receive(shop, "FT05", "L2", "2025-02-09", 5).await;
        let packed = must(shop, &batches[1], "pack", list).await;
        assert_eq!(outcomes(&packed), ["done"], "{packed}");
        must(shop, &batches[1], "hand-over", json!({})).await;
        let seen = read(shop, &order).await;
        assert_eq!(
            (&seen["status"], seen["parcels"].as_array().unwrap().len()),
            (&json!("paid"), 1)
        );
        let first = json!({"parcels": codes(shop, &batches[0]).await});
        must(shop, &batches[0], "pack", first).await;
        must(shop, &batches[0], "hand-over", json!({})).await;
        assert_eq!(read(shop, &order).await["status"], "shipped");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_note_is_a_proposal_until_staff_decide() {
    on_both(async |shop| {
        opened(shop, 60).await;
        let link = stand(shop, 20).await;
        let mut noted = wish_by("practice", 1);
        noted["note"] = json!("发顺丰，年前一定要到");
        let order = bought(shop, &link, "k1", &noted).await;
        noted["note"] = json!("不要放驿站");
        bought(shop, &link, "k2", &noted).await;
        let manager = &shop.zhang.manager;
        let notes = shop
            .must(Method::GET, manager, "/api/v1/wishes", Value::Null)
            .await;
        let proposal =
            json!({"carrier": "sf", "arrive_by": "2024-02-09", "not_before": null, "together": false});
        let seen = notes["items"].as_array().unwrap();
        assert_eq!(
            (seen.len(), &seen[0]["order"], &seen[0]["proposal"]),
            (1, &order["number"], &proposal)
        );
        let carrier_of = async || {
            let made = plan(shop, request(false)).await;
            let parcels = made["days"][0]["parcels"].as_array().unwrap().clone();
            let parcel = parcels
                .iter()
                .find(|it| it["orders"][0] == order["number"])
                .unwrap();
            parcel["carrier"].clone()
        };
        assert_eq!(carrier_of().await, "zto", "nobody has decided");
        let path = desk(&order, "/wish");
        let (status, answer) = shop.post(manager, &path, json!({"carrier": "nobody"})).await;
        assert_eq!((status, fields(&answer)), (422, vec!["carrier"]));
        shop.must(Method::POST, manager, &path, proposal).await;
        assert_eq!(carrier_of().await, "sf");
        let notes = shop
            .must(Method::GET, manager, "/api/v1/wishes", Value::Null)
            .await;
        assert_eq!(notes["items"], json!([]));
        shop.must(Method::POST, manager, &path, json!({"not_before": "2024-01-23"}))
            .await;
        let made = plan(shop, request(false)).await;
        let days: Vec<_> = made["days"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| &day["ship_on"])
            .collect();
        assert_eq!(days, ["2024-01-20", "2024-01-23"]);
    })
    .await;
}

#[tokio::test]
async fn one_door_gets_one_parcel_when_asked() {
    on_both(async |shop| {
        opened(shop, 60).await;
        let link = stand(shop, 20).await;
        let first = bought(shop, &link, "k1", &wish_by("practice", 1)).await;
        let second = bought(shop, &link, "k2", &wish_by("practice", 2)).await;
        let mut merged = request(true);
        merged["merge"] = json!(true);
        let made = plan(shop, merged).await;
        let parcels = &made["days"][0]["parcels"];
        assert_eq!(
            parcels[0]["orders"],
            json!([first["number"], second["number"]]),
            "{parcels}"
        );
        let batch = all(shop).await[0].clone();
        must(shop, &batch, "release", json!({})).await;
        let list = json!({"parcels": codes(shop, &batch).await});
        assert_eq!(outcomes(&must(shop, &batch, "pack", list).await), ["done"]);
        for order in [&first, &second] {
            assert_eq!(read(shop, order).await["status"], "packed");
        }
        must(shop, &batch, "hand-over", json!({})).await;
        let cases = |seen: &Value| seen["parcels"][0]["cases"].clone();
        assert_eq!(
            cases(&read(shop, &first).await),
            1,
            "a buyer sees their own cases"
        );
        assert_eq!(cases(&read(shop, &second).await), 2);
        let slip = codes(shop, &batch).await;
        let path = format!("/api/v1/parcels/{}/delivered", slip[0]);
        for _ in 0..2 {
            shop.must(Method::POST, &shop.zhang.packer, &path, Value::Null)
                .await;
        }
        assert_eq!(read(shop, &second).await["status"], "delivered");
        let (status, answer) = crate::batches::act(shop, &batch, "take-back", json!({})).await;
        assert_eq!((status, problem(&answer)), (409, "gone"));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn released_work_stays_and_takes_its_room() {
    on_both(async |shop| {
        opened(shop, 4).await;
        let link = stand(shop, 20).await;
        bought(shop, &link, "k1", &wish_by("practice", 3)).await;
        plan(shop, request(true)).await;
        let batch = all(shop).await[0].clone();
        must(shop, &batch, "release", json!({})).await;
        let kept = details(shop, &batch).await;
        for key in ["k2", "k3"] {
            bought(shop, &link, key, &to_henan(1)).await;
        }
        let (one, two) = tokio::join!(plan(shop, request(true)), plan(shop, request(true)));
        let new = |made: &Value| made["diff"]["new"].as_array().unwrap().len();
        assert_eq!(
            new(&one) + new(&two),
            2,
            "two plans at once make each parcel once"
        );
        assert_eq!(
            details(shop, &batch).await,
            kept,
            "it is on paper in the workshop"
        );
        let batches = all(shop).await;
        let seen: Vec<_> = batches
            .iter()
            .map(|it| (&it["ship_on"], &it["cases"], &it["state"]))
            .collect();
        assert_eq!(
            seen,
            [
                (&json!("2024-01-20"), &json!(3), &json!("released")),
                (&json!("2024-01-20"), &json!(1), &json!("planned")),
                (&json!("2024-01-21"), &json!(1), &json!("planned")),
            ]
        );
        assert_clean(shop).await;
        must(shop, &batch, "recall", json!({})).await;
        let cases: Vec<_> = all(shop).await.iter().map(|it| it["cases"].clone()).collect();
        assert_eq!(cases, [4, 1], "the day's planned batch takes it in");
        assert_clean(shop).await;
    })
    .await;
}
