//! SQL that reads what a plan is made of: open orders, what is free of the stock, and what earlier work has taken.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfillment::lots::{FreeLot, Shelf};
use crate::fulfillment::shaping::{OpenLine, OpenOrder, Supply, door};
use crate::fulfillment::wishes::Wish;
use crate::id::VillageId;
use crate::on;

/// Parcels that no plan changes: packed, held, with a waybill, or in a batch that is released or further.
macro_rules! kept {
    () => {
        "(parcel.packed_at IS NOT NULL OR parcel.held_at IS NOT NULL OR batch.state <> 'planned' OR waybill.id IS NOT NULL)"
    };
}

/// A parcel with its batch and its live waybill, if it has them.
macro_rules! parcel_with {
    () => {
        "parcel
         LEFT JOIN batch ON batch.village_id = parcel.village_id AND batch.id = parcel.batch_id
         LEFT JOIN waybill ON waybill.village_id = parcel.village_id AND waybill.parcel_id = parcel.id
                          AND waybill.ended_at IS NULL"
    };
}
pub(super) use {kept, parcel_with};

#[derive(sqlx::FromRow)]
struct LineRow {
    id: Uuid,
    number: String,
    version: i64,
    phone: String,
    region_code: String,
    street: String,
    paid_at: Timestamp,
    promise: Option<String>,
    refund_open: bool,
    line: i64,
    sku_id: Uuid,
    grams: i64,
    open: i64,
    carrier: Option<String>,
    arrive_by: Option<String>,
    not_before: Option<String>,
    together: Option<bool>,
}

/// An order that waits for an answer before it can be planned.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub number: String,
    pub cases: i64,
}

