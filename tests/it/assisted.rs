//! Staff place orders for buyers on the phone or at the counter, and the help with addresses.

use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::orders::addresses::PasteLimit;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::goods::{add_sku, counts, item, product, receive, sku};
use crate::imports::broken;

pub const ORDERS: &str = "/api/v1/orders";

/// The entry of an act in the operation log; entries of one instant stand in no order.
pub fn entry<'a>(log: &'a Value, act: &str) -> &'a Value {
    let entries = log["items"].as_array().unwrap();
    entries.iter().find(|entry| entry["act"] == act).unwrap()
}

pub fn recipient() -> Value {
    json!({"name": "苏宇", "phone": "13812345678", "province": "河南省", "city": "郑州市", "district": "金水区",
           "street": "文化路1号"})
}

pub fn wanted(items: &[(&str, i64)]) -> Value {
    let item = |(sku, quantity): &(&str, i64)| json!({"sku": sku, "quantity": quantity});
    items.iter().map(item).collect()
}

/// Noodles (FT05, 68 yuan), radish (HS10, 20 yuan) and a box of one and two of them (BOX, 99 yuan), with twenty cases of
/// each plain sku on the shelf. Freight is 8 yuan up to 5 kg and 2 yuan for each kg more, 3 more in Guangdong.
pub async fn stocked(shop: &TestApp) {
    let id = product(shop, "fentiao").await;
    add_sku(shop, &id, sku("FT05")).await;
    let mut radish = sku("HS10");
    radish["price_fen"] = json!(2_000);
    radish["gross_weight_grams"] = json!(1_000);
    add_sku(shop, &id, radish).await;
    let mut gift = sku("BOX");
    gift["price_fen"] = json!(9_900);
    gift["components"] = json!([{"sku": "FT05", "quantity": 1}, {"sku": "HS10", "quantity": 2}]);
    add_sku(shop, &id, gift).await;
    receive(shop, "FT05", "L1", "2025-01-09", 20).await;
    receive(shop, "HS10", "L1", "2025-01-09", 20).await;
    let rule = |province: &str, first_fen: i64| {
        json!({"province": province, "served": province != "54", "first_grams": 5000, "first_fen": first_fen,
               "step_grams": 1000, "step_fen": 200})
    };
    let rules = json!({"items": [rule("*", 800), rule("44", 1100), rule("54", 0)]});
    shop.must(Method::PUT, &shop.zhang.manager, "/api/v1/freight", rules)
        .await;
}

/// A link of noodles at 60 yuan (eight at most, three an order) and radish at 20, made by a member of staff.
pub async fn link(shop: &TestApp, maker: &str) -> String {
    let body = json!({"title": "年货直播", "channel": "livestream", "host": "小梅", "offers": [
        {"sku": "FT05", "price_fen": 6000, "quota": 8, "limit_per_order": 3}, {"sku": "HS10", "price_fen": 2000}]});
    let made = shop.must(Method::POST, maker, "/api/v1/links", body).await;
    made["code"].as_str().unwrap().to_owned()
}

pub fn order(link: Option<&str>, items: &[(&str, i64)], method: &str) -> Value {
    let mut body = json!({"items": wanted(items), "recipient": recipient(), "payment_method": method});
    if let Some(link) = link {
        body["link"] = json!(link);
    }
    body
}

async fn place_with_key(shop: &TestApp, token: &str, key: &str, body: &Value) -> (u16, Value) {
    let request = Request::post(ORDERS)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()));
    shop.send(request.unwrap()).await
}

