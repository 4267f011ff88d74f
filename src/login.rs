//! The logins of GitHub's accounts.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// A login in GitHub's grammar, including those of Apps and of enterprise managed users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login(String);

impl Login {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether another login is the same account.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        is_same_login(&self.0, other)
    }
}

impl FromStr for Login {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("a GitHub login such as `octocat` or `renovate[bot]`, without `@`");
        let name = text.strip_suffix("[bot]").unwrap_or(text);
        let is_accepted = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if (1..=100).contains(&name.len()) && name.chars().all(is_accepted) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ACCEPTED)
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether two logins are one account: GitHub ignores their case.
#[must_use]
pub fn is_same_login(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_parsed_and_compared_without_case() {
        for good in ["octocat", "dana_acme", "renovate[bot]", "a-b"] {
            assert_eq!(good.parse::<Login>().unwrap().to_string(), good);
        }
        for bad in ["", "@alice", "a b", "[bot]", "a[bot]b", "é"] {
            assert!(bad.parse::<Login>().is_err(), "{bad}");
        }
        assert!("Alice".parse::<Login>().unwrap().is("aLICE") && !is_same_login("alice", "alice2"));
    }
}
