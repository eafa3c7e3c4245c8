//! The commands that do one thing and end.

use serde_json::{Value, json};

use super::shop::{found, must, place_order, stocked};
use super::{Ended, Place, Server, end, of_the_repo};

const BACKLOG: &str = "src/demo/orders-380-cases.kuaituantuan.csv";

/// Refused, with one line on stderr that has these words.
fn assert_refused(ended: &Ended, code: i32, words: &str) {
    assert_eq!(ended.code, code, "{}{}", ended.out, ended.err);
    assert_eq!(ended.out, "");
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    assert!(ended.err.contains(words), "{words} is not in: {}", ended.err);
}

#[test]
fn wrong_settings_name_themselves() {
    for (name, value) in [
        ("CUNJI_DATABASE_URL", "mysql://db/shop"),
        ("CUNJI_LISTEN", "8080"),
        ("CUNJI_PUBLIC_URL", "shop.example"),
        ("CUNJI_HOLD_TTL", "soon"),
        ("CUNJI_PAYMENTS", "gold"),
        ("CUNJI_ALLOW_PRACTICE", "yes"),
        ("CUNJI_METRICS_LISTEN", "nowhere"),
        ("CUNJI_NOW", "today"),
    ] {
        for command in ["serve", "demo", "check"] {
            let ended = Place::on("sqlite").with(name, value).run(&[command], "");
            assert_refused(&ended, 2, name);
        }
    }
    let place = Place::on("sqlite").with("CUNJI_DATABASE_URL", "mysql://shop:hunter2@db/shop");
    assert!(
        !place.run(&["serve"], "").err.contains("hunter2"),
        "an address can hold a password"
    );
}

#[test]
fn play_money_has_to_be_meant() {
    let place = Place::on("sqlite").with("CUNJI_PAYMENTS", "transfer,practice");
    assert_refused(&place.run(&["serve"], ""), 2, "CUNJI_ALLOW_PRACTICE=1");
    place.with("CUNJI_ALLOW_PRACTICE", "1").serve().stop();
}

#[test]
fn wrong_use_is_told() {
    let place = Place::on("sqlite");
    for arguments in [
        &["sell"][..],
        &[],
        &["serve", "--fast"],
        &["job"],
        &["job", "nonsense"],
        &["staff", "add", "boss", "--role", "king"],
        &["bench", "--clients", "0"],
    ] {
        let ended = place.run(arguments, "a password of the tests\n");
        assert_eq!(ended.code, 2, "{arguments:?}: {}{}", ended.out, ended.err);
        assert!(!ended.err.is_empty(), "{arguments:?}");
    }
    assert_refused(&place.run(&["job", "nonsense"], ""), 2, "cunji job --list");
    assert_refused(
        &place.run(&["staff", "add", "a", "--role", "packer"], "long enough 1\n"),
        1,
        "no village yet",
    );
    assert_refused(&place.run(&["token", "create", "nobody"], ""), 1, "nobody");
}

#[test]
fn jobs_are_listed_and_run() {
    let place = Place::on("sqlite");
    let list = place.must(&["job", "--list"], "");
    let names: Vec<_> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(
        names.contains(&"expire-holds") && names.contains(&"send-outbox"),
        "{list}"
    );
    for name in names {
        assert!(
            place.must(&["job", name], "").starts_with(&format!("{name}: ")),
            "{name}"
        );
    }
}

#[test]
fn pasted_addresses_become_lines_of_json() {
    let text =
        "苏宇 13812345678 河南省郑州市金水区文化路1号\n\n湖北省武汉市武昌区中山路2号，程玉，13912345678";
    let out = Place::on("sqlite").must(&["address"], text);
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        let mut fields: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            [
                "city",
                "code",
                "confidence",
                "district",
                "name",
                "phone",
                "province",
                "street"
            ]
        );
    }
    assert_eq!(
        (&lines[0]["name"], &lines[0]["city"]),
        (&json!("苏宇"), &json!("郑州市"))
    );
    assert!(lines[1]["phone"].is_null());
    assert_eq!(
        (&lines[2]["phone"], &lines[2]["province"]),
        (&json!("13912345678"), &json!("湖北省"))
    );
}

#[test]
fn a_plan_is_json_in_and_json_out() {
    let parcel =
        |id: &str, deadline: &str| json!({"id": id, "cases": 1, "province": "41", "deadline": deadline});
    let input = json!({"as_of": "2024-01-20", "horizon_days": 5, "workshop": {"cases_per_day": 1},
        "carriers": [{"carrier": "zto", "pickup_cases_per_day": 1, "fen_per_case": 900, "transit_days": {"41": 1}}],
        "parcels": [parcel("a", "2024-01-22"), parcel("b", "2024-01-21")]});
    let place = Place::on("sqlite");
    let answer = |arguments: &[&str], input: &Value| -> Value {
        serde_json::from_str(&place.must(arguments, &input.to_string())).unwrap()
    };
    let plan = answer(&["plan", "-"], &input);
    assert_eq!(
        (&plan["late_count"], &plan["freight_fen"]),
        (&json!(0), &json!(1_800))
    );
    let first = &plan["assigned"][0];
    assert_eq!(
        (&first["id"], &first["ship_on"], &first["arrives_on"]),
        (&json!("b"), &json!("2024-01-20"), &json!("2024-01-21"))
    );
    let write = |name: &str, value: &Value| {
        std::fs::write(place.folder.join(name), value.to_string()).unwrap();
    };
    write("change.json", &json!({"ready_on": {"b": "2024-01-21"}}));
    let compared = answer(&["plan", "-", "--what-if", "change.json"], &input);
    assert_eq!(compared["before"], plan);
    assert_eq!(compared["difference"]["newly_late"], json!(["b"]));

    for (at, value, field) in [
        ("/parcels/1/cases", json!(0), "parcels[1].cases"),
        ("/parcels/1/cases", json!("1"), "parcels[1].cases"),
        ("/parcels/1/deadline", json!("2024-02-30"), "parcels[1].deadline"),
        ("/carriers/0", json!({"fax": 1}), "carriers[0].fax"),
        ("/workshop", json!({}), "workshop.cases_per_day"),
    ] {
        let mut wrong = input.clone();
        *wrong.pointer_mut(at).unwrap() = value;
        assert_refused(&place.run(&["plan", "-"], &wrong.to_string()), 2, field);
    }
    assert_refused(&place.run(&["plan", "-"], "{"), 2, "JSON");
    write("unknown.json", &json!({"carriers": {"ems": {}}}));
    let ended = place.run(&["plan", "-", "--what-if", "unknown.json"], &input.to_string());
    assert_refused(&ended, 2, "carriers.ems");
    assert_refused(&place.run(&["plan", "-", "--what-if", "-"], ""), 2, "--what-if");
    assert_refused(
        &place.run(&["plan", "no-such-file.json"], ""),
        1,
        "no-such-file.json",
    );
}

