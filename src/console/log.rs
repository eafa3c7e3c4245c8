//! Who did what, the ways behind "more", and the page that shows every part that pages are made of.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::desk::{Desk, Place, Shell, icon_of};
use super::money::paging;
use super::plot::{self, Bar};
use crate::error::{Result, invalid, text};
use crate::villages::api;
use crate::villages::store::Operation;
use crate::web::form::{Field, Form, Kind};
use crate::web::json::{Json, Query};

const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "console/log.html")]
struct LogPage {
    shell: Shell,
    rows: Vec<Operation>,
    next: Option<String>,
    first: bool,
}

#[derive(Deserialize)]
pub struct Asked {
    after: Option<String>,
}

pub async fn page(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let first = asked.after.is_none();
    let Json(page) =
        api::operations(State(desk.db.clone()), desk.by.clone(), paging(ROWS, asked.after)).await?;
    let page = LogPage {
        shell: desk.shell(Place::Log).await?,
        rows: page.items,
        next: page.next,
        first,
    };
    desk.show(&page)
}

#[derive(Template)]
#[template(path = "console/more.html")]
struct MorePage {
    shell: Shell,
}

/// What doesn't fit at the bottom of a phone.
pub async fn more(desk: Desk) -> Result<Response> {
    let shell = desk.shell(Place::More).await?;
    desk.show(&MorePage { shell })
}

#[derive(Template)]
#[template(path = "console/components.html")]
struct ComponentsPage {
    shell: Shell,
    form: Form,
    wrong: Form,
    plot: String,
    share: String,
    icons: Vec<&'static str>,
}

/// Every part that pages are made of, for whoever changes the style sheet.
pub async fn components(desk: Desk) -> Result<Response> {
    let form = {
        Form::new(desk.lang, "/components", desk.t("按钮", "Button"))
            .with(Field::new(Kind::Text, "text", desk.t("一行字", "Text")).hint(desk.t("提示", "A hint")))
            .with(Field::new(Kind::Number, "number", desk.t("数", "Number")).half())
            .with(Field::new(Kind::Yuan, "money", desk.t("钱", "Money")).half())
            .with(
                Field::new(Kind::Day, "day", desk.t("日期", "Day"))
                    .optional()
                    .half(),
            )
            .with(
                Field::new(Kind::Moment, "moment", desk.t("时间", "Moment"))
                    .optional()
                    .half(),
            )
            .with(
                Field::new(Kind::Pick, "pick", desk.t("选一个", "Pick")).options([("a", "甲"), ("b", "乙")]),
            )
            .with(
                Field::new(Kind::Choice, "choice", desk.t("几选一", "Choice"))
                    .options([("a", "甲"), ("b", "乙")])
                    .value("a"),
            )
            .with(Field::new(Kind::Tick, "tick", desk.t("勾选", "Tick")))
            .with(Field::new(Kind::Area, "area", desk.t("多行", "Lines")).optional())
    };
    let bars: Vec<Bar> = (0..7)
        .map(|at| Bar {
            label: format!("1/{}", at + 14),
            value: [12, 30, 8, 0, 44, 61, 25][at],
            words: String::new(),
        })
        .collect();
    let wrong = Form::new(desk.lang, "/components", desk.t("按钮", "Button")).with(Field::new(
        Kind::Text,
        "wrong",
        desk.t("一行字", "Text"),
    ));
    let error = invalid("wrong", text("要 1 到 40 个字。", "Takes 1 to 40 characters."));
    let page = ComponentsPage {
        shell: desk.shell(Place::More).await?,
        form,
        wrong: wrong.wrong(error)?,
        plot: plot::columns(desk.t("一张图", "A plot"), &bars),
        share: plot::share(62, 100),
        icons: [
            "sun", "list", "box", "share", "leaf", "coin", "chart", "inbox", "gear", "clock", "van",
        ]
        .map(icon_of)
        .into(),
    };
    desk.show(&page)
}
