//! The self-audit: every invariant of the shop as a query over the whole database (`cunji check`). Read-only, and on
//! one snapshot, so that a shop at work can be audited.
//!
//! A new table brings its foreign keys to `keys.rs` (a test asks for that) and its invariants to `store.rs`.

mod keys;
mod store;

use crate::db::{Db, Version};
use crate::error::Result;

/// Broken rows that a finding names.
const MAX_EXAMPLES: i64 = 5;

/// What the audit found out about one invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// the invariant's number in ARCHITECTURE.md, `time`, or `engine` for the database's own checks
    pub invariant: &'static str,
    pub name: &'static str,
    /// rows looked at
    pub rows: i64,
    pub broken: i64,
    /// some of the broken rows, by village and by number or code; never by a person's name or phone
    pub examples: Vec<String>,
}

/// Audits a database.
///
/// # Errors
/// When it is not of this program's version, and the database's.
pub async fn check(db: &Db) -> Result<Vec<Finding>> {
    match db.version().await? {
        Version::Current => {}
        Version::Older => {
            return Err(anyhow::anyhow!("the database is of an older version: run cunji migrate").into());
        }
        Version::Newer => {
            return Err(anyhow::anyhow!("the database is of a newer version than this program").into());
        }
        Version::Foreign => return Err(anyhow::anyhow!("there is no shop in this database").into()),
    }
    let mut tx = db.snapshot().await?;
    let mut findings = Vec::new();
    for scan in store::scans() {
        findings.extend(store::run(&mut tx, scan).await?);
    }
    findings.push(store::orphans(&mut tx).await?);
    findings.extend(store::engine(&mut tx).await?);
    Ok(findings)
}

/// Whether every invariant holds.
pub fn is_clean(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.broken == 0)
}

/// Whether SQLite says that the file itself is damaged, not just what the shop has written into it.
pub fn is_damaged(findings: &[Finding]) -> bool {
    findings
        .iter()
        .any(|finding| finding.name == store::FILE_IS_SOUND && finding.broken > 0)
}

/// One line per invariant, with its count.
pub fn report(findings: &[Finding]) -> String {
    findings.iter().map(line).collect()
}

fn line(finding: &Finding) -> String {
    let Finding {
        invariant,
        name,
        rows,
        broken,
        examples,
    } = finding;
    if *broken == 0 {
        return format!("ok      {invariant:<6}  {name}   {rows} rows\n");
    }
    let more = if usize::try_from(*broken).is_ok_and(|broken| broken > examples.len()) {
        ", …"
    } else {
        ""
    };
    format!(
        "BROKEN  {invariant:<6}  {name}   {broken} of {rows}: {}{more}\n",
        examples.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_per_invariant() {
        let finding = |rows, broken, examples: &[&str]| Finding {
            invariant: "2",
            name: "reserved = live cases not handed over",
            rows,
            broken,
            examples: examples.iter().map(|it| it.to_string()).collect(),
        };
        let findings = [
            finding(5, 0, &[]),
            finding(5, 2, &["1/FT05", "1/FT10"]),
            finding(900, 7, &["1/A"]),
        ];
        assert_eq!(
            report(&findings),
            "ok      2       reserved = live cases not handed over   5 rows\n\
             BROKEN  2       reserved = live cases not handed over   2 of 5: 1/FT05, 1/FT10\n\
             BROKEN  2       reserved = live cases not handed over   7 of 900: 1/A, …\n"
        );
        assert!(!is_clean(&findings));
        assert!(is_clean(&findings[..1]));
    }
}
