//! What every request passes once, outermost: a request id, a time limit, security headers, metrics, one log line, and
//! the rendering of errors in the reader's language.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use askama::Template;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use chrono::{Datelike, NaiveDate};
use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::error::{Failure, Problem, Text, text};

/// The longest that one request may take; a large order file is the slowest thing there is.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Pages load nothing from outside and run no script that isn't a file of ours.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Where the reader's choice of a language is kept: `zh` or `en`.
pub const LANG_COOKIE: &str = "cunji_lang";

/// The policy of a page whose forms may lead to other hosts as well: where a buyer is sent to pay, since browsers hold the
/// redirect after a form to it too.
pub fn policy_with_forms_to(hosts: &[String]) -> Option<HeaderValue> {
    let forms = format!("form-action 'self' {};", hosts.join(" "));
    HeaderValue::try_from(POLICY.replace("form-action 'self';", &forms)).ok()
}

/// The language of messages: Chinese unless the reader prefers English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    Zh,
    En,
}

impl Lang {
    /// What the reader has chosen on a page, else what their browser asks for.
    pub fn of(headers: &HeaderMap) -> Self {
        match cookie(headers, LANG_COOKIE) {
            Some("zh") => return Lang::Zh,
            Some("en") => return Lang::En,
            _ => {}
        }
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        // weights are rarely out of order in practice; sorting by them keeps the odd client right
        let mut best = (0, Lang::Zh);
        for part in accepted.split(',') {
            let mut pieces = part.trim().split(';');
            let lang = match pieces.next().unwrap_or("").get(..2) {
                Some("zh") => Lang::Zh,
                Some("en") => Lang::En,
                _ => continue,
            };
            let weight = pieces.next().map_or(1000, thousandths);
            if weight > best.0 {
                best = (weight, lang);
            }
        }
        best.1
    }

    pub fn pick(self, text: &Text) -> &str {
        match self {
            Lang::Zh => &text.zh,
            Lang::En => &text.en,
        }
    }

    /// For templates: the Chinese or the English of a pair.
    pub fn say<'a>(&self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }

    /// An instant as the village's clock shows it, for people: `1月28日 20:00`.
    pub fn moment(&self, at: &Timestamp) -> String {
        let minute = at.local_minute();
        let time = minute.split(' ').nth(1).unwrap_or_default();
        format!("{} {time}", self.day(&at.day()))
    }

    /// A day for people: `1月28日`.
    pub fn day(&self, day: &NaiveDate) -> String {
        match self {
            Lang::Zh => format!("{}月{}日", day.month(), day.day()),
            Lang::En => day.format("%-d %B").to_string(),
        }
    }

    pub fn tag(&self) -> &'static str {
        self.say("zh-CN", "en")
    }
}

/// The value of a cookie.
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(name)?.strip_prefix('='))
}

/// `q=0.8` as 800.
fn thousandths(weight: &str) -> u32 {
    let digits = weight.trim().strip_prefix("q=").unwrap_or("1");
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    whole.parse::<u32>().unwrap_or(0) * 1000 + part.parse::<u32>().unwrap_or(0)
}

impl<S: Sync> FromRequestParts<S> for Lang {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Lang::of(&parts.headers))
    }
}

/// Numbers requests since the start of the process.
#[derive(Clone)]
pub struct Edge {
    boot: Arc<str>,
    count: Arc<AtomicU64>,
}

impl Edge {
    pub fn new(boot: &str) -> Self {
        Edge {
            boot: boot.into(),
            count: Arc::default(),
        }
    }

    fn request_id(&self) -> String {
        format!("{}-{:x}", self.boot, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

pub async fn edge(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let id = edge.request_id();
    let lang = Lang::of(request.headers());
    let page = wants_page(&request);
    let method = request.method().clone();
    // the pattern, never the path: a path can hold an order's token
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = text("处理超时，请再试一次。", "This took too long; please try again.");
            crate::error::Error::from(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", detail))
                .into_response()
        }
    };
    let status = response.status();
    if (status.is_client_error() || status.is_server_error()) && !is_page(&response) {
        response = render_failure(response, lang, page, &id);
    }
    set_headers(response.headers_mut(), &id);
    let took = started.elapsed();
    let route = route.as_ref().map_or("unmatched", |route| route.as_str());
    metrics::histogram!("cunji_http_seconds", "route" => route.to_owned(), "method" => method.to_string())
        .record(took);
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE || took > Duration::from_secs(1)
    {
        tracing::warn!(request = id, %method, route, status = status.as_u16(), ms = took.as_millis(), "slow or failed");
    } else {
        tracing::debug!(request = id, %method, route, status = status.as_u16(), us = took.as_micros(), "served");
    }
    response
}

fn wants_page(request: &Request) -> bool {
    let path = request.uri().path();
    let accepts = |kind| {
        request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains(kind))
    };
    !path.starts_with("/api/") && !path.starts_with("/webhooks/") && accepts("text/html")
}

/// A page that came with an error's status says what is wrong by itself: a form with what was typed, for one.
fn is_page(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn set_headers(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // an order's address is its key: it must not travel on in a Referer to other sites. `no-referrer` would hide the
    // Origin of our own forms too, and older phones send nothing else by which they could be told from foreign ones
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(POLICY));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}

/// Writes the body of an error, ours or one that the framework made.
fn render_failure(response: Response, lang: Lang, page: bool, id: &str) -> Response {
    let status = response.status();
    let problem = match response.extensions().get::<Failure>() {
        Some(failure) => Arc::clone(&failure.0),
        None => Arc::new(framework_problem(status)),
    };
    let mut rendered = if page {
        let view = ErrorPage {
            lang,
            status: status.as_u16(),
            title: title(lang, status),
            detail: lang.pick(&problem.detail),
            id,
        };
        (status, Html(view.render().unwrap_or_default())).into_response()
    } else {
        let mut answer = (status, axum::Json(problem_body(&problem, lang, id))).into_response();
        answer.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        answer
    };
    if let Some(allow) = response.headers().get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, allow.clone());
    }
    if let Some(seconds) = problem.retry_after_s {
        rendered
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        rendered
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    rendered
}

