//! A day's money, ours against the provider's: what only we know of, what only they know of, where amounts differ, each
//! with what to do about it. A day closes when nothing is left unexplained.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::provider::{Moved, Way};
use crate::clock::Timestamp;
use crate::error::{Text, text};
use crate::money::Fen;
use crate::web::edge::Lang;
use crate::web::export::{Cell, Column, Kind, Table};

/// A row of our books: a payment that came, a refund that is done.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Ours {
    /// money out
    pub is_refund: bool,
    /// the provider's name of it
    pub name: Option<String>,
    pub number: String,
    pub amount_fen: Fen,
    pub at: Timestamp,
}

impl Ours {
    fn key(&self) -> (Way, &str) {
        let way = if self.is_refund { Way::Out } else { Way::In };
        (way, self.name.as_deref().unwrap_or_default())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    OursOnly,
    TheirsOnly,
    AmountsDiffer,
}

/// One thing in which our books and the provider's differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    pub finding: Finding,
    pub way: Way,
    /// the order's number, where it is one of ours
    pub order: Option<String>,
    /// the provider's name of the money
    pub name: String,
    pub ours_fen: Option<Fen>,
    pub theirs_fen: Option<Fen>,
    pub at: Timestamp,
    pub next_step: String,
    /// the public name of ours that the provider's line carries
    #[serde(skip)]
    pub token: Option<String>,
}

impl Difference {
    /// What it leaves unexplained.
    pub fn gap(&self) -> Fen {
        let amount = |fen: Option<Fen>| fen.unwrap_or_default().0;
        Fen((amount(self.ours_fen) - amount(self.theirs_fen)).abs())
    }
}

/// What to do about a difference.
fn next_step(finding: Finding, way: Way, is_named: bool) -> Text {
    match (finding, way, is_named) {
        (Finding::OursOnly, Way::In, _) => text(
            "到服务商后台按编号查这笔收款；没有的话，联系服务商，先不要发货。",
            "Look for this payment at the provider by its name; if it isn't there, ask them, and don't ship yet.",
        ),
        (Finding::OursOnly, Way::Out, _) => text(
            "到服务商后台查这笔退款；没有的话，联系买家确认是否收到。",
            "Look for this refund at the provider; if it isn't there, ask the buyer whether it came.",
        ),
        (Finding::TheirsOnly, _, true) => text(
            "运行 `cunji reconcile`，再看一次；还在的话，按订单号人工核对。",
            "Run `cunji reconcile` and look again; if it is still here, check the order by hand.",
        ),
        (Finding::TheirsOnly, Way::In, false) => text(
            "不是本店订单的收款；查是谁付的，退回或补记。",
            "No order of this shop; find out who paid, then give it back or enter it.",
        ),
        (Finding::TheirsOnly, Way::Out, false) => text(
            "在服务商后台直接退的款；请在订单里补记。",
            "A refund made at the provider itself; enter it with its order.",
        ),
        (Finding::AmountsDiffer, ..) => text(
            "以服务商金额为准，核对订单，多退少补。",
            "The provider's amount is what moved; check the order, and settle the difference with the buyer.",
        ),
    }
}

/// Compares what came and went from `from` until before `to`. `ours` also has rows of other days that the provider's
/// lines name, and `theirs` lines of the days before, since news may come late.
pub fn compare(
    ours: &[Ours],
    theirs: &[Moved],
    from: Timestamp,
    to: Timestamp,
    lang: Lang,
) -> Vec<Difference> {
    let of_the_day = |at: Timestamp| from <= at && at < to;
    let known: HashMap<(Way, &str), &Ours> = ours.iter().map(|row| (row.key(), row)).collect();
    let told: HashMap<(Way, &str), &Moved> = theirs
        .iter()
        .map(|line| ((line.way, line.name.as_str()), line))
        .collect();
    let difference = |finding, row: Option<&Ours>, line: Option<&Moved>| {
        let (way, name) = line.map_or_else(
            || row.map_or((Way::In, ""), Ours::key),
            |line| (line.way, &line.name),
        );
        let token = line.and_then(|line| line.token.clone());
        let step = next_step(finding, way, token.is_some());
        Difference {
            finding,
            way,
            order: row.map(|row| row.number.clone()),
            name: name.to_owned(),
            ours_fen: row.map(|row| row.amount_fen),
            theirs_fen: line.and_then(|line| line.amount),
            at: line.map_or_else(|| row.map_or(from, |row| row.at), |line| line.at),
            next_step: lang.pick(&step).to_owned(),
            token,
        }
    };
    let mut found = Vec::new();
    for line in theirs.iter().filter(|line| of_the_day(line.at)) {
        match known.get(&(line.way, line.name.as_str())) {
            None => found.push(difference(Finding::TheirsOnly, None, Some(line))),
            Some(row) if line.amount != Some(row.amount_fen) => {
                found.push(difference(Finding::AmountsDiffer, Some(row), Some(line)));
            }
            Some(_) => {}
        }
    }
    for row in ours
        .iter()
        .filter(|row| of_the_day(row.at) && !told.contains_key(&row.key()))
    {
        found.push(difference(Finding::OursOnly, Some(row), None));
    }
    found
}

