//! What follows when an order's money is not what it costs, or never came: the list of such orders, a surplus that goes
//! back, and a confirmed payment that is reversed by an entry of its own. Nothing is deleted or rewritten.
//!
//! A reversal takes the whole payment. Refunds of it that a person was to send are taken off the list, since there is
//! nothing to send. An order that is not covered any more waits for payment again and keeps its goods for a day; one
//! that is packed may not come to that.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::refund::{self, Why};
use super::store::told::{self as told_store, Uneven};
use super::store::{self};
use super::told::{SORTING_TIME, is_told, surplus};
use super::{Cause, Payment, RefundEvent, RefundState, State as PaymentState};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json as to_json};
use crate::error::{Error, Result, conflict, not_found, text};
use crate::money::{Fen, Method};
use crate::orders::store::{ending, read};
use crate::orders::view::{self, OrderView, by_number};
use crate::orders::{Hold, HoldEvent, Order};
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page, Paging};
use crate::{outbox, transact};

/// A live order that was paid too little or too much.
#[derive(Serialize, ToSchema)]
pub struct UnevenOrder {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// the order's number
    pub order: String,
    pub total_fen: Fen,
    /// what has come
    pub paid_fen: Fen,
    /// what has not come yet
    pub missing_fen: Fen,
    /// what is too much, and not on its way back
    pub surplus_fen: Fen,
    /// until when the goods are kept, while it waits for payment
    pub pay_before: Option<Timestamp>,
}

impl From<Uneven> for UnevenOrder {
    fn from(row: Uneven) -> Self {
        UnevenOrder {
            id: row.id,
            order: row.number,
            total_fen: row.total_fen,
            paid_fen: row.captured_fen,
            missing_fen: Fen((row.total_fen.0 - row.captured_fen.0).max(0)),
            surplus_fen: surplus(row.kept_fen, row.total_fen),
            pay_before: row.pay_before,
        }
    }
}

