//! Figures for people and spreadsheets: what was sold, what is still to be sent, through whom it came, what is there.
//! Each row type is one report; it is JSON as it stands, and a [`Table`] for CSV and XLSX.

pub mod api;
mod store;

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::money::Fen;
use crate::stock::Availability;
use crate::web::export::{Cell, Column, Kind, Table};

/// What was sold on one day, in Asia/Shanghai, by when the orders were placed. Goods and freight as ordered; cases
/// without those that were cancelled. An order counts once money came for it, or it is to be paid on delivery.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SalesDay {
    pub day: String,
    pub orders: i64,
    pub cases: i64,
    pub goods_fen: Fen,
    pub freight_fen: Fen,
    pub captured_fen: Fen,
    pub refunded_fen: Fen,
}

/// What came through one channel and host, counted as in [`SalesDay`].
#[derive(Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct ChannelSales {
    pub channel: String,
    /// empty where nobody in particular sold it
    pub host: String,
    pub orders: i64,
    pub cases: i64,
    pub goods_fen: Fen,
    pub freight_fen: Fen,
    pub captured_fen: Fen,
    pub refunded_fen: Fen,
}

/// What there is of one stock item.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StockLevel {
    pub sku: String,
    pub title: String,
    pub spec: String,
    pub on_hand: i64,
    pub held: i64,
    pub available: i64,
}

impl StockLevel {
    fn of(level: Availability, title: String, spec: String) -> Self {
        StockLevel {
            sku: level.sku,
            title,
            spec,
            on_hand: level.on_hand,
            held: level.held,
            available: level.available,
        }
    }
}

/// What is sold and not handed over yet: paid, or to be paid on delivery. Cases are those not sent yet.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Backlog {
    pub cases: i64,
    pub orders: i64,
    pub by_sku: Vec<SkuBacklog>,
    pub by_province: Vec<ProvinceBacklog>,
    /// when the order that has waited longest was paid
    pub oldest_paid_at: Option<Timestamp>,
}

#[derive(Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct SkuBacklog {
    pub sku: String,
    pub title: String,
    pub cases: i64,
}

#[derive(Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
pub struct ProvinceBacklog {
    /// as addresses write it; empty where the address must still be cleared up
    pub province: String,
    pub cases: i64,
    pub orders: i64,
}

/// The backlog as a spreadsheet has it: a row per province and sku.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
struct BacklogRow {
    province: String,
    sku: String,
    title: String,
    cases: i64,
    oldest_paid_at: Option<Timestamp>,
}

const fn column(key: &'static str, zh: &'static str, en: &'static str, kind: Kind) -> Column {
    Column { key, zh, en, kind }
}

fn text(text: String) -> Cell {
    Cell::Text(text)
}

fn fen(amount: Fen) -> Cell {
    Cell::Number(amount.0)
}

/// The columns that sales by day and by channel share.
fn sums() -> [Column; 6] {
    [
        column("orders", "订单", "Orders", Kind::Int),
        column("cases", "箱数", "Cases", Kind::Int),
        column("goods_fen", "货款", "Goods", Kind::Fen),
        column("freight_fen", "运费", "Freight", Kind::Fen),
        column("captured_fen", "实收", "Received", Kind::Fen),
        column("refunded_fen", "退款", "Refunded", Kind::Fen),
    ]
}

fn sales_table(rows: Vec<SalesDay>) -> Table {
    let row = |row: SalesDay| {
        vec![
            text(row.day),
            Cell::Number(row.orders),
            Cell::Number(row.cases),
            fen(row.goods_fen),
            fen(row.freight_fen),
            fen(row.captured_fen),
            fen(row.refunded_fen),
        ]
    };
    let mut columns = vec![column("day", "日期", "Day", Kind::Day)];
    columns.extend(sums());
    Table {
        title: "销售日报".to_owned(),
        columns,
        rows: rows.into_iter().map(row).collect(),
    }
}

fn channels_table(rows: Vec<ChannelSales>) -> Table {
    let row = |row: ChannelSales| {
        vec![
            text(row.channel),
            text(row.host),
            Cell::Number(row.orders),
            Cell::Number(row.cases),
            fen(row.goods_fen),
            fen(row.freight_fen),
            fen(row.captured_fen),
            fen(row.refunded_fen),
        ]
    };
    let mut columns = vec![
        column("channel", "渠道", "Channel", Kind::Text),
        column("host", "主播", "Host", Kind::Text),
    ];
    columns.extend(sums());
    Table {
        title: "渠道销售".to_owned(),
        columns,
        rows: rows.into_iter().map(row).collect(),
    }
}

fn stock_table(rows: Vec<StockLevel>) -> Table {
    let row = |row: StockLevel| {
        vec![
            text(row.sku),
            text(row.title),
            text(row.spec),
            Cell::Number(row.on_hand),
            Cell::Number(row.held),
            Cell::Number(row.available),
        ]
    };
    Table {
        title: "库存".to_owned(),
        columns: vec![
            column("sku", "规格编码", "Sku", Kind::Text),
            column("title", "名称", "Title", Kind::Text),
            column("spec", "规格", "Spec", Kind::Text),
            column("on_hand", "在库", "On hand", Kind::Int),
            column("held", "占用", "Held", Kind::Int),
            column("available", "可售", "Available", Kind::Int),
        ],
        rows: rows.into_iter().map(row).collect(),
    }
}

fn backlog_table(rows: Vec<BacklogRow>) -> Table {
    let row = |row: BacklogRow| {
        let oldest = row.oldest_paid_at.map_or(Cell::Empty, |at| Cell::Number(at.0));
        vec![
            text(row.province),
            text(row.sku),
            text(row.title),
            Cell::Number(row.cases),
            oldest,
        ]
    };
    Table {
        title: "待发货".to_owned(),
        columns: vec![
            column("province", "省份", "Province", Kind::Text),
            column("sku", "规格编码", "Sku", Kind::Text),
            column("title", "名称", "Title", Kind::Text),
            column("cases", "箱数", "Cases", Kind::Int),
            column("oldest_paid_at", "最早付款", "Oldest paid", Kind::Instant),
        ],
        rows: rows.into_iter().map(row).collect(),
    }
}
