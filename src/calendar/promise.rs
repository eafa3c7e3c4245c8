//! The date that a buyer is told before paying: computed from what the workshop packs, what carriers collect, how long
//! they travel and when they stop, and from the room that earlier promises have left. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Calendar, Carrier};
use crate::clock::{Timestamp, start_of_day};

/// How far ahead anything is promised.
pub const HORIZON_DAYS: usize = 60;

/// When an order leaves, and when it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    pub ships_on: NaiveDate,
    pub arrives_by: NaiveDate,
    pub carrier: String,
    pub cases: i64,
}

/// The part of a promise that buyers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Dates {
    pub ships_on: NaiveDate,
    pub arrives_by: NaiveDate,
}

impl Promise {
    pub fn dates(&self) -> Dates {
        Dates {
            ships_on: self.ships_on,
            arrives_by: self.arrives_by,
        }
    }
}

/// Cases that promises have taken of a day: of the workshop when `carrier` is empty, else of that carrier's pick-up.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Taken {
    pub day: String,
    pub carrier: String,
    pub promised: i64,
}

/// What newly taken cases make of a row of `promise_day`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Take {
    pub day: NaiveDate,
    pub carrier: String,
    pub cases: i64,
    /// the day's capacity
    pub room: i64,
}

/// The room that is left from today on.
#[derive(Clone, Debug)]
pub struct Rooms {
    calendar: Arc<Calendar>,
    today: NaiveDate,
    /// per carrier: has collected for today already
    gone: Vec<bool>,
    /// cases left of the workshop, per day from today
    workshop: Vec<i64>,
    /// cases left of each carrier's pick-up, per day from today
    pickup: Vec<Vec<i64>>,
    /// cases taken since `new`, by day from today and carrier
    fresh: BTreeMap<(usize, usize), i64>,
}

impl Rooms {
    /// The room at an instant, after what promises have taken.
    pub fn new(calendar: Arc<Calendar>, taken: &[Taken], now: Timestamp) -> Self {
        let today = now.day();
        let minute = minute_of(now);
        let days = || (0..HORIZON_DAYS).map_while(|at| day_at(today, at));
        let mut workshop: Vec<i64> = days().map(|day| calendar.workshop.capacity(day)).collect();
        let mut pickup: Vec<Vec<i64>> = calendar
            .carriers
            .iter()
            .map(|carrier| days().map(|day| carrier.pickup(day)).collect())
            .collect();
        for row in taken {
            let Some(at) = row.day.parse().ok().and_then(|day| index_of(today, day)) else {
                continue;
            };
            let left = if row.carrier.is_empty() {
                Some(&mut workshop)
            } else {
                let of = calendar.carriers.iter().position(|it| it.carrier == row.carrier);
                of.and_then(|of| pickup.get_mut(of))
            };
            if let Some(left) = left.and_then(|left| left.get_mut(at)) {
                *left -= row.promised;
            }
        }
        let gone = calendar.carriers.iter().map(|it| it.cut_off_minute() <= minute);
        Rooms {
            gone: gone.collect(),
            calendar,
            today,
            workshop,
            pickup,
            fresh: BTreeMap::new(),
        }
    }

    pub fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// Leaves the pick-up of one carrier only; none at all when the village has no such carrier.
    pub fn keep_only(&mut self, carrier: &str) {
        for (of, days) in self.pickup.iter_mut().enumerate() {
            if self.calendar.carriers[of].carrier != carrier {
                days.fill(0);
            }
        }
    }

    /// Whether the same days have room for one case, so that one case is promised the same.
    pub fn is_open_as(&self, other: &Rooms) -> bool {
        let open = |days: &[i64], others: &[i64]| {
            let pairs = days.iter().zip(others);
            days.len() == others.len() && pairs.into_iter().all(|(one, other)| (*one > 0) == (*other > 0))
        };
        let pickups = self.pickup.iter().zip(&other.pickup);
        self.calendar.edition == other.calendar.edition
            && self.today == other.today
            && self.gone == other.gone
            && open(&self.workshop, &other.workshop)
            && pickups.into_iter().all(|(one, other)| open(one, other))
    }

