//! SQL of the audit. All of it reads whole tables, once each where that can be: a question per order would take hours
//! in a shop of a million.

mod claims;
mod parcels;
mod scans;

use sqlx::{AssertSqlSafe, Row};

use super::keys::{KEYS, Key};
use super::{Finding, MAX_EXAMPLES};
use crate::db::{On, Tx};
use crate::error::Result;
use crate::on;

/// Every invariant.
pub fn scans() -> impl Iterator<Item = &'static Scan> {
    scans::SCANS.iter().chain(parcels::SCANS).chain(claims::SCANS)
}

/// One reading of some tables that proves one or more invariants. `{json}` stands for what makes a text column one that
/// `->>` reads.
pub struct Scan {
    /// what stands after FROM; a row per thing looked at
    from: &'static str,
    /// names a row, by its village and its number or code
    label: &'static str,
    /// number, name, and the condition that every row meets; one that is neither true nor false counts as broken
    holds: &'static [(&'static str, &'static str, &'static str)],
}

/// Names the finding that says that a SQLite file is damaged.
pub const FILE_IS_SOUND: &str = "the file's pages and indexes are sound";

/// Runs a scan: one query counts, and one more per broken invariant names examples.
pub async fn run(tx: &mut Tx, scan: &Scan) -> Result<Vec<Finding>> {
    let Scan { from, label, holds } = scan;
    let json = match tx.on() {
        On::Sqlite(_) => "",
        On::Pg(_) => "::json",
    };
    let from = from.replace("{json}", json);
    let sums: String = holds
        .iter()
        .map(|(_, _, holds)| {
            let holds = holds.replace("{json}", json);
            format!(", CAST(COALESCE(SUM(CASE WHEN {holds} THEN 0 ELSE 1 END), 0) AS BIGINT)")
        })
        .collect();
    let counts = numbers(tx, format!("SELECT COUNT(*){sums} FROM {from}")).await?;
    let rows = counts.first().copied().unwrap_or(0);
    let mut findings = Vec::with_capacity(holds.len());
    for ((invariant, name, holds), broken) in holds.iter().zip(counts.into_iter().skip(1)) {
        let mut examples = Vec::new();
        if broken > 0 {
            let holds = holds.replace("{json}", json);
            let sql = format!(
                "SELECT {label} FROM {from} WHERE CASE WHEN {holds} THEN 0 ELSE 1 END = 1 ORDER BY 1 LIMIT {MAX_EXAMPLES}"
            );
            examples = texts(tx, sql).await?;
        }
        findings.push(Finding {
            invariant,
            name,
            rows,
            broken,
            examples,
        });
    }
    Ok(findings)
}

/// Looks for rows that point to nothing, or to a row of another village. SQLite checks the declared keys only on
/// connections that ask for it, and neither engine knows the others.
pub async fn orphans(tx: &mut Tx) -> Result<Finding> {
    let mut finding = Finding {
        invariant: "11",
        name: "every row points to rows of its own village",
        rows: 0,
        broken: 0,
        examples: Vec::new(),
    };
    for key in KEYS {
        let from = pointers(key);
        let sql = format!(
            "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN parent.id IS NULL THEN 1 ELSE 0 END), 0) AS BIGINT) {from}"
        );
        let counts = numbers(tx, sql).await?;
        let broken = counts.get(1).copied().unwrap_or(0);
        finding.rows += counts.first().copied().unwrap_or(0);
        finding.broken += broken;
        if broken > 0 {
            let Key { child, column, .. } = key;
            let pointer = match tx.on() {
                // an id as PostgreSQL writes it, without the dashes
                On::Sqlite(_) if key.parent_is_of_a_village() => format!("LOWER(HEX(child.{column}))"),
                On::Pg(_) if key.parent_is_of_a_village() => {
                    format!("REPLACE(CAST(child.{column} AS TEXT), '-', '')")
                }
                _ => format!("CAST(child.{column} AS TEXT)"),
            };
            let sql = format!(
                "SELECT '{child}.{column} ' || {pointer} {from} AND parent.id IS NULL
                 ORDER BY child.{column} LIMIT {MAX_EXAMPLES}"
            );
            finding.examples.extend(texts(tx, sql).await?);
        }
    }
    finding
        .examples
        .truncate(usize::try_from(MAX_EXAMPLES).unwrap_or(0));
    Ok(finding)
}

fn pointers(key: &Key) -> String {
    let Key {
        child,
        column,
        parent,
    } = key;
    let village = if key.parent_is_of_a_village() {
        "parent.village_id = child.village_id AND "
    } else {
        ""
    };
    format!(
        "FROM {child} AS child LEFT JOIN {parent} AS parent ON {village}parent.id = child.{column}
         WHERE child.{column} IS NOT NULL"
    )
}

/// What the engine knows of its own health.
pub async fn engine(tx: &mut Tx) -> Result<Vec<Finding>> {
    match tx.on() {
        On::Sqlite(_) => sqlite(tx).await,
        On::Pg(_) => postgres(tx).await,
    }
}

