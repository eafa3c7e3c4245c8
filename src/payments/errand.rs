//! Carrying a refund out through a provider. The decision was made before (refund.rs); here it is sent, under a key that
//! belongs to the refund, looked for when an answer was lost, and given to staff when the provider won't do it.

use uuid::Uuid;

use super::provider::{Fault, Return, ReturnTruth, Returned, refund_window};
use super::reconcile::{Outcome, Reconciler, wait_after};
use super::store::{self, Answer, Errand};
use super::{RefundEvent, RefundState, by_provider};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::{VillageId, order_token};
use crate::money::Fen;
use crate::orders::store::read;
use crate::transact;

/// Asks a refund's provider where it stands, or for the refund itself, and stores the answer.
///
/// # Errors
/// The database.
pub async fn refund(by: &Reconciler, village: VillageId, id: Uuid) -> Result<Outcome> {
    let Some(errand) = store::errand(&by.db, village, id).await? else {
        return Ok(Outcome::Settled("no refund of ours"));
    };
    if !by_provider(errand.method) {
        return Ok(Outcome::Settled("not a provider's"));
    }
    let Some(intent) = errand.intent_ref.as_deref() else {
        return give_to_staff(by, &errand, "the provider's name of the money is not known").await;
    };
    let truth = match (&errand.provider_ref, errand.state) {
        (Some(reference), RefundState::Sent | RefundState::Done) => {
            by.providers.look_return(errand.method, reference).await
        }
        (None, RefundState::Agreed | RefundState::Sent) => {
            let window = refund_window(errand.method, errand.wallet.as_deref());
            let closes = window.and_then(|window| Some(errand.paid_at?.plus(window)));
            if errand.tries == 0 && closes.is_some_and(|closes| closes <= by.clock.now()) {
                return give_to_staff(by, &errand, "the wallet takes no refunds any more").await;
            }
            match send(by, &errand, intent).await? {
                Some(truth) => truth,
                None => return Ok(Outcome::Waits),
            }
        }
        _ => return Ok(Outcome::Settled("through before")),
    };
    match truth {
        Ok(truth) => settle(by, &errand, &truth).await,
        Err(Fault::Refused(why)) => give_to_staff(by, &errand, &why).await,
        Err(Fault::Missing) => give_to_staff(by, &errand, "unknown to the provider").await,
        Err(fault) => {
            let is_broken = matches!(fault, Fault::Broken(_));
            let why = fault.to_string();
            tracing::warn!(refund = %errand.id, why, "a provider could not be asked about a refund");
            transact!(by.db, tx => store::try_failed(tx, &errand, &why, is_broken).await)?;
            Ok(Outcome::Later)
        }
    }
}

/// One try; `None` when another one is under way. After the first, what was sent before is looked for.
async fn send(by: &Reconciler, errand: &Errand, intent: &str) -> Result<Option<Result<ReturnTruth, Fault>>> {
    let next = by.clock.now().plus(wait_after(errand.tries));
    if !transact!(by.db, tx => store::begin_try(tx, errand, RefundState::Sent, next).await)? {
        return Ok(None);
    }
    let token = order_token(errand.village_id, errand.id);
    if errand.tries > 0 {
        match by.providers.find_return(errand.method, intent, &token).await {
            Ok(None) => {}
            Ok(Some(truth)) => return Ok(Some(Ok(truth))),
            // it is not certain that nothing was sent
            Err(Fault::Broken(why)) => return Ok(Some(Err(Fault::Later(why)))),
            Err(fault) => return Ok(Some(Err(fault))),
        }
    }
    let back = Return {
        key: format!("refund/{}/{}", errand.id, errand.key_no),
        token: &token,
        intent,
        amount: errand.amount_fen,
        paid: errand.paid_fen,
        reason: &errand.reason,
    };
    Ok(Some(by.providers.give_back(errand.method, &back).await))
}

/// Stores where a refund stands. Money that a bank has sent back after it was reported as refunded counts as ours again.
async fn settle(by: &Reconciler, errand: &Errand, truth: &ReturnTruth) -> Result<Outcome> {
    let now = by.clock.now();
    let (event, failure) = match &truth.returned {
        Returned::Pending => (RefundEvent::Send, None),
        Returned::Done => (RefundEvent::Succeed, None),
        Returned::Failed(why) => (RefundEvent::Fail, Some(why.as_str())),
    };
    transact!(by.db, tx => {
        let village = errand.village_id;
        read::lock(tx, village, errand.order_id).await?;
        let Some(current) = store::refund_state(tx, village, errand.id).await? else {
            return Ok(Outcome::Settled("no refund of ours"));
        };
        let state = match event {
            RefundEvent::Send if current == RefundState::Sent => Some(RefundState::Sent),
            // what a provider won't do, a person does
            RefundEvent::Fail => current.next(event).and_then(|failed| failed.next(RefundEvent::GiveToStaff)),
            _ => current.next(event),
        };
        let Some(state) = state else { return Ok(Outcome::Settled("through before")) };
        let answer = Answer {
            state,
            provider_ref: Some(&truth.reference),
            failure,
            next_try_at: (state == RefundState::Sent).then(|| now.plus(wait_after(errand.tries + 4))),
            done_at: (state == RefundState::Done).then_some(now),
        };
        store::answered(tx, errand, &answer).await?;
        let counted = Fen(match (current, state) {
            (RefundState::Done, RefundState::ByHand) => -errand.amount_fen.0,
            (_, RefundState::Done) => errand.amount_fen.0,
            _ => 0,
        });
        if counted != Fen::ZERO {
            store::add_refunded(tx, village, errand.order_id, counted, now).await?;
        }
        Ok(match state {
            RefundState::Done => Outcome::Settled("refunded"),
            RefundState::ByHand => Outcome::Settled("failed, by hand now"),
            _ => Outcome::Waits,
        })
    })
}

async fn give_to_staff(by: &Reconciler, errand: &Errand, why: &str) -> Result<Outcome> {
    tracing::warn!(refund = %errand.id, why, "a refund is left to staff");
    transact!(by.db, tx => {
        read::lock(tx, errand.village_id, errand.order_id).await?;
        let current = store::refund_state(tx, errand.village_id, errand.id).await?;
        let failed = match current {
            Some(RefundState::Sent) => RefundState::Sent.next(RefundEvent::Fail),
            Some(RefundState::Agreed) => Some(RefundState::Agreed),
            _ => None,
        };
        let Some(state) = failed.and_then(|state| state.next(RefundEvent::GiveToStaff)) else {
            return Ok(Outcome::Settled("through before"));
        };
        let answer = Answer {
            state,
            provider_ref: None,
            failure: Some(why),
            next_try_at: None::<Timestamp>,
            done_at: None,
        };
        store::answered(tx, errand, &answer).await?;
        Ok(Outcome::Settled("left to staff"))
    })
}
