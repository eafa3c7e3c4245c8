//! `cunji demo`: one line to get in with, a shop that stays, and a fresh start for whoever wants one.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::shop::{must, place_order, staff};
use super::{Place, Server};

const FIELDS: [&str; 7] = [
    "base_url",
    "database",
    "link_code",
    "moments_code",
    "staff_login",
    "staff_password",
    "staff_token",
];

fn text<'a>(said: &'a Value, field: &str) -> &'a str {
    said[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} in {said}"))
}

async fn log_in(address: SocketAddr, said: &Value) -> u16 {
    let body = json!({"login": said["staff_login"], "password": said["staff_password"]});
    staff(address, "", "POST", "/api/v1/session", &body).await.status
}

async fn links(address: SocketAddr, said: &Value) -> Vec<Value> {
    let list = must(
        address,
        text(said, "staff_token"),
        "GET",
        "/api/v1/links",
        Value::Null,
    )
    .await;
    list["items"].as_array().unwrap().clone()
}

async fn backlog(address: SocketAddr, said: &Value) -> (Value, Value) {
    let report = must(
        address,
        text(said, "staff_token"),
        "GET",
        "/api/v1/reports/backlog",
        Value::Null,
    )
    .await;
    (report["cases"].clone(), report["orders"].clone())
}

async fn kept_until_a_fresh_start(engine: &str) {
    let place = Place::on(engine);
    let (server, first, rest) = Server::demo(place.command(&["demo", "--json"]));
    let at = server.address;
    let mut fields: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, FIELDS);
    // no waiting for readiness: the line says that connections are accepted
    assert_eq!(backlog(at, &first).await, (json!(380), json!(166)));
    assert_eq!(log_in(at, &first).await, 200);
    let mut codes: Vec<_> = links(at, &first)
        .await
        .iter()
        .map(|link| link["code"].clone())
        .collect();
    codes.reverse();
    assert_eq!(codes, [first["link_code"].clone(), first["moments_code"].clone()]);
    let kept = place_order(at, text(&first, "link_code"), "FT05", "kept")
        .await
        .unwrap()
        .json();
    server.stop();
    assert_eq!(rest(), "", "one line and no more");

    let (server, second, _) = Server::demo(place.command(&["demo", "--json"]));
    let at = server.address;
    let order = format!("/api/v1/orders/{}", text(&kept, "token"));
    assert_eq!(
        must(at, "", "GET", &order, Value::Null).await["number"],
        kept["number"]
    );
    assert_eq!(
        (&second["link_code"], &second["database"]),
        (&first["link_code"], &first["database"])
    );
    assert_eq!(backlog(at, &second).await.0, json!(380));
    assert_eq!(log_in(at, &second).await, 200);
    assert_eq!(
        log_in(at, &first).await,
        401,
        "an old password ends with a new one"
    );
    server.stop();
    place.check();

    let (server, third, _) = Server::demo(place.command(&["demo", "--json", "--fresh"]));
    let at = server.address;
    assert_eq!(staff(at, "", "GET", &order, &Value::Null).await.status, 404);
    assert_ne!(third["link_code"], first["link_code"]);
    assert_eq!(backlog(at, &third).await, (json!(380), json!(166)));
    assert_eq!(log_in(at, &third).await, 200);
    server.stop();
    place.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_keeps_its_shop_on_sqlite() {
    kept_until_a_fresh_start("sqlite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_keeps_its_shop_on_postgresql() {
    kept_until_a_fresh_start("postgres").await;
}

#[test]
fn the_demo_leaves_other_shops_alone() {
    let place = Place::on("sqlite");
    super::shop::found(&place);
    for arguments in [&["demo", "--json"][..], &["demo", "--json", "--fresh"]] {
        let ended = place.run(arguments, "");
        assert_eq!((ended.code, &*ended.out), (1, ""), "{}", ended.err);
        assert!(ended.err.contains("another shop"), "{}", ended.err);
    }
    place.must(&["token", "create", "boss"], "");
}
