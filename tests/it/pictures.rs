//! Pictures of products: handed in and put into an order by staff, seen on the link's page.

use axum::body::Body;
use axum::http::Method;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, fields, on_both};
use crate::browser;
use crate::buyer::{assert_clean, problem, stand};
use crate::claims::{photo, send_file};
use crate::claims_seen::multipart;
use crate::console::Browser;

async fn pictures_of(shop: &TestApp) -> String {
    let (_, products) = shop.get(&shop.zhang.manager, "/api/v1/products").await;
    format!(
        "/api/v1/products/{}/pictures",
        products["items"][0]["id"].as_str().unwrap()
    )
}

fn ids(page: &Value) -> Vec<Value> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].clone()).collect()
}

#[tokio::test]
async fn pictures_are_added_arranged_and_removed() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let (manager, path) = (&shop.zhang.manager, pictures_of(shop).await);
        browser::open(shop, &format!("/s/{link}"))
            .await
            .has_not(&["/pictures/"]);
        for shade in 1..=6 {
            let (status, page) = send_file(shop, manager, &path, photo(shade * 30)).await;
            assert_eq!((status, ids(&page).len()), (201, usize::from(shade)));
        }
        let (status, full) = send_file(shop, manager, &path, photo(0)).await;
        assert_eq!((status, problem(&full)), (409, "too-many-pictures"));
        let (_, page) = shop.get(&shop.zhang.packer, &path).await;
        let mut order = ids(&page);
        order.reverse();
        let put = shop
            .must(Method::PUT, manager, &path, json!({"pictures": order}))
            .await;
        assert_eq!(ids(&put), order);
        let (status, wrong) = shop
            .put(manager, &path, json!({"pictures": [order[0], order[0]]}))
            .await;
        assert_eq!((status, fields(&wrong)), (422, vec!["pictures"]));
        let first = put["items"][0]["path"].as_str().unwrap().to_owned();
        let page = browser::open(shop, &format!("/s/{link}")).await;
        page.has(&[&format!(
            "src=\"{first}?size=small\" width=\"640\" height=\"426\" loading=\"lazy\""
        )]);
        let gone = format!("{path}/{}", order[0].as_str().unwrap());
        for _ in 0..2 {
            let (status, left) = shop.delete(manager, &gone).await;
            assert_eq!((status, ids(&left).len()), (200, 5));
        }
        assert_eq!(shop.get("", &first).await.0, 404);
        browser::open(shop, &format!("/s/{link}"))
            .await
            .has_not(&[&first]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_picture_is_light_and_kept_by_browsers() {
    on_both(async |shop| {
        stand(shop, 5).await;
        let (_, page) = send_file(shop, &shop.zhang.manager, &pictures_of(shop).await, photo(9)).await;
        let path = page["items"][0]["path"].as_str().unwrap();
        for (size, most) in [("small", 40 * 1024), ("thumb", 8 * 1024)] {
            let request = Request::get(format!("{path}?size={size}"))
                .body(Body::empty())
                .unwrap();
            let (head, body) = shop.app.service().oneshot(request).await.unwrap().into_parts();
            assert_eq!(
                head.headers["cache-control"],
                "public, max-age=31536000, immutable"
            );
            assert!(body.collect().await.unwrap().to_bytes().len() <= most, "{size}");
        }
        assert_eq!(shop.get("", &format!("{path}?size=huge")).await.0, 422);
    })
    .await;
}

#[tokio::test]
async fn the_console_takes_pictures_and_settles_claims() {
    on_both(async |shop| {
        stand(shop, 5).await;
        let path = pictures_of(shop).await.replace("/api/v1/", "/console/");
        let product = path.trim_end_matches("/pictures").to_owned();
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let (one, two) = (photo(11), photo(99));
        let sent = browser
            .send(multipart(&path, &[], &[("pictures", &one), ("pictures", &two)]))
            .await;
        assert_eq!(sent.location(), format!("{product}#pictures"));
        let page = browser.open(&product).await;
        page.has(&["图片已添加", "放到第一张"]);
        let sent = browser
            .send(multipart(&path, &[], &[("pictures", b"<svg/>")]))
            .await;
        sent.location();
        browser.open(&product).await.has(&["只收 JPEG 或 PNG"]);
        browser.open("/console/claims").await.has(&["没有要处理的售后"]);
    })
    .await;
}
