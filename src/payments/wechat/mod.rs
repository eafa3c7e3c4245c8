//! WeChat Pay, directly with WeChat (interface v3, merchant of its own): what a mainland collective can open by itself.
//!
//! `sign.rs` signs requests and checks WeChat's signatures, `notify.rs` opens notifications, `client.rs` makes the calls,
//! `bill.rs` reads the bill of a day. Amounts are 分 in calls and 元 in bills. Replies are read leniently: only the
//! fields we use, so that a new field or state never strands a payment.

pub mod bill;
pub mod client;
mod desk;
pub mod notify;
pub mod sign;

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;
use serde::Deserialize;
use std::time::Duration;

use crate::money::Fen;

/// Where WeChat's page for phones is.
pub const PAGE_HOST: &str = "https://wx.tenpay.com";

/// Characters of WeChat's own words that are kept of a refusal.
const MESSAGE_LENGTH: usize = 200;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing is known: no answer in time, an answer that WeChat did not sign, or WeChat has trouble of its own. The
    /// call may have worked; ask again.
    #[error("WeChat Pay gave no answer to rely on: {0}")]
    Lost(String),
    /// WeChat understood the call and did not do it.
    #[error("WeChat Pay refused: HTTP {status} {code}: {message}")]
    Refused {
        status: u16,
        code: String,
        message: String,
    },
}

impl Failure {
    fn lost(why: impl ToString) -> Self {
        Failure::Lost(short(&why.to_string()))
    }

    /// Whether WeChat says that there is no such thing. A 404 without its words may come from anybody on the way, a
    /// wrong address included, and ends no payment.
    fn is_missing(&self) -> bool {
        let Failure::Refused {
            status: 404, code, ..
        } = self
        else {
            return false;
        };
        matches!(code.as_str(), "ORDER_NOT_EXIST" | "RESOURCE_NOT_EXISTS")
    }
}

/// One line of somebody else's words, without control characters and not too long.
fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MESSAGE_LENGTH)
        .collect()
}

/// How a buyer pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene<'a> {
    /// inside WeChat, in the merchant's own service account; by the buyer's id there
    Jsapi { openid: &'a str },
    /// by scanning a code with another screen's camera
    Native,
    /// in a phone's browser, never inside WeChat; with the buyer's address
    H5 { ip: &'a str },
}

impl<'a> Scene<'a> {
    /// How the browser that sent these headers pays best: a phone outside WeChat by WeChat's page, if the merchant may
    /// have that; everything else by a code to scan.
    pub fn of_browser(headers: &'a HeaderMap, h5: bool) -> Self {
        let agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let is_phone =
            agent.is_some_and(|agent| agent.contains("Mobile") && !agent.contains("MicroMessenger"));
        match sender(headers) {
            Some(ip) if h5 && is_phone => Scene::H5 { ip },
            _ => Scene::Native,
        }
    }

    /// Whether what a buyer was given before serves this way of paying.
    pub fn takes(self, offer: &str) -> bool {
        match self {
            Scene::Jsapi { .. } => offer.starts_with("prepay_id="),
            Scene::Native => offer.starts_with("weixin:"),
            Scene::H5 { .. } => offer.starts_with("http"),
        }
    }

    /// The last part of the call's path.
    fn path(self) -> &'static str {
        match self {
            Scene::Jsapi { .. } => "jsapi",
            Scene::Native => "native",
            Scene::H5 { .. } => "h5",
        }
    }
}

/// The address that a browser's request came from, as the proxy in front of us tells. WeChat compares it with the one
/// that its page is opened from; a wrong one only makes that payment fail.
pub fn sender(headers: &HeaderMap) -> Option<&str> {
    let list = headers.get("x-forwarded-for")?.to_str().ok()?;
    let first = list.split(',').next()?.trim();
    first.parse::<std::net::IpAddr>().is_ok().then_some(first)
}

