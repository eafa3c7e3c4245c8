//! Stories, told through HTTP in process, on both engines; and the house rules over the source tree.

#![expect(clippy::unwrap_used, reason = "a story that can't go on fails right there")]

mod app;
mod assisted;
mod audit;
mod backup;
mod browser;
mod buyer;
mod catalog;
mod edit;
mod freight;
mod goods;
mod holds;
mod imports;
mod imports_later;
mod jobs;
mod links;
mod links_app;
mod links_seen;
mod orders;
mod outbox;
mod pages;
mod pages_after;
mod partner;
mod payments;
mod pg;
mod proposals;
mod reports;
mod staff;
mod stock;
mod supply;
mod tidy;
