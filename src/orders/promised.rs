//! What an order's buyer was promised. It holds its place: the cases are taken of the day's room until the order ends.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::promise::{Dates, Promise};
use crate::clock::Timestamp;

/// The promise as it is kept with its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// 1 when the order was placed; each later one has a reason
    pub version: i64,
    pub ships_on: NaiveDate,
    pub arrives_by: NaiveDate,
    /// with whom it arrives by then; a plan may choose another one that does so too
    pub carrier: String,
    /// cases that it has taken of the day's room: all of the order's that are not cancelled
    pub cases: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Promised {
    pub fn first(promise: &Promise) -> Self {
        Promised {
            version: 1,
            ships_on: promise.ships_on,
            arrives_by: promise.arrives_by,
            carrier: promise.carrier.clone(),
            cases: promise.cases,
            reason: None,
        }
    }

    /// The promise that replaces this one. With the same dates and carrier it is the same one to the buyer, for other
    /// cases.
    pub fn next(&self, promise: &Promise, reason: &str) -> Self {
        let same = self.dates() == promise.dates() && self.carrier == promise.carrier;
        let next = Promised::first(promise);
        if same {
            Promised {
                version: self.version,
                reason: self.reason.clone(),
                ..next
            }
        } else {
            Promised {
                version: self.version + 1,
                reason: Some(reason.to_owned()),
                ..next
            }
        }
    }

    pub fn dates(&self) -> Dates {
        Dates {
            ships_on: self.ships_on,
            arrives_by: self.arrives_by,
        }
    }
}

/// A live order that nothing was promised: it came from a file, or before the village kept a calendar.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Unpromised {
    pub id: Uuid,
    /// when it was paid, or else placed
    pub at: Timestamp,
    /// the province's two digits
    pub province: String,
    pub cases: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_what_the_buyer_was_told() {
        let promise = |ships_on: &str, cases| Promise {
            ships_on: ships_on.parse().unwrap(),
            arrives_by: "2024-01-27".parse().unwrap(),
            carrier: "zto".into(),
            cases,
        };
        let first = Promised::first(&promise("2024-01-24", 2));
        assert_eq!((first.version, &first.reason), (1, &None));
        let more = first.next(&promise("2024-01-24", 3), "买家来电");
        assert_eq!((more.version, more.cases, &more.reason), (1, 3, &None));
        let later = more.next(&promise("2024-01-25", 3), "买家来电");
        assert_eq!((later.version, later.reason.as_deref()), (2, Some("买家来电")));
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(serde_json::from_str::<Promised>(&text).unwrap(), first);
    }
}
