//! Stripe: hosted Checkout in payment mode, and refunds. The client of the async-stripe crate makes the calls; what is
//! asked and what is read are small types of ours, so that a field which Stripe adds or drops never strands a payment.
//!
//! Sources: docs.stripe.com/api/checkout/sessions, /api/refunds, /api/idempotent_requests, /payments/alipay,
//! /payments/wechat-pay.

mod words;

use std::time::Duration;

use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError};
use stripe_client_core::{RequestBuilder, StripeMethod};

use self::words::{
    Between, CreateRefund, CreateSession, Expand, Intent, IntentData, LineItem, Lines, MethodOptions, Page,
    PaymentName, PriceData, ProductData, Refund, RefundList, RefundName, RefundsOf, Session, WechatOptions,
    returned, text, truth,
};
use super::provider::{Ask, Fault, Moved, Offer, Return, ReturnTruth, Truth, Way};
use crate::clock::Timestamp;
use crate::config::StripeConfig;

/// What one try may take, connecting included.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// Waits before the second and third try of a call that got no answer.
const WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// Characters of what Stripe says of an error that are kept.
const SAID: usize = 160;

/// Refunds of one payment that are looked through for ours: Stripe's largest page.
const REFUNDS: u8 = 100;

/// Pages of a hundred lines that a statement may have.
const PAGES: usize = 100;

#[derive(Clone)]
pub struct Stripe {
    client: Client,
    pay_host: String,
}

impl Stripe {
    pub fn new(config: &StripeConfig) -> Self {
        // fails when something else in this process has installed a provider before, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = ClientBuilder::new(config.secret_key.as_str())
            .timeout(TIME_LIMIT)
            .app_info("cunji", Some(env!("CARGO_PKG_VERSION").to_owned()), None);
        if let Some(base) = &config.api_base {
            builder = builder.url(format!("{base}/"));
        }
        Stripe {
            client: builder
                .build()
                .expect("the settings took only a key and an address that a request can carry"),
            pay_host: config
                .api_base
                .clone()
                .unwrap_or_else(|| "https://checkout.stripe.com".to_owned()),
        }
    }

    /// Where its pages are.
    pub fn pay_host(&self) -> &str {
        &self.pay_host
    }

    pub async fn create(&self, ask: &Ask<'_>) -> Result<Offer, Fault> {
        let name = format!("订单 {}", ask.order_number);
        let named = PaymentName { payment: ask.token };
        let create = CreateSession {
            mode: "payment",
            client_reference_id: ask.token,
            success_url: &ask.back_to,
            cancel_url: &ask.back_to,
            expires_at: ask.until.0.div_euclid(1_000),
            locale: "zh",
            line_items: [LineItem {
                quantity: 1,
                price_data: PriceData {
                    currency: "cny",
                    unit_amount: ask.amount.0,
                    product_data: ProductData { name: &name },
                },
            }],
            allowed_payment_method_types: ["wechat_pay", "alipay", "card"],
            payment_method_options: MethodOptions {
                wechat_pay: WechatOptions { client: "web" },
            },
            metadata: named,
            payment_intent_data: IntentData {
                description: &name,
                metadata: named,
            },
        };
        let request = || RequestBuilder::new(StripeMethod::Post, "/checkout/sessions").form(&create);
        let session: Session = self.send(request, Some(&ask.key)).await?;
        let url = session
            .url
            .ok_or_else(|| Fault::Refused("a session without an address".to_owned()))?;
        Ok(Offer {
            reference: session.id,
            url,
            until: session.expires_at.map(|at| Timestamp(at.saturating_mul(1_000))),
        })
    }

    pub async fn retrieve(&self, id: &str) -> Result<Truth, Fault> {
        let path = format!("/checkout/sessions/{}", segment(id)?);
        let expand = Expand {
            expand: ["payment_intent.latest_charge"],
        };
        let request = || RequestBuilder::new(StripeMethod::Get, path.as_str()).query(&expand);
        self.send(request, None).await.map(truth)
    }

    pub async fn expire(&self, id: &str) -> Result<Truth, Fault> {
        let path = format!("/checkout/sessions/{}/expire", segment(id)?);
        // no key: a repeated call is refused, which says that it was done
        let request = || RequestBuilder::new(StripeMethod::Post, path.as_str());
        self.send(request, None).await.map(truth)
    }

    pub async fn refund(&self, back: &Return<'_>) -> Result<ReturnTruth, Fault> {
        let create = CreateRefund {
            payment_intent: back.intent,
            amount: back.amount.0,
            metadata: RefundName { refund: back.token },
        };
        let request = || RequestBuilder::new(StripeMethod::Post, "/refunds").form(&create);
        self.send(request, Some(&back.key)).await.map(returned)
    }

