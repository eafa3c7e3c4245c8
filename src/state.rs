//! What a handler can reach. Handlers ask for the part they need (`State<Db>`); no feature knows the whole.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::clock::Clock;
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
use crate::villages::api::LoginGuard;

/// Everything a handler can ask for, cheap to clone.
#[derive(Clone, FromRef)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub ids: Ids,
    pub config: Arc<Config>,
    pub public_url: PublicUrl,
    pub login_guard: LoginGuard,
    pub board: Board,
    pub live: Live,
    pub views: Views,
    pub press: Press,
    pub intake: Intake,
    pub paste_limit: PasteLimit,
    pub metrics: Metrics,
    pub sender: Sender,
    /// none without an account
    pub kuaidi100: Option<Kuaidi100>,
    pub providers: Providers,
    pub darkroom: Darkroom,
}
