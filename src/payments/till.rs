//! What a buyer does with an order: pay it, or give it up. The operations behind the JSON calls and the order page.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use serde::Serialize;
use utoipa::ToSchema;

use super::provider::Providers;
use super::reconcile::Reconciler;
use super::refund::{self, Why};
use super::wechat::Scene;
use super::wechat::sign::Bridge;
use super::{Cause, by_provider, checkout, practice, store, transfer};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, PublicUrl};
use crate::db::{Db, Tx};
use crate::error::{Error, Result, conflict, invalid, not_found, text};
use crate::id::{Ids, parse_order_token};
use crate::money::{Fen, Method};
use crate::orders::store::{ending, read};
use crate::orders::view::{self, OrderView};
use crate::orders::{Order, Status};
use crate::transact;
use crate::web::edge::Lang;

/// Where buyers pay.
pub struct Till {
    pub db: Db,
    pub config: Arc<Config>,
    pub clock: Clock,
    pub ids: Ids,
    pub public_url: PublicUrl,
    pub providers: Providers,
}

impl<S> FromRequestParts<S> for Till
where
    S: Send + Sync,
    Db: FromRef<S>,
    Arc<Config>: FromRef<S>,
    Clock: FromRef<S>,
    Ids: FromRef<S>,
    PublicUrl: FromRef<S>,
    Providers: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Till {
            db: Db::from_ref(state),
            config: FromRef::from_ref(state),
            clock: Clock::from_ref(state),
            ids: Ids::from_ref(state),
            public_url: PublicUrl::from_ref(state),
            providers: Providers::from_ref(state),
        })
    }
}

/// What the buyer does next.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NextStep {
    Redirect {
        url: String,
        expires_at: Option<Timestamp>,
    },
    Qr {
        /// the text of a code for the buyer to scan
        qr: String,
        expires_at: Option<Timestamp>,
    },
    /// only for who asks for it, by `openid`
    Bridge {
        /// what the page inside WeChat hands to `WeixinJSBridge` as `getBrandWCPayRequest`, or a mini-program to
        /// `wx.requestPayment`
        bridge: Bridge,
        expires_at: Option<Timestamp>,
    },
    Instructions {
        text: String,
        expires_at: Option<Timestamp>,
    },
}

impl Till {
    /// Opens a payment for an order, or gives the one that is open.
    ///
    /// # Errors
    /// 404 for a token of no order; 422 for a way of paying that the shop does not take; 409 when there is nothing to
    /// pay any more; what a provider on the network adds to that is in `checkout.rs`.
    pub async fn open(&self, token: &str, method: Method, scene: Scene<'_>, lang: Lang) -> Result<NextStep> {
        let (village, id) = parse_order_token(token).ok_or_else(not_found)?;
        if !self.config.payments.contains(&method) {
            let zh = "本店不支持这种付款方式。";
            return Err(invalid(
                "method",
                text(zh, "The shop does not take this way of paying."),
            ));
        }
        if by_provider(method) {
            return checkout::open(self, village, id, (method, scene)).await;
        }
        let now = self.clock.now();
        let payment_id = self.ids.uuid(now);
        let (order, payment) = transact!(self.db, tx => {
            let order = read::lock(tx, village, id).await?.ok_or_else(not_found)?;
            check_payable(&order, now)?;
            let due = Fen(order.total_fen.0 - order.captured_fen.0);
            let payment = store::open(tx, village, payment_id, id, method, due, now).await?;
            Ok((order, payment))
        })?;
        let expires_at = order.pay_before();
        Ok(match method {
            Method::Practice => NextStep::Redirect {
                url: format!("{}{}", self.public_url.0, practice::path(&payment)),
                expires_at,
            },
            Method::Cod => NextStep::Instructions {
                text: lang
                    .say(
                        "货到付款：收货时把货款交给快递员。",
                        "Cash on delivery: pay the courier who brings it.",
                    )
                    .to_owned(),
                expires_at,
            },
            _ => {
                let account = store::account(&self.db, village).await?;
                let told = transfer::instructions(&account, &order.number, payment.amount_fen);
                NextStep::Instructions {
                    text: lang.pick(&told).to_owned(),
                    expires_at,
                }
            }
        })
    }

    pub fn reconciler(&self) -> Reconciler {
        Reconciler {
            db: self.db.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            providers: self.providers.clone(),
        }
    }

    /// The buyer's cancel: unpaid, the stock is free at once; paid and unpacked, the money starts on its way back.
    ///
    /// # Errors
    /// 404 for a token of no order; 409 once packing has begun.
    pub async fn cancel(&self, token: &str) -> Result<OrderView> {
        let (village, id) = parse_order_token(token).ok_or_else(not_found)?;
        let now = self.clock.now();
        transact!(self.db, tx => {
            let order = read::lock(tx, village, id).await?.ok_or_else(not_found)?;
            cancel_order(tx, &self.ids, &order, Why::rule(Cause::Cancelled, "买家取消订单"), now).await
        })?;
        view::load(&self.db, village, id, now).await
    }
}

pub fn check_payable(order: &Order, now: Timestamp) -> Result<()> {
    let lapsed = order.pay_before().is_some_and(|end| end <= now);
    match order.status() {
        Status::Expired => Err(expired()),
        _ if lapsed => Err(expired()),
        Status::Cancelled | Status::Refunded => Err(conflict(
            "cancelled",
            text(
                "订单已经取消，请重新下单。",
                "The order was cancelled; please order again.",
            ),
        )),
        _ if order.captured_fen >= order.total_fen => Err(conflict(
            "already-paid",
            text("订单已经付过款了。", "The order has been paid already."),
        )),
        _ => Ok(()),
    }
}

fn expired() -> Error {
    conflict(
        "expired",
        text(
            "付款时间已过，请重新下单。",
            "The time to pay is over; please order again.",
        ),
    )
}

/// Cancels an order that nobody has packed; one that has ended stays as it is.
pub async fn cancel_order(tx: &mut Tx, ids: &Ids, order: &Order, why: Why<'_>, now: Timestamp) -> Result<()> {
    if order.cancelled == order.ordered {
        return Ok(());
    }
    if ending::cancel(tx, order.village_id, order.id, now)
        .await?
        .is_none()
    {
        let detail = text(
            "已经开始打包，不能取消了；请联系店家。",
            "Packing has begun, it can't be cancelled; please contact the shop.",
        );
        return Err(conflict("already-packed", detail));
    }
    refund::start_rest(tx, ids, order, why, now).await
}
