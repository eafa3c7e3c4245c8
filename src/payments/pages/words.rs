//! What an order's page says, and which of its parts there are.

use super::OrderPage;
use crate::clock::Timestamp;
use crate::money::{Fen, Method};
use crate::orders::claims::{ClaimView, State as ClaimState};
use crate::orders::late::{Answer, LateView, State as LateState};
use crate::orders::view::{ChangeView, ParcelStatus, ParcelView};
use crate::orders::{ChangeState, Status};
use crate::web::edge::Lang;

/// What the template asks for.
impl OrderPage {
    pub(super) fn headline(&self) -> &'static str {
        let lang = self.lang;
        match self.order.status {
            Status::AwaitingPayment if self.on_delivery => {
                lang.say("已下单，货到付款", "Ordered, to be paid on delivery")
            }
            Status::AwaitingPayment => lang.say("等待付款", "Waiting for payment"),
            Status::Paid => lang.say("已付款，等待打包", "Paid, to be packed"),
            Status::Packed => lang.say("已打包，等快递来取", "Packed, waiting for the courier"),
            Status::Shipped => lang.say("已发出", "On its way"),
            Status::Delivered => lang.say("已送达", "Delivered"),
            Status::Cancelled => lang.say("已取消", "Cancelled"),
            Status::Expired => lang.say("超时未付款，订单已失效", "Not paid in time: the order has lapsed"),
            Status::Refunded => lang.say("已取消并退款", "Cancelled and refunded"),
        }
    }

    /// What happens next, or what one can do.
    pub(super) fn advice(&self) -> &'static str {
        let lang = self.lang;
        match self.order.status {
            Status::AwaitingPayment if self.on_delivery => lang.say(
                "村里会安排打包发货，收货时把货款交给快递员。",
                "The village packs and sends it; pay the courier who brings it.",
            ),
            Status::AwaitingPayment => lang.say(
                "货已经给您留着，请在时间内付款。",
                "The goods are kept for you until then; please pay in time.",
            ),
            Status::Paid => lang.say(
                "钱已收到，村里会按付款先后打包发货。",
                "The money has arrived; orders are packed as they were paid.",
            ),
            Status::Packed => lang.say(
                "已经不能改地址或取消了。",
                "It can't be changed or cancelled any more.",
            ),
            Status::Shipped => lang.say(
                "收货时请当面看一下有没有破损。",
                "Please look for damage when it is handed to you.",
            ),
            Status::Delivered => lang.say(
                "有破损、少件或发错，请在下面点“东西有问题”。",
                "If something is broken, missing or wrong, say so below.",
            ),
            Status::Cancelled | Status::Expired => lang.say(
                "留的货已经放回去了。还想要的话，请重新下单。",
                "The goods have gone back. If you still want them, please order again.",
            ),
            Status::Refunded => lang.say(
                "钱已原路退回。还想要的话，请重新下单。",
                "The money has gone back the way it came. If you still want the goods, please order again.",
            ),
        }
    }

    /// The names of the stages, and how many of them are done; `None` for an order that has ended.
    pub(super) fn steps(&self) -> Option<(Vec<&'static str>, usize)> {
        let lang = self.lang;
        let done = match self.order.status {
            Status::AwaitingPayment => 1,
            Status::Paid => 2,
            Status::Packed => 3,
            Status::Shipped => 4,
            Status::Delivered => 5,
            Status::Cancelled | Status::Expired | Status::Refunded => return None,
        };
        let mut names = vec![
            lang.say("下单", "Ordered"),
            lang.say("付款", "Paid"),
            lang.say("打包", "Packed"),
            lang.say("发出", "Sent"),
            lang.say("送达", "Delivered"),
        ];
        if self.on_delivery {
            names.remove(1);
            return Some((names, if done == 1 { 1 } else { done - 1 }));
        }
        Some((names, done))
    }

    /// A change by the shop that waits for the buyer's word.
    pub(super) fn proposal(&self) -> Option<&ChangeView> {
        let waits = |change: &&ChangeView| change.state == ChangeState::Proposed;
        self.order.changes.iter().find(waits)
    }

    /// A question that waits for the buyer's answer.
    pub(super) fn question(&self) -> Option<&LateView> {
        let late = self.order.late.as_ref();
        late.filter(|late| late.state == LateState::Asked && self.now < late.answer_by && self.can_cancel())
    }

    /// What was answered, or done without an answer.
    pub(super) fn late_words(&self) -> Option<&'static str> {
        let (late, lang) = (self.order.late.as_ref()?, self.lang);
        Some(match (late.state, late.answer?) {
            (LateState::Answered, Answer::Carrier) => {
                lang.say("您选了改用别的快递。", "You chose another carrier.")
            }
            (LateState::Answered, Answer::After) => {
                lang.say("您选了节后再发。", "You chose after the festival.")
            }
            (LateState::Answered, Answer::Refund) => lang.say("您选了退款。", "You chose your money back."),
            (_, Answer::Refund) => lang.say(
                "到期没有选择，已按约定退款。",
                "Nobody chose in time, so the money goes back as announced.",
            ),
            _ => lang.say(
                "到期没有选择，已按约定改为节后再发。",
                "Nobody chose in time, so it leaves after the festival as announced.",
            ),
        })
    }

    pub(super) fn changes_items(&self, change: &ChangeView) -> bool {
        change.fields.iter().any(|field| field == "items")
    }

    /// `25 分钟` until the instant; at least one minute.
    pub(super) fn remaining(&self, until: &Timestamp) -> String {
        let minutes = ((until.0 - self.now.0) / 60_000).max(1);
        match (self.lang, minutes) {
            (Lang::Zh, 120..) => format!("{} 小时", minutes / 60),
            (Lang::En, 120..) => format!("{} hours", minutes / 60),
            (Lang::Zh, _) => format!("{minutes} 分钟"),
            (Lang::En, _) => format!("{minutes} min"),
        }
    }

    pub(super) fn due(&self) -> Fen {
        Fen((self.order.total_fen.0 - self.captured.0).max(0))
    }

    pub(super) fn can_cancel(&self) -> bool {
        matches!(self.order.status, Status::AwaitingPayment | Status::Paid)
    }

    /// Something was sent, so that something may be wrong with it.
    pub(super) fn can_claim(&self) -> bool {
        let is_sent = matches!(self.order.status, Status::Shipped | Status::Delivered);
        let on_the_way = |parcel: &ParcelView| parcel.status != ParcelStatus::Packed;
        is_sent || self.order.parcels.iter().any(on_the_way)
    }

    pub(super) fn can_withdraw(&self, claim: &ClaimView) -> bool {
        matches!(claim.state, ClaimState::Open | ClaimState::Returning) && claim.decision.is_none()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.steps().is_none()
    }

    pub(super) fn pay_words(&self, method: &Method) -> &'static str {
        let lang = self.lang;
        match method {
            Method::Practice => lang.say("用练习币付款", "Pay with play money"),
            Method::Transfer => lang.say("银行转账", "Bank transfer"),
            Method::Wechat => lang.say("微信支付", "WeChat Pay"),
            Method::Stripe | Method::Cod | Method::Platform => lang.say("在线支付", "Pay online"),
        }
    }

    pub(super) fn refund_words(&self, state: &str) -> &'static str {
        let lang = self.lang;
        match state {
            "done" => lang.say("已退回", "sent back"),
            "refused" => lang.say("没有同意", "refused"),
            "asked" => lang.say("已申请，等店家处理", "asked for; the shop decides"),
            _ => lang.say("正在退回", "on its way back"),
        }
    }
}
