//! The database, and the only file that knows that there are two engines.
//!
//! Reads go through [`Db::on`], writes through [`transact!`], which opens one transaction, runs a block, commits, and
//! runs it again when the engine asks for that. The [`on!`] macro expands a query once per engine, so that one SQL
//! text and one set of Rust types serve both; where the texts must differ, both stand side by side in one `on!`.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};

use crate::error::Result;

mod file;
mod lane;
mod tx;
mod version;

pub use file::{FileLock, sqlite_path};
use lane::Lane;
pub use lane::Swift;
use tx::Inner;
pub use tx::{Attempt, Tx};
pub use version::Version;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// How often a transaction is run again after a serialization failure, a deadlock or a lost connection.
const MAX_TRIES: u32 = 6;

/// For the intake's connection to PostgreSQL. All that it asks is found by an index, but the planner thinks otherwise of a
/// table that was small or unknown when it made its plan, and keeps that plan while the table grows.
const BY_INDEX: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// Sent to the intake's connection after 1, 2, 4, 8, … of its turns, so that no plan is older than half of its orders. To
/// plan each time, as the other connections do, would cost the intake more than the work: each foreign key of each row is
/// a plan as well.
const PLAN_ANEW: &str = "DISCARD PLANS";

pub enum On<S, P> {
    Sqlite(S),
    Pg(P),
}

impl<S, P> On<S, P> {
    /// So that `on!` takes a connection as it takes a `Db` or a `Tx`.
    pub fn on(self) -> Self {
        self
    }
}

#[derive(Clone)]
pub struct Db {
    engine: Engine,
    epochs: Arc<Epochs>,
}

/// Counts of the committed changes in this process that snapshots in memory follow.
#[derive(Default)]
struct Epochs {
    supply: AtomicU64,
    offers: AtomicU64,
}

#[derive(Clone)]
enum Engine {
    /// One writer, several readers: SQLite has one write lock, and a pool of writers would only fight for it.
    Sqlite { read: SqlitePool, write: Lane<Sqlite> },
    /// A pool, and the intake's own connection.
    Pg { pool: PgPool, swift: Lane<Postgres> },
}

/// Runs a query on whichever engine `$h` (a `Db` or `Tx`) has: `on!(tx, ex => sqlx::query("…").execute(ex).await)`.
/// The second form takes a text per engine.
#[macro_export]
macro_rules! on {
    ($h:expr, $ex:ident => $b:expr) => {
        match $h.on() {
            $crate::db::On::Sqlite($ex) => $b,
            $crate::db::On::Pg($ex) => $b,
        }
    };
    ($h:expr, sqlite: $s:expr, pg: $p:expr, $sql:ident, $ex:ident => $b:expr) => {
        match $h.on() {
            $crate::db::On::Sqlite($ex) => {
                let $sql = $s;
                $b
            }
            $crate::db::On::Pg($ex) => {
                let $sql = $p;
                $b
            }
        }
    };
}

/// Runs a block in one transaction: `transact!(db, tx => { …; Ok(done) })?`. Committed when the block gives `Ok`, rolled back otherwise. The block runs again when the engine asks for it, so it
/// must not touch anything but the transaction; no network call may happen inside, and no second `transact!`.
#[macro_export]
macro_rules! transact {
    ($db:expr, $tx:ident => $body:expr) => {{
        let mut tries = 1;
        loop {
            let attempt = match $db.begin().await {
                Ok(mut opened) => {
                    let $tx = &mut opened;
                    let result: $crate::error::Result<_> = async { $body }.await;
                    opened.finish(result).await
                }
                Err(error) => $crate::db::Attempt::of(error),
            };
            if let Some(result) = attempt.settle(&mut tries).await {
                break result;
            }
        }
    }};
}

