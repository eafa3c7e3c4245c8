//! Staff edit an order that nobody has packed; the rules are in `orders/edit.rs`, and here is what they mean in money:
//!
//! - no dearer: done at once. What that makes too much of the money already paid goes back.
//! - dearer: a proposal, of which nothing is done until the buyer agrees; then everything is looked at again. Prices
//!   and freight are those that were proposed.
//! - dearer and paid: the order stays sold (its hold does not come back and does not end), and waits for payment until
//!   the difference has come in, by any way of paying that the shop takes.
//! - dearer, and money was given back before: refused, since what was paid then says nothing of what is paid now. The
//!   way out is a second order.
//!
//! An order has one open proposal at most: the next edit, and the order's end, decline it.

mod supply;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use self::supply::{Known, Locked, Taken};
use super::refund::{self, Why};
use super::{Cause, capture, store};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::{Problem, Result, conflict, not_found, text};
use crate::id::{Ids, parse_order_token};
use crate::links::store::board as links;
use crate::money::Fen;
use crate::orders::draft::{Address, Item, Recipient, check_items, check_note, check_recipient};
use crate::orders::edit::{self, Shape, Wish};
use crate::orders::store::changes::{self, Change, NewChange};
use crate::orders::store::{ending, promised, read};
use crate::orders::view::{self, OrderView};
use crate::orders::{ChangeState, Line, Order};
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::Json;
use crate::{outbox, stock, transact};

/// Hold ends that one edit takes care of on the way, so that nothing lapsed stands in its way.
const MAX_EXPIRED: i64 = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditOrder {
    /// the order's version that was looked at
    version: i64,
    reason: String,
    /// the whole recipient, when it changes
    recipient: Option<Recipient>,
    /// all items that the order is to have, when they change
    items: Option<Vec<Item>>,
    note: Option<String>,
}

fn check(input: &EditOrder) -> Result<(String, Wish)> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    let items = input.items.as_ref().map(|items| check_items(&mut check, items));
    let to = input
        .recipient
        .as_ref()
        .and_then(|to| check_recipient(&mut check, to));
    let note = input.note.as_ref().map(|note| check_note(&mut check, note));
    check.finish()?;
    Ok((reason, Wish { items, to, note }))
}

/// Edits an order, or proposes the edit to its buyer.
pub async fn edit(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<EditOrder>,
) -> Result<Json<OrderView>> {
    let (reason, wish) = check(&input)?;
    let seen = view::by_number(&db, &by, &number).await?;
    let wanted = wish.items.iter().flatten().map(|item| item.sku.clone());
    let known = Known::read(&db, &seen, wanted).await?;
    transact!(db, tx => {
        let order = lock(tx, &by.ids, &seen, input.version, by.at).await?;
        let locked = known.lock(tx, &order).await?;
        let after = edit::plan(&order, &known.lines, &wish, &locked.goods, &known.rules)?;
        edit_locked(tx, &by, &order, &known, &locked, &reason, after).await
    })?;
    view::load(&db, seen.village_id, seen.id, by.at).await.map(Json)
}

/// Makes a planned edit when the order gets no dearer, else proposes it; both are recorded.
async fn edit_locked(
    tx: &mut Tx,
    by: &By,
    order: &Order,
    known: &Known,
    locked: &Locked,
    reason: &str,
    mut after: Shape,
) -> Result<()> {
    let before = Shape::of(order, &known.lines);
    let delta = Fen(after.total_fen.0 - order.total_fen.0);
    let taken = locked.taken(&before, &after)?;
    changes::decline_open(tx, order.village_id, &[order.id]).await?;
    let (state, act) = if delta > Fen::ZERO {
        check_unrefunded(tx, order).await?;
        changes::next_version(tx, order, by.at).await?;
        (ChangeState::Proposed, "order.propose")
    } else {
        apply(
            tx,
            &by.ids,
            order,
            &before,
            &after,
            &taken,
            Some(by.staff.id),
            by.at,
        )
        .await?;
        after.pending = None;
        (ChangeState::Applied, "order.edit")
    };
    let version = order.version + 1;
    let new = NewChange {
        version,
        staff: by.staff.id,
        reason,
        before: &before,
        after: &after,
        delta,
        state,
    };
    changes::insert(tx, order, &new, by.at).await?;
    let was = json!({"version": order.version, "total_fen": order.total_fen});
    let is =
        json!({"version": version, "total_fen": after.total_fen, "fields": after.fields, "reason": reason});
    by.log(tx, act, &order.number, Some(was), Some(is)).await
}

