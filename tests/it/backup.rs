//! Copies of a shop at work, and putting them back.

use std::path::{Path, PathBuf};

use cunji::audit::{check, is_clean, report};
use cunji::backup::{Allow, Restored, backup, restore};
use cunji::db::{Db, sqlite_path};
use cunji::{on, transact};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::app::{TestApp, on_both};
use crate::audit::{fill, order};

/// Tells a story that only SQLite has.
async fn on_sqlite(story: impl AsyncFn(&TestApp, PathBuf)) {
    on_both(async |shop| {
        if let Some(path) = sqlite_path(&shop.app.config.database_url) {
            story(shop, path.parent().unwrap().to_owned()).await;
        }
    })
    .await;
}

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

async fn put(shop: &TestApp, file: &Path, target: &Path, allow: Allow) -> anyhow::Result<Restored> {
    restore(file, &url(target), allow, shop.app.clock.now()).await
}

/// How many orders a database file has.
async fn orders(path: &Path) -> i64 {
    let db = Db::open_untouched(path).await.unwrap();
    let count = on!(db, ex => sqlx::query_scalar("SELECT COUNT(*) FROM orders").fetch_one(ex).await).unwrap();
    db.close().await;
    count
}

/// Changes a database file that nobody has open.
async fn change(path: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    let mut connection = options.create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The names of the files in a folder that start so.
fn files(folder: &Path, start: &str) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(start))
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn postgres_has_its_own_tools() {
    on_both(async |shop| {
        let target = &shop.app.config.database_url;
        if sqlite_path(target).is_some() {
            return;
        }
        let refused = backup(&shop.app.db, Path::new("never.db")).await.unwrap_err();
        assert!(refused.to_string().contains("pg_dump"), "{refused}");
        let refused = restore(
            Path::new("never.db"),
            target,
            Allow::default(),
            shop.app.clock.now(),
        )
        .await;
        assert!(refused.unwrap_err().to_string().contains("pg_restore"));
        assert!(!Path::new("never.db").exists());
    })
    .await;
}

#[tokio::test]
async fn a_backup_is_whole_while_orders_come_in() {
    on_sqlite(async |shop, folder| {
        let link = fill(shop).await;
        let before = orders(&folder.join("shop.db")).await;
        let buy = async {
            for number in 0..60 {
                let items = json!([{"sku": "FT05", "quantity": 1}]);
                order(shop, &link, &format!("during-{number}"), items, "transfer").await;
            }
        };
        let copy = async {
            for number in 0..6 {
                let file = folder.join(format!("copy-{number}.db"));
                let findings = backup(&shop.app.db, &file).await.unwrap();
                assert!(is_clean(&findings), "{}", report(&findings));
            }
        };
        tokio::join!(buy, copy);
        assert_eq!(files(&folder, "copy").len(), 6, "and nothing left beside them");
        let mut seen = before;
        for number in 0..6 {
            let copied = orders(&folder.join(format!("copy-{number}.db"))).await;
            assert!((seen..=before + 60).contains(&copied), "{copied} after {seen}");
            seen = copied;
        }
        assert!(seen > before, "what was in the write-ahead log is in the copy");
    })
    .await;
}

#[tokio::test]
async fn a_backup_takes_no_name_that_is_taken() {
    on_sqlite(async |shop, folder| {
        let file = folder.join("copy.db");
        std::fs::write(&file, "something else").unwrap();
        let refused = backup(&shop.app.db, &file).await.unwrap_err().to_string();
        assert!(refused.contains("exists already"), "{refused}");
        assert_eq!(std::fs::read(&file).unwrap(), b"something else");
        let nowhere = folder.join("missing").join("copy.db");
        backup(&shop.app.db, &nowhere).await.unwrap_err();
        // what an interrupted backup has left is in nobody's way
        std::fs::write(folder.join("next.db.part"), "half").unwrap();
        backup(&shop.app.db, &folder.join("next.db")).await.unwrap();
        assert_eq!(files(&folder, "next"), ["next.db"]);
    })
    .await;
}

#[tokio::test]
async fn a_shop_with_a_broken_counter_is_copied_and_said_to_be_broken() {
    on_sqlite(async |shop, folder| {
        fill(shop).await;
        transact!(shop.app.db, tx => {
            Ok(on!(tx, ex => sqlx::query("UPDATE stock SET reserved = reserved + 1").execute(ex).await.map(|_| ()))?)
        })
        .unwrap();
        let file = folder.join("copy.db");
        assert!(!is_clean(&backup(&shop.app.db, &file).await.unwrap()));
        let target = folder.join("new.db");
        let refused = put(shop, &file, &target, Allow::default()).await.unwrap_err();
        assert!(refused.to_string().contains("BROKEN  2"), "{refused}");
        assert_eq!(files(&folder, "new"), [""; 0]);
        let allow = Allow {
            broken: true,
        };
        assert!(!is_clean(&put(shop, &file, &target, allow).await.unwrap().findings));
        assert_eq!(orders(&target).await, 6);
    })
    .await;
}

