//! What an import writes for one part of a file: new orders in bulk, and what has happened to known ones.

use uuid::Uuid;

use super::run::{Ready, Work};
use super::step::{Known, Step};
use super::store::{self, PlatformPayment};
use super::{Entry, Note, Outcome, Words};
use crate::db::{Tx, json};
use crate::error::{Error, Result};
use crate::id::order_token;
use crate::money::{Fen, Method};
use crate::orders::import::FileOrder;
use crate::orders::promised::Unpromised;
use crate::orders::store::write::{self, NewLine, NewOrder};
use crate::orders::store::{ending, promised};
use crate::orders::{Hold, Source, number};
use crate::outbox;
use crate::payments::store::{self as payments, Refund};
use crate::payments::{Cause, RefundState};
use crate::stock::{self, Pick};

impl Work<'_> {
    /// Writes the new orders of a part with their lines, payments and refunds, and reserves their cases.
    pub(super) async fn write(&self, tx: &mut Tx, ready: &mut [Ready<'_>]) -> Result<()> {
        if ready.is_empty() {
            return Ok(());
        }
        let (village, now) = (self.import.village, self.now);
        let last = write::take_numbers(tx, village, now, ready.len()).await?;
        let first = last - i64::try_from(ready.len()).unwrap_or(0) + 1;
        for (new, serial) in ready.iter_mut().zip(first..) {
            new.number = number(now, serial);
        }
        let rows: Vec<NewOrder> = ready.iter().map(|new| self.order_row(new)).collect();
        write::insert_orders(tx, village, &rows).await?;
        let lines: Vec<NewLine> = ready.iter().flat_map(line_rows).collect();
        write::insert_lines(tx, village, &lines).await?;
        let paid: Vec<PlatformPayment> = ready.iter().map(|new| self.payment_row(new)).collect();
        let into = self.shop.title();
        store::insert_payments(tx, village, &paid, into, self.staff_id(), now).await?;
        for (new, payment) in ready.iter().zip(&paid) {
            if new.draft.refunded > Fen::ZERO {
                self.refund(tx, new.id, payment.id, new.draft.refunded, "平台已部分退款")
                    .await?;
            }
        }
        let mut cases = std::collections::BTreeMap::new();
        for (item, count) in ready.iter().flat_map(|new| &new.draft.takes) {
            *cases.entry(*item).or_insert(0) += count;
        }
        let cases: Vec<(Uuid, i64)> = cases.into_iter().collect();
        stock::store::reserve(tx, village, &cases).await?;
        // they are paid already: the earliest paid gets the earliest day
        let mut backlog: Vec<Unpromised> = ready.iter().map(Ready::unpromised).collect();
        backlog.sort_by_key(|new| (new.at, new.id));
        promised::give(tx, village, &backlog, now).await?;
        let ids = &self.import.ids;
        let placed = || rows.iter().map(|row| row.event(row.number)).collect();
        outbox::tell(tx, ids, village, now, "order.placed", placed).await?;
        let told = |new: &NewOrder| {
            let token = order_token(village, new.id);
            json(&serde_json::json!({"number": new.number, "token": token, "paid_fen": new.captured_fen}))
        };
        let paid = || rows.iter().map(told).collect();
        outbox::tell(tx, ids, village, now, "order.paid", paid).await
    }

    fn order_row<'a>(&self, new: &'a Ready<'_>) -> NewOrder<'a> {
        let draft = new.draft;
        NewOrder {
            id: new.id,
            number: &new.number,
            link_id: None,
            source: Source::Import,
            channel: draft.channel,
            host: &draft.host,
            idem_key: None,
            body_hash: Some(new.order.content_hash.clone()),
            external_shop: Some(self.shop.as_str()),
            external_no: Some(&new.order.external_no),
            name: &draft.to.name,
            phone: &draft.to.phone,
            province: &draft.to.province,
            city: &draft.to.city,
            district: &draft.to.district,
            street: &draft.to.street,
            region_code: &draft.to.region_code,
            note: &draft.note,
            method: Method::Platform,
            goods_fen: draft.goods.0,
            freight_fen: draft.freight.0,
            captured_fen: draft.goods.0 + draft.freight.0,
            hold: Hold::Consumed,
            hold_ends_at: None,
            ordered: draft.cases,
            placed_at: draft.placed_at.0,
            paid_at: Some(draft.paid_at.0),
            updated_at: self.now.0,
            promise: None,
            village: self.import.village,
        }
    }

    fn payment_row<'a>(&self, new: &'a Ready<'_>) -> PlatformPayment<'a> {
        PlatformPayment {
            id: self.import.ids.uuid(self.now),
            order_id: new.id,
            amount_fen: new.draft.goods.0 + new.draft.freight.0,
            reference: &new.order.external_no,
            paid_at: new.draft.paid_at.0,
        }
    }

    /// Money that the platform has given back already.
    async fn refund(&self, tx: &mut Tx, order: Uuid, payment: Uuid, amount: Fen, reason: &str) -> Result<()> {
        let (village, now) = (self.import.village, self.now);
        let refund = Refund {
            id: self.import.ids.uuid(now),
            order_id: order,
            payment_id: payment,
            amount_fen: amount,
            state: RefundState::Done,
            cause: Cause::Provider,
            reason: reason.to_owned(),
            reference: None,
            failure: None,
            proof: None,
            created_at: now,
            done_at: Some(now),
        };
        payments::insert_refund(tx, village, &refund, self.staff_id()).await?;
        payments::add_refunded(tx, village, order, amount, now).await
    }

    /// Gives back at most `amount` of what an order's payments have left.
    async fn give_back(&self, tx: &mut Tx, order: Uuid, amount: Fen, reason: &str) -> Result<()> {
        let mut rest = amount;
        for (payment, _, left) in payments::refundable(tx, self.import.village, order).await? {
            let part = rest.min(left);
            if part > Fen::ZERO {
                rest = Fen(rest.0 - part.0);
                self.refund(tx, order, payment, part, reason).await?;
            }
        }
        Ok(())
    }

    /// Carries out what has happened to a known order. `held` are its open cases per stock item.
    pub(super) async fn follow(
        &self,
        tx: &mut Tx,
        order: &FileOrder,
        known: &Known,
        step: &Step,
        held: &[(Uuid, i64)],
    ) -> Result<Entry> {
        let number = Some(known.number.clone());
        let updated = |zh: String, en: String| {
            let why = Some(Words::new(zh, en));
            Ok(Entry::of(order, Outcome::Updated, number.clone(), why))
        };
        let row = order.rows.first().copied().unwrap_or(0);
        let writes = !self.import.dry_run;
        match step {
            Step::Unchanged(why) => Ok(Entry::of(order, Outcome::Unchanged, number, why.clone())),
            Step::Problem(words) => {
                let note = Note::new(row, "order_no", words.clone());
                Ok(Entry::problem(order, number, note))
            }
            Step::Cancel => {
                if writes {
                    let (village, all) = (self.import.village, known.captured_fen);
                    // the row is locked, and was live and unpacked when it was read
                    ending::cancel(tx, village, known.id, self.now).await?;
                    self.give_back(tx, known.id, all, "平台已取消并退款").await?;
                }
                updated("已取消并退款".into(), "cancelled and refunded".into())
            }
            Step::GiveBack(amount) => {
                if writes {
                    self.give_back(tx, known.id, *amount, "平台已部分退款").await?;
                }
                updated(
                    format!("又退款 {amount} 元"),
                    format!("{amount} yuan more were refunded"),
                )
            }
            Step::Send { delivered } => {
                if writes && !self.send(tx, known, *delivered, held).await? {
                    let words = Words::new(
                        "店铺里已经发货，但库里没有这么多没过期的批次；请先入库，再导入一次",
                        "the shop has sent it, but the lots in the store room have less that is not out of date; \
                         receive the stock, then import again",
                    );
                    return Ok(Entry::problem(order, number, Note::new(row, "status", words)));
                }
                let with = format!("{} {}", order.carrier, order.waybill);
                let with: String = with.trim().chars().take(120).collect();
                if *delivered {
                    updated(format!("已签收 {with}"), format!("delivered {with}"))
                } else {
                    updated(format!("已发货 {with}"), format!("sent {with}"))
                }
            }
        }
    }

    /// Takes the cases of an order out of the lots that expire first; false, and nothing changed, when they lack some.
    async fn send(&self, tx: &mut Tx, known: &Known, delivered: bool, held: &[(Uuid, i64)]) -> Result<bool> {
        let (village, now) = (self.import.village, self.now);
        let mut picks = Vec::new();
        for (sku, cases) in held {
            match stock::store::fefo(tx, village, *sku, *cases, now.day()).await {
                Ok(lots) => picks.extend(lots.into_iter().map(|(lot, cases)| Pick {
                    sku: *sku,
                    lot,
                    cases,
                    order_id: known.id,
                })),
                Err(Error::Problem(problem)) if problem.name == "stock-too-low" => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if !picks.is_empty() {
            let (ids, staff) = (&self.import.ids, self.staff_id());
            stock::store::ship(tx, village, &picks, now, ids, staff).await?;
        }
        store::mark_sent(tx, village, known.id, delivered, now).await?;
        Ok(true)
    }
}

impl Ready<'_> {
    fn unpromised(&self) -> Unpromised {
        Unpromised {
            id: self.id,
            at: self.draft.paid_at,
            province: self.draft.to.region_code.chars().take(2).collect(),
            cases: self.draft.cases,
        }
    }
}

fn line_rows<'a>(new: &'a Ready<'_>) -> impl Iterator<Item = NewLine<'a>> {
    new.draft.lines.iter().zip(1..).map(|(line, place)| NewLine {
        order_id: new.id,
        line: place,
        sku_id: line.sku_id,
        title: &line.title,
        price_fen: line.price.0,
        goods_fen: line.goods.0,
        ordered: line.cases,
    })
}
