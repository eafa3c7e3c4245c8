//! Papers read back by programs of others: text and pages by poppler, workbooks by calamine.

use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

use calamine::{Data, Range, Reader, Xlsx};

use super::labels::Size;
use super::tests::{crowded, hostile, sheet};
use super::{PaperError, Sheet, handover, labels, packing, pick, xlsx};

const A4: &str = "595.276 x 841.89 pts (A4)";

pub(super) type Draw = fn(&Sheet) -> Result<Vec<u8>, PaperError>;

/// Every PDF with the size of its pages.
pub(super) const PAPERS: [(&str, &str, Draw); 5] = [
    ("packing-list.pdf", A4, packing::pdf),
    ("pick-list.pdf", A4, pick::pdf),
    ("hand-over.pdf", A4, handover::pdf),
    ("labels-100x150.pdf", "283.465 x 425.197 pts", wide_labels),
    ("labels-76x130.pdf", "215.433 x 368.504 pts", narrow_labels),
];

const BOOKS: [(&str, Draw); 2] = [
    ("packing-list.xlsx", xlsx::packing_list),
    ("hand-over.xlsx", xlsx::hand_over),
];

fn wide_labels(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    labels::pdf(sheet, Size::Mm100x150)
}

fn narrow_labels(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    labels::pdf(sheet, Size::Mm76x130)
}

/// Runs a program of poppler over a PDF and returns what it prints.
pub(super) fn poppler(program: &str, arguments: &[&str], pdf: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("`{program}` can't run ({error}): apt-get install -y poppler-utils"));
    let mut stdin = child.stdin.take().unwrap();
    let pdf = pdf.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&pdf));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{program} refuses the file");
    output.stdout
}

fn text_of(pdf: &[u8]) -> String {
    String::from_utf8(poppler("pdftotext", &["-layout", "-", "-"], pdf)).unwrap()
}

/// The words of a PDF without white space, since a wrapped name is the same name.
fn words_of(pdf: &[u8]) -> String {
    let text = poppler("pdftotext", &["-raw", "-", "-"], pdf);
    let text = String::from_utf8(text).unwrap();
    text.split_whitespace().collect()
}

