//! What the jobs of the table do: over all villages, by what their features offer.

use std::time::Duration;

use crate::calendar::store as calendar;
use crate::error::Result;
use crate::fulfillment::tracking::work::{self, Follower};
use crate::id::VillageId;
use crate::orders::store::ending::expire_due;
use crate::orders::store::promised;
use crate::outbox::{self, send};
use crate::payments::close;
use crate::payments::late;
use crate::payments::reconcile::Reconciler;
use crate::payments::store::events;
use crate::state::App;
use crate::{transact, villages};

/// Holds that one transaction ends.
const HOLDS_AT_ONCE: i64 = 200;

/// Orders that one transaction gives promises to.
const ORDERS_AT_ONCE: i64 = 500;

/// How long delivered events are kept.
const KEEP_DELIVERED: Duration = Duration::from_secs(30 * 86_400);

/// How long the bodies of payment providers' events are kept once they are handled: as long as anybody might ask what
/// exactly was told.
const KEEP_BODIES: Duration = Duration::from_secs(30 * 86_400);

/// Bodies that one transaction erases.
const BODIES_AT_ONCE: i64 = 500;

/// Where events are kept that name nothing of ours.
const NO_VILLAGE: VillageId = VillageId(0);
/// How long a photo waits for the claim that it was sent for.
const KEEP_LOOSE: Duration = Duration::from_secs(86_400);

async fn village_ids(app: &App) -> Result<Vec<VillageId>> {
    let villages = villages::store::villages(&app.db).await?;
    Ok(villages.into_iter().map(|village| village.id).collect())
}

pub(super) async fn expire_holds(app: App) -> Result<String> {
    let mut ended = 0;
    for village in village_ids(&app).await? {
        loop {
            let now = app.clock.now();
            let some = transact!(app.db, tx => expire_due(tx, &app.ids, village, now, HOLDS_AT_ONCE).await)?;
            ended += some;
            if i64::try_from(some).is_ok_and(|some| some < HOLDS_AT_ONCE) {
                break;
            }
        }
    }
    Ok(format!("{ended} holds ended"))
}

pub(super) async fn reconcile(app: App) -> Result<String> {
    reconcile_in(&app, false).await
}

/// Reconciles everything that is open, due or not.
///
/// # Errors
/// The database.
pub async fn reconcile_all(app: &App) -> Result<String> {
    reconcile_in(app, true).await
}

fn reconciler(app: &App) -> Reconciler {
    Reconciler {
        db: app.db.clone(),
        clock: app.clock.clone(),
        ids: app.ids.clone(),
        providers: app.providers.clone(),
    }
}

pub(super) async fn reconcile_day(app: App) -> Result<String> {
    close::nightly(&reconciler(&app), &village_ids(&app).await?).await
}

async fn reconcile_in(app: &App, all: bool) -> Result<String> {
    let ran = reconciler(app).run(&village_ids(app).await?, all).await?;
    Ok(format!(
        "{} settled, {} waiting, {} to be tried again",
        ran.settled, ran.waiting, ran.failed
    ))
}

pub(super) async fn send_outbox(app: App) -> Result<String> {
    let villages = village_ids(&app).await?;
    let sent = send::run(&app.db, &app.clock, &app.sender, &villages).await?;
    Ok(format!(
        "{} delivered, {} failed, {} put off",
        sent.delivered, sent.failed, sent.put_off
    ))
}

pub(super) async fn track_parcels(app: App) -> Result<String> {
    let Some(client) = &app.kuaidi100 else {
        return Ok("Kuaidi100 is not set up".to_owned());
    };
    let villages = villages::store::villages(&app.db).await?;
    let follower = Follower {
        db: &app.db,
        clock: &app.clock,
        ids: &app.ids,
        client,
        public_url: &app.public_url,
    };
    let run = follower.run(&villages).await?;
    Ok(format!(
        "{} begun, {} subscribed, {} asked, {} failed",
        run.begun, run.subscribed, run.asked, run.failed
    ))
}

pub(super) async fn learn_transit(app: App) -> Result<String> {
    let mut learned = 0;
    for village in village_ids(&app).await? {
        learned += work::learn(&app.db, village, app.clock.now()).await?;
    }
    Ok(format!("{learned} learned"))
}

pub(super) async fn clean_credentials(app: App) -> Result<String> {
    app.login_guard.forget_idle();
    let now = app.clock.now();
    let dropped = transact!(app.db, tx => villages::store::drop_expired_credentials(tx, now).await)?;
    Ok(format!("{dropped} removed"))
}

/// What was ordered before the village kept a calendar, or when it had no room, gets a promise as soon as there is some.
pub(super) async fn promise_backlog(app: App) -> Result<String> {
    let mut given = 0;
    for village in village_ids(&app).await? {
        let Some(edition) = calendar::new_edition(&app.db, village).await? else {
            continue;
        };
        let mut last = None;
        loop {
            let now = app.clock.now();
            let (some, seen) = transact!(app.db, tx => {
                let orders = promised::unpromised(tx, village, last.as_ref(), ORDERS_AT_ONCE).await?;
                let some = promised::give(tx, village, &orders, now).await?;
                Ok((some, orders))
            })?;
            given += some;
            last = seen.into_iter().last();
            if last.is_none() {
                break;
            }
        }
        transact!(app.db, tx => calendar::looked_at_backlog(tx, village, edition).await)?;
    }
    Ok(format!("{given} promised"))
}

pub(super) async fn late_defaults(app: App) -> Result<String> {
    let (mut taken, mut ended) = (0, 0);
    for village in village_ids(&app).await? {
        let done = late::take_defaults(&app.db, &app.ids, village, app.clock.now()).await?;
        taken += done.taken;
        ended += done.ended;
    }
    Ok(format!("{taken} taken, {ended} ended"))
}

pub(super) async fn clean_outbox(app: App) -> Result<String> {
    let before = app.clock.now().minus(KEEP_DELIVERED);
    let mut removed = 0;
    for village in village_ids(&app).await? {
        loop {
            let (some, more) = transact!(app.db, tx => outbox::clean(tx, village, before).await)?;
            removed += some;
            if !more {
                break;
            }
        }
    }
    Ok(format!("{removed} removed"))
}

pub(super) async fn erase_event_bodies(app: App) -> Result<String> {
    let before = app.clock.now().minus(KEEP_BODIES);
    let mut erased = 0;
    for village in village_ids(&app).await?.into_iter().chain([NO_VILLAGE]) {
        loop {
            let some = transact!(app.db, tx => {
                events::erase_bodies(tx, village, before, BODIES_AT_ONCE).await
            })?;
            erased += some;
            if i64::try_from(some).is_ok_and(|some| some < BODIES_AT_ONCE) {
                break;
            }
        }
    }
    Ok(format!("{erased} erased"))
}

pub(super) async fn refresh_statistics(app: App) -> Result<String> {
    app.db.refresh_statistics().await?;
    Ok("refreshed".to_owned())
}

pub(super) async fn clean_photos(app: App) -> Result<String> {
    let mut removed = 0;
    for village in village_ids(&app).await? {
        let before = app.clock.now().minus(KEEP_LOOSE);
        removed += transact!(app.db, tx => crate::photos::store::clean(tx, village, before).await)?;
    }
    Ok(format!("{removed} photos removed"))
}
