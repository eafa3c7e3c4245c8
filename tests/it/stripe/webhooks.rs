//! What the webhook takes and what it refuses.

use serde_json::{Value, json};

use super::{SECRET, deliver, minutes, on_both, open, post, post_as, sign, status};
use crate::app::{self, TestApp};
use crate::buyer::{assert_clean, placed, stand, wish_by};
use cunji::audit::check;
use cunji::{jobs, on, transact};

/// How many events the shop has stored.
async fn stored(shop: &TestApp) -> i64 {
    let findings = check(&shop.app.db).await.unwrap();
    findings
        .iter()
        .find(|finding| finding.name.starts_with("a provider's event has one outcome"))
        .unwrap()
        .rows
}

#[tokio::test]
async fn only_what_stripe_has_signed_just_now_is_taken() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 1)).await;
        let session = open(shop, &order).await;
        assert!(fake.pay(&session, "alipay"));
        let event = fake.take_events().pop().unwrap();
        let (body, now) = (event.to_string(), fake.now());
        let good = sign(SECRET, now, &body);
        let spaced = serde_json::to_string_pretty(&event).unwrap();
        for (signature, body) in [
            (sign("whsec_of_another", now, &body), body.clone()),
            (sign(SECRET, now - 301, &body), body.clone()),
            (sign(SECRET, now + 301, &body), body.clone()),
            (good.clone(), spaced),
            (good.clone(), body.replace("alipay", "card")),
            (good.replace("v1=", "v0="), body.clone()),
            (format!("t={now}"), body.clone()),
            (String::new(), body.clone()),
            (sign(SECRET, now, "not json"), "not json".to_owned()),
            (sign(SECRET, now, "{}"), "{}".to_owned()),
        ] {
            assert_eq!(
                post_as(shop, &signature, body.clone()).await,
                400,
                "{signature} {body}"
            );
        }
        assert_eq!(
            (stored(shop).await, status(shop, &order).await),
            (0, "awaiting_payment".into())
        );
        let (stamp, signature) = good.split_once(',').unwrap();
        let rotated = format!("{stamp},v1={},{signature}", "0".repeat(64));
        assert_eq!(post_as(shop, &rotated, body.clone()).await, 200);
        deliver(shop, fake, &[event.clone(), event]).await;
        assert_eq!(
            (stored(shop).await, status(shop, &order).await),
            (1, "paid".into())
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn events_of_any_kind_and_of_nobody_strand_nothing() {
    on_both(async |shop, fake| {
        let strange = |number: u32, kind: &str, object: Value| {
            json!({"id": format!("evt_{number}"), "type": kind, "data": {"object": object}, "api_version": "2031-01-01"})
        };
        let events = [
            strange(1, "a.kind.of.the.future", json!({"id": "x_1"})),
            strange(2, "checkout.session.completed", json!({"id": "cs_1", "client_reference_id": "a shop's own"})),
            strange(3, "checkout.session.completed", json!({"id": "cs_2", "client_reference_id": "zz0000000000000000000000000000"})),
            strange(4, "refund.updated", json!({"id": "re_1", "metadata": {"refund": "10000000000000000000000000"}})),
            strange(5, "charge.dispute.created", json!({"id": "dp_1", "payment_intent": "pi_unknown"})),
            strange(6, "charge.dispute.created", json!(["not", "an", "object"])),
            json!({"id": "evt_7", "type": "bare"}),
        ];
        deliver(shop, fake, &events).await;
        deliver(shop, fake, &events).await;
        assert_eq!(stored(shop).await, 7);
        assert_clean(shop).await;
        let body = json!({"id": "x".repeat(300), "type": "y"});
        assert_eq!(post(shop, fake, &body).await, 400);
        let huge = json!({"id": "evt_8", "type": "y", "data": {"object": "x".repeat(600_000)}});
        assert_eq!(post(shop, fake, &huge).await, 413);
    })
    .await;
}

#[tokio::test]
async fn a_dispute_is_shown_to_staff() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 1)).await;
        let session = open(shop, &order).await;
        assert!(fake.pay(&session, "card"));
        let events = fake.take_events();
        deliver(shop, fake, &events).await;
        let intent = fake.lock().session(&session)["payment_intent"].clone();
        let object = json!({"id": "dp_1", "payment_intent": intent, "status": "needs_response"});
        let event = json!({"id": "evt_d", "type": "charge.dispute.created", "data": {"object": object}});
        deliver(shop, fake, &[event]).await;
        let (_, list) = shop
            .get(&shop.zhang.accountant, "/api/v1/payments?trouble=true")
            .await;
        assert_eq!(
            list["items"][0]["trouble"],
            "disputed by the card's holder: needs_response"
        );
        assert_eq!(list["items"][0]["order"], order["number"]);
    })
    .await;
}

#[tokio::test]
async fn a_shop_without_stripe_has_no_webhook() {
    app::on_both(async |shop| {
        assert_eq!(post_as(shop, "t=1,v1=00", "{}".into()).await, 404);
    })
    .await;
}

/// (body is there, outcome) of each event, by its id.
async fn events(shop: &TestApp) -> Vec<(String, bool, Option<String>)> {
    on!(shop.app.db, ex => sqlx::query_as("SELECT id, body <> '', outcome FROM provider_event ORDER BY id")
        .fetch_all(ex).await)
    .unwrap()
}

#[tokio::test]
async fn bodies_of_handled_events_go_after_thirty_days() {
    on_both(async |shop, fake| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("stripe", 1)).await;
        let session = open(shop, &order).await;
        assert!(fake.pay(&session, "alipay"));
        let event = fake.take_events().pop().unwrap();
        deliver(shop, fake, std::slice::from_ref(&event)).await;
        let strange = json!({"id": "evt_z", "type": "a.kind", "data": {"object": {"customer_email": "su@example.org"}}});
        assert_eq!(post(shop, fake, &strange).await, 200);
        super::digest(shop).await;
        let waits = transact!(shop.app.db, tx => Ok(on!(tx, ex => sqlx::query(
            "INSERT INTO provider_event (village_id, provider, id, kind, body, received_at, next_try_at)
             VALUES (1, 'stripe', 'evt_waits', 'x', '{}', 0, 0)").execute(ex).await.map(|_| ()))?));
        waits.unwrap();
        let erase = async || jobs::run_now(&shop.app, "erase-event-bodies").await.unwrap();
        shop.app.clock.advance(minutes(30 * 24 * 60));
        assert_eq!(erase().await, "0 erased", "thirty days are not over");
        let before = events(shop).await;
        assert!(before.iter().all(|(_, is_there, _)| *is_there), "{before:?}");
        shop.app.clock.advance(minutes(1));
        assert_eq!(erase().await, "2 erased");
        for (id, is_there, outcome) in events(shop).await {
            assert_eq!(is_there, id == "evt_waits", "{id}");
            assert_eq!(outcome.is_some(), id != "evt_waits", "{id}");
        }
        assert_eq!(erase().await, "0 erased");
        assert_eq!(post(shop, fake, &event).await, 200);
        assert_eq!(events(shop).await.len(), 3, "what comes again is known");
        assert_clean(shop).await;
    })
    .await;
}
