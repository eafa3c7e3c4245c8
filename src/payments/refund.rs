//! Money back: the decision is a row of its own, made with who and why; carrying it out follows.

use uuid::Uuid;

use super::store::{self, Refund};
use super::{RefundEvent, RefundState, refund_start};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Result, invalid, text};
use crate::id::Ids;
use crate::money::{Fen, Method};
use crate::orders::Order;

/// Decides to give `amount` of an order's money back and starts doing so, over as many of its payments as it takes,
/// the oldest first. Refunds under way count against what can be refunded.
///
/// # Errors
/// 422 when the order's payments have less left than that.
pub async fn start(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    amount: Fen,
    reason: &str,
    asked_by: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    let payments = store::refundable(tx, order.village_id, order.id).await?;
    let left: i64 = payments.iter().map(|(_, _, left)| left.0.max(0)).sum();
    if amount.0 > left || amount <= Fen::ZERO {
        let left = Fen(left);
        let message = text(
            format!("最多还能退 {left} 元。"),
            format!("At most {left} yuan can still be refunded."),
        );
        return Err(invalid("amount_fen", message));
    }
    let mut rest = amount.0;
    for (payment, method, left) in payments {
        let part = rest.min(left.0);
        if part > 0 {
            rest -= part;
            start_one(tx, ids, order, (payment, method), Fen(part), reason, asked_by, at).await?;
        }
    }
    Ok(())
}

#[expect(
    clippy::too_many_arguments,
    reason = "one refund row has this many independent columns"
)]
async fn start_one(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    payment: (Uuid, Method),
    amount: Fen,
    reason: &str,
    asked_by: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    let (payment_id, method) = payment;
    let started = RefundState::Agreed.next(refund_start(method));
    let mut refund = Refund {
        id: ids.uuid(at),
        order_id: order.id,
        payment_id,
        amount_fen: amount,
        state: started.unwrap_or(RefundState::ByHand),
        reason: reason.to_owned(),
        reference: None,
        created_at: at,
        done_at: None,
    };
    // play money has no provider to wait for
    if method == Method::Practice && refund.state.next(RefundEvent::Succeed) == Some(RefundState::Done) {
        refund.state = RefundState::Done;
        refund.done_at = Some(at);
    }
    store::insert_refund(tx, order.village_id, &refund, asked_by).await?;
    if refund.state == RefundState::Done {
        store::add_refunded(tx, order.village_id, order.id, amount, at).await?;
    }
    Ok(())
}

/// Gives all of an order's money back that has not been given back yet; nothing when there is none.
pub async fn start_rest(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    reason: &str,
    asked_by: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    let payments = store::refundable(tx, order.village_id, order.id).await?;
    let left: i64 = payments.iter().map(|(_, _, left)| left.0.max(0)).sum();
    if left > 0 {
        start(tx, ids, order, Fen(left), reason, asked_by, at).await
    } else {
        Ok(())
    }
}
