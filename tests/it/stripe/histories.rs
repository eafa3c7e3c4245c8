//! Random histories: orders, payments, events that come twice, late, shuffled or never, calls that fail, crashes, cancels,
//! refunds by staff. However they go, in the end every fen is in one place, no order is stuck, and `cunji check` finds
//! nothing. A history is given by its seed; CONTRIBUTING.md has the command for ten thousand of them.

mod staff;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::{Fake, Fault, ask, deliver, minutes, post, reconcile, shop_on, sign};
use crate::app::TestApp;
use crate::buyer::{assert_clean, left, path, place, read, stand, wish_by};

/// Orders of one shop.
const ORDERS: usize = 40;
/// What happens to it, per order.
const EVENTS: usize = 9;
/// Orders that the suite lives through on each engine; `CUNJI_HISTORIES` asks for more.
const USUALLY: usize = ORDERS * 3;

struct World<'a> {
    shop: &'a TestApp,
    fake: &'a Fake,
    rng: StdRng,
    link: String,
    orders: Vec<Value>,
    /// events that are under way
    mail: Vec<Value>,
    placed: usize,
    /// sessions whose address a buyer was told
    known: Vec<String>,
    /// those that were paid after their end: of these one event arrives in the end, as Stripe sends it for three days
    late: Vec<String>,
}

fn number(name: &str, usually: usize) -> usize {
    std::env::var(name).map_or(usually, |value| value.parse().expect("a whole number"))
}

