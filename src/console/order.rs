//! One order: its page, and its recipient in clear.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::act::Act;
use super::desk::{Desk, Place, Shell};
use super::{store, words};
use crate::error::Result;
use crate::id::first_uuid;
use crate::money::Fen;
use crate::orders::api::{ClearRecipient, Unmask, unmask};
use crate::orders::view::{OrderView, by_number, load_with_order};
use crate::orders::{ChangeState, Order, Status};
use crate::payments::store::told::Confirmation;
use crate::payments::{self, Payment};
use crate::phone::{mask_name, mask_phone};
use crate::villages::store::Operation;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::Json;

/// Entries of an order's history.
const HISTORY: i64 = 50;

#[derive(Template)]
#[template(path = "console/order.html")]
struct OrderPage {
    shell: Shell,
    order: Order,
    view: OrderView,
    payments: Vec<Payment>,
    told: Vec<Confirmation>,
    history: Vec<Operation>,
    clear: Option<ClearRecipient>,
    link: Option<String>,
}

impl OrderPage {
    fn badge(&self) -> words::Badge {
        words::status(self.shell.lang, self.view.status)
    }

    fn name(&self) -> String {
        self.clear
            .as_ref()
            .map_or_else(|| mask_name(&self.order.name), |clear| clear.name.clone())
    }

    fn phone(&self) -> String {
        self.clear
            .as_ref()
            .map_or_else(|| mask_phone(&self.order.phone), |clear| clear.phone.clone())
    }

    fn area(&self) -> String {
        let order = &self.order;
        let mut parts = vec![order.province.as_str(), &order.city, &order.district];
        parts.dedup();
        parts.concat()
    }

    fn due(&self) -> Fen {
        Fen((self.order.total_fen.0 - self.order.captured_fen.0).max(0))
    }

    fn left_to_refund(&self) -> Fen {
        Fen(self.order.captured_fen.0 - self.order.refunded_fen.0)
    }

    fn has_ended(&self) -> bool {
        matches!(
            self.view.status,
            Status::Cancelled | Status::Expired | Status::Refunded
        )
    }

    fn may_unmask(&self) -> bool {
        use crate::villages::Role::{Manager, Packer};
        self.clear.is_none() && self.shell.may(&[Manager, Packer])
    }

    fn may_handle_money(&self) -> bool {
        use crate::villages::Role::{Accountant, Manager};
        self.shell.may(&[Manager, Accountant])
    }

    fn may_confirm(&self) -> bool {
        self.may_handle_money() && self.due() > Fen::ZERO && self.view.status != Status::Cancelled
    }

    /// One more payment for what is paid already: the buyer transferred twice.
    fn may_confirm_more(&self) -> bool {
        self.may_handle_money() && self.due() == Fen::ZERO && !self.has_ended()
    }

    /// What staff have said of a payment.
    fn told(&self, payment: &Payment) -> Option<&Confirmation> {
        self.told.iter().find(|told| told.payment_id == Some(payment.id))
    }

    fn may_refund(&self) -> bool {
        self.may_handle_money() && self.left_to_refund() > Fen::ZERO
    }

    fn may_change(&self) -> bool {
        self.shell.is_manager() && self.order.packed == 0 && !self.has_ended()
    }

    fn change_state(&self, state: &ChangeState) -> &'static str {
        match state {
            ChangeState::Applied => self.shell.t("已改", "made"),
            ChangeState::Proposed => self.shell.t("等买家同意", "waits for the buyer"),
            ChangeState::Agreed => self.shell.t("买家已同意", "agreed"),
            ChangeState::Declined => self.shell.t("未同意", "declined"),
        }
    }
}

pub async fn page(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    show(&desk, &number, None).await
}

async fn show(desk: &Desk, number: &str, clear: Option<ClearRecipient>) -> Result<Response> {
    let found = by_number(&desk.db, &desk.by, number).await?;
    let (order, view) = load_with_order(&desk.db, found.village_id, found.id, desk.by.at).await?;
    let link = match order.link_id {
        Some(link) => crate::links::store::board::code(&desk.db, order.village_id, link).await?,
        None => None,
    };
    let page = OrderPage {
        shell: desk.shell(Place::Orders).await?,
        payments: payments::store::of_order(&desk.db, order.village_id, order.id).await?,
        told: payments::store::told::of_order(&desk.db, order.village_id, order.id).await?,
        history: store::history(
            &desk.db,
            order.village_id,
            &order.number,
            first_uuid(order.placed_at),
            HISTORY,
        )
        .await?,
        clear,
        link,
        order,
        view,
    };
    desk.show(&page)
}

/// The page of an act on an order.
pub(super) fn act(desk: &Desk, order: &Order, title: &str, form: Form) -> Act {
    let path = format!("/console/orders/{}", order.number);
    Act::new(Place::Orders, title, (&path, &order.number), form)
        .fact(desk.t("收件人", "Recipient"), mask_name(&order.name))
        .fact(desk.t("合计", "Total"), format!("¥{}", order.total_fen))
}

pub(super) fn path(order: &Order, act: &str) -> String {
    format!("/console/orders/{}/{act}", order.number)
}

pub(super) async fn find(desk: &Desk, number: &str) -> Result<Order> {
    by_number(&desk.db, &desk.by, number).await
}

fn unmask_act(desk: &Desk, order: &Order) -> Act {
    let form = Form::new(desk.lang, path(order, "unmask"), desk.t("显示", "Show")).with(
        Field::new(Kind::Text, "reason", desk.t("为什么要看", "Why")).offers(
            [
                desk.t("打包贴单", "Packing"),
                desk.t("联系买家", "Calling the buyer"),
            ]
            .map(str::to_owned),
        ),
    );
    act(desk, order, desk.t("显示完整收件人", "Show the recipient"), form).lead(desk.t(
        "谁看过、为什么，都会记下来。",
        "Who looked, and why, is recorded.",
    ))
}

pub async fn unmask_form(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    let order = find(&desk, &number).await?;
    unmask_act(&desk, &order).show(&desk).await
}

/// Shows the order's page once with the recipient in clear; nothing leads back to it.
pub async fn unmask_page(desk: Desk, Path(number): Path<String>, posted: Posted) -> Result<Response> {
    let order = find(&desk, &number).await?;
    let mut act = unmask_act(&desk, &order);
    act.form = act.form.typed(&posted);
    let seen = match act.form.read::<Unmask>() {
        Ok(input) => {
            unmask(
                State(desk.db.clone()),
                desk.by.clone(),
                Path(number.clone()),
                Json(input),
            )
            .await
        }
        Err(error) => Err(error),
    };
    match seen {
        Ok(Json(clear)) => show(&desk, &number, Some(clear)).await,
        Err(error) => act.again(&desk, error).await,
    }
}
