//! SQL of orders.

pub mod changes;
pub mod claims;
pub mod ending;
pub mod hot;
pub mod late;
pub mod promised;
pub mod read;
pub mod write;