fn info(pdf: &[u8], key: &str) -> String {
    let text = String::from_utf8(poppler("pdfinfo", &["-"], pdf)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.map(|value| value.trim().to_owned()).unwrap_or_default()
}

/// Writes a file for readers that are run by hand: tests/oracle/paper_openpyxl.py, a viewer, a printer.
fn keep(name: &str, bytes: &[u8]) {
    if let Ok(folder) = std::env::var("CUNJI_PAPER_DIR") {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(format!("{folder}/{name}"), bytes).unwrap();
    }
}

#[test]
fn papers_have_their_size_title_and_date_and_the_same_bytes_again() {
    let sheet = sheet(60);
    for (name, size, draw) in PAPERS {
        let pdf = draw(&sheet).unwrap();
        keep(name, &pdf);
        assert_eq!(info(&pdf, "Page size:"), size, "{name}");
        assert!(info(&pdf, "Title:").ends_with(" 20240124-1 2024-01-24"), "{name}");
        assert!(
            info(&pdf, "CreationDate:").contains("Jan 24 00:00:00 2024"),
            "{name}"
        );
        assert!(
            pdf == draw(&sheet).unwrap(),
            "{name}: the same sheet, other bytes"
        );
        let fonts = String::from_utf8(poppler("pdffonts", &["-"], &pdf)).unwrap();
        let fonts: Vec<&str> = fonts.lines().skip(2).collect();
        assert_eq!(fonts.len(), 1, "{name}: {fonts:?}");
        assert!(
            fonts[0].contains("NotoSansCJKsc") && fonts[0].contains(" yes yes yes"),
            "{fonts:?}"
        );
    }
    for (name, draw) in BOOKS {
        let book = draw(&sheet).unwrap();
        keep(name, &book);
        assert!(
            book == draw(&sheet).unwrap(),
            "{name}: the same sheet, other bytes"
        );
    }
}

#[test]
fn packing_list_shows_every_parcel_and_the_sums() {
    let sheet = sheet(60);
    let pdf = packing::pdf(&sheet).unwrap();
    let (text, words) = (text_of(&pdf), words_of(&pdf));
    let list = packing::PackingList::new(&sheet).unwrap();
    for parcel in &sheet.parcels {
        let count = words.matches(&parcel.code).count();
        assert_eq!(count, parcel.lines.len(), "{}: a row for each line", parcel.code);
        assert!(words.contains(&parcel.masked_name));
        let note: String = parcel.note.split_whitespace().collect();
        assert!(words.contains(&note), "{note}");
    }
    for part in &list.carriers {
        let sum = packing::part_words(part.parcels, part.sum);
        assert!(
            text.contains(part.carrier) && text.contains(&sum),
            "{}: {sum}",
            part.carrier
        );
        for group in &part.groups {
            let sum = packing::sum_words(group.sum);
            assert!(
                text.contains(&group.goods.words()) && text.contains(&sum),
                "{sum}"
            );
        }
    }
    assert!(text.contains(&packing::part_words(list.parcels, list.sum)));
    assert!(text.contains("新疆维吾尔自治区") && text.contains("张村 Zhang village"));
}

#[test]
fn pages_are_numbered_and_repeat_their_heads() {
    let sheet = sheet(380);
    for (name, _, draw) in &PAPERS[..3] {
        let text = text_of(&draw(&sheet).unwrap());
        let pages: Vec<&str> = text
            .split('\u{c}')
            .filter(|page| !page.trim().is_empty())
            .collect();
        for (number, page) in (1..).zip(&pages) {
            let foot = format!("第 {number} 页，共 {} 页", pages.len());
            assert!(page.contains(&foot), "{name}: {foot}");
            assert!(page.contains("20240124-1"), "{name}");
            let has_rows = page.contains("P0");
            assert!(
                !has_rows || page.contains("重量 kg"),
                "{name}: page {number} has no heads"
            );
        }
        let continued = pages
            .iter()
            .filter(|page| page.contains("（续 continued）"))
            .count();
        assert_eq!(continued > 3, pages.len() > 4, "{name}");
    }
}

#[test]
fn pick_list_says_how_much_from_where() {
    let sheet = sheet(60);
    let text = text_of(&pick::pdf(&sheet).unwrap());
    let list = packing::PackingList::new(&sheet).unwrap();
    assert_eq!(list.goods.len(), 5);
    for (goods, sum) in &list.goods {
        let row = text.lines().find(|line| line.contains(goods.lot)).unwrap();
        assert!(row.contains(goods.product), "{row}");
        assert!(row.contains(&format!(" {} ", sum.cases)), "{row}");
        assert!(row.contains(&goods.best_before.unwrap().to_string()), "{row}");
    }
    for place in ["A1", "A2", "冷库 3", "B1", "顺丰速运", "中国邮政"] {
        assert!(text.contains(place), "{place}");
    }
}

#[test]
fn hand_over_sheet_lists_what_each_carrier_takes() {
    let sheet = sheet(60);
    let text = text_of(&handover::pdf(&sheet).unwrap());
    let pages: Vec<&str> = text
        .split('\u{c}')
        .filter(|page| !page.trim().is_empty())
        .collect();
    for carrier in ["中通快递", "顺丰速运", "中国邮政"] {
        let page = pages.iter().find(|page| page.contains(carrier)).unwrap();
        let of_carrier = |page: &str| page.matches("P0").count();
        let taken = sheet.parcels.iter().filter(|parcel| parcel.carrier == carrier);
        assert_eq!(of_carrier(page), taken.clone().count(), "{carrier}");
        assert!(
            taken
                .filter_map(|parcel| parcel.waybill.as_deref())
                .all(|waybill| page.contains(waybill))
        );
        assert!(page.contains("取件人 Collected by") && page.contains("合计 Total"));
    }
    assert_eq!(pages.len(), 3, "a page for each carrier");
}

#[test]
fn labels_carry_what_packer_and_carrier_need() {
    let sheet = sheet(24);
    for (name, _, draw) in &PAPERS[3..] {
        let pdf = draw(&sheet).unwrap();
        assert_eq!(info(&pdf, "Pages:"), "24", "{name}");
        let text = String::from_utf8(poppler("pdftotext", &["-raw", "-", "-"], &pdf)).unwrap();
        for parcel in &sheet.parcels {
            let page = text
                .split('\u{c}')
                .find(|page| page.contains(&parcel.code))
                .unwrap();
            let words: String = page.split_whitespace().collect();
            let mut wanted = vec![&parcel.carrier, &parcel.masked_name, &parcel.masked_phone];
            wanted.extend([&parcel.city, &parcel.district, &parcel.street, &parcel.note]);
            wanted.extend(&parcel.orders);
            wanted.extend(parcel.lines.iter().map(|line| &line.lot));
            for text in wanted {
                assert!(
                    words.contains(&*text.replace(' ', "")),
                    "{name}: {text} is not in {page}"
                );
            }
            assert_eq!(words.contains("1/2"), parcel.part == (1, 2), "{page}");
            assert!(words.contains("张村Zhangvillage") && words.contains("保质期至"));
        }
    }
}

#[test]
fn hostile_texts_are_cut_and_marked() {
    let sheet = hostile();
    for (name, size, draw) in PAPERS {
        let pdf = draw(&sheet).unwrap();
        keep(&format!("hostile-{name}"), &pdf);
        assert_eq!(info(&pdf, "Page size:"), size, "{name}");
        let words = words_of(&pdf);
        assert!(words.contains('…'), "{name}: nothing is cut");
        assert!(words.contains('〓'), "{name}: no mark for what the font lacks");
        assert!(!words.contains(['\u{1b}', '\u{202e}', '\u{fffd}']), "{name}");
    }
    for (name, draw) in BOOKS {
        keep(&format!("hostile-{name}"), &draw(&sheet).unwrap());
    }
}

#[test]
fn a_crowded_label_keeps_address_note_and_lots() {
    let sheet = crowded();
    for (name, _, draw) in &PAPERS[3..] {
        let pdf = draw(&sheet).unwrap();
        keep(&format!("crowded-{name}"), &pdf);
        let text = String::from_utf8(poppler("pdftotext", &["-raw", "-", "-"], &pdf)).unwrap();
        for parcel in &sheet.parcels {
            let page = text
                .split('\u{c}')
                .find(|page| page.contains(&parcel.code))
                .unwrap();
            let words: String = page.split_whitespace().collect();
            assert!(
                words.contains(&parcel.street) && words.contains(&parcel.note),
                "{name}: {page}"
            );
            let lots = parcel
                .lines
                .iter()
                .filter(|line| words.contains(&line.lot))
                .count();
            assert!(lots >= 2.min(parcel.lines.len()), "{name}: {lots} lots: {page}");
            let rest = words.contains("见装箱单");
            assert_eq!(rest, parcel.lines.len() > 4, "{name}: {page}");
        }
    }
}

#[test]
fn an_empty_batch_says_so() {
    for (name, size, draw) in PAPERS {
        let pdf = draw(&sheet(0)).unwrap();
        assert_eq!(info(&pdf, "Page size:"), size, "{name}");
        assert_eq!(info(&pdf, "Pages:"), "1", "{name}");
        assert!(words_of(&pdf).contains("本批没有"), "{name}");
    }
    for (name, draw) in BOOKS {
        assert!(!draw(&sheet(0)).unwrap().is_empty(), "{name}");
    }
}

#[test]
fn a_thousand_parcels_are_bounded() {
    let sheet = sheet(1_000);
    for (name, _, draw) in PAPERS {
        let pdf = draw(&sheet).unwrap();
        assert!(pdf.len() < 4_000_000, "{name}: {} bytes", pdf.len());
    }
}

fn rows(bytes: Vec<u8>, name: &str) -> Range<Data> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
    book.worksheet_range(name).unwrap()
}

