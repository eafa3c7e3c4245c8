//! Figures: the same from every side, and as files that a spreadsheet opens.

use std::io::Cursor;

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use calamine::{Data, Reader, Xlsx};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, fields, on_both};
use crate::imports::{GROUP, LIVE, bring_in, stocked};

async fn report(shop: &TestApp, token: &str, path: &str) -> (u16, Value) {
    shop.get(token, &format!("/api/v1/reports/{path}")).await
}

async fn rows(shop: &TestApp, path: &str) -> Vec<Value> {
    let (status, list) = report(shop, &shop.zhang.accountant, path).await;
    assert_eq!((status, &list["next"]), (200, &Value::Null), "{list}");
    list["items"].as_array().unwrap().clone()
}

async fn file(shop: &TestApp, path: &str) -> (HeaderMap, Vec<u8>) {
    let request = Request::get(format!("/api/v1/reports/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", shop.zhang.accountant));
    let response = shop
        .app
        .service()
        .oneshot(request.body(Body::empty()).unwrap())
        .await;
    let (head, body) = response.unwrap().into_parts();
    assert_eq!(head.status, 200);
    (head.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

fn sum(rows: &[Value], field: &str) -> i64 {
    rows.iter().map(|row| row[field].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn the_backlog_is_what_is_sold_and_not_handed_over() {
    on_both(async |shop| {
        let empty = report(shop, &shop.zhang.packer, "backlog").await;
        let nothing =
            json!({"cases": 0, "orders": 0, "by_sku": [], "by_province": [], "oldest_paid_at": null});
        assert_eq!(empty, (200, nothing.clone()));
        stocked(shop, 500).await;
        bring_in(shop, GROUP).await;
        let (_, backlog) = report(shop, &shop.zhang.packer, "backlog").await;
        assert_eq!(
            (&backlog["cases"], &backlog["orders"]),
            (&json!(380), &json!(166))
        );
        assert_eq!(backlog["oldest_paid_at"], "2024-01-12T11:16:55Z");
        let by_sku = backlog["by_sku"].as_array().unwrap();
        let cases: Vec<_> = by_sku
            .iter()
            .map(|row| (row["sku"].as_str().unwrap(), row["cases"].as_i64().unwrap()))
            .collect();
        assert_eq!(
            cases,
            [
                ("FT05", 205),
                ("FT10", 100),
                ("MS10", 44),
                ("LG02", 19),
                ("MY04", 12)
            ]
        );
        let by_province = backlog["by_province"].as_array().unwrap();
        assert_eq!(
            (sum(by_province, "cases"), sum(by_province, "orders")),
            (380, 166)
        );
        assert_eq!(report(shop, &shop.li.manager, "backlog").await, (200, nothing));
        let (_, csv) = file(shop, "backlog?format=csv").await;
        let csv = String::from_utf8(csv).unwrap();
        let cases = csv
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(3).unwrap().parse::<i64>().unwrap());
        assert_eq!(cases.sum::<i64>(), 380);
    })
    .await;
}

#[tokio::test]
async fn sales_by_day_and_channel_come_to_the_same() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        bring_in(shop, GROUP).await;
        bring_in(shop, LIVE).await;
        let (days, channels) = (rows(shop, "sales").await, rows(shop, "channels").await);
        for (field, expected) in [
            ("orders", 166 + 54),
            ("cases", 380 + 104),
            ("goods_fen", 3_023_370 + 732_750),
            ("freight_fen", 0),
            ("captured_fen", 3_023_370 + 732_750),
            ("refunded_fen", 0),
        ] {
            assert_eq!(
                (sum(&days, field), sum(&channels, field)),
                (expected, expected),
                "{field}"
            );
        }
        assert_eq!(channels[0]["channel"], "group", "the largest first");
        let order: Vec<_> = days.iter().map(|day| day["day"].as_str().unwrap()).collect();
        assert!(order.is_sorted_by(|one, other| one > other), "{order:?}");
        let live = rows(shop, "sales?from=2024-01-18&to=2024-01-18").await;
        assert_eq!((live.len(), live[0]["day"].as_str()), (1, Some("2024-01-18")));
        let parts = [
            rows(shop, "sales?to=2024-01-17").await,
            live,
            rows(shop, "sales?from=2024-01-19&to=").await,
        ];
        assert_eq!(
            parts.map(|part| sum(&part, "orders")).iter().sum::<i64>(),
            220,
            "days don't overlap"
        );
        assert_eq!(rows(shop, "channels?from=2024-02-01").await, [Value::Null; 0]);
    })
    .await;
}

