//! The rows of the staff console: pages and their forms.

use super::{Access, EVERYONE, READERS, Route, form, get, post};
use crate::console::{
    count, deal, door, edit, import, late, links, live, log, money, order, orders, place, products, reports,
    settings, show, skus, stock, team, today, told,
};
use crate::orders::import::MAX_BYTES;
use crate::villages::Role::{Accountant, Host, Manager, Overseer, Packer};
use Access::{Public, Staff};

const ALL: Access = Staff(EVERYONE);
const READ: Access = Staff(READERS);
const MANAGER: Access = Staff(&[Manager]);
const STORE: Access = Staff(&[Manager, Packer]);
const SELL: Access = Staff(&[Manager, Host]);
const PAY: Access = Staff(&[Manager, Accountant]);
const FIGURES: Access = Staff(&[Manager, Accountant, Overseer]);

/// A form's parts beside the file in it.
const BESIDE_FILE: usize = 4_096;

pub fn routes() -> Vec<Route> {
    let parts = [
        frame(),
        orders_routes(),
        late_routes(),
        order_acts(),
        super::console_sending::routes(),
        stock_routes(),
        product_routes(),
        link_routes(),
        office(),
        told_routes(),
        people(),
    ];
    parts.into_iter().flatten().collect()
}

/// The late list.
fn late_routes() -> Vec<Route> {
    vec![
        get(
            "/console/late",
            READ,
            late::page,
            "Late orders, and what their buyers were asked",
        ),
        post(
            "/console/late",
            MANAGER,
            late::ask,
            "Ask the buyers of late orders",
        ),
    ]
}

/// Money that only staff have seen.
fn told_routes() -> Vec<Route> {
    [
        form(
            "/console/confirmations/{confirmation}",
            PAY,
            told::agree_form,
            told::agree,
            "Agree to what another person has confirmed",
        ),
        form(
            "/console/confirmations/{confirmation}/take-back",
            PAY,
            told::take_back_form,
            told::take_back,
            "Take a confirmation back",
        ),
        form(
            "/console/payments/{payment}/reverse",
            PAY,
            told::reverse_form,
            told::reverse,
            "Reverse a payment that never came",
        ),
        form(
            "/console/orders/{order}/refund-surplus",
            PAY,
            told::surplus_form,
            told::surplus,
            "Give back what was paid too much",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The frame, and the first page.
fn frame() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(form(
        "/console/login",
        Public,
        door::login,
        door::log_in,
        "Log in to the console",
    ));
    routes.push(post("/console/logout", Public, door::log_out, "Log out"));
    routes.push(post(
        "/console/language",
        Public,
        door::language,
        "Choose a language",
    ));
    routes.push(post(
        "/console/village",
        Staff(&[Overseer]),
        door::village,
        "Look at another village of the town",
    ));
    routes.push(get("/console", ALL, today::page, "What needs a hand now"));
    routes.push(get("/console/more", ALL, log::more, "The rest of the navigation"));
    routes.push(get("/console/log", FIGURES, log::page, "Who did what"));
    routes.push(get(
        "/components",
        ALL,
        log::components,
        "Every part that pages are made of",
    ));
    routes
}

/// Orders, and what brings them in.
fn orders_routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.push(get("/console/orders", ALL, orders::list, "Orders"));
    routes.push(post(
        "/console/orders/bulk",
        MANAGER,
        orders::bulk,
        "Cancel several orders, after a preview",
    ));
    routes.extend(form(
        "/console/orders/new",
        SELL,
        place::form,
        place::place,
        "Order for a buyer",
    ));
    routes.push(get("/console/orders/{order}", READ, order::page, "An order"));
    routes.push(get(
        "/console/imports",
        MANAGER,
        import::list,
        "Imports of order files",
    ));
    routes.push(
        post("/console/imports", MANAGER, import::send, "Import an order file")
            .limit(MAX_BYTES + BESIDE_FILE),
    );
    routes.push(get(
        "/console/imports/{import}",
        MANAGER,
        import::page,
        "An import",
    ));
    routes
}

/// What is done to one order.
fn order_acts() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(form(
        "/console/orders/{order}/confirm-payment",
        PAY,
        deal::confirm_form,
        deal::confirm,
        "Confirm a payment",
    ));
    routes.extend(form(
        "/console/orders/{order}/refunds",
        PAY,
        deal::refund_form,
        deal::refund,
        "Start a refund",
    ));
    routes.extend(form(
        "/console/orders/{order}/cancel",
        MANAGER,
        deal::cancel_form,
        deal::cancel,
        "Cancel an order",
    ));
    routes.extend(form(
        "/console/orders/{order}/edit",
        MANAGER,
        edit::edit_form,
        edit::edit,
        "Edit an order",
    ));
    routes.extend(form(
        "/console/orders/{order}/unmask",
        STORE,
        order::unmask_form,
        order::unmask_page,
        "Show a recipient in clear",
    ));
    routes
}

