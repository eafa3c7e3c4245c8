-- The shop's first schema. The SQLite folder holds the same tables under the same file name; they differ in
-- types only (INTEGER/BIGINT, BLOB/UUID or BYTEA, INTEGER/BOOLEAN).
--
-- village_id leads every primary, unique and foreign key, so that the data can be spread by village later without a
-- rewrite. Ids are UUIDv7 made by the program; instants are epoch milliseconds; days are text, YYYY-MM-DD; money is fen.
-- What an order or a stock *is* gets computed from the facts kept here; the CHECKs keep the facts in order.

-- The group that oversees several villages. Reference table: few rows, the same everywhere.
CREATE TABLE town (
    id          BIGINT  PRIMARY KEY,
    slug        TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL
);

-- The tenant. Its id is a small number, so that public codes can carry it (see id.rs).
CREATE TABLE village (
    id          BIGINT  PRIMARY KEY,
    slug        TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    town_id     BIGINT  NOT NULL REFERENCES town (id),
    region_code TEXT    NOT NULL,
    contact     TEXT    NOT NULL,
    -- the collective's own account, shown to buyers who pay by transfer
    account     TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL
);

-- Directory: a login is unique over all villages and says where its staff row lives.
CREATE TABLE login (
    login       TEXT    PRIMARY KEY,
    village_id  BIGINT  NOT NULL,
    staff_id    UUID    NOT NULL
);

CREATE TABLE staff (
    village_id    BIGINT  NOT NULL REFERENCES village (id),
    id            UUID    NOT NULL,
    login         TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    role          TEXT    NOT NULL CHECK (role IN ('manager', 'packer', 'accountant', 'host', 'overseer')),
    password_hash TEXT    NOT NULL,
    active        BOOLEAN NOT NULL DEFAULT TRUE,
    created_at    BIGINT  NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, login)
);

-- A console session or an API token: the same thing with another life span. Only the SHA-256 of the secret is kept.
CREATE TABLE credential (
    village_id   BIGINT  NOT NULL,
    secret_hash  BYTEA   NOT NULL,
    staff_id     UUID    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('session', 'token')),
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT,
    PRIMARY KEY (village_id, secret_hash),
    FOREIGN KEY (village_id, staff_id) REFERENCES staff (village_id, id)
);

-- Who did what, with the subject before and after. Written in the transaction of the act itself.
CREATE TABLE operation (
    village_id  BIGINT  NOT NULL,
    id          UUID    NOT NULL,
    at          BIGINT  NOT NULL,
    staff_id    UUID    NOT NULL,
    act         TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    before      TEXT,
    after       TEXT,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, staff_id) REFERENCES staff (village_id, id)
);

CREATE TABLE product (
    village_id  BIGINT  NOT NULL REFERENCES village (id),
    id          UUID    NOT NULL,
    slug        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    legal_kind  TEXT    NOT NULL CHECK (legal_kind IN ('fresh', 'prepacked', 'workshop')),
    description TEXT    NOT NULL,
    -- the label's legal fields (ingredients, licence number, ...) as a JSON object
    label       TEXT    NOT NULL,
    active      BOOLEAN NOT NULL DEFAULT TRUE,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, slug)
);

-- The case one can order.
CREATE TABLE sku (
    village_id             BIGINT  NOT NULL,
    id                     UUID    NOT NULL,
    product_id             UUID    NOT NULL,
    code                   TEXT    NOT NULL,
    title                  TEXT    NOT NULL,
    spec                   TEXT    NOT NULL,
    price_fen              BIGINT  NOT NULL CHECK (price_fen >= 0),
    gross_weight_grams     BIGINT  NOT NULL CHECK (gross_weight_grams > 0),
    shelf_life_days        BIGINT  NOT NULL CHECK (shelf_life_days > 0),
    min_days_left          BIGINT  NOT NULL DEFAULT 0 CHECK (min_days_left >= 0),
    active                 BOOLEAN NOT NULL DEFAULT TRUE,
    created_at             BIGINT  NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, code),
    FOREIGN KEY (village_id, product_id) REFERENCES product (village_id, id)
);

