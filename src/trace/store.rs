//! SQL of a lot's page.

use uuid::Uuid;

use super::Lot;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

pub async fn lot(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Lot>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT product.name AS product, product.legal_kind, product.label, sku.title, sku.spec, lot.code, lot.made_on,
                lot.best_before, lot.origin, village.name AS village, town.name AS town, village.contact
         FROM lot
         JOIN sku ON sku.village_id = lot.village_id AND sku.id = lot.sku_id
         JOIN product ON product.village_id = sku.village_id AND product.id = sku.product_id
         JOIN village ON village.id = lot.village_id JOIN town ON town.id = village.town_id
         WHERE lot.village_id = $1 AND lot.id = $2")
        .bind(village).bind(id).fetch_optional(ex).await)?)
}
