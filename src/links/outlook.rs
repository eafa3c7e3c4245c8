//! When what a link offers would arrive: the promise for one case per province, ready in memory, and any other asked of
//! the room that is left.

use std::sync::{Arc, OnceLock};

use chrono::NaiveDate;

use crate::address;
use crate::calendar::Calendar;
use crate::calendar::festivals::next_spring_festival;
use crate::calendar::promise::{Dates, Rooms};
use crate::clock::Timestamp;
use crate::freight;
use crate::money::Fen;

/// What a village promises as of one instant.
#[derive(Clone, Debug)]
pub struct Outlook {
    rooms: Rooms,
    /// the provinces that are sent to, with the promise for one case that lies in the store room
    provinces: Arc<[(&'static str, Option<Dates>)]>,
    feast: Option<NaiveDate>,
    groups: OnceLock<Vec<Group>>,
}

/// Provinces that one case reaches by the same day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub arrives_by: NaiveDate,
    pub last: Option<LastOrder>,
    pub provinces: Vec<&'static str>,
}

/// The last day on which an order still arrives before a festival, and that festival's day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastOrder {
    pub feast: NaiveDate,
    /// `None`: it is too late already
    pub day: Option<NaiveDate>,
}

impl Outlook {
    pub fn new(rooms: Rooms, freight: &[freight::Rule], now: Timestamp) -> Self {
        let served = |province: &str| freight::quote(freight, province, 1, Fen::ZERO).is_ok();
        let provinces = address::provinces()
            .filter_map(|(code, _)| code.get(..2))
            .filter(|province| served(province))
            .map(|province| (province, rooms.find(province, 1, None).map(|it| it.dates())));
        Outlook {
            provinces: provinces.collect(),
            feast: next_spring_festival(now.day()),
            groups: OnceLock::new(),
            rooms,
        }
    }

    /// The same with what is left by now: the dates for one case are others only when a day has filled, or has room again.
    pub fn after(&self, rooms: &Rooms, freight: &[freight::Rule], now: Timestamp) -> Self {
        if !rooms.is_open_as(&self.rooms) {
            return Outlook::new(rooms.clone(), freight, now);
        }
        Outlook {
            rooms: rooms.clone(),
            provinces: Arc::clone(&self.provinces),
            feast: self.feast,
            groups: OnceLock::new(),
        }
    }

    pub fn calendar(&self) -> &Arc<Calendar> {
        self.rooms.calendar()
    }

    /// The next instant at which time alone changes it.
    pub fn changes_at(&self, now: Timestamp) -> Timestamp {
        self.rooms.changes_at(now)
    }

    /// The promise for one case: to a province, or without one to the province that it reaches last.
    pub fn one_case(&self, province: Option<&str>, ready_on: Option<NaiveDate>) -> Option<Dates> {
        let asked = |code: &str| province.is_none_or(|province| province == code);
        let provinces = self.provinces.iter().filter(|(code, _)| asked(code));
        let dates = provinces.filter_map(|(code, at_hand)| match ready_on {
            None => *at_hand,
            Some(_) => self.cases(code, 1, ready_on),
        });
        dates.max_by_key(|dates| (dates.arrives_by, dates.ships_on))
    }

    /// The promise for an order of so many cases, all of them ready on a day.
    pub fn cases(&self, province: &str, cases: i64, ready_on: Option<NaiveDate>) -> Option<Dates> {
        self.rooms.find(province, cases, ready_on).map(|it| it.dates())
    }

    /// The provinces by the day on which one case is there, the nearest first.
    pub fn groups(&self) -> &[Group] {
        self.groups.get_or_init(|| {
            let mut groups: Vec<Group> = Vec::new();
            for (code, dates) in self.provinces.iter() {
                let (Some(dates), Some(name)) = (dates, address::province_name(code)) else {
                    continue;
                };
                let (arrives_by, last) = (dates.arrives_by, self.last_order(code));
                let same = |group: &&mut Group| group.arrives_by == arrives_by && group.last == last;
                match groups.iter_mut().find(same) {
                    Some(group) => group.provinces.push(name),
                    None => groups.push(Group {
                        arrives_by,
                        last,
                        provinces: vec![name],
                    }),
                }
            }
            groups.sort_by_key(|group| group.arrives_by);
            groups
        })
    }

