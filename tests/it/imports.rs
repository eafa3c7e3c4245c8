//! Order files of other shops: every paid order becomes ours once, whatever is imported how often.

use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::imports::run_file;
use cunji::{audit, on, transact};
use serde_json::{Value, json};

use crate::app::{TestApp, TestVillage, fields, on_both};
use crate::goods::{PRODUCTS, add_sku, counts, item, product, receive, sku};

pub const IMPORT: &str = "/api/v1/orders/import";
pub const GROUP: &[u8] = include_bytes!("../../src/demo/orders-380-cases.kuaituantuan.csv");
pub const LIVE: &[u8] = include_bytes!("data/orders-120-cases.doudian.gb18030.csv");

/// Skus of both sample files, with so many cases of each on the shelf.
pub async fn stocked(shop: &TestApp, cases: i64) {
    let id = product(shop, "fentiao").await;
    for code in ["FT05", "FT10", "LG02", "MS10", "MY04"] {
        add_sku(shop, &id, sku(code)).await;
        if cases > 0 {
            receive(shop, code, "L1", "2025-01-09", cases).await;
        }
    }
}

pub async fn upload(shop: &TestApp, token: &str, query: &str, bytes: &[u8]) -> (u16, Value) {
    let request = Request::post(format!("{IMPORT}{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::ACCEPT_LANGUAGE, "en")
        .header(header::CONTENT_TYPE, "application/octet-stream");
    shop.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
}

pub async fn bring_in(shop: &TestApp, bytes: &[u8]) -> Value {
    let (status, report) = upload(shop, &shop.zhang.manager, "", bytes).await;
    assert_eq!(status, 200, "{report}");
    report
}

/// (created, updated, unchanged, skipped, failed)
pub fn results(report: &Value) -> [u64; 5] {
    ["created", "updated", "unchanged", "skipped", "failed"].map(|field| report[field].as_u64().unwrap())
}

pub async fn backlog(shop: &TestApp) -> (i64, i64) {
    let (_, backlog) = shop.get(&shop.zhang.packer, "/api/v1/reports/backlog").await;
    (
        backlog["cases"].as_i64().unwrap(),
        backlog["orders"].as_i64().unwrap(),
    )
}

/// A file in the generic format; each row is `order_no,sku_code,quantity,goods,refunded,status,phone,street,waybill`.
pub fn generic(rows: &[&str]) -> Vec<u8> {
    let mut text = String::from(
        "order_no,sku_code,quantity,goods_yuan,refunded_yuan,status,phone,street,waybill,recipient,paid_at\n",
    );
    for row in rows {
        text += &format!("{row},张三,2024-01-12 19:16:55\n");
    }
    text.into_bytes()
}

pub const HOME: &str = "13800000000,河南省平顶山市鲁山县张村镇解放路1号";

pub fn row(no: u32, quantity: u32, refunded: &str, status: &str) -> String {
    let goods = quantity * 68;
    format!("{no},FT05,{quantity},{goods}.00,{refunded},{status},{HOME},SF100{no}")
}

/// What `cunji check` finds broken.
pub async fn broken(shop: &TestApp) -> Vec<String> {
    let findings = audit::check(&shop.app.db).await.unwrap();
    let broken = findings.iter().filter(|finding| finding.broken > 0);
    broken
        .map(|finding| format!("{} {}", finding.invariant, finding.name))
        .collect()
}

pub async fn order(shop: &TestApp, number: &Value) -> Value {
    let path = format!("/api/v1/orders/{}/details", number.as_str().unwrap());
    shop.must(Method::GET, &shop.zhang.manager, &path, Value::Null)
        .await
}

#[tokio::test]
async fn a_group_sale_of_380_cases_comes_in_once() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        let report = bring_in(shop, GROUP).await;
        assert_eq!(results(&report), [166, 0, 0, 0, 0]);
        assert_eq!(
            (&report["shop"], &report["rows"], &report["orders"]),
            (&json!("kuaituantuan"), &json!(202), &json!(166))
        );
        assert_eq!(
            (&report["problems"], &report["unknown_columns"]),
            (&json!([]), &json!([]))
        );
        assert_eq!(backlog(shop).await, (380, 166));
        assert_eq!(counts(&item(shop, "FT05").await), (500, 205, 295));
        let third = &report["per_order"][2];
        assert_eq!(
            (&third["external_no"], &third["rows"], &third["number"]),
            (&json!("3@202401130630"), &json!([4, 5]), &json!("240120-0003"))
        );
        let ours = order(shop, &third["number"]).await;
        let told = [
            "status",
            "source",
            "channel",
            "payment_method",
            "paid_at",
            "updated_at",
        ];
        assert_eq!(
            told.map(|field| ours["order"][field].as_str().unwrap_or("?")),
            [
                "paid",
                "import",
                "group",
                "platform",
                "2024-01-12T22:30:46Z",
                "2024-01-20T02:00:00Z"
            ]
        );
        assert_eq!(
            (
                &ours["order"]["total_fen"],
                &ours["order"]["captured_fen"],
                &ours["order"]["cases"]
            ),
            (&json!(24_900), &json!(24_900), &json!(4))
        );
        assert_eq!(broken(shop).await, [""; 0]);
        let again = bring_in(shop, GROUP).await;
        assert_eq!(results(&again), [0, 0, 166, 0, 0]);
        assert_eq!(again["per_order"][2]["number"], "240120-0003");
        assert_eq!(backlog(shop).await, (380, 166));
        assert_eq!(counts(&item(shop, "FT05").await), (500, 205, 295));
    })
    .await;
}

