//! The share poster of a link: one picture for Moments and chats, with the code to order by.

mod cover;
mod page;
mod paint;
mod picture;

use super::qr::{QrError, escape};
use crate::font::{FAMILY, clean};
pub use cover::Cover;
use page::{Page, paper};

/// Size of the poster in pixels: a telephone's width, 3 : 4.
const WIDTH: u32 = 1080;
const HEIGHT: u32 = 1440;
const MARGIN: u32 = 48;

struct Area {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

/// Where the picture or the drawn cover shows; the drawings in covers/ have this size.
const WINDOW: Area = Area {
    x: MARGIN,
    y: MARGIN,
    width: WIDTH - 2 * MARGIN,
    height: 620,
};

/// Stripe's and the design's largest amount, 999,999.99 yuan.
const MAX_PRICE_FEN: i64 = 99_999_999;

const PAPER: [u8; 3] = [251, 246, 237];
const INK: [u8; 3] = [59, 42, 32];
const SOFT: [u8; 3] = [122, 100, 82];
const LINE: [u8; 3] = [229, 217, 198];
const ACCENT: [u8; 3] = [178, 63, 42];
const WHITE: [u8; 3] = [255, 255, 255];
const BLACK: [u8; 3] = [0, 0, 0];

/// The pairs of colours that meet on the poster, apart from the picture.
const COLOURS: [([u8; 3], [u8; 3]); 6] = [
    (PAPER, INK),
    (PAPER, SOFT),
    (PAPER, ACCENT),
    (PAPER, LINE),
    (PAPER, WHITE),
    (WHITE, BLACK),
];

/// What a poster says. Texts may hold anything: they are cleaned, wrapped and cut to their place.
#[derive(Debug, Clone, Copy)]
pub struct Poster<'a> {
    /// Name of the village, which also stands in the seal.
    pub village: &'a str,
    /// Name of the town above it; may be empty.
    pub town: &'a str,
    /// The link's title, up to two lines; may be empty.
    pub title: &'a str,
    pub product: &'a str,
    pub spec: &'a str,
    /// Price in 分, 0 to 99,999,999.
    pub price_fen: i64,
    /// What the code holds.
    pub url: &'a str,
    /// Until when one can order, in words: "1月28日 20:00 截止".
    pub deadline: Option<&'a str>,
    /// A PNG or JPEG file, at most 5 MiB and 40 megapixels; it replaces the drawn cover.
    pub picture: Option<&'a [u8]>,
    /// The drawing that stands where no picture is given.
    pub cover: Cover,
}

/// Why there is no poster. Every message names the field and the way out.
#[derive(Debug, thiserror::Error)]
pub enum PosterError {
    #[error(transparent)]
    Qr(#[from] QrError),
    #[error(
        "url: 链接太长，二维码太密，手机难以识别，请用短链接 / the link makes too dense a code, use a shorter one"
    )]
    Dense,
    #[error("price_fen: 价格须在 0 到 999999.99 元之间 / the price must be from 0 to 999,999.99 yuan")]
    Price,
    #[error("picture: 图片超过 5 MiB，请压缩后再传 / the file is over 5 MiB, compress it")]
    PictureBytes,
    #[error(
        "picture: 图片 {width}×{height} 太大，最多 4000 万像素（16 位色更少） / {width}×{height} is over 40 megapixels (less in 16-bit colour), make it smaller"
    )]
    PicturePixels { width: u32, height: u32 },
    #[error("picture: 只支持 PNG 和 JPEG 图片 / only PNG and JPEG pictures are taken")]
    PictureFormat,
    #[error("picture: 图片损坏，请换一张 / the picture is damaged, choose another")]
    PictureBroken,
    #[error("poster: 海报生成失败 / drawing failed: {0}")]
    Render(String),
}

