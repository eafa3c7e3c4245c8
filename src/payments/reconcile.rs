//! Asks providers for the truth and puts our books right by it. Webhooks, the cron table and the command line all come
//! here, and so does whoever needs to know at once; nothing else believes a provider.
//!
//! Every step is: read our row, ask the provider, store what it said in a transaction that looks at the row again. So a
//! crash anywhere leaves something that the next run finds and finishes, and doing it twice changes nothing.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use uuid::Uuid;

use super::capture::{Received, capture};
use super::provider::{Fault, Providers, Standing, Truth};
use super::refund::{self, Why};
use super::store::provider::{self as asked_store, Asked, Money};
use super::{Cause, Event, Payment, State, events, store};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::{Result, not_found};
use crate::id::{Ids, VillageId};
use crate::orders::store::{ending, read};
use crate::orders::{Hold, Order};
use crate::transact;

/// How long a payment may be without the provider's answer before it is given up: longer than any request lasts.
pub const IN_FLIGHT: Duration = Duration::from_secs(120);

/// How often an open payment is looked at, should its events not come.
const LOOK_EVERY: Duration = Duration::from_secs(600);

const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Rows of each kind that one run takes in a village.
const PER_RUN: i64 = 200;

/// Holds that one end takes along.
const MAX_EXPIRED: i64 = 200;

#[derive(Clone)]
pub struct Reconciler {
    pub db: Db,
    pub clock: Clock,
    pub ids: Ids,
    pub providers: Providers,
}

impl<S> FromRequestParts<S> for Reconciler
where
    S: Send + Sync,
    Db: FromRef<S>,
    Clock: FromRef<S>,
    Ids: FromRef<S>,
    Providers: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Reconciler {
            db: Db::from_ref(state),
            clock: Clock::from_ref(state),
            ids: Ids::from_ref(state),
            providers: Providers::from_ref(state),
        })
    }
}

/// What came of asking about one payment, refund or event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// it is through, one way or the other
    Settled(&'static str),
    /// the provider has nothing new; it is asked again by itself
    Waits,
    /// the provider could not be asked
    Later,
}

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    pub settled: u32,
    pub waiting: u32,
    pub failed: u32,
}

impl Ran {
    fn count(&mut self, outcome: &Result<Outcome>, what: &str, id: &str) {
        match outcome {
            Ok(Outcome::Settled(_)) => self.settled += 1,
            Ok(Outcome::Waits) => self.waiting += 1,
            Ok(Outcome::Later) => self.failed += 1,
            Err(error) => {
                tracing::error!(what, id, %error, "could not be reconciled");
                self.failed += 1;
            }
        }
    }
}

