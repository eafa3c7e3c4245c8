//! A picture handed in by a person: checked before it is decoded, decoded within limits, drawn anew. Pure.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::imageops;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, RgbaImage};
use sha2::{Digest, Sha256};

use crate::error::{Text, text};

/// Largest file that is looked at, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Largest picture that is decoded, in pixels.
const MAX_PIXELS: u64 = 40_000_000;

/// What one decoded picture may take, in bytes: four per pixel.
const MAX_ALLOC: u64 = 4 * MAX_PIXELS;

/// The longer side of the large size, in pixels.
const LARGE_SIDE: u32 = 1_600;

/// A smaller size: what it may weigh, and longer side and quality, tried in this order until it is light enough. Even
/// noise is with the last.
struct Light {
    bytes: usize,
    steps: &'static [(u32, u8)],
}

/// For pages.
const SMALL: Light = Light {
    bytes: 40 * 1024,
    steps: &[(640, 75), (640, 60), (640, 45), (480, 50), (320, 50), (160, 40)],
};

/// For lists, of which a page may show several.
const THUMB: Light = Light {
    bytes: 8 * 1024,
    steps: &[(240, 70), (240, 50), (160, 60), (120, 50), (80, 40), (48, 40)],
};

/// Why a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// larger than so many bytes
    Bytes(usize),
    Format,
    Pixels {
        width: u32,
        height: u32,
    },
    Broken,
}

impl Refusal {
    /// What is wrong, and the way out.
    pub fn text(self) -> Text {
        match self {
            Refusal::Bytes(most) => {
                let most = most / 1024 / 1024;
                text(
                    format!("照片太大：每张最多 {most} MB，请选小一点的，或先截图。"),
                    format!(
                        "The photo is too large: at most {most} MB; take a smaller one, or a screenshot of it."
                    ),
                )
            }
            Refusal::Format => text("只收 JPEG 或 PNG 照片。", "Takes a JPEG or PNG photo only."),
            Refusal::Pixels { width, height } => text(
                format!("照片尺寸太大（{width} × {height}），请缩小后再传。"),
                format!("The photo has too many pixels ({width} × {height}); please make it smaller."),
            ),
            Refusal::Broken => text(
                "照片打不开，可能没有传完整，请重新选一张。",
                "The photo can't be opened; it may not have arrived whole. Please choose it again.",
            ),
        }
    }
}

/// A photo in its sizes, as JPEG.
#[derive(Debug)]
pub struct Made {
    pub large: Vec<u8>,
    pub width: u32,
    pub height: u32,
    pub small: Vec<u8>,
    pub small_width: u32,
    pub small_height: u32,
    pub thumb: Vec<u8>,
    /// SHA-256 of the large size
    pub hash: Vec<u8>,
}

/// Decodes a PNG or JPEG of at most `max_bytes`, with the way it has to be turned to stand upright.
///
/// # Errors
/// Another format, too many bytes or pixels (known from the header, before decoding), broken data.
pub fn decode(bytes: &[u8], max_bytes: usize) -> Result<(DynamicImage, Orientation), Refusal> {
    if bytes.len() > max_bytes {
        return Err(Refusal::Bytes(max_bytes));
    }
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
        _ => return Err(Refusal::Format),
    };
    let broken = |_| Refusal::Broken;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_ALLOC {
        return Err(Refusal::Pixels { width, height });
    }
    if format == ImageFormat::Jpeg && !has_end(bytes) {
        return Err(Refusal::Broken);
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    Ok((picture, orientation))
}

/// Whether a JPEG's last scan has an end: the decoder would fill up in grey what did not arrive. The last, since phones put
/// a whole small JPEG in front of the picture.
fn has_end(bytes: &[u8]) -> bool {
    let mut after = bytes.windows(2).rev().take_while(|pair| *pair != [0xff, 0xda]);
    after.any(|pair| pair == [0xff, 0xd9])
}

/// A picture without transparency, on white.
pub fn on_white(picture: &RgbaImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, a] = picture.get_pixel(x, y).0.map(u32::from);
        Rgb([r, g, b].map(|c| ((c * a + 255 * (255 - a)) / 255) as u8))
    })
}

/// Makes a photo of a file.
///
/// # Errors
/// Those of [`decode`].
pub fn make(bytes: &[u8]) -> Result<Made, Refusal> {
    let (picture, orientation) = decode(bytes, MAX_BYTES)?;
    // made smaller first: what comes after works on few pixels
    let has_alpha = picture.color().has_alpha();
    let shrunk = match has_alpha {
        true => on_white(&shrink_rgba(picture.into_rgba8(), LARGE_SIDE)),
        false => shrink(picture.into_rgb8(), LARGE_SIDE),
    };
    let mut upright = DynamicImage::ImageRgb8(shrunk);
    upright.apply_orientation(orientation);
    let picture = upright.into_rgb8();
    let large = jpeg(&picture, 82)?;
    let (width, height) = picture.dimensions();
    let (small, small_width, small_height) = light(&picture, &SMALL)?;
    let (thumb, ..) = light(&picture, &THUMB)?;
    Ok(Made {
        hash: Sha256::digest(&large).to_vec(),
        large,
        width,
        height,
        small,
        small_width,
        small_height,
        thumb,
    })
}

