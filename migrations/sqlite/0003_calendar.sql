-- When cases can leave and when they arrive: the workshop's capacity, the carriers, and what promises have taken of both.

-- One row per village that keeps a calendar. Whoever takes or gives back room locks it first.
CREATE TABLE calendar (
    village_id    INTEGER NOT NULL REFERENCES village (id),
    -- cases that the workshop packs on an ordinary day
    cases_per_day INTEGER NOT NULL CHECK (cases_per_day >= 0),
    -- counts the changes by staff: whoever has an older edition in memory reads it anew
    edition       INTEGER NOT NULL,
    -- counts the changes of promise_day: whoever waited for the lock sees that there is something new to read
    taken         INTEGER NOT NULL DEFAULT 0,
    -- the edition for which orders without a promise were last looked at
    backlog       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (village_id)
) STRICT;

-- Days on which the workshop packs more or less; 0 is a day off.
CREATE TABLE capacity_day (
    village_id INTEGER NOT NULL,
    day        TEXT    NOT NULL,
    cases      INTEGER NOT NULL CHECK (cases >= 0),
    PRIMARY KEY (village_id, day),
    FOREIGN KEY (village_id) REFERENCES calendar (village_id)
) STRICT;

-- Its id is the short name that staff gave it, like zto.
CREATE TABLE carrier (
    village_id    INTEGER NOT NULL,
    id            TEXT    NOT NULL CHECK (id <> ''),
    position      INTEGER NOT NULL,
    name          TEXT,
    -- local time until which cases are collected, HH:MM
    cut_off       TEXT,
    pickup_cases  INTEGER NOT NULL CHECK (pickup_cases >= 0),
    fen_per_case  INTEGER NOT NULL CHECK (fen_per_case >= 0),
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id) REFERENCES calendar (village_id)
) STRICT;

-- Days on which a carrier collects more or less; 0 is a day without pick-up.
CREATE TABLE carrier_day (
    village_id INTEGER NOT NULL,
    carrier    TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    cases      INTEGER NOT NULL CHECK (cases >= 0),
    PRIMARY KEY (village_id, carrier, day),
    FOREIGN KEY (village_id, carrier) REFERENCES carrier (village_id, id)
) STRICT;

-- Days on the way. A province without a row is not served.
CREATE TABLE carrier_transit (
    village_id INTEGER NOT NULL,
    carrier    TEXT    NOT NULL,
    province   TEXT    NOT NULL,
    days       INTEGER NOT NULL CHECK (days >= 0),
    PRIMARY KEY (village_id, carrier, province),
    FOREIGN KEY (village_id, carrier) REFERENCES carrier (village_id, id)
) STRICT;

-- Festival stops, per province or for all without rows of their own (*).
CREATE TABLE carrier_stop (
    village_id     INTEGER NOT NULL,
    carrier        TEXT    NOT NULL,
    position       INTEGER NOT NULL,
    province       TEXT    NOT NULL,
    collects_until TEXT    NOT NULL,
    delivers_until TEXT    NOT NULL,
    resumes_on     TEXT    NOT NULL,
    PRIMARY KEY (village_id, carrier, position),
    FOREIGN KEY (village_id, carrier) REFERENCES carrier (village_id, id),
    CHECK (collects_until < resumes_on)
) STRICT;

-- What live orders' promises have taken of a day: of the workshop (carrier '') and of each carrier's pick-up. `room` is
-- the day's capacity when it was last looked at; less than what is promised already it never gets.
CREATE TABLE promise_day (
    village_id INTEGER NOT NULL REFERENCES village (id),
    day        TEXT    NOT NULL,
    carrier    TEXT    NOT NULL,
    promised   INTEGER NOT NULL,
    room       INTEGER NOT NULL,
    PRIMARY KEY (village_id, day, carrier),
    CHECK (promised >= 0 AND promised <= room)
) STRICT;

-- What an order's buyer had been promised before, and why that was replaced. The promise that counts is orders.promise.
CREATE TABLE promise_past (
    village_id INTEGER NOT NULL,
    order_id   BLOB    NOT NULL,
    version    INTEGER NOT NULL,
    promise    TEXT,
    replaced_at INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (village_id, order_id, version),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id)
) STRICT;
