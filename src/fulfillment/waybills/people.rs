//! Whose parcel a row of a file is for, by the recipient it names: in full, masked, or as a phone's last digits.

use std::sync::LazyLock;

use super::report::{Parcel, Row};
use crate::orders::import::fold_width;

/// What a row's column says of a parcel's recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// nothing that could be compared
    Nothing,
    No,
    /// fits, as it would for every tenth recipient or so
    Maybe,
    Yes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub name: Says,
    pub phone: Says,
    pub place: Says,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Nothing,
    Same,
    /// the same person, though one column disagrees
    SameBut(Column),
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Phone,
    Place,
}

impl Evidence {
    pub fn of(row: &Person, parcel: &Person) -> Evidence {
        Evidence {
            name: name(&row.name, &parcel.name),
            phone: phone(&row.phone, &parcel.phone),
            place: place(&row.place, &parcel.place),
        }
    }

    /// A phone or a full name outweighs the rest; a masked name outweighs nothing.
    pub fn verdict(self) -> Verdict {
        use Says::{Maybe, No, Nothing, Yes};
        match (self.phone, self.name, self.place) {
            (Nothing, Nothing, Nothing) => Verdict::Nothing,
            (Yes, No, _) => Verdict::SameBut(Column::Name),
            (No, Yes, _) => Verdict::SameBut(Column::Phone),
            (No, _, _) | (Nothing | Maybe, No, _) => Verdict::Other,
            (Yes, _, No) | (_, Yes, No) => Verdict::SameBut(Column::Place),
            (_, _, No) => Verdict::Other,
            (Yes | Maybe | Nothing, Yes | Maybe | Nothing, _) => Verdict::Same,
        }
    }

    /// Whether this may well be the person that the row means: to tell staff whose row it seems to be.
    pub fn points_here(self) -> bool {
        let known = [self.phone, self.name, self.place];
        !known.contains(&Says::No)
            && (self.phone != Says::Nothing || self.name != Says::Nothing || self.place == Says::Yes)
    }
}

/// A recipient made ready for comparison.
pub(super) struct Person {
    name: String,
    phone: String,
    place: Option<String>,
}

impl Person {
    pub fn of_row(row: &Row) -> Person {
        Person {
            name: plain_name(&row.name),
            phone: plain_phone(&row.phone),
            place: province(&row.place),
        }
    }

    pub fn of_parcel(parcel: &Parcel) -> Person {
        Person {
            name: plain_name(&parcel.name),
            phone: plain_phone(&parcel.phone),
            place: province(&parcel.province),
        }
    }

    /// For files whose phones are not the recipients': carriers hand out numbers of their own.
    pub fn without_phone(&mut self) {
        self.phone.clear();
    }

    pub fn says_something(&self) -> bool {
        !self.name.is_empty() || !self.phone.is_empty() || self.place.is_some()
    }
}

fn plain_name(name: &str) -> String {
    let mut plain = fold_width(name).to_lowercase();
    plain.retain(|c| !c.is_whitespace() && !matches!(c, '·' | '.' | '(' | ')'));
    let plain = plain.replace(['●', '某', '＊'], "*");
    ["先生", "女士", "小姐", "收"]
        .iter()
        .fold(plain.as_str(), |name, title| match name.strip_suffix(title) {
            Some(rest) if rest.chars().count() >= 2 => rest,
            _ => name,
        })
        .to_owned()
}

/// Digits and stars; an extension stays behind a dash.
fn plain_phone(phone: &str) -> String {
    let folded = fold_width(phone).replace(['转', '#'], "-");
    let kept: String = folded
        .chars()
        .map(|c| if matches!(c, 'x' | 'X' | '●') { '*' } else { c })
        .filter(|c| c.is_ascii_digit() || matches!(c, '*' | '-'))
        .collect();
    let bare = kept.trim_matches('-');
    let bare = match bare.strip_prefix("86") {
        Some(rest) if folded.contains("+86") || rest.len() >= 11 => rest.trim_start_matches('-'),
        _ => bare,
    };
    // 138-1234-5678 and 0375-7012345 are one number each; what follows eleven digits is an extension
    let parts: Vec<&str> = bare.split('-').collect();
    let mut number = String::new();
    for (at, part) in parts.iter().enumerate() {
        if number.len() >= 11 && at > 0 {
            return format!("{number}-{part}");
        }
        number.push_str(part);
    }
    number
}

/// The first two characters of a province's name, which no other begins with, when the text begins with one.
fn province(text: &str) -> Option<String> {
    static STEMS: LazyLock<Vec<String>> = LazyLock::new(|| {
        crate::address::provinces()
            .map(|(_, name)| name.chars().take(2).collect())
            .collect()
    });
    let text = text.trim().trim_start_matches("中国");
    let stem: String = text.chars().filter(|c| !c.is_whitespace()).take(2).collect();
    STEMS.contains(&stem).then_some(stem)
}

