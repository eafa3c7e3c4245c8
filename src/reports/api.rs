//! Reports over HTTP: JSON for programs, CSV and XLSX for spreadsheets.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{Backlog, ChannelSales, SalesDay, StockLevel, store};
use crate::catalog;
use crate::clock::{Timestamp, start_of_day};
use crate::db::Db;
use crate::error::{Result, invalid, text};
use crate::id::VillageId;
use crate::stock;
use crate::villages::auth::By;
use crate::web::download::{Format, file};
use crate::web::export::Table;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::Page;

/// A report over a span of days, both of which are in it; without them, over all there is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    #[serde(default)]
    format: Format,
    from: Option<String>,
    to: Option<String>,
}

impl Span {
    /// From the first instant of the first day to that after the last.
    fn instants(&self) -> Result<(Timestamp, Timestamp)> {
        let mut check = Check::new();
        let mut day = |field: &str, day: &Option<String>| {
            let day = day.as_deref().filter(|day| !day.is_empty())?;
            check.day(field, day).parse::<NaiveDate>().ok()
        };
        let (from, to) = (day("from", &self.from), day("to", &self.to));
        if let (Some(from), Some(to)) = (from, to) {
            let message = text("不能早于 from。", "It can't be before `from`.");
            check.require(from <= to, "to", message);
        }
        check.finish()?;
        let after = to.and_then(|to| to.checked_add_days(Days::new(1)));
        Ok((
            from.map_or(Timestamp(0), start_of_day),
            after.map_or(Timestamp(i64::MAX), start_of_day),
        ))
    }
}

/// A report on how things stand now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Now {
    #[serde(default)]
    format: Format,
    from: Option<String>,
    to: Option<String>,
}

impl Now {
    fn check(&self) -> Result<()> {
        for (field, day) in [("from", &self.from), ("to", &self.to)] {
            if day.as_deref().is_some_and(|day| !day.is_empty()) {
                let message = text(
                    "这张表说的是现在的情况，没有日期范围。",
                    "This report is about now; it takes no days.",
                );
                return Err(invalid(field, message));
            }
        }
        Ok(())
    }
}

/// The rows as a list, or as a file to keep.
fn answer<T: Serialize>(
    format: Format,
    by: &By,
    name: &str,
    rows: Vec<T>,
    table: fn(Vec<T>) -> Table,
) -> Result<Response> {
    match format {
        Format::Json => Ok(Json(Page::whole(rows)).into_response()),
        _ => file(format, by.at, name, &table(rows)),
    }
}

/// Sales per day from one day to another, both of which are in it; the newest first.
pub async fn sales_between(
    db: &Db,
    village: VillageId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<SalesDay>> {
    let end = to.checked_add_days(Days::new(1)).unwrap_or(to);
    store::sales(db, village, (start_of_day(from), start_of_day(end))).await
}

/// The same per channel and host.
pub async fn channels_between(
    db: &Db,
    village: VillageId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<ChannelSales>> {
    let end = to.checked_add_days(Days::new(1)).unwrap_or(to);
    store::channels(db, village, (start_of_day(from), start_of_day(end))).await
}

/// What is sold and not handed over.
pub async fn backlog_now(db: &Db, village: VillageId) -> Result<Backlog> {
    store::backlog(db, village).await
}

pub async fn sales(State(db): State<Db>, by: By, Query(span): Query<Span>) -> Result<Response> {
    let rows = store::sales(&db, by.staff.village, span.instants()?).await?;
    answer(span.format, &by, "sales", rows, super::sales_table)
}

pub async fn channels(State(db): State<Db>, by: By, Query(span): Query<Span>) -> Result<Response> {
    let rows = store::channels(&db, by.staff.village, span.instants()?).await?;
    answer(span.format, &by, "channels", rows, super::channels_table)
}

pub async fn backlog(State(db): State<Db>, by: By, Query(now): Query<Now>) -> Result<Response> {
    now.check()?;
    let village = by.staff.village;
    if now.format == Format::Json {
        return Ok(Json(store::backlog(&db, village).await?).into_response());
    }
    let rows = store::backlog_rows(&db, village).await?;
    file(now.format, by.at, "backlog", &super::backlog_table(rows))
}

pub async fn stock(State(db): State<Db>, by: By, Query(now): Query<Now>) -> Result<Response> {
    now.check()?;
    let village = by.staff.village;
    let skus = catalog::store::skus(&db, village, None).await?;
    let mut names: HashMap<String, (String, String)> = skus
        .into_iter()
        .map(|sku| (sku.code, (sku.title, sku.spec)))
        .collect();
    let mut levels = stock::store::levels(&db, village, by.at, None).await?;
    levels.sort_by(|one, other| one.sku.cmp(&other.sku));
    let rows = levels.into_iter().map(|level| {
        let (title, spec) = names.remove(&level.sku).unwrap_or_default();
        StockLevel::of(level, title, spec)
    });
    answer(now.format, &by, "stock", rows.collect(), super::stock_table)
}
