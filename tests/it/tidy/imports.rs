//! The floors of the house: imports only go down, and there is no circle.

use std::collections::{BTreeMap, BTreeSet};

use super::lexer::code_of;
use super::{File, assert_none, file, tree};

/// Who may import whom: a floor sees the floors below it. Modules of one floor see each other when the floor is
/// `Open` (as long as no circle arises), and don't when it is `Walled`.
const FLOORS: &[(Floor, &[&str])] = &[
    (Floor::Walled, &["main"]),
    (Floor::Open, &["commands", "bench", "demo"]),
    (Floor::Walled, &["app"]),
    (Floor::Walled, &["routes", "jobs"]),
    (Floor::Walled, &["state"]),
    (Floor::Walled, &["console"]),
    (
        Floor::Open,
        &["imports", "reports", "books", "claims", "projects", "outings"],
    ),
    (Floor::Walled, &["fulfillment", "payments"]),
    (Floor::Walled, &["orders"]),
    (Floor::Walled, &["links"]),
    (Floor::Walled, &["stock", "trace"]),
    (Floor::Walled, &["catalog", "calendar", "freight", "partners"]),
    (Floor::Walled, &["photos"]),
    (Floor::Walled, &["villages"]),
    (Floor::Open, &["web", "outbox", "audit", "backup", "ops"]),
    (
        Floor::Open,
        &[
            "db", "error", "money", "clock", "id", "phone", "font", "address", "config",
        ],
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Floor {
    Open,
    Walled,
}

fn upward_imports(files: &[File]) -> Vec<String> {
    let modules: BTreeSet<String> = files.iter().filter_map(|file| module_of(&file.path)).collect();
    let mut offenders = vec![];
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in modules.iter().filter(|module| floor_of(module).is_none()) {
        offenders.push(format!(
            "src/{module}:1: no floor: give it one in FLOORS and in ARCHITECTURE.md"
        ));
    }
    for file in files {
        let Some(from) = module_of(&file.path) else {
            continue;
        };
        for (line, path) in crate_paths(&code_of(&file.text)) {
            let Some(to) = path.first().filter(|to| modules.contains(*to) && **to != from) else {
                continue;
            };
            arrows.entry(from.clone()).or_default().insert(to.clone());
            if !may_import(&from, to) {
                offenders.push(format!("{}:{line}: {from} may not import {to}", file.path));
            }
            let inner = path.get(1).map(String::as_str);
            if matches!(inner, Some("api" | "pages"))
                && !["main", "app", "routes", "state", "console"].contains(&from.as_str())
            {
                let inner = inner.unwrap_or_default();
                offenders.push(format!(
                    "{}:{line}: {to}::{inner} is for routes, app and console only",
                    file.path
                ));
            }
        }
    }
    offenders.extend(circle(&arrows));
    offenders
}

/// The top-level module that a file under src/ belongs to; none for lib.rs, which is the map.
fn module_of(path: &str) -> Option<String> {
    let rest = path.strip_prefix("src/")?;
    let module = rest
        .split_once('/')
        .map_or_else(|| rest.trim_end_matches(".rs"), |(folder, _)| folder);
    (module != "lib").then(|| module.to_string())
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, modules)| modules.contains(&module))
}

fn may_import(from: &str, to: &str) -> bool {
    match (floor_of(from), floor_of(to)) {
        (Some(from), Some(to)) if from == to => FLOORS[from].0 == Floor::Open,
        (Some(from), Some(to)) => from < to,
        _ => true, // a module without a floor is reported once, not per arrow
    }
}

