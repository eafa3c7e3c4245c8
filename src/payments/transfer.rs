//! Payment by transfer to the collective's account, which staff confirm when they see the money.

use crate::error::{Text, text};
use crate::money::Fen;

/// What the buyer is told to do.
pub fn instructions(account: &str, number: &str, amount: Fen) -> Text {
    let (zh, en) = if account.is_empty() {
        (
            "村集体账户（请向店家索取账号）",
            "the collective's account (ask the shop for its number)",
        )
    } else {
        (account, account)
    };
    text(
        format!("请转账 {amount} 元到：{zh}。转账附言请写订单号 {number}，村里确认后就会安排发货。"),
        format!(
            "Please transfer {amount} yuan to: {en}. Put the order number {number} in the remittance note; it is shipped once the village has seen the money."
        ),
    )
}
