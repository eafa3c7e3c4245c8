//! QR codes as SVG: the code of a share link, crisp at any size.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder, QRCode};

/// Light modules around the code that a reader needs (ISO/IEC 18004, 9.1).
pub const QUIET_ZONE: usize = 4;

/// What version 40 at level M holds in byte mode (ISO/IEC 18004, table 7).
const MAX_BYTES: usize = 2331;

/// Why a text has no QR code.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QrError {
    #[error("url: 二维码内容为空，请填写链接 / the QR code has no content, give a link")]
    Empty,
    #[error(
        "url: 链接太长（{bytes} 字节，最多 {MAX_BYTES}），请用短链接 / the link is too long for a QR code, use a shorter one"
    )]
    TooLong { bytes: usize },
}

/// A whole SVG document: dark modules on white with the quiet zone, scaled by its `viewBox`.
///
/// # Errors
/// The text is empty or longer than a level M code holds.
pub fn svg(text: &str) -> Result<String, QrError> {
    let (path, modules) = path(text)?;
    let side = modules + 2 * QUIET_ZONE;
    let title = escape(text);
    Ok(format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="-{QUIET_ZONE} -{QUIET_ZONE} {side} {side}" role="img" shape-rendering="crispEdges"><title>二维码 QR code: {title}</title><path fill="#fff" d="M-{QUIET_ZONE}-{QUIET_ZONE}h{side}v{side}h-{side}z"/><path d="{path}"/></svg>"##
    ))
}

/// The dark modules as an SVG path, one unit a module, from (0, 0) and without quiet zone; and the modules per side.
///
/// # Errors
/// The text is empty or longer than a level M code holds.
pub fn path(text: &str) -> Result<(String, usize), QrError> {
    let code = encode(text)?;
    let mut path = String::new();
    for y in 0..code.size {
        let mut x = 0;
        while x < code.size {
            let run = (x..code.size).take_while(|&x| code[y][x].value()).count();
            if run > 0 {
                // One flat box per run keeps the path short and without hairlines between modules.
                let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
            }
            x += run.max(1);
        }
    }
    Ok((path, code.size))
}

fn encode(text: &str) -> Result<QRCode, QrError> {
    let bytes = text.len();
    if bytes == 0 {
        return Err(QrError::Empty);
    }
    if bytes > MAX_BYTES {
        return Err(QrError::TooLong { bytes });
    }
    QRBuilder::new(text)
        .ecl(ECL::M)
        .build()
        .map_err(|_| QrError::TooLong { bytes })
}

/// Text for XML content and quoted attributes; what XML 1.0 does not allow is left out.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills a grid from the path again, so that the drawing itself is what is tested.
    fn grid(path: &str, side: usize) -> Vec<Vec<bool>> {
        let mut grid = vec![vec![false; side]; side];
        for part in path.split('M').skip(1) {
            let (start, rest) = part.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
            let run: usize = rest.split_once('v').unwrap().0.parse().unwrap();
            grid[y][x..x + run].fill(true);
        }
        grid
    }

    #[test]
    fn size_follows_the_text() {
        // Level M in byte mode: version 1 holds 14 bytes, 2 holds 26, 3 holds 42, 40 holds 2331.
        for (bytes, modules) in [
            (1, 21),
            (14, 21),
            (15, 25),
            (26, 25),
            (27, 29),
            (42, 29),
            (2331, 177),
        ] {
            let (_, side) = path(&"a".repeat(bytes)).unwrap();
            assert_eq!(side, modules, "{bytes} bytes");
        }
    }

    #[test]
    fn path_draws_the_finder_patterns_and_every_module() {
        let text = "https://cunji.example/s/Kx7Qm2";
        let (path, side) = path(text).unwrap();
        let grid = grid(&path, side);
        let finder = [
            "#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######",
        ];
        for (left, top) in [(0, 0), (side - 7, 0), (0, side - 7)] {
            for (y, row) in finder.iter().enumerate() {
                for (x, dark) in row.chars().enumerate() {
                    assert_eq!(grid[top + y][left + x], dark == '#', "{left}+{x}, {top}+{y}");
                }
            }
        }
        let code = encode(text).unwrap();
        for (y, row) in grid.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                assert_eq!(*dark, code[y][x].value(), "{x}, {y}");
            }
        }
    }

    #[test]
    fn document_has_the_quiet_zone_and_escapes_its_title() {
        let svg = svg("https://a.example/?a=1&b=<\"x\">\u{7}").unwrap();
        assert!(svg.contains(r#"viewBox="-4 -4 37 37" role="img""#), "{svg}");
        assert!(svg.contains("?a=1&amp;b=&lt;&quot;x&quot;&gt;</title>"), "{svg}");
    }

    #[test]
    fn too_little_and_too_much_are_refused() {
        assert_eq!(svg(""), Err(QrError::Empty));
        assert_eq!(path(&"a".repeat(2332)), Err(QrError::TooLong { bytes: 2332 }));
        assert_eq!(svg(&"村".repeat(800)), Err(QrError::TooLong { bytes: 2400 }));
    }
}
