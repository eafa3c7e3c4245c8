//! SQL of promises: the room that orders have taken, given back, renewed, and given to those that have none yet.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Serialize;
use uuid::Uuid;

use crate::calendar::promise::{Promise, Rooms};
use crate::calendar::store::{self as calendar, Back};
use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;
use crate::orders::Order;
use crate::orders::promised::{Promised, Unpromised};

/// Gives back the room that these orders' promises have taken. `ids` are the orders' as JSON.
pub(super) async fn give_back(tx: &mut Tx, village: VillageId, ids: &str) -> Result<()> {
    let rows: Vec<Back> = on!(tx,
        sqlite: "SELECT promise->>'ships_on' AS day, promise->>'carrier' AS carrier, SUM(promise->>'cases') AS cases
                 FROM orders WHERE village_id = $1 AND promise IS NOT NULL
                   AND id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 GROUP BY day, carrier",
        pg: "SELECT promised.row->>'ships_on' AS day, promised.row->>'carrier' AS carrier,
                    CAST(SUM(CAST(promised.row->>'cases' AS BIGINT)) AS BIGINT) AS cases
             FROM (SELECT CAST(promise AS json) AS row FROM orders WHERE village_id = $1 AND promise IS NOT NULL
                     AND id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))) AS promised
             GROUP BY day, carrier",
        sql, ex => sqlx::query_as(sql).bind(village).bind(ids).fetch_all(ex).await)?;
    calendar::give_back(tx, village, &rows).await
}

/// Promises a locked order anew, for `cases` and a province; its old promise is kept with the reason. `held`: the old one
/// still has its room. True when the buyer's dates are others than before.
pub async fn renew(
    tx: &mut Tx,
    order: &Order,
    cases: i64,
    province: &str,
    held: bool,
    reason: &str,
    now: Timestamp,
) -> Result<bool> {
    let village = order.village_id;
    let ids = json(&[order.id]);
    let old = stored(order);
    if held && old.is_some() {
        give_back(tx, village, &ids).await?;
    }
    let Some(mut rooms) = calendar::lock_rooms(tx, village, now).await? else {
        if let Some(old) = &old {
            keep_past(tx, order, old, reason, now).await?;
            write(tx, village, &[(order.id, None)]).await?;
        }
        return Ok(old.is_some());
    };
    let ready = ready_days(tx, village, &ids).await?.get(&order.id).copied();
    let promise = rooms.take(province, cases, ready);
    let new = replace(tx, order, promise, &rooms, reason, now).await?;
    let version = |promise: &Option<Promised>| promise.as_ref().map(|it| it.version);
    Ok(version(&new) != version(&old))
}

/// What a promise has to keep to.
#[derive(Clone, Copy, Default)]
pub struct Limits<'a> {
    /// the first day on which it leaves
    pub not_before: Option<NaiveDate>,
    pub carrier: Option<&'a str>,
    /// the last day on which it arrives
    pub arrive_by: Option<NaiveDate>,
}

/// Promises a locked order anew within limits, like [`renew`]. `None` when there is no such day: then what has been done
/// in this transaction has to be given up.
pub async fn renew_within(
    tx: &mut Tx,
    order: &Order,
    limits: Limits<'_>,
    reason: &str,
    now: Timestamp,
) -> Result<Option<Promised>> {
    let (village, ids) = (order.village_id, json(&[order.id]));
    if stored(order).is_some() {
        give_back(tx, village, &ids).await?;
    }
    let Some(mut rooms) = calendar::lock_rooms(tx, village, now).await? else {
        return Ok(None);
    };
    let ready = ready_days(tx, village, &ids).await?.get(&order.id).copied();
    let cases = order.ordered - order.cancelled;
    let Some(promise) = limits.take(&mut rooms, order.province_code(), cases, ready) else {
        return Ok(None);
    };
    replace(tx, order, Some(promise), &rooms, reason, now).await
}

impl Limits<'_> {
    /// Finds a promise within the limits and takes its room.
    pub fn take(
        &self,
        rooms: &mut Rooms,
        province: &str,
        cases: i64,
        ready_on: Option<NaiveDate>,
    ) -> Option<Promise> {
        if let Some(carrier) = self.carrier {
            rooms.keep_only(carrier);
        }
        let promise = rooms.take(province, cases, ready_on.max(self.not_before))?;
        self.arrive_by
            .is_none_or(|last| promise.arrives_by <= last)
            .then_some(promise)
    }
}

fn stored(order: &Order) -> Option<Promised> {
    let promise = order.promise.as_deref();
    promise.and_then(|text| serde_json::from_str(text).ok())
}

/// Writes an order's new promise, whose room was taken of locked days; the old one is kept with the reason.
async fn replace(
    tx: &mut Tx,
    order: &Order,
    promise: Option<Promise>,
    rooms: &Rooms,
    reason: &str,
    now: Timestamp,
) -> Result<Option<Promised>> {
    let old = stored(order);
    let new = match (&old, &promise) {
        (Some(old), Some(promise)) => Some(old.next(promise, reason)),
        (None, Some(promise)) => Some(Promised::first(promise)),
        (_, None) => None,
    };
    let version = |promise: &Option<Promised>| promise.as_ref().map(|it| it.version);
    if let Some(old) = old.filter(|old| version(&new) != Some(old.version)) {
        keep_past(tx, order, &old, reason, now).await?;
    }
    calendar::take(tx, order.village_id, &rooms.taken()).await?;
    write(tx, order.village_id, &[(order.id, new.clone())]).await?;
    Ok(new)
}

