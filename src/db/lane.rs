//! A connection that stays open between its users, who take turns: SQLite's only writer, and on PostgreSQL the intake's
//! own. A pool asks a connection whether it lives before it lends it and again after it got it back; on the hot path
//! each of these questions costs as much as the work itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Database, PgConnection, Postgres, Sqlite, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{Db, Engine, Epochs, On};
use crate::error::Result;

/// How long somebody waits for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

type Options<DB> = <<DB as Database>::Connection as Connection>::Options;

pub(super) struct Lane<DB: Database> {
    options: Options<DB>,
    /// settings that are sent once after connecting
    settings: &'static str,
    /// what is sent before a turn whose number is a power of two
    at_doubling: &'static str,
    idle: Arc<Mutex<Option<Idle<DB>>>>,
}

/// A connection between two turns, and the turns that it has had.
struct Idle<DB: Database> {
    connection: DB::Connection,
    turns: u64,
}

impl<DB: Database> Clone for Lane<DB> {
    fn clone(&self) -> Self {
        Lane {
            options: self.options.clone(),
            settings: self.settings,
            at_doubling: self.at_doubling,
            idle: Arc::clone(&self.idle),
        }
    }
}

/// A turn. The connection goes back with [`Turn::end`]; when the turn is dropped instead, the connection is closed, and
/// with it whatever was under way on it.
pub(super) struct Turn<DB: Database> {
    pub(super) connection: DB::Connection,
    turns: u64,
    place: OwnedMutexGuard<Option<Idle<DB>>>,
}

impl<DB: Database> Lane<DB>
where
    for<'c> &'c mut DB::Connection: sqlx::Executor<'c, Database = DB>,
{
    pub(super) fn new(options: Options<DB>, settings: &'static str, at_doubling: &'static str) -> Self {
        Lane {
            options,
            settings,
            at_doubling,
            idle: Arc::default(),
        }
    }

    pub(super) async fn take(&self) -> Result<Turn<DB>, sqlx::Error> {
        let mut place = tokio::time::timeout(PATIENCE, Arc::clone(&self.idle).lock_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        let (mut connection, turns) = match place.take() {
            Some(idle) => (idle.connection, idle.turns),
            None => {
                let mut opened = self.options.connect().await?;
                if !self.settings.is_empty() {
                    sqlx::Executor::execute(&mut opened, sqlx::raw_sql(self.settings)).await?;
                }
                (opened, 0)
            }
        };
        if turns.is_power_of_two() && !self.at_doubling.is_empty() {
            sqlx::Executor::execute(&mut connection, sqlx::raw_sql(self.at_doubling)).await?;
        }
        Ok(Turn {
            connection,
            turns,
            place,
        })
    }

    pub(super) async fn close(&self) {
        if let Some(idle) = self.idle.lock().await.take() {
            // nothing waits for an answer any more
            let _ = idle.connection.close().await;
        }
    }
}

impl<DB: Database> Turn<DB> {
    pub(super) fn end(self) {
        let Turn {
            connection,
            turns,
            mut place,
        } = self;
        let turns = turns + 1;
        *place = Some(Idle { connection, turns });
    }
}

/// The intake's turn on its connection, outside of a transaction: each statement commits by itself.
pub struct Swift {
    turn: On<Turn<Sqlite>, Turn<Postgres>>,
    epochs: Arc<Epochs>,
}

impl Swift {
    pub fn on(&mut self) -> On<&mut SqliteConnection, &mut PgConnection> {
        match &mut self.turn {
            On::Sqlite(turn) => On::Sqlite(&mut turn.connection),
            On::Pg(turn) => On::Pg(&mut turn.connection),
        }
    }

    /// Gives the connection back; not for one on which something failed, which is dropped.
    pub fn end(self) {
        match self.turn {
            On::Sqlite(turn) => turn.end(),
            On::Pg(turn) => turn.end(),
        }
    }

    /// Like [`Swift::end`], after a statement that has changed the supply, see [`super::Tx::changes_supply`]. Gives the
    /// supply epoch that begins with it.
    pub fn end_with_new_supply(self) -> u64 {
        let epoch = self.epochs.supply.fetch_add(1, Ordering::SeqCst) + 1;
        self.end();
        epoch
    }
}

impl Db {
    /// The intake's own connection.
    pub async fn swift(&self) -> Result<Swift> {
        let turn = match &self.engine {
            Engine::Sqlite { write, .. } => On::Sqlite(write.take().await?),
            Engine::Pg { swift, .. } => On::Pg(swift.take().await?),
        };
        Ok(Swift {
            turn,
            epochs: Arc::clone(&self.epochs),
        })
    }
}
