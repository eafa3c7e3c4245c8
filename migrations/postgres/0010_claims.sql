-- After-sales: what buyers say was wrong, the photos that show it, and what the village decided; pictures of products.
-- The SQLite folder holds the same under the same file name.

-- A claim's facts with their times; what it *is* gets computed from them (orders::claims::state).
CREATE TABLE claim (
    village_id      BIGINT NOT NULL,
    id              UUID    NOT NULL,
    order_id        UUID    NOT NULL,
    -- counts within its order
    serial          BIGINT NOT NULL CHECK (serial BETWEEN 1 AND 20),
    kind            TEXT    NOT NULL CHECK (kind IN ('damaged', 'missing', 'wrong', 'return')),
    text            TEXT    NOT NULL,
    -- under which it was opened: the same again finds it
    idem_key        TEXT    NOT NULL,
    body_hash       BYTEA    NOT NULL,
    opened_at       BIGINT NOT NULL,
    -- by when it is to be closed
    due_at          BIGINT NOT NULL,
    withdrawn_at    BIGINT,
    -- the goods are to come back before more is decided
    return_asked_at BIGINT,
    return_asked_by UUID,
    return_words    TEXT,
    goods_back_at   BIGINT,
    goods_back_by   UUID,
    decision        TEXT    CHECK (decision IN ('refund', 'resend', 'decline')),
    decided_at      BIGINT,
    decided_by      UUID,
    -- what the buyer is told
    words           TEXT,
    amount_fen      BIGINT CHECK (amount_fen > 0),
    -- the order that sends its cases once more
    resend_order_id UUID,
    PRIMARY KEY (village_id, id),
    UNIQUE (village_id, order_id, serial),
    UNIQUE (village_id, order_id, idem_key),
    UNIQUE (village_id, resend_order_id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, return_asked_by) REFERENCES staff (village_id, id),
    FOREIGN KEY (village_id, goods_back_by) REFERENCES staff (village_id, id),
    FOREIGN KEY (village_id, decided_by) REFERENCES staff (village_id, id),
    FOREIGN KEY (village_id, resend_order_id) REFERENCES orders (village_id, id),
    CHECK ((decision IS NULL) = (decided_at IS NULL) AND (decision IS NULL) = (decided_by IS NULL)
           AND (decision IS NULL) = (words IS NULL)),
    CHECK ((amount_fen IS NOT NULL) = (COALESCE(decision, '') = 'refund')),
    CHECK ((resend_order_id IS NOT NULL) = (COALESCE(decision, '') = 'resend')),
    CHECK (withdrawn_at IS NULL OR decision IS NULL),
    CHECK ((return_asked_at IS NULL) = (return_asked_by IS NULL) AND (return_asked_at IS NULL) = (return_words IS NULL)),
    CHECK ((goods_back_at IS NULL) = (goods_back_by IS NULL)),
    CHECK (goods_back_at IS NULL OR return_asked_at IS NOT NULL)
);
CREATE INDEX claim_due ON claim (village_id, due_at, id);

-- The cases that a claim is about.
CREATE TABLE claim_line (
    village_id  BIGINT NOT NULL,
    claim_id    UUID    NOT NULL,
    order_id    UUID    NOT NULL,
    line        BIGINT NOT NULL,
    cases       BIGINT NOT NULL CHECK (cases > 0),
    PRIMARY KEY (village_id, claim_id, line),
    FOREIGN KEY (village_id, claim_id) REFERENCES claim (village_id, id),
    FOREIGN KEY (village_id, order_id, line) REFERENCES order_line (village_id, order_id, line)
);

-- The refunds that carry a decision out: several when an order was paid in several parts.
CREATE TABLE claim_refund (
    village_id  BIGINT NOT NULL,
    refund_id   UUID    NOT NULL,
    claim_id    UUID    NOT NULL,
    PRIMARY KEY (village_id, refund_id),
    FOREIGN KEY (village_id, refund_id) REFERENCES refund (village_id, id),
    FOREIGN KEY (village_id, claim_id) REFERENCES claim (village_id, id)
);
CREATE INDEX claim_refund_claim ON claim_refund (village_id, claim_id);

-- cases in claims that were neither withdrawn nor declined; the CHECK keeps two claims from being about the same case
ALTER TABLE order_line ADD COLUMN claimed BIGINT NOT NULL DEFAULT 0 CHECK (claimed BETWEEN 0 AND shipped);

-- Photos as this program has drawn them anew: JPEG, without what the file carried beside the picture. Each is an order's,
-- sent by its buyer, or a product's.
CREATE TABLE photo (
    village_id   BIGINT NOT NULL,
    id           UUID    NOT NULL,
    -- SHA-256 of the large one
    hash         BYTEA    NOT NULL,
    width        BIGINT NOT NULL CHECK (width > 0),
    height       BIGINT NOT NULL CHECK (height > 0),
    large        BYTEA    NOT NULL,
    small_width  BIGINT NOT NULL CHECK (small_width > 0),
    small_height BIGINT NOT NULL CHECK (small_height > 0),
    small        BYTEA    NOT NULL,
    thumb        BYTEA    NOT NULL,
    order_id     UUID,
    claim_id     UUID,
    product_id   UUID,
    -- among those of its claim or product
    place        BIGINT CHECK (place BETWEEN 1 AND 6),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, claim_id) REFERENCES claim (village_id, id),
    FOREIGN KEY (village_id, product_id) REFERENCES product (village_id, id),
    CHECK ((order_id IS NULL) <> (product_id IS NULL)),
    CHECK (claim_id IS NULL OR (order_id IS NOT NULL AND place IS NOT NULL))
);
CREATE UNIQUE INDEX photo_order ON photo (village_id, order_id, hash) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX photo_product ON photo (village_id, product_id, hash) WHERE product_id IS NOT NULL;
CREATE UNIQUE INDEX photo_claim_place ON photo (village_id, claim_id, place) WHERE claim_id IS NOT NULL;
CREATE UNIQUE INDEX photo_product_place ON photo (village_id, product_id, place) WHERE product_id IS NOT NULL;
-- photos that no claim has taken, for the job that removes them
CREATE INDEX photo_loose ON photo (village_id, created_at) WHERE order_id IS NOT NULL AND claim_id IS NULL;
