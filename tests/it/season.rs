//! A season: thirty days of orders with the carriers' Spring Festival among them, cancellations, days off, more hands and
//! a day of snow; each evening what was planned for the day leaves. The books are in order at its end. How many orders:
//! `CUNJI_SEASON_ORDERS`.

use std::time::Duration;

use axum::http::Method;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::app::{TestApp, on_both};
use crate::batches::{BATCHES, PLAN, all, codes, must, opened, pay};
use crate::buyer::{assert_clean, path, placed, stand, wish_by};
use crate::calendar::CAPACITY;
use crate::goods::receive;

const DAYS: u64 = 30;
const SEED: u64 = 20_240_120;

/// Orders when nothing else is said: a season that every run of the tests has time for.
const ORDERS: usize = 600;

/// Cases in two orders: each has one to three.
const CASES_OF_TWO: i64 = 4;

/// Carriers that collect what such a season needs.
async fn carriers_for(shop: &TestApp, usual: i64) {
    opened(shop, usual).await;
    let mut carriers = crate::batches::carriers();
    let items = carriers["items"].as_array_mut().unwrap();
    for (carrier, percent) in items.iter_mut().zip([90, 40, 60]) {
        carrier["pickup_cases_per_day"] = json!(usual * percent / 100);
    }
    shop.must(Method::PUT, &shop.zhang.manager, "/api/v1/carriers", carriers)
        .await;
}

struct Season<'a> {
    shop: &'a TestApp,
    link: String,
    random: StdRng,
    /// what is usually packed in a day: about what is usually ordered
    usual: i64,
    placed: usize,
    cancelled: usize,
    /// orders that may still be cancelled
    open: Vec<Value>,
}

impl Season<'_> {
    fn today(&self) -> String {
        self.shop.app.clock.now().day().to_string()
    }

    /// One more order: cash on delivery, paid with play money, or left unpaid until its hold ends.
    async fn order(&mut self) {
        let method = ["cod", "cod", "practice", "practice", "transfer"][self.random.random_range(0..5)];
        let mut wish = wish_by(method, self.random.random_range(1..=3));
        let places = [
            ("广东省", "深圳市", "南山区"),
            ("河南省", "平顶山市", "鲁山县"),
            ("北京市", "市辖区", "海淀区"),
            ("新疆维吾尔自治区", "乌鲁木齐市", "天山区"),
        ];
        let (province, city, district) = places[self.random.random_range(0..places.len())];
        for (field, value) in [("province", province), ("city", city), ("district", district)] {
            wish["recipient"][field] = json!(value);
        }
        let order = placed(self.shop, &self.link, &format!("k{}", self.placed), &wish).await;
        self.placed += 1;
        if method == "practice" {
            pay(self.shop, &order).await;
        }
        self.open.push(order);
    }

    /// A buyer who changes their mind; too late, when the order is packed.
    async fn cancel(&mut self) {
        let at = self.random.random_range(0..self.open.len());
        let order = self.open.swap_remove(at);
        let (status, answer) = self.shop.post("", &path(&order, "/cancel"), json!({})).await;
        assert!(matches!(status, 200 | 409), "{answer}");
        self.cancelled += usize::from(status == 200);
    }

    /// More hands on one day, a day off on another, and snow: nothing leaves, neither here nor at the carriers'.
    async fn capacity(&self, day: u64) {
        let cases = match day {
            12 => 0,
            13 | 14 => 2 * self.usual,
            _ if day % 7 == 6 => self.usual / 2,
            _ => return,
        };
        let capacity = json!({"cases_per_day": self.usual, "days": {self.today(): cases}});
        self.shop
            .must(Method::PUT, &self.shop.zhang.manager, CAPACITY, capacity)
            .await;
    }

    /// Plans anew, and sends what is planned for today.
    async fn evening(&self) {
        let plan = json!({"as_of": self.today(), "commit": true});
        self.shop
            .must(Method::POST, &self.shop.zhang.manager, PLAN, plan)
            .await;
        let today = self.today();
        for batch in all(self.shop).await {
            if batch["ship_on"] != json!(today) || batch["state"] != "planned" {
                continue;
            }
            must(self.shop, &batch, "release", json!({})).await;
            let codes = codes(self.shop, &batch).await;
            must(self.shop, &batch, "pack", json!({"parcels": codes})).await;
            must(self.shop, &batch, "hand-over", json!({})).await;
        }
    }
}

#[tokio::test]
async fn thirty_days_leave_the_books_in_order() {
    let orders = std::env::var("CUNJI_SEASON_ORDERS");
    let orders = orders.map_or(ORDERS, |orders| orders.parse().expect("a whole number"));
    let days = usize::try_from(DAYS).unwrap();
    let usual = CASES_OF_TWO * i64::try_from(orders / days / 2).unwrap();
    on_both(async |shop| {
        let link = stand(shop, 0).await;
        carriers_for(shop, usual).await;
        let mut season = Season {
            shop,
            link,
            random: StdRng::seed_from_u64(SEED),
            usual,
            placed: 0,
            cancelled: 0,
            open: Vec::new(),
        };
        for day in 0..DAYS {
            receive(shop, "FT05", &format!("L{day}"), "2025-01-09", usual * 3 / 2).await;
            season.capacity(day).await;
            let today = orders * (usize::try_from(day).unwrap() + 1) / days;
            while season.placed < today {
                season.order().await;
                if season.random.random_range(0..12) == 0 {
                    season.cancel().await;
                }
            }
            season.evening().await;
            shop.app.clock.advance(Duration::from_secs(86_400));
            cunji::jobs::run_now(&shop.app, "expire-holds").await.unwrap();
        }
        assert_eq!(season.placed, orders);
        assert!(season.cancelled > orders / 50, "{}", season.cancelled);
        let gone = shop
            .get(
                &shop.zhang.packer,
                &format!("{BATCHES}?state=handed_over&limit=200"),
            )
            .await
            .1;
        assert!(gone["items"].as_array().unwrap().len() > 30, "{gone}");
        assert_clean(shop).await;
    })
    .await;
}
