//! The buyer's way to say that something is wrong: one form, without script, with photos. Photos that were sent stay when
//! something else in the form has to be mended.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use uuid::Uuid;

use super::draft::{Claimable, NewClaim, Wanted};
use super::open::{self, Buyer};
use super::{check_time, store};
use crate::clock::Clock;
use crate::db::Db;
use crate::error::{Problem, Result, invalid, not_found, text};
use crate::id::{Ids, parse_order_token};
use crate::orders::Order;
use crate::orders::claims::Kind;
use crate::orders::store::read;
use crate::photos::{Darkroom, MAX_PHOTOS};
use crate::transact;
use crate::web::edge::Lang;
use crate::web::form::{Posted, Upload, mendable};

#[derive(Template)]
#[template(path = "claim.html")]
struct ClaimPage {
    lang: Lang,
    token: String,
    number: String,
    lines: Vec<Claimable>,
    typed: Posted,
    /// photos that were sent already
    photos: Vec<Uuid>,
    key: String,
    /// what is wrong, in the reader's words
    errors: Vec<String>,
    /// nothing can be claimed, and why
    closed: Option<String>,
}

impl ClaimPage {
    fn kinds(&self) -> Vec<(&'static str, &'static str, bool)> {
        let typed = self.typed.get("kind");
        let kind = |kind: Kind| {
            let words = kind.words(&self.lang);
            (kind.as_str(), words, kind.as_str() == typed)
        };
        Kind::ALL.map(kind).to_vec()
    }

    /// What stands in a line's field: of the only case there is, one.
    fn quantity(&self, line: &Claimable) -> String {
        let typed = self.typed.get(&format!("quantity.{}", line.sku));
        if typed.is_empty() && self.lines.len() == 1 && line.left == 1 {
            return "1".to_owned();
        }
        typed.to_owned()
    }

    fn text(&self) -> &str {
        self.typed.get("text")
    }

    fn room(&self) -> usize {
        MAX_PHOTOS.saturating_sub(self.photos.len())
    }
}

/// The order of a token in a path.
async fn find(db: &Db, token: &str) -> Result<Order> {
    let (village, id) = parse_order_token(token).ok_or_else(not_found)?;
    read::by_id(db, village, id).await?.ok_or_else(not_found)
}

pub async fn form(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    lang: Lang,
    Path(token): Path<String>,
) -> Result<Response> {
    let order = find(&db, &token).await?;
    let key = ids.uuid(clock.now()).to_string();
    let now = clock.now();
    let mut seen = db.snapshot().await?;
    let reached = store::reached(&mut seen, order.village_id, order.id).await?;
    let closed = check_time(Kind::Damaged, &reached, now).err();
    let closed = closed.map(mendable).transpose()?;
    let page = ClaimPage {
        closed: closed.map(|problem| lang.pick(&problem.detail).to_owned()),
        ..page(&db, lang, &order, Posted::default(), Vec::new(), key).await?
    };
    show(StatusCode::OK, &page)
}

async fn page(
    db: &Db,
    lang: Lang,
    order: &Order,
    typed: Posted,
    photos: Vec<Uuid>,
    key: String,
) -> Result<ClaimPage> {
    let mut lines = store::shown_claimable(db, order.village_id, order.id).await?;
    lines.retain(|line| line.left > 0);
    Ok(ClaimPage {
        lang,
        token: order.token(),
        number: order.number.clone(),
        lines,
        typed,
        photos,
        key,
        errors: Vec::new(),
        closed: None,
    })
}

fn show(status: StatusCode, page: &ClaimPage) -> Result<Response> {
    let body = page.render().map_err(anyhow::Error::from)?;
    Ok((status, [("x-robots-tag", "noindex")], Html(body)).into_response())
}

