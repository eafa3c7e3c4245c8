//! The bill of a day: announced by a signed answer with its hash, then fetched as a file that carries no signature.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use cunji::clock::start_of_day;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};

use super::{APP_ID, Fake, MCH_ID};

const HEAD: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMS: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn local(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp(seconds, 0).expect("a sane instant");
    at.with_timezone(&chrono_tz::Asia::Shanghai)
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// The bill of a day; `None` when nothing happened on it.
fn text(fake: &Fake, day: &str) -> Option<String> {
    let from = start_of_day(day.parse().ok()?).0.div_euclid(1_000);
    let state = fake.state();
    let (paid, back) = state.of_day(from);
    if paid.is_empty() && back.is_empty() {
        return None;
    }
    let mut lines = vec![HEAD.to_owned()];
    for order in &paid {
        let (at, total) = (local(order.paid_at.unwrap_or(0)), yuan(order.total));
        let (id, no) = (
            order.transaction_id.as_deref().unwrap_or_default(),
            &order.out_trade_no,
        );
        let kind = order.scene.to_uppercase();
        lines.push(format!(
            "`{at},`{APP_ID},`{MCH_ID},`0,`,`{id},`{no},`oUpF8,`{kind},`SUCCESS,`OTHERS,`CNY,`{total},`0.00,`0,`0,`0.00,`0.00,`,`,`红薯粉条,两箱,`,`0.41000,`0.60%,`{total},`0.00,`"
        ));
    }
    for refund in &back {
        let (at, amount) = (local(refund.at), yuan(refund.amount));
        let (id, no) = (&refund.refund_id, &refund.out_refund_no);
        let (paid, status) = (&refund.out_trade_no, refund.status);
        lines.push(format!(
            "`{at},`{APP_ID},`{MCH_ID},`0,`,`4200,`{paid},`oUpF8,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`{id},`{no},`{amount},`0.00,`ORIGINAL,`{status},`红薯粉条,`,`-0.05000,`0.60%,`0.00,`{amount},`"
        ));
    }
    let count = paid.len() + back.len();
    let total = yuan(paid.iter().map(|order| order.total).sum());
    let refunded = yuan(back.iter().map(|refund| refund.amount).sum());
    lines.push(SUMS.to_owned());
    lines.push(format!(
        "`{count},`{total},`{refunded},`0.00,`0.36000,`{total},`{refunded}"
    ));
    Some(format!("\u{feff}{}\r\n", lines.join("\r\n")))
}

fn part<'a>(query: &'a str, name: &str) -> &'a str {
    let found = query
        .split('&')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_default()
}

pub fn announce(fake: &Fake, query: &str) -> Result<Value, (u16, &'static str, String)> {
    let day = part(query, "bill_date");
    let Some(text) = text(fake, day) else {
        return Err((400, "NO_STATEMENT_EXIST", "nothing on this day".to_owned()));
    };
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    Ok(json!({
        "hash_type": "SHA1", "hash_value": hex::encode(hash.as_ref()),
        "download_url": format!("https://api.mch.weixin.qq.com/v3/billdownload/file?token=bill-{day}"),
    }))
}

pub fn file(fake: &Fake, query: &str) -> Response {
    let day = part(query, "token").trim_start_matches("bill-");
    let text = text(fake, day).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain")], text).into_response()
}
