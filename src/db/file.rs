//! A SQLite database as a file: read without changing it, copied while it is in use, taken over from everybody else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::io::AsyncReadExt;

use super::{Db, Engine, Lane};

/// The file of a SQLite address; `None` when it is not one.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    url.strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .map(PathBuf::from)
}

impl Db {
    /// Connects to a database that must exist, to read it; nothing can be written through this connection.
    pub async fn connect_for_reading(url: &str) -> anyhow::Result<Self> {
        match sqlite_path(url) {
            // not opened read-only, since SQLite does not know a table's CHECKs then, and leaves its log behind
            Some(path) => Self::open(reading(&path).pragma("query_only", "ON")).await,
            None => Self::connect(url).await,
        }
    }

    /// Opens a SQLite file that must not be touched at all.
    pub async fn open_untouched(path: &Path) -> anyhow::Result<Self> {
        Self::open(reading(path).read_only(true)).await
    }

    async fn open(options: SqliteConnectOptions) -> anyhow::Result<Self> {
        let file = options.get_filename().display().to_string();
        let write = Lane::new(options.clone(), "", "");
        let read = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .with_context(|| format!("can't open {file} for reading"))?;
        Ok(Self::with(Engine::Sqlite { read, write }))
    }

    /// Writes a consistent copy of a SQLite database to the new file `file` while it is in use: of one instant, with
    /// what stands in the write-ahead log, and compact. Whoever writes meanwhile does not wait. The copy is not yet
    /// synced to the disk; see backup.rs.
    ///
    /// # Errors
    /// On PostgreSQL, naming the command that does it there; when `file` holds something.
    pub async fn copy_into(&self, file: &Path) -> anyhow::Result<()> {
        let Engine::Sqlite { read, .. } = &self.engine else {
            anyhow::bail!("on PostgreSQL use: pg_dump --format=custom --file=FILE \"$CUNJI_DATABASE_URL\"")
        };
        let name = file.to_str().context("the file's name must be UTF-8")?;
        // a connection of its own: the pools are for the shop, and one that may only query may not write a copy either
        let source = read.connect_options();
        let mut source = reading(source.get_filename()).read_only(true).connect().await?;
        let copied = sqlx::query("VACUUM INTO $1")
            .bind(name)
            .execute(&mut source)
            .await;
        source.close().await?;
        copied.context("the copy failed")?;
        Ok(())
    }
}

/// How to open a file that must exist.
fn reading(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", "-8000")
        .pragma("temp_store", "MEMORY")
}

/// The first bytes of every SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// A SQLite file that nobody else can open for reading or writing.
pub struct FileLock(SqliteConnection);

impl FileLock {
    /// Takes a file over, with its write-ahead log folded into it. `None` when SQLite can't read the file: then nobody
    /// is using it either.
    ///
    /// # Errors
    /// When another program, like a running server, has it open.
    pub async fn take(path: &Path) -> anyhow::Result<Option<FileLock>> {
        let mut start = [0; MAGIC.len()];
        let read = async { tokio::fs::File::open(path).await?.read_exact(&mut start).await };
        // SQLite would delete the log of a file that it can't read, and with it what may still be saved
        if read.await.is_err() || start != *MAGIC {
            return Ok(None);
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(1))
            // a connection holds a shared lock on a file in WAL mode for as long as it lives, so that this one gets
            // the exclusive lock only when there is no other
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Delete);
        let locked = async {
            let mut connection = options.connect().await?;
            sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        match locked.await {
            Ok(connection) => Ok(Some(FileLock(connection))),
            Err(error) if is_unreadable(&error) => Ok(None),
            Err(error) if primary_code(&error) == Some(SQLITE_BUSY) => {
                anyhow::bail!(
                    "{} is in use: stop the program that has it open first",
                    path.display()
                )
            }
            Err(error) => Err(error).with_context(|| format!("can't take {} over", path.display())),
        }
    }

    pub async fn release(self) -> anyhow::Result<()> {
        self.0.close().await.context("can't close the locked file")
    }
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;

/// SQLite says that a file is damaged or none of its own.
fn is_unreadable(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(SQLITE_CORRUPT | SQLITE_NOTADB))
}

/// SQLite's error code, without the details that extended codes have in their upper bits.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let sqlx::Error::Database(db) = error else {
        return None;
    };
    db.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}
