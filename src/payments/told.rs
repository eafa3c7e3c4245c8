//! Money that only staff have seen: what they say of it, and what follows for an order that was paid too little or too
//! much. Pure: the acts are in `confirm.rs` and `reverse.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::money::{Fen, Method};

/// How long goods are kept while people sort out an order's money: while a second person has not agreed yet, and after
/// a payment was reversed.
pub const SORTING_TIME: Duration = Duration::from_secs(24 * 3_600);

/// How money reached the collective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Bank,
    Alipay,
    Wechat,
    Cash,
    Other,
}

/// How far a confirmation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// a second person has to agree first
    Waiting,
    /// it is a payment
    Counted,
    /// nobody agreed, and it was given up
    TakenBack,
    /// it counted, and its money never came
    Reversed,
}

/// Whether one more confirmation needs a second person: when it takes what one person alone has confirmed of its order
/// beyond the village's limit. So a large amount does not pass in small parts.
pub fn needs_second(limit: Fen, alone: Fen, amount: Fen) -> bool {
    limit > Fen::ZERO && alone.0.saturating_add(amount.0) > limit.0
}

/// Whether staff confirm this way of paying, and so may say that they were wrong.
pub fn is_told(method: Method) -> bool {
    matches!(method, Method::Transfer | Method::Cod)
}

/// What is too much of the money that an order keeps. `kept` is what came, less what was reversed, is back, or is on its
/// way back; `worth` is the order's price, and nothing once it has ended.
pub fn surplus(kept: Fen, worth: Fen) -> Fen {
    Fen((kept.0 - worth.0).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_person_is_needed_above_the_limit_only() {
        for (limit, alone, amount, needed) in [
            (500_000, 0, 500_000, false),
            (500_000, 0, 500_001, true),
            (500_000, 300_000, 200_000, false),
            (500_000, 300_000, 200_001, true),
            (0, 0, i64::MAX, false),
            (1, i64::MAX, i64::MAX, true),
        ] {
            assert_eq!(
                needs_second(Fen(limit), Fen(alone), Fen(amount)),
                needed,
                "{limit} {alone} {amount}"
            );
        }
    }

    #[test]
    fn only_what_staff_say_can_be_taken_back() {
        for method in [Method::Stripe, Method::Wechat, Method::Practice, Method::Platform] {
            assert!(!is_told(method), "{method:?}");
        }
        assert!(is_told(Method::Transfer) && is_told(Method::Cod));
        assert_eq!(surplus(Fen(110), Fen(100)), Fen(10));
        assert_eq!(surplus(Fen(90), Fen(100)), Fen::ZERO);
    }
}
