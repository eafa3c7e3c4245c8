//! SQL of lots, movements and counters.
//!
//! Locks are taken in one order: counters (`stock`), by sku, before lots.

use std::collections::BTreeMap;

use anyhow::{anyhow, ensure};
use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use super::{Availability, Level, Lot, MovementKind, Pick, first_expired_first_out, too_low_text};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::{Error, Result, conflict, text};
use crate::id::{Ids, VillageId};
use crate::on;
use crate::villages::auth::By;

/// The levels of all stock items, or of one, in no order. An order whose hold has ended at `at` holds nothing, whether
/// or not it has been swept.
pub async fn levels(
    db: &Db,
    village: VillageId,
    at: Timestamp,
    sku: Option<&str>,
) -> Result<Vec<Availability>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT sku.id AS sku_id, sku.code AS sku, stock.on_hand,
                stock.reserved - COALESCE(lapsed.cases, 0) AS held,
                stock.on_hand + stock.ahead - stock.reserved + COALESCE(lapsed.cases, 0) AS available,
                stock.ahead, stock.ahead_ready_on
         FROM stock
         JOIN sku ON sku.village_id = stock.village_id AND sku.id = stock.sku_id
         LEFT JOIN (
             SELECT item.village_id, item.sku_id, CAST(SUM(item.cases) AS BIGINT) AS cases FROM (
                 SELECT orders.village_id, COALESCE(sku_component.component_id, order_line.sku_id) AS sku_id,
                        (order_line.ordered - order_line.cancelled - order_line.shipped)
                            * COALESCE(sku_component.quantity, 1) AS cases
                 FROM orders
                 JOIN order_line ON order_line.village_id = orders.village_id AND order_line.order_id = orders.id
                 LEFT JOIN sku_component ON sku_component.village_id = order_line.village_id
                                        AND sku_component.sku_id = order_line.sku_id
                 WHERE orders.village_id = $1 AND orders.hold = 'active' AND orders.hold_ends_at <= $2
             ) AS item GROUP BY item.village_id, item.sku_id
         ) AS lapsed ON lapsed.village_id = stock.village_id AND lapsed.sku_id = stock.sku_id
         WHERE stock.village_id = $1 AND ($3 IS NULL OR sku.code = $3)")
        .bind(village).bind(at).bind(sku).fetch_all(ex).await)?)
}

/// Lots that have something, the first to expire first.
pub async fn lots(db: &Db, village: VillageId) -> Result<Vec<Lot>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, sku_id, code, made_on, best_before, origin, on_hand
         FROM lot WHERE village_id = $1 AND on_hand > 0 ORDER BY best_before, code")
        .bind(village).fetch_all(ex).await)?)
}

/// Counts a receipt in; what was sold ahead is covered by it first. Gives the sku, or none when it keeps no stock.
pub async fn receive_item(tx: &mut Tx, village: VillageId, sku: &str, cases: i64) -> Result<Option<Uuid>> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "UPDATE stock SET on_hand = on_hand + $3,
                ahead = CASE WHEN ahead > $3 THEN ahead - $3 ELSE 0 END,
                ahead_ready_on = CASE WHEN ahead > $3 THEN ahead_ready_on END
         WHERE village_id = $1 AND sku_id = (SELECT id FROM sku WHERE village_id = $1 AND code = $2)
         RETURNING sku_id")
        .bind(village).bind(sku).bind(cases).fetch_optional(ex).await)?)
}

/// Makes a lot, or adds to the one of its code; none when that one is known with other facts. An origin may be told
/// later.
pub async fn receive_lot(tx: &mut Tx, village: VillageId, new: &Lot, at: Timestamp) -> Result<Option<Lot>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "INSERT INTO lot (village_id, id, sku_id, code, made_on, best_before, origin, on_hand, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (village_id, sku_id, code) DO UPDATE
         SET on_hand = lot.on_hand + excluded.on_hand,
             origin = CASE WHEN lot.origin = '' THEN excluded.origin ELSE lot.origin END
         WHERE lot.made_on = excluded.made_on AND lot.best_before = excluded.best_before
           AND (lot.origin = excluded.origin OR lot.origin = '' OR excluded.origin = '')
         RETURNING id, sku_id, code, made_on, best_before, origin, on_hand")
        .bind(village).bind(new.id).bind(new.sku_id).bind(&new.code).bind(&new.made_on).bind(&new.best_before)
        .bind(&new.origin).bind(new.on_hand).bind(at).fetch_optional(ex).await)?)
}

