//! The program put together: the parts made, the tasks started, and the HTTP service around the route table.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::csrf::CsrfLayer;

use crate::config::{Config, PublicUrl};
use crate::db::Db;
use crate::fulfillment::tracking::kuaidi100::Kuaidi100;
use crate::id::Ids;
use crate::links::board::Board;
use crate::links::live::Live;
use crate::links::share::Press;
use crate::links::views::Views;
use crate::ops::Metrics;
use crate::orders::addresses::PasteLimit;
use crate::orders::intake::Intake;
use crate::outbox::send::Sender;
use crate::payments::provider::Providers;
use crate::photos::Darkroom;
use crate::state::{App, Parts};
use crate::villages::api::LoginGuard;
use crate::web::edge::{Edge, edge};

/// The largest JSON body; files have a limit of their own.
const BODY_LIMIT: usize = 64 * 1024;

impl App {
    /// Makes the parts and starts the intake. Needs a tokio runtime.
    ///
    /// # Errors
    /// One line that names the setting whose key can't be used.
    pub fn build(config: Config, db: Db, ids: Ids) -> Result<Self, String> {
        let public_url = config
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", config.listen));
        let public_url = PublicUrl(public_url.into());
        let clock = config.clock();
        let providers = Providers::of(&config, &public_url, &clock, &ids)?;
        let views = Views::default();
        let board = Board::new(db.clone(), clock.clone(), &config.payments, views.clone());
        let intake = Intake::start(
            db.clone(),
            board.clone(),
            clock.clone(),
            ids.clone(),
            config.hold_ttl,
        );
        let waiting = intake.clone();
        let depth = move || waiting.depth();
        Ok(App::from(Parts {
            login_guard: LoginGuard::new(public_url.0.starts_with("https://")),
            public_url,
            metrics: Metrics::new(db.clone(), depth, config.metrics_listen.is_none()),
            live: Live::new(db.clone(), board.clone(), clock.clone()),
            board,
            views,
            press: Press::default(),
            intake,
            sender: Sender::default(),
            providers,
            darkroom: Darkroom::default(),
            paste_limit: PasteLimit::default(),
            kuaidi100: config.kuaidi100.clone().map(Kuaidi100::new),
            clock,
            db,
            ids,
            config: Arc::new(config),
        }))
    }

    /// Writes what is still only in memory and closes the database. Nothing may use the parts afterwards.
    pub async fn close(&self) {
        if let Err(error) = self.views.flush(&self.db, self.clock.now()).await {
            tracing::error!(%error, "page views were lost");
        }
        self.db.close().await;
    }

    /// The HTTP service.
    pub fn service(&self) -> Router {
        let boot = self.ids.uuid(self.clock.now()).simple().to_string();
        let document = serde_json::to_vec(&crate::routes::openapi()).unwrap_or_default();
        crate::routes::router(self)
            .merge(crate::ops::docs(document.into()))
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

/// How long requests in flight may take to finish after the stop was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Serves HTTP until `stop` is done, then finishes what is in flight.
pub async fn serve(
    app: &App,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let stopped = CancellationToken::new();
    let (signal, live) = (stopped.clone(), app.live.clone());
    let listener = listener.tap_io(|socket| {
        // small answers must not wait for more to come
        let _ = socket.set_nodelay(true);
    });
    let server = axum::serve(listener, app.service()).with_graceful_shutdown(async move {
        stop.await;
        signal.cancel();
        // who looks on at a live board would look on for ever
        live.stop();
    });
    let late = async {
        stopped.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        done = server.into_future() => done.context("serving failed"),
        () = late => Ok(()),
    }
}

/// How often page views are written and recorded figures folded.
const HOUSEKEEPING: Duration = Duration::from_secs(10);

/// The chores of this process's memory, which need no lease: every process has its own. Runs until it is dropped.
pub async fn housekeeping(app: App) {
    let mut ticks = tokio::time::interval(HOUSEKEEPING);
    loop {
        ticks.tick().await;
        Metrics::fold();
        if let Err(error) = app.views.flush(&app.db, app.clock.now()).await {
            tracing::error!(%error, "page views could not be written; they stay counted");
        }
    }
}

/// Serves `/metrics` on an address of its own.
pub async fn serve_metrics(metrics: Metrics, address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .context("can't listen on CUNJI_METRICS_LISTEN")?;
    tracing::info!(figures = %listener.local_addr()?, "serving figures");
    tokio::spawn(async move { axum::serve(listener, crate::ops::metrics_service(metrics)).await });
    Ok(())
}
