//! The catalogue: products, and the skus of a product, which are the cases that one can order.

pub mod api;
pub mod pictures;
pub mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Result, text};
use crate::money::Fen;
use crate::web::input::Check;

/// The most skus that a village has: lists over all of them stay small.
pub const MAX_SKUS: i64 = 1_000;

const MAX_COMPONENTS: usize = 20;
const MAX_IN_BOX: i64 = 99;

/// What the law takes a product for; it decides what its label has to say (GB 7718).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum LegalKind {
    /// a farm product as it comes from the field
    Fresh,
    /// packed food of a licensed maker
    Prepacked,
    /// food of a registered small workshop
    Workshop,
}

impl LegalKind {
    fn required(self) -> &'static [LabelField] {
        use LabelField::*;
        match self {
            LegalKind::Fresh => &[],
            LegalKind::Prepacked => &[
                Ingredients,
                NetContent,
                Producer,
                ProducerAddress,
                Storage,
                ScLicence,
                StandardNo,
            ],
            LegalKind::Workshop => &[
                Ingredients,
                NetContent,
                Producer,
                ProducerAddress,
                Storage,
                WorkshopRegistration,
            ],
        }
    }
}

/// A legal field of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelField {
    Ingredients,
    NetContent,
    Producer,
    ProducerAddress,
    Storage,
    /// food production licence: `SC` and 14 digits
    ScLicence,
    /// number of the product standard
    StandardNo,
    WorkshopRegistration,
}

impl LabelField {
    fn name(self) -> &'static str {
        match self {
            LabelField::Ingredients => "ingredients",
            LabelField::NetContent => "net_content",
            LabelField::Producer => "producer",
            LabelField::ProducerAddress => "producer_address",
            LabelField::Storage => "storage",
            LabelField::ScLicence => "sc_licence",
            LabelField::StandardNo => "standard_no",
            LabelField::WorkshopRegistration => "workshop_registration",
        }
    }

    /// Whether a value can stand on the label.
    fn takes(self, value: &str) -> bool {
        match self {
            LabelField::ScLicence => value
                .strip_prefix("SC")
                .is_some_and(|rest| rest.len() == 14 && rest.bytes().all(|b| b.is_ascii_digit())),
            _ => !value.is_empty(),
        }
    }
}

/// What is known of a product's label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = BTreeMap<String, String>)]
pub struct Label(BTreeMap<LabelField, String>);

impl TryFrom<String> for Label {
    type Error = serde_json::Error;

    fn try_from(json: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&json)
    }
}

impl Label {
    /// Cleans what someone typed. An empty text stays: it clears the field in [`Label::with`].
    fn checked(&self, check: &mut Check) -> Label {
        let fields = self.0.iter().map(|(field, value)| {
            let path = format!("label.{}", field.name());
            let value = check.line(&path, value, 0, 500);
            let fits = value.is_empty() || field.takes(&value);
            check.require(
                fits,
                &path,
                text("要写成 SC 加 14 位数字。", "Takes SC and 14 digits."),
            );
            (*field, value)
        });
        Label(fields.collect())
    }

    /// This label with some fields changed; an empty text clears one.
    fn with(&self, change: &Label) -> Label {
        let mut label = self.clone();
        label.0.extend(change.0.clone());
        label.0.retain(|_, value| !value.is_empty());
        label
    }
}

/// What a label still lacks before the product may be sold. Source: GB 7718 for packed food, provincial rules for
/// small workshops; fresh farm products are outside of both.
pub fn missing_label_fields(kind: LegalKind, label: &Label) -> Vec<LabelField> {
    let has = |field: &LabelField| label.0.get(field).is_some_and(|value| field.takes(value));
    let required = kind.required().iter();
    required.copied().filter(|field| !has(field)).collect()
}

#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Product {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub slug: String,
    pub name: String,
    pub legal_kind: LegalKind,
    pub description: String,
    #[sqlx(try_from = "String")]
    pub label: Label,
    pub active: bool,
}

