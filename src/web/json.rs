//! JSON and query strings in, with errors that name the field.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Problem, invalid, text};

/// A JSON body, in or out.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            let (detail, name) = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    (text("内容太大了。", "The body is too large."), "too-large")
                }
                _ => (
                    text("没有收到完整的内容。", "The body did not arrive whole."),
                    "bad-body",
                ),
            };
            Problem::new(rejection.status(), name, detail)
        })?;
        parse(&body).map(Json)
    }
}

/// Parses JSON; on failure it parses once more to learn the path of the field, which the good case need not pay for.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_| {
        let input = &mut serde_json::Deserializer::from_slice(body);
        let error = match serde_path_to_error::deserialize::<_, T>(input) {
            Err(error) => error,
            Ok(_) => return not_json("more after the end"),
        };
        let path = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            let message = strip_position(&inner.to_string());
            let field = match path.as_str() {
                "." => field_in(&message),
                // the path ends at the object; the field that it lacks is in the message
                object if message.starts_with("missing field") => format!("{object}.{}", field_in(&message)),
                _ => path,
            };
            invalid(field, text(format!("不符合要求：{message}"), message.clone()))
        } else {
            not_json(&inner.to_string())
        }
    })
}

fn not_json(why: &str) -> Error {
    let detail = text(
        format!("不是正确的 JSON：{why}"),
        format!("This is not JSON: {why}"),
    );
    Problem::new(StatusCode::BAD_REQUEST, "not-json", detail).into()
}

/// Positions in a body help nobody who builds it with a library.
fn strip_position(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// serde names a missing or unknown field at the top level only in its message.
fn field_in(message: &str) -> String {
    message.split('`').nth(1).unwrap_or("body").to_owned()
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query string; an unknown or wrong parameter is a 422 that names it.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let input = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(input.as_bytes());
        let input = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(input)
            .map(Query)
            .map_err(|error| {
                let path = error.path().to_string();
                let message = error.into_inner().to_string();
                let field = if path == "." { field_in(&message) } else { path };
                invalid(field, text(format!("不符合要求：{message}"), message))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Body {
        count: i64,
        more: Option<Box<Body>>,
    }

    #[test]
    fn errors_name_the_field() {
        for (body, status, field) in [
            ("{", 400, None),
            ("{\"count\": 1} x", 400, None),
            ("{\"count\": \"1\"}", 422, Some("count")),
            ("{\"count\": 1, \"fax\": 2}", 422, Some("fax")),
            ("{\"count\": 1, \"more\": {}}", 422, Some("more.count")),
            ("{}", 422, Some("count")),
            ("[]", 422, None),
        ] {
            let problem = parse::<Body>(body.as_bytes()).unwrap_err().into_problem();
            assert_eq!(problem.status.as_u16(), status, "{body}");
            if let Some(field) = field {
                assert_eq!(problem.errors[0].field, field, "{body}");
            }
        }
    }
}
