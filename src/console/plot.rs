//! Plots as SVG inside the page: drawn in whole numbers, coloured by the style sheet.

use std::fmt::Write;

/// One bar: what stands under it, its height, and the words for it.
pub struct Bar {
    pub label: String,
    pub value: i64,
    pub words: String,
}

const WIDTH: i64 = 360;
const HEIGHT: i64 = 140;
const FLOOR: i64 = 116;
const TOP: i64 = 20;

/// Bars side by side, for days. Labels are thinned out where they would run into each other.
pub fn columns(name: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let count = i64::try_from(bars.len()).unwrap_or(1).max(1);
    let step = WIDTH / count;
    let every = (count + 6) / 7;
    let mut out = opening(name, WIDTH, HEIGHT);
    let _ = write!(out, "<path class=\"floor\" d=\"M0 {FLOOR}H{WIDTH}\"/>");
    for (at, bar) in (0..).zip(bars) {
        let height = (bar.value.max(0) * (FLOOR - TOP) / most).max(i64::from(bar.value > 0) * 2);
        let width = (step * 7 / 10).clamp(2, 36);
        let (left, middle) = (at * step + (step - width) / 2, at * step + step / 2);
        let y = FLOOR - height;
        let round = (width / 4).min(6);
        let _ = write!(
            out,
            "<g><title>{}</title><rect class=\"bar\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>",
            escape(&bar.words)
        );
        if count <= 10 && bar.value > 0 {
            let _ = write!(
                out,
                "<text class=\"top\" x=\"{middle}\" y=\"{}\">{}</text>",
                y - 5,
                bar.value
            );
        }
        // counted from the newest, which always has its label
        if (count - 1 - at) % every == 0 {
            let _ = write!(
                out,
                "<text x=\"{}\" y=\"{}\">{}</text>",
                middle.clamp(20, WIDTH - 20),
                FLOOR + 17,
                escape(&bar.label)
            );
        }
        out.push_str("</g>");
    }
    out.push_str("</svg>");
    out
}

/// A bar per line, the longest one across the whole width; for shares.
pub fn share(value: i64, most: i64) -> String {
    let width = (value.max(0) * 100 / most.max(1)).clamp(i64::from(value > 0), 100);
    format!(
        "<svg class=\"share\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"rail\" width=\"100\" height=\"8\"/><rect class=\"bar\" width=\"{width}\" height=\"8\"/></svg>"
    )
}

fn opening(name: &str, width: i64, height: i64) -> String {
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        escape(name)
    )
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(value: i64) -> Bar {
        Bar {
            label: "1<2".into(),
            value,
            words: "\"&".into(),
        }
    }

    #[test]
    fn columns_stand_on_the_floor_and_texts_are_harmless() {
        let plot = columns("<b>", &[bar(0), bar(1), bar(100)]);
        assert!(
            plot.contains("aria-label=\"&lt;b&gt;\"")
                && plot.contains("1&lt;2")
                && plot.contains("&quot;&amp;")
        );
        assert!(
            plot.contains("height=\"0\"") && plot.contains("height=\"2\""),
            "{plot}"
        );
        assert!(
            plot.contains(&format!("y=\"{TOP}\"")),
            "the highest reaches the top: {plot}"
        );
        assert!(!plot.contains("style="), "no style but the sheet's");
        assert!(columns("", &[]).ends_with("</svg>"));
        let many: Vec<Bar> = (0..31).map(bar).collect();
        assert_eq!(
            columns("", &many).matches("<text").count(),
            7,
            "one label in five"
        );
        assert!(columns("", &[bar(i64::from(i32::MAX)), bar(-5)]).contains("height=\"0\""));
    }

    #[test]
    fn shares() {
        for (value, most, width) in [(0, 0, 0), (1, 1_000, 1), (5, 10, 50), (10, 10, 100)] {
            assert!(
                share(value, most).contains(&format!("class=\"bar\" width=\"{width}\"")),
                "{value}"
            );
        }
    }
}
