//! Bytes of an order file to rows of clean text cells.
//!
//! Shops hand out CSV in UTF-8 (with or without a mark), in GB18030 or in UTF-16, parted by comma, semicolon or TAB,
//! and XLSX. Everything above this file sees text only; a number that a spreadsheet can no longer tell exactly comes
//! out in scientific notation, so that it is recognised as damaged wherever an id is expected.

use encoding_rs::{DecoderResult, Encoding, GB18030};

use super::{FileError, xlsx};

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;
pub(super) const MAX_ROWS: usize = 100_000;
pub(super) const MAX_COLUMNS: usize = 120;
/// Cells of a sheet together, the empty ones between filled ones included: what bounds memory.
pub(super) const MAX_CELLS: usize = 2_500_000;
const MAX_CELL_CHARS: usize = 4_000;

/// One row that has at least one filled cell.
pub struct Row {
    /// As a spreadsheet counts it: from 1, empty rows included.
    pub number: usize,
    pub cells: Vec<String>,
}

impl Row {
    /// The cell's text, empty when the row is shorter.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

pub struct Sheet {
    pub rows: Vec<Row>,
    /// CSV rows are written to their full width; a workbook's rows end at their last filled cell.
    pub full_width: bool,
}

/// Reads the file and asks `pick` for each visible sheet (a CSV file is one sheet) until one is accepted.
///
/// # Errors
/// When it is no table or over the limits; else what `pick` said of the first sheet, if it accepted none.
pub fn read<T>(bytes: &[u8], pick: impl Fn(&[Row]) -> Result<T, FileError>) -> Result<(Sheet, T), FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::new(
            None,
            "文件超过 10 MiB,请分几次导出",
            "the file is larger than 10 MiB: export it in parts",
        ));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return xlsx::read(bytes, pick);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(FileError::new(
            None,
            "这是旧版 .xls 或加了密码的文件,请另存为不加密的 .xlsx 或 CSV",
            "this is an old .xls or a password-protected workbook: save it as .xlsx without password, or as CSV",
        ));
    }
    let sheet = Sheet {
        rows: csv_rows(&decode(bytes)?)?,
        full_width: true,
    };
    let picked = pick(&sheet.rows)?;
    Ok((sheet, picked))
}

/// Decodes by byte order mark, else as strict UTF-8, else as GB18030; never replaces a character.
/// Lines end in LF afterwards, the last one too.
fn decode(bytes: &[u8]) -> Result<String, FileError> {
    let decoded = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => strictly(encoding, &bytes[mark..]).map_err(|good| good + mark),
        None => std::str::from_utf8(bytes).map(str::to_owned).or_else(|utf8| {
            // Whichever encoding got further is the one the file was meant in.
            strictly(GB18030, bytes).map_err(|good| good.max(utf8.valid_up_to()))
        }),
    };
    let mut text = decoded
        .map_err(|good| {
            let line = bytes[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
            FileError::new(
                Some(line),
                format!("第 {line} 行附近不是 UTF-8 也不是 GB18030 文字,请从店铺后台重新导出"),
                format!("near row {line} the text is neither UTF-8 nor GB18030: export the file again"),
            )
        })?
        .replace("\r\n", "\n");
    if text.contains('\0') {
        return Err(FileError::new(
            None,
            "这不是表格文件",
            "this is not a table: CSV or XLSX is expected",
        ));
    }
    if text.trim_start().starts_with('<') {
        return Err(FileError::new(
            None,
            "这是网页格式的 .xls,请用表格软件打开后另存为 .xlsx",
            "this is a web page named .xls: open it in a spreadsheet and save it as .xlsx",
        ));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The text, or the number of bytes before the first undecodable one.
fn strictly(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, usize> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let room = decoder
        .max_utf8_buffer_length_without_replacement(bytes.len())
        .unwrap_or(0);
    let mut text = String::with_capacity(room);
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok(text),
        (_, read) => Err(read),
    }
}

/// The separator that the first lines use most; ids with a TAB before them do not outweigh the commas.
fn delimiter(text: &str) -> u8 {
    let count = |separator: char| {
        text.lines()
            .take(10)
            .map(|line| line.matches(separator).count())
            .sum::<usize>()
    };
    let (mut best, mut most) = (',', count(','));
    for separator in [';', '\t'] {
        if count(separator) > most {
            (best, most) = (separator, count(separator));
        }
    }
    best as u8
}

fn csv_rows(text: &str) -> Result<Vec<Row>, FileError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let (mut rows, mut number, mut room) = (Vec::new(), 0, MAX_CELLS);
    loop {
        let line = reader.position().line();
        let more = reader.read_record(&mut record).map_err(|error| {
            FileError::new(
                None,
                format!("CSV 无法读取: {error}"),
                format!("the CSV cannot be read: {error}"),
            )
        })?;
        if !more {
            return Ok(rows);
        }
        // The reader skips blank lines; a spreadsheet counts them, and counts a cell of two lines once.
        let lines = usize::try_from(reader.position().line() - line).unwrap_or(0);
        let within: usize = record.iter().map(|cell| cell.matches('\n').count()).sum();
        number += 1 + lines.saturating_sub(within + 1);
        check_place(number, record.len())?;
        room = room.checked_sub(record.len()).ok_or_else(too_many_cells)?;
        let cells = record
            .iter()
            .map(|cell| clean(cell, number))
            .collect::<Result<Vec<_>, _>>()?;
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(Row { number, cells });
        }
    }
}

pub(super) fn check_place(row: usize, columns: usize) -> Result<(), FileError> {
    if row > MAX_ROWS {
        return Err(FileError::new(
            Some(row),
            format!("超过 {MAX_ROWS} 行,请分几次导出"),
            format!("more than {MAX_ROWS} rows: export the file in parts"),
        ));
    }
    if columns > MAX_COLUMNS {
        return Err(FileError::new(
            Some(row),
            format!("第 {row} 行超过 {MAX_COLUMNS} 列"),
            format!("row {row} has more than {MAX_COLUMNS} columns"),
        ));
    }
    Ok(())
}

pub(super) fn too_many_cells() -> FileError {
    FileError::new(
        None,
        format!("超过 {MAX_CELLS} 个单元格,请分几次导出"),
        format!("more than {MAX_CELLS} cells: export the file in parts"),
    )
}

/// A cell without what exports and spreadsheets wrap around it: TABs and spaces at the ends, `="…"`, one leading
/// back-tick or single quote, invisible marks, unusual spaces. A line break inside stays.
pub(super) fn clean(raw: &str, row: usize) -> Result<String, FileError> {
    if raw.len() > MAX_CELL_CHARS && raw.chars().count() > MAX_CELL_CHARS {
        return Err(FileError::new(
            Some(row),
            format!("第 {row} 行有单元格超过 {MAX_CELL_CHARS} 字,是否有引号没有成对?"),
            format!(
                "row {row} has a cell of more than {MAX_CELL_CHARS} characters: is a quotation mark left open?"
            ),
        ));
    }
    let visible: String = raw
        .chars()
        .filter(|c| !matches!(c, '\r' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .map(|c| if c != '\n' && (c.is_control() || c.is_whitespace()) { ' ' } else { c })
        .collect();
    let trimmed = visible.trim();
    let unwrapped = trimmed
        .strip_prefix("=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(trimmed);
    Ok(unwrapped
        .strip_prefix(['`', '\''])
        .unwrap_or(unwrapped)
        .trim()
        .to_owned())
}
