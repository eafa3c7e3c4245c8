//! What the fake tells the shop.

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::crypto::Keys;
use super::{Delivery, Fake};

/// How a notification is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Twist {
    #[default]
    Genuine,
    /// signed under the platform certificate's name instead of the public key's
    Certificate,
    WrongSerial,
    WrongSignature,
    OldStamp,
    /// signed rightly, but the resource was changed on its way
    WrongTag,
    /// one of WeChat's tests whether the shop checks signatures
    Probe,
}

/// A notification as it goes over the wire.
#[derive(Clone, Debug)]
pub struct Message {
    pub url: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Fake {
    /// Stores what there is to tell, sends it if that is what this fake does, and gives its id.
    pub fn tell(&self, kind: &str, content: Value, url: String) -> String {
        let id = {
            let mut state = self.state();
            let id = state.number("EV-2024");
            state.events.insert(id.clone(), (kind.to_owned(), content, url));
            id
        };
        if let Delivery::Posted { .. } = self.delivery {
            tokio::spawn(self.clone().post_until_taken(id.clone()));
        }
        id
    }

    /// A stored notification, signed anew, since each try to tell has its own stamp.
    pub fn message(&self, id: &str, twist: Twist) -> Option<Message> {
        let now = self.now();
        let (sequence, kind, content, url) = {
            let mut state = self.state();
            let (kind, content, url) = state.events.get(id)?.clone();
            (state.number(""), kind, content, url)
        };
        let resource_nonce = &sequence[sequence.len() - 12..];
        let original = if kind.starts_with("REFUND") {
            "refund"
        } else {
            "transaction"
        };
        let mut ciphertext = Keys::encrypt(resource_nonce, original, &content.to_string());
        if twist == Twist::WrongTag {
            let other = if ciphertext.starts_with('A') { "B" } else { "A" };
            ciphertext.replace_range(..1, other);
        }
        let body = json!({
            "id": id, "create_time": "2024-01-20T10:00:00+08:00", "resource_type": "encrypt-resource",
            "event_type": kind, "summary": "支付成功",
            "resource": {
                "original_type": original, "algorithm": "AEAD_AES_256_GCM", "ciphertext": ciphertext,
                "associated_data": original, "nonce": resource_nonce,
            },
        })
        .to_string();
        let (nonce, bytes) = (format!("told{sequence}"), body.as_bytes());
        let mut headers = match twist {
            Twist::Certificate => self.keys.sealed_by_certificate(now, &nonce, bytes),
            Twist::WrongSignature => self.keys.sealed_by_stranger(now, &nonce, bytes),
            Twist::OldStamp => self.keys.sealed_by_platform(now - 301, &nonce, bytes),
            _ => self.keys.sealed_by_platform(now, &nonce, bytes),
        };
        match twist {
            Twist::WrongSerial => {
                headers.insert("wechatpay-serial", "PUB_KEY_ID_9999".parse().expect("ASCII"));
            }
            Twist::Probe => {
                let true_one = headers["wechatpay-signature"].to_str().expect("ASCII");
                let probe = format!("WECHATPAY/SIGNTEST/{true_one}").parse().expect("ASCII");
                headers.insert("wechatpay-signature", probe);
            }
            _ => {}
        }
        headers.insert("content-type", "application/json".parse().expect("ASCII"));
        Some(Message { url, headers, body })
    }

    /// Posts a notification once; whether it was taken.
    pub async fn post(&self, id: &str, twist: Twist) -> bool {
        let Some(Message { url, headers, body }) = self.message(id, twist) else {
            return false;
        };
        // fails when something else has installed a provider before, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(5))
            .build();
        let request = client
            .expect("a plain client")
            .post(url)
            .headers(headers)
            .body(body);
        request
            .send()
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    async fn post_until_taken(self, id: String) {
        for tries in 0.. {
            if self.post(&id, Twist::Genuine).await {
                return;
            }
            let Some(wait) = self.wait(tries) else { return };
            tokio::time::sleep(wait).await;
        }
    }
}
