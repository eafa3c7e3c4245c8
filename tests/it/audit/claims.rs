//! What breaks in after-sales, and the findings that must say so.

use super::Break;

pub const CLAIMED: &str = "claimed cases = those of live claims, within what was sent";
pub const REFUND: &str = "a claim's refund = its amount, and is its order's";
pub const RESENT: &str = "a re-send has its claim's cases, and costs nothing";
pub const PHOTO: &str = "a photo's claim is of the photo's order";

pub const BREAKS: &[Break] = breaks! {
    "UPDATE order_line SET claimed = 2 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [CLAIMED]: ["1/240120-0002"];
    "UPDATE claim SET withdrawn_at = opened_at" => [CLAIMED]: ["1/240120-0002"];
    "UPDATE claim SET decision = 'refund', amount_fen = 5, words = 'x', decided_at = opened_at,
            decided_by = (SELECT id FROM staff WHERE village_id = 1 AND role = 'manager')"
        => [REFUND]: ["1/240120-0002/1"];
    "UPDATE claim SET decision = 'resend', words = 'x', decided_at = opened_at,
            decided_by = (SELECT id FROM staff WHERE village_id = 1 AND role = 'manager'),
            resend_order_id = (SELECT id FROM orders WHERE number = '240120-0005')"
        => [RESENT]: ["1/240120-0002/1"];
    "UPDATE photo SET order_id = (SELECT id FROM orders WHERE number = '240120-0005')" => [PHOTO]: ["1/1"];
};
