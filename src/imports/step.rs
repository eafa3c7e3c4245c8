//! An order of a file that was brought in before: what has happened to it since. Pure.

use uuid::Uuid;

use super::Words;
use crate::money::Fen;
use crate::orders::import::{FileOrder, FileStatus};

/// An order of ours that came from a file.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Known {
    pub id: Uuid,
    pub external_no: String,
    pub number: String,
    pub body_hash: Option<Vec<u8>>,
    pub ordered: i64,
    pub cancelled: i64,
    pub packed: i64,
    pub shipped: i64,
    pub delivered: i64,
    pub captured_fen: Fen,
    /// refunds that have been decided, whether or not they are done
    pub refunds_fen: Fen,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Unchanged(Option<Words>),
    /// the platform has cancelled it and given the money back
    Cancel,
    /// it has been sent, and perhaps delivered, without us
    Send {
        delivered: bool,
    },
    /// the platform has given this much more of the money back
    GiveBack(Fen),
    Problem(Words),
}

/// Decides what the file's newer state means for an order of ours. Only its state may differ: what was ordered and for
/// whom must not change between two imports.
pub fn step(known: &Known, order: &FileOrder) -> Step {
    let live = known.ordered - known.cancelled;
    let number = &known.number;
    let same = known
        .body_hash
        .as_ref()
        .is_some_and(|hash| hex::encode(hash) == order.content_hash);
    if !same {
        return Step::Problem(changed(known, order));
    }
    match order.status {
        FileStatus::Cancelled | FileStatus::Refunded if live == 0 => Step::Unchanged(None),
        FileStatus::Cancelled | FileStatus::Refunded if known.packed > 0 => Step::Problem(Words::new(
            format!("店铺里已取消或退款，但 {number} 已经打包或发出，请马上核对"),
            format!("the shop cancelled or refunded it, but {number} is packed or sent: look at it now"),
        )),
        FileStatus::Cancelled | FileStatus::Refunded => Step::Cancel,
        FileStatus::Shipped | FileStatus::Delivered => sent(known, order, live),
        FileStatus::Paid | FileStatus::AwaitingPayment if live == 0 => Step::Unchanged(Some(Words::new(
            format!("{number} 在这里已经取消"),
            format!("{number} has been cancelled here"),
        ))),
        FileStatus::Paid | FileStatus::AwaitingPayment => given_back(known, order),
    }
}

fn changed(known: &Known, order: &FileOrder) -> Words {
    let number = &known.number;
    let (ours, theirs) = (
        known.ordered,
        order.lines.iter().map(|line| line.quantity).sum::<i64>(),
    );
    if ours == theirs {
        Words::new(
            format!("导入之后内容变了：商品、金额或收件人和 {number} 不同，请手工修改那个订单"),
            format!(
                "changed since it was imported: goods, amounts or recipient differ from {number}; change that order by hand"
            ),
        )
    } else {
        Words::new(
            format!("导入之后内容变了：{number} 是 {ours} 箱，文件里是 {theirs} 箱，请手工修改那个订单"),
            format!(
                "changed since it was imported: {number} has {ours} cases, the file has {theirs}; change that order by hand"
            ),
        )
    }
}

fn sent(known: &Known, order: &FileOrder, live: i64) -> Step {
    let number = &known.number;
    let delivered = order.status == FileStatus::Delivered;
    if live == 0 {
        return Step::Problem(Words::new(
            format!("店铺里已经发货，但 {number} 在这里取消了，请核对"),
            format!("the shop has sent it, but {number} was cancelled here: look at it"),
        ));
    }
    if known.shipped == live {
        return if delivered && known.delivered < live {
            Step::Send { delivered }
        } else {
            given_back(known, order)
        };
    }
    if known.packed > known.shipped {
        // its cases have left their lots on paper already; the batch says when they are handed over
        return Step::Unchanged(Some(Words::new(
            format!("{number} 在这里已打包，请在批次里交给快递"),
            format!("{number} is packed here: hand its batch over"),
        )));
    }
    Step::Send { delivered }
}

fn given_back(known: &Known, order: &FileOrder) -> Step {
    let more = order.refunded_fen.min(known.captured_fen.0) - known.refunds_fen.0;
    if more > 0 {
        Step::GiveBack(Fen(more))
    } else {
        Step::Unchanged(None)
    }
}

