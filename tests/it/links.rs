//! Staff make, change, close and copy links, and see what came of them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cunji::db::Db;
use cunji::id::Ids;
use cunji::links::views::Views;
use cunji::links::{NewLink, edit};
use cunji::transact;
use serde_json::{Value, json};

use crate::app::{NOW, fields};
use crate::links_app::{Shop, on_both};

fn codes(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|link| link["code"].as_str().unwrap()).collect()
}

async fn acts(shop: &Shop<'_>) -> Vec<(String, String)> {
    let page = shop.get("manager", "/api/v1/operations").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|row| (text(&row["act"]), text(&row["subject"])))
        .filter(|(act, _)| act.starts_with("link."))
        .collect()
}

#[tokio::test]
async fn a_link_is_made_with_what_was_asked() {
    on_both(async |shop| {
        let body = json!({
            "title": " 直播专场\n", "channel": "livestream", "host": "阿梅",
            "opens_at": "2024-01-20T20:00:00+08:00", "closes_at": "2024-01-28T12:00:00Z",
            "offers": [
                {"sku": "HS10", "price_fen": 1990, "quota": 50, "limit_per_order": 2},
                {"sku": "FT05", "price_fen": 6800},
            ],
        });
        let supply = shop.db().supply_epoch();
        let (status, link) = shop.post("manager", "/api/v1/links", body).await;
        assert_eq!(status, 201, "{link}");
        assert!(shop.db().supply_epoch() > supply);
        let code = link["code"].as_str().unwrap();
        let expected = json!({
            "code": code, "url": format!("http://127.0.0.1:8080/s/{code}"), "title": "直播专场",
            "channel": "livestream", "host": "阿梅", "opens_at": "2024-01-20T12:00:00Z",
            "closes_at": "2024-01-28T12:00:00Z", "closed_at": null, "status": "not_yet",
            "created_at": NOW, "created_by": "manager-zhang",
            "offers": [
                {"sku": "HS10", "title": "纯红薯粉条", "spec": "2.5kg/箱", "price_fen": 1990, "quota": 50,
                 "limit_per_order": 2, "sold": 0},
                {"sku": "FT05", "title": "纯红薯粉条", "spec": "2.5kg/箱", "price_fen": 6800, "quota": null,
                 "limit_per_order": 20, "sold": 0},
            ],
        });
        assert_eq!(link, expected);
        let page = shop.get("packer", "/api/v1/links").await;
        assert_eq!(page, json!({"items": [expected], "next": null}));
        assert_eq!(acts(shop).await, [("link.create".to_owned(), code.to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn buyers_see_a_change_at_once() {
    on_both(async |shop| {
        let code = shop.link("host", json!({})).await;
        let path = format!("/api/v1/links/{code}");
        let seen = async || {
            let link = shop.get("", &path).await;
            let offers = link["offers"].as_array().unwrap().iter();
            let offers = offers.map(|offer| format!("{} {}", offer["sku"], offer["price_fen"]));
            (link["status"].clone(), offers.collect::<Vec<_>>().join(", "))
        };
        assert_eq!(seen().await, (json!("open"), r#""FT05" 6800"#.to_owned()));
        let offers = json!([{"sku": "HS10", "price_fen": 1990}, {"sku": "FT05", "price_fen": 5800}]);
        shop.call("host", "PATCH", &path, Some(json!({"offers": offers})))
            .await;
        assert_eq!(
            seen().await,
            (json!("open"), r#""HS10" 1990, "FT05" 5800"#.to_owned())
        );
        shop.call("host", "POST", &format!("{path}/close"), None).await;
        assert_eq!(seen().await.0, json!("closed"));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused_by_field() {
    on_both(async |shop| {
        let offer = |sku: &str| json!({"sku": sku, "price_fen": 100});
        let many: Vec<_> = (0..51).map(|n| offer(&format!("S{n}"))).collect();
        for (change, expected) in [
            (
                json!({"offers": [offer("FT05"), offer("HS10"), offer("none")]}),
                vec!["offers[2].sku"],
            ),
            (
                json!({"offers": [offer("OLD1"), offer("FT05"), offer("FT25")]}),
                vec!["offers[0].sku", "offers[2].sku"],
            ),
            (
                json!({"offers": [offer("FT05"), offer("FT05")]}),
                vec!["offers[1].sku"],
            ),
            (json!({"offers": []}), vec!["offers"]),
            (json!({"offers": many}), vec!["offers"]),
            (
                json!({"offers": [{"sku": "FT05", "price_fen": -1, "limit_per_order": 0}]}),
                vec!["offers[0].price_fen", "offers[0].limit_per_order"],
            ),
            (json!({"offers": [{"sku": "FT05"}]}), vec!["offers[0]"]),
            (json!({"title": ""}), vec!["title"]),
            (json!({"channel": "radio"}), vec!["channel"]),
            (json!({"opens_at": "tomorrow"}), vec!["opens_at"]),
            (json!({"opens_at": NOW, "closes_at": NOW}), vec!["closes_at"]),
            (json!({"colour": "red"}), vec!["colour"]),
        ] {
            let mut body = json!({"title": "年货", "channel": "group", "offers": [offer("FT05")]});
            for (key, value) in change.as_object().unwrap() {
                body[key] = value.clone();
            }
            let (status, answer) = shop.post("manager", "/api/v1/links", body).await;
            assert_eq!((status, fields(&answer)), (422, expected), "{change}: {answer}");
            assert_eq!(answer["type"], "/problems/invalid");
        }
        let (_, answer) = shop
            .post(
                "manager",
                "/api/v1/links",
                json!({"title": "年货", "channel": "group", "offers": [offer("FT25")]}),
            )
            .await;
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("sc_licence"), "{message}");
        assert!(codes(&shop.get("manager", "/api/v1/links").await).is_empty());
        assert!(acts(shop).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_change_touches_what_it_names() {
    on_both(async |shop| {
        let code = shop
            .link(
                "manager",
                json!({"host": "阿梅", "opens_at": NOW, "closes_at": "2024-01-28T12:00:00Z"}),
            )
            .await;
        let path = format!("/api/v1/links/{code}");
        for (change, field, expected) in [
            (json!({"title": "新年"}), "title", json!("新年")),
            (json!({}), "title", json!("新年")),
            (json!({"host": null}), "host", json!("")),
            (json!({"host": "阿兰"}), "host", json!("阿兰")),
            (json!({"opens_at": null}), "opens_at", json!(null)),
            (json!({}), "closes_at", json!("2024-01-28T12:00:00Z")),
            (json!({"closes_at": NOW}), "status", json!("closed")),
            (json!({"closes_at": null}), "status", json!("open")),
            (
                json!({"opens_at": "2024-01-21T00:00:00Z"}),
                "status",
                json!("not_yet"),
            ),
        ] {
            let supply = shop.db().supply_epoch();
            let (status, link) = shop.call("manager", "PATCH", &path, Some(change.clone())).await;
            assert_eq!((status, &link[field]), (200, &expected), "{change}: {link}");
            assert!(shop.db().supply_epoch() > supply);
        }
        for (change, field) in [
            (json!({"closes_at": "2024-01-21T00:00:00Z"}), "closes_at"),
            (json!({"title": null, "channel": "group"}), "channel"),
            (json!({"offers": []}), "offers"),
            (
                json!({"offers": [{"sku": "OLD1", "price_fen": 1}]}),
                "offers[0].sku",
            ),
        ] {
            let (status, answer) = shop.call("manager", "PATCH", &path, Some(change.clone())).await;
            assert_eq!(
                (status, fields(&answer)),
                (422, vec![field]),
                "{change}: {answer}"
            );
        }
        // upper case and look-alikes of a typed code lead to the same link
        let typed = format!("/api/v1/links/{}", code.to_uppercase());
        let (status, link) = shop.call("manager", "PATCH", &typed, Some(json!({}))).await;
        assert_eq!((status, link["code"].as_str()), (200, Some(code.as_str())));
    })
    .await;
}

#[tokio::test]
async fn offers_are_replaced_but_never_below_what_is_sold() {
    on_both(async |shop| {
        let code = shop.link("manager", json!({})).await;
        let path = format!("/api/v1/links/{code}");
        let patch = async |offers: Value| {
            shop.call("manager", "PATCH", &path, Some(json!({"offers": offers})))
                .await
        };
        let (_, link) = patch(json!([
            {"sku": "HS10", "price_fen": 1990},
            {"sku": "FT05", "price_fen": 5800, "quota": 10, "limit_per_order": 3},
        ]))
        .await;
        let skus: Vec<_> = link["offers"].as_array().unwrap().iter().map(|offer| &offer["sku"]).collect();
        assert_eq!(skus, ["HS10", "FT05"]);
        shop.sell(&code, 4).await;

        let (status, answer) = patch(json!([{"sku": "FT05", "price_fen": 5800, "quota": 3}])).await;
        assert_eq!((status, &answer["type"]), (409, &json!("/problems/quota-below-sold")));
        assert_eq!((&answer["sku"], &answer["sold"]), (&json!("FT05"), &json!(4)));
        let (status, answer) = patch(json!([{"sku": "HS10", "price_fen": 1990}])).await;
        assert_eq!((status, &answer["type"]), (409, &json!("/problems/offer-has-sales")));

        let (status, link) = patch(json!([{"sku": "FT05", "price_fen": 5500, "quota": 4}])).await;
        let expected = json!([{"sku": "FT05", "title": "纯红薯粉条", "spec": "2.5kg/箱", "price_fen": 5500, "quota": 4,
            "limit_per_order": 20, "sold": 4}]);
        assert_eq!((status, &link["offers"]), (200, &expected), "what isn't sold goes, what is stays sold");

        // one that is on the link may stay on it after its sku went out of sale
        shop.retire("FT05").await;
        let (status, link) = patch(json!([{"sku": "FT05", "price_fen": 5400}])).await;
        assert_eq!((status, &link["offers"][0]["price_fen"]), (200, &json!(5400)));
        assert_eq!(link["offers"][0]["sold"], 4);
    })
    .await;
}

#[tokio::test]
async fn a_link_is_closed_and_opened_again() {
    on_both(async |shop| {
        let code = shop.link("manager", json!({})).await;
        let path = format!("/api/v1/links/{code}");
        let close = format!("{path}/close");
        shop.later();
        let at = shop.now().to_rfc3339();
        let (status, link) = shop.call("manager", "POST", &close, None).await;
        assert_eq!((status, &link["status"]), (200, &json!("closed")));
        assert_eq!(link["closed_at"], at);
        shop.later();
        let (_, link) = shop.call("manager", "POST", &close, None).await;
        assert_eq!(link["closed_at"], at, "closing twice keeps the first time");
        shop.later();
        let (_, link) = shop
            .call("manager", "PATCH", &path, Some(json!({"closed": false})))
            .await;
        assert_eq!(
            (&link["status"], &link["closed_at"]),
            (&json!("open"), &json!(null))
        );
        let log = acts(shop).await;
        let log: Vec<_> = log.iter().map(|(act, _)| act.as_str()).collect();
        assert_eq!(log, ["link.reopen", "link.change", "link.close", "link.create"]);
        let page = shop.get("manager", "/api/v1/operations?limit=1").await;
        let record =
            |side: &str| serde_json::from_str::<Value>(page["items"][0][side].as_str().unwrap()).unwrap();
        assert_eq!(
            (&record("before")["closed_at"], &record("after")["closed_at"]),
            (&json!(at), &json!(null))
        );
        assert_eq!(record("after")["offers"][0]["sku"], "FT05");
    })
    .await;
}

#[tokio::test]
async fn a_copy_has_the_settings_and_nothing_sold() {
    on_both(async |shop| {
        let code = shop
            .link(
                "host",
                json!({"closes_at": "2024-01-28T12:00:00Z",
                       "offers": [{"sku": "FT05", "price_fen": 6800, "quota": 9, "limit_per_order": 4}]}),
            )
            .await;
        shop.sell(&code, 3).await;
        shop.call("host", "POST", &format!("/api/v1/links/{code}/close"), None)
            .await;
        let (status, copy) = shop
            .call("manager", "POST", &format!("/api/v1/links/{code}/clone"), None)
            .await;
        assert_eq!(status, 201, "{copy}");
        assert_ne!(copy["code"], code.as_str());
        let of_both = |field: &str| copy[field].clone();
        assert_eq!(
            ["title", "channel", "host", "closes_at", "status", "created_by"].map(of_both),
            [
                "年货",
                "moments",
                "host",
                "2024-01-28T12:00:00Z",
                "open",
                "manager-zhang"
            ]
            .map(Value::from)
        );
        let offer = &copy["offers"][0];
        let numbers =
            ["price_fen", "quota", "limit_per_order", "sold"].map(|field| offer[field].as_i64().unwrap());
        assert_eq!(numbers, [6800, 9, 4, 0]);
    })
    .await;
}

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
async fn a_taken_code_is_drawn_again() {
    on_both(async |shop| {
        let new: NewLink = serde_json::from_value(
            json!({"title": "年货", "channel": "group", "offers": [{"sku": "FT05", "price_fen": 6800}]}),
        )
        .unwrap();
        let at = shop.now();
        let mut made = Vec::new();
        for seconds in [0, 1] {
            // the same seed draws the same codes; the instant keeps the ids apart
            let by = shop
                .manager(Ids::seeded(5), at.plus(Duration::from_secs(seconds)))
                .await;
            made.push(transact!(shop.db(), tx => edit::create(tx, &by, &new).await).unwrap());
        }
        assert_ne!(made[0], made[1]);
        let page = shop.get("manager", "/api/v1/links").await;
        assert_eq!(codes(&page), [&made[1], &made[0]]);
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
