//! Links: making one in under a minute, and changing it.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::act::Act;
use super::desk::{Desk, Place, Shell};
use super::words;
use crate::catalog::{missing_label_fields, store as catalog};
use crate::clock::Timestamp;
use crate::error::{Error, FieldError, Result, invalid_fields, text};
use crate::links::api::{self, Code, Link, ListQuery, find};
use crate::links::store::{LinkRow, OfferRow};
use crate::links::{LinkChange, NewLink, Status};

use crate::villages::Role;
use crate::web::edge::Lang;
use crate::web::form::{Field, Form, Kind, Posted, fen, whole};
use crate::web::json::{Json, Query, parse};

const ROWS: i64 = 50;

/// Products that are looked through for what can be offered.
const PRODUCTS: i64 = 1_000;

const CHANNELS: [&str; 4] = ["livestream", "moments", "group", "counter"];

#[derive(Template)]
#[template(path = "console/links.html")]
struct LinksPage {
    shell: Shell,
    items: Vec<Link>,
    next: Option<String>,
    open_only: bool,
}

impl LinksPage {
    fn badge(&self, link: &Link) -> words::Badge {
        words::link_status(self.shell.lang, link.status)
    }

    fn may_make(&self) -> bool {
        self.shell.may(&[Role::Manager, Role::Host])
    }

    fn sold(&self, link: &Link) -> i64 {
        link.offers.iter().map(|offer| offer.sold).sum()
    }

    fn channel(&self, link: &Link) -> String {
        let name = json!(link.channel);
        words::channel(self.shell.lang, name.as_str().unwrap_or_default()).to_owned()
    }
}

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    open: String,
    after: Option<String>,
}

pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let open_only = !asked.open.is_empty();
    let query = ListQuery {
        limit: Some(ROWS),
        after: asked.after.filter(|after| !after.is_empty()),
        channel: None,
        status: open_only.then_some(Status::Open),
        host: None,
    };
    let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
    let Json(page) = api::list(db, url, desk.by.clone(), Query(query)).await?;
    let page = LinksPage {
        shell: desk.shell(Place::Links).await?,
        items: page.items,
        next: page.next,
        open_only,
    };
    desk.show(&page)
}

/// A sku in the form: whether it is offered, and how.
struct OfferField {
    sku: String,
    name: String,
    on: bool,
    price: String,
    quota: String,
    limit: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "console/offers.html")]
struct Offers {
    lang: Lang,
    rows: Vec<OfferField>,
}

/// Everything that can be offered, as the link has it where it is on it.
async fn offer_rows(desk: &Desk, current: &[OfferRow]) -> Result<Vec<OfferField>> {
    let village = desk.by.staff.village;
    let products = catalog::products(&desk.db, village, uuid::Uuid::nil(), PRODUCTS).await?;
    let sellable = |product: uuid::Uuid| {
        let found = products.iter().find(|known| known.id == product);
        found.is_some_and(|found| {
            found.active && missing_label_fields(found.legal_kind, &found.label).is_empty()
        })
    };
    let skus = catalog::skus(&desk.db, village, None).await?;
    let rows = skus.into_iter().filter_map(|sku| {
        let offer = current.iter().find(|offer| offer.sku == sku.code);
        let can = sku.active && sellable(sku.product_id);
        (can || offer.is_some()).then(|| OfferField {
            name: format!("{} {}", sku.title, sku.spec),
            on: offer.is_some(),
            price: offer.map_or(sku.price_fen, |offer| offer.price_fen).to_string(),
            quota: offer
                .and_then(|offer| offer.quota)
                .map_or(String::new(), |quota| quota.to_string()),
            limit: offer.map_or(20, |offer| offer.limit_per_order).to_string(),
            sku: sku.code,
            error: None,
        })
    });
    Ok(rows.collect())
}

impl OfferField {
    fn type_in(&mut self, posted: &Posted) {
        let get = |part: &str| posted.get(&format!("{part}.{}", self.sku)).trim().to_owned();
        let (on, price, quota, limit) = (get("on"), get("price"), get("quota"), get("limit"));
        self.on = !on.is_empty();
        self.price = price;
        self.quota = quota;
        self.limit = limit;
    }

