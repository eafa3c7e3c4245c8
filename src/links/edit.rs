//! What staff do with links: make, change, copy. Each act runs in its caller's transaction and is written into the
//! operation log there.

use std::collections::HashMap;

use anyhow::anyhow;
use serde_json::{Value, json};
use uuid::Uuid;

use super::store::{self, LinkRow, Made, OfferRow, OfferWrite};
use super::{LinkChange, NewLink, NewOffer, Sellable, Sold, may_replace, refusal};
use crate::catalog::{LabelField, missing_label_fields};
use crate::clock::Timestamp;
use crate::db::Tx;
use crate::error::{Result, invalid_fields, not_found};
use crate::villages::auth::By;
use crate::villages::{Role, Staff};

/// How many codes are tried; two of 35 random bits hardly ever meet.
const CODE_TRIES: usize = 8;

/// Hosts see and change the links they made; everybody else those of the whole village.
pub fn owner(staff: &Staff) -> Option<Uuid> {
    (staff.role == Role::Host).then_some(staff.id)
}

/// Makes a link of settings that are [`NewLink::checked`], and gives its code.
///
/// # Errors
/// 422 for offers whose sku doesn't exist or can't be sold.
pub async fn create(tx: &mut Tx, by: &By, new: &NewLink) -> Result<String> {
    let (code, after) = insert(tx, by, new).await?;
    by.log(tx, "link.create", &code, None, Some(after)).await?;
    Ok(code)
}

/// Makes a link with the settings of another one and gives its code; it is open, and nothing is sold on it.
///
/// # Errors
/// 404 for a link that isn't there for this member of staff; 422 for offers that can't be sold any more.
pub async fn copy(tx: &mut Tx, by: &By, code: &str) -> Result<String> {
    let (row, offers) = lock(tx, by, code).await?;
    let (copy, after) = insert(tx, by, &settings(&row, &offers)).await?;
    let from = json!({"copy_of": row.code});
    by.log(tx, "link.clone", &copy, Some(from), Some(after)).await?;
    Ok(copy)
}

/// Changes a link.
///
/// # Errors
/// 404 for a link that isn't there for this member of staff; 422 for wrong fields; 409 when an offer would lose what
/// was sold on it.
pub async fn change(tx: &mut Tx, by: &By, code: &str, change: &LinkChange) -> Result<()> {
    let village = by.staff.village;
    let (row, offers) = lock(tx, by, code).await?;
    let before = settings(&row, &offers);
    let mut after = change.clone().applied_to(before.clone())?;
    if change.offers.is_some() {
        let sold: Vec<_> = offers.iter().map(Sold::from).collect();
        may_replace(&sold, &after.offers)?;
        let offered = resolve(tx, by, &after.offers, &sold).await?;
        store::write_offers(tx, village, row.id, &offered).await?;
    }
    let closed_at = match change.closed {
        Some(true) => row.closed_at.or(Some(by.at)),
        Some(false) => None,
        None => row.closed_at,
    };
    after.host = after.host.filter(|host| !host.is_empty());
    store::update(tx, village, row.id, &after, closed_at).await?;
    tx.changes_offers();
    let act = match (row.closed_at, closed_at) {
        (None, Some(_)) => "link.close",
        (Some(_), None) => "link.reopen",
        _ => "link.change",
    };
    let before = record(&before, row.closed_at)?;
    by.log(tx, act, &row.code, Some(before), Some(record(&after, closed_at)?))
        .await
}

async fn lock(tx: &mut Tx, by: &By, code: &str) -> Result<(LinkRow, Vec<OfferRow>)> {
    let (village, owner) = (by.staff.village, owner(&by.staff));
    let row = store::lock(tx, village, owner, code)
        .await?
        .ok_or_else(not_found)?;
    let offers = store::lock_offers(tx, village, row.id).await?;
    Ok((row, offers))
}

/// Writes the rows of a new link; gives its code and what the log keeps of it.
async fn insert(tx: &mut Tx, by: &By, new: &NewLink) -> Result<(String, Value)> {
    let village = by.staff.village;
    let offers = resolve(tx, by, &new.offers, &[]).await?;
    let mut new = new.clone();
    if by.staff.role != Role::Host {
        new.host = new.host.or_else(|| Some(String::new()));
    }
    let id = by.new_id();
    for _ in 0..CODE_TRIES {
        let code = by.ids.link_code(village);
        let made = Made {
            id,
            code: &code,
            by: by.staff.id,
            at: by.at,
        };
        if let Some(host) = store::insert(tx, village, &made, &new).await? {
            store::write_offers(tx, village, id, &offers).await?;
            tx.changes_offers();
            new.host = Some(host).filter(|host| !host.is_empty());
            return Ok((code, record(&new, None)?));
        }
    }
    Err(anyhow!("no free link code in {CODE_TRIES} tries").into())
}

/// The offers as they are written. A sku that is `on_link` already may stay there, even if nobody could add it now.
async fn resolve(tx: &mut Tx, by: &By, wanted: &[NewOffer], on_link: &[Sold]) -> Result<Vec<OfferWrite>> {
    let codes: Vec<_> = wanted.iter().map(|offer| offer.sku.as_str()).collect();
    let found = store::skus(tx, by.staff.village, &codes).await?;
    let found: HashMap<_, _> = found.iter().map(|sku| (sku.code.as_str(), sku)).collect();
    let mut offers = Vec::new();
    let mut errors = Vec::new();
    for (index, offer) in wanted.iter().enumerate() {
        let sku = found.get(offer.sku.as_str());
        let stays = on_link.iter().any(|old| old.sku == offer.sku);
        let sellable = sku.map(|sku| Sellable {
            active: sku.active,
            missing: missing_label_fields(sku.legal_kind, &sku.label)
                .iter()
                .map(field_name)
                .collect(),
        });
        if let Some(error) = refusal(index, &offer.sku, sellable.as_ref()).filter(|_| !stays) {
            errors.push(error);
        } else if let Some(sku) = sku {
            offers.push(OfferWrite {
                sku_id: sku.id,
                position: index,
                price_fen: offer.price_fen,
                quota: offer.quota,
                limit_per_order: offer.limit_per_order,
            });
        }
    }
    if errors.is_empty() {
        Ok(offers)
    } else {
        Err(invalid_fields(errors))
    }
}

/// A label field as JSON calls it.
fn field_name(field: &LabelField) -> String {
    let name = serde_json::to_value(field).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}

fn settings(row: &LinkRow, offers: &[OfferRow]) -> NewLink {
    NewLink {
        title: row.title.clone(),
        channel: row.channel,
        host: Some(row.host.clone()).filter(|host| !host.is_empty()),
        opens_at: row.opens_at,
        closes_at: row.closes_at,
        offers: offers
            .iter()
            .map(|offer| NewOffer {
                sku: offer.sku.clone(),
                price_fen: offer.price_fen,
                quota: offer.quota,
                limit_per_order: offer.limit_per_order,
            })
            .collect(),
    }
}

/// What the operation log keeps.
fn record(settings: &NewLink, closed_at: Option<Timestamp>) -> Result<Value> {
    let mut record = serde_json::to_value(settings).map_err(anyhow::Error::from)?;
    record["closed_at"] = json!(closed_at);
    Ok(record)
}

impl From<&OfferRow> for Sold {
    fn from(offer: &OfferRow) -> Self {
        Sold {
            sku: offer.sku.clone(),
            sold: offer.sold,
        }
    }
}
