//! Workbooks, files made to do harm, and seeded damage.

use std::io::{Cursor, Read, Write};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use zip::write::SimpleFileOptions;

use super::tests::{GROUP, LIVE};
use super::*;

#[test]
fn ids_rounded_by_a_spreadsheet_are_noticed() {
    let text = encoding_rs::GB18030.decode(LIVE).0.into_owned();
    let mut rounded = String::new();
    for piece in text.split('\t') {
        match piece.split_at_checked(19) {
            Some((id, rest)) if id.starts_with("6927") => {
                rounded.push_str(&format!("{}0000{rest}", &id[..15]))
            }
            _ => rounded.push_str(piece),
        }
    }
    let file = read(rounded.as_bytes(), None).expect("a table");
    assert_eq!((file.orders.len(), file.problems.len()), (0, 67));
    assert!(file.problems[0].en.contains("lost its last digits"));
}

/// The livestream sample's first order as a workbook, with the ids as text or as numbers.
fn workbook(ids_as_numbers: bool) -> Vec<u8> {
    let mut book = Workbook::new();
    book.add_worksheet()
        .set_name("说明")
        .and_then(|sheet| sheet.write(0, 0, "导出说明"))
        .expect("notes");
    book.add_worksheet()
        .set_name("旧")
        .and_then(|sheet| sheet.set_hidden(true).write(0, 0, "主订单编号"))
        .expect("hidden");
    let sheet = book.add_worksheet();
    let headers = [
        "主订单编号",
        "子订单编号",
        "选购商品",
        "商品数量",
        "商家编码",
        "商品金额",
        "订单状态",
        "收件人",
        "收件人手机号",
        "省",
        "市",
        "区",
        "详细地址",
        "支付完成时间",
        "订单提交时间",
    ];
    let values = [
        "\t6927000000000007919",
        "=\"6927000000000007919\"",
        "`纯红薯粉条",
        "",
        "FT10",
        "",
        "待发货",
        "董刚平",
        "",
        "北京市",
        "市辖区",
        "海淀区",
        "新华路\u{200b}328号",
        "",
        "",
    ];
    for (column, (header, value)) in (0u16..).zip(headers.iter().zip(values)) {
        sheet
            .write_string(1, column, *header)
            .and_then(|sheet| sheet.write_string(2, column, value))
            .expect("cells");
    }
    let moment = ExcelDateTime::parse_from_str("2024-01-18 19:44:00").expect("a moment");
    sheet.write_number(2, 3, 2.0).expect("quantity");
    sheet
        .write_number(2, 5, 136.00000000000003)
        .expect("money with the noise of a sum");
    sheet.write_number(2, 8, 19_920_000_045.0).expect("phone");
    sheet
        .write_datetime_with_format(2, 13, &moment, &Format::new().set_num_format("yyyy/m/d h:mm"))
        .expect("moment");
    sheet
        .write_number(2, 14, 45309.8215277778)
        .expect("a bare day number, 19:43");
    if ids_as_numbers {
        sheet.write_number(2, 0, 6_927_000_000_000_007_919.0).expect("id");
    }
    book.save_to_buffer().expect("a workbook")
}

#[test]
fn workbooks_are_read_from_the_first_visible_sheet_with_a_header() {
    let file = read(&workbook(false), None).expect("a workbook");
    assert_eq!(file.problems, []);
    let order = &file.orders[0];
    assert_eq!(
        (order.external_no.as_str(), order.rows.as_slice()),
        ("6927000000000007919", [3].as_slice())
    );
    assert_eq!(
        (order.lines[0].quantity, order.lines[0].goods_fen),
        (2, Some(13_600))
    );
    assert_eq!(
        (order.lines[0].line_no.as_str(), order.lines[0].product.as_str()),
        ("6927000000000007919", "纯红薯粉条")
    );
    assert_eq!(
        (order.recipient.phone.as_str(), order.recipient.street.as_str()),
        ("19920000045", "新华路328号")
    );
    assert_eq!(
        (order.paid_at_ms, order.placed_at_ms),
        (Some(1_705_578_240_000), Some(1_705_578_180_000))
    );
    let damaged = read(&workbook(true), None).expect("a workbook");
    assert_eq!(
        (
            damaged.orders.len(),
            damaged.problems[0].row,
            damaged.problems[0].field
        ),
        (0, 3, "order_no")
    );
    assert!(damaged.problems[0].en.contains("lost its last digits"));
}

/// The workbook with one part replaced.
fn repacked(original: &[u8], change: impl Fn(&str, Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(Cursor::new(original)).expect("a zip");
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).expect("a part");
        let name = part.name().expect("a name").into_owned();
        let mut content = Vec::new();
        part.read_to_end(&mut content).expect("content");
        writer
            .start_file(name.as_str(), SimpleFileOptions::default())
            .expect("start");
        writer.write_all(&change(&name, content)).expect("write");
    }
    writer.finish().expect("a zip").into_inner()
}

