//! Money comes and goes back, and an order is what its money says.

use std::time::Duration;

use axum::http::Method;
use cunji::jobs;
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::buyer::{assert_clean, desk, left, path, placed, problem, read, stand, wish, wish_by};
use crate::goods::{counts, item};

async fn open(shop: &TestApp, order: &Value, method: &str) -> Value {
    let body = json!({"method": method});
    shop.must(Method::POST, "", &path(order, "/payments"), body).await
}

/// Pays with play money what the order asks for; gives where.
async fn play(shop: &TestApp, order: &Value) -> String {
    let step = open(shop, order, "practice").await;
    let payment = step["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let path = format!("/api/v1/practice/{payment}/pay");
    shop.must(Method::POST, "", &path, Value::Null).await;
    path
}

fn seen(fen: i64) -> Value {
    json!({"received_into": "农商银行 6228", "amount_fen": fen, "reference": "流水 0042"})
}

async fn confirm(shop: &TestApp, order: &Value, fen: i64) -> Value {
    let path = desk(order, "/confirm-payment");
    shop.must(Method::POST, &shop.zhang.accountant, &path, seen(fen))
        .await
}

/// (captured, refunded, status) as staff see it.
async fn books(shop: &TestApp, order: &Value) -> (i64, i64, String) {
    let (_, seen) = shop.get(&shop.zhang.packer, &desk(order, "/details")).await;
    let row = &seen["order"];
    (
        row["captured_fen"].as_i64().unwrap(),
        row["refunded_fen"].as_i64().unwrap(),
        row["status"].as_str().unwrap().to_owned(),
    )
}

/// (amount, state) of each refund of an order, as its buyer sees them.
fn refunds(order: &Value) -> Vec<(i64, &str)> {
    let rows = order["refunds"].as_array().unwrap().iter();
    rows.map(|row| {
        (
            row["amount_fen"].as_i64().unwrap(),
            row["state"].as_str().unwrap(),
        )
    })
    .collect()
}

/// The ids of the refunds that staff must still carry out.
async fn open_refunds(shop: &TestApp) -> Vec<String> {
    let (_, list) = shop
        .get(&shop.zhang.accountant, "/api/v1/refunds?open=true")
        .await;
    let rows = list["items"].as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn acts(shop: &TestApp) -> Vec<(String, String)> {
    let (_, log) = shop.get(&shop.zhang.manager, "/api/v1/operations").await;
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let rows = log["items"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["act"]), text(&row["staff"]))).collect()
}

async fn expire(shop: &TestApp) {
    shop.app.clock.advance(Duration::from_secs(30 * 60));
    jobs::run_now(&shop.app, "expire-holds").await.unwrap();
}