#[tokio::test]
async fn a_livestream_brings_what_is_to_be_sent() {
    on_both(async |shop| {
        stocked(shop, 100).await;
        let report = bring_in(shop, LIVE).await;
        assert_eq!(results(&report), [54, 0, 0, 6, 0]);
        assert_eq!(report["unknown_columns"], json!(["取消原因"]));
        assert_eq!(backlog(shop).await, (104, 54));
        let (_, list) = shop.get(&shop.zhang.accountant, "/api/v1/reports/channels").await;
        let only = &list["items"][0];
        assert_eq!(
            (
                &only["channel"],
                &only["host"],
                &only["goods_fen"],
                &only["orders"]
            ),
            (
                &json!("livestream"),
                &json!("张村助农直播间"),
                &json!(732_750),
                &json!(54)
            )
        );
        let skipped = report["per_order"].as_array().unwrap();
        let skipped: Vec<_> = skipped
            .iter()
            .filter(|entry| entry["result"] == "skipped")
            .collect();
        assert_eq!(
            skipped.iter().filter(|entry| entry["why"] == "cancelled").count(),
            5
        );
        assert_eq!(
            skipped.iter().filter(|entry| entry["why"] == "refunded").count(),
            1
        );
        assert_eq!(results(&bring_in(shop, LIVE).await), [0, 0, 54, 6, 0]);
        assert_eq!(backlog(shop).await, (104, 54));
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    on_both(async |shop| {
        stocked(shop, 100).await;
        let (status, trial) = upload(shop, &shop.zhang.manager, "?dry_run=true", GROUP).await;
        assert_eq!(
            (status, &trial["id"], &trial["dry_run"]),
            (200, &Value::Null, &json!(true))
        );
        assert_eq!(backlog(shop).await, (0, 0));
        let manager = &shop.zhang.manager;
        assert_eq!(shop.get(manager, "/api/v1/imports").await.1["items"], json!([]));
        assert_eq!(counts(&item(shop, "FT05").await), (100, 0, 100));
        let real = bring_in(shop, GROUP).await;
        assert!(
            real["failed"].as_u64().unwrap() > 0,
            "105 cases of FT05 are missing"
        );
        assert_eq!(results(&trial), results(&real), "over several parts as well");
        let why = |report: &Value| {
            let entries = report["per_order"].as_array().unwrap().clone();
            entries
                .into_iter()
                .map(|entry| entry["why"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(why(&trial), why(&real));
    })
    .await;
}

#[tokio::test]
async fn imports_of_one_file_at_once_bring_each_order_in_once() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        let (one, other) = tokio::join!(bring_in(shop, GROUP), bring_in(shop, GROUP));
        let (one, other) = (results(&one), results(&other));
        assert_eq!((one[0] + other[0], one[2] + other[2]), (166, 166));
        assert_eq!(broken(shop).await, [""; 0]);
        assert_eq!(backlog(shop).await, (380, 166));
        assert_eq!(counts(&item(shop, "FT05").await), (500, 205, 295));
    })
    .await;
}

#[tokio::test]
async fn an_import_can_be_read_afterwards() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        let report = bring_in(shop, LIVE).await;
        let id = report["id"].as_str().unwrap();
        let manager = &shop.zhang.manager;
        let (_, list) = shop.get(manager, "/api/v1/imports").await;
        let row = &list["items"][0];
        assert_eq!(
            (
                &row["id"],
                &row["shop"],
                &row["orders"],
                &row["done"],
                &row["staff"]
            ),
            (
                &json!(id),
                &json!("doudian"),
                &json!(60),
                &json!(60),
                &json!("manager-zhang")
            )
        );
        let path = format!("/api/v1/imports/{id}");
        let request = Request::get(&path)
            .header(header::AUTHORIZATION, format!("Bearer {manager}"))
            .header(header::ACCEPT_LANGUAGE, "en");
        let (_, read) = shop.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (&read["report"], &read["finished_at"]),
            (&report, &json!("2024-01-20T02:00:00Z"))
        );
        let (_, chinese) = shop.get(manager, &path).await;
        let whys = chinese["report"]["per_order"].as_array().unwrap();
        assert!(whys.iter().any(|entry| entry["why"] == "已取消"));
        assert_eq!(shop.get(&shop.li.manager, &path).await.0, 404);
        for id in ["nothing", "00000000-0000-0000-0000-000000000000"] {
            assert_eq!(shop.get(manager, &format!("/api/v1/imports/{id}")).await.0, 404);
        }
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        let acts = log["items"].as_array().unwrap();
        let act = acts.iter().find(|row| row["act"] == "orders.import").unwrap();
        assert_eq!(act["subject"], json!(id));
        assert!(act["after"].as_str().unwrap().contains("\"created\":54"));
    })
    .await;
}

