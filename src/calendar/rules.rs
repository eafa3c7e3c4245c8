//! What a workshop's capacity and a carrier have to be, as someone typed them.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::{Carrier, EVERYWHERE, Stop, Workshop, starter};
use crate::address;
use crate::error::{Result, text};
use crate::web::input::Check;

const MAX_CARRIERS: usize = 20;
/// Days that differ from the usual, of the workshop or of a carrier: a year and more.
const MAX_DAYS: usize = 400;
const MAX_STOPS: usize = 100;
/// Cases of a day.
const MAX_CASES: i64 = 1_000_000;
const MAX_FEN_PER_CASE: i64 = 1_000_000;
/// Days on the way.
const MAX_TRANSIT: i64 = 60;

/// Checks a workshop's capacity.
///
/// # Errors
/// 422 with every field that is wrong.
pub fn check_workshop(workshop: &Workshop) -> Result<()> {
    let mut check = Check::new();
    check.number("cases_per_day", workshop.cases_per_day, 0, MAX_CASES);
    check_days(&mut check, "days", &workshop.days);
    check.finish()
}

fn check_days(check: &mut Check, field: &str, days: &BTreeMap<NaiveDate, i64>) {
    let few = text(
        format!("最多 {MAX_DAYS} 天。"),
        format!("Takes {MAX_DAYS} days at most."),
    );
    check.require(days.len() <= MAX_DAYS, field, few);
    for (day, cases) in days.iter().take(MAX_DAYS) {
        let field = format!("{field}.{day}");
        check_year(check, &field, *day);
        check.number(&field, *cases, 0, MAX_CASES);
    }
}

/// Days are stored and compared as text of ten characters.
fn check_year(check: &mut Check, field: &str, day: NaiveDate) {
    let message = text(
        "要在 2000 年到 2199 年之间。",
        "Takes a day of the years 2000 to 2199.",
    );
    check.require((2000..2200).contains(&day.year()), field, message);
}

/// Checks all carriers of a village, and gives those without days on the way the starting table.
///
/// # Errors
/// 422 with every field that is wrong.
pub fn check_carriers(carriers: Vec<Carrier>) -> Result<Vec<Carrier>> {
    let mut check = Check::new();
    let few = text(
        format!("最多 {MAX_CARRIERS} 家。"),
        format!("Takes {MAX_CARRIERS} carriers at most."),
    );
    check.require(carriers.len() <= MAX_CARRIERS, "items", few);
    let mut good: Vec<Carrier> = Vec::with_capacity(carriers.len().min(MAX_CARRIERS));
    for (at, carrier) in carriers.into_iter().take(MAX_CARRIERS).enumerate() {
        let carrier = check_carrier(&mut check, &format!("items[{at}]"), carrier);
        let again = good.iter().any(|other| other.carrier == carrier.carrier);
        let message = text("这家快递前面已经有了。", "This carrier has a row already.");
        check.require(!again, &format!("items[{at}].carrier"), message);
        good.push(carrier);
    }
    check.finish()?;
    Ok(good)
}

fn check_carrier(check: &mut Check, item: &str, mut carrier: Carrier) -> Carrier {
    let field = |name: &str| format!("{item}.{name}");
    carrier.carrier = check.code(&field("carrier"), &carrier.carrier, 20);
    carrier.name = carrier.name.map(|name| check.line(&field("name"), &name, 1, 40));
    if let Some(cut_off) = &carrier.cut_off {
        let message = text("要写成 17:00 这样的时间。", "Takes a time like 17:00.");
        check.require(is_time(cut_off), &field("cut_off"), message);
    }
    let pickup = carrier.pickup_cases_per_day;
    check.number(&field("pickup_cases_per_day"), pickup, 0, MAX_CASES);
    check.number(&field("fen_per_case"), carrier.fen_per_case, 0, MAX_FEN_PER_CASE);
    check_days(check, &field("days"), &carrier.days);
    if carrier.transit_days.is_empty() {
        carrier.transit_days = starter::transit_days(0);
    }
    for (province, days) in carrier.transit_days.iter().take(MAX_DAYS) {
        let shown: String = province.chars().take(10).collect();
        let field = format!("{item}.transit_days.{shown}");
        check_province(check, &field, province, false);
        check.number(&field, i64::from(*days), 0, MAX_TRANSIT);
    }
    let few = text(
        format!("最多 {MAX_STOPS} 行。"),
        format!("Takes {MAX_STOPS} rows at most."),
    );
    check.require(carrier.stops.len() <= MAX_STOPS, &field("stops"), few);
    for (at, stop) in carrier.stops.iter().take(MAX_STOPS).enumerate() {
        check_stop(check, &format!("{item}.stops[{at}]"), stop);
    }
    carrier
}

