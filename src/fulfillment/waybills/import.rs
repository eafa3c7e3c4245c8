//! From a carrier's file to the parcels: the guard's verdict, then all numbers or none.

use std::collections::HashMap;

use serde_json::json;
use uuid::Uuid;

use super::export::Sending;
use super::file::CarrierFile;
use super::guard::guard;
use super::numbers;
use super::report::{Finding, Grade, Parcel, Report};
use crate::db::Tx;
use crate::error::{Result, conflict, not_found, text};
use crate::fulfillment::batches::{Outcome, Work, result};
use crate::fulfillment::carriers;
use crate::fulfillment::store::batches::{self, Batch};
use crate::fulfillment::store::parcels::{self as rows, Inside};
use crate::fulfillment::store::waybills;
use crate::id::VillageId;
use crate::villages::auth::By;

/// Reason in the history of a number that a file has replaced.
const REPLACED: &str = "由导入文件更换";

/// What was done with a file.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    pub report: Report,
    /// numbers that are new on their parcels
    pub written: usize,
}

/// Judges a file against a batch, and gives its parcels their numbers if nothing speaks against it. With `replace` a
/// parcel that has another number gets the new one; the old one stays in the history.
///
/// # Errors
/// 404 for a batch of nobody or of others; 409 `waybill-taken` when another parcel got a number meanwhile.
pub async fn import(
    tx: &mut Tx,
    by: &By,
    batch: Uuid,
    file: &CarrierFile,
    replace: bool,
) -> Result<Imported> {
    let work = Work::open(tx, by, batch, 0).await?;
    let village = by.staff.village;
    let mut parcels: Vec<Parcel> = work.parcels.iter().map(|parcel| of(&work, parcel)).collect();
    if replace {
        // what is to be replaced is no reason to refuse
        parcels.iter_mut().for_each(|parcel| parcel.waybill = None);
    }
    let numbers: Vec<String> = file
        .rows
        .iter()
        .filter_map(|row| numbers::read(&row.waybill).number())
        .collect();
    let live = waybills::live(tx, village, &numbers).await?;
    let mut imported = Imported {
        report: guard(&parcels, &file.rows, &live),
        written: 0,
    };
    if file.is_ours {
        imported.report.findings.push(Finding::own_columns());
    }
    let by_code: HashMap<&str, &rows::Parcel> = work
        .parcels
        .iter()
        .map(|parcel| (parcel.code.as_str(), parcel))
        .collect();
    let mut results = Vec::new();
    for accepted in &mut imported.report.accepted {
        let Some(parcel) = by_code.get(accepted.parcel.as_str()) else {
            continue;
        };
        accepted.unchanged = parcel.waybill.as_ref() == Some(&accepted.waybill);
        if accepted.unchanged {
            continue;
        }
        if parcel.waybill.is_some() {
            waybills::end(tx, village, parcel.id, REPLACED, by.at).await?;
        }
        if !waybills::insert(tx, by, parcel.id, &parcel.carrier, &accepted.waybill).await? {
            let detail = text(
                "这个运单号已经用在别的包裹上。",
                "Another parcel has this number.",
            );
            return Err(conflict("waybill-taken", detail));
        }
        results.push(result(&accepted.parcel, Outcome::Done));
    }
    imported.written = results.len();
    if imported.written > 0 {
        let looks = imported
            .report
            .findings
            .iter()
            .filter(|finding| finding.grade == Grade::Look)
            .count();
        let after = json!({"rows": file.rows.len(), "written": imported.written, "to_look_at": looks});
        by.log(tx, "batch.waybill_file", &work.batch.number, None, Some(after))
            .await?;
        work.close(tx, by, "batch.waybills", results).await?;
    }
    Ok(imported)
}

/// A batch's parcels for the carrier's tool, in the batch's order.
///
/// # Errors
/// 404 for a batch of nobody or of others.
pub async fn sendings(tx: &mut Tx, village: VillageId, batch: Uuid) -> Result<(Batch, Vec<Sending>)> {
    let found = batches::by_id(tx, village, batch).await?.ok_or_else(not_found)?;
    let parcels = rows::of_batch(tx, village, batch).await?;
    let ids: Vec<Uuid> = parcels.iter().map(|parcel| parcel.id).collect();
    let mut inside: HashMap<Uuid, Vec<Inside>> = HashMap::new();
    for line in rows::inside(tx, village, &ids).await? {
        inside.entry(line.parcel_id).or_default().push(line);
    }
    let sending = |parcel: &rows::Parcel| sending(parcel, inside.get(&parcel.id).map_or(&[], Vec::as_slice));
    Ok((found, parcels.iter().map(sending).collect()))
}

/// The line of the order whose address the parcel goes to.
fn addressee<'a>(parcel: &rows::Parcel, inside: &'a [Inside]) -> Option<&'a Inside> {
    inside.iter().find(|line| line.order_id == parcel.order_id)
}

fn of(work: &Work, parcel: &rows::Parcel) -> Parcel {
    for_guard(parcel, work.inside.get(&parcel.id).map_or(&[], Vec::as_slice))
}

fn for_guard(parcel: &rows::Parcel, inside: &[Inside]) -> Parcel {
    let to = addressee(parcel, inside);
    let mut orders: Vec<String> = inside.iter().map(|line| line.number.clone()).collect();
    orders.sort_unstable();
    orders.dedup();
    Parcel {
        code: parcel.code.clone(),
        orders,
        carrier: parcel.carrier.clone(),
        name: to.map(|to| to.name.clone()).unwrap_or_default(),
        phone: to.map(|to| to.phone.clone()).unwrap_or_default(),
        province: to.map(|to| to.province.clone()).unwrap_or_default(),
        waybill: parcel.waybill.clone(),
    }
}

fn sending(parcel: &rows::Parcel, inside: &[Inside]) -> Sending {
    let to = addressee(parcel, inside);
    let of = |field: fn(&Inside) -> &String| to.map(field).cloned().unwrap_or_default();
    let item = |line: &Inside| format!("{} {}×{}", line.title, line.spec, line.cases);
    let items: Vec<String> = inside.iter().map(item).collect();
    Sending {
        parcel: for_guard(parcel, inside),
        carrier_name: carriers::find(&parcel.carrier)
            .map_or(parcel.carrier.as_str(), |carrier| carrier.title())
            .to_owned(),
        city: of(|to| &to.city),
        district: of(|to| &to.district),
        street: of(|to| &to.street),
        items: items.join("; "),
        pieces: parcel.cases,
        grams: parcel.grams,
        note: of(|to| &to.note),
    }
}
