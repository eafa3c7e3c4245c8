//! From paid backlog to the carrier's van: planned, released, packed, handed over, and each step undone while it can be.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, on_both};
use crate::buyer::{assert_clean, path, placed, problem, read, stand, wish_by};
use crate::imports::{GROUP, backlog, bring_in, stocked};

pub const PLAN: &str = "/api/v1/plan";
pub const BATCHES: &str = "/api/v1/batches";

/// Usual days on the way, by province.
static TRANSIT: &str = include_str!("../../src/calendar/transit-days.csv");

/// The carriers of January 2024.
pub fn carriers() -> Value {
    let transit = |delta: i64| -> BTreeMap<String, i64> {
        let rows = TRANSIT.lines().skip(1);
        let rows = rows.map(|line| line.split(',').collect::<Vec<_>>());
        rows.map(|row| (row[0].to_owned(), (row[2].parse::<i64>().unwrap() + delta).max(1)))
            .collect()
    };
    let stop = |province: &str, days: [&str; 3]| json!({"province": province, "collects_until": days[0], "delivers_until": days[1], "resumes_on": days[2]});
    json!({"items": [
        {"carrier": "zto", "name": "中通快递", "pickup_cases_per_day": 50, "fen_per_case": 900, "transit_days": transit(0),
         "stops": [stop("*", ["2024-02-04", "2024-02-08", "2024-02-18"]),
                   stop("65", ["2024-01-30", "2024-02-06", "2024-02-18"]),
                   stop("54", ["2024-01-29", "2024-02-06", "2024-02-18"])]},
        {"carrier": "sf", "name": "顺丰速运", "pickup_cases_per_day": 20, "fen_per_case": 1_700, "transit_days": transit(-1),
         "stops": [stop("*", ["2024-02-09", "2024-02-17", "2024-02-18"])]},
        {"carrier": "ems", "name": "中国邮政", "pickup_cases_per_day": 30, "fen_per_case": 1_100, "transit_days": transit(1),
         "stops": [stop("*", ["2024-02-07", "2024-02-09", "2024-02-15"])]},
    ]})
}

/// The workshop's capacity and the carriers.
pub async fn opened(shop: &TestApp, cases_per_day: i64) {
    let manager = &shop.zhang.manager;
    shop.must(
        Method::PUT,
        manager,
        "/api/v1/capacity",
        json!({"cases_per_day": cases_per_day, "days": {}}),
    )
    .await;
    shop.must(Method::PUT, manager, "/api/v1/carriers", carriers())
        .await;
}

pub async fn plan(shop: &TestApp, body: Value) -> Value {
    shop.must(Method::POST, &shop.zhang.manager, PLAN, body).await
}

pub fn request(commit: bool) -> Value {
    json!({"as_of": "2024-01-20", "deadline": "2024-02-08", "commit": commit})
}

