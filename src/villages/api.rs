//! Logging in and out, the operation log, the village's settings, its staff and their tokens.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{self, By, SESSION_COOKIE, SESSION_TTL};
use super::store::{self, Credential, Operation};
use super::team::{self, Hire, MemberChange};
use super::{Member, Role, Settings};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Problem, Result, not_found, text, unauthorized};
use crate::id::{Ids, hash_secret, village_of_secret};
use crate::money::Fen;
use crate::transact;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page, Paging};

/// A password takes 19 MiB and 16 ms to check: so many at once, and no more.
const CHECKS_AT_ONCE: usize = 4;

/// Guessing limits: tries per login and minute.
const TRIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Guards the log-in against guessing and against being used to eat memory.
#[derive(Clone)]
pub struct LoginGuard {
    tries: Arc<DefaultKeyedRateLimiter<String>>,
    checks: Arc<tokio::sync::Semaphore>,
    secure_cookie: bool,
}

impl LoginGuard {
    /// `secure_cookie`: the shop is reached over TLS, so the cookie must never travel without.
    pub fn new(secure_cookie: bool) -> Self {
        LoginGuard {
            tries: Arc::new(RateLimiter::keyed(Quota::per_minute(TRIES_PER_MINUTE))),
            checks: Arc::new(tokio::sync::Semaphore::new(CHECKS_AT_ONCE)),
            secure_cookie,
        }
    }

    /// Forgets logins that have not been tried lately; a job calls this.
    pub fn forget_idle(&self) {
        self.tries.retain_recent();
    }

    /// `value` empty ends the session in the browser.
    fn cookie(&self, value: &str, seconds: u64) -> String {
        self.cookie_named(SESSION_COOKIE, value, seconds)
    }

    /// A cookie of this site that no script reads and no other site sends.
    pub fn cookie_named(&self, name: &str, value: &str, seconds: u64) -> String {
        let secure = if self.secure_cookie { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")
    }

    async fn verify(&self, password: String, hash: String) -> Result<bool> {
        let _permit = self.checks.acquire().await.map_err(anyhow::Error::from)?;
        let check = tokio::task::spawn_blocking(move || auth::verify_password(&password, &hash));
        Ok(check.await.map_err(anyhow::Error::from)?)
    }

    async fn hash(&self, password: String) -> Result<String> {
        let _permit = self.checks.acquire().await.map_err(anyhow::Error::from)?;
        let hash = tokio::task::spawn_blocking(move || auth::hash_password(&password));
        hash.await.map_err(anyhow::Error::from)?
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub login: String,
    pub password: String,
}

#[derive(Serialize, ToSchema)]
pub struct Session {
    pub login: String,
    pub name: String,
    pub role: Role,
}

pub async fn log_in(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    State(guard): State<LoginGuard>,
    Json(input): Json<Login>,
) -> Result<Response> {
    let (session, cookie) = open_session(&db, &clock, &ids, &guard, &input).await?;
    with_cookie(Json(session).into_response(), &cookie)
}

/// Checks a login and opens a session: who it is, and the cookie that keeps it.
///
/// # Errors
/// 401 for a wrong login or password, 429 after too many tries.
pub async fn open_session(
    db: &Db,
    clock: &Clock,
    ids: &Ids,
    guard: &LoginGuard,
    input: &Login,
) -> Result<(Session, String)> {
    let login: String = input
        .login
        .trim()
        .chars()
        .take(60)
        .filter(|c| !c.is_control())
        .collect();
    if guard.tries.check_key(&login).is_err() {
        let detail = text(
            "试得太多了，请一分钟后再试。",
            "Too many tries; please wait a minute.",
        );
        return Err(
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-tries", detail)
                .retry_after(60)
                .into(),
        );
    }
    let account = store::account(db, &login).await?;
    // a login that doesn't exist takes as long as one that does, so that an answer's time says nothing
    let hash = account
        .as_ref()
        .map_or(DUMMY_HASH.as_str(), |account| &account.password_hash);
    let right = guard.verify(input.password.clone(), hash.to_owned()).await?;
    let Some(account) = account.filter(|_| right) else {
        let detail = text("登录名或密码不对。", "The login or the password is wrong.");
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "wrong-login", detail).into());
    };
    let (secret, at) = (ids.secret(account.village_id), clock.now());
    let hash = hash_secret(&secret);
    let ends = Some(at.plus(SESSION_TTL));
    transact!(db, tx => {
        store::create_credential(tx, account.village_id, account.id, Credential::Session, &hash, at, ends).await
    })?;
    let session = Session {
        login: account.login,
        name: account.name,
        role: account.role,
    };
    Ok((session, guard.cookie(&secret, SESSION_TTL.as_secs())))
}

/// Hashed once, so that the check of an unknown login has something to work on.
static DUMMY_HASH: LazyLock<String> =
    LazyLock::new(|| auth::hash_password("nobody's password").unwrap_or_default());

pub async fn log_out(
    State(db): State<Db>,
    State(guard): State<LoginGuard>,
    headers: HeaderMap,
) -> Result<Response> {
    let cookie = end_session(&db, &guard, &headers).await?;
    with_cookie(StatusCode::NO_CONTENT.into_response(), &cookie)
}

