//! What staff see of payments: all of them, or those that somebody must look at.

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::State as PaymentState;
use super::store::provider::{self as store, Listed};
use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::{Result, conflict, not_found, text};
use crate::money::{Fen, Method};
use crate::transact;
use crate::villages::auth::By;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Serialize, ToSchema)]
pub struct PaymentRow {
    #[schema(value_type = String)]
    id: Uuid,
    /// the order's number
    order: String,
    method: Method,
    state: PaymentState,
    amount_fen: Fen,
    /// what refunds take of it, done or under way, or its reversal
    refunding_fen: Fen,
    /// how the buyer paid at the provider: alipay, wechat_pay, card
    wallet: Option<String>,
    reference: Option<String>,
    /// what staff must look at
    trouble: Option<String>,
    /// why its provider could not be asked last
    last_error: Option<String>,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
    /// why it was reversed: staff had confirmed it, and it never came
    reversed: Option<String>,
}

impl From<Listed> for PaymentRow {
    fn from(row: Listed) -> Self {
        PaymentRow {
            id: row.id,
            order: row.number,
            method: row.method,
            state: row.state,
            amount_fen: row.amount_fen,
            refunding_fen: row.refunding_fen,
            wallet: row.wallet,
            reference: row.reference,
            trouble: row.trouble,
            last_error: row.last_error,
            created_at: row.created_at,
            paid_at: row.paid_at,
            reversed: row.reversed,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentQuery {
    #[serde(default)]
    trouble: bool,
    limit: Option<i64>,
    after: Option<String>,
}

pub async fn payments(
    State(db): State<Db>,
    by: By,
    Query(query): Query<PaymentQuery>,
) -> Result<Json<Page<PaymentRow>>> {
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let rows = store::list(&db, by.staff.village, query.trouble, before, limit + 1).await?;
    let rows = rows.into_iter().map(PaymentRow::from).collect();
    Ok(Json(Page::cut(rows, limit, |row: &PaymentRow| {
        row.id.to_string()
    })))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TroubleSettled {
    /// what was found out and done
    reason: String,
}

#[derive(Serialize, ToSchema)]
pub struct Settled {
    settled: bool,
}

/// Staff have looked into a payment that had something wrong with it.
pub async fn settle_trouble(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<TroubleSettled>,
) -> Result<Json<Settled>> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    store::load(&db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    transact!(db, tx => {
        if !store::clear_trouble(tx, by.staff.village, id).await? {
            let detail = text("这笔款没有待查的问题。", "Nothing is wrong with this payment.");
            return Err(conflict("no-trouble", detail));
        }
        by.log(tx, "payment.settle_trouble", &id.to_string(), None, Some(json!({"reason": reason}))).await
    })?;
    Ok(Json(Settled { settled: true }))
}
