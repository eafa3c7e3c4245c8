//! SQL of claims.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Reached;
use super::draft::{Checked, Claimable};
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::{Error, Result, conflict, text};
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;
use crate::orders::claims::{Decision, Kind};
use crate::orders::store::claims::{ClaimRow, claim_facts, claims_where};

/// How far an order has come.
pub async fn reached(tx: &mut Tx, village: VillageId, order: Uuid) -> Result<Reached> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT orders.shipped, orders.delivered, orders.updated_at,
                (SELECT MAX(parcel.delivered_at) FROM parcel_line
                 JOIN parcel ON parcel.village_id = parcel_line.village_id AND parcel.id = parcel_line.parcel_id
                 WHERE parcel_line.village_id = $1 AND parcel_line.order_id = $2) AS delivered_at,
                (SELECT MAX(parcel.handed_over_at) FROM parcel_line
                 JOIN parcel ON parcel.village_id = parcel_line.village_id AND parcel.id = parcel_line.parcel_id
                 WHERE parcel_line.village_id = $1 AND parcel_line.order_id = $2) AS sent_at
         FROM orders WHERE orders.village_id = $1 AND orders.id = $2")
        .bind(village).bind(order).fetch_one(ex).await)?)
}

macro_rules! claimable {
    () => {
        "SELECT line.line, sku.code AS sku, line.title, product.legal_kind, line.shipped - line.claimed AS left
         FROM order_line AS line
         JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
         JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
         WHERE line.village_id = $1 AND line.order_id = $2 ORDER BY line.line"
    };
}

/// The lines of a locked order, with what of them can be claimed.
pub async fn claimable(tx: &mut Tx, village: VillageId, order: Uuid) -> Result<Vec<Claimable>> {
    Ok(on!(tx, ex => sqlx::query_as(claimable!()).bind(village).bind(order).fetch_all(ex).await)?)
}

/// The same for showing them.
pub async fn shown_claimable(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<Claimable>> {
    Ok(on!(db, ex => sqlx::query_as(claimable!()).bind(village).bind(order).fetch_all(ex).await)?)
}

/// A claim to be opened.
pub struct NewRow<'a> {
    pub id: Uuid,
    pub order: Uuid,
    pub serial: i64,
    pub key: &'a str,
    pub due_at: Timestamp,
}

pub async fn insert(
    tx: &mut Tx,
    village: VillageId,
    new: &NewRow<'_>,
    checked: &Checked,
    lines: &[(i64, i64)],
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO claim (village_id, id, order_id, serial, kind, text, idem_key, body_hash, opened_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(village).bind(new.id).bind(new.order).bind(new.serial).bind(checked.claim.kind)
        .bind(&checked.claim.text).bind(new.key).bind(&checked.hash).bind(at).bind(new.due_at)
        .execute(ex).await.map(|_| ()))?;
    for (line, cases) in lines {
        on!(tx, ex => sqlx::query(
            "INSERT INTO claim_line (village_id, claim_id, order_id, line, cases) VALUES ($1, $2, $3, $4, $5)")
            .bind(village).bind(new.id).bind(new.order).bind(line).bind(cases).execute(ex).await.map(|_| ()))?;
    }
    hold_cases(tx, village, new.id, 1).await?;
    touch(tx, village, new.order, at).await
}

