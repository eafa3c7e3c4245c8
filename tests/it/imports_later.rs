//! Files that come again: what has been sold, sent or given back since, what did not fit, what contradicts us.

use axum::http::Method;
use serde_json::json;

use crate::app::{TestApp, on_both};
use crate::goods::{add_sku, counts, item, product, receive, sku};
use crate::imports::{HOME, backlog, bring_in, broken, generic, order, results, row, stocked, upload};

#[tokio::test]
async fn what_lacks_stock_waits_for_the_next_import() {
    on_both(async |shop| {
        stocked(shop, 0).await;
        receive(shop, "FT05", "L1", "2025-01-09", 5).await;
        let rows = [row(1, 4, "", "paid"), row(2, 3, "", "paid"), row(3, 1, "", "paid")];
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let file = generic(&rows);
        let report = bring_in(shop, &file).await;
        assert_eq!(results(&report), [2, 0, 0, 0, 1], "in the order of the file, what fits");
        let note = &report["problems"][0];
        assert_eq!((&note["row"], &note["field"]), (&json!(3), &json!("quantity")));
        assert_eq!(
            note["message"],
            "not enough stock: short of 2 FT05; receive the stock (or set cases ahead of the lot), then import again"
        );
        let ahead = json!({"cases": 2, "ready_on": "2024-01-25"});
        shop.must(Method::PUT, &shop.zhang.manager, "/api/v1/stock/FT05/ahead", ahead).await;
        assert_eq!(results(&bring_in(shop, &file).await), [0, 0, 2, 0, 1]);
        receive(shop, "MS10", "L1", "2025-01-09", 5).await;
        let ahead = json!({"cases": 3, "ready_on": "2024-01-25"});
        shop.must(Method::PUT, &shop.zhang.manager, "/api/v1/stock/FT05/ahead", ahead).await;
        let last = bring_in(shop, &file).await;
        assert_eq!(results(&last), [1, 0, 2, 0, 0]);
        assert_eq!(last["per_order"][1]["number"], "240120-0003");
        assert_eq!(counts(&item(shop, "FT05").await), (5, 8, 0));
    })
    .await;
}

/// Movements of noodles that have left two at a time.
async fn shipped_twos(shop: &TestApp) -> usize {
    let path = "/api/v1/stock/movements?sku=FT05";
    let (_, moves) = shop.get(&shop.zhang.packer, path).await;
    let rows = moves["items"].as_array().unwrap().iter();
    rows.filter(|row| row["kind"] == "shipped" && row["quantity"] == -2)
        .count()
}

