-- Following parcels at Kuaidi100: one row per waybill that a carrier has, and what was learned from those delivered.

-- What is done about a waybill next. An alarm stands until staff have seen it.
CREATE TABLE tracking (
    village_id    BIGINT NOT NULL,
    waybill_id    UUID    NOT NULL,
    parcel_id     UUID    NOT NULL,
    subscribed_at BIGINT,
    asked_at      BIGINT,
    next_at       BIGINT NOT NULL,
    -- failures since the last success
    failures      BIGINT NOT NULL DEFAULT 0 CHECK (failures >= 0),
    last_error    TEXT,
    alarm         TEXT,
    alarm_at      BIGINT,
    ended_at      BIGINT,
    PRIMARY KEY (village_id, waybill_id),
    FOREIGN KEY (village_id, waybill_id) REFERENCES waybill (village_id, id) ON DELETE CASCADE,
    FOREIGN KEY (village_id, parcel_id) REFERENCES parcel (village_id, id) ON DELETE CASCADE,
    CHECK ((alarm IS NULL) = (alarm_at IS NULL))
);
CREATE INDEX tracking_due ON tracking (village_id, next_at) WHERE ended_at IS NULL;
CREATE INDEX tracking_parcel ON tracking (village_id, parcel_id);

-- Days on the way that nine of ten parcels of a carrier to a province took: a suggestion for its transit table.
CREATE TABLE transit_learned (
    village_id BIGINT NOT NULL REFERENCES village (id),
    carrier    TEXT    NOT NULL,
    province   TEXT    NOT NULL,
    days       BIGINT NOT NULL CHECK (days >= 0),
    parcels    BIGINT NOT NULL CHECK (parcels >= 20),
    learned_at BIGINT NOT NULL,
    PRIMARY KEY (village_id, carrier, province)
);
