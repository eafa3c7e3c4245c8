//! The store room: what there is, taking in, setting right, and every movement.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use chrono::{Days, NaiveDate};
use serde::Deserialize;
use serde_json::json;

use super::act::Act;
use super::desk::{Desk, Place, Shell, Undo};
use super::words;
use crate::catalog::{self, Sku};
use crate::error::{Result, not_found, text};
use crate::stock::api::{self, MovementsAsked, StockItem};
use crate::stock::store::Movement;
use crate::stock::{Adjustment, Ahead, Receipt};
use crate::villages::Role;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, Query, parse};
use crate::web::listing::{MAX_LIMIT, Paging};

const ROWS: i64 = 50;

#[derive(Template)]
#[template(path = "console/stock.html")]
struct StockPage {
    shell: Shell,
    items: Vec<StockItem>,
    today: String,
}

impl StockPage {
    fn may_act(&self) -> bool {
        self.shell.may(&[Role::Manager, Role::Packer])
    }

    fn tone(&self, item: &StockItem) -> &'static str {
        match item.level.available {
            ..=0 => "off",
            1..20 => "wait",
            _ => "done",
        }
    }

    fn is_over(&self, day: &str) -> bool {
        day < self.today.as_str()
    }
}

/// What there is of every sku.
pub(super) async fn items(desk: &Desk) -> Result<Vec<StockItem>> {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let asked = Query(Paging {
            limit: Some(MAX_LIMIT),
            after,
        });
        let Json(page) = api::list(State(desk.db.clone()), desk.by.clone(), asked).await?;
        items.extend(page.items);
        after = page.next;
        // a village's skus are bounded, so that this ends
        if after.is_none() {
            return Ok(items);
        }
    }
}

pub async fn page(desk: Desk) -> Result<Response> {
    let page = StockPage {
        shell: desk.shell(Place::Stock).await?,
        items: items(&desk).await?,
        today: desk.by.at.day().to_string(),
    };
    desk.show(&page)
}

/// Skus with stock of their own.
async fn plain_skus(desk: &Desk) -> Result<Vec<Sku>> {
    let skus = catalog::store::skus(&desk.db, desk.by.staff.village, None).await?;
    Ok(skus.into_iter().filter(|sku| sku.components.is_empty()).collect())
}

fn name_of(sku: &Sku) -> String {
    format!("{} {}（{}）", sku.title, sku.spec, sku.code)
}

fn back(desk: &Desk) -> (&'static str, &'static str) {
    ("/console/stock", desk.lang.say("库存", "Stock"))
}

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    sku: String,
}

async fn receive_act(desk: &Desk, wanted: &str) -> Result<(Act, Vec<Sku>)> {
    let skus = plain_skus(desk).await?;
    let today = desk.by.at.day();
    let chosen = skus.iter().find(|sku| sku.code == wanted).or(skus.first());
    let code = chosen.map_or(String::new(), |sku| sku.code.clone());
    let form = Form::new(desk.lang, "/console/stock/receive", desk.t("入库", "Take in"))
        .with(
            Field::new(Kind::Pick, "sku", desk.t("哪种", "What"))
                .options(skus.iter().map(|sku| (sku.code.clone(), name_of(sku))))
                .value(&code),
        )
        .with(Field::new(Kind::Number, "quantity", desk.t("多少箱", "Cases")).max(6))
        .with(
            Field::new(Kind::Day, "lot.made_on", desk.t("生产日期", "Made on"))
                .value(today.to_string())
                .half(),
        )
        .with(
            Field::new(Kind::Day, "lot.best_before", desk.t("保质期至", "Best before"))
                .hint(desk.t(
                    "不填就按规格的保质期算。",
                    "Left empty, it follows from the sku's shelf life.",
                ))
                .optional()
                .half(),
        )
        .with(
            Field::new(Kind::Text, "lot.code", desk.t("批次号", "Lot"))
                .hint(desk.t("不填就用规格加日期。", "Left empty, it is the sku and the day."))
                .max(40)
                .optional()
                .half(),
        )
        .with(
            Field::new(Kind::Text, "lot.origin", desk.t("产地", "Origin"))
                .max(60)
                .optional()
                .half(),
        );
    let mut act = Act::new(Place::Stock, desk.t("入库", "Take stock in"), back(desk), form);
    if skus.is_empty() {
        act = act.lead(desk.t(
            "还没有规格，请先在“商品”里添加。",
            "There is no sku yet; please add one under Products.",
        ));
    }
    Ok((act, skus))
}

