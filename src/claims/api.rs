//! After-sales over HTTP: buyers send photos, open claims and take them back by their order's token; staff list, answer
//! and see how many were closed in time.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::decide::{self, Decide};
use super::draft::NewClaim;
use super::open::{self, Buyer};
use super::store::{self, Loop};
use crate::clock::{Clock, Timestamp, start_of_day};
use crate::db::Db;
use crate::error::{Result, not_found};
use crate::id::{Ids, VillageId, order_token, parse_order_token};
use crate::money::Fen;
use crate::orders::claims::{ClaimView, Kind, State as ClaimState};
use crate::orders::store::claims::{ClaimRow, of_order, parts};
use crate::orders::store::read;
use crate::phone::mask_name;
use crate::photos::store::{Of, jpeg};
use crate::photos::{self, Darkroom, Keep, Photo, SizeQuery};
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::{Check, optional_key};
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

/// A photo for a claim, as the body.
pub async fn send_photo(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    State(darkroom): State<Darkroom>,
    Path(token): Path<String>,
    file: Bytes,
) -> Result<(StatusCode, Json<Photo>)> {
    let (village, order) = parse_order_token(&token).ok_or_else(not_found)?;
    // whoever has no order's token gets no work done
    let known = read::by_id(&db, village, order).await?.ok_or_else(not_found)?;
    open::may_send_photo(&db, &known).await?;
    let made = darkroom.develop(file).await?;
    let buyer = Buyer {
        ids: &ids,
        village,
        order: known.id,
        at: clock.now(),
    };
    let photo = transact!(db, tx => open::keep_photo(tx, buyer, &made).await)?;
    Ok((StatusCode::CREATED, Json(photo)))
}

pub async fn open(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path(token): Path<String>,
    headers: HeaderMap,
    Json(input): Json<NewClaim>,
) -> Result<Response> {
    let (village, order) = parse_order_token(&token).ok_or_else(not_found)?;
    let checked = input.checked(optional_key(&headers)?)?;
    let buyer = Buyer {
        ids: &ids,
        village,
        order,
        at: clock.now(),
    };
    let (claim, is_new) = transact!(db, tx => open::open(tx, buyer, &checked).await)?;
    let view = view(&db, village, order, claim).await?;
    let status = match is_new {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    Ok((status, Json(view)).into_response())
}

pub async fn withdraw(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path((token, claim)): Path<(String, String)>,
) -> Result<Json<ClaimView>> {
    let (village, order) = parse_order_token(&token).ok_or_else(not_found)?;
    let claim = photos::parse_id(&claim)?;
    let buyer = Buyer {
        ids: &ids,
        village,
        order,
        at: clock.now(),
    };
    transact!(db, tx => open::withdraw(tx, buyer, claim).await)?;
    view(&db, village, order, claim).await.map(Json)
}

/// A photo that the order's buyer has sent.
pub async fn buyers_photo(
    State(db): State<Db>,
    Path((token, photo)): Path<(String, String)>,
    Query(query): Query<SizeQuery>,
) -> Result<Response> {
    let (village, order) = parse_order_token(&token).ok_or_else(not_found)?;
    let photo = photos::parse_id(&photo)?;
    photos::answer(
        jpeg(&db, village, photo, Of::Order(order), query.size).await?,
        Keep::ItsReader,
    )
}

async fn view(db: &Db, village: VillageId, order: Uuid, claim: Uuid) -> Result<ClaimView> {
    let views = of_order(db, village, order).await?;
    views
        .into_iter()
        .find(|view| view.id == claim)
        .ok_or_else(not_found)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// only those with something left to do, the first due first
    #[serde(default)]
    pub open: bool,
    /// only those of them that are late
    #[serde(default)]
    pub overdue: bool,
    pub limit: Option<i64>,
    pub after: Option<String>,
}

/// A claim in a staff list.
#[derive(Serialize, ToSchema)]
pub struct ClaimItem {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// the order's number
    pub order: String,
    pub kind: Kind,
    pub state: ClaimState,
    pub text: String,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    pub overdue: bool,
    pub amount_fen: Option<Fen>,
    pub closed_at: Option<Timestamp>,
}

fn is_overdue(row: &ClaimRow, now: Timestamp) -> bool {
    row.closed_at.is_none() && row.due_at < now
}

impl ClaimItem {
    fn of(row: ClaimRow, now: Timestamp) -> Self {
        ClaimItem {
            state: row.state(),
            overdue: is_overdue(&row, now),
            id: row.id,
            order: row.number,
            kind: row.kind,
            text: row.text,
            opened_at: row.opened_at,
            due_at: row.due_at,
            amount_fen: row.amount_fen,
            closed_at: row.closed_at,
        }
    }
}

pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<ClaimItem>>> {
    let (village, limit) = (by.staff.village, listing::limit(query.limit)?);
    let item = |row| ClaimItem::of(row, by.at);
    if !query.open && !query.overdue {
        let before = listing::before(query.after.as_deref())?;
        let rows = store::all_claims(&db, village, before, limit + 1).await?;
        let items = rows.into_iter().map(item).collect();
        return Ok(Json(Page::cut(items, limit, |item: &ClaimItem| {
            item.id.to_string()
        })));
    }
    let due_before = if query.overdue { by.at } else { Timestamp(i64::MAX) };
    let after = query.after.as_deref().map(listing::moment).transpose()?;
    let after = after.unwrap_or((Timestamp(i64::MIN), Uuid::nil()));
    let rows = store::open_claims(&db, village, due_before, after, limit + 1).await?;
    let items = rows.into_iter().map(item).collect();
    Ok(Json(Page::cut(items, limit, |item: &ClaimItem| {
        format!("{}.{}", item.due_at.0, item.id)
    })))
}

/// A claim as staff see it.
#[derive(Serialize, ToSchema)]
pub struct ClaimDetails {
    pub claim: ClaimView,
    pub overdue: bool,
    /// the order's number and its buyer's token
    pub order: String,
    pub token: String,
    /// masked
    pub name: String,
    pub captured_fen: Fen,
    pub refunded_fen: Fen,
}

/// A claim of the caller's village.
async fn find(db: &Db, by: &By, claim: &str) -> Result<ClaimRow> {
    let id = photos::parse_id(claim)?;
    store::claim(db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)
}

async fn details_of(db: &Db, by: &By, row: ClaimRow) -> Result<ClaimDetails> {
    let village = by.staff.village;
    let order = read::by_id(db, village, row.order_id)
        .await?
        .ok_or_else(not_found)?;
    let mut parts = parts(db, village, order.id).await?;
    Ok(ClaimDetails {
        overdue: is_overdue(&row, by.at),
        claim: row.view(village, &mut parts),
        token: order_token(village, order.id),
        order: order.number,
        name: mask_name(&order.name),
        captured_fen: order.captured_fen,
        refunded_fen: order.refunded_fen,
    })
}

pub async fn details(State(db): State<Db>, by: By, Path(claim): Path<String>) -> Result<Json<ClaimDetails>> {
    let row = find(&db, &by, &claim).await?;
    details_of(&db, &by, row).await.map(Json)
}

pub async fn photo(
    State(db): State<Db>,
    by: By,
    Path((claim, photo)): Path<(String, String)>,
    Query(query): Query<SizeQuery>,
) -> Result<Response> {
    let (claim, photo) = (photos::parse_id(&claim)?, photos::parse_id(&photo)?);
    let file = jpeg(&db, by.staff.village, photo, Of::Claim(claim), query.size).await?;
    photos::answer(file, Keep::ItsReader)
}

/// Answers a claim.
pub async fn decide(
    State(db): State<Db>,
    by: By,
    Path(claim): Path<String>,
    Json(input): Json<Decide>,
) -> Result<Json<ClaimDetails>> {
    let row = find(&db, &by, &claim).await?;
    let answer = input.checked()?;
    transact!(db, tx => decide::decide(tx, &by, row.order_id, row.id, &answer).await)?;
    details(State(db), by, Path(claim)).await
}

/// The goods of a claim are back.
pub async fn goods_back(
    State(db): State<Db>,
    by: By,
    Path(claim): Path<String>,
) -> Result<Json<ClaimDetails>> {
    let row = find(&db, &by, &claim).await?;
    transact!(db, tx => decide::goods_back(tx, &by, row.order_id, row.id).await)?;
    details(State(db), by, Path(claim)).await
}

/// Takes the last answer back.
pub async fn undo(State(db): State<Db>, by: By, Path(claim): Path<String>) -> Result<Json<ClaimDetails>> {
    let row = find(&db, &by, &claim).await?;
    transact!(db, tx => decide::undo(tx, &by, row.order_id, row.id).await)?;
    details(State(db), by, Path(claim)).await
}

/// Days in which claims were opened, both of which are in it; all there are without them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    pub from: Option<String>,
    pub to: Option<String>,
}

