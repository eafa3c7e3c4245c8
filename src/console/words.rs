//! Words for what the calls answer in codes.

use crate::error::{Text, text};
use crate::fulfillment::api::parcels::StaffParcel;
use crate::fulfillment::batches::Outcome;
use crate::fulfillment::{self, Hold};
use crate::links;
use crate::money::Method;
use crate::orders::Status;
use crate::payments::{RefundState, State};
use crate::stock::MovementKind;
use crate::web::edge::Lang;

/// Words, and the tone in which they are shown: `wait`, `go`, `done` or `off`.
pub type Badge = (&'static str, &'static str);

pub fn status(lang: Lang, status: Status) -> Badge {
    match status {
        Status::AwaitingPayment => (lang.say("待付款", "Unpaid"), "wait"),
        Status::Paid => (lang.say("待打包", "To pack"), "go"),
        Status::Packed => (lang.say("已打包", "Packed"), "go"),
        Status::Shipped => (lang.say("已发货", "Shipped"), "done"),
        Status::Delivered => (lang.say("已签收", "Delivered"), "done"),
        Status::Cancelled => (lang.say("已取消", "Cancelled"), "off"),
        Status::Expired => (lang.say("超时未付", "Expired"), "off"),
        Status::Refunded => (lang.say("已退款", "Refunded"), "off"),
    }
}

pub const STATUSES: [Status; 8] = [
    Status::AwaitingPayment,
    Status::Paid,
    Status::Packed,
    Status::Shipped,
    Status::Delivered,
    Status::Cancelled,
    Status::Expired,
    Status::Refunded,
];

pub fn link_status(lang: Lang, status: links::Status) -> Badge {
    match status {
        links::Status::Open => (lang.say("进行中", "Open"), "go"),
        links::Status::NotYet => (lang.say("未开始", "Not yet open"), "wait"),
        links::Status::Closed => (lang.say("已结束", "Closed"), "off"),
    }
}

pub fn channel(lang: Lang, channel: &str) -> &str {
    match channel {
        "livestream" => lang.say("直播间", "Livestream"),
        "moments" => lang.say("朋友圈", "Moments"),
        "group" => lang.say("微信群", "Group chat"),
        "counter" => lang.say("门店", "Counter"),
        "import" => lang.say("导入", "Imported"),
        "resend" => lang.say("补发", "Sent once more"),
        other => other,
    }
}

pub fn method(lang: Lang, method: Method) -> &'static str {
    match method {
        Method::Stripe => "Stripe",
        Method::Wechat => lang.say("微信支付", "WeChat Pay"),
        Method::Transfer => lang.say("转账", "Transfer"),
        Method::Cod => lang.say("货到付款", "Cash on delivery"),
        Method::Practice => lang.say("练习付款", "Practice money"),
        Method::Platform => lang.say("平台代收", "By the platform"),
    }
}

pub fn payment(lang: Lang, state: State) -> Badge {
    match state {
        State::Paid => (lang.say("已到账", "Received"), "done"),
        State::Created | State::Sent | State::Waiting => (lang.say("等待中", "Waiting"), "wait"),
        State::Failed => (lang.say("失败", "Failed"), "off"),
        State::Closed => (lang.say("已关闭", "Closed"), "off"),
        State::Unknown => (lang.say("待查", "Unclear"), "wait"),
    }
}

pub fn refund(lang: Lang, state: RefundState) -> Badge {
    match state {
        RefundState::ByHand => (lang.say("等人工退", "To do by hand"), "wait"),
        RefundState::Done => (lang.say("已退", "Done"), "done"),
        RefundState::Failed => (lang.say("失败", "Failed"), "off"),
        _ => (lang.say("处理中", "Under way"), "go"),
    }
}

pub fn batch(lang: Lang, state: fulfillment::State) -> Badge {
    use fulfillment::State::{HandedOver, Packed, Planned, Released};
    match state {
        Planned => (lang.say("计划", "Planned"), "off"),
        Released => (lang.say("已下发", "Released"), "wait"),
        Packed => (lang.say("已打包", "Packed"), "go"),
        HandedOver => (lang.say("已交接", "Handed over"), "done"),
    }
}

pub fn parcel(lang: Lang, parcel: &StaffParcel) -> Badge {
    match parcel {
        parcel if parcel.delivered_at.is_some() => (lang.say("已签收", "Delivered"), "done"),
        parcel if parcel.handed_over_at.is_some() => (lang.say("已交接", "Handed over"), "done"),
        parcel if !parcel.holds.is_empty() => (lang.say("留置", "Held"), "wait"),
        parcel if parcel.packed_at.is_some() => (lang.say("已打包", "Packed"), "go"),
        _ => (lang.say("待打包", "To pack"), "off"),
    }
}

/// Why a parcel is held; empty when it isn't.
pub fn holds(lang: Lang, parcel: &StaffParcel) -> String {
    let words = parcel.holds.iter().map(|hold| match (hold, &parcel.held_reason) {
        (Hold::ByStaff, Some(reason)) => reason.clone(),
        (hold, _) => lang.pick(&hold.text()).to_owned(),
    });
    words.collect::<Vec<_>>().join(lang.say("；", "; "))
}

