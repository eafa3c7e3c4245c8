//! Moves parcels of a released batch to another day, carrier or batch, as far as there is room and their goods last.

use std::collections::HashMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::State;
use super::batches::{BatchAct, Outcome, ParcelResult, Work, as_taken, covers, needs_of, result};
use super::commit::{batch_number, capacities};
use super::lots::{self, Taken};
use super::planning::collects_until;
use super::store::batches::{self, NewBatch};
use super::store::parcels::{self, Inside, Parcel, Sending};
use super::store::{backlog, goods};
use crate::calendar::{self, Calendar, Carrier};
use crate::db::Tx;
use crate::error::{Problem, Result, conflict, invalid, not_found, text};
use crate::villages::auth::By;
use axum::http::StatusCode;

/// Where parcels go to: a batch that is there, or a new one.
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub batch: Option<Uuid>,
    pub ship_on: Option<NaiveDate>,
    pub carrier: Option<String>,
}

/// Moves parcels. A packed parcel stays packed.
///
/// # Errors
/// 409 `batch-state`; `day-full` when the day or the carrier has no room for them; 404 for a batch that is not there.
pub async fn split(tx: &mut Tx, by: &By, id: Uuid, sent: &[String], target: &Target) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 1).await?;
    work.must_be(&[State::Released, State::Packed])?;
    let village = by.staff.village;
    let calendar = calendar::store::read(tx, village)
        .await?
        .ok_or_else(no_calendar)?;
    let to = aim(tx, by, &work, target, &calendar).await?;
    let carrier = calendar
        .carriers
        .iter()
        .find(|it| it.carrier == to.carrier)
        .ok_or_else(|| invalid("carrier", text("没有这家快递。", "There is no such carrier.")))?;
    let (found, mut results) = work.find(tx, village, sent).await?;
    let moves = fit(tx, by, &work, &to, carrier, found, &mut results).await?;
    check_room(tx, by, &to, &moves).await?;
    if !moves.is_empty() && target.batch.is_none() {
        batches::put(tx, by, &to, true).await?;
    }
    let rows: Vec<Sending> = moves.iter().map(|it| sending(it, &to, carrier)).collect();
    parcels::set_sending(tx, village, &rows).await?;
    let goods: Vec<(Uuid, Vec<Taken>)> = moves.into_iter().map(|it| (it.parcel.id, it.goods)).collect();
    goods::replace(tx, village, &goods, work.counters.epoch).await?;
    let rest = (!goods.is_empty()).then(|| to.number.clone());
    let act = work.close(tx, by, "batch.split", results).await?;
    super::batches::settle(tx, by, to.id).await?;
    Ok(BatchAct { rest, ..act })
}

fn no_calendar() -> crate::error::Error {
    conflict(
        "no-carriers",
        text("还没有填快递和产能。", "There are no carriers yet."),
    )
}

/// The batch that parcels go to, which may have to be made.
async fn aim(tx: &mut Tx, by: &By, work: &Work, target: &Target, calendar: &Calendar) -> Result<NewBatch> {
    if let Some(id) = target.batch {
        let batch = batches::by_id(tx, by.staff.village, id)
            .await?
            .ok_or_else(not_found)?;
        if !matches!(batch.state, State::Released | State::Packed) || id == work.batch.id {
            let message = text(
                "要选另一个已下发的批次。",
                "Takes another batch that is released.",
            );
            return Err(invalid("to", message));
        }
        return Ok(NewBatch {
            id,
            number: batch.number,
            ship_on: batch.ship_on,
            carrier: batch.carrier,
            workshop_cases: batch.workshop_cases,
            pickup_cases: batch.pickup_cases,
        });
    }
    let ship_on = target
        .ship_on
        .map_or_else(|| work.batch.ship_on.clone(), |day| day.to_string());
    let carrier = target
        .carrier
        .clone()
        .unwrap_or_else(|| work.batch.carrier.clone());
    let (workshop_cases, pickup_cases) = capacities(calendar, &ship_on, &carrier);
    Ok(NewBatch {
        id: by.new_id(),
        number: batch_number(work.counters.last_batch),
        ship_on,
        carrier,
        workshop_cases,
        pickup_cases,
    })
}

/// A parcel that can go.
struct Move<'a> {
    parcel: &'a Parcel,
    arrives_on: NaiveDate,
    province: String,
    goods: Vec<Taken>,
}

