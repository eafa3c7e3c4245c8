//! Settings: the environment, read once at the start. A wrong value stops the start and names itself; secrets are
//! never printed.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Timestamp};
use crate::money::Method;

mod wechat;

pub use wechat::WechatConfig;

/// The address at which buyers reach the shop, without a slash at the end.
#[derive(Clone)]
pub struct PublicUrl(pub Arc<str>);

/// How Stripe is reached. Kept whenever there is a key, so that payments which are open go on when buyers are offered
/// other ways.
#[derive(Clone)]
pub struct StripeConfig {
    pub secret_key: String,
    /// several while one replaces another
    pub webhook_secrets: Vec<String>,
    /// without a slash at the end; Stripe's own when there is none
    pub api_base: Option<String>,
}

#[derive(Clone)]
pub struct Config {
    /// `CUNJI_DATABASE_URL`: `sqlite://PATH` or `postgres://…`
    pub database_url: String,
    /// `CUNJI_LISTEN`: where HTTP is served; port 0 picks a free one
    pub listen: SocketAddr,
    /// `CUNJI_PUBLIC_URL`: the address printed in links and QR codes, without a slash at the end
    pub public_url: Option<String>,
    /// `CUNJI_HOLD_TTL`: how long an unpaid order holds its stock
    pub hold_ttl: Duration,
    /// `CUNJI_PAYMENTS`: what buyers can choose from, in this order
    pub payments: Vec<Method>,
    /// `CUNJI_ALLOW_PRACTICE=1`: lets `serve` take play money
    pub allow_practice: bool,
    /// `STRIPE_SECRET_KEY`, `STRIPE_WEBHOOK_SECRET`, `STRIPE_API_BASE`
    pub stripe: Option<StripeConfig>,
    /// `WECHAT_…`
    pub wechat: Option<WechatConfig>,
    /// `CUNJI_METRICS_LISTEN`: where `/metrics` is served instead of the main address
    pub metrics_listen: Option<SocketAddr>,
    /// `CUNJI_NOW`: an instant at which the clock stands still
    pub now: Option<Timestamp>,
}

impl Config {
    pub fn from_environment() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads settings through `get`, which knows them by their environment names.
    ///
    /// # Errors
    /// One line that names the setting, what it holds, and what it may hold.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let config = Config {
            database_url: database_url(get("CUNJI_DATABASE_URL"))?,
            listen: address("CUNJI_LISTEN", &get)?
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: get("CUNJI_PUBLIC_URL").map(|url| public_url(&url)).transpose()?,
            hold_ttl: match get("CUNJI_HOLD_TTL") {
                Some(value) => parse_duration(&value).ok_or_else(|| {
                    format!("CUNJI_HOLD_TTL is {value:?}; it takes 1s to 30d, like 90s, 30m or 2h")
                })?,
                None => Duration::from_secs(30 * 60),
            },
            payments: methods(get("CUNJI_PAYMENTS").as_deref().unwrap_or("transfer"))?,
            allow_practice: match get("CUNJI_ALLOW_PRACTICE").as_deref() {
                None | Some("0") => false,
                Some("1") => true,
                Some(value) => return Err(format!("CUNJI_ALLOW_PRACTICE is {value:?}; it takes 0 or 1")),
            },
            stripe: stripe(&get)?,
            wechat: wechat::read(&get)?,
            metrics_listen: address("CUNJI_METRICS_LISTEN", &get)?,
            now: match get("CUNJI_NOW") {
                Some(value) => Some(Timestamp::parse(&value).ok_or_else(|| {
                    format!(
                        "CUNJI_NOW is {value:?}; it takes an RFC 3339 instant, like 2024-01-20T08:00:00+08:00"
                    )
                })?),
                None => None,
            },
        };
        if config.payments.contains(&Method::Stripe) && config.stripe.is_none() {
            return Err("CUNJI_PAYMENTS names stripe, and STRIPE_SECRET_KEY is not set".into());
        }
        if config.payments.contains(&Method::Wechat) && config.wechat.is_none() {
            return Err("CUNJI_PAYMENTS names wechat, and WECHAT_MCH_ID is not set".into());
        }
        Ok(config)
    }

    pub fn clock(&self) -> Clock {
        self.now.map_or(Clock::Real, Clock::fixed)
    }
}

/// Shows settings without what may be secret in them: a database address can carry a password.
impl fmt::Debug for Config {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.database_url.split(':').next().unwrap_or_default();
        out.debug_struct("Config")
            .field("database", &scheme)
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("hold_ttl", &self.hold_ttl)
            .field("payments", &self.payments)
            .field("has_stripe", &self.stripe.is_some())
            .field("has_wechat", &self.wechat.is_some())
            .field("now", &self.now)
            .finish()
    }
}

/// The address itself is not repeated in the error: it can carry a password.
fn database_url(set: Option<String>) -> Result<String, String> {
    let url = set.unwrap_or_else(|| "sqlite://cunji.db".into());
    if ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|start| url.starts_with(start))
    {
        Ok(url)
    } else {
        Err("CUNJI_DATABASE_URL takes sqlite://PATH or postgres://…".into())
    }
}

fn address(name: &str, get: &impl Fn(&str) -> Option<String>) -> Result<Option<SocketAddr>, String> {
    let Some(value) = get(name) else { return Ok(None) };
    let address = value
        .parse()
        .map_err(|_| format!("{name} is {value:?}; it takes ADDRESS:PORT, like 127.0.0.1:8080"))?;
    Ok(Some(address))
}

