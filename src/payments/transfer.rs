//! Payment by transfer to the collective's account, which staff confirm when they see the money.

use crate::money::Fen;

/// What the buyer is told to do.
pub fn instructions(account: &str, number: &str, amount: Fen) -> String {
    let account = if account.is_empty() {
        "村集体账户（请向店家索取账号）"
    } else {
        account
    };
    format!("请转账 {amount} 元到：{account}。转账附言请写订单号 {number}，村里确认后就会安排发货。")
}
