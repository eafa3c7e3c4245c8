//! Packing list and hand-over sheet as workbooks: text is text (an order number keeps its digits, nothing runs as a
//! formula), counts and grams are whole numbers, days are days, heads are repeated on every printed page.

use chrono::{Datelike, NaiveDate};
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::handover::loads;
use super::packing::{Goods, PackingList, Row};
use super::{PaperError, Sheet, Sum};

/// A cell holds 32,767 characters; nobody reads a tenth of it.
const MAX_CHARS: usize = 2_000;

/// Excel's number for A4 paper.
const A4: u8 = 9;

enum Cell {
    Text(String),
    Number(i64),
    Day(Option<NaiveDate>),
}

/// A heading, and its column's width in characters of the default font.
type Head = (&'static str, u32);

const PACKING: &[Head] = &[
    ("快递 Carrier", 12),
    ("产品 Product", 26),
    ("批次 Lot", 14),
    ("保质期至 Best before", 14),
    ("箱码 Parcel", 16),
    ("订单 Orders", 22),
    ("分箱 Part", 9),
    ("收件人 Recipient", 12),
    ("电话 Phone", 15),
    ("省 Province", 12),
    ("市 City", 12),
    ("区县 District", 12),
    ("街道 Street", 36),
    ("库位 Where", 10),
    ("备注 Note", 24),
    ("箱数 Cases", 9),
    ("重量克 Grams", 12),
];

const SUMS: &[Head] = &[
    ("快递 Carrier", 16),
    ("产品 Product", 30),
    ("批次 Lot", 16),
    ("保质期至 Best before", 16),
    ("箱数 Cases", 10),
    ("重量克 Grams", 14),
];

const HANDOVER: &[Head] = &[
    ("快递 Carrier", 16),
    ("序号 No.", 8),
    ("箱码 Parcel", 18),
    ("运单号 Waybill", 22),
    ("收件人 Recipient", 14),
    ("省 Province", 14),
    ("市 City", 14),
    ("箱数 Cases", 10),
    ("重量克 Grams", 14),
];

/// The packing list: sheet 装箱单 with a row per line of a parcel, sheet 合计 with the sums per carrier, product and lot.
///
/// # Errors
/// The sheet is out of bounds, its sums differ, or writing failed.
pub fn packing_list(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    let list = PackingList::new(sheet)?;
    let (mut rows, mut sums) = (vec![], vec![]);
    for part in &list.carriers {
        for group in &part.groups {
            rows.extend(
                group
                    .rows
                    .iter()
                    .map(|row| packing_row(part.carrier, group.goods, row)),
            );
            sums.push(with_sum(goods_cells(part.carrier, group.goods), group.sum));
        }
    }
    let mut book = book("装箱单 Packing list", sheet)?;
    table(&mut book, sheet, ("装箱单", PACKING), &rows, list.sum)?;
    table(&mut book, sheet, ("合计", SUMS), &sums, list.sum)?;
    Ok(book.save_to_buffer()?)
}

/// The hand-over sheet: all carriers' parcels, by carrier and code.
///
/// # Errors
/// The sheet is out of bounds, its sums differ, or writing failed.
pub fn hand_over(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    let loads = loads(sheet)?;
    let mut rows = vec![];
    for load in &loads {
        for (number, parcel) in (1..).zip(&load.parcels) {
            let cells = vec![
                text(load.carrier),
                Cell::Number(number),
                text(&parcel.code),
                text(parcel.waybill.as_deref().unwrap_or_default()),
                text(&parcel.name()),
                text(&parcel.province),
                text(&parcel.city),
            ];
            rows.push(with_sum(cells, parcel.sum()));
        }
    }
    let mut book = book("交接单 Hand-over sheet", sheet)?;
    let sum = loads.iter().map(|load| load.sum).collect();
    table(&mut book, sheet, ("交接单", HANDOVER), &rows, sum)?;
    Ok(book.save_to_buffer()?)
}

fn text(text: &str) -> Cell {
    Cell::Text(text.chars().take(MAX_CHARS).collect())
}

fn with_sum(mut cells: Vec<Cell>, sum: Sum) -> Vec<Cell> {
    cells.extend([Cell::Number(sum.cases), Cell::Number(sum.grams)]);
    cells
}

fn goods_cells(carrier: &str, goods: Goods) -> Vec<Cell> {
    let best_before = Cell::Day(goods.best_before);
    vec![text(carrier), text(goods.product), text(goods.lot), best_before]
}

fn packing_row(carrier: &str, goods: Goods, row: &Row) -> Vec<Cell> {
    let parcel = row.parcel;
    let mut cells = goods_cells(carrier, goods);
    cells.extend([
        text(&parcel.code),
        text(&parcel.orders.join("、")),
        text(&parcel.part_of().unwrap_or_default()),
        text(&parcel.name()),
        text(&parcel.phone()),
        text(&parcel.province),
        text(&parcel.city),
        text(&parcel.district),
        text(&parcel.street),
        text(&row.line.place),
        text(&parcel.note),
    ]);
    with_sum(cells, row.line.sum())
}

fn book(title: &str, sheet: &Sheet) -> Result<Workbook, XlsxError> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(sheet.made_at_ms.div_euclid(1000))?;
    let title = format!("{title} {} {}", sheet.batch, sheet.ship_on);
    book.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&made));
    Ok(book)
}

