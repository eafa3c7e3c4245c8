//! A village's staff: hiring, changing roles, passwords and tokens. For handlers and for the command line.
//!
//! An overseer belongs to the town and reads all its villages, so no village's manager makes or changes one; the
//! command line does. A village always keeps an active manager.

use anyhow::{anyhow, bail};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{self, By};
use super::store::{self, Credential, NewStaff};
use super::{Member, NewVillage, Role, Staff, Village};
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::{Error, Result, Text, conflict, forbidden, not_found, on_unique, text, unauthorized};
use crate::id::{Ids, hash_secret};
use crate::transact;
use crate::web::input::Check;

/// API tokens that one member of staff may have at once.
const MAX_TOKENS: i64 = 20;

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hire {
    /// letters, digits and - _ . ; unique among all villages
    pub login: String,
    /// what colleagues call them; the login when left out
    pub name: Option<String>,
    pub role: Role,
    /// at least 8 characters
    pub password: String,
}

/// A change of a member of staff; what is left out stays.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    pub name: Option<String>,
    pub role: Option<Role>,
    /// false switches the member off, and ends their sessions and tokens
    pub active: Option<bool>,
    /// a new password, at least 8 characters; ends their sessions
    pub password: Option<String>,
}

impl Hire {
    /// The same, cleaned.
    ///
    /// # Errors
    /// 422 with every wrong field.
    pub fn checked(self) -> Result<Self> {
        let mut check = Check::new();
        let login = check.code("login", &self.login, 60);
        let name = self.name.map(|name| check.line("name", &name, 1, 40));
        check_role(&mut check, self.role);
        check_password(&mut check, &self.password);
        check.finish()?;
        Ok(Hire { login, name, ..self })
    }
}

impl MemberChange {
    /// The same, cleaned.
    ///
    /// # Errors
    /// 422 with every wrong field.
    pub fn checked(self) -> Result<Self> {
        let mut check = Check::new();
        let name = self.name.map(|name| check.line("name", &name, 1, 40));
        if let Some(role) = self.role {
            check_role(&mut check, role);
        }
        if let Some(password) = &self.password {
            check_password(&mut check, password);
        }
        check.finish()?;
        Ok(MemberChange { name, ..self })
    }
}

fn check_role(check: &mut Check, role: Role) {
    check.require(
        role != Role::Overseer,
        "role",
        text(
            "镇里的账号由系统管理员设置。",
            "The town's overseers are made on the command line.",
        ),
    );
}

fn check_password(check: &mut Check, password: &str) {
    check.require(
        (8..=200).contains(&password.chars().count()),
        "password",
        text(
            "密码要 8 到 200 个字符。",
            "A password takes 8 to 200 characters.",
        ),
    );
}

fn taken() -> Text {
    text("这个登录名已经有人用了。", "This login is taken.")
}

/// Adds a member of staff.
///
/// # Errors
/// 422 for a login that is taken, in this village or another.
pub async fn hire(tx: &mut Tx, by: &By, new: &Hire, password_hash: &str) -> Result<Member> {
    let member = Member {
        id: by.new_id(),
        login: new.login.clone(),
        name: new.name.clone().unwrap_or_else(|| new.login.clone()),
        role: new.role,
        active: true,
        created_at: by.at,
    };
    let row = NewStaff {
        id: member.id,
        login: &member.login,
        name: &member.name,
        role: member.role,
        password_hash,
    };
    let made = store::create_staff(tx, by.staff.village, &row, by.at).await;
    on_unique(made, "login", taken())?;
    let after = json!({"name": member.name, "role": member.role});
    by.log(tx, "staff.create", &member.login, None, Some(after))
        .await?;
    Ok(member)
}

