//! The staff console as a browser without script sees it: every page, for every role, in both languages.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use cunji::routes::{Access, Route, table};
use cunji::villages::Role;
use serde_json::json;

use crate::app::{PASSWORD, TestApp, on_both};
use crate::browser::{self, Page};
use crate::buyer::link;
use crate::samples::Names;

/// A browser in which somebody is logged in.
pub struct Browser<'a> {
    shop: &'a TestApp,
    cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    pub fn new(shop: &'a TestApp) -> Self {
        Browser {
            shop,
            cookies: Vec::new(),
        }
    }

    pub async fn of(shop: &'a TestApp, login: &str) -> Self {
        let mut browser = Browser::new(shop);
        let fields = [("login", login), ("password", PASSWORD)];
        let page = browser.press("/console/login", &fields).await;
        assert_eq!(page.location(), "/console");
        browser
    }

    pub fn speaks(mut self, lang: &str) -> Self {
        self.cookies.push(("cunji_lang".to_owned(), lang.to_owned()));
        self
    }

    pub async fn send(&mut self, mut request: Request<Body>) -> Page {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            let value = HeaderValue::from_str(&cookies.join("; ")).unwrap();
            request.headers_mut().insert(header::COOKIE, value);
        }
        request
            .headers_mut()
            .insert("accept", HeaderValue::from_static("text/html,*/*"));
        request
            .headers_mut()
            .insert("host", HeaderValue::from_static("shop.example"));
        let page = browser::send(self.shop, request).await;
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        page
    }

    pub async fn open(&mut self, path: &str) -> Page {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Presses a button of a page of this site.
    pub async fn press(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut request = browser::post(path, fields);
        let origin = HeaderValue::from_static("http://shop.example");
        request.headers_mut().insert("origin", origin);
        self.send(request).await
    }

    /// Presses a button that has to lead on, and gives the page that it leads to.
    pub async fn go(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.press(path, fields).await;
        let to = page.location().to_owned();
        let page = self.open(to.split('#').next().unwrap()).await;
        assert_eq!(page.status, 200, "{path} led to {to}: {}", page.text);
        page
    }
}

/// The pages of the console that a role may open, by their routes.
fn pages(role: Role) -> Vec<Route> {
    let routes = table().into_iter().filter(|route| {
        let ours = route.path.starts_with("/console") || route.path == "/components";
        let open = matches!(route.access, Access::Staff(roles) if roles.contains(&role));
        ours && open && route.method == Method::GET
    });
    routes.collect()
}

const ROLES: [(Role, &str); 5] = [
    (Role::Manager, "manager-zhang"),
    (Role::Packer, "packer-zhang"),
    (Role::Accountant, "accountant-zhang"),
    (Role::Host, "host-zhang"),
    (Role::Overseer, "overseer-zhang"),
];

/// What every page owes its reader; told as what is missing.
fn faults(page: &Page, lang: &str) -> Vec<String> {
    let text = &page.text;
    let mut faults = Vec::new();
    let mut fault = |wrong: bool, what: String| {
        if wrong {
            faults.push(what);
        }
    };
    fault(page.status != 200, format!("status {}", page.status));
    fault(
        !text.contains(&format!("<html lang=\"{lang}\">")),
        "no language".into(),
    );
    fault(
        text.matches("<h1").count() != 1,
        format!("{} h1", text.matches("<h1").count()),
    );
    fault(!text.contains("name=\"viewport\""), "no viewport".into());
    fault(text.contains("style=\""), "a style of its own".into());
    for tag in ["<style", "<script>", "onclick", "javascript:"] {
        fault(text.contains(tag), format!("has {tag}"));
    }
    for tag in ["<input ", "<select ", "<textarea "] {
        for part in text.split(tag).skip(1) {
            let field = part.split('>').next().unwrap();
            let hidden = field.contains("type=\"hidden\"");
            let id = field
                .split("id=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            let labelled = id.is_some_and(|id| text.contains(&format!("for=\"{id}\"")));
            // a tick box may stand inside its label
            let inside = field.contains("type=\"checkbox\"");
            fault(!hidden && !labelled && !inside, format!("no label for {field}"));
        }
    }
    let mut ids = BTreeSet::new();
    for part in text.split(" id=\"").skip(1) {
        let id = part.split('"').next().unwrap();
        fault(!ids.insert(id), format!("two of the id {id}"));
    }
    faults
}

