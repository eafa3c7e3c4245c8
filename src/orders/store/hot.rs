//! SQL of the hot path. A batch of orders crosses to the database twice: once to read what decides it, once to write it,
//! each statement committing by itself. Each crossing wakes a thread or a server and is slower than the work it asks
//! for, so what could be four reads or five writes is sent as one.
//!
//! Nothing is locked between the two. What another node or another program does meanwhile, the writing statement
//! refuses by the tables' own rules: more promised than there is, sold beyond a quota, a key used twice. Then the
//! intake does the batch anew in a transaction that locks what it reads.

use std::collections::HashMap;

use sqlx::{PgConnection, SqliteConnection};
use uuid::Uuid;

use super::write::{NewLine, NewOrder, lines_pg, lines_sqlite, orders_pg, orders_sqlite};
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
}

/// What a batch is about: the stock items and links that its orders want, and their keys.
pub struct Wanted<'a> {
    pub village: VillageId,
    pub now: Timestamp,
    pub skus: Vec<Uuid>,
    pub links: Vec<Uuid>,
    pub keys: Vec<(Option<Uuid>, &'a str)>,
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

macro_rules! reading_pg {
    ($lock:literal, $lock_offer:literal) => {
        concat!("WITH level AS (
                 SELECT sku_id, on_hand, reserved, ahead FROM stock
                 WHERE village_id = $1 AND sku_id IN (SELECT value::uuid FROM json_array_elements_text($2::json))
                 ", $lock, "),
             offered AS (
                 SELECT offer.link_id, offer.sku_id, offer.price_fen, offer.quota, offer.sold, offer.limit_per_order,
                        link.opens_at, link.closes_at, link.closed_at
                 FROM offer JOIN link ON link.village_id = offer.village_id AND link.id = offer.link_id
                 WHERE offer.village_id = $1
                   AND offer.link_id IN (SELECT value::uuid FROM json_array_elements_text($3::json))
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
             WHERE village_id = $1
             UNION ALL
             (SELECT 4, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM orders
             WHERE village_id = $1 AND hold = 'active' AND hold_ends_at <= $5 LIMIT 1)")
    };
}

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
    let rows: Vec<Row> = on!(connection,
        // CROSS JOIN: the keys first, then one index look-up each, whatever the planner thinks of the table's size
        sqlite: "SELECT 0 AS part, sku_id AS a, NULL AS b, NULL AS idem_key, NULL AS body_hash, on_hand AS n1,
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
                 SELECT 4, id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM (
                     SELECT id FROM orders WHERE village_id = $1 AND hold = 'active' AND hold_ends_at <= $5 LIMIT 1)",
        pg: if locked {
            reading_pg!("ORDER BY sku_id FOR NO KEY UPDATE", "ORDER BY offer.link_id, offer.sku_id FOR NO KEY UPDATE OF offer")
        } else {
            reading_pg!("", "")
        },
        sql, ex => sqlx::query_as(sql).bind(wanted.village).bind(json(&wanted.skus)).bind(json(&wanted.links))
            .bind(json(&wanted.keys)).bind(wanted.now).fetch_all(ex).await)?;
    let mut situation = Situation::default();
    for row in rows {
        situation.take(row);
    }
    Ok(situation)
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
}

macro_rules! writing_sqlite {
    () => {
        concat!("INSERT INTO order_counter (village_id, day, last) VALUES ($1, $6, $7)
             ON CONFLICT (village_id, day) DO UPDATE SET last = order_counter.last + excluded.last RETURNING last;\n",
            orders_sqlite!("$2", "$8 || printf('%04d', (
                SELECT last FROM order_counter WHERE village_id = $1 AND day = $6) - $7 + (value->>'number'))"), ";\n",
            lines_sqlite!("$3"), ";\n",
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
const WRITING_PG: &str = concat!("WITH counted AS (
        INSERT INTO order_counter (village_id, day, last) VALUES ($1, $6, $7)
        ON CONFLICT (village_id, day) DO UPDATE SET last = order_counter.last + excluded.last RETURNING last),
    placed AS (", orders_pg!("$2", "$8 || lpad((counted.last - $7 + number::bigint)::text,
            greatest(4, length((counted.last - $7 + number::bigint)::text)), '0')"), " CROSS JOIN counted),
    written AS (", lines_pg!("$3"), "),
    taken AS (
        UPDATE stock SET reserved = reserved + (want.value->>1)::bigint FROM json_array_elements($4::json) AS want
        WHERE village_id = $1 AND sku_id = (want.value->>0)::uuid),
    sold AS (
        UPDATE offer SET sold = sold + (want.value->>2)::bigint FROM json_array_elements($5::json) AS want
        WHERE village_id = $1 AND link_id = (want.value->>0)::uuid AND sku_id = (want.value->>1)::uuid)
    SELECT last FROM counted");

/// Takes the numbers, inserts orders and their lines, promises their cases and counts them as sold, and gives the last
/// number taken. The tables' CHECKs refuse to promise what isn't there.
pub async fn write(tx: &mut Tx, placing: &Placing<'_>) -> Result<i64> {
    tx.changes_supply();
    send(tx.on(), placing, writing_sqlite!()).await
}

/// Like [`write`], in a transaction of its own that is part of the text. After an error the connection must not be
/// used any more.
pub async fn write_alone(swift: &mut Swift, placing: &Placing<'_>) -> Result<i64> {
    send(
        swift.on(),
        placing,
        concat!("BEGIN IMMEDIATE;\n", writing_sqlite!(), ";\nCOMMIT"),
    )
    .await
}

async fn send(
    connection: On<&mut SqliteConnection, &mut PgConnection>,
    placing: &Placing<'_>,
    sqlite: &'static str,
) -> Result<i64> {
    let count = i64::try_from(placing.orders.len()).unwrap_or(i64::MAX);
    let day = placing.now.day().to_string();
    // all rows are fetched, though there is but one: SQLite would not run what comes after the first
    let last: Vec<i64> = on!(connection, sqlite: sqlite, pg: WRITING_PG,
        sql, ex => sqlx::query_scalar(sql).bind(placing.village).bind(json(&placing.orders)).bind(json(&placing.lines))
            .bind(json(&placing.reserved)).bind(json(&placing.sold)).bind(day).bind(count)
            .bind(number_prefix(placing.now)).fetch_all(ex).await)?;
    Ok(last.first().copied().unwrap_or(count))
}