impl World<'_> {
    async fn happen(&mut self) {
        match self.rng.random_range(0..100) {
            0..18 => self.order().await,
            18..34 => self.ask().await,
            34..52 => self.pay(),
            52..68 => self.post_some().await,
            68..73 => self.cancel().await,
            73..78 => self.staff().await,
            78..84 => self.wait(),
            84..90 => self.sweep().await,
            90..95 => self.trip(),
            95..98 => self.crash().await,
            _ => self.finish_refunds(),
        }
        self.mail.extend(self.fake.take_events());
    }

    async fn order(&mut self) {
        if self.orders.len() >= ORDERS {
            return;
        }
        let key = format!("k{}", self.placed);
        self.placed += 1;
        let wish = wish_by("stripe", self.rng.random_range(1..4));
        let (status, order) = place(self.shop, &self.link, &key, &wish).await;
        match status {
            201 => self.orders.push(order),
            409 => {}
            _ => panic!("{status} {order}"),
        }
    }

    fn any_order(&mut self) -> Option<Value> {
        self.orders.choose(&mut self.rng).cloned()
    }

    async fn ask(&mut self) {
        if let Some(order) = self.any_order() {
            let (status, answer) = ask(self.shop, &order).await;
            assert!([200, 409, 503].contains(&status), "{status} {answer}");
            let session = answer["url"].as_str().and_then(|url| url.rsplit('/').next());
            self.known.extend(session.map(str::to_owned));
        }
    }

    /// Something happens on a page of Stripe's.
    fn pay(&mut self) {
        let Some(session) = self.known.choose(&mut self.rng) else {
            return;
        };
        let wallet = *["alipay", "wechat_pay", "card"]
            .choose(&mut self.rng)
            .expect("not empty");
        match self.rng.random_range(0..20) {
            0..12 => {
                self.fake.pay(session, wallet);
            }
            12..15 => {
                self.fake.pay_slowly(session, wallet);
            }
            15..19 => {
                let comes = self.rng.random_bool(0.6);
                self.fake.arrive(session, comes);
            }
            _ if self.fake.lock().session(session)["status"] == "expired" => {
                self.late.push(session.clone());
                self.fake.pay_late(session, wallet);
            }
            _ => {}
        }
    }

    /// Some of what is under way arrives, in any order; some comes again, some never.
    async fn post_some(&mut self) {
        for _ in 0..self.rng.random_range(1..4) {
            if self.mail.is_empty() {
                return;
            }
            let at = self.rng.random_range(0..self.mail.len());
            let event = self.mail.swap_remove(at);
            match self.rng.random_range(0..10) {
                0 if self.may_be_lost(&event) => continue,
                1..3 => {
                    deliver(self.shop, self.fake, std::slice::from_ref(&event)).await;
                    self.mail.push(event);
                }
                3 => {
                    let body = event.to_string();
                    let header = sign("whsec_of_a_stranger", self.fake.now(), &body);
                    assert_eq!(super::post_as(self.shop, &header, body).await, 400);
                    self.mail.push(event);
                }
                _ => deliver(self.shop, self.fake, &[event]).await,
            }
        }
    }

    fn may_be_lost(&self, event: &Value) -> bool {
        !self
            .late
            .iter()
            .any(|session| event["data"]["object"]["id"] == **session)
    }

    async fn cancel(&mut self) {
        if let Some(order) = self.any_order() {
            let (status, answer) = self.shop.post("", &path(&order, "/cancel"), json!(null)).await;
            assert_eq!(status, 200, "nothing is packed here: {answer}");
        }
    }

    fn wait(&mut self) {
        let minutes_on = match self.rng.random_range(0..10) {
            0..8 => self.rng.random_range(1..25),
            8 => 60,
            _ => 3 * 24 * 60,
        };
        self.shop.app.clock.advance(minutes(minutes_on));
        self.fake.tick();
    }

    async fn sweep(&mut self) {
        reconcile(self.shop).await;
        cunji::jobs::run_now(&self.shop.app, "expire-holds")
            .await
            .unwrap();
    }

    /// One of the next calls goes wrong.
    fn trip(&mut self) {
        use Fault::{Away, Broken, BrokenAfter, Busy, Dead, DeadAfter};
        let fault = *[Away, Broken, BrokenAfter, Busy, Dead, DeadAfter]
            .choose(&mut self.rng)
            .expect("not empty");
        let mut faults = vec![None; self.rng.random_range(0..3)];
        faults.push(Some(fault));
        self.fake.fail(&faults);
    }

    /// The program dies at one of its calls, before or after it was carried out, and is started again.
    async fn crash(&mut self) {
        let fault = *[Fault::Silent, Fault::SilentAfter]
            .choose(&mut self.rng)
            .expect("not empty");
        let mut faults = vec![None; self.rng.random_range(0..3)];
        faults.push(Some(fault));
        {
            let mut state = self.fake.lock();
            state.faults.clear();
            state.faults.extend(faults);
        }
        let silence = self.fake.silence.clone();
        let (shop, order) = (self.shop, self.any_order());
        let act = async {
            if let Some(order) = order {
                ask(shop, &order).await;
            }
            reconcile(shop).await;
        };
        tokio::select! {
            () = act => {}
            () = silence.notified() => {}
        }
        self.fake.lock().faults.clear();
        // its lease ends by itself
        self.shop.app.clock.advance(minutes(6));
    }

    fn finish_refunds(&mut self) {
        let slow = self.rng.random_bool(0.5);
        self.fake.lock().slow_refunds = slow;
        self.end_refunds(0.8);
    }

    fn end_refunds(&mut self, working: f64) {
        let is_pending = |(name, row): (&String, &Value)| (row["status"] == "pending").then(|| name.clone());
        let pending: Vec<String> = self.fake.lock().refunds.iter().filter_map(is_pending).collect();
        for name in pending {
            let works = self.rng.random_bool(working);
            self.fake.finish_refund(&name, works);
        }
    }

    /// Quiet comes: what is under way arrives or is lost for good, and days go by.
    async fn come_to_rest(&mut self) {
        {
            let mut state = self.fake.lock();
            state.faults.clear();
            state.slow_refunds = false;
        }
        let sessions: Vec<String> = self.fake.lock().sessions.keys().cloned().collect();
        for session in sessions {
            let comes = self.rng.random_bool(0.5);
            self.fake.arrive(&session, comes);
        }
        self.end_refunds(0.8);
        self.second_look().await;
        // goods are kept for a day while people sort out money
        self.shop.app.clock.advance(minutes(25 * 60));
        for _ in 0..6 {
            self.shop.app.clock.advance(minutes(61));
            self.fake.tick();
            self.mail.extend(self.fake.take_events());
            for event in std::mem::take(&mut self.mail) {
                if self.rng.random_bool(0.9) || !self.may_be_lost(&event) {
                    assert_eq!(post(self.shop, self.fake, &event).await, 200);
                }
            }
            super::digest(self.shop).await;
            self.sweep().await;
        }
    }

    async fn all(&self, what: &str) -> Vec<Value> {
        let (mut rows, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/{what}?limit=200{after}");
            let (_, page) = self.shop.get(&self.shop.zhang.accountant, &path).await;
            rows.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return rows,
            }
        }
    }

    /// What came to Stripe and went from there is what our books say.
    fn judge_stripe(&self, payments: &[Value], refunds: &[Value]) {
        let fen = |row: &Value| row["amount_fen"].as_i64().unwrap();
        let by_stripe = |row: &&Value| row["method"] == "stripe";
        let is = |state: &'static str| move |row: &&Value| row["state"] == state;
        let open = payments
            .iter()
            .filter(|row| !["paid", "closed", "failed"].contains(&row["state"].as_str().unwrap()));
        assert_eq!(open.count(), 0, "{payments:?}");
        let (mut theirs, mut returned) = (0, 0);
        for row in self
            .fake
            .lock()
            .intents
            .values()
            .filter(|row| row["status"] == "succeeded")
        {
            theirs += row["amount"].as_i64().unwrap();
        }
        for row in self
            .fake
            .lock()
            .refunds
            .values()
            .filter(|row| row["status"] == "succeeded")
        {
            returned += row["amount"].as_i64().unwrap();
        }
        let ours: i64 = payments
            .iter()
            .filter(by_stripe)
            .filter(is("paid"))
            .map(fen)
            .sum();
        assert_eq!(ours, theirs, "what came to Stripe is in the books");
        let ours: i64 = refunds.iter().filter(by_stripe).filter(is("done")).map(fen).sum();
        assert_eq!(ours, returned, "what Stripe sent back is in the books");
    }

    /// Every fen is where it belongs, in our books and in Stripe's.
    async fn judge(&self) {
        assert_clean(self.shop).await;
        let (payments, refunds) = (self.all("payments").await, self.all("refunds").await);
        let fen = |row: &Value| row["amount_fen"].as_i64().unwrap();
        let is = |state: &'static str| move |row: &&Value| row["state"] == state;
        let uneven = self.all("uneven-orders").await;
        let mut cases = 0;
        for order in &self.orders {
            let seen = read(self.shop, order).await;
            let status = seen["status"].as_str().unwrap();
            assert!(
                ["paid", "expired", "cancelled", "refunded"].contains(&status),
                "stuck: {seen}"
            );
            let of = |row: &&Value| row["order"] == order["number"];
            let captured: i64 = payments
                .iter()
                .filter(of)
                .filter(is("paid"))
                .filter(|row| row["reversed"].is_null())
                .map(fen)
                .sum();
            let back: i64 = refunds.iter().filter(of).filter(is("done")).map(fen).sum();
            let open: i64 = refunds.iter().filter(of).filter(is("by_hand")).map(fen).sum();
            let all: i64 = refunds
                .iter()
                .filter(of)
                .filter(|row| row["state"] != "refused")
                .map(fen)
                .sum();
            let surplus: i64 = uneven
                .iter()
                .filter(of)
                .map(|row| row["surplus_fen"].as_i64().unwrap())
                .sum();
            assert_eq!(seen["surplus_fen"].as_i64().unwrap_or(0), surplus, "{seen}");
            assert_eq!(all, back + open, "nothing is left under way: {refunds:?}");
            let kept = captured - back - open;
            let value = if status == "paid" {
                seen["total_fen"].as_i64().unwrap()
            } else {
                0
            };
            assert!(
                (0..=value).contains(&(kept - surplus)),
                "{kept} of {captured} is kept for {value}, {surplus} too much: {seen}"
            );
            assert!(
                surplus == 0 || kept - surplus == value,
                "{kept} for {value}: {seen}"
            );
            cases += if status == "paid" {
                seen["items"][0]["quantity"].as_i64().unwrap()
            } else {
                0
            };
        }
        self.judge_stripe(&payments, &refunds);
        assert_eq!(left(self.shop, &self.link).await, 60 - cases);
    }
}

