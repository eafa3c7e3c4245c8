//! THE table: every URL, who may call it, and the function behind it. The router, the gates and the OpenAPI document
//! are built from it, so that none of them can forget a route.

mod console;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::{PartialSchema, ToSchema};

use crate::state::App;
use crate::villages::Role::{self, Accountant, Host, Manager, Overseer, Packer};
use crate::villages::auth::{Gate, require};
use crate::web::listing::Page;
use crate::web::openapi::{self, Doc};
use crate::{
    calendar, catalog, freight, fulfillment, imports, links, ops, orders, partners, payments, reports, stock,
    trace, villages,
};

/// Who may call a route. There is no default: a row without an answer to this doesn't compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// anybody; buyers hold a link's code or an order's token, and have no account
    Public,
    /// staff with one of these roles
    Staff(&'static [Role]),
}

use Access::{Public, Staff};

const EVERYONE: &[Role] = &[Manager, Packer, Accountant, Host, Overseer];
const READERS: &[Role] = &[Manager, Packer, Accountant, Overseer];

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub doc: Doc,
    handler: MethodRouter<App>,
}

/// The whole outside of the program.
pub fn table() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(page_routes());
    routes.extend(buyer_routes());
    routes.extend(provider_routes());
    routes.extend(link_routes());
    routes.extend(order_routes());
    routes.extend(payment_routes());
    routes.extend(money_routes());
    routes.extend(assisted_routes());
    routes.extend(staff_routes());
    routes.extend(village_routes());
    routes.extend(catalog_routes());
    routes.extend(calendar_routes());
    routes.extend(stock_routes());
    routes.extend(import_routes());
    routes.extend(waybill_routes());
    routes.extend(paper_routes());
    routes.extend(tracking_routes());
    routes.extend(report_routes());
    routes.extend(plan_routes());
    routes.extend(batch_routes());
    routes.extend(packing_routes());
    routes.extend(parcel_routes());
    routes.extend(partner_routes());
    routes.extend(console::routes());
    routes.extend(ops_routes());
    routes
}

/// What buyers' phones show.
fn page_routes() -> Vec<Route> {
    vec![
        get("/s/{code}", Public, orders::pages::page, "A link's page"),
        post(
            "/s/{code}",
            Public,
            orders::pages::submit,
            "Its form: read an address, show the total, order",
        ),
        get(
            "/s/{code}/cover.png",
            Public,
            orders::pages::cover,
            "The picture of a link's card in chats",
        ),
        get("/o/{order}", Public, payments::pages::page, "An order's page"),
        post(
            "/o/{order}/pay",
            Public,
            payments::pages::pay,
            "Its buttons to pay",
        ),
        post(
            "/o/{order}/cancel",
            Public,
            payments::pages::cancel,
            "Its form to cancel",
        ),
        post(
            "/o/{order}/changes/{version}",
            Public,
            payments::pages::answer,
            "Its form to agree to a change or decline it",
        ),
        get("/t/{lot}", Public, trace::page, "Where a lot comes from"),
        get(
            "/practice/{payment}",
            Public,
            payments::practice::page,
            "Pay with play money",
        ),
        post(
            "/practice/{payment}",
            Public,
            payments::practice::pay_by_page,
            "Pay with play money",
        ),
        get(
            "/static/{file}",
            Public,
            crate::web::files::file,
            "Style sheet, script and picture of the pages",
        ),
    ]
}

/// What payment providers call.
fn provider_routes() -> Vec<Route> {
    vec![
        post(
            "/webhooks/stripe",
            Public,
            payments::webhook::stripe,
            "An event of Stripe's",
        )
        .takes_file("application/json", payments::webhook::MAX_EVENT),
        post(
            "/webhooks/wechat",
            Public,
            payments::webhook::wechat,
            "A notification of WeChat Pay's",
        )
        .takes_file("application/json", payments::webhook::MAX_EVENT),
    ]
}

