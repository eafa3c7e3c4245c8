//! The fake Kuaidi100 by itself, for trying the program out: `cargo run --example fake-kuaidi100 -- 127.0.0.1:8100`.
//!
//! Then start the shop with `KUAIDI100_BASE=http://127.0.0.1:8100`, the key and customer that are printed, and any
//! `KUAIDI100_SALT`. `POST /fake/parcels` tells it of a parcel, `POST /fake/push` `{number, status, message}` pushes,
//! `POST /fake/faults` `[500]` makes the next call fail, `GET /fake/seen` shows what came.

mod server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:8100".to_owned());
    let (base, running) = server::Fake::default().start(&address).await?;
    println!(
        "KUAIDI100_BASE={base} KUAIDI100_KEY={} KUAIDI100_CUSTOMER={}",
        server::KEY,
        server::CUSTOMER
    );
    running.await??;
    Ok(())
}