#[test]
fn the_bench_reports_what_it_promises() {
    let out = Place::on("sqlite").must(&["bench", "--seconds", "1", "--clients", "16", "--json"], "");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&report["engine"], &report["oversold"]),
        (&json!("sqlite"), &json!(0))
    );
    for field in [
        "orders_per_s",
        "p50_ms",
        "p99_ms",
        "engine_limit_orders_per_s",
        "journeys_per_s",
        "link_reads_per_s",
    ] {
        assert!(
            report[field].as_f64().is_some_and(|number| number > 0.0),
            "{field}: {report}"
        );
    }
}

/// From an empty database to a paid order, with the command line and HTTP alone.
async fn first_day(engine: &str) {
    let place = Place::on(engine);
    place.must(&["migrate"], "");
    place.must(&["migrate"], "");
    let token = found(&place);
    let server = place.serve();
    server.ready().await;
    let (at, link) = (server.address, stocked(&server, &token, &[("MS10", 5)]).await);
    let placed = place_order(at, &link, "MS10", "first").await.unwrap();
    assert_eq!(placed.status, 201, "{}", placed.text());
    let order = placed.json();
    let path = format!("/api/v1/orders/{}", order["token"].as_str().unwrap());
    let step = must(
        at,
        "",
        "POST",
        &format!("{path}/payments"),
        json!({"method": "transfer"}),
    )
    .await;
    assert_eq!(step["kind"], "instructions");
    let seen = json!({"received_into": "合作社", "amount_fen": order["total_fen"], "reference": "银行 1"});
    let confirm = format!(
        "/api/v1/orders/{}/confirm-payment",
        order["number"].as_str().unwrap()
    );
    assert_eq!(must(at, &token, "POST", &confirm, seen).await["status"], "paid");
    assert_eq!(must(at, "", "GET", &path, Value::Null).await["status"], "paid");
    place.check();
    server.stop();
    place.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_opens_its_shop_on_sqlite() {
    first_day("sqlite").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_village_opens_its_shop_on_postgresql() {
    first_day("postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_file_comes_in_once() {
    let place = Place::on("sqlite");
    let token = found(&place);
    let file = of_the_repo(BACKLOG);
    let lacking = place.run(&["import", "orders", &file], "");
    assert_eq!(lacking.code, 1, "{}", lacking.out);
    assert!(
        lacking.out.contains("0 created") && lacking.out.contains("problem: "),
        "{}",
        lacking.out
    );
    let server = place.serve();
    server.ready().await;
    stocked(
        &server,
        &token,
        &[
            ("FT05", 900),
            ("FT10", 900),
            ("MS10", 900),
            ("LG02", 900),
            ("MY04", 900),
        ],
    )
    .await;
    server.stop();
    let trial = place.must(&["import", "orders", &file, "--dry-run"], "");
    assert!(
        trial.contains("166 created") && trial.contains("dry run"),
        "{trial}"
    );
    let first = place.must(&["import", "orders", &file, "--shop", "kuaituantuan"], "");
    assert!(
        first.contains("166 created") && !first.contains("dry run"),
        "{first}"
    );
    let again = place.must(&["import", "orders", &file], "");
    assert!(again.contains("0 created, 0 updated, 166 unchanged"), "{again}");
    let missing = place.run(&["import", "orders", "no-such-file.csv"], "");
    assert_refused(&missing, 1, "no-such-file.csv");
    place.check();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_shop_is_a_shop() {
    let place = Place::on("sqlite");
    let (server, _, _) = Server::demo(place.command(&["demo", "--json"]));
    server.ready().await;
    place.must(&["backup", "copy.db"], "");
    assert_refused(&place.run(&["backup", "copy.db"], ""), 1, "exists already");
    let command = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("CUNJI_DATABASE_URL", "sqlite://restored.db");
        end(command, "")
    };
    let restored = command(&["restore", "copy.db"]);
    assert_eq!(restored.code, 0, "{}", restored.err);
    let checked = command(&["check"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert!(
        checked.out.lines().count() > 5 && !checked.out.contains("BROKEN"),
        "{}",
        checked.out
    );
    assert_refused(&place.run(&["restore", "copy.db"], ""), 1, "in use");
}
