//! For operators: is it up, is it ready, how is it doing.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::db::Db;
use crate::error::{Problem, text};

pub async fn healthz() -> &'static str {
    "ok"
}

/// Ready means that the database answers and has this program's migrations.
pub async fn readyz(State(db): State<Db>) -> axum::response::Response {
    match db.is_migrated().await {
        Ok(true) => "ready".into_response(),
        Ok(false) => not_ready("the database is not migrated"),
        Err(_) => not_ready("the database does not answer"),
    }
}

fn not_ready(why: &str) -> axum::response::Response {
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-ready",
        text("还没有准备好。", why),
    );
    crate::error::Error::from(problem).into_response()
}
