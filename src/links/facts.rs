//! What of a link changes only by staff's hand, and what of it is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Status, status};
use crate::calendar::Calendar;
use crate::clock::Timestamp;
use crate::freight;
use crate::id::VillageId;
use crate::money::Fen;
use crate::stock::Level;

/// A sku on a link, with what placing an order needs to know of it.
#[derive(Clone, Debug)]
pub struct Offer {
    pub sku_id: Uuid,
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub price: Fen,
    pub limit_per_order: i64,
    pub grams: i64,
    pub(super) quota: Option<i64>,
    /// the stock items of one case: the sku itself, or what a gift box is made of
    pub parts: Vec<(Uuid, i64)>,
    /// the day on which cases that are sold ahead of their lot are in
    pub ready_on: Option<NaiveDate>,
    /// the first picture of the product
    pub picture: Option<Picture>,
}

/// A product's picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// its address
    pub path: String,
    /// of the small size
    pub width: i64,
    pub height: i64,
}

/// What of a link changes only by staff's hand.
#[derive(Debug)]
pub struct Facts {
    pub village: VillageId,
    pub village_name: String,
    pub town: String,
    pub link_id: Option<Uuid>,
    pub code: String,
    pub title: String,
    pub channel: String,
    pub host: String,
    pub opens_at: Option<Timestamp>,
    pub closes_at: Option<Timestamp>,
    pub(super) closed_at: Option<Timestamp>,
    /// the member of staff who made the link
    pub created_by: Option<Uuid>,
    pub offers: Vec<Offer>,
    pub freight: Vec<freight::Rule>,
    /// by which the village promises, when it does
    pub calendar: Option<Arc<Calendar>>,
    pub(super) views: Arc<AtomicU64>,
}

impl Facts {
    pub fn status(&self, now: Timestamp) -> Status {
        status(self.opens_at, self.closes_at, self.closed_at, now)
    }

    /// Counts one view of the link's page.
    pub fn count_view(&self) {
        self.views.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Facts {
    /// Two products on a livestream's link that opened and will close.
    pub fn sample() -> Self {
        let offer = |sku: &str, title: &str, price| Offer {
            sku_id: Uuid::nil(),
            sku: sku.into(),
            title: title.into(),
            spec: "2.5kg/箱".into(),
            price: Fen(price),
            limit_per_order: 5,
            grams: 2_900,
            quota: None,
            parts: vec![(Uuid::nil(), 1)],
            ready_on: None,
            picture: None,
        };
        Facts {
            village: VillageId(1),
            village_name: "张村".into(),
            town: "石佛寺镇".into(),
            link_id: Some(Uuid::nil()),
            code: "1abcdefg".into(),
            title: "张村年货".into(),
            channel: "livestream".into(),
            host: "春梅".into(),
            opens_at: Timestamp::parse("2024-01-20T12:00:00Z"),
            closes_at: Timestamp::parse("2024-01-28T12:00:00Z"),
            closed_at: None,
            created_by: None,
            views: Arc::default(),
            offers: vec![offer("FT05", "纯红薯粉条", 6_800), offer("MS10", "蜜薯", 4_990)],
            freight: Vec::new(),
            calendar: None,
        }
    }
}

/// Cases of each offer that can still be had: what its stock items allow, and what is left of its quota. And those of
/// them that lie in the store room.
pub(super) fn left(facts: &Facts, levels: &[Level], sold: &[(Uuid, i64)]) -> (Vec<i64>, Vec<i64>) {
    let of_stock = |offer: &Offer, counted: fn(&Level) -> i64| {
        offer
            .parts
            .iter()
            .map(|(sku, count)| {
                levels
                    .iter()
                    .find(|level| level.sku_id == *sku)
                    .map_or(0, |level| counted(level) / count)
            })
            .min()
            .unwrap_or(0)
    };
    let of_quota = |offer: &Offer| {
        let sold = sold
            .iter()
            .find(|(sku, _)| *sku == offer.sku_id)
            .map_or(0, |(_, sold)| *sold);
        offer.quota.map_or(i64::MAX, |quota| quota - sold)
    };
    let of = |offer: &Offer, counted| of_stock(offer, counted).min(of_quota(offer)).max(0);
    let offers = facts.offers.iter();
    offers
        .map(|offer| (of(offer, Level::available), of(offer, Level::at_hand)))
        .unzip()
}
