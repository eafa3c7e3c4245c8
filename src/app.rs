//! The program put together: what a handler can reach, and the HTTP service around the route table.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;

use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::id::Ids;
use crate::villages::api::LoginGuard;
use crate::web::edge::{Edge, edge};

/// The largest JSON body; files have a limit of their own.
const BODY_LIMIT: usize = 64 * 1024;

/// Everything a handler can ask for, cheap to clone.
#[derive(Clone, FromRef)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub ids: Ids,
    pub config: Arc<Config>,
    pub login_guard: LoginGuard,
}

impl App {
    pub async fn build(config: Config, db: Db, ids: Ids) -> anyhow::Result<Self> {
        let secure = config
            .public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"));
        Ok(App {
            clock: config.clock(),
            db,
            ids,
            login_guard: LoginGuard::new(secure),
            config: Arc::new(config),
        })
    }

    /// The HTTP service.
    pub fn service(&self) -> Router {
        let boot = self.ids.uuid(self.clock.now()).simple().to_string();
        crate::routes::router(self)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(from_fn_with_state(Edge::new(&boot[24..]), edge))
            .with_state(self.clone())
    }
}
