//! Notifications: WeChat tells that money came, or what became of a refund. What they say is never acted on by itself:
//! it names the payment or refund about which WeChat is then asked.

use std::fmt;

use data_encoding::BASE64;
use reqwest::header::HeaderMap;
use ring::aead::{AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use serde::Deserialize;

use super::sign::{PlatformKeys, Refusal};
use crate::clock::Timestamp;

/// Characters of WeChat's ids and names that are kept.
const NAME_LENGTH: usize = 64;

/// The merchant's APIv3 key, by which WeChat encrypts what it tells.
pub struct ApiKey(LessSafeKey);

impl fmt::Debug for ApiKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ApiKey")
    }
}

impl ApiKey {
    /// Takes the key as the merchant has set it: 32 ASCII characters.
    ///
    /// # Errors
    /// When it has another length; the key itself is not repeated.
    pub fn new(key: &str) -> Result<Self, String> {
        Self::of(&AES_256_GCM, key)
    }

    fn of(algorithm: &'static Algorithm, key: &str) -> Result<Self, String> {
        match UnboundKey::new(algorithm, key.as_bytes()) {
            Ok(unbound) => Ok(ApiKey(LessSafeKey::new(unbound))),
            Err(_) => Err(format!(
                "the APIv3 key has {} characters; WeChat's have {}",
                key.len(),
                algorithm.key_len()
            )),
        }
    }

    fn open(&self, sealed: &Sealed) -> Result<Vec<u8>, Refusal> {
        let mut text = BASE64
            .decode(sealed.ciphertext.as_bytes())
            .map_err(|_| Refusal::Body("ciphertext"))?;
        let nonce = Nonce::try_assume_unique_for_key(sealed.nonce.as_bytes())
            .map_err(|_| Refusal::Body("nonce of the resource"))?;
        let length = self
            .0
            .open_in_place(nonce, Aad::from(sealed.associated_data.as_bytes()), &mut text)
            .map_err(|_| Refusal::Tag)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    event_type: String,
    resource: Sealed,
}

#[derive(Deserialize)]
struct Sealed {
    ciphertext: String,
    nonce: String,
    #[serde(default)]
    associated_data: String,
}

/// The only parts of the content that matter: everything else is asked for.
#[derive(Deserialize)]
struct Names {
    out_trade_no: Option<String>,
    out_refund_no: Option<String>,
}

/// A notification that is truly WeChat's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// WeChat's own id: the same when it is told again
    pub id: String,
    /// `TRANSACTION.SUCCESS`, `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`, or one not in the manual today
    pub event_type: String,
    pub about: About,
}

/// What a notification is about, by the names that we gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Payment {
        out_trade_no: String,
    },
    Refund {
        out_refund_no: String,
    },
    /// nothing that we asked for
    Other,
}

/// Checks and opens a notification.
///
/// # Errors
/// Why it is not believed; answer such a one with an error's status, as WeChat demands of probes.
pub fn open(
    keys: &PlatformKeys,
    key: &ApiKey,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Notification, Refusal> {
    keys.check(headers, body, now)?;
    read(key, body)
}

/// Opens a notification whose signature was checked when it came.
///
/// # Errors
/// When it was made with another APIv3 key, or is none.
pub fn read(key: &ApiKey, body: &[u8]) -> Result<Notification, Refusal> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| Refusal::Body("envelope"))?;
    let text = key.open(&envelope.resource)?;
    let names: Names = serde_json::from_slice(&text).map_err(|_| Refusal::Body("content"))?;
    let about = match names {
        // a refund's content names its payment too
        Names {
            out_refund_no: Some(out_refund_no),
            ..
        } => About::Refund { out_refund_no },
        Names {
            out_trade_no: Some(out_trade_no),
            ..
        } => About::Payment { out_trade_no },
        Names { .. } => About::Other,
    };
    let name = |text: String| {
        text.chars()
            .filter(|c| !c.is_control())
            .take(NAME_LENGTH)
            .collect()
    };
    Ok(Notification {
        id: name(envelope.id),
        event_type: name(envelope.event_type),
        about,
    })
}

#[cfg(test)]
mod tests;
