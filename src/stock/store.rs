//! SQL of stock.

use uuid::Uuid;

use super::Level;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// The counters of these stock items, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, village: VillageId, skus: &[Uuid]) -> Result<Vec<Level>> {
    Ok(on!(tx,
        sqlite: "SELECT sku_id, on_hand, reserved, ahead FROM stock
                 WHERE village_id = $1 AND sku_id IN (SELECT unhex(value, '-') FROM json_each($2)) ORDER BY sku_id",
        pg: "SELECT sku_id, on_hand, reserved, ahead FROM stock
             WHERE village_id = $1 AND sku_id IN (SELECT value::uuid FROM json_array_elements_text($2::json))
             ORDER BY sku_id FOR UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&skus)).fetch_all(ex).await)?)
}

/// Promises cases to live orders. The table's CHECK refuses to promise what isn't there.
pub async fn reserve(tx: &mut Tx, village: VillageId, cases: &[(Uuid, i64)]) -> Result<()> {
    tx.changes_supply();
    on!(tx,
        sqlite: "UPDATE stock SET reserved = reserved + (
                     SELECT SUM(needed.value->>1) FROM json_each($2) AS needed
                     WHERE unhex(needed.value->>0, '-') = stock.sku_id)
                 WHERE village_id = $1 AND sku_id IN (SELECT unhex(value->>0, '-') FROM json_each($2))",
        pg: "UPDATE stock SET reserved = reserved + (needed.value->>1)::bigint
             FROM json_array_elements($2::json) AS needed
             WHERE village_id = $1 AND sku_id = (needed.value->>0)::uuid",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&cases)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Takes promised cases back.
pub async fn release(tx: &mut Tx, village: VillageId, cases: &[(Uuid, i64)]) -> Result<()> {
    let negative: Vec<_> = cases.iter().map(|(sku, count)| (*sku, -count)).collect();
    reserve(tx, village, &negative).await
}