/// The buyer agrees to a proposal: it is made, when stock, quotas and the order still allow it.
pub async fn agree(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path((token, version)): Path<(String, String)>,
) -> Result<Json<OrderView>> {
    let (order, change) = find(&db, &token, &version).await?;
    let at = clock.now();
    let after: Shape = serde_json::from_str(&change.after).map_err(anyhow::Error::from)?;
    let wanted = after.items.iter().map(|item| item.sku.clone());
    let known = Known::read(&db, &order, wanted).await?;
    transact!(db, tx => {
        ending::expire_due(tx, &ids, order.village_id, at, MAX_EXPIRED).await?;
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        if !changes::settle(tx, &order, change.version, ChangeState::Agreed).await? {
            return Ok(());
        }
        check_version(&order, change.version)?;
        check_editable(&order, at)?;
        check_unrefunded(tx, &order).await?;
        let locked = known.lock(tx, &order).await?;
        let before = Shape::of(&order, &known.lines);
        let taken = locked.taken(&before, &after)?;
        apply(tx, &ids, &order, &before, &after, &taken, None, at).await
    })?;
    settled(&db, &order, change.version, ChangeState::Agreed, at).await
}

/// The buyer declines a proposal: the order stays as it is.
pub async fn decline(
    State(db): State<Db>,
    State(clock): State<Clock>,
    Path((token, version)): Path<(String, String)>,
) -> Result<Json<OrderView>> {
    let (order, change) = find(&db, &token, &version).await?;
    let at = clock.now();
    transact!(db, tx => {
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        if changes::settle(tx, &order, change.version, ChangeState::Declined).await? {
            changes::next_version(tx, &order, at).await?;
        }
        Ok(())
    })?;
    settled(&db, &order, change.version, ChangeState::Declined, at).await
}

async fn find(db: &Db, token: &str, version: &str) -> Result<(Order, Change)> {
    let (village, id) = parse_order_token(token).ok_or_else(not_found)?;
    let version = version.parse().map_err(|_| not_found())?;
    let order = read::by_id(db, village, id).await?.ok_or_else(not_found)?;
    let change = changes::by_version(db, village, id, version).await?;
    Ok((order, change.ok_or_else(not_found)?))
}

/// The answer to a buyer, who may have tapped twice: fine when the proposal is now what they want it to be.
async fn settled(
    db: &Db,
    order: &Order,
    version: i64,
    wanted: ChangeState,
    at: Timestamp,
) -> Result<Json<OrderView>> {
    let change = changes::by_version(db, order.village_id, order.id, version).await?;
    if change.is_none_or(|change| change.state != wanted) {
        let detail = text(
            "这次修改已经处理过了，请刷新页面。",
            "This change has been settled already; please reload the page.",
        );
        return Err(conflict("change-settled", detail));
    }
    view::load(db, order.village_id, order.id, at).await.map(Json)
}

/// Locks the order for an edit by somebody who has seen `version` of it.
async fn lock(tx: &mut Tx, ids: &Ids, seen: &Order, version: i64, at: Timestamp) -> Result<Order> {
    ending::expire_due(tx, ids, seen.village_id, at, MAX_EXPIRED).await?;
    let order = read::lock(tx, seen.village_id, seen.id)
        .await?
        .ok_or_else(not_found)?;
    check_version(&order, version)?;
    // its lines were read before it was locked
    check_version(&order, seen.version)?;
    check_editable(&order, at)?;
    Ok(order)
}

fn check_version(order: &Order, seen: i64) -> Result<()> {
    if order.version == seen {
        return Ok(());
    }
    let detail = text(
        "订单刚刚被改过，请重新打开再改。",
        "The order was changed meanwhile; please look at it again.",
    );
    let problem = Problem::new(StatusCode::CONFLICT, "version-mismatch", detail);
    Err(problem.with("current", order.version).into())
}

fn check_editable(order: &Order, at: Timestamp) -> Result<()> {
    if order.packed > 0 {
        let detail = text(
            "已经开始打包，不能再改了。",
            "Packing has begun, it can't be changed.",
        );
        return Err(conflict("already-packed", detail));
    }
    if order.cancelled > 0 || order.has_lapsed(at) {
        let detail = text(
            "订单已经取消或过期，不能再改了；请重新下单。",
            "The order was cancelled or has expired; please place a new one.",
        );
        return Err(conflict("order-ended", detail));
    }
    Ok(())
}

