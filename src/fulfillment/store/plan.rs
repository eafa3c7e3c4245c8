//! SQL that writes a plan down: planned parcels in the place of those that were planned before.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use super::backlog::{kept, parcel_with};
use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// A parcel of the plan before, which the new one may change.
#[derive(Clone, Debug)]
pub struct Before {
    pub id: Uuid,
    pub code: String,
    pub number: String,
    pub ship_on: String,
    pub carrier: String,
    pub in_batch: bool,
    /// (order, line, cases), in order
    pub contents: Vec<(Uuid, i64, i64)>,
}

#[derive(sqlx::FromRow)]
struct BeforeRow {
    id: Uuid,
    code: String,
    number: String,
    ship_on: String,
    carrier: String,
    in_batch: bool,
    order_id: Uuid,
    line: i64,
    cases: i64,
}

/// The parcels that a new plan replaces.
pub async fn before(tx: &mut Tx, village: VillageId) -> Result<Vec<Before>> {
    let rows: Vec<BeforeRow> = on!(tx, ex => sqlx::query_as(concat!(
        "SELECT parcel.id, parcel.code, orders.number, parcel.ship_on, parcel.carrier,
                parcel.batch_id IS NOT NULL AS in_batch, inside.order_id, inside.line, inside.cases
         FROM ", parcel_with!(), "
         JOIN parcel_line AS inside ON inside.village_id = parcel.village_id AND inside.parcel_id = parcel.id
         JOIN orders ON orders.village_id = parcel.village_id AND orders.id = parcel.order_id
         WHERE parcel.village_id = $1 AND NOT COALESCE(", kept!(), ", FALSE)
         ORDER BY parcel.code, inside.order_id, inside.line"))
        .bind(village).fetch_all(ex).await)?;
    let mut parcels: Vec<Before> = Vec::new();
    for row in rows {
        let content = (row.order_id, row.line, row.cases);
        match parcels.last_mut().filter(|last| last.id == row.id) {
            Some(last) => last.contents.push(content),
            None => parcels.push(Before {
                id: row.id,
                code: row.code,
                number: row.number,
                ship_on: row.ship_on,
                carrier: row.carrier,
                in_batch: row.in_batch,
                contents: vec![content],
            }),
        }
    }
    Ok(parcels)
}

/// A planned parcel as it is written.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedRow {
    pub id: Uuid,
    pub code: String,
    pub batch_id: Uuid,
    pub order_id: Uuid,
    pub ship_on: String,
    pub carrier: String,
    pub arrives_on: String,
    pub deadline: Option<String>,
    pub reason: String,
    pub collects_until: Option<String>,
    pub cases: i64,
    pub grams: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct LineRow {
    pub parcel_id: Uuid,
    pub order_id: Uuid,
    pub line: i64,
    pub sku_id: Uuid,
    pub cases: i64,
    pub version: i64,
}

/// Writes planned parcels; one that was planned before, with the same contents, keeps its row.
pub async fn put_parcels(tx: &mut Tx, village: VillageId, rows: &[PlannedRow], at: Timestamp) -> Result<()> {
    macro_rules! columns {
        () => {
            "INSERT INTO parcel (village_id, id, code, batch_id, order_id, ship_on, carrier, arrives_on, deadline, reason,
                 collects_until, cases, grams, planned_at) "
        };
    }
    macro_rules! conflict {
        () => {
            " ON CONFLICT (village_id, id) DO UPDATE SET batch_id = excluded.batch_id, ship_on = excluded.ship_on,
                 carrier = excluded.carrier, arrives_on = excluded.arrives_on, deadline = excluded.deadline,
                 reason = excluded.reason, collects_until = excluded.collects_until, grams = excluded.grams,
                 planned_at = excluded.planned_at"
        };
    }
    on!(tx,
        sqlite: concat!(columns!(), "SELECT $1, unhex(value->>'id', '-'), value->>'code', unhex(value->>'batch_id', '-'),
                    unhex(value->>'order_id', '-'), value->>'ship_on', value->>'carrier', value->>'arrives_on',
                    value->>'deadline', value->>'reason', value->>'collects_until', value->>'cases', value->>'grams', $3
                 FROM json_each($2) WHERE TRUE", conflict!()),
        pg: concat!(columns!(), "SELECT $1, id, code, batch_id, order_id, ship_on, carrier, arrives_on, deadline, reason,
                collects_until, cases, grams, $3
             FROM json_to_recordset($2::json) AS r(id uuid, code text, batch_id uuid, order_id uuid, ship_on text,
                 carrier text, arrives_on text, deadline text, reason text, collects_until text, cases bigint,
                 grams bigint)", conflict!()),
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn put_lines(tx: &mut Tx, village: VillageId, rows: &[LineRow]) -> Result<()> {
    macro_rules! conflict {
        () => {
            " ON CONFLICT (village_id, parcel_id, order_id, line) DO UPDATE SET version = excluded.version"
        };
    }
    on!(tx,
        sqlite: concat!("INSERT INTO parcel_line (village_id, parcel_id, order_id, line, sku_id, cases, version)
                 SELECT $1, unhex(value->>'parcel_id', '-'), unhex(value->>'order_id', '-'), value->>'line',
                     unhex(value->>'sku_id', '-'), value->>'cases', value->>'version'
                 FROM json_each($2) WHERE TRUE", conflict!()),
        pg: concat!("INSERT INTO parcel_line (village_id, parcel_id, order_id, line, sku_id, cases, version)
             SELECT $1, parcel_id, order_id, line, sku_id, cases, version
             FROM json_to_recordset($2::json) AS r(parcel_id uuid, order_id uuid, line bigint, sku_id uuid,
                 cases bigint, version bigint)", conflict!()),
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The parcels before, by what is in them.
pub fn by_contents(before: &[Before]) -> HashMap<&[(Uuid, i64, i64)], Vec<&Before>> {
    let mut by_contents: HashMap<&[(Uuid, i64, i64)], Vec<&Before>> = HashMap::new();
    for parcel in before.iter().rev() {
        by_contents.entry(&parcel.contents).or_default().push(parcel);
    }
    by_contents
}