fn buyer_routes() -> Vec<Route> {
    use orders::view::OrderView;
    vec![
        get(
            "/api/v1/links/{code}",
            Public,
            orders::api::link,
            "A link: what it offers and what is left",
        )
        .gives::<links::board::LinkView>(200),
        post(
            "/api/v1/links/{code}/quote",
            Public,
            orders::api::quote,
            "What an order would cost",
        )
        .takes::<orders::api::QuoteRequest>()
        .gives::<orders::quote::Quote>(200),
        post(
            "/api/v1/links/{code}/orders",
            Public,
            orders::api::place,
            "Place an order",
        )
        .takes::<orders::draft::PlaceOrder>()
        .gives::<OrderView>(201)
        .gives::<OrderView>(200),
        get(
            "/api/v1/orders/{order}",
            Public,
            orders::api::read,
            "An order, by its token",
        )
        .gives::<OrderView>(200),
        post(
            "/api/v1/orders/{order}/payments",
            Public,
            payments::api::open,
            "Start to pay an order",
        )
        .takes::<payments::api::OpenPayment>()
        .gives::<payments::till::NextStep>(200),
        post(
            "/api/v1/orders/{order}/cancel",
            Public,
            payments::api::cancel,
            "Cancel an unpacked order",
        )
        .gives::<OrderView>(200),
        post(
            "/api/v1/practice/{payment}/pay",
            Public,
            payments::practice::pay_by_program,
            "Pay with play money",
        )
        .gives::<OrderView>(200),
    ]
}

fn order_routes() -> Vec<Route> {
    vec![
        get(
            "/api/v1/orders",
            Staff(EVERYONE),
            orders::api::list,
            "Orders, newest first",
        )
        .gives::<Page<orders::api::OrderRow>>(200),
        get(
            "/api/v1/orders/{order}/details",
            Staff(READERS),
            orders::api::details,
            "An order, by its number",
        )
        .gives::<orders::api::OrderDetails>(200),
        post(
            "/api/v1/orders/{order}/unmask",
            Staff(&[Manager, Packer]),
            orders::api::unmask,
            "A recipient in clear; logged",
        )
        .takes::<orders::api::Unmask>()
        .gives::<orders::api::ClearRecipient>(200),
    ]
}

/// Money, as staff handle it.
fn payment_routes() -> Vec<Route> {
    use orders::view::OrderView;
    vec![
        post(
            "/api/v1/orders/{order}/confirm-payment",
            Staff(&[Manager, Accountant]),
            payments::api::confirm,
            "Money was seen",
        )
        .takes::<payments::api::ConfirmPayment>()
        .gives::<OrderView>(200),
        post(
            "/api/v1/orders/{order}/refunds",
            Staff(&[Manager, Accountant]),
            payments::api::start_refund,
            "Give money back",
        )
        .takes::<payments::api::StartRefund>()
        .gives::<OrderView>(201),
        post(
            "/api/v1/orders/{order}/cancel-by-staff",
            Staff(&[Manager]),
            payments::api::cancel_by_staff,
            "Cancel for a buyer",
        )
        .takes::<payments::api::CancelByStaff>()
        .gives::<OrderView>(200),
        get(
            "/api/v1/refunds",
            Staff(&[Manager, Accountant, Overseer]),
            payments::api::refunds,
            "Refunds, newest first",
        )
        .gives::<Page<payments::api::RefundRow>>(200),
        post(
            "/api/v1/refunds/{refund}/done",
            Staff(&[Manager, Accountant]),
            payments::api::refund_done,
            "Money was sent back",
        )
        .takes::<payments::api::RefundDone>()
        .gives::<payments::api::RefundRow>(200),
    ]
}

/// What the accountant looks at at the end of a day.
fn money_routes() -> Vec<Route> {
    vec![
        get(
            "/api/v1/reconciliation",
            Staff(&[Manager, Accountant, Overseer]),
            payments::close::reconciliation,
            "A day's money against the provider's books",
        )
        .gives::<payments::close::Reconciliation>(200),
        get(
            "/api/v1/daily-close",
            Staff(&[Manager, Accountant, Overseer]),
            payments::close::daily_close,
            "A day's money, and whether it is explained",
        )
        .gives::<payments::close::DailyClose>(200),
        get(
            "/api/v1/payments",
            Staff(&[Manager, Accountant, Overseer]),
            payments::desk::payments,
            "Payments, newest first",
        )
        .gives::<Page<payments::desk::PaymentRow>>(200),
        post(
            "/api/v1/payments/{payment}/settle-trouble",
            Staff(&[Manager, Accountant]),
            payments::desk::settle_trouble,
            "What was wrong with a payment was looked into",
        )
        .takes::<payments::desk::TroubleSettled>()
        .gives::<payments::desk::Settled>(200),
    ]
}

