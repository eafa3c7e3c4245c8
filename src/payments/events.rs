//! What a provider's event is about, and what follows from it: the provider is asked, never the event believed. Events come
//! twice, late, and in any order; of each only a few fields are read, so that a new version of them strands nothing.
//!
//! Source: docs.stripe.com/webhooks, docs.stripe.com/api/events/types.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::errand;
use super::provider::Fault;
use super::reconcile::{Outcome, Reconciler, wait_after};
use super::store::events::{self, Waiting};
use super::store::provider as asked;
use super::wechat::notify::About;
use crate::error::Result;
use crate::id::{VillageId, parse_order_token};
use crate::money::Method;
use crate::transact;

/// Tries after which an event is left to the sweep of open payments and to staff.
const MAX_TRIES: i64 = 30;

#[derive(Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub data: Data,
}

#[derive(Default, Deserialize)]
pub struct Data {
    #[serde(default)]
    pub object: Value,
}

/// What an event is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Subject {
    Payment(VillageId, Uuid),
    Refund(VillageId, Uuid),
    Unknown,
}

impl Event {
    fn field(&self, path: &[&str]) -> Option<&str> {
        path.iter()
            .try_fold(&self.data.object, |value, part| value.get(part))?
            .as_str()
    }

    /// The thing of ours that it names, by the token that the provider keeps for us.
    pub fn subject(&self) -> Subject {
        let refund = self.field(&["metadata", "refund"]).and_then(parse_order_token);
        let payment = self
            .field(&["metadata", "payment"])
            .or_else(|| self.field(&["client_reference_id"]));
        match (refund, payment.and_then(parse_order_token)) {
            (Some((village, id)), _) => Subject::Refund(village, id),
            (None, Some((village, id))) => Subject::Payment(village, id),
            (None, None) => Subject::Unknown,
        }
    }

    /// The village that it belongs to; 0 when it names nothing of ours.
    pub fn village(&self) -> VillageId {
        match self.subject() {
            Subject::Payment(village, _) | Subject::Refund(village, _) => village,
            Subject::Unknown => VillageId(0),
        }
    }
}

/// Acts on a stored event and gives it its outcome.
///
/// # Errors
/// The database.
pub async fn process(by: &Reconciler, village: VillageId, stored: &Waiting) -> Result<Outcome> {
    let outcome = match stored.provider.as_str() {
        "wechat" => follow_wechat(by, &stored.body).await,
        _ => match serde_json::from_str::<Event>(&stored.body) {
            Ok(event) => follow(by, &event).await,
            Err(_) => Ok(Outcome::Settled("can't be read")),
        },
    };
    let now = by.clock.now();
    match &outcome {
        Ok(Outcome::Settled(what)) => {
            transact!(by.db, tx => events::settle(tx, village, stored, what, now).await)?;
        }
        // the provider was asked: what it will say later is found by its next event, or by the sweep
        Ok(Outcome::Waits) => {
            transact!(by.db, tx => events::settle(tx, village, stored, "nothing new", now).await)?;
        }
        Ok(Outcome::Later) | Err(_) if stored.tries + 1 >= MAX_TRIES => {
            transact!(by.db, tx => events::settle(tx, village, stored, "given up", now).await)?;
        }
        Ok(Outcome::Later) | Err(_) => {
            let why = match &outcome {
                Err(error) => error.to_string(),
                Ok(_) => "the provider could not be asked".to_owned(),
            };
            let next = now.plus(wait_after(stored.tries));
            transact!(by.db, tx => events::put_off(tx, village, stored, &why, next).await)?;
        }
    }
    outcome
}

