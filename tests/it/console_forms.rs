//! What staff do on the console's forms: each comes to what the call behind it does, keeps what was typed when
//! something is wrong, and says what was done.

use axum::body::Body;
use axum::http::{HeaderValue, Request, header};

use crate::app::{TestApp, on_both};
use crate::buyer::{assert_clean, stand};
use crate::console::Browser;
use crate::goods::{counts, item};
use crate::imports::{generic, row};

#[tokio::test]
async fn a_village_opens_its_shop_by_pages_alone() {
    on_both(async |shop| {
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let page = browser
            .press(
                "/console/products/new",
                &[("name", ""), ("legal_kind", "fresh"), ("description", "甜")],
            )
            .await;
        assert_eq!(page.status, 422);
        page.has(&["role=\"alert\"", "href=\"#f-name\"", ">甜</textarea>"]);
        let product = [
            ("name", "蜜薯"),
            ("legal_kind", "fresh"),
            ("description", "甜"),
            ("slug", ""),
        ];
        let page = browser.press("/console/products/new", &product).await;
        let skus = page.location().to_owned();
        let mut sku = vec![
            ("title", "蜜薯"),
            ("spec", "5kg/箱"),
            ("price_fen", "49.9"),
            ("gross_weight_grams", "5700"),
            ("shelf_life_days", "45"),
            ("min_days_left", "99"),
            ("sku", "MS10"),
        ];
        let page = browser.press(&skus, &sku).await;
        assert_eq!(page.status, 422);
        page.has(&["id=\"f-min_days_left-error\"", "value=\"49.9\""]);
        sku[5] = ("min_days_left", "14");
        browser
            .go(&skus, &sku)
            .await
            .has(&["规格已添加", "¥49.90", "MS10"]);
        let receipt = [
            ("sku", "MS10"),
            ("quantity", "１２"),
            ("lot.made_on", "2024-01-15"),
            ("lot.best_before", ""),
            ("lot.code", ""),
            ("lot.origin", "张村"),
        ];
        browser
            .go("/console/stock/receive", &receipt)
            .await
            .has(&["已入库", "MS10-240115", "2024-02-29"]);
        assert_eq!(counts(&item(shop, "MS10").await), (12, 0, 12));
        a_link_is_made_and_closed(shop, &mut browser).await;
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn stock_is_set_right_counted_and_taken_back() {
    on_both(async |shop| {
        stand(shop, 10).await;
        let mut browser = Browser::of(shop, "packer-zhang").await;
        let page = browser
            .press(
                "/console/stock/adjust",
                &[("lot", "FT05/L1"), ("quantity", "-11"), ("reason", "破损")],
            )
            .await;
        assert_eq!(page.status, 409);
        page.has(&["库存不够", "value=\"-11\"", "value=\"破损\""]);
        let page = browser
            .go(
                "/console/stock/adjust",
                &[("lot", "FT05/L1"), ("quantity", "-3"), ("reason", "破损")],
            )
            .await;
        page.has(&["撤销", "name=\"quantity\" value=\"3\""]);
        assert_eq!(counts(&item(shop, "FT05").await).0, 7);
        let undo = [("lot", "FT05/L1"), ("quantity", "3"), ("reason", "撤销：破损")];
        browser.go("/console/stock/adjust", &undo).await;
        assert_eq!(counts(&item(shop, "FT05").await).0, 10);
        let page = browser
            .press("/console/stock/count", &[("count.FT05/L1", "x"), ("act", "do")])
            .await;
        page.has(&["要填整数", "value=\"x\""]);
        let page = browser
            .press(
                "/console/stock/count",
                &[("count.FT05/L1", "8"), ("act", "check")],
            )
            .await;
        page.has(&["-2", "按盘点数记账"]);
        assert_eq!(
            counts(&item(shop, "FT05").await).0,
            10,
            "nothing is booked before it is confirmed"
        );
        browser
            .go("/console/stock/count", &[("count.FT05/L1", "8"), ("act", "do")])
            .await
            .has(&["改了 1 批"]);
        assert_eq!(counts(&item(shop, "FT05").await).0, 8);
        browser
            .open("/console/stock/movements?sku=FT05")
            .await
            .has(&["盘点", "-2", "+10"]);
        let mut manager = Browser::of(shop, "manager-zhang").await;
        let page = manager
            .press("/console/stock/FT05/ahead", &[("cases", "5"), ("ready_on", "")])
            .await;
        assert_eq!(page.status, 422);
        manager
            .go(
                "/console/stock/FT05/ahead",
                &[("cases", "5"), ("ready_on", "2024-01-25")],
            )
            .await
            .has(&["预售 5"]);
        assert_clean(shop).await;
    })
    .await;
}

/// A part of a form beside its file.
pub fn part(name: &str, value: &str) -> String {
    format!("--cut\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

/// A form with a file, from a page of this site.
pub fn upload(path: &str, parts: &str, bytes: &[u8]) -> Request<Body> {
    let mut body = format!(
        "{parts}--cut\r\ncontent-disposition: form-data; name=\"file\"; filename=\"orders.csv\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--cut--\r\n");
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=cut")
        .header("origin", HeaderValue::from_static("http://shop.example"));
    request.body(Body::from(body)).unwrap()
}

fn file(bytes: &[u8], more: &str) -> Request<Body> {
    let parts = format!("{}{more}", part("shop", "generic"));
    upload("/console/imports", &parts, bytes)
}

#[tokio::test]
async fn an_order_file_is_tried_then_imported() {
    on_both(async |shop| {
        stand(shop, 20).await;
        let orders = generic(&[
            &row(1, 1, "", "paid"),
            &row(2, 2, "", "paid"),
            "3,NONE,1,68.00,,paid,1,2,3",
        ]);
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let trial = part("dry_run", "yes");
        browser
            .send(file(&orders, &trial))
            .await
            .has(&["试一遍", "要处理的行", "什么都没有写入"]);
        assert_eq!(counts(&item(shop, "FT05").await).1, 0);
        let page = browser.send(file(&orders, "")).await;
        let path = page.location().to_owned();
        browser.open(&path).await.has(&["导入完成", "导入结果", "新增"]);
        assert_eq!(counts(&item(shop, "FT05").await).1, 3);
        browser.open("/console/imports").await.has(&["通用表格", "完成"]);
        let page = browser.send(file(b"", "")).await;
        assert_eq!(page.status, 422);
        page.has(&["请选择文件", "<option value=\"generic\" selected>"]);
        let page = browser.send(file(b"rubbish", "")).await;
        assert_eq!(page.status, 422);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_office_is_kept_in_order() {
    on_both(async |shop| {
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let village = [
            ("name", "张村"),
            ("contact", "0375"),
            ("account", "张村合作社"),
            ("second_person_above_fen", "3000"),
        ];
        browser
            .go("/console/settings/village", &village)
            .await
            .has(&["已保存", "张村合作社"]);
        let mut staff = vec![
            ("name", "小李"),
            ("login", "packer-zhang"),
            ("role", "packer"),
            ("password", "long enough"),
        ];
        let page = browser.press("/console/settings/staff/new", &staff).await;
        page.has(&["登录名已经有人用了", "value=\"小李\""])
            .has_not(&["long enough"]);
        staff[1] = ("login", "xiaoli");
        browser
            .go("/console/settings/staff/new", &staff)
            .await
            .has(&["xiaoli", "打包员"]);
        let (_, team) = shop.get(&shop.zhang.manager, "/api/v1/staff").await;
        let id = |login: &str| {
            let items = team["items"].as_array().unwrap().iter();
            items.clone().find(|member| member["login"] == login).unwrap()["id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let path = format!("/console/settings/staff/{}", id("xiaoli"));
        browser
            .go(&path, &[("name", "小李"), ("role", "host"), ("password", "")])
            .await
            .has(&["停用"]);
        let path = format!("/console/settings/staff/{}", id("manager-zhang"));
        let page = browser
            .press(&path, &[("name", "老张"), ("role", "packer"), ("active", "yes")])
            .await;
        page.has(&["最后一位在岗的管理员"]);
        the_freight_is_typed(&mut browser).await;
        programs_get_their_keys(shop, &mut browser).await;
        browser.open("/console/log").await.has(&["登记伙伴", "修改运费"]);
    })
    .await;
}

async fn a_link_is_made_and_closed(shop: &TestApp, browser: &mut Browser<'_>) {
    let nothing = [
        ("title", "年货"),
        ("channel", "moments"),
        ("host", ""),
        ("opens_at", ""),
        ("closes_at", ""),
    ];
    browser
        .press("/console/links/new", &nothing)
        .await
        .has(&["要 1 到 50 种商品"]);
    let mut offer = nothing.to_vec();
    offer.extend([
        ("on.MS10", "yes"),
        ("price.MS10", "abc"),
        ("quota.MS10", "10"),
        ("limit.MS10", "2"),
    ]);
    let page = browser.press("/console/links/new", &offer).await;
    assert_eq!(page.status, 422);
    page.has(&["要填金额", "value=\"abc\"", "checked"]);
    offer[6] = ("price.MS10", "45");
    offer[4] = ("closes_at", "2024-01-28T20:00");
    let page = browser.press("/console/links/new", &offer).await;
    let path = page.location().to_owned();
    browser
        .open(&path)
        .await
        .has(&["链接做好了", "1月28日 20:00", "qr.svg", "/ 10"]);
    browser.open(&path).await.has_not(&["链接做好了"]);
    let code = path.rsplit('/').next().unwrap();
    let (_, seen) = shop.get("", &format!("/api/v1/links/{code}")).await;
    assert_eq!(seen["offers"][0]["price_fen"], 4_500);
    assert_eq!(seen["closes_at"], "2024-01-28T12:00:00Z");
    browser
        .go(&format!("{path}/more"), &[("sku", "MS10"), ("back", "live")])
        .await
        .has(&["加了 50 箱", "直播看板"]);
    let page = browser.go(&format!("{path}/close"), &[]).await;
    page.has(&["链接已关闭", "撤销", &format!("action=\"{path}/open\"")]);
    browser
        .go(&format!("{path}/open"), &[])
        .await
        .has(&["链接又开了", "进行中"]);
    browser.go(&format!("{path}/copy"), &[]).await.has(&["复制好了"]);
}

async fn the_freight_is_typed(browser: &mut Browser<'_>) {
    let freight = [
        ("served.*", "yes"),
        ("first_grams.*", "3000"),
        ("first.*", "8"),
        ("step_grams.*", "1000"),
        ("step.*", "x"),
    ];
    browser
        .press("/console/settings/freight", &freight)
        .await
        .has(&["其他省份：要填金额"]);
    let mut freight = freight.to_vec();
    freight[4] = ("step.*", "2.5");
    let provinces: Vec<String> = (11..=82).map(|code| format!("same.{code}")).collect();
    freight.extend(provinces.iter().map(|name| (name.as_str(), "yes")));
    browser
        .go("/console/settings/freight", &freight)
        .await
        .has(&["运费已保存", "¥8.00 + ¥2.50"]);
}

async fn programs_get_their_keys(shop: &TestApp, browser: &mut Browser<'_>) {
    let page = browser.press("/console/settings/tokens", &[]).await;
    let token = page
        .text
        .split("id=\"secret\"")
        .nth(1)
        .unwrap()
        .split("value=\"")
        .nth(1)
        .unwrap();
    let token = token.split('"').next().unwrap();
    assert_eq!(shop.get(token, "/api/v1/village").await.0, 200);
    browser
        .go("/console/settings/tokens/revoke", &[])
        .await
        .has(&["令牌都作废了"]);
    assert_eq!(shop.get(token, "/api/v1/village").await.0, 401);
    browser
        .press("/console/settings/partners/new", &[("url", "ftp://x")])
        .await
        .has(&["f-url-error"]);
    let page = browser
        .press(
            "/console/settings/partners/new",
            &[("url", "https://example.org/hook")],
        )
        .await;
    page.has(&["请现在抄下来", "example.org"]);
}
