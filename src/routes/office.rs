//! The village and its goods: staff, settings, catalogue, stock, partners; and how the program is.

use super::{Access, EVERYONE, READERS, Route, delete, get, patch, post, put};
use crate::villages::Role::{Accountant, Manager, Overseer, Packer};
use crate::web::listing::Page;
use crate::{catalog, freight, ops, partners, stock, villages};
use Access::{Public, Staff};

pub(super) fn routes() -> Vec<Route> {
    let parts = [
        staff_routes(),
        village_routes(),
        catalog_routes(),
        stock_routes(),
        partner_routes(),
        ops_routes(),
    ];
    parts.into_iter().flatten().collect()
}

fn staff_routes() -> Vec<Route> {
    vec![
        post(
            "/api/v1/session",
            Public,
            villages::api::log_in,
            "Log in to the console",
        )
        .takes::<villages::api::Login>()
        .gives::<villages::api::Session>(200),
        delete("/api/v1/session", Public, villages::api::log_out, "Log out").empty(204),
        get(
            "/api/v1/operations",
            Staff(&[Manager, Accountant, Overseer]),
            villages::api::operations,
            "Who did what",
        )
        .gives::<Page<villages::store::Operation>>(200),
    ]
}

fn village_routes() -> Vec<Route> {
    use villages::{api, team};
    vec![
        get(
            "/api/v1/village",
            Staff(EVERYONE),
            api::settings,
            "The village's settings",
        )
        .gives::<villages::Settings>(200),
        patch(
            "/api/v1/village",
            Staff(&[Manager]),
            api::change_settings,
            "Change the village's settings",
        )
        .takes::<api::SettingsChange>()
        .gives::<villages::Settings>(200),
        get(
            "/api/v1/staff",
            Staff(&[Manager]),
            api::staff,
            "The village's staff",
        )
        .gives::<Page<villages::Member>>(200),
        post(
            "/api/v1/staff",
            Staff(&[Manager]),
            api::hire,
            "Add a member of staff",
        )
        .takes::<team::Hire>()
        .gives::<villages::Member>(201),
        patch(
            "/api/v1/staff/{id}",
            Staff(&[Manager]),
            api::change_staff,
            "Change a member of staff",
        )
        .takes::<team::MemberChange>()
        .gives::<villages::Member>(200),
        post(
            "/api/v1/tokens",
            Staff(EVERYONE),
            api::create_token,
            "Make an API token for oneself; shown once",
        )
        .gives::<api::Token>(201),
        delete(
            "/api/v1/tokens",
            Staff(EVERYONE),
            api::revoke_tokens,
            "Revoke all of one's API tokens",
        )
        .empty(204),
    ]
}

fn catalog_routes() -> Vec<Route> {
    use {catalog::api as products, freight::api as rules};
    vec![
        get(
            "/api/v1/products",
            Staff(EVERYONE),
            products::list,
            "Products with their skus",
        )
        .gives::<Page<products::ProductView>>(200),
        post(
            "/api/v1/products",
            Staff(&[Manager]),
            products::create,
            "Add a product",
        )
        .takes::<catalog::NewProduct>()
        .gives::<products::ProductView>(201),
        patch(
            "/api/v1/products/{id}",
            Staff(&[Manager]),
            products::change,
            "Change a product",
        )
        .takes::<catalog::ProductChange>()
        .gives::<products::ProductView>(200),
        post(
            "/api/v1/products/{id}/skus",
            Staff(&[Manager]),
            products::create_sku,
            "Add a sku, or a gift box made of skus",
        )
        .takes::<catalog::NewSku>()
        .gives::<catalog::Sku>(201),
        patch(
            "/api/v1/products/{id}/skus/{sku}",
            Staff(&[Manager]),
            products::change_sku,
            "Change a sku",
        )
        .takes::<catalog::SkuChange>()
        .gives::<catalog::Sku>(200),
        get(
            "/api/v1/freight",
            Staff(EVERYONE),
            rules::read,
            "What parcels cost the buyer",
        )
        .gives::<rules::Rules>(200),
        put(
            "/api/v1/freight",
            Staff(&[Manager]),
            rules::replace,
            "Replace all freight rules",
        )
        .takes::<rules::Rules>()
        .gives::<rules::Rules>(200),
    ]
}

fn stock_routes() -> Vec<Route> {
    vec![
        get(
            "/api/v1/stock",
            Staff(READERS),
            stock::api::list,
            "What there is of each sku",
        )
        .gives::<Page<stock::api::StockItem>>(200),
        post(
            "/api/v1/stock/receipts",
            Staff(&[Manager, Packer]),
            stock::api::receive,
            "Take cases of a lot in",
        )
        .takes::<stock::Receipt>()
        .gives::<stock::api::Received>(201),
        post(
            "/api/v1/stock/adjustments",
            Staff(&[Manager, Packer]),
            stock::api::adjust,
            "Set right what is on hand",
        )
        .takes::<stock::Adjustment>()
        .gives::<stock::Availability>(201),
        put(
            "/api/v1/stock/{sku}/ahead",
            Staff(&[Manager]),
            stock::api::sell_ahead,
            "Sell ahead of the lot",
        )
        .takes::<stock::Ahead>()
        .gives::<stock::Availability>(200),
        get(
            "/api/v1/stock/movements",
            Staff(READERS),
            stock::api::movements,
            "Every change of what is on hand, the newest first",
        )
        .gives::<Page<stock::store::Movement>>(200),
    ]
}

fn partner_routes() -> Vec<Route> {
    vec![
        get(
            "/api/v1/subscribers",
            Staff(&[Manager]),
            partners::api::subscribers,
            "Partners who are told what happens",
        )
        .gives::<Page<partners::store::Subscriber>>(200),
        post(
            "/api/v1/subscribers",
            Staff(&[Manager]),
            partners::api::subscribe,
            "Register a partner; shows its secret once",
        )
        .takes::<partners::api::Subscribe>()
        .gives::<partners::api::Subscribed>(201),
        delete(
            "/api/v1/subscribers/{subscriber}",
            Staff(&[Manager]),
            partners::api::unsubscribe,
            "Remove a partner and its events",
        )
        .empty(204),
        get(
            "/api/v1/outbox",
            Staff(&[Manager]),
            partners::api::events,
            "Events for partners, the newest first",
        )
        .gives::<Page<partners::store::Event>>(200),
        post(
            "/api/v1/outbox/{event}/retry",
            Staff(&[Manager]),
            partners::api::retry,
            "Try an event again, now",
        )
        .gives::<partners::store::Event>(200),
    ]
}

fn ops_routes() -> Vec<Route> {
    vec![
        get("/healthz", Public, ops::healthz, "The process is up"),
        get(
            "/readyz",
            Public,
            ops::readyz,
            "The database answers and is migrated",
        ),
        get("/metrics", Public, ops::metrics, "Figures for Prometheus").file(200, "text/plain"),
    ]
}
