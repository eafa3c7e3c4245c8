//! SQL of imports: what is known of a file's orders, and what only an import writes.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use super::draft::{Catalog, Sku};
use super::step::Known;
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;

#[derive(sqlx::FromRow)]
struct SkuRow {
    id: Uuid,
    code: String,
    product: String,
    title: String,
    spec: String,
    price_fen: Fen,
}

/// All skus of a village, those that are not offered any more as well: what was sold elsewhere is to be sent.
pub async fn catalog(db: &Db, village: VillageId) -> Result<Catalog> {
    let rows: Vec<SkuRow> = on!(db, ex => sqlx::query_as(
        "SELECT sku.id, sku.code, product.name AS product, sku.title, sku.spec, sku.price_fen
         FROM sku JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
         WHERE sku.village_id = $1 ORDER BY sku.code")
        .bind(village).fetch_all(ex).await)?;
    let parts: Vec<(Uuid, Uuid, i64)> = on!(db, ex => sqlx::query_as(
        "SELECT sku_id, component_id, quantity FROM sku_component WHERE village_id = $1 ORDER BY sku_id, component_id")
        .bind(village).fetch_all(ex).await)?;
    let mut boxes: HashMap<Uuid, Vec<(Uuid, i64)>> = HashMap::new();
    for (sku, item, count) in parts {
        boxes.entry(sku).or_default().push((item, count));
    }
    let sku = |row: SkuRow| Sku {
        takes: boxes.remove(&row.id).unwrap_or_else(|| vec![(row.id, 1)]),
        id: row.id,
        code: row.code,
        product: row.product,
        title: row.title,
        spec: row.spec,
        price: row.price_fen,
    };
    Ok(Catalog::new(rows.into_iter().map(sku).collect()))
}

/// The orders of a shop that were brought in before, by its numbers; locked until the transaction ends.
pub async fn known(
    tx: &mut Tx,
    village: VillageId,
    shop: &str,
    numbers: &[&str],
) -> Result<HashMap<String, Known>> {
    let rows: Vec<Known> = on!(tx,
        sqlite: "SELECT id, external_no, number, body_hash, ordered, cancelled, packed, shipped, delivered, captured_fen,
                     COALESCE((SELECT SUM(refund.amount_fen) FROM refund
                               WHERE refund.village_id = $1 AND refund.order_id = orders.id
                                 AND refund.state <> 'refused'), 0) AS refunds_fen
                 FROM orders WHERE village_id = $1 AND external_shop = $2
                   AND external_no IN (SELECT value FROM json_each($3)) ORDER BY id",
        pg: "SELECT id, external_no, number, body_hash, ordered, cancelled, packed, shipped, delivered, captured_fen,
                 CAST(COALESCE((SELECT SUM(refund.amount_fen) FROM refund
                                WHERE refund.village_id = $1 AND refund.order_id = orders.id
                                  AND refund.state <> 'refused'), 0) AS BIGINT) AS refunds_fen
             FROM orders WHERE village_id = $1 AND external_shop = $2
               AND external_no IN (SELECT value FROM json_array_elements_text($3::json) AS value)
             ORDER BY id FOR UPDATE OF orders",
        sql, ex => sqlx::query_as(sql).bind(village).bind(shop).bind(json(&numbers)).fetch_all(ex).await)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.external_no.clone(), row))
        .collect())
}

/// What these orders still hold, per order and stock item.
pub async fn open_cases(tx: &mut Tx, village: VillageId, orders: &[Uuid]) -> Result<Vec<(Uuid, Uuid, i64)>> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    Ok(on!(tx,
        sqlite: "SELECT line.order_id, COALESCE(part.component_id, line.sku_id) AS item,
                        SUM((line.ordered - line.cancelled - line.shipped) * COALESCE(part.quantity, 1)) AS cases
                 FROM order_line AS line
                 LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
                 WHERE line.village_id = $1 AND line.order_id IN (SELECT unhex(value, '-') FROM json_each($2))
                   AND line.ordered - line.cancelled - line.shipped > 0
                 GROUP BY line.order_id, item ORDER BY line.order_id, item",
        pg: "SELECT line.order_id, COALESCE(part.component_id, line.sku_id) AS item, CAST(SUM(
                        (line.ordered - line.cancelled - line.shipped) * COALESCE(part.quantity, 1)) AS BIGINT) AS cases
             FROM order_line AS line
             LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
             WHERE line.village_id = $1
               AND line.order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
               AND line.ordered - line.cancelled - line.shipped > 0
             GROUP BY line.order_id, item ORDER BY line.order_id, item",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&orders)).fetch_all(ex).await)?)
}

