//! The board: what buyers see of a link, kept in memory so that a read costs no query.
//!
//! A snapshot is good while nothing changed the supply in this process ([`Db::supply_epoch`]), no hold ended, the link's
//! window did not open or close, and it is younger than [`MAX_AGE`] (other processes change the supply too). The intake
//! writes the counters it has just committed straight into the snapshot; everything else makes the next reader load it
//! anew, one reader at a time.
//!
//! Whoever places an order needs only the [`Facts`], which staff change ([`Db::offers_epoch`]) and buyers don't: so a
//! burst of orders, each of which changes the supply, never waits for the next snapshot.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use chrono::NaiveDate;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Status;
use super::facts::left;
pub use super::facts::{Facts, Offer};
use super::outlook::Outlook;
use super::store::board as store;
use super::views::Views;
use crate::calendar;
use crate::calendar::promise::{Dates, Rooms};
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::error::{Result, not_found};
use crate::freight;
use crate::id::{VillageId, parse_link_code};
use crate::money::{Fen, Method};
use crate::stock::Level;

/// How old a snapshot may get when another process could have changed what it shows.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Links kept in memory at once.
const MAX_CELLS: usize = 10_000;

pub struct Snapshot {
    pub facts: Arc<Facts>,
    /// cases still to be had, in the order of `facts.offers`
    pub available: Vec<i64>,
    /// of these, cases that lie in the store room
    at_hand: Vec<i64>,
    /// when they would arrive, in a village that keeps a calendar
    pub outlook: Option<Outlook>,
    /// the answer of `GET /api/v1/links/{code}`
    pub body: Bytes,
    /// of the counters
    supply_epoch: u64,
    /// of the facts
    offers_epoch: u64,
    loaded: Instant,
    valid_until: Option<Timestamp>,
}

impl Snapshot {
    /// The day on which so many cases of an offer are in the store room; `None` when they are.
    pub fn ready_on(&self, offer: usize, cases: i64) -> Option<NaiveDate> {
        let at_hand = self.at_hand.get(offer).copied().unwrap_or(0);
        let known = self.facts.offers.get(offer)?;
        known.ready_on.filter(|_| cases > at_hand)
    }

    fn is_good(&self, db: &Db, now: Timestamp) -> bool {
        self.supply_epoch == db.supply_epoch()
            && self.valid_until.is_none_or(|until| now < until)
            && self.loaded.elapsed() < MAX_AGE
    }
}

#[derive(Default)]
struct Cell {
    snapshot: ArcSwapOption<Snapshot>,
    loading: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
pub struct Board {
    db: Db,
    clock: Clock,
    methods: Arc<[Method]>,
    views: Views,
    cells: Arc<RwLock<HashMap<String, Arc<Cell>>>>,
}

#[derive(Serialize, ToSchema)]
pub struct LinkView<'a> {
    code: &'a str,
    title: &'a str,
    channel: &'a str,
    village: &'a str,
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    status: Status,
    offers: Vec<OfferView<'a>>,
    payment_methods: &'a [Method],
}

#[derive(Serialize, ToSchema)]
pub struct OfferView<'a> {
    sku: &'a str,
    title: &'a str,
    spec: &'a str,
    price_fen: Fen,
    /// cases that can still be ordered
    available: i64,
    limit_per_order: i64,
    /// when one case leaves and arrives at the latest: in the province that was asked for, or in the one that is reached
    /// last. Null when the village keeps no calendar, and when there is no room within 60 days
    promise: Option<Dates>,
}

impl Board {
    pub fn new(db: Db, clock: Clock, methods: &[Method], views: Views) -> Self {
        Board {
            db,
            clock,
            methods: methods.into(),
            views,
            cells: Arc::default(),
        }
    }

    /// The present state of a link.
    ///
    /// # Errors
    /// 404 when there is no such link.
    pub async fn read(&self, code: &str) -> Result<Arc<Snapshot>> {
        if let Some(cell) = self.cell(code)
            && let Some(snapshot) = cell.snapshot.load_full()
            && snapshot.is_good(&self.db, self.clock.now())
        {
            return Ok(snapshot);
        }
        self.load(code).await
    }

    /// What of a link changes only by staff's hand: of the present snapshot, even when its counters are out of date or
    /// somebody is just loading the next one.
    ///
    /// # Errors
    /// 404 when there is no such link.
    pub async fn facts(&self, code: &str) -> Result<Arc<Facts>> {
        if let Some(cell) = self.cell(code)
            && let Some(snapshot) = cell.snapshot.load_full()
            && snapshot.offers_epoch == self.db.offers_epoch()
            && (snapshot.loaded.elapsed() < MAX_AGE || cell.loading.try_lock().is_err())
        {
            return Ok(Arc::clone(&snapshot.facts));
        }
        Ok(Arc::clone(&self.load(code).await?.facts))
    }

