use super::*;
use crate::calendar::{Stop, Workshop};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn carrier(code: &str, pickup: i64, fen: i64, transit: [(&str, u32); 2]) -> Carrier {
    Carrier {
        carrier: code.into(),
        name: None,
        cut_off: None,
        pickup_cases_per_day: pickup,
        days: BTreeMap::new(),
        fen_per_case: fen,
        transit_days: transit.map(|(province, days)| (province.into(), days)).into(),
        stops: vec![],
    }
}

/// Ten cases a day; zto collects eight until five in the afternoon, sf is a day faster, dearer, and collects two.
fn calendar() -> Calendar {
    let mut zto = carrier("zto", 8, 900, [("41", 1), ("44", 3)]);
    zto.cut_off = Some("17:00".into());
    zto.stops = vec![Stop {
        province: "*".into(),
        collects_until: day("2024-02-04"),
        delivers_until: day("2024-02-08"),
        resumes_on: day("2024-02-18"),
    }];
    Calendar {
        edition: 1,
        workshop: Workshop {
            cases_per_day: 10,
            days: BTreeMap::from([(day("2024-01-21"), 0)]),
        },
        carriers: vec![zto, carrier("sf", 2, 1_700, [("41", 1), ("44", 2)])],
    }
}

/// Saturday morning at ten.
const MORNING: &str = "2024-01-20T02:00:00Z";

fn rooms(taken: &[(&str, &str, i64)], now: &str) -> Rooms {
    let row = |(day, carrier, promised): &(&str, &str, i64)| Taken {
        day: (*day).into(),
        carrier: (*carrier).into(),
        promised: *promised,
    };
    let taken: Vec<Taken> = taken.iter().map(row).collect();
    Rooms::new(Arc::new(calendar()), &taken, at(now))
}

fn said(promise: Option<Promise>) -> String {
    promise.map_or("none".into(), |it| {
        format!(
            "{} {} {}",
            it.carrier,
            it.ships_on.format("%m-%d"),
            it.arrives_by.format("%m-%d")
        )
    })
}

#[test]
fn the_earliest_arrival_then_the_cheapest() {
    let full = [
        ("2024-01-20", "", 9),
        ("2024-01-20", "sf", 1),
        ("2024-01-20", "zto", 8),
    ];
    for (taken, now, province, cases, expected) in [
        (&[][..], MORNING, "44", 1, "sf 01-20 01-22"),
        (&[], MORNING, "41", 1, "zto 01-20 01-21"),
        (&[], MORNING, "44", 3, "zto 01-20 01-23"),
        // not served, and more than any day takes
        (&[], MORNING, "11", 1, "none"),
        (&[], MORNING, "41", 9, "none"),
        // one place is left, with sf; the 21st is a day off
        (&full, MORNING, "41", 1, "sf 01-20 01-21"),
        (&full, MORNING, "41", 2, "zto 01-22 01-23"),
        // zto has collected at five
        (&[], "2024-01-20T08:59:59Z", "41", 1, "zto 01-20 01-21"),
        (&[], "2024-01-20T09:00:00Z", "41", 1, "sf 01-20 01-21"),
        (&[], "2024-01-20T09:00:00Z", "41", 3, "zto 01-22 01-23"),
        // sf goes on while zto has stopped
        (&[], "2024-02-06T02:00:00Z", "41", 2, "sf 02-06 02-07"),
        (&[], "2024-02-06T02:00:00Z", "41", 3, "zto 02-18 02-19"),
        // what was promised yesterday is no matter of today
        (&[("2024-01-19", "", 10)], MORNING, "41", 1, "zto 01-20 01-21"),
        (&[("2024-01-20", "", 11)], MORNING, "41", 1, "zto 01-22 01-23"),
    ] {
        let found = rooms(taken, now).find(province, cases, None);
        assert_eq!(said(found), expected, "{province} {cases} {now}");
    }
}

#[test]
fn what_is_not_ready_waits() {
    let found = rooms(&[], MORNING).find("41", 1, Some(day("2024-01-25")));
    assert_eq!(said(found), "zto 01-25 01-26");
    let late = rooms(&[], MORNING).find("41", 1, Some(day("2024-01-01")));
    assert_eq!(said(late), "zto 01-20 01-21");
    let never = rooms(&[], MORNING).find("41", 1, Some(day("2024-12-01")));
    assert_eq!(said(never), "none");
}

#[test]
fn the_last_place_is_taken_once() {
    let mut rooms = rooms(&[("2024-01-20", "", 8), ("2024-01-20", "zto", 7)], MORNING);
    let before = rooms.clone();
    assert!(rooms.is_open_as(&before));
    assert_eq!(said(rooms.take("41", 1, None)), "zto 01-20 01-21");
    assert!(!rooms.is_open_as(&before), "of zto's pick-up it was the last");
    assert_eq!(said(rooms.take("41", 1, None)), "sf 01-20 01-21");
    assert_eq!(said(rooms.take("41", 1, None)), "zto 01-22 01-23");
    assert_eq!(said(rooms.take("41", 7, None)), "zto 01-22 01-23");
    let rows: Vec<String> = rooms
        .taken()
        .iter()
        .map(|row| format!("{} {:?} {} of {}", row.day, row.carrier, row.cases, row.room))
        .collect();
    assert_eq!(
        rows,
        [
            "2024-01-20 \"\" 2 of 10",
            "2024-01-20 \"sf\" 1 of 2",
            "2024-01-20 \"zto\" 1 of 8",
            "2024-01-22 \"\" 8 of 10",
            "2024-01-22 \"zto\" 8 of 8",
        ]
    );
}

