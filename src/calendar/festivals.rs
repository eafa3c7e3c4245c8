//! The statutory festivals of any year, the lunar ones by computation, and which carriers have not said yet when they
//! stop for Spring Festival.

use chrono::{Datelike, Days, NaiveDate};
use serde::Serialize;
use tyme4rs::tyme::lunar::LunarDay;
use tyme4rs::tyme::solar::{SolarDay, SolarTerm};
use utoipa::ToSchema;

use super::{Carrier, Stop};

/// How long before Spring Festival a carrier's stop dates are asked for.
const WARN_DAYS: u64 = 45;

/// The years that are computed; the library panics on some others.
const YEARS: std::ops::Range<i32> = 1900..2200;

/// Qingming among the solar terms of a year, which begin with the winter solstice before it.
const QINGMING: isize = 7;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Festival {
    pub name: &'static str,
    pub name_en: &'static str,
    pub day: NaiveDate,
}

/// A carrier in use whose stop for a festival is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Warning {
    pub carrier: String,
    pub festival: &'static str,
    pub festival_day: NaiveDate,
    /// days from today to the festival
    pub days_left: i64,
    pub message: String,
    pub message_en: String,
}

/// The first day of the lunar year that begins in this year; `None` outside the years 1900 to 2199.
pub fn spring_festival(year: i32) -> Option<NaiveDate> {
    lunar(year, 1, 1)
}

fn lunar(year: i32, month: isize, day: usize) -> Option<NaiveDate> {
    let year = computed(year)?;
    to_day(&LunarDay::new(year, month, day).ok()?.get_solar_day())
}

fn computed(year: i32) -> Option<isize> {
    YEARS
        .contains(&year)
        .then(|| isize::try_from(year).ok())
        .flatten()
}

fn to_day(day: &SolarDay) -> Option<NaiveDate> {
    let part = |number: usize| u32::try_from(number).ok();
    let year = i32::try_from(day.get_year()).ok()?;
    NaiveDate::from_ymd_opt(year, part(day.get_month())?, part(day.get_day())?)
}

/// The seven statutory festivals of a year, in its order.
pub fn festivals(year: i32) -> Vec<Festival> {
    let qingming = computed(year).and_then(|year| {
        to_day(
            &SolarTerm::from_index(year, QINGMING)
                .get_julian_day()
                .get_solar_day(),
        )
    });
    let fixed = |month, day| NaiveDate::from_ymd_opt(year, month, day);
    let mut days: Vec<Festival> = [
        ("元旦", "New Year", fixed(1, 1)),
        ("春节", "Spring Festival", spring_festival(year)),
        ("清明节", "Qingming", qingming),
        ("劳动节", "Labour Day", fixed(5, 1)),
        ("端午节", "Dragon Boat Festival", lunar(year, 5, 5)),
        ("中秋节", "Mid-Autumn Festival", lunar(year, 8, 15)),
        ("国庆节", "National Day", fixed(10, 1)),
    ]
    .into_iter()
    .filter_map(|(name, name_en, day)| {
        Some(Festival {
            name,
            name_en,
            day: day?,
        })
    })
    .collect();
    days.sort_by_key(|festival| festival.day);
    days
}

/// The festivals of the year that begins today.
pub fn coming(today: NaiveDate) -> Vec<Festival> {
    let year = today.year();
    let next = today.checked_add_days(Days::new(365)).unwrap_or(today);
    [year, year.saturating_add(1)]
        .into_iter()
        .flat_map(festivals)
        .filter(|festival| festival.day >= today && festival.day < next)
        .collect()
}

/// The next Spring Festival, today's included.
pub fn next_spring_festival(today: NaiveDate) -> Option<NaiveDate> {
    let year = today.year();
    [year, year.saturating_add(1)]
        .into_iter()
        .filter_map(spring_festival)
        .find(|day| *day >= today)
}

