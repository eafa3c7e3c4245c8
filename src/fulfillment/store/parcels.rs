//! SQL of parcels: what they are, what is in them, and what staff do to them.

use serde::Serialize;
use uuid::Uuid;

use super::backlog::parcel_with;
use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;
use crate::villages::auth::By;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Parcel {
    pub id: Uuid,
    pub code: String,
    pub batch_id: Option<Uuid>,
    /// number of its batch
    pub batch: Option<String>,
    /// the order whose address it goes to
    pub order_id: Uuid,
    pub ship_on: String,
    pub carrier: String,
    pub arrives_on: String,
    pub deadline: Option<String>,
    pub reason: String,
    pub cases: i64,
    pub grams: i64,
    pub held_reason: Option<String>,
    pub packed_at: Option<Timestamp>,
    pub handed_over_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    /// when and by which scan it was last said whether it is packed
    pub acted_at: Option<Timestamp>,
    pub act_key: Option<Uuid>,
    /// its live number
    pub waybill: Option<String>,
}

macro_rules! parcels {
    () => {
        concat!(
            "SELECT parcel.id, parcel.code, parcel.batch_id, batch.number AS batch, parcel.order_id, parcel.ship_on,
                    parcel.carrier, parcel.arrives_on, parcel.deadline, parcel.reason, parcel.cases, parcel.grams,
                    parcel.held_reason, parcel.packed_at, parcel.handed_over_at, parcel.delivered_at,
                    parcel.acted_at, parcel.act_key, waybill.number AS waybill
             FROM ",
            parcel_with!(),
            " WHERE parcel.village_id = $1 AND "
        )
    };
}

/// The parcels of a batch by their codes' order, which is that of the plan.
pub async fn of_batch(tx: &mut Tx, village: VillageId, batch: Uuid) -> Result<Vec<Parcel>> {
    Ok(
        on!(tx, ex => sqlx::query_as(concat!(parcels!(), "parcel.batch_id = $2 ORDER BY parcel.carrier, parcel.code"))
        .bind(village).bind(batch).fetch_all(ex).await)?,
    )
}

