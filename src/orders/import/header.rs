//! Finds the row of column names and understands it. A column that no name matches is reported, never guessed.

use super::cells::Row;
use super::shops::{FIELDS, Field, SIGNATURES, names, names_of, required};
use super::words::normal;
use super::{FileError, Shop};

/// The row with the column names, understood.
pub(super) struct Header {
    pub shop: Shop,
    /// Its place among the rows read.
    pub at: usize,
    pub width: usize,
    pub unknown: Vec<String>,
    columns: [Option<usize>; FIELDS],
}

impl Header {
    pub fn has(&self, field: Field) -> bool {
        self.columns[field as usize].is_some()
    }

    /// The row's text for a field, empty when the file has no such column. Placeholders like `-` are empty too.
    pub fn text<'a>(&self, row: &'a Row, field: Field) -> &'a str {
        let text = self.columns[field as usize].map_or("", |column| row.cell(column));
        if matches!(text, "-" | "--" | "/" | "N/A") {
            ""
        } else {
            text
        }
    }
}

/// Finds the header among the first rows; titles may stand above it. Without `shop`, column names that only one shop
/// uses decide, and a file without any of them is read as the generic one.
pub(super) fn find(rows: &[Row], shop: Option<Shop>) -> Result<Header, FileError> {
    const LOOK_AT: usize = 20;
    let (mut most, mut closest) = (1, None);
    for (at, row) in rows.iter().take(LOOK_AT).enumerate() {
        let cells: Vec<String> = row.cells.iter().map(|cell| normal(cell)).collect();
        let shop = shop.unwrap_or_else(|| sniff(&cells));
        let header = match understand(shop, at, row, &cells) {
            Ok(header) => header,
            Err((known, error)) => {
                if known > most {
                    (most, closest) = (known, Some(error));
                }
                continue;
            }
        };
        return Ok(header);
    }
    Err(closest.unwrap_or_else(|| {
        FileError::new(
            None,
            "没有找到表头:请使用快团团、抖店、微信小店、拼多多的订单导出文件,或通用格式",
            "no row of column names found: use the order export of Kuaituantuan, Doudian, Weixin or Pinduoduo, or the generic format",
        )
    }))
}

fn sniff(cells: &[String]) -> Shop {
    SIGNATURES
        .iter()
        .find(|(_, names)| names.iter().any(|name| cells.contains(&normal(name))))
        .map_or(Shop::Generic, |(shop, _)| *shop)
}

/// Reads one row as header. The error comes with the number of columns known, to tell the likeliest row.
fn understand(shop: Shop, at: usize, row: &Row, cells: &[String]) -> Result<Header, (usize, FileError)> {
    let columns = columns(shop, cells);
    let known = columns.iter().flatten().count();
    let checked = check_doubled(row, cells, &columns).and_then(|()| check_required(shop, row, &columns));
    checked.map_err(|error| (known, error))?;
    let unread = |(place, name): (usize, &String)| {
        let unread = !name.is_empty() && !columns.contains(&Some(place));
        unread.then(|| name.clone())
    };
    let unknown = row.cells.iter().enumerate().filter_map(unread).collect();
    let width = row
        .cells
        .iter()
        .rposition(|name| !name.is_empty())
        .map_or(0, |last| last + 1);
    Ok(Header {
        shop,
        at,
        width,
        unknown,
        columns,
    })
}

/// Where each field stands; the name listed first wins.
fn columns(shop: Shop, cells: &[String]) -> [Option<usize>; FIELDS] {
    let mut columns = [None; FIELDS];
    for (field, names) in names(shop) {
        for name in *names {
            let wanted = normal(name);
            let found = cells.iter().position(|cell| *cell == wanted);
            columns[*field as usize] = columns[*field as usize].or(found);
        }
    }
    columns
}

/// A name that stands twice leaves open which column is meant.
fn check_doubled(row: &Row, cells: &[String], columns: &[Option<usize>; FIELDS]) -> Result<(), FileError> {
    for place in columns.iter().flatten() {
        if cells.iter().filter(|cell| **cell == cells[*place]).count() > 1 {
            let (number, name) = (row.number, row.cell(*place));
            return Err(FileError::new(
                Some(number),
                format!("第 {number} 行有两列都叫“{name}”,请删去一列"),
                format!("row {number} has two columns named {name}: remove one"),
            ));
        }
    }
    Ok(())
}

fn check_required(shop: Shop, row: &Row, columns: &[Option<usize>; FIELDS]) -> Result<(), FileError> {
    let lacking = |fields: &&&[Field]| fields.iter().all(|field| columns[*field as usize].is_none());
    let accepted = |fields: &&[Field]| {
        let names: Vec<String> = fields.iter().map(|field| names_of(shop, *field)).collect();
        names.join(" / ")
    };
    let missing: Vec<String> = required(shop).iter().filter(lacking).map(accepted).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (number, list) = (row.number, missing.join("; "));
    let (title, name) = (shop.title(), shop.as_str());
    Err(FileError::new(
        Some(number),
        format!("第 {number} 行的表头(按{title}读取)缺少这些列,每组任一列名即可:{list}"),
        format!(
            "the column names in row {number} (read as {name}) lack these, any name of a group will do: {list}"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(names: &str) -> Vec<Row> {
        vec![Row {
            number: 1,
            cells: names.split(',').map(str::to_owned).collect(),
        }]
    }

    #[test]
    fn shops_are_told_apart_by_their_columns() {
        let tail = "订单状态,收件人,手机,详细地址";
        for (shop, names) in [
            (
                Shop::Doudian,
                format!("主订单编号,子订单编号,选购商品,商品数量,商品金额,{tail}"),
            ),
            (
                Shop::Kuaituantuan,
                format!("跟团号,商品,订单金额,支付时间,{tail}"),
            ),
            (
                Shop::Weixin,
                format!("订单号,商品名称,商品编码(自定义),商品数量,商品实际价格(总共),{tail}"),
            ),
            (
                Shop::Pinduoduo,
                format!("订单号,商品,商品数量(件),商品总价(元),用户实付金额(元),{tail}"),
            ),
            (
                Shop::Generic,
                format!("Order_No,SKU编码,数量,商品金额(元),{tail}"),
            ),
        ] {
            let header = find(&row(&names), None).unwrap_or_else(|error| panic!("{shop:?}: {error}"));
            assert_eq!(header.shop, shop);
            assert_eq!(header.unknown, Vec::<String>::new(), "{shop:?}");
        }
    }

    #[test]
    fn missing_doubled_and_foreign_columns_are_named() {
        let full = "order_no,product,quantity,goods_yuan,status,recipient,phone,street";
        let header = find(&row(&format!("{full},心情,商品")), None).expect("complete");
        assert_eq!(
            header.unknown,
            ["心情", "商品"],
            "the name listed first wins, the other is reported"
        );
        for (names, expected) in [
            (
                "order_no,product,goods_yuan,status,recipient,phone,street",
                "quantity / 数量",
            ),
            (
                "order_no,quantity,goods_yuan,status,recipient,phone,street",
                "sku_code / 商家编码",
            ),
            (&format!("{full},phone"), "two columns named phone"),
            ("甲,乙", "no row of column names"),
        ] {
            let error = find(&row(names), None).err().expect("refused");
            assert!(error.en.contains(expected), "{}", error.en);
        }
    }
}
