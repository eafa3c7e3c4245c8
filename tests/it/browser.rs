//! A buyer's phone with script turned off: opens pages, reads them and presses the buttons of their forms.

use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use cunji::{on, transact};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::app::TestApp;
use crate::goods;

/// An answer as a browser gets it.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers[header::LOCATION].to_str().unwrap()
    }

    #[track_caller]
    pub fn has(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(
                self.text.contains(word),
                "{word} is not on the page:\n{}",
                self.text
            );
        }
        self
    }

    #[track_caller]
    pub fn has_not(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(!self.text.contains(word), "{word} is on the page:\n{}", self.text);
        }
        self
    }

    /// The value of a field of the page's form.
    pub fn value(&self, name: &str) -> String {
        let (_, rest) = self.text.split_once(&format!("name=\"{name}\"")).unwrap();
        let (tag, _) = rest.split_once('>').unwrap();
        let (_, value) = tag.split_once("value=\"").unwrap();
        value.split('"').next().unwrap().to_owned()
    }
}

pub async fn send(shop: &TestApp, request: Request<Body>) -> Page {
    let response = shop.app.service().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Page {
        status: head.status.as_u16(),
        headers: head.headers,
        text: String::from_utf8(body.to_vec()).unwrap(),
    }
}

pub async fn open(shop: &TestApp, path: &str) -> Page {
    let request = Request::get(path).header(header::ACCEPT, "text/html,*/*");
    send(shop, request.body(Body::empty()).unwrap()).await
}

pub fn post(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Request::post(path)
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}

/// Presses a button of a form, from a page of this site.
pub async fn press(shop: &TestApp, path: &str, fields: &[(&str, &str)]) -> Page {
    let mut request = post(path, fields);
    let headers = request.headers_mut();
    headers.insert("origin", "http://shop.example".parse().unwrap());
    headers.insert("host", "shop.example".parse().unwrap());
    send(shop, request).await
}

/// A link that offers ten cases of sku FT05, five per order; freight is free but to Xinjiang, where nothing goes.
pub async fn link(shop: &TestApp) -> String {
    let product = goods::product(shop, "noodles").await;
    let sku = goods::add_sku(shop, &product, goods::sku("FT05")).await;
    goods::receive(shop, "FT05", "L240110", "2025-01-09", 10).await;
    let (village, now) = (shop.zhang.id, shop.app.clock.now());
    let (id, code) = (shop.app.ids.uuid(now), shop.app.ids.link_code(village));
    transact!(shop.app.db, tx => {
        tx.changes_supply();
        on!(tx, ex => sqlx::query(
            "INSERT INTO link (village_id, id, code, title, channel, host, created_at)
             VALUES ($1, $2, $3, '张村年货', 'livestream', '春梅', $4)")
            .bind(village).bind(id).bind(&code).bind(now).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query(
            "INSERT INTO offer (village_id, link_id, sku_id, position, price_fen, limit_per_order)
             VALUES ($1, $2, $3, 0, 6800, 5)")
            .bind(village).bind(id).bind(sku).execute(ex).await.map(|_| ()))?;
        for (province, served, first_fen) in [("*", true, 600_i64), ("65", false, 0)] {
            on!(tx, ex => sqlx::query(
                "INSERT INTO freight (village_id, province, served, first_grams, first_fen, step_grams, step_fen)
                 VALUES ($1, $2, $3, 5000, $4, 1000, 200)")
                .bind(village).bind(province).bind(served).bind(first_fen).execute(ex).await.map(|_| ()))?;
        }
        Ok(())
    })
    .unwrap();
    code
}

pub async fn set_window(shop: &TestApp, code: &str, opens_at: Option<i64>, closed_at: Option<i64>) {
    transact!(shop.app.db, tx => {
        tx.changes_supply();
        on!(tx, ex => sqlx::query("UPDATE link SET opens_at = $3, closed_at = $4 WHERE village_id = $1 AND code = $2")
            .bind(shop.zhang.id).bind(code).bind(opens_at).bind(closed_at).execute(ex).await.map(|_| ()))?;
        Ok(())
    })
    .unwrap();
}

pub async fn orders(shop: &TestApp) -> i64 {
    on!(shop.app.db, ex => sqlx::query_scalar("SELECT COUNT(*) FROM orders WHERE village_id = $1")
        .bind(shop.zhang.id).fetch_one(ex).await)
    .unwrap()
}

/// A form that is filled in well, but for the fields that are given anew.
pub fn filled<'a>(key: &'a str, anew: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let good = [
        ("key", key),
        ("quantity.FT05", "2"),
        ("name", "李小雨"),
        ("phone", "13800138000"),
        ("province", "河南省"),
        ("city", "郑州市"),
        ("district", "金水区"),
        ("street", "花园路1号"),
        ("method", "practice"),
    ];
    let kept = good
        .into_iter()
        .filter(|(name, _)| !anew.iter().any(|(other, _)| other == name));
    kept.chain(anew.iter().copied()).collect()
}

/// Two cases: 13600, and 5800 g cost 600 + 200.
pub const TOTAL: &str = "14400";

/// Orders two cases and gives the path of the order's page.
pub async fn order(shop: &TestApp, code: &str, anew: &[(&str, &str)]) -> String {
    let path = format!("/s/{code}");
    let key = open(shop, &path).await.value("key");
    let mut fields = filled(&key, anew);
    fields.extend([("act", "place"), ("seen", TOTAL)]);
    press(shop, &path, &fields).await.location().to_owned()
}
