//! What came of a link: views, orders and money, by day; and a summary over hosts and channels.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::Channel;
use super::store::stats::DayOrders;
use crate::error::{Result, invalid, text};
use crate::money::Fen;
use crate::web::input::Check;

/// The newest days of a link's series that are shown; the sums are over all its days.
const MAX_DAYS: usize = 400;

/// The longest span that the summary over hosts takes.
const MAX_SPAN_DAYS: i64 = 366;

/// What a link has brought; cases are those of its orders as placed, paid ones without what was cancelled.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LinkStats {
    pub code: String,
    pub views: i64,
    pub orders: i64,
    pub cases: i64,
    pub paid_orders: i64,
    pub paid_cases: i64,
    /// what came in for paid orders
    #[schema(value_type = i64)]
    pub paid_fen: Fen,
    /// what went back
    #[schema(value_type = i64)]
    pub refunded_fen: Fen,
    pub cancelled: i64,
    pub expired: i64,
    /// oldest first; days on which nothing happened are left out
    pub days: Vec<DayStats>,
}

/// A day in Asia/Shanghai: its views, and the orders placed on it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayStats {
    pub day: String,
    pub views: i64,
    pub orders: i64,
    pub cases: i64,
    pub paid_orders: i64,
    pub paid_cases: i64,
    #[schema(value_type = i64)]
    pub paid_fen: Fen,
}

/// What one host has sold over one channel.
#[derive(Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct HostStats {
    pub host: String,
    pub channel: Channel,
    pub links: i64,
    pub orders: i64,
    pub cases: i64,
    #[schema(value_type = i64)]
    pub paid_fen: Fen,
}

/// Adds up the days of a link.
pub fn summary(code: String, views: Vec<(String, i64)>, orders: &[DayOrders]) -> LinkStats {
    let sum = |number: fn(&DayOrders) -> i64| orders.iter().map(number).sum::<i64>();
    let mut stats = LinkStats {
        code,
        views: views.iter().map(|(_, views)| views).sum(),
        orders: sum(|day| day.orders),
        cases: sum(|day| day.cases),
        paid_orders: sum(|day| day.paid_orders),
        paid_cases: sum(|day| day.paid_cases),
        paid_fen: Fen(sum(|day| day.paid_fen)),
        refunded_fen: Fen(sum(|day| day.refunded_fen)),
        cancelled: sum(|day| day.cancelled),
        expired: sum(|day| day.expired),
        days: Vec::new(),
    };
    let mut days: BTreeMap<String, DayStats> = BTreeMap::new();
    for (day, views) in views {
        day_of(&mut days, day).views = views;
    }
    for placed in orders {
        let day = day_of(&mut days, calendar_day(placed.day));
        day.orders = placed.orders;
        day.cases = placed.cases;
        day.paid_orders = placed.paid_orders;
        day.paid_cases = placed.paid_cases;
        day.paid_fen = Fen(placed.paid_fen);
    }
    let skip = days.len().saturating_sub(MAX_DAYS);
    stats.days = days.into_values().skip(skip).collect();
    stats
}

fn day_of(days: &mut BTreeMap<String, DayStats>, day: String) -> &mut DayStats {
    days.entry(day.clone()).or_insert(DayStats {
        day,
        views: 0,
        orders: 0,
        cases: 0,
        paid_orders: 0,
        paid_cases: 0,
        paid_fen: Fen(0),
    })
}

/// `YYYY-MM-DD` of a number of days since 1970-01-01.
fn calendar_day(number: i64) -> String {
    let day = u64::try_from(number)
        .ok()
        .and_then(|number| NaiveDate::default().checked_add_days(chrono::Days::new(number)));
    day.unwrap_or_default().to_string()
}

/// The span of days that a summary is over, both ends included: by default the thirty days up to today.
///
/// # Errors
/// 422 when a day is no day, or the span is upside down or longer than a year.
pub fn span(from: Option<&str>, to: Option<&str>, today: NaiveDate) -> Result<(NaiveDate, NaiveDate)> {
    let mut check = Check::new();
    let to = to.map(|to| check.day("to", to));
    let from = from.map(|from| check.day("from", from));
    check.finish()?;
    let day = |text: Option<String>, default| text.and_then(|text| text.parse().ok()).unwrap_or(default);
    let to: NaiveDate = day(to, today);
    let from = day(from, to.checked_sub_days(chrono::Days::new(29)).unwrap_or(to));
    if (0..=MAX_SPAN_DAYS).contains(&(to - from).num_days()) {
        return Ok((from, to));
    }
    let message = text(
        "要在 to 之前，最多早一年。",
        "Has to be before `to`, by a year at most.",
    );
    Err(invalid("from", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(day: i64, orders: i64) -> DayOrders {
        DayOrders {
            day,
            orders,
            cases: orders * 2,
            paid_orders: 1,
            paid_cases: 2,
            paid_fen: 13_600,
            refunded_fen: 100,
            cancelled: 1,
            expired: 0,
        }
    }

    #[test]
    fn days_with_views_or_orders_are_merged() {
        // 19742 days after 1970-01-01 is 2024-01-20
        let views = vec![("2024-01-20".to_owned(), 7), ("2024-01-22".to_owned(), 1)];
        let stats = summary("1abc".into(), views, &[placed(19_742, 3), placed(19_743, 1)]);
        assert_eq!((stats.views, stats.orders, stats.cases), (8, 4, 8));
        assert_eq!(
            (stats.paid_orders, stats.paid_cases, stats.paid_fen),
            (2, 4, Fen(27_200))
        );
        assert_eq!(
            (stats.refunded_fen, stats.cancelled, stats.expired),
            (Fen(200), 2, 0)
        );
        let days: Vec<_> = stats
            .days
            .iter()
            .map(|day| (day.day.as_str(), day.views, day.orders, day.paid_fen.0))
            .collect();
        let expected = [
            ("2024-01-20", 7, 3, 13_600),
            ("2024-01-21", 0, 1, 13_600),
            ("2024-01-22", 1, 0, 0),
        ];
        assert_eq!(days, expected);
    }

    #[test]
    fn the_series_is_bounded_and_the_sums_are_whole() {
        let orders: Vec<_> = (19_000..19_500).map(|day| placed(day, 1)).collect();
        let stats = summary("1abc".into(), Vec::new(), &orders);
        assert_eq!((stats.days.len(), stats.orders), (MAX_DAYS, 500));
        assert_eq!(stats.days.last().unwrap().day, calendar_day(19_499));
    }

    #[test]
    fn spans() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let today = day("2024-01-20");
        let cases = [
            (None, None, Some(("2023-12-22", "2024-01-20"))),
            (None, Some("2024-01-30"), Some(("2024-01-01", "2024-01-30"))),
            (Some("2024-01-20"), None, Some(("2024-01-20", "2024-01-20"))),
            (Some("2024-01-21"), None, None),
            (Some("2022-01-20"), None, None),
            (Some("soon"), None, None),
            (None, Some("2024-02-30"), None),
        ];
        for (from, to, expected) in cases {
            let expected = expected.map(|(from, to)| (day(from), day(to)));
            assert_eq!(span(from, to, today).ok(), expected, "{from:?} {to:?}");
        }
    }
}
