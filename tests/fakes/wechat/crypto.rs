//! The fake's own reading and making of signatures and sealed resources.

use axum::http::{HeaderMap, HeaderValue};
use data_encoding::BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey};

use super::{API_V3_KEY, CERTIFICATE_SERIAL, MCH_ID, PUBLIC_KEY_ID, SERIAL};

pub struct Keys {
    merchant: RsaKeyPair,
    platform: RsaKeyPair,
}

/// The DER inside a PEM file of one block.
fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    BASE64
        .decode(lines.collect::<String>().as_bytes())
        .expect("a PEM file")
}

impl Keys {
    pub fn load() -> Keys {
        let key = |pem: &str| RsaKeyPair::from_pkcs8(&der(pem)).expect("an RSA key");
        Keys {
            merchant: key(include_str!("keys/merchant_key.pem")),
            platform: key(include_str!("keys/platform_key.pem")),
        }
    }

    fn sign(key: &RsaKeyPair, message: &[u8]) -> String {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("the buffer is as long as the key");
        BASE64.encode(&signature)
    }

    /// Checks the `Authorization` of a call; gives what is wrong with it.
    pub fn check(
        &self,
        method: &str,
        target: &str,
        headers: &HeaderMap,
        body: &str,
        now: i64,
    ) -> Result<(), &'static str> {
        let text = headers.get("authorization").and_then(|it| it.to_str().ok());
        let parts = text
            .and_then(|text| text.strip_prefix("WECHATPAY2-SHA256-RSA2048 "))
            .ok_or("no Authorization of this kind")?;
        let part = |name: &str| {
            let found = parts
                .split(',')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            found
                .map(|value| value.trim_matches('"'))
                .ok_or("a part is missing")
        };
        // base64 ends in `=`, and holds neither commas nor quotes
        let (nonce, stamp) = (part("nonce_str")?, part("timestamp")?);
        if part("mchid")? != MCH_ID || part("serial_no")? != SERIAL {
            return Err("another merchant");
        }
        let seconds: i64 = stamp.parse().map_err(|_| "the stamp is no number")?;
        if (seconds - now).abs() > 300 {
            return Err("the stamp is off");
        }
        let signature = BASE64
            .decode(part("signature")?.as_bytes())
            .map_err(|_| "no base64")?;
        let message = format!("{method}\n{target}\n{stamp}\n{nonce}\n{body}\n");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.merchant.public())
            .verify(message.as_bytes(), &signature)
            .map_err(|_| "the signature is wrong")
    }

    /// The headers that make a body one of WeChat's.
    pub fn sealed_by_platform(&self, stamp: i64, nonce: &str, body: &[u8]) -> HeaderMap {
        self.headers(&self.platform, PUBLIC_KEY_ID, stamp, nonce, body)
    }

    /// The same, named by the serial of the platform certificate over the same key.
    pub fn sealed_by_certificate(&self, stamp: i64, nonce: &str, body: &[u8]) -> HeaderMap {
        self.headers(&self.platform, CERTIFICATE_SERIAL, stamp, nonce, body)
    }

    /// The same, under the platform's name and by another key.
    pub fn sealed_by_stranger(&self, stamp: i64, nonce: &str, body: &[u8]) -> HeaderMap {
        self.headers(&self.merchant, PUBLIC_KEY_ID, stamp, nonce, body)
    }

    fn headers(&self, key: &RsaKeyPair, serial: &str, stamp: i64, nonce: &str, body: &[u8]) -> HeaderMap {
        let message = [format!("{stamp}\n{nonce}\n").as_bytes(), body, b"\n"].concat();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("wechatpay-timestamp", stamp.to_string()),
            ("wechatpay-nonce", nonce.to_owned()),
            ("wechatpay-serial", serial.to_owned()),
            ("wechatpay-signature", Self::sign(key, &message)),
            ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ] {
            headers.insert(name, HeaderValue::from_str(&value).expect("plain ASCII"));
        }
        headers
    }

    /// Encrypts a resource under the merchant's APIv3 key.
    pub fn encrypt(nonce: &str, associated_data: &str, text: &str) -> String {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, API_V3_KEY.as_bytes()).expect("32 bytes"));
        let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).expect("12 bytes");
        let mut sealed = text.as_bytes().to_vec();
        key.seal_in_place_append_tag(nonce, Aad::from(associated_data.as_bytes()), &mut sealed)
            .expect("far below the limit");
        BASE64.encode(&sealed)
    }
}
