//! The page of a link with its order form. It works without script: one button reads a pasted address, one shows what
//! the order costs, and only the one beside that total orders.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawForm, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::draft::{self, Checked, Item};
use super::form::{Act, Form, field_of, quantity_field};
use super::place::Counter;
use super::quote::quote;
use super::store::read;
use crate::address;
use crate::clock::Timestamp;
use crate::config::PublicUrl;
use crate::error::{Error, FieldError, Result, Text, text};
use crate::id::{Ids, order_token};
use crate::links::Status;
use crate::links::board::{Board, Facts, Snapshot};
use crate::links::poster::Cover;
use crate::money::{Fen, Method};
use crate::web::edge::Lang;

/// What a buyer confirms.
struct Confirm {
    lines: Vec<(String, i64, Fen)>,
    goods: Fen,
    freight: Fen,
    total: Fen,
    name: String,
    phone: String,
    place: String,
}

/// What the answer to a form says beyond the form itself.
#[derive(Default)]
struct Said {
    status: StatusCode,
    errors: Vec<FieldError>,
    notice: Option<Text>,
    confirm: Option<Confirm>,
    /// the token of an order that this form has placed before
    known: Option<String>,
}

#[derive(Template)]
#[template(path = "link.html")]
struct LinkPage<'a> {
    lang: Lang,
    facts: &'a Facts,
    status: Status,
    available: &'a [i64],
    form: &'a Form,
    said: &'a Said,
    methods: &'a [Method],
    public_url: &'a str,
    cities: Vec<&'static str>,
    districts: Vec<&'static str>,
}

pub async fn page(
    counter: Counter,
    State(ids): State<Ids>,
    State(url): State<PublicUrl>,
    lang: Lang,
    Path(code): Path<String>,
) -> Result<Response> {
    let snapshot = counter.board.read(&code).await?;
    let now = counter.clock.now();
    let form = Form::fresh(ids.uuid(now), &snapshot.facts);
    render(lang, &snapshot, &form, &Said::default(), &counter.config.payments, &url, now)
}

pub async fn submit(
    counter: Counter,
    State(ids): State<Ids>,
    State(url): State<PublicUrl>,
    lang: Lang,
    Path(code): Path<String>,
    RawForm(body): RawForm,
) -> Result<Response> {
    let snapshot = counter.board.read(&code).await?;
    let mut form = Form::read(&body);
    form.key.get_or_insert_with(|| ids.uuid(counter.clock.now()));
    let methods = &counter.config.payments;
    let said = match form.act {
        Act::Read => match form.fill() {
            Ok(()) => Said {
                notice: Some(text("已填好，请核对一遍。", "Filled in; please check it.")),
                ..Said::default()
            },
            Err(message) => Said::wrong(vec![FieldError {
                field: "paste".into(),
                message,
            }]),
        },
        Act::Preview => match confirm(&form, &snapshot, methods)? {
            Ok((_, confirm)) => Said {
                confirm: Some(confirm),
                ..Said::default()
            },
            Err(errors) => Said::wrong(errors),
        },
        Act::Place => match place(&counter, &ids, &code, &mut form, &snapshot).await? {
            Ok(token) => return Ok(Redirect::to(&format!("/o/{token}")).into_response()),
            Err(said) => said,
        },
    };
    // a refusal tells of a newer state than the one read above
    let snapshot = counter.board.read(&code).await?;
    render(lang, &snapshot, &form, &said, methods, &url, counter.clock.now())
}

impl Said {
    fn wrong(errors: Vec<FieldError>) -> Self {
        Said {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            errors,
            ..Said::default()
        }
    }
}

