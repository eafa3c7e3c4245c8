//! SQL of tracking: which waybills are followed, what was said of them, what was learned.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Event, Status};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::{Ids, VillageId};
use crate::on;

/// A waybill that is followed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Followed {
    pub waybill_id: Uuid,
    pub parcel_id: Uuid,
    pub carrier: String,
    pub number: String,
    pub phone: String,
    pub subscribed_at: Option<Timestamp>,
    pub failures: i64,
}

/// Begins to follow the live waybills of parcels that are with a carrier; at most `limit` of them.
pub async fn begin(tx: &mut Tx, village: VillageId, now: Timestamp, limit: i64) -> Result<u64> {
    Ok(on!(tx, ex => sqlx::query(
        "INSERT INTO tracking (village_id, waybill_id, parcel_id, next_at)
         SELECT waybill.village_id, waybill.id, waybill.parcel_id, $2
         FROM waybill
         JOIN parcel ON parcel.village_id = waybill.village_id AND parcel.id = waybill.parcel_id
         WHERE waybill.village_id = $1 AND waybill.ended_at IS NULL AND parcel.handed_over_at IS NOT NULL
           AND parcel.delivered_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM tracking WHERE tracking.village_id = waybill.village_id
                           AND tracking.waybill_id = waybill.id)
         ORDER BY waybill.since, waybill.id LIMIT $3
         ON CONFLICT (village_id, waybill_id) DO NOTHING")
        .bind(village).bind(now).bind(limit).execute(ex).await.map(|done| done.rows_affected()))?)
}

/// The waybills whose time has come, the longest due first.
pub async fn due(db: &Db, village: VillageId, now: Timestamp, limit: i64) -> Result<Vec<Followed>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT tracking.waybill_id, tracking.parcel_id, waybill.carrier, waybill.number, orders.phone,
                tracking.subscribed_at, tracking.failures
         FROM tracking
         JOIN waybill ON waybill.village_id = tracking.village_id AND waybill.id = tracking.waybill_id
         JOIN parcel ON parcel.village_id = tracking.village_id AND parcel.id = tracking.parcel_id
         JOIN orders ON orders.village_id = parcel.village_id AND orders.id = parcel.order_id
         WHERE tracking.village_id = $1 AND tracking.ended_at IS NULL AND tracking.next_at <= $2
           AND waybill.ended_at IS NULL AND parcel.handed_over_at IS NOT NULL AND parcel.delivered_at IS NULL
         ORDER BY tracking.next_at, tracking.waybill_id LIMIT $3")
        .bind(village).bind(now).bind(limit).fetch_all(ex).await)?)
}

/// The followed waybill with this number, if it is live; of several carriers' with one number all.
pub async fn by_number(tx: &mut Tx, village: VillageId, number: &str) -> Result<Vec<Followed>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT tracking.waybill_id, tracking.parcel_id, waybill.carrier, waybill.number, orders.phone,
                tracking.subscribed_at, tracking.failures
         FROM waybill
         JOIN tracking ON tracking.village_id = waybill.village_id AND tracking.waybill_id = waybill.id
         JOIN parcel ON parcel.village_id = waybill.village_id AND parcel.id = waybill.parcel_id
         JOIN orders ON orders.village_id = parcel.village_id AND orders.id = parcel.order_id
         WHERE waybill.village_id = $1 AND waybill.number = $2 AND waybill.ended_at IS NULL")
        .bind(village).bind(number).fetch_all(ex).await)?)
}

