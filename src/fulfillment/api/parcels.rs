//! Single parcels over HTTP: what a scan shows, the waybill's history, delivered.

use std::collections::HashMap;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::{Result, invalid, not_found, text};
use crate::fulfillment::batches::{holds, inside_of};
use crate::fulfillment::store::parcels::{self, Inside, Parcel, Picked};
use crate::fulfillment::store::waybills::{Waybill, history};
use crate::fulfillment::{Hold, codes, store, van, waybills};
use crate::id::VillageId;
use crate::phone::{mask_name, mask_phone};
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::Json;

/// A parcel as staff see it: names and phones are masked here for everyone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StaffParcel {
    pub code: String,
    /// number of its batch
    pub batch: Option<String>,
    pub ship_on: String,
    pub carrier: String,
    pub arrives_on: String,
    pub late: bool,
    /// why it leaves then and so
    pub reason: String,
    pub waybill: Option<String>,
    pub orders: Vec<String>,
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub cases: i64,
    pub grams: i64,
    pub items: Vec<ParcelItem>,
    pub lots: Vec<ParcelLot>,
    /// what keeps it from being packed or handed over
    pub holds: Vec<Hold>,
    pub held_reason: Option<String>,
    pub packed_at: Option<Timestamp>,
    pub handed_over_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParcelItem {
    pub order: String,
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub cases: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParcelLot {
    pub sku: String,
    pub lot: String,
    pub best_before: String,
    pub quantity: i64,
}

/// What parcels look like, in their order.
pub(super) async fn views(tx: &mut Tx, village: VillageId, rows: Vec<Parcel>) -> Result<Vec<StaffParcel>> {
    let ids: Vec<Uuid> = rows.iter().map(|parcel| parcel.id).collect();
    let inside = inside_of(tx, village, &ids).await?;
    let mut lots: HashMap<Uuid, Vec<Picked>> = HashMap::new();
    for pick in parcels::picked(tx, village, &ids).await? {
        lots.entry(pick.parcel_id).or_default().push(pick);
    }
    let view = |parcel: Parcel| {
        let of = |id| inside.get(id).map_or(&[][..], Vec::as_slice);
        let (inside, lots) = (
            of(&parcel.id),
            lots.get(&parcel.id).map_or(&[][..], Vec::as_slice),
        );
        view_of(parcel, inside, lots)
    };
    Ok(rows.into_iter().map(view).collect())
}

fn view_of(parcel: Parcel, inside: &[Inside], lots: &[Picked]) -> StaffParcel {
    let to = inside.iter().find(|it| it.order_id == parcel.order_id);
    let of = |field: fn(&Inside) -> &str| to.map(field).unwrap_or_default().to_owned();
    let mut orders: Vec<String> = inside.iter().map(|it| it.number.clone()).collect();
    orders.dedup();
    let item = |it: &Inside| ParcelItem {
        order: it.number.clone(),
        sku: it.sku.clone(),
        title: it.title.clone(),
        spec: it.spec.clone(),
        cases: it.cases,
    };
    let mut summed: Vec<ParcelLot> = Vec::new();
    for pick in lots {
        match summed
            .last_mut()
            .filter(|last| (&last.sku, &last.lot) == (&pick.sku, &pick.lot))
        {
            Some(last) => last.quantity += pick.quantity,
            None => summed.push(ParcelLot {
                sku: pick.sku.clone(),
                lot: pick.lot.clone(),
                best_before: pick.best_before.clone(),
                quantity: pick.quantity,
            }),
        }
    }
    StaffParcel {
        holds: holds(&parcel, inside),
        late: parcel
            .deadline
            .as_ref()
            .is_some_and(|deadline| parcel.arrives_on > *deadline),
        name: mask_name(&of(|it| &it.name)),
        phone: mask_phone(&of(|it| &it.phone)),
        province: of(|it| &it.province),
        city: of(|it| &it.city),
        district: of(|it| &it.district),
        items: inside.iter().map(item).collect(),
        lots: summed,
        orders,
        code: parcel.code,
        batch: parcel.batch,
        ship_on: parcel.ship_on,
        carrier: parcel.carrier,
        arrives_on: parcel.arrives_on,
        reason: parcel.reason,
        waybill: parcel.waybill,
        cases: parcel.cases,
        grams: parcel.grams,
        held_reason: parcel.held_reason,
        packed_at: parcel.packed_at,
        handed_over_at: parcel.handed_over_at,
        delivered_at: parcel.delivered_at,
    }
}

/// A parcel with the numbers it has had.
#[derive(Serialize, ToSchema)]
pub struct ParcelDetails {
    #[serde(flatten)]
    pub parcel: StaffParcel,
    pub batch_id: Option<String>,
    pub waybills: Vec<Waybill>,
}

/// Finds a parcel by its code, as it was scanned or typed.
async fn find(tx: &mut Tx, village: VillageId, code: &str) -> Result<Parcel> {
    let code = codes::parse(code).ok_or_else(not_found)?;
    let found = parcels::by_codes(tx, village, &[code]).await?;
    found.into_iter().next().ok_or_else(not_found)
}

pub async fn read(State(db): State<Db>, by: By, Path(code): Path<String>) -> Result<Json<ParcelDetails>> {
    details(&db, by.staff.village, &code).await
}

async fn details(db: &Db, village: VillageId, code: &str) -> Result<Json<ParcelDetails>> {
    let mut tx = db.snapshot().await?;
    let parcel = find(&mut tx, village, code).await?;
    let (id, batch_id) = (parcel.id, parcel.batch_id);
    let parcel = views(&mut tx, village, vec![parcel]).await?.into_iter().next();
    Ok(Json(ParcelDetails {
        parcel: parcel.ok_or_else(not_found)?,
        batch_id: batch_id.map(|id| id.to_string()),
        waybills: history(&mut tx, village, id).await?,
    }))
}

/// The carrier has delivered it; saying so twice changes nothing.
pub async fn delivered(
    State(db): State<Db>,
    by: By,
    Path(code): Path<String>,
) -> Result<Json<ParcelDetails>> {
    let village = by.staff.village;
    transact!(db, tx => {
        store::begin_act(tx, village, 0).await?;
        let parcel = find(tx, village, &code).await?;
        van::delivered(tx, &by, &parcel).await
    })?;
    details(&db, village, &code).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceWaybill {
    /// the new number; none voids the old one
    #[serde(default)]
    waybill: Option<String>,
    reason: String,
}

/// Replaces or voids a parcel's waybill, for a reason.
pub async fn replace_waybill(
    State(db): State<Db>,
    by: By,
    Path(code): Path<String>,
    Json(input): Json<ReplaceWaybill>,
) -> Result<Json<ParcelDetails>> {
    let village = by.staff.village;
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let new = input.waybill.as_deref().map(|typed| {
        let message = text(
            "运单号要 6 到 32 个字母和数字。",
            "Takes 6 to 32 letters and digits.",
        );
        waybills::number(typed).ok_or_else(|| invalid("waybill", message))
    });
    let new = new.transpose()?;
    transact!(db, tx => {
        store::begin_act(tx, village, 0).await?;
        let parcel = find(tx, village, &code).await?;
        waybills::replace(tx, &by, &parcel, new.as_deref(), &reason).await
    })?;
    details(&db, village, &code).await
}
