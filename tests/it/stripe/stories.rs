//! A payment at Stripe from its opening to its end, and what becomes of the order meanwhile.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::{
    Fault, ask, at, confirm, deliver, deliver_all, minutes, on_both, open, reconcile, refunds, status,
};
use crate::buyer::{assert_clean, left, path, placed, problem, read, stand, wish_by};

#[tokio::test]
async fn an_order_is_paid_at_checkout() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 2)).await;
        let (code, step) = ask(shop, &order).await;
        assert_eq!((code, &step["kind"]), (200, &json!("redirect")));
        assert_eq!(step["expires_at"], order["pay_before"]);
        assert_eq!(ask(shop, &order).await.1, step, "asking twice");
        let session = open(shop, &order).await;
        assert_eq!(fake.lock().sessions.len(), 1);
        let seen = fake.lock().session(&session);
        assert_eq!(
            (&seen["amount_total"], &seen["currency"]),
            (&json!(13_600), &json!("cny"))
        );
        assert_eq!(seen["client_reference_id"], seen["metadata"]["payment"]);
        assert_eq!(seen["expires_at"], at(shop).0 / 1_000 + 31 * 60);
        let back = format!("/o/{}", order["token"].as_str().unwrap());
        assert!(seen["success_url"].as_str().unwrap().ends_with(&back));

        assert!(fake.pay(&session, "alipay"));
        let events = fake.take_events();
        deliver(shop, fake, &events).await;
        let paid = read(shop, &order).await;
        assert_eq!(
            (&paid["status"], &paid["pay_before"]),
            (&json!("paid"), &json!(null))
        );
        deliver(shop, fake, &events).await;
        assert_eq!(left(shop, &link).await, 3);
        let (code, answer) = ask(shop, &order).await;
        assert_eq!((code, problem(&answer)), (409, "already-paid"));
        shop.app.clock.advance(minutes(60));
        reconcile(shop).await;
        assert_eq!(
            (status(shop, &order).await, refunds(shop, &order).await),
            ("paid".into(), vec![])
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_order_page_may_send_its_forms_to_the_pay_page() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 1)).await;
        let page = format!("/o/{}", order["token"].as_str().unwrap());
        let request = Request::get(&page).body(Body::empty()).unwrap();
        let answer = shop.app.service().oneshot(request).await.unwrap();
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.contains(&format!("form-action 'self' {};", fake.url)),
            "{policy}"
        );
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&text).contains("value=\"stripe\""));
        let form = Request::post(format!("{page}/pay"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("method=stripe"))
            .unwrap();
        let answer = shop.app.service().oneshot(form).await.unwrap();
        let to = answer.headers()["location"].to_str().unwrap();
        assert!(to.starts_with(&format!("{}/pay/cs_", fake.url)), "{to}");
    })
    .await;
}

