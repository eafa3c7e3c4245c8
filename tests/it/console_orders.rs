//! Orders on the console: looked at, edited, paid, refunded, cancelled, one by one and several at once, and placed for
//! a buyer on the phone.

use axum::http::header;
use serde_json::json;

use crate::app::{TestApp, on_both};
use crate::buyer::{assert_clean, desk, link, placed, stand, wish, wish_by};
use crate::console::Browser;
use crate::goods::{counts, item};

#[tokio::test]
async fn an_order_from_its_first_look_to_its_end() {
    on_both(async |shop| {
        let code = stand(shop, 20).await;
        let order = placed(shop, &code, "k1", &wish(2)).await;
        let number = order["number"].as_str().unwrap();
        let path = format!("/console/orders/{number}");
        let mut browser = Browser::of(shop, "manager-zhang").await;
        browser.open("/console").await.has(&["笔转账等确认", "¥136.00"]);
        browser
            .open("/console/orders?q=苏&status=awaiting_payment")
            .await
            .has(&[number, "苏*"])
            .has_not(&["苏宇", "13800138000"]);
        browser
            .open(&path)
            .await
            .has(&["苏*", "138****8000", "待付款"])
            .has_not(&["苏宇", "科技园路"]);
        browser
            .press(&format!("{path}/unmask"), &[("reason", "")])
            .await
            .has(&["请填写"])
            .has_not(&["苏宇"]);
        let page = browser
            .press(&format!("{path}/unmask"), &[("reason", "联系买家")])
            .await;
        page.has(&["苏宇", "13800138000", "科技园路", "查看收件人"]);
        assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
        it_is_edited(&mut browser, &path).await;
        let money = [
            ("received_into", "农商银行"),
            ("amount_fen", "68"),
            ("reference", ""),
        ];
        let page = browser.press(&format!("{path}/confirm-payment"), &money).await;
        assert_eq!(page.status, 422);
        page.has(&["value=\"农商银行\"", "id=\"f-reference-error\""]);
        let money = [
            ("received_into", "农商银行"),
            ("amount_fen", "68"),
            ("reference", "流水 7"),
        ];
        browser
            .go(&format!("{path}/confirm-payment"), &money)
            .await
            .has(&["已确认收款", "待打包", "流水 7"]);
        money_goes_back(&mut browser, &path).await;
        browser
            .open(&format!("{path}/cancel"))
            .await
            .has(&["1 箱货马上放出来", "不能撤销"]);
        browser
            .go(&format!("{path}/cancel"), &[("reason", "不要了")])
            .await
            .has(&["订单已取消", "已取消"]);
        refunds_are_noted(shop, &mut browser).await;
        assert_clean(shop).await;
    })
    .await;
}

async fn refunds_are_noted(shop: &TestApp, browser: &mut Browser<'_>) {
    let (_, list) = shop.get(&shop.zhang.manager, "/api/v1/refunds?open=true").await;
    for refund in list["items"].as_array().unwrap() {
        let path = format!("/console/refunds/{}", refund["id"].as_str().unwrap());
        browser.open(&path).await.has(&["先在银行把钱退给买家"]);
        browser
            .go(&path, &[("reference", "流水 9")])
            .await
            .has(&["退款已登记"]);
        let page = browser.press(&path, &[("reference", "流水 9")]).await;
        assert_eq!(page.status, 409, "not twice");
    }
    browser.open("/console/money").await.has(&["没有退款要办"]);
    browser.open("/console/money?all=yes").await.has(&["流水 9"]);
}

