//! What a host shares: a link with offers on it. Types and rules; the acts are in `edit`, their SQL in `store`.

pub mod api;
pub mod board;
pub mod edit;
mod facts;
pub mod live;
pub mod outlook;
pub mod poster;
pub mod qr;
pub mod share;
pub mod stats;
pub mod store;
pub mod views;

use axum::http::StatusCode;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::error::{FieldError, Problem, Result, text};
use crate::money::Fen;
use crate::web::input::Check;

/// The most skus that one link offers: what a phone page can show.
const MAX_OFFERS: usize = 50;

/// The most cases that a quota may name.
const MAX_QUOTA: i64 = 1_000_000;

/// Where a link is shown to buyers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Livestream,
    /// WeChat Moments
    Moments,
    /// a buyers' group chat
    Group,
    /// the shop's own counter: the code hangs on the wall
    Counter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type, ToSchema)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkStatus)]
pub enum Status {
    Open,
    NotYet,
    Closed,
}

/// Whether buyers can order: from `opens_at` on, until `closes_at` or until staff close the link by hand.
pub fn status(
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    now: Timestamp,
) -> Status {
    if closed_at.is_some() || closes_at.is_some_and(|end| end <= now) {
        Status::Closed
    } else if opens_at.is_some_and(|start| start > now) {
        Status::NotYet
    } else {
        Status::Open
    }
}

/// A sku on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOffer {
    pub sku: String,
    #[schema(value_type = i64)]
    pub price_fen: Fen,
    /// the most cases that this link sells of it; null for as many as there are
    #[serde(default)]
    pub quota: Option<i64>,
    #[serde(default = "usual_limit")]
    pub limit_per_order: i64,
}

fn usual_limit() -> i64 {
    20
}

/// What is wanted of a new link; also what a link's settings are, for copies and for the operation log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    pub title: String,
    pub channel: Channel,
    /// who sells with it, by the name that reports show; a host's own name when a host makes the link
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub opens_at: Option<Timestamp>,
    #[serde(default)]
    pub closes_at: Option<Timestamp>,
    pub offers: Vec<NewOffer>,
}

impl NewLink {
    /// Cleans the texts.
    ///
    /// # Errors
    /// 422 with every field that is wrong in itself; whether the skus can be sold is not known here.
    pub fn checked(mut self) -> Result<Self> {
        let mut check = Check::new();
        self.title = check.line("title", &self.title, 1, 80);
        self.host = self.host.map(|host| check.line("host", &host, 0, 40));
        let in_order = self
            .opens_at
            .zip(self.closes_at)
            .is_none_or(|(opens, closes)| opens < closes);
        let message = text("要晚于开始时间。", "Has to be after opens_at.");
        check.require(in_order, "closes_at", message);
        self.offers = check_offers(&mut check, self.offers);
        check.finish()?;
        Ok(self)
    }
}

/// What is to be different. A field left out stays as it is; null clears a host or a time.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinkChange {
    pub title: Option<String>,
    #[serde(deserialize_with = "present")]
    pub host: Option<Option<String>>,
    #[serde(deserialize_with = "present")]
    pub opens_at: Option<Option<Timestamp>>,
    #[serde(deserialize_with = "present")]
    pub closes_at: Option<Option<Timestamp>>,
    /// the whole list, in the order shown
    pub offers: Option<Vec<NewOffer>>,
    pub closed: Option<bool>,
}

/// A field that is there, null or not; one that isn't there never gets here.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(input: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(input).map(Some)
}

impl LinkChange {
    /// The settings after the change.
    ///
    /// # Errors
    /// 422 with every field that is wrong in itself.
    pub fn applied_to(self, settings: NewLink) -> Result<NewLink> {
        NewLink {
            title: self.title.unwrap_or(settings.title),
            channel: settings.channel,
            host: self.host.unwrap_or(settings.host),
            opens_at: self.opens_at.unwrap_or(settings.opens_at),
            closes_at: self.closes_at.unwrap_or(settings.closes_at),
            offers: self.offers.unwrap_or(settings.offers),
        }
        .checked()
    }
}

