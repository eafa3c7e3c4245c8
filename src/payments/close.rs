//! The day's money over HTTP, and every night by itself.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::daily::{self, Difference, Finding};
use super::provider::{Fault, Moved, Way, statement_after};
use super::reconcile::Reconciler;
use super::store::daily::{self as store};
use super::{by_provider, errand};
use crate::clock::{Timestamp, start_of_day};
use crate::error::{Error, Problem, Result, conflict, invalid, text};
use crate::id::{VillageId, parse_order_token};
use crate::money::{Fen, Method};
use crate::villages::auth::By;
use crate::web::download::{Format, file};
use crate::web::edge::Lang;
use crate::web::input::Check;
use crate::web::json::{Json, Query};

/// How long before a day lines of the provider may belong to it: Stripe sends an event for three days.
const LATE: Duration = Duration::from_secs(3 * 86_400);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayQuery {
    /// today, when it is left out
    day: Option<String>,
    /// the provider: `stripe` (when nothing is said) or `wechat`
    provider: Option<String>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseQuery {
    day: Option<String>,
}

/// A provider's day against ours.
#[derive(Serialize, ToSchema)]
pub struct Reconciliation {
    pub day: String,
    pub provider: Method,
    pub theirs_in_fen: Fen,
    pub theirs_out_fen: Fen,
    pub differences: Vec<Difference>,
    pub unexplained_fen: Fen,
}

/// A day's money by every way of paying.
#[derive(Serialize, ToSchema)]
pub struct DailyClose {
    pub day: String,
    pub methods: Vec<MethodDay>,
    pub unexplained_fen: Fen,
    /// nothing is left unexplained
    pub closes: bool,
}

#[derive(Serialize, ToSchema)]
pub struct MethodDay {
    pub method: Method,
    pub payments: i64,
    pub in_fen: Fen,
    pub refunds: i64,
    pub out_fen: Fen,
    /// of payments that staff had confirmed, on this day or before, and that never came
    pub reversed_fen: Fen,
    /// 0 for ways of paying whose evidence staff enter themselves
    pub unexplained_fen: Fen,
    /// from when on the provider's bill of that day can be had, while it can't: until then the day does not close
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
}

/// A day's first instant and that after its last.
fn span(day: Option<&str>, by: &By) -> Result<(Timestamp, Timestamp)> {
    let mut check = Check::new();
    let day = match day {
        Some(day) => check.day("day", day).parse::<NaiveDate>(),
        None => Ok(by.at.day()),
    };
    let is_sane = day
        .as_ref()
        .map_or(true, |day| (2000..2200).contains(&day.year()));
    check.require(
        is_sane,
        "day",
        text("日期不在范围内。", "The day is out of range."),
    );
    check.finish()?;
    let day = day.map_err(anyhow::Error::from)?;
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    Ok((start_of_day(day), start_of_day(next)))
}

fn provider(asked: Option<&str>) -> Result<Method> {
    match asked {
        None | Some("stripe") => Ok(Method::Stripe),
        Some("wechat") => Ok(Method::Wechat),
        Some(_) => {
            let message = text("有 stripe 和 wechat。", "There are stripe and wechat.");
            Err(invalid("provider", message))
        }
    }
}

pub async fn reconciliation(
    reconciler: Reconciler,
    by: By,
    lang: Lang,
    Query(query): Query<DayQuery>,
) -> Result<Response> {
    let (method, span) = (
        provider(query.provider.as_deref())?,
        span(query.day.as_deref(), &by)?,
    );
    let day = compare(&reconciler, by.staff.village, method, span, lang)
        .await
        .map_err(unreachable)?;
    Ok(match query.format {
        Format::Json => Json(day).into_response(),
        format => file(format, span.0, "reconciliation", &daily::table(&day.differences))?,
    })
}

pub async fn daily_close(
    reconciler: Reconciler,
    by: By,
    lang: Lang,
    Query(query): Query<CloseQuery>,
) -> Result<Json<DailyClose>> {
    let (village, span) = (by.staff.village, span(query.day.as_deref(), &by)?);
    let mut methods = Vec::new();
    for sum in store::sums(&reconciler.db, village, span.0, span.1).await? {
        methods.push(MethodDay {
            method: sum.method,
            payments: sum.payments,
            in_fen: sum.in_fen,
            refunds: sum.refunds,
            out_fen: sum.out_fen,
            reversed_fen: sum.reversed_fen,
            unexplained_fen: Fen::ZERO,
            waits_until: None,
        });
    }
    for method in [Method::Stripe, Method::Wechat] {
        if !reconciler.providers.has(method) {
            continue;
        }
        let (unexplained_fen, waits_until) = match waits_until(&reconciler, method, span.1) {
            Some(until) => (Fen::ZERO, Some(until)),
            None => {
                let day = compare(&reconciler, village, method, span, lang).await;
                (day.map_err(unreachable)?.unexplained_fen, None)
            }
        };
        match methods.iter_mut().find(|row| row.method == method) {
            Some(row) => (row.unexplained_fen, row.waits_until) = (unexplained_fen, waits_until),
            None if unexplained_fen > Fen::ZERO || waits_until.is_some() => methods.push(MethodDay {
                method,
                payments: 0,
                in_fen: Fen::ZERO,
                refunds: 0,
                out_fen: Fen::ZERO,
                reversed_fen: Fen::ZERO,
                unexplained_fen,
                waits_until,
            }),
            None => {}
        }
    }
    let has_all = methods.iter().all(|row| row.waits_until.is_none());
    let unexplained_fen = Fen(methods.iter().map(|row| row.unexplained_fen.0).sum());
    Ok(Json(DailyClose {
        day: span.0.day().to_string(),
        methods,
        unexplained_fen,
        closes: has_all && unexplained_fen == Fen::ZERO,
    }))
}

/// Why a day can't be compared.
enum Stopped {
    Provider(Fault),
    /// the provider's books of that day are there from then on
    Early(Timestamp),
    Us(Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Stopped::Us(error)
    }
}

fn unreachable(stopped: Stopped) -> Error {
    match stopped {
        Stopped::Us(error) => error,
        Stopped::Early(until) => {
            let until = until.to_rfc3339();
            let detail = text(
                format!("这一天的账单要到 {until} 才有。"),
                format!("The bill of this day is there from {until} on."),
            );
            conflict("no-bill-yet", detail)
        }
        Stopped::Provider(fault @ (Fault::Refused(_) | Fault::Missing)) => {
            let detail = text(
                format!("支付服务商没有给出这一天的账：{fault}。"),
                format!("The payment service does not give this day's books: {fault}."),
            );
            conflict("no-bill", detail)
        }
        Stopped::Provider(fault) => {
            let detail = text(
                format!("支付服务商现在查不到：{fault}。"),
                format!("The payment service can't be asked now: {fault}."),
            );
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "payment-service-down", detail)
                .retry_after(60)
                .into()
        }
    }
}

