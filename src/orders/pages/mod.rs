//! The page of a link with its order form. It works without script: one button reads a pasted address, one shows what
//! the order costs, and only the one beside that total orders.

mod link;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawForm, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::address;
use crate::orders::addresses::PasteLimit;
use crate::orders::draft::{self, Checked, Item};
use crate::orders::form::{Act, Form, field_of, quantity_field};
use crate::orders::place::Counter;
use crate::orders::quote::quote;
use crate::orders::store::read;
use link::{Confirm, LinkPage, Said, below, cover_of, districts};

use crate::clock::Timestamp;
use crate::config::PublicUrl;
use crate::error::{Error, FieldError, Result, Text, text};
use crate::id::{Ids, order_token};
use crate::links::board::{Board, Facts, Snapshot};
use crate::links::outlook::LastOrder;
use crate::money::{Fen, Method};
use crate::web::edge::Lang;

pub async fn page(
    counter: Counter,
    State(ids): State<Ids>,
    State(url): State<PublicUrl>,
    lang: Lang,
    Path(code): Path<String>,
) -> Result<Response> {
    let snapshot = counter.board.read(&code).await?;
    snapshot.facts.count_view();
    let now = counter.clock.now();
    let form = Form::fresh(ids.uuid(now), &snapshot.facts);
    render(
        lang,
        &snapshot,
        &form,
        &Said::default(),
        &counter.config.payments,
        &url,
        now,
    )
}

pub async fn submit(
    counter: Counter,
    State(ids): State<Ids>,
    State(url): State<PublicUrl>,
    State(limit): State<PasteLimit>,
    lang: Lang,
    Path(code): Path<String>,
    RawForm(body): RawForm,
) -> Result<Response> {
    let snapshot = counter.board.read(&code).await?;
    let mut form = Form::read(&body);
    form.key.get_or_insert_with(|| ids.uuid(counter.clock.now()));
    let methods = &counter.config.payments;
    let said = match form.act {
        Act::Read => match limit.check() {
            Ok(()) => read_pasted(&mut form),
            Err(error) => Said::wrong(wrong_fields(error, &[])?),
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

fn read_pasted(form: &mut Form) -> Said {
    match form.fill() {
        Ok(()) => Said {
            notice: Some(text("已填好，请核对一遍。", "Filled in; please check it.")),
            ..Said::default()
        },
        Err(message) => Said::wrong(vec![FieldError {
            field: "paste".into(),
            message,
        }]),
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
    let quote = match quote(
        snapshot,
        &checked.items,
        checked.to.region_code.get(..2).unwrap_or_default(),
    ) {
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
        promise: quote.promise,
        last: quote.festival.map(|feast| LastOrder {
            feast,
            day: quote.last_order_day,
        }),
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
    let at = snapshot
        .facts
        .offers
        .iter()
        .position(|offer| offer.sku == item.sku)?;
    let (limit, left) = (
        snapshot.facts.offers[at].limit_per_order,
        snapshot.available.get(at).copied()?,
    );
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
        let is_known = kept.iter().any(|other| other.field == error.field);
        let is_answered = has_quantity && error.field == "items";
        if !is_known && !is_answered {
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
    let Some(link) = facts.link_id else {
        return Ok(None);
    };
    let known = read::by_key(&counter.db, facts.village, link, key).await?;
    Ok(known
        .filter(|(_, known)| hash.is_none_or(|hash| known == hash))
        .map(|(id, _)| order_token(facts.village, id)))
}

/// The picture that a chat shows beside the link.
pub async fn cover(State(board): State<Board>, Path(code): Path<String>) -> Result<Response> {
    let facts = Arc::clone(&board.read(&code).await?.facts);
    let drawing = tokio::task::spawn_blocking(move || cover_of(&facts).square_png()).await;
    let file = drawing
        .map_err(anyhow::Error::from)?
        .map_err(anyhow::Error::from)?;
    let about = [
        (header::CONTENT_TYPE, "image/png"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    Ok((about, file).into_response())
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
        outlook: snapshot.outlook.as_ref(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_a_field() {
        let error = |field: &str| FieldError {
            field: field.into(),
            message: text("", ""),
        };
        let fields = |names: &[&str]| {
            let kept = tidy(names.iter().map(|name| error(name)).collect());
            kept.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&["method", "items", "method"]), ["method", "items"]);
        assert_eq!(
            fields(&["quantity.A", "items", "quantity.B"]),
            ["quantity.A", "quantity.B"]
        );
    }
}
