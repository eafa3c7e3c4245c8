//! An order of a file as one of ours: which skus, at what price, to whom. Pure.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Note, Words};
use crate::address::{self, AddressError, paste};
use crate::clock::Timestamp;
use crate::money::{Fen, MAX_FEN};
use crate::orders::draft::Address;
use crate::orders::import::{FileLine, FileOrder, FileRecipient, Shop};
use crate::phone::Phone;
use crate::web::input::clean_line;

/// Below this certainty a pasted address is one to check.
const SURE: f64 = 0.8;

/// A sku as an import needs it.
#[derive(Clone, Debug)]
pub struct Sku {
    pub id: Uuid,
    pub code: String,
    pub product: String,
    pub title: String,
    pub spec: String,
    pub price: Fen,
    /// the stock items that one case takes; a gift box takes what it is made of, other skus themselves
    pub takes: Vec<(Uuid, i64)>,
}

/// The skus of a village, found by code or by what files call them.
pub struct Catalog {
    skus: Vec<Sku>,
    by_code: HashMap<String, usize>,
    /// none where several skus have the name
    by_name: HashMap<(String, String), Option<usize>>,
}

impl Catalog {
    pub fn new(skus: Vec<Sku>) -> Self {
        let by_code = skus.iter().zip(0..).map(|(sku, at)| (sku.code.clone(), at));
        let by_code = by_code.collect();
        let mut by_name: HashMap<(String, String), Option<usize>> = HashMap::new();
        for (at, sku) in skus.iter().enumerate() {
            let mut titles = vec![&sku.title, &sku.product];
            titles.dedup();
            for title in titles {
                let name = (title.trim().to_owned(), sku.spec.trim().to_owned());
                by_name
                    .entry(name)
                    .and_modify(|known| *known = None)
                    .or_insert(Some(at));
            }
        }
        Catalog {
            skus,
            by_code,
            by_name,
        }
    }

    /// The code of a stock item, for messages.
    pub fn code(&self, id: Uuid) -> &str {
        self.skus
            .iter()
            .find(|sku| sku.id == id)
            .map_or("?", |sku| &sku.code)
    }

