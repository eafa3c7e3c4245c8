//! Lists: `?limit=` (at most 200) and `?after=` in, `{"items": […], "next": cursor|null}` out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::error::{Result, invalid, text};

/// The most rows that one page of a list has.
pub const MAX_LIMIT: i64 = 200;

/// The query of a list that has no filters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    pub limit: Option<i64>,
    pub after: Option<String>,
}

/// One page of a list.
#[derive(Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// hand it in as `?after=` to get the next page; null at the end
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A list that is always whole.
    pub fn whole(items: Vec<T>) -> Self {
        Page { items, next: None }
    }

    /// A page of `limit` rows, made of one more row than that; `cursor` names the last row shown.
    pub fn cut(mut items: Vec<T>, limit: i64, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Page { items, next }
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let row = Ref::from_schema_name(T::name());
        let next = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some(
                "hand it in as `?after=` to get the next page; null at the end",
            ));
        ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("items", ArrayBuilder::new().items(row))
            .required("items")
            .property("next", next)
            .into()
    }
}

/// By hand, since a derived one names the rows' schema without bringing it along.
impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Page")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// The rows asked for, 50 when nothing is said.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    match asked {
        None => Ok(50),
        Some(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Some(_) => Err(invalid("limit", text("要在 1 到 200 之间。", "Takes 1 to 200."))),
    }
}

/// A row's instant and id, the cursor of a list in the order of some time.
///
/// # Errors
/// 422 for `after`.
pub fn moment(cursor: &str) -> Result<(Timestamp, Uuid)> {
    let read = cursor
        .split_once('.')
        .and_then(|(at, id)| Some((Timestamp(at.parse().ok()?), Uuid::try_parse(id).ok()?)));
    let message = || text("请用上一页的 next。", "Takes the `next` of the page before.");
    read.ok_or_else(|| invalid("after", message()))
}

/// A cursor that is a row's id; lists with the newest first start behind every id there is.
pub fn before(after: Option<&str>) -> Result<Uuid> {
    match after {
        None => Ok(Uuid::max()),
        Some(cursor) => Uuid::try_parse(cursor).map_err(|_| {
            invalid(
                "after",
                text("请用上一页的 next。", "Takes the `next` of the page before."),
            )
        }),
    }
}
