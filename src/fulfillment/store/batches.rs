//! SQL of batches.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::fulfillment::State;
use crate::id::VillageId;
use crate::on;
use crate::villages::auth::By;

/// A batch with the sums of its parcels.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Batch {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub number: String,
    pub ship_on: String,
    pub carrier: String,
    pub state: State,
    /// number of parcels
    #[sqlx(rename = "parcel_count")]
    pub parcel_count: i64,
    pub cases: i64,
    pub grams: i64,
    pub packed_parcels: i64,
    pub packed_cases: i64,
    /// parcels that staff hold
    pub held_parcels: i64,
    /// parcels with a waybill
    pub with_waybill: i64,
    /// what the workshop packs on its day, as planned
    pub workshop_cases: i64,
    /// what the carrier collects on its day, as planned
    pub pickup_cases: i64,
    pub created_at: Timestamp,
    pub released_at: Option<Timestamp>,
    pub handed_over_at: Option<Timestamp>,
}

macro_rules! batches {
    ($rest:literal) => {
        concat!(
            "SELECT batch.id, batch.number, batch.ship_on, batch.carrier, batch.state,
                    COUNT(parcel.id) AS parcel_count, CAST(COALESCE(SUM(parcel.cases), 0) AS BIGINT) AS cases,
                    CAST(COALESCE(SUM(parcel.grams), 0) AS BIGINT) AS grams,
                    COUNT(parcel.packed_at) AS packed_parcels,
                    CAST(COALESCE(SUM(CASE WHEN parcel.packed_at IS NULL THEN 0 ELSE parcel.cases END), 0) AS BIGINT)
                        AS packed_cases,
                    COUNT(parcel.held_at) AS held_parcels, COUNT(waybill.id) AS with_waybill,
                    batch.workshop_cases, batch.pickup_cases, batch.created_at, batch.released_at, batch.handed_over_at
             FROM batch
             LEFT JOIN parcel ON parcel.village_id = batch.village_id AND parcel.batch_id = batch.id
             LEFT JOIN waybill ON waybill.village_id = parcel.village_id AND waybill.parcel_id = parcel.id
                              AND waybill.ended_at IS NULL
             WHERE batch.village_id = $1 ",
            $rest
        )
    };
}

/// What a list of batches is narrowed to.
#[derive(Default)]
pub struct Filter {
    pub state: Option<State>,
    pub day: Option<String>,
    pub carrier: Option<String>,
}

/// Batches in order of their days, after the (day, id) of a cursor.
pub async fn list(
    db: &Db,
    village: VillageId,
    filter: &Filter,
    after: Option<&(String, Uuid)>,
    limit: i64,
) -> Result<Vec<Batch>> {
    let (day, id) = after.cloned().unwrap_or((String::new(), Uuid::nil()));
    Ok(on!(db, ex => sqlx::query_as(batches!(
        "AND (CAST($2 AS TEXT) IS NULL OR batch.state = $2) AND (CAST($3 AS TEXT) IS NULL OR batch.ship_on = $3)
         AND (CAST($4 AS TEXT) IS NULL OR batch.carrier = $4)
         AND (batch.ship_on > $5 OR (batch.ship_on = $5 AND batch.id > $6))
         GROUP BY batch.village_id, batch.id ORDER BY batch.ship_on, batch.id LIMIT $7"))
        .bind(village).bind(filter.state.map(State::as_str)).bind(&filter.day).bind(&filter.carrier)
        .bind(day).bind(id).bind(limit).fetch_all(ex).await)?)
}

pub async fn by_id(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<Batch>> {
    Ok(
        on!(tx, ex => sqlx::query_as(batches!("AND batch.id = $2 GROUP BY batch.village_id, batch.id"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// Batches that no plan changes, but for parcels that are planned: their ids by day and carrier.
pub async fn planned(tx: &mut Tx, village: VillageId) -> Result<Vec<(Uuid, String, String, String)>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT id, number, ship_on, carrier FROM batch WHERE village_id = $1 AND state = 'planned' ORDER BY ship_on, carrier")
        .bind(village).fetch_all(ex).await)?)
}

/// Moves a batch to another state, by somebody at an instant.
pub async fn set_state(tx: &mut Tx, by: &By, id: Uuid, to: State) -> Result<()> {
    let sql = match to {
        State::Planned => {
            "UPDATE batch SET state = 'planned', released_at = NULL, released_by = NULL
             WHERE village_id = $1 AND id = $2 AND $3 IS NOT NULL AND $4 IS NOT NULL"
        }
        State::Released => {
            "UPDATE batch SET state = 'released', released_at = COALESCE(released_at, $3),
                 released_by = COALESCE(released_by, $4)
             WHERE village_id = $1 AND id = $2"
        }
        State::Packed => {
            "UPDATE batch SET state = 'packed', handed_over_at = NULL, handed_over_by = NULL
             WHERE village_id = $1 AND id = $2 AND $3 IS NOT NULL AND $4 IS NOT NULL"
        }
        State::HandedOver => {
            "UPDATE batch SET state = 'handed_over', handed_over_at = $3, handed_over_by = $4
             WHERE village_id = $1 AND id = $2"
        }
    };
    on!(tx, ex => sqlx::query(sql).bind(by.staff.village).bind(id).bind(by.at).bind(by.staff.id)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A batch to be made.
#[derive(Clone, Debug)]
pub struct NewBatch {
    pub id: Uuid,
    pub number: String,
    pub ship_on: String,
    pub carrier: String,
    pub workshop_cases: i64,
    pub pickup_cases: i64,
}

/// Makes a batch, planned or released right away, or brings the capacities of a planned one up to date.
pub async fn put(tx: &mut Tx, by: &By, new: &NewBatch, released: bool) -> Result<()> {
    let state = if released { State::Released } else { State::Planned };
    on!(tx, ex => sqlx::query(
        "INSERT INTO batch (village_id, id, number, ship_on, carrier, state, workshop_cases, pickup_cases, created_at,
             released_at, released_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (village_id, id) DO UPDATE SET workshop_cases = excluded.workshop_cases,
             pickup_cases = excluded.pickup_cases")
        .bind(by.staff.village).bind(new.id).bind(&new.number).bind(&new.ship_on).bind(&new.carrier).bind(state)
        .bind(new.workshop_cases).bind(new.pickup_cases).bind(by.at).bind(released.then_some(by.at))
        .bind(released.then_some(by.staff.id)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Removes batches that are left without parcels.
pub async fn drop_empty(tx: &mut Tx, village: VillageId) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "DELETE FROM batch WHERE village_id = $1 AND state IN ('planned', 'released') AND NOT EXISTS (
             SELECT 1 FROM parcel WHERE parcel.village_id = batch.village_id AND parcel.batch_id = batch.id)")
        .bind(village).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Cases of a day's batches: in all, and with one carrier.
pub async fn load_of_day(tx: &mut Tx, village: VillageId, day: &str, carrier: &str) -> Result<(i64, i64)> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT CAST(COALESCE(SUM(cases), 0) AS BIGINT),
                CAST(COALESCE(SUM(CASE WHEN carrier = $3 THEN cases ELSE 0 END), 0) AS BIGINT)
         FROM parcel WHERE village_id = $1 AND ship_on = $2 AND batch_id IS NOT NULL")
        .bind(village).bind(day).bind(carrier).fetch_one(ex).await)?)
}
