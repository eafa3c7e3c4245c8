//! Makes a plan the one that counts: planned batches and parcels in the place of those before. Parcels that stay the
//! same keep their codes, and planning again without news changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes::parcel_code;
use super::lots::Taken;
use super::planning::{Draft, Ground, Load};
use super::shaping::Shape;
use super::store::batches::{self, NewBatch};
use super::store::plan::{self, Before, LineRow, PlannedRow};
use super::store::{self, Counters, goods, parcels};
use crate::db::Tx;
use crate::error::Result;
use crate::villages::auth::By;

/// A parcel that a plan made, moved or dropped.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlanChange {
    pub parcel: String,
    /// number of its order
    pub order: String,
    /// day and carrier before
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Sending>,
    /// day and carrier now
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Sending>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sending {
    pub ship_on: String,
    pub carrier: String,
}

/// What a new plan changes.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct PlanDiff {
    pub moved: Vec<PlanChange>,
    pub new: Vec<PlanChange>,
    pub gone: Vec<PlanChange>,
}

/// One shape of a load with its row.
struct Piece<'a> {
    load: &'a Load,
    shape: &'a Shape,
    goods: &'a [Taken],
    before: Option<&'a Before>,
}

/// What is to be written.
struct Pieces<'a> {
    pieces: Vec<Piece<'a>>,
    gone: Vec<&'a Before>,
}

fn contents(shape: &Shape) -> Vec<(Uuid, i64, i64)> {
    let mut contents: Vec<_> = shape
        .inside
        .iter()
        .map(|it| (it.order, it.line, it.cases))
        .collect();
    contents.sort_unstable();
    contents
}

/// Finds for every parcel of the plan the one before with the same contents; best one that stays on its day.
fn match_up<'a>(ground: &'a Ground, draft: &'a Draft) -> Pieces<'a> {
    let mut free = plan::by_contents(&ground.before);
    let mut pieces = Vec::new();
    for load in &draft.loads {
        for (shape, goods) in load.unit.shapes.iter().zip(&load.goods) {
            let same = free.get_mut(contents(shape).as_slice()).and_then(|same| {
                let day = load.ship_on.to_string();
                let stays = same
                    .iter()
                    .rposition(|it| it.ship_on == day && it.carrier == load.carrier);
                stays.map(|at| same.remove(at)).or_else(|| same.pop())
            });
            pieces.push(Piece {
                load,
                shape,
                goods,
                before: same,
            });
        }
    }
    let mut gone: Vec<&Before> = free.into_values().flatten().collect();
    gone.sort_by(|a, b| a.code.cmp(&b.code));
    Pieces { pieces, gone }
}

