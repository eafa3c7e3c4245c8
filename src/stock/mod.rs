//! Lots, movements, and how many cases there are: on hand, held, available. Movements are facts and never edited;
//! the counters are their sums, kept in the same transaction.

pub mod api;
pub mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::{Error, Problem, Result, Text, conflict, invalid, not_found, text};
use crate::id::VillageId;
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use axum::http::StatusCode;
use serde_json::json;

/// The most cases that one receipt, adjustment or sale ahead may be about.
const MAX_CASES: i64 = 100_000;

/// The counters of a stock item, as they are stored: `reserved` counts a hold until somebody ends it.
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

    /// Cases in the store room that can still be promised.
    pub fn at_hand(&self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// How many cases of a stock item there are, as staff see it.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Availability {
    #[serde(skip)]
    pub sku_id: Uuid,
    pub sku: String,
    /// what lies in the store room
    pub on_hand: i64,
    /// promised to live orders that are not handed over; a hold that has ended promises nothing
    pub held: i64,
    /// what can be sold now
    pub available: i64,
    /// may be sold before its lot is in
    pub ahead: i64,
    /// the day on which the lot that is sold ahead will be in
    pub ahead_ready_on: Option<String>,
}

/// One production batch of a sku.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct Lot {
    #[schema(value_type = String)]
    pub id: Uuid,
    #[serde(skip)]
    pub sku_id: Uuid,
    pub code: String,
    pub made_on: String,
    pub best_before: String,
    pub origin: String,
    pub on_hand: i64,
}

/// Cases of one lot that leave for an order.
#[derive(Clone, Debug)]
pub struct Pick {
    pub sku: Uuid,
    pub lot: Uuid,
    pub cases: i64,
    pub order_id: Uuid,
}

/// Why what is on hand changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    Receipt,
    Adjustment,
    Shipped,
    Returned,
}

/// Takes `cases` from lots that are sorted by how soon they expire; what the lots lack is missing from the picks.
pub fn first_expired_first_out(lots: &[(Uuid, i64)], cases: i64) -> Vec<(Uuid, i64)> {
    let mut left = cases;
    let mut picks = Vec::new();
    for &(lot, on_hand) in lots {
        let taken = on_hand.min(left);
        if taken > 0 {
            picks.push((lot, taken));
            left -= taken;
        }
    }
    picks
}