/// Says that an order has changed, for those who follow along.
pub async fn touch(tx: &mut Tx, village: VillageId, order: Uuid, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE orders SET updated_at = $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(order).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Counts a claim's cases on their lines (`sign` 1), or no longer (-1).
///
/// # Errors
/// 409 `claimed` when another claim is about them.
pub async fn hold_cases(tx: &mut Tx, village: VillageId, claim: Uuid, sign: i64) -> Result<()> {
    let counted = on!(tx, ex => sqlx::query(
        "UPDATE order_line SET claimed = claimed + $3 * own.cases
         FROM (SELECT order_id, line, cases FROM claim_line WHERE village_id = $1 AND claim_id = $2) AS own
         WHERE order_line.village_id = $1 AND order_line.order_id = own.order_id AND order_line.line = own.line")
        .bind(village).bind(claim).bind(sign).execute(ex).await.map(|_| ()));
    counted.map_err(Error::from).map_err(|error| {
        if error.is_check_violation() {
            let detail = text(
                "这几箱已经在另一个售后申请里。",
                "Another claim is about these cases.",
            );
            return conflict("claimed", detail);
        }
        error
    })
}

/// Counts a claim's cases as returned.
///
/// # Errors
/// 409 `not-delivered` when they have not been delivered, as far as we know.
pub async fn return_cases(tx: &mut Tx, village: VillageId, claim: Uuid) -> Result<()> {
    let counted = on!(tx, ex => sqlx::query(
        "UPDATE order_line SET returned = returned + own.cases
         FROM (SELECT order_id, line, cases FROM claim_line WHERE village_id = $1 AND claim_id = $2) AS own
         WHERE order_line.village_id = $1 AND order_line.order_id = own.order_id AND order_line.line = own.line")
        .bind(village).bind(claim).execute(ex).await.map(|_| ()));
    counted.map_err(Error::from).map_err(|error| {
        if error.is_check_violation() {
            let detail = text(
                "包裹还没有登记签收，请先登记签收，再登记退货。",
                "The parcel is not marked as delivered; mark it first.",
            );
            return conflict("not-delivered", detail);
        }
        error
    })
}

pub async fn withdraw(tx: &mut Tx, village: VillageId, claim: Uuid, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE claim SET withdrawn_at = $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(claim).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// That the goods are to come back first; `None` takes that back.
pub async fn ask_return(
    tx: &mut Tx,
    village: VillageId,
    claim: Uuid,
    asked: Option<(Timestamp, Uuid, &str)>,
    due_at: Timestamp,
) -> Result<()> {
    let (at, by, words) = match asked {
        Some((at, by, words)) => (Some(at), Some(by), Some(words)),
        None => (None, None, None),
    };
    on!(tx, ex => sqlx::query(
        "UPDATE claim SET return_asked_at = $3, return_asked_by = $4, return_words = $5, due_at = $6
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(claim).bind(at).bind(by).bind(words).bind(due_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn goods_back(
    tx: &mut Tx,
    village: VillageId,
    claim: Uuid,
    (at, by): (Timestamp, Uuid),
    due_at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE claim SET goods_back_at = $3, goods_back_by = $4, due_at = $5 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(claim).bind(at).bind(by).bind(due_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A decision to be stored.
pub struct Decided<'a> {
    pub decision: Decision,
    pub words: &'a str,
    pub amount: Option<Fen>,
    pub resend: Option<Uuid>,
    pub by: Uuid,
    pub at: Timestamp,
}

/// Stores a decision; `None` takes it back.
pub async fn decided(
    tx: &mut Tx,
    village: VillageId,
    claim: Uuid,
    decided: Option<&Decided<'_>>,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE claim SET decision = $3, words = $4, amount_fen = $5, resend_order_id = $6, decided_by = $7, decided_at = $8
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(claim).bind(decided.map(|it| it.decision)).bind(decided.map(|it| it.words))
        .bind(decided.and_then(|it| it.amount)).bind(decided.and_then(|it| it.resend)).bind(decided.map(|it| it.by))
        .bind(decided.map(|it| it.at)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn add_refund(tx: &mut Tx, village: VillageId, claim: Uuid, refund: Uuid) -> Result<()> {
    on!(tx, ex => sqlx::query("INSERT INTO claim_refund (village_id, refund_id, claim_id) VALUES ($1, $2, $3)")
        .bind(village).bind(refund).bind(claim).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The cases of a claim, as a re-send needs them.
#[derive(sqlx::FromRow)]
pub struct Claimed {
    pub sku_id: Uuid,
    pub title: String,
    pub cases: i64,
}

pub async fn claimed(tx: &mut Tx, village: VillageId, claim: Uuid) -> Result<Vec<Claimed>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT line.sku_id, line.title, claim_line.cases
         FROM claim_line
         JOIN order_line AS line ON line.village_id = claim_line.village_id AND line.order_id = claim_line.order_id
                                AND line.line = claim_line.line
         WHERE claim_line.village_id = $1 AND claim_line.claim_id = $2 ORDER BY claim_line.line")
        .bind(village).bind(claim).fetch_all(ex).await)?)
}

pub async fn claim(db: &Db, village: VillageId, id: Uuid) -> Result<Option<ClaimRow>> {
    Ok(
        on!(db, ex => sqlx::query_as(claims_where!("WHERE village_id = $1 AND id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// Claims by when they are due, the earliest first, behind a cursor; `open` those with something left to do,
/// `due_before` those of them that were due by then.
pub async fn open_claims(
    db: &Db,
    village: VillageId,
    due_before: Timestamp,
    after: (Timestamp, Uuid),
    limit: i64,
) -> Result<Vec<ClaimRow>> {
    Ok(on!(db, ex => sqlx::query_as(claims_where!(
        "WHERE village_id = $1 AND closed_at IS NULL AND due_at < $2 AND (due_at > $3 OR (due_at = $3 AND id > $4))
         ORDER BY due_at, id LIMIT $5"))
        .bind(village).bind(due_before).bind(after.0).bind(after.1).bind(limit).fetch_all(ex).await)?)
}

/// All claims, the newest first.
pub async fn all_claims(db: &Db, village: VillageId, before: Uuid, limit: i64) -> Result<Vec<ClaimRow>> {
    Ok(on!(db, ex => sqlx::query_as(claims_where!(
        "WHERE village_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"))
        .bind(village).bind(before).bind(limit).fetch_all(ex).await)?)
}

/// Claims with something left to do, and those of them that were due before `now`.
pub async fn waiting(db: &Db, village: VillageId, now: Timestamp) -> Result<(i64, i64)> {
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN due_at < $2 THEN 1 ELSE 0 END), 0) AS BIGINT)
         FROM ", claim_facts!(), " WHERE village_id = $1 AND closed_at IS NULL"))
        .bind(village).bind(now).fetch_one(ex).await)?)
}

/// How a kind's claims were closed.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Loop {
    pub kind: Kind,
    pub claims: i64,
    /// closed by when they were due
    pub in_time: i64,
    /// closed later than that
    pub late: i64,
    /// not closed, and due by now
    pub overdue: i64,
    /// not closed, and not due yet
    pub under_way: i64,
    pub refunded_fen: Fen,
}

/// The claims opened between two instants, by kind.
pub async fn loops(
    db: &Db,
    village: VillageId,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<Vec<Loop>> {
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT kind, COUNT(*) AS claims,
                CAST(SUM(CASE WHEN closed_at <= due_at THEN 1 ELSE 0 END) AS BIGINT) AS in_time,
                CAST(SUM(CASE WHEN closed_at > due_at THEN 1 ELSE 0 END) AS BIGINT) AS late,
                CAST(SUM(CASE WHEN closed_at IS NULL AND due_at < $4 THEN 1 ELSE 0 END) AS BIGINT) AS overdue,
                CAST(SUM(CASE WHEN closed_at IS NULL AND due_at >= $4 THEN 1 ELSE 0 END) AS BIGINT) AS under_way,
                CAST(COALESCE(SUM(CASE WHEN closed_at IS NULL THEN 0 ELSE amount_fen END), 0) AS BIGINT) AS refunded_fen
         FROM ", claim_facts!(), " WHERE village_id = $1 AND opened_at >= $2 AND opened_at < $3
         GROUP BY kind ORDER BY kind"))
        .bind(village).bind(from).bind(to).bind(now).fetch_all(ex).await)?)
}