/// Checks a form as far as that goes without placing it; the inner error is what to correct.
fn confirm(
    form: &Form,
    snapshot: &Snapshot,
    methods: &[Method],
) -> Result<Result<(Checked, Confirm), Vec<FieldError>>> {
    let facts = &snapshot.facts;
    let (order, mut errors) = form.order(facts);
    let checked = match draft::check(&order, methods) {
        Ok(checked) => checked,
        Err(error) => {
            errors.extend(wrong_fields(error, &order.items)?);
            return Ok(Err(tidy(errors)));
        }
    };
    for item in &checked.items {
        if let Some(message) = too_many(snapshot, item) {
            errors.push(FieldError {
                field: quantity_field(&item.sku),
                message,
            });
        }
    }
    let quote = match quote(facts, &checked.items, checked.to.region_code.get(..2).unwrap_or_default()) {
        Ok(quote) => quote,
        Err(error) => {
            errors.extend(wrong_fields(error, &checked.items)?);
            return Ok(Err(tidy(errors)));
        }
    };
    let (Some(freight), Some(total)) = (quote.freight_fen, quote.total_fen) else {
        let province = &checked.to.province;
        errors.push(FieldError {
            field: "province".into(),
            message: text(
                format!("暂时不能发往{province}。"),
                format!("We do not send to {province} at present."),
            ),
        });
        return Ok(Err(errors));
    };
    if !errors.is_empty() {
        return Ok(Err(tidy(errors)));
    }
    let confirm = Confirm {
        lines: lines(facts, &checked.items),
        goods: quote.goods_fen,
        freight,
        total,
        name: checked.to.name.clone(),
        phone: checked.to.phone.clone(),
        place: place_name(&checked),
    };
    Ok(Ok((checked, confirm)))
}

fn lines(facts: &Facts, items: &[Item]) -> Vec<(String, i64, Fen)> {
    let line = |item: &Item| {
        let offer = facts.offers.iter().find(|offer| offer.sku == item.sku)?;
        let name = format!("{} {}", offer.title, offer.spec);
        Some((name, item.quantity, offer.price.checked_times(item.quantity)?))
    };
    items.iter().filter_map(line).collect()
}

fn place_name(checked: &Checked) -> String {
    let to = &checked.to;
    let mut parts = vec![to.province.as_str(), &to.city, &to.district];
    parts.dedup();
    format!("{} {}", parts.concat(), to.street)
}

/// What is already known to be refused: more than the limit, or than there is.
fn too_many(snapshot: &Snapshot, item: &Item) -> Option<Text> {
    let at = snapshot.facts.offers.iter().position(|offer| offer.sku == item.sku)?;
    let (limit, left) = (snapshot.facts.offers[at].limit_per_order, snapshot.available.get(at).copied()?);
    match left {
        0 => Some(text("这件商品卖完了。", "This is sold out.")),
        _ if item.quantity > left && left < limit => Some(text(
            format!("只剩 {left} 箱了。"),
            format!("Only {left} cases are left."),
        )),
        _ if item.quantity > limit => Some(text(
            format!("每单最多 {limit} 箱。"),
            format!("At most {limit} cases per order."),
        )),
        _ => None,
    }
}

/// The fields that a refusal names, by their names in the form; a refusal of the whole has a field without name.
///
/// # Errors
/// The error itself when the buyer can't mend it in the form.
fn wrong_fields(error: Error, items: &[Item]) -> Result<Vec<FieldError>> {
    let problem = match error {
        Error::Problem(problem) if problem.status != StatusCode::NOT_FOUND => problem,
        other => return Err(other),
    };
    if let Some(sku) = problem.extra.get("sku").and_then(|sku| sku.as_str()) {
        return Ok(vec![FieldError {
            field: quantity_field(sku),
            message: problem.detail,
        }]);
    }
    if problem.errors.is_empty() {
        return Ok(vec![FieldError {
            field: String::new(),
            message: problem.detail,
        }]);
    }
    let named = problem.errors.into_iter().map(|error| FieldError {
        field: field_of(&error.field, items),
        message: error.message,
    });
    Ok(named.collect())
}

/// One message a field, and "choose something" only when no number was typed at all.
fn tidy(errors: Vec<FieldError>) -> Vec<FieldError> {
    let has_quantity = errors.iter().any(|error| error.field.starts_with("quantity."));
    let mut kept: Vec<FieldError> = Vec::with_capacity(errors.len());
    for error in errors {
        let known = kept.iter().any(|other| other.field == error.field);
        if !known && !(has_quantity && error.field == "items") {
            kept.push(error);
        }
    }
    kept
}

