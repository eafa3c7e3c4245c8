//! One row of an order file: its lines, and what it says of the whole order.

use super::cells::Row;
use super::header::Header;
use super::shops::Field;
use super::values::{self, Good};
use super::words::{self, AfterSale};
use super::{Fault, FileLine, FileRecipient, FileStatus, RowProblem, Shop};

/// What each row of one order repeats and must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Common {
    pub status: FileStatus,
    pub recipient: FileRecipient,
    pub paid_fen: Option<i64>,
    pub order_refunded_fen: i64,
    pub paid_at_ms: Option<i64>,
    pub placed_at_ms: Option<i64>,
    pub buyer: String,
    pub host: String,
}

pub(super) struct OrderRow {
    pub number: usize,
    /// The shop's number, which bad rows are matched by.
    pub order_no: String,
    /// What rows are grouped by.
    pub external_no: String,
    pub has_line_no: bool,
    pub lines: Vec<FileLine>,
    pub common: Common,
    pub freight_fen: i64,
    pub refunded_fen: i64,
    pub notes: [String; 2],
    pub carrier: String,
    pub waybill: String,
}

/// A row that cannot be used; `order_no` names the order it would belong to, where that much can be read.
pub(super) struct BadRow {
    pub order_no: Option<String>,
    pub problem: RowProblem,
}

pub(super) fn parse(header: &Header, row: &Row, full_width: bool) -> Result<OrderRow, BadRow> {
    let order_no = values::id(header.text(row, Field::OrderNo)).map_err(|fault| BadRow {
        order_no: None,
        problem: fault.at(row.number, "order_no"),
    })?;
    check_shape(header, row, full_width)
        .and_then(|()| fields(header, row, &order_no))
        .map_err(|problem| BadRow {
            order_no: Some(order_no),
            problem,
        })
}

/// A comma or quotation mark that was not quoted shifts all cells after it.
fn check_shape(header: &Header, row: &Row, full_width: bool) -> Result<(), RowProblem> {
    let beyond = row.cells.iter().skip(header.width).any(|cell| !cell.is_empty());
    let short =
        full_width && row.cells.len() < header.width && row.cells.iter().any(|cell| cell.contains('\n'));
    if beyond || short {
        let fault = Fault::new(
            "这一行的列数与表头不同,可能有逗号或引号未处理,后面的行也可能并进了这一行",
            "this row's cells do not fit the header: an unquoted comma, or an open quotation mark that swallowed the rows after it",
        );
        return Err(fault.at(row.number, "row"));
    }
    Ok(())
}

fn fields(header: &Header, row: &Row, order_no: &str) -> Result<OrderRow, RowProblem> {
    let number = row.number;
    let line = |field| header.text(row, field).replace('\n', " ");
    let yuan =
        |field, name| optional(header.text(row, field), values::fen).map_err(|fault| fault.at(number, name));
    let moment = |field, name| {
        optional(header.text(row, field), values::instant).map_err(|fault| fault.at(number, name))
    };

    let paid_fen = yuan(Field::Paid, "paid_yuan")?;
    let freight_fen = yuan(Field::Freight, "freight_yuan")?.unwrap_or(0);
    let refunded_fen = yuan(Field::Refunded, "refunded_yuan")?.unwrap_or(0);
    let order_refunded_fen = yuan(Field::OrderRefunded, "refunded_yuan")?.unwrap_or(0);
    let paid_at_ms = moment(Field::PaidAt, "paid_at")?;
    let lines = lines(header, row)?;
    // Several goods in one cell have no price each, but then the row is the whole order.
    let worth = lines
        .iter()
        .map(|line| line.goods_fen)
        .sum::<Option<i64>>()
        .or(paid_fen);
    let status = status(header, row, refunded_fen, worth)?;
    let recipient = FileRecipient {
        name: line(Field::Recipient),
        phone: line(Field::Phone),
        province: line(Field::Province),
        city: line(Field::City),
        district: line(Field::District),
        street: line(Field::Street),
    };
    check_recipient(&recipient, status, number)?;
    Ok(OrderRow {
        number,
        order_no: order_no.to_owned(),
        external_no: external_no(header.shop, order_no, status, paid_at_ms)
            .map_err(|fault| fault.at(number, "paid_at"))?,
        has_line_no: header.has(Field::LineNo),
        lines,
        common: Common {
            status,
            recipient,
            paid_fen,
            order_refunded_fen,
            paid_at_ms,
            placed_at_ms: moment(Field::PlacedAt, "placed_at")?,
            buyer: line(Field::Buyer),
            host: line(Field::Host),
        },
        freight_fen,
        refunded_fen,
        notes: [line(Field::BuyerNote), line(Field::SellerNote)],
        carrier: line(Field::Carrier),
        waybill: values::waybill(header.text(row, Field::Waybill))
            .map_err(|fault| fault.at(number, "waybill"))?,
    })
}

fn optional<T>(text: &str, read: impl Fn(&str) -> Result<T, Fault>) -> Result<Option<T>, Fault> {
    if text.is_empty() {
        Ok(None)
    } else {
        read(text).map(Some)
    }
}

