//! The date that a buyer is told before paying is held like stock: the last place of a day goes to one order.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::db::Db;
use cunji::id::Ids;
use cunji::jobs;
use cunji::state::App;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, on_both};
use crate::buyer::{LINKS, assert_clean, desk, path, place, placed, read, stand, wish, wish_by};
use crate::calendar::{CAPACITY, CARRIERS, carrier, keep};
use crate::goods::receive;
use crate::imports::{bring_in, generic, row};

/// A wish of so many cases to a place in Henan, a day on the way.
fn near(quantity: i64) -> Value {
    let mut wish = wish(quantity);
    for (field, value) in [
        ("province", "河南省"),
        ("city", "平顶山市"),
        ("district", "宝丰县"),
    ] {
        wish["recipient"][field] = json!(value);
    }
    wish
}

fn dates(ships_on: &str, arrives_by: &str) -> Value {
    json!({"ships_on": ships_on, "arrives_by": arrives_by})
}

/// What the link promises for one case.
async fn shown(shop: &TestApp, link: &str, query: &str) -> Value {
    let (status, seen) = shop.get("", &format!("{LINKS}/{link}{query}")).await;
    assert_eq!(status, 200, "{seen}");
    seen["offers"][0]["promise"].clone()
}

#[tokio::test]
async fn without_a_calendar_nothing_is_promised() {
    on_both(async |shop| {
        let link = stand(shop, 9).await;
        assert_eq!(shown(shop, &link, "").await, Value::Null);
        assert_eq!(placed(shop, &link, "k1", &wish(1)).await["promise"], Value::Null);
        let capacity = json!({"cases_per_day": 60});
        shop.must(Method::PUT, &shop.zhang.manager, CAPACITY, capacity)
            .await;
        assert_eq!(shown(shop, &link, "").await, Value::Null, "nobody collects");
        assert_eq!(placed(shop, &link, "k2", &wish(1)).await["promise"], Value::Null);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_shown_before_paying_is_held_with_the_order() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        keep(shop, 3, &[carrier("zto", 50)]).await;
        // Guangdong is reached last of the two provinces that zto serves
        assert_eq!(shown(shop, &link, "").await, dates("2024-01-20", "2024-01-23"));
        let today = dates("2024-01-20", "2024-01-21");
        assert_eq!(shown(shop, &link, "?province=41").await, today);
        assert_eq!(shown(shop, &link, "?province=11").await, Value::Null);
        let (status, _) = shop.get("", &format!("{LINKS}/{link}?province=4")).await;
        assert_eq!(status, 422);

        let first = placed(shop, &link, "k1", &near(2)).await;
        assert_eq!(first["promise"], today);
        assert_eq!(read(shop, &first).await["promise"], today);
        assert_eq!(place(shop, &link, "k1", &near(2)).await, (200, first.clone()));
        assert_eq!(
            shown(shop, &link, "?province=41").await,
            today,
            "one place is left"
        );
        let ask = json!({"items": [{"sku": "FT05", "quantity": 2}], "province": "河南"});
        let path = format!("{LINKS}/{link}/quote");
        let quote = shop.must(Method::POST, "", &path, ask).await;
        let tomorrow = dates("2024-01-21", "2024-01-22");
        assert_eq!(quote["promise"], tomorrow, "two go together");
        assert_eq!(
            (&quote["festival"], &quote["last_order_day"]),
            (&json!("2024-02-10"), &json!("2024-02-04"))
        );
        assert_eq!(placed(shop, &link, "k2", &near(2)).await["promise"], tomorrow);
        assert_eq!(placed(shop, &link, "k3", &near(1)).await["promise"], today);
        assert_eq!(shown(shop, &link, "?province=41").await, tomorrow);
        // more than any day takes: accepted, without a date
        assert_eq!(placed(shop, &link, "k4", &near(4)).await["promise"], Value::Null);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_cut_off_pick_up_and_stop_dates_count() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        keep(shop, 9, &[carrier("zto", 2)]).await;
        // zto's cut-off is at five in the afternoon
        shop.app.clock.advance(Duration::from_secs(7 * 3600 - 1));
        assert_eq!(shown(shop, &link, "?province=41").await["ships_on"], "2024-01-20");
        shop.app.clock.advance(Duration::from_secs(1));
        assert_eq!(shown(shop, &link, "?province=41").await["ships_on"], "2024-01-21");
        assert_eq!(
            placed(shop, &link, "k1", &near(2)).await["promise"]["ships_on"],
            "2024-01-21"
        );
        assert_eq!(
            placed(shop, &link, "k2", &near(1)).await["promise"]["ships_on"],
            "2024-01-22"
        );
        // no pick-up on the 24th, and the 23rd is full by then
        placed(shop, &link, "k3", &near(2)).await;
        placed(shop, &link, "k4", &near(1)).await;
        assert_eq!(
            placed(shop, &link, "k5", &near(1)).await["promise"]["ships_on"],
            "2024-01-25"
        );
        // four days before Spring Festival zto has stopped collecting
        shop.app.clock.advance(Duration::from_secs(16 * 86_400));
        assert_eq!(shown(shop, &link, "").await, dates("2024-02-18", "2024-02-21"));
        let late = placed(shop, &link, "k6", &near(1)).await;
        assert_eq!(late["promise"], dates("2024-02-18", "2024-02-19"));
        assert_clean(shop).await;
    })
    .await;
}

