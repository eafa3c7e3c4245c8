//! `cunji check`: a shop that was only ever touched by the program is clean, and each broken invariant is found by the
//! finding that is about it, and by no other.

use std::time::Duration;

use axum::http::{Method, Request, header};
use cunji::audit::{check, is_clean, report};
use cunji::db::sqlite_path;
use cunji::orders::store::ending::expire_due;
use cunji::{on, transact};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, on_both};
use crate::batches;
use crate::calendar::{CAPACITY, carrier, keep};
use crate::goods::{add_sku, product, receive, sku};

const LINK: &str = "/api/v1/links";

/// Places an order on a link and gives it as the buyer sees it.
pub async fn order(shop: &TestApp, link: &str, key: &str, items: Value, method: &str) -> Value {
    let recipient = json!({"name": "王小明", "phone": "13812345678", "province": "河南省", "city": "平顶山市",
                           "district": "宝丰县", "street": "石桥镇小寨村 5 号"});
    let body = json!({"items": items, "recipient": recipient, "payment_method": method});
    let request = Request::post(format!("{LINK}/{link}/orders"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    let (status, order) = shop.send(request.body(body.to_string().into()).unwrap()).await;
    assert_eq!(status, 201, "{order}");
    order
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}

/// A link with every sku on it, and how it is called.
async fn link(shop: &TestApp, skus: &[Uuid]) -> String {
    let (village, at) = (shop.zhang.id, shop.app.clock.now());
    let (id, code) = (shop.app.ids.uuid(at), shop.app.ids.link_code(village));
    transact!(shop.app.db, tx => {
        on!(tx, ex => sqlx::query(
            "INSERT INTO link (village_id, id, code, title, channel, host, created_at, created_by)
             SELECT $1, $2, $3, '年货', 'moments', '', $4, id FROM staff WHERE village_id = $1 AND role = 'host'")
            .bind(village).bind(id).bind(&code).bind(at).execute(ex).await.map(|_| ()))?;
        for (position, sku) in (1_i64..).zip(skus) {
            on!(tx, ex => sqlx::query(
                "INSERT INTO offer (village_id, link_id, sku_id, position, price_fen, quota, limit_per_order)
                 VALUES ($1, $2, $3, $4, 6800, 90, 9)")
                .bind(village).bind(id).bind(sku).bind(position).execute(ex).await.map(|_| ()))?;
        }
        on!(tx, ex => sqlx::query(
            "INSERT INTO subscriber (village_id, id, url, secret, created_at) VALUES ($1, $2, 'https://example.org', 's', $3)")
            .bind(village).bind(shop.app.ids.uuid(at)).bind(at).execute(ex).await.map(|_| ()))?;
        Ok(())
    })
    .unwrap();
    code
}

async fn pay(shop: &TestApp, order: &Value) {
    let token = text(order, "token");
    let path = format!("/api/v1/orders/{token}/payments");
    shop.must(Method::POST, "", &path, json!({"method": "transfer"}))
        .await;
    let next = shop
        .must(Method::POST, "", &path, json!({"method": "practice"}))
        .await;
    let payment = text(&next, "url").rsplit('/').next().unwrap().to_owned();
    shop.must(
        Method::POST,
        "",
        &format!("/api/v1/practice/{payment}/pay"),
        json!({}),
    )
    .await;
}

/// Plans, packs, ships and delivers what is paid, as the workshop and the carrier do.
async fn deliver(shop: &TestApp) {
    batches::plan(shop, batches::request(true)).await;
    let batch = batches::all(shop).await[0].clone();
    batches::must(shop, &batch, "release", json!({})).await;
    let codes = batches::codes(shop, &batch).await;
    batches::must(shop, &batch, "pack", json!({"parcels": codes})).await;
    let items = json!({"items": [{"parcel": codes[0], "waybill": "7310001234567"}]});
    batches::must(shop, &batch, "waybills", items).await;
    batches::must(shop, &batch, "hand-over", json!({})).await;
    let path = format!("/api/v1/parcels/{}/delivered", codes[0]);
    shop.must(Method::POST, &shop.zhang.packer, &path, Value::Null)
        .await;
}

/// Some of everything that can happen to an order. Gives the link's code; the numbers of the orders:
/// 1 expired, 2 delivered, 3 waiting with two payments open, 4 cancelled and refunded, 5 a gift box for cash on
/// delivery, 6 paid by transfer with a refund to do by hand. 5 and 6 are planned.
pub async fn fill(shop: &TestApp) -> String {
    let manager = &shop.zhang.manager;
    let fentiao = product(shop, "fentiao").await;
    let ft = add_sku(shop, &fentiao, sku("FT05")).await;
    let ms = add_sku(shop, &fentiao, sku("MS10")).await;
    let mut gift = sku("BOX");
    gift["components"] = json!([{"sku": "FT05", "quantity": 2}, {"sku": "MS10", "quantity": 1}]);
    let gift = add_sku(shop, &fentiao, gift).await;
    for (code, lot, cases) in [("FT05", "L1", 500), ("FT05", "L2", 20), ("MS10", "L1", 40)] {
        receive(shop, code, lot, "2025-01-09", cases).await;
    }
    let rule = json!({"province": "*", "served": true, "first_grams": 3000, "first_fen": 800, "step_grams": 1000,
                      "step_fen": 200, "free_from_fen": null});
    shop.must(Method::PUT, manager, "/api/v1/freight", json!({"items": [rule]}))
        .await;
    let mut zto = carrier("zto", 50);
    zto["stops"][0]["province"] = json!("41");
    keep(shop, 60, &[zto]).await;
    let snow = json!({"cases_per_day": 60, "days": {"2024-01-24": 0}});
    shop.must(Method::PUT, manager, CAPACITY, snow).await;
    let link = link(shop, &[ft, ms, gift]).await;
    let some = |sku: &str, quantity: i64| json!([{"sku": sku, "quantity": quantity}]);

    order(shop, &link, "k1", some("FT05", 3), "transfer").await;
    shop.app.clock.advance(Duration::from_secs(31 * 60));
    transact!(shop.app.db, tx => expire_due(tx, &shop.app.ids, shop.zhang.id, shop.app.clock.now(), 9).await)
        .unwrap();
    let delivered = order(shop, &link, "k2", some("FT05", 2), "practice").await;
    pay(shop, &delivered).await;
    deliver(shop).await;
    let waiting = order(shop, &link, "k3", some("MS10", 2), "practice").await;
    let wrong = format!("/api/v1/orders/{}/confirm-payment", text(&waiting, "number"));
    let told = json!({"received_into": "村集体账户", "amount_fen": 100, "reference": "0016"});
    shop.must(Method::POST, manager, &wrong, told).await;
    let (_, payments) = shop.get(manager, "/api/v1/payments").await;
    let mut rows = payments["items"].as_array().unwrap().iter();
    let told = rows.find(|row| row["reference"] == "0016");
    let wrong = format!("/api/v1/payments/{}/reverse", text(told.unwrap(), "id"));
    shop.must(Method::POST, manager, &wrong, json!({"reason": "看错了"}))
        .await;
    for method in ["practice", "transfer"] {
        let path = format!("/api/v1/orders/{}/payments", text(&waiting, "token"));
        shop.must(Method::POST, "", &path, json!({"method": method}))
            .await;
    }
    let cancelled = order(shop, &link, "k4", some("FT05", 1), "practice").await;
    pay(shop, &cancelled).await;
    let path = format!("/api/v1/orders/{}/cancel", text(&cancelled, "token"));
    shop.must(Method::POST, "", &path, json!({})).await;
    order(shop, &link, "k5", some("BOX", 2), "cod").await;
    let by_hand = order(shop, &link, "k6", some("FT05", 1), "transfer").await;
    let path = format!("/api/v1/orders/{}", text(&by_hand, "number"));
    let money =
        json!({"received_into": "村集体账户", "amount_fen": by_hand["total_fen"], "reference": "0017"});
    shop.must(Method::POST, manager, &format!("{path}/confirm-payment"), money)
        .await;
    let part = json!({"amount_fen": 500, "reason": "少了一小袋"});
    shop.must(Method::POST, manager, &format!("{path}/refunds"), part)
        .await;
    let mut broken = crate::claims::claim("damaged", 1);
    broken["photos"] = json!([crate::claims::send_photo(shop, &delivered, 7).await]);
    let path = format!("/api/v1/orders/{}/claims", text(&delivered, "token"));
    shop.must(Method::POST, "", &path, broken).await;
    batches::plan(shop, batches::request(true)).await;
    link
}

#[tokio::test]
async fn a_shop_at_work_is_clean() {
    on_both(async |shop| {
        fill(shop).await;
        let findings = check(&shop.app.db).await.unwrap();
        assert!(is_clean(&findings), "{}", report(&findings));
        for finding in &findings {
            // no order of another shop was imported, no provider told us anything and nobody was asked; the rest must
            // have been looked at
            let nothing = finding.name == "an order of another shop is here once"
                || finding.name.contains("late order")
                || finding.name.starts_with("a provider's event");
            assert_eq!(finding.rows == 0, nothing, "{}", report(&findings));
        }
    })
    .await;
}

#[tokio::test]
async fn an_edited_order_is_clean_at_every_step() {
    on_both(async |shop| {
        let link = fill(shop).await;
        let cases = |quantity: i64| json!([{"sku": "FT05", "quantity": quantity}]);
        let placed = order(shop, &link, "edited", cases(2), "practice").await;
        pay(shop, &placed).await;
        let token = text(&placed, "token");
        let edit = format!("/api/v1/orders/{}/edit", text(&placed, "number"));
        for quantity in [4, 3, 1] {
            let now = shop
                .must(Method::GET, "", &format!("/api/v1/orders/{token}"), Value::Null)
                .await;
            let wish = json!({"version": now["version"], "reason": "买家来电", "items": cases(quantity)});
            let edited = shop.must(Method::POST, &shop.zhang.manager, &edit, wish).await;
            is_clean_now(shop, quantity).await;
            if quantity == 4 {
                let version = &edited["changes"][0]["version"];
                let agree = format!("/api/v1/orders/{token}/changes/{version}/agree");
                let due = shop.must(Method::POST, "", &agree, json!({})).await;
                assert_eq!(due["status"], "awaiting_payment", "{due}");
                assert!(due["paid_at"].is_string(), "it was covered before");
                is_clean_now(shop, quantity).await;
            }
        }
    })
    .await;
}

async fn is_clean_now(shop: &TestApp, step: i64) {
    let findings = check(&shop.app.db).await.unwrap();
    assert!(is_clean(&findings), "at {step}:\n{}", report(&findings));
}

#[tokio::test]
async fn a_database_without_a_shop_is_no_clean_shop() {
    on_both(async |shop| {
        transact!(shop.app.db, tx => {
            Ok(on!(tx, ex => sqlx::query("UPDATE _sqlx_migrations SET version = version + 9000").execute(ex).await.map(|_| ()))?)
        })
        .unwrap();
        let newer = check(&shop.app.db).await.unwrap_err().to_string();
        assert!(newer.contains("newer version"), "{newer}");
        transact!(shop.app.db, tx => {
            Ok(on!(tx, ex => sqlx::query("DROP TABLE _sqlx_migrations").execute(ex).await.map(|_| ()))?)
        })
        .unwrap();
        let none = check(&shop.app.db).await.unwrap_err().to_string();
        assert!(none.contains("no shop"), "{none}");
    })
    .await;
}

/// What breaks, the names of the findings that must say so, and what SQLite says beyond them.
struct Break {
    sql: &'static str,
    found: &'static [&'static str],
    sqlite: &'static [&'static str],
    examples: &'static [&'static str],
}

macro_rules! breaks {
    ($($sql:literal => [$($found:expr),*] $(sqlite [$($sqlite:expr),*])? : [$($example:literal),*]);* $(;)?) => {
        &[$(Break {
            sql: $sql,
            found: &[$($found),*],
            sqlite: &[$($($sqlite),*)?],
            examples: &[$($example),*],
        }),*]
    };
}

mod claims;
mod copy;
mod names;
mod parcels;

use copy::broken_copy;
use names::*;
use parcels::{BOXED, MOVED};

const BREAKS: &[Break] = breaks! {
    "UPDATE lot SET on_hand = on_hand + CASE code WHEN 'L1' THEN 1 ELSE -1 END
     WHERE sku_id = (SELECT id FROM sku WHERE code = 'FT05')" => [LOT]: ["1/FT05/L1", "1/FT05/L2"];
    "UPDATE stock SET on_hand = on_hand + 1 WHERE sku_id = (SELECT id FROM sku WHERE code = 'FT05')"
        => [ON_HAND]: ["1/FT05"];
    "UPDATE movement SET quantity = quantity - 1 WHERE kind = 'shipped'" => [LOT, ON_HAND, MOVED]: ["1/FT05/L1"];
    "UPDATE movement SET quantity = quantity - 600 WHERE kind = 'shipped';
     UPDATE lot SET on_hand = on_hand - 600 WHERE sku_id = (SELECT id FROM sku WHERE code = 'FT05') AND code = 'L1';
     UPDATE stock SET on_hand = on_hand - 600 WHERE sku_id = (SELECT id FROM sku WHERE code = 'FT05')"
        => [LOT, ON_HAND, RESERVED, MOVED] sqlite [CHECKS]: ["1/FT05/L1"];
    "UPDATE movement SET sku_id = (SELECT id FROM sku WHERE code = 'MS10') WHERE kind = 'shipped'"
        => [LOT, ON_HAND]: ["1/FT05/L1"];
    "UPDATE stock SET reserved = reserved + 1 WHERE sku_id = (SELECT id FROM sku WHERE code = 'MS10')"
        => [RESERVED]: ["1/MS10"];
    "INSERT INTO stock (village_id, sku_id) SELECT village_id, id FROM sku WHERE code = 'BOX'" => [BOXES]: ["1/BOX/FT05", "1/BOX/MS10"];
    "UPDATE offer SET sold = sold + 1 WHERE sku_id = (SELECT id FROM sku WHERE code = 'BOX')" => [OFFER]: [];
    "UPDATE offer SET quota = 1 WHERE sku_id = (SELECT id FROM sku WHERE code = 'BOX')"
        => [OFFER] sqlite [CHECKS]: [];
    "DELETE FROM offer WHERE sku_id = (SELECT id FROM sku WHERE code = 'BOX')" => [OFFER]: [];
    "UPDATE order_line SET goods_fen = goods_fen + 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [TOTAL]: ["1/240120-0002"];
    "UPDATE orders SET freight_fen = freight_fen + 1 WHERE number = '240120-0002'"
        => [TOTAL] sqlite [CHECKS]: ["1/240120-0002"];
    "UPDATE order_line SET packed = 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0005')"
        => [CASES, BOXED]: ["1/240120-0005"];
    "UPDATE order_line SET returned = 3 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [CASES] sqlite [CHECKS]: ["1/240120-0002"];
    "UPDATE orders SET captured_fen = captured_fen + 1 WHERE number = '240120-0002'" => [CAPTURED]: ["1/240120-0002"];
    "UPDATE orders SET refunded_fen = refunded_fen - 1 WHERE number = '240120-0004'" => [REFUNDED]: ["1/240120-0004"];
    "UPDATE orders SET packed = 1 WHERE number = '240120-0003';
     UPDATE order_line SET packed = 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0003')"
        => [PACKED, BOXED]: ["1/240120-0003"];
    "UPDATE orders SET paid_at = NULL WHERE number = '240120-0002'" => [PAID_AT]: ["1/240120-0002"];
    "UPDATE orders SET paid_at = placed_at WHERE number IN ('240120-0001', '240120-0003')"
        => [PAID_AT]: ["1/240120-0001", "1/240120-0003"];
    "UPDATE orders SET hold = 'active' WHERE number = '240120-0002'" => [HOLD]: ["1/240120-0002"];
    "UPDATE orders SET hold = 'consumed' WHERE number = '240120-0003'" => [HOLD]: ["1/240120-0003"];
    "UPDATE orders SET ended_as = NULL WHERE number = '240120-0001'" => [HOLD]: ["1/240120-0001"];
    "UPDATE orders SET hold_ends_at = NULL WHERE number = '240120-0003'" => [TIME] sqlite [CHECKS]: ["1/240120-0003"];
    "UPDATE orders SET updated_at = placed_at - 1 WHERE number = '240120-0005'" => [TIME]: ["1/240120-0005"];
    "UPDATE promise_day SET promised = promised - 1 WHERE carrier = ''" => [DAY]: ["1/2024-01-20/"];
    "UPDATE promise_day SET room = 1 WHERE carrier = 'zto'" => [DAY] sqlite [CHECKS]: ["1/2024-01-20/zto"];
    "DELETE FROM promise_day WHERE carrier = 'zto'" => [DAY]: ["1/2024-01-20/zto"];
    "UPDATE orders SET promise = REPLACE(promise, '2024-01-20', '2024-01-21') WHERE number = '240120-0003'"
        => [DAY]: [];
    "UPDATE orders SET promise = REPLACE(promise, '\"cases\":2', '\"cases\":1') WHERE number = '240120-0003'"
        => [PROMISE, DAY]: ["1/240120-0003"];
    "UPDATE orders SET promise = NULL WHERE number = '240120-0003'" => [DAY]: ["1/2024-01-20/", "1/2024-01-20/zto"];
    "UPDATE promise_day SET village_id = 99 WHERE promised = 0; UPDATE carrier_transit SET village_id = 99;
     UPDATE carrier_stop SET village_id = 99; UPDATE carrier_day SET village_id = 99"
        => [POINTERS] sqlite [KEYS]: [];
    "UPDATE capacity_day SET village_id = 99" => [POINTERS] sqlite [KEYS]: ["capacity_day.village_id 99"];
    "UPDATE orders SET body_hash = NULL WHERE number = '240120-0005'" => [BODY_HASH]: ["1/240120-0005"];
    "UPDATE orders SET number = '240120-0007' WHERE number = '240120-0005'" => [NUMBER]: ["1/240120-0007"];
    "UPDATE orders SET number = '240121-0001' WHERE number = '240120-0005'" => [NUMBER]: ["1/240121-0001"];
    "UPDATE orders SET number = '240120/x001' WHERE number = '240120-0005'" => [NUMBER]: ["1/240120/x001"];
    "DROP INDEX orders_staff_key;
     UPDATE orders SET link_id = NULL, idem_key = 'same' WHERE number IN ('240120-0001', '240120-0004')"
        => [KEY]: ["1/240120-0001"];
    "DROP INDEX orders_external;
     UPDATE orders SET external_shop = 'doudian', external_no = '7' WHERE number IN ('240120-0002', '240120-0005')"
        => [SHOP_NUMBER]: ["1/240120-0002"];
    "DROP INDEX payment_open; UPDATE payment SET method = 'practice' WHERE state = 'waiting'" => [OPEN]: ["1/240120-0003"];
    "UPDATE payment SET state = 'waiting'
     WHERE state = 'closed' AND order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [WAITING]: ["1/240120-0002"];
    "UPDATE payment SET state = 'created'
     WHERE state = 'closed' AND order_id = (SELECT id FROM orders WHERE number = '240120-0004')"
        => [WAITING]: ["1/240120-0004"];
    "UPDATE refund SET amount_fen = 100000 WHERE state = 'by_hand'" => [GIVEN, EXCEEDED, REFUNDING]: ["1/240120-0006"];
    "UPDATE payment SET refunding_fen = refunding_fen + 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')
       AND state = 'paid'" => [REFUNDING]: ["1/240120-0002"];
    "UPDATE confirmation SET amount_fen = amount_fen + 1 WHERE reference = '0017'" => [COUNTED]: ["1/240120-0006"];
    "UPDATE confirmation SET limit_fen = 1 WHERE reference = '0017'" => [SECOND] sqlite [CHECKS]: ["1/240120-0006"];
    "UPDATE confirmation SET settled_by = confirmed_by, settled_at = 0 WHERE reference = '0017'"
        => [SECOND] sqlite [CHECKS]: ["1/240120-0006"];
    "DELETE FROM payment_reversal" => [CAPTURED, REFUNDING]: ["1/240120-0003"];
    "UPDATE payment_reversal SET amount_fen = 99" => [CAPTURED, REFUNDING, REVERSED]: ["1/240120-0003"];
    "UPDATE payment SET method = 'stripe' WHERE state = 'waiting' AND method = 'practice'" => [ASKED_AGAIN]: ["1/240120-0003"];
    "UPDATE orders SET pay_before = hold_ends_at WHERE number = '240120-0003'" => [HELD]: ["1/240120-0003"];
    "INSERT INTO provider_event (village_id, provider, id, kind, body, received_at, outcome)
     VALUES (1, 'stripe', 'evt_1', 'x', '{}', 0, 'done')" => [EVENT] sqlite [CHECKS]: ["1/stripe/evt_1"];
    "INSERT INTO provider_event (village_id, provider, id, kind, body, received_at, next_try_at)
     VALUES (0, 'stripe', 'evt_1', 'x', '{}', 0, 0), (1, 'stripe', 'evt_1', 'x', '{}', 0, 0)"
        => [EVENT_ONCE]: ["stripe/evt_1"];
    "UPDATE refund SET order_id = (SELECT id FROM orders WHERE number = '240120-0002') WHERE state = 'by_hand'"
        => [REFUND_OF]: ["1/240120-0002"];
    "UPDATE login SET staff_id = (SELECT id FROM link) WHERE login = 'host-li'" => [POINTERS]: [];
    "UPDATE login SET village_id = 1 WHERE login = 'host-li'" => [POINTERS]: [];
    "UPDATE credential SET staff_id = (SELECT staff_id FROM credential WHERE village_id = 2 ORDER BY secret_hash LIMIT 1)
     WHERE staff_id = (SELECT id FROM staff WHERE village_id = 1 AND role = 'packer')"
        => [POINTERS] sqlite [KEYS]: [];
    "UPDATE movement SET staff_id = (SELECT id FROM link) WHERE kind = 'shipped'" => [POINTERS]: [];
    "UPDATE movement SET order_id = (SELECT id FROM link) WHERE kind = 'shipped'" => [MOVED, POINTERS]: [];
    "UPDATE payment SET confirmed_by = (SELECT id FROM link) WHERE confirmed_by IS NOT NULL" => [POINTERS]: [];
    "UPDATE refund SET asked_by = (SELECT id FROM link) WHERE state = 'by_hand'" => [POINTERS]: [];
    "UPDATE outbox SET subscriber_id = (SELECT id FROM link)" => [POINTERS] sqlite [KEYS]: [];
    "UPDATE freight SET village_id = 99" => [POINTERS] sqlite [KEYS]: ["freight.village_id 99"];
    "UPDATE village SET town_id = 99 WHERE id = 2" => [POINTERS] sqlite [KEYS]: ["village.town_id 99"];
};

const DAMAGE_OF_SQLITE: &[Break] = breaks! {
    "PRAGMA writable_schema = ON; UPDATE sqlite_master
     SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'outbox_due') WHERE name = 'orders_hold'"
        => ["the file's pages and indexes are sound"]: [];
};

