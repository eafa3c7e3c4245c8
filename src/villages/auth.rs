//! Who is calling: passwords, sessions, tokens, and the gate that `routes.rs` puts before every staff route.

use std::time::Duration;

use anyhow::anyhow;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use axum::extract::{FromRef, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use uuid::Uuid;

use super::{Role, Staff, store};
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::{Result, forbidden, not_found, unauthorized};
use crate::id::{Ids, hash_secret, village_of_secret};
use crate::web::edge::cookie;

/// Which village an overseer is looking at in the console; programs say it in the header `X-Village`.
pub const VILLAGE_COOKIE: &str = "cunji_village";

pub const SESSION_COOKIE: &str = "cunji_session";

/// A console session ends after a day of work and a night.
pub const SESSION_TTL: Duration = Duration::from_secs(16 * 3_600);

/// What a gate needs: where to look, and whom to let in.
#[derive(Clone)]
pub struct Gate {
    pub db: Db,
    pub clock: Clock,
    pub roles: &'static [Role],
}

/// Lets a request through when its token or session belongs to a role of the gate.
pub async fn require(State(gate): State<Gate>, mut request: Request, next: Next) -> Result<Response> {
    let secret = secret_of(request.headers()).ok_or_else(unauthorized)?;
    let village = village_of_secret(secret).ok_or_else(unauthorized)?;
    let found = store::staff_by_secret(&gate.db, village, &hash_secret(secret), gate.clock.now()).await?;
    let (mut staff, town) = found.ok_or_else(unauthorized)?;
    if !gate.roles.contains(&staff.role) {
        return Err(forbidden());
    }
    if staff.role == Role::Overseer
        && let Some(slug) = village_asked(request.headers())
    {
        let other = store::village_by_slug(&gate.db, slug)
            .await?
            .filter(|other| other.town_id == town);
        staff.village = other.ok_or_else(not_found)?.id;
    }
    request.extensions_mut().insert(staff);
    Ok(next.run(request).await)
}

fn village_asked(headers: &HeaderMap) -> Option<&str> {
    let named = headers.get("x-village").and_then(|value| value.to_str().ok());
    named.or_else(|| cookie(headers, VILLAGE_COOKIE))
}

/// The secret of a request: a bearer token, or the console's cookie.
pub fn secret_of(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    if let Some(bearer) = bearer {
        return bearer.strip_prefix("Bearer ").map(str::trim);
    }
    cookie(headers, SESSION_COOKIE)
}

/// Who acts, when, and where the ids of what they make come from; in the signature of every staff handler.
#[derive(Clone)]
pub struct By {
    pub staff: Staff,
    pub at: Timestamp,
    pub ids: Ids,
}

impl By {
    /// An id for a row made by this act.
    pub fn new_id(&self) -> Uuid {
        self.ids.uuid(self.at)
    }

    /// Writes the act into the operation log, in its own transaction.
    pub async fn log(
        &self,
        tx: &mut Tx,
        act: &str,
        subject: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<()> {
        store::log(
            tx,
            &self.staff,
            self.new_id(),
            self.at,
            act,
            subject,
            (before, after),
        )
        .await
    }
}

impl<S> FromRequestParts<S> for By
where
    S: Send + Sync,
    Clock: FromRef<S>,
    Ids: FromRef<S>,
{
    type Rejection = crate::error::Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        // only a gate puts this here; a route without one lets nobody act
        let staff = parts
            .extensions
            .get::<Staff>()
            .cloned()
            .ok_or_else(unauthorized)?;
        Ok(By {
            staff,
            at: Clock::from_ref(state).now(),
            ids: Ids::from_ref(state),
        })
    }
}

/// Hashes a password with argon2id in its default strength (19 MiB, two passes); slow on purpose.
pub fn hash_password(password: &str) -> Result<String> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| anyhow!("hashing: {error}"))?;
    Ok(hash.to_string())
}

/// Compares a password with a stored hash, in constant time.
pub fn verify_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}
