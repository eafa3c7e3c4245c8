//! Rows to orders: one order may stand on several rows, and all of them must be good and agree.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::row::{BadRow, Common, OrderRow};
use super::values::{damaged, looks_rounded};
use super::{Fault, FileLine, FileOrder, FileStatus, RowProblem, Shop};

const MAX_LINES: usize = 200;

/// Complete orders in the order of their first rows, and the problems by row.
pub(super) fn orders(shop: Shop, rows: Vec<Result<OrderRow, BadRow>>) -> (Vec<FileOrder>, Vec<RowProblem>) {
    let rounded = all_rounded(&rows);
    let (mut problems, mut bad_numbers) = (Vec::new(), HashSet::new());
    let mut groups: Vec<Vec<OrderRow>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in rows {
        match row {
            Err(bad) => {
                problems.push(bad.problem);
                bad_numbers.extend(bad.order_no);
            }
            Ok(row) if rounded && looks_rounded(&row.order_no) == Some(true) => {
                problems.push(damaged(&row.order_no).at(row.number, "order_no"));
            }
            Ok(row) => {
                let place = *places.entry(row.external_no.clone()).or_insert(groups.len());
                match groups.get_mut(place) {
                    Some(group) => group.push(row),
                    None => groups.push(vec![row]),
                }
            }
        }
    }
    let mut orders = Vec::new();
    for group in groups {
        if group.iter().any(|row| bad_numbers.contains(&row.order_no)) {
            continue;
        }
        match order(shop, group) {
            Ok(order) => orders.push(order),
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort_by_key(|problem| problem.row);
    (orders, problems)
}

/// A spreadsheet that saves ids as figures leaves every long one ending in zeros, and different orders become one.
fn all_rounded(rows: &[Result<OrderRow, BadRow>]) -> bool {
    let mut long = rows
        .iter()
        .flatten()
        .filter_map(|row| looks_rounded(&row.order_no))
        .peekable();
    long.peek().is_some() && long.all(|rounded| rounded)
}

fn order(shop: Shop, rows: Vec<OrderRow>) -> Result<FileOrder, RowProblem> {
    check_agreement(&rows)?;
    let freight_fen = freight(&rows)?;
    let numbers: Vec<usize> = rows.iter().map(|row| row.number).collect();
    let note = distinct(rows.iter().flat_map(|row| row.notes.iter()), ";");
    let carrier = distinct(rows.iter().map(|row| &row.carrier), ",");
    let waybill = distinct(rows.iter().map(|row| &row.waybill), ",");
    let row_refunds: i64 = rows.iter().map(|row| row.refunded_fen).sum();
    let mut rows = rows.into_iter();
    let first = rows.next().expect("a group is made of its first row");
    let common = first.common;
    let mut lines: Vec<FileLine> = first
        .lines
        .into_iter()
        .chain(rows.flat_map(|row| row.lines))
        .collect();
    finish_lines(&mut lines, first.has_line_no, common.paid_fen, freight_fen)
        .map_err(|fault| fault.at(first.number, "order_no"))?;
    let (status, refunded_fen) = settle(&common, &lines, freight_fen, row_refunds)
        .map_err(|fault| fault.at(first.number, "refunded_yuan"))?;
    let mut order = FileOrder {
        external_no: first.external_no,
        rows: numbers,
        lines,
        status,
        freight_fen,
        refunded_fen,
        paid_fen: common.paid_fen,
        recipient: common.recipient,
        paid_at_ms: common.paid_at_ms,
        placed_at_ms: common.placed_at_ms,
        buyer: common.buyer,
        note,
        carrier,
        waybill,
        host: common.host,
        content_hash: String::new(),
    };
    order.content_hash = content_hash(shop, &order, first.has_line_no);
    Ok(order)
}

/// Numbers the lines where the shop does not, and prices a single one by the order's total: for several sorts of
/// goods the total says nothing.
fn finish_lines(
    lines: &mut [FileLine],
    numbered: bool,
    paid_fen: Option<i64>,
    freight_fen: i64,
) -> Result<(), Fault> {
    if lines.len() > MAX_LINES {
        return Err(Fault::new(
            format!("一个订单超过 {MAX_LINES} 行商品"),
            format!("an order of more than {MAX_LINES} lines"),
        ));
    }
    if !numbered {
        for (place, line) in lines.iter_mut().enumerate() {
            line.line_no = (place + 1).to_string();
        }
    }
    if let [line] = lines {
        let total = paid_fen
            .map(|paid| paid - freight_fen)
            .filter(|goods| *goods >= 0);
        line.goods_fen = line.goods_fen.or(total);
    }
    Ok(())
}

/// The order's status and the fen given back. A refund of the whole order makes it refunded.
fn settle(
    common: &Common,
    lines: &[FileLine],
    freight_fen: i64,
    row_refunds: i64,
) -> Result<(FileStatus, i64), Fault> {
    let goods_fen = lines.iter().map(|line| line.goods_fen).sum::<Option<i64>>();
    let refunded_fen = row_refunds + common.order_refunded_fen;
    let most = goods_fen.map(|goods| goods + freight_fen).max(common.paid_fen);
    if most.is_some_and(|most| refunded_fen > most) {
        return Err(Fault::new(
            "退款金额大于订单金额",
            "more is refunded than the order is worth",
        ));
    }
    let paid = common.paid_fen.or(goods_fen);
    let whole = common.order_refunded_fen > 0 && paid.is_some_and(|paid| refunded_fen >= paid);
    let refunded = whole && common.status != FileStatus::Cancelled;
    Ok((
        if refunded {
            FileStatus::Refunded
        } else {
            common.status
        },
        refunded_fen,
    ))
}

fn check_agreement(rows: &[OrderRow]) -> Result<(), RowProblem> {
    let mut seen = HashMap::new();
    for row in rows {
        for line in row.lines.iter().filter(|_| row.has_line_no) {
            if let Some(before) = seen.insert(line.line_no.as_str(), row.number) {
                let fault = Fault::new(
                    format!("子订单编号与第 {before} 行相同"),
                    format!("the line number repeats that of row {before}"),
                );
                return Err(fault.at(row.number, "line_no"));
            }
        }
    }
    let Some((first, others)) = rows.split_first() else {
        return Ok(());
    };
    for row in others {
        let (a, b) = (&first.common, &row.common);
        let differing = [
            ("status", a.status != b.status),
            ("recipient", a.recipient != b.recipient),
            ("paid_yuan", b.paid_fen.is_some() && a.paid_fen != b.paid_fen),
            ("refunded_yuan", a.order_refunded_fen != b.order_refunded_fen),
            ("paid_at", a.paid_at_ms != b.paid_at_ms),
            ("placed_at", a.placed_at_ms != b.placed_at_ms),
            ("buyer", a.buyer != b.buyer),
            ("host", a.host != b.host),
        ];
        if let Some((field, _)) = differing.into_iter().find(|(_, differs)| *differs) {
            let fault = Fault::new(
                format!(
                    "同一订单的第 {} 行和第 {} 行的 {field} 不一致,请在店铺后台核对后手工录入",
                    first.number, row.number
                ),
                format!(
                    "rows {} and {} of one order disagree on {field}: check it in the shop and enter it by hand",
                    first.number, row.number
                ),
            );
            return Err(fault.at(row.number, field));
        }
    }
    Ok(())
}

/// Freight is paid once per order; files write it on every row or on the first one only.
fn freight(rows: &[OrderRow]) -> Result<i64, RowProblem> {
    let mut charged = rows.iter().filter(|row| row.freight_fen > 0);
    let Some(first) = charged.next() else {
        return Ok(0);
    };
    match charged.find(|row| row.freight_fen != first.freight_fen) {
        Some(other) => Err(Fault::new(
            "同一订单的运费不一致",
            "rows of one order state different freight",
        )
        .at(other.number, "freight_yuan")),
        None => Ok(first.freight_fen),
    }
}

fn distinct<'a>(texts: impl Iterator<Item = &'a String>, separator: &str) -> String {
    let mut found: Vec<&str> = Vec::new();
    for text in texts {
        if !text.is_empty() && !found.contains(&text.as_str()) {
            found.push(text);
        }
    }
    found.join(separator)
}

/// Each part goes in with its length before it, so that no two different orders give the same bytes.
fn content_hash(shop: Shop, order: &FileOrder, has_line_no: bool) -> String {
    let to = &order.recipient;
    let mut lines: Vec<[String; 6]> = order
        .lines
        .iter()
        .map(|line| {
            [
                if has_line_no {
                    line.line_no.clone()
                } else {
                    String::new()
                },
                line.sku_code.clone(),
                line.product.clone(),
                line.spec.clone(),
                line.quantity.to_string(),
                line.goods_fen.map_or_else(String::new, |fen| fen.to_string()),
            ]
        })
        .collect();
    lines.sort();
    let mut hash = Sha256::new();
    let mut put = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    };
    put(shop.as_str());
    put(&order.external_no);
    for part in [
        &to.name,
        &to.phone,
        &to.province,
        &to.city,
        &to.district,
        &to.street,
    ] {
        put(part);
    }
    lines.iter().flatten().for_each(|part| put(part));
    hex::encode(hash.finalize())
}
