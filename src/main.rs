//! The command line: parse, call, exit code.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    /// Bring the database to this version
    Migrate,
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
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cunji: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve | Command::Migrate => anyhow::bail!("soon"),
        Command::Bench {
            database,
            clients,
            seconds,
            stored,
            json,
        } => {
            let options = cunji::bench::Options {
                database,
                clients: clients.into(),
                seconds,
                stored,
            };
            let report = cunji::bench::run(options).await?;
            if json {
                println!("{}", serde_json::to_string(&report)?);
            } else {
                println!("{}", cunji::bench::table(&report));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
