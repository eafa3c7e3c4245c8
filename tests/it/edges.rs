//! Nothing that a client sends makes the program fail: every route of the table, with rubbish in every place.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use cunji::routes::{Access, Route, openapi, table};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, on_both};
use crate::buyer::assert_clean;
use crate::samples::{Names, ask, body, parameters};

/// Sends rubbish to a route and keeps what made it fail.
struct Walk<'a> {
    service: Router,
    token: &'a str,
    sent: usize,
    failures: Vec<String>,
}

impl<'a> Walk<'a> {
    fn new(shop: &'a TestApp) -> Self {
        Walk {
            service: shop.app.service(),
            token: &shop.zhang.manager,
            sent: 0,
            failures: Vec::new(),
        }
    }

    async fn send(&mut self, method: &Method, path: &str, body: impl Into<Vec<u8>>) {
        let body: Vec<u8> = body.into();
        let shown: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        let (status, answer) = ask(&self.service, method, path, self.token, body).await;
        self.sent += 1;
        if status.is_server_error() {
            let answer = String::from_utf8_lossy(&answer);
            self.failures
                .push(format!("{method} {path} {shown}: {status} {answer}"));
        }
    }

    fn finish(self, at_least: usize) {
        assert!(self.sent >= at_least, "only {} sent", self.sent);
        assert!(self.failures.is_empty(), "{:#?}", self.failures);
    }
}

/// The path of a route with rows that exist; but a picture, which is slow to draw, is asked for of a link that doesn't.
fn quick_path(names: &Names, route: &Route) -> String {
    if route.path.ends_with(".png") {
        names.path(route, |_, _| "nothing".to_owned())
    } else {
        names.real_path(route)
    }
}

/// Routes that may take a body.
fn writers() -> impl Iterator<Item = Route> {
    table()
        .into_iter()
        .filter(|route| route.method != Method::GET && route.method != Method::DELETE)
}

#[tokio::test]
async fn bodies_of_rubbish() {
    let deep = |open: &str| open.repeat(5_000).into_bytes();
    let bodies: Vec<Vec<u8>> = vec![
        Vec::new(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"{}".to_vec(),
        b"\"\"".to_vec(),
        b"\xff\xfe\x00\x00".to_vec(),
        b"{\"\\u0000\": \"\\ud800\"}".to_vec(),
        b"{\"reason\": 1e999, \"items\": -0}".to_vec(),
        format!("{{\"version\": {}}}", "9".repeat(400)).into_bytes(),
        deep("["),
        deep("{\"items\":"),
        vec![b' '; 70 * 1024],
        b"a=%00&b=%ff&=&&phone=%F0%9F%98%80".to_vec(),
    ];
    on_both(async |shop| {
        let (names, mut walk) = (Names::of(shop).await, Walk::new(shop));
        for route in writers() {
            let path = names.real_path(&route);
            for body in &bodies {
                walk.send(&route.method, &path, body.clone()).await;
            }
        }
        walk.finish(writers().count() * bodies.len());
        assert_clean(shop).await;
    })
    .await;
}

/// Copies of a body, each with another value in one of its places.
fn mutations(body: &Value) -> Vec<Value> {
    let values = [
        json!(null),
        json!(-1),
        json!(i64::MAX),
        json!("\u{0}"),
        json!("9999-12-31T23:59:59.999Z"),
        json!("+262142-12-31"),
        json!("😀".repeat(2_000)),
        json!([{}]),
    ];
    let mut all = Vec::new();
    for place in places(body, "") {
        for value in &values {
            let mut copy = body.clone();
            *copy.pointer_mut(&place).unwrap() = value.clone();
            all.push(copy);
        }
    }
    all
}

fn places(value: &Value, at: &str) -> Vec<String> {
    let inside: Vec<String> = match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| places(value, &format!("{at}/{name}")))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| places(value, &format!("{at}/{index}")))
            .collect(),
        _ => Vec::new(),
    };
    let own = Some(at.to_owned()).filter(|at| !at.is_empty());
    own.into_iter().chain(inside).collect()
}

#[tokio::test]
async fn right_bodies_with_one_wrong_value() {
    on_both(async |shop| {
        let (names, mut walk) = (Names::of(shop).await, Walk::new(shop));
        for route in writers() {
            let path = names.real_path(&route);
            let Some(body) = body(&route.method, route.path) else {
                continue;
            };
            for wrong in mutations(&body) {
                walk.send(&route.method, &path, wrong.to_string()).await;
            }
        }
        walk.finish(500);
        assert_clean(shop).await;
    })
    .await;
}

