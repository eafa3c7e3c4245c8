//! Importing an order file over HTTP, and reading how imports went.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::run::{Import, open};
use super::store::{self, ImportRow};
use super::{Entry, Note, Outcome, Report};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Problem, Result, invalid, not_found, text};
use crate::orders::import::Shop;
use crate::villages::auth::By;
use crate::web::edge::Lang;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page, Paging};

/// Something about one row of the file.
#[derive(Serialize, ToSchema)]
pub struct NoteView {
    /// as a spreadsheet shows it
    pub row: usize,
    pub field: String,
    pub message: String,
}

/// One order of the file and what became of it.
#[derive(Serialize, ToSchema)]
pub struct EntryView {
    pub external_no: String,
    pub rows: Vec<usize>,
    pub result: Outcome,
    pub number: Option<String>,
    pub why: Option<String>,
}

/// What an import did, or in a dry run would do. Each list has at most 2,000 rows; `left_out` counts the others.
#[derive(Serialize, ToSchema)]
pub struct ReportView {
    #[schema(value_type = Option<String>)]
    pub id: Option<Uuid>,
    pub dry_run: bool,
    pub shop: String,
    pub rows: usize,
    pub orders: usize,
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub skipped: usize,
    pub failed: usize,
    pub problems: Vec<NoteView>,
    pub warnings: Vec<NoteView>,
    pub unknown_columns: Vec<String>,
    pub per_order: Vec<EntryView>,
    pub left_out: usize,
}

impl ReportView {
    fn of(report: Report, lang: Lang) -> Self {
        let note = |note: Note| NoteView {
            row: note.row,
            field: note.field,
            message: note.words.pick(lang).to_owned(),
        };
        let entry = |entry: Entry| EntryView {
            external_no: entry.external_no,
            rows: entry.rows,
            result: entry.result,
            number: entry.number,
            why: entry.why.map(|why| why.pick(lang).to_owned()),
        };
        ReportView {
            id: report.id,
            dry_run: report.dry_run,
            shop: report.shop,
            rows: report.rows,
            orders: report.orders,
            created: report.created,
            updated: report.updated,
            unchanged: report.unchanged,
            skipped: report.skipped,
            failed: report.failed,
            problems: report.problems.into_iter().map(note).collect(),
            warnings: report.warnings.into_iter().map(note).collect(),
            unknown_columns: report.unknown_columns,
            per_order: report.per_order.into_iter().map(entry).collect(),
            left_out: report.left_out,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    pub shop: Option<String>,
    #[serde(default)]
    pub dry_run: bool,
}

/// Imports the order file that is the body. Goes on to the end when the client hangs up; the import can be read then.
pub async fn import(
    State(db): State<Db>,
    State(clock): State<Clock>,
    by: By,
    lang: Lang,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ReportView>> {
    let shop = query.shop.as_deref().filter(|name| !name.is_empty());
    let shop = shop
        .map(|name| Shop::parse(name).ok_or_else(no_such_shop))
        .transpose()?;
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("multipart/")) {
        let detail = text(
            "请把文件本身作为请求内容发送，不要用表单。",
            "Send the file itself as the body, not a form.",
        );
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail).into());
    }
    let (file, hash) = open(body, shop).await?;
    let import = Import {
        db,
        clock,
        ids: by.ids,
        village: by.staff.village,
        staff: Some(by.staff),
        dry_run: query.dry_run,
    };
    let running = tokio::spawn(async move { import.run(&file, &hash, |_, _| {}).await });
    let report = running.await.map_err(anyhow::Error::from)??;
    Ok(Json(ReportView::of(report, lang)))
}

fn no_such_shop() -> crate::error::Error {
    let names = Shop::ALL.map(Shop::as_str).join(", ");
    invalid(
        "shop",
        text(format!("可用：{names}。"), format!("Takes {names}.")),
    )
}

/// Imports, newest first.
pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ImportRow>>> {
    let limit = listing::limit(paging.limit)?;
    let before = listing::before(paging.after.as_deref())?;
    let rows = store::imports(&db, by.staff.village, before, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.id.to_string())))
}

/// One import: how far it is, and its report once it has ended.
#[derive(Serialize, ToSchema)]
pub struct ImportView {
    #[serde(flatten)]
    pub import: ImportRow,
    pub report: Option<ReportView>,
}

pub async fn read(
    State(db): State<Db>,
    by: By,
    lang: Lang,
    Path(id): Path<String>,
) -> Result<Json<ImportView>> {
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    let found = store::import(&db, by.staff.village, id).await?;
    let (import, report) = found.ok_or_else(not_found)?;
    let report = report
        .map(|text| serde_json::from_str::<Report>(&text))
        .transpose()
        .map_err(anyhow::Error::from)?;
    Ok(Json(ImportView {
        import,
        report: report.map(|report| ReportView::of(report, lang)),
    }))
}
