//! Placing an order: the one operation behind the JSON call and the page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use super::Source;
use super::draft::Checked;
use super::intake::{Intake, Placed};
use super::store::read;
use super::view;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::error::{Error, Result, invalid, text};
use crate::links::board::Board;

/// Where orders are handed in.
pub struct Counter {
    pub board: Board,
    pub intake: Intake,
    pub config: Arc<Config>,
    pub db: Db,
    pub clock: Clock,
}

impl<S> FromRequestParts<S> for Counter
where
    S: Send + Sync,
    Board: FromRef<S>,
    Intake: FromRef<S>,
    Arc<Config>: FromRef<S>,
    Db: FromRef<S>,
    Clock: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Counter {
            board: Board::from_ref(state),
            intake: Intake::from_ref(state),
            config: FromRef::from_ref(state),
            db: Db::from_ref(state),
            clock: Clock::from_ref(state),
        })
    }
}

impl Counter {
    /// Places a checked order on the link of this code, or finds the one that the same key and content placed before.
    ///
    /// # Errors
    /// 404 when there is no such link, 422 `invalid` for a sku that isn't on it, and those of [`Intake::place`].
    pub async fn place(&self, code: &str, key: &str, checked: Checked) -> Result<Placed> {
        let facts = self.board.facts(code).await?;
        let (village, link) = (facts.village, facts.link_id);
        match checked.on(facts, Some(key.to_owned())) {
            Ok(draft) => self.intake.place(draft, Source::Link).await,
            // the sku may have left the link since the first try
            Err((index, checked)) => match link {
                Some(link)
                    if let Some((id, hash)) = read::by_key(&self.db, village, link, key).await?
                        && hash == checked.hash =>
                {
                    Ok(Placed {
                        order: view::load(&self.db, village, id, self.clock.now()).await?,
                        created: false,
                    })
                }
                _ => Err(unknown_sku(index)),
            },
        }
    }
}

pub fn unknown_sku(index: usize) -> Error {
    invalid(
        format!("items[{index}].sku"),
        text("这里没有这件商品。", "That is not offered here."),
    )
}
