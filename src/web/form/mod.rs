//! Forms of pages: one description of a form shows it, reads what a browser sends of it, and keeps what was typed when
//! something is wrong. Fields are named like the paths of the JSON call behind the form (`lot.code`), so that the
//! call's errors find their fields.

mod field;
mod posted;

use askama::Template;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use field::{Field, Kind, fen, whole};
pub use posted::{Posted, Upload};

use super::edge::Lang;
use super::json;
use crate::error::{Error, FieldError, Problem, Result, invalid_fields};

/// A form, with what was typed and what is wrong with it. As text it is the form's HTML.
#[derive(Template)]
#[template(path = "form.html")]
pub struct Form {
    pub lang: Lang,
    pub action: String,
    pub button: String,
    /// the act takes something away
    pub grave: bool,
    pub fields: Vec<Field>,
    /// another button, below the field of this name: its value of `act`, and its words
    pub also: Option<(&'static str, &'static str, String)>,
    /// more of the form, as HTML made by a template
    pub inside: String,
    /// what is wrong with the whole
    pub notice: Option<String>,
    pub status: StatusCode,
}

impl Form {
    pub fn new(lang: Lang, action: impl Into<String>, button: impl Into<String>) -> Self {
        Form {
            lang,
            action: action.into(),
            button: button.into(),
            grave: false,
            fields: Vec::new(),
            also: None,
            inside: String::new(),
            notice: None,
            status: StatusCode::OK,
        }
    }

    pub fn with(mut self, field: Field) -> Self {
        self.fields.push(field);
        self
    }

    /// Another button, below the field of that name.
    pub fn also(self, below: &'static str, act: &'static str, words: impl Into<String>) -> Self {
        Form {
            also: Some((below, act, words.into())),
            ..self
        }
    }

    /// What the form says by itself.
    pub fn says(self, notice: impl Into<String>) -> Self {
        Form {
            notice: Some(notice.into()),
            ..self
        }
    }

    pub fn grave(self) -> Self {
        Form { grave: true, ..self }
    }

    /// The form with what was typed.
    pub fn typed(mut self, posted: &Posted) -> Self {
        for field in &mut self.fields {
            let typed = posted.get(&field.name);
            // a password is never sent back, but it is needed for reading the form
            field.value = typed.chars().take(4_000).collect();
        }
        self
    }

    /// What was typed, as the call takes it.
    ///
    /// # Errors
    /// 422 with every field that can't be read.
    pub fn value(&self) -> Result<Value> {
        let (mut body, mut errors) = (Value::Object(Map::new()), Vec::new());
        for field in &self.fields {
            match field.read() {
                Ok(Some(value)) => put(&mut body, &field.name, value),
                Ok(None) => {}
                Err(message) => errors.push(FieldError {
                    field: field.name.clone(),
                    message,
                }),
            }
        }
        if errors.is_empty() {
            Ok(body)
        } else {
            Err(invalid_fields(errors))
        }
    }

    /// The same, as the type that the call takes.
    ///
    /// # Errors
    /// 422 with every field that can't be read.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        json::parse(&serde_json::to_vec(&self.value()?).map_err(anyhow::Error::from)?)
    }

    /// The form with what is wrong beside each field.
    ///
    /// # Errors
    /// The error itself when no typing mends it: nothing there, not allowed, our own failure.
    pub fn wrong(mut self, error: Error) -> Result<Self> {
        let problem = mendable(error)?;
        self.status = problem.status;
        if problem.errors.is_empty() {
            self.notice = Some(self.lang.pick(&problem.detail).to_owned());
        }
        for error in problem.errors {
            let message = self.lang.pick(&error.message).to_owned();
            let shown = |field: &&mut Field| field.name == error.field && field.kind != Kind::Hidden;
            match self.fields.iter_mut().find(shown) {
                Some(field) => field.error = Some(message),
                None => self.notice = Some(message),
            }
        }
        for field in self
            .fields
            .iter_mut()
            .filter(|field| field.kind == Kind::Password)
        {
            field.value = String::new();
        }
        Ok(self)
    }

    /// For the template: what is wrong, by field.
    fn errors(&self) -> Vec<(String, &str, &str)> {
        let wrong = self.fields.iter().filter_map(|field| {
            let error = field.error.as_deref()?;
            Some((field.id(), field.label.as_str(), error))
        });
        wrong.collect()
    }
}

/// A refusal that whoever filled in a form can do something about.
///
/// # Errors
/// Every other error, as it is.
pub fn mendable(error: Error) -> Result<Problem> {
    match error {
        Error::Problem(problem)
            if !matches!(
                problem.status,
                StatusCode::NOT_FOUND | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
            ) =>
        {
            Ok(*problem)
        }
        other => Err(other),
    }
}

/// Puts a value at a path like `lot.code`. Only the first dot divides: what follows may be a code with dots of its own.
fn put(body: &mut Value, path: &str, value: Value) {
    let Some((group, name)) = path.split_once('.') else {
        body[path] = value;
        return;
    };
    if !body[group].is_object() {
        body[group] = Value::Object(Map::new());
    }
    body[group][name] = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{invalid, not_found, text};
    use serde_json::json;

    fn form() -> Form {
        Form::new(Lang::En, "/there", "Send")
            .with(Field::new(Kind::Text, "lot.code", "Lot"))
            .with(Field::new(Kind::Text, "lot.origin", "Origin").optional())
            .with(Field::new(Kind::Yuan, "price_fen", "Price").or_null())
            .with(Field::new(Kind::Moment, "opens_at", "Opens").optional())
            .with(Field::new(Kind::Tick, "sure", "Sure"))
            .with(Field::new(Kind::Password, "password", "Password"))
    }

    #[test]
    fn a_form_is_read_as_the_call_takes_it() {
        let posted = Posted::read(b"lot.code=+L1+&opens_at=2024-01-20T20:00&sure=yes&password=+p");
        let body = form().typed(&posted).value().unwrap();
        let expected = json!({"lot": {"code": "L1"}, "price_fen": null, "opens_at": "2024-01-20T20:00:00+08:00",
            "sure": true, "password": " p"});
        assert_eq!(body, expected);
        let errors = form()
            .typed(&Posted::read(b"price_fen=x"))
            .value()
            .unwrap_err()
            .into_problem()
            .errors;
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["lot.code", "price_fen", "password"]);
    }

    #[test]
    fn what_was_typed_comes_back_with_its_errors_and_harmless() {
        let posted = Posted::read("lot.code=\"><script>&price_fen=<b>&password=secret".as_bytes());
        let typed = || form().typed(&posted);
        let page = typed()
            .wrong(invalid("lot.code", text("错", "wrong <i>")))
            .unwrap()
            .to_string();
        assert!(
            page.contains("&#34;&#62;&#60;script") && !page.contains("<script") && !page.contains("<i>"),
            "{page}"
        );
        assert!(
            page.contains("id=\"f-lot.code-error\"") && page.contains("aria-invalid=\"true\""),
            "{page}"
        );
        assert!(
            page.contains("href=\"#f-lot.code\"") && !page.contains("secret"),
            "{page}"
        );
        let page = typed()
            .wrong(invalid("elsewhere", text("错", "whole")))
            .unwrap()
            .to_string();
        assert!(
            page.contains("role=\"alert\"") && page.contains("whole"),
            "{page}"
        );
        assert!(typed().wrong(not_found()).is_err());
        for field in form().fields {
            assert!(
                page.contains(&format!("for=\"{}\"", field.id())),
                "{} has a label",
                field.name
            );
        }
    }
}
