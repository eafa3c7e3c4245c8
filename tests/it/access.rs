//! Who may call what: the whole route table, asked by nobody, by every role, and by the neighbours.

use std::collections::BTreeSet;

use axum::http::Method;
use cunji::routes::{Access, Route, table};
use cunji::state::Parts;
use cunji::villages::{Role, team};

use crate::app::{TestApp, TestVillage, on_both};
use crate::samples::{Names, ask, body, parameters};

/// Every route that anybody may call, under the reason why. Opening one more needs a line here.
const OPEN: &[(&str, &[&str])] = &[
    (
        "whoever has a link's code may see it and order",
        &[
            "GET /s/{code}",
            "POST /s/{code}",
            "GET /s/{code}/cover.png",
            "GET /api/v1/links/{code}",
            "POST /api/v1/links/{code}/quote",
            "POST /api/v1/links/{code}/orders",
        ],
    ),
    (
        "an order's token, too long to guess, is its buyer's key",
        &[
            "GET /o/{order}",
            "POST /o/{order}/pay",
            "POST /o/{order}/cancel",
            "POST /o/{order}/changes/{version}",
            "POST /o/{order}/late",
            "GET /api/v1/orders/{order}",
            "POST /api/v1/orders/{order}/payments",
            "POST /api/v1/orders/{order}/cancel",
            "POST /api/v1/orders/{order}/late",
            "POST /api/v1/orders/{order}/changes/{version}/agree",
            "POST /api/v1/orders/{order}/changes/{version}/decline",
            "POST /api/v1/orders/{order}/photos",
            "POST /api/v1/orders/{order}/claims",
            "POST /api/v1/orders/{order}/claims/{claim}/withdraw",
            "GET /o/{order}/claim",
            "POST /o/{order}/claim",
            "POST /o/{order}/claims/{claim}/withdraw",
            "GET /o/{order}/photos/{photo}",
        ],
    ),
    (
        "a payment's token as well; and it is play money",
        &[
            "GET /practice/{payment}",
            "POST /practice/{payment}",
            "POST /api/v1/practice/{payment}/pay",
        ],
    ),
    (
        "the same for everybody, and about nobody",
        &[
            "GET /t/{lot}",
            "GET /pictures/{picture}",
            "GET /static/{file}",
            "GET /api/v1/areas",
            "POST /api/v1/addresses/parse",
            "POST /console/language",
        ],
    ),
    (
        "the way in, and out: the session is the request's own",
        &[
            "POST /api/v1/session",
            "DELETE /api/v1/session",
            "GET /console/login",
            "POST /console/login",
            "POST /console/logout",
        ],
    ),
    ("providers sign what they send", &["POST /webhooks/kuaidi100"]),
    (
        "a payment provider signs what it tells us",
        &["POST /webhooks/stripe", "POST /webhooks/wechat"],
    ),
    (
        "operators ask without a login",
        &["GET /healthz", "GET /readyz", "GET /metrics"],
    ),
];

