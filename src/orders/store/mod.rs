//! SQL of orders.

pub mod changes;
pub mod hot;
pub mod read;
pub mod write;