#[tokio::test]
async fn a_hold_ends_when_stripe_has_said_that_no_money_comes() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 3)).await;
        let session = open(shop, &order).await;
        shop.app.clock.advance(minutes(30));
        let sweep = cunji::jobs::run_now(&shop.app, "expire-holds").await.unwrap();
        assert_eq!(sweep, "0 holds ended", "the clock alone doesn't end it");
        assert_eq!(left(shop, &link).await, 2, "the board leaves it held");
        assert_eq!(ask(shop, &order).await.0, 409, "its time is over all the same");
        fake.fail(&[Some(Fault::Away)]);
        reconcile(shop).await;
        assert_eq!(
            (status(shop, &order).await, left(shop, &link).await),
            ("awaiting_payment".into(), 2)
        );
        shop.app.clock.advance(minutes(1));
        reconcile(shop).await;
        assert_eq!(
            (status(shop, &order).await, left(shop, &link).await),
            ("expired".into(), 5)
        );
        assert_eq!(fake.lock().session(&session)["status"], "expired");
        assert!(!fake.pay(&session, "alipay"));
        deliver_all(shop, fake).await;
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn money_whose_event_is_lost_is_found_before_the_hold_ends() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 3)).await;
        let session = open(shop, &order).await;
        assert!(fake.pay(&session, "wechat_pay"));
        fake.take_events();
        shop.app.clock.advance(minutes(31));
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "paid");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn completed_and_unpaid_keeps_the_goods() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        for (key, comes, end) in [("k1", true, "paid"), ("k2", false, "expired")] {
            let order = placed(shop, &link, key, &wish_by("stripe", 2)).await;
            let session = open(shop, &order).await;
            assert!(fake.pay_slowly(&session, "alipay"));
            deliver_all(shop, fake).await;
            shop.app.clock.advance(minutes(120));
            reconcile(shop).await;
            assert_eq!(status(shop, &order).await, "awaiting_payment");
            assert_eq!(left(shop, &link).await, 3);
            assert!(fake.arrive(&session, comes));
            deliver_all(shop, fake).await;
            assert_eq!(status(shop, &order).await, end);
            assert_clean(shop).await;
            if comes {
                // for the next one
                let cancel = path(&order, "/cancel");
                shop.must(axum::http::Method::POST, "", &cancel, json!(null))
                    .await;
                reconcile(shop).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn money_after_the_end_buys_the_goods_again_or_goes_back() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let mut orders = Vec::new();
        for key in ["k1", "k2"] {
            let order = placed(shop, &link, key, &wish_by("stripe", 2)).await;
            orders.push((open(shop, &order).await, order));
        }
        shop.app.clock.advance(minutes(31));
        reconcile(shop).await;
        assert_eq!(left(shop, &link).await, 5);
        placed(shop, &link, "k3", &wish_by("cod", 2)).await;
        for ((session, order), (end, back)) in orders
            .iter()
            .zip([("paid", vec![]), ("refunded", vec![(13_600, "done".to_owned())])])
        {
            fake.pay_late(session, "wechat_pay");
            deliver_all(shop, fake).await;
            reconcile(shop).await;
            assert_eq!(
                (status(shop, order).await.as_str(), refunds(shop, order).await),
                (end, back)
            );
        }
        let (_, list) = shop.get(&shop.zhang.accountant, "/api/v1/refunds").await;
        assert_eq!(list["items"][0]["cause"], "paid_unfillable");
        assert_eq!(left(shop, &link).await, 1);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_second_payment_goes_back() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 2)).await;
        let session = open(shop, &order).await;
        confirm(shop, &order, 13_600).await;
        assert_eq!(status(shop, &order).await, "paid");
        assert!(fake.pay(&session, "alipay"), "its page was still open");
        deliver_all(shop, fake).await;
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "paid");
        assert_eq!(refunds(shop, &order).await, [(13_600, "done".to_owned())]);
        let (_, list) = shop.get(&shop.zhang.accountant, "/api/v1/refunds").await;
        assert_eq!(list["items"][0]["cause"], "surplus");
        assert_clean(shop).await;

        let other = placed(shop, &link, "k2", &wish_by("stripe", 1)).await;
        let session = open(shop, &other).await;
        confirm(shop, &other, 6_800).await;
        reconcile(shop).await;
        assert_eq!(
            fake.lock().session(&session)["status"],
            "expired",
            "closed as soon as it is not wanted"
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_part_payment_of_an_order_that_expires_goes_back() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 2)).await;
        let session = open(shop, &order).await;
        confirm(shop, &order, 5_000).await;
        reconcile(shop).await;
        assert_eq!(
            fake.lock().session(&session)["status"],
            "expired",
            "it asked for the old amount"
        );
        let rest = open(shop, &order).await;
        assert_eq!(fake.lock().session(&rest)["amount_total"], 8_600);
        shop.app.clock.advance(minutes(31));
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "expired");
        assert_eq!(refunds(shop, &order).await, [(5_000, "by_hand".to_owned())]);
        // the rest alone buys nothing any more, the whole does
        fake.pay_late(&rest, "alipay");
        deliver_all(shop, fake).await;
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "expired");
        assert_eq!(refunds(shop, &order).await[1], (8_600, "done".to_owned()));
        confirm(shop, &order, 13_600).await;
        assert_eq!(status(shop, &order).await, "paid");
        assert_eq!(refunds(shop, &order).await.len(), 2);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_stripe_that_fails_costs_a_try_and_no_payment() {
    use Fault::{Away, Broken, BrokenAfter, Busy, Dead, DeadAfter};
    on_both(async |shop, fake| {
        let link = stand(shop, 9).await;
        for (number, (faults, first, sessions)) in [
            (vec![Some(Dead), Some(Busy)], 200, 1),
            (vec![Some(DeadAfter)], 200, 1),
            (vec![Some(DeadAfter), Some(Dead), Some(Dead)], 503, 1),
            (vec![Some(Busy); 3], 503, 1),
            (vec![Some(Away)], 503, 1),
            (vec![Some(Broken)], 503, 1),
            // what it did under a key that it answers with an error for ever is never told to anybody
            (vec![Some(BrokenAfter)], 503, 2),
        ]
        .into_iter()
        .enumerate()
        {
            let before = fake.lock().sessions.len();
            let order = placed(shop, &link, &format!("k{number}"), &wish_by("stripe", 1)).await;
            fake.fail(&faults);
            let (code, answer) = ask(shop, &order).await;
            assert_eq!(code, first, "{faults:?} {answer}");
            let session = open(shop, &order).await;
            assert_eq!(fake.lock().sessions.len() - before, sessions, "{faults:?}");
            assert!(fake.pay(&session, "card"));
            deliver_all(shop, fake).await;
            assert_eq!(status(shop, &order).await, "paid", "{faults:?}");
        }
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_nobody_answered_for_is_given_up() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 2)).await;
        fake.fail(&[Some(Fault::DeadAfter), Some(Fault::Dead), Some(Fault::Dead)]);
        assert_eq!(ask(shop, &order).await.0, 503);
        shop.app.clock.advance(minutes(29));
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "awaiting_payment");
        assert_clean(shop).await;
        shop.app.clock.advance(minutes(1));
        assert_eq!(status(shop, &order).await, "expired", "by the clock again");
        assert_eq!(left(shop, &link).await, 5);
        // its event says so much later, and changes nothing
        shop.app.clock.advance(minutes(60));
        fake.tick();
        deliver_all(shop, fake).await;
        assert_eq!(status(shop, &order).await, "expired");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_cancel_closes_the_page_and_late_money_goes_back() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 2)).await;
        let session = open(shop, &order).await;
        shop.must(
            axum::http::Method::POST,
            "",
            &path(&order, "/cancel"),
            json!(null),
        )
        .await;
        assert_eq!(
            (status(shop, &order).await, left(shop, &link).await),
            ("cancelled".into(), 5)
        );
        assert!(fake.pay(&session, "alipay"), "a moment before it is closed");
        reconcile(shop).await;
        reconcile(shop).await;
        assert_eq!(status(shop, &order).await, "refunded");
        deliver_all(shop, fake).await;
        assert_eq!(refunds(shop, &order).await, [(13_600, "done".to_owned())]);
        assert_clean(shop).await;
    })
    .await;
}
