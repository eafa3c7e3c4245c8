//! The trade bill of a day: one line per payment and refund, amounts in 元, every cell behind a back-tick; at its end
//! the sums, which we check.

use crate::clock::Timestamp;
use crate::money::Fen;

/// Lines of one day that are read; a shop with more has outgrown this way of checking.
const MAX_LINES: usize = 200_000;

/// Where the lines end and the sums begin.
const SUMS: &str = "总交易单数";

/// One payment or refund, as WeChat booked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `YYYY-MM-DD HH:MM:SS` in Asia/Shanghai
    pub at: String,
    /// WeChat's number of the payment
    pub transaction_id: String,
    /// our number of the payment
    pub out_trade_no: String,
    pub kind: Kind,
}

impl Line {
    /// When it was booked; `None` when that can't be read.
    pub fn instant(&self) -> Option<Timestamp> {
        Timestamp::parse(&format!("{}+08:00", self.at.replacen(' ', "T", 1)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Paid {
        amount: Fen,
    },
    Refunded {
        /// our number of the refund
        out_refund_no: String,
        amount: Fen,
        /// `SUCCESS`, `PROCESSING`, `FAIL`, …
        status: String,
    },
    /// anything else, by WeChat's word for it
    Other(String),
}

/// A day's bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    pub lines: Vec<Line>,
}

/// Columns by their headings, since WeChat adds new ones in the middle.
struct Columns {
    at: usize,
    transaction_id: usize,
    out_trade_no: usize,
    state: usize,
    total: usize,
    out_refund_no: usize,
    refund: usize,
    refund_status: usize,
}

impl Columns {
    fn find(head: &str) -> Result<Self, String> {
        let names: Vec<&str> = head
            .split(',')
            .map(|name| name.trim().trim_matches('`'))
            .collect();
        let at = |wanted: &str| {
            let found = names.iter().position(|name| *name == wanted);
            found.ok_or_else(|| format!("the bill has no column {wanted}"))
        };
        Ok(Columns {
            at: at("交易时间")?,
            transaction_id: at("微信订单号")?,
            out_trade_no: at("商户订单号")?,
            state: at("交易状态")?,
            total: at("订单金额")?,
            out_refund_no: at("商户退款单号")?,
            refund: at("申请退款金额")?,
            refund_status: at("退款状态")?,
        })
    }

    fn read(&self, line: &str) -> Option<Line> {
        // a back-tick and not a comma begins a cell: names of goods may hold commas
        let cells: Vec<&str> = line.strip_prefix('`')?.split(",`").map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied();
        let text = |at: usize| cell(at).map(str::to_owned);
        let kind = match cell(self.state)? {
            "SUCCESS" => Kind::Paid {
                amount: parse_yuan(cell(self.total)?)?,
            },
            "REFUND" => Kind::Refunded {
                out_refund_no: text(self.out_refund_no)?,
                amount: parse_yuan(cell(self.refund)?)?,
                status: text(self.refund_status)?,
            },
            other => Kind::Other(other.to_owned()),
        };
        Some(Line {
            at: text(self.at)?,
            transaction_id: text(self.transaction_id)?,
            out_trade_no: text(self.out_trade_no)?,
            kind,
        })
    }
}

/// Reads a bill as WeChat sends it, not packed.
///
/// # Errors
/// Which line or column can't be read; when the lines do not add up to the sums at the end.
pub fn parse(text: &str) -> Result<Bill, String> {
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_end)
        .enumerate()
        .filter(|(_, line)| !line.is_empty());
    let (_, head) = lines.next().ok_or("the bill is empty")?;
    let columns = Columns::find(head)?;
    let mut bill = Bill::default();
    for (at, line) in lines.by_ref() {
        if line.trim_start_matches('`').starts_with(SUMS) {
            let (_, sums) = lines.next().ok_or("the bill's sums are missing")?;
            bill.check(line, sums)?;
            return Ok(bill);
        }
        if bill.lines.len() >= MAX_LINES {
            return Err(format!("the bill has more than {MAX_LINES} lines"));
        }
        let line = columns
            .read(line)
            .ok_or_else(|| format!("line {} of the bill can't be read", at + 1))?;
        bill.lines.push(line);
    }
    Err("the bill ends without its sums".to_owned())
}

impl Bill {
    /// Compares the lines with the sums at the end: how many, paid, and asked back.
    fn check(&self, head: &str, sums: &str) -> Result<(), String> {
        let names: Vec<&str> = head
            .split(',')
            .map(|name| name.trim().trim_matches('`'))
            .collect();
        let cells: Vec<&str> = sums.trim_start_matches('`').split(",`").map(str::trim).collect();
        let cell = |wanted: &str| {
            let at = names.iter().position(|name| *name == wanted);
            at.and_then(|at| cells.get(at))
                .copied()
                .ok_or_else(|| format!("the bill has no sum {wanted}"))
        };
        let paid = self.lines.iter().map(|line| match line.kind {
            Kind::Paid { amount } => amount.0,
            _ => 0,
        });
        let refunded = self.lines.iter().map(|line| match line.kind {
            Kind::Refunded { amount, .. } => amount.0,
            _ => 0,
        });
        if cell(SUMS)?.parse() != Ok(self.lines.len()) {
            return Err(format!(
                "the bill has {} lines, and says otherwise",
                self.lines.len()
            ));
        }
        for (name, sum) in [("订单总金额", sum(paid)), ("申请退款总金额", sum(refunded))] {
            let said = parse_yuan(cell(name)?);
            if said.is_none() || said != sum {
                return Err(format!("the bill's lines do not add up to its {name}"));
            }
        }
        Ok(())
    }
}

fn sum(mut amounts: impl Iterator<Item = i64>) -> Option<Fen> {
    amounts.try_fold(0i64, i64::checked_add).map(Fen)
}

/// `68.5` yuan as 6850 分; `None` for what is no amount, or not a whole number of 分.
fn parse_yuan(text: &str) -> Option<Fen> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let (fen, beyond) = part.split_at(part.len().min(2));
    if beyond.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let fen: i64 = format!("{fen:0<2}").parse().ok()?;
    let whole: i64 = whole.parse().ok()?;
    whole
        .checked_mul(100)?
        .checked_add(fen)
        .map(|all| Fen(sign * all))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
    const PAID: &str = "`2024-01-20 10:07:11,`wxa,`160,`0,`,`4200001,`1paid,`o-1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`68.00,`0.00,`0,`0,`0.00,`0.00,`,`,`红薯粉条,两箱,`,`0.41000,`0.60%,`68.00,`0.00,`";
    const BACK: &str = "`2024-01-20 11:00:00,`wxa,`160,`0,`,`4200001,`1paid,`o-1,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`5030001,`1back,`8.50,`0.00,`ORIGINAL,`SUCCESS,`红薯粉条,`,`-0.05000,`0.60%,`0.00,`8.50,`";
    const SUM_HEAD: &str =
        "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

