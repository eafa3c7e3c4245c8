//! What is promised and what leaves: never more than there is.

use std::time::Duration;

use chrono::NaiveDate;
use cunji::error::{Error, Result};
use cunji::stock::store::{fefo, lock, release, reserve, ship};
use cunji::stock::{Level, Pick};
use cunji::{on, transact};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, fields, on_both};
use crate::goods::{ADJUSTMENTS, add_sku, counts, item, product, receive, sku};

async fn lock_one(shop: &TestApp, sku: Uuid) -> Level {
    let mut found = transact!(shop.app.db, tx => lock(tx, shop.zhang.id, &[sku]).await).unwrap();
    found.pop().unwrap()
}

async fn reserve_in(shop: &TestApp, cases: &[(Uuid, i64)]) -> Result<()> {
    transact!(shop.app.db, tx => reserve(tx, shop.zhang.id, cases).await)
}

fn problem_of<T>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::Problem(problem)) => problem.name,
        Err(_) => "another error",
        Ok(_) => "no error",
    }
}

#[tokio::test]
async fn stock_never_goes_below_what_is_there_or_held() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        let ft = add_sku(shop, &id, sku("FT05")).await;
        receive(shop, "FT05", "L1", "2025-01-09", 6).await;
        receive(shop, "FT05", "L2", "2025-02-09", 4).await;
        reserve_in(shop, &[(ft, 2), (ft, 5)]).await.unwrap();
        assert_eq!(counts(&item(shop, "FT05").await), (10, 7, 3));
        for (lot, quantity) in [("L2", -5), ("L1", -4), ("L1", -100_000)] {
            let body = json!({"sku": "FT05", "lot": lot, "quantity": quantity, "reason": "盘点"});
            let (status, problem) = shop.post(&shop.zhang.manager, ADJUSTMENTS, body).await;
            assert_eq!(
                (status, &problem["type"]),
                (409, &json!("/problems/stock-too-low")),
                "{lot}"
            );
            assert_eq!(
                [&problem["sku"], &problem["on_hand"], &problem["held"]],
                [&json!("FT05"), &json!(10), &json!(7)]
            );
        }
        let body = json!({"sku": "FT05", "lot": "L1", "quantity": -3, "reason": "盘点"});
        assert_eq!(shop.post(&shop.zhang.manager, ADJUSTMENTS, body).await.0, 201);
        assert_eq!(counts(&item(shop, "FT05").await), (7, 7, 0));
        assert_eq!(problem_of(reserve_in(shop, &[(ft, 1)]).await), "sold-out");
        transact!(shop.app.db, tx => release(tx, shop.zhang.id, &[(ft, 7)]).await).unwrap();
        assert_eq!(counts(&item(shop, "FT05").await), (7, 0, 7));
        let twice = transact!(shop.app.db, tx => release(tx, shop.zhang.id, &[(ft, 1)]).await);
        assert_eq!(problem_of(twice), "another error");
        for wrong in [
            vec![(ft, -1)],
            vec![(Uuid::nil(), 1)],
            vec![(ft, i64::MAX), (ft, 1)],
        ] {
            assert_eq!(
                problem_of(reserve_in(shop, &wrong).await),
                "another error",
                "{wrong:?}"
            );
        }
        reserve_in(shop, &[(ft, 0)]).await.unwrap();
        let stranger = transact!(shop.app.db, tx => reserve(tx, shop.li.id, &[(ft, 1)]).await);
        assert_eq!(problem_of(stranger), "another error");
        assert_eq!(
            lock_one(shop, ft).await,
            Level {
                sku_id: ft,
                on_hand: 7,
                reserved: 0,
                ahead: 0
            }
        );
    })
    .await;
}

#[tokio::test]
async fn reservations_at_once_never_oversell() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        let ft = add_sku(shop, &id, sku("FT05")).await;
        let ms = add_sku(shop, &id, sku("MS10")).await;
        receive(shop, "FT05", "L1", "2025-01-09", 10).await;
        receive(shop, "MS10", "L1", "2025-01-09", 100).await;
        let (db, village) = (&shop.app.db, shop.zhang.id);
        let tries = (0..25).map(|n| {
            let db = db.clone();
            // each takes its locks in another order than its neighbour, unless `lock` puts them in one
            let skus = if n % 2 == 0 {
                [(ft, 1), (ms, 1)]
            } else {
                [(ms, 1), (ft, 1)]
            };
            tokio::spawn(async move {
                transact!(db, tx => {
                    lock(tx, village, &skus.map(|(sku, _)| sku)).await?;
                    reserve(tx, village, &skus).await
                })
            })
        });
        let (mut sold, mut refused) = (0, 0);
        for attempt in tries.collect::<Vec<_>>() {
            match attempt.await.unwrap() {
                Ok(()) => sold += 1,
                refusal => {
                    assert_eq!(problem_of(refusal), "sold-out");
                    refused += 1;
                }
            }
        }
        assert_eq!((sold, refused), (10, 15));
        assert_eq!(lock_one(shop, ft).await.reserved, 10);
        assert_eq!(
            lock_one(shop, ms).await.reserved,
            10,
            "an order that is refused reserves nothing"
        );
    })
    .await;
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