pub async fn subscribed(
    tx: &mut Tx,
    village: VillageId,
    waybill: Uuid,
    now: Timestamp,
    next: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE tracking SET subscribed_at = $3, next_at = $4, failures = 0, last_error = NULL
         WHERE village_id = $1 AND waybill_id = $2")
        .bind(village).bind(waybill).bind(now).bind(next).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// An answer came, or a push.
pub async fn answered(
    tx: &mut Tx,
    village: VillageId,
    waybill: Uuid,
    now: Timestamp,
    next: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE tracking SET asked_at = $3, next_at = $4, failures = 0, last_error = NULL
         WHERE village_id = $1 AND waybill_id = $2")
        .bind(village).bind(waybill).bind(now).bind(next).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn failed(
    tx: &mut Tx,
    village: VillageId,
    waybill: Uuid,
    why: &str,
    next: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE tracking SET failures = failures + 1, last_error = $3, next_at = $4
         WHERE village_id = $1 AND waybill_id = $2")
        .bind(village).bind(waybill).bind(why).bind(next).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn end(tx: &mut Tx, village: VillageId, waybill: Uuid, now: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE tracking SET ended_at = $3 WHERE village_id = $1 AND waybill_id = $2 AND ended_at IS NULL")
        .bind(village).bind(waybill).bind(now).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Raises an alarm; false when the same one stands already.
pub async fn alarm(
    tx: &mut Tx,
    village: VillageId,
    waybill: Uuid,
    why: &str,
    now: Timestamp,
) -> Result<bool> {
    let raised = on!(tx, ex => sqlx::query(
        "UPDATE tracking SET alarm = $3, alarm_at = $4
         WHERE village_id = $1 AND waybill_id = $2 AND (alarm IS NULL OR alarm <> $3)")
        .bind(village).bind(waybill).bind(why).bind(now).execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(raised == 1)
}

/// Staff have seen the alarms of a parcel: gives them back, ends them, and follows the parcel again if it was given up
/// on its way.
pub async fn seen(tx: &mut Tx, village: VillageId, parcel: Uuid, now: Timestamp) -> Result<Vec<String>> {
    let alarms: Vec<String> = on!(tx, ex => sqlx::query_scalar(
        "SELECT alarm FROM tracking WHERE village_id = $1 AND parcel_id = $2 AND alarm IS NOT NULL ORDER BY alarm_at")
        .bind(village).bind(parcel).fetch_all(ex).await)?;
    on!(tx, ex => sqlx::query(
        "UPDATE tracking SET ended_at = NULL, subscribed_at = NULL, failures = 0, next_at = $3
         WHERE village_id = $1 AND parcel_id = $2 AND alarm IS NOT NULL AND ended_at IS NOT NULL
           AND EXISTS (SELECT 1 FROM parcel WHERE parcel.village_id = $1 AND parcel.id = $2
                       AND parcel.delivered_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM parcel_event AS event WHERE event.village_id = $1 AND event.parcel_id = $2
                           AND event.status = 'returned')")
        .bind(village).bind(parcel).bind(now).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "UPDATE tracking SET alarm = NULL, alarm_at = NULL WHERE village_id = $1 AND parcel_id = $2")
        .bind(village).bind(parcel).execute(ex).await.map(|_| ()))?;
    Ok(alarms)
}

#[derive(Serialize)]
struct EventRow<'a> {
    id: Uuid,
    at: i64,
    status: Status,
    text: &'a str,
}

/// Stores what is new of these messages, and gives their number.
pub async fn add_events(
    tx: &mut Tx,
    ids: &Ids,
    village: VillageId,
    parcel: Uuid,
    events: &[Event],
    now: Timestamp,
) -> Result<u64> {
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        rows.push(EventRow {
            id: ids.uuid(now),
            at: event.at.0,
            status: event.status,
            text: &event.text,
        });
    }
    Ok(on!(tx,
        sqlite: "INSERT INTO parcel_event (village_id, id, parcel_id, at, status, text)
                 SELECT $1, unhex(value->>'id', '-'), $2, value->>'at', value->>'status', value->>'text'
                 FROM json_each($3) WHERE TRUE
                 ON CONFLICT (village_id, parcel_id, at, text) DO NOTHING",
        pg: "INSERT INTO parcel_event (village_id, id, parcel_id, at, status, text)
             SELECT $1, new.id, $2, new.at, new.status, new.text
             FROM json_to_recordset($3::json) AS new(id uuid, at bigint, status text, text text)
             ON CONFLICT (village_id, parcel_id, at, text) DO NOTHING",
        sql, ex => sqlx::query(sql).bind(village).bind(parcel).bind(json(&rows))
            .execute(ex).await.map(|done| done.rows_affected()))?)
}

/// A parcel on its way, as staff see it.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct OnTheWay {
    #[serde(skip)]
    pub waybill_id: Uuid,
    pub parcel: String,
    pub carrier: String,
    pub waybill: String,
    /// whether the carrier's messages are pushed to us
    pub subscribed_at: Option<Timestamp>,
    pub asked_at: Option<Timestamp>,
    /// null once nothing more is asked
    pub next_at: Option<Timestamp>,
    pub failures: i64,
    pub last_error: Option<String>,
    /// somebody has to look: in the carrier's or Kuaidi100's words
    pub alarm: Option<String>,
    pub alarm_at: Option<Timestamp>,
}

/// What is followed, by waybill id after a cursor; only what has an alarm if that is asked.
pub async fn list(
    db: &Db,
    village: VillageId,
    alarms: bool,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<OnTheWay>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT tracking.waybill_id, parcel.code AS parcel, waybill.carrier, waybill.number AS waybill,
                tracking.subscribed_at, tracking.asked_at,
                CASE WHEN tracking.ended_at IS NULL THEN tracking.next_at END AS next_at,
                tracking.failures, tracking.last_error, tracking.alarm, tracking.alarm_at
         FROM tracking
         JOIN waybill ON waybill.village_id = tracking.village_id AND waybill.id = tracking.waybill_id
         JOIN parcel ON parcel.village_id = tracking.village_id AND parcel.id = tracking.parcel_id
         WHERE tracking.village_id = $1 AND ($2 = FALSE OR tracking.alarm IS NOT NULL)
           AND waybill.ended_at IS NULL
           AND ((tracking.ended_at IS NULL AND parcel.delivered_at IS NULL) OR tracking.alarm IS NOT NULL)
           AND ($3 IS NULL OR tracking.waybill_id > $3)
         ORDER BY tracking.waybill_id LIMIT $4")
        .bind(village).bind(alarms).bind(after).bind(limit).fetch_all(ex).await)?)
}

/// A delivered parcel's way: carrier, province's two digits, collected (or handed over) and delivered.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Way {
    pub carrier: String,
    pub province: String,
    pub collected_at: Timestamp,
    pub delivered_at: Timestamp,
}

