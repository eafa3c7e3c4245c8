//! After-sales: what buyers may claim and until when, by when it is to be closed, and what staff decide. What a claim *is*
//! follows from its facts (`orders::claims`); here are the rules about it and the acts.

pub mod api;
pub mod decide;
pub mod draft;
pub mod open;
pub mod pages;
mod resend;
pub mod store;

use std::time::Duration;

use crate::catalog::LegalKind;
use crate::clock::{Timestamp, start_of_day};
use crate::error::{Error, Text, conflict, text};
use crate::orders::claims::Kind;
use crate::photos::picture;

/// The most photos of one order, whether a claim has taken them or not.
const MAX_ORDER_PHOTOS: i64 = 24;

/// The most claims of one order.
const MAX_CLAIMS: usize = 20;

/// The body of a form with photos: as large as files may be.
pub const MAX_FORM: usize = 10 * 1024 * 1024;

/// The largest photo, in bytes.
pub const MAX_PHOTO: usize = picture::MAX_BYTES;

const DAY: u64 = 86_400;

/// A claim is to be closed within this time.
const ANSWER: Duration = Duration::from_secs(2 * DAY);

/// How long a buyer has for sending goods back before staff look at the claim again.
const SEND_BACK: Duration = Duration::from_secs(15 * DAY);

/// Once the goods are back, the money has to follow within 7 days (consumer law, Art. 25).
const AFTER_GOODS: Duration = Duration::from_secs(7 * DAY);

/// Days after the day of delivery: for a return without a reason those of the law, the first being the day after the
/// goods came; for goods that are not as they should be, the shop gives more.
const RETURN_DAYS: u64 = 7;
const FAULT_DAYS: u64 = 15;

/// Days after the hand-over to the carrier in which an order may be claimed whose delivery nobody has told us.
const UNTOLD_DAYS: u64 = 60;

/// By when a claim is to be closed.
pub fn due(opened: Timestamp, return_asked: Option<Timestamp>, goods_back: Option<Timestamp>) -> Timestamp {
    match (return_asked, goods_back) {
        (_, Some(back)) => back.plus(AFTER_GOODS),
        (Some(asked), None) => asked.plus(SEND_BACK),
        (None, None) => opened.plus(ANSWER),
    }
}

/// How far an order has come, as far as claims ask.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Reached {
    /// cases with the carrier, or further
    pub shipped: i64,
    pub delivered: i64,
    /// when the last parcel came, as far as is known
    pub delivered_at: Option<Timestamp>,
    /// when the last parcel left, as far as is known
    pub sent_at: Option<Timestamp>,
    /// when the order changed last: of an order that another shop has sent nothing more is known
    pub updated_at: Timestamp,
}

/// Until when an order may be claimed.
pub fn last_moment(kind: Kind, reached: &Reached) -> Timestamp {
    let (from, days) = if reached.delivered < reached.shipped {
        (reached.sent_at, UNTOLD_DAYS)
    } else if kind == Kind::Return {
        (reached.delivered_at, RETURN_DAYS)
    } else {
        (reached.delivered_at, FAULT_DAYS)
    };
    let day = from.unwrap_or(reached.updated_at).day();
    // the last day ends where the one after it begins
    let end = day.checked_add_days(chrono::Days::new(days + 1));
    end.map_or(Timestamp(i64::MAX), start_of_day)
}

/// Whether an order may be claimed now.
///
/// # Errors
/// 409 `not-sent`, `claim-too-late`.
pub fn check_time(kind: Kind, reached: &Reached, now: Timestamp) -> Result<(), Error> {
    if reached.shipped == 0 {
        let detail = text(
            "还没发货；现在想改主意，可以取消订单。",
            "Nothing was sent yet; to change your mind now, cancel the order.",
        );
        return Err(conflict("not-sent", detail));
    }
    if now >= last_moment(kind, reached) {
        let detail = match kind {
            Kind::Return => text(
                "已过七天无理由退货的期限。东西有问题的话，请选“破损、少件或发错”，或联系店家。",
                "The seven days for returns are over. If something is wrong with the goods, say so, or ask the shop.",
            ),
            _ => text(
                "已过售后期限，请直接联系店家。",
                "The time for claims is over; please ask the shop itself.",
            ),
        };
        return Err(conflict("claim-too-late", detail));
    }
    Ok(())
}

/// Why goods of this kind can't be sent back without a reason; `None` when they can (consumer law, Art. 25: fresh goods
/// are excepted).
pub fn no_return(kind: LegalKind) -> Option<Text> {
    (kind == LegalKind::Fresh).then(|| {
        text(
            "鲜活农产品不支持无理由退货；有破损、少件或发错，请选对应的原因。",
            "Fresh goods can't be returned without a reason; if they are broken, missing or wrong, choose that.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_claim_is_due_by_whose_turn_it_is() {
        let opened = at("2024-01-20T02:00:00Z");
        assert_eq!(due(opened, None, None), at("2024-01-22T02:00:00Z"));
        let asked = at("2024-01-21T02:00:00Z");
        assert_eq!(due(opened, Some(asked), None), at("2024-02-05T02:00:00Z"));
        let back = at("2024-01-25T02:00:00Z");
        assert_eq!(due(opened, Some(asked), Some(back)), at("2024-02-01T02:00:00Z"));
    }

    #[test]
    fn the_days_begin_after_the_day_of_delivery_and_end_at_midnight_of_the_village() {
        let mut reached = Reached {
            shipped: 2,
            delivered: 2,
            // five in the afternoon of the 20th in the village
            delivered_at: Some(at("2024-01-20T09:00:00Z")),
            sent_at: Some(at("2024-01-18T09:00:00Z")),
            updated_at: at("2024-01-20T09:00:00Z"),
        };
        assert_eq!(last_moment(Kind::Return, &reached), at("2024-01-27T16:00:00Z"));
        assert!(check_time(Kind::Return, &reached, at("2024-01-27T15:59:59Z")).is_ok());
        assert!(check_time(Kind::Return, &reached, at("2024-01-27T16:00:00Z")).is_err());
        assert_eq!(last_moment(Kind::Damaged, &reached), at("2024-02-04T16:00:00Z"));
        reached.delivered = 1;
        assert_eq!(last_moment(Kind::Return, &reached), at("2024-03-18T16:00:00Z"));
        reached.shipped = 0;
        assert!(check_time(Kind::Damaged, &reached, at("2024-01-20T10:00:00Z")).is_err());
    }
}
