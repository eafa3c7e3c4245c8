//! The page of a link and its order form, as a buyer without script uses them.

use crate::app::{TestApp, on_both};
use crate::browser::{TOTAL, filled, link, open, order, orders, press, set_window};

#[tokio::test]
async fn from_the_link_to_an_order() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        let page = open(shop, &path).await;
        page.has(&[
            "张村年货",
            "石佛寺镇张村",
            "春梅 · 直播间",
            "2.5kg/箱",
            "¥68.00",
            "剩 10 箱",
            "每单最多 5 箱",
        ]);
        page.has(&[
            "og:title",
            &format!("/s/{code}/cover.png"),
            "暂不发往：新疆维吾尔自治区",
            "练习付款",
        ]);
        page.has_not(&["提交订单"]);
        assert!(page.text.len() < 40_000, "{} bytes", page.text.len());
        let key = page.value("key");

        let page = press(shop, &path, &filled(&key, &[("act", "preview")])).await;
        page.has(&[
            "请核对",
            "纯红薯粉条 2.5kg/箱 ×&nbsp;2",
            "¥8.00",
            "¥144.00",
            "提交订单",
        ]);
        assert_eq!(
            (page.status, page.value("seen"), orders(shop).await),
            (200, TOTAL.into(), 0)
        );

        let fields = filled(&key, &[("act", "place"), ("seen", TOTAL)]);
        let place = press(shop, &path, &fields).await.location().to_owned();
        assert!(place.starts_with("/o/"), "{place}");
        let page = open(shop, &place).await;
        page.has(&[
            "等待付款",
            "¥144.00",
            "还有 30 分钟",
            "李*雨",
            "138****8000",
            "河南省郑州市金水区****",
            "用练习币付款",
        ]);
        page.has_not(&["李小雨", "13800138000", "花园路"]);
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["x-robots-tag"], "noindex");
    })
    .await;
}

#[tokio::test]
async fn a_pasted_address_is_read() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        let key = open(shop, &path).await.value("key");
        let pasted = "李小雨 13800138000 河南省郑州市金水区花园路1号";
        let page = press(
            shop,
            &path,
            &[
                ("key", &key),
                ("quantity.FT05", "2"),
                ("paste", pasted),
                ("act", "read"),
            ],
        )
        .await;
        assert_eq!((page.status, page.value("name")), (200, "李小雨".into()));
        assert_eq!(
            (page.value("phone"), page.value("district")),
            ("13800138000".into(), "金水区".into())
        );
        assert_eq!(
            (page.value("key"), page.value("quantity.FT05")),
            (key.clone(), "2".into())
        );
        page.has(&["<option selected>河南省", "已填好，请核对一遍。"]);
    })
    .await;
}

#[tokio::test]
async fn a_page_orders_once() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        let key = open(shop, &path).await.value("key");
        let fields = filled(&key, &[("act", "place"), ("seen", TOTAL)]);
        let (first, second) = tokio::join!(press(shop, &path, &fields), press(shop, &path, &fields));
        assert_eq!(first.location(), second.location());
        // closed or not: what was ordered is found again
        set_window(shop, &code, None, Some(0)).await;
        assert_eq!(press(shop, &path, &fields).await.location(), first.location());
        set_window(shop, &code, None, None).await;
        assert_eq!(orders(shop).await, 1);

        let other = filled(
            &key,
            &[("quantity.FT05", "1"), ("act", "place"), ("seen", "7400")],
        );
        let page = press(shop, &path, &other).await;
        page.has(&[
            "这张表单已经下过单了",
            &format!("href=\"{}\"", first.location()),
            "提交订单",
        ]);
        assert_eq!((page.status, orders(shop).await), (422, 1));
        let fresh = page.value("key");
        assert_ne!(fresh, key);
        let again = filled(
            &fresh,
            &[("quantity.FT05", "1"), ("act", "place"), ("seen", "7400")],
        );
        assert_ne!(press(shop, &path, &again).await.location(), first.location());
        assert_eq!(orders(shop).await, 2);
    })
    .await;
}

#[tokio::test]
async fn a_total_binds_only_once_it_was_seen() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        let key = open(shop, &path).await.value("key");
        for seen in [&[][..], &[("seen", "13600")], &[("seen", "free")]] {
            let mut fields = filled(&key, &[("act", "place")]);
            fields.extend(seen);
            let page = press(shop, &path, &fields).await;
            assert_eq!((page.status, page.value("seen")), (200, TOTAL.into()), "{seen:?}");
            let changed = page.text.contains("内容或价格有变化");
            assert_eq!(changed, seen == [("seen", "13600")], "{seen:?}");
        }
        assert_eq!(orders(shop).await, 0);
    })
    .await;
}

