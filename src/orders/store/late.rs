//! SQL of what buyers of late orders are asked. Whoever asks or settles has locked the order.

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;
use crate::orders::Order;
use crate::orders::late::{AfterOffer, Answer, CarrierOffer, Question, State};
use crate::orders::promised::Promised;

macro_rules! columns {
    () => {
        "late_question.id, late_question.order_id, late_question.state, late_question.reason, late_question.deadline,
         late_question.carrier, late_question.carrier_name, late_question.carrier_arrives, late_question.carrier_fen,
         late_question.after_leaves, late_question.after_arrives, late_question.after_carrier, late_question.fallback,
         late_question.answer_by, late_question.answer, late_question.asked_at, late_question.asked_by,
         late_question.settled_at"
    };
}

macro_rules! latest {
    () => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM late_question WHERE village_id = $1 AND order_id = $2 ORDER BY id DESC LIMIT 1"
        )
    };
}

/// The last question about an order.
pub async fn latest(db: &Db, village: VillageId, order: Uuid) -> Result<Option<Question>> {
    Ok(on!(db, ex => sqlx::query_as(latest!()).bind(village).bind(order).fetch_optional(ex).await)?)
}

/// The last question about a locked order.
pub async fn latest_of(tx: &mut Tx, order: &Order) -> Result<Option<Question>> {
    Ok(
        on!(tx, ex => sqlx::query_as(latest!()).bind(order.village_id).bind(order.id).fetch_optional(ex).await)?,
    )
}

/// Asks; false when the order has an open question already.
pub async fn ask(tx: &mut Tx, village: VillageId, new: &Question) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "INSERT INTO late_question (village_id, id, order_id, state, reason, deadline, carrier, carrier_name,
             carrier_arrives, carrier_fen, after_leaves, after_arrives, after_carrier, fallback, answer_by, asked_at,
             asked_by)
         VALUES ($1, $2, $3, 'asked', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT DO NOTHING")
        .bind(village).bind(new.id).bind(new.order_id).bind(&new.reason).bind(&new.deadline).bind(&new.carrier)
        .bind(&new.carrier_name).bind(&new.carrier_arrives).bind(new.carrier_fen).bind(&new.after_leaves)
        .bind(&new.after_arrives).bind(&new.after_carrier).bind(new.fallback).bind(new.answer_by).bind(new.asked_at)
        .bind(new.asked_by).execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// Settles an open question; false when it was settled before.
pub async fn settle(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    state: State,
    answer: Option<Answer>,
    at: Timestamp,
) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE late_question SET state = $3, answer = $4, settled_at = $5
         WHERE village_id = $1 AND id = $2 AND state = 'asked'")
        .bind(village).bind(id).bind(state).bind(answer).bind(at)
        .execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// Ends the open questions about orders that have ended. `orders` are their ids as JSON.
pub(super) async fn end_open(tx: &mut Tx, village: VillageId, orders: &str, at: Timestamp) -> Result<()> {
    on!(tx,
        sqlite: "UPDATE late_question SET state = 'ended', settled_at = $3
                 WHERE village_id = $1 AND state = 'asked'
                   AND order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "UPDATE late_question SET state = 'ended', settled_at = $3
             WHERE village_id = $1 AND state = 'asked'
               AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query(sql).bind(village).bind(orders).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Offers something else from now on.
pub async fn offer(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    carrier: Option<&CarrierOffer>,
    after: Option<AfterOffer>,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE late_question SET carrier = $3, carrier_name = $4, carrier_arrives = $5, carrier_fen = $6,
             after_leaves = $7, after_arrives = $8
         WHERE village_id = $1 AND id = $2 AND state = 'asked'")
        .bind(village).bind(id).bind(carrier.map(|it| &it.carrier)).bind(carrier.map(|it| &it.name))
        .bind(carrier.map(|it| it.arrives_by.to_string())).bind(carrier.map(|it| it.extra_fen))
        .bind(after.map(|it| it.leaves_from.to_string())).bind(after.map(|it| it.arrives_by.to_string()))
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Questions whose time is over, with their orders, the first to end first.
pub async fn due(db: &Db, village: VillageId, now: Timestamp, limit: i64) -> Result<Vec<(Uuid, Uuid)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, order_id FROM late_question WHERE village_id = $1 AND state = 'asked' AND answer_by <= $2
         ORDER BY answer_by, id LIMIT $3")
        .bind(village).bind(now).bind(limit).fetch_all(ex).await)?)
}

/// What the plan keeps to from now on: the promise that the buyer has just been given. What else the order's wish asks for
/// stays.
pub async fn keep_to(
    tx: &mut Tx,
    order: &Order,
    promised: &Promised,
    carrier: Option<&str>,
    not_before: Option<&str>,
    (asked_by, at): (Uuid, Timestamp),
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO wish (village_id, order_id, carrier, arrive_by, not_before, together, decided_at, decided_by)
         VALUES ($1, $2, $3, $4, $5, FALSE, $6, $7)
         ON CONFLICT (village_id, order_id) DO UPDATE SET carrier = excluded.carrier, arrive_by = excluded.arrive_by,
             not_before = COALESCE(excluded.not_before, wish.not_before), decided_at = excluded.decided_at,
             decided_by = excluded.decided_by")
        .bind(order.village_id).bind(order.id).bind(carrier).bind(promised.arrives_by.to_string()).bind(not_before)
        .bind(at).bind(asked_by).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A question as staff see it.
#[derive(sqlx::FromRow)]
pub struct Asked {
    #[sqlx(flatten)]
    pub question: Question,
    pub number: String,
    /// not cancelled
    pub cases: i64,
}

/// Questions, the newest first; of one state, or all.
pub async fn list(
    db: &Db,
    village: VillageId,
    state: Option<State>,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Asked>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), ", orders.number,
                orders.ordered - orders.cancelled AS cases
         FROM late_question JOIN orders ON orders.village_id = late_question.village_id
                                       AND orders.id = late_question.order_id
         WHERE late_question.village_id = $1 AND (CAST($2 AS TEXT) IS NULL OR late_question.state = $2) AND late_question.id < $3
         ORDER BY late_question.id DESC LIMIT $4"))
        .bind(village).bind(state).bind(before).bind(limit).fetch_all(ex).await)?,
    )
}

/// Orders with an open question.
pub async fn open(db: &Db, village: VillageId) -> Result<Vec<Uuid>> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT order_id FROM late_question WHERE village_id = $1 AND state = 'asked'")
        .bind(village).fetch_all(ex).await)?)
}

/// How many questions there are of each state and answer.
#[derive(Debug, Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct LateCounts {
    pub asked: i64,
    pub answered: i64,
    pub defaulted: i64,
    pub ended: i64,
    /// of those answered or defaulted
    pub carrier: i64,
    pub after: i64,
    pub refund: i64,
}

pub async fn counts(db: &Db, village: VillageId) -> Result<LateCounts> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(CASE WHEN state = 'asked' THEN 1 END) AS asked,
                COUNT(CASE WHEN state = 'answered' THEN 1 END) AS answered,
                COUNT(CASE WHEN state = 'defaulted' THEN 1 END) AS defaulted,
                COUNT(CASE WHEN state = 'ended' THEN 1 END) AS ended,
                COUNT(CASE WHEN answer = 'carrier' THEN 1 END) AS carrier,
                COUNT(CASE WHEN answer = 'after' THEN 1 END) AS after,
                COUNT(CASE WHEN answer = 'refund' THEN 1 END) AS refund
         FROM late_question WHERE village_id = $1")
        .bind(village).fetch_one(ex).await)?)
}
