use super::*;
use crate::orders::import::FileStatus;

fn sku(id: u128, code: &str, title: &str, spec: &str, price: i64) -> Sku {
    let id = Uuid::from_u128(id);
    Sku {
        id,
        code: code.into(),
        product: "红薯".into(),
        title: title.into(),
        spec: spec.into(),
        price: Fen(price),
        takes: vec![(id, 1)],
    }
}

fn catalog() -> Catalog {
    let gift = Sku {
        takes: vec![(Uuid::from_u128(1), 2), (Uuid::from_u128(2), 1)],
        ..sku(9, "BOX", "礼盒", "一盒", 20_000)
    };
    Catalog::new(vec![
        sku(1, "FT05", "纯红薯粉条", "2.5kg/箱", 6_800),
        sku(2, "FT10", "纯红薯粉条", "5kg/箱", 12_800),
        sku(3, "A", "蜜薯", "一箱", 100),
        sku(4, "B", "蜜薯", "一箱", 100),
        gift,
    ])
}

fn line(code: &str, product: &str, spec: &str, quantity: i64, goods: Option<i64>) -> FileLine {
    FileLine {
        line_no: "1".into(),
        sku_code: code.into(),
        product: product.into(),
        spec: spec.into(),
        quantity,
        goods_fen: goods,
        row: 7,
    }
}

fn order(lines: Vec<FileLine>) -> FileOrder {
    FileOrder {
        external_no: "1".into(),
        rows: vec![7],
        lines,
        status: FileStatus::Paid,
        freight_fen: 0,
        refunded_fen: 0,
        paid_fen: None,
        recipient: FileRecipient {
            name: "张三".into(),
            phone: "13800000000".into(),
            province: "河南省".into(),
            city: "平顶山市".into(),
            district: "鲁山县".into(),
            street: "张村1号".into(),
        },
        paid_at_ms: Some(1_000),
        placed_at_ms: None,
        buyer: String::new(),
        note: String::new(),
        carrier: String::new(),
        waybill: String::new(),
        host: String::new(),
        content_hash: String::new(),
    }
}

const NOW: Timestamp = Timestamp(5_000);

fn made(order: &FileOrder) -> Draft {
    draft(order, Shop::Generic, &catalog(), NOW).expect("a good order")
}

fn fields(draft: &Draft) -> Vec<&str> {
    draft.warnings.iter().map(|note| note.field.as_str()).collect()
}

#[test]
fn goods_are_found_by_code_or_by_their_exact_name() {
    for (line, found) in [
        (line("FT05", "whatever", "", 1, None), Ok(1)),
        (line("", "纯红薯粉条", "5kg/箱", 1, None), Ok(2)),
        (line("", "红薯", "5kg/箱", 1, None), Ok(2)),
        (line("", "礼盒", "一盒", 1, None), Ok(9)),
        (line("ft05", "纯红薯粉条", "2.5kg/箱", 1, None), Err("sku_code")),
        (line("", "蜜薯", "一箱", 1, None), Err("product")),
        (line("", "纯红薯粉条", "", 1, None), Err("product")),
        (line("", "纯红薯", "5kg/箱", 1, None), Err("product")),
    ] {
        let got = draft(&order(vec![line.clone()]), Shop::Generic, &catalog(), NOW);
        match (got, found) {
            (Ok(draft), Ok(id)) => assert_eq!(draft.lines[0].sku_id, Uuid::from_u128(id), "{line:?}"),
            (Err(note), Err(field)) => assert_eq!((note.row, note.field.as_str()), (7, field)),
            (got, _) => panic!("{line:?}: {:?}", got.err()),
        }
    }
}

#[test]
fn amounts_are_the_files_and_prices_follow_where_they_divide() {
    for (quantity, goods, price, sum) in [
        (2, Some(13_600), 6_800, 13_600),
        (2, Some(13_000), 6_500, 13_000),
        (3, Some(20_000), 6_800, 20_000),
        (3, None, 6_800, 20_400),
        (1, Some(0), 0, 0),
    ] {
        let draft = made(&order(vec![line("FT05", "", "", quantity, goods)]));
        let made = &draft.lines[0];
        assert_eq!(
            (made.price, made.goods, draft.goods),
            (Fen(price), Fen(sum), Fen(sum))
        );
    }
    let mut much = order(vec![line("FT05", "", "", 1, Some(MAX_FEN))]);
    assert_eq!(made(&much).goods, Fen(MAX_FEN));
    much.freight_fen = 1;
    let note = draft(&much, Shop::Generic, &catalog(), NOW)
        .err()
        .expect("too much");
    assert_eq!(note.field, "goods_yuan");
}

