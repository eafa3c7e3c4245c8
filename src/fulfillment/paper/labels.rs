//! Labels for a thermal printer of 203 dpi, one page a parcel, in the order of the packing list. Large type, thick
//! rules, no grey; bars and squares of whole dots.

use super::draw::{Align, Area, Canvas, MM, Pdf, Pen, paragraph_height};
use super::packing::in_order;
use super::{Line, PaperError, Parcel, Sheet, short_kg};

/// The paper in the printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Mm100x150,
    Mm76x130,
}

/// The measures of a label, in dots.
struct Form {
    width: u32,
    height: u32,
    margin: u32,
    /// the carrier's band
    band: u32,
    carrier: &'static [u32],
    code: &'static [u32],
    /// side of the QR code with its quiet zone
    qr: u32,
    bars: u32,
    /// orders, batch, foot
    small: u32,
    recipient: &'static [u32],
    address: &'static [u32],
    address_height: u32,
    /// sizes of products and their lots, to be tried until all lines of a parcel fit; 0: lots beside their products
    items: &'static [(u32, u32)],
    note: &'static [u32],
    note_height: u32,
    rule: u32,
}

const WIDE: Form = Form {
    width: 100 * MM,
    height: 150 * MM,
    margin: 28,
    band: 112,
    carrier: &[96, 84, 72, 60, 48, 40],
    code: &[104, 96, 88, 80, 72, 64, 56, 48, 40, 32],
    qr: 232,
    bars: 84,
    small: 32,
    recipient: &[56, 48, 40, 34],
    address: &[46, 42, 38, 34, 30, 27, 24, 21],
    address_height: 180,
    items: &[(44, 32), (38, 28), (32, 25), (27, 22), (26, 0), (21, 0)],
    note: &[36, 32, 28, 24],
    note_height: 84,
    rule: 5,
};

const NARROW: Form = Form {
    width: 76 * MM,
    height: 130 * MM,
    margin: 24,
    band: 92,
    carrier: &[80, 68, 58, 48, 40, 34],
    code: &[80, 72, 64, 58, 52, 46, 40, 34, 28],
    qr: 203,
    bars: 72,
    small: 27,
    recipient: &[46, 40, 34, 30],
    address: &[40, 36, 32, 28, 25, 22, 20],
    address_height: 200,
    items: &[(36, 27), (32, 25), (28, 22), (24, 20), (22, 0), (19, 0)],
    note: &[30, 27, 24, 22],
    note_height: 70,
    rule: 4,
};

impl Size {
    /// `100x150` or `76x130`, as in the address of the labels.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "100x150" => Some(Self::Mm100x150),
            "76x130" => Some(Self::Mm76x130),
            _ => None,
        }
    }

    fn form(self) -> &'static Form {
        match self {
            Self::Mm100x150 => &WIDE,
            Self::Mm76x130 => &NARROW,
        }
    }
}

/// The labels of a batch.
///
/// # Errors
/// The sheet is out of bounds, or drawing failed.
pub fn pdf(sheet: &Sheet, size: Size) -> Result<Vec<u8>, PaperError> {
    sheet.check()?;
    let form = size.form();
    let title = format!("标签 {} {}", sheet.batch, sheet.ship_on);
    let mut pdf = Pdf::new(&title, sheet.made_at_ms);
    for parcel in in_order(sheet) {
        pdf.page(form.width, form.height, |canvas| {
            form.label(canvas, sheet, parcel)
        });
    }
    if sheet.parcels.is_empty() {
        pdf.page(form.width, form.height, |canvas| {
            let words = Area::new(form.margin, form.height / 3, form.room(), 200);
            canvas.paragraph(words, form.address, true, "本批没有包裹 No parcels in this batch");
        });
    }
    pdf.finish()
}

impl Form {
    const fn room(&self) -> u32 {
        self.width - 2 * self.margin
    }

    fn rule(&self, canvas: &mut Canvas, y: u32) {
        canvas.bar(Area::new(self.margin, y, self.room(), self.rule));
    }

