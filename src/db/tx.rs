//! A transaction and how it ends. `transact!` is the way to one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::{PgConnection, Postgres, Sqlite, SqliteConnection};

use super::lane::Turn;
use super::{Epochs, MAX_TRIES, On, is_conflict, is_lost};
use crate::error::{Error, Result};

pub struct Tx {
    pub(super) inner: Inner,
    pub(super) epochs: Arc<Epochs>,
    pub(super) supply_changed: bool,
    pub(super) offers_changed: bool,
}

pub(super) enum Inner {
    Writing(Turn<Sqlite>),
    Reading(sqlx::Transaction<'static, Sqlite>),
    Pg(sqlx::Transaction<'static, Postgres>),
}

impl Tx {
    pub fn on(&mut self) -> On<&mut SqliteConnection, &mut PgConnection> {
        match &mut self.inner {
            Inner::Writing(turn) => On::Sqlite(&mut turn.connection),
            Inner::Reading(tx) => On::Sqlite(&mut **tx),
            Inner::Pg(tx) => On::Pg(&mut **tx),
        }
    }

    /// Says that this transaction changes how much can be bought: stock, reservations, what a link has sold. Whoever
    /// keeps a snapshot of that in memory sees from [`super::Db::supply_epoch`] that it is out of date.
    pub fn changes_supply(&mut self) {
        self.supply_changed = true;
    }

    /// Says that this transaction changes what is offered, and so also how much of it: links, skus, prices, freight;
    /// see [`super::Db::offers_epoch`].
    pub fn changes_offers(&mut self) {
        self.offers_changed = true;
    }

    /// Part of [`transact!`]: commits what worked, rolls back what did not.
    #[doc(hidden)]
    pub async fn finish<R>(self, result: Result<R>) -> Attempt<R> {
        match result {
            Ok(done) => {
                let committed = self.inner.end("COMMIT").await;
                if self.offers_changed {
                    self.epochs.offers.fetch_add(1, Ordering::SeqCst);
                }
                if self.supply_changed || self.offers_changed {
                    self.epochs.supply.fetch_add(1, Ordering::SeqCst);
                }
                match committed {
                    Ok(()) => Attempt::Done(Ok(done)),
                    Err(error) if is_conflict(&error) => Attempt::Again(Error::Db(error)),
                    // the outcome is unknown: whoever must know asks again by a key stored in the transaction
                    Err(error) => Attempt::Done(Err(Error::Db(error))),
                }
            }
            Err(error) => {
                // a failed rollback means a lost connection, which rolls back by itself
                let _ = self.inner.end("ROLLBACK").await;
                Attempt::of(error)
            }
        }
    }
}

impl Inner {
    /// Ends the transaction; a connection on which that fails is closed.
    async fn end(self, how: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Inner::Writing(mut turn) => {
                sqlx::query(how).execute(&mut turn.connection).await?;
                turn.end();
                Ok(())
            }
            Inner::Reading(tx) => tx.rollback().await,
            Inner::Pg(tx) if how == "COMMIT" => tx.commit().await,
            Inner::Pg(tx) => tx.rollback().await,
        }
    }
}

/// How one run of a transaction went.
#[doc(hidden)]
pub enum Attempt<R> {
    Done(Result<R>),
    /// the engine asks for another run
    Again(Error),
}

impl<R> Attempt<R> {
    pub fn of(error: Error) -> Self {
        match &error {
            Error::Db(db) if is_conflict(db) || is_lost(db) => Attempt::Again(error),
            _ => Attempt::Done(Err(error)),
        }
    }

    /// The end of the transaction, or `None` after a short wait when it should run again.
    pub async fn settle(self, tries: &mut u32) -> Option<Result<R>> {
        match self {
            Attempt::Done(result) => Some(result),
            Attempt::Again(error) if *tries >= MAX_TRIES => Some(Err(error)),
            Attempt::Again(_) => {
                *tries += 1;
                tokio::time::sleep(Duration::from_millis(10 << *tries)).await;
                None
            }
        }
    }
}
