//! The plan of a shop: reads what there is, lets `plan` decide, and gives each parcel its lots.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use uuid::Uuid;

use super::lots::{self, Need, Shelf, Taken};
use super::plan;
use super::question::{Question, Spoiled};
use super::shaping::{self, OpenOrder, Rules, Shape, Supply, Unit};
use super::store::{self, backlog, batches};
use crate::calendar::{self, Calendar, Carrier, Workshop};
use crate::db::Db;
use crate::error::{Result, Text, conflict, invalid_fields, text};
use crate::id::VillageId;
use crate::money::Fen;

/// Cases that leave together at most.
const MAX_CASES: i64 = 999;

/// What the shop has and owes, as of one instant.
#[derive(Clone)]
pub struct Ground {
    pub epoch: i64,
    pub calendar: Calendar,
    pub orders: Vec<OpenOrder>,
    /// orders kept out of the plan by an open refund request
    pub waiting: Vec<backlog::Waiting>,
    pub supply: HashMap<Uuid, Supply>,
    pub shelf: Shelf,
    pub min_days: HashMap<Uuid, i64>,
    pub skus: HashMap<String, Uuid>,
    /// cases per day and carrier that earlier work has taken
    pub taken: BTreeMap<(NaiveDate, String), i64>,
    /// the parcels that a new plan replaces
    pub before: Vec<store::plan::Before>,
    /// planned batches: id, number, day, carrier
    pub planned: Vec<(Uuid, String, String, String)>,
}

/// Reads the ground of a plan.
///
/// # Errors
/// 409 `no-carriers` before the shop has said who collects and what it packs.
pub async fn read(db: &Db, village: VillageId, as_of: NaiveDate) -> Result<Ground> {
    let epoch = store::epoch(db, village).await?;
    let mut tx = db.snapshot().await?;
    let tx = &mut tx;
    let calendar = calendar::store::read(tx, village).await?;
    let calendar = calendar
        .filter(|calendar| !calendar.carriers.is_empty())
        .ok_or_else(|| {
            conflict(
                "no-carriers",
                text(
                    "还没有填快递和产能：先设置 /api/v1/carriers 和 /api/v1/capacity。",
                    "There are no carriers yet: set /api/v1/carriers and /api/v1/capacity first.",
                ),
            )
        })?;
    let (orders, waiting) = backlog::open_orders(tx, village).await?;
    Ok(Ground {
        epoch,
        calendar,
        orders,
        waiting,
        supply: backlog::supply(tx, village).await?,
        shelf: backlog::shelf(tx, village, false).await?,
        min_days: backlog::min_days_left(tx, village).await?,
        skus: backlog::sku_codes(tx, village).await?,
        taken: backlog::taken_room(tx, village, as_of).await?,
        before: store::plan::before(tx, village).await?,
        planned: batches::planned(tx, village).await?,
    })
}

/// A unit with its day, its carrier and its goods.
#[derive(Clone, Debug)]
pub struct Load {
    pub unit: Unit,
    pub ship_on: NaiveDate,
    pub carrier: String,
    pub arrives_on: NaiveDate,
    pub late: bool,
    pub reason: String,
    /// the lots of each shape
    pub goods: Vec<Vec<Taken>>,
    /// the carrier's last day of collecting before its next stop
    pub collects_until: Option<NaiveDate>,
}

/// A unit that is late, or that can't be sent at all.
#[derive(Clone, Debug)]
pub struct Late {
    pub unit: Unit,
    /// day, carrier and arrival, when it has been planned all the same
    pub sending: Option<(NaiveDate, String, NaiveDate)>,
    pub reason: String,
}

/// A computed plan.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// by day, carrier and urgency
    pub loads: Vec<Load>,
    pub late: Vec<Late>,
    pub freight_fen: Fen,
}