fn link_routes() -> Vec<Route> {
    use links::{api, share};
    let makers = Staff(&[Manager, Host]);
    let analysts = Staff(&[Manager, Accountant, Host, Overseer]);
    vec![
        get(
            "/api/v1/links",
            Staff(EVERYONE),
            api::list,
            "Links, the newest first",
        )
        .gives::<Page<api::Link>>(200),
        post("/api/v1/links", makers, api::create, "Make a link")
            .takes::<links::NewLink>()
            .gives::<api::Link>(201),
        get(
            "/api/v1/links/stats",
            analysts,
            api::host_stats,
            "Sales by host and channel, ?from= and ?to= days",
        )
        .gives::<Page<links::stats::HostStats>>(200),
        patch("/api/v1/links/{code}", makers, api::change, "Change a link")
            .takes::<links::LinkChange>()
            .gives::<api::Link>(200),
        post("/api/v1/links/{code}/close", makers, api::close, "Close a link").gives::<api::Link>(200),
        post(
            "/api/v1/links/{code}/clone",
            makers,
            api::copy,
            "Make a link with the same settings",
        )
        .gives::<api::Link>(201),
        get(
            "/api/v1/links/{code}/stats",
            analysts,
            api::link_stats,
            "What came of a link",
        )
        .gives::<links::stats::LinkStats>(200),
        get(
            "/api/v1/live/{code}",
            Staff(&[Manager, Accountant, Host, Overseer]),
            links::live::events,
            "The live board of a link: a `Frame` as JSON per server-sent event",
        )
        .stream::<links::live::Frame>(),
        get(
            "/api/v1/links/{code}/qr.svg",
            Staff(EVERYONE),
            share::qr_svg,
            "Its QR code",
        )
        .file(200, "image/svg+xml"),
        get(
            "/api/v1/links/{code}/poster.svg",
            Staff(EVERYONE),
            share::poster_svg,
            "Its poster",
        )
        .file(200, "image/svg+xml"),
        get(
            "/api/v1/links/{code}/poster.png",
            Staff(EVERYONE),
            share::poster_png,
            "Its poster, to send on",
        )
        .file(200, "image/png"),
    ]
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

fn assisted_routes() -> Vec<Route> {
    use orders::addresses;
    use orders::view::OrderView;
    use payments::change;
    vec![
        post(
            "/api/v1/orders",
            Staff(&[Manager, Host]),
            orders::assisted::place,
            "Place an order for a buyer",
        )
        .takes::<orders::assisted::PlaceForBuyer>()
        .gives::<OrderView>(201)
        .gives::<OrderView>(200),
        post(
            "/api/v1/orders/{order}/edit",
            Staff(&[Manager]),
            change::edit,
            "Edit an unpacked order, by its number; a dearer one is proposed to the buyer",
        )
        .takes::<change::EditOrder>()
        .gives::<OrderView>(200),
        post(
            "/api/v1/orders/{order}/changes/{version}/agree",
            Public,
            change::agree,
            "Agree to a proposed edit",
        )
        .gives::<OrderView>(200),
        post(
            "/api/v1/orders/{order}/changes/{version}/decline",
            Public,
            change::decline,
            "Decline a proposed edit",
        )
        .gives::<OrderView>(200),
        post(
            "/api/v1/addresses/parse",
            Public,
            addresses::parse,
            "Name, phone and address out of a pasted text",
        )
        .takes::<addresses::PastedText>()
        .gives::<crate::address::paste::Proposal>(200),
        get(
            "/api/v1/areas",
            Public,
            addresses::areas,
            "Provinces, or the areas below ?parent=",
        )
        .gives::<addresses::Areas>(200),
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

fn calendar_routes() -> Vec<Route> {
    use calendar::api;
    vec![
        get(
            "/api/v1/capacity",
            Staff(EVERYONE),
            api::capacity,
            "What the workshop packs in a day",
        )
        .gives::<calendar::Workshop>(200),
        put(
            "/api/v1/capacity",
            Staff(&[Manager]),
            api::set_capacity,
            "Replace what the workshop packs in a day",
        )
        .takes::<calendar::Workshop>()
        .gives::<calendar::Workshop>(200),
        get(
            "/api/v1/carriers",
            Staff(EVERYONE),
            api::carriers,
            "Carriers: pick-up, days on the way, festival stops",
        )
        .gives::<api::Carriers>(200),
        put(
            "/api/v1/carriers",
            Staff(&[Manager]),
            api::set_carriers,
            "Replace all carriers",
        )
        .takes::<api::Carriers>()
        .gives::<api::Carriers>(200),
        get(
            "/api/v1/calendar/warnings",
            Staff(EVERYONE),
            api::warnings,
            "Stop dates that are not known yet, and the coming festivals",
        )
        .gives::<api::Warnings>(200),
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

fn import_routes() -> Vec<Route> {
    use imports::api as files;
    vec![
        post(
            "/api/v1/orders/import",
            Staff(&[Manager]),
            files::import,
            "Bring in the order file of another shop: CSV or XLSX, as the body",
        )
        .takes_file("application/octet-stream", orders::import::MAX_BYTES)
        .gives::<files::ReportView>(200),
        get(
            "/api/v1/imports",
            Staff(&[Manager]),
            files::list,
            "Imports of order files, newest first",
        )
        .gives::<Page<imports::ImportRow>>(200),
        get(
            "/api/v1/imports/{import}",
            Staff(&[Manager]),
            files::read,
            "An import: how far it is, and its report",
        )
        .gives::<files::ImportView>(200),
    ]
}

fn report_routes() -> Vec<Route> {
    use reports::api as figures;
    const READ: Access = Staff(&[Manager, Accountant, Overseer]);
    vec![
        get("/api/v1/reports/sales", READ, figures::sales, "Sales per day")
            .gives::<Page<reports::SalesDay>>(200),
        get(
            "/api/v1/reports/channels",
            READ,
            figures::channels,
            "Sales per channel and host",
        )
        .gives::<Page<reports::ChannelSales>>(200),
        get(
            "/api/v1/reports/stock",
            READ,
            figures::stock,
            "What there is of each stock item",
        )
        .gives::<Page<reports::StockLevel>>(200),
        get(
            "/api/v1/reports/backlog",
            Staff(READERS),
            figures::backlog,
            "What is sold and not handed over",
        )
        .gives::<reports::Backlog>(200),
    ]
}

fn plan_routes() -> Vec<Route> {
    use fulfillment::api::plan;
    const PLANNERS: Access = Staff(&[Manager]);
    vec![
        post(
            "/api/v1/plan",
            PLANNERS,
            plan::plan,
            "Plan what leaves when and with whom; with `commit` make the batches",
        )
        .takes::<fulfillment::question::PlanRequest>()
        .gives::<plan::PlanView>(200),
        post(
            "/api/v1/plan/what-if",
            Staff(&[Manager, Packer, Overseer]),
            plan::what_if,
            "Plan twice, as things are and as they might be; leaves no trace",
        )
        .takes::<plan::WhatIf>()
        .gives::<plan::WhatIfView>(200),
        get(
            "/api/v1/wishes",
            Staff(READERS),
            plan::notes,
            "Notes that ask something of the sending, undecided",
        )
        .gives::<Page<plan::WishNote>>(200),
        post(
            "/api/v1/orders/{order}/wish",
            Staff(&[Manager, Packer]),
            plan::decide,
            "Say what counts of an order's note",
        )
        .takes::<fulfillment::wishes::Wish>()
        .gives::<fulfillment::wishes::Wish>(200),
    ]
}

fn batch_routes() -> Vec<Route> {
    use fulfillment::api::batches;
    use fulfillment::batches::BatchAct;
    const MANAGERS: Access = Staff(&[Manager]);
    vec![
        get(
            "/api/v1/batches",
            Staff(READERS),
            batches::list,
            "Batches by day, ?state= and ?day=",
        )
        .gives::<Page<fulfillment::store::batches::Batch>>(200),
        get(
            "/api/v1/batches/{batch}",
            Staff(READERS),
            batches::read,
            "A batch with its parcels",
        )
        .gives::<batches::BatchDetails>(200),
        post(
            "/api/v1/batches/{batch}/release",
            MANAGERS,
            batches::release,
            "Give a batch to the workshop",
        )
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/recall",
            MANAGERS,
            batches::recall,
            "Call a released batch back into the plan",
        )
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/take-out",
            MANAGERS,
            batches::take_out,
            "Put parcels back into the backlog",
        )
        .takes::<batches::ParcelCodes>()
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/split",
            MANAGERS,
            batches::split,
            "Move parcels to another batch, day or carrier",
        )
        .takes::<batches::SplitBatch>()
        .gives::<BatchAct>(200),
    ]
}

fn packing_routes() -> Vec<Route> {
    use fulfillment::api::batches;
    use fulfillment::batches::BatchAct;
    const PACKERS: Access = Staff(&[Manager, Packer]);
    vec![
        post(
            "/api/v1/batches/{batch}/pack",
            PACKERS,
            batches::pack,
            "Pack parcels",
        )
        .takes::<batches::ParcelCodes>()
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/unpack",
            PACKERS,
            batches::unpack,
            "Undo packing",
        )
        .takes::<batches::ParcelCodes>()
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/hold",
            PACKERS,
            batches::hold,
            "Hold parcels back for a reason",
        )
        .takes::<batches::HoldParcels>()
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/unhold",
            PACKERS,
            batches::unhold,
            "Let held parcels go",
        )
        .takes::<batches::ParcelCodes>()
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/hand-over",
            PACKERS,
            batches::hand_over,
            "Hand what is packed to the carrier",
        )
        .gives::<BatchAct>(200),
        post(
            "/api/v1/batches/{batch}/take-back",
            PACKERS,
            batches::take_back,
            "Undo a hand-over",
        )
        .gives::<BatchAct>(200),
    ]
}

