//! SQL of money that only staff have seen: their confirmations, the entries that reverse one, and orders whose money is
//! not what they cost.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::{Fen, Method};
use crate::on;
use crate::orders::Order;
use crate::payments::told::{Channel, Told};
use crate::payments::{Payment, RefundState};

/// A confirmation to be stored.
pub struct New<'a> {
    pub id: Uuid,
    pub order: &'a Order,
    pub method: Method,
    pub amount: Fen,
    pub received_into: &'a str,
    pub reference: &'a str,
    pub channel: Option<Channel>,
    pub received_at: Option<Timestamp>,
    pub note: Option<&'a str>,
    pub confirmed_by: Uuid,
    /// the limit that it is above, when a second person has to agree
    pub limit: Option<Fen>,
}

/// Stores a confirmation: as a payment when there is one already, else as one that waits.
pub async fn insert(tx: &mut Tx, new: &New<'_>, payment: Option<Uuid>, at: Timestamp) -> Result<()> {
    let state = match payment {
        Some(_) => Told::Counted,
        None => Told::Waiting,
    };
    on!(tx, ex => sqlx::query(
        "INSERT INTO confirmation (village_id, id, order_id, method, amount_fen, received_into, reference, channel,
             received_at, note, state, limit_fen, confirmed_by, confirmed_at, payment_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
        .bind(new.order.village_id).bind(new.id).bind(new.order.id).bind(new.method).bind(new.amount)
        .bind(new.received_into).bind(new.reference).bind(new.channel).bind(new.received_at).bind(new.note)
        .bind(state).bind(new.limit).bind(new.confirmed_by).bind(at).bind(payment)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Gives a confirmation that waits its end: counted as a payment, or taken back without one. False when it had its end
/// already; the CHECK refuses whoever agrees with themselves.
pub async fn settle(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    payment: Option<Uuid>,
    (by, at): (Uuid, Timestamp),
) -> Result<bool> {
    let state = match payment {
        Some(_) => Told::Counted,
        None => Told::TakenBack,
    };
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE confirmation SET state = $3, payment_id = $4, settled_by = $5, settled_at = $6
         WHERE village_id = $1 AND id = $2 AND state = 'waiting'")
        .bind(village).bind(id).bind(state).bind(payment).bind(by).bind(at)
        .execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// The village's limit, and what of an order was confirmed by one person alone and not reversed.
pub async fn limit(tx: &mut Tx, order: &Order) -> Result<(Fen, Fen)> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT village.second_person_above_fen, (SELECT CAST(COALESCE(SUM(confirmation.amount_fen), 0) AS BIGINT)
             FROM confirmation
             WHERE confirmation.village_id = $1 AND confirmation.order_id = $2 AND confirmation.state = 'counted'
               AND confirmation.settled_by IS NULL)
         FROM village WHERE village.id = $1")
        .bind(order.village_id).bind(order.id).fetch_one(ex).await)?)
}

/// A confirmation as staff see it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Confirmation {
    pub id: Uuid,
    pub order_id: Uuid,
    pub number: String,
    pub method: Method,
    pub amount_fen: Fen,
    pub received_into: String,
    pub reference: String,
    pub channel: Option<Channel>,
    pub received_at: Option<Timestamp>,
    pub note: Option<String>,
    pub state: Told,
    pub confirmed_by: Uuid,
    /// the logins of those who confirmed it, and who agreed or took it back
    pub confirmer: String,
    pub confirmed_at: Timestamp,
    pub settler: Option<String>,
    pub settled_at: Option<Timestamp>,
    pub payment_id: Option<Uuid>,
    /// why its payment was reversed
    pub reversed: Option<String>,
}

macro_rules! confirmations {
    ($rest:literal) => {
        concat!(
            "SELECT confirmation.id, confirmation.order_id, orders.number, confirmation.method, confirmation.amount_fen,
                    confirmation.received_into, confirmation.reference, confirmation.channel, confirmation.received_at,
                    confirmation.note, confirmation.state, confirmation.confirmed_by, one.login AS confirmer,
                    confirmation.confirmed_at, other.login AS settler, confirmation.settled_at, confirmation.payment_id,
                    payment_reversal.reason AS reversed
             FROM confirmation
             JOIN orders ON orders.village_id = confirmation.village_id AND orders.id = confirmation.order_id
             JOIN staff AS one ON one.village_id = confirmation.village_id AND one.id = confirmation.confirmed_by
             LEFT JOIN staff AS other ON other.village_id = confirmation.village_id AND other.id = confirmation.settled_by
             LEFT JOIN payment_reversal ON payment_reversal.village_id = confirmation.village_id
               AND payment_reversal.payment_id = confirmation.payment_id
             WHERE confirmation.village_id = $1 AND ",
            $rest
        )
    };
}

