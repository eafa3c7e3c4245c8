//! Partners hear of what happens: signed, once at least, and again until they take it.

use std::time::Duration;

use axum::http::Method;
use cunji::jobs;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::partner::{Partner, open_link, place, tell};

const SUBSCRIBERS: &str = "/api/v1/subscribers";
const OUTBOX: &str = "/api/v1/outbox";

async fn send(shop: &TestApp) -> String {
    jobs::run_now(&shop.app, "send-outbox").await.unwrap()
}

fn wait(shop: &TestApp, seconds: u64) {
    shop.app.clock.advance(Duration::from_secs(seconds));
}

async fn items(shop: &TestApp, path: &str) -> Vec<Value> {
    let list = shop
        .must(Method::GET, &shop.zhang.manager, path, Value::Null)
        .await;
    list["items"].as_array().unwrap().clone()
}

/// The same event thrice, each time signed at the time of its try.
fn assert_signed_thrice(partner: &Partner, secret: &str, order: &Value) {
    let heard = partner.heard.lock().unwrap();
    assert_eq!(heard.len(), 3);
    let start = 1_705_716_000;
    for (heard, at) in heard.iter().zip([start, start + 60, start + 180]) {
        assert_eq!(heard.signed_at(secret), Some(at));
        assert_eq!(heard.signed_at("another secret"), None);
        assert_eq!(heard.header("content-type"), "application/json");
        assert_eq!(heard.body["id"], heard.header("cunji-event"));
        assert_eq!(heard.body["topic"], "order.placed");
        assert_eq!(heard.body["village"], "zhang");
        assert_eq!(heard.body["at"], "2024-01-20T02:00:00Z");
        assert_eq!(heard.body["data"]["number"], order["number"]);
        assert_eq!(heard.body["data"]["token"], order["token"]);
        assert!(!heard.text.contains("13800138000"), "no phones");
    }
    assert_eq!(heard[0].text, heard[2].text, "a repeat is the same event");
}