#[tokio::test]
async fn several_orders_are_cancelled_after_a_look() {
    on_both(async |shop| {
        let code = stand(shop, 20).await;
        let unpaid = placed(shop, &code, "k1", &wish(2)).await;
        let paid = placed(shop, &code, "k2", &wish_by("practice", 1)).await;
        let money = json!({"received_into": "农商银行", "amount_fen": 6_800, "reference": "7"});
        shop.post(&shop.zhang.manager, &desk(&paid, "/confirm-payment"), money)
            .await;
        let number = |order: &serde_json::Value| order["number"].as_str().unwrap().to_owned();
        let (one, two) = (number(&unpaid), number(&paid));
        let mut browser = Browser::of(shop, "manager-zhang").await;
        browser
            .press("/console/orders/bulk", &[])
            .await
            .has(&["请先勾选"]);
        let both = [("number", one.as_str()), ("number", two.as_str())];
        let page = browser.press("/console/orders/bulk", &both).await;
        page.has(&["取消这些订单", "¥68.00", "没有付过款", &one, &two]);
        assert_eq!(
            counts(&item(shop, "FT05").await).2,
            17,
            "nothing has happened yet"
        );
        let mut sure = both.to_vec();
        sure.push(("act", "do"));
        browser
            .press("/console/orders/bulk", &sure)
            .await
            .has(&["请写原因", "取消这些订单"]);
        sure.push(("reason", "雪灾停运"));
        browser
            .press("/console/orders/bulk", &sure)
            .await
            .has(&["办好了", "已取消"]);
        assert_eq!(counts(&item(shop, "FT05").await).2, 20);
        browser
            .press("/console/orders/bulk", &sure)
            .await
            .has(&["已经结束"]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_is_placed_for_a_buyer() {
    on_both(async |shop| {
        stand(shop, 20).await;
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let key = browser.open("/console/orders/new").await.value("key");
        let pasted = [
            ("key", key.as_str()),
            ("link", ""),
            ("quantity.FT05", "2"),
            ("act", "read"),
            ("paste", "李小雨 13800138000 河南省郑州市金水区花园路1号"),
            ("payment_method", "transfer"),
        ];
        let page = browser.press("/console/orders/new", &pasted).await;
        page.has(&[
            "value=\"李小雨\"",
            "<option value=\"河南省\" selected>",
            "value=\"2\"",
        ]);
        let mut order = vec![
            ("key", key.as_str()),
            ("link", ""),
            ("quantity.FT05", "2"),
            ("act", "do"),
            ("paste", ""),
            ("recipient.name", "李小雨"),
            ("recipient.phone", "1380"),
            ("recipient.province", "河南省"),
            ("recipient.city", "郑州市"),
            ("recipient.district", "金水区"),
            ("recipient.street", "花园路1号"),
            ("payment_method", "transfer"),
            ("note", ""),
        ];
        let page = browser.press("/console/orders/new", &order).await;
        assert_eq!(page.status, 422);
        page.has(&["id=\"f-recipient.phone-error\"", "value=\"李小雨\""]);
        order[6] = ("recipient.phone", "13800138000");
        order[2] = ("quantity.FT05", "21");
        browser
            .press("/console/orders/new", &order)
            .await
            .has(&["id=\"f-quantity.FT05-error\""]);
        order[2] = ("quantity.FT05", "2");
        let first = browser
            .press("/console/orders/new", &order)
            .await
            .location()
            .to_owned();
        let second = browser
            .press("/console/orders/new", &order)
            .await
            .location()
            .to_owned();
        assert_eq!(first, second, "pressed twice, ordered once");
        browser.open(&first).await.has(&["¥136.00", "门店"]);
        let mut host = Browser::of(shop, "host-zhang").await;
        let own = link(shop, &shop.zhang.host, json!({})).await;
        host.open(&format!("/console/orders/new?link={own}"))
            .await
            .has(&["¥68.00", "剩 18 箱"]);
        order[1] = ("link", own.as_str());
        order[0] = ("key", "another");
        assert_eq!(
            host.press("/console/orders/new", &order).await.location(),
            "/console/orders"
        );
        assert_clean(shop).await;
    })
    .await;
}

async fn it_is_edited(browser: &mut Browser<'_>, path: &str) {
    let edit = [
        ("version", "1"),
        ("quantity.FT05", "1"),
        ("note", "快"),
        ("paste", ""),
        ("reason", "买家来电"),
    ];
    browser
        .go(&format!("{path}/edit"), &edit)
        .await
        .has(&["已修改", "快", "¥68.00"]);
    let page = browser.press(&format!("{path}/edit"), &edit).await;
    assert_eq!(
        page.status, 409,
        "the order has been changed since this form was opened"
    );
    page.has(&["订单刚刚被改过", "value=\"买家来电\""]);
    let dearer = [
        ("version", "2"),
        ("quantity.FT05", "3"),
        ("note", "快"),
        ("paste", ""),
        ("reason", "再加两箱"),
    ];
    browser
        .go(&format!("{path}/edit"), &dearer)
        .await
        .has(&["已请买家", "等买家同意"]);
}

async fn money_goes_back(browser: &mut Browser<'_>, path: &str) {
    browser
        .press(
            &format!("{path}/refunds"),
            &[("amount_fen", "99"), ("reason", "破损")],
        )
        .await
        .has(&["最多还能退 68.00 元"]);
    browser
        .go(
            &format!("{path}/refunds"),
            &[("amount_fen", "8.5"), ("reason", "破损")],
        )
        .await
        .has(&["¥8.50"]);
    browser.open("/console/money").await.has(&["¥8.50", "等人工退"]);
}

#[tokio::test]
async fn buyers_of_late_orders_are_asked_from_the_late_list() {
    on_both(async |shop| {
        let order = crate::late::late_order(shop).await;
        let number = order["number"].as_str().unwrap();
        let mut browser = Browser::of(shop, "manager-zhang").await;
        let list = "/console/late";
        let page = browser.open(list).await;
        page.has(&["赶不上的，还没问", &format!("value=\"{number}\""), "1月22日"]);
        browser.press(list, &[]).await.has(&["请先勾选订单"]);
        let fields = [("order", number), ("hours", "48"), ("default", "refund")];
        assert_eq!(browser.press(list, &fields).await.location(), list);
        let page = browser.open(list).await;
        page.has(&[
            "1 单里问了 1 单",
            "没有要问的订单",
            "1月22日 10:00",
            "顺丰速运 +¥12.00",
        ]);
        page.has(&[&format!("/o/{}", order["token"].as_str().unwrap())]);
        browser.open("/console").await.has(&["个晚到的订单等买家回答"]);
        let mut packer = Browser::of(shop, "packer-zhang").await;
        packer
            .open(list)
            .await
            .has(&["等回答"])
            .has_not(&["name=\"hours\""]);
        assert_eq!(packer.press(list, &fields).await.status, 403);
    })
    .await;
}