async fn sqlite(tx: &mut Tx) -> Result<Vec<Finding>> {
    let pages = "SELECT page_count FROM pragma_page_count";
    let tables = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'";
    let keys = "SELECT COUNT(DISTINCT child.name || '/' || pointer.id)
                FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS pointer WHERE child.type = 'table'";
    // SQLite says a hundred lines at most
    let said = texts(
        tx,
        "SELECT integrity_check FROM pragma_integrity_check".to_owned(),
    )
    .await?;
    // a value that its table's rules forbid is wrong, and the file that holds it is sound
    let (forbidden, damage): (Vec<String>, Vec<String>) = said
        .into_iter()
        .filter(|line| line != "ok")
        .partition(|line| line.starts_with("CHECK constraint failed") || line.starts_with("NULL value in"));
    Ok(vec![
        of_complaints(FILE_IS_SOUND, count(tx, pages).await?, damage),
        of_complaints("every table's CHECKs hold", count(tx, tables).await?, forbidden),
        Finding {
            invariant: "engine",
            name: "the declared foreign keys hold",
            rows: count(tx, keys).await?,
            broken: count(tx, "SELECT COUNT(*) FROM pragma_foreign_key_check").await?,
            examples: texts(
                tx,
                format!("SELECT DISTINCT \"table\" || ' -> ' || parent FROM pragma_foreign_key_check LIMIT {MAX_EXAMPLES}"),
            )
            .await?,
        },
    ])
}

async fn postgres(tx: &mut Tx) -> Result<Vec<Finding>> {
    let constraints = "FROM pg_constraint WHERE connamespace = CAST(current_schema() AS regnamespace)";
    let indexes = "FROM pg_index JOIN pg_class ON pg_class.oid = pg_index.indexrelid
                   WHERE pg_class.relnamespace = CAST(current_schema() AS regnamespace)";
    let unproven =
        format!("SELECT CAST(conname AS TEXT) {constraints} AND NOT convalidated ORDER BY conname LIMIT 100");
    let invalid = format!(
        "SELECT CAST(pg_class.relname AS TEXT) {indexes} AND NOT pg_index.indisvalid ORDER BY pg_class.relname LIMIT 100"
    );
    let unproven = texts(tx, unproven).await?;
    let invalid = texts(tx, invalid).await?;
    let constraints = count(tx, &format!("SELECT COUNT(*) {constraints}")).await?;
    let indexes = count(tx, &format!("SELECT COUNT(*) {indexes}")).await?;
    Ok(vec![
        of_complaints("every constraint is in force for all rows", constraints, unproven),
        of_complaints("every index is valid", indexes, invalid),
    ])
}

/// A finding of what an engine complains about.
fn of_complaints(name: &'static str, rows: i64, mut complaints: Vec<String>) -> Finding {
    let broken = i64::try_from(complaints.len()).unwrap_or(i64::MAX);
    complaints.truncate(usize::try_from(MAX_EXAMPLES).unwrap_or(0));
    Finding {
        invariant: "engine",
        name,
        rows,
        broken,
        examples: complaints,
    }
}

async fn count(tx: &mut Tx, sql: &str) -> Result<i64> {
    Ok(numbers(tx, sql.to_owned()).await?.iter().sum())
}

/// The one row of a query that gives whole numbers. The texts here are put together from constants of this module.
async fn numbers(tx: &mut Tx, sql: String) -> Result<Vec<i64>> {
    Ok(on!(tx, ex => {
        let row = sqlx::query(AssertSqlSafe(sql)).persistent(false).fetch_one(ex).await?;
        (0..row.len()).map(|at| row.try_get(at)).collect::<sqlx::Result<Vec<i64>>>()
    })?)
}

/// A query's only column.
async fn texts(tx: &mut Tx, sql: String) -> Result<Vec<String>> {
    Ok(on!(tx, ex =>
        sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false).fetch_all(ex).await)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::Db;

    /// Reads the tables of one engine; another test holds the other's to be the same. Rows that are named by a code are
    /// left to the engine, which checks its own keys.
    #[tokio::test]
    async fn every_pointer_of_the_schema_is_listed() {
        let db = Db::connect("sqlite::memory:").await.unwrap();
        db.migrate().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let declared = "SELECT child.name || '.' || pointer.\"from\" || ' -> ' || pointer.\"table\"
             FROM sqlite_master AS child, pragma_foreign_key_list(child.name) AS pointer
             WHERE child.type = 'table' AND pointer.\"to\" = 'id'
               AND (pointer.\"from\" <> 'village_id' OR pointer.\"table\" = 'village')";
        let named = "SELECT child.name || '.' || part.name || ' -> '
             FROM sqlite_master AS child, pragma_table_info(child.name) AS part
             WHERE child.type = 'table' AND part.type = 'BLOB' AND part.name GLOB '*_[ib][dy]'";
        let mut pointers = texts(&mut tx, declared.to_owned()).await.unwrap();
        assert!(pointers.len() > 20, "{pointers:?}");
        pointers.extend(texts(&mut tx, named.to_owned()).await.unwrap());
        let listed = |pointer: &String| {
            KEYS.iter()
                .any(|key| format!("{}.{} -> {}", key.child, key.column, key.parent).starts_with(pointer))
        };
        pointers.retain(|pointer| !listed(pointer));
        assert!(pointers.is_empty(), "not in KEYS: {pointers:?}");
    }
}
