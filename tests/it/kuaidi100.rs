//! The client against a Kuaidi100 of our own, over the network: answers, refusals, and a service that is down.

use cunji::config::Kuaidi100Account;
use cunji::fulfillment::tracking::kuaidi100::{Fault, Kuaidi100, Waybill};
use cunji::fulfillment::tracking::push::{self, PushError, Subscription};
use cunji::fulfillment::tracking::{Known, Status};
use serde_json::json;
use tokio::net::TcpListener;

use crate::kuaidi100_fake::{CUSTOMER, Fake, KEY, Parcel};

pub const SALT: &str = "the salt of the tests";

pub fn account(base: &str) -> Kuaidi100Account {
    Kuaidi100Account {
        key: KEY.to_owned(),
        customer: CUSTOMER.to_owned(),
        salt: SALT.to_owned(),
        base: base.to_owned(),
    }
}

async fn both() -> (Fake, Kuaidi100) {
    let fake = Fake::default();
    let (base, _) = fake.start("127.0.0.1:0").await.unwrap();
    (fake, Kuaidi100::new(account(&base)))
}

fn zto(number: &str) -> Waybill<'_> {
    Waybill {
        carrier: "zto",
        number,
        phone: "13800138042",
    }
}

fn on_its_way(number: &str) -> Parcel {
    Parcel {
        company: "zhongtong".to_owned(),
        number: number.to_owned(),
        phone: "13800138042".to_owned(),
        state: "0".to_owned(),
        data: vec![
            json!({"time": "2024-01-21 01:00:00", "ftime": "2024-01-21 01:00:00", "context": "到达郑州", "statusCode": "1002"}),
            json!({"time": "2024-01-20 18:00:00", "ftime": "2024-01-20 18:00:00", "context": "已揽收", "statusCode": "103"}),
        ],
    }
}

const NUMBER: &str = "78123456789012";

#[tokio::test]
async fn a_parcel_is_asked_for() {
    let (fake, client) = both().await;
    fake.knows(on_its_way(NUMBER));
    let known = client.query(zto(NUMBER)).await.unwrap();
    assert_eq!(known.status, Some(Status::InTransit));
    let told: Vec<_> = known
        .events
        .iter()
        .map(|it| (it.status, it.text.as_str()))
        .collect();
    assert_eq!(
        told,
        [(Status::Collected, "已揽收"), (Status::InTransit, "到达郑州")]
    );
    assert_eq!(client.query(zto("78999999999999")).await, Err(Fault::NotYet));
    assert_eq!(fake.calls(), ["query 78123456789012", "query 78999999999999"]);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let (fake, client) = both().await;
    fake.knows(on_its_way(NUMBER));
    let other = Waybill {
        phone: "13900139000",
        ..zto(NUMBER)
    };
    assert!(matches!(client.query(other).await, Err(Fault::Number { code, .. }) if code == "408"));
    let van = Waybill {
        carrier: "village van",
        ..zto(NUMBER)
    };
    assert!(matches!(client.query(van).await, Err(Fault::Number { code, .. }) if code == "carrier"));
    assert_eq!(
        fake.calls().len(),
        1,
        "nobody is asked about a carrier without a name"
    );

    let (base, _) = fake.start("127.0.0.1:0").await.unwrap();
    for wrong in [
        Kuaidi100Account {
            key: "another".to_owned(),
            ..account(&base)
        },
        Kuaidi100Account {
            customer: "ANOTHER".to_owned(),
            ..account(&base)
        },
    ] {
        let client = Kuaidi100::new(wrong);
        assert!(matches!(
            client.query(zto(NUMBER)).await,
            Err(Fault::Account { .. })
        ));
    }
    let wrong = Kuaidi100::new(Kuaidi100Account {
        key: "another".to_owned(),
        ..account(&base)
    });
    let refused = wrong
        .subscribe(zto(NUMBER), "http://shop.example/webhooks/kuaidi100")
        .await;
    assert!(matches!(refused, Err(Fault::Account { code, .. }) if code == "600"));
}

#[tokio::test]
async fn a_service_that_is_down_is_told_apart() {
    let (fake, client) = both().await;
    fake.knows(on_its_way(NUMBER));
    fake.fails(&[500, 503, 302, 0]);
    for why in ["HTTP 500", "HTTP 503", "HTTP 302", "the answer is no JSON"] {
        assert_eq!(client.query(zto(NUMBER)).await, Err(Fault::Down(why.to_owned())));
    }
    assert!(client.query(zto(NUMBER)).await.is_ok(), "and it is well again");

    // nobody listens; somebody listens and hangs up
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            drop(socket);
        }
    });
    for base in ["http://127.0.0.1:1", &base] {
        let client = Kuaidi100::new(account(base));
        let Err(Fault::Down(why)) = client.query(zto(NUMBER)).await else {
            panic!("{base} is dead")
        };
        assert!(!why.contains("sign") && !why.is_empty(), "{why}");
    }
}

#[tokio::test]
async fn a_subscription_is_signed_and_may_be_repeated() {
    let (fake, client) = both().await;
    let callback = "http://shop.example/webhooks/kuaidi100";
    client.subscribe(zto(NUMBER), callback).await.unwrap();
    client.subscribe(zto(NUMBER), callback).await.unwrap();
    let [one] = &fake.subscribed()[..] else {
        panic!("one subscription")
    };
    assert_eq!(
        [&one.company, &one.number, &one.callback, &one.salt, &one.phone].map(String::as_str),
        ["zhongtong", NUMBER, callback, SALT, "13800138042"]
    );

    fake.knows(on_its_way(NUMBER));
    let (_, form) = fake.push_form(NUMBER, "polling", "").unwrap();
    let pushed = push::read(form.as_bytes(), SALT).unwrap();
    assert_eq!(
        (pushed.subscription, pushed.number.as_str()),
        (Subscription::Goes, NUMBER)
    );
    assert_eq!(pushed.known, client.query(zto(NUMBER)).await.unwrap());
    assert_eq!(
        push::read(form.as_bytes(), "another salt"),
        Err(PushError::Signature)
    );

    let nothing = Waybill {
        carrier: "yto",
        number: "YT1234567890123",
        phone: "13800138042",
    };
    client.subscribe(nothing, callback).await.unwrap();
    assert_eq!(
        fake.subscribed()[1].phone,
        "",
        "a phone goes only to carriers that need it"
    );
    let (_, form) = fake
        .push_form("YT1234567890123", "abort", "3天查询无记录")
        .unwrap();
    let aborted = push::read(form.as_bytes(), SALT).unwrap();
    assert_eq!(
        (aborted.subscription, aborted.message.as_str()),
        (Subscription::Aborted, "3天查询无记录")
    );
    assert_eq!(
        aborted.known,
        Known {
            events: vec![],
            status: Some(Status::InTransit)
        }
    );
}
