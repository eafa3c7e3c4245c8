//! A batch's file goes to the carrier's tool and comes back with numbers: whole, or not at all.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use cunji::orders::import::read_sheet;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{TestApp, on_both};
use crate::batches::{BATCHES, all, codes, details, must, opened, plan, request};
use crate::buyer::{assert_clean, problem};
use crate::imports::{GROUP, bring_in, stocked};

fn path(batch: &Value, more: &str) -> String {
    format!("{BATCHES}/{}/waybills{more}", batch["id"].as_str().unwrap())
}

async fn download(shop: &TestApp, token: &str, path: &str) -> (u16, Vec<u8>) {
    let request = Request::get(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    let answer = shop.app.service().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    (
        status,
        answer.into_body().collect().await.unwrap().to_bytes().to_vec(),
    )
}

async fn upload(shop: &TestApp, batch: &Value, query: &str, file: impl Into<Body>) -> (u16, Value) {
    let request = Request::post(path(batch, query))
        .header(header::AUTHORIZATION, format!("Bearer {}", shop.zhang.packer))
        .header(header::CONTENT_TYPE, "text/csv")
        .header(header::ACCEPT_LANGUAGE, "en");
    shop.send(request.body(file.into()).unwrap()).await
}

/// The first day's batch of zto, and its exported rows.
async fn exported(shop: &TestApp) -> (Value, Vec<Vec<String>>) {
    opened(shop, 60).await;
    stocked(shop, 500).await;
    bring_in(shop, GROUP).await;
    plan(shop, request(true)).await;
    let batches = all(shop).await;
    let batch = batches
        .iter()
        .find(|batch| batch["carrier"] == "zto")
        .unwrap()
        .clone();
    must(shop, &batch, "release", json!({})).await;
    let (status, csv) = download(shop, &shop.zhang.packer, &path(&batch, ".csv")).await;
    assert_eq!(status, 200);
    let (sheet, _) = read_sheet(&csv, |_| Ok(())).unwrap();
    (batch, sheet.rows.into_iter().map(|row| row.cells).collect())
}

const PARCEL: usize = 0;
const WAYBILL: usize = 3;
const NAME: usize = 4;

/// The file as the carrier's tool gives it back: a number for each row.
fn filled(rows: &[Vec<String>], number: impl Fn(usize) -> String) -> Vec<Vec<String>> {
    let mut rows = rows.to_vec();
    for (at, row) in rows.iter_mut().enumerate().skip(1) {
        row.resize(16, String::new());
        row[WAYBILL] = number(at);
    }
    rows
}

fn numbered(rows: &[Vec<String>]) -> Vec<Vec<String>> {
    filled(rows, |at| format!("78{:012}", 4_000_000 + at * 37))
}

fn csv(rows: &[Vec<String>]) -> String {
    let quote = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
    let line = |row: &Vec<String>| row.iter().map(quote).collect::<Vec<_>>().join(",");
    rows.iter().map(line).collect::<Vec<_>>().join("\r\n")
}

fn kinds(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["kind"].as_str().unwrap())
        .collect()
}

async fn with_number(shop: &TestApp, batch: &Value) -> usize {
    let details = details(shop, batch).await;
    let parcels = details["parcels"].as_array().unwrap();
    parcels
        .iter()
        .filter(|parcel| !parcel["waybill"].is_null())
        .count()
}