async fn fit<'a>(
    tx: &mut Tx,
    by: &By,
    work: &'a Work,
    to: &NewBatch,
    carrier: &Carrier,
    found: Vec<(String, &'a Parcel)>,
    results: &mut Vec<ParcelResult>,
) -> Result<Vec<Move<'a>>> {
    let village = by.staff.village;
    let ids: Vec<Uuid> = found.iter().map(|(_, parcel)| parcel.id).collect();
    let mut slips: HashMap<Uuid, Vec<parcels::Picked>> = HashMap::new();
    for pick in parcels::picked(tx, village, &ids).await? {
        slips.entry(pick.parcel_id).or_default().push(pick);
    }
    let mut shelf = backlog::shelf(tx, village, true).await?;
    let needs_of = needs_of(tx, village).await?;
    let day: NaiveDate = to.ship_on.parse().map_err(anyhow::Error::from)?;
    let mut moves = Vec::new();
    for (code, parcel) in found {
        let inside = work.inside.get(&parcel.id).map_or(&[][..], Vec::as_slice);
        let province = province_of(parcel, inside);
        let other_carrier = parcel.carrier != to.carrier;
        let arrives_on = match carrier.arrival(&province, day) {
            _ if other_carrier && parcel.waybill.is_some() => {
                results.push(result(&code, Outcome::HasWaybill));
                continue;
            }
            None => {
                results.push(result(&code, Outcome::NotServed));
                continue;
            }
            Some(arrives_on) => arrives_on,
        };
        let slip = as_taken(slips.get(&parcel.id).map_or(&[], Vec::as_slice));
        let needs = needs_of(inside, arrives_on);
        let goods = if parcel.packed_at.is_some() {
            still_good(slips.get(&parcel.id).map_or(&[], Vec::as_slice), slip, &needs)
        } else {
            lots::put_back(&mut shelf, &slip);
            let (taken, complete) = lots::take(&mut shelf, &needs);
            // one that waited for its lot before goes on waiting
            (complete || slip.is_empty()).then_some(taken)
        };
        results.push(result(
            &code,
            if goods.is_some() {
                Outcome::Done
            } else {
                Outcome::NoLot
            },
        ));
        if let Some(goods) = goods {
            moves.push(Move {
                parcel,
                arrives_on,
                province,
                goods,
            });
        }
    }
    Ok(moves)
}

/// The two digits of the province that a parcel goes to.
pub fn province_of(parcel: &Parcel, inside: &[Inside]) -> String {
    let to = inside.iter().find(|it| it.order_id == parcel.order_id);
    to.map(|it| it.region_code.chars().take(2).collect())
        .unwrap_or_default()
}

/// The goods of a packed parcel, if they last until another day of arrival as well.
fn still_good(picked: &[parcels::Picked], mut slip: Vec<Taken>, needs: &[lots::Need]) -> Option<Vec<Taken>> {
    for (pick, taken) in picked.iter().zip(&mut slip) {
        let need = needs
            .iter()
            .find(|it| (it.order, it.line, it.item) == (taken.order, taken.line, taken.item))?;
        let best_before: NaiveDate = pick.best_before.parse().ok()?;
        if best_before < need.good_until {
            return None;
        }
        taken.good_until = need.good_until;
    }
    covers(&slip, needs).then_some(slip)
}

async fn check_room(tx: &mut Tx, by: &By, to: &NewBatch, moves: &[Move<'_>]) -> Result<()> {
    let (total, with_carrier) = batches::load_of_day(tx, by.staff.village, &to.ship_on, &to.carrier).await?;
    let more = |there: fn(&Parcel, &NewBatch) -> bool| -> i64 {
        moves
            .iter()
            .filter(|it| !there(it.parcel, to))
            .map(|it| it.parcel.cases)
            .sum()
    };
    let on_day = more(|parcel, to| parcel.ship_on == to.ship_on);
    let on_van = more(|parcel, to| parcel.ship_on == to.ship_on && parcel.carrier == to.carrier);
    let (left, van_left) = (to.workshop_cases - total, to.pickup_cases - with_carrier);
    if (on_day > 0 && on_day > left) || (on_van > 0 && on_van > van_left) {
        let left = left.min(van_left).max(0);
        let detail = text(
            format!("这天排不下了，还能放 {left} 箱。"),
            format!("The day has room for {left} cases only."),
        );
        let problem = Problem::new(StatusCode::CONFLICT, "day-full", detail);
        return Err(problem.with("left", left).into());
    }
    Ok(())
}

fn sending(it: &Move<'_>, to: &NewBatch, carrier: &Carrier) -> Sending {
    let day = to.ship_on.parse().unwrap_or_default();
    let moved = it.parcel.ship_on != to.ship_on || it.parcel.carrier != to.carrier;
    Sending {
        id: it.parcel.id,
        batch_id: to.id,
        ship_on: to.ship_on.clone(),
        carrier: to.carrier.clone(),
        arrives_on: it.arrives_on.to_string(),
        reason: if moved {
            "人工改到这天".to_owned()
        } else {
            it.parcel.reason.clone()
        },
        collects_until: collects_until(carrier, &it.province, day).map(|day| day.to_string()),
    }
}
