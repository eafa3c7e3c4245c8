use super::*;

/// Parcels like those of a real batch: three carriers, five products, mixed and split parcels, notes.
pub(super) fn sheet(parcels: usize) -> Sheet {
    Sheet {
        village: "张村 Zhang village".into(),
        batch: "20240124-1".into(),
        ship_on: "2024-01-24".parse().unwrap(),
        made_at_ms: 1_706_054_400_000,
        parcels: (0..parcels).map(parcel).collect(),
    }
}

/// What a careless or hostile client may have typed into every text.
pub(super) fn hostile() -> Sheet {
    let long = "超长的名字𬱖㛃🍠\u{202e}\u{1b}[31m\u{0}\n\t".repeat(40);
    let mut sheet = sheet(12);
    sheet.village = long.clone();
    sheet.batch = long.clone();
    for (at, parcel) in sheet.parcels.iter_mut().enumerate() {
        parcel.carrier = if at % 2 == 0 { long.clone() } else { String::new() };
        parcel.code = format!("箱-🍠-{at}-{}", "9".repeat(30));
        parcel.waybill = Some(long.clone());
        parcel.orders = vec![long.clone(); at * 10];
        parcel.part = (u32::MAX, u32::MAX);
        parcel.masked_name = format!("*{long}");
        parcel.masked_phone = long.clone();
        parcel.province = long.clone();
        parcel.city = String::new();
        parcel.street = "很长的街道地址".repeat(30);
        parcel.note = long.clone();
        for line in &mut parcel.lines {
            line.product = long.clone();
            line.lot = long.clone();
            line.place = long.clone();
            line.quantity = MAX_QUANTITY;
            line.case_grams = MAX_CASE_GRAMS;
        }
        parcel.lines = vec![parcel.lines[0].clone(); at];
    }
    sheet
}

/// A long address, a note, and more products than a label has room for.
pub(super) fn crowded() -> Sheet {
    let mut sheet = sheet(6);
    for (at, parcel) in sheet.parcels.iter_mut().enumerate() {
        parcel.street = "幸福大道与和平路交叉口往东两百米".repeat(11);
        parcel.note = "年前一定要到，放门口，打电话没人接就放物业，谢谢！发顺丰".into();
        parcel.part = (2, 3);
        parcel.lines = (0..=at * at).map(line).collect();
    }
    sheet
}

fn line(at: usize) -> Line {
    let goods = [
        ("纯红薯粉条 2.5kg/箱", "FT0110", "2025-01-09", "A1", 2900),
        ("纯红薯粉条 5kg/箱", "FT0112", "2025-01-11", "A2", 5600),
        ("蜜薯 5kg/箱", "MS0118", "2024-03-03", "冷库 3", 5700),
        ("辣根 1kg/箱", "LG0120", "2024-03-20", "B1", 1300),
        ("魔芋 2kg/箱", "MY0115", "2024-04-14", "", 2400),
    ];
    let (product, lot, best_before, place, case_grams) = goods[at % goods.len()];
    Line {
        product: product.into(),
        lot: lot.into(),
        best_before: Some(best_before.parse().unwrap()),
        place: place.into(),
        quantity: 1 + (at % 3) as i64,
        case_grams,
    }
}

fn parcel(at: usize) -> Parcel {
    let carriers = ["中通快递", "中通快递", "顺丰速运", "中国邮政"];
    let places = [
        ("广东省", "深圳市", "南山区"),
        ("吉林省", "白城市", "洮北区"),
        ("新疆维吾尔自治区", "伊犁哈萨克自治州", "察布查尔锡伯自治县"),
        ("上海市", "上海市", "浦东新区"),
    ];
    let names = ["张*三", "欧*娜", "李*", "镕*祎"];
    let (province, city, district) = places[at / 3 % places.len()];
    let mixed = at % 7 == 3;
    Parcel {
        carrier: carriers[at % carriers.len()].into(),
        code: format!("P{:05}", at + 1),
        waybill: (!at.is_multiple_of(5)).then(|| format!("7312345{at:06}")),
        orders: (0..=usize::from(at % 6 == 2))
            .map(|n| format!("X9-{:06}", at * 2 + n))
            .collect(),
        part: if at % 9 == 4 { (1, 2) } else { (1, 1) },
        masked_name: names[at / 2 % names.len()].into(),
        masked_phone: format!("138****{:04}", at % 10_000),
        province: province.into(),
        city: city.into(),
        district: district.into(),
        street: format!("新华路{at}号学府名苑16号楼1单元910室"),
        note: if at % 11 == 2 {
            "年前一定要到，放门口".into()
        } else {
            String::new()
        },
        lines: if mixed {
            vec![line(at), line(at + 1)]
        } else {
            vec![line(at)]
        },
    }
}

#[test]
fn unmasked_texts_are_masked_before_printing() {
    let mut parcel = parcel(0);
    assert_eq!((&*parcel.name(), &*parcel.phone()), ("张*三", "138****0000"));
    parcel.masked_name = "欧阳娜".into();
    parcel.masked_phone = "13812345678".into();
    assert_eq!((&*parcel.name(), &*parcel.phone()), ("欧*娜", "138****5678"));
}

#[test]
fn out_of_bounds_names_the_field() {
    let refused = |change: fn(&mut Sheet)| {
        let mut sheet = sheet(3);
        change(&mut sheet);
        sheet.check().unwrap_err().to_string()
    };
    for (error, field) in [
        (refused(|s| s.parcels[1].code.clear()), "parcels[1].code: "),
        (
            refused(|s| s.parcels[2].code = "9".repeat(41)),
            "parcels[2].code: ",
        ),
        (
            refused(|s| s.parcels[0].lines[0].quantity = -1),
            "parcels[0].lines[0].quantity: ",
        ),
        (
            refused(|s| s.parcels[0].lines[0].case_grams = i64::MAX),
            "parcels[0].lines[0].case_grams: ",
        ),
        (
            refused(|s| s.parcels = vec![s.parcels[0].clone(); MAX_PARCELS + 1]),
            "parcels: ",
        ),
        (
            refused(|s| s.parcels[0].lines = vec![line(1); MAX_LINES]),
            "parcels: ",
        ),
    ] {
        assert!(error.starts_with(field), "{error}");
    }
}

#[test]
fn weights_are_exact() {
    for (grams, long, short) in [
        (0, "0.000", "0"),
        (7, "0.007", "0.007"),
        (2900, "2.900", "2.9"),
        (20_000, "20.000", "20"),
        (100_250, "100.250", "100.25"),
    ] {
        assert_eq!((&*kg(grams), &*short_kg(grams)), (long, short));
    }
}
