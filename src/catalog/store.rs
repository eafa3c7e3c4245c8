//! SQL of products and skus.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use super::{Component, Label, LabelField, LegalKind, Product, Sku, missing_label_fields};
use crate::clock::Timestamp;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::Fen;
use crate::on;

/// Products in the order in which they were made, behind the row `after`.
pub async fn products(db: &Db, village: VillageId, after: Uuid, limit: i64) -> Result<Vec<Product>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, slug, name, legal_kind, description, label, active
         FROM product WHERE village_id = $1 AND id > $2 ORDER BY id LIMIT $3")
        .bind(village).bind(after).bind(limit).fetch_all(ex).await)?)
}

pub async fn product(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Product>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, slug, name, legal_kind, description, label, active
         FROM product WHERE village_id = $1 AND id = $2")
        .bind(village).bind(id).fetch_optional(ex).await)?)
}

/// A product that nobody else changes until the end of the transaction.
pub async fn lock_product(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<Product>> {
    Ok(on!(tx,
        sqlite: "SELECT id, slug, name, legal_kind, description, label, active
                 FROM product WHERE village_id = $1 AND id = $2",
        pg: "SELECT id, slug, name, legal_kind, description, label, active
             FROM product WHERE village_id = $1 AND id = $2 FOR NO KEY UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(id).fetch_optional(ex).await)?)
}

/// Adds a product; its slug is unique in the village.
pub async fn create_product(tx: &mut Tx, village: VillageId, new: &Product, at: Timestamp) -> Result<()> {
    let label = json(&new.label);
    on!(tx, ex => sqlx::query(
        "INSERT INTO product (village_id, id, slug, name, legal_kind, description, label, active, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(village).bind(new.id).bind(&new.slug).bind(&new.name).bind(new.legal_kind).bind(&new.description)
        .bind(label).bind(new.active).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn update_product(tx: &mut Tx, village: VillageId, product: &Product) -> Result<()> {
    let label = json(&product.label);
    on!(tx, ex => sqlx::query(
        "UPDATE product SET slug = $3, name = $4, legal_kind = $5, description = $6, label = $7, active = $8
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(product.id).bind(&product.slug).bind(&product.name).bind(product.legal_kind)
        .bind(&product.description).bind(label).bind(product.active).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A village's skus by code, of one product or of all, with what gift boxes are made of.
pub async fn skus(db: &Db, village: VillageId, product: Option<Uuid>) -> Result<Vec<Sku>> {
    let mut skus: Vec<Sku> = on!(db, ex => sqlx::query_as(
        "SELECT id, product_id, code, title, spec, price_fen, gross_weight_grams, shelf_life_days, min_days_left, active
         FROM sku WHERE village_id = $1 AND ($2 IS NULL OR product_id = $2)")
        .bind(village).bind(product).fetch_all(ex).await)?;
    // engines sort text by their own rules; here every list has the same order
    skus.sort_by(|a, b| a.code.cmp(&b.code));
    let mut parts: HashMap<Uuid, Vec<Component>> = HashMap::new();
    for part in parts_of_boxes(db, village).await? {
        let component = Component {
            sku: part.code,
            quantity: part.quantity,
        };
        parts.entry(part.sku_id).or_default().push(component);
    }
    for sku in &mut skus {
        sku.components = parts.remove(&sku.id).unwrap_or_default();
    }
    Ok(skus)
}

#[derive(sqlx::FromRow)]
struct Part {
    sku_id: Uuid,
    code: String,
    quantity: i64,
}

async fn parts_of_boxes(db: &Db, village: VillageId) -> Result<Vec<Part>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT sku_component.sku_id, sku.code, sku_component.quantity
         FROM sku_component
         JOIN sku ON sku.village_id = sku_component.village_id AND sku.id = sku_component.component_id
         WHERE sku_component.village_id = $1 ORDER BY sku_component.sku_id, sku_component.component_id")
        .bind(village).fetch_all(ex).await)?)
}

/// A sku that nobody else changes until the end of the transaction, without its components.
pub async fn lock_sku(tx: &mut Tx, village: VillageId, product: Uuid, code: &str) -> Result<Option<Sku>> {
    Ok(on!(tx,
        sqlite: "SELECT id, product_id, code, title, spec, price_fen, gross_weight_grams, shelf_life_days, min_days_left, active
                 FROM sku WHERE village_id = $1 AND product_id = $2 AND code = $3",
        pg: "SELECT id, product_id, code, title, spec, price_fen, gross_weight_grams, shelf_life_days, min_days_left, active
             FROM sku WHERE village_id = $1 AND product_id = $2 AND code = $3 FOR NO KEY UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(product).bind(code).fetch_optional(ex).await)?)
}

pub async fn count_skus(tx: &mut Tx, village: VillageId) -> Result<i64> {
    Ok(
        on!(tx, ex => sqlx::query_scalar("SELECT COUNT(*) FROM sku WHERE village_id = $1")
        .bind(village).fetch_one(ex).await)?,
    )
}

/// Adds a sku; its code is unique in the village.
pub async fn create_sku(tx: &mut Tx, village: VillageId, new: &Sku, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO sku (village_id, id, product_id, code, title, spec, price_fen, gross_weight_grams,
                          shelf_life_days, min_days_left, active, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
        .bind(village).bind(new.id).bind(new.product_id).bind(&new.code).bind(&new.title).bind(&new.spec)
        .bind(new.price_fen).bind(new.gross_weight_grams).bind(new.shelf_life_days).bind(new.min_days_left)
        .bind(new.active).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn update_sku(tx: &mut Tx, village: VillageId, sku: &Sku) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE sku SET title = $3, spec = $4, price_fen = $5, gross_weight_grams = $6, shelf_life_days = $7,
                        min_days_left = $8, active = $9
         WHERE village_id = $1 AND id = $2")
        .bind(village).bind(sku.id).bind(&sku.title).bind(&sku.spec).bind(sku.price_fen)
        .bind(sku.gross_weight_grams).bind(sku.shelf_life_days).bind(sku.min_days_left).bind(sku.active)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Gives a plain sku its counters, all at zero.
pub async fn create_stock(tx: &mut Tx, village: VillageId, sku: Uuid) -> Result<()> {
    on!(tx, ex => sqlx::query("INSERT INTO stock (village_id, sku_id) VALUES ($1, $2)")
        .bind(village).bind(sku).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Ids of the skus of these codes that have stock of their own, as gift boxes have not.
pub async fn plain_skus(
    tx: &mut Tx,
    village: VillageId,
    components: &[Component],
) -> Result<HashMap<String, Uuid>> {
    let codes: Vec<&str> = components.iter().map(|part| part.sku.as_str()).collect();
    let codes = json(&codes);
    let rows: Vec<(String, Uuid)> = on!(tx,
        sqlite: "SELECT sku.code, sku.id FROM sku
                 JOIN stock ON stock.village_id = sku.village_id AND stock.sku_id = sku.id
                 WHERE sku.village_id = $1 AND sku.code IN (SELECT value FROM jsonb_each($2))",
        pg: "SELECT sku.code, sku.id FROM sku
             JOIN stock ON stock.village_id = sku.village_id AND stock.sku_id = sku.id
             WHERE sku.village_id = $1 AND sku.code IN (SELECT value FROM json_array_elements_text($2::json))",
        sql, ex => sqlx::query_as(sql).bind(village).bind(codes).fetch_all(ex).await)?;
    Ok(rows.into_iter().collect())
}

#[derive(Serialize)]
struct PartRow {
    id: Uuid,
    quantity: i64,
}

/// Says what a gift box is made of.
pub async fn create_components(
    tx: &mut Tx,
    village: VillageId,
    sku: Uuid,
    parts: &[(Uuid, i64)],
) -> Result<()> {
    let row = |&(id, quantity): &(Uuid, i64)| PartRow { id, quantity };
    let rows = json(&parts.iter().map(row).collect::<Vec<_>>());
    on!(tx,
        sqlite: "INSERT INTO sku_component (village_id, sku_id, component_id, quantity)
                 SELECT $1, $2, unhex(value->>'id', '-'), value->>'quantity' FROM jsonb_each($3)",
        pg: "INSERT INTO sku_component (village_id, sku_id, component_id, quantity)
             SELECT $1, $2, id, quantity FROM json_to_recordset($3::json) AS part(id uuid, quantity bigint)",
        sql, ex => sqlx::query(sql).bind(village).bind(sku).bind(rows).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// What a link has to know of a sku before it offers it.
pub struct SkuForOffer {
    pub id: Uuid,
    pub code: String,
    pub title: String,
    pub spec: String,
    pub price_fen: Fen,
    pub gross_weight_grams: i64,
    /// both the sku and its product are
    pub active: bool,
    pub product: String,
    /// a product that lacks any of these may not be sold
    pub missing_label_fields: Vec<LabelField>,
}

#[derive(sqlx::FromRow)]
struct OfferRow {
    id: Uuid,
    code: String,
    title: String,
    spec: String,
    price_fen: Fen,
    gross_weight_grams: i64,
    active: bool,
    product: String,
    legal_kind: LegalKind,
    #[sqlx(try_from = "String")]
    label: Label,
}

/// The village's skus of these codes, in no order; a code that it doesn't have is left out.
pub async fn skus_for_offer(tx: &mut Tx, village: VillageId, codes: &[String]) -> Result<Vec<SkuForOffer>> {
    let codes = json(&codes);
    let rows: Vec<OfferRow> = on!(tx,
        sqlite: "SELECT sku.id, sku.code, sku.title, sku.spec, sku.price_fen, sku.gross_weight_grams,
                        sku.active AND product.active AS active, product.name AS product, product.legal_kind, product.label
                 FROM sku JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
                 WHERE sku.village_id = $1 AND sku.code IN (SELECT value FROM jsonb_each($2))",
        pg: "SELECT sku.id, sku.code, sku.title, sku.spec, sku.price_fen, sku.gross_weight_grams,
                    sku.active AND product.active AS active, product.name AS product, product.legal_kind, product.label
             FROM sku JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
             WHERE sku.village_id = $1 AND sku.code IN (SELECT value FROM json_array_elements_text($2::json))",
        sql, ex => sqlx::query_as(sql).bind(village).bind(codes).fetch_all(ex).await)?;
    let sku = |row: OfferRow| SkuForOffer {
        missing_label_fields: missing_label_fields(row.legal_kind, &row.label),
        id: row.id,
        code: row.code,
        title: row.title,
        spec: row.spec,
        price_fen: row.price_fen,
        gross_weight_grams: row.gross_weight_grams,
        active: row.active,
        product: row.product,
    };
    Ok(rows.into_iter().map(sku).collect())
}
