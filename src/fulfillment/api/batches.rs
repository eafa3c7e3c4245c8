//! Batches over HTTP. Every act takes `?preview=true`: it is then done, told, and rolled back.

use axum::extract::{Path, State};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::parcels::{StaffParcel, views};
use crate::db::Db;
use crate::error::{Error, Result, conflict, invalid, not_found, text};
use crate::fulfillment::batches::{self, BatchAct, MAX_PARCELS};
use crate::fulfillment::moving::{self, Target};
use crate::fulfillment::packing::When;
use crate::fulfillment::scans::{self, MAX_SCANS, Scan, Synced};
use crate::fulfillment::store::batches::{self as rows, Batch, Filter};
use crate::fulfillment::store::parcels;
use crate::fulfillment::waybills::{self, WaybillItem};
use crate::fulfillment::{State as BatchState, packing, van};
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    pub state: Option<BatchState>,
    pub day: Option<NaiveDate>,
    pub carrier: Option<String>,
    pub limit: Option<i64>,
    pub after: Option<String>,
}

/// Batches by their days.
pub async fn list(State(db): State<Db>, by: By, Query(query): Query<ListQuery>) -> Result<Json<Page<Batch>>> {
    let limit = listing::limit(query.limit)?;
    let after = query.after.as_deref().map(cursor).transpose()?;
    let mut check = Check::new();
    let filter = Filter {
        state: query.state,
        day: query.day.map(|day| day.to_string()),
        carrier: query
            .carrier
            .as_deref()
            .map(|code| check.code("carrier", code, 40)),
    };
    check.finish()?;
    let batches = rows::list(&db, by.staff.village, &filter, after.as_ref(), limit + 1).await?;
    Ok(Json(Page::cut(batches, limit, |batch: &Batch| {
        format!("{}.{}", batch.ship_on, batch.id)
    })))
}

fn cursor(text_of: &str) -> Result<(String, Uuid)> {
    let parts = text_of.split_once('.').and_then(|(day, id)| {
        let day: NaiveDate = day.parse().ok()?;
        Some((day.to_string(), Uuid::try_parse(id).ok()?))
    });
    let message = text("请用上一页的 next。", "Takes the `next` of the page before.");
    parts.ok_or_else(|| invalid("after", message))
}

/// A batch with its parcels.
#[derive(Serialize, ToSchema)]
pub struct BatchDetails {
    #[serde(flatten)]
    pub batch: Batch,
    pub parcels: Vec<StaffParcel>,
}

pub async fn read(State(db): State<Db>, by: By, Path(id): Path<String>) -> Result<Json<BatchDetails>> {
    let (village, id) = (by.staff.village, parse(&id)?);
    let mut tx = db.snapshot().await?;
    let batch = rows::by_id(&mut tx, village, id).await?.ok_or_else(not_found)?;
    let parcels = parcels::of_batch(&mut tx, village, id).await?;
    Ok(Json(BatchDetails {
        batch,
        parcels: views(&mut tx, village, parcels).await?,
    }))
}

fn parse(id: &str) -> Result<Uuid> {
    Uuid::try_parse(id).map_err(|_| not_found())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActQuery {
    /// only tell what it would do
    #[serde(default)]
    pub preview: bool,
}

/// Runs an act in a transaction; a preview ends in a rollback.
macro_rules! act {
    ($db:expr, $query:expr, $tx:ident => $act:expr) => {{
        let mut seen: Option<BatchAct> = None;
        let done = transact!($db, $tx => {
            let act: BatchAct = $act?;
            if $query.preview {
                seen = Some(act);
                return Err(previewed());
            }
            Ok(act)
        });
        match seen {
            Some(act) if $query.preview => Ok(Json(BatchAct { preview: true, ..act })),
            _ => done.map(Json),
        }
    }};
}

/// Ends a preview's transaction; never seen by anybody.
fn previewed() -> Error {
    conflict("preview", text("只是预览。", "This was a preview."))
}

/// ParcelCodes by their codes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParcelCodes {
    pub parcels: Vec<String>,
}

fn check_count(count: usize, field: &str) -> Result<()> {
    let message = text(
        format!("一次 1 到 {MAX_PARCELS} 个。"),
        format!("Takes 1 to {MAX_PARCELS} of them."),
    );
    let mut check = Check::new();
    check.require((1..=MAX_PARCELS).contains(&count), field, message);
    check.finish()
}

