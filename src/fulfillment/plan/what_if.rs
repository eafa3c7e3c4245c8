//! What would be if: a change laid over an input, and what it does to the plan.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Assigned, Input, Plan, plan};
use crate::calendar::{Carrier, Stop};
use crate::error::{FieldError, text};

/// What is left out stays as it is; a day or a province with `null` loses its entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(default)]
    pub workshop: WorkshopChange,
    /// by the carriers' short names
    #[serde(default)]
    pub carriers: BTreeMap<String, CarrierChange>,
    /// by the parcels' ids; `null` is ready at once
    #[serde(default)]
    pub ready_on: BTreeMap<String, Option<NaiveDate>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkshopChange {
    #[serde(default)]
    pub cases_per_day: Option<i64>,
    #[serde(default)]
    pub days: BTreeMap<NaiveDate, Option<i64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CarrierChange {
    #[serde(default)]
    pub pickup_cases_per_day: Option<i64>,
    #[serde(default)]
    pub days: BTreeMap<NaiveDate, Option<i64>>,
    #[serde(default)]
    pub fen_per_case: Option<i64>,
    #[serde(default)]
    pub transit_days: BTreeMap<String, Option<u32>>,
    /// in the place of all stops
    #[serde(default)]
    pub stops: Option<Vec<Stop>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Comparison {
    pub before: Plan,
    pub after: Plan,
    pub difference: Difference,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    pub late_before: i64,
    pub late_after: i64,
    /// ids that were on time before, in the order of the input
    pub newly_late: Vec<String>,
    /// ids that were late before
    pub rescued: Vec<String>,
    /// after less before
    pub freight_fen: i64,
    /// parcels that leave on another day or with another carrier
    pub moved: Vec<Moved>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Moved {
    pub id: String,
    /// null: it had no place
    pub before: Option<Sending>,
    /// null: it has no place any more
    pub after: Option<Sending>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sending {
    pub ship_on: NaiveDate,
    pub carrier: String,
}

/// Plans without and with a change.
///
/// # Errors
/// The first wrong field of the input; or of the change, in its own words (`carriers.zto.fen_per_case`).
pub fn what_if(input: &Input, change: &Change) -> Result<Comparison, FieldError> {
    let before = plan(input)?;
    let changed = change.laid_over(input)?;
    let after = plan(&changed).map_err(|error| in_the_change(input, error))?;
    let difference = difference(input, &before, &after);
    Ok(Comparison {
        before,
        after,
        difference,
    })
}

impl Change {
    fn laid_over(&self, input: &Input) -> Result<Input, FieldError> {
        let mut input = input.clone();
        set(&mut input.workshop.cases_per_day, self.workshop.cases_per_day);
        lay_over(&mut input.workshop.days, &self.workshop.days);
        for (name, change) in &self.carriers {
            let carrier = input.carriers.iter_mut().find(|row| row.carrier == *name);
            let carrier = carrier.ok_or_else(|| unknown(format!("carriers.{name}"), "carriers"))?;
            change.lay_over(carrier);
        }
        let mut parcels: HashMap<&str, &mut Option<NaiveDate>> = (input.parcels.iter_mut())
            .map(|parcel| (parcel.id.as_str(), &mut parcel.ready_on))
            .collect();
        for (id, day) in &self.ready_on {
            let ready_on = parcels.get_mut(id.as_str());
            **ready_on.ok_or_else(|| unknown(format!("ready_on.{id}"), "parcels"))? = *day;
        }
        Ok(input)
    }
}

impl CarrierChange {
    fn lay_over(&self, carrier: &mut Carrier) {
        set(&mut carrier.pickup_cases_per_day, self.pickup_cases_per_day);
        lay_over(&mut carrier.days, &self.days);
        set(&mut carrier.fen_per_case, self.fen_per_case);
        lay_over(&mut carrier.transit_days, &self.transit_days);
        set(&mut carrier.stops, self.stops.clone());
    }
}

fn set<T>(value: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *value = new;
    }
}

fn lay_over<K: Ord + Clone, V: Copy>(map: &mut BTreeMap<K, V>, change: &BTreeMap<K, Option<V>>) {
    for (key, value) in change {
        match value {
            Some(value) => map.insert(key.clone(), *value),
            None => map.remove(key),
        };
    }
}

fn unknown(field: String, of: &str) -> FieldError {
    let message = text(
        format!("输入的 {of} 里没有它。"),
        format!("There is no such entry in the input's `{of}`."),
    );
    FieldError { field, message }
}

/// The input itself was right, so what is wrong came with the change: its path there.
fn in_the_change(input: &Input, error: FieldError) -> FieldError {
    let renamed = |list: &str, names: &dyn Fn(usize) -> Option<String>| {
        let (at, rest) = error
            .field
            .strip_prefix(list)?
            .strip_prefix('[')?
            .split_once(']')?;
        Some(names(at.parse().ok()?)? + rest)
    };
    let carrier = |at: usize| Some(format!("carriers.{}", input.carriers.get(at)?.carrier));
    let parcel = |at: usize| Some(input.parcels.get(at)?.id.clone());
    let field = renamed("carriers", &carrier)
        .or_else(|| {
            let field = renamed("parcels", &parcel)?;
            Some(format!("ready_on.{}", field.strip_suffix(".ready_on")?))
        })
        .unwrap_or_else(|| error.field.clone());
    FieldError {
        field,
        message: error.message,
    }
}

fn difference(input: &Input, before: &Plan, after: &Plan) -> Difference {
    let (late_then, late_now) = (late(before), late(after));
    let (sent_then, sent_now) = (sent(before), sent(after));
    let ids = || input.parcels.iter().map(|parcel| parcel.id.as_str());
    let only_in = |a: &HashSet<&str>, b: &HashSet<&str>| {
        ids()
            .filter(|id| a.contains(id) && !b.contains(id))
            .map(str::to_owned)
            .collect()
    };
    let sending = |assigned: &&Assigned| Sending {
        ship_on: assigned.ship_on,
        carrier: assigned.carrier.clone(),
    };
    let moved = ids().filter_map(|id| {
        let before = sent_then.get(id).map(sending);
        let after = sent_now.get(id).map(sending);
        (before != after).then(|| Moved {
            id: id.to_owned(),
            before,
            after,
        })
    });
    Difference {
        late_before: before.late_count,
        late_after: after.late_count,
        newly_late: only_in(&late_now, &late_then),
        rescued: only_in(&late_then, &late_now),
        freight_fen: after.freight_fen - before.freight_fen,
        moved: moved.collect(),
    }
}

fn late(plan: &Plan) -> HashSet<&str> {
    let sent_late = plan.assigned.iter().filter(|assigned| assigned.late);
    let unassigned = plan.unassigned.iter().map(|unassigned| unassigned.id.as_str());
    sent_late
        .map(|assigned| assigned.id.as_str())
        .chain(unassigned)
        .collect()
}

fn sent(plan: &Plan) -> HashMap<&str, &Assigned> {
    plan.assigned
        .iter()
        .map(|assigned| (assigned.id.as_str(), assigned))
        .collect()
}