#[test]
fn the_last_day_to_order_before_the_festival() {
    let feast = day("2024-02-10");
    let last = |taken: &[_], now: &str, province: &str| rooms(taken, now).last_order_day(province, feast);
    assert_eq!(
        last(&[], MORNING, "44"),
        Some(day("2024-02-07")),
        "sf, two days before"
    );
    let sf_is_full = ["2024-02-05", "2024-02-06", "2024-02-07"].map(|day| (day, "sf", 2));
    assert_eq!(
        last(&sf_is_full, MORNING, "44"),
        Some(day("2024-02-04")),
        "zto's last day"
    );
    assert_eq!(last(&[], "2024-02-08T02:00:00Z", "44"), None);
    assert_eq!(last(&[], MORNING, "11"), None, "not served");
    assert_eq!(
        last(&[], "2023-11-01T02:00:00Z", "44"),
        None,
        "beyond the horizon"
    );
}

#[test]
fn time_changes_a_promise_at_the_cut_off_and_at_midnight() {
    let next = |now: &str| rooms(&[], now).changes_at(at(now)).to_rfc3339();
    assert_eq!(next(MORNING), "2024-01-20T09:00:00Z");
    assert_eq!(next("2024-01-20T09:00:00Z"), "2024-01-20T16:00:00Z");
}

/// A season of random orders: what each was promised stays possible, since later ones take only what is left. The
/// promises are compared with the plainest search there is.
fn replay(seed: u64, orders: usize) {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    let mut random = StdRng::seed_from_u64(seed);
    let mut taken: BTreeMap<(NaiveDate, String), i64> = BTreeMap::new();
    let mut now = at(MORNING);
    let calendar = Arc::new(calendar());
    for _ in 0..orders {
        now = Timestamp(now.0 + random.random_range(0..7_200_000));
        let province = ["41", "44", "11"][random.random_range(0..3)];
        let cases = random.random_range(1..=9);
        let rows: Vec<Taken> = taken
            .iter()
            .map(|((day, carrier), promised)| Taken {
                day: day.to_string(),
                carrier: carrier.clone(),
                promised: *promised,
            })
            .collect();
        let mut rooms = Rooms::new(Arc::clone(&calendar), &rows, now);
        let told = rooms.find(province, cases, None);
        let held = rooms.take(province, cases, None);
        assert_eq!(told, held, "what was shown is what is held");
        assert_eq!(
            held.as_ref().map(|it| it.arrives_by),
            plainest(&calendar, &taken, province, cases, now)
        );
        for row in rooms.taken() {
            let sum = taken.entry((row.day, row.carrier)).or_default();
            *sum += row.cases;
            assert!(*sum <= row.room, "{} of {} on {}", sum, row.room, row.day);
        }
        let Some(promise) = held else { continue };
        let of = calendar
            .carriers
            .iter()
            .find(|it| it.carrier == promise.carrier)
            .unwrap();
        assert_eq!(of.arrival(province, promise.ships_on), Some(promise.arrives_by));
        assert!(promise.ships_on >= now.day() && promise.cases == cases);
    }
    assert!(!taken.is_empty());
}

fn plainest(
    calendar: &Calendar,
    taken: &BTreeMap<(NaiveDate, String), i64>,
    province: &str,
    cases: i64,
    now: Timestamp,
) -> Option<NaiveDate> {
    let left = |day: NaiveDate, carrier: &str, room: i64| {
        room - taken.get(&(day, carrier.to_owned())).copied().unwrap_or(0) >= cases
    };
    let days = now.day().iter_days().take(HORIZON_DAYS);
    days.flat_map(|day| calendar.carriers.iter().map(move |carrier| (day, carrier)))
        .filter(|(day, _)| left(*day, "", calendar.workshop.capacity(*day)))
        .filter(|(day, carrier)| left(*day, &carrier.carrier, carrier.pickup(*day)))
        .filter(|(day, carrier)| *day > now.day() || minute_of(now) < carrier.cut_off_minute())
        .filter_map(|(day, carrier)| carrier.arrival(province, day))
        .min()
}

#[test]
fn random_orders_are_told_what_is_held() {
    for seed in 0..4 {
        replay(seed, 150);
    }
}

#[test]
#[ignore = "ten thousand orders: cargo test --release --lib calendar::promise -- --ignored"]
fn ten_thousand_random_orders_are_told_what_is_held() {
    for seed in 0..20 {
        replay(seed, 500);
    }
}
