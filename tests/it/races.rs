//! Many buyers for the places of a few days: each place goes to one, and nobody loses what they were told.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::db::Db;
use cunji::id::Ids;
use cunji::state::App;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, on_both};
use crate::buyer::{LINKS, assert_clean, path, placed, read, stand, wish};
use crate::calendar::{carrier, keep};
use crate::goods::{add_sku, product, receive, sku};
use crate::promises::near;

/// The same shop on another node.
async fn node(shop: &TestApp) -> Router {
    let db = Db::connect(&shop.app.config.database_url).await.unwrap();
    let mut config = (*shop.app.config).clone();
    config.now = Some(shop.app.clock.now());
    App::build(config, db, Ids::seeded(2)).unwrap().service()
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
        let id = product(shop, "mishu").await;
        add_sku(shop, &id, sku("MS10")).await;
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
