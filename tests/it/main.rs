//! Stories, told through HTTP in process, on both engines; and the house rules over the source tree.

#![expect(clippy::unwrap_used, reason = "a story that can't go on fails right there")]

mod access;
mod app;
mod assisted;
mod audit;
mod backup;
mod batches;
mod batches_later;
mod browser;
mod buyer;
mod calendar;
mod catalog;
mod claims;
mod claims_seen;
mod console;
mod console_forms;
mod console_orders;
mod console_sending;
mod edges;
mod edit;
#[path = "../fakes/wechat/mod.rs"]
mod fake_wechat;
mod freight;
mod goods;
mod holds;
mod imports;
mod imports_later;
mod jobs;
mod kuaidi100;
#[path = "../fakes/kuaidi100/server.rs"]
mod kuaidi100_fake;
mod late;
mod links;
mod links_app;
mod links_seen;
mod live;
mod openapi;
mod orders;
mod outbox;
mod pages;
mod pages_after;
mod partner;
mod payments;
mod pg;
mod pictures;
mod process;
mod promises;
mod proposals;
mod races;
mod reports;
mod samples;
mod scans;
mod season;
mod shaping;
mod silence;
mod staff;
mod status;
mod stock;
mod stripe;
mod supply;
mod tidy;
mod told;
mod tracking;
mod waybills;
mod wechat;