    /// The earliest arrival of `cases` in a province, all of them on one day and with one carrier, not before `ready_on`.
    /// Of equally early ones the cheapest, then the one that leaves first. `None` when there is no room within the
    /// horizon, and for more cases than any day takes.
    pub fn find(&self, province: &str, cases: i64, ready_on: Option<NaiveDate>) -> Option<Promise> {
        let mut best: Option<(NaiveDate, i64, usize, usize)> = None;
        for (at, left) in self.workshop.iter().enumerate() {
            let day = day_at(self.today, at)?;
            if best.is_some_and(|(arrives, ..)| arrives < day) {
                break;
            }
            if *left < cases || ready_on.is_some_and(|ready| day < ready) {
                continue;
            }
            for (of, carrier) in self.carriers_on(at, cases) {
                if let Some(arrives) = carrier.arrival(province, day) {
                    let this = (arrives, carrier.fen_per_case, at, of);
                    best = Some(best.map_or(this, |best| best.min(this)));
                }
            }
        }
        let (arrives_by, _, at, of) = best?;
        Some(Promise {
            ships_on: day_at(self.today, at)?,
            arrives_by,
            carrier: self.calendar.carriers[of].carrier.clone(),
            cases,
        })
    }

    /// Carriers that still collect `cases` on a day.
    fn carriers_on(&self, at: usize, cases: i64) -> impl Iterator<Item = (usize, &Carrier)> {
        let collects = move |of: &usize| self.pickup[*of][at] >= cases && !(at == 0 && self.gone[*of]);
        let carriers = self.calendar.carriers.iter().enumerate();
        carriers.filter(move |(of, _)| collects(of))
    }

    /// Finds a promise and takes its room.
    pub fn take(&mut self, province: &str, cases: i64, ready_on: Option<NaiveDate>) -> Option<Promise> {
        let promise = self.find(province, cases, ready_on)?;
        let at = index_of(self.today, promise.ships_on)?;
        let of = self
            .calendar
            .carriers
            .iter()
            .position(|it| it.carrier == promise.carrier)?;
        self.workshop[at] -= cases;
        self.pickup[of][at] -= cases;
        *self.fresh.entry((at, of)).or_default() += cases;
        Some(promise)
    }

    /// What has been taken, as rows to write, in the order of their keys.
    pub fn taken(&self) -> Vec<Take> {
        let mut rows: BTreeMap<(NaiveDate, &str), Take> = BTreeMap::new();
        for ((at, of), cases) in &self.fresh {
            let Some(day) = day_at(self.today, *at) else {
                continue;
            };
            let carrier = &self.calendar.carriers[*of];
            let parts = [
                ("", self.calendar.workshop.capacity(day)),
                (carrier.carrier.as_str(), carrier.pickup(day)),
            ];
            for (code, room) in parts {
                let row = rows.entry((day, code)).or_insert_with(|| Take {
                    day,
                    carrier: code.to_owned(),
                    cases: 0,
                    room,
                });
                row.cases += cases;
            }
        }
        rows.into_values().collect()
    }

    /// The last day on which one ordered case, ready by then, still leaves in time to arrive before `feast`; `None` when
    /// it is too late already, or the feast is beyond the horizon.
    pub fn last_order_day(&self, province: &str, feast: NaiveDate) -> Option<NaiveDate> {
        let end = index_of(self.today, feast)?;
        let in_time = |at: &usize| {
            let day = day_at(self.today, *at);
            day.is_some_and(|day| {
                self.workshop[*at] > 0
                    && self
                        .carriers_on(*at, 1)
                        .any(|(_, it)| it.arrival(province, day).is_some_and(|arrives| arrives < feast))
            })
        };
        // nothing arrives before it leaves
        let at = (0..end).rev().find(in_time)?;
        day_at(self.today, at)
    }

    /// Whether a day to come is within the horizon.
    pub fn reaches(&self, day: NaiveDate) -> bool {
        index_of(self.today, day).is_some()
    }

    /// The next instant at which time alone changes what is promised: a carrier's cut-off, or midnight.
    pub fn changes_at(&self, now: Timestamp) -> Timestamp {
        let minute = minute_of(now);
        let midnight = 24 * 60;
        let cuts = self.calendar.carriers.iter().map(Carrier::cut_off_minute);
        let next = cuts.filter(|cut| *cut > minute).min().unwrap_or(midnight);
        let start = start_of_day(now.day());
        Timestamp(start.0 + i64::from(next.min(midnight)) * 60_000)
    }
}

/// Minutes of the local day that have gone.
fn minute_of(now: Timestamp) -> u32 {
    let gone = now.0 - start_of_day(now.day()).0;
    u32::try_from(gone / 60_000).unwrap_or(0)
}

fn day_at(today: NaiveDate, at: usize) -> Option<NaiveDate> {
    today.checked_add_days(Days::new(u64::try_from(at).ok()?))
}

/// How many days from today; `None` for the past and for what is beyond the horizon.
fn index_of(today: NaiveDate, day: NaiveDate) -> Option<usize> {
    let at = usize::try_from(day.signed_duration_since(today).num_days()).ok()?;
    (at < HORIZON_DAYS).then_some(at)
}

#[cfg(test)]
mod tests;
