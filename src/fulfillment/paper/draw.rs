//! A thin layer over krilla. The unit is the dot of a label printer, 1/8 mm (203 dpi), so that bars and squares fall on
//! whole dots; A4 is measured the same way. Ink is black: a thermal printer knows no grey.

use std::sync::LazyLock;

use barcoders::sym::code128::Code128;
use chrono::{DateTime, Datelike, Timelike};
use fast_qr::{ECL, QRBuilder};
use krilla::color::luma;
use krilla::geom::{PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime as PdfDate, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, LineJoin, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};

use super::PaperError;
use crate::font::{EM, FONT, advance, clean, fit, glyph, shrink, width, wrap};

const POINTS_PER_DOT: f32 = 72.0 / (25.4 * 8.0);

/// A printer's 1/8 mm dots per millimetre.
pub(super) const MM: u32 = 8;

/// Light modules that a reader needs around a QR code (ISO/IEC 18004, 9.1).
const QUIET_ZONE: u32 = 4;

/// The font, read once for the process.
static FACE: LazyLock<Font> =
    LazyLock::new(|| Font::new(FONT.into(), 0).expect("the font in the binary is well formed"));

pub(super) struct Pdf {
    document: Document,
}

/// One page while it is drawn; (0, 0) is its upper left corner.
pub(super) struct Canvas<'a> {
    surface: Surface<'a>,
}

/// How text looks: its size in dots, and whether it is bold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen {
    pub size: u32,
    pub bold: bool,
    pub white: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// A place on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Pen {
    pub(super) const fn plain(size: u32) -> Self {
        Self {
            size,
            bold: false,
            white: false,
        }
    }

    pub(super) const fn bold(size: u32) -> Self {
        Self {
            size,
            bold: true,
            white: false,
        }
    }

    pub(super) const fn white(size: u32) -> Self {
        Self {
            size,
            bold: true,
            white: true,
        }
    }

    /// From one line to the next.
    pub(super) const fn leading(self) -> u32 {
        self.size * 5 / 4
    }
}

impl Area {
    pub(super) const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }
}

impl Pdf {
    /// A document without pages; `made_at_ms` is its date, and nothing in it depends on the hour of printing.
    pub(super) fn new(title: &str, made_at_ms: i64) -> Self {
        let mut document = Document::new_with(SerializeSettings::default());
        let mut about = Metadata::new()
            .title(clean(title))
            .language("zh-CN".to_owned())
            .creator("Cunji".to_owned());
        if let Some(date) = pdf_date(made_at_ms) {
            about = about.creation_date(date);
        }
        document.set_metadata(about);
        Self { document }
    }

    pub(super) fn page(&mut self, width: u32, height: u32, draw: impl FnOnce(&mut Canvas)) {
        let [points_wide, points_high] = [width, height].map(points);
        let settings = PageSettings::from_wh(points_wide, points_high).expect("paper has a size");
        let mut page = self.document.start_page_with(settings);
        let mut surface = page.surface();
        surface.push_transform(&Transform::from_scale(POINTS_PER_DOT, POINTS_PER_DOT));
        let mut canvas = Canvas { surface };
        draw(&mut canvas);
        canvas.surface.pop();
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, PaperError> {
        let failed = |error| PaperError::Pdf(format!("{error:?}"));
        self.document.finish().map_err(failed)
    }
}

impl Canvas<'_> {
    /// One line within a width, cut with … where it doesn't fit; `y` is the top of its em square.
    pub(super) fn line(&mut self, area: (u32, u32, u32), pen: Pen, align: Align, text: &str) {
        let (x, y, room) = area;
        let text = fit(&clean(text), pen.size, room);
        let spare = room.saturating_sub(width(&text, pen.size));
        let x = match align {
            Align::Left => x,
            Align::Centre => x + spare / 2,
            Align::Right => x + spare,
        };
        self.glyphs(x, y, pen, &text);
    }

