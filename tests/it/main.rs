//! Stories, told through HTTP in process, on both engines; and the house rules over the source tree.

#![expect(clippy::unwrap_used, reason = "a story that can't go on fails right there")]

mod access;
mod app;
mod assisted;
mod audit;
mod backup;
mod browser;
mod buyer;
mod catalog;
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
mod links;
mod links_app;
mod links_seen;
mod openapi;
mod orders;
mod outbox;
mod pages;
mod pages_after;
mod partner;
mod payments;
mod pg;
mod process;
mod proposals;
mod reports;
mod samples;
mod staff;
mod status;
mod stock;
mod stripe;
mod supply;
mod tidy;
mod wechat;
