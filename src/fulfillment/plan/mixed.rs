//! Many parcels of several sizes, each whole on one day: a packing problem, for which no fast exact method is known.
//!
//! 1. Relaxed: cases instead of parcels, small parcels first (they count most per case). Its flow is exact, so no plan
//!    is better than it; it tells when to stop.
//! 2. Three starts: the relaxation made whole from the largest size down, relaxing the rest anew after each, and two
//!    empty ones. From each, every size in turn is placed anew as a flow around the other sizes, which stay, until
//!    nothing gets better.
//! 3. The best one is improved by moves across sizes (moves.rs), and gets its turns (third goal) size by size.

use super::flow::{Flow, Kind, Room};
use super::moves::{Budget, improve, leave_earlier};
use super::solve::Task;
use super::turns::in_turn;

/// How often the same is tried again; most gain comes from the first time.
const MOST_ROUNDS: usize = 4;

/// Which parcels are where, by counts.
#[derive(Clone, Debug)]
pub struct Board {
    pub room: Room,
    /// per group: slots and parcels there, more than none
    pub held: Vec<Vec<(usize, i64)>>,
    /// per group: parcels without a slot
    pub late: Vec<i64>,
}

/// No plan is better than this.
#[derive(Clone, Copy, Debug)]
struct Bound {
    late: i64,
    /// when nothing has to be late
    freight: Option<i64>,
}

pub fn solve(task: &Task) -> Vec<Option<usize>> {
    let sizes = task.sizes();
    let empty = Board {
        room: task.room.clone(),
        held: vec![Vec::new(); task.groups.len()],
        late: task.counts(),
    };
    let bound = bound(task, &relax(task, &sizes, &empty));
    let largest_first: Vec<i64> = sizes.iter().rev().copied().collect();
    let rounded = round_by_size(task, &largest_first, &empty);
    let starts = [
        (&rounded, &largest_first),
        (&empty, &largest_first),
        (&empty, &sizes),
    ];
    let mut best: Option<Board> = None;
    for (start, order) in starts {
        let mut board = start.clone();
        settle_by_size(task, &mut board, order);
        if best
            .as_ref()
            .is_none_or(|best| board.worth(task) < best.worth(task))
        {
            best = Some(board);
        }
        if best.as_ref().is_some_and(|best| bound.reached(best.worth(task))) {
            break;
        }
    }
    let mut board = best.unwrap_or(empty);
    for _ in 0..MOST_ROUNDS {
        if bound.reached(board.worth(task)) || !improve(task, &mut board) {
            break;
        }
        settle_by_size(task, &mut board, &largest_first);
    }
    turns(task, &mut board, &largest_first)
}

impl Board {
    /// (late, freight), less is better.
    pub fn worth(&self, task: &Task) -> (i64, i64) {
        let freight = |(group, held): (usize, &Vec<(usize, i64)>)| {
            let cost: i64 = held
                .iter()
                .map(|(slot, parcels)| parcels * task.grid.cost[*slot])
                .sum();
            cost * task.groups[group].cases
        };
        (
            self.late.iter().sum(),
            self.held.iter().enumerate().map(freight).sum(),
        )
    }

    pub fn enter(&mut self, task: &Task, group: usize, slot: usize, parcels: i64) {
        self.room
            .take(&task.grid, slot, parcels * task.groups[group].cases);
        match self.held[group].iter_mut().find(|(at, _)| *at == slot) {
            Some((_, held)) => *held += parcels,
            None => self.held[group].push((slot, parcels)),
        }
    }

    /// Gives late parcels a slot.
    fn put(&mut self, task: &Task, group: usize, slot: usize, parcels: i64) {
        if parcels > 0 {
            self.enter(task, group, slot, parcels);
            self.late[group] -= parcels;
        }
    }

    pub fn leave(&mut self, task: &Task, group: usize, slot: usize, parcels: i64) {
        self.room
            .take(&task.grid, slot, -parcels * task.groups[group].cases);
        if let Some(at) = self.held[group].iter().position(|(at, _)| *at == slot) {
            self.held[group][at].1 -= parcels;
            if self.held[group][at].1 == 0 {
                self.held[group].swap_remove(at);
            }
        }
    }
}

impl Bound {
    fn reached(&self, (late, freight): (i64, i64)) -> bool {
        late == self.late && self.freight == Some(freight)
    }
}

/// The parcels without a slot, of these sizes, as cases that may part; the small ones first.
fn relax<'a>(task: &'a Task, sizes: &[i64], board: &Board) -> Flow<'a> {
    let late_cost = task.grid.late_cost();
    let kinds: Vec<Kind> = (task.groups.iter().zip(&board.late))
        .map(|(group, parcels)| {
            let larger = sizes.iter().filter(|size| **size >= group.cases).count() as i64;
            Kind {
                options: group.options.clone(),
                units: if larger > 0 { parcels * group.cases } else { 0 },
                late_cost: larger * late_cost,
            }
        })
        .collect();
    let mut flow = Flow::new(&task.grid, kinds, board.room.clone());
    flow.settle();
    flow
}

