//! The invariants of after-sales: what is claimed was sent, and a decision is carried out by what it says.

use super::Scan;

pub const SCANS: &[Scan] = &[CASES, DECISIONS, PHOTOS];

const CASES: Scan = Scan {
    from: "order_line AS line
         JOIN orders ON orders.village_id = line.village_id AND orders.id = line.order_id
         LEFT JOIN (SELECT claim_line.village_id, claim_line.order_id, claim_line.line, SUM(claim_line.cases) AS cases
                    FROM claim_line
                    JOIN claim ON claim.village_id = claim_line.village_id AND claim.id = claim_line.claim_id
                    WHERE claim.withdrawn_at IS NULL AND COALESCE(claim.decision, '') <> 'decline'
                    GROUP BY claim_line.village_id, claim_line.order_id, claim_line.line) AS live
           ON live.village_id = line.village_id AND live.order_id = line.order_id AND live.line = line.line",
    label: "CAST(orders.village_id AS TEXT) || '/' || orders.number",
    holds: &[(
        "13",
        "claimed cases = those of live claims, within what was sent",
        "line.claimed = COALESCE(live.cases, 0) AND line.claimed <= line.shipped",
    )],
};

const DECISIONS: Scan = Scan {
    from: "claim
         JOIN orders ON orders.village_id = claim.village_id AND orders.id = claim.order_id
         LEFT JOIN (SELECT village_id, claim_id, SUM(cases) AS cases FROM claim_line GROUP BY village_id, claim_id) AS inside
           ON inside.village_id = claim.village_id AND inside.claim_id = claim.id
         LEFT JOIN (SELECT claim_refund.village_id, claim_refund.claim_id, SUM(CASE WHEN refund.state = 'refused' THEN 0 ELSE refund.amount_fen END) AS amount_fen,
                           MAX(CASE WHEN refund.state = 'refused' THEN 1 ELSE 0 END) AS refused,
                           MIN(CASE WHEN refund.order_id = claim.order_id THEN 1 ELSE 0 END) AS own
                    FROM claim_refund
                    JOIN claim ON claim.village_id = claim_refund.village_id AND claim.id = claim_refund.claim_id
                    JOIN refund ON refund.village_id = claim_refund.village_id AND refund.id = claim_refund.refund_id
                    GROUP BY claim_refund.village_id, claim_refund.claim_id) AS back
           ON back.village_id = claim.village_id AND back.claim_id = claim.id
         LEFT JOIN orders AS sent ON sent.village_id = claim.village_id AND sent.id = claim.resend_order_id",
    label: "CAST(orders.village_id AS TEXT) || '/' || orders.number || '/' || CAST(claim.serial AS TEXT)",
    holds: &[
        (
            "13",
            "a claim's refund = its amount, and is its order's",
            // less, where a refund was taken back with a payment that never came
            "COALESCE(back.own, 1) = 1 AND (COALESCE(claim.amount_fen, 0) = COALESCE(back.amount_fen, 0)
             OR back.refused = 1 AND back.amount_fen < claim.amount_fen)",
        ),
        (
            "13",
            "a re-send has its claim's cases, and costs nothing",
            "claim.resend_order_id IS NULL OR (sent.ordered = inside.cases AND sent.total_fen = 0)",
        ),
    ],
};

const PHOTOS: Scan = Scan {
    from: "photo
         LEFT JOIN claim ON claim.village_id = photo.village_id AND claim.id = photo.claim_id",
    label: "CAST(photo.village_id AS TEXT) || '/' || CAST(photo.place AS TEXT)",
    holds: &[(
        "13",
        "a photo's claim is of the photo's order",
        "photo.claim_id IS NULL OR claim.order_id = photo.order_id",
    )],
};
