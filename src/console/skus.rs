//! The skus of a product: the cases one can order, and gift boxes made of them.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::act::Act;
use super::desk::{Desk, Place};
use super::products::find;
use crate::catalog::api::{self, ProductView};
use crate::catalog::{NewSku, Sku, store};
use crate::error::{Error, Result, not_found, text};
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, Query, parse};

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(rename = "box", default)]
    gift_box: String,
}

fn basics(desk: &Desk, form: Form, code: Option<&str>) -> Form {
    let t = |zh, en| desk.t(zh, en);
    let form = form
        .with(Field::new(Kind::Text, "title", t("名称", "Title")).max(60))
        .with(
            Field::new(Kind::Text, "spec", t("规格", "Pack"))
                .hint(t("例如 2.5kg/箱", "Such as 2.5 kg a case"))
                .max(60)
                .half(),
        )
        .with(
            Field::new(Kind::Yuan, "price_fen", t("价钱（元/箱）", "Price (yuan a case)"))
                .max(12)
                .half(),
        );
    let form = match code {
        Some(_) => form,
        None => form.with(
            Field::new(Kind::Text, "sku", t("编号", "Code"))
                .hint(t(
                    "字母和数字，印在单子上；不填就自动取。以后不能改。",
                    "Letters and digits, for paper; made up when left empty. It stays for ever.",
                ))
                .max(40)
                .optional()
                .half(),
        ),
    };
    form.with(
        Field::new(
            Kind::Number,
            "gross_weight_grams",
            t("毛重（克）", "Gross weight (grams)"),
        )
        .hint(t(
            "连箱子，用来算运费。",
            "With its box; freight is computed from it.",
        ))
        .half(),
    )
    .with(
        Field::new(
            Kind::Number,
            "shelf_life_days",
            t("保质期（天）", "Shelf life (days)"),
        )
        .half(),
    )
    .with(
        Field::new(
            Kind::Number,
            "min_days_left",
            t("到手至少还剩（天）", "Days left on arrival, at least"),
        )
        .value("0")
        .half(),
    )
}

/// The path of the product, and its page's name.
fn back(view: &ProductView) -> (String, String) {
    (
        format!("/console/products/{}", view.product.id),
        view.product.name.clone(),
    )
}

async fn new_act(desk: &Desk, view: &ProductView, gift_box: bool) -> Result<Act> {
    let path = format!("/console/products/{}/skus/new", view.product.id);
    let mut form = basics(desk, Form::new(desk.lang, path, desk.t("保存", "Save")), None);
    for field in &mut form.fields {
        if field.name == "title" {
            field.value = view.product.name.clone();
        }
    }
    if gift_box {
        form = form.with(Field::hidden("box", "yes"));
        let skus = store::skus(&desk.db, desk.by.staff.village, None).await?;
        for sku in skus.into_iter().filter(|sku| sku.components.is_empty()).take(200) {
            let name = format!("{} {} ×", sku.title, sku.spec);
            form = form.with(
                Field::new(Kind::Number, format!("part.{}", sku.code), name)
                    .max(2)
                    .optional()
                    .beside(),
            );
        }
    }
    let title = match gift_box {
        true => desk.t("添加礼盒", "Add a gift box"),
        false => desk.t("添加规格", "Add a pack"),
    };
    let (href, name) = back(view);
    let act = Act::new(Place::Products, title, (&href, &name), form);
    Ok(match gift_box {
        true => act.lead(desk.t(
            "礼盒里装什么，写在下面；以后不能改。",
            "Say below what goes into the box; it stays for ever.",
        )),
        false => act,
    })
}

pub async fn new_form(desk: Desk, Path(id): Path<String>, Query(wanted): Query<Wanted>) -> Result<Response> {
    let view = find(&desk, &id).await?;
    new_act(&desk, &view, wanted.gift_box == "yes")
        .await?
        .show(&desk)
        .await
}

