//! Orders: what they are, and the rules about them. Pure: no SQL, no clock.

pub mod addresses;
pub mod api;
pub mod assisted;
pub mod claims;
pub mod decide;
pub mod draft;
pub mod edit;
mod form;
pub mod import;
pub mod intake;
pub mod late;
pub mod pages;
pub mod place;
pub mod promised;
pub mod quote;
pub mod store;
pub mod view;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use self::draft::Address;
use self::promised::Promised;
use crate::clock::Timestamp;
use crate::id::{VillageId, order_token};
use crate::money::{Fen, Method};

/// The reservation of an unpaid order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// holds stock until its end
    Active,
    /// became a sale: paid, or to be paid on delivery
    Consumed,
    /// gave its stock back
    Released,
}

/// What happens to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldEvent {
    Sold,
    /// the money that made it a sale never came
    Unsold,
    Ended,
}

impl Hold {
    /// The hold's machine: it leaves `active` once, and nothing brings it back but a sale that reserves again, or one
    /// that turns out to be none.
    pub fn next(self, event: HoldEvent) -> Option<Hold> {
        match (self, event) {
            (Hold::Active | Hold::Released, HoldEvent::Sold) => Some(Hold::Consumed),
            (Hold::Active | Hold::Consumed, HoldEvent::Ended) => Some(Hold::Released),
            (Hold::Consumed, HoldEvent::Unsold) => Some(Hold::Active),
            (Hold::Consumed, HoldEvent::Sold)
            | (Hold::Released, HoldEvent::Ended)
            | (Hold::Active | Hold::Released, HoldEvent::Unsold) => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Cancelled,
    Expired,
}

/// Where an order came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Link,
    Staff,
    Import,
}

/// How far the edit of an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// made at once: the order got no dearer
    Applied,
    /// waits for the buyer, since the order would get dearer
    Proposed,
    /// made, with the buyer's consent
    Agreed,
    /// not made: the buyer said no, the order ended, or a later edit came first
    Declined,
}

/// What an order is; computed, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    AwaitingPayment,
    Paid,
    Packed,
    Shipped,
    Delivered,
    Cancelled,
    Expired,
    Refunded,
}

impl Status {
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_value(text.into()).ok()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Status::AwaitingPayment => "awaiting_payment",
            Status::Paid => "paid",
            Status::Packed => "packed",
            Status::Shipped => "shipped",
            Status::Delivered => "delivered",
            Status::Cancelled => "cancelled",
            Status::Expired => "expired",
            Status::Refunded => "refunded",
        }
    }
}

/// The stored facts from which a status follows. Quantities are cases.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub ended_as: Option<Ended>,
    pub total_fen: i64,
    pub captured_fen: i64,
    pub refunded_fen: i64,
    pub ordered: i64,
    pub cancelled: i64,
    pub packed: i64,
    pub shipped: i64,
    pub delivered: i64,
}

/// What an order is. An order that was paid and has been made dearer since, by an edit that its buyer agreed to, waits
/// for payment again until the difference is there; its hold stays a sale and does not end. `store::STATUS` says the same in SQL, and a test holds the two together.
pub fn status(facts: &Facts) -> Status {
    let live = facts.ordered - facts.cancelled;
    if live == 0 {
        return match facts.ended_as {
            _ if facts.captured_fen > 0 && facts.refunded_fen >= facts.captured_fen => Status::Refunded,
            Some(Ended::Expired) => Status::Expired,
            _ => Status::Cancelled,
        };
    }
    if facts.delivered == live {
        Status::Delivered
    } else if facts.shipped == live {
        Status::Shipped
    } else if facts.packed == live {
        Status::Packed
    } else if facts.captured_fen >= facts.total_fen {
        Status::Paid
    } else {
        Status::AwaitingPayment
    }
}

/// A stored order.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Order {
    pub village_id: VillageId,
    pub id: Uuid,
    pub number: String,
    pub link_id: Option<Uuid>,
    pub source: Source,
    pub channel: String,
    pub host: String,
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
    pub region_code: String,
    pub note: String,
    pub method: Method,
    pub goods_fen: Fen,
    pub freight_fen: Fen,
    pub total_fen: Fen,
    pub captured_fen: Fen,
    pub refunded_fen: Fen,
    pub hold: Hold,
    pub hold_ends_at: Option<Timestamp>,
    /// until when it may be paid, while a provider's open payment keeps the hold from ending by the clock
    pub pay_before: Option<Timestamp>,
    pub ended_as: Option<Ended>,
    pub ordered: i64,
    pub cancelled: i64,
    pub packed: i64,
    pub shipped: i64,
    pub delivered: i64,
    /// a [`promised::Promised`] as JSON text
    pub promise: Option<String>,
    pub version: i64,
    pub placed_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    pub updated_at: Timestamp,
}

/// The channel of orders that send a claim's cases once more, apart from what was sold.
pub const RESEND: &str = "resend";

impl Order {
    /// Whether it sends a claim's cases once more: such an order costs nothing, whatever becomes of it.
    pub fn is_resend(&self) -> bool {
        self.channel == RESEND
    }

    pub fn status(&self) -> Status {
        status(&Facts {
            ended_as: self.ended_as,
            total_fen: self.total_fen.0,
            captured_fen: self.captured_fen.0,
            refunded_fen: self.refunded_fen.0,
            ordered: self.ordered,
            cancelled: self.cancelled,
            packed: self.packed,
            shipped: self.shipped,
            delivered: self.delivered,
        })
    }

    pub fn token(&self) -> String {
        order_token(self.village_id, self.id)
    }

