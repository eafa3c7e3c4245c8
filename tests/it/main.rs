//! Stories, told through HTTP in process, on both engines; and the house rules over the source tree.

#![expect(clippy::unwrap_used, reason = "a story that can't go on fails right there")]

mod app;
mod browser;
mod catalog;
mod freight;
mod goods;
mod pages;
mod pages_after;
mod pg;
mod stock;
mod supply;
mod tidy;
