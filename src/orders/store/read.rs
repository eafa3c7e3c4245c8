//! SQL that reads orders.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::{Fen, Method};
use crate::on;
use crate::orders::{Line, Order, Status};

macro_rules! columns {
    () => {
        "orders.village_id, orders.id, orders.number, orders.link_id, orders.source, orders.channel, orders.host,
         orders.name, orders.phone, orders.province, orders.city, orders.district, orders.street, orders.region_code,
         orders.note, orders.method, orders.goods_fen, orders.freight_fen, orders.total_fen, orders.captured_fen,
         orders.refunded_fen, orders.hold, orders.hold_ends_at, orders.pay_before, orders.ended_as, orders.ordered, orders.cancelled,
         orders.packed, orders.shipped, orders.delivered, orders.promise, orders.version, orders.placed_at, orders.paid_at,
         orders.updated_at"
    };
}

/// What an order is, in SQL: the twin of [`crate::orders::status`].
macro_rules! status_sql {
    () => {
        "(CASE WHEN orders.cancelled = orders.ordered THEN
              CASE WHEN orders.captured_fen > 0 AND orders.refunded_fen >= orders.captured_fen THEN 'refunded'
                   WHEN orders.ended_as = 'expired' THEN 'expired' ELSE 'cancelled' END
           WHEN orders.delivered = orders.ordered - orders.cancelled THEN 'delivered'
           WHEN orders.shipped = orders.ordered - orders.cancelled THEN 'shipped'
           WHEN orders.packed = orders.ordered - orders.cancelled THEN 'packed'
           WHEN orders.captured_fen >= orders.total_fen THEN 'paid' ELSE 'awaiting_payment' END)"
    };
}

pub async fn by_id(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Order>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM orders WHERE village_id = $1 AND id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

pub async fn by_number(db: &Db, village: VillageId, number: &str) -> Result<Option<Order>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM orders WHERE village_id = $1 AND number = $2"))
        .bind(village).bind(number).fetch_optional(ex).await)?,
    )
}

/// The order inside a transaction, locked until it ends.
pub async fn lock(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<Order>> {
    Ok(on!(tx,
        sqlite: concat!("SELECT ", columns!(), " FROM orders WHERE village_id = $1 AND id = $2"),
        pg: concat!("SELECT ", columns!(), " FROM orders WHERE village_id = $1 AND id = $2 FOR UPDATE"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(id).fetch_optional(ex).await)?)
}

pub async fn lines(db: &Db, village: VillageId, orders: &[Uuid]) -> Result<Vec<Line>> {
    Ok(on!(db,
        sqlite: "SELECT line.order_id, line.line, line.sku_id, sku.code AS sku, line.title, line.price_fen,
                        line.goods_fen, line.ordered, line.cancelled, line.packed, line.shipped, line.delivered
                 FROM order_line AS line JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
                 WHERE line.village_id = $1 AND line.order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 ORDER BY line.order_id, line.line",
        pg: "SELECT line.order_id, line.line, line.sku_id, sku.code AS sku, line.title, line.price_fen,
                    line.goods_fen, line.ordered, line.cancelled, line.packed, line.shipped, line.delivered
             FROM order_line AS line JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
             WHERE line.village_id = $1
               AND line.order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             ORDER BY line.order_id, line.line",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&orders)).fetch_all(ex).await)?)
}

/// Of these orders, those that must not be sent yet: money of theirs is about to go back, or somebody asked for that.
pub async fn held_by_refunds(tx: &mut Tx, village: VillageId, orders: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(on!(tx,
        sqlite: "SELECT DISTINCT order_id FROM refund
                 WHERE village_id = $1 AND state IN ('asked', 'agreed', 'sent')
                   AND order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2)) ORDER BY order_id",
        pg: "SELECT DISTINCT order_id FROM refund
             WHERE village_id = $1 AND state IN ('asked', 'agreed', 'sent')
               AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json))) ORDER BY order_id",
        sql, ex => sqlx::query_scalar(sql).bind(village).bind(json(&orders)).fetch_all(ex).await)?)
}

/// What a list of orders is narrowed to; empty parts narrow nothing.
#[derive(Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub link: Option<String>,
    /// number, or part of a name or phone
    pub q: Option<String>,
    pub created_by: Option<Uuid>,
    pub method: Option<Method>,
}