#[test]
fn hostile_files_are_refused_within_limits() {
    let book = workbook(false);
    let strings = |content: &str| {
        repacked(&book, |name, old| {
            if name.ends_with("sharedStrings.xml") {
                content.as_bytes().to_vec()
            } else {
                old
            }
        })
    };
    let padded = |part: &'static str, size: usize| {
        repacked(&book, |name, old| {
            if name.ends_with(part) {
                vec![b' '; size]
            } else {
                old
            }
        })
    };
    let far = repacked(&book, |name, old| {
        let text = String::from_utf8(old).expect("XML");
        if name.ends_with("sheet3.xml") {
            text.replace("r=\"A3\"", "r=\"XFD1048576\"").into_bytes()
        } else {
            text.into_bytes()
        }
    });
    let long_cell = format!("order_no\n{}", "长".repeat(4_001));
    let wide = ",".repeat(120);
    for (name, bytes, expected) in [
        ("too large", vec![b'a'; MAX_BYTES + 1], "10 MiB"),
        (
            "announced strings",
            strings("<sst uniqueCount=\"99999999999999\"><si><t>a</t></si></sst>"),
            "too large",
        ),
        (
            "hidden announcement",
            strings("<sst uniqueCount = '&#57;9'></sst>"),
            "too large",
        ),
        ("bomb", padded("sheet3.xml", 8 << 20), "too large"),
        ("styles", padded("styles.xml", 2 << 20), "too large"),
        ("far cell", far, "rows"),
        ("old xls", b"\xd0\xcf\x11\xe0\xa1\xb1".to_vec(), "old .xls"),
        ("web page", b"<html><table>".to_vec(), "web page"),
        ("not a zip", b"PK\x03\x04hello".to_vec(), "cannot be read"),
        ("binary", vec![0; 64], "not a table"),
        ("undecodable", b"a,b\nc,\xff\xff\n".to_vec(), "near row 2"),
        ("cut UTF-8", b"\xef\xbb\xbfa\n\xe5\xbc".to_vec(), "near row 2"),
        ("empty", Vec::new(), "no row of column names"),
        ("long cell", long_cell.into_bytes(), "row 2 has a cell"),
        ("too wide", wide.into_bytes(), "120 columns"),
        ("too many rows", "a\n".repeat(100_001).into_bytes(), "100000 rows"),
    ] {
        let error = read(&bytes, None)
            .err()
            .unwrap_or_else(|| panic!("{name} was read"));
        assert!(error.en.contains(expected), "{name}: {}", error.en);
        assert!(!error.zh.is_empty());
    }
}

/// Small deterministic generator (xorshift), so that a failure can be replayed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }

    /// Flips, drops, doubles or inserts a few bytes.
    fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.roll(8) {
            let at = self.roll(bytes.len());
            match self.roll(5) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.roll(8),
                1 => bytes.truncate(at),
                2 => bytes.splice(at..at, *b"\",\n").for_each(drop),
                3 => {
                    let copy = bytes[at..(at + self.roll(200)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, copy).for_each(drop);
                }
                _ if !bytes.is_empty() => bytes[at] = b"0,9\"\n\t=\xff<>-*"[self.roll(12)],
                _ => {}
            }
        }
        bytes
    }
}

fn rounds() -> u64 {
    std::env::var("CUNJI_FUZZ_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(60)
}

/// Whatever comes out of damaged bytes is an answer within the limits.
fn check_sane(bytes: &[u8]) {
    let Ok(file) = read(bytes, None) else { return };
    assert!(file.orders.len() + file.problems.len() <= file.rows * 2 && file.rows <= 100_000);
    for order in &file.orders {
        assert!(!order.external_no.is_empty() && !order.lines.is_empty() && order.content_hash.len() == 64);
        assert!(
            order
                .lines
                .iter()
                .all(|line| (1..=9_999).contains(&line.quantity)
                    && line.goods_fen.is_none_or(|fen| fen >= 0))
        );
        assert!(
            order
                .rows
                .iter()
                .all(|row| file.problems.iter().all(|problem| problem.row != *row))
        );
    }
}

#[test]
fn damaged_samples_never_panic() {
    for seed in 1..=rounds() {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        check_sane(&dice.mutate(GROUP));
        check_sane(&dice.mutate(LIVE));
    }
}

#[test]
fn damaged_workbooks_never_panic() {
    let book = workbook(false);
    for seed in 1..=rounds() {
        let dice = std::cell::RefCell::new(Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        check_sane(&dice.borrow_mut().mutate(&book));
        let part = ["sheet3.xml", "sharedStrings.xml", "styles.xml", "workbook.xml"][(seed % 4) as usize];
        check_sane(&repacked(&book, |name, old| {
            if name.ends_with(part) {
                dice.borrow_mut().mutate(&old)
            } else {
                old
            }
        }));
    }
}
