//! Links, orders and money, as staff handle them.

use super::{Access, EVERYONE, READERS, Route, get, patch, post};
use crate::villages::Role::{Accountant, Host, Manager, Overseer, Packer};
use crate::web::listing::Page;
use crate::{imports, links, orders, payments, reports};
use Access::{Public, Staff};

pub(super) fn routes() -> Vec<Route> {
    let parts = [
        link_routes(),
        order_routes(),
        payment_routes(),
        money_routes(),
        told_routes(),
        assisted_routes(),
        import_routes(),
        report_routes(),
    ];
    parts.into_iter().flatten().collect()
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
            payments::confirm::confirm,
            "Money was seen",
        )
        .takes::<payments::confirm::ConfirmPayment>()
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

/// Money that only staff have seen.
fn told_routes() -> Vec<Route> {
    use orders::view::OrderView;
    use payments::{confirm, reverse};
    vec![
        get(
            "/api/v1/confirmations",
            Staff(&[Manager, Accountant, Overseer]),
            confirm::list,
            "What staff have confirmed, newest first; ?waiting=true for what a second person has to agree to",
        )
        .gives::<Page<confirm::ConfirmationRow>>(200),
        post(
            "/api/v1/confirmations/{confirmation}/agree",
            Staff(&[Manager, Accountant]),
            confirm::agree,
            "A second person agrees that money came",
        )
        .gives::<confirm::ConfirmationRow>(200),
        post(
            "/api/v1/confirmations/{confirmation}/take-back",
            Staff(&[Manager, Accountant]),
            confirm::take_back,
            "Give up a confirmation that does not count yet",
        )
        .takes::<confirm::TakeBack>()
        .gives::<confirm::ConfirmationRow>(200),
        get(
            "/api/v1/uneven-orders",
            Staff(&[Manager, Accountant, Overseer]),
            reverse::uneven,
            "Live orders that were paid too little or too much, newest first",
        )
        .gives::<Page<reverse::UnevenOrder>>(200),
        post(
            "/api/v1/orders/{order}/refund-surplus",
            Staff(&[Manager, Accountant]),
            reverse::refund_surplus,
            "Give back what was paid too much",
        )
        .gives::<OrderView>(201),
        post(
            "/api/v1/payments/{payment}/reverse",
            Staff(&[Manager, Accountant]),
            reverse::reverse,
            "A payment was confirmed that never came",
        )
        .takes::<reverse::Reverse>()
        .gives::<OrderView>(200),
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
