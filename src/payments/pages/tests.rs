use super::*;
use crate::calendar::promise::Dates;
use crate::orders::ChangeState;
use crate::orders::late::{AfterOffer, CarrierOffer, LateView, State as LateState};
use crate::orders::view::{ChangeView, ChangedItem, ItemView, RefundView};

fn proposal(text: &str) -> ChangeView {
    ChangeView {
        version: 2,
        state: ChangeState::Proposed,
        reason: text.to_owned(),
        delta_fen: Fen(6_800),
        items: vec![ChangedItem {
            sku: "FT05".into(),
            title: text.to_owned(),
            quantity: 3,
            price_fen: Fen(6_800),
        }],
        fields: vec!["items".into()],
    }
}

fn question(text: &str) -> LateView {
    LateView {
        state: LateState::Asked,
        deadline: "2024-02-08".parse().ok(),
        carrier: Some(CarrierOffer {
            carrier: text.to_owned(),
            name: text.to_owned(),
            arrives_by: "2024-02-07".parse().unwrap(),
            extra_fen: Fen(800),
        }),
        after: Some(AfterOffer {
            leaves_from: "2024-02-18".parse().unwrap(),
            arrives_by: "2024-02-20".parse().unwrap(),
        }),
        refund_fen: Fen(14_200),
        answer_by: Timestamp::parse("2024-01-21T02:00:00Z").unwrap(),
        default: Answer::After,
        answer: None,
    }
}

fn sample(lang: Lang, status: Status) -> OrderPage {
    let at = |text| Timestamp::parse(text).unwrap();
    let bad = "<script>".to_owned();
    OrderPage {
        lang,
        order: OrderView {
            number: "240120-0042".into(),
            token: "1token".into(),
            status,
            items: vec![ItemView {
                sku: "FT05".into(),
                title: bad.clone(),
                quantity: 2,
                cancelled: 1,
                price_fen: Fen(6_800),
                goods_fen: Fen(13_600),
            }],
            goods_fen: Fen(13_600),
            freight_fen: Fen(600),
            total_fen: Fen(14_200),
            payment_method: Method::Transfer,
            placed_at: at("2024-01-20T02:00:00Z"),
            pay_before: (status == Status::AwaitingPayment).then(|| at("2024-01-20T02:30:00Z")),
            paid_at: None,
            promise: Some(Dates {
                ships_on: "2024-01-24".parse().unwrap(),
                arrives_by: "2024-01-27".parse().unwrap(),
            }),
            promise_reason: Some(bad.clone()),
            parcels: Vec::new(),
            refunds: vec![RefundView {
                amount_fen: Fen(6_800),
                state: "by_hand".into(),
                reason: bad.clone(),
                created_at: at("2024-01-20T03:00:00Z"),
                done_at: None,
            }],
            claims: Vec::new(),
            version: 2,
            changes: vec![proposal(&bad)],
            late: Some(question(&bad)),
            missing_fen: None,
            surplus_fen: None,
            checking_fen: None,
        },
        qr: None,
        sender: Sender {
            village: bad.clone(),
            town: bad.clone(),
            contact: bad.clone(),
        },
        name: bad.clone(),
        phone: bad.clone(),
        place: bad.clone(),
        on_delivery: false,
        captured: Fen::ZERO,
        now: at("2024-01-20T02:05:00Z"),
        methods: if status == Status::AwaitingPayment {
            methods(
                &[Method::Practice, Method::Transfer, Method::Cod],
                Method::Transfer,
            )
        } else {
            Vec::new()
        },
        instructions: (status == Status::AwaitingPayment).then(|| text(bad.clone(), bad.clone())),
        link: Some("1abcdefg".into()),
        notice: Some(text(bad.clone(), bad)),
    }
}

#[test]
fn every_state_says_what_to_do_in_both_languages() {
    for (status, zh, en, again) in [
        (Status::AwaitingPayment, "还有 25 分钟", "25 min left", false),
        (Status::Paid, "等待打包", "to be packed", false),
        (Status::Packed, "已打包", "Packed, waiting", false),
        (Status::Shipped, "已发出", "On its way", false),
        (Status::Delivered, "少件", "missing or wrong", false),
        (Status::Cancelled, "请重新下单", "please order again", true),
        (Status::Expired, "超时未付款", "Not paid in time", true),
        (Status::Refunded, "原路退回", "the way it came", true),
    ] {
        for (lang, said) in [(Lang::Zh, zh), (Lang::En, en)] {
            let page = sample(lang, status).render().unwrap();
            assert!(page.contains(said), "{status:?} {lang:?}: {page}");
            assert!(page.contains("240120-0042") && page.contains("¥142.00"), "{page}");
            assert!(!page.contains("<script>"), "{page}");
            assert_eq!(page.contains("href=\"/s/1abcdefg\""), again, "{status:?}");
            let cancellable = matches!(status, Status::AwaitingPayment | Status::Paid);
            assert_eq!(page.contains("/o/1token/cancel"), cancellable, "{status:?}");
            assert_eq!(page.contains("/o/1token/late"), cancellable, "{status:?}");
            assert_eq!(page.contains("/o/1token/pay"), status == Status::AwaitingPayment);
        }
    }
}

#[test]
fn the_chosen_way_comes_first_and_delivery_is_not_paid_now() {
    use Method::{Cod, Practice, Transfer};
    let taken = [Practice, Transfer, Cod];
    assert_eq!(methods(&taken, Transfer), [Transfer, Practice]);
    assert_eq!(methods(&taken, Cod), []);
    let mut page = sample(Lang::Zh, Status::AwaitingPayment);
    page.on_delivery = true;
    assert_eq!(
        page.steps().map(|(names, done)| (names.len(), done)),
        Some((4, 1))
    );
    page.order.status = Status::Packed;
    assert_eq!(page.steps().map(|(_, done)| done), Some(2));
}

#[test]
fn remaining_time_is_told_in_words() {
    let page = sample(Lang::Zh, Status::AwaitingPayment);
    for (ms, words) in [
        (-1, "1 分钟"),
        (90_000, "1 分钟"),
        (119 * 60_000, "119 分钟"),
        (7_200_000, "2 小时"),
    ] {
        assert_eq!(page.remaining(&Timestamp(page.now.0 + ms)), words);
    }
}
