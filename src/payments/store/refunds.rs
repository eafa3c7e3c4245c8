//! SQL of refunds: the decision, and how far it has been carried out.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::{Result, conflict, text};
use crate::id::VillageId;
use crate::money::{Fen, Method};
use crate::on;
use crate::payments::{Cause, RefundState};

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Refund {
    pub id: Uuid,
    pub order_id: Uuid,
    pub payment_id: Uuid,
    pub amount_fen: Fen,
    pub state: RefundState,
    pub cause: Cause,
    pub reason: String,
    pub reference: Option<String>,
    /// what the provider said when it did not work
    pub failure: Option<String>,
    /// of one by hand: what shows that the money went
    pub proof: Option<String>,
    pub created_at: Timestamp,
    pub done_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "id, order_id, payment_id, amount_fen, state, cause, reason, reference, failure, proof, created_at, done_at"
    };
}

/// Per paid payment of an order: its id, its method, and what of it is neither refunded nor about to be.
pub async fn refundable(tx: &mut Tx, village: VillageId, order: Uuid) -> Result<Vec<(Uuid, Method, Fen)>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT id, method, amount_fen - refunding_fen FROM payment
         WHERE village_id = $1 AND order_id = $2 AND state = 'paid' ORDER BY id")
        .bind(village).bind(order).fetch_all(ex).await)?)
}