/// Changes what is on hand of a sku; a CHECK refuses to go below what is reserved.
pub async fn adjust_item(tx: &mut Tx, village: VillageId, sku: &str, quantity: i64) -> Result<Option<Uuid>> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "UPDATE stock SET on_hand = on_hand + $3
         WHERE village_id = $1 AND sku_id = (SELECT id FROM sku WHERE village_id = $1 AND code = $2)
         RETURNING sku_id")
        .bind(village).bind(sku).bind(quantity).fetch_optional(ex).await)?)
}

/// Changes what is on hand of a lot; a CHECK refuses to go below zero.
pub async fn adjust_lot(
    tx: &mut Tx,
    village: VillageId,
    sku: Uuid,
    code: &str,
    quantity: i64,
) -> Result<Option<Uuid>> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "UPDATE lot SET on_hand = on_hand + $4 WHERE village_id = $1 AND sku_id = $2 AND code = $3 RETURNING id")
        .bind(village).bind(sku).bind(code).bind(quantity).fetch_optional(ex).await)?)
}

/// Writes down what was changed by staff.
pub async fn add_movement(
    tx: &mut Tx,
    by: &By,
    kind: MovementKind,
    (sku, lot): (Uuid, Uuid),
    quantity: i64,
    reason: &str,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO movement (village_id, id, sku_id, lot_id, quantity, kind, reason, at, staff_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(by.staff.village).bind(by.new_id()).bind(sku).bind(lot).bind(quantity).bind(kind).bind(reason)
        .bind(by.at).bind(by.staff.id).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The counters of a sku by its code, locked until the end of the transaction.
pub async fn lock_by_code(tx: &mut Tx, village: VillageId, code: &str) -> Result<Option<Level>> {
    Ok(on!(tx,
        sqlite: "SELECT stock.sku_id, stock.on_hand, stock.reserved, stock.ahead FROM stock
                 JOIN sku ON sku.village_id = stock.village_id AND sku.id = stock.sku_id
                 WHERE stock.village_id = $1 AND sku.code = $2",
        pg: "SELECT stock.sku_id, stock.on_hand, stock.reserved, stock.ahead FROM stock
             JOIN sku ON sku.village_id = stock.village_id AND sku.id = stock.sku_id
             WHERE stock.village_id = $1 AND sku.code = $2 FOR NO KEY UPDATE OF stock",
        sql, ex => sqlx::query_as(sql).bind(village).bind(code).fetch_optional(ex).await)?)
}

/// Says how many may be sold ahead; a CHECK refuses less than what has been.
pub async fn set_ahead(
    tx: &mut Tx,
    village: VillageId,
    sku: Uuid,
    cases: i64,
    ready_on: Option<&str>,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE stock SET ahead = $3, ahead_ready_on = $4 WHERE village_id = $1 AND sku_id = $2")
        .bind(village).bind(sku).bind(cases).bind(ready_on).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A movement as staff read it.
#[derive(Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Movement {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub at: Timestamp,
    pub sku: String,
    pub lot: String,
    pub quantity: i64,
    pub kind: MovementKind,
    pub reason: String,
    /// login of who did it
    pub staff: Option<String>,
    /// number of the order it was for
    pub order: Option<String>,
}

/// Movements, of one sku or of all, the newest first.
pub async fn movements(
    db: &Db,
    village: VillageId,
    sku: Option<&str>,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Movement>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT movement.id, movement.at, sku.code AS sku, lot.code AS lot, movement.quantity, movement.kind,
                movement.reason, staff.login AS staff, orders.number AS \"order\"
         FROM movement
         JOIN sku ON sku.village_id = movement.village_id AND sku.id = movement.sku_id
         JOIN lot ON lot.village_id = movement.village_id AND lot.id = movement.lot_id
         LEFT JOIN staff ON staff.village_id = movement.village_id AND staff.id = movement.staff_id
         LEFT JOIN orders ON orders.village_id = movement.village_id AND orders.id = movement.order_id
         WHERE movement.village_id = $1 AND movement.id < $2 AND ($3 IS NULL OR sku.code = $3)
         ORDER BY movement.id DESC LIMIT $4")
        .bind(village).bind(before).bind(sku).bind(limit).fetch_all(ex).await)?)
}

