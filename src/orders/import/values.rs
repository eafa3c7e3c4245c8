//! Single cells: money, counts, moments, ids, and the goods cell of group orders. All exact, no floats near money.

use chrono::{DateTime, NaiveDateTime};

use super::Fault;
use super::words::fold_width;
use super::xlsx::serial_text;

/// 100 million yuan: far above any order, far below an overflow of sums.
const MAX_FEN: i64 = 10_000_000_000;
const MAX_QUANTITY: i64 = 9_999;
const MAX_ID_CHARS: usize = 64;
/// Files carry China time, which has no summer time.
const UTC_OFFSET_MS: i64 = 8 * 3_600_000;

/// Yuan as people and shops write them (`68`, `1,234.50`, `¥68`, `68.00元`) in fen. A sign, a third decimal or
/// anything else is refused.
pub(super) fn fen(text: &str) -> Result<i64, Fault> {
    let fault = || {
        Fault::new(
            format!("金额“{text}”看不懂,应为不超过两位小数的正数,例如 68.00"),
            format!("the amount {text:?} is not a positive number with at most two decimals, such as 68.00"),
        )
    };
    let folded = fold_width(text);
    let bare = folded
        .trim_start_matches(['¥', '￥'])
        .trim_end_matches('元')
        .trim();
    let (whole, cents) = bare.split_once('.').unwrap_or((bare, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let grouped = groups.len() == 1
        || ((1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3));
    let digits = groups.concat();
    let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !grouped
        || digits.is_empty()
        || digits.len() > 12
        || !numeric(&digits)
        || !numeric(cents)
        || cents.len() > 2
    {
        return Err(fault());
    }
    let fen: i64 = format!("{digits}{cents:0<2}").parse().map_err(|_| fault())?;
    if fen > MAX_FEN { Err(fault()) } else { Ok(fen) }
}

/// Cases of a line.
pub(super) fn quantity(text: &str) -> Result<i64, Fault> {
    let folded = fold_width(text);
    let bare = folded.trim_end_matches(['件', '箱', '份', '盒', '袋']).trim();
    let count = bare
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| bare.parse::<i64>().ok())
        .flatten();
    count
        .filter(|count| (1..=MAX_QUANTITY).contains(count))
        .ok_or_else(|| {
            Fault::new(
                format!("数量“{text}”应为 1 到 {MAX_QUANTITY} 的整数"),
                format!("the quantity {text:?} must be a whole number from 1 to {MAX_QUANTITY}"),
            )
        })
}

/// Epoch milliseconds of a moment in China time: `2024-01-12 19:16:55`, `2024/01/18 19:43`, `2024年1月18日 19:43`,
/// RFC 3339 with its own offset, or the bare day number of a spreadsheet. A day without time begins at midnight.
pub(super) fn instant(text: &str) -> Result<i64, Fault> {
    let folded = fold_width(text);
    let moment = DateTime::parse_from_rfc3339(&folded)
        .ok()
        .map(|moment| moment.timestamp_millis());
    let moment = moment.or_else(|| local_ms(&folded));
    // 2000-01-01 to 2100-01-01: anything else is a typing error.
    moment
        .filter(|ms| (946_656_000_000..4_102_416_000_000).contains(ms))
        .ok_or_else(|| {
            Fault::new(
                format!("时间“{text}”看不懂,应有年月日和时分,例如 2024-01-12 19:16:55"),
                format!("the time {text:?} is not a day with hour and minute, such as 2024-01-12 19:16:55"),
            )
        })
}

fn local_ms(text: &str) -> Option<i64> {
    let plain = match text.parse::<f64>() {
        Ok(serial) => serial_text(serial),
        Err(_) => text
            .replace('日', " ")
            .replace(['年', '月', '/', '.'], "-")
            .replace('T', " "),
    };
    // The replaced point of a fraction of a second comes back.
    let (day, time) = plain.trim().split_once(' ').unwrap_or((plain.trim(), "00:00"));
    let plain = format!("{day} {}", time.trim().replace('-', "."));
    let local = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&plain, form).ok())?;
    // Day numbers miss the second by a hair, so the nearest one is meant.
    let seconds = (local.and_utc().timestamp_millis() + 500).div_euclid(1000);
    Some(seconds * 1000 - UTC_OFFSET_MS)
}

