//! One table of a report as CSV, XLSX and JSON, from one definition.
//!
//! Money is integer fen until the last step. Moments are shown in China time to people (CSV, XLSX) and as RFC 3339 in
//! UTC to programs (JSON).

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};
use serde_json::{Map, Value};

const CHINA_OFFSET_MS: i64 = 8 * 3_600_000;
/// A spreadsheet's cell holds 32,767 characters.
const MAX_XLSX_CHARS: usize = 32_767;
/// A spreadsheet's numbers are exact up to 15 digits; larger ones go in as text.
const MAX_XLSX_INT: i64 = 999_999_999_999_999;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Int,
    /// Integer fen; the key ends in `_fen`. Shown as yuan in CSV and XLSX.
    Fen,
    /// Epoch milliseconds.
    Instant,
    /// A calendar day as `YYYY-MM-DD` text.
    Day,
}

#[derive(Debug, Clone)]
pub struct Column {
    /// The snake_case key in JSON.
    pub key: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    /// For `Text` and `Day` columns.
    Text(String),
    /// For `Int`, `Fen` and `Instant` columns.
    Number(i64),
}

#[derive(Debug, Clone)]
pub struct Table {
    pub title: String,
    pub columns: Vec<Column>,
    /// Each as long as `columns`; missing cells are empty.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    fn cells<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (&'a Column, &'a Cell)> {
        self.columns
            .iter()
            .zip(row.iter().chain(std::iter::repeat(&Cell::Empty)))
    }

    /// UTF-8 with a byte order mark, so that spreadsheets read the Chinese; CRLF; text that a spreadsheet would run as
    /// a formula gets a leading `'`.
    pub fn to_csv(&self) -> Vec<u8> {
        let mut out = String::from("\u{feff}");
        let mut line = |cells: &mut dyn Iterator<Item = String>| {
            let quoted: Vec<String> = cells.map(|text| quote(&text)).collect();
            out.push_str(&quoted.join(","));
            out.push_str("\r\n");
        };
        line(&mut self.columns.iter().map(heading));
        for row in &self.rows {
            line(&mut self.cells(row).map(|(column, cell)| csv_text(column.kind, cell)));
        }
        out.into_bytes()
    }

    /// An array with one object per row; absent values are null.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let fields = self
                .cells(row)
                .map(|(column, cell)| (column.key.to_owned(), json_value(column.kind, cell)));
            Value::Object(fields.collect::<Map<String, Value>>())
        };
        self.rows.iter().map(object).collect()
    }

    /// A workbook of one sheet: text stays text, money, counts, days and moments are numbers with a format.
    /// `made_at_ms` (epoch milliseconds) is the document's date.
    ///
    /// # Errors
    /// When the table is larger than a sheet (1,048,576 rows, 16,384 columns).
    pub fn to_xlsx(&self, made_at_ms: i64) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let made = ExcelDateTime::from_timestamp(made_at_ms.div_euclid(1000))?;
        book.set_properties(
            &DocProperties::new()
                .set_title(&self.title)
                .set_creation_datetime(&made),
        );
        let sheet = book.add_worksheet();
        sheet.set_name(sheet_name(&self.title))?;
        sheet.set_freeze_panes(1, 0)?;
        let bold = Format::new().set_bold().set_align(FormatAlign::Left);
        for (place, column) in (0u16..).zip(&self.columns) {
            let heading = heading(column);
            sheet.set_column_width(place, width(column.kind, &heading))?;
            sheet.write_string_with_format(0, place, heading, &bold)?;
        }
        let formats = Formats::new();
        for (line, row) in (1u32..).zip(&self.rows) {
            for (place, (column, cell)) in (0u16..).zip(self.cells(row)) {
                write_cell(sheet, (line, place), column.kind, cell, &formats)?;
            }
        }
        book.save_to_buffer()
    }
}

fn heading(column: &Column) -> String {
    format!("{} {}", column.zh, column.en)
}

type Written = Result<(), XlsxError>;

struct Formats {
    int: Format,
    yuan: Format,
    moment: Format,
    day: Format,
}

impl Formats {
    fn new() -> Formats {
        let of = |format: &str| Format::new().set_num_format(format);
        Formats {
            int: of("0"),
            yuan: of("0.00"),
            moment: of("yyyy-mm-dd hh:mm:ss"),
            day: of("yyyy-mm-dd"),
        }
    }
}

