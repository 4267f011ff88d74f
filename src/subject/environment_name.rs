//! The name of an environment on GitHub.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de};

use crate::error::ValueError;

checked_text!(
    /// The name of an environment on GitHub, which may hold slashes and blanks: `eu/production`. Where the name is also part of a
    /// path in the infra repository it is an [`crate::subject::Environment`]. A name with a folder's dots would leave its place in a URL's path,
    /// percent-encoded or not.
    EnvironmentName,
    "the name of a GitHub environment: 1 to 255 characters, no control character, no blank at either end, and no part between \
     slashes that is `.` or `..`",
    |text| (1..=255).contains(&text.chars().count())
        && !text.contains(char::is_control)
        && text.trim() == text
        && text.split('/').all(|part| part != "." && part != "..")
);

impl EnvironmentName {
    /// The caller knows that it is a name that GitHub accepts.
    pub(super) const fn of_valid(name: String) -> Self {
        Self(name)
    }

    /// Whether GitHub takes `other` for the same name: it ignores case.
    #[must_use]
    pub fn is_same(&self, other: &str) -> bool {
        self.0.to_lowercase() == other.to_lowercase()
    }
}

impl From<&EnvironmentName> for EnvironmentName {
    fn from(name: &EnvironmentName) -> Self {
        name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Environment;

    #[test]
    fn a_name_stays_one_segment_of_a_path() {
        let long = "ä".repeat(255);
        for good in ["production", "eu/west production", "Prüfung", "a..b", ".a", long.as_str()] {
            assert!(good.parse::<EnvironmentName>().is_ok(), "{good:?}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\tb", ".", "..", "../a", "a/..", "a/./b", &format!("{long}a")] {
            assert!(bad.parse::<EnvironmentName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn case_is_ignored() {
        let name: EnvironmentName = "EU/Prüfung".parse().unwrap();
        assert!(name.is_same("eu/PRÜFUNG") && !name.is_same("eu/prufung"));
        let environment: Environment = "production".parse().unwrap();
        assert!(EnvironmentName::from(&environment).is_same("Production"));
    }
}