    /// What staff can sell of these skus without a link, at list prices. What only a page shows is left empty.
    pub async fn counter(&self, village: VillageId, skus: &[String], host: &str) -> Result<Facts> {
        let rows = store::listed(&self.db, village, skus).await?;
        let rooms = calendar::store::kept(&self.db, village, self.clock.now()).await?;
        Ok(Facts {
            village,
            village_name: String::new(),
            town: String::new(),
            link_id: None,
            code: String::new(),
            title: String::new(),
            channel: "counter".to_owned(),
            host: host.to_owned(),
            opens_at: None,
            closes_at: None,
            closed_at: None,
            created_by: None,
            offers: self.with_parts(village, rows).await?,
            calendar: rooms.map(|rooms| Arc::clone(rooms.calendar())),
            views: Arc::default(),
            freight: freight::store::rules(&self.db, village).await?,
        })
    }

    fn cell(&self, code: &str) -> Option<Arc<Cell>> {
        self.cells
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(code)
            .cloned()
    }

    async fn load(&self, typed: &str) -> Result<Arc<Snapshot>> {
        let (village, code) = parse_link_code(typed).ok_or_else(not_found)?;
        let cell = match self.cell(&code) {
            Some(cell) => cell,
            None => {
                // only links that exist get a cell, so that guessing codes can't fill the memory
                store::link(&self.db, village, &code)
                    .await?
                    .ok_or_else(not_found)?;
                let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
                if cells.len() >= MAX_CELLS {
                    cells.clear();
                }
                Arc::clone(cells.entry(code.clone()).or_default())
            }
        };
        let _one_at_a_time = cell.loading.lock().await;
        let now = self.clock.now();
        if let Some(snapshot) = cell.snapshot.load_full()
            && snapshot.is_good(&self.db, now)
        {
            return Ok(snapshot);
        }
        let mut loaded = self.query(village, &code, now).await?;
        if let Some(newer) = cell.snapshot.load_full()
            && newer.supply_epoch > loaded.supply_epoch
            && newer.offers_epoch == loaded.offers_epoch
        {
            // the intake has committed while this was read: its counters are newer
            let left = (newer.available.clone(), newer.at_hand.clone());
            let (facts, outlook) = (loaded.facts, newer.outlook.clone());
            loaded = self.snapshot(facts, left, outlook, Epochs::of(&newer), now, newer.valid_until);
        }
        let snapshot = Arc::new(loaded);
        cell.snapshot.store(Some(Arc::clone(&snapshot)));
        Ok(snapshot)
    }

    async fn query(&self, village: VillageId, code: &str, now: Timestamp) -> Result<Snapshot> {
        // read before the rows: a change in between makes the snapshot look old, never new
        let epochs = Epochs {
            supply: self.db.supply_epoch(),
            offers: self.db.offers_epoch(),
        };
        let link = store::link(&self.db, village, code)
            .await?
            .ok_or_else(not_found)?;
        let rows = store::offers(&self.db, village, link.id).await?;
        let mut sold: Vec<(Uuid, i64)> = rows.iter().map(|row| (row.sku_id, row.sold)).collect();
        for (sku, cases) in store::overdue_sold(&self.db, village, link.id, now).await? {
            sold.iter_mut()
                .filter(|(id, _)| *id == sku)
                .for_each(|(_, count)| *count -= cases);
        }
        let offers = self.with_parts(village, rows).await?;
        let needed: Vec<Uuid> = offers
            .iter()
            .flat_map(|offer| offer.parts.iter().map(|(sku, _)| *sku))
            .collect();
        let levels = store::levels(&self.db, village, &needed, now).await?;
        let next_end = store::next_hold_end(&self.db, village, now).await?;
        let rooms = calendar::store::kept(&self.db, village, now).await?;
        let facts = Facts {
            village,
            village_name: link.village,
            town: link.town,
            link_id: Some(link.id),
            code: code.to_owned(),
            title: link.title,
            channel: link.channel,
            host: link.host,
            opens_at: link.opens_at,
            closes_at: link.closes_at,
            closed_at: link.closed_at,
            created_by: link.created_by,
            offers,
            freight: freight::store::rules(&self.db, village).await?,
            calendar: rooms.as_ref().map(|rooms| Arc::clone(rooms.calendar())),
            views: self.views.handle(village, link.id),
        };
        let outlook = rooms.map(|rooms| Outlook::new(rooms, &facts.freight, now));
        let left = left(&facts, &levels, &sold);
        Ok(self.snapshot(Arc::new(facts), left, outlook, epochs, now, next_end))
    }

