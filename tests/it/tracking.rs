//! Parcels are followed at Kuaidi100, over the network: subscribed, pushed, asked for, and given up with an alarm.

use std::time::Duration;

use axum::http::Method;
use cunji::id::Ids;
use cunji::jobs;
use cunji::state::App;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::{TestApp, on_both};
use crate::batches::{all, codes, must, opened, pay, plan, request};
use crate::buyer::{assert_clean, placed, read, stand, wish_by};
use crate::kuaidi100::account;
use crate::kuaidi100_fake::{Fake, Parcel};
use crate::partner::Partner;

const TRACKING: &str = "/api/v1/tracking";

/// The shop with an account at our Kuaidi100, which can reach it.
struct Followed<'a> {
    shop: &'a TestApp,
    app: App,
    fake: Fake,
    orders: Vec<Value>,
    codes: Vec<String>,
    server: JoinHandle<()>,
}

impl Drop for Followed<'_> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn number(at: usize) -> String {
    format!("78{:012}", 5_000_000 + at * 11)
}

impl Followed<'_> {
    /// So many parcels to Shenzhen, handed over on 20 January.
    async fn of(shop: &TestApp, parcels: usize) -> Followed<'_> {
        opened(shop, 60).await;
        let link = stand(shop, 100).await;
        let mut orders = Vec::new();
        for at in 0..parcels {
            let mut wish = wish_by("practice", 1);
            wish["recipient"]["street"] = json!(format!("科技园路 {at} 号"));
            wish["recipient"]["phone"] = json!(format!("138001380{at:02}"));
            let order = placed(shop, &link, &format!("k{at}"), &wish).await;
            pay(shop, &order).await;
            orders.push(order);
        }
        plan(shop, request(true)).await;
        let batch = all(shop).await[0].clone();
        let codes = codes(shop, &batch).await;
        assert_eq!((codes.len(), &batch["carrier"]), (parcels, &json!("zto")));
        must(shop, &batch, "release", json!({})).await;
        let items: Vec<Value> = codes
            .iter()
            .enumerate()
            .map(|(at, code)| json!({"parcel": code, "waybill": number(at)}))
            .collect();
        must(shop, &batch, "waybills", json!({"items": items})).await;
        must(shop, &batch, "pack", json!({"parcels": codes})).await;
        must(shop, &batch, "hand-over", json!({})).await;

        let fake = Fake::default();
        let (base, _) = fake.start("127.0.0.1:0").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = (*shop.app.config).clone();
        config.kuaidi100 = Some(account(&base));
        config.public_url = Some(format!("http://{}", listener.local_addr().unwrap()));
        let app = App::build(config, shop.app.db.clone(), Ids::seeded(9)).unwrap();
        let service = app.service();
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, service).await;
        });
        Followed {
            shop,
            app,
            fake,
            orders,
            codes,
            server,
        }
    }

    async fn run(&self) -> String {
        jobs::run_now(&self.app, "track-parcels").await.unwrap()
    }

    fn wait(&self, hours: u64) {
        self.app.clock.advance(Duration::from_secs(hours * 3_600));
    }

    fn told(&self, at: usize, state: &str, messages: &[(&str, &str, &str)]) {
        let message = |(time, code, text): &(&str, &str, &str)| json!({"time": time, "ftime": time, "context": text, "statusCode": code});
        self.fake.knows(Parcel {
            company: "zhongtong".to_owned(),
            number: number(at),
            phone: String::new(),
            state: state.to_owned(),
            data: messages.iter().rev().map(message).collect(),
        });
    }

    async fn rows(&self, query: &str) -> Vec<Value> {
        let path = format!("{TRACKING}{query}");
        let list = self
            .shop
            .must(Method::GET, &self.shop.zhang.packer, &path, Value::Null)
            .await;
        list["items"].as_array().unwrap().clone()
    }

    /// The parcel of the order with this waybill, as its buyer sees it.
    async fn parcel(&self, at: usize) -> (Value, Value) {
        for order in &self.orders {
            let seen = read(self.shop, order).await;
            if seen["parcels"][0]["waybill"] == json!(number(at)) {
                return (seen["status"].clone(), seen["parcels"][0].clone());
            }
        }
        panic!("no order has {}", number(at));
    }
}

