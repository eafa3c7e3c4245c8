//! The one font of posters and papers, and text in it: cleaned, measured, wrapped and cut.

use std::sync::LazyLock;

use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider};

/// Noto Sans CJK SC Regular, cut down to what names and addresses need (see assets/fonts/README.md).
pub(crate) static FONT: &[u8] = include_bytes!("../assets/fonts/NotoSansSC-Regular-subset.otf");

pub(crate) const FAMILY: &str = "Noto Sans CJK SC";

/// Longer input cannot be seen in one place of a poster or label; cutting it first keeps every later loop short.
const MAX_CHARS: usize = 300;

/// Printed for a character that the font lacks (the geta mark, made for this).
const MISSING: char = '〓';

/// Units of the font's em square.
pub(crate) const EM: u32 = 1000;

/// The tables that every character asks, opened once.
struct Face {
    glyphs: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
}

static FACE: LazyLock<Face> = LazyLock::new(|| {
    let font = FontRef::new(FONT).expect("the font in the binary is well formed");
    Face {
        glyphs: font.charmap(),
        metrics: font.glyph_metrics(Size::unscaled(), LocationRef::default()),
    }
});

/// One line without control or invisible characters; what the font lacks becomes 〓.
pub(crate) fn clean(text: &str) -> String {
    let visible = text.chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c if FACE.glyphs.map(c).is_none() => Some(MISSING),
        c => Some(c),
    });
    let line: String = visible.take(MAX_CHARS).collect();
    line.split(' ')
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Format characters that would reorder a line or print as a box: joiners, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E01EF}')
}

/// Width of cleaned text, in the unit of the font size.
pub(crate) fn width(text: &str, size: u32) -> u32 {
    text.chars().map(advance).sum::<u32>() * size / EM
}

/// The font's number for a character; 0, an empty box, when it lacks it.
pub(crate) fn glyph(c: char) -> u32 {
    FACE.glyphs.map(c).unwrap_or_default().to_u32()
}

/// Advance of a character in units of the em square.
pub(crate) fn advance(c: char) -> u32 {
    // Advances of this font are whole units, so that the cast loses nothing.
    let advance = FACE.metrics.advance_width(glyph(c).into());
    advance.map_or(EM, |width| width as u32)
}

/// Cuts cleaned text to a width; a cut shows as ….
pub(crate) fn fit(text: &str, size: u32, room: u32) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let room = room.saturating_sub(width("…", size));
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += advance(c) * size;
        if used > room * EM {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

/// The largest of the sizes at which the text fits into the room, cut at the smallest.
pub(crate) fn shrink(text: &str, sizes: &[u32], room: u32) -> (String, u32) {
    let fits = sizes.iter().find(|&&size| width(text, size) <= room);
    let size = *fits.or(sizes.last()).unwrap_or(&EM);
    (fit(text, size, room), size)
}

/// Breaks cleaned text into at most `lines` lines of a width, the last one cut with ….
///
/// Chinese breaks between any two characters, but no line starts with closing punctuation; Latin words stay whole
/// where they can.
pub(crate) fn wrap(text: &str, size: u32, room: u32, lines: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if out.len() + 1 >= lines {
            out.push(fit(rest, size, room));
            break;
        }
        let (line, next) = rest.split_at(line_end(rest, size, room));
        out.push(line.trim_end().to_owned());
        rest = next.trim_start();
    }
    out
}

/// Byte offset at which the first line of `text` ends; at least one character, at most the whole text.
fn line_end(text: &str, size: u32, room: u32) -> usize {
    let (mut used, mut good) = (0, None);
    let mut previous: Option<char> = None;
    for (at, c) in text.char_indices() {
        if previous.is_some_and(|previous| may_break(previous, c)) {
            good = Some(at);
        }
        used += advance(c) * size;
        // A space at the end of a line hangs over the edge unseen.
        if used > room * EM && c != ' ' {
            return good.unwrap_or(if at == 0 { c.len_utf8() } else { at });
        }
        previous = Some(c);
    }
    text.len()
}

fn may_break(before: char, after: char) -> bool {
    const NO_START: &str = "，。！？、；：）》」』】〉”’…·—％,.!?;:)]}%";
    const NO_END: &str = "（《「『【〈“‘([{¥￥";
    let word = |c: char| c.is_ascii_graphic() || ('\u{A1}'..='\u{24F}').contains(&c);
    let held = after == ' ' || NO_START.contains(after) || NO_END.contains(before);
    !(held || word(before) && word(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_keeps_one_printable_line() {
        for (raw, want) in [
            ("张村 粉条", "张村 粉条"),
            ("  张村\r\n\t粉条 ", "张村 粉条"),
            ("粉\u{0}条\u{1b}[31m\u{85}", "粉条[31m"),
            ("a\u{202e}b\u{200b}c\u{feff}", "abc"),
            ("蜜薯🍠甜", "蜜薯〓甜"),
            ("❤\u{fe0f}", "〓"),
            ("镕喆祎翀堃昇", "镕喆祎翀堃昇"),
            ("ｅ＆＜５kg→¥6", "ｅ＆＜５kg→¥6"),
        ] {
            assert_eq!(clean(raw), want);
        }
        assert_eq!(clean(&"村".repeat(5000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn chinese_is_an_em_wide_and_latin_less() {
        assert_eq!(width("张村", 40), 80);
        assert_eq!(width("，", 40), 40);
        assert!((15..30).contains(&width("8", 40)), "{}", width("8", 40));
        assert_eq!(width("", 40), 0);
    }

    #[test]
    fn every_chinese_character_of_unicode_1_is_there() {
        assert!(('\u{4E00}'..='\u{9FA5}').all(|c| FACE.glyphs.map(c).is_some()));
    }

    #[test]
    fn wrap_cuts_and_breaks_where_reading_allows() {
        for (text, room, want) in [
            ("", 200, &[] as &[&str]),
            ("一二三四五", 200, &["一二三四五"]),
            ("一二三四五六七", 200, &["一二三四五", "六七"]),
            ("一二三四五，六七", 200, &["一二三四", "五，六七"]),
            ("一二三四（五六）", 200, &["一二三四", "（五六）"]),
            ("一二三四五六七八九十一二", 200, &["一二三四五", "六七八九…"]),
            ("sweet potato", 160, &["sweet", "potato"]),
            ("甜薯 sweetpotato", 200, &["甜薯", "sweetpo…"]),
        ] {
            assert_eq!(wrap(text, 40, room, 2), want, "{text}");
        }
        assert_eq!(wrap("村村", 40, 1, 2), ["村", "…"], "no room still ends");
    }

    #[test]
    fn fit_and_shrink_stay_within_the_room() {
        assert_eq!(fit("红薯粉条", 40, 160), "红薯粉条");
        assert_eq!(fit("红薯粉条", 40, 159), "红薯…");
        assert_eq!(shrink("红薯粉条", &[80, 60], 300), ("红薯粉条".to_owned(), 60));
        let (text, size) = shrink(&"薯".repeat(60), &[80, 60], 300);
        assert_eq!(size, 60);
        assert!(text.ends_with('…') && width(&text, size) <= 300);
    }
}
