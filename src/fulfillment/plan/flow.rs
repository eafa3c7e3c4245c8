//! The exact part: units of one size into slots, as a min-cost flow
//!
//! ```text
//! kind (how many) ─→ slot (day, carrier; pick-up room) ─→ day (workshop room) ─→ out
//!      └──────────── late, at a price ────────────────────────────────────────↗
//! ```
//! solved by the primal-dual method: [`Flow::measure`] finds for each node the least cost of the way out, and
//! [`Flow::settle`] sends units along arcs that lie on such ways until none is left, in turn. A way out is never dearer
//! than being late, so that every unit leaves. The costs of being late are above any sum of freight along a way, which
//! makes "fewest late, then least freight" one number that can't overflow (see [`Grid::late_cost`]).

use std::ops::Range;

use super::ways::Search;

/// A cost above all others; sums of it and any other cost stay in range.
pub const NEVER: i64 = i64::MAX / 4;

/// A set of slots, one bit each.
pub type Bits = Vec<u64>;

/// Where units can go: slots, ordered by day, and what a unit costs there.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// per slot, ascending
    pub day_of: Vec<usize>,
    /// per day: its slots
    pub slots_of: Vec<Range<usize>>,
    /// per slot
    pub cost: Vec<i64>,
}

/// How much more fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// per slot: the carrier's pick-up
    pub pick: Vec<i64>,
    /// per day: the workshop
    pub pack: Vec<i64>,
}

/// Units that may go to the same slots.
#[derive(Clone, Debug)]
pub struct Kind {
    pub options: Bits,
    pub units: i64,
    /// of a unit that gets no slot
    pub late_cost: i64,
}

/// What [`Flow::measure`] finds: the least cost of the way out from each node (prices, in the words of linear
/// programming). An arc is tight when it lies on a cheapest way; only tight arcs carry an optimal flow.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    pub slot: Vec<i64>,
    pub day: Vec<i64>,
    pub kind: Vec<i64>,
    /// slots by what entering them costs in all, ascending
    levels: Vec<(i64, Bits)>,
}

#[derive(Clone, Debug)]
pub struct Flow<'a> {
    pub grid: &'a Grid,
    pub kinds: Vec<Kind>,
    pub room: Room,
    /// per kind: units not yet sent
    pub waiting: Vec<i64>,
    /// per kind: units that are late
    pub late: Vec<i64>,
    /// per kind: its slots and units there, more than none
    pub held: Vec<Vec<(usize, i64)>>,
    /// per slot: the kinds that have units there
    pub at: Vec<Vec<usize>>,
    pub prices: Prices,
}

impl Grid {
    /// A cost of being late that no sum of freight along a way can reach: a way enters each slot at most once.
    pub fn late_cost(&self) -> i64 {
        let dearest = self.cost.iter().copied().max().unwrap_or(0);
        dearest * (self.cost.len() as i64 + 1) + 1
    }

    pub fn words(&self) -> usize {
        self.cost.len().div_ceil(64)
    }
}

impl Room {
    /// The room in units of this many cases.
    pub fn in_units_of(&self, cases: i64) -> Room {
        let units = |room: &[i64]| room.iter().map(|room| room.div_euclid(cases).max(0)).collect();
        Room {
            pick: units(&self.pick),
            pack: units(&self.pack),
        }
    }

    /// Cases that fit into a slot.
    pub fn of(&self, grid: &Grid, slot: usize) -> i64 {
        self.pick[slot].min(self.pack[grid.day_of[slot]])
    }

    /// Takes room (or gives it back, below 0).
    pub fn take(&mut self, grid: &Grid, slot: usize, cases: i64) {
        self.pick[slot] -= cases;
        self.pack[grid.day_of[slot]] -= cases;
    }
}

/// The members of a set that are in all of some others, ascending.
pub fn members(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(word, bits)| {
        let mut left = *bits;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                word * 64 + bit
            })
        })
    })
}

