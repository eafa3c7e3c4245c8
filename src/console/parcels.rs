//! Acts on parcels of a batch that need a word more: holding, moving, and handing the batch to the carrier.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::act::Act;
use super::batches::{ASK, DO, ended, is_done, path, read, refusal, undo};
use super::desk::{Desk, Place};
use crate::error::{Result, text};
use crate::fulfillment::api::batches::{self as api, BatchDetails};
use crate::fulfillment::batches::{BatchAct, Outcome};
use crate::web::form::{Field, Form, Kind, Posted, mendable};
use crate::web::json::{Json, Query, parse};

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    parcel: String,
}

fn act(desk: &Desk, id: &str, title: &str, form: Form) -> Act {
    Act::new(
        Place::Sending,
        title,
        (&path(id, ""), desk.t("批次", "Batch")),
        form,
    )
}

fn hold_act(desk: &Desk, id: &str, parcel: &str) -> Act {
    let form = Form::new(desk.lang, path(id, "/hold"), desk.t("留置", "Hold"))
        .with(
            Field::new(Kind::Text, "parcel", desk.t("包裹", "Parcel"))
                .value(parcel)
                .max(20),
        )
        .with(
            Field::new(Kind::Text, "reason", desk.t("原因", "Reason"))
                .hint(desk.t("例如：等买家回话。", "For example: the buyer will call back."))
                .offers(
                    [
                        ("等买家回话", "waiting for the buyer"),
                        ("箱子破损", "a broken case"),
                        ("地址待确认", "address to confirm"),
                    ]
                    .map(|(zh, en)| desk.t(zh, en).to_owned()),
                ),
        );
    act(desk, id, desk.t("留置包裹", "Hold a parcel"), form).lead(desk.t(
        "留置的包裹不会打包，也不会交给快递。",
        "A held parcel is not packed and not handed over.",
    ))
}

pub async fn hold_form(desk: Desk, Path(id): Path<String>, Query(wanted): Query<Wanted>) -> Result<Response> {
    read(&desk, &id).await?;
    let parcel: String = wanted.parcel.chars().take(20).collect();
    hold_act(&desk, &id, &parcel).show(&desk).await
}

pub async fn hold(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    read(&desk, &id).await?;
    let mut act = hold_act(&desk, &id, "");
    act.form = act.form.typed(&posted);
    let done = match act.form.value() {
        Ok(typed) => {
            let body = json!({"parcels": [typed["parcel"]], "reason": typed["reason"]});
            let (db, by) = (State(desk.db.clone()), desk.by.clone());
            api::hold(
                db,
                by,
                Path(id.clone()),
                DO,
                Json(parse(body.to_string().as_bytes())?),
            )
            .await
        }
        Err(error) => Err(error),
    };
    match done {
        Err(error) => act.again(&desk, error).await,
        done => ended(&desk, &id, done, text("已留置。", "It is held."), None),
    }
}

async fn split_act(desk: &Desk, id: &str, parcel: &str) -> Result<Act> {
    let BatchDetails { batch, .. } = read(desk, id).await?;
    let Json(carriers) = crate::calendar::api::carriers(State(desk.db.clone()), desk.by.clone()).await?;
    let named = carriers
        .items
        .into_iter()
        .map(|it| (it.carrier.clone(), it.name.unwrap_or(it.carrier)));
    let form = Form::new(desk.lang, path(id, "/split"), desk.t("移走", "Move them"))
        .with(
            Field::new(Kind::Area, "parcels", desk.t("哪些包裹", "Which parcels"))
                .hint(desk.t(
                    "包裹号，用空格或换行分开。",
                    "Codes, with blanks or lines between them.",
                ))
                .value(parcel)
                .max(4_000),
        )
        .with(Field::new(Kind::Day, "ship_on", desk.t("改到哪天发", "New day")).value(&batch.ship_on))
        .with(
            Field::new(Kind::Pick, "carrier", desk.t("交给谁", "With whom"))
                .options(named)
                .value(&batch.carrier),
        );
    let title = desk.t("移到别的日子或快递", "Move to another day or carrier");
    Ok(act(desk, id, title, form).lead(desk.t(
        "会做成一个新的、已下发的批次；打好的包裹不用重打。",
        "They make a new batch that is released; what is packed stays packed.",
    )))
}

