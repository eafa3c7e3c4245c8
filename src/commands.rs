//! What the commands of the command line do; main.rs parses and calls.

pub mod plan;

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{self, housekeeping, serve_metrics};
use crate::backup::Allow;
use crate::config::Config;
use crate::db::Db;
use crate::demo::Found;
use crate::id::Ids;
use crate::jobs::{self, Jobs};
use crate::money::Method;
use crate::ops::Metrics;
use crate::state::App;
use crate::villages::Role;
use crate::villages::team;

/// A wrong setting or use: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

pub fn config() -> anyhow::Result<Config> {
    Config::from_environment().map_err(|error| Usage(error).into())
}

/// Opens the database and brings it to this version.
pub async fn open(config: &Config) -> anyhow::Result<Db> {
    let db = Db::connect(&config.database_url).await?;
    db.migrate().await?;
    Ok(db)
}

/// The program's parts for a command that does one thing and ends.
pub async fn open_app() -> anyhow::Result<App> {
    let config = config()?;
    let db = open(&config).await?;
    Ok(App::build(config, db, Ids::from_system()).map_err(Usage)?)
}

/// `cunji serve`
pub async fn serve() -> anyhow::Result<()> {
    let config = config()?;
    if config.payments.contains(&Method::Practice) && !config.allow_practice {
        bail!(Usage(
            "CUNJI_PAYMENTS names practice, which is play money: set CUNJI_ALLOW_PRACTICE=1 if you mean it"
                .into()
        ));
    }
    let db = open(&config).await?;
    let running = Running::start(config, db).await?;
    tracing::info!(address = %running.address, database = running.app.db.engine(), "listening");
    running.until_stopped().await
}

/// A shop that serves.
pub struct Running {
    pub app: App,
    pub address: std::net::SocketAddr,
    listener: TcpListener,
    jobs: Jobs,
}

impl Running {
    /// Binds the address, puts the parts together and starts the jobs. Connections are accepted from here on.
    pub async fn start(mut config: Config, db: Db) -> anyhow::Result<Self> {
        Metrics::record()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("can't listen on {} (CUNJI_LISTEN)", config.listen))?;
        let address = listener.local_addr()?;
        config.listen = address;
        if let Some(now) = config.now {
            tracing::warn!(now = now.to_rfc3339(), "the clock stands still (CUNJI_NOW)");
        }
        let app = App::build(config, db, Ids::from_system()).map_err(Usage)?;
        if let Some(address) = app.config.metrics_listen {
            serve_metrics(app.metrics.clone(), address).await?;
        }
        tokio::spawn(housekeeping(app.clone()));
        let jobs = jobs::start(app.clone()).await?;
        Ok(Running {
            app,
            address,
            listener,
            jobs,
        })
    }

    /// Serves until SIGTERM or SIGINT, finishes what is in flight, and closes the database.
    pub async fn until_stopped(self) -> anyhow::Result<()> {
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
        };
        app::serve(&self.app, self.listener, stop).await?;
        self.jobs.stop().await;
        self.app.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

/// `cunji migrate`
pub async fn migrate() -> anyhow::Result<()> {
    open(&config()?).await?.close().await;
    println!("the database is at this version");
    Ok(())
}

/// `cunji staff add LOGIN --role ROLE [--village SLUG]`; the password is the first line of standard input.
pub async fn add_staff(login: &str, role: &str, village: Option<&str>) -> anyhow::Result<()> {
    if std::io::stdin().is_terminal() {
        eprint!("password: ");
    }
    let mut password = String::new();
    std::io::stdin().take(1_024).read_to_string(&mut password)?;
    let password = password.lines().next().unwrap_or_default();
    if Role::parse(role).is_none() {
        bail!(Usage(format!(
            "--role is {role:?}; it takes manager, packer, accountant, host or overseer"
        )));
    }
    let app = open_app().await?;
    let added = team::add(&app.db, app.clock.now(), &app.ids, village, login, role, password).await;
    app.close().await;
    println!("{login} is {role} of {}", added?);
    Ok(())
}

/// `cunji token create LOGIN`
pub async fn create_token(login: &str) -> anyhow::Result<()> {
    let app = open_app().await?;
    let token = team::create_token(&app.db, app.clock.now(), &app.ids, login).await;
    app.close().await;
    println!("{}", token?);
    Ok(())
}

/// `cunji job NAME`
pub async fn job(name: Option<&str>) -> anyhow::Result<()> {
    let Some(name) = name else {
        for job in jobs::list() {
            println!("{:20} {:18} {}", job.name, job.schedule, job.about);
        }
        return Ok(());
    };
    if !jobs::list().iter().any(|job| job.name == name) {
        bail!(Usage(format!(
            "there is no job {name:?}; `cunji job --list` shows them"
        )));
    }
    let app = open_app().await?;
    let outcome = jobs::run_now(&app, name).await;
    app.close().await;
    println!("{name}: {}", outcome?);
    Ok(())
}

