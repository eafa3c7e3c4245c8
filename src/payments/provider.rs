//! Whoever is asked over the network about money, behind one face: what the shop wants of a provider, what it says, and
//! the ways in which asking can fail. A provider is a field here and an arm in each `match`.

use crate::clock::Timestamp;
use crate::config::Config;
use crate::money::{Fen, Method};

use super::stripe::Stripe;

/// The providers that the settings name.
#[derive(Clone)]
pub struct Providers {
    stripe: Option<Stripe>,
}

/// What a buyer shall pay. Asking again under the same key with the same words is asking once.
pub struct Ask<'a> {
    /// our payment's id, the idempotency key
    pub key: String,
    /// our payment's public name, which the provider keeps for us
    pub token: &'a str,
    pub order_number: &'a str,
    pub amount: Fen,
    pub until: Timestamp,
    /// where the buyer goes afterwards, paid or not
    pub back_to: String,
}

/// The provider's offer to a buyer.
pub struct Offer {
    pub reference: String,
    pub url: String,
    pub until: Option<Timestamp>,
}

/// Where a payment stands at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// the buyer may still pay
    Open,
    /// the buyer has done their part, and the money is on its way
    Processing,
    Paid,
    /// it can't be paid any more
    Ended,
}

/// What a provider says of a payment.
pub struct Truth {
    pub reference: String,
    pub standing: Standing,
    /// the public name of the payment of ours that it is
    pub token: Option<String>,
    /// in yuan; `None` when it is in another currency
    pub amount: Option<Fen>,
    pub intent: Option<String>,
    pub wallet: Option<String>,
}

/// Money to give back.
pub struct Return<'a> {
    pub key: String,
    /// our refund's public name
    pub token: &'a str,
    pub intent: &'a str,
    pub amount: Fen,
}

/// Where a refund stands at its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    Pending,
    Done,
    /// it did not work, and the money is with us again
    Failed(String),
}

pub struct ReturnTruth {
    pub reference: String,
    pub returned: Returned,
}

/// Which way money went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    In,
    Out,
}

/// A line of a provider's statement.
#[derive(Clone, Debug)]
pub struct Moved {
    pub way: Way,
    /// what our row of it holds as the provider's name of it
    pub name: String,
    /// the public name of ours that it carries
    pub token: Option<String>,
    /// `None` in another currency
    pub amount: Option<Fen>,
    pub at: Timestamp,
}

/// Why a provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// it can't be reached or has no time: the same again later
    #[error("not now: {0}")]
    Later(String),
    /// it failed within, and may have stored that under the key: look, then ask under another key
    #[error("it failed: {0}")]
    Broken(String),
    /// it won't, however often it is asked
    #[error("refused: {0}")]
    Refused(String),
    /// it knows no such thing
    #[error("unknown to it")]
    Missing,
}

impl Providers {
    pub fn of(config: &Config) -> Self {
        Providers {
            stripe: config.stripe.as_ref().map(Stripe::new),
        }
    }

    fn stripe(&self) -> Result<&Stripe, Fault> {
        let missing = || Fault::Later("STRIPE_SECRET_KEY is not set".to_owned());
        self.stripe.as_ref().ok_or_else(missing)
    }

    /// Where browsers are sent to pay, as sources of a content security policy.
    pub fn pay_hosts(&self) -> Vec<String> {
        self.stripe
            .iter()
            .map(|stripe| stripe.pay_host().to_owned())
            .collect()
    }

    pub async fn open(&self, method: Method, ask: &Ask<'_>) -> Result<Offer, Fault> {
        match method {
            Method::Stripe => self.stripe()?.create(ask).await,
            _ => Err(not_asked(method)),
        }
    }

    pub async fn look(&self, method: Method, reference: &str) -> Result<Truth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.retrieve(reference).await,
            _ => Err(not_asked(method)),
        }
    }

    /// Asks the provider to take no money any more. `Refused` when it is too late for that: then look.
    pub async fn close(&self, method: Method, reference: &str) -> Result<Truth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.expire(reference).await,
            _ => Err(not_asked(method)),
        }
    }

    pub async fn give_back(&self, method: Method, back: &Return<'_>) -> Result<ReturnTruth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.refund(back).await,
            _ => Err(not_asked(method)),
        }
    }

    pub async fn look_return(&self, method: Method, reference: &str) -> Result<ReturnTruth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.retrieve_refund(reference).await,
            _ => Err(not_asked(method)),
        }
    }

    /// Finds a refund by our name of it, for a try whose answer was lost.
    pub async fn find_return(
        &self,
        method: Method,
        intent: &str,
        token: &str,
    ) -> Result<Option<ReturnTruth>, Fault> {
        match method {
            Method::Stripe => self.stripe()?.find_refund(intent, token).await,
            _ => Err(not_asked(method)),
        }
    }

    /// What came and went between two instants, the first included.
    pub async fn statement(
        &self,
        method: Method,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Moved>, Fault> {
        match method {
            Method::Stripe => self.stripe()?.statement(from, to).await,
            _ => Err(not_asked(method)),
        }
    }

    /// Whether a provider of this name is set up.
    pub fn has(&self, method: Method) -> bool {
        method == Method::Stripe && self.stripe.is_some()
    }

    /// The public name of our payment that a provider's money belongs to.
    pub async fn token_of(&self, method: Method, intent: &str) -> Result<Option<String>, Fault> {
        match method {
            Method::Stripe => self.stripe()?.token_of(intent).await,
            _ => Err(not_asked(method)),
        }
    }
}

fn not_asked(method: Method) -> Fault {
    Fault::Refused(format!("{method:?} has no provider"))
}

/// How long after a payment its wallet takes refunds; none: no limit that we know of.
/// Source: docs.stripe.com/payments/alipay and /payments/wechat-pay.
pub fn refund_window(method: Method, wallet: Option<&str>) -> Option<std::time::Duration> {
    let days = match (method, wallet) {
        (Method::Stripe, Some("alipay")) => 90,
        (Method::Stripe, Some("wechat_pay")) => 180,
        _ => return None,
    };
    Some(std::time::Duration::from_secs(days * 86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_the_wallets() {
        for (wallet, days) in [
            (Some("alipay"), Some(90)),
            (Some("wechat_pay"), Some(180)),
            (Some("card"), None),
            (None, None),
        ] {
            let window = refund_window(Method::Stripe, wallet).map(|window| window.as_secs() / 86_400);
            assert_eq!(window, days, "{wallet:?}");
        }
        assert_eq!(refund_window(Method::Transfer, Some("alipay")), None);
    }
}
