//! Buyers place orders through a link: what they are told, and what they can't do.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{NOW, TestApp, fields, on_both};
use crate::buyer::{
    LINKS, ORDERS, assert_clean, count, left, link, place, placed, problem, read, send, stand, wish, wish_by,
};
use crate::goods::{add_sku, counts, item, product, receive, sku};

#[tokio::test]
async fn an_order_is_answered_as_agreed() {
    on_both(async |shop| {
        let link = stand(shop, 10).await;
        let (status, order) = place(shop, &link, "k1", &wish(2)).await;
        let token = order["token"].as_str().unwrap();
        assert!(token.len() >= 22, "an order's address is its key: {token}");
        let expected = json!({
            "number": "240120-0001", "token": token, "status": "awaiting_payment",
            "items": [{"sku": "FT05", "title": "纯红薯粉条", "quantity": 2, "cancelled": 0, "price_fen": 6800,
                       "goods_fen": 13_600}],
            "goods_fen": 13_600, "freight_fen": 0, "total_fen": 13_600, "payment_method": "transfer",
            "placed_at": NOW, "pay_before": "2024-01-20T02:30:00Z", "paid_at": null, "promise": null,
            "parcels": [], "refunds": [], "claims": [], "version": 1, "changes": [],
        });
        assert_eq!((status, &order), (201, &expected));
        assert_eq!(read(shop, &order).await, expected);
        assert_eq!(left(shop, &link).await, 8);
        assert_eq!(counts(&item(shop, "FT05").await), (10, 2, 8));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_key_orders_once() {
    on_both(async |shop| {
        let link = stand(shop, 10).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        assert_eq!(place(shop, &link, "k1", &wish(2)).await, (200, order.clone()));
        let mut spelt = wish(1);
        spelt["items"] = json!([{"sku": "FT05", "quantity": 1}, {"sku": "FT05", "quantity": 1}]);
        spelt["recipient"]["phone"] = json!(" 138 0013 8000");
        assert_eq!(
            place(shop, &link, "k1", &spelt).await,
            (200, order),
            "the same in other words"
        );
        let (status, answer) = place(shop, &link, "k1", &wish(3)).await;
        assert_eq!((status, problem(&answer)), (422, "idempotency-mismatch"));
        for key in [None, Some(""), Some(" "), Some("x".repeat(256).as_str())] {
            let (status, answer) = send(shop, &link, key, wish(1).to_string()).await;
            assert_eq!((status, problem(&answer)), (400, "idempotency-key"), "{key:?}");
        }
        assert_eq!(count(shop).await, 1);
        placed(shop, &link, &"x".repeat(255), &wish(1)).await;
        assert_eq!(left(shop, &link).await, 7);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_key_at_once_orders_once() {
    on_both(async |shop| {
        let link = stand(shop, 3).await;
        left(shop, &link).await;
        let two = wish(2);
        let go = || place(shop, &link, "k1", &two);
        let all = tokio::join!(go(), go(), go(), go());
        let all = [all.0, all.1, all.2, all.3];
        let mut answers: Vec<u16> = all.iter().map(|(status, _)| *status).collect();
        answers.sort_unstable();
        assert_eq!(answers, [200, 200, 200, 201]);
        assert!(all.iter().all(|(_, order)| *order == all[0].1), "{all:?}");

        let gone = || place(shop, &link, "k2", &two);
        let all = tokio::join!(gone(), gone(), gone(), gone());
        for (status, answer) in [all.0, all.1, all.2, all.3] {
            assert_eq!(
                (status, problem(&answer)),
                (409, "sold-out"),
                "a retry changes nothing"
            );
        }
        let one = wish(1);
        let (first, other) = tokio::join!(gone(), place(shop, &link, "k2", &one));
        assert_eq!((first.0, other.0), (409, 201), "a refusal does not use a key up");
        assert_eq!((count(shop).await, left(shop, &link).await), (2, 0));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_not_sold() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        placed(shop, &link, "k1", &wish(2)).await;
        let (status, answer) = place(shop, &link, "k2", &wish(4)).await;
        assert_eq!(
            (status, problem(&answer), &answer["sku"], &answer["available"]),
            (409, "sold-out", &json!("FT05"), &json!(3))
        );
        assert_eq!(answer["detail"], "Only 3 cases are left.");
        assert_eq!((count(shop).await, left(shop, &link).await), (1, 3));
        placed(shop, &link, "k2", &wish(3)).await;
        let (_, answer) = place(shop, &link, "k3", &wish(1)).await;
        assert_eq!((problem(&answer), &answer["available"]), ("sold-out", &json!(0)));
        assert_eq!(counts(&item(shop, "FT05").await), (5, 5, 0));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_not_open_sells_nothing() {
    on_both(async |shop| {
        stand(shop, 5).await;
        let (manager, hour) = (&shop.zhang.manager, std::time::Duration::from_secs(3_600));
        let window = json!({"opens_at": "2024-01-20T03:00:00Z", "closes_at": "2024-01-20T04:00:00Z"});
        let code = link(shop, manager, window).await;
        let refused = async |key: &str, state: &str| {
            let seen = shop.get("", &format!("{LINKS}/{code}")).await.1;
            let (status, answer) = place(shop, &code, key, &wish(1)).await;
            assert_eq!(
                (seen["status"].as_str(), status, problem(&answer)),
                (Some(state), 409, "link-closed")
            );
        };
        refused("early", "not_yet").await;
        shop.app.clock.advance(hour);
        let order = placed(shop, &code, "k1", &wish(1)).await;
        shop.app.clock.advance(hour);
        refused("late", "closed").await;
        let (status, again) = place(shop, &code, "k1", &wish(1)).await;
        assert_eq!(
            (status, &again["number"]),
            (200, &order["number"]),
            "a retry is answered"
        );

        let open = link(shop, manager, json!({})).await;
        shop.must(
            Method::POST,
            manager,
            &format!("{LINKS}/{open}/close"),
            Value::Null,
        )
        .await;
        assert_eq!(
            problem(&place(shop, &open, "k1", &wish(1)).await.1),
            "link-closed"
        );
        let other = shop.app.ids.link_code(shop.zhang.id);
        for unknown in [other.as_str(), "nothing", "%00", "%E5%B9%B4"] {
            assert_eq!(place(shop, unknown, "k1", &wish(1)).await.0, 404, "{unknown}");
        }
        assert_eq!(count(shop).await, 1);
        assert_clean(shop).await;
    })
    .await;
}

/// The value at a path like `recipient.phone` or `items[0].quantity` of a wish; null takes the field away.
fn with(path: &str, value: Value) -> Value {
    let mut wish = wish(1);
    let pointer = path.replace("[0]", ".0").replace('.', "/");
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", &pointer));
    let parent = if parent.is_empty() {
        String::new()
    } else {
        format!("/{parent}")
    };
    let object = wish.pointer_mut(&parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    wish
}

/// Fields, each with a value that it does not take.
fn wrong_fields() -> Vec<(&'static str, Value)> {
    vec![
        ("recipient.name", json!("")),
        ("recipient.name", json!("\u{0}\n")),
        ("recipient.name", json!("苏".repeat(41))),
        ("recipient.phone", json!("12345")),
        ("recipient.phone", json!("1380013800x")),
        ("recipient.phone", Value::Null),
        ("recipient.phone", json!(13_800_138_000_i64)),
        ("recipient.province", json!("蓬莱省")),
        ("recipient.city", json!("平顶山市")),
        ("recipient.district", json!("宝丰县")),
        ("recipient.street", json!("")),
        ("recipient.fax", json!("0375")),
        ("recipient", Value::Null),
        ("items", json!([])),
        ("items", json!(vec![json!({"sku": "FT05", "quantity": 1}); 51])),
        ("items[0].sku", json!("FT99")),
        ("items[0].sku", json!("\u{0}")),
        ("items[0].sku", Value::Null),
        ("items[0].quantity", json!(0)),
        ("items[0].quantity", json!(-1)),
        ("items[0].quantity", json!(21)),
        ("items[0].quantity", json!(i64::MAX)),
        ("items[0].quantity", json!(1.5)),
        ("items[0].quantity", json!("two")),
        ("items[0].price_fen", json!(1)),
        ("payment_method", json!("stripe")),
        ("payment_method", json!("beads")),
        ("payment_method", Value::Null),
        ("note", json!("字".repeat(201))),
        ("coupon", json!("1")),
    ]
}

#[tokio::test]
async fn wrong_fields_are_named() {
    on_both(async |shop| {
        let code = stand(shop, 50).await;
        for (path, value) in wrong_fields() {
            let (status, answer) = place(shop, &code, "k1", &with(path, value.clone())).await;
            assert_eq!(
                (status, problem(&answer), fields(&answer)),
                (422, "invalid", vec![path]),
                "{value} {answer}"
            );
            let message = answer["errors"][0]["message"].as_str().unwrap();
            assert!(
                !message.contains(['。', '：', '，']),
                "English was asked for: {message}"
            );
        }
        let mut all = with("recipient.name", json!(""));
        all["recipient"]["phone"] = json!("");
        all["items"][0]["quantity"] = json!(0);
        let (_, answer) = place(shop, &code, "k1", &all).await;
        let mut named = fields(&answer);
        named.sort_unstable();
        assert_eq!(
            named,
            ["items[0].quantity", "recipient.name", "recipient.phone"],
            "all at once"
        );
        for (body, status, name) in [
            (String::new(), 400, "not-json"),
            ("{".to_owned(), 400, "not-json"),
            (format!("{} x", wish(1)), 400, "not-json"),
            (
                with("note", json!("x".repeat(65 * 1024))).to_string(),
                413,
                "too-large",
            ),
        ] {
            let (got, answer) = send(shop, &code, Some("k1"), body).await;
            assert_eq!((got, problem(&answer)), (status, name));
        }
        assert_eq!((count(shop).await, left(shop, &code).await), (0, 50));
    })
    .await;
}

#[tokio::test]
async fn a_quota_is_for_one_link() {
    on_both(async |shop| {
        let free = stand(shop, 10).await;
        let offers = json!([{"sku": "FT05", "price_fen": 5900, "quota": 3, "limit_per_order": 2}]);
        let code = link(shop, &shop.zhang.manager, json!({"offers": offers})).await;
        let (status, answer) = place(shop, &code, "k0", &wish(3)).await;
        assert_eq!((status, fields(&answer)), (422, vec!["items[0].quantity"]));
        let order = placed(shop, &code, "k1", &wish(2)).await;
        assert_eq!(order["total_fen"], 11_800);
        let (status, answer) = place(shop, &code, "k2", &wish(2)).await;
        assert_eq!(
            (status, problem(&answer), &answer["available"]),
            (409, "sold-out", &json!(1))
        );
        assert_eq!((left(shop, &code).await, left(shop, &free).await), (1, 8));
        placed(shop, &free, "k2", &wish(8)).await;
        assert_eq!(left(shop, &code).await, 0, "the shelf is the same one");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_gift_box_takes_what_it_is_made_of() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        for code in ["FT05", "MS10"] {
            add_sku(shop, &id, sku(code)).await;
            receive(shop, code, "L1", "2025-01-09", 7).await;
        }
        let mut gift = sku("BOX");
        gift["components"] = json!([{"sku": "FT05", "quantity": 2}, {"sku": "MS10", "quantity": 1}]);
        add_sku(shop, &id, gift).await;
        let offers = json!([{"sku": "BOX", "price_fen": 9900}, {"sku": "FT05", "price_fen": 6800}]);
        let code = link(shop, &shop.zhang.manager, json!({"offers": offers})).await;
        assert_eq!(left(shop, &code).await, 3);
        let mut both = wish(2);
        both["items"] = json!([{"sku": "FT05", "quantity": 2}, {"sku": "BOX", "quantity": 3}]);
        let (status, answer) = place(shop, &code, "k1", &both).await;
        assert_eq!(
            (status, &answer["sku"]),
            (409, &json!("BOX")),
            "together they need eight of seven"
        );
        both["items"][1]["quantity"] = json!(2);
        placed(shop, &code, "k1", &both).await;
        assert_eq!(counts(&item(shop, "FT05").await), (7, 6, 1));
        assert_eq!(counts(&item(shop, "MS10").await), (7, 2, 5));
        assert_eq!(left(shop, &code).await, 0);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn cases_are_sold_ahead_of_their_lot() {
    on_both(async |shop| {
        let code = stand(shop, 1).await;
        let ahead = json!({"cases": 4, "ready_on": "2024-01-25"});
        shop.must(
            Method::PUT,
            &shop.zhang.manager,
            "/api/v1/stock/FT05/ahead",
            ahead,
        )
        .await;
        assert_eq!(left(shop, &code).await, 5);
        placed(shop, &code, "k1", &wish(5)).await;
        assert_eq!(place(shop, &code, "k2", &wish(1)).await.0, 409);
        receive(shop, "FT05", "L2", "2025-01-25", 4).await;
        assert_eq!(counts(&item(shop, "FT05").await), (5, 5, 0));
        assert_eq!(
            place(shop, &code, "k2", &wish(1)).await.0,
            409,
            "they were promised"
        );
        assert_clean(shop).await;
    })
    .await;
}

async fn set_freight(shop: &TestApp) {
    let rule = |province: &str, served: bool, free: Value| {
        json!({"province": province, "served": served, "first_grams": 3000, "first_fen": 800,
               "step_grams": 1000, "step_fen": 200, "free_from_fen": free})
    };
    let rules = [
        rule("*", true, Value::Null),
        rule("41", true, json!(13_600)),
        rule("54", false, Value::Null),
    ];
    shop.must(
        Method::PUT,
        &shop.zhang.manager,
        "/api/v1/freight",
        json!({"items": rules}),
    )
    .await;
}

#[tokio::test]
async fn freight_goes_by_weight_and_province() {
    on_both(async |shop| {
        let code = stand(shop, 20).await;
        set_freight(shop).await;
        let henan = ("河南省", "平顶山市", "宝丰县");
        for (key, quantity, to, freight) in [
            // 2900 g a case
            ("k1", 1, None, 800),
            ("k2", 2, None, 800 + 3 * 200),
            ("k3", 1, Some(henan), 800),
            ("k4", 2, Some(henan), 0),
        ] {
            let mut wish = wish(quantity);
            if let Some((province, city, district)) = to {
                let more = json!({"province": province, "city": city, "district": district});
                let recipient = wish["recipient"].as_object_mut().unwrap();
                recipient.extend(more.as_object().unwrap().clone());
            }
            let order = placed(shop, &code, key, &wish).await;
            let total = 6_800 * quantity + freight;
            assert_eq!(
                (&order["freight_fen"], &order["total_fen"]),
                (&json!(freight), &json!(total)),
                "{key}"
            );
        }
        let mut far = wish_by("cod", 1);
        far["recipient"] = json!({"name": "扎西", "phone": "13800138000", "province": "西藏自治区", "city": "拉萨市",
                                  "district": "城关区", "street": "北京东路 1 号"});
        let (status, answer) = place(shop, &code, "k5", &far).await;
        assert_eq!((status, fields(&answer)), (422, vec!["recipient.province"]));
        assert_eq!((count(shop).await, left(shop, &code).await), (4, 14));
        assert_clean(shop).await;
        assert_eq!(shop.get("", &format!("{ORDERS}/nothing")).await.0, 404);
    })
    .await;
}