#[tokio::test]
async fn an_order_is_told_signed_until_it_is_taken() {
    on_both(async |shop| {
        let partner = Partner::open(&[500, 302]).await;
        let (id, secret) = partner.subscribe(shop).await;
        let order = place(shop, &open_link(shop).await, "one").await;

        for (seconds, outcome, told) in [
            (0, "0 delivered, 1 failed, 0 put off", 1),
            (0, "0 delivered, 0 failed, 0 put off", 1),
            (59, "0 delivered, 0 failed, 0 put off", 1),
            (1, "0 delivered, 1 failed, 0 put off", 2),
            (119, "0 delivered, 0 failed, 0 put off", 2),
        ] {
            wait(shop, seconds);
            assert_eq!((send(shop).await.as_str(), partner.count()), (outcome, told));
        }
        let waiting = &items(shop, SUBSCRIBERS).await[0];
        assert_eq!(
            [
                &waiting["id"],
                &waiting["waiting"],
                &waiting["failed"],
                &waiting["last_error"]
            ],
            [&json!(id), &json!(1), &json!(0), &json!("HTTP 302")],
            "a redirect is not followed"
        );
        assert_eq!(
            items(shop, OUTBOX).await[0]["next_try_at"],
            "2024-01-20T02:03:00Z"
        );
        wait(shop, 1);
        assert_eq!(send(shop).await, "1 delivered, 0 failed, 0 put off");
        wait(shop, 86_400);
        assert_eq!(send(shop).await, "0 delivered, 0 failed, 0 put off");

        assert_signed_thrice(&partner, &secret, &order);

        let event = &items(shop, OUTBOX).await[0];
        assert_eq!(
            [
                &event["tries"],
                &event["done_at"],
                &event["next_try_at"],
                &event["last_error"]
            ],
            [
                &json!(3),
                &json!("2024-01-20T02:03:00Z"),
                &Value::Null,
                &Value::Null
            ]
        );
        let again = format!("{OUTBOX}/{}/retry", event["id"].as_str().unwrap());
        let (status, problem) = shop.post(&shop.zhang.manager, &again, Value::Null).await;
        assert_eq!(
            (status, &problem["type"]),
            (409, &json!("/problems/already-delivered"))
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_waits_for_staff() {
    on_both(async |shop| {
        let partner = Partner::open(&[410; 20]).await;
        partner.subscribe(shop).await;
        tell(shop, 1).await;
        for _ in 0..25 {
            send(shop).await;
            wait(shop, 6 * 3_600);
        }
        assert_eq!(partner.count(), 20);
        let given_up = items(shop, &format!("{OUTBOX}?failed=true")).await;
        assert_eq!(
            [
                &given_up[0]["tries"],
                &given_up[0]["last_error"],
                &given_up[0]["done_at"],
                &given_up[0]["next_try_at"]
            ],
            [&json!(20), &json!("HTTP 410"), &Value::Null, &Value::Null]
        );
        let subscriber = &items(shop, SUBSCRIBERS).await[0];
        assert_eq!(
            [&subscriber["waiting"], &subscriber["failed"]],
            [&json!(0), &json!(1)]
        );

        let id = given_up[0]["id"].as_str().unwrap();
        let again = format!("{OUTBOX}/{id}/retry");
        for (token, path, status) in [
            (&shop.li.manager, &again, 404),
            (&shop.zhang.packer, &again, 403),
            (
                &shop.zhang.manager,
                &format!("{OUTBOX}/{}/retry", uuid::Uuid::nil()),
                404,
            ),
            (&shop.zhang.manager, &format!("{OUTBOX}/x/retry"), 404),
        ] {
            assert_eq!(shop.post(token, path, Value::Null).await.0, status);
        }
        let (status, event) = shop.post(&shop.zhang.manager, &again, Value::Null).await;
        assert_eq!((status, &event["tries"]), (200, &json!(0)));
        assert_eq!(send(shop).await, "1 delivered, 0 failed, 0 put off");
        assert_eq!(
            items(shop, &format!("{OUTBOX}?failed=true")).await,
            [Value::Null; 0]
        );
        let log = &items(shop, "/api/v1/operations").await[0];
        assert_eq!(
            [&log["act"], &log["subject"]],
            [&json!("outbox.retry"), &json!(id)]
        );
        assert!(log["before"].as_str().unwrap().contains("HTTP 410"));
    })
    .await;
}

#[tokio::test]
async fn a_partner_that_is_down_delays_nobody() {
    on_both(async |shop| {
        let (down, up) = (Partner::open(&[503; 8]).await, Partner::open(&[]).await);
        down.subscribe(shop).await;
        up.subscribe(shop).await;
        tell(shop, 60).await;
        send(shop).await;
        assert_eq!(up.count(), 50, "half of a run is for each");
        assert!(down.count() <= 8, "told {} times while it was down", down.count());
        let tried: Vec<_> = items(shop, &format!("{OUTBOX}?limit=200"))
            .await
            .into_iter()
            .filter(|event| event["done_at"].is_null() && event["tries"] != json!(0))
            .collect();
        assert_eq!(tried.len(), down.count(), "what was put off is not a try");
        send(shop).await;
        assert_eq!(up.count(), 60);

        wait(shop, 60);
        send(shop).await;
        send(shop).await;
        for _ in 0..3 {
            wait(shop, 120);
            send(shop).await;
        }
        let subscribers = items(shop, SUBSCRIBERS).await;
        assert_eq!(
            [&subscribers[0]["waiting"], &subscribers[1]["waiting"]],
            [&json!(0), &json!(0)]
        );
    })
    .await;
}

#[tokio::test]
async fn a_partner_that_is_gone_is_told_nothing() {
    on_both(async |shop| {
        let unreachable = json!({"url": "http://127.0.0.1:1/events?key=for-us-alone"});
        let added = shop
            .must(Method::POST, &shop.zhang.manager, SUBSCRIBERS, unreachable)
            .await;
        tell(shop, 1).await;
        assert_eq!(send(shop).await, "0 delivered, 1 failed, 0 put off");
        let subscriber = &items(shop, SUBSCRIBERS).await[0];
        let error = subscriber["last_error"].as_str().unwrap();
        assert!(error.contains("refused") && !error.contains("key"), "{error}");
        let listed = subscriber.to_string();
        assert!(!listed.contains(added["secret"].as_str().unwrap()) && !listed.contains("secret"));

        let path = format!("{SUBSCRIBERS}/{}", added["id"].as_str().unwrap());
        for (token, status) in [
            (&shop.zhang.packer, 403),
            (&shop.li.manager, 404),
            (&shop.zhang.manager, 204),
            (&shop.zhang.manager, 404),
        ] {
            assert_eq!(shop.delete(token, &path).await.0, status);
        }
        assert_eq!(items(shop, SUBSCRIBERS).await, [Value::Null; 0]);
        assert_eq!(items(shop, OUTBOX).await, [Value::Null; 0]);
        wait(shop, 3_600);
        tell(shop, 1).await;
        assert_eq!(send(shop).await, "0 delivered, 0 failed, 0 put off");
        let log = items(shop, "/api/v1/operations").await;
        let acts: Vec<_> = log.iter().map(|row| row["act"].as_str().unwrap()).collect();
        assert_eq!(acts, ["subscriber.remove", "subscriber.add"]);
        assert!(
            log.iter().all(|row| !row.to_string().contains("for-us-alone")),
            "{log:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn addresses_are_checked_and_counted() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        for url in [
            "http://partner.example/",
            "https://a:b@partner.example/",
            "nonsense",
        ] {
            let (status, problem) = shop.post(manager, SUBSCRIBERS, json!({"url": url})).await;
            assert_eq!((status, fields(&problem)), (422, vec!["url"]), "{url}");
        }
        let url = |n: usize| json!({"url": format!("https://partner.example/{n}")});
        assert_eq!(shop.post(&shop.zhang.host, SUBSCRIBERS, url(0)).await.0, 403);
        for n in 0..20 {
            assert_eq!(shop.post(manager, SUBSCRIBERS, url(n)).await.0, 201, "{n}");
        }
        let (status, problem) = shop.post(manager, SUBSCRIBERS, url(20)).await;
        assert_eq!(
            (status, &problem["type"]),
            (409, &json!("/problems/too-many-subscribers"))
        );
        let listed = items(shop, SUBSCRIBERS).await;
        let last = listed.iter().find(|it| it["url"] == url(19)["url"]).unwrap();
        let path = format!("{SUBSCRIBERS}/{}", last["id"].as_str().unwrap());
        assert_eq!(shop.delete(manager, &path).await.0, 204);
        let (status, problem) = shop.post(manager, SUBSCRIBERS, url(0)).await;
        assert_eq!((status, fields(&problem)), (422, vec!["url"]), "twice");
        assert_eq!(
            shop.post(&shop.li.manager, SUBSCRIBERS, url(0)).await.0,
            201,
            "another village may"
        );
    })
    .await;
}

#[tokio::test]
async fn old_events_are_removed_when_they_were_delivered() {
    on_both(async |shop| {
        let partner = Partner::open(&[204, 400]).await;
        partner.subscribe(shop).await;
        for _ in 0..2 {
            tell(shop, 1).await;
            send(shop).await;
        }
        for (days, outcome) in [(30, "0 removed"), (1, "1 removed"), (100, "0 removed")] {
            wait(shop, days * 86_400);
            assert_eq!(jobs::run_now(&shop.app, "clean-outbox").await.unwrap(), outcome);
        }
        assert_eq!(items(shop, OUTBOX).await.len(), 1, "the other one still waits");
    })
    .await;
}
