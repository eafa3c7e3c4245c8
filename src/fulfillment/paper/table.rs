//! Lists on A4: parts under their headings, rows in columns, heads repeated on every page, pages numbered.

use super::draw::{Align, Area, Canvas, MM, Pdf, Pen};
use super::{PaperError, Sheet};
use crate::font::{clean, wrap};

const WIDTH: u32 = 210 * MM;
const HEIGHT: u32 = 297 * MM;
const MARGIN: u32 = 12 * MM;
const ROOM: u32 = WIDTH - 2 * MARGIN;
const TOP: u32 = MARGIN + 92;
const BOTTOM: u32 = HEIGHT - MARGIN - 40;

const TEXT: Pen = Pen::plain(27);
const STRONG: Pen = Pen::bold(29);
const PART: Pen = Pen::bold(44);
const SMALL: Pen = Pen::plain(22);

const HEAD_HEIGHT: u32 = 62;
const PART_HEIGHT: u32 = 76;
const GROUP_HEIGHT: u32 = 52;
const ROW_HEIGHT: u32 = 44;
const LINE_HEIGHT: u32 = 32;
/// A row's text may take this many lines where its column wraps.
pub(super) const MAX_LINES: usize = 4;
/// Free space on both sides of a cell.
const PAD: u32 = 11;
const SIGN_HEIGHT: u32 = 330;

#[derive(Clone, Copy)]
pub(super) struct Column {
    pub zh: &'static str,
    pub en: &'static str,
    /// in dots
    pub width: u32,
    pub align: Align,
    /// takes a second line before it is cut
    pub wraps: bool,
}

/// What a list is made of, from top to bottom.
pub(super) enum Block {
    /// A heading of its own with its sums, on a new page when asked for.
    Part {
        name: String,
        sums: String,
        new_page: bool,
    },
    /// A heading within a part, with its sums.
    Group { name: String, sums: String },
    /// The heads of the columns; rows after it have them repeated on every page.
    Heads,
    /// A cell per column, of one or several lines; the cell `TICK` is a box to tick.
    Row(Vec<String>),
    /// One product's share of a total.
    Sum { name: String, sums: String },
    /// One line across, never at the foot of a page without what comes after it.
    Words(String),
    /// Lines to sign on.
    Sign(&'static [[&'static str; 2]]),
}

/// A cell that is a box to tick.
pub(super) const TICK: &str = "[]";

/// A list: its titles and its columns.
pub(super) struct List<'a> {
    pub zh: &'static str,
    pub en: &'static str,
    pub sheet: &'a Sheet,
    pub columns: &'a [Column],
}

impl Block {
    fn height(&self, columns: &[Column]) -> u32 {
        match self {
            Self::Part { .. } => PART_HEIGHT,
            Self::Group { .. } => GROUP_HEIGHT,
            Self::Heads => HEAD_HEIGHT,
            Self::Row(cells) => ROW_HEIGHT + LINE_HEIGHT * (row_lines(columns, cells) - 1),
            Self::Sum { .. } | Self::Words(_) => ROW_HEIGHT,
            Self::Sign(_) => SIGN_HEIGHT,
        }
    }

    /// A heading never stands alone at the foot of a page.
    fn is_heading(&self) -> bool {
        matches!(
            self,
            Self::Part { .. } | Self::Group { .. } | Self::Heads | Self::Words(_)
        )
    }
}

fn cell_lines(column: &Column, cell: &str) -> Vec<String> {
    let most = if column.wraps { MAX_LINES } else { 1 };
    let room = column.width - 2 * PAD;
    let lines = cell.lines().take(most);
    let mut lines: Vec<String> = lines
        .flat_map(|line| wrap(&clean(line), TEXT.size, room, most))
        .collect();
    lines.truncate(most);
    lines
}

fn row_lines(columns: &[Column], cells: &[String]) -> u32 {
    let wrapped = columns.iter().zip(cells).filter(|(column, _)| column.wraps);
    let lines = wrapped.map(|(column, cell)| cell_lines(column, cell).len() as u32);
    lines.max().unwrap_or(1).max(1)
}

