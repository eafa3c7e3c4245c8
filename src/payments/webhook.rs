//! What providers tell us: the signature is checked over the bytes as they came, the event is stored once and answered,
//! and then processed. A crash after the answer loses nothing: the next run of `reconcile` finds the event.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::Arc;

use super::events::{self, Event};
use super::reconcile::Reconciler;
use super::store::events as store;
use super::wechat::notify::{self, About};
use crate::clock::Timestamp;
use crate::config::Config;
use crate::error::{Error, Problem, Result, not_found, text};
use crate::id::{VillageId, parse_order_token};
use crate::transact;
use crate::villages;

/// How far a signature's stamp may be from now, either way, in seconds.
const TOLERANCE_S: i64 = 300;

/// Signatures of one header that are looked at; one per secret in use is what there is.
const MAX_SIGNATURES: usize = 16;

/// The largest event that is taken; Stripe's are around ten thousand bytes.
pub const MAX_EVENT: usize = 512 * 1024;

/// The longest name of an event or of its kind.
const MAX_NAME: usize = 255;

/// `POST /webhooks/stripe`
pub async fn stripe(
    State(config): State<Arc<Config>>,
    reconciler: Reconciler,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode> {
    let settings = config.stripe.as_ref().ok_or_else(not_found)?;
    let now = reconciler.clock.now();
    let header = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if let Err(why) = verify(header, &body, &settings.webhook_secrets, now) {
        tracing::warn!(why, "an event with a bad signature was refused");
        return Err(bad_event("bad-signature", why));
    }
    let text = std::str::from_utf8(&body).map_err(|_| bad_event("bad-event", "it is not UTF-8"))?;
    let event: Event =
        serde_json::from_str(text).map_err(|_| bad_event("bad-event", "it is not an event"))?;
    if event.id.is_empty() || event.id.len() > MAX_NAME || event.kind.len() > MAX_NAME || text.contains('\0')
    {
        return Err(bad_event("bad-event", "its names are out of bounds"));
    }
    let new = store::NewEvent {
        village: known_village(&reconciler, event.village()).await?,
        provider: "stripe",
        id: &event.id,
        kind: &event.kind,
        body: text,
    };
    keep(reconciler, &new, now).await
}

/// `POST /webhooks/wechat`: payments and refunds. Kept as it came, still encrypted: its content names the buyer.
pub async fn wechat(reconciler: Reconciler, headers: HeaderMap, body: Bytes) -> Result<StatusCode> {
    let Ok(client) = reconciler.providers.wechat() else {
        return Err(not_found());
    };
    let (account, now) = (client.account(), reconciler.clock.now());
    let told = notify::open(&account.keys, &account.api_key, &headers, &body, now).map_err(|refusal| {
        tracing::warn!(why = %refusal, "a notification in WeChat's name was refused");
        bad_event("bad-signature", &refusal.to_string())
    })?;
    let text = std::str::from_utf8(&body).map_err(|_| bad_event("bad-event", "it is not UTF-8"))?;
    if told.id.is_empty() || text.contains('\0') {
        return Err(bad_event("bad-event", "its names are out of bounds"));
    }
    let ours = match &told.about {
        About::Payment { out_trade_no: name } | About::Refund { out_refund_no: name } => {
            parse_order_token(name)
        }
        About::Other => None,
    };
    let village = ours.map_or(VillageId(0), |(village, _)| village);
    let new = store::NewEvent {
        village: known_village(&reconciler, village).await?,
        provider: "wechat",
        id: &told.id,
        kind: &told.event_type,
        body: text,
    };
    keep(reconciler, &new, now).await
}

/// Stores an event and answers; acts on it afterwards, since a provider waits for its answer only so long.
async fn keep(reconciler: Reconciler, new: &store::NewEvent<'_>, now: Timestamp) -> Result<StatusCode> {
    if transact!(reconciler.db, tx => store::insert(tx, new, now).await)? {
        let (village, provider, id) = (new.village, new.provider, new.id.to_owned());
        tokio::spawn(async move { act(&reconciler, village, provider, &id).await });
    }
    Ok(StatusCode::OK)
}

/// The event's village if there is one; the sweep looks at events village by village.
async fn known_village(reconciler: &Reconciler, village: VillageId) -> Result<VillageId> {
    let villages = villages::store::villages(&reconciler.db).await?;
    let is_known = villages.iter().any(|known| known.id == village);
    Ok(if is_known { village } else { VillageId(0) })
}

async fn act(reconciler: &Reconciler, village: VillageId, provider: &str, id: &str) {
    let done = async {
        match store::waiting(&reconciler.db, village, provider, id).await? {
            Some(stored) => events::process(reconciler, village, &stored).await.map(|_| ()),
            None => Ok(()),
        }
    };
    if let Err(error) = done.await {
        tracing::error!(event = id, %error, "an event is left to the next run of reconcile");
    }
}

fn bad_event(name: &'static str, why: &str) -> Error {
    let detail = text("通知的签名或内容不对。", format!("The event was refused: {why}."));
    Problem::new(StatusCode::BAD_REQUEST, name, detail).into()
}

/// Checks a `Stripe-Signature` header, `t=…,v1=…[,v1=…]`: an HMAC-SHA256 over `t.body` under any of the secrets, compared
/// in constant time, and a stamp near now. Source: docs.stripe.com/webhooks#verify-manually.
fn verify(header: &str, body: &[u8], secrets: &[String], now: Timestamp) -> Result<(), &'static str> {
    let (mut stamp, mut signatures) = (None, Vec::new());
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => stamp = Some(value),
            Some(("v1", value)) if signatures.len() < MAX_SIGNATURES => signatures.extend(hex::decode(value)),
            _ => {}
        }
    }
    let stamp = stamp.ok_or("it has no stamp")?;
    let at: i64 = stamp.parse().map_err(|_| "its stamp is no number")?;
    let signed = |secret: &String| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return false;
        };
        mac.update(stamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        signatures
            .iter()
            .any(|signature| mac.clone().verify_slice(signature).is_ok())
    };
    if !secrets.iter().any(signed) {
        return Err("its signature is wrong");
    }
    if now.0.div_euclid(1_000).abs_diff(at) > TOLERANCE_S.unsigned_abs() {
        return Err("its stamp is too far from now");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: i64 = 1_705_716_000;

    fn sign(secret: &str, at: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    fn check(header: &str, now_s: i64) -> Result<(), &'static str> {
        let secrets = ["whsec_new".to_owned(), "whsec_old".to_owned()];
        verify(header, BODY, &secrets, Timestamp(now_s * 1_000))
    }

    #[test]
    fn signatures() {
        let (old, new) = (
            sign("whsec_old", "1705716000", BODY),
            sign("whsec_new", "1705716000", BODY),
        );
        let other = sign("whsec_other", "1705716000", BODY);
        let resent = sign("whsec_new", "1705716001", BODY);
        for (header, now, expected) in [
            (format!("t=1705716000,v1={new}"), AT, Ok(())),
            (format!("t=1705716000,v1={old}"), AT + 300, Ok(())),
            (
                format!("t=1705716000,v1={other},v1={old},v0={other}"),
                AT - 300,
                Ok(()),
            ),
            (
                format!("t=1705716000,v1={new}"),
                AT + 301,
                Err("its stamp is too far from now"),
            ),
            (
                format!("t=1705716000,v1={new}"),
                AT - 301,
                Err("its stamp is too far from now"),
            ),
            (
                format!("t=1705716000,v1={other}"),
                AT,
                Err("its signature is wrong"),
            ),
            (
                format!("t=1705716000,v1={resent}"),
                AT,
                Err("its signature is wrong"),
            ),
            (
                format!("t=1705716000,v0={new}"),
                AT,
                Err("its signature is wrong"),
            ),
            (
                format!("t=1705716000,v1={}", &new[..32]),
                AT,
                Err("its signature is wrong"),
            ),
            (format!("v1={new}"), AT, Err("it has no stamp")),
            (format!("t=now,v1={new}"), AT, Err("its stamp is no number")),
            (String::new(), AT, Err("it has no stamp")),
        ] {
            assert_eq!(check(&header, now), expected, "{header}");
        }
        let header = format!("t=1705716000,v1={new}");
        let secrets = ["whsec_new".to_owned()];
        assert!(
            verify(&header, br#"{"id": "evt_1"}"#, &secrets, Timestamp(AT * 1_000)).is_err(),
            "re-serialised"
        );
    }

    proptest! {
        #[test]
        fn nothing_forged_passes(header in ".{0,200}", body in proptest::collection::vec(any::<u8>(), 0..200), now: i64) {
            prop_assert!(verify(&header, &body, &["whsec_x".to_owned()], Timestamp(now)).is_err());
        }
    }
}