pub async fn receive_form(desk: Desk, Query(wanted): Query<Wanted>) -> Result<Response> {
    receive_act(&desk, &wanted.sku).await?.0.show(&desk).await
}

/// The receipt that was typed; an empty best-before day and an empty code follow from the sku and the day.
fn receipt(form: &Form, skus: &[Sku]) -> Result<Receipt> {
    let mut body = form.value()?;
    let sku = skus
        .iter()
        .find(|sku| Some(sku.code.as_str()) == body["sku"].as_str());
    let made_on = body["lot"]["made_on"]
        .as_str()
        .and_then(|day| day.parse::<NaiveDate>().ok());
    if let (Some(sku), Some(made_on)) = (sku, made_on) {
        if body["lot"]["best_before"].is_null() {
            let life = Days::new(u64::try_from(sku.shelf_life_days).unwrap_or(0));
            let last = made_on.checked_add_days(life).unwrap_or(made_on);
            body["lot"]["best_before"] = last.to_string().into();
        }
        if body["lot"]["code"].is_null() {
            body["lot"]["code"] = format!("{}-{}", sku.code, made_on.format("%y%m%d")).into();
        }
    }
    parse(body.to_string().as_bytes())
}

pub async fn receive(desk: Desk, posted: Posted) -> Result<Response> {
    let (mut act, skus) = receive_act(&desk, "").await?;
    act.form = act.form.typed(&posted);
    let done = match receipt(&act.form, &skus) {
        Ok(input) => api::receive(State(desk.db.clone()), desk.by.clone(), Json(input)).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => desk.done("/console/stock", &text("已入库。", "The cases are in.")),
        Err(error) => act.again(&desk, error).await,
    }
}

/// Every lot that has something: `sku/lot`, its name, and what the books say.
pub(super) fn lots(items: &[StockItem]) -> Vec<(String, String, i64)> {
    let lots = items.iter().flat_map(|item| {
        item.lots.iter().map(move |lot| {
            let key = format!("{}/{}", item.level.sku, lot.code);
            (
                key,
                format!("{} {} · {}", item.title, item.spec, lot.code),
                lot.on_hand,
            )
        })
    });
    lots.collect()
}

async fn adjust_act(desk: &Desk) -> Result<Act> {
    let lots = lots(&items(desk).await?);
    let options = lots
        .into_iter()
        .map(|(key, name, on_hand)| (key, format!("{name}（{on_hand}）")));
    let form = Form::new(desk.lang, "/console/stock/adjust", desk.t("调整", "Set right"))
        .with(Field::new(Kind::Pick, "lot", desk.t("哪一批", "Which lot")).options(options))
        .with(
            Field::new(
                Kind::Number,
                "quantity",
                desk.t("多几箱或少几箱", "Cases more or less"),
            )
            .hint(desk.t("多了写 3，少了写 -3。", "3 for more, -3 for less."))
            .max(7),
        )
        .with(
            Field::new(Kind::Text, "reason", desk.t("原因", "Reason")).offers(
                [
                    desk.t("破损", "Broken"),
                    desk.t("自用", "Own use"),
                    desk.t("找到", "Found"),
                ]
                .map(str::to_owned),
            ),
        );
    Ok(Act::new(
        Place::Stock,
        desk.t("调整库存", "Set stock right"),
        back(desk),
        form,
    ))
}

pub async fn adjust_form(desk: Desk) -> Result<Response> {
    adjust_act(&desk).await?.show(&desk).await
}

pub(super) fn adjustment(key: &str, quantity: i64, reason: &str) -> Result<Adjustment> {
    let (sku, lot) = key.split_once('/').unwrap_or((key, ""));
    let body = json!({"sku": sku, "lot": lot, "quantity": quantity, "reason": reason});
    parse(body.to_string().as_bytes())
}