/// How many claims were closed by when they were due.
#[derive(Serialize, ToSchema)]
pub struct ClosedLoop {
    pub claims: i64,
    /// closed by when they were due
    pub in_time: i64,
    pub late: i64,
    pub overdue: i64,
    pub under_way: i64,
    /// `in_time` of all `claims`, in thousandths; null when there are none
    pub rate_permille: Option<i64>,
    pub kinds: Vec<Loop>,
}

pub async fn report(State(db): State<Db>, by: By, Query(span): Query<Span>) -> Result<Json<ClosedLoop>> {
    let mut check = Check::new();
    let mut day = |field: &str, day: &Option<String>| {
        let day = day.as_deref().filter(|day| !day.is_empty())?;
        check.day(field, day).parse::<NaiveDate>().ok()
    };
    let (from, to) = (day("from", &span.from), day("to", &span.to));
    check.finish()?;
    let after = to.and_then(|to| to.checked_add_days(Days::new(1)));
    let span = (
        from.map_or(Timestamp(0), start_of_day),
        after.map_or(Timestamp(i64::MAX), start_of_day),
    );
    let kinds = store::loops(&db, by.staff.village, span, by.at).await?;
    let sum = |of: fn(&Loop) -> i64| kinds.iter().map(of).sum::<i64>();
    let (claims, in_time) = (sum(|kind| kind.claims), sum(|kind| kind.in_time));
    Ok(Json(ClosedLoop {
        claims,
        in_time,
        late: sum(|kind| kind.late),
        overdue: sum(|kind| kind.overdue),
        under_way: sum(|kind| kind.under_way),
        rate_permille: (claims > 0).then(|| in_time * 1_000 / claims),
        kinds,
    }))
}