/// The rows between head and sum, each with its first cells as text, and the last two columns of all of them.
fn content(range: &Range<Data>) -> (Vec<Vec<String>>, Vec<[i64; 2]>) {
    let rows: Vec<&[Data]> = range.rows().skip(1).collect();
    let text = |row: &&[Data]| row.iter().map(ToString::to_string).collect();
    let number = |cell: &Data| match cell {
        Data::Float(number) => *number as i64,
        other => panic!("{other:?} is no number"),
    };
    let numbers = |row: &&[Data]| [number(&row[row.len() - 2]), number(&row[row.len() - 1])];
    (
        rows.iter().map(text).collect(),
        rows.iter().map(numbers).collect(),
    )
}

#[test]
fn workbooks_read_back_with_their_sums() {
    let sheet = sheet(60);
    let list = packing::PackingList::new(&sheet).unwrap();
    let packing = xlsx::packing_list(&sheet).unwrap();
    let lines: usize = sheet.parcels.iter().map(|parcel| parcel.lines.len()).sum();
    for (bytes, name, count) in [
        (packing.clone(), "装箱单", lines),
        (
            packing,
            "合计",
            list.carriers.iter().map(|part| part.groups.len()).sum(),
        ),
        (xlsx::hand_over(&sheet).unwrap(), "交接单", 60),
    ] {
        let range = rows(bytes, name);
        let (texts, numbers) = content(&range);
        assert_eq!(texts.len(), count + 1, "{name}: the rows and their sum");
        let (last, above) = numbers.split_last().unwrap();
        assert_eq!(*last, [list.sum.cases, list.sum.grams], "{name}");
        let added = |at: usize| above.iter().map(|row| row[at]).sum::<i64>();
        assert_eq!(*last, [added(0), added(1)], "{name}");
        assert_eq!(texts[count][0], "合计 Total");
    }
}

#[test]
fn workbooks_keep_text_as_text() {
    let mut sheet = sheet(1);
    let parcel = &mut sheet.parcels[0];
    parcel.orders = vec!["6927000000000007919".into()];
    parcel.note = "=HYPERLINK(\"x\",\"点\")".into();
    parcel.waybill = Some("00731234500000012345".into());
    let range = rows(xlsx::packing_list(&sheet).unwrap(), "装箱单");
    let cell = |head: &str| {
        let at = range
            .rows()
            .next()
            .unwrap()
            .iter()
            .position(|cell| cell.to_string().starts_with(head));
        range.get((1, at.unwrap())).unwrap().clone()
    };
    assert_eq!(cell("订单"), Data::String("6927000000000007919".into()));
    assert_eq!(cell("备注"), Data::String("=HYPERLINK(\"x\",\"点\")".into()));
    let Data::DateTime(day) = cell("保质期至") else {
        panic!("{:?} is no day", cell("保质期至"));
    };
    assert_eq!(day.to_ymd_hms_milli(), (2025, 1, 9, 0, 0, 0, 0));
    let range = rows(xlsx::hand_over(&sheet).unwrap(), "交接单");
    assert_eq!(
        range.get((1, 3)),
        Some(&Data::String("00731234500000012345".into()))
    );
}
