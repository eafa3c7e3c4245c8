//! SQL of links' statistics. An order is paid when its hold was consumed, all of its total came in, and not all of it
//! was cancelled afterwards.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::links::stats::HostStats;
use crate::on;

/// The most rows of hosts and channels that one answer has.
const MAX_HOSTS: i64 = 1000;

/// The orders of one link that were placed on one day.
#[derive(sqlx::FromRow)]
pub struct DayOrders {
    /// days since 1970-01-01 in Asia/Shanghai
    pub day: i64,
    pub orders: i64,
    pub cases: i64,
    pub paid_orders: i64,
    pub paid_cases: i64,
    pub paid_fen: i64,
    pub refunded_fen: i64,
    pub cancelled: i64,
    pub expired: i64,
}

pub async fn orders_by_day(db: &Db, village: VillageId, link: Uuid) -> Result<Vec<DayOrders>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT (placed_at + 28800000) / 86400000 AS day,
                COUNT(*) AS orders,
                CAST(COALESCE(SUM(ordered), 0) AS BIGINT) AS cases,
                CAST(COALESCE(SUM(CASE WHEN paid THEN 1 ELSE 0 END), 0) AS BIGINT) AS paid_orders,
                CAST(COALESCE(SUM(CASE WHEN paid THEN ordered - cancelled ELSE 0 END), 0) AS BIGINT) AS paid_cases,
                CAST(COALESCE(SUM(CASE WHEN paid THEN captured_fen ELSE 0 END), 0) AS BIGINT) AS paid_fen,
                CAST(COALESCE(SUM(refunded_fen), 0) AS BIGINT) AS refunded_fen,
                CAST(COALESCE(SUM(CASE WHEN ended_as = 'cancelled' OR (ended_as IS NULL AND cancelled = ordered)
                                       THEN 1 ELSE 0 END), 0) AS BIGINT) AS cancelled,
                CAST(COALESCE(SUM(CASE WHEN ended_as = 'expired' THEN 1 ELSE 0 END), 0) AS BIGINT) AS expired
         FROM (SELECT placed_at, ordered, cancelled, captured_fen, refunded_fen, ended_as,
                      hold = 'consumed' AND captured_fen >= total_fen AND cancelled < ordered AS paid
               FROM orders WHERE village_id = $1 AND link_id = $2) AS placed
         GROUP BY 1 ORDER BY 1")
        .bind(village).bind(link).fetch_all(ex).await)?)
}

/// Page views per day, `YYYY-MM-DD`.
pub async fn views_by_day(db: &Db, village: VillageId, link: Uuid) -> Result<Vec<(String, i64)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT day, views FROM link_view WHERE village_id = $1 AND link_id = $2 ORDER BY day")
        .bind(village).bind(link).fetch_all(ex).await)?)
}

/// Orders placed through links from `from` until before `until`, by host and channel. A link counts when it was made
/// in that time or had orders in it; an order counts for the host that its link had when it was placed.
pub async fn hosts(
    db: &Db,
    village: VillageId,
    owner: Option<Uuid>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<HostStats>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT COALESCE(orders.host, link.host) AS host, link.channel,
                COUNT(DISTINCT link.id) AS links,
                COUNT(orders.id) AS orders,
                CAST(COALESCE(SUM(orders.ordered), 0) AS BIGINT) AS cases,
                CAST(COALESCE(SUM(CASE
                     WHEN orders.hold = 'consumed' AND orders.captured_fen >= orders.total_fen
                          AND orders.cancelled < orders.ordered
                     THEN orders.captured_fen ELSE 0 END), 0) AS BIGINT) AS paid_fen
         FROM link
         LEFT JOIN orders ON orders.village_id = link.village_id AND orders.link_id = link.id
              AND orders.placed_at >= $3 AND orders.placed_at < $4
         WHERE link.village_id = $1 AND ($2 IS NULL OR link.created_by = $2)
           AND (orders.id IS NOT NULL OR (link.created_at >= $3 AND link.created_at < $4))
         GROUP BY 1, 2 ORDER BY 6 DESC, 1, 2 LIMIT $5")
        .bind(village).bind(owner).bind(from).bind(until).bind(MAX_HOSTS)
        .fetch_all(ex).await)?)
}