/// How many gift boxes can be made of parts given as (available, per box).
pub fn boxes_available(parts: impl IntoIterator<Item = (i64, i64)>) -> i64 {
    let boxes = parts
        .into_iter()
        .map(|(available, per_box)| available.max(0) / per_box.max(1));
    boxes.min().unwrap_or(0)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    sku: String,
    lot: ReceivedLot,
    quantity: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceivedLot {
    code: String,
    made_on: String,
    best_before: String,
    origin: Option<String>,
}

/// Cases come in: into a new lot, or more of one that is known by its code.
///
/// # Errors
/// 422 for wrong fields or a sku without stock of its own; 409 `lot-differs` when the lot is known with other facts.
pub async fn receive(db: &Db, by: &By, input: &Receipt) -> Result<Lot> {
    let village = by.staff.village;
    let mut check = Check::new();
    let sku = check.code("sku", &input.sku, 40);
    let lot = Lot {
        id: by.new_id(),
        sku_id: Uuid::nil(),
        code: check.code("lot.code", &input.lot.code, 40),
        made_on: check.day("lot.made_on", &input.lot.made_on),
        best_before: check.day("lot.best_before", &input.lot.best_before),
        origin: check.line("lot.origin", input.lot.origin.as_deref().unwrap_or(""), 0, 60),
        on_hand: check.number("quantity", input.quantity, 1, MAX_CASES),
    };
    let message = text(
        "不能早于生产日期。",
        "It can't be before the day on which it was made.",
    );
    check.require(lot.made_on <= lot.best_before, "lot.best_before", message);
    check.finish()?;
    transact!(db, tx => {
        let sku_id = store::receive_item(tx, village, &sku, input.quantity).await?.ok_or_else(no_item)?;
        let lot = Lot { sku_id, ..lot.clone() };
        let lot = store::receive_lot(tx, village, &lot, by.at).await?.ok_or_else(lot_differs)?;
        let kind = MovementKind::Receipt;
        store::add_movement(tx, by, kind, (sku_id, lot.id), input.quantity, "").await?;
        tx.changes_supply();
        let after = json!({"quantity": input.quantity, "lot": lot});
        by.log(tx, "stock.receive", &sku, None, Some(after)).await?;
        Ok(lot)
    })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    sku: String,
    /// the lot's code
    lot: String,
    /// cases more (or, below zero, less) than the books say
    quantity: i64,
    reason: String,
}

/// Sets right what is on hand, for a reason: a count, a loss, a find.
///
/// # Errors
/// 422 for wrong fields; 409 `stock-too-low` when it takes more than the lot has, or what orders hold.
pub async fn adjust(db: &Db, by: &By, input: &Adjustment) -> Result<Availability> {
    let village = by.staff.village;
    let mut check = Check::new();
    let sku = check.code("sku", &input.sku, 40);
    let code = check.code("lot", &input.lot, 40);
    let quantity = check.number("quantity", input.quantity, -MAX_CASES, MAX_CASES);
    check.require(quantity != 0, "quantity", text("不能是 0。", "It can't be 0."));
    let reason = check.line("reason", &input.reason, 1, 200);
    check.finish()?;
    let done = transact!(db, tx => {
        let sku_id = store::adjust_item(tx, village, &sku, quantity).await?.ok_or_else(no_item)?;
        let lot = store::adjust_lot(tx, village, sku_id, &code, quantity).await?;
        let lot = lot.ok_or_else(|| {
            invalid("lot", text("这个规格没有这个批次。", "The sku has no lot of this code."))
        })?;
        let kind = MovementKind::Adjustment;
        store::add_movement(tx, by, kind, (sku_id, lot), quantity, &reason).await?;
        tx.changes_supply();
        let after = json!({"lot": code, "quantity": quantity, "reason": reason});
        by.log(tx, "stock.adjust", &sku, None, Some(after)).await
    });
    level_or_too_low(db, village, &sku, by.at, done).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ahead {
    /// how many may be sold before their lot is in; 0 ends it
    cases: i64,
    /// the day on which the lot will be in, from today on
    ready_on: Option<String>,
}

/// Lets a sku be sold ahead of its lot. What is then received counts against it.
///
/// # Errors
/// 404 for a sku without stock of its own; 409 `stock-too-low` when more has been sold ahead already.
pub async fn sell_ahead(db: &Db, by: &By, sku: &str, input: &Ahead) -> Result<Availability> {
    let village = by.staff.village;
    let mut check = Check::new();
    let cases = check.number("cases", input.cases, 0, MAX_CASES);
    let ready_on = match &input.ready_on {
        Some(day) => {
            let day = check.day("ready_on", day);
            let past = text("不能是过去的日子。", "It can't be in the past.");
            check.require(day >= by.at.day().to_string(), "ready_on", past);
            Some(day)
        }
        None => {
            let message = text("请写哪天到货。", "Say on which day the lot will be in.");
            check.require(cases == 0, "ready_on", message);
            None
        }
    };
    check.finish()?;
    let ready_on = ready_on.filter(|_| cases > 0);
    let done = transact!(db, tx => {
        let before = store::lock_by_code(tx, village, sku).await?.ok_or_else(not_found)?;
        store::set_ahead(tx, village, before.sku_id, cases, ready_on.as_deref()).await?;
        tx.changes_offers();
        let after = json!({"ahead": cases, "ready_on": ready_on});
        by.log(tx, "stock.sell_ahead", sku, Some(json!({"ahead": before.ahead})), Some(after)).await
    });
    level_or_too_low(db, village, sku, by.at, done).await
}

/// The level after an act; where the database's CHECKs refused the act, the level that made it impossible.
async fn level_or_too_low(
    db: &Db,
    village: VillageId,
    sku: &str,
    at: Timestamp,
    done: Result<()>,
) -> Result<Availability> {
    let refused = match done {
        Err(error) if error.is_check_violation() => true,
        done => {
            done?;
            false
        }
    };
    let levels = store::levels(db, village, at, Some(sku)).await?;
    let level = levels.into_iter().next().ok_or_else(not_found)?;
    if !refused {
        return Ok(level);
    }
    Err(
        Problem::new(StatusCode::CONFLICT, "stock-too-low", too_low_text())
            .with("sku", level.sku)
            .with("on_hand", level.on_hand)
            .with("held", level.held)
            .into(),
    )
}

fn too_low_text() -> Text {
    text(
        "库存不够：批次里没有这么多，或者已经被订单占用。",
        "Stock is too low: the lot has less than that, or orders hold it.",
    )
}

fn no_item() -> Error {
    let message = text(
        "本村没有这个规格的库存；礼盒没有自己的库存，请登记其中的规格。",
        "The village keeps no stock of this code; a gift box has none of its own, take the skus inside it.",
    );
    invalid("sku", message)
}

fn lot_differs() -> Error {
    let detail = text(
        "这个批次号已经有了，日期或产地不同；请核对，或换一个批次号。",
        "This lot is known with other dates or another origin; check them, or take another code.",
    );
    conflict("lot-differs", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_expire_leaves_first() {
        let lot = |n: u128| Uuid::from_u128(n);
        let lots = [(lot(1), 3), (lot(2), 0), (lot(3), 5)];
        for (cases, picks) in [
            (0, vec![]),
            (2, vec![(lot(1), 2)]),
            (3, vec![(lot(1), 3)]),
            (4, vec![(lot(1), 3), (lot(3), 1)]),
            (8, vec![(lot(1), 3), (lot(3), 5)]),
            (9, vec![(lot(1), 3), (lot(3), 5)]),
        ] {
            assert_eq!(first_expired_first_out(&lots, cases), picks, "{cases}");
        }
    }

    #[test]
    fn the_scarcest_part_limits_the_boxes() {
        for (parts, boxes) in [
            (vec![(10, 1)], 10),
            (vec![(10, 3), (2, 1)], 2),
            (vec![(10, 3), (20, 2)], 3),
            (vec![(1, 2), (20, 2)], 0),
            (vec![(-1, 1)], 0),
            (vec![], 0),
        ] {
            assert_eq!(boxes_available(parts.clone()), boxes, "{parts:?}");
        }
    }
}
