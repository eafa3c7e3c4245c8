//! A shop in one file: copied while it is at work, and put back. For SQLite; PostgreSQL has its own tools, which are
//! named to whoever asks.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use tokio::fs;

use crate::audit::{self, Finding};
use crate::clock::Timestamp;
use crate::db::{Db, FileLock, Version, sqlite_path};

/// Writes a copy of the shop to the new file `file`, and audits the copy. The copy stays when an invariant is broken,
/// since the shop has nothing better; the findings say which.
///
/// `file` appears whole or not at all: the copy is written beside it, as `FILE.part`.
///
/// # Errors
/// When `file` exists, when it can't be written, when the copy is damaged, and on PostgreSQL.
pub async fn backup(db: &Db, file: &Path) -> anyhow::Result<Vec<Finding>> {
    ensure!(
        fs::symlink_metadata(file).await.is_err(),
        "{} exists already: name a new file",
        file.display()
    );
    let part = beside(file, ".part");
    discard(&part).await?;
    let written = async {
        db.copy_into(&part).await?;
        let findings = audit_copy(&part).await.context("the copy can't be read")?;
        ensure!(
            !audit::is_damaged(&findings),
            "the copy is damaged:\n{}",
            audit::report(&findings)
        );
        sync(&part).await?;
        Ok(findings)
    };
    let findings = match written.await {
        Ok(findings) => findings,
        Err(error) => {
            discard(&part).await?;
            return Err(error);
        }
    };
    fs::rename(&part, file)
        .await
        .with_context(|| format!("can't name the copy {}", file.display()))?;
    sync_folder(file).await?;
    Ok(findings)
}

/// What `restore` may do beyond putting a sound shop in place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allow {
    /// take a copy in which invariants are broken; a damaged one is never taken
    pub broken: bool,
}

/// What `restore` has done.
#[derive(Debug)]
pub struct Restored {
    /// the shop that was there before, for those who want it back
    pub before: Option<PathBuf>,
    /// the audit of what is there now
    pub findings: Vec<Finding>,
}

/// Puts the shop that `file` holds into the configured database, brought to this program's version. What was there is
/// kept beside it, as `TARGET.before-restore-<at>`. `file` itself is only read.
///
/// # Errors
/// When `file` is no shop, is of a newer version, is damaged or breaks an invariant; when the shop
/// that is there is in use; and on PostgreSQL. The configured database is then as it was.
pub async fn restore(
    file: &Path,
    database_url: &str,
    allow: Allow,
    at: Timestamp,
) -> anyhow::Result<Restored> {
    let Some(target) = sqlite_path(database_url) else {
        bail!(
            "on PostgreSQL use: pg_restore --clean --if-exists --no-owner --dbname=\"$CUNJI_DATABASE_URL\" FILE"
        )
    };
    let there = fs::metadata(&target).await.is_ok_and(|found| found.len() > 0);
    if there {
        let same = fs::canonicalize(file).await.ok() == fs::canonicalize(&target).await.ok();
        ensure!(!same, "{} is the shop itself", file.display());
    }
    // held from here on, so that no server starts on a file that is about to go
    let lock = if there {
        FileLock::take(&target).await?
    } else {
        None
    };
    let part = beside(&target, ".part");
    discard(&part).await?;
    let restored = async {
        let findings = prepare(file, &part, allow).await?;
        let before = put_in_place(&part, &target, there, at).await?;
        Ok(Restored { before, findings })
    }
    .await;
    if let Some(lock) = lock {
        lock.release().await?;
    }
    if restored.is_err() {
        discard(&part).await?;
    }
    restored
}

/// Makes a copy that can take the target's place: read from `file`, brought to this version, audited, synced.
async fn prepare(file: &Path, part: &Path, allow: Allow) -> anyhow::Result<Vec<Finding>> {
    let name = file.display();
    let source = Db::open_untouched(file).await?;
    let copied = async {
        match source
            .version()
            .await
            .with_context(|| format!("{name} can't be read"))?
        {
            Version::Current | Version::Older => source.copy_into(part).await,
            Version::Newer => bail!("{name} is of a newer version: restore it with a newer cunji"),
            Version::Foreign => bail!("{name} holds no shop of cunji"),
        }
    }
    .await;
    source.close().await;
    copied?;
    let copy = Db::connect(&address(part)?).await?;
    let migrated = copy.migrate().await;
    copy.close().await;
    migrated?;
    let findings = audit_copy(part)
        .await
        .with_context(|| format!("{name} can't be read"))?;
    ensure!(
        !audit::is_damaged(&findings) && (allow.broken || audit::is_clean(&findings)),
        "{name} is not in order:\n{}",
        audit::report(&findings)
    );
    sync(part).await?;
    Ok(findings)
}

async fn audit_copy(part: &Path) -> anyhow::Result<Vec<Finding>> {
    let copy = Db::connect_for_reading(&address(part)?).await?;
    let findings = audit::check(&copy).await;
    copy.close().await;
    Ok(findings?)
}

fn address(file: &Path) -> anyhow::Result<String> {
    let name = file.to_str().context("the file's name must be UTF-8")?;
    Ok(format!("sqlite://{name}"))
}

/// Swaps the prepared copy for what is there. The target's name leads to one whole shop at every instant.
async fn put_in_place(
    part: &Path,
    target: &Path,
    there: bool,
    at: Timestamp,
) -> anyhow::Result<Option<PathBuf>> {
    let stamp = at.to_rfc3339().replace(['-', ':'], "");
    let before = beside(target, &format!(".before-restore-{stamp}"));
    if there {
        let old = fs::metadata(target).await?;
        fs::set_permissions(part, old.permissions()).await?;
        fs::hard_link(target, &before)
            .await
            .with_context(|| format!("can't keep the old shop as {}", before.display()))?;
    }
    // a log that is left from an old file would be taken for the new one's and spoil it
    for end in ["-wal", "-shm", "-journal"] {
        match fs::rename(beside(target, end), beside(&before, end)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).context("can't put the old shop's log aside");
            }
            _ => {}
        }
    }
    fs::rename(part, target)
        .await
        .with_context(|| format!("can't name the copy {}", target.display()))?;
    sync_folder(target).await?;
    Ok(there.then_some(before))
}

/// The file's name with `end` after it.
fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    PathBuf::from(name)
}

/// Removes what an interrupted copy has left.
async fn discard(part: &Path) -> anyhow::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let left = beside(part, end);
        match fs::remove_file(&left).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("can't remove {}", left.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn sync(file: &Path) -> anyhow::Result<()> {
    let sync = async {
        fs::OpenOptions::new()
            .write(true)
            .open(file)
            .await?
            .sync_all()
            .await
    };
    sync.await
        .with_context(|| format!("can't write {} to the disk", file.display()))
}

/// Makes a new name as lasting as the file that bears it.
async fn sync_folder(file: &Path) -> anyhow::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let sync = async { fs::File::open(folder).await?.sync_all().await };
    sync.await
        .with_context(|| format!("can't write {} to the disk", folder.display()))
}