async fn keep_past(tx: &mut Tx, order: &Order, old: &Promised, reason: &str, now: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO promise_past (village_id, order_id, version, promise, replaced_at, reason)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (village_id, order_id, version) DO NOTHING")
        .bind(order.village_id).bind(order.id).bind(old.version).bind(json(old)).bind(now).bind(reason)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Live orders without a promise, the earliest paid first, after one of them; locked until the transaction ends.
pub async fn unpromised(
    tx: &mut Tx,
    village: VillageId,
    after: Option<&Unpromised>,
    limit: i64,
) -> Result<Vec<Unpromised>> {
    let (at, id) = after.map_or((Timestamp(i64::MIN), Uuid::nil()), |it| (it.at, it.id));
    Ok(on!(tx,
        sqlite: "SELECT id, COALESCE(paid_at, placed_at) AS at, SUBSTR(region_code, 1, 2) AS province,
                        ordered - cancelled AS cases
                 FROM orders WHERE village_id = $1 AND promise IS NULL AND hold <> 'released'
                   AND shipped < ordered - cancelled AND (COALESCE(paid_at, placed_at), id) > ($2, $3)
                 ORDER BY COALESCE(paid_at, placed_at), id LIMIT $4",
        pg: "SELECT id, COALESCE(paid_at, placed_at) AS at, SUBSTR(region_code, 1, 2) AS province,
                    ordered - cancelled AS cases
             FROM orders WHERE village_id = $1 AND promise IS NULL AND hold <> 'released'
               AND shipped < ordered - cancelled AND (COALESCE(paid_at, placed_at), id) > ($2, $3)
             ORDER BY COALESCE(paid_at, placed_at), id LIMIT $4 FOR NO KEY UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(at).bind(id).bind(limit).fetch_all(ex).await)?)
}

/// Promises to these orders, in their order, what room there is. Whoever gets none stays without a promise.
pub async fn give(tx: &mut Tx, village: VillageId, orders: &[Unpromised], now: Timestamp) -> Result<usize> {
    if orders.is_empty() {
        return Ok(0);
    }
    let Some(mut rooms) = calendar::lock_rooms(tx, village, now).await? else {
        return Ok(0);
    };
    let ids: Vec<Uuid> = orders.iter().map(|order| order.id).collect();
    let ready = ready_days(tx, village, &json(&ids)).await?;
    let mut given = Vec::with_capacity(orders.len());
    for order in orders {
        if let Some(promise) = rooms.take(&order.province, order.cases, ready.get(&order.id).copied()) {
            given.push((order.id, Some(Promised::first(&promise))));
        }
    }
    calendar::take(tx, village, &rooms.taken()).await?;
    write(tx, village, &given).await?;
    Ok(given.len())
}

#[derive(Serialize)]
struct NewPromise<'a> {
    id: Uuid,
    promise: &'a Option<Promised>,
}

async fn write(tx: &mut Tx, village: VillageId, promises: &[(Uuid, Option<Promised>)]) -> Result<()> {
    let rows: Vec<NewPromise> = promises
        .iter()
        .map(|(id, promise)| NewPromise { id: *id, promise })
        .collect();
    on!(tx,
        sqlite: "UPDATE orders SET promise = new.value->>'promise' FROM jsonb_each($2) AS new
                 WHERE village_id = $1 AND orders.id = unhex(new.value->>'id', '-')",
        pg: "UPDATE orders SET promise = new.promise FROM json_to_recordset($2::json) AS new(id uuid, promise text)
             WHERE village_id = $1 AND orders.id = new.id",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The day on which what these orders hold is in the store room, for those whose goods are sold ahead of their lot. Who
/// among several holds what lies there already is not known; all of them wait.
pub async fn ready_days(tx: &mut Tx, village: VillageId, ids: &str) -> Result<HashMap<Uuid, NaiveDate>> {
    let rows: Vec<(Uuid, String)> = on!(tx,
        sqlite: "SELECT line.order_id, MAX(stock.ahead_ready_on) FROM order_line AS line
                 LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
                 JOIN stock ON stock.village_id = line.village_id
                  AND stock.sku_id = COALESCE(part.component_id, line.sku_id)
                 WHERE line.village_id = $1 AND stock.reserved > stock.on_hand AND stock.ahead_ready_on IS NOT NULL
                   AND line.order_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 GROUP BY line.order_id",
        pg: "SELECT line.order_id, MAX(stock.ahead_ready_on) FROM order_line AS line
             LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
             JOIN stock ON stock.village_id = line.village_id
              AND stock.sku_id = COALESCE(part.component_id, line.sku_id)
             WHERE line.village_id = $1 AND stock.reserved > stock.on_hand AND stock.ahead_ready_on IS NOT NULL
               AND line.order_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             GROUP BY line.order_id",
        sql, ex => sqlx::query_as(sql).bind(village).bind(ids).fetch_all(ex).await)?;
    let days = rows
        .into_iter()
        .filter_map(|(order, day)| Some((order, day.parse().ok()?)));
    Ok(days.collect())
}
