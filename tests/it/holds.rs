//! An order that is not paid in time holds nothing from that instant on, whether or not anything has swept it.

use std::time::Duration;

use axum::http::Method;
use cunji::jobs;
use serde_json::json;

use crate::app::{TestApp, on_both};
use crate::buyer::{assert_clean, left, path, place, placed, problem, read, stand, wish, wish_by};
use crate::goods::{counts, item};

const HOLD: Duration = Duration::from_secs(30 * 60);

async fn sweep(shop: &TestApp) -> String {
    jobs::run_now(&shop.app, "expire-holds").await.unwrap()
}

#[tokio::test]
async fn a_hold_ends_by_itself() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let late = placed(shop, &link, "k1", &wish(3)).await;
        shop.app.clock.advance(HOLD - Duration::from_millis(1));
        assert_eq!(left(shop, &link).await, 2);
        assert_eq!(read(shop, &late).await["status"], "awaiting_payment");
        assert_eq!(place(shop, &link, "k2", &wish(4)).await.0, 409);
        shop.app.clock.advance(Duration::from_millis(1));
        assert_eq!(left(shop, &link).await, 5, "nothing has swept it");
        assert_eq!(read(shop, &late).await["status"], "expired");
        let (status, again) = place(shop, &link, "k1", &wish(3)).await;
        assert_eq!((status, &again["status"]), (200, &json!("expired")));
        let pay = json!({"method": "transfer"});
        let (status, answer) = shop.post("", &path(&late, "/payments"), pay).await;
        assert_eq!((status, problem(&answer)), (409, "expired"));
        assert_clean(shop).await;

        placed(shop, &link, "k2", &wish(4)).await;
        assert_eq!(left(shop, &link).await, 1);
        assert_eq!(read(shop, &late).await["status"], "expired");
        assert_clean(shop).await;
        assert_eq!(
            sweep(shop).await,
            "0 holds ended",
            "the second buyer's order did it"
        );
        assert_eq!(left(shop, &link).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_sweep_changes_nothing_that_is_seen() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let late = placed(shop, &link, "k1", &wish(3)).await;
        shop.app.clock.advance(HOLD);
        assert_eq!(sweep(shop).await, "1 holds ended");
        assert_eq!(left(shop, &link).await, 5);
        assert_eq!(counts(&item(shop, "FT05").await), (5, 0, 5));
        let swept = read(shop, &late).await;
        assert_eq!(
            (&swept["status"], &swept["items"][0]["cancelled"]),
            (&json!("expired"), &json!(3))
        );
        assert_eq!(
            place(shop, &link, "k1", &wish(3)).await,
            (200, swept.clone()),
            "the key stays used"
        );
        let same = shop
            .must(Method::POST, "", &path(&late, "/cancel"), json!({}))
            .await;
        assert_eq!(same["status"], "expired", "there is nothing to cancel");
        placed(shop, &link, "k2", &wish(5)).await;
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_paid_on_delivery_does_not_expire() {
    on_both(async |shop| {
        let link = stand(shop, 5).await;
        let order = placed(shop, &link, "k1", &wish_by("cod", 3)).await;
        assert_eq!(
            (&order["status"], &order["pay_before"]),
            (&json!("awaiting_payment"), &json!(null))
        );
        shop.app.clock.advance(HOLD * 100);
        assert_eq!(sweep(shop).await, "0 holds ended");
        assert_eq!(left(shop, &link).await, 2);
        assert_eq!(read(shop, &order).await, order);
        assert_clean(shop).await;
    })
    .await;
}
