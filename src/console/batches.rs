//! Batches: the day's work for each carrier, and one of them with its parcels and what can be done with it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::desk::{Desk, Place, Shell, Undo};
use super::plot;
use super::today::long_day;
use super::words::{self, Badge};
use crate::error::{Result, Text, text};
use crate::fulfillment::State as BatchState;
use crate::fulfillment::api::batches::{self as api, ActQuery, BatchDetails, ListQuery, ParcelCodes};
use crate::fulfillment::api::parcels::StaffParcel;
use crate::fulfillment::batches::{BatchAct, Outcome, ParcelResult};
use crate::fulfillment::store::batches::Batch;
use crate::villages::Role;
use crate::web::form::{Posted, mendable};
use crate::web::json::{Json, Query};

/// Batches that a page lists.
const ROWS: i64 = 100;

/// Parcels that a page lists.
pub const LISTED: usize = 500;

pub const PACKERS: &[Role] = &[Role::Manager, Role::Packer];

pub const DO: Query<ActQuery> = Query(ActQuery { preview: false });
pub const ASK: Query<ActQuery> = Query(ActQuery { preview: true });

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: Option<BatchState>,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "console/batches.html")]
struct BatchesPage {
    shell: Shell,
    /// by their days
    days: Vec<(String, Vec<Batch>)>,
    chosen: Option<BatchState>,
    next: Option<String>,
}

impl BatchesPage {
    fn chips(&self) -> Vec<(String, &'static str, bool)> {
        let lang = self.shell.lang;
        let all = (
            "/console/batches".to_owned(),
            lang.say("全部", "All"),
            self.chosen.is_none(),
        );
        let each = STATES.map(|state| {
            let href = format!("/console/batches?state={}", state.as_str());
            (href, words::batch(lang, state).0, self.chosen == Some(state))
        });
        [all].into_iter().chain(each).collect()
    }

    fn badge(&self, batch: &Batch) -> Badge {
        words::batch(self.shell.lang, batch.state)
    }

    fn bar(&self, batch: &Batch) -> String {
        plot::share(batch.packed_parcels, batch.parcel_count)
    }

    fn may_plan(&self) -> bool {
        self.shell.may(super::plan::READERS)
    }
}

const STATES: [BatchState; 4] = [
    BatchState::Planned,
    BatchState::Released,
    BatchState::Packed,
    BatchState::HandedOver,
];

pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let query = ListQuery {
        state: asked.state,
        limit: Some(ROWS),
        after: asked.after.filter(|after| !after.is_empty()),
        ..ListQuery::default()
    };
    let Json(page) = api::list(State(desk.db.clone()), desk.by.clone(), Query(query)).await?;
    let mut days: Vec<(String, Vec<Batch>)> = Vec::new();
    for batch in page.items {
        let day = long_day(desk.lang, batch.ship_on.parse().unwrap_or_default());
        match days.last_mut() {
            Some((known, batches)) if *known == day => batches.push(batch),
            _ => days.push((day, vec![batch])),
        }
    }
    let page = BatchesPage {
        shell: desk.shell(Place::Sending).await?,
        days,
        chosen: asked.state,
        next: page.next,
    };
    desk.show(&page)
}

#[derive(Template)]
#[template(path = "console/batch.html")]
struct BatchPage {
    shell: Shell,
    batch: Batch,
    parcels: Vec<StaffParcel>,
    day: String,
}

impl BatchPage {
    fn is(&self, state: &str) -> bool {
        self.batch.state.as_str() == state
    }

    /// In the workshop: released, and not with the carrier.
    fn is_open(&self) -> bool {
        matches!(self.batch.state, BatchState::Released | BatchState::Packed)
    }

    fn may_pack(&self) -> bool {
        self.shell.may(PACKERS)
    }

    fn badge(&self) -> Badge {
        words::batch(self.shell.lang, self.batch.state)
    }

    fn parcel_badge(&self, parcel: &StaffParcel) -> Badge {
        words::parcel(self.shell.lang, parcel)
    }

    fn holds(&self, parcel: &StaffParcel) -> String {
        words::holds(self.shell.lang, parcel)
    }

    fn bar(&self) -> String {
        plot::share(self.batch.packed_parcels, self.batch.parcel_count)
    }

    fn kilos(&self) -> String {
        words::kilos(self.batch.grams)
    }

    fn listed(&self) -> impl Iterator<Item = &StaffParcel> {
        self.parcels.iter().take(LISTED)
    }

    fn left_out(&self) -> usize {
        self.parcels.len().saturating_sub(LISTED)
    }

    fn may_take_out(&self, parcel: &StaffParcel) -> bool {
        self.shell.is_manager()
            && !self.is("handed_over")
            && parcel.packed_at.is_none()
            && parcel.waybill.is_none()
    }
}

pub async fn page(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let BatchDetails { batch, parcels } = read(&desk, &id).await?;
    let page = BatchPage {
        shell: desk.shell(Place::Sending).await?,
        day: long_day(desk.lang, batch.ship_on.parse().unwrap_or_default()),
        batch,
        parcels,
    };
    desk.show(&page)
}

