//! Waybill numbers of a batch over HTTP: the file that goes to the carrier's tool, and the file that comes back.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::batches::WaybillItems;
use crate::db::Db;
use crate::error::{Error, Problem, Result, conflict, not_found, text};
use crate::fulfillment::batches::BatchAct;
use crate::fulfillment::store::batches;
use crate::fulfillment::waybills::export::table;
use crate::fulfillment::waybills::file::{self, CarrierFile};
use crate::fulfillment::waybills::import::{self, Imported};
use crate::fulfillment::waybills::report::{Accepted, Finding, Grade, Kind};
use crate::orders::import::FileError;
use crate::transact;
use crate::villages::auth::By;
use crate::web::edge::Lang;
use crate::web::export::Table;
use crate::web::json::{self, Json, Query};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveQuery {
    /// only tell what it would do
    #[serde(default)]
    pub dry_run: bool,
    /// the same, as for the other acts
    #[serde(default)]
    pub preview: bool,
    /// of a file: parcels that have another number get the new one
    #[serde(default)]
    pub replace: bool,
}

/// What became of a row of the file.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowResult {
    /// its number is on its parcel now, or would be
    Given,
    /// the parcel had this number before
    Unchanged,
}

#[derive(Serialize, ToSchema)]
pub struct RowView {
    /// as a spreadsheet shows it
    pub row: usize,
    pub parcel: String,
    pub waybill: String,
    pub result: RowResult,
}

/// Something about rows of the file.
#[derive(Serialize, ToSchema)]
pub struct FindingView {
    pub kind: Kind,
    pub grade: Grade,
    /// at most 50 of them, as a spreadsheet counts
    pub rows: Vec<usize>,
    /// the parcels of these rows, where they are known
    pub parcels: Vec<String>,
    /// how many rows it is about
    pub count: usize,
    pub what: String,
    pub way_out: String,
}

impl FindingView {
    fn of(finding: Finding, lang: Lang) -> Self {
        FindingView {
            kind: finding.kind,
            grade: finding.grade,
            rows: finding.rows,
            parcels: finding.parcels,
            count: finding.count,
            what: lang.pick(&finding.what).to_owned(),
            way_out: lang.pick(&finding.way_out).to_owned(),
        }
    }
}

/// What a file did, or in a dry run would do. A file with a finding of grade `refuse` does nothing.
#[derive(Serialize, ToSchema)]
pub struct WaybillReport {
    pub dry_run: bool,
    pub refused: bool,
    /// rows with a number, a parcel or an order
    pub rows: usize,
    /// parcels that got a number, or would
    pub written: usize,
    pub per_row: Vec<RowView>,
    /// the gravest first
    pub findings: Vec<FindingView>,
    pub unknown_columns: Vec<String>,
}

impl WaybillReport {
    fn of(dry_run: bool, file: &CarrierFile, imported: Imported, lang: Lang) -> Self {
        let refused = imported.report.is_refused();
        let row = |accepted: Accepted| RowView {
            row: accepted.row,
            parcel: accepted.parcel,
            waybill: accepted.waybill,
            result: if accepted.unchanged {
                RowResult::Unchanged
            } else {
                RowResult::Given
            },
        };
        let finding = |finding| FindingView::of(finding, lang);
        WaybillReport {
            dry_run,
            refused,
            rows: file.rows.len(),
            written: imported.written,
            per_row: imported.report.accepted.into_iter().map(row).collect(),
            findings: imported.report.findings.into_iter().map(finding).collect(),
            unknown_columns: file.unknown_columns.clone(),
        }
    }
}

/// What came of numbers that were sent: of a file, or of single items.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Given {
    File(WaybillReport),
    Items(BatchAct),
}

/// Gives a batch's parcels their numbers. Items in JSON are taken each for itself; of the file of a carrier's tool (CSV
/// or XLSX, as the body) all rows are taken, or none.
///
/// # Errors
/// 422 `waybill-file` when a file can't be read; 422 `waybills-refused` with the report when something is wrong with it.
pub async fn give(
    State(db): State<Db>,
    by: By,
    lang: Lang,
    Path(id): Path<String>,
    Query(query): Query<GiveQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Given>> {
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let trial = query.dry_run || query.preview;
    if kind.starts_with("application/json") {
        if body.len() > MAX_JSON {
            let detail = text("内容太大了。", "The body is too large.");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).into());
        }
        let Json(act) =
            super::batches::waybill_items(&db, &by, id, trial, &json::parse::<WaybillItems>(&body)?).await?;
        return Ok(Json(Given::Items(act)));
    }
    let mut tx = db.snapshot().await?;
    let known = batches::by_id(&mut tx, by.staff.village, id).await?;
    drop(tx);
    known.ok_or_else(not_found)?;
    let report = take_file(&db, &by, lang, id, (trial, query.replace), body).await?;
    Ok(Json(Given::File(report)))
}

/// The largest body that is JSON.
const MAX_JSON: usize = 64 * 1024;

async fn take_file(
    db: &Db,
    by: &By,
    lang: Lang,
    batch: Uuid,
    (trial, replace): (bool, bool),
    body: Bytes,
) -> Result<WaybillReport> {
    let read = tokio::task::spawn_blocking(move || file::read(&body)).await;
    let file = read
        .map_err(anyhow::Error::from)?
        .map_err(|error| unreadable(&error))?;
    let mut seen: Option<Imported> = None;
    let done = transact!(db, tx => {
        let imported = import::import(tx, by, batch, &file, replace).await?;
        if trial || imported.report.is_refused() {
            seen = Some(imported);
            return Err(rolled_back());
        }
        Ok(imported)
    });
    let imported = match seen {
        Some(imported) => imported,
        None => done?,
    };
    let report = WaybillReport::of(trial, &file, imported, lang);
    if report.refused && !trial {
        return Err(refused(&report));
    }
    Ok(report)
}

/// Ends the transaction of a dry run; never seen by anybody.
fn rolled_back() -> Error {
    conflict("dry-run", text("只是试算。", "This was a dry run."))
}

fn unreadable(error: &FileError) -> Error {
    let detail = text(error.zh.clone(), error.en.clone());
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "waybill-file", detail);
    problem.with("row", json!(error.row)).into()
}

fn refused(report: &WaybillReport) -> Error {
    let detail = text(
        "文件有问题，没有写入任何单号，见 report。",
        "Something is wrong with the file; no number was written, see report.",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "waybills-refused", detail)
        .with("report", json!(report))
        .into()
}

/// The batch's parcels for a carrier's tool, as CSV.
pub async fn csv(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    let (name, table) = export(&db, &by, &id).await?;
    Ok(download(&name, "csv", "text/csv; charset=utf-8", table.to_csv()))
}

/// The same as a workbook.
pub async fn xlsx(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    let (name, table) = export(&db, &by, &id).await?;
    let book = table.to_xlsx(by.at.0).map_err(anyhow::Error::from)?;
    Ok(download(&name, "xlsx", XLSX, book))
}

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

async fn export(db: &Db, by: &By, id: &str) -> Result<(String, Table)> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let mut tx = db.snapshot().await?;
    let (batch, sendings) = import::sendings(&mut tx, by.staff.village, id).await?;
    let title = format!("{} {}", batch.ship_on, batch.carrier);
    Ok((format!("waybills-{}", batch.number), table(&title, &sendings)))
}

fn download(name: &str, ending: &str, kind: &str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.{ending}\""),
        ),
    ];
    (headers, bytes).into_response()
}
