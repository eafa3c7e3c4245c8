//! THE table: every URL, who may call it, and the function behind it. The router, the gates and the OpenAPI document
//! are built from it, so that none of them can forget a route.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::{PartialSchema, ToSchema};

use crate::app::App;
use crate::villages::Role::{self, Accountant, Host, Manager, Overseer, Packer};
use crate::villages::auth::{Gate, require};
use crate::web::openapi::Doc;
use crate::{ops, villages};

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
    routes.extend(staff_routes());
    routes.extend(ops_routes());
    routes
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
        .gives::<crate::web::listing::Page<villages::store::Operation>>(200),
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
