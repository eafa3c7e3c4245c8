//! Numbers that run on one by one tell whether their column has been moved: carriers give numbers in the order of the
//! file they got, which is the batch's. Only evidence, as carriers may give them otherwise.

use super::report::Row;

/// Numbers that must run on before a break means something.
const FEWEST: usize = 8;

/// A number on its parcel.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    /// the parcel's place in the batch
    pub place: usize,
    /// the row's place in the file
    pub row: usize,
    pub number: &'a str,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// rows (places in the file) whose numbers would each fit the other's place
    Swapped(usize, usize),
    /// all numbers run on, but from another row on
    Turned { from: usize },
    /// from this row on each number is one that the next row should have; the last parcels have none
    Pulled { from: usize, by: u64 },
}

/// The breaks in the numbers of one carrier, if these run on otherwise. `missing` are the places in the batch of the
/// parcels whose rows have no number.
pub(super) fn breaks(numbers: &[Placed<'_>], missing: &[usize]) -> Vec<Break> {
    let mut numbers = numbers.to_vec();
    numbers.sort_by_key(|placed| placed.place);
    let Some(serials) = serials(&numbers) else {
        return Vec::new();
    };
    let row = |at: usize| numbers[at].row;
    let steps: Vec<i128> = serials
        .windows(2)
        .map(|pair| i128::from(pair[1]) - i128::from(pair[0]))
        .collect();
    let odd: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] != 1).collect();
    let count = i128::try_from(serials.len()).unwrap_or(i128::MAX);
    if let [only] = odd[..] {
        if steps[only] == 1 - count {
            return vec![Break::Turned { from: row(only + 1) }];
        }
        let by = u64::try_from(steps[only] - 1).unwrap_or(0);
        let last = numbers.last().map_or(0, |placed| placed.place);
        let bare = missing.iter().filter(|place| **place > last).count();
        let pulled = by > 0 && usize::try_from(by).is_ok_and(|by| by == bare) && bare == missing.len();
        return if pulled {
            vec![Break::Pulled {
                from: row(only + 1),
                by,
            }]
        } else {
            Vec::new()
        };
    }
    if odd.len() > 4.max(serials.len() / 5) {
        return Vec::new();
    }
    swaps(&serials)
        .into_iter()
        .map(|(one, other)| Break::Swapped(row(one), row(other)))
        .collect()
}

/// The running parts of numbers of one form, or nothing when their forms differ or they are too few.
fn serials(numbers: &[Placed<'_>]) -> Option<Vec<u64>> {
    if numbers.len() < FEWEST {
        return None;
    }
    let mut serials = Vec::with_capacity(numbers.len());
    let first = split(numbers[0].number)?;
    for placed in numbers {
        let (head, digits, tail) = split(placed.number)?;
        if (head, digits.len(), tail) != (first.0, first.1.len(), first.2) {
            return None;
        }
        serials.push(digits.parse().ok()?);
    }
    Some(serials)
}

/// Letters, running digits, and what follows them: of S10 numbers the check digit and the country.
fn split(number: &str) -> Option<(&str, &str, &str)> {
    let head = number
        .bytes()
        .take_while(|byte| byte.is_ascii_alphabetic())
        .count();
    let (head, rest) = number.split_at(head);
    let digits = rest.bytes().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, tail) = rest.split_at(digits);
    if crate::fulfillment::carriers::s10_check(number).is_some() {
        return Some((head, digits.get(..8)?, &tail[tail.len() - 2..]));
    }
    (tail.is_empty() && (4..=18).contains(&digits.len())).then_some((head, digits, tail))
}

/// Pairs of places whose numbers stand in each other's.
fn swaps(serials: &[u64]) -> Vec<(usize, usize)> {
    let mut sorted = serials.to_vec();
    sorted.sort_unstable();
    let wrong: Vec<usize> = (0..serials.len())
        .filter(|at| serials[*at] != sorted[*at])
        .collect();
    let mut pairs = Vec::new();
    for (nth, one) in wrong.iter().enumerate() {
        let mate = wrong[nth + 1..]
            .iter()
            .find(|other| serials[*one] == sorted[**other] && serials[**other] == sorted[*one]);
        pairs.extend(mate.map(|other| (*one, *other)));
    }
    // anything beyond swaps is another order, not a mistake
    if pairs.len() * 2 == wrong.len() {
        pairs
    } else {
        Vec::new()
    }
}

/// Row numbers for people.
pub(super) fn numbers_of(rows: &[Row], at: &[usize]) -> Vec<usize> {
    at.iter()
        .filter_map(|at| rows.get(*at))
        .map(|row| row.number)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(numbers: &[&str], missing: &[usize]) -> Vec<Break> {
        let placed: Vec<Placed> = numbers
            .iter()
            .enumerate()
            .filter(|(_, number)| !number.is_empty())
            .map(|(at, number)| Placed {
                place: at,
                row: at,
                number,
            })
            .collect();
        breaks(&placed, missing)
    }

    fn run(serials: &[u32]) -> Vec<String> {
        serials
            .iter()
            .map(|serial| format!("7800000000{serial:04}"))
            .collect()
    }

    #[test]
    fn moved_columns_show_in_running_numbers() {
        let of = |serials: &[u32], missing: &[usize]| {
            let numbers = run(serials);
            let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
            found(&numbers, missing)
        };
        assert_eq!(of(&[1, 2, 3, 4, 5, 6, 7, 8, 9], &[]), []);
        assert_eq!(of(&[1, 2, 7, 4, 5, 6, 3, 8, 9], &[]), [Break::Swapped(2, 6)]);
        assert_eq!(of(&[1, 2, 4, 3, 5, 6, 7, 8, 9], &[]), [Break::Swapped(2, 3)]);
        assert_eq!(of(&[8, 9, 1, 2, 3, 4, 5, 6, 7], &[]), [Break::Turned { from: 2 }]);
        assert_eq!(
            of(&[1, 2, 3, 5, 6, 7, 8, 9], &[8]),
            [Break::Pulled { from: 3, by: 1 }]
        );
        assert_eq!(of(&[1, 2, 3, 5, 6, 7, 8, 9], &[]), [], "a number was voided");
        assert_eq!(
            of(&[101, 102, 103, 104, 1, 2, 3, 4], &[]),
            [],
            "a new range of numbers"
        );
        assert_eq!(of(&[5, 3, 9, 1, 7, 2, 8, 4, 6], &[]), [], "no order at all");
        assert_eq!(of(&[1, 2, 4, 3], &[]), [], "too few");
    }

    #[test]
    fn check_digits_do_not_break_a_run() {
        let numbers: Vec<String> = (0..9)
            .filter_map(|serial| {
                (0..10)
                    .map(|check| format!("EA1234567{serial}{check}CN"))
                    .find(|number| crate::fulfillment::carriers::s10_check(number) == Some(true))
            })
            .collect();
        let mut numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(found(&numbers, &[]), []);
        numbers.swap(1, 5);
        assert_eq!(found(&numbers, &[]), [Break::Swapped(1, 5)]);
    }
}
