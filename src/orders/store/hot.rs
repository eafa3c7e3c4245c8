//! SQL of the hot path. A batch of orders crosses to the database five times: begin, read, numbers, write, commit. Each
//! crossing wakes a thread or a server and is slower than the work it asks for, so what could be four reads or four writes
//! is sent as one.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use uuid::Uuid;

use super::write::{NewLine, NewOrder, lines_pg, lines_sqlite, orders_pg, orders_sqlite};
use crate::calendar::Calendar;
use crate::calendar::promise::{Rooms, Take, Taken};
use crate::calendar::store::{self as calendar, take_pg, take_sqlite};
use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::links::store::board::LockedOffer;
use crate::money::Fen;
use crate::on;
use crate::stock::Level;

/// An order placed before under a key.
pub struct Replay {
    pub id: Uuid,
    pub body_hash: Vec<u8>,
}

/// Orders placed before, by (link, key).
pub type Replays = HashMap<(Option<Uuid>, String), Replay>;

/// Everything that decides a batch, as of its transaction.
#[derive(Default)]
pub struct Situation {
    pub levels: Vec<Level>,
    pub offers: Vec<LockedOffer>,
    pub replays: Replays,
    /// somebody wants to be told of events
    pub has_subscribers: bool,
    /// the calendar's days, when they were asked for and the village keeps a calendar
    pub days: Option<Days>,
}

/// What the days of a locked calendar have promised.
#[derive(Default)]
pub struct Days {
    pub edition: i64,
    /// the calendar's counter when it was locked, and when `taken` was read: apart when somebody else was in between
    pub locked_at: i64,
    pub read_at: Option<i64>,
    pub taken: Vec<Taken>,
}

/// One row of the reading statement: which of its parts, then the part's columns.
#[derive(sqlx::FromRow)]
struct Row {
    part: i64,
    a: Option<Uuid>,
    b: Option<Uuid>,
    idem_key: Option<String>,
    body_hash: Option<Vec<u8>>,
    n1: Option<i64>,
    n2: Option<i64>,
    n3: Option<i64>,
    n4: Option<i64>,
    n5: Option<i64>,
    n6: Option<i64>,
    n7: Option<i64>,
}

const LEVEL: i64 = 0;
const OFFER: i64 = 1;
const REPLAY: i64 = 2;
const CALENDAR: i64 = 4;
const DAY: i64 = 5;
const READ_AT: i64 = 6;

