//! Staff make, change, close and copy links.

use std::time::Duration;

use cunji::id::Ids;
use cunji::links::{NewLink, edit};
use cunji::transact;
use serde_json::{Value, json};

use crate::app::{NOW, fields};
use crate::links_app::{Shop, codes, on_both};

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
            (json!({"offers": [{"sku": "FT05"}]}), vec!["offers[0].price_fen"]),
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