fn check_offers(check: &mut Check, offers: Vec<NewOffer>) -> Vec<NewOffer> {
    let message = text(
        format!("要 1 到 {MAX_OFFERS} 种商品。"),
        format!("Takes 1 to {MAX_OFFERS} offers."),
    );
    check.require((1..=MAX_OFFERS).contains(&offers.len()), "offers", message);
    let mut seen = std::collections::HashSet::new();
    let mut clean = Vec::new();
    for (index, mut offer) in offers.into_iter().take(MAX_OFFERS).enumerate() {
        let field = |name: &str| format!("offers[{index}].{name}");
        offer.sku = check.code(&field("sku"), &offer.sku, 40);
        check.require(
            seen.insert(offer.sku.clone()),
            &field("sku"),
            text("这个规格前面已经有了。", "This sku is on the list already."),
        );
        check.fen(&field("price_fen"), offer.price_fen);
        if let Some(quota) = offer.quota {
            check.number(&field("quota"), quota, 0, MAX_QUOTA);
        }
        check.number(&field("limit_per_order"), offer.limit_per_order, 1, 999);
        clean.push(offer);
    }
    clean
}

/// What the catalogue says about a sku that is to be offered.
#[derive(Clone, Debug)]
pub struct Sellable {
    pub active: bool,
    /// legal label fields of its product that are still empty
    pub missing: Vec<String>,
}

/// Why a sku can't be offered; `None` stands for a sku that doesn't exist.
pub fn refusal(index: usize, sku: &str, found: Option<&Sellable>) -> Option<FieldError> {
    let message = match found {
        None => text(format!("没有规格 {sku}。"), format!("There is no sku {sku}.")),
        Some(found) if !found.active => text(
            format!("规格 {sku} 已停售，请先在商品里恢复。"),
            format!("Sku {sku} is not sold any more; make it active first."),
        ),
        Some(found) if !found.missing.is_empty() => {
            let fields = found.missing.join(", ");
            text(
                format!("规格 {sku} 的商品标签还缺：{fields}。"),
                format!("The label of sku {sku}'s product still lacks: {fields}."),
            )
        }
        Some(_) => return None,
    };
    Some(FieldError {
        field: format!("offers[{index}].sku"),
        message,
    })
}

/// An offer that is on a link, with what buyers have ordered of it.
#[derive(Clone, Debug)]
pub struct Sold {
    pub sku: String,
    pub sold: i64,
}

