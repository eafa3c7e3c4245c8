//! The program put together: the parts made, the tasks started, and the HTTP service around the route table.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tower_http::csrf::CsrfLayer;

use crate::config::{Config, PublicUrl};
use crate::db::Db;
use crate::id::Ids;
use crate::links::board::Board;
use crate::orders::intake::Intake;
use crate::state::App;
use crate::villages::api::LoginGuard;
use crate::web::edge::{Edge, edge};

/// The largest JSON body; files have a limit of their own.
const BODY_LIMIT: usize = 64 * 1024;

impl App {
    /// Makes the parts and starts the intake. Needs a tokio runtime.
    pub fn build(config: Config, db: Db, ids: Ids) -> Self {
        let public_url = config
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", config.listen));
        let clock = config.clock();
        let board = Board::new(db.clone(), clock.clone(), &config.payments);
        let intake = Intake::start(
            db.clone(),
            board.clone(),
            clock.clone(),
            ids.clone(),
            config.hold_ttl,
        );
        App {
            login_guard: LoginGuard::new(public_url.starts_with("https://")),
            public_url: PublicUrl(public_url.into()),
            board,
            intake,
            clock,
            db,
            ids,
            config: Arc::new(config),
        }
    }

    /// The HTTP service.
    pub fn service(&self) -> Router {
        let boot = self.ids.uuid(self.clock.now()).simple().to_string();
        crate::routes::router(self)
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            // pages of other sites can't act here in a visitor's name; programs send no Origin and pass
            .layer(CsrfLayer::new())
            .layer(from_fn_with_state(
                Edge::new(boot.get(24..).unwrap_or_default()),
                edge,
            ))
            .with_state(self.clone())
    }
}