pub async fn adjust(desk: Desk, posted: Posted) -> Result<Response> {
    let mut act = adjust_act(&desk).await?;
    act.form = act.form.typed(&posted);
    let typed = match act.form.value() {
        Ok(typed) => typed,
        Err(error) => return act.again(&desk, error).await,
    };
    let word = |name: &str| typed[name].as_str().unwrap_or_default().to_owned();
    let (lot, reason) = (word("lot"), word("reason"));
    let quantity = typed["quantity"].as_i64().unwrap_or(0);
    let input = adjustment(&lot, quantity, &reason)?;
    match api::adjust(State(desk.db.clone()), desk.by.clone(), Json(input)).await {
        Ok(_) => {
            let undone = format!("{}{reason}", desk.t("撤销：", "Undo: "))
                .chars()
                .take(200)
                .collect();
            let fields = [
                ("lot", lot),
                ("quantity", (-quantity).to_string()),
                ("reason", undone),
            ];
            let undo = Undo {
                action: "/console/stock/adjust".to_owned(),
                fields: fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect(),
            };
            desk.done_undo(
                "/console/stock",
                &text("已调整。", "The stock is set right."),
                Some(undo),
            )
        }
        Err(error) => act.again(&desk, error).await,
    }
}

async fn ahead_act(desk: &Desk, sku: &str) -> Result<Act> {
    let items = items(desk).await?;
    let item = items
        .into_iter()
        .find(|item| item.level.sku == sku && item.components.is_empty());
    let item = item.ok_or_else(not_found)?;
    let form = Form::new(
        desk.lang,
        format!("/console/stock/{sku}/ahead"),
        desk.t("保存", "Save"),
    )
    .with(
        Field::new(
            Kind::Number,
            "cases",
            desk.t("可以预售多少箱", "Cases to sell ahead"),
        )
        .value(item.level.ahead.to_string())
        .hint(desk.t("0 就是不预售。", "0 ends it.")),
    )
    .with(
        Field::new(Kind::Day, "ready_on", desk.t("哪天到货", "When they will be in"))
            .value(item.level.ahead_ready_on.clone().unwrap_or_default())
            .optional(),
    );
    Ok(Act::new(
        Place::Stock,
        desk.t("货到之前先卖", "Sell ahead of the lot"),
        back(desk),
        form,
    )
    .fact(desk.t("规格", "Sku"), format!("{} {}", item.title, item.spec))
    .fact(desk.t("在库", "On hand"), item.level.on_hand.to_string()))
}

pub async fn ahead_form(desk: Desk, Path(sku): Path<String>) -> Result<Response> {
    ahead_act(&desk, &sku).await?.show(&desk).await
}

pub async fn ahead(desk: Desk, Path(sku): Path<String>, posted: Posted) -> Result<Response> {
    let mut act = ahead_act(&desk, &sku).await?;
    act.form = act.form.typed(&posted);
    let done = match act.form.read::<Ahead>() {
        Ok(input) => api::sell_ahead(State(desk.db.clone()), Path(sku), desk.by.clone(), Json(input)).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => desk.done("/console/stock", &text("已保存。", "Saved.")),
        Err(error) => act.again(&desk, error).await,
    }
}

#[derive(Template)]
#[template(path = "console/movements.html")]
struct MovementsPage {
    shell: Shell,
    sku: String,
    skus: Vec<(String, String)>,
    rows: Vec<Movement>,
    next: Option<String>,
}

#[derive(Deserialize)]
pub struct Seen {
    #[serde(default)]
    sku: String,
    after: Option<String>,
}

pub async fn movements(desk: Desk, Query(seen): Query<Seen>) -> Result<Response> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let asked = MovementsAsked {
        sku: some(&seen.sku),
        limit: Some(ROWS),
        after: seen.after.as_deref().and_then(some),
    };
    let Json(page) = api::movements(State(desk.db.clone()), desk.by.clone(), Query(asked)).await?;
    let query = |after: String| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("sku", &seen.sku)
            .append_pair("after", &after)
            .finish()
    };
    let page = MovementsPage {
        shell: desk.shell(Place::Stock).await?,
        skus: plain_skus(&desk)
            .await?
            .iter()
            .map(|sku| (sku.code.clone(), name_of(sku)))
            .collect(),
        rows: page.items,
        next: page.next.map(query),
        sku: seen.sku,
    };
    desk.show(&page)
}

impl MovementsPage {
    fn kind(&self, row: &Movement) -> &'static str {
        words::movement(self.shell.lang, row.kind)
    }
}
