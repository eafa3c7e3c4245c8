//! A copy of a shop's database, broken as its own rules would not allow.

use cunji::audit::{Finding, check};
use cunji::db::{Db, sqlite_path};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use crate::pg;

/// Takes from a PostgreSQL database what would refuse to break it; SQLite has settings for that.
const LAX: &str = "DO $$ DECLARE row record; BEGIN
    FOR row IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
               WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', row.name, row.conname);
    END LOOP; END $$";

/// Audits a copy of a database that nobody has open, after `sql` has broken it.
pub async fn broken_copy(url: &str, at: usize, sql: &'static str) -> Vec<Finding> {
    let copy = match sqlite_path(url) {
        Some(path) => {
            let copy = path.with_extension(format!("{at}.db"));
            std::fs::copy(&path, &copy).unwrap();
            let options = SqliteConnectOptions::new()
                .filename(&copy)
                .foreign_keys(false)
                .pragma("ignore_check_constraints", "ON");
            let mut broken = options.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut broken).await.unwrap();
            broken.close().await.unwrap();
            format!("sqlite://{}", copy.display())
        }
        None => {
            let shop = url.rsplit('/').next().unwrap().split('?').next().unwrap();
            let copy = format!("{shop}_{at}");
            pg::server().create_database(&copy, Some(shop));
            let url = pg::server().url(&copy);
            let mut broken = sqlx::PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(format!("{LAX}; {sql}")))
                .execute(&mut broken)
                .await
                .unwrap();
            broken.close().await.unwrap();
            url
        }
    };
    let db = Db::connect_for_reading(&copy).await.unwrap();
    let findings = check(&db).await.unwrap();
    db.close().await;
    findings
}
