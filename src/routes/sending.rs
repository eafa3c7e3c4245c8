//! The way to the buyer's door: calendar, plan, batches, packing, paper, waybills, tracking.

use super::{Access, EVERYONE, READERS, Route, get, post, put};
use crate::villages::Role::{Manager, Overseer, Packer};
use crate::web::listing::Page;
use crate::{calendar, fulfillment, orders};
use Access::{Public, Staff};

pub(super) fn routes() -> Vec<Route> {
    let parts = [
        calendar_routes(),
        plan_routes(),
        late_routes(),
        batch_routes(),
        packing_routes(),
        parcel_routes(),
        paper_routes(),
        waybill_routes(),
        tracking_routes(),
    ];
    parts.into_iter().flatten().collect()
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

fn late_routes() -> Vec<Route> {
    use fulfillment::api::late;
    vec![
        post(
            "/api/v1/late",
            Staff(&[Manager]),
            late::ask,
            "Ask the buyers of late orders what to do, with a default at a deadline",
        )
        .takes::<late::AskLate>()
        .gives::<late::AskedView>(200),
        get(
            "/api/v1/late",
            Staff(READERS),
            late::list,
            "What buyers of late orders were asked and answered, ?state=",
        )
        .gives::<late::LateList>(200),
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
            "/api/v1/batches/{batch}/scans",
            PACKERS,
            batches::scan,
            "Take the scans of a phone, which may come late, twice, and in any order",
        )
        .takes::<batches::Scans>()
        .gives::<fulfillment::scans::Synced>(200),
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
