-- Orders that can't arrive in time: what their buyers were asked, and what they answered.

-- One question of three answers: another carrier, after the festival, money back. An order has one open question at most;
-- at its end the answer is `fallback`.
CREATE TABLE late_question (
    village_id      BIGINT  NOT NULL,
    id              UUID    NOT NULL,
    order_id        UUID    NOT NULL,
    -- ended: there was nothing left to answer, since the order was packed or had ended, or the default could not be had
    state           TEXT    NOT NULL CHECK (state IN ('asked', 'answered', 'defaulted', 'ended')),
    -- the plan's words
    reason          TEXT    NOT NULL,
    -- the day by which it should have arrived
    deadline        TEXT,
    -- another carrier in time, and what its buyer pays for it
    carrier         TEXT,
    carrier_name    TEXT,
    carrier_arrives TEXT,
    carrier_fen     BIGINT  CHECK (carrier_fen >= 0),
    -- after the festival: the first day on which it leaves, the last on which it arrives, and the carrier that the order's
    -- own wish asks for
    after_leaves    TEXT,
    after_arrives   TEXT,
    after_carrier   TEXT,
    fallback        TEXT    NOT NULL CHECK (fallback IN ('after', 'refund')),
    answer_by       BIGINT  NOT NULL,
    answer          TEXT    CHECK (answer IN ('carrier', 'after', 'refund')),
    asked_at        BIGINT  NOT NULL,
    asked_by        UUID    NOT NULL,
    settled_at      BIGINT,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, asked_by) REFERENCES staff (village_id, id),
    CHECK ((carrier IS NULL) = (carrier_arrives IS NULL)),
    CHECK ((carrier IS NULL) = (carrier_fen IS NULL)),
    CHECK ((after_leaves IS NULL) = (after_arrives IS NULL)),
    CHECK ((answer IS NULL) = (state IN ('asked', 'ended'))),
    CHECK ((settled_at IS NULL) = (state = 'asked'))
);
CREATE UNIQUE INDEX late_question_open ON late_question (village_id, order_id) WHERE state = 'asked';
CREATE INDEX late_question_due ON late_question (village_id, answer_by) WHERE state = 'asked';
CREATE INDEX late_question_order ON late_question (village_id, order_id);
