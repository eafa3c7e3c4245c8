//! WeChat Pay: the client and the fake against each other, over a socket.

use cunji::clock::{Clock, Timestamp};
use cunji::id::Ids;
use cunji::money::Fen;
use cunji::payments::wechat::bill::Kind;
use cunji::payments::wechat::client::{Account, Client, NewOrder, NewRefund, Prepared};
use cunji::payments::wechat::notify::{self, About, ApiKey};
use cunji::payments::wechat::sign::{Merchant, PlatformKeys, Refusal};
use cunji::payments::wechat::{Failure, RefundStatus, Scene, TradeState};

use crate::fake_wechat::{self, Delivery, Fake, Fault, Twist};

const NOW: &str = "2024-01-20T02:00:00Z";
const KEY: &[u8] = include_bytes!("../../fakes/wechat/keys/merchant_key.pem");
const PUBLIC_KEY: &[u8] = include_bytes!("../../fakes/wechat/keys/platform_public_key.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../fakes/wechat/keys/platform_certificate.pem");

fn clock() -> Clock {
    Clock::fixed(Timestamp::parse(NOW).unwrap())
}

fn account(fake: &Fake, pem: &[u8], id: Option<&str>) -> Account {
    Account {
        merchant: Merchant::new(fake_wechat::MCH_ID, fake_wechat::SERIAL, KEY).unwrap(),
        app_id: fake_wechat::APP_ID.to_owned(),
        keys: PlatformKeys::from_pem(pem, id).unwrap(),
        api_key: ApiKey::new(fake_wechat::API_V3_KEY).unwrap(),
        base: fake.base().parse().unwrap(),
        notify_url: "https://shop.example/webhooks/wechat".to_owned(),
    }
}

/// The buyer pays; WeChat's number of the payment.
fn pay(fake: &Fake, no: &str) -> String {
    fake.pay(no).unwrap();
    fake.order(no).unwrap().transaction_id.unwrap()
}

async fn start() -> (Fake, Client, Clock) {
    let clock = clock();
    let fake = Fake::start(clock.clone(), Delivery::Held, 0).await;
    let account = account(&fake, PUBLIC_KEY, Some(fake_wechat::PUBLIC_KEY_ID));
    (fake, Client::new(account, clock.clone(), Ids::seeded(1)), clock)
}

fn order(no: &str) -> NewOrder<'_> {
    NewOrder {
        out_trade_no: no,
        description: "张村 0120-0001",
        amount: Fen(6_800),
        expires_at: Timestamp::parse("2024-01-20T02:30:00Z").unwrap(),
    }
}

fn refund<'a>(transaction_id: &'a str, no: &'a str, fen: i64) -> NewRefund<'a> {
    NewRefund {
        transaction_id,
        out_refund_no: no,
        reason: "箱子破损，退一部分货款；箱子破损，退一部分货款；箱子破损，退一部分货款",
        amount: Fen(fen),
        total: Fen(6_800),
    }
}

