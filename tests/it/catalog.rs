//! Products and skus.

use std::time::Duration;

use axum::http::Method;
use cunji::catalog::store::skus_for_offer;
use cunji::transact;
use serde_json::{Value, json};

use crate::app::{fields, on_both};
use crate::goods::{PRODUCTS, RECEIPTS, add_sku, counts, item, product, receipt, receive, sku};

#[tokio::test]
async fn a_product_lives_in_its_village_alone() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let body = json!({"name": " 蜜薯 ", "slug": "mishu", "legal_kind": "fresh", "description": "窖藏"});
        let (status, made) = shop.post(manager, PRODUCTS, body.clone()).await;
        assert_eq!(status, 201);
        assert_eq!(made["name"], "蜜薯");
        assert_eq!(
            [&made["label"], &made["missing_label_fields"], &made["skus"]],
            [&json!({}), &json!([]), &json!([])]
        );
        let (status, problem) = shop.post(manager, PRODUCTS, body.clone()).await;
        assert_eq!((status, fields(&problem)), (422, vec!["slug"]), "taken");
        let li = &shop.li.manager;
        assert_eq!(
            shop.post(li, PRODUCTS, body.clone()).await.0,
            201,
            "slugs are a village's own"
        );
        assert_eq!(shop.post(&shop.zhang.packer, PRODUCTS, body).await.0, 403);

        let path = format!("{PRODUCTS}/{}", made["id"].as_str().unwrap());
        let off = json!({"active": false});
        assert_eq!(shop.patch(li, &path, off.clone()).await.0, 404, "a stranger");
        assert_eq!(
            shop.patch(manager, &format!("{PRODUCTS}/mishu"), off.clone())
                .await
                .0,
            404
        );
        let epoch = shop.app.db.supply_epoch();
        let (status, changed) = shop.patch(manager, &path, off).await;
        assert_eq!(
            (status, &changed["active"], &changed["name"]),
            (200, &json!(false), &json!("蜜薯"))
        );
        assert!(shop.app.db.supply_epoch() > epoch, "links must hear of it");
        let slug = json!({"slug": "no slug"});
        assert_eq!(fields(&shop.patch(manager, &path, slug).await.1), ["slug"]);

        for reader in [
            &shop.zhang.packer,
            &shop.zhang.accountant,
            &shop.zhang.host,
            &shop.zhang.overseer,
        ] {
            let (status, list) = shop.get(reader, PRODUCTS).await;
            assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 1));
        }
        let (_, log) = shop.get(manager, "/api/v1/operations").await;
        let acts: Vec<_> = log["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| &row["act"])
            .collect();
        assert_eq!(acts.len(), 2, "{log}");
        assert!(acts.contains(&&json!("product.create")) && acts.contains(&&json!("product.change")));
    })
    .await;
}

#[tokio::test]
async fn products_come_in_pages() {
    on_both(async |shop| {
        for n in 0..5 {
            product(shop, &format!("p{n}")).await;
            shop.app.clock.advance(Duration::from_millis(5));
        }
        let (mut path, mut slugs) = (format!("{PRODUCTS}?limit=2"), vec![]);
        loop {
            let (_, page) = shop.get(&shop.zhang.host, &path).await;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 2);
            slugs.extend(items.iter().map(|item| item["slug"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => path = format!("{PRODUCTS}?limit=2&after={next}"),
                None => break,
            }
        }
        assert_eq!(slugs, ["p0", "p1", "p2", "p3", "p4"]);
        for wrong in ["limit=0", "limit=201", "after=x", "order=name"] {
            let (status, problem) = shop.get(&shop.zhang.host, &format!("{PRODUCTS}?{wrong}")).await;
            assert_eq!(
                (status, fields(&problem)),
                (422, vec![wrong.split('=').next().unwrap()])
            );
        }
    })
    .await;
}

#[tokio::test]
async fn packed_food_says_what_its_label_lacks() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let label = json!({"ingredients": "红薯淀粉、水", "net_content": "2.5kg", "producer": "张村合作社",
            "producer_address": "石佛寺镇张村", "storage": "阴凉干燥处"});
        let body = json!({"name": "粉条", "slug": "fentiao", "legal_kind": "prepacked", "label": label});
        let made = shop.must(Method::POST, manager, PRODUCTS, body).await;
        assert_eq!(made["missing_label_fields"], json!(["sc_licence", "standard_no"]));
        let id = made["id"].as_str().unwrap();
        add_sku(shop, id, sku("FT05")).await;
        let missing = || async {
            let codes = ["FT05".to_owned(), "NONE".to_owned()];
            let offers = transact!(shop.app.db, tx => skus_for_offer(tx, shop.zhang.id, &codes).await);
            let [offer] = <[_; 1]>::try_from(offers.unwrap()).ok().unwrap();
            assert_eq!(
                (offer.code.as_str(), offer.price_fen.0, offer.active),
                ("FT05", 6800, true)
            );
            offer.missing_label_fields.len()
        };
        assert_eq!(missing().await, 2);

        let path = format!("{PRODUCTS}/{id}");
        let change = |label: Value| json!({"label": label});
        let (status, problem) = shop
            .patch(manager, &path, change(json!({"sc_licence": "SC1"})))
            .await;
        assert_eq!((status, fields(&problem)), (422, vec!["label.sc_licence"]));
        let (status, _) = shop.patch(manager, &path, change(json!({"colour": "red"}))).await;
        assert_eq!(status, 422);
        let rest = json!({"sc_licence": "SC12341042100123", "standard_no": "GB/T 23587"});
        let (_, whole) = shop.patch(manager, &path, change(rest)).await;
        assert_eq!(whole["missing_label_fields"], json!([]));
        assert_eq!(whole["label"]["producer"], "张村合作社", "the rest stays");
        assert_eq!(missing().await, 0);
        let (_, less) = shop.patch(manager, &path, change(json!({"storage": ""}))).await;
        assert_eq!(less["missing_label_fields"], json!(["storage"]));
        let (_, workshop) = shop
            .patch(manager, &path, json!({"legal_kind": "workshop"}))
            .await;
        assert_eq!(
            workshop["missing_label_fields"],
            json!(["storage", "workshop_registration"])
        );
    })
    .await;
}

