//! What must be told to the outside: written in the transaction of the event, sent afterwards, at least once.
//!
//! A village's partners register an address; every event becomes one row per partner. A job sends what is due, signed
//! with the partner's secret, and tries again with growing waits. The event's id lets a partner drop repeats.

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::{Ids, VillageId};
use crate::on;

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
    bodies: &[String],
) -> Result<()> {
    let subscribers: Vec<Uuid> = on!(tx, ex =>
        sqlx::query_scalar("SELECT id FROM subscriber WHERE village_id = $1 ORDER BY id").bind(village).fetch_all(ex).await)?;
    if subscribers.is_empty() {
        return Ok(());
    }
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
