//! From orders to parcels: what can go together, what has to wait for its lot, and what a box can weigh. Pure.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use super::wishes::Wish;
use crate::clock::Timestamp;

/// What a parcel may weigh when nothing else is said: what carriers take without a special fee.
pub const MAX_PARCEL_GRAMS: i64 = 30_000;

/// An order with cases that no kept parcel has.
#[derive(Clone, Debug)]
pub struct OpenOrder {
    pub id: Uuid,
    pub number: String,
    /// counts its edits; a parcel remembers the one it was planned for
    pub version: i64,
    /// two digits
    pub province: String,
    /// same for two orders when their parcels go to one person at one door
    pub door: String,
    pub paid_at: Timestamp,
    pub wish: Wish,
    /// the arrival that its buyer was promised
    pub promised: Option<NaiveDate>,
    pub lines: Vec<OpenLine>,
}

#[derive(Clone, Debug)]
pub struct OpenLine {
    pub line: i64,
    pub sku: Uuid,
    pub cases: i64,
    /// gross weight of a case
    pub grams: i64,
    /// the stock items in a case, and how many of each; the sku itself unless it is a gift box
    pub parts: Vec<(Uuid, i64)>,
}

/// What is free of a stock item: not in a kept parcel.
#[derive(Clone, Debug, Default)]
pub struct Supply {
    pub free: i64,
    /// when cases sold ahead of their lot will be in
    pub ahead_ready_on: Option<NaiveDate>,
}

/// How orders become parcels.
#[derive(Clone, Debug)]
pub struct Rules {
    pub as_of: NaiveDate,
    /// by which day parcels have to arrive whose order says nothing
    pub deadline: Option<NaiveDate>,
    pub max_grams: i64,
    /// parcels of one door go together
    pub merge: bool,
    /// stock that comes later than the books say, by order number
    pub ready_on: BTreeMap<String, NaiveDate>,
}

/// Cases of one order line in a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    pub order: Uuid,
    pub number: String,
    pub version: i64,
    pub line: i64,
    pub sku: Uuid,
    pub cases: i64,
    pub parts: Vec<(Uuid, i64)>,
}

/// One box group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub inside: Vec<Inside>,
    pub cases: i64,
    pub grams: i64,
}

/// What leaves on one day with one carrier: a parcel, or several when the buyer wants one delivery.
#[derive(Clone, Debug)]
pub struct Unit {
    /// the number of its first order and a serial
    pub id: String,
    pub shapes: Vec<Shape>,
    pub province: String,
    /// without one it is never late
    pub deadline: Option<NaiveDate>,
    pub ready_on: NaiveDate,
    pub paid_at: Timestamp,
    pub carrier: Option<String>,
}

impl Unit {
    pub fn cases(&self) -> i64 {
        self.shapes.iter().map(|shape| shape.cases).sum()
    }
}

/// An address without what people write differently: spaces, punctuation, full-width letters and digits.
pub fn door(phone: &str, region_code: &str, street: &str) -> String {
    let plain: String = street
        .chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            other => other,
        })
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    format!("{phone}/{region_code}/{plain}")
}

/// Makes the parcels of all orders. The first to pay gets the stock that is there; what is sold ahead waits for its lot.
pub fn shape(orders: &[OpenOrder], supply: &HashMap<Uuid, Supply>, rules: &Rules) -> Vec<Unit> {
    let mut supply = supply.clone();
    let mut sorted: Vec<&OpenOrder> = orders.iter().collect();
    sorted.sort_by(|a, b| (a.paid_at, &a.number).cmp(&(b.paid_at, &b.number)));
    let mut groups: Vec<Group> = Vec::new();
    let mut at_door: HashMap<(String, NaiveDate), usize> = HashMap::new();
    for order in sorted {
        for (ready_on, items) in portions(order, &mut supply, rules) {
            let known = at_door.get(&(order.door.clone(), ready_on)).copied();
            let joins = known.filter(|at| {
                rules.merge
                    && groups
                        .get(*at)
                        .is_some_and(|group| group.orders.iter().all(|other| other.wish == order.wish))
            });
            match joins.and_then(|at| groups.get_mut(at)) {
                Some(group) => {
                    group.orders.push(order);
                    group.items.extend(items);
                }
                None => {
                    at_door.insert((order.door.clone(), ready_on), groups.len());
                    groups.push(Group {
                        orders: vec![order],
                        ready_on,
                        items,
                    });
                }
            }
        }
    }
    let mut serials: HashMap<String, usize> = HashMap::new();
    groups
        .into_iter()
        .flat_map(|group| group.units(rules, &mut serials))
        .collect()
}

/// Single cases: weight, and what is inside.
type Items = Vec<(i64, Inside)>;

struct Group<'a> {
    orders: Vec<&'a OpenOrder>,
    ready_on: NaiveDate,
    items: Items,
}

