//! Sends what the outbox holds: a signed POST per event, with a time limit, a way to fail and a way to try again.
//!
//! A partner that is down costs one wait per run: after its first failure the rest of its events are put off, and each
//! partner gets an equal share of a run, so that nobody's backlog delays the others.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, Url, redirect};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Claimed, Due, Target};
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::error::Result;
use crate::id::VillageId;
use crate::transact;

/// Events that one run sends at most.
const PER_RUN: usize = 100;

/// Requests under way at once.
const AT_ONCE: usize = 8;

/// What a partner may take for its answer, connecting included.
const TIME_LIMIT: Duration = Duration::from_secs(10);

const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3_600);

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 200;

/// The HTTP client, made when the first event is due: a shop without partners needs no trust store.
#[derive(Clone, Default)]
pub struct Sender(Arc<OnceCell<Client>>);

/// What one run did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub delivered: u32,
    pub failed: u32,
    /// claimed and not tried, because their partner failed just now
    pub put_off: u32,
}

struct Event {
    village: VillageId,
    subscriber: Uuid,
    target: Arc<Target>,
    claimed: Claimed,
}

/// Why an event did not arrive.
struct Failure {
    why: String,
    /// the partner as a whole seems down; another event would fare no better
    down: bool,
}

/// Sends what is due in these villages, at most 100 events; a partner's failure is no error.
///
/// # Errors
/// The database; a system without a trust store, when the client is made.
pub async fn run(db: &Db, clock: &Clock, sender: &Sender, villages: &[VillageId]) -> Result<Sent> {
    let mut due = Vec::new();
    for village in villages {
        due.extend(super::due(db, *village, clock.now()).await?);
    }
    if due.is_empty() {
        return Ok(Sent::default());
    }
    let client = sender.0.get_or_try_init(async || client(TIME_LIMIT)).await?;
    due.sort_by_key(|due| due.since);
    due.truncate(PER_RUN);
    let queue = claim_shares(db, &due, clock.now()).await?;
    send_all(db, clock, client, queue).await
}

/// Claims an equal share for each subscriber, and mixes them so that nobody stands behind another's share.
async fn claim_shares(db: &Db, due: &[Due], now: Timestamp) -> Result<VecDeque<Event>> {
    let share = i64::try_from(PER_RUN / due.len().max(1)).unwrap_or(1);
    let mut shares = Vec::with_capacity(PER_RUN);
    for due in due {
        let Some((target, claimed)) = transact!(db, tx => super::claim(tx, due, now, share).await)? else {
            continue;
        };
        let target = Arc::new(target);
        let event = |(place, claimed)| {
            let event = Event {
                village: due.village,
                subscriber: due.subscriber,
                target: Arc::clone(&target),
                claimed,
            };
            (place, event)
        };
        shares.extend(claimed.into_iter().enumerate().map(event));
    }
    shares.sort_by_key(|(place, _): &(usize, Event)| *place);
    Ok(shares.into_iter().map(|(_, event)| event).collect())
}

async fn send_all(db: &Db, clock: &Clock, client: &Client, mut queue: VecDeque<Event>) -> Result<Sent> {
    let mut sent = Sent::default();
    let mut down: HashSet<Uuid> = HashSet::new();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(event) = queue.pop_front()
        {
            if down.contains(&event.subscriber) {
                let again_at = clock.now().plus(FIRST_WAIT);
                transact!(db, tx => super::put_off(tx, event.village, &event.claimed, again_at).await)?;
                sent.put_off += 1;
            } else {
                let (client, at) = (client.clone(), clock.now());
                under_way.spawn(async move {
                    let result = post(&client, &event, at).await;
                    (event, result)
                });
            }
        }
        let Some(finished) = under_way.join_next().await else {
            return Ok(sent);
        };
        let (event, result) = finished.map_err(anyhow::Error::from)?;
        match result {
            Ok(()) => {
                let now = clock.now();
                transact!(db, tx => super::delivered(tx, event.village, event.claimed.id, now).await)?;
                sent.delivered += 1;
            }
            Err(failure) => {
                if failure.down {
                    down.insert(event.subscriber);
                }
                note_failure(db, &event, &failure.why, clock.now()).await?;
                sent.failed += 1;
            }
        }
    }
}

