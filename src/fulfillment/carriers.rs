//! Parcel carriers: what they are called, how Kuaidi100 names them, and what their waybill numbers look like.
//!
//! The forms are what is publicly seen on waybills, not a contract: carriers add ranges without notice. So a number that
//! fits no form is only ever suspicious in comparison with others, see `waybills::forms`. The one published check
//! digit is that of UPU standard S10, used by EMS and the post.

/// A carrier that we know more of than its name.
pub struct Carrier {
    /// short name in a shop's settings
    pub code: &'static str,
    /// its name at Kuaidi100, and at Kdniao and WeChat
    pub kuaidi100: &'static str,
    /// what people and files call it: a file's name means this carrier when it holds one of these
    names: &'static [&'static str],
    /// `#` a digit, `@` a letter, `*` any number of letters and digits at the end, else the character itself
    forms: &'static [&'static str],
    /// Kuaidi100 answers only with the recipient's phone
    pub needs_phone: bool,
}

const fn carrier(
    code: &'static str,
    kuaidi100: &'static str,
    names: &'static [&'static str],
    forms: &'static [&'static str],
) -> Carrier {
    Carrier {
        code,
        kuaidi100,
        names,
        forms,
        needs_phone: false,
    }
}

static CARRIERS: &[Carrier] = &[
    Carrier {
        needs_phone: true,
        ..carrier(
            "sf",
            "shunfeng",
            &["顺丰", "shunfeng", "sf"],
            &["SF#############", "############"],
        )
    },
    Carrier {
        needs_phone: true,
        ..carrier(
            "zto",
            "zhongtong",
            &["中通", "zhongtong", "zto"],
            &["##############", "############", "#############"],
        )
    },
    carrier(
        "yto",
        "yuantong",
        &["圆通", "yuantong", "yto"],
        &["YT#############", "##################"],
    ),
    carrier(
        "yunda",
        "yunda",
        &["韵达", "yunda", "yd"],
        &["#############", "###############"],
    ),
    carrier(
        "sto",
        "shentong",
        &["申通", "shentong", "sto"],
        &[
            "77#############",
            "############",
            "#############",
            "STO##########",
        ],
    ),
    carrier(
        "jt",
        "jtexpress",
        &["极兔", "jtexpress", "jtsd", "j&t", "jt"],
        &["JT#############", "UT#############"],
    ),
    carrier(
        "ems",
        "ems",
        &["ems", "邮政", "邮政特快", "邮政速递"],
        &["@@#########@@", "#############"],
    ),
    carrier(
        "yzpy",
        "youzhengguonei",
        &["邮政", "youzhengguonei", "yzpy"],
        &["9############", "@@#########@@", "@@###########"],
    ),
    carrier(
        "jd",
        "jd",
        &["京东", "jd"],
        &["JD#########*", "JD@########*", "JD@@########*"],
    ),
    carrier(
        "dbl",
        "debangkuaidi",
        &["德邦", "debangkuaidi", "dbl"],
        &["DPK############", "##########", "#########", "########"],
    ),
];

/// The carrier of a shop's setting: a code (`zto`), else a name that holds one of ours (`中通快递`).
pub fn find(code: &str) -> Option<&'static Carrier> {
    let code = code.trim().to_lowercase();
    CARRIERS
        .iter()
        .find(|carrier| carrier.code == code || carrier.kuaidi100 == code)
        .or_else(|| CARRIERS.iter().find(|carrier| carrier.is_named(&code)))
}

/// Whether two names can mean one carrier; `None` when one of them is not known.
pub fn same(shop: &str, file: &str) -> Option<bool> {
    let ours = find(shop)?;
    let file = file.trim().to_lowercase();
    let mut meant = CARRIERS
        .iter()
        .filter(|carrier| carrier.code == file || carrier.is_named(&file))
        .peekable();
    meant.peek()?;
    Some(meant.any(|carrier| carrier.code == ours.code))
}

/// A carrier whose numbers alone start with these letters, when this number is one of them.
pub fn told_by_letters(number: &str) -> Option<&'static Carrier> {
    let lettered = |form: &&&str| form.starts_with(|c: char| c.is_ascii_alphabetic());
    CARRIERS.iter().find(|carrier| {
        carrier
            .forms
            .iter()
            .filter(lettered)
            .any(|form| matches(form, number))
    })
}

impl Carrier {
    /// Chinese names stand inside longer ones (中通快递); Latin ones are whole words.
    fn is_named(&self, name: &str) -> bool {
        let is_latin = |own: &str| own.bytes().all(|byte| byte.is_ascii());
        self.names.iter().any(|own| {
            if is_latin(own) {
                name.split(|c: char| !c.is_ascii_alphanumeric() && c != '&')
                    .any(|word| word == *own)
            } else {
                name.contains(own)
            }
        })
    }

