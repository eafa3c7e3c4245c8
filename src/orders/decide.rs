//! The decision on a batch of orders, in memory: who gets what is there, in the order in which they came. Pure; the
//! intake reads the supply before it and writes what it decided after it, in one transaction.

use std::collections::HashMap;

use axum::http::StatusCode;
use chrono::NaiveDate;
use uuid::Uuid;

use super::Hold;
use super::draft::Draft;
use crate::calendar::promise::{Promise, Rooms};
use crate::clock::Timestamp;
use crate::error::{Error, Problem, conflict, invalid, text};
use crate::freight;
use crate::links::store::board::LockedOffer;
use crate::links::{Status, status};
use crate::money::{Fen, Method};
use crate::stock::Level;

/// What can be had, as the transaction sees it; shrinks as orders are accepted.
pub struct Supply {
    pub levels: HashMap<Uuid, Level>,
    pub offers: HashMap<(Uuid, Uuid), LockedOffer>,
    /// cases newly promised per stock item
    pub reserved: HashMap<Uuid, i64>,
    /// cases newly sold per (link, sku)
    pub sold: HashMap<(Uuid, Uuid), i64>,
    /// the days to come, in a village that keeps a calendar
    pub rooms: Option<Rooms>,
}

/// One accepted order line.
#[derive(Debug, PartialEq, Eq)]
pub struct AcceptedLine {
    /// index into the link's offers
    pub offer: usize,
    pub cases: i64,
    pub price: Fen,
    pub goods: Fen,
}

/// An accepted order: its lines with their prices, and what it costs.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    pub lines: Vec<AcceptedLine>,
    pub goods: Fen,
    pub freight: Fen,
    pub total: Fen,
    pub cases: i64,
    pub hold: Hold,
    pub promise: Option<Promise>,
}

impl Accepted {
    /// When the order's hold ends, if it has one.
    pub fn hold_end(&self, ends: Timestamp) -> Option<Timestamp> {
        (self.hold == Hold::Active).then_some(ends)
    }
}

impl Supply {
    pub fn new(levels: Vec<Level>, offers: Vec<LockedOffer>, rooms: Option<Rooms>) -> Self {
        Supply {
            levels: levels.into_iter().map(|level| (level.sku_id, level)).collect(),
            offers: offers
                .into_iter()
                .map(|offer| ((offer.link_id, offer.sku_id), offer))
                .collect(),
            reserved: HashMap::new(),
            sold: HashMap::new(),
            rooms,
        }
    }

    /// Accepts an order and takes its cases, or refuses it and takes nothing.
    ///
    /// # Errors
    /// The buyer's answer: 409 `link-closed` or `sold-out`, 422 for what the link does not offer.
    pub fn decide(&mut self, draft: &Draft, now: Timestamp) -> Result<Accepted, Error> {
        let mut lines = Vec::with_capacity(draft.items.len());
        for (index, (offer, cases)) in draft.items.iter().enumerate() {
            let price = self.price(draft, index, *offer, *cases, now)?;
            let goods = price
                .checked_times(*cases)
                .filter(|sum| sum.is_sane())
                .ok_or_else(too_dear)?;
            lines.push(AcceptedLine {
                offer: *offer,
                cases: *cases,
                price,
                goods,
            });
        }
        self.check_stock(draft)?;
        let goods = lines
            .iter()
            .try_fold(Fen::ZERO, |sum, line| sum.checked_add(line.goods))
            .ok_or_else(too_dear)?;
        let grams = draft
            .items
            .iter()
            .map(|(offer, cases)| draft.facts.offers[*offer].grams * cases)
            .sum();
        let province = draft.to.region_code.get(..2).unwrap_or_default();
        let freight =
            freight::quote(&draft.facts.freight, province, grams, goods).map_err(|_| not_served(draft))?;
        let total = goods
            .checked_add(freight)
            .filter(|sum| sum.is_sane())
            .ok_or_else(too_dear)?;
        self.take(draft);
        let cases = lines.iter().map(|line| line.cases).sum();
        let ready_on = self.rooms.is_some().then(|| self.ready_on(draft)).flatten();
        let rooms = self.rooms.as_mut();
        let promise = rooms.and_then(|rooms| rooms.take(province, cases, ready_on));
        let sold_at_once = draft.method == Method::Cod || total == Fen::ZERO;
        Ok(Accepted {
            cases,
            lines,
            goods,
            freight,
            total,
            hold: if sold_at_once {
                Hold::Consumed
            } else {
                Hold::Active
            },
            promise,
        })
    }

    /// The day on which all cases of a draft, which have just been taken, are in the store room; `None` when they are.
    fn ready_on(&self, draft: &Draft) -> Option<NaiveDate> {
        let is_ahead = |sku: &Uuid| {
            let level = self.levels.get(sku);
            level.is_some_and(|level| level.reserved > level.on_hand)
        };
        let offers = draft.items.iter().map(|(offer, _)| &draft.facts.offers[*offer]);
        offers
            .filter(|offer| offer.parts.iter().any(|(sku, _)| is_ahead(sku)))
            .filter_map(|offer| offer.ready_on)
            .max()
    }

