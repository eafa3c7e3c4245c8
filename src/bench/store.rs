//! The throw-away shop of the bench, and the bare inserts that show the engine's own limit.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use uuid::Uuid;

use crate::calendar::{Carrier, Workshop, starter, store as calendar};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::{Ids, VillageId};
use crate::money::Method;
use crate::orders::store::hot::{self, Placing, Wanted};
use crate::orders::store::write::{NewLine, NewOrder};
use crate::orders::{Hold, Source};
use crate::villages::{self, NewVillage};
use crate::{on, transact};

/// Enough stock to never run out while measuring.
const PLENTY: i64 = 1_000_000_000;

pub struct ThrowAway {
    pub db: Db,
    kind: Kind,
}

enum Kind {
    File(PathBuf),
    /// the server's own database, and the name of the one made in it
    Database(Box<Db>, String),
}

impl ThrowAway {
    /// Makes an empty shop: a file in the temporary folder, or a database of its own on the PostgreSQL server of `url`.
    pub async fn create(url: Option<&str>) -> anyhow::Result<Self> {
        let name = format!("cunji_bench_{}", Ids::from_system().uuid(Timestamp(0)).simple());
        let (url, kind) = match url {
            None => {
                let folder = std::env::temp_dir().join(&name);
                std::fs::create_dir(&folder)?;
                (
                    format!("sqlite://{}", folder.join("shop.db").display()),
                    Kind::File(folder),
                )
            }
            Some(url) if url.starts_with("postgres") => {
                let server = Db::connect(url).await?;
                server.create_database(&name).await?;
                (with_database(url, &name)?, Kind::Database(Box::new(server), name))
            }
            Some(_) => anyhow::bail!("bench makes its own SQLite file; --database takes a PostgreSQL server"),
        };
        let db = Db::connect(&url).await?;
        db.migrate().await?;
        Ok(ThrowAway { db, kind })
    }

    pub async fn remove(self) -> anyhow::Result<()> {
        self.db.close().await;
        match self.kind {
            Kind::File(folder) => std::fs::remove_dir_all(folder)?,
            Kind::Database(server, name) => server.drop_database(&name).await?,
        }
        Ok(())
    }
}

/// The address of another database on the same server.
fn with_database(url: &str, name: &str) -> anyhow::Result<String> {
    let (base, options) = url
        .split_once('?')
        .map_or((url, String::new()), |(base, rest)| (base, format!("?{rest}")));
    let scheme_end = base.find("://").context("a database address has ://")? + 3;
    let server = match base[scheme_end..].find('/') {
        Some(slash) => &base[..scheme_end + slash],
        None => base,
    };
    Ok(format!("{server}/{name}{options}"))
}

/// A link with one sku on it.
#[derive(Clone)]
pub struct Link {
    pub village: VillageId,
    pub id: Uuid,
    pub code: String,
    pub sku_id: Uuid,
    pub sku: &'static str,
}

pub struct Links {
    /// the one that everybody wants
    pub hot: Link,
    /// the one with too few cases
    pub race: Link,
    /// where the bare inserts go
    pub limit: Link,
}

/// One village, one sku without end, and one with `few` cases.
pub async fn fill(db: &Db, ids: &Ids, clock: &Clock, few: i64) -> Result<Links> {
    let at = clock.now();
    let new = NewVillage {
        slug: "bench",
        name: "村",
        town_slug: "bench",
        town: "镇",
        region_code: "410423",
        contact: "-",
        account: "-",
    };
    let village = transact!(db, tx => villages::store::create_village(tx, &new, at).await)?;
    let make = async |sku_id: Uuid, sku: &'static str| {
        let link = Link {
            village,
            id: ids.uuid(at),
            code: ids.link_code(village),
            sku_id,
            sku,
        };
        transact!(db, tx => insert_link(tx, &link, at).await)?;
        Ok::<_, crate::error::Error>(link)
    };
    let plenty = ids.uuid(at);
    transact!(db, tx => insert_sku(tx, village, plenty, "FT05", PLENTY, at).await)?;
    let scarce = ids.uuid(at);
    transact!(db, tx => insert_sku(tx, village, scarce, "FT10", few, at).await)?;
    Ok(Links {
        hot: make(plenty, "FT05").await?,
        race: make(scarce, "FT10").await?,
        limit: make(plenty, "FT05").await?,
    })
}

/// A workshop and three carriers that never run out of room, each a day slower than the one before.
pub async fn keep_calendar(db: &Db, village: VillageId) -> Result<()> {
    let workshop = Workshop {
        cases_per_day: PLENTY,
        days: Default::default(),
    };
    let carrier = |(code, delta): (&str, i64)| Carrier {
        carrier: code.to_owned(),
        name: None,
        cut_off: None,
        pickup_cases_per_day: PLENTY,
        days: Default::default(),
        fen_per_case: 900,
        transit_days: starter::transit_days(delta),
        stops: Vec::new(),
    };
    let carriers = [("sf", 0), ("zto", 1), ("ems", 2)].map(carrier);
    transact!(db, tx => {
        calendar::edit(tx, village).await?;
        calendar::replace_workshop(tx, village, &workshop).await?;
        calendar::replace_carriers(tx, village, &carriers).await
    })
}

async fn insert_sku(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    code: &str,
    cases: i64,
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO product (village_id, id, slug, name, legal_kind, description, label, active, created_at)
         VALUES ($1, $2, $3, '纯红薯粉条', 'fresh', '', '{}', TRUE, $4)")
        .bind(village).bind(id).bind(code).bind(at).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "INSERT INTO sku (village_id, id, product_id, code, title, spec, price_fen, gross_weight_grams, shelf_life_days,
             active, created_at)
         VALUES ($1, $2, $2, $3, '纯红薯粉条', '2.5kg/箱', 6800, 2900, 365, TRUE, $4)")
        .bind(village).bind(id).bind(code).bind(at).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query("INSERT INTO stock (village_id, sku_id, on_hand) VALUES ($1, $2, $3)")
        .bind(village).bind(id).bind(cases).execute(ex).await.map(|_| ()))?;
    Ok(())
}