async fn fefo_in(shop: &TestApp, sku: Uuid, cases: i64, good_until: &str) -> Result<Vec<(Uuid, i64)>> {
    transact!(shop.app.db, tx => fefo(tx, shop.zhang.id, sku, cases, day(good_until)).await)
}

async fn ship_in(shop: &TestApp, sku: Uuid, picks: &[(Uuid, i64)]) -> Result<()> {
    let order_id = Uuid::from_u128(7);
    let pick = |&(lot, cases)| Pick {
        sku,
        lot,
        cases,
        order_id,
    };
    let picks: Vec<Pick> = picks.iter().map(pick).collect();
    let (at, ids) = (shop.app.clock.now(), &shop.app.ids);
    transact!(shop.app.db, tx => ship(tx, shop.zhang.id, &picks, at, ids, None).await)
}

fn cases(picks: &[(Uuid, i64)]) -> Vec<i64> {
    picks.iter().map(|(_, cases)| *cases).collect()
}

/// Three lots of three cases each.
async fn three_lots(shop: &TestApp) -> Uuid {
    let id = product(shop, "fentiao").await;
    let ft = add_sku(shop, &id, sku("FT05")).await;
    for (lot, best_before) in [
        ("NEW", "2025-03-01"),
        ("OLD", "2024-02-01"),
        ("MID", "2024-09-01"),
    ] {
        receive(shop, "FT05", lot, best_before, 3).await;
    }
    ft
}

