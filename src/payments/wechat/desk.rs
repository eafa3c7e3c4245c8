//! What the shop wants of a provider (`payments/provider.rs`), said to WeChat Pay.
//!
//! The provider's name of a payment is the one that we gave (`out_trade_no`, the payment's token), and so is that of a
//! refund: WeChat takes the same name twice for the same thing, so that a lost answer costs nothing.

use super::bill::{Kind, Line};
use super::client::{API_BASE, Account, Client, NewOrder, NewRefund, Prepared};
use super::notify::{self, ApiKey, Notification};
use super::sign::{Bridge, Merchant, PlatformKeys, Refusal};
use super::{Failure, RefundStatus, Refunded, TradeState, Transaction};
use crate::clock::{Clock, Timestamp, start_of_day};
use crate::config::WechatConfig;
use crate::id::{Ids, parse_order_token};
use crate::payments::provider::{
    Ask, Fault, Moved, Offer, Return, ReturnTruth, Returned, Standing, Truth, Way,
};

/// How the offer of a payment inside WeChat begins: what follows is for the page's bridge.
const PREPAY: &str = "prepay_id=";

impl Client {
    /// A client by the settings; `notify_url` is where WeChat tells us.
    ///
    /// # Errors
    /// The setting whose key can't be used, without any of it.
    pub fn from_config(
        config: &WechatConfig,
        notify_url: String,
        clock: Clock,
        ids: Ids,
    ) -> Result<Self, String> {
        let merchant = Merchant::new(&config.mch_id, &config.serial, &config.key)
            .map_err(|why| format!("WECHAT_KEY_FILE can't be used: {why}"))?;
        let keys = PlatformKeys::from_pem(&config.public_keys, config.public_key_id.as_deref())
            .map_err(|why| format!("WECHAT_PUBLIC_KEY_FILE can't be used: {why}"))?;
        let api_key = ApiKey::new(&config.api_v3_key)
            .map_err(|why| format!("WECHAT_API_V3_KEY_FILE can't be used: {why}"))?;
        let base = config.api_base.as_deref().unwrap_or(API_BASE);
        let base = base
            .parse()
            .map_err(|_| "WECHAT_API_BASE is not an address".to_owned())?;
        let account = Account {
            merchant,
            app_id: config.app_id.clone(),
            keys,
            api_key,
            base,
            notify_url,
        };
        Ok(Client::new(account, clock, ids))
    }

    pub async fn open(&self, ask: &Ask<'_>) -> Result<Offer, Fault> {
        let description = format!("订单 {}", ask.order_number);
        let order = NewOrder {
            out_trade_no: ask.token,
            description: &description,
            amount: ask.amount,
            expires_at: ask.until,
        };
        let url = match self.order(&order, ask.scene).await? {
            Prepared::Prepay(id) => format!("{PREPAY}{id}"),
            Prepared::Code(url) | Prepared::Page(url) => url,
        };
        Ok(Offer {
            reference: ask.token.to_owned(),
            url,
            until: None,
        })
    }

    /// The parameters for the page's bridge, when that is what an offer is for.
    pub fn bridge(&self, offer: &str) -> Option<Bridge> {
        let prepay_id = offer.strip_prefix(PREPAY)?;
        self.sign_bridge(prepay_id).ok()
    }

    pub async fn look(&self, reference: &str) -> Result<Truth, Fault> {
        let found = self.query(reference).await?.ok_or(Fault::Missing)?;
        let account = self.account();
        if found.mchid != account.merchant.id() {
            return Err(Fault::Later("it answered for another merchant".to_owned()));
        }
        Ok(truth(found))
    }

    /// Closes a payment; where it stands afterwards is known without asking.
    pub async fn shut(&self, reference: &str) -> Result<Truth, Fault> {
        self.close(reference).await?;
        Ok(Truth {
            reference: reference.to_owned(),
            standing: Standing::Ended,
            token: Some(reference.to_owned()),
            amount: None,
            intent: None,
            wallet: None,
        })
    }

    pub async fn give_back(&self, back: &Return<'_>) -> Result<ReturnTruth, Fault> {
        let refund = NewRefund {
            transaction_id: back.intent,
            out_refund_no: back.token,
            reason: back.reason,
            amount: back.amount,
            total: back.paid,
        };
        Ok(returned(self.refund(&refund).await?))
    }

    pub async fn look_return(&self, reference: &str) -> Result<Option<ReturnTruth>, Fault> {
        Ok(self.query_refund(reference).await?.map(returned))
    }

    /// The bills of the days that begin between two instants.
    ///
    /// # Errors
    /// `Refused` for a day of which WeChat has no bill any more; none may be asked for before [`statement_after`].
    ///
    /// [`statement_after`]: crate::payments::provider::statement_after
    pub async fn statement(&self, from: Timestamp, to: Timestamp) -> Result<Vec<Moved>, Fault> {
        let mut moved = Vec::new();
        let mut day = from.day();
        while start_of_day(day) < to {
            let bill = self.trade_bill(day).await?;
            moved.extend(bill.lines.into_iter().filter_map(booked));
            day = day.succ_opt().ok_or(Fault::Missing)?;
        }
        Ok(moved)
    }

