//! SQL of villages, staff, their credentials and the operation log.

use serde_json::Value;
use uuid::Uuid;

use super::{Member, NewVillage, Role, Settings, Staff, Village};
use crate::clock::Timestamp;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::id::VillageId;
use crate::on;

/// A login's row, with what is needed to check a password.
#[derive(sqlx::FromRow)]
pub struct Account {
    pub village_id: VillageId,
    pub id: Uuid,
    pub login: String,
    pub name: String,
    pub role: Role,
    pub password_hash: String,
}

#[derive(sqlx::FromRow)]
struct StaffRow {
    village_id: VillageId,
    id: Uuid,
    login: String,
    role: Role,
    town_id: i64,
}

#[derive(serde::Serialize, sqlx::FromRow, utoipa::ToSchema)]
pub struct Operation {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub at: Timestamp,
    pub staff: String,
    pub act: String,
    pub subject: String,
    /// the subject before the act, as JSON text
    pub before: Option<String>,
    pub after: Option<String>,
}

pub async fn village_by_slug(db: &Db, slug: &str) -> Result<Option<Village>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT village.id, village.slug, village.name, village.town_id, town.name AS town
         FROM village JOIN town ON town.id = village.town_id WHERE village.slug = $1")
        .bind(slug).fetch_optional(ex).await)?)
}

pub async fn villages(db: &Db) -> Result<Vec<Village>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT village.id, village.slug, village.name, village.town_id, town.name AS town
         FROM village JOIN town ON town.id = village.town_id ORDER BY village.id")
        .fetch_all(ex).await)?)
}

/// Who sends, for the pages of buyers.
#[derive(sqlx::FromRow)]
pub struct Sender {
    pub village: String,
    pub town: String,
    /// how one reaches the shop
    pub contact: String,
}

pub async fn sender(db: &Db, village: VillageId) -> Result<Sender> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT village.name AS village, town.name AS town, village.contact
         FROM village JOIN town ON town.id = village.town_id WHERE village.id = $1")
        .bind(village).fetch_one(ex).await)?)
}

