//! SQL of what only the console shows: what waits for a hand, and who did what to one thing.

use chrono::NaiveDate;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;
use crate::payments::RefundState;
use crate::villages::store::Operation;

/// Orders and what they sum up to: cases or fen.
#[derive(Clone, Copy, Debug, Default, sqlx::FromRow)]
pub struct Tally {
    pub orders: i64,
    pub sum: i64,
}

/// Unpaid orders whose buyers said that they pay by transfer, and what they owe.
pub async fn to_confirm(db: &Db, village: VillageId, now: Timestamp) -> Result<Tally> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(total_fen - captured_fen), 0) AS BIGINT) AS sum FROM orders
         WHERE village_id = $1 AND hold = 'active' AND hold_ends_at > $2 AND method = 'transfer'")
        .bind(village).bind(now).fetch_one(ex).await)?)
}

/// Unpaid orders whose hold ends before an instant, and their cases.
pub async fn ending(db: &Db, village: VillageId, now: Timestamp, before: Timestamp) -> Result<Tally> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(ordered - cancelled), 0) AS BIGINT) AS sum FROM orders
         WHERE village_id = $1 AND hold = 'active' AND hold_ends_at > $2 AND hold_ends_at <= $3")
        .bind(village).bind(now).bind(before).fetch_one(ex).await)?)
}

/// Orders that are sold and not packed, and their cases.
pub async fn to_pack(db: &Db, village: VillageId) -> Result<Tally> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(ordered - cancelled - packed), 0) AS BIGINT) AS sum FROM orders
         WHERE village_id = $1 AND hold = 'consumed' AND packed < ordered - cancelled")
        .bind(village).fetch_one(ex).await)?)
}

/// Cases in batches of a day, and of these the packed ones.
#[derive(Debug, sqlx::FromRow)]
pub struct Load {
    pub ship_on: String,
    pub cases: i64,
    pub packed: i64,
}

/// What is in batches from a day on, by days.
pub async fn loads(db: &Db, village: VillageId, from: NaiveDate) -> Result<Vec<Load>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT ship_on, CAST(COALESCE(SUM(cases), 0) AS BIGINT) AS cases,
                CAST(COALESCE(SUM(CASE WHEN packed_at IS NULL THEN 0 ELSE cases END), 0) AS BIGINT) AS packed
         FROM parcel WHERE village_id = $1 AND batch_id IS NOT NULL AND ship_on >= $2 GROUP BY ship_on")
        .bind(village).bind(from.to_string()).fetch_all(ex).await)?)
}

/// Batches up to a day that are in the workshop, and their parcels to pack; what staff hold does not count.
pub async fn batches_to_pack(db: &Db, village: VillageId, until: NaiveDate) -> Result<Tally> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(DISTINCT batch.id) AS orders, COUNT(*) AS sum
         FROM batch JOIN parcel ON parcel.village_id = batch.village_id AND parcel.batch_id = batch.id
         WHERE batch.village_id = $1 AND batch.state = 'released' AND batch.ship_on <= $2
           AND parcel.packed_at IS NULL AND parcel.held_at IS NULL")
        .bind(village).bind(until.to_string()).fetch_one(ex).await)?)
}

/// Packed parcels that have no waybill and are not with the carrier, and their cases.
pub async fn without_waybill(db: &Db, village: VillageId) -> Result<Tally> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(parcel.cases), 0) AS BIGINT) AS sum
         FROM batch JOIN parcel ON parcel.village_id = batch.village_id AND parcel.batch_id = batch.id
         WHERE batch.village_id = $1 AND batch.state IN ('released', 'packed') AND parcel.packed_at IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM waybill WHERE waybill.village_id = parcel.village_id
                           AND waybill.parcel_id = parcel.id AND waybill.ended_at IS NULL)")
        .bind(village).fetch_one(ex).await)?)
}

/// Late orders whose buyers have not answered yet.
pub async fn late_asked(db: &Db, village: VillageId) -> Result<i64> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT COUNT(*) FROM late_question WHERE village_id = $1 AND state = 'asked'")
        .bind(village).fetch_one(ex).await)?)
}

