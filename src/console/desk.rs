//! Where a member of staff sits: what every page of the console needs to know, and the frame around it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::words;
use crate::clock::Clock;
use crate::config::{Config, PublicUrl};
use crate::db::Db;
use crate::error::{Error, Result, Text};
use crate::id::Ids;
use crate::money::Method;
use crate::payments::State;
use crate::villages::api::LoginGuard;
use crate::villages::auth::By;
use crate::villages::{Role, Village, store};
use crate::web::edge::{Lang, cookie};

const FLASH_COOKIE: &str = "cunji_said";

/// What a page says once about what has just been done.
#[derive(Clone, Serialize, Deserialize)]
pub struct Flash {
    pub words: String,
    pub undo: Option<Undo>,
}

/// The form that takes back what has just been done.
#[derive(Clone, Serialize, Deserialize)]
pub struct Undo {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

/// The parts of the console; one of them is marked in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Today,
    Orders,
    Sending,
    Stock,
    Links,
    Products,
    Money,
    Reports,
    Imports,
    Settings,
    Log,
    More,
}

/// A way in the navigation.
pub struct Way {
    pub place: Place,
    pub href: &'static str,
    pub label: &'static str,
    pub icon: &'static str,
}

/// The frame of a page.
pub struct Shell {
    pub lang: Lang,
    pub place: Place,
    pub login: String,
    pub role: Role,
    pub village: String,
    pub town: String,
    /// the villages that an overseer may look at: slug and name
    pub villages: Vec<(String, String)>,
    pub slug: String,
    pub flash: Option<Flash>,
    /// the shop takes play money
    pub practice: bool,
    /// the address of the page, to come back to
    pub here: String,
}

/// Who asks for a page, and what the page may ask in turn.
pub struct Desk {
    pub db: Db,
    pub by: By,
    pub lang: Lang,
    pub clock: Clock,
    pub config: Arc<Config>,
    pub url: PublicUrl,
    pub guard: LoginGuard,
    here: String,
    flash: Option<Flash>,
}

impl<S> FromRequestParts<S> for Desk
where
    S: Send + Sync,
    Db: FromRef<S>,
    Clock: FromRef<S>,
    Ids: FromRef<S>,
    Arc<Config>: FromRef<S>,
    PublicUrl: FromRef<S>,
    LoginGuard: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        Ok(Desk {
            by: By::from_request_parts(parts, state).await?,
            db: Db::from_ref(state),
            clock: Clock::from_ref(state),
            config: FromRef::from_ref(state),
            url: PublicUrl::from_ref(state),
            guard: LoginGuard::from_ref(state),
            lang: Lang::of(&parts.headers),
            here: parts
                .uri
                .path_and_query()
                .map_or("/console", |here| here.as_str())
                .to_owned(),
            flash: cookie(&parts.headers, FLASH_COOKIE).and_then(unpack),
        })
    }
}

impl Desk {
    pub fn role(&self) -> Role {
        self.by.staff.role
    }

    pub fn is(&self, roles: &[Role]) -> bool {
        roles.contains(&self.role())
    }