fn check_stop(check: &mut Check, item: &str, stop: &Stop) {
    let field = |name: &str| format!("{item}.{name}");
    check_province(check, &field("province"), &stop.province, true);
    for (name, day) in [
        ("collects_until", stop.collects_until),
        ("delivers_until", stop.delivers_until),
        ("resumes_on", stop.resumes_on),
    ] {
        check_year(check, &field(name), day);
    }
    let message = text(
        "恢复的日期要在停收之后。",
        "Collecting begins again after it has stopped.",
    );
    check.require(
        stop.collects_until < stop.resumes_on,
        &field("resumes_on"),
        message,
    );
}

fn check_province(check: &mut Check, field: &str, province: &str, or_all: bool) {
    let known = address::province_name(province).is_some() || (or_all && province == EVERYWHERE);
    let message = if or_all {
        text(
            "要两位省码，比如 41，或者 *。",
            "Takes a province's two digits, like 41, or *.",
        )
    } else {
        text("要两位省码，比如 41。", "Takes a province's two digits, like 41.")
    };
    check.require(known, field, message);
}

/// `HH:MM`, from 00:00 to 23:59.
fn is_time(text: &str) -> bool {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once(':')
        .is_some_and(|(hour, minute)| digits(hour) && digits(minute) && hour < "24" && minute < "60")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn carrier(code: &str) -> Carrier {
        Carrier {
            carrier: code.into(),
            name: Some("中通快递".into()),
            cut_off: Some("17:00".into()),
            pickup_cases_per_day: 50,
            days: BTreeMap::new(),
            fen_per_case: 900,
            transit_days: BTreeMap::from([("41".into(), 1)]),
            stops: vec![],
        }
    }

    fn fields(wrong: crate::error::Error) -> Vec<String> {
        let errors = wrong.into_problem().errors;
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let workshop = Workshop {
            cases_per_day: -1,
            days: BTreeMap::from([(day("2024-01-24"), -5), (day("1999-01-01"), 0)]),
        };
        let wrong = fields(check_workshop(&workshop).unwrap_err());
        assert_eq!(wrong, ["cases_per_day", "days.1999-01-01", "days.2024-01-24"]);

        let stop = Stop {
            province: "4".into(),
            collects_until: day("2024-02-04"),
            delivers_until: day("2024-02-08"),
            resumes_on: day("2024-02-04"),
        };
        let bad = Carrier {
            name: Some(String::new()),
            cut_off: Some("24:00".into()),
            pickup_cases_per_day: -1,
            fen_per_case: MAX_FEN_PER_CASE + 1,
            transit_days: BTreeMap::from([("44".into(), 61), ("99".into(), 1)]),
            stops: vec![stop],
            ..carrier("z t")
        };
        let wrong = fields(check_carriers(vec![carrier("zto"), bad, carrier("zto")]).unwrap_err());
        let expected = [
            "items[1].carrier",
            "items[1].name",
            "items[1].cut_off",
            "items[1].pickup_cases_per_day",
            "items[1].fen_per_case",
            "items[1].transit_days.44",
            "items[1].transit_days.99",
            "items[1].stops[0].province",
            "items[1].stops[0].resumes_on",
            "items[2].carrier",
        ];
        assert_eq!(wrong, expected);
        let many = (0..21).map(|at| carrier(&format!("c{at}"))).collect();
        assert_eq!(fields(check_carriers(many).unwrap_err()), ["items"]);
    }

    #[test]
    fn a_carrier_without_days_on_the_way_gets_the_starting_table() {
        let bare = Carrier {
            transit_days: BTreeMap::new(),
            ..carrier("zto")
        };
        let good = check_carriers(vec![bare, carrier("sf")]).unwrap();
        assert_eq!(good[0].transit_days, starter::transit_days(0));
        assert_eq!(good[1], carrier("sf"), "a table of one's own stays");
    }

    #[test]
    fn times_of_the_day() {
        for (text, good) in [
            ("00:00", true),
            ("23:59", true),
            ("24:00", false),
            ("12:60", false),
            ("9:00", false),
            ("+9:00", false),
            ("1700", false),
            ("", false),
        ] {
            assert_eq!(is_time(text), good, "{text}");
        }
    }
}
