//! Staff confirm money that they have seen: a transfer, cash on delivery. What one person alone may confirm of an order
//! has a limit; beyond it nothing counts until a second person agrees.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::capture::{Received, capture};
use super::store::Evidence;
use super::store::told::{self as told_store, Confirmation, New};
use super::told::{Channel, SORTING_TIME, Told, needs_second};
use super::{Payment, State as PaymentState};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::{Error, Result, conflict, not_found, text};
use crate::money::{Fen, Method};
use crate::orders::Order;
use crate::orders::store::{ending, read};
use crate::orders::view::{self, OrderView, by_number};
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPayment {
    /// the collective's account that the money went to; never a person's
    received_into: String,
    amount_fen: Fen,
    /// what the bank or the cash book says: a serial, a receipt number
    reference: String,
    /// how it came
    channel: Option<Channel>,
    /// when it came there, as the bank says; not after now
    received_at: Option<Timestamp>,
    note: Option<String>,
    /// takes money for an order that is paid already: a second transfer, to be given back
    #[serde(default)]
    as_surplus: bool,
}

/// What was confirmed, checked.
struct Seen {
    amount: Fen,
    received_into: String,
    reference: String,
    channel: Option<Channel>,
    received_at: Option<Timestamp>,
    note: Option<String>,
}

impl ConfirmPayment {
    fn check(&self, now: Timestamp) -> Result<Seen> {
        let mut check = Check::new();
        let received_into = check.line("received_into", &self.received_into, 1, 80);
        let reference = check.line("reference", &self.reference, 1, 80);
        check.number("amount_fen", self.amount_fen.0, 1, crate::money::MAX_FEN);
        let note = self.note.as_ref().map(|note| check.line("note", note, 0, 200));
        check.require(
            self.received_at.is_none_or(|at| at <= now),
            "received_at",
            text("到账时间不能晚于现在。", "Money can't come later than now."),
        );
        check.finish()?;
        Ok(Seen {
            amount: self.amount_fen,
            received_into,
            reference,
            channel: self.channel,
            received_at: self.received_at,
            note: note.filter(|note| !note.is_empty()),
        })
    }
}

impl Seen {
    fn log(&self) -> Value {
        json!({"amount_fen": self.amount, "received_into": self.received_into, "reference": self.reference,
               "channel": self.channel, "received_at": self.received_at, "note": self.note})
    }

    /// The confirmation of one member of staff; `limit` when a second one has to agree.
    fn row<'a>(&'a self, by: &By, order: &'a Order, limit: Option<Fen>) -> New<'a> {
        New {
            id: by.new_id(),
            order,
            method: told_method(order),
            amount: self.amount,
            received_into: &self.received_into,
            reference: &self.reference,
            channel: self.channel,
            received_at: self.received_at,
            note: self.note.as_deref(),
            confirmed_by: by.staff.id,
            limit,
        }
    }
}

fn told_method(order: &Order) -> Method {
    if order.method == Method::Cod {
        Method::Cod
    } else {
        Method::Transfer
    }
}

/// Staff have seen the money of a transfer (or cash on delivery).
pub async fn confirm(
    State(db): State<Db>,
    State(clock): State<Clock>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<ConfirmPayment>,
) -> Result<Json<OrderView>> {
    let seen = input.check(by.at)?;
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let now = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        if now.captured_fen >= now.total_fen && now.cancelled < now.ordered && !input.as_surplus {
            return Err(already_paid());
        }
        let before = json!({"captured_fen": now.captured_fen});
        let (limit, alone) = told_store::limit(tx, &now).await?;
        if needs_second(limit, alone, seen.amount) {
            wait(tx, &by, &now, &seen, limit).await?;
            return by.log(tx, "payment.confirm_first", &number, Some(before), Some(seen.log())).await;
        }
        let payment = count(tx, &by, &now, &seen, by.staff.id).await?;
        store(tx, &seen.row(&by, &now, None), Some(payment), by.at).await?;
        by.log(tx, "payment.confirm", &number, Some(before), Some(seen.log())).await
    })?;
    view::load(&db, order.village_id, order.id, clock.now())
        .await
        .map(Json)
}

fn already_paid() -> Error {
    let detail = text(
        "订单已经付过款了；如果又收到一笔，请选“多收的一笔”。",
        "The order has been paid already; if more money has come, confirm it with `as_surplus`.",
    );
    conflict("already-paid", detail)
}

/// Notes a confirmation that a second person has to agree to; the goods are kept meanwhile.
async fn wait(tx: &mut Tx, by: &By, order: &Order, seen: &Seen, limit: Fen) -> Result<()> {
    store(tx, &seen.row(by, order, Some(limit)), None, by.at).await?;
    ending::keep_until(tx, order, by.at.plus(SORTING_TIME)).await
}

async fn store(tx: &mut Tx, new: &New<'_>, payment: Option<Uuid>, at: Timestamp) -> Result<()> {
    match told_store::insert(tx, new, payment, at).await {
        Err(error) if error.is_unique_violation() => {
            let detail = text(
                "这笔款（同样的金额和凭证号）已经有人确认过了。",
                "This money (the same amount and reference) has been confirmed already.",
            );
            let name = if payment.is_some() {
                "confirmed-before"
            } else {
                "waits-already"
            };
            Err(conflict(name, detail))
        }
        stored => stored,
    }
}

