//! Rules on migrations and SQL: both engines hold the same tables, and every row can be found by its village.

use std::collections::BTreeSet;

use super::ddl::tables;
use super::{File, assert_none, file, tree};

/// Tables without `village_id` in front, the same on every node: small, seldom written, and never in a transaction
/// that writes a village's rows of several villages.
const REFERENCE_TABLES: &[(&str, &str)] = &[
    ("town", "stands above the villages"),
    ("village", "is the tenant: its id is the village_id of all others"),
    (
        "login",
        "says in which village a login lives, before the village is known",
    ),
    ("job", "the cron table belongs to the shop, not to a village"),
];

// ---- rules ----

fn different_names(sqlite: &[File], postgres: &[File]) -> Vec<String> {
    let names = |files: &[File]| -> BTreeSet<String> {
        files
            .iter()
            .map(|file| file.path.rsplit('/').next().unwrap_or_default().to_string())
            .collect()
    };
    let (sqlite, postgres) = (names(sqlite), names(postgres));
    let missing = |there: &BTreeSet<String>, here: &BTreeSet<String>, folder: &str| -> Vec<String> {
        there
            .difference(here)
            .map(|name| format!("migrations/{folder}/{name}:1: is missing"))
            .collect()
    };
    [
        missing(&sqlite, &postgres, "postgres"),
        missing(&postgres, &sqlite, "sqlite"),
    ]
    .concat()
}

fn different_tables(sqlite: &[File], postgres: &[File]) -> Vec<String> {
    let (sqlite, postgres) = (tables(sqlite), tables(postgres));
    let mut offenders = vec![];
    for name in sqlite.keys().chain(postgres.keys()).collect::<BTreeSet<_>>() {
        match (sqlite.get(name), postgres.get(name)) {
            (Some(one), Some(other)) if one.columns != other.columns => offenders.push(format!(
                "{}: {name}: columns differ from {}: {:?} and {:?}",
                one.at, other.at, one.columns, other.columns
            )),
            (Some(one), None) | (None, Some(one)) => {
                offenders.push(format!("{}: {name}: on one engine only", one.at))
            }
            _ => {}
        }
    }
    offenders
}

fn keys_without_village(files: &[File]) -> Vec<String> {
    let tables = tables(files);
    let reference: BTreeSet<&str> = REFERENCE_TABLES.iter().map(|(name, _)| *name).collect();
    let led = |columns: &[String]| columns.first().is_some_and(|it| it == "village_id");
    let mut offenders: Vec<String> = reference
        .iter()
        .filter(|name| !tables.contains_key(**name))
        .map(|name| {
            format!("tests/it/tidy/schema.rs:1: there is no table {name}: take it off REFERENCE_TABLES")
        })
        .collect();
    for (name, table) in tables
        .iter()
        .filter(|(name, _)| !reference.contains(name.as_str()))
    {
        if !led(&table.primary_key) {
            offenders.push(format!(
                "{}: {name}: PRIMARY KEY {:?}",
                table.at, table.primary_key
            ));
        }
        for (columns, at) in table.uniques.iter().filter(|(columns, _)| !led(columns)) {
            offenders.push(format!("{at}: {name}: UNIQUE {columns:?}"));
        }
        for (columns, target, at) in &table.foreign_keys {
            if !led(columns) && !reference.contains(target.as_str()) {
                offenders.push(format!("{at}: {name}: FOREIGN KEY {columns:?} to {target}"));
            }
        }
    }
    offenders
}

// ---- the real tree ----

fn sqlite() -> Vec<File> {
    tree(&["migrations/sqlite"], ".sql")
}

fn postgres() -> Vec<File> {
    tree(&["migrations/postgres"], ".sql")
}

#[test]
fn migrations_have_the_same_names() {
    assert_none(
        "a migration of one engine only",
        &different_names(&sqlite(), &postgres()),
    );
}

#[test]
fn migrations_make_the_same_tables() {
    assert!(
        tables(&sqlite()).len() > REFERENCE_TABLES.len(),
        "the tables were not found"
    );
    assert_none("tables that differ", &different_tables(&sqlite(), &postgres()));
}

