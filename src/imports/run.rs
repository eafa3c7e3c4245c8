//! Carries an import out: the file in parts, each part one transaction. Whatever breaks it off, the parts that were
//! committed are whole, and importing the file again does the rest.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use anyhow::{Context, anyhow};
use axum::http::StatusCode;
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::draft::{Catalog, Draft, draft};
use super::step::{Known, Step, left_out, step};
use super::store::{self, NewImport};
use super::{Entry, Note, Outcome, Report, Words};
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Db, Tx};
use crate::error::{FieldError, Problem, Result, text};
use crate::id::{Ids, VillageId};
use crate::orders::import::{self, FileOrder, MAX_BYTES, OrderFile, Shop};
use crate::villages::{self, Staff};
use crate::{stock, transact};

/// Orders that share a transaction: enough to be fast, few enough to let buyers in between.
const PART: usize = 100;

/// How often a part runs again because another import of the same file brought one of its orders in meanwhile.
const MAX_TRIES: usize = 3;

/// Who imports, where to, and with what.
#[derive(Clone)]
pub struct Import {
    pub db: Db,
    pub clock: Clock,
    pub ids: Ids,
    pub village: VillageId,
    /// none for the command line
    pub staff: Option<Staff>,
    /// says what would happen, and writes nothing
    pub dry_run: bool,
}

/// Reads the bytes of an order file, and their hash; takes a moment of a thread of its own.
///
/// # Errors
/// 422 when nothing of the file can be used.
pub async fn open(bytes: Bytes, shop: Option<Shop>) -> Result<(OrderFile, Vec<u8>)> {
    let reading = tokio::task::spawn_blocking(move || {
        let hash = Sha256::digest(&bytes).to_vec();
        import::read(&bytes, shop).map(|file| (file, hash))
    });
    let read = reading.await.context("the reader of order files broke off")?;
    read.map_err(|error| {
        let message = match error.row {
            Some(row) => text(
                format!("第 {row} 行：{}", error.zh),
                format!("row {row}: {}", error.en),
            ),
            None => text(error.zh, error.en),
        };
        let mut problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message.clone());
        let field = "file".to_owned();
        problem.errors = vec![FieldError { field, message }];
        problem.into()
    })
}

/// Imports a file from disk into the only village there is, as the command line does; `shop` is the shop's short name.
///
/// # Errors
/// When the file can't be read or used as a whole, when there is no such shop or more than one village, and those of
/// [`Import::run`].
pub async fn run_file(
    db: &Db,
    clock: &Clock,
    ids: &Ids,
    path: &Path,
    shop: Option<&str>,
    dry_run: bool,
) -> Result<Report> {
    let shop = shop.map(|name| Shop::parse(name).with_context(|| no_such_shop(name)));
    let shop = shop.transpose()?;
    let villages = villages::store::villages(db).await?;
    let [village] = villages.as_slice() else {
        let count = villages.len();
        return Err(anyhow!(
            "there are {count} villages here: log in to the console of one and import there"
        )
        .into());
    };
    let import = Import {
        db: db.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        village: village.id,
        staff: None,
        dry_run,
    };
    import.file(path, shop).await
}

fn no_such_shop(name: &str) -> String {
    let names = Shop::ALL.map(Shop::as_str).join(", ");
    format!("no shop is called {name}; takes {names}")
}

impl Import {
    async fn file(&self, path: &Path, shop: Option<Shop>) -> Result<Report> {
        let named = || format!("can't read {}", path.display());
        let size = tokio::fs::metadata(path).await.with_context(named)?.len();
        if size > MAX_BYTES as u64 {
            return Err(anyhow!("{} is larger than 10 MiB: export it in parts", path.display()).into());
        }
        let bytes = tokio::fs::read(path).await.with_context(named)?;
        let (file, hash) = open(bytes.into(), shop).await?;
        self.run(&file, &hash, |_, _| {}).await
    }

