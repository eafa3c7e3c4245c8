//! Villages, the town over them, and their staff: who may do what.

pub mod api;
pub mod auth;
pub mod store;
pub mod team;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::VillageId;
use crate::money::Fen;

/// What a member of staff may do; `routes.rs` says where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// runs the shop
    Manager,
    /// packs and ships
    Packer,
    /// keeps the money in order
    Accountant,
    /// makes links and sees their sales
    Host,
    /// of the town: reads all its villages, changes nothing
    Overseer,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Manager => "manager",
            Role::Packer => "packer",
            Role::Accountant => "accountant",
            Role::Host => "host",
            Role::Overseer => "overseer",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "manager" => Role::Manager,
            "packer" => Role::Packer,
            "accountant" => Role::Accountant,
            "host" => Role::Host,
            "overseer" => Role::Overseer,
            _ => return None,
        })
    }
}

/// The logged-in member of staff, scoped to the village they act in.
#[derive(Clone, Debug)]
pub struct Staff {
    pub village: VillageId,
    pub id: Uuid,
    pub login: String,
    pub role: Role,
}

#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Village {
    pub id: VillageId,
    pub slug: String,
    pub name: String,
    pub town_id: i64,
    pub town: String,
}

/// What a village says of itself, and where its buyers pay by transfer.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Settings {
    pub slug: String,
    pub name: String,
    pub town: String,
    /// administrative code of the county, six digits
    pub region_code: String,
    /// how buyers reach the shop
    pub contact: String,
    /// the collective's own account; never a person's
    pub account: String,
    /// transfers and cash of one order beyond this take a second person to confirm; 0: never
    pub second_person_above_fen: Fen,
}

/// A member of staff, as the manager sees them.
#[derive(Clone, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Member {
    #[schema(value_type = String)]
    pub id: Uuid,
    pub login: String,
    pub name: String,
    pub role: Role,
    /// false: may not log in, and no token of theirs works
    pub active: bool,
    pub created_at: Timestamp,
}

/// A new village, as `demo` and the command line make it.
pub struct NewVillage<'a> {
    pub slug: &'a str,
    pub name: &'a str,
    pub town_slug: &'a str,
    pub town: &'a str,
    /// administrative code of the county, six digits
    pub region_code: &'a str,
    pub contact: &'a str,
    /// the collective's own account, shown to buyers who pay by transfer
    pub account: &'a str,
}
