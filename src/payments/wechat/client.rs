//! The calls. Every one is signed, has a time limit, and its answer counts only with WeChat's signature under it.
//!
//! What WeChat refuses (HTTP 4xx) is not signed in every case. A signature that is there must be right; without one it is
//! TLS that says whose words they are. A refusal decides nothing about money by itself: after one, the caller asks for
//! the state of the payment or refund.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Asia::Shanghai;
use data_encoding::HEXLOWER;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode, Url, redirect};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::bill::{self, Bill};
use super::notify::ApiKey;
use super::sign::{Bridge, Merchant, PlatformKeys, Stamp};
use super::{Failure, Refunded, Scene, Transaction, short};
use crate::clock::{Clock, Timestamp};
use crate::id::Ids;
use crate::money::Fen;

/// WeChat Pay's own address; the setting `WECHAT_API_BASE` names another.
pub const API_BASE: &str = "https://api.mch.weixin.qq.com";

/// What a call may take, connecting included. A buyer waits for it.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The largest answer of a call, and the largest bill.
const MAX_ANSWER: usize = 1024 * 1024;
const MAX_BILL: usize = 64 * 1024 * 1024;

const SIGNATURE: &str = "Wechatpay-Signature";

/// Bytes that WeChat takes of a description and of a reason.
const DESCRIPTION_BYTES: usize = 127;
const REASON_BYTES: usize = 80;

/// A merchant's account with WeChat Pay, ready to be used.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    account: Account,
    clock: Clock,
    ids: Ids,
    /// made when the first call is due
    http: OnceCell<reqwest::Client>,
}

/// What a merchant has, and where its calls go.
#[derive(Debug)]
pub struct Account {
    pub merchant: Merchant,
    /// the service account (公众号) or mini-program that the merchant is bound to
    pub app_id: String,
    pub keys: PlatformKeys,
    pub api_key: ApiKey,
    /// the address of WeChat Pay, without a path
    pub base: Url,
    /// where WeChat tells us; HTTPS, without a query
    pub notify_url: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.account.fmt(out)
    }
}

/// A payment to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewOrder<'a> {
    /// our name of the payment: 6 to 32 letters and digits
    pub out_trade_no: &'a str,
    pub description: &'a str,
    pub amount: Fen,
    /// no money is taken after this
    pub expires_at: Timestamp,
}

/// How the buyer goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// WeChat's name of it, which the page's bridge takes for two hours
    Prepay(String),
    /// the text of a QR code, good for two hours
    Code(String),
    /// a page of WeChat's, good for five minutes
    Page(String),
}

/// Money to be sent back.
#[derive(Clone, Copy, Debug)]
pub struct NewRefund<'a> {
    /// WeChat's number of the payment
    pub transaction_id: &'a str,
    /// our name of the refund; a second try must use the same
    pub out_refund_no: &'a str,
    pub reason: &'a str,
    pub amount: Fen,
    /// what was paid by the payment
    pub total: Fen,
}

/// What a prepared order may bring; which one depends on the way of paying.
#[derive(Deserialize)]
struct Answer {
    prepay_id: Option<String>,
    code_url: Option<String>,
    h5_url: Option<String>,
}

#[derive(Deserialize)]
struct BillFile {
    hash_type: String,
    hash_value: String,
    download_url: String,
}

/// What WeChat says when it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Words {
    code: String,
    message: String,
}

impl Client {
    pub fn new(account: Account, clock: Clock, ids: Ids) -> Self {
        Client(Arc::new(Inner {
            account,
            clock,
            ids,
            http: OnceCell::new(),
        }))
    }

    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// Prepares a payment. Asked again with the same content, WeChat gives the same payment.
    ///
    /// # Errors
    /// `Lost` when it may have worked; `Refused` for a payment that is paid or closed already, among others.
    pub async fn order(&self, order: &NewOrder<'_>, scene: Scene<'_>) -> Result<Prepared, Failure> {
        let account = self.account();
        let mut body = json!({
            "appid": account.app_id,
            "mchid": account.merchant.id(),
            "description": cut(order.description, DESCRIPTION_BYTES),
            "out_trade_no": order.out_trade_no,
            "time_expire": shanghai(order.expires_at),
            "notify_url": account.notify_url,
            "amount": {"total": order.amount.0, "currency": "CNY"},
        });
        match scene {
            Scene::Jsapi { openid } => body["payer"] = json!({"openid": openid}),
            Scene::Native => {}
            Scene::H5 { ip } => {
                body["scene_info"] = json!({"payer_client_ip": ip, "h5_info": {"type": "Wap"}});
            }
        }
        let path = format!("/v3/pay/transactions/{}", scene.path());
        let answer: Answer = self.call(Method::POST, &path, Some(&body)).await?;
        let prepared = match scene {
            Scene::Jsapi { .. } => answer.prepay_id.map(Prepared::Prepay),
            Scene::Native => answer.code_url.map(Prepared::Code),
            Scene::H5 { .. } => answer.h5_url.map(Prepared::Page),
        };
        prepared.ok_or_else(|| Failure::lost("the answer lacks what the buyer needs"))
    }

