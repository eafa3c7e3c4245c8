//! What breaks in parcels and batches, and the findings that must say so.

use super::{Break, LATE_OPEN, LATE_REFUND};

pub const BOXED: &str = "cases packed, shipped and delivered are those of parcels";
pub const TWICE: &str = "no case of an order is in two parcels";
pub const MOVED: &str = "what left the stock for an order is what was shipped of it";
pub const CONTENTS: &str = "a parcel's cases = its lines";
pub const WAY: &str = "a parcel goes the way of its batch";
pub const FILLED: &str = "a packed parcel's lots fill its lines, and nobody's overfill them";
pub const WAYBILL: &str = "one waybill, one parcel";
pub const FULL: &str = "no day has more than the workshop packs";
pub const VAN: &str = "no van has more than its carrier collects";
pub const STOP: &str = "no parcel leaves on a day of its carrier's stop";
pub const TOO_OLD: &str = "no parcel has a lot too old on arrival, or another sku's";
pub const FIRST: &str = "the first lot to expire goes first";

pub const BREAKS: &[Break] = breaks! {
    "UPDATE orders SET delivered = 1 WHERE number = '240120-0002';
     UPDATE order_line SET delivered = 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [BOXED]: ["1/240120-0002"];
    "INSERT INTO parcel (village_id, id, code, order_id, ship_on, carrier, arrives_on, reason, cases, grams, planned_at)
     SELECT village_id, order_id, 'P9', order_id, ship_on, carrier, arrives_on, reason, cases, grams, planned_at
     FROM parcel WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0006');
     INSERT INTO parcel_line (village_id, parcel_id, order_id, line, sku_id, cases, version)
     SELECT village_id, order_id, order_id, line, sku_id, cases, version
     FROM parcel_line WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0006')"
        => [TWICE]: ["1/240120-0006"];
    "UPDATE parcel SET cases = cases + 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0006')"
        => [CONTENTS]: [];
    "UPDATE batch SET carrier = 'nobody' WHERE state = 'planned'" => [WAY]: [];
    "UPDATE parcel_lot SET quantity = quantity - 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [FILLED]: ["1/P00018"];
    "UPDATE parcel_lot SET quantity = quantity + 1 WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0005')"
        => [FILLED]: [];
    "DROP INDEX waybill_parcel;
     INSERT INTO waybill (village_id, id, parcel_id, carrier, number, since, entered_by)
     SELECT village_id, parcel_id, parcel_id, carrier, 'OTHER1', since, entered_by FROM waybill"
        => [WAYBILL]: ["1/7310001234567", "1/OTHER1"];
    "DROP INDEX waybill_number;
     INSERT INTO waybill (village_id, id, parcel_id, carrier, number, since, entered_by)
     SELECT waybill.village_id, parcel.id, parcel.id, waybill.carrier, waybill.number, since, entered_by
     FROM waybill JOIN parcel ON parcel.order_id = (SELECT id FROM orders WHERE number = '240120-0006')"
        => [WAYBILL]: ["1/7310001234567", "1/7310001234567"];
    "UPDATE batch SET workshop_cases = 1" => [FULL]: [];
    "UPDATE batch SET pickup_cases = 1" => [VAN]: [];
    "UPDATE parcel SET collects_until = '2024-01-19' WHERE code = 'P00018'" => [STOP]: ["1/P00018"];
    "UPDATE parcel_lot SET good_until = '2025-01-10' WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')"
        => [TOO_OLD]: ["1/P00018"];
    "UPDATE parcel_lot SET lot_id = (SELECT id FROM lot WHERE sku_id = (SELECT id FROM sku WHERE code = 'MS10'))
     WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0002')" => [TOO_OLD]: ["1/P00018"];
    "UPDATE lot SET best_before = '2025-02-01' WHERE code = 'L1';
     UPDATE parcel_lot SET lot_id = (SELECT id FROM lot WHERE code = 'L2')
     WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0006');
     UPDATE parcel SET ship_on = '2024-02-01', arrives_on = '2024-02-02', batch_id = NULL
     WHERE order_id = (SELECT id FROM orders WHERE number = '240120-0006')"
        => [FIRST]: ["1/FT05/2024-01-20"];
    "INSERT INTO late_question (village_id, id, order_id, state, reason, fallback, answer_by, asked_at, asked_by)
     SELECT village_id, id, id, 'asked', '', 'after', 0, 0,
            (SELECT id FROM staff WHERE village_id = 1 AND role = 'manager')
     FROM orders WHERE number = '240120-0004'" => [LATE_OPEN]: ["1/240120-0004"];
    "INSERT INTO late_question (village_id, id, order_id, state, reason, fallback, answer_by, answer, asked_at, asked_by,
                                settled_at)
     SELECT village_id, id, id, 'answered', '', 'after', 0, 'refund', 0,
            (SELECT id FROM staff WHERE village_id = 1 AND role = 'manager'), 0
     FROM orders WHERE number = '240120-0006'" => [LATE_REFUND]: ["1/240120-0006"];
};