/// Inserts a refund and takes its amount from what its payment has left; an open one is due at once when a provider
/// carries it out.
///
/// # Errors
/// 409 `refunded-meanwhile` when the payment has less left than that: somebody else was quicker.
pub async fn insert_refund(
    tx: &mut Tx,
    village: VillageId,
    refund: &Refund,
    asked_by: Option<Uuid>,
) -> Result<()> {
    let due = (refund.state == RefundState::Agreed).then_some(refund.created_at);
    let taken = on!(tx, ex => sqlx::query(
        "UPDATE payment SET refunding_fen = refunding_fen + $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(refund.payment_id).bind(refund.amount_fen).execute(ex).await.map(|_| ()));
    match taken.map_err(crate::error::Error::from) {
        Err(error) if error.is_check_violation() => {
            let detail = text(
                "这笔款刚刚被别人退过，请刷新后再看。",
                "Somebody has just refunded this money; please look again.",
            );
            return Err(conflict("refunded-meanwhile", detail));
        }
        taken => taken?,
    }
    on!(tx, ex => sqlx::query(
        "INSERT INTO refund (village_id, id, order_id, payment_id, amount_fen, state, reason, asked_by, created_at, done_at,
             cause, next_try_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind(village).bind(refund.id).bind(refund.order_id).bind(refund.payment_id).bind(refund.amount_fen)
        .bind(refund.state).bind(&refund.reason).bind(asked_by).bind(refund.created_at).bind(refund.done_at)
        .bind(refund.cause).bind(due).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn refund(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Refund>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM refund WHERE village_id = $1 AND id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// A refund as staff see it, with the order and the way that it was paid.
#[derive(sqlx::FromRow)]
pub struct Listed {
    #[sqlx(flatten)]
    pub refund: Refund,
    pub number: String,
    pub method: Method,
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT refund.id, refund.order_id, refund.payment_id, refund.amount_fen, refund.state, refund.cause,
                    refund.reason, refund.reference, refund.failure, refund.proof, refund.created_at, refund.done_at,
                    orders.number, payment.method
             FROM refund
             JOIN orders ON orders.village_id = refund.village_id AND orders.id = refund.order_id
             JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id ",
            $rest
        )
    };
}

/// Refunds before a cursor, newest first; with `open`, only those that are not through yet.
pub async fn refunds(
    db: &Db,
    village: VillageId,
    open: bool,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(on!(db, ex => sqlx::query_as(listed!(
        "WHERE refund.village_id = $1 AND refund.id < $2 AND ($3 = FALSE OR refund.state NOT IN ('done', 'refused'))
         ORDER BY refund.id DESC LIMIT $4"))
        .bind(village).bind(before).bind(open).bind(limit).fetch_all(ex).await)?)
}

pub async fn listed(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Listed>> {
    Ok(
        on!(db, ex => sqlx::query_as(listed!("WHERE refund.village_id = $1 AND refund.id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// How a person has carried a refund out.
pub struct ByHand<'a> {
    pub reference: &'a str,
    pub proof: Option<&'a str>,
    pub staff: Uuid,
}

/// Marks a refund as carried out by a person; false when it was not in its state any more.
pub async fn finish_by_hand(
    tx: &mut Tx,
    village: VillageId,
    refund: &Refund,
    how: &ByHand<'_>,
    at: Timestamp,
) -> Result<bool> {
    let done = on!(tx, ex => sqlx::query(
        "UPDATE refund SET state = 'done', reference = $4, proof = $5, done_by = $6, done_at = $7
         WHERE village_id = $1 AND id = $2 AND state = $3")
        .bind(village).bind(refund.id).bind(refund.state).bind(how.reference).bind(how.proof).bind(how.staff).bind(at)
        .execute(ex).await.map(|done| done.rows_affected()))?;
    if done == 1 {
        add_refunded(tx, village, refund.order_id, refund.amount_fen, at).await?;
    }
    Ok(done == 1)
}

/// Adds to what an order has been refunded; takes from it when the money came back to us.
pub async fn add_refunded(
    tx: &mut Tx,
    village: VillageId,
    order: Uuid,
    amount: Fen,
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET refunded_fen = refunded_fen + $3, updated_at = $4 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(order).bind(amount).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A refund with what carrying it out through a provider needs.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Errand {
    pub village_id: VillageId,
    pub id: Uuid,
    pub order_id: Uuid,
    pub amount_fen: Fen,
    pub state: RefundState,
    pub reason: String,
    pub provider_ref: Option<String>,
    pub tries: i64,
    pub key_no: i64,
    pub created_at: Timestamp,
    pub method: Method,
    pub intent_ref: Option<String>,
    pub wallet: Option<String>,
    pub paid_at: Option<Timestamp>,
    /// what came by the payment
    pub paid_fen: Fen,
}

macro_rules! errand {
    ($rest:literal) => {
        concat!(
            "SELECT refund.village_id, refund.id, refund.order_id, refund.amount_fen, refund.state, refund.reason,
                    refund.provider_ref, refund.tries, refund.key_no, refund.created_at, payment.method,
                    payment.intent_ref, payment.wallet, payment.paid_at, payment.amount_fen AS paid_fen
             FROM refund JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id ",
            $rest
        )
    };
}

pub async fn errand(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Errand>> {
    Ok(
        on!(db, ex => sqlx::query_as(errand!("WHERE refund.village_id = $1 AND refund.id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// Refunds whose next try is due, the longest due first.
pub async fn due_refunds(
    db: &Db,
    village: VillageId,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(Uuid, Method)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT refund.id, payment.method FROM refund
         JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id
         WHERE refund.village_id = $1 AND refund.next_try_at <= $2 ORDER BY refund.next_try_at LIMIT $3")
        .bind(village).bind(until).bind(limit).fetch_all(ex).await)?)
}

/// Begins a try: the refund counts as sent from here on, whatever becomes of this process. False when another try
/// began meanwhile.
pub async fn begin_try(tx: &mut Tx, errand: &Errand, state: RefundState, next: Timestamp) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE refund SET state = $4, tries = tries + 1, next_try_at = $5
         WHERE village_id = $1 AND id = $2 AND tries = $3 AND state IN ('agreed', 'sent', 'failed')")
        .bind(errand.village_id).bind(errand.id).bind(errand.tries).bind(state).bind(next)
        .execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// The state of a refund inside a transaction.
pub async fn refund_state(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<RefundState>> {
    Ok(on!(tx,
        sqlite: "SELECT state FROM refund WHERE village_id = $1 AND id = $2",
        pg: "SELECT state FROM refund WHERE village_id = $1 AND id = $2 FOR UPDATE",
        sql, ex => sqlx::query_scalar(sql).bind(village).bind(id).fetch_optional(ex).await)?)
}

/// What has become of a refund at its provider.
pub struct Answer<'a> {
    pub state: RefundState,
    pub provider_ref: Option<&'a str>,
    pub failure: Option<&'a str>,
    pub next_try_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
}

pub async fn answered(tx: &mut Tx, errand: &Errand, answer: &Answer<'_>) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE refund SET state = $3, provider_ref = COALESCE($4, provider_ref), failure = $5, next_try_at = $6,
                done_at = $7
         WHERE village_id = $1 AND id = $2")
        .bind(errand.village_id).bind(errand.id).bind(answer.state).bind(answer.provider_ref).bind(answer.failure)
        .bind(answer.next_try_at).bind(answer.done_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A try without an answer. With `new_key` the provider has stored a failure under the key in use, so that the next one
/// needs another.
pub async fn try_failed(tx: &mut Tx, errand: &Errand, why: &str, new_key: bool) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE refund SET failure = $3, key_no = key_no + CASE WHEN $4 THEN 1 ELSE 0 END
         WHERE village_id = $1 AND id = $2 AND state <> 'done'")
        .bind(errand.village_id).bind(errand.id).bind(why).bind(new_key).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Orders that have ended and of whose money some is neither back nor on its way back.
pub async fn owing(db: &Db, village: VillageId, limit: i64) -> Result<Vec<Uuid>> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT orders.id FROM orders
         WHERE orders.village_id = $1 AND orders.ended_as IS NOT NULL AND orders.captured_fen > orders.refunded_fen
           AND EXISTS (SELECT 1 FROM payment WHERE payment.village_id = $1 AND payment.order_id = orders.id
                         AND payment.state = 'paid' AND payment.amount_fen > payment.refunding_fen)
         ORDER BY orders.id LIMIT $2")
        .bind(village).bind(limit).fetch_all(ex).await)?)
}
