//! What the page of a link shows, and how.

use askama::Template;
use axum::http::StatusCode;

use crate::address;
use crate::calendar::promise::Dates;
use crate::error::{FieldError, Text};
use crate::links::Status;
use crate::links::board::{Facts, Offer};
use crate::links::outlook::{LastOrder, Outlook};
use crate::links::poster::Cover;
use crate::money::{Fen, Method};
use crate::orders::form::{Form, quantity_field};
use crate::web::edge::Lang;

/// What a buyer confirms.
pub(super) struct Confirm {
    pub(super) lines: Vec<(String, i64, Fen)>,
    pub(super) goods: Fen,
    pub(super) freight: Fen,
    pub(super) total: Fen,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) place: String,
    pub(super) promise: Option<Dates>,
    pub(super) last: Option<LastOrder>,
}

/// What the answer to a form says beyond the form itself.
#[derive(Default)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) errors: Vec<FieldError>,
    pub(super) notice: Option<Text>,
    pub(super) confirm: Option<Confirm>,
    /// the token of an order that this form has placed before
    pub(super) known: Option<String>,
}

#[derive(Template)]
#[template(path = "link.html")]
pub(super) struct LinkPage<'a> {
    pub(super) lang: Lang,
    pub(super) facts: &'a Facts,
    pub(super) status: Status,
    pub(super) available: &'a [i64],
    pub(super) outlook: Option<&'a Outlook>,
    pub(super) form: &'a Form,
    pub(super) said: &'a Said,
    pub(super) methods: &'a [Method],
    pub(super) public_url: &'a str,
    pub(super) cities: Vec<&'static str>,
    pub(super) districts: Vec<&'static str>,
}

impl Said {
    pub(super) fn wrong(errors: Vec<FieldError>) -> Self {
        Said {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            errors,
            ..Said::default()
        }
    }
}

pub(super) fn cover_of(facts: &Facts) -> Cover {
    Cover::for_product(facts.offers.first().map_or("", |offer| offer.title.as_str()))
}

/// Names below the area of this name, for the suggestions of a field.
pub(super) fn below(
    name: &str,
    mut areas: impl Iterator<Item = (&'static str, &'static str)>,
) -> Vec<&'static str> {
    let found = areas.find(|(_, area)| *area == name);
    found.map_or(Vec::new(), |(code, _)| {
        address::children(code).map(|(_, name)| name).collect()
    })
}

pub(super) fn districts(form: &Form) -> Vec<&'static str> {
    let province = address::provinces().find(|(_, name)| *name == form.province);
    province.map_or(Vec::new(), |(code, _)| below(&form.city, address::children(code)))
}

/// A sentence of the address book without the names that would fit.
fn without_options(message: &str) -> &str {
    ["，可选：", "; one of: "]
        .iter()
        .find_map(|mark| message.split_once(mark))
        .map_or(message, |(sentence, _)| sentence)
}

