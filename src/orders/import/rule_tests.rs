//! Rows of the generic file: what is refused, what a refund means, what makes an order the same.

use super::*;

/// A generic file with the given rows.
fn generic(rows: &[&str]) -> OrderFile {
    let header = "order_no,line_no,sku_code,product,spec,quantity,goods_yuan,paid_yuan,freight_yuan,refunded_yuan,status,售后状态,recipient,phone,province,city,district,street,paid_at,note";
    read(format!("{header}\n{}\n", rows.join("\n")).as_bytes(), None).expect("a readable file")
}

fn problem(row: &str) -> (&'static str, String) {
    let file = generic(&[row]);
    assert_eq!(file.orders, [], "{row}");
    let problem = file
        .problems
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no problem: {row}"));
    assert_eq!(problem.row, 2);
    assert!(!problem.zh.is_empty());
    (problem.field, problem.en)
}

const TO: &str = "张三,13800000000,河南省,平顶山市,鲁山县,张村1号,2024-01-12 10:00,";

#[test]
fn the_hash_ignores_status_and_row_order_and_sees_goods_and_recipient() {
    let hash = |rows: &[&str]| generic(rows).orders[0].content_hash.clone();
    let (a, b) = (
        format!("A,1,FT05,,,1,68,,,,paid,,{TO}"),
        format!("A,2,MY04,,,1,45,,,,paid,,{TO}"),
    );
    let both = hash(&[&a, &b]);
    assert_eq!(both, hash(&[&b, &a]));
    assert_eq!(
        both,
        hash(&[&a.replace("paid", "shipped"), &b.replace("paid", "shipped")])
    );
    assert_eq!(both, hash(&[&a.replace("68,", "'\u{ff16}\u{ff18}.00元,"), &b]));
    for changed in [
        a.replace(",1,68", ",2,68"),
        a.replace(",68", ",69"),
        a.replace("FT05", "FT10"),
    ] {
        assert_ne!(both, hash(&[&changed, &b]), "{changed}");
    }
    assert_ne!(hash(&[&a]), hash(&[&a.replace("鲁山县", "叶县")]));
    assert_ne!(hash(&[&a]), both);
}

#[test]
fn one_bad_row_takes_its_order_and_no_other() {
    let rows = [
        format!("A,1,FT05,,,1,68,,,,paid,,{TO}"),
        format!("A,2,MY04,,,none,45,,,,paid,,{TO}"),
        String::new(),
        format!("B,1,FT05,,,1,68,,,,paid,,{TO}"),
        format!("6.92700E+18,1,FT05,,,1,68,,,,paid,,{TO}"),
    ];
    let file = generic(&rows.each_ref().map(String::as_str));
    assert_eq!(
        file.orders
            .iter()
            .map(|order| (order.external_no.as_str(), order.rows[0]))
            .collect::<Vec<_>>(),
        [("B", 5)]
    );
    assert_eq!(
        file.problems
            .iter()
            .map(|problem| (problem.row, problem.field))
            .collect::<Vec<_>>(),
        [(3, "quantity"), (6, "order_no")]
    );
}

fn check_named(table: &[(String, &str, &str)]) {
    for (row, field, words) in table {
        let (got, en) = problem(row);
        assert_eq!(got, *field, "{row}: {en}");
        assert!(en.contains(words), "{row}: {en}");
    }
}