    fn bill(lines: &[&str], sums: &str) -> String {
        format!(
            "\u{feff}{HEAD}\r\n{}\r\n{SUM_HEAD}\r\n{sums}\r\n",
            lines.join("\r\n")
        )
    }

    #[test]
    fn payments_and_refunds_are_read_in_fen() {
        let text = bill(&[PAID, BACK], "`2,`68.00,`8.50,`0.00,`0.36000,`68.00,`8.50");
        let bill = parse(&text).unwrap();
        assert_eq!(bill.lines.len(), 2);
        assert_eq!(bill.lines[0].kind, Kind::Paid { amount: Fen(6_800) });
        assert_eq!(
            (bill.lines[0].at.as_str(), bill.lines[0].out_trade_no.as_str()),
            ("2024-01-20 10:07:11", "1paid")
        );
        assert_eq!(bill.lines[0].instant(), Timestamp::parse("2024-01-20T02:07:11Z"));
        let refund = Kind::Refunded {
            out_refund_no: "1back".to_owned(),
            amount: Fen(850),
            status: "SUCCESS".to_owned(),
        };
        assert_eq!(
            (bill.lines[1].transaction_id.as_str(), &bill.lines[1].kind),
            ("4200001", &refund)
        );
    }

    #[test]
    fn an_empty_day_has_no_lines() {
        let text = bill(&[], "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00");
        assert_eq!(parse(&text).unwrap(), Bill::default());
    }

    #[test]
    fn what_does_not_add_up_is_refused() {
        let good = "`2,`68.00,`8.50,`0.00,`0.36000,`68.00,`8.50";
        for (text, word) in [
            (String::new(), "empty"),
            ("a,b,c\n".to_owned(), "no column 交易时间"),
            (format!("{HEAD}\n{PAID}\n"), "without its sums"),
            (format!("{HEAD}\n{PAID}\n{SUM_HEAD}\n"), "sums are missing"),
            (bill(&[PAID], good), "1 lines"),
            (bill(&[PAID, PAID], good), "订单总金额"),
            (
                bill(&[PAID, BACK], &good.replace("8.50", "8.51")),
                "申请退款总金额",
            ),
            (bill(&[PAID, "`2024-01-20"], good), "line 3"),
            (bill(&[PAID, &BACK.replace("`8.50", "`8.505")], good), "line 3"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(word), "{word}: {error}");
        }
    }

    #[test]
    fn yuan_become_fen_without_floats() {
        for (text, fen) in [
            ("0.01", Some(1)),
            ("0.1", Some(10)),
            ("68", Some(6_800)),
            ("1299.02", Some(129_902)),
            ("0.30000", Some(30)),
            ("-0.29", Some(-29)),
            ("0.001", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("1e3", None),
            ("１", None),
            ("9223372036854775807", None),
        ] {
            assert_eq!(parse_yuan(text).map(|fen| fen.0), fen, "{text}");
        }
    }
}
