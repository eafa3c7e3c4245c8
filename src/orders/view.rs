//! An order as its buyer sees it, the same after placing and when read again.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::claims::ClaimView;
use super::decide::Accepted;
use super::draft::Draft;
use super::edit::Shape;
use super::late::LateView;
use super::promised::Promised;
use super::store::changes::{self, Change};
use super::store::{claims, late, read};
use super::{ChangeState, Facts, Hold, Line, Order, Status, is_number, status};
use crate::calendar::promise::{Dates, Promise};
use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::{Result, not_found};
use crate::id::{VillageId, order_token};
use crate::money::{Fen, Method};
use crate::villages::auth::By;

#[derive(Serialize, ToSchema)]
pub struct OrderView {
    pub number: String,
    pub token: String,
    pub status: Status,
    pub items: Vec<ItemView>,
    pub goods_fen: Fen,
    pub freight_fen: Fen,
    pub total_fen: Fen,
    pub payment_method: Method,
    pub placed_at: Timestamp,
    pub pay_before: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
    /// of an order that was paid in part: what has not come yet
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_fen: Option<Fen>,
    /// what was paid too much, and is not on its way back
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surplus_fen: Option<Fen>,
    /// what was seen, and counts once a second person has looked as well
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checking_fen: Option<Fen>,
    /// null when the village keeps no calendar, when there was no room within 60 days, and once the order has ended
    pub promise: Option<Dates>,
    /// why the promise is another one than at first
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise_reason: Option<String>,
    /// what is packed, and on its way
    pub parcels: Vec<ParcelView>,
    pub refunds: Vec<RefundView>,
    /// what the buyer says was wrong, and what has become of it
    pub claims: Vec<ClaimView>,
    /// counts the edits and their proposals; whoever changes an order names the one they have seen
    pub version: i64,
    pub changes: Vec<ChangeView>,
    /// when it can't arrive in time: what its buyer was asked, and the answer
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<LateView>,
}

