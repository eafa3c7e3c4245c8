//! Ids and secrets. Rows are named by UUIDv7 made here; public codes carry their village's number, so that whoever
//! holds one can be led to the right tenant without a look-up over all of them.

use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Timestamp;

/// Crockford's base 32 in lower case: no i, l, o, u, so that a code survives being read aloud and typed.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Random digits of a link code: 35 bits. Enough against guessing a public page, short enough to type.
const LINK_DIGITS: usize = 7;

/// Digits of a UUID: 128 bits in steps of five.
const UUID_DIGITS: usize = 26;

/// The tenant's number; small, since every public code carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type, serde::Serialize)]
#[sqlx(transparent)]
pub struct VillageId(pub i64);

/// Makes ids from a cryptographic generator: seeded by the system, or by a number so that a test can be replayed.
#[derive(Clone)]
pub struct Ids(Arc<Mutex<StdRng>>);

impl Ids {
    pub fn from_system() -> Self {
        Ids(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    pub fn seeded(seed: u64) -> Self {
        Ids(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    fn fill(&self, bytes: &mut [u8]) {
        // a panic elsewhere can't leave a generator half-filled, so a poisoned lock is as good as a clean one
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(bytes);
    }

    /// A UUIDv7: time-ordered, with 74 random bits.
    pub fn uuid(&self, at: Timestamp) -> Uuid {
        let mut random = [0u8; 10];
        self.fill(&mut random);
        let ms = u64::try_from(at.0).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
    }

    /// A link code of `village`: its number, then random digits.
    pub fn link_code(&self, village: VillageId) -> String {
        let mut random = [0u8; 8];
        self.fill(&mut random);
        encode(village, u128::from(u64::from_le_bytes(random)), LINK_DIGITS)
    }

    /// A secret for a session or token of `village`: its number, then 155 random bits in a fixed number of digits.
    pub fn secret(&self, village: VillageId) -> String {
        let mut random = [0u8; 32];
        self.fill(&mut random);
        let (high, low) = random.split_at(16);
        let number = |bytes: &[u8]| bytes.iter().fold(0u128, |sum, byte| sum << 8 | u128::from(*byte));
        format!(
            "{}{}",
            encode(village, number(high), UUID_DIGITS),
            digits(number(low), UUID_DIGITS)
        )
    }
}

/// The smallest UUIDv7 of an instant: ids of rows made before it are smaller.
pub fn first_uuid(at: Timestamp) -> Uuid {
    let ms = u64::try_from(at.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &[0; 10]).into_uuid()
}

fn digits(mut number: u128, width: usize) -> String {
    let mut text = vec![b'0'; width];
    for digit in text.iter_mut().rev() {
        *digit = ALPHABET[(number & 31) as usize];
        number >>= 5;
    }
    String::from_utf8(text).unwrap_or_default()
}

fn encode(village: VillageId, number: u128, width: usize) -> String {
    let prefix = u64::try_from(village.0).unwrap_or(0);
    let length = (64 - prefix.leading_zeros()).div_ceil(5).max(1);
    format!(
        "{}{}",
        digits(u128::from(prefix), length as usize),
        digits(number, width)
    )
}

fn decode(text: &str) -> Option<u128> {
    text.bytes().try_fold(0u128, |sum, byte| {
        let digit = match byte.to_ascii_lowercase() {
            b'o' => 0,
            b'i' | b'l' => 1,
            other => ALPHABET.iter().position(|digit| *digit == other)?,
        };
        sum.checked_mul(32)?.checked_add(digit as u128)
    })
}

fn village_before(code: &str, width: usize) -> Option<VillageId> {
    let prefix = code.get(..code.len().checked_sub(width)?)?;
    if prefix.is_empty() || prefix.len() > 8 {
        return None;
    }
    decode(prefix)
        .and_then(|number| i64::try_from(number).ok())
        .map(VillageId)
}

/// The public, unguessable name of an order: its village and id (74 random bits).
pub fn order_token(village: VillageId, id: Uuid) -> String {
    encode(village, id.as_u128(), UUID_DIGITS)
}

/// The order that a token names; `None` when it can't be one. Reads upper case and the look-alikes O, I, L too.
pub fn parse_order_token(token: &str) -> Option<(VillageId, Uuid)> {
    let village = village_before(token, UUID_DIGITS)?;
    let number = decode(token.get(token.len() - UUID_DIGITS..)?)?;
    Some((village, Uuid::from_u128(number)))
}

/// The village of a session or token secret.
pub fn village_of_secret(secret: &str) -> Option<VillageId> {
    village_before(secret, 2 * UUID_DIGITS)
}

/// The canonical form of a typed link code; `None` when it can't be one.
pub fn parse_link_code(code: &str) -> Option<(VillageId, String)> {
    let village = village_before(code, LINK_DIGITS)?;
    let number = decode(code.get(code.len() - LINK_DIGITS..)?)?;
    Some((village, encode(village, number, LINK_DIGITS)))
}

/// What is kept of a secret.
pub fn hash_secret(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_back_to_their_village() {
        let ids = Ids::seeded(7);
        for village in [1, 31, 32, 410_421_105_200] {
            let village = VillageId(village);
            let id = ids.uuid(Timestamp(1_700_000_000_000));
            let token = order_token(village, id);
            assert_eq!(parse_order_token(&token), Some((village, id)));
            assert_eq!(parse_order_token(&token.to_uppercase()), Some((village, id)));
            let code = ids.link_code(village);
            assert_eq!(parse_link_code(&code), Some((village, code.clone())));
            assert_eq!(village_of_secret(&ids.secret(village)), Some(village));
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in [
            "",
            "1",
            "0000000",
            "1u2u3u4u",
            "张村张村张村张村张村张村",
            "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert_eq!(parse_order_token(text), None, "{text}");
            assert_eq!(parse_link_code(text), None, "{text}");
        }
    }

    #[test]
    fn ids_are_time_ordered_and_replayable() {
        let (one, two) = (Ids::seeded(1), Ids::seeded(1));
        let first = one.uuid(Timestamp(1_000));
        assert_eq!(first, two.uuid(Timestamp(1_000)));
        assert!(first < first_uuid(Timestamp(1_001)));
        assert!(first_uuid(Timestamp(1_001)) < one.uuid(Timestamp(1_001)));
    }
}
