//! THE table: every URL, who may call it, and the function behind it. The router, the gates and the OpenAPI document
//! are built from it, so that none of them can forget a route.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::{PartialSchema, ToSchema};

use crate::state::App;
use crate::villages::Role::{self, Accountant, Host, Manager, Overseer, Packer};
use crate::villages::auth::{Gate, require};
use crate::web::listing::Page;
use crate::web::openapi::{self, Doc};
use crate::{catalog, freight, links, ops, orders, payments, stock, trace, villages};

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
    routes.extend(order_routes());
    routes.extend(staff_routes());
    routes.extend(catalog_routes());
    routes.extend(stock_routes());
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
    use orders::view::OrderView;
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

fn ops_routes() -> Vec<Route> {
    vec![
        get("/healthz", Public, ops::healthz, "The process is up"),
        get(
            "/readyz",
            Public,
            ops::readyz,
            "The database answers and is migrated",
        ),
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

impl Route {
    /// The JSON body.
    fn takes<T: ToSchema + PartialSchema>(mut self) -> Self {
        self.doc.takes::<T>();
        self
    }

    /// The JSON answer.
    fn gives<T: ToSchema + PartialSchema>(mut self, status: u16) -> Self {
        self.doc.gives::<T>(status);
        self
    }

    fn empty(mut self, status: u16) -> Self {
        self.doc.answers(status, None);
        self
    }
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
                route.handler.route_layer(from_fn_with_state(gate, require))
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
