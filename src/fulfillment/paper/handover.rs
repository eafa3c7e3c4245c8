//! The hand-over sheet: per carrier the parcels that it takes, their count and weight, and where both sides sign.

use super::draw::Align;
use super::packing::{PackingList, part_words};
use super::table::{Block, Column, List};
use super::{PaperError, Parcel, Sheet, Sum, kg};

const fn column(zh: &'static str, en: &'static str, width: u32, align: Align) -> Column {
    Column {
        zh,
        en,
        width,
        align,
        wraps: false,
    }
}

const COLUMNS: [Column; 7] = [
    column("序号", "No.", 80, Align::Right),
    column("箱码", "Parcel", 280, Align::Left),
    column("运单号", "Waybill", 350, Align::Left),
    column("收件人", "Recipient", 200, Align::Left),
    Column {
        wraps: true,
        ..column("到", "To", 310, Align::Left)
    },
    column("箱数", "Cases", 110, Align::Right),
    column("重量 kg", "Weight", 158, Align::Right),
];

/// Where both sides sign.
const SIGN: &[[&str; 2]] = &[
    ["实收件数 Parcels counted", "车牌号 Vehicle"],
    ["交件人 Handed over by", "取件人 Collected by"],
    ["时间 Time", "电话 Phone"],
];

/// What a carrier takes, by code, so that a parcel in the hand is found on the sheet.
pub(super) struct Load<'a> {
    pub carrier: &'a str,
    pub parcels: Vec<&'a Parcel>,
    pub sum: Sum,
}

/// The loads of all carriers.
///
/// # Errors
/// The sheet is out of bounds or its sums differ.
pub(super) fn loads(sheet: &Sheet) -> Result<Vec<Load<'_>>, PaperError> {
    let list = PackingList::new(sheet)?;
    let loads = list.carriers.iter().map(|part| {
        let of_carrier = sheet
            .parcels
            .iter()
            .filter(|parcel| parcel.carrier == part.carrier);
        let mut parcels: Vec<&Parcel> = of_carrier.collect();
        parcels.sort_by_key(|parcel| &parcel.code);
        Load {
            carrier: part.carrier,
            parcels,
            sum: part.sum,
        }
    });
    Ok(loads.collect())
}

/// The hand-over sheets on A4; each carrier begins a page.
///
/// # Errors
/// The sheet is out of bounds, its sums differ, or drawing failed.
pub fn pdf(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    let paper = List {
        zh: "交接单",
        en: "Hand-over sheet",
        sheet,
        columns: &COLUMNS,
    };
    paper.pdf(&blocks(&loads(sheet)?))
}

fn blocks(loads: &[Load]) -> Vec<Block> {
    if loads.is_empty() {
        return vec![Block::Words("本批没有包裹 No parcels in this batch".to_owned())];
    }
    let mut blocks = vec![];
    for load in loads {
        let sums = part_words(load.parcels.len(), load.sum);
        blocks.push(Block::Part {
            name: load.carrier.to_owned(),
            sums: sums.clone(),
            new_page: true,
        });
        blocks.push(Block::Heads);
        for (number, parcel) in (1..).zip(&load.parcels) {
            blocks.push(Block::Row(cells(number, parcel)));
        }
        blocks.push(Block::Words(format!("合计 Total: {sums}")));
        blocks.push(Block::Sign(SIGN));
    }
    blocks
}

fn cells(number: u32, parcel: &Parcel) -> Vec<String> {
    let sum = parcel.sum();
    vec![
        number.to_string(),
        parcel.code.clone(),
        parcel.waybill.clone().unwrap_or_default(),
        parcel.name(),
        parcel.destination(),
        sum.cases.to_string(),
        kg(sum.grams),
    ]
}
