//! Pictures of products: staff hand them in and put them into an order, everybody sees them. A picture's public name
//! leads to its village like an order's does; what it shows never changes.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store;
use crate::db::{Db, Tx};
use crate::error::{Result, conflict, invalid, not_found, text};
use crate::id::{VillageId, order_token, parse_order_token};
use crate::photos::store::{self as photos, Of, Owner};
use crate::photos::{self as kept, Darkroom, Keep, MAX_PHOTOS, Photo, SizeQuery};
use crate::transact;
use crate::villages::auth::By;
use crate::web::json::{Json, Query};
use crate::web::listing::Page;

/// The largest file that is taken, in bytes.
pub const MAX_FILE: usize = kept::picture::MAX_BYTES;

/// A picture of a product.
#[derive(Serialize, ToSchema)]
pub struct Picture {
    #[serde(flatten)]
    pub photo: Photo,
    /// where everybody sees it; `?size=small` and `?size=thumb` are lighter
    pub path: String,
}

/// The address of a picture.
pub fn path(village: VillageId, id: Uuid) -> String {
    format!("/pictures/{}", order_token(village, id))
}

/// A product's pictures, the first one first.
///
/// # Errors
/// 404 when there is no such product.
pub async fn of(db: &Db, village: VillageId, id: &str) -> Result<Vec<Picture>> {
    let product = kept::parse_id(id)?;
    store::product(db, village, product)
        .await?
        .ok_or_else(not_found)?;
    let photos = photos::of_product(db, village, product).await?;
    let picture = |photo: Photo| Picture {
        path: path(village, photo.id),
        photo,
    };
    Ok(photos.into_iter().map(picture).collect())
}

pub async fn list(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Json<Page<Picture>>> {
    let pictures = of(&db, by.staff.village, &id).await?;
    Ok(Json(Page::whole(pictures)))
}

/// Adds a picture behind the others; one that is there already stays where it is.
pub async fn add(
    State(db): State<Db>,
    State(darkroom): State<Darkroom>,
    by: By,
    Path(id): Path<String>,
    file: Bytes,
) -> Result<(StatusCode, Json<Page<Picture>>)> {
    let (village, product) = (by.staff.village, kept::parse_id(&id)?);
    store::product(&db, village, product)
        .await?
        .ok_or_else(not_found)?;
    let made = darkroom.develop(file).await?;
    transact!(db, tx => {
        let slug = lock(tx, village, product).await?;
        let mut places = photos::places(tx, village, product).await?;
        let photo = photos::insert(tx, village, by.new_id(), Owner::Product(product), &made, by.at).await?;
        if !places.contains(&photo.id) {
            if places.len() >= MAX_PHOTOS {
                let detail = text("每个商品最多 6 张图片，请先删一张。", "A product has 6 pictures at most; remove one first.");
                return Err(conflict("too-many-pictures", detail));
            }
            places.push(photo.id);
            arrange(tx, &by, (product, &slug), &places, "picture.add").await?;
        }
        Ok(())
    })?;
    let pictures = of(&db, village, &id).await?;
    Ok((StatusCode::CREATED, Json(Page::whole(pictures))))
}

async fn lock(tx: &mut Tx, village: VillageId, product: Uuid) -> Result<String> {
    let product = store::lock_product(tx, village, product).await?;
    Ok(product.ok_or_else(not_found)?.slug)
}

async fn arrange(
    tx: &mut Tx,
    by: &By,
    (product, slug): (Uuid, &str),
    pictures: &[Uuid],
    act: &str,
) -> Result<()> {
    photos::arrange(tx, by.staff.village, product, pictures).await?;
    tx.changes_offers();
    by.log(tx, act, slug, None, Some(json!({"pictures": pictures})))
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrangement {
    /// every picture of the product, the first one first
    #[schema(value_type = Vec<String>)]
    pub pictures: Vec<Uuid>,
}

/// Puts a product's pictures into an order.
pub async fn put(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<Arrangement>,
) -> Result<Json<Page<Picture>>> {
    let (village, product) = (by.staff.village, kept::parse_id(&id)?);
    transact!(db, tx => {
        let slug = lock(tx, village, product).await?;
        let sorted = |mut ids: Vec<Uuid>| {
            ids.sort();
            ids
        };
        let known = photos::places(tx, village, product).await?;
        if sorted(known) != sorted(input.pictures.clone()) {
            let message = text("要写全这个商品的每张图片，各一次。", "Takes every picture of the product, once each.");
            return Err(invalid("pictures", message));
        }
        arrange(tx, &by, (product, &slug), &input.pictures, "picture.arrange").await
    })?;
    list(State(db), by, Path(id)).await
}

/// Removes a picture; again is the same.
pub async fn remove(
    State(db): State<Db>,
    by: By,
    Path((id, picture)): Path<(String, String)>,
) -> Result<Json<Page<Picture>>> {
    let (village, product) = (by.staff.village, kept::parse_id(&id)?);
    let picture = kept::parse_id(&picture)?;
    transact!(db, tx => {
        let slug = lock(tx, village, product).await?;
        let mut places = photos::places(tx, village, product).await?;
        if places.contains(&picture) {
            places.retain(|id| *id != picture);
            photos::delete_picture(tx, village, product, picture).await?;
            arrange(tx, &by, (product, &slug), &places, "picture.remove").await?;
        }
        Ok(())
    })?;
    list(State(db), by, Path(id)).await
}

/// A picture, for everybody.
pub async fn show(
    State(db): State<Db>,
    Path(token): Path<String>,
    Query(query): Query<SizeQuery>,
) -> Result<Response> {
    let (village, id) = parse_order_token(&token).ok_or_else(not_found)?;
    let file = photos::jpeg(&db, village, id, Of::AnyProduct, query.size).await?;
    kept::answer(file, Keep::Everybody)
}