-- A gift box is a sku made of other skus' stock; it has components and no stock row. Fixed once made.
CREATE TABLE sku_component (
    village_id   BIGINT  NOT NULL,
    sku_id       UUID    NOT NULL,
    component_id UUID    NOT NULL,
    quantity     BIGINT  NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (village_id, sku_id, component_id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    FOREIGN KEY (village_id, component_id) REFERENCES sku (village_id, id),
    CHECK (sku_id <> component_id)
);

-- Counters of one stock item. `ahead` cases may be sold before their lot is in, which is expected on `ahead_ready_on`.
CREATE TABLE stock (
    village_id     BIGINT  NOT NULL,
    sku_id         UUID    NOT NULL,
    on_hand        BIGINT  NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    reserved       BIGINT  NOT NULL DEFAULT 0,
    ahead          BIGINT  NOT NULL DEFAULT 0 CHECK (ahead >= 0),
    ahead_ready_on TEXT,
    PRIMARY KEY (village_id, sku_id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    CHECK (reserved >= 0 AND reserved <= on_hand + ahead),
    CHECK (ahead = 0 OR ahead_ready_on IS NOT NULL)
);

CREATE TABLE lot (
    village_id  BIGINT  NOT NULL,
    id          UUID    NOT NULL,
    sku_id      UUID    NOT NULL,
    code        TEXT    NOT NULL,
    made_on     TEXT    NOT NULL,
    best_before TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    on_hand     BIGINT  NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, sku_id, code),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    CHECK (made_on <= best_before)
);

-- Every change of what is on hand. Never edited; a mistake is undone by a counter-movement.
CREATE TABLE movement (
    village_id  BIGINT  NOT NULL,
    id          UUID    NOT NULL,
    sku_id      UUID    NOT NULL,
    lot_id      UUID    NOT NULL,
    quantity    BIGINT  NOT NULL CHECK (quantity <> 0),
    kind        TEXT    NOT NULL CHECK (kind IN ('receipt', 'adjustment', 'shipped', 'returned')),
    reason      TEXT    NOT NULL,
    at          BIGINT  NOT NULL,
    staff_id    UUID,
    order_id    UUID,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    FOREIGN KEY (village_id, lot_id) REFERENCES lot (village_id, id)
);
CREATE INDEX movement_lot ON movement (village_id, lot_id);

-- What a host shares.
CREATE TABLE link (
    village_id  BIGINT  NOT NULL REFERENCES village (id),
    id          UUID    NOT NULL,
    code        TEXT    NOT NULL,
    title       TEXT    NOT NULL,
    channel     TEXT    NOT NULL CHECK (channel IN ('livestream', 'moments', 'group', 'counter')),
    host        TEXT    NOT NULL,
    opens_at    BIGINT,
    closes_at   BIGINT,
    closed_at   BIGINT,
    created_at  BIGINT  NOT NULL,
    created_by  UUID,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, code),
    CHECK (opens_at IS NULL OR closes_at IS NULL OR opens_at < closes_at)
);

