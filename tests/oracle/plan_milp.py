#!/usr/bin/env python3
"""Compares `cunji plan` with a mixed integer program, which shares no code with it.

Needs scipy (1.9 or later):

    python3 -m venv VENV && VENV/bin/pip install scipy
    cargo build
    VENV/bin/python tests/oracle/plan_milp.py target/debug/cunji [--trials 100] [--seed 1] [--seconds 20]

Parcels of one size: late count and freight have to be equal, else the exit code is 1. Parcels of several sizes: the gap
is reported (the program's bound stands in where it doesn't finish in its time). Every plan's own sums are checked too.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from datetime import date, timedelta

import numpy as np
from scipy.optimize import LinearConstraint, Bounds, milp
from scipy.sparse import coo_array

START = date(2027, 1, 5)
PROVINCES = ["11", "33", "41", "42", "44", "51", "65"]


def day(offset):
    return (START + timedelta(days=offset)).isoformat()


def make(rng, mixed):
    days, carriers = rng.randint(4, 14), rng.randint(1, 4)
    count = rng.randint(60, 240)
    size = (lambda: 1 if rng.random() < 0.5 else rng.randint(2, 8)) if mixed else (lambda: 1)
    parcels = [{
        "id": f"p{i}", "cases": size(), "province": rng.choice(PROVINCES),
        "deadline": day(rng.randint(1, days + 4)) if rng.random() < 0.95 else None,
        "ready_on": day(rng.randint(0, days // 2)) if rng.random() < 0.3 else None,
        "paid_at": f"2027-01-0{rng.randint(1, 4)}T0{rng.randint(0, 9)}:00:00Z",
        "carrier": None} for i in range(count)]
    per_day = max(8, int(sum(p["cases"] for p in parcels) * rng.uniform(0.6, 1.5) / days))
    rows = []
    for at in range(carriers):
        stops = []
        for province in ["*", "65"]:
            if rng.random() < 0.4:
                until = rng.randint(days // 2, days)
                stops.append({"province": province, "collects_until": day(until), "delivers_until": day(until + 2),
                              "resumes_on": day(until + rng.randint(3, 6))})
        rows.append({"carrier": f"c{at}", "pickup_cases_per_day": max(8, int(per_day * rng.uniform(0.2, 0.9))),
                     "days": {day(rng.randrange(days)): rng.choice([0, per_day])}, "fen_per_case": rng.choice([800, 900, 1200, 1700]),
                     "transit_days": {p: rng.randint(1, 5) for p in PROVINCES if rng.random() < 0.95}, "stops": stops})
    for parcel in parcels:
        if rng.random() < 0.1:
            parcel["carrier"] = rng.choice(rows)["carrier"]
    return {"as_of": day(0), "horizon_days": days,
            "workshop": {"cases_per_day": per_day, "days": {day(rng.randrange(days)): 0}}, "carriers": rows, "parcels": parcels}


def arrival(carrier, province, ship):
    if province not in carrier["transit_days"]:
        return None
    arrives = ship + timedelta(days=carrier["transit_days"][province])
    own = [s for s in carrier["stops"] if s["province"] == province]
    for stop in own or [s for s in carrier["stops"] if s["province"] == "*"]:
        until, delivers, resumes = (date.fromisoformat(stop[k]) for k in ("collects_until", "delivers_until", "resumes_on"))
        if until < ship < resumes:
            return None
        if delivers < arrives < resumes:
            arrives = resumes
    return arrives


def choices(shop, parcel):
    found = []
    for offset in range(shop["horizon_days"]):
        ship = START + timedelta(days=offset)
        if parcel["ready_on"] and ship < date.fromisoformat(parcel["ready_on"]):
            continue
        for at, carrier in enumerate(shop["carriers"]):
            if parcel["carrier"] not in (None, carrier["carrier"]):
                continue
            arrives = arrival(carrier, parcel["province"], ship)
            if arrives and (not parcel["deadline"] or arrives <= date.fromisoformat(parcel["deadline"])):
                found.append((offset, at))
    return tuple(found)


def best(shop, seconds):
    """(late, freight, whether both are proven), or bounds of them."""
    groups = Counter((choices(shop, p), p["cases"]) for p in shop["parcels"])
    columns, freight, upper, value = [], [], [], []
    for at, ((options, cases), count) in enumerate(groups.items()):
        for slot in options:
            columns.append((at, slot, cases))
            freight.append(cases * shop["carriers"][slot[1]]["fen_per_case"])
            upper.append(min(count, 10**6))
            value.append(1)
    total = len(shop["parcels"])
    if not columns:
        return total, 0, True
    rows, room = {}, []

    def row(key, limit):
        if key not in rows:
            rows[key] = len(room)
            room.append(limit)
        return rows[key]

    entries = []
    counts = list(groups.values())
    for column, (at, (offset, carrier), cases) in enumerate(columns):
        entries.append((row(("g", at), counts[at]), column, 1))
        pack = shop["workshop"]["days"].get(day(offset), shop["workshop"]["cases_per_day"])
        entries.append((row(("d", offset), pack), column, cases))
        c = shop["carriers"][carrier]
        pick = c["days"].get(day(offset), c["pickup_cases_per_day"])
        entries.append((row(("p", offset, carrier), pick), column, cases))
    r, c, v = zip(*entries)
    matrix = coo_array((v, (r, c)), shape=(len(room), len(columns))).tocsr()
    limits = [LinearConstraint(matrix, -np.inf, room)]
    bounds, whole = Bounds(0, upper), np.ones(len(columns))
    options = {"time_limit": seconds, "mip_rel_gap": 0}
    first = milp(-np.array(value, float), constraints=limits, bounds=bounds, integrality=whole, options=options)
    proven = first.status == 0
    sent = round(-first.fun) if proven else int(-first.mip_dual_bound + 1e-6)
    if not proven:
        return total - sent, None, False
    limits.append(LinearConstraint(np.array([value], float), sent, sent))
    second = milp(np.array(freight, float), constraints=limits, bounds=bounds, integrality=whole, options=options)
    proven = second.status == 0
    return total - sent, round(second.fun if proven else second.mip_dual_bound), proven


def check(shop, plan):
    parcels = {p["id"]: p for p in shop["parcels"]}
    carriers = {c["carrier"]: c for c in shop["carriers"]}
    used, late, freight = Counter(), len(plan["unassigned"]), 0
    assert sorted([r["id"] for r in plan["assigned"]] + [r["id"] for r in plan["unassigned"]]) == sorted(parcels)
    for line in plan["assigned"]:
        parcel, carrier = parcels[line["id"]], carriers[line["carrier"]]
        arrives = arrival(carrier, parcel["province"], date.fromisoformat(line["ship_on"]))
        assert arrives and arrives.isoformat() == line["arrives_on"], line
        is_late = bool(parcel["deadline"]) and line["arrives_on"] > parcel["deadline"]
        assert is_late == line["late"], line
        late, freight = late + is_late, freight + (0 if is_late else parcel["cases"] * carrier["fen_per_case"])
        used[line["ship_on"]] += parcel["cases"]
        used[line["ship_on"], line["carrier"]] += parcel["cases"]
    for key, cases in used.items():
        rules = shop["workshop"] if isinstance(key, str) else carriers[key[1]]
        on = key if isinstance(key, str) else key[0]
        assert cases <= rules["days"].get(on, rules.get("cases_per_day", rules.get("pickup_cases_per_day"))), key
    assert (late, freight) == (plan["late_count"], plan["freight_fen"])


def compare(program, rng, mixed, trials, seconds):
    name = "several sizes" if mixed else "one size"
    equal, later, dearer, unproven, spent, parcels = 0, [], [], 0, 0.0, 0
    for trial in range(trials):
        shop = make(rng, mixed)
        parcels += len(shop["parcels"])
        begun = time.monotonic()
        done = subprocess.run([program, "plan", "-"], input=json.dumps(shop), capture_output=True, text=True, check=True)
        spent += time.monotonic() - begun
        plan = json.loads(done.stdout)
        check(shop, plan)
        late, freight, proven = best(shop, seconds)
        assert plan["late_count"] >= late, f"{name} {trial}: fewer late than can be: {plan['late_count']} < {late}"
        unproven += not proven
        if plan["late_count"] > late:
            later.append(plan["late_count"] - late)
        elif freight is not None and plan["freight_fen"] != freight:
            assert plan["freight_fen"] > freight or not proven, f"{name} {trial}: cheaper than can be"
            dearer.append((plan["freight_fen"] - freight) / max(freight, 1))
        else:
            equal += 1
    print(f"{name}: {trials} trials, {parcels} parcels, {equal} equal; late count above the best in {len(later)} "
          f"(by {sum(later)} parcels in all); freight above it in {len(dearer)} (mean {100 * np.mean(dearer or [0]):.3f} %, "
          f"most {100 * max(dearer or [0]):.3f} %); {unproven} not proven in time; {1000 * spent / trials:.0f} ms a call")
    return not later and not dearer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20, help="for each of the program's two steps")
    arguments = parser.parse_args()
    exact = compare(arguments.program, random.Random(arguments.seed), False, arguments.trials, arguments.seconds)
    compare(arguments.program, random.Random(arguments.seed + 1), True, arguments.trials, arguments.seconds)
    sys.exit(0 if exact else 1)


if __name__ == "__main__":
    main()
