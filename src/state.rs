//! What a handler can reach. Handlers ask for the part they need (`State<Db>`); no feature knows the whole.

use std::ops::Deref;
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

/// Everything a handler can ask for. The router clones it for every request, so that it is one pointer; a handler's
/// `State<Db>` clones just the part.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl From<Parts> for App {
    fn from(parts: Parts) -> Self {
        App(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// The parts, and that each can be asked for.
macro_rules! parts {
    ($($(#[$meta:meta])* $part:ident: $Part:ty,)*) => {
        pub struct Parts {
            $($(#[$meta])* pub $part: $Part,)*
        }

        $(impl FromRef<App> for $Part {
            fn from_ref(app: &App) -> Self {
                app.$part.clone()
            }
        })*
    };
}

parts! {
    db: Db,
    clock: Clock,
    ids: Ids,
    config: Arc<Config>,
    public_url: PublicUrl,
    login_guard: LoginGuard,
    board: Board,
    live: Live,
    views: Views,
    press: Press,
    intake: Intake,
    paste_limit: PasteLimit,
    metrics: Metrics,
    sender: Sender,
    /// none without an account
    kuaidi100: Option<Kuaidi100>,
    providers: Providers,
    darkroom: Darkroom,
}
