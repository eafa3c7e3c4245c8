//! Where a parcel goes: the administrative areas of China, what a written province, city and district mean, and the
//! reading of a pasted address ([`paste`]).
//!
//! Names and codes are both kept: codes change with every reform, names on parcels do not. Areas that have been replaced
//! still resolve. A city without districts (东莞市, 济源市) stands in for its own district.

mod areas;
mod chain;
pub mod lines;
pub mod paste;
mod pieces;
mod words;

use std::borrow::Cow;
use std::fmt;

use areas::{Place, Table, find, is_placeholder, stem, table};

/// Longest name that is looked at, in characters; the longest in the table has 17.
const MAX_NAME_CHARS: usize = 30;
/// How many names an error lists.
const MAX_OPTIONS: usize = 12;

/// Endings of zones that post and couriers use as a district though the table has no such area.
#[rustfmt::skip]
const ZONE_ENDINGS: [&str; 22] = [
    "开发区", "高新区", "经开区", "管理区", "新区", "园区", "示范区", "试验区", "合作区", "保税区", "度假区",
    "风景区", "工业区", "产业园", "工业园", "科技园", "管委会", "管理委员会", "农场", "林场", "牧场", "兵团",
];
/// Endings of what lies below a city without districts.
#[rustfmt::skip]
const TOWN_ENDINGS: [&str; 7] = [
    "街道", "街道办", "街道办事处", "镇", "乡", "苏木", "区",
];

/// A resolved place. `code` is the six-digit area code (GB/T 2260 as used by the National Bureau of Statistics): the
/// district's, or the city's when the district is a zone or a town outside the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub province: &'static str,
    /// 北京市 for municipalities, never 市辖区; the county itself where it lies directly under its province.
    pub city: &'static str,
    pub district: Cow<'static, str>,
    pub code: &'static str,
}

impl Region {
    /// The first two digits of the code, by which transit times and stops are listed.
    #[must_use]
    pub fn province_code(&self) -> &'static str {
        &self.code[..2]
    }
}

/// The part of an address that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressField {
    Province,
    City,
    District,
}

/// Which part does not fit, and what would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError {
    pub field: AddressField,
    pub zh: String,
    pub en: String,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

impl std::error::Error for AddressError {}

impl AddressError {
    fn new(field: AddressField, zh: String, en: String) -> Self {
        Self { field, zh, en }
    }

    fn missing(field: AddressField, options: &str) -> Self {
        let (zh, en) = match field {
            AddressField::Province => ("请填写省份", "province missing"),
            AddressField::City => ("请填写城市", "city missing"),
            AddressField::District => ("请填写区县", "district missing"),
        };
        Self::new(
            field,
            format!("{zh}，可选：{options}"),
            format!("{en}; one of: {options}"),
        )
    }
}

/// The area that three written names mean. Full and short forms are understood (河南, 平顶山, 鲁山); the city may be empty
/// or a placeholder (市辖区, 省直辖县级行政区划) where the district alone decides.
///
/// # Errors
/// [`AddressError`] naming the first field that does not fit, and what would.
pub fn resolve(province: &str, city: &str, district: &str) -> Result<Region, AddressError> {
    let table = table();
    let (province, city, district) = (clean(province), clean(city), clean(district));
    let at = find(&table.provinces, 0..table.provinces.len(), &province)
        .ok_or_else(|| unknown_province(table, &province))?;
    let only = table.provinces[at].children.clone();
    let is_whole_province = only.len() == 1 && table.cities[only.start].name == table.provinces[at].name;
    if is_whole_province && table.cities[only.start].is_lone() {
        return Ok(outside_the_table(table, only.start, &city, &district));
    }
    if is_whole_province && (is_placeholder(&city) || stem(&city) == table.provinces[at].stem) {
        return in_city(table, only.start, &district);
    }
    if is_placeholder(&city) {
        return without_city(table, at, &district);
    }
    match find(&table.cities, only, &city) {
        Some(found) => in_city(table, found, &district),
        None => county_as_city(table, at, &city, &district),
    }
}

