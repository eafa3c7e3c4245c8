//! The packing list: by carrier, then by product and lot, first-expired first; each parcel with a box to tick, each
//! heading with its sums.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::draw::Align;
use super::table::{Block, Column, List, TICK};
use super::{Line, PaperError, Parcel, Sheet, Sum, kg, short_kg};

/// One product and lot. The order is that of the lists: by product, then first-expired first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Goods<'a> {
    pub product: &'a str,
    pub best_before: Option<NaiveDate>,
    pub lot: &'a str,
}

/// A line of a parcel under its product and lot.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    pub parcel: &'a Parcel,
    pub line: &'a Line,
}

#[derive(Clone, Debug)]
pub struct Group<'a> {
    pub goods: Goods<'a>,
    pub rows: Vec<Row<'a>>,
    pub sum: Sum,
}

#[derive(Clone, Debug)]
pub struct CarrierPart<'a> {
    pub carrier: &'a str,
    pub parcels: usize,
    pub groups: Vec<Group<'a>>,
    pub sum: Sum,
}

/// A batch in the order of its packing list, with the sums that are printed.
#[derive(Clone, Debug)]
pub struct PackingList<'a> {
    pub carriers: Vec<CarrierPart<'a>>,
    /// over all carriers
    pub goods: Vec<(Goods<'a>, Sum)>,
    pub parcels: usize,
    pub sum: Sum,
}

impl Line {
    pub(super) fn goods(&self) -> Goods<'_> {
        Goods {
            product: &self.product,
            best_before: self.best_before,
            lot: &self.lot,
        }
    }
}

impl Goods<'_> {
    /// 纯红薯粉条 2.5kg/箱，批次 L0110，保质期至 2025-01-09
    pub(super) fn words(&self) -> String {
        let best_before = self.best_before.map(|day| format!("，保质期至 {day}"));
        format!(
            "{}，批次 {}{}",
            self.product,
            self.lot,
            best_before.unwrap_or_default()
        )
    }
}

/// The parcels in the order of the packing list, which is that of the labels: by carrier, then by the parcel's first
/// product and lot, then as in the plan.
pub(super) fn in_order(sheet: &Sheet) -> Vec<&Parcel> {
    let mut parcels: Vec<&Parcel> = sheet.parcels.iter().collect();
    parcels.sort_by_cached_key(|parcel| (&parcel.carrier, parcel.lines.iter().map(Line::goods).min()));
    parcels
}

impl<'a> PackingList<'a> {
    /// Sorts a batch and sums it up.
    ///
    /// # Errors
    /// The sheet is too large, has a quantity or weight out of bounds, or sums that differ (see [`Self::check`]).
    pub fn new(sheet: &'a Sheet) -> Result<Self, PaperError> {
        sheet.check()?;
        let mut list = Self {
            carriers: vec![],
            goods: vec![],
            parcels: sheet.parcels.len(),
            sum: Sum::default(),
        };
        let mut goods: BTreeMap<Goods, Sum> = BTreeMap::new();
        for parcels in in_order(sheet).chunk_by(|a, b| a.carrier == b.carrier) {
            let part = CarrierPart::new(parcels);
            for group in &part.groups {
                *goods.entry(group.goods).or_default() += group.sum;
            }
            list.sum += part.sum;
            list.carriers.push(part);
        }
        list.goods = goods.into_iter().collect();
        list.check(sheet)?;
        Ok(list)
    }

