//! After-sales as it is looked at: lists, photos and who sees them, and the buyer's page.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::on_both;
use crate::browser;
use crate::buyer::{path, problem, read};
use crate::claims::{CLAIMS, DAY, claim, decide, delivered, of, open, photo, send_file, send_photo};

#[tokio::test]
async fn late_claims_come_first_and_count_as_late() {
    on_both(async |shop| {
        let order = delivered(shop, 3).await;
        let first = open(shop, &order, claim("damaged", 1)).await;
        shop.app.clock.advance(3 * DAY);
        open(shop, &order, claim("missing", 1)).await;
        let packer = &shop.zhang.packer;
        let (_, open_ones) = shop.get(packer, &format!("{CLAIMS}?open=true&limit=1")).await;
        assert_eq!(
            (&open_ones["items"][0]["id"], &open_ones["items"][0]["overdue"]),
            (&first["id"], &json!(true))
        );
        let next = open_ones["next"].as_str().unwrap();
        let (_, rest) = shop
            .get(packer, &format!("{CLAIMS}?open=true&limit=1&after={next}"))
            .await;
        assert_eq!(
            (&rest["items"][0]["kind"], &rest["next"]),
            (&json!("missing"), &Value::Null)
        );
        let (_, late) = shop.get(packer, &format!("{CLAIMS}?overdue=true")).await;
        assert_eq!(late["items"].as_array().unwrap().len(), 1);
        decide(
            shop,
            &first,
            json!({"decision": "decline", "words": "过了两天才看"}),
        )
        .await;
        let (_, report) = shop
            .get(
                &shop.zhang.manager,
                "/api/v1/reports/claims?from=2024-01-20&to=2024-01-23",
            )
            .await;
        assert_eq!(
            (
                &report["claims"],
                &report["late"],
                &report["under_way"],
                &report["rate_permille"]
            ),
            (&json!(2), &json!(1), &json!(1), &json!(0))
        );
        let (_, all) = shop.get(packer, CLAIMS).await;
        assert_eq!(all["items"].as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn photos_are_seen_by_the_buyer_and_staff_alone() {
    on_both(async |shop| {
        let order = delivered(shop, 1).await;
        let id = send_photo(shop, &order, 30).await;
        assert_eq!(
            send_photo(shop, &order, 30).await,
            id,
            "the same picture is kept once"
        );
        let mut body = claim("damaged", 1);
        body["photos"] = json!([id]);
        let claim = open(shop, &order, body).await;
        let token = order["token"].as_str().unwrap();
        let own = format!("/o/{token}/photos/{id}");
        let answer = shop
            .app
            .service()
            .oneshot(Request::get(&own).body(Body::empty()).unwrap())
            .await
            .unwrap();
        let value = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            (
                value("content-type"),
                value("x-content-type-options"),
                value("cache-control")
            ),
            (
                "image/jpeg".into(),
                "nosniff".into(),
                "private, max-age=31536000, immutable".into()
            )
        );
        let of_staff = of(&claim, &format!("/photos/{id}?size=thumb"));
        for (token, path, status) in [
            (shop.zhang.packer.as_str(), of_staff.clone(), 200),
            (&shop.zhang.host, of_staff.clone(), 403),
            (&shop.li.manager, of_staff.clone(), 404),
            ("", of_staff, 401),
            ("", format!("/pictures/{token}"), 404),
            ("", format!("/o/1/photos/{id}"), 404),
            (
                "",
                format!("/o/{token}/photos/{}", claim["id"].as_str().unwrap()),
                404,
            ),
        ] {
            assert_eq!(shop.get(token, &path).await.0, status, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn hostile_files_are_refused_in_two_languages() {
    on_both(async |shop| {
        let order = delivered(shop, 1).await;
        let whole = photo(5);
        for file in [
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec(),
            b"<!doctype html><script>alert(1)</script>".to_vec(),
            whole[..whole.len() / 2].to_vec(),
            Vec::new(),
        ] {
            let (status, answer) = send_file(shop, "", &path(&order, "/photos"), file).await;
            assert_eq!((status, problem(&answer)), (422, "photo"), "{answer}");
            assert!(
                answer["detail"].as_str().unwrap().contains('，')
                    || answer["detail"].as_str().unwrap().contains("JPEG")
            );
        }
        let (status, _) = send_file(shop, "", &path(&order, "/photos"), vec![0xff; 9 * 1024 * 1024]).await;
        assert_eq!(status, 413);
    })
    .await;
}

/// A form with a file, as a browser sends it.
pub fn multipart(path: &str, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    for (name, file) in files {
        let head =
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"a.jpg\"\r\n\r\n");
        body.extend(head.into_bytes());
        body.extend_from_slice(file);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    Request::post(path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .header(header::ACCEPT, "text/html")
        .header("origin", "http://shop.example")
        .header("host", "shop.example")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_buyer_claims_by_the_page_without_script() {
    on_both(async |shop| {
        let order = delivered(shop, 2).await;
        let place = format!("/o/{}", order["token"].as_str().unwrap());
        browser::open(shop, &place).await.has(&["东西有问题"]);
        let form = format!("{place}/claim");
        let page = browser::open(shop, &form).await;
        page.has(&["破损或变质", "enctype=\"multipart/form-data\""]);
        let key = page.value("key");
        let typed = [
            ("key", key.as_str()),
            ("kind", "damaged"),
            ("quantity.FT05", "1"),
            ("text", ""),
        ];
        let picture = photo(40);
        let page = browser::send(shop, multipart(&form, &typed, &[("photos", &picture)])).await;
        assert_eq!(page.status, 422);
        page.has(&["还差一点", "说明：", "name=\"photo\" value=\""]);
        let kept = page.value("photo");
        let mut typed = typed.to_vec();
        typed[3].1 = "压破了";
        typed.push(("photo", &kept));
        for _ in 0..2 {
            let page = browser::send(shop, multipart(&form, &typed, &[])).await;
            assert_eq!(page.location(), format!("{place}#claims"), "twice is once");
        }
        let seen = read(shop, &order).await;
        assert_eq!(seen["claims"].as_array().unwrap().len(), 1);
        let withdraw = format!(
            "{place}/claims/{}/withdraw",
            seen["claims"][0]["id"].as_str().unwrap()
        );
        browser::open(shop, &place)
            .await
            .has(&["压破了", "等村里答复", "撤回申请", &kept]);
        browser::press(shop, &withdraw, &[]).await.location();
        browser::open(shop, &place).await.has(&["您已撤回"]);
        // corrected, with the same photo
        let form_again = browser::open(shop, &form).await;
        let key = form_again.value("key");
        typed
            .iter_mut()
            .filter(|(name, _)| *name == "key")
            .for_each(|field| field.1 = &key);
        let page = browser::send(shop, multipart(&form, &typed, &[])).await;
        assert_eq!(page.location(), format!("{place}#claims"));
        let claims = read(shop, &order).await["claims"].clone();
        assert_eq!(
            (claims[1]["state"].as_str(), claims[1]["photos"][0].as_str()),
            (Some("open"), Some(&*kept))
        );
    })
    .await;
}
