//! SQL of subscribers, and of their events as staff see them.

use uuid::Uuid;

use super::MAX_SUBSCRIBERS;
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;
use crate::outbox::MAX_TRIES;

#[derive(serde::Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Subscriber {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub url: String,
    pub created_at: Timestamp,
    /// events that are still to be delivered
    pub waiting: i64,
    /// events that were given up
    pub failed: i64,
    /// what came of the latest try of an event that is not delivered
    pub last_error: Option<String>,
}

/// An event as staff see it.
#[derive(serde::Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Event {
    #[schema(value_type = String)]
    pub id: Uuid,
    #[schema(value_type = String)]
    pub subscriber_id: Uuid,
    pub topic: String,
    pub created_at: Timestamp,
    pub tries: i64,
    pub last_error: Option<String>,
    pub done_at: Option<Timestamp>,
    /// when it is tried again; null when it was delivered or given up
    pub next_try_at: Option<Timestamp>,
}

macro_rules! event_columns {
    () => {
        "id, subscriber_id, topic, created_at, tries, last_error, done_at,
         CASE WHEN done_at IS NULL AND tries < $2 THEN run_at END AS next_try_at"
    };
}

/// All subscribers of the village, the oldest first.
pub async fn subscribers(db: &Db, village: VillageId) -> Result<Vec<Subscriber>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT subscriber.id, subscriber.url, subscriber.created_at,
                (SELECT COUNT(*) FROM outbox WHERE outbox.village_id = $1 AND outbox.subscriber_id = subscriber.id
                   AND outbox.done_at IS NULL AND outbox.tries < $2) AS waiting,
                (SELECT COUNT(*) FROM outbox WHERE outbox.village_id = $1 AND outbox.subscriber_id = subscriber.id
                   AND outbox.done_at IS NULL AND outbox.tries >= $2) AS failed,
                (SELECT outbox.last_error FROM outbox
                 WHERE outbox.village_id = $1 AND outbox.subscriber_id = subscriber.id AND outbox.done_at IS NULL
                   AND outbox.last_error IS NOT NULL
                 ORDER BY outbox.run_at DESC LIMIT 1) AS last_error
         FROM subscriber WHERE subscriber.village_id = $1 ORDER BY subscriber.id")
        .bind(village).bind(MAX_TRIES).fetch_all(ex).await)?)
}

pub struct NewSubscriber<'a> {
    pub id: Uuid,
    pub url: &'a str,
    pub secret: &'a str,
    pub at: Timestamp,
}

/// False, and nothing added, when the village has as many as it may. The unique key refuses an address it has already.
pub async fn add(tx: &mut Tx, village: VillageId, new: &NewSubscriber<'_>) -> Result<bool> {
    let added = on!(tx, ex => sqlx::query(
        "INSERT INTO subscriber (village_id, id, url, secret, created_at)
         SELECT id, $2, $3, $4, $5 FROM village
         WHERE id = $1 AND (SELECT COUNT(*) FROM subscriber WHERE village_id = $1) < $6")
        .bind(village).bind(new.id).bind(new.url).bind(new.secret).bind(new.at).bind(MAX_SUBSCRIBERS)
        .execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(added == 1)
}

/// Removes a subscriber with all its events; gives its address, or `None` when there is none of that id.
pub async fn remove(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<String>> {
    // locked first, so that no event is written for it while its events go
    let url: Option<String> = on!(tx,
        sqlite: "SELECT url FROM subscriber WHERE village_id = $1 AND id = $2",
        pg: "SELECT url FROM subscriber WHERE village_id = $1 AND id = $2 FOR UPDATE",
        sql, ex => sqlx::query_scalar(sql).bind(village).bind(id).fetch_optional(ex).await)?;
    if url.is_some() {
        on!(tx, ex => sqlx::query("DELETE FROM outbox WHERE village_id = $1 AND subscriber_id = $2")
            .bind(village).bind(id).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query("DELETE FROM subscriber WHERE village_id = $1 AND id = $2")
            .bind(village).bind(id).execute(ex).await.map(|_| ()))?;
    }
    Ok(url)
}

/// Events, the newest first; only those that were given up when `failed`.
pub async fn events(
    db: &Db,
    village: VillageId,
    failed: bool,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Event>> {
    Ok(on!(db, ex => sqlx::query_as(concat!("SELECT ", event_columns!(),
        " FROM outbox WHERE village_id = $1 AND id < $3 AND (NOT $4 OR (done_at IS NULL AND tries >= $2))
         ORDER BY id DESC LIMIT $5"))
        .bind(village).bind(MAX_TRIES).bind(before).bind(failed).bind(limit).fetch_all(ex).await)?)
}

pub async fn event(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<Event>> {
    Ok(on!(tx, ex => sqlx::query_as(concat!("SELECT ", event_columns!(),
        " FROM outbox WHERE village_id = $1 AND id = $3"))
        .bind(village).bind(MAX_TRIES).bind(id).fetch_optional(ex).await)?)
}

/// Makes an event due now, with all its tries before it; false when it is not waiting.
pub async fn retry(tx: &mut Tx, village: VillageId, id: Uuid, at: Timestamp) -> Result<bool> {
    let changed = on!(tx, ex => sqlx::query(
        "UPDATE outbox SET tries = 0, run_at = $3 WHERE village_id = $1 AND id = $2 AND done_at IS NULL")
        .bind(village).bind(id).bind(at).execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}
