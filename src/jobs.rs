//! The cron table: what runs by itself, when, and what it does.
//!
//! Every node has the same table and the same ticks; a lease in the database lets one of them run a job at a time. A
//! job is a scan that may run twice or stop halfway: what it did stays done, and the next run does the rest. The
//! scheduler is a clock only, with the machine's time; the jobs themselves live by the program's clock.

pub mod chores;
mod store;

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono_tz::Asia::Shanghai;
use tokio_cron_scheduler::{Job as Ticks, JobScheduler};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Timestamp;
use crate::error::Result;
use crate::state::App;
use crate::transact;

type Running = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// One row of the table.
pub struct Job {
    pub name: &'static str,
    /// second, minute, hour, day, month, weekday; in Asia/Shanghai
    pub schedule: &'static str,
    pub about: &'static str,
    /// a run that takes longer is stopped
    limit: Duration,
    /// cheap enough to run at every start, so that nothing waits that came due while the program was down
    at_start: bool,
    run: fn(App) -> Running,
}

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);

static TABLE: &[Job] = &[
    Job {
        name: "expire-holds",
        schedule: "*/15 * * * * *",
        about: "End the holds of unpaid orders whose time is over",
        limit: MINUTE,
        at_start: true,
        run: |app| Box::pin(chores::expire_holds(app)),
    },
    Job {
        name: "reconcile",
        schedule: "*/15 * * * * *",
        about: "Ask payment providers about what is open, and send refunds",
        limit: FIVE_MINUTES,
        at_start: true,
        run: |app| Box::pin(chores::reconcile(app)),
    },
    Job {
        name: "reconcile-day",
        // WeChat's bill of a day comes the next morning at ten
        schedule: "0 40 10 * * *",
        about: "Compare yesterday's money with the payment providers' books",
        limit: Duration::from_secs(20 * 60),
        at_start: false,
        run: |app| Box::pin(chores::reconcile_day(app)),
    },
    Job {
        name: "send-outbox",
        schedule: "*/5 * * * * *",
        about: "Tell partners what has happened",
        limit: MINUTE,
        at_start: true,
        run: |app| Box::pin(chores::send_outbox(app)),
    },
    Job {
        name: "promise-backlog",
        schedule: "20 * * * * *",
        about: "Promise a day to orders that have none, after the calendar was changed",
        limit: MINUTE,
        at_start: true,
        run: |app| Box::pin(chores::promise_backlog(app)),
    },
    Job {
        name: "late-defaults",
        schedule: "40 * * * * *",
        about: "Take the default where the buyer of a late order did not answer in time",
        limit: MINUTE,
        at_start: true,
        run: |app| Box::pin(chores::late_defaults(app)),
    },
    Job {
        name: "track-parcels",
        schedule: "30 */5 * * * *",
        about: "Follow parcels at Kuaidi100",
        limit: Duration::from_secs(5 * 60),
        at_start: false,
        run: |app| Box::pin(chores::track_parcels(app)),
    },
    Job {
        name: "learn-transit",
        schedule: "0 50 3 * * *",
        about: "Learn from own parcels how long carriers take",
        limit: Duration::from_secs(5 * 60),
        at_start: false,
        run: |app| Box::pin(chores::learn_transit(app)),
    },
    Job {
        name: "clean-credentials",
        schedule: "0 17 * * * *",
        about: "Remove sessions and tokens that have ended",
        limit: MINUTE,
        at_start: true,
        run: |app| Box::pin(chores::clean_credentials(app)),
    },
    Job {
        name: "clean-photos",
        schedule: "0 10 3 * * *",
        about: "Remove photos that no claim has taken within a day",
        limit: Duration::from_secs(5 * 60),
        at_start: false,
        run: |app| Box::pin(chores::clean_photos(app)),
    },
    Job {
        name: "clean-outbox",
        schedule: "0 40 3 * * *",
        about: "Remove events that partners took more than 30 days ago",
        limit: Duration::from_secs(10 * 60),
        at_start: false,
        run: |app| Box::pin(chores::clean_outbox(app)),
    },
    Job {
        name: "erase-event-bodies",
        schedule: "0 50 4 * * *",
        about: "Erase the bodies of payment providers' events that were handled more than 30 days ago",
        limit: Duration::from_secs(10 * 60),
        at_start: false,
        run: |app| Box::pin(chores::erase_event_bodies(app)),
    },
    Job {
        name: "refresh-statistics",
        schedule: "0 20 4 * * *",
        about: "Let the database count its rows again, for good query plans",
        limit: Duration::from_secs(10 * 60),
        at_start: false,
        run: |app| Box::pin(chores::refresh_statistics(app)),
    },
];

