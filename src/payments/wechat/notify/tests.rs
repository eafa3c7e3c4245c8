//! Vectors: those of WeChat Pay's official Go library, see `tests/vectors/wechatpay/README.md`. Their keys have 16
//! characters, which a merchant's never have: opened here with AES-128, and refused by the real way in.

use ring::aead::AES_128_GCM;

use super::*;

const CERTIFICATE: &[u8] =
    include_bytes!("../../../../tests/vectors/wechatpay/certificate_D7CE59D1F522D701.pem");
const NOTIFICATION: &[u8] = include_bytes!("../../../../tests/vectors/wechatpay/notification.json");
const CONTENT: &[u8] = include_bytes!("../../../../tests/vectors/wechatpay/notification_content.json");
const SIGNATURE: &str = include_str!("../../../../tests/vectors/wechatpay/notification_signature.txt");

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// As `utils/aes_test.go` has it.
fn sealed() -> Sealed {
    Sealed {
        ciphertext: "FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC".to_owned(),
        nonce: "wCq51qZv4Yfg".to_owned(),
        associated_data: "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8".to_owned(),
    }
}

fn seal(content: &str) -> String {
    let unbound = UnboundKey::new(&AES_256_GCM, KEY.as_bytes()).unwrap();
    let nonce = Nonce::try_assume_unique_for_key(b"fdasflkja4qw").unwrap();
    let mut text = content.as_bytes().to_vec();
    let key = LessSafeKey::new(unbound);
    key.seal_in_place_append_tag(nonce, Aad::from(b"transaction"), &mut text)
        .unwrap();
    serde_json::json!({
        "id": "EV-1\n", "event_type": "TRANSACTION.SUCCESS", "summary": "支付成功", "create_time": "",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM", "original_type": "transaction", "associated_data": "transaction",
            "nonce": "fdasflkja4qw", "ciphertext": BASE64.encode(&text),
        },
    })
    .to_string()
}

#[test]
fn resources_of_the_official_library_open() {
    let key = ApiKey::of(&AES_128_GCM, "testAPIv3Key0000").unwrap();
    assert_eq!(key.open(&sealed()).unwrap(), b"Hello World");
    let envelope: Envelope = serde_json::from_slice(NOTIFICATION).unwrap();
    let key = ApiKey::of(&AES_128_GCM, "testMchAPIv3Key0").unwrap();
    assert_eq!(key.open(&envelope.resource).unwrap(), CONTENT);
}

#[test]
fn a_notification_of_the_official_library_is_understood() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("Wechatpay-Nonce", "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz"),
        ("Wechatpay-Timestamp", "1624523846"),
        ("Wechatpay-Serial", "D7CE59D1F522D701"),
        ("Wechatpay-Signature", SIGNATURE.trim()),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let keys = PlatformKeys::from_pem(CERTIFICATE, None).unwrap();
    let key = ApiKey::of(&AES_128_GCM, "testMchAPIv3Key0").unwrap();
    let now = Timestamp(1_624_523_846_000);
    let told = open(&keys, &key, &headers, NOTIFICATION, now).unwrap();
    assert_eq!(
        told,
        Notification {
            id: "3119dfba-e649-5eec-ab1e-3412bc4d2e17".to_owned(),
            event_type: "PAYSCORE.USER_OPEN_SERVICE".to_owned(),
            about: About::Other,
        }
    );
    let late = Timestamp(now.0 + 301_000);
    assert_eq!(
        open(&keys, &key, &headers, NOTIFICATION, late),
        Err(Refusal::Stamp)
    );
}

#[test]
fn what_does_not_open_is_refused() {
    let key = ApiKey::of(&AES_128_GCM, "testAPIv3Key0000").unwrap();
    let with = |change: fn(&mut Sealed)| {
        let mut sealed = sealed();
        change(&mut sealed);
        key.open(&sealed)
    };
    assert_eq!(
        with(|it| it.ciphertext = "invalid cipher".to_owned()),
        Err(Refusal::Body("ciphertext"))
    );
    assert_eq!(
        with(|it| it.ciphertext = "SGVsbG8gV29ybGQK".to_owned()),
        Err(Refusal::Tag)
    );
    assert_eq!(with(|it| it.ciphertext = String::new()), Err(Refusal::Tag));
    assert_eq!(
        with(|it| it.nonce.push('x')),
        Err(Refusal::Body("nonce of the resource"))
    );
    assert_eq!(with(|it| it.associated_data.clear()), Err(Refusal::Tag));
    let other = ApiKey::of(&AES_128_GCM, "testAPIv3Key1111").unwrap();
    assert_eq!(other.open(&sealed()), Err(Refusal::Tag));
    for (body, expected) in [
        ("{}", Refusal::Body("envelope")),
        ("not json", Refusal::Body("envelope")),
        (
            r#"{"id":"1","event_type":"a","resource":{}}"#,
            Refusal::Body("envelope"),
        ),
        (seal("not json").as_str(), Refusal::Body("content")),
    ] {
        assert_eq!(
            read(&ApiKey::new(KEY).unwrap(), body.as_bytes()),
            Err(expected),
            "{body}"
        );
    }
}

#[test]
fn keys_have_thirty_two_characters() {
    for key in ["", "testAPIv3Key0000", "0123456789abcdef0123456789abcdef0"] {
        let refused = ApiKey::new(key).unwrap_err();
        assert!(
            refused.contains("32") && (key.is_empty() || !refused.contains(key)),
            "{refused}"
        );
    }
    assert_eq!(format!("{:?}", ApiKey::new(KEY).unwrap()), "ApiKey");
}

#[test]
fn the_subject_is_what_we_named() {
    let key = ApiKey::new(KEY).unwrap();
    for (content, about) in [
        (
            r#"{"out_trade_no": "1a", "trade_state": "SUCCESS"}"#,
            About::Payment {
                out_trade_no: "1a".to_owned(),
            },
        ),
        (
            r#"{"out_trade_no": "1a", "out_refund_no": "1b", "refund_status": "SUCCESS"}"#,
            About::Refund {
                out_refund_no: "1b".to_owned(),
            },
        ),
        (r#"{"something": ["else"]}"#, About::Other),
    ] {
        let told = read(&key, seal(content).as_bytes()).unwrap();
        assert_eq!((told.id.as_str(), &told.about), ("EV-1", &about));
    }
}
