//! From the poster's SVG to a PNG that a chat takes without shrinking it.

use std::sync::{Arc, LazyLock};

use image::RgbImage;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::{COLOURS, HEIGHT, PosterError, WIDTH, WINDOW};
use crate::font::{FAMILY, FONT};

/// Largest PNG that is handed out, in bytes.
pub(super) const MAX_PNG: usize = 500_000;

/// How many colours a picture may keep, tried in this order until the file is small enough. Even noise fits with the last.
const PICTURE_COLOURS: [usize; 5] = [208, 112, 56, 28, 12];

/// The one font database of the process; it points at the font in the binary, nothing is copied.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_source(fontdb::Source::Binary(Arc::new(FONT)));
    Arc::new(fonts)
});

/// Pixels as RGB bytes, row by row.
type Rows = Vec<u8>;

/// Renders the SVG over the picture, if any, which shows through the SVG's window.
pub(super) fn png(svg: &str, picture: Option<&RgbImage>) -> Result<Vec<u8>, PosterError> {
    let rows = render(svg, picture)?;
    let Some(picture) = picture else {
        // A drawing has few colours and wide flats: it needs no palette.
        return encode(&rows, (WIDTH, HEIGHT), None);
    };
    let mut file = Vec::new();
    for colours in PICTURE_COLOURS {
        let (indices, palette) = reduce(&rows, picture, colours);
        file = encode(&indices, (WIDTH, HEIGHT), Some(palette))?;
        if file.len() <= MAX_PNG {
            break;
        }
    }
    Ok(file)
}

fn render(svg: &str, picture: Option<&RgbImage>) -> Result<Rows, PosterError> {
    let options = Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(&FONTS),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|e| PosterError::Render(e.to_string()))?;
    let mut canvas = Pixmap::new(WIDTH, HEIGHT).ok_or_else(|| PosterError::Render("no canvas".to_owned()))?;
    if let Some(picture) = picture {
        let stride = WIDTH as usize * 4;
        let window = canvas.data_mut().chunks_exact_mut(stride).skip(WINDOW.y as usize);
        for (row, pixels) in window.zip(picture.rows()) {
            let row = row.chunks_exact_mut(4).skip(WINDOW.x as usize);
            for (to, from) in row.zip(pixels) {
                to.copy_from_slice(&[from.0[0], from.0[1], from.0[2], 255]);
            }
        }
    }
    resvg::render(&tree, Transform::identity(), &mut canvas.as_mut());
    Ok(rows(&canvas))
}

/// Every pixel is opaque, so that premultiplied and plain colours are the same.
fn rows(canvas: &Pixmap) -> Rows {
    let pixels = canvas.data().chunks_exact(4);
    pixels.flat_map(|p| [p[0], p[1], p[2]]).collect()
}

/// Renders an SVG without text that fills a square of this side.
pub(super) fn square(svg: &str, side: u32) -> Result<Vec<u8>, PosterError> {
    let tree = Tree::from_str(svg, &Options::default()).map_err(|e| PosterError::Render(e.to_string()))?;
    let mut canvas = Pixmap::new(side, side).ok_or_else(|| PosterError::Render("no canvas".to_owned()))?;
    resvg::render(&tree, Transform::identity(), &mut canvas.as_mut());
    encode(&rows(&canvas), (side, side), None)
}

fn encode(
    pixels: &[u8],
    (width, height): (u32, u32),
    palette: Option<Vec<u8>>,
) -> Result<Vec<u8>, PosterError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Balanced);
    if let Some(palette) = palette {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette);
        // Neighbouring numbers of a palette are not neighbouring colours: filters only hurt.
        encoder.set_filter(png::Filter::NoFilter);
    }
    let failed = |e: png::EncodingError| PosterError::Render(e.to_string());
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// The poster in a palette: the poster's own colours with their blends, exact, and `colours` chosen from the picture.
/// Returns an index per pixel and the palette as RGB bytes.
fn reduce(rows: &[u8], picture: &RgbImage, colours: usize) -> (Vec<u8>, Vec<u8>) {
    let mut palette = own_colours();
    let sample: Vec<u8> = picture
        .pixels()
        .flat_map(|p| [p.0[0], p.0[1], p.0[2], 255])
        .collect();
    let quantizer = color_quant::NeuQuant::new(10, colours, &sample);
    palette.extend_from_slice(quantizer.color_map_rgb().as_chunks::<3>().0);

    // Colours that differ in less than four levels share a cell, so that each is searched once.
    let cell =
        |[r, g, b]: [u8; 3]| usize::from(r >> 2) << 12 | usize::from(g >> 2) << 6 | usize::from(b >> 2);
    let mut nearest: Vec<Option<u8>> = vec![None; 1 << 18];
    for (index, &colour) in palette.iter().enumerate().rev() {
        nearest[cell(colour)] = Some(index as u8);
    }
    let indices = rows
        .as_chunks::<3>()
        .0
        .iter()
        .map(|&colour| *nearest[cell(colour)].get_or_insert_with(|| nearest_in(&palette, colour)));
    let indices = indices.collect();
    (indices, palette.concat())
}

/// The poster's flat colours and the steps between paper and ink that smooth edges need.
fn own_colours() -> Vec<[u8; 3]> {
    const STEPS: u32 = 5;
    let mut palette = Vec::new();
    for (from, to) in COLOURS {
        let blend = |i: u32| {
            [0, 1, 2].map(|c| {
                let (a, b) = (u32::from(from[c]), u32::from(to[c]));
                ((a * (STEPS - i) + b * i) / STEPS) as u8
            })
        };
        for colour in (0..=STEPS).map(blend) {
            if !palette.contains(&colour) {
                palette.push(colour);
            }
        }
    }
    palette
}

fn nearest_in(palette: &[[u8; 3]], colour: [u8; 3]) -> u8 {
    let distance = |entry: &[u8; 3]| -> u32 {
        let weights = [3, 6, 1]; // the eye sees green best and blue least
        (0..3)
            .map(|c| weights[c] * u32::from(entry[c].abs_diff(colour[c])).pow(2))
            .sum()
    };
    let best = palette
        .iter()
        .enumerate()
        .min_by_key(|(_, entry)| distance(entry));
    best.map_or(0, |(index, _)| index as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_palette_has_room_for_the_picture() {
        let own = own_colours().len();
        assert!(own + PICTURE_COLOURS[0] <= 256, "{own} own colours");
        assert!(PICTURE_COLOURS.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn own_colours_survive_the_palette() {
        let picture = RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 4, y as u8 * 4, 90]));
        let rows: Vec<u8> = COLOURS
            .iter()
            .flat_map(|(from, to)| [*from, *to])
            .flatten()
            .collect();
        for colours in PICTURE_COLOURS {
            let (indices, palette) = reduce(&rows, &picture, colours);
            let back: Vec<u8> = indices
                .iter()
                .flat_map(|&i| palette[usize::from(i) * 3..][..3].to_vec())
                .collect();
            assert_eq!(back, rows);
        }
    }
}
