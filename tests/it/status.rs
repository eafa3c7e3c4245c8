//! Lists of orders: what an order is, in Rust and in SQL; searching, paging, following along, and what is hidden.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use cunji::orders::{Ended, Facts, Status, status};
use cunji::{on, transact};
use serde_json::{Value, json};

use crate::app::{TestApp, on_both};
use crate::buyer::{ORDERS, count, desk, link, path, placed, stand, wish};

/// Every way in which an order of two cases can stand that the database allows.
fn combinations() -> Vec<Facts> {
    let mut all = Vec::new();
    for cancelled in 0..=2 {
        for packed in 0..=2 - cancelled {
            for shipped in 0..=packed {
                for delivered in 0..=shipped {
                    for (total, captured, refunded) in [
                        (0, 0, 0),
                        (100, 0, 0),
                        (100, 50, 0),
                        (100, 50, 50),
                        (100, 100, 0),
                        (100, 100, 50),
                        (100, 100, 100),
                        (100, 150, 50),
                    ] {
                        for ended_as in [None, Some(Ended::Cancelled), Some(Ended::Expired)] {
                            all.push(Facts {
                                ended_as,
                                total_fen: total,
                                captured_fen: captured,
                                refunded_fen: refunded,
                                ordered: 2,
                                cancelled,
                                packed,
                                shipped,
                                delivered,
                            });
                        }
                    }
                }
            }
        }
    }
    all
}

async fn insert_all(shop: &TestApp, all: &[Facts]) {
    let (village, at) = (shop.zhang.id, shop.app.clock.now());
    let done = transact!(shop.app.db, tx => {
        for (index, facts) in all.iter().enumerate() {
            let hold = if facts.ended_as.is_some() { "released" } else { "consumed" };
            on!(tx, ex => sqlx::query(
                "INSERT INTO orders (village_id, id, number, source, channel, host, name, phone, province, city, district,
                    street, region_code, note, method, goods_fen, freight_fen, total_fen, captured_fen, refunded_fen,
                    hold, ended_as, ordered, cancelled, packed, shipped, delivered, placed_at, updated_at)
                 VALUES ($1, $2, $3, 'staff', '', '', '', '', '', '', '', '', '', '', 'transfer', $4, 0, $4, $5, $6, $7,
                    $8, $9, $10, $11, $12, $13, $14, $14)")
                .bind(village).bind(shop.app.ids.uuid(at)).bind(format!("240120-{index:04}")).bind(facts.total_fen)
                .bind(facts.captured_fen).bind(facts.refunded_fen).bind(hold).bind(facts.ended_as).bind(facts.ordered)
                .bind(facts.cancelled).bind(facts.packed).bind(facts.shipped).bind(facts.delivered).bind(at)
                .execute(ex).await.map(|_| ()))?;
        }
        Ok(())
    });
    done.unwrap();
}

/// All rows of a list, over as many pages as it has.
async fn all(shop: &TestApp, token: &str, query: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut after = String::new();
    for _ in 0..1_000 {
        let path = format!("{ORDERS}?{query}{after}");
        let page = shop.must(Method::GET, token, &path, Value::Null).await;
        rows.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return rows,
        }
    }
    panic!("{query} never ends");
}

