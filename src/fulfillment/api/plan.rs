//! The plan over HTTP: computed, made, and asked "what if".

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::calendar::{self, festivals};
use crate::db::Db;
use crate::error::{Result, busy, invalid, text};
use crate::fulfillment::commit::{self, PlanDiff, Sending};
use crate::fulfillment::planning::{self, Draft, Ground, Late, Load};
use crate::fulfillment::question::{PlanRequest, Question, Spoiled, lay_over};
use crate::fulfillment::store;
use crate::fulfillment::wishes::{self, Wish};
use crate::money::Fen;
use crate::orders::view::by_number;
use crate::transact;
use crate::villages::auth::By;
use crate::web::json::Json;
use crate::web::listing::Page;

/// How often a plan is computed anew because batches changed while it was.
const MAX_TRIES: u32 = 4;

/// Notes that one list shows.
const MAX_NOTES: i64 = 200;

/// A plan.
#[derive(Serialize, ToSchema)]
pub struct PlanView {
    pub as_of: NaiveDate,
    pub days: Vec<DayView>,
    /// a row per parcel that will be late or can't be sent
    pub late: Vec<LateView>,
    pub late_count: usize,
    /// what the parcels cost that arrive in time
    pub freight_fen: Fen,
    /// orders kept out of the plan until somebody answers
    pub waiting: Vec<WaitingView>,
    /// days that earlier work has taken: released, packed, held, or with a waybill
    pub kept: Vec<KeptView>,
    /// true when the batches were made
    pub committed: bool,
    /// what that changed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<PlanDiff>,
}

#[derive(Serialize, ToSchema)]
pub struct DayView {
    pub ship_on: NaiveDate,
    pub cases: i64,
    pub parcels: Vec<PlannedView>,
}