fn bound(task: &Task, relaxed: &Flow) -> Bound {
    let (mut freight, mut late_shares) = (0, 0);
    for (group, held) in relaxed.held.iter().enumerate() {
        late_shares += relaxed.late[group] * SHARE / task.groups[group].cases;
        freight += held
            .iter()
            .map(|(slot, units)| units * task.grid.cost[*slot])
            .sum::<i64>();
    }
    Bound {
        late: (late_shares + SHARE - 1) / SHARE,
        freight: (relaxed.late.iter().all(|late| *late == 0)).then_some(freight),
    }
}

/// From the largest size down: relaxes what is left, and keeps of this size what the relaxation sends whole, and then
/// what it sends in parts, as long as there is room.
fn round_by_size(task: &Task, largest_first: &[i64], empty: &Board) -> Board {
    let mut board = empty.clone();
    for (at, cases) in largest_first.iter().enumerate() {
        let held = relax(task, &largest_first[at..], &board).held;
        let of_size = |group: &usize| task.groups[*group].cases == *cases;
        let mut parts = Vec::new();
        let mut more = vec![0; held.len()];
        for group in (0..held.len()).filter(of_size) {
            more[group] = held[group].iter().map(|(_, units)| units).sum::<i64>() / cases;
            for (slot, units) in &held[group] {
                board.put(task, group, *slot, units / cases);
                more[group] -= units / cases;
                parts.push((-(units % cases), *slot, group));
            }
        }
        parts.sort_unstable();
        for (_, slot, group) in parts {
            if more[group] > 0 && board.room.of(&task.grid, slot) >= *cases {
                board.put(task, group, slot, 1);
                more[group] -= 1;
            }
        }
    }
    board
}

/// Parts of a parcel are counted in so many to a parcel, rounded down.
const SHARE: i64 = 1 << 20;

/// Places size after size anew around the others, until a round brings nothing.
fn settle_by_size(task: &Task, board: &mut Board, sizes: &[i64]) {
    let mut before = board.worth(task);
    for _ in 0..MOST_ROUNDS {
        for cases in sizes {
            with_size(task, board, *cases, |_, _| ());
        }
        let now = board.worth(task);
        if now >= before {
            break;
        }
        before = now;
    }
}

/// Takes the parcels of a size from the board, places them as a flow, and hands the flow out before putting them back.
fn with_size<T>(
    task: &Task,
    board: &mut Board,
    cases: i64,
    then: impl FnOnce(&mut Flow, &[usize]) -> T,
) -> T {
    let of_size = |group: &usize| task.groups[*group].cases == cases;
    let groups: Vec<usize> = (0..task.groups.len()).filter(of_size).collect();
    let mut kinds = Vec::with_capacity(groups.len());
    let late_cost = task.grid.late_cost();
    for group in &groups {
        let mut units = std::mem::take(&mut board.late[*group]);
        for (slot, parcels) in std::mem::take(&mut board.held[*group]) {
            board.room.take(&task.grid, slot, -parcels * cases);
            units += parcels;
        }
        kinds.push(Kind {
            options: task.groups[*group].options.clone(),
            units,
            late_cost,
        });
    }
    let mut flow = Flow::new(&task.grid, kinds, board.room.in_units_of(cases));
    flow.settle();
    for (kind, group) in groups.iter().enumerate() {
        board.late[*group] = flow.late[kind];
        for (slot, parcels) in &flow.held[kind] {
            board.enter(task, *group, *slot, *parcels);
        }
    }
    then(&mut flow, &groups)
}

/// The third goal, size by size, the largest first; then single parcels across sizes.
fn turns(task: &Task, board: &mut Board, sizes: &[i64]) -> Vec<Option<usize>> {
    let mut slots: Vec<Option<usize>> = vec![None; task.order.len()];
    for cases in sizes {
        let parcels: Vec<usize> = (0..task.order.len())
            .filter(|at| task.groups[task.order[*at]].cases == *cases)
            .collect();
        let turns = with_size(task, board, *cases, |flow, groups| {
            let kind_of = |at: &usize| groups.partition_point(|group| *group < task.order[*at]);
            let kinds: Vec<usize> = parcels.iter().map(kind_of).collect();
            in_turn(flow, &kinds)
        });
        // in_turn has changed who is where, and so the room of the sizes to come
        let of_size = |group: &usize| task.groups[*group].cases == *cases;
        for group in (0..task.groups.len()).filter(of_size) {
            for (slot, parcels) in std::mem::take(&mut board.held[group]) {
                board.room.take(&task.grid, slot, -parcels * cases);
            }
            board.late[group] = 0;
        }
        for (at, slot) in parcels.into_iter().zip(turns) {
            let group = task.order[at];
            slots[at] = slot;
            match slot {
                Some(slot) => board.enter(task, group, slot, 1),
                None => board.late[group] += 1,
            }
        }
    }
    leave_earlier(
        task,
        board,
        &mut slots,
        &mut Budget::for_parcels(task.order.len()),
    );
    slots
}
