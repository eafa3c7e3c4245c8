//! Waybills of a batch: the file that goes to the carrier's tool, and the file that comes back, with what the guard says.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use super::batches::read;
use super::desk::{Desk, Place, Shell};
use super::words::Badge;
use crate::error::Result;
use crate::fulfillment::api::batches::BatchDetails;
use crate::fulfillment::api::waybills::{self as api, FindingView, GiveQuery, Given, WaybillReport};
use crate::fulfillment::store::batches::Batch;
use crate::fulfillment::waybills::report::Grade;
use crate::web::form::{Upload, mendable};
use crate::web::json::{Json, Query};

#[derive(Template)]
#[template(path = "console/waybills.html")]
struct WaybillsPage {
    shell: Shell,
    batch: Batch,
    report: Option<WaybillReport>,
    error: Option<String>,
    dry_run: bool,
    replace: bool,
}

impl WaybillsPage {
    fn badge(&self, finding: &FindingView) -> Badge {
        let lang = self.shell.lang;
        match finding.grade {
            Grade::Refuse => (lang.say("不能写入", "Refused"), "wait"),
            Grade::Look => (lang.say("请看一下", "Look at it"), "go"),
            Grade::Note => (lang.say("说明", "Note"), "off"),
        }
    }

    fn rows(&self, finding: &FindingView) -> String {
        let rows: Vec<String> = finding.rows.iter().take(12).map(usize::to_string).collect();
        rows.join(self.shell.lang.say("、", ", "))
    }
}

pub async fn page(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let BatchDetails { batch, .. } = read(&desk, &id).await?;
    let page = WaybillsPage {
        shell: desk.shell(Place::Sending).await?,
        batch,
        report: None,
        error: None,
        dry_run: true,
        replace: false,
    };
    desk.show(&page)
}

/// What a file does, or would do. A refused file is read once more as a trial, which tells the same in full.
pub async fn send(desk: Desk, Path(id): Path<String>, upload: Result<Upload>) -> Result<Response> {
    // whose batch it is comes before what was sent
    read(&desk, &id).await?;
    let mut upload = upload?;
    let (dry_run, replace) = (upload.fields.has("dry_run"), upload.fields.has("replace"));
    let (report, error) = match upload.file() {
        None => (
            None,
            Some(desk.t("请选择文件。", "Please choose a file.").to_owned()),
        ),
        Some(file) => match give(&desk, &id, (dry_run, replace), file.clone()).await {
            Ok(report) => (report, None),
            Err(error) => {
                let problem = mendable(error)?;
                let words = problem.words();
                let words = desk.lang.pick(words).to_owned();
                let told = match problem.extra.contains_key("report") {
                    true => give(&desk, &id, (true, replace), file).await?,
                    false => None,
                };
                (told, Some(words))
            }
        },
    };
    let status = match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = WaybillsPage {
        shell: desk.shell(Place::Sending).await?,
        batch: read(&desk, &id).await?.batch,
        report,
        error,
        dry_run,
        replace,
    };
    desk.show_as(status, &page)
}

async fn give(
    desk: &Desk,
    id: &str,
    (dry_run, replace): (bool, bool),
    file: Bytes,
) -> Result<Option<WaybillReport>> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv"));
    let query = GiveQuery {
        dry_run,
        preview: false,
        replace,
    };
    let (db, by, path) = (State(desk.db.clone()), desk.by.clone(), Path(id.to_owned()));
    let Json(given) = api::give(db, by, desk.lang, path, Query(query), headers, file).await?;
    Ok(match given {
        Given::File(report) => Some(report),
        Given::Items(_) => None,
    })
}
