//! SQL of waybills.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;
use crate::villages::auth::By;

/// A number that a parcel has or had.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Waybill {
    pub carrier: String,
    pub number: String,
    pub since: Timestamp,
    /// null while it is the parcel's number
    pub ended_at: Option<Timestamp>,
    pub end_reason: Option<String>,
}

/// The numbers of a parcel, the newest first.
pub async fn history(tx: &mut Tx, village: VillageId, parcel: Uuid) -> Result<Vec<Waybill>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT carrier, number, since, ended_at, end_reason FROM waybill
         WHERE village_id = $1 AND parcel_id = $2 ORDER BY since DESC, id DESC")
        .bind(village).bind(parcel).fetch_all(ex).await)?)
}

/// Ends the live number of a parcel; false when it has none.
pub async fn end(tx: &mut Tx, village: VillageId, parcel: Uuid, reason: &str, at: Timestamp) -> Result<bool> {
    let done = on!(tx, ex => sqlx::query(
        "UPDATE waybill SET ended_at = $3, end_reason = $4
         WHERE village_id = $1 AND parcel_id = $2 AND ended_at IS NULL")
        .bind(village).bind(parcel).bind(at).bind(reason).execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Gives a parcel without a live number one; false when another parcel has it.
pub async fn insert(tx: &mut Tx, by: &By, parcel: Uuid, carrier: &str, number: &str) -> Result<bool> {
    let done = on!(tx, ex => sqlx::query(
        "INSERT INTO waybill (village_id, id, parcel_id, carrier, number, since, entered_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (village_id, carrier, number) WHERE ended_at IS NULL DO NOTHING")
        .bind(by.staff.village).bind(by.new_id()).bind(parcel).bind(carrier).bind(number).bind(by.at).bind(by.staff.id)
        .execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(done == 1)
}

/// Which of these numbers are live, each with its parcel's code.
pub async fn live(tx: &mut Tx, village: VillageId, numbers: &[String]) -> Result<HashMap<String, String>> {
    let rows: Vec<(String, String)> = on!(tx,
        sqlite: "SELECT waybill.number, parcel.code FROM waybill
                 JOIN parcel ON parcel.village_id = waybill.village_id AND parcel.id = waybill.parcel_id
                 WHERE waybill.village_id = $1 AND waybill.ended_at IS NULL
                   AND waybill.number IN (SELECT value FROM json_each($2))",
        pg: "SELECT waybill.number, parcel.code FROM waybill
             JOIN parcel ON parcel.village_id = waybill.village_id AND parcel.id = waybill.parcel_id
             WHERE waybill.village_id = $1 AND waybill.ended_at IS NULL
               AND waybill.number IN (SELECT value FROM json_array_elements_text($2::json) AS value)",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&numbers)).fetch_all(ex).await)?;
    Ok(rows.into_iter().collect())
}
