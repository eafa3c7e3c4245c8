-- After-sales: what buyers say was wrong, the photos that show it, and what the village decided; pictures of products.
-- The PostgreSQL folder holds the same under the same file name.

-- A claim's facts with their times; what it *is* gets computed from them (orders::claims::state).
CREATE TABLE claim (
    village_id      INTEGER NOT NULL,
    id              BLOB    NOT NULL,
    order_id        BLOB    NOT NULL,
    -- counts within its order
    serial          INTEGER NOT NULL CHECK (serial BETWEEN 1 AND 20),
    kind            TEXT    NOT NULL CHECK (kind IN ('damaged', 'missing', 'wrong', 'return')),
    text            TEXT    NOT NULL,
    -- under which it was opened: the same again finds it
    idem_key        TEXT    NOT NULL,
    body_hash       BLOB    NOT NULL,
    opened_at       INTEGER NOT NULL,
    -- by when it is to be closed
    due_at          INTEGER NOT NULL,
    withdrawn_at    INTEGER,
    -- the goods are to come back before more is decided
    return_asked_at INTEGER,
    return_asked_by BLOB,
    return_words    TEXT,
    goods_back_at   INTEGER,
    goods_back_by   BLOB,
    decision        TEXT    CHECK (decision IN ('refund', 'resend', 'decline')),
    decided_at      INTEGER,
    decided_by      BLOB,
    -- what the buyer is told
    words           TEXT,
    amount_fen      INTEGER CHECK (amount_fen > 0),
    -- the order that sends its cases once more
    resend_order_id BLOB,
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
) STRICT;
CREATE INDEX claim_due ON claim (village_id, due_at, id);

-- The cases that a claim is about.
CREATE TABLE claim_line (
    village_id  INTEGER NOT NULL,
    claim_id    BLOB    NOT NULL,
    order_id    BLOB    NOT NULL,
    line        INTEGER NOT NULL,
    cases       INTEGER NOT NULL CHECK (cases > 0),
    PRIMARY KEY (village_id, claim_id, line),
    FOREIGN KEY (village_id, claim_id) REFERENCES claim (village_id, id),
    FOREIGN KEY (village_id, order_id, line) REFERENCES order_line (village_id, order_id, line)
) STRICT, WITHOUT ROWID;

-- The refunds that carry a decision out: several when an order was paid in several parts.
CREATE TABLE claim_refund (
    village_id  INTEGER NOT NULL,
    refund_id   BLOB    NOT NULL,
    claim_id    BLOB    NOT NULL,
    PRIMARY KEY (village_id, refund_id),
    FOREIGN KEY (village_id, refund_id) REFERENCES refund (village_id, id),
    FOREIGN KEY (village_id, claim_id) REFERENCES claim (village_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_refund_claim ON claim_refund (village_id, claim_id);

-- cases in claims that were neither withdrawn nor declined; the CHECK keeps two claims from being about the same case
ALTER TABLE order_line ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0 CHECK (claimed BETWEEN 0 AND shipped);

-- Photos as this program has drawn them anew: JPEG, without what the file carried beside the picture. Each is an order's,
-- sent by its buyer, or a product's.
CREATE TABLE photo (
    village_id   INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    -- SHA-256 of the large one
    hash         BLOB    NOT NULL,
    width        INTEGER NOT NULL CHECK (width > 0),
    height       INTEGER NOT NULL CHECK (height > 0),
    large        BLOB    NOT NULL,
    small_width  INTEGER NOT NULL CHECK (small_width > 0),
    small_height INTEGER NOT NULL CHECK (small_height > 0),
    small        BLOB    NOT NULL,
    thumb        BLOB    NOT NULL,
    order_id     BLOB,
    claim_id     BLOB,
    product_id   BLOB,
    -- among those of its claim or product
    place        INTEGER CHECK (place BETWEEN 1 AND 6),
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (village_id, id),
    FOREIGN KEY (village_id, order_id) REFERENCES orders (village_id, id),
    FOREIGN KEY (village_id, claim_id) REFERENCES claim (village_id, id),
    FOREIGN KEY (village_id, product_id) REFERENCES product (village_id, id),
    CHECK ((order_id IS NULL) <> (product_id IS NULL)),
    CHECK (claim_id IS NULL OR (order_id IS NOT NULL AND place IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX photo_order ON photo (village_id, order_id, hash) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX photo_product ON photo (village_id, product_id, hash) WHERE product_id IS NOT NULL;
CREATE UNIQUE INDEX photo_claim_place ON photo (village_id, claim_id, place) WHERE claim_id IS NOT NULL;
CREATE UNIQUE INDEX photo_product_place ON photo (village_id, product_id, place) WHERE product_id IS NOT NULL;
-- photos that no claim has taken, for the job that removes them
CREATE INDEX photo_loose ON photo (village_id, created_at) WHERE order_id IS NOT NULL AND claim_id IS NULL;
