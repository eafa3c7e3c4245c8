//! Staff read and change the stock.

use std::collections::HashMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::Movement;
use super::{Adjustment, Ahead, Availability, Lot, Receipt, boxes_available, store};
use crate::catalog::{self, Component, Sku};
use crate::db::Db;
use crate::error::{Result, not_found};
use crate::villages::auth::By;
use crate::web::input::clean_line;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, MAX_LIMIT, Page, Paging};

/// A sku with what there is of it.
#[derive(Serialize, ToSchema)]
pub struct StockItem {
    #[serde(flatten)]
    pub level: Availability,
    pub title: String,
    pub spec: String,
    /// lots that have something, the first to expire first
    pub lots: Vec<Lot>,
    /// of a gift box, which has no stock of its own: what it takes from others
    pub components: Vec<Component>,
}

pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<StockItem>>> {
    let limit = listing::limit(Some(paging.limit.unwrap_or(MAX_LIMIT)))?;
    let after = paging.after.unwrap_or_default();
    let village = by.staff.village;
    let skus = catalog::store::skus(&db, village, None).await?;
    let levels = store::levels(&db, village, by.at, None).await?;
    let levels: HashMap<String, Availability> = levels
        .into_iter()
        .map(|level| (level.sku.clone(), level))
        .collect();
    let mut lots: HashMap<Uuid, Vec<Lot>> = HashMap::new();
    for lot in store::lots(&db, village).await? {
        lots.entry(lot.sku_id).or_default().push(lot);
    }
    let rows = skus.into_iter().filter(|sku| sku.code > after);
    let items = rows.map(|sku| StockItem {
        level: match levels.get(&sku.code) {
            Some(level) => level.clone(),
            None => level_of_box(&sku, &levels),
        },
        lots: lots.remove(&sku.id).unwrap_or_default(),
        title: sku.title,
        spec: sku.spec,
        components: sku.components,
    });
    Ok(Json(Page::cut(items.collect(), limit, |item| {
        item.level.sku.clone()
    })))
}

fn level_of_box(sku: &Sku, levels: &HashMap<String, Availability>) -> Availability {
    let available = |part: &Component| levels.get(&part.sku).map_or(0, |level| level.available);
    let parts = sku.components.iter().map(|part| (available(part), part.quantity));
    Availability {
        sku_id: sku.id,
        sku: sku.code.clone(),
        on_hand: 0,
        held: 0,
        available: boxes_available(parts),
        ahead: 0,
        ahead_ready_on: None,
    }
}

/// A receipt done.
#[derive(Serialize, ToSchema)]
pub struct Received {
    #[serde(flatten)]
    level: Availability,
    lot: Lot,
}

pub async fn receive(
    State(db): State<Db>,
    by: By,
    Json(input): Json<Receipt>,
) -> Result<(StatusCode, Json<Received>)> {
    let lot = super::receive(&db, &by, &input).await?;
    let levels = store::levels(&db, by.staff.village, by.at, None).await?;
    let level = levels.into_iter().find(|level| level.sku_id == lot.sku_id);
    let level = level.ok_or_else(not_found)?;
    Ok((StatusCode::CREATED, Json(Received { level, lot })))
}

pub async fn adjust(
    State(db): State<Db>,
    by: By,
    Json(input): Json<Adjustment>,
) -> Result<(StatusCode, Json<Availability>)> {
    let level = super::adjust(&db, &by, &input).await?;
    Ok((StatusCode::CREATED, Json(level)))
}

pub async fn sell_ahead(
    State(db): State<Db>,
    Path(sku): Path<String>,
    by: By,
    Json(input): Json<Ahead>,
) -> Result<Json<Availability>> {
    let sku = clean_line(&sku);
    Ok(Json(super::sell_ahead(&db, &by, &sku, &input).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovementsAsked {
    pub sku: Option<String>,
    pub limit: Option<i64>,
    pub after: Option<String>,
}

pub async fn movements(
    State(db): State<Db>,
    by: By,
    Query(asked): Query<MovementsAsked>,
) -> Result<Json<Page<Movement>>> {
    let limit = listing::limit(asked.limit)?;
    let before = listing::before(asked.after.as_deref())?;
    let sku = asked.sku.as_deref().map(clean_line);
    let rows = store::movements(&db, by.staff.village, sku.as_deref(), before, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.id.to_string())))
}