async fn insert_link(tx: &mut Tx, link: &Link, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO link (village_id, id, code, title, channel, host, created_at)
         VALUES ($1, $2, $3, '助农直播', 'livestream', '主播', $4)")
        .bind(link.village).bind(link.id).bind(&link.code).bind(at).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "INSERT INTO offer (village_id, link_id, sku_id, position, price_fen, limit_per_order)
         VALUES ($1, $2, $3, 1, 6800, 20)")
        .bind(link.village).bind(link.id).bind(link.sku_id).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Writes `count` orders as the intake does, in one transaction, with nothing around it.
pub async fn insert_batch(db: &Db, ids: &Ids, link: &Link, count: usize, at: Timestamp) -> Result<()> {
    let texts: Vec<(Uuid, String, String)> = (0..count)
        .map(|_| {
            let id = ids.uuid(at);
            (
                id,
                format!("bench-{:032x}", id.as_u128().swap_bytes()),
                format!("199{:08}", id.as_u128() % 100_000_000),
            )
        })
        .collect();
    let wanted = Wanted {
        village: link.village,
        now: at,
        skus: vec![link.sku_id],
        links: vec![link.id],
        keys: Vec::new(),
        days_from: None,
    };
    let mut swift = db.swift().await?;
    hot::read(swift.on(), &wanted, false).await?;
    let cases = i64::try_from(count).unwrap_or(0);
    let places: Vec<String> = (1..=cases).map(|place| place.to_string()).collect();
    let placing = Placing {
        village: link.village,
        now: at,
        orders: texts
            .iter()
            .zip(&places)
            .map(|(text, place)| row(link, text, place, at))
            .collect(),
        lines: texts.iter().map(|(id, ..)| line(link, *id)).collect(),
        reserved: vec![(link.sku_id, cases)],
        sold: vec![(link.id, link.sku_id, cases)],
        takes: Vec::new(),
    };
    hot::write_alone(&mut swift, &placing).await?;
    swift.end_with_new_supply();
    Ok(())
}

fn row<'a>(link: &'a Link, text: &'a (Uuid, String, String), number: &'a str, at: Timestamp) -> NewOrder<'a> {
    let (id, key, phone) = text;
    NewOrder {
        id: *id,
        number,
        link_id: Some(link.id),
        source: Source::Link,
        channel: "livestream",
        host: "主播",
        idem_key: Some(key),
        body_hash: Some(format!("{:032x}", id.as_u128())),
        external_shop: None,
        external_no: None,
        name: "买家",
        phone,
        province: "河南省",
        city: "平顶山市",
        district: "鲁山县",
        street: "人民路1号",
        region_code: "410423",
        note: "",
        method: Method::Practice,
        goods_fen: 6800,
        freight_fen: 0,
        captured_fen: 0,
        hold: Hold::Active,
        hold_ends_at: Some(at.plus(Duration::from_secs(1800)).0),
        ordered: 1,
        placed_at: at.0,
        paid_at: None,
        updated_at: at.0,
        promise: None,
        village: link.village,
    }
}

fn line(link: &Link, order_id: Uuid) -> NewLine<'static> {
    NewLine {
        order_id,
        line: 1,
        sku_id: link.sku_id,
        title: "纯红薯粉条",
        price_fen: 6800,
        goods_fen: 6800,
        ordered: 1,
    }
}

/// Stores orders of the past season: on a new link for every 5,000, as livestreams come one after the other.
pub async fn prefill(db: &Db, ids: &Ids, like: &Link, orders: u64, now: Timestamp) -> Result<()> {
    const PER_LINK: u64 = 5_000;
    const BATCH: u64 = 500;
    let season = Duration::from_secs(90 * 86_400);
    let start = Timestamp(now.0 - i64::try_from(season.as_millis()).unwrap_or(0));
    let mut stored = 0;
    while stored < orders {
        let gone = i64::try_from(season.as_millis() / u128::from(orders) * u128::from(stored)).unwrap_or(0);
        let at = Timestamp(start.0 + gone);
        let link = Link {
            id: ids.uuid(at),
            code: ids.link_code(like.village),
            ..like.clone()
        };
        transact!(db, tx => insert_link(tx, &link, at).await)?;
        for _ in 0..PER_LINK.min(orders - stored).div_ceil(BATCH) {
            let batch = BATCH.min(orders - stored);
            insert_batch(db, ids, &link, usize::try_from(batch).unwrap_or(0), at).await?;
            stored += batch;
        }
    }
    // a season's orders are settled: they hold nothing any more
    transact!(db, tx => settle(tx, like.village, now).await)?;
    db.refresh_statistics().await
}

/// Makes every stored order a paid one.
async fn settle(tx: &mut Tx, village: VillageId, now: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET hold = 'consumed', captured_fen = total_fen, paid_at = placed_at
         WHERE village_id = $1 AND placed_at < $2")
        .bind(village).bind(now).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Stock counters that do not match the orders; 0 in a sound shop.
pub async fn miscounted(db: &Db) -> Result<i64> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT COUNT(*) FROM stock WHERE reserved > on_hand OR reserved <> (
             SELECT CAST(COALESCE(SUM(line.ordered - line.cancelled), 0) AS BIGINT) FROM order_line AS line
             WHERE line.village_id = stock.village_id AND line.sku_id = stock.sku_id)")
        .fetch_one(ex).await)?)
}
