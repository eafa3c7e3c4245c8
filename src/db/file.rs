//! Taking a SQLite file over from everybody else.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

/// A SQLite file that nobody else can open for reading or writing.
pub struct FileLock(SqliteConnection);

impl FileLock {
    /// Takes a file over, with its write-ahead log folded into it. `None` when SQLite can't read the file: then nobody
    /// is using it either.
    ///
    /// # Errors
    /// When another program, like a running server, has it open.
    pub async fn take(path: &Path) -> anyhow::Result<Option<FileLock>> {
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
            Err(error) => Err(error).with_context(|| {
                format!(
                    "{} is in use: stop the program that has it open first",
                    path.display()
                )
            }),
        }
    }

    pub async fn release(self) -> anyhow::Result<()> {
        self.0.close().await.context("can't close the locked file")
    }
}

/// SQLite says that a file is damaged or none of its own.
fn is_unreadable(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(db) = error else {
        return false;
    };
    // SQLITE_CORRUPT, SQLITE_NOTADB, with extended codes in the upper bits
    db.code()
        .and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 11 | 26))
}
