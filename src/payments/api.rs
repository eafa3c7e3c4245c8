//! Paying, cancelling and refunding over HTTP.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::refund::{self, Why};
use super::store::{self, ByHand, Listed};
use super::till::{NextStep, Till, cancel_order};
use super::wechat::{self, Scene};
use super::{Cause, RefundEvent, RefundState};
use crate::clock::Timestamp;
use crate::db::Db;
use crate::error::{Result, conflict, invalid, not_found, text};
use crate::money::{Fen, Method};
use crate::orders::late::Answer;
use crate::orders::store::read;
use crate::orders::view::{self, OrderView, by_number};
use crate::orders::{Hold, Order};
use crate::transact;
use crate::villages::auth::By;
use crate::web::edge::Lang;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing::{self, Page};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPayment {
    method: Method,
    /// with `wechat`: how the buyer pays there; by a code to scan when nothing else is said
    scene: Option<WechatScene>,
    /// with `wechat`: the buyer's id in the merchant's service account, for a page inside WeChat
    openid: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WechatScene {
    /// a code to scan with another screen's camera
    Native,
    /// WeChat's page, in a phone's browser and not inside WeChat
    H5,
    /// inside WeChat, by `openid`
    Jsapi,
}

impl OpenPayment {
    fn scene<'a>(&'a self, headers: &'a HeaderMap, has_page: bool) -> Result<Scene<'a>> {
        if self.method != Method::Wechat && (self.scene.is_some() || self.openid.is_some()) {
            let message = text("只有微信支付才需要这一项。", "Only WeChat Pay takes this.");
            return Err(invalid(
                if self.scene.is_some() { "scene" } else { "openid" },
                message,
            ));
        }
        match (self.scene, &self.openid) {
            (None | Some(WechatScene::Jsapi), Some(openid)) => {
                let fits =
                    (1..=128).contains(&openid.len()) && openid.bytes().all(|it| it.is_ascii_graphic());
                let message = text("openid 不对。", "This is not an openid.");
                fits.then_some(Scene::Jsapi { openid })
                    .ok_or_else(|| invalid("openid", message))
            }
            (Some(WechatScene::Jsapi), None) => {
                let message = text(
                    "在微信里付款需要 openid。",
                    "Paying inside WeChat takes an openid.",
                );
                Err(invalid("openid", message))
            }
            (Some(WechatScene::H5), None) if has_page => {
                let message = text(
                    "看不到付款人的 IP：请让反向代理设置 X-Forwarded-For。",
                    "The buyer's address is not known: let the proxy set X-Forwarded-For.",
                );
                let ip = wechat::sender(headers).ok_or_else(|| invalid("scene", message))?;
                Ok(Scene::H5 { ip })
            }
            (Some(WechatScene::H5), None) => {
                let message = text(
                    "本店没有开通微信 H5 支付。",
                    "The shop has no WeChat page for phones (WECHAT_H5).",
                );
                Err(invalid("scene", message))
            }
            (Some(WechatScene::Native | WechatScene::H5), Some(_)) => {
                let message = text(
                    "openid 只用于在微信里付款。",
                    "An openid is for paying inside WeChat only.",
                );
                Err(invalid("openid", message))
            }
            (None | Some(WechatScene::Native), None) => Ok(Scene::Native),
        }
    }
}

/// Opens a payment for an order, or gives the one that is open.
pub async fn open(
    till: Till,
    lang: Lang,
    headers: HeaderMap,
    Path(token): Path<String>,
    Json(input): Json<OpenPayment>,
) -> Result<Json<NextStep>> {
    let scene = input.scene(&headers, till.providers.has_wechat_page())?;
    till.open(&token, input.method, scene, lang).await.map(Json)
}

/// The buyer's cancel: unpaid, the stock is free at once; paid and unpacked, the money starts on its way back.
pub async fn cancel(till: Till, Path(token): Path<String>) -> Result<Json<OrderView>> {
    till.cancel(&token).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerLate {
    answer: Answer,
}

/// The buyer of a late order says what to do.
pub async fn answer_late(
    till: Till,
    Path(token): Path<String>,
    Json(input): Json<AnswerLate>,
) -> Result<Json<OrderView>> {
    till.answer_late(&token, input.answer).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRefund {
    amount_fen: Fen,
    reason: String,
}

/// Staff give money back; the order itself stays as it is.
pub async fn start_refund(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<StartRefund>,
) -> Result<Response> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.number("amount_fen", input.amount_fen.0, 1, crate::money::MAX_FEN);
    check.finish()?;
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        check_refundable(&order)?;
        let why = Why::of_staff(Cause::Staff, &reason, by.staff.id);
        refund::start(tx, &by.ids, &order, input.amount_fen, why, by.at).await?;
        let after = json!({"amount_fen": input.amount_fen, "reason": reason});
        by.log(tx, "refund.start", &number, None, Some(after)).await
    })?;
    let order = view::load(&db, order.village_id, order.id, by.at).await?;
    Ok((StatusCode::CREATED, Json(order)).into_response())
}