/// The poster as an SVG document. Text stays text in the family Noto Sans CJK SC; a picture is embedded as a JPEG.
///
/// # Errors
/// The price, the link or the picture is out of bounds; see [`PosterError`].
pub fn svg(poster: &Poster) -> Result<String, PosterError> {
    let back = match prepared(poster)? {
        None => drawn_cover(poster.cover),
        Some(picture) => {
            let mut file = std::io::Cursor::new(Vec::new());
            picture
                .write_to(&mut file, image::ImageFormat::Jpeg)
                .map_err(|e| PosterError::Render(e.to_string()))?;
            let data = data_encoding::BASE64.encode(file.get_ref());
            let Area { x, y, width, height } = WINDOW;
            format!(
                r#"<image x="{x}" y="{y}" width="{width}" height="{height}" href="data:image/jpeg;base64,{data}"/>"#
            )
        }
    };
    document(poster, &back)
}

/// The poster as a PNG of 1080 × 1440 pixels and at most 500,000 bytes.
///
/// Decoding a picture of 12 megapixels takes about 0.2 s and 40 MB, of 40 megapixels up to 1 s and 250 MB: call this
/// from a blocking thread, one or two at a time.
///
/// # Errors
/// The price, the link or the picture is out of bounds; see [`PosterError`].
pub fn png(poster: &Poster) -> Result<Vec<u8>, PosterError> {
    let picture = prepared(poster)?;
    let back = match picture {
        None => drawn_cover(poster.cover),
        Some(_) => String::new(),
    };
    paint::png(&document(poster, &back)?, picture.as_ref())
}

fn prepared(poster: &Poster) -> Result<Option<image::RgbImage>, PosterError> {
    let prepare = |bytes| picture::prepare(bytes, WINDOW.width, WINDOW.height);
    poster.picture.map(prepare).transpose()
}

fn drawn_cover(cover: Cover) -> String {
    format!(
        r#"<g transform="translate({} {})">{}</g>"#,
        WINDOW.x,
        WINDOW.y,
        cover.drawing()
    )
}