/// Whether `wanted` may take the place of what is on the link: what was sold stays, and stays within its quota.
///
/// # Errors
/// 409 `offer-has-sales` or `quota-below-sold`, with the sku and its cases sold.
pub fn may_replace(current: &[Sold], wanted: &[NewOffer]) -> Result<()> {
    for Sold { sku, sold } in current.iter().filter(|offer| offer.sold > 0) {
        let (name, detail) = match wanted.iter().find(|offer| offer.sku == *sku) {
            None => (
                "offer-has-sales",
                text(
                    format!("规格 {sku} 已卖出 {sold} 件，不能删；可以把限量改成 {sold}。"),
                    format!("{sold} of {sku} are sold, so it has to stay; set its quota to {sold} instead."),
                ),
            ),
            Some(offer) if offer.quota.is_some_and(|quota| quota < *sold) => (
                "quota-below-sold",
                text(
                    format!("规格 {sku} 已卖出 {sold} 件，限量不能更少。"),
                    format!("{sold} of {sku} are sold; its quota can't be less."),
                ),
            ),
            Some(_) => continue,
        };
        let problem = Problem::new(StatusCode::CONFLICT, name, detail);
        return Err(problem.with("sku", sku.as_str()).with("sold", *sold).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn offer(sku: &str, quota: Option<i64>) -> NewOffer {
        NewOffer {
            sku: sku.into(),
            price_fen: Fen(6800),
            quota,
            limit_per_order: 20,
        }
    }

    fn link(offers: Vec<NewOffer>) -> NewLink {
        NewLink {
            title: "年货".into(),
            channel: Channel::Moments,
            host: Some("阿梅".into()),
            opens_at: Some(Timestamp(10)),
            closes_at: Some(Timestamp(20)),
            offers,
        }
    }

    fn fields(result: Result<NewLink>) -> Vec<String> {
        let errors = result.unwrap_err().into_problem().errors;
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_link_is_open_between_its_times_until_it_is_closed() {
        let (opens, closes) = (Some(Timestamp(10)), Some(Timestamp(20)));
        let cases = [
            (None, None, None, 0, Status::Open),
            (opens, closes, None, 9, Status::NotYet),
            (opens, closes, None, 10, Status::Open),
            (opens, closes, None, 19, Status::Open),
            (opens, closes, None, 20, Status::Closed),
            (opens, None, None, 99, Status::Open),
            (None, closes, None, 0, Status::Open),
            (opens, closes, Some(Timestamp(15)), 16, Status::Closed),
            (opens, closes, Some(Timestamp(5)), 6, Status::Closed),
        ];
        for (opens_at, closes_at, closed_at, now, expected) in cases {
            assert_eq!(
                status(opens_at, closes_at, closed_at, Timestamp(now)),
                expected,
                "at {now}"
            );
        }
    }

    #[test]
    fn wrong_fields_are_all_named() {
        let wrong = NewLink {
            title: " ".into(),
            opens_at: Some(Timestamp(20)),
            offers: vec![
                offer("a", Some(-1)),
                offer("a", None),
                NewOffer {
                    price_fen: Fen(-1),
                    limit_per_order: 1000,
                    ..offer("b c", None)
                },
            ],
            ..link(Vec::new())
        };
        let expected = [
            "title",
            "closes_at",
            "offers[0].quota",
            "offers[1].sku",
            "offers[2].sku",
            "offers[2].price_fen",
            "offers[2].limit_per_order",
        ];
        assert_eq!(fields(wrong.checked()), expected);
        assert_eq!(fields(link(Vec::new()).checked()), ["offers"]);
        let many = (0..=MAX_OFFERS).map(|n| offer(&n.to_string(), None)).collect();
        assert_eq!(fields(link(many).checked()), ["offers"]);
    }

    #[test]
    fn a_change_tells_absent_from_null() {
        let parse = |body: &str| crate::web::json::parse::<LinkChange>(body.as_bytes()).unwrap();
        let before = link(vec![offer("a", None)]);
        let same = parse("{}").applied_to(before.clone()).unwrap();
        assert_eq!(same, before);
        let cleared = parse(r#"{"host": null, "opens_at": null, "title": "新年"}"#)
            .applied_to(before.clone())
            .unwrap();
        let expected = NewLink {
            title: "新年".into(),
            host: None,
            opens_at: None,
            ..before.clone()
        };
        assert_eq!(cleared, expected);
        // the other end of the span is the one that the link has already
        let late = parse(r#"{"opens_at": "2024-01-20T08:00:00Z"}"#);
        assert_eq!(fields(late.applied_to(before)), ["closes_at"]);
    }

    #[test]
    fn what_is_sold_stays() {
        let sold = |count| {
            [Sold {
                sku: "a".into(),
                sold: count,
            }]
        };
        let cases = [
            (0, vec![offer("b", None)], None),
            (0, vec![offer("a", Some(0))], None),
            (3, vec![offer("b", None)], Some("offer-has-sales")),
            (3, vec![offer("a", Some(2))], Some("quota-below-sold")),
            (3, vec![offer("a", Some(3))], None),
            (3, vec![offer("b", None), offer("a", None)], None),
        ];
        for (count, wanted, expected) in cases {
            let problem = may_replace(&sold(count), &wanted).map_err(Error::into_problem);
            assert_eq!(problem.as_ref().err().map(|problem| problem.name), expected);
            if let Err(problem) = problem {
                assert_eq!(
                    (&problem.extra["sku"], &problem.extra["sold"]),
                    (&"a".into(), &count.into())
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_sold_says_why() {
        let found = |active, missing: &[&str]| Sellable {
            active,
            missing: missing.iter().map(|field| (*field).to_owned()).collect(),
        };
        assert!(refusal(2, "a", Some(&found(true, &[]))).is_none());
        for (found, word) in [
            (None, "no sku a"),
            (Some(found(false, &[])), "not sold"),
            (Some(found(true, &["licence"])), "licence"),
        ] {
            let refused = refusal(2, "a", found.as_ref()).unwrap();
            assert_eq!(refused.field, "offers[2].sku");
            assert!(refused.message.en.contains(word), "{}", refused.message.en);
        }
    }
}
