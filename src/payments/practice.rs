//! Play money, for `demo` and tests: the buyer is sent to a page with one button, as a real provider would do.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::capture::{Received, capture};
use super::{Payment, parse_token, store};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, not_found};
use crate::id::{Ids, order_token};
use crate::money::{Fen, Method};
use crate::orders::view::{self, OrderView};
use crate::transact;
use crate::web::edge::Lang;
use crate::web::json::Json;

/// Where a buyer pays, relative to the public address.
pub fn path(payment: &Payment) -> String {
    format!("/practice/{}", payment.token())
}

#[derive(Template)]
#[template(path = "practice.html")]
struct Page {
    lang: Lang,
    token: String,
    amount: Fen,
    open: bool,
    order: String,
}

async fn find(db: &Db, token: &str) -> Result<Payment> {
    let (village, id) = parse_token(token).ok_or_else(not_found)?;
    let payment = store::by_id(db, village, id).await?.ok_or_else(not_found)?;
    if payment.method == Method::Practice {
        Ok(payment)
    } else {
        Err(not_found())
    }
}

pub async fn page(State(db): State<Db>, lang: Lang, Path(token): Path<String>) -> Result<Html<String>> {
    let payment = find(&db, &token).await?;
    let page = Page {
        lang,
        token: payment.token(),
        amount: payment.amount_fen,
        open: payment.state.next(super::Event::GivenUp).is_some(),
        order: order_token(payment.village_id, payment.order_id),
    };
    Ok(Html(page.render().map_err(anyhow::Error::from)?))
}

/// The button of the page.
pub async fn pay_by_page(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path(token): Path<String>,
) -> Result<Response> {
    let order = pay(&db, &clock, &ids, &token).await?;
    Ok(Redirect::to(&format!("/o/{}", order.token)).into_response())
}

/// The same for programs.
pub async fn pay_by_program(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path(token): Path<String>,
) -> Result<Json<OrderView>> {
    pay(&db, &clock, &ids, &token).await.map(Json)
}

async fn pay(db: &Db, clock: &Clock, ids: &Ids, token: &str) -> Result<OrderView> {
    let payment = find(db, token).await?;
    let at = clock.now();
    // paying twice is what a double click does: the second one finds it done
    if payment.state.next(super::Event::MoneyCame).is_some() {
        transact!(db, tx => capture(tx, ids, payment.village_id, Received::Opened(payment.clone()), at).await)?;
    }
    view::load(db, payment.village_id, payment.order_id, at).await
}
