//! The files that pages load: a style sheet, a picture, a small script. They are part of the program. Pages name them
//! with a hash of what they hold, so that a browser may keep them for a year and still sees a new one at once.

use std::sync::OnceLock;

use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::error::{Result, not_found};

pub struct File {
    name: &'static str,
    kind: &'static str,
    body: &'static [u8],
    hash: OnceLock<String>,
}

pub static STYLE: File = File::new(
    "style.css",
    "text/css; charset=utf-8",
    include_bytes!("../../static/style.css"),
);
pub static LOGO: File = File::new(
    "logo.svg",
    "image/svg+xml",
    include_bytes!("../../static/logo.svg"),
);
pub static CONSOLE_STYLE: File = File::new(
    "console.css",
    "text/css; charset=utf-8",
    include_bytes!("../../static/console.css"),
);
pub static LIVE_SCRIPT: File = File::new(
    "live.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../../static/live.js"),
);
pub static PACK_SCRIPT: File = File::new(
    "pack.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../../static/pack.js"),
);
pub static ORDER_SCRIPT: File = File::new(
    "order.js",
    "text/javascript; charset=utf-8",
    include_bytes!("../../static/order.js"),
);

impl File {
    const fn new(name: &'static str, kind: &'static str, body: &'static [u8]) -> Self {
        File {
            name,
            kind,
            body,
            hash: OnceLock::new(),
        }
    }

    fn hash(&self) -> &str {
        self.hash
            .get_or_init(|| hex::encode(&Sha256::digest(self.body)[..8]))
    }

    /// Its address for as long as it holds what it holds now.
    pub fn href(&self) -> String {
        format!("/static/{}?v={}", self.name, self.hash())
    }
}

pub async fn file(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response> {
    let files = [
        &STYLE,
        &LOGO,
        &ORDER_SCRIPT,
        &CONSOLE_STYLE,
        &LIVE_SCRIPT,
        &PACK_SCRIPT,
    ];
    let file = files
        .into_iter()
        .find(|file| file.name == name)
        .ok_or_else(not_found)?;
    let tag = format!("\"{}\"", file.hash());
    let named = query.is_some_and(|query| query.strip_prefix("v=") == Some(file.hash()));
    let keep = if named {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=3600"
    };
    let seen = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| {
            tags.split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        });
    let about = [
        (header::CONTENT_TYPE, file.kind.to_owned()),
        (header::CACHE_CONTROL, keep.to_owned()),
        (header::ETAG, tag),
    ];
    Ok(if seen {
        (StatusCode::NOT_MODIFIED, about).into_response()
    } else {
        (about, file.body).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_kept_for_as_long_as_its_name_holds() {
        let get = async |name: &str, query: Option<&str>, tag: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(tag) = tag {
                headers.insert(header::IF_NONE_MATCH, tag.parse().unwrap());
            }
            let answer = file(Path(name.to_owned()), RawQuery(query.map(str::to_owned)), headers).await;
            answer.map(|answer| {
                let keep = answer.headers()[header::CACHE_CONTROL]
                    .to_str()
                    .unwrap()
                    .to_owned();
                (answer.status().as_u16(), keep)
            })
        };
        let long = "public, max-age=31536000, immutable".to_owned();
        let short = "public, max-age=3600".to_owned();
        let href = STYLE.href();
        let query = href.split_once('?').unwrap().1;
        let tag = format!("W/\"old\", \"{}\"", STYLE.hash());
        assert_eq!(
            get("style.css", Some(query), None).await.unwrap(),
            (200, long.clone())
        );
        assert_eq!(
            get("style.css", Some(query), Some(&tag)).await.unwrap(),
            (304, long)
        );
        assert_eq!(
            get("style.css", Some("v=0"), None).await.unwrap(),
            (200, short.clone())
        );
        assert_eq!(get("logo.svg", None, Some(&tag)).await.unwrap(), (200, short));
        assert!(get("../Cargo.toml", None, None).await.is_err());
    }

    #[test]
    fn what_a_page_loads_is_small() {
        assert!(STYLE.body.len() < 12_000, "{}", STYLE.body.len());
        assert!(ORDER_SCRIPT.body.len() < 4_096, "{}", ORDER_SCRIPT.body.len());
        assert!(CONSOLE_STYLE.body.len() < 24_000, "{}", CONSOLE_STYLE.body.len());
        assert!(LIVE_SCRIPT.body.len() < 4_096, "{}", LIVE_SCRIPT.body.len());
        assert!(PACK_SCRIPT.body.len() < 12_000, "{}", PACK_SCRIPT.body.len());
    }
}
