//! HTTP plumbing: what every request passes, and what handlers share. Nothing here knows what is sold.

pub mod download;
pub mod edge;
pub mod export;
pub mod files;
pub mod form;
pub mod input;
pub mod json;
pub mod listing;
pub mod openapi;
