//! The cron table: one node runs a job at a time, and nothing that comes due is lost.

use std::time::Duration;

use cunji::clock::Timestamp;
use cunji::db::Db;
use cunji::id::Ids;
use cunji::state::App;
use cunji::{jobs, on, transact};
use serde_json::{Value, json};

use crate::app::{PASSWORD, TestApp, on_both};
use crate::partner::{Partner, open_link, place, tell};

/// Another node of the shop, with a clock of its own.
async fn second_node(shop: &TestApp) -> App {
    let config = (*shop.app.config).clone();
    let db = Db::connect(&config.database_url).await.unwrap();
    App::build(config, db, Ids::seeded(2)).unwrap()
}

#[derive(sqlx::FromRow)]
struct JobRow {
    until_at: Timestamp,
    fence: i64,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    outcome: Option<String>,
}

async fn row(shop: &TestApp, job: &str) -> JobRow {
    let row: Result<JobRow, sqlx::Error> = on!(shop.app.db, ex => sqlx::query_as(
        "SELECT until_at, fence, started_at, finished_at, outcome FROM job WHERE name = $1")
        .bind(job).fetch_one(ex).await);
    row.unwrap()
}

async fn rename_outbox(shop: &TestApp, from: &str, to: &str) {
    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
    let renamed = transact!(shop.app.db, tx => {
        on!(tx, ex => sqlx::query(sqlx::AssertSqlSafe(sql.clone())).execute(ex).await.map(|_| ()))?;
        Ok(())
    });
    renamed.unwrap();
}

#[tokio::test]
async fn a_lease_lets_one_node_run() {
    on_both(async |shop| {
        let partner = Partner::open(&[]).await;
        partner.subscribe(shop).await;
        tell(shop, 1).await;
        partner.hang();
        let other = second_node(shop).await;
        let app = shop.app.clone();
        let first = tokio::spawn(async move { jobs::run_now(&app, "send-outbox").await });
        partner.heard_of(1).await;
        let refused = jobs::run_now(&other, "send-outbox")
            .await
            .unwrap_err()
            .to_string();
        let holder = format!("process {} on ", std::process::id());
        assert!(
            refused.contains("send-outbox is running already")
                && refused.contains(&holder)
                && refused.contains("until 2024-01-20T02:01:15Z"),
            "{refused}"
        );
        let other_job = jobs::run_now(&other, "expire-holds").await;
        assert_eq!(other_job.unwrap(), "0 holds ended", "a lease is for one job");

        partner.permits.add_permits(1);
        assert_eq!(first.await.unwrap().unwrap(), "1 delivered, 0 failed, 0 put off");
        let outcome = jobs::run_now(&other, "send-outbox").await.unwrap();
        assert_eq!(outcome, "0 delivered, 0 failed, 0 put off");
        assert_eq!(partner.count(), 1);
        let row = row(shop, "send-outbox").await;
        assert_eq!((row.fence, row.outcome), (2, Some(outcome)));
        assert_eq!(
            (row.finished_at, row.until_at),
            (row.started_at, shop.app.clock.now())
        );
    })
    .await;
}

#[tokio::test]
async fn nodes_at_once_take_turns() {
    on_both(async |shop| {
        let other = second_node(shop).await;
        let runs: Vec<_> = (0..10)
            .map(|n| {
                if n % 2 == 0 {
                    shop.app.clone()
                } else {
                    other.clone()
                }
            })
            .map(|app| tokio::spawn(async move { jobs::run_now(&app, "expire-holds").await }))
            .collect();
        let mut done = 0;
        for run in runs {
            match run.await.unwrap() {
                Ok(_) => done += 1,
                Err(error) => assert!(error.to_string().contains("is running already"), "{error}"),
            }
        }
        assert!(done >= 1);
        assert_eq!(
            row(shop, "expire-holds").await.fence,
            done,
            "who runs has a number of its own"
        );
    })
    .await;
}

#[tokio::test]
async fn a_lease_of_the_dead_is_taken_over_after_its_end() {
    on_both(async |shop| {
        let partner = Partner::open(&[]).await;
        partner.subscribe(shop).await;
        tell(shop, 1).await;
        partner.hang();
        let app = shop.app.clone();
        let dying = tokio::spawn(async move { jobs::run_now(&app, "send-outbox").await });
        partner.heard_of(1).await;
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        let left = row(shop, "send-outbox").await;
        assert_eq!((left.fence, left.finished_at), (1, None));

        partner.permits.add_permits(10);
        let other = second_node(shop).await;
        other.clock.advance(Duration::from_millis(74_999));
        let refused = jobs::run_now(&other, "send-outbox")
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains("is running already"), "{refused}");
        other.clock.advance(Duration::from_millis(1));
        let outcome = jobs::run_now(&other, "send-outbox").await.unwrap();
        assert_eq!(
            outcome, "0 delivered, 0 failed, 0 put off",
            "the event is still claimed"
        );
        other.clock.advance(Duration::from_secs(300));
        let outcome = jobs::run_now(&other, "send-outbox").await.unwrap();
        assert_eq!(outcome, "1 delivered, 0 failed, 0 put off");
        let heard = partner.heard.lock().unwrap();
        assert_eq!(heard.len(), 2);
        assert_eq!(heard[0].body, heard[1].body, "told twice, as the same event");
    })
    .await;
}