async fn follow(by: &Reconciler, event: &Event) -> Result<Outcome> {
    let is = |start: &str| event.kind.starts_with(start);
    if is("charge.dispute.") {
        return dispute(by, event).await;
    }
    match event.subject() {
        Subject::Payment(village, id) if is("checkout.session.") => {
            by.payment(village, id, event.field(&["id"])).await
        }
        Subject::Payment(village, id) if is("payment_intent.") => by.payment(village, id, None).await,
        Subject::Refund(village, id) if is("refund.") || is("charge.refund.") => {
            errand::refund(by, village, id).await
        }
        Subject::Payment(..) if is("charge.refunded") => Ok(Outcome::Settled("told by its refund as well")),
        Subject::Unknown if is("refund.") => Ok(Outcome::Settled("a refund that was made elsewhere")),
        Subject::Unknown => Ok(Outcome::Settled("nothing of ours")),
        _ => Ok(Outcome::Settled("of no use")),
    }
}

/// WeChat's notification is stored as it came, encrypted; it only says about what WeChat is to be asked.
async fn follow_wechat(by: &Reconciler, body: &str) -> Result<Outcome> {
    let Ok(wechat) = by.providers.wechat() else {
        return Ok(Outcome::Later);
    };
    let about = wechat.reread(body).map(|told| told.about);
    let named = |name: &str| parse_order_token(name);
    match about {
        Ok(About::Payment { out_trade_no }) => match named(&out_trade_no) {
            Some((village, id)) => by.payment(village, id, Some(&out_trade_no)).await,
            None => Ok(Outcome::Settled("nothing of ours")),
        },
        Ok(About::Refund { out_refund_no }) => match named(&out_refund_no) {
            Some((village, id)) => errand::refund(by, village, id).await,
            None => Ok(Outcome::Settled("nothing of ours")),
        },
        Ok(About::Other) => Ok(Outcome::Settled("of no use")),
        Err(_) => Ok(Outcome::Settled("can't be read")),
    }
}

/// A card's holder disputes a payment: staff have to answer, and to stop what is on its way.
async fn dispute(by: &Reconciler, event: &Event) -> Result<Outcome> {
    let Some(intent) = event.field(&["payment_intent"]) else {
        return Ok(Outcome::Settled("a dispute that names no payment"));
    };
    let token = match by.providers.token_of(Method::Stripe, intent).await {
        Ok(token) => token,
        Err(Fault::Missing | Fault::Refused(_)) => None,
        Err(_) => return Ok(Outcome::Later),
    };
    let Some((village, id)) = token.as_deref().and_then(parse_order_token) else {
        return Ok(Outcome::Settled("a dispute of nothing of ours"));
    };
    let status = event.field(&["status"]).unwrap_or("open");
    let what: String = format!("disputed by the card's holder: {status}")
        .chars()
        .take(120)
        .collect();
    transact!(by.db, tx => asked::trouble(tx, village, id, &what).await)?;
    Ok(Outcome::Settled("a dispute, for staff to answer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::order_token;

    fn event(object: Value) -> Event {
        Event {
            id: "evt_1".into(),
            kind: "x".into(),
            data: Data { object },
        }
    }

    #[test]
    fn an_event_is_about_what_it_names() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        let token = order_token(VillageId(7), id);
        for (object, subject) in [
            (
                serde_json::json!({"client_reference_id": token}),
                Subject::Payment(VillageId(7), id),
            ),
            (
                serde_json::json!({"metadata": {"payment": token}}),
                Subject::Payment(VillageId(7), id),
            ),
            (
                serde_json::json!({"metadata": {"refund": token, "payment": token}}),
                Subject::Refund(VillageId(7), id),
            ),
            (
                serde_json::json!({"client_reference_id": "cart 12"}),
                Subject::Unknown,
            ),
            (serde_json::json!({"metadata": []}), Subject::Unknown),
            (Value::Null, Subject::Unknown),
        ] {
            assert_eq!(event(object.clone()).subject(), subject, "{object}");
        }
    }

    #[test]
    fn only_what_is_used_is_asked_of_an_event() {
        let bare: Event =
            serde_json::from_str(r#"{"id":"evt_1","type":"new.kind","api_version":null}"#).unwrap();
        assert_eq!(bare.subject(), Subject::Unknown);
        assert!(serde_json::from_str::<Event>(r#"{"type":"x"}"#).is_err());
    }
}
