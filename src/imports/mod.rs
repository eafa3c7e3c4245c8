//! Orders of other shops brought in from their order files. `orders::import` reads a file; here its orders become ours:
//! paid on the platform, stock reserved, found again by the shop's number, so that the same file may come any number
//! of times.

pub mod api;
mod apply;
mod draft;
mod run;
mod step;
mod store;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use run::run_file;
pub use store::ImportRow;

use crate::orders::import::{FileOrder, OrderFile, RowProblem};
use crate::web::edge::Lang;

/// Notes and orders that a report lists, of each kind; what is beyond is counted only.
pub const MAX_LISTED: usize = 2_000;

/// A sentence in both languages, as it is kept in a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

impl Words {
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Words {
            zh: zh.into(),
            en: en.into(),
        }
    }

    fn pick(&self, lang: Lang) -> &str {
        match lang {
            Lang::Zh => &self.zh,
            Lang::En => &self.en,
        }
    }
}

/// Something about one row of the file. Rows are numbered as a spreadsheet shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub row: usize,
    /// as the generic file names it
    pub field: String,
    pub words: Words,
}

impl Note {
    pub fn new(row: usize, field: &str, words: Words) -> Self {
        Note {
            row,
            field: field.to_owned(),
            words,
        }
    }
}

impl From<&RowProblem> for Note {
    fn from(problem: &RowProblem) -> Self {
        Note::new(problem.row, problem.field, Words::new(&problem.zh, &problem.en))
    }
}

/// What became of an order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// it is a new order of ours
    Created,
    /// it was known, and has been cancelled, sent or refunded since
    Updated,
    Unchanged,
    /// not seen before and nothing for us to do: unpaid, cancelled, or sent by somebody else
    Skipped,
    /// somebody has to look at it
    Problem,
}

/// One order of the file and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub external_no: String,
    pub rows: Vec<usize>,
    pub result: Outcome,
    /// our number; none for what was not brought in, and in a dry run
    pub number: Option<String>,
    pub why: Option<Words>,
    /// the problem, or what to check about an order that was brought in
    #[serde(skip)]
    pub notes: Vec<Note>,
}

impl Entry {
    fn of(order: &FileOrder, result: Outcome, number: Option<String>, why: Option<Words>) -> Self {
        Entry {
            external_no: order.external_no.clone(),
            rows: order.rows.clone(),
            result,
            number,
            why,
            notes: Vec::new(),
        }
    }

    fn problem(order: &FileOrder, number: Option<String>, note: Note) -> Self {
        let why = Some(note.words.clone());
        let entry = Entry::of(order, Outcome::Problem, number, why);
        Entry {
            notes: vec![note],
            ..entry
        }
    }
}

/// What an import did, or in a dry run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// none for a dry run, of which nothing is kept
    pub id: Option<Uuid>,
    pub dry_run: bool,
    pub shop: String,
    /// filled rows under the header
    pub rows: usize,
    /// complete orders in the file
    pub orders: usize,
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub skipped: usize,
    /// complete orders with a problem; rows that could not be read are in `problems` only
    pub failed: usize,
    pub problems: Vec<Note>,
    pub warnings: Vec<Note>,
    pub unknown_columns: Vec<String>,
    pub per_order: Vec<Entry>,
    /// notes and orders beyond the limits of the lists
    pub left_out: usize,
}

impl Report {
    fn new(id: Option<Uuid>, file: &OrderFile) -> Self {
        let mut report = Report {
            id,
            dry_run: id.is_none(),
            shop: file.shop.as_str().to_owned(),
            rows: file.rows,
            orders: file.orders.len(),
            created: 0,
            updated: 0,
            unchanged: 0,
            skipped: 0,
            failed: 0,
            problems: Vec::new(),
            warnings: Vec::new(),
            unknown_columns: file.unknown_columns.clone(),
            per_order: Vec::new(),
            left_out: 0,
        };
        for problem in &file.problems {
            keep(&mut report.problems, problem.into(), &mut report.left_out);
        }
        report
    }

    fn add(&mut self, mut entry: Entry) {
        let count = match entry.result {
            Outcome::Created => &mut self.created,
            Outcome::Updated => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Skipped => &mut self.skipped,
            Outcome::Problem => &mut self.failed,
        };
        *count += 1;
        let list = match entry.result {
            Outcome::Problem => &mut self.problems,
            _ => &mut self.warnings,
        };
        for note in std::mem::take(&mut entry.notes) {
            keep(list, note, &mut self.left_out);
        }
        keep(&mut self.per_order, entry, &mut self.left_out);
    }

