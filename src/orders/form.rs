//! The order form as a browser sends it: what was typed, kept as it is for showing it again, and read as an order.

use uuid::Uuid;

use super::draft::{Item, PlaceOrder, Recipient};
use crate::address::paste;
use crate::error::{FieldError, Text, text};
use crate::links::board::Facts;
use crate::money::{Fen, Method};

/// Fields that are looked at; the form has far fewer.
const MAX_FIELDS: usize = 200;

/// The button that was pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// fill the fields from the pasted text
    Read,
    /// show what it costs
    #[default]
    Preview,
    /// order, at the total that was shown
    Place,
}

#[derive(Default)]
pub struct Form {
    pub act: Act,
    /// made with the page: sending the same page twice orders once
    pub key: Option<Uuid>,
    /// the total that the buyer has seen
    pub seen: Option<Fen>,
    /// sku and what was typed as its number of cases
    quantities: Vec<(String, String)>,
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
    pub paste: String,
    pub method: String,
    pub note: String,
}

impl Form {
    /// Reads `application/x-www-form-urlencoded`. Unknown fields are left alone, of a repeated one the last counts.
    pub fn read(body: &[u8]) -> Self {
        let mut form = Form::default();
        for (name, value) in form_urlencoded::parse(body).take(MAX_FIELDS) {
            if let Some(sku) = name.strip_prefix("quantity.") {
                form.quantities.retain(|(known, _)| known != sku);
                form.quantities.push((sku.to_owned(), value.trim().to_owned()));
                continue;
            }
            let field = match name.as_ref() {
                "act" => {
                    form.act = match value.as_ref() {
                        "read" => Act::Read,
                        "place" => Act::Place,
                        _ => Act::Preview,
                    };
                    continue;
                }
                "key" => {
                    form.key = Uuid::try_parse(&value).ok();
                    continue;
                }
                "seen" => {
                    form.seen = value.parse().ok().map(Fen);
                    continue;
                }
                "name" => &mut form.name,
                "phone" => &mut form.phone,
                "province" => &mut form.province,
                "city" => &mut form.city,
                "district" => &mut form.district,
                "street" => &mut form.street,
                "paste" => &mut form.paste,
                "method" => &mut form.method,
                "note" => &mut form.note,
                _ => continue,
            };
            *field = value.into_owned();
        }
        form
    }

    /// The form as it is first shown: one case where there is no choice.
    pub fn fresh(key: Uuid, facts: &Facts) -> Self {
        let only = match facts.offers.as_slice() {
            [only] => vec![(only.sku.clone(), "1".to_owned())],
            _ => Vec::new(),
        };
        Form {
            key: Some(key),
            quantities: only,
            ..Form::default()
        }
    }

    /// What was typed as the quantity of a sku.
    pub fn quantity(&self, sku: &str) -> &str {
        let typed = self.quantities.iter().find(|(known, _)| known == sku);
        typed.map_or("", |(_, typed)| typed)
    }

    /// Fills the fields from the pasted text; what it does not say stays as it was.
    ///
    /// # Errors
    /// What to tell the buyer when nothing could be read.
    pub fn fill(&mut self) -> Result<(), Text> {
        let found = paste::parse(&self.paste);
        let mut filled = 0;
        for (part, field) in [
            (found.name, &mut self.name),
            (found.phone, &mut self.phone),
            (found.province, &mut self.province),
            (found.city, &mut self.city),
            (found.district, &mut self.district),
            (found.street, &mut self.street),
        ] {
            if let Some(part) = part {
                *field = part;
                filled += 1;
            }
        }
        if filled == 0 {
            let zh = "没有认出地址。请粘贴姓名、电话和地址，或直接填写下面各项。";
            return Err(text(
                zh,
                "No address was found there. Paste a name, a phone number and an address, or fill in the fields below.",
            ));
        }
        Ok(())
    }

    /// The order that was typed, and what about it isn't one. Fields are named as in the JSON call.
    pub fn order(&self, facts: &Facts) -> (PlaceOrder, Vec<FieldError>) {
        let mut errors = Vec::new();
        let mut fail = |field: &str, message| {
            errors.push(FieldError {
                field: field.to_owned(),
                message,
            });
        };
        let mut items = Vec::new();
        for (sku, typed) in &self.quantities {
            match half_width(typed).parse::<i64>() {
                _ if typed.is_empty() => {}
                Ok(0) => {}
                Ok(quantity) => items.push(Item {
                    sku: sku.clone(),
                    quantity,
                }),
                Err(_) if facts.offers.iter().any(|offer| offer.sku == *sku) => {
                    fail(&quantity_field(sku), text("要填整数。", "Takes a whole number."));
                }
                Err(_) => {}
            }
        }
        let method = serde_json::from_value::<Method>(self.method.clone().into());
        if method.is_err() {
            fail("method", text("请选一种付款方式。", "Please choose how to pay."));
        }
        let order = PlaceOrder {
            items,
            recipient: Recipient {
                name: self.name.clone(),
                phone: self.phone.clone(),
                province: self.province.clone(),
                city: self.city.clone(),
                district: self.district.clone(),
                street: self.street.clone(),
            },
            payment_method: method.unwrap_or(Method::Platform),
            note: Some(self.note.clone()),
        };
        (order, errors)
    }
}

