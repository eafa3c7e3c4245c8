//! The rows of the console's pages for planning, packing and sending.

use super::{Access, READERS, Route, form, get, post};
use crate::console::{batches, packing, parcels, plan, waybills, what_if};
use crate::orders::import::MAX_BYTES;
use crate::villages::Role::{Manager, Overseer, Packer};
use Access::Staff;

const MANAGER: Access = Staff(&[Manager]);
const PACKERS: Access = Staff(&[Manager, Packer]);
const PLANS: Access = Staff(&[Manager, Packer, Overseer]);

/// A form's parts beside the file in it.
const BESIDE_FILE: usize = 4_096;

pub(super) fn routes() -> Vec<Route> {
    let parts = [plan_routes(), batch_routes(), parcel_routes(), packing_routes()];
    parts.into_iter().flatten().collect()
}

fn plan_routes() -> Vec<Route> {
    let mut routes = vec![
        get(
            "/console/plan",
            PLANS,
            plan::page,
            "What leaves in the coming days",
        ),
        post("/console/plan", MANAGER, plan::commit, "Make the plan"),
        get(
            "/console/plan/preview",
            MANAGER,
            plan::preview,
            "What a plan would do",
        ),
        post(
            "/console/plan/dissolve",
            MANAGER,
            plan::dissolve,
            "Dissolve the batches that are plans",
        ),
    ];
    routes.extend(form(
        "/console/plan/day",
        MANAGER,
        plan::day_form,
        plan::set_day,
        "A day's capacity",
    ));
    routes.extend(form(
        "/console/plan/what-if",
        PLANS,
        what_if::page,
        what_if::ask,
        "The plan as it might be",
    ));
    routes
}

fn batch_routes() -> Vec<Route> {
    let mut routes = vec![
        get("/console/batches", Staff(READERS), batches::list, "Batches"),
        get(
            "/console/batches/{batch}",
            Staff(READERS),
            batches::page,
            "A batch",
        ),
        post(
            "/console/batches/{batch}/release",
            MANAGER,
            batches::release,
            "Give a batch to the workshop",
        ),
        post(
            "/console/batches/{batch}/recall",
            MANAGER,
            batches::recall,
            "Call a batch back",
        ),
        post(
            "/console/batches/{batch}/take-back",
            PACKERS,
            batches::take_back,
            "Undo a hand-over",
        ),
    ];
    routes.extend(form(
        "/console/batches/{batch}/hand-over",
        PACKERS,
        parcels::hand_over_form,
        parcels::hand_over,
        "Hand a batch to the carrier",
    ));
    routes
}

fn parcel_routes() -> Vec<Route> {
    let mut routes = vec![
        post(
            "/console/batches/{batch}/unpack",
            PACKERS,
            batches::unpack,
            "Unpack a parcel",
        ),
        post(
            "/console/batches/{batch}/unhold",
            PACKERS,
            batches::unhold,
            "Let a held parcel go",
        ),
        post(
            "/console/batches/{batch}/take-out",
            MANAGER,
            batches::take_out,
            "Put a parcel, or a planned batch, back into the backlog",
        ),
    ];
    routes.extend(form(
        "/console/batches/{batch}/hold",
        PACKERS,
        parcels::hold_form,
        parcels::hold,
        "Hold a parcel",
    ));
    routes.extend(form(
        "/console/batches/{batch}/split",
        MANAGER,
        parcels::split_form,
        parcels::split,
        "Move parcels to another day or carrier",
    ));
    routes
}

fn packing_routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(form(
        "/console/batches/{batch}/scan",
        PACKERS,
        packing::page,
        packing::scan,
        "Scan to pack",
    ));
    let [page, sent] = form(
        "/console/batches/{batch}/waybills",
        PACKERS,
        waybills::page,
        waybills::send,
        "Waybills of a batch",
    );
    routes.extend([page, sent.limit(MAX_BYTES + BESIDE_FILE)]);
    routes
}
