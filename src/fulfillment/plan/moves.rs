//! Single moves across sizes, for plans of several sizes: chains that push a parcel in and others on, as long as the
//! plan gets better and the budget lasts. The budget counts steps, not time, so that a plan is always the same.

use super::flow::{NEVER, has, members};
use super::mixed::Board;
use super::solve::Task;

/// A parcel that comes in may push on another, and that one a third.
const DEEPEST: usize = 2;

/// Parcels that are tried to be pushed on from one place.
const WIDEST: usize = 4;

/// Steps that may be taken.
#[derive(Debug)]
pub struct Budget(i64);

impl Budget {
    /// Grows with the parcels: some milliseconds for hundreds, half a second for a hundred thousand.
    pub fn for_parcels(parcels: usize) -> Self {
        Budget(20_000 + 100 * parcels as i64)
    }

    fn spend(&mut self, steps: usize) -> bool {
        self.0 -= steps as i64;
        self.0 >= 0
    }
}

struct Mover<'a> {
    task: &'a Task,
    board: &'a mut Board,
    budget: Budget,
    /// per slot: the groups there
    at: Vec<Vec<usize>>,
    /// slots, the cheapest first
    by_cost: Vec<usize>,
    /// what was done, to be undone: group, slot, whether it entered
    log: Vec<(usize, usize, bool)>,
}

/// Looks for better plans by chains of moves, with a budget for each sort; whether one was found.
pub fn improve(task: &Task, board: &mut Board) -> bool {
    let before = board.worth(task);
    let mut at = vec![Vec::new(); task.grid.cost.len()];
    for (group, held) in board.held.iter().enumerate() {
        held.iter().for_each(|(slot, _)| at[*slot].push(group));
    }
    let mut by_cost: Vec<usize> = (0..task.grid.cost.len()).collect();
    by_cost.sort_by_key(|slot| task.grid.cost[*slot]);
    let mut mover = Mover {
        task,
        board,
        budget: Budget::for_parcels(0),
        at,
        by_cost,
        log: Vec::new(),
    };
    let mut by_size: Vec<usize> = (0..task.groups.len()).collect();
    by_size.sort_by_key(|group| task.groups[*group].cases);
    for sort in [Mover::make_cheaper, Mover::exchange, Mover::rescue] {
        mover.budget = Budget::for_parcels(task.order.len());
        by_size.iter().for_each(|group| sort(&mut mover, *group));
    }
    board.worth(task) < before
}

impl Mover<'_> {
    /// Places late parcels of a group, pushing others on.
    fn rescue(&mut self, group: usize) {
        while self.board.late[group] > 0 && self.place(group, NEVER, DEEPEST).is_some() {
            self.board.late[group] -= 1;
            self.log.clear();
        }
    }

    /// Places late parcels of a group instead of dearer ones.
    fn exchange(&mut self, group: usize) {
        if self.board.late[group] == 0 {
            return;
        }
        let others: Vec<(usize, usize)> = (0..self.task.groups.len())
            .filter(|other| *other != group)
            .flat_map(|other| self.board.held[other].iter().map(move |(slot, _)| (other, *slot)))
            .collect();
        for (other, slot) in others {
            if self.board.late[group] == 0 || !self.budget.spend(1) {
                return;
            }
            let freight = self.task.groups[other].cases * self.task.grid.cost[slot];
            if self.step(other, slot, false) && self.place(group, freight, 1).is_some() {
                self.board.late[group] -= 1;
                self.board.late[other] += 1;
                self.log.clear();
            } else {
                self.undo(0);
            }
        }
    }

    /// Moves parcels of a group to cheaper slots.
    fn make_cheaper(&mut self, group: usize) {
        for (slot, parcels) in self.board.held[group].clone() {
            for _ in 0..parcels {
                let freight = self.task.groups[group].cases * self.task.grid.cost[slot];
                if !self.step(group, slot, false) || self.place(group, freight, DEEPEST).is_none() {
                    self.undo(0);
                    break;
                }
                self.log.clear();
            }
        }
    }

    /// Gives a parcel a slot, pushing others on, so that freight grows by less than `limit`; by how much it grew.
    fn place(&mut self, group: usize, limit: i64, depth: usize) -> Option<i64> {
        let (task, cases) = (self.task, self.task.groups[group].cases);
        let mut closed = Vec::new();
        for at in 0..self.by_cost.len() {
            let slot = self.by_cost[at];
            let freight = cases * task.grid.cost[slot];
            if freight >= limit || !self.budget.spend(1) {
                break;
            }
            if !has(&task.groups[group].options, slot) {
                continue;
            }
            if self.board.room.of(&task.grid, slot) >= cases {
                self.step(group, slot, true);
                return Some(freight);
            }
            closed.push(slot);
        }
        if depth == 0 {
            return None;
        }
        for slot in closed {
            let mark = self.log.len();
            let freight = cases * task.grid.cost[slot];
            self.step(group, slot, true);
            if let Some(more) = self.make_room(group, slot, limit - freight, depth - 1) {
                return Some(freight + more);
            }
            self.undo(mark);
        }
        None
    }

    /// Pushes parcels on from an overfull slot (or from others of its day) until it fits; by how much freight grew.
    fn make_room(&mut self, entered: usize, slot: usize, limit: i64, depth: usize) -> Option<i64> {
        let day = self.task.grid.day_of[slot];
        let mut grown = 0;
        loop {
            let (pick, pack) = (-self.board.room.pick[slot], -self.board.room.pack[day]);
            if pick <= 0 && pack <= 0 {
                return Some(grown);
            }
            let from = if pick > 0 {
                slot..slot + 1
            } else {
                self.task.grid.slots_of[day].clone()
            };
            let pushed = self.candidates(entered, from, pick.max(pack));
            let mut moved = false;
            for (group, from) in pushed {
                let mark = self.log.len();
                let saved = self.task.groups[group].cases * self.task.grid.cost[from];
                if self.step(group, from, false)
                    && let Some(freight) = self.place(group, limit - grown + saved, depth)
                {
                    grown += freight - saved;
                    moved = true;
                    break;
                }
                self.undo(mark);
            }
            if !moved {
                return None;
            }
        }
    }

    /// Parcels to push on: first the smallest that frees enough, then the largest of the others.
    fn candidates(&mut self, entered: usize, from: std::ops::Range<usize>, need: i64) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for slot in from {
            let others = self.at[slot].iter().filter(|group| **group != entered);
            found.extend(others.map(|group| (*group, slot)));
        }
        if !self.budget.spend(found.len()) {
            return Vec::new();
        }
        let cases = |group: usize| self.task.groups[group].cases;
        found.sort_by_key(|(group, slot)| {
            let cases = cases(*group);
            (cases < need, (cases - need).abs(), *slot, *group)
        });
        found.dedup_by_key(|(group, slot)| (cases(*group), *slot));
        found.truncate(WIDEST);
        found
    }

    /// False, and nothing done, when there is no such parcel in the slot: others may have pushed it on.
    fn step(&mut self, group: usize, slot: usize, enters: bool) -> bool {
        let can = enters || self.at[slot].contains(&group);
        if can {
            self.budget.spend(4);
            self.log.push((group, slot, enters));
            self.apply(group, slot, enters);
        }
        can
    }

    fn apply(&mut self, group: usize, slot: usize, enters: bool) {
        if enters {
            self.board.enter(self.task, group, slot, 1);
            if !self.at[slot].contains(&group) {
                self.at[slot].push(group);
            }
        } else {
            self.board.leave(self.task, group, slot, 1);
            if !self.board.held[group].iter().any(|(at, _)| *at == slot) {
                self.at[slot].retain(|other| *other != group);
            }
        }
    }

    fn undo(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some((group, slot, enters)) = self.log.pop() {
                self.apply(group, slot, !enters);
            }
        }
    }
}