fn name(file: &str, ours: &str) -> Says {
    if ours.is_empty() || ours.contains('*') || file.chars().all(|c| c == '*') {
        return Says::Nothing;
    }
    let Some((head, rest)) = file.split_once('*') else {
        let alike = file == ours || (file.chars().count() >= 2 && ours.contains(file)) || file.contains(ours);
        return match alike {
            false => Says::No,
            true if ours.chars().count() >= 2 => Says::Yes,
            true => Says::Maybe,
        };
    };
    let tail = rest.rsplit('*').next().unwrap_or(rest);
    if ours.starts_with(head) && ours.ends_with(tail) {
        Says::Maybe
    } else {
        Says::No
    }
}

fn phone(file: &str, ours: &str) -> Says {
    let (main, extension) = file.split_once('-').unwrap_or((file, ""));
    let ours = ours.split('-').next().unwrap_or(ours);
    if ours.len() < 7 || ours.contains('*') || main.bytes().all(|byte| byte == b'*') {
        return Says::Nothing;
    }
    let Some((head, rest)) = main.split_once('*') else {
        return whole_phone(main, extension, ours);
    };
    let tail = rest.rsplit('*').next().unwrap_or(rest);
    if head.len() + tail.len() < 4 {
        Says::Nothing
    } else if !ours.starts_with(head) || !ours.ends_with(tail) {
        Says::No
    } else if tail.len() >= 4 {
        Says::Yes
    } else {
        Says::Maybe
    }
}

/// A phone without stars, or its last digits. A spreadsheet drops the zeros before them, and of area codes.
fn whole_phone(file: &str, extension: &str, ours: &str) -> Says {
    match file.len() {
        0 => Says::Nothing,
        1..=4 if ours.ends_with(&format!("{file:0>4}")) => Says::Yes,
        1..=4 => Says::No,
        5..=6 if ours.ends_with(file) => Says::Yes,
        _ if ours.ends_with(file) || file.ends_with(ours) => Says::Yes,
        // a number that was lent for this parcel tells nothing of its holder
        _ if !extension.is_empty() => Says::Nothing,
        _ => Says::No,
    }
}

fn place(file: &Option<String>, ours: &Option<String>) -> Says {
    match (file, ours) {
        (Some(file), Some(ours)) if file == ours => Says::Yes,
        (Some(_), Some(_)) => Says::No,
        _ => Says::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_far_as_they_show() {
        for (file, ours, says) in [
            ("张小三", "张小三", Says::Yes),
            (" 张 小三(收)", "张小三", Says::Yes),
            ("张小三先生", "张小三", Says::Yes),
            ("张*三", "张小三", Says::Maybe),
            ("张**", "张小三", Says::Maybe),
            ("张*", "张小三", Says::Maybe),
            ("*小三", "张小三", Says::Maybe),
            ("李*三", "张小三", Says::No),
            ("张*四", "张小三", Says::No),
            ("李四", "张小三", Says::No),
            ("***", "张小三", Says::Nothing),
            ("", "张小三", Says::Nothing),
            ("张小三", "", Says::Nothing),
            ("Tom Lee", "tom lee", Says::Yes),
            ("阿卜杜拉·买买提", "阿卜杜拉买买提", Says::Yes),
            ("收", "收", Says::Maybe),
        ] {
            assert_eq!(name(&plain_name(file), &plain_name(ours)), says, "{file} {ours}");
        }
    }

    #[test]
    fn phones_are_compared_as_far_as_they_show() {
        let ours = "13800138042";
        for (file, ours, says) in [
            ("13800138042", ours, Says::Yes),
            ("+86 138-0013-8042", ours, Says::Yes),
            ("8613800138042", ours, Says::Yes),
            ("１３８００１３８０４２", ours, Says::Yes),
            ("138****8042", ours, Says::Yes),
            ("*******8042", ours, Says::Yes),
            ("8042", ours, Says::Yes),
            ("42", "13800130042", Says::Yes),
            ("8043", ours, Says::No),
            ("138****8043", ours, Says::No),
            ("139****8042", ours, Says::No),
            ("138****", ours, Says::Nothing),
            ("13900139000", ours, Says::No),
            ("13900139000-1234", ours, Says::Nothing),
            ("13800138042-1234", ours, Says::Yes),
            ("13800138042", "13800138042-3060", Says::Yes),
            ("0375-7012345", "0375-7012345", Says::Yes),
            ("3757012345", "0375-7012345", Says::Yes),
            ("7012345", "0375-7012345", Says::Yes),
            ("0375-*****45", "0375-7012345", Says::Maybe),
            ("1.38E+10", ours, Says::No),
            ("", ours, Says::Nothing),
        ] {
            assert_eq!(
                phone(&plain_phone(file), &plain_phone(ours)),
                says,
                "{file} {ours}"
            );
        }
    }

    #[test]
    fn provinces_are_told_by_two_characters() {
        for (text, stem) in [
            ("广东省深圳市", Some("广东")),
            ("中国内蒙古自治区", Some("内蒙")),
            (" 北京市市辖区", Some("北京")),
            ("深圳市南山区", None),
            ("", None),
        ] {
            assert_eq!(province(text).as_deref(), stem, "{text}");
        }
    }
}
