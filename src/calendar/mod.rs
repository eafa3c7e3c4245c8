//! When a case can leave, and when it arrives: what the workshop packs in a day, what a carrier collects, how long it
//! travels to a province, and when it stops for a festival. The plan and the promise on a link read the same rules here.

pub mod api;
pub mod festivals;
pub mod promise;
mod rules;
pub mod starter;
pub mod store;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Stop row that counts for every province without rows of its own.
pub const EVERYWHERE: &str = "*";

/// What the workshop packs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Workshop {
    /// cases on an ordinary day
    pub cases_per_day: i64,
    /// days that differ; 0 is a day off
    #[serde(default)]
    pub days: BTreeMap<NaiveDate, i64>,
}

/// A carrier: what it collects here, what a case costs, how many days it travels, and when it stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    /// short name, like `zto`
    pub carrier: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// local time until which cases are collected, `HH:MM`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_off: Option<String>,
    pub pickup_cases_per_day: i64,
    /// days that differ; 0 is a day without pick-up
    #[serde(default)]
    pub days: BTreeMap<NaiveDate, i64>,
    pub fen_per_case: i64,
    /// days on the way, by the province's two digits; a province that is missing is not served
    pub transit_days: BTreeMap<String, u32>,
    #[serde(default)]
    pub stops: Vec<Stop>,
}

/// A carrier's festival stop for one province, or for all without rows of their own (`*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    pub province: String,
    /// last day of collecting
    pub collects_until: NaiveDate,
    /// last day of delivering
    pub delivers_until: NaiveDate,
    /// first day of collecting and delivering again
    pub resumes_on: NaiveDate,
}

/// All that a promise depends on but the room that is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// counts the changes by staff
    pub edition: i64,
    pub workshop: Workshop,
    pub carriers: Vec<Carrier>,
}

impl Workshop {
    /// Cases that can be packed on a day.
    pub fn capacity(&self, day: NaiveDate) -> i64 {
        self.days.get(&day).copied().unwrap_or(self.cases_per_day)
    }
}

impl Carrier {
    /// Cases that are collected on a day, stops aside: those differ by province.
    pub fn pickup(&self, day: NaiveDate) -> i64 {
        self.days.get(&day).copied().unwrap_or(self.pickup_cases_per_day)
    }

    /// The local minute of the day from which nothing is collected for that day any more; past midnight without a cut-off.
    pub fn cut_off_minute(&self) -> u32 {
        let parts = self.cut_off.as_deref().and_then(|text| text.split_once(':'));
        let minute = parts.and_then(|(hour, minute)| {
            let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        });
        minute.unwrap_or(24 * 60)
    }

    /// The stops that count for a province: its own rows, else those for everywhere.
    pub fn stops_for<'a>(&'a self, province: &'a str) -> impl Iterator<Item = &'a Stop> {
        let has_own = self.stops.iter().any(|stop| stop.province == province);
        let counts = if has_own { province } else { EVERYWHERE };
        self.stops.iter().filter(move |stop| stop.province == counts)
    }

    /// The day on which a case that leaves on `ship_on` arrives in a province; `None` when the carrier does not serve
    /// it or does not collect for it on that day. Pick-up room is another matter, see [`Carrier::pickup`].
    pub fn arrival(&self, province: &str, ship_on: NaiveDate) -> Option<NaiveDate> {
        let days = *self.transit_days.get(province)?;
        let mut arrives = ship_on.checked_add_days(Days::new(u64::from(days)))?;
        for stop in self.stops_for(province) {
            if ship_on > stop.collects_until && ship_on < stop.resumes_on {
                return None;
            }
            if arrives > stop.delivers_until && arrives < stop.resumes_on {
                arrives = stop.resumes_on;
            }
        }
        Some(arrives)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn carrier() -> Carrier {
        let stop = |province: &str, collects: &str, delivers: &str| Stop {
            province: province.into(),
            collects_until: day(collects),
            delivers_until: day(delivers),
            resumes_on: day("2024-02-18"),
        };
        Carrier {
            carrier: "zto".into(),
            name: None,
            cut_off: None,
            pickup_cases_per_day: 50,
            days: BTreeMap::from([(day("2024-01-24"), 0)]),
            fen_per_case: 900,
            transit_days: BTreeMap::from([("41".into(), 1), ("44".into(), 3), ("65".into(), 6)]),
            stops: vec![
                stop("*", "2024-02-04", "2024-02-08"),
                stop("65", "2024-01-30", "2024-02-06"),
            ],
        }
    }

    #[test]
    fn arrivals() {
        let cases = [
            ("44", "2024-01-20", Some("2024-01-23")),
            ("44", "2024-02-04", Some("2024-02-07")),
            ("44", "2024-02-05", None),
            ("44", "2024-02-17", None),
            ("44", "2024-02-18", Some("2024-02-21")),
            ("65", "2024-01-30", Some("2024-02-05")),
            ("65", "2024-01-31", None),
            ("11", "2024-01-20", None),
        ];
        for (province, ship_on, arrives) in cases {
            let expected = arrives.map(day);
            assert_eq!(
                carrier().arrival(province, day(ship_on)),
                expected,
                "{province} {ship_on}"
            );
        }
    }

    #[test]
    fn what_arrives_during_the_stop_waits_for_its_end() {
        let mut slow = carrier();
        slow.transit_days.insert("44".into(), 5);
        assert_eq!(slow.arrival("44", day("2024-02-04")), Some(day("2024-02-18")));
        assert_eq!(slow.pickup(day("2024-01-24")), 0);
        assert_eq!(slow.pickup(day("2024-01-25")), 50);
    }
}