fn numbers(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["number"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn sql_and_rust_agree_on_what_an_order_is() {
    on_both(async |shop| {
        let known = combinations();
        insert_all(shop, &known).await;
        let mut seen = 0;
        for wanted in [
            Status::AwaitingPayment,
            Status::Paid,
            Status::Packed,
            Status::Shipped,
            Status::Delivered,
            Status::Cancelled,
            Status::Expired,
            Status::Refunded,
        ] {
            let rows = all(
                shop,
                &shop.zhang.packer,
                &format!("limit=37&status={}", wanted.as_str()),
            )
            .await;
            assert!(rows.iter().all(|row| row["status"] == wanted.as_str()));
            let listed = numbers(&rows);
            let expected: Vec<String> = (0..known.len())
                .filter(|index| status(&known[*index]) == wanted)
                .map(|index| format!("240120-{index:04}"))
                .collect();
            let unique: BTreeSet<&str> = listed.iter().copied().collect();
            assert_eq!(listed.len(), unique.len(), "each once");
            assert_eq!(
                unique,
                expected.iter().map(String::as_str).collect(),
                "{wanted:?}"
            );
            assert!(!listed.is_empty(), "{wanted:?}");
            seen += listed.len();
        }
        assert_eq!(seen, known.len());
        for wrong in ["", "late", "Paid", "%00"] {
            let path = format!("{ORDERS}?status={wrong}");
            assert_eq!(shop.get(&shop.zhang.packer, &path).await.0, 422, "{wrong}");
        }
    })
    .await;
}

/// An order for one case by somebody.
async fn by(shop: &TestApp, link: &str, key: &str, name: &str, phone: &str) -> Value {
    shop.app.clock.advance(Duration::from_secs(1));
    let mut wish = wish(1);
    wish["recipient"]["name"] = json!(name);
    wish["recipient"]["phone"] = json!(phone);
    placed(shop, link, key, &wish).await
}

#[tokio::test]
async fn orders_are_found_by_what_is_typed() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        for (key, name, phone) in [
            ("k1", "苏宇", "13800138000"),
            ("k2", "百分之100%", "13912345678"),
            ("k3", "a_b", "13712340001"),
            ("k4", "苏小妹", "13612340002"),
            ("k5", r"a\b", "13512340003"),
        ] {
            by(shop, &link, key, name, phone).await;
        }
        let packer = &shop.zhang.packer;
        for (q, serials) in [
            ("240120-0003", vec![3]),
            ("0120", vec![5, 4, 3, 2, 1]),
            ("苏", vec![4, 1]),
            ("小妹", vec![4]),
            ("1234", vec![5, 4, 3, 2]),
            ("%", vec![2]),
            ("_", vec![3]),
            ("\\", vec![5]),
            ("a%b", vec![]),
            ("' OR 1=1 --", vec![]),
            ("\0", vec![5, 4, 3, 2, 1]),
        ] {
            let typed: String = form_urlencoded::byte_serialize(q.as_bytes()).collect();
            let rows = all(shop, packer, &format!("limit=2&q={typed}")).await;
            let expected: Vec<String> = serials.iter().map(|n| format!("240120-{n:04}")).collect();
            assert_eq!(numbers(&rows), expected, "{q:?}");
        }
        let rows = all(shop, packer, &format!("link={link}&q=%E8%8B%8F")).await;
        assert_eq!(rows.len(), 2);
        let text = json!(rows).to_string();
        for hidden in ["苏宇", "小妹", "13800138000", "13612340002", "科技园路"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
        for (query, status) in [
            ("limit=0", 422),
            ("limit=201", 422),
            ("limit=200", 200),
            ("after=x", 422),
            ("updated_after=x", 422),
            ("updated_after=2024-01-20T00:00:00Z&after=x", 422),
            ("colour=red", 422),
            ("link=nothing", 200),
        ] {
            let seen = shop.get(packer, &format!("{ORDERS}?{query}")).await;
            assert_eq!(seen.0, status, "{query}: {}", seen.1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_follower_sees_each_change_once() {
    on_both(async |shop| {
        let link = stand(shop, 50).await;
        let mut orders = Vec::new();
        for n in 0..5 {
            orders.push(by(shop, &link, &format!("k{n}"), "苏宇", "13800138000").await);
        }
        // two at one instant
        placed(shop, &link, "k5", &wish(1)).await;
        let (manager, since) = (&shop.zhang.manager, "2024-01-20T02:00:00Z");
        let rows = all(shop, manager, &format!("limit=2&updated_after={since}")).await;
        let mut seen = numbers(&rows);
        assert_eq!(seen[0], "240120-0001", "the oldest change first");
        seen.sort_unstable();
        let expected: Vec<String> = (1..=6).map(|n| format!("240120-{n:04}")).collect();
        assert_eq!(seen, expected);

        let last = rows.last().unwrap()["updated_at"].as_str().unwrap().to_owned();
        let next = format!("limit=2&updated_after={last}");
        assert!(all(shop, manager, &next).await.is_empty());
        shop.app.clock.advance(Duration::from_secs(1));
        shop.must(Method::POST, "", &path(&orders[1], "/cancel"), json!({}))
            .await;
        let rows = all(shop, manager, &next).await;
        assert_eq!(numbers(&rows), ["240120-0002"]);
        assert_eq!(rows[0]["status"], "cancelled");
        assert_eq!(count(shop).await, 6);
    })
    .await;
}

#[tokio::test]
async fn a_host_sees_the_orders_of_own_links() {
    on_both(async |shop| {
        let house = stand(shop, 50).await;
        let own = link(shop, &shop.zhang.host, json!({})).await;
        placed(shop, &house, "k1", &wish(1)).await;
        placed(shop, &own, "k1", &wish(1)).await;
        placed(shop, &house, "k2", &wish(1)).await;
        let (host, since) = (&shop.zhang.host, "updated_after=2024-01-01T00:00:00Z");
        for query in ["limit=1", since, "q=240120", &format!("link={own}")] {
            let rows = all(shop, host, query).await;
            assert_eq!(numbers(&rows), ["240120-0002"], "{query}");
        }
        assert!(all(shop, host, &format!("link={house}")).await.is_empty());
        assert_eq!(all(shop, &shop.zhang.packer, since).await.len(), 3);
        assert!(all(shop, &shop.li.manager, since).await.is_empty());
        assert!(
            all(shop, &shop.li.manager, &format!("link={house}"))
                .await
                .is_empty()
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_looks_behind_the_mask_is_written_down() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(1)).await;
        let (way, why) = (desk(&order, "/unmask"), json!({"reason": "写面单"}));
        let clear = shop
            .must(Method::POST, &shop.zhang.packer, &way, why.clone())
            .await;
        assert_eq!(clear, wish(1)["recipient"]);
        for (token, reason, status) in [
            (&shop.zhang.host, "写面单", 403),
            (&shop.zhang.accountant, "写面单", 403),
            (&shop.li.packer, "写面单", 404),
            (&shop.zhang.packer, "", 422),
        ] {
            let seen = shop.post(token, &way, json!({"reason": reason})).await;
            assert_eq!(seen.0, status, "{reason}");
        }
        let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations").await;
        let rows = log["items"].as_array().unwrap().iter();
        let looked: Vec<_> = rows.filter(|row| row["act"] == "order.unmask").collect();
        assert_eq!(looked.len(), 1);
        assert_eq!(
            (&looked[0]["staff"], &looked[0]["subject"]),
            (&json!("packer-zhang"), &order["number"])
        );
        assert!(looked[0]["after"].as_str().unwrap().contains("写面单"));
        assert!(!looked[0].to_string().contains("13800138000"));
        let (_, details) = shop.get(&shop.zhang.packer, &desk(&order, "/details")).await;
        assert!(!details.to_string().contains("苏宇"), "{details}");
    })
    .await;
}
