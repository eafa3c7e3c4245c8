-- When cases can leave and when they arrive: the workshop's capacity, the carriers, and what promises have taken of both.

-- One row per village that keeps a calendar. Whoever takes or gives back room locks it first.
CREATE TABLE calendar (
    village_id    BIGINT  NOT NULL REFERENCES village (id),
    -- cases that the workshop packs on an ordinary day
    cases_per_day BIGINT  NOT NULL CHECK (cases_per_day >= 0),
    -- counts the changes by staff: whoever has an older edition in memory reads it anew
    edition       BIGINT  NOT NULL,
    -- counts the changes of promise_day: whoever waited for the lock sees that there is something new to read
    taken         BIGINT  NOT NULL DEFAULT 0,
    -- the edition for which orders without a promise were last looked at
    backlog       BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (village_id)
);

-- Days on which the workshop packs more or less; 0 is a day off.
CREATE TABLE capacity_day (
    village_id BIGINT  NOT NULL,
    day        TEXT    NOT NULL,
    cases      BIGINT  NOT NULL CHECK (cases >= 0),
    PRIMARY KEY (village_id, day),
    FOREIGN KEY (village_id) REFERENCES calendar (village_id)
);

-- Its id is the short name that staff gave it, like zto.
CREATE TABLE carrier (
    village_id    BIGINT  NOT NULL,
    id            TEXT    NOT NULL CHECK (id <> ''),
    position      BIGINT  NOT NULL,
    name          TEXT,
    -- local time until which cases are collected, HH:MM
    cut_off       TEXT,
    pickup_cases  BIGINT  NOT NULL CHECK (pickup_cases >= 0),
    fen_per_case  BIGINT  NOT NULL CHECK (fen_per_case >= 0),
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id) REFERENCES calendar (village_id)
);

-- Days on which a carrier collects more or less; 0 is a day without pick-up.
CREATE TABLE carrier_day (
    village_id BIGINT  NOT NULL,
    carrier    TEXT    NOT NULL,
    day        TEXT    NOT NULL,
    cases      BIGINT  NOT NULL CHECK (cases >= 0),
    PRIMARY KEY (village_id, carrier, day),
    FOREIGN KEY (village_id, carrier) REFERENCES carrier (village_id, id)
);

-- Days on the way. A province without a row is not served.
CREATE TABLE carrier_transit (
    village_id BIGINT  NOT NULL,
    carrier    TEXT    NOT NULL,
    province   TEXT    NOT NULL,
    days       BIGINT  NOT NULL CHECK (days >= 0),
    PRIMARY KEY (village_id, carrier, province),
    FOREIGN KEY (village_id, carrier) REFERENCES carrier (village_id, id)
);

-- Festival stops, per province or for all without rows of their own (*).
CREATE TABLE carrier_stop (
    village_id     BIGINT  NOT NULL,
    carrier        TEXT    NOT NULL,
    position       BIGINT  NOT NULL,
    province       TEXT    NOT NULL,
    collects_until TEXT    NOT NULL,
    delivers_until TEXT    NOT NULL,
    resumes_on     TEXT    NOT NULL,
    PRIMARY KEY (village_id, carrier, position),
    FOREIGN KEY (village_id, carrier) REFERENCES carrier (village_id, id),
    CHECK (collects_until < resumes_on)
);

-- What live orders' promises have taken of a day: of the workshop (carrier '') and of each carrier's pick-up. `room` is
-- the day's capacity when it was last looked at; less than what is promised already it never gets.
CREATE TABLE promise_day (
    village_id BIGINT  NOT NULL REFERENCES village (id),
    day        TEXT    NOT NULL,
    carrier    TEXT    NOT NULL,
    promised   BIGINT  NOT NULL,
    room       BIGINT  NOT NULL,
    PRIMARY KEY (village_id, day, carrier),
    CHECK (promised >= 0 AND promised <= room)
);

-- What an order's buyer had been promised before, and why that was replaced. The promise that counts is orders.promise.
CREATE TABLE promise_past (
    village_id BIGINT  NOT NULL,
    order_id   UUID    NOT NULL,
    version    BIGINT  NOT NULL,
    promise    TEXT,
    replaced_at BIGINT  NOT NULL,
    reason     TEXT    NOT NULL,
    PRIMARY KEY (village_id, order_id, version),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id)
);
