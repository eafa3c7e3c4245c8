//! What if: more hands on a day, a carrier that stops earlier, a lot that has spoiled. Asks only; nothing is kept.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Place, Shell};
use super::plan::{figures, name_of};
use super::stock;
use crate::calendar::{Carrier, EVERYWHERE, Stop, api as calendar};
use crate::error::{Error, Result, invalid, text};
use crate::fulfillment::api::plan::{self, WhatIfView};
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, parse};

/// Orders and parcels that the page names.
const LISTED: usize = 100;

#[derive(Template)]
#[template(path = "console/what-if.html")]
struct WhatIfPage {
    shell: Shell,
    form: Form,
    answer: Option<WhatIfView>,
    figures: Vec<(&'static str, String, String)>,
}

impl WhatIfPage {
    fn some<'a>(&self, orders: &'a [String]) -> &'a [String] {
        orders.get(..LISTED).unwrap_or(orders)
    }
}

async fn carriers(desk: &Desk) -> Result<Vec<Carrier>> {
    let Json(carriers) = calendar::carriers(State(desk.db.clone()), desk.by.clone()).await?;
    Ok(carriers.items)
}

async fn form(desk: &Desk) -> Result<Form> {
    let t = |zh, en| desk.t(zh, en);
    let none = [(String::new(), t("不变", "no change").to_owned())];
    let carriers = carriers(desk).await?;
    let carriers = carriers
        .iter()
        .map(|it| (it.carrier.clone(), name_of(it).to_owned()));
    let lots = stock::lots(&stock::items(desk).await?)
        .into_iter()
        .map(|(key, name, _)| (key, name));
    Ok(
        Form::new(desk.lang, "/console/plan/what-if", t("算一算", "Work it out"))
            .with(
                Field::new(Kind::Day, "deadline", t("最晚哪天到", "Arrival at the latest"))
                    .hint(t(
                        "不填就按答应买家的日子。",
                        "Left empty, what was promised counts.",
                    ))
                    .optional(),
            )
            .with(
                Field::new(Kind::Day, "day", t("哪天多来人手", "A day with more hands"))
                    .optional()
                    .half(),
            )
            .with(
                Field::new(Kind::Number, "cases", t("那天打包多少箱", "Cases packed on it"))
                    .max(7)
                    .optional()
                    .half(),
            )
            .with(
                Field::new(
                    Kind::Pick,
                    "carrier",
                    t("哪家快递提前停", "A carrier that stops earlier"),
                )
                .options(none.clone().into_iter().chain(carriers))
                .optional()
                .half(),
            )
            .with(
                Field::new(Kind::Day, "until", t("最后收件日", "Its last day of collecting"))
                    .optional()
                    .half(),
            )
            .with(
                Field::new(Kind::Pick, "lot", t("哪个批号坏了", "A lot that has spoiled"))
                    .options(none.into_iter().chain(lots))
                    .optional(),
            ),
    )
}

pub async fn page(desk: Desk) -> Result<Response> {
    let form = form(&desk).await?;
    show(&desk, form, None).await
}

async fn show(desk: &Desk, form: Form, answer: Option<WhatIfView>) -> Result<Response> {
    let status = form.status;
    let page = WhatIfPage {
        shell: desk.shell(Place::Sending).await?,
        form,
        figures: answer
            .as_ref()
            .map(|answer| figures(desk, answer))
            .unwrap_or_default(),
        answer,
    };
    desk.show_as(status, &page)
}

pub async fn ask(desk: Desk, posted: Posted) -> Result<Response> {
    let form = form(&desk).await?.typed(&posted);
    let answer = match form.value() {
        Ok(typed) => work_out(&desk, &typed).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => show(&desk, form, Some(answer)).await,
        Err(error) => {
            let form = form.wrong(error)?;
            show(&desk, form, None).await
        }
    }
}

