//! SQL of orders.

pub mod changes;
pub mod read;
pub mod write;