    /// Problems stand in the order of their rows, whether the reader or the shop found them.
    fn finish(mut self) -> Self {
        self.problems.sort_by_key(|note| note.row);
        self
    }

    /// The report as people read it, in both languages: a line for the whole and one per row that needs a look.
    pub fn lines(&self) -> Vec<String> {
        let (zh, en) = (self.lines_in(Lang::Zh), self.lines_in(Lang::En));
        let both = zh.iter().zip(en);
        both.map(|(zh, en)| format!("{zh} / {en}")).collect()
    }

    fn lines_in(&self, lang: Lang) -> Vec<String> {
        let mut lines = vec![self.summary(lang)];
        let row = |kind: Words, note: &Note| {
            let Note { row, field, words } = note;
            let (kind, words) = (kind.pick(lang), words.pick(lang));
            match lang {
                Lang::Zh => format!("第 {row} 行 {field} {kind}：{words}"),
                Lang::En => format!("row {row} {field} {kind}: {words}"),
            }
        };
        let problem = |note| row(Words::new("有问题", "problem"), note);
        lines.extend(self.problems.iter().map(problem));
        let warning = |note| row(Words::new("请核对", "please check"), note);
        lines.extend(self.warnings.iter().map(warning));
        if !self.unknown_columns.is_empty() {
            let columns = self.unknown_columns.join("、");
            lines.push(
                lang.say("没有用到的列：", "columns that were not read: ")
                    .to_owned()
                    + &columns,
            );
        }
        if self.left_out > 0 {
            lines.push(match lang {
                Lang::Zh => format!("还有 {} 条没有列出。", self.left_out),
                Lang::En => format!("{} more are not listed.", self.left_out),
            });
        }
        lines
    }

    fn summary(&self, lang: Lang) -> String {
        let Report {
            shop,
            rows,
            orders,
            created,
            updated,
            unchanged,
            skipped,
            failed,
            ..
        } = self;
        let trial = if self.dry_run {
            lang.say("（试运行，没有写入）", " (dry run, nothing was written)")
        } else {
            ""
        };
        match lang {
            Lang::Zh => format!(
                "{shop}：{rows} 行，{orders} 个订单，新增 {created}，更新 {updated}，没有变化 {unchanged}，跳过 {skipped}，\
                 有问题 {failed}{trial}"
            ),
            Lang::En => format!(
                "{shop}: {rows} rows, {orders} orders: {created} created, {updated} updated, {unchanged} unchanged, \
                 {skipped} skipped, {failed} with a problem{trial}"
            ),
        }
    }
}

fn keep<T>(list: &mut Vec<T>, item: T, left_out: &mut usize) {
    if list.len() < MAX_LISTED {
        list.push(item);
    } else {
        *left_out += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::import::Shop;

    #[test]
    fn a_report_counts_all_and_lists_some() {
        let file = OrderFile {
            shop: Shop::Generic,
            rows: 3_000,
            unknown_columns: vec!["取消原因".into()],
            orders: Vec::new(),
            problems: vec![RowProblem {
                row: 9,
                field: "phone",
                zh: "空".into(),
                en: "empty".into(),
            }],
        };
        let mut report = Report::new(None, &file);
        for row in 0..MAX_LISTED + 1 {
            report.add(Entry {
                external_no: row.to_string(),
                rows: vec![row],
                result: if row == 2 {
                    Outcome::Problem
                } else {
                    Outcome::Created
                },
                number: None,
                why: None,
                notes: vec![Note::new(row, "order_no", Words::new("变了", "changed"))]
                    [..usize::from(row == 2)]
                    .to_vec(),
            });
        }
        let report = report.finish();
        assert_eq!(
            (report.created, report.failed, report.left_out),
            (MAX_LISTED, 1, 1)
        );
        assert_eq!(report.per_order.len(), MAX_LISTED);
        let lines = report.lines_in(Lang::En);
        assert!(lines[0].ends_with("1 with a problem (dry run, nothing was written)"));
        assert_eq!(
            lines[1..],
            [
                "row 2 order_no problem: changed",
                "row 9 phone problem: empty",
                "columns that were not read: 取消原因",
                "1 more are not listed.",
            ]
        );
        assert_eq!(
            report.lines()[1],
            "第 2 行 order_no 有问题：变了 / row 2 order_no problem: changed"
        );
    }
}
