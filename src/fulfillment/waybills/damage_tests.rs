//! Damage to single numbers and keys: of every kind at least 99 in 100 files are found.

use rand::Rng;
use rand::rngs::StdRng;

use super::guard_tests::{assert_found, refused};
use super::synthetic::*;

#[test]
fn what_spreadsheets_do_is_found() {
    let digits = |rng: &mut StdRng| {
        let carrier = ["zto", "yunda", "sto", "sf-old"][usize::from(rng.random::<u8>() % 4)];
        Style::any(rng).with(carrier)
    };
    let all = |change: fn(&str) -> String| {
        move |made: &mut Made, _: &mut StdRng| {
            made.rows
                .iter_mut()
                .for_each(|row| row.waybill = change(&row.waybill))
        }
    };
    assert_found("scientific", refused(digits, all(scientific)), 99);
    assert_found(
        "scientific, one cell",
        refused(digits, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            made.rows[at].waybill = scientific(&made.rows[at].waybill);
        }),
        99,
    );
    assert_found(
        "scientific, saved as figures",
        refused(digits, all(|number| rounded(number, 6))),
        99,
    );
    let long = |rng: &mut StdRng| Style {
        fewest: 2,
        ..Style::any(rng).with("yto-long")
    };
    assert_found(
        "rounded to 15 digits",
        refused(long, all(|number| rounded(number, 15))),
        99,
    );
    let old = |rng: &mut StdRng| Style::any(rng).with("sf-old");
    assert_found(
        "leading zeros lost",
        refused(old, all(|number| number.trim_start_matches('0').to_owned())),
        99,
    );
    assert_found(
        "keys in scientific notation",
        refused(digits, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            made.rows[at].order.clear();
            made.rows[at].parcel = "2.40118E+11".to_owned();
        }),
        99,
    );
}

/// A batch with enough numbers to compare.
fn many(rng: &mut StdRng) -> Style {
    Style {
        fewest: 6,
        parts: false,
        ..Style::any(rng)
    }
}

/// The same, of a carrier whose numbers are known.
fn known(rng: &mut StdRng) -> Style {
    let carriers = ["zto", "sf", "yto", "jt", "jd", "ems", "dbl"];
    many(rng).with(carriers[usize::from(rng.random::<u8>() % 7)])
}

#[test]
fn wrong_numbers_are_found() {
    assert_found(
        "a number cut short",
        refused(known, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            made.rows[at].waybill.pop();
        }),
        99,
    );
    assert_found(
        "a number twice",
        refused(many, |made, rng| {
            let at = rng.random_range(1..made.rows.len());
            made.rows[at].waybill = made.rows[at - 1].waybill.clone();
        }),
        99,
    );
}

#[test]
fn wrong_carriers_are_found() {
    assert_found(
        "another carrier's number",
        refused(known, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            let parcel = &made.parcels[made.places[at]];
            let other = if parcel.carrier == "sf" { "yto" } else { "sf" };
            made.rows[at].waybill = number(other, rng.random_range(1..1_000_000));
        }),
        99,
    );
    assert_found(
        "another carrier's file",
        refused(known, |made, rng| {
            let other = if made.parcels[0].carrier == "sf" {
                "jt"
            } else {
                "sf"
            };
            let start: u64 = rng.random_range(1..1_000_000);
            made.rows
                .iter_mut()
                .zip(start..)
                .for_each(|(row, serial)| row.waybill = number(other, serial));
        }),
        99,
    );
    assert_found(
        "a carrier column that says otherwise",
        refused(known, |made, _| {
            let other = if made.parcels[0].carrier == "sf" {
                "中通快递"
            } else {
                "顺丰速运"
            };
            made.rows
                .iter_mut()
                .for_each(|row| row.carrier = other.to_owned());
        }),
        99,
    );
}

#[test]
fn what_is_no_number_or_no_right_one_is_found() {
    assert_found(
        "a phone for a number",
        refused(many, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            made.rows[at].waybill = made.parcels[made.places[at]].phone.replace('-', "");
        }),
        99,
    );
    // by the standard, 11 and 0 share a check digit with 6: two wrong digits of a hundred go unseen
    let post = |rng: &mut StdRng| {
        Style {
            consecutive: false,
            ..many(rng)
        }
        .with("ems")
    };
    assert_found(
        "a digit of the post's number wrong",
        refused(post, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            let mut bytes = made.rows[at].waybill.clone().into_bytes();
            let digit = rng.random_range(2..11);
            bytes[digit] = b'0' + (bytes[digit] - b'0' + rng.random_range(1..10)) % 10;
            made.rows[at].waybill = String::from_utf8(bytes).unwrap();
        }),
        97,
    );
}

#[test]
fn wrong_keys_are_found() {
    let many = |rng: &mut StdRng| Style {
        fewest: 3,
        ..Style::any(rng)
    };
    assert_found(
        "an unknown parcel",
        refused(many, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            made.rows[at].order.clear();
            made.rows[at].parcel = "P9999Z".to_owned();
        }),
        99,
    );
    assert_found(
        "a parcel twice",
        refused(many, |made, rng| {
            let from = rng.random_range(0..made.rows.len());
            let mut row = made.rows[from].clone();
            row.waybill = number(&made.parcels[made.places[from]].carrier, 12_345_678);
            made.rows.push(row);
        }),
        99,
    );
    assert_found(
        "a number without parcel",
        refused(many, |made, rng| {
            let at = rng.random_range(0..made.rows.len());
            (made.rows[at].parcel, made.rows[at].order) = Default::default();
        }),
        99,
    );
    assert_found(
        "orders slid against parcels",
        refused(many, |made, _| {
            let orders: Vec<String> = made
                .places
                .iter()
                .map(|place| made.parcels[*place].orders[0].clone())
                .collect();
            for (at, row) in made.rows.iter_mut().enumerate() {
                row.parcel = made.parcels[made.places[at]].code.clone();
                row.order = orders[(at + 1) % orders.len()].clone();
            }
            if orders.len() == 1 {
                made.rows[0].parcel = "P9999Z".to_owned();
            }
        }),
        99,
    );
}
