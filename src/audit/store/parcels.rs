//! The invariants of fulfilment: what is in parcels, what a day takes, which lots go.

use super::Scan;

/// The label of a parcel.
macro_rules! parcel_label {
    () => {
        "CAST(parcel.village_id AS TEXT) || '/' || parcel.code"
    };
}

pub const SCANS: &[Scan] = &[
    LINES, MOVED, CONTENTS, GOODS, WAYBILLS, DAYS, VANS, PARCELS, LOTS, FIRST_OUT,
];

/// An order that another shop has sent is marked as sent here, without parcels. Parcels of an order that was edited or
/// has ended since the plan are stale: nobody can pack them.
const LINES: Scan = Scan {
    from: "order_line AS line
         JOIN orders ON orders.village_id = line.village_id AND orders.id = line.order_id
         LEFT JOIN (SELECT inside.village_id, inside.order_id, inside.line,
                           SUM(CASE WHEN parcel.packed_at IS NULL THEN 0 ELSE inside.cases END) AS packed,
                           SUM(CASE WHEN parcel.handed_over_at IS NULL THEN 0 ELSE inside.cases END) AS shipped,
                           SUM(CASE WHEN parcel.delivered_at IS NULL THEN 0 ELSE inside.cases END) AS delivered,
                           SUM(CASE WHEN parcel.packed_at IS NULL AND (inside.version <> owner.version
                                         OR owner.cancelled = owner.ordered) THEN 0 ELSE inside.cases END) AS live
                    FROM parcel_line AS inside
                    JOIN parcel ON parcel.village_id = inside.village_id AND parcel.id = inside.parcel_id
                    JOIN orders AS owner ON owner.village_id = inside.village_id AND owner.id = inside.order_id
                    GROUP BY inside.village_id, inside.order_id, inside.line) AS boxed
           ON boxed.village_id = line.village_id AND boxed.order_id = line.order_id AND boxed.line = line.line",
    label: "CAST(orders.village_id AS TEXT) || '/' || orders.number",
    holds: &[
        (
            "7",
            "cases packed, shipped and delivered are those of parcels",
            "COALESCE(boxed.packed, 0) <= line.packed AND COALESCE(boxed.shipped, 0) <= line.shipped
             AND COALESCE(boxed.delivered, 0) <= line.delivered
             AND (orders.source = 'import' OR (COALESCE(boxed.packed, 0) = line.packed
                  AND COALESCE(boxed.shipped, 0) = line.shipped AND COALESCE(boxed.delivered, 0) = line.delivered))",
        ),
        (
            "7",
            "no case of an order is in two parcels",
            "COALESCE(boxed.live, 0) <= line.ordered - line.cancelled",
        ),
    ],
};

const MOVED: Scan = Scan {
    from: "(SELECT village_id, order_id, SUM(units) AS units, SUM(moved) AS moved
            FROM (
                SELECT line.village_id, line.order_id, line.shipped * COALESCE(part.quantity, 1) AS units, 0 AS moved
                FROM order_line AS line
                LEFT JOIN sku_component AS part ON part.village_id = line.village_id AND part.sku_id = line.sku_id
                UNION ALL
                SELECT village_id, order_id, 0, -quantity FROM movement WHERE kind = 'shipped' AND order_id IS NOT NULL
            ) AS facts GROUP BY village_id, order_id) AS sent
         LEFT JOIN orders ON orders.village_id = sent.village_id AND orders.id = sent.order_id",
    label: "CAST(sent.village_id AS TEXT) || '/' || COALESCE(orders.number, '?')",
    holds: &[(
        "7",
        "what left the stock for an order is what was shipped of it",
        "sent.units = sent.moved",
    )],
};

const CONTENTS: Scan = Scan {
    from: "parcel
         LEFT JOIN (SELECT village_id, parcel_id, SUM(cases) AS cases FROM parcel_line GROUP BY village_id, parcel_id) AS inside
           ON inside.village_id = parcel.village_id AND inside.parcel_id = parcel.id
         LEFT JOIN batch ON batch.village_id = parcel.village_id AND batch.id = parcel.batch_id",
    label: parcel_label!(),
    holds: &[
        ("7", "a parcel's cases = its lines", "parcel.cases = inside.cases"),
        (
            "7",
            "a parcel goes the way of its batch",
            "batch.id IS NULL OR (batch.ship_on = parcel.ship_on AND batch.carrier = parcel.carrier
                 AND (parcel.packed_at IS NULL OR batch.state <> 'planned')
                 AND (parcel.handed_over_at IS NOT NULL) = (batch.state = 'handed_over'))",
        ),
    ],
};