#[derive(Serialize, ToSchema)]
pub struct PlannedView {
    /// number of its first order and a serial
    pub id: String,
    pub orders: Vec<String>,
    pub cases: i64,
    pub grams: i64,
    pub carrier: String,
    pub arrives_on: NaiveDate,
    pub late: bool,
    pub reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct LateView {
    /// number of its first order
    pub order: String,
    pub orders: Vec<String>,
    pub cases: i64,
    pub ship_on: Option<NaiveDate>,
    pub carrier: Option<String>,
    pub arrives_on: Option<NaiveDate>,
    pub reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct WaitingView {
    pub order: String,
    pub cases: i64,
    pub reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct KeptView {
    pub ship_on: NaiveDate,
    pub carrier: String,
    pub cases: i64,
}

fn planned(load: &Load) -> PlannedView {
    PlannedView {
        id: load.unit.id.clone(),
        orders: load.unit.numbers(),
        cases: load.unit.cases(),
        grams: load.unit.shapes.iter().map(|shape| shape.grams).sum(),
        carrier: load.carrier.clone(),
        arrives_on: load.arrives_on,
        late: load.late,
        reason: load.reason.clone(),
    }
}

fn late(late: &Late) -> LateView {
    let orders = late.unit.numbers();
    let (ship_on, carrier, arrives_on) = match &late.sending {
        Some((day, carrier, arrives)) => (Some(*day), Some(carrier.clone()), Some(*arrives)),
        None => (None, None, None),
    };
    LateView {
        order: orders.first().cloned().unwrap_or_default(),
        orders,
        cases: late.unit.cases(),
        ship_on,
        carrier,
        arrives_on,
        reason: late.reason.clone(),
    }
}

fn view(ground: &Ground, question: &Question, draft: &Draft, diff: Option<PlanDiff>) -> PlanView {
    let mut days: BTreeMap<NaiveDate, DayView> = BTreeMap::new();
    for load in &draft.loads {
        let day = days.entry(load.ship_on).or_insert_with(|| DayView {
            ship_on: load.ship_on,
            cases: 0,
            parcels: Vec::new(),
        });
        day.cases += load.unit.cases();
        day.parcels.push(planned(load));
    }
    let waiting = |order: &store::backlog::Waiting| WaitingView {
        order: order.number.clone(),
        cases: order.cases,
        reason: "有退款申请还没处理".to_owned(),
    };
    let kept = |((ship_on, carrier), cases): (&(NaiveDate, String), &i64)| KeptView {
        ship_on: *ship_on,
        carrier: carrier.clone(),
        cases: *cases,
    };
    PlanView {
        as_of: question.as_of,
        days: days.into_values().collect(),
        late: draft.late.iter().map(late).collect(),
        late_count: draft.late.len(),
        freight_fen: draft.freight_fen,
        waiting: ground.waiting.iter().map(waiting).collect(),
        kept: ground.taken.iter().map(kept).collect(),
        committed: diff.is_some(),
        diff,
    }
}

/// Computes the plan; with `commit`, makes its batches in the place of those that were planned before.
pub async fn plan(State(db): State<Db>, by: By, Json(input): Json<PlanRequest>) -> Result<Json<PlanView>> {
    let question = input.check(by.at.day())?;
    for _ in 0..MAX_TRIES {
        let ground = planning::read(&db, by.staff.village, question.as_of).await?;
        let (ground, draft) = planning::compute(ground, &question).await?;
        if !input.commit {
            return Ok(Json(view(&ground, &question, &draft, None)));
        }
        let diff = transact!(db, tx => commit::commit(tx, &by, &ground, &draft).await)?;
        if diff.is_some() {
            return Ok(Json(view(&ground, &question, &draft, diff)));
        }
    }
    Err(busy())
}

/// A plan under other circumstances.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WhatIf {
    #[serde(default)]
    as_of: Option<NaiveDate>,
    #[serde(default)]
    deadline: Option<NaiveDate>,
    #[serde(default)]
    merge: bool,
    #[serde(default)]
    max_parcel_grams: Option<i64>,
    #[serde(default)]
    horizon_days: Option<u32>,
    /// laid over the workshop's capacity
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    workshop: Option<Value>,
    /// laid over the carriers, by their short names
    #[serde(default)]
    #[schema(value_type = Object)]
    carriers: BTreeMap<String, Value>,
    /// the first day on which an order can leave, by its number
    #[serde(default)]
    ready_on: BTreeMap<String, NaiveDate>,
    /// lots that are lost, or some of them
    #[serde(default)]
    spoiled: Vec<SpoiledLot>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpoiledLot {
    sku: String,
    lot: String,
    /// all that is free when nothing is said
    #[serde(default)]
    quantity: Option<i64>,
}

/// Both plans, and what is different.
#[derive(Serialize, ToSchema)]
pub struct WhatIfView {
    pub before: PlanView,
    pub after: PlanView,
    pub difference: PlanDifference,
}

#[derive(Serialize, ToSchema)]
pub struct PlanDifference {
    /// more late parcels, or below zero fewer
    pub late_count: i64,
    pub freight_fen: Fen,
    /// orders that are late only afterwards
    pub newly_late: Vec<String>,
    /// orders that are late only before
    pub no_longer_late: Vec<String>,
    /// parcels that leave on another day or with another carrier
    pub moved: Vec<PlanMove>,
}

#[derive(Serialize, ToSchema)]
pub struct PlanMove {
    pub id: String,
    pub from: Option<Sending>,
    pub to: Option<Sending>,
}

/// Plans twice, as things are and as they might be. Leaves no trace.
pub async fn what_if(State(db): State<Db>, by: By, Json(input): Json<WhatIf>) -> Result<Json<WhatIfView>> {
    let request = PlanRequest {
        as_of: input.as_of,
        deadline: input.deadline,
        commit: false,
        merge: input.merge,
        max_parcel_grams: input.max_parcel_grams,
        horizon_days: input.horizon_days,
    };
    let question = request.check(by.at.day())?;
    let ground = planning::read(&db, by.staff.village, question.as_of).await?;
    let mut other = ground.clone();
    if let Some(change) = &input.workshop {
        other.calendar.workshop = lay_over(&ground.calendar.workshop, change, "workshop")?;
    }
    for (code, change) in &input.carriers {
        let field = format!("carriers.{code}");
        let carriers = &mut other.calendar.carriers;
        let carrier = carriers.iter_mut().find(|it| it.carrier == *code);
        let unknown = || invalid(field.clone(), text("没有这家快递。", "There is no such carrier."));
        let carrier = carrier.ok_or_else(unknown)?;
        *carrier = lay_over(carrier, change, &field)?;
    }
    let mut asked = question.clone();
    asked.ready_on.clone_from(&input.ready_on);
    for (at, lot) in input.spoiled.iter().enumerate() {
        let unknown = || {
            let message = text("没有这个规格的这个批次。", "There is no such lot of this sku.");
            invalid(format!("spoiled[{at}].lot"), message)
        };
        let item = ground.skus.get(&lot.sku).copied().ok_or_else(unknown)?;
        let lots = ground.shelf.get(&item).map_or(&[][..], Vec::as_slice);
        lots.iter().find(|it| it.code == lot.lot).ok_or_else(unknown)?;
        asked.spoiled.push(Spoiled {
            item,
            lot: lot.lot.clone(),
            quantity: lot.quantity,
        });
    }
    let (ground, before) = planning::compute(ground, &question).await?;
    let (other, after) = planning::compute(other, &asked).await?;
    Ok(Json(WhatIfView {
        difference: difference(&before, &after),
        before: view(&ground, &question, &before, None),
        after: view(&other, &asked, &after, None),
    }))
}

fn difference(before: &Draft, after: &Draft) -> PlanDifference {
    let late = |draft: &Draft| -> BTreeSet<String> {
        draft.late.iter().flat_map(|late| late.unit.numbers()).collect()
    };
    let sent = |draft: &Draft| -> BTreeMap<String, Sending> {
        let sending = |load: &Load| Sending {
            ship_on: load.ship_on.to_string(),
            carrier: load.carrier.clone(),
        };
        draft
            .loads
            .iter()
            .map(|load| (load.unit.id.clone(), sending(load)))
            .collect()
    };
    let (late_before, late_after) = (late(before), late(after));
    let (from, to) = (sent(before), sent(after));
    let ids: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let moved = ids
        .into_iter()
        .filter(|id| from.get(*id) != to.get(*id))
        .map(|id| PlanMove {
            id: id.clone(),
            from: from.get(id).cloned(),
            to: to.get(id).cloned(),
        });
    let count = |draft: &Draft| i64::try_from(draft.late.len()).unwrap_or(i64::MAX);
    PlanDifference {
        late_count: count(after) - count(before),
        freight_fen: Fen(after.freight_fen.0 - before.freight_fen.0),
        newly_late: late_after.difference(&late_before).cloned().collect(),
        no_longer_late: late_before.difference(&late_after).cloned().collect(),
        moved: moved.collect(),
    }
}

/// A note that nobody has decided on, and what it seems to ask for.
#[derive(Serialize, ToSchema)]
pub struct WishNote {
    pub order: String,
    pub cases: i64,
    pub note: String,
    pub proposal: Wish,
}

/// Notes that ask something of the sending, for staff to decide.
pub async fn notes(State(db): State<Db>, by: By) -> Result<Json<Page<WishNote>>> {
    let village = by.staff.village;
    let calendar = calendar::store::read(&mut db.snapshot().await?, village).await?;
    let carriers = calendar.map(|calendar| calendar.carriers).unwrap_or_default();
    let new_year = festivals::next_spring_festival(by.at.day());
    let notes = store::wishes::undecided(&db, village, MAX_NOTES).await?;
    let view = |note: store::wishes::Note| WishNote {
        proposal: wishes::propose(&note.note, &carriers, new_year),
        order: note.number,
        cases: note.cases,
        note: note.note,
    };
    let asks = |note: &WishNote| note.proposal != Wish::default();
    Ok(Json(Page::whole(
        notes.into_iter().map(view).filter(asks).collect(),
    )))
}

/// Staff say what counts of an order's note; all empty means that nothing does.
pub async fn decide(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(wish): Json<Wish>,
) -> Result<Json<Wish>> {
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let calendar = calendar::store::read(tx, by.staff.village).await?;
        let carriers = calendar.map(|calendar| calendar.carriers).unwrap_or_default();
        wishes::decide(tx, &by, &order, &wish, &carriers).await
    })?;
    Ok(Json(wish))
}
