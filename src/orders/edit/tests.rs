use super::*;
use crate::clock::Timestamp;
use crate::id::VillageId;
use crate::money::Method;
use crate::orders::{Hold, Source};

const NOODLES: Uuid = Uuid::from_u128(1);
const RADISH: Uuid = Uuid::from_u128(2);
const BOX: Uuid = Uuid::from_u128(3);

fn goods() -> Vec<Good> {
    let good = |sku_id: Uuid, sku: &str, price: Option<i64>, parts: &[(Uuid, i64)]| Good {
        sku_id,
        sku: sku.into(),
        title: format!("a case of {sku}"),
        price: price.map(Fen),
        grams: 1_000,
        parts: parts.to_vec(),
    };
    vec![
        good(NOODLES, "NOODLES", Some(7_000), &[(NOODLES, 1)]),
        good(RADISH, "RADISH", Some(2_000), &[(RADISH, 1)]),
        good(BOX, "BOX", Some(9_000), &[(NOODLES, 1), (RADISH, 2)]),
        good(Uuid::from_u128(4), "GONE", None, &[(Uuid::from_u128(4), 1)]),
    ]
}

/// A placed line of noodles at 68 yuan a case, or of radish at 20.
fn placed(line: i64, sku_id: Uuid, cases: i64, goods_fen: i64) -> Line {
    let (sku, price) = if sku_id == NOODLES {
        ("NOODLES", 6_800)
    } else {
        ("RADISH", 2_000)
    };
    Line {
        order_id: Uuid::nil(),
        line,
        sku_id,
        sku: sku.into(),
        title: "as placed".into(),
        price_fen: Fen(price),
        goods_fen: Fen(goods_fen),
        ordered: cases,
        cancelled: 0,
        packed: 0,
        shipped: 0,
        delivered: 0,
    }
}

fn order(goods_fen: i64, freight_fen: i64, cases: i64) -> Order {
    let at = Timestamp(0);
    Order {
        village_id: VillageId(1),
        id: Uuid::nil(),
        number: "240120-0001".into(),
        link_id: None,
        source: Source::Link,
        channel: "livestream".into(),
        host: "mei".into(),
        name: "苏宇".into(),
        phone: "13812345678".into(),
        province: "河南省".into(),
        city: "郑州市".into(),
        district: "金水区".into(),
        street: "文化路1号".into(),
        region_code: "410105".into(),
        note: String::new(),
        method: Method::Transfer,
        goods_fen: Fen(goods_fen),
        freight_fen: Fen(freight_fen),
        total_fen: Fen(goods_fen + freight_fen),
        captured_fen: Fen::ZERO,
        refunded_fen: Fen::ZERO,
        hold: Hold::Active,
        hold_ends_at: Some(at),
        pay_before: None,
        ended_as: None,
        ordered: cases,
        cancelled: 0,
        packed: 0,
        shipped: 0,
        delivered: 0,
        promise: None,
        version: 1,
        placed_at: at,
        paid_at: None,
        updated_at: at,
    }
}

fn wish(items: &[(&str, i64)]) -> Wish {
    let items = items.iter().map(|(sku, quantity)| Item {
        sku: (*sku).to_owned(),
        quantity: *quantity,
    });
    Wish {
        items: Some(items.collect()),
        to: None,
        note: None,
    }
}

fn rule(province: &str, served: bool, step_fen: i64) -> freight::Rule {
    freight::Rule {
        province: province.into(),
        served,
        first_grams: 1_000,
        first_fen: Fen(500),
        step_grams: 1_000,
        step_fen: Fen(step_fen),
        free_from_fen: None,
    }
}

fn rules() -> Vec<freight::Rule> {
    vec![rule("*", true, 100), rule("44", true, 300), rule("54", false, 0)]
}

#[test]
fn lines_that_stay_keep_their_price() {
    let two = [placed(1, NOODLES, 2, 13_600), placed(2, RADISH, 1, 2_000)];
    // a platform's line whose sum is not its price times its cases, and a sku on two lines
    let odd = [placed(1, NOODLES, 3, 20_000), placed(4, NOODLES, 2, 13_600)];
    type Case<'a> = (&'a [Line], &'a [(&'a str, i64)], &'a [(i64, &'a str, i64, i64)]);
    let cases: [Case; 7] = [
        (&two, &[("NOODLES", 1)], &[(1, "NOODLES", 1, 6_800)]),
        (
            &two,
            &[("RADISH", 1), ("NOODLES", 3)],
            &[(1, "NOODLES", 3, 20_400), (2, "RADISH", 1, 2_000)],
        ),
        (
            &two,
            &[("RADISH", 1), ("BOX", 2)],
            &[(2, "RADISH", 1, 2_000), (3, "BOX", 2, 18_000)],
        ),
        (
            &odd,
            &[("NOODLES", 5)],
            &[(1, "NOODLES", 3, 20_000), (4, "NOODLES", 2, 13_600)],
        ),
        (
            &odd,
            &[("NOODLES", 4)],
            &[(1, "NOODLES", 3, 20_000), (4, "NOODLES", 1, 6_800)],
        ),
        (&odd, &[("NOODLES", 2)], &[(1, "NOODLES", 2, 13_600)]),
        (
            &odd,
            &[("NOODLES", 6), ("RADISH", 1)],
            &[
                (1, "NOODLES", 3, 20_000),
                (4, "NOODLES", 3, 20_400),
                (5, "RADISH", 1, 2_000),
            ],
        ),
    ];
    for (old, wanted, expected) in cases {
        let items = wish(wanted).items.unwrap();
        let lines = lines(old, &items, &goods()).unwrap();
        let got: Vec<_> = lines
            .iter()
            .map(|item| (item.line, item.sku.as_str(), item.quantity, item.goods_fen.0))
            .collect();
        assert_eq!(got, expected, "{wanted:?}");
    }
}

