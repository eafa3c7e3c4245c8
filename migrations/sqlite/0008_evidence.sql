-- What staff saw of money that no provider tells of: a transfer, cash on delivery. Nothing of it is changed once it counts;
-- what was wrong is reversed by an entry of its own.

-- Money of an order that one person has confirmed beyond this waits for a second one; 0: never.
ALTER TABLE village ADD COLUMN second_person_above_fen INTEGER NOT NULL DEFAULT 0 CHECK (second_person_above_fen >= 0);

-- One row per confirmation. limit_fen is the limit that it was above, if it was above one.
CREATE TABLE confirmation (
    village_id    INTEGER NOT NULL,
    id            BLOB NOT NULL,
    order_id      BLOB NOT NULL,
    method        TEXT NOT NULL CHECK (method IN ('transfer', 'cod')),
    amount_fen    INTEGER NOT NULL CHECK (amount_fen > 0),
    -- the collective's account, and what the bank or the cash book says
    received_into TEXT NOT NULL,
    reference     TEXT NOT NULL,
    channel       TEXT CHECK (channel IN ('bank', 'alipay', 'wechat', 'cash', 'other')),
    received_at   INTEGER,
    note          TEXT,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'counted', 'taken_back', 'reversed')),
    limit_fen     INTEGER CHECK (limit_fen > 0),
    confirmed_by  BLOB NOT NULL,
    confirmed_at  INTEGER NOT NULL,
    -- who agreed, or took it back
    settled_by    BLOB,
    settled_at    INTEGER,
    payment_id    BLOB,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, payment_id) REFERENCES payment (village_id, id),
    CHECK ((state IN ('counted', 'reversed')) = (payment_id IS NOT NULL)),
    CHECK ((settled_by IS NULL) = (settled_at IS NULL)),
    CHECK (state <> 'waiting' OR (limit_fen IS NOT NULL AND settled_by IS NULL)),
    CHECK (state <> 'taken_back' OR settled_by IS NOT NULL),
    CHECK (payment_id IS NULL OR limit_fen IS NULL OR settled_by IS NOT NULL),
    -- the second person is another one
    CHECK (payment_id IS NULL OR settled_by IS NULL OR settled_by <> confirmed_by)
) STRICT;
CREATE INDEX confirmation_order ON confirmation (village_id, order_id);
-- a form that is sent twice is one amount of money; once it was reversed it may still come
CREATE UNIQUE INDEX confirmation_once ON confirmation (village_id, order_id, amount_fen, reference) WHERE state IN ('waiting', 'counted');
CREATE UNIQUE INDEX confirmation_payment ON confirmation (village_id, payment_id) WHERE payment_id IS NOT NULL;

-- The entry against a payment that was confirmed and never came. It takes the whole payment, which is counted in
-- payment.refunding_fen, so that no fen of it can be given back as well.
CREATE TABLE payment_reversal (
    village_id  INTEGER NOT NULL,
    payment_id  BLOB NOT NULL,
    order_id    BLOB NOT NULL,
    amount_fen  INTEGER NOT NULL CHECK (amount_fen > 0),
    reason      TEXT NOT NULL,
    reversed_by BLOB NOT NULL,
    reversed_at INTEGER NOT NULL,
    PRIMARY KEY (village_id, payment_id),
    FOREIGN KEY (village_id, payment_id) REFERENCES payment (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id)
) STRICT;
CREATE INDEX payment_reversal_order ON payment_reversal (village_id, order_id);
CREATE INDEX payment_reversal_at ON payment_reversal (village_id, reversed_at);

-- live orders that were paid too little or too much
CREATE INDEX orders_uneven ON orders (village_id, id)
    WHERE captured_fen > 0 AND captured_fen <> total_fen AND hold <> 'released';

-- bodies of handled events, which name buyers and go after a while
CREATE INDEX provider_event_body ON provider_event (village_id, processed_at) WHERE processed_at IS NOT NULL AND body <> '';
