//! THE table: every URL, who may call it, and the function behind it. The router, the gates and the OpenAPI document
//! are built from it, so that none of them can forget a route.

mod after;
mod buying;
mod console;
mod console_sending;
mod office;
mod selling;
mod sending;

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
use crate::web::openapi::{self, Doc};

/// Who may call a route. There is no default: a row without an answer to this doesn't compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// anybody; buyers hold a link's code or an order's token, and have no account
    Public,
    /// staff with one of these roles
    Staff(&'static [Role]),
}

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
    let parts = [
        buying::routes(),
        selling::routes(),
        office::routes(),
        sending::routes(),
        after::routes(),
        console::routes(),
    ];
    parts.into_iter().flatten().collect()
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
