//! Money and the end of an order: confirming a payment, giving money back, cancelling.

use axum::extract::{Path, State};
use axum::response::Response;

use super::act::Act;
use super::desk::Desk;
use super::order::{act, find, path};
use super::told::channels;
use crate::error::{Result, text};
use crate::money::Fen;
use crate::orders::Order;
use crate::payments::api as money;
use crate::payments::confirm::confirm as confirm_payment;
use crate::villages::store as villages;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::Json;

async fn confirm_act(desk: &Desk, order: &Order) -> Result<Act> {
    let account = villages::settings(&desk.db, order.village_id).await?.account;
    let due = Fen((order.total_fen.0 - order.captured_fen.0).max(0));
    let form = Form::new(
        desk.lang,
        path(order, "confirm-payment"),
        desk.t("钱已到账", "The money is here"),
    )
    .with(
        Field::new(
            Kind::Text,
            "received_into",
            desk.t("到了哪个账户", "Received into"),
        )
        .value(account)
        .hint(desk.t(
            "村集体的账户，不收个人账户。",
            "The collective's account, never a person's.",
        ))
        .max(80),
    )
    .with(Field::new(Kind::Yuan, "amount_fen", desk.t("金额（元）", "Amount (yuan)")).value(due.to_string()))
    .with(
        Field::new(
            Kind::Text,
            "reference",
            desk.t("流水号或凭证号", "Bank serial or receipt number"),
        )
        .hint(desk.t("以后对账靠它。", "Accounts are matched by it."))
        .max(80),
    )
    .with(
        Field::new(Kind::Pick, "channel", desk.t("渠道", "Channel"))
            .options(channels(desk.lang))
            .optional(),
    )
    .with(Field::new(Kind::Moment, "received_at", desk.t("到账时间", "Came at")).optional())
    .with(Field::new(Kind::Text, "note", desk.t("备注", "Note")).optional());
    let form = match due {
        Fen::ZERO => form.with(Field::new(
            Kind::Tick,
            "as_surplus",
            desk.t(
                "订单已付清，这是多收的一笔",
                "It is paid already: this is one more payment",
            ),
        )),
        _ => form,
    };
    Ok(act(desk, order, desk.t("确认收款", "Confirm a payment"), form)
        .fact(desk.t("还应付", "Still due"), format!("¥{due}"))
        .lead(desk.t(
            "在银行或微信里看到钱以后再确认。",
            "Confirm only when you have seen the money.",
        )))
}

pub async fn confirm_form(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    let order = find(&desk, &number).await?;
    confirm_act(&desk, &order).await?.show(&desk).await
}

pub async fn confirm(desk: Desk, Path(number): Path<String>, posted: Posted) -> Result<Response> {
    let order = find(&desk, &number).await?;
    let mut act = confirm_act(&desk, &order).await?;
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => {
            let (db, clock) = (State(desk.db.clone()), State(desk.clock.clone()));
            confirm_payment(db, clock, desk.by.clone(), Path(number.clone()), Json(input)).await
        }
        Err(error) => Err(error),
    };
    let said = match &done {
        Ok(Json(order)) if order.checking_fen.is_some() => text(
            "已记下。金额超过限额，等另一个人核对后才算数。",
            "Noted. It is above the limit, and counts once another person has looked.",
        ),
        _ => text("已确认收款。", "The payment is confirmed."),
    };
    let to = format!("/console/orders/{number}");
    act.ended(&desk, done.map(|_| ()), &to, &said).await
}

fn refund_act(desk: &Desk, order: &Order) -> Act {
    let left = Fen(order.captured_fen.0 - order.refunded_fen.0);
    let form = Form::new(desk.lang, path(order, "refunds"), desk.t("退款", "Refund"))
        .with(
            Field::new(Kind::Yuan, "amount_fen", desk.t("退多少（元）", "Amount (yuan)"))
                .value(left.to_string()),
        )
        .with(Field::new(Kind::Text, "reason", desk.t("原因", "Reason")))
        .grave();
    act(desk, order, desk.t("退款", "Refund"), form)
        .fact(desk.t("已收", "Received"), format!("¥{}", order.captured_fen))
        .fact(desk.t("已退", "Refunded"), format!("¥{}", order.refunded_fen))
        .lead(desk.t(
            "订单本身不变。转账收的钱要人工退，退完在“收退款”里登记。",
            "The order stays as it is. Transfers are sent back by hand, and noted under Money.",
        ))
}

pub async fn refund_form(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    let order = find(&desk, &number).await?;
    refund_act(&desk, &order).show(&desk).await
}

pub async fn refund(desk: Desk, Path(number): Path<String>, posted: Posted) -> Result<Response> {
    let order = find(&desk, &number).await?;
    let mut act = refund_act(&desk, &order);
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => {
            let path = Path(number.clone());
            money::start_refund(State(desk.db.clone()), desk.by.clone(), path, Json(input))
                .await
                .map(|_| ())
        }
        Err(error) => Err(error),
    };
    let to = format!("/console/orders/{number}");
    act.ended(
        &desk,
        done,
        &to,
        &text("退款已发起。", "The refund is under way."),
    )
    .await
}

fn cancel_act(desk: &Desk, order: &Order) -> Act {
    let back = Fen(order.captured_fen.0 - order.refunded_fen.0);
    let form = Form::new(
        desk.lang,
        path(order, "cancel"),
        desk.t("确定取消", "Cancel the order"),
    )
    .with(Field::new(Kind::Text, "reason", desk.t("原因", "Reason")))
    .grave();
    let cases = order.ordered - order.cancelled;
    let lead = match back {
        Fen::ZERO => text(
            format!("{cases} 箱货马上放出来，可以再卖。不能撤销。"),
            format!("{cases} cases go back on sale at once. This can't be undone."),
        ),
        _ => text(
            format!("{cases} 箱货马上放出来，¥{back} 开始退给买家。不能撤销。"),
            format!(
                "{cases} cases go back on sale at once and ¥{back} starts on its way back. This can't be undone."
            ),
        ),
    };
    act(desk, order, desk.t("取消订单", "Cancel the order"), form).lead(desk.lang.pick(&lead))
}

pub async fn cancel_form(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    let order = find(&desk, &number).await?;
    cancel_act(&desk, &order).show(&desk).await
}

pub async fn cancel(desk: Desk, Path(number): Path<String>, posted: Posted) -> Result<Response> {
    let order = find(&desk, &number).await?;
    let mut act = cancel_act(&desk, &order);
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => {
            let path = Path(number.clone());
            money::cancel_by_staff(State(desk.db.clone()), desk.by.clone(), path, Json(input))
                .await
                .map(|_| ())
        }
        Err(error) => Err(error),
    };
    let to = format!("/console/orders/{number}");
    act.ended(&desk, done, &to, &text("订单已取消。", "The order is cancelled."))
        .await
}
