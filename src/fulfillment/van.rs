//! The carrier's van: what is packed goes, and leaves the stock; what is not stays. Taking back undoes all of it as long
//! as the van has not gone.

use axum::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::Event;
use super::batches::{BatchAct, Outcome, Work, held, result, settle, step};
use super::commit::batch_number;
use super::packing::cases_of;
use super::store::batches::{self, NewBatch};
use super::store::lines::{self, Count};
use super::store::parcels::{self, Parcel};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Problem, Result, conflict, text};
use crate::id::VillageId;
use crate::outbox;
use crate::stock::{self, Pick};
use crate::villages::auth::By;

/// Hands a batch's packed parcels to the carrier, whatever is not held. Parcels that are not packed go back into the
/// backlog; packed ones that something holds, and those with a waybill, stay in a batch of their own.
///
/// # Errors
/// 409 `batch-state`; `nothing-packed`; `stock-too-low` when a lot has less than was packed of it.
pub async fn hand_over(tx: &mut Tx, by: &By, id: Uuid) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 1).await?;
    let village = by.staff.village;
    step(tx, by, &work.batch, Event::HandOver).await?;
    let (mut going, mut staying, mut results) = (Vec::new(), Vec::new(), Vec::new());
    for parcel in &work.parcels {
        let holds = work.holds(parcel);
        let packed = parcel.packed_at.is_some();
        if packed && holds.is_empty() {
            going.push(parcel);
            results.push(result(&parcel.code, Outcome::Done));
        } else {
            staying.push(parcel);
            let why = if holds.is_empty() {
                result(&parcel.code, Outcome::LeftBehind)
            } else {
                held(&parcel.code, parcel, holds)
            };
            results.push(why);
        }
    }
    if going.is_empty() {
        let detail = text(
            "还没有打包好的包裹可以交接。",
            "Nothing is packed that could be handed over.",
        );
        return Err(Problem::new(StatusCode::CONFLICT, "nothing-packed", detail).into());
    }
    let rest = leave_behind(tx, by, &work, &staying).await?;
    let ids: Vec<Uuid> = going.iter().map(|parcel| parcel.id).collect();
    let picks = picks(tx, by, &ids).await?;
    stock::store::ship(tx, village, &picks, by.at, &by.ids, Some(by.staff.id)).await?;
    parcels::set_handed_over(tx, village, &ids, Some(by.at)).await?;
    lines::add(tx, village, Count::Shipped, cases_of(&work, &going, 1), by.at).await?;
    tell(tx, by, &work, &going).await?;
    let act = work.close(tx, by, "batch.hand_over", results).await?;
    Ok(BatchAct { rest, ..act })
}

async fn picks(tx: &mut Tx, by: &By, ids: &[Uuid]) -> Result<Vec<Pick>> {
    let picked = parcels::picked(tx, by.staff.village, ids).await?;
    let pick = |it: parcels::Picked| Pick {
        sku: it.sku_id,
        lot: it.lot_id,
        cases: it.quantity,
        order_id: it.order_id,
    };
    Ok(picked.into_iter().map(pick).collect())
}

/// Puts what does not go along where it can be found: plain plans into the backlog, the rest into a released batch.
async fn leave_behind(tx: &mut Tx, by: &By, work: &Work, staying: &[&Parcel]) -> Result<Option<String>> {
    let village = by.staff.village;
    let is_plan = |parcel: &Parcel| {
        parcel.packed_at.is_none() && parcel.waybill.is_none() && parcel.held_reason.is_none()
    };
    let (plans, rest): (Vec<&Parcel>, Vec<&Parcel>) = staying.iter().copied().partition(|it| is_plan(it));
    let plans: Vec<Uuid> = plans.iter().map(|parcel| parcel.id).collect();
    parcels::delete(tx, village, &plans).await?;
    if rest.is_empty() {
        return Ok(None);
    }
    let batch = NewBatch {
        id: by.new_id(),
        number: batch_number(work.counters.last_batch),
        ship_on: work.batch.ship_on.clone(),
        carrier: work.batch.carrier.clone(),
        workshop_cases: work.batch.workshop_cases,
        pickup_cases: work.batch.pickup_cases,
    };
    batches::put(tx, by, &batch, true).await?;
    let rest: Vec<Uuid> = rest.iter().map(|parcel| parcel.id).collect();
    parcels::set_batch(tx, village, &rest, batch.id).await?;
    settle(tx, by, batch.id).await?;
    Ok(Some(batch.number))
}

