//! What staff do with a day's work before and beside packing: release it, call it back, hold parcels, move them.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::lots::{Need, Taken, good_until};
use super::store::batches::{self, Batch};
use super::store::parcels::{self, Inside, Parcel, Picked};
use super::store::{self, Counters, backlog};
use super::{Event, Hold, State, codes};
use crate::db::Tx;
use crate::error::{Error, Result, conflict, not_found, text};
use crate::id::VillageId;
use crate::villages::auth::By;

/// Parcels that one act is about.
pub const MAX_PARCELS: usize = 1_000;

/// What became of one parcel of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ParcelOutcome)]
pub enum Outcome {
    Done,
    /// it was so before
    AlreadyDone,
    /// named twice in the request
    Repeated,
    /// no parcel of the village has this code
    Unknown,
    /// it is in another batch, or in none
    Elsewhere,
    /// something holds it, see `holds`
    Held,
    /// no lot lasts long enough, or there is not enough of it
    NoLot,
    /// it is with the carrier already
    HandedOver,
    /// it is packed: unpack it first
    Packed,
    /// it has a waybill: void that first
    HasWaybill,
    /// the carrier does not collect for its province on that day
    NotServed,
    /// it was not packed and stayed behind
    LeftBehind,
    /// the waybill can't be one, or is another parcel's
    BadNumber,
    /// a later scan of this parcel has been here before
    Overtaken,
    /// its batch is a plan, not yet given to the workshop
    NotReleased,
    /// the clock of the phone runs ahead: set it, and scan again
    BadClock,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParcelResult {
    /// the code, as it was sent
    pub parcel: String,
    pub outcome: Outcome,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    /// why, in words
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an act did, or with a preview would do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchAct {
    pub preview: bool,
    /// the batch afterwards; missing when nothing is left of it
    #[serde(flatten)]
    pub batch: Option<Batch>,
    pub results: Vec<ParcelResult>,
    /// the number of the batch that took what could not go along
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
}

/// A batch with its parcels, nobody else changing them.
pub struct Work {
    pub batch: Batch,
    pub parcels: Vec<Parcel>,
    pub inside: HashMap<Uuid, Vec<Inside>>,
    pub counters: Counters,
}

impl Work {
    /// # Errors
    /// 404 for a batch of nobody or of others.
    pub async fn open(tx: &mut Tx, by: &By, id: Uuid, new_batches: usize) -> Result<Work> {
        let village = by.staff.village;
        let counters = store::begin_act(tx, village, new_batches).await?;
        let batch = batches::by_id(tx, village, id).await?.ok_or_else(not_found)?;
        let parcels = parcels::of_batch(tx, village, id).await?;
        let ids: Vec<Uuid> = parcels.iter().map(|parcel| parcel.id).collect();
        parcels::lock_orders(tx, village, &ids).await?;
        let inside = inside_of(tx, village, &ids).await?;
        Ok(Work {
            batch,
            parcels,
            inside,
            counters,
        })
    }

    /// Refuses an act that the batch's state does not allow.
    pub fn must_be(&self, states: &[State]) -> Result<()> {
        if states.contains(&self.batch.state) {
            return Ok(());
        }
        Err(wrong_state(self.batch.state))
    }

    /// What holds a parcel now.
    pub fn holds(&self, parcel: &Parcel) -> Vec<Hold> {
        holds(parcel, self.inside.get(&parcel.id).map_or(&[], Vec::as_slice))
    }

    /// Finds the parcels that codes name; a code that names none of this batch gets its result at once.
    pub async fn find(
        &self,
        tx: &mut Tx,
        village: VillageId,
        sent: &[String],
    ) -> Result<(Vec<(String, &Parcel)>, Vec<ParcelResult>)> {
        let (mut found, mut results, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut missing = Vec::new();
        for code in sent {
            let Some(known) = codes::parse(code) else {
                results.push(result(code, Outcome::Unknown));
                continue;
            };
            if !seen.insert(known.clone()) {
                results.push(result(code, Outcome::Repeated));
                continue;
            }
            match self.parcels.iter().find(|parcel| parcel.code == known) {
                Some(parcel) => found.push((code.clone(), parcel)),
                None => missing.push((code.clone(), known)),
            }
        }
        let others: Vec<String> = missing.iter().map(|(_, known)| known.clone()).collect();
        let others = parcels::by_codes(tx, village, &others).await?;
        for (code, known) in missing {
            let other = others.iter().find(|parcel| parcel.code == known);
            let outcome = if other.is_some() {
                Outcome::Elsewhere
            } else {
                Outcome::Unknown
            };
            results.push(ParcelResult {
                reason: other.and_then(|parcel| parcel.batch.clone()),
                ..result(&code, outcome)
            });
        }
        Ok((found, results))
    }

    /// Ends an act: the batch's state follows from what is packed, and the act is logged.
    pub async fn close(
        self,
        tx: &mut Tx,
        by: &By,
        act: &str,
        results: Vec<ParcelResult>,
    ) -> Result<BatchAct> {
        settle(tx, by, self.batch.id).await?;
        batches::drop_empty(tx, by.staff.village).await?;
        let done = |it: &&ParcelResult| matches!(it.outcome, Outcome::Done | Outcome::LeftBehind);
        let done: Vec<&str> = results.iter().filter(done).map(|it| it.parcel.as_str()).collect();
        let after = batches::by_id(tx, by.staff.village, self.batch.id).await?;
        if !done.is_empty() {
            let was = json!({"state": self.batch.state});
            let is = json!({"state": after.as_ref().map(|it| it.state), "parcels": done});
            by.log(tx, act, &self.batch.number, Some(was), Some(is)).await?;
        }
        Ok(BatchAct {
            preview: false,
            batch: after,
            results,
            rest: None,
        })
    }
}

pub fn result(code: &str, outcome: Outcome) -> ParcelResult {
    ParcelResult {
        parcel: code.to_owned(),
        outcome,
        holds: Vec::new(),
        reason: None,
    }
}

pub async fn inside_of(tx: &mut Tx, village: VillageId, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Inside>>> {
    let mut inside: HashMap<Uuid, Vec<Inside>> = HashMap::new();
    for line in parcels::inside(tx, village, ids).await? {
        inside.entry(line.parcel_id).or_default().push(line);
    }
    Ok(inside)
}

pub fn holds(parcel: &Parcel, inside: &[Inside]) -> Vec<Hold> {
    let any = |holds: fn(&Inside) -> bool| inside.iter().any(holds);
    let here = parcel.handed_over_at.is_none();
    let cancelled = any(|it| it.cancelled);
    [
        (parcel.held_reason.is_some(), Hold::ByStaff),
        (cancelled, Hold::OrderCancelled),
        (
            parcel.packed_at.is_none() && !cancelled && any(|it| it.changed),
            Hold::OrderChanged,
        ),
        (here && any(|it| it.refund_open), Hold::RefundOpen),
        (here && any(|it| it.due), Hold::PaymentDue),
    ]
    .into_iter()
    .filter_map(|(holds, hold)| holds.then_some(hold))
    .collect()
}

pub fn held(code: &str, parcel: &Parcel, holds: Vec<Hold>) -> ParcelResult {
    let staff = parcel.held_reason.clone().map(|reason| format!("{reason} "));
    let words: Vec<String> = holds
        .iter()
        .filter(|it| **it != Hold::ByStaff)
        .map(|it| it.text().zh)
        .collect();
    ParcelResult {
        reason: Some(
            format!("{}{}", staff.unwrap_or_default(), words.join("；"))
                .trim()
                .to_owned(),
        ),
        holds,
        ..result(code, Outcome::Held)
    }
}

fn wrong_state(state: State) -> Error {
    let (zh, en) = match state {
        State::Planned => ("批次还没有下发到车间。", "The batch is not released yet."),
        State::Released | State::Packed => (
            "批次已经下发，不能这样改。",
            "The batch is released already; that can't be done any more.",
        ),
        State::HandedOver => ("批次已经交给快递。", "The batch is with the carrier already."),
    };
    let problem = crate::error::Problem::new(axum::http::StatusCode::CONFLICT, "batch-state", text(zh, en));
    problem.with("state", state.as_str()).into()
}

/// Moves a batch by its machine.
pub async fn step(tx: &mut Tx, by: &By, batch: &Batch, event: Event) -> Result<()> {
    let to = batch.state.next(event).ok_or_else(|| wrong_state(batch.state))?;
    batches::set_state(tx, by, batch.id, to).await
}

/// Packed is a batch whose parcels are all packed, but for those that staff hold.
pub async fn settle(tx: &mut Tx, by: &By, id: Uuid) -> Result<()> {
    let village = by.staff.village;
    let Some(batch) = batches::by_id(tx, village, id).await? else {
        return Ok(());
    };
    let parcels = parcels::of_batch(tx, village, id).await?;
    let work_left = parcels
        .iter()
        .any(|it| it.packed_at.is_none() && it.held_reason.is_none());
    let some_packed = parcels.iter().any(|it| it.packed_at.is_some());
    let event = match batch.state {
        State::Released if some_packed && !work_left => Event::AllPacked,
        State::Packed if work_left || !some_packed => Event::WorkLeft,
        _ => return Ok(()),
    };
    step(tx, by, &batch, event).await
}

/// Gives a planned batch to the workshop: from now on no plan changes it.
pub async fn release(tx: &mut Tx, by: &By, id: Uuid) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    step(tx, by, &work.batch, Event::Release).await?;
    let results = work.parcels.iter().map(|parcel| match work.holds(parcel) {
        holds if holds.is_empty() => result(&parcel.code, Outcome::Done),
        holds => held(&parcel.code, parcel, holds),
    });
    let results = results.collect();
    work.close(tx, by, "batch.release", results).await
}

/// Calls a released batch back into the plan, as long as nothing of it is packed.
pub async fn recall(tx: &mut Tx, by: &By, id: Uuid) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    if work.parcels.iter().any(|parcel| parcel.packed_at.is_some()) {
        let detail = text(
            "已经有包裹打包，不能撤回；请先拆开。",
            "Some of it is packed: unpack that first.",
        );
        return Err(conflict("already-packed", detail));
    }
    let village = by.staff.village;
    let batch = &work.batch;
    let planned = batches::planned(tx, village).await?;
    let same = planned
        .iter()
        .find(|(_, _, day, carrier)| (day, carrier) == (&batch.ship_on, &batch.carrier));
    match same {
        // the plan has made one of that day and carrier since
        Some((other, ..)) if batch.state == State::Released => {
            let ids: Vec<Uuid> = work.parcels.iter().map(|parcel| parcel.id).collect();
            parcels::set_batch(tx, village, &ids, *other).await?;
        }
        _ => step(tx, by, batch, Event::Recall).await?,
    }
    let results = work
        .parcels
        .iter()
        .map(|parcel| result(&parcel.code, Outcome::Done))
        .collect();
    work.close(tx, by, "batch.recall", results).await
}

/// Holds parcels back, or (`reason` none) lets them go again.
pub async fn hold(tx: &mut Tx, by: &By, id: Uuid, sent: &[String], reason: Option<&str>) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    work.must_be(&[State::Planned, State::Released, State::Packed])?;
    let village = by.staff.village;
    let (found, mut results) = work.find(tx, village, sent).await?;
    let mut ids = Vec::new();
    for (code, parcel) in found {
        let same = parcel.held_reason.as_deref() == reason;
        if !same {
            ids.push(parcel.id);
        }
        results.push(result(
            &code,
            if same { Outcome::AlreadyDone } else { Outcome::Done },
        ));
    }
    match reason {
        Some(reason) => parcels::set_held(tx, by, &ids, reason).await?,
        None => parcels::set_free(tx, village, &ids).await?,
    }
    let act = if reason.is_some() {
        "batch.hold"
    } else {
        "batch.unhold"
    };
    work.close(tx, by, act, results).await
}

/// Takes parcels out of a released batch and back into the backlog: the next plan decides anew.
pub async fn take_out(tx: &mut Tx, by: &By, id: Uuid, sent: &[String]) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    work.must_be(&[State::Planned, State::Released, State::Packed])?;
    remove(tx, by, work, sent).await
}

