//! Scans of a phone that was without a signal. They come late, twice, and in any order, and must end like scans that
//! were sent one by one. So each scan has a key and a moment, and each parcel keeps the last word that was said of it:
//! the latest scan decides, and whatever was scanned before it and arrives after it changes nothing.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::batches::{Outcome, ParcelResult, result};
use super::packing::{When, pack, unpack};
use super::store::batches::{self, Batch};
use super::store::{self, parcels};
use super::{State, codes};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Result, not_found};
use crate::villages::auth::By;

/// Scans that are sent at once.
pub const MAX_SCANS: usize = 200;

/// How far the clock of a phone may run ahead of ours: what is scanned "tomorrow" would overrule all that is done today.
const AHEAD: Duration = Duration::from_secs(5 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanAct {
    Pack,
    Unpack,
}

/// One scan, as the phone has kept it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scan {
    /// made by the phone, another one for each scan; of two scans of one moment the greater key is the later one
    #[schema(value_type = String)]
    pub key: Uuid,
    pub code: String,
    pub act: ScanAct,
    /// by the clock of the phone
    pub at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ScanResult {
    #[schema(value_type = String)]
    pub key: Uuid,
    #[serde(flatten)]
    pub result: ParcelResult,
}

/// What became of the scans, and how far the batch is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Synced {
    pub results: Vec<ScanResult>,
    /// none when nothing is left of it
    pub batch: Option<Batch>,
}

/// Takes the scans of a phone.
///
/// # Errors
/// 404 for a batch of nobody or of others.
pub async fn sync(tx: &mut Tx, by: &By, id: Uuid, scans: &[Scan]) -> Result<Synced> {
    let village = by.staff.village;
    store::begin_act(tx, village, 0).await?;
    let batch = batches::by_id(tx, village, id).await?.ok_or_else(not_found)?;
    let (mut latest, mut told) = latest(by, scans);
    if !matches!(batch.state, State::Released | State::Packed) {
        let here = parcels::of_batch(tx, village, id).await?;
        for (code, scan) in latest.drain() {
            let gone = here.iter().any(|it| it.code == code && it.packed_at.is_some());
            let outcome = match (batch.state, scan.act) {
                (State::Planned, _) => Outcome::NotReleased,
                (_, ScanAct::Pack) if gone => Outcome::AlreadyDone,
                _ => Outcome::HandedOver,
            };
            told.insert(scan.key, result(&scan.code, outcome));
        }
    }
    let codes: Vec<String> = latest.keys().cloned().collect();
    for parcel in parcels::by_codes(tx, village, &codes).await? {
        let said = parcel.acted_at.zip(parcel.act_key);
        if let Some(scan) = latest.get(&parcel.code)
            && said > Some((scan.at, scan.key))
        {
            told.insert(scan.key, result(&scan.code, Outcome::Overtaken));
            latest.remove(&parcel.code);
        }
    }
    let moments = latest
        .iter()
        .map(|(code, scan)| (code.clone(), (scan.at, scan.key)))
        .collect();
    for act in [ScanAct::Pack, ScanAct::Unpack] {
        let mut meant: Vec<&Scan> = latest.values().copied().filter(|it| it.act == act).collect();
        if meant.is_empty() {
            continue;
        }
        // who was scanned first gets what is left of a lot
        meant.sort_by_key(|it| (it.at, it.key));
        let sent: Vec<String> = meant.iter().map(|it| it.code.clone()).collect();
        let when = When::Scanned(&moments);
        let done = match act {
            ScanAct::Pack => pack(tx, by, id, &sent, when).await?,
            ScanAct::Unpack => unpack(tx, by, id, &sent, when).await?,
        };
        for scan in meant {
            if let Some(result) = done.results.iter().find(|it| it.parcel == scan.code) {
                told.insert(scan.key, result.clone());
            }
        }
    }
    let answer = |scan: &Scan| {
        let known = told.get(&scan.key).cloned();
        ScanResult {
            key: scan.key,
            result: known.unwrap_or_else(|| result(&scan.code, Outcome::Overtaken)),
        }
    };
    Ok(Synced {
        results: scans.iter().map(answer).collect(),
        batch: batches::by_id(tx, village, id).await?,
    })
}

/// The latest scan of each parcel, by its code, and what can be told of scans at once.
fn latest<'a>(by: &By, scans: &'a [Scan]) -> (HashMap<String, &'a Scan>, HashMap<Uuid, ParcelResult>) {
    let (mut latest, mut told): (HashMap<String, &Scan>, _) = (HashMap::new(), HashMap::new());
    for scan in scans {
        let Some(code) = codes::parse(&scan.code) else {
            told.insert(scan.key, result(&scan.code, Outcome::Unknown));
            continue;
        };
        if scan.at > by.at.plus(AHEAD) {
            told.insert(scan.key, result(&scan.code, Outcome::BadClock));
            continue;
        }
        let known = latest.entry(code).or_insert(scan);
        if (scan.at, scan.key) > (known.at, known.key) {
            *known = scan;
        }
    }
    (latest, told)
}
