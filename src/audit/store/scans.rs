//! The invariants, table by table.

use super::Scan;

/// The label of an order.
macro_rules! order_label {
    () => {
        "CAST(orders.village_id AS TEXT) || '/' || orders.number"
    };
}

/// Joins the sku that a row is about, which may be missing; its code is part of the row's label.
macro_rules! join_sku {
    ($row:literal) => {
        concat!(
            " LEFT JOIN sku ON sku.village_id = ",
            $row,
            ".village_id AND sku.id = ",
            $row,
            ".sku_id"
        )
    };
}

pub const SCANS: &[Scan] = &[
    LOTS,
    ITEMS,
    BOXES,
    OFFERS,
    LINES,
    ORDERS,
    DAYS,
    LATE,
    LINK_KEYS,
    SHOP_NUMBERS,
    OPEN_PAYMENTS,
    PAYMENTS,
    CONFIRMATIONS,
    REVERSALS,
    REFUNDS,
    HELD,
    EVENTS,
    EVENT_IDS,
];

const LOTS: Scan = Scan {
    from: concat!(
        "lot LEFT JOIN (SELECT village_id, lot_id, sku_id, SUM(quantity) AS quantity
                        FROM movement GROUP BY village_id, lot_id, sku_id) AS moved
           ON moved.village_id = lot.village_id AND moved.lot_id = lot.id AND moved.sku_id = lot.sku_id",
        join_sku!("lot")
    ),
    label: "CAST(lot.village_id AS TEXT) || '/' || COALESCE(sku.code, '?') || '/' || lot.code",
    holds: &[(
        "1",
        "a lot's on_hand = its movements, never below 0",
        "lot.on_hand = COALESCE(moved.quantity, 0) AND lot.on_hand >= 0",
    )],
};

/// Counters, lots, movements and live lines are added up side by side, so that what only one of them knows shows too.
const ITEMS: Scan = Scan {
    from: concat!(
        "(SELECT village_id, sku_id, SUM(on_hand) AS on_hand, SUM(ahead) AS ahead, SUM(reserved) AS reserved,
                 SUM(in_lots) AS in_lots, SUM(moved) AS moved, SUM(promised) AS promised
          FROM (
              SELECT village_id, sku_id, on_hand, ahead, reserved, 0 AS in_lots, 0 AS moved, 0 AS promised FROM stock
              UNION ALL
              SELECT village_id, sku_id, 0, 0, 0, on_hand, 0, 0 FROM lot
              UNION ALL
              SELECT village_id, sku_id, 0, 0, 0, 0, quantity, 0 FROM movement
              UNION ALL
              SELECT live.village_id, COALESCE(part.component_id, live.sku_id), 0, 0, 0, 0, 0,
                     live.cases * COALESCE(part.quantity, 1)
              FROM (SELECT village_id, sku_id, SUM(ordered - cancelled - shipped) AS cases
                    FROM order_line GROUP BY village_id, sku_id) AS live
              LEFT JOIN sku_component AS part ON part.village_id = live.village_id AND part.sku_id = live.sku_id
          ) AS facts GROUP BY village_id, sku_id) AS item",
        join_sku!("item")
    ),
    label: "CAST(item.village_id AS TEXT) || '/' || COALESCE(sku.code, '?')",
    holds: &[
        (
            "1",
            "a sku's on_hand = its lots = its movements, never below 0",
            "on_hand = in_lots AND on_hand = moved AND on_hand >= 0",
        ),
        (
            "2",
            "reserved = live cases not handed over, within on_hand + ahead",
            "reserved = promised AND reserved >= 0 AND reserved <= on_hand + ahead",
        ),
    ],
};

