//! Whole files. The figures of the two sample files were counted by an independent program.

use std::collections::BTreeMap;

use super::*;

pub(super) const GROUP: &[u8] = include_bytes!("../../demo/orders-380-cases.kuaituantuan.csv");
pub(super) const LIVE: &[u8] = include_bytes!("../../../tests/it/data/orders-120-cases.doudian.gb18030.csv");

fn cases(file: &OrderFile, status: FileStatus) -> (usize, i64, i64) {
    let orders: Vec<&FileOrder> = file
        .orders
        .iter()
        .filter(|order| order.status == status)
        .collect();
    let lines = || orders.iter().flat_map(|order| &order.lines);
    (
        orders.len(),
        lines().map(|line| line.quantity).sum(),
        lines().filter_map(|line| line.goods_fen).sum(),
    )
}

fn per_sku(file: &OrderFile, status: FileStatus) -> BTreeMap<&str, i64> {
    let mut sums = BTreeMap::new();
    for line in file
        .orders
        .iter()
        .filter(|order| order.status == status)
        .flat_map(|order| &order.lines)
    {
        *sums.entry(line.sku_code.as_str()).or_default() += line.quantity;
    }
    sums
}

#[test]
fn the_group_order_sample_is_read_in_full() {
    let file = read(GROUP, None).expect("the sample");
    assert_eq!((file.shop, file.rows), (Shop::Kuaituantuan, 202));
    assert_eq!((file.problems.len(), file.unknown_columns.len()), (0, 0));
    assert_eq!(file.orders.len(), 166);
    assert_eq!(cases(&file, FileStatus::Paid), (166, 380, 3_023_370));
    let expected = BTreeMap::from([
        ("FT05", 205),
        ("FT10", 100),
        ("LG02", 19),
        ("MS10", 44),
        ("MY04", 12),
    ]);
    assert_eq!(per_sku(&file, FileStatus::Paid), expected);
    let third = &file.orders[2];
    assert_eq!(
        (third.external_no.as_str(), third.rows.as_slice()),
        ("3@202401130630", [4, 5].as_slice())
    );
    assert_eq!(
        third
            .lines
            .iter()
            .map(|line| (line.line_no.as_str(), line.goods_fen))
            .collect::<Vec<_>>(),
        [("1", Some(20_400)), ("2", Some(4_500))]
    );
    assert_eq!(third.recipient.city, "黔南布依族苗族自治州");
    assert_eq!(third.paid_at_ms, Some(1_705_098_646_000));
    assert_eq!(
        file.orders.iter().filter(|order| !order.note.is_empty()).count(),
        28
    );
}

#[test]
fn the_livestream_sample_leaves_out_what_must_not_be_sent() {
    let file = read(LIVE, None).expect("the sample");
    assert_eq!((file.shop, file.rows, file.orders.len()), (Shop::Doudian, 67, 60));
    assert_eq!(file.problems, []);
    assert_eq!(file.unknown_columns, ["取消原因"]);
    assert_eq!(cases(&file, FileStatus::Paid), (54, 104, 732_750));
    assert_eq!(cases(&file, FileStatus::Cancelled), (5, 13, 93_480));
    let expected = BTreeMap::from([("FT05", 64), ("FT10", 14), ("LG02", 6), ("MS10", 9), ("MY04", 11)]);
    assert_eq!(per_sku(&file, FileStatus::Paid), expected);
    // 待发货 in the file, but with 退款成功 in the after-sales column.
    assert_eq!(cases(&file, FileStatus::Refunded), (1, 3, 20_400));
    let second = &file.orders[1];
    assert_eq!(
        second.external_no, "6927000000000015838",
        "no TAB, no lost digits"
    );
    assert_eq!(second.lines[1].line_no, "6927000000000015839");
    assert_eq!(
        (second.paid_fen, second.lines.len()),
        (Some(33_200), 2),
        "the order's total repeats, it is not summed"
    );
    assert_eq!(second.host, "张村助农直播间");
    assert_eq!(second.paid_at_ms, Some(1_705_578_360_000));
}

#[test]
fn samples_read_the_same_from_any_encoding_and_separator() {
    let expected = read(GROUP, None).expect("the sample");
    let text = std::str::from_utf8(GROUP)
        .expect("UTF-8")
        .trim_start_matches('\u{feff}');
    let utf16: Vec<u8> = std::iter::once('\u{feff}')
        .chain(text.chars())
        .collect::<String>()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let (gb18030, _, lossy) = encoding_rs::GB18030.encode(text);
    assert!(!lossy);
    let semicolons = text.replace(',', ";").replace("老人的;请", "老人的,请");
    for bytes in [
        text.as_bytes(),
        &gb18030,
        &utf16,
        text.replace("\r\n", "\n").as_bytes(),
        text.replace(',', "\t").as_bytes(),
    ] {
        let file = read(bytes, None).expect("the same file");
        assert_eq!(file.orders.len(), expected.orders.len());
        assert!(
            file.orders
                .iter()
                .zip(&expected.orders)
                .all(|(a, b)| a.content_hash == b.content_hash)
        );
    }
    assert_eq!(
        read(semicolons.as_bytes(), None)
            .expect("semicolons")
            .orders
            .len(),
        166
    );
    assert_eq!(
        read(GROUP, None).expect("again"),
        expected,
        "reading twice gives the same"
    );
}

#[test]
fn group_orders_with_all_goods_in_one_cell() {
    let head = "跟团号,下单人,支付时间,商品,订单金额,订单退款,订单状态,收货人,联系电话,详细地址";
    let tail = "待发货,张三,13800000000,河南省平顶山市鲁山县张村1号";
    let body = format!(
        "1,张三,2024-01-12 10:00:05,纯红薯粉条 2.5kg/箱*2;魔芋*1,181.00,,{tail}\n\
         1,李四,2024-01-15 09:30:00,魔芋*1,45,45,{tail}\n\
         2,王五,2024-01-12,魔芋*1,45,,{tail}\n"
    );
    let file = read(format!("群接龙导出\n\n{head}\n{body}").as_bytes(), None).expect("a group file");
    let orders: Vec<_> = file
        .orders
        .iter()
        .map(|order| (order.external_no.as_str(), order.status))
        .collect();
    assert_eq!(
        orders,
        [
            ("1@202401121000", FileStatus::Paid),
            ("1@202401150930", FileStatus::Refunded)
        ],
        "number 1 of two sales"
    );
    let lines: Vec<_> = file.orders[0]
        .lines
        .iter()
        .map(|line| {
            (
                line.product.as_str(),
                line.spec.as_str(),
                line.quantity,
                line.goods_fen,
            )
        })
        .collect();
    assert_eq!(
        lines,
        [("纯红薯粉条", "2.5kg/箱", 2, None), ("魔芋", "", 1, None)]
    );
    assert_eq!(file.orders[1].lines[0].goods_fen, Some(4_500));
    assert_eq!(
        (file.orders[0].paid_fen, file.orders[0].rows[0]),
        (Some(18_100), 4),
        "titles and blank lines count as rows"
    );
    assert_eq!(
        file.problems
            .iter()
            .map(|problem| (problem.row, problem.field))
            .collect::<Vec<_>>(),
        [(6, "paid_at")],
        "the hour was cut off"
    );
}
