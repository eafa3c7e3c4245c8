//! Following parcels: subscribing them, asking for those that nothing was heard of, and writing down what is said.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::json;

use super::kuaidi100::{Fault, Kuaidi100, Waybill};
use super::push::{Push, Subscription};
use super::store::{self, Followed, Learned, Way};
use super::{Known, Status, transit};
use crate::clock::{Clock, Timestamp};
use crate::config::PublicUrl;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::fulfillment::{carriers, van};
use crate::id::{Ids, VillageId};
use crate::villages::Village;
use crate::{outbox, transact};

/// Calls of one run, over all villages.
const PER_RUN: usize = 120;
/// Waybills that one run begins to follow in a village.
const BEGIN: i64 = 1_000;
/// What is subscribed is asked for now and then, in case a push was lost. Kuaidi100 allows it every 30 minutes.
const ASK_AGAIN: Duration = Duration::from_secs(6 * 3_600);
const FIRST_WAIT: Duration = Duration::from_secs(10 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3_600);
/// So often refused, somebody has to look.
const ALARM_AFTER: i64 = 5;

/// How far back ways count, and how many of them.
const LEARN_FROM: Duration = Duration::from_secs(365 * 86_400);
const MAX_WAYS: i64 = 20_000;

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub begun: u64,
    pub subscribed: u32,
    pub asked: u32,
    pub failed: u32,
}

/// The parts that following needs.
pub struct Follower<'a> {
    pub db: &'a Db,
    pub clock: &'a Clock,
    pub ids: &'a Ids,
    pub client: &'a Kuaidi100,
    pub public_url: &'a PublicUrl,
}

impl Follower<'_> {
    /// Follows what is due, at most 120 calls. A number that is refused waits longer each time; a service that is down
    /// ends the run.
    ///
    /// # Errors
    /// The database; an account that Kuaidi100 refuses.
    pub async fn run(&self, villages: &[Village]) -> Result<Run> {
        let mut run = Run::default();
        let share = PER_RUN / villages.len().max(1);
        for village in villages {
            let now = self.clock.now();
            run.begun += transact!(self.db, tx => store::begin(tx, village.id, now, BEGIN).await)?;
            let limit = i64::try_from(share.max(1)).unwrap_or(1);
            for followed in store::due(self.db, village.id, now, limit).await? {
                match self.one(village, &followed, &mut run).await? {
                    None => {}
                    Some(Fault::Account { code, message }) => {
                        return Err(anyhow!("Kuaidi100 refuses the account ({code}): {message}").into());
                    }
                    Some(fault) => {
                        tracing::warn!(%fault, "parcels are not followed for now");
                        return Ok(run);
                    }
                }
            }
        }
        Ok(run)
    }

    /// Subscribes or asks for one waybill; gives the fault that ends the run.
    async fn one(&self, village: &Village, followed: &Followed, run: &mut Run) -> Result<Option<Fault>> {
        let waybill = Waybill {
            carrier: &followed.carrier,
            number: &followed.number,
            phone: &followed.phone,
        };
        let (id, number) = (village.id, followed.waybill_id);
        let result = if followed.subscribed_at.is_none() {
            let callback = format!(
                "{}/webhooks/kuaidi100?village={}",
                self.public_url.0, village.slug
            );
            self.client.subscribe(waybill, &callback).await.map(|()| None)
        } else {
            self.client.query(waybill).await.map(Some)
        };
        let now = self.clock.now();
        let next = now.plus(ASK_AGAIN);
        match result {
            Ok(None) => {
                transact!(self.db, tx => store::subscribed(tx, id, number, now, next).await)?;
                run.subscribed += 1;
            }
            Ok(Some(known)) => {
                transact!(self.db, tx => {
                    store::answered(tx, id, number, now, next).await?;
                    record(tx, self.ids, id, followed, &known, now).await
                })?;
                run.asked += 1;
            }
            Err(Fault::NotYet) => {
                transact!(self.db, tx => store::answered(tx, id, number, now, next).await)?;
                run.asked += 1;
            }
            Err(fault) => {
                run.failed += 1;
                let (why, next) = (fault.to_string(), now.plus(wait_after(followed.failures)));
                let is_number = matches!(fault, Fault::Number { .. });
                transact!(self.db, tx => {
                    store::failed(tx, id, number, &why, next).await?;
                    if is_number && followed.failures + 1 >= ALARM_AFTER {
                        raise(tx, self.ids, id, followed, &why, now).await?;
                    }
                    Ok(())
                })?;
                return Ok((!is_number).then_some(fault));
            }
        }
        Ok(None)
    }
}

