//! `cunji demo`: a filled shop to look at. Everything in it goes in through the same doors that people use: the HTTP API
//! and the import of order files.

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::calendar::starter;
use crate::clock::Timestamp;
use crate::db::Db;
use crate::state::App;
use crate::transact;
use crate::villages::store as villages;
use crate::villages::{NewVillage, Role, team};

/// The backlog of January 2024: 166 orders, 380 cases still to be sent before Spring Festival.
static BACKLOG: &[u8] = include_bytes!("orders-380-cases.kuaituantuan.csv");

/// By this slug a database is known to have been made by `demo`.
const VILLAGE: &str = "zhangcun-demo";
const MANAGER: &str = "zhangcun";

struct Sku {
    product: &'static str,
    code: &'static str,
    spec: &'static str,
    price_fen: i64,
    grams: i64,
    shelf_life_days: i64,
    min_days_left: i64,
    on_hand: i64,
}

#[expect(clippy::too_many_arguments, reason = "a row of the table below")]
const fn sku(
    product: &'static str,
    code: &'static str,
    spec: &'static str,
    price_fen: i64,
    grams: i64,
    shelf_life_days: i64,
    min_days_left: i64,
    on_hand: i64,
) -> Sku {
    Sku {
        product,
        code,
        spec,
        price_fen,
        grams,
        shelf_life_days,
        min_days_left,
        on_hand,
    }
}

/// Skus as the workshop sells them, with the cases on its shelves.
const SKUS: [Sku; 5] = [
    sku("fentiao", "FT05", "2.5kg/箱", 6_800, 2_900, 365, 90, 600),
    sku("fentiao", "FT10", "5kg/箱", 12_800, 5_600, 365, 90, 300),
    sku("mishu", "MS10", "5kg/箱", 4_990, 5_700, 45, 14, 200),
    sku("lagen", "LG02", "1kg/箱", 3_990, 1_300, 60, 20, 120),
    sku("moyu", "MY04", "2kg/箱", 4_500, 2_400, 90, 30, 120),
];

/// Provinces that are far: the buyer pays the freight (Inner Mongolia, Hainan, Tibet, Gansu, Qinghai, Ningxia, Xinjiang).
const FAR: [(&str, i64, i64); 7] = [
    ("15", 800, 300),
    ("46", 800, 300),
    ("54", 1_800, 900),
    ("62", 800, 300),
    ("63", 800, 300),
    ("64", 800, 300),
    ("65", 1_800, 900),
];

/// What the cheapest carrier takes for a case, in fen.
const FEN_PER_CASE: i64 = 900;

/// Code, name, cut-off, cases a day, fen a case beyond the cheapest, days slower than usual.
const CARRIERS: [(&str, &str, &str, i64, i64, i64); 3] = [
    ("zto", "中通快递", "17:00", 50, 0, 0),
    ("sf", "顺丰速运", "20:00", 20, 800, -1),
    ("ems", "中国邮政", "16:00", 30, 200, 1),
];

/// Carrier, province, collects until, delivers until, resumes on.
const STOPS: [(&str, &str, &str, &str, &str); 5] = [
    ("zto", "*", "2024-02-04", "2024-02-08", "2024-02-18"),
    ("zto", "65", "2024-01-30", "2024-02-06", "2024-02-18"),
    ("zto", "54", "2024-01-29", "2024-02-06", "2024-02-18"),
    ("ems", "*", "2024-02-07", "2024-02-09", "2024-02-15"),
    ("sf", "*", "2024-02-09", "2024-02-17", "2024-02-10"),
];

/// How to get in.
pub struct Keys {
    pub link_code: String,
    pub moments_code: String,
    pub staff_login: &'static str,
    pub staff_password: String,
    pub staff_token: String,
}

/// Whether a database was made by `demo`, has something else in it, or is empty.
pub enum Found {
    Empty,
    Demo,
    Other,
}

pub async fn look(db: &Db) -> anyhow::Result<Found> {
    if villages::village_by_slug(db, VILLAGE).await?.is_some() {
        return Ok(Found::Demo);
    }
    Ok(if villages::villages(db).await?.is_empty() {
        Found::Empty
    } else {
        Found::Other
    })
}

