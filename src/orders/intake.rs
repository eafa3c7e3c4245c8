//! The hot path. Orders wait in a bounded queue; one task takes everything that is waiting, decides it in arrival order
//! and commits it in one transaction, and only then answers everyone. There is no timer: a batch is what arrived during
//! the last commit, so an idle shop answers one order in one commit and a burst shares a commit among hundreds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::assisted::log_acts;
use super::decide::{Accepted, Supply};
use super::draft::Draft;
use super::store::hot::{self, Replay, Replays};
use super::store::write::{self, NewLine, NewOrder};
use super::view::OrderView;
use super::{Hold, Source};
use crate::calendar::promise::Rooms;
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::{Error, Problem, Result, busy, text};
use crate::id::{Ids, VillageId};
use crate::links::board::{Board, Facts};
use crate::{outbox, transact};

/// Orders that may wait; more get 503 at once, with nothing written.
pub const QUEUE: usize = 4_096;

/// Orders that share one transaction at most.
const MAX_BATCH: usize = 512;

/// Hold ends that one transaction takes care of on the way.
const MAX_EXPIRED: i64 = 200;

/// The answer to an order.
pub struct Placed {
    pub order: OrderView,
    /// false: the same request had been answered before
    pub created: bool,
}

struct Waiting {
    draft: Draft,
    id: Uuid,
    source: Source,
    reply: oneshot::Sender<Result<Placed>>,
}

/// The way in. Cheap to clone; the task ends when the last clone is gone.
#[derive(Clone)]
pub struct Intake {
    queue: mpsc::Sender<Waiting>,
    ids: Ids,
    clock: Clock,
}

impl Intake {
    /// Starts the task that settles orders.
    pub fn start(db: Db, board: Board, clock: Clock, ids: Ids, hold_ttl: Duration) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let worker = Worker {
            db,
            board,
            clock: clock.clone(),
            ids: ids.clone(),
            hold_ttl,
        };
        tokio::spawn(worker.run(waiting));
        Intake { queue, ids, clock }
    }

    /// Orders waiting right now.
    pub fn depth(&self) -> usize {
        QUEUE - self.queue.capacity()
    }

    /// Hands an order in and waits for the answer.
    ///
    /// # Errors
    /// 503 when too many wait, with nothing written; the buyer's refusals of [`Supply::decide`]; 422
    /// `idempotency-mismatch`.
    pub async fn place(&self, draft: Draft, source: Source) -> Result<Placed> {
        let id = self.ids.uuid(self.clock.now());
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Waiting {
                draft,
                id,
                source,
                reply,
            })
            .map_err(|_| busy())?;
        answer.await.map_err(|_| busy())?
    }
}

struct Worker {
    db: Db,
    board: Board,
    clock: Clock,
    ids: Ids,
    hold_ttl: Duration,
}

