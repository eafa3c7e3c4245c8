//! Money in and money back: which ways there are, what state each try is in, and the rules between payments, refunds
//! and orders. Each way of paying has a file of its own: `transfer.rs`, `practice.rs`, `stripe.rs`. What is asked over the
//! network goes through `provider.rs`, and everything that is learned from there through `reconcile.rs`.

pub mod api;
pub mod capture;
pub mod change;
mod checkout;
pub mod close;
pub mod confirm;
pub mod daily;
pub mod desk;
mod errand;
mod events;
pub mod late;
pub mod pages;
pub mod practice;
pub mod provider;
pub mod reconcile;
pub mod refund;
pub mod reverse;
pub mod store;
mod stripe;
pub mod till;
pub mod told;
pub mod transfer;
pub mod webhook;
pub mod wechat;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::{VillageId, order_token, parse_order_token};
use crate::money::{Fen, Method};

/// A try to be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// stored; nobody was asked yet
    Created,
    /// the provider was asked
    Sent,
    /// the buyer's turn
    Waiting,
    Paid,
    Failed,
    /// given up before money came
    Closed,
    /// the provider must be asked again
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Asked,
    Offered,
    MoneyCame,
    Refused,
    GivenUp,
    LostTrack,
}

impl State {
    /// The machine of a payment. `Paid` is final; money that comes after a close is a payment all the same, and what
    /// becomes of it is decided where it is captured.
    pub fn next(self, event: Event) -> Option<State> {
        use State::{Closed, Created, Failed, Paid, Sent, Unknown, Waiting};
        match (self, event) {
            (Paid, _) => None,
            (_, Event::MoneyCame) => Some(Paid),
            (Created | Unknown, Event::Asked) => Some(Sent),
            (Created | Sent | Unknown, Event::Offered) => Some(Waiting),
            (Created | Sent | Waiting | Unknown, Event::Refused) => Some(Failed),
            (Created | Sent | Waiting | Unknown, Event::GivenUp) => Some(Closed),
            (Sent | Waiting, Event::LostTrack) => Some(Unknown),
            _ => None,
        }
    }
}

/// A refund: decided first, carried out after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    Asked,
    Agreed,
    Refused,
    Sent,
    Done,
    Failed,
    /// a person sends the money and says so
    ByHand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundEvent {
    Agree,
    Refuse,
    Send,
    Succeed,
    Fail,
    GiveToStaff,
}

impl RefundState {
    pub fn next(self, event: RefundEvent) -> Option<RefundState> {
        use RefundState::{Agreed, Asked, ByHand, Done, Failed, Refused, Sent};
        match (self, event) {
            (Asked, RefundEvent::Agree) => Some(Agreed),
            // a person was to send money that, as it turns out, never came
            (Asked | ByHand, RefundEvent::Refuse) => Some(Refused),
            (Agreed | Failed, RefundEvent::Send) => Some(Sent),
            (Sent | ByHand, RefundEvent::Succeed) => Some(Done),
            // a bank may send money back that a provider has reported as refunded
            (Sent | Done, RefundEvent::Fail) => Some(Failed),
            (Agreed | Failed, RefundEvent::GiveToStaff) => Some(ByHand),
            _ => None,
        }
    }
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// a member of staff wants it so
    Staff,
    Cancelled,
    /// an edit made the order cheaper
    Edited,
    /// more came than was due, or the order had been paid
    Surplus,
    /// it came after the order's end, and the goods were gone
    PaidUnfillable,
    /// the order ended with a part of its money in
    Ended,
    /// the platform that took it has given it back
    Provider,
}

/// Whether money by this way goes through a provider that is asked over the network.
pub fn by_provider(method: Method) -> bool {
    matches!(method, Method::Stripe | Method::Wechat)
}

/// How a refund of this way of paying starts: play money goes back at once, a provider is asked by the next
/// reconciliation, everything else goes by a person's hand.
pub fn refund_start(method: Method) -> Option<RefundEvent> {
    match method {
        Method::Practice => Some(RefundEvent::Send),
        Method::Stripe | Method::Wechat => None,
        Method::Transfer | Method::Cod | Method::Platform => Some(RefundEvent::GiveToStaff),
    }
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Payment {
    pub village_id: VillageId,
    pub id: Uuid,
    pub order_id: Uuid,
    pub method: Method,
    pub state: State,
    pub amount_fen: Fen,
    pub received_into: Option<String>,
    pub reference: Option<String>,
    pub created_at: Timestamp,
    pub paid_at: Option<Timestamp>,
}

impl Payment {
    /// The public name of a payment, of the same make as an order's token.
    pub fn token(&self) -> String {
        order_token(self.village_id, self.id)
    }
}

/// The payment that a token names.
pub fn parse_token(token: &str) -> Option<(VillageId, Uuid)> {
    parse_order_token(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paid_is_final_and_money_always_arrives() {
        use Event::{Asked, GivenUp, LostTrack, MoneyCame, Offered, Refused};
        use State::{Closed, Created, Failed, Paid, Sent, Unknown, Waiting};
        for (from, event, to) in [
            (Created, Asked, Some(Sent)),
            (Sent, Offered, Some(Waiting)),
            (Waiting, MoneyCame, Some(Paid)),
            (Closed, MoneyCame, Some(Paid)),
            (Failed, MoneyCame, Some(Paid)),
            (Unknown, MoneyCame, Some(Paid)),
            (Waiting, LostTrack, Some(Unknown)),
            (Unknown, Asked, Some(Sent)),
            (Waiting, GivenUp, Some(Closed)),
            (Waiting, Refused, Some(Failed)),
            (Closed, Offered, None),
            (Paid, GivenUp, None),
            (Paid, MoneyCame, None),
        ] {
            assert_eq!(from.next(event), to, "{from:?} {event:?}");
        }
    }

    #[test]
    fn a_refund_is_done_once() {
        use RefundEvent::{Agree, Fail, GiveToStaff, Refuse, Send, Succeed};
        use RefundState::{Agreed, Asked, ByHand, Done, Failed, Refused, Sent};
        for (from, event, to) in [
            (Asked, Agree, Some(Agreed)),
            (Asked, Refuse, Some(Refused)),
            (Agreed, Send, Some(Sent)),
            (Sent, Succeed, Some(Done)),
            (Sent, Fail, Some(Failed)),
            (Done, Fail, Some(Failed)),
            (Failed, Send, Some(Sent)),
            (Failed, GiveToStaff, Some(ByHand)),
            (ByHand, Succeed, Some(Done)),
            (ByHand, Refuse, Some(Refused)),
            (Sent, Refuse, None),
            (Done, Succeed, None),
            (Done, Send, None),
            (Refused, Agree, None),
        ] {
            assert_eq!(from.next(event), to, "{from:?} {event:?}");
        }
    }
}
