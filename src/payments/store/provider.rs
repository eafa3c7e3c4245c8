//! SQL of payments through a provider: what it was asked, what it said, and when it is asked again.

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::{VillageId, order_token};
use crate::money::{Fen, Method};
use crate::on;
use crate::orders::Order;
use crate::payments::State;

/// A payment with what its provider has to do with it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Asked {
    pub village_id: VillageId,
    pub id: Uuid,
    pub order_id: Uuid,
    pub method: Method,
    pub state: State,
    pub amount_fen: Fen,
    pub provider_ref: Option<String>,
    pub url: Option<String>,
    pub offered_until: Option<Timestamp>,
    pub tries: i64,
    pub created_at: Timestamp,
}

impl Asked {
    /// The payment's public name, which the provider keeps for us.
    pub fn token(&self) -> String {
        order_token(self.village_id, self.id)
    }
}

macro_rules! columns {
    () => {
        "village_id, id, order_id, method, state, amount_fen, provider_ref, url, offered_until, tries, created_at"
    };
}

pub async fn load(db: &Db, village: VillageId, id: Uuid) -> Result<Option<Asked>> {
    Ok(
        on!(db, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM payment WHERE village_id = $1 AND id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// The payment inside a transaction that has locked its order.
pub async fn again(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Option<Asked>> {
    Ok(
        on!(tx, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM payment WHERE village_id = $1 AND id = $2"))
        .bind(village).bind(id).fetch_optional(ex).await)?,
    )
}

/// The open payment of an order by a method.
pub async fn open_of(tx: &mut Tx, order: &Order, method: Method) -> Result<Option<Asked>> {
    Ok(
        on!(tx, ex => sqlx::query_as(concat!("SELECT ", columns!(), " FROM payment
         WHERE village_id = $1 AND order_id = $2 AND method = $3
           AND state IN ('created', 'sent', 'waiting', 'unknown')"))
        .bind(order.village_id).bind(order.id).bind(method).fetch_optional(ex).await)?,
    )
}

/// Stores a payment before its provider is asked. Gives what is to be asked; `None` when another request was quicker.
pub async fn create(
    tx: &mut Tx,
    order: &Order,
    (id, method, amount): (Uuid, Method, Fen),
    offered_until: Timestamp,
    check_at: Timestamp,
    at: Timestamp,
) -> Result<Option<Asked>> {
    Ok(on!(tx, ex => sqlx::query_as(concat!(
        "INSERT INTO payment (village_id, id, order_id, method, state, amount_fen, created_at, offered_until, check_at)
         VALUES ($1, $2, $3, $4, 'created', $5, $6, $7, $8)
         ON CONFLICT (village_id, order_id, method) WHERE state IN ('created', 'sent', 'waiting', 'unknown') DO NOTHING
         RETURNING ", columns!()))
        .bind(order.village_id).bind(id).bind(order.id).bind(method).bind(amount).bind(at).bind(offered_until)
        .bind(check_at).fetch_optional(ex).await)?)
}

/// An offer that the buyer does not want any more: the provider is to close it.
pub async fn let_go(tx: &mut Tx, asked: &Asked, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET state = 'unknown', check_at = $3
         WHERE village_id = $1 AND id = $2 AND state = 'waiting' AND provider_ref IS NOT NULL")
        .bind(asked.village_id).bind(asked.id).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// What a buyer has to pay an order by a method, when that is open.
pub async fn offer_of(db: &Db, order: &Order, method: Method) -> Result<Option<String>> {
    let offer: Option<Option<String>> = on!(db, ex => sqlx::query_scalar(
        "SELECT url FROM payment WHERE village_id = $1 AND order_id = $2 AND method = $3 AND state = 'waiting'")
        .bind(order.village_id).bind(order.id).bind(method).fetch_optional(ex).await)?;
    Ok(offer.flatten())
}

/// The provider has made its offer; false when the payment was given up meanwhile, or has one already.
pub async fn offered(
    tx: &mut Tx,
    asked: &Asked,
    reference: &str,
    url: &str,
    until: Option<Timestamp>,
    check_at: Timestamp,
) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE payment SET state = 'waiting', provider_ref = $3, url = $4, offered_until = COALESCE($5, offered_until),
                check_at = $6, tries = 0, last_error = NULL
         WHERE village_id = $1 AND id = $2 AND state IN ('created', 'waiting') AND (provider_ref IS NULL OR provider_ref = $3)")
        .bind(asked.village_id).bind(asked.id).bind(reference).bind(url).bind(until).bind(check_at)
        .execute(ex).await.map(|done| done.rows_affected() == 1))?)
}

/// The provider was asked and no money has come yet.
pub async fn looked(
    tx: &mut Tx,
    asked: &Asked,
    (state, reference): (State, &str),
    check_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET state = $3, provider_ref = $4, check_at = $5, checked_at = $6, tries = 0, last_error = NULL
         WHERE village_id = $1 AND id = $2")
        .bind(asked.village_id).bind(asked.id).bind(state).bind(reference).bind(check_at).bind(at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// An open payment ends without money.
pub async fn end(tx: &mut Tx, asked: &Asked, state: State, why: Option<&str>, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET state = $3, check_at = NULL, checked_at = $4, last_error = $5
         WHERE village_id = $1 AND id = $2")
        .bind(asked.village_id).bind(asked.id).bind(state).bind(at).bind(why).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// What the provider says of money that has come.
pub struct Money<'a> {
    pub amount: Fen,
    pub reference: &'a str,
    pub intent: Option<&'a str>,
    pub wallet: Option<&'a str>,
    pub trouble: Option<&'a str>,
}

/// Notes the money of a payment that is about to be captured: the amount is what came.
pub async fn note_money(tx: &mut Tx, asked: &Asked, money: &Money<'_>, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET amount_fen = $3, provider_ref = $4, intent_ref = $5, wallet = $6,
                trouble = COALESCE($7, trouble), reference = COALESCE($5, $4), check_at = NULL, checked_at = $8, tries = 0,
                last_error = NULL
         WHERE village_id = $1 AND id = $2")
        .bind(asked.village_id).bind(asked.id).bind(money.amount).bind(money.reference).bind(money.intent)
        .bind(money.wallet).bind(money.trouble).bind(at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The provider could not be asked.
pub async fn put_off(tx: &mut Tx, asked: &Asked, why: &str, check_at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "UPDATE payment SET tries = tries + 1, last_error = $3, check_at = $4
         WHERE village_id = $1 AND id = $2 AND state IN ('created', 'sent', 'waiting', 'unknown')")
        .bind(asked.village_id).bind(asked.id).bind(why).bind(check_at).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Something that staff must look at.
pub async fn trouble(tx: &mut Tx, village: VillageId, id: Uuid, what: &str) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE payment SET trouble = $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(id).bind(what).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Open payments whose provider is to be asked by then, the longest due first.
pub async fn due(db: &Db, village: VillageId, until: Timestamp, limit: i64) -> Result<Vec<(Uuid, Method)>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, method FROM payment WHERE village_id = $1 AND check_at <= $2 ORDER BY check_at LIMIT $3")
        .bind(village).bind(until).bind(limit).fetch_all(ex).await)?)
}

/// A payment as staff see it.
#[derive(sqlx::FromRow)]
pub struct Listed {
    pub id: Uuid,
    pub number: String,
    pub method: Method,
    pub state: State,
    pub amount_fen: Fen,
    pub refunding_fen: Fen,
    pub wallet: Option<String>,
    pub reference: Option<String>,
    pub trouble: Option<String>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub paid_at: Option<Timestamp>,
    /// why it was reversed
    pub reversed: Option<String>,
}

/// Payments before a cursor, newest first; with `trouble`, those that somebody must look at.
pub async fn list(
    db: &Db,
    village: VillageId,
    trouble: bool,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Listed>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT payment.id, orders.number, payment.method, payment.state, payment.amount_fen, payment.refunding_fen,
                payment.wallet, payment.reference, payment.trouble, payment.last_error, payment.created_at, payment.paid_at,
                payment_reversal.reason AS reversed
         FROM payment JOIN orders ON orders.village_id = payment.village_id AND orders.id = payment.order_id
         LEFT JOIN payment_reversal ON payment_reversal.village_id = payment.village_id
           AND payment_reversal.payment_id = payment.id
         WHERE payment.village_id = $1 AND payment.id < $2
           AND ($3 = FALSE OR payment.trouble IS NOT NULL OR (payment.check_at IS NOT NULL AND payment.tries > 3))
         ORDER BY payment.id DESC LIMIT $4")
        .bind(village).bind(before).bind(trouble).bind(limit).fetch_all(ex).await)?)
}

/// Staff have looked into a payment's trouble; false when there was none.
pub async fn clear_trouble(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<bool> {
    Ok(on!(tx, ex => sqlx::query(
        "UPDATE payment SET trouble = NULL WHERE village_id = $1 AND id = $2 AND trouble IS NOT NULL")
        .bind(village).bind(id).execute(ex).await.map(|done| done.rows_affected() == 1))?)
}
