//! The planner against tables, against trying everything, and against what must always hold.

mod brute;
mod random;
mod sound;
mod tables;
mod what_if;

use super::Input;

fn input(json: serde_json::Value) -> Input {
    serde_json::from_value(json).unwrap()
}