async fn history(engine: &str, seed: u64) {
    let (shop, fake) = shop_on(engine).await;
    let link = stand(&shop, 60).await;
    let limit = json!({"second_person_above_fen": 13_000});
    let limited = shop.patch(&shop.zhang.manager, "/api/v1/village", limit).await;
    assert_eq!(limited.0, 200);
    let mut world = World {
        shop: &shop,
        fake: &fake,
        rng: StdRng::seed_from_u64(seed),
        link,
        orders: Vec::new(),
        mail: Vec::new(),
        placed: 0,
        known: Vec::new(),
        late: Vec::new(),
    };
    for _ in 0..ORDERS * EVENTS {
        world.happen().await;
    }
    world.come_to_rest().await;
    world.judge().await;
}

async fn histories(engine: &str) {
    let count = number("CUNJI_HISTORIES", USUALLY).div_ceil(ORDERS);
    let first = number("CUNJI_HISTORY_SEED", 1);
    for seed in first..first + count {
        println!("CUNJI_HISTORY_SEED={seed} on {engine}");
        history(engine, seed as u64).await;
    }
}

#[tokio::test]
async fn random_histories_on_sqlite() {
    histories("sqlite").await;
}

#[tokio::test]
async fn random_histories_on_postgresql() {
    histories("postgres").await;
}