pub async fn read(desk: &Desk, id: &str) -> Result<BatchDetails> {
    let Json(details) = api::read(State(desk.db.clone()), desk.by.clone(), Path(id.to_owned())).await?;
    Ok(details)
}

pub fn path(id: &str, more: &str) -> String {
    format!("/console/batches/{id}{more}")
}

/// Back to the batch with what was done, or with why it was not.
pub fn ended(
    desk: &Desk,
    id: &str,
    done: Result<Json<BatchAct>>,
    said: Text,
    undo: Option<Undo>,
) -> Result<Response> {
    let act = match done {
        Ok(Json(act)) => act,
        Err(error) => {
            let problem = mendable(error)?;
            return desk.done(&path(id, ""), problem.words());
        }
    };
    let to = match &act.batch {
        Some(_) => path(id, ""),
        None => "/console/batches".to_owned(),
    };
    let wrong = act.results.iter().find(|it| !is_done(it.outcome));
    match wrong {
        // one act on one parcel that was refused
        Some(wrong) if act.results.len() == 1 => desk.done(&to, &refusal(wrong)),
        _ => desk.done_undo(&to, &said, undo),
    }
}

pub fn is_done(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Done | Outcome::AlreadyDone | Outcome::LeftBehind
    )
}

/// Why a parcel was left as it was.
pub fn refusal(result: &ParcelResult) -> Text {
    let code = &result.parcel;
    let why = words::outcome(result.outcome);
    let more = result.reason.as_deref().unwrap_or_default();
    text(
        format!(
            "{code}：{}{}{more}",
            why.zh,
            if more.is_empty() { "" } else { "：" }
        ),
        format!(
            "{code}: {}{}{more}",
            why.en,
            if more.is_empty() { "" } else { ": " }
        ),
    )
}

/// The form that takes an act on the whole batch back.
pub fn undo(id: &str, act: &str) -> Option<Undo> {
    Some(Undo {
        action: path(id, act),
        fields: Vec::new(),
    })
}

pub async fn release(desk: Desk, Path(id): Path<String>, _: Posted) -> Result<Response> {
    let done = api::release(State(desk.db.clone()), desk.by.clone(), Path(id.clone()), DO).await;
    let said = text(
        "已下发到车间，可以开始打包。",
        "Given to the workshop; packing can begin.",
    );
    ended(&desk, &id, done, said, undo(&id, "/recall"))
}

pub async fn recall(desk: Desk, Path(id): Path<String>, _: Posted) -> Result<Response> {
    let done = api::recall(State(desk.db.clone()), desk.by.clone(), Path(id.clone()), DO).await;
    let said = text("已撤回，又是计划了。", "Called back; it is a plan again.");
    let undone = undo(&id, "/release").filter(|_| {
        // a batch of that day and carrier that was planned since has taken it in
        matches!(&done, Ok(Json(act)) if act.batch.is_some())
    });
    ended(&desk, &id, done, said, undone)
}

pub async fn take_back(desk: Desk, Path(id): Path<String>, _: Posted) -> Result<Response> {
    let done = api::take_back(State(desk.db.clone()), desk.by.clone(), Path(id.clone()), DO).await;
    let said = text(
        "交接已撤销，货又回到库里。",
        "The hand-over is undone; the goods are in stock again.",
    );
    ended(&desk, &id, done, said, None)
}

fn codes(posted: &Posted) -> Json<ParcelCodes> {
    let parcels = posted.all("parcel").take(LISTED).map(str::to_owned);
    Json(ParcelCodes {
        parcels: parcels.collect(),
    })
}

pub async fn unpack(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    read(&desk, &id).await?;
    let done = api::unpack(
        State(desk.db.clone()),
        desk.by.clone(),
        Path(id.clone()),
        DO,
        codes(&posted),
    );
    let said = text("已拆开，要重新打包。", "Unpacked; it has to be packed again.");
    ended(&desk, &id, done.await, said, None)
}

pub async fn unhold(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    read(&desk, &id).await?;
    let done = api::unhold(
        State(desk.db.clone()),
        desk.by.clone(),
        Path(id.clone()),
        DO,
        codes(&posted),
    );
    let said = text("不再留置。", "It is held no more.");
    ended(&desk, &id, done.await, said, None)
}

/// Puts parcels back into the backlog; without any named, the whole of a planned batch.
pub async fn take_out(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let said = text(
        "已退回待排，下次排期会重新安排。",
        "Back in the backlog; the next plan decides anew.",
    );
    if posted.has("parcel") {
        let (db, by) = (State(desk.db.clone()), desk.by.clone());
        let done = api::take_out(db, by, Path(id.clone()), DO, codes(&posted));
        return ended(&desk, &id, done.await, said, None);
    }
    let BatchDetails { batch, .. } = read(&desk, &id).await?;
    match api::dissolve(&desk.db, &desk.by, &[batch.id]).await {
        Ok(()) => desk.done("/console/batches", &said),
        Err(error) => ended(&desk, &id, Err(error), said, None),
    }
}
