//! The forms in which a table leaves the program: JSON for programs, CSV and XLSX for spreadsheets.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::export::Table;
use crate::clock::Timestamp;
use crate::error::Result;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
    Csv,
    Xlsx,
}

/// A table as a file to keep, CSV unless XLSX was asked for.
///
/// # Errors
/// When the workbook can't be made.
pub fn file(format: Format, at: Timestamp, name: &str, table: &Table) -> Result<Response> {
    let (ending, kind, bytes) = match format {
        Format::Xlsx => {
            let book = table.to_xlsx(at.0).map_err(anyhow::Error::from)?;
            let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            ("xlsx", kind, book)
        }
        Format::Json | Format::Csv => ("csv", "text/csv; charset=utf-8", table.to_csv()),
    };
    let name = format!("attachment; filename=\"{name}-{}.{ending}\"", at.day());
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, bytes).into_response())
}
