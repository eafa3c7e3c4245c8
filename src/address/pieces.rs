//! Pasted text made plain, its phone numbers taken out, and the rest cut into labelled pieces.

use super::words::{Label, is_note, is_postcode, leading_label, looks_like_place, name_score};
use crate::phone::Phone;

/// Only so many characters of a pasted text are read.
const MAX_CHARS: usize = 500;
/// Stands in the text where a phone number was.
const PHONE: char = '\u{1}';

/// Where a piece stands towards the administrative names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    Unplaced,
    Before,
    /// In the same piece as the names, before them: 张三河南省…
    GluedBefore,
    GluedAfter,
    After,
}

#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub text: String,
    pub label: Option<Label>,
    pub near_phone: bool,
    pub side: Where,
}

pub(super) struct Phones {
    /// In the normal form, mobile numbers first.
    pub numbers: Vec<String>,
    /// The number had to be cut out of a longer run of digits.
    pub glued: bool,
}

/// Full-width signs made ASCII, every sign that is no part of a name or street made a comma; lines are kept.
pub(super) fn plain(text: &str) -> String {
    let ascii = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(' '),
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => '-',
        '【' | '〔' => '[',
        '】' | '〕' => ']',
        '•' | '・' => '·',
        _ => c,
    };
    let chars: Vec<char> = text.chars().take(MAX_CHARS).map(ascii).collect();
    let mut plain = String::with_capacity(text.len().min(MAX_CHARS * 4));
    for (at, &c) in chars.iter().enumerate() {
        let is_digit = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(char::is_ascii_digit);
        let kept = match c {
            '.' => is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)),
            _ => c.is_alphanumeric() || "-#()·/+[]_~&*@:\n".contains(c),
        };
        plain.push(match c {
            _ if kept => c,
            _ if c.is_whitespace() => ' ',
            _ => ',',
        });
    }
    plain
}

/// Takes the phone numbers out of a plain text and leaves a mark in their place.
pub(super) fn take_phones(text: &str) -> (String, Phones) {
    let chars: Vec<char> = text.chars().collect();
    let mut left = String::with_capacity(text.len());
    let mut phones: Vec<(bool, String)> = Vec::new();
    let mut glued = false;
    let mut at = 0;
    while at < chars.len() {
        let starts = (chars[at].is_ascii_digit() || chars[at] == '+' || chars[at] == '(')
            && (at == 0 || !chars[at - 1].is_ascii_digit());
        if let Some((end, mobile, number)) = starts.then(|| phone_at(&chars, at)).flatten() {
            if !phones.iter().any(|(_, known)| *known == number) {
                phones.push((mobile, number));
            }
            left.push(PHONE);
            at = end;
            continue;
        }
        if starts
            && let Some((end, number)) = glued_phone_at(&chars, at)
            && phones.is_empty()
        {
            left.extend(&chars[at..end - 11]);
            left.push(PHONE);
            phones.push((true, number));
            glued = true;
            at = end;
            continue;
        }
        left.push(chars[at]);
        at += 1;
    }
    phones.sort_by_key(|(mobile, _)| !mobile);
    (
        left,
        Phones {
            numbers: phones.into_iter().map(|(_, number)| number).collect(),
            glued,
        },
    )
}

/// A run of 12 to 16 digits that ends with a mobile number: a room and the phone after it without a space.
fn glued_phone_at(chars: &[char], at: usize) -> Option<(usize, String)> {
    let run = chars[at..].iter().take_while(|c| c.is_ascii_digit()).count();
    let end = at + run;
    if !(12..=16).contains(&run) {
        return None;
    }
    let phone = Phone::parse(&chars[end - 11..end].iter().collect::<String>()).ok()?;
    Some((end, phone.as_str().to_owned()))
}

/// The phone number that starts at `at`: where it ends, whether it is a mobile one, its normal form.
fn phone_at(chars: &[char], at: usize) -> Option<(usize, bool, String)> {
    let digits_from = after_country_code(chars, at);
    for (groups, mobile) in [
        (&[3, 4, 4][..], true),
        (&[3, 3, 4], false),
        (&[4, 7], false),
        (&[4, 8], false),
        (&[3, 8], false),
        (&[3, 7], false),
    ] {
        let Some(end) = grouped(chars, digits_from, groups) else {
            continue;
        };
        let number: String = chars[digits_from..end].iter().collect();
        let Ok(phone) = Phone::parse(&number) else {
            continue;
        };
        if mobile != phone.as_str().starts_with('1')
            || (groups == [3, 3, 4] && phone.as_str().starts_with('0'))
        {
            continue;
        }
        // An extension, unless it is a house number: 19900000000-302室.
        let with_extension = extension_end(chars, end, if mobile { 3..=4 } else { 1..=6 }).and_then(|end| {
            let text: String = chars[digits_from..end].iter().collect();
            Phone::parse(&text).ok().map(|phone| (end, phone))
        });
        let (end, phone) = with_extension.unwrap_or((end, phone));
        return Some((end, mobile, phone.as_str().to_owned()));
    }
    None
}

fn after_country_code(chars: &[char], at: usize) -> usize {
    let text: String = chars[at..].iter().take(5).collect();
    let open = usize::from(text.starts_with('('));
    // A house number may end with 86: 42栋86, 5号楼86.
    let in_house = at > 0 && "号栋幢楼座室层元组".contains(chars[at - 1]);
    for prefix in ["+86", "0086", "86"] {
        if text[open..].starts_with(prefix) && !(in_house && prefix == "86") {
            let from = at + open + prefix.len();
            let gap = chars[from..]
                .iter()
                .take(2)
                .take_while(|c| "-) ".contains(**c))
                .count();
            // 86 without a sign before it may as well begin a number of its own.
            if grouped(chars, from + gap, &[3, 4, 4]).is_some() {
                return from + gap;
            }
        }
    }
    at + open
}

