//! Today: what needs a hand now, how the day goes, and the way for whoever has just begun.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::desk::{Desk, Place, Shell};
use super::plot::{self, Bar};
use super::store::{self, Beginnings, Taken};
use crate::calendar::api as calendar;
use crate::catalog;
use crate::claims;
use crate::clock::{Timestamp, start_of_day};
use crate::error::Result;
use crate::id::first_uuid;
use crate::links::store as link_store;
use crate::money::Fen;
use crate::reports::api::sales_between;
use crate::stock;
use crate::villages::Role;
use crate::web::edge::Lang;
use crate::web::json::Json;

/// Fewer cases than this, and a sku needs a look.
const LOW: i64 = 20;

/// Holds that end within this time are worth a word to the buyer.
const SOON: Duration = Duration::from_secs(10 * 60);

/// An import that began longer ago has been broken off.
const IMPORT_LASTS: Duration = Duration::from_secs(3_600);

const DAYS: u64 = 7;

const UNPAID: &str = "/console/orders?status=awaiting_payment";

/// Something that waits for a hand.
struct Chore {
    count: i64,
    words: &'static str,
    more: String,
    href: &'static str,
    tone: &'static str,
}

struct Step {
    done: bool,
    words: &'static str,
    hint: &'static str,
    href: String,
}

#[derive(Template)]
#[template(path = "console/today.html")]
struct TodayPage {
    shell: Shell,
    chores: Vec<Chore>,
    taken: Taken,
    plot: String,
    day: String,
    steps: Vec<Step>,
    tour: Vec<Step>,
}

pub async fn page(desk: Desk) -> Result<Response> {
    let (db, village, now) = (&desk.db, desk.by.staff.village, desk.by.at);
    let begun = store::beginnings(db, village).await?;
    let shell = desk.shell(Place::Today).await?;
    let today = now.day();
    let first = today
        .checked_sub_days(chrono::Days::new(DAYS - 1))
        .unwrap_or(today);
    let sales = match shell.may_read_orders() {
        true => sales_between(db, village, first, today).await?,
        false => Vec::new(),
    };
    let bars = first.iter_days().take(7).map(|day| {
        let name = day.to_string();
        let value = sales
            .iter()
            .find(|sold| sold.day == name)
            .map_or(0, |sold| sold.cases);
        Bar {
            label: short_day(desk.lang, &name),
            value,
            words: format!("{name}: {value}"),
        }
    });
    let bars: Vec<Bar> = bars.collect();
    let page = TodayPage {
        chores: chores(&desk, now)
            .await?
            .into_iter()
            .chain(sending(&desk, now).await?)
            .collect(),
        taken: store::taken_since(db, village, first_uuid(start_of_day(today))).await?,
        plot: match bars.iter().any(|bar| bar.value > 0) {
            true => plot::columns(
                desk.t("最近七天卖出的箱数", "Cases sold in the last seven days"),
                &bars,
            ),
            false => String::new(),
        },
        day: long_day(desk.lang, today),
        steps: if shell.is_manager() {
            steps(desk.lang, begun)
        } else {
            Vec::new()
        },
        tour: if shell.practice && begun.links {
            tour(&desk).await?
        } else {
            Vec::new()
        },
        shell,
    };
    desk.show(&page)
}

/// `1月20日`, or `20 Jan`.
pub fn short_day(lang: Lang, day: &str) -> String {
    let parsed = day.parse::<chrono::NaiveDate>().unwrap_or_default();
    match lang {
        Lang::Zh => parsed.format("%-m/%-d").to_string(),
        Lang::En => parsed.format("%-d %b").to_string(),
    }
}

pub fn long_day(lang: Lang, day: chrono::NaiveDate) -> String {
    match lang {
        Lang::Zh => {
            let week = ["日", "一", "二", "三", "四", "五", "六"];
            let number = day.format("%w").to_string().parse().unwrap_or(0);
            format!(
                "{} 星期{}",
                day.format("%-m月%-d日"),
                week.get(number).unwrap_or(&"")
            )
        }
        Lang::En => day.format("%A, %-d %B").to_string(),
    }
}