/// What is repeated where a page begins.
#[derive(Default, Clone, Copy)]
struct Open<'a> {
    part: Option<&'a str>,
    heads: bool,
    group: Option<&'a str>,
}

impl<'a> Open<'a> {
    fn pass(&mut self, block: &'a Block) {
        match block {
            Block::Part { name, .. } => {
                *self = Self {
                    part: Some(name),
                    ..Self::default()
                }
            }
            Block::Group { name, .. } => self.group = Some(name),
            Block::Heads => self.heads = true,
            Block::Row(_) => {}
            Block::Sum { .. } | Block::Words(_) | Block::Sign(_) => {
                self.heads = false;
                self.group = None;
            }
        }
    }

    fn repeated(&self, next: &Block) -> Vec<Block> {
        let again = |name: &str| format!("{name}（续 continued）");
        let in_part = !matches!(next, Block::Part { .. });
        let in_rows = matches!(next, Block::Row(_));
        let part = self.part.filter(|_| in_part).map(|name| Block::Part {
            name: again(name),
            sums: String::new(),
            new_page: false,
        });
        let heads = (self.heads && (in_rows || matches!(next, Block::Group { .. }))).then_some(Block::Heads);
        let group = self.group.filter(|_| in_rows).map(|name| Block::Group {
            name: again(name),
            sums: String::new(),
        });
        part.into_iter().chain(heads).chain(group).collect()
    }
}

/// A block on a page: one of the list's own, or a heading that is repeated.
enum Placed<'a> {
    Own(&'a Block),
    Again(Block),
}

/// Cuts the blocks into pages.
fn paginate<'a>(blocks: &'a [Block], columns: &[Column]) -> Vec<Vec<Placed<'a>>> {
    let mut pages = vec![vec![]];
    let mut y = TOP;
    let mut open = Open::default();
    for (at, block) in blocks.iter().enumerate() {
        // A heading needs room for the headings after it (a part's, the heads, a group's) and the first row.
        let next = blocks[at..].iter().take(3);
        let headings = next.take_while(|block| block.is_heading()).count();
        let together = blocks[at..].iter().take(headings + 1);
        let needed: u32 = together.map(|block| block.height(columns)).sum();
        let asked = matches!(block, Block::Part { new_page: true, .. });
        let page_is_empty = pages.last().is_none_or(Vec::is_empty);
        if !page_is_empty && (asked || y + needed > BOTTOM) {
            let again = open.repeated(block);
            y = TOP + again.iter().map(|block| block.height(columns)).sum::<u32>();
            pages.push(again.into_iter().map(Placed::Again).collect());
        }
        open.pass(block);
        y += block.height(columns);
        if let Some(page) = pages.last_mut() {
            page.push(Placed::Own(block));
        }
    }
    pages
}

