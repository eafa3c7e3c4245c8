//! Fulfilment over HTTP.

pub mod batches;
pub mod late;
pub mod paper;
pub mod parcels;
pub mod plan;
pub mod waybills;
