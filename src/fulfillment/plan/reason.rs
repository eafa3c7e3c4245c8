//! Why a parcel leaves when it does, in words.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::Parcel;
use super::model::{Model, Wish, wish};
use crate::calendar::Carrier;
use crate::error::{Text, text};

/// Deadlines further away than this leave more days to spare than anyone counts.
const FAR_DAYS: u64 = 1_000;

/// What is possible at all, were there no other parcels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// no carrier that may take it serves the province
    Unserved,
    /// none collects for it in the days looked at
    Uncollected,
    /// on no day is there room for so many cases at once
    TooLarge,
    /// it can leave, and arrives late
    Late,
    OnTime,
}

/// Makes the sentences; remembers what equal parcels share.
pub struct Reasons<'a> {
    model: &'a Model<'a>,
    last_days: HashMap<(&'a str, usize, NaiveDate), Option<NaiveDate>>,
    chances: HashMap<(Wish<'a>, i64), Chance>,
}

impl<'a> Reasons<'a> {
    pub fn new(model: &'a Model<'a>) -> Self {
        Reasons {
            model,
            last_days: HashMap::new(),
            chances: HashMap::new(),
        }
    }

    pub fn assigned(
        &mut self,
        parcel: &'a Parcel,
        carrier: usize,
        day: NaiveDate,
        arrives: NaiveDate,
    ) -> Text {
        let (place_zh, place_en) = province(&parcel.province);
        let name = self.name(carrier);
        let Some(deadline) = parcel.deadline else {
            return text(
                format!("没有期限，{} 由{name}发往{place_zh}", short(day)),
                format!("no deadline; leaves for {place_en} with {name} on {}", short(day)),
            );
        };
        if arrives > deadline {
            return self.late(parcel, carrier, day, (arrives, deadline));
        }
        let Some(last) = self.last_day(parcel, carrier, deadline) else {
            return text(
                format!("{} 由{name}发往{place_zh}，离期限还远", short(day)),
                format!(
                    "leaves for {place_en} with {name} on {}, long before its deadline",
                    short(day)
                ),
            );
        };
        let (zh, en) = match (last - day).num_days() {
            days if days <= 0 => ("没有余量".to_owned(), "no day to spare".to_owned()),
            1 => ("还有 1 天余量".to_owned(), "1 day to spare".to_owned()),
            days => (format!("还有 {days} 天余量"), format!("{days} days to spare")),
        };
        text(
            format!("最晚 {} 由{name}发往{place_zh}，{zh}", short(last)),
            format!("has to leave for {place_en} with {name} by {}, {en}", short(last)),
        )
    }

    fn late(
        &mut self,
        parcel: &'a Parcel,
        carrier: usize,
        day: NaiveDate,
        (arrives, deadline): (NaiveDate, NaiveDate),
    ) -> Text {
        let (place_zh, place_en) = province(&parcel.province);
        let (name, days) = (self.name(carrier), (arrives - deadline).num_days());
        let (zh, en) = match self.chance(parcel) {
            Chance::OnTime => (
                "能按时到的日子已经排满",
                "the days from which it would be in time are full",
            ),
            _ => ("最早发出也来不及", "too late even from the first day"),
        };
        text(
            format!(
                "{zh}；{} 由{name}发往{place_zh}，{} 到，晚 {days} 天",
                short(day),
                short(arrives)
            ),
            format!(
                "{en}; leaves for {place_en} with {name} on {}, arrives on {}, {days} {} late",
                short(day),
                short(arrives),
                if days == 1 { "day" } else { "days" }
            ),
        )
    }

    pub fn unassigned(&mut self, parcel: &'a Parcel) -> Text {
        let (place_zh, place_en) = province(&parcel.province);
        let (who_zh, who_en) = match &parcel.carrier {
            Some(only) => {
                let named = self
                    .model
                    .input
                    .carriers
                    .iter()
                    .position(|row| row.carrier == *only);
                let name = named.map_or(only.as_str(), |carrier| self.name(carrier));
                (name.to_owned(), name.to_owned())
            }
            None => ("没有快递".to_owned(), "no carrier".to_owned()),
        };
        let (not_zh, not_en) = if parcel.carrier.is_some() {
            ("不", " does not")
        } else {
            ("", "")
        };
        let serves = if parcel.carrier.is_some() {
            "serve"
        } else {
            "serves"
        };
        let collects = if parcel.carrier.is_some() {
            "collect"
        } else {
            "collects"
        };
        let until = short(self.model.last_day());
        match self.chance(parcel) {
            Chance::Unserved => text(
                format!("{who_zh}{not_zh}发往{place_zh}"),
                format!("{who_en}{not_en} {serves} {place_en}"),
            ),
            Chance::Uncollected => text(
                format!("到 {until} 为止{who_zh}{not_zh}收发往{place_zh}的件"),
                format!("{who_en}{not_en} {collects} for {place_en} until {until}"),
            ),
            Chance::TooLarge => text(
                format!("{} 箱要一天发完，到 {until} 为止没有一天装得下", parcel.cases),
                format!(
                    "its {} cases leave together, and no day until {until} has so much room",
                    parcel.cases
                ),
            ),
            Chance::Late | Chance::OnTime => text(
                format!("到 {until} 为止发往{place_zh}的日子都已排满"),
                format!("all days for {place_en} until {until} are full"),
            ),
        }
    }

    fn name(&self, carrier: usize) -> &'a str {
        let carrier: &'a Carrier = &self.model.input.carriers[carrier];
        carrier.name.as_deref().unwrap_or(&carrier.carrier)
    }

    fn chance(&mut self, parcel: &'a Parcel) -> Chance {
        let model = self.model;
        *(self.chances.entry((wish(parcel), parcel.cases))).or_insert_with(|| model.chance(parcel))
    }

    /// The last day on which the carrier can take the parcel and bring it in time; `None` when that is far away.
    fn last_day(&mut self, parcel: &'a Parcel, carrier: usize, deadline: NaiveDate) -> Option<NaiveDate> {
        let input = self.model.input;
        let key = (parcel.province.as_str(), carrier, deadline);
        *self.last_days.entry(key).or_insert_with(|| {
            let far = input.as_of.checked_add_days(Days::new(FAR_DAYS))?;
            if deadline > far {
                return None;
            }
            let row = &input.carriers[carrier];
            let in_time = |day: &NaiveDate| {
                let arrives = row.arrival(&parcel.province, *day);
                row.pickup(*day) > 0 && arrives.is_some_and(|arrives| arrives <= deadline)
            };
            std::iter::successors(Some(deadline), NaiveDate::pred_opt)
                .take_while(|day| *day >= input.as_of)
                .find(in_time)
        })
    }
}

