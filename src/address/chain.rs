//! Finding "province city district" in running text, with any of the three missing or shortened.

use super::areas::{Place, Table, leading_placeholder, stem};

/// Longest name in the table, in characters.
const LONGEST_NAME: usize = 17;

/// A run of names that fit into each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    pub start: usize,
    pub end: usize,
    pub province: Option<usize>,
    pub city: Option<usize>,
    /// The districts that the text may mean; more than one while the levels above leave it open.
    pub districts: Vec<usize>,
    /// Which levels are written at all, and which of them in full.
    pub written: Levels,
    pub full: Levels,
    /// How often a level was written again (北京市北京市), to bound the search.
    repeats: u8,
}

impl Chain {
    /// The city that is written or follows from the district.
    fn whole_city(&self, table: &Table) -> Option<usize> {
        match self.districts[..] {
            [only] => Some(table.districts[only].parent),
            _ => self.city,
        }
    }

    fn whole_province(&self, table: &Table) -> Option<usize> {
        self.whole_city(table)
            .map(|city| table.cities[city].parent)
            .or(self.province)
    }

    /// Whether the district lies in the province and city of this chain.
    pub fn could_hold(&self, table: &Table, district: usize) -> bool {
        let city = table.districts[district].parent;
        self.city.is_none_or(|c| c == city) && inside_province(self, table.cities[city].parent)
    }

    /// Whether two chains can mean the same place.
    pub fn agrees(&self, table: &Table, other: &Self) -> bool {
        let same = |a: Option<usize>, b: Option<usize>| a.is_none() || b.is_none() || a == b;
        same(self.whole_province(table), other.whole_province(table))
            && same(self.whole_city(table), other.whole_city(table))
            && (self.districts.is_empty()
                || other.districts.is_empty()
                || other
                    .districts
                    .iter()
                    .any(|district| self.districts.contains(district)))
    }
}

/// Province, city, district.
pub(super) type Levels = [bool; 3];

pub(super) fn count(levels: Levels) -> usize {
    levels.into_iter().filter(|level| *level).count()
}

/// What may not follow a short name: then it is part of another name (北京路, 河南大学, 新华街道, 鲁山一中).
#[rustfmt::skip]
const OTHER_NAMES: [&str; 58] = [
    "省", "市", "区", "县", "旗", "州", "盟", "镇", "乡", "村", "路", "街", "巷", "弄", "桥", "大道", "东路",
    "西路", "南路", "北路", "中路", "东街", "西街", "南街", "北街", "大街", "大厦", "大楼", "宾馆", "酒店",
    "饭店", "饭庄", "花园", "小区", "公寓", "广场", "新村", "家园", "名苑", "佳苑", "商城", "商场", "中学",
    "一中", "二中", "三中", "高中", "小学", "大学", "学院", "医院", "银行", "宿舍", "高速", "火车站",
    "工业园", "产业园", "商会",
];

/// Districts whose name says nothing without the city above.
#[rustfmt::skip]
const PLAIN_DISTRICTS: [&str; 8] = [
    "市中区", "城中区", "城东区", "城西区", "城北区", "市北区", "市南区", "新城区",
];

/// One name at a place in the text: the places it may mean, its length in bytes, whether it is the full name.
struct Name<'t> {
    places: &'t [Place],
    length: usize,
    full: bool,
}

/// The names that start at `at`, longest first, full before short.
fn names_at<'t>(table: &'t Table, text: &str, at: usize) -> Vec<Name<'t>> {
    let rest = &text[at..];
    let mut ends = [0; LONGEST_NAME];
    let mut count = 0;
    for (index, c) in rest
        .char_indices()
        .take_while(|(_, c)| super::words::is_han(*c))
        .take(LONGEST_NAME)
    {
        ends[count] = index + c.len_utf8();
        count += 1;
    }
    let mut names = Vec::new();
    for &length in ends[..count].iter().skip(1).rev() {
        let (text, named) = (&rest[..length], table.named(&rest[..length]));
        for (places, full) in [(named, true), (table.nicknamed(text), false)] {
            if !places.is_empty() {
                names.push(Name { places, length, full });
            }
        }
        // 浦东区, 恭城县, 黔南州: a short name with a unit, which is as good as the full one.
        if named.is_empty() && text.ends_with(['区', '县', '市', '州', '旗']) {
            let places = table.nicknamed(stem(text));
            if !places.is_empty() {
                names.push(Name {
                    places,
                    length,
                    full: true,
                });
            }
        }
    }
    names
}

