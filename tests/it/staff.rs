//! The village's settings, its staff and their tokens.

use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::id::hash_secret;
use cunji::transact;
use cunji::villages::auth::By;
use cunji::villages::store::staff_by_secret;
use cunji::villages::team::{self, MemberChange};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::app::{PASSWORD, TestApp, fields, on_both};
use crate::assisted::entry;

const STAFF: &str = "/api/v1/staff";
const TOKENS: &str = "/api/v1/tokens";
const VILLAGE: &str = "/api/v1/village";
const SESSION: &str = "/api/v1/session";

async fn path_of(shop: &TestApp, manager: &str, login: &str) -> String {
    let (_, list) = shop.get(manager, STAFF).await;
    let members = list["items"].as_array().unwrap();
    let member = members.iter().find(|member| member["login"] == login).unwrap();
    format!("{STAFF}/{}", member["id"].as_str().unwrap())
}

fn newcomer(login: &str, role: &str) -> Value {
    json!({"login": login, "role": role, "password": "long enough"})
}

async fn log_in(shop: &TestApp, login: &str, password: &str) -> u16 {
    let body = json!({"login": login, "password": password});
    shop.post("", SESSION, body).await.0
}

#[tokio::test]
async fn settings_are_the_managers_to_change() {
    on_both(async |shop| {
        let (status, before) = shop.get(&shop.zhang.host, VILLAGE).await;
        assert_eq!((status, &before["slug"]), (200, &json!("zhang")));
        let change = json!({"name": " 张村集体 ", "account": "农商银行 6228 0000 0000 0001"});
        assert_eq!(shop.patch(&shop.zhang.host, VILLAGE, change.clone()).await.0, 403);
        let epoch = shop.app.db.supply_epoch();
        let (status, after) = shop.patch(&shop.zhang.manager, VILLAGE, change).await;
        assert_eq!(
            (status, &after["name"], &after["contact"]),
            (200, &json!("张村集体"), &before["contact"])
        );
        assert!(
            shop.app.db.supply_epoch() > epoch,
            "the name stands on every link"
        );
        let (_, seen) = shop.get(&shop.zhang.packer, VILLAGE).await;
        assert_eq!(seen, after);
        assert_eq!(shop.get(&shop.li.host, VILLAGE).await.1["name"], "李庄");
        let wrong = json!({"name": "", "contact": "字".repeat(81)});
        let (status, problem) = shop.patch(&shop.zhang.manager, VILLAGE, wrong).await;
        assert_eq!((status, fields(&problem)), (422, vec!["name", "contact"]));
        let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations").await;
        assert!(
            entry(&log, "village.change")["before"]
                .as_str()
                .unwrap()
                .contains("0000 0000 0000")
        );
    })
    .await;
}