/// How long what a buyer was given to pay by can be used, with a margin: WeChat says two hours of codes and prepared
/// payments, five minutes of its page.
pub fn good_for(offer: &str) -> Duration {
    let minutes = if offer.starts_with("http") { 4 } else { 110 };
    Duration::from_secs(minutes * 60)
}

/// What WeChat knows of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Transaction {
    pub out_trade_no: String,
    #[serde(default)]
    pub mchid: String,
    #[serde(default)]
    pub appid: String,
    /// WeChat's own number; there when it was paid
    pub transaction_id: Option<String>,
    pub trade_state: TradeState,
    /// RFC 3339; there when it was paid
    pub success_time: Option<String>,
    pub amount: Option<Amount>,
}

impl Transaction {
    /// What the buyer was asked for, when WeChat says so in CNY.
    pub fn total(&self) -> Option<Fen> {
        let amount = self.amount.as_ref()?;
        let cny = amount.currency.as_deref().is_none_or(|it| it == "CNY");
        amount.total.filter(|_| cny).map(Fen)
    }
}

/// The amounts of a payment or refund, in 分.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Amount {
    pub total: Option<i64>,
    pub refund: Option<i64>,
    pub currency: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TradeState {
    Success,
    /// paid, and something of it was refunded or is about to be
    Refund,
    #[serde(rename = "NOTPAY")]
    NotPaid,
    Closed,
    Revoked,
    #[serde(rename = "USERPAYING")]
    UserPaying,
    #[serde(rename = "PAYERROR")]
    PayError,
    /// one that is not in the manual today
    #[serde(other)]
    Unknown,
}

impl TradeState {
    /// Money has come.
    pub fn is_paid(self) -> bool {
        matches!(self, TradeState::Success | TradeState::Refund)
    }

    /// No money can come any more.
    pub fn is_over(self) -> bool {
        matches!(self, TradeState::Closed | TradeState::Revoked)
    }
}

/// What WeChat knows of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refunded {
    pub out_refund_no: String,
    /// WeChat's own number
    pub refund_id: Option<String>,
    pub status: RefundStatus,
    pub success_time: Option<String>,
    pub amount: Option<Amount>,
}

impl Refunded {
    /// What goes back to the buyer, when WeChat says so in CNY.
    pub fn amount(&self) -> Option<Fen> {
        let amount = self.amount.as_ref()?;
        let cny = amount.currency.as_deref().is_none_or(|it| it == "CNY");
        amount.refund.filter(|_| cny).map(Fen)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    Success,
    /// given up; the money stays with the merchant
    Closed,
    Processing,
    /// the buyer's account can't take it; staff must act
    Abnormal,
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_leniently() {
        let text = r#"{"out_trade_no": "1a", "trade_state": "ACCEPT", "brand_new": {"x": [1]}, "amount": {"total": 5, "payer_total": 5}}"#;
        let reply: Transaction = serde_json::from_str(text).unwrap();
        assert_eq!(
            (reply.trade_state, reply.total()),
            (TradeState::Unknown, Some(Fen(5)))
        );
        for (word, state, paid, over) in [
            ("SUCCESS", TradeState::Success, true, false),
            ("REFUND", TradeState::Refund, true, false),
            ("NOTPAY", TradeState::NotPaid, false, false),
            ("CLOSED", TradeState::Closed, false, true),
            ("REVOKED", TradeState::Revoked, false, true),
            ("USERPAYING", TradeState::UserPaying, false, false),
            ("PAYERROR", TradeState::PayError, false, false),
        ] {
            let read: TradeState = serde_json::from_value(word.into()).unwrap();
            assert_eq!((read, read.is_paid(), read.is_over()), (state, paid, over));
        }
        let text =
            r#"{"out_refund_no": "1a", "status": "ABNORMAL", "amount": {"refund": 3, "currency": "USD"}}"#;
        let reply: Refunded = serde_json::from_str(text).unwrap();
        assert_eq!((reply.status, reply.amount()), (RefundStatus::Abnormal, None));
    }
}
