//! What the workshop and the carriers can take, as staff keep it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};

pub const CAPACITY: &str = "/api/v1/capacity";
pub const CARRIERS: &str = "/api/v1/carriers";
const WARNINGS: &str = "/api/v1/calendar/warnings";

/// A carrier of the stories: a day on the way within Henan, three to Guangdong, and the stop of 2024.
pub fn carrier(code: &str, pickup: i64) -> Value {
    json!({
        "carrier": code, "name": "中通快递", "cut_off": "17:00", "pickup_cases_per_day": pickup,
        "days": {"2024-01-24": 0}, "fen_per_case": 900, "transit_days": {"41": 1, "44": 3},
        "stops": [{"province": "*", "collects_until": "2024-02-04", "delivers_until": "2024-02-08",
                   "resumes_on": "2024-02-18"}],
    })
}

/// Keeps a calendar from now on: so many cases a day, and these carriers.
pub async fn keep(shop: &TestApp, cases_per_day: i64, carriers: &[Value]) {
    let manager = &shop.zhang.manager;
    let capacity = json!({"cases_per_day": cases_per_day, "days": {}});
    shop.must(Method::PUT, manager, CAPACITY, capacity).await;
    shop.must(Method::PUT, manager, CARRIERS, json!({"items": carriers}))
        .await;
}

#[tokio::test]
async fn the_calendar_is_replaced_as_a_whole() {
    on_both(async |shop| {
        let (manager, packer) = (&shop.zhang.manager, &shop.zhang.packer);
        let none = json!({"cases_per_day": 0, "days": {}});
        assert_eq!(shop.get(packer, CAPACITY).await, (200, none.clone()));
        assert_eq!(shop.get(packer, CARRIERS).await, (200, json!({"items": []})));

        let capacity = json!({"cases_per_day": 60, "days": {"2024-01-21": 0, "2024-01-25": 120}});
        let mut sf = carrier("sf", 20);
        sf["stops"] = json!([]);
        sf.as_object_mut().unwrap().remove("name");
        sf.as_object_mut().unwrap().remove("cut_off");
        let carriers = json!({"items": [carrier("zto", 50), sf, carrier("ems", 30)]});
        let epoch = shop.app.db.supply_epoch();
        for (path, body) in [(CAPACITY, &capacity), (CARRIERS, &carriers)] {
            assert_eq!(shop.put(packer, path, body.clone()).await.0, 403);
            assert_eq!(shop.put("", path, body.clone()).await.0, 401);
            assert_eq!(shop.put(manager, path, body.clone()).await, (200, body.clone()));
            assert_eq!(shop.get(&shop.zhang.host, path).await, (200, body.clone()));
        }
        assert_eq!(shop.app.db.supply_epoch(), epoch + 2, "buyers see new dates");
        assert_eq!(
            shop.get(&shop.li.manager, CAPACITY).await,
            (200, none),
            "a stranger"
        );

        let less = json!({"cases_per_day": 1, "days": {}});
        assert_eq!(
            shop.put(manager, CAPACITY, less.clone()).await,
            (200, less.clone())
        );
        assert_eq!(shop.get(manager, CARRIERS).await.1, carriers, "kept apart");
        let one = json!({"items": [carrier("yto", 5)]});
        assert_eq!(shop.put(manager, CARRIERS, one.clone()).await, (200, one.clone()));
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        let log = log["items"].as_array().unwrap();
        let of = |act| log.iter().filter(move |row| row["act"] == act);
        assert_eq!(
            (of("calendar.capacity").count(), of("calendar.carriers").count()),
            (2, 2)
        );
        let has = |row: &&Value, field: &str, text| row[field].as_str().unwrap().contains(text);
        assert!(of("calendar.carriers").any(|row| has(&row, "before", "ems") && has(&row, "after", "yto")));
    })
    .await;
}

#[tokio::test]
async fn a_wrong_calendar_is_refused_with_its_fields() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        for (body, wrong) in [
            (json!({"cases_per_day": -1}), "cases_per_day"),
            (json!({"days": {}}), "cases_per_day"),
            (json!({"cases_per_day": 1, "more": 1}), "more"),
            (json!({"cases_per_day": 1, "days": {"2024-02-30": 1}}), "days"),
            (
                json!({"cases_per_day": 1, "days": {"+12024-01-01": 1}}),
                "days.+12024-01-01",
            ),
            (
                json!({"cases_per_day": 1, "days": {"2024-01-01": -1}}),
                "days.2024-01-01",
            ),
        ] {
            let (status, problem) = shop.put(manager, CAPACITY, body.clone()).await;
            assert_eq!(status, 422, "{body}");
            assert!(fields(&problem)[0].starts_with(wrong), "{body}: {problem}");
        }
        let mut far = carrier("zto", 1);
        far["transit_days"] = json!({"99": 1});
        let mut endless = carrier("zto", 1);
        endless["stops"][0]["resumes_on"] = json!("2024-02-04");
        for (carrier, wrong) in [
            (far, "items[0].transit_days.99"),
            (endless, "items[0].stops[0].resumes_on"),
            (json!({"carrier": "zto"}), "items[0].pickup_cases_per_day"),
        ] {
            let (status, problem) = shop.put(manager, CARRIERS, json!({"items": [carrier]})).await;
            assert_eq!((status, fields(&problem)), (422, vec![wrong]));
        }
        assert_eq!(shop.get(manager, CARRIERS).await.1, json!({"items": []}));
    })
    .await;
}

#[tokio::test]
async fn a_carrier_starts_with_the_usual_days_and_is_asked_for_its_stop() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let mut zto = carrier("zto", 50);
        zto["transit_days"] = json!({});
        zto["stops"] = json!([]);
        let items = json!({"items": [zto, carrier("sf", 20)]});
        let set = shop.must(Method::PUT, manager, CARRIERS, items).await;
        assert_eq!(set["items"][0]["transit_days"]["65"], 7);
        assert_eq!(set["items"][0]["transit_days"].as_object().unwrap().len(), 31);
        let (_, warned) = shop.get(manager, WARNINGS).await;
        let named: Vec<&Value> = warned["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["carrier"])
            .collect();
        assert_eq!(named, ["zto"], "{warned}");
        assert_eq!(warned["items"][0]["festival_day"], "2024-02-10");
        assert_eq!(warned["festivals"][0]["name"], "春节");
        assert_eq!(shop.get(&shop.li.manager, WARNINGS).await.1["items"], json!([]));
    })
    .await;
}
