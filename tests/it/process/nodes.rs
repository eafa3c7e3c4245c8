//! Several programs on one database, and a rush for what there is too little of.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cunji::db::Db;

use super::shop::{self, found, place_order, stocked};
use super::{Place, Server};

const CASES: i64 = 200;
const BUYERS: usize = 400;
const AT_ONCE: usize = 64;

/// The answers' status codes to 400 buyers, 64 at a time, taking the servers in turns.
async fn rush(servers: &[&Server], link: &str) -> Vec<u16> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut buyers = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let addresses: Vec<_> = servers.iter().map(|server| server.address).collect();
        let (next, link) = (Arc::clone(&next), link.to_owned());
        buyers.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let buyer = next.fetch_add(1, Ordering::Relaxed);
                if buyer >= BUYERS {
                    return answers;
                }
                let at = addresses[buyer % addresses.len()];
                let answer = place_order(at, &link, "MS10", &format!("buyer-{buyer}"))
                    .await
                    .unwrap();
                let sold_out = answer.status != 409 || answer.text().contains("/problems/sold-out");
                assert!(sold_out, "{}", answer.text());
                answers.push(answer.status);
            }
        });
    }
    buyers.join_all().await.into_iter().flatten().collect()
}

async fn cases_in(place: &Place) -> i64 {
    let db = Db::connect(&place.database).await.unwrap();
    let cases: i64 = cunji::on!(db, ex => sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(ordered - cancelled), 0) AS BIGINT) FROM order_line").fetch_one(ex).await)
    .unwrap();
    db.close().await;
    cases
}

async fn two_hundred_of_four_hundred(engine: &str, nodes: usize) {
    let place = Place::on(engine);
    let token = found(&place);
    let servers: Vec<_> = (0..nodes).map(|_| place.serve()).collect();
    let servers: Vec<_> = servers.iter().collect();
    for server in &servers {
        server.ready().await;
    }
    let link = stocked(servers[0], &token, &[("MS10", CASES)]).await;
    let answers = rush(&servers, &link).await;
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!((count(201), count(409), answers.len()), (200, 200, BUYERS));
    assert_eq!(cases_in(&place).await, CASES);
    assert_eq!(shop::stock_of(servers[0], &token, "MS10").await, (CASES, 0));
    place.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_sell_what_there_is_and_no_more() {
    two_hundred_of_four_hundred("postgres", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_sells_what_there_is_and_no_more() {
    two_hundred_of_four_hundred("sqlite", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_on_two_nodes_at_once_makes_one_order() {
    let place = Place::on("postgres");
    let token = found(&place);
    let (one, other) = (place.serve(), place.serve());
    one.ready().await;
    other.ready().await;
    let link = stocked(&one, &token, &[("MS10", CASES)]).await;
    const KEYS: i64 = 40;
    for number in 0..KEYS {
        let key = format!("key-{number}");
        let (a, b) = tokio::join!(
            place_order(one.address, &link, "MS10", &key),
            place_order(other.address, &link, "MS10", &key)
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        let mut both = [a.status, b.status];
        both.sort_unstable();
        assert_eq!(both, [200, 201], "{} {}", a.text(), b.text());
        assert_eq!(a.json()["number"], b.json()["number"]);
    }
    assert_eq!(cases_in(&place).await, KEYS);
    place.check();
}
