-- From paid backlog to handed over: batches, parcels, what is in them, their waybills and what carriers report.
--
-- A parcel is a plan until it is packed: the next plan may move it, until its batch is released, or it has a waybill.
-- States of a parcel are facts with times; only the batch stores a state (fulfillment::State::next).

-- What serialises planning: `epoch` counts every change of batches and parcels, so that a plan that was computed on an
-- older state is refused; the two counters give batches and parcels their numbers.
CREATE TABLE planning (
    village_id  INTEGER NOT NULL REFERENCES village (id),
    epoch       INTEGER NOT NULL,
    last_batch  INTEGER NOT NULL,
    last_parcel INTEGER NOT NULL,
    PRIMARY KEY (village_id)
) STRICT;

-- One day's work for one carrier. The two capacities are those of the plan that made it.
CREATE TABLE batch (
    village_id     INTEGER NOT NULL REFERENCES village (id),
    id             BLOB    NOT NULL,
    number         TEXT    NOT NULL,
    ship_on        TEXT    NOT NULL,
    carrier        TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('planned', 'released', 'packed', 'handed_over')),
    workshop_cases INTEGER NOT NULL CHECK (workshop_cases >= 0),
    pickup_cases   INTEGER NOT NULL CHECK (pickup_cases >= 0),
    created_at     INTEGER NOT NULL,
    released_at    INTEGER,
    released_by    BLOB,
    handed_over_at INTEGER,
    handed_over_by BLOB,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, number),
    FOREIGN KEY (village_id, released_by) REFERENCES staff (village_id, id),
    FOREIGN KEY (village_id, handed_over_by) REFERENCES staff (village_id, id),
    CHECK ((state = 'planned') = (released_at IS NULL)),
    CHECK ((state = 'handed_over') = (handed_over_at IS NOT NULL)),
    CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CHECK ((handed_over_at IS NULL) = (handed_over_by IS NULL))
) STRICT;
-- planning again fills the same planned batch
CREATE UNIQUE INDEX batch_planned ON batch (village_id, ship_on, carrier) WHERE state = 'planned';
CREATE INDEX batch_day ON batch (village_id, ship_on);

-- One box group to one address. `order_id` says whose address; what is inside stands in parcel_line.
CREATE TABLE parcel (
    village_id     INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    code           TEXT    NOT NULL,
    batch_id       BLOB,
    order_id       BLOB    NOT NULL,
    ship_on        TEXT    NOT NULL,
    carrier        TEXT    NOT NULL,
    arrives_on     TEXT    NOT NULL,
    deadline       TEXT,
    reason         TEXT    NOT NULL,
    -- the carrier's last day of collecting for the parcel's province before its next stop, as planned
    collects_until TEXT,
    cases          INTEGER NOT NULL CHECK (cases > 0),
    grams          INTEGER NOT NULL CHECK (grams > 0),
    planned_at     INTEGER NOT NULL,
    held_at        INTEGER,
    held_by        BLOB,
    held_reason    TEXT,
    packed_at      INTEGER,
    packed_by      BLOB,
    handed_over_at INTEGER,
    delivered_at   INTEGER,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, code),
    FOREIGN KEY (village_id, batch_id) REFERENCES batch (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, held_by) REFERENCES staff (village_id, id),
    FOREIGN KEY (village_id, packed_by) REFERENCES staff (village_id, id),
    CHECK (arrives_on >= ship_on),
    CHECK ((held_at IS NULL) = (held_reason IS NULL) AND (held_at IS NULL) = (held_by IS NULL)),
    CHECK (held_at IS NULL OR handed_over_at IS NULL),
    CHECK ((packed_at IS NULL) = (packed_by IS NULL)),
    CHECK (packed_at IS NULL OR batch_id IS NOT NULL),
    CHECK (handed_over_at IS NULL OR packed_at IS NOT NULL),
    CHECK (delivered_at IS NULL OR handed_over_at IS NOT NULL)
) STRICT;
CREATE INDEX parcel_batch ON parcel (village_id, batch_id);

-- The ordered cases in a parcel. `version` is the order's when it was planned: one that was edited since is planned again.
CREATE TABLE parcel_line (
    village_id  INTEGER NOT NULL,
    parcel_id   BLOB    NOT NULL,
    order_id    BLOB    NOT NULL,
    line        INTEGER NOT NULL,
    sku_id      BLOB    NOT NULL,
    cases       INTEGER NOT NULL CHECK (cases > 0),
    version     INTEGER NOT NULL,
    PRIMARY KEY (village_id, parcel_id, order_id, line),
    FOREIGN KEY (village_id, parcel_id) REFERENCES parcel (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parcel_line_order ON parcel_line (village_id, order_id);

-- The lots that fill a line; a gift box takes from several skus. `good_until` is the day that the lot has to last: the
-- arrival and the sku's least life after it. `picked_in` is the epoch of planning in which it was chosen.
CREATE TABLE parcel_lot (
    village_id  INTEGER NOT NULL,
    parcel_id   BLOB    NOT NULL,
    order_id    BLOB    NOT NULL,
    line        INTEGER NOT NULL,
    sku_id      BLOB    NOT NULL,
    lot_id      BLOB    NOT NULL,
    quantity    INTEGER NOT NULL CHECK (quantity > 0),
    good_until  TEXT    NOT NULL,
    picked_in   INTEGER NOT NULL,
    PRIMARY KEY (village_id, parcel_id, order_id, line, sku_id, lot_id),
    FOREIGN KEY (village_id, parcel_id) REFERENCES parcel (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    FOREIGN KEY (village_id, lot_id) REFERENCES lot (village_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parcel_lot_lot ON parcel_lot (village_id, lot_id);

-- Every number that a parcel has had; the live one has no `ended_at`.
CREATE TABLE waybill (
    village_id  INTEGER NOT NULL,
    id          BLOB    NOT NULL,
    parcel_id   BLOB    NOT NULL,
    carrier     TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    entered_by  BLOB    NOT NULL,
    ended_at    INTEGER,
    end_reason  TEXT,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, parcel_id) REFERENCES parcel (village_id, id),
    FOREIGN KEY (village_id, entered_by) REFERENCES staff (village_id, id),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (ended_at IS NULL OR ended_at >= since)
) STRICT;
-- one waybill, one parcel
CREATE UNIQUE INDEX waybill_number ON waybill (village_id, carrier, number) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX waybill_parcel ON waybill (village_id, parcel_id) WHERE ended_at IS NULL;
CREATE INDEX waybill_history ON waybill (village_id, parcel_id, since);

-- What a carrier has said of a parcel on its way; the same message is stored once.
CREATE TABLE parcel_event (
    village_id  INTEGER NOT NULL,
    id          BLOB    NOT NULL,
    parcel_id   BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    text        TEXT    NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, parcel_id, at, text),
    FOREIGN KEY (village_id, parcel_id) REFERENCES parcel (village_id, id)
) STRICT;

-- What an order asks of its sending, once staff have looked at it: an empty row was looked at and asks for nothing.
CREATE TABLE wish (
    village_id  INTEGER NOT NULL,
    order_id    BLOB    NOT NULL,
    carrier     TEXT,
    arrive_by   TEXT,
    not_before  TEXT,
    together    INTEGER NOT NULL,
    decided_at  INTEGER NOT NULL,
    decided_by  BLOB    NOT NULL,
    PRIMARY KEY (village_id, order_id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, decided_by) REFERENCES staff (village_id, id)
) STRICT;