fn name(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

#[test]
fn open_routes_are_known() {
    let routes = table();
    let open = routes.iter().filter(|route| route.access == Access::Public);
    let open: BTreeSet<String> = open.map(name).collect();
    let known = OPEN.iter().flat_map(|(_, routes)| *routes);
    let known: BTreeSet<String> = known.map(|route| (*route).to_owned()).collect();
    assert_eq!(open, known);
}

/// Whether a call ends the tokens of whoever makes it.
fn ends_tokens(route: &Route) -> bool {
    route.method == Method::DELETE && route.path == "/api/v1/tokens"
        || route.method == Method::POST && route.path.ends_with("/tokens/revoke")
}

/// One more token of the member of staff with this role, for a call that ends the others.
async fn new_token(shop: &TestApp, role: Role) -> String {
    let login = format!("{}-{}", role.as_str(), shop.zhang.slug);
    let Parts { db, clock, ids, .. } = &*shop.app;
    team::create_token(db, clock.now(), ids, &login).await.unwrap()
}

/// Staff routes; those that take something away come last, and those that end the caller's tokens after them.
fn guarded() -> Vec<(Route, &'static [Role])> {
    let mut routes: Vec<_> = table()
        .into_iter()
        .filter_map(|route| match route.access {
            Access::Staff(roles) => Some((route, roles)),
            Access::Public => None,
        })
        .collect();
    routes.sort_by_key(|(route, _)| {
        (
            route.method == Method::DELETE || ends_tokens(route),
            ends_tokens(route),
        )
    });
    routes
}

fn tokens(village: &TestVillage) -> [(Role, &str); 5] {
    [
        (Role::Manager, &village.manager),
        (Role::Packer, &village.packer),
        (Role::Accountant, &village.accountant),
        (Role::Host, &village.host),
        (Role::Overseer, &village.overseer),
    ]
}

#[tokio::test]
async fn every_route_asks_who_it_is() {
    on_both(async |shop| {
        let (names, service) = (Names::of(shop).await, shop.app.service());
        let wrong = shop.app.ids.secret(shop.zhang.id);
        let mut offenders = Vec::new();
        for (route, roles) in guarded() {
            let path = names.path(&route, |_, _| "nothing".to_owned());
            for token in ["", "rubbish", "%00", wrong.as_str()] {
                let (status, _) = ask(&service, &route.method, &path, token, "{}").await;
                if status != 401 {
                    offenders.push(format!("{}: {status} for token {token:?}", name(&route)));
                }
            }
            for (role, token) in tokens(&shop.zhang) {
                let new = match ends_tokens(&route) {
                    true => Some(new_token(shop, role).await),
                    false => None,
                };
                let token = new.as_deref().unwrap_or(token);
                let (status, _) = ask(&service, &route.method, &path, token, "{}").await;
                let right = match roles.contains(&role) {
                    true => status != 401 && status != 403,
                    false => status == 403,
                };
                if !right {
                    offenders.push(format!("{}: {status} for {role:?}", name(&route)));
                }
            }
        }
        assert!(offenders.is_empty(), "{offenders:#?}");
    })
    .await;
}

/// Asks, as the manager of the other village, for rows of this one.
async fn strangers(shop: &TestApp, names: &Names, token: &str) -> Vec<String> {
    let (service, mut offenders) = (shop.app.service(), Vec::new());
    let routes = guarded()
        .into_iter()
        .filter(|(route, roles)| parameters(route) > 0 && roles.contains(&Role::Manager));
    for (route, _) in routes {
        let wish = body(&route.method, route.path).unwrap_or_default().to_string();
        let path = names.real_path(&route);
        let (status, answer) = ask(&service, &route.method, &path, token, wish).await;
        if status != 404 {
            let answer = String::from_utf8_lossy(&answer);
            offenders.push(format!("{}: {status} {answer}", name(&route)));
        }
    }
    offenders
}

#[tokio::test]
async fn a_stranger_finds_nothing() {
    on_both(async |shop| {
        let names = Names::of(shop).await;
        let offenders = strangers(shop, &names, &shop.li.manager).await;
        assert!(offenders.is_empty(), "{offenders:#?}");
        let home = strangers(shop, &names, &shop.zhang.manager).await;
        let routes = guarded().into_iter();
        let asked = routes.filter(|(route, roles)| parameters(route) > 0 && roles.contains(&Role::Manager));
        assert_eq!(
            home.len(),
            asked.count(),
            "at home each of these rows is there: {home:#?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_stranger_uses_nothing() {
    on_both(async |shop| {
        let (names, service) = (Names::of(shop).await, shop.app.service());
        let mut order = body(&Method::POST, "/api/v1/orders").unwrap();
        let seen = ask(
            &service,
            &Method::POST,
            "/api/v1/orders",
            &shop.li.manager,
            order.to_string(),
        )
        .await;
        assert_eq!(seen.0, 422, "a sku of the neighbours is unknown");
        let links = table()
            .into_iter()
            .find(|route| route.path == "/api/v1/links/{code}");
        let code = names.real_path(&links.unwrap());
        order["link"] = code.rsplit('/').next().into();
        let seen = ask(
            &service,
            &Method::POST,
            "/api/v1/orders",
            &shop.li.manager,
            order.to_string(),
        )
        .await;
        assert_eq!(seen.0, 404, "so is a link");
        for path in [
            "/api/v1/links",
            "/api/v1/stock/receipts",
            "/api/v1/stock/adjustments",
        ] {
            let wish = body(&Method::POST, path).unwrap().to_string();
            let (status, answer) = ask(&service, &Method::POST, path, &shop.li.manager, wish).await;
            assert!(
                [404, 422].contains(&status.as_u16()),
                "{path}: {status} {answer:?}"
            );
        }
        let lists = table().into_iter().filter(|route| {
            route.method == Method::GET && parameters(route) == 0 && matches!(route.access, Access::Staff(_))
        });
        for route in lists {
            let (status, answer) = ask(&service, &route.method, route.path, &shop.li.manager, "").await;
            let answer = String::from_utf8_lossy(&answer);
            assert_eq!(status, 200, "{}: {answer}", route.path);
            for of_zhang in ["-zhang", "FT05", "苏*", "苏宇", "240120-", "example.org"] {
                assert!(!answer.contains(of_zhang), "{}: {answer}", route.path);
            }
        }
    })
    .await;
}