    /// Brings the orders of a file in, and says what became of each. `progress` hears how many of how many are done.
    ///
    /// # Errors
    /// The database's. What is wrong with single orders is in the report.
    pub async fn run(
        &self,
        file: &OrderFile,
        file_hash: &[u8],
        progress: impl Fn(usize, usize),
    ) -> Result<Report> {
        let now = self.clock.now();
        let work = Work {
            import: self,
            shop: file.shop,
            catalog: store::catalog(&self.db, self.village).await?,
            now,
        };
        let id = (!self.dry_run).then(|| self.ids.uuid(now));
        let total = file.orders.len();
        if let Some(id) = id {
            let new = NewImport {
                id,
                shop: file.shop.as_str(),
                file_hash,
                orders: count(total),
                staff_id: work.staff_id(),
            };
            transact!(self.db, tx => store::start(tx, self.village, &new, now).await)?;
        }
        let mut report = Report::new(id, file);
        let (mut done, mut taken) = (0, HashMap::new());
        for part in file.orders.chunks(PART) {
            done += part.len();
            let (entries, now_taken) = work.part(part, &taken, id, done).await?;
            // what a real part has taken stands in the database; only a trial has to remember it
            if self.dry_run {
                taken = now_taken;
            }
            entries.into_iter().for_each(|entry| report.add(entry));
            progress(done, total);
        }
        let report = report.finish();
        if let Some(id) = id {
            self.conclude(id, &report).await?;
        }
        Ok(report)
    }

    async fn conclude(&self, id: Uuid, report: &Report) -> Result<()> {
        let (at, kept) = (self.clock.now(), db::json(report));
        let after = json!({
            "shop": report.shop, "orders": report.orders, "created": report.created, "updated": report.updated,
            "unchanged": report.unchanged, "skipped": report.skipped, "failed": report.failed,
        });
        transact!(self.db, tx => {
            store::finish(tx, self.village, id, &kept, at).await?;
            if let Some(staff) = &self.staff {
                let (row, subject) = (self.ids.uuid(at), id.to_string());
                let change = (None, Some(after.clone()));
                villages::store::log(tx, staff, row, at, "orders.import", &subject, change).await?;
            }
            Ok(())
        })
    }
}

/// Cases taken per stock item.
type Taken = HashMap<Uuid, i64>;

/// What one order of a part comes to.
enum Plan<'a> {
    Done(Entry),
    Step(&'a Known, Step),
    New(Box<Draft>),
}

/// A new order with the names it gets.
pub(super) struct Ready<'a> {
    /// its place in the part
    at: usize,
    pub order: &'a FileOrder,
    pub draft: &'a Draft,
    pub id: Uuid,
    pub number: String,
}

/// An import under way.
pub(super) struct Work<'a> {
    pub import: &'a Import,
    pub shop: Shop,
    catalog: Catalog,
    pub now: Timestamp,
}