/// Marks all live cases of an order as sent, and as delivered when they are.
pub async fn mark_sent(
    tx: &mut Tx,
    village: VillageId,
    order: Uuid,
    delivered: bool,
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE order_line SET packed = ordered - cancelled, shipped = ordered - cancelled,
                delivered = CASE WHEN $3 THEN ordered - cancelled ELSE delivered END
         WHERE village_id = $1 AND order_id = $2")
        .bind(village).bind(order).bind(delivered).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET packed = ordered - cancelled, shipped = ordered - cancelled,
                delivered = CASE WHEN $3 THEN ordered - cancelled ELSE delivered END, updated_at = $4
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(order).bind(delivered).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Money that a platform took for an order of ours.
#[derive(Serialize)]
pub struct PlatformPayment<'a> {
    pub id: Uuid,
    pub order_id: Uuid,
    pub amount_fen: i64,
    pub reference: &'a str,
    pub paid_at: i64,
}

/// Inserts payments of a platform with one statement. `received_into` is the platform's name.
pub async fn insert_payments(
    tx: &mut Tx,
    village: VillageId,
    rows: &[PlatformPayment<'_>],
    received_into: &str,
    confirmed_by: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    on!(tx,
        sqlite: "INSERT INTO payment (village_id, id, order_id, method, state, amount_fen, received_into, reference,
                     confirmed_by, created_at, paid_at)
                 SELECT $1, unhex(value->>'id', '-'), unhex(value->>'order_id', '-'), 'platform', 'paid',
                     value->>'amount_fen', $3, value->>'reference', $4, $5, value->>'paid_at'
                 FROM jsonb_each($2)",
        pg: "INSERT INTO payment (village_id, id, order_id, method, state, amount_fen, received_into, reference,
                 confirmed_by, created_at, paid_at)
             SELECT $1, id, order_id, 'platform', 'paid', amount_fen, $3, reference, $4, $5, paid_at
             FROM json_to_recordset($2::json) AS r(id uuid, order_id uuid, amount_fen bigint, reference text,
                 paid_at bigint)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).bind(received_into).bind(confirmed_by).bind(at)
            .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// An import as it starts.
pub struct NewImport<'a> {
    pub id: Uuid,
    pub shop: &'a str,
    pub file_hash: &'a [u8],
    pub orders: i64,
    pub staff_id: Option<Uuid>,
}

pub async fn start(tx: &mut Tx, village: VillageId, new: &NewImport<'_>, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO import (village_id, id, shop, file_hash, orders, done, staff_id, started_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6, $7)")
        .bind(village).bind(new.id).bind(new.shop).bind(new.file_hash).bind(new.orders).bind(new.staff_id).bind(at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn progress(tx: &mut Tx, village: VillageId, id: Uuid, done: i64) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE import SET done = $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(id).bind(done).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn finish(tx: &mut Tx, village: VillageId, id: Uuid, report: &str, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE import SET report = $3, finished_at = $4 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(id).bind(report).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// An import without its report.
#[derive(Clone, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct ImportRow {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub shop: String,
    /// orders in the file
    pub orders: i64,
    /// orders that have been looked at
    pub done: i64,
    /// login; none for the command line
    pub staff: Option<String>,
    pub started_at: Timestamp,
    /// none while it runs, and when it was broken off: import the file again
    pub finished_at: Option<Timestamp>,
}

macro_rules! rows {
    () => {
        "SELECT import.id, import.shop, import.orders, import.done, staff.login AS staff, import.started_at,
                import.finished_at
         FROM import
         LEFT JOIN staff ON staff.village_id = import.village_id AND staff.id = import.staff_id
         WHERE import.village_id = $1 AND import.id "
    };
}

/// Imports before a cursor, newest first.
pub async fn imports(db: &Db, village: VillageId, before: Uuid, limit: i64) -> Result<Vec<ImportRow>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!(rows!(), "< $2 ORDER BY import.id DESC LIMIT $3"))
        .bind(village).bind(before).bind(limit).fetch_all(ex).await)?,
    )
}

/// One import, and its report as it was stored.
pub async fn import(db: &Db, village: VillageId, id: Uuid) -> Result<Option<(ImportRow, Option<String>)>> {
    let row: Option<ImportRow> = on!(db, ex => sqlx::query_as(concat!(rows!(), "= $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?;
    let Some(row) = row else { return Ok(None) };
    let report: Option<String> = on!(db, ex =>
        sqlx::query_scalar("SELECT report FROM import WHERE village_id = $1 AND id = $2")
        .bind(village).bind(id).fetch_one(ex).await)?;
    Ok(Some((row, report)))
}