/// The case one can order.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Sku {
    #[schema(value_type = String)]
    pub id: Uuid,
    #[serde(skip)]
    pub product_id: Uuid,
    #[serde(rename = "sku")]
    pub code: String,
    pub title: String,
    pub spec: String,
    pub price_fen: Fen,
    pub gross_weight_grams: i64,
    pub shelf_life_days: i64,
    /// the least life that a case must have left when it arrives
    pub min_days_left: i64,
    pub active: bool,
    /// what a gift box is made of; empty for a sku with stock of its own
    #[sqlx(skip)]
    pub components: Vec<Component>,
}

/// A part of a gift box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub sku: String,
    pub quantity: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduct {
    name: String,
    slug: String,
    legal_kind: LegalKind,
    description: Option<String>,
    label: Option<Label>,
}

impl NewProduct {
    fn checked(&self, id: Uuid) -> Result<Product> {
        let mut check = Check::new();
        let label = self.label.clone().unwrap_or_default().checked(&mut check);
        let product = Product {
            id,
            slug: check.code("slug", &self.slug, 60),
            name: check.line("name", &self.name, 1, 60),
            legal_kind: self.legal_kind,
            description: check.line("description", self.description.as_deref().unwrap_or(""), 0, 2_000),
            label: Label::default().with(&label),
            active: true,
        };
        check.finish()?;
        Ok(product)
    }
}

/// Only what is there is changed; of the label, only the fields that are there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductChange {
    name: Option<String>,
    slug: Option<String>,
    legal_kind: Option<LegalKind>,
    description: Option<String>,
    label: Option<Label>,
    active: Option<bool>,
}

