//! Which migrations a database has had, against those that the program knows.

use std::collections::BTreeMap;

/// How a database stands to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// not made by this program
    Foreign,
    Older,
    Current,
    Newer,
}

pub fn of(applied: &[(i64, Vec<u8>)], known: &BTreeMap<i64, &[u8]>) -> Version {
    let newest = known.keys().next_back().copied().unwrap_or(0);
    let is_ours = |(version, checksum): &(i64, Vec<u8>)| match known.get(version) {
        Some(known) => *known == checksum.as_slice(),
        None => *version > newest,
    };
    if applied.is_empty() || !applied.iter().all(is_ours) {
        Version::Foreign
    } else if applied.iter().any(|(version, _)| *version > newest) {
        Version::Newer
    } else if applied.len() < known.len() {
        Version::Older
    } else {
        Version::Current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_older_or_newer_than_the_program() {
        let known = BTreeMap::from([(1, &b"one"[..]), (2, b"two")]);
        let row = |version: i64, checksum: &str| (version, checksum.as_bytes().to_vec());
        for (applied, expected) in [
            (vec![], Version::Foreign),
            (vec![row(1, "other")], Version::Foreign),
            (vec![row(0, "one"), row(1, "one")], Version::Foreign),
            (vec![row(1, "one")], Version::Older),
            (vec![row(1, "one"), row(2, "two")], Version::Current),
            (
                vec![row(1, "one"), row(2, "two"), row(3, "three")],
                Version::Newer,
            ),
        ] {
            assert_eq!(of(&applied, &known), expected, "{applied:?}");
        }
    }
}
