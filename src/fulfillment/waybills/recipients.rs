//! Rows whose recipient is not their parcel's: slid, swapped, or simply somebody else.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::findings::Found;
use super::numbers::{self, Reading};
use super::people::{Column, Evidence, Person, Says, Verdict};
use super::report::{Grade, Kind, Parcel, Row};

/// Rows for which the right parcel is looked for.
const MAX_LOOKED_FOR: usize = 200;

/// A row that names somebody, with its parcel.
struct Named {
    at: usize,
    place: usize,
    person: Person,
}

pub(super) fn check(parcels: &[Parcel], rows: &[Row], matched: &[Option<usize>], found: &mut Found) {
    let ours: Vec<Person> = parcels.iter().map(Person::of_parcel).collect();
    let mut named: Vec<Named> = rows
        .iter()
        .zip(matched)
        .enumerate()
        .filter_map(|(at, (row, place))| {
            let person = Person::of_row(row);
            (!numbers_empty(row) && person.says_something()).then_some(Named {
                at,
                place: (*place)?,
                person,
            })
        })
        .collect();
    if named.is_empty() {
        if matched.iter().any(Option::is_some) {
            found.add(Kind::NoRecipients, Grade::Note, Vec::new(), Vec::new(), "");
        }
        return;
    }
    if has_other_phones(&named, &ours) {
        named.iter_mut().for_each(|named| named.person.without_phone());
        found.add(Kind::OtherPhones, Grade::Note, Vec::new(), Vec::new(), "");
    }
    let mut others = Vec::new();
    let mut differs: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    for named in &named {
        match Evidence::of(&named.person, &ours[named.place]).verdict() {
            Verdict::Other => others.push(named),
            Verdict::SameBut(column) => {
                let kind = match column {
                    Column::Name => Kind::NameDiffers,
                    Column::Phone => Kind::PhoneDiffers,
                    Column::Place => Kind::PlaceDiffers,
                };
                differs.entry(kind).or_default().push(named.at);
            }
            Verdict::Nothing | Verdict::Same => {}
        }
    }
    for (kind, at) in differs {
        found.add(kind, Grade::Look, at, Vec::new(), "");
    }
    explain(parcels, &ours, matched, &others, found);
}

fn numbers_empty(row: &Row) -> bool {
    numbers::read(&row.waybill) == Reading::Empty
}

/// Whether nearly all phones disagree while the names agree: then they are numbers that the carrier has lent.
fn has_other_phones(named: &[Named], ours: &[Person]) -> bool {
    let (mut compared, mut wrong, mut named_right, mut named_wrong) = (0, 0, 0, 0);
    for named in named {
        let evidence = Evidence::of(&named.person, &ours[named.place]);
        if evidence.phone != Says::Nothing {
            compared += 1;
            wrong += usize::from(evidence.phone == Says::No);
            named_right += usize::from(matches!(evidence.name, Says::Maybe | Says::Yes));
            named_wrong += usize::from(evidence.name == Says::No);
        }
    }
    compared >= 3
        && wrong * 10 >= compared * 8
        && named_right * 10 >= compared * 8
        && named_wrong * 10 <= compared
}

/// Tells of the rows whose recipient is not their parcel's: slid, swapped, or simply somebody else.
fn explain(
    parcels: &[Parcel],
    ours: &[Person],
    matched: &[Option<usize>],
    others: &[&Named],
    found: &mut Found,
) {
    let mut row_of: HashMap<usize, usize> = HashMap::new();
    for (at, place) in matched.iter().enumerate() {
        if let Some(place) = place {
            row_of.entry(*place).or_insert(at);
        }
    }
    // for each wrong row: the rows of the parcels that its recipient fits
    let meant: HashMap<usize, Vec<usize>> = others
        .iter()
        .take(MAX_LOOKED_FOR)
        .map(|named| {
            let fits = |(place, person): (usize, &Person)| {
                let points_here = Evidence::of(&named.person, person).points_here();
                points_here.then(|| row_of.get(&place).copied()).flatten()
            };
            (named.at, ours.iter().enumerate().filter_map(fits).collect())
        })
        .collect();
    let codes = |at: &[&Named]| {
        at.iter()
            .map(|named| parcels[named.place].code.clone())
            .collect::<Vec<_>>()
    };
    if let Some(by) = slide(&meant) {
        let at = others.iter().map(|named| named.at).collect();
        found.add(Kind::Slid, Grade::Refuse, at, codes(others), &by.to_string());
        return;
    }
    let by_row: HashMap<usize, &Named> = others.iter().map(|named| (named.at, *named)).collect();
    let mut told: HashSet<usize> = HashSet::new();
    for named in others {
        if !told.insert(named.at) {
            continue;
        }
        let means_me = |row: &&usize| meant.get(row).is_some_and(|rows| rows.contains(&named.at));
        let mate = meant.get(&named.at).and_then(|rows| {
            let free = |row: &&usize| !told.contains(row) && means_me(row);
            rows.iter().find(free).and_then(|row| by_row.get(row))
        });
        if let Some(mate) = mate {
            told.insert(mate.at);
            let pair = codes(&[named, mate]);
            let detail = pair.join(" ↔ ");
            found.add(
                Kind::Swapped,
                Grade::Refuse,
                vec![named.at, mate.at],
                pair,
                &detail,
            );
        } else {
            let code = codes(&[named]);
            let detail = code.concat();
            found.add(Kind::OtherRecipient, Grade::Refuse, vec![named.at], code, &detail);
        }
    }
}

/// The distance at which most wrong rows find their parcel, if there is one.
fn slide(meant: &HashMap<usize, Vec<usize>>) -> Option<i64> {
    let mut distances: BTreeMap<i64, usize> = BTreeMap::new();
    for (at, rows) in meant {
        for row in rows {
            let distance = i64::try_from(*row).ok()? - i64::try_from(*at).ok()?;
            *distances.entry(distance).or_default() += 1;
        }
    }
    let (distance, count) = distances.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= 3 && count * 10 >= meant.len() * 6).then_some(distance.abs())
}