/// The same for the whole of a batch that is still a plan.
///
/// # Errors
/// 404; 409 once it was released, since its paper may be printed, and `has-waybill`.
pub async fn dissolve(tx: &mut Tx, by: &By, id: Uuid) -> Result<()> {
    let work = Work::open(tx, by, id, 0).await?;
    work.must_be(&[State::Planned])?;
    let all: Vec<String> = work.parcels.iter().map(|parcel| parcel.code.clone()).collect();
    let act = remove(tx, by, work, &all).await?;
    if let Some(left) = act.results.iter().find(|result| result.outcome != Outcome::Done) {
        let code = &left.parcel;
        let zh = format!("包裹 {code} 已有运单号，批次不能解散；请先作废运单号。");
        let en =
            format!("Parcel {code} has a waybill, so its batch can't be dissolved; void the number first.");
        return Err(conflict("has-waybill", text(zh, en)));
    }
    Ok(())
}

async fn remove(tx: &mut Tx, by: &By, work: Work, sent: &[String]) -> Result<BatchAct> {
    let village = by.staff.village;
    let (found, mut results) = work.find(tx, village, sent).await?;
    let mut ids = Vec::new();
    for (code, parcel) in found {
        let outcome = match parcel {
            parcel if parcel.packed_at.is_some() => Outcome::Packed,
            parcel if parcel.waybill.is_some() => Outcome::HasWaybill,
            _ => {
                ids.push(parcel.id);
                Outcome::Done
            }
        };
        results.push(result(&code, outcome));
    }
    parcels::delete(tx, village, &ids).await?;
    work.close(tx, by, "batch.take_out", results).await
}