/// Whether a path is one of a route's.
fn fits(route: &Route, path: &str) -> bool {
    let (mut parts, mut given) = (route.path.split('/'), path.split('/'));
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(value)) if part.starts_with('{') || part == value => {}
            _ => return false,
        }
    }
}

/// Ways on a page that its reader may not go.
fn closed_ways(page: &Page, role: Role) -> Vec<String> {
    let routes = table();
    let mut closed = Vec::new();
    for (mark, method) in [
        ("href=\"", Method::GET),
        ("action=\"", Method::POST),
        ("src=\"", Method::GET),
    ] {
        for part in page.text.split(mark).skip(1) {
            let way = part.split('"').next().unwrap();
            let path = way.split(['?', '#']).next().unwrap();
            let is_search =
                mark == "action=\"" && part.split('>').next().unwrap().contains("role=\"search\"");
            if !path.starts_with('/') || is_search || path.starts_with("/api/docs") {
                continue;
            }
            // a fixed path comes before one with a parameter
            let found = routes
                .iter()
                .filter(|route| fits(route, path) && (route.method == method || mark == "action=\""))
                .min_by_key(|route| route.path.matches('{').count());
            let may = match found.map(|route| route.access) {
                Some(Access::Public) => true,
                Some(Access::Staff(roles)) => roles.contains(&role),
                None => false,
            };
            if !may {
                closed.push(format!("{mark}{way}"));
            }
        }
    }
    closed
}