/// Ten minutes after the first failure, doubling to a day.
fn wait_after(failures: i64) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

/// Writes down what is known of a parcel: the messages that are new, that it was delivered, that something is wrong.
async fn record(
    tx: &mut Tx,
    ids: &Ids,
    village: VillageId,
    followed: &Followed,
    known: &Known,
    now: Timestamp,
) -> Result<()> {
    let new = store::add_events(tx, ids, village, followed.parcel_id, &known.events, now).await?;
    let last = known.events.last();
    let status = known.status.or(last.map(|event| event.status));
    match status {
        Some(Status::Delivered) => {
            let at = last.map_or(now, |event| event.at);
            van::arrived(tx, village, followed.parcel_id, at.min(now), now).await?;
            store::end(tx, village, followed.waybill_id, now).await?;
        }
        Some(status @ (Status::Returned | Status::Problem)) => {
            if new > 0 {
                let why = last.map_or("", |event| event.text.as_str());
                let why = if why.is_empty() { "快递报告异常" } else { why };
                raise(tx, ids, village, followed, why, now).await?;
            }
            if status.is_end() {
                store::end(tx, village, followed.waybill_id, now).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Raises an alarm that staff see, and tells partners of it, without names and phones.
async fn raise(
    tx: &mut Tx,
    ids: &Ids,
    village: VillageId,
    followed: &Followed,
    why: &str,
    now: Timestamp,
) -> Result<()> {
    if !store::alarm(tx, village, followed.waybill_id, why, now).await? {
        return Ok(());
    }
    tracing::warn!(waybill = followed.number, why, "a parcel needs somebody to look");
    let body =
        || vec![json!({"carrier": followed.carrier, "waybill": followed.number, "alarm": why}).to_string()];
    outbox::tell(tx, ids, village, now, "parcel.alarm", body).await
}

/// Writes down a push; false when none of the village's parcels has its number.
///
/// # Errors
/// The database.
pub async fn take(tx: &mut Tx, ids: &Ids, village: VillageId, push: &Push, now: Timestamp) -> Result<bool> {
    let mut found = false;
    for followed in store::by_number(tx, village, &push.number).await? {
        let ours = carriers::find(&followed.carrier).map(|carrier| carrier.kuaidi100);
        if !push.company.is_empty() && ours.is_some_and(|ours| ours != push.company) {
            continue;
        }
        found = true;
        store::answered(tx, village, followed.waybill_id, now, now.plus(ASK_AGAIN)).await?;
        record(tx, ids, village, &followed, &push.known, now).await?;
        match push.subscription {
            Subscription::Goes => {}
            Subscription::Ended => store::end(tx, village, followed.waybill_id, now).await?,
            Subscription::Aborted => {
                let why = if push.message.is_empty() {
                    "快递100 已停止跟踪"
                } else {
                    &push.message
                };
                raise(tx, ids, village, &followed, why, now).await?;
                store::end(tx, village, followed.waybill_id, now).await?;
            }
        }
    }
    Ok(found)
}

/// Learns from the last year's parcels how long the carriers take, and gives the number of carrier and province pairs.
///
/// # Errors
/// The database.
pub async fn learn(db: &Db, village: VillageId, now: Timestamp) -> Result<usize> {
    let ways = store::ways(db, village, now.minus(LEARN_FROM), MAX_WAYS).await?;
    let mut by_pair: BTreeMap<(&str, &str), Vec<_>> = BTreeMap::new();
    for way in &ways {
        by_pair
            .entry((&way.carrier, &way.province))
            .or_default()
            .push(Way::days(way));
    }
    let learned: Vec<Learned> = by_pair
        .iter()
        .filter_map(|((carrier, province), ways)| {
            Some(Learned {
                carrier: (*carrier).to_owned(),
                province: (*province).to_owned(),
                days: transit::p90(ways)?,
                parcels: i64::try_from(ways.len()).ok()?,
                learned_at: now,
            })
        })
        .collect();
    transact!(db, tx => {
        for learned in &learned {
            store::learn(tx, village, learned).await?;
        }
        Ok(())
    })?;
    Ok(learned.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_day() {
        for (failures, minutes) in [
            (0, 10),
            (1, 20),
            (3, 80),
            (7, 1_280),
            (8, 1_440),
            (1_000, 1_440),
            (-1, 10),
        ] {
            assert_eq!(wait_after(failures).as_secs(), minutes * 60, "{failures}");
        }
    }
}