-- A sku on a link. `sold` = cases of live orders that came through it.
CREATE TABLE offer (
    village_id      BIGINT  NOT NULL,
    link_id         UUID    NOT NULL,
    sku_id          UUID    NOT NULL,
    position        BIGINT  NOT NULL,
    price_fen       BIGINT  NOT NULL CHECK (price_fen >= 0),
    quota           BIGINT  CHECK (quota >= 0),
    limit_per_order BIGINT  NOT NULL CHECK (limit_per_order BETWEEN 1 AND 999),
    sold            BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (village_id, link_id, sku_id),
    FOREIGN KEY (village_id, link_id) REFERENCES link (village_id, id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    CHECK (sold >= 0 AND (quota IS NULL OR sold <= quota))
);

-- Page views per link and day (Asia/Shanghai), counted in memory and added up in batches.
CREATE TABLE link_view (
    village_id  BIGINT  NOT NULL,
    link_id     UUID    NOT NULL,
    day         TEXT    NOT NULL,
    views       BIGINT  NOT NULL,
    PRIMARY KEY (village_id, link_id, day),
    FOREIGN KEY (village_id, link_id) REFERENCES link (village_id, id)
);

-- What a parcel costs the buyer, per province; the row '*' is for provinces without a row of their own.
CREATE TABLE freight (
    village_id    BIGINT  NOT NULL REFERENCES village (id),
    province      TEXT    NOT NULL,
    served        BOOLEAN NOT NULL,
    first_grams   BIGINT  NOT NULL CHECK (first_grams > 0),
    first_fen     BIGINT  NOT NULL CHECK (first_fen >= 0),
    step_grams    BIGINT  NOT NULL CHECK (step_grams > 0),
    step_fen      BIGINT  NOT NULL CHECK (step_fen >= 0),
    free_from_fen BIGINT  CHECK (free_from_fen >= 0),
    PRIMARY KEY (village_id, province)
);

-- The last number given out per village and day; order numbers are YYMMDD-serial.
CREATE TABLE order_counter (
    village_id  BIGINT  NOT NULL,
    day         TEXT    NOT NULL,
    last        BIGINT  NOT NULL,
    PRIMARY KEY (village_id, day)
);

-- A buyer's order. Quantities are sums over its lines, amounts are sums over its payments and refunds: kept here so
-- that a list needs no joins, written in the same transaction, and proved by `cunji check`.
CREATE TABLE orders (
    village_id    BIGINT  NOT NULL REFERENCES village (id),
    id            UUID    NOT NULL,
    number        TEXT    NOT NULL,
    link_id       UUID,
    source        TEXT    NOT NULL CHECK (source IN ('link', 'staff', 'import')),
    channel       TEXT    NOT NULL,
    host          TEXT    NOT NULL,
    idem_key      TEXT,
    body_hash     BYTEA,
    external_shop TEXT,
    external_no   TEXT,
    name          TEXT    NOT NULL,
    phone         TEXT    NOT NULL,
    province      TEXT    NOT NULL,
    city          TEXT    NOT NULL,
    district      TEXT    NOT NULL,
    street        TEXT    NOT NULL,
    region_code   TEXT    NOT NULL,
    note          TEXT    NOT NULL,
    method        TEXT    NOT NULL CHECK (method IN ('stripe', 'wechat', 'transfer', 'cod', 'practice', 'platform')),
    goods_fen     BIGINT  NOT NULL CHECK (goods_fen >= 0),
    freight_fen   BIGINT  NOT NULL CHECK (freight_fen >= 0),
    total_fen     BIGINT  NOT NULL,
    captured_fen  BIGINT  NOT NULL DEFAULT 0 CHECK (captured_fen >= 0),
    refunded_fen  BIGINT  NOT NULL DEFAULT 0,
    hold          TEXT    NOT NULL CHECK (hold IN ('active', 'consumed', 'released')),
    hold_ends_at  BIGINT,
    ended_as      TEXT    CHECK (ended_as IN ('cancelled', 'expired')),
    ordered       BIGINT  NOT NULL CHECK (ordered > 0),
    cancelled     BIGINT  NOT NULL DEFAULT 0,
    packed        BIGINT  NOT NULL DEFAULT 0,
    shipped       BIGINT  NOT NULL DEFAULT 0,
    delivered     BIGINT  NOT NULL DEFAULT 0,
    promise       TEXT,
    version       BIGINT  NOT NULL DEFAULT 1,
    placed_at     BIGINT  NOT NULL,
    paid_at       BIGINT,
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, number),
    UNIQUE (village_id, link_id, idem_key),
    FOREIGN KEY (village_id, link_id) REFERENCES link (village_id, id),
    CHECK (total_fen = goods_fen + freight_fen),
    CHECK (refunded_fen BETWEEN 0 AND captured_fen),
    CHECK (cancelled >= 0 AND packed <= ordered - cancelled),
    CHECK (0 <= delivered AND delivered <= shipped AND shipped <= packed),
    CHECK (hold = 'released' OR ended_as IS NULL),
    CHECK (hold <> 'active' OR hold_ends_at IS NOT NULL)
);
CREATE INDEX orders_hold ON orders (village_id, hold_ends_at) WHERE hold = 'active';
-- an order placed by staff without a link is found again by its key as well
CREATE UNIQUE INDEX orders_staff_key ON orders (village_id, idem_key) WHERE link_id IS NULL AND idem_key IS NOT NULL;
CREATE INDEX orders_updated ON orders (village_id, updated_at, id);
CREATE UNIQUE INDEX orders_external ON orders (village_id, external_shop, external_no) WHERE external_no IS NOT NULL;

CREATE TABLE order_line (
    village_id  BIGINT  NOT NULL,
    order_id    UUID    NOT NULL,
    line        BIGINT  NOT NULL,
    sku_id      UUID    NOT NULL,
    title       TEXT    NOT NULL,
    price_fen   BIGINT  NOT NULL CHECK (price_fen >= 0),
    goods_fen   BIGINT  NOT NULL CHECK (goods_fen >= 0),
    ordered     BIGINT  NOT NULL CHECK (ordered > 0),
    cancelled   BIGINT  NOT NULL DEFAULT 0,
    packed      BIGINT  NOT NULL DEFAULT 0,
    shipped     BIGINT  NOT NULL DEFAULT 0,
    delivered   BIGINT  NOT NULL DEFAULT 0,
    returned    BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (village_id, order_id, line),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, sku_id) REFERENCES sku (village_id, id),
    CHECK (cancelled >= 0 AND packed <= ordered - cancelled),
    CHECK (0 <= returned AND returned <= delivered AND delivered <= shipped AND shipped <= packed)
);

