//! The plan: what is to leave in the coming days against what workshop and carriers can take, a day's capacity, what a
//! plan would do, and making it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use super::act::Act;
use super::desk::{Desk, Place, Shell, Undo};
use super::store;
use super::strip::{self, Collects, Day};
use super::today::{long_day, short_day};
use crate::calendar::{Carrier, EVERYWHERE, Workshop, api as calendar};
use crate::error::{Result, text};
use crate::fulfillment::State as BatchState;
use crate::fulfillment::api::batches as api;
use crate::fulfillment::api::plan::{self, DayView, LateView, PlanView, WhatIfView};
use crate::fulfillment::question::PlanRequest;
use crate::money::Fen;
use crate::villages::Role;
use crate::web::form::{Field, Form, Kind, Posted, mendable};
use crate::web::json::{Json, Query, parse};

/// Days of the strip.
const DAYS: usize = 20;

/// Parcels of a day, and late orders, that a page lists.
const LISTED: usize = 200;

pub const READERS: &[Role] = &[Role::Manager, Role::Packer, Role::Overseer];

#[derive(Template)]
#[template(path = "console/plan.html")]
struct PlanPage {
    shell: Shell,
    strip: String,
    days: Vec<Day>,
    warnings: Vec<String>,
    has_carriers: bool,
    usual: i64,
}

pub async fn page(desk: Desk) -> Result<Response> {
    let today = desk.by.at.day();
    let Json(workshop) = calendar::capacity(State(desk.db.clone()), desk.by.clone()).await?;
    let Json(carriers) = calendar::carriers(State(desk.db.clone()), desk.by.clone()).await?;
    let Json(warnings) = calendar::warnings(State(desk.db.clone()), desk.by.clone()).await?;
    let loads = store::loads(&desk.db, desk.by.staff.village, today).await?;
    let load = |day: NaiveDate| loads.iter().find(|load| load.ship_on == day.to_string());
    let days: Vec<Day> = today
        .iter_days()
        .take(DAYS)
        .map(|day| Day {
            day,
            label: short_day(desk.lang, &day.to_string()),
            capacity: workshop.capacity(day),
            load: load(day).map_or(0, |load| load.cases),
            packed: load(day).map_or(0, |load| load.packed),
            festival: warnings
                .festivals
                .iter()
                .find(|it| it.day == day)
                .map(|it| desk.t(it.name, it.name_en).to_owned()),
            stopped: carriers
                .items
                .iter()
                .filter(|carrier| !collects(carrier, day))
                .map(|carrier| name_of(carrier).to_owned())
                .collect(),
        })
        .collect();
    let rows: Vec<Collects> = carriers
        .items
        .iter()
        .map(|carrier| Collects {
            name: name_of(carrier).to_owned(),
            days: days.iter().map(|day| collects(carrier, day.day)).collect(),
        })
        .collect();
    let page = PlanPage {
        shell: desk.shell(Place::Sending).await?,
        strip: strip::draw(desk.lang, &days, &rows),
        days,
        warnings: warnings
            .items
            .into_iter()
            .map(|it| desk.t(&it.message, &it.message_en).to_owned())
            .collect(),
        has_carriers: !rows.is_empty(),
        usual: workshop.cases_per_day,
    };
    desk.show(&page)
}

pub fn name_of(carrier: &Carrier) -> &str {
    carrier.name.as_deref().unwrap_or(&carrier.carrier)
}

/// Whether a carrier comes on a day; provinces with stops of their own aside.
fn collects(carrier: &Carrier, day: NaiveDate) -> bool {
    let mut stops = carrier.stops.iter().filter(|stop| stop.province == EVERYWHERE);
    carrier.pickup(day) > 0 && !stops.any(|stop| day > stop.collects_until && day < stop.resumes_on)
}

#[derive(Deserialize)]
pub struct OneDay {
    day: Option<NaiveDate>,
}

