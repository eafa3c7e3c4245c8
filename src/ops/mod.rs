//! For operators: is it up, is it ready, how is it doing, and what can be called.

mod store;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use tower_http::set_header::SetResponseHeaderLayer;

use crate::db::Db;
use crate::error::{Error, Problem, Result, not_found, text};

/// Upper bounds of what is timed, in seconds; from a read out of memory to a slow disk.
const SECONDS: [f64; 12] = [
    0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0,
];

/// Upper bounds of batch sizes, in orders.
const ORDERS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The process has one recorder, however many shops it serves (tests serve many).
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// What `/metrics` shows: the recorded figures, and some that are asked for when someone looks.
#[derive(Clone)]
pub struct Metrics {
    db: Db,
    /// orders waiting in the intake
    depth: Arc<dyn Fn() -> usize + Send + Sync>,
    /// false: they are served on an address of their own
    pub on_main: bool,
}

impl Metrics {
    pub fn new(db: Db, depth: impl Fn() -> usize + Send + Sync + 'static, on_main: bool) -> Self {
        Metrics {
            db,
            depth: Arc::new(depth),
            on_main,
        }
    }

    /// Starts recording, once per process; before that, figures go nowhere.
    pub fn record() -> anyhow::Result<()> {
        if RECORDER.get().is_none() {
            let handle = PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
                .set_buckets_for_metric(Matcher::Suffix("_orders".into()), &ORDERS)?
                .install_recorder()?;
            let _ = RECORDER.set(handle);
        }
        Ok(())
    }

    /// Folds what was recorded into its buckets, so that it takes no more room; to be called now and then.
    pub fn fold() {
        if let Some(recorder) = RECORDER.get() {
            recorder.run_upkeep();
        }
    }

    pub async fn render(&self) -> Result<String> {
        let holds = store::holds(&self.db).await?;
        metrics::gauge!("cunji_holds").set(u32::try_from(holds).unwrap_or(u32::MAX));
        metrics::gauge!("cunji_intake_queue_depth").set(u32::try_from((self.depth)()).unwrap_or(u32::MAX));
        Ok(RECORDER.get().map(PrometheusHandle::render).unwrap_or_default())
    }
}

pub async fn healthz() -> &'static str {
    "ok"
}

/// Ready means that the database answers and has this program's migrations.
pub async fn readyz(State(db): State<Db>) -> Response {
    match db.is_migrated().await {
        Ok(true) => "ready".into_response(),
        Ok(false) => not_ready("the database is not migrated"),
        Err(_) => not_ready("the database does not answer"),
    }
}

fn not_ready(why: &str) -> Response {
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not-ready",
        text("还没有准备好。", why),
    );
    Error::from(problem).into_response()
}

pub async fn metrics(State(metrics): State<Metrics>) -> Result<Response> {
    if !metrics.on_main {
        return Err(not_found());
    }
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        metrics.render().await?,
    )
        .into_response())
}

/// The service on `CUNJI_METRICS_LISTEN`: figures and nothing else.
pub fn metrics_service(metrics: Metrics) -> Router {
    let show = async |State(metrics): State<Metrics>| metrics.render().await;
    Router::new()
        .route("/metrics", axum::routing::get(show))
        .with_state(metrics)
}

/// The OpenAPI document and a page to read it with; the page's files are in the binary.
pub fn docs<S: Clone + Send + Sync + 'static>(document: Bytes) -> Router<S> {
    let page = utoipa_swagger_ui::SwaggerUi::new("/api/docs")
        .config(utoipa_swagger_ui::Config::from("/api/openapi.json"));
    let json = async move || ([(header::CONTENT_TYPE, "application/json")], document.clone());
    // the reader's own page puts styles into itself; no other page may
    let policy = HeaderValue::from_static(
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
    );
    Router::from(page)
        .layer(SetResponseHeaderLayer::overriding(
            header::CONTENT_SECURITY_POLICY,
            policy,
        ))
        .route("/api/openapi.json", axum::routing::get(json))
}