#[tokio::test]
async fn every_page_is_whole_and_leads_only_where_its_reader_may_go() {
    on_both(async |shop| {
        let names = Names::of(shop).await;
        let own = link(shop, &shop.zhang.host, json!({})).await;
        let mut wrong = Vec::new();
        for (role, login) in ROLES {
            for (lang, tag) in [("zh", "zh-CN"), ("en", "en")] {
                let mut browser = Browser::of(shop, login).await.speaks(lang);
                for route in pages(role) {
                    let path = names.real_path(&route);
                    // a host sees only links that they made themselves
                    let path = match role == Role::Host && route.path.contains("{code}") {
                        true => names.path(&route, |_, _| own.clone()),
                        false => path,
                    };
                    let page = browser.open(&path).await;
                    let faults = faults(&page, tag).into_iter().chain(closed_ways(&page, role));
                    wrong.extend(faults.map(|fault| format!("{path} for {role:?} in {lang}: {fault}")));
                    if lang == "en" {
                        let chinese = page.text.matches("保存").count() + page.text.matches("订单").count();
                        if chinese > 0 {
                            wrong.push(format!("{path} for {role:?}: Chinese on the English page"));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    })
    .await;
}

#[tokio::test]
async fn a_new_village_finds_empty_pages_that_say_what_to_do() {
    on_both(async |shop| {
        let mut browser = Browser::of(shop, "manager-li").await;
        let today = browser.open("/console").await;
        today.has(&["开店只要四步", "/console/products/new", "都做完了"]);
        for (path, words) in [
            ("/console/orders", "还没有订单"),
            ("/console/orders?status=paid", "没有符合的订单"),
            ("/console/stock", "还没有规格"),
            ("/console/stock/count", "库里没有货"),
            ("/console/stock/movements", "还没有进出"),
            ("/console/products", "还没有商品"),
            ("/console/links", "还没有链接"),
            ("/console/money", "没有等确认的转账"),
            ("/console/imports", "还没有导入过"),
            ("/console/reports", "都发完了"),
            ("/console/log", "还没有记录"),
        ] {
            let page = browser.open(path).await;
            assert_eq!(faults(&page, "zh-CN"), [""; 0], "{path}");
            page.has(&[words]);
        }
    })
    .await;
}

#[tokio::test]
async fn one_logs_in_and_out() {
    on_both(async |shop| {
        let mut browser = Browser::new(shop);
        let page = browser.open("/console/orders").await;
        assert_eq!(page.location(), "/console/login?next=%2Fconsole%2Forders");
        let page = browser.open(page.location()).await;
        assert_eq!(page.value("next"), "/console/orders");
        let wrong = [
            ("login", "manager-zhang"),
            ("password", "wrong"),
            ("next", "/console/orders"),
        ];
        let page = browser.press("/console/login", &wrong).await;
        assert_eq!(page.status, 422);
        page.has(&["登录名或密码不对", "value=\"manager-zhang\""])
            .has_not(&["wrong\""]);
        let right = [
            ("login", "manager-zhang"),
            ("password", PASSWORD),
            ("next", "https://evil.example/"),
        ];
        let page = browser.press("/console/login", &right).await;
        assert_eq!(page.location(), "/console", "never to another site");
        let cookie = page.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        browser.open("/console").await.has(&["今天"]);
        browser
            .go("/console/language", &[("to", "en"), ("back", "/console")])
            .await
            .has(&["Today"]);
        assert_eq!(
            browser.press("/console/logout", &[]).await.location(),
            "/console/login"
        );
        assert_eq!(browser.open("/console").await.status, 303);
        for _ in 0..12 {
            browser.press("/console/login", &wrong).await;
        }
        let page = browser.press("/console/login", &right).await;
        assert_eq!(page.status, 429, "guessing is slow");
        let program = shop.get("", "/console").await;
        assert_eq!(program.0, 401, "a program is told, not sent elsewhere");
    })
    .await;
}

#[tokio::test]
async fn forms_of_other_sites_do_nothing() {
    on_both(async |shop| {
        let (names, mut browser) = (Names::of(shop).await, Browser::of(shop, "manager-zhang").await);
        let mut wrong = Vec::new();
        let forms = table().into_iter().filter(|route| {
            route.path.starts_with("/console")
                && route.method == Method::POST
                && route.path != "/console/village"
        });
        for route in forms {
            let path = names.real_path(&route);
            for (name, value) in [
                ("origin", "https://evil.example"),
                ("origin", "null"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("x-nothing", "said"),
            ] {
                let mut request = browser::post(&path, &[("reason", "because")]);
                request
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
                let page = browser.send(request).await;
                if page.status != 403 {
                    wrong.push(format!("{path} with {name}: {value}: {}", page.status));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations?limit=1").await;
        assert_ne!(log["items"][0]["after"], json!("{\"reason\":\"because\"}"));
    })
    .await;
}

#[tokio::test]
async fn an_overseer_looks_at_each_village_and_changes_nothing() {
    on_both(async |shop| {
        let _ = Names::of(shop).await;
        let mut browser = Browser::of(shop, "overseer-zhang").await;
        let page = browser.open("/console/products").await;
        page.has(&["纯红薯粉条", "value=\"li\""])
            .has_not(&["/console/products/new"]);
        let page = browser.go("/console/village", &[("slug", "li")]).await;
        page.has(&["李庄"]);
        browser.open("/console/products").await.has(&["还没有商品"]);
        assert_eq!(
            browser
                .press("/console/village", &[("slug", "nowhere")])
                .await
                .status,
            404
        );
        assert_eq!(browser.press("/console/products/new", &[]).await.status, 403);
        let mut packer = Browser::of(shop, "packer-zhang").await;
        packer.cookies.push(("cunji_village".into(), "li".into()));
        packer.open("/console/products").await.has(&["纯红薯粉条"]);
    })
    .await;
}