#[tokio::test]
async fn errors_stand_at_their_field_and_what_was_typed_stays() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        for (anew, field, words) in [
            (("phone", "12"), "phone", "value=\"12\""),
            (("name", ""), "name", "收件人：请填写。"),
            (("province", ""), "province", "省份：请填写省份<"),
            (("city", "开封市"), "district", "value=\"开封市\""),
            (("street", "x"), "street", "value=\"x\""),
            (("quantity.FT05", "many"), "quantity.FT05", "value=\"many\""),
            (
                ("quantity.FT05", "6"),
                "quantity.FT05",
                "纯红薯粉条：每单最多 5 箱。",
            ),
            (
                ("quantity.FT05", "0"),
                "quantity.FT05",
                "请至少选一种商品，最多 50 种。",
            ),
            (("quantity.FT05", "-1"), "quantity.FT05", "数量至少是 1。"),
            (("method", "gold"), "method-0", "请选一种付款方式。"),
            (("method", "stripe"), "method-0", "本店不支持这种付款方式。"),
            (("quantity.NONE", "1"), "items", "这里没有这件商品。"),
        ] {
            for act in ["preview", "place"] {
                let page = press(
                    shop,
                    &path,
                    &filled("", &[anew, ("act", act), ("note", "门口放")]),
                )
                .await;
                assert_eq!(page.status, 422, "{anew:?}");
                let anchor = format!("href=\"#{field}\"");
                page.has(&["role=\"alert\"", words, "value=\"门口放\""]);
                if anew.0 != "quantity.NONE" {
                    page.has(&[&anchor]);
                }
                page.has_not(&["提交订单"]);
            }
        }
        let far = filled(
            "",
            &[
                ("province", "新疆维吾尔自治区"),
                ("city", "乌鲁木齐市"),
                ("district", "天山区"),
            ],
        );
        press(shop, &path, &far)
            .await
            .has(&["暂时不能发往新疆维吾尔自治区", "href=\"#province\""]);
        let empty = press(shop, &path, &[("act", "read"), ("paste", "？？？")]).await;
        empty.has(&["href=\"#paste\"", "？？？</textarea>"]);
        assert_eq!(orders(shop).await, 0);
    })
    .await;
}

#[tokio::test]
async fn nothing_typed_becomes_markup() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        let evil = "</textarea>\"'><script>alert(1)</script>{{7*7}}";
        let names = [
            "quantity.FT05",
            "name",
            "phone",
            "province",
            "city",
            "district",
            "street",
            "paste",
            "note",
            "method",
            "key",
            "seen",
        ];
        let all: Vec<_> = names.into_iter().map(|name| (name, evil)).collect();
        for act in ["read", "preview", "place"] {
            let mut fields = all.clone();
            fields.push(("act", act));
            let page = press(shop, &path, &fields).await;
            page.has_not(&["<script>alert", "</textarea>\"", "'><"]);
        }
        let placed = order(
            shop,
            &code,
            &[("name", "<b>x</b>"), ("note", evil), ("street", evil)],
        )
        .await;
        open(shop, &placed).await.has_not(&["<b>x", "<script>alert"]);
        for path in [format!("{placed}/pay"), format!("{placed}/cancel")] {
            let page = press(shop, &path, &[("method", evil), ("sure", evil)]).await;
            assert_eq!(page.status, 422);
            page.has_not(&["<script>alert"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_that_takes_no_orders_says_why() {
    on_both(async |shop| {
        let code = link(shop).await;
        let path = format!("/s/{code}");
        let now = shop.app.clock.now().0;
        let key = open(shop, &path).await.value("key");
        let fields = filled(&key, &[("act", "place"), ("seen", TOTAL)]);
        for (opens_at, closed_at, says) in [
            (None, Some(now), "接龙已经结束"),
            (Some(now + 3_600_000), None, "1月20日 11:00（北京时间）开始"),
        ] {
            set_window(shop, &code, opens_at, closed_at).await;
            open(shop, &path)
                .await
                .has(&[says, "纯红薯粉条"])
                .has_not(&["<form"]);
            let page = press(shop, &path, &fields).await;
            assert_eq!(page.status, 409);
            page.has(&[says]).has_not(&["<form"]);
        }
        set_window(shop, &code, None, None).await;
        for _ in 0..2 {
            order(shop, &code, &[]).await;
        }
        let page = press(
            shop,
            &path,
            &filled(
                "",
                &[("quantity.FT05", "5"), ("method", "cod"), ("act", "preview")],
            ),
        )
        .await;
        assert_eq!(page.status, 200, "five of the six that are left");
        let total = page.value("seen");
        let rest = order_total(shop, &code, "5", &total).await;
        open(shop, &rest)
            .await
            .has(&["货到付款"])
            .has_not(&["还有 30 分钟"]);
        press(shop, &path, &filled("", &[("act", "preview")]))
            .await
            .has(&["只剩 1 箱了。"]);
        let last = press(shop, &path, &filled("", &[("quantity.FT05", "1")]))
            .await
            .value("seen");
        order_total(shop, &code, "1", &last).await;
        open(shop, &path).await.has(&["都卖完了"]).has_not(&["<form"]);
        assert_eq!(open(shop, "/s/1zzzzzzz").await.status, 404);
    })
    .await;
}

async fn order_total(shop: &TestApp, code: &str, cases: &str, total: &str) -> String {
    let path = format!("/s/{code}");
    let fields = filled(
        "",
        &[
            ("quantity.FT05", cases),
            ("method", "cod"),
            ("act", "place"),
            ("seen", total),
        ],
    );
    press(shop, &path, &fields).await.location().to_owned()
}