/// Thirty seconds after the first try, doubling to an hour.
pub fn wait_after(tries: i64) -> Duration {
    let doublings = u32::try_from(tries).map_or(16, |tries| tries.min(16));
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

/// When to look at an open payment again: when its order's time is over, and now and then before.
pub fn next_look(pay_before: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let soon = now.plus(LOOK_EVERY);
    match pay_before {
        Some(end) if end > now => soon.min(end),
        _ => soon,
    }
}

impl Reconciler {
    /// Does what is due in these villages; with `all`, everything that is open.
    ///
    /// # Errors
    /// The database. What a provider says or fails to say is no error: it is tried again.
    pub async fn run(&self, villages: &[VillageId], all: bool) -> Result<Ran> {
        let now = self.clock.now();
        let until = if all { Timestamp(i64::MAX) } else { now };
        let mut ran = Ran::default();
        for village in villages {
            self.run_events(*village, until, &mut ran).await?;
        }
        // events of nobody's
        self.run_events(VillageId(0), until, &mut ran).await?;
        for village in villages {
            self.run_payments(*village, until, &mut ran).await?;
            self.return_rests(*village, &mut ran).await?;
            self.run_refunds(*village, until, &mut ran).await?;
        }
        Ok(ran)
    }

    async fn run_events(&self, village: VillageId, until: Timestamp, ran: &mut Ran) -> Result<()> {
        for event in store::events::due(&self.db, village, until, PER_RUN).await? {
            let outcome = events::process(self, village, &event).await;
            ran.count(&outcome, "event", &event.id);
        }
        Ok(())
    }

    async fn run_payments(&self, village: VillageId, until: Timestamp, ran: &mut Ran) -> Result<()> {
        let mut down = Vec::new();
        for (id, method) in asked_store::due(&self.db, village, until, PER_RUN).await? {
            // one that can't be reached would only be waited for again
            if down.contains(&method) {
                continue;
            }
            let outcome = self.payment(village, id, None).await;
            if matches!(outcome, Ok(Outcome::Later)) {
                down.push(method);
            }
            ran.count(&outcome, "payment", &id.to_string());
        }
        Ok(())
    }

    async fn run_refunds(&self, village: VillageId, until: Timestamp, ran: &mut Ran) -> Result<()> {
        let mut down = Vec::new();
        for (id, method) in store::due_refunds(&self.db, village, until, PER_RUN).await? {
            if down.contains(&method) {
                continue;
            }
            let outcome = super::errand::refund(self, village, id).await;
            if matches!(outcome, Ok(Outcome::Later)) {
                down.push(method);
            }
            ran.count(&outcome, "refund", &id.to_string());
        }
        Ok(())
    }

    /// Sends the money back that an ended order still has: one that was paid in part and expired, for instance.
    async fn return_rests(&self, village: VillageId, ran: &mut Ran) -> Result<()> {
        let now = self.clock.now();
        for order in store::owing(&self.db, village, PER_RUN).await? {
            transact!(self.db, tx => {
                let order = read::lock(tx, village, order).await?.ok_or_else(not_found)?;
                if order.hold != Hold::Released {
                    return Ok(());
                }
                let why = Why::rule(Cause::Ended, "订单已经失效，付过的部分退回");
                refund::start_rest(tx, &self.ids, &order, why, now).await
            })?;
            ran.settled += 1;
        }
        Ok(())
    }

    /// Asks a payment's provider where it stands and settles that. `hint` is the provider's name of it, when an event
    /// has told us before we could store the answer to our own request.
    ///
    /// # Errors
    /// The database.
    pub async fn payment(&self, village: VillageId, id: Uuid, hint: Option<&str>) -> Result<Outcome> {
        let Some(asked) = asked_store::load(&self.db, village, id).await? else {
            return Ok(Outcome::Settled("no payment of ours"));
        };
        let foreign = match (&asked.provider_ref, hint) {
            (Some(known), Some(hint)) => known != hint,
            _ => false,
        };
        if foreign {
            return self.foreign(&asked, hint.unwrap_or_default()).await;
        }
        if asked.state == State::Paid {
            return Ok(Outcome::Settled("paid before"));
        }
        let Some(reference) = asked.provider_ref.as_deref().or(hint) else {
            return self.unanswered(&asked).await;
        };
        let order = read::by_id(&self.db, village, asked.order_id)
            .await?
            .ok_or_else(not_found)?;
        match self.ask(&asked, &order, reference).await {
            Ok(truth) if truth.token.as_ref().is_some_and(|token| *token != asked.token()) => {
                Ok(Outcome::Settled("another payment's"))
            }
            Ok(truth) => self.settle(&asked, &truth).await,
            Err(Fault::Missing) => self.lost(&asked).await,
            Err(fault) => {
                let next = self.clock.now().plus(wait_after(asked.tries));
                let why = fault.to_string();
                tracing::warn!(payment = %asked.id, why, "a provider could not be asked about a payment");
                transact!(self.db, tx => asked_store::put_off(tx, &asked, &why, next).await)?;
                Ok(Outcome::Later)
            }
        }
    }

    /// Where the payment stands; one that is not wanted any more is closed first.
    async fn ask(&self, asked: &Asked, order: &Order, reference: &str) -> Result<Truth, Fault> {
        let truth = self.providers.look(asked.method, reference).await?;
        let may_end = asked.state != State::Closed && asked.state != State::Failed;
        if truth.standing != Standing::Open || !may_end || is_wanted(asked, order, self.clock.now()) {
            return Ok(truth);
        }
        match self.providers.close(asked.method, reference).await {
            Err(Fault::Refused(_)) => self.providers.look(asked.method, reference).await,
            closed => closed,
        }
    }

    /// Stores where a payment stands.
    async fn settle(&self, asked: &Asked, truth: &Truth) -> Result<Outcome> {
        let now = self.clock.now();
        transact!(self.db, tx => {
            let village = asked.village_id;
            let order = read::lock(tx, village, asked.order_id).await?.ok_or_else(not_found)?;
            let current = asked_store::again(tx, village, asked.id).await?.ok_or_else(not_found)?;
            match truth.standing {
                Standing::Paid => self.take_money(tx, &current, truth, now).await,
                Standing::Ended => end(tx, &self.ids, &current, None, now).await,
                Standing::Open | Standing::Processing => {
                    let state = match current.state {
                        State::Created | State::Sent => State::Waiting,
                        other => other,
                    };
                    let next = (!is_ended(state)).then(|| next_look(order.pay_before(), now));
                    asked_store::looked(tx, &current, (state, &truth.reference), next, now).await?;
                    Ok(Outcome::Waits)
                }
            }
        })
    }

    async fn take_money(&self, tx: &mut Tx, asked: &Asked, truth: &Truth, now: Timestamp) -> Result<Outcome> {
        if asked.state == State::Paid {
            return Ok(Outcome::Settled("paid before"));
        }
        let village = asked.village_id;
        let Some(amount) = truth.amount else {
            asked_store::trouble(tx, village, asked.id, "money in another currency").await?;
            return end(tx, &self.ids, asked, Some("money in another currency"), now).await;
        };
        let trouble = (amount != asked.amount_fen)
            .then(|| format!("{} was asked for, {amount} came", asked.amount_fen));
        let money = Money {
            amount,
            reference: &truth.reference,
            intent: truth.intent.as_deref(),
            wallet: truth.wallet.as_deref(),
            trouble: trouble.as_deref(),
        };
        asked_store::note_money(tx, asked, &money, now).await?;
        let payment = Payment {
            village_id: village,
            id: asked.id,
            order_id: asked.order_id,
            method: asked.method,
            state: asked.state,
            amount_fen: amount,
            received_into: None,
            reference: truth.intent.clone(),
            created_at: asked.created_at,
            paid_at: None,
        };
        capture(tx, &self.ids, village, Received::Opened(payment), now).await?;
        Ok(Outcome::Settled("paid"))
    }

    /// A payment that the provider never answered for: its address went to nobody, so no money can come by it.
    async fn unanswered(&self, asked: &Asked) -> Result<Outcome> {
        let now = self.clock.now();
        if is_ended(asked.state) {
            return Ok(Outcome::Settled("closed before"));
        }
        if asked.created_at.plus(IN_FLIGHT) > now {
            return Ok(Outcome::Waits);
        }
        transact!(self.db, tx => {
            read::lock(tx, asked.village_id, asked.order_id).await?;
            let current = asked_store::again(tx, asked.village_id, asked.id).await?.ok_or_else(not_found)?;
            if current.provider_ref.is_some() {
                return Ok(Outcome::Waits);
            }
            end(tx, &self.ids, &current, Some("the provider gave no answer"), now).await
        })
    }

    /// The provider doesn't know its own name of a payment: another account's key, or test data that was cleared.
    async fn lost(&self, asked: &Asked) -> Result<Outcome> {
        let now = self.clock.now();
        transact!(self.db, tx => {
            read::lock(tx, asked.village_id, asked.order_id).await?;
            let current = asked_store::again(tx, asked.village_id, asked.id).await?.ok_or_else(not_found)?;
            if current.state == State::Paid {
                return Ok(Outcome::Settled("paid before"));
            }
            asked_store::trouble(tx, asked.village_id, asked.id, "the provider doesn't know this payment").await?;
            end(tx, &self.ids, &current, Some("unknown to the provider"), now).await
        })
    }

    /// Another object of the provider's says that it is this payment. Nothing is believed; staff are told.
    async fn foreign(&self, asked: &Asked, hint: &str) -> Result<Outcome> {
        match self.providers.look(asked.method, hint).await {
            Ok(truth) if truth.standing == Standing::Paid => {
                transact!(self.db, tx => {
                    let what = format!("a second object was paid for it: {}", truth.reference);
                    asked_store::trouble(tx, asked.village_id, asked.id, &what).await
                })?;
                Ok(Outcome::Settled("paid twice, for staff to look at"))
            }
            Ok(_) | Err(Fault::Missing | Fault::Refused(_)) => Ok(Outcome::Settled("another object")),
            Err(_) => Ok(Outcome::Later),
        }
    }
}

fn is_ended(state: State) -> bool {
    matches!(state, State::Paid | State::Failed | State::Closed)
}

/// Whether money by this payment would still do what the buyer wants.
fn is_wanted(asked: &Asked, order: &Order, now: Timestamp) -> bool {
    let in_time = order.pay_before().is_none_or(|end| end > now);
    let is_due = order.hold != Hold::Released && order.captured_fen < order.total_fen;
    asked.state != State::Unknown && in_time && is_due
}

/// A payment ends without money, and its order's hold goes back to the clock; if its time is over, it ends with it.
async fn end(tx: &mut Tx, ids: &Ids, asked: &Asked, why: Option<&str>, now: Timestamp) -> Result<Outcome> {
    let Some(state) = asked.state.next(Event::GivenUp) else {
        return Ok(Outcome::Settled("closed before"));
    };
    asked_store::end(tx, asked, state, why, now).await?;
    ending::hold_by_clock(tx, asked.village_id, asked.order_id).await?;
    ending::expire_due(tx, ids, asked.village_id, now, MAX_EXPIRED).await?;
    Ok(Outcome::Settled("closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_an_hour() {
        for (tries, seconds) in [
            (0, 30),
            (1, 60),
            (2, 120),
            (6, 1_920),
            (7, 3_600),
            (99, 3_600),
            (i64::MAX, 3_600),
        ] {
            assert_eq!(wait_after(tries).as_secs(), seconds, "{tries}");
        }
    }

    #[test]
    fn a_payment_is_looked_at_when_its_order_ends() {
        let at = |minutes: i64| Timestamp(minutes * 60_000);
        for (end, expected) in [
            (None, 10),
            (Some(5), 5),
            (Some(30), 10),
            (Some(0), 10),
            (Some(-3), 10),
        ] {
            assert_eq!(next_look(end.map(at), at(0)), at(expected), "{end:?}");
        }
    }
}