pub async fn submit(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    State(darkroom): State<Darkroom>,
    lang: Lang,
    Path(token): Path<String>,
    upload: Result<Upload>,
) -> Result<Response> {
    let order = find(&db, &token).await?;
    let Upload { fields, files } = upload?;
    let buyer = Buyer {
        ids: &ids,
        village: order.village_id,
        order: order.id,
        at: clock.now(),
    };
    let key = Some(fields.get("key"))
        .filter(|key| Uuid::try_parse(key).is_ok())
        .map_or_else(|| ids.uuid(buyer.at).to_string(), str::to_owned);
    let known = fields.all("photo").filter_map(|id| Uuid::try_parse(id).ok());
    let mut photos: Vec<Uuid> = known.take(MAX_PHOTOS).collect();
    let done = match keep(&db, &darkroom, (buyer, &order), files, &mut photos).await {
        Ok(()) => place(&db, buyer, &fields, &photos, &key).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/o/{}#claims", order.token())).into_response()),
        Err(error) => {
            let mut problem = mendable(error)?;
            let status = problem.status;
            if problem
                .errors
                .iter()
                .any(|error| error.field.starts_with("photos["))
            {
                // kept in the page, what is gone would be refused again each time
                photos.clear();
            }
            let mut key = key;
            if problem.name == "idempotency-mismatch" {
                key = ids.uuid(buyer.at).to_string();
                problem.detail = text(
                    "这张表单已经提交过一个申请；再点提交，就另开一个。",
                    "This form has opened a claim already; sent once more, it opens another one.",
                );
            }
            let page = page(&db, lang, &order, fields, photos, key).await?;
            let errors = words(lang, problem, &page.lines);
            show(status, &ClaimPage { errors, ..page })
        }
    }
}

/// Keeps the photos of a form.
async fn keep(
    db: &Db,
    darkroom: &Darkroom,
    (buyer, order): (Buyer<'_>, &Order),
    files: Vec<(String, bytes::Bytes)>,
    photos: &mut Vec<Uuid>,
) -> Result<()> {
    if photos.len() + files.len() > MAX_PHOTOS {
        return Err(invalid(
            "photos",
            text("最多 6 张照片。", "Takes 6 photos at most."),
        ));
    }
    if !files.is_empty() {
        open::may_send_photo(db, order).await?;
    }
    for (_, file) in files {
        let made = darkroom.develop(file).await?;
        let photo = transact!(db, tx => open::keep_photo(tx, buyer, &made).await)?;
        if !photos.contains(&photo.id) {
            photos.push(photo.id);
        }
    }
    Ok(())
}

async fn place(db: &Db, buyer: Buyer<'_>, fields: &Posted, photos: &[Uuid], key: &str) -> Result<()> {
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == fields.get("kind"))
        .ok_or_else(|| invalid("kind", text("请选是什么问题。", "Say what is wrong.")))?;
    let mut lines = Vec::new();
    for (sku, typed) in fields.under("quantity.") {
        let typed = typed.trim();
        if typed.is_empty() || typed == "0" {
            continue;
        }
        let quantity = crate::web::form::whole(typed).map_err(|message| invalid("lines", message))?;
        lines.push(Wanted {
            sku: sku.to_owned(),
            quantity,
        });
    }
    let claim = NewClaim {
        kind,
        lines,
        text: fields.get("text").to_owned(),
        photos: photos.to_vec(),
    };
    let checked = claim.checked(Some(key.to_owned()))?;
    transact!(db, tx => open::open(tx, buyer, &checked).await).map(|_| ())
}

/// What is wrong, a line each.
fn words(lang: Lang, problem: Problem, lines: &[Claimable]) -> Vec<String> {
    if problem.errors.is_empty() {
        return vec![lang.pick(&problem.detail).to_owned()];
    }
    let name = |field: &str| match field {
        "text" => lang.say("说明：", "What happened: "),
        "kind" => lang.say("什么问题：", "What is wrong: "),
        _ if field.starts_with("photos") => lang.say("照片：", "Photos: "),
        _ if lines.is_empty() => "",
        _ => lang.say("箱数：", "Cases: "),
    };
    let line =
        |error: crate::error::FieldError| format!("{}{}", name(&error.field), lang.pick(&error.message));
    problem.errors.into_iter().map(line).collect()
}

/// The buyer takes a claim back.
pub async fn withdraw(
    State(db): State<Db>,
    State(clock): State<Clock>,
    State(ids): State<Ids>,
    Path((token, claim)): Path<(String, String)>,
    _: Posted,
) -> Result<Response> {
    let order = find(&db, &token).await?;
    let claim = crate::photos::parse_id(&claim)?;
    let buyer = Buyer {
        ids: &ids,
        village: order.village_id,
        order: order.id,
        at: clock.now(),
    };
    transact!(db, tx => open::withdraw(tx, buyer, claim).await)?;
    Ok(Redirect::to(&format!("/o/{}#claims", order.token())).into_response())
}