/// The end of digits in groups of these sizes, each pair apart by at most one sign, if no digit follows.
fn grouped(chars: &[char], from: usize, groups: &[usize]) -> Option<usize> {
    let mut at = from;
    for (index, size) in groups.iter().enumerate() {
        if index > 0 && chars.get(at).is_some_and(|c| "- )".contains(*c)) {
            at += 1;
        }
        let group = chars.get(at..at + size)?;
        if !group.iter().all(char::is_ascii_digit) {
            return None;
        }
        at += size;
    }
    chars.get(at).is_none_or(|c| !c.is_ascii_digit()).then_some(at)
}

fn extension_end(chars: &[char], from: usize, digits: std::ops::RangeInclusive<usize>) -> Option<usize> {
    let announced = chars
        .get(from..)?
        .iter()
        .take_while(|c| " 转分机号-".contains(**c))
        .count();
    if announced == 0 || chars[from..from + announced].iter().all(|c| *c == ' ') {
        return None;
    }
    let count = chars[from + announced..]
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .count();
    let end = from + announced + count;
    let house = chars.get(end).is_some_and(|c| "室号栋幢楼单层弄-".contains(*c));
    (digits.contains(&count) && !house).then_some(end)
}

/// Cuts a plain text with phone marks into pieces at spaces, lines, labels and marks.
pub(super) fn split(text: &str) -> Vec<Piece> {
    let mut splitter = Splitter::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((label, length)) = leading_label(rest, splitter.piece.is_empty(), PHONE) {
            splitter.close();
            splitter.label = Some(label);
            splitter.fresh_label = true;
            rest = rest[length..].trim_start_matches([' ', ':', ',']);
            continue;
        }
        match c {
            PHONE => {
                splitter.close();
                if let Some(last) = splitter.pieces.last_mut() {
                    last.near_phone = true;
                }
                splitter.label = None;
                splitter.after_phone = true;
            }
            '\n' => {
                splitter.close();
                splitter.label = None;
            }
            ' ' | ',' | ':' => splitter.close(),
            _ => splitter.piece.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    splitter.close();
    splitter.pieces
}

#[derive(Default)]
struct Splitter {
    pieces: Vec<Piece>,
    piece: String,
    label: Option<Label>,
    /// The label has had no piece yet.
    fresh_label: bool,
    after_phone: bool,
}

impl Splitter {
    /// Ends the current piece. Its label goes on only for notes: a name is one piece, and what follows the first piece of
    /// an address may be a name.
    fn close(&mut self) {
        let text = std::mem::take(&mut self.piece);
        let bare = text
            .trim_matches(['-', '/', '_', '+', '&', '*', '~', '@'])
            .trim_end_matches('(');
        if bare.is_empty() || bare == "()" {
            return;
        }
        let number = bare.len() >= 5 && bare.bytes().all(|b| b.is_ascii_digit());
        // A note goes on until something reads like an address or a person again.
        let first = std::mem::take(&mut self.fresh_label);
        let note_ends = !first && !is_note(bare) && (looks_like_place(bare) || name_score(bare) >= 85);
        let label = match self.label {
            Some(Label::Phone) if !number => None,
            Some(Label::Other) if note_ends => None,
            None if is_postcode(bare) => Some(Label::Other),
            label => label,
        };
        if self.label != Some(Label::Other) || is_postcode(bare) || note_ends {
            self.label = None;
        }
        let near_phone = std::mem::take(&mut self.after_phone);
        self.pieces.push(Piece {
            text: bare.to_owned(),
            label,
            near_phone,
            side: Where::Unplaced,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_found_in_running_text() {
        for (text, number, left) in [
            ("张三19900138000鲁山县", "19900138000", "张三\u{1}鲁山县"),
            ("张三 199 0013 8000", "19900138000", "张三 \u{1}"),
            ("+86 199-0013-8000张三", "19900138000", "\u{1}张三"),
            ("86-19900138000", "19900138000", "\u{1}"),
            ("8619900138000", "19900138000", "\u{1}"),
            ("19900138000-3060 福建", "19900138000-3060", "\u{1} 福建"),
            ("19900138000转3060 福建", "19900138000-3060", "\u{1} 福建"),
            ("19900138000-302室", "19900138000", "\u{1}-302室"),
            ("1530室 0375-7012345", "0375-7012345", "1530室 \u{1}"),
            ("(0375)7012345", "0375-7012345", "\u{1}"),
            ("03757012345转12", "0375-7012345-12", "\u{1}"),
            ("010 60012345", "010-60012345", "\u{1}"),
            ("400-600-1234", "4006001234", "\u{1}"),
            ("三单元30119900138000", "19900138000", "三单元301\u{1}"),
        ] {
            let (rest, phones) = take_phones(text);
            assert_eq!(
                (phones.numbers, rest.as_str()),
                (vec![number.to_owned()], left),
                "{text}"
            );
        }
        for text in [
            "467300",
            "12345678901",
            "5号楼2单元1530室",
            "1990013800",
            "6927000000000007919",
        ] {
            assert!(take_phones(text).1.numbers.is_empty(), "{text}");
        }
        assert_eq!(
            take_phones("0375-7012345 19900138000").1.numbers,
            ["19900138000", "0375-7012345"]
        );
    }
}