    /// Opens a notification whose signature was checked when it came.
    ///
    /// # Errors
    /// When it was made with another APIv3 key, or is none.
    pub fn reread(&self, body: &str) -> Result<Notification, Refusal> {
        notify::read(&self.account().api_key, body.as_bytes())
    }
}

fn truth(found: Transaction) -> Truth {
    let standing = match found.trade_state {
        state if state.is_paid() => Standing::Paid,
        state if state.is_over() => Standing::Ended,
        // the buyer's password is asked for: closing it now would be refused
        TradeState::UserPaying => Standing::Processing,
        _ => Standing::Open,
    };
    Truth {
        standing,
        amount: found.total(),
        token: Some(found.out_trade_no.clone()),
        intent: found.transaction_id,
        wallet: None,
        reference: found.out_trade_no,
    }
}

/// What a line of a bill says has moved, by the names that our rows hold.
fn booked(line: Line) -> Option<Moved> {
    let at = line.instant()?;
    let ours = |name: &str| parse_order_token(name).map(|_| name.to_owned());
    match line.kind {
        Kind::Paid { amount } => Some(Moved {
            way: Way::In,
            token: ours(&line.out_trade_no),
            name: line.transaction_id,
            amount: Some(amount),
            at,
        }),
        // one that is under way is booked already; one that failed never was
        Kind::Refunded {
            out_refund_no,
            amount,
            status,
        } if status == "SUCCESS" || status == "PROCESSING" => Some(Moved {
            way: Way::Out,
            token: ours(&out_refund_no),
            name: out_refund_no,
            amount: Some(amount),
            at,
        }),
        Kind::Refunded { .. } | Kind::Other(_) => None,
    }
}

fn returned(found: Refunded) -> ReturnTruth {
    let returned = match found.status {
        RefundStatus::Success => Returned::Done,
        RefundStatus::Processing | RefundStatus::Unknown => Returned::Pending,
        RefundStatus::Closed => Returned::Failed("WeChat Pay has closed the refund (CLOSED)".to_owned()),
        RefundStatus::Abnormal => Returned::Failed(
            "the buyer's account can't take it (ABNORMAL): finish it in WeChat Pay's merchant platform"
                .to_owned(),
        ),
    };
    ReturnTruth {
        reference: found.out_refund_no,
        returned,
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let words = failure.to_string();
        match failure {
            Failure::Lost(_) => Fault::Later(words),
            failure if failure.is_missing() => Fault::Missing,
            // a key, a right or an address that is wrong is put right by people, and so is an account without enough money
            Failure::Refused {
                status: 401 | 404, ..
            } => Fault::Later(words),
            Failure::Refused { code, .. } if code == "NO_AUTH" || code == "NOT_ENOUGH" => Fault::Later(words),
            Failure::Refused { .. } => Fault::Refused(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Fen;

    #[test]
    fn states_mean_what_the_shop_asks() {
        for (state, standing) in [
            ("SUCCESS", Standing::Paid),
            ("REFUND", Standing::Paid),
            ("NOTPAY", Standing::Open),
            ("PAYERROR", Standing::Open),
            ("A_STATE_OF_THE_FUTURE", Standing::Open),
            ("USERPAYING", Standing::Processing),
            ("CLOSED", Standing::Ended),
            ("REVOKED", Standing::Ended),
        ] {
            let found = serde_json::json!({
                "out_trade_no": "1a", "trade_state": state, "transaction_id": "4200", "amount": {"total": 5},
            });
            let truth = truth(serde_json::from_value(found).unwrap());
            assert_eq!(
                (truth.standing, truth.amount),
                (standing, Some(Fen(5))),
                "{state}"
            );
            assert_eq!(
                (truth.reference.as_str(), truth.intent.as_deref()),
                ("1a", Some("4200"))
            );
        }
        for (status, fine) in [
            ("SUCCESS", true),
            ("PROCESSING", true),
            ("NEW", true),
            ("CLOSED", false),
            ("ABNORMAL", false),
        ] {
            let found = serde_json::json!({"out_refund_no": "1b", "status": status});
            let truth = returned(serde_json::from_value(found).unwrap());
            assert_eq!(!matches!(truth.returned, Returned::Failed(_)), fine, "{status}");
            assert_eq!(truth.returned == Returned::Done, status == "SUCCESS");
        }
    }

    #[test]
    fn what_people_must_put_right_is_tried_again() {
        let refused = |status, code: &str| {
            let (code, message) = (code.to_owned(), String::new());
            Fault::from(Failure::Refused {
                status,
                code,
                message,
            })
        };
        assert!(matches!(
            Fault::from(Failure::Lost("x".to_owned())),
            Fault::Later(_)
        ));
        assert_eq!(refused(404, "ORDER_NOT_EXIST"), Fault::Missing);
        assert_eq!(refused(404, "RESOURCE_NOT_EXISTS"), Fault::Missing);
        for (status, code, later) in [
            (401, "SIGN_ERROR", true),
            (403, "NO_AUTH", true),
            (403, "NOT_ENOUGH", true),
            (404, "", true),
            (403, "OUT_TRADE_NO_USED", false),
            (400, "PARAM_ERROR", false),
        ] {
            assert_eq!(matches!(refused(status, code), Fault::Later(_)), later, "{code}");
        }
    }
}
