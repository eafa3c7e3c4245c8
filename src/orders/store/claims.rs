//! SQL that reads claims with what has become of them.

use std::collections::HashMap;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::{VillageId, order_token};
use crate::money::Fen;
use crate::on;
use crate::orders::claims::{ClaimLine, ClaimView, Decision, Facts, Kind, Resent, State, state};

/// A claim with its facts.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct ClaimRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub number: String,
    pub serial: i64,
    pub kind: Kind,
    pub text: String,
    pub idem_key: String,
    pub body_hash: Vec<u8>,
    pub opened_at: Timestamp,
    pub due_at: Timestamp,
    pub withdrawn_at: Option<Timestamp>,
    pub return_asked_at: Option<Timestamp>,
    pub return_words: Option<String>,
    pub goods_back_at: Option<Timestamp>,
    pub decision: Option<Decision>,
    pub decided_at: Option<Timestamp>,
    pub words: Option<String>,
    pub amount_fen: Option<Fen>,
    pub resend_order_id: Option<Uuid>,
    pub resend_number: Option<String>,
    pub is_off: bool,
    /// when nothing was left to do
    pub closed_at: Option<Timestamp>,
}

/// Claims with their orders and what has become of them. A refund closes a claim once all its parts are done, a re-send
/// once all its cases are with the carrier.
macro_rules! claims_where {
    ($rest:literal) => {
        concat!(
            "SELECT id, order_id, number, serial, kind, text, idem_key, body_hash, opened_at, due_at, withdrawn_at,
                    return_asked_at, return_words, goods_back_at, decision, decided_at, words, amount_fen,
                    resend_order_id, resend_number, is_off, closed_at
             FROM ",
            $crate::orders::store::claims::claim_facts!(),
            $rest
        )
    };
}

macro_rules! claim_facts {
    () => {
        "(SELECT claim.village_id, claim.id, claim.order_id, orders.number, claim.serial, claim.kind, claim.text,
                 claim.idem_key, claim.body_hash, claim.opened_at, claim.due_at, claim.withdrawn_at,
                 claim.return_asked_at, claim.return_words, claim.goods_back_at, claim.decision, claim.decided_at,
                 claim.words, claim.amount_fen, claim.resend_order_id, sent.number AS resend_number,
                 CASE WHEN sent.cancelled = sent.ordered THEN TRUE
                      WHEN claim.decision = 'refund' AND NOT EXISTS (
                          SELECT 1 FROM claim_refund
                          JOIN refund ON refund.village_id = claim_refund.village_id
                                     AND refund.id = claim_refund.refund_id
                          WHERE claim_refund.village_id = claim.village_id AND claim_refund.claim_id = claim.id
                            AND refund.state <> 'refused') THEN TRUE
                      ELSE FALSE END AS is_off,
                 CASE WHEN claim.withdrawn_at IS NOT NULL THEN claim.withdrawn_at
                      WHEN claim.decision = 'decline' THEN claim.decided_at
                      WHEN claim.decision = 'refund' THEN
                          (SELECT CASE WHEN MIN(CASE WHEN refund.state = 'done' THEN 1 ELSE 0 END) = 1
                                       THEN MAX(refund.done_at) END
                           FROM claim_refund
                           JOIN refund ON refund.village_id = claim_refund.village_id
                                      AND refund.id = claim_refund.refund_id
                           WHERE claim_refund.village_id = claim.village_id AND claim_refund.claim_id = claim.id
                             AND refund.state <> 'refused')
                      WHEN claim.decision = 'resend' AND sent.cancelled < sent.ordered
                           AND sent.shipped = sent.ordered - sent.cancelled THEN
                          (SELECT MAX(parcel.handed_over_at) FROM parcel_line
                           JOIN parcel ON parcel.village_id = parcel_line.village_id
                                      AND parcel.id = parcel_line.parcel_id
                           WHERE parcel_line.village_id = claim.village_id
                             AND parcel_line.order_id = claim.resend_order_id)
                 END AS closed_at
          FROM claim
          JOIN orders ON orders.village_id = claim.village_id AND orders.id = claim.order_id
          LEFT JOIN orders AS sent ON sent.village_id = claim.village_id AND sent.id = claim.resend_order_id) AS claims "
    };
}
pub(crate) use {claim_facts, claims_where};

