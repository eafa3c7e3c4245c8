//! What staff do about a claim: an answer, goods that came back, and taking an answer back while that is possible.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::due;
use super::open::find;
use super::resend::resend;
use super::store::{self, Decided};
use crate::db::Tx;
use crate::error::{Result, conflict, invalid, not_found, text};
use crate::money::{Fen, MAX_FEN};
use crate::orders::Order;
use crate::orders::claims::{Decision, State};
use crate::orders::store::claims::ClaimRow;
use crate::orders::store::{ending, read};
use crate::outbox;
use crate::payments::Cause;
use crate::payments::refund::{self, Why};
use crate::villages::auth::By;
use crate::web::input::Check;

/// What can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ClaimAnswer)]
pub enum Answer {
    /// this much money goes back
    Refund,
    /// the cases are sent once more
    Resend,
    Decline,
    /// the goods come back before more is decided
    ReturnFirst,
}

#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    pub decision: Answer,
    /// with `refund`, and only then
    pub amount_fen: Option<Fen>,
    /// what the buyer is told; with `return_first`, where to send the goods
    pub words: String,
}

impl Decide {
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn checked(self) -> Result<Self> {
        let mut check = Check::new();
        let words = check.line("words", &self.words, 2, 200);
        match (self.decision, self.amount_fen) {
            (Answer::Refund, Some(amount)) => {
                check.number("amount_fen", amount.0, 1, MAX_FEN);
            }
            (Answer::Refund, None) => {
                check.fail("amount_fen", text("请填写退多少。", "Say how much goes back."));
            }
            (_, Some(_)) => check.fail(
                "amount_fen",
                text("只有退款才填金额。", "Goes with a refund only."),
            ),
            (_, None) => {}
        }
        check.finish()?;
        Ok(Decide { words, ..self })
    }
}

/// An act on a claim of this order, which is locked by it.
async fn locked(tx: &mut Tx, by: &By, order: Uuid, claim: Uuid) -> Result<(Order, ClaimRow)> {
    let village = by.staff.village;
    let order = read::lock(tx, village, order).await?.ok_or_else(not_found)?;
    let row = find(tx, village, order.id, claim).await?;
    Ok((order, row))
}

fn not_now(detail: crate::error::Text) -> crate::error::Error {
    conflict("claim-state", detail)
}

/// Names a claim in the log: its order's number and its own.
fn subject(row: &ClaimRow) -> String {
    format!("{}/{}", row.number, row.serial)
}

/// Answers a claim.
///
/// # Errors
/// 404; 409 `claim-decided` when somebody has; what refunding and reserving refuse.
pub async fn decide(tx: &mut Tx, by: &By, order: Uuid, claim: Uuid, answer: &Decide) -> Result<()> {
    let village = by.staff.village;
    let (order, row) = locked(tx, by, order, claim).await?;
    if !row.state().is_undecided() {
        let detail = text("这个申请已经处理过了。", "This claim has been answered.");
        return Err(conflict("claim-decided", detail));
    }
    let mut decided = Decided {
        decision: Decision::Decline,
        words: &answer.words,
        amount: None,
        resend: None,
        by: by.staff.id,
        at: by.at,
    };
    match answer.decision {
        Answer::ReturnFirst => {
            if row.return_asked_at.is_some() {
                return Err(not_now(text(
                    "已经请买家寄回了。",
                    "The buyer was asked to send it back.",
                )));
            }
            let asked = Some((by.at, by.staff.id, answer.words.as_str()));
            let due_at = due(row.opened_at, Some(by.at), None);
            store::ask_return(tx, village, claim, asked, due_at).await?;
        }
        Answer::Decline => {
            store::decided(tx, village, claim, Some(&decided)).await?;
            store::hold_cases(tx, village, claim, -1).await?;
        }
        Answer::Resend => {
            decided.decision = Decision::Resend;
            decided.resend = Some(resend(tx, by, &order, claim).await?);
            store::decided(tx, village, claim, Some(&decided)).await?;
        }
        Answer::Refund => {
            let amount = answer
                .amount_fen
                .ok_or_else(|| invalid("amount_fen", text("请填写退多少。", "Say how much goes back.")))?;
            decided.decision = Decision::Refund;
            decided.amount = Some(amount);
            store::decided(tx, village, claim, Some(&decided)).await?;
            let why = Why::of_staff(Cause::Staff, &answer.words, by.staff.id);
            for part in refund::start_parts(tx, &by.ids, &order, amount, why, by.at).await? {
                store::add_refund(tx, village, claim, part).await?;
            }
        }
    }
    let after = json!({"decision": answer.decision, "amount_fen": answer.amount_fen, "words": answer.words});
    ended(tx, by, &row, "claim.decide", after).await
}