const BOXES: Scan = Scan {
    from: concat!(
        "sku_component AS part
         LEFT JOIN stock AS own ON own.village_id = part.village_id AND own.sku_id = part.sku_id
         LEFT JOIN stock AS inside ON inside.village_id = part.village_id AND inside.sku_id = part.component_id
         LEFT JOIN sku AS piece ON piece.village_id = part.village_id AND piece.id = part.component_id",
        join_sku!("part")
    ),
    label: "CAST(part.village_id AS TEXT) || '/' || COALESCE(sku.code, '?') || '/' || COALESCE(piece.code, '?')",
    holds: &[(
        "2",
        "a gift box keeps no stock, and what is in it does",
        "own.sku_id IS NULL AND inside.sku_id IS NOT NULL",
    )],
};

/// An offer that was taken off its link must have nothing sold.
const OFFERS: Scan = Scan {
    from: concat!(
        "(SELECT village_id, link_id, sku_id, SUM(sold) AS sold, SUM(cases) AS cases, MIN(quota) AS quota
          FROM (
              SELECT village_id, link_id, sku_id, sold, 0 AS cases, quota FROM offer
              UNION ALL
              SELECT orders.village_id, orders.link_id, line.sku_id, 0, line.ordered - line.cancelled, NULL
              FROM orders
              JOIN order_line AS line ON line.village_id = orders.village_id AND line.order_id = orders.id
              WHERE orders.link_id IS NOT NULL
          ) AS facts GROUP BY village_id, link_id, sku_id) AS item
         LEFT JOIN link ON link.village_id = item.village_id AND link.id = item.link_id",
        join_sku!("item")
    ),
    label: "CAST(item.village_id AS TEXT) || '/' || COALESCE(link.code, '?') || '/' || COALESCE(sku.code, '?')",
    holds: &[(
        "3",
        "an offer's sold = live cases of its orders, within its quota",
        "sold = cases AND sold >= 0 AND (quota IS NULL OR sold <= quota)",
    )],
};

const LINES: Scan = Scan {
    from: "orders LEFT JOIN (
             SELECT village_id, order_id, SUM(goods_fen) AS goods_fen, SUM(ordered) AS ordered,
                    SUM(cancelled) AS cancelled, SUM(packed) AS packed, SUM(shipped) AS shipped,
                    SUM(delivered) AS delivered,
                    SUM(CASE WHEN ordered > 0 AND cancelled >= 0 AND packed <= ordered - cancelled
                              AND shipped <= packed AND delivered <= shipped AND returned <= delivered
                              AND returned >= 0 THEN 0 ELSE 1 END) AS disordered
             FROM order_line GROUP BY village_id, order_id
         ) AS line ON line.village_id = orders.village_id AND line.order_id = orders.id",
    label: order_label!(),
    holds: &[
        (
            "4",
            "an order's total = its lines + freight",
            "orders.total_fen = orders.goods_fen + orders.freight_fen AND orders.goods_fen = line.goods_fen",
        ),
        (
            "4",
            "an order's cases = those of its lines, in order",
            "orders.ordered = line.ordered AND orders.cancelled = line.cancelled AND orders.packed = line.packed
             AND orders.shipped = line.shipped AND orders.delivered = line.delivered AND line.disordered = 0",
        ),
    ],
};

