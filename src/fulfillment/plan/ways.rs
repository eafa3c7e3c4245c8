//! Search for a way through a [`Flow`] along tight arcs: out for a waiting unit, or around for one that wants another
//! slot. Breadth first; a node from which no way out was found is not tried again until the prices change.

use std::collections::VecDeque;

use super::flow::{Bits, Flow, has};

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Waiting,
    Slot(usize),
    Late,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    /// a unit of this kind looks for a place
    Kind(usize),
    /// one unit more is in the slot
    Slot(usize),
    /// one unit more is packed on the day
    Day(usize),
    /// one unit more is out: in free room, or late
    Out,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Out,
    /// a slot that a unit of this kind can leave for another, or its being late
    From(usize),
}

#[derive(Clone, Copy, Debug)]
struct Move {
    kind: usize,
    from: Place,
    to: Place,
}

/// What can be reached from a slot: slots, and out.
type Reached = (Bits, bool);

/// Working memory of the searches in one flow.
pub struct Search {
    /// per slot: what was reached from it when an exchange failed. No way leads out of such a set, and none ever will:
    /// an exchange is a circle, which is either in the set or not, and settled units only take ways away.
    closed: Vec<Option<Reached>>,
    queue: VecDeque<Node>,
    /// slots neither seen in this search nor known as dead ends
    fresh: Bits,
    /// slots not known as dead ends
    alive: Bits,
    kind_seen: Vec<bool>,
    day_seen: Vec<bool>,
    out_seen: bool,
    seen: Vec<Node>,
    kind_from: Vec<Place>,
    slot_from: Vec<Node>,
    day_from: Vec<Node>,
    out_from: Node,
}

impl Search {
    pub fn new(flow: &Flow) -> Self {
        let (kinds, slots, days) = (flow.kinds.len(), flow.grid.cost.len(), flow.grid.slots_of.len());
        Search {
            closed: vec![None; slots],
            queue: VecDeque::new(),
            fresh: Vec::new(),
            alive: vec![!0; flow.grid.words()],
            kind_seen: vec![false; kinds],
            day_seen: vec![false; days],
            out_seen: false,
            seen: Vec::new(),
            kind_from: vec![Place::Waiting; kinds],
            slot_from: vec![Node::Out; slots],
            day_from: vec![Node::Out; days],
            out_from: Node::Out,
        }
    }

    /// The prices have changed: there are no dead ends any more.
    pub fn forget(&mut self) {
        self.alive.fill(!0);
        self.kind_seen.fill(false);
        self.day_seen.fill(false);
    }

    /// The flow gets one kind more.
    pub fn grow(&mut self) {
        self.kind_seen.push(false);
        self.kind_from.push(Place::Waiting);
    }

    /// Sends waiting units of a kind out, as many as one way takes; false when there is none.
    pub fn send(&mut self, flow: &mut Flow, kind: usize) -> bool {
        if self.kind_seen[kind] {
            return false;
        }
        self.begin();
        self.kind_seen[kind] = true;
        self.kind_from[kind] = Place::Waiting;
        self.seen.push(Node::Kind(kind));
        self.queue.push_back(Node::Kind(kind));
        let end = self.walk(flow, Goal::Out);
        if let Some(end) = end {
            let (moves, units) = self.trace(flow, end);
            let units = units.min(flow.waiting[kind]);
            moves.iter().for_each(|step| apply(flow, *step, units));
            self.tidy();
        } else {
            // dead ends until the prices change; what was seen stays seen
            self.alive.clone_from(&self.fresh);
        }
        end.is_some()
    }

    /// Moves one unit of a kind into a slot, from one of its other slots or from being late, if the others can be
    /// moved so that the plan is as good as before.
    pub fn exchange(&mut self, flow: &mut Flow, kind: usize, slot: usize) -> bool {
        if let Some((slots, out)) = &self.closed[slot] {
            let is_inside = flow.held[kind].iter().any(|(at, _)| has(slots, *at));
            if !(is_inside || *out && flow.late[kind] > 0) {
                return false;
            }
        }
        self.begin();
        self.reach(Node::Slot(slot), Node::Out);
        let end = self.walk(flow, Goal::From(kind));
        if let Some(end) = end {
            let (moves, _) = self.trace(flow, end);
            let from = if let Node::Slot(from) = end {
                Place::Slot(from)
            } else {
                Place::Late
            };
            let last = Move {
                kind,
                from,
                to: Place::Slot(slot),
            };
            moves.iter().chain([&last]).for_each(|step| apply(flow, *step, 1));
        } else {
            let seen = self
                .alive
                .iter()
                .zip(&self.fresh)
                .map(|(alive, fresh)| alive & !fresh);
            self.closed[slot] = Some((seen.collect(), self.out_seen));
        }
        self.tidy();
        end.is_some()
    }

    fn begin(&mut self) {
        self.queue.clear();
        self.seen.clear();
        self.out_seen = false;
        self.fresh.clone_from(&self.alive);
    }

    fn tidy(&mut self) {
        for node in self.seen.drain(..) {
            match node {
                Node::Kind(kind) => self.kind_seen[kind] = false,
                Node::Day(day) => self.day_seen[day] = false,
                Node::Slot(_) | Node::Out => {}
            }
        }
    }

