//! What a step expects of its response, and what it takes from it.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use regex_lite::Regex;

use super::template::Template;
use crate::{condition::Condition, error::ValueError, expression::Expression};

/// What a response has to be like.
#[derive(Debug, Default)]
pub struct Expectation {
    pub status: StatusSet,
    /// How long the response may take.
    pub within: Option<Duration>,
    pub conditions: Vec<Condition>,
    /// Texts that the body has to contain, and those that it must not contain.
    pub contains: Vec<Template>,
    pub excludes: Vec<Template>,
    /// Texts that headers have to contain, by the header's name in lower case.
    pub headers: Vec<(String, Template)>,
}

/// A value that a step takes from its response, for later steps.
#[derive(Debug)]
pub struct Capture {
    pub name: String,
    pub source: CaptureSource,
    /// Whether it is hidden like a value of the environment.
    pub secret: bool,
}

#[derive(Debug)]
pub enum CaptureSource {
    Jq(Expression),
    /// The name of a header in lower case.
    Header(String),
    /// Its first group, or all of it.
    Regex(Regex),
}

impl fmt::Display for CaptureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jq(expression) => write!(f, "jq `{expression}`"),
            Self::Header(name) => write!(f, "the header `{name}`"),
            Self::Regex(regex) => write!(f, "the pattern `{}`", regex.as_str()),
        }
    }
}

/// Status codes: `200`, `2xx`, `200-299`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet(pub Vec<RangeInclusive<u16>>);

impl Default for StatusSet {
    fn default() -> Self {
        Self(vec![200..=299])
    }
}

impl StatusSet {
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl FromStr for StatusSet {
    type Err = ValueError;

    /// One item of the list.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "status codes from 100 to 599: one such as 201, all of a class such as 2xx, or a range such as 200-204",
        );
        let code = |text: &str| text.parse().ok().filter(|code| (100..=599).contains(code));
        let range = match text.split_once('-') {
            Some((first, last)) => code(first.trim()).zip(code(last.trim())),
            None => match text.strip_suffix("xx") {
                Some(class) => code(&format!("{class}00")).zip(code(&format!("{class}99"))),
                None => code(text).map(|code| (code, code)),
            },
        };
        range.filter(|(first, last)| first <= last).map(|(first, last)| Self(vec![first..=last])).ok_or(ACCEPTED)
    }
}

impl fmt::Display for StatusSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first} to {last}"),
        };
        f.write_str(&self.0.iter().map(range).collect::<Vec<_>>().join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_are_single_ones_classes_and_ranges() {
        for (text, shown, within, outside) in
            [("201", "201", 201, 200), ("2xx", "200 to 299", 299, 300), ("200-204", "200 to 204", 204, 205)]
        {
            let set: StatusSet = text.parse().unwrap();
            assert_eq!(set.to_string(), shown);
            assert!(set.contains(within) && !set.contains(outside), "{text}");
        }
        for bad in ["", "ok", "99", "600", "6xx", "xx", "204-200", "200-", "2x", "-200"] {
            assert!(bad.parse::<StatusSet>().is_err(), "{bad}");
        }
        assert_eq!(StatusSet(vec![200..=200, 404..=404]).to_string(), "200 or 404");
    }
}