fn day_act(desk: &Desk, workshop: &Workshop, day: NaiveDate) -> Act {
    let usual = workshop.cases_per_day;
    let cases = workshop.days.get(&day).map(i64::to_string).unwrap_or_default();
    let hint = text(
        format!("平常 {usual} 箱。0 是休息；不填就按平常。"),
        format!("Usually {usual}. 0 is a day off; left empty, it is as usual."),
    );
    let form = Form::new(desk.lang, "/console/plan/day", desk.t("就这样定", "Set it"))
        .with(Field::new(Kind::Day, "day", desk.t("哪一天", "Which day")).value(day.to_string()))
        .with(
            Field::new(
                Kind::Number,
                "cases",
                desk.t("能打包多少箱", "Cases that can be packed"),
            )
            .value(cases)
            .hint(desk.lang.pick(&hint))
            .max(7)
            .optional(),
        );
    Act::new(
        Place::Sending,
        desk.t("某天的产能", "A day's capacity"),
        ("/console/plan", desk.t("排期", "Plan")),
        form,
    )
    .lead(desk.t(
        "答应过买家的不变；改少了，排期会说谁要晚。",
        "What buyers were promised stays; lower it, and the plan says who will be late.",
    ))
}

pub async fn day_form(desk: Desk, Query(asked): Query<OneDay>) -> Result<Response> {
    let Json(workshop) = calendar::capacity(State(desk.db.clone()), desk.by.clone()).await?;
    let day = asked.day.unwrap_or_else(|| desk.by.at.day());
    day_act(&desk, &workshop, day).show(&desk).await
}

pub async fn set_day(desk: Desk, posted: Posted) -> Result<Response> {
    let Json(workshop) = calendar::capacity(State(desk.db.clone()), desk.by.clone()).await?;
    let mut act = day_act(&desk, &workshop, desk.by.at.day());
    act.form = act.form.typed(&posted);
    let before = workshop.days.clone();
    let done = put_day(&desk, &act.form, workshop).await;
    let day = match done {
        Ok(day) => day,
        Err(error) => return act.again(&desk, error).await,
    };
    let undo = Undo {
        action: "/console/plan/day".to_owned(),
        fields: vec![
            ("day".to_owned(), day.to_string()),
            (
                "cases".to_owned(),
                before.get(&day).map(i64::to_string).unwrap_or_default(),
            ),
        ],
    };
    let said = text(
        format!("{day} 的产能已改，要重新排期。"),
        format!("The capacity of {day} is set; plan again."),
    );
    desk.done_undo("/console/plan", &said, Some(undo))
}

#[derive(Deserialize)]
struct DayTyped {
    day: NaiveDate,
    cases: Option<i64>,
}

async fn put_day(desk: &Desk, form: &Form, mut workshop: Workshop) -> Result<NaiveDate> {
    let typed: DayTyped = form.read()?;
    match typed.cases {
        Some(cases) => workshop.days.insert(typed.day, cases),
        None => workshop.days.remove(&typed.day),
    };
    let set = calendar::set_capacity(State(desk.db.clone()), desk.by.clone(), Json(workshop)).await;
    set.map_err(|error| named(error, &format!("days.{}", typed.day), "cases"))?;
    Ok(typed.day)
}

/// An error of the call, at the field of the form.
fn named(error: crate::error::Error, from: &str, to: &str) -> crate::error::Error {
    let crate::error::Error::Problem(mut problem) = error else {
        return error;
    };
    for wrong in problem.errors.iter_mut().filter(|wrong| wrong.field == from) {
        to.clone_into(&mut wrong.field);
    }
    crate::error::Error::Problem(problem)
}

/// What a plan is asked for on the page.
#[derive(Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    deadline: String,
    #[serde(default)]
    merge: String,
}

impl Wanted {
    fn request(&self, commit: bool) -> Result<PlanRequest> {
        let deadline = Some(&self.deadline).filter(|day| !day.is_empty());
        let body = json!({"deadline": deadline, "merge": !self.merge.is_empty(), "commit": commit});
        parse(body.to_string().as_bytes())
    }
}

#[derive(Template)]
#[template(path = "console/preview.html")]
struct PreviewPage {
    shell: Shell,
    plan: Option<PlanView>,
    wanted: Wanted,
    wrong: Option<String>,
}

/// What one carrier takes along on a day.
struct Share {
    carrier: String,
    parcels: usize,
    cases: i64,
}

impl PreviewPage {
    fn day(&self, day: &DayView) -> String {
        long_day(self.shell.lang, day.ship_on)
    }

    fn shares(&self, day: &DayView) -> Vec<Share> {
        let mut shares: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
        for parcel in &day.parcels {
            let share = shares.entry(&parcel.carrier).or_default();
            *share = (share.0 + 1, share.1 + parcel.cases);
        }
        let share = |(carrier, (parcels, cases)): (&str, _)| Share {
            carrier: carrier.to_owned(),
            parcels,
            cases,
        };
        shares.into_iter().map(share).collect()
    }

