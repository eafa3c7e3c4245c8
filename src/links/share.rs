//! What a host hands out: the link's QR code, and a poster with it.

use std::sync::Arc;

use anyhow::anyhow;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::Datelike;
use tokio::sync::Semaphore;

use super::api::{Code, find, url};
use super::poster::{Cover, Poster, PosterError};
use super::store::{LinkRow, OfferRow, Sender, sender};
use super::{poster, qr};
use crate::clock::Timestamp;
use crate::config::PublicUrl;
use crate::db::Db;
use crate::error::{Error, Result, invalid, not_found, text};
use crate::villages::auth::By;

/// Drawing a poster takes a core and some megabytes: so many at once, and no more.
const DRAWN_AT_ONCE: usize = 2;

const SVG: &str = "image/svg+xml";
const PNG: &str = "image/png";

/// Where codes and posters are drawn, off the threads that answer requests.
#[derive(Clone)]
pub struct Press(Arc<Semaphore>);

impl Default for Press {
    fn default() -> Self {
        Press(Arc::new(Semaphore::new(DRAWN_AT_ONCE)))
    }
}

impl Press {
    async fn draw<T: Send + 'static>(&self, draw: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let _permit = self.0.acquire().await.map_err(anyhow::Error::from)?;
        tokio::task::spawn_blocking(draw)
            .await
            .map_err(anyhow::Error::from)?
    }
}

pub async fn qr_svg(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    State(press): State<Press>,
    Code(code): Code,
    by: By,
) -> Result<Response> {
    let (row, _) = find(&db, &by, &code).await?;
    let url = url(&public_url.0, &row.code);
    let draw = move || qr::svg(&url).map_err(|error| anyhow!(error).into());
    Ok(picture(SVG, press.draw(draw).await?))
}

pub async fn poster_svg(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    State(press): State<Press>,
    Code(code): Code,
    by: By,
) -> Result<Response> {
    let page = Page::read(&db, &public_url, &by, &code).await?;
    let draw = move || poster::svg(&page.poster()).map_err(refused);
    Ok(picture(SVG, press.draw(draw).await?))
}

pub async fn poster_png(
    State(db): State<Db>,
    State(public_url): State<PublicUrl>,
    State(press): State<Press>,
    Code(code): Code,
    by: By,
) -> Result<Response> {
    let page = Page::read(&db, &public_url, &by, &code).await?;
    let draw = move || poster::png(&page.poster()).map_err(refused);
    Ok(picture(PNG, press.draw(draw).await?))
}

fn picture(kind: &'static str, file: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "private, max-age=60"),
    ];
    (headers, file).into_response()
}

/// A price has room for more digits than the poster; everything else is our fault.
fn refused(error: PosterError) -> Error {
    match error {
        PosterError::Price => {
            let message = text(
                "海报上的价格最多 999999.99 元。",
                "A poster shows prices up to 999,999.99 yuan.",
            );
            invalid("offers[0].price_fen", message)
        }
        other => anyhow!(other).into(),
    }
}

/// What a poster says, of the link's first offer.
struct Page {
    sender: Sender,
    link: LinkRow,
    offer: OfferRow,
    url: String,
    deadline: Option<String>,
}

impl Page {
    async fn read(db: &Db, public_url: &PublicUrl, by: &By, code: &str) -> Result<Self> {
        let (link, offers) = find(db, by, code).await?;
        Ok(Page {
            sender: sender(db, by.staff.village).await?.ok_or_else(not_found)?,
            offer: offers.into_iter().next().ok_or_else(not_found)?,
            url: url(&public_url.0, &link.code),
            deadline: link.closes_at.map(deadline),
            link,
        })
    }

    fn poster(&self) -> Poster<'_> {
        Poster {
            village: &self.sender.village,
            town: &self.sender.town,
            title: &self.link.title,
            product: &self.offer.title,
            spec: &self.offer.spec,
            price_fen: self.offer.price_fen.0,
            url: &self.url,
            deadline: self.deadline.as_deref(),
            picture: None,
            cover: Cover::for_product(&self.offer.title),
        }
    }
}

/// `1月28日 20:00 截止`
fn deadline(closes_at: Timestamp) -> String {
    let (day, minute) = (closes_at.day(), closes_at.local_minute());
    let time = minute.split(' ').nth(1).unwrap_or_default();
    format!("{}月{}日 {time} 截止", day.month(), day.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_told_in_the_shops_time() {
        let at = Timestamp::parse("2024-01-28T16:05:00Z").unwrap();
        assert_eq!(deadline(at), "1月29日 00:05 截止");
    }
}