const COLLECTED: (&str, &str, &str) = ("2024-01-20 18:00:00", "103", "【平顶山】已揽收");
const ARRIVED: (&str, &str, &str) = ("2024-01-21 23:00:00", "1002", "【郑州】已到达");
const SIGNED: (&str, &str, &str) = ("2024-01-22 15:00:00", "301", "已签收");

#[tokio::test]
async fn a_parcel_is_followed_to_the_door() {
    on_both(async |shop| {
        let followed = Followed::of(shop, 2).await;
        assert_eq!(followed.run().await, "2 begun, 2 subscribed, 0 asked, 0 failed");
        assert_eq!(
            followed.run().await,
            "0 begun, 0 subscribed, 0 asked, 0 failed",
            "pushes do the rest"
        );
        let subscribed = followed.fake.subscribed();
        assert!(
            subscribed
                .iter()
                .all(|it| it.company == "zhongtong" && it.callback.ends_with("?village=zhang"))
        );
        assert!(
            subscribed.iter().all(|it| it.phone.starts_with("138001380")),
            "zto tells nothing without it"
        );

        followed.told(0, "0", &[COLLECTED, ARRIVED]);
        for _ in 0..2 {
            let answer = followed.fake.push(&number(0), "polling", "").await.unwrap();
            assert_eq!(
                answer,
                (
                    200,
                    json!({"result": true, "returnCode": "200", "message": "成功"})
                )
            );
        }
        let (status, parcel) = followed.parcel(0).await;
        assert_eq!(
            (&status, parcel["events"].as_array().unwrap().len()),
            (&json!("shipped"), 2),
            "told twice, kept once"
        );

        // the push of the second one is lost: asked for after six hours
        followed.told(1, "0", &[COLLECTED]);
        followed.wait(7);
        followed.told(0, "0", &[COLLECTED, ARRIVED]);
        assert_eq!(followed.run().await, "0 begun, 0 subscribed, 2 asked, 0 failed");
        followed.wait(72);
        followed.told(0, "3", &[COLLECTED, ARRIVED, SIGNED]);
        followed.told(1, "3", &[COLLECTED, SIGNED]);
        assert_eq!(
            followed.fake.push(&number(0), "shutdown", "").await.unwrap().0,
            200
        );
        assert_eq!(followed.run().await, "0 begun, 0 subscribed, 1 asked, 0 failed");
        for at in [0, 1] {
            let (status, parcel) = followed.parcel(at).await;
            assert_eq!(
                (status, &parcel["status"]),
                (json!("delivered"), &json!("delivered")),
                "{parcel}"
            );
        }
        assert_eq!(followed.rows("").await, [Value::Null; 0], "nothing is on its way");
        followed.wait(72);
        assert_eq!(followed.run().await, "0 begun, 0 subscribed, 0 asked, 0 failed");
        assert_eq!(
            followed.fake.push(&number(0), "polling", "").await.unwrap().0,
            200,
            "late and harmless"
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_or_goes_wrong_raises_an_alarm() {
    on_both(async |shop| {
        let partner = Partner::open(&[]).await;
        partner.subscribe(shop).await;
        let followed = Followed::of(shop, 2).await;
        followed.run().await;
        for _ in 0..2 {
            followed
                .fake
                .push(&number(0), "abort", "3天查询无记录")
                .await
                .unwrap();
        }
        followed.told(
            1,
            "2",
            &[COLLECTED, ("2024-01-21 10:00:00", "206", "电话无人接听")],
        );
        followed.fake.push(&number(1), "polling", "").await.unwrap();
        let alarms = followed.rows("?alarm=true").await;
        let mut words: Vec<&str> = alarms.iter().map(|row| row["alarm"].as_str().unwrap()).collect();
        words.sort_unstable();
        assert_eq!(words, ["3天查询无记录", "电话无人接听"]);
        let told = shop.get(&shop.zhang.manager, "/api/v1/outbox?limit=200").await.1;
        let told: Vec<_> = told["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["topic"] == "parcel.alarm")
            .collect();
        assert_eq!(told.len(), 2, "each once");
        followed.wait(240);
        let asked = followed.run().await;
        assert_eq!(
            asked, "0 begun, 0 subscribed, 1 asked, 0 failed",
            "only the other one is still followed"
        );

        let given_up = alarms
            .iter()
            .find(|row| row["waybill"] == json!(number(0)))
            .unwrap();
        assert_eq!(given_up["next_at"], Value::Null);
        let seen = format!("{TRACKING}/{}/seen", given_up["parcel"].as_str().unwrap());
        assert_eq!(shop.post(&shop.li.manager, &seen, json!({})).await.0, 404);
        assert_eq!(shop.post(&shop.zhang.packer, &seen, json!({})).await.0, 204);
        assert_eq!(followed.rows("?alarm=true").await.len(), 1);
        assert_eq!(
            followed.run().await,
            "0 begun, 1 subscribed, 0 asked, 0 failed",
            "somebody looked: it goes on"
        );
        assert_clean(shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_again_later() {
    on_both(async |shop| {
        let followed = Followed::of(shop, 3).await;
        followed.fake.fails(&[500]);
        assert_eq!(
            followed.run().await,
            "3 begun, 0 subscribed, 0 asked, 1 failed",
            "the first failure ends the run"
        );
        let rows = followed.rows("").await;
        let failed: Vec<_> = rows.iter().filter(|row| row["failures"] == 1).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0]["last_error"], "Kuaidi100 can't be reached: HTTP 500");
        assert_eq!(
            followed.run().await,
            "0 begun, 2 subscribed, 0 asked, 0 failed",
            "the others do not wait"
        );
        followed.wait(1);
        assert_eq!(followed.run().await, "0 begun, 1 subscribed, 0 asked, 0 failed");
        assert!(
            followed
                .rows("")
                .await
                .iter()
                .all(|row| row["failures"] == 0 && row["last_error"].is_null())
        );
    })
    .await;
}

#[tokio::test]
async fn a_push_needs_the_salt() {
    on_both(async |shop| {
        let followed = Followed::of(shop, 1).await;
        followed.run().await;
        followed.told(0, "3", &[COLLECTED, SIGNED]);
        let (callback, form) = followed.fake.push_form(&number(0), "shutdown", "").unwrap();
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        let push = async |body: String| {
            let sent = client
                .post(&callback)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body)
                .send();
            sent.await.unwrap().status().as_u16()
        };
        for wrong in [
            form.replace("sign=", "sign=0"),
            form.replace("%22shutdown%22", "%22polling%22"),
            String::new(),
        ] {
            assert_eq!(push(wrong).await, 400);
        }
        assert_eq!(followed.parcel(0).await.0, "shipped");
        let (status, _) = shop.post("", "/webhooks/kuaidi100", json!({})).await;
        assert_eq!(status, 404, "a shop without an account takes no pushes");
        assert_eq!(push(form).await, 200);
        assert_eq!(followed.parcel(0).await.0, "delivered");
    })
    .await;
}

#[tokio::test]
async fn days_on_the_way_are_learned() {
    on_both(async |shop| {
        let followed = Followed::of(shop, 21).await;
        followed.run().await;
        followed.wait(24 * 9);
        for at in 0..21 {
            // two days for most, six for three of them
            let signed = if at < 18 {
                SIGNED
            } else {
                ("2024-01-26 09:00:00", "301", "已签收")
            };
            followed.told(at, "3", &[COLLECTED, signed]);
            if at == 19 {
                assert_eq!(
                    jobs::run_now(&followed.app, "learn-transit").await.unwrap(),
                    "0 learned",
                    "too few yet"
                );
            }
            followed.fake.push(&number(at), "shutdown", "").await.unwrap();
        }
        assert_eq!(
            jobs::run_now(&followed.app, "learn-transit").await.unwrap(),
            "1 learned"
        );
        let learned = shop.get(&shop.zhang.manager, "/api/v1/transit/learned").await.1;
        let [row] = &learned["items"].as_array().unwrap()[..] else {
            panic!("{learned}")
        };
        assert_eq!(
            [&row["carrier"], &row["province"], &row["days"], &row["parcels"]],
            [&json!("zto"), &json!("44"), &json!(6), &json!(21)]
        );
        assert_eq!(followed.codes.len(), 21);
        assert_clean(shop).await;
    })
    .await;
}