/// Changes a member of staff.
///
/// # Errors
/// 404 for a stranger; 403 for an overseer; 409 `last-manager` when the village would be left without one.
pub async fn change(
    tx: &mut Tx,
    by: &By,
    id: Uuid,
    change: &MemberChange,
    password_hash: Option<&str>,
) -> Result<Member> {
    let village = by.staff.village;
    let locked = store::lock_with_managers(tx, village, id).await?;
    let before = locked
        .iter()
        .find(|member| member.id == id)
        .ok_or_else(not_found)?;
    if before.role == Role::Overseer {
        return Err(forbidden());
    }
    let after = Member {
        name: change.name.clone().unwrap_or_else(|| before.name.clone()),
        role: change.role.unwrap_or(before.role),
        active: change.active.unwrap_or(before.active),
        ..before.clone()
    };
    let manages = |member: &Member| member.role == Role::Manager && member.active;
    let others = locked.iter().any(|member| member.id != id && manages(member));
    if manages(before) && !manages(&after) && !others {
        let detail = text(
            "这是最后一位在岗的管理员，请先另设一位。",
            "This is the last active manager; please make another one first.",
        );
        return Err(conflict("last-manager", detail));
    }
    store::update_staff(tx, village, &after).await?;
    if let Some(hash) = password_hash {
        store::set_password(tx, village, id, hash).await?;
    }
    if after.active != before.active {
        // also when switched on: a login that was under way may have left a session behind
        store::drop_credentials_of(tx, village, id, None).await?;
    } else if password_hash.is_some() {
        store::drop_credentials_of(tx, village, id, Some(Credential::Session)).await?;
    }
    let shape = |member: &Member| json!({"name": member.name, "role": member.role, "active": member.active});
    let mut is = shape(&after);
    if password_hash.is_some() {
        is["password"] = "reset".into();
    }
    by.log(tx, "staff.change", &after.login, Some(shape(before)), Some(is))
        .await?;
    Ok(after)
}

/// The member of staff in their own village, where their credentials and log entries live: an overseer may be looking
/// at another one.
pub async fn at_home(db: &Db, staff: &Staff) -> Result<Staff> {
    let account = store::account(db, &staff.login).await?.ok_or_else(unauthorized)?;
    Ok(Staff {
        village: account.village_id,
        ..staff.clone()
    })
}

/// Makes an API token; this is the only time that it can be read.
///
/// # Errors
/// 409 `too-many-tokens`.
pub async fn make_token(tx: &mut Tx, ids: &Ids, staff: &Staff, at: Timestamp) -> Result<String> {
    let village = staff.village;
    // one at a time for each member, so that they can be counted
    store::lock_with_managers(tx, village, staff.id).await?;
    if store::count_credentials(tx, village, staff.id, Credential::Token).await? >= MAX_TOKENS {
        let detail = text(
            "令牌太多了，请先全部作废再新建。",
            "There are too many tokens; please revoke them first.",
        );
        return Err(conflict("too-many-tokens", detail));
    }
    let secret = ids.secret(village);
    let hash = hash_secret(&secret);
    store::create_credential(tx, village, staff.id, Credential::Token, &hash, at, None).await?;
    let entry = ids.uuid(at);
    store::log(tx, staff, entry, at, "token.create", &staff.login, (None, None)).await?;
    Ok(secret)
}

/// Revokes all API tokens of a member of staff.
pub async fn revoke_tokens(tx: &mut Tx, ids: &Ids, staff: &Staff, at: Timestamp) -> Result<()> {
    let token = Some(Credential::Token);
    let gone = store::drop_credentials_of(tx, staff.village, staff.id, token).await?;
    let (entry, before) = (ids.uuid(at), json!({"tokens": gone}));
    store::log(
        tx,
        staff,
        entry,
        at,
        "token.revoke",
        &staff.login,
        (Some(before), None),
    )
    .await
}

/// Adds a member of staff from the command line, of any role, and gives their village's slug. The village may be left
/// out when there is one only. The log entry is under their own name.
///
/// # Errors
/// In one line: what is wrong, and what would be right.
pub async fn add(
    db: &Db,
    at: Timestamp,
    ids: &Ids,
    village: Option<&str>,
    login: &str,
    role: &str,
    password: &str,
) -> anyhow::Result<String> {
    let Some(role) = Role::parse(role) else {
        bail!("there is no role {role:?}; it is manager, packer, accountant, host or overseer");
    };
    let mut check = Check::new();
    let login = check.code("login", login, 60);
    check_password(&mut check, password);
    check.finish().map_err(in_one_line)?;
    let village = find_or_found(db, village, role, at).await?;
    let hash = auth::hash_password(password)?;
    let staff = Staff {
        village: village.id,
        id: ids.uuid(at),
        login,
        role,
    };
    let made = transact!(db, tx => {
        let row = NewStaff {
            id: staff.id,
            login: &staff.login,
            name: &staff.login,
            role,
            password_hash: &hash,
        };
        store::create_staff(tx, staff.village, &row, at).await?;
        let after = json!({"role": role, "by": "command line"});
        store::log(tx, &staff, ids.uuid(at), at, "staff.create", &staff.login, (None, Some(after))).await
    });
    on_unique(made, "login", taken()).map_err(in_one_line)?;
    Ok(village.slug)
}

