//! Cunji 村集: a shop backend for a village's collective economy. One line per module, from the door down to the floor;
//! imports only go down (ARCHITECTURE.md, "Floors").

// the program
pub mod app;
pub mod bench;
pub mod commands;
pub mod demo;
pub mod jobs;
pub mod routes;
pub mod state;
// the business, upper floors first
pub mod calendar;
pub mod catalog;
pub mod claims;
pub mod console;
pub mod freight;
pub mod fulfillment;
pub mod imports;
pub mod links;
pub mod orders;
pub mod partners;
pub mod payments;
pub mod photos;
pub mod reports;
pub mod stock;
pub mod trace;
pub mod villages;
// what every feature stands on
pub mod address;
pub mod audit;
pub mod backup;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod font;
pub mod id;
pub mod money;
pub mod ops;
pub mod outbox;
pub mod phone;
pub mod web;