/// Lets parcels leave earlier at equal freight, in the order of payment: where there is room, or in exchange with
/// parcels of other sizes that paid later. Ends when nothing moves any more.
pub fn leave_earlier(task: &Task, board: &mut Board, slots: &mut [Option<usize>], budget: &mut Budget) {
    while leave_earlier_once(task, board, slots, budget) {}
}

/// Whether anything moved, and there is budget left.
fn leave_earlier_once(
    task: &Task,
    board: &mut Board,
    slots: &mut [Option<usize>],
    budget: &mut Budget,
) -> bool {
    let mut any = false;
    let mut parcels_in: Vec<Vec<usize>> = vec![Vec::new(); task.grid.cost.len()];
    for (parcel, slot) in slots.iter().enumerate() {
        if let Some(slot) = slot {
            parcels_in[*slot].push(parcel);
        }
    }
    for parcel in 0..task.order.len() {
        let group = &task.groups[task.order[parcel]];
        let Some(now) = slots[parcel] else {
            // the sizes that were placed last may have left room
            let free = members(&group.options).find(|slot| board.room.of(&task.grid, *slot) >= group.cases);
            if let Some(free) = free {
                board.late[task.order[parcel]] -= 1;
                board.enter(task, task.order[parcel], free, 1);
                slots[parcel] = Some(free);
                any = true;
            }
            continue;
        };
        let earlier = task.grid.slots_of[task.grid.day_of[now]].start;
        for slot in (0..earlier).filter(|slot| has(&group.options, *slot)) {
            if task.grid.cost[slot] != task.grid.cost[now] {
                continue;
            }
            if !budget.spend(1 + parcels_in[slot].len()) {
                return false;
            }
            let Some(others) = make_way(task, board, &parcels_in[slot], parcel, (now, slot)) else {
                continue;
            };
            let mut shift = |parcel: usize, from: usize, to: usize| {
                board.leave(task, task.order[parcel], from, 1);
                board.enter(task, task.order[parcel], to, 1);
                parcels_in[from].retain(|other| *other != parcel);
                let at = parcels_in[to].partition_point(|other| *other < parcel);
                parcels_in[to].insert(at, parcel);
                slots[parcel] = Some(to);
            };
            shift(parcel, now, slot);
            others.into_iter().for_each(|other| shift(other, slot, now));
            any = true;
            break;
        }
    }
    any
}

/// The parcels that would have to go from `to` to `from` in exchange, the last paid first; `None` when it can't be.
fn make_way(
    task: &Task,
    board: &Board,
    there: &[usize],
    parcel: usize,
    (from, to): (usize, usize),
) -> Option<Vec<usize>> {
    let cases = |parcel: usize| task.groups[task.order[parcel]].cases;
    let mut short = cases(parcel) - board.room.of(&task.grid, to);
    let mut room = board.room.of(&task.grid, from) + cases(parcel);
    let mut others = Vec::new();
    for other in there.iter().rev().take_while(|other| **other > parcel) {
        if short <= 0 {
            break;
        }
        let can = has(&task.groups[task.order[*other]].options, from);
        if can && cases(*other) <= room && cases(*other) != cases(parcel) {
            short -= cases(*other);
            room -= cases(*other);
            others.push(*other);
        }
    }
    (short <= 0).then_some(others)
}