/// An edit of the order by the shop. One that is `proposed` waits for the buyer to agree or decline.
#[derive(Serialize, ToSchema)]
pub struct ChangeView {
    pub version: i64,
    pub state: ChangeState,
    pub reason: String,
    /// what the order costs more, or below zero less
    pub delta_fen: Fen,
    /// the order's goods with this edit
    pub items: Vec<ChangedItem>,
    /// what the edit changes: `items`, `note`, `recipient.phone`, …
    pub fields: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ChangedItem {
    pub sku: String,
    pub title: String,
    /// cases
    pub quantity: i64,
    pub price_fen: Fen,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        let (items, fields) = match serde_json::from_str::<Shape>(&change.after) {
            Ok(after) => (after.items, after.fields),
            // a record that another version of this program has written: its money and state still stand
            Err(_) => (Vec::new(), Vec::new()),
        };
        ChangeView {
            version: change.version,
            state: change.state,
            reason: change.reason,
            delta_fen: change.delta_fen,
            items: items
                .into_iter()
                .map(|item| ChangedItem {
                    sku: item.sku,
                    title: item.title,
                    quantity: item.quantity,
                    price_fen: item.price_fen,
                })
                .collect(),
            fields,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct ItemView {
    pub sku: String,
    pub title: String,
    /// cases ordered
    pub quantity: i64,
    pub cancelled: i64,
    pub price_fen: Fen,
    pub goods_fen: Fen,
}

/// A parcel as its buyer sees it.
#[derive(Serialize, ToSchema)]
pub struct ParcelView {
    pub carrier: String,
    /// the carrier's number, once it has one
    pub waybill: Option<String>,
    pub status: ParcelStatus,
    /// cases of this order in it
    pub cases: i64,
    pub arrives_on: String,
    /// what the carrier has said, the newest first
    pub events: Vec<ParcelEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParcelStatus {
    Packed,
    Shipped,
    Delivered,
}

#[derive(Serialize, ToSchema)]
pub struct ParcelEvent {
    pub at: Timestamp,
    pub status: String,
    pub text: String,
}

fn parcel_views(rows: Vec<read::ParcelRow>, events: &[read::ParcelEventRow]) -> Vec<ParcelView> {
    let event = |row: &read::ParcelEventRow| ParcelEvent {
        at: row.at,
        status: row.status.clone(),
        text: row.text.clone(),
    };
    let view = |row: read::ParcelRow| ParcelView {
        status: match (row.handed_over_at, row.delivered_at) {
            (_, Some(_)) => ParcelStatus::Delivered,
            (Some(_), None) => ParcelStatus::Shipped,
            (None, None) => ParcelStatus::Packed,
        },
        events: events
            .iter()
            .filter(|event| event.parcel_id == row.id)
            .map(event)
            .collect(),
        carrier: row.carrier,
        waybill: row.waybill,
        cases: row.cases,
        arrives_on: row.arrives_on,
    };
    rows.into_iter().map(view).collect()
}

#[derive(Serialize, ToSchema)]
pub struct RefundView {
    pub amount_fen: Fen,
    pub state: String,
    pub reason: String,
    pub created_at: Timestamp,
    pub done_at: Option<Timestamp>,
}

impl OrderView {
    /// The view of an order that has just been committed, without reading it back.
    pub fn placed(
        id: Uuid,
        draft: &Draft,
        accepted: &Accepted,
        number: String,
        now: Timestamp,
        hold_ends: Option<Timestamp>,
    ) -> Self {
        let item = |line: &super::decide::AcceptedLine| {
            let offer = &draft.facts.offers[line.offer];
            ItemView {
                sku: offer.sku.clone(),
                title: offer.title.clone(),
                quantity: line.cases,
                cancelled: 0,
                price_fen: line.price,
                goods_fen: line.goods,
            }
        };
        let facts = Facts {
            ended_as: None,
            total_fen: accepted.total.0,
            captured_fen: 0,
            refunded_fen: 0,
            ordered: accepted.cases,
            cancelled: 0,
            packed: 0,
            shipped: 0,
            delivered: 0,
        };
        OrderView {
            number,
            token: order_token(draft.facts.village, id),
            status: status(&facts),
            items: accepted.lines.iter().map(item).collect(),
            goods_fen: accepted.goods,
            freight_fen: accepted.freight,
            total_fen: accepted.total,
            payment_method: draft.method,
            placed_at: now,
            pay_before: hold_ends,
            paid_at: (accepted.total == Fen::ZERO).then_some(now),
            missing_fen: None,
            surplus_fen: None,
            checking_fen: None,
            promise: accepted.promise.as_ref().map(Promise::dates),
            promise_reason: None,
            parcels: Vec::new(),
            refunds: Vec::new(),
            claims: Vec::new(),
            version: 1,
            changes: Vec::new(),
            late: None,
        }
    }

    fn of(
        order: &Order,
        lines: Vec<Line>,
        refunds: Vec<read::RefundRow>,
        changes: Vec<Change>,
        now: Timestamp,
    ) -> Self {
        // a hold past its end holds nothing, whether or not it has been swept
        let lapsed = order.has_lapsed(now);
        let promised = order.promised().filter(|_| !lapsed);
        let (missing_fen, surplus_fen) = uneven(order, &refunds);
        OrderView {
            number: order.number.clone(),
            token: order.token(),
            status: if lapsed { Status::Expired } else { order.status() },
            items: lines
                .into_iter()
                .map(|line| ItemView {
                    sku: line.sku,
                    title: line.title,
                    quantity: line.ordered,
                    cancelled: line.cancelled,
                    price_fen: line.price_fen,
                    goods_fen: line.goods_fen,
                })
                .collect(),
            goods_fen: order.goods_fen,
            freight_fen: order.freight_fen,
            total_fen: order.total_fen,
            payment_method: order.method,
            placed_at: order.placed_at,
            pay_before: order.pay_before(),
            paid_at: order.paid_at,
            missing_fen,
            surplus_fen,
            checking_fen: None,
            promise: promised.as_ref().map(Promised::dates),
            promise_reason: promised.and_then(|promised| promised.reason),
            parcels: Vec::new(),
            refunds: refunds
                .into_iter()
                .map(|refund| RefundView {
                    amount_fen: refund.amount_fen,
                    state: refund.state,
                    reason: refund.reason,
                    created_at: refund.created_at,
                    done_at: refund.done_at,
                })
                .collect(),
            claims: Vec::new(),
            version: order.version,
            changes: changes.into_iter().map(ChangeView::from).collect(),
            late: None,
        }
    }
}

/// What a live order was paid too little or too much. Money that is back, or on its way, is not too much any more.
fn uneven(order: &Order, refunds: &[read::RefundRow]) -> (Option<Fen>, Option<Fen>) {
    let missing = order.total_fen.0 - order.captured_fen.0;
    if order.cancelled == order.ordered || order.captured_fen == Fen::ZERO {
        return (None, None);
    }
    let given: i64 = refunds
        .iter()
        .filter(|refund| refund.state != "refused")
        .map(|refund| refund.amount_fen.0)
        .sum();
    let some = |fen: i64| (fen > 0).then_some(Fen(fen));
    (some(missing), some(-missing - given))
}

/// Reads an order as its buyer sees it.
///
/// # Errors
/// 404 when there is none.
pub async fn load(db: &Db, village: VillageId, id: Uuid, now: Timestamp) -> Result<OrderView> {
    load_with_order(db, village, id, now).await.map(|(_, view)| view)
}

/// The same with the order itself, for a page that shows more of it.
///
/// # Errors
/// 404 when there is none.
pub async fn load_with_order(
    db: &Db,
    village: VillageId,
    id: Uuid,
    now: Timestamp,
) -> Result<(Order, OrderView)> {
    let order = read::by_id(db, village, id).await?.ok_or_else(not_found)?;
    let lines = read::lines(db, village, &[id]).await?;
    let refunds = read::refunds(db, village, id).await?;
    let changes = changes::of_order(db, village, id).await?;
    let mut view = OrderView::of(&order, lines, refunds, changes, now);
    let question = late::latest(db, village, id).await?;
    view.late = question.map(|question| question.view(&order));
    if order.hold != Hold::Released {
        let checking = read::checking(db, village, id).await?;
        view.checking_fen = Some(checking).filter(|fen| *fen > Fen::ZERO);
    }
    // nothing else has been put into parcels
    if order.packed > 0 {
        let events = read::parcel_events(db, village, id).await?;
        view.parcels = parcel_views(read::parcels(db, village, id).await?, &events);
    }
    if order.shipped > 0 {
        view.claims = claims::of_order(db, village, id).await?;
    }
    Ok((order, view))
}

/// Finds a staff member's order by the number in the path.
pub async fn by_number(db: &Db, by: &By, number: &str) -> Result<Order> {
    if !is_number(number) {
        return Err(not_found());
    }
    read::by_number(db, by.staff.village, number)
        .await?
        .ok_or_else(not_found)
}
