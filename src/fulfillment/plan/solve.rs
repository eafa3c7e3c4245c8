//! Parcels into slots. One size: exact, by flow. Several sizes, a few parcels: exact, by trying all. Several sizes and
//! many parcels: relaxed flow, rounding and improvement (mixed.rs), and the relaxation tells how far from the best
//! that can be.

use super::exact;
use super::flow::{Bits, Flow, Grid, Kind, Room};
use super::mixed;
use super::turns::in_turn;

/// Parcels that may go to the same slots and are of one size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    pub options: Bits,
    pub cases: i64,
}

/// What has to be solved.
#[derive(Clone, Debug)]
pub struct Task {
    pub grid: Grid,
    /// in cases
    pub room: Room,
    pub groups: Vec<Group>,
    /// the parcels' groups, who paid first first
    pub order: Vec<usize>,
}

impl Task {
    /// Per group: its parcels.
    pub fn counts(&self) -> Vec<i64> {
        let mut counts = vec![0; self.groups.len()];
        self.order.iter().for_each(|group| counts[*group] += 1);
        counts
    }

    /// The sizes that occur, ascending.
    pub fn sizes(&self) -> Vec<i64> {
        let mut sizes: Vec<i64> = self.groups.iter().map(|group| group.cases).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }
}

/// A slot for each parcel of the task's order, or none.
pub fn solve(task: &Task) -> Vec<Option<usize>> {
    match task.sizes()[..] {
        [] => Vec::new(),
        [cases] => same_size(task, cases),
        _ => exact::solve(task).unwrap_or_else(|| mixed::solve(task)),
    }
}

fn same_size(task: &Task, cases: i64) -> Vec<Option<usize>> {
    let late_cost = task.grid.late_cost();
    let counts = task.counts();
    let kinds: Vec<Kind> = (task.groups.iter().zip(counts))
        .map(|(group, units)| Kind {
            options: group.options.clone(),
            units,
            late_cost,
        })
        .collect();
    let mut flow = Flow::new(&task.grid, kinds, task.room.in_units_of(cases));
    flow.settle();
    in_turn(&mut flow, &task.order)
}
