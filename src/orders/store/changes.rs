//! SQL of edits: the record of each, and the rewriting of an order.

use serde::Serialize;
use uuid::Uuid;

use super::write::{NewLine, insert_lines};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;
use crate::orders::draft::Address;
use crate::orders::edit::{PlannedLine, Shape};
use crate::orders::{ChangeState, Order};

/// The most edits of one order that are shown, the newest ones.
const MAX_SHOWN: i64 = 50;

macro_rules! columns {
    () => {
        "version, reason, after, delta_fen, state"
    };
}

/// The record of an edit.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Change {
    /// the order's version that this edit, or its proposal, made
    pub version: i64,
    pub reason: String,
    /// an [`edit::Shape`](crate::orders::edit::Shape) as JSON text
    pub after: String,
    pub delta_fen: Fen,
    pub state: ChangeState,
}

/// The edits of an order, oldest first.
pub async fn of_order(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<Change>> {
    let mut changes: Vec<Change> = on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM order_change
         WHERE village_id = $1 AND order_id = $2 ORDER BY version DESC LIMIT $3"))
        .bind(village).bind(order).bind(MAX_SHOWN).fetch_all(ex).await)?;
    changes.reverse();
    Ok(changes)
}

pub async fn by_version(db: &Db, village: VillageId, order: Uuid, version: i64) -> Result<Option<Change>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM order_change
         WHERE village_id = $1 AND order_id = $2 AND version = $3"))
        .bind(village).bind(order).bind(version).fetch_optional(ex).await)?,
    )
}

/// What is recorded of an edit.
pub struct NewChange<'a> {
    pub version: i64,
    pub staff: Uuid,
    pub reason: &'a str,
    pub before: &'a Shape,
    pub after: &'a Shape,
    pub delta: Fen,
    pub state: ChangeState,
}

pub async fn insert(tx: &mut Tx, order: &Order, new: &NewChange<'_>, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO order_change (village_id, order_id, version, at, staff_id, reason, before, after, delta_fen, state)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(order.village_id).bind(order.id).bind(new.version).bind(at).bind(new.staff).bind(new.reason)
        .bind(json(new.before)).bind(json(new.after)).bind(new.delta).bind(new.state)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Settles a proposal and forgets whom it was about; false when it was settled before.
pub async fn settle(tx: &mut Tx, order: &Order, version: i64, state: ChangeState) -> Result<bool> {
    Ok(on!(tx,
        sqlite: "UPDATE order_change SET state = $4, after = json_remove(after, '$.pending')
                 WHERE village_id = $1 AND order_id = $2 AND version = $3 AND state = 'proposed'",
        pg: "UPDATE order_change SET state = $4, after = CAST(CAST(after AS jsonb) - 'pending' AS TEXT)
             WHERE village_id = $1 AND order_id = $2 AND version = $3 AND state = 'proposed'",
        sql, ex => sqlx::query(sql).bind(order.village_id).bind(order.id).bind(version).bind(state)
            .execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// Declines the proposals that are still open on these orders: each has ended, or is edited anew.
pub async fn decline_open(tx: &mut Tx, village: VillageId, orders: &[Uuid]) -> Result<()> {
    on!(tx,
        sqlite: "UPDATE order_change SET state = 'declined', after = json_remove(after, '$.pending')
                 WHERE village_id = $1 AND state = 'proposed'
                   AND order_id IN (SELECT unhex(value, '-') FROM json_each($2))",
        pg: "UPDATE order_change SET state = 'declined', after = CAST(CAST(after AS jsonb) - 'pending' AS TEXT)
             WHERE village_id = $1 AND state = 'proposed'
               AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&orders)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Counts an order's version on, so that whoever saw the one before sees that something happened.
pub async fn next_version(tx: &mut Tx, order: &Order, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET version = version + 1, updated_at = $3 WHERE village_id = $1 AND id = $2")
        .bind(order.village_id).bind(order.id).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Gives a locked order that nobody has packed its new lines, sums, address and note, and the next version.
pub async fn rewrite(
    tx: &mut Tx,
    order: &Order,
    before: &[PlannedLine],
    after: &Shape,
    (to, note): (&Address, &str),
    at: Timestamp,
) -> Result<()> {
    rewrite_lines(tx, order, before, &after.items).await?;
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET name = $3, phone = $4, province = $5, city = $6, district = $7, street = $8,
             region_code = $9, note = $10, goods_fen = $11, freight_fen = $12, total_fen = $13, ordered = $14,
             version = version + 1, updated_at = $15
         WHERE village_id = $1 AND id = $2")
        .bind(order.village_id).bind(order.id).bind(&to.name).bind(&to.phone).bind(&to.province).bind(&to.city)
        .bind(&to.district).bind(&to.street).bind(&to.region_code).bind(note).bind(after.goods_fen)
        .bind(after.freight_fen).bind(after.total_fen).bind(after.cases()).bind(at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

#[derive(Serialize)]
struct KeptLine {
    line: i64,
    ordered: i64,
    goods_fen: Fen,
}

/// Lines that stay keep their row, and with it whatever refers to them.
async fn rewrite_lines(
    tx: &mut Tx,
    order: &Order,
    before: &[PlannedLine],
    after: &[PlannedLine],
) -> Result<()> {
    let (village, id) = (order.village_id, order.id);
    let (kept, added): (Vec<&PlannedLine>, Vec<&PlannedLine>) = after
        .iter()
        .partition(|item| before.iter().any(|old| old.line == item.line));
    let numbers: Vec<i64> = kept.iter().map(|item| item.line).collect();
    on!(tx,
        sqlite: "DELETE FROM order_line
                 WHERE village_id = $1 AND order_id = $2 AND line NOT IN (SELECT value FROM json_each($3))",
        pg: "DELETE FROM order_line
             WHERE village_id = $1 AND order_id = $2
               AND line NOT IN (SELECT value::bigint FROM json_array_elements_text($3::json))",
        sql, ex => sqlx::query(sql).bind(village).bind(id).bind(json(&numbers)).execute(ex).await.map(|_| ()))?;
    let rows: Vec<KeptLine> = kept
        .iter()
        .map(|item| KeptLine {
            line: item.line,
            ordered: item.quantity,
            goods_fen: item.goods_fen,
        })
        .collect();
    on!(tx,
        sqlite: "UPDATE order_line SET ordered = kept.value->>'ordered', goods_fen = kept.value->>'goods_fen'
                 FROM json_each($3) AS kept
                 WHERE village_id = $1 AND order_id = $2 AND line = kept.value->>'line'",
        pg: "UPDATE order_line SET ordered = kept.ordered, goods_fen = kept.goods_fen
             FROM json_to_recordset($3::json) AS kept(line bigint, ordered bigint, goods_fen bigint)
             WHERE village_id = $1 AND order_id = $2 AND order_line.line = kept.line",
        sql, ex => sqlx::query(sql).bind(village).bind(id).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    let added: Vec<NewLine> = added
        .iter()
        .map(|item| NewLine {
            order_id: id,
            line: item.line,
            sku_id: item.sku_id,
            title: &item.title,
            price_fen: item.price_fen.0,
            goods_fen: item.goods_fen.0,
            ordered: item.quantity,
        })
        .collect();
    if added.is_empty() {
        return Ok(());
    }
    insert_lines(tx, village, &added).await
}
