//! SQL of wishes.

use uuid::Uuid;

use crate::db::{Db, Tx};
use crate::error::Result;
use crate::fulfillment::wishes::Wish;
use crate::id::VillageId;
use crate::on;
use crate::villages::auth::By;

pub async fn put(tx: &mut Tx, by: &By, order: Uuid, wish: &Wish) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO wish (village_id, order_id, carrier, arrive_by, not_before, together, decided_at, decided_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (village_id, order_id) DO UPDATE SET carrier = excluded.carrier, arrive_by = excluded.arrive_by,
             not_before = excluded.not_before, together = excluded.together, decided_at = excluded.decided_at,
             decided_by = excluded.decided_by")
        .bind(by.staff.village).bind(order).bind(&wish.carrier).bind(wish.arrive_by.map(|day| day.to_string()))
        .bind(wish.not_before.map(|day| day.to_string())).bind(wish.together).bind(by.at).bind(by.staff.id)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// A note that nobody has decided on.
#[derive(sqlx::FromRow)]
pub struct Note {
    pub id: Uuid,
    pub number: String,
    pub note: String,
    /// cases not handed over
    pub cases: i64,
}

/// Notes of orders that are sold and not yet packed, and on which nobody has decided, the oldest first.
pub async fn undecided(db: &Db, village: VillageId, limit: i64) -> Result<Vec<Note>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT orders.id, orders.number, orders.note, orders.ordered - orders.cancelled - orders.shipped AS cases
         FROM orders LEFT JOIN wish ON wish.village_id = orders.village_id AND wish.order_id = orders.id
         WHERE orders.village_id = $1 AND orders.hold = 'consumed' AND orders.note <> '' AND wish.order_id IS NULL
           AND orders.packed < orders.ordered - orders.cancelled
         ORDER BY orders.id LIMIT $2")
        .bind(village).bind(limit).fetch_all(ex).await)?)
}
