//! What the stories of links need besides the common shop: skus to offer, a second host, orders that were placed.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use cunji::clock::Timestamp;
use cunji::db::Db;
use cunji::id::{Ids, VillageId, hash_secret};
use cunji::villages::auth::By;
use cunji::villages::store::{Credential, NewStaff, create_credential, create_staff};
use cunji::villages::{Role, Staff};
use cunji::{on, transact};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::app::{self, TestApp};
use crate::goods;

pub struct Shop<'a> {
    pub test: &'a TestApp,
    pub village: VillageId,
    /// a host beside the one that every village has
    lan: String,
    skus: HashMap<&'static str, Uuid>,
    /// whose skus can be sold
    product: String,
}

/// Tells a story on each engine.
pub async fn on_both(story: impl AsyncFn(&Shop<'_>)) {
    app::on_both(async |test| story(&Shop::of(test).await).await).await;
}

impl<'a> Shop<'a> {
    async fn of(test: &'a TestApp) -> Self {
        let mut shop = Shop {
            test,
            village: test.zhang.id,
            lan: hire_lan(test).await,
            skus: HashMap::new(),
            product: goods::product(test, "fen-tiao").await,
        };
        for code in ["FT05", "HS10", "OLD1"] {
            let sku = goods::add_sku(test, &shop.product, goods::sku(code)).await;
            shop.skus.insert(code, sku);
        }
        shop.retire("OLD1").await;
        let body = json!({"name": "包装粉条", "slug": "packed", "legal_kind": "prepacked"});
        let packed = test
            .must(Method::POST, &test.zhang.manager, goods::PRODUCTS, body)
            .await;
        let packed = packed["id"].as_str().unwrap();
        goods::add_sku(test, packed, goods::sku("FT25")).await;
        shop
    }

    pub fn db(&self) -> &Db {
        &self.test.app.db
    }

    pub fn now(&self) -> Timestamp {
        self.test.app.clock.now()
    }

    fn token(&self, login: &str) -> Option<&str> {
        let zhang = &self.test.zhang;
        Some(match login {
            "manager" => &zhang.manager,
            "packer" => &zhang.packer,
            "accountant" => &zhang.accountant,
            "overseer" => &zhang.overseer,
            "host" => &zhang.host,
            "lan" => &self.lan,
            "stranger" => &self.test.li.manager,
            _ => return None,
        })
    }

    /// Takes a sku out of sale.
    pub async fn retire(&self, sku: &str) {
        let path = format!("{}/{}/skus/{sku}", goods::PRODUCTS, self.product);
        let change = json!({"active": false});
        self.test
            .must(Method::PATCH, &self.test.zhang.manager, &path, change)
            .await;
    }

    /// Calls a route as a member of staff, or as nobody.
    pub async fn raw(
        &self,
        login: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept-language", "en");
        if let Some(token) = self.token(login) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        let answer = self.test.app.service().oneshot(request.body(body).unwrap());
        let (parts, body) = answer.await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, body)
    }

    pub async fn call(&self, login: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let (status, _, body) = self.raw(login, method, path, body).await;
        let text = String::from_utf8_lossy(&body);
        assert!(
            status.as_u16() < 500,
            "{} {method} {path}: {text}",
            self.db().engine()
        );
        (status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
    }

    pub async fn get(&self, login: &str, path: &str) -> Value {
        let (status, answer) = self.call(login, "GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn post(&self, login: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(login, "POST", path, Some(body)).await
    }

    /// Moves the clock, so that what happens next is later than what did.
    pub fn later(&self) {
        self.test.app.clock.advance(Duration::from_secs(1));
    }

    /// Makes a link of FT05, later than what was before, and gives its code.
    pub async fn link(&self, login: &str, more: Value) -> String {
        self.later();
        let mut body =
            json!({"title": "年货", "channel": "moments", "offers": [{"sku": "FT05", "price_fen": 6800}]});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let (status, answer) = self.post(login, "/api/v1/links", body).await;
        assert_eq!(status, 201, "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }

    /// Acts as the manager, at an instant and with ids of its own.
    pub async fn manager(&self, ids: Ids, at: Timestamp) -> By {
        let id = on!(self.db(), ex => sqlx::query_scalar(
            "SELECT id FROM staff WHERE village_id = $1 AND login = 'manager-zhang'")
            .bind(self.village).fetch_one(ex).await);
        By {
            staff: Staff {
                village: self.village,
                id: id.unwrap(),
                login: "manager-zhang".to_owned(),
                role: Role::Manager,
            },
            at,
            ids,
        }
    }

    pub async fn link_id(&self, code: &str) -> Uuid {
        on!(self.db(), ex => sqlx::query_scalar("SELECT id FROM link WHERE village_id = $1 AND code = $2")
            .bind(self.village).bind(code).fetch_one(ex).await)
        .unwrap()
    }

    /// As if so many cases of FT05 had been ordered.
    pub async fn sell(&self, code: &str, sold: i64) {
        let link = self.link_id(code).await;
        transact!(self.db(), tx => {
            on!(tx, ex => sqlx::query(
                "UPDATE offer SET sold = $4 WHERE village_id = $1 AND link_id = $2 AND sku_id = $3")
                .bind(self.village).bind(link).bind(self.skus["FT05"]).bind(sold).execute(ex).await.map(|_| ()))?;
            Ok(())
        })
        .unwrap();
    }

    /// An order placed through a link: `ordered, cancelled` cases at 68 yuan, `captured` and `refunded` fen.
    pub async fn order(&self, code: &str, placed_at: &str, cases: (i64, i64), money: (i64, i64), end: &str) {
        let (link, id) = (self.link_id(code).await, self.test.app.ids.uuid(self.now()));
        let at = Timestamp::parse(placed_at).unwrap();
        let (hold, ended_as) = match end {
            "" => ("consumed", None),
            end => ("released", Some(end)),
        };
        transact!(self.db(), tx => {
            on!(tx, ex => sqlx::query(
                "INSERT INTO orders (village_id, id, number, link_id, source, channel, host, name, phone, province,
                    city, district, street, region_code, note, method, goods_fen, freight_fen, total_fen,
                    captured_fen, refunded_fen, hold, ended_as, ordered, cancelled, placed_at, updated_at)
                 SELECT link.village_id, $3, $4, link.id, 'link', link.channel, link.host, '苏宇', '13800000000', '41',
                    '', '', '', '411324', '', 'transfer', $5 * 6800, 0, $5 * 6800, $7, $8, $9, $10, $5, $6, $11, $11
                 FROM link WHERE link.village_id = $1 AND link.id = $2")
                .bind(self.village).bind(link).bind(id).bind(id.to_string()).bind(cases.0).bind(cases.1)
                .bind(money.0).bind(money.1).bind(hold).bind(ended_as).bind(at)
                .execute(ex).await.map(|_| ()))?;
            Ok(())
        })
        .unwrap();
    }
}

async fn hire_lan(test: &TestApp) -> String {
    let (app, village, at) = (&test.app, test.zhang.id, test.app.clock.now());
    let secret = app.ids.secret(village);
    let hash = hash_secret(&secret);
    let lan = NewStaff {
        id: app.ids.uuid(at),
        login: "lan-zhang",
        name: "阿兰",
        role: Role::Host,
        password_hash: "none",
    };
    transact!(app.db, tx => {
        create_staff(tx, village, &lan, at).await?;
        create_credential(tx, village, lan.id, Credential::Token, &hash, at, None).await
    })
    .unwrap();
    secret
}

/// The codes of a list of links.
pub fn codes(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|link| link["code"].as_str().unwrap()).collect()
}
