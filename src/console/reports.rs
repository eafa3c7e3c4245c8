//! Figures with pictures, and the same figures as files for spreadsheets.

use askama::Template;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;

use super::desk::{Desk, Place, Shell};
use super::plot::{self, Bar};
use super::today::short_day;
use super::words;
use crate::error::Result;
use crate::links::stats::span;
use crate::money::Fen;
use crate::reports::api::{backlog_now, channels_between, sales_between};
use crate::reports::{Backlog, ChannelSales, SalesDay};
use crate::web::json::Query;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

#[derive(Template)]
#[template(path = "console/reports.html")]
struct ReportsPage {
    shell: Shell,
    from: String,
    to: String,
    notice: Option<String>,
    days: Vec<SalesDay>,
    channels: Vec<ChannelSales>,
    backlog: Backlog,
    plot: String,
}

impl ReportsPage {
    fn orders(&self) -> i64 {
        self.days.iter().map(|day| day.orders).sum()
    }

    fn cases(&self) -> i64 {
        self.days.iter().map(|day| day.cases).sum()
    }

    fn net(&self) -> Fen {
        Fen(self
            .days
            .iter()
            .map(|day| day.captured_fen.0 - day.refunded_fen.0)
            .sum())
    }

    fn channel(&self, row: &ChannelSales) -> String {
        let name = words::channel(self.shell.lang, &row.channel);
        match row.host.as_str() {
            "" => name.to_owned(),
            host => format!("{name} · {host}"),
        }
    }

    fn share_of_channel(&self, row: &ChannelSales) -> String {
        let most = self.channels.iter().map(|row| row.cases).max();
        plot::share(row.cases, most.unwrap_or(1))
    }

    fn share_of_province(&self, cases: &i64) -> String {
        let most = self.backlog.by_province.iter().map(|row| row.cases).max();
        plot::share(*cases, most.unwrap_or(1))
    }

    fn share_of_sku(&self, cases: &i64) -> String {
        let most = self.backlog.by_sku.iter().map(|row| row.cases).max();
        plot::share(*cases, most.unwrap_or(1))
    }

    /// The query of the files to download.
    fn query(&self) -> String {
        format!("from={}&to={}", self.from, self.to)
    }
}

pub async fn page(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let some = |day: &str| Some(day.to_owned()).filter(|day| !day.is_empty());
    let (wanted_from, wanted_to) = (some(&asked.from), some(&asked.to));
    let today = desk.by.at.day();
    let (span, notice) = match span(wanted_from.as_deref(), wanted_to.as_deref(), today) {
        Ok(span) => (span, None),
        Err(error) => {
            let problem = crate::web::form::mendable(error)?;
            (
                span(None, None, today)?,
                Some(desk.lang.pick(problem.words()).to_owned()),
            )
        }
    };
    let (from, to): (NaiveDate, NaiveDate) = span;
    let village = desk.by.staff.village;
    let days = sales_between(&desk.db, village, from, to).await?;
    let bars: Vec<Bar> = from
        .iter_days()
        .take_while(|day| *day <= to)
        .map(|day| {
            let name = day.to_string();
            let value = days
                .iter()
                .find(|sold| sold.day == name)
                .map_or(0, |sold| sold.cases);
            Bar {
                label: short_day(desk.lang, &name),
                value,
                words: format!("{name}: {value}"),
            }
        })
        .collect();
    let page = ReportsPage {
        shell: desk.shell(Place::Reports).await?,
        plot: plot::columns(desk.t("每天卖出的箱数", "Cases sold per day"), &bars),
        channels: channels_between(&desk.db, village, from, to).await?,
        backlog: backlog_now(&desk.db, village).await?,
        from: from.to_string(),
        to: to.to_string(),
        notice,
        days,
    };
    desk.show(&page)
}