const DAMAGE_OF_POSTGRES: &[Break] = breaks! {
    "ALTER TABLE orders ADD CONSTRAINT unproven CHECK (total_fen > 0) NOT VALID"
        => ["every constraint is in force for all rows"]: ["unproven"];
    "UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = CAST('orders_hold' AS regclass)"
        => ["every index is valid"]: ["orders_hold"];
};

#[tokio::test]
async fn what_breaks_is_found_and_nothing_else() {
    on_both(async |shop| {
        fill(shop).await;
        let url = &shop.app.config.database_url;
        shop.app.db.close().await;
        let damage = match sqlite_path(url) {
            Some(_) => DAMAGE_OF_SQLITE,
            None => DAMAGE_OF_POSTGRES,
        };
        for (at, broken) in BREAKS
            .iter()
            .chain(parcels::BREAKS)
            .chain(claims::BREAKS)
            .chain(damage)
            .enumerate()
        {
            let findings = broken_copy(url, at, broken.sql).await;
            let mut expected = broken.found.to_vec();
            if sqlite_path(url).is_some() {
                expected.extend(broken.sqlite);
            }
            let found: Vec<&str> = findings
                .iter()
                .filter(|it| it.broken > 0)
                .map(|it| it.name)
                .collect();
            assert_eq!(found, expected, "{}\n{}", broken.sql, report(&findings));
            let first = findings.iter().find(|it| it.broken > 0).unwrap();
            assert!(!first.examples.is_empty(), "{first:?}");
            if !broken.examples.is_empty() {
                assert_eq!(first.examples, broken.examples, "{}", broken.sql);
            }
        }
    })
    .await;
}
