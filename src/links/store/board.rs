//! SQL behind the board: everything a buyer's page of one link shows.

use std::collections::HashMap;

use uuid::Uuid;

use crate::catalog::pictures::path;
use crate::catalog::{Label, LegalKind, missing_label_fields};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::links::facts::Picture;
use crate::money::Fen;
use crate::on;
use crate::stock::Level;

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LinkRow {
    pub id: Uuid,
    pub title: String,
    pub channel: String,
    pub host: String,
    pub opens_at: Option<Timestamp>,
    pub closes_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub created_by: Option<Uuid>,
    pub village: String,
    pub town: String,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct OfferRow {
    pub sku_id: Uuid,
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub price_fen: Fen,
    pub quota: Option<i64>,
    pub sold: i64,
    pub limit_per_order: i64,
    pub gross_weight_grams: i64,
    pub active: bool,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ComponentRow {
    pub sku_id: Uuid,
    pub component_id: Uuid,
    pub quantity: i64,
}

/// An offer as it stands inside a transaction, with its link's window.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct LockedOffer {
    pub link_id: Uuid,
    pub sku_id: Uuid,
    pub price_fen: Fen,
    pub quota: Option<i64>,
    pub sold: i64,
    pub limit_per_order: i64,
    pub opens_at: Option<Timestamp>,
    pub closes_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
}

pub async fn link(db: &Db, village: VillageId, code: &str) -> Result<Option<LinkRow>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT link.id, link.title, link.channel, link.host, link.opens_at, link.closes_at, link.closed_at,
                link.created_by, village.name AS village, town.name AS town
         FROM link JOIN village ON village.id = link.village_id JOIN town ON town.id = village.town_id
         WHERE link.village_id = $1 AND link.code = $2")
        .bind(village).bind(code).fetch_optional(ex).await)?)
}

/// The code of a link, for going back to it.
pub async fn code(db: &Db, village: VillageId, link: Uuid) -> Result<Option<String>> {
    Ok(
        on!(db, ex => sqlx::query_scalar("SELECT code FROM link WHERE village_id = $1 AND id = $2")
        .bind(village).bind(link).fetch_optional(ex).await)?,
    )
}

pub async fn offers(db: &Db, village: VillageId, link: Uuid) -> Result<Vec<OfferRow>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT offer.sku_id, sku.code AS sku, sku.title, sku.spec, offer.price_fen, offer.quota, offer.sold,
                offer.limit_per_order, sku.gross_weight_grams, sku.active
         FROM offer JOIN sku ON sku.village_id = offer.village_id AND sku.id = offer.sku_id
         WHERE offer.village_id = $1 AND offer.link_id = $2 ORDER BY offer.position")
        .bind(village).bind(link).fetch_all(ex).await)?)
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    offer: OfferRow,
    legal_kind: LegalKind,
    #[sqlx(try_from = "String")]
    label: Label,
}

/// The skus of these codes as if a link offered them: at list price, without a quota. Active are those that may be sold
/// now: on the list, and with all that the law asks for on their label. Codes that no sku has are left out.
pub async fn listed(db: &Db, village: VillageId, codes: &[String]) -> Result<Vec<OfferRow>> {
    // no code has a control character, and PostgreSQL can't read a NUL
    let codes: Vec<&String> = codes
        .iter()
        .filter(|code| !code.contains(char::is_control))
        .collect();
    let rows: Vec<ListedRow> = on!(db,
        sqlite: "SELECT sku.id AS sku_id, sku.code AS sku, sku.title, sku.spec, sku.price_fen, NULL AS quota, 0 AS sold,
                        999 AS limit_per_order, sku.gross_weight_grams, sku.active AND product.active AS active,
                        product.legal_kind, product.label
                 FROM sku JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
                 WHERE sku.village_id = $1 AND sku.code IN (SELECT value FROM json_each($2)) ORDER BY sku.id",
        pg: "SELECT sku.id AS sku_id, sku.code AS sku, sku.title, sku.spec, sku.price_fen, NULL::bigint AS quota,
                    0::bigint AS sold, 999::bigint AS limit_per_order, sku.gross_weight_grams,
                    sku.active AND product.active AS active, product.legal_kind, product.label
             FROM sku JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
             WHERE sku.village_id = $1 AND sku.code IN (SELECT value FROM json_array_elements_text($2::json))
             ORDER BY sku.id",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&codes)).fetch_all(ex).await)?;
    let sellable = |row: ListedRow| OfferRow {
        active: row.offer.active && missing_label_fields(row.legal_kind, &row.label).is_empty(),
        ..row.offer
    };
    Ok(rows.into_iter().map(sellable).collect())
}

/// What the gift boxes among these skus are made of; a plain sku has no rows.
pub async fn components(db: &Db, village: VillageId, skus: &[Uuid]) -> Result<Vec<ComponentRow>> {
    Ok(on!(db,
        sqlite: "SELECT sku_id, component_id, quantity FROM sku_component
                 WHERE village_id = $1 AND sku_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))
                 ORDER BY sku_id, component_id",
        pg: "SELECT sku_id, component_id, quantity FROM sku_component
             WHERE village_id = $1 AND sku_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             ORDER BY sku_id, component_id",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&skus)).fetch_all(ex).await)?)
}

/// The days on which stock items that are sold ahead of their lot are in.
pub async fn ahead_days(db: &Db, village: VillageId) -> Result<Vec<(Uuid, String)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT sku_id, ahead_ready_on FROM stock WHERE village_id = $1 AND ahead_ready_on IS NOT NULL")
        .bind(village).fetch_all(ex).await)?)
}

