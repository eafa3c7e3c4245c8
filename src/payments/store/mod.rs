//! SQL of payments and refunds: here the payments, beside it what providers are asked (`provider`), what they tell us
//! (`events`), and the money that goes back (`refunds`).

pub mod daily;
pub mod events;
pub mod provider;
mod refunds;
pub mod told;

use uuid::Uuid;

use super::{Payment, State};
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::{Fen, Method};
use crate::on;
use crate::orders::Hold;

pub use refunds::*;

macro_rules! columns {
    () => {
        "village_id, id, order_id, method, state, amount_fen, received_into, reference, created_at, paid_at"
    };
}

/// Opens a payment, or gives the one that is open already for this order and method.
pub async fn open(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    order: Uuid,
    method: Method,
    amount: Fen,
    at: Timestamp,
) -> Result<Payment> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO payment (village_id, id, order_id, method, state, amount_fen, created_at)
         VALUES ($1, $2, $3, $4, 'waiting', $5, $6)
         ON CONFLICT (village_id, order_id, method) WHERE state IN ('created', 'sent', 'waiting', 'unknown') DO NOTHING")
        .bind(village).bind(id).bind(order).bind(method).bind(amount).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(
        on!(tx, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM payment
         WHERE village_id = $1 AND order_id = $2 AND method = $3
           AND state IN ('created', 'sent', 'waiting', 'unknown')"))
        .bind(village).bind(order).bind(method).fetch_one(ex).await)?,
    )
}

pub async fn by_id(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Payment>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM payment WHERE village_id = $1 AND id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

pub async fn of_order(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<Payment>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM payment
         WHERE village_id = $1 AND order_id = $2 ORDER BY id"))
        .bind(village).bind(order).fetch_all(ex).await)?,
    )
}

/// Where money that came goes into the books: which account, under which reference, confirmed by whom.
#[derive(Clone, Default)]
pub struct Evidence {
    pub received_into: Option<String>,
    pub reference: Option<String>,
    pub confirmed_by: Option<Uuid>,
}

/// Inserts a payment that has been received already: staff confirmed it, or a platform took it.
pub async fn insert_paid(tx: &mut Tx, payment: &Payment, evidence: &Evidence) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO payment (village_id, id, order_id, method, state, amount_fen, received_into, reference, confirmed_by,
             created_at, paid_at)
         VALUES ($1, $2, $3, $4, 'paid', $5, $6, $7, $8, $9, $9)")
        .bind(payment.village_id).bind(payment.id).bind(payment.order_id).bind(payment.method).bind(payment.amount_fen)
        .bind(&evidence.received_into).bind(&evidence.reference).bind(evidence.confirmed_by).bind(payment.created_at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Moves a payment from one state to another; false when it was in a different one by now.
pub async fn set_state(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    from: State,
    to: State,
    paid_at: Option<Timestamp>,
) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE payment SET state = $4, paid_at = $5 WHERE village_id = $1 AND id = $2 AND state = $3")
        .bind(village).bind(id).bind(from).bind(to).bind(paid_at).execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// Gives up the open tries of an order, once money has come for it or another amount is due. What a provider has offered
/// becomes `unknown`: it ends when the provider has said so.
pub async fn close_open(tx: &mut Tx, village: VillageId, order: Uuid, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET state = CASE WHEN provider_ref IS NULL THEN 'closed' ELSE 'unknown' END,
                check_at = CASE WHEN provider_ref IS NOT NULL THEN $3 END
         WHERE village_id = $1 AND order_id = $2 AND state IN ('created', 'waiting')")
        .bind(village).bind(order).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Adds to what an order has been paid. `hold` is what its hold has become, `paid_at` the instant at which it was
/// covered, if it was.
pub async fn add_captured(
    tx: &mut Tx,
    village: VillageId,
    order: Uuid,
    amount: Fen,
    hold: Hold,
    paid_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET captured_fen = captured_fen + $3, hold = $4, paid_at = COALESCE(paid_at, $5), updated_at = $6
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(order).bind(amount).bind(hold).bind(paid_at).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Where buyers of a village pay by transfer.
pub async fn account(db: &Db, village: VillageId) -> Result<String> {
    Ok(
        on!(db, ex => sqlx::query_scalar("SELECT account FROM village WHERE id = $1").bind(village).fetch_one(ex).await)?,
    )
}