#[tokio::test]
async fn holds_end_and_partners_hear_of_it() {
    on_both(async |shop| {
        let partner = Partner::open(&[]).await;
        partner.subscribe(shop).await;
        let code = open_link(shop).await;
        let orders = [place(shop, &code, "one").await, place(shop, &code, "two").await];
        let link = format!("/api/v1/links/{code}");
        assert_eq!(shop.get("", &link).await.1["offers"][0]["available"], 6);
        for (seconds, outcome) in [
            (1_799, "0 holds ended"),
            (1, "2 holds ended"),
            (0, "0 holds ended"),
        ] {
            shop.app.clock.advance(Duration::from_secs(seconds));
            assert_eq!(jobs::run_now(&shop.app, "expire-holds").await.unwrap(), outcome);
        }
        assert_eq!(shop.get("", &link).await.1["offers"][0]["available"], 10);
        let order = format!("/api/v1/orders/{}", orders[0]["token"].as_str().unwrap());
        assert_eq!(shop.get("", &order).await.1["status"], "expired");
        jobs::run_now(&shop.app, "send-outbox").await.unwrap();
        let heard = partner.heard.lock().unwrap();
        let mut expired: Vec<_> = heard
            .iter()
            .filter(|heard| heard.body["topic"] == "order.expired")
            .map(|heard| heard.body["data"].clone())
            .collect();
        expired.sort_by_key(|data| data["number"].to_string());
        let data = |order: &Value| json!({"number": order["number"], "token": order["token"]});
        assert_eq!(expired, [data(&orders[0]), data(&orders[1])]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_kept_and_stops_nothing() {
    on_both(async |shop| {
        rename_outbox(shop, "outbox", "elsewhere").await;
        let error = jobs::run_now(&shop.app, "send-outbox").await.unwrap_err();
        let kept = row(shop, "send-outbox").await;
        let outcome = kept.outcome.unwrap();
        assert!(
            outcome.starts_with("failed: ") && outcome.contains("outbox"),
            "{outcome}"
        );
        assert!(error.to_string().contains("outbox"), "{error}");
        assert_eq!(kept.until_at, shop.app.clock.now(), "the lease is given back");
        rename_outbox(shop, "elsewhere", "outbox").await;
        jobs::run_now(&shop.app, "send-outbox").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_job_runs_and_others_are_unknown() {
    on_both(async |shop| {
        let body = json!({"login": "packer-zhang", "password": PASSWORD});
        assert_eq!(shop.post("", "/api/v1/session", body).await.0, 200);
        shop.app.clock.advance(Duration::from_secs(16 * 3_600));
        let expected = [
            ("expire-holds", "0 holds ended"),
            ("reconcile", "0 settled, 0 waiting, 0 to be tried again"),
            ("reconcile-day", "0 differences left"),
            ("send-outbox", "0 delivered, 0 failed, 0 put off"),
            ("promise-backlog", "0 promised"),
            ("late-defaults", "0 taken, 0 ended"),
            ("track-parcels", "Kuaidi100 is not set up"),
            ("learn-transit", "0 learned"),
            ("clean-credentials", "1 removed"),
            ("clean-photos", "0 photos removed"),
            ("clean-outbox", "0 removed"),
            ("erase-event-bodies", "0 erased"),
            ("refresh-statistics", "refreshed"),
        ];
        let names: Vec<_> = jobs::list().iter().map(|job| job.name).collect();
        assert_eq!(names, expected.map(|(name, _)| name));
        for (name, outcome) in expected {
            assert_eq!(jobs::run_now(&shop.app, name).await.unwrap(), outcome, "{name}");
            assert_eq!(row(shop, name).await.outcome.as_deref(), Some(outcome));
        }
        let error = jobs::run_now(&shop.app, "make-coffee")
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("make-coffee") && error.contains("refresh-statistics"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_table_catches_up_ticks_and_stops() {
    on_both(async |shop| {
        let partner = Partner::open(&[]).await;
        partner.subscribe(shop).await;
        tell(shop, 1).await;
        let running = jobs::start(shop.app.clone()).await.unwrap();
        partner.heard_of(1).await;
        // the catch-up has told the first; a tick tells the second
        partner.hang();
        tell(shop, 1).await;
        partner.heard_of(2).await;
        // the partner answers only after the stop has begun: what the job did is stored because it was waited for
        let answer = async { partner.permits.add_permits(10) };
        tokio::join!(biased; running.stop(), answer);
        let row = row(shop, "send-outbox").await;
        assert_eq!(row.outcome.as_deref(), Some("1 delivered, 0 failed, 0 put off"));
        let list = shop.get(&shop.zhang.manager, "/api/v1/outbox").await.1;
        let events = list["items"].as_array().unwrap();
        assert!(
            events.len() == 2 && events.iter().all(|event| !event["done_at"].is_null()),
            "{list}"
        );
    })
    .await;
}
