//! Money back: the decision is a row of its own, made with who and why; carrying it out follows.

use uuid::Uuid;

use super::store::{self, Refund};
use super::{Cause, RefundEvent, RefundState, refund_start};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Result, invalid, text};
use crate::id::Ids;
use crate::money::{Fen, Method};
use crate::orders::Order;

/// Why money goes back, in words that its buyer reads, and who decided it; nobody when the rules did.
#[derive(Clone, Copy)]
pub struct Why<'a> {
    pub cause: Cause,
    pub reason: &'a str,
    pub asked_by: Option<Uuid>,
    /// the payment that it is taken from first; else the oldest
    pub from: Option<Uuid>,
}

impl Why<'_> {
    pub fn rule(cause: Cause, reason: &str) -> Why<'_> {
        Why {
            cause,
            reason,
            asked_by: None,
            from: None,
        }
    }

    pub fn of_staff(cause: Cause, reason: &str, staff: Uuid) -> Why<'_> {
        Why {
            asked_by: Some(staff),
            ..Why::rule(cause, reason)
        }
    }
}

/// Decides to give `amount` of an order's money back and starts doing so, over as many of its payments as it takes,
/// the oldest first unless it is about a certain one. Refunds under way count against what can be refunded.
///
/// # Errors
/// 422 when the order's payments have less left than that.
pub async fn start(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    amount: Fen,
    why: Why<'_>,
    at: Timestamp,
) -> Result<()> {
    start_parts(tx, ids, order, amount, why, at).await.map(|_| ())
}

/// The same; gives the refunds that it has become.
///
/// # Errors
/// Those of [`start`].
pub async fn start_parts(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    amount: Fen,
    why: Why<'_>,
    at: Timestamp,
) -> Result<Vec<Uuid>> {
    let mut payments = store::refundable(tx, order.village_id, order.id).await?;
    payments.sort_by_key(|(payment, ..)| Some(*payment) != why.from);
    let left: i64 = payments.iter().map(|(_, _, left)| left.0.max(0)).sum();
    if amount.0 > left || amount <= Fen::ZERO {
        let left = Fen(left);
        let message = text(
            format!("最多还能退 {left} 元。"),
            format!("At most {left} yuan can still be refunded."),
        );
        return Err(invalid("amount_fen", message));
    }
    let (mut rest, mut started) = (amount.0, Vec::new());
    for (payment, method, left) in payments {
        let part = rest.min(left.0);
        if part > 0 {
            rest -= part;
            started.push(start_one(tx, ids, order, (payment, method), Fen(part), why, at).await?);
        }
    }
    Ok(started)
}

async fn start_one(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    payment: (Uuid, Method),
    amount: Fen,
    why: Why<'_>,
    at: Timestamp,
) -> Result<Uuid> {
    let (payment_id, method) = payment;
    let started = refund_start(method).and_then(|event| RefundState::Agreed.next(event));
    let mut refund = Refund {
        id: ids.uuid(at),
        order_id: order.id,
        payment_id,
        amount_fen: amount,
        state: started.unwrap_or(RefundState::Agreed),
        cause: why.cause,
        reason: why.reason.to_owned(),
        reference: None,
        failure: None,
        proof: None,
        created_at: at,
        done_at: None,
    };
    // play money has no provider to wait for
    if method == Method::Practice && refund.state.next(RefundEvent::Succeed) == Some(RefundState::Done) {
        refund.state = RefundState::Done;
        refund.done_at = Some(at);
    }
    store::insert_refund(tx, order.village_id, &refund, why.asked_by).await?;
    if refund.state == RefundState::Done {
        store::add_refunded(tx, order.village_id, order.id, amount, at).await?;
    }
    Ok(refund.id)
}

/// Gives all of an order's money back that has not been given back yet; nothing when there is none.
pub async fn start_rest(tx: &mut Tx, ids: &Ids, order: &Order, why: Why<'_>, at: Timestamp) -> Result<()> {
    let payments = store::refundable(tx, order.village_id, order.id).await?;
    let left: i64 = payments.iter().map(|(_, _, left)| left.0.max(0)).sum();
    if left > 0 {
        start(tx, ids, order, Fen(left), why, at).await
    } else {
        Ok(())
    }
}
