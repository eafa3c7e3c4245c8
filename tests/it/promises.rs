//! The date that a buyer is told before paying is held like stock: the last place of a day goes to one order.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::jobs;
use serde_json::{Value, json};

use crate::app::{TestApp, on_both};
use crate::buyer::{LINKS, assert_clean, desk, path, place, placed, read, stand, wish, wish_by};
use crate::calendar::{CAPACITY, CARRIERS, carrier, keep};
use crate::imports::{bring_in, generic, row};

/// A wish of so many cases to a place in Henan, a day on the way.
pub fn near(quantity: i64) -> Value {
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
        keep(shop, 60, &[carrier("zto", 50)]).await;
        let next = placed(shop, &link, "k3", &near(1)).await;
        assert_eq!(next["promise"], dates("2024-01-20", "2024-01-21"), "at once");
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

#[tokio::test]
async fn the_pages_say_when_it_would_arrive() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        let page = format!("/s/{link}");
        let (_, plain) = shop.get("", &page).await;
        assert!(!plain.as_str().unwrap().contains("各省什么时候到"));
        keep(shop, 60, &[carrier("zto", 50)]).await;
        let (_, seen) = shop.get("", &page).await;
        let seen = seen.as_str().unwrap();
        for words in ["最晚1月21日", "河南省", "最晚1月23日", "广东省", "最晚2月4日下单"]
        {
            assert!(seen.contains(words), "{words}: {seen}");
        }
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("act", "preview"),
                ("quantity.FT05", "2"),
                ("name", "苏宇"),
                ("phone", "13800138000"),
                ("province", "广东省"),
                ("city", "深圳市"),
                ("district", "南山区"),
                ("street", "科技园路 1 号"),
                ("method", "transfer"),
            ])
            .finish();
        let request = Request::post(&page)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form));
        let (status, preview) = shop.send(request.unwrap()).await;
        let preview = preview.as_str().unwrap();
        assert_eq!(status, 200, "{preview}");
        assert!(preview.contains("1月20日发出，最晚1月23日送到"), "{preview}");
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let (_, page) = shop
            .get("", &format!("/o/{}", order["token"].as_str().unwrap()))
            .await;
        let page = page.as_str().unwrap();
        assert!(page.contains("1月20日发出，最晚1月23日送到"), "{page}");
    })
    .await;
}