fn parcel_routes() -> Vec<Route> {
    use fulfillment::api::parcels;
    const PACKERS: Access = Staff(&[Manager, Packer]);
    vec![
        get(
            "/api/v1/parcels/{parcel}",
            Staff(READERS),
            parcels::read,
            "A parcel, by its code",
        )
        .gives::<parcels::ParcelDetails>(200),
        post(
            "/api/v1/parcels/{parcel}/delivered",
            PACKERS,
            parcels::delivered,
            "The carrier has delivered it",
        )
        .gives::<parcels::ParcelDetails>(200),
        post(
            "/api/v1/parcels/{parcel}/waybill",
            PACKERS,
            parcels::replace_waybill,
            "Replace or void its waybill",
        )
        .takes::<parcels::ReplaceWaybill>()
        .gives::<parcels::ParcelDetails>(200),
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

fn route<H: Handler<T, App>, T: 'static>(
    method: Method,
    path: &'static str,
    access: Access,
    handler: H,
    summary: &'static str,
) -> Route {
    // the table below uses the five methods that MethodFilter knows
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
    Route {
        method,
        path,
        access,
        doc: Doc::new(summary),
        handler: on(filter, handler),
    }
}

fn get<H: Handler<T, App>, T: 'static>(
    path: &'static str,
    access: Access,
    handler: H,
    summary: &'static str,
) -> Route {
    route(Method::GET, path, access, handler, summary)
}

