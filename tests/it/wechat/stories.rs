//! A payment by WeChat from its opening to its end, and what becomes of the order meanwhile.

use axum::body::Body;
use axum::http::{Request, Response};
use cunji::jobs;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::{ask, cancel, newest, on_both, open, pay, with};
use crate::app::{TestApp, fields};
use crate::buyer::{assert_clean, left, placed, problem, read, stand, wish_by};
use crate::fake_wechat::{Fake, Fault};
use crate::stripe::{confirm, minutes, reconcile, refunds, status};

fn closes(fake: &Fake) -> usize {
    fake.calls()
        .iter()
        .filter(|call| call.ends_with("/close"))
        .count()
}

#[tokio::test]
async fn an_order_is_paid_by_its_code() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 2)).await;
        let (code, step) = ask(shop, &order, json!({})).await;
        assert_eq!((code, &step["kind"]), (200, &json!("qr")), "{step}");
        assert!(
            step["qr"].as_str().unwrap().starts_with("weixin://wxpay/"),
            "{step}"
        );
        assert_eq!(step["expires_at"], order["pay_before"]);
        assert_eq!(ask(shop, &order, json!({})).await.1, step, "asking twice");
        let seen = fake.order(&newest(fake)).unwrap();
        assert_eq!(
            (fake.orders().len(), seen.total, seen.scene.as_str()),
            (1, 13_600, "native")
        );
        assert_eq!(seen.expires, shop.app.clock.now().0 / 1_000 + 31 * 60);

        pay(shop, fake, &seen.out_trade_no).await;
        let paid = read(shop, &order).await;
        assert_eq!(
            (&paid["status"], &paid["pay_before"]),
            (&json!("paid"), &json!(null))
        );
        let (_, list) = shop.get(&shop.zhang.accountant, "/api/v1/payments").await;
        let transaction = fake.order(&seen.out_trade_no).unwrap().transaction_id;
        assert_eq!(
            list["items"][0]["reference"],
            json!(transaction),
            "as the bank statement has it"
        );
        let (code, answer) = ask(shop, &order, json!({})).await;
        assert_eq!((code, problem(&answer)), (409, "already-paid"));
        shop.app.clock.advance(minutes(60));
        reconcile(shop).await;
        assert_eq!((status(shop, &order).await, closes(fake)), ("paid".into(), 0));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_hold_ends_when_wechat_has_closed_the_payment() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 3)).await;
        let no = open(shop, fake, &order).await;
        shop.app.clock.advance(minutes(30));
        let sweep = jobs::run_now(&shop.app, "expire-holds").await.unwrap();
        assert_eq!((sweep.as_str(), left(shop, &link).await), ("0 holds ended", 2));
        assert_eq!(
            ask(shop, &order, json!({})).await.0,
            409,
            "its time is over all the same"
        );
        for fault in [Fault::Error, Fault::Drop, Fault::Unsigned] {
            fake.fail(&[fault]);
            reconcile(shop).await;
            let now = (status(shop, &order).await, left(shop, &link).await);
            assert_eq!(now, ("awaiting_payment".into(), 2), "{fault:?}");
            shop.app.clock.advance(minutes(5));
        }
        assert_eq!(closes(fake), 0, "nobody knew where it stood");
        reconcile(shop).await;
        assert_eq!(
            (status(shop, &order).await, left(shop, &link).await),
            ("expired".into(), 5)
        );
        assert_eq!(fake.order(&no).unwrap().state, "CLOSED");
        assert!(fake.pay(&no).is_err(), "no money can come any more");
        assert_clean(shop).await;
    })
    .await;
}