/// The log, the followers, the partners.
async fn ended(tx: &mut Tx, by: &By, row: &ClaimRow, act: &str, after: serde_json::Value) -> Result<()> {
    let village = by.staff.village;
    store::touch(tx, village, row.order_id, by.at).await?;
    let told = || vec![json!({"claim": row.id, "order": row.number, "act": act}).to_string()];
    outbox::tell(tx, &by.ids, village, by.at, "claim.changed", told).await?;
    let before = json!({"state": row.state()});
    by.log(tx, act, &subject(row), Some(before), Some(after)).await
}

/// The goods of a claim are back in the village. What of them can be sold again is put on the shelf by hand: food that
/// was away is looked at first.
///
/// # Errors
/// 404; 409 `claim-state` when they were not asked for, `not-delivered`.
pub async fn goods_back(tx: &mut Tx, by: &By, order: Uuid, claim: Uuid) -> Result<()> {
    let village = by.staff.village;
    let (_, row) = locked(tx, by, order, claim).await?;
    if row.state() != State::Returning {
        return Err(not_now(text(
            "这个申请没有在等退货。",
            "This claim does not wait for goods.",
        )));
    }
    let due_at = due(row.opened_at, row.return_asked_at, Some(by.at));
    store::goods_back(tx, village, claim, (by.at, by.staff.id), due_at).await?;
    store::return_cases(tx, village, claim).await?;
    ended(tx, by, &row, "claim.goods_back", json!({"at": by.at})).await
}

/// Takes the last answer back: the goods were asked for and have not come, a decline, a re-send that is not packed.
///
/// # Errors
/// 404; 409 `claim-state` when it is too late, or there is nothing to take back.
pub async fn undo(tx: &mut Tx, by: &By, order: Uuid, claim: Uuid) -> Result<()> {
    let village = by.staff.village;
    let (_, row) = locked(tx, by, order, claim).await?;
    match (row.state(), row.resend_order_id) {
        (State::Returning, _) => {
            let due_at = due(row.opened_at, None, None);
            store::ask_return(tx, village, claim, None, due_at).await?;
        }
        (State::Declined, _) => {
            store::decided(tx, village, claim, None).await?;
            store::hold_cases(tx, village, claim, 1).await?;
        }
        (State::Resending, Some(resend)) => {
            if ending::cancel(tx, village, resend, by.at).await?.is_none() {
                return Err(not_now(text(
                    "补发的货已经打包，不能撤销了。",
                    "What is sent once more is packed; it can't be taken back.",
                )));
            }
            store::decided(tx, village, claim, None).await?;
        }
        (State::Refunding | State::Done, _) => {
            return Err(not_now(text(
                "钱或货已经在路上，不能撤销了。",
                "Money or goods are on their way; it can't be taken back.",
            )));
        }
        _ => {
            return Err(not_now(text(
                "没有可以撤销的处理。",
                "There is no answer to take back.",
            )));
        }
    }
    ended(tx, by, &row, "claim.undo", json!({})).await
}
