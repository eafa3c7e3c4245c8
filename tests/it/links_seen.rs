//! Who sees which link, and what came of it: lists, statistics, views, codes and posters.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cunji::db::Db;
use cunji::links::views::Views;
use serde_json::{Value, json};

use crate::app::{NOW, fields};
use crate::links_app::{codes, on_both};

#[tokio::test]
async fn everyone_sees_what_is_theirs() {
    on_both(async |shop| {
        let mei = shop.link("host", json!({})).await;
        let lan = shop
            .link("lan", json!({"channel": "counter", "host": "兰姐"}))
            .await;
        for (login, expected) in [
            ("manager", vec![&lan, &mei]),
            ("packer", vec![&lan, &mei]),
            ("accountant", vec![&lan, &mei]),
            ("overseer", vec![&lan, &mei]),
            ("host", vec![&mei]),
            ("lan", vec![&lan]),
            ("stranger", vec![]),
        ] {
            let page = shop.get(login, "/api/v1/links").await;
            assert_eq!(codes(&page), expected, "{login}");
        }
        let url = |rest: &str| format!("/api/v1/links/{mei}{rest}");
        let made = json!({"title": "x", "channel": "group", "offers": [{"sku": "FT05", "price_fen": 1}]});
        let change = Some(json!({"title": "她的"}));
        let calls = [
            ("POST", "/api/v1/links".to_owned(), Some(made)),
            ("PATCH", url(""), change),
            ("POST", url("/clone"), None),
            ("GET", url("/qr.svg"), None),
            ("GET", url("/poster.svg"), None),
            ("GET", url("/stats"), None),
            ("GET", "/api/v1/links/stats".to_owned(), None),
            ("POST", url("/close"), None),
        ];
        // the answers in the order of the calls
        for (login, expected) in [
            ("nobody", [401, 401, 401, 401, 401, 401, 401, 401]),
            ("stranger", [422, 404, 404, 404, 404, 404, 200, 404]),
            ("lan", [201, 404, 404, 404, 404, 404, 200, 404]),
            ("packer", [403, 403, 403, 200, 200, 403, 403, 403]),
            ("accountant", [403, 403, 403, 200, 200, 200, 200, 403]),
            ("overseer", [403, 403, 403, 200, 200, 200, 200, 403]),
            ("host", [201, 200, 201, 200, 200, 200, 200, 200]),
            ("manager", [201, 200, 201, 200, 200, 200, 200, 200]),
        ] {
            for ((method, path, body), expected) in calls.iter().zip(expected) {
                let (status, answer) = shop.call(login, method, path, body.clone()).await;
                assert_eq!(status, expected, "{login} {method} {path}: {answer}");
            }
        }
        for code in ["1zzzzzzz", "x", "%FF", "张村", "99zzzzzzz"] {
            let code: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
            let path = format!("/api/v1/links/{code}/stats");
            assert_eq!(shop.call("manager", "GET", &path, None).await.0, 404, "{path}");
        }
        assert_eq!(
            shop.call("manager", "GET", "/api/v1/links/%FF/stats", None)
                .await
                .0,
            404
        );
    })
    .await;
}

