//! Events on their way to a webhook: signed, sent again until they are taken, and, when told so, twice, late, out of order
//! or with a wrong signature.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::Fake;

/// Tries of one event; Stripe's go on for three days.
const TRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

/// How events are delivered; nowhere at first.
#[derive(Clone, Default)]
pub struct Delivery {
    pub to: Option<String>,
    pub secret: String,
    /// each event this many times more
    pub again: u32,
    pub delay: Duration,
    /// wait for this many events and send the last one first
    pub reverse: usize,
    pub wrong_signature: bool,
}

/// A `Stripe-Signature` header.
pub fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

pub async fn run(fake: Fake) {
    // fails when something else in this process has installed one before, which is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .no_proxy()
        .build();
    let client = client.expect("a client without trust needs nothing");
    loop {
        tokio::time::sleep(LOOK).await;
        let (delivery, events) = {
            let mut state = fake.lock();
            let delivery = state.delivery.clone();
            if delivery.to.is_none() || state.outgoing.len() < delivery.reverse {
                continue;
            }
            let mut events: Vec<Value> = state.outgoing.drain(..).collect();
            if delivery.reverse > 0 {
                events.reverse();
            }
            (delivery, events)
        };
        for event in events {
            for _ in 0..=delivery.again {
                let task = send(fake.clone(), client.clone(), delivery.clone(), event.clone());
                tokio::spawn(task);
            }
            if delivery.reverse > 0 {
                // in order of this list, not all at once
                tokio::time::sleep(FIRST_WAIT).await;
            }
        }
    }
}

async fn send(fake: Fake, client: reqwest::Client, delivery: Delivery, event: Value) {
    tokio::time::sleep(delivery.delay).await;
    let body = event.to_string();
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        let secret = if delivery.wrong_signature {
            "whsec_of_somebody_else"
        } else {
            &delivery.secret
        };
        // a webhook that moved is found at its new address
        let Some(to) = fake.lock().delivery.to.clone() else {
            return;
        };
        let sent = client
            .post(to)
            .header("content-type", "application/json")
            .header("stripe-signature", sign(secret, fake.now(), &body))
            .body(body.clone())
            .send()
            .await;
        if sent.is_ok_and(|answer| answer.status().is_success()) {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
