//! The host's board: big figures that move by themselves, "stop", and "50 more".

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::desk::{Desk, Place, Shell};
use super::show::back;
use crate::error::{Result, not_found, text};
use crate::links::api::{self, Code, find};
use crate::links::live::{Frame, Live};
use crate::links::store::{LinkRow, OfferRow};
use crate::links::{LinkChange, NewOffer, Status};
use crate::villages::Role;
use crate::web::form::{Posted, mendable};
use crate::web::json::{Json, parse};

/// Cases that one press adds to a quota.
const MORE: i64 = 50;

#[derive(Template)]
#[template(path = "console/live.html")]
struct LivePage {
    shell: Shell,
    link: LinkRow,
    frame: Frame,
    quotas: Vec<(String, i64)>,
}

impl LivePage {
    fn may_act(&self) -> bool {
        self.shell.may(&[Role::Manager, Role::Host])
    }

    /// Whether a quota, and not the stock, is what ends an offer's sale.
    fn has_quota(&self, sku: &str) -> bool {
        self.quotas.iter().any(|(known, _)| known == sku)
    }
}

fn quotas(offers: &[OfferRow]) -> Vec<(String, i64)> {
    offers
        .iter()
        .filter_map(|offer| Some((offer.sku.clone(), offer.quota?)))
        .collect()
}

pub async fn page(desk: Desk, State(live): State<Live>, Code(code): Code) -> Result<Response> {
    let (link, offers) = find(&desk.db, &desk.by, &code).await?;
    let page = LivePage {
        shell: desk.shell(Place::Links).await?,
        frame: live.frame(&code).await?,
        quotas: quotas(&offers),
        link,
    };
    desk.show(&page)
}

/// Raises the quota of one offer, or of all that have one, by fifty cases.
pub async fn more(desk: Desk, Code(code): Code, posted: Posted) -> Result<Response> {
    let (_, offers) = find(&desk.db, &desk.by, &code).await?;
    let wanted = posted.get("sku").to_owned();
    if !wanted.is_empty() && !offers.iter().any(|offer| offer.sku == wanted) {
        return Err(not_found());
    }
    let raised: Vec<NewOffer> = offers
        .into_iter()
        .map(|offer| NewOffer {
            quota: match offer.quota {
                Some(quota) if wanted.is_empty() || wanted == offer.sku => Some(quota + MORE),
                quota => quota,
            },
            sku: offer.sku,
            price_fen: offer.price_fen,
            limit_per_order: offer.limit_per_order,
        })
        .collect();
    let change: LinkChange = parse(json!({ "offers": raised }).to_string().as_bytes())?;
    let (db, url) = (State(desk.db.clone()), State(desk.url.clone()));
    let said = match api::change(db, url, Code(code.clone()), desk.by.clone(), Json(change)).await {
        Ok(_) => text(format!("加了 {MORE} 箱。"), format!("{MORE} cases more.")),
        Err(error) => mendable(error)?.detail,
    };
    desk.done(&back(&code, &posted), &said)
}
