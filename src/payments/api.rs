//! Paying, cancelling and refunding over HTTP.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::capture::{Received, capture};
use super::store::{self, Evidence, Refund};
use super::{Payment, RefundEvent, RefundState, State as PaymentState, practice, refund, transfer};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, PublicUrl};
use crate::db::Db;
use crate::error::{Result, conflict, invalid, not_found, text};
use crate::id::{Ids, parse_order_token};
use crate::money::{Fen, Method};
use crate::orders::store::{read, write};
use crate::orders::view::{self, OrderView, by_number};
use crate::orders::{Order, Status};
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPayment {
    method: Method,
}

/// What the buyer does next.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NextStep {
    Redirect {
        url: String,
        expires_at: Option<Timestamp>,
    },
    Instructions {
        text: String,
        expires_at: Option<Timestamp>,
    },
}

/// Opens a payment for an order, or gives the one that is open.
pub async fn open(
    State(db): State<Db>,
    State(config): State<Arc<Config>>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    State(PublicUrl(public_url)): State<PublicUrl>,
    Path(token): Path<String>,
    Json(input): Json<OpenPayment>,
) -> Result<Json<NextStep>> {
    let (village, id) = parse_order_token(&token).ok_or_else(not_found)?;
    if !config.payments.contains(&input.method) {
        return Err(invalid(
            "method",
            text(
                "本店不支持这种付款方式。",
                "The shop does not take this way of paying.",
            ),
        ));
    }
    let now = clock.now();
    let payment_id = ids.uuid(now);
    let (order, payment) = transact!(db, tx => {
        let order = read::lock(tx, village, id).await?.ok_or_else(not_found)?;
        check_payable(&order, now)?;
        let due = Fen(order.total_fen.0 - order.captured_fen.0);
        let payment = store::open(tx, village, payment_id, id, input.method, due, now).await?;
        Ok((order, payment))
    })?;
    let expires_at = order.pay_before();
    Ok(Json(match input.method {
        Method::Practice => NextStep::Redirect {
            url: format!("{public_url}{}", practice::path(&payment)),
            expires_at,
        },
        Method::Cod => NextStep::Instructions {
            text: "货到付款：收货时把货款交给快递员。".into(),
            expires_at,
        },
        _ => {
            let account = store::account(&db, village).await?;
            NextStep::Instructions {
                text: transfer::instructions(&account, &order.number, payment.amount_fen),
                expires_at,
            }
        }
    }))
}

fn check_payable(order: &Order, now: Timestamp) -> Result<()> {
    let lapsed = order.pay_before().is_some_and(|end| end <= now);
    match order.status() {
        Status::Expired => Err(expired()),
        _ if lapsed => Err(expired()),
        Status::Cancelled | Status::Refunded => Err(conflict(
            "cancelled",
            text(
                "订单已经取消，请重新下单。",
                "The order was cancelled; please order again.",
            ),
        )),
        _ if order.captured_fen >= order.total_fen => Err(conflict(
            "already-paid",
            text("订单已经付过款了。", "The order has been paid already."),
        )),
        _ => Ok(()),
    }
}

fn expired() -> crate::error::Error {
    conflict(
        "expired",
        text(
            "付款时间已过，请重新下单。",
            "The time to pay is over; please order again.",
        ),
    )
}

/// The buyer's cancel: unpaid, the stock is free at once; paid and unpacked, the money starts on its way back.
pub async fn cancel(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path(token): Path<String>,
) -> Result<Json<OrderView>> {
    let (village, id) = parse_order_token(&token).ok_or_else(not_found)?;
    let now = clock.now();
    transact!(db, tx => {
        let order = read::lock(tx, village, id).await?.ok_or_else(not_found)?;
        cancel_order(tx, &ids, &order, "买家取消订单", None, now).await
    })?;
    view::load(&db, village, id, now).await.map(Json)
}

