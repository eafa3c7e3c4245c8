//! SQL of what providers tell us.

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// An event as it came.
pub struct NewEvent<'a> {
    pub village: VillageId,
    pub provider: &'static str,
    pub id: &'a str,
    pub kind: &'a str,
    pub body: &'a str,
}

/// Stores an event; false when it is there already.
pub async fn insert(tx: &mut Tx, event: &NewEvent<'_>, at: Timestamp) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "INSERT INTO provider_event (village_id, provider, id, kind, body, received_at, next_try_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (village_id, provider, id) DO NOTHING")
        .bind(event.village).bind(event.provider).bind(event.id).bind(event.kind).bind(event.body).bind(at)
        .execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// Erases the bodies of events that had their outcome before an instant: they name buyers, and nothing reads them again.
/// What stays says that the event came, of which kind it was and what became of it. At most `limit`; gives how many.
pub async fn erase_bodies(tx: &mut Tx, village: VillageId, before: Timestamp, limit: i64) -> Result<u64> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE provider_event SET body = ''
         WHERE village_id = $1 AND (provider, id) IN (
             SELECT provider, id FROM provider_event
             WHERE village_id = $1 AND processed_at IS NOT NULL AND processed_at < $2 AND body <> ''
             ORDER BY processed_at LIMIT $3)")
        .bind(village).bind(before).bind(limit).execute(ex).await.map(|done| done.rows_affected()))?)
}

/// An event that waits for its outcome.
#[derive(sqlx::FromRow)]
pub struct Waiting {
    pub provider: String,
    pub id: String,
    pub kind: String,
    pub body: String,
    pub tries: i64,
}

pub async fn due(db: &Db, village: VillageId, until: Timestamp, limit: i64) -> Result<Vec<Waiting>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT provider, id, kind, body, tries FROM provider_event
         WHERE village_id = $1 AND processed_at IS NULL AND next_try_at <= $2 ORDER BY next_try_at LIMIT $3")
        .bind(village).bind(until).bind(limit).fetch_all(ex).await)?)
}

/// One event, when it waits for its outcome.
pub async fn waiting(db: &Db, village: VillageId, provider: &str, id: &str) -> Result<Option<Waiting>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT provider, id, kind, body, tries FROM provider_event
         WHERE village_id = $1 AND provider = $2 AND id = $3 AND processed_at IS NULL")
        .bind(village).bind(provider).bind(id).fetch_optional(ex).await)?)
}

/// Gives an event its outcome; the first one stays.
pub async fn settle(
    tx: &mut Tx,
    village: VillageId,
    event: &Waiting,
    outcome: &str,
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE provider_event SET processed_at = $4, outcome = $5, next_try_at = NULL, tries = tries + 1
         WHERE village_id = $1 AND provider = $2 AND id = $3 AND processed_at IS NULL")
        .bind(village).bind(&event.provider).bind(&event.id).bind(at).bind(outcome)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn put_off(
    tx: &mut Tx,
    village: VillageId,
    event: &Waiting,
    why: &str,
    next: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE provider_event SET tries = tries + 1, last_error = $4, next_try_at = $5
         WHERE village_id = $1 AND provider = $2 AND id = $3 AND processed_at IS NULL")
        .bind(village).bind(&event.provider).bind(&event.id).bind(why).bind(next).execute(ex).await.map(|_| ()))?;
    Ok(())
}
