//! SQL of reports.

use super::{Backlog, BacklogRow, ChannelSales, ProvinceBacklog, SalesDay, SkuBacklog};
use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;

/// The most rows of a report: ten years of days, and as many of anything else.
const MAX_ROWS: i64 = 4_000;

/// Sums over orders that became a sale, placed in a span of time.
macro_rules! sums {
    () => {
        "COUNT(*) AS orders,
         CAST(SUM(ordered - cancelled) AS BIGINT) AS cases,
         CAST(SUM(goods_fen) AS BIGINT) AS goods_fen,
         CAST(SUM(freight_fen) AS BIGINT) AS freight_fen,
         CAST(SUM(captured_fen) AS BIGINT) AS captured_fen,
         CAST(SUM(refunded_fen) AS BIGINT) AS refunded_fen
         FROM orders
         WHERE village_id = $1 AND (hold = 'consumed' OR captured_fen > 0) AND placed_at >= $2 AND placed_at < $3 "
    };
}

/// Orders that are sold and not all handed over.
macro_rules! waiting {
    () => {
        "orders.village_id = $1 AND orders.hold = 'consumed' AND orders.cancelled < orders.ordered
         AND orders.shipped < orders.ordered - orders.cancelled "
    };
}

#[derive(sqlx::FromRow)]
struct DayRow {
    /// days since 1970 in Asia/Shanghai
    day: i64,
    orders: i64,
    cases: i64,
    goods_fen: Fen,
    freight_fen: Fen,
    captured_fen: Fen,
    refunded_fen: Fen,
}

/// Sales per day, the newest first. The span is from its first instant to before its last.
pub async fn sales(db: &Db, village: VillageId, span: (Timestamp, Timestamp)) -> Result<Vec<SalesDay>> {
    let rows: Vec<DayRow> = on!(db, ex => sqlx::query_as(concat!(
        "SELECT (placed_at + 28800000) / 86400000 AS day, ", sums!(),
        // what is sent once more was sold before
        "AND channel <> 'resend' GROUP BY (placed_at + 28800000) / 86400000 ORDER BY day DESC LIMIT $4"))
        .bind(village).bind(span.0).bind(span.1).bind(MAX_ROWS).fetch_all(ex).await)?;
    let day = |row: DayRow| SalesDay {
        // the start of that day in UTC lies within the same day eight hours east of it
        day: Timestamp(row.day * 86_400_000).day().to_string(),
        orders: row.orders,
        cases: row.cases,
        goods_fen: row.goods_fen,
        freight_fen: row.freight_fen,
        captured_fen: row.captured_fen,
        refunded_fen: row.refunded_fen,
    };
    Ok(rows.into_iter().map(day).collect())
}

/// Sales per channel and host, the largest first.
pub async fn channels(
    db: &Db,
    village: VillageId,
    span: (Timestamp, Timestamp),
) -> Result<Vec<ChannelSales>> {
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT channel, host, ", sums!(),
        "GROUP BY channel, host ORDER BY captured_fen DESC, channel, host LIMIT $4"))
        .bind(village).bind(span.0).bind(span.1).bind(MAX_ROWS).fetch_all(ex).await)?)
}

/// What is sold and not handed over, in sum and by sku and province.
pub async fn backlog(db: &Db, village: VillageId) -> Result<Backlog> {
    let (cases, orders, oldest): (i64, i64, Option<Timestamp>) = on!(db, ex => sqlx::query_as(concat!(
        "SELECT CAST(COALESCE(SUM(ordered - cancelled - shipped), 0) AS BIGINT), COUNT(*), MIN(paid_at)
         FROM orders WHERE ", waiting!()))
        .bind(village).fetch_one(ex).await)?;
    let by_sku: Vec<SkuBacklog> = on!(db, ex => sqlx::query_as(concat!(
        "SELECT sku.code AS sku, sku.title, CAST(SUM(line.ordered - line.cancelled - line.shipped) AS BIGINT) AS cases
         FROM orders
         JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
         JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
         WHERE ", waiting!(), "AND line.shipped < line.ordered - line.cancelled
         GROUP BY sku.code, sku.title ORDER BY cases DESC, sku.code LIMIT $2"))
        .bind(village).bind(MAX_ROWS).fetch_all(ex).await)?;
    let by_province: Vec<ProvinceBacklog> = on!(db, ex => sqlx::query_as(concat!(
        "SELECT province, CAST(SUM(ordered - cancelled - shipped) AS BIGINT) AS cases, COUNT(*) AS orders
         FROM orders WHERE ", waiting!(), "GROUP BY province ORDER BY cases DESC, province LIMIT $2"))
        .bind(village).bind(MAX_ROWS).fetch_all(ex).await)?;
    Ok(Backlog {
        cases,
        orders,
        by_sku,
        by_province,
        oldest_paid_at: oldest,
    })
}

/// The same, a row per province and sku.
pub async fn backlog_rows(db: &Db, village: VillageId) -> Result<Vec<BacklogRow>> {
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT orders.province, sku.code AS sku, sku.title,
                CAST(SUM(line.ordered - line.cancelled - line.shipped) AS BIGINT) AS cases,
                MIN(orders.paid_at) AS oldest_paid_at
         FROM orders
         JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
         JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
         WHERE ", waiting!(), "AND line.shipped < line.ordered - line.cancelled
         GROUP BY orders.province, sku.code, sku.title ORDER BY orders.province, sku.code LIMIT $2"))
        .bind(village).bind(MAX_ROWS).fetch_all(ex).await)?)
}
