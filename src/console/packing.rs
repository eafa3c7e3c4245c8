//! Scan to pack: a page for a phone or a scanner that types. Without script each scan is a form; with it, scans are kept
//! on the phone until they have arrived (`static/pack.js`).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::batches::{DO, is_done, path, read, refusal};
use super::desk::{Desk, Place, Shell, Undo};
use super::words::{self, Badge};
use crate::error::{Result, text};
use crate::fulfillment::State as BatchState;
use crate::fulfillment::api::batches::{self as api, BatchDetails, ParcelCodes};
use crate::fulfillment::api::parcels::StaffParcel;
use crate::fulfillment::batches::Outcome;
use crate::fulfillment::codes;
use crate::fulfillment::store::batches::Batch;
use crate::web::form::{Posted, mendable};
use crate::web::json::{Json, Query};

#[derive(Template)]
#[template(path = "console/packing.html")]
struct PackingPage {
    shell: Shell,
    /// the shop's time in epoch milliseconds, for phones whose clock is wrong
    now: i64,
    batch: Batch,
    parcels: Vec<StaffParcel>,
    /// the parcel that was scanned last
    last: Option<StaffParcel>,
    /// what was wrong with it
    wrong: Option<String>,
}

impl PackingPage {
    fn is_open(&self) -> bool {
        matches!(self.batch.state, BatchState::Released | BatchState::Packed)
    }

    fn badge(&self, parcel: &StaffParcel) -> Badge {
        words::parcel(self.shell.lang, parcel)
    }

    fn holds(&self, parcel: &StaffParcel) -> String {
        words::holds(self.shell.lang, parcel)
    }

    /// What a scan of the parcel would meet: nothing, or `packed` or `held`.
    fn state(&self, parcel: &StaffParcel) -> &'static str {
        match parcel {
            parcel if parcel.packed_at.is_some() => "packed",
            parcel if !parcel.holds.is_empty() => "held",
            _ => "open",
        }
    }

    /// What is still to be packed comes first.
    fn listed(&self) -> Vec<&StaffParcel> {
        let mut listed: Vec<&StaffParcel> = self.parcels.iter().collect();
        listed.sort_by_key(|parcel| parcel.packed_at.is_some());
        listed
    }
}

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    last: String,
}

pub async fn page(desk: Desk, Path(id): Path<String>, Query(wanted): Query<Wanted>) -> Result<Response> {
    show(&desk, &id, &wanted.last, None).await
}

async fn show(desk: &Desk, id: &str, last: &str, wrong: Option<String>) -> Result<Response> {
    let BatchDetails { batch, parcels } = read(desk, id).await?;
    let code = codes::parse(last);
    let page = PackingPage {
        shell: desk.shell(Place::Sending).await?,
        now: desk.by.at.0,
        last: parcels
            .iter()
            .find(|parcel| Some(&parcel.code) == code.as_ref())
            .cloned(),
        batch,
        parcels,
        wrong,
    };
    desk.show(&page)
}

pub async fn scan(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let code: String = posted.get("code").trim().chars().take(40).collect();
    let body = Json(ParcelCodes {
        parcels: vec![code.clone()],
    });
    let (db, by, batch) = (State(desk.db.clone()), desk.by.clone(), Path(id.clone()));
    let takes_back = posted.get("act") == "unpack";
    let done = match takes_back {
        true => api::unpack(db, by, batch, DO, body).await,
        false => api::pack(db, by, batch, DO, body).await,
    };
    let act = match done {
        Ok(Json(act)) => act,
        Err(error) => {
            let words = desk.lang.pick(&mendable(error)?.detail).to_owned();
            return show(&desk, &id, &code, Some(words)).await;
        }
    };
    let to = format!(
        "{}?last={}",
        path(&id, "/scan"),
        codes::parse(&code).unwrap_or_default()
    );
    match act.results.first() {
        Some(result) if result.outcome == Outcome::AlreadyDone && !takes_back => {
            let words = words::outcome(Outcome::AlreadyDone);
            let words = format!("{code} {}", desk.lang.pick(&words));
            show(&desk, &id, &code, Some(words)).await
        }
        Some(result) if !is_done(result.outcome) => {
            let words = desk.lang.pick(&refusal(result)).to_owned();
            show(&desk, &id, &code, Some(words)).await
        }
        _ if takes_back => desk.done(
            &to,
            &text(format!("{code} 已拆开。"), format!("{code} is unpacked.")),
        ),
        _ => {
            let undo = Undo {
                action: path(&id, "/scan"),
                fields: vec![
                    ("code".to_owned(), code.clone()),
                    ("act".to_owned(), "unpack".to_owned()),
                ],
            };
            let said = text(format!("{code} 打好了。"), format!("{code} is packed."));
            desk.done_undo(&to, &said, Some(undo))
        }
    }
}
