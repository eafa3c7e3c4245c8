//! What there is for an edit: the goods it may have, and the stock and quotas that it takes from.

use axum::http::StatusCode;
use uuid::Uuid;

use crate::db::{Db, Tx};
use crate::error::{Error, Problem, Result, text};
use crate::links::store::board as links;
use crate::orders::edit::{self, Good, Shape};
use crate::orders::store::read;
use crate::orders::{Line, Order};
use crate::{freight, stock};

/// What an edit needs that no other transaction changes: the lines of the version that was seen, what the skus are
/// made of, what they weigh, and the freight.
pub struct Known {
    pub lines: Vec<Line>,
    pub goods: Vec<Good>,
    pub rules: Vec<freight::Rule>,
}

/// The supply of an edit, locked.
pub struct Locked {
    pub goods: Vec<Good>,
    /// cases that can still be promised, per stock item
    available: Vec<(Uuid, i64)>,
    /// cases that can still be sold, per sku of the order's link that has a quota
    quota_left: Vec<(Uuid, i64)>,
}

/// What an edit takes from stock and quotas; below zero it gives back.
pub struct Taken {
    pub stock: Vec<(Uuid, i64)>,
    pub skus: Vec<(Uuid, i64)>,
}

impl Known {
    pub async fn read(db: &Db, order: &Order, wanted: impl Iterator<Item = String>) -> Result<Self> {
        let village = order.village_id;
        let lines = read::lines(db, village, &[order.id]).await?;
        let codes: Vec<String> = lines.iter().map(|line| line.sku.clone()).chain(wanted).collect();
        let rows = links::listed(db, village, &codes).await?;
        let skus: Vec<Uuid> = rows.iter().map(|row| row.sku_id).collect();
        let components = links::components(db, village, &skus).await?;
        let parts = |sku: Uuid| {
            let parts: Vec<_> = components
                .iter()
                .filter(|row| row.sku_id == sku)
                .map(|row| (row.component_id, row.quantity))
                .collect();
            if parts.is_empty() { vec![(sku, 1)] } else { parts }
        };
        let good = |row: links::OfferRow| Good {
            parts: parts(row.sku_id),
            sku_id: row.sku_id,
            sku: row.sku,
            title: row.title,
            price: row.active.then_some(row.price_fen),
            grams: row.gross_weight_grams,
        };
        Ok(Known {
            lines,
            goods: rows.into_iter().map(good).collect(),
            rules: freight::store::rules(db, village).await?,
        })
    }

    /// Locks stock, then offers: the order in which everybody does.
    pub async fn lock(&self, tx: &mut Tx, order: &Order) -> Result<Locked> {
        let village = order.village_id;
        let mut items: Vec<Uuid> = self
            .goods
            .iter()
            .flat_map(|good| good.parts.iter().map(|(sku, _)| *sku))
            .collect();
        items.sort_unstable();
        items.dedup();
        let levels = stock::store::lock(tx, village, &items).await?;
        let mut locked = Locked {
            goods: self.goods.clone(),
            available: levels
                .iter()
                .map(|level| (level.sku_id, level.available()))
                .collect(),
            quota_left: Vec::new(),
        };
        if let Some(link) = order.link_id {
            let offers = links::lock_offers(tx, village, &[link]).await?;
            for good in &mut locked.goods {
                let offer = offers.iter().find(|offer| offer.sku_id == good.sku_id);
                good.price = good.price.and(offer.map(|offer| offer.price_fen));
            }
            locked.quota_left = offers
                .iter()
                .filter_map(|offer| Some((offer.sku_id, offer.quota? - offer.sold)))
                .collect();
        }
        Ok(locked)
    }
}

impl Locked {
    /// What the edit takes, when it is there.
    ///
    /// # Errors
    /// 409 `sold-out` naming the first sku that has not enough left.
    pub fn taken(&self, before: &Shape, after: &Shape) -> Result<Taken> {
        let skus = edit::case_deltas(&before.items, &after.items);
        for (sku, cases) in &skus {
            let left = |of: &[(Uuid, i64)], id: Uuid| of.iter().find(|row| row.0 == id).map(|row| row.1);
            if let Some(quota) = left(&self.quota_left, *sku)
                && *cases > quota
            {
                return Err(self.sold_out(*sku, quota));
            }
        }
        let stock = edit::stock_deltas(&skus, &self.goods);
        for (item, cases) in stock.iter().filter(|(_, cases)| *cases > 0) {
            let row = self.available.iter().find(|(id, _)| id == item);
            let left = row.map_or(0, |(_, left)| *left);
            if *cases > left {
                let uses = |sku: Uuid| {
                    self.goods
                        .iter()
                        .any(|good| good.sku_id == sku && good.parts.iter().any(|(part, _)| part == item))
                };
                let sku = skus.iter().find(|(sku, cases)| *cases > 0 && uses(*sku));
                return Err(self.sold_out(sku.map_or(*item, |(sku, _)| *sku), left));
            }
        }
        Ok(Taken { stock, skus })
    }

    fn sold_out(&self, sku: Uuid, left: i64) -> Error {
        let code = self.goods.iter().find(|good| good.sku_id == sku);
        let left = left.max(0);
        let detail = text(
            format!("库存不够，还能加 {left} 箱。"),
            format!("There is not enough left: {left} cases can be added."),
        );
        Problem::new(StatusCode::CONFLICT, "sold-out", detail)
            .with("sku", code.map(|good| good.sku.clone()).unwrap_or_default())
            .with("available", left)
            .into()
    }
}
