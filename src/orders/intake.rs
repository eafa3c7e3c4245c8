//! The hot path. Orders wait in a bounded queue; one task takes everything that is waiting, decides it in arrival order
//! and commits it in one transaction, and only then answers everyone. There is no timer: a batch is what arrived during
//! the last commit, so an idle shop answers one order in one commit and a burst shares a commit among hundreds.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::Source;
use super::decide::Supply;
use super::draft::Draft;
use super::store::ending;
use super::store::hot::{self, Replays, Wanted};
use super::view::OrderView;
use crate::clock::{Clock, Timestamp};
use crate::db::{Db, Tx};
use crate::error::{Error, Result, busy};
use crate::id::{Ids, VillageId};
use crate::links::board::Board;
use crate::{outbox, transact};

mod batch;

use batch::Decision;

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
        let settled = match self.swiftly(village, orders, now).await {
            Some(settled) => settled,
            None => {
                metrics::counter!("cunji_intake_careful_total").increment(1);
                transact!(self.db, tx => self.carefully(tx, village, orders, now).await)?
            }
        };
        metrics::histogram!("cunji_intake_commit_seconds").record(started.elapsed());
        if let Some(epoch) = settled.epoch {
            self.show(orders, &settled.supply, epoch, now);
        }
        let mut answers = Vec::with_capacity(orders.len());
        for (order, decision) in orders.iter().zip(settled.decided) {
            answers.push(match decision {
                Decision::Accepted(accepted, number) => {
                    metrics::counter!("cunji_orders_placed_total").increment(1);
                    let ends = accepted.hold_end(now.plus(self.hold_ttl));
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

    /// Puts the committed counters on the board, so that readers need no query.
    fn show(&self, orders: &[Waiting], supply: &Supply, epoch: u64, now: Timestamp) {
        let mut shown: Vec<Uuid> = Vec::with_capacity(1);
        for order in orders {
            let facts = &order.draft.facts;
            let Some(link) = facts.link_id.filter(|link| !shown.contains(link)) else {
                continue;
            };
            shown.push(link);
            let sold: Vec<_> = supply
                .offers
                .values()
                .filter(|row| row.link_id == link)
                .map(|row| (row.sku_id, row.sold))
                .collect();
            let hold_end = Some(now.plus(self.hold_ttl));
            self.board.committed(
                &facts.code,
                &supply.levels,
                &sold,
                epoch,
                hold_end,
                supply.rooms.as_ref(),
            );
        }
    }

    /// The usual batch: read, decided and written with two statements and nothing locked in between. `None` when it
    /// needs more than that, or when somebody else was at the same things meanwhile; nothing is written then.
    async fn swiftly(&self, village: VillageId, orders: &[Waiting], now: Timestamp) -> Option<Settled> {
        if orders.iter().any(|order| order.draft.placed_by.is_some()) {
            return None;
        }
        let mut swift = self.db.swift().await.ok()?;
        let situation = hot::read(swift.on(), &batch::wanted(village, orders, now), false)
            .await
            .ok()?;
        let rooms = match (batch::calendar_of(orders), &situation.days) {
            (Some(calendar), Some(days)) => days.rooms_seen(calendar, now).map(Some),
            _ => Some(None),
        };
        let Some(rooms) = rooms else {
            swift.end();
            return None;
        };
        let mut supply = Supply::new(situation.levels, situation.offers, rooms);
        let mut decided = batch::decide_all(&mut supply, &situation.replays, orders, now);
        let may_be_freed = situation.has_due_holds && decided.iter().any(Decision::is_sold_out);
        if situation.has_subscribers || may_be_freed {
            swift.end();
            return None;
        }
        let places = places(&decided);
        if places.is_empty() {
            swift.end();
            return Some(Settled {
                decided,
                supply,
                epoch: None,
            });
        }
        let placing = batch::placing(
            village,
            orders,
            &decided,
            &supply,
            &places,
            now,
            now.plus(self.hold_ttl),
        );
        let last = hot::write_alone(&mut swift, &placing).await.ok()?;
        let epoch = Some(swift.end_with_new_supply()).filter(|_| !situation.has_due_holds);
        number_all(&mut decided, last, now);
        Some(Settled {
            decided,
            supply,
            epoch,
        })
    }

    /// The batch inside a transaction: finds orders placed before under the same keys, locks what may be taken
    /// (stock, then offers, in one order everywhere), decides, and writes what was accepted. Holds past their end hold
    /// nothing: when somebody would go without, they are ended first, and the batch is decided anew.
    async fn carefully(
        &self,
        tx: &mut Tx,
        village: VillageId,
        orders: &[Waiting],
        now: Timestamp,
    ) -> Result<Settled> {
        let wanted = batch::wanted(village, orders, now);
        let (mut supply, mut replays, mut told) = locked(tx, &wanted, orders).await?;
        let mut decided = batch::decide_all(&mut supply, &replays, orders, now);
        if decided.iter().any(Decision::is_sold_out)
            && ending::expire_due(tx, &self.ids, village, now, MAX_EXPIRED).await? > 0
        {
            (supply, replays, told) = locked(tx, &wanted, orders).await?;
            decided = batch::decide_all(&mut supply, &replays, orders, now);
        }
        let places = places(&decided);
        if places.is_empty() {
            return Ok(Settled {
                decided,
                supply,
                epoch: None,
            });
        }
        let placing = batch::placing(
            village,
            orders,
            &decided,
            &supply,
            &places,
            now,
            now.plus(self.hold_ttl),
        );
        let last = hot::write(tx, &placing).await?;
        number_all(&mut decided, last, now);
        log_acts(tx, orders, &decided).await?;
        if told {
            let numbers = decided.iter().filter_map(Decision::number);
            let told = || {
                placing
                    .orders
                    .iter()
                    .zip(numbers)
                    .map(|(row, number)| row.event(number))
                    .collect()
            };
            outbox::tell(tx, &self.ids, village, now, "order.placed", told).await?;
        }
        // not shown: others may have changed the supply since this was read, so the next reader loads it
        Ok(Settled {
            decided,
            supply,
            epoch: None,
        })
    }
}

/// What decides a batch, locked: what can be had, what its keys have placed before, whether anybody listens.
async fn locked(tx: &mut Tx, wanted: &Wanted<'_>, orders: &[Waiting]) -> Result<(Supply, Replays, bool)> {
    let situation = hot::read(tx.on(), wanted, true).await?;
    let rooms = match (batch::calendar_of(orders), situation.days) {
        (Some(calendar), Some(days)) => days.rooms(tx, wanted.village, calendar, wanted.now).await?,
        _ => None,
    };
    let supply = Supply::new(situation.levels, situation.offers, rooms);
    Ok((supply, situation.replays, situation.has_subscribers))
}

/// A batch that has been decided and written.
struct Settled {
    decided: Vec<Decision>,
    supply: Supply,
    /// the supply epoch that began with it, when its counters can be shown as they are
    epoch: Option<u64>,
}

/// The places of the accepted orders in their batch, as texts: 1, 2, 3 ...
fn places(decided: &[Decision]) -> Vec<String> {
    let accepted = decided
        .iter()
        .filter(|decision| matches!(decision, Decision::Accepted(..)));
    accepted
        .zip(1..)
        .map(|(_, place): (_, u32)| place.to_string())
        .collect()
}

/// Gives the accepted orders their numbers, of which `last` is the last.
fn number_all(decided: &mut [Decision], last: i64, now: Timestamp) {
    let accepted = decided.iter_mut().rev().filter_map(|decision| match decision {
        Decision::Accepted(_, number) => Some(number),
        _ => None,
    });
    for (number, back) in accepted.zip(0..) {
        *number = super::number(now, last - back);
    }
}

/// Enters what staff have placed into the operation log, in the orders' own transaction: no order of staff without its
/// entry, and no entry without its order.
async fn log_acts(tx: &mut Tx, orders: &[Waiting], decided: &[Decision]) -> Result<()> {
    for (order, decision) in orders.iter().zip(decided) {
        if let (Some(by), Decision::Accepted(accepted, number)) = (&order.draft.placed_by, decision) {
            let after = serde_json::json!({"total_fen": accepted.total});
            by.log(tx, "order.place", number, None, Some(after)).await?;
        }
    }
    Ok(())
}
