//! What comes in, what is set right, and what the movements tell of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{fields, on_both};
use crate::goods::{ADJUSTMENTS, RECEIPTS, add_sku, counts, item, product, receipt, receive, sku};

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().unwrap()
}

#[tokio::test]
async fn receipts_fill_lots() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        add_sku(shop, &id, sku("FT05")).await;
        let first = receive(shop, "FT05", "B-2", "2025-01-09", 30).await;
        assert_eq!(counts(&first), (30, 0, 30));
        assert_eq!([&first["sku"], &first["lot"]["code"]], ["FT05", "B-2"]);
        let mut more = receipt("FT05", "B-2", "2025-01-09", 12);
        more["lot"]["origin"] = json!("石佛寺镇张村");
        let (status, more) = shop.post(&shop.zhang.packer, RECEIPTS, more).await;
        assert_eq!((status, counts(&more)), (201, (42, 0, 42)));
        assert_eq!(
            [&more["lot"]["on_hand"], &more["lot"]["origin"]],
            [&json!(42), &json!("石佛寺镇张村")],
            "more of it, and the origin told later"
        );
        let mut elsewhere = receipt("FT05", "B-2", "2025-01-09", 1);
        elsewhere["lot"]["origin"] = json!("李庄");
        for differs in [receipt("FT05", "B-2", "2025-01-10", 1), elsewhere] {
            let (status, problem) = shop.post(&shop.zhang.packer, RECEIPTS, differs).await;
            assert_eq!((status, &problem["type"]), (409, &json!("/problems/lot-differs")));
        }
        receive(shop, "FT05", "B-1", "2024-12-01", 8).await;
        let listed = item(shop, "FT05").await;
        assert_eq!(
            counts(&listed),
            (50, 0, 50),
            "what was refused left nothing behind"
        );
        let lots = listed["lots"].as_array().unwrap();
        let codes: Vec<_> = lots.iter().map(|lot| &lot["code"]).collect();
        assert_eq!(codes, ["B-1", "B-2"], "the first to expire first");
    })
    .await;
}

#[tokio::test]
async fn movements_tell_why() {
    on_both(async |shop| {
        let path = "/api/v1/stock/movements";
        let id = product(shop, "fentiao").await;
        for code in ["FT05", "FT10"] {
            add_sku(shop, &id, sku(code)).await;
            receive(shop, code, "L1", "2025-01-09", 30).await;
            receive(shop, code, "L2", "2025-01-09", 12).await;
        }
        shop.app.clock.advance(Duration::from_secs(1));
        let loss = json!({"sku": "FT05", "lot": "L2", "quantity": -3, "reason": " 受潮 "});
        let (status, left) = shop.post(&shop.zhang.packer, ADJUSTMENTS, loss).await;
        assert_eq!((status, counts(&left)), (201, (39, 0, 39)));
        let (_, page) = shop
            .get(&shop.zhang.accountant, &format!("{path}?sku=FT05&limit=2"))
            .await;
        let newest = &page["items"][0];
        assert_eq!(
            [
                &newest["kind"],
                &newest["reason"],
                &newest["lot"],
                &newest["staff"]
            ],
            ["adjustment", "受潮", "L2", "packer-zhang"]
        );
        assert_eq!(
            [&newest["at"], &newest["order"]],
            [&json!("2024-01-20T02:00:01Z"), &Value::Null]
        );
        let rest = format!("{path}?sku=FT05&limit=2&after={}", page["next"].as_str().unwrap());
        let (_, rest) = shop.get(&shop.zhang.accountant, &rest).await;
        assert_eq!(rest["next"], Value::Null);
        let all = items(&page).iter().chain(items(&rest));
        let sum: i64 = all.map(|row| row["quantity"].as_i64().unwrap()).sum();
        assert_eq!(sum, 39, "movements add up to what is on hand");
        for (token, query, count) in [
            (&shop.zhang.overseer, "", 5),
            (&shop.zhang.overseer, "?sku=%00", 0),
            (&shop.li.manager, "", 0),
        ] {
            let (status, page) = shop.get(token, &format!("{path}{query}")).await;
            assert_eq!((status, items(&page).len()), (200, count), "{query}");
        }
        assert_eq!(shop.get(&shop.zhang.host, path).await.0, 403);
    })
    .await;
}

#[tokio::test]
async fn wrong_receipts_and_adjustments_name_their_fields() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        add_sku(shop, &id, sku("FT05")).await;
        receive(shop, "FT05", "L1", "2025-01-09", 5).await;
        let lot = |made_on: &str, best_before: &str| json!({"code": "L2", "made_on": made_on, "best_before": best_before});
        let receipt = |sku: &str, lot: Value, quantity: i64| json!({"sku": sku, "lot": lot, "quantity": quantity});
        for (body, named) in [
            (receipt("NONE", lot("2024-01-10", "2024-02-10"), 1), "sku"),
            (receipt("FT05", lot("2024-01-10", "2024-02-10"), 0), "quantity"),
            (receipt("FT05", lot("2024-01-10", "2024-02-10"), 100_001), "quantity"),
            (receipt("FT05", lot("2024-01-10", "2024-01-09"), 1), "lot.best_before"),
            (receipt("FT05", lot("10.1.2024", "2024-02-10"), 1), "lot.made_on"),
            (receipt("FT05", json!({"code": "L2", "made_on": "2024-01-10"}), 1), "lot.best_before"),
        ] {
            let (status, problem) = shop.post(&shop.zhang.packer, RECEIPTS, body.clone()).await;
            assert_eq!((status, fields(&problem)), (422, vec![named]), "{body}");
        }
        let adjustment = |sku: &str, lot: &str, quantity: i64, reason: &str| {
            json!({"sku": sku, "lot": lot, "quantity": quantity, "reason": reason})
        };
        for (body, named) in [
            (adjustment("NONE", "L1", 1, "x"), "sku"),
            (adjustment("FT05", "L9", 1, "x"), "lot"),
            (adjustment("FT05", "L1", 0, "x"), "quantity"),
            (adjustment("FT05", "L1", 1, " \u{0} "), "reason"),
        ] {
            let (status, problem) = shop.post(&shop.zhang.packer, ADJUSTMENTS, body.clone()).await;
            assert_eq!((status, fields(&problem)), (422, vec![named]), "{body}");
        }
        let body = adjustment("FT05", "L1", -1, "x");
        for (token, status) in [(&shop.zhang.host, 403), (&shop.zhang.overseer, 403), (&shop.li.packer, 422)] {
            assert_eq!(shop.post(token, ADJUSTMENTS, body.clone()).await.0, status);
        }
        assert_eq!(shop.get(&shop.zhang.host, "/api/v1/stock").await.0, 403);
        assert_eq!(counts(&item(shop, "FT05").await), (5, 0, 5));
        assert_eq!(shop.get(&shop.li.manager, "/api/v1/stock").await.1, json!({"items": [], "next": null}));
    })
    .await;
}