pub async fn split_form(
    desk: Desk,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response> {
    let parcel: String = wanted.parcel.chars().take(20).collect();
    split_act(&desk, &id, &parcel).await?.show(&desk).await
}

pub async fn split(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let mut act = split_act(&desk, &id, "").await?;
    act.form = act.form.typed(&posted);
    let moved = match act.form.value() {
        Ok(typed) => move_them(&desk, &id, &typed).await,
        Err(error) => Err(error),
    };
    let moved = match moved {
        Ok(moved) => moved,
        Err(error) => return act.again(&desk, error).await,
    };
    if let Some(wrong) = moved.results.iter().find(|it| !is_done(it.outcome)) {
        act.form.notice = Some(desk.lang.pick(&refusal(wrong)).to_owned());
        return act.show(&desk).await;
    }
    let number = moved.rest.clone().unwrap_or_default();
    let said = text(
        format!("已移到批次 {number}。"),
        format!("Moved to batch {number}."),
    );
    ended(&desk, &id, Ok(Json(moved)), said, None)
}

/// All of the parcels move, or none: what does not fit is told by a preview first.
async fn move_them(desk: &Desk, id: &str, typed: &Value) -> Result<BatchAct> {
    let parcels: Vec<&str> = typed["parcels"]
        .as_str()
        .unwrap_or_default()
        .split(|c: char| c.is_whitespace() || [',', '，', '、'].contains(&c))
        .filter(|code| !code.is_empty())
        .collect();
    let body =
        json!({"parcels": parcels, "ship_on": typed["ship_on"], "carrier": typed["carrier"]}).to_string();
    let (db, by, batch) = (State(desk.db.clone()), desk.by.clone(), id.to_owned());
    let Json(asked) = api::split(
        db.clone(),
        by.clone(),
        Path(batch.clone()),
        ASK,
        Json(parse(body.as_bytes())?),
    )
    .await?;
    if asked.results.iter().any(|it| !is_done(it.outcome)) {
        return Ok(asked);
    }
    let Json(done) = api::split(db, by, Path(batch), DO, Json(parse(body.as_bytes())?)).await?;
    Ok(done)
}

/// What a hand-over would take along and leave behind, before it is done.
pub async fn hand_over_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let BatchDetails { batch, .. } = read(&desk, &id).await?;
    let (db, by) = (State(desk.db.clone()), desk.by.clone());
    let asked = api::hand_over(db, by, Path(id.clone()), ASK).await;
    let form = Form::new(
        desk.lang,
        path(&id, "/hand-over"),
        desk.t("已交给快递", "The carrier has it"),
    )
    .grave();
    let title = desk.t("交接", "Hand over");
    let mut act = act(&desk, &id, title, form)
        .fact(desk.t("批次", "Batch"), batch.number.clone())
        .fact(
            desk.t("没有运单号", "Without a waybill"),
            (batch.parcel_count - batch.with_waybill).to_string(),
        );
    match asked {
        Ok(Json(asked)) => {
            let count = |outcome| {
                asked
                    .results
                    .iter()
                    .filter(|it| it.outcome == outcome)
                    .count()
                    .to_string()
            };
            act = act
                .fact(desk.t("交给快递", "Goes along"), count(Outcome::Done))
                .fact(desk.t("没打包，退回待排", "Not packed, back to the backlog"), count(Outcome::LeftBehind))
                .fact(desk.t("留置，留下", "Held, stays here"), count(Outcome::Held))
                .lead(desk.t(
                    "库存马上减少，买家看到已发货。快递还没扫描前，当天可以撤销。",
                    "Stock goes down and buyers see it as sent. It can be undone today, until the carrier has scanned one.",
                ));
        }
        Err(error) => act.form.notice = Some(desk.lang.pick(&mendable(error)?.detail).to_owned()),
    }
    act.show(&desk).await
}

pub async fn hand_over(desk: Desk, Path(id): Path<String>, _: Posted) -> Result<Response> {
    let done = api::hand_over(State(desk.db.clone()), desk.by.clone(), Path(id.clone()), DO).await;
    let said = text("已交给快递。", "The carrier has it.");
    ended(&desk, &id, done, said, undo(&id, "/take-back"))
}