    /// Until when to order for an arrival before Spring Festival; `None` when that is further away than the calendar looks.
    pub fn last_order(&self, province: &str) -> Option<LastOrder> {
        let feast = self.feast.filter(|feast| self.rooms.reaches(*feast))?;
        Some(LastOrder {
            feast,
            day: self.rooms.last_order_day(province, feast),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Carrier, Workshop};

    fn rooms(now: Timestamp) -> Rooms {
        let zto = Carrier {
            carrier: "zto".into(),
            name: None,
            cut_off: None,
            pickup_cases_per_day: 2,
            days: Default::default(),
            fen_per_case: 900,
            transit_days: [("41", 1), ("44", 3), ("65", 7)]
                .map(|(p, days)| (p.into(), days))
                .into(),
            stops: vec![],
        };
        let calendar = Calendar {
            edition: 1,
            workshop: Workshop {
                cases_per_day: 2,
                days: Default::default(),
            },
            carriers: vec![zto],
        };
        Rooms::new(Arc::new(calendar), &[], now)
    }

    #[test]
    fn the_province_that_is_reached_last_speaks_for_all() {
        let now = Timestamp::parse("2024-01-20T02:00:00Z").unwrap();
        let said = |dates: Option<Dates>| dates.map(|it| format!("{} {}", it.ships_on, it.arrives_by));
        let expected = |text: &str| Some(text.to_owned());
        let far = freight::Rule {
            province: "65".into(),
            served: false,
            first_grams: 1,
            first_fen: Fen(0),
            step_grams: 1,
            step_fen: Fen(0),
            free_from_fen: None,
        };
        let mut taken = rooms(now);
        let outlook = Outlook::new(rooms(now), &[], now);
        assert_eq!(
            said(outlook.one_case(None, None)),
            expected("2024-01-20 2024-01-27")
        );
        assert_eq!(
            said(outlook.one_case(Some("41"), None)),
            expected("2024-01-20 2024-01-21")
        );
        assert_eq!(said(outlook.one_case(Some("11"), None)), None);
        let ready = "2024-02-01".parse().ok();
        assert_eq!(
            said(outlook.one_case(Some("44"), ready)),
            expected("2024-02-01 2024-02-04")
        );
        assert_eq!(said(outlook.cases("41", 3, None)), None);
        let last = outlook.last_order("44").unwrap();
        assert_eq!(
            (last.feast.to_string(), last.day),
            ("2024-02-10".into(), "2024-02-06".parse().ok())
        );

        let groups: Vec<String> = outlook
            .groups()
            .iter()
            .map(|it| format!("{} {}", it.arrives_by, it.provinces.join("、")))
            .collect();
        assert_eq!(
            groups,
            [
                "2024-01-21 河南省",
                "2024-01-23 广东省",
                "2024-01-27 新疆维吾尔自治区"
            ]
        );

        let near = Outlook::new(rooms(now), std::slice::from_ref(&far), now);
        assert_eq!(
            said(near.one_case(None, None)),
            expected("2024-01-20 2024-01-23"),
            "65 is not served"
        );
        taken.take("41", 1, None).unwrap();
        let after = near.after(&taken, std::slice::from_ref(&far), now);
        assert!(
            Arc::ptr_eq(&after.provinces, &near.provinces),
            "nothing has filled"
        );
        taken.take("41", 1, None).unwrap();
        let after = near.after(&taken, std::slice::from_ref(&far), now);
        assert_eq!(
            said(after.one_case(None, None)),
            expected("2024-01-21 2024-01-24")
        );
    }
}
