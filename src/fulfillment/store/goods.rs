//! SQL of the lots in parcels.

use serde::Serialize;
use uuid::Uuid;

use crate::db::{Tx, json};
use crate::error::Result;
use crate::fulfillment::lots::Taken;
use crate::id::VillageId;
use crate::on;

#[derive(Serialize)]
struct LotRow {
    parcel_id: Uuid,
    order_id: Uuid,
    line: i64,
    sku_id: Uuid,
    lot_id: Uuid,
    quantity: i64,
    good_until: String,
}

/// Fills parcels with these lots instead of those they had; they are chosen in an epoch of planning.
pub async fn replace(
    tx: &mut Tx,
    village: VillageId,
    picks: &[(Uuid, Vec<Taken>)],
    epoch: i64,
) -> Result<()> {
    let parcels: Vec<Uuid> = picks.iter().map(|(parcel, _)| *parcel).collect();
    on!(tx,
        sqlite: "DELETE FROM parcel_lot WHERE village_id = $1
                 AND parcel_id IN (SELECT unhex(value, '-') FROM json_each($2))",
        pg: "DELETE FROM parcel_lot WHERE village_id = $1
             AND parcel_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&parcels)).execute(ex).await.map(|_| ()))?;
    let row = |(parcel, pick): (&Uuid, &Taken)| LotRow {
        parcel_id: *parcel,
        order_id: pick.order,
        line: pick.line,
        sku_id: pick.item,
        lot_id: pick.lot,
        quantity: pick.quantity,
        good_until: pick.good_until.to_string(),
    };
    let all = picks
        .iter()
        .flat_map(|(parcel, taken)| taken.iter().map(move |pick| (parcel, pick)));
    let rows: Vec<LotRow> = all.map(row).collect();
    on!(tx,
        sqlite: "INSERT INTO parcel_lot (village_id, parcel_id, order_id, line, sku_id, lot_id, quantity, good_until, picked_in)
                 SELECT $1, unhex(value->>'parcel_id', '-'), unhex(value->>'order_id', '-'), value->>'line',
                     unhex(value->>'sku_id', '-'), unhex(value->>'lot_id', '-'), value->>'quantity',
                     value->>'good_until', $3
                 FROM json_each($2)",
        pg: "INSERT INTO parcel_lot (village_id, parcel_id, order_id, line, sku_id, lot_id, quantity, good_until, picked_in)
             SELECT $1, parcel_id, order_id, line, sku_id, lot_id, quantity, good_until, $3
             FROM json_to_recordset($2::json) AS r(parcel_id uuid, order_id uuid, line bigint, sku_id uuid,
                 lot_id uuid, quantity bigint, good_until text)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).bind(epoch).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// What the books have of each lot, less what packed parcels that are still here have of it.
pub async fn unpacked(tx: &mut Tx, village: VillageId) -> Result<Vec<(Uuid, i64)>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT lot.id, lot.on_hand - COALESCE(taken.units, 0)
         FROM lot
         LEFT JOIN (SELECT pick.lot_id, CAST(SUM(pick.quantity) AS BIGINT) AS units
                    FROM parcel
                    JOIN parcel_lot AS pick ON pick.village_id = parcel.village_id AND pick.parcel_id = parcel.id
                    WHERE parcel.village_id = $1 AND parcel.packed_at IS NOT NULL AND parcel.handed_over_at IS NULL
                    GROUP BY pick.lot_id) AS taken ON taken.lot_id = lot.id
         WHERE lot.village_id = $1 AND lot.on_hand > 0")
        .bind(village).fetch_all(ex).await)?)
}

/// A sku as paper names it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Good {
    pub id: Uuid,
    pub title: String,
    pub spec: String,
    /// gross weight of one case
    pub grams: i64,
}

/// The village's skus.
pub async fn titles(tx: &mut Tx, village: VillageId) -> Result<std::collections::HashMap<Uuid, Good>> {
    let rows: Vec<Good> = on!(tx, ex => sqlx::query_as(
        "SELECT id, title, spec, gross_weight_grams AS grams FROM sku WHERE village_id = $1")
        .bind(village).fetch_all(ex).await)?;
    Ok(rows.into_iter().map(|good| (good.id, good)).collect())
}
