//! The live board: one stream of figures for everybody who looks at a link, equal to what the database says.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, on_both};
use crate::buyer::{desk, link, path, placed, stand, wish, wish_by};
use crate::samples::first_event;

async fn listen(shop: &TestApp, token: &str, code: &str) -> (u16, Body) {
    let request =
        Request::get(format!("/api/v1/live/{code}")).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let response = shop
        .app
        .service()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    (head.status.as_u16(), body)
}

/// The next figures of a stream.
async fn next(body: &mut Body) -> Value {
    use http_body_util::BodyExt;
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame())
        .await
        .expect("news come");
    let event = frame.unwrap().unwrap().into_data().unwrap();
    let text = String::from_utf8(event.to_vec()).unwrap();
    serde_json::from_str(text.strip_prefix("data: ").unwrap().trim()).unwrap()
}

fn figures(frame: &Value) -> [i64; 4] {
    ["orders", "cases", "stock_left", "paid_share"].map(|name| frame[name].as_i64().unwrap())
}

#[tokio::test]
async fn the_board_moves_with_the_shop() {
    on_both(async |shop| {
        let code = stand(shop, 20).await;
        let (status, mut body) = listen(shop, &shop.zhang.manager, &code).await;
        assert_eq!(status, 200);
        assert_eq!(figures(&next(&mut body).await), [0, 0, 20, 0]);
        let order = placed(shop, &code, "k1", &wish(2)).await;
        let frame = next(&mut body).await;
        assert_eq!(figures(&frame), [1, 2, 18, 0]);
        assert_eq!(frame["orders_per_minute"], 1);
        assert_eq!(
            frame["latest"],
            json!([{"first_name": "宇", "cases": 2, "placed_at": "2024-01-20T02:00:00Z"}])
        );
        assert_eq!(frame["offers"][0]["available"], 18);
        let money = json!({"received_into": "农商银行", "amount_fen": 13_600, "reference": "7"});
        shop.post(&shop.zhang.manager, &desk(&order, "/confirm-payment"), money)
            .await;
        assert_eq!(figures(&next(&mut body).await), [1, 2, 18, 100]);
        let gone = placed(shop, &code, "k2", &wish_by("practice", 3)).await;
        assert_eq!(figures(&next(&mut body).await), [2, 5, 15, 50]);
        shop.post("", &path(&gone, "/cancel"), json!({})).await;
        assert_eq!(figures(&next(&mut body).await), [1, 2, 18, 100]);
        placed(shop, &code, "k3", &wish(4)).await;
        assert_eq!(figures(&next(&mut body).await), [2, 6, 14, 50]);
        shop.app.clock.advance(Duration::from_secs(31 * 60));
        let frame = next(&mut body).await;
        assert_eq!(
            figures(&frame),
            [1, 2, 18, 100],
            "a hold past its end holds nothing"
        );
        assert_eq!(frame["orders_per_minute"], 0);
    })
    .await;
}

#[tokio::test]
async fn listeners_share_one_computation_and_leave_nothing_behind() {
    on_both(async |shop| {
        let code = stand(shop, 20).await;
        let mut bodies = Vec::new();
        for _ in 0..20 {
            let (_, mut body) = listen(shop, &shop.zhang.manager, &code).await;
            next(&mut body).await;
            bodies.push(body);
        }
        assert_eq!(shop.app.live.watched(), 1);
        placed(shop, &code, "k1", &wish(1)).await;
        for body in &mut bodies {
            assert_eq!(figures(&next(body).await), [1, 1, 19, 0]);
        }
        drop(bodies);
        for _ in 0..100 {
            if shop.app.live.watched() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(shop.app.live.watched(), 0);
        let (_, mut body) = listen(shop, &shop.zhang.manager, &code).await;
        next(&mut body).await;
        shop.app.live.stop();
        use http_body_util::BodyExt;
        let end = tokio::time::timeout(Duration::from_secs(10), body.frame()).await;
        assert!(end.expect("a stop ends the stream").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_board_is_for_those_who_may_see_the_link() {
    on_both(async |shop| {
        let code = stand(shop, 20).await;
        let own = link(shop, &shop.zhang.host, json!({})).await;
        for (token, code, status) in [
            (shop.zhang.host.as_str(), own.as_str(), 200),
            (&shop.zhang.host, &code, 404),
            (&shop.zhang.accountant, &code, 200),
            (&shop.zhang.overseer, &code, 200),
            (&shop.zhang.packer, &code, 403),
            (&shop.li.manager, &code, 404),
            ("", &code, 401),
        ] {
            let (seen, body) = listen(shop, token, code).await;
            assert_eq!(seen, status);
            if status == 200 {
                first_event(body).await;
            }
        }
    })
    .await;
}