fn stripe(get: &impl Fn(&str) -> Option<String>) -> Result<Option<StripeConfig>, String> {
    let Some(secret_key) = get("STRIPE_SECRET_KEY") else {
        return Ok(None);
    };
    // what is wrong with a secret is not shown
    if !is_word(&secret_key) {
        return Err("STRIPE_SECRET_KEY holds something else than a key, which looks like sk_live_…".into());
    }
    let list = get("STRIPE_WEBHOOK_SECRET").unwrap_or_default();
    let webhook_secrets: Vec<String> = list
        .split(',')
        .map(str::trim)
        .filter(|secret| !secret.is_empty())
        .map(str::to_owned)
        .collect();
    if webhook_secrets.is_empty()
        || webhook_secrets.len() > 4
        || !webhook_secrets.iter().all(|it| is_word(it))
    {
        return Err("STRIPE_WEBHOOK_SECRET takes the signing secret of the webhook endpoint, whsec_…; two with a comma \
                    between them while one replaces the other"
            .into());
    }
    Ok(Some(StripeConfig {
        secret_key,
        webhook_secrets,
        api_base: get("STRIPE_API_BASE")
            .map(|base| http_host("STRIPE_API_BASE", &base))
            .transpose()?,
    }))
}

/// One word that an HTTP header can carry.
fn is_word(text: &str) -> bool {
    (8..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn public_url(value: &str) -> Result<String, String> {
    http_host("CUNJI_PUBLIC_URL", value)
}

fn http_host(name: &str, value: &str) -> Result<String, String> {
    let url = value.trim_end_matches('/');
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ', '"', '<']) => {
            Ok(url.to_owned())
        }
        _ => Err(format!(
            "{name} is {value:?}; it takes http(s)://HOST, without a path"
        )),
    }
}

fn methods(list: &str) -> Result<Vec<Method>, String> {
    let mut methods = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let method = match name {
            "stripe" => Method::Stripe,
            "wechat" => Method::Wechat,
            "transfer" => Method::Transfer,
            "cod" => Method::Cod,
            "practice" => Method::Practice,
            other => {
                return Err(format!(
                    "CUNJI_PAYMENTS names {other:?}; this version takes stripe, wechat, transfer, cod and practice"
                ));
            }
        };
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    if methods.is_empty() {
        return Err(
            "CUNJI_PAYMENTS is empty; it takes a comma list of stripe, wechat, transfer, cod and practice"
                .into(),
        );
    }
    Ok(methods)
}

/// `90s`, `30m`, `2h`, `1d`; from one second to thirty days.
fn parse_duration(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    let seconds = count.checked_mul(unit)?;
    (1..=30 * 86_400)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Config, String> {
        Config::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn defaults_are_those_of_the_manual() {
        let config = Config::read(|_| None).unwrap();
        assert_eq!(config.database_url, "sqlite://cunji.db");
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.hold_ttl, Duration::from_secs(1_800));
        assert_eq!(config.payments, [Method::Transfer]);
    }

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("90s", Some(90)),
            ("30m", Some(1_800)),
            ("2h", Some(7_200)),
            ("1d", Some(86_400)),
        ] {
            assert_eq!(parse_duration(text).map(|d| d.as_secs()), seconds);
        }
        for text in ["", "0s", "31d", "5", "m", "-1m", "1.5h", "99999999999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn a_wrong_value_names_itself() {
        for (name, value) in [
            ("CUNJI_DATABASE_URL", "mysql://db/shop"),
            ("CUNJI_HOLD_TTL", "soon"),
            ("CUNJI_LISTEN", "8080"),
            ("CUNJI_PUBLIC_URL", "shop.example"),
            ("CUNJI_PAYMENTS", "gold"),
            ("CUNJI_PAYMENTS", "stripe"),
            ("CUNJI_PAYMENTS", "wechat"),
            ("CUNJI_ALLOW_PRACTICE", "yes"),
            ("CUNJI_NOW", "today"),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = with("CUNJI_DATABASE_URL", "postgres://shop:hunter2@db/shop").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn stripe_comes_with_a_key_and_a_secret_to_check_with() {
        let with = |key: &str, secrets: &str, base: &str| {
            let (key, secrets, base) = (key.to_owned(), secrets.to_owned(), base.to_owned());
            Config::read(move |name| match name {
                "STRIPE_SECRET_KEY" => Some(key.clone()),
                "STRIPE_WEBHOOK_SECRET" => Some(secrets.clone()),
                "STRIPE_API_BASE" if !base.is_empty() => Some(base.clone()),
                "CUNJI_PAYMENTS" => Some("stripe,transfer".to_owned()),
                _ => None,
            })
        };
        let config = with(
            "sk_test_hunter2",
            "whsec_hunter2, whsec_hunter3,",
            "http://127.0.0.1:9/",
        )
        .unwrap();
        assert!(!format!("{config:?}").contains("hunter"));
        let stripe = config.stripe.unwrap();
        assert_eq!(stripe.webhook_secrets, ["whsec_hunter2", "whsec_hunter3"]);
        assert_eq!(stripe.api_base.as_deref(), Some("http://127.0.0.1:9"));
        for (key, secrets, base) in [
            ("sk_test_hunter2\n", "whsec_hunter2", ""),
            ("hunter2", "whsec_hunter2", ""),
            ("sk_test_hunter2", "", ""),
            ("sk_test_hunter2", "whsec_hunter2", "stripe.example"),
        ] {
            let error = with(key, secrets, base).unwrap_err();
            assert!(error.contains("STRIPE_") && !error.contains("hunter"), "{error}");
        }
    }
}
