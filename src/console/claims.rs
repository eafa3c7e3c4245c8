//! What buyers claim: the list with the late ones first, a claim with its photos, and the answer to it. And the pictures
//! on a product's page, which come the same way.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;

use super::desk::{Desk, Place, Shell};
use super::words::Badge;
use crate::catalog::pictures::{self, Arrangement};
use crate::claims::api::{self, ClaimDetails, ClaimItem, ListQuery};
use crate::error::{Result, text};
use crate::money::Fen;
use crate::orders::claims::{Decision, State as ClaimState};
use crate::photos::Darkroom;
use crate::villages::Role;
use crate::web::edge::Lang;
use crate::web::form::{Field, Form, Kind as FieldKind, Posted, Upload, mendable};
use crate::web::json::{Json, Query};

const ROWS: i64 = 100;

/// What a claim is, to staff.
fn badge(lang: Lang, state: ClaimState) -> Badge {
    match state {
        ClaimState::Open => (lang.say("待处理", "To answer"), "wait"),
        ClaimState::Returning => (lang.say("等寄回", "Waits for goods"), "go"),
        ClaimState::GoodsBack => (lang.say("货已退回", "Goods are back"), "wait"),
        ClaimState::Refunding => (lang.say("退款中", "Refunding"), "go"),
        ClaimState::Resending => (lang.say("补发中", "Sending again"), "go"),
        ClaimState::Done => (lang.say("已办完", "Done"), "done"),
        ClaimState::Declined => (lang.say("已拒绝", "Declined"), "off"),
        ClaimState::Withdrawn => (lang.say("买家撤回", "Withdrawn"), "off"),
    }
}

#[derive(Template)]
#[template(path = "console/claims.html")]
struct ClaimsPage {
    shell: Shell,
    items: Vec<ClaimItem>,
    next: Option<String>,
    all: bool,
}

impl ClaimsPage {
    fn badge(&self, item: &ClaimItem) -> Badge {
        badge(self.shell.lang, item.state)
    }

    fn kind(&self, item: &ClaimItem) -> &'static str {
        item.kind.words(&self.shell.lang)
    }
}

#[derive(serde::Deserialize)]
pub struct Asked {
    all: Option<String>,
    after: Option<String>,
}

/// Those with something left to do, the first due first; or all.
pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let all = asked.all.is_some();
    let query = ListQuery {
        open: !all,
        limit: Some(ROWS),
        after: asked.after,
        ..ListQuery::default()
    };
    let Json(page) = api::list(State(desk.db.clone()), desk.by.clone(), Query(query)).await?;
    desk.show(&ClaimsPage {
        shell: desk.shell(Place::Orders).await?,
        items: page.items,
        next: page.next,
        all,
    })
}

#[derive(Template)]
#[template(path = "console/claim.html")]
struct ClaimPage {
    shell: Shell,
    details: ClaimDetails,
    /// the answer, for who may give one and while it is due
    form: Option<Form>,
}

impl ClaimPage {
    fn badge(&self) -> Badge {
        badge(self.shell.lang, self.details.claim.state)
    }

    fn kind(&self) -> &'static str {
        self.details.claim.kind.words(&self.shell.lang)
    }

    fn may_take_goods(&self) -> bool {
        self.shell.may(&[Role::Manager, Role::Packer]) && self.details.claim.state == ClaimState::Returning
    }

    fn may_undo(&self) -> bool {
        let back = [ClaimState::Returning, ClaimState::Declined, ClaimState::Resending];
        self.shell.may(&[Role::Manager, Role::Accountant]) && back.contains(&self.details.claim.state)
    }

    fn decision(&self, decision: &Decision) -> &'static str {
        match decision {
            Decision::Refund => self.shell.t("退款", "Refund"),
            Decision::Resend => self.shell.t("补发", "Send once more"),
            Decision::Decline => self.shell.t("不同意", "Decline"),
        }
    }
}

/// The form of an answer.
fn answer_form(desk: &Desk, details: &ClaimDetails) -> Form {
    let left = Fen(details.captured_fen.0 - details.refunded_fen.0);
    let mut choices = vec![
        ("refund", desk.t("退一部分钱", "Refund")),
        ("resend", desk.t("补发这几箱", "Send once more")),
        ("decline", desk.t("不同意", "Decline")),
    ];
    if details.claim.state == ClaimState::Open {
        choices.push(("return_first", desk.t("先寄回来", "Goods first")));
    }
    let action = format!("/console/claims/{}/decide", details.claim.id);
    Form::new(desk.lang, action, desk.t("答复买家", "Answer"))
        .with(
            Field::new(FieldKind::Choice, "decision", desk.t("怎么处理", "What to do"))
                .options(choices)
                .value("refund"),
        )
        .with(
            Field::new(
                FieldKind::Yuan,
                "amount_fen",
                desk.t("退多少", "How much goes back"),
            )
            .hint(format!(
                "{} ¥{left}",
                desk.t("只有退款才填；最多", "For a refund only; at most")
            ))
            .optional(),
        )
        .with(
            Field::new(
                FieldKind::Text,
                "words",
                desk.t("对买家说", "What the buyer is told"),
            )
            .hint(desk.t(
                "买家会看到。先寄回来的，请写寄到哪里。",
                "The buyer reads it. When goods come first: where to send them.",
            ))
            .max(200),
        )
}

