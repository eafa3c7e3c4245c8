//! SQL of what operators watch.

use crate::db::Db;
use crate::error::Result;
use crate::on;

/// Orders that hold stock while they wait for their money.
pub async fn holds(db: &Db) -> Result<i64> {
    Ok(
        on!(db, ex => sqlx::query_scalar("SELECT COUNT(*) FROM orders WHERE hold = 'active'").fetch_one(ex).await)?,
    )
}
