//! A picture handed in by a person: checked before it is decoded, then cut to the poster's window.

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, Pixel, RgbImage, SubImage};

use super::PosterError;
use crate::photos::picture::{self, Refusal, on_white};

/// Largest file that is looked at, in bytes.
pub(super) const MAX_BYTES: usize = 5 * 1024 * 1024;

/// Decodes a PNG or JPEG, turns it upright and cuts its middle to `width` × `height` pixels on white.
/// The result carries none of the file's metadata.
///
/// # Errors
/// Another format, more than 5 MiB, more than 40 megapixels (known from the header, before decoding), broken data.
pub(super) fn prepare(bytes: &[u8], width: u32, height: u32) -> Result<RgbImage, PosterError> {
    let (picture, orientation) = decode(bytes)?;
    let turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    // Turning comes last, on few pixels; the middle stays the middle.
    let (width, height) = if turned { (height, width) } else { (width, height) };
    let mut cut = DynamicImage::ImageRgb8(if picture.color().has_alpha() {
        on_white(&cover(&picture.into_rgba8(), width, height))
    } else {
        cover(&picture.into_rgb8(), width, height)
    });
    cut.apply_orientation(orientation);
    Ok(cut.into_rgb8())
}

fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), PosterError> {
    picture::decode(bytes, MAX_BYTES).map_err(|refusal| match refusal {
        Refusal::Bytes(_) => PosterError::PictureBytes,
        Refusal::Format => PosterError::PictureFormat,
        Refusal::Pixels { width, height } => PosterError::PicturePixels { width, height },
        Refusal::Broken => PosterError::PictureBroken,
    })
}

/// Scales the largest middle part of the target's shape to the target.
fn cover<P>(
    picture: &image::ImageBuffer<P, Vec<u8>>,
    width: u32,
    height: u32,
) -> image::ImageBuffer<P, Vec<u8>>
where
    P: Pixel<Subpixel = u8> + Send + Sync + 'static,
{
    let (full_width, full_height) = picture.dimensions();
    let (x, y, cut_width, cut_height) = middle(full_width, full_height, width, height);
    let part: SubImage<&_> = picture.view(x, y, cut_width, cut_height);
    if cut_width >= width && cut_height >= height {
        imageops::thumbnail(&*part, width, height)
    } else {
        imageops::resize(&*part, width, height, FilterType::Triangle)
    }
}

/// Left, top, width and height of the largest centred box of the shape `width` : `height`.
fn middle(full_width: u32, full_height: u32, width: u32, height: u32) -> (u32, u32, u32, u32) {
    let (w, h) = (u64::from(full_width), u64::from(full_height));
    let (shape_w, shape_h) = (u64::from(width), u64::from(height));
    let cut_w = w.min(h * shape_w / shape_h).max(1) as u32;
    let cut_h = h.min(w * shape_h / shape_w).max(1) as u32;
    ((full_width - cut_w) / 2, (full_height - cut_h) / 2, cut_w, cut_h)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Rgb};

    use super::*;

    /// A picture file whose left half is red and right half blue.
    pub(in crate::links::poster) fn halves(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, _| {
            if x < width / 2 {
                Rgb([200, 0, 0])
            } else {
                Rgb([0, 0, 200])
            }
        });
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    /// The first bytes of a PNG that claims a size, with right checksums, and has no pixels.
    fn png_claiming(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        writer.write_chunk(png::chunk::IDAT, &[]).unwrap();
        drop(writer);
        file
    }

    fn is_red(p: &Rgb<u8>) -> bool {
        p.0[0] > 150 && p.0[2] < 60
    }

    #[test]
    fn middle_is_centred_and_covers() {
        for (full, target, want) in [
            ((984, 620), (984, 620), (0, 0, 984, 620)),
            ((2000, 620), (984, 620), (508, 0, 984, 620)),
            ((984, 2000), (984, 620), (0, 690, 984, 620)),
            ((1, 40_000_000), (984, 620), (0, 19_999_999, 1, 1)),
            ((1, 1), (984, 620), (0, 0, 1, 1)),
        ] {
            assert_eq!(middle(full.0, full.1, target.0, target.1), want, "{full:?}");
        }
    }

    #[test]
    fn both_formats_and_any_shape_fill_the_window() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            for (width, height) in [(1, 1), (40, 10), (10, 40), (984, 620), (3000, 1500)] {
                let cut = prepare(&halves(width, height, format), 98, 62).unwrap();
                assert_eq!(cut.dimensions(), (98, 62));
                if width > 1 {
                    assert!(is_red(cut.get_pixel(10, 30)), "{format:?} {width}×{height}");
                    assert!(!is_red(cut.get_pixel(90, 30)), "{format:?} {width}×{height}");
                }
            }
        }
    }

    #[test]
    fn a_telephone_picture_is_turned_upright() {
        // Exif with the one entry Orientation = 6: turn a quarter clockwise, so the left half comes on top.
        let exif =
            b"\xFF\xE1\x00\x22Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let plain = halves(400, 400, ImageFormat::Jpeg);
        let turned = [&plain[..2], exif, &plain[2..]].concat();
        let cut = prepare(&turned, 98, 62).unwrap();
        assert_eq!(cut.dimensions(), (98, 62));
        assert!(is_red(cut.get_pixel(49, 5)) && is_red(cut.get_pixel(90, 5)));
        assert!(!is_red(cut.get_pixel(5, 58)));
    }

    #[test]
    fn see_through_parts_become_white() {
        let mut file = Cursor::new(Vec::new());
        let clear = image::RgbaImage::from_pixel(50, 50, image::Rgba([0, 0, 0, 0]));
        clear.write_to(&mut file, ImageFormat::Png).unwrap();
        let cut = prepare(&file.into_inner(), 10, 10).unwrap();
        assert!(cut.pixels().all(|p| p.0 == [255; 3]));
    }

    #[test]
    fn hostile_files_are_refused_by_name() {
        let png = halves(64, 64, ImageFormat::Png);
        let jpeg = halves(640, 640, ImageFormat::Jpeg);
        let huge = |width, height| PosterError::PicturePixels { width, height };
        for (file, want) in [
            (vec![], PosterError::PictureFormat),
            (b"GIF89a\x01\0\x01\0\0\0\0".to_vec(), PosterError::PictureFormat),
            (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), PosterError::PictureFormat),
            (
                b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
                PosterError::PictureFormat,
            ),
            (png[..png.len() / 2].to_vec(), PosterError::PictureBroken),
            (png[..8].to_vec(), PosterError::PictureBroken),
            (jpeg[..20].to_vec(), PosterError::PictureBroken),
            (png_claiming(8000, 5001), huge(8000, 5001)),
            (png_claiming(60_000, 60_000), huge(60_000, 60_000)),
            (png_claiming(8000, 5000), PosterError::PictureBroken),
            (vec![0; MAX_BYTES + 1], PosterError::PictureBytes),
        ] {
            let got = prepare(&file, 98, 62).unwrap_err();
            assert_eq!(format!("{got:?}"), format!("{want:?}"));
        }
    }
}
