//! Order files of other shops: sending one in, how far it is, and what became of each row.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::desk::{Desk, Place, Shell};
use super::money::paging;
use crate::error::{Result, text};
use crate::imports::api::{self, EntryView, ImportQuery, ImportView, ReportView};
use crate::imports::{ImportRow, Outcome};
use crate::orders::import::Shop;
use crate::web::form::{Upload, mendable};
use crate::web::json::{Json, Query};

const ROWS: i64 = 50;

/// How long a browser waits for a small file before it is shown the progress of a large one.
const WAITS: Duration = Duration::from_secs(3);

/// Orders of a report that the page lists.
const LISTED: usize = 500;

#[derive(Template)]
#[template(path = "console/imports.html")]
struct ImportsPage {
    shell: Shell,
    rows: Vec<ImportRow>,
    next: Option<String>,
    error: Option<String>,
    shop: String,
    dry_run: bool,
}

impl ImportsPage {
    fn shops(&self) -> Vec<(&'static str, &'static str)> {
        let lang = self.shell.lang;
        let named = Shop::ALL.map(|shop| (shop.as_str(), shop_name(lang, shop.as_str())));
        [("", lang.say("自动识别", "Find out"))]
            .into_iter()
            .chain(named)
            .collect()
    }

    fn shop_name(&self, name: &str) -> &'static str {
        shop_name(self.shell.lang, name)
    }

    fn is_running(&self, row: &ImportRow) -> bool {
        row.finished_at.is_none()
    }
}

fn shop_name(lang: crate::web::edge::Lang, name: &str) -> &'static str {
    match name {
        "kuaituantuan" => lang.say("快团团", "Kuaituantuan"),
        "doudian" => lang.say("抖店", "Doudian"),
        "weixin" => lang.say("微信小店", "WeChat shop"),
        "pinduoduo" => lang.say("拼多多", "Pinduoduo"),
        _ => lang.say("通用表格", "Plain table"),
    }
}

#[derive(serde::Deserialize)]
pub struct Asked {
    after: Option<String>,
}

pub async fn list(desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    show(&desk, asked.after, None, "", true).await
}

async fn show(
    desk: &Desk,
    after: Option<String>,
    error: Option<(StatusCode, String)>,
    shop: &str,
    dry_run: bool,
) -> Result<Response> {
    let Json(page) = api::list(State(desk.db.clone()), desk.by.clone(), paging(ROWS, after)).await?;
    let (status, error) = error.map_or((StatusCode::OK, None), |(status, error)| (status, Some(error)));
    let page = ImportsPage {
        shell: desk.shell(Place::Imports).await?,
        rows: page.items,
        next: page.next,
        error,
        shop: shop.to_owned(),
        dry_run,
    };
    desk.show_as(status, &page)
}

#[derive(Template)]
#[template(path = "console/import.html")]
struct ImportPage {
    shell: Shell,
    /// none for a trial, of which nothing is kept
    import: Option<ImportRow>,
    report: Option<ReportView>,
}

impl ImportPage {
    fn is_running(&self) -> bool {
        self.report.is_none()
    }

    /// Orders that somebody has to look at come first.
    fn entries<'a>(&self, report: &'a ReportView) -> Vec<&'a EntryView> {
        let mut entries: Vec<&EntryView> = report.per_order.iter().collect();
        entries.sort_by_key(|entry| entry.result != Outcome::Problem);
        entries.truncate(LISTED);
        entries
    }

    fn badge(&self, entry: &EntryView) -> super::words::Badge {
        let lang = self.shell.lang;
        match entry.result {
            Outcome::Created => (lang.say("新增", "Created"), "done"),
            Outcome::Updated => (lang.say("更新", "Updated"), "go"),
            Outcome::Unchanged => (lang.say("没变", "Unchanged"), "off"),
            Outcome::Skipped => (lang.say("跳过", "Skipped"), "off"),
            Outcome::Problem => (lang.say("有问题", "Problem"), "wait"),
        }
    }
}

/// A trial shows what would happen; a real one goes on in the background when it takes longer than a moment.
pub async fn send(desk: Desk, mut upload: Upload) -> Result<Response> {
    let (shop, dry_run) = (upload.fields.get("shop").to_owned(), upload.fields.has("dry_run"));
    let Some(file) = upload.file() else {
        let words = desk.t("请选择文件。", "Please choose a file.").to_owned();
        return show(
            &desk,
            None,
            Some((StatusCode::UNPROCESSABLE_ENTITY, words)),
            &shop,
            dry_run,
        )
        .await;
    };
    let query = ImportQuery {
        shop: Some(shop.clone()),
        dry_run,
    };
    let (db, clock, by, lang) = (desk.db.clone(), desk.clock.clone(), desk.by.clone(), desk.lang);
    let mut running = tokio::spawn(async move {
        api::import(
            State(db),
            State(clock),
            by,
            lang,
            Query(query),
            HeaderMap::new(),
            file,
        )
        .await
    });
    let ended = match dry_run {
        true => (&mut running).await,
        false => match tokio::time::timeout(WAITS, &mut running).await {
            Ok(ended) => ended,
            Err(_) => {
                let said = text(
                    "文件大，正在后台导入。",
                    "The file is large; it goes on in the background.",
                );
                return desk.done("/console/imports", &said);
            }
        },
    };
    match ended.map_err(anyhow::Error::from)? {
        Ok(Json(report)) => match report.id {
            Some(id) => desk.done(
                &format!("/console/imports/{id}"),
                &text("导入完成。", "The import is done."),
            ),
            None => {
                let shell = desk.shell(Place::Imports).await?;
                desk.show(&ImportPage {
                    shell,
                    import: None,
                    report: Some(report),
                })
            }
        },
        Err(error) => {
            let problem = mendable(error)?;
            let said = (problem.status, desk.lang.pick(problem.words()).to_owned());
            show(&desk, None, Some(said), &shop, dry_run).await
        }
    }
}

pub async fn page(desk: Desk, Path(id): Path<String>) -> Result<Response> {
    let read = api::read(State(desk.db.clone()), desk.by.clone(), desk.lang, Path(id)).await?;
    let Json(ImportView { import, report }) = read;
    let shell = desk.shell(Place::Imports).await?;
    desk.show(&ImportPage {
        shell,
        import: Some(import),
        report,
    })
}
