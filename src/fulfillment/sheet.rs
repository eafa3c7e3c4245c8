//! A batch as its paper shows it.

use std::collections::HashMap;

use chrono::NaiveDate;
use uuid::Uuid;

use super::carriers;
use super::paper::{Line, Parcel, Sheet};
use super::store::batches;
use super::store::goods::{self, Good};
use super::store::parcels::{self as rows, Inside, Picked};
use crate::db::{Db, Tx};
use crate::error::{Result, not_found};
use crate::id::VillageId;
use crate::phone::{mask_name, mask_phone};
use crate::villages;

/// Reads a batch with everything that is printed of it, as of one instant.
///
/// # Errors
/// 404 for a batch of nobody or of others.
pub async fn of(db: &Db, village: VillageId, id: Uuid) -> Result<Sheet> {
    let name = villages::store::settings(db, village).await?.name;
    let mut tx = db.snapshot().await?;
    let batch = batches::by_id(&mut tx, village, id)
        .await?
        .ok_or_else(not_found)?;
    let parcels = rows::of_batch(&mut tx, village, id).await?;
    let read = Contents::read(&mut tx, village, &parcels).await?;
    Ok(Sheet {
        village: name,
        batch: batch.number,
        ship_on: batch.ship_on.parse().unwrap_or_default(),
        // of the release, so that a reprint is the same file
        made_at_ms: batch.released_at.unwrap_or(batch.created_at).0,
        parcels: parcels.iter().map(|parcel| read.parcel(parcel)).collect(),
    })
}

struct Contents {
    inside: HashMap<Uuid, Vec<Inside>>,
    picked: HashMap<Uuid, Vec<Picked>>,
    goods: HashMap<Uuid, Good>,
    /// ids of all parcels of an order, by code
    of_order: HashMap<Uuid, Vec<Uuid>>,
}

impl Contents {
    async fn read(tx: &mut Tx, village: VillageId, parcels: &[rows::Parcel]) -> Result<Self> {
        let ids: Vec<Uuid> = parcels.iter().map(|parcel| parcel.id).collect();
        let mut inside: HashMap<Uuid, Vec<Inside>> = HashMap::new();
        for line in rows::inside(tx, village, &ids).await? {
            inside.entry(line.parcel_id).or_default().push(line);
        }
        let mut picked: HashMap<Uuid, Vec<Picked>> = HashMap::new();
        for pick in rows::picked(tx, village, &ids).await? {
            picked.entry(pick.parcel_id).or_default().push(pick);
        }
        let mut orders: Vec<Uuid> = parcels.iter().map(|parcel| parcel.order_id).collect();
        orders.sort_unstable();
        orders.dedup();
        let mut all = rows::of_orders(tx, village, &orders).await?;
        all.sort_by(|one, other| one.code.cmp(&other.code));
        let mut of_order: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for parcel in all {
            of_order.entry(parcel.order_id).or_default().push(parcel.id);
        }
        let goods = goods::titles(tx, village).await?;
        Ok(Contents {
            inside,
            picked,
            goods,
            of_order,
        })
    }

    fn parcel(&self, parcel: &rows::Parcel) -> Parcel {
        let inside = self.inside.get(&parcel.id).map_or(&[][..], Vec::as_slice);
        let to = inside.iter().find(|line| line.order_id == parcel.order_id);
        let text = |of: fn(&Inside) -> &String| to.map(|line| of(line).clone()).unwrap_or_default();
        let mut orders: Vec<String> = inside.iter().map(|line| line.number.clone()).collect();
        orders.sort_unstable();
        orders.dedup();
        let siblings = self.of_order.get(&parcel.order_id).map_or(&[][..], Vec::as_slice);
        let place = siblings.iter().position(|id| *id == parcel.id).unwrap_or(0);
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Parcel {
            carrier: carriers::find(&parcel.carrier)
                .map_or(parcel.carrier.clone(), |it| it.title().to_owned()),
            code: parcel.code.clone(),
            waybill: parcel.waybill.clone(),
            orders,
            part: (count(place + 1), count(siblings.len().max(1))),
            masked_name: mask_name(&text(|line| &line.name)),
            masked_phone: mask_phone(&text(|line| &line.phone)),
            province: text(|line| &line.province),
            city: text(|line| &line.city),
            district: text(|line| &line.district),
            street: text(|line| &line.street),
            note: text(|line| &line.note),
            lines: self.lines(parcel, inside),
        }
    }

    /// The lots that fill the parcel; its order lines while no lots have been chosen.
    fn lines(&self, parcel: &rows::Parcel, inside: &[Inside]) -> Vec<Line> {
        let line = |sku: Uuid, code: &str, lot: &str, best_before: Option<NaiveDate>, quantity: i64| {
            let good = self.goods.get(&sku);
            Line {
                product: good.map_or(code.to_owned(), |good| format!("{} {}", good.title, good.spec)),
                lot: lot.to_owned(),
                best_before,
                place: String::new(),
                quantity,
                case_grams: good.map_or(0, |good| good.grams),
            }
        };
        match self.picked.get(&parcel.id) {
            Some(picked) => picked
                .iter()
                .map(|it| {
                    line(
                        it.sku_id,
                        &it.sku,
                        &it.lot,
                        it.best_before.parse().ok(),
                        it.quantity,
                    )
                })
                .collect(),
            None => inside
                .iter()
                .map(|it| line(it.sku_id, &it.sku, "", None, it.cases))
                .collect(),
        }
    }
}
