//! What the village sells: products, their labels, and on each product's page its skus.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::act::Act;
use super::desk::{Desk, Place, Shell, Undo};
use super::money::paging;
use crate::catalog::api::{self, ProductView};
use crate::catalog::pictures::{self, Picture};
use crate::catalog::{LabelField, LegalKind, Product, missing_label_fields, store};
use crate::error::{Result, not_found, text};
use crate::web::edge::Lang;
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, Query, parse};

const ROWS: i64 = 100;

const LABEL: [LabelField; 8] = [
    LabelField::Ingredients,
    LabelField::NetContent,
    LabelField::Producer,
    LabelField::ProducerAddress,
    LabelField::Storage,
    LabelField::ScLicence,
    LabelField::StandardNo,
    LabelField::WorkshopRegistration,
];

pub fn label_name(lang: Lang, field: LabelField) -> &'static str {
    match field {
        LabelField::Ingredients => lang.say("配料", "Ingredients"),
        LabelField::NetContent => lang.say("净含量", "Net content"),
        LabelField::Producer => lang.say("生产者", "Producer"),
        LabelField::ProducerAddress => lang.say("生产者地址", "Producer's address"),
        LabelField::Storage => lang.say("贮存条件", "Storage"),
        LabelField::ScLicence => lang.say("生产许可证号", "Production licence"),
        LabelField::StandardNo => lang.say("产品标准号", "Product standard"),
        LabelField::WorkshopRegistration => lang.say("小作坊登记号", "Workshop registration"),
    }
}

fn kind_name(lang: Lang, kind: LegalKind) -> &'static str {
    match kind {
        LegalKind::Fresh => lang.say("鲜货（地里直接来的）", "Fresh from the field"),
        LegalKind::Prepacked => lang.say("预包装食品（有生产许可）", "Prepacked, by a licensed maker"),
        LegalKind::Workshop => lang.say("小作坊食品（有登记）", "Made in a registered workshop"),
    }
}

fn value_of(kind: LegalKind) -> String {
    json!(kind).as_str().unwrap_or_default().to_owned()
}

/// The fields of a label by their names in the calls.
fn label_values(product: &Product) -> Value {
    json!(product.label)
}

#[derive(Template)]
#[template(path = "console/products.html")]
struct ProductsPage {
    shell: Shell,
    items: Vec<ProductView>,
    next: Option<String>,
}

impl ProductsPage {
    fn missing(&self, view: &ProductView) -> String {
        missing(self.shell.lang, &view.missing_label_fields)
    }
}

fn missing(lang: Lang, fields: &[LabelField]) -> String {
    let names: Vec<_> = fields.iter().map(|field| label_name(lang, *field)).collect();
    names.join(lang.say("、", ", "))
}

#[derive(serde::Deserialize)]
pub struct Asked {
    after: Option<String>,
}

pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let Json(page) = api::list(State(desk.db.clone()), desk.by.clone(), paging(ROWS, asked.after)).await?;
    let page = ProductsPage {
        shell: desk.shell(Place::Products).await?,
        items: page.items,
        next: page.next,
    };
    desk.show(&page)
}

fn basics(desk: &Desk, form: Form) -> Form {
    let kinds = [LegalKind::Fresh, LegalKind::Workshop, LegalKind::Prepacked];
    form.with(Field::new(Kind::Text, "name", desk.t("叫什么", "Name")).max(60))
        .with(
            Field::new(
                Kind::Choice,
                "legal_kind",
                desk.t("属于哪一类", "What kind of food"),
            )
            .options(kinds.map(|kind| (value_of(kind), kind_name(desk.lang, kind))))
            .value("fresh")
            .hint(desk.t("决定标签上必须写什么。", "It decides what the label has to say.")),
        )
        .with(
            Field::new(
                Kind::Area,
                "description",
                desk.t("怎么介绍", "What to say about it"),
            )
            .max(2_000)
            .or_empty(),
        )
        .with(
            Field::new(Kind::Text, "slug", desk.t("短名", "Short name"))
                .hint(desk.t(
                    "字母、数字和 -，不填就自动取。",
                    "Letters, digits and -; made up when left empty.",
                ))
                .max(60)
                .optional(),
        )
}

fn new_act(desk: &Desk) -> Act {
    let form = basics(
        desk,
        Form::new(
            desk.lang,
            "/console/products/new",
            desk.t("下一步：规格和价钱", "Next: packs and prices"),
        ),
    );
    Act::new(
        Place::Products,
        desk.t("添加商品", "Add a product"),
        ("/console/products", desk.t("商品", "Products")),
        form,
    )
}

pub async fn new_form(desk: Desk) -> Result<Response> {
    new_act(&desk).show(&desk).await
}