/// The orders to plan, and those that an open refund request keeps out of the plan.
pub async fn open_orders(tx: &mut Tx, village: VillageId) -> Result<(Vec<OpenOrder>, Vec<Waiting>)> {
    let rows: Vec<LineRow> = on!(tx, ex => sqlx::query_as(concat!(
        "SELECT orders.id, orders.number, orders.version, orders.phone, orders.region_code, orders.street,
                COALESCE(orders.paid_at, orders.placed_at) AS paid_at, orders.promise,
                EXISTS (SELECT 1 FROM refund WHERE refund.village_id = orders.village_id
                        AND refund.order_id = orders.id AND refund.state IN ('asked', 'agreed')) AS refund_open,
                line.line, line.sku_id, sku.gross_weight_grams AS grams,
                line.ordered - line.cancelled - CASE WHEN COALESCE(kept.cases, 0) > line.packed
                    THEN COALESCE(kept.cases, 0) ELSE line.packed END AS open,
                wish.carrier, wish.arrive_by, wish.not_before, wish.together
         FROM orders
         JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
         JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
         LEFT JOIN (SELECT parcel_line.order_id, parcel_line.line, CAST(SUM(parcel_line.cases) AS BIGINT) AS cases
                    FROM ", parcel_with!(), "
                    JOIN parcel_line ON parcel_line.village_id = parcel.village_id AND parcel_line.parcel_id = parcel.id
                    WHERE parcel.village_id = $1 AND ", kept!(), "
                    GROUP BY parcel_line.order_id, parcel_line.line) AS kept
           ON kept.order_id = line.order_id AND kept.line = line.line
         LEFT JOIN wish ON wish.village_id = orders.village_id AND wish.order_id = orders.id
         WHERE orders.village_id = $1 AND orders.hold = 'consumed' AND orders.cancelled < orders.ordered
           AND orders.packed < orders.ordered - orders.cancelled
           AND (orders.captured_fen >= orders.total_fen OR orders.method = 'cod')
         ORDER BY paid_at, orders.number, line.line"))
        .bind(village).fetch_all(ex).await)?;
    let parts = parts(tx, village).await?;
    let mut orders: Vec<OpenOrder> = Vec::new();
    let mut waiting: Vec<Waiting> = Vec::new();
    for row in rows.into_iter().filter(|row| row.open > 0) {
        if row.refund_open {
            match waiting.last_mut().filter(|last| last.number == row.number) {
                Some(last) => last.cases += row.open,
                None => waiting.push(Waiting {
                    number: row.number,
                    cases: row.open,
                }),
            }
            continue;
        }
        let line = OpenLine {
            line: row.line,
            sku: row.sku_id,
            cases: row.open,
            grams: row.grams,
            parts: parts
                .get(&row.sku_id)
                .cloned()
                .unwrap_or_else(|| vec![(row.sku_id, 1)]),
        };
        match orders.last_mut().filter(|last| last.id == row.id) {
            Some(last) => last.lines.push(line),
            None => orders.push(order_of(row, line)),
        }
    }
    Ok((orders, waiting))
}

/// The part of a stored promise that the plan reads.
#[derive(serde::Deserialize)]
struct Promised {
    arrives_by: NaiveDate,
}

fn order_of(row: LineRow, line: OpenLine) -> OpenOrder {
    let day = |text: Option<String>| text.and_then(|day| day.parse().ok());
    let promised = row
        .promise
        .as_deref()
        .and_then(|text| serde_json::from_str::<Promised>(text).ok());
    OpenOrder {
        door: door(&row.phone, &row.region_code, &row.street),
        province: row.region_code.chars().take(2).collect(),
        id: row.id,
        number: row.number,
        version: row.version,
        paid_at: row.paid_at,
        wish: Wish {
            carrier: row.carrier,
            arrive_by: day(row.arrive_by),
            not_before: day(row.not_before),
            together: row.together.unwrap_or(false),
        },
        promised: promised.map(|promise| promise.arrives_by),
        lines: vec![line],
    }
}

/// What gift boxes are made of.
pub async fn parts(tx: &mut Tx, village: VillageId) -> Result<HashMap<Uuid, Vec<(Uuid, i64)>>> {
    let rows: Vec<(Uuid, Uuid, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT sku_id, component_id, quantity FROM sku_component WHERE village_id = $1 ORDER BY sku_id, component_id")
        .bind(village).fetch_all(ex).await)?;
    let mut parts: HashMap<Uuid, Vec<(Uuid, i64)>> = HashMap::new();
    for (sku, item, quantity) in rows {
        parts.entry(sku).or_default().push((item, quantity));
    }
    Ok(parts)
}

/// Skus by their codes.
pub async fn sku_codes(tx: &mut Tx, village: VillageId) -> Result<HashMap<String, Uuid>> {
    let rows: Vec<(String, Uuid)> = on!(tx, ex => sqlx::query_as("SELECT code, id FROM sku WHERE village_id = $1")
        .bind(village).fetch_all(ex).await)?;
    Ok(rows.into_iter().collect())
}

/// How many days each sku has to last after it arrives.
pub async fn min_days_left(tx: &mut Tx, village: VillageId) -> Result<HashMap<Uuid, i64>> {
    let rows: Vec<(Uuid, i64)> = on!(tx, ex => sqlx::query_as("SELECT id, min_days_left FROM sku WHERE village_id = $1")
        .bind(village).fetch_all(ex).await)?;
    Ok(rows.into_iter().collect())
}

/// What kept parcels leave of each stock item.
pub async fn supply(tx: &mut Tx, village: VillageId) -> Result<HashMap<Uuid, Supply>> {
    let rows: Vec<(Uuid, i64, Option<String>)> = on!(tx, ex => sqlx::query_as(concat!(
        "SELECT stock.sku_id, stock.on_hand - COALESCE(taken.units, 0), stock.ahead_ready_on
         FROM stock
         LEFT JOIN (SELECT COALESCE(part.component_id, parcel_line.sku_id) AS item,
                           CAST(SUM(parcel_line.cases * COALESCE(part.quantity, 1)) AS BIGINT) AS units
                    FROM ", parcel_with!(), "
                    JOIN parcel_line ON parcel_line.village_id = parcel.village_id AND parcel_line.parcel_id = parcel.id
                    JOIN orders ON orders.village_id = parcel_line.village_id AND orders.id = parcel_line.order_id
                    LEFT JOIN sku_component AS part ON part.village_id = parcel_line.village_id
                                                   AND part.sku_id = parcel_line.sku_id
                    WHERE parcel.village_id = $1 AND parcel.handed_over_at IS NULL AND ", kept!(), "
                      AND orders.cancelled < orders.ordered
                    GROUP BY item) AS taken ON taken.item = stock.sku_id
         WHERE stock.village_id = $1"))
        .bind(village).fetch_all(ex).await)?;
    let level = |(item, free, ready): (Uuid, i64, Option<String>)| {
        let ahead_ready_on = ready.and_then(|day| day.parse().ok());
        (item, Supply { free, ahead_ready_on })
    };
    Ok(rows.into_iter().map(level).collect())
}

/// What kept parcels leave of each lot; with `all`, what any parcel leaves of it.
pub async fn shelf(tx: &mut Tx, village: VillageId, all: bool) -> Result<Shelf> {
    let rows: Vec<(Uuid, Uuid, String, String, i64)> = on!(tx, ex => sqlx::query_as(concat!(
        "SELECT lot.sku_id, lot.id, lot.code, lot.best_before, lot.on_hand - COALESCE(taken.units, 0)
         FROM lot
         LEFT JOIN (SELECT pick.lot_id, CAST(SUM(pick.quantity) AS BIGINT) AS units
                    FROM ", parcel_with!(), "
                    JOIN parcel_lot AS pick ON pick.village_id = parcel.village_id AND pick.parcel_id = parcel.id
                    JOIN orders ON orders.village_id = pick.village_id AND orders.id = pick.order_id
                    WHERE parcel.village_id = $1 AND parcel.handed_over_at IS NULL AND ($2 OR ", kept!(), ")
                      AND orders.cancelled < orders.ordered
                    GROUP BY pick.lot_id) AS taken ON taken.lot_id = lot.id
         WHERE lot.village_id = $1 AND lot.on_hand > 0 ORDER BY lot.best_before, lot.code"))
        .bind(village).bind(all).fetch_all(ex).await)?;
    let mut shelf = Shelf::new();
    for (item, id, code, best_before, free) in rows {
        let Ok(best_before) = best_before.parse() else {
            continue;
        };
        shelf.entry(item).or_default().push(FreeLot {
            id,
            code,
            best_before,
            free,
        });
    }
    Ok(shelf)
}

/// Cases that kept parcels take of each day and carrier, from a day on.
pub async fn taken_room(
    tx: &mut Tx,
    village: VillageId,
    from: NaiveDate,
) -> Result<BTreeMap<(NaiveDate, String), i64>> {
    let rows: Vec<(String, String, i64)> = on!(tx, ex => sqlx::query_as(concat!(
        "SELECT parcel.ship_on, parcel.carrier, CAST(SUM(parcel.cases) AS BIGINT)
         FROM ", parcel_with!(), "
         WHERE parcel.village_id = $1 AND parcel.ship_on >= $2 AND parcel.batch_id IS NOT NULL AND ", kept!(), "
         GROUP BY parcel.ship_on, parcel.carrier"))
        .bind(village).bind(from.to_string()).fetch_all(ex).await)?;
    let row = |(day, carrier, cases): (String, String, i64)| Some(((day.parse().ok()?, carrier), cases));
    Ok(rows.into_iter().filter_map(row).collect())
}