#[tokio::test]
async fn files_that_are_none_and_people_who_may_not() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        let TestVillage {
            manager,
            packer,
            overseer,
            ..
        } = &shop.zhang;
        for (token, query, bytes, status, field) in [
            ("", "", GROUP, 401, None),
            (packer.as_str(), "", GROUP, 403, None),
            (overseer, "", GROUP, 403, None),
            (manager, "?shop=taobao", GROUP, 422, Some("shop")),
            (manager, "?dry_run=perhaps", GROUP, 422, Some("dry_run")),
            (manager, "?more=1", GROUP, 422, Some("more")),
            (manager, "?shop=doudian", GROUP, 422, Some("file")),
            (manager, "", b"", 422, Some("file")),
            (manager, "", b"\x00\xff\xfe", 422, Some("file")),
            (manager, "", b"PK\x03\x04 not a workbook", 422, Some("file")),
            (manager, "", b"{\"orders\": []}", 422, Some("file")),
        ] {
            let (got, problem) = upload(shop, token, query, bytes).await;
            assert_eq!(got, status, "{query} {problem}");
            assert_eq!(fields(&problem).first().copied(), field, "{query} {problem}");
        }
        let form = Request::post(IMPORT)
            .header(header::AUTHORIZATION, format!("Bearer {manager}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        assert_eq!(shop.send(form.body(Body::from(GROUP)).unwrap()).await.0, 415);
        let large = vec![b' '; 10 * 1024 * 1024 + 1];
        assert_eq!(upload(shop, manager, "", &large).await.0, 413);
        let (status, _) = shop
            .post(manager, PRODUCTS, json!({"name": "长".repeat(40_000)}))
            .await;
        assert_eq!(status, 413, "other bodies keep their limit");
        let padding: String = (0..3_000).map(|n| format!("x{n},x,,,,,,,,\n")).collect();
        let longer = [generic(&[&row(1, 1, "", "paid")]), padding.repeat(4).into_bytes()].concat();
        assert!(longer.len() > 64 * 1024);
        let report = bring_in(shop, &longer).await;
        assert_eq!((results(&report)[0], &report["left_out"]), (1, &json!(10_000)));
        assert_eq!(report["problems"].as_array().unwrap().len(), 2_000);
        let (status, theirs) = upload(shop, &shop.li.manager, "", GROUP).await;
        assert_eq!(
            (status, results(&theirs)),
            (200, [0, 0, 0, 0, 166]),
            "a stranger has no such skus"
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_on_disk_comes_in_by_the_command_line() {
    on_both(async |shop| {
        stocked(shop, 500).await;
        let (db, clock, ids) = (&shop.app.db, &shop.app.clock, &shop.app.ids);
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let sample = root.join("tests/it/data/orders-120-cases.doudian.gb18030.csv");
        let run = async |path: &Path, name: Option<&str>| run_file(db, clock, ids, path, name, false).await;
        let several = run(&sample, None).await.unwrap_err().to_string();
        assert!(several.starts_with("there are 2 villages here"), "{several}");
        let unknown = run(&sample, Some("taobao")).await.unwrap_err().to_string();
        assert!(
            unknown.starts_with("no shop is called taobao; takes kuaituantuan"),
            "{unknown}"
        );
        // the stranger has nothing yet but its people
        let leave = [
            "DELETE FROM credential WHERE village_id = $1",
            "DELETE FROM login WHERE village_id = $1",
            "DELETE FROM staff WHERE village_id = $1",
            "DELETE FROM village WHERE id = $1",
        ];
        transact!(db, tx => {
            for step in leave {
                on!(tx, ex => sqlx::query(step).bind(shop.li.id).execute(ex).await.map(|_| ()))?;
            }
            Ok(())
        })
        .unwrap();
        let report = run(&sample, None).await.unwrap();
        assert_eq!((report.created, report.skipped), (54, 6));
        let lines = report.lines();
        let english =
            "doudian: 67 rows, 60 orders: 54 created, 0 updated, 0 unchanged, 6 skipped, 0 with a problem";
        assert!(lines[0].ends_with(english), "{}", lines[0]);
        let again = run(&sample, Some("doudian")).await.unwrap();
        assert_eq!((again.created, again.unchanged), (0, 54));
        let missing = run(&root.join("none.csv"), None).await.unwrap_err().to_string();
        assert!(missing.contains("none.csv"), "{missing}");
        let no_table = run(&root.join("Cargo.toml"), None).await.unwrap_err().to_string();
        assert!(no_table.starts_with("invalid: "), "{no_table}");
        let (_, list) = shop.get(&shop.zhang.manager, "/api/v1/imports").await;
        let staff: Vec<_> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["staff"])
            .collect();
        assert_eq!(staff, [&Value::Null, &Value::Null], "nobody in particular");
    })
    .await;
}
