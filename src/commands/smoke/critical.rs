//! The names of tests that must have run.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// A test's name, `*` for any text. Of `checkout › pays by card` the part behind a `›` names it as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Critical(String);

impl Critical {
    /// Whether a test is meant, by its name in the report.
    #[must_use]
    pub fn names(&self, test: &str) -> bool {
        let parts = test.match_indices(SEPARATOR).map(|(at, separator)| &test[at + separator.len()..]);
        [test].into_iter().chain(parts).any(|name| fits(&self.0, name))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Between a class and a name, in a name as `junit` tells it.
const SEPARATOR: &str = " › ";

impl FromStr for Critical {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.trim_matches(['*', ' ']).is_empty() || text.contains(char::is_control) {
            return Err(ValueError::new("the name of a test as the report has it, with `*` for any text: `checkout*`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Critical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
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
    fn names_are_whole_and_a_star_is_any_text() {
        for (pattern, test, named) in [
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
            assert_eq!(pattern.parse::<Critical>().unwrap().names(test), named, "{pattern} and {test}");
        }
    }

    #[test]
    fn what_names_anything_is_no_name() {
        for bad in ["", "*", "**", " * ", "a\nb"] {
            assert!(bad.parse::<Critical>().is_err(), "{bad:?}");
        }
    }
}
