//! An order placed for a buyer on the phone: choose, paste the address, order.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::act::Act;
use super::desk::{Desk, Place};
use crate::address::{self, paste};
use crate::catalog;
use crate::error::{Error, Result, invalid, text};
use crate::links::board::Board;
use crate::money::Method;
use crate::orders::assisted::{PlaceForBuyer, place_for};
use crate::orders::intake::Intake;
use crate::villages::Role;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Query, parse};

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    link: String,
}

/// What can be put into the order: code, name and price.
async fn goods(desk: &Desk, board: &Board, link: &str) -> Result<Vec<(String, String)>> {
    if !link.is_empty() {
        let (row, offers) = crate::links::api::find(&desk.db, &desk.by, link).await?;
        let snapshot = board.read(&row.code).await?;
        let named = offers.into_iter().map(|offer| {
            let at = snapshot
                .facts
                .offers
                .iter()
                .position(|known| known.sku == offer.sku);
            let left = at.and_then(|at| snapshot.available.get(at)).copied().unwrap_or(0);
            let left = format!("{} {left} {}", desk.t("剩", "left:"), desk.t("箱", "cases"));
            (
                offer.sku,
                format!("{} {} · ¥{} · {left}", offer.title, offer.spec, offer.price_fen),
            )
        });
        return Ok(named.collect());
    }
    let skus = catalog::store::skus(&desk.db, desk.by.staff.village, None).await?;
    let active = skus.into_iter().filter(|sku| sku.active);
    Ok(active
        .map(|sku| {
            (
                sku.code,
                format!("{} {} · ¥{}", sku.title, sku.spec, sku.price_fen),
            )
        })
        .collect())
}

fn recipient(desk: &Desk, form: Form) -> Form {
    let t = |zh, en| desk.t(zh, en);
    let provinces = address::provinces().map(|(_, name)| (name, name));
    form.with(
        Field::new(Kind::Area, "paste", t("粘贴整段地址", "Paste a whole address"))
            .hint(t(
                "姓名、电话、地址一起粘贴，点“识别”自动分开。",
                "Name, phone and address in one go, then “Read it”.",
            ))
            .max(500)
            .optional(),
    )
    .also("paste", "read", t("识别", "Read it"))
    .with(
        Field::new(Kind::Text, "recipient.name", t("收件人", "Name"))
            .max(40)
            .half(),
    )
    .with(
        Field::new(Kind::Text, "recipient.phone", t("手机号", "Phone"))
            .max(30)
            .half(),
    )
    .with(
        Field::new(Kind::Pick, "recipient.province", t("省份", "Province"))
            .options([("", t("请选择", "Choose"))].into_iter().chain(provinces))
            .half(),
    )
    .with(
        Field::new(Kind::Text, "recipient.city", t("城市", "City"))
            .max(30)
            .half(),
    )
    .with(
        Field::new(Kind::Text, "recipient.district", t("区县", "District"))
            .max(30)
            .half(),
    )
    .with(
        Field::new(
            Kind::Text,
            "recipient.street",
            t("街道、小区、门牌", "Street and house"),
        )
        .max(120),
    )
}

async fn act(desk: &Desk, board: &Board, link: &str, key: &str) -> Result<Act> {
    let goods = goods(desk, board, link).await?;
    let mut form = Form::new(
        desk.lang,
        "/console/orders/new",
        desk.t("下单", "Place the order"),
    )
    .with(Field::hidden("link", link))
    .with(Field::hidden("key", key));
    for (sku, name) in goods {
        form = form.with(
            Field::new(Kind::Number, format!("quantity.{sku}"), name)
                .max(3)
                .optional()
                .beside(),
        );
    }
    let methods = desk
        .config
        .payments
        .iter()
        .filter(|method| **method != Method::Stripe);
    let methods: Vec<(String, &str)> = methods
        .map(|method| {
            let value = json!(method).as_str().unwrap_or_default().to_owned();
            (value, super::words::method(desk.lang, *method))
        })
        .collect();
    let first = methods
        .first()
        .map(|(value, _)| value.clone())
        .unwrap_or_default();
    form = recipient(desk, form)
        .with(
            Field::new(Kind::Choice, "payment_method", desk.t("怎么付款", "How to pay"))
                .options(methods)
                .value(first),
        )
        .with(Field::new(Kind::Text, "note", desk.t("备注", "Note")).optional());
    let mut act = Act::new(
        Place::Orders,
        desk.t("代客下单", "Order for a buyer"),
        ("/console/orders", desk.t("订单", "Orders")),
        form,
    );
    if link.is_empty() && desk.role() == Role::Host {
        act = act.lead(desk.t(
            "请从自己的链接进来：链接 → 代客下单。",
            "Start from one of your own links: Links, then “Order for a buyer”.",
        ));
    } else if link.is_empty() {
        act = act.lead(desk.t(
            "按原价、算在门店名下。",
            "At list prices, counted as sold at the counter.",
        ));
    } else {
        act = act.fact(desk.t("链接", "Link"), link);
    }
    Ok(act)
}

