//! Staff make, change and read links; what buyers see of one is the board's.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{Filter, LinkRow, OfferRow};
use super::{Channel, LinkChange, NewLink, Status, edit, stats, status, store};
use crate::clock::{Timestamp, start_of_day};
use crate::config::PublicUrl;
use crate::db::Db;
use crate::error::{Error, Result, not_found};
use crate::id::parse_link_code;
use crate::money::Fen;
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::clean_line;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

/// A link as staff see it.
#[derive(Serialize, ToSchema)]
pub struct Link {
    pub code: String,
    /// the phone page
    pub url: String,
    pub title: String,
    pub channel: Channel,
    /// empty when nobody in particular sells with it
    pub host: String,
    pub opens_at: Option<Timestamp>,
    pub closes_at: Option<Timestamp>,
    /// when staff closed it by hand
    pub closed_at: Option<Timestamp>,
    pub status: Status,
    pub created_at: Timestamp,
    /// the maker's login
    pub created_by: Option<String>,
    pub offers: Vec<Offer>,
}

#[derive(Serialize, ToSchema)]
pub struct Offer {
    pub sku: String,
    pub title: String,
    pub spec: String,
    #[schema(value_type = i64)]
    pub price_fen: Fen,
    pub quota: Option<i64>,
    pub limit_per_order: i64,
    /// cases of live orders
    pub sold: i64,
}

impl Link {
    fn new(row: LinkRow, offers: Vec<OfferRow>, base_url: &str, now: Timestamp) -> Self {
        Link {
            url: url(base_url, &row.code),
            status: status(row.opens_at, row.closes_at, row.closed_at, now),
            code: row.code,
            title: row.title,
            channel: row.channel,
            host: row.host,
            opens_at: row.opens_at,
            closes_at: row.closes_at,
            closed_at: row.closed_at,
            created_at: row.created_at,
            created_by: row.created_by,
            offers: offers.into_iter().map(Offer::from).collect(),
        }
    }

    /// The link as it is now, for an act that has just been committed.
    async fn read(db: &Db, public_url: &PublicUrl, by: &By, code: &str) -> Result<Json<Self>> {
        let (row, offers) = find(db, by, code).await?;
        Ok(Json(Link::new(row, offers, &public_url.0, by.at)))
    }
}

impl From<OfferRow> for Offer {
    fn from(row: OfferRow) -> Self {
        Offer {
            sku: row.sku,
            title: row.title,
            spec: row.spec,
            price_fen: row.price_fen,
            quota: row.quota,
            limit_per_order: row.limit_per_order,
            sold: row.sold,
        }
    }
}

/// The address of a link's phone page.
pub fn url(base_url: &str, code: &str) -> String {
    format!("{base_url}/s/{code}")
}

/// A link and its offers, as far as this member of staff may see them; else 404.
pub async fn find(db: &Db, by: &By, code: &str) -> Result<(LinkRow, Vec<OfferRow>)> {
    let village = by.staff.village;
    let row = store::link(db, village, edit::owner(&by.staff), code).await?;
    let row = row.ok_or_else(not_found)?;
    let offers = store::offers(db, village, &[row.id]).await?;
    Ok((row, offers))
}

/// The `{code}` of a path, in its canonical form; what can't be a code is 404.
pub struct Code(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Code {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(typed) = path.map_err(|_| not_found())?;
        let (_, code) = parse_link_code(&typed).ok_or_else(not_found)?;
        Ok(Code(code))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub limit: Option<i64>,
    pub after: Option<String>,
    pub channel: Option<Channel>,
    pub status: Option<Status>,
    pub host: Option<String>,
}

pub async fn list(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Link>>> {
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let filter = Filter {
        owner: edit::owner(&by.staff),
        channel: query.channel,
        status: query.status,
        host: query.host.as_deref().map(clean_line),
    };
    let rows = store::links(&db, by.staff.village, &filter, by.at, before, limit + 1).await?;
    let page = Page::cut(rows, limit, |row| row.id.to_string());
    let ids: Vec<_> = page.items.iter().map(|row| row.id).collect();
    let mut offers: HashMap<Uuid, Vec<OfferRow>> = HashMap::new();
    for offer in store::offers(&db, by.staff.village, &ids).await? {
        offers.entry(offer.link_id).or_default().push(offer);
    }
    let base_url = &public_url.0;
    let link = |row: LinkRow| {
        let offers = offers.remove(&row.id).unwrap_or_default();
        Link::new(row, offers, base_url, by.at)
    };
    Ok(Json(Page {
        next: page.next,
        items: page.items.into_iter().map(link).collect(),
    }))
}

pub async fn create(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    by: By,
    Json(input): Json<NewLink>,
) -> Result<(StatusCode, Json<Link>)> {
    let new = input.checked()?;
    let code = transact!(db, tx => edit::create(tx, &by, &new).await)?;
    Ok((
        StatusCode::CREATED,
        Link::read(&db, &public_url, &by, &code).await?,
    ))
}

pub async fn change(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    Code(code): Code,
    by: By,
    Json(input): Json<LinkChange>,
) -> Result<Json<Link>> {
    transact!(db, tx => edit::change(tx, &by, &code, &input).await)?;
    Link::read(&db, &public_url, &by, &code).await
}

pub async fn close(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    Code(code): Code,
    by: By,
) -> Result<Json<Link>> {
    let closing = LinkChange {
        closed: Some(true),
        ..LinkChange::default()
    };
    transact!(db, tx => edit::change(tx, &by, &code, &closing).await)?;
    Link::read(&db, &public_url, &by, &code).await
}

pub async fn copy(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    Code(code): Code,
    by: By,
) -> Result<(StatusCode, Json<Link>)> {
    let code = transact!(db, tx => edit::copy(tx, &by, &code).await)?;
    Ok((
        StatusCode::CREATED,
        Link::read(&db, &public_url, &by, &code).await?,
    ))
}

pub async fn link_stats(State(db): State<Db>, Code(code): Code, by: By) -> Result<Json<stats::LinkStats>> {
    let village = by.staff.village;
    let row = store::link(&db, village, edit::owner(&by.staff), &code).await?;
    let row = row.ok_or_else(not_found)?;
    let views = store::stats::views_by_day(&db, village, row.id).await?;
    let orders = store::stats::orders_by_day(&db, village, row.id).await?;
    Ok(Json(stats::summary(row.code, views, &orders)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    from: Option<String>,
    to: Option<String>,
}

pub async fn host_stats(
    State(db): State<Db>,
    by: By,
    Query(span): Query<Span>,
) -> Result<Json<Page<stats::HostStats>>> {
    let (from, to) = stats::span(span.from.as_deref(), span.to.as_deref(), by.at.day())?;
    let until = start_of_day(to.checked_add_days(chrono::Days::new(1)).unwrap_or(to));
    let owner = edit::owner(&by.staff);
    let rows = store::stats::hosts(&db, by.staff.village, owner, start_of_day(from), until).await?;
    Ok(Json(Page::whole(rows)))
}
