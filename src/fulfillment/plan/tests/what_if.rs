use serde_json::{Value, json};

use super::input;
use crate::error::FieldError;
use crate::fulfillment::plan::what_if::{Change, Comparison, what_if};

fn compare(change: Value) -> Result<Comparison, FieldError> {
    let carrier = |name: &str, fen: i64, transit: i64| json!({"carrier": name, "pickup_cases_per_day": 1, "fen_per_case": fen, "transit_days": {"41": transit}});
    let parcel = |id: &str, deadline: &str| json!({"id": id, "cases": 1, "province": "41", "deadline": deadline, "paid_at": "2024-01-15T11:00:00Z"});
    let input = input(json!({"as_of": "2024-01-20", "horizon_days": 5,
        "workshop": {"cases_per_day": 1, "days": {"2024-01-21": 0}},
        "carriers": [carrier("zto", 900, 2), carrier("sf", 1700, 1)],
        "parcels": [parcel("a", "2024-01-22"), parcel("b", "2024-01-23"), parcel("c", "2024-01-24")]}));
    what_if(&input, &serde_json::from_value::<Change>(change).unwrap())
}

#[test]
fn nothing_changed_is_no_difference() {
    let same = compare(json!({})).unwrap();
    assert_eq!(same.before, same.after);
    let difference = serde_json::to_value(same.difference).unwrap();
    let expected = json!({"late_before": 0, "late_after": 0, "newly_late": [], "rescued": [], "freight_fen": 0, "moved": []});
    assert_eq!(difference, expected);
}

#[test]
fn differences() {
    let difference = |change: Value| serde_json::to_value(compare(change).unwrap().difference).unwrap();
    let later = difference(json!({"ready_on": {"b": "2024-01-23"}}));
    assert_eq!(
        (&later["newly_late"], &later["late_after"]),
        (&json!(["b"]), &json!(1))
    );
    assert_eq!(later["freight_fen"], json!(-2500));
    assert_eq!(
        later["moved"],
        json!([
            {"id": "b", "before": {"ship_on": "2024-01-22", "carrier": "sf"}, "after": {"ship_on": "2024-01-23", "carrier": "zto"}},
            {"id": "c", "before": {"ship_on": "2024-01-23", "carrier": "sf"}, "after": {"ship_on": "2024-01-22", "carrier": "zto"}}
        ])
    );
    let open = difference(json!({"workshop": {"days": {"2024-01-21": null}}}));
    assert_eq!(
        (&open["late_after"], &open["freight_fen"]),
        (&json!(0), &json!(-1600))
    );
    let slower =
        difference(json!({"carriers": {"sf": {"transit_days": {"41": null}}, "zto": {"fen_per_case": 800}}}));
    assert_eq!(slower["newly_late"], json!(["b"]));
    assert_eq!(slower["rescued"], json!([]));
}

#[test]
fn wrong_changes_are_named() {
    for (change, field) in [
        (json!({"carriers": {"ems": {}}}), "carriers.ems"),
        (json!({"ready_on": {"z": "2024-01-22"}}), "ready_on.z"),
        (
            json!({"carriers": {"sf": {"fen_per_case": -1}}}),
            "carriers.sf.fen_per_case",
        ),
        (json!({"ready_on": {"b": "1900-01-22"}}), "ready_on.b"),
        (
            json!({"workshop": {"cases_per_day": -1}}),
            "workshop.cases_per_day",
        ),
    ] {
        assert_eq!(compare(change).unwrap_err().field, field);
    }
    assert!(serde_json::from_value::<Change>(json!({"parcels": []})).is_err());
    assert!(serde_json::from_value::<Change>(json!({"carriers": {"sf": {"pickup": 1}}})).is_err());
}