    /// The offer as the call takes it; what is wrong is named by the sku.
    fn read(&self, lang: Lang) -> Result<Value, FieldError> {
        let wrong = |words: crate::error::Text| FieldError {
            field: format!("offer.{}", self.sku),
            message: words,
        };
        let price = fen(&self.price).map_err(wrong)?;
        let number = |typed: &str| match typed {
            "" => Ok(None),
            typed => whole(typed).map(Some),
        };
        let _ = lang;
        let quota = number(&self.quota).map_err(wrong)?;
        let limit = number(&self.limit).map_err(wrong)?.unwrap_or(20);
        Ok(json!({"sku": self.sku, "price_fen": price, "quota": quota, "limit_per_order": limit}))
    }
}

/// The form's page, and the rows of offers that it will hold.
struct Draft {
    act: Act,
    rows: Vec<OfferField>,
}

impl Draft {
    async fn new(desk: &Desk) -> Result<Self> {
        let today = desk.by.at.day();
        let village = desk.shell(Place::Links).await?.village;
        let title = match desk.lang {
            Lang::Zh => format!("{village} {}", today.format("%-m月%-d日")),
            Lang::En => format!("{village}, {}", today.format("%-d %B")),
        };
        let form = Self::fields(
            desk,
            "/console/links/new",
            desk.t("做好链接", "Make the link"),
            true,
        );
        let mut draft = Draft {
            act: Act::new(
                Place::Links,
                desk.t("新的链接", "A new link"),
                ("/console/links", desk.t("链接", "Links")),
                form,
            ),
            rows: offer_rows(desk, &[]).await?,
        };
        draft.set("title", title);
        if let [only] = draft.rows.as_mut_slice() {
            only.on = true;
        }
        Ok(draft)
    }

    async fn edit(desk: &Desk, link: &LinkRow, offers: &[OfferRow]) -> Result<Self> {
        let path = format!("/console/links/{}", link.code);
        let form = Self::fields(desk, &format!("{path}/edit"), desk.t("保存", "Save"), false);
        let mut draft = Draft {
            act: Act::new(
                Place::Links,
                desk.t("修改链接", "Change the link"),
                (&path, &link.title),
                form,
            ),
            rows: offer_rows(desk, offers).await?,
        };
        draft.set("title", link.title.clone());
        draft.set("host", link.host.clone());
        draft.set("opens_at", link.opens_at.map_or(String::new(), local));
        draft.set("closes_at", link.closes_at.map_or(String::new(), local));
        Ok(draft)
    }

    fn fields(desk: &Desk, action: &str, button: &str, new: bool) -> Form {
        let channels = CHANNELS.map(|channel| (channel, words::channel(desk.lang, channel)));
        let mut form = Form::new(desk.lang, action, button).with(
            Field::new(
                Kind::Text,
                "title",
                desk.t("标题，买家会看到", "Title, as buyers see it"),
            )
            .max(80),
        );
        if new {
            form = form.with(
                Field::new(Kind::Choice, "channel", desk.t("发到哪里", "Where it goes"))
                    .options(channels)
                    .value("livestream"),
            );
        }
        if desk.role() != Role::Host {
            form = form.with(
                Field::new(Kind::Text, "host", desk.t("谁来卖", "Who sells"))
                    .hint(desk.t("报表按这个名字算。", "Reports count by this name."))
                    .max(40)
                    .or_null(),
            );
        }
        let hint = desk.t("北京时间", "Beijing time");
        form.with(
            Field::new(Kind::Moment, "opens_at", desk.t("几点开始", "Opens"))
                .hint(hint)
                .or_null()
                .half(),
        )
        .with(
            Field::new(Kind::Moment, "closes_at", desk.t("几点结束", "Closes"))
                .hint(hint)
                .or_null()
                .half(),
        )
    }

    fn set(&mut self, name: &str, value: String) {
        if let Some(field) = self.act.form.fields.iter_mut().find(|field| field.name == name) {
            field.value = value;
        }
    }

    fn typed(mut self, posted: &Posted) -> Self {
        self.act.form = self.act.form.typed(posted);
        self.rows.iter_mut().for_each(|row| row.type_in(posted));
        self
    }