/// The lease outlasts the limit, so that a run that is stopped has ended before another may begin.
const LEASE_MARGIN: Duration = Duration::from_secs(15);

/// How long a stop waits for running jobs, before and after it tells them to end.
const STOP_WAIT: Duration = Duration::from_secs(8);
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Characters of an outcome that are kept.
const OUTCOME_LENGTH: usize = 300;

/// The whole table.
pub fn list() -> &'static [Job] {
    TABLE
}

/// The running cron table.
pub struct Jobs {
    scheduler: JobScheduler,
    running: TaskTracker,
    stopped: CancellationToken,
}

/// Starts the ticks, and runs the cheap jobs once.
///
/// # Errors
/// When a schedule can't be read.
pub async fn start(app: App) -> anyhow::Result<Jobs> {
    let jobs = Jobs {
        scheduler: JobScheduler::new().await.context("starting the scheduler")?,
        running: TaskTracker::new(),
        stopped: CancellationToken::new(),
    };
    for job in TABLE {
        let (app, running, stopped) = (app.clone(), jobs.running.clone(), jobs.stopped.clone());
        let ticks = Ticks::new_async_tz(job.schedule, Shanghai, move |_, _| {
            // tracked apart from the scheduler, whose own tasks nobody can wait for
            running.spawn(tick(app.clone(), job, stopped.clone()));
            Box::pin(std::future::ready(()))
        });
        let ticks = ticks.with_context(|| format!("the schedule of {}", job.name))?;
        jobs.scheduler
            .add(ticks)
            .await
            .with_context(|| format!("adding {}", job.name))?;
    }
    let (first, stopped) = (app.clone(), jobs.stopped.clone());
    jobs.running.spawn(async move {
        for job in TABLE.iter().filter(|job| job.at_start) {
            tick(first.clone(), job, stopped.clone()).await;
        }
    });
    jobs.scheduler.start().await.context("starting the scheduler")?;
    Ok(jobs)
}

impl Jobs {
    /// No more ticks; waits at most 10 s for running jobs to end.
    pub async fn stop(mut self) {
        if let Err(error) = self.scheduler.shutdown().await {
            tracing::warn!(%error, "the scheduler did not stop");
        }
        self.running.close();
        let in_time = tokio::time::timeout(STOP_WAIT, self.running.wait()).await.is_ok();
        // also for a tick that was on its way when the scheduler stopped
        self.stopped.cancel();
        if !in_time
            && tokio::time::timeout(STOP_GRACE, self.running.wait())
                .await
                .is_err()
        {
            tracing::warn!(
                jobs = self.running.len(),
                "jobs were left behind; their leases end by themselves"
            );
        }
    }
}

/// Runs one job now, whatever its schedule.
///
/// # Errors
/// For a name that is not in the table; when another run holds the lease, with its holder; what the job gives.
pub async fn run_now(app: &App, name: &str) -> Result<String> {
    let Some(job) = TABLE.iter().find(|job| job.name == name) else {
        let names: Vec<_> = TABLE.iter().map(|job| job.name).collect();
        return Err(anyhow!("there is no job {name:?}; there are {}", names.join(", ")).into());
    };
    match run(app, job, &CancellationToken::new()).await? {
        Run::Ended { result, .. } => result,
        Run::Elsewhere(holder) => Err(anyhow!("{name} is running already: {holder}").into()),
    }
}

