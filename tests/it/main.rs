//! Stories, told through HTTP in process, on both engines; and the house rules over the source tree.

mod app;
mod catalog;
mod freight;
mod goods;
mod pg;
mod stock;
mod supply;
mod tidy;