pub async fn uneven(
    State(db): State<Db>,
    by: By,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<UnevenOrder>>> {
    let limit = listing::limit(paging.limit)?;
    let before = listing::before(paging.after.as_deref())?;
    let rows = told_store::uneven(&db, by.staff.village, before, limit + 1).await?;
    let rows = rows.into_iter().map(UnevenOrder::from).collect();
    Ok(Json(Page::cut(rows, limit, |row: &UnevenOrder| {
        row.id.to_string()
    })))
}

/// What of an order's payments is neither back, nor on its way back, nor reversed.
async fn kept(tx: &mut Tx, order: &Order) -> Result<Fen> {
    let payments = store::refundable(tx, order.village_id, order.id).await?;
    Ok(Fen(payments.iter().map(|(_, _, left)| left.0).sum()))
}

/// Starts to give back what an order was paid too much.
pub async fn refund_surplus(State(db): State<Db>, by: By, Path(number): Path<String>) -> Result<Response> {
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        let worth = if order.cancelled < order.ordered { order.total_fen } else { Fen::ZERO };
        let amount = surplus(kept(tx, &order).await?, worth);
        if amount == Fen::ZERO {
            let detail = text("这个订单没有多付的钱。", "Nothing was paid too much for this order.");
            return Err(conflict("no-surplus", detail));
        }
        // what came last is what was too much
        let payments = store::refundable(tx, order.village_id, order.id).await?;
        let why = Why {
            from: payments.last().map(|(payment, ..)| *payment),
            ..Why::of_staff(Cause::Surplus, "多付的部分退回", by.staff.id)
        };
        refund::start(tx, &by.ids, &order, amount, why, by.at).await?;
        by.log(tx, "refund.start", &number, None, Some(json!({"amount_fen": amount, "cause": Cause::Surplus}))).await
    })?;
    let order = view::load(&db, order.village_id, order.id, by.at).await?;
    Ok((StatusCode::CREATED, Json(order)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reverse {
    reason: String,
}

/// Finds a payment that staff have confirmed, by the id in the path.
///
/// # Errors
/// 404 when there is none; 409 `not-confirmed` when nobody said that its money came.
pub async fn find(db: &Db, by: &By, id: &str) -> Result<Payment> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let payment = store::by_id(db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    if payment.state != PaymentState::Paid || !is_told(payment.method) {
        let detail = text(
            "只有人工确认过的收款才能冲销；别的请退款。",
            "Only a payment that staff have confirmed can be reversed; refund any other.",
        );
        return Err(conflict("not-confirmed", detail));
    }
    Ok(payment)
}

/// A payment was confirmed that never came.
pub async fn reverse(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<Reverse>,
) -> Result<Json<OrderView>> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let payment = find(&db, &by, &id).await?;
    transact!(db, tx => reverse_locked(tx, &by, &payment, &reason).await)?;
    view::load(&db, payment.village_id, payment.order_id, by.at)
        .await
        .map(Json)
}

async fn reverse_locked(tx: &mut Tx, by: &By, payment: &Payment, reason: &str) -> Result<()> {
    let order = read::lock(tx, payment.village_id, payment.order_id)
        .await?
        .ok_or_else(not_found)?;
    let refused = RefundState::ByHand
        .next(RefundEvent::Refuse)
        .unwrap_or(RefundState::Refused);
    // with this payment what is too much gets less or nothing
    let is_live = order.hold != Hold::Released;
    told_store::withdraw_refunds(tx, payment, is_live, refused).await?;
    match told_store::reverse(tx, payment, reason, (by.staff.id, by.at)).await {
        Err(error) if error.is_unique_violation() => return Err(reversed_before()),
        Err(error) if error.is_check_violation() => return Err(refunded_before()),
        done => done?,
    }
    let left = Fen(order.captured_fen.0 - payment.amount_fen.0);
    let mut hold = order.hold;
    // what went back as too much was none of it when this money never came: the order would be paid with what is gone
    if is_live && told_store::surplus_back(tx, &order).await? > surplus(left, order.total_fen) {
        return Err(refunded_before());
    }
    if is_live && left < order.total_fen {
        if kept(tx, &order).await? < left {
            return Err(refunded_before());
        }
        if order.method != Method::Cod {
            if order.packed > 0 {
                return Err(packed());
            }
            hold = hold.next(HoldEvent::Unsold).unwrap_or(hold);
        }
    }
    let until = (hold != order.hold).then(|| by.at.plus(SORTING_TIME));
    ending::uncapture(tx, &order, payment.amount_fen, (hold, until), by.at).await?;
    let before = json!({"captured_fen": order.captured_fen, "status": order.status()});
    let after = json!({"captured_fen": left, "payment": payment.id, "reason": reason});
    by.log(tx, "payment.reverse", &order.number, Some(before), Some(after))
        .await?;
    let told = || {
        let told = json!({"number": order.number, "token": order.token(), "paid_fen": left});
        vec![to_json(&told)]
    };
    outbox::tell(
        tx,
        &by.ids,
        order.village_id,
        by.at,
        "order.payment_reversed",
        told,
    )
    .await
}

fn reversed_before() -> Error {
    let detail = text(
        "这笔收款已经冲销过了。",
        "This payment has been reversed already.",
    );
    conflict("reversed-before", detail)
}

fn refunded_before() -> Error {
    let detail = text(
        "这个订单已经退过钱，不能再冲销；请先取消订单，再冲销没有到账的那笔。",
        "Money of this order has gone back, so this can't be reversed; cancel the order first, then reverse what never came.",
    );
    conflict("refunded-before", detail)
}

fn packed() -> Error {
    let detail = text(
        "订单已经打包，不能变回没付款：请先拆包；或者先确认真正到账的那笔（多收的一笔），再冲销这笔。",
        "It is packed, so it can't become unpaid: unpack it first, or first confirm the money that did come \
         (`as_surplus`), then reverse this.",
    );
    conflict("already-packed", detail)
}