/// A sheet with bold heads, the rows, and the sum under the last two columns.
fn table(
    book: &mut Workbook,
    sheet: &Sheet,
    (name, heads): (&str, &[Head]),
    rows: &[Vec<Cell>],
    sum: Sum,
) -> Result<(), XlsxError> {
    let page = book.add_worksheet();
    set_up(page, sheet, name)?;
    let bold = Format::new().set_bold().set_align(FormatAlign::Left);
    let bold = bold.set_border_bottom(FormatBorder::Medium).set_text_wrap();
    for (column, (head, wide)) in (0u16..).zip(heads) {
        page.set_column_width(column, *wide)?;
        page.write_string_with_format(0, column, *head, &bold)?;
    }
    let plain = Format::new();
    for (line, row) in (1u32..).zip(rows) {
        for (column, cell) in (0u16..).zip(row) {
            write(page, (line, column), cell, &plain)?;
        }
    }
    let last = rows.len() as u32 + 1;
    let strong = Format::new().set_bold().set_border_top(FormatBorder::Medium);
    let sums_at = heads.len() as u16 - 2;
    write(page, (last, 0), &text("合计 Total"), &strong)?;
    for column in 1..sums_at {
        page.write_blank(last, column, &strong)?;
    }
    write(page, (last, sums_at), &Cell::Number(sum.cases), &strong)?;
    write(page, (last, sums_at + 1), &Cell::Number(sum.grams), &strong)?;
    Ok(())
}

/// A4 across, one page wide, heads on every page, batch and page number in the margins.
fn set_up(page: &mut Worksheet, sheet: &Sheet, name: &str) -> Result<(), XlsxError> {
    page.set_name(name)?;
    page.set_freeze_panes(1, 0)?;
    page.set_repeat_rows(0, 0)?;
    page.set_paper_size(A4)
        .set_landscape()
        .set_print_fit_to_pages(1, 0);
    // `&` begins a code in a header, and a header holds 255 characters.
    let plain: String = sheet.batch.chars().filter(|c| *c != '&').take(40).collect();
    page.set_header(format!("&L{name}&R{plain}  {}", sheet.ship_on));
    page.set_footer("&R&P / &N");
    Ok(())
}

fn write(page: &mut Worksheet, at: (u32, u16), cell: &Cell, format: &Format) -> Result<(), XlsxError> {
    let (row, column) = at;
    match cell {
        Cell::Text(text) => page.write_string_with_format(row, column, text, format)?,
        // Sums stay far below 2^53, so that the cast loses nothing.
        Cell::Number(number) => page.write_number_with_format(row, column, *number as f64, format)?,
        Cell::Day(day) => match day.and_then(excel_day) {
            Some(day) => {
                let format = format.clone().set_num_format("yyyy-mm-dd");
                page.write_datetime_with_format(row, column, &day, &format)?
            }
            None => page.write_blank(row, column, format)?,
        },
    };
    Ok(())
}

/// A spreadsheet knows days from 1900 on.
fn excel_day(day: NaiveDate) -> Option<ExcelDateTime> {
    let (month, of_month) = (u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?);
    ExcelDateTime::from_ymd(u16::try_from(day.year()).ok()?, month, of_month).ok()
}
