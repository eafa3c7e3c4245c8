//! SQL behind the live board.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// Orders that a host has just seen come in.
const LATEST: i64 = 6;

/// Sums over the live orders of a link.
#[derive(sqlx::FromRow)]
pub struct Totals {
    pub orders: i64,
    pub cases: i64,
    pub paid: i64,
    /// placed within the last minute
    pub lately: i64,
}

#[derive(sqlx::FromRow)]
pub struct LatestRow {
    pub name: String,
    pub cases: i64,
    pub placed_at: Timestamp,
}

/// Sums over a link's orders that live: sold, or held by a hold that has not ended.
pub async fn totals(db: &Db, village: VillageId, link: Uuid, now: Timestamp) -> Result<Totals> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COUNT(*) AS orders, CAST(COALESCE(SUM(ordered - cancelled), 0) AS BIGINT) AS cases,
                CAST(COALESCE(SUM(CASE WHEN captured_fen >= total_fen THEN 1 ELSE 0 END), 0) AS BIGINT) AS paid,
                CAST(COALESCE(SUM(CASE WHEN placed_at > $3 - 60000 THEN 1 ELSE 0 END), 0) AS BIGINT) AS lately
         FROM orders
         WHERE village_id = $1 AND link_id = $2 AND (hold = 'consumed' OR (hold = 'active' AND hold_ends_at > $3))")
        .bind(village).bind(link).bind(now).fetch_one(ex).await)?)
}

/// The newest of them.
pub async fn latest(db: &Db, village: VillageId, link: Uuid, now: Timestamp) -> Result<Vec<LatestRow>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT name, ordered - cancelled AS cases, placed_at FROM orders
         WHERE village_id = $1 AND link_id = $2 AND (hold = 'consumed' OR (hold = 'active' AND hold_ends_at > $3))
         ORDER BY id DESC LIMIT $4")
        .bind(village).bind(link).bind(now).bind(LATEST).fetch_all(ex).await)?)
}
