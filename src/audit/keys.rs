//! Every column that points to another row, whether the schema declares it or not.

/// A column of `child` that names a row of `parent`. Pointers to `village` and `town` go to their id; all others go to
/// the id of a row of the same village.
pub struct Key {
    pub child: &'static str,
    pub column: &'static str,
    pub parent: &'static str,
}

const fn key(child: &'static str, column: &'static str, parent: &'static str) -> Key {
    Key {
        child,
        column,
        parent,
    }
}

pub const KEYS: &[Key] = &[
    key("village", "town_id", "town"),
    key("staff", "village_id", "village"),
    key("login", "staff_id", "staff"),
    key("credential", "staff_id", "staff"),
    key("operation", "staff_id", "staff"),
    key("product", "village_id", "village"),
    key("sku", "product_id", "product"),
    key("sku_component", "sku_id", "sku"),
    key("sku_component", "component_id", "sku"),
    key("stock", "sku_id", "sku"),
    key("lot", "sku_id", "sku"),
    key("movement", "sku_id", "sku"),
    key("movement", "lot_id", "lot"),
    key("movement", "staff_id", "staff"),
    key("movement", "order_id", "orders"),
    key("link", "village_id", "village"),
    key("link", "created_by", "staff"),
    key("offer", "link_id", "link"),
    key("offer", "sku_id", "sku"),
    key("link_view", "link_id", "link"),
    key("freight", "village_id", "village"),
    key("calendar", "village_id", "village"),
    key("capacity_day", "village_id", "village"),
    key("carrier", "village_id", "village"),
    key("carrier_day", "carrier", "carrier"),
    key("carrier_transit", "carrier", "carrier"),
    key("carrier_stop", "carrier", "carrier"),
    key("promise_day", "village_id", "village"),
    key("promise_past", "order_id", "orders"),
    key("order_counter", "village_id", "village"),
    key("orders", "village_id", "village"),
    key("orders", "link_id", "link"),
    key("order_line", "order_id", "orders"),
    key("order_line", "sku_id", "sku"),
    key("order_change", "order_id", "orders"),
    key("order_change", "staff_id", "staff"),
    key("payment", "order_id", "orders"),
    key("payment", "confirmed_by", "staff"),
    key("refund", "order_id", "orders"),
    key("refund", "payment_id", "payment"),
    key("refund", "asked_by", "staff"),
    key("refund", "done_by", "staff"),
    key("import", "village_id", "village"),
    key("import", "staff_id", "staff"),
    key("subscriber", "village_id", "village"),
    key("outbox", "subscriber_id", "subscriber"),
    key("planning", "village_id", "village"),
    key("batch", "village_id", "village"),
    key("batch", "released_by", "staff"),
    key("batch", "handed_over_by", "staff"),
    key("parcel", "batch_id", "batch"),
    key("parcel", "order_id", "orders"),
    key("parcel", "held_by", "staff"),
    key("parcel", "packed_by", "staff"),
    key("parcel_line", "parcel_id", "parcel"),
    key("parcel_line", "order_id", "orders"),
    key("parcel_line", "sku_id", "sku"),
    key("parcel_lot", "parcel_id", "parcel"),
    key("parcel_lot", "order_id", "orders"),
    key("parcel_lot", "sku_id", "sku"),
    key("parcel_lot", "lot_id", "lot"),
    key("waybill", "parcel_id", "parcel"),
    key("waybill", "entered_by", "staff"),
    key("parcel_event", "parcel_id", "parcel"),
    key("wish", "order_id", "orders"),
    key("wish", "decided_by", "staff"),
    key("tracking", "waybill_id", "waybill"),
    key("tracking", "parcel_id", "parcel"),
    key("transit_learned", "village_id", "village"),
    key("claim", "order_id", "orders"),
    key("claim", "return_asked_by", "staff"),
    key("claim", "goods_back_by", "staff"),
    key("claim", "decided_by", "staff"),
    key("claim", "resend_order_id", "orders"),
    key("claim_line", "claim_id", "claim"),
    key("claim_line", "order_id", "orders"),
    key("claim_refund", "refund_id", "refund"),
    key("claim_refund", "claim_id", "claim"),
    key("photo", "order_id", "orders"),
    key("photo", "claim_id", "claim"),
    key("photo", "product_id", "product"),
];

impl Key {
    /// False for the tables that stand above the villages.
    pub fn parent_is_of_a_village(&self) -> bool {
        !matches!(self.parent, "town" | "village")
    }
}
