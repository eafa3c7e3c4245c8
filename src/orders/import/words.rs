//! Words of order files: how they are compared, and what those of the status columns mean.

use super::FileStatus;

/// Full-width letters, digits and signs as their ordinary forms.
pub fn fold_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .collect()
}

/// A name or word without spaces, letter case, width of characters and a closing `(元)` or `(件)`.
pub fn normal(name: &str) -> String {
    let mut name = fold_width(name).to_lowercase();
    name.retain(|c| !c.is_whitespace());
    name.trim_end_matches("(元)").trim_end_matches("(件)").to_owned()
}

const STATUS_WORDS: &[(FileStatus, &[&str])] = &[
    (
        FileStatus::AwaitingPayment,
        &["待付款", "待支付", "未付款", "未支付", "awaiting_payment"],
    ),
    (
        FileStatus::Paid,
        &["待发货", "已付款", "已支付", "备货中", "paid"],
    ),
    (
        FileStatus::Shipped,
        &["已发货", "待收货", "运输中", "已发货待签收", "shipped"],
    ),
    (
        FileStatus::Delivered,
        &["已签收", "已收货", "已完成", "交易成功", "delivered"],
    ),
    (
        FileStatus::Cancelled,
        &["已取消", "已关闭", "交易关闭", "cancelled"],
    ),
    (
        FileStatus::Refunded,
        &[
            "已退款",
            "退款成功",
            "全额退款",
            "未发货退款成功",
            "已发货退款成功",
            "refunded",
        ],
    ),
];

/// What the after-sales column says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterSale {
    None,
    /// Asked for and not decided: neither to be sent nor to be dropped.
    Open,
    Partly,
    Refunded,
}

const AFTER_SALE_WORDS: &[(AfterSale, &[&str])] = &[
    (
        AfterSale::None,
        &[
            "",
            "无售后",
            "无售后或售后取消",
            "售后关闭",
            "售后取消",
            "已关闭",
            "无",
        ],
    ),
    (
        AfterSale::Open,
        &[
            "退款中",
            "售后中",
            "售后处理中",
            "待商家处理",
            "待退款",
            "退款处理中",
        ],
    ),
    (AfterSale::Partly, &["部分退款", "部分退款成功"]),
    (
        AfterSale::Refunded,
        &["退款成功", "已退款", "全额退款", "已全额退款", "售后完成退款成功"],
    ),
];

fn look_up<T: Copy>(table: &[(T, &[&str])], word: &str) -> Result<T, String> {
    let mut word = normal(word);
    word.retain(|c| !matches!(c, ',' | '、'));
    table
        .iter()
        .find(|(_, words)| words.contains(&word.as_str()))
        .map(|(meaning, _)| *meaning)
        .ok_or_else(|| {
            let all: Vec<&str> = table
                .iter()
                .flat_map(|(_, words)| words.iter().copied())
                .filter(|word| !word.is_empty())
                .collect();
            all.join(" ")
        })
}

/// The meaning of a status word, or the words that are accepted.
pub(super) fn status(word: &str) -> Result<FileStatus, String> {
    look_up(STATUS_WORDS, word)
}

/// The meaning of an after-sales word, or the words that are accepted.
pub(super) fn after_sale(word: &str) -> Result<AfterSale, String> {
    look_up(AFTER_SALE_WORDS, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_one_meaning_and_unknown_ones_list_the_rest() {
        assert_eq!(status("已发货,待签收"), Ok(FileStatus::Shipped));
        assert_eq!(status(" PAID "), Ok(FileStatus::Paid));
        assert!(status("飞走了").expect_err("unknown").contains("待发货"));
        assert_eq!(after_sale(""), Ok(AfterSale::None));
        assert_eq!(after_sale("退款成功"), Ok(AfterSale::Refunded));
    }
}
