//! A shop for a test: its own database, a clock that stands still, ids that come out the same every time, and two
//! villages of one town. A stranger is whoever sits in the other village.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, header};
use cunji::config::Config;
use cunji::db::{Db, Tx};
use cunji::error::Result;
use cunji::id::{Ids, VillageId, hash_secret};
use cunji::state::App;
use cunji::transact;
use cunji::villages::store::{Credential, NewStaff, create_credential, create_staff, create_village};
use cunji::villages::{NewVillage, Role, auth};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{pg, silence};

/// Where the clock of every story stands at first: ten in the morning of 20 January 2024 in Asia/Shanghai.
pub const NOW: &str = "2024-01-20T02:00:00Z";

/// The password of every member of staff.
pub const PASSWORD: &str = "a password of the tests";

/// Hashing is slow on purpose; once is enough.
static PASSWORD_HASH: LazyLock<String> =
    LazyLock::new(|| auth::hash_password(PASSWORD).expect("any text can be hashed"));

static SHOPS: AtomicU32 = AtomicU32::new(0);

/// A village with one member of staff per role, each by their API token. Logins are `ROLE-SLUG`, like `packer-zhang`.
pub struct TestVillage {
    pub id: VillageId,
    pub slug: &'static str,
    pub manager: String,
    pub packer: String,
    pub accountant: String,
    pub host: String,
    /// sits in this village, reads all of its town
    pub overseer: String,
}

pub struct TestApp {
    pub app: App,
    /// the village that most stories are about
    pub zhang: TestVillage,
    /// their neighbour in the same town: a stranger to everybody but the overseer
    pub li: TestVillage,
    service: Router,
    folder: Option<PathBuf>,
}

/// Tells a story on each engine, in a new shop.
pub async fn on_both(story: impl AsyncFn(&TestApp)) {
    for engine in ["sqlite", "postgres"] {
        println!("on {engine}:");
        story(&TestApp::on(engine).await).await;
    }
}

impl TestApp {
    async fn on(engine: &str) -> TestApp {
        TestApp::with(engine, &[]).await
    }

    /// A shop with settings that are laid over the usual ones.
    pub async fn with(engine: &str, more: &[(&str, &str)]) -> TestApp {
        silence::listen();
        let name = format!(
            "it_{}_{}",
            std::process::id(),
            SHOPS.fetch_add(1, Ordering::Relaxed)
        );
        let (url, folder) = if engine == "sqlite" {
            let folder = std::env::temp_dir().join(format!("cunji_{name}"));
            std::fs::create_dir(&folder).expect("a new folder");
            (
                format!("sqlite://{}", folder.join("shop.db").display()),
                Some(folder),
            )
        } else {
            pg::server().create_database(&name, None);
            (pg::server().url(&name), None)
        };
        let db = Db::connect(&url).await.expect("the new database opens");
        db.migrate().await.expect("the new database takes the migrations");
        let setting = |name: &str| match name {
            _ if more.iter().any(|(more, _)| *more == name) => more
                .iter()
                .find(|(more, _)| *more == name)
                .map(|(_, value)| (*value).to_owned()),
            "CUNJI_DATABASE_URL" => Some(url.clone()),
            "CUNJI_NOW" => Some(NOW.to_owned()),
            "CUNJI_PAYMENTS" => Some("transfer,cod,practice".to_owned()),
            "CUNJI_ALLOW_PRACTICE" => Some("1".to_owned()),
            _ => None,
        };
        let config = Config::read(setting).expect("these settings are right");
        let app = App::build(config, db, Ids::seeded(1)).expect("these keys can be used");
        let villages = transact!(app.db, tx => {
            let zhang = found_village(tx, &app, "zhang", "张村").await?;
            Ok((zhang, found_village(tx, &app, "li", "李庄").await?))
        });
        let (zhang, li) = villages.expect("an empty shop takes two villages");
        let service = app.service();
        TestApp {
            app,
            zhang,
            li,
            service,
            folder,
        }
    }