impl List<'_> {
    /// The list as a PDF.
    pub(super) fn pdf(&self, blocks: &[Block]) -> Result<Vec<u8>, PaperError> {
        let sheet = self.sheet;
        let title = format!("{} {} {}", self.zh, sheet.batch, sheet.ship_on);
        let mut pdf = Pdf::new(&title, sheet.made_at_ms);
        let pages = paginate(blocks, self.columns);
        for (number, page) in (1..).zip(&pages) {
            pdf.page(WIDTH, HEIGHT, |canvas| {
                self.frame(canvas, number, pages.len());
                let mut y = TOP;
                for placed in page {
                    let block = match placed {
                        Placed::Own(block) => block,
                        Placed::Again(block) => block,
                    };
                    self.draw(canvas, y, block);
                    y += block.height(self.columns);
                }
            });
        }
        pdf.finish()
    }

    /// What stands on every page.
    fn frame(&self, canvas: &mut Canvas, number: usize, count: usize) {
        let Self { zh, en, sheet, .. } = self;
        let half = ROOM / 2;
        canvas.line((MARGIN, MARGIN, half), Pen::bold(52), Align::Left, zh);
        let x = MARGIN + 52 * zh.chars().count() as u32 + 20;
        canvas.line((x, MARGIN + 22, half), Pen::plain(30), Align::Left, en);
        let (right, wide) = (MARGIN + half, half);
        let ship = format!("发货日 Ship day {}", sheet.ship_on);
        canvas.line((right, MARGIN - 4, wide), STRONG, Align::Right, &ship);
        let batch = format!("发货批 Batch {}", sheet.batch);
        canvas.line((right, MARGIN + 34, wide), TEXT, Align::Right, &batch);
        canvas.bar(Area::new(MARGIN, MARGIN + 72, ROOM, 5));
        let foot = HEIGHT - MARGIN - SMALL.size;
        canvas.line((MARGIN, foot, half), SMALL, Align::Left, &sheet.village);
        let page = format!("第 {number} 页，共 {count} 页  Page {number} / {count}");
        canvas.line((right, foot, wide), SMALL, Align::Right, &page);
    }

    fn draw(&self, canvas: &mut Canvas, y: u32, block: &Block) {
        match block {
            Block::Part { name, sums, .. } => {
                canvas.line((MARGIN, y + 20, 780), PART, Align::Left, name);
                canvas.line((MARGIN + 800, y + 29, ROOM - 800), STRONG, Align::Right, sums);
            }
            Block::Group { name, sums } => {
                canvas.line((MARGIN, y + 15, 1060), STRONG, Align::Left, name);
                canvas.line((MARGIN + 1080, y + 15, ROOM - 1080), STRONG, Align::Right, sums);
                canvas.bar(Area::new(MARGIN, y + GROUP_HEIGHT - 3, ROOM, 3));
            }
            Block::Sum { name, sums } => {
                canvas.line((MARGIN, y + 10, 1060), TEXT, Align::Left, name);
                canvas.line((MARGIN + 1080, y + 10, ROOM - 1080), TEXT, Align::Right, sums);
                canvas.bar(Area::new(MARGIN, y + ROW_HEIGHT - 1, ROOM, 1));
            }
            Block::Heads => self.heads(canvas, y),
            Block::Row(cells) => self.row(canvas, y, cells, block.height(self.columns)),
            Block::Words(words) => canvas.line((MARGIN, y + 10, ROOM), STRONG, Align::Left, words),
            Block::Sign(pairs) => sign(canvas, y, pairs),
        }
    }

    fn heads(&self, canvas: &mut Canvas, y: u32) {
        let mut x = MARGIN;
        for column in self.columns {
            let room = column.width - 2 * PAD;
            canvas.line((x + PAD, y + 4, room), Pen::bold(24), column.align, column.zh);
            canvas.line((x + PAD, y + 32, room), Pen::plain(19), column.align, column.en);
            x += column.width;
        }
        canvas.bar(Area::new(MARGIN, y + HEAD_HEIGHT - 4, ROOM, 4));
    }

    fn row(&self, canvas: &mut Canvas, y: u32, cells: &[String], height: u32) {
        let mut x = MARGIN;
        for (column, cell) in self.columns.iter().zip(cells) {
            if cell == TICK {
                canvas.frame(Area::new(x + PAD, y + 8, 26, 26), 3);
            } else if column.align == Align::Right {
                canvas.number((x + PAD, y + 8, column.width - 2 * PAD), TEXT, cell);
            } else {
                let mut line_y = y + 8;
                for line in cell_lines(column, cell) {
                    canvas.line(
                        (x + PAD, line_y, column.width - 2 * PAD),
                        TEXT,
                        column.align,
                        &line,
                    );
                    line_y += LINE_HEIGHT;
                }
            }
            x += column.width;
        }
        canvas.bar(Area::new(MARGIN, y + height - 1, ROOM, 1));
    }
}

/// Two fields to fill in by hand per line, each a label over a rule.
fn sign(canvas: &mut Canvas, y: u32, pairs: &[[&str; 2]]) {
    let half = ROOM / 2;
    for (line, pair) in (0..).zip(pairs) {
        let y = y + 50 + line * 90;
        for (x, label) in [MARGIN, MARGIN + half].into_iter().zip(pair) {
            canvas.line((x, y, half), TEXT, Align::Left, label);
            let from = crate::font::width(&clean(label), TEXT.size) + 16;
            canvas.bar(Area::new(x + from, y + 34, half - from - 40, 3));
        }
    }
}
