//! House rules over the source tree. Style that is no test decays.
//!
//! Each rule is a function from files to offenders (`file:line: what`), with two tests: one on a small sample that
//! breaks it, one on the real tree. Here: size and leftovers. `imports`: the floors. `sql` and `schema`: what the
//! database is told. `lexer` and `ddl` read Rust and migrations.

mod ddl;
mod imports;
mod lexer;
mod schema;
mod sql;

use std::collections::BTreeSet;
use std::path::Path;

use lexer::code_of;

const MAX_FN_LINES: usize = 70;
const MAX_FILE_LINES: usize = 450;
/// The heading in ARCHITECTURE.md under which a longer file is argued for: "- `src/x.rs`: why".
const LONG_FILES_HEADING: &str = "## Long files";

/// Put together here, so that a search for them finds real ones only.
const LEFTOVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    "dbg!",
    "todo!",
    concat!("un", "implemented!"),
];

struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

// ---- rules ----

fn long_functions(files: &[File]) -> Vec<String> {
    let mut offenders = vec![];
    for file in files {
        let code = code_of(&file.text);
        let lines: Vec<&str> = code.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| starts_function(line)) {
            let length = function_length(&lines[at..]);
            if length > MAX_FN_LINES {
                offenders.push(format!(
                    "{}:{}: {length} lines: {}",
                    file.path,
                    at + 1,
                    line.trim()
                ));
            }
        }
    }
    offenders
}

fn starts_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub") || ["async", "const", "unsafe", "extern", "default", "in"].contains(word)
    });
    words.next() == Some("fn") && words.next().is_some()
}

/// Lines from the first to the closing brace; 1 when the function has no body.
fn function_length(lines: &[&str]) -> usize {
    let (mut braces, mut others) = (0, 0);
    for (at, line) in lines.iter().enumerate() {
        for c in line.chars() {
            match c {
                '{' => braces += 1,
                '}' => braces -= 1,
                '(' | '[' => others += 1,
                ')' | ']' => others -= 1,
                _ => {}
            }
            if (c == '}' || c == ';') && braces == 0 && others == 0 {
                return at + 1;
            }
        }
    }
    lines.len()
}

fn long_files(files: &[File], architecture: &str) -> Vec<String> {
    let mut argued: BTreeSet<&str> = architecture
        .split_once(LONG_FILES_HEADING)
        .map_or("", |(_, rest)| rest.split("\n#").next().unwrap_or(rest))
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- `")?.split_once("`: "))
        .filter(|(_, why)| !why.trim().is_empty())
        .map(|(path, _)| path)
        .collect();
    let mut offenders = vec![];
    for file in files {
        let lines = file.text.lines().count();
        if lines > MAX_FILE_LINES && !argued.remove(file.path.as_str()) {
            let way_out = "split it by noun, or argue for it in ARCHITECTURE.md under";
            offenders.push(format!(
                "{}:{lines}: {lines} lines: {way_out} \"{LONG_FILES_HEADING}\"",
                file.path
            ));
        }
    }
    offenders.extend(
        argued
            .iter()
            .map(|path| format!("ARCHITECTURE.md:1: `{path}` needs no exception any more")),
    );
    offenders
}

fn leftovers(files: &[File]) -> Vec<String> {
    let mut offenders = vec![];
    for file in files {
        for (at, line) in file.text.lines().enumerate() {
            let found = LEFTOVERS.iter().filter(|word| has_word(line, word));
            offenders.extend(found.map(|word| format!("{}:{}: {word}", file.path, at + 1)));
        }
    }
    offenders
}

/// Whether the word stands there by itself, not as a part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let ends_in_name = is_name(word.chars().next_back());
    text.match_indices(word).any(|(at, _)| {
        let joined = ends_in_name && is_name(text[at + word.len()..].chars().next());
        !joined && !is_name(text[..at].chars().next_back())
    })
}

// ---- the real tree ----

/// The files with this ending under some folders of the repo; a folder that isn't there counts as empty.
fn tree(folders: &[&str], ending: &str) -> Vec<File> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<File>) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for path in entries.map(|entry| entry.expect("a readable folder").path()) {
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = std::fs::read_to_string(&path).expect("a readable file");
                let inside = path
                    .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                    .expect("it was found under the root");
                found.push(File {
                    path: inside.to_string_lossy().replace('\\', "/"),
                    text,
                });
            }
        }
    }
    let mut found = vec![];
    folders.iter().for_each(|folder| {
        walk(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            ending,
            &mut found,
        )
    });
    assert!(
        !found.is_empty(),
        "nothing to check: no {ending} under {folders:?}"
    );
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

#[track_caller]
fn assert_none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}

#[test]
fn functions_are_short() {
    assert_none("functions over 70 lines", &long_functions(&tree(&["src"], ".rs")));
}

#[test]
fn files_are_short() {
    let architecture = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/ARCHITECTURE.md"));
    let files = tree(&["src", "tests", "benches"], ".rs");
    assert_none(
        "files over 450 lines",
        &long_files(&files, &architecture.expect("ARCHITECTURE.md")),
    );
}

#[test]
fn nothing_is_left_over() {
    assert_none("left over", &leftovers(&tree(&["src"], ".rs")));
}

// ---- each rule can fail ----

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_string(),
        text: text.to_string(),
    }
}

#[test]
fn a_long_function_is_found_whatever_stands_in_its_strings() {
    let body = "    let x = \"}\"; // }\n    let y = '}';\n    let z = r#\"\n}\n\"#;\n";
    let filler = |lines| "    x();\n".repeat(lines);
    let long = format!(
        "trait T {{\n    fn declared(&self, a: [u8; 4]);\n}}\npub(crate) async fn f() {{\n{body}{}}}\n",
        filler(64)
    );
    assert_eq!(
        long_functions(&[file("src/a.rs", &long)]),
        ["src/a.rs:4: 71 lines: pub(crate) async fn f() {"]
    );
    let short = format!("fn f() {{\n{body}{}}}\nfn g() {{}}\n", filler(63));
    assert_none(
        "70 lines are allowed",
        &long_functions(&[file("src/a.rs", &short)]),
    );
}

#[test]
fn a_long_file_needs_an_argument_and_a_short_one_none() {
    let long = file("src/a.rs", &"\n".repeat(451));
    let argued = "# A\n## Long files\n- `src/a.rs`: one table\n## Next\n- `src/b.rs`: elsewhere\n";
    assert_eq!(long_files(&[file("src/a.rs", &"\n".repeat(450))], ""), [""; 0]);
    assert!(long_files(std::slice::from_ref(&long), "# A\n")[0].starts_with("src/a.rs:451: 451 lines"));
    assert_eq!(
        long_files(std::slice::from_ref(&long), "## Long files\n- `src/a.rs`: \n").len(),
        1
    );
    assert_none("argued", &long_files(&[long], argued));
    assert_eq!(
        long_files(&[], argued),
        ["ARCHITECTURE.md:1: `src/a.rs` needs no exception any more"]
    );
}

#[test]
fn leftovers_are_found() {
    for word in LEFTOVERS {
        let found = leftovers(&[file(
            "src/a.rs",
            &format!("f();\n    {word}(x); // {word}: later"),
        )]);
        assert_eq!(found, [format!("src/a.rs:2: {word}")]);
        assert_none(
            "part of a longer word",
            &leftovers(&[file("src/a.rs", &format!("let a{word} = 1;"))]),
        );
    }
}
