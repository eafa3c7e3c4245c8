//! Checks of what people type. A [`Check`] collects every wrong field, so that one answer tells them all.

use axum::http::{HeaderMap, StatusCode};

use crate::error::{Error, FieldError, Problem, Result, Text, invalid_fields, text};
use crate::money::{Fen, MAX_FEN};

#[derive(Default)]
pub struct Check {
    errors: Vec<FieldError>,
}

impl Check {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn fail(&mut self, field: impl Into<String>, message: Text) {
        self.errors.push(FieldError {
            field: field.into(),
            message,
        });
    }

    pub fn require(&mut self, holds: bool, field: &str, message: Text) {
        if !holds {
            self.fail(field, message);
        }
    }

    /// One line of text: trimmed, without control characters, between `min` and `max` characters.
    pub fn line(&mut self, field: &str, value: &str, min: usize, max: usize) -> String {
        let clean = clean_line(value);
        let length = clean.chars().count();
        if length < min && length == 0 {
            self.fail(field, text("请填写。", "Please fill this in."));
        } else if length < min || length > max {
            let message = text(
                format!("要 {min} 到 {max} 个字，现在 {length} 个。"),
                format!("Takes {min} to {max} characters, has {length}."),
            );
            self.fail(field, message);
        }
        clean
    }

    pub fn number(&mut self, field: &str, value: i64, min: i64, max: i64) -> i64 {
        if !(min..=max).contains(&value) {
            let message = text(
                format!("要在 {min} 到 {max} 之间。"),
                format!("Takes {min} to {max}."),
            );
            self.fail(field, message);
        }
        value
    }

    pub fn fen(&mut self, field: &str, value: Fen) -> Fen {
        Fen(self.number(field, value.0, 0, MAX_FEN))
    }

    /// A name for addresses and codes: letters, digits and dashes.
    pub fn code(&mut self, field: &str, value: &str, max: usize) -> String {
        let clean = value.trim();
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if clean.is_empty() || clean.len() > max || !clean.chars().all(fits) {
            let message = text(
                format!("要 1 到 {max} 个字母、数字或 - _ .。"),
                format!("Takes 1 to {max} letters, digits or - _ ."),
            );
            self.fail(field, message);
        }
        clean.to_owned()
    }

    /// A calendar day, `YYYY-MM-DD`.
    pub fn day(&mut self, field: &str, value: &str) -> String {
        // the parser also reads +2024-1-20; text that is compared as text has to have one form
        let day = value.parse::<chrono::NaiveDate>();
        if value.len() != 10 || !day.is_ok_and(|day| day.to_string() == value) {
            self.fail(
                field,
                text("要写成 2024-01-20 这样的日期。", "Takes a day like 2024-01-20."),
            );
        }
        value.to_owned()
    }

    /// Ends the check.
    ///
    /// # Errors
    /// 422 with every field that was wrong.
    pub fn finish(self) -> Result<(), Error> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(invalid_fields(self.errors))
        }
    }
}

/// Trims, and turns control characters (a NUL can't be stored by PostgreSQL) and line ends into spaces.
pub fn clean_line(value: &str) -> String {
    let value = value.trim();
    if value.chars().any(char::is_control) {
        value
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect::<String>()
            .trim()
            .to_owned()
    } else {
        value.to_owned()
    }
}

/// The key under which a request may be repeated without being done twice.
pub fn idempotency_key(headers: &HeaderMap) -> Result<String> {
    let key = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    match key {
        Some(key) if (1..=255).contains(&key.len()) => Ok(key.to_owned()),
        _ => {
            let detail = text(
                "请求要带 Idempotency-Key（1 到 255 个字符），这样重试不会重复下单。",
                "Send an Idempotency-Key of 1 to 255 characters, so that a retry does not order twice.",
            );
            Err(Problem::new(StatusCode::BAD_REQUEST, "idempotency-key", detail).into())
        }
    }
}

/// The same where it may be left out.
pub fn optional_key(headers: &HeaderMap) -> Result<Option<String>> {
    let is_there = headers.contains_key("idempotency-key");
    is_there.then(|| idempotency_key(headers)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collects_every_wrong_field() {
        let mut check = Check::new();
        assert_eq!(check.line("name", " 苏\u{0}宇\n", 1, 5), "苏 宇");
        check.line("title", "", 1, 5);
        check.number("quantity", 0, 1, 9);
        check.code("sku", "FT 05", 10);
        check.day("made_on", "2024-02-30");
        check.day("best_before", "+2024-2-20");
        let fields: Vec<_> = check
            .finish()
            .unwrap_err()
            .into_problem()
            .errors
            .into_iter()
            .map(|e| e.field)
            .collect();
        assert_eq!(fields, ["title", "quantity", "sku", "made_on", "best_before"]);
    }
}