-- An edit of an unpacked order: what it was, what it became, why, and whether the buyer agreed to pay more.
CREATE TABLE order_change (
    village_id  BIGINT  NOT NULL,
    order_id    UUID    NOT NULL,
    version     BIGINT  NOT NULL,
    at          BIGINT  NOT NULL,
    staff_id    UUID    NOT NULL,
    reason      TEXT    NOT NULL,
    before      TEXT    NOT NULL,
    after       TEXT    NOT NULL,
    delta_fen   BIGINT  NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('applied', 'proposed', 'agreed', 'declined')),
    PRIMARY KEY (village_id, order_id, version),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, staff_id) REFERENCES staff (village_id, id)
);

-- Money in. The row, with our id, exists before anyone is asked to pay.
CREATE TABLE payment (
    village_id    BIGINT  NOT NULL,
    id            UUID    NOT NULL,
    order_id      UUID    NOT NULL,
    method        TEXT    NOT NULL CHECK (method IN ('stripe', 'wechat', 'transfer', 'cod', 'practice', 'platform')),
    state         TEXT    NOT NULL CHECK (state IN ('created', 'sent', 'waiting', 'paid', 'failed', 'closed', 'unknown')),
    amount_fen    BIGINT  NOT NULL CHECK (amount_fen >= 0),
    received_into TEXT,
    reference     TEXT,
    confirmed_by  UUID,
    created_at    BIGINT  NOT NULL,
    paid_at       BIGINT,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    CHECK ((state = 'paid') = (paid_at IS NOT NULL))
);
CREATE INDEX payment_order ON payment (village_id, order_id);
-- asking twice gives the same open payment
CREATE UNIQUE INDEX payment_open ON payment (village_id, order_id, method) WHERE state IN ('created', 'sent', 'waiting', 'unknown');

-- Money back: the decision (who, why, how much) and how far it has been carried out.
CREATE TABLE refund (
    village_id  BIGINT  NOT NULL,
    id          UUID    NOT NULL,
    order_id    UUID    NOT NULL,
    payment_id  UUID    NOT NULL,
    amount_fen  BIGINT  NOT NULL CHECK (amount_fen > 0),
    state       TEXT    NOT NULL CHECK (state IN ('asked', 'agreed', 'refused', 'sent', 'done', 'failed', 'by_hand')),
    reason      TEXT    NOT NULL,
    reference   TEXT,
    asked_by    UUID,
    created_at  BIGINT  NOT NULL,
    done_at     BIGINT,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, payment_id) REFERENCES payment (village_id, id),
    CHECK ((state = 'done') = (done_at IS NOT NULL))
);
CREATE INDEX refund_order ON refund (village_id, order_id);

-- One import of an order file: its progress while it runs, its report afterwards.
CREATE TABLE import (
    village_id  BIGINT  NOT NULL,
    id          UUID    NOT NULL,
    shop        TEXT    NOT NULL,
    file_hash   BYTEA   NOT NULL,
    orders      BIGINT  NOT NULL,
    done        BIGINT  NOT NULL,
    report      TEXT,
    staff_id    UUID,
    started_at  BIGINT  NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (village_id, id)
);

-- A partner's address that wants to hear of what happens.
CREATE TABLE subscriber (
    village_id  BIGINT  NOT NULL REFERENCES village (id),
    id          UUID    NOT NULL,
    url         TEXT    NOT NULL,
    secret      TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, url)
);

-- What must be told to the outside: written in the transaction of the event, sent afterwards, at least once.
CREATE TABLE outbox (
    village_id    BIGINT  NOT NULL,
    id            UUID    NOT NULL,
    subscriber_id UUID    NOT NULL,
    topic         TEXT    NOT NULL,
    body          TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    run_at        BIGINT  NOT NULL,
    tries         BIGINT  NOT NULL DEFAULT 0,
    last_error    TEXT,
    done_at       BIGINT,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, subscriber_id) REFERENCES subscriber (village_id, id)
);
CREATE INDEX outbox_due ON outbox (village_id, run_at) WHERE done_at IS NULL;

-- The cron table's leases and last outcomes. Reference table: jobs belong to the shop, not to a village.
CREATE TABLE job (
    name        TEXT    PRIMARY KEY,
    owner       TEXT    NOT NULL,
    until_at    BIGINT  NOT NULL,
    fence       BIGINT  NOT NULL,
    started_at  BIGINT,
    finished_at BIGINT,
    outcome     TEXT
);
