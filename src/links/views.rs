//! Page views: counted in memory, a number per link, and added to the database now and then.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use super::store;
use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::transact;

type Counters = HashMap<(VillageId, Uuid), Arc<AtomicU64>>;

/// The counters of all links that are being looked at. Whoever serves a link's page takes its counter once and adds
/// to it for every view; the map's lock is taken for that and for [`Views::flush`] only.
#[derive(Clone, Default)]
pub struct Views {
    links: Arc<Mutex<Counters>>,
    /// one flush at a time: two would add the same views twice
    flushing: Arc<tokio::sync::Mutex<()>>,
}

impl Views {
    /// The counter of a link's views that the database doesn't have yet. The link has to exist.
    pub fn handle(&self, village: VillageId, link: Uuid) -> Arc<AtomicU64> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(links.entry((village, link)).or_default())
    }

    /// Adds the views gathered so far to the day of `now`, in one transaction.
    ///
    /// # Errors
    /// When they can't be written; they stay counted here, for the next flush.
    pub async fn flush(&self, db: &Db, now: Timestamp) -> Result<()> {
        let _alone = self.flushing.lock().await;
        let gathered = self.gathered();
        // in order, so that two nodes lock the rows in the same one
        let mut by_village: BTreeMap<VillageId, BTreeMap<Uuid, u64>> = BTreeMap::new();
        for (village, link, _, views) in &gathered {
            by_village.entry(*village).or_default().insert(*link, *views);
        }
        let day = now.day().to_string();
        if !gathered.is_empty() {
            transact!(db, tx => {
                for (village, views) in &by_village {
                    store::add_views(tx, *village, &day, views).await?;
                }
                Ok(())
            })?;
        }
        // only now: a view that came in meanwhile stays, and so does everything when the write failed
        for (_, _, counter, views) in gathered {
            counter.fetch_sub(views, Ordering::Relaxed);
        }
        self.forget_idle();
        Ok(())
    }

    fn gathered(&self) -> Vec<(VillageId, Uuid, Arc<AtomicU64>, u64)> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = links.iter().map(|((village, link), counter)| {
            (
                *village,
                *link,
                Arc::clone(counter),
                counter.load(Ordering::Relaxed),
            )
        });
        counters.filter(|(.., views)| *views > 0).collect()
    }

    /// Drops counters that nobody holds and that have nothing left to write.
    fn forget_idle(&self) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, counter| Arc::get_mut(counter).is_none_or(|views| *views.get_mut() > 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_counter_per_link_that_goes_when_it_is_idle() {
        let views = Views::default();
        let link = |n| (VillageId(1), Uuid::from_u128(n));
        let handle = |n| views.handle(link(n).0, link(n).1);
        let kept = handle(1);
        kept.fetch_add(2, Ordering::Relaxed);
        handle(1).fetch_add(1, Ordering::Relaxed);
        handle(2).fetch_add(5, Ordering::Relaxed);
        handle(3);
        let mut gathered: Vec<_> = views
            .gathered()
            .iter()
            .map(|(_, link, _, views)| (link.as_u128(), *views))
            .collect();
        gathered.sort_unstable();
        assert_eq!(gathered, [(1, 3), (2, 5)]);
        views.forget_idle();
        let mut left: Vec<_> = views
            .links
            .lock()
            .unwrap()
            .keys()
            .map(|(_, link)| link.as_u128())
            .collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2], "what is unwritten stays, though nobody holds it");
        kept.store(0, Ordering::Relaxed);
        views.forget_idle();
        assert!(
            views.links.lock().unwrap().contains_key(&link(1)),
            "what is held stays"
        );
    }
}
