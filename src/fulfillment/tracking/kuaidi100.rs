//! The two calls to Kuaidi100: ask where a parcel is, and have its moves told to us.
//!
//! Source: api.kuaidi100.com, "实时快递查询接口" and "快递信息推送服务". A query is signed with the upper-case MD5 of
//! `param + key + customer`; a subscription carries the key itself. A parcel may be queried once in 30 minutes.

use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use reqwest::{Client, redirect};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Known, word};
use crate::config::Kuaidi100Account;
use crate::fulfillment::carriers;

/// What they may take for an answer, connecting included.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 1024 * 1024;
/// Characters of their message that are kept.
const MAX_MESSAGE: usize = 200;

/// A number to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Waybill<'a> {
    /// as in the shop's settings, like `zto`
    pub carrier: &'a str,
    pub number: &'a str,
    /// the recipient's; some carriers tell nothing without it
    pub phone: &'a str,
}

/// Why there is no answer to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// the service is not there or answers with an error of its own; another number would fare no better
    #[error("Kuaidi100 can't be reached: {0}")]
    Down(String),
    /// wrong key, account used up: nothing will work until somebody acts
    #[error("Kuaidi100 refuses the account ({code}): {message}")]
    Account { code: String, message: String },
    /// the carrier knows nothing of the number yet
    #[error("nothing is known of the number yet")]
    NotYet,
    /// this number can't be asked for: unknown carrier, wrong phone
    #[error("Kuaidi100 refuses the number ({code}): {message}")]
    Number { code: String, message: String },
}

/// The client; the connection is made with the first call.
#[derive(Clone)]
pub struct Kuaidi100 {
    account: Kuaidi100Account,
    http: Arc<OnceCell<Client>>,
}

impl Kuaidi100 {
    pub fn new(account: Kuaidi100Account) -> Kuaidi100 {
        Kuaidi100 {
            account,
            http: Arc::default(),
        }
    }

    pub fn salt(&self) -> &str {
        &self.account.salt
    }

    /// What is known of a number now.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn query(&self, waybill: Waybill<'_>) -> Result<Known, Fault> {
        let param = json!({
            "com": company(waybill)?,
            "num": waybill.number,
            "phone": phone(waybill),
            "resultv2": "4",
            "show": "0",
            "order": "desc",
        })
        .to_string();
        let account = &self.account;
        let sign = signature(&[&param, &account.key, &account.customer]);
        let form = [
            ("customer", account.customer.as_str()),
            ("sign", &sign),
            ("param", &param),
        ];
        let answer = self.post("/poll/query.do", &form).await?;
        match (word(&answer["status"]).as_str(), answer["data"].is_array()) {
            ("200", _) | ("", true) => Ok(Known::read(&answer)),
            _ => Err(refusal(&answer)),
        }
    }

    /// Has every move of a number pushed to `callback` from now on. Asking again does no harm.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn subscribe(&self, waybill: Waybill<'_>, callback: &str) -> Result<(), Fault> {
        let param = json!({
            "company": company(waybill)?,
            "number": waybill.number,
            "key": self.account.key,
            "parameters": {
                "callbackurl": callback,
                "salt": self.account.salt,
                "phone": phone(waybill),
                "resultv2": "4",
            },
        })
        .to_string();
        let answer = self
            .post("/poll", &[("schema", "json"), ("param", &param)])
            .await?;
        match word(&answer["returnCode"]).as_str() {
            // 501: subscribed before
            "200" | "501" => Ok(()),
            _ => Err(refusal(&answer)),
        }
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Value, Fault> {
        let client = self.http.get_or_try_init(async || client()).await?;
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut answer = client
            .post(format!("{}{path}", self.account.base))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await
            .map_err(down)?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Fault::Down(format!("HTTP {}", status.as_u16())));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(down)? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_ANSWER {
                return Err(Fault::Down("the answer is too long".to_owned()));
            }
        }
        serde_json::from_slice(&bytes).map_err(|_| Fault::Down("the answer is no JSON".to_owned()))
    }
}

fn client() -> Result<Client, Fault> {
    // fails when something else in this process has installed a provider before, which is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("cunji/", env!("CARGO_PKG_VERSION")))
        .timeout(TIME_LIMIT)
        .redirect(redirect::Policy::none())
        .build()
        .map_err(down)
}

/// The causes of a failed request in one short line, without its address.
fn down(error: reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::Down("no answer in time".to_owned());
    }
    Fault::Down(short(&format!("{:#}", anyhow::Error::from(error.without_url()))))
}

fn short(message: &str) -> String {
    message
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_MESSAGE)
        .collect()
}

/// Their upper-case hex MD5 over texts put together.
pub(super) fn signature(parts: &[&str]) -> String {
    let digest = parts.iter().fold(Md5::new(), |md5, part| md5.chain_update(part));
    hex::encode_upper(digest.finalize())
}

fn company(waybill: Waybill<'_>) -> Result<&'static str, Fault> {
    let found = carriers::find(waybill.carrier);
    found
        .map(|carrier| carrier.kuaidi100)
        .ok_or_else(|| Fault::Number {
            code: "carrier".to_owned(),
            message: format!(
                "no Kuaidi100 name is known for the carrier {:?}",
                short(waybill.carrier)
            ),
        })
}

/// The phone goes out only where it must. Of a lent number (`13186844346-3060`) they want the extension.
fn phone<'a>(waybill: Waybill<'a>) -> &'a str {
    if !carriers::find(waybill.carrier).is_some_and(|carrier| carrier.needs_phone) {
        return "";
    }
    match waybill.phone.split_once('-') {
        Some((number, extension)) if number.starts_with('1') && !extension.is_empty() => extension,
        _ => waybill.phone,
    }
}

/// The codes of both calls: 500 and 501 of a query are "no result", 400 to 408 and 700 to 702 are about what was asked,
/// 503 and 600 up about the account.
fn refusal(answer: &Value) -> Fault {
    let code = word(&answer["returnCode"]);
    let message = short(&word(&answer["message"]));
    match code.as_str() {
        "500" | "501" => Fault::NotYet,
        "503" | "600" | "601" => Fault::Account { code, message },
        "502" | "" => Fault::Down(format!("{code} {message}").trim().to_owned()),
        _ => Fault::Number { code, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures() {
        // hashlib.md5((param + key + customer).encode()).hexdigest().upper()
        let param = r#"{"com":"yuantong","num":"500306190180"}"#;
        let sign = signature(&[param, "abcdefgh1234", "ABCDEF0123456789ABCDEF0123456789"]);
        assert_eq!(sign, "26EDD9DB0501E702EB539067F6B1612B");
    }

    #[test]
    fn phones_go_out_only_where_they_must() {
        for (carrier, number, sent) in [
            ("sf", "13800138042", "13800138042"),
            ("zto", "13186844346-3060", "3060"),
            ("zto", "0375-7012345", "0375-7012345"),
            ("yto", "13800138042", ""),
            ("van", "13800138042", ""),
        ] {
            let waybill = Waybill {
                carrier,
                number: "1",
                phone: number,
            };
            assert_eq!(phone(waybill), sent, "{carrier} {number}");
        }
    }
}
