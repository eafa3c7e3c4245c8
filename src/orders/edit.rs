//! Editing an order that nobody has packed: the lines it would have, and what that does to stock, quotas and money.
//! Pure; `payments/change.rs` reads before it and writes after it.
//!
//! - A line that stays keeps the price at which it was placed; a sku that is new on the order costs what its link asks
//!   now, or its list price when the order has no link. An order of a link is made of that link's offers alone, so that
//!   what an offer has sold stays the sum of its orders.
//! - Quotas and stock bind an edit; a link's window and its limit per order bind buyers only.
//! - Freight is computed anew when cases or the province change, and stays as it was placed otherwise: rules that have
//!   changed since, or a platform's own freight, don't touch an order whose parcel stays the same.
//! - What gets no dearer is changed at once. What gets dearer is proposed, and nothing changes before the buyer agrees.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::draft::{Address, Item};
use super::{Line, Order};
use crate::error::{Result, invalid, text};
use crate::freight;
use crate::money::Fen;

/// A sku, as far as an edit needs to know it.
#[derive(Clone, Debug)]
pub struct Good {
    pub sku_id: Uuid,
    pub sku: String,
    pub title: String,
    /// what a case costs when it is new on the order; `None` when it is not offered
    pub price: Option<Fen>,
    pub grams: i64,
    /// the stock items of one case
    pub parts: Vec<(Uuid, i64)>,
}

/// A line as it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedLine {
    pub line: i64,
    pub sku_id: Uuid,
    pub sku: String,
    pub title: String,
    /// cases
    pub quantity: i64,
    pub price_fen: Fen,
    pub goods_fen: Fen,
}

/// An order's goods and money, before or after an edit, as an `order_change` row keeps them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Shape {
    pub items: Vec<PlannedLine>,
    pub goods_fen: Fen,
    pub freight_fen: Fen,
    pub total_fen: Fen,
    /// which fields the edit changes; who the buyer is and where they live is not kept here
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// what a proposal still has to write; taken away as soon as it is settled
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    pub to: Address,
    pub note: String,
}

/// What an edit asks for; `None` leaves that part as it is.
pub struct Wish {
    pub items: Option<Vec<Item>>,
    pub to: Option<Address>,
    pub note: Option<String>,
}

impl Shape {
    pub fn of(order: &Order, lines: &[Line]) -> Self {
        Shape {
            items: lines
                .iter()
                .map(|line| kept(line, line.ordered, line.goods_fen))
                .collect(),
            goods_fen: order.goods_fen,
            freight_fen: order.freight_fen,
            total_fen: order.total_fen,
            fields: Vec::new(),
            pending: None,
        }
    }

    pub fn cases(&self) -> i64 {
        self.items.iter().map(|item| item.quantity).sum()
    }
}

fn kept(line: &Line, quantity: i64, goods_fen: Fen) -> PlannedLine {
    PlannedLine {
        line: line.line,
        sku_id: line.sku_id,
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity,
        price_fen: line.price_fen,
        goods_fen,
    }
}

/// The order as the wish would have it.
///
/// # Errors
/// 422 for other cases of an order that sends a claim's once more, a sku that is not offered, a province that is not served, a sum that is too large, and for a wish that would
/// change nothing.
pub fn plan(
    order: &Order,
    old: &[Line],
    wish: &Wish,
    goods: &[Good],
    rules: &[freight::Rule],
) -> Result<Shape> {
    let before = Shape::of(order, old);
    if order.is_resend() && wish.items.is_some() {
        let message = text(
            "补发的订单按售后申请的箱数发货；要改，请撤销那个答复再重新答复。",
            "It sends the cases of a claim once more; to change them, take that answer back and answer anew.",
        );
        return Err(invalid("items", message));
    }
    let items = match &wish.items {
        Some(items) => lines(old, items, goods)?,
        None => before.items.clone(),
    };
    let pending = Pending {
        to: wish.to.clone().unwrap_or_else(|| order.address()),
        note: wish.note.clone().unwrap_or_else(|| order.note.clone()),
    };
    let cases_change = !case_deltas(&before.items, &items).is_empty();
    let fields = changed_fields(order, &pending, cases_change);
    if fields.is_empty() {
        let message = text("没有什么要改的。", "Nothing would change.");
        return Err(invalid("items", message));
    }
    let goods_fen = items
        .iter()
        .try_fold(Fen::ZERO, |sum, item| sum.checked_add(item.goods_fen))
        .ok_or_else(too_large)?;
    let freight_fen = if order.is_resend() {
        Fen::ZERO
    } else if cases_change || pending.to.province != order.province {
        freight_of(&items, &pending.to, goods_fen, goods, rules)?
    } else {
        order.freight_fen
    };
    let total_fen = goods_fen
        .checked_add(freight_fen)
        .filter(|sum| sum.is_sane())
        .ok_or_else(too_large)?;
    Ok(Shape {
        items,
        goods_fen,
        freight_fen,
        total_fen,
        fields,
        pending: Some(pending),
    })
}