    pub async fn retrieve_refund(&self, id: &str) -> Result<ReturnTruth, Fault> {
        let path = format!("/refunds/{}", segment(id)?);
        self.send(|| RequestBuilder::new(StripeMethod::Get, path.as_str()), None)
            .await
            .map(returned)
    }

    pub async fn find_refund(&self, intent: &str, token: &str) -> Result<Option<ReturnTruth>, Fault> {
        let query = RefundsOf {
            payment_intent: intent,
            limit: REFUNDS,
        };
        let request = || RequestBuilder::new(StripeMethod::Get, "/refunds").query(&query);
        let list: RefundList = self.send(request, None).await?;
        let ours = |refund: &Refund| {
            let name = refund.metadata.as_ref().and_then(|data| text(data, "refund"));
            name == Some(token)
        };
        Ok(list.data.into_iter().find(ours).map(returned))
    }

    pub async fn token_of(&self, intent: &str) -> Result<Option<String>, Fault> {
        let path = format!("/payment_intents/{}", segment(intent)?);
        let intent: Intent = self
            .send(|| RequestBuilder::new(StripeMethod::Get, path.as_str()), None)
            .await?;
        let name = intent.metadata.as_ref().and_then(|data| text(data, "payment"));
        Ok(name.map(str::to_owned))
    }

    /// Charges and refunds that worked. Their amounts are what buyers paid, in the currency that they paid in; a balance
    /// transaction has them in the account's own.
    pub async fn statement(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Moved>, Fault> {
        let between = Between {
            gte: from.0.div_euclid(1_000),
            lt: to.0.div_euclid(1_000),
        };
        let mut moved = Vec::new();
        for (way, path) in [(Way::In, "/charges"), (Way::Out, "/refunds")] {
            let mut after: Option<String> = None;
            for page in 0.. {
                if page == PAGES {
                    return Err(Fault::Refused("more lines than a statement may have".to_owned()));
                }
                let query = Lines {
                    created: between,
                    limit: REFUNDS,
                    starting_after: after.as_deref(),
                };
                let request = || RequestBuilder::new(StripeMethod::Get, path).query(&query);
                let page: Page = self.send(request, None).await?;
                after = page.data.last().map(|line| line.id.clone());
                moved.extend(page.data.into_iter().filter_map(|line| line.moved(way)));
                if page.has_more != Some(true) || after.is_none() {
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// Sends a request, and again under the same key when no answer came.
    async fn send<T: miniserde::Deserialize>(
        &self,
        request: impl Fn() -> RequestBuilder,
        key: Option<&str>,
    ) -> Result<T, Fault> {
        let strategy = match key {
            Some(key) => RequestStrategy::Idempotent(
                IdempotencyKey::new(key).map_err(|error| Fault::Refused(error.to_string()))?,
            ),
            None => RequestStrategy::Once,
        };
        let mut waits = WAITS.iter();
        loop {
            let request = request().customize::<T>().request_strategy(strategy.clone());
            let fault = match request.send(&self.client).await {
                Ok(answer) => return Ok(answer),
                Err(error) => fault(error),
            };
            match (&fault, waits.next()) {
                (Fault::Later(_), Some(wait)) => tokio::time::sleep(*wait).await,
                _ => return Err(fault),
            }
        }
    }
}

/// An id of Stripe's as a part of a path.
fn segment(id: &str) -> Result<&str, Fault> {
    let is_plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain && !id.is_empty() && id.len() <= 255 {
        Ok(id)
    } else {
        Err(Fault::Missing)
    }
}

fn fault(error: StripeError) -> Fault {
    let said = |what: &str| {
        what.chars()
            .filter(|c| !c.is_control())
            .take(SAID)
            .collect::<String>()
    };
    match error {
        StripeError::Stripe(details, status) => {
            let code = details.code.as_ref().map(|code| code.as_str().to_owned());
            let words = format!(
                "{status} {} {}",
                code.as_deref().unwrap_or_default(),
                details.message.as_deref().unwrap_or_default()
            );
            match status {
                // a key that is wrong is put right by people; a limit or a twin under way passes
                401 | 403 | 409 | 429 => Fault::Later(said(&words)),
                404 => Fault::Missing,
                400..=499 => Fault::Refused(said(&words)),
                _ => Fault::Broken(said(&words)),
            }
        }
        // an answer that is no JSON comes from something that has broken down
        StripeError::JSONDeserialize(what) => Fault::Broken(said(&what)),
        StripeError::ClientError(what) | StripeError::ConfigError(what) => Fault::Later(said(&what)),
        StripeError::Timeout => Fault::Later("no answer in time".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_within_their_part_of_the_path() {
        for id in ["", "cs/../refunds", "cs_1?x", "cs 1"] {
            assert_eq!(segment(id), Err(Fault::Missing), "{id}");
        }
        assert_eq!(segment("cs_test_a1B2"), Ok("cs_test_a1B2"));
    }
}