    /// What was typed, as the calls take it.
    fn value(&self, lang: Lang) -> Result<Value> {
        let (mut offers, mut errors) = (Vec::new(), Vec::new());
        for row in self.rows.iter().filter(|row| row.on) {
            match row.read(lang) {
                Ok(offer) => offers.push(offer),
                Err(error) => errors.push(error),
            }
        }
        let typed = self.act.form.value();
        if errors.is_empty() {
            let mut body = typed?;
            body["offers"] = offers.into();
            return Ok(body);
        }
        if let Err(error) = typed {
            errors.extend(error.into_problem().errors);
        }
        Err(invalid_fields(errors))
    }

    async fn show(mut self, desk: &Desk) -> Result<Response> {
        let offers = Offers {
            lang: desk.lang,
            rows: self.rows,
        };
        self.act.form.inside = offers.render().map_err(anyhow::Error::from)?;
        self.act.show(desk).await
    }

    /// The page again; the call counts offers, the form names skus.
    async fn again(mut self, desk: &Desk, error: Error) -> Result<Response> {
        let mut problem = crate::web::form::mendable(error)?;
        let on: Vec<String> = self
            .rows
            .iter()
            .filter(|row| row.on)
            .map(|row| row.sku.clone())
            .collect();
        let mut rest = Vec::new();
        for wrong in problem.errors {
            let index = wrong.field.strip_prefix("offers[");
            let index = index.and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
            let sku = index.and_then(|index| on.get(index)).cloned();
            let sku = sku.or_else(|| wrong.field.strip_prefix("offer.").map(str::to_owned));
            match self.rows.iter_mut().find(|row| Some(&row.sku) == sku.as_ref()) {
                Some(row) => row.error = Some(desk.lang.pick(&wrong.message).to_owned()),
                None => rest.push(wrong),
            }
        }
        problem.detail = match self
            .rows
            .iter()
            .find_map(|row| Some((&row.name, row.error.as_ref()?)))
        {
            Some((name, error)) => text(format!("{name}：{error}"), format!("{name}: {error}")),
            None => problem.detail,
        };
        problem.errors = rest;
        self.act.form = self.act.form.wrong(problem.into())?;
        self.show(desk).await
    }
}

/// As a browser's field for a minute takes it.
fn local(at: Timestamp) -> String {
    let minute = at.local_minute();
    format!("{}T{}", at.day(), minute.split(' ').nth(1).unwrap_or("00:00"))
}

pub async fn new_form(desk: Desk) -> Result<Response> {
    Draft::new(&desk).await?.show(&desk).await
}

pub async fn create(desk: Desk, posted: Posted) -> Result<Response> {
    let draft = Draft::new(&desk).await?.typed(&posted);
    let input = draft
        .value(desk.lang)
        .and_then(|body| parse::<NewLink>(body.to_string().as_bytes()));
    let made = match input {
        Ok(input) => {
            let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
            api::create(db, url, desk.by.clone(), Json(input)).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok((_, Json(link))) => {
            let said = text("链接做好了，发出去吧。", "The link is ready to be shared.");
            desk.done(&format!("/console/links/{}", link.code), &said)
        }
        Err(error) => draft.again(&desk, error).await,
    }
}

pub async fn edit_form(desk: Desk, Code(code): Code) -> Result<Response> {
    let (link, offers) = find(&desk.db, &desk.by, &code).await?;
    Draft::edit(&desk, &link, &offers).await?.show(&desk).await
}

pub async fn edit(desk: Desk, Code(code): Code, posted: Posted) -> Result<Response> {
    let (link, offers) = find(&desk.db, &desk.by, &code).await?;
    let draft = Draft::edit(&desk, &link, &offers).await?.typed(&posted);
    let input = draft
        .value(desk.lang)
        .and_then(|body| parse::<LinkChange>(body.to_string().as_bytes()));
    let done = match input {
        Ok(input) => {
            let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
            api::change(db, url, Code(code.clone()), desk.by.clone(), Json(input)).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => desk.done(&format!("/console/links/{code}"), &text("已保存。", "Saved.")),
        Err(error) => draft.again(&desk, error).await,
    }
}
