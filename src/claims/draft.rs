//! What a buyer sends, checked. Pure.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{FieldError, Result, invalid, text};
use crate::orders::claims::Kind;
use crate::photos::MAX_PHOTOS;
use crate::web::input::Check;

/// Lines of one claim.
const MAX_LINES: usize = 50;

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClaim {
    pub kind: Kind,
    /// the cases that it is about
    pub lines: Vec<Wanted>,
    /// what was wrong, in the buyer's words
    pub text: String,
    /// ids of photos that were sent to `…/photos` before, at most 6
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub photos: Vec<Uuid>,
}

#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub sku: String,
    /// cases
    pub quantity: i64,
}

/// A claim that is right as far as that can be seen without the order.
#[derive(Clone, Debug)]
pub struct Checked {
    pub claim: NewClaim,
    /// under which the client may repeat it
    pub key: Option<String>,
    pub hash: Vec<u8>,
}

impl NewClaim {
    /// # Errors
    /// 422 with every field that is wrong.
    pub fn checked(self, key: Option<String>) -> Result<Checked> {
        let mut check = Check::new();
        let words = check.line("text", &self.text, 2, 500);
        let some = (1..=MAX_LINES).contains(&self.lines.len());
        check.require(
            some,
            "lines",
            text("请选哪几箱有问题。", "Say which cases it is about."),
        );
        for (at, line) in self.lines.iter().enumerate().take(MAX_LINES) {
            check.number(&format!("lines[{at}].quantity"), line.quantity, 1, 999);
            let twice = self.lines.iter().take(at).any(|other| other.sku == line.sku);
            let message = text("这件商品写了两次。", "This is named twice.");
            check.require(!twice, &format!("lines[{at}].sku"), message);
        }
        let few = self.photos.len() <= MAX_PHOTOS;
        check.require(few, "photos", text("最多 6 张照片。", "Takes 6 photos at most."));
        check.finish()?;
        let claim = NewClaim { text: words, ..self };
        let content = serde_json::to_vec(&claim).map_err(anyhow::Error::from)?;
        Ok(Checked {
            hash: Sha256::digest(&content).to_vec(),
            claim,
            key,
        })
    }
}

/// A line of the order, with what of it can be claimed.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Claimable {
    pub line: i64,
    pub sku: String,
    pub title: String,
    pub legal_kind: crate::catalog::LegalKind,
    /// cases that were sent and that no claim is about yet
    pub left: i64,
}

/// Which lines' cases are claimed: of a sku that stands on several lines, those of the first ones.
///
/// # Errors
/// 422 naming each line that asks for what was not sent, or is in a claim already, or can't be returned.
pub fn allot(claim: &NewClaim, lines: &[Claimable]) -> Result<Vec<(i64, i64)>> {
    let (mut taken, mut errors) = (Vec::new(), Vec::new());
    for (at, wanted) in claim.lines.iter().enumerate() {
        let own: Vec<&Claimable> = lines.iter().filter(|line| line.sku == wanted.sku).collect();
        let left: i64 = own.iter().map(|line| line.left).sum();
        let mut wrong = |field: &str, message| {
            errors.push(FieldError {
                field: format!("lines[{at}].{field}"),
                message,
            });
        };
        let excepted = own.iter().find_map(|line| super::no_return(line.legal_kind));
        if own.is_empty() {
            wrong(
                "sku",
                text("订单里没有这件商品。", "The order does not have that."),
            );
        } else if let Some(message) = excepted.filter(|_| claim.kind == Kind::Return) {
            wrong("sku", message);
        } else if wanted.quantity > left {
            let message = text(
                format!("还能申请 {left} 箱。"),
                format!("{left} cases can still be claimed."),
            );
            wrong("quantity", message);
        }
        let mut rest = wanted.quantity;
        for line in own {
            let part = rest.min(line.left);
            if part > 0 {
                rest -= part;
                taken.push((line.line, part));
            }
        }
    }
    if errors.is_empty() {
        Ok(taken)
    } else {
        Err(crate::error::invalid_fields(errors))
    }
}

/// A photo that can't be used, by its place.
pub fn unknown_photo(at: usize) -> crate::error::Error {
    let message = text(
        "没有这张照片，或别的申请用过了。",
        "There is no such photo, or another claim has it.",
    );
    invalid(format!("photos[{at}]"), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::LegalKind;

    fn claim(kind: Kind, lines: &[(&str, i64)]) -> NewClaim {
        let line = |(sku, quantity): &(&str, i64)| Wanted {
            sku: (*sku).to_owned(),
            quantity: *quantity,
        };
        NewClaim {
            kind,
            lines: lines.iter().map(line).collect(),
            text: "箱子破了".into(),
            photos: Vec::new(),
        }
    }

    fn fields(error: crate::error::Error) -> Vec<String> {
        let errors = error.into_problem().errors.into_iter();
        errors.map(|error| error.field).collect()
    }

    #[test]
    fn wrong_fields_are_named_together() {
        let mut wrong = claim(Kind::Damaged, &[("A", 0), ("A", 1)]);
        wrong.text = "\n".into();
        wrong.photos = vec![Uuid::nil(); 7];
        assert_eq!(
            fields(wrong.checked(None).unwrap_err()),
            ["text", "lines[0].quantity", "lines[1].sku", "photos"]
        );
        let none = claim(Kind::Damaged, &[]).checked(None).unwrap_err();
        assert_eq!(fields(none), ["lines"]);
    }

    #[test]
    fn cases_are_taken_from_the_lines_that_have_them() {
        let line = |line, sku: &str, legal_kind, left| Claimable {
            line,
            sku: sku.into(),
            title: String::new(),
            legal_kind,
            left,
        };
        let lines = [
            line(1, "A", LegalKind::Workshop, 1),
            line(2, "B", LegalKind::Fresh, 2),
            line(3, "A", LegalKind::Workshop, 3),
        ];
        let allot = |kind, wanted: &[(&str, i64)]| allot(&claim(kind, wanted), &lines);
        assert_eq!(
            allot(Kind::Damaged, &[("A", 3), ("B", 1)]).unwrap(),
            [(1, 1), (3, 2), (2, 1)]
        );
        for (kind, wanted, field) in [
            (Kind::Damaged, ("A", 5), "lines[0].quantity"),
            (Kind::Damaged, ("C", 1), "lines[0].sku"),
            (Kind::Return, ("B", 1), "lines[0].sku"),
        ] {
            assert_eq!(fields(allot(kind, &[wanted]).unwrap_err()), [field]);
        }
        assert!(allot(Kind::Return, &[("A", 1)]).is_ok());
    }
}
