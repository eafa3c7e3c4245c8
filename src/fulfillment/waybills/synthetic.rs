//! Made-up batches, the files that carriers would give for them, and the damage that people and spreadsheets do.

use std::collections::HashSet;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::report::{Parcel, Row};
use crate::fulfillment::carriers::s10_check;

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石";
const GIVEN: &str =
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉玲红建国华春梅志海燕飞鹏浩宇欣怡子涵梓轩雨";

pub struct Made {
    pub parcels: Vec<Parcel>,
    pub rows: Vec<Row>,
    /// the parcel's place for each row
    pub places: Vec<usize>,
    pub numbers: Vec<String>,
}

/// What a file tells of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    None,
    Full,
    Masked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phones {
    None,
    Full,
    Masked,
    Tail,
    /// numbers of the carrier, of its own with an extension
    Lent,
}

#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub names: Names,
    pub phones: Phones,
    pub places: bool,
    pub by_order: bool,
    pub shuffled: bool,
    pub consecutive: bool,
    pub parts: bool,
    pub carrier: &'static str,
    pub fewest: usize,
}

impl Style {
    pub fn any(rng: &mut StdRng) -> Style {
        let all = [
            "zto",
            "sf",
            "yto",
            "ems",
            "jt",
            "yunda",
            "sto",
            "jd",
            "mixed",
            "village-van",
            "yzpy",
            "dbl",
        ];
        Style {
            names: *[Names::None, Names::Full, Names::Masked].choose(rng).unwrap(),
            phones: *[
                Phones::None,
                Phones::Full,
                Phones::Masked,
                Phones::Tail,
                Phones::Lent,
            ]
            .choose(rng)
            .unwrap(),
            places: rng.random(),
            by_order: rng.random(),
            shuffled: rng.random(),
            consecutive: rng.random(),
            parts: rng.random_bool(0.3),
            carrier: all.choose(rng).unwrap(),
            fewest: 1,
        }
    }

    /// Every row names its recipient by a full name or a phone's tail.
    pub fn telling(rng: &mut StdRng) -> Style {
        loop {
            let style = Style {
                fewest: 3,
                ..Style::any(rng)
            };
            let phone = matches!(style.phones, Phones::Full | Phones::Masked | Phones::Tail);
            if phone || style.names == Names::Full {
                return style;
            }
        }
    }

    pub fn with(self, carrier: &'static str) -> Style {
        Style { carrier, ..self }
    }
}

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn pick(rng: &mut StdRng, from: &str) -> char {
    let all: Vec<char> = from.chars().collect();
    // surnames are not evenly spread: the first ones are the most frequent
    let skewed = rng.random_range(0..all.len()) * rng.random_range(1..=4) / 4;
    all[skewed]
}

fn name(rng: &mut StdRng) -> String {
    let mut name = pick(rng, SURNAMES).to_string();
    for _ in 0..rng.random_range(1..=2) {
        let given: Vec<char> = GIVEN.chars().collect();
        name.push(*given.choose(rng).unwrap());
    }
    name
}

fn phone(rng: &mut StdRng) -> String {
    if rng.random_bool(0.03) {
        return format!("0375-{}", rng.random_range(2_000_000..8_999_999));
    }
    format!(
        "1{}{:09}",
        rng.random_range(3..=9),
        rng.random_range(0..1_000_000_000)
    )
}

/// A carrier's number with this running part.
pub fn number(carrier: &str, serial: u64) -> String {
    let short = serial % 1_000_000_000;
    match carrier {
        "sf" => format!("SF1{:012}", serial % 1_000_000_000_000),
        "sf-old" => format!("02{:010}", serial % 10_000_000_000),
        "zto" => format!("78{:012}", serial % 1_000_000_000_000),
        "yto" => format!("YT8{:012}", serial % 1_000_000_000_000),
        "yto-long" => format!("8{:017}", serial % 100_000_000_000_000_000),
        "jt" => format!("JT5{:012}", serial % 1_000_000_000_000),
        "yunda" => format!("46{:011}", serial % 100_000_000_000),
        "sto" => format!("77{:013}", serial % 10_000_000_000_000),
        "jd" => format!("JDVA{:011}", serial % 100_000_000_000),
        "dbl" => format!("DPK{:012}", serial % 1_000_000_000_000),
        "ems" | "yzpy" => {
            let body = format!("{:08}", serial % 100_000_000);
            (0..10)
                .map(|check| format!("EA{body}{check}CN"))
                .find(|number| s10_check(number) == Some(true))
                .unwrap()
        }
        _ => format!("V{short:09}"),
    }
}

fn setting(carrier: &str) -> &str {
    carrier.split("-o").next().unwrap().split("-l").next().unwrap()
}

fn batch(rng: &mut StdRng, style: Style) -> Vec<Parcel> {
    let count = match rng.random_range(0..10) {
        0 => rng.random_range(1..=6),
        1..=7 => rng.random_range(6..=60),
        _ => rng.random_range(60..=200),
    }
    .max(style.fewest);
    let provinces: Vec<&str> = crate::address::provinces().map(|(_, name)| name).collect();
    let mut seen = HashSet::new();
    let mut order = 0;
    let mut parcels = Vec::new();
    while parcels.len() < count {
        let (name, phone) = (name(rng), phone(rng));
        if !seen.insert(name.clone()) || !seen.insert(phone[phone.len() - 4..].to_owned()) {
            // a large batch has namesakes and equal tails; a mistake between those two can't be seen by them
            continue;
        }
        let orders = if rng.random_bool(0.1) { 2 } else { 1 };
        order += orders;
        let carrier = match style.carrier {
            "mixed" => ["zto", "sf", "ems"][usize::from(rng.random::<u8>() % 3)],
            one => setting(one),
        };
        parcels.push(Parcel {
            code: format!(
                "P{:04}{}",
                parcels.len() + 1,
                (b'A' + rng.random_range(0..26)) as char
            ),
            orders: (0..orders)
                .map(|nth| format!("240118-{:04}", order - nth))
                .collect(),
            carrier: carrier.to_owned(),
            name,
            phone,
            province: (*provinces.choose(rng).unwrap()).to_owned(),
            waybill: None,
        });
    }
    parcels
}

