//! Counting the store room: what was counted against what is booked, and the differences booked after a look.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::desk::{Desk, Place, Shell};
use super::stock::{adjustment, items, lots};
use crate::error::{Result, text};
use crate::stock::api;
use crate::web::form::{Posted, mendable, whole};
use crate::web::json::Json;

/// Lots that a count asks for at once.
const MAX_COUNTED: usize = 500;

/// A lot under the counting hand.
struct Counted {
    key: String,
    name: String,
    booked: i64,
    typed: String,
    error: Option<String>,
    /// counted less booked; none where nothing was typed
    change: Option<i64>,
}

#[derive(Template)]
#[template(path = "console/count.html")]
struct CountPage {
    shell: Shell,
    lots: Vec<Counted>,
    /// the differences are shown, and the next press books them
    checked: bool,
    notice: Option<String>,
}

impl CountPage {
    fn changes(&self) -> usize {
        self.lots
            .iter()
            .filter(|lot| lot.change.is_some_and(|change| change != 0))
            .count()
    }
}

pub async fn form(desk: Desk) -> Result<Response> {
    count_page(&desk, &Posted::default(), false, None).await
}

async fn count_page(desk: &Desk, posted: &Posted, checked: bool, notice: Option<String>) -> Result<Response> {
    let page = CountPage {
        shell: desk.shell(Place::Stock).await?,
        lots: counted(desk, posted).await?,
        checked,
        notice,
    };
    desk.show(&page)
}

async fn counted(desk: &Desk, posted: &Posted) -> Result<Vec<Counted>> {
    let lots = lots(&items(desk).await?);
    let counted = lots.into_iter().take(MAX_COUNTED).map(|(key, name, booked)| {
        let typed = posted.get(&format!("count.{key}")).trim().to_owned();
        let number = match typed.as_str() {
            "" => Ok(None),
            typed => whole(typed).map(Some),
        };
        let negative = text("不能小于 0。", "It can't be below 0.");
        let number = number.and_then(|number| {
            if number < Some(0) && number.is_some() {
                Err(negative)
            } else {
                Ok(number)
            }
        });
        Counted {
            error: number
                .as_ref()
                .err()
                .map(|words| desk.lang.pick(words).to_owned()),
            change: number.ok().flatten().map(|number| number.saturating_sub(booked)),
            key,
            name,
            booked,
            typed,
        }
    });
    Ok(counted.collect())
}

/// Shows the differences first, and books them lot by lot when they are confirmed.
pub async fn count(desk: Desk, posted: Posted) -> Result<Response> {
    let lots = counted(&desk, &posted).await?;
    let wrong = lots.iter().any(|lot| lot.error.is_some());
    let changed: Vec<&Counted> = lots
        .iter()
        .filter(|lot| lot.change.is_some_and(|change| change != 0))
        .collect();
    if wrong || posted.get("act") != "do" {
        return count_page(&desk, &posted, !wrong && !changed.is_empty(), None).await;
    }
    let reason = desk.t("盘点", "Count");
    let mut done = 0;
    for lot in &changed {
        let input = adjustment(&lot.key, lot.change.unwrap_or(0), reason)?;
        if let Err(error) = api::adjust(State(desk.db.clone()), desk.by.clone(), Json(input)).await {
            let why = desk.lang.pick(&mendable(error)?.detail).to_owned();
            return count_page(&desk, &posted, false, Some(format!("{}：{why}", lot.name))).await;
        }
        done += 1;
    }
    let said = text(
        format!("盘点完成，改了 {done} 批。"),
        format!("Counted; {done} lots were set right."),
    );
    desk.done("/console/stock", &said)
}
