//! SQL of freight rules.

use super::Rule;
use crate::db::{Db, Tx, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// A village's rules, by province.
pub async fn rules(db: &Db, village: VillageId) -> Result<Vec<Rule>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT province, served, first_grams, first_fen, step_grams, step_fen, free_from_fen
         FROM freight WHERE village_id = $1 ORDER BY province")
        .bind(village).fetch_all(ex).await)?)
}

/// Removes a village's rules and gives them back. Whoever else wants to replace them waits: without a row to lock, two
/// at once would both find nothing to remove and leave a mixture.
pub async fn take_rules(tx: &mut Tx, village: VillageId) -> Result<Vec<Rule>> {
    on!(tx,
        sqlite: "SELECT id FROM village WHERE id = $1",
        pg: "SELECT id FROM village WHERE id = $1 FOR NO KEY UPDATE",
        sql, ex => sqlx::query(sql).bind(village).execute(ex).await.map(|_| ()))?;
    Ok(on!(tx, ex => sqlx::query_as(
        "DELETE FROM freight WHERE village_id = $1
         RETURNING province, served, first_grams, first_fen, step_grams, step_fen, free_from_fen")
        .bind(village).fetch_all(ex).await)?)
}

pub async fn add_rules(tx: &mut Tx, village: VillageId, rules: &[Rule]) -> Result<()> {
    on!(tx,
        sqlite: "INSERT INTO freight (village_id, province, served, first_grams, first_fen, step_grams, step_fen, free_from_fen)
             SELECT $1, value->>'province', value->>'served', value->>'first_grams', value->>'first_fen',
                    value->>'step_grams', value->>'step_fen', value->>'free_from_fen' FROM jsonb_each($2)",
        pg: "INSERT INTO freight (village_id, province, served, first_grams, first_fen, step_grams, step_fen, free_from_fen)
             SELECT $1, province, served, first_grams, first_fen, step_grams, step_fen, free_from_fen
             FROM json_to_recordset($2::json) AS rule(province text, served boolean, first_grams bigint, first_fen bigint,
                  step_grams bigint, step_fen bigint, free_from_fen bigint)",
        sql, ex => sqlx::query(sql).bind(village).bind(json(&rules)).execute(ex).await.map(|_| ()))?;
    Ok(())
}