/// Orders before a cursor, newest first.
pub async fn list(
    db: &Db,
    village: VillageId,
    filter: &Filter,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Order>> {
    let like = filter.q.as_deref().map(|q| {
        format!(
            "%{}%",
            q.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
        )
    });
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT ", columns!(), " FROM orders
         LEFT JOIN link ON link.village_id = orders.village_id AND link.id = orders.link_id
         WHERE orders.village_id = $1 AND orders.id < $2
           AND (CAST($3 AS TEXT) IS NULL OR ", status_sql!(), " = $3)
           AND (CAST($4 AS TEXT) IS NULL OR link.code = $4)
           AND (CAST($5 AS TEXT) IS NULL OR orders.number LIKE $5 ESCAPE '\\' OR orders.name LIKE $5 ESCAPE '\\'
                OR orders.phone LIKE $5 ESCAPE '\\')
           AND ($6 IS NULL OR link.created_by = $6)
           AND (CAST($7 AS TEXT) IS NULL OR orders.method = $7)
         ORDER BY orders.id DESC LIMIT $8"))
        .bind(village).bind(before).bind(filter.status.map(Status::as_str)).bind(&filter.link).bind(&like)
        .bind(filter.created_by).bind(filter.method).bind(limit).fetch_all(ex).await)?)
}

/// Orders changed after an instant, oldest change first, for programs that follow along; with `created_by`, those of
/// the links that this member of staff has made.
pub async fn updated(
    db: &Db,
    village: VillageId,
    created_by: Option<Uuid>,
    after: (Timestamp, Uuid),
    limit: i64,
) -> Result<Vec<Order>> {
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT ", columns!(), " FROM orders
         LEFT JOIN link ON link.village_id = orders.village_id AND link.id = orders.link_id
         WHERE orders.village_id = $1
           AND (orders.updated_at > $2 OR (orders.updated_at = $2 AND orders.id > $3))
           AND ($4 IS NULL OR link.created_by = $4)
         ORDER BY orders.updated_at, orders.id LIMIT $5"))
        .bind(village).bind(after.0).bind(after.1).bind(created_by).bind(limit).fetch_all(ex).await)?)
}

/// The order that a key has placed on a link.
pub async fn by_key(db: &Db, village: VillageId, link: Uuid, key: &str) -> Result<Option<(Uuid, Vec<u8>)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, body_hash FROM orders WHERE village_id = $1 AND link_id = $2 AND idem_key = $3")
        .bind(village).bind(link).bind(key).fetch_optional(ex).await)?)
}

#[derive(sqlx::FromRow)]
pub struct RefundRow {
    pub id: Uuid,
    pub amount_fen: Fen,
    pub state: String,
    pub reason: String,
    pub created_at: Timestamp,
    pub done_at: Option<Timestamp>,
}

/// The refunds that a buyer sees on an order.
pub async fn refunds(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<RefundRow>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, amount_fen, state, reason, created_at, done_at FROM refund
         WHERE village_id = $1 AND order_id = $2 ORDER BY id")
        .bind(village).bind(order).fetch_all(ex).await)?)
}

/// What of an order's money was seen by one person and waits for a second one to agree.
pub async fn checking(db: &Db, village: VillageId, order: Uuid) -> Result<Fen> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM confirmation
         WHERE village_id = $1 AND order_id = $2 AND state = 'waiting'")
        .bind(village).bind(order).fetch_one(ex).await)?)
}

/// A parcel with cases of an order, packed or further on its way, with its carrier's name and number.
#[derive(sqlx::FromRow)]
pub struct ParcelRow {
    pub id: Uuid,
    pub carrier: String,
    pub waybill: Option<String>,
    pub cases: i64,
    pub arrives_on: String,
    pub handed_over_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
}

/// The packed parcels with cases of an order; the cases are this order's.
pub async fn parcels(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<ParcelRow>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT parcel.id, COALESCE(carrier.name, parcel.carrier) AS carrier, waybill.number AS waybill, inside.cases,
                parcel.arrives_on, parcel.handed_over_at, parcel.delivered_at
         FROM (SELECT village_id, parcel_id, CAST(SUM(cases) AS BIGINT) AS cases FROM parcel_line
               WHERE village_id = $1 AND order_id = $2 GROUP BY village_id, parcel_id) AS inside
         JOIN parcel ON parcel.village_id = inside.village_id AND parcel.id = inside.parcel_id
         LEFT JOIN carrier ON carrier.village_id = parcel.village_id AND carrier.id = parcel.carrier
         LEFT JOIN waybill ON waybill.village_id = parcel.village_id AND waybill.parcel_id = parcel.id
                          AND waybill.ended_at IS NULL
         WHERE parcel.packed_at IS NOT NULL ORDER BY parcel.id")
        .bind(village).bind(order).fetch_all(ex).await)?)
}

/// What a carrier has said of a parcel.
#[derive(sqlx::FromRow)]
pub struct ParcelEventRow {
    pub parcel_id: Uuid,
    pub at: Timestamp,
    pub status: String,
    pub text: String,
}

/// What carriers have said of the parcels with cases of an order, the newest first.
pub async fn parcel_events(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<ParcelEventRow>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT parcel_id, at, status, text FROM parcel_event
         WHERE village_id = $1 AND parcel_id IN (
             SELECT parcel_id FROM parcel_line WHERE village_id = $1 AND order_id = $2)
         ORDER BY at DESC, id DESC LIMIT 500")
        .bind(village).bind(order).fetch_all(ex).await)?)
}
