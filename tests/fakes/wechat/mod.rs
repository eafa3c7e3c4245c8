//! A fake WeChat Pay: a real server that speaks the parts of interface v3 that the shop uses. It checks the merchant's
//! signature on every call, signs its answers with its own key, encrypts what it tells, repeats what is not taken, and
//! misbehaves on command.
//!
//! Written without any of the code that it tests: what both understood wrongly would else look right.

mod api;
mod bill;
mod control;
mod crypto;
mod notify;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use cunji::clock::Clock;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;

pub use notify::Twist;

pub const MCH_ID: &str = "1900000109";
pub const APP_ID: &str = "wx8888888888888888";
/// The serial number of the merchant's certificate.
pub const SERIAL: &str = "3775B6A45ACD588826D15E583A95F5DD00000000";
pub const API_V3_KEY: &str = include_str!("keys/api_v3_key.txt");
pub const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0116000000002024012000000000";
pub const CERTIFICATE_SERIAL: &str = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1";

/// WeChat's waits between its tries to tell, in seconds.
pub const WAITS: [u64; 15] = [
    15, 15, 30, 180, 600, 1_200, 1_800, 1_800, 1_800, 3_600, 10_800, 10_800, 10_800, 21_600, 21_600,
];

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// HTTP 500, and nothing was done
    Error,
    /// HTTP 500, though it was done
    ErrorAfter,
    /// the connection dies, and nothing was done
    Drop,
    /// the connection dies, though it was done
    DropAfter,
    TooMany,
    /// the answer is right and badly signed
    Unsigned,
    WrongSignature,
    WrongSerial,
    OldStamp,
}

/// What becomes of notifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// kept for the test, which hands them over itself
    Held,
    /// posted, and repeated until they are taken; WeChat's waits are divided by this
    Posted { faster: u32 },
}

#[derive(Clone, Debug, Serialize)]
pub struct Order {
    pub out_trade_no: String,
    pub scene: String,
    pub total: i64,
    pub state: &'static str,
    pub expires: i64,
    pub paid_at: Option<i64>,
    pub transaction_id: Option<String>,
    pub refunded: i64,
    /// the oldest first
    made: usize,
    content: Value,
    notify_url: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Refund {
    pub out_refund_no: String,
    pub out_trade_no: String,
    pub refund_id: String,
    pub amount: i64,
    pub total: i64,
    pub status: &'static str,
    pub at: i64,
    notify_url: String,
}

#[derive(Default)]
struct State {
    orders: BTreeMap<String, Order>,
    refunds: BTreeMap<String, Refund>,
    /// by id: kind, content, and where to
    events: BTreeMap<String, (String, Value, String)>,
    faults: VecDeque<Fault>,
    /// refunds asked for now end like this, instead of waiting for a command
    refunds_end: Option<&'static str>,
    /// paid when its close is asked for
    pays_at_close: Option<String>,
    count: u64,
    calls: Vec<String>,
}

#[derive(Clone)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    keys: Arc<crypto::Keys>,
    clock: Arc<Mutex<Clock>>,
    delivery: Delivery,
    base: String,
}

impl Fake {
    /// Starts on a free port of this machine, or on the given one.
    pub async fn start(clock: Clock, delivery: Delivery, port: u16) -> Fake {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let fake = Fake {
            state: Arc::default(),
            keys: Arc::new(crypto::Keys::load()),
            clock: Arc::new(Mutex::new(clock)),
            delivery,
            base: format!("http://{address}"),
        };
        let service: Router = control::routes().fallback(api::call).with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        fake
    }

    /// Where it listens: the value of `WECHAT_API_BASE`.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Epoch seconds.
    fn now(&self) -> i64 {
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        clock.now().0.div_euclid(1_000)
    }

    /// Lives by this clock from now on.
    pub fn follow(&self, clock: Clock) {
        *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    /// The buyer of this order will pay just when the shop asks to close it.
    pub fn pay_at_close(&self, out_trade_no: &str) {
        self.state().pays_at_close = Some(out_trade_no.to_owned());
    }

    /// The next calls go wrong like this, one each.
    pub fn fail(&self, faults: &[Fault]) {
        self.state().faults.extend(faults);
    }

    /// From now on refunds end at once like this (`SUCCESS`, `CLOSED`, `ABNORMAL`).
    pub fn end_refunds(&self, status: &'static str) {
        self.state().refunds_end = Some(status);
    }

    /// The calls that have come, as `METHOD PATH`, without queries.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    pub fn order(&self, out_trade_no: &str) -> Option<Order> {
        self.state().orders.get(out_trade_no).cloned()
    }

    /// All orders, the oldest first.
    pub fn orders(&self) -> Vec<Order> {
        let mut orders: Vec<Order> = self.state().orders.values().cloned().collect();
        orders.sort_by_key(|order| order.made);
        orders
    }

    pub fn refunds(&self) -> Vec<Refund> {
        self.state().refunds.values().cloned().collect()
    }

    /// The buyer pays; gives the id of the notification.
    pub fn pay(&self, out_trade_no: &str) -> Result<String, String> {
        let now = self.now();
        let (url, content) = {
            let mut state = self.state();
            let transaction = state.number("4200002024");
            let order = state
                .orders
                .get_mut(out_trade_no)
                .ok_or("there is no such order")?;
            if order.state != "NOTPAY" || now > order.expires {
                return Err(format!("the order can't be paid: {}", order.state));
            }
            order.state = "SUCCESS";
            order.paid_at = Some(now);
            order.transaction_id = Some(transaction);
            (order.notify_url.clone(), api::transaction(order))
        };
        Ok(self.tell("TRANSACTION.SUCCESS", content, url))
    }

    /// A refund comes to its end (`SUCCESS`, `CLOSED`, `ABNORMAL`); gives the id of the notification.
    pub fn end_refund(&self, out_refund_no: &str, status: &'static str) -> Result<String, String> {
        let (url, content) = {
            let mut state = self.state();
            let refund = state
                .refunds
                .get_mut(out_refund_no)
                .ok_or("there is no such refund")?;
            refund.status = status;
            let (refund, no) = (refund.clone(), refund.out_trade_no.clone());
            if status == "CLOSED"
                && let Some(order) = state.orders.get_mut(&no)
            {
                order.refunded -= refund.amount;
            }
            (refund.notify_url.clone(), api::refund_told(&refund))
        };
        Ok(self.tell(&format!("REFUND.{status}"), content, url))
    }

    /// The wait after the given number of tries to tell; `None` after the last.
    fn wait(&self, tries: usize) -> Option<Duration> {
        let Delivery::Posted { faster } = self.delivery else {
            return None;
        };
        let wait = Duration::from_secs(*WAITS.get(tries)?);
        Some(wait / faster.max(1))
    }
}

impl State {
    /// A new number that was never given before.
    fn number(&mut self, start: &str) -> String {
        self.count += 1;
        format!("{start}{:018}", self.count)
    }
}