/// Writes a plan down. `None`, and nothing changed, when batches or parcels have changed since its ground was read.
pub async fn commit(tx: &mut Tx, by: &By, ground: &Ground, draft: &Draft) -> Result<Option<PlanDiff>> {
    let village = by.staff.village;
    let Pieces { pieces, gone } = match_up(ground, draft);
    let keys: BTreeSet<(String, String)> = pieces
        .iter()
        .map(|piece| (piece.load.ship_on.to_string(), piece.load.carrier.clone()))
        .collect();
    let known: HashMap<(&str, &str), (&Uuid, &str)> = ground
        .planned
        .iter()
        .map(|(id, number, day, carrier)| ((day.as_str(), carrier.as_str()), (id, number.as_str())))
        .collect();
    let new_batches = keys
        .iter()
        .filter(|(day, carrier)| !known.contains_key(&(day, carrier)))
        .count();
    let new_parcels = pieces.iter().filter(|piece| piece.before.is_none()).count();
    let counters = store::begin(tx, village, Some(ground.epoch), (new_batches, new_parcels)).await?;
    let Some(counters) = counters else { return Ok(None) };
    let gone_ids: Vec<Uuid> = gone.iter().map(|it| it.id).collect();
    parcels::delete(tx, village, &gone_ids).await?;
    let mut serial = counters.last_batch - count(new_batches);
    let mut ids: BTreeMap<(String, String), Uuid> = BTreeMap::new();
    for key in keys {
        let old = known.get(&(key.0.as_str(), key.1.as_str()));
        let batch = new_batch(by, ground, &key, old.copied(), &mut serial);
        batches::put(tx, by, &batch, false).await?;
        ids.insert(key, batch.id);
    }
    let first = Counters {
        last_parcel: counters.last_parcel - count(new_parcels),
        ..counters
    };
    let diff = write(tx, by, pieces, &gone, &ids, first).await?;
    batches::drop_empty(tx, village).await?;
    let told = json!({"moved": diff.moved.len(), "new": diff.new.len(), "gone": diff.gone.len()});
    by.log(tx, "plan.commit", "plan", None, Some(told)).await?;
    Ok(Some(diff))
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn new_batch(
    by: &By,
    ground: &Ground,
    (day, carrier): &(String, String),
    old: Option<(&Uuid, &str)>,
    serial: &mut i64,
) -> NewBatch {
    let (id, number) = match old {
        Some((id, number)) => (*id, number.to_owned()),
        None => {
            *serial += 1;
            (by.new_id(), batch_number(*serial))
        }
    };
    let (workshop_cases, pickup_cases) = capacities(&ground.calendar, day, carrier);
    NewBatch {
        id,
        number,
        ship_on: day.clone(),
        carrier: carrier.clone(),
        workshop_cases,
        pickup_cases,
    }
}

pub fn batch_number(serial: i64) -> String {
    format!("B{serial:04}")
}

/// What the workshop and a carrier take on a day.
pub fn capacities(calendar: &crate::calendar::Calendar, day: &str, carrier: &str) -> (i64, i64) {
    let Ok(day) = day.parse() else { return (0, 0) };
    let pickup = calendar
        .carriers
        .iter()
        .find(|it| it.carrier == carrier)
        .map_or(0, |it| it.pickup(day));
    (calendar.workshop.capacity(day), pickup)
}

async fn write(
    tx: &mut Tx,
    by: &By,
    pieces: Vec<Piece<'_>>,
    gone: &[&Before],
    batches: &BTreeMap<(String, String), Uuid>,
    mut counters: Counters,
) -> Result<PlanDiff> {
    let village = by.staff.village;
    let mut diff = PlanDiff::default();
    let (mut rows, mut lines, mut picks) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        let load = piece.load;
        let to = Sending {
            ship_on: load.ship_on.to_string(),
            carrier: load.carrier.clone(),
        };
        let Some(first) = piece.shape.inside.first() else {
            continue;
        };
        let Some(batch_id) = batches.get(&(to.ship_on.clone(), to.carrier.clone())) else {
            continue;
        };
        let (id, code) = match piece.before {
            Some(before) => (before.id, before.code.clone()),
            None => {
                counters.last_parcel += 1;
                (by.new_id(), parcel_code(counters.last_parcel))
            }
        };
        note(&mut diff, piece.before, &code, &first.number, &to);
        lines.extend(piece.shape.inside.iter().map(|it| LineRow {
            parcel_id: id,
            order_id: it.order,
            line: it.line,
            sku_id: it.sku,
            cases: it.cases,
            version: it.version,
        }));
        picks.push((id, piece.goods.to_vec()));
        rows.push(PlannedRow {
            id,
            code,
            batch_id: *batch_id,
            order_id: first.order,
            ship_on: to.ship_on,
            carrier: to.carrier,
            arrives_on: load.arrives_on.to_string(),
            deadline: load.unit.deadline.map(|day| day.to_string()),
            reason: load.reason.clone(),
            collects_until: load.collects_until.map(|day| day.to_string()),
            cases: piece.shape.cases,
            grams: piece.shape.grams,
        });
    }
    plan::put_parcels(tx, village, &rows, by.at).await?;
    plan::put_lines(tx, village, &lines).await?;
    goods::replace(tx, village, &picks, counters.epoch).await?;
    diff.gone = gone
        .iter()
        .filter(|it| it.in_batch)
        .map(|it| PlanChange {
            parcel: it.code.clone(),
            order: it.number.clone(),
            from: Some(sending_of(it)),
            to: None,
        })
        .collect();
    Ok(diff)
}

fn sending_of(before: &Before) -> Sending {
    Sending {
        ship_on: before.ship_on.clone(),
        carrier: before.carrier.clone(),
    }
}

fn note(diff: &mut PlanDiff, before: Option<&Before>, code: &str, order: &str, to: &Sending) {
    let from = before.filter(|before| before.in_batch).map(sending_of);
    let change = PlanChange {
        parcel: code.to_owned(),
        order: order.to_owned(),
        from: from.clone(),
        to: Some(to.clone()),
    };
    match from {
        None => diff.new.push(change),
        Some(from) if from != *to => diff.moved.push(change),
        Some(_) => {}
    }
}
