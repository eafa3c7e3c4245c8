//! The administrative part of a pasted text: cutting it out of the pieces and naming what it means.

use super::{Proposal, cost};
use crate::address::areas::Table;
use crate::address::chain::{self, Chain};
use crate::address::pieces::{Piece, Where};
use crate::address::words::{Label, has_family_name, is_han, is_note, looks_like_place, name_score};

/// Endings of the zones that are taken for a district when none from the table follows the city.
const ZONES: [&str; 9] = [
    "开发区",
    "高新区",
    "经开区",
    "管理区",
    "新区",
    "示范区",
    "试验区",
    "合作区",
    "保税区",
];
const TOWNS: [&str; 5] = ["街道办事处", "街道", "镇", "乡", "苏木"];

/// Finds the administrative names among the pieces and cuts them out: what is glued before and after becomes pieces.
pub(super) fn cut_chain(table: &Table, pieces: &mut Vec<Piece>) -> Option<Chain> {
    let mut text = String::new();
    let mut spans = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let may_hold_place = !is_note(&piece.text) || looks_like_place(&piece.text);
        if may_hold_place && matches!(piece.label, None | Some(Label::Address)) {
            if !text.is_empty() {
                text.push(' ');
            }
            spans.push((index, text.len(), text.len() + piece.text.len()));
            text.push_str(&piece.text);
        }
    }
    let chain = chain::find(table, &text, |before| {
        has_family_name(before) && name_score(before) >= 70
    })?;
    let mut cut: Vec<Piece> = Vec::with_capacity(pieces.len() + 2);
    let mut spans = spans.into_iter().peekable();
    for (index, piece) in std::mem::take(pieces).into_iter().enumerate() {
        let Some((_, start, end)) = spans.next_if(|span| span.0 == index) else {
            cut.push(piece);
            continue;
        };
        let whole = end <= chain.start || start >= chain.end;
        if whole {
            let side = if end <= chain.start {
                Where::Before
            } else {
                Where::After
            };
            cut.push(Piece { side, ..piece });
            continue;
        }
        if start < chain.start && !["中国", "中华人民共和国"].contains(&&text[start..chain.start]) {
            cut.push(Piece {
                text: text[start..chain.start].to_owned(),
                label: None,
                side: Where::GluedBefore,
                ..piece.clone()
            });
        }
        if end > chain.end {
            let rest = text[chain.end..end].trim_start_matches(['-', '/', '.']);
            cut.push(Piece {
                text: rest.to_owned(),
                side: Where::GluedAfter,
                ..piece
            });
        }
    }
    *pieces = cut;
    Some(chain)
}

/// Settles a district by what stands elsewhere: 朝阳区望京街9号，北京 or 鼓楼区中山路9号，江苏徐州. Returns
/// the doubt.
pub(super) fn narrow(table: &Table, chain: Option<&mut Chain>, pieces: &mut [Piece]) -> u8 {
    let Some(chain) = chain.filter(|chain| chain.districts.len() != 1) else {
        return 0;
    };
    for piece in pieces.iter_mut().filter(|piece| piece.label != Some(Label::Name)) {
        let Some(other) = chain::at_place(table, &piece.text, 0, true) else {
            continue;
        };
        let (upper, lower) = if chain.districts.is_empty() {
            (&*chain, &other)
        } else {
            (&other, &*chain)
        };
        if lower.districts.is_empty() || !upper.districts.is_empty() {
            continue;
        }
        let fitting: Vec<usize> = lower
            .districts
            .iter()
            .copied()
            .filter(|at| upper.could_hold(table, *at))
            .collect();
        if let [only] = fitting[..] {
            chain.districts = vec![only];
            chain.written[2] = true;
            chain.full[2] |= other.full[2];
            piece.text.replace_range(..other.end, "");
            return cost::SETTLED_ELSEWHERE;
        }
    }
    0
}

