//! SQL that ends orders and brings them back: holds past their end, cancelling, money that came late.

use uuid::Uuid;

use super::changes::decline_open;
use super::{late, promised};
use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::{Ids, VillageId, order_token};
use crate::links::store::board::add_sold;
use crate::money::Fen;
use crate::on;
use crate::orders::{HELD_BY_PROVIDER, Hold, Order};
use crate::{outbox, stock};

/// Ends holds whose time is over: the orders expire, their cases go back, partners hear of it. At most `limit` at once;
/// gives how many.
pub async fn expire_due(
    tx: &mut Tx,
    ids: &Ids,
    village: VillageId,
    now: Timestamp,
    limit: i64,
) -> Result<usize> {
    let expired: Vec<(Uuid, String)> = on!(tx, ex => sqlx::query_as(
        "UPDATE orders SET hold = 'released', ended_as = 'expired', cancelled = ordered, updated_at = $2
         WHERE village_id = $1 AND hold = 'active' AND id IN (
             SELECT id FROM orders WHERE village_id = $1 AND hold = 'active' AND hold_ends_at <= $2
             ORDER BY hold_ends_at LIMIT $3)
         RETURNING id, number")
        .bind(village).bind(now).bind(limit).fetch_all(ex).await)?;
    if !expired.is_empty() {
        let orders: Vec<Uuid> = expired.iter().map(|(id, _)| *id).collect();
        give_back(tx, village, &orders, now).await?;
        let told = |(id, number): &(Uuid, String)| {
            json(&serde_json::json!({"number": number, "token": order_token(village, *id)}))
        };
        let told = || expired.iter().map(told).collect();
        outbox::tell(tx, ids, village, now, "order.expired", told).await?;
    }
    Ok(expired.len())
}

/// Takes the hold of an unpaid order off the clock, while a provider has a payment of it open.
pub async fn hold_for_provider(tx: &mut Tx, order: &Order) -> Result<()> {
    tx.changes_supply();
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET pay_before = COALESCE(pay_before, hold_ends_at), hold_ends_at = $3
         WHERE village_id = $1 AND id = $2 AND hold = 'active'")
        .bind(order.village_id).bind(order.id).bind(HELD_BY_PROVIDER).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Puts a hold back on the clock once no provider has a payment of its order open.
pub async fn hold_by_clock(tx: &mut Tx, village: VillageId, order: Uuid) -> Result<()> {
    tx.changes_supply();
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET hold_ends_at = pay_before, pay_before = NULL
         WHERE village_id = $1 AND id = $2 AND hold = 'active' AND pay_before IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM payment WHERE payment.village_id = $1 AND payment.order_id = $2
                             AND payment.method IN ('stripe', 'wechat')
                             AND payment.state IN ('created', 'sent', 'waiting', 'unknown'))")
        .bind(village).bind(order).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Keeps an unpaid order's goods until `until` at least, while people sort out its money.
pub async fn keep_until(tx: &mut Tx, order: &Order, until: Timestamp) -> Result<()> {
    tx.changes_supply();
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET hold_ends_at = CASE WHEN hold_ends_at < $3 THEN $3 ELSE hold_ends_at END,
                pay_before = CASE WHEN pay_before < $3 THEN $3 ELSE pay_before END
         WHERE village_id = $1 AND id = $2 AND hold = 'active'")
        .bind(order.village_id).bind(order.id).bind(until).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Takes money off an order that never came. `hold` is what its hold has become; one that is active again ends at
/// `until`.
pub async fn uncapture(
    tx: &mut Tx,
    order: &Order,
    amount: Fen,
    (hold, until): (Hold, Option<Timestamp>),
    now: Timestamp,
) -> Result<()> {
    tx.changes_supply();
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET captured_fen = captured_fen - $3, hold = $4, hold_ends_at = COALESCE($5, hold_ends_at),
                pay_before = CASE WHEN $5 IS NULL THEN pay_before END, updated_at = $6,
                paid_at = CASE WHEN captured_fen - $3 >= total_fen THEN paid_at END
         WHERE village_id = $1 AND id = $2")
        .bind(order.village_id).bind(order.id).bind(amount).bind(hold).bind(until).bind(now)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Cancels one order that still may be: unpacked and not ended. `None` when it isn't so.
pub async fn cancel(tx: &mut Tx, village: VillageId, id: Uuid, now: Timestamp) -> Result<Option<()>> {
    let changed = on!(tx, ex => sqlx::query(
        "UPDATE orders SET hold = 'released', ended_as = 'cancelled', cancelled = ordered, updated_at = $3
         WHERE village_id = $1 AND id = $2 AND hold <> 'released' AND packed = 0 AND cancelled < ordered")
        .bind(village).bind(id).bind(now).execute(ex).await.map(|done| done.rows_affected()))?;
    if changed == 0 {
        return Ok(None);
    }
    give_back(tx, village, &[id], now).await?;
    Ok(Some(()))
}

/// Reserves an expired order's cases again, for money that came late; false, and nothing changed, when they are gone.
pub async fn revive(tx: &mut Tx, order: &Order, now: Timestamp) -> Result<bool> {
    let village = order.village_id;
    let ids = json(&[order.id]);
    let cases: Vec<(Uuid, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT COALESCE(part.component_id, line.sku_id) AS item,
                CAST(SUM(line.ordered * COALESCE(part.quantity, 1)) AS BIGINT)
         FROM order_line AS line
         LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
         WHERE line.village_id = $1 AND line.order_id = $2 GROUP BY item ORDER BY item")
        .bind(village).bind(order.id).fetch_all(ex).await)?;
    let skus: Vec<Uuid> = cases.iter().map(|(sku, _)| *sku).collect();
    let levels = stock::store::lock(tx, village, &skus).await?;
    let enough = |(sku, count): &(Uuid, i64)| {
        levels
            .iter()
            .any(|level| level.sku_id == *sku && level.available() >= *count)
    };
    if !cases.iter().all(enough) {
        return Ok(false);
    }
    let sold = revivable_offers(tx, order).await?;
    let Some(sold) = sold else { return Ok(false) };
    stock::store::reserve(tx, village, &cases).await?;
    add_sold(tx, village, &sold).await?;
    on!(tx,
        sqlite: "UPDATE order_line SET cancelled = 0
                 WHERE village_id = $1 AND order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "UPDATE order_line SET cancelled = 0
             WHERE village_id = $1 AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query(sql).bind(village).bind(&ids).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "UPDATE orders SET cancelled = 0, ended_as = NULL, updated_at = $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(order.id).bind(now).execute(ex).await.map(|_| ()))?;
    let reason = "过期以后收到了货款，重新安排发货";
    promised::renew(
        tx,
        order,
        order.ordered,
        order.province_code(),
        false,
        reason,
        now,
    )
    .await?;
    Ok(true)
}

/// What the order's link would have sold again; `None` when a quota does not allow it any more.
async fn revivable_offers(tx: &mut Tx, order: &Order) -> Result<Option<Vec<(Uuid, Uuid, i64)>>> {
    let Some(link) = order.link_id else {
        return Ok(Some(Vec::new()));
    };
    let offers = crate::links::store::board::lock_offers(tx, order.village_id, &[link]).await?;
    let lines: Vec<(Uuid, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT sku_id, ordered FROM order_line WHERE village_id = $1 AND order_id = $2 ORDER BY sku_id")
        .bind(order.village_id).bind(order.id).fetch_all(ex).await)?;
    let fits = |(sku, count): &(Uuid, i64)| {
        offers
            .iter()
            .any(|offer| offer.sku_id == *sku && offer.quota.is_none_or(|quota| offer.sold + count <= quota))
    };
    let sold = lines.iter().map(|(sku, count)| (link, *sku, *count)).collect();
    Ok(lines.iter().all(fits).then_some(sold))
}

/// Gives the live cases of these orders back to stock and offers, marks their lines cancelled, and closes what was
/// still waiting to be paid, agreed to or answered. What a provider has offered becomes `unknown`, to be closed there.
async fn give_back(tx: &mut Tx, village: VillageId, ids: &[Uuid], now: Timestamp) -> Result<()> {
    decline_open(tx, village, ids).await?;
    let ids = json(&ids);
    late::end_open(tx, village, &ids, now).await?;
    let stock_cases = stock_cases(tx, village, &ids).await?;
    let offer_cases: Vec<(Uuid, Uuid, i64)> = on!(tx,
        sqlite: "SELECT orders.link_id, line.sku_id, -SUM(line.ordered - line.cancelled)
                 FROM orders JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
                 WHERE orders.village_id = $1 AND orders.link_id IS NOT NULL
                   AND orders.id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 GROUP BY orders.link_id, line.sku_id ORDER BY orders.link_id, line.sku_id",
        pg: "SELECT orders.link_id, line.sku_id, CAST(-SUM(line.ordered - line.cancelled) AS BIGINT)
             FROM orders JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
             WHERE orders.village_id = $1 AND orders.link_id IS NOT NULL
               AND orders.id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             GROUP BY orders.link_id, line.sku_id ORDER BY orders.link_id, line.sku_id",
        sql, ex => sqlx::query_as(sql).bind(village).bind(&ids).fetch_all(ex).await)?;
    stock::store::release(tx, village, &stock_cases).await?;
    add_sold(tx, village, &offer_cases).await?;
    promised::give_back(tx, village, &ids).await?;
    on!(tx,
        sqlite: "UPDATE order_line SET cancelled = ordered
                 WHERE village_id = $1 AND order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "UPDATE order_line SET cancelled = ordered
             WHERE village_id = $1 AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query(sql).bind(village).bind(&ids).execute(ex).await.map(|_| ()))?;
    on!(tx,
        sqlite: "UPDATE payment SET state = CASE WHEN provider_ref IS NULL THEN 'closed' ELSE 'unknown' END,
                        check_at = CASE WHEN provider_ref IS NOT NULL THEN $3 END
                 WHERE village_id = $1 AND state IN ('created', 'sent', 'waiting')
                   AND order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "UPDATE payment SET state = CASE WHEN provider_ref IS NULL THEN 'closed' ELSE 'unknown' END,
                    check_at = CASE WHEN provider_ref IS NOT NULL THEN $3 END
             WHERE village_id = $1 AND state IN ('created', 'sent', 'waiting')
               AND order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query(sql).bind(village).bind(&ids).bind(now).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The cases per stock item that these orders hold; a gift box counts what it is made of.
async fn stock_cases(tx: &mut Tx, village: VillageId, ids: &str) -> Result<Vec<(Uuid, i64)>> {
    Ok(on!(tx,
        sqlite: "SELECT COALESCE(part.component_id, line.sku_id) AS item,
                        SUM((line.ordered - line.cancelled - line.shipped) * COALESCE(part.quantity, 1))
                 FROM order_line AS line
                 LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
                 WHERE line.village_id = $1 AND line.order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 GROUP BY item ORDER BY item",
        pg: "SELECT COALESCE(part.component_id, line.sku_id) AS item, CAST(SUM(
                        (line.ordered - line.cancelled - line.shipped) * COALESCE(part.quantity, 1)) AS BIGINT)
             FROM order_line AS line
             LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
             WHERE line.village_id = $1
               AND line.order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             GROUP BY item ORDER BY item",
        sql, ex => sqlx::query_as(sql).bind(village).bind(ids).fetch_all(ex).await)?)
}
