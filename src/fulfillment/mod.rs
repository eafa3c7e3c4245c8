//! From the paid backlog to the buyer's door.

pub mod plan;
