//! The staff console: pages over the same calls that programs use. A page shows what a call answers and sends what a
//! call takes, in process; so it can do nothing that a program with the same role could not do.
//!
//! One file per noun. `desk` is the frame: who sits there, what the pages ask, what they say once.

pub mod act;
pub mod batches;
pub mod claims;
pub mod count;
pub mod deal;
pub mod desk;
pub mod door;
pub mod edit;
pub mod import;
pub mod late;
pub mod links;
pub mod live;
pub mod log;
pub mod money;
pub mod order;
pub mod orders;
pub mod packing;
pub mod parcels;
pub mod place;
pub mod plan;
pub mod plot;
pub mod products;
pub mod reports;
pub mod settings;
pub mod show;
pub mod skus;
pub mod stock;
mod store;
pub mod strip;
pub mod team;
pub mod today;
pub mod told;
pub mod waybills;
pub mod what_if;
pub mod words;
