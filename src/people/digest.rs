//! A list of logins that is too long for a report: the report carries the list's digest, and what the list follows from. The
//! reader makes the list again, and compares the digests. Pure.

use serde::{Deserialize, Serialize};

use crate::{report::compact::hex_sha256, subject::Commit};

/// What the list follows from, and how to recognise it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleDigest {
    /// How many logins.
    pub count: usize,
    /// Over the sorted logins in lower case, one per line.
    pub sha256: String,
    /// The workflow runs that deployed and validated the release.
    pub runs: Vec<u64>,
    /// The commit in the image.
    pub head: Commit,
    /// The commit in the image before; without it, only the commit in the image counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Commit>,
}

/// The digest of a list of logins.
pub fn sha256_of<'a>(logins: impl IntoIterator<Item = &'a str>) -> String {
    let mut logins: Vec<String> = logins.into_iter().map(str::to_lowercase).collect();
    logins.sort();
    logins.dedup();
    hex_sha256(logins.join("\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_the_people_whatever_their_order_and_case() {
        let digest = sha256_of(["alice", "Bob"]);
        assert_eq!(digest, sha256_of(["BOB", "alice", "bob"]));
        assert_eq!(digest, hex_sha256(b"alice\nbob"));
        assert_ne!(digest, sha256_of(["alice"]));
        assert_ne!(digest, sha256_of(["alicebob"]));
    }
}
