//! Vectors: those of WeChat Pay's official Go library, see `tests/vectors/wechatpay/README.md`.

use super::*;

const PUBLIC_KEY: &[u8] = include_bytes!("../../../../tests/vectors/wechatpay/public_key.pem");
const CERTIFICATE: &[u8] =
    include_bytes!("../../../../tests/vectors/wechatpay/certificate_F5765756002FDD77.pem");
const OTHER_CERTIFICATE: &[u8] =
    include_bytes!("../../../../tests/vectors/wechatpay/certificate_D7CE59D1F522D701.pem");
const NOTIFICATION: &[u8] = include_bytes!("../../../../tests/vectors/wechatpay/notification.json");
const NOTIFICATION_SIGNATURE: &str =
    include_str!("../../../../tests/vectors/wechatpay/notification_signature.txt");

fn merchant() -> Merchant {
    let pem =
        include_str!("../../../../tests/vectors/wechatpay/testing_key.pem").replace("TESTING", "PRIVATE");
    Merchant::new("1234567890", "F5765756002FDD77", pem.as_bytes()).unwrap()
}

fn stamp() -> Stamp {
    Stamp {
        seconds: 1_624_523_846,
        nonce: "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz".to_owned(),
    }
}

fn now() -> Timestamp {
    Timestamp(1_624_523_846_000)
}

