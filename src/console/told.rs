//! Money that only staff have seen: the second person's look, a reversal, and a surplus that goes back. Each asks first.

use axum::extract::{Path, State};
use axum::response::Response;

use super::act::Act;
use super::desk::{Desk, Place};
use super::order::{act, find, path};
use super::words;
use crate::error::{Result, text};
use crate::money::Fen;
use crate::orders::Order;
use crate::orders::store::read;
use crate::orders::view;
use crate::payments::store::told::Confirmation;
use crate::payments::told::Channel;
use crate::payments::{confirm, reverse};
use crate::web::edge::Lang;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::Json;

const LIST: &str = "/console/money#checking";

/// The ways in which money comes, for a form.
pub fn channels(lang: Lang) -> [(&'static str, &'static str); 6] {
    [
        ("", lang.say("没有写", "Not said")),
        ("bank", channel(lang, Channel::Bank)),
        ("alipay", channel(lang, Channel::Alipay)),
        ("wechat", channel(lang, Channel::Wechat)),
        ("cash", channel(lang, Channel::Cash)),
        ("other", channel(lang, Channel::Other)),
    ]
}

fn channel(lang: Lang, channel: Channel) -> &'static str {
    match channel {
        Channel::Bank => lang.say("银行", "Bank"),
        Channel::Alipay => lang.say("支付宝", "Alipay"),
        Channel::Wechat => lang.say("微信", "WeChat"),
        Channel::Cash => lang.say("现金", "Cash"),
        Channel::Other => lang.say("其他", "Other"),
    }
}

/// The page about a confirmation, with what was seen as its facts.
fn about(desk: &Desk, row: &Confirmation, title: &str, form: Form) -> Act {
    let back = (LIST, desk.t("收退款", "Money"));
    let mut act = Act::new(Place::Money, title, back, form)
        .fact(desk.t("订单", "Order"), &row.number)
        .fact(desk.t("金额", "Amount"), format!("¥{}", row.amount_fen))
        .fact(desk.t("到了哪个账户", "Received into"), &row.received_into)
        .fact(desk.t("流水号或凭证号", "Reference"), &row.reference);
    if let Some(it) = row.channel {
        act = act.fact(desk.t("渠道", "Channel"), channel(desk.lang, it));
    }
    if let Some(at) = row.received_at {
        act = act.fact(desk.t("到账时间", "Came at"), desk.lang.moment(&at));
    }
    if let Some(note) = &row.note {
        act = act.fact(desk.t("备注", "Note"), note);
    }
    act.fact(desk.t("谁确认的", "Confirmed by"), &row.confirmer)
        .fact(desk.t("什么时候", "When"), desk.lang.moment(&row.confirmed_at))
}

fn agree_act(desk: &Desk, row: &Confirmation) -> Act {
    let way = format!("/console/confirmations/{}", row.id);
    let form = Form::new(desk.lang, way, desk.t("我也看到了，算数", "I have seen it too"));
    about(desk, row, desk.t("核对一笔收款", "Check a payment"), form).lead(desk.t(
        "超过限额的收款要两个人看过才算数；第二个人不能是确认的人。",
        "Above the limit two people have to see the money; the second is not the one who confirmed it.",
    ))
}

pub async fn agree_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let row = confirm::find(&desk.db, &desk.by, &id).await?;
    agree_act(&desk, &row).show(&desk).await
}

pub async fn agree(desk: Desk, Path(id): Path<String>, _: Posted) -> Result<Response> {
    let row = confirm::find(&desk.db, &desk.by, &id).await?;
    let agreed = confirm::agree(State(desk.db.clone()), desk.by.clone(), Path(id)).await;
    let said = text(
        "两个人都看过了，已算收款。",
        "Two people have seen it: it counts.",
    );
    agree_act(&desk, &row)
        .ended(&desk, agreed.map(|_| ()), LIST, &said)
        .await
}

