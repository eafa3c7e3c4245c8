//! What Kuaidi100 pushes to us: a form with `param` and `sign`, the upper-case MD5 of `param + salt`.

use serde_json::Value;

use super::kuaidi100::signature;
use super::{Known, word};

/// What has become of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// more will come
    Goes,
    /// the parcel has arrived, or is back
    Ended,
    /// they have given it up: nothing was seen for three days, or nothing has changed for sixty
    Aborted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    pub subscription: Subscription,
    /// their words, for staff
    pub message: String,
    /// the waybill, in capitals
    pub number: String,
    /// Kuaidi100's name of the carrier
    pub company: String,
    pub known: Known,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    #[error("the form has no param")]
    NoParam,
    #[error("the signature is wrong")]
    Signature,
    #[error("the param is no JSON with a waybill")]
    Unreadable,
}

/// Characters of their message and of a number that are kept.
const MAX_MESSAGE: usize = 200;
const MAX_NUMBER: usize = 32;

/// Checks and reads the body of a push. Fields that we don't use may be there or not.
///
/// # Errors
/// [`PushError`]; nothing of such a push can be trusted.
pub fn read(body: &[u8], salt: &str) -> Result<Push, PushError> {
    let (mut param, mut sign) = (None, None);
    for (name, value) in form_urlencoded::parse(body) {
        match name.as_ref() {
            "param" => param = Some(value),
            "sign" => sign = Some(value),
            _ => {}
        }
    }
    let param = param.ok_or(PushError::NoParam)?;
    let expected = signature(&[&param, salt]);
    if !sign.is_some_and(|sign| same(expected.as_bytes(), sign.to_ascii_uppercase().as_bytes())) {
        return Err(PushError::Signature);
    }
    let pushed: Value = serde_json::from_str(&param).map_err(|_| PushError::Unreadable)?;
    let last = &pushed["lastResult"];
    let number = word(&last["nu"]).to_uppercase();
    let is_number =
        (1..=MAX_NUMBER).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_number {
        return Err(PushError::Unreadable);
    }
    let message = crate::web::input::clean_line(&word(&pushed["message"]));
    Ok(Push {
        subscription: match word(&pushed["status"]).as_str() {
            "abort" => Subscription::Aborted,
            "shutdown" => Subscription::Ended,
            _ => Subscription::Goes,
        },
        message: message.chars().take(MAX_MESSAGE).collect(),
        number,
        company: word(&last["com"]),
        known: Known::read(last),
    })
}

/// Takes as long for a wrong byte at the start as for one at the end.
fn same(expected: &[u8], given: &[u8]) -> bool {
    expected.len() == given.len()
        && expected
            .iter()
            .zip(given)
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Status;
    use super::*;

    fn body(param: &Value, salt: &str) -> Vec<u8> {
        let param = param.to_string();
        let sign = signature(&[&param, salt]);
        form_urlencoded::Serializer::new(String::new())
            .append_pair("sign", &sign)
            .append_pair("param", &param)
            .finish()
            .into_bytes()
    }

    #[test]
    fn pushes_are_read() {
        for (status, subscription) in [
            ("polling", Subscription::Goes),
            ("updateall", Subscription::Goes),
            ("shutdown", Subscription::Ended),
            ("abort", Subscription::Aborted),
        ] {
            let param = json!({
                "status": status, "billstatus": "got", "message": "3天查询无记录", "autoCheck": "0", "comNew": "",
                "lastResult": {"nu": "yt1234567890123", "com": "yuantong", "state": "0", "ischeck": "0", "data": [
                    {"context": "到达郑州", "time": "2024-01-21 01:00:00", "ftime": "2024-01-21 01:00:00"}]},
            });
            let push = read(&body(&param, "salt"), "salt").expect("it is signed");
            assert_eq!(push.subscription, subscription);
            assert_eq!(
                (push.number.as_str(), push.company.as_str()),
                ("YT1234567890123", "yuantong")
            );
            assert_eq!(push.message, "3天查询无记录");
            assert_eq!(push.known.status, Some(Status::InTransit));
            assert_eq!(push.known.events.len(), 1);
        }
    }

    #[test]
    fn what_is_not_signed_is_not_read() {
        let param = json!({"status": "polling", "lastResult": {"nu": "YT1234567890123"}});
        let good = body(&param, "salt");
        assert_eq!(read(&good, "other"), Err(PushError::Signature));
        assert_eq!(read(&body(&param, ""), "salt"), Err(PushError::Signature));
        assert_eq!(read(b"param=%7B%7D", "salt"), Err(PushError::Signature));
        assert_eq!(read(b"sign=00", "salt"), Err(PushError::NoParam));
        assert_eq!(read(b"", "salt"), Err(PushError::NoParam));
        assert_eq!(read(&[0xff, 0, b'='], "salt"), Err(PushError::NoParam));
        for odd in [
            json!({}),
            json!([]),
            json!({"lastResult": {"nu": "号"}}),
            json!({"lastResult": {"nu": 7}}),
        ] {
            let read = read(&body(&odd, ""), "");
            let is_seven = odd["lastResult"]["nu"] == json!(7);
            assert_eq!(read.is_ok(), is_seven, "{odd}");
        }
    }
}