/// The counters of these stock items, by sku id, locked until the end of the transaction. A sku without counters, as a
/// gift box, is left out.
pub async fn lock(tx: &mut Tx, village: VillageId, skus: &[Uuid]) -> Result<Vec<Level>> {
    let skus = json(&skus);
    Ok(on!(tx,
        // BEGIN IMMEDIATE has the only write lock there is
        sqlite: "SELECT sku_id, on_hand, reserved, ahead FROM stock
                 WHERE village_id = $1 AND sku_id IN (SELECT unhex(value, '-') FROM jsonb_each($2)) ORDER BY sku_id",
        pg: "SELECT sku_id, on_hand, reserved, ahead FROM stock
             WHERE village_id = $1 AND sku_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             ORDER BY sku_id FOR NO KEY UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(skus).fetch_all(ex).await)?)
}

/// Reserves cases of stock items for orders.
///
/// # Errors
/// 409 `sold-out` when one of them hasn't as many left: the CHECK on `stock` refuses all of them. The transaction is
/// then of no more use.
pub async fn reserve(tx: &mut Tx, village: VillageId, cases: &[(Uuid, i64)]) -> Result<()> {
    let done = add_to_reserved(tx, village, &sums(cases.iter().copied())?, 1).await;
    done.map_err(|error| {
        if error.is_check_violation() {
            conflict("sold-out", text("库存不够了。", "There is not enough left."))
        } else {
            error
        }
    })
}

/// Gives back what [`reserve`] took.
///
/// # Errors
/// The database's, when less is reserved: somebody gives back twice.
pub async fn release(tx: &mut Tx, village: VillageId, cases: &[(Uuid, i64)]) -> Result<()> {
    add_to_reserved(tx, village, &sums(cases.iter().copied())?, -1).await
}

#[derive(Serialize)]
struct CasesRow {
    sku: Uuid,
    cases: i64,
}

/// Adds or (`sign` -1) takes away.
async fn add_to_reserved(
    tx: &mut Tx,
    village: VillageId,
    cases: &BTreeMap<Uuid, i64>,
    sign: i64,
) -> Result<()> {
    let row = |(sku, cases): (&Uuid, &i64)| CasesRow {
        sku: *sku,
        cases: *cases * sign,
    };
    let rows = json(&cases.iter().map(row).collect::<Vec<_>>());
    tx.changes_supply();
    let changed = on!(tx,
        sqlite: "UPDATE stock SET reserved = stock.reserved + want.cases
                 FROM (SELECT unhex(value->>'sku', '-') AS sku, value->>'cases' AS cases FROM jsonb_each($2)) AS want
                 WHERE stock.village_id = $1 AND stock.sku_id = want.sku",
        pg: "UPDATE stock SET reserved = stock.reserved + want.cases
             FROM json_to_recordset($2::json) AS want(sku uuid, cases bigint)
             WHERE stock.village_id = $1 AND stock.sku_id = want.sku",
        sql, ex => sqlx::query(sql).bind(village).bind(rows).execute(ex).await.map(|done| done.rows_affected()))?;
    all_of(cases.len(), changed)
}

#[derive(Serialize)]
struct PickRow {
    id: Uuid,
    sku: Uuid,
    lot: Uuid,
    cases: i64,
    order_id: Uuid,
}