/// The carriers that have no stop row for the Spring Festival of the next 45 days, for some province that they serve. A
/// carrier that goes on says so with a row too: one whose stop is short.
pub fn warnings(carriers: &[Carrier], today: NaiveDate) -> Vec<Warning> {
    let soon = today.checked_add_days(Days::new(WARN_DAYS));
    let Some(feast) = next_spring_festival(today).filter(|day| Some(*day) <= soon) else {
        return Vec::new();
    };
    let days_left = feast.signed_duration_since(today).num_days();
    let warn = |carrier: &Carrier| {
        let name = carrier.name.as_deref().unwrap_or(&carrier.carrier);
        Warning {
            carrier: carrier.carrier.clone(),
            festival: "春节",
            festival_day: feast,
            days_left,
            message: format!("{name}：春节（{feast}）停收、停派、恢复的日期还没有填，请问清楚再填上。"),
            message_en: format!(
                "{name}: the stop dates for Spring Festival ({feast}) are not known yet; please ask and enter them."
            ),
        }
    };
    carriers
        .iter()
        .filter(|carrier| !knows_stop(carrier, feast))
        .map(warn)
        .collect()
}

fn knows_stop(carrier: &Carrier, feast: NaiveDate) -> bool {
    let covers =
        |stop: &Stop| stop.collects_until <= feast && feast <= stop.resumes_on.max(stop.delivers_until);
    let provinces: Vec<&String> = carrier.transit_days.keys().collect();
    !provinces.is_empty()
        && provinces
            .into_iter()
            .all(|province| carrier.stops_for(province).any(covers))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_lunar_new_year_of_any_year() {
        for text in ["2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06"] {
            let feast = day(text);
            assert_eq!(spring_festival(feast.year()), Some(feast));
        }
        assert_eq!((spring_festival(1899), spring_festival(99_999)), (None, None));
        assert_eq!(festivals(2200).len(), 3, "the fixed ones");
    }

    #[test]
    fn the_statutory_festivals_of_a_year() {
        let days: Vec<String> = festivals(2025)
            .iter()
            .map(|it| format!("{} {}", it.name, it.day))
            .collect();
        let expected = [
            "元旦 2025-01-01",
            "春节 2025-01-29",
            "清明节 2025-04-04",
            "劳动节 2025-05-01",
            "端午节 2025-05-31",
            "国庆节 2025-10-01",
            "中秋节 2025-10-06",
        ];
        assert_eq!(days, expected);
        let names: Vec<_> = coming(day("2025-10-01")).iter().map(|it| it.name).collect();
        let around = [
            "国庆节",
            "中秋节",
            "元旦",
            "春节",
            "清明节",
            "劳动节",
            "端午节",
            "中秋节",
        ];
        assert_eq!(names, around);
    }

    #[test]
    fn a_carrier_without_its_stop_is_named_in_time() {
        let stop = |province: &str, collects: &str, resumes: &str| Stop {
            province: province.into(),
            collects_until: day(collects),
            delivers_until: day(collects),
            resumes_on: day(resumes),
        };
        let carrier = |code: &str, stops: Vec<Stop>| Carrier {
            carrier: code.into(),
            name: None,
            cut_off: None,
            pickup_cases_per_day: 1,
            days: BTreeMap::new(),
            fen_per_case: 0,
            transit_days: BTreeMap::from([("41".into(), 1), ("65".into(), 7)]),
            stops,
        };
        let this_year = || stop("*", "2024-02-04", "2024-02-18");
        let carriers = [
            carrier("known", vec![this_year()]),
            carrier("last-year", vec![stop("*", "2023-01-18", "2023-01-28")]),
            // the province's own rows win, and they say nothing of this year
            carrier(
                "partly",
                vec![this_year(), stop("65", "2023-01-18", "2023-01-28")],
            ),
            carrier("never", vec![]),
        ];
        let named = |today: &str| -> Vec<String> {
            let found = warnings(&carriers, day(today));
            found.into_iter().map(|it| it.carrier).collect()
        };
        assert_eq!(named("2023-12-26"), [""; 0], "46 days before");
        assert_eq!(named("2023-12-27"), ["last-year", "partly", "never"]);
        assert_eq!(named("2024-02-10"), ["last-year", "partly", "never"]);
        assert_eq!(named("2024-02-11"), [""; 0], "it has come");
        assert_eq!(warnings(&carriers, day("2023-12-27"))[0].days_left, 45);
    }
}
