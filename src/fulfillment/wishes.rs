//! What buyers write in their notes about the sending. A note is read for proposals only: staff look at each, and what
//! they decide is what the plan keeps to.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::store;
use crate::calendar::Carrier;
use crate::db::Tx;
use crate::error::{Result, text};
use crate::orders::Order;
use crate::villages::auth::By;
use crate::web::input::Check;

/// What an order asks of its sending; empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// short name of the carrier it has to leave with
    #[serde(default)]
    pub carrier: Option<String>,
    /// the last day on which it may arrive
    #[serde(default)]
    pub arrive_by: Option<NaiveDate>,
    /// the first day on which it may leave
    #[serde(default)]
    pub not_before: Option<NaiveDate>,
    /// all of it at once
    #[serde(default)]
    pub together: bool,
}

/// Words before a wish that turn it around.
const NOT: [&str; 6] = ["不要", "不用", "别", "不发", "勿", "不能"];
const BEFORE_FESTIVAL: [&str; 6] = ["年前", "春节前", "过年前", "除夕前", "节前", "before new year"];
const AFTER_FESTIVAL: [&str; 6] = ["年后", "春节后", "过完年", "节后", "过年后", "after new year"];
const SEND: [&str; 5] = ["发", "寄", "send", "ship", "送"];
const TOGETHER: [&str; 6] = [
    "一起发",
    "一起寄",
    "一次发",
    "一次寄",
    "一块发",
    "in one delivery",
];

/// Reads a note. `new_year` is the coming Spring Festival's first day.
pub fn propose(note: &str, carriers: &[Carrier], new_year: Option<NaiveDate>) -> Wish {
    let note = note.to_lowercase();
    let mut wish = Wish {
        carrier: carriers
            .iter()
            .find(|carrier| names(&note, carrier))
            .map(|it| it.carrier.clone()),
        together: TOGETHER.iter().any(|word| wanted(&note, word)),
        ..Wish::default()
    };
    let Some(new_year) = new_year else { return wish };
    let after = AFTER_FESTIVAL.iter().any(|word| wanted(&note, word))
        || BEFORE_FESTIVAL
            .iter()
            .any(|word| refused(&note, word) && sends(&note));
    if after {
        wish.not_before = new_year.checked_add_days(Days::new(1));
    } else if BEFORE_FESTIVAL.iter().any(|word| wanted(&note, word)) {
        wish.arrive_by = new_year.checked_sub_days(Days::new(1));
    }
    wish
}

/// Whether a note asks for a carrier, by the first two characters of its name or by its short name.
fn names(note: &str, carrier: &Carrier) -> bool {
    let brand: String = carrier
        .name
        .iter()
        .flat_map(|name| name.chars())
        .take(2)
        .collect();
    let short = format!("发{}", carrier.carrier.to_lowercase());
    (brand.chars().count() == 2 && wanted(note, &brand.to_lowercase())) || wanted(note, &short)
}

fn sends(note: &str) -> bool {
    SEND.iter().any(|word| note.contains(word))
}

/// The word stands there, and no "not" stands right before it.
fn wanted(note: &str, word: &str) -> bool {
    note.match_indices(word).any(|(at, _)| !negated(note, at))
}

fn refused(note: &str, word: &str) -> bool {
    note.match_indices(word).any(|(at, _)| negated(note, at))
}

fn negated(note: &str, at: usize) -> bool {
    let before: String = note[..at].chars().rev().take(4).collect();
    let before: String = before.chars().rev().collect();
    NOT.iter().any(|not| before.contains(not))
}

/// Staff have looked at an order's note and say what counts.
///
/// # Errors
/// 422 for a carrier that the village does not have, or dates that can't both be.
pub async fn decide(tx: &mut Tx, by: &By, order: &Order, wish: &Wish, carriers: &[Carrier]) -> Result<()> {
    let mut check = Check::new();
    if let Some(carrier) = &wish.carrier {
        let known = carriers.iter().any(|it| it.carrier == *carrier);
        check.require(
            known,
            "carrier",
            text("没有这家快递。", "There is no such carrier."),
        );
    }
    if let (Some(first), Some(last)) = (wish.not_before, wish.arrive_by) {
        let message = text(
            "不能晚于最迟到货日。",
            "It can't be after the last day of arrival.",
        );
        check.require(first <= last, "not_before", message);
    }
    for (field, day) in [("arrive_by", wish.arrive_by), ("not_before", wish.not_before)] {
        if let Some(day) = day {
            check.day(field, &day.to_string());
        }
    }
    check.finish()?;
    store::wishes::put(tx, by, order.id, wish).await?;
    by.log(tx, "order.wish", &order.number, None, Some(json!(wish)))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carriers() -> Vec<Carrier> {
        [("zto", "中通快递"), ("sf", "顺丰速运"), ("ems", "中国邮政")]
            .map(|(carrier, name)| {
                let value = json!({"carrier": carrier, "name": name, "pickup_cases_per_day": 9, "fen_per_case": 900,
                    "transit_days": {}});
                serde_json::from_value(value).unwrap()
            })
            .to_vec()
    }

    #[test]
    fn notes_are_read_as_proposals() {
        let none = Wish::default;
        let day = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
        let carrier = |code: &str| Wish {
            carrier: Some(code.into()),
            ..none()
        };
        let before = Wish {
            arrive_by: day("2024-02-09"),
            ..none()
        };
        let after = Wish {
            not_before: day("2024-02-11"),
            ..none()
        };
        for (note, wish) in [
            ("", none()),
            ("不要放驿站", none()),
            ("送给老人的,请轻放", none()),
            ("发顺丰", carrier("sf")),
            ("麻烦走中通，谢谢", carrier("zto")),
            ("不要发顺丰", none()),
            ("发SF", carrier("sf")),
            ("年前一定要到", before.clone()),
            ("春节前送到就行", before.clone()),
            ("不要年前发", after.clone()),
            ("年后再发", after.clone()),
            ("过完年再寄，家里没人", after),
            (
                "两箱一起发",
                Wish {
                    together: true,
                    ..none()
                },
            ),
            (
                "发顺丰，年前一定要到",
                Wish {
                    carrier: Some("sf".into()),
                    ..before
                },
            ),
        ] {
            assert_eq!(propose(note, &carriers(), day("2024-02-10")), wish, "{note}");
        }
        assert_eq!(propose("年前一定要到", &carriers(), None), none());
    }
}