// The reading statement; `$more` are further parts of it.
macro_rules! read_sqlite {
    // CROSS JOIN: the keys first, then one index look-up each, whatever the planner thinks of the table's size
    ($more:literal) => {
        concat!("SELECT 0 AS part, sku_id AS a, NULL AS b, NULL AS idem_key, NULL AS body_hash, on_hand AS n1,
                        reserved AS n2, ahead AS n3, NULL AS n4, NULL AS n5, NULL AS n6, NULL AS n7
                 FROM stock WHERE village_id = $1 AND sku_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 UNION ALL
                 SELECT 1, offer.link_id, offer.sku_id, NULL, NULL, offer.price_fen, offer.quota, offer.sold,
                        offer.limit_per_order, link.opens_at, link.closes_at, link.closed_at
                 FROM offer JOIN link ON link.village_id = offer.village_id AND link.id = offer.link_id
                 WHERE offer.village_id = $1 AND offer.link_id IN (SELECT unhex(value, '-') FROM jsonb_each($3))
                 UNION ALL
                 SELECT 2, orders.link_id, orders.id, orders.idem_key, orders.body_hash, NULL, NULL, NULL, NULL, NULL,
                        NULL, NULL
                 FROM jsonb_each($4) AS asked
                 CROSS JOIN orders ON orders.village_id = $1 AND orders.link_id IS unhex(asked.value->>0, '-')
                  AND orders.idem_key = asked.value->>1
                 UNION ALL
                 SELECT 3, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM subscriber
                 WHERE village_id = $1", $more)
    };
}
macro_rules! read_pg {
    ($more:literal) => {
        concat!("WITH level AS (
                 SELECT sku_id, on_hand, reserved, ahead FROM stock
                 WHERE village_id = $1 AND sku_id IN (SELECT value::uuid FROM json_array_elements_text($2::json))
                 ORDER BY sku_id FOR NO KEY UPDATE),
             offered AS (
                 SELECT offer.link_id, offer.sku_id, offer.price_fen, offer.quota, offer.sold, offer.limit_per_order,
                        link.opens_at, link.closes_at, link.closed_at
                 FROM offer JOIN link ON link.village_id = offer.village_id AND link.id = offer.link_id
                 WHERE offer.village_id = $1
                   AND offer.link_id IN (SELECT value::uuid FROM json_array_elements_text($3::json))
                 ORDER BY offer.link_id, offer.sku_id FOR NO KEY UPDATE OF offer),
             asked AS (
                 SELECT (value->>0)::uuid AS link_id, value->>1 AS idem_key FROM json_array_elements($4::json))
             SELECT 0::bigint AS part, sku_id AS a, NULL::uuid AS b, NULL::text AS idem_key, NULL::bytea AS body_hash,
                    on_hand AS n1, reserved AS n2, ahead AS n3, NULL::bigint AS n4, NULL::bigint AS n5,
                    NULL::bigint AS n6, NULL::bigint AS n7
             FROM level
             UNION ALL
             SELECT 1, link_id, sku_id, NULL, NULL, price_fen, quota, sold, limit_per_order, opens_at, closes_at, closed_at
             FROM offered
             UNION ALL
             SELECT 2, orders.link_id, orders.id, orders.idem_key, orders.body_hash, NULL, NULL, NULL, NULL, NULL, NULL,
                    NULL
             FROM asked JOIN orders ON orders.village_id = $1 AND orders.link_id = asked.link_id
                               AND orders.idem_key = asked.idem_key
             UNION ALL
             SELECT 2, NULL, orders.id, orders.idem_key, orders.body_hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL
             FROM asked JOIN orders ON orders.village_id = $1 AND orders.link_id IS NULL AND asked.link_id IS NULL
                               AND orders.idem_key = asked.idem_key
             UNION ALL
             SELECT 3, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM subscriber
             WHERE village_id = $1", $more)
    };
}

/// Locks the stock items and then the offers (in one order everywhere), and reads them, the orders placed before under
/// these keys, and whether anybody listens.
///
/// On PostgreSQL a key that another node commits while this statement waits for its locks is not seen; the unique
/// index then refuses the batch, and order by order the key is found.
///
/// With a day, the village's calendar is locked too, and what is promised from that day on is read: the lock gives the
/// newest counter, and the statement's own snapshot the one that belongs to the days it sees.
pub async fn read(
    tx: &mut Tx,
    village: VillageId,
    skus: &[Uuid],
    links: &[Uuid],
    keys: &[(Option<Uuid>, &str)],
    days_from: Option<NaiveDate>,
) -> Result<Situation> {
    let (skus, links, keys) = (json(&skus), json(&links), json(&keys));
    let rows: Vec<Row> = match days_from {
        None => on!(tx, sqlite: read_sqlite!(""), pg: read_pg!(""),
            sql, ex => sqlx::query_as(sql).bind(village).bind(skus).bind(links).bind(keys).fetch_all(ex).await)?,
        Some(day) => on!(tx,
            sqlite: read_sqlite!(" UNION ALL
                SELECT 4, NULL, NULL, NULL, NULL, edition, taken, NULL, NULL, NULL, NULL, NULL
                FROM calendar WHERE village_id = $1
                UNION ALL
                SELECT 5, NULL, NULL, day || carrier, NULL, promised, NULL, NULL, NULL, NULL, NULL, NULL
                FROM promise_day WHERE village_id = $1 AND day >= $5"),
            pg: read_pg!(" UNION ALL
                SELECT 4, NULL, NULL, NULL, NULL, edition, taken, NULL, NULL, NULL, NULL, NULL
                FROM (SELECT edition, taken FROM calendar WHERE village_id = $1 FOR NO KEY UPDATE) AS locked
                UNION ALL
                SELECT 5, NULL, NULL, day || carrier, NULL, promised, NULL, NULL, NULL, NULL, NULL, NULL
                FROM promise_day WHERE village_id = $1 AND day >= $5
                UNION ALL
                SELECT 6, NULL, NULL, NULL, NULL, taken, NULL, NULL, NULL, NULL, NULL, NULL
                FROM calendar WHERE village_id = $1"),
            sql, ex => sqlx::query_as(sql).bind(village).bind(skus).bind(links).bind(keys).bind(day.to_string())
                .fetch_all(ex).await)?,
    };
    let mut situation = Situation::default();
    for row in rows {
        situation.take(row);
    }
    Ok(situation)
}

impl Days {
    /// The room that is left of these days. What has changed since it was read, or since the calendar was read, which
    /// happens when another node is at work, is read again: the calendar is locked.
    pub async fn rooms(
        self,
        tx: &mut Tx,
        village: VillageId,
        calendar: &Arc<Calendar>,
        now: Timestamp,
    ) -> Result<Option<Rooms>> {
        if self.edition != calendar.edition {
            return calendar::rooms_of(tx, village, now).await;
        }
        let is_new = self.read_at.is_none_or(|read_at| read_at == self.locked_at);
        let taken = if is_new {
            self.taken
        } else {
            calendar::taken(tx, village, now.day()).await?
        };
        Ok(Some(Rooms::new(Arc::clone(calendar), &taken, now)))
    }
}

impl Situation {
    fn take(&mut self, row: Row) {
        let number = |value: Option<i64>| value.unwrap_or_default();
        let id = |value: Option<Uuid>| value.unwrap_or_default();
        match row.part {
            LEVEL => self.levels.push(Level {
                sku_id: id(row.a),
                on_hand: number(row.n1),
                reserved: number(row.n2),
                ahead: number(row.n3),
            }),
            OFFER => self.offers.push(LockedOffer {
                link_id: id(row.a),
                sku_id: id(row.b),
                price_fen: Fen(number(row.n1)),
                quota: row.n2,
                sold: number(row.n3),
                limit_per_order: number(row.n4),
                opens_at: row.n5.map(Timestamp),
                closes_at: row.n6.map(Timestamp),
                closed_at: row.n7.map(Timestamp),
            }),
            REPLAY => {
                let replay = Replay {
                    id: id(row.b),
                    body_hash: row.body_hash.unwrap_or_default(),
                };
                self.replays
                    .insert((row.a, row.idem_key.unwrap_or_default()), replay);
            }
            CALENDAR => {
                let days = self.days.get_or_insert_default();
                (days.edition, days.locked_at) = (number(row.n1), number(row.n2));
            }
            DAY => {
                let key = row.idem_key.unwrap_or_default();
                let (day, carrier) = key.split_at_checked(10).unwrap_or_default();
                self.days.get_or_insert_default().taken.push(Taken {
                    day: day.to_owned(),
                    carrier: carrier.to_owned(),
                    promised: number(row.n1),
                });
            }
            READ_AT => self.days.get_or_insert_default().read_at = row.n1,
            _ => self.has_subscribers = true,
        }
    }
}

// What follows the orders (and what they were promised) in the writing statement.
macro_rules! rest_sqlite {
    () => {
        concat!(lines_sqlite!("$3"), ";\n",
            "UPDATE stock SET reserved = reserved + (
                 SELECT SUM(want.value->>1) FROM jsonb_each($4) AS want WHERE unhex(want.value->>0, '-') = stock.sku_id)
             WHERE village_id = $1 AND sku_id IN (SELECT unhex(value->>0, '-') FROM jsonb_each($4));
             UPDATE offer SET sold = sold + (
                 SELECT SUM(want.value->>2) FROM jsonb_each($5) AS want
                 WHERE unhex(want.value->>0, '-') = offer.link_id AND unhex(want.value->>1, '-') = offer.sku_id)
             WHERE village_id = $1 AND (link_id, sku_id) IN (
                 SELECT unhex(value->>0, '-'), unhex(value->>1, '-') FROM jsonb_each($5))")
    };
}
macro_rules! rest_pg {
    () => {
        concat!("written AS (", lines_pg!("$3"), "), taken AS (
                 UPDATE stock SET reserved = reserved + (want.value->>1)::bigint
                 FROM json_array_elements($4::json) AS want
                 WHERE village_id = $1 AND sku_id = (want.value->>0)::uuid)
             UPDATE offer SET sold = sold + (want.value->>2)::bigint FROM json_array_elements($5::json) AS want
             WHERE village_id = $1 AND link_id = (want.value->>0)::uuid AND sku_id = (want.value->>1)::uuid")
    };
}

/// Inserts orders and their lines, promises their cases (`reserved`: stock item, cases) and counts them as sold (`sold`:
/// link, sku, cases), and takes the days that they were promised. The tables' CHECKs refuse to promise what isn't there.
pub async fn write(
    tx: &mut Tx,
    village: VillageId,
    orders: &[NewOrder<'_>],
    lines: &[NewLine<'_>],
    reserved: &[(Uuid, i64)],
    sold: &[(Uuid, Uuid, i64)],
    takes: &[Take],
) -> Result<()> {
    tx.changes_supply();
    let (orders, lines, reserved, sold) = (json(&orders), json(&lines), json(&reserved), json(&sold));
    if takes.is_empty() {
        return Ok(on!(tx,
            sqlite: concat!(orders_sqlite!("$2"), ";\n", rest_sqlite!()),
            pg: concat!("WITH placed AS (", orders_pg!("$2"), "), ", rest_pg!()),
            sql, ex => sqlx::query(sql).bind(village).bind(orders).bind(lines).bind(reserved).bind(sold)
                .execute(ex).await.map(|_| ()))?);
    }
    on!(tx,
        sqlite: concat!(orders_sqlite!("$2", promise), ";\n", take_sqlite!("$6"), ";\n", rest_sqlite!()),
        pg: concat!("WITH placed AS (", orders_pg!("$2", promise), "), promised AS (", take_pg!("$6"), "), counted AS (
                UPDATE calendar SET taken = taken + 1 WHERE village_id = $1), ", rest_pg!()),
        sql, ex => sqlx::query(sql).bind(village).bind(orders).bind(lines).bind(reserved).bind(sold)
            .bind(json(&takes)).execute(ex).await.map(|_| ()))?;
    Ok(())
}