/// What became of a parcel of an act.
pub fn outcome(outcome: Outcome) -> Text {
    match outcome {
        Outcome::Done => text("做好了", "done"),
        Outcome::AlreadyDone => text("已经是这样了", "was so before"),
        Outcome::Repeated => text("重复了", "is there twice"),
        Outcome::Unknown => text("没有这个包裹", "is no parcel of the village"),
        Outcome::Elsewhere => text("在别的批次", "is in another batch"),
        Outcome::Held => text("留置", "is held"),
        Outcome::NoLot => text("没有合适的批号了", "has no lot left that lasts"),
        Outcome::HandedOver => text("已经交给快递", "is with the carrier already"),
        Outcome::Packed => text("已打包，请先拆开", "is packed: unpack it first"),
        Outcome::HasWaybill => text("已有运单号，请先作废", "has a waybill: void that first"),
        Outcome::NotServed => text("快递那天不收", "is not collected on that day"),
        Outcome::LeftBehind => text("没有打包，留下了", "was not packed and stays"),
        Outcome::BadNumber => text("运单号不对", "can't have that waybill"),
        Outcome::Overtaken => text("后来又改过", "was changed by a later scan"),
        Outcome::NotReleased => text("批次还没下发", "is in a batch that is not released"),
        Outcome::BadClock => text("手机时间不对", "was scanned by a clock that runs ahead"),
    }
}

/// Grams as kilograms with one decimal.
pub fn kilos(grams: i64) -> String {
    format!("{}.{}", grams / 1_000, grams % 1_000 / 100)
}

pub fn movement(lang: Lang, kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Receipt => lang.say("入库", "Receipt"),
        MovementKind::Adjustment => lang.say("调整", "Adjustment"),
        MovementKind::Shipped => lang.say("发货", "Shipped"),
        MovementKind::Returned => lang.say("退回", "Returned"),
    }
}

/// An act of the operation log; one that has no words yet is shown by its name.
pub fn act(lang: Lang, act: &str) -> &str {
    match act {
        "order.unmask" => lang.say("查看收件人", "Saw the recipient"),
        "order.cancel" => lang.say("取消订单", "Cancelled the order"),
        "order.edit" => lang.say("修改订单", "Edited the order"),
        "order.propose" => lang.say("提出修改", "Proposed a change"),
        "order.place" => lang.say("代客下单", "Placed for a buyer"),
        "late.ask" => lang.say("问晚到的买家", "Asked about a late order"),
        "orders.import" => lang.say("导入订单", "Imported orders"),
        "payment.confirm" => lang.say("确认收款", "Confirmed a payment"),
        "payment.confirm_first" => lang.say("确认收款，等第二个人", "Confirmed a payment, first of two"),
        "payment.take_back" => lang.say("撤回收款确认", "Took a confirmation back"),
        "payment.reverse" => lang.say("冲销收款", "Reversed a payment"),
        "claim.decide" => lang.say("答复售后", "Answered a claim"),
        "claim.goods_back" => lang.say("登记退货", "Goods came back"),
        "claim.undo" => lang.say("撤销售后答复", "Took an answer back"),
        "picture.add" => lang.say("添加图片", "Added a picture"),
        "picture.arrange" => lang.say("调整图片顺序", "Arranged pictures"),
        "picture.remove" => lang.say("删除图片", "Removed a picture"),
        "refund.start" => lang.say("发起退款", "Started a refund"),
        "refund.done" => lang.say("完成退款", "Carried a refund out"),
        "stock.receive" => lang.say("入库", "Received stock"),
        "stock.adjust" => lang.say("调整库存", "Adjusted stock"),
        "stock.sell_ahead" => lang.say("设置预售", "Set selling ahead"),
        "product.create" => lang.say("新建商品", "Added a product"),
        "product.change" => lang.say("修改商品", "Changed a product"),
        "sku.create" => lang.say("新建规格", "Added a sku"),
        "sku.change" => lang.say("修改规格", "Changed a sku"),
        "link.create" => lang.say("新建链接", "Made a link"),
        "link.change" => lang.say("修改链接", "Changed a link"),
        "plan.commit" => lang.say("排期", "Made the plan"),
        "batch.release" => lang.say("下发批次", "Released a batch"),
        "batch.recall" => lang.say("撤回批次", "Called a batch back"),
        "batch.pack" => lang.say("打包", "Packed"),
        "batch.unpack" => lang.say("拆开", "Unpacked"),
        "batch.hold" => lang.say("留置", "Held parcels"),
        "batch.unhold" => lang.say("放行", "Let parcels go"),
        "batch.split" => lang.say("移动包裹", "Moved parcels"),
        "batch.take_out" => lang.say("退回待排", "Took parcels out"),
        "batch.hand_over" => lang.say("交接", "Handed over"),
        "batch.take_back" => lang.say("撤销交接", "Undid a hand-over"),
        "calendar.capacity" => lang.say("修改产能", "Changed capacity"),
        "calendar.carriers" => lang.say("修改快递", "Changed carriers"),
        "village.change" => lang.say("修改本村资料", "Changed the village"),
        "freight.replace" => lang.say("修改运费", "Changed freight"),
        "staff.create" => lang.say("添加人员", "Added staff"),
        "staff.change" => lang.say("修改人员", "Changed staff"),
        "token.create" => lang.say("新建令牌", "Made a token"),
        "token.revoke" => lang.say("作废令牌", "Revoked tokens"),
        "subscriber.add" => lang.say("登记伙伴", "Added a partner"),
        "subscriber.remove" => lang.say("移除伙伴", "Removed a partner"),
        "outbox.retry" => lang.say("重发通知", "Retried an event"),
        other => other,
    }
}
