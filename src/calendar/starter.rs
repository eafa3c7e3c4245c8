//! A table of days on the way to start with, from the middle of Henan: what is usual, until a village's own parcels show
//! better. Staff edit it like any other table.

use std::collections::BTreeMap;

/// province_code,province,typical_days,slow_days,free_shipping
static TABLE: &str = include_str!("transit-days.csv");

/// Days on the way by province; `delta` makes a carrier faster (below zero) or slower than usual. A day at least.
pub fn transit_days(delta: i64) -> BTreeMap<String, u32> {
    let row = |line: &str| {
        let mut fields = line.split(',');
        let province = fields.next()?.to_owned();
        let days: i64 = fields.nth(1)?.parse().ok()?;
        let days = u32::try_from(days.saturating_add(delta)).unwrap_or(0);
        Some((province, days.max(1)))
    };
    TABLE.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_province_has_a_row() {
        let usual = transit_days(0);
        for (code, name) in crate::address::provinces() {
            // nothing is sent to Taiwan, Hong Kong and Macao
            let served = !["71", "81", "82"].contains(&&code[..2]);
            assert_eq!(usual.contains_key(&code[..2]), served, "{code} {name}");
        }
        assert_eq!((usual["41"], usual["44"], usual["54"]), (1, 3, 8));
        let fast = transit_days(-1);
        assert_eq!((fast["41"], fast["44"]), (1, 2));
        assert_eq!(transit_days(1)["65"], 8);
    }
}
