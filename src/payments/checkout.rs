//! Paying on a provider's own page. Our payment is stored first, then the provider is asked under its id, then the
//! answer is stored: a crash in between leaves a payment that can be asked for again, or given up.

use std::time::Duration;

use super::provider::{Ask, Fault, Offer};
use super::store::provider::{self as store, Asked};
use super::till::{NextStep, Till, check_payable};
use super::wechat::{self, Scene};
use super::{Event, State, reconcile};
use crate::clock::Timestamp;
use crate::error::{Error, Problem, Result, conflict, not_found, text};
use crate::id::VillageId;
use crate::money::{Fen, Method};
use crate::orders::Order;
use crate::orders::store::{ending, read};
use crate::transact;

use axum::http::StatusCode;
use uuid::Uuid;

/// The shortest that a Checkout session may live is 30 minutes, and a minute for the way there.
/// Source: docs.stripe.com/api/checkout/sessions/create, `expires_at`.
const SHORTEST: Duration = Duration::from_secs(31 * 60);

/// The longest is 24 hours.
const LONGEST: Duration = Duration::from_secs(24 * 3_600 - 60);

/// Rounds of clearing away what can't be offered any more before giving up.
const ROUNDS: usize = 3;

enum Step {
    /// a payment whose offer the buyer may take
    Offered(Asked, String),
    /// a payment that the provider must be asked for
    Ask(Asked),
    /// one that must end first
    Close(Asked),
    /// one that must end first, since the buyer wants to pay there in another way
    Change(Asked),
}

