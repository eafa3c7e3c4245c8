//! Stripe's story through the built program with nothing but settings: order, Checkout, paid by webhook, cancelled,
//! refunded. And the same with the program killed at every call to Stripe, before and after it was carried out.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::shop::{BUYER, found, order, stock_of, stocked};
use super::{LOOKS, Place, STEP, Server, http, of_the_repo};
use crate::stripe::{Fake, Fault};

const KEY: &str = "sk_test_of_the_built_program";
const SECRET: &str = "whsec_of_the_built_program";

/// Calls of the whole story: create, look at the payment, refund, look at the refund.
const CALLS: usize = 4;

/// Rounds in which a life that was cut short may get to its end.
const ROUNDS: usize = 400;

struct Shop {
    place: Place,
    server: Server,
    fake: Fake,
    token: String,
    link: String,
}

impl Shop {
    async fn on(engine: &str) -> Shop {
        let fake = Fake::start().await;
        let place = Place::on(engine)
            .with("CUNJI_PAYMENTS", "stripe,transfer")
            .with("STRIPE_SECRET_KEY", KEY)
            .with("STRIPE_WEBHOOK_SECRET", SECRET)
            .with("STRIPE_API_BASE", &fake.url);
        let token = found(&place);
        let server = place.serve();
        server.ready().await;
        let link = stocked(&server, &token, &[("MS10", 100)]).await;
        let shop = Shop {
            place,
            server,
            fake,
            token,
            link,
        };
        shop.hear();
        shop
    }

    /// Stripe finds the webhook where the program listens now.
    fn hear(&self) {
        let mut state = self.fake.lock();
        state.delivery.to = Some(format!("http://{}/webhooks/stripe", self.server.address));
        state.delivery.secret = SECRET.to_owned();
    }

    fn at(&self) -> SocketAddr {
        self.server.address
    }

