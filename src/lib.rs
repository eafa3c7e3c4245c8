//! Cunji 村集: a shop backend for a village's collective economy. One line per module, from the door down to the floor;
//! imports only go down (ARCHITECTURE.md, "Floors").

pub mod app;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod id;
pub mod money;
pub mod ops;
pub mod routes;
pub mod villages;
pub mod web;