/// Places the order and gives its token; the inner error is what to show instead.
async fn place(
    counter: &Counter,
    ids: &Ids,
    code: &str,
    form: &mut Form,
    snapshot: &Snapshot,
) -> Result<Result<String, Said>> {
    let (order, wrong) = form.order(&snapshot.facts);
    let key = form.key.unwrap_or_default().to_string();
    if wrong.is_empty()
        && let Ok(checked) = draft::check(&order, &counter.config.payments)
        && let Some(token) = placed_before(counter, snapshot, &key, Some(&checked.hash)).await?
    {
        // a double click, or a page sent once more: whatever has changed since, the order stands
        return Ok(Ok(token));
    }
    let (checked, confirm) = match confirm(form, snapshot, &counter.config.payments)? {
        Ok(good) => good,
        Err(errors) => return Ok(Err(Said::wrong(errors))),
    };
    if form.seen != Some(confirm.total) {
        let zh = "内容或价格有变化，请核对新的合计，再提交一次。";
        let en = "Something has changed; please check the new total and order again.";
        return Ok(Err(Said {
            notice: form.seen.map(|_| text(zh, en)),
            confirm: Some(confirm),
            ..Said::default()
        }));
    }
    let items = checked.items.clone();
    let error = match counter.place(code, &key, checked).await {
        Ok(placed) => return Ok(Ok(placed.order.token)),
        Err(error) => error,
    };
    let problem = match error {
        Error::Problem(problem) => *problem,
        other => return Err(other),
    };
    let (status, name) = (problem.status, problem.name);
    let mut said = Said {
        status,
        errors: wrong_fields(problem.into(), &items)?,
        ..Said::default()
    };
    if name == "idempotency-mismatch" {
        said.known = placed_before(counter, snapshot, &key, None).await?;
        said.errors = Vec::new();
        said.confirm = Some(confirm);
        form.key = Some(ids.uuid(counter.clock.now()));
    }
    Ok(Err(said))
}

/// The token of the order that a key has placed, with this content if that is given. Keys of this page can't be
/// guessed, so that nobody learns of another's order.
async fn placed_before(
    counter: &Counter,
    snapshot: &Snapshot,
    key: &str,
    hash: Option<&[u8; 16]>,
) -> Result<Option<String>> {
    let facts = &snapshot.facts;
    let Some(link) = facts.link_id else { return Ok(None) };
    let known = read::by_key(&counter.db, facts.village, link, key).await?;
    Ok(known
        .filter(|(_, known)| hash.is_none_or(|hash| known == hash))
        .map(|(id, _)| order_token(facts.village, id)))
}

/// The picture that a chat shows beside the link.
pub async fn cover(State(board): State<Board>, Path(code): Path<String>) -> Result<Response> {
    let facts = Arc::clone(&board.read(&code).await?.facts);
    let drawing = tokio::task::spawn_blocking(move || cover_of(&facts).square_png()).await;
    let file = drawing.map_err(anyhow::Error::from)?.map_err(anyhow::Error::from)?;
    let about = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((about, file).into_response())
}

fn cover_of(facts: &Facts) -> Cover {
    Cover::for_product(facts.offers.first().map_or("", |offer| offer.title.as_str()))
}

fn render(
    lang: Lang,
    snapshot: &Snapshot,
    form: &Form,
    said: &Said,
    methods: &[Method],
    url: &PublicUrl,
    now: Timestamp,
) -> Result<Response> {
    let page = LinkPage {
        lang,
        facts: &snapshot.facts,
        status: snapshot.facts.status(now),
        available: &snapshot.available,
        form,
        said,
        methods,
        public_url: &url.0,
        cities: below(&form.province, address::provinces()),
        districts: districts(form),
    };
    let body = page.render().map_err(anyhow::Error::from)?;
    let mut response = (said.status, Html(body)).into_response();
    if said.status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = header::HeaderValue::from_static("2");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    Ok(response)
}

/// Names below the area of this name, for the suggestions of a field.
fn below(
    name: &str,
    mut areas: impl Iterator<Item = (&'static str, &'static str)>,
) -> Vec<&'static str> {
    let found = areas.find(|(_, area)| *area == name);
    found.map_or(Vec::new(), |(code, _)| address::children(code).map(|(_, name)| name).collect())
}