    /// What the page inside WeChat hands to its bridge.
    ///
    /// # Errors
    /// When the machine's arithmetic fails.
    pub fn sign_bridge(&self, prepay_id: &str) -> Result<Bridge, Failure> {
        let account = self.account();
        account.merchant.bridge(&account.app_id, prepay_id, &self.stamp())
    }

    /// The state of a payment; `None` when WeChat has never heard of it.
    ///
    /// # Errors
    /// When WeChat gives no answer to rely on.
    pub async fn query(&self, out_trade_no: &str) -> Result<Option<Transaction>, Failure> {
        let mchid = self.account().merchant.id();
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={mchid}");
        let found: Option<Transaction> = known(self.call(Method::GET, &path, None).await)?;
        match found {
            Some(found) if found.out_trade_no != out_trade_no => {
                Err(Failure::lost("the answer is about another payment"))
            }
            found => Ok(found),
        }
    }

    /// Closes an unpaid payment: afterwards no money can come.
    ///
    /// # Errors
    /// `Refused` when it is paid already or unknown: ask for its state.
    pub async fn close(&self, out_trade_no: &str) -> Result<(), Failure> {
        let path = format!("/v3/pay/transactions/out-trade-no/{out_trade_no}/close");
        let body = json!({"mchid": self.account().merchant.id()});
        self.send(Method::POST, &path, Some(&body), MAX_ANSWER, Signed::Yes)
            .await
            .map(drop)
    }

    /// Asks for money to be sent back. Success means that WeChat has taken the order to do so.
    ///
    /// # Errors
    /// `Lost` when it may have worked: ask for the refund's state, or again under the same name.
    pub async fn refund(&self, refund: &NewRefund<'_>) -> Result<Refunded, Failure> {
        let body = json!({
            "transaction_id": refund.transaction_id,
            "out_refund_no": refund.out_refund_no,
            "reason": cut(refund.reason, REASON_BYTES),
            "notify_url": self.account().notify_url,
            "amount": {"refund": refund.amount.0, "total": refund.total.0, "currency": "CNY"},
        });
        let answer = self
            .call(Method::POST, "/v3/refund/domestic/refunds", Some(&body))
            .await?;
        of_refund(answer, refund.out_refund_no)
    }

    /// The state of a refund; `None` when WeChat has never heard of it.
    ///
    /// # Errors
    /// When WeChat gives no answer to rely on.
    pub async fn query_refund(&self, out_refund_no: &str) -> Result<Option<Refunded>, Failure> {
        let path = format!("/v3/refund/domestic/refunds/{out_refund_no}");
        let found: Option<Refunded> = known(self.call(Method::GET, &path, None).await)?;
        found.map(|found| of_refund(found, out_refund_no)).transpose()
    }

