//! Chinese phone numbers: mobile, landline, 400/800 and the numbers with an extension that shops hand out instead of
//! the buyer's own ("virtual" or privacy numbers). A [`Phone`] is always in its normal form, and cannot be printed by
//! accident: it has no `Display`, and `Debug` is masked.

use std::fmt;

use serde::Serialize;

/// Longest text that is looked at; a number with prefix, spaces and extension stays far below it.
const MAX_CHARS: usize = 40;

/// A phone number in its normal form: `13800138000`, `13186844346-3060`, `0375-7012345-12`, `4001234567`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

/// Why a text is not a phone number, with words for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.en())]
pub enum PhoneError {
    Empty,
    NotANumber,
    UnknownShape,
    Extension,
}

impl PhoneError {
    /// The Chinese text.
    #[must_use]
    pub fn zh(self) -> &'static str {
        match self {
            Self::Empty => "请填写电话号码",
            Self::NotANumber => "电话号码里有无法识别的字符，只能写数字、空格、+ - ( ) 和分机号",
            Self::UnknownShape => {
                "不是有效的电话号码：请填写 13 至 19 开头的 11 位手机号，或带区号的座机，如 0375-7012345"
            }
            Self::Extension => "分机号应为 1 至 6 位数字（手机号之后为 3 至 6 位）",
        }
    }

    /// The English text, which `Display` shows too.
    #[must_use]
    pub fn en(self) -> &'static str {
        match self {
            Self::Empty => "phone number missing",
            Self::NotANumber => {
                "this is not a phone number; only digits, spaces, + - ( ) and an extension are understood"
            }
            Self::UnknownShape => {
                "this is not a Chinese phone number; write 11 digits starting with 13 to 19, \
                 or a landline with its area code such as 0375-7012345"
            }
            Self::Extension => "the extension must have 1 to 6 digits, or 3 to 6 after a mobile number",
        }
    }
}

/// Digits of the main number, the places of the dashes between them, and the extension if one was marked.
#[derive(Default)]
struct Parts {
    digits: String,
    dashes: Vec<usize>,
    extension: Option<String>,
}

