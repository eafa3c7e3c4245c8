//! SQL of the hot path. A batch of orders crosses to the database twice: once to read what decides it, once to write it,
//! each statement committing by itself. Each crossing wakes a thread or a server and is slower than the work it asks
//! for, so what could be four reads or five writes is sent as one.
//!
//! Nothing is locked between the two. What another node or another program does meanwhile, the writing statement
//! refuses by the tables' own rules: more promised than there is, sold beyond a quota, a key used twice. Then the
//! intake does the batch anew in a transaction that locks what it reads.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use sqlx::{PgConnection, SqliteConnection};
use uuid::Uuid;

use super::write::{NewLine, NewOrder, lines_pg, lines_sqlite, orders_pg, orders_sqlite};
use crate::calendar::Calendar;
use crate::calendar::promise::{Rooms, Take, Taken};
use crate::calendar::store::{self as calendar, take_pg, take_sqlite};
use crate::clock::Timestamp;
use crate::db::{On, Swift, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::links::store::board::LockedOffer;
use crate::money::Fen;
use crate::on;
use crate::orders::number_prefix;
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
    /// a hold is past its end and has not been given back yet
    pub has_due_holds: bool,
    /// the calendar's days, when they were asked for and the village keeps a calendar
    pub days: Option<Days>,
}

/// What the days of a calendar have promised.
#[derive(Default)]
pub struct Days {
    pub edition: i64,
    /// the calendar's counter when it was locked, and when `taken` was read: apart when somebody else was in between
    pub locked_at: i64,
    pub read_at: Option<i64>,
    pub taken: Vec<Taken>,
}

/// What a batch is about: the stock items and links that its orders want, and their keys.
pub struct Wanted<'a> {
    pub village: VillageId,
    pub now: Timestamp,
    pub skus: Vec<Uuid>,
    pub links: Vec<Uuid>,
    pub keys: Vec<(Option<Uuid>, &'a str)>,
    /// the day from which on promised days are read, in a village that keeps a calendar
    pub days_from: Option<NaiveDate>,
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
const SUBSCRIBER: i64 = 3;
const CALENDAR: i64 = 4;
const DAY: i64 = 5;
const READ_AT: i64 = 6;

// the look-ups by key are subqueries with a LIMIT: joined, a planner that knows no statistics yet reads all of the
// village's orders once for each batch
macro_rules! reading_pg {
    ($lock:literal, $lock_offer:literal, $more:literal) => {
        concat!("WITH level AS (
                 SELECT sku_id, on_hand, reserved, ahead FROM stock
                 WHERE village_id = $1 AND sku_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
                 ", $lock, "),
             offered AS (
                 SELECT offer.link_id, offer.sku_id, offer.price_fen, offer.quota, offer.sold, offer.limit_per_order,
                        link.opens_at, link.closes_at, link.closed_at
                 FROM offer JOIN link ON link.village_id = offer.village_id AND link.id = offer.link_id
                 WHERE offer.village_id = $1
                   AND offer.link_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($3::json)))
                 ", $lock_offer, "),
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
             SELECT 2, asked.link_id, placed.id, asked.idem_key, placed.body_hash, NULL, NULL, NULL, NULL, NULL, NULL,
                    NULL
             FROM asked CROSS JOIN LATERAL (
                 SELECT id, body_hash FROM orders WHERE village_id = $1 AND link_id = asked.link_id
                                                    AND idem_key = asked.idem_key LIMIT 1) AS placed
             UNION ALL
             SELECT 2, NULL, placed.id, asked.idem_key, placed.body_hash, NULL, NULL, NULL, NULL, NULL, NULL, NULL
             FROM asked CROSS JOIN LATERAL (
                 SELECT id, body_hash FROM orders WHERE village_id = $1 AND link_id IS NULL AND asked.link_id IS NULL
                                                    AND idem_key = asked.idem_key LIMIT 1) AS placed
             UNION ALL
             SELECT 3, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM subscriber
             WHERE village_id = $1
             UNION ALL
             (SELECT 7, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM orders
             WHERE village_id = $1 AND hold = 'active' AND hold_ends_at <= $5 LIMIT 1)", $more)
    };
}
macro_rules! locking_pg {
    ($more:literal) => {
        reading_pg!(
            "ORDER BY sku_id FOR NO KEY UPDATE",
            "ORDER BY offer.link_id, offer.sku_id FOR NO KEY UPDATE OF offer",
            $more
        )
    };
}