#[test]
fn freight_follows_cases_and_province_alone() {
    let lines = [placed(1, NOODLES, 2, 13_600)];
    let placed = order(13_600, 0, 2);
    let move_to = |province: &str, code: &str| Wish {
        items: None,
        to: Some(Address {
            province: province.into(),
            region_code: code.into(),
            ..placed.address()
        }),
        note: None,
    };
    let note = Wish {
        items: None,
        to: None,
        note: Some("早点发".into()),
    };
    for (wish, freight, fields) in [
        (note, 0, vec!["note"]),
        (wish(&[("NOODLES", 3)]), 700, vec!["items"]),
        (wish(&[("NOODLES", 1)]), 500, vec!["items"]),
        (move_to("广东省", "440106"), 800, vec!["recipient.province"]),
    ] {
        let after = plan(&placed, &lines, &wish, &goods(), &rules()).unwrap();
        let changed: Vec<&str> = after.fields.iter().map(String::as_str).collect();
        assert_eq!((after.freight_fen.0, changed), (freight, fields));
        assert_eq!(after.total_fen.0, after.goods_fen.0 + freight);
    }
    let refused = plan(
        &placed,
        &lines,
        &move_to("西藏自治区", "540102"),
        &goods(),
        &rules(),
    );
    let problem = refused.err().unwrap().into_problem();
    assert_eq!(problem.errors[0].field, "recipient.province");
}

#[test]
fn what_can_not_be_is_refused_by_its_field() {
    let lines = [placed(1, NOODLES, 2, 13_600)];
    let placed = order(13_600, 0, 2);
    for (wanted, field) in [
        (vec![("NOODLES", 1), ("NOBODY", 1)], "items[1].sku"),
        (vec![("GONE", 1)], "items[0].sku"),
        (vec![("NOODLES", 2)], "items"),
        (vec![("NOODLES", 999_999)], "items"),
    ] {
        let refused = plan(&placed, &lines, &wish(&wanted), &goods(), &rules());
        let problem = refused.err().unwrap().into_problem();
        assert_eq!(problem.errors[0].field, field, "{wanted:?}");
    }
}

#[test]
fn a_box_moves_the_stock_of_its_parts() {
    let before = [placed(1, NOODLES, 2, 13_600), placed(2, RADISH, 3, 6_000)];
    let before = Shape::of(&order(19_600, 0, 5), &before).items;
    for (wanted, skus, stock) in [
        (
            vec![("NOODLES", 2), ("RADISH", 1), ("BOX", 1)],
            vec![(RADISH, -2), (BOX, 1)],
            vec![(NOODLES, 1)],
        ),
        (
            vec![("NOODLES", 1)],
            vec![(NOODLES, -1), (RADISH, -3)],
            vec![(NOODLES, -1), (RADISH, -3)],
        ),
        (
            vec![("BOX", 2)],
            vec![(NOODLES, -2), (RADISH, -3), (BOX, 2)],
            vec![(RADISH, 1)],
        ),
        (vec![("NOODLES", 2), ("RADISH", 3)], vec![], vec![]),
    ] {
        let old = [placed(1, NOODLES, 2, 13_600), placed(2, RADISH, 3, 6_000)];
        let after = lines(&old, &wish(&wanted).items.unwrap(), &goods()).unwrap();
        let deltas = case_deltas(&before, &after);
        assert_eq!(deltas, skus, "{wanted:?}");
        assert_eq!(stock_deltas(&deltas, &goods()), stock, "{wanted:?}");
    }
}

#[test]
fn only_what_the_edit_makes_too_much_goes_back() {
    for (captured, before, after, back) in [
        (100, 100, 80, 20),
        (0, 100, 80, 0),
        (50, 100, 80, 0),
        (50, 100, 40, 10),
        // 20 were paid too much before, and are on their way back already
        (120, 100, 80, 20),
        (100, 120, 90, 10),
        (100, 80, 100, 0),
    ] {
        let got = surplus(Fen(captured), Fen(before), Fen(after));
        assert_eq!(got, Fen(back), "{captured} {before} {after}");
    }
}

#[test]
fn a_record_without_its_pending_part_names_nobody() {
    let order = order(13_600, 0, 2);
    let mut after = plan(
        &order,
        &[placed(1, NOODLES, 2, 13_600)],
        &wish(&[("NOODLES", 1)]),
        &goods(),
        &rules(),
    )
    .unwrap();
    assert!(after.pending.is_some());
    after.pending = None;
    let text = serde_json::to_string(&after).unwrap();
    assert!(!text.contains(&order.name) && !text.contains(&order.phone) && !text.contains(&order.street));
    let read: Shape = serde_json::from_str(&text).unwrap();
    assert_eq!(read.items, after.items);
}