#[tokio::test]
async fn an_order_is_made_paid_and_known() {
    let (fake, client, _) = start().await;
    assert_eq!(
        client.query("1order-1").await.unwrap(),
        None,
        "nobody has heard of it"
    );
    let Prepared::Code(code) = client.order(&order("1order-1"), Scene::Native).await.unwrap() else {
        panic!("a native order gives a code");
    };
    assert!(code.starts_with("weixin://"), "{code}");
    let waiting = client.query("1order-1").await.unwrap().unwrap();
    assert_eq!(
        (waiting.trade_state, waiting.total()),
        (TradeState::NotPaid, None)
    );
    let again = client.order(&order("1order-1"), Scene::Native).await.unwrap();
    assert!(
        matches!(again, Prepared::Code(_)),
        "the same again is the same payment"
    );

    fake.pay("1order-1").unwrap();
    let paid = client.query("1order-1").await.unwrap().unwrap();
    assert_eq!(
        (paid.trade_state, paid.total()),
        (TradeState::Success, Some(Fen(6_800)))
    );
    assert_eq!(
        (paid.mchid.as_str(), paid.appid.as_str()),
        (fake_wechat::MCH_ID, fake_wechat::APP_ID)
    );
    assert_eq!(paid.success_time.as_deref(), Some("2024-01-20T10:00:00+08:00"));
    let refused = client.close("1order-1").await.unwrap_err();
    assert!(
        matches!(refused, Failure::Refused { status: 400, .. }),
        "{refused}"
    );
    let refused = client.order(&order("1order-1"), Scene::Native).await.unwrap_err();
    assert!(matches!(refused, Failure::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn each_way_of_paying_gives_what_its_page_needs() {
    let (fake, client, _) = start().await;
    let jsapi = Scene::Jsapi {
        openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
    };
    let Prepared::Prepay(id) = client.order(&order("1order-1"), jsapi).await.unwrap() else {
        panic!("an order inside WeChat gives its name");
    };
    let bridge = serde_json::to_value(client.sign_bridge(&id).unwrap()).unwrap();
    assert_eq!(
        (&bridge["appId"], &bridge["signType"]),
        (&fake_wechat::APP_ID.into(), &"RSA".into())
    );
    assert!(
        bridge["package"]
            .as_str()
            .unwrap()
            .starts_with("prepay_id=wx2024")
    );
    let page = client
        .order(&order("1order-2"), Scene::H5 { ip: "203.0.113.7" })
        .await
        .unwrap();
    let Prepared::Page(url) = page else {
        panic!("an order in a browser gives a page");
    };
    assert!(url.starts_with(fake.base()), "{url}");
    let other = NewOrder {
        amount: Fen(1),
        ..order("1order-2")
    };
    let refused = client
        .order(&other, Scene::H5 { ip: "203.0.113.7" })
        .await
        .unwrap_err();
    assert!(
        matches!(refused, Failure::Refused { status: 403, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn a_closed_order_takes_no_money() {
    let (fake, client, clock) = start().await;
    client.order(&order("1order-1"), Scene::Native).await.unwrap();
    client.close("1order-1").await.unwrap();
    client.close("1order-1").await.unwrap();
    assert!(fake.pay("1order-1").is_err());
    assert!(
        client
            .query("1order-1")
            .await
            .unwrap()
            .unwrap()
            .trade_state
            .is_over()
    );
    let unknown = client.close("1order-9").await.unwrap_err();
    assert!(
        matches!(unknown, Failure::Refused { status: 404, .. }),
        "{unknown}"
    );

    client.order(&order("1order-2"), Scene::Native).await.unwrap();
    clock.advance(std::time::Duration::from_secs(31 * 60));
    assert!(fake.pay("1order-2").is_err(), "its time is over");
}

#[tokio::test]
async fn money_goes_back_in_parts() {
    let (fake, client, _) = start().await;
    client.order(&order("1order-1"), Scene::Native).await.unwrap();
    let paid = pay(&fake, "1order-1");
    assert_eq!(client.query_refund("1back-1").await.unwrap(), None);
    let taken = client.refund(&refund(&paid, "1back-1", 800)).await.unwrap();
    assert_eq!(
        (taken.status, taken.amount()),
        (RefundStatus::Processing, Some(Fen(800)))
    );
    let again = client.refund(&refund(&paid, "1back-1", 800)).await.unwrap();
    assert_eq!(again.refund_id, taken.refund_id, "the same name, the same refund");
    fake.end_refund("1back-1", "SUCCESS").unwrap();
    let done = client.query_refund("1back-1").await.unwrap().unwrap();
    assert_eq!(
        (done.status, done.amount()),
        (RefundStatus::Success, Some(Fen(800)))
    );
    fake.end_refunds("SUCCESS");
    let rest = client.refund(&refund(&paid, "1back-2", 6_000)).await.unwrap();
    assert_eq!(rest.status, RefundStatus::Success, "some end at once");
    for (paid, no, fen) in [
        (paid.as_str(), "1back-3", 1),
        (&paid, "1back-1", 900),
        ("4200009", "1back-4", 1),
    ] {
        let refused = client.refund(&refund(paid, no, fen)).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused { .. }), "{no}: {refused}");
    }
    let state = client.query("1order-1").await.unwrap().unwrap().trade_state;
    assert!(state.is_paid() && state == TradeState::Refund);
}

#[tokio::test]
async fn the_bill_of_a_day_is_fetched_and_checked() {
    let (fake, client, _) = start().await;
    let day = "2024-01-20".parse().unwrap();
    assert!(client.trade_bill(day).await.unwrap().lines.is_empty());
    client.order(&order("1order-1"), Scene::Native).await.unwrap();
    let paid = pay(&fake, "1order-1");
    client.refund(&refund(&paid, "1back-1", 850)).await.unwrap();
    let bill = client.trade_bill(day).await.unwrap();
    assert_eq!(bill.lines.len(), 2);
    assert_eq!(bill.lines[0].kind, Kind::Paid { amount: Fen(6_800) });
    let back = Kind::Refunded {
        out_refund_no: "1back-1".to_owned(),
        amount: Fen(850),
        status: "PROCESSING".to_owned(),
    };
    assert_eq!(
        (bill.lines[1].out_trade_no.as_str(), &bill.lines[1].kind),
        ("1order-1", &back)
    );
    assert!(
        client
            .trade_bill("2024-01-21".parse().unwrap())
            .await
            .unwrap()
            .lines
            .is_empty()
    );
}

#[tokio::test]
async fn a_call_without_a_good_answer_is_lost_and_not_failed() {
    let (fake, client, _) = start().await;
    for (fault, done) in [
        (Fault::Error, false),
        (Fault::ErrorAfter, true),
        (Fault::Drop, false),
        (Fault::DropAfter, true),
        (Fault::TooMany, false),
        (Fault::Unsigned, true),
        (Fault::WrongSignature, true),
        (Fault::WrongSerial, true),
        (Fault::OldStamp, true),
    ] {
        let no = format!("1order-{fault:?}");
        fake.fail(&[fault]);
        let lost = client.order(&order(&no), Scene::Native).await.unwrap_err();
        assert!(matches!(lost, Failure::Lost(_)), "{fault:?}: {lost}");
        assert_eq!(client.query(&no).await.unwrap().is_some(), done, "{fault:?}");
        client.order(&order(&no), Scene::Native).await.unwrap();
    }
}

#[tokio::test]
async fn answers_by_a_platform_certificate_count_too() {
    let clock = clock();
    let fake = Fake::start(clock.clone(), Delivery::Held, 0).await;
    for (pem, id) in [
        (CERTIFICATE.to_vec(), None),
        (
            [CERTIFICATE, PUBLIC_KEY].concat(),
            Some(fake_wechat::PUBLIC_KEY_ID),
        ),
    ] {
        let client = Client::new(account(&fake, &pem, id), clock.clone(), Ids::seeded(1));
        client.order(&order("1order-1"), Scene::Native).await.unwrap();
        assert!(client.query("1order-1").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn another_merchants_key_is_refused() {
    let (fake, _, clock) = start().await;
    let mut wrong = account(&fake, PUBLIC_KEY, Some(fake_wechat::PUBLIC_KEY_ID));
    let key = include_bytes!("../../fakes/wechat/keys/platform_key.pem");
    wrong.merchant = Merchant::new(fake_wechat::MCH_ID, fake_wechat::SERIAL, key).unwrap();
    let client = Client::new(wrong, clock, Ids::seeded(1));
    let refused = client.query("1order-1").await.unwrap_err();
    assert!(
        matches!(refused, Failure::Refused { status: 401, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn notifications_are_opened_and_false_ones_refused() {
    let (fake, client, clock) = start().await;
    client.order(&order("1order-1"), Scene::Native).await.unwrap();
    let event = fake.pay("1order-1").unwrap();
    let open = |twist| {
        let told = fake.message(&event, twist).unwrap();
        let account = client.account();
        notify::open(
            &account.keys,
            &account.api_key,
            &told.headers,
            told.body.as_bytes(),
            clock.now(),
        )
    };
    let told = open(Twist::Genuine).unwrap();
    assert_eq!(
        (told.id.as_str(), told.event_type.as_str()),
        (event.as_str(), "TRANSACTION.SUCCESS")
    );
    assert_eq!(
        told.about,
        About::Payment {
            out_trade_no: "1order-1".to_owned()
        }
    );
    assert_eq!(open(Twist::Genuine), Ok(told), "told twice, it is the same");
    for (twist, refusal) in [
        (Twist::Certificate, Refusal::Serial),
        (Twist::WrongSerial, Refusal::Serial),
        (Twist::WrongSignature, Refusal::Signature),
        (Twist::OldStamp, Refusal::Stamp),
        (Twist::WrongTag, Refusal::Tag),
        (Twist::Probe, Refusal::Probe),
    ] {
        assert_eq!(open(twist), Err(refusal), "{twist:?}");
    }
    let paid = fake.order("1order-1").unwrap().transaction_id.unwrap();
    client.refund(&refund(&paid, "1back-1", 800)).await.unwrap();
    let event = fake.end_refund("1back-1", "ABNORMAL").unwrap();
    let told = fake.message(&event, Twist::Genuine).unwrap();
    let told = notify::read(&client.account().api_key, told.body.as_bytes()).unwrap();
    assert_eq!(told.event_type, "REFUND.ABNORMAL");
    assert_eq!(
        told.about,
        About::Refund {
            out_refund_no: "1back-1".to_owned()
        }
    );
}

/// The fake keeps WeChat's ways: told again until it is taken, under the same id and with a new stamp.
#[tokio::test]
async fn what_is_not_taken_is_told_again() {
    let (came, mut told) = tokio::sync::mpsc::channel(10);
    let ear = async move |body: String| {
        let id = serde_json::from_str::<serde_json::Value>(&body).unwrap()["id"].clone();
        came.send(id).await.unwrap();
        match came.capacity() {
            9 => axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            _ => axum::http::StatusCode::NO_CONTENT,
        }
    };
    let service = axum::Router::new().route("/webhooks/wechat", axum::routing::post(ear));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let clock = clock();
    let fake = Fake::start(clock.clone(), Delivery::Posted { faster: 1_000 }, 0).await;
    let mut account = account(&fake, PUBLIC_KEY, Some(fake_wechat::PUBLIC_KEY_ID));
    account.notify_url = format!("http://{address}/webhooks/wechat");
    let client = Client::new(account, clock, Ids::seeded(1));
    client.order(&order("1order-1"), Scene::Native).await.unwrap();
    let event = fake.pay("1order-1").unwrap();
    // the first is left in the channel until the second has come: its place says which one it is
    for _ in 0..200 {
        if told.len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    for _ in 0..2 {
        assert_eq!(told.recv().await.unwrap(), event.as_str());
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(told.is_empty(), "it was taken");
}
