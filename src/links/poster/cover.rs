//! The drawn covers, one for each family of products.

use std::sync::OnceLock;

use super::{PosterError, WINDOW, paint};

/// The drawings as squares, made when they are first asked for.
static SQUARES: [OnceLock<Vec<u8>>; 5] = [const { OnceLock::new() }; 5];

/// Side of the square picture in pixels; chats show a link's picture from 300 on.
const SIDE: u32 = 600;

/// The drawing that stands where no picture was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    Noodles,
    SweetPotato,
    Horseradish,
    Konjac,
    Hills,
}

impl Cover {
    /// The drawing that suits a product's name, Chinese or English; a village's hills when none does.
    pub fn for_product(name: &str) -> Cover {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        // Order matters: konjac noodles show konjac, sweet potato noodles show noodles.
        if has(&["魔芋", "蒟蒻", "konjac"]) {
            Cover::Konjac
        } else if has(&["辣根", "山葵", "horseradish"]) {
            Cover::Horseradish
        } else if has(&[
            "粉条",
            "粉丝",
            "粉皮",
            "宽粉",
            "挂面",
            "面条",
            "米线",
            "noodle",
            "vermicelli",
        ]) {
            Cover::Noodles
        } else if has(&["薯", "地瓜", "sweet potato", "yam"]) {
            Cover::SweetPotato
        } else {
            Cover::Hills
        }
    }

    /// An SVG document of the size of the poster's window, without prolog: it can stand inside another one.
    pub fn drawing(self) -> &'static str {
        match self {
            Cover::Noodles => include_str!("covers/noodles.svg"),
            Cover::SweetPotato => include_str!("covers/sweet-potato.svg"),
            Cover::Horseradish => include_str!("covers/horseradish.svg"),
            Cover::Konjac => include_str!("covers/konjac.svg"),
            Cover::Hills => include_str!("covers/hills.svg"),
        }
    }

    /// The middle of the drawing as a square PNG, for the card that a chat makes of a link. Drawing it takes a moment:
    /// call this from a blocking thread.
    ///
    /// # Errors
    /// When the drawing can't be rendered.
    pub fn square_png(self) -> Result<&'static [u8], PosterError> {
        let made = &SQUARES[self as usize];
        if let Some(file) = made.get() {
            return Ok(file);
        }
        let left = (WINDOW.width - WINDOW.height) / 2;
        let (side, drawing) = (WINDOW.height, self.drawing());
        let square = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" viewBox="{left} 0 {side} {side}">{drawing}</svg>"#
        );
        let file = paint::square(&square, SIDE)?;
        Ok(made.get_or_init(|| file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links::poster::WINDOW;

    #[test]
    fn a_cover_follows_the_name() {
        for (name, cover) in [
            ("纯红薯粉条", Cover::Noodles),
            ("Sweet Potato Noodles", Cover::Noodles),
            ("蜜薯", Cover::SweetPotato),
            ("烤地瓜", Cover::SweetPotato),
            ("辣根酱", Cover::Horseradish),
            ("魔芋粉丝", Cover::Konjac),
            ("KONJAC", Cover::Konjac),
            ("土蜂蜜", Cover::Hills),
            ("", Cover::Hills),
        ] {
            assert_eq!(Cover::for_product(name), cover, "{name}");
        }
    }

    #[test]
    fn drawings_have_the_size_of_the_window() {
        let size = format!(r#" width="{}" height="{}" "#, WINDOW.width, WINDOW.height);
        for cover in [
            Cover::Noodles,
            Cover::SweetPotato,
            Cover::Horseradish,
            Cover::Konjac,
            Cover::Hills,
        ] {
            assert!(
                cover.drawing().starts_with("<svg ") && cover.drawing().contains(&size),
                "{cover:?}"
            );
        }
    }

    #[test]
    fn squares_are_small_pictures() {
        for cover in [Cover::Noodles, Cover::Hills] {
            let file = cover.square_png().unwrap();
            assert_eq!(file[16..24], [0, 0, 2, 88, 0, 0, 2, 88], "600 × 600");
            assert!(file.len() < 120_000, "{cover:?}: {} bytes", file.len());
            assert_eq!(file.as_ptr(), cover.square_png().unwrap().as_ptr(), "drawn once");
        }
    }
}
