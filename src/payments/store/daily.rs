//! SQL of a day's money.

use crate::clock::Timestamp;
use crate::db::{Db, json};
use crate::error::Result;
use crate::id::VillageId;
use crate::money::{Fen, Method};
use crate::on;
use crate::payments::daily::Ours;

/// Payments that came and refunds that were done by a method: those between two instants, and those that the provider's
/// lines name.
pub async fn ours(
    db: &Db,
    village: VillageId,
    method: Method,
    (from, to): (Timestamp, Timestamp),
    names: &[&str],
) -> Result<Vec<Ours>> {
    Ok(on!(db,
        sqlite: "SELECT FALSE AS is_refund, payment.intent_ref AS name, orders.number, payment.amount_fen, payment.paid_at AS at
                 FROM payment JOIN orders ON orders.village_id = payment.village_id AND orders.id = payment.order_id
                 WHERE payment.village_id = $1 AND payment.method = $2 AND payment.state = 'paid'
                   AND ((payment.paid_at >= $3 AND payment.paid_at < $4)
                        OR payment.intent_ref IN (SELECT value FROM json_each($5)))
                 UNION ALL
                 SELECT TRUE, refund.provider_ref, orders.number, refund.amount_fen, refund.done_at
                 FROM refund JOIN orders ON orders.village_id = refund.village_id AND orders.id = refund.order_id
                 JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id
                 WHERE refund.village_id = $1 AND payment.method = $2 AND refund.state = 'done'
                   AND refund.provider_ref IS NOT NULL AND refund.done_by IS NULL
                   AND ((refund.done_at >= $3 AND refund.done_at < $4)
                        OR refund.provider_ref IN (SELECT value FROM json_each($5)))",
        pg: "SELECT FALSE AS is_refund, payment.intent_ref AS name, orders.number, payment.amount_fen, payment.paid_at AS at
             FROM payment JOIN orders ON orders.village_id = payment.village_id AND orders.id = payment.order_id
             WHERE payment.village_id = $1 AND payment.method = $2 AND payment.state = 'paid'
               AND ((payment.paid_at >= $3 AND payment.paid_at < $4)
                    OR payment.intent_ref IN (SELECT value FROM json_array_elements_text($5::json)))
             UNION ALL
             SELECT TRUE, refund.provider_ref, orders.number, refund.amount_fen, refund.done_at
             FROM refund JOIN orders ON orders.village_id = refund.village_id AND orders.id = refund.order_id
             JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id
             WHERE refund.village_id = $1 AND payment.method = $2 AND refund.state = 'done'
               AND refund.provider_ref IS NOT NULL AND refund.done_by IS NULL
               AND ((refund.done_at >= $3 AND refund.done_at < $4)
                    OR refund.provider_ref IN (SELECT value FROM json_array_elements_text($5::json)))",
        sql, ex => sqlx::query_as(sql).bind(village).bind(method).bind(from).bind(to).bind(json(&names))
            .fetch_all(ex).await)?)
}

/// What came and went by each way of paying.
#[derive(sqlx::FromRow)]
pub struct Sum {
    pub method: Method,
    pub payments: i64,
    pub in_fen: Fen,
    pub refunds: i64,
    pub out_fen: Fen,
    /// of payments that were confirmed, on that day or before, and never came
    pub reversed_fen: Fen,
}

pub async fn sums(db: &Db, village: VillageId, from: Timestamp, to: Timestamp) -> Result<Vec<Sum>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT method, CAST(SUM(payments) AS BIGINT) AS payments, CAST(SUM(in_fen) AS BIGINT) AS in_fen,
                CAST(SUM(refunds) AS BIGINT) AS refunds, CAST(SUM(out_fen) AS BIGINT) AS out_fen,
                CAST(SUM(reversed_fen) AS BIGINT) AS reversed_fen
         FROM (
             SELECT method, COUNT(*) AS payments, SUM(amount_fen) AS in_fen, 0 AS refunds, 0 AS out_fen,
                    0 AS reversed_fen
             FROM payment WHERE village_id = $1 AND state = 'paid' AND paid_at >= $2 AND paid_at < $3 GROUP BY method
             UNION ALL
             SELECT payment.method, 0, 0, COUNT(*), SUM(refund.amount_fen), 0
             FROM refund JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id
             WHERE refund.village_id = $1 AND refund.state = 'done' AND refund.done_at >= $2 AND refund.done_at < $3
             GROUP BY payment.method
             UNION ALL
             SELECT payment.method, 0, 0, 0, 0, SUM(payment_reversal.amount_fen)
             FROM payment_reversal JOIN payment ON payment.village_id = payment_reversal.village_id
               AND payment.id = payment_reversal.payment_id
             WHERE payment_reversal.village_id = $1 AND payment_reversal.reversed_at >= $2
               AND payment_reversal.reversed_at < $3 GROUP BY payment.method
         ) AS moved GROUP BY method ORDER BY method")
        .bind(village).bind(from).bind(to).fetch_all(ex).await)?)
}
