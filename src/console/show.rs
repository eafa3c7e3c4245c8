//! One link: what to hand out, what came of it, and closing it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::desk::{Desk, Place, Shell, Undo};
use super::plot::{self, Bar};
use super::today::short_day;
use super::words;
use crate::error::{Result, text};
use crate::links::api::{self, Code, find, url};
use crate::links::stats::LinkStats;
use crate::links::store::{LinkRow, OfferRow};
use crate::links::{LinkChange, Status, status};
use crate::money::Fen;
use crate::villages::Role;
use crate::web::form::Posted;
use crate::web::json::Json;

/// Days of the plot.
const DAYS: usize = 31;

#[derive(Template)]
#[template(path = "console/link.html")]
struct LinkPage {
    shell: Shell,
    link: LinkRow,
    offers: Vec<OfferRow>,
    status: Status,
    url: String,
    /// none for who may not see figures
    stats: Option<LinkStats>,
    plot: String,
}

impl LinkPage {
    fn badge(&self) -> words::Badge {
        words::link_status(self.shell.lang, self.status)
    }

    fn channel(&self) -> String {
        let name = serde_json::json!(self.link.channel);
        words::channel(self.shell.lang, name.as_str().unwrap_or_default()).to_owned()
    }

    fn may_change(&self) -> bool {
        self.shell.may(&[Role::Manager, Role::Host])
    }

    fn is_closed_by_hand(&self) -> bool {
        self.link.closed_at.is_some()
    }

    fn net(&self, stats: &LinkStats) -> Fen {
        Fen(stats.paid_fen.0 - stats.refunded_fen.0)
    }
}

pub async fn page(desk: Desk, Code(code): Code) -> Result<Response> {
    let (link, offers) = find(&desk.db, &desk.by, &code).await?;
    let stats = match desk.role() {
        Role::Packer => None,
        _ => {
            let Json(stats) = api::link_stats(State(desk.db.clone()), Code(code), desk.by.clone()).await?;
            Some(stats)
        }
    };
    let days = stats
        .iter()
        .flat_map(|stats| stats.days.iter().rev().take(DAYS).rev());
    let bars: Vec<Bar> = days
        .map(|day| Bar {
            label: short_day(desk.lang, &day.day),
            value: day.cases,
            words: format!("{}: {} / {}", day.day, day.cases, day.views),
        })
        .collect();
    let page = LinkPage {
        shell: desk.shell(Place::Links).await?,
        status: status(link.opens_at, link.closes_at, link.closed_at, desk.by.at),
        url: url(&desk.url.0, &link.code),
        plot: match bars.is_empty() {
            true => String::new(),
            false => plot::columns(desk.t("每天卖出的箱数", "Cases sold per day"), &bars),
        },
        stats,
        link,
        offers,
    };
    desk.show(&page)
}

/// Closes a link at once; taking that back opens it again.
pub async fn close(desk: Desk, Code(code): Code, posted: Posted) -> Result<Response> {
    let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
    api::close(db, url, Code(code.clone()), desk.by.clone()).await?;
    let undo = Undo {
        action: format!("/console/links/{code}/open"),
        fields: back_field(&posted),
    };
    let said = text(
        "链接已关闭，买家不能再下单。",
        "The link is closed; nobody can order any more.",
    );
    desk.done_undo(&back(&code, &posted), &said, Some(undo))
}

/// Opens a link again that was closed by hand.
pub async fn open(desk: Desk, Code(code): Code, posted: Posted) -> Result<Response> {
    let change = LinkChange {
        closed: Some(false),
        ..LinkChange::default()
    };
    let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
    api::change(db, url, Code(code.clone()), desk.by.clone(), Json(change)).await?;
    desk.done(
        &back(&code, &posted),
        &text("链接又开了。", "The link is open again."),
    )
}

pub async fn copy(desk: Desk, Code(code): Code, _: Posted) -> Result<Response> {
    let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
    let (_, Json(link)) = api::copy(db, url, Code(code), desk.by.clone()).await?;
    let said = text(
        "复制好了，改一改再发。",
        "Copied; change it as you like, then share it.",
    );
    desk.done(&format!("/console/links/{}/edit", link.code), &said)
}

/// Where an act on a link leads: the board that it was pressed on, or the link's page.
pub fn back(code: &str, posted: &Posted) -> String {
    match posted.get("back") {
        "live" => format!("/console/links/{code}/live"),
        _ => format!("/console/links/{code}"),
    }
}

fn back_field(posted: &Posted) -> Vec<(String, String)> {
    match posted.get("back") {
        "live" => vec![("back".to_owned(), "live".to_owned())],
        _ => Vec::new(),
    }
}