impl Worker {
    async fn run(self, mut waiting: mpsc::Receiver<Waiting>) {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
            metrics::histogram!("cunji_intake_batch_orders")
                .record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
            let mut by_village: Vec<(VillageId, Vec<Waiting>)> = Vec::with_capacity(1);
            for order in batch.drain(..) {
                let village = order.draft.facts.village;
                match by_village.iter_mut().find(|(known, _)| *known == village) {
                    Some((_, orders)) => orders.push(order),
                    None => by_village.push((village, vec![order])),
                }
            }
            for (village, orders) in by_village {
                self.settle(village, orders).await;
            }
        }
    }

    /// Settles a batch as a whole; if that fails, order by order, so that one bad order takes no other down.
    async fn settle(&self, village: VillageId, orders: Vec<Waiting>) {
        match self.commit(village, &orders).await {
            Ok(answers) => {
                for (order, answer) in orders.into_iter().zip(answers) {
                    // the buyer may have gone; the order stands, and the key finds it again
                    let _ = order.reply.send(answer);
                }
            }
            Err(_) => {
                metrics::counter!("cunji_intake_fallbacks_total").increment(1);
                for order in orders {
                    let answer = self.settle_one(village, &order).await;
                    let _ = order.reply.send(answer);
                }
            }
        }
    }

    /// Settles one order by itself. Another node may commit the same key at the same moment: the unique index refuses
    /// the second one, and the next look finds the first.
    async fn settle_one(&self, village: VillageId, order: &Waiting) -> Result<Placed> {
        let mut answers = self.commit(village, std::slice::from_ref(order)).await;
        if answers.as_ref().is_err_and(Error::is_unique_violation) {
            answers = self.commit(village, std::slice::from_ref(order)).await;
        }
        answers?.pop().unwrap_or_else(|| Err(busy()))
    }

    async fn commit(&self, village: VillageId, orders: &[Waiting]) -> Result<Vec<Result<Placed>>> {
        let started = tokio::time::Instant::now();
        let now = self.clock.now();
        let (decided, supply, wrote) =
            transact!(self.db, tx => self.decide_and_write(tx, village, orders, now).await)?;
        metrics::histogram!("cunji_intake_commit_seconds").record(started.elapsed());
        if wrote {
            self.show(orders, &supply, now);
        }
        let mut answers = Vec::with_capacity(orders.len());
        for (order, decision) in orders.iter().zip(decided) {
            answers.push(match decision {
                Decision::Accepted(accepted, number) => {
                    metrics::counter!("cunji_orders_placed_total").increment(1);
                    let ends = self.hold_end(&accepted, now);
                    Ok(Placed {
                        order: OrderView::placed(order.id, &order.draft, &accepted, number, now, ends),
                        created: true,
                    })
                }
                Decision::Known(id) => self.known(village, id).await,
                Decision::Refused(error) => Err(error),
            });
        }
        Ok(answers)
    }

    async fn known(&self, village: VillageId, id: Uuid) -> Result<Placed> {
        let order = super::view::load(&self.db, village, id, self.clock.now()).await?;
        Ok(Placed {
            order,
            created: false,
        })
    }

    fn hold_end(&self, accepted: &Accepted, now: Timestamp) -> Option<Timestamp> {
        (accepted.hold == Hold::Active).then(|| now.plus(self.hold_ttl))
    }

    /// Puts the committed counters on the board, so that readers need no query.
    fn show(&self, orders: &[Waiting], supply: &Supply, now: Timestamp) {
        let epoch = self.db.supply_epoch();
        let mut shown: Vec<Uuid> = Vec::with_capacity(1);
        for order in orders {
            let facts = &order.draft.facts;
            let Some(link) = facts.link_id.filter(|link| !shown.contains(link)) else {
                continue;
            };
            shown.push(link);
            let covered = facts
                .offers
                .iter()
                .flat_map(|offer| &offer.parts)
                .all(|(sku, _)| supply.levels.contains_key(sku));
            if covered {
                let sold: Vec<_> = supply
                    .offers
                    .values()
                    .filter(|row| row.link_id == link)
                    .map(|row| (row.sku_id, row.sold))
                    .collect();
                let hold_end = Some(now.plus(self.hold_ttl));
                let rooms = supply.rooms.as_ref();
                self.board
                    .committed(facts, &supply.levels, &sold, epoch, hold_end, rooms);
            }
        }
    }

    /// The batch inside its transaction: finds orders placed before under the same keys, locks what may be taken
    /// (stock, then offers, in one order everywhere), decides, and writes what was accepted with one statement a
    /// table. Holds past their end hold nothing: when somebody would go without, they are ended first, and the
    /// batch is decided anew.
    async fn decide_and_write(
        &self,
        tx: &mut Tx,
        village: VillageId,
        orders: &[Waiting],
        now: Timestamp,
    ) -> Result<(Vec<Decision>, Supply, bool)> {
        let (mut supply, mut replays, mut told) = read(tx, village, orders, now).await?;
        let mut decided = decide_all(&mut supply, &replays, orders, now);
        if decided.iter().any(Decision::is_sold_out)
            && write::expire_due(tx, &self.ids, village, now, MAX_EXPIRED).await? > 0
        {
            (supply, replays, told) = read(tx, village, orders, now).await?;
            decided = decide_all(&mut supply, &replays, orders, now);
        }
        let batch = Batch {
            village,
            orders,
            now,
            told,
        };
        let wrote = self.write(tx, &batch, &mut decided, &supply).await?;
        Ok((decided, supply, wrote))
    }

    async fn write(
        &self,
        tx: &mut Tx,
        batch: &Batch<'_>,
        decided: &mut [Decision],
        supply: &Supply,
    ) -> Result<bool> {
        let Batch {
            village,
            orders,
            now,
            told,
        } = *batch;
        let accepted = decided
            .iter()
            .filter(|decision| matches!(decision, Decision::Accepted(..)))
            .count();
        if accepted == 0 {
            return Ok(false);
        }
        let last = write::take_numbers(tx, village, now, accepted).await?;
        let mut serial = last - i64::try_from(accepted).unwrap_or(0);
        let (mut rows, mut lines) = (Vec::with_capacity(accepted), Vec::with_capacity(accepted));
        let mut acts = Vec::new();
        for (order, decision) in orders.iter().zip(decided.iter_mut()) {
            let Decision::Accepted(accepted, number) = decision else {
                continue;
            };
            serial += 1;
            *number = super::number(now, serial);
            if let Some(by) = &order.draft.placed_by {
                acts.push((by, &*number, accepted.total));
            }
            rows.push(NewOrder::of(
                order.id,
                order.source,
                &order.draft,
                accepted,
                number,
                now,
                self.hold_end(accepted, now),
            ));
            lines.extend(
                accepted
                    .lines
                    .iter()
                    .zip(1..)
                    .map(|(line, position)| NewLine::of(order.id, position, &order.draft, line)),
            );
        }
        let reserved: Vec<_> = supply
            .reserved
            .iter()
            .map(|(sku, cases)| (*sku, *cases))
            .collect();
        let sold: Vec<_> = supply
            .sold
            .iter()
            .map(|((link, sku), cases)| (*link, *sku, *cases))
            .collect();
        let takes = supply.rooms.as_ref().map_or_else(Vec::new, Rooms::taken);
        hot::write(tx, village, &rows, &lines, &reserved, &sold, &takes).await?;
        log_acts(tx, &acts).await?;
        if told {
            let told = || rows.iter().map(NewOrder::event).collect();
            outbox::tell(tx, &self.ids, village, now, "order.placed", told).await?;
        }
        Ok(true)
    }
}

