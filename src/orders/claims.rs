//! What buyers claim of an order that has reached them: kinds, what a claim is, and how its buyer sees it. What may be
//! claimed, and what is decided, is the business of `claims`, which stands above.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::money::Fen;
use crate::web::edge::Lang;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = ClaimKind)]
pub enum Kind {
    /// broken or spoiled
    Damaged,
    /// less came than was sent
    Missing,
    /// something else came
    Wrong,
    /// the buyer does not want it, without a reason
    Return,
}

/// How a claim is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = ClaimDecision)]
pub enum Decision {
    /// some of the money goes back
    Refund,
    /// the cases are sent once more
    Resend,
    Decline,
}

/// What a claim is; computed, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ClaimState)]
pub enum State {
    /// waits for the village's answer
    Open,
    /// the goods are to come back first
    Returning,
    /// they are back; waits for the village's answer
    GoodsBack,
    /// money is on its way back
    Refunding,
    /// the cases are sent once more, and not with the carrier yet
    Resending,
    /// the money is back, or the cases are on their way
    Done,
    Declined,
    /// by its buyer
    Withdrawn,
}

/// The stored facts from which a claim's state follows.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub withdrawn: bool,
    pub return_asked: bool,
    pub goods_back: bool,
    pub decision: Option<Decision>,
    /// nothing is left to do
    pub closed: bool,
    /// what was to carry the decision out is off: the order that sends once more was cancelled, the refunds were taken
    /// back with a payment that never came
    pub is_off: bool,
}

/// What a claim is. A decision that is not carried out any more has answered nothing.
pub fn state(facts: &Facts) -> State {
    match facts.decision {
        _ if facts.withdrawn => State::Withdrawn,
        Some(Decision::Decline) => State::Declined,
        Some(_) if facts.closed => State::Done,
        Some(Decision::Refund) if !facts.is_off => State::Refunding,
        Some(Decision::Resend) if !facts.is_off => State::Resending,
        Some(Decision::Refund | Decision::Resend) | None => match (facts.return_asked, facts.goods_back) {
            (_, true) => State::GoodsBack,
            (true, false) => State::Returning,
            (false, false) => State::Open,
        },
    }
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Damaged, Kind::Missing, Kind::Wrong, Kind::Return];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Damaged => "damaged",
            Kind::Missing => "missing",
            Kind::Wrong => "wrong",
            Kind::Return => "return",
        }
    }

    pub fn words(self, lang: &Lang) -> &'static str {
        match self {
            Kind::Damaged => lang.say("破损或变质", "broken or spoiled"),
            Kind::Missing => lang.say("少件", "something is missing"),
            Kind::Wrong => lang.say("发错了", "something else came"),
            Kind::Return => lang.say("不想要了，退货", "to be returned"),
        }
    }
}

impl State {
    pub fn words(self, lang: &Lang) -> &'static str {
        match self {
            State::Open => lang.say("等村里答复", "waits for the village's answer"),
            State::Returning => lang.say("请把货寄回", "please send the goods back"),
            State::GoodsBack => lang.say(
                "货已退回，等村里答复",
                "the goods are back; waits for the village's answer",
            ),
            State::Refunding => lang.say("已同意，正在退款", "agreed; the money is on its way back"),
            State::Resending => lang.say("已同意，准备补发", "agreed; to be sent once more"),
            State::Done => lang.say("已办完", "done"),
            State::Declined => lang.say("没有同意", "declined"),
            State::Withdrawn => lang.say("您已撤回", "withdrawn by you"),
        }
    }

    /// Waits for a decision by staff, now or after the goods are back.
    pub fn is_undecided(self) -> bool {
        matches!(self, State::Open | State::Returning | State::GoodsBack)
    }
}

/// A claim as its buyer sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClaimView {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub kind: Kind,
    pub state: State,
    pub lines: Vec<ClaimLine>,
    pub text: String,
    /// each is at `…/photos/{id}`
    #[schema(value_type = Vec<String>)]
    pub photos: Vec<Uuid>,
    pub opened_at: Timestamp,
    /// by when it is to be closed
    pub due_at: Timestamp,
    /// how the goods are to be sent back
    pub return_words: Option<String>,
    pub decision: Option<Decision>,
    pub decided_at: Option<Timestamp>,
    /// what the village says to it
    pub words: Option<String>,
    pub amount_fen: Option<Fen>,
    /// the order that sends the cases once more
    pub resend: Option<Resent>,
    pub closed_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClaimLine {
    pub sku: String,
    pub title: String,
    /// cases
    pub quantity: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Resent {
    pub number: String,
    pub token: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claims_state_follows_from_its_facts() {
        use Decision::{Decline, Refund, Resend};
        let facts = |flags: [bool; 5], decision| {
            let [withdrawn, return_asked, goods_back, closed, is_off] = flags;
            Facts {
                withdrawn,
                return_asked,
                goods_back,
                decision,
                closed,
                is_off,
            }
        };
        let (yes, no) = (true, false);
        for (facts, expected) in [
            (facts([no, no, no, no, no], None), State::Open),
            (facts([yes, no, no, yes, no], None), State::Withdrawn),
            (facts([yes, yes, no, yes, no], None), State::Withdrawn),
            (facts([no, yes, no, no, no], None), State::Returning),
            (facts([no, yes, yes, no, no], None), State::GoodsBack),
            (facts([no, yes, yes, no, no], Some(Refund)), State::Refunding),
            (facts([no, no, no, yes, no], Some(Refund)), State::Done),
            (facts([no, no, no, no, no], Some(Resend)), State::Resending),
            (facts([no, no, no, yes, no], Some(Resend)), State::Done),
            (facts([no, no, no, no, yes], Some(Resend)), State::Open),
            (facts([no, no, no, no, yes], Some(Refund)), State::Open),
            (facts([no, yes, yes, no, yes], Some(Refund)), State::GoodsBack),
            (facts([no, yes, yes, no, yes], Some(Resend)), State::GoodsBack),
            (facts([no, no, no, yes, no], Some(Decline)), State::Declined),
        ] {
            assert_eq!(state(&facts), expected, "{facts:?}");
        }
    }
}
