//! SQL that places orders in bulk.

use serde::Serialize;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Tx, json};
use crate::error::Result;
use crate::id::{VillageId, order_token};
use crate::money::Method;
use crate::on;
use crate::orders::decide::{Accepted, AcceptedLine};
use crate::orders::draft::Draft;
use crate::orders::promised::Promised;
use crate::orders::{Hold, Source};

/// One order to insert. Field names are those of the statement that reads them.
#[derive(Serialize)]
pub struct NewOrder<'a> {
    pub id: Uuid,
    /// in the intake's statement: its place in the batch, see [`super::hot::Placing`]
    pub number: &'a str,
    pub link_id: Option<Uuid>,
    pub source: Source,
    pub channel: &'a str,
    pub host: &'a str,
    pub idem_key: Option<&'a str>,
    pub body_hash: Option<String>,
    pub external_shop: Option<&'a str>,
    pub external_no: Option<&'a str>,
    pub name: &'a str,
    pub phone: &'a str,
    pub province: &'a str,
    pub city: &'a str,
    pub district: &'a str,
    pub street: &'a str,
    pub region_code: &'a str,
    pub note: &'a str,
    pub method: Method,
    pub goods_fen: i64,
    pub freight_fen: i64,
    pub captured_fen: i64,
    pub hold: Hold,
    pub hold_ends_at: Option<i64>,
    pub ordered: i64,
    pub placed_at: i64,
    pub paid_at: Option<i64>,
    /// when the row was written, which for an order of another shop is later than its placing
    pub updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Promised>,
    #[serde(skip)]
    pub village: VillageId,
}

#[derive(Serialize)]
pub struct NewLine<'a> {
    pub order_id: Uuid,
    pub line: i64,
    pub sku_id: Uuid,
    pub title: &'a str,
    pub price_fen: i64,
    pub goods_fen: i64,
    pub ordered: i64,
}

impl<'a> NewOrder<'a> {
    pub fn of(
        id: Uuid,
        source: Source,
        draft: &'a Draft,
        accepted: &Accepted,
        number: &'a str,
        now: Timestamp,
        hold_ends: Option<Timestamp>,
    ) -> Self {
        let Draft {
            facts,
            to,
            method,
            note,
            key,
            hash,
            items: _,
            placed_by: _,
        } = draft;
        let paid = accepted.total.0 == 0;
        NewOrder {
            id,
            number,
            link_id: facts.link_id,
            source,
            channel: &facts.channel,
            host: &facts.host,
            idem_key: key.as_deref(),
            body_hash: key.is_some().then(|| hex::encode(hash)),
            external_shop: None,
            external_no: None,
            name: &to.name,
            phone: &to.phone,
            province: &to.province,
            city: &to.city,
            district: &to.district,
            street: &to.street,
            region_code: &to.region_code,
            note,
            method: *method,
            goods_fen: accepted.goods.0,
            freight_fen: accepted.freight.0,
            captured_fen: 0,
            hold: accepted.hold,
            hold_ends_at: hold_ends.map(|at| at.0),
            ordered: accepted.cases,
            placed_at: now.0,
            paid_at: paid.then_some(now.0),
            updated_at: now.0,
            promise: accepted.promise.as_ref().map(Promised::first),
            village: facts.village,
        }
    }

    /// What partners are told: no names, no phones.
    pub fn event(&self, number: &str) -> String {
        json(&serde_json::json!({
            "number": number, "token": order_token(self.village, self.id), "channel": self.channel,
            "cases": self.ordered, "total_fen": self.goods_fen + self.freight_fen, "method": self.method,
        }))
    }
}

impl<'a> NewLine<'a> {
    pub fn of(order_id: Uuid, line: i64, draft: &'a Draft, accepted: &AcceptedLine) -> Self {
        let offer = &draft.facts.offers[accepted.offer];
        NewLine {
            order_id,
            line,
            sku_id: offer.sku_id,
            title: &offer.title,
            price_fen: accepted.price.0,
            goods_fen: accepted.goods.0,
            ordered: accepted.cases,
        }
    }
}

