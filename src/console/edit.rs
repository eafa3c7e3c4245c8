//! Editing an order: its cases, its note, whom it goes to.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::act::Act;
use super::desk::Desk;
use super::order::{act, find, path};
use crate::address::paste;
use crate::error::{Result, text};
use crate::orders::view::load_with_order;
use crate::orders::{ChangeState, Order};
use crate::payments::change;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, parse};

async fn edit_act(desk: &Desk, order: &Order) -> Result<Act> {
    let (_, view) = load_with_order(&desk.db, order.village_id, order.id, desk.by.at).await?;
    let mut form = Form::new(desk.lang, path(order, "edit"), desk.t("保存修改", "Save"))
        .with(Field::hidden("version", order.version.to_string()));
    for item in view.items.iter().filter(|item| item.quantity > item.cancelled) {
        let left = item.quantity - item.cancelled;
        form = form.with(
            Field::new(
                Kind::Number,
                format!("quantity.{}", item.sku),
                format!("{}（{}）", item.title, item.sku),
            )
            .value(left.to_string())
            .hint(format!("¥{} {}", item.price_fen, desk.t("一箱", "a case"))),
        );
    }
    form = form
        .with(
            Field::new(Kind::Text, "note", desk.t("备注", "Note"))
                .value(&order.note)
                .or_empty(),
        )
        .with(
            Field::new(Kind::Area, "paste", desk.t("新的收件人", "New recipient"))
                .hint(desk.t(
                    "整段粘贴：姓名、电话、地址。不改就留空。",
                    "Paste name, phone and address in one go. Leave empty to keep it.",
                ))
                .max(500)
                .optional(),
        )
        .with(Field::new(Kind::Text, "reason", desk.t("为什么改", "Why")));
    Ok(act(desk, order, desk.t("修改订单", "Edit the order"), form).lead(desk.t(
        "变便宜或不变：马上生效，多付的自动退。变贵：买家在订单页同意以后才生效。",
        "No dearer: done at once, and what was overpaid goes back. Dearer: the buyer agrees on the order's page first.",
    )))
}

pub async fn edit_form(desk: Desk, Path(number): Path<String>) -> Result<Response> {
    let order = find(&desk, &number).await?;
    edit_act(&desk, &order).await?.show(&desk).await
}

/// What the edit form says, as the call takes it.
fn edit_body(form: &Form, order: &Order) -> Result<Value> {
    let typed = form.value()?;
    let mut body = json!({"reason": typed["reason"], "version": typed["version"].as_str().and_then(|v| v.parse::<i64>().ok())});
    let quantities = typed["quantity"].as_object().into_iter().flatten();
    let items: Vec<Value> = quantities
        .filter(|(_, cases)| **cases != json!(0))
        .map(|(sku, cases)| json!({"sku": sku, "quantity": cases}))
        .collect();
    if !items.is_empty() {
        body["items"] = items.into();
    }
    if typed["note"].as_str() != Some(order.note.as_str()) {
        body["note"] = typed["note"].clone();
    }
    if let Some(pasted) = typed["paste"].as_str() {
        let found = paste::parse(pasted);
        body["recipient"] = json!({
            "name": found.name.unwrap_or_default(), "phone": found.phone.unwrap_or_default(),
            "province": found.province.unwrap_or_default(), "city": found.city.unwrap_or_default(),
            "district": found.district.unwrap_or_default(), "street": found.street.unwrap_or_default(),
        });
    }
    Ok(body)
}

pub async fn edit(desk: Desk, Path(number): Path<String>, posted: Posted) -> Result<Response> {
    let order = find(&desk, &number).await?;
    let mut act = edit_act(&desk, &order).await?;
    act.form = act.form.typed(&posted);
    let input = edit_body(&act.form, &order).and_then(|body| parse(body.to_string().as_bytes()));
    let done = match input {
        Ok(input) => {
            change::edit(
                State(desk.db.clone()),
                desk.by.clone(),
                Path(number.clone()),
                Json(input),
            )
            .await
        }
        Err(error) => Err(error),
    };
    let said = match done {
        Ok(Json(view))
            if view
                .changes
                .iter()
                .any(|change| change.state == ChangeState::Proposed) =>
        {
            text(
                "会变贵，已请买家在订单页同意。",
                "It gets dearer; the buyer was asked to agree on the order's page.",
            )
        }
        Ok(_) => text("已修改。", "The order is changed."),
        Err(error) => return act.again(&desk, error).await,
    };
    desk.done(&format!("/console/orders/{number}"), &said)
}