impl Phone {
    /// Reads a number as people write it: `+86`, `0086` or `86` before it, spaces, dashes, brackets, full-width digits,
    /// an extension after `-`, `转`, `分机`, `ext`, `x` or `#`.
    ///
    /// # Errors
    /// [`PhoneError`] when the text is empty, holds other characters, or has no known shape.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let mut parts = Parts::read(text)?;
        if parts.digits.is_empty() {
            return Err(PhoneError::Empty);
        }
        parts.split_dashed_extension();
        let (number, mobile) = normal_number(&parts).ok_or(PhoneError::UnknownShape)?;
        let Some(extension) = parts.extension else {
            return Ok(Self(number));
        };
        let shortest = if mobile { 3 } else { 1 };
        if !(shortest..=6).contains(&extension.len()) {
            return Err(PhoneError::Extension);
        }
        Ok(Self(format!("{number}-{extension}")))
    }

    /// The normal form, for storing and for those who must call. Not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with its middle hidden, see [`mask_phone`].
    #[must_use]
    pub fn masked(&self) -> String {
        mask_phone(&self.0)
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

impl Parts {
    fn read(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        if text.chars().count() > MAX_CHARS {
            return Err(PhoneError::NotANumber);
        }
        let mut parts = Self::default();
        let mut rest = plain(text);
        for prefix in ["+86", "0086"] {
            if let Some(after) = rest.strip_prefix(prefix) {
                rest = after.trim_start_matches(['-', ' ']).to_owned();
            }
        }
        for c in rest.chars() {
            match (c, &mut parts.extension) {
                ('0'..='9', None) => parts.digits.push(c),
                ('0'..='9', Some(extension)) => extension.push(c),
                (' ', _) => {}
                ('-' | '(' | ')', None) => parts.dashes.push(parts.digits.len()),
                ('-', Some(extension)) if extension.is_empty() => {}
                ('x', extension @ None) if !parts.digits.is_empty() => *extension = Some(String::new()),
                _ => return Err(PhoneError::NotANumber),
            }
        }
        parts.drop_bare_country_code();
        Ok(parts)
    }

    /// `86` without a plus sign is a prefix only before a mobile number: landlines abroad-style drop their zero.
    fn drop_bare_country_code(&mut self) {
        let Some(rest) = self.digits.strip_prefix("86") else {
            return;
        };
        if rest.len() >= 11 && is_mobile(&rest[..11]) {
            self.digits = rest.to_owned();
            self.dashes = self.dashes.iter().filter_map(|at| at.checked_sub(2)).collect();
        }
    }

    /// A dash after a whole number starts an extension: `13186844346-3060`, `0375-7012345-12`.
    fn split_dashed_extension(&mut self) {
        if self.extension.is_some() {
            return;
        }
        let whole = if is_mobile(self.digits.get(..11).unwrap_or("")) {
            Some(11)
        } else if self.digits.starts_with("400") || self.digits.starts_with("800") {
            Some(10)
        } else {
            // The last dash, if it comes after the area code and at least seven digits.
            self.dashes
                .iter()
                .copied()
                .rfind(|at| *at >= 10 && self.digits.starts_with('0'))
        };
        let Some(whole) = whole.filter(|at| self.digits.len() > *at && self.dashes.contains(at)) else {
            return;
        };
        self.extension = Some(self.digits.split_off(whole));
    }
}

/// ASCII for full-width characters, one sign for every kind of dash, `x` for every word that announces an extension.
fn plain(text: &str) -> String {
    let ascii: String = text
        .chars()
        .map(|c| match c {
            '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
            '\u{3000}' | '\u{A0}' | '\t' => ' ',
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => '-',
            _ => c,
        })
        .collect::<String>()
        .to_ascii_lowercase();
    ["分机号", "分机", "转", "ext.", "ext", "#"]
        .iter()
        .fold(ascii, |text, word| text.replace(word, "x"))
        .replace("xx", "x")
}

fn is_mobile(digits: &str) -> bool {
    let bytes = digits.as_bytes();
    bytes.len() == 11
        && bytes[0] == b'1'
        && (b'3'..=b'9').contains(&bytes[1])
        && bytes.iter().all(u8::is_ascii_digit)
}

/// The number without extension in its normal form, and whether it is a mobile one.
fn normal_number(parts: &Parts) -> Option<(String, bool)> {
    let digits = parts.digits.as_str();
    if is_mobile(digits) {
        return Some((digits.to_owned(), true));
    }
    if digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800")) {
        return Some((digits.to_owned(), false));
    }
    if !digits.starts_with('0') {
        return None;
    }
    // 010 and 02x are the only area codes of three digits (MIIT numbering plan); a written dash must agree or decides.
    let by_plan = if digits.starts_with("010") || digits.starts_with("02") {
        3
    } else {
        4
    };
    let written = parts.dashes.iter().copied().find(|at| (3..=4).contains(at));
    let (area, number) = digits.split_at_checked(written.unwrap_or(by_plan))?;
    let fits = (7..=8).contains(&number.len()) && !number.starts_with('0') && !area[1..].starts_with('0');
    fits.then(|| (format!("{area}-{number}"), false))
}

/// Hides the middle of a stored phone number: three and four digits of a mobile number stay, the area code and the last
/// two digits of a landline; of anything else only the last two. Extensions are hidden.
#[must_use]
pub fn mask_phone(phone: &str) -> String {
    let (number, extension) = match phone.split_once('-') {
        Some((area, rest)) if area.starts_with('0') => {
            let number_end = rest.find('-').map_or(phone.len(), |at| area.len() + 1 + at);
            phone.split_at(number_end)
        }
        Some((number, _)) => phone.split_at(number.len()),
        None => (phone, ""),
    };
    let length = number.chars().count();
    let (head, tail) = match number.split_once('-') {
        _ if is_mobile(number) => (3, 4),
        Some((area, rest)) if rest.len() >= 7 => (area.len() + 1, 2),
        _ if length >= 7 => (0, 2),
        _ => (0, 0),
    };
    let hide = |text: &str, keep: &dyn Fn(usize) -> bool| -> String {
        text.chars()
            .enumerate()
            .map(|(at, c)| if keep(at) || c == '-' { c } else { '*' })
            .collect()
    };
    hide(number, &|at| at < head || at + tail >= length) + &hide(extension, &|_| false)
}

