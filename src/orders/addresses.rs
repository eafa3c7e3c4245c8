//! Help with addresses for whoever fills in an order: a pasted text read apart, and the areas to pick from.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::address;
use crate::address::paste::Proposal;
use crate::error::{Problem, Result, text};
use crate::web::input::Check;
use crate::web::json::{Json, Query};

/// Texts read per second in this process: far more than people paste, too few to keep a processor busy. One limit for
/// all, since behind proxies the caller's address says little.
const READS_PER_SECOND: NonZeroU32 = NonZeroU32::new(200).unwrap();

/// The longest text that may be sent, in characters; what is read of it is less.
const MAX_TEXT: usize = 2_000;

/// Keeps the reading of pasted texts, which anybody may ask for, from taking the whole machine.
#[derive(Clone)]
pub struct PasteLimit(Arc<DefaultDirectRateLimiter>);

impl Default for PasteLimit {
    fn default() -> Self {
        PasteLimit(Arc::new(RateLimiter::direct(Quota::per_second(READS_PER_SECOND))))
    }
}

impl PasteLimit {
    /// Counts one text.
    ///
    /// # Errors
    /// 429 when too many came within a second.
    pub fn check(&self) -> Result<()> {
        self.0.check().map_err(|_| {
            let detail = text(
                "现在人太多，请一秒后再试。",
                "Too many at once; please try again in a second.",
            );
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", detail)
                .retry_after(1)
                .into()
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PastedText {
    text: String,
}

/// Reads a name, a phone number and an address out of a pasted text; the form shows them for the buyer to confirm.
pub async fn parse(State(limit): State<PasteLimit>, Json(input): Json<PastedText>) -> Result<Json<Proposal>> {
    limit.check()?;
    let mut check = Check::new();
    check.require(
        input.text.chars().count() <= MAX_TEXT,
        "text",
        text("最多 2000 个字。", "Takes at most 2,000 characters."),
    );
    check.finish()?;
    Ok(Json(address::paste::parse(&input.text)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreasQuery {
    parent: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Areas {
    items: Vec<Area>,
}

#[derive(Serialize, ToSchema)]
pub struct Area {
    /// administrative code, six digits
    code: &'static str,
    name: &'static str,
}

/// The provinces, or the areas below a province or city; none below a code that no area has.
pub async fn areas(Query(query): Query<AreasQuery>) -> Response {
    let area = |(code, name)| Area { code, name };
    let items = match query.parent {
        None => address::provinces().map(area).collect(),
        Some(parent) => address::children(parent.trim()).map(area).collect(),
    };
    // the areas change with a new version of the program at most
    let headers = [(header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, Json(Areas { items })).into_response()
}
