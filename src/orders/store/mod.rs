//! SQL of orders.

pub mod read;
pub mod write;