    /// One line in the largest of the sizes that fits, in the middle of the area's height.
    pub(super) fn headline(&mut self, area: Area, sizes: &[u32], align: Align, text: &str) {
        let (text, size) = shrink(&clean(text), sizes, area.width);
        let y = area.y + area.height.saturating_sub(size) / 2;
        self.line((area.x, y, area.width), Pen::bold(size), align, &text);
    }

    /// A number at the right end of its place, smaller before it is cut.
    pub(super) fn number(&mut self, area: (u32, u32, u32), pen: Pen, text: &str) {
        let (x, y, room) = area;
        let sizes = [pen.size, pen.size * 7 / 8, pen.size * 3 / 4, pen.size * 5 / 8];
        let (text, size) = shrink(&clean(text), &sizes, room);
        let y = y + (pen.size - size) * 880 / EM;
        self.line((x, y, room), Pen { size, ..pen }, Align::Right, &text);
    }

    /// Text on as many lines as the area holds, in the largest of the sizes that fits, cut with … at the smallest.
    /// Returns the height that was used.
    pub(super) fn paragraph(&mut self, area: Area, sizes: &[u32], bold: bool, text: &str) -> u32 {
        let text = clean(text);
        let (lines, size) = lines_in(&text, sizes, area);
        let pen = Pen {
            bold,
            ..Pen::plain(size)
        };
        let mut y = area.y;
        for line in &lines {
            self.glyphs(area.x, y, pen, line);
            y += pen.leading();
        }
        y - area.y
    }

    /// A black bar or box.
    pub(super) fn bar(&mut self, area: Area) {
        let [x, y, width, height] = [area.x, area.y, area.width, area.height].map(|dots| dots as f32);
        let mut path = PathBuilder::new();
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            path.push_rect(rect);
        }
        self.fill(path, false);
    }

    /// The outline of a box, `thick` dots inwards.
    pub(super) fn frame(&mut self, area: Area, thick: u32) {
        let Area { x, y, width, height } = area;
        let (right, bottom) = (x + width - thick, y + height - thick);
        for (x, y, width, height) in [
            (x, y, width, thick),
            (x, bottom, width, thick),
            (x, y, thick, height),
            (right, y, thick, height),
        ] {
            self.bar(Area::new(x, y, width, height));
        }
    }

    /// A QR code in a square with this side, its quiet zone included, on whole dots. Returns whether it is drawn: a
    /// text that doesn't fit has none.
    pub(super) fn qr(&mut self, x: u32, y: u32, side: u32, text: &str) -> bool {
        let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else {
            return false;
        };
        let Ok(modules) = u32::try_from(code.size) else {
            return false;
        };
        let dots = side / (modules + 2 * QUIET_ZONE);
        let inset = (side - dots * modules) / 2;
        let mut path = PathBuilder::new();
        for row in 0..code.size {
            let mut at = 0;
            while at < code.size {
                let run = (at..code.size).take_while(|&at| code[row][at].value()).count();
                let left = x + inset + at as u32 * dots;
                let top = y + inset + row as u32 * dots;
                // One box per run leaves no hairlines between modules.
                if let Some(rect) = rect(left, top, run as u32 * dots, dots) {
                    path.push_rect(rect);
                }
                at += run.max(1);
            }
        }
        self.fill(path, false);
        dots > 0
    }

    /// The text as Code 128 in the middle of the area, for scanners that read bars only; bars are 2 to 4 dots thin.
    /// Nothing is drawn when the text has other characters than ASCII or needs thinner bars.
    pub(super) fn code128(&mut self, area: Area, text: &str) {
        const LIGHT: u32 = 20;
        let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let Ok(code) = Code128::new(format!("\u{181}{text}")) else {
            return;
        };
        let modules = code.encode();
        let dots = (area.width / (modules.len() as u32 + LIGHT)).min(4);
        if !printable || dots < 2 {
            return;
        }
        let mut x = area.x + (area.width - modules.len() as u32 * dots) / 2;
        let mut path = PathBuilder::new();
        for run in modules.chunk_by(|a, b| a == b) {
            let wide = run.len() as u32 * dots;
            if let Some(bar) = rect(x, area.y, wide, area.height).filter(|_| run.first() == Some(&1)) {
                path.push_rect(bar);
            }
            x += wide;
        }
        self.fill(path, false);
    }

    fn fill(&mut self, path: PathBuilder, white: bool) {
        self.surface.set_fill(Some(ink(white)));
        self.surface.set_stroke(None);
        if let Some(path) = path.finish() {
            self.surface.draw_path(&path);
        }
    }

    /// Cleaned text from `x`; `y` is the top of the em square.
    fn glyphs(&mut self, x: u32, y: u32, pen: Pen, text: &str) {
        let glyphs: Vec<KrillaGlyph> = text
            .char_indices()
            .map(|(at, c)| {
                let range = at..at + c.len_utf8();
                let advance = per_em(advance(c));
                KrillaGlyph::new(GlyphId::new(glyph(c)), advance, 0.0, 0.0, 0.0, range, None)
            })
            .collect();
        self.surface.set_fill(Some(ink(pen.white)));
        self.surface.set_stroke(pen.bold.then(|| outline(pen)));
        // The font's em square reaches from 880 above the baseline to 120 below it.
        let baseline = y + pen.size * 880 / EM;
        let start = Point::from_xy(x as f32, baseline as f32);
        let size = pen.size as f32;
        self.surface
            .draw_glyphs(start, &glyphs, FACE.clone(), text, size, false);
    }
}

