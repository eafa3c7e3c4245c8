//! The village's staff: adding somebody, and changing what they may do.

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use super::act::Act;
use super::desk::{Desk, Place, role_name};
use crate::error::{Result, not_found, text};
use crate::villages::{Member, Role, api, store};
use crate::web::form::{Field, Form, Kind, Posted};
use crate::web::json::{Json, parse};

/// Roles that a village gives; the town's overseers are made on the command line.
const ROLES: [Role; 4] = [Role::Manager, Role::Packer, Role::Accountant, Role::Host];

/// Members of staff that are looked through.
const STAFF: i64 = 1_000;

fn roles(desk: &Desk) -> Vec<(&'static str, String)> {
    let what = |role| match role {
        Role::Manager => desk.t("什么都能做", "does everything"),
        Role::Packer => desk.t("看订单、管库存、打包", "orders, stock, packing"),
        Role::Accountant => desk.t("收款、退款、报表", "payments, refunds, reports"),
        _ => desk.t("做链接、看自己的销量", "links and their own sales"),
    };
    ROLES
        .map(|role| {
            (
                role.as_str(),
                format!("{} · {}", role_name(desk.lang, role), what(role)),
            )
        })
        .into()
}

fn back(desk: &Desk) -> (&'static str, &'static str) {
    ("/console/settings", desk.lang.say("设置", "Settings"))
}

fn hire_act(desk: &Desk) -> Act {
    let form = Form::new(desk.lang, "/console/settings/staff/new", desk.t("添加", "Add"))
        .with(
            Field::new(Kind::Text, "name", desk.t("称呼", "Name"))
                .max(40)
                .half(),
        )
        .with(
            Field::new(Kind::Text, "login", desk.t("登录名", "Login"))
                .hint(desk.t("字母和数字，以后不能改。", "Letters and digits; it stays."))
                .max(60)
                .half(),
        )
        .with(
            Field::new(Kind::Choice, "role", desk.t("做什么", "What they do"))
                .options(roles(desk))
                .value(Role::Packer.as_str()),
        )
        .with(
            Field::new(Kind::Password, "password", desk.t("密码", "Password"))
                .hint(desk.t("至少 8 个字符。", "8 characters or more."))
                .complete("new-password"),
        );
    Act::new(
        Place::Settings,
        desk.t("添加人员", "Add somebody"),
        back(desk),
        form,
    )
}

pub async fn hire_form(desk: Desk) -> Result<Response> {
    hire_act(&desk).show(&desk).await
}

pub async fn hire(desk: Desk, posted: Posted) -> Result<Response> {
    let mut act = hire_act(&desk);
    act.form = act.form.typed(&posted);
    let done = match act.form.read() {
        Ok(input) => {
            let (db, guard) = (State(desk.db.clone()), State(desk.guard.clone()));
            api::hire(db, guard, desk.by.clone(), Json(input))
                .await
                .map(|_| ())
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => desk.done("/console/settings", &text("已添加。", "Added.")),
        Err(error) => act.again(&desk, error).await,
    }
}

async fn find(desk: &Desk, id: &str) -> Result<Member> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let team = store::team(&desk.db, desk.by.staff.village, Uuid::max(), STAFF).await?;
    team.into_iter()
        .find(|member| member.id == id)
        .ok_or_else(not_found)
}

fn change_act(desk: &Desk, member: &Member) -> Act {
    let path = format!("/console/settings/staff/{}", member.id);
    let mut form = Form::new(desk.lang, path, desk.t("保存", "Save")).with(
        Field::new(Kind::Text, "name", desk.t("称呼", "Name"))
            .value(&member.name)
            .max(40),
    );
    if member.role != Role::Overseer {
        form = form.with(
            Field::new(Kind::Choice, "role", desk.t("做什么", "What they do"))
                .options(roles(desk))
                .value(member.role.as_str()),
        );
    }
    form = form
        .with(
            Field::new(
                Kind::Tick,
                "active",
                desk.t("在岗，可以登录", "Active: may log in"),
            )
            .value(if member.active { "yes" } else { "" })
            .hint(desk.t(
                "去掉勾选，马上退出登录，令牌也失效。",
                "Without it, their sessions and tokens end at once.",
            )),
        )
        .with(
            Field::new(Kind::Password, "password", desk.t("换新密码", "New password"))
                .hint(desk.t("不换就留空。", "Leave empty to keep it."))
                .complete("new-password")
                .optional(),
        );
    Act::new(Place::Settings, &member.name, back(desk), form).fact(desk.t("登录名", "Login"), &member.login)
}

pub async fn change_form(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let member = find(&desk, &id).await?;
    change_act(&desk, &member).show(&desk).await
}

pub async fn change(desk: Desk, Path(id): Path<String>, posted: Posted) -> Result<Response> {
    let member = find(&desk, &id).await?;
    let mut act = change_act(&desk, &member);
    act.form = act.form.typed(&posted);
    let input = act.form.value().and_then(|mut body| {
        // what stays as it is isn't asked for, so that it isn't refused either
        if body["role"] == json!(member.role)
            && let Some(fields) = body.as_object_mut()
        {
            fields.remove("role");
        }
        parse(body.to_string().as_bytes())
    });
    let done = match input {
        Ok(input) => {
            let (db, guard) = (State(desk.db.clone()), State(desk.guard.clone()));
            api::change_staff(db, guard, desk.by.clone(), Path(id), Json(input))
                .await
                .map(|_| ())
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => desk.done("/console/settings", &text("已保存。", "Saved.")),
        Err(error) => act.again(&desk, error).await,
    }
}
