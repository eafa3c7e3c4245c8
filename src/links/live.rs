//! The live board of a link, for the host at the livestream. One task per watched link computes what there is to see,
//! however many look on; it ends with its last listener. What is left comes from the board in memory, what was ordered
//! from the database, twice a second.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::Status;
use super::api::{Code, find};
use super::board::Board;
use super::store::live as store;
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::error::{Error, Result, busy, not_found};
use crate::villages::auth::By;

/// Listeners of this process, over all links.
const LISTENERS: usize = 1_000;

/// The usual pause between two looks; a link that takes long to look at is looked at less often.
const PAUSE: Duration = Duration::from_millis(400);

/// A listener is asked to come again after this time, and shows then that it still may.
const LISTENS: Duration = Duration::from_secs(1_800);

/// What a host sees. Orders are those that live: neither cancelled nor past their time to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Frame {
    pub code: String,
    pub status: Status,
    pub orders: i64,
    pub cases: i64,
    /// cases that can still be ordered, over all offers
    pub stock_left: i64,
    pub paid_orders: i64,
    /// of a hundred orders, how many are paid
    pub paid_share: i64,
    /// placed within the last minute
    pub orders_per_minute: i64,
    pub offers: Vec<OfferLeft>,
    /// the newest first
    pub latest: Vec<Latest>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OfferLeft {
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub available: i64,
}

/// An order that has just come in; of the buyer only what a host may call out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Latest {
    pub first_name: String,
    pub cases: i64,
    pub placed_at: Timestamp,
}

type Feed = watch::Receiver<Option<Arc<str>>>;

/// Where live boards are computed.
#[derive(Clone)]
pub struct Live {
    db: Db,
    board: Board,
    clock: Clock,
    feeds: Arc<Mutex<HashMap<String, Feed>>>,
    seats: Arc<Semaphore>,
    stopped: CancellationToken,
}

/// One who looks on.
struct Listener {
    feed: Feed,
    until: Instant,
    _seat: OwnedSemaphorePermit,
}

impl Live {
    pub fn new(db: Db, board: Board, clock: Clock) -> Self {
        Live {
            db,
            board,
            clock,
            feeds: Arc::default(),
            seats: Arc::new(Semaphore::new(LISTENERS)),
            stopped: CancellationToken::new(),
        }
    }

    /// Ends every listener, so that a stop need not wait for them.
    pub fn stop(&self) {
        self.stopped.cancel();
    }

    /// The links that somebody looks at.
    pub fn watched(&self) -> usize {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What there is to see of a link now.
    ///
    /// # Errors
    /// 404 when there is no such link.
    pub async fn frame(&self, code: &str) -> Result<Frame> {
        let snapshot = self.board.read(code).await?;
        let facts = &snapshot.facts;
        let (village, link) = (facts.village, facts.link_id.ok_or_else(not_found)?);
        let now = self.clock.now();
        let totals = store::totals(&self.db, village, link, now).await?;
        let latest = store::latest(&self.db, village, link, now).await?;
        let offers = facts
            .offers
            .iter()
            .zip(&snapshot.available)
            .map(|(offer, left)| OfferLeft {
                sku: offer.sku.clone(),
                title: offer.title.clone(),
                spec: offer.spec.clone(),
                available: *left,
            });
        Ok(Frame {
            code: facts.code.clone(),
            status: facts.status(now),
            orders: totals.orders,
            cases: totals.cases,
            stock_left: snapshot.available.iter().sum(),
            paid_orders: totals.paid,
            paid_share: totals.paid * 100 / totals.orders.max(1),
            orders_per_minute: totals.lately,
            offers: offers.collect(),
            latest: latest.into_iter().map(Latest::from).collect(),
        })
    }

    fn listen(&self, code: &str) -> Result<Listener> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().map_err(|_| busy())?;
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut feed = match feeds.get(code) {
            Some(feed) => feed.clone(),
            None => {
                let (sender, feed) = watch::channel(None);
                tokio::spawn(self.clone().run(code.to_owned(), sender));
                feeds.insert(code.to_owned(), feed.clone());
                feed
            }
        };
        // whoever comes sees at once what there is
        if feed.borrow().is_some() {
            feed.mark_changed();
        }
        Ok(Listener {
            feed,
            until: Instant::now() + LISTENS,
            _seat: seat,
        })
    }