/// The buyer pays between the look that said "not paid" and the close.
#[tokio::test]
async fn money_that_is_quicker_than_the_close_is_a_sale() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 3)).await;
        let no = open(shop, fake, &order).await;
        shop.app.clock.advance(minutes(30));
        fake.pay_at_close(&no);
        reconcile(shop).await;
        assert_eq!(
            (status(shop, &order).await, left(shop, &link).await),
            ("paid".into(), 2)
        );
        assert_eq!(closes(fake), 1);
        assert_clean(shop).await;

        let given_up = placed(shop, &link, "k2", &wish_by("wechat", 1)).await;
        let no = open(shop, fake, &given_up).await;
        fake.end_refunds("SUCCESS");
        fake.pay_at_close(&no);
        cancel(shop, &given_up).await;
        reconcile(shop).await;
        reconcile(shop).await;
        assert_eq!(status(shop, &given_up).await, "refunded");
        assert_eq!(refunds(shop, &given_up).await, [(6_800, "done".to_owned())]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn money_whose_notification_is_lost_is_found() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 3)).await;
        let no = open(shop, fake, &order).await;
        fake.pay(&no).unwrap();
        reconcile(shop).await;
        assert_eq!(
            status(shop, &order).await,
            "awaiting_payment",
            "not looked at yet"
        );
        shop.app.clock.advance(minutes(10));
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "paid");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_payment_goes_back() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 2)).await;
        let no = open(shop, fake, &order).await;
        confirm(shop, &order, 13_600).await;
        fake.end_refunds("SUCCESS");
        pay(shop, fake, &no).await;
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "paid");
        assert_eq!(refunds(shop, &order).await, [(13_600, "done".to_owned())]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_wechat_that_fails_costs_a_try_and_no_payment() {
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        for (number, fault) in [
            Fault::Error,
            Fault::ErrorAfter,
            Fault::Drop,
            Fault::DropAfter,
            Fault::TooMany,
            Fault::Unsigned,
            Fault::WrongSignature,
        ]
        .into_iter()
        .enumerate()
        {
            let before = fake.orders().len();
            let order = placed(shop, &link, &format!("k{number}"), &wish_by("wechat", 1)).await;
            fake.fail(&[fault]);
            let (code, answer) = ask(shop, &order, json!({})).await;
            assert_eq!(
                (code, problem(&answer)),
                (503, "payment-service-down"),
                "{fault:?}"
            );
            let no = open(shop, fake, &order).await;
            assert_eq!(fake.orders().len() - before, 1, "{fault:?}");
            pay(shop, fake, &no).await;
            assert_eq!(status(shop, &order).await, "paid", "{fault:?}");
        }
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn an_old_code_is_made_anew_for_the_same_payment() {
    with(&[("CUNJI_HOLD_TTL", "5h")], async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 1)).await;
        let (_, first) = ask(shop, &order, json!({})).await;
        shop.app.clock.advance(minutes(111));
        let (code, second) = ask(shop, &order, json!({})).await;
        assert_eq!((code, &second["kind"]), (200, &json!("qr")), "{second}");
        assert!(first["qr"] != second["qr"] && fake.orders().len() == 1);
        pay(shop, fake, &newest(fake)).await;
        assert_eq!(status(shop, &order).await, "paid");

        let late = placed(shop, &link, "k2", &wish_by("wechat", 1)).await;
        let no = open(shop, fake, &late).await;
        shop.app.clock.advance(minutes(111));
        fake.pay(&no).unwrap();
        let (code, answer) = ask(shop, &late, json!({})).await;
        assert_eq!(
            (code, problem(&answer)),
            (409, "already-paid"),
            "WeChat has just said so"
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_buyer_chooses_how_to_pay_there() {
    with(&[("WECHAT_H5", "1")], async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 1)).await;
        let by_code = open(shop, fake, &order).await;
        let inside = json!({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"});
        let (code, step) = ask(shop, &order, inside.clone()).await;
        assert_eq!((code, &step["kind"]), (200, &json!("bridge")), "{step}");
        let prepay = step["bridge"]["package"].as_str().unwrap();
        assert!(prepay.starts_with("prepay_id=wx"), "{step}");
        assert_eq!(
            fake.order(&by_code).unwrap().state,
            "CLOSED",
            "one order, one open payment"
        );
        assert_eq!(
            ask(shop, &order, inside).await.1["bridge"]["package"],
            prepay,
            "asking twice"
        );
        let (code, step) = ask(shop, &order, json!({"scene": "h5"})).await;
        assert_eq!((code, &step["kind"]), (200, &json!("redirect")), "{step}");
        assert!(step["url"].as_str().unwrap().starts_with(fake.base()), "{step}");
        let open: Vec<_> = fake
            .orders()
            .into_iter()
            .filter(|order| order.state == "NOTPAY")
            .collect();
        assert_eq!((open.len(), open[0].scene.as_str()), (1, "h5"));
        pay(shop, fake, &open[0].out_trade_no).await;
        assert_eq!(status(shop, &order).await, "paid");

        for (body, field) in [
            (json!({"scene": "jsapi"}), "openid"),
            (json!({"openid": "two words"}), "openid"),
            (json!({"openid": "x".repeat(129)}), "openid"),
            (json!({"scene": "native", "openid": "o-1"}), "openid"),
            (json!({"method": "transfer", "scene": "native"}), "scene"),
            (json!({"method": "transfer", "openid": "o-1"}), "openid"),
        ] {
            let (code, answer) = ask(shop, &order, body.clone()).await;
            assert_eq!((code, fields(&answer)), (422, vec![field]), "{body}");
        }
        assert_clean(shop).await;
    })
    .await;
    on_both(async |shop, _| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 1)).await;
        let (code, answer) = ask(shop, &order, json!({"scene": "h5"})).await;
        assert_eq!(
            (code, fields(&answer)),
            (422, vec!["scene"]),
            "the shop has no such page"
        );
    })
    .await;
}

async fn browse(shop: &TestApp, request: Request<Body>) -> (Response<()>, String) {
    let answer = shop.app.service().oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(head, ()),
        String::from_utf8_lossy(&bytes).into_owned(),
    )
}

#[tokio::test]
async fn the_order_page_shows_the_code_or_goes_to_wechats_page() {
    const PHONE: &str = "Mozilla/5.0 (Linux; Android 14) Chrome/120 Mobile Safari/537.36";
    with(&[("WECHAT_H5", "1")], async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("wechat", 1)).await;
        let page = format!("/o/{}", order["token"].as_str().unwrap());
        let form = |agent: &str| {
            Request::post(format!("{page}/pay"))
                .header("content-type", "application/x-www-form-urlencoded")
                .header("user-agent", agent)
                .header("x-forwarded-for", "203.0.113.7")
                .body(Body::from("method=wechat"))
                .unwrap()
        };
        let (head, _) = browse(shop, form(&format!("{PHONE} MicroMessenger/8.0"))).await;
        assert_eq!(head.headers()["location"], format!("{page}#pay"));
        let (head, text) = browse(shop, Request::get(&page).body(Body::empty()).unwrap()).await;
        assert!(text.contains("<div class=\"code\"><svg") && text.contains("http-equiv=\"refresh\""));
        let policy = head.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains(&format!("form-action 'self' {};", fake.base())),
            "{policy}"
        );
        let (head, _) = browse(shop, form(PHONE)).await;
        let to = head.headers()["location"].to_str().unwrap();
        assert!(to.starts_with(&format!("{}/h5?", fake.base())), "{to}");
        let (_, text) = browse(shop, Request::get(&page).body(Body::empty()).unwrap()).await;
        assert!(!text.contains("class=\"code\""), "the code was closed");
    })
    .await;
}
