//! For tests that walk the route table: names of rows that exist, and a right body for every route that takes one.

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use cunji::id::order_token;
use cunji::routes::{Access, Route};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::TestApp;
use crate::batches;
use crate::buyer::{desk, link, path, placed, wish, wish_by};
use crate::claims;
use crate::goods::{add_sku, product, receive, sku};
use crate::imports::{bring_in, generic, row};

/// What the rows of Zhang village are called.
pub struct Names {
    link: String,
    number: String,
    token: String,
    payment: String,
    /// the same, as staff call it
    payment_id: String,
    product: String,
    staff: String,
    refund: String,
    import: String,
    subscriber: String,
    /// another one, for the console to remove
    partner: String,
    event: String,
    confirmation: String,
    lot: String,
    batch: String,
    parcel: String,
    claim: String,
    photo: String,
    /// a product's picture, as staff call it and as everybody does
    picture: String,
    picture_token: String,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Names {
    /// Fills the shop with a row of everything.
    pub async fn of(shop: &TestApp) -> Names {
        let manager = &shop.zhang.manager;
        let first = async |path: &str| text(&shop.get(manager, path).await.1["items"][0]["id"]);
        let product = product(shop, "fentiao").await;
        add_sku(shop, &product, sku("FT05")).await;
        let lot = receive(shop, "FT05", "L1", "2025-01-09", 50).await;
        let url = json!({"url": "https://example.org/hook"});
        let subscriber = shop.must(Method::POST, manager, "/api/v1/subscribers", url).await;
        let other = json!({"url": "https://example.org/partner"});
        let partner = shop
            .must(Method::POST, manager, "/api/v1/subscribers", other)
            .await;
        let link = link(shop, manager, json!({})).await;
        let order = placed(shop, &link, "k1", &wish_by("practice", 1)).await;
        let step = json!({"method": "practice"});
        let step = shop
            .must(Method::POST, "", &path(&order, "/payments"), step)
            .await;
        let money = body(&Method::POST, "/api/v1/orders/{order}/confirm-payment").unwrap();
        shop.must(Method::POST, manager, &desk(&order, "/confirm-payment"), money)
            .await;
        shop.must(
            Method::POST,
            manager,
            &desk(&order, "/refund-surplus"),
            Value::Null,
        )
        .await;
        let file = generic(&[&row(1, 1, "", "paid")]);
        let (batch, parcel) = sent(shop).await;
        let photo = claims::send_photo(shop, &order, 1).await;
        let mut claim = claims::claim("damaged", 1);
        claim["photos"] = json!([photo]);
        let claim = shop.must(Method::POST, "", &path(&order, "/claims"), claim).await;
        let pictures = format!("/api/v1/products/{product}/pictures");
        let (_, pictures) = claims::send_file(shop, manager, &pictures, claims::photo(2)).await;
        let picture = text(&pictures["items"][0]["id"]);
        Names {
            payment: text(&step["url"]).rsplit('/').next().unwrap().to_owned(),
            payment_id: text(&shop.get(manager, "/api/v1/confirmations").await.1["items"][0]["payment"]),
            refund: first("/api/v1/refunds").await,
            confirmation: first("/api/v1/confirmations").await,
            staff: first("/api/v1/staff").await,
            subscriber: text(&subscriber["id"]),
            partner: text(&partner["id"]),
            event: first("/api/v1/outbox").await,
            import: text(&bring_in(shop, &file).await["id"]),
            number: text(&order["number"]),
            token: text(&order["token"]),
            lot: order_token(shop.zhang.id, text(&lot["lot"]["id"]).parse().unwrap()),
            link,
            product,
            batch,
            parcel,
            claim: text(&claim["id"]),
            photo,
            picture_token: order_token(shop.zhang.id, picture.parse().unwrap()),
            picture,
        }
    }

    /// The value of a route's parameter. A new parameter gets its line here.
    fn value(&self, route: &Route, name: &str) -> &str {
        match name {
            "code" => &self.link,
            // buyers hold an order's token, staff call it by its number
            "order" if route.access == Access::Public => &self.token,
            "order" => &self.number,
            "payment" if route.access == Access::Public => &self.payment,
            "payment" => &self.payment_id,
            "version" => "1",
            "id" if route.path.contains("/staff/") => &self.staff,
            "id" if route.path.contains("/products/") => &self.product,
            "sku" => "FT05",
            "lot" => &self.lot,
            "refund" => &self.refund,
            "confirmation" => &self.confirmation,
            "import" => &self.import,
            "subscriber" if route.path.starts_with("/console/") => &self.partner,
            "subscriber" => &self.subscriber,
            "event" => &self.event,
            "batch" => &self.batch,
            "parcel" => &self.parcel,
            "claim" => &self.claim,
            "photo" => &self.photo,
            "picture" if route.access == Access::Public => &self.picture_token,
            "picture" => &self.picture,
            "file" => "style.css",
            _ => panic!("{{{name}}} of {} needs a value in the tests", route.path),
        }
    }

    /// The route's path, with `put` deciding over each parameter's value.
    pub fn path(&self, route: &Route, put: impl Fn(usize, &str) -> String) -> String {
        let mut at = 0;
        let filled = route.path.split('/').map(|part| match parameter(part) {
            Some(name) => {
                at += 1;
                put(at - 1, self.value(route, name))
            }
            None => part.to_owned(),
        });
        filled.collect::<Vec<_>>().join("/")
    }

    pub fn real_path(&self, route: &Route) -> String {
        self.path(route, |_, value| value.to_owned())
    }
}

/// A batch that is handed over, and its parcel with a waybill.
async fn sent(shop: &TestApp) -> (String, String) {
    batches::opened(shop, 60).await;
    batches::plan(shop, batches::request(true)).await;
    let batch = batches::all(shop).await[0].clone();
    let parcel = batches::codes(shop, &batch).await[0].clone();
    batches::must(shop, &batch, "release", json!({})).await;
    batches::must(shop, &batch, "pack", json!({"parcels": [parcel]})).await;
    let items = json!({"items": [{"parcel": parcel, "waybill": "7310001234567"}]});
    batches::must(shop, &batch, "waybills", items).await;
    batches::must(shop, &batch, "hand-over", json!({})).await;
    (text(&batch["id"]), parcel)
}

fn parameter(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// How many parameters a route's path has.
pub fn parameters(route: &Route) -> usize {
    route.path.split('/').filter_map(parameter).count()
}

/// A right body for a route that takes JSON.
pub fn body(method: &Method, path: &str) -> Option<Value> {
    let item = json!([{"sku": "FT05", "quantity": 1}]);
    let because = json!({"reason": "买家来电"});
    Some(match (method.as_str(), path) {
        ("POST", "/api/v1/links/{code}/quote") => json!({"items": item, "province": "广东"}),
        ("POST", "/api/v1/links/{code}/orders" | "/api/v1/orders") => wish(1),
        ("POST", "/api/v1/orders/{order}/payments") => json!({"method": "transfer"}),
        ("POST", "/api/v1/orders/{order}/unmask" | "/api/v1/orders/{order}/cancel-by-staff") => because,
        ("POST", "/api/v1/orders/{order}/confirm-payment") => {
            json!({"received_into": "农商银行 6228", "amount_fen": 7_000, "reference": "流水 0042",
                   "channel": "bank", "received_at": "2024-01-20T01:30:00Z", "note": "代付"})
        }
        ("POST", "/api/v1/orders/{order}/refunds") => json!({"amount_fen": 1, "reason": "箱子破损"}),
        ("POST", "/api/v1/orders/{order}/edit") => {
            json!({"version": 1, "reason": "买家来电", "items": item, "recipient": wish(1)["recipient"], "note": "快"})
        }
        ("POST", "/api/v1/refunds/{refund}/done") => json!({"reference": "流水 0043", "proof": "回单 3 号"}),
        (
            "POST",
            "/api/v1/payments/{payment}/settle-trouble"
            | "/api/v1/payments/{payment}/reverse"
            | "/api/v1/confirmations/{confirmation}/take-back",
        ) => because,
        ("POST", "/webhooks/stripe") => json!({"id": "evt_1", "type": "ping"}),
        ("POST", "/webhooks/wechat") => json!({"id": "evt-1", "event_type": "ping"}),
        ("POST", "/api/v1/links") => json!({
            "title": "年货", "channel": "moments", "host": "阿梅", "opens_at": "2024-01-20T02:00:00Z",
            "closes_at": "2024-02-20T02:00:00Z",
            "offers": [{"sku": "FT05", "price_fen": 6800, "quota": 9, "limit_per_order": 5}],
        }),
        ("PATCH", "/api/v1/links/{code}") => {
            json!({"title": "年货", "host": "阿梅", "offers": [{"sku": "FT05", "price_fen": 6800}]})
        }
        ("POST", "/api/v1/session") => json!({"login": "packer-zhang", "password": "guess"}),
        ("POST", "/api/v1/addresses/parse") => json!({"text": "苏宇 13800138000 深圳市南山区科技园路 1 号"}),
        ("PATCH", "/api/v1/village") => {
            json!({"name": "张村", "contact": "0375", "account": "农商银行", "second_person_above_fen": 500_000})
        }
        ("POST", "/api/v1/staff") => {
            json!({"login": "new-zhang", "name": "新来的", "role": "packer", "password": "long enough"})
        }
        ("PATCH", "/api/v1/staff/{id}") => json!({"name": "老张"}),
        ("POST", "/api/v1/products") => {
            json!({"name": "粉条", "slug": "more", "legal_kind": "fresh", "description": "细"})
        }
        ("PATCH", "/api/v1/products/{id}") => json!({"name": "粉条", "description": "粗"}),
        ("POST", "/api/v1/products/{id}/skus") => sku("FT10"),
        ("POST", "/api/v1/orders/{order}/claims") => claims::claim("damaged", 1),
        ("POST", "/api/v1/claims/{claim}/decide") => {
            json!({"decision": "refund", "amount_fen": 100, "words": "退给您"})
        }
        ("PUT", "/api/v1/products/{id}/pictures") => json!({"pictures": []}),
        ("PATCH", "/api/v1/products/{id}/skus/{sku}") => json!({"title": "粉条", "price_fen": 6900}),
        ("PUT", "/api/v1/freight") => json!({"items": [{"province": "*", "served": true, "first_grams": 3000,
            "first_fen": 800, "step_grams": 1000, "step_fen": 200, "free_from_fen": null}]}),
        ("PUT", "/api/v1/capacity") => json!({"cases_per_day": 60, "days": {"2024-01-24": 0}}),
        ("PUT", "/api/v1/carriers") => json!({"items": [crate::calendar::carrier("zto", 50)]}),
        ("POST", "/api/v1/stock/receipts") => crate::goods::receipt("FT05", "L2", "2025-01-09", 5),
        ("POST", "/api/v1/stock/adjustments") => {
            json!({"sku": "FT05", "lot": "L1", "quantity": 1, "reason": "盘点"})
        }
        ("PUT", "/api/v1/stock/{sku}/ahead") => json!({"cases": 5, "ready_on": "2024-01-25"}),
        ("POST", "/api/v1/subscribers") => json!({"url": "https://example.org/other"}),
        _ => return sending(method, path),
    })
}

/// The same for the way to the buyer's door.
fn sending(method: &Method, path: &str) -> Option<Value> {
    Some(match (method.as_str(), path) {
        ("POST", "/api/v1/plan") => {
            json!({"as_of": "2024-01-20", "deadline": "2024-02-08", "commit": true, "merge": true,
                   "max_parcel_grams": 20_000, "horizon_days": 30})
        }
        ("POST", "/api/v1/plan/what-if") => {
            json!({"as_of": "2024-01-20", "deadline": "2024-02-08", "workshop": {"cases_per_day": 80},
                   "carriers": {"zto": {"pickup_cases_per_day": 10}}, "ready_on": {"240120-0001": "2024-01-25"},
                   "spoiled": [{"sku": "FT05", "lot": "L1", "quantity": 1}]})
        }
        ("POST", "/api/v1/orders/{order}/wish") => {
            json!({"carrier": "zto", "arrive_by": "2024-02-08", "not_before": "2024-01-21", "together": true})
        }
        ("POST", "/api/v1/late") => {
            json!({"orders": ["240120-0001"], "answer_by": "2024-01-21T02:00:00Z", "default": "refund",
                   "shop_pays": true, "as_of": "2024-01-20", "deadline": "2024-02-08"})
        }
        ("POST", "/api/v1/orders/{order}/late") => json!({"answer": "after"}),
        ("POST", "/api/v1/batches/{batch}/hold") => json!({"parcels": ["P00018"], "reason": "等买家回话"}),
        ("POST", "/api/v1/batches/{batch}/split") => {
            json!({"parcels": ["P00018"], "ship_on": "2024-01-22", "carrier": "zto"})
        }
        (
            "POST",
            "/api/v1/batches/{batch}/pack"
            | "/api/v1/batches/{batch}/unpack"
            | "/api/v1/batches/{batch}/unhold"
            | "/api/v1/batches/{batch}/take-out",
        ) => json!({"parcels": ["P00018"]}),
        ("POST", "/api/v1/batches/{batch}/scans") => {
            json!({"scans": [{"key": "018d0000-0000-7000-8000-000000000001", "code": "P00018", "act": "pack",
                              "at": "2024-01-20T01:00:00Z"}]})
        }
        ("POST", "/api/v1/batches/{batch}/waybills") => {
            json!({"items": [{"parcel": "P00018", "waybill": "7310001234567"}]})
        }
        ("POST", "/api/v1/parcels/{parcel}/waybill") => {
            json!({"waybill": "7310001234568", "reason": "打印坏了"})
        }
        _ => return None,
    })
}

/// Asks a route; `token` may be empty.
pub async fn ask(
    service: &Router,
    method: &Method,
    path: &str,
    token: &str,
    body: impl Into<Body>,
) -> (StatusCode, Bytes) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", "walk");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = service.clone().oneshot(request.body(body.into()).unwrap());
    let (head, body) = answer.await.unwrap().into_parts();
    let kind = head.headers.get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind == "text/event-stream") {
        // events go on for ever; the first one is enough
        return (head.status, first_event(body).await);
    }
    (head.status, body.collect().await.unwrap().to_bytes())
}

/// The first event of a stream, as it is sent.
pub async fn first_event(mut body: Body) -> Bytes {
    let frame = tokio::time::timeout(std::time::Duration::from_secs(20), body.frame()).await;
    frame
        .expect("an event comes")
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap()
}
