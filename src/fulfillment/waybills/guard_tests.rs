//! The guard against thousands of made-up files: clean ones pass and are read rightly, and of every kind of damage at
//! least 99 in 100 are found. All seeded: a failure can be replayed.

use std::collections::{BTreeMap, HashMap};

use rand::Rng;
use rand::rngs::StdRng;

use super::guard::guard;
use super::report::{Grade, Kind, Parcel, Report, Row};
use super::synthetic::*;

const CLEAN: u64 = 2_000;
pub(super) const DAMAGED: u64 = 400;

pub(super) fn judge(made: &Made) -> Report {
    guard(&made.parcels, &made.rows, &HashMap::new())
}

fn kinds(report: &Report) -> Vec<Kind> {
    report.findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn clean_files_pass() {
    for seed in 0..CLEAN {
        let mut rng = rng(seed);
        let style = Style::any(&mut rng);
        let mut made = clean(&mut rng, style);
        dress_up(&mut made, &mut rng);
        let report = judge(&made);
        let alarms: Vec<_> = report
            .findings
            .iter()
            .filter(|it| it.grade != Grade::Note)
            .collect();
        assert!(alarms.is_empty(), "seed {seed}, {style:?}: {alarms:?}");
        let mut expected = BTreeMap::new();
        for (row, place) in made
            .rows
            .iter()
            .zip(&made.places)
            .filter(|(row, _)| !row.waybill.is_empty())
        {
            expected
                .entry(made.parcels[*place].code.clone())
                .or_insert((row.number, made.numbers[*place].clone()));
        }
        let accepted: BTreeMap<_, _> = report
            .accepted
            .iter()
            .map(|it| (it.parcel.clone(), (it.row, it.waybill.clone())))
            .collect();
        assert_eq!(accepted, expected, "seed {seed}, {style:?}");
        assert_eq!(accepted.len(), report.accepted.len());
    }
}

/// Damages a file made in this way, and says how many of all were refused.
pub(super) fn refused(style: impl Fn(&mut StdRng) -> Style, damage: impl Fn(&mut Made, &mut StdRng)) -> u64 {
    let mut found = 0;
    for seed in 0..DAMAGED {
        let mut rng = rng(seed);
        let style = style(&mut rng);
        let mut made = clean(&mut rng, style);
        damage(&mut made, &mut rng);
        let report = judge(&made);
        assert!(
            report.accepted.is_empty() || !report.is_refused(),
            "refused and accepted"
        );
        found += u64::from(report.is_refused());
    }
    found
}

#[track_caller]
pub(super) fn assert_found(what: &str, found: u64, percent: u64) {
    println!("{what}: {found} of {DAMAGED}");
    assert!(found * 100 >= DAMAGED * percent, "{what}: {found} of {DAMAGED}");
}

/// The carrier's columns come from another row, as if cells had been put in or taken out above.
fn slide(made: &mut Made, rng: &mut StdRng, from: usize) {
    let sides: Vec<_> = made.rows.iter().map(carriers_side).collect();
    let length = sides.len() - from;
    let by = rng.random_range(1..length);
    let turns = rng.random_bool(0.5);
    for at in 0..length {
        let source = (at + by) % length;
        let side = if at + by >= length && !turns {
            Default::default()
        } else {
            sides[from + source].clone()
        };
        set_carriers_side(&mut made.rows[from + at], side);
    }
}

#[test]
fn slid_rows_are_found() {
    let found = refused(Style::telling, |made, rng| slide(made, rng, 0));
    assert_found("all rows slid", found, 99);
    let found = refused(Style::telling, |made, rng| {
        let from = rng.random_range(0..made.rows.len() - 1);
        slide(made, rng, from);
    });
    assert_found("rows slid from one on", found, 99);
    let masked = |rng: &mut StdRng| Style {
        names: Names::Masked,
        phones: Phones::None,
        places: true,
        fewest: 6,
        parts: false,
        ..Style::any(rng)
    };
    assert_found(
        "slid, masked names and provinces",
        refused(masked, |made, rng| slide(made, rng, 0)),
        99,
    );
    let report = {
        let mut rng = rng(1);
        let style = Style {
            shuffled: false,
            parts: false,
            fewest: 20,
            ..Style::telling(&mut rng).with("zto")
        };
        let mut made = clean(&mut rng, style);
        let sides: Vec<_> = made.rows.iter().map(carriers_side).collect();
        for at in 3..made.rows.len() {
            set_carriers_side(&mut made.rows[at], sides[at - 3].clone());
        }
        judge(&made)
    };
    assert_eq!(report.findings[0].kind, Kind::Slid, "{:?}", report.findings);
    assert!(
        report.findings[0].what.en.contains("slid by 3 rows"),
        "{:?}",
        report.findings
    );
}

fn swap(made: &mut Made, rng: &mut StdRng) {
    let one = rng.random_range(0..made.rows.len());
    let other = (one + rng.random_range(1..made.rows.len())) % made.rows.len();
    let (a, b) = (carriers_side(&made.rows[one]), carriers_side(&made.rows[other]));
    set_carriers_side(&mut made.rows[one], b);
    set_carriers_side(&mut made.rows[other], a);
}

#[test]
fn swapped_rows_are_found() {
    assert_found("two rows swapped", refused(Style::telling, swap), 99);
    // surnames agree by chance now and then: told in the module's table
    let masked = |rng: &mut StdRng| Style {
        names: Names::Masked,
        phones: Phones::None,
        places: false,
        fewest: 3,
        ..Style::any(rng)
    };
    assert_found("two rows swapped, masked names only", refused(masked, swap), 90);
    let both = |rng: &mut StdRng| Style {
        places: true,
        ..masked(rng)
    };
    assert_found(
        "two rows swapped, masked names and provinces",
        refused(both, swap),
        99,
    );
}

/// What only the running of the numbers can show is evidence, and hinders nothing.
#[test]
fn a_moved_number_column_shows_if_the_numbers_run_on() {
    let run_on = |rng: &mut StdRng| {
        Style {
            consecutive: true,
            parts: false,
            fewest: 10,
            ..Style::any(rng)
        }
        .with("zto")
    };
    let mut found = [0; 3];
    let in_order = |made: &Made, row: &Row| {
        made.parcels
            .iter()
            .position(|it| it.code == row.parcel || it.orders.contains(&row.order))
    };
    for seed in 0..DAMAGED {
        let mut rng = rng(seed);
        let style = run_on(&mut rng);
        let made = clean(&mut rng, style);
        for (nth, found) in found.iter_mut().enumerate() {
            let mut made = Made {
                parcels: made.parcels.clone(),
                rows: made.rows.clone(),
                places: vec![],
                numbers: vec![],
            };
            if nth != 1 {
                let mut rows = made.rows.clone();
                rows.sort_by_key(|row| in_order(&made, row));
                made.rows = rows;
            }
            let mut numbers: Vec<String> = made.rows.iter().map(|row| row.waybill.clone()).collect();
            let length = numbers.len();
            match nth {
                0 => made
                    .rows
                    .iter_mut()
                    .enumerate()
                    .for_each(|(at, row)| row.waybill = numbers[(at + 2) % length].clone()),
                1 => {
                    let (one, other) = (1, 1 + rng.random_range(1..length - 1));
                    made.rows[one].waybill = numbers[other].clone();
                    made.rows[other].waybill = numbers[one].clone();
                }
                _ => {
                    // a cell was deleted
                    numbers.remove(rng.random_range(1..length - 1));
                    numbers.push(String::new());
                    made.rows
                        .iter_mut()
                        .zip(numbers)
                        .for_each(|(row, number)| row.waybill = number);
                }
            }
            let report = judge(&made);
            assert!(!report.is_refused(), "seed {seed} {:?}", report.findings);
            *found += u64::from(
                kinds(&report)
                    .iter()
                    .any(|it| matches!(it, Kind::OrderLooksSlid | Kind::OrderLooksSwapped)),
            );
        }
    }
    assert_found("numbers alone swapped, running on", found[1], 99);
    assert_found("a number deleted, running on", found[2], 99);
    assert_found("numbers alone slid, running on", found[0], 99);
}

/// The limit, so that nobody believes otherwise: nothing in such a file ties a number to a recipient.
#[test]
fn a_swap_of_numbers_alone_is_not_findable() {
    let mut rng = rng(7);
    let style = Style {
        names: Names::None,
        phones: Phones::None,
        places: false,
        consecutive: false,
        fewest: 10,
        ..Style::any(&mut rng)
    };
    let mut made = clean(&mut rng, style.with("zto"));
    swap(&mut made, &mut rng);
    let report = judge(&made);
    assert_eq!(kinds(&report), [Kind::NoRecipients]);
    assert_eq!(report.accepted.len(), made.rows.len());
}

#[test]
fn numbers_of_other_parcels_are_refused_and_own_ones_are_unchanged() {
    let mut rng = rng(3);
    let style = Style {
        parts: false,
        fewest: 6,
        by_order: false,
        ..Style::any(&mut rng)
    };
    let mut made = clean(&mut rng, style.with("zto"));
    let live = HashMap::from([(made.rows[2].waybill.clone(), "P-OLD".to_owned())]);
    let report = guard(&made.parcels, &made.rows, &live);
    assert_eq!(report.findings[0].kind, Kind::NumberLive);
    assert_eq!(report.findings[0].rows, [made.rows[2].number]);
    assert!(report.accepted.is_empty());

    let place = made.places[2];
    made.parcels[place].waybill = Some(made.numbers[place].clone());
    let live = HashMap::from([(made.numbers[place].clone(), made.parcels[place].code.clone())]);
    let report = guard(&made.parcels, &made.rows, &live);
    let unchanged: Vec<_> = report
        .accepted
        .iter()
        .filter(|it| it.unchanged)
        .map(|it| it.row)
        .collect();
    assert_eq!(unchanged, [made.rows[2].number], "{:?}", report.findings);

    made.parcels[place].waybill = Some("78999999999999".to_owned());
    let report = guard(&made.parcels, &made.rows, &HashMap::new());
    assert_eq!(report.findings[0].kind, Kind::AlreadyNumbered);
    assert!(report.findings[0].way_out.en.contains("replace=true"));
}

#[test]
fn an_order_of_several_parcels_needs_the_parcels_code() {
    let mut rng = rng(4);
    let style = Style {
        parts: false,
        fewest: 6,
        by_order: true,
        shuffled: false,
        ..Style::any(&mut rng)
    };
    let mut made = clean(&mut rng, style.with("zto"));
    made.parcels[1].orders = made.parcels[0].orders.clone();
    made.rows[1].order = made.parcels[1].code.clone();
    made.rows[0].order = made.parcels[0].orders[0].clone();
    assert_eq!(judge(&made).findings[0].kind, Kind::AmbiguousOrder);
    made.rows[0].order = made.parcels[0].code.clone();
    assert!(
        !judge(&made).is_refused(),
        "a parcel's code in the order column is understood"
    );
}

#[test]
fn many_findings_are_summed_up() {
    let mut rng = rng(5);
    let style = Style {
        fewest: 120,
        parts: false,
        ..Style::any(&mut rng)
    };
    let mut made = clean(&mut rng, style);
    made.rows
        .iter_mut()
        .enumerate()
        .for_each(|(at, row)| (row.parcel, row.order) = (format!("X{at}"), String::new()));
    let report = judge(&made);
    let unknown: Vec<_> = report
        .findings
        .iter()
        .filter(|it| it.kind == Kind::UnknownParcel)
        .collect();
    assert_eq!(unknown.len(), 20);
    assert_eq!(unknown.iter().map(|it| it.count).sum::<usize>(), made.rows.len());
    assert!(unknown.iter().all(|it| it.rows.len() <= 50));
}

/// A day's file with everything against it is judged at once, not after a search of all against all.
#[test]
fn nothing_of_a_large_file_is_compared_with_everything() {
    let mut rng = rng(6);
    let style = Style {
        fewest: 150,
        parts: false,
        ..Style::telling(&mut rng)
    };
    let one = clean(&mut rng, style);
    let (mut parcels, mut rows) = (Vec::new(), Vec::new());
    for nth in 0..100 {
        for (at, (parcel, row)) in one
            .places
            .iter()
            .map(|place| &one.parcels[*place])
            .zip(&one.rows)
            .enumerate()
        {
            let code = format!("Q{nth}-{at}");
            parcels.push(Parcel {
                code: code.clone(),
                name: format!("人{nth}丁{at}"),
                ..parcel.clone()
            });
            rows.push(Row {
                parcel: code,
                order: String::new(),
                name: format!("乙{at}甲{nth}"),
                phone: "0000".to_owned(),
                ..row.clone()
            });
        }
    }
    let report = guard(&parcels, &rows, &HashMap::new());
    assert!(report.is_refused() && report.findings.len() < 100);
}
