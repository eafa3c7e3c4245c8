//! SQL of the calendar, and of the room that promises take of its days.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::Serialize;

use super::promise::{Rooms, Take, Taken};
use super::{Calendar, Carrier, Stop, Workshop};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

#[derive(sqlx::FromRow)]
struct CarrierRow {
    id: String,
    name: Option<String>,
    cut_off: Option<String>,
    pickup_cases: i64,
    fen_per_case: i64,
}

#[derive(sqlx::FromRow)]
struct StopRow {
    carrier: String,
    province: String,
    collects_until: String,
    delivers_until: String,
    resumes_on: String,
}

/// A village's calendar, from a transaction in which it stands still; `None` when it keeps none.
pub async fn read(tx: &mut Tx, village: VillageId) -> Result<Option<Calendar>> {
    let head: Option<(i64, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT edition, cases_per_day FROM calendar WHERE village_id = $1")
        .bind(village).fetch_optional(ex).await)?;
    let Some((edition, cases_per_day)) = head else {
        return Ok(None);
    };
    let days: Vec<(String, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT day, cases FROM capacity_day WHERE village_id = $1").bind(village).fetch_all(ex).await)?;
    let workshop = Workshop {
        cases_per_day,
        days: days
            .into_iter()
            .map(|(day, cases)| Ok((day_of(&day)?, cases)))
            .collect::<Result<_>>()?,
    };
    let carriers = read_carriers(tx, village).await?;
    Ok(Some(Calendar {
        edition,
        workshop,
        carriers,
    }))
}

async fn read_carriers(tx: &mut Tx, village: VillageId) -> Result<Vec<Carrier>> {
    let rows: Vec<CarrierRow> = on!(tx, ex => sqlx::query_as(
        "SELECT id, name, cut_off, pickup_cases, fen_per_case FROM carrier WHERE village_id = $1 ORDER BY position")
        .bind(village).fetch_all(ex).await)?;
    let days: Vec<(String, String, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT carrier, day, cases FROM carrier_day WHERE village_id = $1").bind(village).fetch_all(ex).await)?;
    let transit: Vec<(String, String, i64)> = on!(tx, ex => sqlx::query_as(
        "SELECT carrier, province, days FROM carrier_transit WHERE village_id = $1")
        .bind(village).fetch_all(ex).await)?;
    let stops: Vec<StopRow> = on!(tx, ex => sqlx::query_as(
        "SELECT carrier, province, collects_until, delivers_until, resumes_on FROM carrier_stop
         WHERE village_id = $1 ORDER BY carrier, position").bind(village).fetch_all(ex).await)?;
    let mut carriers: Vec<Carrier> = rows
        .into_iter()
        .map(|row| Carrier {
            carrier: row.id,
            name: row.name,
            cut_off: row.cut_off,
            pickup_cases_per_day: row.pickup_cases,
            days: Default::default(),
            fen_per_case: row.fen_per_case,
            transit_days: Default::default(),
            stops: Vec::new(),
        })
        .collect();
    for carrier in &mut carriers {
        let code = &carrier.carrier;
        for (_, day, cases) in days.iter().filter(|(of, ..)| of == code) {
            carrier.days.insert(day_of(day)?, *cases);
        }
        for (_, province, days) in transit.iter().filter(|(of, ..)| of == code) {
            let days = u32::try_from(*days).map_err(anyhow::Error::from)?;
            carrier.transit_days.insert(province.clone(), days);
        }
        for row in stops.iter().filter(|row| row.carrier == *code) {
            carrier.stops.push(Stop {
                province: row.province.clone(),
                collects_until: day_of(&row.collects_until)?,
                delivers_until: day_of(&row.delivers_until)?,
                resumes_on: day_of(&row.resumes_on)?,
            });
        }
    }
    Ok(carriers)
}

fn day_of(text: &str) -> Result<NaiveDate> {
    Ok(text.parse().map_err(anyhow::Error::from)?)
}

/// The room that is left from an instant on; `None` when the village keeps no calendar, or has no carriers in it.
pub async fn kept(db: &Db, village: VillageId, now: Timestamp) -> Result<Option<Rooms>> {
    let mut tx = db.snapshot().await?;
    rooms_of(&mut tx, village, now).await
}

/// The room that is left, from a transaction that has locked the calendar or in which it stands still.
pub async fn rooms_of(tx: &mut Tx, village: VillageId, now: Timestamp) -> Result<Option<Rooms>> {
    match read(tx, village).await? {
        Some(calendar) if !calendar.carriers.is_empty() => {
            let taken = taken(tx, village, now.day()).await?;
            Ok(Some(Rooms::new(Arc::new(calendar), &taken, now)))
        }
        _ => Ok(None),
    }
}

/// The edition of a calendar whose backlog nobody has looked at yet: live orders without a promise may get one.
pub async fn new_edition(db: &Db, village: VillageId) -> Result<Option<i64>> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT edition FROM calendar WHERE village_id = $1 AND edition > backlog")
        .bind(village).fetch_optional(ex).await)?)
}

/// Says that the backlog was looked at for an edition.
pub async fn looked_at_backlog(tx: &mut Tx, village: VillageId, edition: i64) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE calendar SET backlog = $2 WHERE village_id = $1")
        .bind(village).bind(edition).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// What promises have taken from a day on.
pub async fn taken(tx: &mut Tx, village: VillageId, from: NaiveDate) -> Result<Vec<Taken>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "SELECT day, carrier, promised FROM promise_day WHERE village_id = $1 AND day >= $2")
        .bind(village).bind(from.to_string()).fetch_all(ex).await)?)
}

