//! From days, carriers and parcels to slots and groups, and back.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::flow::{Bits, Grid, Room, insert, members};
use super::reason::{Chance, Reasons};
use super::solve::{Group, Task, solve};
use super::{Assigned, Input, Parcel, Plan, Unassigned};
use crate::calendar::Carrier;
use crate::error::{FieldError, text};

/// Kinds of parcels times slots: a limit of memory (bits) and time. 50 carriers and 400 days allow 10,000 kinds of
/// parcels, 5 carriers and 30 days more than there can be parcels.
const MOST_CHOICES: usize = 200_000_000;

/// A carrier on a day.
#[derive(Clone, Copy, Debug)]
struct Slot {
    day: NaiveDate,
    /// in the input
    carrier: usize,
}

/// Parcels that have the same choices: province, deadline, day of readiness, carrier.
pub type Wish<'a> = (&'a str, Option<NaiveDate>, Option<NaiveDate>, Option<&'a str>);

pub struct Model<'a> {
    pub input: &'a Input,
    /// by day, then freight, then name
    slots: Vec<Slot>,
    grid: Grid,
    room: Room,
    /// the parcels, who paid first first
    parcels: Vec<&'a Parcel>,
    /// per province and slot: the day of arrival
    arrivals: HashMap<&'a str, Vec<Option<NaiveDate>>>,
}

impl<'a> Model<'a> {
    /// # Errors
    /// When there are too many choices to look at.
    pub fn build(input: &'a Input) -> Result<Self, FieldError> {
        let (slots, grid, room) = slots(input);
        let mut parcels: Vec<&Parcel> = input.parcels.iter().collect();
        parcels.sort_unstable_by_key(|parcel| (parcel.paid_at.is_none(), parcel.paid_at, &parcel.id));
        let mut arrivals = HashMap::new();
        for parcel in &parcels {
            let arrives = |slot: &Slot| input.carriers[slot.carrier].arrival(&parcel.province, slot.day);
            arrivals
                .entry(parcel.province.as_str())
                .or_insert_with(|| slots.iter().map(arrives).collect());
        }
        let model = Model {
            input,
            slots,
            grid,
            room,
            parcels,
            arrivals,
        };
        let mut wishes: Vec<Wish> = model.parcels.iter().map(|parcel| wish(parcel)).collect();
        wishes.sort_unstable();
        wishes.dedup();
        if wishes.len() * model.slots.len() > MOST_CHOICES {
            let message = text(
                "包裹的种类、天数和快递太多，请减少天数。",
                "Too many different parcels for so many days and carriers: take fewer days.",
            );
            let field = "horizon_days".to_owned();
            return Err(FieldError { field, message });
        }
        Ok(model)
    }

    pub fn plan(&self) -> Plan {
        let all: Vec<usize> = (0..self.parcels.len()).collect();
        let mut room = self.room.clone();
        let mut slot_of = vec![None; self.parcels.len()];
        let on_time = self.task(&all, &room, true);
        for (parcel, slot) in solve(&on_time).into_iter().enumerate() {
            slot_of[parcel] = slot;
            if let Some(slot) = slot {
                room.take(&self.grid, slot, self.parcels[parcel].cases);
            }
        }
        let late: Vec<usize> = all
            .into_iter()
            .filter(|parcel| slot_of[*parcel].is_none())
            .collect();
        for (parcel, slot) in late.iter().zip(solve(&self.task(&late, &room, false))) {
            slot_of[*parcel] = slot;
        }
        self.written(&slot_of)
    }