/// The form's name of a sku's quantity.
pub fn quantity_field(sku: &str) -> String {
    format!("quantity.{sku}")
}

/// The form's name of a field that the JSON call names like `items[0].quantity` or `recipient.phone`.
pub fn field_of(path: &str, items: &[Item]) -> String {
    if let Some(index) = path.strip_prefix("items[") {
        let index = index
            .split(']')
            .next()
            .and_then(|index| index.parse::<usize>().ok());
        let item = index.and_then(|index| items.get(index));
        return item.map_or("items".to_owned(), |item| quantity_field(&item.sku));
    }
    match path {
        "payment_method" => "method".to_owned(),
        path => path.strip_prefix("recipient.").unwrap_or(path).to_owned(),
    }
}

/// Chinese keyboards type １２ as well as 12.
fn half_width(text: &str) -> String {
    let narrow = |c: char| match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        c => c,
    };
    text.chars().map(narrow).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantities(body: &str) -> (Vec<(String, i64)>, Vec<String>) {
        let (order, errors) = Form::read(body.as_bytes()).order(&Facts::sample());
        let items = order.items.into_iter().map(|item| (item.sku, item.quantity));
        (
            items.collect(),
            errors.into_iter().map(|error| error.field).collect(),
        )
    }

    #[test]
    fn quantities_are_read() {
        for (body, items, errors) in [
            ("quantity.FT05=2&method=cod", &[("FT05", 2)][..], &[][..]),
            (
                "quantity.FT05=%EF%BC%91%EF%BC%92&method=cod",
                &[("FT05", 12)],
                &[],
            ),
            (
                "quantity.FT05=1&quantity.FT05=+3+&method=cod",
                &[("FT05", 3)],
                &[],
            ),
            ("quantity.FT05=&quantity.MS10=0&method=cod", &[], &[]),
            ("quantity.FT05=two&method=cod", &[], &["quantity.FT05"]),
            ("quantity.FT05=1.5&method=gold", &[], &["quantity.FT05", "method"]),
            ("quantity.FT05=-1&method=cod", &[("FT05", -1)], &[]),
            ("quantity.GONE=x&method=cod", &[], &[]),
        ] {
            let (found, wrong) = quantities(body);
            let found: Vec<_> = found.iter().map(|(sku, count)| (sku.as_str(), *count)).collect();
            assert_eq!(found, items, "{body}");
            assert_eq!(wrong, errors, "{body}");
        }
    }

    #[test]
    fn fields_are_read_as_typed() {
        let form = Form::read(b"act=place&key=x&seen=6800&name=%3Cb%3E&note=a%0Ab&more=1");
        assert_eq!(
            (form.act, form.key, form.seen),
            (Act::Place, None, Some(Fen(6800)))
        );
        assert_eq!((form.name.as_str(), form.note.as_str()), ("<b>", "a\nb"));
        assert_eq!(Form::read(b"\xff\x00=%zz&&&=").act, Act::Preview);
    }

    #[test]
    fn a_pasted_text_fills_the_fields() {
        let mut form = Form {
            paste: "李小雨 13800138000 河南省郑州市金水区花园路1号".into(),
            note: "kept".into(),
            ..Form::default()
        };
        assert!(form.fill().is_ok());
        assert_eq!((form.name.as_str(), form.city.as_str()), ("李小雨", "郑州市"));
        assert_eq!(form.note, "kept");
        form.paste = "  ".into();
        assert!(form.fill().is_err());
        assert_eq!(form.name, "李小雨");
    }

    #[test]
    fn errors_find_their_field() {
        let items = [Item {
            sku: "A.1".into(),
            quantity: 1,
        }];
        for (path, field) in [
            ("items[0].sku", "quantity.A.1"),
            ("items[0].quantity", "quantity.A.1"),
            ("items[9].sku", "items"),
            ("items", "items"),
            ("recipient.phone", "phone"),
            ("payment_method", "method"),
            ("note", "note"),
        ] {
            assert_eq!(field_of(path, &items), field, "{path}");
        }
    }
}
