//! "Smart paste": a name, a phone number and an address out of one pasted text, in any order. What comes out is a
//! proposal; whoever ships on it confirms it first, the more so the lower its confidence.

use serde::Serialize;

use super::areas::{Table, table};
use super::chain::{self, Chain, count};
use super::pieces::{Piece, Where, plain, split, take_phones};
use super::words::{Label, is_note, looks_like_place, name_score};

mod place;

/// What a pasted text seems to say. Parts that were not found are `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Proposal {
    pub name: Option<String>,
    /// In the normal form of [`crate::phone::Phone`].
    pub phone: Option<String>,
    pub province: Option<String>,
    pub city: Option<String>,
    /// Also a zone or a town of a city without districts. Given alone when its name fits several cities.
    pub district: Option<String>,
    pub street: Option<String>,
    /// The six-digit code of the district, see [`super::Region`].
    pub code: Option<String>,
    /// 0 to 1 in steps of 0.01; 0.9 and more only if every part was found and nothing was open.
    pub confidence: f64,
}

/// How often the administrative names may stand in one piece of a street.
const MAX_REPEATS: usize = 3;

/// Per cent taken from full confidence. A part that is missing costs so much that 90 cannot be reached.
mod cost {
    pub const SETTLED_ELSEWHERE: u8 = 10;
    pub const NO_PHONE: u8 = 35;
    pub const SEVERAL_PHONES: u8 = 12;
    pub const GLUED_PHONE: u8 = 20;
    pub const NO_NAME: u8 = 30;
    pub const WEAK_NAME: u8 = 12;
    pub const TWO_NAMES: u8 = 10;
    pub const NO_PLACE: u8 = 60;
    pub const PROVINCE_ONLY: u8 = 45;
    pub const OPEN_DISTRICT: u8 = 45;
    pub const NO_DISTRICT: u8 = 30;
    pub const DISTRICT_ONLY: u8 = 14;
    pub const LEVEL_INFERRED: u8 = 3;
    pub const SHORT_DISTRICT: u8 = 10;
    pub const ZONE: u8 = 7;
    pub const NO_STREET: u8 = 25;
    pub const SHORT_STREET: u8 = 10;
    pub const OTHER_PLACE: u8 = 25;
    pub const LEFT_OVER: u8 = 10;
}

/// Reads one pasted text, of one line or several. Only its first 500 characters count.
#[must_use]
pub fn parse(text: &str) -> Proposal {
    let table = table();
    let (text, phones) = take_phones(&plain(text));
    let mut doubt = match phones.numbers.len() {
        0 => cost::NO_PHONE,
        1 if phones.glued => cost::GLUED_PHONE,
        1 => 0,
        _ => cost::SEVERAL_PHONES,
    };
    let mut proposal = Proposal {
        phone: phones.numbers.into_iter().next(),
        ..Proposal::default()
    };
    let mut pieces = split(&text);
    let mut chain = place::cut_chain(table, &mut pieces);
    doubt = doubt.saturating_add(place::narrow(table, chain.as_mut(), &mut pieces));
    doubt = doubt.saturating_add(place::fill(table, chain.as_ref(), &mut pieces, &mut proposal));
    doubt = doubt.saturating_add(name(&mut pieces, &mut proposal));
    doubt = doubt.saturating_add(street(table, chain.as_ref(), &pieces, &mut proposal));
    proposal.confidence = if is_empty(&proposal) {
        0.0
    } else {
        hundredths(99_u8.saturating_sub(doubt))
    };
    proposal
}

#[expect(clippy::float_arithmetic, reason = "a share of certainty, not an amount")]
fn hundredths(percent: u8) -> f64 {
    f64::from(percent) / 100.0
}

fn is_empty(proposal: &Proposal) -> bool {
    let Proposal {
        name,
        phone,
        province,
        city,
        district,
        street,
        ..
    } = proposal;
    [name, phone, province, city, district, street]
        .into_iter()
        .all(Option::is_none)
}

/// Chooses the receiver's name and takes its piece; returns the doubt.
fn name(pieces: &mut [Piece], proposal: &mut Proposal) -> u8 {
    let score = |piece: &Piece| -> u8 {
        match (piece.label, piece.side) {
            (Some(Label::Name), _) => 110,
            (None, _) | (_, Where::Before | Where::After | Where::GluedAfter) => {
                let score = name_score(receiver(&piece.text));
                let sure = if piece.side == Where::GluedAfter && score < 70 {
                    0
                } else {
                    score
                };
                if sure > 0 && piece.near_phone {
                    sure + 5
                } else {
                    sure
                }
            }
            _ => 0,
        }
    };
    let scores: Vec<u8> = pieces.iter().map(score).collect();
    let best = scores.iter().copied().max().unwrap_or(0);
    let chosen = scores
        .iter()
        .position(|score| *score == best)
        .filter(|_| best > 0);
    let Some(chosen) = chosen else {
        return trailing_name(pieces, proposal);
    };
    proposal.name = Some(receiver(&pieces[chosen].text).to_owned());
    pieces[chosen].text.clear();
    let rivals = scores
        .iter()
        .filter(|score| **score >= 85 && **score + 10 >= best)
        .count();
    match best {
        ..70 => cost::WEAK_NAME,
        _ if rivals > 1 => cost::TWO_NAMES,
        _ => 0,
    }
}

