//! The third goal: among the plans with the fewest late and the least freight, the one in which whoever paid first
//! leaves as early as possible, then whoever paid second, and so on.

use std::collections::HashMap;

use super::flow::{Bits, Flow, Kind, NEVER, has, insert, members};
use super::ways::Search;

/// What a parcel got.
enum Turn {
    Late,
    Slot(usize),
    /// a day, with whichever carrier suits those to come: one of the units of this kind
    Any(usize),
}

/// Takes the parcels in their order (given by their kinds, one unit each) and gives each the first day that the plan
/// can give it without being worse and without moving an earlier one to another day; none when it has to be late. The
/// flow has to be settled; its units are used up.
///
/// What a kind can't get any more it can't get later either, since each parcel only takes room away. So each kind
/// walks over its slots once.
pub fn in_turn(flow: &mut Flow, order: &[usize]) -> Vec<Option<usize>> {
    let mut search = Search::new(flow);
    let wanted: Vec<Bits> = (0..flow.kinds.len()).map(|kind| cheapest(flow, kind)).collect();
    let mut next: Vec<Option<usize>> = wanted.iter().map(|slots| first_from(slots, 0)).collect();
    let mut bound_to_day: HashMap<Bits, usize> = HashMap::new();
    let mut turns = Vec::with_capacity(order.len());
    for kind in order.iter().copied() {
        while let Some(slot) = next[kind] {
            if flow.holds(kind, slot) > 0 || search.exchange(flow, kind, slot) {
                break;
            }
            next[kind] = first_from(&wanted[kind], slot + 1);
        }
        let Some(slot) = next[kind] else {
            flow.late[kind] -= 1;
            turns.push(Turn::Late);
            continue;
        };
        flow.release(kind, slot, 1);
        let same_day = of_day(flow, &wanted[kind], slot);
        turns.push(if members(&same_day).nth(1).is_none() {
            Turn::Slot(slot)
        } else {
            let bound = *bound_to_day.entry(same_day).or_insert_with_key(|options| {
                search.grow();
                add_kind(flow, options.clone(), flow.prices.kind[kind])
            });
            flow.adopt(bound, slot, 1);
            Turn::Any(bound)
        });
    }
    hand_out(flow, turns)
}

/// Parcels that share a day take its carriers in their order.
fn hand_out(flow: &mut Flow, turns: Vec<Turn>) -> Vec<Option<usize>> {
    flow.held
        .iter_mut()
        .for_each(|held| held.sort_unstable_by(|a, b| b.cmp(a)));
    let mut take = |kind: usize| {
        let (slot, units) = flow.held[kind].last_mut()?;
        let slot = *slot;
        *units -= 1;
        if *units == 0 {
            flow.held[kind].pop();
        }
        Some(slot)
    };
    let slot = |turn| match turn {
        Turn::Late => None,
        Turn::Slot(slot) => Some(slot),
        Turn::Any(kind) => take(kind),
    };
    turns.into_iter().map(slot).collect()
}

fn add_kind(flow: &mut Flow, options: Bits, price: i64) -> usize {
    flow.kinds.push(Kind {
        options,
        units: 0,
        late_cost: NEVER,
    });
    flow.waiting.push(0);
    flow.late.push(0);
    flow.held.push(Vec::new());
    flow.prices.kind.push(price);
    flow.kinds.len() - 1
}

/// The slots in which a unit of the kind is in some optimal plan, as far as prices tell.
fn cheapest(flow: &Flow, kind: usize) -> Bits {
    let options = &flow.kinds[kind].options;
    match flow.tight(kind) {
        Some(tight) => options.iter().zip(tight).map(|(a, b)| a & b).collect(),
        None => vec![0; options.len()],
    }
}

/// Those of the slots that are on the same day.
fn of_day(flow: &Flow, slots: &[u64], slot: usize) -> Bits {
    let day = flow.grid.slots_of[flow.grid.day_of[slot]].clone();
    let mut same = vec![0; slots.len()];
    for slot in day.filter(|slot| has(slots, *slot)) {
        insert(&mut same, slot);
    }
    same
}

/// The first member from here on.
fn first_from(bits: &[u64], from: usize) -> Option<usize> {
    let mut left = bits.get(from / 64)? & (!0 << (from % 64));
    let mut word = from / 64;
    while left == 0 {
        word += 1;
        left = *bits.get(word)?;
    }
    Some(word * 64 + left.trailing_zeros() as usize)
}