/// From when on a provider's books of a day that ends at `to` can be had, if that is still to come.
fn waits_until(reconciler: &Reconciler, method: Method, to: Timestamp) -> Option<Timestamp> {
    let ready = to.plus(statement_after(method)?);
    (reconciler.providers.has(method) && reconciler.clock.now() < ready).then_some(ready)
}

async fn compare(
    reconciler: &Reconciler,
    village: VillageId,
    method: Method,
    (from, to): (Timestamp, Timestamp),
    lang: Lang,
) -> Result<Reconciliation, Stopped> {
    if let Some(until) = waits_until(reconciler, method, to) {
        return Err(Stopped::Early(until));
    }
    // without its settings there is nobody to ask, and what we have of it stays unconfirmed
    let mut theirs = match reconciler.providers.has(method) {
        true => {
            let told = reconciler.providers.statement(method, from.minus(LATE), to);
            told.await.map_err(Stopped::Provider)?
        }
        false => Vec::new(),
    };
    // what carries another village's name is that village's
    theirs.retain(|line| {
        line.token
            .as_deref()
            .and_then(parse_order_token)
            .is_none_or(|(of, _)| of == village)
    });
    let names: Vec<&str> = theirs.iter().map(|line| line.name.as_str()).collect();
    let ours = store::ours(&reconciler.db, village, method, (from, to), &names).await?;
    let differences = daily::compare(&ours, &theirs, from, to, lang);
    let sum = |way: Way| {
        let of_the_day = |line: &&Moved| line.way == way && from <= line.at && line.at < to;
        Fen(theirs
            .iter()
            .filter(of_the_day)
            .filter_map(|line| line.amount)
            .map(|fen| fen.0)
            .sum())
    };
    Ok(Reconciliation {
        day: from.day().to_string(),
        provider: method,
        theirs_in_fen: sum(Way::In),
        theirs_out_fen: sum(Way::Out),
        unexplained_fen: Fen(differences.iter().map(|row| row.gap().0).sum()),
        differences,
    })
}

/// Compares yesterday in every village, looks once more at what only the provider knows of, and says what is left.
///
/// # Errors
/// The database; a provider that can't be asked.
pub async fn nightly(reconciler: &Reconciler, villages: &[VillageId]) -> Result<String> {
    let today = start_of_day(reconciler.clock.now().day());
    let span = (today.minus(Duration::from_secs(86_400)), today);
    // a line that names nothing of ours stands in every village's list, and is one difference all the same
    let mut left = HashSet::new();
    for method in [Method::Stripe, Method::Wechat]
        .into_iter()
        .filter(|method| by_provider(*method))
    {
        if !reconciler.providers.has(method) || waits_until(reconciler, method, span.1).is_some() {
            continue;
        }
        for village in villages {
            let day = compare(reconciler, *village, method, span, Lang::Zh)
                .await
                .map_err(unreachable)?;
            for difference in day
                .differences
                .iter()
                .filter(|it| it.finding == Finding::TheirsOnly)
            {
                look_again(reconciler, difference).await?;
            }
            let day = compare(reconciler, *village, method, span, Lang::Zh)
                .await
                .map_err(unreachable)?;
            for difference in &day.differences {
                tracing::warn!(village = village.0, day = day.day, name = difference.name, finding = ?difference.finding,
                    "our books and the provider's differ");
            }
            left.extend(day.differences.into_iter().map(|it| (it.way, it.name)));
        }
    }
    Ok(format!("{} differences left", left.len()))
}

/// Money that came, or went, without our hearing of it.
async fn look_again(reconciler: &Reconciler, difference: &Difference) -> Result<()> {
    let Some((village, id)) = difference.token.as_deref().and_then(parse_order_token) else {
        return Ok(());
    };
    match difference.way {
        Way::In => reconciler.payment(village, id, None).await?,
        Way::Out => errand::refund(reconciler, village, id).await?,
    };
    Ok(())
}