/// The provinces, as (code, name).
pub fn provinces() -> impl Iterator<Item = (&'static str, &'static str)> {
    table().provinces.iter().map(|area| (area.code, area.name))
}

/// The areas below a province or city, as (code, name), without former ones; nothing for an unknown code.
pub fn children(code: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let table = table();
    let with_code = |areas: &'static [areas::Area]| areas.iter().find(|area| area.code == code);
    let below = match (with_code(&table.provinces), with_code(&table.cities)) {
        (Some(province), _) => &table.cities[province.children.clone()],
        (None, Some(city)) => &table.districts[city.children.clone()],
        (None, None) => &[],
    };
    below
        .iter()
        .filter(|area| !area.former)
        .map(|area| (area.code, area.name))
}

/// The name of a province by its two-digit code.
#[must_use]
pub fn province_name(code: &str) -> Option<&'static str> {
    table()
        .provinces
        .iter()
        .find(|area| &area.code[..2] == code)
        .map(|area| area.name)
}

/// Without spaces, and cut where no name goes on. Borrows unless there is something to remove.
fn clean(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    let cut = name
        .char_indices()
        .nth(MAX_NAME_CHARS)
        .map_or(name, |(at, _)| &name[..at]);
    if cut.contains(char::is_whitespace) {
        Cow::Owned(cut.chars().filter(|c| !c.is_whitespace()).collect())
    } else {
        Cow::Borrowed(cut)
    }
}

/// The region of a city, with a district from the table or another name below it.
fn region(table: &Table, city: usize, district: Option<usize>, other: Option<&str>) -> Region {
    let city = &table.cities[city];
    let (name, code) = match (district.map(|at| &table.districts[at]), other) {
        (Some(area), _) => (Cow::Borrowed(area.name), area.code),
        (None, Some(other)) => (Cow::Owned(other.to_owned()), city.code),
        (None, None) => (Cow::Borrowed(city.name), city.code),
    };
    Region {
        province: table.provinces[city.parent].name,
        city: city.name,
        district: name,
        code,
    }
}

/// Hong Kong, Macau, Taiwan: what is written below the province is kept as the district.
fn outside_the_table(table: &Table, city: usize, city_name: &str, district: &str) -> Region {
    let province = &table.cities[city];
    let mut below = String::new();
    for name in [city_name, district] {
        if !is_placeholder(name) && stem(name) != province.stem {
            below.push_str(name);
        }
    }
    region(
        table,
        city,
        None,
        Some(below.as_str()).filter(|below| !below.is_empty()),
    )
}

fn in_city(table: &Table, at: usize, district: &str) -> Result<Region, AddressError> {
    let city = &table.cities[at];
    if let Some(found) = find(&table.districts, city.children.clone(), district) {
        return Ok(region(table, at, Some(found), None));
    }
    let own_name = district == city.name || district == city.stem;
    if city.is_lone() && (is_placeholder(district) || own_name) {
        return Ok(region(table, at, None, None));
    }
    if is_placeholder(district) {
        return Err(AddressError::missing(
            AddressField::District,
            &names(table, Place::City(at)),
        ));
    }
    if may_lie_below(table, city, district) {
        return Ok(region(table, at, None, Some(district)));
    }
    let (city_name, options) = (city.name, names(table, Place::City(at)));
    let (zh, en) = elsewhere(table, district);
    Err(AddressError::new(
        AddressField::District,
        format!("{city_name}没有「{district}」{zh}，可选：{options}"),
        format!("{city_name} has no district {district}{en}; one of: {options}"),
    ))
}

/// Whether an unlisted name may stand as a district of this city: a zone, or a town where there are no districts, and not
/// the name of some other place.
fn may_lie_below(table: &Table, city: &areas::Area, name: &str) -> bool {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let plain = name
        .chars()
        .all(|c| c.is_alphanumeric() || "()（）·-".contains(c));
    // 东区, 西区 and the like are districts somewhere and sub-districts elsewhere.
    let taken = name.chars().count() > 2 && !table.named(name).is_empty();
    plain && !taken && (ends(&ZONE_ENDINGS) || (city.is_lone() && ends(&TOWN_ENDINGS)))
}