impl ProductChange {
    fn apply(&self, product: &Product) -> Result<Product> {
        let mut check = Check::new();
        let mut changed = product.clone();
        if let Some(name) = &self.name {
            changed.name = check.line("name", name, 1, 60);
        }
        if let Some(slug) = &self.slug {
            changed.slug = check.code("slug", slug, 60);
        }
        if let Some(description) = &self.description {
            changed.description = check.line("description", description, 0, 2_000);
        }
        if let Some(label) = &self.label {
            changed.label = product.label.with(&label.checked(&mut check));
        }
        changed.legal_kind = self.legal_kind.unwrap_or(product.legal_kind);
        changed.active = self.active.unwrap_or(product.active);
        check.finish()?;
        Ok(changed)
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSku {
    sku: String,
    title: String,
    spec: String,
    price_fen: Fen,
    gross_weight_grams: i64,
    shelf_life_days: i64,
    min_days_left: Option<i64>,
    components: Option<Vec<Component>>,
}

impl NewSku {
    fn checked(&self, id: Uuid, product_id: Uuid) -> Result<Sku> {
        let mut check = Check::new();
        let sku = Sku {
            id,
            product_id,
            code: check.code("sku", &self.sku, 40),
            title: self.title.clone(),
            spec: self.spec.clone(),
            price_fen: self.price_fen,
            gross_weight_grams: self.gross_weight_grams,
            shelf_life_days: self.shelf_life_days,
            min_days_left: self.min_days_left.unwrap_or(0),
            active: true,
            components: match &self.components {
                Some(components) => check_components(components, &mut check),
                None => Vec::new(),
            },
        };
        let sku = sku.checked(&mut check);
        check.finish()?;
        Ok(sku)
    }
}

fn check_components(components: &[Component], check: &mut Check) -> Vec<Component> {
    let message = text(
        format!("礼盒要有 1 到 {MAX_COMPONENTS} 种内容；普通规格不要写 components。"),
        format!("A gift box takes 1 to {MAX_COMPONENTS} parts; leave this out for a plain sku."),
    );
    let count = components.len();
    check.require((1..=MAX_COMPONENTS).contains(&count), "components", message);
    let mut parts: Vec<Component> = Vec::new();
    for (at, part) in components.iter().take(MAX_COMPONENTS).enumerate() {
        let field = format!("components[{at}].sku");
        let sku = check.code(&field, &part.sku, 40);
        let message = text(
            "这个规格前面已经写过了。",
            "This sku stands in the list already; raise its quantity.",
        );
        check.require(!parts.iter().any(|other| other.sku == sku), &field, message);
        let field = format!("components[{at}].quantity");
        let quantity = check.number(&field, part.quantity, 1, MAX_IN_BOX);
        parts.push(Component { sku, quantity });
    }
    parts
}

impl Sku {
    /// Cleans and checks what may be typed at any time.
    fn checked(mut self, check: &mut Check) -> Sku {
        self.title = check.line("title", &self.title, 1, 60);
        self.spec = check.line("spec", &self.spec, 1, 60);
        check.fen("price_fen", self.price_fen);
        check.number("gross_weight_grams", self.gross_weight_grams, 1, 1_000_000);
        check.number("shelf_life_days", self.shelf_life_days, 1, 3_650);
        // a case that must arrive with its whole life left could never be sent
        let most = (self.shelf_life_days - 1).clamp(0, 3_650);
        check.number("min_days_left", self.min_days_left, 0, most);
        self
    }
}

/// Only what is there is changed. A sku's code, and what a gift box is made of, stay for ever: orders point to them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuChange {
    title: Option<String>,
    spec: Option<String>,
    price_fen: Option<Fen>,
    gross_weight_grams: Option<i64>,
    shelf_life_days: Option<i64>,
    min_days_left: Option<i64>,
    active: Option<bool>,
}

impl SkuChange {
    fn apply(&self, sku: &Sku) -> Result<Sku> {
        let mut check = Check::new();
        let changed = Sku {
            title: self.title.clone().unwrap_or_else(|| sku.title.clone()),
            spec: self.spec.clone().unwrap_or_else(|| sku.spec.clone()),
            price_fen: self.price_fen.unwrap_or(sku.price_fen),
            gross_weight_grams: self.gross_weight_grams.unwrap_or(sku.gross_weight_grams),
            shelf_life_days: self.shelf_life_days.unwrap_or(sku.shelf_life_days),
            min_days_left: self.min_days_left.unwrap_or(sku.min_days_left),
            active: self.active.unwrap_or(sku.active),
            ..sku.clone()
        };
        let changed = changed.checked(&mut check);
        check.finish()?;
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(json: &str) -> Label {
        Label::try_from(json.to_owned()).unwrap()
    }

    #[test]
    fn a_label_lacks_what_its_kind_requires() {
        use LabelField::*;
        let full = r#"{"ingredients": "红薯淀粉、水", "net_content": "2.5kg", "producer": "张村合作社",
            "producer_address": "石佛寺镇张村", "storage": "阴凉干燥", "sc_licence": "SC12341042100123", "standard_no": "GB 2713"}"#;
        let common = [Ingredients, NetContent, Producer, ProducerAddress, Storage];
        let prepacked = [&common[..], &[ScLicence, StandardNo]].concat();
        let workshop = [&common[..], &[WorkshopRegistration]].concat();
        for (kind, json, missing) in [
            (LegalKind::Fresh, "{}", vec![]),
            (LegalKind::Prepacked, "{}", prepacked),
            (LegalKind::Workshop, "{}", workshop),
            (LegalKind::Prepacked, full, vec![]),
            (LegalKind::Workshop, full, vec![WorkshopRegistration]),
        ] {
            assert_eq!(
                missing_label_fields(kind, &label(json)),
                missing,
                "{kind:?} {json}"
            );
        }
    }

    #[test]
    fn a_licence_is_sc_and_14_digits() {
        for (value, fits) in [
            ("SC12341042100123", true),
            ("SC1234104210012", false),
            ("SC123410421001234", false),
            ("sc12341042100123", false),
            ("12341042100123", false),
            ("SC1234104210012x", false),
            ("", false),
        ] {
            assert_eq!(LabelField::ScLicence.takes(value), fits, "{value}");
        }
    }

    #[test]
    fn a_change_of_a_label_keeps_the_rest() {
        let before = label(r#"{"storage": "阴凉", "producer": "张村"}"#);
        let after = before.with(&label(r#"{"storage": "", "net_content": "5kg"}"#));
        assert_eq!(after, label(r#"{"producer": "张村", "net_content": "5kg"}"#));
    }

    #[test]
    fn field_names_are_those_of_the_json() {
        for field in [LegalKind::Prepacked, LegalKind::Workshop]
            .into_iter()
            .flat_map(LegalKind::required)
        {
            assert_eq!(serde_json::to_value(field).unwrap(), field.name());
        }
    }
}
