//! What the village says of itself, its freight, its partners, and one's own tokens.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use super::act::Act;
use super::desk::{Desk, Place, Shell};
use crate::address;
use crate::error::{Error, FieldError, Result, invalid_fields, not_found, text};
use crate::freight::Rule;
use crate::freight::api::{self as freight, Rules};
use crate::partners::api as partners;
use crate::partners::store::Subscriber;
use crate::villages::api::{self, Token};
use crate::villages::{Member, Role, Settings, store};
use crate::web::form::{Field, Form, Kind, Posted, fen, mendable, whole};
use crate::web::json::{Json, parse};

/// Members of staff that the page lists.
const STAFF: i64 = 200;

#[derive(Template)]
#[template(path = "console/settings.html")]
struct SettingsPage {
    shell: Shell,
    settings: Settings,
    team: Vec<Member>,
    partners: Vec<Subscriber>,
    /// a secret that is shown this once
    secret: Option<String>,
}

impl SettingsPage {
    fn role_name(&self, member: &Member) -> &'static str {
        super::desk::role_name(self.shell.lang, member.role)
    }
}

pub async fn page(desk: Desk) -> Result<Response> {
    show(&desk, None).await
}

async fn show(desk: &Desk, secret: Option<String>) -> Result<Response> {
    let village = desk.by.staff.village;
    let manages = desk.role() == Role::Manager;
    let page = SettingsPage {
        shell: desk.shell(Place::Settings).await?,
        settings: store::settings(&desk.db, village).await?,
        team: match manages {
            true => store::team(&desk.db, village, Uuid::max(), STAFF).await?,
            false => Vec::new(),
        },
        partners: match manages {
            true => {
                partners::subscribers(State(desk.db.clone()), desk.by.clone())
                    .await?
                    .0
                    .items
            }
            false => Vec::new(),
        },
        secret,
    };
    desk.show(&page)
}

fn back(desk: &Desk) -> (&'static str, &'static str) {
    ("/console/settings", desk.lang.say("设置", "Settings"))
}

async fn village_act(desk: &Desk) -> Result<Act> {
    let settings = store::settings(&desk.db, desk.by.staff.village).await?;
    let form = Form::new(desk.lang, "/console/settings/village", desk.t("保存", "Save"))
        .with(
            Field::new(
                Kind::Text,
                "name",
                desk.t("村名，买家会看到", "Name, as buyers see it"),
            )
            .value(settings.name)
            .max(40),
        )
        .with(
            Field::new(Kind::Text, "contact", desk.t("怎么联系", "How to reach the shop"))
                .value(settings.contact)
                .hint(desk.t(
                    "写在订单页和溯源页上。",
                    "It stands on the pages of orders and lots.",
                ))
                .max(80)
                .or_empty(),
        )
        .with(
            Field::new(Kind::Text, "account", desk.t("收款账户", "Account for transfers"))
                .value(settings.account)
                .hint(desk.t(
                    "村集体的账户；买家照这个转账。",
                    "The collective's own; buyers transfer to it.",
                ))
                .max(160)
                .or_empty(),
        )
        .with(
            Field::new(
                Kind::Yuan,
                "second_person_above_fen",
                desk.t("收款超过多少元要两个人确认", "Two people confirm above (yuan)"),
            )
            .value(settings.second_person_above_fen.to_string())
            .hint(desk.t(
                "同一订单的转账和现金；填 0 就不用第二个人。",
                "Transfers and cash of one order; 0 takes one person only.",
            )),
        );
    Ok(Act::new(
        Place::Settings,
        desk.t("本村资料", "The village"),
        back(desk),
        form,
    ))
}

pub async fn village_form(desk: Desk) -> Result<Response> {
    village_act(&desk).await?.show(&desk).await
}

pub async fn village(desk: Desk, posted: Posted) -> Result<Response> {
    let mut act = village_act(&desk).await?;
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => api::change_settings(State(desk.db.clone()), desk.by.clone(), Json(input))
            .await
            .map(|_| ()),
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => desk.done("/console/settings", &text("已保存。", "Saved.")),
        Err(error) => act.again(&desk, error).await,
    }
}

/// Makes a token; the page that answers is the only one that shows it.
pub async fn make_token(desk: Desk, _: Posted) -> Result<Response> {
    match api::new_token(State(desk.db.clone()), desk.by.clone()).await {
        Ok(Token { token }) => show(&desk, Some(token)).await,
        Err(error) => desk.done("/console/settings", &mendable(error)?.detail),
    }
}