/// The differences as a table to print.
pub fn table(rows: &[Difference]) -> Table {
    let word = |value: &str| Cell::Text(value.to_owned());
    let fen = |amount: Option<Fen>| amount.map_or(Cell::Empty, |amount| Cell::Number(amount.0));
    let row = |row: &Difference| {
        vec![
            word(match row.finding {
                Finding::OursOnly => "只有我方",
                Finding::TheirsOnly => "只有对方",
                Finding::AmountsDiffer => "金额不同",
            }),
            word(if row.way == Way::In { "收" } else { "退" }),
            row.order.as_deref().map_or(Cell::Empty, word),
            word(&row.name),
            fen(row.ours_fen),
            fen(row.theirs_fen),
            Cell::Number(row.at.0),
            word(&row.next_step),
        ]
    };
    let column = |key, zh, en, kind| Column { key, zh, en, kind };
    Table {
        title: "对账差异".to_owned(),
        columns: vec![
            column("finding", "差异", "Finding", Kind::Text),
            column("way", "方向", "Way", Kind::Text),
            column("order", "订单", "Order", Kind::Text),
            column("name", "服务商编号", "Provider's name", Kind::Text),
            column("ours_fen", "我方金额", "Ours", Kind::Fen),
            column("theirs_fen", "对方金额", "Theirs", Kind::Fen),
            column("at", "时间", "At", Kind::Instant),
            column("next_step", "下一步", "Next step", Kind::Text),
        ],
        rows: rows.iter().map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(name: &str, is_refund: bool, fen: i64, at: i64) -> Ours {
        Ours {
            is_refund,
            name: Some(name.to_owned()),
            number: format!("240120-{name}"),
            amount_fen: Fen(fen),
            at: Timestamp(at),
        }
    }

    fn theirs(way: Way, name: &str, fen: i64, at: i64) -> Moved {
        Moved {
            way,
            name: name.to_owned(),
            token: None,
            amount: Some(Fen(fen)),
            at: Timestamp(at),
        }
    }

    #[test]
    fn each_difference_is_found_once() {
        let rows = [
            ours("same", false, 100, 15),
            ours("told-late", false, 100, 15),
            ours("paid-before", false, 100, 5),
            ours("other", false, 100, 15),
            ours("mine", false, 70, 15),
            ours("same", true, 40, 16),
            ours("mine", true, 30, 16),
            ours("of-another-day", false, 9, 25),
        ];
        let lines = [
            theirs(Way::In, "same", 100, 14),
            theirs(Way::In, "told-late", 100, 5),
            theirs(Way::In, "paid-before", 100, 12),
            theirs(Way::In, "other", 90, 14),
            theirs(Way::In, "yours", 60, 14),
            theirs(Way::Out, "same", 40, 14),
            theirs(Way::Out, "yours", 20, 14),
            theirs(Way::In, "of-the-day-before", 9, 9),
        ];
        let found = compare(&rows, &lines, Timestamp(10), Timestamp(20), Lang::En);
        let seen: Vec<_> = found
            .iter()
            .map(|it| (it.finding, it.way, it.name.as_str(), it.gap().0))
            .collect();
        assert_eq!(
            seen,
            [
                (Finding::AmountsDiffer, Way::In, "other", 10),
                (Finding::TheirsOnly, Way::In, "yours", 60),
                (Finding::TheirsOnly, Way::Out, "yours", 20),
                (Finding::OursOnly, Way::In, "mine", 70),
                (Finding::OursOnly, Way::Out, "mine", 30),
            ]
        );
        assert!(found.iter().all(|it| !it.next_step.is_empty()));
        let text = String::from_utf8(table(&found).to_csv()).unwrap();
        assert_eq!(text.lines().count(), 6, "{text}");
    }
}
