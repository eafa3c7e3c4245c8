//! What stands on the paper: the offer, the price, where it comes from, and the code.

use std::fmt::Write;

use super::{ACCENT, Area, HEIGHT, INK, LINE, MARGIN, PAPER, Poster, PosterError, SOFT, WIDTH, WINDOW};
use crate::font::{clean, fit, shrink, width, wrap};
use crate::links::qr::{self, QUIET_ZONE, escape};

/// The white card of the code.
const CARD: Area = Area {
    x: 720,
    y: 1044,
    width: 312,
    height: 312,
};

/// A code with smaller modules than this many pixels is hard to read from a telephone's screen.
const MIN_MODULE: usize = 4;

/// Room for text between the margins.
const ROOM: u32 = WIDTH - 2 * MARGIN;

/// The sheet with a round-cornered hole for the picture, and the line between the offer and the order.
pub(super) fn paper() -> String {
    let Area { x, y, width, height } = WINDOW;
    let r = 28;
    let (x, w, h) = (x + r, width - 2 * r, height - 2 * r);
    format!(
        r#"<path fill="{}" fill-rule="evenodd" d="M0 0H{WIDTH}V{HEIGHT}H0ZM{x} {y}h{w}a{r} {r} 0 0 1 {r} {r}v{h}a{r} {r} 0 0 1-{r} {r}h-{w}a{r} {r} 0 0 1-{r}-{r}v-{h}a{r} {r} 0 0 1 {r}-{r}z"/><path stroke="{}" stroke-width="2" d="M{MARGIN} 1011h{ROOM}"/>"#,
        hex(PAPER),
        hex(LINE)
    )
}

fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// Weight of a letter's outline beyond the font's one weight, in pixels.
const BOLD: u32 = 2;

/// The poster's drawing on the paper, as SVG elements.
#[derive(Default)]
pub(super) struct Page {
    pub(super) svg: String,
}

impl Page {
    /// One line of text from `x` on the baseline `y`.
    fn text(&mut self, x: u32, y: u32, size: u32, colour: [u8; 3], text: &str) {
        self.styled(x, y, size, colour, "", text);
    }

