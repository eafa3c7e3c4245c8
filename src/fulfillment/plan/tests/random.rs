//! Random inputs from a seed.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::calendar::{Carrier, EVERYWHERE, Stop, Workshop};
use crate::clock::Timestamp;
use crate::fulfillment::plan::{Input, Parcel};

pub const PROVINCES: [&str; 4] = ["41", "44", "54", "65"];

/// How large an input may get.
#[derive(Clone, Copy)]
pub struct Size {
    pub parcels: usize,
    pub days: u32,
    pub carriers: usize,
    /// cases of a parcel
    pub cases: i64,
    /// cases of a day
    pub capacity: i64,
}

pub fn day(offset: i64) -> NaiveDate {
    let start: NaiveDate = "2024-01-20".parse().unwrap();
    start.checked_add_signed(chrono::TimeDelta::days(offset)).unwrap()
}

pub fn random(seed: u64, size: Size) -> Input {
    let rng = &mut StdRng::seed_from_u64(seed);
    let days = rng.random_range(1..=size.days);
    let carriers: Vec<Carrier> = (0..rng.random_range(1..=size.carriers))
        .map(|at| carrier(rng, at, days, size))
        .collect();
    let workshop = Workshop {
        cases_per_day: rng.random_range(0..=size.capacity),
        days: some_days(rng, days, size),
    };
    let mut parcels: Vec<Parcel> = (0..rng.random_range(1..=size.parcels))
        .map(|at| parcel(rng, at, days, size, &carriers))
        .collect();
    parcels.shuffle(rng);
    Input {
        as_of: day(0),
        horizon_days: days,
        workshop,
        carriers,
        parcels,
    }
}

fn some_days(rng: &mut StdRng, days: u32, size: Size) -> BTreeMap<NaiveDate, i64> {
    let mut found = BTreeMap::new();
    for offset in 0..days {
        if rng.random_bool(0.2) {
            found.insert(day(i64::from(offset)), rng.random_range(0..=size.capacity));
        }
    }
    found
}

fn carrier(rng: &mut StdRng, at: usize, days: u32, size: Size) -> Carrier {
    let mut stops = Vec::new();
    for province in [EVERYWHERE, "44", "65"] {
        if rng.random_bool(0.3) {
            let from = rng.random_range(0..i64::from(days));
            let (delivers, ends) = (from + rng.random_range(0..3), from + rng.random_range(3..6));
            stops.push(Stop {
                province: province.into(),
                collects_until: day(from),
                delivers_until: day(delivers),
                resumes_on: day(ends),
            });
        }
    }
    let served = PROVINCES
        .iter()
        .filter(|_| rng.random_bool(0.9))
        .collect::<Vec<_>>();
    Carrier {
        carrier: format!("carrier-{at}"),
        name: None,
        cut_off: None,
        pickup_cases_per_day: rng.random_range(0..=size.capacity),
        days: some_days(rng, days, size),
        fen_per_case: [500, 900, 900, 1_700][rng.random_range(0..4)],
        transit_days: served
            .into_iter()
            .map(|province| ((*province).into(), rng.random_range(0..4)))
            .collect(),
        stops,
    }
}

fn parcel(rng: &mut StdRng, at: usize, days: u32, size: Size, carriers: &[Carrier]) -> Parcel {
    let span = i64::from(days);
    let cases = if rng.random_bool(0.5) {
        1
    } else {
        rng.random_range(1..=size.cases)
    };
    Parcel {
        id: format!("p-{at}"),
        cases,
        province: PROVINCES[rng.random_range(0..PROVINCES.len())].into(),
        deadline: rng.random_bool(0.85).then(|| day(rng.random_range(0..span + 3))),
        ready_on: rng.random_bool(0.4).then(|| day(rng.random_range(-1..span))),
        paid_at: rng
            .random_bool(0.9)
            .then(|| Timestamp(rng.random_range(0..6) * 1_000)),
        carrier: rng
            .random_bool(0.2)
            .then(|| carriers[rng.random_range(0..carriers.len())].carrier.clone()),
    }
}

/// The same parcels and carriers in another order.
pub fn shuffled(input: &Input, seed: u64) -> Input {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut input = input.clone();
    input.parcels.shuffle(rng);
    input.carriers.shuffle(rng);
    input
}

/// A little more room somewhere.
pub fn with_more_room(input: &Input, seed: u64) -> Input {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut input = input.clone();
    let at = input
        .as_of
        .checked_add_days(Days::new(rng.random_range(0..u64::from(input.horizon_days))));
    let (at, more) = (at.unwrap(), rng.random_range(1..4));
    let days = input
        .workshop
        .days
        .entry(at)
        .or_insert(input.workshop.cases_per_day);
    *days += more;
    let carrier = rng.random_range(0..input.carriers.len());
    let carrier = &mut input.carriers[carrier];
    *carrier.days.entry(at).or_insert(carrier.pickup_cases_per_day) += more;
    input
}
