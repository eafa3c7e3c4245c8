//! Cells to waybill numbers: what is only dressed up is undressed, what a spreadsheet has spoilt is recognised.

use crate::orders::import::fold_width;

/// Numbers that Kuaidi100 takes have 6 to 32 characters.
const LENGTHS: std::ops::RangeInclusive<usize> = 6..=32;
/// A spreadsheet keeps 15 digits of a figure, and zeros after them.
const EXACT_DIGITS: usize = 15;
/// What is left when a figure was shown as 1.23457E+14 and saved like that.
const SHOWN_DIGITS: usize = 6;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Empty,
    /// capitals, digits and dashes
    Number(String),
    /// scientific notation, or an error like `#N/A`
    Damaged,
    Several,
    Other,
}

impl Reading {
    pub fn number(self) -> Option<String> {
        match self {
            Reading::Number(number) => Some(number),
            _ => None,
        }
    }
}

/// Reads a cell. Spaces, width of characters, letter case, `.0` and thousands separators do not matter.
pub(super) fn read(cell: &str) -> Reading {
    let text: String = fold_width(cell)
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_uppercase();
    if text.is_empty() || matches!(text.as_str(), "-" | "--" | "/" | "N/A" | "无") {
        return Reading::Empty;
    }
    if text.starts_with('#') || is_scientific(&text) {
        return Reading::Damaged;
    }
    let text = without_decimals(&without_groups(&text)).to_owned();
    let is_part =
        |part: &str| LENGTHS.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let parts: Vec<&str> = text
        .split([',', ';', '、', '/', '|'])
        .filter(|part| !part.is_empty())
        .collect();
    if parts.len() > 1 && parts.iter().all(|part| is_part(part)) {
        return Reading::Several;
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if LENGTHS.contains(&text.len()) && text.bytes().all(allowed) && text.bytes().any(|b| b.is_ascii_digit())
    {
        Reading::Number(text)
    } else {
        Reading::Other
    }
}

/// `1.23457E+14`; an id like `12E34` is one as well after a spreadsheet has read it.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let figures =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let signed = exponent.starts_with(['+', '-']);
    figures(mantissa)
        && figures(exponent.trim_start_matches(['+', '-']))
        && (signed || mantissa.contains('.'))
}

/// `1,234,567` is one number that a spreadsheet has grouped.
fn without_groups(text: &str) -> String {
    let groups: Vec<&str> = text.split(',').collect();
    let grouped = groups.len() > 2
        && (1..=3).contains(&groups[0].len())
        && groups[1..].iter().all(|group| group.len() == 3)
        && groups.concat().bytes().all(|byte| byte.is_ascii_digit());
    if grouped { groups.concat() } else { text.to_owned() }
}

fn without_decimals(text: &str) -> &str {
    match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    }
}

/// Zeros at the end of a number that is digits only and long enough for a spreadsheet to round.
fn zeros(number: &str) -> Option<usize> {
    let figures = number.len() >= 2 * SHOWN_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    figures.then(|| number.len() - number.trim_end_matches('0').len())
}

/// How sure it is that numbers of a file have been rounded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rounded {
    /// places of the numbers
    pub at: Vec<usize>,
    pub sure: bool,
}

/// Numbers with zeros where a spreadsheet puts them. A number may end in zeros by itself, one in a million in six, so
/// the more of the file's numbers do, the surer.
pub(super) fn rounded(numbers: &[&str]) -> Rounded {
    let shown: Vec<usize> = places(numbers, |number, zeros| zeros + SHOWN_DIGITS >= number.len());
    if !shown.is_empty() {
        let many = shown.len() >= 2 || numbers.len() <= 2;
        let longest = shown
            .iter()
            .filter_map(|at| zeros(numbers[*at]))
            .max()
            .unwrap_or(0);
        return Rounded {
            sure: many || longest >= 8,
            at: shown,
        };
    }
    let long = places(numbers, |number, _| number.len() > EXACT_DIGITS);
    let cut = places(numbers, |number, zeros| {
        number.len() > EXACT_DIGITS && zeros + EXACT_DIGITS >= number.len()
    });
    let lost: usize = cut.iter().map(|at| numbers[*at].len() - EXACT_DIGITS).sum();
    if cut.len() == long.len() && lost >= 3 {
        Rounded {
            at: cut,
            sure: lost >= 6,
        }
    } else {
        Rounded::default()
    }
}

fn places(numbers: &[&str], holds: impl Fn(&str, usize) -> bool) -> Vec<usize> {
    let fits = |number: &str| zeros(number).is_some_and(|zeros| holds(number, zeros));
    (0..numbers.len()).filter(|at| fits(numbers[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read() {
        let number = |text: &str| Reading::Number(text.to_owned());
        for (cell, expected) in [
            ("78123456789012", number("78123456789012")),
            (" ７８１２３４５６７８９０１２ ", number("78123456789012")),
            ("7812 3456 7890 12", number("78123456789012")),
            ("sf1234567890123", number("SF1234567890123")),
            ("78123456789012.0", number("78123456789012")),
            ("78,123,456,789,012", number("78123456789012")),
            ("JD0123456789012-1-3-", number("JD0123456789012-1-3-")),
            ("", Reading::Empty),
            (" - ", Reading::Empty),
            ("1.23457E+14", Reading::Damaged),
            ("7.8E13", Reading::Damaged),
            ("7E+13", Reading::Damaged),
            ("#N/A", Reading::Damaged),
            ("781234567890,781234567891", Reading::Several),
            ("781234567890;781234567891", Reading::Several),
            ("未发货", Reading::Other),
            ("中通78123456789012", Reading::Other),
            ("12345", Reading::Other),
            ("78123456789012.5", Reading::Other),
            ("ABCDEFG", Reading::Other),
        ] {
            assert_eq!(read(cell), expected, "{cell}");
        }
    }

    #[test]
    fn rounding_is_seen_in_company() {
        for (numbers, at, sure) in [
            (
                &["781235000000", "781236000000", "781234567890"][..],
                &[0, 1][..],
                true,
            ),
            (&["781235000000", "781234567890", "781234567891"], &[0], false),
            (&["78123500000000"], &[0], true),
            (&["781234567890120000", "781234567890130000"], &[0, 1], true),
            (&["781234567890123000"], &[0], false),
            (&["781234567890123000", "781234567890123001"], &[], false),
            (&["781234567890", "SF1000000000000"], &[], false),
            (&["1000000"], &[], false),
        ] {
            let found = rounded(numbers);
            assert_eq!((found.at.as_slice(), found.sure), (at, sure), "{numbers:?}");
        }
    }
}
