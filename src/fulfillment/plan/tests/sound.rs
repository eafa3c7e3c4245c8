//! What must hold of every plan.

use std::collections::{BTreeSet, HashMap};

use chrono::{Days, NaiveDate};

use super::random::{Size, random, shuffled, with_more_room};
use crate::fulfillment::plan::{Assigned, Input, Parcel, Plan, plan};

struct Room<'a> {
    input: &'a Input,
    used: HashMap<(NaiveDate, &'a str), i64>,
}

impl<'a> Room<'a> {
    fn of(input: &'a Input, plan: &'a Plan, parcels: &HashMap<&str, &Parcel>) -> Self {
        let mut used = HashMap::new();
        for row in &plan.assigned {
            for who in ["", row.carrier.as_str()] {
                *used.entry((row.ship_on, who)).or_insert(0) += parcels[row.id.as_str()].cases;
            }
        }
        Room { input, used }
    }

    fn left(&self, day: NaiveDate, carrier: usize) -> i64 {
        let row = &self.input.carriers[carrier];
        let used = |who: &str| self.used.get(&(day, who)).copied().unwrap_or(0);
        (self.input.workshop.capacity(day) - used("")).min(row.pickup(day) - used(&row.carrier))
    }
}

fn by_id(input: &Input) -> HashMap<&str, &Parcel> {
    input
        .parcels
        .iter()
        .map(|parcel| (parcel.id.as_str(), parcel))
        .collect()
}

pub fn assert_sound(input: &Input) {
    let plan = plan(input).unwrap();
    let parcels = by_id(input);
    let ids = plan
        .assigned
        .iter()
        .map(|row| &row.id)
        .chain(plan.unassigned.iter().map(|row| &row.id));
    let ids: Vec<&String> = ids.collect();
    assert_eq!(ids.len(), input.parcels.len(), "each is told once");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let (mut late, mut freight) = (plan.unassigned.len() as i64, 0);
    for row in &plan.assigned {
        let parcel = parcels[row.id.as_str()];
        let carrier = input
            .carriers
            .iter()
            .find(|carrier| carrier.carrier == row.carrier)
            .unwrap();
        assert_eq!(
            carrier.arrival(&parcel.province, row.ship_on),
            Some(row.arrives_on)
        );
        assert!(
            row.ship_on >= input.as_of && row.ship_on < input.as_of + Days::new(input.horizon_days.into())
        );
        assert!(parcel.ready_on.is_none_or(|ready| ready <= row.ship_on));
        assert!(parcel.carrier.as_ref().is_none_or(|only| *only == row.carrier));
        assert_eq!(
            row.late,
            parcel.deadline.is_some_and(|last| row.arrives_on > last)
        );
        assert!(!row.reason.zh.is_empty() && !row.reason.en.is_empty());
        late += i64::from(row.late);
        freight += if row.late {
            0
        } else {
            carrier.fen_per_case * parcel.cases
        };
    }
    assert_eq!((late, freight), (plan.late_count, plan.freight_fen));
    let room = Room::of(input, &plan, &parcels);
    for offset in 0..input.horizon_days {
        let day = input.as_of + Days::new(offset.into());
        for carrier in 0..input.carriers.len() {
            assert!(room.left(day, carrier) >= 0, "{day} is overfull");
        }
    }
    for row in &plan.assigned {
        assert_early(input, &room, parcels[row.id.as_str()], Some(row));
    }
    for row in &plan.unassigned {
        assert_early(input, &room, parcels[row.id.as_str()], None);
    }
}

/// There is no room earlier in which the parcel would be no worse.
fn assert_early(input: &Input, room: &Room, parcel: &Parcel, row: Option<&Assigned>) {
    for offset in 0..input.horizon_days {
        let day = input.as_of + Days::new(offset.into());
        if row.is_some_and(|row| row.ship_on <= day) {
            break;
        }
        for (at, carrier) in input.carriers.iter().enumerate() {
            let dearer = row.is_some_and(|row| !row.late && row.carrier != carrier.carrier);
            let may = parcel
                .carrier
                .as_ref()
                .is_none_or(|only| *only == carrier.carrier)
                && !dearer;
            let ready = parcel.ready_on.is_none_or(|ready| ready <= day);
            let free = may && ready && carrier.arrival(&parcel.province, day).is_some();
            assert!(
                !free || room.left(day, at) < parcel.cases,
                "{} could leave on {day}",
                parcel.id
            );
        }
    }
}

const MEDIUM: Size = Size {
    parcels: 120,
    days: 10,
    carriers: 4,
    cases: 6,
    capacity: 40,
};

#[test]
fn plans_are_sound() {
    for seed in 0..150 {
        let mut input = random(seed, MEDIUM);
        assert_sound(&input);
        input.parcels.iter_mut().for_each(|parcel| parcel.cases = 1);
        assert_sound(&input);
    }
}

#[test]
fn the_order_of_the_input_means_nothing() {
    for seed in 0..60 {
        let input = random(seed, MEDIUM);
        assert_eq!(
            plan(&input).unwrap(),
            plan(&shuffled(&input, seed)).unwrap(),
            "seed {seed}"
        );
    }
}

#[test]
fn more_room_makes_nobody_late() {
    for seed in 0..300 {
        let mut input = random(seed, MEDIUM);
        input.parcels.iter_mut().for_each(|parcel| parcel.cases = 2);
        let more = with_more_room(&input, seed);
        assert!(
            plan(&more).unwrap().late_count <= plan(&input).unwrap().late_count,
            "seed {seed}"
        );
    }
}

/// Among parcels alike, who paid first leaves first.
#[test]
fn who_paid_first_leaves_first() {
    for seed in 0..60 {
        let mut input = random(seed, MEDIUM);
        input.parcels.iter_mut().for_each(|parcel| {
            parcel.cases = 1;
            parcel.carrier = None;
        });
        let plan = plan(&input).unwrap();
        let parcels = by_id(&input);
        let mut seen: HashMap<_, (NaiveDate, _)> = HashMap::new();
        let mut rows: Vec<_> = plan.assigned.iter().filter(|row| !row.late).collect();
        rows.sort_by_key(|row| {
            let parcel = parcels[row.id.as_str()];
            (parcel.paid_at.is_none(), parcel.paid_at, &parcel.id)
        });
        for row in rows {
            let parcel = parcels[row.id.as_str()];
            let alike = (&parcel.province, parcel.deadline, parcel.ready_on);
            let before = seen.insert(alike, (row.ship_on, &row.id));
            assert!(before.is_none_or(|(day, _)| day <= row.ship_on), "seed {seed}");
        }
    }
}