/// Plans. Pure.
///
/// # Errors
/// What `plan` finds wrong with the calendar.
pub fn draft(ground: &Ground, question: &Question) -> Result<Draft> {
    let rules = Rules {
        as_of: question.as_of,
        deadline: question.deadline,
        max_grams: question.max_grams,
        merge: question.merge,
        ready_on: question.ready_on.clone(),
    };
    let (supply, mut shelf) = spoil(ground, &question.spoiled);
    let units = shaping::shape(&ground.orders, &supply, &rules);
    let (units, nowhere): (Vec<Unit>, Vec<Unit>) = units.into_iter().partition(can_be_planned);
    let (workshop, carriers) = room_left(&ground.calendar, &ground.taken);
    let input = plan::Input {
        as_of: question.as_of,
        horizon_days: question.horizon_days,
        workshop,
        carriers,
        parcels: units.iter().map(|unit| asked(unit, &ground.calendar)).collect(),
    };
    let planned = plan::plan(&input).map_err(|wrong| invalid_fields(vec![wrong]))?;
    let mut draft = Draft {
        freight_fen: Fen(planned.freight_fen),
        ..Draft::default()
    };
    let mut by_id: HashMap<String, Unit> = units.into_iter().map(|unit| (unit.id.clone(), unit)).collect();
    let mut loads: Vec<Load> = Vec::new();
    for assigned in planned.assigned {
        if let Some(unit) = by_id.remove(&assigned.id) {
            loads.push(load_of(unit, assigned, &ground.calendar));
        }
    }
    loads.sort_by(|a, b| load_order(a).cmp(&load_order(b)));
    for load in loads {
        fill(&mut draft, load, &mut shelf, ground, &supply, question.as_of);
    }
    for left in planned.unassigned {
        let Some(unit) = by_id.remove(&left.id) else {
            continue;
        };
        draft.late.push(Late {
            unit,
            sending: None,
            reason: both(&left.reason),
        });
    }
    draft.late.extend(nowhere.into_iter().map(|unit| Late {
        unit,
        sending: None,
        reason: both(&text(
            "地址没有省份，或一次太多箱",
            "its address has no province, or it is too many cases at once",
        )),
    }));
    draft
        .late
        .sort_by(|a, b| (a.unit.paid_at, &a.unit.id).cmp(&(b.unit.paid_at, &b.unit.id)));
    Ok(draft)
}

impl Unit {
    /// The numbers of its orders.
    pub fn numbers(&self) -> Vec<String> {
        let inside = self.shapes.iter().flat_map(|shape| &shape.inside);
        let numbers: BTreeSet<&str> = inside.map(|it| it.number.as_str()).collect();
        numbers.into_iter().map(str::to_owned).collect()
    }
}

/// Plans on a thread of its own: a large shop's plan takes a while.
///
/// # Errors
/// Those of [`draft`].
pub async fn compute(ground: Ground, question: &Question) -> Result<(Ground, Draft)> {
    let question = question.clone();
    let computed = tokio::task::spawn_blocking(move || {
        let draft = draft(&ground, &question)?;
        Ok((ground, draft))
    });
    computed.await.map_err(anyhow::Error::from)?
}

/// A unit as `plan` takes it.
fn asked(unit: &Unit, calendar: &Calendar) -> plan::Parcel {
    plan::Parcel {
        id: unit.id.clone(),
        cases: unit.cases(),
        province: unit.province.clone(),
        deadline: unit.deadline,
        ready_on: Some(unit.ready_on),
        paid_at: Some(unit.paid_at),
        carrier: known_carrier(unit, calendar),
    }
}

fn load_of(unit: Unit, assigned: plan::Assigned, calendar: &Calendar) -> Load {
    let carrier = calendar.carriers.iter().find(|it| it.carrier == assigned.carrier);
    Load {
        collects_until: carrier.and_then(|it| collects_until(it, &unit.province, assigned.ship_on)),
        unit,
        ship_on: assigned.ship_on,
        carrier: assigned.carrier,
        arrives_on: assigned.arrives_on,
        late: assigned.late,
        reason: both(&assigned.reason),
        goods: Vec::new(),
    }
}

/// What `plan` takes; an order that isn't so must not keep all others from being planned.
fn can_be_planned(unit: &Unit) -> bool {
    let province = unit.province.len() == 2 && unit.province.bytes().all(|byte| byte.is_ascii_digit());
    province && (1..=MAX_CASES).contains(&unit.cases())
}

/// The carrier that a unit has to leave with; a wish for one that is gone since binds nobody.
fn known_carrier(unit: &Unit, calendar: &Calendar) -> Option<String> {
    let known = |wanted: &&String| calendar.carriers.iter().any(|it| it.carrier == **wanted);
    unit.carrier.as_ref().filter(known).cloned()
}

/// Both languages as one text.
fn both(reason: &Text) -> String {
    format!("{} / {}", reason.zh, reason.en)
}

fn load_order(load: &Load) -> (NaiveDate, &str, Option<NaiveDate>, crate::clock::Timestamp, &str) {
    let unit = &load.unit;
    (load.ship_on, &load.carrier, unit.deadline, unit.paid_at, &unit.id)
}

