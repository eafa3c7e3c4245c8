//! The late list: which orders can't arrive in time, whom to ask, and what they answered.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::desk::{Desk, Place, Shell};
use super::words::Badge;
use crate::error::{Error, Result, text};
use crate::fulfillment::api::late::{self, AskLate, AskOutcome, LateList, LateQuery, LateQuestion};
use crate::fulfillment::late::LateOrder;
use crate::orders::late::{Answer, State as LateState};
use crate::villages::Role;
use crate::web::form::{Posted, mendable};
use crate::web::json::{Json, Query};

const ROWS: i64 = 50;

/// Late orders that are shown, and asked about at once.
const MAX_SHOWN: usize = 100;

/// Hours that buyers have to answer, as the page offers them.
const HOURS: [u64; 4] = [24, 12, 48, 72];

#[derive(Template)]
#[template(path = "console/late.html")]
struct LatePage {
    shell: Shell,
    late: Vec<LateOrder>,
    /// late orders that are not shown
    more: usize,
    list: LateList,
    hours: [u64; 4],
    notice: Option<String>,
}

impl LatePage {
    fn may_ask(&self) -> bool {
        self.shell.is_manager()
    }

    fn has_more(&self) -> bool {
        self.more > 0
    }

    /// The plan's words in the reader's language.
    fn reason<'a>(&self, reason: &'a str) -> &'a str {
        match reason.split_once(" / ") {
            Some((zh, en)) => self.shell.lang.say(zh, en),
            None => reason,
        }
    }

    fn answer(&self, answer: &Answer) -> &'static str {
        let lang = self.shell.lang;
        match answer {
            Answer::Carrier => lang.say("换快递", "another carrier"),
            Answer::After => lang.say("节后再发", "after the festival"),
            Answer::Refund => lang.say("退款", "money back"),
        }
    }

    fn badge(&self, row: &LateQuestion) -> Badge {
        let lang = self.shell.lang;
        match row.state {
            LateState::Asked => (lang.say("等回答", "Asked"), "wait"),
            LateState::Answered => (lang.say("已回答", "Answered"), "done"),
            LateState::Defaulted => (lang.say("按默认办", "Default taken"), "done"),
            LateState::Ended => (lang.say("已关闭", "Closed"), "off"),
        }
    }

    fn is_open(&self, row: &LateQuestion) -> bool {
        row.state == LateState::Asked
    }
}

#[derive(Default, Deserialize)]
pub struct Asked {
    after: Option<String>,
}

pub async fn page(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    show(&desk, asked, None).await
}

async fn show(desk: &Desk, asked: Asked, mut notice: Option<String>) -> Result<Response> {
    let query = LateQuery {
        limit: Some(ROWS),
        after: asked.after.filter(|after| !after.is_empty()),
        state: None,
    };
    let url = State(desk.url.clone());
    let Json(list) = late::list(State(desk.db.clone()), url, desk.by.clone(), Query(query)).await?;
    let mut orders = Vec::new();
    if desk.is(&[Role::Manager]) {
        match late::to_ask(&desk.db, &desk.by).await {
            Ok(late) => orders = late,
            // without carriers there is no plan, and the page says so
            Err(error) => notice = notice.or(Some(words(desk, error)?)),
        }
    }
    let more = orders.len().saturating_sub(MAX_SHOWN);
    orders.truncate(MAX_SHOWN);
    let page = LatePage {
        shell: desk.shell(Place::More).await?,
        late: orders,
        more,
        list,
        hours: HOURS,
        notice,
    };
    desk.show(&page)
}

/// What an error says, in the reader's language.
fn words(desk: &Desk, error: Error) -> Result<String> {
    let problem = mendable(error)?;
    let first = problem.errors.into_iter().next();
    let said = first.map_or(problem.detail, |first| first.message);
    Ok(desk.lang.pick(&said).to_owned())
}

/// Asks the buyers of the ticked orders.
pub async fn ask(desk: Desk, posted: Posted) -> Result<Response> {
    let orders: Vec<String> = posted.all("order").take(MAX_SHOWN).map(str::to_owned).collect();
    if orders.is_empty() {
        let notice = desk.t("请先勾选订单。", "Please tick some orders first.");
        return show(&desk, Asked::default(), Some(notice.to_owned())).await;
    }
    let hours = posted.get("hours").parse().ok();
    let hours = hours.filter(|hours| HOURS.contains(hours)).unwrap_or(HOURS[0]);
    let input = AskLate {
        orders,
        answer_by: desk.by.at.plus(Duration::from_secs(hours * 3_600)),
        default: match posted.get("default") {
            "refund" => Answer::Refund,
            _ => Answer::After,
        },
        shop_pays: posted.has("shop_pays"),
        as_of: None,
        deadline: None,
    };
    let url = State(desk.url.clone());
    let asked = late::ask(State(desk.db.clone()), url, desk.by.clone(), Json(input)).await;
    match asked {
        Ok(Json(view)) => {
            let asked = view.results.iter().filter(|it| it.outcome == AskOutcome::Asked);
            let (asked, all) = (asked.count(), view.results.len());
            let undated = view.results.iter().any(|it| it.outcome == AskOutcome::NoDate);
            let mut said = text(
                format!("{all} 单里问了 {asked} 单；把下面的话发给买家。"),
                format!("Asked about {asked} of {all}; send the words below to the buyers."),
            );
            if undated {
                said.zh
                    .push_str("有的订单节后也排不上：加产能，或把默认改成退款。");
                said.en.push_str(
                    " Some find no day after the festival: add capacity, or let money back be the default.",
                );
            }
            desk.done("/console/late", &said)
        }
        Err(error) => {
            let notice = words(&desk, error)?;
            show(&desk, Asked::default(), Some(notice)).await
        }
    }
}
