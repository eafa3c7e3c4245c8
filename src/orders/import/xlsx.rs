//! XLSX workbooks to rows of text cells.
//!
//! A workbook is a ZIP of XML, and a small one can unpack to gigabytes or announce tables of any size. So the archive
//! is measured by really unpacking it, into nothing and within limits, before the workbook reader sees it; what the
//! directory claims is never believed. Cells are then streamed, so that one cell at the far corner costs nothing.

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx};
use zip::ZipArchive;

use super::FileError;
use super::cells::{MAX_CELLS, Row, Sheet, check_place, clean, too_many_cells};

const MIB: u64 = 1024 * 1024;
/// Unpacked bytes of all parts together.
const MAX_UNPACKED: u64 = 100 * MIB;
/// Unpacked bytes per packed byte; exports of orders stay below 40.
const MAX_RATIO: u64 = 250;
const MAX_PARTS: usize = 1_000;
const MAX_SHEETS: usize = 50;
/// The workbook reader keeps these two parts in memory at many times their size.
const MAX_STRINGS: u64 = 32 * MIB;
const MAX_STYLES: u64 = MIB;
/// Integers above this need more than the 15 digits that a spreadsheet keeps.
const MAX_EXACT: f64 = 1e15;

type Pick<'a, T> = &'a dyn Fn(&[Row]) -> Result<T, FileError>;

pub(super) fn read<T>(
    bytes: &[u8],
    pick: impl Fn(&[Row]) -> Result<T, FileError>,
) -> Result<(Sheet, T), FileError> {
    measure(bytes)?;
    // The workbook reader computes cell places without checks; a hostile file may make it panic in builds that check
    // arithmetic. Nothing outlives the call, so a panic is an unreadable file and no more.
    catch_unwind(AssertUnwindSafe(|| first_accepted(bytes, &pick)))
        .unwrap_or_else(|_| Err(unreadable("malformed cells")))
}

fn unreadable(why: impl std::fmt::Display) -> FileError {
    FileError::new(
        None,
        format!("XLSX 文件无法读取({why}),请重新导出或另存为 CSV"),
        format!("the XLSX file cannot be read ({why}): export it again or save it as CSV"),
    )
}

fn too_large() -> FileError {
    FileError::new(
        None,
        "XLSX 解开后过大,请删去多余的工作表,或分几次导出为 CSV",
        "the XLSX file is too large once unpacked: remove other sheets, or export CSV in parts",
    )
}

/// Refuses archives that unpack to more than the limits.
fn measure(bytes: &[u8]) -> Result<(), FileError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
    if archive.len() > MAX_PARTS {
        return Err(too_large());
    }
    let mut left = MAX_UNPACKED.min(MIB + MAX_RATIO * bytes.len() as u64);
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(unreadable)?;
        let name = part.name().map_err(unreadable)?.to_ascii_lowercase();
        let strings = name.ends_with("sharedstrings.xml");
        let limit = match () {
            () if strings => left.min(MAX_STRINGS),
            () if name.ends_with("styles.xml") => left.min(MAX_STYLES),
            () => left,
        };
        let mut limited = part.take(limit + 1);
        let size = if strings {
            let mut content = Vec::new();
            limited.read_to_end(&mut content).map_err(unreadable)?;
            check_announced(&content)?;
            content.len() as u64
        } else {
            std::io::copy(&mut limited, &mut std::io::sink()).map_err(unreadable)?
        };
        if size > limit {
            return Err(too_large());
        }
        left -= size;
    }
    Ok(())
}

/// The workbook reader reserves memory for as many strings as the part announces in `uniqueCount`, so an absurd
/// number would end the process. NUL and ESC, which XML forbids, are refused because they could hide the word in
/// another encoding.
fn check_announced(strings: &[u8]) -> Result<(), FileError> {
    const WORD: &[u8] = b"uniqueCount";
    if strings.iter().any(|byte| matches!(byte, 0 | 0x1b)) {
        return Err(unreadable("shared strings are not UTF-8"));
    }
    let mut rest = strings;
    while let Some(at) = rest.windows(WORD.len()).position(|window| window == WORD) {
        rest = rest[at + WORD.len()..].trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else {
            continue;
        };
        let value = value.trim_ascii_start();
        let digits = value
            .iter()
            .skip(1)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let closed = value
            .get(digits + 1)
            .is_some_and(|end| Some(end) == value.first());
        if digits > 7 || !closed {
            return Err(too_large());
        }
    }
    Ok(())
}

fn first_accepted<T>(bytes: &[u8], pick: Pick<'_, T>) -> Result<(Sheet, T), FileError> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let visible: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet)
        .map(|sheet| sheet.name.clone())
        .take(MAX_SHEETS)
        .collect();
    let mut first_error = None;
    for name in visible {
        let rows = sheet_rows(&mut book, &name)?;
        match pick(&rows) {
            Ok(picked) => {
                return Ok((
                    Sheet {
                        rows,
                        full_width: false,
                    },
                    picked,
                ));
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| unreadable("no visible sheet")))
}

fn sheet_rows(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Row>, FileError> {
    let mut reader = book.worksheet_cells_reader(name).map_err(unreadable)?;
    let (mut rows, mut room) = (Vec::<Row>::new(), MAX_CELLS);
    while let Some(cell) = reader.next_cell().map_err(unreadable)? {
        let (row, column) = cell.get_position();
        let (number, column) = (row as usize + 1, column as usize);
        let text = clean(&text_of(cell.get_value()), number)?;
        if text.is_empty() {
            continue;
        }
        check_place(number, column + 1)?;
        match rows.last() {
            Some(last) if last.number > number => return Err(unreadable("rows out of order")),
            Some(last) if last.number == number => {}
            _ => rows.push(Row {
                number,
                cells: Vec::new(),
            }),
        }
        let Some(last) = rows.last_mut() else {
            continue;
        };
        if last.cells.len() <= column {
            room = room
                .checked_sub(column + 1 - last.cells.len())
                .ok_or_else(too_many_cells)?;
            last.cells.resize(column + 1, String::new());
        }
        last.cells[column] = text;
    }
    Ok(rows)
}

fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number_text(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(truth) => truth.to_string(),
        DataRef::DateTime(moment) => moment_text(moment),
        DataRef::Error(error) => format!("{error:?}"),
        DataRef::Empty => String::new(),
    }
}

/// A number as a person would write it. One with more than 15 digits stays in scientific notation: its last digits
/// are lost already, and the readers of ids refuse that form. Nine decimals are more than money has and fewer than
/// the noise of sums like 0.1 + 0.2.
fn number_text(number: f64) -> String {
    if !number.is_finite() || number.abs() >= MAX_EXACT {
        return format!("{number:E}");
    }
    let text = format!("{number:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `YYYY-MM-DD hh:mm:ss`, as it stood in the sheet.
fn moment_text(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
}

/// The moment that a bare day number of a spreadsheet stands for (days since 1899-12-30, time as fraction).
pub(super) fn serial_text(serial: f64) -> String {
    moment_text(&ExcelDateTime::new(
        serial,
        calamine::ExcelDateTimeType::DateTime,
        false,
    ))
}