fn post<H: Handler<T, App>, T: 'static>(
    path: &'static str,
    access: Access,
    handler: H,
    summary: &'static str,
) -> Route {
    route(Method::POST, path, access, handler, summary)
}

fn put<H: Handler<T, App>, T: 'static>(
    path: &'static str,
    access: Access,
    handler: H,
    summary: &'static str,
) -> Route {
    route(Method::PUT, path, access, handler, summary)
}

fn patch<H: Handler<T, App>, T: 'static>(
    path: &'static str,
    access: Access,
    handler: H,
    summary: &'static str,
) -> Route {
    route(Method::PATCH, path, access, handler, summary)
}

fn delete<H: Handler<T, App>, T: 'static>(
    path: &'static str,
    access: Access,
    handler: H,
    summary: &'static str,
) -> Route {
    route(Method::DELETE, path, access, handler, summary)
}

/// A page with a form, and the form sent back to it.
fn form<G: Handler<T, App>, T: 'static, P: Handler<U, App>, U: 'static>(
    path: &'static str,
    access: Access,
    page: G,
    sent: P,
    summary: &'static str,
) -> [Route; 2] {
    [
        get(path, access, page, summary),
        post(path, access, sent, summary),
    ]
}

impl Route {
    /// The JSON body.
    fn takes<T: ToSchema + PartialSchema>(mut self) -> Self {
        self.doc.takes::<T>();
        self
    }

    /// A file as the body, which may be larger than other bodies.
    fn takes_file(mut self, kind: &'static str, limit: usize) -> Self {
        self.doc.takes_file(kind);
        self.handler = self.handler.layer(DefaultBodyLimit::max(limit));
        self
    }

    /// The JSON answer.
    fn gives<T: ToSchema + PartialSchema>(mut self, status: u16) -> Self {
        self.doc.gives::<T>(status);
        self
    }

    /// A larger body than others may have.
    fn limit(mut self, limit: usize) -> Self {
        self.handler = self.handler.layer(DefaultBodyLimit::max(limit));
        self
    }

    /// Server-sent events with this JSON in each.
    fn stream<T: ToSchema + PartialSchema>(mut self) -> Self {
        self.doc.stream::<T>();
        self
    }

    /// An answer that is no JSON.
    fn file(mut self, status: u16, kind: &'static str) -> Self {
        self.doc.file(status, kind);
        self
    }