    fn walk(&mut self, flow: &Flow, goal: Goal) -> Option<Node> {
        while let Some(node) = self.queue.pop_front() {
            if is_goal(flow, node, goal) {
                return Some(node);
            }
            match node {
                Node::Kind(kind) => self.after_kind(flow, kind),
                Node::Slot(slot) => self.after_slot(flow, slot),
                Node::Day(day) => self.after_day(flow, day),
                Node::Out => self.after_out(flow),
            }
        }
        None
    }

    fn after_kind(&mut self, flow: &Flow, kind: usize) {
        if flow.may_be_late(kind) {
            self.reach(Node::Out, Node::Kind(kind));
        }
        let Some(tight) = flow.tight(kind) else { return };
        let options = &flow.kinds[kind].options;
        for word in 0..options.len() {
            let mut left = options[word] & tight[word] & self.fresh[word];
            while left != 0 {
                let slot = word * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                self.reach(Node::Slot(slot), Node::Kind(kind));
            }
        }
    }

    fn after_slot(&mut self, flow: &Flow, slot: usize) {
        let day = flow.grid.day_of[slot];
        if flow.room.pick[slot] > 0 && flow.joined(slot) {
            self.reach(Node::Day(day), Node::Slot(slot));
        }
        for kind in &flow.at[slot] {
            if !self.kind_seen[*kind] && flow.can_leave(*kind, slot) {
                self.reach(Node::Kind(*kind), Node::Slot(slot));
            }
        }
    }

    fn after_day(&mut self, flow: &Flow, day: usize) {
        if flow.room.pack[day] > 0 && flow.prices.day[day] == 0 {
            self.reach(Node::Out, Node::Day(day));
        }
        for slot in flow.grid.slots_of[day].clone() {
            if !flow.at[slot].is_empty() && flow.joined(slot) {
                self.reach(Node::Slot(slot), Node::Day(day));
            }
        }
    }

    /// Something leaves in exchange: a late unit gets a slot, or a day becomes less full.
    fn after_out(&mut self, flow: &Flow) {
        for kind in 0..flow.kinds.len() {
            if flow.late[kind] > 0 && flow.may_be_late(kind) {
                self.reach(Node::Kind(kind), Node::Out);
            }
        }
        for day in 0..flow.grid.slots_of.len() {
            if flow.prices.day[day] == 0 {
                self.reach(Node::Day(day), Node::Out);
            }
        }
    }

    fn reach(&mut self, node: Node, from: Node) {
        match node {
            Node::Kind(kind) => {
                if std::mem::replace(&mut self.kind_seen[kind], true) {
                    return;
                }
                self.kind_from[kind] = match from {
                    Node::Slot(slot) => Place::Slot(slot),
                    _ => Place::Late,
                };
            }
            Node::Slot(slot) => {
                if !has(&self.fresh, slot) {
                    return;
                }
                self.fresh[slot / 64] &= !(1 << (slot % 64));
                self.slot_from[slot] = from;
            }
            Node::Day(day) => {
                if std::mem::replace(&mut self.day_seen[day], true) {
                    return;
                }
                self.day_from[day] = from;
            }
            Node::Out => {
                if std::mem::replace(&mut self.out_seen, true) {
                    return;
                }
                self.out_from = from;
            }
        }
        self.seen.push(node);
        self.queue.push_back(node);
    }

    /// The moves of a way, and how many units it takes.
    fn trace(&self, flow: &Flow, end: Node) -> (Vec<Move>, i64) {
        let (mut moves, mut units, mut node) = (Vec::new(), i64::MAX, end);
        loop {
            let (from, to) = match node {
                Node::Slot(slot) => (self.slot_from[slot], Place::Slot(slot)),
                Node::Day(day) => (self.day_from[day], Place::Late),
                Node::Out => (self.out_from, Place::Late),
                Node::Kind(_) => return (moves, units),
            };
            match from {
                Node::Kind(kind) => {
                    let source = self.kind_from[kind];
                    moves.push(Move {
                        kind,
                        from: source,
                        to,
                    });
                    node = match source {
                        Place::Slot(slot) => {
                            units = units.min(flow.holds(kind, slot));
                            Node::Slot(slot)
                        }
                        Place::Late => {
                            units = units.min(flow.late[kind]);
                            Node::Out
                        }
                        Place::Waiting => return (moves, units),
                    };
                }
                Node::Slot(slot) => {
                    units = units.min(flow.room.pick[slot]);
                    node = from;
                }
                Node::Day(day) => {
                    if node == Node::Out {
                        units = units.min(flow.room.pack[day]);
                    }
                    node = from;
                }
                // the way's first slot, or something that left in exchange
                Node::Out if matches!(node, Node::Slot(_)) => return (moves, units),
                Node::Out => node = Node::Out,
            }
        }
    }
}

fn is_goal(flow: &Flow, node: Node, goal: Goal) -> bool {
    match (goal, node) {
        (Goal::Out, node) => node == Node::Out,
        (Goal::From(kind), Node::Slot(slot)) => flow.holds(kind, slot) > 0 && flow.can_leave(kind, slot),
        (Goal::From(kind), Node::Out) => flow.late[kind] > 0,
        _ => false,
    }
}

fn apply(flow: &mut Flow, step: Move, units: i64) {
    match step.from {
        Place::Waiting => flow.waiting[step.kind] -= units,
        Place::Late => flow.late[step.kind] -= units,
        Place::Slot(slot) => flow.leave(step.kind, slot, units),
    }
    match step.to {
        Place::Slot(slot) => flow.enter(step.kind, slot, units),
        _ => flow.late[step.kind] += units,
    }
}
