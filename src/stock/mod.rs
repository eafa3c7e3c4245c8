//! Lots, movements, and what can still be sold.

pub mod store;

use uuid::Uuid;

/// The counters of one stock item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Level {
    pub sku_id: Uuid,
    pub on_hand: i64,
    pub reserved: i64,
    pub ahead: i64,
}

impl Level {
    /// Cases that can still be promised.
    pub fn available(&self) -> i64 {
        self.on_hand + self.ahead - self.reserved
    }
}
