//! SQL of links and their offers. What is read on the way to a change is locked, so that the intake, which counts
//! `sold` up, and staff, who lower quotas, see each other.

pub mod board;
pub mod live;
pub mod stats;

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use super::{Channel, NewLink, Status};
use crate::catalog::{Label, LegalKind};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;

#[derive(Clone, sqlx::FromRow)]
pub struct LinkRow {
    pub id: Uuid,
    pub code: String,
    pub title: String,
    pub channel: Channel,
    /// empty when nobody in particular sells with it
    pub host: String,
    pub opens_at: Option<Timestamp>,
    pub closes_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// the maker's login
    pub created_by: Option<String>,
}

#[derive(Clone, sqlx::FromRow)]
pub struct OfferRow {
    pub link_id: Uuid,
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub price_fen: Fen,
    pub quota: Option<i64>,
    pub limit_per_order: i64,
    pub sold: i64,
    /// place on the page, from 0
    pub position: i64,
}

/// A sku, as far as it decides whether it can be offered.
#[derive(sqlx::FromRow)]
pub struct SkuRow {
    pub id: Uuid,
    pub code: String,
    pub active: bool,
    pub legal_kind: LegalKind,
    #[sqlx(try_from = "String")]
    pub label: Label,
}

/// An offer to be written.
#[derive(Serialize)]
pub struct OfferWrite {
    pub sku_id: Uuid,
    pub position: usize,
    pub price_fen: Fen,
    pub quota: Option<i64>,
    pub limit_per_order: i64,
}

/// Which links are asked for; `None` asks for all.
#[derive(Default)]
pub struct Filter {
    /// only those this member of staff has made
    pub owner: Option<Uuid>,
    pub channel: Option<Channel>,
    pub status: Option<Status>,
    pub host: Option<String>,
}

macro_rules! link_where {
    ($rest:literal) => {
        concat!(
            "SELECT link.id, link.code, link.title, link.channel, link.host, link.opens_at, link.closes_at,
                    link.closed_at, link.created_at, staff.login AS created_by
             FROM link
             LEFT JOIN staff ON staff.village_id = link.village_id AND staff.id = link.created_by
             WHERE link.village_id = $1 AND ($2 IS NULL OR link.created_by = $2) AND ",
            $rest
        )
    };
}

macro_rules! offer_where {
    ($rest:literal) => {
        concat!(
            "SELECT offer.link_id, sku.code AS sku, sku.title, sku.spec, offer.price_fen, offer.quota,
                    offer.limit_per_order, offer.sold, offer.position
             FROM offer JOIN sku ON sku.village_id = offer.village_id AND sku.id = offer.sku_id
             WHERE offer.village_id = $1 AND ",
            $rest
        )
    };
}

