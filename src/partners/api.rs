//! Registering partners, and seeing what they were told.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{self, Event, NewSubscriber, Subscriber};
use super::{MAX_SUBSCRIBERS, address};
use crate::db::Db;
use crate::error::{Result, conflict, not_found, on_unique, text};
use crate::outbox::send::shown;
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// https, or http on this machine; at most 300 characters, no login
    url: String,
}

#[derive(Serialize, ToSchema)]
pub struct Subscribed {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub url: String,
    /// signs every event; shown this once
    pub secret: String,
}

pub async fn subscribers(State(db): State<Db>, by: By) -> Result<Json<Page<Subscriber>>> {
    Ok(Json(Page::whole(
        store::subscribers(&db, by.staff.village).await?,
    )))
}

pub async fn subscribe(
    State(db): State<Db>,
    by: By,
    Json(input): Json<Subscribe>,
) -> Result<(StatusCode, Json<Subscribed>)> {
    let mut check = Check::new();
    let url = address(&mut check, "url", &input.url);
    check.finish()?;
    let (id, secret) = (by.new_id(), by.ids.secret(by.staff.village));
    let new = NewSubscriber {
        id,
        url: &url,
        secret: &secret,
        at: by.at,
    };
    let added = transact!(db, tx => {
        if !store::add(tx, by.staff.village, &new).await? {
            return Err(too_many());
        }
        by.log(tx, "subscriber.add", &id.to_string(), None, Some(json!({"url": shown(&url)}))).await
    });
    let taken = text("这个网址已经登记过了。", "This address is registered already.");
    on_unique(added, "url", taken)?;
    Ok((StatusCode::CREATED, Json(Subscribed { id, url, secret })))
}

fn too_many() -> crate::error::Error {
    let detail = text(
        format!("最多登记 {MAX_SUBSCRIBERS} 个网址，请先删掉不用的。"),
        format!("A village has at most {MAX_SUBSCRIBERS} of them; remove one that is no longer used."),
    );
    conflict("too-many-subscribers", detail)
}

pub async fn unsubscribe(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<StatusCode> {
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    transact!(db, tx => {
        let url = store::remove(tx, by.staff.village, id).await?.ok_or_else(not_found)?;
        by.log(tx, "subscriber.remove", &id.to_string(), Some(json!({"url": shown(&url)})), None).await
    })?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// only events that were given up
    #[serde(default)]
    failed: bool,
    limit: Option<i64>,
    after: Option<String>,
}

pub async fn events(
    State(db): State<Db>,
    by: By,
    Query(query): Query<EventQuery>,
) -> Result<Json<Page<Event>>> {
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let rows = store::events(&db, by.staff.village, query.failed, before, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row: &Event| row.id.to_string())))
}

pub async fn retry(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Json<Event>> {
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    let village = by.staff.village;
    let event = transact!(db, tx => {
        let before = store::event(tx, village, id).await?.ok_or_else(not_found)?;
        if !store::retry(tx, village, id, by.at).await? {
            let detail = text("这条通知已经送到了。", "This event has been delivered.");
            return Err(conflict("already-delivered", detail));
        }
        let before = json!({"tries": before.tries, "last_error": before.last_error});
        by.log(tx, "outbox.retry", &id.to_string(), Some(before), None).await?;
        store::event(tx, village, id).await?.ok_or_else(not_found)
    })?;
    Ok(Json(event))
}