/// Confirmations before a cursor, the newest first; with `waiting`, those that a second person has to agree to.
pub async fn confirmations(
    db: &Db,
    village: VillageId,
    waiting: bool,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Confirmation>> {
    Ok(on!(db, ex => sqlx::query_as(confirmations!(
        "confirmation.id < $2 AND ($3 = FALSE OR confirmation.state = 'waiting')
         ORDER BY confirmation.id DESC LIMIT $4"))
        .bind(village).bind(before).bind(waiting).bind(limit).fetch_all(ex).await)?)
}

pub async fn confirmation(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Confirmation>> {
    Ok(
        on!(db, ex => sqlx::query_as(confirmations!("confirmation.id = $2")).bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// The confirmations of an order, in their order.
pub async fn of_order(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<Confirmation>> {
    Ok(
        on!(db, ex => sqlx::query_as(confirmations!("confirmation.order_id = $2 ORDER BY confirmation.id"))
        .bind(village).bind(order).fetch_all(ex).await)?,
    )
}

/// Takes refunds back that people were to send and have not: those of a payment, and with `surplus` those of the order's
/// surplus as well.
pub async fn withdraw_refunds(tx: &mut Tx, payment: &Payment, surplus: bool, to: RefundState) -> Result<()> {
    let (village, order) = (payment.village_id, payment.order_id);
    let back: Vec<(Uuid, Fen)> = on!(tx, ex => sqlx::query_as(
        "UPDATE refund SET state = $5 WHERE village_id = $1 AND order_id = $2 AND state = 'by_hand'
           AND (payment_id = $3 OR ($4 AND cause = 'surplus')) RETURNING payment_id, amount_fen")
        .bind(village).bind(order).bind(payment.id).bind(surplus).bind(to).fetch_all(ex).await)?;
    for (payment, amount) in back {
        on!(tx, ex => sqlx::query(
            "UPDATE payment SET refunding_fen = refunding_fen - $3 WHERE village_id = $1 AND id = $2")
            .bind(village).bind(payment).bind(amount).execute(ex).await.map(|_| ()))?;
    }
    Ok(())
}

/// Writes the entry against a whole payment. Its primary key refuses a second one, and the payment's CHECK one against
/// money that has gone back.
pub async fn reverse(
    tx: &mut Tx,
    payment: &Payment,
    reason: &str,
    (by, at): (Uuid, Timestamp),
) -> Result<()> {
    let (village, amount) = (payment.village_id, payment.amount_fen);
    on!(tx, ex => sqlx::query(
        "INSERT INTO payment_reversal (village_id, payment_id, order_id, amount_fen, reason, reversed_by, reversed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(village).bind(payment.id).bind(payment.order_id).bind(amount).bind(reason).bind(by).bind(at)
        .execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET refunding_fen = refunding_fen + $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(payment.id).bind(amount).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "UPDATE confirmation SET state = 'reversed' WHERE village_id = $1 AND payment_id = $2")
        .bind(village).bind(payment.id).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// What of an order's surplus has gone back or is on its way.
pub async fn surplus_back(tx: &mut Tx, order: &Order) -> Result<Fen> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(amount_fen), 0) AS BIGINT) FROM refund
         WHERE village_id = $1 AND order_id = $2 AND cause = 'surplus' AND state <> 'refused'")
        .bind(order.village_id).bind(order.id).fetch_one(ex).await)?)
}

/// A live order whose money is not its price.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Uneven {
    pub id: Uuid,
    pub number: String,
    pub total_fen: Fen,
    pub captured_fen: Fen,
    /// what came and is neither reversed, nor back, nor on its way back
    pub kept_fen: Fen,
    pub pay_before: Option<Timestamp>,
}

pub async fn uneven(db: &Db, village: VillageId, before: Uuid, limit: i64) -> Result<Vec<Uneven>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, number, total_fen, captured_fen, kept_fen, pay_before FROM (
             SELECT orders.id, orders.number, orders.total_fen, orders.captured_fen,
                    CASE WHEN orders.hold = 'active' THEN COALESCE(orders.pay_before, orders.hold_ends_at) END AS pay_before,
                    (SELECT CAST(COALESCE(SUM(payment.amount_fen - payment.refunding_fen), 0) AS BIGINT) FROM payment
                     WHERE payment.village_id = $1 AND payment.order_id = orders.id AND payment.state = 'paid') AS kept_fen
             FROM orders WHERE orders.village_id = $1 AND orders.id < $2 AND orders.captured_fen > 0
               AND orders.captured_fen <> orders.total_fen AND orders.hold <> 'released') AS live
         WHERE captured_fen < total_fen OR kept_fen > total_fen ORDER BY id DESC LIMIT $3")
        .bind(village).bind(before).bind(limit).fetch_all(ex).await)?)
}