    async fn run(self, code: String, sender: watch::Sender<Option<Arc<str>>>) {
        loop {
            let started = Instant::now();
            match self.frame(&code).await {
                Ok(frame) => {
                    let text: Arc<str> = serde_json::to_string(&frame).unwrap_or_default().into();
                    sender.send_if_modified(|last| {
                        let news = last.as_ref() != Some(&text);
                        *last = Some(text);
                        news
                    });
                }
                Err(Error::Problem(_)) => break,
                Err(error) => tracing::warn!(%error, "a live board missed a look"),
            }
            if self.is_left(&code, &sender) {
                return;
            }
            let pause = PAUSE.max(started.elapsed() * 3);
            if self
                .stopped
                .run_until_cancelled(tokio::time::sleep(pause))
                .await
                .is_none()
            {
                break;
            }
        }
        self.feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&code);
    }

    /// Whether nobody looks on any more; then the feed is gone, and the next listener starts a new one.
    fn is_left(&self, code: &str, sender: &watch::Sender<Option<Arc<str>>>) -> bool {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        // the map itself keeps one
        let left = sender.receiver_count() <= 1;
        if left {
            feeds.remove(code);
        }
        left
    }
}

impl From<store::LatestRow> for Latest {
    fn from(row: store::LatestRow) -> Self {
        Latest {
            first_name: first_name(&row.name),
            cases: row.cases,
            placed_at: row.placed_at,
        }
    }
}

/// Surnames of two characters that are still common.
const LONG_SURNAMES: [&str; 8] = ["欧阳", "司马", "上官", "诸葛", "夏侯", "皇甫", "尉迟", "慕容"];

/// The part of a name that one may call out: without the surname, which in Chinese comes first.
fn first_name(name: &str) -> String {
    let name = name.trim();
    let chinese = name
        .chars()
        .all(|c| ('\u{4e00}'..='\u{9fff}').contains(&c) || c == '*');
    if !chinese {
        return name
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .chars()
            .take(20)
            .collect();
    }
    let surname = if LONG_SURNAMES.iter().any(|long| name.starts_with(long)) {
        2
    } else {
        1
    };
    let first: String = name.chars().skip(surname).take(4).collect();
    if first.is_empty() { "*".to_owned() } else { first }
}

/// `GET /api/v1/live/{link}`: a [`Frame`] as JSON whenever it has changed.
pub async fn events(
    State(live): State<Live>,
    State(db): State<Db>,
    Code(code): Code,
    by: By,
) -> Result<Response> {
    find(&db, &by, &code).await?;
    let listener = live.listen(&code)?;
    let frames = stream::unfold(listener, |mut listener| async move {
        let news = tokio::time::timeout_at(listener.until, listener.feed.changed()).await;
        // late, or the feed is at its end
        news.ok()?.ok()?;
        let frame = listener
            .feed
            .borrow_and_update()
            .clone()
            .unwrap_or_else(|| "{}".into());
        Some((Ok::<_, Infallible>(Event::default().data(frame)), listener))
    });
    // a proxy in between must not gather events before it passes them on
    let at_once = [("x-accel-buffering", "no")];
    Ok((at_once, Sse::new(frames).keep_alive(KeepAlive::default())).into_response())
}

#[cfg(test)]
mod tests {
    use super::first_name;

    #[test]
    fn only_the_first_name_is_called_out() {
        for (name, first) in [
            ("李小雨", "小雨"),
            ("苏宇", "宇"),
            ("欧阳小敏", "小敏"),
            ("李", "*"),
            ("", "*"),
            ("Anna Berg", "Anna"),
            ("李*雨", "*雨"),
        ] {
            assert_eq!(first_name(name), first, "{name}");
        }
    }
}