/// The lines that hold these items. Several lines of one sku are filled in their order.
fn lines(old: &[Line], wanted: &[Item], goods: &[Good]) -> Result<Vec<PlannedLine>> {
    let mut next = old.iter().map(|line| line.line).max().unwrap_or(0);
    let mut planned = Vec::with_capacity(wanted.len());
    for (index, item) in wanted.iter().enumerate() {
        let mut left = item.quantity;
        let mut known = old.iter().filter(|line| line.sku == item.sku).peekable();
        if known.peek().is_none() {
            next += 1;
            planned.push(added(next, index, item, goods)?);
        }
        while let Some(line) = known.next() {
            let cases = if known.peek().is_some() {
                left.min(line.ordered)
            } else {
                left
            };
            left -= cases;
            if cases > 0 {
                let sum = if cases == line.ordered {
                    line.goods_fen
                } else {
                    sum(line.price_fen, cases)?
                };
                planned.push(kept(line, cases, sum));
            }
        }
    }
    planned.sort_by_key(|item| item.line);
    Ok(planned)
}

fn added(line: i64, index: usize, item: &Item, goods: &[Good]) -> Result<PlannedLine> {
    let offered = goods
        .iter()
        .find(|good| good.sku == item.sku)
        .and_then(|good| Some((good, good.price?)));
    let Some((good, price)) = offered else {
        let message = text("这里没有这件商品。", "That is not offered here.");
        return Err(invalid(format!("items[{index}].sku"), message));
    };
    Ok(PlannedLine {
        line,
        sku_id: good.sku_id,
        sku: good.sku.clone(),
        title: good.title.clone(),
        quantity: item.quantity,
        price_fen: price,
        goods_fen: sum(price, item.quantity)?,
    })
}

fn sum(price: Fen, cases: i64) -> Result<Fen> {
    price
        .checked_times(cases)
        .filter(|sum| sum.is_sane())
        .ok_or_else(too_large)
}

fn freight_of(
    items: &[PlannedLine],
    to: &Address,
    sum: Fen,
    goods: &[Good],
    rules: &[freight::Rule],
) -> Result<Fen> {
    let grams = items
        .iter()
        .map(|item| {
            let good = goods.iter().find(|good| good.sku_id == item.sku_id);
            good.map_or(0, |good| good.grams) * item.quantity
        })
        .sum();
    let province = to.region_code.get(..2).unwrap_or_default();
    freight::quote(rules, province, grams, sum).map_err(|_| {
        let message = text(
            format!("暂时不能发往{}。", to.province),
            format!("We do not send to {} at present.", to.province),
        );
        invalid("recipient.province", message)
    })
}

fn too_large() -> crate::error::Error {
    let message = text(
        "这一单太大了，请分开下单。",
        "This order is too large; please split it.",
    );
    invalid("items", message)
}

fn changed_fields(order: &Order, after: &Pending, cases_change: bool) -> Vec<String> {
    let to = &after.to;
    [
        ("items", cases_change),
        ("recipient.name", to.name != order.name),
        ("recipient.phone", to.phone != order.phone),
        ("recipient.province", to.province != order.province),
        ("recipient.city", to.city != order.city),
        ("recipient.district", to.district != order.district),
        ("recipient.street", to.street != order.street),
        ("note", after.note != order.note),
    ]
    .into_iter()
    .filter(|(_, changed)| *changed)
    .map(|(field, _)| field.to_owned())
    .collect()
}

/// Cases more (or, below zero, fewer) per sku, by sku id; skus that stay as they are have no row.
pub fn case_deltas(before: &[PlannedLine], after: &[PlannedLine]) -> Vec<(Uuid, i64)> {
    let mut deltas: BTreeMap<Uuid, i64> = BTreeMap::new();
    for item in after {
        *deltas.entry(item.sku_id).or_default() += item.quantity;
    }
    for item in before {
        *deltas.entry(item.sku_id).or_default() -= item.quantity;
    }
    deltas.into_iter().filter(|(_, cases)| *cases != 0).collect()
}

/// The same per stock item: a gift box counts what it is made of.
pub fn stock_deltas(deltas: &[(Uuid, i64)], goods: &[Good]) -> Vec<(Uuid, i64)> {
    let mut stock: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (sku, cases) in deltas {
        for (part, count) in goods
            .iter()
            .filter(|good| good.sku_id == *sku)
            .flat_map(|good| &good.parts)
        {
            *stock.entry(*part).or_default() += cases * count;
        }
    }
    stock.into_iter().filter(|(_, cases)| *cases != 0).collect()
}

/// How much more than before is paid beyond the total. Money that was given back for another reason is not counted.
pub fn surplus(captured: Fen, before: Fen, after: Fen) -> Fen {
    let beyond = |total: Fen| (captured.0 - total.0).max(0);
    Fen((beyond(after) - beyond(before)).max(0))
}

#[cfg(test)]
mod tests;
