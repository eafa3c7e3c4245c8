//! Signatures: RSA (PKCS #1 v1.5) over SHA-256. Ours on every request, WeChat's on every answer and notification.
//!
//! WeChat signs with one of two kinds of key, and names it in each answer: its public key (`PUB_KEY_ID_…`, all new
//! merchants), or a platform certificate by its serial number. One file may hold keys of both kinds, as is needed while
//! a merchant changes from one to the other.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::{BASE64, HEXUPPER};
use reqwest::header::HeaderMap;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use serde::Serialize;
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;
use webpki::{EndEntityCert, RawPublicKeyEntity};

use super::Failure;
use crate::clock::Timestamp;

/// Answers and notifications signed longer ago, or later from now, than this are refused.
const WINDOW_MS: u64 = 5 * 60 * 1_000;

/// With such a "signature" WeChat tries out whether a merchant checks signatures at all.
const PROBE: &str = "WECHATPAY/SIGNTEST/";

/// Keys of WeChat that one file may hold.
const MAX_KEYS: usize = 16;

/// Why something that claims to come from WeChat is not believed. Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the header {0} is missing or can't be read")]
    Header(&'static str),
    #[error("the stamp is more than five minutes off")]
    Stamp,
    #[error("it names a key that is not in WECHAT_PUBLIC_KEY_FILE")]
    Serial,
    #[error("it is one of WeChat's probes, signed wrongly on purpose")]
    Probe,
    #[error("the signature is wrong")]
    Signature,
    #[error("the {0} can't be read")]
    Body(&'static str),
    #[error("the resource does not open with the APIv3 key")]
    Tag,
}

/// An instant and a random text, which make each signature another one.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// epoch seconds
    pub seconds: i64,
    pub nonce: String,
}

/// A merchant as WeChat knows it, with the key to sign by.
pub struct Merchant {
    id: String,
    serial: String,
    key: RsaKeyPair,
}

impl fmt::Debug for Merchant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Merchant")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Merchant {
    /// A merchant by its number, the serial number of its API certificate, and that certificate's private key as PEM.
    ///
    /// # Errors
    /// What is wrong with the key, without any of it.
    pub fn new(id: &str, serial: &str, pem: &[u8]) -> Result<Self, String> {
        let key = PrivateKeyDer::from_pem_slice(pem)
            .map_err(|_| "it holds no private key (a PEM block \"PRIVATE KEY\")".to_owned())?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err("its private key is not an RSA key".to_owned()),
        };
        let key = key.map_err(|refused| format!("its RSA key can't be used: {refused}"))?;
        Ok(Merchant {
            id: id.to_owned(),
            serial: serial.to_owned(),
            key,
        })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    fn sign(&self, message: &str) -> Result<String, Failure> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        // this padding uses no chance; the source is only there because the call takes one
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| Failure::lost("signing failed"))?;
        Ok(BASE64.encode(&signature))
    }

    /// The `Authorization` header of a request; `path` with its query, `body` as it is sent.
    ///
    /// # Errors
    /// When the machine's arithmetic fails.
    pub fn authorization(
        &self,
        method: &str,
        path: &str,
        body: &str,
        stamp: &Stamp,
    ) -> Result<String, Failure> {
        let Stamp { seconds, nonce } = stamp;
        let signature = self.sign(&format!("{method}\n{path}\n{seconds}\n{nonce}\n{body}\n"))?;
        Ok(format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{seconds}\",serial_no=\"{}\",signature=\"{signature}\"",
            self.id, self.serial
        ))
    }

    /// What the page inside WeChat hands to `WeixinJSBridge` (`getBrandWCPayRequest`), or a mini-program to
    /// `wx.requestPayment`.
    ///
    /// # Errors
    /// When the machine's arithmetic fails.
    pub fn bridge(&self, app_id: &str, prepay_id: &str, stamp: &Stamp) -> Result<Bridge, Failure> {
        let package = format!("prepay_id={prepay_id}");
        let Stamp { seconds, nonce } = stamp;
        let pay_sign = self.sign(&format!("{app_id}\n{seconds}\n{nonce}\n{package}\n"))?;
        Ok(Bridge {
            app_id: app_id.to_owned(),
            time_stamp: seconds.to_string(),
            nonce_str: nonce.clone(),
            package,
            sign_type: "RSA",
            pay_sign,
        })
    }
}