#[tokio::test]
async fn the_list_is_filtered_and_paged() {
    on_both(async |shop| {
        let closed = shop.link("manager", json!({"closes_at": NOW})).await;
        let later = shop
            .link(
                "manager",
                json!({"opens_at": "2024-02-01T00:00:00Z", "channel": "group"}),
            )
            .await;
        let open = shop
            .link(
                "manager",
                json!({"opens_at": NOW, "host": "阿梅", "channel": "group"}),
            )
            .await;
        let shut = shop.link("manager", json!({})).await;
        shop.call("manager", "POST", &format!("/api/v1/links/{shut}/close"), None)
            .await;
        for (query, expected) in [
            ("", vec![&shut, &open, &later, &closed]),
            ("?status=closed", vec![&shut, &closed]),
            ("?status=not_yet", vec![&later]),
            ("?status=open", vec![&open]),
            ("?channel=group", vec![&open, &later]),
            ("?channel=group&status=open", vec![&open]),
            ("?host=%E9%98%BF%E6%A2%85", vec![&open]),
            ("?host=%00", vec![&shut, &later, &closed]),
        ] {
            let page = shop.get("manager", &format!("/api/v1/links{query}")).await;
            assert_eq!(codes(&page), expected, "{query}");
        }
        let first = shop.get("manager", "/api/v1/links?limit=3").await;
        assert_eq!(codes(&first), [&shut, &open, &later]);
        let next = first["next"].as_str().unwrap();
        let last = shop
            .get("manager", &format!("/api/v1/links?limit=3&after={next}"))
            .await;
        assert_eq!(
            (codes(&last), &last["next"]),
            (vec![closed.as_str()], &Value::Null)
        );
        for (query, field) in [
            ("?limit=0", "limit"),
            ("?after=x", "after"),
            ("?status=x", "status"),
            ("?x=1", "x"),
        ] {
            let (status, answer) = shop
                .call("manager", "GET", &format!("/api/v1/links{query}"), None)
                .await;
            assert_eq!((status, fields(&answer)), (422, vec![field]), "{answer}");
        }
    })
    .await;
}

#[tokio::test]
async fn statistics_count_orders_money_and_views() {
    on_both(async |shop| {
        let mei = shop.link("host", json!({})).await;
        let lan = shop.link("lan", json!({"channel": "counter"})).await;
        let old = "2023-11-01T00:00:00Z";
        let (late, next) = ("2024-01-19T15:59:59Z", "2024-01-19T16:00:00Z");
        shop.order(&mei, late, (2, 0), (13_600, 0), "").await;
        shop.order(&mei, late, (3, 1), (20_400, 6_800), "").await;
        shop.order(&mei, next, (1, 0), (0, 0), "").await;
        shop.order(&mei, next, (5, 0), (0, 0), "expired").await;
        shop.order(&mei, next, (4, 0), (0, 0), "cancelled").await;
        shop.order(&mei, next, (1, 1), (6_800, 6_800), "").await;
        shop.order(&mei, old, (1, 0), (6_800, 0), "").await;
        shop.order(&lan, next, (1, 0), (6_800, 0), "").await;
        let views = Views::default();
        views
            .handle(shop.village, shop.link_id(&mei).await)
            .fetch_add(7, Ordering::Relaxed);
        views.flush(shop.db(), shop.now()).await.unwrap();

        let stats = shop.get("host", &format!("/api/v1/links/{mei}/stats")).await;
        let day = |day: &str, views: i64, orders: i64, cases: i64, paid: (i64, i64, i64)| {
            json!({"day": day, "views": views, "orders": orders, "cases": cases, "paid_orders": paid.0,
                   "paid_cases": paid.1, "paid_fen": paid.2})
        };
        let expected = json!({
            "code": mei, "views": 7, "orders": 7, "cases": 17, "paid_orders": 3, "paid_cases": 5,
            "paid_fen": 40_800, "refunded_fen": 13_600, "cancelled": 2, "expired": 1,
            "days": [
                day("2023-11-01", 0, 1, 1, (1, 1, 6_800)),
                day("2024-01-19", 0, 2, 5, (2, 4, 34_000)),
                day("2024-01-20", 7, 4, 11, (0, 0, 0)),
            ],
        });
        assert_eq!(stats, expected);

        let row = |host: &str, channel: &str, numbers: [i64; 4]| {
            json!({"host": host, "channel": channel, "links": numbers[0], "orders": numbers[1],
                   "cases": numbers[2], "paid_fen": numbers[3]})
        };
        let of_mei = row("host", "moments", [1, 6, 16, 34_000]);
        let of_lan = row("阿兰", "counter", [1, 1, 1, 6_800]);
        let path = "/api/v1/links/stats";
        let all = shop.get("accountant", path).await;
        assert_eq!(all["items"], json!([of_mei, of_lan]));
        assert_eq!(shop.get("lan", path).await["items"], json!([of_lan]));
        let one_day = shop
            .get("manager", &format!("{path}?from=2024-01-19&to=2024-01-19"))
            .await;
        assert_eq!(
            one_day["items"],
            json!([row("host", "moments", [1, 2, 5, 34_000])])
        );
        // a sale stays with the host who made it, a link without sales counts for its host of today
        shop.call(
            "host",
            "PATCH",
            &format!("/api/v1/links/{mei}"),
            Some(json!({"host": "别人"})),
        )
        .await;
        assert_eq!(shop.get("manager", path).await["items"], json!([of_mei, of_lan]));
        let (status, answer) = shop
            .call("manager", "GET", &format!("{path}?from=2024-01-21"), None)
            .await;
        assert_eq!((status, fields(&answer)), (422, vec!["from"]));
    })
    .await;
}

