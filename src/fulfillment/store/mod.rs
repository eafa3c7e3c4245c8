//! SQL of fulfilment.
//!
//! Locks are taken in one order: `planning` (whoever changes batches or parcels takes it, so that they do so one after
//! the other), orders by id, stock, lots.

pub mod backlog;
pub mod batches;
pub mod goods;
pub mod lines;
pub mod parcels;
pub mod plan;
pub mod waybills;
pub mod wishes;

use crate::db::{Db, Tx};
use crate::error::{Result, busy};
use crate::id::VillageId;
use crate::on;

/// The numbers given out so far.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Counters {
    pub epoch: i64,
    pub last_batch: i64,
    pub last_parcel: i64,
}

/// Counts the changes of batches and parcels; 0 before the first.
pub async fn epoch(db: &Db, village: VillageId) -> Result<i64> {
    let epoch: Option<i64> = on!(db, ex => sqlx::query_scalar("SELECT epoch FROM planning WHERE village_id = $1")
        .bind(village).fetch_optional(ex).await)?;
    Ok(epoch.unwrap_or(0))
}

/// Begins a change of batches and parcels: nobody else makes one until the transaction ends. Takes so many new numbers
/// and gives the last of them. With `seen`, `None` when something has changed since that epoch.
pub async fn begin(
    tx: &mut Tx,
    village: VillageId,
    seen: Option<i64>,
    (batches, parcels): (usize, usize),
) -> Result<Option<Counters>> {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    on!(tx, ex => sqlx::query(
        "INSERT INTO planning (village_id, epoch, last_batch, last_parcel) VALUES ($1, 0, 0, 0)
         ON CONFLICT (village_id) DO NOTHING")
        .bind(village).execute(ex).await.map(|_| ()))?;
    Ok(on!(tx, ex => sqlx::query_as(
        "UPDATE planning SET epoch = epoch + 1, last_batch = last_batch + $3, last_parcel = last_parcel + $4
         WHERE village_id = $1 AND ($2 IS NULL OR epoch = $2) RETURNING epoch, last_batch, last_parcel")
        .bind(village).bind(seen).bind(count(batches)).bind(count(parcels)).fetch_optional(ex).await)?)
}

/// Begins a change whatever has changed before.
pub async fn begin_act(tx: &mut Tx, village: VillageId, new_batches: usize) -> Result<Counters> {
    let counters = begin(tx, village, None, (new_batches, 0)).await?;
    // only an epoch that was asked for can be another one
    counters.ok_or_else(busy)
}
