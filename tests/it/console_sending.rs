//! Planning, packing and sending on the console, as a browser without script does it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, on_both};
use crate::batches::{all, codes, details, must, one_planned, opened, pay};
use crate::buyer::{assert_clean, placed, stand, wish_by};
use crate::console::Browser;
use crate::console_forms::{part, upload};

fn console(batch: &Value, more: &str) -> String {
    format!("/console/batches/{}{more}", batch["id"].as_str().unwrap())
}

/// Two paid orders that wait for a plan.
async fn two_paid(shop: &TestApp) {
    opened(shop, 60).await;
    let link = stand(shop, 20).await;
    for key in ["k1", "k2"] {
        let order = placed(shop, &link, key, &wish_by("practice", 3)).await;
        pay(shop, &order).await;
    }
}

#[tokio::test]
async fn a_day_is_planned_packed_and_sent_and_each_step_undone() {
    on_both(async |shop| {
        two_paid(shop).await;
        let mut browser = Browser::of(shop, "manager-zhang").await;
        browser
            .open("/console/batches")
            .await
            .has(&["没有批次", "/console/plan"]);
        browser.open("/console/plan").await.has(&[
            "未来二十天",
            "<svg",
            "中通快递",
            "id=\"preview\"",
            "id=\"change-day\"",
        ]);
        let shown = browser.open("/console/plan/preview?deadline=&merge=").await;
        shown.has(&["就这样排", "id=\"make\"", "<dd>6</dd>"]);
        assert!(all(shop).await.is_empty(), "a preview makes nothing");
        browser
            .open("/console/plan/preview?deadline=tomorrow")
            .await
            .has(&["role=\"alert\""])
            .has_not(&["id=\"make\""]);
        let made = browser
            .go("/console/plan", &[("deadline", ""), ("merge", "")])
            .await;
        made.has(&["排好了：6 箱进了批次", "/console/plan/dissolve", "计划"]);
        browser.go("/console/plan/dissolve", &[]).await.has(&["已解散"]);
        assert!(all(shop).await.is_empty());
        browser
            .go("/console/plan", &[("deadline", ""), ("merge", "yes")])
            .await;

        let batch = all(shop).await[0].clone();
        let own = console(&batch, "");
        browser
            .open(&own)
            .await
            .has(&["id=\"release\"", "id=\"dissolve\"", "labels.pdf?size=76x130"]);
        browser
            .open(&console(&batch, "/scan"))
            .await
            .has(&["还没有下发"])
            .has_not(&["id=\"scan\""]);
        let released = browser.go(&console(&batch, "/release"), &[]).await;
        released.has(&["已下发到车间", "/recall", "id=\"to-scan\""]);
        browser
            .go(&console(&batch, "/recall"), &[])
            .await
            .has(&["已撤回", "id=\"release\""]);
        browser.go(&console(&batch, "/release"), &[]).await;
        it_is_packed(shop, &mut browser, &batch).await;

        let preview = browser.open(&console(&batch, "/hand-over")).await;
        preview.has(&["交给快递", "<dd>1</dd>", "当天可以撤销"]);
        let gone = browser.go(&console(&batch, "/hand-over"), &[]).await;
        gone.has(&["已交给快递", "/take-back", "已交接"]);
        browser
            .go(&console(&batch, "/take-back"), &[])
            .await
            .has(&["交接已撤销", "已打包"]);
        browser
            .go(&console(&batch, "/recall"), &[])
            .await
            .has(&["已经有包裹打包，不能撤回"]);
        assert_clean(shop).await;
    })
    .await;
}

