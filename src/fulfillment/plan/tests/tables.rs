use serde_json::{Value, json};

use super::input;
use crate::fulfillment::plan::{Input, plan};

fn village() -> Value {
    json!({"as_of": "2024-01-20", "horizon_days": 30,
        "workshop": {"cases_per_day": 2, "days": {"2024-01-22": 0}},
        "carriers": [
            {"carrier": "zto", "name": "中通", "pickup_cases_per_day": 2, "days": {}, "fen_per_case": 900,
             "transit_days": {"41": 1, "44": 3, "65": 7},
             "stops": [{"province": "*", "collects_until": "2024-02-04", "delivers_until": "2024-02-08", "resumes_on": "2024-02-18"},
                       {"province": "65", "collects_until": "2024-01-28", "delivers_until": "2024-02-08", "resumes_on": "2024-02-18"}]},
            {"carrier": "sf", "pickup_cases_per_day": 1, "fen_per_case": 1700, "transit_days": {"41": 1, "44": 2}}],
        "parcels": []})
}

fn parcel(id: &str, cases: i64, province: &str, deadline: &str) -> Value {
    let deadline = if deadline.is_empty() {
        Value::Null
    } else {
        json!(deadline)
    };
    json!({"id": id, "cases": cases, "province": province, "deadline": deadline, "paid_at": "2024-01-15T11:00:00Z"})
}

fn with(parcels: &[Value]) -> Input {
    let mut village = village();
    village["parcels"] = json!(parcels);
    input(village)
}

/// `id day carrier` of each, and the ids without a place.
fn seen(input: &Input) -> (Vec<String>, Vec<String>) {
    let plan = plan(input).unwrap();
    let row = |row: &super::super::Assigned| {
        let late = if row.late { " late" } else { "" };
        format!("{} {} {}{late}", row.id, row.ship_on.format("%m-%d"), row.carrier)
    };
    (
        plan.assigned.iter().map(row).collect(),
        plan.unassigned.iter().map(|row| row.id.clone()).collect(),
    )
}

/// What, the parcels, who leaves how, who doesn't.
type Case<'a> = (&'a str, Vec<Value>, &'a [&'a str], &'a [&'a str]);

#[test]
fn plans() {
    let p = parcel;
    let cases: [Case; 8] = [
        ("nothing to do", vec![], &[], &[]),
        (
            "at once",
            vec![p("a", 2, "41", "2024-01-21")],
            &["a 01-20 zto"],
            &[],
        ),
        (
            "who can wait gives way",
            vec![p("a", 2, "41", "2024-02-08"), p("b", 2, "44", "2024-01-23")],
            &["b 01-20 zto", "a 01-21 zto"],
            &[],
        ),
        (
            "dearer only where it saves a deadline",
            vec![p("a", 1, "44", "2024-01-22"), p("b", 1, "44", "2024-01-23")],
            &["a 01-20 sf", "b 01-20 zto"],
            &[],
        ),
        (
            "what can't be in time leaves when there is room",
            vec![p("a", 2, "44", "2024-01-20"), p("b", 2, "41", "2024-01-21")],
            &["b 01-20 zto", "a 01-21 zto late"],
            &[],
        ),
        (
            "two small ones rather than a large one",
            vec![
                p("a", 2, "41", "2024-01-21"),
                p("b", 1, "41", "2024-01-21"),
                p("c", 1, "41", "2024-01-21"),
            ],
            &["b 01-20 zto", "c 01-20 zto", "a 01-21 zto late"],
            &[],
        ),
        (
            "without a deadline nothing is late",
            vec![p("a", 2, "41", ""), p("b", 2, "65", "")],
            &["a 01-20 zto", "b 01-21 zto"],
            &[],
        ),
        (
            "no place",
            vec![
                p("a", 3, "41", ""),
                p("b", 1, "54", "2024-02-01"),
                p("c", 1, "44", ""),
            ],
            &["c 01-20 zto"],
            &["a", "b"],
        ),
    ];
    for (what, parcels, assigned, unassigned) in cases {
        let (found, lacking) = seen(&with(&parcels));
        assert_eq!(found, assigned, "{what}");
        assert_eq!(lacking, unassigned, "{what}");
    }
}

#[test]
fn reasons() {
    let only = |mut parcel: Value, carrier: &str, ready_on: &str| {
        parcel["carrier"] = json!(carrier);
        parcel["ready_on"] = json!(ready_on);
        parcel
    };
    let cases = [
        (
            parcel("a", 1, "65", "2024-02-05"),
            "最晚 01-28 由中通发往新疆，还有 8 天余量",
            "has to leave for Xinjiang with 中通 by 01-28, 8 days to spare",
        ),
        (
            parcel("a", 1, "41", "2024-01-21"),
            "最晚 01-20 由中通发往河南，没有余量",
            "has to leave for Henan with 中通 by 01-20, no day to spare",
        ),
        (
            parcel("a", 1, "41", ""),
            "没有期限，01-20 由中通发往河南",
            "no deadline; leaves for Henan with 中通 on 01-20",
        ),
        (
            parcel("a", 1, "41", "2030-01-01"),
            "01-20 由中通发往河南，离期限还远",
            "leaves for Henan with 中通 on 01-20, long before its deadline",
        ),
        (
            parcel("a", 1, "44", "2024-01-21"),
            "最早发出也来不及；01-20 由中通发往广东，01-23 到，晚 2 天",
            "too late even from the first day; leaves for Guangdong with 中通 on 01-20, arrives on 01-23, 2 days late",
        ),
        (
            parcel("a", 1, "54", ""),
            "没有快递发往西藏",
            "no carrier serves Tibet",
        ),
        (
            only(parcel("a", 1, "65", ""), "sf", "2024-01-20"),
            "sf不发往新疆",
            "sf does not serve Xinjiang",
        ),
        (
            only(parcel("a", 1, "41", ""), "sf", "2024-03-01"),
            "到 02-18 为止sf不收发往河南的件",
            "sf does not collect for Henan until 02-18",
        ),
        (
            parcel("a", 3, "41", ""),
            "3 箱要一天发完，到 02-18 为止没有一天装得下",
            "its 3 cases leave together, and no day until 02-18 has so much room",
        ),
    ];
    for (parcel, zh, en) in cases {
        let plan = plan(&with(&[parcel])).unwrap();
        let reason = match plan.assigned.first() {
            Some(row) => row.reason.clone(),
            None => plan.unassigned[0].reason.clone(),
        };
        assert_eq!((reason.zh.as_str(), reason.en.as_str()), (zh, en));
    }
}