/// The parameters of the page's bridge, by WeChat's own names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bridge {
    app_id: String,
    time_stamp: String,
    nonce_str: String,
    package: String,
    sign_type: &'static str,
    pay_sign: String,
}

/// The keys by which WeChat signs, by their names.
pub struct PlatformKeys {
    keys: BTreeMap<String, SubjectPublicKeyInfoDer<'static>>,
    /// the name of the public key, which WeChat wants to hear from those who have one
    public_key_id: Option<String>,
}

impl fmt::Debug for PlatformKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.keys.keys()).finish()
    }
}

impl PlatformKeys {
    /// Reads all keys of a PEM file: platform certificates are named by their serial numbers, the public key by
    /// `public_key_id`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn from_pem(pem: &[u8], public_key_id: Option<&str>) -> Result<Self, String> {
        let mut keys = BTreeMap::new();
        let mut has_public_key = false;
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).take(MAX_KEYS) {
            match section.map_err(|_| "it is not a PEM file".to_owned())? {
                (SectionKind::PublicKey, der) => {
                    let id = public_key_id
                        .ok_or("it holds a public key, whose id WECHAT_PUBLIC_KEY_ID must give")?;
                    let key = SubjectPublicKeyInfoDer::from(der);
                    RawPublicKeyEntity::try_from(&key)
                        .map_err(|_| "its public key can't be read".to_owned())?;
                    keys.insert(name(id), key);
                    has_public_key = true;
                }
                (SectionKind::Certificate, der) => {
                    let der = CertificateDer::from(der);
                    let certificate = EndEntityCert::try_from(&der)
                        .map_err(|_| "its certificate can't be read".to_owned())?;
                    let serial = name(&HEXUPPER.encode(certificate.serial()));
                    keys.insert(serial, certificate.subject_public_key_info());
                }
                _ => {}
            }
        }
        if keys.is_empty() {
            return Err("it holds neither a public key nor a certificate of WeChat Pay".to_owned());
        }
        let public_key_id = public_key_id.filter(|_| has_public_key).map(str::to_owned);
        Ok(PlatformKeys { keys, public_key_id })
    }

    /// The id that a request names in `Wechatpay-Serial`, so that WeChat answers with its public key.
    pub fn public_key_id(&self) -> Option<&str> {
        self.public_key_id.as_deref()
    }

    /// Checks that WeChat has signed this body, within five minutes of `now`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
        let signature = header(headers, "Wechatpay-Signature")?;
        if signature.starts_with(PROBE) {
            return Err(Refusal::Probe);
        }
        let stamp = header(headers, "Wechatpay-Timestamp")?;
        let seconds: i64 = stamp
            .parse()
            .map_err(|_| Refusal::Header("Wechatpay-Timestamp"))?;
        if seconds.saturating_mul(1_000).abs_diff(now.0) > WINDOW_MS {
            return Err(Refusal::Stamp);
        }
        let serial = header(headers, "Wechatpay-Serial")?;
        let key = self.keys.get(&name(serial)).ok_or(Refusal::Serial)?;
        let nonce = header(headers, "Wechatpay-Nonce")?;
        let mut message = format!("{stamp}\n{nonce}\n").into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        let signature = BASE64
            .decode(signature.as_bytes())
            .map_err(|_| Refusal::Signature)?;
        RawPublicKeyEntity::try_from(key)
            .and_then(|key| key.verify_signature(RSA_PKCS1_2048_8192_SHA256, &message, &signature))
            .map_err(|_| Refusal::Signature)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
        .ok_or(Refusal::Header(name))
}

/// Names are compared without regard to case and to zeros at the start of a serial number.
fn name(serial: &str) -> String {
    serial.trim().trim_start_matches('0').to_ascii_uppercase()
}

#[cfg(test)]
mod tests;