/// A smaller size of a picture, with its width and height.
fn light(picture: &RgbImage, size: &Light) -> Result<(Vec<u8>, u32, u32), Refusal> {
    for (side, quality) in size.steps {
        let little = shrink(picture.clone(), *side);
        let file = jpeg(&little, *quality)?;
        if file.len() <= size.bytes {
            return Ok((file, little.width(), little.height()));
        }
    }
    Err(Refusal::Broken)
}

/// Width and height that fit into a square of this side.
fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= side {
        return (width, height);
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(side) / u64::from(longer)).max(1) as u32;
    (scaled(width), scaled(height))
}

fn shrink(picture: RgbImage, side: u32) -> RgbImage {
    let (width, height) = fit(picture.width(), picture.height(), side);
    if (width, height) == picture.dimensions() {
        return picture;
    }
    imageops::thumbnail(&picture, width, height)
}

fn shrink_rgba(picture: RgbaImage, side: u32) -> RgbaImage {
    let (width, height) = fit(picture.width(), picture.height(), side);
    if (width, height) == picture.dimensions() {
        return picture;
    }
    imageops::thumbnail(&picture, width, height)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Refusal> {
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode_image(picture)
        .map_err(|_| Refusal::Broken)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> RgbImage {
        let mut state = 7_u32;
        RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        })
    }

    fn png(picture: DynamicImage) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner()
    }

    /// A PNG whose header says that it is larger than it is.
    fn bomb() -> Vec<u8> {
        let mut file = png(DynamicImage::ImageRgb8(RgbImage::new(8, 8)));
        file[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        // the header's check sum, so that only its size is wrong
        let mut crc = !0_u32;
        for byte in &file[12..29] {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            }
        }
        file[29..33].copy_from_slice(&(!crc).to_be_bytes());
        file
    }

    #[test]
    fn what_is_no_photo_is_refused() {
        let photo = jpeg(&noise(200, 100), 80).unwrap();
        let mut of_a_phone = photo[..photo.len() / 2].to_vec();
        // a whole small picture in front, as phones put there
        let small = jpeg(&noise(8, 8), 80).unwrap();
        let length = u16::try_from(small.len() + 2).unwrap().to_be_bytes();
        let part = [&[0xff, 0xe1], &length[..], &small[..]].concat();
        of_a_phone.splice(2..2, part);
        let cases: Vec<(&str, Vec<u8>, Refusal)> = vec![
            ("nothing", Vec::new(), Refusal::Format),
            ("svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec(), Refusal::Format),
            ("html", b"<!doctype html><script>alert(1)</script>".to_vec(), Refusal::Format),
            ("gif", b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;".to_vec(), Refusal::Format),
            ("half a photo", photo[..photo.len() / 2].to_vec(), Refusal::Broken),
            ("half a photo of a phone", of_a_phone, Refusal::Broken),
            ("a head alone", photo[..20].to_vec(), Refusal::Broken),
            ("html behind a photo's first bytes", b"\xff\xd8\xff\xe0<script>alert(1)</script>".to_vec(), Refusal::Broken),
            ("half a png", png(DynamicImage::ImageRgb8(noise(60, 60)))[..900].to_vec(), Refusal::Broken),
            ("a bomb", bomb(), Refusal::Pixels { width: 65_536, height: 65_536 }),
            ("too many bytes", vec![0xff; MAX_BYTES + 1], Refusal::Bytes(MAX_BYTES)),
        ];
        for (name, file, refusal) in cases {
            assert_eq!(make(&file).unwrap_err(), refusal, "{name}");
            assert!(!refusal.text().zh.is_empty() && !refusal.text().en.is_empty());
        }
    }

    #[test]
    fn only_the_picture_is_kept() {
        let mut polyglot = jpeg(&noise(300, 200), 80).unwrap();
        // a comment in the file, and a page behind its end
        let comment = b"\xff\xfe\x00\x1b<script>alert('x')</script";
        polyglot.splice(2..2, comment.iter().copied());
        polyglot.extend(b"<html><script>alert(2)</script>");
        let made = make(&polyglot).unwrap();
        for file in [&made.large, &made.small, &made.thumb] {
            assert!(
                !file.windows(6).any(|part| part == b"script"),
                "what came along is gone"
            );
            assert_eq!(image::guess_format(file).unwrap(), ImageFormat::Jpeg);
        }
        assert_eq!((made.width, made.height), (300, 200));
    }

    #[test]
    fn sizes_and_weights() {
        for (width, height, large, small) in [
            (3_000, 1_500, (1_600, 800), (640, 320)),
            (100, 4_000, (40, 1_600), (16, 640)),
            (1, 1, (1, 1), (1, 1)),
        ] {
            let plain = RgbImage::from_pixel(width, height, Rgb([200, 90, 20]));
            let made = make(&png(DynamicImage::ImageRgb8(plain))).unwrap();
            assert_eq!((made.width, made.height), large);
            assert_eq!((made.small_width, made.small_height), small);
        }
        let made = make(&jpeg(&noise(1_000, 1_000), 80).unwrap()).unwrap();
        assert!(made.small.len() <= SMALL.bytes && made.thumb.len() <= THUMB.bytes);
    }

    #[test]
    fn glass_stands_on_white() {
        let glass = RgbaImage::from_pixel(20, 20, image::Rgba([0, 0, 0, 0]));
        let made = make(&png(DynamicImage::ImageRgba8(glass))).unwrap();
        let back = image::load_from_memory(&made.large).unwrap().into_rgb8();
        assert!(back.pixels().all(|pixel| pixel.0.iter().all(|c| *c > 250)));
    }
}