    /// Proves the list equal to the parcels: each line of each parcel stands under its own carrier, product and lot
    /// exactly once, and every printed sum is that of the parcels, added up again another way.
    ///
    /// # Errors
    /// `Unequal` with the first difference.
    pub fn check(&self, sheet: &Sheet) -> Result<(), PaperError> {
        let wanted = Wanted::of(sheet);
        let mut printed: Vec<Entry> = vec![];
        for part in &self.carriers {
            for group in &part.groups {
                let rows = group.rows.iter();
                printed
                    .extend(rows.map(|row| (part.carrier, &*row.parcel.code, group.goods, row.line.sum())));
                let sum = wanted.groups.get(&(part.carrier, group.goods));
                same(&group.goods.words(), Some(&group.sum), sum)?;
            }
            let of_carrier = wanted.carriers.get(part.carrier);
            same(part.carrier, Some(&(part.parcels, part.sum)), of_carrier)?;
        }
        for (goods, sum) in &self.goods {
            same(&goods.words(), Some(sum), wanted.goods.get(goods))?;
        }
        same("carriers", self.carriers.len(), wanted.carriers.len())?;
        same("goods", self.goods.len(), wanted.goods.len())?;
        same("parcels", self.parcels, sheet.parcels.len())?;
        same(
            "total",
            self.sum,
            wanted.carriers.values().map(|carrier| carrier.1).collect(),
        )?;
        printed.sort();
        same("lines", printed, wanted.lines)
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = vec![];
        if self.carriers.is_empty() {
            blocks.push(Block::Words("本批没有包裹 No parcels in this batch".to_owned()));
        }
        for (at, part) in self.carriers.iter().enumerate() {
            blocks.push(Block::Part {
                name: part.carrier.to_owned(),
                sums: part_words(part.parcels, part.sum),
                new_page: at > 0,
            });
            blocks.push(Block::Heads);
            for group in &part.groups {
                blocks.push(Block::Group {
                    name: group.goods.words(),
                    sums: sum_words(group.sum),
                });
                blocks.extend(group.rows.iter().map(|row| Block::Row(row.cells())));
            }
        }
        blocks.push(Block::Part {
            name: "合计 Total".to_owned(),
            sums: part_words(self.parcels, self.sum),
            new_page: false,
        });
        blocks.extend(self.goods.iter().map(|(goods, sum)| Block::Sum {
            name: goods.words(),
            sums: sum_words(*sum),
        }));
        blocks
    }
}

/// Carrier, parcel code, goods and weight of one line of one parcel.
type Entry<'a> = (&'a str, &'a str, Goods<'a>, Sum);

/// What a list of these parcels must say, added up parcel by parcel.
#[derive(Default)]
struct Wanted<'a> {
    lines: Vec<Entry<'a>>,
    groups: BTreeMap<(&'a str, Goods<'a>), Sum>,
    goods: BTreeMap<Goods<'a>, Sum>,
    carriers: BTreeMap<&'a str, (usize, Sum)>,
}

impl<'a> Wanted<'a> {
    fn of(sheet: &'a Sheet) -> Self {
        let mut wanted = Self::default();
        for parcel in &sheet.parcels {
            let carrier = &*parcel.carrier;
            let (parcels, total) = wanted.carriers.entry(carrier).or_default();
            *parcels += 1;
            *total += parcel.sum();
            for line in &parcel.lines {
                let (goods, sum) = (line.goods(), line.sum());
                *wanted.groups.entry((carrier, goods)).or_default() += sum;
                *wanted.goods.entry(goods).or_default() += sum;
                wanted.lines.push((carrier, &parcel.code, goods, sum));
            }
        }
        wanted.lines.sort();
        wanted
    }
}

fn same<T: PartialEq>(what: &str, printed: T, parcels: T) -> Result<(), PaperError> {
    if printed == parcels {
        Ok(())
    } else {
        Err(PaperError::Unequal(what.to_owned()))
    }
}

impl<'a> CarrierPart<'a> {
    fn new(parcels: &[&'a Parcel]) -> Self {
        let mut groups: BTreeMap<Goods, Vec<Row>> = BTreeMap::new();
        for &parcel in parcels {
            for line in &parcel.lines {
                groups.entry(line.goods()).or_default().push(Row { parcel, line });
            }
        }
        let groups: Vec<Group> = groups
            .into_iter()
            .map(|(goods, rows)| Group {
                goods,
                sum: rows.iter().map(|row| row.line.sum()).collect(),
                rows,
            })
            .collect();
        Self {
            carrier: parcels.first().map_or("", |parcel| &parcel.carrier),
            parcels: parcels.len(),
            sum: groups.iter().map(|group| group.sum).collect(),
            groups,
        }
    }
}

impl Row<'_> {
    fn cells(&self) -> Vec<String> {
        let Self { parcel, line } = self;
        let sum = line.sum();
        vec![
            TICK.to_owned(),
            parcel.code.clone(),
            parcel.orders.join("、"),
            parcel.name(),
            parcel.destination(),
            sum.cases.to_string(),
            kg(sum.grams),
            self.remark(),
        ]
    }

    /// What a packer must know beyond this line: that there is more in the parcel, and the note.
    fn remark(&self) -> String {
        let parcel = self.parcel;
        let mixed = parcel.lines.len() > 1;
        let mixed = mixed.then(|| format!("混装共 {} 箱", parcel.sum().cases));
        let part = parcel.part_of().map(|part| format!("分箱 {part}"));
        let note = Some(parcel.note.clone()).filter(|note| !note.is_empty());
        let words: Vec<String> = [mixed, part, note].into_iter().flatten().collect();
        words.join("；")
    }
}