#[tokio::test]
async fn a_sku_is_added_and_changed() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let path = format!("{PRODUCTS}/{}/skus", product(shop, "fentiao").await);
        let (status, made) = shop.post(manager, &path, sku("FT05")).await;
        assert_eq!(status, 201);
        assert_eq!(
            (&made["sku"], &made["min_days_left"], &made["components"]),
            (&json!("FT05"), &json!(90), &json!([]))
        );
        let (status, problem) = shop.post(manager, &path, sku("FT05")).await;
        assert_eq!((status, fields(&problem)), (422, vec!["sku"]), "taken");
        let wrong = json!({"sku": "F T", "title": "", "spec": "x", "price_fen": -1, "gross_weight_grams": 0,
                           "shelf_life_days": 30, "min_days_left": 30});
        let (_, problem) = shop.post(manager, &path, wrong).await;
        assert_eq!(
            fields(&problem),
            ["sku", "title", "price_fen", "gross_weight_grams", "min_days_left"]
        );
        assert_eq!(
            shop.post(&shop.li.manager, &path, sku("X1")).await.0,
            404,
            "a stranger"
        );

        let change = json!({"price_fen": 7200, "title": "红薯粉条", "active": false});
        let (status, changed) = shop.patch(manager, &format!("{path}/FT05"), change.clone()).await;
        assert_eq!(status, 200);
        assert_eq!(
            (&changed["price_fen"], &changed["title"], &changed["spec"]),
            (&json!(7200), &json!("红薯粉条"), &made["spec"])
        );
        for (token, path) in [
            (manager, format!("{path}/FT06")),
            (manager, format!("{path}/%00")),
            (&shop.li.manager, format!("{path}/FT05")),
        ] {
            assert_eq!(shop.patch(token, &path, change.clone()).await.0, 404, "{path}");
        }
        let unknown = json!({"sku": "FT07"});
        assert_eq!(
            shop.patch(manager, &format!("{path}/FT05"), unknown).await.0,
            422,
            "codes stay"
        );
        let codes = ["FT05".to_owned()];
        let offers = transact!(shop.app.db, tx => skus_for_offer(tx, shop.zhang.id, &codes).await).unwrap();
        assert!(!offers[0].active);
        let others = transact!(shop.app.db, tx => skus_for_offer(tx, shop.li.id, &codes).await).unwrap();
        assert!(others.is_empty(), "a stranger's sku is no offer");
    })
    .await;
}

#[tokio::test]
async fn a_gift_box_is_made_of_stock() {
    on_both(async |shop| {
        let manager = &shop.zhang.manager;
        let id = product(shop, "lihe").await;
        let path = format!("{PRODUCTS}/{id}/skus");
        for code in ["FT05", "MS10"] {
            add_sku(shop, &id, sku(code)).await;
        }
        let gift = |code: &str, parts: Value| {
            let mut body = sku(code);
            body["components"] = parts;
            body
        };
        let part = |sku: &str, quantity: i64| json!({"sku": sku, "quantity": quantity});
        let made = shop
            .must(
                Method::POST,
                manager,
                &path,
                gift("BOX", json!([part("FT05", 2), part(" MS10", 1)])),
            )
            .await;
        assert_eq!(made["components"], json!([part("FT05", 2), part("MS10", 1)]));
        for (parts, field) in [
            (json!([]), "components"),
            (json!([part("FT05", 1), part("NONE", 1)]), "components[1].sku"),
            (json!([part("BOX", 1)]), "components[0].sku"),
            (json!([part("FT05", 0)]), "components[0].quantity"),
            (json!([part("FT05", 1), part("FT05", 1)]), "components[1].sku"),
        ] {
            let (status, problem) = shop.post(manager, &path, gift("BOX2", parts)).await;
            assert_eq!((status, fields(&problem)), (422, vec![field]));
        }
        let (status, problem) = shop
            .post(manager, RECEIPTS, receipt("BOX", "L1", "2025-01-09", 1))
            .await;
        assert_eq!(
            (status, fields(&problem)),
            (422, vec!["sku"]),
            "its parts are received"
        );
        assert_eq!(counts(&item(shop, "BOX").await), (0, 0, 0));
        receive(shop, "FT05", "L1", "2025-01-09", 7).await;
        receive(shop, "MS10", "L1", "2025-01-09", 5).await;
        assert_eq!(item(shop, "BOX").await["available"], 3);
        assert_eq!(item(shop, "BOX").await["lots"], json!([]));
    })
    .await;
}