#[tokio::test]
async fn a_transfer_is_confirmed_by_the_accountant() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let step = open(shop, &order, "transfer").await;
        assert_eq!(
            (&step["kind"], &step["expires_at"]),
            (&json!("instructions"), &order["pay_before"])
        );
        let text = step["text"].as_str().unwrap();
        for part in ["农商银行 6228 0000 0000 0000", "136.00", "240120-0001"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(open(shop, &order, "transfer").await, step, "asking twice");

        let way = desk(&order, "/confirm-payment");
        for token in [&shop.zhang.packer, &shop.zhang.host, &shop.zhang.overseer] {
            assert_eq!(shop.post(token, &way, seen(13_600)).await.0, 403);
        }
        assert_eq!(shop.post(&shop.li.accountant, &way, seen(13_600)).await.0, 404);
        let (status, answer) = shop
            .post(
                &shop.zhang.accountant,
                &way,
                json!({"received_into": "", "amount_fen": 0, "reference": " "}),
            )
            .await;
        assert_eq!(
            (status, fields(&answer)),
            (422, vec!["received_into", "reference", "amount_fen"])
        );
        assert_eq!(books(shop, &order).await, (0, 0, "awaiting_payment".into()));

        shop.app.clock.advance(Duration::from_secs(60));
        let paid = confirm(shop, &order, 13_600).await;
        assert_eq!(
            (&paid["status"], &paid["paid_at"], &paid["pay_before"]),
            (&json!("paid"), &json!("2024-01-20T02:01:00Z"), &Value::Null)
        );
        let act = ("payment.confirm".to_owned(), "accountant-zhang".to_owned());
        assert_eq!(acts(shop).await.iter().filter(|row| **row == act).count(), 1);
        let (status, answer) = shop.post(&shop.zhang.accountant, &way, seen(13_600)).await;
        assert_eq!((status, problem(&answer)), (409, "already-paid"));
        let again = json!({"method": "transfer"});
        let (status, answer) = shop.post("", &path(&order, "/payments"), again).await;
        assert_eq!((status, problem(&answer)), (409, "already-paid"));
        expire(shop).await;
        assert_eq!(
            read(shop, &order).await["status"],
            "paid",
            "what is paid does not expire"
        );
        assert_eq!(counts(&item(shop, "FT05").await), (5, 2, 3));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn play_money_is_paid_once() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("practice", 2)).await;
        let step = open(shop, &order, "practice").await;
        assert_eq!(step["kind"], "redirect");
        assert_eq!(open(shop, &order, "practice").await, step);
        let way = play(shop, &order).await;
        let paid = read(shop, &order).await;
        assert_eq!(paid["status"], "paid");
        let again = shop.must(Method::POST, "", &way, Value::Null).await;
        assert_eq!(again, paid, "a double click pays once");
        assert_eq!(books(shop, &order).await, (13_600, 0, "paid".into()));
        for unknown in ["nothing", "%00", order["token"].as_str().unwrap()] {
            let way = format!("/api/v1/practice/{unknown}/pay");
            assert_eq!(shop.post("", &way, Value::Null).await.0, 404, "{unknown}");
        }
        let (status, answer) = shop
            .post("", &path(&order, "/payments"), json!({"method": "stripe"}))
            .await;
        assert_eq!((status, fields(&answer)), (422, vec!["method"]));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_part_is_kept_and_the_rest_still_due() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        open(shop, &order, "transfer").await;
        let part = confirm(shop, &order, 10_000).await;
        assert_eq!(
            (&part["status"], &part["paid_at"]),
            (&json!("awaiting_payment"), &Value::Null)
        );
        assert_eq!(books(shop, &order).await, (10_000, 0, "awaiting_payment".into()));
        let step = open(shop, &order, "transfer").await;
        let text = step["text"].as_str().unwrap();
        assert!(
            text.contains("36.00") && !text.contains("136.00"),
            "the rest: {text}"
        );
        assert_clean(shop).await;
        let paid = confirm(shop, &order, 3_600).await;
        assert_eq!((&paid["status"], refunds(&paid).len()), (&json!("paid"), 0));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_too_much_goes_back() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let paid = confirm(shop, &order, 14_000).await;
        assert_eq!(paid["status"], "paid");
        assert_eq!(paid["surplus_fen"], 400, "staff decide about what they have seen");
        let (accountant, way) = (&shop.zhang.accountant, desk(&order, "/refund-surplus"));
        let paid = shop.must(Method::POST, accountant, &way, Value::Null).await;
        assert_eq!(refunds(&paid), [(400, "by_hand")]);
        assert_eq!(books(shop, &order).await, (14_000, 0, "paid".into()));
        assert_clean(shop).await;
        // a payment that was opened before another one brought the money
        let twice = placed(shop, &link, "k2", &wish_by("practice", 1)).await;
        let step = open(shop, &twice, "practice").await;
        let payment = step["url"].as_str().unwrap().rsplit('/').next().unwrap();
        confirm(shop, &twice, 6_800).await;
        let way = format!("/api/v1/practice/{payment}/pay");
        let after = shop.must(Method::POST, "", &way, Value::Null).await;
        assert_eq!(after["status"], "paid");
        let back: i64 = refunds(&after).iter().map(|(fen, _)| fen).sum();
        assert_eq!(back, 6_800, "{after}");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn late_money_revives_an_order_while_there_is_stock() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(3)).await;
        let other = placed(shop, &link, "k2", &wish(2)).await;
        expire(shop).await;
        assert_eq!(left(shop, &link).await, 5);
        let paid = confirm(shop, &order, 20_400).await;
        assert_eq!(
            (&paid["status"], &paid["items"][0]["cancelled"]),
            (&json!("paid"), &json!(0))
        );
        assert_eq!(left(shop, &link).await, 2);
        assert_clean(shop).await;

        placed(shop, &link, "k3", &wish(1)).await;
        let kept = confirm(shop, &other, 13_600).await;
        assert_eq!(kept["status"], "expired", "its cases are gone: {kept}");
        assert_eq!(refunds(&kept), [(13_600, "by_hand")]);
        assert_eq!(left(shop, &link).await, 1);
        assert_clean(shop).await;
        let [id] = open_refunds(shop).await.try_into().unwrap();
        let done = json!({"reference": "流水 0043"});
        let way = format!("/api/v1/refunds/{id}/done");
        shop.must(Method::POST, &shop.zhang.accountant, &way, done).await;
        assert_eq!(books(shop, &other).await, (13_600, 13_600, "refunded".into()));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn money_that_comes_before_the_sweep_keeps_the_order() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(3)).await;
        shop.app.clock.advance(Duration::from_secs(31 * 60));
        let paid = confirm(shop, &order, 20_400).await;
        assert_eq!((&paid["status"], left(shop, &link).await), (&json!("paid"), 2));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_cancel_frees_the_stock_at_once() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(5)).await;
        open(shop, &order, "transfer").await;
        assert_eq!(left(shop, &link).await, 0);
        let way = path(&order, "/cancel");
        let cancelled = shop.must(Method::POST, "", &way, json!({})).await;
        assert_eq!(
            (&cancelled["status"], refunds(&cancelled).len()),
            (&json!("cancelled"), 0)
        );
        assert_eq!(left(shop, &link).await, 5);
        assert_eq!(
            shop.must(Method::POST, "", &way, json!({})).await,
            cancelled,
            "twice"
        );
        assert_clean(shop).await;
        let late = confirm(shop, &order, 34_000).await;
        assert_eq!(late["status"], "cancelled", "nobody wants it any more");
        assert_eq!(refunds(&late), [(34_000, "by_hand")]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn the_cancel_of_a_paid_order_sends_the_money_back() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let played = placed(shop, &link, "k1", &wish_by("practice", 1)).await;
        play(shop, &played).await;
        let cancelled = shop
            .must(Method::POST, "", &path(&played, "/cancel"), json!({}))
            .await;
        assert_eq!(cancelled["status"], "refunded");
        assert_eq!(refunds(&cancelled), [(6_800, "done")]);

        let wired = placed(shop, &link, "k2", &wish(2)).await;
        confirm(shop, &wired, 13_600).await;
        let way = path(&wired, "/cancel");
        let cancelled = shop.must(Method::POST, "", &way, json!({})).await;
        assert_eq!(cancelled["status"], "cancelled");
        assert_eq!(refunds(&cancelled), [(13_600, "by_hand")]);
        assert_eq!(
            shop.must(Method::POST, "", &way, json!({})).await,
            cancelled,
            "twice"
        );
        assert_eq!(left(shop, &link).await, 5);
        assert_clean(shop).await;

        let [id] = open_refunds(shop).await.try_into().unwrap();
        let (done, way) = (
            json!({"reference": "流水 0043"}),
            format!("/api/v1/refunds/{id}/done"),
        );
        assert_eq!(shop.post(&shop.zhang.packer, &way, done.clone()).await.0, 403);
        assert_eq!(shop.post(&shop.li.accountant, &way, done.clone()).await.0, 404);
        let row = shop
            .must(Method::POST, &shop.zhang.accountant, &way, done.clone())
            .await;
        assert_eq!(
            (&row["state"], &row["reference"]),
            (&json!("done"), &done["reference"])
        );
        assert_eq!(books(shop, &wired).await, (13_600, 13_600, "refunded".into()));
        let (status, answer) = shop.post(&shop.zhang.accountant, &way, done).await;
        assert_eq!((status, problem(&answer)), (409, "not-by-hand"));
        assert!(open_refunds(shop).await.is_empty());
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_part_payment_goes_back_with_its_order_only() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        confirm(shop, &order, 5_000).await;
        let body = json!({"amount_fen": 5_000, "reason": "买家来电"});
        let (status, answer) = shop
            .post(&shop.zhang.accountant, &desk(&order, "/refunds"), body)
            .await;
        assert_eq!((status, problem(&answer)), (409, "part-paid"));
        let over = shop
            .must(Method::POST, "", &path(&order, "/cancel"), Value::Null)
            .await;
        assert_eq!(refunds(&over), [(5_000, "by_hand")]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn no_more_goes_back_than_came() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish(2)).await;
        let (accountant, way) = (&shop.zhang.accountant, desk(&order, "/refunds"));
        let ask = |fen: i64| json!({"amount_fen": fen, "reason": "箱子破损"});
        let refused = async |fen: i64| {
            let (status, answer) = shop.post(accountant, &way, ask(fen)).await;
            assert_eq!((status, fields(&answer)), (422, vec!["amount_fen"]), "{fen}");
        };
        refused(1).await;
        confirm(shop, &order, 13_600).await;
        for fen in [-1, 0, 13_601, i64::MAX] {
            refused(fen).await;
        }
        let (status, after) = shop.post(accountant, &way, ask(10_000)).await;
        assert_eq!(
            (status, &after["status"]),
            (201, &json!("paid")),
            "the order stays"
        );
        refused(3_601).await;
        assert_eq!(shop.post(&shop.zhang.packer, &way, ask(1)).await.0, 403);
        assert_eq!(shop.post(&shop.li.manager, &way, ask(1)).await.0, 404);
        let (one, other) = tokio::join!(
            shop.post(accountant, &way, ask(3_600)),
            shop.post(accountant, &way, ask(3_600)),
        );
        let mut answers = [one.0, other.0];
        answers.sort_unstable();
        assert_eq!(answers, [201, 422], "at once");
        assert_eq!(books(shop, &order).await, (13_600, 0, "paid".into()));
        assert_clean(shop).await;
    })
    .await;
}