pub fn has(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

pub fn insert(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

fn meet(a: &[u64], b: &[u64]) -> bool {
    a.iter().zip(b).any(|(a, b)| a & b != 0)
}

impl<'a> Flow<'a> {
    pub fn new(grid: &'a Grid, kinds: Vec<Kind>, room: Room) -> Self {
        Flow {
            grid,
            room,
            waiting: kinds.iter().map(|kind| kind.units).collect(),
            late: vec![0; kinds.len()],
            held: vec![Vec::new(); kinds.len()],
            at: vec![Vec::new(); grid.cost.len()],
            prices: Prices::default(),
            kinds,
        }
    }

    /// Sends every unit out at least cost.
    pub fn settle(&mut self) {
        let mut search = Search::new(self);
        let mut open: Vec<usize> = (0..self.kinds.len())
            .filter(|kind| self.waiting[*kind] > 0)
            .collect();
        while !open.is_empty() {
            self.measure();
            search.forget();
            for kind in &open {
                while self.waiting[*kind] > 0 && search.send(self, *kind) {}
            }
            open.retain(|kind| self.waiting[*kind] > 0);
        }
        self.measure();
    }

    /// Finds the prices: each node's least cost of the way out, by Bellman and Ford. There is no circle of negative
    /// cost, because only tight arcs were used, so it ends.
    pub fn measure(&mut self) {
        let (slots, days) = (self.grid.cost.len(), self.grid.slots_of.len());
        let mut prices = Prices {
            slot: vec![NEVER; slots],
            day: vec![NEVER; days],
            kind: self.kinds.iter().map(|kind| kind.late_cost).collect(),
            levels: Vec::new(),
        };
        let holders: Vec<usize> = (0..self.kinds.len())
            .filter(|kind| !self.held[*kind].is_empty())
            .collect();
        while self.lower(&mut prices) {
            prices.levels = self.levels(&prices.slot);
            for kind in &holders {
                prices.kind[*kind] = self.kind_price(&prices, *kind);
            }
        }
        for kind in 0..self.kinds.len() {
            prices.kind[kind] = self.kind_price(&prices, kind);
        }
        self.prices = prices;
    }

    /// One round over slots and days; whether a price fell.
    fn lower(&self, prices: &mut Prices) -> bool {
        let mut fell = false;
        for (day, slots) in self.grid.slots_of.iter().enumerate() {
            let mut least = if self.room.pack[day] > 0 { 0 } else { NEVER };
            for slot in slots.clone() {
                let out = self.at[slot].iter().map(|kind| prices.kind[*kind]).min();
                let out = out.map_or(NEVER, |out| out - self.grid.cost[slot]);
                least = least.min(out);
                if out < prices.slot[slot] {
                    prices.slot[slot] = out;
                    fell = true;
                }
            }
            if least < prices.day[day] {
                prices.day[day] = least;
                fell = true;
            }
            for slot in slots.clone() {
                if self.room.pick[slot] > 0 && prices.day[day] < prices.slot[slot] {
                    prices.slot[slot] = prices.day[day];
                    fell = true;
                }
            }
        }
        fell
    }

    fn levels(&self, price: &[i64]) -> Vec<(i64, Bits)> {
        let mut order: Vec<(i64, usize)> = (price.iter().zip(&self.grid.cost))
            .map(|(price, cost)| price + cost)
            .zip(0..)
            .filter(|(level, _)| *level < NEVER)
            .collect();
        order.sort_unstable();
        let mut levels: Vec<(i64, Bits)> = Vec::new();
        for (level, slot) in order {
            if levels.last().is_none_or(|(last, _)| *last != level) {
                levels.push((level, vec![0; self.grid.words()]));
            }
            if let Some((_, bits)) = levels.last_mut() {
                insert(bits, slot);
            }
        }
        levels
    }

    fn kind_price(&self, prices: &Prices, kind: usize) -> i64 {
        let kind = &self.kinds[kind];
        let reached = prices.levels.iter().find(|(_, slots)| meet(slots, &kind.options));
        reached.map_or(kind.late_cost, |(level, _)| *level.min(&kind.late_cost))
    }

    /// The slots that a unit of a kind enters on a cheapest way out.
    pub fn tight(&self, kind: usize) -> Option<&Bits> {
        let levels = &self.prices.levels;
        let at = levels.binary_search_by_key(&self.prices.kind[kind], |(level, _)| *level);
        at.ok().map(|at| &levels[at].1)
    }

    /// Whether a unit of this kind may be late on a cheapest way out.
    pub fn may_be_late(&self, kind: usize) -> bool {
        self.prices.kind[kind] == self.kinds[kind].late_cost
    }

    /// Whether the arc between a slot and its day is tight.
    pub fn joined(&self, slot: usize) -> bool {
        self.prices.slot[slot] == self.prices.day[self.grid.day_of[slot]]
    }

    /// Whether a unit of the kind that is in the slot can leave it on a cheapest way out.
    pub fn can_leave(&self, kind: usize, slot: usize) -> bool {
        self.prices.kind[kind] - self.grid.cost[slot] == self.prices.slot[slot]
    }

    pub fn holds(&self, kind: usize, slot: usize) -> i64 {
        self.held[kind]
            .iter()
            .find(|(at, _)| *at == slot)
            .map_or(0, |(_, units)| *units)
    }

    pub fn enter(&mut self, kind: usize, slot: usize, units: i64) {
        self.room.take(self.grid, slot, units);
        self.adopt(kind, slot, units);
    }

    /// Takes units into the books whose room is taken already.
    pub fn adopt(&mut self, kind: usize, slot: usize, units: i64) {
        match self.held[kind].iter_mut().find(|(at, _)| *at == slot) {
            Some((_, held)) => *held += units,
            None => {
                self.held[kind].push((slot, units));
                self.at[slot].push(kind);
            }
        }
    }

    pub fn leave(&mut self, kind: usize, slot: usize, units: i64) {
        self.room.take(self.grid, slot, -units);
        self.release(kind, slot, units);
    }

    /// Takes units out of the books that stay where they are: their room stays taken, and nobody moves them any more.
    pub fn release(&mut self, kind: usize, slot: usize, units: i64) {
        if let Some(at) = self.held[kind].iter().position(|(at, _)| *at == slot) {
            self.held[kind][at].1 -= units;
            if self.held[kind][at].1 == 0 {
                self.held[kind].swap_remove(at);
                self.at[slot].retain(|other| *other != kind);
            }
        }
    }
}