/// The cases of an order by the day on which they are there.
fn portions(
    order: &OpenOrder,
    supply: &mut HashMap<Uuid, Supply>,
    rules: &Rules,
) -> BTreeMap<NaiveDate, Items> {
    let from = [
        Some(rules.as_of),
        order.wish.not_before,
        rules.ready_on.get(&order.number).copied(),
    ];
    let from = from.into_iter().flatten().max().unwrap_or(rules.as_of);
    let mut portions: BTreeMap<NaiveDate, Items> = BTreeMap::new();
    for line in &order.lines {
        for _ in 0..line.cases {
            let mut ready_on = from;
            for (part, quantity) in &line.parts {
                let level = supply.entry(*part).or_default();
                level.free -= quantity;
                if level.free < 0 {
                    ready_on = ready_on.max(level.ahead_ready_on.unwrap_or(from));
                }
            }
            let one = Inside {
                order: order.id,
                number: order.number.clone(),
                version: order.version,
                line: line.line,
                sku: line.sku,
                cases: 1,
                parts: line.parts.clone(),
            };
            portions.entry(ready_on).or_default().push((line.grams, one));
        }
    }
    if order.wish.together
        && let Some(last) = portions.keys().next_back().copied()
    {
        let all = portions.into_values().flatten().collect();
        return BTreeMap::from([(last, all)]);
    }
    portions
}

impl Group<'_> {
    fn units(self, rules: &Rules, serials: &mut HashMap<String, usize>) -> Vec<Unit> {
        let deadline = |order: &&OpenOrder| order.wish.arrive_by.or(rules.deadline).or(order.promised);
        let deadline = self.orders.iter().filter_map(deadline).min();
        let Some(first) = self.orders.first() else {
            return Vec::new();
        };
        let boxes = boxes(self.items, rules.max_grams);
        let loads: Vec<Vec<Shape>> = if first.wish.together {
            vec![boxes]
        } else {
            boxes.into_iter().map(|shape| vec![shape]).collect()
        };
        let unit = |shapes| {
            let serial = serials.entry(first.number.clone()).or_default();
            *serial += 1;
            Unit {
                id: format!("{}-{serial}", first.number),
                shapes,
                province: first.province.clone(),
                deadline,
                ready_on: self.ready_on,
                paid_at: first.paid_at,
                carrier: first.wish.carrier.clone(),
            }
        };
        loads.into_iter().map(unit).collect()
    }
}

