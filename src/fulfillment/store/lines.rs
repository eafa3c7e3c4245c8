//! SQL of what an order counts: cases packed, shipped and delivered, on its lines and in their sum.

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::{Result, conflict, text};
use crate::id::VillageId;
use crate::on;

/// A count of an order's line.
#[derive(Clone, Copy)]
pub enum Count {
    Packed,
    Shipped,
    Delivered,
}

#[derive(Serialize)]
struct LineRow {
    order_id: Uuid,
    line: i64,
    cases: i64,
}

macro_rules! add {
    ($tx:expr, $column:literal, $village:expr, $lines:expr, $orders:expr, $at:expr) => {{
        let lines = on!($tx,
            sqlite: concat!("UPDATE order_line SET ", $column, " = order_line.", $column, " + want.cases
                     FROM (SELECT unhex(value->>'order_id', '-') AS order_id, value->>'line' AS line,
                                  value->>'cases' AS cases FROM json_each($2)) AS want
                     WHERE order_line.village_id = $1 AND order_line.order_id = want.order_id
                       AND order_line.line = want.line"),
            pg: concat!("UPDATE order_line SET ", $column, " = order_line.", $column, " + want.cases
                 FROM json_to_recordset($2::json) AS want(order_id uuid, line bigint, cases bigint)
                 WHERE order_line.village_id = $1 AND order_line.order_id = want.order_id
                   AND order_line.line = want.line"),
            sql, ex => sqlx::query(sql).bind($village).bind($lines).execute(ex).await.map(|done| done.rows_affected()))?;
        on!($tx,
            sqlite: concat!("UPDATE orders SET ", $column, " = orders.", $column, " + want.cases, updated_at = $3
                     FROM (SELECT unhex(value->>'order_id', '-') AS order_id, value->>'cases' AS cases
                           FROM json_each($2)) AS want
                     WHERE orders.village_id = $1 AND orders.id = want.order_id"),
            pg: concat!("UPDATE orders SET ", $column, " = orders.", $column, " + want.cases, updated_at = $3
                 FROM json_to_recordset($2::json) AS want(order_id uuid, cases bigint)
                 WHERE orders.village_id = $1 AND orders.id = want.order_id"),
            sql, ex => sqlx::query(sql).bind($village).bind($orders).bind($at).execute(ex).await.map(|_| ()))?;
        lines
    }};
}

/// Adds cases to a count of these order lines, or takes them away where they are below zero.
///
/// # Errors
/// 409 `order-changed` when a line is gone, or the counts would not be in order any more: the order was changed behind
/// the parcel's back. The transaction is then of no more use.
pub async fn add(
    tx: &mut Tx,
    village: VillageId,
    count: Count,
    cases: impl Iterator<Item = (Uuid, i64, i64)>,
    at: Timestamp,
) -> Result<()> {
    let mut by_line: BTreeMap<(Uuid, i64), i64> = BTreeMap::new();
    let mut by_order: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (order, line, cases) in cases {
        *by_line.entry((order, line)).or_default() += cases;
        *by_order.entry(order).or_default() += cases;
    }
    let asked = by_line.len();
    let row = |((order_id, line), cases): ((Uuid, i64), i64)| LineRow {
        order_id,
        line,
        cases,
    };
    let lines = json(&by_line.into_iter().map(row).collect::<Vec<_>>());
    let row = |(order_id, cases): (Uuid, i64)| LineRow {
        order_id,
        line: 0,
        cases,
    };
    let orders = json(&by_order.into_iter().map(row).collect::<Vec<_>>());
    let done = async {
        Ok(match count {
            Count::Packed => add!(tx, "packed", village, &lines, &orders, at),
            Count::Shipped => add!(tx, "shipped", village, &lines, &orders, at),
            Count::Delivered => add!(tx, "delivered", village, &lines, &orders, at),
        })
    };
    match done.await {
        Ok(changed) if u64::try_from(asked) == Ok(changed) => Ok(()),
        Ok(_) => Err(changed_behind()),
        Err(error) => {
            let error: crate::error::Error = error;
            Err(if error.is_check_violation() {
                changed_behind()
            } else {
                error
            })
        }
    }
}

fn changed_behind() -> crate::error::Error {
    conflict(
        "order-changed",
        text(
            "有订单在排单后改过，和包裹对不上；请重新排单。",
            "An order was changed after the plan and does not match its parcel; plan again.",
        ),
    )
}
