//! The list of orders: search and filters that stay in the address, and acts on several at once.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::desk::{Desk, Place, Shell};
use super::words;
use crate::error::{Result, text};
use crate::money::{Fen, Method};
use crate::orders::api::{self, ListQuery, OrderRow};
use crate::orders::view::by_number;
use crate::orders::{Order, Status, is_number};
use crate::payments::api::{CancelByStaff, cancel_by_staff};
use crate::villages::Role;
use crate::web::form::{Posted, mendable};
use crate::web::json::{Json, Query, parse};

/// Orders of one page, and of one act.
const ROWS: i64 = 50;

/// What of the list is asked for; empty parts narrow nothing.
#[derive(Clone, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    status: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    link: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    after: String,
}

impl Asked {
    /// The address of the list narrowed like this.
    fn href(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let parts = [
            ("status", &self.status),
            ("q", &self.q),
            ("link", &self.link),
            ("method", &self.method),
            ("after", &self.after),
        ];
        for (name, value) in parts.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        match query.finish() {
            query if query.is_empty() => "/console/orders".to_owned(),
            query => format!("/console/orders?{query}"),
        }
    }

    fn query(&self) -> ListQuery {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        ListQuery {
            status: Status::parse(&self.status).map(|status| status.as_str().to_owned()),
            link: some(&self.link),
            q: some(&self.q),
            method: serde_json::from_value::<Method>(self.method.as_str().into()).ok(),
            limit: Some(ROWS),
            after: some(&self.after),
            ..ListQuery::default()
        }
    }
}

struct Chip {
    label: &'static str,
    href: String,
    on: bool,
}

#[derive(Template)]
#[template(path = "console/orders.html")]
struct OrdersPage {
    shell: Shell,
    asked: Asked,
    chips: Vec<Chip>,
    rows: Vec<OrderRow>,
    next: Option<String>,
    notice: Option<String>,
}

impl OrdersPage {
    fn badge(&self, row: &OrderRow) -> words::Badge {
        words::status(self.shell.lang, row.status)
    }

    fn is_narrowed(&self) -> bool {
        self.asked.href() != "/console/orders"
    }

    /// Whether several orders can be cancelled from here.
    fn has_bulk(&self) -> bool {
        self.shell.is_manager() && !self.rows.is_empty()
    }
}

pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    show(&desk, asked, None).await
}

async fn show(desk: &Desk, asked: Asked, notice: Option<String>) -> Result<Response> {
    let Json(page) = api::list(State(desk.db.clone()), desk.by.clone(), Query(asked.query())).await?;
    let chip = |label, status: &str| Chip {
        label,
        on: asked.status == status,
        href: Asked {
            status: status.to_owned(),
            after: String::new(),
            ..asked.clone()
        }
        .href(),
    };
    let states = words::STATUSES.map(|status| chip(words::status(desk.lang, status).0, status.as_str()));
    let mut chips = vec![chip(desk.t("全部", "All"), "")];
    chips.extend(states);
    let next = page.next.map(|after| {
        Asked {
            after,
            ..asked.clone()
        }
        .href()
    });
    let page = OrdersPage {
        shell: desk.shell(Place::Orders).await?,
        chips,
        rows: page.items,
        next,
        notice,
        asked,
    };
    desk.show(&page)
}

/// What the act would do to one order, or has done.
struct Outcome {
    number: String,
    name: String,
    badge: words::Badge,
    cases: i64,
    /// money that goes back
    back: Fen,
    refused: Option<String>,
}

#[derive(Template)]
#[template(path = "console/bulk.html")]
struct BulkPage {
    shell: Shell,
    outcomes: Vec<Outcome>,
    reason: String,
    reason_error: Option<String>,
    /// false: nothing has been done yet
    done: bool,
}

impl BulkPage {
    fn good(&self) -> usize {
        self.outcomes
            .iter()
            .filter(|outcome| outcome.refused.is_none())
            .count()
    }

    fn back(&self) -> Fen {
        let good = self.outcomes.iter().filter(|outcome| outcome.refused.is_none());
        Fen(good.map(|outcome| outcome.back.0).sum())
    }
}

/// Cancels several orders: first shows what that means, then does it order by order and says what became of each.
pub async fn bulk(desk: Desk, posted: Posted) -> Result<Response> {
    let numbers: Vec<String> = posted
        .all("number")
        .filter(|number| is_number(number))
        .map(str::to_owned)
        .collect();
    if numbers.is_empty() {
        let notice = desk
            .t("请先勾选订单。", "Please tick some orders first.")
            .to_owned();
        return show(&desk, Asked::default(), Some(notice)).await;
    }
    let mut orders = Vec::new();
    for number in numbers.iter().take(ROWS as usize) {
        orders.push(by_number(&desk.db, &desk.by, number).await?);
    }
    let reason = posted.get("reason").trim().to_owned();
    let confirmed = posted.get("act") == "do";
    let short = reason.chars().count() < 2;
    let mut page = BulkPage {
        shell: desk.shell(Place::Orders).await?,
        outcomes: Vec::new(),
        reason_error: (confirmed && short).then(|| {
            desk.t(
                "请写原因（至少两个字）。",
                "Please say why, in two characters or more.",
            )
            .to_owned()
        }),
        done: confirmed && !short,
        reason,
    };
    for order in orders {
        let mut outcome = preview(&desk, &order);
        if page.done && outcome.refused.is_none() {
            outcome.refused = cancel(&desk, &order.number, &page.reason).await?;
        }
        page.outcomes.push(outcome);
    }
    desk.show(&page)
}

fn preview(desk: &Desk, order: &Order) -> Outcome {
    let status = order.status();
    let refused = match status {
        Status::AwaitingPayment | Status::Paid if order.packed == 0 => None,
        Status::Cancelled | Status::Expired | Status::Refunded => {
            Some(text("已经结束，不用取消。", "It has ended already."))
        }
        _ => Some(text(
            "已经开始打包，不能取消。",
            "Packing has begun; it can't be cancelled.",
        )),
    };
    Outcome {
        number: order.number.clone(),
        name: crate::phone::mask_name(&order.name),
        badge: words::status(desk.lang, status),
        cases: order.ordered - order.cancelled,
        back: Fen(order.captured_fen.0 - order.refunded_fen.0),
        refused: refused.map(|words| desk.lang.pick(&words).to_owned()),
    }
}

/// Cancels one order; what refuses it is said beside it.
async fn cancel(desk: &Desk, number: &str, reason: &str) -> Result<Option<String>> {
    let input: CancelByStaff = parse(serde_json::json!({ "reason": reason }).to_string().as_bytes())?;
    let path = Path(number.to_owned());
    match cancel_by_staff(State(desk.db.clone()), desk.by.clone(), path, Json(input)).await {
        Ok(_) => Ok(None),
        Err(error) => Ok(Some(desk.lang.pick(&mendable(error)?.detail).to_owned())),
    }
}

/// Who may open an order's page.
pub fn may_open(role: Role) -> bool {
    role != Role::Host
}