#[test]
fn a_gift_box_takes_what_it_is_made_of() {
    let lines = vec![line("BOX", "", "", 3, None), line("FT05", "", "", 4, None)];
    let draft = made(&order(lines));
    let takes = [(Uuid::from_u128(1), 10), (Uuid::from_u128(2), 3)];
    assert_eq!((draft.takes.as_slice(), draft.cases), (takes.as_slice(), 7));
}

#[test]
fn odd_money_is_told() {
    let mut odd = order(vec![line("FT05", "", "", 1, Some(6_800))]);
    odd.paid_fen = Some(6_800);
    assert_eq!(fields(&made(&odd)), [""; 0]);
    odd.paid_fen = Some(6_000);
    odd.refunded_fen = 100;
    let draft_of_odd = made(&odd);
    assert_eq!(fields(&draft_of_odd), ["paid_yuan", "refunded_yuan"]);
    assert_eq!(draft_of_odd.refunded, Fen(100));
    odd.refunded_fen = 6_801;
    let note = draft(&odd, Shop::Generic, &catalog(), NOW)
        .err()
        .expect("more than it is worth");
    assert_eq!(note.field, "refunded_yuan");
}

#[test]
fn nothing_happens_after_now() {
    for (placed, paid, expected) in [
        (None, None, (5_000, 5_000)),
        (Some(1_000), None, (1_000, 1_000)),
        (None, Some(2_000), (2_000, 2_000)),
        (Some(1_000), Some(2_000), (1_000, 2_000)),
        (Some(9_000), Some(9_000), (5_000, 5_000)),
    ] {
        let mut order = order(vec![line("FT05", "", "", 1, None)]);
        (order.placed_at_ms, order.paid_at_ms) = (placed, paid);
        let draft = made(&order);
        assert_eq!(
            (draft.placed_at.0, draft.paid_at.0),
            expected,
            "{placed:?} {paid:?}"
        );
    }
}

#[test]
fn a_host_of_a_livestream_makes_the_channel() {
    for (shop, host, channel) in [
        (Shop::Doudian, "张村直播间", "livestream"),
        (Shop::Weixin, "张村直播间", "livestream"),
        (Shop::Doudian, "", "group"),
        (Shop::Kuaituantuan, "团长", "group"),
    ] {
        let mut order = order(vec![line("FT05", "", "", 1, None)]);
        order.host = host.into();
        let draft = draft(&order, shop, &catalog(), NOW).expect("a good order");
        assert_eq!(draft.channel, channel, "{shop:?} {host}");
    }
}

fn to(province: &str, city: &str, district: &str, street: &str) -> Draft {
    let mut order = order(vec![line("FT05", "", "", 1, None)]);
    let to = &mut order.recipient;
    (to.province, to.city, to.district) = (province.into(), city.into(), district.into());
    to.street = street.into();
    made(&order)
}

#[test]
fn addresses_are_understood_as_far_as_they_can_be() {
    let whole = "河南省平顶山市鲁山县张村镇解放路1号";
    for (written, code, warned) in [
        (["河南", "平顶山", "鲁山", "解放路1号"], "410423", false),
        (["河南省", "平顶山市", "西湖区", "解放路1号"], "410400", true),
        (["河南省", "杭州市", "西湖区", "解放路1号"], "410000", true),
        (["火星", "", "", "解放路1号"], "", true),
        (["", "", "", whole], "410423", false),
        (["", "", "", "解放路1号"], "", true),
    ] {
        let [province, city, district, street] = written;
        let draft = to(province, city, district, street);
        assert_eq!(draft.to.region_code, code, "{written:?}");
        assert_eq!(
            fields(&draft) == ["street"],
            warned,
            "{written:?} {:?}",
            draft.warnings
        );
        assert!(street.ends_with(&draft.to.street) && !draft.to.street.is_empty());
    }
    let known = to("", "", "", whole).to;
    assert_eq!(
        (known.province.as_str(), known.city.as_str()),
        ("河南省", "平顶山市")
    );
    assert_eq!(known.street, "张村镇解放路1号");
}

#[test]
fn a_phone_that_is_none_is_kept_and_told() {
    let mut order = order(vec![line("FT05", "", "", 1, None)]);
    order.recipient.phone = "找\u{0}门卫".into();
    let draft = made(&order);
    assert_eq!(
        (draft.to.phone.as_str(), fields(&draft)),
        ("找 门卫", vec!["phone"])
    );
    assert!(
        !draft.warnings[0].words.en.contains("门卫"),
        "a report holds no phones"
    );
}

#[test]
fn long_texts_are_cut_between_characters() {
    assert_eq!(cut(" 一二\n三四 ", 3), "一二");
    assert_eq!(cut("一二三", 3), "一二三");
}
