//! From a paid order to the carrier's van.

pub mod paper;