async fn work_out(desk: &Desk, typed: &Value) -> Result<WhatIfView> {
    let mut body = Map::new();
    if let Some(deadline) = typed.get("deadline") {
        body.insert("deadline".to_owned(), deadline.clone());
    }
    match (typed.get("day").and_then(Value::as_str), typed.get("cases")) {
        (Some(day), Some(cases)) => {
            body.insert("workshop".to_owned(), json!({"days": {day: cases}}));
        }
        (None, None) => {}
        (None, _) => return Err(missing("day")),
        (_, None) => return Err(missing("cases")),
    }
    match (
        typed.get("carrier").and_then(Value::as_str),
        typed.get("until").and_then(Value::as_str),
    ) {
        (Some(code), Some(until)) => {
            let until = until.parse().map_err(|_| missing("until"))?;
            let carriers = carriers(desk).await?;
            let carrier = carriers
                .iter()
                .find(|it| it.carrier == code)
                .ok_or_else(|| missing("carrier"))?;
            body.insert(
                "carriers".to_owned(),
                json!({code: {"stops": stops_at(&carrier.stops, until)}}),
            );
        }
        (None, None) => {}
        (None, _) => return Err(missing("carrier")),
        (_, None) => return Err(missing("until")),
    }
    if let Some((sku, lot)) = typed
        .get("lot")
        .and_then(Value::as_str)
        .and_then(|lot| lot.split_once('/'))
    {
        body.insert("spoiled".to_owned(), json!([{"sku": sku, "lot": lot}]));
    }
    let body = parse(Value::Object(body).to_string().as_bytes())?;
    let Json(answer) = plan::what_if(State(desk.db.clone()), desk.by.clone(), Json(body)).await?;
    Ok(answer)
}

fn missing(field: &str) -> Error {
    invalid(field, text("请填写。", "Please fill this in."))
}

/// The stops of a carrier that collects no more after a day: those that were to begin later begin then. Where there are
/// none, in a province with stops of its own or everywhere else, it goes on delivering and does not come again for two
/// months.
fn stops_at(stops: &[Stop], until: NaiveDate) -> Vec<Stop> {
    let later = |days| until.checked_add_days(Days::new(days)).unwrap_or(until);
    let mut all = stops.to_vec();
    let mut open: BTreeSet<String> = stops.iter().map(|stop| stop.province.clone()).collect();
    open.insert(EVERYWHERE.to_owned());
    for stop in all.iter_mut().filter(|stop| stop.resumes_on > until) {
        open.remove(&stop.province);
        stop.collects_until = stop.collects_until.min(until);
    }
    all.extend(open.into_iter().map(|province| Stop {
        province,
        collects_until: until,
        delivers_until: later(59),
        resumes_on: later(60),
    }));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_stops_earlier() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let stop = |province: &str, collects: &str| Stop {
            province: province.into(),
            collects_until: day(collects),
            delivers_until: day("2024-02-08"),
            resumes_on: day("2024-02-18"),
        };
        let stops = [stop("*", "2024-02-04"), stop("65", "2024-01-30")];
        let earlier = stops_at(&stops, day("2024-02-01"));
        assert_eq!(earlier, [stop("*", "2024-02-01"), stop("65", "2024-01-30")]);
        let none = stops_at(&[], day("2024-02-01"));
        assert_eq!((none.len(), none[0].province.as_str()), (1, "*"));
        assert!(
            none[0].collects_until < none[0].delivers_until && none[0].delivers_until < none[0].resumes_on
        );
        let past = stops_at(&stops, day("2024-03-01"));
        assert_eq!(past[..2], stops, "past stops stay as they were");
        let places: Vec<&str> = past[2..].iter().map(|stop| stop.province.as_str()).collect();
        assert_eq!(
            places,
            ["*", "65"],
            "65 has stops of its own, so that of everywhere is none there"
        );
        let elsewhere = stops_at(&stops[1..], day("2024-01-25"));
        assert_eq!(elsewhere[0], stop("65", "2024-01-25"));
        assert_eq!((elsewhere.len(), elsewhere[1].province.as_str()), (2, "*"));
    }
}
