//! What buyers do: photos, opening a claim, taking it back.

use serde_json::json;
use uuid::Uuid;

use super::draft::{Checked, allot, unknown_photo};
use super::store::{self, NewRow};
use super::{MAX_CLAIMS, MAX_ORDER_PHOTOS, check_time, due};
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::{Problem, Result, conflict, not_found, text};
use crate::id::{Ids, VillageId};
use crate::orders::Order;
use crate::orders::claims::State;
use crate::orders::store::claims::{self, ClaimRow};
use crate::orders::store::read;
use crate::outbox;
use crate::photos::picture::Made;
use crate::photos::store::{self as photos, Owner};
use crate::photos::{MAX_PHOTOS, Photo};
use axum::http::StatusCode;

/// Whose order, and when.
#[derive(Clone, Copy)]
pub struct Buyer<'a> {
    pub ids: &'a Ids,
    pub village: VillageId,
    pub order: Uuid,
    pub at: Timestamp,
}

/// Whether an order's buyer may send a photo, asked before the work that a photo is; [`keep_photo`] asks again.
///
/// # Errors
/// 409 `not-sent` before anything was sent, `too-many-photos`.
pub async fn may_send_photo(db: &Db, order: &Order) -> Result<()> {
    let mut seen = db.snapshot().await?;
    let kept = photos::count(&mut seen, order.village_id, Owner::Order(order.id)).await?;
    check_photos(order, kept + 1)
}

fn check_photos(order: &Order, photos: i64) -> Result<()> {
    if order.shipped == 0 {
        let detail = text(
            "还没发货，不用传照片。",
            "Nothing was sent yet; no photo is needed.",
        );
        return Err(conflict("not-sent", detail));
    }
    if photos > MAX_ORDER_PHOTOS {
        let detail = text(
            format!("每个订单最多 {MAX_ORDER_PHOTOS} 张照片。"),
            format!("An order takes {MAX_ORDER_PHOTOS} photos at most."),
        );
        return Err(conflict("too-many-photos", detail));
    }
    Ok(())
}

/// Keeps a photo that an order's buyer has sent; one that was sent before is found.
///
/// # Errors
/// 404; those of [`may_send_photo`].
pub async fn keep_photo(tx: &mut Tx, buyer: Buyer<'_>, made: &Made) -> Result<Photo> {
    let Buyer {
        ids,
        village,
        order,
        at,
    } = buyer;
    let locked = read::lock(tx, village, order).await?.ok_or_else(not_found)?;
    let photo = photos::insert(tx, village, ids.uuid(at), Owner::Order(order), made, at).await?;
    check_photos(&locked, photos::count(tx, village, Owner::Order(order)).await?)?;
    Ok(photo)
}

/// Opens a claim, or finds the one that the same request has opened: under the client's key, or else by its content,
/// unless that was withdrawn. The second part says whether it is new.
///
/// # Errors
/// 404; 409 `not-sent`, `claim-too-late`, `too-many-claims`; 422 for what can't be claimed, and `idempotency-mismatch`.
pub async fn open(tx: &mut Tx, buyer: Buyer<'_>, checked: &Checked) -> Result<(Uuid, bool)> {
    let Buyer {
        ids,
        village,
        order,
        at,
    } = buyer;
    let locked = read::lock(tx, village, order).await?.ok_or_else(not_found)?;
    let known = claims::rows(tx, village, order).await?;
    let withdrawn = known.iter().filter(|claim| claim.withdrawn_at.is_some()).count();
    let key = match &checked.key {
        Some(key) => format!("key:{key}"),
        None => format!("body:{}:{withdrawn}", hex::encode(&checked.hash)),
    };
    if let Some(same) = known.iter().find(|claim| claim.idem_key == key) {
        if same.body_hash == checked.hash {
            return Ok((same.id, false));
        }
        let detail = text(
            "这个 Idempotency-Key 已用于另一个申请。",
            "This Idempotency-Key was used for another claim.",
        );
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-mismatch", detail).into());
    }
    let reached = store::reached(tx, village, order).await?;
    check_time(checked.claim.kind, &reached, at)?;
    if known.len() >= MAX_CLAIMS {
        let detail = text(
            "这个订单的售后申请太多了，请直接联系店家。",
            "This order has too many claims; please ask the shop itself.",
        );
        return Err(conflict("too-many-claims", detail));
    }
    let lines = allot(&checked.claim, &store::claimable(tx, village, order).await?)?;
    let new = NewRow {
        id: ids.uuid(at),
        order,
        serial: known.last().map_or(0, |last| last.serial) + 1,
        key: &key,
        due_at: due(at, None, None),
    };
    store::insert(tx, village, &new, checked, &lines, at).await?;
    give_photos(tx, village, (order, new.id), &checked.claim.photos).await?;
    let told = || {
        vec![
            json!({"claim": new.id, "order": locked.number, "kind": checked.claim.kind, "due_at": new.due_at})
                .to_string(),
        ]
    };
    outbox::tell(tx, ids, village, at, "claim.opened", told).await?;
    Ok((new.id, true))
}

async fn give_photos(tx: &mut Tx, village: VillageId, to: (Uuid, Uuid), ids: &[Uuid]) -> Result<()> {
    for ((at, photo), place) in ids.iter().enumerate().take(MAX_PHOTOS).zip(1..) {
        if !photos::give_to_claim(tx, village, *photo, to, place).await? {
            return Err(unknown_photo(at));
        }
    }
    Ok(())
}

/// The claim of a locked order.
///
/// # Errors
/// 404.
pub async fn find(tx: &mut Tx, village: VillageId, order: Uuid, claim: Uuid) -> Result<ClaimRow> {
    let rows = claims::rows(tx, village, order).await?;
    rows.into_iter().find(|row| row.id == claim).ok_or_else(not_found)
}

/// The buyer takes a claim back; again is the same.
///
/// # Errors
/// 404; 409 `claim-decided` once it was answered, or the goods are back.
pub async fn withdraw(tx: &mut Tx, buyer: Buyer<'_>, claim: Uuid) -> Result<()> {
    let Buyer {
        ids,
        village,
        order,
        at,
    } = buyer;
    let locked = read::lock(tx, village, order).await?.ok_or_else(not_found)?;
    let row = find(tx, village, order, claim).await?;
    match row.state() {
        State::Withdrawn => return Ok(()),
        State::Open | State::Returning if row.decision.is_none() => {}
        _ => {
            let detail = text(
                "店家已经处理，不能撤回了。",
                "The village has answered; it can't be withdrawn any more.",
            );
            return Err(conflict("claim-decided", detail));
        }
    }
    store::withdraw(tx, village, claim, at).await?;
    store::hold_cases(tx, village, claim, -1).await?;
    store::touch(tx, village, order, at).await?;
    let told = || vec![json!({"claim": claim, "order": locked.number}).to_string()];
    outbox::tell(tx, ids, village, at, "claim.withdrawn", told).await
}
