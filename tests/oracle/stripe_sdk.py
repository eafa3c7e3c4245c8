"""Stripe's own Python SDK against the fake Stripe, and its signatures against the shop's webhook.

    python -m venv venv && venv/bin/pip install stripe
    CUNJI_STRIPE_PYTHON=venv/bin/python cargo test --test it stripe_sdk -- --ignored

The test starts both servers and calls this with their addresses and the webhook's secret.
"""

import json
import sys
import time
import urllib.error
import urllib.request

import stripe

fake, webhook, secret = sys.argv[1:4]
stripe.api_base = fake
stripe.api_key = "sk_test_of_the_sdk"
stripe.max_network_retries = 0
now = int(time.time())


def ask(**more):
    wanted = dict(
        mode="payment",
        client_reference_id="1abc",
        success_url="https://shop.example/o/1",
        expires_at=now + 1900,
        line_items=[
            {
                "quantity": 2,
                "price_data": {"currency": "cny", "unit_amount": 6800, "product_data": {"name": "订单 240120-0001"}},
            }
        ],
        allowed_payment_method_types=["wechat_pay", "alipay", "card"],
        payment_method_options={"wechat_pay": {"client": "web"}},
        metadata={"payment": "1abc"},
    )
    wanted.update(more)
    return stripe.checkout.Session.create(**wanted)


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


# a session is made, read, made again under its key, and ended
made = ask(idempotency_key="k1")
assert (made.status, made.payment_status, made.amount_total) == ("open", "unpaid", 13600), made
read = stripe.checkout.Session.retrieve(made.id)
assert (read.id, read.url, read.metadata["payment"]) == (made.id, made.url, "1abc"), read
assert ask(idempotency_key="k1").id == made.id
refused(stripe.IdempotencyError, lambda: ask(idempotency_key="k1", client_reference_id="other"))
refused(stripe.InvalidRequestError, lambda: ask(expires_at=now + 60))
refused(stripe.InvalidRequestError, lambda: ask(payment_method_types=["card"]))
assert stripe.checkout.Session.expire(made.id).status == "expired"
refused(stripe.InvalidRequestError, lambda: stripe.checkout.Session.expire(made.id))
assert refused(stripe.InvalidRequestError, lambda: stripe.checkout.Session.retrieve("cs_none")).http_status == 404
stripe.api_key = "sk_live_of_nobody"
refused(stripe.AuthenticationError, lambda: stripe.checkout.Session.retrieve(made.id))
stripe.api_key = "sk_test_of_the_sdk"

# a buyer pays one, and the money goes back in two parts
paid = ask()


class Stay(urllib.request.HTTPRedirectHandler):
    """The page sends the buyer back to the shop, where this script does not go."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay)
error = refused(
    urllib.error.HTTPError,
    lambda: opener.open(urllib.request.Request(f"{fake}/pay/{paid.id}/alipay", method="POST"), timeout=10),
)
assert error.code == 303, error.code
paid = stripe.checkout.Session.retrieve(paid.id, expand=["payment_intent.latest_charge"])
assert (paid.status, paid.payment_status) == ("complete", "paid"), paid
assert paid.payment_intent.latest_charge.payment_method_details.type == "alipay"
intent = paid.payment_intent.id
first = stripe.Refund.create(payment_intent=intent, amount=3600, metadata={"refund": "1r"})
assert (first.status, first.amount) == ("succeeded", 3600), first
stripe.Refund.create(payment_intent=intent)
refused(stripe.InvalidRequestError, lambda: stripe.Refund.create(payment_intent=intent, amount=1))
assert sorted(row.amount for row in stripe.Refund.list(payment_intent=intent)) == [3600, 10000]
assert [row.payment_intent for row in stripe.Charge.list(created={"gte": now - 60})] == [intent]
events = [event.type for event in stripe.Event.list()]
assert "checkout.session.completed" in events and "checkout.session.expired" in events, events

# what the SDK signs, the shop takes; what it did not sign, or signed long ago, the shop refuses
sign = stripe.WebhookSignature.generate_signature_header
event = json.dumps({"id": "evt_of_the_sdk", "object": "event", "type": "ping", "data": {"object": {}}})


def post(body, header):
    request = urllib.request.Request(webhook, data=body.encode(), headers={"Stripe-Signature": header})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


good = sign(event, secret, int(time.time()))
for body, header, expected in [
    (event, good, 200),
    (event, good, 200),
    (event, sign(event, "whsec_of_somebody_else", int(time.time())), 400),
    (event, sign(event, secret, int(time.time()) - 310), 400),
    (event, sign(event, secret, int(time.time()) + 310), 400),
    (json.dumps(json.loads(event), indent=1), good, 400),
    (event.replace("ping", "pong"), good, 400),
    (event, "", 400),
]:
    assert post(body, header) == expected, (expected, header, body)
print("agreed")