/// `cunji reconcile`: everything that is open, whether or not it is due.
pub async fn reconcile() -> anyhow::Result<()> {
    let app = open_app().await?;
    let ran = jobs::chores::reconcile_all(&app).await;
    app.close().await;
    println!("{}", ran?);
    Ok(())
}

/// `cunji import orders FILE`; false when some rows have problems.
pub async fn import_orders(file: &Path, shop: Option<&str>, dry_run: bool) -> anyhow::Result<bool> {
    let app = open_app().await?;
    let report = crate::imports::run_file(&app.db, &app.clock, &app.ids, file, shop, dry_run).await;
    app.close().await;
    let report = report?;
    for line in report.lines() {
        println!("{line}");
    }
    Ok(report.problems.is_empty())
}

/// `cunji backup FILE`
pub async fn backup(file: &Path) -> anyhow::Result<()> {
    let db = Db::connect_for_reading(&config()?.database_url).await?;
    let result = crate::backup::backup(&db, file).await;
    db.close().await;
    let findings = result?;
    print!("{}", crate::audit::report(&findings));
    println!("{} is a whole copy of the shop", file.display());
    Ok(())
}

/// `cunji restore FILE`; a shop that is there is put aside, not lost.
pub async fn restore(file: &Path) -> anyhow::Result<()> {
    let config = config()?;
    let restored =
        crate::backup::restore(file, &config.database_url, Allow::default(), config.clock().now()).await?;
    print!("{}", crate::audit::report(&restored.findings));
    if let Some(before) = restored.before {
        println!("what was there is kept as {}", before.display());
    }
    println!("the shop is that of {}", file.display());
    Ok(())
}

/// `cunji check`; false when an invariant is broken.
pub async fn check() -> anyhow::Result<bool> {
    let db = Db::connect_for_reading(&config()?.database_url).await?;
    let findings = crate::audit::check(&db).await;
    db.close().await;
    let findings = findings?;
    print!("{}", crate::audit::report(&findings));
    Ok(crate::audit::is_clean(&findings))
}

/// `cunji address`
pub fn address() -> anyhow::Result<()> {
    crate::address::lines::address_lines(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(())
}

/// `cunji bench`
pub async fn bench(options: crate::bench::Options, json: bool) -> anyhow::Result<()> {
    let report = crate::bench::run(options).await?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", crate::bench::table(&report));
    }
    Ok(())
}

/// `cunji demo [--json] [--fresh]`
pub async fn demo(json: bool, fresh: bool) -> anyhow::Result<()> {
    let config = Config::read(|name| {
        let set = std::env::var(name).ok().filter(|value| !value.is_empty());
        match name {
            "CUNJI_DATABASE_URL" => set.or_else(|| Some("sqlite://cunji-demo.db".into())),
            "CUNJI_PAYMENTS" => set.or_else(|| Some("transfer,cod,practice".into())),
            _ => set,
        }
    })
    .map_err(Usage)?;
    let database = config.database_url.clone();
    let db = demo_database(&config, fresh).await?;
    let running = Running::start(config, db).await?;
    let keys = crate::demo::fill(&running.app).await?;
    let base_url = running.app.public_url.0.to_string();
    if json {
        let line = serde_json::json!({"base_url": base_url, "link_code": keys.link_code, "moments_code": keys.moments_code,
            "staff_login": keys.staff_login, "staff_password": keys.staff_password, "staff_token": keys.staff_token,
            "database": database});
        println!("{line}");
    } else {
        println!(
            "张村的演示商店已经开门 / Zhang village's demo shop is open\n\n\
             买家链接 buyers      {base_url}/s/{}  (直播 livestream)\n\
             \x20                   {base_url}/s/{}  (朋友圈 Moments)\n\
             接口文档 API         {base_url}/api/docs\n\
             管理后台 console     {base_url}/console  （{} / {}）\n\
             接口令牌 token       {}\n\
             数据库   database    {database}\n\nCtrl-C 停止 / stops it",
            keys.link_code, keys.moments_code, keys.staff_login, keys.staff_password, keys.staff_token
        );
    }
    running.until_stopped().await
}

/// The database of the demo: kept if `demo` made it, emptied first if that is asked for; never somebody's shop.
async fn demo_database(config: &Config, fresh: bool) -> anyhow::Result<Db> {
    let db = open(config).await?;
    match crate::demo::look(&db).await? {
        Found::Other => {
            bail!("there is another shop in this database; name an empty one in CUNJI_DATABASE_URL")
        }
        Found::Demo if fresh => {
            db.wipe().await?;
            db.close().await;
            open(config).await
        }
        Found::Demo | Found::Empty => Ok(db),
    }
}

/// Structured lines on standard error; `RUST_LOG` says how much, `CUNJI_LOG=json` in which form.
pub fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=error,stripe=error"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if std::env::var("CUNJI_LOG").is_ok_and(|form| form == "json") {
        lines.json().init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