pub async fn form(desk: Desk, State(board): State<Board>, Query(wanted): Query<Wanted>) -> Result<Response> {
    let key = desk.by.new_id().to_string();
    act(&desk, &board, &wanted.link, &key).await?.show(&desk).await
}

pub async fn place(
    desk: Desk,
    State(board): State<Board>,
    State(intake): State<Intake>,
    posted: Posted,
) -> Result<Response> {
    let mut act = act(&desk, &board, posted.get("link"), posted.get("key")).await?;
    act.form = act.form.typed(&posted);
    if posted.get("act") == "read" {
        return match fill(&mut act.form) {
            Ok(()) => act.show(&desk).await,
            Err(error) => act.again(&desk, error).await,
        };
    }
    let (input, items) = match body(&act.form) {
        Ok(read) => read,
        Err(error) => return act.again(&desk, error).await,
    };
    let key = Some(posted.get("key").to_owned()).filter(|key| (1..=255).contains(&key.len()));
    let placed = place_for(&board, &intake, &desk.config, desk.by.clone(), key, input).await;
    match placed {
        Ok(placed) => {
            let number = &placed.order.number;
            let said = text(format!("已下单：{number}。"), format!("Placed: {number}."));
            let to = match desk.role() {
                Role::Host => "/console/orders".to_owned(),
                _ => format!("/console/orders/{number}"),
            };
            desk.done(&to, &said)
        }
        Err(error) => act.again(&desk, renamed(error, &items)).await,
    }
}

/// Fills the fields from the pasted text; what it does not say stays as it was.
fn fill(form: &mut Form) -> Result<()> {
    let pasted = form.fields.iter().find(|field| field.name == "paste");
    let found = paste::parse(pasted.map_or("", |field| field.value.as_str()));
    let parts = [
        ("recipient.name", found.name),
        ("recipient.phone", found.phone),
        ("recipient.province", found.province),
        ("recipient.city", found.city),
        ("recipient.district", found.district),
        ("recipient.street", found.street),
    ];
    if parts.iter().all(|(_, part)| part.is_none()) {
        let message = text(
            "没有认出地址，请直接填写。",
            "No address was found there; please fill in the fields.",
        );
        return Err(invalid("paste", message));
    }
    for (name, part) in parts {
        if let (Some(part), Some(field)) = (part, form.fields.iter_mut().find(|field| field.name == name)) {
            field.value = part;
        }
    }
    Ok(())
}

/// The form as the call takes it, with the skus in the order of its items.
fn body(form: &Form) -> Result<(PlaceForBuyer, Vec<String>)> {
    let typed = form.value()?;
    let quantities = typed["quantity"].as_object().into_iter().flatten();
    let chosen: Vec<(String, Value)> = quantities
        .filter(|(_, cases)| **cases != json!(0))
        .map(|(sku, cases)| (sku.clone(), cases.clone()))
        .collect();
    let items: Vec<Value> = chosen
        .iter()
        .map(|(sku, cases)| json!({"sku": sku, "quantity": cases}))
        .collect();
    let link = typed["link"].as_str().filter(|link| !link.is_empty());
    let body = json!({"link": link, "items": items, "recipient": typed["recipient"],
        "payment_method": typed["payment_method"], "note": typed.get("note")});
    let input = parse(body.to_string().as_bytes())?;
    Ok((input, chosen.into_iter().map(|(sku, _)| sku).collect()))
}

/// The call counts items, the form names skus.
fn renamed(error: Error, skus: &[String]) -> Error {
    let Error::Problem(mut problem) = error else {
        return error;
    };
    for wrong in &mut problem.errors {
        let index = wrong
            .field
            .strip_prefix("items[")
            .and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
        if let Some(sku) = index.and_then(|index| skus.get(index)) {
            wrong.field = format!("quantity.{sku}");
        }
    }
    if problem.errors.is_empty()
        && let Some(sku) = problem.extra.get("sku").and_then(Value::as_str)
    {
        let field = format!("quantity.{sku}");
        problem.errors = vec![crate::error::FieldError {
            field,
            message: problem.detail.clone(),
        }];
    }
    Error::Problem(problem)
}
