//! Reading and replacing what the workshop and the carriers can take, and what is missing in it.

use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::festivals::{self, Festival, Warning};
use super::{Calendar, Carrier, Workshop, rules, store};
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::transact;
use crate::villages::auth::By;
use crate::web::json::Json;

/// All carriers of a village, in the order in which staff see them.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Carriers {
    pub items: Vec<Carrier>,
}

/// What is missing in the calendar, and the festivals of the coming year.
#[derive(Serialize, ToSchema)]
pub struct Warnings {
    pub items: Vec<Warning>,
    pub today: NaiveDate,
    pub festivals: Vec<Festival>,
}

async fn load(db: &Db, by: &By) -> Result<Calendar> {
    let mut tx = db.snapshot().await?;
    Ok(store::read(&mut tx, by.staff.village).await?.unwrap_or_default())
}

pub async fn capacity(State(db): State<Db>, by: By) -> Result<Json<Workshop>> {
    Ok(Json(load(&db, &by).await?.workshop))
}

pub async fn set_capacity(
    State(db): State<Db>,
    by: By,
    Json(input): Json<Workshop>,
) -> Result<Json<Workshop>> {
    rules::check_workshop(&input)?;
    let village = by.staff.village;
    transact!(db, tx => {
        let before = store::edit(tx, village).await?;
        store::replace_workshop(tx, village, &input).await?;
        let (was, is) = (json!(before.workshop), json!(input));
        changed(tx, &by, "calendar.capacity", "capacity", was, is).await
    })?;
    capacity(State(db), by).await
}

pub async fn carriers(State(db): State<Db>, by: By) -> Result<Json<Carriers>> {
    let items = load(&db, &by).await?.carriers;
    Ok(Json(Carriers { items }))
}

pub async fn set_carriers(
    State(db): State<Db>,
    by: By,
    Json(input): Json<Carriers>,
) -> Result<Json<Carriers>> {
    let carriers = rules::check_carriers(input.items)?;
    let village = by.staff.village;
    transact!(db, tx => {
        let before = store::edit(tx, village).await?;
        store::replace_carriers(tx, village, &carriers).await?;
        let (was, is) = (json!(before.carriers), json!(carriers));
        changed(tx, &by, "calendar.carriers", "carriers", was, is).await
    })?;
    self::carriers(State(db), by).await
}

/// What follows a change: the days' room is that of the new capacity, buyers see new dates, and the act is recorded.
async fn changed(
    tx: &mut Tx,
    by: &By,
    act: &str,
    subject: &str,
    before: serde_json::Value,
    after: serde_json::Value,
) -> Result<()> {
    store::refit(tx, by.staff.village, by.at.day()).await?;
    tx.changes_offers();
    by.log(tx, act, subject, Some(before), Some(after)).await
}

pub async fn warnings(State(db): State<Db>, by: By) -> Result<Json<Warnings>> {
    let today = by.at.day();
    let carriers = load(&db, &by).await?.carriers;
    Ok(Json(Warnings {
        items: festivals::warnings(&carriers, today),
        today,
        festivals: festivals::coming(today),
    }))
}
