//! What an input must be like, before anything is computed from it.

use std::collections::{BTreeMap, HashSet};

use chrono::{Datelike, NaiveDate};

use super::{Input, Parcel};
use crate::calendar::{Carrier, EVERYWHERE, Stop};
use crate::error::{FieldError, Text, text};

const MOST_PARCELS: usize = 200_000;
const MOST_CARRIERS: usize = 50;
const MOST_DAYS: u32 = 400;
const MOST_CASES: i64 = 999;
/// cases of a day
const MOST_CAPACITY: i64 = 1_000_000;
/// 10,000 yuan
const MOST_FEN: i64 = 1_000_000;
const MOST_TRANSIT_DAYS: u32 = 400;
const MOST_DIFFERENT_DAYS: usize = 4_000;
const MOST_STOPS: usize = 1_000;
const LONGEST_NAME: usize = 100;

type Checked = Result<(), FieldError>;

/// # Errors
/// The first wrong field.
pub fn check(input: &Input) -> Checked {
    within(
        "horizon_days",
        i64::from(input.horizon_days),
        1,
        i64::from(MOST_DAYS),
    )?;
    day("as_of", input.as_of)?;
    within(
        "workshop.cases_per_day",
        input.workshop.cases_per_day,
        0,
        MOST_CAPACITY,
    )?;
    days("workshop.days", &input.workshop.days)?;
    at_most("carriers", input.carriers.len(), MOST_CARRIERS)?;
    let mut carriers = HashSet::new();
    for (at, row) in input.carriers.iter().enumerate() {
        carrier(&format!("carriers[{at}]"), row)?;
        if !carriers.insert(row.carrier.as_str()) {
            return twice(format!("carriers[{at}].carrier"), &row.carrier);
        }
    }
    at_most("parcels", input.parcels.len(), MOST_PARCELS)?;
    let mut ids = HashSet::new();
    for (at, row) in input.parcels.iter().enumerate() {
        parcel(row, &carriers).map_err(|(field, message)| FieldError {
            field: format!("parcels[{at}].{field}"),
            message,
        })?;
        if !ids.insert(row.id.as_str()) {
            return twice(format!("parcels[{at}].id"), &row.id);
        }
    }
    Ok(())
}

/// Names its field without the parcel's place: of very many parcels, only the wrong one needs its path.
fn parcel(row: &Parcel, carriers: &HashSet<&str>) -> Result<(), (&'static str, Text)> {
    if !is_name(&row.id) {
        return Err(("id", name_wanted()));
    }
    if !(1..=MOST_CASES).contains(&row.cases) {
        return Err(("cases", range_wanted(1, MOST_CASES)));
    }
    if !is_province(&row.province) {
        return Err(("province", province_wanted()));
    }
    for (field, value) in [("deadline", row.deadline), ("ready_on", row.ready_on)] {
        if value.is_some_and(|value| !is_day(value)) {
            return Err((field, day_wanted()));
        }
    }
    match &row.carrier {
        Some(carrier) if !carriers.contains(carrier.as_str()) => Err((
            "carrier",
            text(
                "carriers 里没有这家快递。",
                "There is no such carrier in `carriers`.",
            ),
        )),
        _ => Ok(()),
    }
}

fn carrier(at: &str, row: &Carrier) -> Checked {
    require(is_name(&row.carrier), || format!("{at}.carrier"), name_wanted)?;
    let name_fits = row.name.as_deref().is_none_or(is_name);
    require(name_fits, || format!("{at}.name"), name_wanted)?;
    within(
        &format!("{at}.pickup_cases_per_day"),
        row.pickup_cases_per_day,
        0,
        MOST_CAPACITY,
    )?;
    days(&format!("{at}.days"), &row.days)?;
    within(&format!("{at}.fen_per_case"), row.fen_per_case, 0, MOST_FEN)?;
    for (province, days) in &row.transit_days {
        let field = format!("{at}.transit_days.{province}");
        require(is_province(province), || field.clone(), province_wanted)?;
        within(&field, i64::from(*days), 0, i64::from(MOST_TRANSIT_DAYS))?;
    }
    at_most(&format!("{at}.stops"), row.stops.len(), MOST_STOPS)?;
    row.stops
        .iter()
        .enumerate()
        .try_for_each(|(place, row)| stop(&format!("{at}.stops[{place}]"), row))
}

fn stop(at: &str, row: &Stop) -> Checked {
    let fits = row.province == EVERYWHERE || is_province(&row.province);
    require(fits, || format!("{at}.province"), province_wanted)?;
    day(&format!("{at}.collects_until"), row.collects_until)?;
    day(&format!("{at}.delivers_until"), row.delivers_until)?;
    day(&format!("{at}.resumes_on"), row.resumes_on)?;
    let ends = row.resumes_on > row.collects_until.max(row.delivers_until);
    let wanted = || {
        text(
            "要在 collects_until 和 delivers_until 之后。",
            "Takes a day after collects_until and delivers_until.",
        )
    };
    require(ends, || format!("{at}.resumes_on"), wanted)
}

fn days(field: &str, days: &BTreeMap<NaiveDate, i64>) -> Checked {
    at_most(field, days.len(), MOST_DIFFERENT_DAYS)?;
    for (at, cases) in days {
        day(&format!("{field}.{at}"), *at)?;
        within(&format!("{field}.{at}"), *cases, 0, MOST_CAPACITY)?;
    }
    Ok(())
}

fn day(field: &str, value: NaiveDate) -> Checked {
    require(is_day(value), || field.to_owned(), day_wanted)
}

fn within(field: &str, value: i64, min: i64, max: i64) -> Checked {
    require(
        (min..=max).contains(&value),
        || field.to_owned(),
        || range_wanted(min, max),
    )
}

fn at_most(field: &str, count: usize, most: usize) -> Checked {
    let wanted = || {
        text(
            format!("最多 {most} 条。"),
            format!("Takes at most {most} entries."),
        )
    };
    require(count <= most, || field.to_owned(), wanted)
}

fn require(holds: bool, field: impl FnOnce() -> String, message: impl FnOnce() -> Text) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(FieldError {
            field: field(),
            message: message(),
        })
    }
}

fn twice(field: String, value: &str) -> Checked {
    let message = text(
        format!("{value} 出现了两次。"),
        format!("{value} is there twice."),
    );
    Err(FieldError { field, message })
}

fn is_day(value: NaiveDate) -> bool {
    (1970..=9000).contains(&value.year())
}

fn is_name(value: &str) -> bool {
    let length = value.chars().count();
    (1..=LONGEST_NAME).contains(&length) && !value.chars().any(char::is_control)
}

fn is_province(value: &str) -> bool {
    value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn day_wanted() -> Text {
    text(
        "要是 1970 到 9000 年之间的日期。",
        "Takes a day of the years 1970 to 9000.",
    )
}

fn range_wanted(min: i64, max: i64) -> Text {
    text(
        format!("要在 {min} 到 {max} 之间。"),
        format!("Takes {min} to {max}."),
    )
}

fn name_wanted() -> Text {
    text(
        format!("要 1 到 {LONGEST_NAME} 个字，不能有控制字符。"),
        format!("Takes 1 to {LONGEST_NAME} characters, no control characters."),
    )
}

fn province_wanted() -> Text {
    text(
        "要是省份的两位数字代码，如 41。",
        "Takes the province's two digits, like 41.",
    )
}