    async fn with_parts(&self, village: VillageId, rows: Vec<store::OfferRow>) -> Result<Vec<Offer>> {
        let skus: Vec<Uuid> = rows.iter().map(|row| row.sku_id).collect();
        let components = store::components(&self.db, village, &skus).await?;
        let ahead = store::ahead_days(&self.db, village).await?;
        let pictures = store::pictures(&self.db, village, &skus).await?;
        let ready_on = |parts: &[(Uuid, i64)]| {
            let days = ahead
                .iter()
                .filter(|(sku, _)| parts.iter().any(|(part, _)| part == sku));
            days.filter_map(|(_, day)| day.parse().ok()).max()
        };
        let parts_of = |sku: Uuid| {
            let parts: Vec<_> = components
                .iter()
                .filter(|row| row.sku_id == sku)
                .map(|row| (row.component_id, row.quantity))
                .collect();
            if parts.is_empty() { vec![(sku, 1)] } else { parts }
        };
        Ok(rows
            .into_iter()
            .filter(|row| row.active)
            .map(|row| (parts_of(row.sku_id), row))
            .map(|(parts, row)| Offer {
                ready_on: ready_on(&parts),
                picture: pictures.get(&row.sku_id).cloned(),
                parts,
                sku_id: row.sku_id,
                sku: row.sku,
                title: row.title,
                spec: row.spec,
                price: row.price_fen,
                limit_per_order: row.limit_per_order,
                grams: row.gross_weight_grams,
                quota: row.quota,
            })
            .collect())
    }

    fn snapshot(
        &self,
        facts: Arc<Facts>,
        (available, at_hand): (Vec<i64>, Vec<i64>),
        outlook: Option<Outlook>,
        epochs: Epochs,
        now: Timestamp,
        next_end: Option<Timestamp>,
    ) -> Snapshot {
        let window = [facts.opens_at, facts.closes_at]
            .into_iter()
            .flatten()
            .filter(|at| *at > now);
        let turn = outlook.as_ref().map(|outlook| outlook.changes_at(now));
        let valid_until = window.chain(next_end).chain(turn).min();
        let mut snapshot = Snapshot {
            facts,
            available,
            at_hand,
            outlook,
            body: Bytes::new(),
            supply_epoch: epochs.supply,
            offers_epoch: epochs.offers,
            loaded: Instant::now(),
            valid_until,
        };
        snapshot.body = self.body(&snapshot, None, now);
        snapshot
    }

    /// The answer of `GET /api/v1/links/{code}`, with the promise for a province, or else for the one reached last.
    pub fn body(&self, snapshot: &Snapshot, province: Option<&str>, now: Timestamp) -> Bytes {
        let facts = &snapshot.facts;
        let promise = |offer: usize| {
            let outlook = snapshot.outlook.as_ref()?;
            outlook.one_case(province, snapshot.ready_on(offer, 1))
        };
        let view = LinkView {
            code: &facts.code,
            title: &facts.title,
            channel: &facts.channel,
            village: &facts.village_name,
            opens_at: facts.opens_at,
            closes_at: facts.closes_at,
            status: facts.status(now),
            offers: facts
                .offers
                .iter()
                .zip(&snapshot.available)
                .enumerate()
                .map(|(at, (offer, available))| OfferView {
                    sku: &offer.sku,
                    title: &offer.title,
                    spec: &offer.spec,
                    price_fen: offer.price,
                    available: *available,
                    limit_per_order: offer.limit_per_order,
                    promise: promise(at),
                })
                .collect(),
            payment_methods: &self.methods,
        };
        Bytes::from(serde_json::to_vec(&view).unwrap_or_default())
    }

    /// Takes over the counters that the intake has just committed for a link, `epoch` being the supply epoch that began
    /// with that commit. Counters that don't cover all that the link offers are left to be loaded.
    pub fn committed(
        &self,
        code: &str,
        levels: &HashMap<Uuid, Level>,
        sold: &[(Uuid, i64)],
        epoch: u64,
        hold_end: Option<Timestamp>,
        rooms: Option<&Rooms>,
    ) {
        let Some(cell) = self.cell(code) else {
            return;
        };
        let Some(old) = cell.snapshot.load_full() else {
            return;
        };
        let mut parts = old.facts.offers.iter().flat_map(|offer| &offer.parts);
        if old.offers_epoch != self.db.offers_epoch() || !parts.all(|(sku, _)| levels.contains_key(sku)) {
            return;
        }
        let now = self.clock.now();
        let outlook = match (&old.outlook, rooms) {
            (None, None) => None,
            (Some(outlook), Some(rooms)) if outlook.calendar().edition == rooms.calendar().edition => {
                Some(outlook.after(rooms, &old.facts.freight, now))
            }
            // another calendar than that of the facts
            _ => return,
        };
        let levels: Vec<Level> = levels.values().copied().collect();
        let next_end = [old.valid_until, hold_end].into_iter().flatten().min();
        let left = left(&old.facts, &levels, sold);
        let epochs = Epochs {
            supply: epoch,
            offers: old.offers_epoch,
        };
        let mut new = self.snapshot(Arc::clone(&old.facts), left, outlook, epochs, now, next_end);
        // its age is that of what it was loaded from
        new.loaded = old.loaded;
        cell.snapshot.store(Some(Arc::new(new)));
    }
}

/// How new a snapshot is, see [`Snapshot`].
struct Epochs {
    supply: u64,
    offers: u64,
}

impl Epochs {
    fn of(snapshot: &Snapshot) -> Self {
        Epochs {
            supply: snapshot.supply_epoch,
            offers: snapshot.offers_epoch,
        }
    }
}