/// A circle among the modules, as one offender.
fn circle(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<String> {
    let mut left = arrows.clone();
    loop {
        let sinks: Vec<String> = left
            .iter()
            .filter(|(_, to)| !to.iter().any(|it| left.contains_key(it)))
            .map(|(it, _)| it.clone())
            .collect();
        if sinks.is_empty() {
            let names: Vec<&str> = left.keys().map(String::as_str).collect();
            return (!names.is_empty())
                .then(|| format!("src/lib.rs:1: a circle among or above {}", names.join(", ")));
        }
        sinks.iter().for_each(|sink| drop(left.remove(sink)));
    }
}

/// Every path that starts at the crate's root, with its line; groups in braces are laid out.
fn crate_paths(code: &str) -> Vec<(usize, Vec<String>)> {
    let mut paths = vec![];
    for root in ["crate::", "cunji::"] {
        for (at, _) in code.match_indices(root) {
            if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                let line = code[..at].matches('\n').count() + 1;
                let mut tails = vec![];
                read_path(&code[at + root.len()..], &mut vec![], &mut tails);
                paths.extend(tails.into_iter().map(|tail| (line, tail)));
            }
        }
    }
    paths
}

/// Reads `a::b` or `a::{b, c::d}` and returns how many bytes it took.
fn read_path(text: &str, head: &mut Vec<String>, paths: &mut Vec<Vec<String>>) -> usize {
    let before = head.len();
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        if text[at..].starts_with('{') {
            at += 1;
            while !text[at..].starts_with('}') && at < text.len() {
                let taken = read_path(&text[at..], head, paths);
                at += if taken == 0 {
                    text[at..].chars().next().map_or(0, char::len_utf8)
                } else {
                    taken
                };
            }
            at = (at + 1).min(text.len());
            break;
        }
        let name = text[at..]
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(text.len() - at);
        if name == 0 {
            break;
        }
        head.push(text[at..at + name].to_string());
        at += name;
        if !text[at..].starts_with("::") {
            paths.push(head.clone());
            break;
        }
        at += 2;
    }
    head.truncate(before);
    at
}

#[test]
fn imports_go_down() {
    assert_none(
        "arrows that run up or around",
        &upward_imports(&tree(&["src"], ".rs")),
    );
}

#[test]
fn arrows_that_run_up_are_found() {
    let check = |files: &[(&str, &str)]| {
        upward_imports(
            &files
                .iter()
                .map(|(path, text)| file(path, text))
                .collect::<Vec<_>>(),
        )
    };
    let orders = (
        "src/orders/mod.rs",
        "use crate::{db::Db, stock::{self, lot::Lot}};",
    );
    let house = [
        orders,
        ("src/stock.rs", "use crate::db::Db;"),
        ("src/db.rs", ""),
        ("src/lib.rs", "use crate::db;"),
    ];
    assert_none("a sound house", &check(&house));
    let stock = (
        "src/stock.rs",
        "// use crate::orders;\nuse crate::{\n db::Db, orders::{Order, Line}};",
    );
    assert!(check(&[stock, orders])[0].starts_with("src/stock.rs:2: stock may not import orders"));
    let walled = [
        ("src/payments.rs", "fn f() { crate::fulfillment::plan() }"),
        ("src/fulfillment.rs", ""),
    ];
    assert_eq!(
        check(&walled),
        ["src/payments.rs:1: payments may not import fulfillment"]
    );
    let open = [("src/db.rs", "use crate::error::Error;"), ("src/error.rs", "")];
    assert_none("one floor, no circle", &check(&open));
    let circle = [
        ("src/db.rs", "use crate::error::Error;"),
        ("src/error.rs", "use crate::db::Db;"),
    ];
    assert_eq!(
        check(&circle),
        ["src/lib.rs:1: a circle among or above db, error"]
    );
    assert!(check(&[("src/cart.rs", "")])[0].starts_with("src/cart:1: no floor"));
    let pages = [("src/claims.rs", "use crate::orders::{api::Out, store};"), orders];
    assert_eq!(
        check(&pages),
        ["src/claims.rs:1: orders::api is for routes, app and console only"]
    );
    assert_none(
        "routes may",
        &check(&[
            ("src/routes.rs", "use crate::orders::api;"),
            ("src/orders.rs", ""),
        ]),
    );
    assert_none(
        "a macro is no module",
        &check(&[("src/db.rs", "crate::on!(x)"), ("src/on.rs.txt", "")][..1]),
    );
}
