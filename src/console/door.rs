//! The way in and out: login, logout, the language, and the village that an overseer looks at.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::desk::Desk;
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Error, Result, not_found};
use crate::id::Ids;
use crate::villages::api::{Login, LoginGuard, end_session, open_session, with_cookie};
use crate::villages::auth::VILLAGE_COOKIE;
use crate::villages::store;
use crate::web::edge::{LANG_COOKIE, Lang};
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::Query;

/// How long a browser keeps the choice of a language, in seconds: a year.
const KEPT_S: u64 = 365 * 24 * 3_600;

#[derive(serde::Deserialize)]
pub struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "console/login.html")]
struct LoginPage {
    lang: Lang,
    form: Form,
}

fn form(lang: Lang, next: &str) -> Form {
    Form::new(lang, "/console/login", lang.say("登录", "Log in"))
        .with(Field::hidden("next", inside(next)))
        .with(
            Field::new(Kind::Text, "login", lang.say("登录名", "Login"))
                .max(60)
                .complete("username"),
        )
        .with(
            Field::new(Kind::Password, "password", lang.say("密码", "Password")).complete("current-password"),
        )
}

/// A path of the console, whatever was asked for: a login must not lead to another site.
fn inside(path: &str) -> &str {
    let own = path == "/console" || path.starts_with("/console/") || path.starts_with("/console?");
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own && plain { path } else { "/console" }
}

fn page(lang: Lang, form: Form) -> Result<Response> {
    let status = form.status;
    let body = LoginPage { lang, form }.render().map_err(anyhow::Error::from)?;
    Ok((status, Html(body)).into_response())
}

pub async fn login(lang: Lang, Query(wanted): Query<Wanted>) -> Result<Response> {
    page(lang, form(lang, &wanted.next))
}

pub async fn log_in(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    State(guard): State<LoginGuard>,
    lang: Lang,
    posted: Posted,
) -> Result<Response> {
    let form = form(lang, posted.get("next")).typed(&posted);
    let login = Login {
        login: posted.get("login").to_owned(),
        password: posted.get("password").to_owned(),
    };
    let opened = match form.value() {
        Ok(_) => open_session(&db, &clock, &ids, &guard, &login).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok((_, cookie)) => with_cookie(Redirect::to(inside(posted.get("next"))).into_response(), &cookie),
        Err(Error::Problem(problem)) if problem.status == StatusCode::UNAUTHORIZED => {
            let mut form = form.says(lang.pick(&problem.detail));
            form.fields
                .iter_mut()
                .filter(|field| field.kind == Kind::Password)
                .for_each(|field| {
                    field.value = String::new();
                });
            // a 401 page would send the browser here again
            form.status = StatusCode::UNPROCESSABLE_ENTITY;
            page(lang, form)
        }
        Err(error) => page(lang, form.wrong(error)?),
    }
}

pub async fn log_out(
    State(db): State<Db>,
    State(guard): State<LoginGuard>,
    headers: HeaderMap,
    _: Posted,
) -> Result<Response> {
    let gone = Redirect::to("/console/login").into_response();
    match end_session(&db, &guard, &headers).await {
        Ok(cookie) => with_cookie(gone, &cookie),
        // nobody is logged in: that is what was asked for
        Err(Error::Problem(_)) => Ok(gone),
        Err(error) => Err(error),
    }
}

/// The reader chooses a language.
pub async fn language(State(guard): State<LoginGuard>, posted: Posted) -> Result<Response> {
    let to = match posted.get("to") {
        "en" => "en",
        _ => "zh",
    };
    let back = Redirect::to(inside(posted.get("back"))).into_response();
    with_cookie(back, &guard.cookie_named(LANG_COOKIE, to, KEPT_S))
}

/// An overseer looks at another village of the town.
pub async fn village(desk: Desk, posted: Posted) -> Result<Response> {
    let slug = posted.get("slug");
    let clean = !slug.is_empty()
        && slug
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let villages = store::villages(&desk.db).await?;
    let own = villages
        .iter()
        .find(|village| village.id == desk.by.staff.village);
    let wanted = villages.iter().find(|village| clean && village.slug == slug);
    match (own, wanted) {
        (Some(own), Some(wanted)) if own.town_id == wanted.town_id => with_cookie(
            Redirect::to("/console").into_response(),
            &desk.guard.cookie_named(VILLAGE_COOKIE, slug, KEPT_S),
        ),
        _ => Err(not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_the_console_only() {
        for (path, to) in [
            ("", "/console"),
            ("/console/orders", "/console/orders"),
            ("/console?a=b", "/console?a=b"),
            ("//evil.example", "/console"),
            ("https://evil.example/console", "/console"),
            ("/console\\evil", "/console"),
            ("/consolex", "/console"),
            ("/console/\r\nset-cookie: a=b", "/console"),
        ] {
            assert_eq!(inside(path), to, "{path}");
        }
    }
}