/// Takes picked cases out of their lots, out of what is on hand and out of what is reserved, and writes a movement
/// for each pick.
///
/// # Errors
/// 409 `stock-too-low` when a lot has less, or less is reserved. The transaction is then of no more use.
pub async fn ship(
    tx: &mut Tx,
    village: VillageId,
    picks: &[Pick],
    at: Timestamp,
    ids: &Ids,
    staff_id: Option<Uuid>,
) -> Result<()> {
    carry(tx, village, picks, (-1, ""), at, ids, staff_id).await
}

/// Undoes [`ship`]: the cases are back in their lots, and promised again.
pub async fn take_back(
    tx: &mut Tx,
    village: VillageId,
    picks: &[Pick],
    at: Timestamp,
    ids: &Ids,
    staff_id: Option<Uuid>,
) -> Result<()> {
    carry(tx, village, picks, (1, "撤回交接"), at, ids, staff_id).await
}

/// Carries picked cases out (`sign` -1) or in again.
async fn carry(
    tx: &mut Tx,
    village: VillageId,
    picks: &[Pick],
    (sign, reason): (i64, &str),
    at: Timestamp,
    ids: &Ids,
    staff_id: Option<Uuid>,
) -> Result<()> {
    let row = |pick: &Pick| PickRow {
        id: ids.uuid(at),
        sku: pick.sku,
        lot: pick.lot,
        cases: pick.cases * sign,
        order_id: pick.order_id,
    };
    let by_sku = sums(picks.iter().map(|pick| (pick.sku, pick.cases)))?;
    let by_lot = sums(picks.iter().map(|pick| ((pick.sku, pick.lot), pick.cases)))?;
    tx.changes_supply();
    let done = async {
        add_to_items(tx, village, &by_sku, sign).await?;
        add_to_lots(tx, village, &by_lot, sign).await
    };
    done.await.map_err(|error| {
        if error.is_check_violation() {
            conflict("stock-too-low", too_low_text())
        } else {
            error
        }
    })?;
    let rows = json(&picks.iter().map(row).collect::<Vec<_>>());
    on!(tx,
        sqlite: "INSERT INTO movement (village_id, id, sku_id, lot_id, quantity, kind, reason, at, staff_id, order_id)
                 SELECT $1, unhex(value->>'id', '-'), unhex(value->>'sku', '-'), unhex(value->>'lot', '-'),
                        value->>'cases', 'shipped', $5, $2, $3, unhex(value->>'order_id', '-') FROM jsonb_each($4)",
        pg: "INSERT INTO movement (village_id, id, sku_id, lot_id, quantity, kind, reason, at, staff_id, order_id)
             SELECT $1, id, sku, lot, cases, 'shipped', $5, $2, $3, order_id
             FROM json_to_recordset($4::json) AS pick(id uuid, sku uuid, lot uuid, cases bigint, order_id uuid)",
        sql, ex => sqlx::query(sql).bind(village).bind(at).bind(staff_id).bind(rows).bind(reason)
            .execute(ex).await.map(|_| ()))?;
    Ok(())
}

async fn add_to_items(tx: &mut Tx, village: VillageId, cases: &BTreeMap<Uuid, i64>, sign: i64) -> Result<()> {
    let row = |(sku, cases): (&Uuid, &i64)| CasesRow {
        sku: *sku,
        cases: *cases * sign,
    };
    let rows = json(&cases.iter().map(row).collect::<Vec<_>>());
    let changed = on!(tx,
        sqlite: "UPDATE stock SET on_hand = stock.on_hand + pick.cases, reserved = stock.reserved + pick.cases
                 FROM (SELECT unhex(value->>'sku', '-') AS sku, value->>'cases' AS cases FROM jsonb_each($2)) AS pick
                 WHERE stock.village_id = $1 AND stock.sku_id = pick.sku",
        pg: "UPDATE stock SET on_hand = stock.on_hand + pick.cases, reserved = stock.reserved + pick.cases
             FROM json_to_recordset($2::json) AS pick(sku uuid, cases bigint)
             WHERE stock.village_id = $1 AND stock.sku_id = pick.sku",
        sql, ex => sqlx::query(sql).bind(village).bind(rows).execute(ex).await.map(|done| done.rows_affected()))?;
    all_of(cases.len(), changed)
}

