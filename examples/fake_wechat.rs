//! A WeChat Pay to try the shop with, no account needed: `cargo run --example fake_wechat -- [PORT]`.
//!
//! Prints the settings that the shop needs. Its page lists the orders, each with a button that pays it; what else can
//! be done is in `tests/fakes/wechat/control.rs`.

#[path = "../tests/fakes/wechat/mod.rs"]
#[expect(dead_code, reason = "some of it serves the tests only")]
mod wechat;

use cunji::clock::Clock;
use wechat::{Delivery, Fake};

const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fakes/wechat/keys");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).as_deref().unwrap_or("8291").parse()?;
    let fake = Fake::start(Clock::Real, Delivery::Posted { faster: 10 }, port).await;
    println!("# the shop's settings; its pages to pay are at {}", fake.base());
    println!(
        "export CUNJI_PAYMENTS=wechat,transfer WECHAT_API_BASE={}",
        fake.base()
    );
    println!(
        "export WECHAT_MCH_ID={} WECHAT_APP_ID={}",
        wechat::MCH_ID,
        wechat::APP_ID
    );
    println!(
        "export WECHAT_SERIAL={} WECHAT_KEY_FILE={KEYS}/merchant_key.pem",
        wechat::SERIAL
    );
    println!("export WECHAT_API_V3_KEY_FILE={KEYS}/api_v3_key.txt");
    println!("export WECHAT_PUBLIC_KEY_ID={}", wechat::PUBLIC_KEY_ID);
    println!("export WECHAT_PUBLIC_KEY_FILE={KEYS}/platform_public_key.pem");
    tokio::signal::ctrl_c().await?;
    Ok(())
}
