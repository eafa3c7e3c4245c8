//! Parcel codes: short enough to type when the scanner fails, with a check digit so that a slip names no other parcel.

/// `P` + serial + check digit, like `P00427`.
pub fn parcel_code(serial: i64) -> String {
    let digits = format!("{serial:04}");
    format!("P{digits}{}", check_digit(&digits))
}

/// A code as it was scanned or typed, in its one form; `None` when it can't be one.
pub fn parse(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let digits = typed.strip_prefix(['P', 'p']).unwrap_or(typed);
    if !(5..=13).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (serial, check) = digits.split_at_checked(digits.len() - 1)?;
    (check == check_digit(serial).to_string()).then(|| format!("P{digits}"))
}

/// Luhn's: finds every wrong digit, and all swaps of neighbours but 09.
fn check_digit(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip(0..)
        .map(|(byte, at)| {
            let digit = u32::from(byte.saturating_sub(b'0'));
            let weighed = if at % 2 == 0 { digit * 2 } else { digit };
            weighed / 10 + weighed % 10
        })
        .sum();
    (10 - sum % 10) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        // 7992739871 with check digit 3 is the usual example of Luhn's
        assert_eq!(parcel_code(7_992_739_871), "P79927398713");
        for serial in [1, 42, 9_999, 10_000, 999_999_999] {
            let code = parcel_code(serial);
            assert_eq!(parse(&code), Some(code.clone()));
            assert_eq!(parse(&code.to_lowercase()), Some(code.clone()));
            assert_eq!(parse(&format!(" {}\n", &code[1..])), Some(code));
        }
    }

    #[test]
    fn a_slip_is_no_code() {
        let code = parcel_code(42);
        for at in 1..code.len() {
            for digit in '0'..='9' {
                let slip = format!("{}{digit}{}", &code[..at], &code[at + 1..]);
                assert_eq!(parse(&slip).is_some(), slip == code, "{slip}");
            }
        }
        for text in [
            "",
            "P",
            "P0",
            "PP00422",
            "P00x23",
            "P\u{0}",
            "张",
            "P00000000000000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