/// Only a province and a district are known: enough when one district of the province has that name.
fn without_city(table: &Table, province: usize, district: &str) -> Result<Region, AddressError> {
    if !is_placeholder(district) {
        if let Some(at) = find(&table.districts, table.districts_of_province(province), district)
            && same_name_in(table, province, table.districts[at].name) == 1
        {
            return Ok(region(table, table.districts[at].parent, Some(at), None));
        }
        if let Some(at) = find(
            &table.cities,
            table.provinces[province].children.clone(),
            district,
        ) && table.cities[at].is_lone()
        {
            return in_city(table, at, "");
        }
    }
    Err(AddressError::missing(
        AddressField::City,
        &names(table, Place::Province(province)),
    ))
}

fn same_name_in(table: &Table, province: usize, name: &str) -> usize {
    let range = table.districts_of_province(province);
    table
        .named(name)
        .iter()
        .filter(|place| matches!(place, Place::District(at) if range.contains(at)))
        .count()
}

/// People write a county-level city where the prefecture belongs (福建省 福清市): fine when nothing contradicts it.
fn county_as_city(
    table: &Table,
    province: usize,
    city: &str,
    district: &str,
) -> Result<Region, AddressError> {
    let found = find(&table.districts, table.districts_of_province(province), city);
    if let Some(at) = found
        && same_name_in(table, province, table.districts[at].name) == 1
        && (is_placeholder(district) || stem(district) == table.districts[at].stem)
    {
        return Ok(region(table, table.districts[at].parent, Some(at), None));
    }
    let (name, options) = (
        table.provinces[province].name,
        names(table, Place::Province(province)),
    );
    let (zh, en) = elsewhere(table, city);
    Err(AddressError::new(
        AddressField::City,
        format!("{name}没有「{city}」这个地级市{zh}，可选：{options}"),
        format!("{name} has no city {city}{en}; one of: {options}"),
    ))
}

fn unknown_province(table: &Table, written: &str) -> AddressError {
    let options = options(
        table.provinces.iter().map(|area| area.stem),
        table.provinces.len(),
    );
    if written.is_empty() {
        return AddressError::missing(AddressField::Province, &options);
    }
    AddressError::new(
        AddressField::Province,
        format!("没有「{written}」这个省份，可选：{options}"),
        format!("no province is called {written}; one of: {options}"),
    )
}

/// The names below a place, for an error's text.
fn names(table: &Table, place: Place) -> String {
    let below = match place {
        Place::Province(at) => &table.cities[table.provinces[at].children.clone()],
        Place::City(at) => &table.districts[table.cities[at].children.clone()],
        Place::District(_) => &[],
    };
    options(
        below.iter().filter(|area| !area.former).map(|area| area.name),
        MAX_OPTIONS,
    )
}

fn options<'a>(names: impl Iterator<Item = &'a str>, limit: usize) -> String {
    let names: Vec<&str> = names.collect();
    let more = if names.len() > limit { "…" } else { "" };
    names[..names.len().min(limit)].join("、") + more
}

/// Where areas of this name do lie, in both languages, as a bracket for an error's text; empty if there are none.
fn elsewhere(table: &Table, name: &str) -> (String, String) {
    let above = table.named(name).iter().filter_map(|place| match place {
        Place::Province(_) => None,
        Place::City(at) => Some(table.provinces[table.cities[*at].parent].name),
        Place::District(at) => Some(table.cities[table.districts[*at].parent].name),
    });
    let owners = options(above, MAX_OPTIONS);
    if owners.is_empty() {
        return (String::new(), String::new());
    }
    (
        format!("（它属于{owners}）"),
        format!(" (it belongs to {owners})"),
    )
}

#[cfg(test)]
mod tests;