/// The name without 收, (收) or 亲启 after it.
fn receiver(text: &str) -> &str {
    let bare = text.trim_matches(['-', '/', '.', '_', '#']);
    ["(收)", "亲启", "收件", "收货", "收"]
        .iter()
        .find_map(|word| {
            bare.strip_suffix(word)
                .filter(|rest| rest.chars().nth(1).is_some())
        })
        .unwrap_or(bare)
}

/// A name glued to the end of the street: 5号楼1单元302张三.
fn trailing_name(pieces: &mut [Piece], proposal: &mut Proposal) -> u8 {
    let Some(piece) = pieces
        .iter_mut()
        .rfind(|piece| piece.side != Where::Unplaced && !piece.text.is_empty())
    else {
        return cost::NO_NAME;
    };
    let is_house = |c: char| c.is_ascii_alphanumeric() || "室号栋楼幢座层户)".contains(c);
    let Some(end) = piece.text.rfind(is_house) else {
        return cost::NO_NAME;
    };
    let start = piece.text[end..]
        .chars()
        .next()
        .map_or(end, |c| end + c.len_utf8());
    let rest = receiver(&piece.text[start..]);
    if name_score(rest) < 70 || looks_like_place(rest) {
        return cost::NO_NAME;
    }
    proposal.name = Some(rest.to_owned());
    piece.text.truncate(start);
    cost::WEAK_NAME
}

/// Joins what is left into the street; returns the doubt.
fn street(table: &Table, chain: Option<&Chain>, pieces: &[Piece], proposal: &mut Proposal) -> u8 {
    let mut doubt = 0;
    let mut street = String::new();
    let after = pieces
        .iter()
        .filter(|piece| matches!(piece.side, Where::GluedAfter | Where::After));
    let before = pieces
        .iter()
        .filter(|piece| !matches!(piece.side, Where::GluedAfter | Where::After));
    let mut in_note = false;
    for piece in after.chain(before).filter(|piece| !piece.text.is_empty()) {
        let is_place = looks_like_place(&piece.text) || piece.side == Where::GluedAfter;
        match piece.label {
            Some(Label::Name | Label::Phone | Label::Other) => continue,
            None if is_note(&piece.text) && !is_place => {
                in_note = true;
                continue;
            }
            // What follows a note is more of it, unless it reads like a street.
            None if !is_place && (in_note || piece.side != Where::After) => {
                doubt = cost::LEFT_OVER;
                continue;
            }
            _ => {}
        }
        let (text, contradicts) = without_repeated_chain(table, chain, &piece.text);
        if contradicts {
            doubt = cost::OTHER_PLACE;
        }
        if street.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        {
            street.push(' ');
        }
        if let Some(after) = text.strip_prefix(street.as_str()) {
            street.push_str(after);
        } else {
            street.push_str(&text);
        }
    }
    let street = street.trim_matches(['-', '/', '.', '_', '+', '&', '*', '~', '@']);
    if street.is_empty() {
        return doubt + cost::NO_STREET;
    }
    proposal.street = Some(street.to_owned());
    if street.chars().count() < 3 {
        doubt + cost::SHORT_STREET
    } else {
        doubt
    }
}

/// The text without the same administrative names written once more, and whether it names other ones.
fn without_repeated_chain(table: &Table, chain: Option<&Chain>, text: &str) -> (String, bool) {
    let Some(chain) = chain else {
        return (text.to_owned(), false);
    };
    let mut text = text.to_owned();
    for _ in 0..MAX_REPEATS {
        let again = text.char_indices().find_map(|(at, _)| {
            let again = chain::at_place(table, &text, at, false)?;
            let whole = again.start == 0 && again.end == text.len();
            (count(again.full) >= if whole { 1 } else { 2 }).then_some(again)
        });
        let Some(again) = again else { break };
        if !chain.agrees(table, &again) {
            return (text, true);
        }
        let (before, after) = (&text[..again.start], &text[again.end..]);
        text = if after.starts_with(before) {
            after.to_owned()
        } else {
            format!("{before}{after}")
        };
    }
    (text, false)
}

#[cfg(test)]
mod tests;
