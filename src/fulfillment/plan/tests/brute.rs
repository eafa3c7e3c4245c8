//! Small inputs against all plans there are.

use chrono::{Days, NaiveDate};

use super::random::{Size, random};
use super::sound::assert_sound;
use crate::fulfillment::plan::{Input, Parcel, plan};

const SMALL: Size = Size {
    parcels: 6,
    days: 4,
    carriers: 2,
    cases: 4,
    capacity: 6,
};

/// (late, freight, ship days of those on time by who paid first; none for late ones). Less is better.
type Worth = (i64, i64, Vec<NaiveDate>);

struct All<'a> {
    input: &'a Input,
    parcels: Vec<&'a Parcel>,
    used: Vec<(NaiveDate, usize, i64)>,
    best: Option<Worth>,
}

impl All<'_> {
    fn used(&self, day: NaiveDate, carrier: Option<usize>) -> i64 {
        let there = |(at, with, _): &&(NaiveDate, usize, i64)| {
            *at == day && carrier.is_none_or(|carrier| carrier == *with)
        };
        self.used.iter().filter(there).map(|(_, _, cases)| cases).sum()
    }

    fn fits(&self, day: NaiveDate, carrier: usize, cases: i64) -> bool {
        self.used(day, None) + cases <= self.input.workshop.capacity(day)
            && self.used(day, Some(carrier)) + cases <= self.input.carriers[carrier].pickup(day)
    }

    fn look(&mut self, late: i64, freight: i64, days: &mut Vec<NaiveDate>) {
        let Some(parcel) = self.parcels.get(days.len()).copied() else {
            let worth = (late, freight, days.clone());
            if self.best.as_ref().is_none_or(|best| worth < *best) {
                self.best = Some(worth);
            }
            return;
        };
        for offset in 0..self.input.horizon_days {
            let day = self.input.as_of + Days::new(offset.into());
            for carrier in 0..self.input.carriers.len() {
                let row = &self.input.carriers[carrier];
                let arrives = row.arrival(&parcel.province, day);
                let possible = parcel.carrier.as_ref().is_none_or(|only| *only == row.carrier)
                    && parcel.ready_on.is_none_or(|ready| ready <= day)
                    && arrives.is_some_and(|at| parcel.deadline.is_none_or(|last| at <= last))
                    && self.fits(day, carrier, parcel.cases);
                if possible {
                    self.used.push((day, carrier, parcel.cases));
                    days.push(day);
                    self.look(late, freight + row.fen_per_case * parcel.cases, days);
                    days.pop();
                    self.used.pop();
                }
            }
        }
        days.push(NaiveDate::MAX);
        self.look(late + 1, freight, days);
        days.pop();
    }
}

fn best_of_all(input: &Input) -> Worth {
    let mut parcels: Vec<&Parcel> = input.parcels.iter().collect();
    parcels.sort_by_key(|parcel| (parcel.paid_at.is_none(), parcel.paid_at, &parcel.id));
    let mut all = All {
        input,
        parcels,
        used: vec![],
        best: None,
    };
    all.look(0, 0, &mut vec![]);
    all.best.unwrap()
}

fn worth(input: &Input) -> Worth {
    let plan = plan(input).unwrap();
    let mut parcels: Vec<&Parcel> = input.parcels.iter().collect();
    parcels.sort_by_key(|parcel| (parcel.paid_at.is_none(), parcel.paid_at, &parcel.id));
    let ship_on = |parcel: &&Parcel| {
        let on_time = plan.assigned.iter().find(|row| row.id == parcel.id && !row.late);
        on_time.map_or(NaiveDate::MAX, |row| row.ship_on)
    };
    (
        plan.late_count,
        plan.freight_fen,
        parcels.iter().map(ship_on).collect(),
    )
}

#[test]
fn no_plan_is_better_of_one_size() {
    for seed in 0..1_000 {
        let mut input = random(seed, SMALL);
        let cases = 1 + seed as i64 % 2;
        input.parcels.iter_mut().for_each(|parcel| parcel.cases = cases);
        assert_eq!(worth(&input), best_of_all(&input), "seed {seed}: {input:?}");
        assert_sound(&input);
    }
}

#[test]
fn no_plan_is_better_of_several_sizes() {
    for seed in 10_000..11_500 {
        let input = random(seed, SMALL);
        assert_eq!(worth(&input), best_of_all(&input), "seed {seed}: {input:?}");
        assert_sound(&input);
    }
}
