//! The plan's late orders, and what their buyers can be offered instead. Pure; the questions are in `orders/late.rs`, and
//! what an answer does in `payments/late.rs`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::planning::{Draft, Ground, room_left};
use super::question::Question;
use super::shaping::Unit;
use crate::calendar::promise::Rooms;
use crate::calendar::{Carrier, Workshop};
use crate::money::Fen;
use crate::orders::late::{AfterOffer, CarrierOffer};
use crate::orders::store::promised::Limits;

/// An order that the plan can't send in time, in whole or in part.
#[derive(Clone, Debug)]
pub struct LateOrder {
    pub number: String,
    pub id: Uuid,
    /// in parcels that are late or not sent
    pub cases: i64,
    /// the plan's words
    pub reason: String,
    pub deadline: Option<NaiveDate>,
    /// when the plan sends it all the same
    pub arrives_on: Option<NaiveDate>,
}

/// What can be offered to the buyer of a late order, besides money back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    pub carrier: Option<CarrierOffer>,
    pub after: Option<AfterOffer>,
    /// the carrier that the order's own wish asks for
    pub after_carrier: Option<String>,
}

/// The late orders of a plan, those paid first at the top.
pub fn late_orders(draft: &Draft) -> Vec<LateOrder> {
    let mut orders: Vec<LateOrder> = Vec::new();
    for late in &draft.late {
        for inside in late.unit.shapes.iter().flat_map(|shape| &shape.inside) {
            match orders.iter_mut().find(|order| order.id == inside.order) {
                Some(order) => order.cases += inside.cases,
                None => orders.push(LateOrder {
                    number: inside.number.clone(),
                    id: inside.order,
                    cases: inside.cases,
                    reason: late.reason.clone(),
                    deadline: late.unit.deadline,
                    arrives_on: late.sending.as_ref().map(|(.., arrives)| *arrives),
                }),
            }
        }
    }
    orders
}

/// The room that a plan leaves. What is offered is taken of it, so that two buyers are not offered one place.
pub struct Left<'a> {
    ground: &'a Ground,
    draft: &'a Draft,
    question: &'a Question,
    workshop: Workshop,
    carriers: Vec<Carrier>,
}

/// What a way costs and when its last parcel is there, with the room that it takes.
struct Way {
    fen: i64,
    takes: Vec<(NaiveDate, i64)>,
}

impl<'a> Left<'a> {
    pub fn of(ground: &'a Ground, draft: &'a Draft, question: &'a Question) -> Self {
        let mut taken = ground.taken.clone();
        for load in &draft.loads {
            *taken.entry((load.ship_on, load.carrier.clone())).or_default() += load.unit.cases();
        }
        let (workshop, carriers) = room_left(&ground.calendar, &taken);
        Left {
            ground,
            draft,
            question,
            workshop,
            carriers,
        }
    }

    /// The offers for a late order. `rooms` is what promises have left: an answer is promised there.
    pub fn offers(&mut self, order: &LateOrder, rooms: &Rooms) -> Offers {
        let draft = self.draft;
        let mut units: Vec<(&Unit, Option<&str>)> = Vec::new();
        for load in &draft.loads {
            if is_of(&load.unit, order) {
                units.push((&load.unit, Some(&load.carrier)));
            }
        }
        let sent: Vec<&str> = units.iter().map(|(unit, _)| unit.id.as_str()).collect();
        let unsent = draft
            .late
            .iter()
            .filter(|late| !sent.contains(&late.unit.id.as_str()));
        let unsent: Vec<(&Unit, Option<&str>)> = unsent
            .filter(|late| is_of(&late.unit, order))
            .map(|late| (&late.unit, None))
            .collect();
        units.extend(unsent);
        let wished = units.iter().find_map(|(unit, _)| unit.carrier.clone());
        let known = |code: &String| self.carriers.iter().any(|it| it.carrier == *code);
        let after_carrier = wished.filter(known);
        Offers {
            carrier: self.other_carrier(order, &units, rooms),
            after: self.after(order, &units, after_carrier.as_deref(), rooms),
            after_carrier,
        }
    }

    /// The cheapest carrier other than the order's with which all of its parcels would be there in time.
    fn other_carrier(
        &mut self,
        order: &LateOrder,
        units: &[(&Unit, Option<&str>)],
        rooms: &Rooms,
    ) -> Option<CarrierOffer> {
        let deadline = order.deadline?;
        let first = units.first()?.0;
        let cases: i64 = units.iter().map(|(unit, _)| unit.cases()).sum();
        let mut best: Option<(i64, CarrierOffer, Way)> = None;
        for carrier in &self.carriers {
            let limits = Limits {
                carrier: Some(&carrier.carrier),
                arrive_by: Some(deadline),
                not_before: Some(first.ready_on),
            };
            let is_its_own = units
                .iter()
                .all(|(unit, _)| unit.carrier.as_ref() == Some(&carrier.carrier));
            let promise = limits.take(&mut rooms.clone(), &first.province, cases, None);
            let (false, Some(promise)) = (is_its_own, promise) else {
                continue;
            };
            let Some(way) = self.way(carrier, units, deadline) else {
                continue;
            };
            let extra = (way.fen - self.fen_now(units)).max(0);
            if best.as_ref().is_none_or(|(fen, ..)| extra < *fen) {
                let offer = CarrierOffer {
                    carrier: carrier.carrier.clone(),
                    name: carrier.name.clone().unwrap_or_else(|| carrier.carrier.clone()),
                    arrives_by: promise.arrives_by,
                    extra_fen: Fen(extra),
                };
                best = Some((extra, offer, way));
            }
        }
        let (_, offer, way) = best?;
        for (day, cases) in way.takes {
            let left = self.workshop.capacity(day) - cases;
            self.workshop.days.insert(day, left);
            if let Some(carrier) = self.carriers.iter_mut().find(|it| it.carrier == offer.carrier) {
                let left = carrier.pickup(day) - cases;
                carrier.days.insert(day, left);
            }
        }
        Some(offer)
    }