#[tokio::test]
async fn a_manager_hires() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let (status, made) = shop.post(manager, STAFF, newcomer("xiao-mei", "host")).await;
        assert_eq!(
            (status, &made["login"], &made["name"], &made["active"]),
            (201, &json!("xiao-mei"), &json!("xiao-mei"), &json!(true))
        );
        assert!(!made.to_string().contains("argon"));
        assert_eq!(log_in(shop, "xiao-mei", "long enough").await, 200);
        for login in ["xiao-mei", "manager-li"] {
            let (status, problem) = shop.post(manager, STAFF, newcomer(login, "host")).await;
            assert_eq!(
                (status, fields(&problem)),
                (422, vec!["login"]),
                "{login} is taken"
            );
        }
        let wrong = json!({"login": "小梅", "role": "overseer", "password": "1234567", "name": ""});
        let (status, problem) = shop.post(manager, STAFF, wrong).await;
        assert_eq!(
            (status, fields(&problem)),
            (422, vec!["login", "name", "role", "password"])
        );
        for token in [
            &shop.zhang.packer,
            &shop.zhang.accountant,
            &shop.zhang.host,
            &shop.zhang.overseer,
        ] {
            assert_eq!(shop.get(token, STAFF).await.0, 403);
            assert_eq!(shop.post(token, STAFF, newcomer("x", "host")).await.0, 403);
        }
        let (_, page) = shop.get(manager, &format!("{STAFF}?limit=4")).await;
        let next = page["next"].as_str().unwrap();
        let (_, rest) = shop.get(manager, &format!("{STAFF}?limit=4&after={next}")).await;
        assert_eq!(rest["items"].as_array().unwrap().len(), 2, "six in all");
        assert_eq!(rest["next"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn who_leaves_is_out_at_once() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let path = path_of(shop, manager, "packer-zhang").await;
        assert_eq!(
            shop.patch(&shop.li.manager, &path, json!({"active": false}))
                .await
                .0,
            404,
            "a stranger"
        );
        assert_eq!(
            shop.patch(manager, &format!("{STAFF}/nobody"), json!({})).await.0,
            404
        );
        assert_eq!(shop.get(&shop.zhang.packer, VILLAGE).await.0, 200);
        let (status, after) = shop.patch(manager, &path, json!({"active": false})).await;
        assert_eq!((status, &after["active"]), (200, &json!(false)));
        assert_eq!(shop.get(&shop.zhang.packer, VILLAGE).await.0, 401);
        assert_eq!(log_in(shop, "packer-zhang", PASSWORD).await, 401);
        shop.must(Method::PATCH, manager, &path, json!({"active": true}))
            .await;
        assert_eq!(log_in(shop, "packer-zhang", PASSWORD).await, 200);
        assert_eq!(
            shop.get(&shop.zhang.packer, VILLAGE).await.0,
            401,
            "the old token is gone"
        );
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_a_new_role_works_at_once() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let path = path_of(shop, manager, "host-zhang").await;
        let login = json!({"login": "host-zhang", "password": PASSWORD}).to_string();
        let request = Request::post(SESSION).body(Body::from(login)).unwrap();
        let answer = shop.app.service().oneshot(request).await.unwrap();
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let with_cookie = async || {
            let request = Request::get(VILLAGE).header(header::COOKIE, &cookie);
            shop.send(request.body(Body::empty()).unwrap()).await.0
        };
        assert_eq!(with_cookie().await, 200);
        let change = json!({"password": "another password", "role": "accountant"});
        let (status, after) = shop.patch(manager, &path, change).await;
        assert_eq!((status, &after["role"]), (200, &json!("accountant")));
        assert_eq!(with_cookie().await, 401);
        assert_eq!(
            shop.get(&shop.zhang.host, "/api/v1/operations").await.0,
            200,
            "the token stays, with the new role"
        );
        assert_eq!(log_in(shop, "host-zhang", PASSWORD).await, 401);
        assert_eq!(log_in(shop, "host-zhang", "another password").await, 200);
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        assert!(!log.to_string().contains("another password") && !log.to_string().contains("argon"));
    })
    .await;
}

