//! A partner for a test: a real server that writes down what it is told and answers as it is told to. And a link on
//! which an order can be placed, so that there is something to tell.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cunji::{on, transact};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::Semaphore;

use crate::app::TestApp;

pub struct Heard {
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// When it says it was signed, if the signature is good.
    pub fn signed_at(&self, secret: &str) -> Option<i64> {
        let (at, signature) = self.header("cunji-signature").split_once(',')?;
        let at = at.strip_prefix("t=")?;
        let signature = hex::decode(signature.strip_prefix("v1=")?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(self.text.as_bytes());
        mac.verify_slice(&signature).ok()?;
        at.parse().ok()
    }
}

#[derive(Clone)]
pub struct Partner {
    pub url: String,
    pub heard: Arc<Mutex<Vec<Heard>>>,
    /// statuses of the next answers; 204 when there are none left
    answers: Arc<Mutex<VecDeque<u16>>>,
    /// an answer takes one of these, and waits for it
    pub permits: Arc<Semaphore>,
}

impl Partner {
    pub async fn open(answers: &[u16]) -> Partner {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let partner = Partner {
            url: format!(
                "http://{}/events?key=for-us-alone",
                listener.local_addr().unwrap()
            ),
            heard: Arc::default(),
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        };
        let service = Router::new().fallback(hear).with_state(partner.clone());
        tokio::spawn(async move { axum::serve(listener, service).await });
        partner
    }

    /// From now on every answer waits until `permits` has one for it.
    pub fn hang(&self) {
        self.permits.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// Waits until it has been told so much.
    pub async fn heard_of(&self, count: usize) {
        for _ in 0..1_000 {
            if self.count() >= count {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("told {} times in 10 s, not {count}", self.count());
    }

    /// Registers it with the village of the story; gives its id and secret.
    pub async fn subscribe(&self, shop: &TestApp) -> (String, String) {
        let body = json!({"url": self.url});
        let answer = shop
            .must(Method::POST, &shop.zhang.manager, "/api/v1/subscribers", body)
            .await;
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        (text("id"), text("secret"))
    }
}

async fn hear(State(partner): State<Partner>, headers: HeaderMap, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap();
    partner.heard.lock().unwrap().push(Heard { headers, text, body });
    partner.permits.acquire().await.unwrap().forget();
    let status = partner.answers.lock().unwrap().pop_front().unwrap_or(204);
    let location = [(header::LOCATION, "/elsewhere")];
    (StatusCode::from_u16(status).unwrap(), location).into_response()
}

/// Puts events of the topic `test` into the outbox of the village of the story.
pub async fn tell(shop: &TestApp, count: usize) {
    let (ids, at, village) = (&shop.app.ids, shop.app.clock.now(), shop.zhang.id);
    let bodies: Vec<String> = (0..count).map(|n| json!({"n": n}).to_string()).collect();
    let told = transact!(shop.app.db, tx => cunji::outbox::tell(tx, ids, village, at, "test", || bodies.clone()).await);
    told.unwrap();
}

/// Opens a link that offers ten cases of FT05; gives its code.
pub async fn open_link(shop: &TestApp) -> String {
    let (ids, now, village) = (&shop.app.ids, shop.app.clock.now(), shop.zhang.id);
    let (product, sku, link) = (ids.uuid(now), ids.uuid(now), ids.uuid(now));
    let code = ids.link_code(village);
    let done = transact!(shop.app.db, tx => {
        on!(tx, ex => sqlx::query(
            "INSERT INTO product (village_id, id, slug, name, legal_kind, description, label, created_at)
             VALUES ($1, $2, 'fentiao', '粉条', 'fresh', '', '{}', $3)")
            .bind(village).bind(product).bind(now).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query(
            "INSERT INTO sku (village_id, id, product_id, code, title, spec, price_fen, gross_weight_grams,
                              shelf_life_days, created_at)
             VALUES ($1, $2, $3, 'FT05', '粉条', '5 斤', 3900, 2700, 365, $4)")
            .bind(village).bind(sku).bind(product).bind(now).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query("INSERT INTO stock (village_id, sku_id, on_hand) VALUES ($1, $2, 10)")
            .bind(village).bind(sku).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query(
            "INSERT INTO link (village_id, id, code, title, channel, host, created_at)
             VALUES ($1, $2, $3, '年货', 'livestream', '', $4)")
            .bind(village).bind(link).bind(&code).bind(now).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query(
            "INSERT INTO offer (village_id, link_id, sku_id, position, price_fen, limit_per_order)
             VALUES ($1, $2, $3, 1, 3900, 5)")
            .bind(village).bind(link).bind(sku).execute(ex).await.map(|_| ()))?;
        tx.changes_supply();
        Ok(())
    });
    done.unwrap();
    code
}

/// Places an order for two cases; gives it.
pub async fn place(shop: &TestApp, code: &str, key: &str) -> Value {
    let body = json!({
        "items": [{"sku": "FT05", "quantity": 2}],
        "recipient": {"name": "苏宇", "phone": "13800138000", "province": "广东省", "city": "深圳市",
                      "district": "南山区", "street": "科技园路 1 号"},
        "payment_method": "transfer",
    });
    let request = Request::post(format!("/api/v1/links/{code}/orders"))
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(body.to_string().into())
        .unwrap();
    let (status, order) = shop.send(request).await;
    assert_eq!(status, 201, "{order}");
    order
}
