//! Share links.

pub mod board;
pub mod poster;
pub mod qr;
pub mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;

/// Whether a link takes orders now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Open,
    NotYet,
    Closed,
}

pub fn status(
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    now: Timestamp,
) -> Status {
    if closed_at.is_some_and(|at| at <= now) || closes_at.is_some_and(|at| at <= now) {
        Status::Closed
    } else if opens_at.is_some_and(|at| now < at) {
        Status::NotYet
    } else {
        Status::Open
    }
}