#[test]
fn every_key_starts_with_the_village() {
    assert_none(
        "keys without village_id in front",
        &keys_without_village(&sqlite()),
    );
    assert_none(
        "keys without village_id in front",
        &keys_without_village(&postgres()),
    );
}

// ---- each rule can fail ----

#[test]
fn engines_that_drift_apart_are_found() {
    let one = [file(
        "migrations/sqlite/0001_a.sql",
        "CREATE TABLE a (x INTEGER, y TEXT) STRICT;\nCREATE TABLE b (x BLOB);",
    )];
    let other = [file(
        "migrations/postgres/0001_b.sql",
        "CREATE TABLE a (y TEXT, x BIGINT);",
    )];
    assert_eq!(
        different_names(&one, &other),
        [
            "migrations/postgres/0001_a.sql:1: is missing",
            "migrations/sqlite/0001_b.sql:1: is missing"
        ]
    );
    let found = different_tables(&one, &other);
    assert!(
        found[0].starts_with("migrations/sqlite/0001_a.sql:1: a: columns differ"),
        "{found:?}"
    );
    assert_eq!(found[1], "migrations/sqlite/0001_a.sql:2: b: on one engine only");
    let more = file("migrations/postgres/0002.sql", "DROP TABLE IF EXISTS a; CREATE TABLE IF NOT EXISTS a_new (x BIGINT);
        ALTER TABLE a_new ADD COLUMN z TEXT; ALTER TABLE a_new RENAME COLUMN z TO y; ALTER TABLE a_new RENAME TO a;
        CREATE TABLE b (x UUID, old TEXT); ALTER TABLE b DROP COLUMN old;");
    let [other] = other;
    assert_none("the same in the end", &different_tables(&one, &[other, more]));
}

#[test]
fn keys_without_the_village_are_found() {
    let sound = "
        CREATE TABLE town (id BIGINT PRIMARY KEY); CREATE TABLE login (login TEXT PRIMARY KEY);
        CREATE TABLE village (id BIGINT PRIMARY KEY, town_id BIGINT REFERENCES town (id));
        CREATE TABLE job (name TEXT PRIMARY KEY);
        CREATE TABLE ok (
            village_id BIGINT NOT NULL REFERENCES village (id), -- a comment, with a comma
            kind TEXT CHECK (kind IN ('a,(', 'b')), job TEXT REFERENCES job (name),
            PRIMARY KEY (village_id, kind), UNIQUE (village_id, job));";
    let check = |more: &str| keys_without_village(&[file("m.sql", &format!("{sound}\n{more}"))]);
    assert_none("sound", &check(""));
    for (sql, expected) in [
        (
            "CREATE TABLE t (id UUID PRIMARY KEY)",
            "m.sql:9: t: PRIMARY KEY [\"id\"]",
        ),
        ("CREATE TABLE t (a TEXT)", "m.sql:9: t: PRIMARY KEY []"),
        (
            "CREATE TABLE t (a TEXT, PRIMARY KEY (a, village_id))",
            "m.sql:9: t: PRIMARY KEY [\"a\", \"village_id\"]",
        ),
        (
            "ALTER TABLE ok ADD COLUMN x TEXT UNIQUE",
            "m.sql:9: ok: UNIQUE [\"x\"]",
        ),
        (
            "ALTER TABLE ok ADD CONSTRAINT c UNIQUE (kind)",
            "m.sql:9: ok: UNIQUE [\"kind\"]",
        ),
        (
            "CREATE UNIQUE INDEX i ON ok (kind, village_id)",
            "m.sql:9: ok: UNIQUE [\"kind\", \"village_id\"]",
        ),
        (
            "CREATE TABLE t (village_id BIGINT,\nx TEXT REFERENCES ok (kind), PRIMARY KEY (village_id))",
            "m.sql:10: t: FOREIGN KEY [\"x\"] to ok",
        ),
        (
            "CREATE TABLE t (village_id BIGINT, a TEXT, PRIMARY KEY (village_id),\n\nFOREIGN KEY (a) REFERENCES ok (kind))",
            "m.sql:11: t: FOREIGN KEY [\"a\"] to ok",
        ),
    ] {
        assert_eq!(check(sql), [expected], "{sql}");
    }
    assert!(
        keys_without_village(&[])
            .iter()
            .any(|it| it.contains("there is no table town"))
    );
}