impl ClaimRow {
    pub fn state(&self) -> State {
        state(&Facts {
            withdrawn: self.withdrawn_at.is_some(),
            return_asked: self.return_asked_at.is_some(),
            goods_back: self.goods_back_at.is_some(),
            decision: self.decision,
            closed: self.closed_at.is_some(),
            is_off: self.is_off,
        })
    }

    pub fn view(self, village: VillageId, more: &mut Parts) -> ClaimView {
        let resend = match (self.resend_order_id, &self.resend_number) {
            (Some(id), Some(number)) => Some(Resent {
                number: number.clone(),
                token: order_token(village, id),
            }),
            _ => None,
        };
        ClaimView {
            state: self.state(),
            lines: more.lines.remove(&self.id).unwrap_or_default(),
            photos: more.photos.remove(&self.id).unwrap_or_default(),
            id: self.id,
            kind: self.kind,
            text: self.text,
            opened_at: self.opened_at,
            due_at: self.due_at,
            return_words: self.return_words,
            decision: self.decision,
            decided_at: self.decided_at,
            words: self.words,
            amount_fen: self.amount_fen,
            resend,
            closed_at: self.closed_at,
        }
    }
}

/// The lines and photos of claims.
#[derive(Default)]
pub struct Parts {
    lines: HashMap<Uuid, Vec<ClaimLine>>,
    photos: HashMap<Uuid, Vec<Uuid>>,
}

/// The lines and photos of an order's claims.
pub async fn parts(db: &Db, village: VillageId, order: Uuid) -> Result<Parts> {
    let lines: Vec<(Uuid, String, String, i64)> = on!(db, ex => sqlx::query_as(
        "SELECT claim_line.claim_id, sku.code, line.title, claim_line.cases
         FROM claim_line
         JOIN order_line AS line ON line.village_id = claim_line.village_id AND line.order_id = claim_line.order_id
                                AND line.line = claim_line.line
         JOIN sku ON sku.village_id = line.village_id AND sku.id = line.sku_id
         WHERE claim_line.village_id = $1 AND claim_line.order_id = $2 ORDER BY claim_line.claim_id, claim_line.line")
        .bind(village).bind(order).fetch_all(ex).await)?;
    let photos: Vec<(Uuid, Uuid)> = on!(db, ex => sqlx::query_as(
        "SELECT claim_id, id FROM photo WHERE village_id = $1 AND order_id = $2 AND claim_id IS NOT NULL
         ORDER BY claim_id, place")
        .bind(village).bind(order).fetch_all(ex).await)?;
    let mut parts = Parts::default();
    for (claim, sku, title, quantity) in lines {
        let line = ClaimLine { sku, title, quantity };
        parts.lines.entry(claim).or_default().push(line);
    }
    for (claim, photo) in photos {
        parts.photos.entry(claim).or_default().push(photo);
    }
    Ok(parts)
}

/// The claims of an order, the oldest first.
pub async fn of_order(db: &Db, village: VillageId, order: Uuid) -> Result<Vec<ClaimView>> {
    let rows: Vec<ClaimRow> = on!(db, ex => sqlx::query_as(claims_where!(
        "WHERE village_id = $1 AND order_id = $2 ORDER BY serial"))
        .bind(village).bind(order).fetch_all(ex).await)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = parts(db, village, order).await?;
    Ok(rows
        .into_iter()
        .map(|row| row.view(village, &mut parts))
        .collect())
}

/// The same in a transaction that has locked the order.
pub async fn rows(tx: &mut Tx, village: VillageId, order: Uuid) -> Result<Vec<ClaimRow>> {
    Ok(on!(tx, ex => sqlx::query_as(claims_where!(
        "WHERE village_id = $1 AND order_id = $2 ORDER BY serial"))
        .bind(village).bind(order).fetch_all(ex).await)?)
}