pub(super) fn sum_words(sum: Sum) -> String {
    format!("{} 箱 cases, {} kg", sum.cases, short_kg(sum.grams))
}

pub(super) fn part_words(parcels: usize, sum: Sum) -> String {
    format!("{parcels} 件 parcels, {}", sum_words(sum))
}

const fn column(zh: &'static str, en: &'static str, width: u32, align: Align) -> Column {
    Column {
        zh,
        en,
        width,
        align,
        wraps: false,
    }
}

const COLUMNS: [Column; 8] = [
    column("", "", 46, Align::Left),
    column("箱码", "Parcel", 236, Align::Left),
    Column {
        wraps: true,
        ..column("订单", "Orders", 280, Align::Left)
    },
    column("收件人", "Recipient", 170, Align::Left),
    Column {
        wraps: true,
        ..column("到", "To", 260, Align::Left)
    },
    column("箱数", "Cases", 80, Align::Right),
    column("重量 kg", "Weight", 144, Align::Right),
    Column {
        wraps: true,
        ..column("备注", "Note", 272, Align::Left)
    },
];

/// The packing list on A4.
///
/// # Errors
/// The sheet is out of bounds, its sums differ, or drawing failed.
pub fn pdf(sheet: &Sheet) -> Result<Vec<u8>, PaperError> {
    let list = PackingList::new(sheet)?;
    let paper = List {
        zh: "装箱单",
        en: "Packing list",
        sheet,
        columns: &COLUMNS,
    };
    paper.pdf(&list.blocks())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fulfillment::paper::tests::sheet;

    #[test]
    fn sums_are_those_of_the_parcels() {
        let sheet = sheet(380);
        let list = PackingList::new(&sheet).unwrap();
        let lines = || sheet.parcels.iter().flat_map(|parcel| &parcel.lines);
        assert_eq!(list.sum.cases, lines().map(|line| line.quantity).sum::<i64>());
        let grams = lines().map(|line| line.quantity * line.case_grams);
        assert_eq!(list.sum.grams, grams.sum::<i64>());
        assert_eq!(list.carriers.len(), 3);
        let rows = list
            .carriers
            .iter()
            .flat_map(|part| &part.groups)
            .map(|group| group.rows.len());
        assert_eq!(rows.sum::<usize>(), lines().count());
        for part in &list.carriers {
            assert!(part.groups.is_sorted_by_key(|group| group.goods));
        }
        assert!(
            list.goods
                .is_sorted_by_key(|(goods, _)| (goods.product, goods.best_before))
        );
    }

    #[test]
    fn a_list_that_differs_from_the_parcels_is_found() {
        let original = sheet(40);
        type Damage = (&'static str, fn(&mut PackingList));
        let damages: [Damage; 9] = [
            ("a case more in total", |list| list.sum.cases += 1),
            ("a gram less with a carrier", |list| {
                list.carriers[1].sum.grams -= 1
            }),
            ("a case more in a group", |list| {
                list.carriers[0].groups[0].sum.cases += 1
            }),
            ("a case less of a lot", |list| list.goods[2].1.cases -= 1),
            ("a parcel more", |list| list.carriers[2].parcels += 1),
            ("a row twice", |list| {
                let row = list.carriers[0].groups[0].rows[0];
                list.carriers[0].groups[0].rows.push(row);
            }),
            ("a row missing", |list| {
                list.carriers[0].groups[1].rows.pop();
            }),
            ("a carrier missing", |list| {
                list.carriers.pop();
            }),
            ("rows of two carriers swapped", |list| {
                let [first, second, ..] = &mut list.carriers[..] else {
                    panic!("three carriers");
                };
                std::mem::swap(&mut first.groups[0].rows, &mut second.groups[0].rows);
            }),
        ];
        for (damage, harm) in damages {
            let mut list = PackingList::new(&original).unwrap();
            harm(&mut list);
            let found = list.check(&original);
            assert!(
                matches!(found, Err(PaperError::Unequal(_))),
                "{damage}: {found:?}"
            );
        }
    }

    #[test]
    fn labels_and_list_have_one_order() {
        let sheet = sheet(40);
        let parcels = in_order(&sheet);
        assert!(parcels.is_sorted_by_key(|parcel| &parcel.carrier));
        let list = PackingList::new(&sheet).unwrap();
        let first = &list.carriers[0].groups[0];
        for (row, parcel) in first.rows.iter().zip(parcels) {
            assert_eq!(row.parcel.code, parcel.code);
        }
    }
}