/// Newest first, those made before the id `before`.
pub async fn links(
    db: &Db,
    village: VillageId,
    filter: &Filter,
    now: Timestamp,
    before: Uuid,
    limit: i64,
) -> Result<Vec<LinkRow>> {
    Ok(on!(db, ex => sqlx::query_as(link_where!(
            "link.id < $3
             AND ($4 IS NULL OR link.channel = $4)
             AND ($5 IS NULL OR link.host = $5)
             AND ($6 IS NULL OR $6 = CASE
                 WHEN link.closed_at IS NOT NULL OR link.closes_at <= $7 THEN 'closed'
                 WHEN link.opens_at > $7 THEN 'not_yet'
                 ELSE 'open' END)
             ORDER BY link.id DESC LIMIT $8"))
        .bind(village).bind(filter.owner).bind(before).bind(filter.channel).bind(filter.host.as_deref())
        .bind(filter.status).bind(now).bind(limit)
        .fetch_all(ex).await)?)
}

pub async fn link(db: &Db, village: VillageId, owner: Option<Uuid>, code: &str) -> Result<Option<LinkRow>> {
    Ok(on!(db, ex => sqlx::query_as(link_where!("link.code = $3"))
        .bind(village).bind(owner).bind(code).fetch_optional(ex).await)?)
}

/// The link, which nobody else changes until the end of the transaction; orders can still be placed meanwhile.
pub async fn lock(
    tx: &mut Tx,
    village: VillageId,
    owner: Option<Uuid>,
    code: &str,
) -> Result<Option<LinkRow>> {
    Ok(on!(tx,
        sqlite: link_where!("link.code = $3"),
        pg: link_where!("link.code = $3 FOR NO KEY UPDATE OF link"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(owner).bind(code).fetch_optional(ex).await)?)
}

/// The offers of all these links, each link's in the order shown.
pub async fn offers(db: &Db, village: VillageId, links: &[Uuid]) -> Result<Vec<OfferRow>> {
    Ok(on!(db,
        sqlite: offer_where!(
            "offer.link_id IN (SELECT unhex(value, '-') FROM jsonb_each($2)) ORDER BY offer.link_id, offer.position"),
        pg: offer_where!(
            "offer.link_id IN (SELECT id::uuid FROM json_array_elements_text($2::json) AS wanted (id))
             ORDER BY offer.link_id, offer.position"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&links)).fetch_all(ex).await)?)
}

/// A link's offers in the order shown; nothing is sold of them until the end of the transaction. The rows are locked
/// in the intake's order, so that it and staff don't wait for each other.
pub async fn lock_offers(tx: &mut Tx, village: VillageId, link: Uuid) -> Result<Vec<OfferRow>> {
    let mut offers: Vec<OfferRow> = on!(tx,
        sqlite: offer_where!("offer.link_id = $2"),
        pg: offer_where!("offer.link_id = $2 ORDER BY offer.sku_id FOR NO KEY UPDATE OF offer"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(link).fetch_all(ex).await)?;
    offers.sort_unstable_by_key(|offer| offer.position);
    Ok(offers)
}

/// What the catalogue knows of these sku codes; one that doesn't exist has no row.
pub async fn skus(tx: &mut Tx, village: VillageId, codes: &[&str]) -> Result<Vec<SkuRow>> {
    macro_rules! sku_in {
        ($list:literal) => {
            concat!(
                "SELECT sku.id, sku.code, sku.active AND product.active AS active, product.legal_kind, product.label
                 FROM sku JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
                 WHERE sku.village_id = $1 AND sku.code IN ",
                $list
            )
        };
    }
    Ok(on!(tx,
        sqlite: sku_in!("(SELECT value FROM jsonb_each($2))"),
        pg: sku_in!("(SELECT code FROM json_array_elements_text($2::json) AS wanted (code))"),
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&codes)).fetch_all(ex).await)?)
}

/// What makes a link's row, besides its settings.
pub struct Made<'a> {
    pub id: Uuid,
    pub code: &'a str,
    pub by: Uuid,
    pub at: Timestamp,
}

/// Adds a link and gives its host; without one, the maker's name. `None`: the code is taken.
pub async fn insert(
    tx: &mut Tx,
    village: VillageId,
    made: &Made<'_>,
    new: &NewLink,
) -> Result<Option<String>> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "INSERT INTO link (village_id, id, code, title, channel, host, opens_at, closes_at, created_at, created_by)
         SELECT $1, $2, $3, $4, $5, COALESCE($6, staff.name), $7, $8, $9, staff.id
         FROM staff WHERE staff.village_id = $1 AND staff.id = $10
         ON CONFLICT (village_id, code) DO NOTHING RETURNING host")
        .bind(village).bind(made.id).bind(made.code).bind(&new.title).bind(new.channel).bind(new.host.as_deref())
        .bind(new.opens_at).bind(new.closes_at).bind(made.at).bind(made.by)
        .fetch_optional(ex).await)?)
}

pub async fn update(
    tx: &mut Tx,
    village: VillageId,
    link: Uuid,
    new: &NewLink,
    closed_at: Option<Timestamp>,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE link SET title = $3, host = $4, opens_at = $5, closes_at = $6, closed_at = $7
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(link).bind(&new.title).bind(new.host.as_deref().unwrap_or(""))
        .bind(new.opens_at).bind(new.closes_at).bind(closed_at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Makes the offers of a link these, with what is sold kept; the caller has seen to it that nothing sold is lost.
pub async fn write_offers(tx: &mut Tx, village: VillageId, link: Uuid, offers: &[OfferWrite]) -> Result<()> {
    let offers = json(&offers);
    on!(tx,
        sqlite: "DELETE FROM offer WHERE village_id = $1 AND link_id = $2 AND sku_id NOT IN
                 (SELECT unhex(value ->> 'sku_id', '-') FROM jsonb_each($3))",
        pg: "DELETE FROM offer WHERE village_id = $1 AND link_id = $2 AND sku_id NOT IN
             (SELECT sku_id FROM json_to_recordset($3::json) AS wanted (sku_id uuid))",
        sql, ex => sqlx::query(sql).bind(village).bind(link).bind(&offers).execute(ex).await.map(|_| ()))?;
    on!(tx,
        sqlite: "INSERT INTO offer (village_id, link_id, sku_id, position, price_fen, quota, limit_per_order)
                 SELECT $1, $2, unhex(value ->> 'sku_id', '-'), value ->> 'position', value ->> 'price_fen',
                        value ->> 'quota', value ->> 'limit_per_order'
                 FROM jsonb_each($3) WHERE TRUE
                 ON CONFLICT (village_id, link_id, sku_id) DO UPDATE SET position = excluded.position,
                    price_fen = excluded.price_fen, quota = excluded.quota,
                    limit_per_order = excluded.limit_per_order",
        pg: "INSERT INTO offer (village_id, link_id, sku_id, position, price_fen, quota, limit_per_order)
             SELECT $1, $2, sku_id, position, price_fen, quota, limit_per_order
             FROM json_to_recordset($3::json) AS wanted
                (sku_id uuid, position bigint, price_fen bigint, quota bigint, limit_per_order bigint)
             ON CONFLICT (village_id, link_id, sku_id) DO UPDATE SET position = excluded.position,
                price_fen = excluded.price_fen, quota = excluded.quota, limit_per_order = excluded.limit_per_order",
        sql, ex => sqlx::query(sql).bind(village).bind(link).bind(&offers).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Adds page views of a village's links to a day.
pub async fn add_views(
    tx: &mut Tx,
    village: VillageId,
    day: &str,
    views: &BTreeMap<Uuid, u64>,
) -> Result<()> {
    let views: Vec<_> = views.iter().collect();
    on!(tx,
        sqlite: "INSERT INTO link_view (village_id, link_id, day, views)
                 SELECT $1, unhex(value ->> 0, '-'), $2, value ->> 1 FROM jsonb_each($3) WHERE TRUE
                 ON CONFLICT (village_id, link_id, day) DO UPDATE SET views = link_view.views + excluded.views",
        pg: "INSERT INTO link_view (village_id, link_id, day, views)
             SELECT $1, (value ->> 0)::uuid, $2, (value ->> 1)::bigint FROM json_array_elements($3::json)
             ON CONFLICT (village_id, link_id, day) DO UPDATE SET views = link_view.views + excluded.views",
        sql, ex => sqlx::query(sql).bind(village).bind(day).bind(json(&views)).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The names that a poster shows.
#[derive(sqlx::FromRow)]
pub struct Sender {
    pub village: String,
    pub town: String,
}

pub async fn sender(db: &Db, village: VillageId) -> Result<Option<Sender>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT village.name AS village, town.name AS town
         FROM village JOIN town ON town.id = village.town_id WHERE village.id = $1")
        .bind(village).fetch_optional(ex).await)?)
}
