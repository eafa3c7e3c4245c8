//! Whoever is asked over the network about money, behind one face: what the shop wants of a provider, what it says, and
//! the ways in which asking can fail. A provider is a field here and an arm in each `match`.

use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::config::{Config, PublicUrl};
use crate::id::Ids;
use crate::money::{Fen, Method};

use super::stripe::Stripe;
use super::wechat::client::Client as Wechat;
use super::wechat::{self, Scene};

/// The providers that the settings name.
#[derive(Clone)]
pub struct Providers {
    stripe: Option<Stripe>,
    wechat: Option<Wechat>,
    /// where WeChat's page for phones is, when the merchant may send buyers there
    wechat_page: Option<String>,
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
    /// how the buyer pays there, for a provider with several ways
    pub scene: Scene<'a>,
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
    /// what came by the payment
    pub paid: Fen,
    pub reason: &'a str,
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
    /// # Errors
    /// The setting whose key can't be used.
    pub fn of(config: &Config, public_url: &PublicUrl, clock: &Clock, ids: &Ids) -> Result<Self, String> {
        let wechat = config.wechat.as_ref();
        let client = wechat.map(|config| {
            let notify_url = format!("{}/webhooks/wechat", public_url.0);
            Wechat::from_config(config, notify_url, clock.clone(), ids.clone())
        });
        let page = wechat.filter(|config| config.h5).map(|config| {
            let base = config.api_base.clone();
            base.unwrap_or_else(|| wechat::PAGE_HOST.to_owned())
        });
        Ok(Providers {
            stripe: config.stripe.as_ref().map(Stripe::new),
            wechat: client.transpose()?,
            wechat_page: page,
        })
    }

    fn stripe(&self) -> Result<&Stripe, Fault> {
        let missing = || Fault::Later("STRIPE_SECRET_KEY is not set".to_owned());
        self.stripe.as_ref().ok_or_else(missing)
    }

    pub fn wechat(&self) -> Result<&Wechat, Fault> {
        let missing = || Fault::Later("WECHAT_MCH_ID is not set".to_owned());
        self.wechat.as_ref().ok_or_else(missing)
    }

    /// Whether buyers may be sent to WeChat's page for phones.
    pub fn has_wechat_page(&self) -> bool {
        self.wechat_page.is_some()
    }

    /// Where browsers are sent to pay, as sources of a content security policy.
    pub fn pay_hosts(&self) -> Vec<String> {
        let stripe = self.stripe.iter().map(|stripe| stripe.pay_host().to_owned());
        stripe.chain(self.wechat_page.clone()).collect()
    }

    pub async fn open(&self, method: Method, ask: &Ask<'_>) -> Result<Offer, Fault> {
        match method {
            Method::Stripe => self.stripe()?.create(ask).await,
            Method::Wechat => self.wechat()?.open(ask).await,
            _ => Err(not_asked(method)),
        }
    }

    pub async fn look(&self, method: Method, reference: &str) -> Result<Truth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.retrieve(reference).await,
            Method::Wechat => self.wechat()?.look(reference).await,
            _ => Err(not_asked(method)),
        }
    }

    /// Asks the provider to take no money any more. `Refused` when it is too late for that: then look.
    pub async fn close(&self, method: Method, reference: &str) -> Result<Truth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.expire(reference).await,
            Method::Wechat => self.wechat()?.shut(reference).await,
            _ => Err(not_asked(method)),
        }
    }

    pub async fn give_back(&self, method: Method, back: &Return<'_>) -> Result<ReturnTruth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.refund(back).await,
            Method::Wechat => self.wechat()?.give_back(back).await,
            _ => Err(not_asked(method)),
        }
    }

    pub async fn look_return(&self, method: Method, reference: &str) -> Result<ReturnTruth, Fault> {
        match method {
            Method::Stripe => self.stripe()?.retrieve_refund(reference).await,
            Method::Wechat => self.wechat()?.look_return(reference).await?.ok_or(Fault::Missing),
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
            Method::Wechat => self.wechat()?.look_return(token).await,
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
            Method::Wechat => self.wechat()?.statement(from, to).await,
            _ => Err(not_asked(method)),
        }
    }

    /// Whether a provider of this name is set up.
    pub fn has(&self, method: Method) -> bool {
        match method {
            Method::Stripe => self.stripe.is_some(),
            Method::Wechat => self.wechat.is_some(),
            _ => false,
        }
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

/// How long after a day's end the provider's books of it can be had; none: at any time.
/// Source: WeChat Pay's manual has a day's bill from ten the next morning; five minutes are a margin.
pub fn statement_after(method: Method) -> Option<Duration> {
    (method == Method::Wechat).then_some(Duration::from_secs((10 * 60 + 5) * 60))
}

/// How long after a payment its wallet takes refunds; none: no limit that we know of.
/// Sources: docs.stripe.com/payments/alipay and /payments/wechat-pay; WeChat Pay itself takes them for a year, of which we
/// use the half that is certain whatever account the buyer has paid from.
pub fn refund_window(method: Method, wallet: Option<&str>) -> Option<Duration> {
    let days = match (method, wallet) {
        (Method::Stripe, Some("alipay")) => 90,
        (Method::Stripe, Some("wechat_pay")) | (Method::Wechat, _) => 180,
        _ => return None,
    };
    Some(Duration::from_secs(days * 86_400))
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
        let direct = refund_window(Method::Wechat, None).map(|window| window.as_secs() / 86_400);
        assert_eq!(direct, Some(180));
    }
}