/// Writes province, city, district and code; returns the doubt.
pub(super) fn fill(
    table: &Table,
    chain: Option<&Chain>,
    pieces: &mut [Piece],
    proposal: &mut Proposal,
) -> u8 {
    let Some(chain) = chain else { return cost::NO_PLACE };
    let district = match chain.districts[..] {
        [] => None,
        [only] => Some(only),
        [first, ..] => {
            proposal.district = Some(table.districts[first].name.to_owned());
            proposal.province = chain.province.map(|at| table.provinces[at].name.to_owned());
            return cost::OPEN_DISTRICT;
        }
    };
    let only_of_province = chain
        .province
        .map(|at| &table.provinces[at])
        .filter(|area| area.children.len() == 1 && table.cities[area.children.start].name == area.name);
    let city = chain
        .city
        .or(district.map(|at| table.districts[at].parent))
        .or(only_of_province.map(|area| area.children.start));
    let Some(city) = city else {
        proposal.province = chain.province.map(|at| table.provinces[at].name.to_owned());
        return cost::PROVINCE_ONLY;
    };
    let lone = table.cities[city].is_lone();
    // A county directly under its province is the district itself, whatever town follows.
    let is_county = &table.cities[city].code[2..4] == "90";
    let below = if district.is_none() && !is_county {
        take_unlisted(pieces, lone)
    } else {
        None
    };
    let region = crate::address::region(table, city, district, below.as_deref());
    proposal.province = Some(region.province.to_owned());
    proposal.city = Some(region.city.to_owned());
    if district.is_none() && below.is_none() && !lone {
        return cost::NO_DISTRICT;
    }
    proposal.code = Some(region.code.to_owned());
    proposal.district = Some(region.district.into_owned());
    let mut doubt = match (chain.written, lone) {
        ([false, false, true], _) => cost::DISTRICT_ONLY,
        ([false, true, false], true) | ([true, true, _], _) => 0,
        ([true, false, _], _) if only_of_province.is_some() => 0,
        _ => cost::LEVEL_INFERRED,
    };
    if chain.written[2] && !chain.full[2] {
        doubt += cost::SHORT_DISTRICT;
    }
    if lone && chain.written[1] && !chain.full[1] {
        doubt += cost::LEVEL_INFERRED;
    }
    if below.is_some() && !lone {
        doubt += cost::ZONE;
    }
    doubt
}

/// Takes a zone or, in a city without districts, a town off the text right after the city.
fn take_unlisted(pieces: &mut [Piece], lone: bool) -> Option<String> {
    let piece = pieces
        .iter_mut()
        .find(|piece| matches!(piece.side, Where::GluedAfter | Where::After) && !piece.text.is_empty())?;
    let length = unlisted_length(&piece.text, lone)?;
    let name = piece.text[..length].to_owned();
    piece.text.replace_range(..length, "");
    Some(name)
}

/// The length of the shortest start of `text` that is such a name.
fn unlisted_length(text: &str, lone: bool) -> Option<usize> {
    let ends = text.char_indices().map(|(at, c)| (at + c.len_utf8(), c));
    for (count, (end, c)) in (1..=14).zip(ends) {
        if !is_han(c) {
            return None;
        }
        let (start, rest) = text.split_at(end);
        let zone = count >= 3 && ZONES.iter().any(|ending| start.ends_with(ending));
        let town = lone
            && count >= 2
            && TOWNS
                .iter()
                .any(|ending| start.ends_with(ending) && start != *ending);
        // 中山市 has sub-districts that people call 东区, 石岐区.
        let quarter = lone
            && (2..=3).contains(&count)
            && c == '区'
            && !start.ends_with("小区")
            && !start.ends_with("社区");
        if zone || town || quarter {
            let more = ["街道办事处", "办事处", "街道"]
                .iter()
                .find(|more| rest.starts_with(**more));
            return Some(end + more.map_or(0, |more| more.len()));
        }
        if "路巷弄号村栋幢楼".contains(c) || (c == '街' && !rest.starts_with(['道', '镇'])) {
            return None;
        }
    }
    None
}