/// All batches.
pub async fn all(shop: &TestApp) -> Vec<Value> {
    let (status, page) = shop
        .get(&shop.zhang.packer, &format!("{BATCHES}?limit=200"))
        .await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

pub async fn act(shop: &TestApp, batch: &Value, act: &str, body: Value) -> (u16, Value) {
    let path = format!("{BATCHES}/{}/{act}", batch["id"].as_str().unwrap());
    shop.post(&shop.zhang.manager, &path, body).await
}

pub async fn must(shop: &TestApp, batch: &Value, name: &str, body: Value) -> Value {
    let (status, answer) = act(shop, batch, name, body).await;
    assert_eq!(status, 200, "{name}: {answer}");
    answer
}

pub async fn details(shop: &TestApp, batch: &Value) -> Value {
    let path = format!("{BATCHES}/{}", batch["id"].as_str().unwrap());
    let (status, details) = shop.get(&shop.zhang.packer, &path).await;
    assert_eq!(status, 200, "{details}");
    details
}

/// The codes of a batch's parcels.
pub async fn codes(shop: &TestApp, batch: &Value) -> Vec<String> {
    let details = details(shop, batch).await;
    let parcels = details["parcels"].as_array().unwrap();
    parcels
        .iter()
        .map(|parcel| parcel["code"].as_str().unwrap().to_owned())
        .collect()
}

/// What became of each parcel.
pub fn outcomes(act: &Value) -> Vec<&str> {
    let results = act["results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["outcome"].as_str().unwrap())
        .collect()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

/// An order that is planned, by itself in the shop; gives it and its batch.
pub async fn one_planned(shop: &TestApp, quantity: i64) -> (Value, Value) {
    opened(shop, 60).await;
    let link = stand(shop, 20).await;
    let order = placed(shop, &link, "k1", &wish_by("practice", quantity)).await;
    pay(shop, &order).await;
    plan(shop, request(true)).await;
    let batch = all(shop).await[0].clone();
    (order, batch)
}

/// The buyer pays with play money.
pub async fn pay(shop: &TestApp, order: &Value) {
    let step = shop
        .must(
            Method::POST,
            "",
            &path(order, "/payments"),
            json!({"method": "practice"}),
        )
        .await;
    let payment = step["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    shop.must(
        Method::POST,
        "",
        &format!("/api/v1/practice/{payment}/pay"),
        json!({}),
    )
    .await;
}

#[tokio::test]
async fn the_backlog_of_380_cases_leaves_in_time() {
    on_both(async |shop| {
        opened(shop, 60).await;
        stocked(shop, 500).await;
        bring_in(shop, GROUP).await;
        let asked = plan(shop, request(false)).await;
        assert_eq!(
            (all(shop).await.len(), &asked["committed"]),
            (0, &json!(false)),
            "a question makes nothing"
        );
        let made = plan(shop, request(true)).await;
        assert_eq!((&made["days"], &made["late"]), (&asked["days"], &asked["late"]));
        let days = made["days"].as_array().unwrap();
        assert!(days.iter().all(|day| number(&day["cases"]) <= 60), "{days:?}");
        let late = made["late"].as_array().unwrap();
        assert_eq!(number(&made["late_count"]), i64::try_from(late.len()).unwrap());
        let unsent = late.iter().filter(|row| row["ship_on"].is_null());
        let cases: i64 = days.iter().chain(unsent).map(|row| number(&row["cases"])).sum();
        assert_eq!(cases, 380);
        assert!(
            late.iter().all(|row| row["reason"].as_str().unwrap().len() > 5),
            "{late:?}"
        );
        let batches = all(shop).await;
        let mut by_day: BTreeMap<&str, i64> = BTreeMap::new();
        for batch in &batches {
            assert_eq!(batch["state"], "planned");
            assert!(
                number(&batch["cases"]) <= number(&batch["pickup_cases"]),
                "{batch}"
            );
            *by_day.entry(batch["ship_on"].as_str().unwrap()).or_default() += number(&batch["cases"]);
        }
        let planned: BTreeMap<&str, i64> = days
            .iter()
            .map(|day| (day["ship_on"].as_str().unwrap(), number(&day["cases"])))
            .collect();
        assert_eq!(by_day, planned, "the batches are the plan");
        assert_clean(shop).await;

        let again = plan(shop, request(true)).await;
        assert_eq!(
            again["diff"],
            json!({"moved": [], "new": [], "gone": []}),
            "no news, no change"
        );
        assert_eq!(all(shop).await, batches);

        for batch in &batches {
            let released = must(shop, batch, "release", json!({})).await;
            assert_eq!(released["state"], "released");
            let codes = codes(shop, batch).await;
            let packed = must(shop, batch, "pack", json!({"parcels": codes})).await;
            assert!(outcomes(&packed).iter().all(|it| *it == "done"), "{packed}");
            assert_eq!(
                (&packed["state"], &packed["packed_cases"]),
                (&json!("packed"), &batch["cases"])
            );
            let gone = must(shop, batch, "hand-over", json!({})).await;
            assert_eq!(gone["state"], "handed_over", "{gone}");
        }
        assert_eq!(backlog(shop).await, (380 - cases_of(&batches), 0));
        let (_, page) = shop
            .get(&shop.zhang.manager, "/api/v1/orders?status=shipped&limit=200")
            .await;
        assert_eq!(page["items"].as_array().unwrap().len(), 166);
        assert_clean(shop).await;
    })
    .await;
}

fn cases_of(batches: &[Value]) -> i64 {
    batches.iter().map(|batch| number(&batch["cases"])).sum()
}

#[tokio::test]
async fn a_parcel_is_packed_once_and_undone_step_by_step() {
    on_both(async |shop| {
        let (order, batch) = one_planned(shop, 3).await;
        let codes = codes(shop, &batch).await;
        assert_eq!(codes, ["P00018"]);
        let list = json!({"parcels": codes});
        let (status, answer) = act(shop, &batch, "pack", list.clone()).await;
        assert_eq!((status, problem(&answer)), (409, "batch-state"), "{answer}");
        must(shop, &batch, "release", json!({})).await;
        let (status, answer) = act(shop, &batch, "hand-over", json!({})).await;
        assert_eq!((status, problem(&answer)), (409, "nothing-packed"));

        let preview = must(shop, &batch, "pack?preview=true", list.clone()).await;
        assert_eq!(
            (&preview["preview"], &preview["packed_cases"]),
            (&json!(true), &json!(3))
        );
        assert_eq!(details(shop, &batch).await["packed_cases"], 0, "nothing was done");

        let mixed = json!({"parcels": ["p00018", codes[0], "P00026", "nothing", "P00019", ""]});
        let packed = must(shop, &batch, "pack", mixed).await;
        let mut seen = outcomes(&packed);
        seen.sort_unstable();
        assert_eq!(
            seen,
            ["done", "repeated", "unknown", "unknown", "unknown", "unknown"],
            "{packed}"
        );
        assert_eq!(packed["state"], "packed");
        let again = must(shop, &batch, "pack", list.clone()).await;
        assert_eq!(
            (outcomes(&again), &again["packed_cases"]),
            (vec!["already_done"], &json!(3))
        );
        assert_eq!(read(shop, &order).await["status"], "packed");
        assert_eq!(read(shop, &order).await["parcels"][0]["status"], "packed");
        let (status, answer) = shop.post("", &path(&order, "/cancel"), json!({})).await;
        assert_eq!((status, problem(&answer)), (409, "already-packed"));

        let numbers = json!({"items": [{"parcel": codes[0], "waybill": "zt0001234567"}]});
        assert_eq!(outcomes(&must(shop, &batch, "waybills", numbers).await), ["done"]);
        must(shop, &batch, "hand-over", json!({})).await;
        let seen = read(shop, &order).await;
        assert_eq!(
            [
                &seen["status"],
                &seen["parcels"][0]["status"],
                &seen["parcels"][0]["waybill"]
            ],
            ["shipped", "shipped", "ZT0001234567"]
        );
        assert_clean(shop).await;

        must(shop, &batch, "take-back", json!({})).await;
        assert_eq!(read(shop, &order).await["status"], "packed");
        assert_clean(shop).await;
        must(shop, &batch, "unpack", list.clone()).await;
        assert_eq!(read(shop, &order).await["status"], "paid");
        must(shop, &batch, "recall", json!({})).await;
        assert_eq!(details(shop, &batch).await["state"], "planned");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_cancelled_meanwhile_is_not_packed() {
    on_both(async |shop| {
        let (order, batch) = one_planned(shop, 2).await;
        let codes = codes(shop, &batch).await;
        let link = crate::buyer::link(shop, &shop.zhang.manager, json!({})).await;
        let other = placed(shop, &link, "k2", &wish_by("practice", 1)).await;
        pay(shop, &other).await;
        let made = plan(shop, request(true)).await;
        assert_eq!(made["diff"]["new"].as_array().unwrap().len(), 1, "{made}");
        assert_eq!(all(shop).await.len(), 1, "the same day and carrier");
        must(shop, &batch, "release", json!({})).await;

        shop.must(Method::POST, "", &path(&order, "/cancel"), json!({}))
            .await;
        let seen = details(shop, &batch).await;
        let held = seen["parcels"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["code"] == json!(codes[0]))
            .unwrap();
        assert_eq!(held["holds"], json!(["order_cancelled"]));
        let both = self::codes(shop, &batch).await;
        let packed = must(shop, &batch, "pack", json!({"parcels": both})).await;
        let mut seen = outcomes(&packed);
        seen.sort_unstable();
        assert_eq!(seen, ["done", "held"], "{packed}");
        let taken = must(shop, &batch, "take-out", json!({"parcels": codes})).await;
        assert_eq!(
            (outcomes(&taken), &taken["state"]),
            (vec!["done"], &json!("packed"))
        );
        must(shop, &batch, "hand-over", json!({})).await;
        assert_eq!(read(shop, &order).await["status"], "refunded");
        assert_clean(shop).await;
    })
    .await;
}
