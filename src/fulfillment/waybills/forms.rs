//! Whether numbers look like the carrier's. Carriers add number ranges without notice, so a number is judged by the
//! forms we know and by the other numbers of its file: one odd among many is a mistake, all of them are a new range.

use std::collections::BTreeMap;

use super::guard::Pair;
use super::report::{Grade, Kind};
use crate::fulfillment::carriers::{self, Carrier};

/// Numbers that have to agree before another one counts as odd.
const FEWEST: usize = 5;

/// A number that does not look right: its place among the pairs, what is wrong, and how much it weighs.
pub(super) type Odd = (usize, Kind, Grade);

/// The letters a number starts with, and its length.
type Shape<'a> = (&'a str, usize);

fn shape(number: &str) -> Shape<'_> {
    let letters = number
        .bytes()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    (&number[..letters], number.len())
}

pub(super) fn odd(pairs: &[Pair<'_>]) -> Vec<Odd> {
    let mut by_carrier: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, pair) in pairs.iter().enumerate() {
        by_carrier
            .entry(pair.parcel.carrier.as_str())
            .or_default()
            .push(at);
    }
    by_carrier
        .into_iter()
        .flat_map(|(carrier, at)| of_carrier(carriers::find(carrier), pairs, &at))
        .collect()
}

fn of_carrier(carrier: Option<&'static Carrier>, pairs: &[Pair<'_>], at: &[usize]) -> Vec<Odd> {
    let (mut found, mut fitting, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    for at in at.iter().copied() {
        let pair = &pairs[at];
        match (plainly_wrong(carrier, pair), carrier) {
            (Some(kind), _) => found.push((at, kind, Grade::Refuse)),
            (None, Some(carrier)) if carrier.fits(&pair.number) => fitting.push(at),
            (None, _) => unknown.push(at),
        }
    }
    let common = common_shape(pairs, if fitting.is_empty() { &unknown } else { &fitting });
    for at in fitting.iter().copied() {
        if let Some(grade) = among_fitting(common, shape(&pairs[at].number)) {
            found.push((at, Kind::OddForm, grade));
        }
    }
    for at in unknown.iter().copied() {
        let is_common = common.is_some_and(|common| common == shape(&pairs[at].number));
        found.push(match (fitting.is_empty(), carrier) {
            // the rest of the file shows what the carrier's numbers look like
            (false, _) => (at, Kind::OddForm, Grade::Refuse),
            (true, None) if is_common || common.is_none() => continue,
            (true, None) => (at, Kind::OddForm, Grade::Look),
            (true, Some(_)) if is_common => (at, Kind::UnknownForm, Grade::Note),
            (true, Some(_)) if common.is_some() => (at, Kind::OddForm, Grade::Refuse),
            (true, Some(_)) => (at, Kind::UnknownForm, Grade::Look),
        });
    }
    found
}

fn plainly_wrong(carrier: Option<&'static Carrier>, pair: &Pair<'_>) -> Option<Kind> {
    let number = pair.number.as_str();
    if carriers::same(&pair.parcel.carrier, &pair.row.carrier) == Some(false) {
        return Some(Kind::WrongCarrier);
    }
    let digits: String = pair.parcel.phone.chars().filter(char::is_ascii_digit).collect();
    let is_key = |key: &String| key.eq_ignore_ascii_case(number);
    if number == digits || is_key(&pair.parcel.code) || pair.parcel.orders.iter().any(is_key) {
        return Some(Kind::NotAWaybill);
    }
    let carrier = carrier?;
    if carrier.fits(number) {
        return (carriers::s10_check(number) == Some(false)).then_some(Kind::WrongCheckDigit);
    }
    if carriers::told_by_letters(number).is_some_and(|other| other.code != carrier.code) {
        return Some(Kind::WrongCarrier);
    }
    carrier.fits_with_zeros(number).then_some(Kind::LostDigits)
}

/// The shape that nine of ten numbers have, or all but one.
fn common_shape<'a>(pairs: &'a [Pair<'_>], at: &[usize]) -> Option<Shape<'a>> {
    let mut counts: BTreeMap<Shape<'_>, usize> = BTreeMap::new();
    for at in at {
        *counts.entry(shape(&pairs[*at].number)).or_default() += 1;
    }
    let (most, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= FEWEST && (count * 10 >= at.len() * 9 || count + 1 >= at.len())).then_some(most)
}

/// A number that fits, and yet is one digit shorter or longer than nine of ten others, has lost or got a digit;
/// carriers' ranges differ by more.
fn among_fitting(common: Option<Shape<'_>>, own: Shape<'_>) -> Option<Grade> {
    let common = common?;
    if common == own || common.0 != own.0 {
        return None;
    }
    Some(if common.1.abs_diff(own.1) == 1 {
        Grade::Refuse
    } else {
        Grade::Look
    })
}