#[test]
fn every_bad_value_is_named() {
    check_named(&[
        (format!(",1,FT05,,,1,68,,,,paid,,{TO}"), "order_no", "empty"),
        (
            format!("A,6.92700E+18,FT05,,,1,68,,,,paid,,{TO}"),
            "line_no",
            "lost its last digits",
        ),
        (format!("A,1,,,,1,68,,,,paid,,{TO}"), "product", "neither"),
        (
            format!("A,1,FT05,,,1.5,68,,,,paid,,{TO}"),
            "quantity",
            "whole number",
        ),
        (
            format!("A,1,FT05,,,1,-68,,,,paid,,{TO}"),
            "goods_yuan",
            "positive",
        ),
        (
            format!("A,1,FT05,,,1,68.005,,,,paid,,{TO}"),
            "goods_yuan",
            "two decimals",
        ),
        (format!("A,1,FT05,,,1,,,,,paid,,{TO}"), "goods_yuan", "empty"),
        (format!("A,1,FT05,,,1,68,x,,,paid,,{TO}"), "paid_yuan", "\"x\""),
        (
            format!("A,1,FT05,,,1,68,,,69,paid,,{TO}"),
            "refunded_yuan",
            "more is refunded",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,hello,,{TO}"),
            "status",
            "awaiting_payment",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,paid,退款中,{TO}"),
            "after_sale",
            "settle it",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,paid,部分退款,{TO}"),
            "after_sale",
            "how much",
        ),
    ]);
}

#[test]
fn hidden_recipients_and_shifted_cells_are_named() {
    check_named(&[
        (
            format!("A,1,FT05,,,1,68,,,,paid,,{}", TO.replace("张三", "##a1b2")),
            "recipient",
            "clear text",
        ),
        (
            format!(
                "A,1,FT05,,,1,68,,,,paid,,{}",
                TO.replace("13800000000", "138****0000")
            ),
            "phone",
            "clear text",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,paid,,{}", TO.replace("河南省", "****")),
            "province",
            "clear text",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,paid,,{}", TO.replace("张村1号", "")),
            "street",
            "incomplete",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,paid,,{}", TO.replace("10:00", "morning")),
            "paid_at",
            "morning",
        ),
        (
            format!("A,1,FT05,,,1,68,,,,paid,,{TO}note,extra"),
            "row",
            "unquoted comma",
        ),
        ("A,1,\"FT05,,,1,68\nB,,,".to_owned(), "row", "swallowed"),
    ]);
}

#[test]
fn refunds_decide_the_status_only_when_whole() {
    for (row, status, refunded) in [
        (",,10,paid,", FileStatus::Paid, 1_000),
        (",,10,paid,退款成功", FileStatus::Paid, 1_000),
        (",,10,shipped,部分退款", FileStatus::Shipped, 1_000),
        (",,68,paid,", FileStatus::Refunded, 6_800),
        (",,,paid,退款成功", FileStatus::Refunded, 0),
        (",,68,cancelled,", FileStatus::Cancelled, 6_800),
        ("78,10,78,paid,", FileStatus::Refunded, 7_800),
    ] {
        let file = generic(&[&format!("A,1,FT05,,,1,68,{row},{TO}")]);
        assert_eq!(file.problems, [], "{row}");
        assert_eq!(
            (file.orders[0].status, file.orders[0].refunded_fen),
            (status, refunded),
            "{row}"
        );
    }
    let hidden = generic(&[&format!(
        "A,1,FT05,,,1,68,,,,cancelled,,{}",
        TO.replace("张三", "##x")
    )]);
    assert_eq!(hidden.orders.len(), 1, "nobody sends a cancelled order");
}

#[test]
fn rows_of_one_order_must_agree() {
    let first = format!("A,1,FT05,,,1,68,113,10,,paid,,{TO}");
    let second = format!("A,2,MY04,,,1,45,113,10,,paid,,{TO}");
    let file = generic(&[&first, &second]);
    assert_eq!(
        (file.orders[0].freight_fen, file.orders[0].paid_fen),
        (1_000, Some(11_300)),
        "once per order"
    );
    for (changed, field) in [
        (second.replace("paid", "shipped"), "status"),
        (second.replace("张三", "李四"), "recipient"),
        (second.replace("113", "114"), "paid_yuan"),
        (second.replace(",10,", ",11,"), "freight_yuan"),
        (second.replace("A,2", "A,1"), "line_no"),
    ] {
        let file = generic(&[&first, &changed]);
        assert_eq!(file.orders, [], "{field}");
        assert_eq!(
            file.problems
                .iter()
                .map(|problem| (problem.row, problem.field))
                .collect::<Vec<_>>(),
            [(3, field)]
        );
    }
}
