//! The one error. A handler returns it with `?`; the edge (web/edge.rs) turns it into `application/problem+json` or an
//! error page in the reader's language, and logs it once.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A sentence in both languages of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

/// Shorthand for a sentence in both languages.
pub fn text(zh: impl Into<String>, en: impl Into<String>) -> Text {
    Text {
        zh: zh.into(),
        en: en.into(),
    }
}

/// What is wrong with one field of the input, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    pub field: String,
    pub message: Text,
}

/// An answer of RFC 9457: what the client can understand and act on.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// the last part of `type`: `/problems/{name}`
    pub name: &'static str,
    pub detail: Text,
    pub errors: Vec<FieldError>,
    pub extra: Map<String, Value>,
    pub retry_after_s: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {}", .0.name, .0.detail.en)]
    Problem(Box<Problem>),
    #[error("database: {0}")]
    Db(#[from] sqlx::Error),
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Problem {
    pub fn new(status: StatusCode, name: &'static str, detail: Text) -> Self {
        Problem {
            status,
            name,
            detail,
            errors: Vec::new(),
            extra: Map::new(),
            retry_after_s: None,
        }
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// What is wrong in one sentence: with the first wrong field, when it is about fields.
    pub fn words(&self) -> &Text {
        self.errors.first().map_or(&self.detail, |error| &error.message)
    }

    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Error::Problem(Box::new(problem))
    }
}

pub fn not_found() -> Error {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not-found",
        text("没有找到。", "There is no such thing."),
    )
    .into()
}

pub fn unauthorized() -> Error {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        text("请先登录。", "Please log in first."),
    )
    .into()
}

pub fn forbidden() -> Error {
    let detail = text("您的角色不能做这件事。", "Your role may not do this.");
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).into()
}

/// 409: the request is fine, but not in the present state of things.
pub fn conflict(name: &'static str, detail: Text) -> Error {
    Problem::new(StatusCode::CONFLICT, name, detail).into()
}

/// 422 about one field.
pub fn invalid(field: impl Into<String>, message: Text) -> Error {
    invalid_fields(vec![FieldError {
        field: field.into(),
        message,
    }])
}

/// 422 about several fields at once.
pub fn invalid_fields(errors: Vec<FieldError>) -> Error {
    let detail = text(
        "有些内容需要改一下，见 errors。",
        "Some fields need a correction, see errors.",
    );
    let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
    problem.errors = errors;
    problem.into()
}

/// 503: come back in a moment; nothing was written.
pub fn busy() -> Error {
    let detail = text(
        "现在人太多，请稍等几秒再试。",
        "Too busy right now; please try again in a few seconds.",
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
        .retry_after(2)
        .into()
}

impl Error {
    /// What the client may hear of it; the inside of a failure stays inside.
    pub fn into_problem(self) -> Problem {
        match self {
            Error::Problem(problem) => *problem,
            Error::Db(_) | Error::Other(_) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                text(
                    "服务器出了问题，已经记录下来。",
                    "Something went wrong here; it has been recorded.",
                ),
            ),
        }
    }

    /// Whether the database refused a row because another one has its unique key.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Error::Db(sqlx::Error::Database(db)) if db.is_unique_violation())
    }

    /// Whether the database refused a row because a CHECK keeps its facts in order.
    pub fn is_check_violation(&self) -> bool {
        matches!(self, Error::Db(sqlx::Error::Database(db)) if db.is_check_violation())
    }
}

/// A name for a row that exists already, told as an error of the field that carries the name.
pub fn on_unique<T>(result: Result<T>, field: &str, message: Text) -> Result<T> {
    result.map_err(|error| {
        if error.is_unique_violation() {
            invalid(field, message)
        } else {
            error
        }
    })
}

/// The edge finds this on a response and writes the body; see web/edge.rs.
#[derive(Clone, Debug)]
pub struct Failure(pub std::sync::Arc<Problem>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Error::Db(_) | Error::Other(_) = &self {
            tracing::error!(error = %self, "request failed");
        }
        let problem = self.into_problem();
        let mut response = problem.status.into_response();
        response
            .extensions_mut()
            .insert(Failure(std::sync::Arc::new(problem)));
        response
    }
}