async fn details(desk: &Desk, claim: &str) -> Result<ClaimDetails> {
    let Json(details) = api::details(State(desk.db.clone()), desk.by.clone(), Path(claim.to_owned())).await?;
    Ok(details)
}

pub async fn page(desk: Desk, Path(claim): Path<String>) -> Result<Response> {
    let details = details(&desk, &claim).await?;
    let may = desk.is(&[Role::Manager, Role::Accountant]) && details.claim.state.is_undecided();
    let form = may.then(|| answer_form(&desk, &details));
    let shell = desk.shell(Place::Orders).await?;
    desk.show(&ClaimPage { shell, details, form })
}

pub async fn decide(desk: Desk, Path(claim): Path<String>, posted: Posted) -> Result<Response> {
    let seen = details(&desk, &claim).await?;
    let form = answer_form(&desk, &seen).typed(&posted);
    let done = match form.read() {
        Ok(input) => {
            let path = Path(claim.clone());
            api::decide(State(desk.db.clone()), desk.by.clone(), path, Json(input)).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => {
            let said = text(
                "已答复，买家在订单页面能看到。",
                "Answered; the buyer sees it on the order's page.",
            );
            desk.done(&format!("/console/claims/{claim}"), &said)
        }
        Err(error) => {
            let form = form.wrong(error)?;
            let shell = desk.shell(Place::Orders).await?;
            let status = form.status;
            let page = ClaimPage {
                shell,
                details: seen,
                form: Some(form),
            };
            desk.show_as(status, &page)
        }
    }
}

pub async fn goods_back(desk: Desk, Path(claim): Path<String>, _: Posted) -> Result<Response> {
    let done = api::goods_back(State(desk.db.clone()), desk.by.clone(), Path(claim.clone())).await;
    let said = text(
        "已登记退回。能再卖的，请到库存里调整入库。",
        "Noted. What can be sold again goes on the shelf under Stock.",
    );
    back(&desk, &claim, done.map(|_| ()), said)
}

pub async fn undo(desk: Desk, Path(claim): Path<String>, _: Posted) -> Result<Response> {
    let done = api::undo(State(desk.db.clone()), desk.by.clone(), Path(claim.clone())).await;
    back(
        &desk,
        &claim,
        done.map(|_| ()),
        text("已撤销，请重新答复。", "Taken back; please answer again."),
    )
}

/// Back on the claim's page, with what was done or why it was not.
fn back(desk: &Desk, claim: &str, done: Result<()>, said: crate::error::Text) -> Result<Response> {
    let said = match done {
        Ok(()) => said,
        Err(error) => mendable(error)?.detail,
    };
    desk.done(&format!("/console/claims/{claim}"), &said)
}

/// Pictures of a product, from a form.
pub async fn add_pictures(
    desk: Desk,
    State(darkroom): State<Darkroom>,
    Path(id): Path<String>,
    upload: Result<Upload>,
) -> Result<Response> {
    // whoever may not see the product learns nothing of the form
    pictures::of(&desk.db, desk.by.staff.village, &id).await?;
    let files: Vec<Bytes> = upload?.files.into_iter().map(|(_, file)| file).collect();
    let mut said = match files.is_empty() {
        true => text("请先选图片。", "Please choose a picture first."),
        false => text("图片已添加。", "The pictures are there."),
    };
    for file in files {
        let added = pictures::add(
            State(desk.db.clone()),
            State(darkroom.clone()),
            desk.by.clone(),
            Path(id.clone()),
            file,
        );
        if let Err(error) = added.await {
            said = mendable(error)?.detail;
            break;
        }
    }
    desk.done(&format!("/console/products/{id}#pictures"), &said)
}

/// Puts a picture first, or removes it.
pub async fn change_picture(
    desk: Desk,
    Path((id, picture)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response> {
    let known = pictures::of(&desk.db, desk.by.staff.village, &id).await?;
    let to = format!("/console/products/{id}#pictures");
    let (db, by) = (State(desk.db.clone()), desk.by.clone());
    if posted.get("act") == "remove" {
        pictures::remove(db, by, Path((id, picture))).await?;
        return desk.done(&to, &text("图片已删除。", "The picture is gone."));
    }
    let mut ids: Vec<_> = known.iter().map(|known| known.photo.id).collect();
    let Some(first) = ids.iter().position(|known| known.to_string() == picture) else {
        return Ok(Redirect::to(&to).into_response());
    };
    ids[..=first].rotate_right(1);
    let input = Arrangement { pictures: ids };
    let done = pictures::put(db, by, Path(id), Json(input)).await.map(|_| ());
    let said = match done {
        Ok(()) => text("已放到第一张。", "It is the first one now."),
        Err(error) => mendable(error)?.detail,
    };
    desk.done(&to, &said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_words_in_both_languages() {
        use ClaimState::*;
        for state in [
            Open, Returning, GoodsBack, Refunding, Resending, Done, Declined, Withdrawn,
        ] {
            let (zh, en) = (badge(Lang::Zh, state), badge(Lang::En, state));
            assert!(zh.0 != en.0 && zh.1 == en.1, "{state:?}");
        }
    }
}
