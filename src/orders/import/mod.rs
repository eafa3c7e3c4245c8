//! Order files of other shops: bytes in, orders and a list of problems out. Pure; nothing is stored here.
//!
//! A file as a whole is refused ([`FileError`]) when it is no table, too large, or lacks columns. A bad row is a
//! [`RowProblem`]: its order is left out entirely, because half an order must not be sent, and all others are usable.
//! The same bytes always give the same answer.
//!
//! The formats and their column names are in `shops.rs`, which also documents the generic file.

mod cells;
mod group;
mod header;
#[cfg(test)]
mod hostile_tests;
mod row;
#[cfg(test)]
mod rule_tests;
mod shops;
#[cfg(test)]
mod tests;
mod values;
mod words;
mod xlsx;

use serde::Serialize;

pub use cells::{MAX_BYTES, Row, Sheet, read as read_sheet};
pub use words::{fold_width, normal};

/// Where an order file comes from, which decides what its columns mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shop {
    Kuaituantuan,
    Doudian,
    Weixin,
    Pinduoduo,
    Generic,
}

impl Shop {
    pub const ALL: [Shop; 5] = [
        Shop::Kuaituantuan,
        Shop::Doudian,
        Shop::Weixin,
        Shop::Pinduoduo,
        Shop::Generic,
    ];

    /// Reads the name used on the command line and in stored orders.
    pub fn parse(name: &str) -> Option<Shop> {
        Shop::ALL.into_iter().find(|shop| shop.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Shop::Kuaituantuan => "kuaituantuan",
            Shop::Doudian => "doudian",
            Shop::Weixin => "weixin",
            Shop::Pinduoduo => "pinduoduo",
            Shop::Generic => "generic",
        }
    }

    /// The shop's Chinese name.
    pub fn title(self) -> &'static str {
        match self {
            Shop::Kuaituantuan => "快团团",
            Shop::Doudian => "抖店",
            Shop::Weixin => "微信小店",
            Shop::Pinduoduo => "拼多多",
            Shop::Generic => "通用格式",
        }
    }
}

/// What the file says of an order. Whole-order refunds count as refunded even where the shop leaves them 待发货.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    AwaitingPayment,
    /// Paid and to be sent, 待发货.
    Paid,
    Shipped,
    Delivered,
    Cancelled,
    Refunded,
}

/// An order file, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFile {
    pub shop: Shop,
    /// Filled rows under the header.
    pub rows: usize,
    /// Columns that were not read, as the file names them.
    pub unknown_columns: Vec<String>,
    /// Complete orders, in the order of their first rows.
    pub orders: Vec<FileOrder>,
    /// By row; none of their orders is in `orders`.
    pub problems: Vec<RowProblem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOrder {
    /// Unique within the shop. 快团团 numbers the orders of each group sale from 1, so there it is
    /// `跟团号@YYYYMMDDhhmm` with the minute of payment in China time (the bare number while unpaid).
    pub external_no: String,
    /// Row numbers as a spreadsheet shows them; the header of a plain file is row 1.
    pub rows: Vec<usize>,
    pub lines: Vec<FileLine>,
    pub status: FileStatus,
    pub freight_fen: i64,
    /// What the file states as given back; 0 where it has no such column, even for refunded orders.
    pub refunded_fen: i64,
    /// The order's total as the file states it.
    pub paid_fen: Option<i64>,
    pub recipient: FileRecipient,
    /// Epoch milliseconds.
    pub paid_at_ms: Option<i64>,
    /// Epoch milliseconds.
    pub placed_at_ms: Option<i64>,
    pub buyer: String,
    /// Notes of buyer and seller, the different ones joined by `;`.
    pub note: String,
    pub carrier: String,
    /// Several parcels are joined by `,`.
    pub waybill: String,
    /// Who sold it in a livestream.
    pub host: String,
    /// Hex SHA-256 over number, lines and recipient: what must not change between two imports. The status, money
    /// given back, notes and waybills are not in it, nor is the order of the rows.
    pub content_hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// The shop's number of the line, else its place in the order from 1.
    pub line_no: String,
    /// May be empty where the file names goods by text only.
    pub sku_code: String,
    pub product: String,
    pub spec: String,
    pub quantity: i64,
    /// For the whole quantity. `None` where a file only has the order's total for several goods.
    pub goods_fen: Option<i64>,
    pub row: usize,
}

/// As written in the file. Where province, city and district are empty, `street` is the whole address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecipient {
    pub name: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
}

/// Why a row's order was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowProblem {
    /// As a spreadsheet shows it, header = 1.
    pub row: usize,
    /// The field in English, as in the generic file.
    pub field: &'static str,
    pub zh: String,
    pub en: String,
}

/// Why a file was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{zh} / {en}")]
pub struct FileError {
    /// Where it was noticed, if in one place.
    pub row: Option<usize>,
    pub zh: String,
    pub en: String,
}

impl FileError {
    fn new(row: Option<usize>, zh: impl Into<String>, en: impl Into<String>) -> FileError {
        FileError {
            row,
            zh: zh.into(),
            en: en.into(),
        }
    }
}

/// What is wrong with one value, in both languages.
#[derive(Debug)]
struct Fault {
    zh: String,
    en: String,
}

impl Fault {
    fn new(zh: impl Into<String>, en: impl Into<String>) -> Fault {
        Fault {
            zh: zh.into(),
            en: en.into(),
        }
    }

    fn at(self, row: usize, field: &'static str) -> RowProblem {
        RowProblem {
            row,
            field,
            zh: self.zh,
            en: self.en,
        }
    }
}

/// Reads a CSV or XLSX order file. Without `shop` the column names tell which it is.
///
/// # Errors
/// When nothing of the file can be used: not a table, over the limits (10 MiB, 100,000 rows, 120 columns, cells of
/// 4,000 characters, 100 MiB unpacked), undecodable text, or columns missing.
pub fn read(bytes: &[u8], shop: Option<Shop>) -> Result<OrderFile, FileError> {
    let (sheet, header) = cells::read(bytes, |rows| header::find(rows, shop))?;
    let rows = sheet.rows.get(header.at + 1..).unwrap_or_default();
    let parsed: Vec<_> = rows
        .iter()
        .map(|row| row::parse(&header, row, sheet.full_width))
        .collect();
    let (orders, problems) = group::orders(header.shop, parsed);
    Ok(OrderFile {
        shop: header.shop,
        rows: rows.len(),
        unknown_columns: header.unknown,
        orders,
        problems,
    })
}