/// One parcel after another is scanned; wrong codes are told, and the last scan is taken back.
async fn it_is_packed(shop: &TestApp, browser: &mut Browser<'_>, batch: &Value) {
    let scan = console(batch, "/scan");
    let codes = codes(shop, batch).await;
    browser.open(&scan).await.has(&[
        "name=\"code\"",
        "autofocus",
        "<strong id=\"packed\" class=\"figure\">0</strong>",
        "pack.js?v=",
    ]);
    let done = browser
        .go(&scan, &[("code", &codes[0].to_lowercase()), ("act", "pack")])
        .await;
    done.has(&["打好了", "3 ×", "name=\"act\" value=\"unpack\""]);
    for (code, words) in [
        (codes[0].as_str(), "已经是这样了"),
        ("P99999", "没有这个包裹"),
        ("", "没有这个包裹"),
    ] {
        let page = browser.press(&scan, &[("code", code), ("act", "pack")]).await;
        assert_eq!(page.status, 200);
        page.has(&["role=\"alert\"", words]);
    }
    let undone = browser.go(&scan, &[("code", &codes[0]), ("act", "unpack")]).await;
    undone.has(&["已拆开", "<strong id=\"packed\" class=\"figure\">0</strong>"]);
    let hold = console(batch, "/hold");
    browser
        .press(&hold, &[("parcel", &codes[0]), ("reason", "")])
        .await
        .has(&["id=\"f-reason-error\""]);
    browser
        .go(&hold, &[("parcel", &codes[0]), ("reason", "等买家回话")])
        .await
        .has(&["已留置", "等买家回话"]);
    browser
        .press(&scan, &[("code", &codes[0]), ("act", "pack")])
        .await
        .has(&["等买家回话", "role=\"alert\""]);
    browser
        .go(&console(batch, "/unhold"), &[("parcel", &codes[0])])
        .await
        .has(&["不再留置"]);
    for code in &codes {
        browser.go(&scan, &[("code", code), ("act", "pack")]).await;
    }
    let details = details(shop, batch).await;
    assert_eq!(details["state"], "packed");
    browser.open("/console").await.has(&["件打好了没有运单号"]);
}