impl Db {
    /// Connects to `sqlite://PATH` or `postgres://…`; a missing SQLite file is created.
    pub async fn connect(url: &str) -> anyhow::Result<Self> {
        if let Some(path) = sqlite_path(url) {
            Self::open_sqlite(&path).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).context("the database address can't be read")?;
            // a plan made while a table was small reads all of it once it is large
            let fresh = options
                .clone()
                .options([("plan_cache_mode", "force_custom_plan")]);
            let pool = PgPoolOptions::new()
                .max_connections(20)
                .acquire_timeout(Duration::from_secs(10));
            let pool = pool
                .connect_with(fresh)
                .await
                .context("can't connect to PostgreSQL")?;
            let swift = Lane::new(options, BY_INDEX, PLAN_ANEW);
            Ok(Self::with(Engine::Pg { pool, swift }))
        } else {
            anyhow::bail!("a database is named sqlite://PATH or postgres://…")
        }
    }

    fn with(engine: Engine) -> Self {
        Db {
            engine,
            epochs: Arc::default(),
        }
    }

    async fn open_sqlite(path: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: a commit that was answered survives a power cut
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-8000")
            .pragma("temp_store", "MEMORY")
            .pragma("wal_autocheckpoint", "4000");
        let write = Lane::new(options.clone(), "", "");
        // made now, so that the file exists when the readers open it
        let writer = write
            .take()
            .await
            .with_context(|| format!("can't open {}", path.display()))?;
        writer.end();
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(
                options
                    // not opened read-only, since SQLite does not know a table's CHECKs then (see audit)
                    .pragma("query_only", "ON")
                    .create_if_missing(false)
                    .pragma("cache_size", "-2000"),
            )
            .await
            .context("can't open the database for reading")?;
        Ok(Self::with(Engine::Sqlite { read, write }))
    }

    pub fn engine(&self) -> &'static str {
        match &self.engine {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Pg { .. } => "postgres",
        }
    }

    /// Brings the database to this program's version. Forward only; running it again does nothing.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        match &self.engine {
            Engine::Sqlite { write, .. } => {
                let mut turn = write.take().await?;
                let migrated = SQLITE.run(&mut turn.connection).await;
                turn.end();
                migrated
            }
            Engine::Pg { pool, .. } => POSTGRES.run(pool).await,
        }
        .context("migrating the database failed")
    }

    /// Whether every migration of this program has been applied.
    pub async fn is_migrated(&self) -> Result<bool> {
        let applied: i64 = crate::on!(self, ex =>
            sqlx::query_scalar("SELECT COUNT(*) FROM _sqlx_migrations WHERE success").fetch_one(ex).await)?;
        let known = self.migrator().iter().count();
        Ok(usize::try_from(applied).is_ok_and(|applied| applied >= known))
    }

    /// How the database stands to this program.
    pub async fn version(&self) -> Result<Version> {
        let has_migrations: bool = crate::on!(self,
            sqlite: "SELECT COUNT(*) > 0 FROM sqlite_master WHERE name = '_sqlx_migrations'",
            pg: "SELECT to_regclass('_sqlx_migrations') IS NOT NULL",
            sql, ex => sqlx::query_scalar(sql).fetch_one(ex).await)?;
        if !has_migrations {
            return Ok(Version::Foreign);
        }
        let applied: Vec<(i64, Vec<u8>)> = crate::on!(self, ex => sqlx::query_as(
            "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version").fetch_all(ex).await)?;
        let known: BTreeMap<i64, &[u8]> = self
            .migrator()
            .iter()
            .map(|migration| (migration.version, migration.checksum.as_ref()))
            .collect();
        Ok(version::of(&applied, &known))
    }

    fn migrator(&self) -> &'static Migrator {
        match &self.engine {
            Engine::Sqlite { .. } => &SQLITE,
            Engine::Pg { .. } => &POSTGRES,
        }
    }

    /// Counts the committed changes of supply (see [`Tx::changes_supply`]) in this process.
    pub fn supply_epoch(&self) -> u64 {
        self.epochs.supply.load(Ordering::SeqCst)
    }

    /// Counts the committed changes of what is offered (see [`Tx::changes_offers`]) in this process.
    pub fn offers_epoch(&self) -> u64 {
        self.epochs.offers.load(Ordering::SeqCst)
    }

    /// For reads outside a transaction.
    pub fn on(&self) -> On<&SqlitePool, &PgPool> {
        match &self.engine {
            Engine::Sqlite { read, .. } => On::Sqlite(read),
            Engine::Pg { pool, .. } => On::Pg(pool),
        }
    }

    /// A transaction for reading, in which the database stands still while others go on writing. It ends when it is
    /// dropped.
    pub async fn snapshot(&self) -> Result<Tx> {
        let inner = match &self.engine {
            Engine::Sqlite { read, .. } => Inner::Reading(read.begin().await?),
            Engine::Pg { pool, .. } => Inner::Pg(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        };
        Ok(Tx {
            inner,
            epochs: Arc::clone(&self.epochs),
            supply_changed: false,
            offers_changed: false,
        })
    }

    /// Part of [`transact!`]; use that.
    #[doc(hidden)]
    pub async fn begin(&self) -> Result<Tx> {
        let inner = match &self.engine {
            // take the write lock at once: a read lock that wants to become one later fails with SQLITE_BUSY
            Engine::Sqlite { write, .. } => {
                let mut turn = write.take().await?;
                sqlx::query("BEGIN IMMEDIATE")
                    .execute(&mut turn.connection)
                    .await?;
                Inner::Writing(turn)
            }
            Engine::Pg { pool, .. } => Inner::Pg(pool.begin().await?),
        };
        Ok(Tx {
            inner,
            epochs: Arc::clone(&self.epochs),
            supply_changed: false,
            offers_changed: false,
        })
    }

    /// Lets the engine look at its tables anew, so that it goes on choosing good plans as they grow.
    pub async fn refresh_statistics(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite { write, .. } => {
                let mut turn = write.take().await?;
                sqlx::query("PRAGMA optimize = 0x10002")
                    .execute(&mut turn.connection)
                    .await?;
                turn.end();
            }
            Engine::Pg { pool, .. } => sqlx::query("ANALYZE").execute(pool).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Empties the database of every table; for a shop that `demo` made.
    pub async fn wipe(&self) -> anyhow::Result<()> {
        match &self.engine {
            Engine::Pg { .. } => {
                self.administer("DROP SCHEMA public CASCADE; CREATE SCHEMA public".into())
                    .await
            }
            Engine::Sqlite { write, .. } => {
                let mut turn = write.take().await?;
                let writer = &mut turn.connection;
                let tables: Vec<String> = sqlx::query_scalar(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
                )
                .fetch_all(&mut *writer)
                .await?;
                sqlx::query("PRAGMA foreign_keys = OFF")
                    .execute(&mut *writer)
                    .await?;
                for table in tables {
                    sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE {table}")))
                        .execute(&mut *writer)
                        .await?;
                }
                // closed with its turn, since its settings are no others' affair
                Ok(())
            }
        }
    }

    /// Makes a database on this PostgreSQL server; its name is ours, never a client's.
    pub async fn create_database(&self, name: &str) -> anyhow::Result<()> {
        self.administer(format!("CREATE DATABASE {name}")).await
    }

    pub async fn drop_database(&self, name: &str) -> anyhow::Result<()> {
        self.administer(format!("DROP DATABASE {name} WITH (FORCE)"))
            .await
    }

    async fn administer(&self, statement: String) -> anyhow::Result<()> {
        let Engine::Pg { pool, .. } = &self.engine else {
            anyhow::bail!("only a PostgreSQL server has several databases")
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(pool)
            .await?;
        Ok(())
    }

    /// Closes every connection; on SQLite this folds the write-ahead log into the file.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Engine::Pg { pool, swift } => {
                swift.close().await;
                pool.close().await;
            }
        }
    }
}

/// The engine says that two transactions met and this one should run again.
fn is_conflict(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(db) = error else {
        return false;
    };
    // PostgreSQL: serialization failure, deadlock; SQLite: busy, in its plain and extended codes
    matches!(
        db.code().as_deref(),
        Some("40001" | "40P01" | "5" | "261" | "517")
    )
}

/// The connection went away, or the server is going down, starting up, or not (yet) a primary.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(db) => db
            .code()
            .is_some_and(|code| code == "25006" || code.starts_with("57P") || code.starts_with("08")),
        _ => false,
    }
}

/// A value as JSON text, for statements that take a set of rows in one parameter.
pub fn json<T: serde::Serialize>(value: &T) -> String {
    // our own row types have string keys and finite numbers, which is all that JSON asks for
    serde_json::to_string(value).unwrap_or_default()
}
