//! A batch of waiting orders: what it wants, how it is decided in arrival order, and what it writes. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::StatusCode;
use uuid::Uuid;

use super::Waiting;
use crate::calendar::Calendar;
use crate::calendar::promise::Rooms;
use crate::clock::Timestamp;
use crate::error::{Error, Problem, text};
use crate::id::VillageId;
use crate::links::board::Facts;
use crate::orders::decide::{Accepted, Supply};
use crate::orders::draft::Draft;
use crate::orders::store::hot::{Placing, Replay, Replays, Wanted};
use crate::orders::store::write::{NewLine, NewOrder};

pub(super) enum Decision {
    /// with its number, once it has one
    Accepted(Box<Accepted>, String),
    /// placed before: the order's id
    Known(Uuid),
    Refused(Error),
}

impl Decision {
    /// The number of an accepted order.
    pub(super) fn number(&self) -> Option<&str> {
        match self {
            Decision::Accepted(_, number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn is_sold_out(&self) -> bool {
        matches!(self, Decision::Refused(Error::Problem(problem)) if problem.name == "sold-out")
    }
}

fn key_of(draft: &Draft) -> Option<(Option<Uuid>, &str)> {
    draft.key.as_deref().map(|key| (draft.facts.link_id, key))
}

fn accept(supply: &mut Supply, order: &Waiting, now: Timestamp) -> Decision {
    match supply.decide(&order.draft, now) {
        Ok(accepted) => Decision::Accepted(Box::new(accepted), String::new()),
        Err(error) => Decision::Refused(error),
    }
}

fn repeat(order: &Waiting, replay: &Replay) -> Decision {
    if replay.body_hash == order.draft.hash {
        Decision::Known(replay.id)
    } else {
        Decision::Refused(mismatch())
    }
}

fn repeat_in_batch(order: &Waiting, first: &Waiting, decision: &Decision) -> Option<Decision> {
    match decision {
        // a refusal wrote nothing, so the key is still free: whoever repeats it is decided like a first one
        Decision::Refused(_) => None,
        _ if first.draft.hash != order.draft.hash => Some(Decision::Refused(mismatch())),
        Decision::Accepted(..) => Some(Decision::Known(first.id)),
        Decision::Known(id) => Some(Decision::Known(*id)),
    }
}

fn mismatch() -> Error {
    let detail = text(
        "这个 Idempotency-Key 已经用于另一个订单，请换一个。",
        "This Idempotency-Key was used for another order; please take a new one.",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-mismatch", detail).into()
}

/// What a batch may take, and what its keys may have placed before.
pub(super) fn wanted(village: VillageId, orders: &[Waiting], now: Timestamp) -> Wanted<'_> {
    let mut skus = Vec::with_capacity(8);
    let mut links = Vec::with_capacity(1);
    let mut seen: Option<&Arc<Facts>> = None;
    for order in orders {
        // a burst is about one link, read from one snapshot
        if seen.is_some_and(|facts| Arc::ptr_eq(facts, &order.draft.facts)) {
            continue;
        }
        let facts = seen.insert(&order.draft.facts);
        skus.extend(
            facts
                .offers
                .iter()
                .flat_map(|offer| offer.parts.iter().map(|(sku, _)| *sku)),
        );
        links.extend(facts.link_id);
    }
    skus.sort_unstable();
    skus.dedup();
    links.sort_unstable();
    links.dedup();
    let keeps_calendar = calendar_of(orders).is_some();
    Wanted {
        village,
        now,
        skus,
        links,
        keys: orders.iter().filter_map(|order| key_of(&order.draft)).collect(),
        days_from: keeps_calendar.then(|| now.day()),
    }
}

/// The newest calendar that one of these orders was drafted by.
pub(super) fn calendar_of(orders: &[Waiting]) -> Option<&Arc<Calendar>> {
    let calendars = orders
        .iter()
        .filter_map(|order| order.draft.facts.calendar.as_ref());
    calendars.max_by_key(|calendar| calendar.edition)
}

/// Decides the batch in the order in which it came.
pub(super) fn decide_all(
    supply: &mut Supply,
    known: &Replays,
    orders: &[Waiting],
    now: Timestamp,
) -> Vec<Decision> {
    let mut seen: HashMap<(Option<Uuid>, &str), usize> = HashMap::with_capacity(orders.len());
    let mut decided: Vec<Decision> = Vec::with_capacity(orders.len());
    for (index, order) in orders.iter().enumerate() {
        let key = key_of(&order.draft);
        let replay = key
            .filter(|_| !known.is_empty())
            .and_then(|(link, key)| known.get(&(link, key.to_owned())));
        let decision = match (replay, key.and_then(|key| seen.insert(key, index))) {
            (Some(replay), _) => repeat(order, replay),
            // the same key twice in one batch: the first one that was accepted decides
            (None, Some(first)) => match repeat_in_batch(order, &orders[first], &decided[first]) {
                Some(decision) => {
                    key.and_then(|key| seen.insert(key, first));
                    decision
                }
                None => accept(supply, order, now),
            },
            (None, None) => accept(supply, order, now),
        };
        decided.push(decision);
    }
    decided
}

/// The accepted orders with their lines, and what they take; `places` are the texts of the places in the batch.
pub(super) fn placing<'a>(
    village: VillageId,
    orders: &'a [Waiting],
    decided: &[Decision],
    supply: &Supply,
    places: &'a [String],
    now: Timestamp,
    hold_ends: Timestamp,
) -> Placing<'a> {
    let accepted = orders
        .iter()
        .zip(decided)
        .filter_map(|(order, decision)| match decision {
            Decision::Accepted(accepted, _) => Some((order, accepted)),
            _ => None,
        });
    let (mut rows, mut lines) = (Vec::with_capacity(places.len()), Vec::with_capacity(places.len()));
    for ((order, accepted), place) in accepted.zip(places) {
        let ends = accepted.hold_end(hold_ends);
        rows.push(NewOrder::of(
            order.id,
            order.source,
            &order.draft,
            accepted,
            place,
            now,
            ends,
        ));
        lines.extend(
            accepted
                .lines
                .iter()
                .zip(1..)
                .map(|(line, position)| NewLine::of(order.id, position, &order.draft, line)),
        );
    }
    Placing {
        village,
        now,
        orders: rows,
        lines,
        reserved: supply
            .reserved
            .iter()
            .map(|(sku, cases)| (*sku, *cases))
            .collect(),
        takes: supply.rooms.as_ref().map_or_else(Vec::new, Rooms::taken),
        sold: supply
            .sold
            .iter()
            .map(|((link, sku), cases)| (*link, *sku, *cases))
            .collect(),
    }
}