    /// Sends all parcels with a carrier in what is left of the days; `None` when one would be late.
    fn way(&self, carrier: &Carrier, units: &[(&Unit, Option<&str>)], deadline: NaiveDate) -> Option<Way> {
        // what the plan does with these parcels now would be free then
        let mut free: BTreeMap<NaiveDate, i64> = BTreeMap::new();
        for load in self.draft.loads.iter() {
            if units.iter().any(|(unit, _)| unit.id == load.unit.id) {
                *free.entry(load.ship_on).or_default() += load.unit.cases();
            }
        }
        let mut takes: Vec<(NaiveDate, i64)> = Vec::new();
        for (unit, _) in units {
            let days = unit.ready_on.max(self.question.as_of).iter_days();
            let horizon = usize::try_from(self.question.horizon_days).unwrap_or(0);
            let day = days
                .take(horizon)
                .take_while(|day| *day <= deadline)
                .find(|day| {
                    let used: i64 = takes
                        .iter()
                        .filter(|(on, _)| on == day)
                        .map(|(_, cases)| cases)
                        .sum();
                    let workshop = self.workshop.capacity(*day) + free.get(day).copied().unwrap_or(0) - used;
                    let in_time = carrier
                        .arrival(&unit.province, *day)
                        .is_some_and(|arrives| arrives <= deadline);
                    in_time && workshop >= unit.cases() && carrier.pickup(*day) - used >= unit.cases()
                })?;
            takes.push((day, unit.cases()));
        }
        let cases: i64 = takes.iter().map(|(_, cases)| cases).sum();
        Some(Way {
            fen: carrier.fen_per_case * cases,
            takes,
        })
    }

    /// What these parcels cost as they are planned; one that isn't costs what its own or else the cheapest carrier takes.
    fn fen_now(&self, units: &[(&Unit, Option<&str>)]) -> i64 {
        let carriers = &self.ground.calendar.carriers;
        let of = |code: &str| carriers.iter().find(|it| it.carrier == code);
        let cheapest = |unit: &Unit| {
            let serves = carriers
                .iter()
                .filter(|it| it.transit_days.contains_key(&unit.province));
            serves.map(|it| it.fen_per_case).min()
        };
        let fen = |(unit, planned): &(&Unit, Option<&str>)| {
            let named = planned.or(unit.carrier.as_deref()).and_then(of);
            let each = named.map(|it| it.fen_per_case).or_else(|| cheapest(unit));
            each.unwrap_or(0) * unit.cases()
        };
        units.iter().map(fen).sum()
    }

    /// The first arrival of what leaves after the carriers' stop that lies ahead; without one, from the day on which the
    /// plan sends it late.
    fn after(
        &self,
        order: &LateOrder,
        units: &[(&Unit, Option<&str>)],
        carrier: Option<&str>,
        rooms: &Rooms,
    ) -> Option<AfterOffer> {
        let first = units.first()?.0;
        let cases: i64 = units.iter().map(|(unit, _)| unit.cases()).sum();
        let carriers = self
            .carriers
            .iter()
            .filter(|it| carrier.is_none_or(|code| it.carrier == code));
        let ahead = order.deadline.unwrap_or(self.question.as_of);
        let resumes = carriers
            .flat_map(|it| it.stops_for(&first.province))
            .map(|stop| stop.resumes_on)
            .filter(|day| *day > ahead)
            .min();
        let planned = self
            .draft
            .loads
            .iter()
            .filter(|load| load.late && is_of(&load.unit, order));
        let planned = planned.map(|load| load.ship_on).max();
        let ready = units.iter().map(|(unit, _)| unit.ready_on).max()?;
        let leaves_from = resumes.or(planned).unwrap_or(self.question.as_of).max(ready);
        let limits = Limits {
            not_before: Some(leaves_from),
            carrier,
            arrive_by: None,
        };
        let promise = limits.take(&mut rooms.clone(), &first.province, cases, None)?;
        Some(AfterOffer {
            leaves_from,
            arrives_by: promise.arrives_by,
        })
    }
}

fn is_of(unit: &Unit, order: &LateOrder) -> bool {
    let mut inside = unit.shapes.iter().flat_map(|shape| &shape.inside);
    inside.any(|inside| inside.order == order.id)
}