#[tokio::test]
async fn the_day_of_a_sale_is_that_of_shanghai() {
    on_both(async |shop| {
        stocked(shop, 10).await;
        let line = |no: u32, at: &str| {
            format!("{no},FT05,1,68.00,paid,张三,13800000000,河南省平顶山市鲁山县张村镇解放路1号,{at}\n")
        };
        let head = "order_no,sku_code,quantity,goods_yuan,status,recipient,phone,street,placed_at\n";
        let text = head.to_owned() + &line(1, "2024-01-12 23:59:59") + &line(2, "2024-01-13 00:00:01");
        bring_in(shop, text.as_bytes()).await;
        let days: Vec<_> = rows(shop, "sales")
            .await
            .iter()
            .map(|day| day["day"].clone())
            .collect();
        assert_eq!(days, ["2024-01-13", "2024-01-12"]);
        for day in ["2024-01-12", "2024-01-13"] {
            let found = rows(shop, &format!("sales?from={day}&to={day}")).await;
            assert_eq!((found.len(), &found[0]["day"]), (1, &json!(day)));
        }
    })
    .await;
}

#[tokio::test]
async fn reports_are_files_for_spreadsheets() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        bring_in(shop, GROUP).await;
        let stock = rows(shop, "stock").await;
        assert_eq!(
            stock[0],
            json!({"sku": "FT05", "title": "纯红薯粉条", "spec": "2.5kg/箱", "on_hand": 500, "held": 205, "available": 295})
        );
        for name in ["sales", "channels", "backlog", "stock"] {
            let (headers, csv) = file(shop, &format!("{name}?format=csv")).await;
            assert_eq!(headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
            let expected = format!("attachment; filename=\"{name}-2024-01-20.csv\"");
            assert_eq!(headers[header::CONTENT_DISPOSITION], expected.as_str());
            let csv = String::from_utf8(csv).unwrap();
            let (_, book) = file(shop, &format!("{name}?format=xlsx")).await;
            let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).unwrap();
            let sheet = book.worksheet_range_at(0).unwrap().unwrap();
            assert_eq!(csv.lines().count(), sheet.height(), "{name}");
            let first = csv.trim_start_matches('\u{feff}').split(',').next().unwrap();
            assert_eq!(sheet.get_value((0, 0)), Some(&Data::String(first.into())));
        }
    })
    .await;
}

#[tokio::test]
async fn reports_are_for_those_who_need_them() {
    on_both(async |shop| {
        let zhang = &shop.zhang;
        let people = [
            &zhang.manager,
            &zhang.accountant,
            &zhang.overseer,
            &zhang.packer,
            &zhang.host,
        ];
        for (name, expected) in [
            ("sales", [200, 200, 200, 403, 403]),
            ("channels", [200, 200, 200, 403, 403]),
            ("stock", [200, 200, 200, 403, 403]),
            ("backlog", [200, 200, 200, 200, 403]),
            ("secrets", [404; 5]),
        ] {
            for (token, status) in people.iter().zip(expected) {
                assert_eq!(report(shop, token, name).await.0, status, "{name}");
            }
        }
        assert_eq!(report(shop, "", "sales").await.0, 401);
        for (query, field) in [
            ("sales?format=pdf", "format"),
            ("sales?from=yesterday", "from"),
            ("channels?to=2024-02-30", "to"),
            ("sales?from=2024-01-02&to=2024-01-01", "to"),
            ("sales?month=1", "month"),
            ("backlog?from=2024-01-01", "from"),
            ("stock?to=2024-01-01", "to"),
        ] {
            let (status, problem) = report(shop, &zhang.manager, query).await;
            assert_eq!((status, fields(&problem)), (422, vec![field]), "{query}");
        }
        let span = "sales?from=0001-01-01&to=9999-12-31";
        assert_eq!(report(shop, &zhang.manager, span).await.0, 200);
    })
    .await;
}
