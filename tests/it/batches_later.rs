//! Batches while the world goes on: refunds, races, other days, waybills.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::on_both;
use crate::batches::{act, all, codes, details, must, one_planned, outcomes, pay, plan, request};
use crate::buyer::{assert_clean, path, placed, problem, read, wish_by};

#[tokio::test]
async fn a_plan_follows_what_changes_but_leaves_kept_work_alone() {
    on_both(async |shop| {
        let (order, batch) = one_planned(shop, 2).await;
        let code = codes(shop, &batch).await;
        must(
            shop,
            &batch,
            "hold",
            json!({"parcels": code, "reason": "等买家回话"}),
        )
        .await;
        let held = details(shop, &batch).await;
        assert_eq!(held["parcels"][0]["holds"], json!(["by_staff"]));
        let kept = plan(shop, request(true)).await;
        assert_eq!(kept["days"], json!([]), "a held parcel is not planned anew");
        assert_eq!(kept["kept"][0]["cases"], 2);
        must(shop, &batch, "unhold", json!({"parcels": code})).await;
        let back = plan(shop, request(true)).await;
        assert_eq!(
            (&back["days"][0]["cases"], &back["diff"]["new"]),
            (&json!(2), &json!([]))
        );

        shop.must(Method::POST, "", &path(&order, "/cancel"), json!({}))
            .await;
        let gone = plan(shop, request(true)).await;
        assert_eq!(
            (&gone["days"], gone["diff"]["gone"][0]["parcel"].as_str().unwrap()),
            (&json!([]), code[0].as_str())
        );
        assert_eq!(all(shop).await, [] as [Value; 0]);
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_was_asked_for_holds_the_parcel() {
    on_both(async |shop| {
        let (order, batch) = one_planned(shop, 2).await;
        let codes = codes(shop, &batch).await;
        must(shop, &batch, "release", json!({})).await;
        must(shop, &batch, "pack", json!({"parcels": codes})).await;
        let village = shop.zhang.id;
        let refund = shop.app.ids.uuid(shop.app.clock.now());
        cunji::transact!(shop.app.db, tx => {
            cunji::on!(tx, ex => sqlx::query(
                "INSERT INTO refund (village_id, id, order_id, payment_id, amount_fen, state, reason, created_at)
                 SELECT village_id, $2, order_id, id, 100, 'asked', '少了', created_at
                 FROM payment WHERE village_id = $1 AND state = 'paid'")
                .bind(village).bind(refund).execute(ex).await.map(|_| ()))?;
            Ok(())
        })
        .unwrap();
        let (status, answer) = act(shop, &batch, "hand-over", json!({})).await;
        assert_eq!((status, problem(&answer)), (409, "nothing-packed"), "{answer}");
        assert_eq!(details(shop, &batch).await["parcels"][0]["holds"], json!(["refund_open"]));
        cunji::transact!(shop.app.db, tx => {
            cunji::on!(tx, ex => sqlx::query("UPDATE refund SET state = 'refused' WHERE village_id = $1 AND id = $2")
                .bind(village).bind(refund).execute(ex).await.map(|_| ()))?;
            Ok(())
        })
        .unwrap();
        must(shop, &batch, "hand-over", json!({})).await;
        assert_eq!(read(shop, &order).await["status"], "shipped");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn two_tabs_pack_a_parcel_once_and_a_cancel_meets_one_of_them() {
    on_both(async |shop| {
        let (order, batch) = one_planned(shop, 2).await;
        let codes = codes(shop, &batch).await;
        must(shop, &batch, "release", json!({})).await;
        let pack = || act(shop, &batch, "pack", json!({"parcels": codes}));
        let (one, two) = tokio::join!(pack(), pack());
        let mut seen = [outcomes(&one.1)[0], outcomes(&two.1)[0]];
        seen.sort_unstable();
        assert_eq!((one.0, two.0, seen), (200, 200, ["already_done", "done"]));
        assert_eq!(details(shop, &batch).await["packed_cases"], 2);
        must(shop, &batch, "unpack", json!({"parcels": codes})).await;
        let cancelling = path(&order, "/cancel");
        let (packed, cancelled) = tokio::join!(pack(), shop.post("", &cancelling, json!({})));
        match (outcomes(&packed.1)[0], cancelled.0) {
            ("done", 409) => assert_eq!(read(shop, &order).await["status"], "packed"),
            ("held", 200) => assert_eq!(read(shop, &order).await["status"], "refunded"),
            other => panic!("{other:?}"),
        }
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn parcels_move_to_another_day_as_far_as_there_is_room() {
    on_both(async |shop| {
        let (_, batch) = one_planned(shop, 9).await;
        let codes = codes(shop, &batch).await;
        must(shop, &batch, "release", json!({})).await;
        must(shop, &batch, "pack", json!({"parcels": codes})).await;
        let to = |day: &str, carrier: &str| json!({"parcels": codes, "ship_on": day, "carrier": carrier});
        let (status, answer) = act(shop, &batch, "split", to("2024-01-22", "nobody")).await;
        assert_eq!((status, problem(&answer)), (422, "invalid"));
        let stopped = must(shop, &batch, "split", to("2024-02-10", "zto")).await;
        assert_eq!(outcomes(&stopped), ["not_served"], "{stopped}");
        let capacity = json!({"cases_per_day": 60, "days": {"2024-01-23": 8}});
        shop.must(Method::PUT, &shop.zhang.manager, "/api/v1/capacity", capacity)
            .await;
        let (status, answer) = act(shop, &batch, "split", to("2024-01-23", "sf")).await;
        assert_eq!(
            (status, problem(&answer), &answer["left"]),
            (409, "day-full", &json!(8)),
            "{answer}"
        );
        let moved = must(shop, &batch, "split", to("2024-01-22", "sf")).await;
        assert_eq!(
            (outcomes(&moved), &moved["rest"]),
            (vec!["done"], &json!("B0003")),
            "{moved}"
        );
        let batches = all(shop).await;
        assert_eq!(batches.len(), 1, "the empty one is gone");
        assert_eq!(
            [&batches[0]["ship_on"], &batches[0]["state"]],
            ["2024-01-22", "packed"]
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn waybills_are_one_to_one_and_remember() {
    on_both(async |shop| {
        let (_, batch) = one_planned(shop, 1).await;
        let link = crate::buyer::link(shop, &shop.zhang.manager, json!({})).await;
        let other = placed(shop, &link, "k2", &wish_by("practice", 1)).await;
        pay(shop, &other).await;
        plan(shop, request(true)).await;
        let codes = codes(shop, &batch).await;
        let item = |parcel: &str, waybill: &str| json!({"parcel": parcel, "waybill": waybill});
        let both =
            json!({"items": [item(&codes[0], "zto0000001"), item(&codes[1], "ZTO0000001"), item("P0", "x")]});
        let given = must(shop, &batch, "waybills", both.clone()).await;
        let seen: Vec<_> = outcomes(&given);
        assert_eq!(seen, ["unknown", "done", "bad_number"], "{given}");
        let again = must(shop, &batch, "waybills", both).await;
        assert_eq!(outcomes(&again), ["unknown", "already_done", "bad_number"]);
        let kept = plan(shop, request(true)).await;
        assert_eq!(
            kept["days"][0]["cases"], 1,
            "a parcel with a waybill stays where it is"
        );
        let path = format!("/api/v1/parcels/{}/waybill", codes[0]);
        let packer = &shop.zhang.packer;
        let new = json!({"waybill": "ZTO0000002", "reason": "打印坏了"});
        let replaced = shop.must(Method::POST, packer, &path, new).await;
        let numbers: Vec<_> = replaced["waybills"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["number"].as_str().unwrap())
            .collect();
        assert_eq!(
            (replaced["waybill"].as_str().unwrap(), numbers),
            ("ZTO0000002", vec!["ZTO0000002", "ZTO0000001"])
        );
        let free = json!({"items": [item(&codes[1], "ZTO0000001")]});
        assert_eq!(
            outcomes(&must(shop, &batch, "waybills", free).await),
            ["done"],
            "the old number is free"
        );
        let taken = json!({"waybill": "ZTO0000001", "reason": "换一个"});
        let (status, answer) = shop.post(packer, &path, taken).await;
        assert_eq!((status, problem(&answer)), (409, "waybill-taken"));
        let void = shop
            .must(Method::POST, packer, &path, json!({"reason": "作废重打"}))
            .await;
        assert_eq!(void["waybill"], Value::Null);
        let (status, answer) = shop.post(packer, &path, json!({"reason": "作废重打"})).await;
        assert_eq!((status, problem(&answer)), (409, "no-waybill"));
        assert_clean(shop).await;
    })
    .await;
}