/// The same shop on another node.
async fn node(shop: &TestApp) -> Router {
    let db = Db::connect(&shop.app.config.database_url).await.unwrap();
    let mut other = App::build((*shop.app.config).clone(), db, Ids::seeded(2));
    other.clock = shop.app.clock.clone();
    other.service()
}

async fn order_at(service: Router, link: String, key: String, wish: Value) -> (u16, Value) {
    let request = Request::post(format!("{LINKS}/{link}/orders"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(wish.to_string()))
        .unwrap();
    let (head, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn the_last_place_of_a_day_goes_to_one_buyer_of_many() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        // what another kind of goods takes of the days counts as well
        let id = crate::goods::product(shop, "mishu").await;
        crate::goods::add_sku(shop, &id, crate::goods::sku("MS10")).await;
        receive(shop, "MS10", "L1", "2025-01-09", 50).await;
        let offers = json!({"offers": [{"sku": "MS10", "price_fen": 4990}]});
        let other = crate::buyer::link(shop, &shop.zhang.manager, offers).await;
        keep(shop, 3, &[carrier("zto", 50)]).await;
        placed(shop, &link, "k0", &near(2)).await;
        let nodes = [shop.app.service(), node(shop).await];
        let buyers = (0..12).map(|buyer| {
            let (link, sku) = if buyer % 3 == 0 {
                (&other, "MS10")
            } else {
                (&link, "FT05")
            };
            let mut wish = near(1);
            wish["items"][0]["sku"] = json!(sku);
            let service = nodes[buyer % 2].clone();
            tokio::spawn(order_at(service, link.clone(), format!("race-{buyer}"), wish))
        });
        let mut days: BTreeMap<String, u32> = BTreeMap::new();
        for buyer in buyers.collect::<Vec<_>>() {
            let (status, order) = buyer.await.unwrap();
            assert_eq!(status, 201, "{order}");
            let day = order["promise"]["ships_on"].as_str().unwrap().to_owned();
            *days.entry(day).or_default() += 1;
        }
        let days: Vec<(&str, u32)> = days.iter().map(|(day, count)| (&day[5..], *count)).collect();
        // the 24th has no pick-up
        let expected = [
            ("01-20", 1),
            ("01-21", 3),
            ("01-22", 3),
            ("01-23", 3),
            ("01-25", 2),
        ];
        assert_eq!(days, expected);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_place_comes_back_when_its_order_ends() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        keep(shop, 1, &[carrier("zto", 50)]).await;
        let first = placed(shop, &link, "k1", &near(1)).await;
        let second = placed(shop, &link, "k2", &near(1)).await;
        assert_eq!(second["promise"]["ships_on"], "2024-01-21");
        let cancelled = shop
            .must(Method::POST, "", &path(&first, "/cancel"), json!({}))
            .await;
        assert_eq!(
            (&cancelled["status"], &cancelled["promise"]),
            (&json!("cancelled"), &Value::Null)
        );
        assert_eq!(shown(shop, &link, "?province=41").await["ships_on"], "2024-01-20");
        assert_eq!(
            placed(shop, &link, "k3", &near(1)).await["promise"]["ships_on"],
            "2024-01-20"
        );
        assert_clean(shop).await;

        // both holds end, and paid late the second order is promised what is free then
        shop.app.clock.advance(Duration::from_secs(3600));
        assert_eq!(read(shop, &second).await["promise"], Value::Null);
        assert_eq!(
            jobs::run_now(&shop.app, "expire-holds").await.unwrap(),
            "2 holds ended"
        );
        assert_eq!(shown(shop, &link, "?province=41").await["ships_on"], "2024-01-20");
        assert_clean(shop).await;
        let money =
            json!({"received_into": "村集体账户", "amount_fen": second["total_fen"], "reference": "0017"});
        let confirm = desk(&second, "/confirm-payment");
        shop.must(Method::POST, &shop.zhang.manager, &confirm, money)
            .await;
        let revived = read(shop, &second).await;
        assert_eq!(
            (&revived["status"], &revived["promise"]["ships_on"]),
            (&json!("paid"), &json!("2024-01-20"))
        );
        assert!(revived["promise_reason"].is_string(), "{revived}");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn an_edit_of_cases_or_province_is_promised_anew() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        keep(shop, 3, &[carrier("zto", 50)]).await;
        let order = placed(shop, &link, "k1", &near(3)).await;
        let edit = async |order: &Value, wish: Value| {
            let mut wish = wish;
            wish["version"] = order["version"].clone();
            wish["reason"] = json!("买家来电");
            shop.must(Method::POST, &shop.zhang.manager, &desk(order, "/edit"), wish)
                .await;
            assert_clean(shop).await;
            read(shop, order).await
        };
        let fewer = json!({"items": [{"sku": "FT05", "quantity": 2}]});
        let edited = edit(&order, fewer).await;
        assert_eq!(
            (&edited["promise"], &edited["promise_reason"]),
            (&order["promise"], &Value::Null)
        );
        assert_eq!(
            placed(shop, &link, "k2", &near(1)).await["promise"],
            order["promise"],
            "one place is free"
        );
        let far = edit(&edited, json!({"recipient": wish(1)["recipient"]})).await;
        assert_eq!(far["promise"], dates("2024-01-20", "2024-01-23"));
        assert_eq!(far["promise_reason"], "订单改过了");
        let noted = edit(&far, json!({"note": "放门口"})).await;
        assert_eq!(noted["promise"], far["promise"]);
    })
    .await;
}

