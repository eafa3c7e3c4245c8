//! What the buyer of a late order is asked: another carrier, after the festival, or money back.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Order;
use crate::clock::Timestamp;
use crate::money::Fen;

/// One of the three answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = LateAnswer)]
pub enum Answer {
    /// another carrier, which is there in time
    Carrier,
    /// after the festival, on a date
    After,
    /// money back
    Refund,
}

/// How far a question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = LateState)]
pub enum State {
    Asked,
    /// by the buyer
    Answered,
    /// nobody answered in time, and the default was taken
    Defaulted,
    /// nothing is left to answer: the order was packed or has ended, or its default could not be had
    Ended,
}

/// A stored question. Days are texts of the form `2024-02-20`.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Question {
    pub id: Uuid,
    pub order_id: Uuid,
    pub state: State,
    pub reason: String,
    pub deadline: Option<String>,
    pub carrier: Option<String>,
    pub carrier_name: Option<String>,
    pub carrier_arrives: Option<String>,
    pub carrier_fen: Option<Fen>,
    pub after_leaves: Option<String>,
    pub after_arrives: Option<String>,
    pub after_carrier: Option<String>,
    pub fallback: Answer,
    pub answer_by: Timestamp,
    pub answer: Option<Answer>,
    pub asked_at: Timestamp,
    pub asked_by: Uuid,
    pub settled_at: Option<Timestamp>,
}

/// Another carrier that is there in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CarrierOffer {
    pub carrier: String,
    pub name: String,
    pub arrives_by: NaiveDate,
    /// what the buyer pays more; 0 when the shop bears it
    pub extra_fen: Fen,
}

/// Sending after the festival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AfterOffer {
    /// the first day on which it leaves
    pub leaves_from: NaiveDate,
    pub arrives_by: NaiveDate,
}

/// A question as its buyer sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LateView {
    pub state: State,
    /// the day by which the order can't be there; null when none was promised
    pub deadline: Option<NaiveDate>,
    /// null when no other carrier is there in time
    pub carrier: Option<CarrierOffer>,
    /// null when there is no room within 60 days
    pub after: Option<AfterOffer>,
    /// what goes back with `refund`
    pub refund_fen: Fen,
    pub answer_by: Timestamp,
    /// what is done when nobody answers by then
    pub default: Answer,
    pub answer: Option<Answer>,
}

impl Question {
    /// Whether it can be answered. Once its end has come the default counts, taken or not.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == State::Asked && now < self.answer_by
    }

    pub fn carrier_offer(&self) -> Option<CarrierOffer> {
        let carrier = self.carrier.clone()?;
        Some(CarrierOffer {
            name: self.carrier_name.clone().unwrap_or_else(|| carrier.clone()),
            arrives_by: day(self.carrier_arrives.as_deref())?,
            extra_fen: self.carrier_fen?,
            carrier,
        })
    }

    pub fn after_offer(&self) -> Option<AfterOffer> {
        Some(AfterOffer {
            leaves_from: day(self.after_leaves.as_deref())?,
            arrives_by: day(self.after_arrives.as_deref())?,
        })
    }

    pub fn deadline(&self) -> Option<NaiveDate> {
        day(self.deadline.as_deref())
    }

    pub fn view(&self, order: &Order) -> LateView {
        LateView {
            state: self.state,
            deadline: self.deadline(),
            carrier: self.carrier_offer(),
            after: self.after_offer(),
            refund_fen: Fen((order.captured_fen.0 - order.refunded_fen.0).max(0)),
            answer_by: self.answer_by,
            default: self.fallback,
            answer: self.answer,
        }
    }
}

fn day(text: Option<&str>) -> Option<NaiveDate> {
    text.and_then(|text| text.parse().ok())
}
