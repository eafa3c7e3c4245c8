"""An outsider's look at the fake WeChat Pay: the PyPI package wechatpayv3 (MIT) as its client.

    pip install wechatpayv3
    cargo run --example fake_wechat -- 8291 &
    python tests/outsiders/wechat_sdk.py http://127.0.0.1:8291

It orders, asks, pays, closes, refunds and fetches the bill; verifies the fake's answers with its own code; and takes
notifications in: a true one is opened, the wrong ones are refused. Exits with 0 when all of that holds.
"""

import datetime
import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.request

from wechatpayv3 import WeChatPay, WeChatPayType

BASE = sys.argv[1]
KEYS = pathlib.Path(__file__).parent.parent / "fakes" / "wechat" / "keys"
RUN = str(int(time.time()))
told = []


class Ear(http.server.BaseHTTPRequestHandler):
    """Takes notifications in; the first one of each id is turned away, to see it come again."""

    seen = set()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        id = json.loads(body)["id"]
        known = id in self.seen
        self.seen.add(id)
        told.append((dict(self.headers), body))
        self.send_response(204 if known else 500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def control(path, data=None):
    request = urllib.request.Request(f"{BASE}/_fake/{path}", data=data or b"", method="POST")
    request.add_header("content-type", "application/json")
    try:
        return urllib.request.urlopen(request).read().decode()
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}"


def wait_for(count):
    for _ in range(100):
        if len(told) >= count:
            return
        time.sleep(0.1)
    raise SystemExit(f"{len(told)} notifications instead of {count}")


def main():
    server = http.server.HTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    notify_url = f"http://127.0.0.1:{server.server_port}/webhooks/wechat"
    pay = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid="1900000109",
        private_key=(KEYS / "merchant_key.pem").read_text(),
        cert_serial_no="3775B6A45ACD588826D15E583A95F5DD00000000",
        apiv3_key="a-key-of-the-fake-wechat-pay-000",
        appid="wx8888888888888888",
        notify_url=notify_url,
        public_key=(KEYS / "platform_public_key.pem").read_text(),
        public_key_id="PUB_KEY_ID_0116000000002024012000000000",
    )
    pay._core._gate_way = BASE
    zone = datetime.timezone(datetime.timedelta(hours=8))
    expires = (datetime.datetime.now(zone) + datetime.timedelta(minutes=30)).replace(microsecond=0).isoformat()

    def order(no, **more):
        return pay.pay(description="张村", out_trade_no=no, amount={"total": 6800, "currency": "CNY"}, time_expire=expires, **more)

    def check(what, got, wanted):
        print("ok  " if got == wanted else "FAIL", what, got)
        assert got == wanted, wanted

    # the SDK raises or gives a code of its own when a signature does not hold
    first, second = f"{RUN}-1", f"{RUN}-2"
    code, body = order(first)
    check("order", (code, json.loads(body)["code_url"][:9]), (200, "weixin://"))
    check("inside WeChat", order(second, pay_type=WeChatPayType.JSAPI, payer={"openid": "o-1"})[0], 200)
    code, body = pay.query(out_trade_no=first)
    check("asked", (code, json.loads(body)["trade_state"]), (200, "NOTPAY"))
    check("close", pay.close(out_trade_no=second)[0], 204)
    check("closed takes no money", control(f"pay/{second}"), "HTTP 409")
    event = control(f"pay/{first}")
    wait_for(2)
    for headers, body in told[:2]:
        opened = pay.callback(headers, body)
        check("told", (opened["id"], opened["resource"]["out_trade_no"]), (event, first))
    for twist in ["wrong_serial", "wrong_signature", "old_stamp", "wrong_tag", "probe"]:
        before = len(told)
        control(f"notify/{event}?as={twist}")
        wait_for(before + 1)
        headers, body = told[-1]
        try:
            opened = pay.callback(headers, body)
        except Exception as error:
            opened = None
        # the SDK does not look at the stamp's age
        if twist != "old_stamp":
            check(f"refused: {twist}", opened, None)
    code, body = pay.query(out_trade_no=first)
    check("paid", (code, json.loads(body)["amount"]["total"]), (200, 6800))
    check("paid can't be closed", pay.close(out_trade_no=first)[0], 400)
    code, body = pay.refund(out_refund_no=f"{RUN}-b", out_trade_no=first, reason="箱子破损", amount={"refund": 800, "total": 6800, "currency": "CNY"}, notify_url=notify_url)
    check("refund", (code, json.loads(body)["status"]), (200, "PROCESSING"))
    before = len(told)
    control(f"refund/{RUN}-b/success")
    wait_for(before + 2)
    opened = pay.callback(*told[-1])
    check("refund told", (opened["event_type"], opened["resource"]["refund_status"]), ("REFUND.SUCCESS", "SUCCESS"))
    code, body = pay.query_refund(f"{RUN}-b")
    check("refunded", (code, json.loads(body)["status"]), (200, "SUCCESS"))
    day = datetime.datetime.now(zone).date().isoformat()
    code, body = pay.trade_bill(day)
    bill = json.loads(body)
    url = bill["download_url"].replace("https://api.mch.weixin.qq.com", BASE)
    code, file = pay.download_bill(url.replace(BASE, ""))
    data = file if isinstance(file, bytes) else file.encode()
    check("bill", (code, hashlib.sha1(data).hexdigest()), (200, bill["hash_value"]))
    check("its lines", first in data.decode("utf-8-sig") and f"{RUN}-b" in data.decode("utf-8-sig"), True)


main()
