//! The file for a carrier's batch tool. It carries the parcel's code and the phone's tail, so that the file which
//! comes back says of every row whose number it is.

use super::report::Parcel;
use crate::web::export::{Cell, Column, Kind, Table};

/// A parcel with what a carrier must know to take it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sending {
    pub parcel: Parcel,
    /// the carrier's name for people
    pub carrier_name: String,
    pub city: String,
    pub district: String,
    pub street: String,
    /// `红薯粉条 2.5kg/箱×2; 魔芋×1`
    pub items: String,
    pub pieces: i64,
    pub grams: i64,
    pub note: String,
}

const fn column(key: &'static str, zh: &'static str, en: &'static str, kind: Kind) -> Column {
    Column { key, zh, en, kind }
}

/// The columns; `file` reads those back that tell a row's parcel, number and recipient.
pub(super) const COLUMNS: [Column; 16] = [
    column("parcel", "包裹号", "parcel", Kind::Text),
    column("order", "订单号", "order", Kind::Text),
    column("carrier", "快递公司", "carrier", Kind::Text),
    column("waybill", "运单号", "waybill", Kind::Text),
    column("recipient", "收件人", "recipient", Kind::Text),
    column("phone", "收件人电话", "phone", Kind::Text),
    column("phone_tail", "电话尾号", "phone tail", Kind::Text),
    column("province", "省", "province", Kind::Text),
    column("city", "市", "city", Kind::Text),
    column("district", "区", "district", Kind::Text),
    column("street", "详细地址", "street", Kind::Text),
    column("address", "收件地址", "full address", Kind::Text),
    column("items", "物品", "items", Kind::Text),
    column("pieces", "件数", "cases", Kind::Int),
    column("grams", "重量(克)", "grams", Kind::Int),
    column("note", "备注", "note", Kind::Text),
];

/// The table, in the order given; formula-like text is made harmless when it is written, see `web::export`.
pub fn table(title: &str, sendings: &[Sending]) -> Table {
    Table {
        title: title.to_owned(),
        columns: COLUMNS.to_vec(),
        rows: sendings.iter().map(row).collect(),
    }
}

fn row(sending: &Sending) -> Vec<Cell> {
    let parcel = &sending.parcel;
    let texts = [
        parcel.code.clone(),
        parcel.orders.join("、"),
        sending.carrier_name.clone(),
        parcel.waybill.clone().unwrap_or_default(),
        parcel.name.clone(),
        parcel.phone.clone(),
        phone_tail(&parcel.phone),
        parcel.province.clone(),
        sending.city.clone(),
        sending.district.clone(),
        sending.street.clone(),
        [
            &parcel.province,
            &sending.city,
            &sending.district,
            &sending.street,
        ]
        .map(String::as_str)
        .concat(),
        sending.items.clone(),
    ];
    let text = |text: String| {
        if text.is_empty() {
            Cell::Empty
        } else {
            Cell::Text(text)
        }
    };
    let numbers = [Cell::Number(sending.pieces), Cell::Number(sending.grams)];
    texts
        .into_iter()
        .map(text)
        .chain(numbers)
        .chain([text(sending.note.clone())])
        .collect()
}

/// The last four digits of the number itself, without an extension.
fn phone_tail(phone: &str) -> String {
    let main = match phone.split_once('-') {
        Some((area, rest)) if area.starts_with('0') => rest.split('-').next().unwrap_or(rest),
        Some((number, _)) => number,
        None => phone,
    };
    main.get(main.len().saturating_sub(4)..)
        .unwrap_or(main)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_of_the_number_itself() {
        for (phone, tail) in [
            ("13800138042", "8042"),
            ("13186844346-3060", "4346"),
            ("0375-7012345-12", "2345"),
            ("4001234567", "4567"),
            ("12", "12"),
            ("", ""),
        ] {
            assert_eq!(phone_tail(phone), tail, "{phone}");
        }
    }
}
