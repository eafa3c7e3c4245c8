//! Packing by scan: each parcel for itself, so that a bad one never costs the others; doing it twice changes nothing.

use std::collections::HashMap;

use uuid::Uuid;

use super::State;
use super::batches::{BatchAct, Outcome, ParcelResult, Work, as_taken, covers, held, needs_of, result};
use super::lots::{self, Shelf, Taken};
use super::store::lines::{self, Count};
use super::store::parcels::{self, Parcel, Picked, Word};
use super::store::{backlog, goods};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::Result;
use crate::villages::auth::By;

/// When an act on a parcel counts as done.
#[derive(Clone, Copy)]
pub enum When<'a> {
    /// now, after whatever was said of the parcel before
    Now,
    /// when it was scanned, by the parcel's code
    Scanned(&'a HashMap<String, (Timestamp, Uuid)>),
}

impl When<'_> {
    fn word(self, by: &By, parcel: &Parcel) -> Word {
        let scanned = match self {
            When::Now => None,
            When::Scanned(scans) => scans.get(&parcel.code).copied(),
        };
        let (at, key) = scanned.unwrap_or_else(|| {
            let after = parcel.acted_at.map_or(by.at.0, |last| last.0.saturating_add(1));
            (Timestamp(by.at.0.max(after)), by.new_id())
        });
        Word {
            id: parcel.id,
            at: at.0,
            key,
        }
    }
}

/// Packs parcels of a released batch.
///
/// # Errors
/// 409 `batch-state` when the batch is not released, or gone.
pub async fn pack(tx: &mut Tx, by: &By, id: Uuid, sent: &[String], when: When<'_>) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    work.must_be(&[State::Released, State::Packed])?;
    let village = by.staff.village;
    let (found, mut results) = work.find(tx, village, sent).await?;
    let (mut ready, mut words) = (Vec::new(), Vec::new());
    for (code, parcel) in found {
        let holds = work.holds(parcel);
        if parcel.packed_at.is_some() {
            words.push(when.word(by, parcel));
            results.push(result(&code, Outcome::AlreadyDone));
        } else if holds.is_empty() {
            ready.push((code, parcel));
        } else {
            results.push(held(&code, parcel, holds));
        }
    }
    let packed = choose_lots(tx, by, &work, ready, &mut results).await?;
    let ids: Vec<Uuid> = packed.iter().map(|parcel| parcel.id).collect();
    parcels::set_packed(tx, by, &ids).await?;
    words.extend(packed.iter().map(|parcel| when.word(by, parcel)));
    parcels::set_words(tx, village, &words).await?;
    lines::add(tx, village, Count::Packed, cases_of(&work, &packed, 1), by.at).await?;
    work.close(tx, by, "batch.pack", results).await
}

/// The lots on the slip are what goes in; where they have run out since, others that last as long. Gives the parcels
/// that have all they need.
async fn choose_lots<'a>(
    tx: &mut Tx,
    by: &By,
    work: &Work,
    ready: Vec<(String, &'a Parcel)>,
    results: &mut Vec<ParcelResult>,
) -> Result<Vec<&'a Parcel>> {
    let village = by.staff.village;
    let ids: Vec<Uuid> = ready.iter().map(|(_, parcel)| parcel.id).collect();
    let mut slips: HashMap<Uuid, Vec<Picked>> = HashMap::new();
    for pick in parcels::picked(tx, village, &ids).await? {
        slips.entry(pick.parcel_id).or_default().push(pick);
    }
    let mut here: HashMap<Uuid, i64> = goods::unpacked(tx, village).await?.into_iter().collect();
    let mut shelf = backlog::shelf(tx, village, true).await?;
    let needs_of = needs_of(tx, village).await?;
    let (mut packed, mut changed) = (Vec::new(), Vec::new());
    for (code, parcel) in ready {
        let (Some(inside), Ok(arrives_on)) = (work.inside.get(&parcel.id), parcel.arrives_on.parse()) else {
            continue;
        };
        let needs = needs_of(inside, arrives_on);
        let slip = as_taken(slips.get(&parcel.id).map_or(&[], Vec::as_slice));
        let goods = if covers(&slip, &needs) && take_from(&mut here, &slip) {
            Some(slip)
        } else {
            let other = other_lots(&mut shelf, &mut here, &slip, &needs);
            if let Some(other) = &other {
                changed.push((parcel.id, other.clone()));
            }
            other
        };
        results.push(result(
            &code,
            if goods.is_some() {
                Outcome::Done
            } else {
                Outcome::NoLot
            },
        ));
        if goods.is_some() {
            packed.push(parcel);
        }
    }
    goods::replace(tx, village, &changed, work.counters.epoch).await?;
    Ok(packed)
}

fn other_lots(
    shelf: &mut Shelf,
    here: &mut HashMap<Uuid, i64>,
    slip: &[Taken],
    needs: &[lots::Need],
) -> Option<Vec<Taken>> {
    lots::put_back(shelf, slip);
    let (taken, complete) = lots::take(shelf, needs);
    if complete && take_from(here, &taken) {
        return Some(taken);
    }
    lots::put_back(shelf, &taken);
    None
}

/// Takes goods from what lies unpacked; false, and nothing taken, when it is not all there.
fn take_from(here: &mut HashMap<Uuid, i64>, goods: &[Taken]) -> bool {
    let mut left = here.clone();
    for pick in goods {
        let lot = left.entry(pick.lot).or_default();
        *lot -= pick.quantity;
        if *lot < 0 {
            return false;
        }
    }
    *here = left;
    true
}

/// The order lines in parcels, with their cases times `sign`.
pub fn cases_of<'a>(
    work: &'a Work,
    parcels: &'a [&'a Parcel],
    sign: i64,
) -> impl Iterator<Item = (Uuid, i64, i64)> + 'a {
    let of = |parcel: &&Parcel| work.inside.get(&parcel.id).map_or(&[][..], Vec::as_slice);
    parcels
        .iter()
        .flat_map(of)
        .map(move |inside| (inside.order_id, inside.line, inside.cases * sign))
}

/// Undoes packing.
pub async fn unpack(tx: &mut Tx, by: &By, id: Uuid, sent: &[String], when: When<'_>) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    work.must_be(&[State::Released, State::Packed])?;
    let village = by.staff.village;
    let (found, mut results) = work.find(tx, village, sent).await?;
    let (mut unpacked, mut words) = (Vec::new(), Vec::new());
    for (code, parcel) in found {
        words.push(when.word(by, parcel));
        let outcome = if parcel.packed_at.is_some() {
            unpacked.push(parcel);
            Outcome::Done
        } else {
            Outcome::AlreadyDone
        };
        results.push(result(&code, outcome));
    }
    let ids: Vec<Uuid> = unpacked.iter().map(|parcel| parcel.id).collect();
    parcels::set_unpacked(tx, village, &ids).await?;
    parcels::set_words(tx, village, &words).await?;
    lines::add(tx, village, Count::Packed, cases_of(&work, &unpacked, -1), by.at).await?;
    work.close(tx, by, "batch.unpack", results).await
}