/// The village of that slug, or the only one. A manager founds the village that isn't there yet: it starts under its
/// slug, and `PATCH /api/v1/village` gives it its name and account.
async fn find_or_found(db: &Db, slug: Option<&str>, role: Role, at: Timestamp) -> anyhow::Result<Village> {
    let villages = store::villages(db).await?;
    let slugs: Vec<String> = villages.iter().map(|village| village.slug.clone()).collect();
    let found = match slug {
        Some(slug) => villages.into_iter().find(|village| village.slug == slug),
        None if villages.len() == 1 => villages.into_iter().next(),
        None => None,
    };
    match (found, slug) {
        (Some(village), _) => Ok(village),
        (None, Some(slug)) if role == Role::Manager => found_village(db, slug, at).await,
        (None, None) if slugs.is_empty() && role == Role::Manager => found_village(db, "village", at).await,
        (None, _) if slugs.is_empty() => {
            bail!("there is no village yet; add its manager first, who founds it")
        }
        (None, _) => bail!("name the village with --village, one of: {}", slugs.join(", ")),
    }
}

async fn found_village(db: &Db, slug: &str, at: Timestamp) -> anyhow::Result<Village> {
    let mut check = Check::new();
    let slug = check.code("village", slug, 40);
    check.finish().map_err(in_one_line)?;
    // a village founded here is its own town until someone says otherwise
    let new = NewVillage {
        slug: &slug,
        name: &slug,
        town_slug: &slug,
        town: &slug,
        region_code: "",
        contact: "",
        account: "",
    };
    transact!(db, tx => store::create_village(tx, &new, at).await)?;
    let village = store::village_by_slug(db, &slug).await?;
    village.ok_or_else(|| anyhow!("the village {slug} was founded and is gone again"))
}

/// Makes an API token from the command line.
///
/// # Errors
/// In one line: an unknown or switched-off login, too many tokens.
pub async fn create_token(db: &Db, at: Timestamp, ids: &Ids, login: &str) -> anyhow::Result<String> {
    let staff = find_staff(db, login).await?;
    transact!(db, tx => make_token(tx, ids, &staff, at).await).map_err(in_one_line)
}

/// Gives a member of staff a new password from the command line, and ends their sessions.
///
/// # Errors
/// In one line: an unknown or switched-off login, a password that is too short.
pub async fn reset_password(
    db: &Db,
    at: Timestamp,
    ids: &Ids,
    login: &str,
    password: &str,
) -> anyhow::Result<()> {
    let mut check = Check::new();
    check_password(&mut check, password);
    check.finish().map_err(in_one_line)?;
    let staff = find_staff(db, login).await?;
    let hash = auth::hash_password(password)?;
    let done: Result<()> = transact!(db, tx => {
        store::set_password(tx, staff.village, staff.id, &hash).await?;
        store::drop_credentials_of(tx, staff.village, staff.id, Some(Credential::Session)).await?;
        let after = json!({"password": "reset", "by": "command line"});
        store::log(tx, &staff, ids.uuid(at), at, "staff.change", &staff.login, (None, Some(after))).await
    });
    done.map_err(in_one_line)
}

async fn find_staff(db: &Db, login: &str) -> anyhow::Result<Staff> {
    let account = store::account(db, login.trim())
        .await?
        .ok_or_else(|| anyhow!("no active member of staff has the login {login:?}"))?;
    Ok(Staff {
        village: account.village_id,
        id: account.id,
        login: account.login,
        role: account.role,
    })
}

/// A refusal as the command line shows it: every wrong field, or the detail.
fn in_one_line(error: Error) -> anyhow::Error {
    match error {
        Error::Problem(problem) if !problem.errors.is_empty() => {
            let fields = problem
                .errors
                .iter()
                .map(|error| format!("{}: {}", error.field, error.message.en));
            anyhow!("{}", fields.collect::<Vec<_>>().join("; "))
        }
        Error::Problem(problem) => anyhow!("{}", problem.detail.en),
        other => other.into(),
    }
}
