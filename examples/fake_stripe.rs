//! The fake Stripe of the tests, by hand: `cargo run --example fake_stripe -- [PORT] [WEBHOOK-ADDRESS]`.
//!
//! With the shop on port 8080:
//! `cargo run --example fake_stripe -- 12111 http://127.0.0.1:8080/webhooks/stripe`, and for the shop
//! `CUNJI_PAYMENTS=stripe STRIPE_SECRET_KEY=sk_test_fake STRIPE_WEBHOOK_SECRET=whsec_fake_secret
//! STRIPE_API_BASE=http://127.0.0.1:12111`.

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/fakes/stripe/mod.rs"]
mod stripe;

use std::net::SocketAddr;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let port = arguments
        .next()
        .map_or(Ok(12_111), |port| port.parse())
        .expect("a port number");
    let fake = stripe::Fake::on(SocketAddr::from(([127, 0, 0, 1], port))).await;
    {
        let mut state = fake.lock();
        state.delivery.to = arguments.next();
        state.delivery.secret = "whsec_fake_secret".to_owned();
    }
    println!("{}", fake.url);
    std::future::pending().await
}