fn write_cell(sheet: &mut Worksheet, at: (u32, u16), kind: Kind, cell: &Cell, formats: &Formats) -> Written {
    let (row, column) = at;
    match (kind, cell) {
        (_, Cell::Empty) => {}
        (Kind::Int, Cell::Number(number)) if number.abs_diff(0) <= MAX_XLSX_INT.unsigned_abs() => {
            sheet.write_number_with_format(row, column, *number as f64, &formats.int)?;
        }
        (Kind::Fen, Cell::Number(fen)) if fen.abs_diff(0) <= MAX_XLSX_INT.unsigned_abs() => {
            sheet.write_number_with_format(row, column, yuan_number(*fen), &formats.yuan)?;
        }
        (Kind::Instant | Kind::Day, _) => write_moment(sheet, at, kind, cell, formats)?,
        _ => {
            let text: String = plain_text(kind, cell).chars().take(MAX_XLSX_CHARS).collect();
            sheet.write_string(row, column, text)?;
        }
    }
    Ok(())
}

/// Moments and days that a spreadsheet cannot hold (before 1900, or no day at all) stay text.
fn write_moment(
    sheet: &mut Worksheet,
    at: (u32, u16),
    kind: Kind,
    cell: &Cell,
    formats: &Formats,
) -> Written {
    let (row, column) = at;
    let (moment, format) = match cell {
        Cell::Number(ms) => (
            ExcelDateTime::from_timestamp(china_ms(*ms).div_euclid(1000)).ok(),
            &formats.moment,
        ),
        Cell::Text(day) => (excel_day(day), &formats.day),
        Cell::Empty => return Ok(()),
    };
    match moment {
        Some(moment) => sheet.write_datetime_with_format(row, column, &moment, format)?,
        None => sheet.write_string(row, column, plain_text(kind, cell))?,
    };
    Ok(())
}

fn excel_day(day: &str) -> Option<ExcelDateTime> {
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    let (month, of_month) = (u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?);
    ExcelDateTime::from_ymd(u16::try_from(day.year()).ok()?, month, of_month).ok()
}

/// The one place where money becomes a floating number: a spreadsheet knows no other. The nearest double of up to 15
/// digits shows and reads back as exactly this amount.
#[expect(
    clippy::float_arithmetic,
    reason = "a spreadsheet cell holds a double; exact to the fen up to 15 digits"
)]
fn yuan_number(fen: i64) -> f64 {
    fen as f64 / 100.0
}

fn china_ms(ms: i64) -> i64 {
    ms.saturating_add(CHINA_OFFSET_MS)
}

fn yuan_text(fen: i64) -> String {
    let (sign, fen) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    format!("{sign}{}.{:02}", fen / 100, fen % 100)
}

/// The cell as people read it.
fn plain_text(kind: Kind, cell: &Cell) -> String {
    match (kind, cell) {
        (_, Cell::Empty) => String::new(),
        (_, Cell::Text(text)) => text.clone(),
        (Kind::Fen, Cell::Number(fen)) => yuan_text(*fen),
        (Kind::Instant, Cell::Number(ms)) => DateTime::from_timestamp_millis(china_ms(*ms)).map_or_else(
            || ms.to_string(),
            |moment| moment.format("%Y-%m-%d %H:%M:%S").to_string(),
        ),
        (_, Cell::Number(number)) => number.to_string(),
    }
}