/// Asks before it ends what programs may be using.
pub async fn revoke_form(desk: Desk) -> Result<Response> {
    let form = Form::new(
        desk.lang,
        "/console/settings/tokens/revoke",
        desk.t("全部作废", "Revoke them all"),
    )
    .grave();
    Act::new(
        Place::Settings,
        desk.t("作废我的令牌", "Revoke my tokens"),
        back(&desk),
        form,
    )
    .lead(desk.t(
        "用这些令牌的程序马上不能再用。不能撤销。",
        "Programs that use them stop working at once. This can't be undone.",
    ))
    .show(&desk)
    .await
}

pub async fn revoke_tokens(desk: Desk, _: Posted) -> Result<Response> {
    api::revoke_tokens(State(desk.db.clone()), desk.by.clone()).await?;
    desk.done(
        "/console/settings",
        &text("令牌都作废了。", "All tokens are revoked."),
    )
}

fn partner_act(desk: &Desk) -> Act {
    let form = Form::new(
        desk.lang,
        "/console/settings/partners/new",
        desk.t("登记", "Register"),
    )
    .with(
        Field::new(Kind::Text, "url", desk.t("网址", "Address"))
            .hint(desk.t(
                "有订单、付款、改动时，会通知这个网址。",
                "It is told of orders, payments and changes.",
            ))
            .max(300),
    );
    Act::new(
        Place::Settings,
        desk.t("登记合作伙伴", "Register a partner"),
        back(desk),
        form,
    )
}

pub async fn partner_form(desk: Desk) -> Result<Response> {
    partner_act(&desk).show(&desk).await
}

pub async fn partner(desk: Desk, posted: Posted) -> Result<Response> {
    let mut act = partner_act(&desk);
    act.form = act.form.typed(&posted);
    let made = match act.form.read() {
        Ok(input) => partners::subscribe(State(desk.db.clone()), desk.by.clone(), Json(input)).await,
        Err(error) => Err(error),
    };
    match made {
        Ok((_, Json(made))) => show(&desk, Some(made.secret)).await,
        Err(error) => act.again(&desk, error).await,
    }
}

async fn remove_act(desk: &Desk, id: &str) -> Result<Act> {
    let known = partners::subscribers(State(desk.db.clone()), desk.by.clone())
        .await?
        .0
        .items;
    let partner = known
        .into_iter()
        .find(|partner| partner.id.to_string() == id)
        .ok_or_else(not_found)?;
    let form = Form::new(
        desk.lang,
        format!("/console/settings/partners/{id}"),
        desk.t("移除", "Remove"),
    )
    .grave();
    Ok(Act::new(
        Place::Settings,
        desk.t("移除合作伙伴", "Remove a partner"),
        back(desk),
        form,
    )
    .fact(desk.t("网址", "Address"), partner.url)
    .fact(
        desk.t("还没送到的通知", "Events not delivered"),
        (partner.waiting + partner.failed).to_string(),
    )
    .lead(desk.t(
        "没送到的通知也会一起删掉。",
        "What was not delivered is removed as well.",
    )))
}

pub async fn remove_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    remove_act(&desk, &id).await?.show(&desk).await
}

pub async fn remove(desk: Desk, Path(id): Path<String>, _: Posted) -> Result<Response> {
    partners::unsubscribe(State(desk.db.clone()), desk.by.clone(), Path(id)).await?;
    desk.done("/console/settings", &text("已移除。", "The partner is removed."))
}

