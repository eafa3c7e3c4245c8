//! The paper of a batch: packing list, pick list, labels, hand-over sheet. Pure: a [`Sheet`] in, a file's bytes out, and
//! the same bytes for the same sheet.
//!
//! The lists are drawn from sums that [`packing::PackingList::check`] has compared with the parcels; paper that doesn't
//! add up isn't printed.

mod draw;
pub mod handover;
pub mod labels;
pub mod packing;
pub mod pick;
mod table;
pub mod xlsx;

use std::ops::AddAssign;

use chrono::NaiveDate;

use crate::phone::{mask_name, mask_phone};

/// The most parcels of one batch on paper; above it a printer is busy for hours and a sheet is of no use.
pub const MAX_PARCELS: usize = 5_000;

/// The most lines of all parcels of a batch together.
pub const MAX_LINES: usize = 20_000;

/// The longest parcel code, in characters: more makes bars and squares too fine for a cheap printer.
pub const MAX_CODE: usize = 40;

/// Bounds that keep every number in its column, and every sum of a batch far from overflow.
const MAX_QUANTITY: i64 = 10_000;
const MAX_CASE_GRAMS: i64 = 200_000;

/// One batch, as it is printed.
#[derive(Clone, Debug)]
pub struct Sheet {
    pub village: String,
    /// the batch's number, for people
    pub batch: String,
    pub ship_on: NaiveDate,
    /// When the paper is made, in epoch milliseconds: the document's date.
    pub made_at_ms: i64,
    /// in the order of the plan
    pub parcels: Vec<Parcel>,
}

/// One box group to one address.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// the carrier's name, for people
    pub carrier: String,
    /// Printed large, as QR and as bars: what is scanned when packing.
    pub code: String,
    /// the carrier's number, once there is one
    pub waybill: Option<String>,
    /// numbers of the orders in it
    pub orders: Vec<String>,
    /// which parcel of how many its orders have, from 1: `(1, 2)`
    pub part: (u32, u32),
    /// Masked, like 张*三; a name without `*` is masked here before it is printed.
    pub masked_name: String,
    /// Masked, like 138****1234; a number without `*` is masked here before it is printed.
    pub masked_phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
    /// what the packers must know; may be empty
    pub note: String,
    pub lines: Vec<Line>,
}

/// Cases of one product and lot in a parcel.
#[derive(Clone, Debug)]
pub struct Line {
    /// title and spec, like 纯红薯粉条 2.5kg/箱
    pub product: String,
    /// the lot's code
    pub lot: String,
    pub best_before: Option<NaiveDate>,
    /// where the lot lies; may be empty
    pub place: String,
    /// cases
    pub quantity: i64,
    /// gross weight of one case, in grams
    pub case_grams: i64,
}

/// Cases and their gross weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum {
    pub cases: i64,
    pub grams: i64,
}

/// Why there is no paper.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error(
        "parcels: 一批最多打印 {MAX_PARCELS} 个包裹（{MAX_LINES} 行），请分批 / at most {MAX_PARCELS} parcels with {MAX_LINES} lines fit on the paper of a batch, split it"
    )]
    TooMuch,
    #[error("{0}")]
    Number(String),
    #[error(
        "parcels[{at}].code: 箱码应为 1 至 {MAX_CODE} 个字符 / a parcel's code has 1 to {MAX_CODE} characters"
    )]
    Code { at: usize },
    #[error(
        "paper: 合计与包裹不符（{0}），未打印 / the sums differ from the parcels, nothing was printed: {0}"
    )]
    Unequal(String),
    #[error("paper: 生成失败 / drawing failed: {0}")]
    Pdf(String),
    #[error("paper: 表格生成失败 / writing the workbook failed: {0}")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.cases += other.cases;
        self.grams += other.grams;
    }
}

impl FromIterator<Sum> for Sum {
    fn from_iter<I: IntoIterator<Item = Sum>>(sums: I) -> Self {
        sums.into_iter().fold(Self::default(), |mut total, sum| {
            total += sum;
            total
        })
    }
}

impl Line {
    pub fn sum(&self) -> Sum {
        Sum {
            cases: self.quantity,
            grams: self.quantity * self.case_grams,
        }
    }
}

impl Parcel {
    pub fn sum(&self) -> Sum {
        self.lines.iter().map(Line::sum).collect()
    }

    fn name(&self) -> String {
        masked(&self.masked_name, mask_name)
    }

    fn phone(&self) -> String {
        masked(&self.masked_phone, mask_phone)
    }

    fn address(&self) -> String {
        [&self.destination(), &*self.district, &self.street].join(" ")
    }

    /// Where it goes, short: 广东省 深圳市, but not 上海市 上海市.
    fn destination(&self) -> String {
        if self.province == self.city {
            self.city.clone()
        } else {
            format!("{} {}", self.province, self.city)
        }
    }

    /// `1/2` when its orders have several parcels.
    fn part_of(&self) -> Option<String> {
        let (number, count) = self.part;
        (count > 1).then(|| format!("{number}/{count}"))
    }
}

impl Sheet {
    /// Refuses what can't be printed, so that everything after it is bounded.
    fn check(&self) -> Result<(), PaperError> {
        let lines: usize = self.parcels.iter().map(|parcel| parcel.lines.len()).sum();
        if self.parcels.len() > MAX_PARCELS || lines > MAX_LINES {
            return Err(PaperError::TooMuch);
        }
        for (at, parcel) in self.parcels.iter().enumerate() {
            if !(1..=MAX_CODE).contains(&parcel.code.chars().count()) {
                return Err(PaperError::Code { at });
            }
            for (
                line,
                Line {
                    quantity, case_grams, ..
                },
            ) in parcel.lines.iter().enumerate()
            {
                let field = format!("parcels[{at}].lines[{line}]");
                in_range(&field, "quantity", *quantity, MAX_QUANTITY)?;
                in_range(&field, "case_grams", *case_grams, MAX_CASE_GRAMS)?;
            }
        }
        Ok(())
    }
}

fn in_range(line: &str, field: &str, number: i64, most: i64) -> Result<(), PaperError> {
    if (0..=most).contains(&number) {
        return Ok(());
    }
    Err(PaperError::Number(format!(
        "{line}.{field}: 应在 0 至 {most} 之间 / must be between 0 and {most}"
    )))
}

fn masked(text: &str, mask: fn(&str) -> String) -> String {
    if text.contains('*') {
        text.to_owned()
    } else {
        mask(text)
    }
}

/// Grams as kilograms with three decimals: exact, so that a column adds up by hand.
fn kg(grams: i64) -> String {
    format!("{}.{:03}", grams / 1000, grams % 1000)
}

/// Grams as kilograms, without needless zeros.
fn short_kg(grams: i64) -> String {
    let text = kg(grams);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn day(day: Option<NaiveDate>) -> String {
    day.map_or_else(String::new, |day| day.to_string())
}

#[cfg(test)]
mod read_tests;
#[cfg(test)]
mod scan_tests;
#[cfg(test)]
mod tests;
