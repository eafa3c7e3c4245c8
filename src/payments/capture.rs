//! Money has come: what becomes of the order. One place for every way of paying.
//!
//! - the order waits: when it is covered, its hold becomes a sale; a part payment is kept and the rest still due;
//! - more came than was due, or the order was paid already: what a provider brought goes back, and of what staff have
//!   seen themselves they decide, see `reverse.rs`;
//! - the order expired: its cases are reserved again if they are there, else it stays unfilled and the money goes back;
//! - the order was cancelled: the money goes back.

use uuid::Uuid;

use super::refund::{self, Why};
use super::store::{self, Evidence};
use super::{Cause, Event, Payment};
use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::{Result, conflict, not_found, text};
use crate::id::{Ids, VillageId};
use crate::money::Fen;
use crate::orders::store::{ending, read};
use crate::orders::{Ended, Hold, HoldEvent, Order};
use crate::outbox;

/// Money that has come for an order.
pub enum Received {
    /// through a payment that was opened before
    Opened(Payment),
    /// told by staff, with what they saw
    Told {
        order: Uuid,
        payment: Payment,
        evidence: Evidence,
    },
}

/// Takes money in and settles the order it is for.
///
/// # Errors
/// 404 for an order that is gone; 409 `already-paid` when this very payment has been captured before.
pub async fn capture(
    tx: &mut Tx,
    ids: &Ids,
    village: VillageId,
    received: Received,
    at: Timestamp,
) -> Result<()> {
    let (order_id, came) = match &received {
        Received::Opened(payment) => (payment.order_id, (payment.id, payment.amount_fen)),
        Received::Told { order, payment, .. } => (*order, (payment.id, payment.amount_fen)),
    };
    let order = read::lock(tx, village, order_id).await?.ok_or_else(not_found)?;
    if order.hold == Hold::Released && order.captured_fen > Fen::ZERO {
        let why = Why::rule(Cause::Ended, "订单失效前付的部分退回");
        refund::start_rest(tx, ids, &order, why, at).await?;
    }
    let by_staff = matches!(received, Received::Told { .. });
    match received {
        Received::Opened(payment) => {
            let paid = payment.state.next(Event::MoneyCame).ok_or_else(already_paid)?;
            if !store::set_state(tx, village, payment.id, payment.state, paid, Some(at)).await? {
                return Err(already_paid());
            }
        }
        Received::Told {
            payment, evidence, ..
        } => store::insert_paid(tx, &payment, &evidence).await?,
    }
    settle(tx, ids, &order, came, by_staff, at).await
}

fn already_paid() -> crate::error::Error {
    conflict(
        "already-paid",
        text("这笔款已经收过了。", "This payment has been received already."),
    )
}

/// `came` is the payment and its amount.
async fn settle(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    came: (Uuid, Fen),
    by_staff: bool,
    at: Timestamp,
) -> Result<()> {
    let (payment, amount) = came;
    let village = order.village_id;
    let captured = Fen(order.captured_fen.0.saturating_add(amount.0));
    // what an ended order was paid before has gone back, and pays for nothing when it comes to life again
    let gone = match order.hold {
        Hold::Released => order.captured_fen,
        Hold::Active | Hold::Consumed => Fen::ZERO,
    };
    let covered = captured.0 - gone.0 >= order.total_fen.0;
    let keeps = match (order.hold, order.ended_as) {
        (Hold::Active | Hold::Consumed, _) => true,
        (Hold::Released, Some(Ended::Expired)) if covered => ending::revive(tx, order, at).await?,
        (Hold::Released, _) => false,
    };
    let sold = keeps && covered;
    let hold = if sold {
        order.hold.next(HoldEvent::Sold).unwrap_or(order.hold)
    } else {
        order.hold
    };
    store::add_captured(tx, village, order.id, amount, hold, sold.then_some(at), at).await?;
    if keeps {
        // they ask for what was due before; whoever pays the rest opens one for the rest
        store::close_open(tx, village, order.id, at).await?;
        if order.pay_before.is_some() {
            ending::hold_by_clock(tx, village, order.id).await?;
        }
    }
    if keeps && covered {
        // a payment that was opened before an edit may bring what was due then
        let beyond = |captured: Fen| (captured.0 - gone.0 - order.total_fen.0).max(0);
        let surplus = Fen(beyond(captured) - beyond(order.captured_fen));
        if surplus > Fen::ZERO && !by_staff {
            let why = Why {
                from: Some(payment),
                ..Why::rule(Cause::Surplus, "多付的部分退回")
            };
            refund::start(tx, ids, order, surplus, why, at).await?;
        }
        tell_paid(tx, ids, order, captured, at).await?;
    } else if !keeps {
        return_late(tx, ids, order, came, covered, at).await?;
    }
    Ok(())
}

/// Money for an order that has ended and can't be had any more goes back.
async fn return_late(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    (payment, amount): (Uuid, Fen),
    covered: bool,
    at: Timestamp,
) -> Result<()> {
    let (cause, reason) = match order.ended_as {
        Some(Ended::Cancelled) => (Cause::Cancelled, "订单已经取消，付款全额退回"),
        _ if covered => (Cause::PaidUnfillable, "付款时订单已经失效，货也没有了，全额退回"),
        _ => (Cause::Ended, "付款时订单已经失效，全额退回"),
    };
    let why = Why {
        from: Some(payment),
        ..Why::rule(cause, reason)
    };
    refund::start(tx, ids, order, amount, why, at).await?;
    let event = || {
        let event = serde_json::json!({"number": order.number, "token": order.token(), "paid_fen": amount, "cause": cause});
        vec![json(&event)]
    };
    outbox::tell(tx, ids, order.village_id, at, "order.paid_unfillable", event).await
}

/// An edit has made an order so much cheaper that what was paid of it suffices: it is sold.
pub async fn covered(tx: &mut Tx, ids: &Ids, order: &Order, at: Timestamp) -> Result<()> {
    let hold = order.hold.next(HoldEvent::Sold).unwrap_or(order.hold);
    store::add_captured(tx, order.village_id, order.id, Fen::ZERO, hold, Some(at), at).await?;
    tell_paid(tx, ids, order, order.captured_fen, at).await
}

async fn tell_paid(tx: &mut Tx, ids: &Ids, order: &Order, paid: Fen, at: Timestamp) -> Result<()> {
    let body = || {
        let event = serde_json::json!({"number": order.number, "token": order.token(), "paid_fen": paid});
        vec![json(&event)]
    };
    outbox::tell(tx, ids, order.village_id, at, "order.paid", body).await
}
