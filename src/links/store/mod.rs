//! SQL of links.

pub mod board;
