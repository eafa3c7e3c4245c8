//! Sending a claim's cases once more. That is an order of its own, which costs nothing: stock, the promise, plans, parcels
//! and the van know orders, so all of them work for it as for any other, and the first order keeps its facts.

use std::collections::HashMap;

use uuid::Uuid;

use super::store;
use crate::db::Tx;
use crate::error::Result;
use crate::fulfillment::store::backlog;
use crate::money::Method;
use crate::orders::promised::Unpromised;
use crate::orders::store::promised;
use crate::orders::store::write::{self, NewLine, NewOrder};
use crate::orders::{Hold, Order, RESEND, Source, number};
use crate::villages::auth::By;
use crate::{outbox, stock};

/// Places the order that sends a claim's cases once more; reserved and promised like any other.
///
/// # Errors
/// 409 `sold-out` when there is not enough left.
pub async fn resend(tx: &mut Tx, by: &By, order: &Order, claim: Uuid) -> Result<Uuid> {
    let (village, id) = (order.village_id, by.new_id());
    let claimed = store::claimed(tx, village, claim).await?;
    // stock before the day's counter, as the intake locks them
    let parts = backlog::parts(tx, village).await?;
    stock::store::reserve(tx, village, &items(&claimed, &parts)).await?;
    let last = write::take_numbers(tx, village, by.at, 1).await?;
    let number = number(by.at, last);
    let note = format!("补发 {}", order.number);
    let cases: i64 = claimed.iter().map(|line| line.cases).sum();
    let row = NewOrder {
        id,
        number: &number,
        link_id: None,
        source: Source::Staff,
        channel: RESEND,
        host: &order.host,
        idem_key: None,
        body_hash: None,
        external_shop: None,
        external_no: None,
        name: &order.name,
        phone: &order.phone,
        province: &order.province,
        city: &order.city,
        district: &order.district,
        street: &order.street,
        region_code: &order.region_code,
        note: &note,
        // nothing is to be paid, so that no courier may ask for money
        method: match order.method {
            Method::Cod => Method::Transfer,
            other => other,
        },
        goods_fen: 0,
        freight_fen: 0,
        captured_fen: 0,
        hold: Hold::Consumed,
        hold_ends_at: None,
        ordered: cases,
        placed_at: by.at.0,
        paid_at: Some(by.at.0),
        updated_at: by.at.0,
        promise: None,
        village,
    };
    let rows = [row];
    write::insert_orders(tx, village, &rows).await?;
    let lines = claimed.iter().zip(1..).map(|(line, place)| NewLine {
        order_id: id,
        line: place,
        sku_id: line.sku_id,
        title: &line.title,
        price_fen: 0,
        goods_fen: 0,
        ordered: line.cases,
    });
    write::insert_lines(tx, village, &lines.collect::<Vec<_>>()).await?;
    let promised = Unpromised {
        id,
        at: by.at,
        province: order.province_code().to_owned(),
        cases,
    };
    promised::give(tx, village, &[promised], by.at).await?;
    let placed = || rows.iter().map(|row| row.event(row.number)).collect();
    outbox::tell(tx, &by.ids, village, by.at, "order.placed", placed).await?;
    Ok(id)
}

/// Cases per stock item: a gift box takes from several.
fn items(claimed: &[store::Claimed], parts: &HashMap<Uuid, Vec<(Uuid, i64)>>) -> Vec<(Uuid, i64)> {
    let of = |line: &store::Claimed| match parts.get(&line.sku_id) {
        Some(parts) => parts
            .iter()
            .map(|(item, count)| (*item, count * line.cases))
            .collect(),
        None => vec![(line.sku_id, line.cases)],
    };
    claimed.iter().flat_map(of).collect()
}