pub async fn by_codes(tx: &mut Tx, village: VillageId, codes: &[String]) -> Result<Vec<Parcel>> {
    Ok(on!(tx,
        sqlite: concat!(parcels!(), "parcel.code IN (SELECT value FROM json_each($2)) ORDER BY parcel.code"),
        pg: concat!(parcels!(), "parcel.code IN (SELECT value FROM json_array_elements_text($2::json) AS value)
                    ORDER BY parcel.code"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&codes)).fetch_all(ex).await)?)
}

/// The parcels with cases of these orders.
pub async fn of_orders(tx: &mut Tx, village: VillageId, orders: &[Uuid]) -> Result<Vec<Parcel>> {
    Ok(on!(tx,
        sqlite: concat!(parcels!(), "parcel.id IN (SELECT parcel_id FROM parcel_line WHERE village_id = $1
                        AND order_id IN (SELECT unhex(value, '-') FROM json_each($2))) ORDER BY parcel.code"),
        pg: concat!(parcels!(), "parcel.id IN (SELECT parcel_id FROM parcel_line WHERE village_id = $1
                    AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))) ORDER BY parcel.code"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&orders)).fetch_all(ex).await)?)
}

/// An order line in a parcel, and what holds its order back.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Inside {
    pub parcel_id: Uuid,
    pub order_id: Uuid,
    pub number: String,
    pub line: i64,
    pub sku_id: Uuid,
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub cases: i64,
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
    pub region_code: String,
    pub note: String,
    pub cancelled: bool,
    /// says nothing of a packed parcel, whose cases its order counts already
    pub changed: bool,
    pub refund_open: bool,
    pub due: bool,
}

pub async fn inside(tx: &mut Tx, village: VillageId, parcels: &[Uuid]) -> Result<Vec<Inside>> {
    macro_rules! select {
        () => {
            "SELECT inside.parcel_id, inside.order_id, orders.number, inside.line, inside.sku_id, sku.code AS sku,
                    sku.title, sku.spec, inside.cases, orders.name, orders.phone, orders.province, orders.city,
                    orders.district, orders.street, orders.region_code, orders.note,
                    orders.cancelled = orders.ordered AS cancelled, orders.version <> inside.version
                        OR line.packed IS NULL OR line.packed + inside.cases > line.ordered - line.cancelled AS changed,
                    EXISTS (SELECT 1 FROM refund WHERE refund.village_id = orders.village_id
                            AND refund.order_id = orders.id AND refund.state IN ('asked', 'agreed')) AS refund_open,
                    orders.method <> 'cod' AND orders.captured_fen < orders.total_fen AS due
             FROM parcel_line AS inside
             JOIN orders ON orders.village_id = inside.village_id AND orders.id = inside.order_id
             JOIN sku ON sku.village_id = inside.village_id AND sku.id = inside.sku_id
             LEFT JOIN order_line AS line ON line.village_id = inside.village_id AND line.order_id = inside.order_id
                                         AND line.line = inside.line
             WHERE inside.village_id = $1 AND inside.parcel_id IN "
        };
    }
    Ok(on!(tx,
        sqlite: concat!(select!(), "(SELECT unhex(value, '-') FROM json_each($2)) ORDER BY orders.number, inside.line"),
        pg: concat!(select!(), "(SELECT value::uuid FROM json_array_elements_text($2::json))
                    ORDER BY orders.number, inside.line"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&parcels)).fetch_all(ex).await)?)
}

/// Units of one lot in a parcel.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Picked {
    pub parcel_id: Uuid,
    pub order_id: Uuid,
    pub line: i64,
    pub sku_id: Uuid,
    pub sku: String,
    pub lot_id: Uuid,
    pub lot: String,
    pub best_before: String,
    pub quantity: i64,
    pub good_until: String,
}

pub async fn picked(tx: &mut Tx, village: VillageId, parcels: &[Uuid]) -> Result<Vec<Picked>> {
    macro_rules! select {
        () => {
            "SELECT pick.parcel_id, pick.order_id, pick.line, pick.sku_id, sku.code AS sku, pick.lot_id, lot.code AS lot,
                    lot.best_before, pick.quantity, pick.good_until
             FROM parcel_lot AS pick
             JOIN sku ON sku.village_id = pick.village_id AND sku.id = pick.sku_id
             JOIN lot ON lot.village_id = pick.village_id AND lot.id = pick.lot_id
             WHERE pick.village_id = $1 AND pick.parcel_id IN "
        };
    }
    Ok(on!(tx,
        sqlite: concat!(select!(), "(SELECT unhex(value, '-') FROM json_each($2)) ORDER BY sku.code, lot.best_before, lot.code"),
        pg: concat!(select!(), "(SELECT value::uuid FROM json_array_elements_text($2::json))
                    ORDER BY sku.code, lot.best_before, lot.code"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&parcels)).fetch_all(ex).await)?)
}

/// Locks the orders whose cases are in these parcels, so that none is cancelled or edited meanwhile.
pub async fn lock_orders(tx: &mut Tx, village: VillageId, parcels: &[Uuid]) -> Result<()> {
    on!(tx,
        // BEGIN IMMEDIATE has the only write lock there is
        sqlite: "SELECT id FROM orders WHERE village_id = $1 AND id IN (SELECT order_id FROM parcel_line
                 WHERE village_id = $1 AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))) ORDER BY id",
        pg: "SELECT id FROM orders WHERE village_id = $1 AND id IN (SELECT order_id FROM parcel_line
             WHERE village_id = $1 AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json))))
             ORDER BY id FOR UPDATE",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&parcels)).fetch_all(ex).await.map(|_| ()))?;
    Ok(())
}

/// Runs an UPDATE of parcels: the text for both engines but for how a list of ids is read.
macro_rules! change {
    ($tx:expr, $ids:expr, $set:literal $(, $bind:expr)*) => {
        on!($tx,
            sqlite: concat!("UPDATE parcel SET ", $set, " WHERE village_id = $1
                             AND id IN (SELECT unhex(value, '-') FROM json_each($2))"),
            pg: concat!("UPDATE parcel SET ", $set, " WHERE village_id = $1
                         AND id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))"),
            sql, ex => sqlx::query(sql) $(.bind($bind))* .execute(ex).await.map(|_| ()))
    };
}

pub async fn set_packed(tx: &mut Tx, by: &By, ids: &[Uuid]) -> Result<()> {
    let (village, ids) = (by.staff.village, json(&ids));
    Ok(change!(
        tx,
        ids,
        "packed_at = $3, packed_by = $4",
        village,
        &ids,
        by.at,
        by.staff.id
    )?)
}

pub async fn set_unpacked(tx: &mut Tx, village: VillageId, ids: &[Uuid]) -> Result<()> {
    let ids = json(&ids);
    Ok(change!(
        tx,
        ids,
        "packed_at = NULL, packed_by = NULL",
        village,
        &ids
    )?)
}

/// The last word on whether a parcel is packed.
#[derive(Serialize)]
pub struct Word {
    pub id: Uuid,
    /// epoch milliseconds
    pub at: i64,
    pub key: Uuid,
}

pub async fn set_words(tx: &mut Tx, village: VillageId, words: &[Word]) -> Result<()> {
    on!(tx,
        sqlite: "UPDATE parcel SET acted_at = word.value->>'at', act_key = unhex(word.value->>'key', '-')
                 FROM json_each($2) AS word
                 WHERE parcel.village_id = $1 AND parcel.id = unhex(word.value->>'id', '-')",
        pg: "UPDATE parcel SET acted_at = word.at, act_key = word.key
             FROM json_to_recordset($2::json) AS word(id uuid, at bigint, key uuid)
             WHERE parcel.village_id = $1 AND parcel.id = word.id",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&words)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn set_held(tx: &mut Tx, by: &By, ids: &[Uuid], reason: &str) -> Result<()> {
    let (village, ids) = (by.staff.village, json(&ids));
    Ok(change!(
        tx,
        ids,
        "held_at = $3, held_by = $4, held_reason = $5",
        village,
        &ids,
        by.at,
        by.staff.id,
        reason
    )?)
}

pub async fn set_free(tx: &mut Tx, village: VillageId, ids: &[Uuid]) -> Result<()> {
    let ids = json(&ids);
    Ok(change!(
        tx,
        ids,
        "held_at = NULL, held_by = NULL, held_reason = NULL",
        village,
        &ids
    )?)
}

pub async fn set_handed_over(
    tx: &mut Tx,
    village: VillageId,
    ids: &[Uuid],
    at: Option<Timestamp>,
) -> Result<()> {
    let ids = json(&ids);
    Ok(change!(tx, ids, "handed_over_at = $3", village, &ids, at)?)
}

/// Marks a parcel that is with its carrier as delivered; false when it was before, or is not with a carrier.
pub async fn set_delivered(tx: &mut Tx, village: VillageId, id: Uuid, at: Timestamp) -> Result<bool> {
    let done = on!(tx, ex => sqlx::query(
        "UPDATE parcel SET delivered_at = $3
         WHERE village_id = $1 AND id = $2 AND delivered_at IS NULL AND handed_over_at IS NOT NULL")
        .bind(village).bind(id).bind(at).execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Puts parcels into another batch, as they are.
pub async fn set_batch(tx: &mut Tx, village: VillageId, ids: &[Uuid], batch: Uuid) -> Result<()> {
    let ids = json(&ids);
    Ok(change!(tx, ids, "batch_id = $3", village, &ids, batch)?)
}

/// Another day or carrier for a parcel.
#[derive(Serialize)]
pub struct Sending {
    pub id: Uuid,
    pub batch_id: Uuid,
    pub ship_on: String,
    pub carrier: String,
    pub arrives_on: String,
    pub reason: String,
    pub collects_until: Option<String>,
}

pub async fn set_sending(tx: &mut Tx, village: VillageId, rows: &[Sending]) -> Result<()> {
    on!(tx,
        sqlite: "UPDATE parcel SET batch_id = unhex(new.value->>'batch_id', '-'), ship_on = new.value->>'ship_on',
                     carrier = new.value->>'carrier', arrives_on = new.value->>'arrives_on',
                     reason = new.value->>'reason', collects_until = new.value->>'collects_until'
                 FROM json_each($2) AS new
                 WHERE parcel.village_id = $1 AND parcel.id = unhex(new.value->>'id', '-')",
        pg: "UPDATE parcel SET batch_id = new.batch_id, ship_on = new.ship_on, carrier = new.carrier,
                 arrives_on = new.arrives_on, reason = new.reason, collects_until = new.collects_until
             FROM json_to_recordset($2::json) AS new(id uuid, batch_id uuid, ship_on text, carrier text,
                 arrives_on text, reason text, collects_until text)
             WHERE parcel.village_id = $1 AND parcel.id = new.id",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Deletes parcels that are no more than a plan, with what they had of waybills and carriers' words.
pub async fn delete(tx: &mut Tx, village: VillageId, ids: &[Uuid]) -> Result<()> {
    let ids = json(&ids);
    for (sqlite, pg) in [
        (
            "DELETE FROM parcel_lot WHERE village_id = $1 AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))",
            "DELETE FROM parcel_lot WHERE village_id = $1
             AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        ),
        (
            "DELETE FROM parcel_line WHERE village_id = $1 AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))",
            "DELETE FROM parcel_line WHERE village_id = $1
             AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        ),
        (
            "DELETE FROM parcel_event WHERE village_id = $1 AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))",
            "DELETE FROM parcel_event WHERE village_id = $1
             AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        ),
        (
            "DELETE FROM waybill WHERE village_id = $1 AND ended_at IS NOT NULL
             AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))",
            "DELETE FROM waybill WHERE village_id = $1 AND ended_at IS NOT NULL
             AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        ),
        (
            "DELETE FROM parcel WHERE village_id = $1 AND id IN (SELECT unhex(value, '-') FROM json_each($2))",
            "DELETE FROM parcel WHERE village_id = $1
             AND id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        ),
    ] {
        on!(tx, sqlite: sqlite, pg: pg, sql, ex =>
            sqlx::query(sql).bind(village).bind(&ids).execute(ex).await.map(|_| ()))?;
    }
    Ok(())
}

/// Whether a carrier has said anything of these parcels.
pub async fn has_events(tx: &mut Tx, village: VillageId, ids: &[Uuid]) -> Result<bool> {
    Ok(on!(tx,
        sqlite: "SELECT COUNT(*) > 0 FROM parcel_event WHERE village_id = $1
                 AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))",
        pg: "SELECT COUNT(*) > 0 FROM parcel_event WHERE village_id = $1
             AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query_scalar(sql).bind(village).bind(json(&ids)).fetch_one(ex).await)?)
}
