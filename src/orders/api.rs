//! Orders over HTTP: buyers place and read theirs; staff list, search, place for a buyer on the phone, and unmask.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::draft::{self, Item, PlaceOrder};
use super::intake::Placed;
use super::place::Counter;
use super::quote::{self, Quote};
use super::store::read::{self, Filter};
use super::view::{self, OrderView, by_number};
use super::{Order, Source, Status};
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::error::{Result, invalid, not_found, text};
use crate::id::parse_order_token;
use crate::links::board::Board;
use crate::money::{Fen, Method};
use crate::phone::{mask_name, mask_phone};
use crate::transact;
use crate::villages::Role;
use crate::villages::auth::By;
use crate::web::input::{Check, clean_line, idempotency_key};
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkQuery {
    province: Option<String>,
}

/// The public state of a link, from memory; with `?province=41` the promises are those for that province.
pub async fn link(
    State(board): State<Board>,
    State(clock): State<Clock>,
    Path(code): Path<String>,
    Query(query): Query<LinkQuery>,
) -> Result<Response> {
    let snapshot = board.read(&code).await?;
    let body = match &query.province {
        None => snapshot.body.clone(),
        Some(province) if crate::address::province_name(province).is_some() => {
            board.body(&snapshot, Some(province), clock.now())
        }
        Some(_) => {
            let message = text("要两位省码，比如 41。", "Takes a province's two digits, like 41.");
            return Err(invalid("province", message));
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

pub async fn place(
    counter: Counter,
    Path(code): Path<String>,
    headers: HeaderMap,
    Json(order): Json<PlaceOrder>,
) -> Result<Response> {
    let key = idempotency_key(&headers)?;
    let checked = draft::check(&order, &counter.config.payments)?;
    Ok(answer(counter.place(&code, &key, checked).await?))
}

pub(super) fn answer(placed: Placed) -> Response {
    let status = if placed.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    (status, Json(placed.order)).into_response()
}

/// An order by its token.
pub async fn read(
    State(db): State<Db>,
    State(clock): State<Clock>,
    Path(token): Path<String>,
) -> Result<Json<OrderView>> {
    let (village, id) = parse_order_token(&token).ok_or_else(not_found)?;
    view::load(&db, village, id, clock.now()).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    items: Vec<Item>,
    province: String,
}

pub async fn quote(
    State(board): State<Board>,
    Path(code): Path<String>,
    Json(input): Json<QuoteRequest>,
) -> Result<Json<Quote>> {
    let snapshot = board.read(&code).await?;
    let province = crate::address::provinces()
        .find(|(_, name)| {
            name.starts_with(input.province.trim()) && input.province.trim().chars().count() >= 2
        })
        .map(|(code, _)| code)
        .ok_or_else(|| invalid("province", text("没有这个省份。", "There is no such province.")))?;
    let province = province.get(..2).unwrap_or_default();
    quote::quote(&snapshot, &input.items, province).map(Json)
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub status: Option<String>,
    pub link: Option<String>,
    pub q: Option<String>,
    /// the way in which the buyer chose to pay
    pub method: Option<Method>,
    pub updated_after: Option<String>,
    pub limit: Option<i64>,
    pub after: Option<String>,
}

/// An order in a staff list: names and phones are masked here for everyone.
#[derive(Serialize, ToSchema)]
pub struct OrderRow {
    pub number: String,
    pub token: String,
    pub status: Status,
    pub source: Source,
    pub channel: String,
    pub host: String,
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub note: String,
    pub cases: i64,
    pub cancelled: i64,
    pub packed: i64,
    pub shipped: i64,
    pub total_fen: Fen,
    pub captured_fen: Fen,
    pub refunded_fen: Fen,
    pub payment_method: Method,
    pub placed_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub pay_before: Option<Timestamp>,
    pub updated_at: Timestamp,
    /// whoever edits the order names the version they have seen
    pub version: i64,
    #[serde(skip)]
    pub id: uuid::Uuid,
}

impl From<Order> for OrderRow {
    fn from(order: Order) -> Self {
        OrderRow {
            token: order.token(),
            status: order.status(),
            pay_before: order.pay_before(),
            id: order.id,
            number: order.number,
            source: order.source,
            channel: order.channel,
            host: order.host,
            name: mask_name(&order.name),
            phone: mask_phone(&order.phone),
            province: order.province,
            city: order.city,
            note: order.note,
            cases: order.ordered,
            cancelled: order.cancelled,
            packed: order.packed,
            shipped: order.shipped,
            total_fen: order.total_fen,
            captured_fen: order.captured_fen,
            refunded_fen: order.refunded_fen,
            payment_method: order.method,
            placed_at: order.placed_at,
            paid_at: order.paid_at,
            updated_at: order.updated_at,
            version: order.version,
        }
    }
}

pub async fn list(
    State(db): State<Db>,
    by: By,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<OrderRow>>> {
    let limit = listing::limit(query.limit)?;
    let village = by.staff.village;
    let created_by = (by.staff.role == Role::Host).then_some(by.staff.id);
    if let Some(since) = &query.updated_after {
        let cursor = follow_cursor(since, query.after.as_deref())?;
        let rows = read::updated(&db, village, created_by, cursor, limit + 1).await?;
        let rows = rows.into_iter().map(OrderRow::from).collect();
        return Ok(Json(Page::cut(rows, limit, |row: &OrderRow| {
            format!("{}.{}", row.updated_at.0, row.id)
        })));
    }
    let status = match query.status.as_deref() {
        None => None,
        Some(name) => Some(Status::parse(name).ok_or_else(|| {
            invalid("status", text("没有这种状态。", "Takes awaiting_payment, paid, packed, shipped, delivered, cancelled, expired or refunded."))
        })?),
    };
    let filter = Filter {
        status,
        link: query.link.as_deref().map(clean_line),
        q: query
            .q
            .as_deref()
            .map(|q| clean_line(q).chars().take(40).collect())
            .filter(|q: &String| !q.is_empty()),
        created_by,
        method: query.method,
    };
    let before = listing::before(query.after.as_deref())?;
    let rows = read::list(&db, village, &filter, before, limit + 1).await?;
    let rows = rows.into_iter().map(OrderRow::from).collect();
    Ok(Json(Page::cut(rows, limit, |row: &OrderRow| row.id.to_string())))
}

/// A follower's place: the instant it has seen, or the cursor of its last page.
fn follow_cursor(since: &str, after: Option<&str>) -> Result<(Timestamp, uuid::Uuid)> {
    match after {
        None => Timestamp::parse(since)
            .map(|at| (at, uuid::Uuid::max()))
            .ok_or_else(|| {
                invalid(
                    "updated_after",
                    text(
                        "要写成 2024-01-20T08:00:00Z 这样的时间。",
                        "Takes an RFC 3339 instant.",
                    ),
                )
            }),
        Some(cursor) => listing::moment(cursor),
    }
}

/// One order as staff see it.
#[derive(Serialize, ToSchema)]
pub struct OrderDetails {
    pub order: OrderRow,
    pub district: String,
    pub items: Vec<view::ItemView>,
    pub refunds: Vec<view::RefundView>,
    pub changes: Vec<view::ChangeView>,
}

pub async fn details(
    State(db): State<Db>,
    State(clock): State<Clock>,
    by: By,
    Path(number): Path<String>,
) -> Result<Json<OrderDetails>> {
    let order = by_number(&db, &by, &number).await?;
    let seen = view::load(&db, order.village_id, order.id, clock.now()).await?;
    let district = order.district.clone();
    Ok(Json(OrderDetails {
        order: order.into(),
        district,
        items: seen.items,
        refunds: seen.refunds,
        changes: seen.changes,
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unmask {
    reason: String,
}

/// A recipient in clear.
#[derive(Serialize, ToSchema)]
pub struct ClearRecipient {
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
}

/// Shows a recipient in clear; who looked and why is logged.
pub async fn unmask(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<Unmask>,
) -> Result<Json<ClearRecipient>> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => by.log(tx, "order.unmask", &number, None, Some(json!({"reason": reason}))).await)?;
    let Order {
        name,
        phone,
        province,
        city,
        district,
        street,
        ..
    } = order;
    Ok(Json(ClearRecipient {
        name,
        phone,
        province,
        city,
        district,
        street,
    }))
}
