//! A carrier's file to rows: CSV in UTF-8 or GB18030, or XLSX, columns found by their names.
//!
//! Needed are a column with the number, and one with the parcel's code or the order's number. A carrier's tool puts
//! what it was given as the customer's own number into a column of its own; a parcel's code is understood there too.

use super::export::COLUMNS;
use super::report::Row;
use crate::orders::import::{self, FileError, normal, read_sheet};

/// Rows of numbers that one file may have; a batch is a day's work.
pub const MAX_ROWS: usize = 20_000;
/// Rows among which the one with the column names is looked for; titles may stand above it.
const LOOK_AT: usize = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Parcel,
    Order,
    Waybill,
    Carrier,
    Name,
    Phone,
    Tail,
    Province,
    Address,
}

/// Names of columns; the one listed first wins when a file has several.
const NAMES: [(Field, &[&str]); 9] = [
    (
        Field::Parcel,
        &["包裹号", "包裹编号", "包裹码", "parcel", "parcel_code"],
    ),
    (
        Field::Order,
        &[
            "订单号",
            "订单编号",
            "客户订单号",
            "客户单号",
            "商家订单号",
            "商户订单号",
            "自定义单号",
            "自定义订单号",
            "order",
            "order_no",
            "order_number",
        ],
    ),
    (
        Field::Waybill,
        &[
            "运单号",
            "运单号码",
            "运单编号",
            "快递单号",
            "物流单号",
            "面单号",
            "邮件号",
            "邮件号码",
            "母单号",
            "waybill",
            "waybill_no",
            "tracking_no",
            "tracking_number",
        ],
    ),
    (
        Field::Carrier,
        &["快递公司", "物流公司", "承运商", "快递", "carrier"],
    ),
    (
        Field::Name,
        &[
            "收件人",
            "收货人",
            "收件人姓名",
            "收货人姓名",
            "收件姓名",
            "收方姓名",
            "收件联系人",
            "收方联系人",
            "recipient",
            "name",
        ],
    ),
    (
        Field::Phone,
        &[
            "收件人电话",
            "收件人手机",
            "收件人手机号",
            "收件人联系电话",
            "收件人联系方式",
            "收件电话",
            "收件手机",
            "收方电话",
            "收方手机",
            "收货人电话",
            "收货人手机号",
            "联系电话",
            "手机号",
            "手机",
            "电话",
            "phone",
        ],
    ),
    (
        Field::Tail,
        &["电话尾号", "手机尾号", "手机后四位", "电话后四位", "phone_tail"],
    ),
    (
        Field::Province,
        &[
            "省",
            "省份",
            "收件省",
            "收件省份",
            "收件人省",
            "收件人省份",
            "收方省",
            "目的省份",
            "province",
        ],
    ),
    (
        Field::Address,
        &[
            "收件地址",
            "收件人地址",
            "收件详细地址",
            "收货地址",
            "收方地址",
            "收件人详细地址",
            "详细地址",
            "地址",
            "目的地",
            "address",
        ],
    ),
];

/// A file, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierFile {
    /// rows with a key or a number
    pub rows: Vec<Row>,
    /// columns that were not read, as the file names them
    pub unknown_columns: Vec<String>,
    /// its columns are named as in our export: they need not be the carrier's
    pub is_ours: bool,
}

struct Header {
    at: usize,
    columns: [Option<usize>; NAMES.len()],
    unknown: Vec<String>,
    is_ours: bool,
}

impl Header {
    fn text(&self, row: &import::Row, field: Field) -> String {
        let at = NAMES.iter().position(|(known, _)| *known == field);
        at.and_then(|at| self.columns[at])
            .map_or("", |column| row.cell(column))
            .to_owned()
    }
}

/// Reads the file of a carrier's tool.
///
/// # Errors
/// When it is no table, over the limits of order files or 20,000 rows, or lacks the columns that are needed.
pub fn read(bytes: &[u8]) -> Result<CarrierFile, FileError> {
    let (sheet, header) = read_sheet(bytes, find_header)?;
    let mut rows = Vec::new();
    for row in sheet.rows.iter().skip(header.at + 1) {
        let first = |fields: [Field; 2]| {
            let texts = fields.map(|field| header.text(row, field));
            texts
                .into_iter()
                .find(|text| !text.is_empty())
                .unwrap_or_default()
        };
        let read = Row {
            number: row.number,
            parcel: header.text(row, Field::Parcel),
            order: header.text(row, Field::Order),
            waybill: header.text(row, Field::Waybill),
            carrier: header.text(row, Field::Carrier),
            name: header.text(row, Field::Name),
            phone: first([Field::Phone, Field::Tail]),
            place: first([Field::Province, Field::Address]),
        };
        if !(read.parcel.is_empty() && read.order.is_empty() && read.waybill.is_empty()) {
            rows.push(read);
        }
        if rows.len() > MAX_ROWS {
            return Err(FileError {
                row: Some(row.number),
                zh: format!("超过 {MAX_ROWS} 行，请按批次分开上传"),
                en: format!("more than {MAX_ROWS} rows: upload batch by batch"),
            });
        }
    }
    Ok(CarrierFile {
        rows,
        unknown_columns: header.unknown,
        is_ours: header.is_ours,
    })
}

