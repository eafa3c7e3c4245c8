//! What sending an order costs the buyer.

pub mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::money::Fen;

/// Freight to one province, or to every province without a rule of its own (`*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::FromRow, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub province: String,
    pub served: bool,
    pub first_grams: i64,
    pub first_fen: Fen,
    pub step_grams: i64,
    pub step_fen: Fen,
    pub free_from_fen: Option<Fen>,
}

/// We don't send there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotServed;

pub fn quote(rules: &[Rule], province: &str, grams: i64, goods: Fen) -> Result<Fen, NotServed> {
    let rule = rules
        .iter()
        .find(|rule| rule.province == province)
        .or_else(|| rules.iter().find(|rule| rule.province == "*"));
    let Some(rule) = rule else { return Ok(Fen::ZERO) };
    if !rule.served {
        return Err(NotServed);
    }
    if rule.free_from_fen.is_some_and(|from| goods >= from) {
        return Ok(Fen::ZERO);
    }
    let beyond = (grams - rule.first_grams).max(0);
    let steps = (beyond + rule.step_grams - 1) / rule.step_grams;
    Ok(Fen(rule.first_fen.0 + steps * rule.step_fen.0))
}