/// Makes a village, and its town when there is none of that slug. Numbers are given in order; two at once meet on the
/// primary key and one runs again.
pub async fn create_village(tx: &mut Tx, new: &NewVillage<'_>, at: Timestamp) -> Result<VillageId> {
    // WHERE TRUE: without it SQLite takes the ON that follows for that of a join
    on!(tx, ex => sqlx::query(
        "INSERT INTO town (id, slug, name) SELECT COALESCE(MAX(id), 0) + 1, $1, $2 FROM town WHERE TRUE
         ON CONFLICT (slug) DO NOTHING")
        .bind(new.town_slug).bind(new.town).execute(ex).await.map(|_| ()))?;
    Ok(on!(tx, ex => sqlx::query_scalar(
        "INSERT INTO village (id, slug, name, town_id, region_code, contact, account, created_at)
         SELECT (SELECT COALESCE(MAX(id), 0) + 1 FROM village), $1, $2, town.id, $3, $4, $5, $6
         FROM town WHERE town.slug = $7 RETURNING id")
        .bind(new.slug).bind(new.name).bind(new.region_code).bind(new.contact).bind(new.account).bind(at).bind(new.town_slug)
        .fetch_one(ex).await)?)
}

macro_rules! settings {
    () => {
        "village.slug, village.name, town.name AS town, village.region_code, village.contact, village.account,
         village.second_person_above_fen"
    };
}

pub async fn settings(db: &Db, village: VillageId) -> Result<Settings> {
    Ok(on!(db, ex => sqlx::query_as(concat!("SELECT ", settings!(), "
         FROM village JOIN town ON town.id = village.town_id WHERE village.id = $1"))
        .bind(village).fetch_one(ex).await)?)
}

/// A village's settings, which nobody else changes until the transaction ends.
pub async fn lock_settings(tx: &mut Tx, village: VillageId) -> Result<Settings> {
    Ok(on!(tx,
        sqlite: concat!("SELECT ", settings!(), "
                 FROM village JOIN town ON town.id = village.town_id WHERE village.id = $1"),
        pg: concat!("SELECT ", settings!(), "
             FROM village JOIN town ON town.id = village.town_id WHERE village.id = $1 FOR NO KEY UPDATE OF village"),
        sql, ex => sqlx::query_as(sql).bind(village).fetch_one(ex).await)?)
}

/// Changes what may change of a village. Its name stands on every link, so snapshots of links are out of date.
pub async fn update_settings(tx: &mut Tx, village: VillageId, settings: &Settings) -> Result<()> {
    tx.changes_offers();
    on!(tx, ex => sqlx::query(
        "UPDATE village SET name = $2, contact = $3, account = $4, second_person_above_fen = $5 WHERE id = $1")
        .bind(village).bind(&settings.name).bind(&settings.contact).bind(&settings.account)
        .bind(settings.second_person_above_fen).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub struct NewStaff<'a> {
    pub id: Uuid,
    pub login: &'a str,
    pub name: &'a str,
    pub role: Role,
    pub password_hash: &'a str,
}

/// Adds a member of staff; the login directory's primary key refuses a login that is taken anywhere.
pub async fn create_staff(tx: &mut Tx, village: VillageId, new: &NewStaff<'_>, at: Timestamp) -> Result<()> {
    on!(tx, ex => sqlx::query("INSERT INTO login (login, village_id, staff_id) VALUES ($1, $2, $3)")
        .bind(new.login).bind(village).bind(new.id).execute(ex).await.map(|_| ()))?;
    on!(tx, ex => sqlx::query(
        "INSERT INTO staff (village_id, id, login, name, role, password_hash, active, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, TRUE, $7)")
        .bind(village).bind(new.id).bind(new.login).bind(new.name).bind(new.role).bind(new.password_hash).bind(at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// The staff of a village before a cursor, newest first.
pub async fn team(db: &Db, village: VillageId, before: Uuid, limit: i64) -> Result<Vec<Member>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT id, login, name, role, active, created_at FROM staff
         WHERE village_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3")
        .bind(village).bind(before).bind(limit).fetch_all(ex).await)?)
}

/// One member of staff together with every active manager of the village, locked until the transaction ends: whether a
/// manager may go depends on the others.
pub async fn lock_with_managers(tx: &mut Tx, village: VillageId, id: Uuid) -> Result<Vec<Member>> {
    Ok(on!(tx,
        sqlite: "SELECT id, login, name, role, active, created_at FROM staff
                 WHERE village_id = $1 AND (id = $2 OR (role = 'manager' AND active)) ORDER BY id",
        pg: "SELECT id, login, name, role, active, created_at FROM staff
             WHERE village_id = $1 AND (id = $2 OR (role = 'manager' AND active)) ORDER BY id FOR NO KEY UPDATE",
        sql, ex => sqlx::query_as(sql).bind(village).bind(id).fetch_all(ex).await)?)
}

/// Changes a member of staff; the password stays.
pub async fn update_staff(tx: &mut Tx, village: VillageId, member: &Member) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE staff SET name = $3, role = $4, active = $5 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(member.id).bind(&member.name).bind(member.role).bind(member.active)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn set_password(tx: &mut Tx, village: VillageId, id: Uuid, hash: &str) -> Result<()> {
    on!(tx, ex => sqlx::query("UPDATE staff SET password_hash = $3 WHERE village_id = $1 AND id = $2")
        .bind(village).bind(id).bind(hash).execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn account(db: &Db, login: &str) -> Result<Option<Account>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT staff.village_id, staff.id, staff.login, staff.name, staff.role, staff.password_hash
         FROM login JOIN staff ON staff.village_id = login.village_id AND staff.id = login.staff_id
         WHERE login.login = $1 AND staff.active")
        .bind(login).fetch_optional(ex).await)?)
}

#[derive(Clone, Copy, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Credential {
    Session,
    Token,
}

pub async fn create_credential(
    tx: &mut Tx,
    village: VillageId,
    staff: Uuid,
    kind: Credential,
    hash: &[u8],
    at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    on!(tx, ex => sqlx::query(
        "INSERT INTO credential (village_id, secret_hash, staff_id, kind, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(village).bind(hash).bind(staff).bind(kind).bind(at).bind(expires_at)
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// How many credentials of a kind a member of staff has.
pub async fn count_credentials(
    tx: &mut Tx,
    village: VillageId,
    staff: Uuid,
    kind: Credential,
) -> Result<i64> {
    Ok(on!(tx, ex => sqlx::query_scalar(
        "SELECT COUNT(*) FROM credential WHERE village_id = $1 AND staff_id = $2 AND kind = $3")
        .bind(village).bind(staff).bind(kind).fetch_one(ex).await)?)
}

/// Ends what a member of staff is logged in with: one kind, or both.
pub async fn drop_credentials_of(
    tx: &mut Tx,
    village: VillageId,
    staff: Uuid,
    kind: Option<Credential>,
) -> Result<u64> {
    Ok(on!(tx, ex => sqlx::query(
        "DELETE FROM credential WHERE village_id = $1 AND staff_id = $2 AND (CAST($3 AS TEXT) IS NULL OR kind = $3)")
        .bind(village).bind(staff).bind(kind).execute(ex).await.map(|done| done.rows_affected()))?)
}

pub async fn drop_credential(tx: &mut Tx, village: VillageId, hash: &[u8]) -> Result<()> {
    on!(tx, ex => sqlx::query("DELETE FROM credential WHERE village_id = $1 AND secret_hash = $2")
        .bind(village).bind(hash).execute(ex).await.map(|_| ()))?;
    Ok(())
}

/// Removes what has expired; a job calls this.
pub async fn drop_expired_credentials(tx: &mut Tx, at: Timestamp) -> Result<u64> {
    Ok(
        on!(tx, ex => sqlx::query("DELETE FROM credential WHERE expires_at <= $1")
        .bind(at).execute(ex).await.map(|done| done.rows_affected()))?,
    )
}

/// Who holds this secret, and which town their village belongs to.
pub async fn staff_by_secret(
    db: &Db,
    village: VillageId,
    hash: &[u8],
    at: Timestamp,
) -> Result<Option<(Staff, i64)>> {
    let row: Option<StaffRow> = on!(db, ex => sqlx::query_as(
        "SELECT staff.village_id, staff.id, staff.login, staff.role, village.town_id
         FROM credential
         JOIN staff ON staff.village_id = credential.village_id AND staff.id = credential.staff_id
         JOIN village ON village.id = credential.village_id
         WHERE credential.village_id = $1 AND credential.secret_hash = $2 AND staff.active
           AND (credential.expires_at IS NULL OR credential.expires_at > $3)")
        .bind(village).bind(hash).bind(at).fetch_optional(ex).await)?;
    Ok(row.map(|row| {
        let staff = Staff {
            village: row.village_id,
            id: row.id,
            login: row.login,
            role: row.role,
        };
        (staff, row.town_id)
    }))
}

/// One row of the operation log, in the transaction of the act.
pub async fn log(
    tx: &mut Tx,
    staff: &Staff,
    id: Uuid,
    at: Timestamp,
    act: &str,
    subject: &str,
    change: (Option<Value>, Option<Value>),
) -> Result<()> {
    let (before, after) = change;
    on!(tx, ex => sqlx::query(
        "INSERT INTO operation (village_id, id, at, staff_id, act, subject, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(staff.village).bind(id).bind(at).bind(staff.id).bind(act).bind(subject)
        .bind(before.as_ref().map(Value::to_string)).bind(after.as_ref().map(Value::to_string))
        .execute(ex).await.map(|_| ()))?;
    Ok(())
}

pub async fn operations(db: &Db, village: VillageId, before: Uuid, limit: i64) -> Result<Vec<Operation>> {
    Ok(on!(db, ex => sqlx::query_as(
        "SELECT operation.id, operation.at, staff.login AS staff, operation.act, operation.subject,
                operation.before, operation.after
         FROM operation
         JOIN staff ON staff.village_id = operation.village_id AND staff.id = operation.staff_id
         WHERE operation.village_id = $1 AND operation.id < $2
         ORDER BY operation.id DESC LIMIT $3")
        .bind(village).bind(before).bind(limit).fetch_all(ex).await)?)
}