/// Opens a payment at a provider, or gives the one that is open.
///
/// # Errors
/// As [`Till::open`]; 409 when the provider won't take it; 503 when it can't be asked now.
pub async fn open(
    till: &Till,
    village: VillageId,
    order: Uuid,
    (method, scene): (Method, Scene<'_>),
) -> Result<NextStep> {
    for _ in 0..ROUNDS {
        let now = till.clock.now();
        let id = till.ids.uuid(now);
        let (order, step) = transact!(till.db, tx => {
            let order = read::lock(tx, village, order).await?.ok_or_else(not_found)?;
            check_payable(&order, now)?;
            let due = Fen(order.total_fen.0 - order.captured_fen.0);
            let open = match store::open_of(tx, &order, method).await? {
                Some(open) => open,
                None => {
                    ending::hold_for_provider(tx, &order).await?;
                    let (until, check_at) = (session_end(&order, now), now.plus(reconcile::IN_FLIGHT));
                    let created = store::create(tx, &order, (id, method, due), until, check_at, now).await?;
                    created.ok_or_else(|| anyhow::anyhow!("a payment was opened under the order's lock"))?
                }
            };
            let step = next_step(open, due, scene, now);
            if let Step::Change(open) = &step {
                store::let_go(tx, open, now).await?;
            }
            Ok((order, step))
        })?;
        match step {
            Step::Offered(asked, url) => return shown(till, &order, &asked, &url),
            Step::Ask(asked) => {
                if let Some(next) = ask(till, &order, &asked, scene).await? {
                    return Ok(next);
                }
            }
            Step::Close(asked) | Step::Change(asked) => {
                till.reconciler()
                    .payment(asked.village_id, asked.id, None)
                    .await?;
            }
        }
    }
    Err(busy())
}

/// What to do about an open payment. A session with too little time left is let go, as is one for another amount.
/// What WeChat offers grows stale long before its payment ends: asked again, it offers the same payment anew.
fn next_step(open: Asked, due: Fen, scene: Scene<'_>, now: Timestamp) -> Step {
    let is_over = open.offered_until.is_some_and(|until| until <= now);
    match (open.state, open.url.clone()) {
        (State::Unknown, _) => Step::Close(open),
        (_, None) => Step::Ask(open),
        _ if open.amount_fen != due || is_over => Step::Close(open),
        (_, Some(url)) if open.method == Method::Wechat => {
            if !scene.takes(&url) {
                Step::Change(open)
            } else if open.created_at.plus(wechat::good_for(&url)) <= now {
                Step::Ask(open)
            } else {
                Step::Offered(open, url)
            }
        }
        (_, Some(url)) => Step::Offered(open, url),
    }
}

/// The provider's own end of an offer: the order's, within what the provider takes. Where that is later, we end it
/// ourselves when the order's time is over.
fn session_end(order: &Order, now: Timestamp) -> Timestamp {
    let wanted = order.pay_before().unwrap_or_else(|| now.plus(LONGEST));
    wanted.max(now.plus(SHORTEST)).min(now.plus(LONGEST))
}

/// What the buyer does with an offer.
fn shown(till: &Till, order: &Order, asked: &Asked, offer: &str) -> Result<NextStep> {
    let ends = [order.pay_before(), asked.offered_until];
    let expires_at = ends.into_iter().flatten().min();
    if asked.method != Method::Wechat || offer.starts_with("http") {
        let url = offer.to_owned();
        return Ok(NextStep::Redirect { url, expires_at });
    }
    let client = till.providers.wechat().map_err(|_| busy())?;
    Ok(match client.bridge(offer) {
        Some(bridge) => NextStep::Bridge { bridge, expires_at },
        None => NextStep::Qr {
            qr: offer.to_owned(),
            expires_at,
        },
    })
}

/// Asks the provider and stores its offer; `None` when the payment was given up, so that another can be opened.
async fn ask(till: &Till, order: &Order, asked: &Asked, scene: Scene<'_>) -> Result<Option<NextStep>> {
    let token = asked.token();
    let ask = Ask {
        key: asked.id.to_string(),
        token: &token,
        order_number: &order.number,
        amount: asked.amount_fen,
        until: asked.offered_until.unwrap_or(asked.created_at),
        back_to: format!("{}/o/{}", till.public_url.0, order.token()),
        scene,
    };
    match till.providers.open(asked.method, &ask).await {
        Ok(offer) => store_offer(till, order, asked, &offer).await,
        // nobody can tell whether it was asked: the same again under the same key finds out
        Err(fault @ Fault::Later(_)) => {
            tracing::warn!(payment = %asked.id, %fault, "a provider could not be asked");
            Err(busy())
        }
        // it was offered before: paid or closed by now, as the provider will say
        Err(fault) if asked.provider_ref.is_some() => {
            tracing::warn!(payment = %asked.id, %fault, "a provider did not offer a payment again");
            till.reconciler()
                .payment(asked.village_id, asked.id, None)
                .await?;
            Ok(None)
        }
        Err(fault) => {
            tracing::warn!(payment = %asked.id, %fault, "a provider did not take a payment");
            give_up(till, asked, &fault).await?;
            let was_new = asked.created_at == till.clock.now() || asked.offered_until.is_none();
            match fault {
                // an older request under this key may have said it in other words, or too long ago
                Fault::Refused(_) if !was_new => Ok(None),
                Fault::Refused(_) | Fault::Missing => Err(refused()),
                Fault::Broken(_) | Fault::Later(_) => Err(busy()),
            }
        }
    }
}

async fn store_offer(till: &Till, order: &Order, asked: &Asked, offer: &Offer) -> Result<Option<NextStep>> {
    let now = till.clock.now();
    let check_at = reconcile::next_look(order.pay_before(), now);
    let stored = transact!(till.db, tx => {
        store::offered(tx, asked, &offer.reference, &offer.url, offer.until, check_at).await
    })?;
    let current = store::load(&till.db, asked.village_id, asked.id).await?;
    match current {
        Some(current) if stored || current.provider_ref.as_deref() == Some(offer.reference.as_str()) => {
            shown(till, order, &current, &offer.url).map(Some)
        }
        _ => {
            // given up meanwhile, and nobody has been told its address; by itself it ends later
            if let Err(fault) = till.providers.close(asked.method, &offer.reference).await {
                tracing::warn!(payment = %asked.id, %fault, "an offer that nobody knows stays open for now");
            }
            Ok(None)
        }
    }
}

async fn give_up(till: &Till, asked: &Asked, fault: &Fault) -> Result<()> {
    let (now, why) = (till.clock.now(), fault.to_string());
    transact!(till.db, tx => {
        read::lock(tx, asked.village_id, asked.order_id).await?;
        let Some(current) = store::again(tx, asked.village_id, asked.id).await? else { return Ok(()) };
        if current.provider_ref.is_none() && let Some(state) = current.state.next(Event::Refused) {
            store::end(tx, &current, state, Some(&why), now).await?;
            ending::hold_by_clock(tx, asked.village_id, asked.order_id).await?;
        }
        Ok(())
    })
}

fn refused() -> Error {
    let detail = text(
        "在线支付没有接受这笔款，请换一种付款方式。",
        "The payment service did not take this payment; please choose another way to pay.",
    );
    conflict("payment-refused", detail)
}

fn busy() -> Error {
    let detail = text(
        "在线支付暂时连不上，请稍后再试，或换一种付款方式。",
        "The payment service can't be reached just now; please try again, or choose another way to pay.",
    );
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "payment-service-down", detail);
    problem.retry_after(10).into()
}
