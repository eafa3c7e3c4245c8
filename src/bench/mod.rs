//! `cunji bench`: load on an own throw-away shop, over loopback HTTP, with durable settings. Client, server and database
//! share the machine. Beside every figure stands the engine's own limit, measured in the same run: bare batched inserts
//! of the same rows, without HTTP, without a queue.

mod client;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::id::Ids;
use crate::state::App;
use client::Client;
use store::Link;

/// Cases in the race for too few, and buyers who run it.
const RACE_CASES: i64 = 200;
const RACE_BUYERS: usize = 400;

pub struct Options {
    /// `None`: a new SQLite file in the temporary folder
    pub database: Option<String>,
    pub clients: usize,
    pub seconds: u64,
    /// orders stored before the measurement
    pub stored: u64,
}

/// What was measured. Rates are per second, times in milliseconds.
#[derive(Debug, Serialize)]
pub struct Report {
    pub engine: &'static str,
    pub clients: usize,
    pub seconds: u64,
    pub stored: u64,
    pub orders_per_s: u64,
    pub p50_ms: Millis,
    pub p99_ms: Millis,
    /// cases sold beyond what there was, in a race of 400 buyers for 200 cases; must be 0
    pub oversold: i64,
    pub engine_limit_orders_per_s: u64,
    /// orders_per_s as a share of the engine's limit
    pub ratio_percent: u64,
    /// link read, order, payment, paid
    pub journeys_per_s: u64,
    pub journey_p99_ms: Millis,
    pub link_reads_per_s: u64,
    /// one client alone
    pub single_p50_ms: Millis,
    pub single_orders_per_s: u64,
}

/// Microseconds, shown as milliseconds with three decimals.
#[derive(Clone, Copy, Debug)]
pub struct Millis(u64);

impl std::fmt::Display for Millis {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Serialize for Millis {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let number: serde_json::Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(out)
    }
}

pub async fn run(options: Options) -> anyhow::Result<Report> {
    let shop = store::ThrowAway::create(options.database.as_deref()).await?;
    let report = measure(&shop.db, &options).await;
    shop.remove().await?;
    report
}