/// The reading statement's texts for PostgreSQL: without a calendar and with one, not locking and locking.
const READING_PG: [[&str; 2]; 2] = [
    [reading_pg!("", "", ""), locking_pg!("")],
    [
        reading_pg!(
            "",
            "",
            " UNION ALL
            SELECT 4, NULL, NULL, NULL, NULL, edition, taken, NULL, NULL, NULL, NULL, NULL
            FROM calendar WHERE village_id = $1
            UNION ALL
            SELECT 5, NULL, NULL, day || carrier, NULL, promised, NULL, NULL, NULL, NULL, NULL, NULL
            FROM promise_day WHERE village_id = $1 AND day >= $6"
        ),
        locking_pg!(
            " UNION ALL
            SELECT 4, NULL, NULL, NULL, NULL, edition, taken, NULL, NULL, NULL, NULL, NULL
            FROM (SELECT edition, taken FROM calendar WHERE village_id = $1 FOR NO KEY UPDATE) AS locked
            UNION ALL
            SELECT 5, NULL, NULL, day || carrier, NULL, promised, NULL, NULL, NULL, NULL, NULL, NULL
            FROM promise_day WHERE village_id = $1 AND day >= $6
            UNION ALL
            SELECT 6, NULL, NULL, NULL, NULL, taken, NULL, NULL, NULL, NULL, NULL, NULL
            FROM calendar WHERE village_id = $1"
        ),
    ],
];

macro_rules! reading_sqlite {
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
                 WHERE village_id = $1
                 UNION ALL
                 SELECT 7, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM (
                     SELECT id FROM orders WHERE village_id = $1 AND hold = 'active' AND hold_ends_at <= $5 LIMIT 1)", $more)
    };
}
const READING_SQLITE: [&str; 2] = [
    reading_sqlite!(""),
    reading_sqlite!(
        " UNION ALL
        SELECT 4, NULL, NULL, NULL, NULL, edition, taken, NULL, NULL, NULL, NULL, NULL
        FROM calendar WHERE village_id = $1
        UNION ALL
        SELECT 5, NULL, NULL, day || carrier, NULL, promised, NULL, NULL, NULL, NULL, NULL, NULL
        FROM promise_day WHERE village_id = $1 AND day >= $6"
    ),
];

/// Reads what decides a batch: the stock items, the offers, the orders placed before under these keys, whether anybody
/// listens, and whether a hold has ended. With `locked` the stock items and then the offers are locked (in one order
/// everywhere), for a transaction that goes on to write.
///
/// On PostgreSQL a key that another node commits while this statement waits for its locks is not seen; the unique
/// index then refuses the batch, and order by order the key is found.
pub async fn read(
    connection: On<&mut SqliteConnection, &mut PgConnection>,
    wanted: &Wanted<'_>,
    locked: bool,
) -> Result<Situation> {
    let with_days = usize::from(wanted.days_from.is_some());
    let day = wanted.days_from.map(|day| day.to_string());
    let rows: Vec<Row> = on!(connection,
    sqlite: READING_SQLITE[with_days],
    pg: READING_PG[with_days][usize::from(locked)],
    sql, ex => {
        let query = sqlx::query_as(sql).bind(wanted.village).bind(json(&wanted.skus)).bind(json(&wanted.links))
            .bind(json(&wanted.keys)).bind(wanted.now);
        match day {
            Some(day) => query.bind(day).fetch_all(ex).await,
            None => query.fetch_all(ex).await,
        }
    })?;
    let mut situation = Situation::default();
    for row in rows {
        situation.take(row);
    }
    Ok(situation)
}

impl Days {
    /// The room that is left of these days, which nobody locked; `None` when the calendar is another one by now.
    pub fn rooms_seen(&self, calendar: &Arc<Calendar>, now: Timestamp) -> Option<Rooms> {
        (self.edition == calendar.edition).then(|| Rooms::new(Arc::clone(calendar), &self.taken, now))
    }

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
            SUBSCRIBER => self.has_subscribers = true,
            _ => self.has_due_holds = true,
        }
    }
}

/// What a batch writes.
pub struct Placing<'a> {
    pub village: VillageId,
    pub now: Timestamp,
    /// their `number` is their place in the batch, from 1: the statement makes the number from the day's counter
    pub orders: Vec<NewOrder<'a>>,
    pub lines: Vec<NewLine<'a>>,
    /// promised: stock item, cases
    pub reserved: Vec<(Uuid, i64)>,
    /// sold: link, sku, cases
    pub sold: Vec<(Uuid, Uuid, i64)>,
    /// room of the calendar's days that was promised
    pub takes: Vec<Take>,
}

