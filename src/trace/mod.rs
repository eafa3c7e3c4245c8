//! Where a lot comes from: the page that the code on a box leads to.

mod store;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;

use crate::catalog::LegalKind;
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Result, not_found};
use crate::id::parse_order_token;
use crate::web::edge::Lang;

/// A lot, with what it is a lot of and who made it.
#[derive(sqlx::FromRow)]
pub struct Lot {
    product: String,
    legal_kind: LegalKind,
    /// the product's legal fields, a JSON object of texts
    label: String,
    title: String,
    spec: String,
    code: String,
    made_on: String,
    best_before: String,
    origin: String,
    village: String,
    town: String,
    contact: String,
}

/// What a label may say, in the order in which it is shown: key, Chinese, English.
const LABEL: [(&str, &str, &str); 8] = [
    ("sc_licence", "食品生产许可证", "Food production licence"),
    ("workshop_registration", "小作坊登记证", "Workshop registration"),
    ("standard_no", "执行标准", "Standard"),
    ("producer", "生产者", "Producer"),
    ("producer_address", "生产地址", "Producer's address"),
    ("ingredients", "配料", "Ingredients"),
    ("net_content", "净含量", "Net content"),
    ("storage", "贮存条件", "Storage"),
];

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    lang: Lang,
    lot: Lot,
    label: BTreeMap<String, String>,
    /// past its best-before day
    is_over: bool,
}

/// The page of a lot, by its public token (made like an order's: village and id).
pub async fn page(
    State(db): State<Db>,
    State(clock): State<Clock>,
    lang: Lang,
    Path(token): Path<String>,
) -> Result<Html<String>> {
    let (village, id) = parse_order_token(&token).ok_or_else(not_found)?;
    let lot = store::lot(&db, village, id).await?.ok_or_else(not_found)?;
    let page = TracePage {
        lang,
        // a label that is no object of texts has nothing to show
        label: serde_json::from_str(&lot.label).unwrap_or_default(),
        is_over: lot.best_before < clock.now().day().to_string(),
        lot,
    };
    Ok(Html(page.render().map_err(anyhow::Error::from)?))
}

/// What the template asks for.
impl TracePage {
    fn kind(&self) -> &'static str {
        match self.lot.legal_kind {
            LegalKind::Fresh => self.lang.say("初级农产品", "Fresh farm product"),
            LegalKind::Prepacked => self.lang.say("预包装食品", "Prepacked food"),
            LegalKind::Workshop => self.lang.say("登记小作坊食品", "Food of a registered workshop"),
        }
    }

    fn label_rows(&self) -> Vec<(&'static str, &str)> {
        let row = |(key, zh, en): &(&str, &'static str, &'static str)| {
            let value = self.label.get(*key).filter(|value| !value.is_empty())?;
            Some((self.lang.say(zh, en), value.as_str()))
        };
        LABEL.iter().filter_map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_in_both_languages() {
        for (kind, zh, en) in [
            (LegalKind::Fresh, "初级农产品", "Fresh farm"),
            (LegalKind::Prepacked, "预包装食品", "Prepacked"),
            (LegalKind::Workshop, "登记小作坊食品", "registered workshop"),
        ] {
            for (lang, said) in [(Lang::Zh, zh), (Lang::En, en)] {
                let bad = "<script>".to_owned();
                let page = TracePage {
                    lang,
                    label: BTreeMap::from([
                        ("sc_licence".into(), "SC10141042100001".into()),
                        ("producer".into(), bad.clone()),
                        ("storage".into(), String::new()),
                    ]),
                    is_over: kind == LegalKind::Fresh,
                    lot: Lot {
                        product: bad.clone(),
                        legal_kind: kind,
                        label: String::new(),
                        title: bad.clone(),
                        spec: bad.clone(),
                        code: "L240110".into(),
                        made_on: "2024-01-10".into(),
                        best_before: "2025-01-09".into(),
                        origin: bad.clone(),
                        village: bad.clone(),
                        town: bad.clone(),
                        contact: bad,
                    },
                };
                assert_eq!(page.label_rows().len(), 2);
                let page = page.render().unwrap();
                assert!(page.contains(said) && page.contains("L240110"), "{page}");
                assert!(
                    page.contains("SC10141042100001") && page.contains("2025-01-09"),
                    "{page}"
                );
                let over = page.contains("已过保质期") || page.contains("past its best-before");
                assert_eq!(over, kind == LegalKind::Fresh);
                assert!(!page.contains("<script>"), "{page}");
            }
        }
    }
}
