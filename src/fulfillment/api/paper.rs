//! A batch's paper over HTTP: lists, labels and the sheet for the driver.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::Db;
use crate::error::{Error, Result, invalid, not_found, text};
use crate::fulfillment::paper::labels::{self, Size};
use crate::fulfillment::paper::{PaperError, Sheet, handover, packing, pick, xlsx};
use crate::fulfillment::sheet;
use crate::villages::auth::By;
use crate::web::json::Query;

pub const PDF: &str = "application/pdf";
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelQuery {
    /// `100x150` or `76x130`, in millimetres
    size: Option<String>,
}

/// By carrier, product and lot, with weights.
pub async fn packing_list(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    print(&db, &by, &id, ("packing-list", "pdf", PDF), packing::pdf).await
}

/// The same as a workbook.
pub async fn packing_list_xlsx(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    print(&db, &by, &id, ("packing-list", "xlsx", XLSX), xlsx::packing_list).await
}

/// What to fetch from the store room.
pub async fn pick_list(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    print(&db, &by, &id, ("pick-list", "pdf", PDF), pick::pdf).await
}

/// One label a page.
pub async fn labels(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<LabelQuery>,
) -> Result<Response> {
    let size = Size::parse(query.size.as_deref().unwrap_or("100x150")).ok_or_else(|| {
        let message = text(
            "标签只有 100x150 和 76x130 两种。",
            "Labels come as 100x150 or 76x130.",
        );
        invalid("size", message)
    })?;
    let draw = move |sheet: &Sheet| labels::pdf(sheet, size);
    print(&db, &by, &id, ("labels", "pdf", PDF), draw).await
}

/// What the driver signs.
pub async fn hand_over(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    print(&db, &by, &id, ("hand-over", "pdf", PDF), handover::pdf).await
}

/// The same as a workbook.
pub async fn hand_over_xlsx(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Response> {
    print(&db, &by, &id, ("hand-over", "xlsx", XLSX), xlsx::hand_over).await
}

async fn print(
    db: &Db,
    by: &By,
    id: &str,
    (name, ending, kind): (&str, &str, &'static str),
    draw: impl FnOnce(&Sheet) -> Result<Vec<u8>, PaperError> + Send + 'static,
) -> Result<Response> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let sheet = sheet::of(db, by.staff.village, id).await?;
    let file = format!("inline; filename=\"{name}-{}.{ending}\"", sheet.batch);
    let bytes = tokio::task::spawn_blocking(move || draw(&sheet))
        .await
        .map_err(anyhow::Error::from)?
        .map_err(refusal)?;
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, file),
    ];
    Ok((headers, bytes).into_response())
}

fn refusal(error: PaperError) -> Error {
    match error {
        PaperError::TooMuch | PaperError::Number(_) | PaperError::Code { .. } => {
            let said = error.to_string();
            let (zh, en) = said.split_once(" / ").unwrap_or((&said, &said));
            invalid("batch", text(zh, en))
        }
        PaperError::Unequal(_) | PaperError::Pdf(_) | PaperError::Xlsx(_) => {
            anyhow::Error::from(error).into()
        }
    }
}
