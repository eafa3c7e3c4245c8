//! What staff do to the money of a random history.

use rand::Rng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

use super::World;
use crate::buyer::desk;

impl World<'_> {
    /// Staff see money of a transfer, give some back, or find out that it never came.
    pub(super) async fn staff(&mut self) {
        let Some(order) = self.any_order() else { return };
        match self.rng.random_range(0..10) {
            0 => return self.second_look().await,
            1 => return self.reverse().await,
            2 => {
                let way = desk(&order, "/refund-surplus");
                return self.must_be_sane(&way, json!(null)).await;
            }
            _ => {}
        }
        let fen = *[100, 5_000, 6_800, 13_600, 20_400]
            .choose(&mut self.rng)
            .expect("not empty");
        let (way, body) = if self.rng.random_bool(0.5) {
            let body = json!({"received_into": "农商银行 6228", "amount_fen": fen, "reference": "流水"});
            ("/confirm-payment", body)
        } else {
            ("/refunds", json!({"amount_fen": fen, "reason": "少了一箱"}))
        };
        self.must_be_sane(&desk(&order, way), body).await;
    }

    async fn must_be_sane(&self, way: &str, body: Value) {
        let (status, answer) = self.shop.post(&self.shop.zhang.accountant, way, body).await;
        assert!([200, 201, 409, 422].contains(&status), "{way} {status} {answer}");
    }

    /// The manager looks at what the accountant has confirmed above the limit.
    pub(super) async fn second_look(&mut self) {
        for row in self
            .all("confirmations")
            .await
            .iter()
            .filter(|row| row["state"] == "waiting")
        {
            let way = format!("/api/v1/confirmations/{}", row["id"].as_str().unwrap());
            let (act, body) = match self.rng.random_bool(0.7) {
                true => ("agree", json!(null)),
                false => ("take-back", json!({"reason": "没有到账"})),
            };
            let (status, answer) = self
                .shop
                .post(&self.shop.zhang.manager, &format!("{way}/{act}"), body)
                .await;
            assert_eq!(status, 200, "{act} {answer}");
        }
    }

    async fn reverse(&mut self) {
        let payments = self.all("payments").await;
        let is_told = |row: &&Value| row["method"] == "transfer" && row["state"] == "paid";
        let told: Vec<&Value> = payments.iter().filter(is_told).collect();
        if let Some(row) = told.choose(&mut self.rng) {
            let way = format!("/api/v1/payments/{}/reverse", row["id"].as_str().unwrap());
            self.must_be_sane(&way, json!({"reason": "是别人的款"})).await;
        }
    }
}