async fn note_failure(db: &Db, event: &Event, why: &str, now: Timestamp) -> Result<()> {
    let tries = event.claimed.tries;
    tracing::warn!(to = shown(&event.target.url), event = %event.claimed.id, tries, why, "an event was not taken");
    let again_at = now.plus(wait_after(tries));
    transact!(db, tx => super::failed(tx, event.village, &event.claimed, why, again_at).await)
}

/// One minute after the first try, doubling to six hours.
fn wait_after(tries: i64) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1)).map_or(16, |tries| tries.min(16));
    FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

fn client(limit: Duration) -> Result<Client> {
    // fails when something else in this process has installed a provider before, which is as good
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .user_agent(concat!("cunji/", env!("CARGO_PKG_VERSION")))
        .timeout(limit)
        .redirect(redirect::Policy::none())
        .pool_max_idle_per_host(AT_ONCE)
        .pool_idle_timeout(Duration::from_secs(30))
        .build();
    Ok(client.map_err(|error| anyhow::Error::from(error).context("making the HTTP client"))?)
}

async fn post(client: &Client, event: &Event, at: Timestamp) -> Result<(), Failure> {
    let Event { target, claimed, .. } = event;
    let data: Value =
        serde_json::from_str(&claimed.body).unwrap_or_else(|_| Value::String(claimed.body.clone()));
    let body = json!({
        "id": claimed.id, "topic": claimed.topic, "village": target.village, "at": claimed.created_at, "data": data,
    })
    .to_string();
    let answer = client
        .post(&target.url)
        .header("Content-Type", "application/json")
        .header(
            "Cunji-Signature",
            signature(&target.secret, at.0.div_euclid(1_000), &body),
        )
        .header("Cunji-Event", claimed.id.to_string())
        .body(body)
        .send()
        .await;
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Failure {
            why: format!("HTTP {}", answer.status().as_u16()),
            down: answer.status().is_server_error() || answer.status().as_u16() == 429,
        }),
        Err(error) => Err(Failure {
            why: describe(error),
            down: true,
        }),
    }
}

/// `t=SECONDS,v1=HEX`: HMAC-SHA256 with the subscriber's secret over `SECONDS.BODY`.
fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// The causes of a failed request in one short line, without its address.
fn describe(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let line = format!("{:#}", anyhow::Error::from(error.without_url()));
    line.chars()
        .filter(|c| !c.is_control())
        .take(ERROR_LENGTH)
        .collect()
}

/// An address as logs may show it: partners put keys into queries.
pub fn shown(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "?".to_owned();
    };
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours() {
        for (tries, minutes) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (9, 256),
            (10, 360),
            (19, 360),
            (i64::MAX, 360),
        ] {
            assert_eq!(wait_after(tries).as_secs(), minutes * 60, "{tries}");
        }
    }

    #[test]
    fn signatures_are_those_of_the_manual() {
        // printf %s '1705716000.{"a":1}' | openssl dgst -sha256 -hmac secret
        assert_eq!(
            signature("secret", 1_705_716_000, r#"{"a":1}"#),
            "t=1705716000,v1=49ff3a7cd656f15427bbe2016dd370a427071184936eb0df325e73c1afc2768c"
        );
    }

    #[tokio::test]
    async fn a_silent_partner_is_not_waited_for() {
        // connections wait in its backlog, and nobody ever takes them
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            secret: String::new(),
            village: "zhang".to_owned(),
        };
        let claimed = Claimed {
            id: Uuid::nil(),
            topic: "test".to_owned(),
            body: "{}".to_owned(),
            created_at: Timestamp(0),
            tries: 1,
        };
        let event = Event {
            village: VillageId(1),
            subscriber: Uuid::nil(),
            target: Arc::new(target),
            claimed,
        };
        let client = client(Duration::from_millis(50)).unwrap();
        let failure = post(&client, &event, Timestamp(0)).await.err().unwrap();
        assert_eq!((failure.why.as_str(), failure.down), ("no answer in time", true));
    }

    #[test]
    fn addresses_are_shown_without_their_query() {
        for (url, expected) in [
            (
                "https://partner.example/in?key=abc#x",
                "https://partner.example/in",
            ),
            ("http://127.0.0.1:99/", "http://127.0.0.1:99/"),
            ("nonsense", "?"),
        ] {
            assert_eq!(shown(url), expected);
        }
    }
}
