//! SQL of the jobs' leases and outcomes.

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::on;

/// A lease that was taken.
#[derive(Clone, sqlx::FromRow)]
pub struct Lease {
    /// grows with every run; whoever holds an older one has lost the lease
    pub fence: i64,
    /// how the run before ended
    pub outcome: Option<String>,
}

/// Takes the lease of a job from `now` until `until`; `None` when a run holds it.
pub async fn take(
    tx: &mut Tx,
    job: &str,
    owner: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>> {
    Ok(on!(tx, ex => sqlx::query_as(
        "INSERT INTO job (name, owner, until_at, fence, started_at) VALUES ($1, $2, $3, 1, $4)
         ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_at = excluded.until_at,
             fence = job.fence + 1, started_at = excluded.started_at
         WHERE job.until_at <= $4 RETURNING fence, outcome")
        .bind(job).bind(owner).bind(until).bind(now).fetch_optional(ex).await)?)
}

/// Stores the outcome and gives the lease back; false when it had been taken over.
pub async fn finish(tx: &mut Tx, job: &str, fence: i64, now: Timestamp, outcome: &str) -> Result<bool> {
    let changed = on!(tx, ex => sqlx::query(
        "UPDATE job SET until_at = $3, finished_at = $3, outcome = $4 WHERE name = $1 AND fence = $2")
        .bind(job).bind(fence).bind(now).bind(outcome).execute(ex).await.map(|done| done.rows_affected()))?;
    Ok(changed == 1)
}

/// Who holds the lease of a job, and until when.
pub async fn holder(db: &Db, job: &str) -> Result<Option<(String, Timestamp)>> {
    Ok(
        on!(db, ex => sqlx::query_as("SELECT owner, until_at FROM job WHERE name = $1")
            .bind(job).fetch_optional(ex).await)?,
    )
}