/// Claims with something left to do.
async fn claims_chore(desk: &Desk, now: Timestamp) -> Result<Option<Chore>> {
    if desk.role() == Role::Host {
        return Ok(None);
    }
    let (count, late) = claims::store::waiting(&desk.db, desk.by.staff.village, now).await?;
    let chore = Chore {
        count,
        words: desk.t("个售后要处理", "claims to settle"),
        more: match late {
            0 => String::new(),
            late => format!("{late} {}", desk.t("个已超期", "late")),
        },
        href: "/console/claims",
        tone: "wait",
    };
    Ok((count > 0).then_some(chore))
}

async fn chores(desk: &Desk, now: Timestamp) -> Result<Vec<Chore>> {
    let (db, village, lang) = (&desk.db, desk.by.staff.village, desk.lang);
    let mut chores = Vec::from_iter(claims_chore(desk, now).await?);
    let mut add = |count: i64, words, more: String, href, tone| {
        if count > 0 {
            chores.push(Chore {
                count,
                words,
                more,
                href,
                tone,
            });
        }
    };
    let cases = |count: i64| format!("{count} {}", lang.say("箱", "cases"));
    let money = |sum: i64| format!("¥{}", Fen(sum));
    if desk.is(&[Role::Manager, Role::Accountant, Role::Overseer]) {
        let waiting = store::to_confirm(db, village, now).await?;
        let words = lang.say("笔转账等确认", "transfers to confirm");
        add(
            waiting.orders,
            words,
            money(waiting.sum),
            "/console/money",
            "wait",
        );
        let waiting = store::refunds_waiting(db, village).await?;
        let words = lang.say("笔退款等处理", "refunds waiting");
        add(
            waiting.orders,
            words,
            money(waiting.sum),
            "/console/money#refunds",
            "wait",
        );
    }
    if desk.is(&[Role::Manager, Role::Packer, Role::Overseer]) {
        let waiting = store::to_pack(db, village).await?;
        let words = lang.say("单等打包", "orders to pack");
        add(
            waiting.orders,
            words,
            cases(waiting.sum),
            "/console/orders?status=paid",
            "go",
        );
        let words = lang.say("个晚到的订单等买家回答", "late orders wait for their buyers");
        let asked = store::late_asked(db, village).await?;
        add(asked, words, String::new(), "/console/late", "go");
        let low = low_stock(desk, now).await?;
        let count = i64::try_from(low.len()).unwrap_or(i64::MAX);
        let words = lang.say("种货快没了", "skus running out");
        add(
            count,
            words,
            low.join(lang.say("、", ", ")),
            "/console/stock",
            "wait",
        );
    }
    if desk.is(&[Role::Manager]) {
        let waiting = store::ending(db, village, now, now.plus(SOON)).await?;
        let words = lang.say("单十分钟内到期未付", "unpaid orders end within ten minutes");
        add(waiting.orders, words, cases(waiting.sum), UNPAID, "wait");
        let running = store::imports_running(db, village, now.minus(IMPORT_LASTS)).await?;
        let words = lang.say("个文件正在导入", "files are being imported");
        add(running, words, String::new(), "/console/imports", "go");
    }
    Ok(chores)
}

/// What of the way to the buyer's door waits.
async fn sending(desk: &Desk, now: Timestamp) -> Result<Vec<Chore>> {
    if !desk.is(&[Role::Manager, Role::Packer, Role::Overseer]) {
        return Ok(Vec::new());
    }
    let (db, village, lang) = (&desk.db, desk.by.staff.village, desk.lang);
    let to_pack = store::batches_to_pack(db, village, now.day()).await?;
    let bare = store::without_waybill(db, village).await?;
    let Json(warnings) = calendar::warnings(State(db.clone()), desk.by.clone()).await?;
    let names: Vec<&str> = warnings.items.iter().map(|it| it.carrier.as_str()).collect();
    let chores = [
        Chore {
            count: to_pack.orders,
            words: lang.say("个批次今天要打包", "batches to pack today"),
            more: format!("{} {}", to_pack.sum, lang.say("件", "parcels")),
            href: "/console/batches?state=released",
            tone: "go",
        },
        Chore {
            count: bare.orders,
            words: lang.say("件打好了没有运单号", "packed parcels without a waybill"),
            more: format!("{} {}", bare.sum, lang.say("箱", "cases")),
            href: "/console/batches",
            tone: "wait",
        },
        Chore {
            count: i64::try_from(names.len()).unwrap_or(i64::MAX),
            words: lang.say("家快递没填停运日期", "carriers without stop dates"),
            more: names.join("、"),
            href: "/console/plan",
            tone: "wait",
        },
    ];
    Ok(chores.into_iter().filter(|chore| chore.count > 0).collect())
}

