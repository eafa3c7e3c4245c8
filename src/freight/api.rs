//! Reading and replacing the freight rules.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Rule, store};
use crate::db::Db;
use crate::error::Result;
use crate::transact;
use crate::villages::auth::By;
use crate::web::json::Json;

/// All rules of a village.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    pub items: Vec<Rule>,
}

pub async fn read(State(db): State<Db>, by: By) -> Result<Json<Rules>> {
    let items = store::rules(&db, by.staff.village).await?;
    Ok(Json(Rules { items }))
}

pub async fn replace(State(db): State<Db>, by: By, Json(input): Json<Rules>) -> Result<Json<Rules>> {
    super::check(&input.items)?;
    let village = by.staff.village;
    transact!(db, tx => {
        let before = store::take_rules(tx, village).await?;
        store::add_rules(tx, village, &input.items).await?;
        tx.changes_offers();
        by.log(tx, "freight.replace", "freight", Some(json!(before)), Some(json!(input.items))).await
    })?;
    read(State(db), by).await
}
