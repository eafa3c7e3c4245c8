//! Which lot a parcel's cases come from: the first to expire goes first, as long as it still has the life that its sku
//! asks for on arrival. Pure.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use uuid::Uuid;

/// A lot with what no kept parcel has taken of it.
#[derive(Clone, Debug)]
pub struct FreeLot {
    pub id: Uuid,
    pub code: String,
    pub best_before: NaiveDate,
    pub free: i64,
}

/// Lots per stock item, the first to expire first.
pub type Shelf = HashMap<Uuid, Vec<FreeLot>>;

/// What a parcel needs of one stock item for one order line.
#[derive(Clone, Debug)]
pub struct Need {
    pub order: Uuid,
    pub line: i64,
    pub item: Uuid,
    pub quantity: i64,
    /// the day that the lot has to last
    pub good_until: NaiveDate,
}

/// Units of one lot for one order line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub order: Uuid,
    pub line: i64,
    pub item: Uuid,
    pub lot: Uuid,
    pub quantity: i64,
    pub good_until: NaiveDate,
}

/// The last day that goods have to be good: some days after they arrive.
pub fn good_until(arrives_on: NaiveDate, min_days_left: i64) -> NaiveDate {
    let days = u64::try_from(min_days_left).unwrap_or(0);
    arrives_on
        .checked_add_days(Days::new(days))
        .unwrap_or(NaiveDate::MAX)
}

/// Takes what a parcel needs off the shelf, whole or as far as it goes; `false` when something is missing. Because a lot
/// that is good enough for one parcel is good enough for every parcel that needs less, taking the oldest that will do
/// leaves no parcel without goods that another choice would have served.
pub fn take(shelf: &mut Shelf, needs: &[Need]) -> (Vec<Taken>, bool) {
    let mut taken = Vec::new();
    let mut complete = true;
    for need in needs {
        let mut left = need.quantity;
        for lot in shelf.entry(need.item).or_default() {
            let some = left.min(lot.free);
            if some > 0 && lot.best_before >= need.good_until {
                lot.free -= some;
                left -= some;
                taken.push(Taken {
                    order: need.order,
                    line: need.line,
                    item: need.item,
                    lot: lot.id,
                    quantity: some,
                    good_until: need.good_until,
                });
            }
        }
        complete &= left == 0;
    }
    (taken, complete)
}

/// Puts back what a parcel took that will not leave.
pub fn put_back(shelf: &mut Shelf, taken: &[Taken]) {
    for pick in taken {
        let lots = shelf.entry(pick.item).or_default();
        if let Some(lot) = lots.iter_mut().find(|lot| lot.id == pick.lot) {
            lot.free += pick.quantity;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 2, n).unwrap()
    }

    fn need(quantity: i64, good_until: u32) -> Need {
        Need {
            order: Uuid::nil(),
            line: 1,
            item: Uuid::nil(),
            quantity,
            good_until: day(good_until),
        }
    }

    /// Lots that expire on the 5th, 10th and 20th, with 2, 3 and 4 units.
    fn shelf() -> Shelf {
        let lot = |(id, best_before, free): (u128, u32, i64)| FreeLot {
            id: Uuid::from_u128(id),
            code: format!("L{id}"),
            best_before: day(best_before),
            free,
        };
        HashMap::from([(Uuid::nil(), [(1, 5, 2), (2, 10, 3), (3, 20, 4)].map(lot).to_vec())])
    }

    #[test]
    fn the_oldest_that_will_do_goes_first() {
        for (quantity, good_until, lots, complete) in [
            (1, 1, vec![(1, 1)], true),
            (4, 1, vec![(1, 2), (2, 2)], true),
            (4, 6, vec![(2, 3), (3, 1)], true),
            (4, 20, vec![(3, 4)], true),
            (5, 11, vec![(3, 4)], false),
            (1, 21, vec![], false),
        ] {
            let (taken, whole) = take(&mut shelf(), &[need(quantity, good_until)]);
            let taken: Vec<_> = taken
                .iter()
                .map(|pick| (pick.lot.as_u128(), pick.quantity))
                .collect();
            assert_eq!((taken, whole), (lots, complete), "{quantity} until {good_until}");
        }
    }

    #[test]
    fn what_is_put_back_can_be_taken_again() {
        let mut shelf = shelf();
        let (first, _) = take(&mut shelf, &[need(9, 1)]);
        assert!(!take(&mut shelf, &[need(1, 1)]).1);
        put_back(&mut shelf, &first);
        assert_eq!(take(&mut shelf, &[need(9, 1)]), (first, true));
    }

    #[test]
    fn in_any_order_of_parcels_all_are_served_that_can_be() {
        let needs = [need(2, 1), need(3, 8), need(4, 15)];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut shelf = shelf();
            for at in order {
                assert!(take(&mut shelf, &[needs[at].clone()]).1, "{order:?}");
            }
        }
    }

    #[test]
    fn goods_are_good_for_some_days_after_they_arrive() {
        assert_eq!(good_until(day(3), 14), day(17));
        assert_eq!(good_until(day(3), 0), day(3));
    }
}