/// The height that a paragraph would take, see [`Canvas::paragraph`].
pub(super) fn paragraph_height(area: Area, sizes: &[u32], text: &str) -> u32 {
    let (lines, size) = lines_in(&clean(text), sizes, area);
    lines.len() as u32 * Pen::plain(size).leading()
}

/// The lines of cleaned text in the largest of the sizes at which it fits into the area.
fn lines_in(text: &str, sizes: &[u32], area: Area) -> (Vec<String>, u32) {
    let mut tried = (vec![], EM);
    for &size in sizes {
        let most = (area.height / Pen::plain(size).leading()).max(1) as usize;
        let mut lines = wrap(text, size, area.width, most + 1);
        let fits = lines.len() <= most;
        if !fits {
            lines = wrap(text, size, area.width, most);
        }
        tried = (lines, size);
        if fits {
            break;
        }
    }
    tried
}

fn rect(x: u32, y: u32, width: u32, height: u32) -> Option<Rect> {
    let [x, y, width, height] = [x, y, width, height].map(|dots| dots as f32);
    (width > 0.0 && height > 0.0).then(|| Rect::from_xywh(x, y, width, height))?
}

fn ink(white: bool) -> Fill {
    let colour = if white {
        luma::Color::white()
    } else {
        luma::Color::black()
    };
    Fill {
        paint: colour.into(),
        ..Fill::default()
    }
}

/// The font has one weight; a line around its letters makes the bold one.
fn outline(pen: Pen) -> Stroke {
    Stroke {
        paint: ink(pen.white).paint,
        width: bold_width(pen.size),
        line_join: LineJoin::Round,
        ..Stroke::default()
    }
}

#[expect(
    clippy::float_arithmetic,
    reason = "geometry: the drawing library counts in floats"
)]
fn points(dots: u32) -> f32 {
    dots as f32 * POINTS_PER_DOT
}

#[expect(
    clippy::float_arithmetic,
    reason = "geometry: the drawing library counts in floats"
)]
fn per_em(units: u32) -> f32 {
    units as f32 / EM as f32
}

/// Whole dots and a little more, since a printer rounds down.
#[expect(
    clippy::float_arithmetic,
    reason = "geometry: the drawing library counts in floats"
)]
fn bold_width(size: u32) -> f32 {
    ((size + 6) / 24).max(1) as f32 + 0.1
}

fn pdf_date(ms: i64) -> Option<PdfDate> {
    let at = DateTime::from_timestamp_millis(ms)?;
    let [month, day, hour, minute, second] =
        [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(|part| part as u8);
    let date = PdfDate::new(u16::try_from(at.year()).ok()?).month(month).day(day);
    Some(date.hour(hour).minute(minute).second(second).utc_offset_hour(0))
}
