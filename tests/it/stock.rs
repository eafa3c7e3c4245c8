//! What comes in, what is set right, and what the movements tell of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::app::{fields, on_both};
use crate::goods::{ADJUSTMENTS, RECEIPTS, add_sku, counts, item, product, receipt, receive, sku};

#[tokio::test]
async fn receipts_fill_lots_and_movements_tell_why() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        add_sku(shop, &id, sku("FT05")).await;
        let first = receive(shop, "FT05", "B-2", "2025-01-09", 30).await;
        assert_eq!(counts(&first), (30, 0, 30));
        assert_eq!(
            (&first["sku"], &first["lot"]["code"]),
            (&json!("FT05"), &json!("B-2"))
        );
        shop.app.clock.advance(Duration::from_secs(1));
        let mut more = receipt("FT05", "B-2", "2025-01-09", 12);
        more["lot"]["origin"] = json!("石佛寺镇张村");
        let (status, more) = shop.post(&shop.zhang.packer, RECEIPTS, more).await;
        assert_eq!(
            (status, counts(&more), &more["lot"]["on_hand"]),
            (201, (42, 0, 42), &json!(42))
        );
        assert_eq!(
            more["lot"]["origin"], "石佛寺镇张村",
            "an origin may be told later"
        );
        let (status, problem) = shop
            .post(
                &shop.zhang.packer,
                RECEIPTS,
                receipt("FT05", "B-2", "2025-01-10", 1),
            )
            .await;
        assert_eq!((status, &problem["type"]), (409, &json!("/problems/lot-differs")));
        receive(shop, "FT05", "B-1", "2024-12-01", 8).await;

        let listed = item(shop, "FT05").await;
        assert_eq!(
            counts(&listed),
            (50, 0, 50),
            "what was refused left nothing behind"
        );
        let lots: Vec<_> = listed["lots"]
            .as_array()
            .unwrap()
            .iter()
            .map(|lot| &lot["code"])
            .collect();
        assert_eq!(lots, ["B-1", "B-2"], "the first to expire first");

        shop.app.clock.advance(Duration::from_secs(1));
        let loss = json!({"sku": "FT05", "lot": "B-1", "quantity": -3, "reason": "受潮"});
        let (status, left) = shop.post(&shop.zhang.packer, ADJUSTMENTS, loss).await;
        assert_eq!((status, counts(&left)), (201, (47, 0, 47)));
        let (_, moves) = shop
            .get(&shop.zhang.accountant, "/api/v1/stock/movements?sku=FT05&limit=2")
            .await;
        let newest = &moves["items"][0];
        assert_eq!(
            [
                &newest["kind"],
                &newest["quantity"],
                &newest["reason"],
                &newest["lot"],
                &newest["staff"],
                &newest["order"]
            ],
            [
                &json!("adjustment"),
                &json!(-3),
                &json!("受潮"),
                &json!("B-1"),
                &json!("packer-zhang"),
                &Value::Null
            ]
        );
        let rest = format!(
            "/api/v1/stock/movements?sku=FT05&limit=2&after={}",
            moves["next"].as_str().unwrap()
        );
        let (_, rest) = shop.get(&shop.zhang.accountant, &rest).await;
        let quantities = |page: &Value| -> Vec<i64> {
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["quantity"].as_i64().unwrap())
                .collect()
        };
        assert_eq!(rest["next"], Value::Null);
        assert_eq!(
            quantities(&moves).iter().chain(&quantities(&rest)).sum::<i64>(),
            47,
            "movements add up"
        );
        for (token, query, status, count) in [
            (&shop.zhang.overseer, "", 200, 4),
            (&shop.zhang.overseer, "?sku=%00", 200, 0),
            (&shop.li.manager, "", 200, 0),
        ] {
            let (got, page) = shop.get(token, &format!("/api/v1/stock/movements{query}")).await;
            assert_eq!(
                (got, page["items"].as_array().unwrap().len()),
                (status, count),
                "{query}"
            );
        }
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
            (receipt("FT05", json!({"code": "L2", "made_on": "2024-01-10"}), 1), "lot"),
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
