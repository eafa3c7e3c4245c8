//! How WeChat Pay is reached. Keys come from files, since they have many lines and must not show in a list of processes.

use std::io::Read;

use super::{http_host, is_word};

/// The most that a file with keys may hold.
const MAX_FILE: u64 = 64 * 1024;

/// Kept whenever there is a merchant, so that payments which are open go on when buyers are offered other ways.
#[derive(Clone)]
pub struct WechatConfig {
    /// `WECHAT_MCH_ID`: the merchant's number (商户号)
    pub mch_id: String,
    /// `WECHAT_APP_ID`: the service account (公众号) or mini-program that the merchant is bound to
    pub app_id: String,
    /// `WECHAT_SERIAL`: the serial number of the merchant's API certificate
    pub serial: String,
    /// the PEM file that `WECHAT_KEY_FILE` names: that certificate's private key, `apiclient_key.pem`
    pub key: Vec<u8>,
    /// the file that `WECHAT_API_V3_KEY_FILE` names: the 32 characters of the APIv3 key
    pub api_v3_key: String,
    /// `WECHAT_PUBLIC_KEY_ID`: the id of WeChat Pay's public key, `PUB_KEY_ID_…`
    pub public_key_id: Option<String>,
    /// the PEM file that `WECHAT_PUBLIC_KEY_FILE` names: WeChat Pay's public key, its platform certificates, or both
    pub public_keys: Vec<u8>,
    /// `WECHAT_API_BASE`: without a slash at the end; WeChat Pay's own when there is none
    pub api_base: Option<String>,
    /// `WECHAT_H5=1`: the merchant may take payments in browsers outside WeChat (H5支付)
    pub h5: bool,
}

/// Reads the settings; none without a merchant.
///
/// # Errors
/// One line that names the setting; secrets are not shown.
pub(super) fn read(get: &impl Fn(&str) -> Option<String>) -> Result<Option<WechatConfig>, String> {
    let Some(mch_id) = get("WECHAT_MCH_ID") else {
        return Ok(None);
    };
    if !(6..=32).contains(&mch_id.len()) || !mch_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "WECHAT_MCH_ID is {mch_id:?}; it takes the merchant's number, digits only"
        ));
    }
    let word = |name: &str, what: &str| match get(name) {
        Some(value) if is_word(&value) && !value.contains(['"', ',']) => Ok(value),
        Some(value) => Err(format!("{name} is {value:?}; it takes {what}")),
        None => Err(format!(
            "WECHAT_MCH_ID is set, and {name} is not; it takes {what}"
        )),
    };
    let file = |name: &str, what: &str| match get(name) {
        Some(path) => {
            contents(&path).map_err(|error| format!("{name} is {path:?}, which can't be read: {error}"))
        }
        None => Err(format!(
            "WECHAT_MCH_ID is set, and {name} is not; it takes a file with {what}"
        )),
    };
    let api_v3_key = file("WECHAT_API_V3_KEY_FILE", "the APIv3 key")?;
    let public_key_id = match get("WECHAT_PUBLIC_KEY_ID") {
        Some(_) => Some(word(
            "WECHAT_PUBLIC_KEY_ID",
            "the id of WeChat Pay's public key, PUB_KEY_ID_…",
        )?),
        None => None,
    };
    Ok(Some(WechatConfig {
        mch_id,
        app_id: word(
            "WECHAT_APP_ID",
            "the id of the service account or mini-program, wx…",
        )?,
        serial: word(
            "WECHAT_SERIAL",
            "the serial number of the merchant's API certificate",
        )?,
        key: file(
            "WECHAT_KEY_FILE",
            "the private key of the merchant's API certificate",
        )?,
        api_v3_key: String::from_utf8_lossy(&api_v3_key).trim().to_owned(),
        public_key_id,
        public_keys: file(
            "WECHAT_PUBLIC_KEY_FILE",
            "WeChat Pay's public key or platform certificates",
        )?,
        api_base: get("WECHAT_API_BASE")
            .map(|base| http_host("WECHAT_API_BASE", &base))
            .transpose()?,
        h5: match get("WECHAT_H5").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(value) => return Err(format!("WECHAT_H5 is {value:?}; it takes 0 or 1")),
        },
    }))
}

fn contents(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(MAX_FILE)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fakes/wechat/keys/");

    /// Good settings, with one of them changed; an empty value means that it is not set.
    fn with(name: &str, value: &str) -> Result<Option<WechatConfig>, String> {
        let key = std::env::temp_dir().join(format!("cunji-wechat-key-{}", std::process::id()));
        std::fs::write(&key, "0123456789abcdef0123456789abcdef\n").unwrap();
        read(&|asked| {
            let usual = match asked {
                "WECHAT_MCH_ID" => "1900000109".to_owned(),
                "WECHAT_APP_ID" => "wx8888888888888888".to_owned(),
                "WECHAT_SERIAL" => "3775B6A45ACD588826D15E583A95F5DD00000000".to_owned(),
                "WECHAT_KEY_FILE" => format!("{KEYS}merchant_key.pem"),
                "WECHAT_API_V3_KEY_FILE" => key.display().to_string(),
                "WECHAT_PUBLIC_KEY_ID" => "PUB_KEY_ID_0112".to_owned(),
                "WECHAT_PUBLIC_KEY_FILE" => format!("{KEYS}platform_public_key.pem"),
                _ => String::new(),
            };
            let value = if asked == name { value.to_owned() } else { usual };
            Some(value).filter(|value| !value.is_empty())
        })
    }

    #[test]
    fn a_merchant_comes_with_its_keys() {
        let config = with("WECHAT_API_BASE", "http://127.0.0.1:9/").unwrap().unwrap();
        assert_eq!(
            config.api_v3_key.len(),
            32,
            "the line's end is no part of the key"
        );
        assert_eq!(config.api_base.as_deref(), Some("http://127.0.0.1:9"));
        assert!(config.key.starts_with(b"-----BEGIN PRIVATE KEY-----") && !config.h5);
        assert!(with("WECHAT_MCH_ID", "").unwrap().is_none());
        let by_certificate = with("WECHAT_PUBLIC_KEY_ID", "").unwrap().unwrap();
        assert_eq!(by_certificate.public_key_id, None);
        assert!(with("WECHAT_H5", "1").unwrap().unwrap().h5);
    }

    #[test]
    fn a_wrong_setting_names_itself() {
        for (name, value) in [
            ("WECHAT_MCH_ID", "shop"),
            ("WECHAT_APP_ID", ""),
            ("WECHAT_APP_ID", "wx 8888"),
            ("WECHAT_SERIAL", ""),
            ("WECHAT_SERIAL", "37\",75B6A45"),
            ("WECHAT_KEY_FILE", ""),
            ("WECHAT_KEY_FILE", "nowhere.pem"),
            ("WECHAT_API_V3_KEY_FILE", "nowhere"),
            ("WECHAT_PUBLIC_KEY_FILE", ""),
            ("WECHAT_PUBLIC_KEY_ID", "a b c d e f"),
            ("WECHAT_API_BASE", "api.mch.weixin.qq.com"),
            ("WECHAT_H5", "yes"),
        ] {
            let error = with(name, value).err().unwrap();
            assert!(error.contains(name), "{error}");
        }
    }
}