    /// The name for people.
    pub fn title(&self) -> &'static str {
        self.names.first().copied().unwrap_or(self.code)
    }

    /// Whether a number (capitals and digits) has one of the carrier's forms. Numbers of a shipment of several
    /// pieces, `JD…-1-3-`, are judged by what stands before the first dash.
    pub fn fits(&self, number: &str) -> bool {
        let number = number.split('-').next().unwrap_or(number);
        self.forms.iter().any(|form| matches(form, number))
    }

    /// Whether the number would fit with zeros before it, as one does that a spreadsheet took for a figure.
    pub fn fits_with_zeros(&self, number: &str) -> bool {
        number.bytes().all(|byte| byte.is_ascii_digit())
            && (1..=4).any(|zeros| self.fits(&format!("{}{number}", "0".repeat(zeros))))
    }
}

fn matches(form: &str, number: &str) -> bool {
    let mut left = number.bytes();
    for expected in form.bytes() {
        if expected == b'*' {
            return left.all(|byte| byte.is_ascii_alphanumeric());
        }
        let fits = left.next().is_some_and(|byte| match expected {
            b'#' => byte.is_ascii_digit(),
            b'@' => byte.is_ascii_uppercase(),
            other => byte == other,
        });
        if !fits {
            return false;
        }
    }
    left.next().is_none()
}

/// Whether the check digit of a UPU S10 number (`EA123456785CN`) is right; `None` for any other number.
///
/// The eight digits are weighted 8 6 4 2 3 5 9 7; the check digit is 11 less the sum modulo 11, with 10 as 0 and 11
/// as 5.
pub fn s10_check(number: &str) -> Option<bool> {
    if !matches("@@#########@@", number) {
        return None;
    }
    let digits: Vec<u32> = number
        .bytes()
        .skip(2)
        .take(9)
        .map(|byte| u32::from(byte - b'0'))
        .collect();
    let sum: u32 = digits
        .iter()
        .zip([8, 6, 4, 2, 3, 5, 9, 7])
        .map(|(digit, weight)| digit * weight)
        .sum();
    let check = match 11 - sum % 11 {
        10 => 0,
        11 => 5,
        other => other,
    };
    Some(digits.last() == Some(&check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_are_known_by_their_names() {
        for (name, code) in [
            ("zto", Some("zto")),
            ("中通快递", Some("zto")),
            (" SF ", Some("sf")),
            ("顺丰速运", Some("sf")),
            ("youzhengguonei", Some("yzpy")),
            ("中国邮政", Some("ems")),
            ("J&T Express", Some("jt")),
            ("village van", None),
            ("staff", None),
        ] {
            assert_eq!(find(name).map(|carrier| carrier.code), code, "{name}");
        }
        for (shop, file, expected) in [
            ("zto", "中通快递", Some(true)),
            ("zto", "顺丰速运", Some(false)),
            ("ems", "中国邮政", Some(true)),
            ("yzpy", "中国邮政", Some(true)),
            ("yzpy", "EMS", Some(false)),
            ("zto", "村里的车", None),
            ("van", "中通", None),
        ] {
            assert_eq!(same(shop, file), expected, "{shop} {file}");
        }
    }

    #[test]
    fn numbers_have_forms() {
        for (code, number, fits) in [
            ("sf", "SF1234567890123", true),
            ("sf", "012345678901", true),
            ("sf", "12345678901", false),
            ("zto", "78123456789012", true),
            ("zto", "SF1234567890123", false),
            ("yto", "YT1234567890123", true),
            ("jd", "JDVA12345678901", true),
            ("jd", "JD0123456789012-1-3-", true),
            ("jd", "JD", false),
            ("ems", "EA123456785CN", true),
            ("ems", "1234567890123", true),
            ("jt", "JT1234567890123", true),
            ("dbl", "DPK123456789012", true),
        ] {
            let carrier = find(code).expect("it is in the table");
            assert_eq!(carrier.fits(number), fits, "{code} {number}");
        }
        assert!(find("sf").is_some_and(|sf| sf.fits_with_zeros("12345678901")));
        assert_eq!(told_by_letters("SF1234567890123").map(|it| it.code), Some("sf"));
        assert!(told_by_letters("78123456789012").is_none());
    }

    #[test]
    fn the_posts_check_digit() {
        // 473124829 is the worked example of UPU S10; the others: remainders 0 and 1 among them
        for (number, expected) in [
            ("RR473124829CN", Some(true)),
            ("RR473124828CN", Some(false)),
            ("EA123456785CN", Some(true)),
            ("EA000000005CN", Some(true)),
            ("EA020000000CN", Some(true)),
            ("EA500000040CN", Some(false)),
            ("1234567890123", None),
            ("", None),
        ] {
            assert_eq!(s10_check(number), expected, "{number}");
        }
    }
}
