//! A few parcels of several sizes: every choice, remembered by what is left to decide. The value of a state is the
//! best (late, freight) of the parcels to come. Walking forward along best values, each parcel takes the first day that
//! keeps them, which is the third goal; all ways to do so are carried along.

use std::collections::{HashMap, HashSet};

use super::flow::{Room, has, members};
use super::solve::Task;

/// More parcels than this are left to mixed.rs.
const MOST_PARCELS: usize = 32;

/// So many numbers of states are looked at; then it gives up, after some ten milliseconds.
const MOST_WORK: usize = 4_000_000;

type Value = (i64, i64);

struct Table<'a> {
    task: &'a Task,
    /// per parcel to come, per slot and per day: cases that can still want it
    wanted: Vec<Room>,
    known: Vec<HashMap<Vec<i64>, Value>>,
    work: usize,
}

/// A way to have placed the parcels so far.
struct Start {
    worth: Value,
    room: Room,
    slots: Vec<Option<usize>>,
}

/// The best plan, or `None` when there is too much to try.
pub fn solve(task: &Task) -> Option<Vec<Option<usize>>> {
    if task.order.len() > MOST_PARCELS {
        return None;
    }
    let mut table = Table {
        task,
        wanted: wanted(task),
        known: vec![HashMap::new(); task.order.len()],
        work: 0,
    };
    let best = table.value(0, &task.room)?;
    let mut starts = vec![Start {
        worth: (0, 0),
        room: task.room.clone(),
        slots: Vec::new(),
    }];
    for at in 0..task.order.len() {
        starts = table.earliest(at, &starts, best)?;
    }
    starts.pop().map(|start| start.slots)
}

/// Room beyond what is wanted from a parcel on makes no difference.
fn wanted(task: &Task) -> Vec<Room> {
    let mut sum = Room {
        pick: vec![0; task.room.pick.len()],
        pack: vec![0; task.room.pack.len()],
    };
    let mut wanted = Vec::new();
    for group in task.order.iter().rev() {
        let group = &task.groups[*group];
        let mut days: Vec<usize> = Vec::new();
        for slot in members(&group.options) {
            sum.pick[slot] += group.cases;
            days.push(task.grid.day_of[slot]);
        }
        days.dedup();
        days.iter().for_each(|day| sum.pack[*day] += group.cases);
        wanted.push(sum.clone());
    }
    wanted.reverse();
    wanted
}

impl Table<'_> {
    fn value(&mut self, at: usize, room: &Room) -> Option<Value> {
        if at == self.task.order.len() {
            return Some((0, 0));
        }
        let key = self.key(at, room);
        self.work += key.len();
        if let Some(value) = self.known[at].get(&key) {
            return Some(*value);
        }
        if self.work > MOST_WORK {
            return None;
        }
        let group = &self.task.groups[self.task.order[at]];
        let mut room = room.clone();
        let (late, freight) = self.value(at + 1, &room)?;
        let mut best = (late + 1, freight);
        for slot in members(&group.options) {
            if room.of(&self.task.grid, slot) >= group.cases {
                let (late, freight) = self.with(at, slot, &mut room)?;
                best = best.min((late, freight));
            }
        }
        self.known[at].insert(key, best);
        Some(best)
    }

    /// The value when this parcel goes to a slot.
    fn with(&mut self, at: usize, slot: usize, room: &mut Room) -> Option<Value> {
        let (task, cases) = (self.task, self.task.groups[self.task.order[at]].cases);
        room.take(&task.grid, slot, cases);
        let rest = self.value(at + 1, room);
        room.take(&task.grid, slot, -cases);
        let (late, freight) = rest?;
        Some((late, freight + cases * task.grid.cost[slot]))
    }

    /// All ways to go on with the next parcel on the first day that keeps the best worth; late when there is none.
    fn earliest(&mut self, at: usize, starts: &[Start], best: Value) -> Option<Vec<Start>> {
        let task = self.task;
        let group = &task.groups[task.order[at]];
        for day in &task.grid.slots_of {
            let mut found = Vec::new();
            let mut seen = HashSet::new();
            for start in starts {
                for slot in day.clone().filter(|slot| has(&group.options, *slot)) {
                    let mut room = start.room.clone();
                    if room.of(&task.grid, slot) < group.cases {
                        continue;
                    }
                    let (late, freight) = self.with(at, slot, &mut room)?;
                    if (start.worth.0 + late, start.worth.1 + freight) != best {
                        continue;
                    }
                    room.take(&task.grid, slot, group.cases);
                    let worth = (start.worth.0, start.worth.1 + group.cases * task.grid.cost[slot]);
                    if seen.insert((worth, self.key(at + 1, &room))) {
                        let slots = start.slots.iter().copied().chain([Some(slot)]).collect();
                        found.push(Start { worth, room, slots });
                    }
                }
            }
            if !found.is_empty() {
                return Some(found);
            }
        }
        let mut late = Vec::new();
        for start in starts {
            let (more, freight) = self.value(at + 1, &start.room)?;
            if (start.worth.0 + 1 + more, start.worth.1 + freight) == best {
                late.push(Start {
                    worth: (start.worth.0 + 1, start.worth.1),
                    room: start.room.clone(),
                    slots: start.slots.iter().copied().chain([None]).collect(),
                });
            }
        }
        Some(late)
    }

    /// What of the room makes a difference from a parcel on.
    fn key(&self, at: usize, room: &Room) -> Vec<i64> {
        let Some(wanted) = self.wanted.get(at) else {
            return Vec::new();
        };
        let least = |(room, wanted): (&i64, &i64)| *room.min(wanted);
        let packs = room.pack.iter().zip(&wanted.pack).map(least);
        packs
            .chain(room.pick.iter().zip(&wanted.pick).map(least))
            .collect()
    }
}
