//! A buyer's order before it is decided: what was asked for, checked for everything that needs no database.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::address::{self, AddressField};
use crate::error::{Result, text};
use crate::links::board::Facts;
use crate::money::Method;
use crate::phone::Phone;
use crate::villages::auth::By;
use crate::web::input::Check;

/// Lines of one order.
const MAX_ITEMS: usize = 50;

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    pub items: Vec<Item>,
    pub recipient: Recipient,
    pub payment_method: Method,
    pub note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub sku: String,
    /// cases
    pub quantity: i64,
}

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    /// may be empty for cities without districts
    #[serde(default)]
    pub district: String,
    pub street: String,
}

/// Where a parcel goes, in canonical words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
    /// administrative code, six digits; the first two are the province
    pub region_code: String,
}

/// A checked order, on its way to the intake.
pub struct Draft {
    pub facts: Arc<Facts>,
    /// (index into `facts.offers`, cases), each offer once
    pub items: Vec<(usize, i64)>,
    pub to: Address,
    pub method: Method,
    pub note: String,
    pub key: Option<String>,
    /// who places it, when staff do so for a buyer: the intake writes it into the operation log
    pub placed_by: Option<By>,
    /// tells the same request from another one under the same key
    pub hash: [u8; 16],
}

/// Checks a recipient.
pub fn check_recipient(check: &mut Check, recipient: &Recipient) -> Option<Address> {
    let name = check.line("recipient.name", &recipient.name, 1, 40);
    let phone = match Phone::parse(&recipient.phone) {
        Ok(phone) => Some(phone),
        Err(error) => {
            check.fail("recipient.phone", text(error.zh(), error.en()));
            None
        }
    };
    let street = check.line("recipient.street", &recipient.street, 2, 120);
    let region = match address::resolve(&recipient.province, &recipient.city, &recipient.district) {
        Ok(region) => Some(region),
        Err(error) => {
            let field = match error.field {
                AddressField::Province => "recipient.province",
                AddressField::City => "recipient.city",
                AddressField::District => "recipient.district",
            };
            check.fail(field, text(error.zh, error.en));
            None
        }
    };
    let (phone, region) = (phone?, region?);
    Some(Address {
        name,
        phone: phone.as_str().to_owned(),
        province: region.province.to_owned(),
        city: region.city.to_owned(),
        district: region.district.to_string(),
        street,
        region_code: region.code.to_owned(),
    })
}

/// Checks what is ordered; one sku named twice becomes one item.
pub fn check_items(check: &mut Check, asked: &[Item]) -> Vec<Item> {
    if asked.is_empty() || asked.len() > MAX_ITEMS {
        check.fail(
            "items",
            text(
                "请至少选一种商品，最多 50 种。",
                "Choose at least one item, at most 50.",
            ),
        );
    }
    let mut items: Vec<Item> = Vec::with_capacity(asked.len().min(MAX_ITEMS));
    for (index, item) in asked.iter().take(MAX_ITEMS).enumerate() {
        if !(1..=999).contains(&item.quantity) {
            check.fail(
                format!("items[{index}].quantity"),
                text("数量至少是 1。", "The quantity is at least 1."),
            );
            continue;
        }
        match items.iter_mut().find(|known| known.sku == item.sku) {
            Some(known) => known.quantity += item.quantity,
            None => items.push(item.clone()),
        }
    }
    items
}

pub fn check_note(check: &mut Check, note: &str) -> String {
    check.line("note", note, 0, 200)
}

/// A request that passed every check which needs no database; its skus are still codes.
pub struct Checked {
    pub items: Vec<Item>,
    pub to: Address,
    pub method: Method,
    pub note: String,
    pub hash: [u8; 16],
}

/// Checks a request.
///
/// # Errors
/// 422 with every wrong field.
pub fn check(order: &PlaceOrder, methods: &[Method]) -> Result<Checked> {
    let mut check = Check::new();
    let items = check_items(&mut check, &order.items);
    if !methods.contains(&order.payment_method) {
        check.fail(
            "payment_method",
            text(
                "本店不支持这种付款方式。",
                "The shop does not take this way of paying.",
            ),
        );
    }
    let note = check_note(&mut check, order.note.as_deref().unwrap_or(""));
    let to = check_recipient(&mut check, &order.recipient);
    check.finish()?;
    // `finish` has returned the errors of a recipient that could not be read
    let to = to.ok_or_else(|| anyhow::anyhow!("a recipient without errors must be complete"))?;
    let hash = fingerprint(&items, &to, order.payment_method, &note);
    Ok(Checked {
        items,
        to,
        method: order.payment_method,
        note,
        hash,
    })
}

/// A hash of what was ordered, in canonical form: layout and spelling of the request don't matter.
fn fingerprint(items: &[Item], to: &Address, method: Method, note: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    };
    for item in items {
        add(&item.sku);
        add(&item.quantity.to_string());
    }
    for part in [
        &to.name,
        &to.phone,
        &to.province,
        &to.city,
        &to.district,
        &to.street,
    ] {
        add(part);
    }
    add(note);
    add(&format!("{method:?}"));
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    short
}

impl Checked {
    /// Finds the offers of the skus on a link; the error is the index of the first sku that isn't on it.
    pub fn on(
        self,
        facts: Arc<Facts>,
        key: Option<String>,
    ) -> std::result::Result<Draft, (usize, Box<Checked>)> {
        let mut items = Vec::with_capacity(self.items.len());
        for (index, item) in self.items.iter().enumerate() {
            match facts.offers.iter().position(|offer| offer.sku == item.sku) {
                Some(offer) => items.push((offer, item.quantity)),
                None => return Err((index, Box::new(self))),
            }
        }
        Ok(Draft {
            facts,
            items,
            to: self.to,
            method: self.method,
            note: self.note,
            key,
            placed_by: None,
            hash: self.hash,
        })
    }
}