async fn measure(db: &Db, options: &Options) -> anyhow::Result<Report> {
    let config = Config::read(|name| {
        let value = match name {
            "CUNJI_LISTEN" => "127.0.0.1:0",
            "CUNJI_PAYMENTS" => "practice",
            "CUNJI_ALLOW_PRACTICE" => "1",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .map_err(anyhow::Error::msg)?;
    let ids = Ids::from_system();
    let clock = config.clock();
    let links = store::fill(db, &ids, &clock, RACE_CASES).await?;
    if options.stored > 0 {
        store::prefill(db, &ids, &links.hot, options.stored, clock.now()).await?;
    }
    let limit = engine_limit(db, &ids, &clock, &links.limit, options).await?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = App::build(config, db.clone(), ids).map_err(anyhow::Error::msg)?;
    let stop = CancellationToken::new();
    let (served, stopped) = (app.clone(), stop.clone());
    let server =
        tokio::spawn(async move { crate::app::serve(&served, listener, stopped.cancelled_owned()).await });

    let load = Load {
        address,
        clients: options.clients,
        time: Duration::from_secs(options.seconds),
        serial: Arc::default(),
    };
    let single = Load {
        clients: 1,
        time: load.time.min(Duration::from_secs(3)),
        ..load.clone()
    };
    let alone = single.run(Step::Order, &links.hot).await?;
    let orders = load.run(Step::Order, &links.hot).await?;
    let journeys = load.run(Step::Journey, &links.hot).await?;
    let reads = load.run(Step::Read, &links.hot).await?;
    let oversold = race(&load, &links.race).await? - RACE_CASES;
    stop.cancel();
    server.await??;
    drop(app);
    let broken = store::miscounted(db).await?;
    ensure!(broken == 0, "{broken} counters do not match the orders");
    Ok(Report {
        engine: db.engine(),
        clients: options.clients,
        seconds: options.seconds,
        stored: options.stored,
        orders_per_s: orders.per_second(),
        p50_ms: orders.percentile(50),
        p99_ms: orders.percentile(99),
        oversold: oversold.max(0),
        engine_limit_orders_per_s: limit,
        ratio_percent: orders.per_second() * 100 / limit.max(1),
        journeys_per_s: journeys.per_second(),
        journey_p99_ms: journeys.percentile(99),
        link_reads_per_s: reads.per_second(),
        single_p50_ms: alone.percentile(50),
        single_orders_per_s: alone.per_second(),
    })
}

/// Bare inserts of the same rows in batches as large as the number of clients, for a third of the time.
async fn engine_limit(
    db: &Db,
    ids: &Ids,
    clock: &Clock,
    link: &Link,
    options: &Options,
) -> anyhow::Result<u64> {
    let time = Duration::from_secs(options.seconds.div_ceil(3).max(1));
    let started = Instant::now();
    let mut orders = 0u64;
    while started.elapsed() < time {
        store::insert_batch(db, ids, link, options.clients, clock.now()).await?;
        orders += options.clients as u64;
    }
    Ok(per_second(orders, started.elapsed()))
}

fn per_second(count: u64, time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000_000) / micros
}

#[derive(Clone, Copy)]
enum Step {
    Read,
    Order,
    Journey,
}

#[derive(Clone)]
struct Load {
    address: std::net::SocketAddr,
    clients: usize,
    time: Duration,
    /// makes every key and recipient different
    serial: Arc<AtomicU64>,
}

/// Times of everything that was done, in microseconds, sorted.
struct Times {
    micros: Vec<u64>,
    took: Duration,
}

impl Times {
    fn per_second(&self) -> u64 {
        per_second(self.micros.len() as u64, self.took)
    }

    fn percentile(&self, percent: usize) -> Millis {
        let last = self.micros.len().saturating_sub(1);
        Millis(self.micros.get(last * percent / 100).copied().unwrap_or(0))
    }
}

impl Load {
    async fn run(&self, step: Step, link: &Link) -> anyhow::Result<Times> {
        let started = Instant::now();
        let until = started + self.time;
        let mut buyers = Vec::with_capacity(self.clients);
        for _ in 0..self.clients {
            let (load, link) = (self.clone(), link.clone());
            buyers.push(tokio::spawn(async move {
                let mut client = Client::connect(load.address).await?;
                let mut micros = Vec::with_capacity(1 << 14);
                while Instant::now() < until {
                    let begun = Instant::now();
                    load.once(&mut client, step, &link).await?;
                    micros.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                }
                anyhow::Ok(micros)
            }));
        }
        let mut micros = Vec::new();
        for buyer in buyers {
            micros.extend(buyer.await??);
        }
        let took = started.elapsed();
        micros.sort_unstable();
        Ok(Times { micros, took })
    }

    async fn once(&self, client: &mut Client, step: Step, link: &Link) -> anyhow::Result<()> {
        match step {
            Step::Read => self.read(client, link).await,
            Step::Order => {
                let status = self.order(client, link).await?;
                ensure!(status == 201, "an order was answered {status}: {}", client.text());
                Ok(())
            }
            Step::Journey => self.journey(client, link).await,
        }
    }

    async fn read(&self, client: &mut Client, link: &Link) -> anyhow::Result<()> {
        let status = client.get(&format!("/api/v1/links/{}", link.code)).await?;
        ensure!(status == 200, "a link was answered {status}");
        Ok(())
    }

    async fn order(&self, client: &mut Client, link: &Link) -> anyhow::Result<u16> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"items":[{{"sku":"{sku}","quantity":1}}],"recipient":{{"name":"买家{serial}","phone":"199{phone:08}","province":"河南省","city":"平顶山市","district":"鲁山县","street":"人民路{serial}号"}},"payment_method":"practice"}}"#,
            sku = link.sku,
            phone = serial % 100_000_000,
        );
        // scrambled, so that keys arrive in no order, as random ones do
        let key = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        client
            .post(
                &format!("/api/v1/links/{}/orders", link.code),
                &format!("bench-{key:016x}"),
                &body,
            )
            .await
    }

    async fn journey(&self, client: &mut Client, link: &Link) -> anyhow::Result<()> {
        self.read(client, link).await?;
        let status = self.order(client, link).await?;
        ensure!(status == 201, "an order was answered {status}");
        let order: Value = serde_json::from_slice(client.body())?;
        let token = order["token"].as_str().context("an order has a token")?;
        let status = client
            .post(
                &format!("/api/v1/orders/{token}/payments"),
                "-",
                r#"{"method":"practice"}"#,
            )
            .await?;
        ensure!(
            status == 200,
            "a payment was answered {status}: {}",
            client.text()
        );
        let payment: Value = serde_json::from_slice(client.body())?;
        let url = payment["url"].as_str().context("a practice payment has a page")?;
        let payment = url.rsplit('/').next().unwrap_or_default();
        let status = client
            .post(&format!("/api/v1/practice/{payment}/pay"), "-", "{}")
            .await?;
        ensure!(status == 200, "paying was answered {status}: {}", client.text());
        let order: Value = serde_json::from_slice(client.body())?;
        ensure!(order["status"] == "paid", "a paid order is {}", order["status"]);
        Ok(())
    }
}

/// Lets 400 buyers run for 200 cases, and counts the cases that were sold.
async fn race(load: &Load, link: &Link) -> anyhow::Result<i64> {
    let mut buyers = Vec::with_capacity(load.clients);
    let left = Arc::new(AtomicU64::new(RACE_BUYERS as u64));
    for _ in 0..load.clients {
        let (load, link, left) = (load.clone(), link.clone(), Arc::clone(&left));
        buyers.push(tokio::spawn(async move {
            let mut client = Client::connect(load.address).await?;
            let mut sold = 0;
            while left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_ok()
            {
                match load.order(&mut client, &link).await? {
                    201 => sold += 1,
                    409 => {}
                    status => anyhow::bail!("a buyer in the race was answered {status}"),
                }
            }
            anyhow::Ok(sold)
        }));
    }
    let mut sold = 0;
    for buyer in buyers {
        sold += buyer.await??;
    }
    ensure!(sold >= RACE_CASES, "only {sold} of {RACE_CASES} cases were sold");
    Ok(sold)
}

/// The report for people.
pub fn table(report: &Report) -> String {
    format!(
        "engine            {}, {} clients, {} s a step, {} orders stored before\n\
         orders            {}/s, p50 {} ms, p99 {} ms\n\
         engine's limit    {}/s bare inserts of the same rows: orders are {} % of it\n\
         one client        {}/s, p50 {} ms\n\
         whole journeys    {}/s, p99 {} ms (link read, order, payment, paid)\n\
         link reads        {}/s\n\
         oversold          {} of {RACE_CASES} cases in a race of {RACE_BUYERS} buyers",
        report.engine,
        report.clients,
        report.seconds,
        report.stored,
        report.orders_per_s,
        report.p50_ms,
        report.p99_ms,
        report.engine_limit_orders_per_s,
        report.ratio_percent,
        report.single_orders_per_s,
        report.single_p50_ms,
        report.journeys_per_s,
        report.journey_p99_ms,
        report.link_reads_per_s,
        report.oversold,
    )
}