/// Fills an empty shop, or finds its way into one that was filled before; either way with a new password and token.
pub async fn fill(app: &App) -> anyhow::Result<Keys> {
    let new = matches!(look(&app.db).await?, Found::Empty);
    if new {
        found_village(app).await?;
    }
    // whoever started it before may have kept the old ways in: they end here
    let manager = villages::account(&app.db, MANAGER)
        .await?
        .context("the demo's manager is gone; start over with --fresh")?;
    transact!(app.db, tx => villages::drop_credentials_of(tx, manager.village_id, manager.id, None).await)?;
    let token = team::create_token(&app.db, app.clock.now(), &app.ids, MANAGER).await?;
    let password: String = app
        .ids
        .secret(manager.village_id)
        .chars()
        .skip(1)
        .take(12)
        .collect();
    team::reset_password(&app.db, app.clock.now(), &app.ids, MANAGER, &password).await?;
    let shop = Shop {
        service: app.service(),
        token,
    };
    if new {
        shop.stock(app.clock.now()).await?;
        shop.calendar().await?;
        shop.links().await?;
        shop.backlog().await?;
    }
    let code = async |channel: &str| {
        let links = shop
            .call(Method::GET, &format!("/api/v1/links?channel={channel}"), None)
            .await?;
        // lists have the newest first, and the demo's own link is the oldest
        let items = links["items"].as_array().and_then(|items| items.last()).cloned();
        items
            .and_then(|link| link["code"].as_str().map(str::to_owned))
            .context("the demo's links are gone; start over with --fresh")
    };
    Ok(Keys {
        link_code: code("livestream").await?,
        moments_code: code("moments").await?,
        staff_login: MANAGER,
        staff_password: password,
        staff_token: shop.token.clone(),
    })
}

async fn found_village(app: &App) -> anyhow::Result<()> {
    let village = NewVillage {
        slug: VILLAGE,
        name: "张村",
        town_slug: "zunhuadian-demo",
        town: "遵化店镇",
        region_code: "410423",
        contact: "张村粉条加工厂（演示）",
        account: "张村股份经济合作社 演示账户 0000 0000 0000",
    };
    let id = transact!(app.db, tx => villages::create_village(tx, &village, app.clock.now()).await)?;
    let password = app.ids.secret(id);
    let role = Role::Manager.as_str();
    team::add(
        &app.db,
        app.clock.now(),
        &app.ids,
        Some(VILLAGE),
        MANAGER,
        role,
        &password,
    )
    .await?;
    Ok(())
}

/// The shop's own HTTP service, called in process as its manager.
struct Shop {
    service: Router,
    token: String,
}