    /// When it leaves and arrives, as its buyer was told last; `None` when nothing was promised, or the order has ended.
    pub fn promised(&self) -> Option<Promised> {
        let text = self
            .promise
            .as_deref()
            .filter(|_| self.cancelled < self.ordered)?;
        // a record that another version of this program has written promises what it can't read to nobody
        serde_json::from_str(text).ok()
    }

    /// The first two digits of the code of the place it goes to.
    pub fn province_code(&self) -> &str {
        self.region_code.get(..2).unwrap_or_default()
    }

    /// Where its parcels go.
    pub fn address(&self) -> Address {
        Address {
            name: self.name.clone(),
            phone: self.phone.clone(),
            province: self.province.clone(),
            city: self.city.clone(),
            district: self.district.clone(),
            street: self.street.clone(),
            region_code: self.region_code.clone(),
        }
    }

    /// The instant by which an unpaid order must be paid.
    pub fn pay_before(&self) -> Option<Timestamp> {
        if self.hold == Hold::Active {
            self.pay_before.or(self.hold_ends_at)
        } else {
            None
        }
    }

    /// Whether its hold is over, swept or not. While a provider may still bring money, the hold goes on beyond the
    /// instant by which the order had to be paid.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        self.hold == Hold::Active && self.hold_ends_at.is_some_and(|end| end <= now)
    }
}

/// The end of a hold that the clock does not end, since a provider has a payment of its order open: the last second
/// of the year 9999.
pub const HELD_BY_PROVIDER: Timestamp = Timestamp(253_402_300_799_000);

/// A stored order line.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Line {
    pub order_id: Uuid,
    pub line: i64,
    pub sku_id: Uuid,
    pub sku: String,
    pub title: String,
    pub price_fen: Fen,
    pub goods_fen: Fen,
    pub ordered: i64,
    pub cancelled: i64,
    pub packed: i64,
    pub shipped: i64,
    pub delivered: i64,
}

/// `240120-0042`: the day in Asia/Shanghai and the order's number on it.
pub fn number(at: Timestamp, serial: i64) -> String {
    format!("{}{serial:04}", number_prefix(at))
}

/// What the numbers of a day begin with.
pub fn number_prefix(at: Timestamp) -> String {
    at.day().format("%y%m%d-").to_string()
}

/// Whether a text can be an order number; keeps what isn't one away from the database.
pub fn is_number(text: &str) -> bool {
    let Some((day, serial)) = text.split_once('-') else {
        return false;
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    day.len() == 6 && digits(day) && (4..=9).contains(&serial.len()) && digits(serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(captured: i64, refunded: i64, quantities: [i64; 5], ended_as: Option<Ended>) -> Facts {
        let [ordered, cancelled, packed, shipped, delivered] = quantities;
        Facts {
            ended_as,
            total_fen: 100,
            captured_fen: captured,
            refunded_fen: refunded,
            ordered,
            cancelled,
            packed,
            shipped,
            delivered,
        }
    }

    #[test]
    fn status_follows_from_the_facts() {
        use Ended::{Cancelled, Expired};
        for (facts, expected) in [
            (facts(0, 0, [2, 0, 0, 0, 0], None), Status::AwaitingPayment),
            (facts(99, 0, [2, 0, 0, 0, 0], None), Status::AwaitingPayment),
            (facts(100, 0, [2, 0, 0, 0, 0], None), Status::Paid),
            (facts(100, 50, [2, 1, 0, 0, 0], None), Status::Paid),
            (facts(100, 0, [2, 0, 1, 0, 0], None), Status::Paid),
            (facts(100, 0, [2, 0, 2, 1, 0], None), Status::Packed),
            (facts(100, 50, [2, 1, 1, 1, 0], None), Status::Shipped),
            (facts(100, 0, [2, 0, 2, 2, 2], None), Status::Delivered),
            (facts(100, 100, [2, 0, 2, 2, 2], None), Status::Delivered),
            (facts(0, 0, [2, 0, 2, 2, 0], None), Status::Shipped),
            (facts(0, 0, [2, 2, 0, 0, 0], Some(Cancelled)), Status::Cancelled),
            (facts(0, 0, [2, 2, 0, 0, 0], Some(Expired)), Status::Expired),
            (facts(100, 0, [2, 2, 0, 0, 0], Some(Cancelled)), Status::Cancelled),
            (
                facts(100, 100, [2, 2, 0, 0, 0], Some(Cancelled)),
                Status::Refunded,
            ),
            (facts(100, 100, [2, 2, 0, 0, 0], Some(Expired)), Status::Refunded),
        ] {
            assert_eq!(status(&facts), expected, "{facts:?}");
        }
    }

    #[test]
    fn a_hold_is_given_up_once() {
        use HoldEvent::{Ended, Sold, Unsold};
        for (from, event, to) in [
            (Hold::Active, Sold, Some(Hold::Consumed)),
            (Hold::Active, Ended, Some(Hold::Released)),
            (Hold::Consumed, Sold, None),
            (Hold::Consumed, Ended, Some(Hold::Released)),
            (Hold::Released, Sold, Some(Hold::Consumed)),
            (Hold::Released, Ended, None),
            (Hold::Consumed, Unsold, Some(Hold::Active)),
            (Hold::Active, Unsold, None),
            (Hold::Released, Unsold, None),
        ] {
            assert_eq!(from.next(event), to, "{from:?} {event:?}");
        }
    }

    #[test]
    fn numbers() {
        let at = Timestamp::parse("2024-01-20T16:30:00Z").unwrap();
        assert_eq!(number(at, 42), "240121-0042");
        assert_eq!(number(at, 123_456), "240121-123456");
        assert!(is_number("240121-0042"));
        for text in [
            "",
            "240121",
            "240121-",
            "240121-42",
            "24012x-0042",
            "240121-0042\0",
        ] {
            assert!(!is_number(text), "{text}");
        }
    }
}
