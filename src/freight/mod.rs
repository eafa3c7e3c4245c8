//! What a parcel costs the buyer: by weight and province, with free shipping from an amount on.

pub mod api;
pub mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Result, text};
use crate::money::Fen;
use crate::web::input::Check;

/// Every province has one row at most; a few more than there are.
const MAX_RULES: usize = 40;

/// The row that stands for every province without a row of its own.
const ELSEWHERE: &str = "*";

/// The freight of one province.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// the first two digits of the administrative code, or `*` for all that have no row
    pub province: String,
    /// false: nothing is sent there
    pub served: bool,
    /// what `first_fen` pays for, in grams
    pub first_grams: i64,
    pub first_fen: Fen,
    /// every begun step beyond that costs `step_fen`
    pub step_grams: i64,
    pub step_fen: Fen,
    /// goods of this amount and more travel free
    pub free_from_fen: Option<Fen>,
}

/// Nothing is sent to this province.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotServed;

/// The freight of `grams` to `province` (two digits) when the goods cost `goods`. Without any rule for the province
/// it is free.
///
/// # Errors
/// When the village sends nothing there.
pub fn quote(rules: &[Rule], province: &str, grams: i64, goods: Fen) -> Result<Fen, NotServed> {
    let row_of = |province| rules.iter().find(|rule| rule.province == province);
    let Some(rule) = row_of(province).or_else(|| row_of(ELSEWHERE)) else {
        return Ok(Fen::ZERO);
    };
    if !rule.served {
        return Err(NotServed);
    }
    if rule.free_from_fen.is_some_and(|from| goods >= from) {
        return Ok(Fen::ZERO);
    }
    let beyond = grams.saturating_sub(rule.first_grams).max(0);
    // the database keeps steps above zero
    let steps = beyond / rule.step_grams + i64::from(beyond % rule.step_grams > 0);
    // whatever would overflow is far above any order that may be placed
    Ok(Fen(rule
        .first_fen
        .0
        .saturating_add(rule.step_fen.0.saturating_mul(steps))))
}

/// Checks a whole set of rules as someone typed it.
///
/// # Errors
/// 422 with every field that is wrong.
pub fn check(rules: &[Rule]) -> Result<()> {
    let mut check = Check::new();
    let few = text(
        format!("最多 {MAX_RULES} 行。"),
        format!("Takes {MAX_RULES} rows at most."),
    );
    check.require(rules.len() <= MAX_RULES, "items", few);
    for (at, rule) in rules.iter().take(MAX_RULES).enumerate() {
        let field = |name: &str| format!("items[{at}].{name}");
        let code = rule.province.as_str();
        let known = code == ELSEWHERE || code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit());
        let message = text(
            "要两位省码，比如 41，或者 *。",
            "Takes a province's two digits, like 41, or *.",
        );
        check.require(known, &field("province"), message);
        let again = rules[..at].iter().any(|other| other.province == rule.province);
        let message = text("这个省前面已经有一行了。", "This province has a row already.");
        check.require(!again, &field("province"), message);
        check.number(&field("first_grams"), rule.first_grams, 1, 1_000_000);
        check.number(&field("step_grams"), rule.step_grams, 1, 1_000_000);
        check.number(&field("first_fen"), rule.first_fen.0, 0, 1_000_000);
        check.number(&field("step_fen"), rule.step_fen.0, 0, 1_000_000);
        if let Some(from) = rule.free_from_fen {
            check.fen(&field("free_from_fen"), from);
        }
    }
    check.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(province: &str) -> Rule {
        Rule {
            province: province.into(),
            served: true,
            first_grams: 3_000,
            first_fen: Fen(800),
            step_grams: 1_000,
            step_fen: Fen(200),
            free_from_fen: None,
        }
    }

    #[test]
    fn freight_by_weight_and_province() {
        let rules = [
            Rule {
                free_from_fen: Some(Fen(9_900)),
                ..rule("41")
            },
            Rule {
                served: false,
                ..rule("54")
            },
            Rule {
                first_fen: Fen(1_500),
                ..rule("*")
            },
        ];
        for (province, grams, goods, fen) in [
            ("41", 1, 0, Ok(800)),
            ("41", 3_000, 0, Ok(800)),
            ("41", 3_001, 0, Ok(1_000)),
            ("41", 4_000, 0, Ok(1_000)),
            ("41", 4_001, 9_899, Ok(1_200)),
            ("41", 50_000, 9_900, Ok(0)),
            ("44", 2_900, 100_000, Ok(1_500)),
            ("44", 5_700, 0, Ok(2_100)),
            ("54", 1, 100_000, Err(NotServed)),
        ] {
            let quoted = quote(&rules, province, grams, Fen(goods));
            assert_eq!(quoted, fen.map(Fen), "{province} {grams} g, {goods} fen");
        }
        assert_eq!(quote(&[], "44", 9_999, Fen(1)), Ok(Fen::ZERO), "no rules");
        assert_eq!(quote(&rules[..1], "44", 9_999, Fen(1)), Ok(Fen::ZERO), "no row");
        let dear = Rule {
            step_grams: 1,
            step_fen: Fen(i64::MAX),
            ..rule("*")
        };
        assert_eq!(quote(&[dear], "44", i64::MAX, Fen(1)), Ok(Fen(i64::MAX)));
    }

    #[test]
    fn wrong_rules_are_named() {
        let wrong = Rule {
            step_grams: 0,
            first_fen: Fen(-1),
            ..rule("4x")
        };
        let rules = [rule("41"), rule("*"), rule("41"), wrong];
        let errors = check(&rules).unwrap_err().into_problem().errors;
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "items[2].province",
                "items[3].province",
                "items[3].step_grams",
                "items[3].first_fen"
            ]
        );
        check(&rules[..2]).unwrap();
        let many: Vec<_> = (0..41).map(|at| rule(&format!("{at:02}"))).collect();
        assert_eq!(check(&many).unwrap_err().into_problem().errors[0].field, "items");
    }
}