/// `raised_fen` is what edits that the buyer agreed to have added to the total: such an order has been covered once
/// although money is due again.
const ORDERS: Scan = Scan {
    from: "orders
         LEFT JOIN (SELECT village_id, order_id, SUM(amount_fen) AS paid_fen
                    FROM (SELECT village_id, order_id, amount_fen FROM payment WHERE state = 'paid'
                          UNION ALL SELECT village_id, order_id, -amount_fen FROM payment_reversal) AS came
                    GROUP BY village_id, order_id) AS payment
           ON payment.village_id = orders.village_id AND payment.order_id = orders.id
         LEFT JOIN (SELECT village_id, order_id, SUM(CASE WHEN state = 'done' THEN amount_fen ELSE 0 END) AS done_fen,
                           SUM(CASE WHEN state <> 'refused' THEN amount_fen ELSE 0 END) AS given_fen
                    FROM refund GROUP BY village_id, order_id) AS refund
           ON refund.village_id = orders.village_id AND refund.order_id = orders.id
         LEFT JOIN (SELECT village_id, order_id, SUM(delta_fen) AS raised_fen
                    FROM order_change WHERE delta_fen > 0 AND state IN ('applied', 'agreed')
                    GROUP BY village_id, order_id) AS change
           ON change.village_id = orders.village_id AND change.order_id = orders.id
         LEFT JOIN order_counter AS counter ON counter.village_id = orders.village_id
           AND counter.day = '20' || SUBSTR(number, 1, 2) || '-' || SUBSTR(number, 3, 2) || '-' || SUBSTR(number, 5, 2)",
    label: order_label!(),
    holds: &[
        (
            "4",
            "an order's captured = its paid payments less those reversed",
            "captured_fen = COALESCE(paid_fen, 0)",
        ),
        (
            "4",
            "an order's refunded = its done refunds, within captured",
            "refunded_fen = COALESCE(done_fen, 0) AND refunded_fen <= captured_fen",
        ),
        (
            "4",
            "what is back or on its way back of an order = no more than came",
            "COALESCE(given_fen, 0) <= captured_fen",
        ),
        (
            "4",
            "what is packed or further is paid for, or cash on delivery",
            "packed = 0 OR captured_fen >= total_fen OR method = 'cod'",
        ),
        (
            "4",
            "an order has paid_at once it was covered while live",
            "CASE WHEN paid_at IS NULL THEN captured_fen < total_fen OR hold = 'released'
                  ELSE captured_fen + COALESCE(raised_fen, 0) >= total_fen END",
        ),
        (
            "4",
            "a hold is active until covered, consumed by a sale, released by an end",
            "CASE hold
                 WHEN 'active' THEN ended_as IS NULL AND cancelled < ordered AND captured_fen < total_fen
                 WHEN 'consumed' THEN ended_as IS NULL AND cancelled < ordered
                      AND (method = 'cod' OR captured_fen + COALESCE(raised_fen, 0) >= total_fen)
                 ELSE ended_as IS NOT NULL AND cancelled = ordered END",
        ),
        (
            "8",
            "a live order's promise is for all its cases",
            "promise IS NULL OR hold = 'released' OR CAST(promise{json}->>'cases' AS BIGINT) = ordered - cancelled",
        ),
        (
            "5",
            "an order has a body_hash if and only if it has a key or another shop's number",
            "(idem_key IS NULL AND external_no IS NULL) = (body_hash IS NULL)",
        ),
        (
            "5",
            "an order's number is within its day's counter",
            "CASE WHEN SUBSTR(number, 7, 1) = '-' AND TRIM(SUBSTR(number, 8), '0123456789') = ''
                       AND LENGTH(number) BETWEEN 11 AND 16
                  THEN CAST(SUBSTR(number, 8) AS BIGINT) BETWEEN 1 AND counter.last ELSE FALSE END",
        ),
        (
            "time",
            "an active hold has an end, and no order changed before it was placed",
            "updated_at >= placed_at AND (hold <> 'active' OR hold_ends_at IS NOT NULL)",
        ),
    ],
};

/// Days of the workshop (no carrier) and of the carriers, beside what live orders were promised on them.
const DAYS: Scan = Scan {
    from: "(SELECT village_id, day, carrier, SUM(promised) AS promised, SUM(room) AS room, SUM(cases) AS cases
            FROM (
                SELECT village_id, day, carrier, promised, room, 0 AS cases FROM promise_day
                UNION ALL
                SELECT village_id, promise{json}->>'ships_on', '', 0, 0, CAST(promise{json}->>'cases' AS BIGINT)
                FROM orders WHERE promise IS NOT NULL AND hold <> 'released'
                UNION ALL
                SELECT village_id, promise{json}->>'ships_on', promise{json}->>'carrier', 0, 0,
                       CAST(promise{json}->>'cases' AS BIGINT)
                FROM orders WHERE promise IS NOT NULL AND hold <> 'released'
            ) AS facts GROUP BY village_id, day, carrier) AS promised_day",
    label: "CAST(village_id AS TEXT) || '/' || day || '/' || carrier",
    holds: &[(
        "8",
        "a day's promised cases = those of its live orders, within its room",
        "promised = cases AND promised >= 0 AND promised <= room",
    )],
};