    /// The Chinese or the English of a pair.
    pub fn t<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        self.lang.say(zh, en)
    }

    pub async fn shell(&self, place: Place) -> Result<Shell> {
        let staff = &self.by.staff;
        let villages = store::villages(&self.db).await?;
        let own = villages
            .iter()
            .find(|village| village.id == staff.village)
            .cloned();
        let own = own.ok_or_else(crate::error::not_found)?;
        let seen = |village: &&Village| staff.role == Role::Overseer && village.town_id == own.town_id;
        let seen = villages
            .iter()
            .filter(seen)
            .map(|village| (village.slug.clone(), village.name.clone()));
        Ok(Shell {
            lang: self.lang,
            place,
            login: staff.login.clone(),
            role: staff.role,
            villages: seen.collect(),
            village: own.name,
            town: own.town,
            slug: own.slug,
            flash: self.flash.clone(),
            practice: self.config.payments.contains(&Method::Practice),
            here: self.here.clone(),
        })
    }

    /// A page; what had to be said once is said by it.
    pub fn show(&self, page: &impl Template) -> Result<Response> {
        self.show_as(StatusCode::OK, page)
    }

    pub fn show_as(&self, status: StatusCode, page: &impl Template) -> Result<Response> {
        let body = page.render().map_err(anyhow::Error::from)?;
        let response = (status, Html(body)).into_response();
        match self.flash {
            Some(_) => with_cookie(response, &self.guard.cookie_named(FLASH_COOKIE, "", 0)),
            None => Ok(response),
        }
    }

    /// On to a page, which says what has been done.
    pub fn done(&self, to: &str, said: &Text) -> Result<Response> {
        self.done_undo(to, said, None)
    }

    /// The same, with a way back.
    pub fn done_undo(&self, to: &str, said: &Text, undo: Option<Undo>) -> Result<Response> {
        let words = self.lang.pick(said).chars().take(300).collect();
        let packed = serde_json::to_vec(&Flash { words, undo }).map_err(anyhow::Error::from)?;
        let cookie = self
            .guard
            .cookie_named(FLASH_COOKIE, &BASE64URL_NOPAD.encode(&packed), 60);
        with_cookie(Redirect::to(to).into_response(), &cookie)
    }
}

fn unpack(value: &str) -> Option<Flash> {
    let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn with_cookie(response: Response, cookie: &str) -> Result<Response> {
    crate::villages::api::with_cookie(response, cookie)
}

/// Sends a browser that isn't logged in to the login, and from there back to where it wanted to go.
pub async fn to_login(request: Request, next: Next) -> Response {
    let accepts = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let is_page = accepts.is_some_and(|accept| accept.contains("text/html"));
    let wanted = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.status() != StatusCode::UNAUTHORIZED || !is_page {
        return response;
    }
    let next = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", &wanted)
        .finish();
    let mut to = Redirect::to(&format!("/console/login?{next}")).into_response();
    to.headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    to
}

const READERS: &[Role] = &[Role::Manager, Role::Packer, Role::Accountant, Role::Overseer];
const MONEY: &[Role] = &[Role::Manager, Role::Accountant, Role::Overseer];
const MANAGER: &[Role] = &[Role::Manager];

impl Shell {
    pub fn t<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        self.lang.say(zh, en)
    }

    pub fn may(&self, roles: &[Role]) -> bool {
        roles.contains(&self.role)
    }

    pub fn is_manager(&self) -> bool {
        self.role == Role::Manager
    }

    pub fn may_read_orders(&self) -> bool {
        self.may(READERS)
    }

    pub fn channel<'a>(&self, channel: &'a str) -> &'a str {
        words::channel(self.lang, channel)
    }

    pub fn act<'a>(&self, act: &'a str) -> &'a str {
        words::act(self.lang, act)
    }

    pub fn method(&self, method: &Method) -> &'static str {
        words::method(self.lang, *method)
    }

    pub fn payment(&self, state: &State) -> words::Badge {
        words::payment(self.lang, *state)
    }

    pub fn role_name(&self) -> &'static str {
        role_name(self.lang, self.role)
    }

    /// Where this role can go. On a phone the first four stand at the bottom, the others behind "more".
    pub fn ways(&self) -> Vec<Way> {
        use Place::*;
        let t = |zh, en| self.lang.say(zh, en);
        let all: [(Place, &'static str, &'static str, &'static str, &[Role]); 11] = [
            (Today, "/console", t("今天", "Today"), "sun", EVERYONE),
            (Orders, "/console/orders", t("订单", "Orders"), "list", EVERYONE),
            (Sending, "/console/batches", t("发货", "Sending"), "van", READERS),
            (Stock, "/console/stock", t("库存", "Stock"), "box", READERS),
            (Links, "/console/links", t("链接", "Links"), "share", EVERYONE),
            (
                Products,
                "/console/products",
                t("商品", "Products"),
                "leaf",
                EVERYONE,
            ),
            (Money, "/console/money", t("收退款", "Money"), "coin", MONEY),
            (Reports, "/console/reports", t("报表", "Reports"), "chart", MONEY),
            (Imports, "/console/imports", t("导入", "Import"), "inbox", MANAGER),
            (
                Settings,
                "/console/settings",
                t("设置", "Settings"),
                "gear",
                EVERYONE,
            ),
            (Log, "/console/log", t("操作记录", "Log"), "clock", MONEY),
        ];
        let open = all.into_iter().filter(|(.., roles)| self.may(roles));
        open.map(|(place, href, label, icon, _)| Way {
            place,
            href,
            label,
            icon: icon_of(icon),
        })
        .collect()
    }

    /// What of the navigation stands behind "more" on a phone.
    pub fn is_behind(&self, at: &usize) -> bool {
        *at >= 4
    }

    pub fn is_more(&self) -> bool {
        let at = self.ways().iter().position(|way| way.place == self.place);
        self.place == Place::More || at.is_some_and(|at| at >= 4)
    }
}

