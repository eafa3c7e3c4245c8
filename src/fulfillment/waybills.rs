//! Waybills: one live number per parcel, and one parcel per number. A number is replaced or voided with a reason, and
//! stays in the history.
//!
//! Numbers come by hand, by scan, or in the file that a carrier's batch tool gives back: `export` makes the file that
//! goes out, `file` reads the one that comes back, [`guard`] compares it with the batch before anything is written,
//! `import` writes all of it or nothing.

pub mod export;
pub mod file;
mod findings;
mod forms;
pub mod guard;
pub mod import;
mod numbers;
mod people;
mod recipients;
pub mod report;
mod sequence;
mod words;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod synthetic;

use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::batches::{BatchAct, Outcome, ParcelResult, Work, result};
use super::store::parcels::Parcel;
use super::store::waybills;
use crate::db::Tx;
use crate::error::{Result, conflict, text};
use crate::villages::auth::By;

/// A parcel's number, as staff or a carrier's tool give it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaybillItem {
    /// the parcel's code
    pub parcel: String,
    pub waybill: String,
}

/// A number in its one form: upper case letters and digits, 6 to 32 of them; `None` when it can't be one.
pub fn number(text: &str) -> Option<String> {
    let number: String = text.trim().to_ascii_uppercase();
    let fits = (6..=32).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then_some(number)
}

/// Gives parcels of a batch their numbers, each for itself. A parcel that has another number keeps it, unless it is
/// replaced by hand.
pub async fn assign(tx: &mut Tx, by: &By, id: Uuid, items: &[WaybillItem]) -> Result<BatchAct> {
    let work = Work::open(tx, by, id, 0).await?;
    work.must_be(&[State::Planned, State::Released, State::Packed, State::HandedOver])?;
    let sent: Vec<String> = items.iter().map(|item| item.parcel.clone()).collect();
    let (found, mut results) = work.find(tx, by.staff.village, &sent).await?;
    for (code, parcel) in found {
        let Some(item) = items.iter().find(|item| item.parcel == code) else {
            continue;
        };
        results.push(assign_one(tx, by, parcel, item).await?);
    }
    work.close(tx, by, "batch.waybills", results).await
}

async fn assign_one(tx: &mut Tx, by: &By, parcel: &Parcel, item: &WaybillItem) -> Result<ParcelResult> {
    let say = |outcome, reason: &str| ParcelResult {
        reason: Some(reason.to_owned()),
        ..result(&item.parcel, outcome)
    };
    let Some(number) = number(&item.waybill) else {
        return Ok(say(Outcome::BadNumber, "运单号要 6 到 32 个字母和数字"));
    };
    match &parcel.waybill {
        Some(known) if *known == number => Ok(result(&item.parcel, Outcome::AlreadyDone)),
        Some(known) => Ok(say(Outcome::HasWaybill, known)),
        None if waybills::insert(tx, by, parcel.id, &parcel.carrier, &number).await? => {
            Ok(result(&item.parcel, Outcome::Done))
        }
        None => Ok(say(Outcome::BadNumber, "这个运单号已经用在别的包裹上")),
    }
}

/// Ends a parcel's number for a reason, and gives it a new one if there is one.
///
/// # Errors
/// 409 `no-waybill` when it has none; `waybill-taken` when another parcel has the new one.
pub async fn replace(tx: &mut Tx, by: &By, parcel: &Parcel, new: Option<&str>, reason: &str) -> Result<()> {
    let village = by.staff.village;
    if !waybills::end(tx, village, parcel.id, reason, by.at).await? {
        let detail = text("这个包裹没有运单号。", "The parcel has no waybill.");
        return Err(conflict("no-waybill", detail));
    }
    if let Some(number) = new
        && !waybills::insert(tx, by, parcel.id, &parcel.carrier, number).await?
    {
        let detail = text(
            "这个运单号已经用在别的包裹上。",
            "Another parcel has this number.",
        );
        return Err(conflict("waybill-taken", detail));
    }
    let (was, is) = (
        json!({"waybill": parcel.waybill}),
        json!({"waybill": new, "reason": reason}),
    );
    by.log(tx, "parcel.waybill", &parcel.code, Some(was), Some(is))
        .await
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_have_one_form() {
        for (typed, known) in [
            (" sf1234567890 ", Some("SF1234567890")),
            ("73100012345678", Some("73100012345678")),
            ("12345", None),
            ("7.31E+13", None),
            ("SF 123 456", None),
            ("运单1234567", None),
            ("\u{0}123456", None),
        ] {
            assert_eq!(number(typed).as_deref(), known, "{typed}");
        }
    }
}
