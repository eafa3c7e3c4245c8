//! What buyers call, and the payment providers that speak for them.

use super::{Access, Route, get, post};
use crate::{links, orders, payments, trace};
use Access::Public;

pub(super) fn routes() -> Vec<Route> {
    let parts = [page_routes(), provider_routes(), buyer_routes()];
    parts.into_iter().flatten().collect()
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
        post(
            "/o/{order}/late",
            Public,
            payments::pages::answer_late,
            "Its three buttons when it can't arrive in time",
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
            "/api/v1/orders/{order}/late",
            Public,
            payments::api::answer_late,
            "Say what to do about a late order: another carrier, after the festival, or money back",
        )
        .takes::<payments::api::AnswerLate>()
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
