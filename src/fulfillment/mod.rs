//! From paid backlog to handed over: which cases make a parcel, on which day it leaves with whom, the day's work as
//! batches, packing, and the carrier's van.
//!
//! A parcel's states are facts with times. It is a plan, which the next plan may move, until its batch is released, it
//! has a waybill, or it is held. The batch alone stores a state.

pub mod api;
pub mod batches;
pub mod carriers;
pub mod codes;
pub mod commit;
pub mod late;
pub mod lots;
pub mod moving;
pub mod packing;
pub mod paper;
pub mod plan;
pub mod planning;
pub mod question;
pub mod scans;
pub mod shaping;
pub mod sheet;
pub mod store;
pub mod tracking;
pub mod van;
pub mod waybills;
pub mod wishes;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = BatchState)]
pub enum State {
    /// a plan; the next one may change it
    Planned,
    /// on paper in the workshop: no plan changes it any more
    Released,
    /// every parcel that is not held is packed
    Packed,
    /// with the carrier
    HandedOver,
}

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Release,
    /// nothing was packed: back to the plan
    Recall,
    /// the last parcel that can be packed has been
    AllPacked,
    /// a parcel was unpacked, came in, or is held no more
    WorkLeft,
    HandOver,
    TakeBack,
}

impl State {
    /// The batch's machine. A batch may leave half packed: the van waits for nobody.
    pub fn next(self, event: Event) -> Option<State> {
        use State::{HandedOver, Packed, Planned, Released};
        match (self, event) {
            (Planned, Event::Release) | (Packed, Event::WorkLeft) => Some(Released),
            (Released, Event::Recall) => Some(Planned),
            (Released, Event::AllPacked) | (HandedOver, Event::TakeBack) => Some(Packed),
            (Released | Packed, Event::HandOver) => Some(HandedOver),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            State::Planned => "planned",
            State::Released => "released",
            State::Packed => "packed",
            State::HandedOver => "handed_over",
        }
    }
}

/// What keeps a parcel from being packed or handed over; several may hold it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ParcelHold)]
pub enum Hold {
    /// staff hold it, for a reason of their own words
    ByStaff,
    /// an order in it was cancelled after the plan
    OrderCancelled,
    /// an order in it was edited after the plan
    OrderChanged,
    /// a buyer asked for money back, and nobody has answered yet
    RefundOpen,
    /// money is due again, by an edit that the buyer agreed to
    PaymentDue,
}

impl Hold {
    pub fn text(self) -> crate::error::Text {
        use crate::error::text;
        match self {
            Hold::ByStaff => text("已被店员留置", "held by staff"),
            Hold::OrderCancelled => text("订单已取消", "the order was cancelled"),
            Hold::OrderChanged => text(
                "订单在排单后改过，请重新排单",
                "the order was changed after the plan: plan again",
            ),
            Hold::RefundOpen => text("有退款申请还没处理", "a refund was asked for and is not answered"),
            Hold::PaymentDue => text("订单还有款没付", "money is due on the order"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_goes_forward_and_back_by_its_machine_only() {
        use Event::{AllPacked, HandOver, Recall, Release, TakeBack, WorkLeft};
        use State::{HandedOver, Packed, Planned, Released};
        let states = [Planned, Released, Packed, HandedOver];
        for (event, to) in [
            (Release, [Some(Released), None, None, None]),
            (Recall, [None, Some(Planned), None, None]),
            (AllPacked, [None, Some(Packed), None, None]),
            (WorkLeft, [None, None, Some(Released), None]),
            (HandOver, [None, Some(HandedOver), Some(HandedOver), None]),
            (TakeBack, [None, None, None, Some(Packed)]),
        ] {
            assert_eq!(states.map(|from| from.next(event)), to, "{event:?}");
        }
    }
}