/// Hides a name: the first character stays, and the last when there are three or more.
#[must_use]
pub fn mask_name(name: &str) -> String {
    let length = name.chars().count();
    let keep = |at: usize| length > 1 && (at == 0 || (length >= 3 && at + 1 == length));
    name.chars()
        .enumerate()
        .map(|(at, c)| if keep(at) { c } else { '*' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_one_normal_form() {
        for (text, normal) in [
            ("19900138000", "19900138000"),
            (" 199 0013 8000 ", "19900138000"),
            ("199-0013-8000", "19900138000"),
            ("+86 199 0013 8000", "19900138000"),
            ("+86-19900138000", "19900138000"),
            ("86-19900138000", "19900138000"),
            ("8619900138000", "19900138000"),
            ("008619900138000", "19900138000"),
            ("１９９００１３８０００", "19900138000"),
            ("＋８６　１９９００１３８０００", "19900138000"),
            ("19900138000-3060", "19900138000-3060"),
            ("199-0013-8000-3060", "19900138000-3060"),
            ("86-19900138000-3060", "19900138000-3060"),
            ("19900138000转3060", "19900138000-3060"),
            ("19900138000 转 3060", "19900138000-3060"),
            ("19900138000分机号-3060", "19900138000-3060"),
            ("19900138000－３０６０", "19900138000-3060"),
            ("19900138000#306", "19900138000-306"),
            ("0375-7012345", "0375-7012345"),
            ("03757012345", "0375-7012345"),
            ("(0375)7012345", "0375-7012345"),
            ("（0375）7012345", "0375-7012345"),
            ("0375 7012345", "0375-7012345"),
            ("0375-7012345-12", "0375-7012345-12"),
            ("0375-7012345转12", "0375-7012345-12"),
            ("0375-7012345 ext. 12", "0375-7012345-12"),
            ("03757012345-8001", "0375-7012345-8001"),
            ("010-60012345", "010-60012345"),
            ("01060012345", "010-60012345"),
            ("021—60012345", "021-60012345"),
            ("0755-60012345", "0755-60012345"),
            ("400-600-1234", "4006001234"),
            ("4006001234-01", "4006001234-01"),
            ("800 600 1234", "8006001234"),
        ] {
            let phone = Phone::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(phone.as_str(), normal, "{text}");
            assert_eq!(
                Phone::parse(normal),
                Ok(phone),
                "the normal form of {text} is stable"
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, error) in [
            ("", PhoneError::Empty),
            ("   ", PhoneError::Empty),
            ("-", PhoneError::Empty),
            ("张三", PhoneError::NotANumber),
            ("19900138000a", PhoneError::NotANumber),
            ("x1", PhoneError::NotANumber),
            ("19900138000,19900138001", PhoneError::NotANumber),
            (
                "1990013800019900138000199001380001990013800019900138000",
                PhoneError::NotANumber,
            ),
            ("1990013800", PhoneError::UnknownShape),
            ("199001380001", PhoneError::UnknownShape),
            ("12900138000", PhoneError::UnknownShape),
            ("7012345", PhoneError::UnknownShape),
            ("0375-701234", PhoneError::UnknownShape),
            ("0075-7012345", PhoneError::UnknownShape),
            ("00000000000", PhoneError::UnknownShape),
            ("19900138000-12", PhoneError::Extension),
            ("19900138000-1234567", PhoneError::Extension),
            ("19900138000转", PhoneError::Extension),
            ("0375-7012345-1234567", PhoneError::Extension),
        ] {
            assert_eq!(Phone::parse(text), Err(error), "{text}");
            assert!(!error.zh().is_empty() && error.to_string() == error.en());
        }
    }

    #[test]
    fn masks_hide_the_middle() {
        for (phone, masked) in [
            ("19900138000", "199****8000"),
            ("19900138000-3060", "199****8000-****"),
            ("0375-7012345", "0375-*****45"),
            ("0375-7012345-12", "0375-*****45-**"),
            ("010-60012345", "010-******45"),
            ("4006001234", "********34"),
            ("12345", "*****"),
            ("0", "*"),
            ("0-", "*-"),
            ("", ""),
            ("乱七八糟的旧数据", "******数据"),
        ] {
            assert_eq!(mask_phone(phone), masked);
        }
        let phone = Phone::parse("19900138000").unwrap();
        assert_eq!(format!("{phone:?}"), "Phone(199****8000)");
        assert_eq!(serde_json::to_string(&phone).unwrap(), "\"19900138000\"");
        for (name, masked) in [
            ("", ""),
            ("张", "*"),
            ("张三", "张*"),
            ("张小三", "张*三"),
            ("欧阳小三", "欧**三"),
            ("Ann", "A*n"),
        ] {
            assert_eq!(mask_name(name), masked);
        }
    }

    #[test]
    fn odd_input_never_panics() {
        let pieces = [
            "0", "1", "86", "+86", "-", "转", "ext", "x", "9", "4001", "０", "（", "张", "😀", " ", "0375",
        ];
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            }
            if let Ok(phone) = Phone::parse(&text) {
                assert_eq!(Phone::parse(phone.as_str()), Ok(phone.clone()), "{text}");
                assert_ne!(phone.masked(), phone.as_str());
            }
            assert_eq!(mask_phone(&text).chars().count(), text.chars().count());
        }
    }
}
