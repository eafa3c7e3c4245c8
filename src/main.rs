//! The command line: parse, call, exit code.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cunji::commands::{self, Usage};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cunji 村集: a shop backend for a village's collective economy.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the shop until SIGTERM
    Serve,
    /// Serve a filled shop to look at: Zhang village and its backlog of 380 cases
    Demo {
        /// print one line of JSON with the way in
        #[arg(long)]
        json: bool,
        /// start over
        #[arg(long)]
        fresh: bool,
    },
    /// Bring the database to this version
    Migrate,
    /// The village's staff
    #[command(subcommand)]
    Staff(Staff),
    /// API tokens
    #[command(subcommand)]
    Token(Token),
    /// Run one job of the cron table now
    Job {
        #[arg(required_unless_present = "list")]
        name: Option<String>,
        /// show the table
        #[arg(long)]
        list: bool,
    },
    /// Ask the payment providers about everything that is open, and put the books right
    Reconcile,
    /// Bring files into the shop
    #[command(subcommand)]
    Import(Import),
    /// Write a consistent copy of the shop while it is open
    Backup { file: PathBuf },
    /// Put a copy in the place of the configured database; a shop that is there is kept beside it
    Restore { file: PathBuf },
    /// Measure the shop on a throw-away database
    Bench {
        /// a PostgreSQL server; without it, a new SQLite file
        #[arg(long)]
        database: Option<String>,
        #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
        clients: u16,
        /// of each step
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
        seconds: u64,
        /// orders stored before the measurement
        #[arg(long, default_value_t = 0)]
        stored: u64,
        /// keep a calendar, so that every order is promised a day
        #[arg(long)]
        calendar: bool,
        #[arg(long)]
        json: bool,
    },
    /// Plan which parcel leaves when with whom: JSON in, JSON out
    Plan {
        /// the input; - is standard input
        file: PathBuf,
        /// a change to lay over it; prints both plans and their difference
        #[arg(long, value_name = "CHANGE")]
        what_if: Option<PathBuf>,
    },
    /// Find name, phone and address in pasted lines: one JSON line each
    Address,
    /// Audit every invariant of the shop, read-only
    Check,
}

#[derive(Subcommand)]
enum Staff {
    /// Add a member of staff; the password is read from standard input
    Add {
        login: String,
        /// manager, packer, accountant, host or overseer
        #[arg(long)]
        role: String,
        /// the village's slug; a manager founds the village that isn't there yet
        #[arg(long)]
        village: Option<String>,
    },
}

#[derive(Subcommand)]
enum Token {
    /// Make an API token, shown once
    Create { login: String },
}

#[derive(Subcommand)]
enum Import {
    /// An order file of another shop, as CSV or XLSX
    Orders {
        file: PathBuf,
        /// kuaituantuan, doudian, weixin, pinduoduo or generic; found by its columns when left out
        #[arg(long)]
        shop: Option<String>,
        /// say what would happen, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    commands::log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cunji: {}", format!("{error:#}").replace('\n', "; "));
            if error.is::<Usage>() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Runs a command; false: it ran, and what it looked at is not right.
async fn run(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::Serve => commands::serve().await?,
        Command::Demo { json, fresh } => commands::demo(json, fresh).await?,
        Command::Migrate => commands::migrate().await?,
        Command::Staff(Staff::Add { login, role, village }) => {
            commands::add_staff(&login, &role, village.as_deref()).await?
        }
        Command::Token(Token::Create { login }) => commands::create_token(&login).await?,
        Command::Job { name, list: _ } => commands::job(name.as_deref()).await?,
        Command::Reconcile => commands::reconcile().await?,
        Command::Import(Import::Orders { file, shop, dry_run }) => {
            return commands::import_orders(&file, shop.as_deref(), dry_run).await;
        }
        Command::Backup { file } => commands::backup(&file).await?,
        Command::Restore { file } => commands::restore(&file).await?,
        Command::Bench {
            database,
            clients,
            seconds,
            stored,
            calendar,
            json,
        } => {
            let options = cunji::bench::Options {
                database,
                clients: clients.into(),
                seconds,
                stored,
                calendar,
            };
            commands::bench(options, json).await?;
        }
        Command::Plan { file, what_if } => commands::plan::plan(&file, what_if.as_deref())?,
        Command::Address => commands::address()?,
        Command::Check => return commands::check().await,
    }
    Ok(true)
}