#[tokio::test]
async fn views_add_up_and_none_is_lost() {
    on_both(async |shop| {
        let code = shop.link("manager", json!({})).await;
        let other = shop.link("manager", json!({})).await;
        let views = Views::default();
        let counter = views.handle(shop.village, shop.link_id(&code).await);
        counter.fetch_add(3, Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("{code}-{}-empty.db", shop.db().engine()));
        let unmigrated = Db::connect(&format!("sqlite://{}", file.display()))
            .await
            .unwrap();
        assert!(
            views.flush(&unmigrated, shop.now()).await.is_err(),
            "there is no table to write to"
        );
        unmigrated.close().await;
        std::fs::remove_file(file).unwrap();
        views.flush(shop.db(), shop.now()).await.unwrap();
        views.flush(shop.db(), shop.now()).await.unwrap();
        counter.fetch_add(2, Ordering::Relaxed);
        views
            .handle(shop.village, shop.link_id(&other).await)
            .fetch_add(1, Ordering::Relaxed);
        views.flush(shop.db(), shop.now()).await.unwrap();
        shop.test.app.clock.advance(Duration::from_secs(14 * 3600));
        counter.fetch_add(1, Ordering::Relaxed);
        views.flush(shop.db(), shop.now()).await.unwrap();
        let stats = shop.get("manager", &format!("/api/v1/links/{code}/stats")).await;
        let days: Vec<_> = stats["days"]
            .as_array()
            .unwrap()
            .iter()
            .map(|day| (day["day"].as_str().unwrap(), day["views"].as_i64().unwrap()))
            .collect();
        assert_eq!(days, [("2024-01-20", 5), ("2024-01-21", 1)]);
        let stats = shop.get("manager", &format!("/api/v1/links/{other}/stats")).await;
        assert_eq!(stats["views"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_link_has_a_code_and_a_poster() {
    on_both(async |shop| {
        let code = shop
            .link("host", json!({"closes_at": "2024-01-28T12:00:00Z"}))
            .await;
        for (file, kind) in [
            ("qr.svg", "image/svg+xml"),
            ("poster.svg", "image/svg+xml"),
            ("poster.png", "image/png"),
        ] {
            let path = format!("/api/v1/links/{code}/{file}");
            let (status, headers, body) = shop.raw("packer", "GET", &path, None).await;
            assert_eq!(status, 200, "{path}");
            assert_eq!(headers["content-type"], kind);
            assert_eq!(headers["cache-control"], "private, max-age=60");
            let text = String::from_utf8_lossy(&body);
            match file {
                "qr.svg" => assert!(text.contains(&format!("http://127.0.0.1:8080/s/{code}"))),
                "poster.svg" => {
                    for words in [
                        "张村",
                        "石佛寺镇",
                        "年货",
                        "纯红薯粉条",
                        "2.5kg/箱",
                        "1月28日 20:00 截止",
                    ] {
                        assert!(text.contains(words), "{words}");
                    }
                }
                _ => assert!(body.starts_with(b"\x89PNG")),
            }
        }
        let dear = shop
            .link(
                "host",
                json!({"offers": [{"sku": "FT05", "price_fen": 1_000_000_000}]}),
            )
            .await;
        let (status, answer) = shop
            .call("host", "GET", &format!("/api/v1/links/{dear}/poster.svg"), None)
            .await;
        assert_eq!((status, fields(&answer)), (422, vec!["offers[0].price_fen"]));
    })
    .await;
}