/// Column names are compared without spaces, case and width, and also as our own export writes them (`包裹号 parcel`).
fn find_header(rows: &[import::Row]) -> Result<Header, FileError> {
    let own = |cell: &str| {
        let column = COLUMNS
            .iter()
            .find(|column| normal(&format!("{}{}", column.zh, column.en)) == cell);
        column.map_or_else(|| cell.to_owned(), |column| normal(column.zh))
    };
    for (at, row) in rows.iter().take(LOOK_AT).enumerate() {
        let cells: Vec<String> = row.cells.iter().map(|cell| own(&normal(cell))).collect();
        let columns = NAMES.map(|(_, names)| {
            names
                .iter()
                .find_map(|name| cells.iter().position(|cell| *cell == normal(name)))
        });
        let has = |field: Field| {
            let at = NAMES.iter().position(|(known, _)| *known == field);
            at.is_some_and(|at| columns[at].is_some())
        };
        if !has(Field::Waybill) || !(has(Field::Parcel) || has(Field::Order)) {
            continue;
        }
        for place in columns.iter().flatten() {
            if cells.iter().filter(|cell| **cell == cells[*place]).count() > 1 {
                let (number, name) = (row.number, row.cell(*place));
                return Err(FileError {
                    row: Some(number),
                    zh: format!("第 {number} 行有两列都叫“{name}”，请删去一列"),
                    en: format!("row {number} has two columns named {name}: remove one"),
                });
            }
        }
        let parcel = normal(&format!("{}{}", COLUMNS[0].zh, COLUMNS[0].en));
        let is_ours = row.cells.iter().any(|cell| normal(cell) == parcel);
        let is_unknown = |(place, name): &(usize, &String)| {
            let ours = COLUMNS.iter().any(|column| normal(column.zh) == cells[*place]);
            !name.is_empty() && !ours && !columns.contains(&Some(*place))
        };
        let unknown = row
            .cells
            .iter()
            .enumerate()
            .filter(is_unknown)
            .map(|(_, name)| name.clone())
            .collect();
        return Ok(Header {
            at,
            columns,
            unknown,
            is_ours,
        });
    }
    Err(FileError {
        row: None,
        zh: "没有找到表头：要有“运单号”（或快递单号）一列，以及“包裹号”或“订单号”一列".to_owned(),
        en: "no row of column names found: a column 运单号 (waybill) is needed, and 包裹号 (parcel) or 订单号 (order)"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::export::{Sending, table};
    use super::super::report::Parcel;
    use super::*;

    fn sending() -> Sending {
        Sending {
            parcel: Parcel {
                code: "P-7K2M".to_owned(),
                orders: vec!["240118-0001".to_owned(), "240118-0002".to_owned()],
                carrier: "zto".to_owned(),
                name: "=张三".to_owned(),
                phone: "13800130042".to_owned(),
                province: "河南省".to_owned(),
                waybill: Some("078123456789012".to_owned()),
            },
            carrier_name: "中通快递".to_owned(),
            street: "+1号".to_owned(),
            pieces: 2,
            grams: 5_800,
            ..Sending::default()
        }
    }

    #[test]
    fn what_goes_out_comes_back() {
        let table = table("运单", &[sending()]);
        let expected = Row {
            number: 2,
            parcel: "P-7K2M".to_owned(),
            order: "240118-0001、240118-0002".to_owned(),
            waybill: "078123456789012".to_owned(),
            carrier: "中通快递".to_owned(),
            name: "=张三".to_owned(),
            phone: "13800130042".to_owned(),
            place: "河南省".to_owned(),
        };
        let csv = table.to_csv();
        let text = String::from_utf8(csv.clone()).expect("it is UTF-8");
        assert!(
            text.starts_with('\u{feff}') && text.contains(",'=张三,") && text.contains(",'+1号,"),
            "{text}"
        );
        for bytes in [csv, table.to_xlsx(0).expect("a small table")] {
            let file = read(&bytes).expect("our own file");
            assert_eq!(file.rows, std::slice::from_ref(&expected));
            assert_eq!((file.unknown_columns, file.is_ours), (Vec::new(), true));
        }
    }

    #[test]
    fn carriers_files_are_read_by_their_names() {
        let text = "\u{feff}导出时间,2024-01-20\r\n序号,客户订单号, 运单号码 ,收件人,收件人手机,收件人地址\r\n\
                    1,P-1,\t78123456789012,张**,138****0042,河南省郑州市\r\n,,,,,\r\n3,P-2,,李**,,\r\n";
        let (gb18030, _, _) = encoding_rs::GB18030.encode(text.trim_start_matches('\u{feff}'));
        for bytes in [text.as_bytes(), &gb18030] {
            let file = read(bytes).expect("a carrier's file");
            assert!(!file.is_ours);
            assert_eq!(file.unknown_columns, ["序号"]);
            let [first, second] = &file.rows[..] else {
                panic!("{:?}", file.rows)
            };
            assert_eq!(
                (first.number, first.order.as_str(), first.waybill.as_str()),
                (3, "P-1", "78123456789012")
            );
            assert_eq!(
                (first.phone.as_str(), first.place.as_str()),
                ("138****0042", "河南省郑州市")
            );
            assert_eq!((second.number, second.waybill.as_str()), (5, ""));
        }
    }

    #[test]
    fn files_without_the_needed_columns_are_refused() {
        for (text, expected) in [
            ("收件人,运单号\r\n张三,1\r\n", "no row of column names"),
            ("订单号,收件人\r\n1,张三\r\n", "no row of column names"),
            ("订单号,运单号,运单号\r\n1,2,3\r\n", "two columns named"),
            ("", "no row of column names"),
        ] {
            let error = read(text.as_bytes()).expect_err("refused");
            assert!(error.en.contains(expected), "{text}: {}", error.en);
        }
    }
}