/// A part payment counts towards its order's price: were it given back, the rest would buy the whole.
fn check_refundable(order: &Order) -> Result<()> {
    if order.hold == Hold::Active && order.captured_fen > Fen::ZERO {
        let detail = text(
            "订单还没付清，不能单独退这部分；请取消订单，付过的会全部退回。",
            "The order is not paid in full, so a part of it can't go back alone; cancel the order, and all of it does.",
        );
        return Err(conflict("part-paid", detail));
    }
    Ok(())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelByStaff {
    reason: String,
}

/// Staff cancel for a buyer.
pub async fn cancel_by_staff(
    State(db): State<Db>,
    by: By,
    Path(number): Path<String>,
    Json(input): Json<CancelByStaff>,
) -> Result<Json<OrderView>> {
    let mut check = Check::new();
    let reason = check.line("reason", &input.reason, 2, 200);
    check.finish()?;
    let order = by_number(&db, &by, &number).await?;
    transact!(db, tx => {
        let order = read::lock(tx, order.village_id, order.id).await?.ok_or_else(not_found)?;
        let why = Why::of_staff(Cause::Cancelled, &reason, by.staff.id);
        cancel_order(tx, &by.ids, &order, why, by.at).await?;
        let before = json!({"status": order.status()});
        by.log(tx, "order.cancel", &number, Some(before), Some(json!({"reason": reason}))).await
    })?;
    view::load(&db, order.village_id, order.id, by.at).await.map(Json)
}

#[derive(Serialize, ToSchema)]
pub struct RefundRow {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// the order's number
    pub order: String,
    /// how the money came that goes back
    pub method: Method,
    pub amount_fen: Fen,
    pub state: RefundState,
    pub cause: Cause,
    pub reason: String,
    pub reference: Option<String>,
    /// what the provider said when it did not work, or why it is left to a person
    pub failure: Option<String>,
    /// of one by hand: what shows that the money went
    pub proof: Option<String>,
    pub created_at: Timestamp,
    pub done_at: Option<Timestamp>,
}

impl From<Listed> for RefundRow {
    fn from(row: Listed) -> Self {
        let refund = row.refund;
        RefundRow {
            id: refund.id,
            order: row.number,
            method: row.method,
            amount_fen: refund.amount_fen,
            state: refund.state,
            cause: refund.cause,
            reason: refund.reason,
            reference: refund.reference,
            failure: refund.failure,
            proof: refund.proof,
            created_at: refund.created_at,
            done_at: refund.done_at,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundQuery {
    #[serde(default)]
    pub open: bool,
    pub limit: Option<i64>,
    pub after: Option<String>,
}

pub async fn refunds(
    State(db): State<Db>,
    by: By,
    Query(query): Query<RefundQuery>,
) -> Result<Json<Page<RefundRow>>> {
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let rows = store::refunds(&db, by.staff.village, query.open, before, limit + 1).await?;
    let rows = rows.into_iter().map(RefundRow::from).collect();
    Ok(Json(Page::cut(rows, limit, |row: &RefundRow| row.id.to_string())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundDone {
    /// the bank's serial or receipt number
    reference: String,
    /// what shows that the money went: who received it how, where the slip is kept
    proof: Option<String>,
}

/// A person has sent the money back by hand.
pub async fn refund_done(
    State(db): State<Db>,
    by: By,
    Path(id): Path<String>,
    Json(input): Json<RefundDone>,
) -> Result<Json<RefundRow>> {
    let mut check = Check::new();
    let reference = check.line("reference", &input.reference, 1, 80);
    let proof = input
        .proof
        .as_ref()
        .map(|proof| check.line("proof", proof, 2, 200));
    check.finish()?;
    let id = Uuid::try_parse(&id).map_err(|_| not_found())?;
    let refund = store::refund(&db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    if refund.state.next(RefundEvent::Succeed) != Some(RefundState::Done)
        || refund.state != RefundState::ByHand
    {
        return Err(conflict(
            "not-by-hand",
            text(
                "这笔退款不需要手工处理。",
                "This refund is not one to do by hand.",
            ),
        ));
    }
    transact!(db, tx => {
        let how = ByHand { reference: &reference, proof: proof.as_deref(), staff: by.staff.id };
        if !store::finish_by_hand(tx, by.staff.village, &refund, &how, by.at).await? {
            return Err(conflict("not-by-hand", text("这笔退款已经处理过了。", "This refund has been dealt with.")));
        }
        let after = json!({"reference": reference, "proof": proof, "amount_fen": refund.amount_fen});
        by.log(tx, "refund.done", &id.to_string(), None, Some(after)).await
    })?;
    let done = store::listed(&db, by.staff.village, id)
        .await?
        .ok_or_else(not_found)?;
    Ok(Json(done.into()))
}
