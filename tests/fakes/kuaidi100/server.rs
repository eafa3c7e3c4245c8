//! A Kuaidi100 that can be told what to say: the two calls with their checks, and pushes to whoever has subscribed.
//!
//! Shapes and codes are those of api.kuaidi100.com: "实时快递查询接口" and "快递信息推送服务". It shares no code with
//! the program, so that a misread signature shows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub const KEY: &str = "fakekey12345";
pub const CUSTOMER: &str = "FAKECUSTOMER0123456789ABCDEF0123";

/// A parcel as its carrier knows it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Parcel {
    /// Kuaidi100's name of the carrier
    pub company: String,
    pub number: String,
    /// if set, it has to be sent along
    #[serde(default)]
    pub phone: String,
    /// their code: 0 on its way, 1 collected, 3 signed for, …
    pub state: String,
    /// newest first: `{"time", "ftime", "context", "status", "statusCode"}`
    pub data: Vec<Value>,
}

/// A subscription as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subscribed {
    pub company: String,
    pub number: String,
    pub callback: String,
    pub salt: String,
    pub phone: String,
}

#[derive(Default)]
struct Inside {
    parcels: BTreeMap<String, Parcel>,
    subscribed: Vec<Subscribed>,
    /// what the next calls get instead of an answer
    faults: VecDeque<u16>,
    calls: Vec<String>,
}

/// The running service. Clones are the same one.
#[derive(Clone, Default)]
pub struct Fake(Arc<Mutex<Inside>>);

impl Fake {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/poll/query.do", post(query))
            .route("/poll", post(subscribe))
            .route("/fake/parcels", post(tell))
            .route("/fake/push", post(ask_to_push))
            .route("/fake/faults", post(ask_to_fail))
            .route("/fake/seen", get(seen))
            .with_state(self.clone())
    }

    /// Starts on an address, `127.0.0.1:0` for any free port, and gives its base and the running server.
    pub async fn start(&self, address: &str) -> std::io::Result<(String, JoinHandle<std::io::Result<()>>)> {
        let listener = TcpListener::bind(address).await?;
        let base = format!("http://{}", listener.local_addr()?);
        let router = self.router();
        Ok((
            base,
            tokio::spawn(async move { axum::serve(listener, router).await }),
        ))
    }

    pub fn knows(&self, parcel: Parcel) {
        self.inside().parcels.insert(parcel.number.clone(), parcel);
    }

    /// The next calls fail with these statuses; 0 is an answer that is no JSON.
    pub fn fails(&self, statuses: &[u16]) {
        self.inside().faults.extend(statuses);
    }

    pub fn subscribed(&self) -> Vec<Subscribed> {
        self.inside().subscribed.clone()
    }

    /// The calls that came, like `query 78…`.
    pub fn calls(&self) -> Vec<String> {
        self.inside().calls.clone()
    }

    /// The form that a push of this number would have, signed with the subscription's salt.
    pub fn push_form(&self, number: &str, status: &str, message: &str) -> Option<(String, String)> {
        let inside = self.inside();
        let to = inside.subscribed.iter().find(|it| it.number == number)?.clone();
        let last = match inside.parcels.get(number) {
            Some(parcel) => answer(parcel),
            None => {
                json!({"message": "", "nu": number, "com": to.company, "state": "0", "status": "200", "data": []})
            }
        };
        let param = json!({
            "status": status, "billstatus": "change", "message": message, "autoCheck": "0", "comOld": "", "comNew": "",
            "lastResult": last,
        })
        .to_string();
        let sign = md5_upper(&format!("{param}{}", to.salt));
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("sign", &sign)
            .append_pair("param", &param)
            .finish();
        Some((to.callback, form))
    }

    /// Pushes what is known of a number to its subscriber, and gives the answer.
    pub async fn push(&self, number: &str, status: &str, message: &str) -> Option<(u16, Value)> {
        let (callback, form) = self.push_form(number, status, message)?;
        // fails when a provider is installed already, which is as good
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .ok()?;
        let sent = client
            .post(callback)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .ok()?;
        let status = sent.status().as_u16();
        Some((status, sent.json().await.unwrap_or(Value::Null)))
    }

    /// Notes a call, and gives the fault that it is to meet.
    fn call(&self, what: String) -> Option<Response> {
        let mut inside = self.inside();
        inside.calls.push(what);
        let status = inside.faults.pop_front()?;
        Some(match StatusCode::from_u16(status) {
            Ok(status) => (status, "out of order").into_response(),
            Err(_) => "<html>out of order</html>".into_response(),
        })
    }
}

