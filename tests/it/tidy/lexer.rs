//! As much of Rust's grammar as the house rules need: what is code, what is a comment, what is a string.

/// A string literal: the line on which its text begins, and its text as written.
pub struct Literal {
    pub line: usize,
    pub text: String,
}

enum Piece<'a> {
    Code(&'a str),
    Comment(&'a str),
    /// A string or character literal, with prefix and quotes.
    Quoted(&'a str),
}

/// The text with comments and literals blanked out; lines and columns stay.
pub fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Code(it) => code.push_str(it),
            Piece::Comment(it) | Piece::Quoted(it) => {
                code.extend(it.chars().map(|c| if c == '\n' { c } else { ' ' }))
            }
        }
    }
    code
}

/// Every string literal; character literals are left out.
pub fn literals_of(text: &str) -> Vec<Literal> {
    let (mut line, mut literals) = (1, vec![]);
    for piece in pieces(text) {
        let (Piece::Code(it) | Piece::Comment(it) | Piece::Quoted(it)) = piece;
        if let (Piece::Quoted(_), Some(open), Some(close)) = (&piece, it.find('"'), it.rfind('"'))
            && open < close
            && !it.starts_with('\'')
        {
            literals.push(Literal {
                line,
                text: it[open + 1..close].to_string(),
            });
        }
        line += it.matches('\n').count();
    }
    literals
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = vec![];
    let (mut code, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let (length, comment) = match () {
            () if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), true),
            () if rest.starts_with("/*") => (block_comment(rest), true),
            () if is_name(text[..at].chars().next_back()) => (0, false),
            () => (quoted(rest), false),
        };
        if length == 0 {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        pieces.push(Piece::Code(&text[code..at]));
        let it = &rest[..length];
        pieces.push(if comment {
            Piece::Comment(it)
        } else {
            Piece::Quoted(it)
        });
        at += length;
        code = at;
    }
    pieces.push(Piece::Code(&text[code..]));
    pieces
}

fn is_name(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string or character literal that begins here; 0 when none does.
fn quoted(text: &str) -> usize {
    let body = text.trim_start_matches(['b', 'c']);
    let prefix = text.len() - body.len();
    if prefix > 1 {
        return 0;
    }
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let inner = &raw[hashes + 1..];
            return prefix + 1 + hashes + 1 + inner.find(&close).map_or(inner.len(), |end| end + close.len());
        }
        return 0;
    }
    let mut chars = body.char_indices();
    let quote = match chars.next() {
        Some((_, quote @ ('"' | '\''))) => quote,
        _ => return 0,
    };
    // a quote, one character and no quote: a lifetime or a label
    if quote == '\'' && !body[1..].starts_with('\\') && body.chars().nth(2) != Some('\'') {
        return 0;
    }
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return prefix + at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn code_comments_and_strings_are_told_apart() {
    for (text, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("a\"b", 'c', '\'', '"')"#, "f(      ,    ,     ,    )"),
        ("f(r#\"a\"b\"#, b\"x\", br\"y\")", "f(        ,     ,      )"),
        (
            "fn f<'a>(x: &'a str) -> &'static str",
            "fn f<'a>(x: &'a str) -> &'static str",
        ),
        ("'outer: loop { x('村') }", "'outer: loop { x(   ) }"),
        ("let r = bar(r, br);", "let r = bar(r, br);"),
        ("a \"// no comment\" b", "a                 b"),
        ("\"open", "     "),
    ] {
        assert_eq!(code_of(text), code, "{text}");
    }
}

#[test]
fn literals_know_their_line() {
    let found: Vec<_> = literals_of("f(\"a\",\n 'b', r#\"c\n\"d\"#,\n\"村\\n\")")
        .into_iter()
        .collect();
    let found: Vec<_> = found.iter().map(|it| (it.line, it.text.as_str())).collect();
    assert_eq!(found, [(1, "a"), (2, "c\n\"d"), (4, "村\\n")]);
}
