//! What an order would cost, before it is placed.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::draft::Item;
use super::place::unknown_sku;
use crate::calendar::promise::Dates;
use crate::error::{Result, invalid, text};
use crate::freight;
use crate::links::board::Snapshot;
use crate::money::Fen;

#[derive(Serialize, ToSchema)]
pub struct Quote {
    pub goods_fen: Fen,
    /// null: we do not send there
    pub freight_fen: Option<Fen>,
    pub total_fen: Option<Fen>,
    /// when it would leave and arrive; null like that of an order
    pub promise: Option<Dates>,
    /// until when to order for an arrival before Spring Festival, when that is within 60 days
    pub last_order_day: Option<NaiveDate>,
    /// the day of that festival
    pub festival: Option<NaiveDate>,
}

/// The price of these items of a link, sent to a province (the first two digits of its code).
///
/// # Errors
/// 422 for a sku that isn't on the link, a quantity that can't be, and a sum that is too large.
pub fn quote(snapshot: &Snapshot, items: &[Item], province: &str) -> Result<Quote> {
    let facts = &snapshot.facts;
    let (mut goods, mut grams, mut cases, mut ready_on) = (Fen::ZERO, 0i64, 0i64, None);
    for (index, item) in items.iter().take(50).enumerate() {
        let at = facts
            .offers
            .iter()
            .position(|offer| offer.sku == item.sku)
            .ok_or_else(|| unknown_sku(index))?;
        let offer = &facts.offers[at];
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
        cases += item.quantity;
        ready_on = ready_on.max(snapshot.ready_on(at, item.quantity));
    }
    let freight = freight::quote(&facts.freight, province, grams, goods).ok();
    let outlook = snapshot.outlook.as_ref().filter(|_| freight.is_some());
    let last = outlook.and_then(|outlook| outlook.last_order(province));
    Ok(Quote {
        promise: outlook.and_then(|outlook| outlook.cases(province, cases, ready_on)),
        last_order_day: last.and_then(|last| last.day),
        festival: last.map(|last| last.feast),
        goods_fen: goods,
        freight_fen: freight,
        total_fen: freight.and_then(|freight| goods.checked_add(freight)),
    })
}