#[tokio::test]
async fn a_later_file_tells_what_happened_since() {
    on_both(async |shop| {
        stocked(shop, 20).await;
        let file = |states: [(&str, &str); 6]| {
            let rows = states.iter().zip(1..);
            let rows: Vec<String> = rows.map(|((state, back), no)| row(no, 2, back, state)).collect();
            generic(&rows.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let first = bring_in(shop, &file([("paid", ""); 6])).await;
        assert_eq!(results(&first), [6, 0, 0, 0, 0]);
        let later = file([
            ("cancelled", ""),
            ("refunded", "136.00"),
            ("shipped", ""),
            ("delivered", ""),
            ("paid", "36.00"),
            ("paid", ""),
        ]);
        let (_, trial) = upload(shop, &shop.zhang.manager, "?dry_run=true", &later).await;
        assert_eq!(results(&trial), [0, 5, 1, 0, 0], "{trial}");
        assert_eq!(backlog(shop).await, (12, 6), "a trial");
        let report = bring_in(shop, &later).await;
        assert_eq!(results(&report), [0, 5, 1, 0, 0], "{report}");
        assert_eq!(report["per_order"][2]["why"], "sent SF1003");
        let mut seen = Vec::new();
        for entry in report["per_order"].as_array().unwrap() {
            let ours = order(shop, &entry["number"]).await;
            let refunds = ours["refunds"].as_array().unwrap();
            assert!(refunds.iter().all(|refund| refund["state"] == "done"));
            let status = ours["order"]["status"].as_str().unwrap().to_owned();
            seen.push((status, ours["order"]["refunded_fen"].as_i64().unwrap()));
        }
        let expected = [
            ("refunded", 13_600),
            ("refunded", 13_600),
            ("shipped", 0),
            ("delivered", 0),
            ("paid", 3_600),
            ("paid", 0),
        ];
        assert_eq!(seen, expected.map(|(status, back)| (status.to_owned(), back)));
        assert_eq!(
            counts(&item(shop, "FT05").await),
            (16, 4, 12),
            "4 have left, 4 are to go"
        );
        assert_eq!(shipped_twos(shop).await, 2);
        assert_eq!(
            results(&bring_in(shop, &later).await),
            [0, 0, 6, 0, 0],
            "and only once"
        );
        assert_eq!(counts(&item(shop, "FT05").await), (16, 4, 12));
        let old = bring_in(shop, &file([("paid", ""); 6])).await;
        assert_eq!(
            results(&old),
            [0, 0, 6, 0, 0],
            "an older file brings nothing back"
        );
        assert_eq!(old["per_order"][0]["why"], "240120-0001 has been cancelled here");
        assert_eq!(backlog(shop).await, (4, 2));
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_was_sent_must_have_left_a_lot() {
    on_both(async |shop| {
        stocked(shop, 0).await;
        let ahead = json!({"cases": 2, "ready_on": "2024-01-25"});
        shop.must(
            Method::PUT,
            &shop.zhang.manager,
            "/api/v1/stock/FT05/ahead",
            ahead,
        )
        .await;
        assert_eq!(
            results(&bring_in(shop, &generic(&[&row(1, 2, "", "paid")])).await)[0],
            1
        );
        let sent = generic(&[&row(1, 2, "", "shipped")]);
        let report = bring_in(shop, &sent).await;
        assert_eq!(
            (results(&report)[4], &report["problems"][0]["field"]),
            (1, &json!("status"))
        );
        assert_eq!(backlog(shop).await, (2, 1));
        receive(shop, "FT05", "L1", "2025-01-09", 2).await;
        assert_eq!(results(&bring_in(shop, &sent).await), [0, 1, 0, 0, 0]);
        assert_eq!(backlog(shop).await, (0, 0));
        assert_eq!(counts(&item(shop, "FT05").await), (0, 0, 0));
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn changed_contents_and_unknown_goods_are_for_people() {
    on_both(async |shop| {
        stocked(shop, 20).await;
        bring_in(shop, &generic(&[&row(1, 2, "", "paid")])).await;
        let wrong = format!("2,NONE,1,68.00,,paid,{HOME},");
        let doubtful = "3,FT05,1,68.00,,paid,12,某个地方,".to_owned();
        let rows = [
            row(1, 3, "", "paid"),
            wrong,
            doubtful,
            row(4, 1, "", "awaiting_payment"),
        ];
        let report = bring_in(shop, &generic(&rows.each_ref().map(String::as_str))).await;
        assert_eq!(results(&report), [1, 0, 0, 1, 2]);
        let problems = report["problems"].as_array().unwrap();
        let shown: Vec<_> = problems
            .iter()
            .map(|note| (note["row"].as_u64().unwrap(), &note["field"]))
            .collect();
        assert_eq!(shown, [(2, &json!("order_no")), (3, &json!("sku_code"))]);
        let why = problems[0]["message"].as_str().unwrap();
        assert!(why.contains("240120-0001 has 2 cases, the file has 3"), "{why}");
        let warnings = report["warnings"].as_array().unwrap();
        let warned: Vec<_> = warnings
            .iter()
            .map(|note| (&note["row"], &note["field"]))
            .collect();
        assert_eq!(
            warned,
            [(&json!(4), &json!("phone")), (&json!(4), &json!("street"))]
        );
        assert_eq!(backlog(shop).await, (3, 2), "sold is sold, whatever its address");
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn goods_without_a_code_and_gift_boxes_are_found_by_name() {
    on_both(async |shop| {
        stocked(shop, 20).await;
        let id = product(shop, "lihe").await;
        let mut gift = sku("BOX");
        (gift["title"], gift["spec"]) = (json!("年货礼盒"), json!("一盒"));
        gift["components"] = json!([{"sku": "FT05", "quantity": 2}, {"sku": "MS10", "quantity": 1}]);
        add_sku(shop, &id, gift).await;
        let text = "order_no,product,spec,quantity,goods_yuan,status,recipient,phone,street\n\
            1,年货礼盒,一盒,3,300.00,paid,张三,13800000000,河南省平顶山市鲁山县张村镇解放路1号\n\
            2,纯红薯粉条,2.5kg/箱,1,68.00,paid,张三,13800000000,河南省平顶山市鲁山县张村镇解放路1号\n";
        let report = bring_in(shop, text.as_bytes()).await;
        assert_eq!(results(&report), [1, 0, 0, 0, 1]);
        let why = report["problems"][0]["message"].as_str().unwrap();
        assert!(
            why.starts_with("several skus are called 纯红薯粉条 2.5kg/箱"),
            "{why}"
        );
        assert_eq!(counts(&item(shop, "FT05").await), (20, 6, 14));
        assert_eq!(counts(&item(shop, "MS10").await), (20, 3, 17));
        assert_eq!(broken(shop).await, [""; 0]);
    })
    .await;
}
