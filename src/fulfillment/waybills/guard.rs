//! The guard between a carrier's file and the shop: everything that is wrong with a file, found before anything of it
//! is written.
//!
//! A number on the wrong parcel tells a buyer of somebody else's parcel, and is found out only when it is delivered.
//! So a file is compared with the batch as a whole: [`guard`].
//!
//! # What can be found, and what can't
//! A row of a file ties a number to a parcel by standing in one line with it. When people paste columns side by side,
//! the line is all there is, so a mistake shows only if the number's side of the line carries something that the parcel
//! has as well: the recipient's name, phone tail or province, as the carrier's own export has them.
//!
//! | damage | found by |
//! |---|---|
//! | the carrier's columns slid by some rows, as a whole or from one row on; two rows of them swapped | recipient against parcel: always with a phone tail or a full name; with masked names alone unless the surnames happen to agree; with provinces alone unless those do |
//! | a number in scientific notation, rounded, without its leading zeros, cut short | its form, and the other numbers of the file |
//! | a digit wrong | EMS and post: check digit. Others: not, unless the number then is used twice |
//! | a number twice, a parcel twice, an unknown parcel, a number without parcel | always |
//! | another carrier's numbers | its form, or the file's carrier column |
//! | the number column alone slid or swapped, beside columns that came from us | only if the numbers run on one by one in the batch's order: reported as evidence. Otherwise **not findable**: nothing in the file ties the number to a recipient |
//!
//! The export therefore carries the parcel's code and the phone's tail. A carrier's tool hands both back beside the
//! number it gave, recipient included, so that every row of *that* file says for itself whom its number is for. Upload
//! that file, not one put together by hand.

use std::collections::{BTreeMap, HashMap};

use super::findings::Found;
use super::numbers::{self, Reading};
use super::report::{Accepted, Grade, Kind, Parcel, Report, Row};
use super::sequence::{self, Break, Placed};
use super::{forms, recipients};
use crate::orders::import::fold_width;

/// A row with its parcel and its number.
pub(super) struct Pair<'a> {
    /// place of the row in the file
    pub at: usize,
    /// place of the parcel in the batch
    pub place: usize,
    pub row: &'a Row,
    pub parcel: &'a Parcel,
    pub number: String,
}

/// Compares the rows of a file with the batch's parcels, given in the order in which they were exported.
/// `known_live` says which numbers are on which parcels of the whole shop now, in capitals, by parcel code.
///
/// The same input always gives the same report. Works in time linear in rows and parcels.
pub fn guard(parcels: &[Parcel], rows: &[Row], known_live: &HashMap<String, String>) -> Report {
    let mut found = Found::default();
    let matched = match_keys(parcels, rows, &mut found);
    let (pairs, missing) = read_numbers(parcels, rows, &matched, &mut found);
    let pairs = one_each(pairs, &mut found);
    check_numbers(&pairs, &mut found);
    check_live(&pairs, known_live, &mut found);
    recipients::check(parcels, rows, &matched, &mut found);
    check_order(&pairs, &missing, &mut found);
    let findings = found.into_findings(rows);
    let refused = findings.iter().any(|finding| finding.grade == Grade::Refuse);
    let accept = |pair: &Pair<'_>| Accepted {
        row: pair.row.number,
        parcel: pair.parcel.code.clone(),
        waybill: pair.number.clone(),
        unchanged: pair
            .parcel
            .waybill
            .as_ref()
            .is_some_and(|now| now.eq_ignore_ascii_case(&pair.number)),
    };
    let accepted = if refused {
        Vec::new()
    } else {
        pairs.iter().map(accept).collect()
    };
    Report { accepted, findings }
}

fn plain_key(text: &str) -> String {
    let mut key = fold_width(text).to_uppercase();
    key.retain(|c| !c.is_whitespace());
    key
}