/// Takes what was seen as a payment of its order; gives its id.
async fn count(tx: &mut Tx, by: &By, order: &Order, seen: &Seen, confirmed_by: Uuid) -> Result<Uuid> {
    let payment = Payment {
        village_id: order.village_id,
        id: by.new_id(),
        order_id: order.id,
        method: told_method(order),
        state: PaymentState::Paid,
        amount_fen: seen.amount,
        received_into: Some(seen.received_into.clone()),
        reference: Some(seen.reference.clone()),
        created_at: by.at,
        paid_at: Some(by.at),
    };
    let id = payment.id;
    let evidence = Evidence {
        received_into: payment.received_into.clone(),
        reference: payment.reference.clone(),
        confirmed_by: Some(confirmed_by),
    };
    let told = Received::Told {
        order: order.id,
        payment,
        evidence,
    };
    capture(tx, &by.ids, order.village_id, told, by.at).await?;
    Ok(id)
}

#[derive(Serialize, ToSchema)]
pub struct ConfirmationRow {
    #[schema(value_type = String)]
    id: Uuid,
    /// the order's number
    order: String,
    state: Told,
    method: Method,
    amount_fen: Fen,
    received_into: String,
    reference: String,
    channel: Option<Channel>,
    received_at: Option<Timestamp>,
    note: Option<String>,
    /// the login of who saw the money
    confirmed_by: String,
    confirmed_at: Timestamp,
    /// the login of the second person, who agreed; of one that was taken back, of who did that
    settled_by: Option<String>,
    settled_at: Option<Timestamp>,
    /// the payment that it is, once it counts
    #[schema(value_type = Option<String>)]
    payment: Option<Uuid>,
    /// why that payment was reversed
    reversed: Option<String>,
}

impl From<Confirmation> for ConfirmationRow {
    fn from(row: Confirmation) -> Self {
        ConfirmationRow {
            id: row.id,
            order: row.number,
            state: row.state,
            method: row.method,
            amount_fen: row.amount_fen,
            received_into: row.received_into,
            reference: row.reference,
            channel: row.channel,
            received_at: row.received_at,
            note: row.note,
            confirmed_by: row.confirmer,
            confirmed_at: row.confirmed_at,
            settled_by: row.settler,
            settled_at: row.settled_at,
            payment: row.payment_id,
            reversed: row.reversed,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationQuery {
    #[serde(default)]
    waiting: bool,
    limit: Option<i64>,
    after: Option<String>,
}

pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(query): Query<ConfirmationQuery>,
) -> Result<Json<Page<ConfirmationRow>>> {
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let rows = told_store::confirmations(&db, by.staff.village, query.waiting, before, limit + 1).await?;
    let rows = rows.into_iter().map(ConfirmationRow::from).collect();
    Ok(Json(Page::cut(rows, limit, |row: &ConfirmationRow| {
        row.id.to_string()
    })))
}

/// Finds a confirmation of the caller's village by the id in the path.
///
/// # Errors
/// 404 when there is none.
pub async fn find(db: &Db, by: &By, id: &str) -> Result<Confirmation> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let found = told_store::confirmation(db, by.staff.village, id).await?;
    found.ok_or_else(not_found)
}

/// A second person has looked as well: the money counts.
pub async fn agree(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Json<ConfirmationRow>> {
    let told = find(&db, &by, &id).await?;
    let village = by.staff.village;
    let seen = Seen {
        amount: told.amount_fen,
        received_into: told.received_into.clone(),
        reference: told.reference.clone(),
        channel: told.channel,
        received_at: told.received_at,
        note: told.note.clone(),
    };
    transact!(db, tx => {
        let order = read::lock(tx, village, told.order_id).await?.ok_or_else(not_found)?;
        let payment = count(tx, &by, &order, &seen, told.confirmed_by).await?;
        match told_store::settle(tx, village, told.id, Some(payment), (by.staff.id, by.at)).await {
            Err(error) if error.is_check_violation() => return Err(same_person()),
            settled => if !settled? { return Err(settled_before()) },
        }
        let before = json!({"captured_fen": order.captured_fen, "confirmed_by": told.confirmer});
        by.log(tx, "payment.confirm", &told.number, Some(before), Some(seen.log())).await
    })?;
    find(&db, &by, &id).await.map(|row| Json(row.into()))
}

fn same_person() -> Error {
    let detail = text(
        "这笔款是您自己确认的，要由另一个人核对；弄错了可以撤回。",
        "You confirmed this money yourself; another person has to agree. You can take it back if it was wrong.",
    );
    conflict("second-person", detail)
}

fn settled_before() -> Error {
    let detail = text(
        "这笔确认已经处理过了，请刷新后再看。",
        "This confirmation has been dealt with; please look again.",
    );
    conflict("settled-before", detail)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeBack {
    reason: String,
}

/// Whoever confirmed it, or the second person, gives a confirmation up that does not count yet.
pub async fn take_back(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<TakeBack>,
) -> Result<Json<ConfirmationRow>> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let told = find(&db, &by, &id).await?;
    transact!(db, tx => {
        if !told_store::settle(tx, by.staff.village, told.id, None, (by.staff.id, by.at)).await? {
            return Err(settled_before());
        }
        let before = json!({"amount_fen": told.amount_fen, "confirmed_by": told.confirmer});
        by.log(tx, "payment.take_back", &told.number, Some(before), Some(json!({"reason": reason}))).await
    })?;
    find(&db, &by, &id).await.map(|row| Json(row.into()))
}