/// Puts cases into as few parcels as the heaviest first, each where it still fits, comes to. A case over the limit
/// travels by itself.
fn boxes(mut items: Items, max_grams: i64) -> Vec<Shape> {
    items.sort_by(|(a, one), (b, other)| {
        b.cmp(a)
            .then_with(|| (&one.number, one.line).cmp(&(&other.number, other.line)))
    });
    let mut boxes: Vec<Shape> = Vec::new();
    for (grams, one) in items {
        let fits = boxes.iter().position(|shape| shape.grams + grams <= max_grams);
        let at = fits.unwrap_or_else(|| {
            boxes.push(Shape {
                inside: Vec::new(),
                cases: 0,
                grams: 0,
            });
            boxes.len() - 1
        });
        let Some(shape) = boxes.get_mut(at) else { continue };
        shape.cases += 1;
        shape.grams += grams;
        let same = |in_box: &&mut Inside| in_box.order == one.order && in_box.line == one.line;
        match shape.inside.iter_mut().find(same) {
            Some(in_box) => in_box.cases += 1,
            None => shape.inside.push(one),
        }
    }
    for shape in &mut boxes {
        shape
            .inside
            .sort_by(|a, b| (&a.number, a.line).cmp(&(&b.number, b.line)));
    }
    boxes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn sku(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    /// Lines are (sku, cases, grams).
    fn order(serial: i64, door: &str, lines: &[(u128, i64, i64)]) -> OpenOrder {
        let line = |(at, &(item, cases, grams)): (i64, &(u128, i64, i64))| OpenLine {
            line: at,
            sku: sku(item),
            cases,
            grams,
            parts: vec![(sku(item), 1)],
        };
        OpenOrder {
            id: Uuid::from_u128(1_000 + serial.unsigned_abs() as u128),
            number: format!("240120-{serial:04}"),
            version: 1,
            province: "44".into(),
            door: door.into(),
            paid_at: Timestamp(serial),
            wish: Wish::default(),
            promised: None,
            lines: (1..).zip(lines).map(line).collect(),
        }
    }

    fn rules() -> Rules {
        Rules {
            as_of: day("2024-01-20"),
            deadline: Some(day("2024-02-08")),
            max_grams: 10_000,
            merge: false,
            ready_on: BTreeMap::new(),
        }
    }

    fn supply(rows: &[(u128, i64, Option<&str>)]) -> HashMap<Uuid, Supply> {
        let row = |&(item, free, ahead): &(u128, i64, Option<&str>)| {
            let ahead_ready_on = ahead.map(day);
            (sku(item), Supply { free, ahead_ready_on })
        };
        rows.iter().map(row).collect()
    }

    /// (id, ready on, cases per parcel) of each unit.
    fn seen(units: &[Unit]) -> Vec<(String, String, Vec<i64>)> {
        let unit = |unit: &Unit| {
            let cases = unit.shapes.iter().map(|shape| shape.cases).collect();
            (unit.id.clone(), unit.ready_on.to_string(), cases)
        };
        units.iter().map(unit).collect()
    }

    fn expect(rows: &[(&str, &str, &[i64])]) -> Vec<(String, String, Vec<i64>)> {
        rows.iter()
            .map(|(id, ready, cases)| ((*id).to_owned(), (*ready).to_owned(), cases.to_vec()))
            .collect()
    }

    #[test]
    fn a_parcel_weighs_no_more_than_its_limit() {
        let orders = [
            order(1, "a", &[(1, 2, 4_000), (2, 3, 2_000)]),
            order(2, "b", &[(1, 1, 12_000)]),
        ];
        let stock = supply(&[(1, 9, None), (2, 9, None)]);
        let units = shape(&orders, &stock, &rules());
        assert_eq!(
            seen(&units),
            expect(&[
                ("240120-0001-1", "2024-01-20", &[3]),
                ("240120-0001-2", "2024-01-20", &[2]),
                ("240120-0002-1", "2024-01-20", &[1]),
            ])
        );
        assert!(
            units
                .iter()
                .flat_map(|unit| &unit.shapes)
                .all(|shape| shape.grams <= 12_000)
        );
        let mut one_delivery = orders;
        one_delivery[0].wish.together = true;
        assert_eq!(
            seen(&shape(&one_delivery, &stock, &rules()))[0],
            ("240120-0001-1".to_owned(), "2024-01-20".to_owned(), vec![3, 2])
        );
    }

    #[test]
    fn who_paid_first_gets_what_is_there() {
        let orders = [order(2, "b", &[(1, 2, 1_000)]), order(1, "a", &[(1, 2, 1_000)])];
        let stock = supply(&[(1, 3, Some("2024-01-25"))]);
        assert_eq!(
            seen(&shape(&orders, &stock, &rules())),
            expect(&[
                ("240120-0001-1", "2024-01-20", &[2]),
                ("240120-0002-1", "2024-01-20", &[1]),
                ("240120-0002-2", "2024-01-25", &[1]),
            ])
        );
        let mut together = orders;
        together[0].wish.together = true;
        assert_eq!(
            seen(&shape(&together, &stock, &rules()))[1],
            ("240120-0002-1".to_owned(), "2024-01-25".to_owned(), vec![2])
        );
    }

    #[test]
    fn one_door_gets_one_parcel_when_asked() {
        let mut orders = [
            order(1, "a", &[(1, 1, 1_000)]),
            order(2, "a", &[(1, 2, 1_000)]),
            order(3, "b", &[(1, 1, 1_000)]),
            order(4, "a", &[(1, 1, 1_000)]),
        ];
        orders[3].wish.carrier = Some("sf".into());
        let stock = supply(&[(1, 9, None)]);
        assert_eq!(shape(&orders, &stock, &rules()).len(), 4);
        let merged = shape(
            &orders,
            &stock,
            &Rules {
                merge: true,
                ..rules()
            },
        );
        let cases: Vec<i64> = merged.iter().map(Unit::cases).collect();
        assert_eq!(cases, [3, 1, 1], "another wish is another parcel");
        assert_eq!(merged[0].shapes[0].inside.len(), 2, "lines of both orders");
    }

    #[test]
    fn wishes_and_promises_set_the_dates() {
        let mut wishing = order(1, "a", &[(1, 1, 1_000)]);
        wishing.promised = Some(day("2024-01-30"));
        let stock = supply(&[(1, 9, None)]);
        let one = |order: &OpenOrder, rules: &Rules| {
            let units = shape(std::slice::from_ref(order), &stock, rules);
            let deadline = units[0].deadline.map(|day| day.to_string());
            (deadline.unwrap_or_default(), units[0].ready_on.to_string())
        };
        let open = Rules {
            deadline: None,
            ..rules()
        };
        let dates = |deadline: &str, ready: &str| (deadline.to_owned(), ready.to_owned());
        assert_eq!(one(&wishing, &rules()), dates("2024-02-08", "2024-01-20"));
        assert_eq!(one(&wishing, &open), dates("2024-01-30", "2024-01-20"));
        wishing.promised = None;
        assert_eq!(one(&wishing, &open), dates("", "2024-01-20"));
        wishing.wish.arrive_by = Some(day("2024-02-01"));
        wishing.wish.not_before = Some(day("2024-01-28"));
        assert_eq!(one(&wishing, &rules()), dates("2024-02-01", "2024-01-28"));
    }

    #[test]
    fn a_door_is_the_same_however_it_is_written() {
        let door_of = |street: &str| door("13800138000", "440305", street);
        assert_eq!(door_of("科技园路 1号，A座"), door_of("科技园路１号 a座"));
        assert_ne!(door_of("科技园路1号"), door_of("科技园路2号"));
    }
}