/// The parcel's place for each row, by parcel code or by an order that has one parcel.
fn match_keys(parcels: &[Parcel], rows: &[Row], found: &mut Found) -> Vec<Option<usize>> {
    let codes: HashMap<String, usize> = parcels
        .iter()
        .enumerate()
        .map(|(place, parcel)| (plain_key(&parcel.code), place))
        .collect();
    let mut orders: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, parcel) in parcels.iter().enumerate() {
        for order in &parcel.orders {
            orders.entry(plain_key(order)).or_default().push(place);
        }
    }
    let mut place_of = |(at, row): (usize, &Row)| {
        let (code, order) = (plain_key(&row.parcel), plain_key(&row.order));
        let key = if code.is_empty() { &order } else { &code };
        if key.is_empty() {
            if !matches!(numbers::read(&row.waybill), Reading::Empty) {
                found.refuse(Kind::NumberWithoutParcel, at, &row.waybill);
            }
            return None;
        }
        if numbers::is_scientific(key) {
            found.refuse(Kind::DamagedKey, at, key);
            return None;
        }
        let place = match codes.get(key) {
            Some(place) => *place,
            None => match orders.get(key).map_or(&[][..], Vec::as_slice) {
                [only] if code.is_empty() => *only,
                [] => {
                    found.refuse(Kind::UnknownParcel, at, key);
                    return None;
                }
                [_] => {
                    found.refuse(Kind::KeysDisagree, at, key);
                    return None;
                }
                _ => {
                    found.refuse(Kind::AmbiguousOrder, at, key);
                    return None;
                }
            },
        };
        if !code.is_empty() && !orders_agree(&parcels[place], &order, &orders) {
            found.refuse(Kind::KeysDisagree, at, &parcels[place].code);
        }
        Some(place)
    };
    rows.iter().enumerate().map(&mut place_of).collect()
}

/// Whether the orders a row names are among its parcel's. What is no order of this batch (a carrier's own number, say)
/// proves nothing.
fn orders_agree(parcel: &Parcel, order: &str, orders: &HashMap<String, Vec<usize>>) -> bool {
    order
        .split([',', ';', '、', '/', '|'])
        .filter(|order| orders.contains_key(*order))
        .all(|order| parcel.orders.iter().any(|own| plain_key(own) == order))
}

/// The rows with parcel and number, and the places of parcels whose rows have no number.
fn read_numbers<'a>(
    parcels: &'a [Parcel],
    rows: &'a [Row],
    matched: &[Option<usize>],
    found: &mut Found,
) -> (Vec<Pair<'a>>, Vec<usize>) {
    let (mut pairs, mut missing, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for (at, (row, place)) in rows.iter().zip(matched).enumerate() {
        let number = match numbers::read(&row.waybill) {
            Reading::Number(number) => number,
            Reading::Empty => {
                if let Some(place) = place {
                    missing.push(*place);
                    bare.push(at);
                }
                continue;
            }
            Reading::Damaged => {
                found.refuse(Kind::DamagedNumber, at, &row.waybill);
                continue;
            }
            Reading::Several => {
                found.refuse(Kind::SeveralNumbers, at, &row.waybill);
                continue;
            }
            Reading::Other => {
                found.refuse(Kind::NotAWaybill, at, &row.waybill);
                continue;
            }
        };
        if let Some(place) = *place {
            let parcel = &parcels[place];
            pairs.push(Pair {
                at,
                place,
                row,
                parcel,
                number,
            });
        }
    }
    if !bare.is_empty() {
        let codes = missing.iter().map(|place| parcels[*place].code.clone()).collect();
        found.add(Kind::NoNumber, Grade::Note, bare, codes, "");
    }
    (pairs, missing)
}

/// One row per parcel and per number; rows that say the same again are left out.
fn one_each<'a>(pairs: Vec<Pair<'a>>, found: &mut Found) -> Vec<Pair<'a>> {
    let mut kept: Vec<Pair<'a>> = Vec::with_capacity(pairs.len());
    let mut first: HashMap<usize, usize> = HashMap::new();
    let mut several: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut repeated = Vec::new();
    for pair in pairs {
        match first.get(&pair.place) {
            None => {
                first.insert(pair.place, kept.len());
                kept.push(pair);
            }
            Some(known) if kept[*known].number == pair.number => repeated.push(pair.at),
            Some(known) => several
                .entry(*known)
                .or_insert_with(|| vec![kept[*known].at])
                .push(pair.at),
        }
    }
    for (known, at) in several {
        let code = kept[known].parcel.code.clone();
        found.add(
            Kind::ParcelTwice,
            Grade::Refuse,
            at.clone(),
            vec![code.clone(); at.len()],
            &code,
        );
    }
    if !repeated.is_empty() {
        found.add(Kind::Repeated, Grade::Note, repeated, Vec::new(), "");
    }
    let mut users: BTreeMap<&str, Vec<&Pair<'_>>> = BTreeMap::new();
    for pair in &kept {
        users.entry(pair.number.as_str()).or_default().push(pair);
    }
    for (number, users) in users.into_iter().filter(|(_, users)| users.len() > 1) {
        let at = users.iter().map(|pair| pair.at).collect();
        let codes = users.iter().map(|pair| pair.parcel.code.clone()).collect();
        found.add(Kind::NumberTwice, Grade::Refuse, at, codes, number);
    }
    kept
}