macro_rules! writing_sqlite {
    () => {
        writing_sqlite!(orders_sqlite!("$2", "$8 || printf('%04d', (
            SELECT last FROM order_counter WHERE village_id = $1 AND day = $6) - $7 + (value->>'number'))"))
    };
    (promise) => {
        writing_sqlite!(concat!(orders_sqlite!("$2", "$8 || printf('%04d', (
            SELECT last FROM order_counter WHERE village_id = $1 AND day = $6) - $7 + (value->>'number'))", promise),
            ";\n", take_sqlite!("$9")))
    };
    ($orders:expr) => {
        concat!("INSERT INTO order_counter (village_id, day, last) VALUES ($1, $6, $7)
             ON CONFLICT (village_id, day) DO UPDATE SET last = order_counter.last + excluded.last RETURNING last;\n",
            $orders, ";\n", lines_sqlite!("$3"), ";\n",
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
macro_rules! writing_pg {
    () => {
        writing_pg!(concat!("placed AS (", orders_pg!("$2", "$8 || lpad((counted.last - $7 + number::bigint)::text,
            greatest(4, length((counted.last - $7 + number::bigint)::text)), '0')"), " CROSS JOIN counted)"))
    };
    (promise) => {
        writing_pg!(concat!("placed AS (", orders_pg!("$2", "$8 || lpad((counted.last - $7 + number::bigint)::text,
            greatest(4, length((counted.last - $7 + number::bigint)::text)), '0')", promise), " CROSS JOIN counted),
            promised AS (", take_pg!("$9"), "),
            told AS (UPDATE calendar SET taken = taken + 1 WHERE village_id = $1)"))
    };
    ($orders:expr) => {
        concat!("WITH counted AS (
                INSERT INTO order_counter (village_id, day, last) VALUES ($1, $6, $7)
                ON CONFLICT (village_id, day) DO UPDATE SET last = order_counter.last + excluded.last RETURNING last), ",
            $orders, ", written AS (", lines_pg!("$3"), "),
            taken AS (
                UPDATE stock SET reserved = reserved + (want.value->>1)::bigint FROM json_array_elements($4::json) AS want
                WHERE village_id = $1 AND sku_id = (want.value->>0)::uuid),
            sold AS (
                UPDATE offer SET sold = sold + (want.value->>2)::bigint FROM json_array_elements($5::json) AS want
                WHERE village_id = $1 AND link_id = (want.value->>0)::uuid AND sku_id = (want.value->>1)::uuid)
            SELECT last FROM counted")
    };
}

/// The writing statement's texts: without promises and with them.
const WRITING_SQLITE: [&str; 2] = [writing_sqlite!(), writing_sqlite!(promise)];
const WRITING_ALONE_SQLITE: [&str; 2] = [
    concat!("BEGIN IMMEDIATE;\n", writing_sqlite!(), ";\nCOMMIT"),
    concat!("BEGIN IMMEDIATE;\n", writing_sqlite!(promise), ";\nCOMMIT"),
];
const WRITING_PG: [&str; 2] = [writing_pg!(), writing_pg!(promise)];

/// Takes the numbers, inserts orders and their lines, promises their cases and counts them as sold, and gives the last
/// number taken. The tables' CHECKs refuse to promise what isn't there.
pub async fn write(tx: &mut Tx, placing: &Placing<'_>) -> Result<i64> {
    tx.changes_supply();
    send(tx.on(), placing, WRITING_SQLITE).await
}

/// Like [`write`], in a transaction of its own that is part of the text. After an error the connection must not be
/// used any more.
pub async fn write_alone(swift: &mut Swift, placing: &Placing<'_>) -> Result<i64> {
    send(swift.on(), placing, WRITING_ALONE_SQLITE).await
}

async fn send(
    connection: On<&mut SqliteConnection, &mut PgConnection>,
    placing: &Placing<'_>,
    sqlite: [&'static str; 2],
) -> Result<i64> {
    let count = i64::try_from(placing.orders.len()).unwrap_or(i64::MAX);
    let day = placing.now.day().to_string();
    let promises = usize::from(!placing.takes.is_empty());
    // all rows are fetched, though there is but one: SQLite would not run what comes after the first
    let last: Vec<i64> = on!(connection, sqlite: sqlite[promises], pg: WRITING_PG[promises],
    sql, ex => {
        let query = sqlx::query_scalar(sql).bind(placing.village).bind(json(&placing.orders))
            .bind(json(&placing.lines)).bind(json(&placing.reserved)).bind(json(&placing.sold)).bind(day)
            .bind(count).bind(number_prefix(placing.now));
        match promises {
            0 => query.fetch_all(ex).await,
            _ => query.bind(json(&placing.takes)).fetch_all(ex).await,
        }
    })?;
    Ok(last.first().copied().unwrap_or(count))
}