/// A batch and a file for it in which nothing is wrong.
pub fn clean(rng: &mut StdRng, style: Style) -> Made {
    let parcels = batch(rng, style);
    let start: u64 = rng.random_range(1..90_000_000);
    let mut used = HashSet::new();
    let numbers: Vec<String> = (0..parcels.len() as u64)
        .map(|nth| {
            let carrier = if style.carrier == "mixed" {
                &parcels[nth as usize].carrier
            } else {
                style.carrier
            };
            loop {
                let serial = if style.consecutive {
                    start + nth
                } else {
                    rng.random_range(1_000..99_000_000_000_000_000)
                };
                let number = number(carrier, serial);
                if used.insert(number.clone()) {
                    break number;
                }
            }
        })
        .collect();
    let mut places: Vec<usize> = (0..parcels.len()).collect();
    if style.shuffled {
        places.shuffle(rng);
    }
    if style.parts {
        let keep = rng
            .random_range(style.fewest.min(places.len())..=places.len())
            .max(1);
        places.truncate(keep);
    }
    let lent = rng.random_range(13_000_000_000u64..13_999_999_999);
    let rows = places
        .iter()
        .enumerate()
        .map(|(at, place)| row(&parcels[*place], &numbers[*place], style, at + 2, lent))
        .collect();
    Made {
        parcels,
        rows,
        places,
        numbers,
    }
}

fn row(parcel: &Parcel, number: &str, style: Style, at: usize, lent: u64) -> Row {
    let tail = &parcel.phone[parcel.phone.len() - 4..];
    let first: String = parcel.name.chars().take(1).collect();
    Row {
        number: at,
        parcel: if style.by_order {
            String::new()
        } else {
            parcel.code.clone()
        },
        order: if style.by_order {
            parcel.orders[0].clone()
        } else {
            String::new()
        },
        waybill: number.to_owned(),
        carrier: String::new(),
        name: match style.names {
            Names::None => String::new(),
            Names::Full => parcel.name.clone(),
            Names::Masked => format!("{first}**"),
        },
        phone: match style.phones {
            Phones::None => String::new(),
            Phones::Full => parcel.phone.clone(),
            Phones::Masked => format!("{}****{tail}", &parcel.phone[..3]),
            Phones::Tail => tail.to_owned(),
            Phones::Lent => format!("{lent}-{:04}", at * 7),
        },
        place: if style.places {
            format!("{}某市某路1号", parcel.province)
        } else {
            String::new()
        },
    }
}

/// Writes cells as people and programs do, without changing what they say.
pub fn dress_up(made: &mut Made, rng: &mut StdRng) {
    let wide = |text: &str| -> String {
        text.chars()
            .map(|c| {
                if c.is_ascii_digit() {
                    char::from_u32(c as u32 + 0xfee0).unwrap()
                } else {
                    c
                }
            })
            .collect()
    };
    for row in &mut made.rows {
        match rng.random_range(0..8) {
            0 => row.waybill = format!(" {} ", row.waybill),
            1 => row.waybill = wide(&row.waybill),
            2 => row.waybill = row.waybill.to_lowercase(),
            3 => row.parcel = wide(&row.parcel),
            4 => row.order = format!(" {}", row.order),
            5 if !row.name.contains('*') && !row.name.is_empty() => row.name = format!("{}(收)", row.name),
            _ => {}
        }
        // a spreadsheet takes a tail for a figure
        if row.phone.len() == 4 && rng.random_bool(0.5) {
            row.phone = row.phone.trim_start_matches('0').to_owned();
        }
    }
    if rng.random_bool(0.2) {
        // one row per item
        let again = made.rows[0].clone();
        made.rows.push(again);
        made.places.push(made.places[0]);
    }
    if rng.random_bool(0.2) && made.rows.len() > 3 {
        // the carrier refused one
        made.rows[1].waybill.clear();
    }
    for (at, row) in made.rows.iter_mut().enumerate() {
        row.number = at + 2;
    }
}

/// What the carrier's side of a row has: it moves as one when columns slip.
pub fn carriers_side(row: &Row) -> (String, String, String, String) {
    (
        row.waybill.clone(),
        row.name.clone(),
        row.phone.clone(),
        row.place.clone(),
    )
}

pub fn set_carriers_side(row: &mut Row, side: (String, String, String, String)) {
    (row.waybill, row.name, row.phone, row.place) = side;
}

/// A figure as a spreadsheet shows it: 1.23457E+14.
pub fn scientific(number: &str) -> String {
    format!("{}.{}E+{:02}", &number[..1], &number[1..6], number.len() - 1)
}

/// The figure again with so many digits kept.
pub fn rounded(number: &str, digits: usize) -> String {
    let (kept, lost) = number.split_at(digits);
    format!("{kept}{}", "0".repeat(lost.len()))
}
