//! One field of a form: how it is shown, and what the text in it says.

use serde_json::Value;

use crate::error::{Result, Text, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// several lines
    Area,
    Password,
    Number,
    /// money, typed in yuan and read as fen
    Yuan,
    Day,
    /// a minute in Asia/Shanghai
    Moment,
    /// one of a list
    Pick,
    /// one of a few, all of them in sight
    Choice,
    Tick,
    Hidden,
}

/// What an empty field means to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Empty {
    Wrong,
    /// the call doesn't hear of it
    Absent,
    Null,
    Kept,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: Kind,
    pub value: String,
    pub hint: String,
    pub error: Option<String>,
    /// value and words
    pub options: Vec<(String, String)>,
    /// words offered while one types
    pub offers: Vec<String>,
    pub max: usize,
    /// the browser's name for what goes in, for its memory
    pub complete: &'static str,
    /// stands beside the next one where there is room
    pub half: bool,
    /// a small field at the end of its label's line
    pub beside: bool,
    empty: Empty,
}

impl Field {
    pub fn new(kind: Kind, name: impl Into<String>, label: impl Into<String>) -> Self {
        Field {
            name: name.into(),
            label: label.into(),
            kind,
            value: String::new(),
            hint: String::new(),
            error: None,
            options: Vec::new(),
            offers: Vec::new(),
            max: 200,
            complete: "off",
            half: false,
            beside: false,
            empty: match kind {
                Kind::Tick | Kind::Hidden => Empty::Kept,
                _ => Empty::Wrong,
            },
        }
    }

    pub fn hidden(name: impl Into<String>, value: impl Into<String>) -> Self {
        Field::new(Kind::Hidden, name, "").value(value)
    }

    pub fn value(self, value: impl Into<String>) -> Self {
        Field {
            value: value.into(),
            ..self
        }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Field {
            hint: hint.into(),
            ..self
        }
    }

    pub fn max(self, max: usize) -> Self {
        Field { max, ..self }
    }

    pub fn complete(self, complete: &'static str) -> Self {
        Field { complete, ..self }
    }

    pub fn half(self) -> Self {
        Field { half: true, ..self }
    }

    pub fn beside(self) -> Self {
        Field { beside: true, ..self }
    }

    pub fn options<V: Into<String>, L: Into<String>>(
        self,
        options: impl IntoIterator<Item = (V, L)>,
    ) -> Self {
        let options = options
            .into_iter()
            .map(|(value, label)| (value.into(), label.into()));
        Field {
            options: options.collect(),
            ..self
        }
    }

    pub fn offers(self, offers: impl IntoIterator<Item = String>) -> Self {
        Field {
            offers: offers.into_iter().collect(),
            ..self
        }
    }

    /// Left empty, the call doesn't hear of it.
    pub fn optional(self) -> Self {
        Field {
            empty: Empty::Absent,
            ..self
        }
    }

    /// Left empty, it is null.
    pub fn or_null(self) -> Self {
        Field {
            empty: Empty::Null,
            ..self
        }
    }

    /// Left empty, it is an empty text.
    pub fn or_empty(self) -> Self {
        Field {
            empty: Empty::Kept,
            ..self
        }
    }

    /// For the template.
    pub fn is_needed(&self) -> bool {
        self.empty == Empty::Wrong && self.kind != Kind::Choice
    }

    /// For the template: choices of few letters stand side by side.
    pub fn is_short(&self) -> bool {
        self.options.iter().all(|(_, label)| label.chars().count() <= 12)
    }

    pub fn id(&self) -> String {
        format!("f-{}", self.name)
    }

    pub fn input(&self) -> &'static str {
        match self.kind {
            Kind::Password => "password",
            Kind::Day => "date",
            Kind::Moment => "datetime-local",
            _ => "text",
        }
    }

    pub fn mode(&self) -> &'static str {
        match self.kind {
            Kind::Number => "numeric",
            Kind::Yuan => "decimal",
            _ => "",
        }
    }

    /// What the field says to the call; none when it says nothing.
    pub(super) fn read(&self) -> Result<Option<Value>, Text> {
        let typed = self.value.trim();
        if self.kind == Kind::Tick {
            return Ok(Some(Value::Bool(!typed.is_empty())));
        }
        if typed.is_empty() {
            return match self.empty {
                Empty::Wrong => Err(text("请填写。", "Please fill this in.")),
                Empty::Absent => Ok(None),
                Empty::Null => Ok(Some(Value::Null)),
                Empty::Kept => Ok(Some("".into())),
            };
        }
        let value = match self.kind {
            Kind::Number => whole(typed)?.into(),
            Kind::Yuan => fen(typed)?.into(),
            Kind::Moment => format!("{}:00+08:00", typed.get(..16).unwrap_or(typed)).into(),
            Kind::Password => self.value.clone().into(),
            _ => typed.into(),
        };
        Ok(Some(value))
    }
}

/// Chinese keyboards type １２．５ as well as 12.5.
fn half_width(typed: &str) -> String {
    let narrow = |c: char| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        '．' | '。' => '.',
        '－' | '−' => '-',
        '＋' => '+',
        c => c,
    };
    typed.chars().filter(|c| !c.is_whitespace()).map(narrow).collect()
}

/// A whole number as people type it.
///
/// # Errors
/// What to type instead.
pub fn whole(typed: &str) -> Result<i64, Text> {
    let number = half_width(typed).parse();
    number.map_err(|_| text("要填整数。", "Takes a whole number."))
}

/// Yuan as people type them, with at most two decimals, as fen.
///
/// # Errors
/// What to type instead.
pub fn fen(typed: &str) -> Result<i64, Text> {
    let wrong = || {
        text(
            "要填金额，例如 68 或 49.90。",
            "Takes an amount like 68 or 49.90.",
        )
    };
    let typed = half_width(typed).replace([',', '，', '¥', '￥', '元'], "");
    let (yuan, part) = typed.split_once('.').unwrap_or((&typed, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if yuan.is_empty() || yuan.len() > 12 || part.len() > 2 || !digits(yuan) || !digits(part) {
        return Err(wrong());
    }
    format!("{yuan}{part:0<2}").parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_numbers_as_people_type_them() {
        for (typed, read) in [
            ("68", Some(6_800)),
            ("49.9", Some(4_990)),
            ("￥１，０２０．０５", Some(102_005)),
            (" 3.00 元", Some(300)),
            ("0", Some(0)),
            ("1.234", None),
            ("-1", None),
            (".5", None),
            ("six", None),
            ("9999999999999", None),
            ("", None),
        ] {
            assert_eq!(fen(typed).ok(), read, "{typed}");
        }
        for (typed, read) in [
            ("12", Some(12)),
            ("－３", Some(-3)),
            ("+4", Some(4)),
            ("1.5", None),
            ("x", None),
        ] {
            assert_eq!(whole(typed).ok(), read, "{typed}");
        }
    }
}