#[tokio::test]
async fn a_shop_comes_back_and_the_one_before_is_kept() {
    on_sqlite(async |shop, folder| {
        let link = fill(shop).await;
        let (shop_file, file) = (folder.join("shop.db"), folder.join("copy.db"));
        backup(&shop.app.db, &file).await.unwrap();
        let bytes = std::fs::read(&file).unwrap();

        let target = folder.join("new.db");
        let restored = put(shop, &file, &target, Allow::default()).await.unwrap();
        assert!(is_clean(&restored.findings));
        assert_eq!(restored.before, None);
        assert_eq!((orders(&target).await, files(&folder, "new.db.")), (6, vec![]));

        let items = json!([{"sku": "FT05", "quantity": 1}]);
        order(shop, &link, "later", items, "transfer").await;
        let refused = put(shop, &file, &shop_file, Allow::default()).await.unwrap_err();
        assert!(refused.to_string().contains("in use"), "{refused}");
        assert_eq!(orders(&shop_file).await, 7, "the running shop is as it was");
        let refused = put(shop, &shop_file, &shop_file, Allow::default())
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("the shop itself"), "{refused}");

        shop.app.db.close().await;
        let restored = put(shop, &file, &shop_file, Allow::default()).await.unwrap();
        let before = restored.before.unwrap();
        assert_eq!(before, folder.join("shop.db.before-restore-20240120T023100Z"));
        assert_eq!((orders(&shop_file).await, orders(&before).await), (6, 7));
        assert_eq!(
            std::fs::read(&file).unwrap(),
            bytes,
            "the copy itself is only read"
        );
        assert_eq!(
            files(&folder, "copy"),
            ["copy.db"],
            "and nothing is left beside it"
        );

        let again = put(shop, &file, &shop_file, Allow::default()).await.unwrap_err();
        assert!(
            again.to_string().contains("can't keep the old shop"),
            "never over a kept one: {again}"
        );
        let db = Db::connect(&url(&shop_file)).await.unwrap();
        assert!(is_clean(&check(&db).await.unwrap()));
        db.close().await;
        std::fs::rename(&before, &shop_file).unwrap();
        assert_eq!(orders(&shop_file).await, 7, "the way back");
    })
    .await;
}

#[tokio::test]
async fn a_damaged_shop_is_replaced_and_its_log_put_aside() {
    on_sqlite(async |shop, folder| {
        fill(shop).await;
        let file = folder.join("copy.db");
        backup(&shop.app.db, &file).await.unwrap();
        let target = folder.join("new.db");
        std::fs::write(&target, vec![7; 9000]).unwrap();
        std::fs::write(folder.join("new.db-wal"), "a log").unwrap();
        let restored = put(shop, &file, &target, Allow::default()).await.unwrap();
        let before = restored.before.unwrap();
        assert_eq!(std::fs::read(&before).unwrap(), vec![7; 9000]);
        let log = PathBuf::from(format!("{}-wal", before.display()));
        assert_eq!(std::fs::read(log).unwrap(), b"a log");
        assert_eq!(orders(&target).await, 6);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_shop_is_not_restored() {
    on_sqlite(async |shop, folder| {
        fill(shop).await;
        let good = folder.join("good.db");
        backup(&shop.app.db, &good).await.unwrap();
        let bytes = std::fs::read(&good).unwrap();
        let target = folder.join("new.db");
        std::fs::write(folder.join("text.db"), "no database at all, but long enough".repeat(99)).unwrap();
        std::fs::write(folder.join("empty.db"), "").unwrap();
        std::fs::write(folder.join("short.db"), &bytes[..bytes.len() / 2]).unwrap();
        let mut spoilt = bytes.clone();
        spoilt[4096 * 9..4096 * 12].fill(0xa5);
        std::fs::write(folder.join("spoilt.db"), &spoilt).unwrap();
        change(&folder.join("other.db"), "CREATE TABLE note (text TEXT)").await;
        for (name, sql) in [
            ("newer.db", "INSERT INTO _sqlx_migrations SELECT 9999, description, installed_on, success, checksum, execution_time FROM _sqlx_migrations LIMIT 1"),
            ("cousin.db", "UPDATE _sqlx_migrations SET checksum = x'00'"),
            ("broken.db", "UPDATE orders SET captured_fen = captured_fen + 1 WHERE number = '240120-0002'"),
        ] {
            std::fs::write(folder.join(name), &bytes).unwrap();
            change(&folder.join(name), sql).await;
        }
        for (name, why) in [
            ("missing.db", "can't open"),
            ("text.db", "not a database"),
            ("empty.db", "holds no shop"),
            ("short.db", ""),
            ("spoilt.db", ""),
            ("other.db", "holds no shop"),
            ("newer.db", "newer version"),
            ("cousin.db", "holds no shop"),
            ("broken.db", "not in order"),
        ] {
            let refused = put(shop, &folder.join(name), &target, Allow::default()).await;
            let refused = format!("{:#}", refused.expect_err(name));
            assert!(refused.contains(why), "{name}: {refused}");
            assert_eq!(files(&folder, "new.db"), [""; 0], "{name} leaves nothing");
        }
        put(shop, &good, &target, Allow::default()).await.unwrap();
    })
    .await;
}