/// As `plain_text`, with text made harmless; numbers keep their minus.
fn csv_text(kind: Kind, cell: &Cell) -> String {
    let plain = plain_text(kind, cell);
    // The last four are the full-width forms, which some spreadsheets take for the same.
    let risky = [
        '=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ];
    if matches!(cell, Cell::Text(_)) && plain.starts_with(risky) {
        format!("'{plain}")
    } else {
        plain
    }
}

fn quote(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn json_value(kind: Kind, cell: &Cell) -> Value {
    match (kind, cell) {
        (_, Cell::Empty) => Value::Null,
        (_, Cell::Text(text)) => text.clone().into(),
        (Kind::Instant, Cell::Number(ms)) => DateTime::from_timestamp_millis(*ms)
            .map_or(Value::Null, |moment| {
                moment.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
            }),
        (_, Cell::Number(number)) => (*number).into(),
    }
}

/// A sheet's name has at most 31 characters and none of `[]:*?/\`, nor a quote at its ends.
fn sheet_name(title: &str) -> String {
    let allowed = title.chars().map(|c| {
        if "[]:*?/\\'".contains(c) || c.is_control() {
            ' '
        } else {
            c
        }
    });
    let name: String = allowed.take(31).collect();
    let name = name.trim();
    if name.is_empty() {
        "Sheet1".to_owned()
    } else {
        name.to_owned()
    }
}

/// In characters of the default font; a Chinese one takes two.
fn width(kind: Kind, heading: &str) -> u32 {
    let heading: u32 = heading.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    let content = match kind {
        Kind::Text => 16,
        Kind::Int => 8,
        Kind::Fen | Kind::Day => 12,
        Kind::Instant => 20,
    };
    heading.max(content).min(60) + 2
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};
    use serde_json::json;

    use super::*;

    fn sample() -> Table {
        let column = |key, zh, en, kind| Column { key, zh, en, kind };
        let (text, n) = (|text: &str| Cell::Text(text.into()), Cell::Number);
        Table {
            title: "销售/日报: 2024".into(),
            columns: vec![
                column("order_no", "订单号", "Order", Kind::Text),
                column("cases", "箱数", "Cases", Kind::Int),
                column("goods_fen", "货款", "Goods", Kind::Fen),
                column("paid_at", "付款时间", "Paid at", Kind::Instant),
                column("ship_on", "发货日", "Ships on", Kind::Day),
            ],
            rows: vec![
                vec![
                    text("6927000000000007919"),
                    n(-3),
                    n(-4_990),
                    n(1_705_058_215_000),
                    text("2024-01-20"),
                ],
                vec![text("=HYPERLINK(\"x\",\"点\")"), n(i64::MAX), n(7)],
                vec![text("@a\n二行"), Cell::Empty, n(i64::MIN), n(i64::MAX), text("-")],
            ],
        }
    }

    #[test]
    fn csv_is_marked_quoted_and_harmless() {
        let csv = String::from_utf8(sample().to_csv()).expect("UTF-8");
        let expected = "\u{feff}订单号 Order,箱数 Cases,货款 Goods,付款时间 Paid at,发货日 Ships on\r\n\
            6927000000000007919,-3,-49.90,2024-01-12 19:16:55,2024-01-20\r\n\
            \"'=HYPERLINK(\"\"x\"\",\"\"点\"\")\",9223372036854775807,0.07,,\r\n\
            \"'@a\n二行\",,-92233720368547758.08,9223372036854775807,'-\r\n";
        assert_eq!(csv, expected);
        for start in ["=1", "+86 138", "-1", "@x", "\tx", "\rx", "\u{ff1d}1"] {
            assert!(
                csv_text(Kind::Text, &Cell::Text(start.into())).starts_with('\''),
                "{start:?}"
            );
        }
        for harmless in ["", "a=1", "张三", "'x"] {
            assert_eq!(csv_text(Kind::Text, &Cell::Text(harmless.into())), harmless);
        }
    }

    #[test]
    fn json_keeps_integers_and_utc() {
        let rows = sample().to_json();
        let expected = json!({
            "order_no": "6927000000000007919", "cases": -3, "goods_fen": -4990,
            "paid_at": "2024-01-12T11:16:55Z", "ship_on": "2024-01-20",
        });
        assert_eq!(rows[0], expected);
        assert_eq!(rows[1]["paid_at"], Value::Null);
        assert_eq!(rows.as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn workbooks_read_back_as_written() {
        let bytes = sample().to_xlsx(1_705_058_215_000).expect("a workbook");
        assert_eq!(
            bytes,
            sample().to_xlsx(1_705_058_215_000).expect("again"),
            "the same table gives the same bytes"
        );
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("readable");
        assert_eq!(book.sheet_names(), ["销售 日报  2024"]);
        let sheet = book.worksheet_range("销售 日报  2024").expect("a sheet");
        let text = |text: &str| Data::String(text.into());
        assert_eq!(sheet.get_value((0, 2)), Some(&text("货款 Goods")));
        assert_eq!(sheet.get_value((1, 0)), Some(&text("6927000000000007919")));
        assert_eq!(sheet.get_value((1, 1)), Some(&Data::Float(-3.0)));
        assert_eq!(sheet.get_value((1, 2)), Some(&Data::Float(-49.9)));
        let moment = |place| match sheet.get_value(place) {
            Some(Data::DateTime(moment)) => moment.to_ymd_hms_milli(),
            other => panic!("{other:?}"),
        };
        assert_eq!(moment((1, 3)), (2024, 1, 12, 19, 16, 55, 0));
        assert_eq!(moment((1, 4)), (2024, 1, 20, 0, 0, 0, 0));
        assert_eq!(
            sheet.get_value((2, 0)),
            Some(&text("=HYPERLINK(\"x\",\"点\")")),
            "text, not a formula"
        );
        assert_eq!(sheet.get_value((2, 1)), Some(&text("9223372036854775807")));
        assert_eq!(sheet.get_value((3, 2)), Some(&text("-92233720368547758.08")));
    }

    #[test]
    fn yuan_numbers_read_back_to_the_fen() {
        let mut fen = 1i64;
        while fen < MAX_XLSX_INT {
            assert_eq!(format!("{:.2}", yuan_number(fen)), yuan_text(fen));
            fen = fen * 3 + 7;
        }
    }

    #[test]
    fn sheet_names_are_always_allowed() {
        for (title, expected) in [
            ("", "Sheet1"),
            ("[]", "Sheet1"),
            ("'库存'", "库存"),
            ("a/b", "a b"),
        ] {
            assert_eq!(sheet_name(title), expected);
        }
        assert_eq!(sheet_name(&"长".repeat(40)).chars().count(), 31);
    }
}