/// Tells partners which parcels have left, without names and phones.
async fn tell(tx: &mut Tx, by: &By, work: &Work, going: &[&Parcel]) -> Result<()> {
    let body = |parcel: &&Parcel| {
        let inside = work.inside.get(&parcel.id).map_or(&[][..], Vec::as_slice);
        let mut orders: Vec<&str> = inside.iter().map(|it| it.number.as_str()).collect();
        orders.dedup();
        json!({"parcel": parcel.code, "orders": orders, "carrier": parcel.carrier, "waybill": parcel.waybill,
               "cases": parcel.cases, "arrives_on": parcel.arrives_on})
        .to_string()
    };
    let bodies = || going.iter().map(body).collect();
    outbox::tell(tx, &by.ids, by.staff.village, by.at, "parcel.handed_over", bodies).await
}

/// Undoes a hand-over on the same day, as long as the carrier has said nothing of any parcel.
///
/// # Errors
/// 409 `batch-state`, or `gone` when it is too late.
pub async fn take_back(tx: &mut Tx, by: &By, id: Uuid) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    let village = by.staff.village;
    step(tx, by, &work.batch, Event::TakeBack).await?;
    let ids: Vec<Uuid> = work.parcels.iter().map(|parcel| parcel.id).collect();
    let today = work
        .batch
        .handed_over_at
        .is_some_and(|at| at.day() == by.at.day());
    let delivered = work.parcels.iter().any(|parcel| parcel.delivered_at.is_some());
    if !today || delivered || parcels::has_events(tx, village, &ids).await? {
        let detail = text(
            "快递已经揽收，不能撤回交接了。",
            "The carrier is on its way with it; it can't be taken back.",
        );
        return Err(conflict("gone", detail));
    }
    let all: Vec<&Parcel> = work.parcels.iter().collect();
    let counted = lines::add(tx, village, Count::Shipped, cases_of(&work, &all, -1), by.at).await;
    counted.map_err(|error| {
        if error.is_check_violation() {
            let detail = text(
                "买家已经对这批货申请了售后，不能撤回交接了。",
                "A buyer has claimed something of it; it can't be taken back.",
            );
            return conflict("gone", detail);
        }
        error
    })?;
    let picks = picks(tx, by, &ids).await?;
    stock::store::take_back(tx, village, &picks, by.at, &by.ids, Some(by.staff.id)).await?;
    parcels::set_handed_over(tx, village, &ids, None).await?;
    let results = work
        .parcels
        .iter()
        .map(|parcel| result(&parcel.code, Outcome::Done))
        .collect();
    work.close(tx, by, "batch.take_back", results).await
}

/// The carrier has delivered a parcel.
///
/// # Errors
/// 409 `not-handed-over`.
pub async fn delivered(tx: &mut Tx, by: &By, parcel: &Parcel) -> Result<()> {
    if parcel.delivered_at.is_some() {
        return Ok(());
    }
    if parcel.handed_over_at.is_none() {
        let detail = text("包裹还没有交给快递。", "The parcel is not with the carrier yet.");
        return Err(conflict("not-handed-over", detail));
    }
    arrived(tx, by.staff.village, parcel.id, by.at, by.at).await?;
    by.log(
        tx,
        "parcel.delivered",
        &parcel.code,
        None,
        Some(json!({"at": by.at})),
    )
    .await
}

/// A parcel that is with its carrier has arrived, as of `at`; false when it had before, or is not with a carrier.
pub async fn arrived(
    tx: &mut Tx,
    village: VillageId,
    parcel: Uuid,
    at: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    parcels::lock_orders(tx, village, &[parcel]).await?;
    if !parcels::set_delivered(tx, village, parcel, at).await? {
        return Ok(false);
    }
    let inside = parcels::inside(tx, village, &[parcel]).await?;
    let cases = inside.iter().map(|it| (it.order_id, it.line, it.cases));
    lines::add(tx, village, Count::Delivered, cases, now).await?;
    Ok(true)
}