    /// Sends any request; the shop never breaks.
    pub async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let (status, value) = self.send_any(request).await;
        assert!(status < 500, "{status} {value}");
        (status, value)
    }

    /// Sends any request, also one that something outside the shop may let fail.
    pub async fn send_any(&self, request: Request<Body>) -> (u16, Value) {
        let response = self.service.clone().oneshot(request).await;
        let (head, body) = response.expect("the service never fails").into_parts();
        let body = body.collect().await.expect("the body is in memory").to_bytes();
        let text = String::from_utf8_lossy(&body);
        let value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
        };
        (head.status.as_u16(), value)
    }

    async fn call(&self, method: Method, token: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).expect("a request")).await
    }

    /// `token` may be empty: then nobody in particular asks.
    pub async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        self.call(Method::GET, token, path, None).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, token, path, Some(body)).await
    }

    pub async fn put(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PUT, token, path, Some(body)).await
    }

    pub async fn patch(&self, token: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, token, path, Some(body)).await
    }

    pub async fn delete(&self, token: &str, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, token, path, None).await
    }

    /// What a request gives that has to work.
    pub async fn must(&self, method: Method, token: &str, path: &str, body: Value) -> Value {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) = self.call(method.clone(), token, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            silence::assert_nothing_spilt();
        }
        if let Some(folder) = &self.folder {
            // an open file can be removed wherever these tests run; what can't is left to the system
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

async fn found_village(tx: &mut Tx, app: &App, slug: &'static str, name: &str) -> Result<TestVillage> {
    let new = NewVillage {
        slug,
        name,
        town_slug: "shifosi",
        town: "石佛寺镇",
        region_code: "410421",
        contact: "0375-7000000",
        account: "农商银行 6228 0000 0000 0000",
    };
    let id = create_village(tx, &new, app.clock.now()).await?;
    Ok(TestVillage {
        id,
        slug,
        manager: hire(tx, app, id, slug, Role::Manager, "manager").await?,
        packer: hire(tx, app, id, slug, Role::Packer, "packer").await?,
        accountant: hire(tx, app, id, slug, Role::Accountant, "accountant").await?,
        host: hire(tx, app, id, slug, Role::Host, "host").await?,
        overseer: hire(tx, app, id, slug, Role::Overseer, "overseer").await?,
    })
}

/// Adds a member of staff and gives their API token.
async fn hire(
    tx: &mut Tx,
    app: &App,
    village: VillageId,
    slug: &str,
    role: Role,
    name: &str,
) -> Result<String> {
    let at = app.clock.now();
    let staff = NewStaff {
        id: app.ids.uuid(at),
        login: &format!("{name}-{slug}"),
        name,
        role,
        password_hash: &PASSWORD_HASH,
    };
    create_staff(tx, village, &staff, at).await?;
    let secret = app.ids.secret(village);
    silence::keep_out(&secret);
    let hash = hash_secret(&secret);
    create_credential(tx, village, staff.id, Credential::Token, &hash, at, None).await?;
    Ok(secret)
}

/// The fields that a problem names.
pub fn fields(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors
        .iter()
        .map(|error| error["field"].as_str().unwrap_or("?"))
        .collect()
}

#[tokio::test]
async fn an_overseer_reads_the_villages_of_the_town() {
    on_both(async |shop| {
        let body = json!({"name": "魔芋", "slug": "moyu", "legal_kind": "fresh"});
        shop.must(Method::POST, &shop.li.manager, "/api/v1/products", body)
            .await;
        for (village, status, products) in [
            (shop.zhang.slug, 200, Some(0)),
            (shop.li.slug, 200, Some(1)),
            ("nowhere", 404, None),
        ] {
            let request = Request::get("/api/v1/products")
                .header(header::AUTHORIZATION, format!("Bearer {}", shop.zhang.overseer))
                .header("x-village", village);
            let (got, list) = shop.send(request.body(Body::empty()).expect("a request")).await;
            assert_eq!(
                (got, list["items"].as_array().map(Vec::len)),
                (status, products),
                "{village}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn staff_log_in_and_tokens_lead_to_their_village() {
    on_both(async |shop| {
        let login = |password| json!({"login": "packer-zhang", "password": password});
        let (status, session) = shop.post("", "/api/v1/session", login(PASSWORD)).await;
        assert_eq!((status, &session["role"]), (200, &json!("packer")));
        let (status, problem) = shop.post("", "/api/v1/session", login("guess")).await;
        assert_eq!((status, &problem["type"]), (401, &json!("/problems/wrong-login")));

        let log = "/api/v1/operations";
        assert_eq!(shop.get("", log).await.0, 401);
        assert_eq!(shop.get(&shop.zhang.packer, log).await.0, 403);
        let accountant = &shop.zhang.accountant;
        assert_eq!(
            shop.get(accountant, log).await,
            (200, json!({"items": [], "next": null}))
        );
        assert_eq!(shop.delete(accountant, "/api/v1/session").await.0, 204);
        assert_eq!(shop.get(accountant, log).await.0, 401, "the token is gone");
        assert_eq!(shop.get(&shop.li.accountant, log).await.0, 200);
    })
    .await;
}
