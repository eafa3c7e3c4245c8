//! Codes read back from labels, as the printer prints them: QR by rqrr, bars by the table of their standard.

use super::packing;
use super::read_tests::{PAPERS, poppler};
use super::tests::sheet;

/// A page in the dots of a label printer, 203.2 to the inch.
fn printed(pdf: &[u8], page: usize) -> image::GrayImage {
    let page = page.to_string();
    let arguments = ["-r", "203.2", "-gray", "-png", "-f", &page, "-l", &page, "-"];
    let png = poppler("pdftoppm", &arguments, pdf);
    image::load_from_memory(&png).unwrap().to_luma8()
}

#[test]
fn codes_are_read_from_the_printed_label() {
    let sheet = sheet(9);
    let order = packing::in_order(&sheet);
    for (name, _, draw) in &PAPERS[3..] {
        let pdf = draw(&sheet).unwrap();
        for (page, parcel) in (1..).zip(&order) {
            let picture = printed(&pdf, page);
            let mut reader = rqrr::PreparedImage::prepare_from_greyscale(
                picture.width() as usize,
                picture.height() as usize,
                |x, y| picture.get_pixel(x as u32, y as u32).0[0],
            );
            let found = reader.detect_grids();
            assert_eq!(found.len(), 1, "{name}: one code on page {page}");
            assert_eq!(found[0].decode().unwrap().1, parcel.code, "{name}");
            assert!(
                bars(&picture).contains(&parcel.code),
                "{name}: page {page} has no bars"
            );
        }
    }
}

/// The texts of the rows that read as Code 128, set B.
fn bars(picture: &image::GrayImage) -> Vec<String> {
    let mut found: Vec<String> = (0..picture.height())
        .filter_map(|y| code128(picture, y))
        .collect();
    found.dedup();
    found
}

/// Widths of bars and gaps of the symbols 0 to 102 (ISO/IEC 15417, table 1).
const SYMBOLS: &str = "\
    212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 \
    123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 \
    232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 \
    313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 \
    111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 \
    111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 \
    114311 411113 411311 113141 114131 311141 411131";

/// Reads a row of dots as Code 128 that begins in set B; none when it isn't one or its check symbol is wrong.
fn code128(picture: &image::GrayImage, y: u32) -> Option<String> {
    let row: Vec<bool> = (0..picture.width())
        .map(|x| picture.get_pixel(x, y).0[0] < 128)
        .collect();
    let runs: Vec<usize> = row.chunk_by(|a, b| a == b).map(<[bool]>::len).collect();
    // white paper on both sides
    let bars = runs.get(1..runs.len().checked_sub(1)?)?;
    let module = bars.iter().take(6).sum::<usize>() / 11;
    let widths: String = bars
        .iter()
        .map(|wide| (wide / module.max(1)).to_string())
        .collect();
    let symbols = widths.strip_prefix("211214")?.strip_suffix("2331112")?;
    let values: Option<Vec<usize>> = symbols
        .as_bytes()
        .chunks(6)
        .map(|symbol| SYMBOLS.split(' ').position(|known| known.as_bytes() == symbol))
        .collect();
    let mut values = values?;
    let check = values.pop()?;
    let sum: usize = (1..).zip(&values).map(|(place, value)| place * value).sum();
    let text = values.iter().map(|value| char::from(b' ' + *value as u8));
    ((104 + sum) % 103 == check).then(|| text.collect())
}
