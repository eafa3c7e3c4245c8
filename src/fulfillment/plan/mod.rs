//! The plan: which parcel leaves on which day with which carrier. A pure function of its input, and always the same for
//! the same parcels, whatever their order in the input.
//!
//! Goals, each within the best of those before it:
//! 1. the fewest late parcels: arriving after their deadline, or without a place
//! 2. the least freight of the parcels on time
//! 3. the earliest days for the earliest paid: who paid first leaves as early as any plan of that worth allows; then
//!    the second leaves as early as any such plan allows; and so on. Parcels that don't say when they were paid come
//!    last; equals go by their ids.
//!
//! The late parcels then share the room that is left by the same rules: as many as can leave, and the earliest paid as
//! early as possible.
//!
//! Parcels of one size are planned exactly (flow.rs), as are up to some thirty of several sizes (exact.rs). More parcels
//! of several sizes, each whole on one day, are a packing problem without a fast exact method; see mixed.rs for what is
//! done, and how the bound shows that a plan is the best.
//!
//! Room that is taken already (packed, or with a waybill) is not in the input: the caller lowers `days`.

mod check;
mod exact;
mod flow;
mod mixed;
mod model;
mod moves;
mod reason;
mod solve;
#[cfg(test)]
mod tests;
mod turns;
mod ways;
pub mod what_if;

pub use check::check;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::calendar::{Carrier, Workshop};
use crate::clock::Timestamp;
use crate::error::{FieldError, Text};

/// Days that are looked ahead when the input doesn't say.
const USUAL_HORIZON_DAYS: u32 = 30;

/// What has to be planned.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// the first day on which anything may leave
    pub as_of: NaiveDate,
    /// days from then on
    #[serde(default = "usual_horizon")]
    pub horizon_days: u32,
    pub workshop: Workshop,
    pub carriers: Vec<Carrier>,
    pub parcels: Vec<Parcel>,
}

/// Some cases to one address, which leave together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    pub id: String,
    pub cases: i64,
    /// the province's two digits
    pub province: String,
    /// the last day to arrive; without one it is never late
    #[serde(default)]
    pub deadline: Option<NaiveDate>,
    /// the first day on which its goods are there
    #[serde(default)]
    pub ready_on: Option<NaiveDate>,
    #[serde(default)]
    pub paid_at: Option<Timestamp>,
    /// the only carrier that may take it
    #[serde(default)]
    pub carrier: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Plan {
    /// by day, then who paid first
    pub assigned: Vec<Assigned>,
    /// who paid first first
    pub unassigned: Vec<Unassigned>,
    /// parcels that arrive after their deadline, or have no place
    pub late_count: i64,
    /// of the parcels on time
    pub freight_fen: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Assigned {
    pub id: String,
    pub ship_on: NaiveDate,
    pub carrier: String,
    pub arrives_on: NaiveDate,
    pub late: bool,
    #[serde(serialize_with = "both")]
    #[schema(value_type = String)]
    pub reason: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Unassigned {
    pub id: String,
    #[serde(serialize_with = "both")]
    #[schema(value_type = String)]
    pub reason: Text,
}

/// Plans.
///
/// # Errors
/// The first field of the input that is wrong, and what it takes.
pub fn plan(input: &Input) -> Result<Plan, FieldError> {
    check(input)?;
    let model = model::Model::build(input)?;
    Ok(model.plan())
}

fn usual_horizon() -> u32 {
    USUAL_HORIZON_DAYS
}

/// Chinese first, English after it, as one text.
fn both<S: Serializer>(text: &Text, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(&format_args!("{} / {}", text.zh, text.en))
}