/// What a parcel needs of each stock item when it arrives on a day.
pub async fn needs_of(
    tx: &mut Tx,
    village: VillageId,
) -> Result<impl Fn(&[Inside], chrono::NaiveDate) -> Vec<Need> + use<>> {
    let parts = backlog::parts(tx, village).await?;
    let least = backlog::min_days_left(tx, village).await?;
    Ok(move |inside: &[Inside], arrives_on| {
        let days = |sku: &Uuid| least.get(sku).copied().unwrap_or(0);
        let mut needs = Vec::new();
        for line in inside {
            let whole = [(line.sku_id, 1)];
            let items: &[(Uuid, i64)] = parts.get(&line.sku_id).map_or(&whole, Vec::as_slice);
            needs.extend(items.iter().map(|(item, quantity)| Need {
                order: line.order_id,
                line: line.line,
                item: *item,
                quantity: line.cases * quantity,
                good_until: good_until(arrives_on, days(&line.sku_id).max(days(item))),
            }));
        }
        needs
    })
}

/// Picks as they are stored, in the form in which they are taken.
pub fn as_taken(picked: &[Picked]) -> Vec<Taken> {
    let taken = |pick: &Picked| {
        Some(Taken {
            order: pick.order_id,
            line: pick.line,
            item: pick.sku_id,
            lot: pick.lot_id,
            quantity: pick.quantity,
            good_until: pick.good_until.parse().ok()?,
        })
    };
    picked.iter().filter_map(taken).collect()
}

/// Whether goods are all that is needed, from lots that last.
pub fn covers(taken: &[Taken], needs: &[Need]) -> bool {
    needs.iter().all(|need| {
        let of = |pick: &&Taken| (pick.order, pick.line, pick.item) == (need.order, need.line, need.item);
        taken.iter().filter(of).map(|pick| pick.quantity).sum::<i64>() == need.quantity
    })
}
