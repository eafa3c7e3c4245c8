//! Partners: programs outside of the shop that hear of what happens, at an address that the manager registers.

pub mod api;
pub mod store;

use std::net::IpAddr;

use reqwest::Url;

use crate::error::text;
use crate::web::input::Check;

/// Partners of one village.
pub const MAX_SUBSCRIBERS: i64 = 20;

/// Characters of an address.
const URL_LENGTH: usize = 300;

/// An address that events may be sent to, in its normal form: `https`, or `http` to this very machine; no login in it.
pub fn address(check: &mut Check, field: &str, value: &str) -> String {
    let wrong = |check: &mut Check, zh: &str, en: &str| {
        check.fail(field, text(zh, en));
        String::new()
    };
    let Ok(mut url) = Url::parse(value.trim()) else {
        return wrong(
            check,
            "请填完整的网址，如 https://partner.example/events。",
            "Takes a whole address, like https://partner.example/events.",
        );
    };
    url.set_fragment(None);
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            check,
            "网址里不要带用户名和密码；请用签名验证。",
            "The address may not carry a login; check the signature instead.",
        );
    }
    let host = url.host_str().unwrap_or_default();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(host));
    if !safe || host.is_empty() {
        return wrong(
            check,
            "请用 https 网址；只有本机地址可以用 http。",
            "Takes an https address; http only for this machine itself.",
        );
    }
    if url.as_str().len() > URL_LENGTH {
        return wrong(
            check,
            "网址最多 300 个字符。",
            "An address has at most 300 characters.",
        );
    }
    url.into()
}

/// The host of a parsed address, which has one spelling of each IP address.
fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(value: &str) -> Option<String> {
        let mut check = Check::new();
        let url = address(&mut check, "url", value);
        check.finish().ok().map(|()| url)
    }

    #[test]
    fn addresses_take_one_form() {
        for (value, url) in [
            (
                " https://Partner.Example/in?key=1#top ",
                "https://partner.example/in?key=1",
            ),
            ("https://partner.example", "https://partner.example/"),
            (
                "https://partner.example:8443/a b",
                "https://partner.example:8443/a%20b",
            ),
            ("http://127.0.0.1:9000/in", "http://127.0.0.1:9000/in"),
            ("http://localhost/in", "http://localhost/in"),
            ("http://[::1]:9000/", "http://[::1]:9000/"),
        ] {
            assert_eq!(checked(value).as_deref(), Some(url), "{value}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        let long = format!("https://partner.example/{}", "a".repeat(300));
        for value in [
            "",
            "partner.example",
            "https://",
            "ftp://partner.example/",
            "file:///etc/hosts",
            "http://partner.example/",
            "http://192.168.1.7/",
            "http://localhost.partner.example/",
            "https://user:pass@partner.example/",
            "https://user@partner.example/",
            "mailto:someone@partner.example",
            "https://partner.example:99999/",
            "https://\u{0}/",
            &long,
        ] {
            assert_eq!(checked(value), None, "{value}");
        }
    }
}