/// Ends the session or token of a request, and gives the cookie that makes the browser forget it.
///
/// # Errors
/// 401 when the request has none.
pub async fn end_session(db: &Db, guard: &LoginGuard, headers: &HeaderMap) -> Result<String> {
    let secret = auth::secret_of(headers).ok_or_else(unauthorized)?;
    let village = village_of_secret(secret).ok_or_else(unauthorized)?;
    let hash = hash_secret(secret);
    transact!(db, tx => store::drop_credential(tx, village, &hash).await)?;
    Ok(guard.cookie("", 0))
}

/// The answer with a cookie.
pub fn with_cookie(mut response: Response, cookie: &str) -> Result<Response> {
    let cookie = HeaderValue::from_str(cookie).map_err(anyhow::Error::from)?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

pub async fn operations(
    State(db): State<Db>,
    by: By,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Operation>>> {
    let limit = listing::limit(paging.limit)?;
    let before = listing::before(paging.after.as_deref())?;
    let rows = store::operations(&db, by.staff.village, before, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.id.to_string())))
}

pub async fn settings(State(db): State<Db>, by: By) -> Result<Json<Settings>> {
    store::settings(&db, by.staff.village).await.map(Json)
}

/// A change of the village's settings; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    name: Option<String>,
    contact: Option<String>,
    /// the collective's own account; never a person's
    account: Option<String>,
    /// transfers and cash of one order beyond this take a second person to confirm; 0: never
    second_person_above_fen: Option<Fen>,
}

pub async fn change_settings(
    State(db): State<Db>,
    by: By,
    Json(input): Json<SettingsChange>,
) -> Result<Json<Settings>> {
    let mut check = Check::new();
    let name = input.name.map(|name| check.line("name", &name, 1, 40));
    let contact = input
        .contact
        .map(|contact| check.line("contact", &contact, 0, 80));
    let account = input
        .account
        .map(|account| check.line("account", &account, 0, 160));
    let limit = input
        .second_person_above_fen
        .map(|limit| check.fen("second_person_above_fen", limit));
    check.finish()?;
    let after = transact!(db, tx => {
        let before = store::lock_settings(tx, by.staff.village).await?;
        let after = Settings {
            name: name.clone().unwrap_or_else(|| before.name.clone()),
            contact: contact.clone().unwrap_or_else(|| before.contact.clone()),
            account: account.clone().unwrap_or_else(|| before.account.clone()),
            second_person_above_fen: limit.unwrap_or(before.second_person_above_fen),
            ..before.clone()
        };
        store::update_settings(tx, by.staff.village, &after).await?;
        let shape = |of: &Settings| json!({"name": of.name, "contact": of.contact,
            "account": of.account, "second_person_above_fen": of.second_person_above_fen});
        by.log(tx, "village.change", &after.slug, Some(shape(&before)), Some(shape(&after))).await?;
        Ok(after)
    })?;
    Ok(Json(after))
}

pub async fn staff(State(db): State<Db>, by: By, Query(paging): Query<Paging>) -> Result<Json<Page<Member>>> {
    let limit = listing::limit(paging.limit)?;
    let before = listing::before(paging.after.as_deref())?;
    let rows = store::team(&db, by.staff.village, before, limit + 1).await?;
    Ok(Json(Page::cut(rows, limit, |row| row.id.to_string())))
}

pub async fn hire(
    State(db): State<Db>,
    State(guard): State<LoginGuard>,
    by: By,
    Json(input): Json<Hire>,
) -> Result<Response> {
    let new = input.checked()?;
    let hash = guard.hash(new.password.clone()).await?;
    let member = transact!(db, tx => team::hire(tx, &by, &new, &hash).await)?;
    Ok((StatusCode::CREATED, Json(member)).into_response())
}

pub async fn change_staff(
    State(db): State<Db>,
    State(guard): State<LoginGuard>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<MemberChange>,
) -> Result<Json<Member>> {
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    let change = input.checked()?;
    let hash = match change.password.clone() {
        Some(password) => Some(guard.hash(password).await?),
        None => None,
    };
    let member = transact!(db, tx => team::change(tx, &by, id, &change, hash.as_deref()).await)?;
    Ok(Json(member))
}

/// An API token, shown this once.
#[derive(Serialize, ToSchema)]
pub struct Token {
    pub token: String,
}

pub async fn create_token(db: State<Db>, by: By) -> Result<Response> {
    let token = new_token(db, by).await?;
    Ok((StatusCode::CREATED, Json(token)).into_response())
}

/// A new token for whoever asks.
///
/// # Errors
/// 409 when they have too many.
pub async fn new_token(State(db): State<Db>, by: By) -> Result<Token> {
    let staff = team::at_home(&db, &by.staff).await?;
    let token = transact!(db, tx => team::make_token(tx, &by.ids, &staff, by.at).await)?;
    Ok(Token { token })
}

pub async fn revoke_tokens(State(db): State<Db>, by: By) -> Result<StatusCode> {
    let staff = team::at_home(&db, &by.staff).await?;
    transact!(db, tx => team::revoke_tokens(tx, &by.ids, &staff, by.at).await)?;
    Ok(StatusCode::NO_CONTENT)
}
