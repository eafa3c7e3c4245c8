//! A fake Stripe, as a server: Checkout sessions with a page to pay on, intents, refunds, events with signatures, and an
//! idempotency store, so that the shop can be tried without an account. It can be told to fail in the ways in which
//! networks and providers do. It is checked with Stripe's own Python SDK (tests/oracle/stripe_sdk.py).
//!
//! In the program's own tests it runs inside the test; by hand: `cargo run --example fake_stripe`.

mod api;
pub mod deliver;
mod page;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub use deliver::Delivery;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 500 with nothing done; stored under the call's key, as Stripe does
    Broken,
    /// 500 with everything done; stored as well
    BrokenAfter,
    /// the connection dies before anything is done
    Dead,
    /// everything is done, and the connection dies before the answer
    DeadAfter,
    /// nothing is done and no answer comes, ever
    Silent,
    /// everything is done and no answer comes, ever
    SilentAfter,
    /// 429; nothing is stored
    Busy,
    /// 503 of something in between, not in JSON
    Away,
}

/// A provider that was started.
#[derive(Clone)]
pub struct Fake {
    pub url: String,
    pub state: Arc<Mutex<State>>,
    /// told each time that a call falls silent
    pub silence: Arc<Notify>,
    clock: Arc<OnceLock<Arc<AtomicI64>>>,
}

#[derive(Default)]
pub struct State {
    count: u64,
    pub sessions: BTreeMap<String, Value>,
    pub intents: BTreeMap<String, Value>,
    pub refunds: BTreeMap<String, Value>,
    /// every event, the oldest first
    pub events: Vec<Value>,
    /// events that nobody has been sent yet
    pub outgoing: VecDeque<Value>,
    /// what was answered under a key: the request in one line, the status, the body
    keys: BTreeMap<String, (String, u16, Value)>,
    /// what happens to the next calls, one each; `None` lets one pass
    pub faults: VecDeque<Option<Fault>>,
    /// method and path of every call that arrived
    pub calls: Vec<String>,
    /// refunds wait for [`Fake::finish_refund`], as those of Alipay do
    pub slow_refunds: bool,
    /// the state machine of the deliveries to a webhook
    pub delivery: Delivery,
}

impl Fake {
    /// Serves on a free port of this machine.
    pub async fn start() -> Fake {
        Fake::on(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub async fn on(address: SocketAddr) -> Fake {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let fake = Fake {
            url: format!("http://{address}"),
            state: Arc::default(),
            silence: Arc::default(),
            clock: Arc::default(),
        };
        let service: Router = api::routes().merge(page::routes()).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        tokio::spawn(deliver::run(fake.clone()));
        fake
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it lives by this clock, in milliseconds.
    pub fn follow(&self, clock: Arc<AtomicI64>) {
        let _ = self.clock.set(clock);
    }

    /// Unix seconds.
    pub fn now(&self) -> i64 {
        match self.clock.get() {
            Some(clock) => clock.load(Ordering::SeqCst).div_euclid(1_000),
            #[expect(
                clippy::disallowed_methods,
                reason = "a server of its own, with the machine's time"
            )]
            None => std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0)),
        }
    }

    /// The next calls go wrong like this, one each.
    pub fn fail(&self, faults: &[Option<Fault>]) {
        self.lock().faults.extend(faults);
    }

    /// The buyer pays on the session's page; false when it takes no money any more.
    pub fn pay(&self, session: &str, wallet: &str) -> bool {
        let now = self.now();
        let mut state = self.lock();
        state.tick(now);
        if !state.is_open(session) {
            return false;
        }
        let intent = state.new_intent(session, wallet, "succeeded", now);
        state.set(
            session,
            &[("status", json!("complete")), ("payment_status", json!("paid"))],
        );
        state.event("payment_intent.succeeded", &intent, now);
        state.session_event("checkout.session.completed", session, now);
        true
    }

    /// Money comes by a session that is closed: a bank was slow, or two things happened at once.
    pub fn pay_late(&self, session: &str, wallet: &str) {
        let now = self.now();
        let mut state = self.lock();
        state.set(session, &[("status", json!("open"))]);
        drop(state);
        if self.session_is_over(session, now) {
            let mut state = self.lock();
            state.set(session, &[("expires_at", json!(now + 60))]);
        }
        assert!(self.pay(session, wallet), "it was opened again");
    }

    fn session_is_over(&self, session: &str, now: i64) -> bool {
        self.lock().session(session)["expires_at"].as_i64() <= Some(now)
    }

    /// The buyer has done their part, and the money will come or not.
    pub fn pay_slowly(&self, session: &str, wallet: &str) -> bool {
        let now = self.now();
        let mut state = self.lock();
        state.tick(now);
        if !state.is_open(session) {
            return false;
        }
        state.new_intent(session, wallet, "processing", now);
        state.set(session, &[("status", json!("complete"))]);
        state.session_event("checkout.session.completed", session, now);
        true
    }

    /// What became of money that was on its way; false when none was.
    pub fn arrive(&self, session: &str, came: bool) -> bool {
        let now = self.now();
        let mut state = self.lock();
        let seen = state.session(session);
        if seen["status"] != "complete" || seen["payment_status"] != "unpaid" {
            return false;
        }
        let intent = seen["payment_intent"].as_str().unwrap_or_default().to_owned();
        let status = if came {
            "succeeded"
        } else {
            "requires_payment_method"
        };
        if state.intents[&intent]["status"] != "processing" {
            return false;
        }
        state.intents.get_mut(&intent).expect("it is there")["status"] = json!(status);
        if came {
            state.set(session, &[("payment_status", json!("paid"))]);
        }
        let kind = if came { "succeeded" } else { "failed" };
        let event = format!("checkout.session.async_payment_{kind}");
        state.session_event(&event, session, now);
        true
    }

    /// What became of a refund that was pending, or of one that a bank sent back.
    pub fn finish_refund(&self, refund: &str, worked: bool) {
        let now = self.now();
        let mut state = self.lock();
        let row = state.refunds.get_mut(refund).expect("a refund of this name");
        row["status"] = json!(if worked { "succeeded" } else { "failed" });
        if !worked {
            row["failure_reason"] = json!("expired_or_canceled_card");
        }
        let row = row.clone();
        state.event(if worked { "refund.updated" } else { "refund.failed" }, &row, now);
    }

    /// Ends sessions whose time is over.
    pub fn tick(&self) {
        let now = self.now();
        self.lock().tick(now);
    }

    /// Events that were not delivered yet, for a test that delivers them itself.
    pub fn take_events(&self) -> Vec<Value> {
        self.lock().outgoing.drain(..).collect()
    }
}

