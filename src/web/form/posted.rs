//! What a browser sends of a form.

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;

use crate::error::{Error, Problem, Result, text};

/// Fields that are read of one form.
const MAX_FIELDS: usize = 3_000;

/// A form as a browser sent it. There is no way to it but through the check that it came from a page of this site.
#[derive(Clone, Debug, Default)]
pub struct Posted(Vec<(String, String)>);

/// Files that are read of one form.
const MAX_FILES: usize = 12;

/// A form with files.
pub struct Upload {
    pub fields: Posted,
    /// those that were chosen, as (field, content)
    pub files: Vec<(String, Bytes)>,
}

impl Upload {
    /// The file of a form that has one; none when it was not chosen.
    pub fn file(&mut self) -> Option<Bytes> {
        self.files.pop().map(|(_, file)| file)
    }
}

impl Posted {
    pub(super) fn read(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body).take(MAX_FIELDS);
        Posted(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The value of a field, of several the last; empty when it isn't there.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All values of a field that may be there several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The fields under a prefix: what follows it, and the value.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        check_origin(request.headers())?;
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| broken(rejection.status()))?;
        Ok(Posted::read(&body))
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        check_origin(request.headers())?;
        let parts = Multipart::from_request(request, state).await;
        let mut parts = parts.map_err(|rejection| broken(rejection.status()))?;
        let (mut fields, mut files) = (Vec::new(), Vec::new());
        while let Some(part) = parts.next_field().await.map_err(|error| broken(error.status()))? {
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let body = part.bytes().await.map_err(|error| broken(error.status()))?;
            if is_file {
                // a field in which nothing was chosen comes as an empty file
                if !body.is_empty() && files.len() < MAX_FILES {
                    files.push((name, body));
                }
            } else if fields.len() < MAX_FIELDS {
                fields.push((name, String::from_utf8_lossy(&body).into_owned()));
            }
        }
        Ok(Upload {
            fields: Posted(fields),
            files,
        })
    }
}

fn broken(status: StatusCode) -> Error {
    let detail = match status {
        StatusCode::PAYLOAD_TOO_LARGE => text("内容太大了。", "This is too large."),
        _ => text(
            "没有收到完整的内容，请再试一次。",
            "The form did not arrive whole; please try again.",
        ),
    };
    let status = if status.is_client_error() {
        status
    } else {
        StatusCode::BAD_REQUEST
    };
    Problem::new(status, "bad-form", detail).into()
}

/// A form acts in the name of whoever is logged in, so it must come from a page of this site. Browsers say where a form
/// comes from; what says nothing and has a cookie is refused, and programs, which hold a token, pass.
fn check_origin(headers: &HeaderMap) -> Result<()> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let own = match (value("sec-fetch-site"), value("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == value("host")
        }
        (None, None) => !headers.contains_key(header::COOKIE),
    };
    if own {
        return Ok(());
    }
    let detail = text("请从本站页面操作。", "This must come from a page of this site.");
    Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", detail).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_of_this_site_are_read() {
        for (headers, own) in [
            (&[("cookie", "a=b")][..], false),
            (&[], true),
            (&[("sec-fetch-site", "same-origin"), ("cookie", "a=b")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (
                &[
                    ("origin", "https://shop.example"),
                    ("host", "shop.example"),
                    ("cookie", "a=b"),
                ],
                true,
            ),
            (
                &[("origin", "https://evil.example"), ("host", "shop.example")],
                false,
            ),
            (&[("origin", "null"), ("host", "shop.example")], false),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            assert_eq!(check_origin(&map).is_ok(), own, "{headers:?}");
        }
    }
}