fn districts(form: &Form) -> Vec<&'static str> {
    let province = address::provinces().find(|(_, name)| *name == form.province);
    province.map_or(Vec::new(), |(code, _)| below(&form.city, address::children(code)))
}

/// What the template asks for.
impl LinkPage<'_> {
    fn takes_orders(&self) -> bool {
        self.status == Status::Open && self.available.iter().any(|left| *left > 0)
    }

    fn error(&self, field: &str) -> Option<&str> {
        let error = self.said.errors.iter().find(|error| error.field == field)?;
        Some(self.lang.pick(&error.message))
    }

    /// Where the link of an error in the summary leads.
    fn anchor(&self, field: &str) -> String {
        match (field, self.facts.offers.first()) {
            ("items", Some(offer)) => quantity_field(&offer.sku),
            ("method", _) => "method-0".to_owned(),
            _ => field.to_owned(),
        }
    }

    fn drawing(&self) -> &'static str {
        cover_of(self.facts).drawing()
    }

    /// One line for the card that a chat makes of the link.
    fn summary(&self) -> String {
        let Facts { town, village_name, offers, .. } = self.facts;
        let offers: Vec<String> = offers
            .iter()
            .take(3)
            .map(|offer| format!("{} {} ¥{}", offer.title, offer.spec, offer.price))
            .collect();
        format!("{town}{village_name} · {}", offers.join("，"))
    }

    fn from(&self) -> String {
        let channel = match self.facts.channel.as_str() {
            "livestream" => self.lang.say("直播间", "Livestream"),
            "moments" => self.lang.say("朋友圈", "Moments"),
            "group" => self.lang.say("群", "Group"),
            _ => self.lang.say("门店", "Counter"),
        };
        match self.facts.host.as_str() {
            "" => channel.to_owned(),
            host => format!("{host} · {channel}"),
        }
    }

    fn left(&self, at: &usize) -> i64 {
        self.available.get(*at).copied().unwrap_or(0)
    }

    fn most(&self, at: &usize) -> i64 {
        self.facts.offers[*at].limit_per_order.min(self.left(at))
    }

    fn is_chosen(&self, province: &str) -> bool {
        self.form.province == province
    }

    /// Provinces that nothing is sent to.
    fn not_served(&self) -> String {
        let names = self.facts.freight.iter().filter(|rule| !rule.served);
        let names: Vec<&str> = names.filter_map(|rule| address::province_name(&rule.province)).collect();
        names.join("、")
    }

    fn method_name(&self, method: &Method) -> &'static str {
        let lang = self.lang;
        match method {
            Method::Transfer => lang.say("转账到村集体账户", "Bank transfer to the collective"),
            Method::Cod => lang.say("货到付款", "Cash on delivery"),
            Method::Practice => lang.say("练习付款（不动真钱）", "Practice payment (no real money)"),
            Method::Wechat => lang.say("微信支付", "WeChat Pay"),
            Method::Stripe | Method::Platform => lang.say("在线支付", "Pay online"),
        }
    }

    fn method_value(&self, method: &Method) -> String {
        serde_json::to_value(method)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use uuid::Uuid;

    pub fn facts() -> Facts {
        Facts::sample()
    }

    fn render_page(lang: Lang, facts: &Facts, left: &[i64], status: Status, form: &Form, said: &Said) -> String {
        let page = LinkPage {
            lang,
            facts,
            status,
            available: left,
            form,
            said,
            methods: &[Method::Practice, Method::Transfer, Method::Cod],
            public_url: "https://shop.example",
            cities: below(&form.province, address::provinces()),
            districts: districts(form),
        };
        page.render().unwrap()
    }

    #[test]
    fn every_state_is_said_in_both_languages() {
        let facts = facts();
        let form = Form::fresh(Uuid::nil(), &facts);
        for (lang, status, left, said) in [
            (Lang::Zh, Status::Open, [3, 0], "剩 3 箱"),
            (Lang::En, Status::Open, [3, 0], "3 left"),
            (Lang::Zh, Status::NotYet, [3, 3], "1月20日 20:00（北京时间）开始"),
            (Lang::En, Status::NotYet, [3, 3], "Opens 20 January 20:00 (Beijing time)"),
            (Lang::Zh, Status::Closed, [3, 3], "接龙已经结束"),
            (Lang::En, Status::Closed, [3, 3], "This link is closed"),
            (Lang::Zh, Status::Open, [0, 0], "都卖完了"),
            (Lang::En, Status::Open, [0, 0], "Everything is sold out"),
        ] {
            let page = render_page(lang, &facts, &left, status, &form, &Said::default());
            assert!(page.contains(said), "{lang:?} {status:?}: {page}");
            assert!(page.contains("og:image\" content=\"https://shop.example/s/1abc"), "{page}");
            let has_form = status == Status::Open && left != [0, 0];
            assert_eq!(page.contains("<form"), has_form, "{lang:?} {status:?}");
            assert!(page.len() < 30_000, "{} bytes", page.len());
        }
    }

    #[test]
    fn what_was_typed_comes_back_with_its_errors_and_harmless() {
        let facts = facts();
        let bad = "\"><script>alert(1)</script>";
        let fields = ["name", "phone", "province", "city", "district", "street", "paste", "method", "note"];
        let mut body = form_urlencoded::Serializer::new(String::new());
        for field in fields {
            body.append_pair(field, &format!("{field}{bad}"));
        }
        body.append_pair("quantity.FT05", &format!("9{bad}"));
        let form = Form::read(body.finish().as_bytes());
        let errors = fields.into_iter().chain(["quantity.FT05", "items", ""]).map(|field| FieldError {
            field: field.to_owned(),
            message: text(format!("{field}{bad}"), bad),
        });
        let said = Said::wrong(errors.collect());
        for lang in [Lang::Zh, Lang::En] {
            let page = render_page(lang, &facts, &[5, 5], Status::Open, &form, &said);
            assert!(!page.contains("<script>"), "{page}");
            for field in fields.into_iter().filter(|field| !["province", "method"].contains(field)) {
                assert!(page.contains(&format!("{field}&#34;&#62;&#60;script")), "{field}: {page}");
            }
            assert!(page.contains("role=\"alert\"") && page.contains("href=\"#phone\""), "{page}");
            assert!(page.contains("id=\"phone-error\""), "{page}");
        }
    }

    #[test]
    fn a_total_is_shown_before_it_binds() {
        let facts = facts();
        let form = Form { province: "河南省".into(), city: "郑州市".into(), ..Form::default() };
        let said = Said {
            confirm: Some(Confirm {
                lines: vec![("纯红薯粉条 2.5kg/箱".into(), 2, Fen(13_600))],
                goods: Fen(13_600),
                freight: Fen(600),
                total: Fen(14_200),
                name: "李小雨".into(),
                phone: "13800138000".into(),
                place: "河南省郑州市金水区 花园路1号".into(),
            }),
            known: Some("1known".into()),
            notice: Some(text("变了", "changed")),
            ..Said::default()
        };
        for (lang, button) in [(Lang::Zh, "提交订单"), (Lang::En, "Place the order")] {
            let page = render_page(lang, &facts, &[5, 5], Status::Open, &form, &said);
            assert!(page.contains(button) && page.contains("¥142.00") && page.contains("value=\"14200\""), "{page}");
            assert!(page.contains("/o/1known") && page.contains("<option value=\"金水区\">"), "{page}");
            let first = render_page(lang, &facts, &[5, 5], Status::Open, &form, &Said::default());
            assert!(!first.contains(button), "not before the total was shown");
        }
    }

    #[test]
    fn one_message_a_field() {
        let error = |field: &str| FieldError { field: field.into(), message: text("", "") };
        let fields = |names: &[&str]| {
            let kept = tidy(names.iter().map(|name| error(name)).collect());
            kept.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&["method", "items", "method"]), ["method", "items"]);
        assert_eq!(fields(&["quantity.A", "items", "quantity.B"]), ["quantity.A", "quantity.B"]);
    }
}