/// Takes a load's goods off the shelf. One that finds no lot that lasts long enough stays behind, and is told as late.
fn fill(
    draft: &mut Draft,
    mut load: Load,
    shelf: &mut Shelf,
    ground: &Ground,
    supply: &HashMap<Uuid, Supply>,
    as_of: NaiveDate,
) {
    let mut missing = false;
    for shape in &load.unit.shapes {
        let (taken, complete) = lots::take(shelf, &needs(shape, &ground.min_days, load.arrives_on));
        missing |= !complete;
        load.goods.push(taken);
    }
    // what is sold ahead of its lot gets it when the lot is in
    let waits = load.unit.ready_on > as_of
        && load
            .unit
            .shapes
            .iter()
            .flat_map(|shape| &shape.inside)
            .any(|inside| {
                inside
                    .parts
                    .iter()
                    .any(|(item, _)| supply.get(item).is_some_and(|it| it.ahead_ready_on.is_some()))
            });
    if missing && !waits {
        load.goods.iter().for_each(|taken| lots::put_back(shelf, taken));
        if !load.late {
            let fen = ground
                .calendar
                .carriers
                .iter()
                .find(|it| it.carrier == load.carrier)
                .map_or(0, |it| it.fen_per_case);
            draft.freight_fen = Fen(draft.freight_fen.0 - fen * load.unit.cases());
        }
        draft.late.push(Late {
            unit: load.unit,
            sending: None,
            reason: both(&text(
                "没有保质期够用的批次：先入库新批次，再排一次",
                "no lot lasts long enough: receive a newer one and plan again",
            )),
        });
        return;
    }
    if load.late {
        draft.late.push(Late {
            unit: load.unit.clone(),
            sending: Some((load.ship_on, load.carrier.clone(), load.arrives_on)),
            reason: load.reason.clone(),
        });
    }
    draft.loads.push(load);
}

/// What a parcel needs of each stock item, and how long it has to last.
fn needs(shape: &Shape, min_days: &HashMap<Uuid, i64>, arrives_on: NaiveDate) -> Vec<Need> {
    let least = |sku: &Uuid| min_days.get(sku).copied().unwrap_or(0);
    let need = |inside: &shaping::Inside, (item, quantity): (Uuid, i64)| Need {
        order: inside.order,
        line: inside.line,
        item,
        quantity: inside.cases * quantity,
        good_until: lots::good_until(arrives_on, least(&inside.sku).max(least(&item))),
    };
    let of = |inside: &shaping::Inside| -> Vec<Need> {
        inside.parts.iter().map(|part| need(inside, *part)).collect()
    };
    shape.inside.iter().flat_map(of).collect()
}

/// The stock without what a what-if says is spoiled.
fn spoil(ground: &Ground, spoiled: &[Spoiled]) -> (HashMap<Uuid, Supply>, Shelf) {
    let (mut supply, mut shelf) = (ground.supply.clone(), ground.shelf.clone());
    for bad in spoiled {
        let lots = shelf.entry(bad.item).or_default();
        if let Some(lot) = lots.iter_mut().find(|lot| lot.code == bad.lot) {
            let gone = bad.quantity.unwrap_or(lot.free).clamp(0, lot.free.max(0));
            lot.free -= gone;
            supply.entry(bad.item).or_default().free -= gone;
        }
    }
    (supply, shelf)
}

/// What earlier work has left of each day.
pub fn room_left(
    calendar: &Calendar,
    taken: &BTreeMap<(NaiveDate, String), i64>,
) -> (Workshop, Vec<Carrier>) {
    let (mut workshop, mut carriers) = (calendar.workshop.clone(), calendar.carriers.clone());
    for ((day, carrier), cases) in taken {
        let left = (workshop.capacity(*day) - cases).max(0);
        workshop.days.insert(*day, left);
        if let Some(carrier) = carriers.iter_mut().find(|it| it.carrier == *carrier) {
            let left = (carrier.pickup(*day) - cases).max(0);
            carrier.days.insert(*day, left);
        }
    }
    // a carrier that only pauses its pick-ups delivers past the day on which it comes again; to the plan, which wants
    // stops that end, that is the same as delivering until the day before
    for stop in carriers.iter_mut().flat_map(|carrier| &mut carrier.stops) {
        let before = stop.resumes_on.pred_opt().unwrap_or(stop.resumes_on);
        stop.delivers_until = stop.delivers_until.min(before);
    }
    (workshop, carriers)
}

/// The last day on which a carrier collects for a province before the stop that lies ahead, if one does.
pub fn collects_until(carrier: &Carrier, province: &str, ship_on: NaiveDate) -> Option<NaiveDate> {
    let ahead = carrier.stops_for(province).map(|stop| stop.collects_until);
    ahead.filter(|last| *last >= ship_on).min()
}
