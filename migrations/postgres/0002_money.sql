-- Money through providers that are asked over the network: what they were asked, what they said, what they have sent us.
-- The SQLite folder holds the same under the same file name.

-- Until when an order may be paid, while a provider has a payment of it open. Its hold then has no end by the clock
-- (hold_ends_at stands at the end of time): it ends when the provider has said that no money will come.
ALTER TABLE orders ADD COLUMN pay_before BIGINT;
-- money of ended orders that has not all gone back
CREATE INDEX orders_owing ON orders (village_id, id) WHERE ended_as IS NOT NULL AND captured_fen > refunded_fen;

-- the provider's name of the payment (a Checkout session)
ALTER TABLE payment ADD COLUMN provider_ref  TEXT;
-- the provider's name of the money, which its refunds and disputes are about
ALTER TABLE payment ADD COLUMN intent_ref    TEXT;
-- how the buyer paid there: alipay, wechat_pay, card
ALTER TABLE payment ADD COLUMN wallet        TEXT;
-- where the buyer pays, and until when the provider offers that
ALTER TABLE payment ADD COLUMN url           TEXT;
ALTER TABLE payment ADD COLUMN offered_until BIGINT;
-- when the provider is asked next (null: never again), and was asked last; failed tries since it last answered
ALTER TABLE payment ADD COLUMN check_at      BIGINT;
ALTER TABLE payment ADD COLUMN checked_at    BIGINT;
ALTER TABLE payment ADD COLUMN tries         BIGINT NOT NULL DEFAULT 0;
-- why the provider could not be asked; what staff must look at: another amount came, a dispute
ALTER TABLE payment ADD COLUMN last_error    TEXT;
ALTER TABLE payment ADD COLUMN trouble       TEXT;
-- what refunds take of it, done or under way; the CHECK keeps two people from giving the same money back
ALTER TABLE payment ADD COLUMN refunding_fen BIGINT NOT NULL DEFAULT 0 CHECK (refunding_fen BETWEEN 0 AND amount_fen);
UPDATE payment SET refunding_fen = COALESCE((
    SELECT CAST(SUM(refund.amount_fen) AS BIGINT) FROM refund
    WHERE refund.village_id = payment.village_id AND refund.payment_id = payment.id AND refund.state <> 'refused'), 0);
CREATE INDEX payment_check ON payment (village_id, check_at) WHERE check_at IS NOT NULL;
CREATE UNIQUE INDEX payment_provider ON payment (village_id, method, provider_ref) WHERE provider_ref IS NOT NULL;

-- why it was decided: staff asked, the order was cancelled or edited, too much came, the goods were gone
ALTER TABLE refund ADD COLUMN cause        TEXT    NOT NULL DEFAULT 'staff'
    CHECK (cause IN ('staff', 'cancelled', 'edited', 'surplus', 'paid_unfillable', 'ended', 'provider'));
ALTER TABLE refund ADD COLUMN provider_ref TEXT;
-- tries to carry it out, when the next one is due, and which of its idempotency keys is in use
ALTER TABLE refund ADD COLUMN tries        BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refund ADD COLUMN key_no       BIGINT NOT NULL DEFAULT 1;
ALTER TABLE refund ADD COLUMN next_try_at  BIGINT;
-- what the provider said when it did not work
ALTER TABLE refund ADD COLUMN failure      TEXT;
-- of a refund by hand: what shows that the money went, and who says so
ALTER TABLE refund ADD COLUMN proof        TEXT;
ALTER TABLE refund ADD COLUMN done_by      UUID;
CREATE INDEX refund_due ON refund (village_id, next_try_at) WHERE next_try_at IS NOT NULL;

-- What providers told us, as it came. Each is stored once and has one outcome. village_id is 0 for an event that names
-- nothing of ours.
CREATE TABLE provider_event (
    village_id   BIGINT NOT NULL,
    provider     TEXT    NOT NULL CHECK (provider IN ('stripe', 'wechat')),
    id           TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    body         TEXT    NOT NULL,
    received_at  BIGINT NOT NULL,
    tries        BIGINT NOT NULL DEFAULT 0,
    next_try_at  BIGINT,
    last_error   TEXT,
    processed_at BIGINT,
    outcome      TEXT,
    PRIMARY KEY (village_id, provider, id),
    CHECK ((processed_at IS NULL) = (outcome IS NULL)),
    CHECK ((processed_at IS NULL) = (next_try_at IS NOT NULL))
);
CREATE INDEX provider_event_due ON provider_event (village_id, next_try_at) WHERE processed_at IS NULL;
CREATE INDEX provider_event_received ON provider_event (village_id, received_at);