/// What was typed, as the call takes it, with the skus in the order of its components.
fn new_body(form: &Form, view: &ProductView) -> Result<(NewSku, Vec<String>)> {
    let mut body = form.value()?;
    let parts = body["part"].take();
    let parts = parts
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, count)| **count != json!(0));
    let parts: Vec<(String, Value)> = parts.map(|(sku, count)| (sku.clone(), count.clone())).collect();
    let gift_box = body["box"] == "yes";
    if let Some(fields) = body.as_object_mut() {
        fields.remove("part");
        fields.remove("box");
    }
    if gift_box {
        let components = parts
            .iter()
            .map(|(sku, count)| json!({"sku": sku, "quantity": count}));
        body["components"] = components.collect();
    }
    if body["sku"].is_null() {
        let name: String = view.product.slug.chars().take(12).collect();
        body["sku"] = format!("{}-{}", name.to_uppercase(), view.skus.len() + 1).into();
    }
    let input = parse(body.to_string().as_bytes())?;
    Ok((input, parts.into_iter().map(|(sku, _)| sku).collect()))
}

pub async fn create(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let view = find(&desk, &id).await?;
    let mut act = new_act(&desk, &view, posted.get("box") == "yes").await?;
    act.form = act.form.typed(&posted);
    let done = match new_body(&act.form, &view) {
        Ok((input, parts)) => {
            let path = Path(id.clone());
            let made = api::create_sku(State(desk.db.clone()), path, desk.by.clone(), Json(input)).await;
            made.map_err(|error| renamed(error, &parts))
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => desk.done(
            &format!("/console/products/{id}"),
            &text("规格已添加。", "The pack is added."),
        ),
        Err(error) => act.again(&desk, error).await,
    }
}

/// The call counts components, the form names skus.
fn renamed(error: Error, parts: &[String]) -> Error {
    let Error::Problem(mut problem) = error else {
        return error;
    };
    for wrong in &mut problem.errors {
        let rest = wrong.field.strip_prefix("components[");
        let index = rest.and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
        if let Some(sku) = index.and_then(|index| parts.get(index)) {
            wrong.field = format!("part.{sku}");
        }
    }
    Error::Problem(problem)
}

fn edit_act(desk: &Desk, view: &ProductView, sku: &Sku) -> Act {
    let path = format!("/console/products/{}/skus/{}", view.product.id, sku.code);
    let mut form = basics(
        desk,
        Form::new(desk.lang, path, desk.t("保存", "Save")),
        Some(&sku.code),
    );
    for field in &mut form.fields {
        field.value = match field.name.as_str() {
            "title" => sku.title.clone(),
            "spec" => sku.spec.clone(),
            "price_fen" => sku.price_fen.to_string(),
            "gross_weight_grams" => sku.gross_weight_grams.to_string(),
            "shelf_life_days" => sku.shelf_life_days.to_string(),
            _ => sku.min_days_left.to_string(),
        };
    }
    form = form.with(
        Field::new(Kind::Tick, "active", desk.t("在售", "On sale")).value(if sku.active {
            "yes"
        } else {
            ""
        }),
    );
    let (href, name) = back(view);
    let mut act = Act::new(
        Place::Products,
        desk.t("修改规格", "Edit the pack"),
        (&href, &name),
        form,
    )
    .fact(desk.t("编号", "Code"), &sku.code);
    for part in &sku.components {
        act = act.fact(
            desk.t("礼盒里有", "In the box"),
            format!("{} ×{}", part.sku, part.quantity),
        );
    }
    act.lead(desk.t(
        "改价只影响以后新做的链接；已有链接的价钱在链接里改。",
        "A new price counts for new links; links that exist have their own.",
    ))
}

async fn find_sku(desk: &Desk, id: &str, code: &str) -> Result<(ProductView, Sku)> {
    let view = find(desk, id).await?;
    let sku = view
        .skus
        .iter()
        .find(|sku| sku.code == code)
        .cloned()
        .ok_or_else(not_found)?;
    Ok((view, sku))
}

pub async fn edit_form(desk: Desk, Path((id, code)): Path<(String, String)>) -> Result<Response> {
    let (view, sku) = find_sku(&desk, &id, &code).await?;
    edit_act(&desk, &view, &sku).show(&desk).await
}

pub async fn edit(desk: Desk, Path((id, code)): Path<(String, String)>, posted: Posted) -> Result<Response> {
    let (view, sku) = find_sku(&desk, &id, &code).await?;
    let mut act = edit_act(&desk, &view, &sku);
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => {
            let path = Path((id.clone(), code));
            api::change_sku(State(desk.db.clone()), path, desk.by.clone(), Json(input)).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => desk.done(&format!("/console/products/{id}"), &text("已保存。", "Saved.")),
        Err(error) => act.again(&desk, error).await,
    }
}