/// What the template asks for.
impl LinkPage<'_> {
    fn takes_orders(&self) -> bool {
        self.status == Status::Open && self.available.iter().any(|left| *left > 0)
    }

    fn error(&self, field: &str) -> Option<&str> {
        let error = self.said.errors.iter().find(|error| error.field == field)?;
        let message = self.lang.pick(&error.message);
        // the provinces stand in the field itself
        Some(if field == "province" {
            without_options(message)
        } else {
            message
        })
    }

    /// What went wrong, in the order of the page: field and sentence, without the lists of names that the fields show.
    fn summary_of_errors(&self) -> Vec<(&str, String)> {
        let lang = self.lang;
        let labels = [
            ("", ""),
            ("items", ""),
            ("paste", lang.say("粘贴的地址：", "Pasted address: ")),
            ("name", lang.say("收件人：", "Name: ")),
            ("phone", lang.say("手机号：", "Phone: ")),
            ("province", lang.say("省份：", "Province: ")),
            ("city", lang.say("城市：", "City: ")),
            ("district", lang.say("区县：", "District: ")),
            ("street", lang.say("街道：", "Street: ")),
            ("note", lang.say("备注：", "Note: ")),
            ("method", ""),
        ];
        let place = |field: &str| labels.iter().position(|(name, _)| *name == field);
        let mut errors: Vec<&FieldError> = self.said.errors.iter().collect();
        // a quantity is named by its sku; quantities stand first on the page
        errors.sort_by_key(|error| place(&error.field).unwrap_or(1));
        errors
            .into_iter()
            .map(|error| {
                let label = match place(&error.field) {
                    Some(at) => labels[at].1.to_owned(),
                    None => self.product_of(&error.field),
                };
                let message = without_options(lang.pick(&error.message));
                (error.field.as_str(), format!("{label}{message}"))
            })
            .collect()
    }

    fn product_of(&self, field: &str) -> String {
        let of_field = |offer: &&Offer| quantity_field(&offer.sku) == field;
        let offer = self.facts.offers.iter().find(of_field);
        offer.map_or_else(String::new, |offer| {
            format!("{}{}", offer.title, self.lang.say("：", ": "))
        })
    }

    /// Where the link of an error in the summary leads.
    fn anchor(&self, field: &str) -> String {
        match (field, self.facts.offers.first()) {
            ("items", Some(offer)) => quantity_field(&offer.sku),
            ("method", _) => "method-0".to_owned(),
            _ => field.to_owned(),
        }
    }

    fn drawing(&self) -> &'static str {
        cover_of(self.facts).drawing()
    }

    /// One line for the card that a chat makes of the link.
    fn summary(&self) -> String {
        let Facts {
            town,
            village_name,
            offers,
            ..
        } = self.facts;
        let offers: Vec<String> = offers
            .iter()
            .take(3)
            .map(|offer| format!("{} {} ¥{}", offer.title, offer.spec, offer.price))
            .collect();
        format!("{town}{village_name} · {}", offers.join("，"))
    }

    fn from(&self) -> String {
        let channel = match self.facts.channel.as_str() {
            "livestream" => self.lang.say("直播间", "Livestream"),
            "moments" => self.lang.say("朋友圈", "Moments"),
            "group" => self.lang.say("群", "Group"),
            _ => self.lang.say("门店", "Counter"),
        };
        match self.facts.host.as_str() {
            "" => channel.to_owned(),
            host => format!("{host} · {channel}"),
        }
    }

    /// When what is ordered leaves and is there.
    fn dates(&self, dates: &Dates) -> String {
        let (ships, arrives) = (self.lang.day(&dates.ships_on), self.lang.day(&dates.arrives_by));
        match self.lang {
            Lang::Zh => format!("{ships}发出，最晚{arrives}送到"),
            Lang::En => format!("leaves on {ships}, with you by {arrives}"),
        }
    }

    /// Until when to order for Spring Festival; nothing for a calendar that does not look that far.
    fn before_the_festival(&self, last: &Option<LastOrder>) -> String {
        let Some(last) = last else {
            return String::new();
        };
        let day = last.day.map(|day| self.lang.day(&day));
        match (self.lang, day) {
            (Lang::Zh, Some(day)) => format!("春节前要收到，最晚{day}下单"),
            (Lang::Zh, None) => "春节前已经送不到了".to_owned(),
            (Lang::En, Some(day)) => format!("to have it before Spring Festival, order by {day}"),
            (Lang::En, None) => "too late to arrive before Spring Festival".to_owned(),
        }
    }

    fn left(&self, at: &usize) -> i64 {
        self.available.get(*at).copied().unwrap_or(0)
    }

    fn most(&self, at: &usize) -> i64 {
        self.facts.offers[*at].limit_per_order.min(self.left(at))
    }

    fn is_chosen(&self, province: &str) -> bool {
        self.form.province == province
    }

    /// Provinces that nothing is sent to.
    fn not_served(&self) -> String {
        let names = self.facts.freight.iter().filter(|rule| !rule.served);
        let names: Vec<&str> = names
            .filter_map(|rule| address::province_name(&rule.province))
            .collect();
        names.join("、")
    }

    fn method_name(&self, method: &Method) -> &'static str {
        let lang = self.lang;
        match method {
            Method::Transfer => lang.say("转账到村集体账户", "Bank transfer to the collective"),
            Method::Cod => lang.say("货到付款", "Cash on delivery"),
            Method::Practice => lang.say("练习付款（不动真钱）", "Practice payment (no real money)"),
            Method::Wechat => lang.say("微信支付", "WeChat Pay"),
            Method::Stripe | Method::Platform => lang.say("在线支付", "Pay online"),
        }
    }

    fn method_value(&self, method: &Method) -> String {
        serde_json::to_value(method)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::text;
    use uuid::Uuid;

    fn render_page(
        lang: Lang,
        facts: &Facts,
        left: &[i64],
        status: Status,
        form: &Form,
        said: &Said,
    ) -> String {
        let page = LinkPage {
            lang,
            facts,
            status,
            available: left,
            outlook: None,
            form,
            said,
            methods: &[Method::Practice, Method::Transfer, Method::Cod],
            public_url: "https://shop.example",
            cities: below(&form.province, address::provinces()),
            districts: districts(form),
        };
        page.render().unwrap()
    }

    #[test]
    fn every_state_is_said_in_both_languages() {
        let facts = Facts::sample();
        let form = Form::fresh(Uuid::nil(), &facts);
        for (lang, status, left, said) in [
            (Lang::Zh, Status::Open, [3, 0], "剩 3 箱"),
            (Lang::En, Status::Open, [3, 0], "3 left"),
            (Lang::Zh, Status::NotYet, [3, 3], "1月20日 20:00（北京时间）开始"),
            (
                Lang::En,
                Status::NotYet,
                [3, 3],
                "Opens 20 January 20:00 (Beijing time)",
            ),
            (Lang::Zh, Status::Closed, [3, 3], "接龙已经结束"),
            (Lang::En, Status::Closed, [3, 3], "This link is closed"),
            (Lang::Zh, Status::Open, [0, 0], "都卖完了"),
            (Lang::En, Status::Open, [0, 0], "Everything is sold out"),
        ] {
            let page = render_page(lang, &facts, &left, status, &form, &Said::default());
            assert!(page.contains(said), "{lang:?} {status:?}: {page}");
            assert!(
                page.contains("og:image\" content=\"https://shop.example/s/1abc"),
                "{page}"
            );
            let has_form = status == Status::Open && left != [0, 0];
            assert_eq!(page.contains("<form"), has_form, "{lang:?} {status:?}");
            assert!(page.len() < 30_000, "{} bytes", page.len());
        }
    }

    #[test]
    fn what_was_typed_comes_back_with_its_errors_and_harmless() {
        let facts = Facts::sample();
        let bad = "\"><script>alert(1)</script>";
        let fields = [
            "name", "phone", "province", "city", "district", "street", "paste", "method", "note",
        ];
        let mut body = form_urlencoded::Serializer::new(String::new());
        for field in fields {
            body.append_pair(field, &format!("{field}{bad}"));
        }
        body.append_pair("quantity.FT05", &format!("9{bad}"));
        let form = Form::read(body.finish().as_bytes());
        let errors = fields
            .into_iter()
            .chain(["quantity.FT05", "items", ""])
            .map(|field| FieldError {
                field: field.to_owned(),
                message: text(format!("{field}{bad}"), bad),
            });
        let said = Said::wrong(errors.collect());
        for lang in [Lang::Zh, Lang::En] {
            let page = render_page(lang, &facts, &[5, 5], Status::Open, &form, &said);
            assert!(!page.contains("<script>"), "{page}");
            for field in fields
                .into_iter()
                .filter(|field| !["province", "method"].contains(field))
            {
                assert!(
                    page.contains(&format!("{field}&#34;&#62;&#60;script")),
                    "{field}: {page}"
                );
            }
            assert!(
                page.contains("role=\"alert\"") && page.contains("href=\"#phone\""),
                "{page}"
            );
            assert!(page.contains("id=\"phone-error\""), "{page}");
        }
    }

    #[test]
    fn a_total_is_shown_before_it_binds() {
        let facts = Facts::sample();
        let fields = [("province", "河南省"), ("city", "郑州市")];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let form = Form::read(body.as_bytes());
        let said = Said {
            confirm: Some(Confirm {
                lines: vec![("纯红薯粉条 2.5kg/箱".into(), 2, Fen(13_600))],
                goods: Fen(13_600),
                freight: Fen(600),
                total: Fen(14_200),
                name: "李小雨".into(),
                phone: "13800138000".into(),
                place: "河南省郑州市金水区 花园路1号".into(),
                promise: Some(Dates {
                    ships_on: "2024-01-24".parse().unwrap(),
                    arrives_by: "2024-01-25".parse().unwrap(),
                }),
                last: Some(LastOrder {
                    feast: "2024-02-10".parse().unwrap(),
                    day: "2024-02-07".parse().ok(),
                }),
            }),
            known: Some("1known".into()),
            notice: Some(text("变了", "changed")),
            ..Said::default()
        };
        for (lang, button, promise, last) in [
            (
                Lang::Zh,
                "提交订单",
                "1月24日发出，最晚1月25日送到",
                "最晚2月7日下单",
            ),
            (
                Lang::En,
                "Place the order",
                "leaves on 24 January, with you by 25 January",
                "order by 7 February",
            ),
        ] {
            let page = render_page(lang, &facts, &[5, 5], Status::Open, &form, &said);
            assert!(page.contains(promise) && page.contains(last), "{page}");
            assert!(
                page.contains(button) && page.contains("¥142.00") && page.contains("value=\"14200\""),
                "{page}"
            );
            assert!(
                page.contains("/o/1known") && page.contains("<option value=\"金水区\">"),
                "{page}"
            );
            let first = render_page(lang, &facts, &[5, 5], Status::Open, &form, &Said::default());
            assert!(!first.contains(button), "not before the total was shown");
        }
    }
}
