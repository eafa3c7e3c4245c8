//! What a plan is asked for, and what a what-if changes.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::shaping::MAX_PARCEL_GRAMS;
use crate::error::{Result, invalid, text};
use crate::web::input::Check;

/// Days that a plan looks ahead when nothing is said.
const HORIZON_DAYS: u32 = 30;

/// What a plan is asked for.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// the first day that can be planned; today when nothing is said
    #[serde(default)]
    pub as_of: Option<NaiveDate>,
    /// the last day of arrival for orders without a date of their own; else what was promised counts
    #[serde(default)]
    pub deadline: Option<NaiveDate>,
    /// make the batches
    #[serde(default)]
    pub commit: bool,
    /// one parcel for the orders of one door
    #[serde(default)]
    pub merge: bool,
    /// what a parcel may weigh, 30 kg when nothing is said
    #[serde(default)]
    pub max_parcel_grams: Option<i64>,
    /// days that can be planned, 30 when nothing is said
    #[serde(default)]
    pub horizon_days: Option<u32>,
}

/// Goods that are not there in a what-if.
#[derive(Clone, Debug)]
pub struct Spoiled {
    pub item: Uuid,
    pub lot: String,
    pub quantity: Option<i64>,
}

/// A checked request, with what a what-if changes.
#[derive(Clone, Debug)]
pub struct Question {
    pub as_of: NaiveDate,
    pub deadline: Option<NaiveDate>,
    pub horizon_days: u32,
    pub merge: bool,
    pub max_grams: i64,
    pub ready_on: BTreeMap<String, NaiveDate>,
    pub spoiled: Vec<Spoiled>,
}

impl PlanRequest {
    /// # Errors
    /// 422 for dates and numbers out of bounds.
    pub fn check(&self, today: NaiveDate) -> Result<Question> {
        let mut check = Check::new();
        let as_of = self.as_of.unwrap_or(today);
        let horizon = self.horizon_days.unwrap_or(HORIZON_DAYS);
        let grams = self.max_parcel_grams.unwrap_or(MAX_PARCEL_GRAMS);
        check.number("max_parcel_grams", grams, 100, 1_000_000);
        check.number("horizon_days", i64::from(horizon), 1, 120);
        check.day("as_of", &as_of.to_string());
        if let Some(deadline) = self.deadline {
            check.day("deadline", &deadline.to_string());
            let early = text("不能早于开始日。", "It can't be before the first day.");
            check.require(deadline >= as_of, "deadline", early);
        }
        check.finish()?;
        Ok(Question {
            as_of,
            deadline: self.deadline,
            horizon_days: horizon,
            merge: self.merge,
            max_grams: grams,
            ready_on: BTreeMap::new(),
            spoiled: Vec::new(),
        })
    }
}

/// Lays a change over a value, field by field.
///
/// # Errors
/// 422 naming the field that does not fit.
pub fn lay_over<T>(base: &T, change: &serde_json::Value, field: &str) -> Result<T>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut value = serde_json::to_value(base).map_err(anyhow::Error::from)?;
    merge(&mut value, change);
    serde_json::from_value(value).map_err(|error| {
        let message = error.to_string();
        invalid(field, text(format!("不符合要求：{message}"), message))
    })
}

fn merge(base: &mut serde_json::Value, change: &serde_json::Value) {
    match (base, change) {
        (serde_json::Value::Object(base), serde_json::Value::Object(change)) => {
            for (name, value) in change {
                merge(base.entry(name.clone()).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, change) => *base = change.clone(),
    }
}
