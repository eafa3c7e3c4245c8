//! Reads migrations, roughly: statements by `;`, definitions by commas outside of brackets. What the migrations leave
//! behind after the last file is what counts, so a table rebuilt under another name is judged as what it became.

use std::collections::BTreeMap;

use super::File;

#[derive(Debug, Default, PartialEq)]
pub struct Table {
    pub at: String,
    pub columns: Vec<String>,
    pub primary_key: Vec<String>,
    /// Columns, and where it was written.
    pub uniques: Vec<(Vec<String>, String)>,
    /// Columns, the table referred to, and where it was written.
    pub foreign_keys: Vec<(Vec<String>, String, String)>,
}

/// Comments blanked out; lines stay.
pub fn without_comments(sql: &str) -> String {
    let mut lines: Vec<String> = vec![];
    for line in sql.lines() {
        let mut quoted = false;
        let end = line.char_indices().find(|(at, c)| {
            quoted ^= *c == '\'';
            !quoted && line[*at..].starts_with("--")
        });
        lines.push(line[..end.map_or(line.len(), |(at, _)| at)].to_string());
    }
    lines.join("\n")
}

/// The parts between separators that stand outside of brackets and quotes, with the line each one starts on.
fn split(text: &str, separator: char, first_line: usize) -> Vec<(usize, &str)> {
    let (mut parts, mut start, mut depth, mut quoted) = (vec![], 0, 0, false);
    let mut push = |from: usize, to: usize| {
        let part = &text[from..to];
        let blank = part.len() - part.trim_start().len();
        if !part.trim().is_empty() {
            parts.push((
                first_line + text[..from + blank].matches('\n').count(),
                part.trim(),
            ));
        }
    };
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            c if c == separator && !quoted && depth == 0 => {
                push(start, at);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    push(start, text.len());
    parts
}

/// What the migrations leave behind.
pub fn tables(files: &[File]) -> BTreeMap<String, Table> {
    let mut tables = BTreeMap::new();
    for file in files {
        for (line, statement) in split(&without_comments(&file.text), ';', 1) {
            apply(&mut tables, statement, &file.path, line);
        }
    }
    tables
}

fn apply(tables: &mut BTreeMap<String, Table>, statement: &str, path: &str, line: usize) {
    let plain = statement
        .to_ascii_lowercase()
        .replace("if not exists ", "")
        .replace("if exists ", "");
    let words: Vec<&str> = plain
        .split(|c: char| c.is_whitespace() || "(),".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let at = format!("{path}:{line}");
    match words.as_slice() {
        ["create", "table", name, ..] => {
            let body = brackets(statement).unwrap_or_default();
            let first = line
                + statement[..statement.find('(').unwrap_or(0)]
                    .matches('\n')
                    .count();
            let mut table = Table {
                at,
                ..Table::default()
            };
            for (line, item) in split(body, ',', first) {
                define(&mut table, item, format!("{path}:{line}"));
            }
            tables.insert(name.to_string(), table);
        }
        ["create", "unique", "index", _, "on", name, ..] => {
            if let Some(table) = tables.get_mut(*name) {
                table
                    .uniques
                    .push((names(brackets(statement).unwrap_or_default()), at));
            }
        }
        ["drop", "table", name, ..] => drop(tables.remove(*name)),
        ["alter", "table", name, "rename", "to", new, ..] => {
            if let Some(table) = tables.remove(*name) {
                tables.insert(new.to_string(), table);
            }
        }
        ["alter", "table", name, change @ ..] => {
            if let Some(table) = tables.get_mut(*name) {
                alter(
                    table,
                    change,
                    &statement.split_whitespace().collect::<Vec<_>>().join(" "),
                    at,
                );
            }
        }
        _ => {}
    }
}

/// `words` are those after the table's name, `statement` is the whole text with single spaces.
fn alter(table: &mut Table, words: &[&str], statement: &str, at: String) {
    match words {
        ["add", next, ..] => {
            let add = statement
                .to_ascii_lowercase()
                .find(" add ")
                .map_or(0, |at| at + " add ".len());
            let item = statement[add..].trim_start();
            define(
                table,
                if *next == "column" {
                    item["column".len()..].trim_start()
                } else {
                    item
                },
                at,
            );
        }
        ["drop", "column", column, ..] => table.columns.retain(|it| it != column),
        ["rename", "column", column, "to", new, ..] => {
            table
                .columns
                .iter_mut()
                .filter(|it| *it == column)
                .for_each(|it| *it = new.to_string());
        }
        _ => {}
    }
}

/// One column or constraint of a table.
fn define(table: &mut Table, item: &str, at: String) {
    let lower = item.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || c == '(')
        .filter(|w| !w.is_empty())
        .collect();
    let words = if words.first() == Some(&"constraint") {
        words.get(2..).unwrap_or_default()
    } else {
        &words[..]
    };
    let target = words
        .iter()
        .position(|word| *word == "references")
        .and_then(|at| words.get(at + 1));
    let target = target.map_or_else(String::new, |it| it.to_string());
    let columns = || names(brackets(item).unwrap_or_default());
    match words {
        ["primary", "key", ..] => table.primary_key = columns(),
        ["unique", ..] => table.uniques.push((columns(), at)),
        ["foreign", "key", ..] => table.foreign_keys.push((columns(), target, at)),
        ["check" | "exclude", ..] | [] => {}
        [column, rest @ ..] => {
            let column = column.trim_matches('"').to_string();
            if rest.windows(2).any(|pair| pair == ["primary", "key"]) {
                table.primary_key = vec![column.clone()];
            }
            if rest.contains(&"unique") {
                table.uniques.push((vec![column.clone()], at.clone()));
            }
            if !target.is_empty() {
                table.foreign_keys.push((vec![column.clone()], target, at));
            }
            table.columns.push(column);
        }
    }
}

/// What stands in the first pair of brackets.
fn brackets(text: &str) -> Option<&str> {
    let open = text.find('(')? + 1;
    let mut depth = 1;
    let mut quoted = false;
    for (at, c) in text[open..].char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&text[open..open + at]);
        }
    }
    None
}

fn names(list: &str) -> Vec<String> {
    split(list, ',', 1)
        .iter()
        .map(|(_, name)| name.trim_matches('"').to_ascii_lowercase())
        .collect()
}
