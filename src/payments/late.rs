//! The answer to a late order's question: the buyer's, or at its end the default. Whoever settles locks the order first
//! and the question is settled once, so that of an answer, a default and a cancel at the same time one counts.
//!
//! - Another carrier, or after the festival: the order gets a new promise, and the plan keeps to it. An offer that has
//!   gone meanwhile is refused, and what is offered from then on is what there still is.
//! - What another carrier costs more is freight that the buyer has agreed to: it is due as after any dearer edit.
//! - Money back: the order is cancelled, and its money goes back the way it came.

use serde_json::json;

use super::refund::Why;
use super::till::{Till, cancel_order};
use super::{Cause, change};
use crate::calendar::store as calendar;
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::{Error, Result, Text, conflict, not_found, text};
use crate::id::{Ids, VillageId, parse_order_token};
use crate::money::Fen;
use crate::orders::late::{AfterOffer, Answer, Question, State};
use crate::orders::store::promised::{self, Limits, renew_within};
use crate::orders::store::{changes, late, read};
use crate::orders::view::{self, OrderView};
use crate::orders::{Line, Order};
use crate::{outbox, transact};

const GONE: &str = "offer-gone";

/// Questions that one run of the job settles in a village.
const AT_ONCE: i64 = 500;

impl Till {
    /// The buyer's answer; the same one again changes nothing.
    ///
    /// # Errors
    /// 404 for a token of no order, and for an order that was never asked about; 409 when it was answered otherwise, the
    /// time is over, the order is packed or has ended, or what was offered has gone.
    pub async fn answer_late(&self, token: &str, answer: Answer) -> Result<OrderView> {
        let (village, id) = parse_order_token(token).ok_or_else(not_found)?;
        let now = self.clock.now();
        let seen = read::by_id(&self.db, village, id).await?.ok_or_else(not_found)?;
        let lines = read::lines(&self.db, village, &[id]).await?;
        let answered = transact!(self.db, tx => {
            let order = read::lock(tx, village, id).await?.ok_or_else(not_found)?;
            let question = late::latest_of(tx, &order).await?.ok_or_else(not_found)?;
            if question.state == State::Answered && question.answer == Some(answer) {
                return Ok(());
            }
            check_open(&order, &question, now)?;
            if order.version != seen.version {
                return Err(changed());
            }
            take(tx, &self.ids, (&order, &lines), &question, (State::Answered, answer), now).await
        });
        match answered {
            Err(Error::Problem(problem)) if problem.name == GONE => {
                transact!(self.db, tx => offer_anew(tx, &seen, now).await)?;
                Err(Error::Problem(problem))
            }
            Err(error) => Err(error),
            Ok(()) => view::load(&self.db, village, id, now).await,
        }
    }
}

fn check_open(order: &Order, question: &Question, now: Timestamp) -> Result<()> {
    match question.state {
        State::Answered | State::Defaulted => Err(conflict(
            "late-settled",
            text(
                "这个问题已经有结果了，见订单页；想改的话请联系店家。",
                "This has been settled already, see the order's page; to change it, please contact the shop.",
            ),
        )),
        State::Ended | State::Asked if order.packed > 0 => Err(packed()),
        State::Ended => Err(ended()),
        State::Asked if !question.is_open(now) => Err(conflict(
            "late-over",
            text(
                "回答的时间已过，店家会按说好的默认办法处理；想改的话请联系店家。",
                "The time to answer is over and the default is taken; to change it, please contact the shop.",
            ),
        )),
        State::Asked => Ok(()),
    }
}

fn packed() -> Error {
    conflict(
        "already-packed",
        text(
            "已经开始打包，不能再选了；请联系店家。",
            "Packing has begun, so there is nothing to choose any more; please contact the shop.",
        ),
    )
}

fn ended() -> Error {
    conflict(
        "order-ended",
        text(
            "这个问题已经关闭；请看订单页，或联系店家。",
            "This question is closed; see the order's page, or contact the shop.",
        ),
    )
}

fn changed() -> Error {
    conflict(
        "version-mismatch",
        text(
            "订单刚刚被改过，请刷新页面再选。",
            "The order was changed just now; please reload the page and choose again.",
        ),
    )
}

fn gone() -> Error {
    conflict(
        GONE,
        text(
            "这个办法刚刚没有了；请刷新页面，从剩下的里面选一个。",
            "This is not possible any more; please reload the page and choose among what is left.",
        ),
    )
}

/// Takes an answer to a locked order's open question.
async fn take(
    tx: &mut Tx,
    ids: &Ids,
    (order, lines): (&Order, &[Line]),
    question: &Question,
    (state, answer): (State, Answer),
    at: Timestamp,
) -> Result<()> {
    let village = order.village_id;
    if order.packed > 0 {
        return Err(packed());
    }
    if order.cancelled == order.ordered {
        return Err(ended());
    }
    if !late::settle(tx, village, question.id, state, Some(answer), at).await? {
        return Err(changed());
    }
    let by_buyer = state == State::Answered;
    match answer {
        Answer::Carrier => other_carrier(tx, ids, (order, lines), question, at).await?,
        Answer::After => after(tx, ids, order, question, by_buyer, at).await?,
        Answer::Refund => {
            let reason = match by_buyer {
                true => "赶不上时间，买家选择退款",
                false => "赶不上时间，到期没有选择，按约定退款",
            };
            cancel_order(tx, ids, order, Why::rule(Cause::Cancelled, reason), at).await?;
        }
    }
    let told =
        json!({"number": order.number, "token": order.token(), "answer": answer, "by_buyer": by_buyer});
    outbox::tell(tx, ids, village, at, "order.late_answered", || {
        vec![told.to_string()]
    })
    .await
}

