//! The late list over HTTP: staff ask the buyers of late orders, and read what they answered.

use std::time::Duration;

use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::calendar::store as calendar;
use crate::clock::Timestamp;
use crate::config::PublicUrl;
use crate::db::{Db, Tx};
use crate::error::{Result, text};
use crate::fulfillment::late::{LateOrder, Left, Offers, late_orders};
use crate::fulfillment::planning;
use crate::fulfillment::question::PlanRequest;
use crate::id::order_token;
use crate::money::{Fen, Method};
use crate::orders::late::{AfterOffer, Answer, CarrierOffer, Question, State as LateState};
use crate::orders::store::late::{self as store, LateCounts};
use crate::orders::store::read;
use crate::outbox;
use crate::transact;
use crate::villages::auth::By;
use crate::web::edge::Lang;
use crate::web::input::Check;
use crate::web::json::{Json, Query};
use crate::web::listing;

/// Orders that one request asks about.
const MAX_ORDERS: usize = 200;

/// How soon and how late a question may end.
const SHORTEST: Duration = Duration::from_secs(10 * 60);
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskLate {
    /// numbers of orders on the plan's late list
    pub orders: Vec<String>,
    /// until when buyers can answer
    pub answer_by: Timestamp,
    /// what is done when a buyer does not: `after` (when nothing is said) or `refund`
    #[serde(default = "after")]
    pub default: Answer,
    /// the shop bears what another carrier costs more
    #[serde(default)]
    pub shop_pays: bool,
    /// as the plan takes them
    #[serde(default)]
    pub as_of: Option<NaiveDate>,
    #[serde(default)]
    pub deadline: Option<NaiveDate>,
}

fn after() -> Answer {
    Answer::After
}

/// What became of one order of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskOutcome {
    Asked,
    /// its last question is still open
    AskedBefore,
    /// the plan sends it in time, or it is not in the plan
    NotLate,
    AlreadyPacked,
    /// there is no room after the festival within 60 days: add some, or let `refund` be the default
    NoDate,
}

#[derive(Serialize, ToSchema)]
pub struct AskedOrder {
    pub order: String,
    pub outcome: AskOutcome,
    /// the open question
    pub question: Option<LateQuestion>,
}

#[derive(Serialize, ToSchema)]
pub struct AskedView {
    pub results: Vec<AskedOrder>,
}

/// A question as staff see it.
#[derive(Serialize, ToSchema)]
pub struct LateQuestion {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub order: String,
    pub cases: i64,
    pub state: LateState,
    /// the plan's words
    pub reason: String,
    pub deadline: Option<NaiveDate>,
    pub carrier: Option<CarrierOffer>,
    pub after: Option<AfterOffer>,
    pub default: Answer,
    pub answer_by: Timestamp,
    pub answer: Option<Answer>,
    pub asked_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    /// the page with the three answers
    pub link: String,
    /// to be sent to the buyer, with the link in it
    pub message: String,
}