/// A parcel that is only planned may wait for its lot.
const GOODS: Scan = Scan {
    from: "(SELECT parcel.village_id, parcel.code, parcel.packed_at, needed.units, COALESCE(got.units, 0) AS got
            FROM parcel
            JOIN (SELECT inside.village_id, inside.parcel_id, COALESCE(part.component_id, inside.sku_id) AS sku_id,
                         SUM(inside.cases * COALESCE(part.quantity, 1)) AS units
                  FROM parcel_line AS inside
                  LEFT JOIN sku_component AS part ON part.village_id = inside.village_id AND part.sku_id = inside.sku_id
                  GROUP BY inside.village_id, inside.parcel_id, COALESCE(part.component_id, inside.sku_id)) AS needed
              ON needed.village_id = parcel.village_id AND needed.parcel_id = parcel.id
            LEFT JOIN (SELECT village_id, parcel_id, sku_id, SUM(quantity) AS units FROM parcel_lot
                       GROUP BY village_id, parcel_id, sku_id) AS got
              ON got.village_id = parcel.village_id AND got.parcel_id = parcel.id AND got.sku_id = needed.sku_id
         ) AS parcel",
    label: parcel_label!(),
    holds: &[(
        "7",
        "a packed parcel's lots fill its lines, and nobody's overfill them",
        "got <= units AND (packed_at IS NULL OR got = units)",
    )],
};

const WAYBILLS: Scan = Scan {
    from: "(SELECT waybill.village_id, waybill.number,
                   COUNT(*) OVER (PARTITION BY waybill.village_id, waybill.carrier, waybill.number) AS parcels,
                   COUNT(*) OVER (PARTITION BY waybill.village_id, waybill.parcel_id) AS numbers
            FROM waybill WHERE ended_at IS NULL) AS live",
    label: "CAST(live.village_id AS TEXT) || '/' || live.number",
    holds: &[(
        "7",
        "one waybill, one parcel",
        "parcels = 1 AND numbers = 1",
    )],
};

/// A batch remembers what its day took when it was planned: a day that was made shorter since is no reason to tear up
/// released work.
const DAYS: Scan = Scan {
    from: "(SELECT parcel.village_id, parcel.ship_on, SUM(parcel.cases) AS cases, MAX(batch.workshop_cases) AS room
            FROM parcel JOIN batch ON batch.village_id = parcel.village_id AND batch.id = parcel.batch_id
            GROUP BY parcel.village_id, parcel.ship_on) AS day",
    label: "CAST(day.village_id AS TEXT) || '/' || day.ship_on",
    holds: &[("8", "no day has more than the workshop packs", "cases <= room")],
};

const VANS: Scan = Scan {
    from: "(SELECT parcel.village_id, parcel.ship_on, parcel.carrier, SUM(parcel.cases) AS cases,
                   MAX(batch.pickup_cases) AS room
            FROM parcel JOIN batch ON batch.village_id = parcel.village_id AND batch.id = parcel.batch_id
            GROUP BY parcel.village_id, parcel.ship_on, parcel.carrier) AS van",
    label: "CAST(van.village_id AS TEXT) || '/' || van.ship_on || '/' || van.carrier",
    holds: &[("8", "no van has more than its carrier collects", "cases <= room")],
};

const PARCELS: Scan = Scan {
    from: "parcel",
    label: parcel_label!(),
    holds: &[(
        "8",
        "no parcel leaves on a day of its carrier's stop",
        "(collects_until IS NULL OR ship_on <= collects_until) AND arrives_on >= ship_on",
    )],
};

const LOTS: Scan = Scan {
    from: "parcel_lot AS pick
         JOIN parcel ON parcel.village_id = pick.village_id AND parcel.id = pick.parcel_id
         JOIN lot ON lot.village_id = pick.village_id AND lot.id = pick.lot_id",
    label: parcel_label!(),
    holds: &[(
        "9",
        "no parcel has a lot too old on arrival, or another sku's",
        "lot.best_before >= pick.good_until AND pick.good_until >= parcel.arrives_on AND lot.sku_id = pick.sku_id",
    )],
};

/// Which lots of a sku go on which day, by the choice that they are of.
macro_rules! choices {
    () => {
        "(SELECT pick.village_id, pick.sku_id, pick.picked_in, lot.best_before, parcel.ship_on,
                 MIN(pick.good_until) AS good_until
          FROM parcel_lot AS pick
          JOIN parcel ON parcel.village_id = pick.village_id AND parcel.id = pick.parcel_id
          JOIN lot ON lot.village_id = pick.village_id AND lot.id = pick.lot_id
          GROUP BY pick.village_id, pick.sku_id, pick.picked_in, lot.best_before, parcel.ship_on)"
    };
}

/// Within one choice of lots: no parcel takes a younger lot while an older one, good enough for it, goes to a parcel
/// that leaves later.
const FIRST_OUT: Scan = Scan {
    from: concat!(
        choices!(),
        " AS early LEFT JOIN ",
        choices!(),
        " AS later ON later.village_id = early.village_id AND later.sku_id = early.sku_id
               AND later.picked_in = early.picked_in AND later.ship_on > early.ship_on
               AND later.best_before < early.best_before AND later.best_before >= early.good_until
             LEFT JOIN sku ON sku.village_id = early.village_id AND sku.id = early.sku_id"
    ),
    label: "CAST(early.village_id AS TEXT) || '/' || COALESCE(sku.code, '?') || '/' || early.ship_on",
    holds: &[(
        "9",
        "the first lot to expire goes first",
        "later.village_id IS NULL",
    )],
};