    fn label(&self, canvas: &mut Canvas, sheet: &Sheet, parcel: &Parcel) {
        let gap = self.small / 2;
        let mut y = self.margin;
        self.carrier(canvas, y, parcel);
        y += self.band;
        self.rule(canvas, y);
        y += self.rule;
        self.codes(canvas, y, sheet, parcel);
        y += self.code_height() + self.qr + self.bars + gap;
        self.rule(canvas, y);
        y += self.rule + gap;
        y = self.recipient(canvas, y, parcel);
        self.rule(canvas, y);
        y += self.rule + gap;
        let foot = self.height - self.margin - self.small - gap;
        let note_height = self.note(canvas, foot - gap, &parcel.note);
        let end = foot - gap - note_height;
        self.items(canvas, Area::new(self.margin, y, self.room(), end - y), parcel);
        self.rule(canvas, foot - gap / 2);
        self.foot(canvas, foot + gap / 2, sheet, parcel);
    }

    /// The carrier, and which parcel of how many.
    fn carrier(&self, canvas: &mut Canvas, y: u32, parcel: &Parcel) {
        let mut room = self.room();
        if let Some(part) = parcel.part_of() {
            let side = self.band * 3 / 2;
            let badge = Area::new(self.margin + room - side, y, side, self.band - 14);
            canvas.frame(badge, self.rule + 1);
            let inner = Area::new(badge.x + 12, badge.y, side - 24, badge.height);
            canvas.headline(
                inner,
                &[self.band * 5 / 9, self.band / 2, self.band / 3, 28],
                Align::Centre,
                &part,
            );
            room -= side + 20;
        }
        let area = Area::new(self.margin, y, room, self.band - 14);
        canvas.headline(area, self.carrier, Align::Left, &parcel.carrier);
    }

    fn code_height(&self) -> u32 {
        self.code.first().copied().unwrap_or(0) + self.small / 2
    }

    /// The parcel's code, large, as QR and as bars, and what belongs to it.
    fn codes(&self, canvas: &mut Canvas, y: u32, sheet: &Sheet, parcel: &Parcel) {
        let area = Area::new(self.margin, y, self.room(), self.code_height());
        canvas.headline(area, self.code, Align::Left, &parcel.code);
        let y = y + self.code_height();
        canvas.qr(self.margin, y, self.qr, &parcel.code);
        let (x, gap) = (self.margin + self.qr, self.small / 2);
        let wide = self.room() - self.qr;
        let mut line_y = y + gap;
        let ship = format!("发货 {}", sheet.ship_on);
        canvas.line((x, line_y, wide), Pen::bold(self.small + 4), Align::Left, &ship);
        line_y += self.small + 4 + gap;
        let batch = format!("发货批 {}", sheet.batch);
        canvas.line((x, line_y, wide), Pen::bold(self.small), Align::Left, &batch);
        line_y += self.small + gap;
        let orders = format!("订单 {}", parcel.orders.join(" "));
        let rest = Area::new(x, line_y, wide, y + self.qr - line_y);
        canvas.paragraph(rest, &[self.small, 24, 21], true, &orders);
        let bars = Area::new(self.margin, y + self.qr, self.room(), self.bars);
        canvas.code128(bars, &parcel.code);
    }

    /// Who gets it and where; returns where the next part begins.
    fn recipient(&self, canvas: &mut Canvas, y: u32, parcel: &Parcel) -> u32 {
        let size = self.recipient.first().copied().unwrap_or(0);
        let badge = Area::new(self.margin, y, size + 12, size + 12);
        canvas.bar(badge);
        canvas.line(
            (badge.x, y + 6, badge.width),
            Pen::white(size),
            Align::Centre,
            "收",
        );
        let x = badge.x + badge.width + 16;
        let who = format!("{} {}", parcel.name(), parcel.phone());
        let area = Area::new(x, y, self.room() + self.margin - x, badge.height);
        canvas.headline(area, self.recipient, Align::Left, &who);
        let top = y + badge.height + 14;
        let area = Area::new(self.margin, top, self.room(), self.address_height);
        let used = canvas.paragraph(area, self.address, true, &parcel.address());
        top + used + self.small / 3
    }

