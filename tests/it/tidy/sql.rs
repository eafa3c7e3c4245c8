//! SQL stands in stores alone, and says only what both engines, and many nodes, understand.

use super::ddl::without_comments;
use super::lexer::{Literal, literals_of};
use super::{File, assert_none, file, has_word, tree};

/// Where SQL may stand: the one room of a feature that talks to the database, and the four files whose subject is the
/// database itself: both engines and migrations (db), the invariants as queries (audit), the queue that is written in
/// others' transactions (outbox), the leases of the cron table (jobs).
const SQL_FILES: &[&str] = &["store.rs", "db.rs", "audit.rs", "outbox.rs", "jobs.rs"];

// ---- rules ----

fn misplaced_sql(files: &[File]) -> Vec<String> {
    files
        .iter()
        .filter(|file| !may_hold_sql(&file.path))
        .flat_map(|file| {
            literals_of(&file.text)
                .into_iter()
                .map(move |literal| (file, literal))
        })
        .filter(|(_, literal)| is_sql(&literal.text))
        .map(|(file, literal)| format!("{}:{}: SQL outside of a store", file.path, literal.line))
        .collect()
}

fn may_hold_sql(path: &str) -> bool {
    SQL_FILES.contains(&path.rsplit('/').next().unwrap_or(path)) || path.contains("/store/")
}

fn is_sql(text: &str) -> bool {
    let lower = text.trim_start().to_ascii_lowercase();
    ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM"]
        .iter()
        .any(|word| has_word_start(text, word))
        || ["insert into ", "delete from "]
            .iter()
            .any(|start| lower.starts_with(start))
}

fn has_word_start(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn forbidden_sql_in_sources(files: &[File]) -> Vec<String> {
    let mut offenders = vec![];
    for file in files.iter().filter(|file| may_hold_sql(&file.path)) {
        for Literal { line, text } in literals_of(&file.text) {
            let found = forbidden_in(&text);
            offenders.extend(
                found
                    .iter()
                    .map(|(down, what)| format!("{}:{}: {what}", file.path, line + down)),
            );
        }
    }
    offenders
}

/// What may stand in no SQL text, with the lines down from its start: time and chance are bound by the program, columns
/// are listed, and what only one engine or only one node can do stays out.
fn forbidden_in(sql: &str) -> Vec<(usize, &'static str)> {
    let calls = [
        "now()",
        "CURRENT_TIMESTAMP",
        "random()",
        "gen_random_uuid()",
        "clock_timestamp()",
    ];
    let words = [
        "pg_notify",
        "CREATE TRIGGER",
        "CREATE FUNCTION",
        "CREATE PROCEDURE",
    ];
    let stars = ["SELECT *", "RETURNING *"];
    let mut found = vec![];
    for (down, line) in sql.lines().enumerate() {
        let line = line
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_ascii_lowercase();
        let tight = line.replace(" (", "(").replace("( ", "(");
        let any = calls
            .iter()
            .chain(&words)
            .chain(&stars)
            .filter(|it| has_word(&tight, &it.to_ascii_lowercase()));
        found.extend(any.map(|it| (down, *it)));
        // as words within a sentence they are harmless
        let statements = [("listen ", "LISTEN"), ("notify ", "NOTIFY")];
        let started = statements.iter().filter(|(start, _)| line.starts_with(start));
        found.extend(started.map(|(_, what)| (down, *what)));
        if line.contains("advisory") {
            found.push((down, "advisory locks"));
        }
        if line
            .match_indices(".*")
            .any(|(at, _)| line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        {
            found.push((down, "alias.*"));
        }
    }
    found
}

fn forbidden_in_migrations(files: &[File]) -> Vec<String> {
    let mut offenders = vec![];
    for file in files {
        let found = forbidden_in(&without_comments(&file.text));
        offenders.extend(
            found
                .iter()
                .map(|(down, what)| format!("{}:{}: {what}", file.path, down + 1)),
        );
    }
    offenders
}

// ---- the real tree ----

#[test]
fn sql_stands_in_stores() {
    assert_none("SQL in the wrong room", &misplaced_sql(&tree(&["src"], ".rs")));
}

#[test]
fn sql_in_sources_suits_both_engines() {
    assert_none("forbidden SQL", &forbidden_sql_in_sources(&tree(&["src"], ".rs")));
}

#[test]
fn migrations_suit_both_engines() {
    assert_none(
        "forbidden SQL",
        &forbidden_in_migrations(&tree(&["migrations"], ".sql")),
    );
}

// ---- each rule can fail ----

#[test]
fn sql_outside_of_stores_is_found() {
    for (path, text, offenders) in [
        ("src/orders/api.rs", "f(\n\"SELECT id FROM orders\")", 1),
        (
            "src/orders/api.rs",
            "f(r#\"\nINSERT INTO orders\"#); g(\"delete from x\")",
            2,
        ),
        (
            "src/orders/api.rs",
            "// \"SELECT id\"\nf(\"AUTOUPDATE x, please select a day\")",
            0,
        ),
        ("src/orders/store.rs", "f(\"UPDATE orders SET x = 1\")", 0),
        ("src/orders/store/lines.rs", "f(\"DELETE FROM orders\")", 0),
        ("src/bookstore.rs", "f(\"DELETE FROM orders\")", 1),
    ] {
        assert_eq!(
            misplaced_sql(&[file(path, text)]).len(),
            offenders,
            "{path}: {text}"
        );
    }
}

#[test]
fn sql_for_one_engine_is_found_with_its_line() {
    let text =
        "f(\"SELECT id\n  FROM t WHERE at < now()\");\n// now()\ng(\"UPDATE t SET a = 1 RETURNING *\")";
    let offenders = forbidden_sql_in_sources(&[file("src/a/store.rs", text)]);
    assert_eq!(
        offenders,
        ["src/a/store.rs:2: now()", "src/a/store.rs:4: RETURNING *"]
    );
}

#[test]
fn forbidden_words_are_found() {
    for (sql, expected) in [
        ("SELECT a FROM t\nWHERE at < NOW ( )", &[(1, "now()")][..]),
        ("SELECT  * FROM t", &[(0, "SELECT *")]),
        ("SELECT o.* FROM orders o", &[(0, "alias.*")]),
        ("INSERT INTO t (a) VALUES ($1) returning *", &[(0, "RETURNING *")]),
        ("listen orders", &[(0, "LISTEN")]),
        ("nobody will listen to it", &[]),
        ("NOTIFY orders", &[(0, "NOTIFY")]),
        (
            "SELECT pg_advisory_lock(1), pg_notify('a', 'b')",
            &[(0, "pg_notify"), (0, "advisory locks")],
        ),
        ("a BIGINT DEFAULT CURRENT_TIMESTAMP", &[(0, "CURRENT_TIMESTAMP")]),
        ("CREATE\tTRIGGER x", &[(0, "CREATE TRIGGER")]),
        ("SELECT COUNT(*), known(), a*b, listener FROM t", &[]),
    ] {
        assert_eq!(forbidden_in(sql), expected, "{sql}");
    }
    let migration = file(
        "migrations/sqlite/0001_a.sql",
        "-- now() is banned\nCREATE TABLE t (\n  a TEXT DEFAULT (random())\n);",
    );
    assert_eq!(
        forbidden_in_migrations(&[migration]),
        ["migrations/sqlite/0001_a.sql:3: random()"]
    );
}