#[tokio::test]
async fn the_counter_sells_at_list_price() {
    on_both(async |shop| {
        stocked(shop).await;
        let manager = &shop.zhang.manager;
        let body = order(None, &[("FT05", 2), ("BOX", 1)], "transfer");
        let (status, placed) = shop.post(manager, ORDERS, body.clone()).await;
        assert_eq!(status, 201, "{placed}");
        assert_eq!(placed["goods_fen"], 2 * 6_800 + 9_900);
        // 3 cases of 2.9 kg
        assert_eq!(placed["freight_fen"], 800 + 4 * 200);
        assert_eq!(
            [&placed["status"], &placed["version"], &placed["changes"]],
            [&json!("awaiting_payment"), &json!(1), &json!([])]
        );
        assert_eq!(counts(&item(shop, "FT05").await), (20, 3, 17));
        assert_eq!(counts(&item(shop, "HS10").await), (20, 2, 18));

        let number = placed["number"].as_str().unwrap();
        let (_, seen) = shop.get(manager, &format!("{ORDERS}/{number}/details")).await;
        let row = &seen["order"];
        assert_eq!(
            [&row["source"], &row["channel"], &row["host"], &row["version"]],
            [
                &json!("staff"),
                &json!("counter"),
                &json!("manager-zhang"),
                &json!(1)
            ]
        );
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        let entry = entry(&log, "order.place");
        assert_eq!(
            [&entry["subject"], &entry["staff"]],
            [&json!(number), &json!("manager-zhang")]
        );
        // nothing but the number and the sum: who the buyer is stays in the order
        assert!(!entry.to_string().contains("苏宇") && !entry.to_string().contains("13812345678"));

        let (status, problem) = shop
            .post(manager, ORDERS, order(None, &[("FT05", 18)], "cod"))
            .await;
        assert_eq!(
            (status, &problem["type"], &problem["available"]),
            (409, &json!("/problems/sold-out"), &json!(17))
        );
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn only_what_may_be_sold_is_sold_and_only_by_whom_it_may() {
    on_both(async |shop| {
        stocked(shop).await;
        let manager = &shop.zhang.manager;
        let body = json!({"name": "包装粉条", "slug": "packed", "legal_kind": "prepacked"});
        let packed = shop.must(Method::POST, manager, "/api/v1/products", body).await;
        add_sku(shop, packed["id"].as_str().unwrap(), sku("NOLABEL")).await;
        for (items, field) in [
            (vec![("FT05", 1), ("NONE", 1)], "items[1].sku"),
            (vec![("F\u{0}T05", 1)], "items[0].sku"),
            (vec![("NOLABEL", 1)], "items[0].sku"),
            (vec![("FT05", 0)], "items[0].quantity"),
            (vec![], "items"),
        ] {
            let (status, problem) = shop.post(manager, ORDERS, order(None, &items, "cod")).await;
            assert_eq!((status, fields(&problem)), (422, vec![field]), "{items:?}");
        }
        let body = order(None, &[("FT05", 1)], "stripe");
        assert_eq!(
            fields(&shop.post(manager, ORDERS, body).await.1),
            ["payment_method"]
        );
        let body = order(None, &[("FT05", 1)], "cod");
        for (token, status) in [
            ("", 401),
            (shop.zhang.packer.as_str(), 403),
            (&shop.zhang.accountant, 403),
            (&shop.zhang.overseer, 403),
        ] {
            assert_eq!(shop.post(token, ORDERS, body.clone()).await.0, status);
        }
        let (status, problem) = shop.post(&shop.li.manager, ORDERS, body).await;
        assert_eq!(
            (status, fields(&problem)),
            (422, vec!["items[0].sku"]),
            "another village's sku"
        );
    })
    .await;
}

#[tokio::test]
async fn a_link_brings_its_prices_quota_and_window() {
    on_both(async |shop| {
        stocked(shop).await;
        let (manager, host) = (&shop.zhang.manager, &shop.zhang.host);
        let (managers, hosts) = (link(shop, manager).await, link(shop, host).await);
        let (status, placed) = shop
            .post(host, ORDERS, order(Some(&hosts), &[("FT05", 3)], "transfer"))
            .await;
        assert_eq!((status, &placed["goods_fen"]), (201, &json!(18_000)));
        let number = placed["number"].as_str().unwrap();
        let (_, seen) = shop.get(manager, &format!("{ORDERS}/{number}/details")).await;
        assert_eq!(
            [&seen["order"]["channel"], &seen["order"]["host"]],
            [&json!("livestream"), &json!("小梅")]
        );
        let one = |link: Option<&str>| order(link, &[("FT05", 1)], "cod");
        assert_eq!(
            shop.post(host, ORDERS, one(Some(&managers))).await.0,
            404,
            "not theirs"
        );
        assert_eq!(shop.post(manager, ORDERS, one(Some(&hosts))).await.0, 201);
        assert_eq!(
            shop.post(&shop.li.manager, ORDERS, one(Some(&hosts))).await.0,
            404
        );
        assert_eq!(shop.post(manager, ORDERS, one(Some("zzz\u{0}"))).await.0, 404);
        let (status, problem) = shop.post(host, ORDERS, one(None)).await;
        assert_eq!((status, fields(&problem)), (422, vec!["link"]));

        let many = order(Some(&hosts), &[("FT05", 4)], "cod");
        assert_eq!(
            fields(&shop.post(host, ORDERS, many).await.1),
            ["items[0].quantity"]
        );
        let last = order(Some(&hosts), &[("FT05", 3)], "cod");
        assert_eq!(shop.post(host, ORDERS, last.clone()).await.0, 201);
        let (status, problem) = shop.post(host, ORDERS, last).await;
        assert_eq!(
            (status, &problem["available"]),
            (409, &json!(1)),
            "seven of eight are sold"
        );
        let close = format!("/api/v1/links/{hosts}/close");
        shop.must(Method::POST, host, &close, Value::Null).await;
        let (status, problem) = shop.post(host, ORDERS, one(Some(&hosts))).await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/link-closed")));
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn a_key_places_an_order_once() {
    on_both(async |shop| {
        stocked(shop).await;
        let manager = &shop.zhang.manager;
        let body = order(None, &[("FT05", 1)], "cod");
        let (status, first) = place_with_key(shop, manager, "phone-1", &body).await;
        assert_eq!(status, 201);
        let (status, again) = place_with_key(shop, manager, "phone-1", &body).await;
        assert_eq!((status, &again), (200, &first));
        let other = order(None, &[("FT05", 2)], "cod");
        let (status, problem) = place_with_key(shop, manager, "phone-1", &other).await;
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("/problems/idempotency-mismatch"))
        );
        assert_eq!(place_with_key(shop, manager, "", &body).await.0, 400);
        assert_eq!(counts(&item(shop, "FT05").await), (20, 1, 19));
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        let entries = log["items"].as_array().unwrap();
        let acts = entries.iter().filter(|entry| entry["act"] == "order.place");
        assert_eq!(acts.count(), 1);
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn pasted_texts_are_read_apart() {
    on_both(async |shop| {
        let path = "/api/v1/addresses/parse";
        let pasted = json!({"text": "苏宇\n138 1234 5678\n河南省郑州市金水区文化路1号"});
        let (status, read) = shop.post("", path, pasted).await;
        assert_eq!(status, 200);
        let part = |name: &str| read[name].as_str().unwrap();
        assert_eq!(
            [part("name"), part("phone"), part("district"), part("code")],
            ["苏宇", "13812345678", "金水区", "410105"]
        );
        assert!(read["confidence"].as_f64().unwrap() >= 0.9);
        assert_eq!(
            fields(&shop.post("", path, json!({"text": "字".repeat(2_001)})).await.1),
            ["text"]
        );
        assert_eq!(shop.post("", path, json!({"text": "\u{0}"})).await.0, 200);

        // the limit fills up again while we ask, so it may take some tries
        let full = &shop.app.paste_limit;
        let mut refused = None;
        for _ in 0..100 {
            while full.check().is_ok() {}
            let (status, problem) = shop.post("", path, json!({"text": "苏宇"})).await;
            if status == 429 {
                refused = Some(problem);
                break;
            }
        }
        assert_eq!(refused.unwrap()["type"], "/problems/too-many-requests");
    })
    .await;
}

#[test]
fn the_limit_names_the_time_to_wait() {
    let limit = PasteLimit::default();
    let refused = (0..100_000).find_map(|_| limit.check().err());
    let problem = refused.expect("nobody reads so many a second").into_problem();
    assert_eq!((problem.status.as_u16(), problem.retry_after_s), (429, Some(1)));
}

#[tokio::test]
async fn areas_are_picked_from_the_top() {
    on_both(async |shop| {
        let code_of = |list: &Value, name: &str| {
            let items = list["items"].as_array().unwrap();
            let found = items.iter().find(|item| item["name"] == name);
            found.map(|item| item["code"].as_str().unwrap().to_owned())
        };
        let path = "/api/v1/areas";
        let (_, provinces) = shop.get("", path).await;
        let henan = code_of(&provinces, "河南省").unwrap();
        let (_, cities) = shop.get("", &format!("{path}?parent={henan}")).await;
        let zhengzhou = code_of(&cities, "郑州市").unwrap();
        let (_, districts) = shop.get("", &format!("{path}?parent={zhengzhou}")).await;
        assert_eq!(code_of(&districts, "金水区").as_deref(), Some("410105"));
        for parent in ["", "999999", "%00"] {
            let nothing = (200, json!({"items": []}));
            assert_eq!(shop.get("", &format!("{path}?parent={parent}")).await, nothing);
        }
        assert_eq!(shop.get("", &format!("{path}?above=1")).await.0, 422);
    })
    .await;
}