    /// The parcels as a task: on time and at their freight, or at any time and as many as possible.
    fn task(&self, parcels: &[usize], room: &Room, on_time: bool) -> Task {
        let mut grid = self.grid.clone();
        if !on_time {
            grid.cost.fill(0);
        }
        let mut options_of: HashMap<Wish, Bits> = HashMap::new();
        let mut number_of: HashMap<Group, usize> = HashMap::new();
        let mut known: HashMap<(Wish, i64), usize> = HashMap::new();
        let mut order = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            let parcel = self.parcels[*parcel];
            let wish = wish(parcel);
            let group = *known.entry((wish, parcel.cases)).or_insert_with(|| {
                let options = options_of
                    .entry(wish)
                    .or_insert_with(|| self.options(parcel, on_time));
                let group = Group {
                    options: options.clone(),
                    cases: parcel.cases,
                };
                let next = number_of.len();
                *number_of.entry(group).or_insert(next)
            });
            order.push(group);
        }
        let mut groups: Vec<(usize, Group)> = number_of.into_iter().map(|(group, at)| (at, group)).collect();
        groups.sort_unstable_by_key(|(at, _)| *at);
        Task {
            grid,
            room: room.clone(),
            groups: groups.into_iter().map(|(_, group)| group).collect(),
            order,
        }
    }

    fn options(&self, parcel: &Parcel, on_time: bool) -> Bits {
        let mut options = vec![0; self.grid.words()];
        for (at, slot) in self.slots.iter().enumerate() {
            let in_time = |arrives: NaiveDate| parcel.deadline.is_none_or(|deadline| arrives <= deadline);
            let arrives = self.arrivals[parcel.province.as_str()][at];
            let fits = self.may_take(parcel, slot.carrier)
                && parcel.ready_on.is_none_or(|ready| ready <= slot.day)
                && arrives.is_some_and(|arrives| !on_time || in_time(arrives));
            if fits {
                insert(&mut options, at);
            }
        }
        options
    }

    fn may_take(&self, parcel: &Parcel, carrier: usize) -> bool {
        let only = parcel.carrier.as_deref();
        only.is_none_or(|only| only == self.input.carriers[carrier].carrier)
    }

    /// What is possible for a parcel if it were the only one.
    pub fn chance(&self, parcel: &Parcel) -> Chance {
        let mut carriers = self.input.carriers.iter().enumerate();
        let serves = |(at, row): (usize, &Carrier)| {
            self.may_take(parcel, at) && row.transit_days.contains_key(&parcel.province)
        };
        let has_room =
            |options: &Bits| members(options).any(|slot| self.room.of(&self.grid, slot) >= parcel.cases);
        let any = self.options(parcel, false);
        if !carriers.any(serves) {
            Chance::Unserved
        } else if members(&any).next().is_none() {
            Chance::Uncollected
        } else if !has_room(&any) {
            Chance::TooLarge
        } else if has_room(&self.options(parcel, true)) {
            Chance::OnTime
        } else {
            Chance::Late
        }
    }

    /// The last day that is looked at.
    pub fn last_day(&self) -> NaiveDate {
        let days = Days::new(u64::from(self.input.horizon_days) - 1);
        self.input.as_of.checked_add_days(days).unwrap_or(NaiveDate::MAX)
    }

    fn written(&self, slot_of: &[Option<usize>]) -> Plan {
        let mut reasons = Reasons::new(self);
        let mut plan = Plan {
            assigned: Vec::with_capacity(slot_of.len()),
            unassigned: Vec::new(),
            late_count: 0,
            freight_fen: 0,
        };
        for (parcel, slot) in self.parcels.iter().zip(slot_of) {
            let sent = slot.and_then(|slot| {
                let arrives_on = self.arrivals[parcel.province.as_str()][slot]?;
                Some((self.slots[slot], arrives_on))
            });
            let Some((slot, arrives_on)) = sent else {
                plan.late_count += 1;
                plan.unassigned.push(Unassigned {
                    id: parcel.id.clone(),
                    reason: reasons.unassigned(parcel),
                });
                continue;
            };
            let carrier = &self.input.carriers[slot.carrier];
            let late = parcel.deadline.is_some_and(|deadline| arrives_on > deadline);
            if late {
                plan.late_count += 1;
            } else {
                plan.freight_fen += carrier.fen_per_case * parcel.cases;
            }
            plan.assigned.push(Assigned {
                id: parcel.id.clone(),
                ship_on: slot.day,
                carrier: carrier.carrier.clone(),
                arrives_on,
                late,
                reason: reasons.assigned(parcel, slot.carrier, slot.day, arrives_on),
            });
        }
        // stable: within a day the order of payment stays
        plan.assigned.sort_by_key(|assigned| assigned.ship_on);
        plan
    }
}

pub fn wish(parcel: &Parcel) -> Wish<'_> {
    (
        &parcel.province,
        parcel.deadline,
        parcel.ready_on,
        parcel.carrier.as_deref(),
    )
}

/// The slots with any room. Days of which nothing can leave are left out.
fn slots(input: &Input) -> (Vec<Slot>, Grid, Room) {
    let mut carriers: Vec<usize> = (0..input.carriers.len()).collect();
    let rank = |carrier: &Carrier| (carrier.fen_per_case, carrier.carrier.clone());
    carriers.sort_by_key(|at| rank(&input.carriers[*at]));
    let (mut slots, mut grid) = (Vec::new(), Grid::default());
    let mut room = Room {
        pick: Vec::new(),
        pack: Vec::new(),
    };
    for offset in 0..u64::from(input.horizon_days) {
        let Some(day) = input.as_of.checked_add_days(Days::new(offset)) else {
            break;
        };
        let (capacity, first) = (input.workshop.capacity(day), slots.len());
        for carrier in &carriers {
            let pickup = input.carriers[*carrier].pickup(day);
            if capacity > 0 && pickup > 0 {
                slots.push(Slot {
                    day,
                    carrier: *carrier,
                });
                grid.day_of.push(room.pack.len());
                grid.cost.push(input.carriers[*carrier].fen_per_case);
                room.pick.push(pickup.min(capacity));
            }
        }
        if slots.len() > first {
            grid.slots_of.push(first..slots.len());
            room.pack.push(capacity);
        }
    }
    (slots, grid, room)
}