fn check_numbers(pairs: &[Pair<'_>], found: &mut Found) {
    let numbers: Vec<&str> = pairs.iter().map(|pair| pair.number.as_str()).collect();
    let rounded = numbers::rounded(&numbers);
    if let Some(first) = rounded.at.first() {
        let grade = if rounded.sure { Grade::Refuse } else { Grade::Look };
        let at = rounded.at.iter().map(|at| pairs[*at].at).collect();
        let codes = rounded
            .at
            .iter()
            .map(|at| pairs[*at].parcel.code.clone())
            .collect();
        found.add(Kind::RoundedNumber, grade, at, codes, numbers[*first]);
    }
    let mut unknown = Vec::new();
    for (at, kind, grade) in forms::odd(pairs) {
        let pair = &pairs[at];
        if kind == Kind::UnknownForm {
            unknown.push((grade, pair));
        } else {
            found.add(
                kind,
                grade,
                vec![pair.at],
                vec![pair.parcel.code.clone()],
                &pair.number,
            );
        }
    }
    if let Some((grade, first)) = unknown.first() {
        let at = unknown.iter().map(|(_, pair)| pair.at).collect();
        found.add(Kind::UnknownForm, *grade, at, Vec::new(), &first.number);
    }
}

fn check_live(pairs: &[Pair<'_>], known_live: &HashMap<String, String>, found: &mut Found) {
    for pair in pairs {
        let code = pair.parcel.code.clone();
        if let Some(holder) = known_live.get(&pair.number).filter(|holder| **holder != code) {
            let detail = format!("{} → {holder}", pair.number);
            found.add(
                Kind::NumberLive,
                Grade::Refuse,
                vec![pair.at],
                vec![code],
                &detail,
            );
        } else if let Some(now) = &pair.parcel.waybill
            && !now.eq_ignore_ascii_case(&pair.number)
        {
            let detail = format!("{code} → {now}");
            found.add(
                Kind::AlreadyNumbered,
                Grade::Refuse,
                vec![pair.at],
                vec![code],
                &detail,
            );
        }
    }
}

fn check_order(pairs: &[Pair<'_>], missing: &[usize], found: &mut Found) {
    let mut by_carrier: BTreeMap<&str, Vec<Placed<'_>>> = BTreeMap::new();
    for pair in pairs {
        let placed = Placed {
            place: pair.place,
            row: pair.at,
            number: &pair.number,
        };
        by_carrier
            .entry(pair.parcel.carrier.as_str())
            .or_default()
            .push(placed);
    }
    for numbers in by_carrier.values() {
        for seen in sequence::breaks(numbers, missing) {
            let (kind, at) = match seen {
                Break::Swapped(one, other) => (Kind::OrderLooksSwapped, vec![one, other]),
                Break::Turned { from } | Break::Pulled { from, .. } => (Kind::OrderLooksSlid, vec![from]),
            };
            found.add(kind, Grade::Look, at, Vec::new(), "");
        }
    }
}
