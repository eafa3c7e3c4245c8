//! What must be told to the outside: written in the transaction of the event, sent afterwards, at least once.
//!
//! A village's partners register an address; every event becomes one row per partner. A job sends what is due, signed
//! with the partner's secret, and tries again with growing waits. The event's id lets a partner drop repeats.
//! Here: the rows. `send`: the way out.

pub mod send;

use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::{Ids, VillageId, first_uuid};
use crate::on;

/// After so many tries an event is given up; it stays in the list that staff see, and staff may try again.
pub const MAX_TRIES: i64 = 20;

/// A claimed event is left alone for so long: longer than one run of the sending job may take.
const CLAIM: Duration = Duration::from_secs(5 * 60);

/// Rows that one statement of the clean-up deletes.
const CHUNK: i64 = 1_000;

#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    subscriber_id: Uuid,
    body: &'a str,
}

/// Queues one event per body for every subscriber of the village.
pub async fn tell(
    tx: &mut Tx,
    ids: &Ids,
    village: VillageId,
    at: Timestamp,
    topic: &str,
    bodies: impl FnOnce() -> Vec<String>,
) -> Result<()> {
    // the lock keeps a partner from being removed under the rows written below; their foreign key would take it anyway
    let subscribers: Vec<Uuid> = on!(tx,
        sqlite: "SELECT id FROM subscriber WHERE village_id = $1 ORDER BY id",
        pg: "SELECT id FROM subscriber WHERE village_id = $1 ORDER BY id FOR KEY SHARE",
        sql, ex => sqlx::query_scalar(sql).bind(village).fetch_all(ex).await)?;
    if subscribers.is_empty() {
        return Ok(());
    }
    let bodies = bodies();
    let rows: Vec<Row> = bodies
        .iter()
        .flat_map(|body| {
            subscribers
                .iter()
                .map(move |subscriber_id| (body, *subscriber_id))
        })
        .map(|(body, subscriber_id)| Row {
            id: ids.uuid(at),
            subscriber_id,
            body,
        })
        .collect();
    on!(tx,
        sqlite: "INSERT INTO outbox (village_id, id, subscriber_id, topic, body, created_at, run_at)
                 SELECT $1, unhex(value->>'id', '-'), unhex(value->>'subscriber_id', '-'), $3, value->>'body', $4, $4
                 FROM jsonb_each($2)",
        pg: "INSERT INTO outbox (village_id, id, subscriber_id, topic, body, created_at, run_at)
             SELECT $1, r.id, r.subscriber_id, $3, r.body, $4, $4
             FROM json_to_recordset($2::json) AS r(id uuid, subscriber_id uuid, body text)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).bind(topic).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A subscriber with events to send, and since when the first of them is due.
struct Due {
    village: VillageId,
    subscriber: Uuid,
    since: Timestamp,
}

async fn due(db: &Db, village: VillageId, now: Timestamp) -> Result<Vec<Due>> {
    let rows: Vec<(Uuid, Timestamp)> = on!(db, ex => sqlx::query_as(
        "SELECT subscriber_id, MIN(run_at) FROM outbox
         WHERE village_id = $1 AND done_at IS NULL AND run_at <= $2 AND tries < $3 GROUP BY subscriber_id")
        .bind(village).bind(now).bind(MAX_TRIES).fetch_all(ex).await)?;
    let due = |(subscriber, since)| Due {
        village,
        subscriber,
        since,
    };
    Ok(rows.into_iter().map(due).collect())
}

/// An event taken for sending. Whoever claimed it later, or staff who want it tried again, changed `tries`.
#[derive(sqlx::FromRow)]
struct Claimed {
    id: Uuid,
    topic: String,
    body: String,
    created_at: Timestamp,
    tries: i64,
}

/// Where a subscriber's events go.
#[derive(sqlx::FromRow)]
struct Target {
    url: String,
    secret: String,
    village: String,
}

/// Takes up to `limit` due events of a subscriber, the oldest first; nobody else gets them before the claim ends.
async fn claim(tx: &mut Tx, due: &Due, now: Timestamp, limit: i64) -> Result<Option<(Target, Vec<Claimed>)>> {
    let target: Option<Target> = on!(tx, ex => sqlx::query_as(
        "SELECT subscriber.url, subscriber.secret, village.slug AS village
         FROM subscriber JOIN village ON village.id = subscriber.village_id
         WHERE subscriber.village_id = $1 AND subscriber.id = $2")
        .bind(due.village).bind(due.subscriber).fetch_optional(ex).await)?;
    let Some(target) = target else {
        return Ok(None);
    };
    let mut claimed: Vec<Claimed> = on!(tx,
        sqlite: "UPDATE outbox SET run_at = $4, tries = tries + 1 WHERE village_id = $1 AND id IN (
                     SELECT id FROM outbox WHERE village_id = $1 AND subscriber_id = $2 AND done_at IS NULL
                       AND run_at <= $3 AND tries < $5 ORDER BY run_at, id LIMIT $6)
                 RETURNING id, topic, body, created_at, tries",
        pg: "UPDATE outbox SET run_at = $4, tries = tries + 1 WHERE village_id = $1 AND id IN (
                 SELECT id FROM outbox WHERE village_id = $1 AND subscriber_id = $2 AND done_at IS NULL
                   AND run_at <= $3 AND tries < $5 ORDER BY run_at, id LIMIT $6 FOR UPDATE SKIP LOCKED)
             RETURNING id, topic, body, created_at, tries",
        sql, ex => sqlx::query_as(sql).bind(due.village).bind(due.subscriber).bind(now).bind(now.plus(CLAIM))
            .bind(MAX_TRIES).bind(limit).fetch_all(ex).await)?;
    claimed.sort_by_key(|event| event.id);
    Ok(Some((target, claimed)))
}

async fn delivered(tx: &mut Tx, village: VillageId, id: Uuid, now: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE outbox SET done_at = $3, last_error = NULL WHERE village_id = $1 AND id = $2 AND done_at IS NULL")
        .bind(village).bind(id).bind(now).execute(ex).await.map(|_| ()))?;
    Ok(())
}

async fn failed(
    tx: &mut Tx,
    village: VillageId,
    event: &Claimed,
    error: &str,
    again_at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE outbox SET last_error = $4, run_at = $5
         WHERE village_id = $1 AND id = $2 AND tries = $3 AND done_at IS NULL")
        .bind(village).bind(event.id).bind(event.tries).bind(error).bind(again_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Gives claimed events back that were not tried.
async fn put_off(tx: &mut Tx, village: VillageId, event: &Claimed, again_at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE outbox SET tries = tries - 1, run_at = $4
         WHERE village_id = $1 AND id = $2 AND tries = $3 AND done_at IS NULL")
        .bind(village).bind(event.id).bind(event.tries).bind(again_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Deletes delivered events older than `before`, at most a chunk of them; gives how many. What was given up stays.
pub async fn clean(tx: &mut Tx, village: VillageId, before: Timestamp) -> Result<(u64, bool)> {
    // ids are in order of time, so that the primary key leads to the old ones
    let deleted = on!(tx, ex => sqlx::query(
        "DELETE FROM outbox WHERE village_id = $1 AND id IN (
             SELECT id FROM outbox WHERE village_id = $1 AND id < $2 AND done_at < $3 ORDER BY id LIMIT $4)")
        .bind(village).bind(first_uuid(before)).bind(before).bind(CHUNK)
        .execute(ex).await.map(|done| done.rows_affected()))?;
    Ok((deleted, deleted >= CHUNK.unsigned_abs()))
}
