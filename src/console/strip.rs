//! The strip of coming days as SVG: load against capacity, days off, when carriers come, festivals. Drawn in whole
//! numbers, coloured by the style sheet.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate, Weekday};

use super::plot::escape;
use crate::web::edge::Lang;

/// One day, in cases.
pub struct Day {
    pub day: NaiveDate,
    pub label: String,
    pub capacity: i64,
    /// in batches, and of that packed
    pub load: i64,
    pub packed: i64,
    pub festival: Option<String>,
    /// names of the carriers that don't come
    pub stopped: Vec<String>,
}

impl Day {
    pub fn is_off(&self) -> bool {
        self.capacity == 0
    }

    pub fn is_over(&self) -> bool {
        self.load > self.capacity
    }
}

/// A carrier, and the days on which it comes.
pub struct Collects {
    pub name: String,
    pub days: Vec<bool>,
}

const STEP: i64 = 44;
const TOP: i64 = 36;
const FLOOR: i64 = 146;
const BAR: i64 = 30;
const ROW: i64 = 26;

/// Days side by side; below them a line for each carrier.
pub fn draw(lang: Lang, days: &[Day], carriers: &[Collects]) -> String {
    let number = |count: usize| i64::try_from(count).unwrap_or(0);
    let (width, first_row) = (STEP * number(days.len()).max(1), FLOOR + 46);
    let height = first_row + ROW * number(carriers.len());
    let highest = days.iter().map(|day| day.capacity.max(day.load)).max();
    let highest = highest.unwrap_or(0).max(1);
    let tall = |cases: i64| (cases.max(0) * (FLOOR - TOP) / highest).max(i64::from(cases > 0) * 2);
    let name = lang.say(
        "未来二十天：每天的箱数和产能，快递哪天收",
        "The next twenty days: cases against capacity, and when carriers collect",
    );
    let mut out = format!(
        "<svg class=\"plot strip\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">",
        escape(name)
    );
    for (at, day) in (0..).zip(days) {
        draw_day(&mut out, lang, day, at * STEP, &tall);
    }
    let _ = write!(out, "<path class=\"floor\" d=\"M0 {FLOOR}H{width}\"/>");
    for (at, carrier) in (0..).zip(carriers) {
        let y = first_row + at * ROW;
        for (day, _) in (0..).zip(&carrier.days).filter(|(_, comes)| **comes) {
            let x = day * STEP;
            let _ = write!(
                out,
                "<rect class=\"comes\" x=\"{x}\" y=\"{y}\" width=\"{STEP}\" height=\"6\"/>"
            );
        }
        let _ = write!(
            out,
            "<text class=\"who\" x=\"2\" y=\"{}\">{}</text>",
            y - 4,
            escape(&carrier.name)
        );
    }
    out.push_str("</svg>");
    out
}

fn draw_day(out: &mut String, lang: Lang, day: &Day, x: i64, tall: &impl Fn(i64) -> i64) {
    let (left, middle) = (x + (STEP - BAR) / 2, x + STEP / 2);
    let mut bar = |class: &str, cases: i64| {
        let height = tall(cases);
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{}\" width=\"{BAR}\" height=\"{height}\" rx=\"4\"/>",
            FLOOR - height
        );
    };
    bar("rail", day.capacity);
    bar(if day.is_over() { "over" } else { "bar" }, day.load);
    bar("packed", day.packed);
    let rest = matches!(day.day.weekday(), Weekday::Sat | Weekday::Sun);
    let class = if rest { "rest" } else { "day" };
    let _ = write!(
        out,
        "<text class=\"{class}\" x=\"{middle}\" y=\"{}\">{}</text>",
        FLOOR + 17,
        escape(&day.label)
    );
    let top = FLOOR - tall(day.load.max(day.capacity)) - 5;
    if day.load > 0 {
        let _ = write!(
            out,
            "<text class=\"top\" x=\"{middle}\" y=\"{top}\">{}</text>",
            day.load
        );
    } else if day.is_off() {
        let _ = write!(
            out,
            "<text class=\"off\" x=\"{middle}\" y=\"{top}\">{}</text>",
            lang.say("休", "off")
        );
    }
    if let Some(festival) = &day.festival {
        let short: String = festival.chars().take(8).collect();
        let _ = write!(
            out,
            "<text class=\"festival\" x=\"{middle}\" y=\"14\">{}</text>",
            escape(&short)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(at: u32, capacity: i64, load: i64) -> Day {
        Day {
            day: NaiveDate::from_ymd_opt(2024, 2, at).unwrap(),
            label: format!("2/{at}"),
            capacity,
            load,
            packed: load / 2,
            festival: (at == 10).then(|| "春节<b>".to_owned()),
            stopped: Vec::new(),
        }
    }

    #[test]
    fn bars_keep_within_the_strip_and_say_what_is_wrong() {
        let days = [day(8, 60, 30), day(9, 60, 90), day(10, 0, 0), day(11, 60, 0)];
        let zto = Collects {
            name: "中通".into(),
            days: vec![true, true, false, false],
        };
        let drawn = draw(Lang::Zh, &days, &[zto]);
        assert_eq!(drawn.matches("class=\"over\"").count(), 1, "{drawn}");
        assert_eq!(drawn.matches("class=\"comes\"").count(), 2);
        assert!(
            drawn.contains(&format!("y=\"{TOP}\"")),
            "the highest reaches the top"
        );
        assert!(drawn.contains("春节&lt;b&gt;") && drawn.contains(">休<") && !drawn.contains("style="));
        assert!(draw(Lang::En, &[], &[]).ends_with("</svg>"));
    }
}