/// `YYYYMMDDhhmm` in China time.
pub(super) fn minute_stamp(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms + UTC_OFFSET_MS)
        .map_or_else(String::new, |moment| moment.format("%Y%m%d%H%M").to_string())
}

/// Whether the moment is a day's first second in China, which is what is left of a time that a spreadsheet cut off.
pub(super) fn is_midnight(ms: i64) -> bool {
    (ms + UTC_OFFSET_MS).rem_euclid(86_400_000) == 0
}

/// An order's or line's number as text. Refuses what a spreadsheet has damaged: `6.92700E+18`.
pub(super) fn id(text: &str) -> Result<String, Fault> {
    let folded = fold_width(text);
    if folded.is_empty() {
        return Err(Fault::new("编号为空", "the number is empty"));
    }
    if folded.chars().count() > MAX_ID_CHARS || folded.chars().any(char::is_whitespace) {
        return Err(Fault::new(
            format!("编号“{text}”太长或含有空格"),
            format!("the number {text:?} is too long or has spaces"),
        ));
    }
    if is_scientific(&folded) {
        Err(damaged(text))
    } else {
        Ok(folded)
    }
}

/// A carrier's number, which may be empty. Refused when damaged, like any id.
pub(super) fn waybill(text: &str) -> Result<String, Fault> {
    if text.is_empty() {
        Ok(String::new())
    } else {
        id(&text.replace([' ', '\n'], ""))
    }
}

fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits(mantissa) && digits(exponent.trim_start_matches(['+', '-']))
}

pub(super) fn damaged(text: &str) -> Fault {
    Fault::new(
        format!("编号“{text}”被表格软件改成了数字,末几位已丢失;请重新导出,不要用表格软件打开后再保存"),
        format!(
            "a spreadsheet turned the number {text:?} into a figure and lost its last digits: export the file again and do not save it from a spreadsheet"
        ),
    )
}

/// Whether an id ends in zeros from its 16th digit on, as every long id does after a spreadsheet has rounded it.
/// `None` for ids too short to tell.
pub(super) fn looks_rounded(id: &str) -> Option<bool> {
    let long = id.len() >= 18 && id.bytes().all(|byte| byte.is_ascii_digit());
    long.then(|| id[15..].bytes().all(|byte| byte == b'0'))
}

/// Whether a recipient's text is cipher text or has parts hidden behind stars.
pub(super) fn is_encrypted(text: &str) -> bool {
    let text = fold_width(text);
    text.starts_with("##") || text.starts_with("$$") || text.starts_with("~~") || text.contains('*')
}

/// One of several goods in a cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Good {
    pub product: String,
    pub spec: String,
    pub quantity: i64,
}

/// The goods cell of an order export: `纯红薯粉条 2.5kg/箱*2;魔芋*1`, parted by semicolons or line breaks. The spec is what
/// follows the last space or stands in brackets at the end.
pub(super) fn goods(text: &str) -> Result<Vec<Good>, Fault> {
    let folded = fold_width(text).replace(['×', '✕'], "*");
    folded
        .split([';', '\n'])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(good)
        .collect()
}

