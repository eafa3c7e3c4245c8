//! What Stripe is asked, and what of its answers is read: only what is used, so that a field which Stripe adds or drops
//! never strands a payment.

use miniserde::json::Value;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::money::Fen;
use crate::payments::provider::{Moved, ReturnTruth, Returned, Standing, Truth, Way};

#[derive(Serialize)]
pub struct CreateSession<'a> {
    pub mode: &'a str,
    pub client_reference_id: &'a str,
    pub success_url: &'a str,
    pub cancel_url: &'a str,
    /// Unix seconds
    pub expires_at: i64,
    pub locale: &'a str,
    pub line_items: [LineItem<'a>; 1],
    /// Stripe leaves out what the account or the currency doesn't allow
    pub allowed_payment_method_types: [&'a str; 3],
    pub payment_method_options: MethodOptions<'a>,
    pub metadata: PaymentName<'a>,
    pub payment_intent_data: IntentData<'a>,
}

#[derive(Serialize)]
pub struct LineItem<'a> {
    pub quantity: u8,
    pub price_data: PriceData<'a>,
}

#[derive(Serialize)]
pub struct PriceData<'a> {
    pub currency: &'a str,
    /// fen
    pub unit_amount: i64,
    pub product_data: ProductData<'a>,
}

#[derive(Serialize)]
pub struct ProductData<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
pub struct MethodOptions<'a> {
    pub wechat_pay: WechatOptions<'a>,
}

#[derive(Serialize)]
pub struct WechatOptions<'a> {
    pub client: &'a str,
}

#[derive(Clone, Copy, Serialize)]
pub struct PaymentName<'a> {
    pub payment: &'a str,
}

#[derive(Serialize)]
pub struct IntentData<'a> {
    pub description: &'a str,
    pub metadata: PaymentName<'a>,
}

#[derive(Serialize)]
pub struct CreateRefund<'a> {
    pub payment_intent: &'a str,
    pub amount: i64,
    pub metadata: RefundName<'a>,
}

#[derive(Serialize)]
pub struct RefundName<'a> {
    pub refund: &'a str,
}

#[derive(Serialize)]
pub struct Expand<'a> {
    pub expand: [&'a str; 1],
}

#[derive(Serialize)]
pub struct RefundsOf<'a> {
    pub payment_intent: &'a str,
    pub limit: u8,
}

#[derive(Serialize)]
pub struct Lines<'a> {
    pub created: Between,
    pub limit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_after: Option<&'a str>,
}

/// Unix seconds; the first included, the second not.
#[derive(Clone, Copy, Serialize)]
pub struct Between {
    pub gte: i64,
    pub lt: i64,
}

#[derive(miniserde::Deserialize)]
pub struct Page {
    pub data: Vec<Line>,
    pub has_more: Option<bool>,
}

/// A charge or a refund.
#[derive(miniserde::Deserialize)]
pub struct Line {
    pub id: String,
    pub status: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub created: Option<i64>,
    pub payment_intent: Option<Value>,
    pub metadata: Option<Value>,
}

#[derive(miniserde::Deserialize)]
pub struct Session {
    pub id: String,
    pub url: Option<String>,
    pub status: Option<String>,
    pub payment_status: Option<String>,
    pub amount_total: Option<i64>,
    pub currency: Option<String>,
    pub expires_at: Option<i64>,
    pub client_reference_id: Option<String>,
    /// an id, or the intent itself where it was asked for
    pub payment_intent: Option<Value>,
}

#[derive(miniserde::Deserialize)]
pub struct Refund {
    pub id: String,
    pub status: Option<String>,
    pub failure_reason: Option<String>,
    pub metadata: Option<Value>,
}

#[derive(miniserde::Deserialize)]
pub struct RefundList {
    pub data: Vec<Refund>,
}

#[derive(miniserde::Deserialize)]
pub struct Intent {
    pub metadata: Option<Value>,
}

impl Line {
    pub fn moved(self, way: Way) -> Option<Moved> {
        let is_yuan = self.currency.as_deref() == Some("cny");
        let (name, token) = match way {
            Way::In => (self.payment_intent.as_ref().and_then(id_of), "payment"),
            Way::Out => (Some(self.id.clone()), "refund"),
        };
        let token = self
            .metadata
            .as_ref()
            .and_then(|data| text(data, token))
            .map(str::to_owned);
        (self.status.as_deref() == Some("succeeded")).then(|| Moved {
            way,
            name: name.unwrap_or(self.id),
            token,
            amount: self.amount.filter(|_| is_yuan).map(Fen),
            at: Timestamp(self.created.unwrap_or_default().saturating_mul(1_000)),
        })
    }
}