pub async fn release(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    act!(db, query, tx => batches::release(tx, &by, id).await)
}

pub async fn recall(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    act!(db, query, tx => batches::recall(tx, &by, id).await)
}

pub async fn pack(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
    Json(input): Json<ParcelCodes>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    check_count(input.parcels.len(), "parcels")?;
    act!(db, query, tx => packing::pack(tx, &by, id, &input.parcels, When::Now).await)
}

/// Scans of a phone, in any order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scans {
    /// at most 200
    pub scans: Vec<Scan>,
}

/// Takes the scans of a phone that may have been without a signal. They may arrive in any order and more than once: the
/// latest scan of a parcel decides.
pub async fn scan(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<Scans>,
) -> Result<Json<Synced>> {
    let id = parse(&id)?;
    let message = text(
        format!("一次 1 到 {MAX_SCANS} 个。"),
        format!("Takes 1 to {MAX_SCANS} of them."),
    );
    let mut check = Check::new();
    check.require((1..=MAX_SCANS).contains(&input.scans.len()), "scans", message);
    check.finish()?;
    let synced = transact!(db, tx => scans::sync(tx, &by, id, &input.scans).await)?;
    Ok(Json(synced))
}

pub async fn unpack(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
    Json(input): Json<ParcelCodes>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    check_count(input.parcels.len(), "parcels")?;
    act!(db, query, tx => packing::unpack(tx, &by, id, &input.parcels, When::Now).await)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldParcels {
    pub parcels: Vec<String>,
    pub reason: String,
}

pub async fn hold(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
    Json(input): Json<HoldParcels>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    check_count(input.parcels.len(), "parcels")?;
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    act!(db, query, tx => batches::hold(tx, &by, id, &input.parcels, Some(&reason)).await)
}

pub async fn unhold(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
    Json(input): Json<ParcelCodes>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    check_count(input.parcels.len(), "parcels")?;
    act!(db, query, tx => batches::hold(tx, &by, id, &input.parcels, None).await)
}

pub async fn take_out(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
    Json(input): Json<ParcelCodes>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    check_count(input.parcels.len(), "parcels")?;
    act!(db, query, tx => batches::take_out(tx, &by, id, &input.parcels).await)
}

/// Puts whole batches that are still plans back into the backlog, all or none.
///
/// # Errors
/// Those of [`batches::dissolve`].
pub async fn dissolve(db: &Db, by: &By, ids: &[Uuid]) -> Result<()> {
    transact!(db, tx => {
        for id in ids {
            batches::dissolve(tx, by, *id).await?;
        }
        Ok(())
    })
}

/// Where parcels go: a batch that is there, or a new one of another day or carrier.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitBatch {
    parcels: Vec<String>,
    /// id of a released batch
    #[serde(default)]
    to: Option<String>,
    /// the new batch's day; that of this one when nothing is said
    #[serde(default)]
    ship_on: Option<NaiveDate>,
    /// the new batch's carrier; that of this one when nothing is said
    #[serde(default)]
    carrier: Option<String>,
}

pub async fn split(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
    Json(input): Json<SplitBatch>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    check_count(input.parcels.len(), "parcels")?;
    let mut check = Check::new();
    let target = Target {
        batch: input.to.as_deref().map(parse).transpose()?,
        ship_on: input.ship_on,
        carrier: input
            .carrier
            .as_deref()
            .map(|code| check.code("carrier", code, 40)),
    };
    if let Some(day) = target.ship_on {
        check.day("ship_on", &day.to_string());
    }
    check.finish()?;
    act!(db, query, tx => moving::split(tx, &by, id, &input.parcels, &target).await)
}

pub async fn hand_over(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    act!(db, query, tx => van::hand_over(tx, &by, id).await)
}

pub async fn take_back(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Query(query): Query<ActQuery>,
) -> Result<Json<BatchAct>> {
    let id = parse(&id)?;
    act!(db, query, tx => van::take_back(tx, &by, id).await)
}

/// WaybillItems for parcels of a batch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaybillItems {
    items: Vec<WaybillItem>,
}

/// Gives parcels their numbers, each for itself.
pub(super) async fn waybill_items(
    db: &Db,
    by: &By,
    id: Uuid,
    preview: bool,
    input: &WaybillItems,
) -> Result<Json<BatchAct>> {
    let query = ActQuery { preview };
    check_count(input.items.len(), "items")?;
    act!(db, query, tx => waybills::assign(tx, by, id, &input.items).await)
}
