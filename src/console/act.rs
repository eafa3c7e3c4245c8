//! A page with one form: an act on one thing, what it is about, and what it will do.

use askama::Template;
use axum::response::Response;

use super::desk::{Desk, Place, Shell};
use crate::error::{Error, Result, Text};
use crate::web::form::Form;

#[derive(Template)]
#[template(path = "console/act.html")]
struct ActPage {
    shell: Shell,
    act: Act,
}

/// What stands around the form.
pub struct Act {
    pub place: Place,
    pub title: String,
    /// where one comes from, and its name
    pub back: (String, String),
    /// what will happen
    pub lead: String,
    pub facts: Vec<(String, String)>,
    pub form: Form,
}

impl Act {
    pub fn new(place: Place, title: &str, back: (&str, &str), form: Form) -> Self {
        Act {
            place,
            title: title.to_owned(),
            back: (back.0.to_owned(), back.1.to_owned()),
            lead: String::new(),
            facts: Vec::new(),
            form,
        }
    }

    pub fn lead(self, lead: impl Into<String>) -> Self {
        Act {
            lead: lead.into(),
            ..self
        }
    }

    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.push((name.to_owned(), value.into()));
        self
    }

    pub async fn show(self, desk: &Desk) -> Result<Response> {
        let shell = desk.shell(self.place).await?;
        desk.show_as(self.form.status, &ActPage { shell, act: self })
    }

    /// The page again, with what was typed and what is wrong with it.
    pub async fn again(self, desk: &Desk, error: Error) -> Result<Response> {
        let form = self.form.wrong(error)?;
        Act { form, ..self }.show(desk).await
    }

    /// After the act: on to another page with what was done, or the form again with what was wrong.
    pub async fn ended(self, desk: &Desk, done: Result<()>, to: &str, said: &Text) -> Result<Response> {
        match done {
            Ok(()) => desk.done(to, said),
            Err(error) => self.again(desk, error).await,
        }
    }
}