impl Shop {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let kind = if body.is_some() {
            "application/json"
        } else {
            "text/plain"
        };
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(method, path, kind, body).await
    }

    async fn send(&self, method: Method, path: &str, kind: &str, body: Body) -> anyhow::Result<Value> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, kind)
            .body(body)?;
        let response = self.service.clone().oneshot(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(
            status.is_success(),
            "{path} answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(serde_json::from_slice(&body)?)
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Products, skus, a lot of each on the shelf, and the freight table.
    async fn stock(&self, now: Timestamp) -> anyhow::Result<()> {
        for product in products() {
            let slug = product["slug"].clone();
            let made = self.post("/api/v1/products", product).await?;
            let id = made["id"].as_str().context("a product has an id")?;
            for sku in SKUS.iter().filter(|sku| slug == sku.product) {
                let body = json!({"sku": sku.code, "title": made["name"], "spec": sku.spec, "price_fen": sku.price_fen,
                    "gross_weight_grams": sku.grams, "shelf_life_days": sku.shelf_life_days,
                    "min_days_left": sku.min_days_left});
                self.post(&format!("/api/v1/products/{id}/skus"), body).await?;
                let made_on = now.day() - chrono::Days::new(5);
                let best_before = made_on + chrono::Days::new(u64::try_from(sku.shelf_life_days)?);
                let lot = json!({"code": format!("{}-{}", sku.code, made_on.format("%y%m%d")), "made_on": made_on,
                    "best_before": best_before, "origin": "河南省平顶山市张村（演示）"});
                let receipt = json!({"sku": sku.code, "lot": lot, "quantity": sku.on_hand});
                self.post("/api/v1/stock/receipts", receipt).await?;
            }
        }
        let far = FAR.map(|(province, first, step)| {
            json!({"province": province, "served": true, "first_grams": 3_000, "first_fen": first, "step_grams": 1_000, "step_fen": step})
        });
        let near = json!({"province": "*", "served": true, "first_grams": 1_000, "first_fen": 0, "step_grams": 1_000, "step_fen": 0});
        let items: Vec<Value> = far.into_iter().chain([near]).collect();
        self.call(Method::PUT, "/api/v1/freight", Some(json!({"items": items})))
            .await?;
        Ok(())
    }

    /// Sixty cases a day, three carriers, and their stops of Spring Festival 2024.
    async fn calendar(&self) -> anyhow::Result<()> {
        let capacity = json!({"cases_per_day": 60, "days": {}});
        self.call(Method::PUT, "/api/v1/capacity", Some(capacity)).await?;
        let carriers = CARRIERS.iter().map(|carrier| {
            let (code, name, cut_off, pickup, extra_fen, delta) = *carrier;
            let stops = STOPS.iter().filter(|stop| stop.0 == code);
            let stops = stops.map(|(_, province, collects, delivers, resumes)| {
                json!({"province": province, "collects_until": collects, "delivers_until": delivers, "resumes_on": resumes})
            });
            json!({"carrier": code, "name": name, "cut_off": cut_off, "pickup_cases_per_day": pickup, "days": {},
                "fen_per_case": FEN_PER_CASE + extra_fen, "transit_days": starter::transit_days(delta),
                "stops": stops.collect::<Vec<_>>()})
        });
        let items: Vec<Value> = carriers.collect();
        self.call(Method::PUT, "/api/v1/carriers", Some(json!({"items": items})))
            .await?;
        Ok(())
    }

    /// A livestream's link with everything on it, and one for Moments with the noodles.
    async fn links(&self) -> anyhow::Result<()> {
        let offer = |sku: &Sku| json!({"sku": sku.code, "price_fen": sku.price_fen});
        let all: Vec<Value> = SKUS.iter().map(offer).collect();
        let live = json!({"title": "张村年货直播：红薯粉条、蜜薯、辣根、魔芋", "channel": "livestream",
            "host": "张村助农直播间", "offers": all});
        self.post("/api/v1/links", live).await?;
        let noodles: Vec<Value> = SKUS
            .iter()
            .filter(|sku| sku.product == "fentiao")
            .map(offer)
            .collect();
        let moments = json!({"title": "手工红薯粉条，村里人自己吃的那种", "channel": "moments", "host": "张村",
            "offers": noodles});
        self.post("/api/v1/links", moments).await?;
        Ok(())
    }

    async fn backlog(&self) -> anyhow::Result<()> {
        let path = "/api/v1/orders/import?shop=kuaituantuan";
        let report = self
            .send(Method::POST, path, "text/csv", Body::from(BACKLOG))
            .await?;
        ensure!(
            report["problems"].as_array().is_some_and(Vec::is_empty),
            "the backlog has problems: {}",
            report["problems"]
        );
        Ok(())
    }
}

/// The four products. Noodles come from the village's workshop, so their label must be complete before they can be sold.
fn products() -> [Value; 4] {
    let label = json!({"ingredients": "红薯淀粉、水", "net_content": "见规格", "producer": "张村粉条加工厂（演示）",
        "producer_address": "河南省平顶山市遵化店镇张村（演示）", "storage": "阴凉干燥处", "workshop_registration": "演示登记号"});
    [
        json!({"name": "纯红薯粉条", "slug": "fentiao", "legal_kind": "workshop", "label": label,
            "description": "自家红薯打粉，手工漏条，太阳晒干，不加明矾。"}),
        json!({"name": "蜜薯", "slug": "mishu", "legal_kind": "fresh", "description": "沙土地里长的蜜薯，放几天更甜。"}),
        json!({"name": "辣根", "slug": "lagen", "legal_kind": "fresh", "description": "新挖的辣根，现磨现吃。"}),
        json!({"name": "魔芋", "slug": "moyu", "legal_kind": "fresh", "description": "鲜魔芋，做豆腐、做凉粉。"}),
    ]
}
