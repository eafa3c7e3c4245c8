//! SQL of the hot path. A batch of orders crosses to the database five times: begin, read, numbers, write, commit. Each
//! crossing wakes a thread or a server and is slower than the work it asks for, so what could be four reads or four writes
//! is sent as one.

use std::collections::HashMap;

use uuid::Uuid;

use super::write::{NewLine, NewOrder, lines_pg, lines_sqlite, orders_pg, orders_sqlite};
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

/// Locks the stock items and then the offers (in one order everywhere), and reads them, the orders placed before under
/// these keys, and whether anybody listens.
///
/// On PostgreSQL a key that another node commits while this statement waits for its locks is not seen; the unique
/// index then refuses the batch, and order by order the key is found.
pub async fn read(
    tx: &mut Tx,
    village: VillageId,
    skus: &[Uuid],
    links: &[Uuid],
    keys: &[(Option<Uuid>, &str)],
) -> Result<Situation> {
    let rows: Vec<Row> = on!(tx,
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
                 WHERE village_id = $1",
        pg: "WITH level AS (
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
             WHERE village_id = $1",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&skus)).bind(json(&links)).bind(json(&keys))
            .fetch_all(ex).await)?;
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
            _ => self.has_subscribers = true,
        }
    }
}

/// Inserts orders and their lines, promises their cases (`reserved`: stock item, cases) and counts them as sold (`sold`:
/// link, sku, cases). The tables' CHECKs refuse to promise what isn't there.
pub async fn write(
    tx: &mut Tx,
    village: VillageId,
    orders: &[NewOrder<'_>],
    lines: &[NewLine<'_>],
    reserved: &[(Uuid, i64)],
    sold: &[(Uuid, Uuid, i64)],
) -> Result<()> {
    tx.changes_supply();
    on!(tx,
        sqlite: concat!(orders_sqlite!("$2"), ";\n", lines_sqlite!("$3"), ";\n",
            "UPDATE stock SET reserved = reserved + (
                 SELECT SUM(want.value->>1) FROM jsonb_each($4) AS want WHERE unhex(want.value->>0, '-') = stock.sku_id)
             WHERE village_id = $1 AND sku_id IN (SELECT unhex(value->>0, '-') FROM jsonb_each($4));
             UPDATE offer SET sold = sold + (
                 SELECT SUM(want.value->>2) FROM jsonb_each($5) AS want
                 WHERE unhex(want.value->>0, '-') = offer.link_id AND unhex(want.value->>1, '-') = offer.sku_id)
             WHERE village_id = $1 AND (link_id, sku_id) IN (
                 SELECT unhex(value->>0, '-'), unhex(value->>1, '-') FROM jsonb_each($5))"),
        pg: concat!("WITH placed AS (", orders_pg!("$2"), "), written AS (", lines_pg!("$3"), "), taken AS (
                 UPDATE stock SET reserved = reserved + (want.value->>1)::bigint
                 FROM json_array_elements($4::json) AS want
                 WHERE village_id = $1 AND sku_id = (want.value->>0)::uuid)
             UPDATE offer SET sold = sold + (want.value->>2)::bigint FROM json_array_elements($5::json) AS want
             WHERE village_id = $1 AND link_id = (want.value->>0)::uuid AND sku_id = (want.value->>1)::uuid"),
        sql, ex => sqlx::query(sql).bind(village).bind(json(&orders)).bind(json(&lines)).bind(json(&reserved))
            .bind(json(&sold)).execute(ex).await.map(|_| ()))?;
    Ok(())
}