    /// The lines with their lots; what doesn't fit is counted and left to the packing list.
    fn items(&self, canvas: &mut Canvas, area: Area, parcel: &Parcel) {
        let count = parcel.lines.len();
        let places = |item: &Item| (area.height / item.height()).max(1) as usize;
        let mut items = self.items.iter().map(|&(product, lot)| Item { product, lot });
        let fits = items.clone().find(|item| count <= places(item));
        let Some(item) = fits.or(items.next_back()) else {
            return;
        };
        let shown = if count <= places(&item) {
            count
        } else {
            places(&item) - 1
        };
        let mut y = area.y;
        for line in parcel.lines.iter().take(shown) {
            item.draw(canvas, Area { y, ..area }, line);
            y += item.height();
        }
        let rest = &parcel.lines[shown..];
        if !rest.is_empty() {
            let cases: i64 = rest.iter().map(|line| line.quantity).sum();
            let words = format!("另有 {} 种共 {cases} 箱，见装箱单", rest.len());
            canvas.line(
                (area.x, y, area.width),
                Pen::bold(item.product),
                Align::Left,
                &words,
            );
        }
    }

    /// A note in a frame that ends at `bottom`; returns the height it took.
    fn note(&self, canvas: &mut Canvas, bottom: u32, note: &str) -> u32 {
        const PAD: u32 = 12;
        if note.is_empty() {
            return 0;
        }
        let words = format!("备注：{note}");
        let text = Area::new(self.margin + PAD, 0, self.room() - 2 * PAD, self.note_height);
        let height = paragraph_height(text, self.note, &words) + 2 * PAD;
        let y = bottom - height;
        canvas.frame(Area::new(self.margin, y, self.room(), height), self.rule - 1);
        canvas.paragraph(
            Area {
                y: y + PAD + 2,
                ..text
            },
            self.note,
            true,
            &words,
        );
        height + PAD
    }

    fn foot(&self, canvas: &mut Canvas, y: u32, sheet: &Sheet, parcel: &Parcel) {
        let sum = parcel.sum();
        let half = self.room() / 2;
        let weight = format!("共 {} 箱  {} kg", sum.cases, short_kg(sum.grams));
        let pen = Pen::bold(self.small);
        canvas.line((self.margin, y, half), pen, Align::Left, &sheet.village);
        canvas.line((self.margin + half, y, half), pen, Align::Right, &weight);
    }
}

/// The type sizes of one line of a parcel.
#[derive(Clone, Copy)]
struct Item {
    product: u32,
    lot: u32,
}

impl Item {
    const fn height(self) -> u32 {
        if self.lot == 0 {
            self.product * 5 / 4
        } else {
            self.product + self.lot + self.lot * 3 / 4
        }
    }

    fn draw(self, canvas: &mut Canvas, area: Area, line: &Line) {
        let product = self.product;
        let height = product + 4;
        let count_room = product * 3;
        let left = area.width - count_room;
        let count = Area::new(area.x + left, area.y, count_room, height);
        let largest = if self.lot == 0 { product } else { product + 8 };
        let sizes = [largest, product, product * 3 / 4, product / 2];
        canvas.headline(count, &sizes, Align::Right, &format!("×{}", line.quantity));
        let name_sizes = [product, product * 7 / 8, product * 3 / 4];
        let best_before = line.best_before.map(|day| format!("  保质期至 {day}"));
        let words = format!("批次 {}{}", line.lot, best_before.unwrap_or_default());
        if self.lot == 0 {
            let half = left * 11 / 20;
            let words = words.replace("保质期至 ", "");
            canvas.line(
                (area.x + left - half, area.y, half),
                Pen::bold(product),
                Align::Left,
                &words,
            );
            let name = (area.x, area.y, left - half - 8);
            canvas.line(name, Pen::bold(product), Align::Left, &line.product);
            return;
        }
        let name = Area::new(area.x, area.y, left - 12, height);
        canvas.headline(name, &name_sizes, Align::Left, &line.product);
        let lot = Area::new(area.x, area.y + product + 8, area.width, self.lot * 5 / 4);
        canvas.paragraph(lot, &[self.lot, self.lot * 7 / 8, 20], true, &words);
    }
}