/// A line of the freight table, as it was typed.
struct FreightLine {
    key: String,
    name: String,
    served: bool,
    first_grams: String,
    first: String,
    step_grams: String,
    step: String,
    free_from: String,
    /// follows the line for everywhere else
    same: bool,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/freight.html")]
struct FreightPage {
    shell: Shell,
    lines: Vec<FreightLine>,
    notice: Option<String>,
    may_change: bool,
}

/// Everywhere else first, then every province.
async fn freight_lines(desk: &Desk) -> Result<Vec<FreightLine>> {
    let Json(Rules { items }) = freight::read(State(desk.db.clone()), desk.by.clone()).await?;
    let elsewhere = ("*".to_owned(), desk.t("其他省份", "Everywhere else").to_owned());
    let provinces =
        address::provinces().map(|(code, name)| (code.get(..2).unwrap_or(code).to_owned(), name.to_owned()));
    let lines = [elsewhere].into_iter().chain(provinces).map(|(key, name)| {
        let rule = items.iter().find(|rule| rule.province == key);
        let number = |of: fn(&Rule) -> i64, default: &str| {
            rule.map_or(default.to_owned(), |rule| of(rule).to_string())
        };
        let money = |of: fn(&Rule) -> Option<crate::money::Fen>| {
            rule.and_then(of).map_or(String::new(), |fen| fen.to_string())
        };
        FreightLine {
            served: rule.is_none_or(|rule| rule.served),
            first_grams: number(|rule| rule.first_grams, "1000"),
            first: rule.map_or("0".to_owned(), |rule| rule.first_fen.to_string()),
            step_grams: number(|rule| rule.step_grams, "1000"),
            step: rule.map_or("0".to_owned(), |rule| rule.step_fen.to_string()),
            free_from: money(|rule| rule.free_from_fen),
            same: rule.is_none() && key != "*",
            key,
            name,
            error: None,
        }
    });
    Ok(lines.collect())
}

impl FreightLine {
    fn type_in(&mut self, posted: &Posted) {
        let get = |part: &str| posted.get(&format!("{part}.{}", self.key)).trim().to_owned();
        let (same, served) = (get("same"), get("served"));
        let (first_grams, first) = (get("first_grams"), get("first"));
        let (step_grams, step, free_from) = (get("step_grams"), get("step"), get("free_from"));
        self.same = !same.is_empty() && self.key != "*";
        self.served = !served.is_empty();
        self.first_grams = first_grams;
        self.first = first;
        self.step_grams = step_grams;
        self.step = step;
        self.free_from = free_from;
    }

    fn read(&self) -> Result<Value, FieldError> {
        let wrong = |message| FieldError {
            field: self.key.clone(),
            message,
        };
        let free_from = match self.free_from.as_str() {
            "" => None,
            typed => Some(fen(typed).map_err(wrong)?),
        };
        Ok(json!({
            "province": self.key, "served": self.served,
            "first_grams": whole(&self.first_grams).map_err(wrong)?, "first_fen": fen(&self.first).map_err(wrong)?,
            "step_grams": whole(&self.step_grams).map_err(wrong)?, "step_fen": fen(&self.step).map_err(wrong)?,
            "free_from_fen": free_from,
        }))
    }
}

pub async fn freight_form(desk: Desk) -> Result<Response> {
    let lines = freight_lines(&desk).await?;
    freight_page(&desk, lines, None).await
}

async fn freight_page(desk: &Desk, lines: Vec<FreightLine>, notice: Option<String>) -> Result<Response> {
    let page = FreightPage {
        shell: desk.shell(Place::Settings).await?,
        may_change: desk.role() == Role::Manager,
        lines,
        notice,
    };
    desk.show(&page)
}

pub async fn freight(desk: Desk, posted: Posted) -> Result<Response> {
    let mut lines = freight_lines(&desk).await?;
    lines.iter_mut().for_each(|line| line.type_in(&posted));
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    for line in lines.iter().filter(|line| !line.same) {
        match line.read() {
            Ok(rule) => items.push(rule),
            Err(error) => errors.push(error),
        }
    }
    let done = match errors.is_empty() {
        true => match parse(json!({ "items": items }).to_string().as_bytes()) {
            Ok(rules) => freight::replace(State(desk.db.clone()), desk.by.clone(), Json(rules))
                .await
                .map(|_| ()),
            Err(error) => Err(error),
        },
        false => Err(invalid_fields(errors)),
    };
    match done {
        Ok(()) => desk.done(
            "/console/settings/freight",
            &text("运费已保存。", "The freight is saved."),
        ),
        Err(error) => freight_again(&desk, lines, error).await,
    }
}

/// The table again; the call counts rules, the page names provinces.
async fn freight_again(desk: &Desk, mut lines: Vec<FreightLine>, error: Error) -> Result<Response> {
    let problem = mendable(error)?;
    let own: Vec<String> = lines
        .iter()
        .filter(|line| !line.same)
        .map(|line| line.key.clone())
        .collect();
    for wrong in problem.errors {
        let index = wrong.field.strip_prefix("items[");
        let index = index.and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
        let key = index
            .and_then(|index| own.get(index))
            .cloned()
            .unwrap_or(wrong.field);
        if let Some(line) = lines.iter_mut().find(|line| line.key == key) {
            line.error = Some(desk.lang.pick(&wrong.message).to_owned());
        }
    }
    let first = lines
        .iter()
        .find_map(|line| Some(format!("{}：{}", line.name, line.error.as_ref()?)));
    let notice = first.unwrap_or_else(|| desk.lang.pick(&problem.detail).to_owned());
    freight_page(desk, lines, Some(notice)).await
}