/// Without a link, a key is one of staff.
const LATE: Scan = Scan {
    from: "late_question AS question
           LEFT JOIN orders ON orders.village_id = question.village_id AND orders.id = question.order_id",
    label: order_label!(),
    holds: &[
        (
            "12",
            "a late order's question is open while the order lives only",
            "question.state <> 'asked' OR orders.cancelled < orders.ordered",
        ),
        (
            "12",
            "whose late order's answer was money back has ended",
            "question.answer IS NULL OR question.answer <> 'refund' OR orders.cancelled = orders.ordered",
        ),
    ],
};

const LINK_KEYS: Scan = Scan {
    from: "(SELECT village_id, link_id, idem_key, COUNT(*) AS placed
            FROM orders WHERE idem_key IS NOT NULL GROUP BY village_id, link_id, idem_key) AS keyed",
    label: "(SELECT CAST(keyed.village_id AS TEXT) || '/' || MIN(orders.number) FROM orders
             WHERE orders.village_id = keyed.village_id AND orders.idem_key = keyed.idem_key
               AND (orders.link_id = keyed.link_id OR (orders.link_id IS NULL AND keyed.link_id IS NULL)))",
    holds: &[("5", "a key has placed one order on its link", "placed = 1")],
};

const SHOP_NUMBERS: Scan = Scan {
    from: "(SELECT village_id, external_shop, external_no, COUNT(*) AS placed, MIN(number) AS number
            FROM orders WHERE external_no IS NOT NULL GROUP BY village_id, external_shop, external_no) AS numbered",
    label: "CAST(village_id AS TEXT) || '/' || number",
    holds: &[("5", "an order of another shop is here once", "placed = 1")],
};

const OPEN_PAYMENTS: Scan = Scan {
    from: "(SELECT village_id, order_id, COUNT(*) AS payments
            FROM payment WHERE state IN ('created', 'sent', 'waiting', 'unknown')
            GROUP BY village_id, order_id, method) AS waiting
         JOIN orders ON orders.village_id = waiting.village_id AND orders.id = waiting.order_id",
    label: order_label!(),
    holds: &[(
        "6",
        "an order has one open payment per method at most",
        "payments = 1",
    )],
};

/// A payment that a provider has heard of (`sent`, `unknown`) may be open longer than its order: nobody knows yet what
/// became of it.
const PAYMENTS: Scan = Scan {
    from: "payment
         JOIN orders ON orders.village_id = payment.village_id AND orders.id = payment.order_id
         LEFT JOIN (SELECT village_id, payment_id, SUM(amount_fen) AS amount_fen
                    FROM refund WHERE state <> 'refused' GROUP BY village_id, payment_id) AS back
           ON back.village_id = payment.village_id AND back.payment_id = payment.id
         LEFT JOIN payment_reversal AS reversal
           ON reversal.village_id = payment.village_id AND reversal.payment_id = payment.id",
    label: order_label!(),
    holds: &[
        (
            "6",
            "no payment waits on an order that has ended or is covered",
            "state NOT IN ('created', 'waiting') OR (hold <> 'released' AND captured_fen < total_fen)",
        ),
        (
            "6",
            "a payment's refunds never exceed it",
            "back.amount_fen IS NULL OR back.amount_fen <= payment.amount_fen",
        ),
        (
            "6",
            "what is taken of a payment = its refunds and its reversal",
            "payment.refunding_fen = COALESCE(back.amount_fen, 0) + COALESCE(reversal.amount_fen, 0)",
        ),
        (
            "6",
            "a provider that has an open payment is asked again",
            "state NOT IN ('created', 'sent', 'waiting', 'unknown') OR payment.method NOT IN ('stripe', 'wechat')
             OR check_at IS NOT NULL",
        ),
    ],
};