    /// The price of one line, after its offer was found open, within its limit and its quota.
    fn price(
        &self,
        draft: &Draft,
        index: usize,
        offer: usize,
        cases: i64,
        now: Timestamp,
    ) -> Result<Fen, Error> {
        let known = &draft.facts.offers[offer];
        let field = format!("items[{index}]");
        let Some(link) = draft.facts.link_id else {
            return Ok(known.price);
        };
        let Some(offer) = self.offers.get(&(link, known.sku_id)) else {
            let message = text("这个链接上没有这件商品。", "This link does not offer that.");
            return Err(invalid(format!("{field}.sku"), message));
        };
        match status(offer.opens_at, offer.closes_at, offer.closed_at, now) {
            Status::Open => {}
            Status::NotYet => {
                return Err(link_closed(text(
                    "还没有开始，请稍后再来。",
                    "It has not opened yet.",
                )));
            }
            Status::Closed => return Err(link_closed(text("已经结束了。", "It has closed."))),
        }
        if cases > offer.limit_per_order {
            let limit = offer.limit_per_order;
            let message = text(
                format!("每单最多 {limit} 箱。"),
                format!("At most {limit} cases per order."),
            );
            return Err(invalid(format!("{field}.quantity"), message));
        }
        if offer.quota.is_some_and(|quota| offer.sold + cases > quota) {
            return Err(sold_out(&known.sku, self.available(draft, known.sku_id)));
        }
        Ok(offer.price_fen)
    }

    /// Refuses the first line whose stock items don't suffice, counting all lines of the order together.
    fn check_stock(&self, draft: &Draft) -> Result<(), Error> {
        let mut needed: Vec<(Uuid, i64)> = Vec::with_capacity(draft.items.len());
        for (offer, cases) in &draft.items {
            let offer = &draft.facts.offers[*offer];
            for (sku, count) in &offer.parts {
                let more = cases * count;
                let sum = match needed.iter_mut().find(|(known, _)| known == sku) {
                    Some((_, sum)) => {
                        *sum += more;
                        *sum
                    }
                    None => {
                        needed.push((*sku, more));
                        more
                    }
                };
                if self.levels.get(sku).is_none_or(|level| level.available() < sum) {
                    return Err(sold_out(&offer.sku, self.available(draft, offer.sku_id)));
                }
            }
        }
        Ok(())
    }

    /// Cases of one of the draft's offers that are left.
    fn available(&self, draft: &Draft, sku: Uuid) -> i64 {
        let Some(offer) = draft.facts.offers.iter().find(|offer| offer.sku_id == sku) else {
            return 0;
        };
        let in_stock =
            |(part, count): &(Uuid, i64)| self.levels.get(part).map_or(0, |level| level.available() / count);
        let of_stock = offer.parts.iter().map(in_stock).min().unwrap_or(0);
        let of_quota = draft
            .facts
            .link_id
            .and_then(|link| self.offers.get(&(link, sku)))
            .and_then(|offer| offer.quota.map(|quota| quota - offer.sold))
            .unwrap_or(i64::MAX);
        of_stock.min(of_quota).max(0)
    }

    fn take(&mut self, draft: &Draft) {
        for (offer, cases) in &draft.items {
            let offer = &draft.facts.offers[*offer];
            for (sku, count) in &offer.parts {
                if let Some(level) = self.levels.get_mut(sku) {
                    level.reserved += cases * count;
                    *self.reserved.entry(*sku).or_default() += cases * count;
                }
            }
            if let Some(link) = draft.facts.link_id
                && let Some(row) = self.offers.get_mut(&(link, offer.sku_id))
            {
                row.sold += cases;
                *self.sold.entry((link, offer.sku_id)).or_default() += cases;
            }
        }
    }
}

fn link_closed(detail: crate::error::Text) -> Error {
    conflict("link-closed", detail)
}

fn sold_out(sku: &str, available: i64) -> Error {
    let detail = match available {
        0 => text("这件商品卖完了。", "This is sold out."),
        left => text(
            format!("只剩 {left} 箱了。"),
            format!("Only {left} cases are left."),
        ),
    };
    Problem::new(StatusCode::CONFLICT, "sold-out", detail)
        .with("sku", sku)
        .with("available", available)
        .into()
}

fn too_dear() -> Error {
    invalid(
        "items",
        text(
            "这一单太大了，请联系店家。",
            "This order is too large; please contact the shop.",
        ),
    )
}

fn not_served(draft: &Draft) -> Error {
    let province = &draft.to.province;
    invalid(
        "recipient.province",
        text(
            format!("暂时不能发往{province}。"),
            format!("We do not send to {province} at present."),
        ),
    )
}
