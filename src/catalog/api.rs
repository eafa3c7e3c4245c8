//! Staff read and change the catalogue.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Component, LabelField, MAX_SKUS, NewProduct, NewSku, Product, ProductChange, Sku, SkuChange,
    missing_label_fields, store,
};
use crate::db::{Db, Tx};
use crate::error::{FieldError, Text};
use crate::error::{Result, conflict, invalid_fields, not_found, on_unique, text};
use crate::id::VillageId;
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::clean_line;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page, Paging};

/// A product with its skus.
#[derive(Serialize, ToSchema)]
pub struct ProductView {
    #[serde(flatten)]
    pub product: Product,
    /// what the label lacks before the product may be sold
    pub missing_label_fields: Vec<LabelField>,
    pub skus: Vec<Sku>,
}

impl ProductView {
    fn new(product: Product, skus: Vec<Sku>) -> Self {
        ProductView {
            missing_label_fields: missing_label_fields(product.legal_kind, &product.label),
            product,
            skus,
        }
    }

    async fn read(db: &Db, village: VillageId, id: Uuid) -> Result<Json<Self>> {
        let product = store::product(db, village, id).await?.ok_or_else(not_found)?;
        let skus = store::skus(db, village, Some(id)).await?;
        Ok(Json(Self::new(product, skus)))
    }
}

pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ProductView>>> {
    let limit = listing::limit(paging.limit)?;
    let after = match &paging.after {
        None => Uuid::nil(),
        cursor => listing::before(cursor.as_deref())?,
    };
    let products = store::products(&db, by.staff.village, after, limit + 1).await?;
    let mut skus = store::skus(&db, by.staff.village, None).await?;
    let views = products.into_iter().map(|product| {
        let own = skus.extract_if(.., |sku| sku.product_id == product.id).collect();
        ProductView::new(product, own)
    });
    let page = Page::cut(views.collect(), limit, |view| view.product.id.to_string());
    Ok(Json(page))
}

pub async fn create(
    State(db): State<Db>,
    by: By,
    Json(input): Json<NewProduct>,
) -> Result<(StatusCode, Json<ProductView>)> {
    let village = by.staff.village;
    let product = input.checked(by.new_id())?;
    transact!(db, tx => {
        on_unique(store::create_product(tx, village, &product, by.at).await, "slug", slug_taken())?;
        by.log(tx, "product.create", &product.slug, None, Some(json!(product))).await
    })?;
    let view = ProductView::read(&db, village, product.id).await?;
    Ok((StatusCode::CREATED, view))
}

pub async fn change(
    State(db): State<Db>,
    Path(id): Path<String>,
    by: By,
    Json(input): Json<ProductChange>,
) -> Result<Json<ProductView>> {
    let (village, id) = (by.staff.village, product_id(&id)?);
    transact!(db, tx => {
        let before = store::lock_product(tx, village, id).await?.ok_or_else(not_found)?;
        let after = input.apply(&before)?;
        on_unique(store::update_product(tx, village, &after).await, "slug", slug_taken())?;
        tx.changes_offers();
        by.log(tx, "product.change", &before.slug, Some(json!(before)), Some(json!(after))).await
    })?;
    ProductView::read(&db, village, id).await
}

pub async fn create_sku(
    State(db): State<Db>,
    Path(id): Path<String>,
    by: By,
    Json(input): Json<NewSku>,
) -> Result<(StatusCode, Json<Sku>)> {
    let (village, product) = (by.staff.village, product_id(&id)?);
    let sku = input.checked(by.new_id(), product)?;
    transact!(db, tx => {
        store::lock_product(tx, village, product).await?.ok_or_else(not_found)?;
        if store::count_skus(tx, village).await? >= MAX_SKUS {
            let detail = text(
                format!("一个村最多 {MAX_SKUS} 个规格。"),
                format!("A village has {MAX_SKUS} skus at most."),
            );
            return Err(conflict("too-many-skus", detail));
        }
        let taken = text("本村已经有这个规格编号。", "The village has a sku of this code already.");
        on_unique(store::create_sku(tx, village, &sku, by.at).await, "sku", taken)?;
        if sku.components.is_empty() {
            store::create_stock(tx, village, sku.id).await?;
        } else {
            create_components(tx, village, &sku).await?;
        }
        by.log(tx, "sku.create", &sku.code, None, Some(json!(sku))).await
    })?;
    Ok((StatusCode::CREATED, Json(sku)))
}

/// A gift box is made of skus with stock of their own: a box in a box would have none.
async fn create_components(tx: &mut Tx, village: VillageId, sku: &Sku) -> Result<()> {
    let plain = store::plain_skus(tx, village, &sku.components).await?;
    let (mut parts, mut errors) = (Vec::new(), Vec::new());
    for (at, Component { sku: code, quantity }) in sku.components.iter().enumerate() {
        match plain.get(code) {
            Some(id) => parts.push((*id, *quantity)),
            None => errors.push(FieldError {
                field: format!("components[{at}].sku"),
                message: text(
                    "本村没有这个普通规格；礼盒里不能再放礼盒。",
                    "The village has no plain sku of this code; a gift box can't hold another.",
                ),
            }),
        }
    }
    if !errors.is_empty() {
        return Err(invalid_fields(errors));
    }
    store::create_components(tx, village, sku.id, &parts).await
}

pub async fn change_sku(
    State(db): State<Db>,
    Path((id, code)): Path<(String, String)>,
    by: By,
    Json(input): Json<SkuChange>,
) -> Result<Json<Sku>> {
    let (village, product) = (by.staff.village, product_id(&id)?);
    let code = clean_line(&code);
    let changed = transact!(db, tx => {
        let before = store::lock_sku(tx, village, product, &code).await?.ok_or_else(not_found)?;
        let after = input.apply(&before)?;
        store::update_sku(tx, village, &after).await?;
        tx.changes_offers();
        by.log(tx, "sku.change", &code, Some(json!(before)), Some(json!(after))).await?;
        Ok(after.id)
    })?;
    let skus = store::skus(&db, village, Some(product)).await?;
    let sku = skus.into_iter().find(|sku| sku.id == changed);
    Ok(Json(sku.ok_or_else(not_found)?))
}

/// What can't be an id names no product.
fn product_id(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| not_found())
}

fn slug_taken() -> Text {
    text(
        "本村已经有这个短名。",
        "The village has a product of this slug already.",
    )
}