fn notified(serial: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("Wechatpay-Nonce", "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz"),
        ("Wechatpay-Timestamp", "1624523846"),
        ("Wechatpay-Serial", serial),
        ("Wechatpay-Signature", signature.trim()),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

#[test]
fn signatures_are_those_of_the_official_library() {
    let expected = include_str!("../../../../tests/vectors/wechatpay/signature.txt");
    assert_eq!(merchant().sign("source").unwrap(), expected.trim());
}

#[test]
fn a_notification_of_the_official_library_is_believed() {
    let keys = PlatformKeys::from_pem(OTHER_CERTIFICATE, None).unwrap();
    let headers = notified("D7CE59D1F522D701", NOTIFICATION_SIGNATURE);
    assert_eq!(keys.check(&headers, NOTIFICATION, now()), Ok(()));
    let lower = notified("00d7ce59d1f522d701", NOTIFICATION_SIGNATURE);
    assert_eq!(
        keys.check(&lower, NOTIFICATION, now()),
        Ok(()),
        "the same serial number"
    );
}

/// The public key is that of both certificates, so that one signature serves under three names.
#[test]
fn one_file_holds_keys_of_both_kinds() {
    let file = [PUBLIC_KEY, CERTIFICATE, OTHER_CERTIFICATE].concat();
    let keys = PlatformKeys::from_pem(&file, Some("PUB_KEY_ID_0112")).unwrap();
    assert_eq!(keys.public_key_id(), Some("PUB_KEY_ID_0112"));
    for (serial, expected) in [
        ("PUB_KEY_ID_0112", Ok(())),
        ("F5765756002FDD77", Ok(())),
        ("D7CE59D1F522D701", Ok(())),
        ("PUB_KEY_ID_0113", Err(Refusal::Serial)),
    ] {
        let headers = notified(serial, NOTIFICATION_SIGNATURE);
        assert_eq!(keys.check(&headers, NOTIFICATION, now()), expected, "{serial}");
    }
    let keys = PlatformKeys::from_pem(CERTIFICATE, Some("PUB_KEY_ID_0112")).unwrap();
    assert_eq!(keys.public_key_id(), None, "there is no such key to answer with");
}

#[test]
fn what_is_not_wechats_is_refused() {
    let keys = PlatformKeys::from_pem(OTHER_CERTIFICATE, None).unwrap();
    let (serial, signature) = ("D7CE59D1F522D701", NOTIFICATION_SIGNATURE);
    let good = notified(serial, signature);
    for (minutes, expected) in [
        (5, Ok(())),
        (-5, Ok(())),
        (6, Err(Refusal::Stamp)),
        (-6, Err(Refusal::Stamp)),
    ] {
        let then = Timestamp(now().0 + minutes * 60_000);
        assert_eq!(
            keys.check(&good, NOTIFICATION, then),
            expected,
            "{minutes} minutes off"
        );
    }
    let changed = [NOTIFICATION, b" "].concat();
    assert_eq!(keys.check(&good, &changed, now()), Err(Refusal::Signature));
    let probe = format!("WECHATPAY/SIGNTEST/{signature}");
    for (serial, signature, expected) in [
        (serial, probe.as_str(), Refusal::Probe),
        (serial, "bm90aGluZw==", Refusal::Signature),
        (serial, "not base64!", Refusal::Signature),
        ("F5765756002FDD77", signature, Refusal::Serial),
    ] {
        let headers = notified(serial, signature);
        assert_eq!(keys.check(&headers, NOTIFICATION, now()), Err(expected));
    }
    for name in [
        "Wechatpay-Nonce",
        "Wechatpay-Timestamp",
        "Wechatpay-Serial",
        "Wechatpay-Signature",
    ] {
        let mut headers = good.clone();
        headers.remove(name);
        assert_eq!(
            keys.check(&headers, NOTIFICATION, now()),
            Err(Refusal::Header(name))
        );
    }
    let mut headers = good.clone();
    headers.insert("Wechatpay-Timestamp", "9223372036854775807".parse().unwrap());
    assert_eq!(keys.check(&headers, NOTIFICATION, now()), Err(Refusal::Stamp));
    headers.insert("Wechatpay-Timestamp", "soon".parse().unwrap());
    assert_eq!(
        keys.check(&headers, NOTIFICATION, now()),
        Err(Refusal::Header("Wechatpay-Timestamp"))
    );
}

/// The parts of the header as the manual names them, and a signature over the five lines that it prescribes.
#[test]
fn requests_carry_their_signature() {
    let header = merchant()
        .authorization("POST", "/v3/pay/transactions/native?a=1", r#"{"b":2}"#, &stamp())
        .unwrap();
    let (start, signature) = header.split_once(",signature=\"").unwrap();
    assert_eq!(
        start,
        "WECHATPAY2-SHA256-RSA2048 mchid=\"1234567890\",nonce_str=\"EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz\",timestamp=\"1624523846\",serial_no=\"F5765756002FDD77\""
    );
    let message =
        "POST\n/v3/pay/transactions/native?a=1\n1624523846\nEcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz\n{\"b\":2}\n";
    assert_eq!(signature, format!("{}\"", merchant().sign(message).unwrap()));
}

#[test]
fn the_page_gets_what_the_bridge_wants() {
    let bridge = merchant().bridge("wx8888", "wx20240120", &stamp()).unwrap();
    let signed = "wx8888\n1624523846\nEcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz\nprepay_id=wx20240120\n";
    let expected = serde_json::json!({
        "appId": "wx8888", "timeStamp": "1624523846", "nonceStr": "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz",
        "package": "prepay_id=wx20240120", "signType": "RSA", "paySign": merchant().sign(signed).unwrap(),
    });
    assert_eq!(serde_json::to_value(&bridge).unwrap(), expected);
}

#[test]
fn wrong_keys_are_named_and_not_shown() {
    let unnamed = PlatformKeys::from_pem(PUBLIC_KEY, None).unwrap_err();
    assert!(unnamed.contains("WECHAT_PUBLIC_KEY_ID"), "{unnamed}");
    let torn =
        b"-----BEGIN CERTIFICATE-----\nMIIDVzCCAj+gAwIBAgIJAPV2V1YAL913MA0G\n-----END CERTIFICATE-----\n";
    for pem in [&b"nothing"[..], b"", torn] {
        assert!(PlatformKeys::from_pem(pem, Some("a")).is_err());
    }
    for pem in [&b"nothing"[..], PUBLIC_KEY, torn] {
        assert!(Merchant::new("1", "2", pem).is_err());
    }
    assert_eq!(format!("{:?}", merchant()), "Merchant { id: \"1234567890\", .. }");
}