const EVERYONE: &[Role] = &[
    Role::Manager,
    Role::Packer,
    Role::Accountant,
    Role::Host,
    Role::Overseer,
];

pub fn role_name(lang: Lang, role: Role) -> &'static str {
    match role {
        Role::Manager => lang.say("管理员", "Manager"),
        Role::Packer => lang.say("打包员", "Packer"),
        Role::Accountant => lang.say("会计", "Accountant"),
        Role::Host => lang.say("主播", "Host"),
        Role::Overseer => lang.say("镇里", "Town"),
    }
}

/// The inside of a 24 × 24 drawing, in lines.
pub fn icon_of(name: &str) -> &'static str {
    match name {
        "sun" => {
            r#"<circle cx="12" cy="12" r="4"/><path d="M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2"/>"#
        }
        "list" => r#"<path d="M9 6h11M9 12h11M9 18h11M4 6h.01M4 12h.01M4 18h.01"/>"#,
        "box" => r#"<path d="M3 8l9-5 9 5v8l-9 5-9-5zM3 8l9 5 9-5M12 13v8"/>"#,
        "van" => {
            r#"<path d="M2 6h12v11H2zM14 10h4l4 4v3h-8z"/><circle cx="7" cy="18" r="2"/><circle cx="17.5" cy="18" r="2"/>"#
        }
        "share" => {
            r#"<circle cx="6" cy="12" r="3"/><circle cx="18" cy="5" r="3"/><circle cx="18" cy="19" r="3"/><path d="M8.7 10.5l6.6-4M8.7 13.5l6.6 4"/>"#
        }
        "leaf" => r#"<path d="M5 19c0-9 5-14 15-15 0 10-5 15-13 14M5 21c1-5 4-8 8-10"/>"#,
        "coin" => {
            r#"<circle cx="12" cy="12" r="9"/><path d="M8.5 7.5L12 12l3.5-4.5M12 12v5M9 12h6M9 15h6"/>"#
        }
        "chart" => r#"<path d="M4 20V4M4 20h17M8 16v-4M12.5 16V8M17 16v-6"/>"#,
        "inbox" => r#"<path d="M12 3v9M8 9l4 4 4-4M4 14v5h16v-5"/>"#,
        "gear" => {
            r#"<path d="M4 7h10M18 7h2M4 17h2M10 17h10"/><circle cx="16" cy="7" r="2"/><circle cx="8" cy="17" r="2"/>"#
        }
        "clock" => r#"<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 2"/>"#,
        _ => r#"<path d="M5 12h.01M12 12h.01M19 12h.01"/>"#,
    }
}