pub async fn create(desk: Desk, posted: Posted) -> Result<Response> {
    let mut act = new_act(&desk);
    act.form = act.form.typed(&posted);
    let input = act.form.value().and_then(|mut body| {
        if body["slug"].is_null() {
            let id = desk.by.new_id().simple().to_string();
            body["slug"] = format!("p-{}", id.get(24..).unwrap_or_default()).into();
        }
        parse(body.to_string().as_bytes())
    });
    let done = match input {
        Ok(input) => api::create(State(desk.db.clone()), desk.by.clone(), Json(input)).await,
        Err(error) => Err(error),
    };
    match done {
        Ok((_, Json(view))) => {
            let to = format!("/console/products/{}/skus/new", view.product.id);
            desk.done(
                &to,
                &text("商品已添加，接着写规格。", "Added. Now its first pack."),
            )
        }
        Err(error) => act.again(&desk, error).await,
    }
}

/// A product of the village with its skus.
pub async fn find(desk: &Desk, id: &str) -> Result<ProductView> {
    let id = uuid::Uuid::try_parse(id).map_err(|_| not_found())?;
    let village = desk.by.staff.village;
    let product = store::product(&desk.db, village, id)
        .await?
        .ok_or_else(not_found)?;
    Ok(ProductView {
        missing_label_fields: missing_label_fields(product.legal_kind, &product.label),
        skus: store::skus(&desk.db, village, Some(id)).await?,
        product,
    })
}

#[derive(Template)]
#[template(path = "console/product.html")]
struct ProductPage {
    shell: Shell,
    view: ProductView,
    kind: &'static str,
    missing: String,
    pictures: Vec<Picture>,
}

pub async fn page(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let view = find(&desk, &id).await?;
    let page = ProductPage {
        shell: desk.shell(Place::Products).await?,
        kind: kind_name(desk.lang, view.product.legal_kind),
        missing: missing(desk.lang, &view.missing_label_fields),
        pictures: pictures::of(&desk.db, desk.by.staff.village, &id).await?,
        view,
    };
    desk.show(&page)
}

fn edit_act(desk: &Desk, view: &ProductView) -> Act {
    let product = &view.product;
    let path = format!("/console/products/{}", product.id);
    let mut form = basics(
        desk,
        Form::new(desk.lang, format!("{path}/edit"), desk.t("保存", "Save")),
    );
    for field in &mut form.fields {
        field.value = match field.name.as_str() {
            "name" => product.name.clone(),
            "slug" => product.slug.clone(),
            "description" => product.description.clone(),
            _ => value_of(product.legal_kind),
        };
    }
    let label = label_values(product);
    for field in LABEL {
        let name = json!(field).as_str().unwrap_or_default().to_owned();
        let value = label[&name].as_str().unwrap_or_default().to_owned();
        let field = Field::new(Kind::Text, format!("label.{name}"), label_name(desk.lang, field));
        form = form.with(field.value(value).max(500).or_empty().half());
    }
    form = form.with(
        Field::new(Kind::Tick, "active", desk.t("在售", "On sale")).value(if product.active {
            "yes"
        } else {
            ""
        }),
    );
    Act::new(
        Place::Products,
        desk.t("修改商品", "Edit the product"),
        (&path, &product.name),
        form,
    )
}

pub async fn edit_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let view = find(&desk, &id).await?;
    edit_act(&desk, &view).show(&desk).await
}

pub async fn edit(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let view = find(&desk, &id).await?;
    let mut act = edit_act(&desk, &view);
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => {
            api::change(
                State(desk.db.clone()),
                Path(id.clone()),
                desk.by.clone(),
                Json(input),
            )
            .await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => desk.done(&format!("/console/products/{id}"), &text("已保存。", "Saved.")),
        Err(error) => act.again(&desk, error).await,
    }
}

/// Takes a product off sale, or puts it back.
pub async fn switch(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let view = find(&desk, &id).await?;
    let active = posted.get("active") == "yes";
    let input = parse(json!({ "active": active }).to_string().as_bytes())?;
    api::change(
        State(desk.db.clone()),
        Path(id.clone()),
        desk.by.clone(),
        Json(input),
    )
    .await?;
    let said = match active {
        true => text(
            format!("{}已恢复销售。", view.product.name),
            format!("{} is on sale again.", view.product.name),
        ),
        false => text(
            format!("{}已停售。", view.product.name),
            format!("{} is off sale.", view.product.name),
        ),
    };
    let undo = Undo {
        action: format!("/console/products/{id}/switch"),
        fields: vec![("active".to_owned(), if active { "" } else { "yes" }.to_owned())],
    };
    desk.done_undo(&format!("/console/products/{id}"), &said, Some(undo))
}