#[tokio::test]
async fn parcels_move_to_another_day_or_back_into_the_backlog() {
    on_both(async |shop| {
        let (_, batch) = one_planned(shop, 3).await;
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let code = codes(shop, &batch).await[0].clone();
        must(shop, &batch, "release", json!({})).await;
        browser
            .open("/console")
            .await
            .has(&["个批次今天要打包", "/console/batches?state=released"]);
        let split = console(&batch, "/split");
        let fields = |day, parcels| [("parcels", parcels), ("ship_on", day), ("carrier", "zto")];
        browser
            .press(&split, &fields("2024-01-23", "P99999"))
            .await
            .has(&["P99999：没有这个包裹"]);
        assert_eq!(all(shop).await.len(), 1, "none moved");
        browser
            .go(&split, &fields("2024-01-23", &format!(" {code}，")))
            .await
            .has(&["已移到批次"]);
        let moved = all(shop).await[0].clone();
        assert_eq!(
            (&moved["ship_on"], &moved["state"]),
            (&json!("2024-01-23"), &json!("released"))
        );
        let out = browser
            .go(&console(&moved, "/take-out"), &[("parcel", &code)])
            .await;
        out.has(&["已退回待排", "没有批次"]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn capacity_is_changed_for_a_day_and_what_ifs_leave_no_trace() {
    on_both(async |shop| {
        two_paid(shop).await;
        let mut browser = Browser::of(shop, "manager-zhang").await;
        browser
            .open("/console/plan/day?day=2024-01-22")
            .await
            .has(&["value=\"2024-01-22\"", "平常 60 箱"]);
        let wrong = [("day", "2024-01-22"), ("cases", "-5")];
        browser
            .press("/console/plan/day", &wrong)
            .await
            .has(&["id=\"f-cases-error\"", "value=\"-5\""]);
        let off = [("day", "2024-01-22"), ("cases", "0")];
        browser
            .go("/console/plan/day", &off)
            .await
            .has(&["的产能已改", "<td>休</td>"]);
        let (_, workshop) = shop.get(&shop.zhang.manager, "/api/v1/capacity").await;
        assert_eq!(workshop["days"], json!({"2024-01-22": 0}));
        let usual = [("day", "2024-01-22"), ("cases", "")];
        browser
            .go("/console/plan/day", &usual)
            .await
            .has_not(&["<td>休</td>"]);

        let ask = async |browser: &mut Browser<'_>, fields: &[(&str, &str)]| {
            browser.press("/console/plan/what-if", fields).await
        };
        let nothing = ask(&mut browser, &[("deadline", "2024-02-08")]).await;
        nothing.has(&["id=\"answer\"", "<td>6</td>", "0 件会换日子或快递"]);
        ask(&mut browser, &[("day", "2024-01-20")])
            .await
            .has(&["id=\"f-cases-error\""])
            .has_not(&["id=\"answer\""]);
        let spoiled = ask(&mut browser, &[("deadline", "2024-02-08"), ("lot", "FT05/L1")]).await;
        spoiled.has(&["id=\"answer\"", "变晚的", "/console/orders/240120-0001"]);
        let stop = [
            ("carrier", "sf"),
            ("until", "2024-01-19"),
            ("day", "2024-01-20"),
            ("cases", "80"),
        ];
        ask(&mut browser, &stop)
            .await
            .has(&["id=\"answer\""])
            .has_not(&["0 件会换日子或快递"]);
        let (_, carriers) = shop.get(&shop.zhang.manager, "/api/v1/carriers").await;
        assert_eq!(
            carriers["items"][1]["stops"].as_array().unwrap().len(),
            1,
            "nothing was changed"
        );
        let mut packer = Browser::of(shop, "packer-zhang").await;
        packer
            .open("/console/plan")
            .await
            .has(&["<svg", "what-if"])
            .has_not(&["id=\"preview\""]);
        assert_eq!(packer.press("/console/plan", &[]).await.status, 403);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_carriers_file_is_tried_refused_and_taken() {
    on_both(async |shop| {
        let (_, batch) = one_planned(shop, 3).await;
        let code = codes(shop, &batch).await[0].clone();
        must(shop, &batch, "release", json!({})).await;
        let mut browser = Browser::of(shop, "packer-zhang").await;
        let path = console(&batch, "/waybills");
        browser
            .open(&path)
            .await
            .has(&["waybills.csv", "id=\"waybills\""]);
        let file = |number: &str| format!("包裹号,运单号\n{code},{number}\n");
        let none = browser.send(upload(&path, "", b"")).await;
        assert_eq!(none.status, 422);
        none.has(&["请选择文件"]);
        browser
            .send(upload(
                &path,
                &part("dry_run", "yes"),
                file("78100000012345").as_bytes(),
            ))
            .await
            .has(&["试一遍的结果", "78100000012345", "会写入"]);
        let refused = browser.send(upload(&path, "", file("7.81E+13").as_bytes())).await;
        assert_eq!(refused.status, 422);
        refused.has(&["没有写入", "不能写入", "role=\"alert\""]);
        let details_before = details(shop, &batch).await;
        assert_eq!(details_before["with_waybill"], 0);
        browser
            .send(upload(&path, "", file("78100000012345").as_bytes()))
            .await
            .has(&["已写入", "有单号 1 / 1"]);
        browser.open(&console(&batch, "")).await.has(&["78100000012345"]);
        let taken = shop
            .must(
                Method::GET,
                &shop.zhang.packer,
                &format!("/api/v1/parcels/{code}"),
                json!(null),
            )
            .await;
        assert_eq!(taken["waybill"], "78100000012345");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_carrier_that_delivers_through_its_pause_can_be_planned_with() {
    on_both(async |shop| {
        two_paid(shop).await;
        let manager = &shop.zhang.manager;
        let (_, mut carriers) = shop.get(manager, "/api/v1/carriers").await;
        carriers["items"][1]["stops"][0]["resumes_on"] = json!("2024-02-10");
        shop.must(Method::PUT, manager, "/api/v1/carriers", carriers)
            .await;
        let mut browser = Browser::of(shop, "manager-zhang").await;
        browser
            .open("/console/plan/preview")
            .await
            .has(&["id=\"make\"", "<dd>6</dd>"]);
    })
    .await;
}
