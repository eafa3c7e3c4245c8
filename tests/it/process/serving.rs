//! The program while it serves: how it stops, what it shows of itself, and what its log must not say.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::shop::{BUYER, PASSWORD, found, must, order, place_order, staff, stocked};
use super::{Place, http};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_in_flight() {
    let place = Place::on("sqlite");
    let token = found(&place);
    let mut server = place.serve();
    server.ready().await;
    let link = stocked(&server, &token, &[("MS10", 5)]).await;
    let body = order("MS10");
    let headers = [("idempotency-key", "slow"), ("expect", "100-continue")];
    let request = http::request("POST", &format!("/api/v1/links/{link}/orders"), &headers, &body);
    let (head, _) = request.split_at(request.len() - body.len());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // the server asks for the body: the request is in flight now
    let mut asked = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut asked).await.unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"));
    server.terminate();
    server.says("stopping");
    stream.write_all(body.as_bytes()).await.unwrap();
    let answer = http::read(&mut stream).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("stopped"), "{log}");
    place.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_those_who_say_nothing() {
    let place = Place::on("sqlite");
    let mut server = place.serve();
    server.ready().await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let request = http::request(
        "POST",
        "/api/v1/session",
        &[("expect", "100-continue")],
        "{\"login\": 1}",
    );
    idle.write_all(&request.as_bytes()[..request.len() - 5])
        .await
        .unwrap();
    let mut asked = [0; 12];
    idle.read_exact(&mut asked).await.unwrap();
    server.terminate();
    server.says("stopping");
    let begun = tokio::time::Instant::now();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    // ten seconds of grace, and some for a slow machine
    assert!(begun.elapsed().as_secs() < 20, "it took {:?}", begun.elapsed());
}

async fn do_business(place: &Place) -> (super::Server, Vec<String>) {
    let token = found(place);
    let server = place.serve();
    server.ready().await;
    let at = server.address;
    let link = stocked(&server, &token, &[("MS10", 5)]).await;
    let placed = place_order(at, &link, "MS10", "key-of-the-buyer")
        .await
        .unwrap()
        .json();
    let secret = placed["token"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/orders/{secret}");
    must(at, "", "GET", &path, Value::Null).await;
    must(
        at,
        "",
        "POST",
        &format!("{path}/payments"),
        json!({"method": "transfer"}),
    )
    .await;
    must(at, "", "POST", &format!("{path}/cancel"), Value::Null).await;
    let pasted = json!({"text": BUYER.join(" ")});
    must(at, "", "POST", "/api/v1/addresses/parse", pasted).await;
    for password in [PASSWORD, "a wrong guess of it"] {
        staff(
            at,
            "",
            "POST",
            "/api/v1/session",
            &json!({"login": "boss", "password": password}),
        )
        .await;
    }
    must(
        at,
        &token,
        "GET",
        &format!("/api/v1/orders?q={}", BUYER[1]),
        Value::Null,
    )
    .await;
    // what is refused is not written down either
    staff(at, &token, "GET", &format!("{path}/{}", BUYER[1]), &Value::Null).await;
    staff(
        at,
        "",
        "POST",
        &format!("/api/v1/links/{link}/orders"),
        &json!({"phone": BUYER[1]}),
    )
    .await;
    (server, vec![token, secret])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_nobody_secrets() {
    for form in ["text", "json"] {
        let place = Place::on("sqlite")
            .with("RUST_LOG", "debug")
            .with("CUNJI_LOG", form);
        let (server, secrets) = do_business(&place).await;
        let log = server.stop();
        assert!(
            log.contains("/api/v1/links/{code}/orders"),
            "requests are logged: {log}"
        );
        let private = BUYER.into_iter().chain([PASSWORD, "a wrong guess of it"]);
        for private in private.chain(secrets.iter().map(String::as_str)) {
            let line = log.lines().find(|line| line.contains(private));
            assert_eq!(line, None, "{private} is in the log");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_shown() {
    let place = Place::on("sqlite");
    let (server, _) = do_business(&place).await;
    let shown = http::get(server.address, "/metrics").await.unwrap();
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert!(shown.head.contains("content-type: text/plain"), "{}", shown.head);
    let text = shown.text();
    for line in [
        "cunji_orders_placed_total 1",
        "cunji_intake_queue_depth 0",
        "cunji_intake_batch_orders_count 1",
        "cunji_intake_commit_seconds_count 1",
        "cunji_holds 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in: {text}");
    }
    let timed = |it: &&str| {
        it.starts_with("cunji_http_seconds_count{") && it.contains(r#"route="/api/v1/links/{code}/orders""#)
    };
    assert!(text.lines().any(|line| timed(&line)), "{text}");
    for private in BUYER {
        assert!(!text.contains(private));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_can_have_an_address_of_their_own() {
    let place = Place::on("sqlite").with("CUNJI_METRICS_LISTEN", "127.0.0.1:0");
    let mut server = place.serve();
    server.ready().await;
    assert_eq!(http::get(server.address, "/metrics").await.unwrap().status, 404);
    let own = server.logged("figures").parse().unwrap();
    let shown = http::get(own, "/metrics").await.unwrap();
    assert!(
        shown.status == 200 && shown.text().contains("cunji_holds 0"),
        "{}",
        shown.text()
    );
    assert_eq!(http::get(own, "/api/v1/areas").await.unwrap().status, 404);
}

/// The values of an attribute in a page.
fn values(page: &str, attribute: &str) -> Vec<String> {
    let mark = format!("{attribute}=\"");
    page.split(&mark)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself_without_help_from_outside() {
    let place = Place::on("sqlite");
    let server = place.serve();
    server.ready().await;
    let at = server.address;
    let document = http::get(at, "/api/openapi.json").await.unwrap().json();
    assert!(document["paths"]["/api/v1/links/{code}/orders"]["post"].is_object());
    let page = http::get(at, "/api/docs/").await.unwrap();
    assert!(
        page.status == 200 && page.head.contains("text/html"),
        "{}",
        page.head
    );
    let page = page.text();
    assert!(
        !page.contains("http://") && !page.contains("https://") && !page.contains("\"//"),
        "{page}"
    );
    let assets: Vec<_> = ["src", "href"]
        .iter()
        .flat_map(|attribute| values(&page, attribute))
        .collect();
    assert!(assets.len() > 3, "{page}");
    for asset in assets {
        let path = format!("/api/docs/{}", asset.trim_start_matches("./"));
        let answer = http::get(at, &path).await.unwrap();
        assert!(
            answer.status == 200 && !answer.body.is_empty(),
            "{path}: {}",
            answer.status
        );
    }
    let start = http::get(at, "/api/docs/swagger-initializer.js")
        .await
        .unwrap()
        .text();
    assert!(
        start.contains("/api/openapi.json") && !start.contains("https://"),
        "{start}"
    );
}