/// What one transaction is about.
struct Batch<'a> {
    village: VillageId,
    orders: &'a [Waiting],
    now: Timestamp,
    /// partners want to hear of it
    told: bool,
}

enum Decision {
    /// with its number, once it has one
    Accepted(Box<Accepted>, String),
    /// placed before: the order's id
    Known(Uuid),
    Refused(Error),
}

impl Decision {
    fn is_sold_out(&self) -> bool {
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

/// Locks and reads everything that the batch may take, and what its keys have placed before.
async fn read(
    tx: &mut Tx,
    village: VillageId,
    orders: &[Waiting],
    now: Timestamp,
) -> Result<(Supply, Replays, bool)> {
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
    let keys: Vec<_> = orders.iter().filter_map(|order| key_of(&order.draft)).collect();
    let calendars = orders.iter().filter_map(|it| it.draft.facts.calendar.as_ref());
    let calendar = calendars.max_by_key(|it| it.edition);
    let days_from = calendar.map(|_| now.day());
    let situation = hot::read(tx, village, &skus, &links, &keys, days_from).await?;
    let rooms = match (calendar, situation.days) {
        (Some(calendar), Some(days)) => days.rooms(tx, village, calendar, now).await?,
        _ => None,
    };
    let supply = Supply::new(situation.levels, situation.offers, rooms);
    Ok((supply, situation.replays, situation.has_subscribers))
}

/// Decides the batch in the order in which it came.
fn decide_all(supply: &mut Supply, known: &Replays, orders: &[Waiting], now: Timestamp) -> Vec<Decision> {
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