#[derive(Serialize)]
struct LotRow {
    sku: Uuid,
    lot: Uuid,
    cases: i64,
}

async fn add_to_lots(
    tx: &mut Tx,
    village: VillageId,
    cases: &BTreeMap<(Uuid, Uuid), i64>,
    sign: i64,
) -> Result<()> {
    let row = |(&(sku, lot), cases): (&(Uuid, Uuid), &i64)| LotRow {
        sku,
        lot,
        cases: *cases * sign,
    };
    let rows = json(&cases.iter().map(row).collect::<Vec<_>>());
    let changed = on!(tx,
        sqlite: "UPDATE lot SET on_hand = lot.on_hand + pick.cases
                 FROM (SELECT unhex(value->>'sku', '-') AS sku, unhex(value->>'lot', '-') AS lot,
                              value->>'cases' AS cases FROM jsonb_each($2)) AS pick
                 WHERE lot.village_id = $1 AND lot.sku_id = pick.sku AND lot.id = pick.lot",
        pg: "UPDATE lot SET on_hand = lot.on_hand + pick.cases
             FROM json_to_recordset($2::json) AS pick(sku uuid, lot uuid, cases bigint)
             WHERE lot.village_id = $1 AND lot.sku_id = pick.sku AND lot.id = pick.lot",
        sql, ex => sqlx::query(sql).bind(village).bind(rows).execute(ex).await.map(|done| done.rows_affected()))?;
    all_of(cases.len(), changed)
}

#[derive(sqlx::FromRow)]
struct LotLeft {
    id: Uuid,
    on_hand: i64,
}

/// Picks `cases` of a sku, the first to expire first, from lots that are good until `good_until` at least (the day of
/// arrival and the least life that has to be left then). The lots stay locked until the end of the transaction.
///
/// # Errors
/// 409 `stock-too-low` when these lots have less.
pub async fn fefo(
    tx: &mut Tx,
    village: VillageId,
    sku: Uuid,
    cases: i64,
    good_until: NaiveDate,
) -> Result<Vec<(Uuid, i64)>> {
    // each lot gives a case at least, so more lots than cases are not needed
    let lots: Vec<LotLeft> = on!(tx,
        sqlite: "SELECT id, on_hand FROM lot WHERE village_id = $1 AND sku_id = $2 AND on_hand > 0 AND best_before >= $3
                 ORDER BY best_before, code LIMIT $4",
        pg: "SELECT id, on_hand FROM lot WHERE village_id = $1 AND sku_id = $2 AND on_hand > 0 AND best_before >= $3
             ORDER BY best_before, code LIMIT $4 FOR NO KEY UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(sku).bind(good_until.to_string()).bind(cases)
            .fetch_all(ex).await)?;
    let lots: Vec<_> = lots.iter().map(|lot| (lot.id, lot.on_hand)).collect();
    let picks = first_expired_first_out(&lots, cases);
    if picks.iter().map(|(_, taken)| taken).sum::<i64>() < cases {
        return Err(conflict("stock-too-low", too_low_text()));
    }
    Ok(picks)
}

/// Adds up cases per key, since an UPDATE takes one of several rows that meet. None is below zero: whoever wants the
/// opposite calls the opposite.
fn sums<K: Ord>(rows: impl Iterator<Item = (K, i64)>) -> Result<BTreeMap<K, i64>> {
    let mut sums = BTreeMap::new();
    for (key, cases) in rows {
        if cases == 0 {
            continue;
        }
        let sum = sums.entry(key).or_insert(0i64);
        let more = sum.checked_add(cases).filter(|_| cases > 0);
        *sum = more.ok_or_else(|| anyhow!("{cases} is no count of cases"))?;
    }
    Ok(sums)
}

/// A row that wasn't there must not be taken for one that was changed.
fn all_of(asked: usize, changed: u64) -> Result<()> {
    let check = || {
        ensure!(
            u64::try_from(asked) == Ok(changed),
            "{asked} counters asked for, {changed} there"
        );
        Ok(())
    };
    check().map_err(Error::Other)
}