    fn late<'a>(&self, plan: &'a PlanView) -> &'a [LateView] {
        plan.late.get(..LISTED).unwrap_or(&plan.late)
    }

    fn why<'a>(&self, reason: &'a str) -> &'a str {
        let (zh, en) = reason.split_once(" / ").unwrap_or((reason, reason));
        self.shell.lang.say(zh, en)
    }
}

pub fn cases(plan: &PlanView) -> i64 {
    plan.days.iter().map(|day| day.cases).sum()
}

pub fn parcels(plan: &PlanView) -> usize {
    plan.days.iter().map(|day| day.parcels.len()).sum()
}

pub async fn preview(desk: Desk, Query(wanted): Query<Wanted>) -> Result<Response> {
    let asked = match wanted.request(false) {
        Ok(request) => plan::plan(State(desk.db.clone()), desk.by.clone(), Json(request)).await,
        Err(error) => Err(error),
    };
    show_preview(&desk, wanted, asked).await
}

async fn show_preview(desk: &Desk, wanted: Wanted, asked: Result<Json<PlanView>>) -> Result<Response> {
    let (plan, wrong) = match asked {
        Ok(Json(plan)) => (Some(plan), None),
        Err(error) => {
            let problem = mendable(error)?;
            let words = problem.words();
            (None, Some(desk.lang.pick(words).to_owned()))
        }
    };
    let page = PreviewPage {
        shell: desk.shell(Place::Sending).await?,
        plan,
        wanted,
        wrong,
    };
    desk.show(&page)
}

/// Makes the plan; what it made can be dissolved again.
pub async fn commit(desk: Desk, posted: Posted) -> Result<Response> {
    let wanted = Wanted {
        deadline: posted.get("deadline").chars().take(10).collect(),
        merge: posted.get("merge").chars().take(3).collect(),
    };
    let made = match wanted.request(true) {
        Ok(request) => plan::plan(State(desk.db.clone()), desk.by.clone(), Json(request)).await,
        Err(error) => Err(error),
    };
    let Ok(Json(plan)) = made else {
        return show_preview(&desk, wanted, made).await;
    };
    let (cases, late) = (cases(&plan), plan.late_count);
    let said = text(
        format!("排好了：{cases} 箱进了批次，{late} 件会晚。"),
        format!("Planned: {cases} cases are in batches, {late} parcels will be late."),
    );
    let undo = Undo {
        action: "/console/plan/dissolve".to_owned(),
        fields: Vec::new(),
    };
    desk.done_undo("/console/batches?state=planned", &said, Some(undo))
}

/// Dissolves every batch that is a plan: its parcels are in the backlog again.
pub async fn dissolve(desk: Desk, _: Posted) -> Result<Response> {
    let query = api::ListQuery {
        state: Some(BatchState::Planned),
        limit: Some(200),
        ..api::ListQuery::default()
    };
    let (db, by) = (State(desk.db.clone()), desk.by.clone());
    let Json(batches) = api::list(db, by, Query(query)).await?;
    let ids: Vec<uuid::Uuid> = batches.items.iter().map(|batch| batch.id).collect();
    if let Err(error) = api::dissolve(&desk.db, &desk.by, &ids).await {
        return desk.done("/console/batches", mendable(error)?.words());
    }
    let said = text(
        "计划的批次已解散，订单又在待排里。",
        "The planned batches are dissolved; their orders wait for a plan again.",
    );
    desk.done("/console/plan", &said)
}

/// What a what-if changed, in figures of before and after.
pub fn figures(desk: &Desk, answer: &WhatIfView) -> Vec<(&'static str, String, String)> {
    let (before, after) = (&answer.before, &answer.after);
    let lang = desk.lang;
    let money = |fen: Fen| format!("¥{fen}");
    vec![
        (
            lang.say("会晚的件", "Late parcels"),
            before.late_count.to_string(),
            after.late_count.to_string(),
        ),
        (
            lang.say("排上的箱", "Cases planned"),
            cases(before).to_string(),
            cases(after).to_string(),
        ),
        (
            lang.say("排上的件", "Parcels planned"),
            parcels(before).to_string(),
            parcels(after).to_string(),
        ),
        (
            lang.say("准时件的运费", "Freight of those in time"),
            money(before.freight_fen),
            money(after.freight_fen),
        ),
    ]
}