fn md5_upper(text: &str) -> String {
    hex::encode_upper(Md5::digest(text.as_bytes()))
}

fn refuse(code: &str, message: &str) -> Response {
    Json(json!({"result": false, "returnCode": code, "message": message})).into_response()
}

fn answer(parcel: &Parcel) -> Value {
    let is_signed = if parcel.state == "3" { "1" } else { "0" };
    json!({
        "message": "ok", "nu": parcel.number, "ischeck": is_signed, "com": parcel.company, "status": "200",
        "condition": "F00", "state": parcel.state, "data": parcel.data,
    })
}

async fn query(State(fake): State<Fake>, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let field = |name: &str| form.get(name).cloned().unwrap_or_default();
    let (param, sign, customer) = (field("param"), field("sign"), field("customer"));
    let asked: Value = serde_json::from_str(&param).unwrap_or_default();
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let number = text("num");
    if let Some(fault) = fake.call(format!("query {number}")) {
        return fault;
    }
    if customer != CUSTOMER {
        return refuse("601", "POLL:KEY已过期");
    }
    if sign != md5_upper(&format!("{param}{KEY}{CUSTOMER}")) {
        return refuse("503", "验证签名失败");
    }
    if !(6..=32).contains(&number.len()) || text("com").is_empty() {
        return refuse("400", "提交的数据不完整，或者贵公司没授权");
    }
    match fake.inside().parcels.get(&number) {
        Some(parcel) if parcel.company != text("com") => refuse("500", "查询无结果，请隔段时间再查"),
        Some(parcel)
            if !parcel.phone.is_empty()
                && !parcel.phone.ends_with(&text("phone")) | text("phone").is_empty() =>
        {
            refuse("408", "快递公司参数异常：验证码错误")
        }
        Some(parcel) => Json(answer(parcel)).into_response(),
        None => refuse("500", "查询无结果，请隔段时间再查"),
    }
}

async fn subscribe(State(fake): State<Fake>, Form(form): Form<BTreeMap<String, String>>) -> Response {
    let param: Value = form
        .get("param")
        .and_then(|param| serde_json::from_str(param).ok())
        .unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let new = Subscribed {
        company: text(&param["company"]),
        number: text(&param["number"]),
        callback: text(&param["parameters"]["callbackurl"]),
        salt: text(&param["parameters"]["salt"]),
        phone: text(&param["parameters"]["phone"]),
    };
    if let Some(fault) = fake.call(format!("subscribe {}", new.number)) {
        return fault;
    }
    if form.get("schema").is_none_or(|schema| schema != "json") {
        return refuse("700", "订阅方的订阅数据存在错误");
    }
    if param["key"] != KEY {
        return refuse("600", "您不是合法的订阅者");
    }
    if new.company.is_empty() || new.number.is_empty() || new.callback.is_empty() {
        return refuse("701", "拒绝订阅的快递公司");
    }
    let mut inside = fake.inside();
    if inside.subscribed.iter().any(|it| it.number == new.number) {
        return refuse("501", "重复订阅");
    }
    inside.subscribed.push(new);
    Json(json!({"result": true, "returnCode": "200", "message": "提交成功"})).into_response()
}

/// For the example: tells the fake of a parcel.
async fn tell(State(fake): State<Fake>, Json(parcel): Json<Parcel>) -> StatusCode {
    fake.knows(parcel);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct PushRequest {
    number: String,
    status: String,
    #[serde(default)]
    message: String,
}

/// For the example: pushes to the subscriber, and answers what that one said.
async fn ask_to_push(State(fake): State<Fake>, Json(request): Json<PushRequest>) -> Response {
    match fake
        .push(&request.number, &request.status, &request.message)
        .await
    {
        Some((status, answer)) => Json(json!({"status": status, "answer": answer})).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            "nobody has subscribed to it, or nobody was there",
        )
            .into_response(),
    }
}

/// For the example: the statuses that the next calls get.
async fn ask_to_fail(State(fake): State<Fake>, Json(statuses): Json<Vec<u16>>) -> StatusCode {
    fake.fails(&statuses);
    StatusCode::NO_CONTENT
}

/// For the example: the calls and subscriptions that came.
async fn seen(State(fake): State<Fake>) -> Response {
    Json(json!({"calls": fake.calls(), "subscribed": fake.subscribed()})).into_response()
}