    /// The bill of a day, which is there from ten the next morning and for three months. A day without trade has an
    /// empty one.
    ///
    /// # Errors
    /// `Refused` while WeChat is still making it; `Lost` for a file that is not what WeChat has announced.
    pub async fn trade_bill(&self, day: NaiveDate) -> Result<Bill, Failure> {
        let path = format!("/v3/bill/tradebill?bill_date={day}&bill_type=ALL");
        let file: BillFile = match self.call(Method::GET, &path, None).await {
            Err(Failure::Refused { code, .. }) if code == "NO_STATEMENT_EXIST" => return Ok(Bill::default()),
            other => other?,
        };
        let url =
            Url::parse(&file.download_url).map_err(|_| Failure::lost("the bill's address can't be read"))?;
        // only WeChat's address gets our signature, whatever host an answer names
        let path = target(&url);
        let bytes = self
            .send(Method::GET, &path, None, MAX_BILL, Signed::ByHash)
            .await?;
        let hash = HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes).as_ref());
        if !file.hash_type.eq_ignore_ascii_case("SHA1") || !file.hash_value.eq_ignore_ascii_case(&hash) {
            return Err(Failure::lost("the bill is not the one that was announced"));
        }
        let text = String::from_utf8(bytes).map_err(|_| Failure::lost("the bill is not UTF-8"))?;
        bill::parse(&text).map_err(Failure::lost)
    }

    fn stamp(&self) -> Stamp {
        let now = self.0.clock.now();
        Stamp {
            seconds: now.0.div_euclid(1_000),
            nonce: self.0.ids.uuid(now).simple().to_string(),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        let bytes = self.send(method, path, body, MAX_ANSWER, Signed::Yes).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::lost(format!("the answer can't be read: {error}")))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: usize,
        signed: Signed,
    ) -> Result<Vec<u8>, Failure> {
        let account = self.account();
        let url = account.base.join(path).map_err(Failure::lost)?;
        let text = body.map(Value::to_string).unwrap_or_default();
        let authorization =
            account
                .merchant
                .authorization(method.as_str(), &target(&url), &text, &self.stamp())?;
        let http = self.0.http.get_or_try_init(async || http()).await?;
        let mut request = http
            .request(method, url.clone())
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json");
        if let Some(id) = account.keys.public_key_id() {
            request = request.header("Wechatpay-Serial", id);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json").body(text);
        }
        let answer = request.send().await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = read(answer, limit).await?;
        self.judge(status, &headers, bytes, signed)
    }

    /// Decides what an answer is worth.
    fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        bytes: Vec<u8>,
        signed: Signed,
    ) -> Result<Vec<u8>, Failure> {
        let must_be_signed = status.is_success() && matches!(signed, Signed::Yes);
        if must_be_signed || headers.contains_key(SIGNATURE) {
            let now = self.0.clock.now();
            let checked = self.account().keys.check(headers, &bytes, now);
            checked.map_err(|refusal| Failure::lost(format!("the answer is not WeChat's: {refusal}")))?;
        }
        if status.is_success() {
            return Ok(bytes);
        }
        let words: Words = serde_json::from_slice(&bytes).unwrap_or_default();
        if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
            return Err(Failure::Refused {
                status: status.as_u16(),
                code: short(&words.code),
                message: short(&words.message),
            });
        }
        Err(Failure::lost(format!("HTTP {} {}", status.as_u16(), words.code)))
    }
}

/// Path and query, as they are sent and signed.
fn target(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// Whether an answer carries a signature.
#[derive(Clone, Copy)]
enum Signed {
    Yes,
    /// a file, whose hash came in a signed answer
    ByHash,
}

fn http() -> Result<reqwest::Client, Failure> {
    // fails when something else in this process has installed a provider before, which is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("cunji/", env!("CARGO_PKG_VERSION")))
        .timeout(TIME_LIMIT)
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(30))
        .build()
        .map_err(Failure::lost)
}

async fn read(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::lost("the answer is too long"));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The causes of a failed request, without its address.
fn lost(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::lost("no answer in time");
    }
    Failure::lost(format!("{:#}", anyhow::Error::from(error.without_url())))
}

/// Turns "there is no such thing" into `None`.
fn known<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.is_missing() => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn of_refund(answer: Refunded, out_refund_no: &str) -> Result<Refunded, Failure> {
    if answer.out_refund_no == out_refund_no {
        Ok(answer)
    } else {
        Err(Failure::lost("the answer is about another refund"))
    }
}

/// The start of a text that fits into so many bytes.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// RFC 3339 to the second, as the manual writes it.
fn shanghai(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .with_timezone(&Shanghai)
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_like_in_the_manual() {
        let at = Timestamp::parse("2018-06-08T02:34:56.789Z").unwrap();
        assert_eq!(shanghai(at), "2018-06-08T10:34:56+08:00");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("红薯粉条", 7), "红薯");
        assert_eq!(cut("fits", 127), "fits");
    }
}
