//! Packing without a signal: whatever way scans come in, they end like scans that were sent one by one.

use std::time::Duration;

use axum::http::Method;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::app::{TestApp, on_both};
use crate::batches::{all, codes, details, must, one_planned, opened, outcomes, plan, request};
use crate::buyer::assert_clean;
use crate::imports::{GROUP, bring_in, stocked};

/// A phone's scan: its number makes the key, its second the moment.
pub fn scan(number: u32, code: &str, act: &str, second: u32) -> Value {
    let (hour, minute) = (1 + second / 3_600, second / 60 % 60);
    let at = format!("2024-01-20T{hour:02}:{minute:02}:{:02}Z", second % 60);
    json!({"key": format!("018d0000-0000-7000-8000-{number:012}"), "code": code, "act": act, "at": at})
}

pub async fn sync(shop: &TestApp, batch: &Value, scans: &[Value]) -> Value {
    let path = format!("/api/v1/batches/{}/scans", batch["id"].as_str().unwrap());
    let body = json!({"scans": scans});
    shop.must(Method::POST, &shop.zhang.packer, &path, body).await
}

/// Codes of what is packed in a batch.
async fn packed(shop: &TestApp, batch: &Value) -> Vec<String> {
    let details = details(shop, batch).await;
    let parcels = details["parcels"].as_array().unwrap().iter();
    let packed = parcels.filter(|parcel| !parcel["packed_at"].is_null());
    packed
        .map(|parcel| parcel["code"].as_str().unwrap().to_owned())
        .collect()
}

/// The largest batch of the backlog of 380 cases, released, with one of its parcels held.
async fn released(shop: &TestApp) -> (Value, Vec<String>) {
    opened(shop, 60).await;
    stocked(shop, 500).await;
    bring_in(shop, GROUP).await;
    plan(shop, request(true)).await;
    let batches = all(shop).await;
    let batch = batches
        .iter()
        .max_by_key(|batch| batch["parcel_count"].as_i64())
        .unwrap()
        .clone();
    must(shop, &batch, "release", json!({})).await;
    let codes = codes(shop, &batch).await;
    let hold = json!({"parcels": [codes[0]], "reason": "等买家回话"});
    must(shop, &batch, "hold", hold).await;
    (batch, codes)
}

/// What packers do from a second on: scan, take back, scan again; some of it a parcel of nobody, or one that is held.
fn shift(rng: &mut StdRng, from: u32, codes: &[String]) -> Vec<(u32, String, &'static str, u32)> {
    let mut scans = Vec::new();
    for at in 0..60 {
        let code = match rng.random_range(0..12) {
            0 => "P99999".to_owned(),
            1 => codes[0].to_lowercase(),
            _ => codes[rng.random_range(1..8.min(codes.len()))].clone(),
        };
        let act = if rng.random_bool(0.65) { "pack" } else { "unpack" };
        // two may be scanned in one second
        scans.push((from * 100 + at, code, act, from + at / 2));
    }
    scans
}

#[tokio::test]
async fn queued_scans_end_like_scans_sent_one_by_one() {
    on_both(async |shop| {
        let (batch, codes) = released(shop).await;
        shop.app.clock.advance(Duration::from_secs(7_200));
        let mut rng = StdRng::seed_from_u64(20_240_120);
        for round in 0..4 {
            let from = round * 600;
            let scans = shift(&mut rng, from, &codes);
            let made = |later: u32| -> Vec<Value> {
                let each = scans.iter();
                each.map(|(key, code, act, at)| scan(key + later * 100, code, act, at + later))
                    .collect()
            };
            let one_by_one = made(0);
            for one in &one_by_one {
                sync(shop, &batch, std::slice::from_ref(one)).await;
            }
            let online = packed(shop, &batch).await;
            assert!(
                !online.is_empty() && !online.contains(&codes[0]),
                "what is held stays"
            );
            let undone = (0..)
                .zip(&codes)
                .map(|(at, code)| scan(9_000_000 + from + at, code, "unpack", from + 200));
            sync(shop, &batch, &undone.collect::<Vec<_>>()).await;
            assert!(packed(shop, &batch).await.is_empty());

            // the same shift again, as it comes from phones that have found the signal again
            let mut queued = made(300);
            queued.extend_from_within(..20);
            queued.shuffle(&mut rng);
            let mut rest = queued.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rng.random_range(1..=rest.len().min(25)));
                sync(shop, &batch, now).await;
                rest = later;
            }
            assert_eq!(packed(shop, &batch).await, online, "round {round}");
            sync(shop, &batch, &one_by_one).await;
            assert_eq!(packed(shop, &batch).await, online, "old scans change nothing");
            assert_clean(shop).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_late_scan_packs_nothing_again() {
    on_both(async |shop| {
        let (_, batch) = one_planned(shop, 3).await;
        let code = codes(shop, &batch).await[0].clone();
        let first = scan(1, &code, "pack", 1);
        assert_eq!(
            outcomes(&sync(shop, &batch, std::slice::from_ref(&first)).await),
            ["not_released"]
        );
        must(shop, &batch, "release", json!({})).await;
        let pair = [scan(2, &code, "unpack", 2), first.clone()];
        assert_eq!(
            outcomes(&sync(shop, &batch, &pair).await),
            ["already_done", "overtaken"]
        );
        let again = [scan(3, &code, "pack", 3), scan(3, &code, "pack", 3)];
        let answer = sync(shop, &batch, &again).await;
        assert_eq!(outcomes(&answer), ["done", "done"]);
        assert_eq!(answer["batch"]["packed_cases"], 3);
        let answer = sync(shop, &batch, &again).await;
        assert_eq!(outcomes(&answer), ["already_done"; 2]);
        assert_eq!(answer["batch"]["packed_cases"], 3, "packed once");

        // staff unpack it at the desk; the phone, which has heard no answer, sends its scan once more
        must(shop, &batch, "unpack", json!({"parcels": [code]})).await;
        assert_eq!(outcomes(&sync(shop, &batch, &again).await), ["overtaken"; 2]);
        assert!(packed(shop, &batch).await.is_empty());

        let ahead = json!({"key": "018d0000-0000-7000-8000-000000000009", "code": code, "act": "pack",
                           "at": "2024-02-20T01:00:00Z"});
        let odd = [
            ahead,
            scan(10, "P99999", "pack", 9),
            scan(11, "nothing", "pack", 9),
        ];
        assert_eq!(
            outcomes(&sync(shop, &batch, &odd).await),
            ["bad_clock", "unknown", "unknown"]
        );
        shop.app.clock.advance(Duration::from_secs(7_200));
        must(shop, &batch, "pack", json!({"parcels": [code]})).await;
        must(shop, &batch, "hand-over", json!({})).await;
        let late = [scan(12, &code, "pack", 10), scan(13, &code, "unpack", 11)];
        assert_eq!(
            outcomes(&sync(shop, &batch, &late).await),
            ["overtaken", "handed_over"]
        );
        assert_eq!(outcomes(&sync(shop, &batch, &late[..1]).await), ["already_done"]);
        assert_clean(shop).await;
    })
    .await;
}