/// Why an order that was never seen before is left out; none when it is one to bring in.
pub fn left_out(status: FileStatus) -> Option<Words> {
    let (zh, en) = match status {
        FileStatus::Paid => return None,
        FileStatus::AwaitingPayment => ("还没有付款", "not paid yet"),
        FileStatus::Cancelled => ("已取消", "cancelled"),
        FileStatus::Refunded => ("已退款", "refunded"),
        FileStatus::Shipped => ("已经发货，不需要再发", "sent already"),
        FileStatus::Delivered => ("已经签收，不需要再发", "delivered already"),
    };
    Some(Words::new(zh, en))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::import::{self, Shop};

    fn known(quantities: [i64; 5], refunds: i64, order: &FileOrder) -> Known {
        let [ordered, cancelled, packed, shipped, delivered] = quantities;
        Known {
            id: Uuid::nil(),
            external_no: "1".into(),
            number: "240120-0001".into(),
            body_hash: hex::decode(&order.content_hash).ok(),
            ordered,
            cancelled,
            packed,
            shipped,
            delivered,
            captured_fen: Fen(1_000),
            refunds_fen: Fen(refunds),
        }
    }

    fn of_file(status: &str, refunded: i64) -> FileOrder {
        let text = format!(
            "order_no,sku_code,quantity,goods_yuan,status,recipient,phone,street\n\
             1,FT05,2,10.00,{status},张三,13800000000,河南省鲁山县张村1号\n"
        );
        let file = import::read(text.as_bytes(), Some(Shop::Generic)).expect("a file");
        let mut order = file.orders.into_iter().next().expect("an order");
        order.refunded_fen = refunded;
        order
    }

    #[test]
    fn only_the_state_of_a_known_order_changes() {
        let unchanged = Step::Unchanged(None);
        let send = |delivered| Step::Send { delivered };
        for (status, refunded, quantities, refunds, expected) in [
            ("paid", 0, [2, 0, 0, 0, 0], 0, unchanged.clone()),
            ("paid", 0, [2, 0, 2, 2, 0], 0, unchanged.clone()),
            ("paid", 300, [2, 0, 0, 0, 0], 100, Step::GiveBack(Fen(200))),
            ("paid", 300, [2, 0, 0, 0, 0], 300, unchanged.clone()),
            ("paid", 9_000, [2, 0, 0, 0, 0], 0, Step::GiveBack(Fen(1_000))),
            ("cancelled", 0, [2, 0, 0, 0, 0], 0, Step::Cancel),
            ("refunded", 0, [2, 1, 0, 0, 0], 0, Step::Cancel),
            ("refunded", 0, [2, 2, 0, 0, 0], 0, unchanged.clone()),
            ("shipped", 0, [2, 0, 0, 0, 0], 0, send(false)),
            ("shipped", 0, [2, 0, 1, 1, 0], 0, send(false)),
            ("shipped", 0, [2, 0, 2, 2, 0], 0, unchanged.clone()),
            ("delivered", 0, [2, 0, 0, 0, 0], 0, send(true)),
            ("delivered", 0, [2, 0, 2, 2, 0], 0, send(true)),
            ("delivered", 0, [2, 1, 1, 1, 1], 0, unchanged.clone()),
        ] {
            let order = of_file(status, refunded);
            let got = step(&known(quantities, refunds, &order), &order);
            assert_eq!(got, expected, "{status} {refunded} {quantities:?} {refunds}");
        }
    }

    #[test]
    fn what_contradicts_us_is_for_people() {
        for (status, quantities, words) in [
            ("cancelled", [2, 0, 1, 0, 0], "packed or sent"),
            ("refunded", [2, 0, 2, 2, 0], "packed or sent"),
            ("shipped", [2, 2, 0, 0, 0], "was cancelled here"),
        ] {
            let order = of_file(status, 0);
            match step(&known(quantities, 0, &order), &order) {
                Step::Problem(why) => assert!(why.en.contains(words), "{why:?}"),
                other => panic!("{status} {quantities:?}: {other:?}"),
            }
        }
        let order = of_file("shipped", 0);
        let packed = step(&known([2, 0, 2, 0, 0], 0, &order), &order);
        assert!(
            matches!(packed, Step::Unchanged(Some(_))),
            "its batch hands it over"
        );
    }

    #[test]
    fn another_content_changes_nothing() {
        let order = of_file("cancelled", 0);
        for (ordered, words) in [
            (2, "goods, amounts or recipient"),
            (3, "has 3 cases, the file has 2"),
        ] {
            let mut known = known([ordered, 0, 0, 0, 0], 0, &order);
            known.body_hash = Some(vec![0; 32]);
            match step(&known, &order) {
                Step::Problem(why) => {
                    assert!(why.en.starts_with("changed since it was imported: ") && why.en.contains(words));
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