/// Locks a village's calendar until the transaction ends, and says that its days are about to change; false when it
/// keeps none. Everybody takes this lock after those of orders, stock and offers.
async fn lock(tx: &mut Tx, village: VillageId) -> Result<bool> {
    Ok(
        on!(tx, ex => sqlx::query("UPDATE calendar SET taken = taken + 1 WHERE village_id = $1")
        .bind(village).execute(ex).await.map(|done| done.rows_affected() > 0))?,
    )
}

/// The room that is left, locked until the transaction ends; `None` when the village keeps no calendar.
pub async fn lock_rooms(tx: &mut Tx, village: VillageId, now: Timestamp) -> Result<Option<Rooms>> {
    if !lock(tx, village).await? {
        return Ok(None);
    }
    rooms_of(tx, village, now).await
}

// One text each for a statement of its own and for the intake, which sends all its writes at once. A row that is there keeps
// its room: a change of the calendar brings it up to date (`refit`), and whoever takes may not have seen that change yet.
macro_rules! take_sqlite {
    ($rows:literal) => {
        concat!(
            "INSERT INTO promise_day (village_id, day, carrier, promised, room)
             SELECT $1, value->>'day', value->>'carrier', value->>'cases', value->>'room' FROM jsonb_each(",
            $rows,
            ") WHERE TRUE ON CONFLICT (village_id, day, carrier)
             DO UPDATE SET promised = promise_day.promised + excluded.promised"
        )
    };
}
macro_rules! take_pg {
    ($rows:literal) => {
        concat!(
            "INSERT INTO promise_day (village_id, day, carrier, promised, room)
             SELECT $1, day, carrier, cases, room FROM json_to_recordset(",
            $rows,
            "::json) AS take(day text, carrier text, cases bigint, room bigint)
             ON CONFLICT (village_id, day, carrier)
             DO UPDATE SET promised = promise_day.promised + excluded.promised"
        )
    };
}
pub(crate) use {take_pg, take_sqlite};

/// Takes room of locked days; the table's CHECK refuses more than there is.
pub async fn take(tx: &mut Tx, village: VillageId, rows: &[Take]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.changes_supply();
    on!(tx, sqlite: take_sqlite!("$2"), pg: take_pg!("$2"),
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Cases of a day and carrier that are not promised any more.
#[derive(Serialize, sqlx::FromRow)]
pub struct Back {
    pub day: String,
    pub carrier: String,
    pub cases: i64,
}

/// Gives room back, of the carriers and of the workshop.
pub async fn give_back(tx: &mut Tx, village: VillageId, rows: &[Back]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.changes_supply();
    lock(tx, village).await?;
    on!(tx,
        sqlite: "UPDATE promise_day SET promised = promised - (
                     SELECT SUM(value->>'cases') FROM jsonb_each($2)
                     WHERE value->>'day' = promise_day.day AND promise_day.carrier IN ('', value->>'carrier'))
                 WHERE village_id = $1 AND (day, carrier) IN (
                     SELECT value->>'day', value->>'carrier' FROM jsonb_each($2)
                     UNION SELECT value->>'day', '' FROM jsonb_each($2))",
        pg: "UPDATE promise_day SET promised = promised - back.cases
             FROM (SELECT row.day, part.carrier, CAST(SUM(row.cases) AS BIGINT) AS cases
                   FROM json_to_recordset($2::json) AS row(day text, carrier text, cases bigint)
                   CROSS JOIN LATERAL (VALUES (''), (row.carrier)) AS part(carrier)
                   GROUP BY row.day, part.carrier) AS back
             WHERE village_id = $1 AND promise_day.day = back.day AND promise_day.carrier = back.carrier",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Begins a change of the calendar: locks it, counts its edition on, and gives what it was.
pub async fn edit(tx: &mut Tx, village: VillageId) -> Result<Calendar> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO calendar (village_id, cases_per_day, edition) VALUES ($1, 0, 1)
         ON CONFLICT (village_id) DO UPDATE SET edition = calendar.edition + 1, taken = calendar.taken + 1")
        .bind(village).execute(ex).await.map(|_| ()))?;
    Ok(read(tx, village).await?.unwrap_or_default())
}

#[derive(Serialize)]
struct NewRow<'a> {
    carrier: &'a str,
    key: String,
    number: i64,
}

#[derive(Serialize)]
struct NewStop<'a> {
    carrier: &'a str,
    position: usize,
    #[serde(flatten)]
    stop: &'a Stop,
}

/// Replaces what the workshop can take.
pub async fn replace_workshop(tx: &mut Tx, village: VillageId, workshop: &Workshop) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE calendar SET cases_per_day = $2 WHERE village_id = $1")
        .bind(village).bind(workshop.cases_per_day).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query("DELETE FROM capacity_day WHERE village_id = $1")
        .bind(village).execute(ex).await.map(|_| ()))?;
    let rows: Vec<NewRow> = workshop
        .days
        .iter()
        .map(|(day, cases)| NewRow {
            carrier: "",
            key: day.to_string(),
            number: *cases,
        })
        .collect();
    on!(tx,
        sqlite: "INSERT INTO capacity_day (village_id, day, cases)
                 SELECT $1, value->>'key', value->>'number' FROM jsonb_each($2)",
        pg: "INSERT INTO capacity_day (village_id, day, cases)
             SELECT $1, key, number FROM json_to_recordset($2::json) AS new(key text, number bigint)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Replaces all carriers.
pub async fn replace_carriers(tx: &mut Tx, village: VillageId, carriers: &[Carrier]) -> Result<()> {
    for sql in [
        "DELETE FROM carrier_stop WHERE village_id = $1",
        "DELETE FROM carrier_transit WHERE village_id = $1",
        "DELETE FROM carrier_day WHERE village_id = $1",
        "DELETE FROM carrier WHERE village_id = $1",
    ] {
        on!(tx, ex => sqlx::query(sql).bind(village).execute(ex).await.map(|_| ()))?;
    }
    for (position, carrier) in (0_i64..).zip(carriers) {
        on!(tx, ex => sqlx::query(
            "INSERT INTO carrier (village_id, id, position, name, cut_off, pickup_cases, fen_per_case)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(village).bind(&carrier.carrier).bind(position).bind(&carrier.name).bind(&carrier.cut_off)
            .bind(carrier.pickup_cases_per_day).bind(carrier.fen_per_case)
            .execute(ex).await.map(|_| ()))?;
    }
    let new = |code, key, number| NewRow {
        carrier: code,
        key,
        number,
    };
    let (mut days, mut transit, mut stops) = (Vec::new(), Vec::new(), Vec::new());
    for carrier in carriers {
        let code = carrier.carrier.as_str();
        days.extend(
            carrier
                .days
                .iter()
                .map(|(day, cases)| new(code, day.to_string(), *cases)),
        );
        let rows = carrier.transit_days.iter();
        transit.extend(rows.map(|(province, days)| new(code, province.clone(), i64::from(*days))));
        let rows = carrier.stops.iter().enumerate();
        stops.extend(rows.map(|(position, stop)| NewStop {
            carrier: code,
            position,
            stop,
        }));
    }
    insert_tables(tx, village, &days, &transit, &stops).await
}

async fn insert_tables(
    tx: &mut Tx,
    village: VillageId,
    days: &[NewRow<'_>],
    transit: &[NewRow<'_>],
    stops: &[NewStop<'_>],
) -> Result<()> {
    on!(tx,
        sqlite: "INSERT INTO carrier_day (village_id, carrier, day, cases)
                 SELECT $1, value->>'carrier', value->>'key', value->>'number' FROM jsonb_each($2)",
        pg: "INSERT INTO carrier_day (village_id, carrier, day, cases)
             SELECT $1, carrier, key, number
             FROM json_to_recordset($2::json) AS new(carrier text, key text, number bigint)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&days)).execute(ex).await.map(|_| ()))?;
    on!(tx,
        sqlite: "INSERT INTO carrier_transit (village_id, carrier, province, days)
                 SELECT $1, value->>'carrier', value->>'key', value->>'number' FROM jsonb_each($2)",
        pg: "INSERT INTO carrier_transit (village_id, carrier, province, days)
             SELECT $1, carrier, key, number
             FROM json_to_recordset($2::json) AS new(carrier text, key text, number bigint)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&transit)).execute(ex).await.map(|_| ()))?;
    on!(tx,
        sqlite: "INSERT INTO carrier_stop (village_id, carrier, position, province, collects_until, delivers_until,
                     resumes_on)
                 SELECT $1, value->>'carrier', value->>'position', value->>'province', value->>'collects_until',
                     value->>'delivers_until', value->>'resumes_on' FROM jsonb_each($2)",
        pg: "INSERT INTO carrier_stop (village_id, carrier, position, province, collects_until, delivers_until,
                 resumes_on)
             SELECT $1, carrier, position, province, collects_until, delivers_until, resumes_on
             FROM json_to_recordset($2::json) AS new(carrier text, position bigint, province text,
                  collects_until text, delivers_until text, resumes_on text)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&stops)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// After a change: the room of every day to come is the new capacity, or what is promised already where that is more.
pub async fn refit(tx: &mut Tx, village: VillageId, today: NaiveDate) -> Result<()> {
    let calendar = read(tx, village).await?.unwrap_or_default();
    let mut rows = Vec::new();
    for row in taken(tx, village, today).await? {
        let day = day_of(&row.day)?;
        let capacity = match calendar.carriers.iter().find(|it| it.carrier == row.carrier) {
            Some(carrier) => carrier.pickup(day),
            None if row.carrier.is_empty() => calendar.workshop.capacity(day),
            None => 0,
        };
        rows.push(Take {
            day,
            carrier: row.carrier,
            cases: row.promised,
            room: capacity.max(row.promised),
        });
    }
    on!(tx,
        sqlite: "UPDATE promise_day SET room = new.value->>'room' FROM jsonb_each($2) AS new
                 WHERE village_id = $1 AND day = new.value->>'day' AND carrier = new.value->>'carrier'",
        pg: "UPDATE promise_day SET room = new.room
             FROM json_to_recordset($2::json) AS new(day text, carrier text, room bigint)
             WHERE village_id = $1 AND promise_day.day = new.day AND promise_day.carrier = new.carrier",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}