    fn bold(&mut self, x: u32, y: u32, size: u32, colour: [u8; 3], text: &str) {
        let stroke = hex(colour);
        let style = format!(r#" stroke="{stroke}" stroke-width="{BOLD}" stroke-linejoin="round""#);
        self.styled(x, y, size, colour, &style, text);
    }

    fn centred(&mut self, x: u32, y: u32, size: u32, colour: [u8; 3], text: &str) {
        self.styled(x, y, size, colour, r#" text-anchor="middle""#, text);
    }

    fn styled(&mut self, x: u32, y: u32, size: u32, colour: [u8; 3], style: &str, text: &str) {
        let (fill, text) = (hex(colour), escape(text));
        // Writing to a String cannot fail.
        let _ = write!(
            self.svg,
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{style}>{text}</text>"#
        );
    }

    /// Title, product and spec, in the middle of the space between picture and line.
    pub(super) fn offer(&mut self, poster: &Poster) {
        let title = wrap(&clean(poster.title), 36, ROOM, 2);
        let (product, size) = shrink(&clean(poster.product), &[92, 80, 68, 58, 50], ROOM);
        let spec = fit(&clean(poster.spec), 40, ROOM);
        let title_height = title.len() as u32 * 50;
        let (top, bottom) = (WINDOW.y + WINDOW.height, 1010);
        let spec_height = if spec.is_empty() { 0 } else { 70 };
        let height = title_height + 16 + size + spec_height;
        let mut y = top + (bottom - top).saturating_sub(height) / 2;
        for line in title {
            self.text(MARGIN, y + 38, 36, SOFT, &line);
            y += 50;
        }
        y += 16;
        self.bold(MARGIN, y + size * 86 / 100, size, INK, &product);
        self.text(MARGIN, y + size + 58, 40, SOFT, &spec);
    }

    pub(super) fn price(&mut self, fen: i64) {
        const BASELINE: u32 = 1146;
        let yuan = (fen / 100).to_string();
        let cents = format!(".{:02}", fen % 100);
        let mut x = MARGIN;
        for (part, size) in [("¥", 60), (yuan.as_str(), 116), (cents.as_str(), 56)] {
            self.bold(x, BASELINE, size, ACCENT, part);
            x += width(part, size) + 6;
        }
    }

    /// The deadline in a frame of its own width.
    pub(super) fn deadline(&mut self, deadline: &str) {
        let text = fit(&clean(deadline), 30, 560);
        if text.is_empty() {
            return;
        }
        let (frame, colour) = (width(&text, 30) + 48, hex(ACCENT));
        let _ = write!(
            self.svg,
            r#"<rect x="{}" y="1187" width="{frame}" height="54" rx="27" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            MARGIN + 1
        );
        self.text(MARGIN + 25, 1225, 30, ACCENT, &text);
    }

    /// The seal and beside it the names of village and town.
    pub(super) fn origin(&mut self, poster: &Poster) {
        let (village, town) = (clean(poster.village), clean(poster.town));
        self.seal(&village);
        let x = MARGIN + 132 + 26;
        let room = CARD.x - 40 - x;
        let (name, size) = shrink(&village, &[42, 36], room);
        let y = if town.is_empty() { 1356 } else { 1334 };
        self.text(x, y, size, INK, &name);
        self.text(x, 1382, 30, SOFT, &fit(&town, 30, room));
    }

    /// A red seal with the village's characters in columns from the right, as seals are read.
    fn seal(&mut self, village: &str) {
        const SIDE: u32 = 132;
        const TOP: u32 = 1276;
        let (fill, line) = (hex(ACCENT), hex(PAPER));
        let (x, y, side) = (MARGIN + 9, TOP + 9, SIDE - 18);
        let _ = write!(
            self.svg,
            r#"<rect x="{MARGIN}" y="{TOP}" width="{SIDE}" height="{SIDE}" rx="18" fill="{fill}"/><rect x="{x}" y="{y}" width="{side}" height="{side}" rx="11" fill="none" stroke="{line}" stroke-width="2"/>"#
        );
        let signs = seal_signs(village);
        let (columns, rows) = match signs.len() as u32 {
            0 | 1 => (1, 1),
            2 => (1, 2),
            3 | 4 => (2, 2),
            5 | 6 => (2, 3),
            _ => (3, 3),
        };
        let room = SIDE - 34;
        // A single column stays in the middle; its signs are as large as the rows allow.
        let size = (room / columns.max(rows)).min(72);
        let left = MARGIN + (SIDE - size * columns) / 2;
        let top = TOP + (SIDE - size * rows) / 2;
        for (i, sign) in (0..).zip(signs) {
            let (column, row) = (i / rows, i % rows);
            let x = left + (columns - 1 - column) * size + size / 2;
            let y = top + row * size + size * 84 / 100;
            self.centred(x, y, size * 92 / 100, PAPER, sign.encode_utf8(&mut [0; 4]));
        }
    }

    /// The code on its white card, in whole pixels, and how to use it.
    pub(super) fn code(&mut self, url: &str) -> Result<(), PosterError> {
        let (path, modules) = qr::path(url)?;
        let side = CARD.width as usize;
        let module = side / (modules + 2 * QUIET_ZONE);
        if module < MIN_MODULE {
            return Err(PosterError::Dense);
        }
        let inset = (side - module * modules) / 2;
        let (x, y) = (CARD.x as usize + inset, CARD.y as usize + inset);
        let Area {
            x: left,
            y: top,
            width,
            height,
        } = CARD;
        let _ = write!(
            self.svg,
            r##"<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="20" fill="#ffffff"/><path fill="#000000" shape-rendering="crispEdges" transform="translate({x} {y}) scale({module})" d="{path}"/>"##
        );
        self.centred(
            left + width / 2,
            top + height + 42,
            27,
            SOFT,
            "长按识别二维码下单",
        );
        Ok(())
    }
}

/// Up to nine characters for the seal; a name in Latin letters gives its initial.
fn seal_signs(village: &str) -> Vec<char> {
    let signs: Vec<char> = village
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '〓')
        .collect();
    if signs.iter().any(|c| c.is_alphabetic() && u32::from(*c) < 0x2E80) {
        return signs
            .first()
            .into_iter()
            .flat_map(|c| c.to_uppercase())
            .take(1)
            .collect();
    }
    signs.into_iter().take(9).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seal_takes_chinese_signs_or_an_initial() {
        for (village, want) in [
            ("张村", "张村"),
            ("张 村2组", "张村2组"),
            ("南张家庄子村经济合作社", "南张家庄子村经济合"),
            ("zhang village", "Z"),
            ("·", ""),
            ("", ""),
        ] {
            assert_eq!(seal_signs(village).into_iter().collect::<String>(), want);
        }
    }

    #[test]
    fn seal_is_read_in_columns_from_the_right() {
        let mut page = Page::default();
        page.seal("张家庄村");
        let at: Vec<(u32, u32)> = page
            .svg
            .split("<text x=\"")
            .skip(1)
            .map(|part| {
                let (x, rest) = part.split_once("\" y=\"").unwrap();
                (
                    x.parse().unwrap(),
                    rest.split_once('"').unwrap().0.parse().unwrap(),
                )
            })
            .collect();
        let [first, second, third, fourth] = at[..] else {
            panic!("{at:?}")
        };
        assert!(first.0 == second.0 && first.1 < second.1, "{at:?}");
        assert!(
            third.0 == fourth.0 && third.0 < first.0 && third.1 == first.1,
            "{at:?}"
        );
    }

    #[test]
    fn price_has_two_decimals() {
        for (fen, yuan, cents) in [
            (6800, "68", ".00"),
            (5, "0", ".05"),
            (99_999_999, "999999", ".99"),
        ] {
            let mut page = Page::default();
            page.price(fen);
            assert!(page.svg.contains(&format!(">{yuan}</text>")), "{}", page.svg);
            assert!(page.svg.contains(&format!(">{cents}</text>")), "{}", page.svg);
        }
    }

    #[test]
    fn code_is_drawn_in_whole_pixels_until_it_is_too_dense() {
        for (bytes, place) in [
            (30, "translate(760 1084) scale(8)"),
            (331, "translate(738 1062) scale(4)"),
        ] {
            let mut page = Page::default();
            page.code(&"a".repeat(bytes)).unwrap();
            assert!(page.svg.contains(place), "{}", page.svg);
        }
        let dense = Page::default().code(&"a".repeat(332));
        assert!(matches!(dense, Err(PosterError::Dense)), "{dense:?}");
    }
}
