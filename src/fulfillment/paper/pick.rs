//! The pick list: what to fetch from where before packing, per product and lot, and how much of it goes to whom.

use std::collections::BTreeMap;

use super::draw::Align;
use super::packing::{Goods, PackingList, part_words};
use super::table::{Block, Column, List, MAX_LINES, TICK};
use super::{PaperError, Sheet, day, kg};

const fn column(zh: &'static str, en: &'static str, width: u32, align: Align, wraps: bool) -> Column {
    Column {
        zh,
        en,
        width,
        align,
        wraps,
    }
}

const COLUMNS: [Column; 8] = [
    column("", "", 46, Align::Left, false),
    column("产品", "Product", 330, Align::Left, true),
    column("批次", "Lot", 190, Align::Left, true),
    column("保质期至", "Best before", 166, Align::Left, false),
    column("库位", "Where", 140, Align::Left, true),
    column("箱数", "Cases", 90, Align::Right, false),
    column("重量 kg", "Weight", 154, Align::Right, false),
    column("各快递", "By carrier", 372, Align::Left, true),
];

/// The pick list on A4.
///
/// # Errors
/// The sheet is out of bounds, its sums differ, or drawing failed.
pub fn pdf(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    let list = PackingList::new(sheet)?;
    let paper = List {
        zh: "拣货单",
        en: "Pick list",
        sheet,
        columns: &COLUMNS,
    };
    paper.pdf(&blocks(&list))
}

fn blocks(list: &PackingList) -> Vec<Block> {
    if list.goods.is_empty() {
        return vec![Block::Words("本批没有货物 No goods in this batch".to_owned())];
    }
    let mut places: BTreeMap<Goods, Vec<&str>> = BTreeMap::new();
    let mut carriers: BTreeMap<Goods, Vec<String>> = BTreeMap::new();
    for part in &list.carriers {
        for group in &part.groups {
            let known = places.entry(group.goods).or_default();
            for row in &group.rows {
                if !row.line.place.is_empty() && !known.contains(&&*row.line.place) {
                    known.push(&row.line.place);
                }
            }
            let share = format!("{} {}", part.carrier, group.sum.cases);
            carriers.entry(group.goods).or_default().push(share);
        }
    }
    let mut blocks = vec![
        Block::Part {
            name: "全部快递 All carriers".to_owned(),
            sums: part_words(list.parcels, list.sum),
            new_page: false,
        },
        Block::Heads,
    ];
    blocks.extend(list.goods.iter().map(|(goods, sum)| {
        Block::Row(vec![
            TICK.to_owned(),
            goods.product.to_owned(),
            goods.lot.to_owned(),
            day(goods.best_before),
            places
                .get(goods)
                .map_or_else(String::new, |places| places.join("、")),
            sum.cases.to_string(),
            kg(sum.grams),
            carriers
                .get(goods)
                .map_or_else(String::new, |shares| shares_words(shares)),
        ])
    }));
    blocks.push(Block::Sign(&[["拣货人 Picked by", "时间 Time"]]));
    blocks
}

/// A carrier a line, as long as a cell has the lines.
fn shares_words(shares: &[String]) -> String {
    shares.join(if shares.len() > MAX_LINES { "；" } else { "\n" })
}