fn lines(header: &Header, row: &Row) -> Result<Vec<FileLine>, RowProblem> {
    let number = row.number;
    let product = header.text(row, Field::Product);
    let sku_code = header.text(row, Field::SkuCode).replace('\n', " ");
    if product.is_empty() && sku_code.is_empty() {
        return Err(
            Fault::new("没有商品名称或商家编码", "neither product nor sku_code is given")
                .at(number, "product"),
        );
    }
    // A group order may stand on one row with all its goods in one cell.
    let listed = header.shop == Shop::Kuaituantuan
        && (!header.has(Field::Quantity) || values::goods(product).is_ok_and(|goods| goods.len() > 1));
    let goods = if listed {
        values::goods(product).map_err(|fault| fault.at(number, "product"))?
    } else {
        let quantity = values::quantity(header.text(row, Field::Quantity))
            .map_err(|fault| fault.at(number, "quantity"))?;
        let spec = header.text(row, Field::Spec).replace('\n', " ");
        vec![Good {
            product: product.replace('\n', " "),
            spec,
            quantity,
        }]
    };
    let single = goods.len() == 1;
    if goods.is_empty() {
        return Err(Fault::new("没有商品", "no goods").at(number, "product"));
    }
    let goods_fen = optional(header.text(row, Field::Goods), values::fen)
        .map_err(|fault| fault.at(number, "goods_yuan"))?;
    if header.has(Field::Goods) && goods_fen.is_none() {
        return Err(Fault::new("没有商品金额", "the amount is empty").at(number, "goods_yuan"));
    }
    let line_no = if header.has(Field::LineNo) {
        values::id(header.text(row, Field::LineNo)).map_err(|fault| fault.at(number, "line_no"))?
    } else {
        String::new()
    };
    let line = |good: Good| FileLine {
        line_no: line_no.clone(),
        sku_code: if single { sku_code.clone() } else { String::new() },
        product: good.product,
        spec: good.spec,
        quantity: good.quantity,
        goods_fen: goods_fen.filter(|_| single),
        row: number,
    };
    Ok(goods.into_iter().map(line).collect())
}

/// The row's status, with what the after-sales column and the money given back add to it: shops leave a refunded
/// line 待发货.
fn status(
    header: &Header,
    row: &Row,
    refunded_fen: i64,
    worth: Option<i64>,
) -> Result<FileStatus, RowProblem> {
    let unknown = |word: &str, all: String, name| {
        Fault::new(
            format!("“{word}”不认识,可用:{all}"),
            format!("{word:?} is unknown; accepted: {all}"),
        )
        .at(row.number, name)
    };
    let word = header.text(row, Field::Status);
    let status = words::status(word).map_err(|all| unknown(word, all, "status"))?;
    let word = header.text(row, Field::AfterSale);
    let after_sale = words::after_sale(word).map_err(|all| unknown(word, all, "after_sale"))?;
    if matches!(status, FileStatus::Cancelled | FileStatus::Refunded) {
        return Ok(status);
    }
    let partly = refunded_fen > 0 && worth.is_some_and(|worth| refunded_fen < worth);
    let fully = refunded_fen > 0 && !partly;
    let asked = |zh, en| Err(Fault::new(zh, en).at(row.number, "after_sale"));
    match after_sale {
        AfterSale::Open => asked(
            "退款还在处理中,请先在店铺后台处理完再导入",
            "a refund is being decided: settle it in the shop, then import again",
        ),
        AfterSale::Partly if refunded_fen == 0 => asked(
            "部分退款但没有退款金额,请用带退款金额的导出",
            "partly refunded, but the file does not say how much: export it with the refund column",
        ),
        AfterSale::Refunded if !partly => Ok(FileStatus::Refunded),
        _ if fully => Ok(FileStatus::Refunded),
        _ => Ok(status),
    }
}

/// Cancelled and refunded orders go nowhere, and shops hide their recipients; all others need a clear one.
fn check_recipient(recipient: &FileRecipient, status: FileStatus, row: usize) -> Result<(), RowProblem> {
    if matches!(status, FileStatus::Cancelled | FileStatus::Refunded) {
        return Ok(());
    }
    let parts = [
        ("recipient", &recipient.name, true),
        ("phone", &recipient.phone, true),
        ("province", &recipient.province, false),
        ("city", &recipient.city, false),
        ("district", &recipient.district, false),
        ("street", &recipient.street, true),
    ];
    for (field, text, needed) in parts {
        if values::is_encrypted(text) {
            let fault = Fault::new(
                "收件信息是加密或打星的,请在店铺后台申请导出明文",
                "the recipient is encrypted or hidden: export the clear text from the shop",
            );
            return Err(fault.at(row, field));
        }
        if needed && text.is_empty() {
            let fault = Fault::new(
                "收件信息为空(礼物订单请等对方填好地址)",
                "the recipient is incomplete (a gift gets its address once accepted)",
            );
            return Err(fault.at(row, field));
        }
    }
    Ok(())
}

/// What makes the order unique in its shop. Group sales count from 1 each, so the minute of payment joins the
/// number; a time of exactly midnight is one that a spreadsheet cut off, and would make the same order look new.
fn external_no(
    shop: Shop,
    order_no: &str,
    status: FileStatus,
    paid_at_ms: Option<i64>,
) -> Result<String, Fault> {
    match (shop, paid_at_ms) {
        (Shop::Kuaituantuan, Some(ms)) if values::is_midnight(ms) => Err(Fault::new(
            "支付时间没有时分(被表格软件去掉了),无法区分不同的团,请重新导出",
            "the payment time has lost its hour and minute, which tell group sales apart: export the file again",
        )),
        (Shop::Kuaituantuan, Some(ms)) => Ok(format!("{order_no}@{}", values::minute_stamp(ms))),
        (Shop::Kuaituantuan, None)
            if !matches!(status, FileStatus::AwaitingPayment | FileStatus::Cancelled) =>
        {
            Err(Fault::new(
                "已付款的订单没有支付时间",
                "a paid order without payment time",
            ))
        }
        _ => Ok(order_no.to_owned()),
    }
}