/// What staff have seen; a payment of before there were confirmations has none.
const CONFIRMATIONS: Scan = Scan {
    from: "confirmation
         JOIN orders ON orders.village_id = confirmation.village_id AND orders.id = confirmation.order_id
         LEFT JOIN payment ON payment.village_id = confirmation.village_id AND payment.id = confirmation.payment_id",
    label: order_label!(),
    holds: &[
        (
            "6",
            "a confirmation that counts is a payment of its order and amount",
            "confirmation.state <> 'counted' OR (payment.state = 'paid' AND payment.order_id = confirmation.order_id
             AND payment.amount_fen = confirmation.amount_fen AND payment.method = confirmation.method)",
        ),
        (
            "6",
            "above the limit a second person has agreed",
            "confirmation.state <> 'counted' OR (confirmation.limit_fen IS NULL AND confirmation.settled_by IS NULL)
             OR (confirmation.settled_by IS NOT NULL AND confirmation.settled_by <> confirmation.confirmed_by)",
        ),
    ],
};

const REVERSALS: Scan = Scan {
    from: "payment_reversal
         JOIN payment ON payment.village_id = payment_reversal.village_id AND payment.id = payment_reversal.payment_id
         JOIN orders ON orders.village_id = payment.village_id AND orders.id = payment.order_id",
    label: order_label!(),
    holds: &[(
        "6",
        "a reversal takes the whole of a payment that staff confirmed",
        "payment.state = 'paid' AND payment.method IN ('transfer', 'cod') AND payment.order_id = payment_reversal.order_id
         AND payment.amount_fen = payment_reversal.amount_fen",
    )],
};

const REFUNDS: Scan = Scan {
    from: "refund
         JOIN payment ON payment.village_id = refund.village_id AND payment.id = refund.payment_id
         JOIN orders ON orders.village_id = refund.village_id AND orders.id = refund.order_id",
    label: order_label!(),
    holds: &[(
        "6",
        "a refund is of a paid payment of its own order",
        "payment.order_id = refund.order_id AND payment.state = 'paid'",
    )],
};

/// A hold that the clock does not end must be ended by the payment that keeps it.
const HELD: Scan = Scan {
    from: "orders LEFT JOIN (
             SELECT village_id, order_id, COUNT(*) AS payments FROM payment
             WHERE method IN ('stripe', 'wechat') AND state IN ('created', 'sent', 'waiting', 'unknown')
             GROUP BY village_id, order_id
         ) AS held ON held.village_id = orders.village_id AND held.order_id = orders.id",
    label: order_label!(),
    holds: &[(
        "6",
        "a hold without an end by the clock has an open payment of a provider",
        "hold <> 'active' OR pay_before IS NULL OR held.payments > 0",
    )],
};

const EVENTS: Scan = Scan {
    from: "provider_event",
    label: "CAST(village_id AS TEXT) || '/' || provider || '/' || id",
    holds: &[(
        "6",
        "a provider's event has one outcome, or waits for it",
        "(processed_at IS NULL) = (outcome IS NULL) AND (processed_at IS NULL) = (next_try_at IS NOT NULL)",
    )],
};

/// One event can't be stored for two villages either.
const EVENT_IDS: Scan = Scan {
    from: "(SELECT provider, id, COUNT(*) AS stored FROM provider_event GROUP BY provider, id) AS told",
    label: "provider || '/' || id",
    holds: &[("6", "a provider's event is stored once", "stored = 1")],
};
