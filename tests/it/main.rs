//! Stories, told through HTTP in process, on both engines; and the house rules over the source tree.

#![expect(clippy::unwrap_used, reason = "a story that can't go on fails right there")]

mod app;
mod assisted;
mod catalog;
mod edit;
mod freight;
mod goods;
mod links;
mod links_app;
mod links_seen;
mod pg;
mod staff;
mod stock;
mod supply;
mod tidy;