fn take_back_act(desk: &Desk, row: &Confirmation) -> Act {
    let way = format!("/console/confirmations/{}/take-back", row.id);
    let form = Form::new(desk.lang, way, desk.t("撤回", "Take it back"))
        .with(Field::new(Kind::Text, "reason", desk.t("原因", "Reason")))
        .grave();
    about(
        desk,
        row,
        desk.t("撤回一笔确认", "Take a confirmation back"),
        form,
    )
}

pub async fn take_back_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let row = confirm::find(&desk.db, &desk.by, &id).await?;
    take_back_act(&desk, &row).show(&desk).await
}

pub async fn take_back(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let row = confirm::find(&desk.db, &desk.by, &id).await?;
    let mut act = take_back_act(&desk, &row);
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => confirm::take_back(State(desk.db.clone()), desk.by.clone(), Path(id), Json(input))
            .await
            .map(|_| ()),
        Err(error) => Err(error),
    };
    act.ended(&desk, done, LIST, &text("已撤回。", "It is taken back."))
        .await
}

/// The order that a payment is of, and the page that asks before the payment is reversed.
async fn reverse_act(desk: &Desk, id: &str) -> Result<(Order, Act)> {
    let payment = reverse::find(&desk.db, &desk.by, id).await?;
    let order = read::by_id(&desk.db, payment.village_id, payment.order_id)
        .await?
        .ok_or_else(crate::error::not_found)?;
    let way = format!("/console/payments/{id}/reverse");
    let form = Form::new(desk.lang, way, desk.t("冲销", "Reverse it"))
        .with(Field::new(Kind::Text, "reason", desk.t("原因", "Reason")))
        .grave();
    let act = act(desk, &order, desk.t("冲销一笔收款", "Reverse a payment"), form)
        .fact(desk.t("这笔收款", "This payment"), format!("¥{}", payment.amount_fen))
        .fact(desk.t("方式", "Method"), words::method(desk.lang, payment.method))
        .lead(desk.t(
            "只用于确认错了、钱根本没到的收款；到过的钱请退款。订单没付够就变回待付款，货再留一天。记录不会删除。",
            "Only for money that was confirmed and never came; refund what did come. An order that is not covered waits for \
             payment again and keeps its goods for a day. Nothing is deleted.",
        ));
    Ok((order, act))
}

pub async fn reverse_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    reverse_act(&desk, &id).await?.1.show(&desk).await
}

pub async fn reverse(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let (order, mut act) = reverse_act(&desk, &id).await?;
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => reverse::reverse(State(desk.db.clone()), desk.by.clone(), Path(id), Json(input))
            .await
            .map(|_| ()),
        Err(error) => Err(error),
    };
    let to = format!("/console/orders/{}", order.number);
    act.ended(&desk, done, &to, &text("已冲销。", "The payment is reversed."))
        .await
}

async fn surplus_act(desk: &Desk, order: &Order) -> Result<Act> {
    let seen = view::load(&desk.db, order.village_id, order.id, desk.by.at).await?;
    let surplus = seen.surplus_fen.unwrap_or(Fen::ZERO);
    let form = Form::new(
        desk.lang,
        path(order, "refund-surplus"),
        desk.t("退回多付的", "Give the surplus back"),
    );
    Ok(
        act(desk, order, desk.t("退回多付的钱", "Give a surplus back"), form)
            .fact(desk.t("已收", "Received"), format!("¥{}", order.captured_fen))
            .fact(desk.t("多付", "Surplus"), format!("¥{surplus}")),
    )
}

pub async fn surplus_form(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    let order = find(&desk, &number).await?;
    surplus_act(&desk, &order).await?.show(&desk).await
}

pub async fn surplus(desk: Desk, Path(number): Path<String>, _: Posted) -> Result<Response> {
    let order = find(&desk, &number).await?;
    let (db, by) = (State(desk.db.clone()), desk.by.clone());
    let done = reverse::refund_surplus(db, by, Path(number.clone())).await;
    let to = format!("/console/orders/{number}");
    surplus_act(&desk, &order)
        .await?
        .ended(
            &desk,
            done.map(|_| ()),
            &to,
            &text("退款已发起。", "The refund is under way."),
        )
        .await
}
