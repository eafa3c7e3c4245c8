//! Staff place an order for a buyer on the phone or at the counter: the same way in as a buyer's, through the intake.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Source;
use super::api::answer;
use super::draft::{self, Item, PlaceOrder, Recipient};
use super::intake::{Intake, Placed};
use super::place::unknown_sku;
use crate::config::Config;
use crate::error::{Result, invalid, not_found, text};
use crate::links::board::{Board, Facts};
use crate::money::Method;
use crate::villages::Role;
use crate::villages::auth::By;
use crate::web::input::optional_key;
use crate::web::json::Json;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceForBuyer {
    /// a link's code: its prices, its quota, its window. Without one, list prices and the channel `counter`
    link: Option<String>,
    items: Vec<Item>,
    recipient: Recipient,
    payment_method: Method,
    note: Option<String>,
}

/// Places an order for a buyer. An `Idempotency-Key` is welcome, and not asked for.
pub async fn place(
    State(board): State<Board>,
    State(intake): State<Intake>,
    State(config): State<Arc<Config>>,
    by: By,
    headers: HeaderMap,
    Json(input): Json<PlaceForBuyer>,
) -> Result<Response> {
    let key = optional_key(&headers)?;
    let placed = place_for(&board, &intake, &config, by, key, input).await?;
    Ok(answer(placed))
}

/// The operation behind it; `key` makes a repeated request one order.
///
/// # Errors
/// Those of a buyer's order; 404 for a link that isn't one of theirs.
pub async fn place_for(
    board: &Board,
    intake: &Intake,
    config: &Config,
    by: By,
    key: Option<String>,
    input: PlaceForBuyer,
) -> Result<Placed> {
    let PlaceForBuyer {
        link,
        items,
        recipient,
        payment_method,
        note,
    } = input;
    let order = PlaceOrder {
        items,
        recipient,
        payment_method,
        note,
    };
    let checked = draft::check(&order, &config.payments)?;
    let facts = match link {
        Some(code) => of_link(board, &by, &code).await?,
        None => {
            let skus: Vec<String> = checked.items.iter().map(|item| item.sku.clone()).collect();
            at_the_counter(board, &by, &skus).await?
        }
    };
    let mut draft = checked.on(facts, key).map_err(|(index, _)| unknown_sku(index))?;
    draft.placed_by = Some(by);
    intake.place(draft, Source::Staff).await
}

/// A link of the staff's own village, and for a host one that they made; everything else does not exist for them.
async fn of_link(board: &Board, by: &By, code: &str) -> Result<Arc<Facts>> {
    let facts = board.facts(code).await?;
    let own = by.staff.role != Role::Host || facts.created_by == Some(by.staff.id);
    if facts.village == by.staff.village && own {
        Ok(facts)
    } else {
        Err(not_found())
    }
}

async fn at_the_counter(board: &Board, by: &By, skus: &[String]) -> Result<Arc<Facts>> {
    if by.staff.role == Role::Host {
        let message = text(
            "请填写您自己的链接。",
            "Name one of your own links: hosts sell through links.",
        );
        return Err(invalid("link", message));
    }
    let facts = board.counter(by.staff.village, skus, &by.staff.login).await?;
    Ok(Arc::new(facts))
}