/// Everything but the picture: `back` lies under the paper and shows through its window.
fn document(poster: &Poster, back: &str) -> Result<String, PosterError> {
    if !(0..=MAX_PRICE_FEN).contains(&poster.price_fen) {
        return Err(PosterError::Price);
    }
    let mut page = Page::default();
    page.offer(poster);
    page.price(poster.price_fen);
    if let Some(deadline) = poster.deadline {
        page.deadline(deadline);
    }
    page.origin(poster);
    page.code(poster.url)?;
    let title = escape(&format!("{} {}", clean(poster.village), clean(poster.product)));
    Ok(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="'{FAMILY}', sans-serif" role="img"><title>{title}</title>{back}{}{}</svg>"#,
        paper(),
        page.svg
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    const POSTER: Poster = Poster {
        village: "张村",
        town: "坊镇",
        title: "张村年货",
        product: "纯红薯粉条",
        spec: "2.5kg/箱",
        price_fen: 6800,
        url: "https://cunji.example/s/Kx7Qm2",
        deadline: Some("1月28日 20:00 截止"),
        picture: None,
        cover: Cover::Noodles,
    };

    fn opened(file: &[u8]) -> image::RgbImage {
        assert!(file.len() <= paint::MAX_PNG, "{} bytes", file.len());
        let picture = image::load_from_memory_with_format(file, ImageFormat::Png).unwrap();
        assert_eq!((picture.width(), picture.height()), (1080, 1440));
        picture.into_rgb8()
    }

    #[test]
    fn every_text_is_escaped_and_cleaned() {
        let raw = "<b>&\"'\u{1}🍠";
        let want = "&lt;b&gt;&amp;&quot;&#39;〓</text>";
        let blank = Poster {
            village: "",
            town: "",
            title: "",
            product: "",
            spec: "",
            deadline: None,
            ..POSTER
        };
        for poster in [
            Poster {
                village: raw,
                ..blank
            },
            Poster { town: raw, ..blank },
            Poster { title: raw, ..blank },
            Poster {
                product: raw,
                ..blank
            },
            Poster { spec: raw, ..blank },
            Poster {
                deadline: Some(raw),
                ..blank
            },
        ] {
            let svg = svg(&poster).unwrap();
            assert!(svg.contains(want), "{poster:?}");
            assert!(resvg::usvg::roxmltree::Document::parse(&svg).is_ok());
        }
    }

    #[test]
    fn every_cover_gives_a_small_png_of_the_right_size() {
        let paper = image::Rgb(PAPER);
        for cover in [
            Cover::Noodles,
            Cover::SweetPotato,
            Cover::Horseradish,
            Cover::Konjac,
            Cover::Hills,
        ] {
            let file = png(&Poster { cover, ..POSTER }).unwrap();
            assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
            assert_eq!(file[16..24], [0, 0, 4, 56, 0, 0, 5, 160], "1080 × 1440");
            let picture = opened(&file);
            assert_eq!(*picture.get_pixel(10, 10), paper, "{cover:?}");
            assert_eq!(
                *picture.get_pixel(WINDOW.x, WINDOW.y),
                paper,
                "{cover:?}: round corner"
            );
            assert_ne!(*picture.get_pixel(540, 330), paper, "{cover:?}: drawing");
            let ink = picture.pixels().filter(|p| p.0 == INK).count();
            assert!(ink > 3000, "{cover:?}: the name is written ({ink} pixels)");
        }
    }

    #[test]
    fn a_picture_takes_the_window() {
        let halves = picture::tests::halves(3000, 2000, ImageFormat::Jpeg);
        let poster = Poster {
            picture: Some(&halves),
            ..POSTER
        };
        let picture = opened(&png(&poster).unwrap());
        let [left, right] = [(300, 300), (800, 300)].map(|(x, y)| picture.get_pixel(x, y).0);
        assert!(left[0] > 180 && left[2] < 30, "{left:?}");
        assert!(right[0] < 30 && right[2] > 180, "{right:?}");
        assert_eq!(picture.get_pixel(10, 10).0, PAPER);
        assert_eq!(picture.get_pixel(CARD_CORNER.0, CARD_CORNER.1).0, WHITE);

        let svg = svg(&poster).unwrap();
        assert!(svg.contains("href=\"data:image/jpeg;base64,/9j/"));
        assert!(svg.len() < 400_000, "the window's pixels, not the file's");
    }

    /// A pixel of the code's card, in its quiet zone.
    const CARD_CORNER: (u32, u32) = (740, 1064);

    #[test]
    fn even_noise_becomes_a_small_file() {
        let mut state = 1u32;
        let noise = image::RgbImage::from_fn(984, 620, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Rgb([(state >> 24) as u8, (state >> 16) as u8, 128])
        });
        let mut file = std::io::Cursor::new(Vec::new());
        noise.write_to(&mut file, ImageFormat::Png).unwrap();
        opened(
            &png(&Poster {
                picture: Some(file.get_ref()),
                ..POSTER
            })
            .unwrap(),
        );
    }

    #[test]
    fn out_of_bounds_names_the_field() {
        let long = "a".repeat(3000);
        for (poster, field) in [
            (
                Poster {
                    price_fen: -1,
                    ..POSTER
                },
                "price_fen: ",
            ),
            (
                Poster {
                    price_fen: 100_000_000,
                    ..POSTER
                },
                "price_fen: ",
            ),
            (Poster { url: "", ..POSTER }, "url: "),
            (
                Poster {
                    url: &long[..400],
                    ..POSTER
                },
                "url: ",
            ),
            (Poster { url: &long, ..POSTER }, "url: "),
            (
                Poster {
                    picture: Some(b"not a picture"),
                    ..POSTER
                },
                "picture: ",
            ),
        ] {
            for error in [
                svg(&poster).map(|_| ()).unwrap_err(),
                png(&poster).map(|_| ()).unwrap_err(),
            ] {
                assert!(error.to_string().starts_with(field), "{error}");
            }
        }
    }

    #[test]
    fn overlong_texts_still_fit_on_the_paper() {
        let long = "手工零添加".repeat(300);
        let poster = Poster {
            village: &long,
            town: &long,
            title: &long,
            product: &long,
            spec: &long,
            deadline: Some(&long),
            ..POSTER
        };
        let drawing = svg(&poster).unwrap();
        assert_eq!(
            drawing.matches('…').count(),
            6,
            "title, product, spec, deadline, village, town"
        );
        let picture = opened(&png(&poster).unwrap());
        let margin = (0..1440).flat_map(|y| (1040..1080).map(move |x| (x, y)));
        assert!(
            margin
                .into_iter()
                .all(|(x, y)| picture.get_pixel(x, y).0 == PAPER)
        );
    }
}