// One text each for a statement of its own and for the intake, which sends all its writes at once (hot.rs). The second
// form also writes what was promised, in a village that keeps a calendar.
macro_rules! orders_sqlite {
    ($rows:literal, $number:literal) => {
        orders_sqlite!($rows, $number, "", "")
    };
    ($rows:literal, $number:literal, promise) => {
        orders_sqlite!($rows, $number, ", promise", ", value->>'promise'")
    };
    ($rows:literal, $number:literal, $column:literal, $value:literal) => {
        concat!(
            "INSERT INTO orders (village_id, id, number, link_id, source, channel, host, idem_key, body_hash,
         external_shop, external_no, name, phone, province, city, district, street, region_code, note,
         method, goods_fen, freight_fen, total_fen, captured_fen, hold, hold_ends_at, ordered, placed_at,
         paid_at, updated_at",
            $column,
            ")
     SELECT $1, unhex(value->>'id', '-'), ",
            $number,
            ", unhex(value->>'link_id', '-'),
         value->>'source', value->>'channel', value->>'host', value->>'idem_key',
         unhex(value->>'body_hash'), value->>'external_shop', value->>'external_no', value->>'name',
         value->>'phone', value->>'province', value->>'city', value->>'district', value->>'street',
         value->>'region_code', value->>'note', value->>'method', value->>'goods_fen',
         value->>'freight_fen', (value->>'goods_fen') + (value->>'freight_fen'), value->>'captured_fen',
         value->>'hold', value->>'hold_ends_at', value->>'ordered', value->>'placed_at',
         value->>'paid_at', value->>'updated_at'",
            $value,
            "
     FROM jsonb_each(",
            $rows,
            ")"
        )
    };
}
macro_rules! orders_pg {
    ($rows:literal, $number:literal) => {
        orders_pg!($rows, $number, "", "")
    };
    ($rows:literal, $number:literal, promise) => {
        orders_pg!($rows, $number, ", promise", ", promise text")
    };
    ($rows:literal, $number:literal, $column:literal, $typed:literal) => {
        concat!(
            "INSERT INTO orders (village_id, id, number, link_id, source, channel, host, idem_key, body_hash,
         external_shop, external_no, name, phone, province, city, district, street, region_code, note,
         method, goods_fen, freight_fen, total_fen, captured_fen, hold, hold_ends_at, ordered, placed_at,
         paid_at, updated_at",
            $column,
            ")
     SELECT $1, id, ",
            $number,
            ", link_id, source, channel, host, idem_key, decode(body_hash, 'hex'),
         external_shop, external_no, name, phone, province, city, district, street, region_code, note,
         method, goods_fen, freight_fen, goods_fen + freight_fen, captured_fen, hold, hold_ends_at, ordered,
         placed_at, paid_at, updated_at",
            $column,
            "
     FROM json_to_recordset(",
            $rows,
            "::json) AS r(id uuid, number text, link_id uuid, source text, channel text,
         host text, idem_key text, body_hash text, external_shop text, external_no text, name text, phone text,
         province text, city text, district text, street text, region_code text, note text, method text,
         goods_fen bigint, freight_fen bigint, captured_fen bigint, hold text, hold_ends_at bigint,
         ordered bigint, placed_at bigint, paid_at bigint, updated_at bigint",
            $typed,
            ")"
        )
    };
}
macro_rules! lines_sqlite {
    ($rows:literal) => {
        concat!(
            "INSERT INTO order_line (village_id, order_id, line, sku_id, title, price_fen, goods_fen, ordered)
     SELECT $1, unhex(value->>'order_id', '-'), value->>'line', unhex(value->>'sku_id', '-'),
         value->>'title', value->>'price_fen', value->>'goods_fen', value->>'ordered'
     FROM jsonb_each(",
            $rows,
            ")"
        )
    };
}
macro_rules! lines_pg {
    ($rows:literal) => {
        concat!(
            "INSERT INTO order_line (village_id, order_id, line, sku_id, title, price_fen, goods_fen, ordered)
     SELECT $1, order_id, line, sku_id, title, price_fen, goods_fen, ordered
     FROM json_to_recordset(",
            $rows,
            "::json) AS r(order_id uuid, line bigint, sku_id uuid, title text,
         price_fen bigint, goods_fen bigint, ordered bigint)"
        )
    };
}
pub(super) use {lines_pg, lines_sqlite, orders_pg, orders_sqlite};

/// Inserts orders with one statement.
pub async fn insert_orders(tx: &mut Tx, village: VillageId, rows: &[NewOrder<'_>]) -> Result<()> {
    on!(tx, sqlite: orders_sqlite!("$2", "value->>'number'"), pg: orders_pg!("$2", "number"),
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn insert_lines(tx: &mut Tx, village: VillageId, rows: &[NewLine<'_>]) -> Result<()> {
    on!(tx, sqlite: lines_sqlite!("$2"), pg: lines_pg!("$2"),
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rows)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Takes `count` order numbers of a village's day and gives the last of them.
pub async fn take_numbers(tx: &mut Tx, village: VillageId, now: Timestamp, count: usize) -> Result<i64> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "INSERT INTO order_counter (village_id, day, last) VALUES ($1, $2, $3)
         ON CONFLICT (village_id, day) DO UPDATE SET last = order_counter.last + excluded.last RETURNING last")
        .bind(village).bind(now.day().to_string()).bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_one(ex).await)?)
}