#[tokio::test]
async fn the_backlog_and_staff_orders_take_their_days_too() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        let before = placed(shop, &link, "k1", &wish_by("cod", 1)).await;
        keep(shop, 3, &[carrier("zto", 50)]).await;
        let report = bring_in(shop, &generic(&[&row(1, 2, "", "paid"), &row(2, 2, "", "paid")])).await;
        assert_eq!(report["created"], 2, "{report}");
        let (_, list) = shop.get(&shop.zhang.manager, "/api/v1/orders?limit=9").await;
        assert_eq!(list["items"].as_array().unwrap().len(), 3);
        let mut third = near(1);
        third.as_object_mut().unwrap().remove("note");
        let of_staff = shop
            .must(Method::POST, &shop.zhang.manager, "/api/v1/orders", third)
            .await;
        // one day for each imported order of two, and the rest of the first for staff's
        assert_eq!(of_staff["promise"]["ships_on"], "2024-01-20", "{of_staff}");
        assert_eq!(shown(shop, &link, "?province=41").await["ships_on"], "2024-01-21");
        assert_eq!(read(shop, &before).await["promise"], Value::Null);
        let ran = jobs::run_now(&shop.app, "promise-backlog").await.unwrap();
        assert_eq!(ran, "1 promised");
        assert_eq!(
            read(shop, &before).await["promise"],
            dates("2024-01-21", "2024-01-24")
        );
        assert_eq!(
            jobs::run_now(&shop.app, "promise-backlog").await.unwrap(),
            "0 promised"
        );
        assert_eq!(shown(shop, &link, "?province=41").await["ships_on"], "2024-01-22");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_sold_ahead_of_its_lot_waits_for_it() {
    on_both(async |shop| {
        let link = stand(shop, 2).await;
        keep(shop, 60, &[carrier("zto", 50)]).await;
        let ahead = json!({"cases": 5, "ready_on": "2024-01-26"});
        shop.must(
            Method::PUT,
            &shop.zhang.manager,
            "/api/v1/stock/FT05/ahead",
            ahead,
        )
        .await;
        let today = dates("2024-01-20", "2024-01-21");
        assert_eq!(placed(shop, &link, "k1", &near(1)).await["promise"], today);
        assert_eq!(shown(shop, &link, "?province=41").await, today);
        let waits = dates("2024-01-26", "2024-01-27");
        assert_eq!(placed(shop, &link, "k2", &near(2)).await["promise"], waits);
        assert_eq!(shown(shop, &link, "?province=41").await, waits);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn less_capacity_breaks_no_promise() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        keep(shop, 5, &[carrier("zto", 50), carrier("sf", 1)]).await;
        let order = placed(shop, &link, "k1", &near(4)).await;
        let manager = &shop.zhang.manager;
        let snow = json!({"cases_per_day": 5, "days": {"2024-01-20": 0}});
        shop.must(Method::PUT, manager, CAPACITY, snow).await;
        assert_eq!(read(shop, &order).await["promise"], order["promise"]);
        assert_eq!(
            placed(shop, &link, "k2", &near(1)).await["promise"]["ships_on"],
            "2024-01-21"
        );
        assert_clean(shop).await;
        // a carrier that is gone collects nothing; what was promised with it stays as it is
        shop.must(
            Method::PUT,
            manager,
            CARRIERS,
            json!({"items": [carrier("sf", 9)]}),
        )
        .await;
        assert_eq!(
            placed(shop, &link, "k3", &near(1)).await["promise"]["ships_on"],
            "2024-01-21"
        );
        shop.must(Method::POST, "", &path(&order, "/cancel"), json!({}))
            .await;
        assert_clean(shop).await;
        let more = json!({"cases_per_day": 9, "days": {}});
        shop.must(Method::PUT, manager, CAPACITY, more).await;
        assert_eq!(
            placed(shop, &link, "k4", &near(9)).await["promise"]["ships_on"],
            "2024-01-20"
        );
        assert_clean(shop).await;
    })
    .await;
}