#[test]
fn late_for_want_of_room() {
    let full = with(&[
        parcel("a", 2, "41", "2024-01-21"),
        parcel("b", 2, "41", "2024-01-21"),
    ]);
    let plan = plan(&full).unwrap();
    assert!(
        plan.assigned[1]
            .reason
            .zh
            .starts_with("能按时到的日子已经排满；01-21")
    );
}

#[test]
fn the_output_is_the_contracts() {
    let plan = plan(&with(&[
        parcel("a", 2, "41", "2024-01-22"),
        parcel("b", 1, "54", "2024-02-01"),
    ]))
    .unwrap();
    let expected = json!({
        "assigned": [{"id": "a", "ship_on": "2024-01-20", "carrier": "zto", "arrives_on": "2024-01-21", "late": false,
            "reason": "最晚 01-21 由中通发往河南，还有 1 天余量 / has to leave for Henan with 中通 by 01-21, 1 day to spare"}],
        "unassigned": [{"id": "b", "reason": "没有快递发往西藏 / no carrier serves Tibet"}],
        "late_count": 1, "freight_fen": 1800});
    assert_eq!(serde_json::to_value(plan).unwrap(), expected);
}

#[test]
fn wrong_fields_are_named() {
    let cases: [(&str, Value, &str); 17] = [
        ("/horizon_days", json!(0), "horizon_days"),
        ("/as_of", json!("+9999-01-01"), "as_of"),
        ("/workshop/cases_per_day", json!(-1), "workshop.cases_per_day"),
        (
            "/workshop/days/2024-01-22",
            json!(1_000_001),
            "workshop.days.2024-01-22",
        ),
        ("/carriers/0/carrier", json!("sf"), "carriers[1].carrier"),
        ("/carriers/0/carrier", json!(""), "carriers[0].carrier"),
        (
            "/carriers/1/pickup_cases_per_day",
            json!(-5),
            "carriers[1].pickup_cases_per_day",
        ),
        (
            "/carriers/1/fen_per_case",
            json!(i64::MAX),
            "carriers[1].fen_per_case",
        ),
        (
            "/carriers/0/transit_days/44",
            json!(401),
            "carriers[0].transit_days.44",
        ),
        (
            "/carriers/0/stops/1/province",
            json!("新疆"),
            "carriers[0].stops[1].province",
        ),
        (
            "/carriers/0/stops/0/resumes_on",
            json!("2024-02-08"),
            "carriers[0].stops[0].resumes_on",
        ),
        ("/parcels/1/id", json!("a"), "parcels[1].id"),
        ("/parcels/1/id", json!("a\nb"), "parcels[1].id"),
        ("/parcels/0/cases", json!(0), "parcels[0].cases"),
        ("/parcels/0/province", json!("4"), "parcels[0].province"),
        ("/parcels/0/carrier", json!("ems"), "parcels[0].carrier"),
        ("/parcels/0/ready_on", json!("1900-01-01"), "parcels[0].ready_on"),
    ];
    let mut right = village();
    right["parcels"] = json!([parcel("a", 1, "41", ""), parcel("b", 1, "41", "")]);
    for field in ["deadline", "ready_on", "paid_at", "carrier"] {
        right["parcels"][0][field] = Value::Null;
    }
    assert!(plan(&input(right.clone())).is_ok());
    for (at, value, field) in cases {
        let mut wrong = right.clone();
        *wrong.pointer_mut(at).unwrap() = value;
        assert_eq!(plan(&input(wrong)).unwrap_err().field, field, "{at}");
    }
    right["parcels"][0]["weight"] = json!(5);
    assert!(
        serde_json::from_value::<Input>(right).is_err(),
        "an unknown field"
    );
}

#[test]
fn very_many_choices_are_refused() {
    let mut large = village();
    large["horizon_days"] = json!(400);
    large["workshop"]["cases_per_day"] = json!(1_000);
    let carrier = large["carriers"][1].clone();
    for at in 0..48 {
        let mut more = carrier.clone();
        more["carrier"] = json!(format!("c{at}"));
        large["carriers"].as_array_mut().unwrap().push(more);
    }
    let parcels: Vec<Value> = (0..20_000)
        .map(|at| {
            let (day, month, ready) = (1 + at % 28, 1 + at / 28 % 12, 1 + at / 336 % 28);
            let mut parcel = parcel(&format!("p{at}"), 1, "41", &format!("2025-{month:02}-{day:02}"));
            parcel["ready_on"] = json!(format!("2024-{:02}-{ready:02}", 2 + at / 9_408));
            parcel
        })
        .collect();
    large["parcels"] = json!(parcels);
    assert_eq!(plan(&input(large)).unwrap_err().field, "horizon_days");
}
