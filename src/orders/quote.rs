//! What an order would cost, before it is placed.

use serde::Serialize;
use utoipa::ToSchema;

use super::draft::Item;
use super::place::unknown_sku;
use crate::error::{Result, invalid, text};
use crate::freight;
use crate::links::board::Facts;
use crate::money::Fen;

#[derive(Serialize, ToSchema)]
pub struct Quote {
    pub goods_fen: Fen,
    /// null: we do not send there
    pub freight_fen: Option<Fen>,
    pub total_fen: Option<Fen>,
}

/// The price of these items of a link, sent to a province (the first two digits of its code).
///
/// # Errors
/// 422 for a sku that isn't on the link, a quantity that can't be, and a sum that is too large.
pub fn quote(facts: &Facts, items: &[Item], province: &str) -> Result<Quote> {
    let (mut goods, mut grams) = (Fen::ZERO, 0i64);
    for (index, item) in items.iter().take(50).enumerate() {
        let offer = facts
            .offers
            .iter()
            .find(|offer| offer.sku == item.sku)
            .ok_or_else(|| unknown_sku(index))?;
        if !(1..=999).contains(&item.quantity) {
            return Err(invalid(
                format!("items[{index}].quantity"),
                text("数量至少是 1。", "The quantity is at least 1."),
            ));
        }
        let sum = offer
            .price
            .checked_times(item.quantity)
            .and_then(|more| goods.checked_add(more));
        goods = sum
            .filter(|sum| sum.is_sane())
            .ok_or_else(|| invalid("items", text("太多了。", "That is too much.")))?;
        grams += offer.grams * item.quantity;
    }
    let freight = freight::quote(&facts.freight, province, grams, goods).ok();
    Ok(Quote {
        goods_fen: goods,
        freight_fen: freight,
        total_fen: freight.and_then(|freight| goods.checked_add(freight)),
    })
}
