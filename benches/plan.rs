//! How long the planner takes, by size of the shop. Run with `cargo bench --bench plan`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use cunji::calendar::{Carrier, Stop, Workshop};
use cunji::clock::Timestamp;
use cunji::fulfillment::plan::{Input, Parcel, plan};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Days on the way at the quickest carrier.
const PROVINCES: [(&str, u32); 12] = [
    ("41", 1),
    ("42", 2),
    ("37", 2),
    ("11", 2),
    ("31", 2),
    ("33", 2),
    ("44", 3),
    ("51", 3),
    ("45", 4),
    ("23", 4),
    ("46", 5),
    ("65", 6),
];

struct Case {
    parcels: usize,
    days: u32,
    carriers: usize,
    /// cases of the largest parcel
    cases: i64,
    /// capacity for so many hundredths of what is ordered
    room: i64,
}

fn input(case: &Case) -> Input {
    let rng = &mut StdRng::seed_from_u64(case.parcels as u64);
    let as_of: NaiveDate = "2027-01-05".parse().expect("a day");
    let parcels: Vec<Parcel> = (0..case.parcels).map(|at| parcel(rng, at, as_of, case)).collect();
    let ordered: i64 = parcels.iter().map(|parcel| parcel.cases).sum();
    let per_day = ordered * case.room / 100 / i64::from(case.days) + 1;
    let stops = as_of + Days::new(u64::from(case.days) * 4 / 5);
    let carriers = (0..case.carriers).map(|at| carrier(at, stops, per_day)).collect();
    Input {
        as_of,
        horizon_days: case.days,
        workshop: Workshop {
            cases_per_day: per_day.max(case.cases),
            days: BTreeMap::from([(as_of + Days::new(4), 0)]),
        },
        carriers,
        parcels,
    }
}

fn parcel(rng: &mut StdRng, at: usize, as_of: NaiveDate, case: &Case) -> Parcel {
    let days = i64::from(case.days);
    let large = case.cases > 1 && rng.random_bool(0.4);
    let ready = rng.random_bool(0.3).then(|| rng.random_range(0..days / 3));
    Parcel {
        id: format!("p{at}"),
        cases: if large {
            rng.random_range(2..=case.cases)
        } else {
            1
        },
        province: PROVINCES[rng.random_range(0..PROVINCES.len())].0.into(),
        deadline: rng
            .random_bool(0.95)
            .then(|| as_of + Days::new(rng.random_range(4..days + 6) as u64)),
        ready_on: ready.map(|ready| as_of + Days::new(ready as u64)),
        paid_at: Some(Timestamp(1_800_000_000_000 + rng.random_range(0..5_000_000_000))),
        carrier: None,
    }
}

fn carrier(at: usize, stops: NaiveDate, per_day: i64) -> Carrier {
    let slower = |days: u32| (days + [1, 0, 1, 0, 2][at % 5]).max(1);
    Carrier {
        carrier: format!("carrier-{at}"),
        name: None,
        cut_off: None,
        pickup_cases_per_day: per_day * [60, 20, 40, 30, 50][at % 5] / 100 + 1,
        days: BTreeMap::new(),
        fen_per_case: [900, 1_700, 1_000, 1_300, 800][at % 5],
        transit_days: PROVINCES
            .iter()
            .map(|(province, days)| ((*province).into(), slower(*days)))
            .collect(),
        stops: vec![Stop {
            province: "65".into(),
            collects_until: stops,
            delivers_until: stops + Days::new(4),
            resumes_on: stops + Days::new(14),
        }],
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures")]
fn time(input: &Input) -> (Duration, i64, i64) {
    let mut best = Duration::MAX;
    let mut seen = (0, 0);
    let runs = if input.parcels.len() > 10_000 { 1 } else { 5 };
    for _ in 0..runs {
        let start = Instant::now();
        let plan = plan(input).expect("a right input");
        best = best.min(start.elapsed());
        seen = (plan.late_count, plan.freight_fen);
    }
    (best, seen.0, seen.1)
}

fn main() {
    println!("parcels  days  carriers  cases  room%        time     late    freight_fen");
    for (parcels, days, carriers) in [(380, 20, 4), (5_000, 30, 5), (100_000, 30, 5)] {
        for cases in [1, 8] {
            for room in [95, 130] {
                let case = Case {
                    parcels,
                    days,
                    carriers,
                    cases,
                    room,
                };
                let (took, late, freight) = time(&input(&case));
                let ms = took.as_micros() / 1_000;
                let part = took.as_micros() % 1_000 / 100;
                println!(
                    "{parcels:7}  {days:4}  {carriers:8}  {cases:5}  {room:5}  {ms:7}.{part} ms  {late:7}  {freight:13}"
                );
            }
        }
    }
}
