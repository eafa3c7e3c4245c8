//! SQL of photos. Whoever asks for one says whose it has to be.

use uuid::Uuid;

use super::picture::Made;
use super::{Photo, Size};
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// Whose a photo is.
#[derive(Clone, Copy, Debug)]
pub enum Owner {
    Order(Uuid),
    Product(Uuid),
}

impl Owner {
    fn ids(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Owner::Order(id) => (Some(id), None),
            Owner::Product(id) => (None, Some(id)),
        }
    }
}

macro_rules! columns {
    () => {
        "id, width, height, small_width, small_height"
    };
}

/// Keeps a photo and gives it; the one that is there already when its owner has the same picture.
pub async fn insert(
    tx: &mut Tx,
    village: VillageId,
    id: Uuid,
    owner: Owner,
    made: &Made,
    at: Timestamp,
) -> Result<Photo> {
    let (order, product) = owner.ids();
    on!(tx, ex => sqlx::query(
        "INSERT INTO photo (village_id, id, hash, width, height, large, small_width, small_height, small, order_id,
             product_id, created_at, thumb)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING")
        .bind(village).bind(id).bind(&made.hash).bind(i64::from(made.width)).bind(i64::from(made.height))
        .bind(&made.large).bind(i64::from(made.small_width)).bind(i64::from(made.small_height)).bind(&made.small)
        .bind(order).bind(product).bind(at).bind(&made.thumb).execute(ex).await.map(|_| ()))?;
    Ok(on!(tx, ex => sqlx::query_as(concat!(
        "SELECT ", columns!(), " FROM photo
         WHERE village_id = $1 AND hash = $2 AND (order_id = $3 OR product_id = $4)"))
        .bind(village).bind(&made.hash).bind(order).bind(product).fetch_one(ex).await)?)
}

/// How many photos an order or product has.
pub async fn count(tx: &mut Tx, village: VillageId, owner: Owner) -> Result<i64> {
    let (order, product) = owner.ids();
    Ok(on!(tx, ex => sqlx::query_scalar(
        "SELECT COUNT(*) FROM photo WHERE village_id = $1 AND (order_id = $2 OR product_id = $3)")
        .bind(village).bind(order).bind(product).fetch_one(ex).await)?)
}

/// Gives a photo of an order to a claim; false when the order has no such photo, or a live claim has it. One that was
/// withdrawn or declined gives it up: who corrects a claim sends the same photos again.
pub async fn give_to_claim(
    tx: &mut Tx,
    village: VillageId,
    photo: Uuid,
    (order, claim): (Uuid, Uuid),
    place: i64,
) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE photo SET claim_id = $4, place = $5
         WHERE village_id = $1 AND id = $2 AND order_id = $3 AND (claim_id IS NULL OR claim_id IN (
             SELECT claim.id FROM claim WHERE claim.village_id = $1 AND claim.order_id = $3
               AND (claim.withdrawn_at IS NOT NULL OR claim.decision = 'decline')))")
        .bind(village).bind(photo).bind(order).bind(claim).bind(place).execute(ex).await
        .map(|done| done.rows_affected() == 1))?)
}

/// The pictures of a product, in their order.
pub async fn of_product(db: &Db, village: VillageId, product: Uuid) -> Result<Vec<Photo>> {
    Ok(on!(db, ex => sqlx::query_as(concat!(
        "SELECT ", columns!(), " FROM photo
         WHERE village_id = $1 AND product_id = $2 AND place IS NOT NULL ORDER BY place"))
        .bind(village).bind(product).fetch_all(ex).await)?)
}

/// The same inside a transaction that has locked the product.
pub async fn places(tx: &mut Tx, village: VillageId, product: Uuid) -> Result<Vec<Uuid>> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "SELECT id FROM photo WHERE village_id = $1 AND product_id = $2 AND place IS NOT NULL ORDER BY place")
        .bind(village).bind(product).fetch_all(ex).await)?)
}

/// Puts a product's pictures into this order.
pub async fn arrange(tx: &mut Tx, village: VillageId, product: Uuid, pictures: &[Uuid]) -> Result<()> {
    // no two may have one place, not even in between
    on!(tx, ex => sqlx::query("UPDATE photo SET place = NULL WHERE village_id = $1 AND product_id = $2")
        .bind(village).bind(product).execute(ex).await.map(|_| ()))?;
    for (place, picture) in (1_i64..).zip(pictures) {
        on!(tx, ex => sqlx::query("UPDATE photo SET place = $4 WHERE village_id = $1 AND product_id = $2 AND id = $3")
            .bind(village).bind(product).bind(picture).bind(place).execute(ex).await.map(|_| ()))?;
    }
    Ok(())
}

pub async fn delete_picture(tx: &mut Tx, village: VillageId, product: Uuid, picture: Uuid) -> Result<()> {
    on!(tx, ex => sqlx::query("DELETE FROM photo WHERE village_id = $1 AND product_id = $2 AND id = $3")
        .bind(village).bind(product).bind(picture).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Whose photo is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Of {
    /// one that the order's buyer has sent
    Order(Uuid),
    Claim(Uuid),
    /// a product's, which everybody may see
    AnyProduct,
}

/// The JPEG of a photo.
pub async fn jpeg(db: &Db, village: VillageId, photo: Uuid, of: Of, size: Size) -> Result<Option<Vec<u8>>> {
    let (order, claim, public) = match of {
        Of::Order(id) => (Some(id), None, false),
        Of::Claim(id) => (None, Some(id), false),
        Of::AnyProduct => (None, None, true),
    };
    Ok(on!(db, ex => sqlx::query_scalar(
        "SELECT CASE $6 WHEN 'thumb' THEN thumb WHEN 'small' THEN small ELSE large END FROM photo
         WHERE village_id = $1 AND id = $2
           AND (order_id = $3 OR claim_id = $4 OR ($5 AND product_id IS NOT NULL))")
        .bind(village).bind(photo).bind(order).bind(claim).bind(public).bind(size.as_str())
        .fetch_optional(ex).await)?)
}

/// Removes photos that no claim has taken and that were sent before an instant.
pub async fn clean(tx: &mut Tx, village: VillageId, before: Timestamp) -> Result<u64> {
    Ok(on!(tx, ex => sqlx::query(
        "DELETE FROM photo WHERE village_id = $1 AND order_id IS NOT NULL AND claim_id IS NULL AND created_at < $2")
        .bind(village).bind(before).execute(ex).await.map(|done| done.rows_affected()))?)
}
