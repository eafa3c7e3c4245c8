//! No secret, token, phone or card in any log line of the whole run: what is logged in process goes into a sink that
//! looks at each line, and what programs log is looked at when they end.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, Once, PoisonError};

/// Words that no log may have, beside what is private by its shape: names, streets, and secrets as they are made.
static PRIVATE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What was logged all the same.
static SPILT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on no log may say this.
pub fn keep_out(words: &str) {
    assert!(words.chars().count() >= 2, "{words:?} is in any log");
    let mut private = PRIVATE.lock().unwrap_or_else(PoisonError::into_inner);
    private.insert(words.to_owned());
}

/// What is private of a line of a log.
pub fn private_in(line: &str) -> Option<String> {
    let private = PRIVATE.lock().unwrap_or_else(PoisonError::into_inner);
    let known = private
        .iter()
        .find(|words| line.contains(words.as_str()))
        .cloned();
    known.or_else(|| private_shape(line))
}

/// A phone, a test card, a key of Stripe's, a token in a header.
fn private_shape(line: &str) -> Option<String> {
    // a word after "Bearer" may be a sentence's; our tokens are longer than words
    for (start, least) in [("sk_test_", 1), ("sk_live_", 1), ("whsec_", 1), ("Bearer ", 20)] {
        for (at, _) in line.match_indices(start) {
            let rest = &line[at + start.len()..];
            let rest: String = rest.chars().take_while(char::is_ascii_graphic).collect();
            if rest.len() >= least {
                return Some(format!("{start}{rest}"));
            }
        }
    }
    let squeezed: String = line.chars().filter(|c| *c != ' ').collect();
    if squeezed.contains("4242424242424242") {
        return Some("a card".to_owned());
    }
    let is_phone = |run: &&str| {
        // with the country's number or without
        let bytes = run
            .strip_prefix("86")
            .filter(|rest| rest.len() == 11)
            .unwrap_or(run)
            .as_bytes();
        bytes.len() == 11
            && bytes.iter().all(u8::is_ascii_digit)
            && bytes[0] == b'1'
            && (b'3'..=b'9').contains(&bytes[1])
    };
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .find(is_phone)
        .map(str::to_owned)
}

/// The log of a program that has ended says nothing private.
pub fn assert_silent(log: &str) {
    let spilt: Vec<(String, &str)> = log
        .lines()
        .filter_map(|line| private_in(line).map(|words| (words, line)))
        .collect();
    assert!(spilt.is_empty(), "a log says what is private: {spilt:?}");
}

/// Where the lines of stories in process go; keeps those that say too much.
struct Sink(&'static Mutex<Vec<String>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        if let Some(words) = private_in(&line) {
            let mut spilt = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            spilt.push(format!("{words:?} in {line}"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens to what the shop logs in this process, from the first shop on.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for words in ["苏宇", "科技园路", crate::app::PASSWORD] {
            keep_out(words);
        }
        tracing_subscriber::fmt()
            .with_env_filter("info,cunji=trace,sqlx=error,stripe=error")
            .with_ansi(false)
            .with_writer(|| Sink(&SPILT))
            .init();
    });
}

/// Fails the story that ends when anything private was logged, by whichever thread.
pub fn assert_nothing_spilt() {
    let spilt = SPILT.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(spilt.is_empty(), "the log says what is private: {spilt:?}");
}

#[test]
fn what_is_private_is_found_by_its_shape() {
    for line in [
        "order of 13800138000",
        "sent to +8613800138000",
        "Bearer is a word; then Bearer 1abcdefghjkmnpqrstvwxyz0123456789",
        "phone=\"19912345678\"",
        "key sk_test_of_somebody",
        "secret: whsec_abc",
        "authorization: Bearer 1abcdefghjkmnpqrstvwxyz0123456789",
        "card 4242424242424242",
        "card 4242 4242 4242 4242",
    ] {
        assert!(private_shape(line).is_some(), "{line}");
    }
    for line in [
        "waybill 7310001234567",
        "number 240120-0001",
        "at 1705716000000",
        "id 0190000000007000800000000000001",
        "a Bearer token is missing: Bearer ",
        "12345678901",
    ] {
        assert_eq!(private_shape(line), None, "{line}");
    }
}

#[test]
fn a_line_that_spills_is_found() {
    static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());
    keep_out("planted-words-of-a-test");
    assert!(std::panic::catch_unwind(|| assert_silent("fine\nsays planted-words-of-a-test\n")).is_err());
    assert_silent("fine\n");
    // the sink as it is, with a list of its own, so that the run goes on
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(|| Sink(&FOUND))
        .finish();
    tracing::subscriber::with_default(lines, || {
        tracing::info!("nothing of note");
        tracing::info!(to = "planted-words-of-a-test", "told");
    });
    assert_eq!(FOUND.lock().unwrap().len(), 1);
}

#[test]
fn the_shop_is_listened_to() {
    listen();
    assert!(
        tracing::enabled!(target: "cunji", tracing::Level::DEBUG),
        "nobody listens"
    );
}