#[derive(Serialize, ToSchema)]
pub struct LateList {
    pub items: Vec<LateQuestion>,
    /// hand it in as `?after=` to get the next page; null at the end
    pub next: Option<String>,
    pub counts: LateCounts,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateQuery {
    pub state: Option<LateState>,
    pub limit: Option<i64>,
    pub after: Option<String>,
}

fn question_view(url: &PublicUrl, village: crate::id::VillageId, asked: store::Asked) -> LateQuestion {
    let question = asked.question;
    let link = format!("{}/o/{}", url.0, order_token(village, question.order_id));
    LateQuestion {
        message: message(&question, &asked.number, &link),
        link,
        id: question.id,
        order: asked.number,
        cases: asked.cases,
        state: question.state,
        deadline: question.deadline(),
        carrier: question.carrier_offer(),
        after: question.after_offer(),
        default: question.fallback,
        answer_by: question.answer_by,
        answer: question.answer,
        asked_at: question.asked_at,
        settled_at: question.settled_at,
        reason: question.reason,
    }
}

/// What staff send to the buyer, in both languages.
fn message(question: &Question, number: &str, link: &str) -> String {
    let (zh, en) = (Lang::Zh, Lang::En);
    let (by_zh, by_en) = match question.deadline() {
        Some(day) => (format!("{}前送到", zh.day(&day)), format!("by {}", en.day(&day))),
        None => ("按时送到".to_owned(), "in time".to_owned()),
    };
    let default = match question.fallback {
        Answer::Refund => ("退款", "we give the money back"),
        _ => ("节后再发", "we send it after the festival"),
    };
    let at = &question.answer_by;
    format!(
        "您好，订单 {number} 没法在{by_zh}。请在{}（北京时间）前打开链接，选一个办法：{link}\n到时没有选，我们就{}。\n\
         Order {number} can't arrive {by_en}. Please choose what to do before {} (Beijing time); else {}.",
        zh.moment(at),
        default.0,
        en.moment(at),
        default.1,
    )
}

fn check(input: &AskLate, now: Timestamp) -> Result<()> {
    let mut check = Check::new();
    let count = i64::try_from(input.orders.len()).unwrap_or(i64::MAX);
    check.number("orders", count, 1, MAX_ORDERS as i64);
    let in_time = (now.plus(SHORTEST)..=now.plus(LONGEST)).contains(&input.answer_by);
    let message = text(
        "要在十分钟以后、三十天以内。",
        "Takes an instant ten minutes to thirty days from now.",
    );
    check.require(in_time, "answer_by", message);
    let message = text(
        "只能是 after（节后再发）或 refund（退款）。",
        "Takes after or refund.",
    );
    check.require(input.default != Answer::Carrier, "default", message);
    check.finish()
}

/// Asks the buyers of late orders: each order gets one question with three answers.
pub async fn ask(
    State(db): State<Db>,
    State(url): State<PublicUrl>,
    by: By,
    Json(input): Json<AskLate>,
) -> Result<Json<AskedView>> {
    check(&input, by.at)?;
    let village = by.staff.village;
    let request = PlanRequest {
        as_of: input.as_of,
        deadline: input.deadline,
        ..PlanRequest::default()
    };
    let question = request.check(by.at.day())?;
    let ground = planning::read(&db, village, question.as_of).await?;
    let (ground, draft) = planning::compute(ground, &question).await?;
    let rooms = calendar::kept(&db, village, by.at).await?;
    let late = late_orders(&draft);
    let mut left = Left::of(&ground, &draft, &question);
    let mut results: Vec<AskedOrder> = Vec::with_capacity(input.orders.len());
    for number in &input.orders {
        let (outcome, asked) = match late.iter().find(|order| order.number == *number) {
            None => (AskOutcome::NotLate, None),
            Some(order) => {
                let offers = rooms.as_ref().map(|rooms| left.offers(order, rooms));
                let new = new_question(&by, &input, order, offers.unwrap_or_default());
                let outcome = transact!(db, tx => ask_one(tx, &by, order, new.clone()).await)?;
                let latest = store::latest(&db, village, order.id).await?;
                let open = latest.filter(|question| question.state == LateState::Asked);
                let asked = open.map(|question| store::Asked {
                    question,
                    number: number.clone(),
                    cases: order.cases,
                });
                (outcome, asked)
            }
        };
        results.push(AskedOrder {
            order: number.chars().take(20).collect(),
            outcome,
            question: asked.map(|asked| question_view(&url, village, asked)),
        });
    }
    Ok(Json(AskedView { results }))
}

fn new_question(by: &By, input: &AskLate, order: &LateOrder, offers: Offers) -> Question {
    let text = |day: NaiveDate| day.to_string();
    let carrier = offers.carrier;
    Question {
        id: by.new_id(),
        order_id: order.id,
        state: LateState::Asked,
        reason: order.reason.clone(),
        deadline: order.deadline.map(text),
        carrier_name: carrier.as_ref().map(|it| it.name.clone()),
        carrier_arrives: carrier.as_ref().map(|it| text(it.arrives_by)),
        carrier_fen: carrier
            .as_ref()
            .map(|it| if input.shop_pays { Fen::ZERO } else { it.extra_fen }),
        carrier: carrier.map(|it| it.carrier),
        after_leaves: offers.after.map(|it| text(it.leaves_from)),
        after_arrives: offers.after.map(|it| text(it.arrives_by)),
        after_carrier: offers.after_carrier,
        fallback: input.default,
        answer_by: input.answer_by,
        answer: None,
        asked_at: by.at,
        asked_by: by.staff.id,
        settled_at: None,
    }
}

async fn ask_one(tx: &mut Tx, by: &By, late: &LateOrder, mut new: Question) -> Result<AskOutcome> {
    let village = by.staff.village;
    let Some(order) = read::lock(tx, village, late.id).await? else {
        return Ok(AskOutcome::NotLate);
    };
    if order.packed > 0 {
        return Ok(AskOutcome::AlreadyPacked);
    }
    if order.cancelled == order.ordered {
        return Ok(AskOutcome::NotLate);
    }
    if new.fallback == Answer::After && new.after_leaves.is_none() {
        return Ok(AskOutcome::NoDate);
    }
    // a platform's order is paid there, and nothing more can be asked for here; nor of one whose money went back in part,
    // nor for what is sent once more
    if order.is_resend() || order.method == Method::Platform || order.refunded_fen > Fen::ZERO {
        new.carrier_fen = new.carrier_fen.map(|_| Fen::ZERO);
    }
    if !store::ask(tx, village, &new).await? {
        return Ok(AskOutcome::AskedBefore);
    }
    let told = json!({"number": order.number, "token": order.token(), "answer_by": new.answer_by});
    outbox::tell(tx, &by.ids, village, by.at, "order.late_asked", || {
        vec![told.to_string()]
    })
    .await?;
    let after = json!({"answer_by": new.answer_by, "default": new.fallback, "carrier": new.carrier,
                       "carrier_fen": new.carrier_fen, "after_arrives": new.after_arrives});
    by.log(tx, "late.ask", &order.number, None, Some(after)).await?;
    Ok(AskOutcome::Asked)
}

/// The orders that the plan of today can't send in time and that nobody is asked about at present.
///
/// # Errors
/// Those of the plan.
pub async fn to_ask(db: &Db, by: &By) -> Result<Vec<LateOrder>> {
    let village = by.staff.village;
    let question = PlanRequest::default().check(by.at.day())?;
    let ground = planning::read(db, village, question.as_of).await?;
    let (_, draft) = planning::compute(ground, &question).await?;
    let open = store::open(db, village).await?;
    let mut late = late_orders(&draft);
    late.retain(|order| !open.contains(&order.id));
    Ok(late)
}

/// What was asked and answered, the newest first.
pub async fn list(
    State(db): State<Db>,
    State(url): State<PublicUrl>,
    by: By,
    Query(query): Query<LateQuery>,
) -> Result<Json<LateList>> {
    let village = by.staff.village;
    let limit = listing::limit(query.limit)?;
    let before = listing::before(query.after.as_deref())?;
    let rows = store::list(&db, village, query.state, before, limit + 1).await?;
    let rows = rows.into_iter().map(|row| question_view(&url, village, row));
    let page = listing::Page::cut(rows.collect(), limit, |row: &LateQuestion| row.id.to_string());
    Ok(Json(LateList {
        items: page.items,
        next: page.next,
        counts: store::counts(&db, village).await?,
    }))
}
