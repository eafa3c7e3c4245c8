//! Money: whole 分 (fen, a hundredth of a yuan), checked arithmetic, no floats.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in 分.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    sqlx::Type,
    utoipa::ToSchema,
)]
#[sqlx(transparent)]
#[serde(transparent)]
pub struct Fen(pub i64);

/// The most that one amount may be: ten million yuan. Keeps every sum of a shop far from overflow.
pub const MAX_FEN: i64 = 1_000_000_000;

impl Fen {
    pub const ZERO: Fen = Fen(0);

    pub fn checked_add(self, other: Fen) -> Option<Fen> {
        self.0.checked_add(other.0).map(Fen)
    }

    pub fn checked_sub(self, other: Fen) -> Option<Fen> {
        self.0.checked_sub(other.0).map(Fen)
    }

    pub fn checked_times(self, count: i64) -> Option<Fen> {
        self.0.checked_mul(count).map(Fen)
    }

    /// Whether a person may have typed this as a price or payment.
    pub fn is_sane(self) -> bool {
        (0..=MAX_FEN).contains(&self.0)
    }
}

/// Yuan with two decimals, as people read it.
impl fmt::Display for Fen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(
            out,
            "{sign}{}.{:02}",
            self.0.unsigned_abs() / 100,
            self.0.unsigned_abs() % 100
        )
    }
}

/// A way in which money comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type, utoipa::ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Stripe,
    Wechat,
    /// to the collective's account, confirmed by staff
    Transfer,
    /// cash on delivery
    Cod,
    /// play money
    Practice,
    /// taken by another platform, whose order file we imported
    Platform,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_yuan() {
        for (fen, text) in [(0, "0.00"), (5, "0.05"), (6800, "68.00"), (-105, "-1.05")] {
            assert_eq!(Fen(fen).to_string(), text);
        }
        assert_eq!(Fen(i64::MAX).checked_add(Fen(1)), None);
    }
}
