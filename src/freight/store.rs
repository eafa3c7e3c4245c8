//! SQL of freight rules.

use super::Rule;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

pub async fn rules(db: &Db, village: VillageId) -> Result<Vec<Rule>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT province, served, first_grams, first_fen, step_grams, step_fen, free_from_fen FROM freight
         WHERE village_id = $1 ORDER BY province")
        .bind(village).fetch_all(ex).await)?)
}