/// The first picture of the product of each of these skus that has one.
pub async fn pictures(db: &Db, village: VillageId, skus: &[Uuid]) -> Result<HashMap<Uuid, Picture>> {
    let rows: Vec<(Uuid, Uuid, i64, i64)> = on!(db,
        sqlite: "SELECT sku.id, photo.id, photo.small_width, photo.small_height FROM sku
                 JOIN photo ON photo.village_id = sku.village_id AND photo.product_id = sku.product_id
                 WHERE sku.village_id = $1 AND photo.place = 1 AND sku.id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "SELECT sku.id, photo.id, photo.small_width, photo.small_height FROM sku
             JOIN photo ON photo.village_id = sku.village_id AND photo.product_id = sku.product_id
             WHERE sku.village_id = $1 AND photo.place = 1
               AND sku.id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&skus)).fetch_all(ex).await)?;
    let picture = |(sku, photo, width, height)| {
        let path = path(village, photo);
        (sku, Picture { path, width, height })
    };
    Ok(rows.into_iter().map(picture).collect())
}

/// The counters of these stock items. What holds past their end still hold is left out of `reserved`.
pub async fn levels(db: &Db, village: VillageId, skus: &[Uuid], now: Timestamp) -> Result<Vec<Level>> {
    Ok(on!(db,
        sqlite: "SELECT sku_id, on_hand, ahead, reserved - COALESCE((
                     SELECT SUM((line.ordered - line.cancelled) * COALESCE(part.quantity, 1))
                     FROM orders
                     JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
                     LEFT JOIN sku_component AS part
                       ON part.village_id = line.village_id AND part.sku_id = line.sku_id
                     WHERE orders.village_id = $1 AND orders.hold = 'active' AND orders.hold_ends_at <= $3
                       AND COALESCE(part.component_id, line.sku_id) = stock.sku_id), 0) AS reserved
                 FROM stock WHERE village_id = $1 AND sku_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "SELECT sku_id, on_hand, ahead, reserved - CAST(COALESCE((
                 SELECT SUM((line.ordered - line.cancelled) * COALESCE(part.quantity, 1))
                 FROM orders
                 JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
                 LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
                 WHERE orders.village_id = $1 AND orders.hold = 'active' AND orders.hold_ends_at <= $3
                   AND COALESCE(part.component_id, line.sku_id) = stock.sku_id), 0) AS BIGINT) AS reserved
             FROM stock WHERE village_id = $1 AND sku_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&skus)).bind(now).fetch_all(ex).await)?)
}

/// Cases of this link's offers that holds past their end still count as sold.
pub async fn overdue_sold(
    db: &Db,
    village: VillageId,
    link: Uuid,
    now: Timestamp,
) -> Result<Vec<(Uuid, i64)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT line.sku_id, CAST(SUM(line.ordered - line.cancelled) AS BIGINT)
         FROM orders JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
         WHERE orders.village_id = $1 AND orders.hold = 'active' AND orders.hold_ends_at <= $3 AND orders.link_id = $2
         GROUP BY line.sku_id")
        .bind(village).bind(link).bind(now).fetch_all(ex).await)?)
}

/// The next instant at which a hold of the village ends.
pub async fn next_hold_end(db: &Db, village: VillageId, now: Timestamp) -> Result<Option<Timestamp>> {
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT hold_ends_at FROM orders WHERE village_id = $1 AND hold = 'active' AND hold_ends_at > $2
         ORDER BY hold_ends_at LIMIT 1")
        .bind(village).bind(now).fetch_optional(ex).await)?)
}

/// The offers of these links with their links' windows, locked until the transaction ends.
pub async fn lock_offers(tx: &mut Tx, village: VillageId, links: &[Uuid]) -> Result<Vec<LockedOffer>> {
    Ok(on!(tx,
        sqlite: "SELECT offer.link_id, offer.sku_id, offer.price_fen, offer.quota, offer.sold, offer.limit_per_order,
                        link.opens_at, link.closes_at, link.closed_at
                 FROM offer JOIN link ON link.village_id = offer.village_id AND link.id = offer.link_id
                 WHERE offer.village_id = $1 AND offer.link_id IN (SELECT unhex(value, '-') FROM jsonb_each($2))",
        pg: "SELECT offer.link_id, offer.sku_id, offer.price_fen, offer.quota, offer.sold, offer.limit_per_order,
                    link.opens_at, link.closes_at, link.closed_at
             FROM offer JOIN link ON link.village_id = offer.village_id AND link.id = offer.link_id
             WHERE offer.village_id = $1
               AND offer.link_id = ANY (ARRAY(SELECT value::uuid FROM json_array_elements_text($2::json)))
             ORDER BY offer.link_id, offer.sku_id FOR UPDATE OF offer",
        sql, ex => sqlx::query_as(sql).bind(village).bind(json(&links)).fetch_all(ex).await)?)
}

/// Adds cases to what offers have sold (negative: takes them back). The table's CHECK keeps the quota.
pub async fn add_sold(tx: &mut Tx, village: VillageId, sold: &[(Uuid, Uuid, i64)]) -> Result<()> {
    tx.changes_supply();
    on!(tx,
        sqlite: "UPDATE offer SET sold = sold + (
                     SELECT SUM(more.value->>2) FROM jsonb_each($2) AS more
                     WHERE unhex(more.value->>0, '-') = offer.link_id AND unhex(more.value->>1, '-') = offer.sku_id)
                 WHERE village_id = $1 AND (link_id, sku_id) IN (
                     SELECT unhex(value->>0, '-'), unhex(value->>1, '-') FROM jsonb_each($2))",
        pg: "UPDATE offer SET sold = sold + (more.value->>2)::bigint FROM json_array_elements($2::json) AS more
             WHERE village_id = $1 AND link_id = (more.value->>0)::uuid AND sku_id = (more.value->>1)::uuid",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&sold)).execute(ex).await.map(|_| ()))?;
    Ok(())
}