/// Refunds that are not done, and their money.
pub async fn refunds_waiting(db: &Db, village: VillageId) -> Result<Tally> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) AS sum FROM refund
         WHERE village_id = $1 AND state NOT IN ('done', 'refused')")
        .bind(village).fetch_one(ex).await)?)
}

/// Imports that began after an instant and have not ended.
pub async fn imports_running(db: &Db, village: VillageId, since: Timestamp) -> Result<i64> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT COUNT(*) FROM import WHERE village_id = $1 AND finished_at IS NULL AND started_at >= $2")
        .bind(village).bind(since).fetch_one(ex).await)?)
}

/// What came in: orders, cases and money of orders that are sold.
#[derive(Clone, Copy, Debug, Default, sqlx::FromRow)]
pub struct Taken {
    pub orders: i64,
    pub cases: i64,
    pub fen: Fen,
}

/// Orders whose ids are not below `first`, which is where a day begins: ids are made in the order of time.
pub async fn taken_since(db: &Db, village: VillageId, first: Uuid) -> Result<Taken> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(ordered - cancelled), 0) AS BIGINT) AS cases,
                CAST(COALESCE(SUM(captured_fen), 0) AS BIGINT) AS fen
         FROM orders WHERE village_id = $1 AND id >= $2 AND hold <> 'released' AND channel <> 'resend'")
        .bind(village).bind(first).fetch_one(ex).await)?)
}

/// How far a new village has come.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Beginnings {
    pub skus: bool,
    pub stock: bool,
    pub links: bool,
    pub orders: bool,
}

pub async fn beginnings(db: &Db, village: VillageId) -> Result<Beginnings> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT EXISTS (SELECT 1 FROM sku WHERE village_id = $1) AS skus,
                EXISTS (SELECT 1 FROM lot WHERE village_id = $1) AS stock,
                EXISTS (SELECT 1 FROM link WHERE village_id = $1) AS links,
                EXISTS (SELECT 1 FROM orders WHERE village_id = $1) AS orders")
        .bind(village).fetch_one(ex).await)?)
}

/// A refund as staff who carry it out need it.
#[derive(Debug, sqlx::FromRow)]
pub struct RefundRow {
    pub id: Uuid,
    pub number: String,
    pub amount_fen: Fen,
    pub state: RefundState,
    pub reason: String,
    pub reference: Option<String>,
    pub created_at: Timestamp,
}

macro_rules! refund {
    ($rest:literal) => {
        concat!(
            "SELECT refund.id, orders.number, refund.amount_fen, refund.state, refund.reason, refund.reference,
                    refund.created_at
             FROM refund JOIN orders ON orders.village_id = refund.village_id AND orders.id = refund.order_id
             WHERE refund.village_id = $1 AND ",
            $rest
        )
    };
}

/// Refunds before a cursor, the newest first; with `open`, only those that are not done.
pub async fn refunds(
    db: &Db,
    village: VillageId,
    open: bool,
    before: Uuid,
    limit: i64,
) -> Result<Vec<RefundRow>> {
    Ok(on!(db, ex => sqlx::query_as(refund!(
        "refund.id < $2 AND ($3 = FALSE OR refund.state NOT IN ('done', 'refused')) ORDER BY refund.id DESC LIMIT $4"))
        .bind(village).bind(before).bind(open).bind(limit).fetch_all(ex).await)?)
}

pub async fn refund(db: &Db, village: VillageId, id: Uuid) -> Result<Option<RefundRow>> {
    Ok(
        on!(db, ex => sqlx::query_as(refund!("refund.id = $2")).bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// What was done to one thing, the newest first, from the id `since` on: the log's key leads there, and nothing is done
/// to a thing before it is there.
pub async fn history(
    db: &Db,
    village: VillageId,
    subject: &str,
    since: Uuid,
    limit: i64,
) -> Result<Vec<Operation>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT operation.id, operation.at, staff.login AS staff, operation.act, operation.subject,
                operation.before, operation.after
         FROM operation
         JOIN staff ON staff.village_id = operation.village_id AND staff.id = operation.staff_id
         WHERE operation.village_id = $1 AND operation.id >= $3 AND operation.subject = $2
         ORDER BY operation.id DESC LIMIT $4")
        .bind(village).bind(subject).bind(since).bind(limit).fetch_all(ex).await)?)
}