    async fn place(&self, key: &str) -> String {
        let body = order("MS10").replace("transfer", "stripe");
        let path = format!("/api/v1/links/{}/orders", self.link);
        let answer = http::send(self.at(), "POST", &path, &[("idempotency-key", key)], &body)
            .await
            .unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    async fn read(&self, token: &str) -> Value {
        let answer = http::get(self.at(), &format!("/api/v1/orders/{token}"))
            .await
            .unwrap();
        answer.json()
    }

    async fn status(&self, token: &str) -> String {
        self.read(token).await["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    async fn becomes(&self, token: &str, status: &str) {
        for _ in 0..LOOKS {
            if self.status(token).await == status {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
        panic!("never {status}: {} {}", self.read(token).await, self.server.log());
    }

    /// The session that the buyer is sent to, when Stripe could be asked.
    async fn ask(&self, token: &str) -> Option<String> {
        let path = format!("/api/v1/orders/{token}/payments");
        let answer = http::send(self.at(), "POST", &path, &[], r#"{"method":"stripe"}"#)
            .await
            .ok()?;
        let step = answer.json();
        step["url"].as_str()?.rsplit('/').next().map(str::to_owned)
    }

    async fn cancel(&self, token: &str) -> Option<u16> {
        let path = format!("/api/v1/orders/{token}/cancel");
        let answer = http::send(self.at(), "POST", &path, &[], "").await.ok()?;
        Some(answer.status)
    }

    /// `cunji reconcile`, as long as it takes.
    async fn reconcile(&self) {
        let mut command = self.place.command(&["reconcile"]);
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = Killed(child.expect("it starts"));
        while child.0.try_wait().expect("it is our child").is_none() {
            tokio::time::sleep(STEP).await;
        }
    }

    /// `kill -9`, and another one takes over.
    async fn crash(&mut self) {
        self.server.kill();
        self.fake.lock().faults.clear();
        self.server = self.place.serve();
        self.server.ready().await;
        self.hear();
    }

    /// One step towards the end of an order's life, wherever it stands.
    async fn step(&self, token: &str) {
        match self.status(token).await.as_str() {
            "awaiting_payment" => {
                if let Some(session) = self.ask(token).await {
                    self.fake.pay(&session, "card");
                }
                tokio::time::sleep(STEP * 5).await;
            }
            "paid" => {
                self.cancel(token).await;
            }
            "cancelled" => self.reconcile().await,
            _ => tokio::time::sleep(STEP).await,
        }
    }
}

/// A child that does not outlive the one who waits for it.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn story(engine: &str) {
    let shop = Shop::on(engine).await;
    let token = shop.place("k1").await;
    let session = shop.ask(&token).await.expect("an address to pay at");
    assert_eq!(shop.ask(&token).await.as_ref(), Some(&session), "asking twice");
    assert!(shop.fake.pay(&session, "alipay"));
    shop.becomes(&token, "paid").await;
    shop.fake.lock().slow_refunds = true;
    assert_eq!(shop.cancel(&token).await, Some(200));
    assert_eq!(shop.status(&token).await, "cancelled");
    shop.reconcile().await;
    let refund = shop
        .fake
        .lock()
        .refunds
        .keys()
        .next()
        .cloned()
        .expect("a refund at Stripe");
    shop.fake.finish_refund(&refund, true);
    shop.becomes(&token, "refunded").await;
    assert_eq!(stock_of(&shop.server, &shop.token, "MS10").await, (0, 100));
    let log = shop.server.stop();
    let [name, phone, street] = BUYER;
    for word in [
        KEY,
        SECRET,
        token.as_str(),
        name,
        phone,
        street,
        "client_reference_id",
        "Bearer",
    ] {
        assert!(!log.contains(word), "{word} in the log: {log}");
    }
    shop.place.check();
}

async fn kills(engine: &str) {
    let mut shop = Shop::on(engine).await;
    for call in 0..CALLS {
        for fault in [Fault::Silent, Fault::SilentAfter] {
            let token = shop.place(&format!("{call} {fault:?}")).await;
            let mut faults = vec![None; call];
            faults.push(Some(fault));
            shop.fake.fail(&faults);
            let fake = shop.fake.clone();
            let mut cut = false;
            for round in 0.. {
                assert!(round < ROUNDS, "{call} {fault:?}: {}", shop.read(&token).await);
                let was_killed = tokio::select! {
                    biased;
                    () = fake.silence.notified() => true,
                    () = shop.step(&token) => false,
                };
                if was_killed {
                    cut = true;
                    shop.crash().await;
                } else if cut && shop.status(&token).await == "refunded" {
                    // an event may end the refund before the silence is heard: a life that was not cut goes on
                    break;
                }
            }
            let state = fake.lock();
            let paid = state.intents.values().filter(|row| row["status"] == "succeeded");
            let (paid, back) = (paid.count(), state.refunds.len());
            let done = call * 2 + if fault == Fault::Silent { 1 } else { 2 };
            assert_eq!(
                (paid, back),
                (done, done),
                "each was paid once and refunded once: {call} {fault:?}"
            );
        }
    }
    assert_eq!(stock_of(&shop.server, &shop.token, "MS10").await, (0, 100));
    shop.server.stop();
    shop.place.check();
}

/// Stripe's own SDK as a client of the fake, and as the judge of signatures.
#[tokio::test]
#[ignore = "needs a Python that has the package stripe: CUNJI_STRIPE_PYTHON"]
async fn stripe_sdk_agrees() {
    let python = std::env::var("CUNJI_STRIPE_PYTHON").expect("CUNJI_STRIPE_PYTHON names a Python");
    let shop = Shop::on("sqlite").await;
    // the events of its payments are none of this shop's
    shop.fake.lock().delivery.to = None;
    let webhook = format!("http://{}/webhooks/stripe", shop.at());
    let arguments = [
        of_the_repo("tests/oracle/stripe_sdk.py"),
        shop.fake.url.clone(),
        webhook,
        SECRET.to_owned(),
    ];
    let ran = tokio::task::spawn_blocking(move || Command::new(python).args(arguments).output()).await;
    let ran = ran.unwrap().expect("Python starts");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(said.trim(), "agreed", "{}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test]
async fn ordered_paid_cancelled_refunded_on_sqlite() {
    story("sqlite").await;
}

#[tokio::test]
async fn ordered_paid_cancelled_refunded_on_postgresql() {
    story("postgres").await;
}

#[tokio::test]
async fn a_kill_at_any_call_changes_nothing_on_sqlite() {
    kills("sqlite").await;
}

#[tokio::test]
async fn a_kill_at_any_call_changes_nothing_on_postgresql() {
    kills("postgres").await;
}