/// The ways of the parcels delivered since a moment, the newest first.
pub async fn ways(db: &Db, village: VillageId, since: Timestamp, limit: i64) -> Result<Vec<Way>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT parcel.carrier, SUBSTR(orders.region_code, 1, 2) AS province, parcel.delivered_at,
                COALESCE((SELECT MIN(event.at) FROM parcel_event AS event
                          WHERE event.village_id = parcel.village_id AND event.parcel_id = parcel.id
                            AND event.status = 'collected'), parcel.handed_over_at) AS collected_at
         FROM parcel
         JOIN orders ON orders.village_id = parcel.village_id AND orders.id = parcel.order_id
         WHERE parcel.village_id = $1 AND parcel.delivered_at >= $2
         ORDER BY parcel.delivered_at DESC LIMIT $3")
        .bind(village).bind(since).bind(limit).fetch_all(ex).await)?)
}

/// What a carrier's parcels to a province took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Learned {
    pub carrier: String,
    /// two digits
    pub province: String,
    /// days within which nine of ten parcels arrived
    pub days: i64,
    /// parcels that it was learned from
    pub parcels: i64,
    pub learned_at: Timestamp,
}

pub async fn learn(tx: &mut Tx, village: VillageId, learned: &Learned) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO transit_learned (village_id, carrier, province, days, parcels, learned_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (village_id, carrier, province)
         DO UPDATE SET days = excluded.days, parcels = excluded.parcels, learned_at = excluded.learned_at")
        .bind(village).bind(&learned.carrier).bind(&learned.province).bind(learned.days).bind(learned.parcels)
        .bind(learned.learned_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn learned(db: &Db, village: VillageId) -> Result<Vec<Learned>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT carrier, province, days, parcels, learned_at FROM transit_learned
         WHERE village_id = $1 ORDER BY carrier, province")
        .bind(village).fetch_all(ex).await)?)
}

impl Way {
    /// The days of leaving and arriving, in China.
    pub fn days(&self) -> (NaiveDate, NaiveDate) {
        (self.collected_at.day(), self.delivered_at.day())
    }
}