    /// The sku that a line of a file means.
    fn find(&self, line: &FileLine) -> Result<&Sku, Note> {
        if !line.sku_code.is_empty() {
            return self
                .by_code
                .get(&line.sku_code)
                .map(|at| &self.skus[*at])
                .ok_or_else(|| {
                    let code = cut(&line.sku_code, 60);
                    let words = Words::new(
                        format!("本村没有编码为 {code} 的规格，请先建好规格，或在店铺里改正商家编码"),
                        format!("the village has no sku {code}: add it, or correct the code in the shop"),
                    );
                    Note::new(line.row, "sku_code", words)
                });
        }
        let (product, spec) = (line.product.trim(), line.spec.trim());
        let named = self.by_name.get(&(product.to_owned(), spec.to_owned()));
        let (product, spec) = (cut(product, 60), cut(spec, 60));
        match named {
            Some(Some(at)) => Ok(&self.skus[*at]),
            Some(None) => {
                let words = Words::new(
                    format!("“{product} {spec}”对应几个规格，请在店铺里填好商家编码"),
                    format!("several skus are called {product} {spec}: fill in the sku code in the shop"),
                );
                Err(Note::new(line.row, "product", words))
            }
            None => {
                let words = Words::new(
                    format!("没有名称和规格正好是“{product} {spec}”的商品，请在店铺里填好商家编码"),
                    format!("no sku is called exactly {product} {spec}: fill in the sku code in the shop"),
                );
                Err(Note::new(line.row, "product", words))
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct DraftLine {
    pub sku_id: Uuid,
    pub title: String,
    pub price: Fen,
    pub goods: Fen,
    pub cases: i64,
}

/// An order ready to be written. Holds a recipient, so it can't be printed.
#[derive(Clone)]
pub struct Draft {
    pub lines: Vec<DraftLine>,
    /// cases per stock item, each item once
    pub takes: Vec<(Uuid, i64)>,
    pub cases: i64,
    pub goods: Fen,
    pub freight: Fen,
    pub refunded: Fen,
    pub to: Address,
    pub note: String,
    pub host: String,
    pub channel: &'static str,
    pub placed_at: Timestamp,
    pub paid_at: Timestamp,
    /// what to check, though it does not stand in the way
    pub warnings: Vec<Note>,
}

/// Makes an order of ours of a paid order of a file.
///
/// # Errors
/// What is wrong with it, by row.
pub fn draft(order: &FileOrder, shop: Shop, catalog: &Catalog, now: Timestamp) -> Result<Draft, Note> {
    let row = order.rows.first().copied().unwrap_or(0);
    let mut lines = Vec::with_capacity(order.lines.len());
    let mut takes: Vec<(Uuid, i64)> = Vec::new();
    for line in &order.lines {
        let sku = catalog.find(line)?;
        lines.push(priced(line, sku).ok_or_else(|| too_much(line.row))?);
        for (item, per_case) in &sku.takes {
            let cases = line.quantity * per_case;
            match takes.iter_mut().find(|(known, _)| known == item) {
                Some((_, sum)) => *sum += cases,
                None => takes.push((*item, cases)),
            }
        }
    }
    let goods = lines
        .iter()
        .try_fold(Fen::ZERO, |sum, line| sum.checked_add(line.goods));
    let (goods, freight) = (goods.ok_or_else(|| too_much(row))?, Fen(order.freight_fen));
    let total = goods.checked_add(freight).filter(|total| total.is_sane());
    let total = total.ok_or_else(|| too_much(row))?;
    let refunded = Fen(order.refunded_fen);
    if refunded > total {
        let words = Words::new(
            format!("退款 {refunded} 元，比订单金额 {total} 元还多"),
            format!("{refunded} yuan are refunded of an order of {total} yuan"),
        );
        return Err(Note::new(row, "refunded_yuan", words));
    }
    let mut warnings = Vec::new();
    warn_of_money(order, row, total, &mut warnings);
    let to = recipient(&order.recipient, row, &mut warnings);
    let at = |ms: Option<i64>| ms.map(|ms| Timestamp(ms).min(now));
    let placed_at = at(order.placed_at_ms).or(at(order.paid_at_ms)).unwrap_or(now);
    let live = matches!(shop, Shop::Doudian | Shop::Weixin) && !order.host.is_empty();
    Ok(Draft {
        cases: lines.iter().map(|line| line.cases).sum(),
        lines,
        takes,
        goods,
        freight,
        refunded,
        to,
        note: cut(&order.note, 500),
        host: cut(&order.host, 40),
        channel: if live { "livestream" } else { "group" },
        placed_at,
        paid_at: at(order.paid_at_ms).unwrap_or(placed_at),
        warnings,
    })
}

/// The file's amount for the whole line is exact; the price per case follows from it where it divides.
fn priced(line: &FileLine, sku: &Sku) -> Option<DraftLine> {
    let goods = match line.goods_fen {
        Some(goods) => Fen(goods),
        None => sku.price.checked_times(line.quantity)?,
    };
    let divides = goods.0 % line.quantity == 0;
    Some(DraftLine {
        sku_id: sku.id,
        title: sku.title.clone(),
        price: if divides {
            Fen(goods.0 / line.quantity)
        } else {
            sku.price
        },
        goods,
        cases: line.quantity,
    })
}

fn too_much(row: usize) -> Note {
    let most = Fen(MAX_FEN);
    let words = Words::new(
        format!("订单金额超过 {most} 元"),
        format!("the order comes to more than {most} yuan"),
    );
    Note::new(row, "goods_yuan", words)
}

fn warn_of_money(order: &FileOrder, row: usize, total: Fen, warnings: &mut Vec<Note>) {
    if let Some(paid) = order.paid_fen.map(Fen).filter(|paid| *paid != total) {
        let words = Words::new(
            format!("文件里实付 {paid} 元，商品和运费合计 {total} 元；按合计入账"),
            format!(
                "the file says {paid} yuan were paid, goods and freight come to {total}; booked as the latter"
            ),
        );
        warnings.push(Note::new(row, "paid_yuan", words));
    }
    if order.refunded_fen > 0 {
        let refunded = Fen(order.refunded_fen);
        let words = Words::new(
            format!("已部分退款 {refunded} 元，请核对是否每箱都还要发"),
            format!("{refunded} yuan have been refunded: check whether all cases are still to be sent"),
        );
        warnings.push(Note::new(row, "refunded_yuan", words));
    }
}

/// The recipient, as far as it can be understood: what has been sold must not be lost over its address.
fn recipient(file: &FileRecipient, row: usize, warnings: &mut Vec<Note>) -> Address {
    let phone = match Phone::parse(&file.phone) {
        Ok(phone) => phone.as_str().to_owned(),
        Err(error) => {
            let words = Words::new(
                format!("电话要核对：{}", error.zh()),
                format!("phone to check: {}", error.en()),
            );
            warnings.push(Note::new(row, "phone", words));
            cut(&file.phone, 40)
        }
    };
    let whole = [&file.province, &file.city, &file.district]
        .iter()
        .all(|part| part.is_empty());
    let (place, doubt) = if whole { pasted(file) } else { in_columns(file) };
    if let Some(doubt) = doubt {
        let words = Words::new(
            format!("地址要核对：{}", doubt.zh),
            format!("address to check: {}", doubt.en),
        );
        warnings.push(Note::new(row, "street", words));
    }
    Address {
        name: cut(&file.name, 40),
        phone,
        ..place
    }
}

/// An address without a name and phone.
fn place(province: &str, city: &str, district: &str, street: &str, code: &str) -> Address {
    Address {
        name: String::new(),
        phone: String::new(),
        province: cut(province, 40),
        city: cut(city, 40),
        district: cut(district, 40),
        street: cut(street, 200),
        region_code: code.to_owned(),
    }
}

fn in_columns(file: &FileRecipient) -> (Address, Option<Words>) {
    let (province, city, district) = (&file.province, &file.city, &file.district);
    match address::resolve(province, city, district) {
        Ok(region) => (
            place(
                region.province,
                region.city,
                &region.district,
                &file.street,
                region.code,
            ),
            None,
        ),
        Err(AddressError { zh, en, .. }) => (
            place(province, city, district, &file.street, known_code(province, city)),
            Some(Words::new(zh, en)),
        ),
    }
}

/// Name and phone go along, so that the certainty that comes back is about the address.
fn pasted(file: &FileRecipient) -> (Address, Option<Words>) {
    let said = paste::parse(&format!("{} {} {}", file.name, file.phone, file.street));
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let (province, city, code) = (part(&said.province), part(&said.city), part(&said.code));
    if code.is_empty() || said.street.is_none() {
        let known = known_code(&province, &city);
        let doubt = Words::new(
            "没有认出省、市、区和街道",
            "province, city, district and street were not all found",
        );
        // the street keeps the whole text: nothing that was written gets lost
        return (
            place(&province, &city, &part(&said.district), &file.street, known),
            Some(doubt),
        );
    }
    let doubt =
        (said.confidence < SURE).then(|| Words::new("识别得不够确定", "it was not read with certainty"));
    (
        place(
            &province,
            &city,
            &part(&said.district),
            &part(&said.street),
            &code,
        ),
        doubt,
    )
}

/// The code of the smallest area that is known for sure: the city's, the province's, or none.
fn known_code(province: &str, city: &str) -> &'static str {
    let begins = |name: &str, written: &str| {
        let written = written.trim();
        written.chars().count() >= 2 && name.starts_with(written)
    };
    let province = address::provinces().find(|(_, name)| begins(name, province));
    let Some((code, _)) = province else { return "" };
    let city = address::children(code).find(|(_, name)| begins(name, city));
    city.map_or(code, |(code, _)| code)
}

/// One line of at most so many characters.
fn cut(text: &str, most: usize) -> String {
    let clean = clean_line(text);
    match clean.char_indices().nth(most) {
        Some((end, _)) => clean[..end].trim_end().to_owned(),
        None => clean,
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