fn problem_body(problem: &Problem, lang: Lang, id: &str) -> Value {
    let mut body = json!({
        "type": format!("/problems/{}", problem.name),
        "title": problem.status.canonical_reason().unwrap_or("Error"),
        "status": problem.status.as_u16(),
        "detail": lang.pick(&problem.detail),
        "request": id,
    });
    if let Value::Object(fields) = &mut body {
        fields.extend(problem.extra.clone());
        if !problem.errors.is_empty() {
            let errors = problem
                .errors
                .iter()
                .map(|e| json!({"field": e.field, "message": lang.pick(&e.message)}));
            fields.insert("errors".into(), errors.collect());
        }
    }
    body
}

/// The framework answers unknown routes, wrong methods and over-long bodies by itself, in plain text.
fn framework_problem(status: StatusCode) -> Problem {
    let (name, detail) = match status {
        StatusCode::NOT_FOUND => ("not-found", text("没有这个页面。", "There is no such page.")),
        StatusCode::METHOD_NOT_ALLOWED => (
            "method",
            text(
                "这个地址不支持这种操作。",
                "This address does not take that method.",
            ),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", text("内容太大了。", "The body is too large.")),
        StatusCode::FORBIDDEN => (
            "cross-site",
            text("请从本站页面操作。", "This must come from a page of this site."),
        ),
        _ if status.is_client_error() => ("bad-request", text("请求有误。", "The request is not right.")),
        _ => (
            "internal",
            text(
                "服务器出了问题，已经记录下来。",
                "Something went wrong here; it has been recorded.",
            ),
        ),
    };
    Problem::new(status, name, detail)
}

fn title(lang: Lang, status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => lang.say("没有找到这个页面", "There is nothing here"),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => lang.say("不能这样做", "That is not allowed"),
        StatusCode::SERVICE_UNAVAILABLE => lang.say("请稍等再试", "Please try again in a moment"),
        _ => lang.say("出了点问题", "Something is not right"),
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    lang: Lang,
    status: u16,
    title: &'a str,
    detail: &'a str,
    id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language() {
        for (accepted, lang) in [
            ("", Lang::Zh),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-US,en;q=0.9", Lang::En),
            ("en;q=0.3, zh;q=0.7", Lang::Zh),
            ("fr, en;q=0.5", Lang::En),
            ("*", Lang::Zh),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            assert_eq!(Lang::of(&headers), lang, "{accepted}");
            headers.insert(header::COOKIE, HeaderValue::from_static("a=b; cunji_lang=en"));
            assert_eq!(Lang::of(&headers), Lang::En, "the reader's choice comes first");
        }
    }

    #[test]
    fn moments_are_told_in_the_shops_time() {
        let at = Timestamp::parse("2024-01-28T16:05:00Z").unwrap();
        assert_eq!(Lang::Zh.moment(&at), "1月29日 00:05");
        assert_eq!(Lang::En.moment(&at), "29 January 00:05");
    }

    #[test]
    fn an_error_page_says_what_and_which() {
        for lang in [Lang::Zh, Lang::En] {
            for status in [403, 404, 422, 503] {
                let status = StatusCode::from_u16(status).unwrap();
                let page = ErrorPage {
                    lang,
                    status: status.as_u16(),
                    title: title(lang, status),
                    detail: "<b>",
                    id: "7-1",
                };
                let page = page.render().unwrap();
                assert!(
                    page.contains(lang.tag())
                        && page.contains("7-1")
                        && page.contains("/static/style.css?v=")
                );
                assert!(page.contains("&#60;b&#62;") && !page.contains("<b>"), "{page}");
            }
        }
    }
}
