//! What comes after the order form: paying, cancelling, the trace page; and what all pages share.

use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::id::order_token;
use cunji::on;
use serde_json::json;
use tower::ServiceExt;
use uuid::Uuid;

use crate::app::on_both;
use crate::browser::{filled, link, open, order, post, press, send};

#[tokio::test]
async fn an_order_is_paid_and_cancelled() {
    on_both(async |shop| {
        let code = link(shop).await;
        let place = order(shop, &code, &[]).await;
        let practice = press(shop, &format!("{place}/pay"), &[("method", "practice")]).await;
        let practice = practice.location().to_owned();
        assert!(practice.starts_with("/practice/"), "{practice}");
        open(shop, &practice).await.has(&["练习付款", "¥144.00"]);
        assert_eq!(press(shop, &practice, &[]).await.location(), place);
        open(shop, &place)
            .await
            .has(&["已付款，等待打包"])
            .has_not(&["/pay\""]);

        let cancel = format!("{place}/cancel");
        let page = press(shop, &cancel, &[]).await;
        page.has(&["没有取消", "已付款，等待打包"]);
        assert_eq!(page.status, 422);
        assert_eq!(press(shop, &cancel, &[("sure", "yes")]).await.location(), place);
        open(shop, &place).await.has(&[
            "已取消并退款",
            "已退回",
            "买家取消订单",
            &format!("href=\"/s/{code}\""),
        ]);
        open(shop, &format!("/s/{code}")).await.has(&["剩 10 箱"]);
    })
    .await;
}

#[tokio::test]
async fn a_transfer_is_explained_and_a_late_order_says_so() {
    on_both(async |shop| {
        let code = link(shop).await;
        let place = order(shop, &code, &[("method", "transfer")]).await;
        let number = open(shop, &place).await;
        number.has(&["请转账 144.00 元到", "转账附言请写订单号 240120-0001"]);
        let pay = format!("{place}/pay");
        assert_eq!(
            press(shop, &pay, &[("method", "transfer")]).await.location(),
            format!("{place}#pay")
        );

        let request = Request::get(&place)
            .header(header::ACCEPT_LANGUAGE, "en")
            .body(Body::empty())
            .unwrap();
        send(shop, request).await.has(&[
            "Waiting for payment",
            "Please transfer 144.00 yuan",
            "30 min left",
        ]);

        shop.app.clock.advance(std::time::Duration::from_secs(1_800));
        open(shop, &place)
            .await
            .has(&["超时未付款", "重新下单"])
            .has_not(&["请转账"]);
        let page = press(shop, &pay, &[("method", "practice")]).await;
        page.has(&["付款时间已过，请重新下单。"]);
        assert_eq!(page.status, 409);
        assert_eq!(
            press(shop, "/o/1/pay", &[("method", "practice")]).await.status,
            404
        );
    })
    .await;
}

#[tokio::test]
async fn pages_of_other_sites_can_not_act() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        for (name, value, passes) in [
            ("origin", "https://evil.example", false),
            ("origin", "null", false),
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "same-origin", true),
            ("x-program", "curl", true),
        ] {
            let mut request = post(&path, &filled("", &[("act", "preview")]));
            request
                .headers_mut()
                .insert("host", "shop.example".parse().unwrap());
            request.headers_mut().insert(name, value.parse().unwrap());
            let page = send(shop, request).await;
            assert_eq!(page.status, if passes { 200 } else { 403 }, "{name}: {value}");
        }
        // without this, old browsers would hide where our own forms come from
        assert_eq!(open(shop, &path).await.headers["referrer-policy"], "same-origin");
        let mut request = post(&path, &[]);
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        assert_eq!(send(shop, request).await.status, 415);
        let large = "x".repeat(70_000);
        assert_eq!(press(shop, &path, &[("note", &large)]).await.status, 413);
    })
    .await;
}

#[tokio::test]
async fn a_lot_tells_where_it_comes_from() {
    on_both(async |shop| {
        link(shop).await;
        let lot: Uuid = on!(shop.app.db, ex => sqlx::query_scalar("SELECT id FROM lot WHERE village_id = $1")
            .bind(shop.zhang.id).fetch_one(ex).await)
        .unwrap();
        let page = open(shop, &format!("/t/{}", order_token(shop.zhang.id, lot))).await;
        page.has(&[
            "纯红薯粉条",
            "L240110",
            "2024-01-10",
            "2025-01-09",
            "石佛寺镇张村",
            "初级农产品",
        ]);
        page.has_not(&["已过保质期"]);
        for path in [format!("/t/{}", order_token(shop.li.id, lot)), "/t/1".into()] {
            let page = open(shop, &path).await;
            page.has(&["没有找到这个页面"]);
            assert_eq!(page.status, 404, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_page_loads_is_little_and_kept() {
    on_both(async |shop| {
        let code = link(shop).await;
        let page = open(shop, &format!("/s/{code}")).await;
        let mut bytes = page.text.len();
        let files: Vec<&str> = page
            .text
            .split('"')
            .filter(|text| text.starts_with("/static/"))
            .collect();
        assert!(files.len() >= 3, "{files:?}");
        for file in ["style.css", "logo.svg", "order.js"] {
            let address = files.iter().find(|address| address.contains(file)).unwrap();
            let got = open(shop, address).await;
            assert_eq!(
                got.headers["cache-control"],
                "public, max-age=31536000, immutable"
            );
            bytes += got.text.len();
        }
        assert!(bytes < 60_000, "{bytes} bytes");
        let request = Request::get(format!("/s/{code}/cover.png"))
            .body(Body::empty())
            .unwrap();
        let picture = shop.app.service().oneshot(request).await.unwrap();
        assert_eq!(
            (picture.status().as_u16(), &picture.headers()["content-type"]),
            (200, &"image/png".parse().unwrap())
        );
    })
    .await;
}

#[tokio::test]
async fn a_dearer_change_waits_for_the_buyers_word() {
    on_both(async |shop| {
        let code = link(shop).await;
        for (answer, total, says) in [("decline", "¥144.00", "2"), ("agree", "¥218.00", "3")] {
            let place = order(shop, &code, &[]).await;
            let page = open(shop, &place).await;
            let (_, rest) = page.text.split_once("<title>订单 ").unwrap();
            let number = rest.split(' ').next().unwrap();
            let edit =
                json!({"version": 1, "reason": "客人来电加一箱", "items": [{"sku": "FT05", "quantity": 3}]});
            let path = format!("/api/v1/orders/{number}/edit");
            shop.must(Method::POST, &shop.zhang.manager, &path, edit).await;
            let page = open(shop, &place).await;
            page.has(&["等您同意", "客人来电加一箱", "×&nbsp;3", "¥144.00"]);
            let (_, rest) = page.text.split_once("/changes/").unwrap();
            let path = format!("{place}/changes/{}", rest.split('"').next().unwrap());
            for _ in 0..2 {
                assert_eq!(press(shop, &path, &[("answer", answer)]).await.location(), place);
            }
            let page = open(shop, &place).await;
            page.has(&[total, &format!("×&nbsp;{says}")])
                .has_not(&["等您同意"]);
            assert_eq!(press(shop, &format!("{place}/changes/99"), &[]).await.status, 404);
            press(shop, &format!("{place}/cancel"), &[("sure", "yes")]).await;
        }
    })
    .await;
}