enum Run {
    Ended {
        result: Result<String>,
        /// it ended like the run before
        same: bool,
    },
    /// another run holds the lease
    Elsewhere(String),
}

/// One tick of the clock: an error is logged when it is new, and never stops the ticks.
async fn tick(app: App, job: &'static Job, stopped: CancellationToken) {
    if stopped.is_cancelled() {
        return;
    }
    match run(&app, job, &stopped).await {
        Ok(Run::Ended {
            result: Ok(outcome), ..
        }) => tracing::debug!(job = job.name, outcome, "job done"),
        Ok(Run::Ended {
            result: Err(error),
            same: false,
        }) => {
            tracing::error!(job = job.name, %error, "job failed");
        }
        Ok(Run::Ended {
            result: Err(error),
            same: true,
        }) => {
            tracing::debug!(job = job.name, %error, "job failed again");
        }
        Ok(Run::Elsewhere(holder)) => tracing::debug!(job = job.name, holder, "job runs elsewhere"),
        Err(error) => tracing::error!(job = job.name, %error, "the job's lease can't be read or written"),
    }
}

/// Runs a job under its lease and stores how it ended.
async fn run(app: &App, job: &Job, stopped: &CancellationToken) -> Result<Run> {
    let (db, owner, now) = (&app.db, owner(), app.clock.now());
    let until = now.plus(job.limit + LEASE_MARGIN);
    let Some(lease) = transact!(db, tx => store::take(tx, job.name, &owner, now, until).await)? else {
        let holder = store::holder(db, job.name).await?;
        let text = |(owner, until): (String, Timestamp)| {
            format!("{owner} holds it until {} at the latest", until.to_rfc3339())
        };
        return Ok(Run::Elsewhere(holder.map(text).unwrap_or_default()));
    };
    let result = tokio::select! {
        done = tokio::time::timeout(job.limit, (job.run)(app.clone())) => done
            .unwrap_or_else(|_| Err(anyhow!("stopped after its limit of {} s", job.limit.as_secs()).into())),
        () = stopped.cancelled() => Err(anyhow!("stopped with the program").into()),
    };
    let (kind, outcome) = match &result {
        Ok(outcome) => ("done", outcome.clone()),
        Err(error) => ("failed", format!("failed: {error}")),
    };
    metrics::counter!("cunji_jobs_total", "job" => job.name, "outcome" => kind).increment(1);
    let outcome: String = outcome
        .chars()
        .filter(|c| !c.is_control())
        .take(OUTCOME_LENGTH)
        .collect();
    let now = app.clock.now();
    if !transact!(db, tx => store::finish(tx, job.name, lease.fence, now, &outcome).await)? {
        tracing::warn!(job = job.name, "another run has taken the lease over");
    }
    let same = lease.outcome.as_ref() == Some(&outcome);
    Ok(Run::Ended { result, same })
}

/// This process, as others may look for it. Only shown: the fence tells runs apart.
fn owner() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "a host"
    } else {
        host.trim()
    };
    format!("process {} on {host}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut names: Vec<_> = list().iter().map(|job| job.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), list().len(), "a name stands for one job");
        for job in list() {
            let ticks = Ticks::new_async_tz(job.schedule, Shanghai, |_, _| Box::pin(std::future::ready(())));
            assert!(ticks.is_ok(), "{}: {}", job.name, job.schedule);
            assert_eq!(job.schedule.split(' ').count(), 6, "{}", job.name);
            assert!(
                job.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                job.name
            );
            assert!(!job.about.is_empty() && !job.about.ends_with('.'), "{}", job.name);
        }
    }
}
