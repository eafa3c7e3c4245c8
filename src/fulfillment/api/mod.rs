//! Fulfilment over HTTP.

pub mod batches;
pub mod paper;
pub mod parcels;
pub mod plan;
pub mod waybills;