/// Skus on sale of which few are left, by title.
async fn low_stock(desk: &Desk, now: Timestamp) -> Result<Vec<String>> {
    let (db, village) = (&desk.db, desk.by.staff.village);
    let levels = stock::store::levels(db, village, now, None).await?;
    let skus = catalog::store::skus(db, village, None).await?;
    let low = skus.into_iter().filter(|sku| {
        let level = levels.iter().find(|level| level.sku_id == sku.id);
        sku.active && level.is_some_and(|level| level.available < LOW)
    });
    Ok(low.map(|sku| format!("{} {}", sku.title, sku.spec)).collect())
}

/// The way of a new village to its first order; empty once it is there.
fn steps(lang: Lang, begun: Beginnings) -> Vec<Step> {
    if begun.orders && begun.links {
        return Vec::new();
    }
    let step = |done, words, hint, href: &str| Step {
        done,
        words,
        hint,
        href: href.to_owned(),
    };
    vec![
        step(
            begun.skus,
            lang.say("写上卖什么", "Say what you sell"),
            lang.say(
                "一个商品，一种规格，一个价钱。",
                "One product, one pack, one price.",
            ),
            "/console/products/new",
        ),
        step(
            begun.stock,
            lang.say("登记有多少", "Say how much there is"),
            lang.say("箱数、生产日期、保质期。", "Cases, made on, best before."),
            "/console/stock/receive",
        ),
        step(
            begun.links,
            lang.say("做一个链接", "Make a link"),
            lang.say(
                "选商品，定价钱，一分钟就好。",
                "Choose products and prices; it takes a minute.",
            ),
            "/console/links/new",
        ),
        step(
            begun.orders,
            lang.say("发出去", "Share it"),
            lang.say(
                "把链接、二维码或海报发到群里、朋友圈。",
                "Send the link, its code or its poster.",
            ),
            "/console/links",
        ),
    ]
}

/// The guided way through a shop of play money.
async fn tour(desk: &Desk) -> Result<Vec<Step>> {
    let lang = desk.lang;
    let filter = link_store::Filter {
        owner: crate::links::edit::owner(&desk.by.staff),
        status: Some(crate::links::Status::Open),
        ..link_store::Filter::default()
    };
    let (village, end) = (desk.by.staff.village, uuid::Uuid::max());
    let links = link_store::links(&desk.db, village, &filter, desk.by.at, end, 50).await?;
    // lists have the newest first; the demo's own link is the oldest
    let Some(link) = links.last() else {
        return Ok(Vec::new());
    };
    let step = |words, hint, href: String| Step {
        done: false,
        words,
        hint,
        href,
    };
    let steps = vec![
        step(
            lang.say("开一块看板", "Open a live board"),
            lang.say(
                "直播时主播看的大数字，放在旁边。",
                "Big figures for the host; keep it beside you.",
            ),
            format!("/console/links/{}/live", link.code),
        ),
        step(
            lang.say("像买家一样下单", "Order like a buyer"),
            lang.say(
                "用练习付款，不动真钱；看板马上会动。",
                "Pay with play money, and watch the board move.",
            ),
            format!("/s/{}", link.code),
        ),
        step(
            lang.say("找到这个订单", "Find that order"),
            lang.say(
                "看它的收件人、付款和历史。",
                "See its recipient, payment and history.",
            ),
            "/console/orders".to_owned(),
        ),
        step(
            lang.say("自己做一个链接", "Make a link of your own"),
            lang.say(
                "不到一分钟，有二维码和海报。",
                "Less than a minute, with a code and a poster.",
            ),
            "/console/links/new".to_owned(),
        ),
        step(
            lang.say("看看卖了多少", "See what was sold"),
            lang.say(
                "按天、按渠道，能下载表格。",
                "By day and channel, with spreadsheets.",
            ),
            "/console/reports".to_owned(),
        ),
    ];
    let may = |step: &Step| match step.href.as_str() {
        "/console/links/new" => desk.is(&[Role::Manager, Role::Host]),
        "/console/reports" => desk.is(&[Role::Manager, Role::Accountant, Role::Overseer]),
        _ => true,
    };
    Ok(steps.into_iter().filter(may).collect())
}