/// The id of a thing that is given by its id, or as itself.
fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::String(id) => Some(id.clone()),
        object => text(object, "id").map(str::to_owned),
    }
}

pub fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    match value {
        Value::Object(fields) => match fields.get(field)? {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn object<'a>(value: &'a Value, field: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(field),
        _ => None,
    }
}

pub fn truth(session: Session) -> Truth {
    let standing = match (session.status.as_deref(), session.payment_status.as_deref()) {
        (_, Some("paid" | "no_payment_required")) => Standing::Paid,
        (Some("complete"), _) => Standing::Processing,
        (Some("expired"), _) => Standing::Ended,
        _ => Standing::Open,
    };
    let intent = session.payment_intent.as_ref();
    let failed = intent.and_then(|intent| text(intent, "status"));
    // an asynchronous way of paying that failed leaves the session complete and unpaid, and its intent without a way
    let standing = match (standing, failed) {
        (Standing::Processing, Some("requires_payment_method" | "canceled")) => Standing::Ended,
        _ => standing,
    };
    let is_yuan = session
        .currency
        .as_deref()
        .is_none_or(|currency| currency == "cny");
    Truth {
        standing,
        token: session.client_reference_id,
        amount: session.amount_total.filter(|_| is_yuan).map(Fen),
        intent: intent.and_then(id_of),
        wallet: intent
            .and_then(|intent| object(intent, "latest_charge"))
            .and_then(|charge| object(charge, "payment_method_details"))
            .and_then(|details| text(details, "type"))
            .map(str::to_owned),
        reference: session.id,
    }
}

pub fn returned(refund: Refund) -> ReturnTruth {
    let returned = match refund.status.as_deref() {
        Some("succeeded") => Returned::Done,
        Some("failed" | "canceled") => Returned::Failed(
            refund
                .failure_reason
                .unwrap_or_else(|| "failed at Stripe".to_owned()),
        ),
        _ => Returned::Pending,
    };
    ReturnTruth {
        reference: refund.id,
        returned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(json: &str) -> Truth {
        truth(miniserde::json::from_str(json).unwrap())
    }

    #[test]
    fn a_session_is_paid_by_its_payment_status_alone() {
        use Standing::{Ended, Open, Paid, Processing};
        for (status, paid, intent, standing) in [
            ("open", "unpaid", "null", Open),
            ("complete", "unpaid", "\"pi_1\"", Processing),
            (
                "complete",
                "unpaid",
                r#"{"id":"pi_1","status":"processing"}"#,
                Processing,
            ),
            (
                "complete",
                "unpaid",
                r#"{"id":"pi_1","status":"requires_payment_method"}"#,
                Ended,
            ),
            ("complete", "paid", "\"pi_1\"", Paid),
            ("expired", "unpaid", "null", Ended),
            ("a status of the future", "unpaid", "null", Open),
        ] {
            let json = format!(
                r#"{{"id":"cs_1","status":"{status}","payment_status":"{paid}","payment_intent":{intent}}}"#
            );
            assert_eq!(session(&json).standing, standing, "{json}");
        }
    }

    #[test]
    fn unknown_fields_and_missing_ones_strand_nothing() {
        let bare = session(r#"{"id":"cs_1"}"#);
        assert_eq!(
            (bare.standing, bare.amount, bare.intent),
            (Standing::Open, None, None)
        );
        let full = session(
            r#"{"id":"cs_1","object":"checkout.session","payment_status":"paid","amount_total":13600,"currency":"cny",
                "client_reference_id":"1abc","new":{"deep":[1,2.5]},"payment_intent":{"id":"pi_1","latest_charge":
                {"id":"ch_1","payment_method_details":{"type":"alipay","alipay":{}}}}}"#,
        );
        assert_eq!(full.amount, Some(Fen(13_600)));
        assert_eq!(full.token.as_deref(), Some("1abc"));
        assert_eq!(full.intent.as_deref(), Some("pi_1"));
        assert_eq!(full.wallet.as_deref(), Some("alipay"));
        assert_eq!(
            session(r#"{"id":"cs_1","amount_total":5,"currency":"jpy"}"#).amount,
            None
        );
    }

    #[test]
    fn refunds() {
        for (json, expected) in [
            (r#"{"id":"re_1","status":"succeeded"}"#, Returned::Done),
            (r#"{"id":"re_1","status":"pending"}"#, Returned::Pending),
            (r#"{"id":"re_1"}"#, Returned::Pending),
            (
                r#"{"id":"re_1","status":"failed","failure_reason":"expired_or_canceled_card"}"#,
                Returned::Failed("expired_or_canceled_card".into()),
            ),
        ] {
            assert_eq!(
                returned(miniserde::json::from_str(json).unwrap()).returned,
                expected,
                "{json}"
            );
        }
    }
}