    fn empty(mut self, status: u16) -> Self {
        self.doc.answers(status, None);
        self
    }
}

/// What is printed of a batch.
fn paper_routes() -> Vec<Route> {
    use fulfillment::api::paper::{self, PDF, XLSX};
    vec![
        get(
            "/api/v1/batches/{batch}/packing-list.pdf",
            Staff(READERS),
            paper::packing_list,
            "Its packing list",
        )
        .file(200, PDF),
        get(
            "/api/v1/batches/{batch}/packing-list.xlsx",
            Staff(READERS),
            paper::packing_list_xlsx,
            "Its packing list as a workbook",
        )
        .file(200, XLSX),
        get(
            "/api/v1/batches/{batch}/pick-list.pdf",
            Staff(READERS),
            paper::pick_list,
            "What to fetch from the store room",
        )
        .file(200, PDF),
        get(
            "/api/v1/batches/{batch}/labels.pdf",
            Staff(READERS),
            paper::labels,
            "Its labels, ?size=100x150 or 76x130",
        )
        .file(200, PDF),
        get(
            "/api/v1/batches/{batch}/hand-over.pdf",
            Staff(READERS),
            paper::hand_over,
            "What the driver signs",
        )
        .file(200, PDF),
        get(
            "/api/v1/batches/{batch}/hand-over.xlsx",
            Staff(READERS),
            paper::hand_over_xlsx,
            "The same as a workbook",
        )
        .file(200, XLSX),
    ]
}

/// The numbers that carriers give parcels.
fn waybill_routes() -> Vec<Route> {
    use fulfillment::api::{batches, waybills};
    const PACKERS: Access = Staff(&[Manager, Packer]);
    vec![
        post(
            "/api/v1/batches/{batch}/waybills",
            PACKERS,
            waybills::give,
            "Give parcels their waybills: items, or the file of a carrier's tool (CSV or XLSX) as the body",
        )
        .takes_file("text/csv", orders::import::MAX_BYTES)
        .takes::<batches::WaybillItems>()
        .gives::<waybills::Given>(200),
        get(
            "/api/v1/batches/{batch}/waybills.csv",
            PACKERS,
            waybills::csv,
            "Its parcels for a carrier's tool, as CSV",
        )
        .file(200, "text/csv"),
        get(
            "/api/v1/batches/{batch}/waybills.xlsx",
            PACKERS,
            waybills::xlsx,
            "The same as a workbook",
        )
        .file(
            200,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ]
}

/// Following parcels on their way.
fn tracking_routes() -> Vec<Route> {
    use fulfillment::tracking::{api, store};
    vec![
        post(
            "/webhooks/kuaidi100",
            Public,
            api::pushed,
            "What Kuaidi100 pushes of a parcel; signed",
        )
        .takes_file("application/x-www-form-urlencoded", api::MAX_PUSH),
        get(
            "/api/v1/tracking",
            Staff(READERS),
            api::list,
            "Parcels on their way; with `alarm=true` those that somebody has to look at",
        )
        .gives::<Page<store::OnTheWay>>(200),
        post(
            "/api/v1/tracking/{parcel}/seen",
            Staff(&[Manager, Packer]),
            api::alarm_seen,
            "Somebody has looked at a parcel's alarm",
        )
        .empty(204),
        get(
            "/api/v1/transit/learned",
            Staff(READERS),
            api::learned,
            "Days on the way, learned from the village's own parcels",
        )
        .gives::<Page<store::Learned>>(200),
    ]
}

/// The router: each route behind its gate.
pub fn router(app: &App) -> Router<App> {
    table().into_iter().fold(Router::new(), |router, route| {
        let handler = match route.access {
            Access::Public => route.handler,
            Access::Staff(roles) => {
                let gate = Gate {
                    db: app.db.clone(),
                    clock: app.clock.clone(),
                    roles,
                };
                let guarded = route.handler.route_layer(from_fn_with_state(gate, require));
                match route.path.starts_with("/api/") {
                    true => guarded,
                    false => guarded.route_layer(from_fn(crate::console::desk::to_login)),
                }
            }
        };
        router.route(route.path, handler)
    })
}

/// The OpenAPI document of the table.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let rows = table().into_iter().map(|route| openapi::Row {
        roles: match route.access {
            Access::Public => None,
            Access::Staff(roles) => Some(
                roles
                    .iter()
                    .map(|role| role.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        },
        method: route.method,
        path: route.path,
        doc: route.doc,
    });
    openapi::document(rows.collect())
}