/// `01-27`
fn short(day: NaiveDate) -> String {
    day.format("%m-%d").to_string()
}

/// The short names of a province.
fn province(code: &str) -> (&str, &str) {
    let found = PROVINCES.iter().find(|(digits, _, _)| *digits == code);
    found.map_or((code, code), |(_, zh, en)| (zh, en))
}

const PROVINCES: &[(&str, &str, &str)] = &[
    ("11", "北京", "Beijing"),
    ("12", "天津", "Tianjin"),
    ("13", "河北", "Hebei"),
    ("14", "山西", "Shanxi"),
    ("15", "内蒙古", "Inner Mongolia"),
    ("21", "辽宁", "Liaoning"),
    ("22", "吉林", "Jilin"),
    ("23", "黑龙江", "Heilongjiang"),
    ("31", "上海", "Shanghai"),
    ("32", "江苏", "Jiangsu"),
    ("33", "浙江", "Zhejiang"),
    ("34", "安徽", "Anhui"),
    ("35", "福建", "Fujian"),
    ("36", "江西", "Jiangxi"),
    ("37", "山东", "Shandong"),
    ("41", "河南", "Henan"),
    ("42", "湖北", "Hubei"),
    ("43", "湖南", "Hunan"),
    ("44", "广东", "Guangdong"),
    ("45", "广西", "Guangxi"),
    ("46", "海南", "Hainan"),
    ("50", "重庆", "Chongqing"),
    ("51", "四川", "Sichuan"),
    ("52", "贵州", "Guizhou"),
    ("53", "云南", "Yunnan"),
    ("54", "西藏", "Tibet"),
    ("61", "陕西", "Shaanxi"),
    ("62", "甘肃", "Gansu"),
    ("63", "青海", "Qinghai"),
    ("64", "宁夏", "Ningxia"),
    ("65", "新疆", "Xinjiang"),
    ("71", "台湾", "Taiwan"),
    ("81", "香港", "Hong Kong"),
    ("82", "澳门", "Macao"),
];