#[tokio::test]
async fn a_file_goes_out_and_comes_back() {
    on_both(async |shop| {
        let (batch, rows) = exported(shop).await;
        let codes = codes(shop, &batch).await;
        let sent: Vec<&String> = rows.iter().skip(1).map(|row| &row[PARCEL]).collect();
        assert_eq!(sent, codes.iter().collect::<Vec<_>>());
        assert!(
            rows[1..]
                .iter()
                .all(|row| !row[NAME].is_empty() && row[6].len() == 4 && row[14].parse::<u32>().is_ok())
        );
        let (status, book) = download(shop, &shop.zhang.manager, &path(&batch, ".xlsx")).await;
        let (sheet, _) = read_sheet(&book, |_| Ok(())).unwrap();
        assert_eq!((status, sheet.rows.len()), (200, rows.len()));
        assert_eq!(sheet.rows[1].cells[..3], rows[1][..3]);
        assert_eq!(
            download(shop, &shop.li.manager, &path(&batch, ".csv")).await.0,
            404
        );

        let file = csv(&numbered(&rows));
        let (status, tried) = upload(shop, &batch, "?dry_run=true", file.clone()).await;
        assert_eq!(
            (status, &tried["refused"], &tried["written"]),
            (200, &json!(false), &json!(codes.len())),
            "{tried}"
        );
        assert_eq!(kinds(&tried), ["own_columns"], "{tried}");
        assert_eq!(with_number(shop, &batch).await, 0, "a trial writes nothing");
        let (status, done) = upload(shop, &batch, "", file.clone()).await;
        assert_eq!(
            (status, &done["dry_run"], &done["written"]),
            (200, &json!(false), &json!(codes.len()))
        );
        assert_eq!(
            done["per_row"][0],
            json!({"row": 2, "parcel": codes[0], "waybill": "78000004000037", "result": "given"})
        );
        assert_eq!(with_number(shop, &batch).await, codes.len());
        let (status, again) = upload(shop, &batch, "", file).await;
        assert_eq!(
            (status, &again["written"], &again["per_row"][0]["result"]),
            (200, &json!(0), &json!("unchanged"))
        );
        assert_clean(shop).await;
        let log = shop
            .get(&shop.zhang.manager, "/api/v1/operations?limit=200")
            .await
            .1;
        let acts: Vec<&str> = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["act"].as_str().unwrap())
            .collect();
        assert!(acts.contains(&"batch.waybill_file"), "{acts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_damaged_file_writes_nothing() {
    on_both(async |shop| {
        let (batch, rows) = exported(shop).await;
        let good = numbered(&rows);
        let length = good.len();
        // the carrier's columns come from three rows further down
        let mut slid = good.clone();
        for (at, row) in slid.iter_mut().enumerate().skip(1) {
            let from = 1 + (at + 2) % (length - 1);
            row[WAYBILL..12].clone_from_slice(&good[from][WAYBILL..12]);
        }
        let mut swapped = good.clone();
        let (one, other) = (good[2][WAYBILL..12].to_vec(), good[9][WAYBILL..12].to_vec());
        swapped[2][WAYBILL..12].clone_from_slice(&other);
        swapped[9][WAYBILL..12].clone_from_slice(&one);
        let mut twice = good.clone();
        twice[5][WAYBILL] = twice[4][WAYBILL].clone();
        let mut foreign = good.clone();
        foreign[3][PARCEL] = "P99990".to_owned();
        foreign[3][1].clear();
        let mut other = good.clone();
        other[7][WAYBILL] = "SF1234567890123".to_owned();
        let shown = |at: usize| format!("7.80000E+{}", 10 + at % 3);
        for (what, rows, kind) in [
            ("slid", slid, "slid"),
            ("swapped", swapped, "swapped"),
            ("twice", twice, "number_twice"),
            ("foreign", foreign, "unknown_parcel"),
            ("another carrier's", other, "wrong_carrier"),
            ("shown as figures", filled(&rows, shown), "damaged_number"),
        ] {
            let (status, tried) = upload(shop, &batch, "?dry_run=true", csv(&rows)).await;
            assert_eq!(
                (status, &tried["refused"]),
                (200, &json!(true)),
                "{what}: {tried}"
            );
            let (status, answer) = upload(shop, &batch, "", csv(&rows)).await;
            assert_eq!(
                (status, problem(&answer)),
                (422, "waybills-refused"),
                "{what}: {answer}"
            );
            let report = &answer["report"];
            assert_eq!(kinds(report)[0], kind, "{what}: {report}");
            assert_eq!(
                (&report["findings"], &report["per_row"]),
                (&tried["findings"], &json!([]))
            );
            let first = &report["findings"][0];
            assert!(
                !first["rows"].as_array().unwrap().is_empty()
                    && first["way_out"].as_str().unwrap().len() > 10
            );
            assert_eq!(with_number(shop, &batch).await, 0, "{what}");
        }
        for (file, detail) in [
            ("nothing", "no row of column names"),
            ("", "no row of column names"),
        ] {
            let (status, answer) = upload(shop, &batch, "", file).await;
            assert_eq!((status, problem(&answer)), (422, "waybill-file"));
            assert!(answer["detail"].as_str().unwrap().contains(detail), "{answer}");
        }
        let (status, _) = upload(shop, &json!({"id": uuid::Uuid::nil()}), "", csv(&good)).await;
        assert_eq!(status, 404);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_number_is_replaced_only_when_that_is_asked() {
    on_both(async |shop| {
        let (batch, rows) = exported(shop).await;
        assert_eq!(upload(shop, &batch, "", csv(&numbered(&rows))).await.0, 200);
        let mut corrected = numbered(&rows);
        corrected[1][WAYBILL] = "78999999999991".to_owned();
        let (status, answer) = upload(shop, &batch, "", csv(&corrected)).await;
        assert_eq!((status, problem(&answer)), (422, "waybills-refused"));
        assert_eq!(kinds(&answer["report"]), ["already_numbered", "own_columns"]);
        shop.app.clock.advance(Duration::from_secs(60));
        let (status, done) = upload(shop, &batch, "?replace=true", csv(&corrected)).await;
        assert_eq!((status, &done["written"]), (200, &json!(1)), "{done}");
        let parcel = format!("/api/v1/parcels/{}", corrected[1][PARCEL]);
        let (_, seen) = shop.get(&shop.zhang.packer, &parcel).await;
        let history = seen["waybills"].as_array().unwrap();
        assert_eq!(
            [&history[0]["number"], &history[1]["number"]],
            ["78999999999991", "78000004000037"]
        );
        assert!(history[0]["ended_at"].is_null() && !history[1]["end_reason"].is_null());

        // the numbers of two parcels exchanged: each is still on the other
        let (first, second) = (corrected[1][WAYBILL].clone(), corrected[2][WAYBILL].clone());
        (corrected[1][WAYBILL], corrected[2][WAYBILL]) = (second, first);
        let (status, answer) = upload(shop, &batch, "?replace=true", csv(&corrected)).await;
        assert_eq!(
            (status, kinds(&answer["report"])),
            (422, vec!["number_live", "number_live", "own_columns"])
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_batch_is_printed() {
    on_both(async |shop| {
        let (batch, _) = exported(shop).await;
        let base = format!("{BATCHES}/{}", batch["id"].as_str().unwrap());
        let papers = [
            ("packing-list.pdf", &b"%PDF-"[..]),
            ("pick-list.pdf", b"%PDF-"),
            ("labels.pdf", b"%PDF-"),
            ("labels.pdf?size=76x130", b"%PDF-"),
            ("hand-over.pdf", b"%PDF-"),
            ("packing-list.xlsx", b"PK"),
            ("hand-over.xlsx", b"PK"),
        ];
        for (name, begins) in papers {
            let path = format!("{base}/{name}");
            let (status, file) = download(shop, &shop.zhang.packer, &path).await;
            assert_eq!(status, 200, "{name}: {}", String::from_utf8_lossy(&file));
            assert!(file.starts_with(begins), "{name}");
            assert_eq!(
                file,
                download(shop, &shop.zhang.packer, &path).await.1,
                "{name}: a reprint"
            );
        }
        let list = download(shop, &shop.zhang.packer, &format!("{base}/packing-list.xlsx"))
            .await
            .1;
        let code = &codes(shop, &batch).await[0];
        let sheet = read_sheet(&list, |_| Ok(())).unwrap().0;
        let told = sheet
            .rows
            .iter()
            .any(|row| row.cells.iter().any(|cell| cell.contains(code.as_str())));
        assert!(told, "{code} is not on the packing list");
        let (status, answer) = shop
            .get(&shop.zhang.packer, &format!("{base}/labels.pdf?size=a4"))
            .await;
        assert_eq!((status, problem(&answer)), (422, "invalid"));
        assert_eq!(answer["errors"][0]["field"], "size");
    })
    .await;
}