/// Cancels an order that nobody has packed; one that has ended stays as it is.
pub async fn cancel_order(
    tx: &mut crate::db::Tx,
    ids: &Ids,
    order: &Order,
    reason: &str,
    asked_by: Option<Uuid>,
    now: Timestamp,
) -> Result<()> {
    if order.cancelled == order.ordered {
        return Ok(());
    }
    if write::cancel(tx, order.village_id, order.id, now)
        .await?
        .is_none()
    {
        let detail = text(
            "已经开始打包，不能取消了；请联系店家。",
            "Packing has begun, it can't be cancelled; please contact the shop.",
        );
        return Err(conflict("already-packed", detail));
    }
    refund::start_rest(tx, ids, order, reason, asked_by, now).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPayment {
    /// the collective's account that the money went to; never a person's
    received_into: String,
    amount_fen: Fen,
    /// what the bank or the cash book says: a serial, a receipt number
    reference: String,
}

/// Staff have seen the money of a transfer (or cash on delivery).
pub async fn confirm(
    State(db): State<Db>,
    State(clock): State<Clock>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<ConfirmPayment>,
) -> Result<Json<OrderView>> {
    let mut check = Check::new();
    let received_into = check.line("received_into", &input.received_into, 1, 80);
    let reference = check.line("reference", &input.reference, 1, 80);
    check.number("amount_fen", input.amount_fen.0, 1, crate::money::MAX_FEN);
    check.finish()?;
    let order = by_number(&db, &by, &number).await?;
    let method = if order.method == Method::Cod {
        Method::Cod
    } else {
        Method::Transfer
    };
    let payment = Payment {
        village_id: order.village_id,
        id: by.new_id(),
        order_id: order.id,
        method,
        state: PaymentState::Paid,
        amount_fen: input.amount_fen,
        received_into: Some(received_into.clone()),
        reference: Some(reference.clone()),
        created_at: by.at,
        paid_at: Some(by.at),
    };
    let evidence = Evidence {
        received_into: Some(received_into.clone()),
        reference: Some(reference.clone()),
        confirmed_by: Some(by.staff.id),
    };
    transact!(db, tx => {
        let now = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        if now.captured_fen >= now.total_fen && now.cancelled < now.ordered {
            return Err(conflict("already-paid", text("订单已经付过款了。", "The order has been paid already.")));
        }
        let told = Received::Told { order: order.id, payment: payment.clone(), evidence: evidence.clone() };
        capture(tx, &by.ids, order.village_id, told, by.at).await?;
        let after = json!({"amount_fen": input.amount_fen, "received_into": received_into, "reference": reference});
        by.log(tx, "payment.confirm", &number, Some(json!({"captured_fen": now.captured_fen})), Some(after)).await
    })?;
    view::load(&db, order.village_id, order.id, clock.now())
        .await
        .map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRefund {
    amount_fen: Fen,
    reason: String,
}

/// Staff give money back; the order itself stays as it is.
pub async fn start_refund(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<StartRefund>,
) -> Result<Response> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.number("amount_fen", input.amount_fen.0, 1, crate::money::MAX_FEN);
    check.finish()?;
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        refund::start(tx, &by.ids, &order, input.amount_fen, &reason, Some(by.staff.id), by.at).await?;
        let after = json!({"amount_fen": input.amount_fen, "reason": reason});
        by.log(tx, "refund.start", &number, None, Some(after)).await
    })?;
    let order = view::load(&db, order.village_id, order.id, by.at).await?;
    Ok((StatusCode::CREATED, Json(order)).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelByStaff {
    reason: String,
}

/// Staff cancel for a buyer.
pub async fn cancel_by_staff(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<CancelByStaff>,
) -> Result<Json<OrderView>> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        cancel_order(tx, &by.ids, &order, &reason, Some(by.staff.id), by.at).await?;
        let before = json!({"status": order.status()});
        by.log(tx, "order.cancel", &number, Some(before), Some(json!({"reason": reason}))).await
    })?;
    view::load(&db, order.village_id, order.id, by.at).await.map(Json)
}

#[derive(Serialize, ToSchema)]
pub struct RefundRow {
    #[schema(value_type = String)]
    id: Uuid,
    amount_fen: Fen,
    state: RefundState,
    reason: String,
    reference: Option<String>,
    created_at: Timestamp,
    done_at: Option<Timestamp>,
}

impl From<Refund> for RefundRow {
    fn from(refund: Refund) -> Self {
        let Refund {
            id,
            amount_fen,
            state,
            reason,
            reference,
            created_at,
            done_at,
            order_id: _,
            payment_id: _,
        } = refund;
        RefundRow {
            id,
            amount_fen,
            state,
            reason,
            reference,
            created_at,
            done_at,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundQuery {
    #[serde(default)]
    open: bool,
    limit: Option<i64>,
    after: Option<String>,
}

pub async fn refunds(
    State(db): State<Db>,
    by: By,
    Query(query): Query<RefundQuery>,
) -> Result<Json<Page<RefundRow>>> {
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let rows = store::refunds(&db, by.staff.village, query.open, before, limit + 1).await?;
    let rows = rows.into_iter().map(RefundRow::from).collect();
    Ok(Json(Page::cut(rows, limit, |row: &RefundRow| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundDone {
    /// the bank's serial or receipt number
    reference: String,
}

/// A person has sent the money back by hand.
pub async fn refund_done(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<RefundDone>,
) -> Result<Json<RefundRow>> {
    let mut check = Check::new();
    let reference = check.line("reference", &input.reference, 1, 80);
    check.finish()?;
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    let refund = store::refund(&db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    if refund.state.next(RefundEvent::Succeed) != Some(RefundState::Done)
        || refund.state != RefundState::ByHand
    {
        return Err(conflict(
            "not-by-hand",
            text(
                "这笔退款不需要手工处理。",
                "This refund is not one to do by hand.",
            ),
        ));
    }
    transact!(db, tx => {
        if !store::finish_refund(tx, by.staff.village, &refund, &reference, by.at).await? {
            return Err(conflict("not-by-hand", text("这笔退款已经处理过了。", "This refund has been dealt with.")));
        }
        let after = json!({"reference": reference, "amount_fen": refund.amount_fen});
        by.log(tx, "refund.done", &id.to_string(), None, Some(after)).await
    })?;
    let done = store::refund(&db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    Ok(Json(done.into()))
}