/// The best chain in the text. A chain within a piece (after a person's name, say) must be clearer than one at a start.
pub(super) fn find(table: &Table, text: &str, fits_before: impl Fn(&str) -> bool) -> Option<Chain> {
    let mut best: Option<Chain> = None;
    let mut piece_start = 0;
    for (at, c) in text.char_indices() {
        if c == ' ' {
            piece_start = at + 1;
            continue;
        }
        let before = &text[piece_start..at];
        let Some(chain) = at_place(table, text, at, before.is_empty()) else {
            continue;
        };
        let clear = before.is_empty() || count(chain.written) >= 2 || chain.written[0] || fits_before(before);
        if clear && best.as_ref().is_none_or(|best| rank(&chain) > rank(best)) {
            best = Some(chain);
        }
    }
    best
}

fn rank(chain: &Chain) -> (usize, usize) {
    (count(chain.written), count(chain.full))
}

/// The best chain that starts exactly at `at`. `fresh`: at the start of a piece, where a short name may stand first.
pub(super) fn at_place(table: &Table, text: &str, at: usize, fresh: bool) -> Option<Chain> {
    let start = Chain {
        start: at,
        end: at,
        ..Chain::default()
    };
    let chain = grow(table, text, &start, fresh)?;
    let only_district = count(chain.written) == 1 && chain.written[2];
    if only_district && chain.full[2] {
        let name = table.districts[chain.districts[0]].name;
        let tiny = name.ends_with('区') && name.chars().count() <= 2;
        return (!tiny && !PLAIN_DISTRICTS.contains(&name)).then_some(chain);
    }
    if count(chain.written) == 1 && count(chain.full) == 0 {
        // One short name: as a district it must stand alone (恭城 恭城镇…), else a piece must start with it.
        let alone = text[chain.end..].starts_with(' ') || chain.end == text.len();
        return (fresh && (alone || !only_district)).then_some(chain);
    }
    Some(chain)
}

/// The longest way to go on from a chain.
fn grow(table: &Table, text: &str, chain: &Chain, short_first: bool) -> Option<Chain> {
    let first = chain.end == chain.start;
    let mut best: Option<Chain> = None;
    let from = if first { chain.end } else { skip(text, chain.end) };
    let mut starts = vec![from];
    if !first && let Some(word) = leading_placeholder(&text[from..]) {
        starts.push(skip(text, from + word.len()));
    }
    for start in starts {
        for name in names_at(table, text, start) {
            if first && !name.full && !short_first {
                continue;
            }
            for next in apply(table, chain, &name, start) {
                let after = grow(table, text, &next, true);
                let stops = name.full || !is_other_name(&text[next.end..]);
                let Some(candidate) = after.or(stops.then_some(next)) else {
                    continue;
                };
                if best.as_ref().is_none_or(|best| rank(&candidate) > rank(best)) {
                    best = Some(candidate);
                }
            }
        }
    }
    best
}

fn skip(text: &str, at: usize) -> usize {
    at + (text[at..].len() - text[at..].trim_start_matches([' ', '/', '-', '.']).len())
}

fn is_other_name(rest: &str) -> bool {
    OTHER_NAMES.iter().any(|word| rest.starts_with(word))
}

/// The chains that arise when `name`, found at `start`, is added: it must lie inside what is there, or repeat it.
fn apply(table: &Table, chain: &Chain, name: &Name<'_>, start: usize) -> Vec<Chain> {
    let end = start + name.length;
    let mut chains = Vec::new();
    let mut districts = Vec::new();
    for place in name.places {
        let mut next = chain.clone();
        next.end = end;
        let level = match *place {
            Place::Province(at)
                if chain.province.is_none_or(|p| p == at)
                    && chain.city.is_none()
                    && chain.districts.is_empty() =>
            {
                next.province = Some(at);
                0
            }
            Place::City(at)
                if inside_province(chain, table.cities[at].parent)
                    && chain.city.is_none_or(|c| c == at)
                    && chain.districts.is_empty() =>
            {
                next.city = Some(at);
                1
            }
            Place::District(at) => {
                let city = table.districts[at].parent;
                let repeats = chain.districts.is_empty() || chain.districts.contains(&at);
                if inside_province(chain, table.cities[city].parent)
                    && chain.city.is_none_or(|c| c == city)
                    && repeats
                {
                    districts.push(at);
                }
                continue;
            }
            _ => continue,
        };
        chains.extend(mark(next, level, name.full));
    }
    if !districts.is_empty() {
        chains.extend(mark(
            Chain {
                end,
                districts,
                ..chain.clone()
            },
            2,
            name.full,
        ));
    }
    chains
}

/// Notes a level as written. A repeated level must be in full, or 东莞市东莞印刷厂 would lose its printer's name.
fn mark(mut chain: Chain, level: usize, full: bool) -> Option<Chain> {
    if chain.written[level] {
        chain.repeats += 1;
        if !full || chain.repeats > 2 {
            return None;
        }
    }
    chain.written[level] = true;
    chain.full[level] |= full;
    Some(chain)
}

fn inside_province(chain: &Chain, province: usize) -> bool {
    chain.province.is_none_or(|p| p == province)
}
