//! `kill -9` in the middle of a burst, again and again. What was answered is there, what was not can be asked again under
//! its key, and nothing is sold twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::shop::{found, place_order, stock_of, stocked};
use super::{Place, Server, http};

const CLIENTS: usize = 32;
/// Orders that each client has in mind for a round.
const EACH: usize = 8;
/// Every so many orders ask for the sku of which there is too little.
const RARE_EVERY: usize = 8;
const RARE_CASES: i64 = 60;
const PLENTY: i64 = 100_000;

/// An answered order: its number and token.
type Known = (String, String);

struct Round {
    /// keys and their sku of requests without an answer
    open: Vec<(String, &'static str)>,
    answered: HashMap<String, Known>,
    sold_out: usize,
}

fn sku_of(order: usize) -> &'static str {
    if order.is_multiple_of(RARE_EVERY) {
        "RARE"
    } else {
        "MS10"
    }
}

/// A burst that is cut short after `after` answers.
async fn burst(server: &mut Server, link: &str, round: usize, after: usize) -> Round {
    let answers = Arc::new(AtomicUsize::new(0));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (at, link, answers) = (server.address, link.to_owned(), Arc::clone(&answers));
        clients.spawn(async move {
            let mut results = Vec::with_capacity(EACH);
            for turn in 0..EACH {
                let order = client * EACH + turn;
                let (key, sku) = (format!("round-{round}-order-{order}"), sku_of(order));
                let answer = place_order(at, &link, sku, &key).await.ok();
                if answer.is_some() {
                    answers.fetch_add(1, Ordering::SeqCst);
                }
                results.push((key, sku, answer));
            }
            results
        });
    }
    // the clients end also when the kill comes too late, so this does
    while answers.load(Ordering::SeqCst) < after {
        tokio::task::yield_now().await;
    }
    server.kill();
    let mut seen = Round {
        open: Vec::new(),
        answered: HashMap::new(),
        sold_out: 0,
    };
    for (key, sku, answer) in clients.join_all().await.into_iter().flatten() {
        match answer {
            None => seen.open.push((key, sku)),
            Some(answer) if answer.status == 409 && sku == "RARE" => seen.sold_out += 1,
            Some(answer) => {
                assert_eq!(answer.status, 201, "{}", answer.text());
                seen.answered.insert(key, known(&answer));
            }
        }
    }
    seen
}

fn known(answer: &http::Answer) -> Known {
    let order = answer.json();
    let text = |field: &str| order[field].as_str().unwrap().to_owned();
    (text("number"), text("token"))
}

/// Asks again for everything that had no answer, and reads everything that had one; then all orders of the round.
async fn settle(server: &Server, link: &str, round: Round) -> Vec<(String, &'static str)> {
    let at = server.address;
    let mut buyers = tokio::task::JoinSet::new();
    for (key, sku) in round.open {
        let link = link.to_owned();
        buyers.spawn(async move {
            let first = place_order(at, &link, sku, &key).await.unwrap();
            if first.status == 409 && sku == "RARE" {
                return None;
            }
            assert!(
                matches!(first.status, 200 | 201),
                "{key}: {} {}",
                first.status,
                first.text()
            );
            let again = place_order(at, &link, sku, &key).await.unwrap();
            assert_eq!((again.status, known(&again)), (200, known(&first)), "{key}");
            Some((known(&first).0, sku))
        });
    }
    for (key, (number, token)) in round.answered {
        buyers.spawn(async move {
            let read = http::get(at, &format!("/api/v1/orders/{token}")).await.unwrap();
            assert_eq!(
                (read.status, read.json()["number"].as_str()),
                (200, Some(&*number)),
                "{key}"
            );
            let sku = if read.json()["items"][0]["sku"] == "RARE" {
                "RARE"
            } else {
                "MS10"
            };
            Some((number, sku))
        });
    }
    buyers.join_all().await.into_iter().flatten().collect()
}

async fn killed(engine: &str, rounds: usize) {
    let place = Place::on(engine);
    let token = found(&place);
    let mut chance = StdRng::seed_from_u64(380);
    let mut server = place.serve();
    server.ready().await;
    let link = stocked(&server, &token, &[("MS10", PLENTY), ("RARE", RARE_CASES)]).await;
    let (mut orders, mut sold, mut open, mut refused) = (HashSet::new(), HashMap::new(), 0, 0);
    for round in 0..rounds {
        let after = chance.random_range(1..CLIENTS * (EACH - 3));
        let seen = burst(&mut server, &link, round, after).await;
        open += seen.open.len();
        refused += seen.sold_out;
        server = place.serve();
        server.ready().await;
        for (number, sku) in settle(&server, &link, seen).await {
            assert!(orders.insert(number.clone()), "two buyers have {number}");
            *sold.entry(sku).or_insert(0) += 1;
        }
    }
    assert!(
        open > rounds,
        "the kills came after the bursts: {open} requests had no answer"
    );
    let (plenty, rare) = (sold["MS10"], sold["RARE"]);
    println!("{engine}: {plenty} and {rare} of {RARE_CASES} sold, {open} asked again, {refused} sold out");
    // held is what the database has sold: an order made twice, or one that nobody knows of, would show here
    assert_eq!(stock_of(&server, &token, "MS10").await, (plenty, PLENTY - plenty));
    assert_eq!(stock_of(&server, &token, "RARE").await, (rare, RARE_CASES - rare));
    assert!(rare == RARE_CASES, "{rare} of {RARE_CASES} were sold");
    server.stop();
    place.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    killed("sqlite", 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_postgresql() {
    killed("postgres", 5).await;
}
