//! What the commands of the command line do; main.rs parses and calls.

use std::io::{IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{self, housekeeping, serve_metrics};
use crate::config::Config;
use crate::db::Db;
use crate::id::Ids;
use crate::jobs::{self, Jobs};
use crate::money::Method;
use crate::ops::Metrics;
use crate::state::App;

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
    Ok(App::build(config, db, Ids::from_system()))
}

/// `cunji serve`
pub async fn serve() -> anyhow::Result<()> {
    let config = config()?;
    if config.payments.contains(&Method::Practice) && !config.allow_practice {
        bail!(Usage("CUNJI_PAYMENTS names practice, which is play money: set CUNJI_ALLOW_PRACTICE=1 if you mean it".into()));
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
        let app = App::build(config, db, Ids::from_system());
        if let Some(address) = app.config.metrics_listen {
            serve_metrics(app.metrics.clone(), address).await?;
        }
        tokio::spawn(housekeeping(app.clone()));
        let jobs = jobs::start(app.clone()).await?;
        Ok(Running { app, address, listener, jobs })
    }

    /// Serves until SIGTERM or SIGINT, finishes what is in flight, and closes the database.
    pub async fn until_stopped(self) -> anyhow::Result<()> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
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
    let app = open_app().await?;
    let added = crate::villages::people::add(&app.db, app.clock.now(), &app.ids, village, login, role, password).await;
    app.close().await;
    println!("{login} is {role} of {}", added?);
    Ok(())
}

/// `cunji token create LOGIN`
pub async fn create_token(login: &str) -> anyhow::Result<()> {
    let app = open_app().await?;
    let token = crate::villages::people::create_token(&app.db, app.clock.now(), &app.ids, login).await;
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
    let app = open_app().await?;
    let outcome = jobs::run_now(&app, name).await;
    app.close().await;
    println!("{name}: {}", outcome?);
    Ok(())
}

/// `cunji import orders FILE`
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
    let db = Db::connect(&config()?.database_url).await?;
    let result = crate::backup::backup(&db, file).await;
    db.close().await;
    result?;
    println!("{} is a whole and sound copy of the shop", file.display());
    Ok(())
}

/// `cunji check`; false when an invariant is broken.
pub async fn check() -> anyhow::Result<bool> {
    let db = Db::connect(&config()?.database_url).await?;
    ensure!(db.is_migrated().await.unwrap_or(false), "the database is not at this version; run cunji migrate");
    let findings = crate::audit::check(&db).await;
    db.close().await;
    let findings = findings?;
    print!("{}", crate::audit::report(&findings));
    Ok(findings.iter().all(crate::audit::Finding::is_clean))
}
