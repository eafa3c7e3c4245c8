//! Days on the way, learned from the village's own parcels: what nine of ten took, once there are enough.

use chrono::NaiveDate;

/// Parcels of a carrier to a province before their days mean something.
pub const FEWEST: usize = 20;

/// Longest way that counts: what took longer was stuck or forgotten, not slow.
const LONGEST: i64 = 30;

/// The 90th percentile, by nearest rank, of the calendar days from collecting to delivery; `None` for fewer than
/// [`FEWEST`] parcels.
pub fn p90(ways: &[(NaiveDate, NaiveDate)]) -> Option<i64> {
    let mut days: Vec<i64> = ways
        .iter()
        .map(|(collected, delivered)| delivered.signed_duration_since(*collected).num_days())
        .filter(|days| (0..=LONGEST).contains(days))
        .collect();
    if days.len() < FEWEST {
        return None;
    }
    days.sort_unstable();
    let rank = (days.len() * 9).div_ceil(10);
    days.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten() {
        let start: NaiveDate = "2024-01-20".parse().expect("a day");
        let way = |days: i64| (start, start + chrono::Duration::days(days));
        let of = |days: &[i64]| p90(&days.iter().map(|days| way(*days)).collect::<Vec<_>>());
        let twenty: Vec<i64> = (1..=20).collect();
        assert_eq!(of(&twenty[..19]), None);
        assert_eq!(of(&twenty), Some(18));
        assert_eq!(of(&[2; 20]), Some(2));
        let mut one_slow = vec![2; 21];
        one_slow.push(9);
        assert_eq!(of(&one_slow), Some(2));
        let mut odd = vec![3; 20];
        odd.extend([-1, 90, 365]);
        assert_eq!(
            of(&odd),
            Some(3),
            "clocks that go back and parcels that were forgotten do not count"
        );
        odd.pop();
        assert_eq!(of(&[&[3; 19][..], &[90]].concat()), None);
    }
}