#[tokio::test]
async fn what_is_shipped_leaves_the_oldest_good_lot() {
    on_both(async |shop| {
        let ft = three_lots(shop).await;
        let picks = fefo_in(shop, ft, 4, "2024-02-02").await.unwrap();
        assert_eq!(cases(&picks), [3, 1], "the old lot is too old");
        assert_eq!(
            problem_of(fefo_in(shop, ft, 7, "2024-02-02").await),
            "stock-too-low"
        );
        assert_eq!(
            cases(&fefo_in(shop, ft, 7, "2024-02-01").await.unwrap()),
            [3, 3, 1]
        );

        reserve_in(shop, &[(ft, 5)]).await.unwrap();
        shop.app.clock.advance(Duration::from_secs(60));
        let epoch = shop.app.db.supply_epoch();
        ship_in(shop, ft, &picks).await.unwrap();
        assert!(shop.app.db.supply_epoch() > epoch, "links must hear of it");
        let listed = item(shop, "FT05").await;
        assert_eq!(counts(&listed), (5, 1, 4));
        let lot = |lot: &Value| (lot["code"].clone(), lot["on_hand"].clone());
        let lots: Vec<_> = listed["lots"].as_array().unwrap().iter().map(lot).collect();
        assert_eq!(lots, [(json!("OLD"), json!(3)), (json!("NEW"), json!(2))]);
        let (_, moves) = shop.get(&shop.zhang.packer, "/api/v1/stock/movements").await;
        let newest = &moves["items"].as_array().unwrap()[..2];
        assert!(newest.iter().all(|row| row["kind"] == "shipped"), "{moves}");
        let quantity = |row: &Value| row["quantity"].as_i64().unwrap();
        assert_eq!(newest.iter().map(quantity).sum::<i64>(), -4);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_or_not_reserved_is_not_shipped() {
    on_both(async |shop| {
        let ft = three_lots(shop).await;
        let picks = fefo_in(shop, ft, 4, "2024-01-20").await.unwrap();
        let [(old, _), (mid, _)] = picks[..] else {
            panic!("{picks:?}")
        };
        reserve_in(shop, &[(ft, 4)]).await.unwrap();
        for (picks, problem) in [
            (vec![(old, 3), (mid, 2)], "stock-too-low"),
            (vec![(old, 2), (old, 2)], "stock-too-low"),
            (vec![(old, 1), (Uuid::nil(), 1)], "another error"),
            (vec![(old, -1)], "another error"),
        ] {
            assert_eq!(problem_of(ship_in(shop, ft, &picks).await), problem, "{picks:?}");
            assert_eq!(counts(&item(shop, "FT05").await), (9, 4, 5));
        }
        let (_, moves) = shop.get(&shop.zhang.packer, "/api/v1/stock/movements").await;
        assert_eq!(moves["items"].as_array().unwrap().len(), 3, "receipts alone");
    })
    .await;
}

/// An unpaid order of the village for some cases of a sku, whose hold ends at the given instant.
async fn order(shop: &TestApp, number: &str, sku: Uuid, cases: i64, hold_ends_at: i64) {
    let (village, id, at) = (
        shop.zhang.id,
        shop.app.ids.uuid(shop.app.clock.now()),
        shop.app.clock.now(),
    );
    transact!(shop.app.db, tx => {
        on!(tx, ex => sqlx::query(
            "INSERT INTO orders (village_id, id, number, source, channel, host, name, phone, province, city, district,
                street, region_code, note, method, goods_fen, freight_fen, total_fen, hold, hold_ends_at, ordered,
                placed_at, updated_at)
             VALUES ($1, $2, $3, 'staff', '', '', '', '', '', '', '', '', '', '', 'transfer', 0, 0, 0, 'active', $4, $5, $6, $6)")
            .bind(village).bind(id).bind(number).bind(hold_ends_at).bind(cases).bind(at).execute(ex).await.map(|_| ()))?;
        on!(tx, ex => sqlx::query(
            "INSERT INTO order_line (village_id, order_id, line, sku_id, title, price_fen, goods_fen, ordered)
             VALUES ($1, $2, 1, $3, '', 0, 0, $4)")
            .bind(village).bind(id).bind(sku).bind(cases).execute(ex).await.map(|_| ()))?;
        Ok(())
    })
    .unwrap();
}

#[tokio::test]
async fn a_hold_that_has_ended_holds_nothing() {
    on_both(async |shop| {
        let id = product(shop, "fentiao").await;
        let ft = add_sku(shop, &id, sku("FT05")).await;
        let mut gift = sku("BOX");
        gift["components"] = json!([{"sku": "FT05", "quantity": 3}]);
        let gift = add_sku(shop, &id, gift).await;
        receive(shop, "FT05", "L1", "2025-01-09", 20).await;
        let now = shop.app.clock.now().0;
        order(shop, "240120-1", ft, 4, now + 60_000).await;
        order(shop, "240120-2", gift, 2, now + 120_000).await;
        reserve_in(shop, &[(ft, 4), (ft, 6)]).await.unwrap();
        for (seconds, level, boxes) in [(0, (20, 10, 10), 3), (60, (20, 6, 14), 4), (60, (20, 0, 20), 6)] {
            shop.app.clock.advance(Duration::from_secs(seconds));
            assert_eq!(counts(&item(shop, "FT05").await), level);
            assert_eq!(item(shop, "BOX").await["available"], boxes, "box");
        }
        assert_eq!(
            lock_one(shop, ft).await.reserved,
            10,
            "until somebody ends the holds"
        );
    })
    .await;
}

#[tokio::test]
async fn a_sku_is_sold_ahead_of_its_lot() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let id = product(shop, "fentiao").await;
        let ft = add_sku(shop, &id, sku("FT05")).await;
        let path = "/api/v1/stock/FT05/ahead";
        let ahead = |cases: i64, ready_on: Value| json!({"cases": cases, "ready_on": ready_on});
        for (body, field) in [
            (ahead(-1, json!("2024-01-25")), "cases"),
            (ahead(5, Value::Null), "ready_on"),
            (ahead(5, json!("2024-01-19")), "ready_on"),
        ] {
            let (status, problem) = shop.put(manager, path, body).await;
            assert_eq!((status, fields(&problem)), (422, vec![field]));
        }
        let (status, level) = shop.put(manager, path, ahead(8, json!("2024-01-25"))).await;
        assert_eq!((status, counts(&level)), (200, (0, 0, 8)));
        assert_eq!(
            [&level["ahead"], &level["ahead_ready_on"]],
            [&json!(8), &json!("2024-01-25")]
        );
        for (token, path, status) in [
            (manager, "/api/v1/stock/NONE/ahead", 404),
            (manager, "/api/v1/stock/%00/ahead", 404),
            (&shop.li.manager, path, 404),
            (&shop.zhang.packer, path, 403),
        ] {
            assert_eq!(
                shop.put(token, path, ahead(8, json!("2024-01-25"))).await.0,
                status,
                "{path}"
            );
        }
        reserve_in(shop, &[(ft, 6)]).await.unwrap();
        assert_eq!(problem_of(reserve_in(shop, &[(ft, 3)]).await), "sold-out");
        let (status, problem) = shop.put(manager, path, ahead(5, json!("2024-01-25"))).await;
        assert_eq!((status, &problem["held"]), (409, &json!(6)), "six are promised");

        let part = receive(shop, "FT05", "L1", "2025-01-09", 3).await;
        assert_eq!(
            (counts(&part), &part["ahead"]),
            ((3, 6, 2), &json!(5)),
            "the lot covers what was sold ahead"
        );
        let rest = receive(shop, "FT05", "L1", "2025-01-09", 9).await;
        assert_eq!(counts(&rest), (12, 6, 6));
        assert_eq!(
            [&rest["ahead"], &rest["ahead_ready_on"]],
            [&json!(0), &Value::Null]
        );
    })
    .await;
}