/// Refuses to make an order dearer of whose money some went back, or is about to.
async fn check_unrefunded(tx: &mut Tx, order: &Order) -> Result<()> {
    let payments = store::refundable(tx, order.village_id, order.id).await?;
    let left: i64 = payments.iter().map(|(_, _, left)| left.0).sum();
    if left < order.captured_fen.0 {
        let detail = text(
            "这个订单退过款，不能再加价；请为多出的部分另下一单。",
            "Money of this order was refunded, so it can't get dearer; please place a second order for the rest.",
        );
        return Err(conflict("refunded-before", detail));
    }
    Ok(())
}

/// Adds freight that its buyer has just agreed to pay to a locked order, whose lines are these. Nothing else changes; what
/// is due now comes in as after any edit that was agreed to.
///
/// # Errors
/// 409 when money of the order was given back before.
pub async fn add_freight(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    lines: &[Line],
    extra: Fen,
    (reason, asked_by): (&str, Uuid),
    at: Timestamp,
) -> Result<()> {
    check_unrefunded(tx, order).await?;
    let before = Shape::of(order, lines);
    let mut after = Shape::of(order, lines);
    after.freight_fen = Fen(before.freight_fen.0 + extra.0);
    after.total_fen = Fen(before.total_fen.0 + extra.0);
    after.fields = vec!["freight_fen".to_owned()];
    let new = NewChange {
        version: order.version + 1,
        staff: asked_by,
        reason,
        before: &before,
        after: &after,
        delta: extra,
        state: ChangeState::Agreed,
    };
    changes::insert(tx, order, &new, at).await?;
    let nothing = Taken {
        stock: Vec::new(),
        skus: Vec::new(),
    };
    apply(tx, ids, order, &before, &after, &nothing, None, at).await
}

/// Makes an edit of a locked order, and settles what it means for money that was paid or was about to be.
#[expect(
    clippy::too_many_arguments,
    reason = "an edit, the order it is of, and who makes it when"
)]
async fn apply(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    before: &Shape,
    after: &Shape,
    taken: &Taken,
    asked_by: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    let village = order.village_id;
    let (less, more): (Vec<_>, Vec<_>) = taken.stock.iter().copied().partition(|(_, cases)| *cases < 0);
    stock::store::reserve(tx, village, &more).await?;
    let back: Vec<(Uuid, i64)> = less.into_iter().map(|(item, cases)| (item, -cases)).collect();
    stock::store::release(tx, village, &back).await?;
    if let Some(link) = order.link_id {
        let sold: Vec<_> = taken
            .skus
            .iter()
            .map(|(sku, cases)| (link, *sku, *cases))
            .collect();
        links::add_sold(tx, village, &sold).await?;
    }
    let kept: (Address, String) = match &after.pending {
        Some(pending) => (pending.to.clone(), pending.note.clone()),
        None => (order.address(), order.note.clone()),
    };
    changes::rewrite(tx, order, &before.items, after, (&kept.0, &kept.1), at).await?;
    let province = kept.0.region_code.get(..2).unwrap_or_default();
    if (after.cases() != order.ordered || province != order.province_code())
        && promised::renew(tx, order, after.cases(), province, true, "订单改过了", at).await?
    {
        let told = json!({"number": order.number, "token": order.token()});
        outbox::tell(tx, ids, village, at, "order.promise_changed", || {
            vec![told.to_string()]
        })
        .await?;
    }
    settle_money(tx, ids, order, after, asked_by, at).await?;
    let told = json!({"number": order.number, "token": order.token(), "total_fen": after.total_fen});
    outbox::tell(tx, ids, village, at, "order.changed", || vec![told.to_string()]).await
}

async fn settle_money(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    after: &Shape,
    asked_by: Option<Uuid>,
    at: Timestamp,
) -> Result<()> {
    if after.total_fen == order.total_fen {
        return Ok(());
    }
    // a payment that is open asks for the old amount; asking again opens one for what is due now
    store::close_open(tx, order.village_id, order.id, at).await?;
    if order.pay_before.is_some() {
        ending::hold_by_clock(tx, order.village_id, order.id).await?;
    }
    if order.captured_fen < order.total_fen && order.captured_fen >= after.total_fen {
        capture::covered(tx, ids, order, at).await?;
    }
    let payments = store::refundable(tx, order.village_id, order.id).await?;
    let left: i64 = payments.iter().map(|(_, _, left)| left.0.max(0)).sum();
    let surplus = edit::surplus(order.captured_fen, order.total_fen, after.total_fen);
    let back = Fen(surplus.0.min(left));
    if back > Fen::ZERO {
        let why = Why {
            asked_by,
            ..Why::rule(Cause::Edited, "订单改少了，多付的部分退回")
        };
        refund::start(tx, ids, order, back, why, at).await?;
    }
    Ok(())
}