impl State {
    fn id(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_test_{:08}", self.count)
    }

    pub fn session(&self, id: &str) -> Value {
        self.sessions.get(id).cloned().unwrap_or_default()
    }

    fn is_open(&self, id: &str) -> bool {
        self.session(id)["status"] == "open"
    }

    fn set(&mut self, session: &str, fields: &[(&str, Value)]) {
        let row = self.sessions.get_mut(session).expect("a session of this name");
        for (name, value) in fields {
            row[*name] = value.clone();
        }
        if row["status"] != "open" {
            row["url"] = Value::Null;
        }
    }

    fn new_intent(&mut self, session: &str, wallet: &str, status: &str, now: i64) -> Value {
        let (id, charge) = (self.id("pi"), self.id("ch"));
        let of = self.session(session);
        let intent = json!({
            "id": id, "object": "payment_intent", "amount": of["amount_total"], "amount_received": of["amount_total"],
            "currency": of["currency"], "created": now, "livemode": false, "status": status,
            "metadata": of["metadata"], "payment_method_types": [wallet],
            "latest_charge": {"id": charge, "object": "charge", "payment_method_details": {"type": wallet}},
        });
        self.intents.insert(id.clone(), intent.clone());
        self.set(session, &[("payment_intent", json!(id))]);
        intent
    }

    fn session_event(&mut self, kind: &str, session: &str, now: i64) {
        let session = self.session(session);
        self.event(kind, &session, now);
    }

    fn event(&mut self, kind: &str, object: &Value, now: i64) {
        let id = self.id("evt");
        let event = json!({
            "id": id, "object": "event", "api_version": "2026-09-30.endive", "created": now, "livemode": false,
            "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
            "data": {"object": object},
        });
        self.events.push(event.clone());
        self.outgoing.push_back(event);
    }

    fn tick(&mut self, now: i64) {
        let over = |row: &&Value| row["status"] == "open" && row["expires_at"].as_i64() <= Some(now);
        let over: Vec<String> = self
            .sessions
            .values()
            .filter(over)
            .filter_map(|row| row["id"].as_str().map(str::to_owned))
            .collect();
        for id in over {
            self.expire(&id, now);
        }
    }

    fn expire(&mut self, session: &str, now: i64) {
        self.set(session, &[("status", json!("expired"))]);
        self.session_event("checkout.session.expired", session, now);
    }

    /// What refunds take of an intent, failed ones left out.
    pub fn refunded(&self, intent: &str) -> i64 {
        self.refunds
            .values()
            .filter(|row| row["payment_intent"] == intent && row["status"] != "failed")
            .filter_map(|row| row["amount"].as_i64())
            .sum()
    }
}