impl Work<'_> {
    pub(super) fn staff_id(&self) -> Option<Uuid> {
        self.import.staff.as_ref().map(|staff| staff.id)
    }

    /// One part in one transaction, again when another import was faster with one of its orders.
    async fn part(
        &self,
        orders: &[FileOrder],
        taken: &Taken,
        id: Option<Uuid>,
        done: usize,
    ) -> Result<(Vec<Entry>, Taken)> {
        let village = self.import.village;
        let mut tries = 1;
        loop {
            let result = transact!(self.import.db, tx => {
                let settled = self.settle(tx, orders, taken.clone()).await?;
                if let Some(id) = id {
                    store::progress(tx, village, id, count(done)).await?;
                }
                Ok(settled)
            });
            match result {
                Err(error) if error.is_unique_violation() && tries < MAX_TRIES => tries += 1,
                result => return result,
            }
        }
    }

    async fn settle(
        &self,
        tx: &mut Tx,
        orders: &[FileOrder],
        mut taken: Taken,
    ) -> Result<(Vec<Entry>, Taken)> {
        let village = self.import.village;
        let numbers: Vec<&str> = orders.iter().map(|order| order.external_no.as_str()).collect();
        let known = store::known(tx, village, self.shop.as_str(), &numbers).await?;
        let plans: Vec<Plan> = orders
            .iter()
            .map(|order| self.plan(order, known.get(&order.external_no)))
            .collect();
        let moving: Vec<Uuid> = plans.iter().filter_map(moves).collect();
        let held = store::open_cases(tx, village, &moving).await?;
        let mut free = self.free(tx, &plans, &held, &taken).await?;
        let mut entries: Vec<Option<Entry>> = Vec::with_capacity(orders.len());
        // what is cancelled makes room for what is new
        for (order, plan) in orders.iter().zip(&plans) {
            entries.push(match plan {
                Plan::Done(entry) => Some(entry.clone()),
                Plan::Step(known, step) => {
                    let held = held.iter().filter(|(id, ..)| *id == known.id);
                    let held: Vec<(Uuid, i64)> = held.map(|(_, item, cases)| (*item, *cases)).collect();
                    if *step == Step::Cancel {
                        move_cases(&mut free, &mut taken, &held, 1);
                    }
                    Some(self.follow(tx, order, known, step, &held).await?)
                }
                Plan::New(_) => None,
            });
        }
        let mut ready: Vec<Ready> = Vec::new();
        for (at, (order, plan)) in orders.iter().zip(&plans).enumerate() {
            let Plan::New(draft) = plan else { continue };
            match self.missing(draft, &free) {
                Some(missing) => {
                    let note = Note::new(order.rows.first().copied().unwrap_or(0), "quantity", missing);
                    entries[at] = Some(Entry::problem(order, None, note));
                }
                None => {
                    move_cases(&mut free, &mut taken, &draft.takes, -1);
                    let (id, number) = (self.import.ids.uuid(self.now), String::new());
                    ready.push(Ready {
                        at,
                        order,
                        draft,
                        id,
                        number,
                    });
                }
            }
        }
        if !self.import.dry_run {
            self.write(tx, &mut ready).await?;
        }
        for new in ready {
            let number = Some(new.number).filter(|number| !number.is_empty());
            let entry = Entry::of(new.order, Outcome::Created, number, None);
            let notes = new.draft.warnings.clone();
            entries[new.at] = Some(Entry { notes, ..entry });
        }
        Ok((entries.into_iter().flatten().collect(), taken))
    }

    fn plan<'a>(&self, order: &FileOrder, known: Option<&'a Known>) -> Plan<'a> {
        if let Some(known) = known {
            return Plan::Step(known, step(known, order));
        }
        if let Some(why) = left_out(order.status) {
            return Plan::Done(Entry::of(order, Outcome::Skipped, None, Some(why)));
        }
        match draft(order, self.shop, &self.catalog, self.now) {
            Ok(draft) => Plan::New(Box::new(draft)),
            Err(note) => Plan::Done(Entry::problem(order, None, note)),
        }
    }

    /// What can still be promised of every stock item that this part is about; locked until the transaction ends.
    async fn free(
        &self,
        tx: &mut Tx,
        plans: &[Plan<'_>],
        held: &[(Uuid, Uuid, i64)],
        taken: &Taken,
    ) -> Result<HashMap<Uuid, i64>> {
        let mut items: BTreeSet<Uuid> = held.iter().map(|(_, item, _)| *item).collect();
        for plan in plans {
            if let Plan::New(draft) = plan {
                items.extend(draft.takes.iter().map(|(item, _)| *item));
            }
        }
        if items.is_empty() {
            return Ok(HashMap::new());
        }
        let items: Vec<Uuid> = items.into_iter().collect();
        let levels = stock::store::lock(tx, self.import.village, &items).await?;
        let free = levels.into_iter().map(|level| {
            let gone = taken.get(&level.sku_id).copied().unwrap_or(0);
            (level.sku_id, level.available() - gone)
        });
        Ok(free.collect())
    }

    /// What an order lacks, if anything.
    fn missing(&self, draft: &Draft, free: &HashMap<Uuid, i64>) -> Option<Words> {
        let lacks = draft.takes.iter().filter_map(|(item, cases)| {
            let lack = cases - free.get(item).copied().unwrap_or(0).max(0);
            (lack > 0).then(|| format!("{lack} {}", self.catalog.code(*item)))
        });
        let lacks: Vec<String> = lacks.collect();
        if lacks.is_empty() {
            return None;
        }
        Some(Words::new(
            format!(
                "库存不够，还差 {}；请先入库（或设置预售箱数），再导入一次",
                lacks.join("、")
            ),
            format!(
                "not enough stock: short of {}; receive the stock (or set cases ahead of the lot), then import again",
                lacks.join(", ")
            ),
        ))
    }
}

/// The order whose cases a plan sends away or gives back.
fn moves(plan: &Plan) -> Option<Uuid> {
    match plan {
        Plan::Step(known, Step::Cancel | Step::Send { .. }) => Some(known.id),
        _ => None,
    }
}

/// Gives cases back (`sign` 1) or takes them (-1).
fn move_cases(free: &mut HashMap<Uuid, i64>, taken: &mut Taken, cases: &[(Uuid, i64)], sign: i64) {
    for (item, cases) in cases {
        *free.entry(*item).or_default() += sign * cases;
        *taken.entry(*item).or_default() -= sign * cases;
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
