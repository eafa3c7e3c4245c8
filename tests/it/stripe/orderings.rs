//! Every ordering of what can happen to a payment: the buyer pays, the hold's time ends and the session is closed, events
//! arrive, arrive again, are lost in a crash. Whatever comes first, the end is one of a few, and the books are right.

use serde_json::Value;

use super::{Fake, Fault, deliver_all, minutes, open, post, reconcile, refunds, shop_on, status};
use crate::app::TestApp;
use crate::buyer::{assert_clean, left, placed, stand, wish_by};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Pay,
    /// the hold's time ends, and what is due is done
    End,
    Deliver,
    /// what was delivered comes again
    Again,
    /// a run of reconcile that dies at its first call, after it was carried out
    Crash,
}

const STEPS: [Step; 5] = [Step::Pay, Step::End, Step::Deliver, Step::Again, Step::Crash];

/// Every order of these.
fn orderings(steps: &[Step]) -> Vec<Vec<Step>> {
    let [first, rest @ ..] = steps else {
        return vec![vec![]];
    };
    let mut all = Vec::new();
    for shorter in orderings(rest) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, *first);
            all.push(longer);
        }
    }
    all
}

/// Lives through one ordering; gives whether the buyer could pay.
async fn live(shop: &TestApp, fake: &Fake, session: &str, steps: &[Step], slowly: bool) -> bool {
    let (mut paid, mut told) = (false, Vec::<Value>::new());
    for step in steps {
        match step {
            Step::Pay if slowly => paid = fake.pay_slowly(session, "alipay") && fake.arrive(session, true),
            Step::Pay => paid = fake.pay(session, "alipay"),
            Step::End => {
                shop.app.clock.advance(minutes(31));
                reconcile(shop).await;
            }
            Step::Deliver => {
                told.extend(fake.lock().outgoing.iter().cloned());
                deliver_all(shop, fake).await;
            }
            Step::Again => {
                for event in &told {
                    assert_eq!(post(shop, fake, event).await, 200);
                }
            }
            Step::Crash => {
                fake.fail(&[Some(Fault::SilentAfter)]);
                tokio::select! {
                    _ = reconcile(shop) => {}
                    () = fake.silence.notified() => {}
                }
                fake.lock().faults.clear();
                // the lease of a run that died ends by itself
                shop.app.clock.advance(minutes(6));
            }
        }
    }
    paid
}

async fn every_ordering(engine: &str) {
    let (shop, fake) = shop_on(engine).await;
    let link = stand(&shop, 1_000).await;
    let mut sold = 0;
    for (number, steps) in orderings(&STEPS).iter().enumerate() {
        let slowly = number % 2 == 1;
        let order = placed(&shop, &link, &format!("k{number}"), &wish_by("stripe", 2)).await;
        let session = open(&shop, &order).await;
        let paid = live(&shop, &fake, &session, steps, slowly).await;
        // whatever was lost on the way is found by the sweep
        for _ in 0..3 {
            shop.app.clock.advance(minutes(31));
            deliver_all(&shop, &fake).await;
            reconcile(&shop).await;
        }
        let expected = if paid { "paid" } else { "expired" };
        assert_eq!(status(&shop, &order).await, expected, "{steps:?}");
        assert_eq!(refunds(&shop, &order).await, [], "{steps:?}");
        sold += if paid { 2 } else { 0 };
        assert_eq!(left(&shop, &link).await, 1_000 - sold, "{steps:?}");
    }
    assert!(sold > 0 && sold < 240, "both ends are met: {sold}");
    assert_clean(&shop).await;
}

#[tokio::test]
async fn every_ordering_has_the_same_end_on_sqlite() {
    every_ordering("sqlite").await;
}

#[tokio::test]
async fn every_ordering_has_the_same_end_on_postgresql() {
    every_ordering("postgres").await;
}
