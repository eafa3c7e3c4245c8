//! Money that waits for a hand: transfers to confirm, and refunds that a person sends.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use uuid::Uuid;

use super::act::Act;
use super::desk::{Desk, Place, Shell};
use super::store::{self, RefundRow};
use super::words;
use crate::error::{Result, not_found, text};
use crate::money::{Fen, Method};
use crate::orders::Status;
use crate::orders::api::{self, ListQuery, OrderRow};
use crate::payments::RefundState;
use crate::payments::api::refund_done;
use crate::payments::reverse::{self, UnevenOrder};
use crate::payments::store::told::{self, Confirmation};
use crate::villages::Role;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page, Paging};

const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "console/money.html")]
struct MoneyPage {
    shell: Shell,
    orders: Vec<OrderRow>,
    more: bool,
    /// what a second person has to agree to
    checking: Vec<Confirmation>,
    /// paid too little or too much
    uneven: Vec<UnevenOrder>,
    refunds: Vec<RefundRow>,
    next: Option<String>,
    /// which refunds: all, or those that are not done
    all: bool,
}

impl MoneyPage {
    fn may_act(&self) -> bool {
        self.shell.may(&[Role::Manager, Role::Accountant])
    }

    fn badge(&self, row: &RefundRow) -> words::Badge {
        words::refund(self.shell.lang, row.state)
    }

    fn is_by_hand(&self, row: &RefundRow) -> bool {
        row.state == RefundState::ByHand
    }

    fn due(&self, row: &OrderRow) -> Fen {
        Fen(row.total_fen.0 - row.captured_fen.0)
    }
}

#[derive(serde::Deserialize)]
pub struct Asked {
    #[serde(default)]
    all: String,
    after: Option<String>,
}

pub async fn page(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let query = ListQuery {
        status: Some(Status::AwaitingPayment.as_str().to_owned()),
        method: Some(Method::Transfer),
        limit: Some(ROWS),
        ..ListQuery::default()
    };
    let Json(waiting) = api::list(State(desk.db.clone()), desk.by.clone(), Query(query)).await?;
    let all = !asked.all.is_empty();
    let before = listing::before(asked.after.as_deref().filter(|after| !after.is_empty()))?;
    let rows = store::refunds(&desk.db, desk.by.staff.village, !all, before, ROWS + 1).await?;
    let refunds = Page::cut(rows, ROWS, |row| row.id.to_string());
    let now = desk.by.at;
    let checking = told::confirmations(&desk.db, desk.by.staff.village, true, Uuid::max(), ROWS).await?;
    let uneven = reverse::uneven(State(desk.db.clone()), desk.by.clone(), paging(ROWS, None)).await?;
    let page = MoneyPage {
        checking,
        uneven: uneven.0.items,
        shell: desk.shell(Place::Money).await?,
        more: waiting.next.is_some(),
        // what is past its end waits for nothing but the sweep
        orders: waiting
            .items
            .into_iter()
            .filter(|row| row.pay_before.is_none_or(|end| end > now))
            .collect(),
        refunds: refunds.items,
        next: refunds.next,
        all,
    };
    desk.show(&page)
}

async fn act(desk: &Desk, id: &str) -> Result<Act> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let refund = store::refund(&desk.db, desk.by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    let form = Form::new(
        desk.lang,
        format!("/console/refunds/{id}"),
        desk.t("钱已退回", "The money is sent"),
    )
    .with(
        Field::new(
            Kind::Text,
            "reference",
            desk.t("流水号或凭证号", "Bank serial or receipt number"),
        )
        .max(80),
    );
    let back = ("/console/money#refunds", desk.t("收退款", "Money"));
    Ok(
        Act::new(Place::Money, desk.t("登记退款", "Note a refund"), back, form)
            .fact(desk.t("订单", "Order"), refund.number)
            .fact(desk.t("金额", "Amount"), format!("¥{}", refund.amount_fen))
            .fact(desk.t("原因", "Reason"), refund.reason)
            .fact(desk.t("状态", "State"), words::refund(desk.lang, refund.state).0)
            .lead(desk.t(
                "先在银行把钱退给买家，再在这里登记。",
                "Send the money at the bank first, then note it here.",
            )),
    )
}

pub async fn refund_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    act(&desk, &id).await?.show(&desk).await
}

pub async fn refund(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let mut act = act(&desk, &id).await?;
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => refund_done(State(desk.db.clone()), desk.by.clone(), Path(id), Json(input))
            .await
            .map(|_| ()),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => desk.done(
            "/console/money#refunds",
            &text("退款已登记。", "The refund is noted."),
        ),
        Err(error) => act.again(&desk, error).await,
    }
}

/// The first page of a list.
pub fn paging(limit: i64, after: Option<String>) -> Query<Paging> {
    Query(Paging {
        limit: Some(limit),
        after: after.filter(|after| !after.is_empty()),
    })
}