#[test]
fn every_body_has_a_sample() {
    let document = serde_json::to_value(openapi()).unwrap();
    for route in table() {
        let method = route.method.as_str().to_lowercase();
        let takes = &document["paths"][route.path][&method]["requestBody"]["content"]["application/json"];
        assert_eq!(
            takes.is_object(),
            body(&route.method, route.path).is_some(),
            "{method} {}",
            route.path
        );
    }
}

#[tokio::test]
async fn paths_of_rubbish() {
    let long = "a".repeat(3_000);
    let values = [
        "%00",
        "%FF",
        "%2e%2e%2f%2e%2e",
        "%F0%9F%98%80",
        "-1",
        "18446744073709551616",
        "00000000-0000-0000-0000-000000000000",
        "%27%20OR%201%3D1--",
        "240120-0001%00",
        "0000000000000000000000000000000000000000",
        "ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "%E5%B9%B4%E8%B4%A7%E5%B9%B4%E8%B4%A7%E5%B9%B4%E8%B4%A7%E5%B9%B4%E8%B4%A7%E5%B9%B4",
        long.as_str(),
    ];
    on_both(async |shop| {
        let (names, mut walk) = (Names::of(shop).await, Walk::new(shop));
        for route in table() {
            let body = body(&route.method, route.path).unwrap_or_default().to_string();
            for wrong in 0..parameters(&route) {
                for value in values {
                    let put = |at: usize, real: &str| if at == wrong { value } else { real }.to_owned();
                    let path = names.path(&route, put);
                    walk.send(&route.method, &path, body.clone()).await;
                }
            }
        }
        walk.finish(300);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn queries_of_rubbish() {
    let queries = [
        "limit=-1",
        "limit=99999999999999999999",
        "limit=%00&after=%00",
        "limit=1&limit=2",
        "after=ffffffff-ffff-ffff-ffff-ffffffffffff",
        "status=%00&link=%00&q=%00%25_%5C",
        "q=%F0%9F%98%80%FF",
        "updated_after=9999-12-31T23:59:60Z",
        "updated_after=2024-01-20T00:00:00Z&after=9223372036854775807.00000000-0000-0000-0000-000000000000",
        "updated_after=2024-01-20T00:00:00Z&after=-9223372036854775808.ffffffff-ffff-ffff-ffff-ffffffffffff",
        "from=0001-01-01&to=9999-12-31",
        "from=-262143-01-01&to=%2B262142-12-31",
        "from=%00&to=%00&format=%00",
        "format=xlsx",
        "parent=%00",
        "parent=%F0%9F%98%80",
        "open=%00&state=%00",
        "shop=%00&dry_run=%00",
        "%ff=%fe&=&&&%00=%00",
        "sku=%00&lot=%00",
    ];
    on_both(async |shop| {
        let (names, mut walk) = (Names::of(shop).await, Walk::new(shop));
        let long = format!("q={}", "%25".repeat(2_000));
        for route in table().into_iter().filter(|route| route.method != Method::DELETE) {
            let path = quick_path(&names, &route);
            for query in queries.iter().copied().chain([long.as_str()]) {
                // a write is refused before it looks at its query, or has none
                walk.send(&route.method, &format!("{path}?{query}"), "{}").await;
            }
        }
        walk.finish(table().len() * 15);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn headers_of_rubbish() {
    let values = [&b"\xff\xfe"[..], b"\xe5\xb9\xb4", b"Bearer ;;=,q=x"];
    let values = values.map(|bytes| HeaderValue::from_bytes(bytes).unwrap());
    let names_of = [
        "accept",
        "accept-language",
        "authorization",
        "content-type",
        "content-length",
        "cookie",
        "idempotency-key",
        "if-none-match",
        "origin",
        "range",
        "sec-fetch-site",
        "x-village",
    ];
    on_both(async |shop| {
        let (names, service) = (Names::of(shop).await, shop.app.service());
        let bearer = format!("Bearer {}", shop.zhang.overseer);
        let mut failures = Vec::new();
        for route in table().into_iter().filter(|route| route.method != Method::DELETE) {
            for (name, value) in names_of
                .iter()
                .flat_map(|name| values.iter().map(move |value| (name, value)))
            {
                let mut request = Request::builder()
                    .method(&route.method)
                    .uri(quick_path(&names, &route))
                    .body(Body::from("{}"))
                    .unwrap();
                if route.access != Access::Public {
                    let bearer = HeaderValue::from_str(&bearer).unwrap();
                    request.headers_mut().insert(header::AUTHORIZATION, bearer);
                }
                request.headers_mut().insert(*name, value.clone());
                let status = service.clone().oneshot(request).await.unwrap().status();
                if status.is_server_error() {
                    failures.push(format!(
                        "{} {} {name}: {value:?}: {status}",
                        route.method, route.path
                    ));
                }
            }
        }
        assert!(failures.is_empty(), "{failures:#?}");
        assert_clean(shop).await;
    })
    .await;
}