/// A season in little: random orders, some cancelled. What the quote says is what the order gets, and nothing that was
/// promised is taken from anybody.
#[tokio::test]
async fn random_orders_keep_what_they_were_told() {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    on_both(async |shop| {
        let link = stand(shop, 900).await;
        let mut sf = carrier("sf", 4);
        sf["transit_days"] = json!({"41": 1, "44": 2});
        keep(shop, 12, &[carrier("zto", 8), sf]).await;
        let mut random = StdRng::seed_from_u64(7);
        let mut told: Vec<(Value, Value)> = Vec::new();
        for at in 0..120 {
            let cases = random.random_range(1..=5);
            let (mut wish, province) = if random.random_bool(0.5) {
                (near(cases), "河南")
            } else {
                (wish(cases), "广东")
            };
            wish["payment_method"] = json!("cod");
            let ask = json!({"items": wish["items"], "province": province});
            let quote = format!("{LINKS}/{link}/quote");
            let quote = shop.must(Method::POST, "", &quote, ask).await;
            let order = placed(shop, &link, &format!("k{at}"), &wish).await;
            assert_eq!(order["promise"], quote["promise"], "order {at}");
            told.push((order, quote["promise"].clone()));
            if random.random_range(0..6) == 0 {
                let (gone, _) = told.swap_remove(random.random_range(0..told.len()));
                shop.must(Method::POST, "", &path(&gone, "/cancel"), json!({}))
                    .await;
            }
            shop.app
                .clock
                .advance(Duration::from_secs(random.random_range(0..3_600)));
        }
        for (order, promise) in &told {
            assert_eq!(&read(shop, order).await["promise"], promise);
        }
        assert_clean(shop).await;
    })
    .await;
}