async fn other_carrier(
    tx: &mut Tx,
    ids: &Ids,
    (order, lines): (&Order, &[Line]),
    question: &Question,
    at: Timestamp,
) -> Result<()> {
    let offer = question.carrier_offer().ok_or_else(gone)?;
    let reason = format!("赶不上时间，买家选择改发{}", offer.name);
    let limits = Limits {
        carrier: Some(&offer.carrier),
        arrive_by: Some(offer.arrives_by),
        not_before: None,
    };
    let promised = renew_within(tx, order, limits, &reason, at)
        .await?
        .ok_or_else(gone)?;
    let asked = (question.asked_by, at);
    late::keep_to(tx, order, &promised, Some(&offer.carrier), None, asked).await?;
    changes::decline_open(tx, order.village_id, &[order.id]).await?;
    tell_promise(tx, ids, order, at).await?;
    if offer.extra_fen == Fen::ZERO {
        return changes::next_version(tx, order, at).await;
    }
    let why = (reason.as_str(), question.asked_by);
    change::add_freight(tx, ids, order, lines, offer.extra_fen, why, at).await
}

/// A buyer gets the day that was offered, or an earlier one; at the default the first day that there is.
async fn after(
    tx: &mut Tx,
    ids: &Ids,
    order: &Order,
    question: &Question,
    by_buyer: bool,
    at: Timestamp,
) -> Result<()> {
    let offer = question.after_offer().ok_or_else(gone)?;
    let reason = match by_buyer {
        true => "赶不上时间，买家选择节后再发",
        false => "赶不上时间，到期没有选择，按约定节后再发",
    };
    let carrier = question.after_carrier.as_deref();
    let limits = Limits {
        not_before: Some(offer.leaves_from),
        carrier,
        arrive_by: by_buyer.then_some(offer.arrives_by),
    };
    let promised = renew_within(tx, order, limits, reason, at)
        .await?
        .ok_or_else(gone)?;
    let leaves = offer.leaves_from.to_string();
    let asked = (question.asked_by, at);
    late::keep_to(tx, order, &promised, carrier, Some(&leaves), asked).await?;
    changes::decline_open(tx, order.village_id, &[order.id]).await?;
    tell_promise(tx, ids, order, at).await?;
    // a parcel that was planned before is held until the next plan
    changes::next_version(tx, order, at).await
}

async fn tell_promise(tx: &mut Tx, ids: &Ids, order: &Order, at: Timestamp) -> Result<()> {
    let told = json!({"number": order.number, "token": order.token()});
    outbox::tell(tx, ids, order.village_id, at, "order.promise_changed", || {
        vec![told.to_string()]
    })
    .await
}

/// Offers what there still is: another carrier only as it was offered, after the festival the first day that there is.
async fn offer_anew(tx: &mut Tx, seen: &Order, now: Timestamp) -> Result<()> {
    let village = seen.village_id;
    let Some(order) = read::lock(tx, village, seen.id).await? else {
        return Ok(());
    };
    let question = late::latest_of(tx, &order).await?;
    let Some(question) = question.filter(|question| question.is_open(now)) else {
        return Ok(());
    };
    let rooms = calendar::rooms_of(tx, village, now).await?;
    let (province, cases) = (order.province_code(), order.ordered - order.cancelled);
    let ready = promised::ready_days(tx, village, &crate::db::json(&[order.id])).await?;
    let ready = ready.get(&order.id).copied();
    let find = |limits: Limits<'_>| limits.take(&mut rooms.clone()?, province, cases, ready);
    let carrier = question.carrier_offer().filter(|offer| {
        let limits = Limits {
            carrier: Some(&offer.carrier),
            arrive_by: Some(offer.arrives_by),
            not_before: None,
        };
        find(limits).is_some()
    });
    let after = question.after_offer().and_then(|offer| {
        let limits = Limits {
            not_before: Some(offer.leaves_from),
            carrier: question.after_carrier.as_deref(),
            arrive_by: None,
        };
        let arrives_by = find(limits)?.arrives_by.max(offer.arrives_by);
        Some(AfterOffer { arrives_by, ..offer })
    });
    late::offer(tx, village, question.id, carrier.as_ref(), after).await
}

/// What became of the questions of a village whose time is over.
#[derive(Default)]
pub struct Defaults {
    pub taken: usize,
    pub ended: usize,
}

/// Takes the default of every question whose time is over. One whose default can't be had ends, and the order stays on
/// the late list.
///
/// # Errors
/// The database.
pub async fn take_defaults(db: &Db, ids: &Ids, village: VillageId, now: Timestamp) -> Result<Defaults> {
    let mut done = Defaults::default();
    for (id, order) in late::due(db, village, now, AT_ONCE).await? {
        let taken = transact!(db, tx => {
            let Some(order) = read::lock(tx, village, order).await? else { return Ok(false) };
            let question = late::latest_of(tx, &order).await?;
            let Some(question) = question.filter(|it| it.id == id && it.state == State::Asked) else {
                return Ok(false);
            };
            let default = (State::Defaulted, question.fallback);
            take(tx, ids, (&order, &[]), &question, default, now).await.map(|()| true)
        });
        match taken {
            Ok(taken) => done.taken += usize::from(taken),
            Err(Error::Problem(problem)) => {
                let Text { en, .. } = &problem.detail;
                tracing::warn!(%order, why = en, "the default of a late order could not be taken");
                transact!(db, tx => late::settle(tx, village, id, State::Ended, None, now).await)?;
                done.ended += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
