//! Critical tests: the names of tests that must be among those that ran.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// The name of a test, `*` for any text. The part behind a `›` also matches: `pays by card` for `checkout › pays by card`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriticalTest(String);

impl CriticalTest {
    /// Whether a test is this one, by its name in the report.
    #[must_use]
    pub fn matches(&self, test: &str) -> bool {
        let parts = test.match_indices(SEPARATOR).map(|(at, separator)| &test[at + separator.len()..]);
        [test].into_iter().chain(parts).any(|name| matches_pattern(&self.0, name))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Separates class and name in the names of `junit`.
const SEPARATOR: &str = " › ";

impl FromStr for CriticalTest {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.trim_matches(['*', ' ']).is_empty() || text.contains(char::is_control) {
            return Err(ValueError::new("the name of a test as the report has it, with `*` for any text: `checkout*`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for CriticalTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_name_and_a_star_any_text() {
        for (pattern, test, matches) in [
            ("pays", "pays", true),
            ("pays", "repays", false),
            ("pays", "pays twice", false),
            ("pays", "checkout › pays", true),
            ("card › pays", "checkout › card › pays", true),
            ("checkout", "checkout › pays", false),
            ("checkout*", "checkout › pays", true),
            ("*pays", "repays", true),
            ("p*s", "pays", true),
            ("p*s", "ps", true),
            ("ab*ba", "aba", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a**b", "a-b", true),
            ("[chromium] › pays (3/4)?", "[chromium] › pays (3/4)?", true),
            ("Pays", "pays", false),
            ("ä*ö", "äöö", true),
        ] {
            assert_eq!(pattern.parse::<CriticalTest>().unwrap().matches(test), matches, "{pattern} and {test}");
        }
    }

    #[test]
    fn a_pattern_that_matches_every_test_is_refused() {
        for bad in ["", "*", "**", " * ", "a\nb"] {
            assert!(bad.parse::<CriticalTest>().is_err(), "{bad:?}");
        }
    }
}
