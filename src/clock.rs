//! Time comes from here and nowhere else, so that a test, a demo or a what-if run can stand still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds from UTC to the shop's day, Asia/Shanghai, which has had no daylight saving since 1991.
const SHANGHAI_MS: i64 = 8 * 3_600_000;

/// An instant in epoch milliseconds; RFC 3339 in UTC outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Parses RFC 3339; `None` when it isn't that.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text)
            .ok()
            .map(|at| Timestamp(at.timestamp_millis()))
    }

    /// RFC 3339 in UTC, with milliseconds only when there are any.
    pub fn to_rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            .unwrap_or_default()
    }

    pub fn plus(self, by: Duration) -> Self {
        Timestamp(
            self.0
                .saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    pub fn minus(self, by: Duration) -> Self {
        Timestamp(
            self.0
                .saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The calendar day in Asia/Shanghai.
    pub fn day(self) -> NaiveDate {
        DateTime::<Utc>::from_timestamp_millis(self.0.saturating_add(SHANGHAI_MS))
            .map(|at| at.date_naive())
            .unwrap_or_default()
    }

    /// `MM-DD HH:MM` in Asia/Shanghai, as pages and paper show it.
    pub fn local_minute(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0.saturating_add(SHANGHAI_MS))
            .map(|at| at.format("%m-%d %H:%M").to_string())
            .unwrap_or_default()
    }
}

/// The instant at which a day begins in Asia/Shanghai.
pub fn start_of_day(day: NaiveDate) -> Timestamp {
    Timestamp(day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis() - SHANGHAI_MS)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        Timestamp::parse(&text)
            .ok_or_else(|| de::Error::custom("not an RFC 3339 instant, like 2024-01-20T08:00:00Z"))
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

/// The program's clock: the machine's, or one that only moves when it is told to.
#[derive(Clone, Debug)]
pub enum Clock {
    Real,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    pub fn fixed(at: Timestamp) -> Self {
        Clock::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place where the machine's time is read"
            )]
            Clock::Real => Timestamp(Utc::now().timestamp_millis()),
            Clock::Fixed(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock on; the real one can't be moved.
    pub fn advance(&self, by: Duration) {
        if let Clock::Fixed(at) = self {
            at.fetch_add(
                i64::try_from(by.as_millis()).unwrap_or(i64::MAX),
                Ordering::SeqCst,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_days() {
        let late = Timestamp::parse("2024-01-20T16:30:00Z").unwrap();
        assert_eq!(late.day().to_string(), "2024-01-21");
        assert_eq!(late.to_rfc3339(), "2024-01-20T16:30:00Z");
        assert_eq!(start_of_day(late.day()).to_rfc3339(), "2024-01-20T16:00:00Z");
        assert_eq!(
            Timestamp::parse("2024-01-20T16:30:00.5+08:00")
                .unwrap()
                .to_rfc3339(),
            "2024-01-20T08:30:00.500Z"
        );
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