/// The store room.
fn stock_routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.push(get("/console/stock", READ, stock::page, "Stock"));
    routes.extend(form(
        "/console/stock/receive",
        STORE,
        stock::receive_form,
        stock::receive,
        "Take stock in",
    ));
    routes.extend(form(
        "/console/stock/adjust",
        STORE,
        stock::adjust_form,
        stock::adjust,
        "Set stock right",
    ));
    routes.extend(form(
        "/console/stock/count",
        STORE,
        count::form,
        count::count,
        "Count stock",
    ));
    routes.extend(form(
        "/console/stock/{sku}/ahead",
        MANAGER,
        stock::ahead_form,
        stock::ahead,
        "Sell ahead of the lot",
    ));
    routes.push(get(
        "/console/stock/movements",
        READ,
        stock::movements,
        "Stock movements",
    ));
    routes
}

/// What is sold.
fn product_routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.push(get("/console/products", ALL, products::list, "Products"));
    routes.extend(form(
        "/console/products/new",
        MANAGER,
        products::new_form,
        products::create,
        "Add a product",
    ));
    routes.push(get("/console/products/{id}", ALL, products::page, "A product"));
    routes.extend(form(
        "/console/products/{id}/edit",
        MANAGER,
        products::edit_form,
        products::edit,
        "Edit a product",
    ));
    routes.push(post(
        "/console/products/{id}/switch",
        MANAGER,
        products::switch,
        "Take a product off sale or put it back",
    ));
    routes.extend(form(
        "/console/products/{id}/skus/new",
        MANAGER,
        skus::new_form,
        skus::create,
        "Add a sku",
    ));
    routes.extend(form(
        "/console/products/{id}/skus/{sku}",
        MANAGER,
        skus::edit_form,
        skus::edit,
        "Edit a sku",
    ));
    routes
}

/// Links, and the live board.
fn link_routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.push(get("/console/links", ALL, links::list, "Links"));
    routes.extend(form(
        "/console/links/new",
        SELL,
        links::new_form,
        links::create,
        "Make a link",
    ));
    routes.push(get("/console/links/{code}", ALL, show::page, "A link"));
    routes.extend(form(
        "/console/links/{code}/edit",
        SELL,
        links::edit_form,
        links::edit,
        "Change a link",
    ));
    routes.push(post(
        "/console/links/{code}/close",
        SELL,
        show::close,
        "Close a link",
    ));
    routes.push(post(
        "/console/links/{code}/open",
        SELL,
        show::open,
        "Open a link again",
    ));
    routes.push(post(
        "/console/links/{code}/copy",
        SELL,
        show::copy,
        "Copy a link",
    ));
    routes.push(get(
        "/console/links/{code}/live",
        ALL,
        live::page,
        "The live board of a link",
    ));
    routes.push(post(
        "/console/links/{code}/more",
        SELL,
        live::more,
        "Fifty cases more",
    ));
    routes
}

/// Money and figures.
fn office() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.push(get(
        "/console/money",
        FIGURES,
        money::page,
        "Payments to confirm, and refunds",
    ));
    routes.extend(form(
        "/console/refunds/{refund}",
        PAY,
        money::refund_form,
        money::refund,
        "Note a refund that was sent by hand",
    ));
    routes.push(get("/console/reports", FIGURES, reports::page, "Reports"));
    routes.push(get("/console/settings", ALL, settings::page, "Settings"));
    routes.extend(form(
        "/console/settings/village",
        MANAGER,
        settings::village_form,
        settings::village,
        "The village",
    ));
    routes.push(get(
        "/console/settings/freight",
        ALL,
        settings::freight_form,
        "The freight table",
    ));
    routes.push(post(
        "/console/settings/freight",
        MANAGER,
        settings::freight,
        "Change the freight table",
    ));
    routes
}

/// Staff, their tokens, and partners.
fn people() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.push(post(
        "/console/settings/tokens",
        ALL,
        settings::make_token,
        "Make an API token",
    ));
    routes.extend(form(
        "/console/settings/tokens/revoke",
        ALL,
        settings::revoke_form,
        settings::revoke_tokens,
        "Revoke all of one's API tokens",
    ));
    routes.extend(form(
        "/console/settings/staff/new",
        MANAGER,
        team::hire_form,
        team::hire,
        "Add a member of staff",
    ));
    routes.extend(form(
        "/console/settings/staff/{id}",
        MANAGER,
        team::change_form,
        team::change,
        "Change a member of staff",
    ));
    routes.extend(form(
        "/console/settings/partners/new",
        MANAGER,
        settings::partner_form,
        settings::partner,
        "Register a partner",
    ));
    routes.extend(form(
        "/console/settings/partners/{subscriber}",
        MANAGER,
        settings::remove_form,
        settings::remove,
        "Remove a partner",
    ));
    routes
}
