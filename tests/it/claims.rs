//! After-sales: what a buyer claims, what staff answer, and how each answer is carried out to its end.

use std::io::Cursor;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::app::{TestApp, fields, on_both};
use crate::batches::{self, opened, plan, request};
use crate::buyer::{assert_clean, path, placed, problem, read, stand, wish_by};
use crate::goods::{counts, item};

pub const CLAIMS: &str = "/api/v1/claims";
pub const DAY: Duration = Duration::from_secs(86_400);

/// A photo as a phone makes one.
pub fn photo(shade: u8) -> Vec<u8> {
    let picture = RgbImage::from_fn(900, 600, |x, y| Rgb([shade, (x % 256) as u8, (y % 256) as u8]));
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Jpeg).unwrap();
    file.into_inner()
}

/// Sends a file as a request's body.
pub async fn send_file(shop: &TestApp, token: &str, path: &str, file: Vec<u8>) -> (u16, Value) {
    let mut request = Request::post(path).header(header::CONTENT_TYPE, "image/jpeg");
    if !token.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    shop.send(request.body(Body::from(file)).unwrap()).await
}

pub async fn send_photo(shop: &TestApp, order: &Value, shade: u8) -> String {
    let (status, made) = send_file(shop, "", &path(order, "/photos"), photo(shade)).await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

pub fn claim(kind: &str, quantity: i64) -> Value {
    json!({"kind": kind, "lines": [{"sku": "FT05", "quantity": quantity}], "text": "箱子压破了", "photos": []})
}

/// Plans, packs and hands over whatever is paid; gives the codes of the parcels.
async fn send_out(shop: &TestApp) -> Vec<String> {
    plan(shop, request(true)).await;
    let mut sent = Vec::new();
    for batch in batches::all(shop).await {
        if batch["state"] != "planned" {
            continue;
        }
        batches::must(shop, &batch, "release", json!({})).await;
        let codes = batches::codes(shop, &batch).await;
        batches::must(shop, &batch, "pack", json!({"parcels": codes})).await;
        batches::must(shop, &batch, "hand-over", json!({})).await;
        sent.extend(codes);
    }
    sent
}

async fn deliver(shop: &TestApp, parcels: &[String]) {
    for parcel in parcels {
        let path = format!("/api/v1/parcels/{parcel}/delivered");
        shop.must(Method::POST, &shop.zhang.packer, &path, Value::Null)
            .await;
    }
}

/// An order of so many cases that was paid with play money and delivered.
pub async fn delivered(shop: &TestApp, cases: i64) -> Value {
    opened(shop, 60).await;
    let link = stand(shop, 20).await;
    let order = placed(shop, &link, "k1", &wish_by("practice", cases)).await;
    let step = json!({"method": "practice"});
    let step = shop
        .must(Method::POST, "", &path(&order, "/payments"), step)
        .await;
    let token = step["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let pay = format!("/api/v1/practice/{token}/pay");
    shop.must(Method::POST, "", &pay, Value::Null).await;
    let parcels = send_out(shop).await;
    deliver(shop, &parcels).await;
    assert_eq!(read(shop, &order).await["status"], "delivered");
    order
}

pub async fn open(shop: &TestApp, order: &Value, body: Value) -> Value {
    shop.must(Method::POST, "", &path(order, "/claims"), body).await
}

pub fn of(claim: &Value, more: &str) -> String {
    format!("{CLAIMS}/{}{more}", claim["id"].as_str().unwrap())
}

pub async fn decide(shop: &TestApp, claim: &Value, body: Value) -> (u16, Value) {
    shop.post(&shop.zhang.manager, &of(claim, "/decide"), body).await
}

#[tokio::test]
async fn damage_is_claimed_with_photos_and_a_part_of_the_money_goes_back() {
    on_both(async |shop| {
        let order = delivered(shop, 3).await;
        let mut body = claim("damaged", 2);
        body["photos"] = json!([
            send_photo(shop, &order, 10).await,
            send_photo(shop, &order, 20).await
        ]);
        let claim = open(shop, &order, body.clone()).await;
        assert_eq!(
            (&claim["state"], &claim["due_at"]),
            (&json!("open"), &json!("2024-01-22T02:00:00Z"))
        );
        let again = shop.post("", &path(&order, "/claims"), body).await;
        assert_eq!(
            (again.0, &again.1["id"]),
            (200, &claim["id"]),
            "the same again is the same claim"
        );
        let (status, more) = shop
            .post("", &path(&order, "/claims"), self::claim("missing", 2))
            .await;
        assert_eq!(
            (status, fields(&more)),
            (422, vec!["lines[0].quantity"]),
            "one case is left"
        );

        let too_much = json!({"decision": "refund", "amount_fen": 30_000, "words": "退给您"});
        let (status, answer) = decide(shop, &claim, too_much).await;
        assert_eq!((status, fields(&answer)), (422, vec!["amount_fen"]));
        let part = json!({"decision": "refund", "amount_fen": 5_000, "words": "退您一半"});
        let (status, answer) = decide(shop, &claim, part.clone()).await;
        assert_eq!(
            (status, &answer["claim"]["state"]),
            (200, &json!("done")),
            "{answer}"
        );
        let (status, answer) = decide(shop, &claim, part).await;
        assert_eq!((status, problem(&answer)), (409, "claim-decided"));
        let seen = read(shop, &order).await;
        assert_eq!(seen["refunds"][0]["amount_fen"], 5_000);
        assert_eq!(seen["claims"][0]["words"], "退您一半");
        assert_eq!(seen["claims"][0]["photos"].as_array().unwrap().len(), 2);
        let (_, report) = shop.get(&shop.zhang.accountant, "/api/v1/reports/claims").await;
        assert_eq!(
            (&report["claims"], &report["in_time"], &report["rate_permille"]),
            (&json!(1), &json!(1), &json!(1_000))
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_sent_once_more_and_delivered() {
    on_both(async |shop| {
        let order = delivered(shop, 3).await;
        let before = counts(&item(shop, "FT05").await);
        let claim = open(shop, &order, claim("missing", 2)).await;
        let answer = json!({"decision": "resend", "words": "补发给您"});
        let (status, answer) = decide(shop, &claim, answer).await;
        assert_eq!(
            (status, &answer["claim"]["state"]),
            (200, &json!("resending")),
            "{answer}"
        );
        assert_eq!(
            counts(&item(shop, "FT05").await),
            (before.0, 2, before.0 - 2),
            "held for it"
        );
        assert_clean(shop).await;
        let parcels = send_out(shop).await;
        let seen = read(shop, &order).await;
        assert_eq!(seen["claims"][0]["state"], "done");
        assert_eq!(
            counts(&item(shop, "FT05").await),
            (before.0 - 2, 0, before.0 - 2),
            "the stock has moved"
        );
        let resend = read(shop, &seen["claims"][0]["resend"]).await;
        assert_eq!(
            (&resend["status"], &resend["total_fen"]),
            (&json!("shipped"), &json!(0))
        );
        deliver(shop, &parcels).await;
        assert_eq!(read(shop, &resend).await["status"], "delivered");
        assert_eq!(
            read(shop, &order).await["status"],
            "delivered",
            "the first order is as it was"
        );
        let (status, undo) = shop
            .post(&shop.zhang.manager, &of(&claim, "/undo"), Value::Null)
            .await;
        assert_eq!((status, problem(&undo)), (409, "claim-state"), "it has left");
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn answers_are_taken_back_while_that_is_possible() {
    on_both(async |shop| {
        let order = delivered(shop, 2).await;
        let claim = open(shop, &order, claim("wrong", 2)).await;
        let manager = &shop.zhang.manager;
        for (answer, state) in [
            (
                json!({"decision": "decline", "words": "照片看不出问题"}),
                "declined",
            ),
            (json!({"decision": "resend", "words": "补发给您"}), "resending"),
            (
                json!({"decision": "return_first", "words": "请寄回张村"}),
                "returning",
            ),
        ] {
            let (status, answer) = decide(shop, &claim, answer).await;
            assert_eq!((status, &answer["claim"]["state"]), (200, &json!(state)));
            let back = shop
                .must(Method::POST, manager, &of(&claim, "/undo"), Value::Null)
                .await;
            assert_eq!(back["claim"]["state"], "open");
            assert_clean(shop).await;
        }
        assert_eq!(counts(&item(shop, "FT05").await).1, 0, "nothing is held any more");
        let withdraw = format!("/claims/{}/withdraw", claim["id"].as_str().unwrap());
        for _ in 0..2 {
            let seen = shop
                .must(Method::POST, "", &path(&order, &withdraw), Value::Null)
                .await;
            assert_eq!(seen["state"], "withdrawn");
        }
        let (status, answer) = decide(shop, &claim, json!({"decision": "decline", "words": "不行"})).await;
        assert_eq!((status, problem(&answer)), (409, "claim-decided"));
        assert_eq!(
            open(shop, &order, self::claim("wrong", 2)).await["state"],
            "open",
            "asked for anew"
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn goods_are_returned_before_the_money_goes_back() {
    on_both(async |shop| {
        let order = delivered(shop, 2).await;
        let (status, fresh) = shop.post("", &path(&order, "/claims"), claim("return", 1)).await;
        assert_eq!(
            (status, fields(&fresh)),
            (422, vec!["lines[0].sku"]),
            "fresh goods stay"
        );
        let claim = open(shop, &order, claim("damaged", 1)).await;
        let manager = &shop.zhang.manager;
        let early = shop.post(manager, &of(&claim, "/goods-back"), Value::Null).await;
        assert_eq!(early.0, 409);
        decide(
            shop,
            &claim,
            json!({"decision": "return_first", "words": "请寄回张村 1 号"}),
        )
        .await;
        let seen = read(shop, &order).await;
        assert_eq!(seen["claims"][0]["return_words"], "请寄回张村 1 号");
        shop.app.clock.advance(3 * DAY);
        let back = shop
            .must(Method::POST, manager, &of(&claim, "/goods-back"), Value::Null)
            .await;
        assert_eq!(
            (&back["claim"]["state"], &back["claim"]["due_at"]),
            (&json!("goods_back"), &json!("2024-01-30T02:00:00Z"))
        );
        let money = json!({"decision": "refund", "amount_fen": 6_800, "words": "货已收到"});
        let (status, done) = decide(shop, &claim, money).await;
        assert_eq!((status, &done["claim"]["state"]), (200, &json!("done")));
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn only_what_was_sent_can_be_claimed_and_only_in_time() {
    on_both(async |shop| {
        opened(shop, 60).await;
        let link = stand(shop, 20).await;
        let order = placed(shop, &link, "k1", &wish_by("cod", 1)).await;
        let (status, early) = shop.post("", &path(&order, "/claims"), claim("missing", 1)).await;
        assert_eq!((status, problem(&early)), (409, "not-sent"));
        let (status, early) = send_file(shop, "", &path(&order, "/photos"), photo(1)).await;
        assert_eq!((status, problem(&early)), (409, "not-sent"));
        let parcels = send_out(shop).await;
        deliver(shop, &parcels).await;
        let wrong = json!({"kind": "damaged", "lines": [], "text": "", "photos": []});
        let (status, answer) = shop.post("", &path(&order, "/claims"), wrong).await;
        assert_eq!((status, fields(&answer)), (422, vec!["text", "lines"]));
        shop.app.clock.advance(16 * DAY);
        let (status, late) = shop.post("", &path(&order, "/claims"), claim("missing", 1)).await;
        assert_eq!((status, problem(&late)), (409, "claim-too-late"));
        assert_eq!(
            shop.post("", "/api/v1/orders/1/claims", claim("missing", 1))
                .await
                .0,
            404
        );
    })
    .await;
}

#[tokio::test]
async fn two_answers_at_once_are_one() {
    on_both(async |shop| {
        let order = delivered(shop, 2).await;
        let claim = open(shop, &order, claim("damaged", 2)).await;
        let refund = json!({"decision": "refund", "amount_fen": 6_000, "words": "退给您"});
        let resend = json!({"decision": "resend", "words": "补发给您"});
        let (one, two, three) = tokio::join!(
            decide(shop, &claim, refund.clone()),
            decide(shop, &claim, resend),
            decide(shop, &claim, refund)
        );
        let mut statuses = [one.0, two.0, three.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409]);
        let withdraw = format!("/claims/{}/withdraw", claim["id"].as_str().unwrap());
        let (status, late) = shop.post("", &path(&order, &withdraw), Value::Null).await;
        assert_eq!((status, problem(&late)), (409, "claim-decided"));
        assert_clean(shop).await;
    })
    .await;
}
