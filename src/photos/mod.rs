//! Photos that people hand in: decoded within limits and drawn anew as JPEG, so that nothing but the picture is kept of
//! a file: no place and time of taking, no hidden content. Kept in the database, in three sizes: they are few and small.

pub mod picture;
pub mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Problem, Result, busy, not_found};
use picture::{Made, make};

/// Photos of one claim, and of one product.
pub const MAX_PHOTOS: usize = 6;

/// How long a photo waits for its turn before its sender is asked to come back.
const WAITS: Duration = Duration::from_secs(10);

/// Which of a photo's sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// at most 240 pixels a side and 8 KiB, for lists
    Thumb,
    /// at most 640 pixels a side and 40 KiB, for pages
    Small,
    /// at most 1600 pixels a side
    #[default]
    Large,
}

impl Size {
    fn as_str(self) -> &'static str {
        match self {
            Size::Thumb => "thumb",
            Size::Small => "small",
            Size::Large => "large",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeQuery {
    #[serde(default)]
    pub size: Size,
}

/// A stored photo.
#[derive(Clone, Copy, Debug, Serialize, sqlx::FromRow, ToSchema)]
pub struct Photo {
    #[schema(value_type = String)]
    pub id: Uuid,
    /// of the large size
    pub width: i64,
    pub height: i64,
    pub small_width: i64,
    pub small_height: i64,
}

/// Where photos are made. One at a time: a decoded photo takes more memory than the rest of the program.
#[derive(Clone)]
pub struct Darkroom(Arc<Semaphore>);

impl Default for Darkroom {
    fn default() -> Self {
        Darkroom(Arc::new(Semaphore::new(1)))
    }
}

impl Darkroom {
    /// Makes a photo of a file, off the threads that answer requests.
    ///
    /// # Errors
    /// 422 `photo` when the file is no picture that we take; 503 when too many wait.
    pub async fn develop(&self, file: Bytes) -> Result<Made> {
        let turn = tokio::time::timeout(WAITS, Arc::clone(&self.0).acquire_owned()).await;
        // the semaphore is never closed, so that the inner error does not come
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let made = tokio::task::spawn_blocking(move || {
            let made = make(&file);
            drop(turn);
            made
        });
        let made = made.await.map_err(anyhow::Error::from)?;
        made.map_err(|refusal| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "photo", refusal.text()).into())
    }
}

/// The photo of an id in a path.
///
/// # Errors
/// 404 when it can't be one.
pub fn parse_id(id: &str) -> Result<Uuid> {
    Uuid::try_parse(id).map_err(|_| not_found())
}

/// Who may keep a photo on its way: its bytes never change under its address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Everybody,
    ItsReader,
}

/// A photo as an answer.
///
/// # Errors
/// 404 when there is none.
pub fn answer(jpeg: Option<Vec<u8>>, keep: Keep) -> Result<Response> {
    let jpeg = jpeg.ok_or_else(not_found)?;
    let caching = match keep {
        Keep::Everybody => "public, max-age=31536000, immutable",
        Keep::ItsReader => "private, max-age=31536000, immutable",
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_DISPOSITION, "inline; filename=\"photo.jpg\""),
    ] {
        headers.insert(name, value.parse().map_err(anyhow::Error::from)?);
    }
    Ok((headers, jpeg).into_response())
}