#[tokio::test]
async fn a_village_keeps_a_manager_and_leaves_the_towns_people_alone() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let own = path_of(shop, manager, "manager-zhang").await;
        for change in [json!({"active": false}), json!({"role": "packer"})] {
            let (status, problem) = shop.patch(manager, &own, change).await;
            assert_eq!(
                (status, &problem["type"]),
                (409, &json!("/problems/last-manager"))
            );
        }
        let overseer = path_of(shop, manager, "overseer-zhang").await;
        let change = json!({"password": "mine from now on"});
        assert_eq!(shop.patch(manager, &overseer, change).await.0, 403);
        assert_eq!(
            fields(&shop.patch(manager, &own, json!({"role": "overseer"})).await.1),
            ["role"]
        );

        shop.must(Method::POST, manager, STAFF, newcomer("second", "manager"))
            .await;
        let token = team::create_token(&shop.app.db, shop.app.clock.now(), &shop.app.ids, "second").await;
        let token = token.unwrap();
        // each sends the other away, at the same time; both are past the gate
        let by = async |token: &str| {
            let hash = hash_secret(token);
            let found = staff_by_secret(&shop.app.db, shop.zhang.id, &hash, shop.app.clock.now()).await;
            By {
                staff: found.unwrap().unwrap().0,
                at: shop.app.clock.now(),
                ids: shop.app.ids.clone(),
            }
        };
        let (one, other) = (by(manager).await, by(&token).await);
        let dismiss = async |by: &By, whom: Uuid| {
            let change = MemberChange {
                name: None,
                role: None,
                active: Some(false),
                password: None,
            };
            transact!(shop.app.db, tx => team::change(tx, by, whom, &change, None).await)
        };
        let (first, second) = tokio::join!(dismiss(&one, other.staff.id), dismiss(&other, one.staff.id));
        assert_ne!(first.is_ok(), second.is_ok(), "one stays");
        let left = if first.is_ok() { manager } else { &token };
        assert_eq!(shop.get(left, STAFF).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn tokens_are_shown_once_and_revoked_together() {
    on_both(async |shop| {
        let mut tokens = Vec::new();
        for _ in 0..2 {
            let made = shop
                .must(Method::POST, &shop.zhang.packer, TOKENS, Value::Null)
                .await;
            tokens.push(made["token"].as_str().unwrap().to_owned());
        }
        assert_ne!(tokens[0], tokens[1]);
        for token in &tokens {
            assert_eq!(shop.get(token, VILLAGE).await.0, 200);
        }
        assert_eq!(shop.delete(&tokens[0], TOKENS).await.0, 204);
        for token in tokens.iter().chain([&shop.zhang.packer]) {
            assert_eq!(shop.get(token, VILLAGE).await.0, 401);
        }
        assert_eq!(
            shop.get(&shop.zhang.host, VILLAGE).await.0,
            200,
            "somebody else's"
        );
        for count in 1..=20 {
            let status = shop.post(&shop.zhang.host, TOKENS, Value::Null).await.0;
            assert_eq!(status, if count < 20 { 201 } else { 409 }, "{count}");
        }
        let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations").await;
        assert!(
            log["items"]
                .as_array()
                .unwrap()
                .iter()
                .any(|entry| entry["act"] == "token.revoke")
        );
    })
    .await;
}

#[tokio::test]
async fn an_overseer_makes_tokens_at_home_wherever_they_look() {
    on_both(async |shop| {
        let request = Request::post(TOKENS)
            .header(header::AUTHORIZATION, format!("Bearer {}", shop.zhang.overseer))
            .header("x-village", "li");
        let (status, made) = shop.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 201);
        let token = made["token"].as_str().unwrap();
        assert_eq!(shop.get(token, VILLAGE).await.1["slug"], "zhang");
    })
    .await;
}

#[tokio::test]
async fn the_command_line_makes_staff_and_tokens() {
    on_both(async |shop| {
        let (db, at, ids) = (&shop.app.db, shop.app.clock.now(), &shop.app.ids);
        let village = team::add(db, at, ids, Some("li"), "town-2", "overseer", "long enough").await;
        assert_eq!(village.unwrap(), "li");
        let token = team::create_token(db, at, ids, "town-2").await.unwrap();
        assert_eq!(shop.get(&token, VILLAGE).await.1["slug"], "li");
        for (village, login, role, password, words) in [
            (None, "x", "host", "long enough", "one of: zhang, li"),
            (Some("wang"), "x", "host", "long enough", "one of: zhang, li"),
            (
                Some("li"),
                "town-2",
                "host",
                "long enough",
                "login: This login is taken.",
            ),
            (Some("li"), "x", "boss", "long enough", "no role \"boss\""),
            (Some("li"), "x y", "host", "short", "login: "),
        ] {
            let error = team::add(db, at, ids, village, login, role, password)
                .await
                .unwrap_err();
            let line = error.to_string();
            assert!(line.contains(words) && !line.contains('\n'), "{line}");
        }
        let error = team::create_token(db, at, ids, "nobody").await.unwrap_err();
        assert!(error.to_string().contains("nobody"));
        assert_eq!(log_in(shop, "town-2", "long enough").await, 200);
        team::reset_password(db, at, ids, "town-2", "quite another")
            .await
            .unwrap();
        assert_eq!(log_in(shop, "town-2", "long enough").await, 401);
        assert_eq!(log_in(shop, "town-2", "quite another").await, 200);
    })
    .await;
}