fn good(item: &str) -> Result<Good, Fault> {
    let fault = || {
        Fault::new(
            format!("商品“{item}”后面没有数量,应为“名称 规格*数量”"),
            format!("the goods {item:?} have no quantity: expected \"name spec*quantity\""),
        )
    };
    let (name, count) = item.rsplit_once(['*', 'x', 'X']).ok_or_else(fault)?;
    let quantity = quantity(count.trim()).map_err(|_| fault())?;
    let name = name.trim();
    let bracketed = name
        .strip_suffix([')', '】', ']'])
        .and_then(|name| name.rsplit_once(['(', '【', '[']))
        .or_else(|| name.rsplit_once(' '));
    let (product, spec) = bracketed.unwrap_or((name, ""));
    if product.trim().is_empty() {
        return Err(fault());
    }
    Ok(Good {
        product: product.trim().to_owned(),
        spec: spec.trim().to_owned(),
        quantity,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_exact_or_refused() {
        for (text, expected) in [
            ("68", 6_800),
            ("68.5", 6_850),
            ("68.00元", 6_800),
            ("¥68", 6_800),
            ("¥0.01", 1),
            ("1,234.50", 123_450),
            ("12,345,678", 1_234_567_800),
            ("49.90", 4_990),
            ("0", 0),
            ("100000000", MAX_FEN),
        ] {
            assert_eq!(fen(text).ok(), Some(expected), "{text}");
        }
        for text in [
            "",
            "-1",
            "1.234",
            "1,23",
            "1,2345",
            ",123",
            "1e3",
            "1.2.3",
            "六十八",
            "100000000.01",
            "9999999999999",
            ".",
            "NaN",
            "6 8",
        ] {
            assert!(fen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_are_whole_and_bounded() {
        for (text, expected) in [
            ("1", Some(1)),
            ("3件", Some(3)),
            ("9999", Some(9_999)),
            ("0", None),
            ("10000", None),
            ("1.5", None),
            ("-2", None),
            ("", None),
            ("+2", None),
        ] {
            assert_eq!(quantity(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn moments_are_china_time() {
        // 2024-01-12 19:16:55 +08:00 is 11:16:55 UTC.
        let expected = 1_705_058_215_000;
        for text in [
            "2024-01-12 19:16:55",
            "2024/1/12 19:16:55",
            "2024年1月12日 19:16:55",
            "2024年01月12日19:16:55",
            "2024-01-12T19:16:55",
            "2024-01-12 19:16:54.999",
            "2024-01-12T11:16:55Z",
            "2024-01-12 19:16:55",
            "45303.803414352",
        ] {
            assert_eq!(instant(text).ok(), Some(expected), "{text}");
        }
        assert_eq!(instant("2024/01/12 19:16").ok(), Some(expected - 55_000));
        assert!(is_midnight(instant("2024-01-12").expect("a day")));
        assert_eq!(minute_stamp(expected), "202401121916");
        for text in [
            "",
            "2024-01",
            "2024-13-01 10:00",
            "昨天 10:00",
            "1899-01-01 00:00",
            "NaN",
            "1e300",
            "-5",
            "2024-01-12 25:00",
        ] {
            assert!(instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn damaged_ids_are_refused() {
        assert_eq!(
            id("６９２７000000000007919").ok().as_deref(),
            Some("6927000000000007919")
        );
        for text in ["6.92700E+18", "6.927e18", "6927E15", "", "12 34", &"9".repeat(65)] {
            assert!(id(text).is_err(), "{text}");
        }
        assert_eq!(id("E2024").ok().as_deref(), Some("E2024"));
        assert_eq!(looks_rounded("6927000000000000000"), Some(true));
        assert_eq!(looks_rounded("6927000000000007919"), Some(false));
        assert_eq!(looks_rounded("240118-123456789012345"), None);
    }

    #[test]
    fn goods_cells_are_taken_apart() {
        let got = goods("纯红薯粉条 2.5kg/箱*2;魔芋*1").expect("two goods");
        let expected =
            [("纯红薯粉条", "2.5kg/箱", 2), ("魔芋", "", 1)].map(|(product, spec, quantity)| Good {
                product: product.into(),
                spec: spec.into(),
                quantity,
            });
        assert_eq!(got, expected);
        let forms = goods("蜜薯(5kg/箱)×3件\n辣根【1kg/箱】x2").expect("brackets");
        assert_eq!(
            forms
                .iter()
                .map(|g| (g.spec.as_str(), g.quantity))
                .collect::<Vec<_>>(),
            [("5kg/箱", 3), ("1kg/箱", 2)]
        );
        for text in ["魔芋", "魔芋*", "*2", "魔芋*0", "魔芋*二"] {
            assert!(goods(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hidden_recipients_are_seen() {
        for (text, expected) in [
            ("##a8f#", true),
            ("$$xyz", true),
            ("138****1234", true),
            ("张*三", true),
            ("张三", false),
            ("#3号楼", false),
        ] {
            assert_eq!(is_encrypted(text), expected, "{text}");
        }
    }
}
