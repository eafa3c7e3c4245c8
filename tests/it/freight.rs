//! What parcels cost the buyer.

use serde_json::json;

use crate::app::{fields, on_both};

#[tokio::test]
async fn freight_rules_are_replaced_as_a_whole() {
    on_both(async |shop| {
        let (manager, path) = (&shop.zhang.manager, "/api/v1/freight");
        let rule = |province: &str| {
            json!({"province": province, "served": true, "first_grams": 3000, "first_fen": 800,
                   "step_grams": 1000, "step_fen": 200, "free_from_fen": null})
        };
        assert_eq!(shop.get(manager, path).await, (200, json!({"items": []})));
        let mut far = rule("54");
        far["served"] = json!(false);
        let mut home = rule("41");
        home["free_from_fen"] = json!(9900);
        let all = json!({"items": [rule("*"), home, far]});
        let epoch = shop.app.db.supply_epoch();
        assert_eq!(shop.put(manager, path, all.clone()).await, (200, all.clone()));
        assert!(shop.app.db.supply_epoch() > epoch);
        assert_eq!(shop.get(&shop.zhang.host, path).await, (200, all.clone()));
        assert_eq!(
            shop.get(&shop.li.manager, path).await,
            (200, json!({"items": []})),
            "a stranger"
        );
        assert_eq!(shop.put(&shop.zhang.packer, path, all.clone()).await.0, 403);

        let twice = json!({"items": [rule("41"), rule("41"), rule("4")]});
        let (status, problem) = shop.put(manager, path, twice).await;
        assert_eq!(
            (status, fields(&problem)),
            (422, vec!["items[1].province", "items[2].province"])
        );
        assert_eq!(shop.get(manager, path).await.1, all, "nothing was replaced");
        let less = json!({"items": [rule("44")]});
        assert_eq!(shop.put(manager, path, less.clone()).await, (200, less));
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        let row = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["before"].as_str().unwrap().contains("54"));
        assert_eq!(row.unwrap()["act"], "freight.replace");
    })
    .await;
}

#[tokio::test]
async fn freight_replaced_by_two_at_once_is_that_of_one() {
    on_both(async |shop| {
        let set = |provinces: [&str; 2], fen: i64| {
            let rule = |province| {
                json!({"province": province, "served": true, "first_grams": 1000, "first_fen": fen,
                       "step_grams": 1000, "step_fen": 0})
            };
            json!({"items": provinces.map(rule)})
        };
        let path = "/api/v1/freight";
        for _ in 0..5 {
            let (one, other) = tokio::join!(
                shop.put(&shop.zhang.manager, path, set(["11", "12"], 1)),
                shop.put(&shop.zhang.manager, path, set(["13", "14"], 2)),
            );
            assert_eq!((one.0, other.0), (200, 200));
            let (_, rules) = shop.get(&shop.zhang.manager, path).await;
            let rows = rules["items"].as_array().unwrap();
            assert!(
                rows.len() == 2 && rows[0]["first_fen"] == rows[1]["first_fen"],
                "{rules}"
            );
        }
    })
    .await;
}
