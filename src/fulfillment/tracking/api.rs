//! What Kuaidi100 pushes, and what staff see of parcels on their way, over HTTP.

use axum::Json as Plain;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::kuaidi100::Kuaidi100;
use super::store::{self, Learned, OnTheWay};
use super::{push, work};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, invalid, not_found, text};
use crate::fulfillment::codes;
use crate::fulfillment::store::parcels;
use crate::id::Ids;
use crate::transact;
use crate::villages;
use crate::villages::auth::By;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

/// The largest push: their last result of one number.
pub const MAX_PUSH: usize = 1024 * 1024;

#[derive(Deserialize)]
pub struct PushQuery {
    /// the village's name in addresses, as it was in the subscription
    village: Option<String>,
}

/// A push of Kuaidi100. One that is signed is answered with success, also when its parcel is not ours any more: they
/// would only send it again.
pub async fn pushed(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    State(client): State<Option<Kuaidi100>>,
    Query(query): Query<PushQuery>,
    body: Bytes,
) -> Result<Response> {
    let client = client.ok_or_else(not_found)?;
    let push = match push::read(&body, client.salt()) {
        Ok(push) => push,
        Err(error) => {
            tracing::warn!(%error, "a push was refused");
            let answer = json!({"result": false, "returnCode": "500", "message": error.to_string()});
            return Ok((StatusCode::BAD_REQUEST, Plain(answer)).into_response());
        }
    };
    let mut villages = villages::store::villages(&db).await?;
    if let Some(slug) = &query.village {
        villages.retain(|village| village.slug == *slug);
    }
    let mut found = false;
    for village in villages {
        let now = clock.now();
        found |= transact!(db, tx => work::take(tx, &ids, village.id, &push, now).await)?;
    }
    if !found {
        tracing::info!(company = push.company, "a push is of no parcel on its way");
    }
    let answer = json!({"result": true, "returnCode": "200", "message": "成功"});
    Ok(Plain(answer).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnTheWayQuery {
    /// only what somebody has to look at
    #[serde(default)]
    alarm: bool,
    limit: Option<i64>,
    after: Option<String>,
}

/// Parcels on their way.
pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(query): Query<OnTheWayQuery>,
) -> Result<Json<Page<OnTheWay>>> {
    let limit = listing::limit(query.limit)?;
    let message = || text("请用上一页的 next。", "Takes the `next` of the page before.");
    let after = query.after.as_deref().map(Uuid::try_parse).transpose();
    let after = after.map_err(|_| invalid("after", message()))?;
    let rows = store::list(&db, by.staff.village, query.alarm, after, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.waybill_id.to_string())))
}

/// Somebody has looked: the alarms of a parcel end.
pub async fn alarm_seen(State(db): State<Db>, by: By, Path(code): Path<String>) -> Result<StatusCode> {
    let code = codes::parse(&code).ok_or_else(not_found)?;
    let village = by.staff.village;
    transact!(db, tx => {
        let found = parcels::by_codes(tx, village, std::slice::from_ref(&code)).await?;
        let parcel = found.first().ok_or_else(not_found)?;
        let alarms = store::seen(tx, village, parcel.id, by.at).await?;
        if !alarms.is_empty() {
            by.log(tx, "parcel.alarm_seen", &code, Some(json!({"alarms": alarms})), None).await?;
        }
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// Days on the way that were learned from the village's own parcels, per carrier and province.
pub async fn learned(State(db): State<Db>, by: By) -> Result<Json<Page<Learned>>> {
    Ok(Json(Page::whole(store::learned(&db, by.staff.village).await?)))
}
