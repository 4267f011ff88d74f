//! The settings that say where a pull request explains its growth.

use std::{fmt, str::FromStr};

use crate::{error::ValueError, secret::Secret, values::is_invisible};

/// The most characters of a label, and of what a line begins with. Source: GitHub's limit for labels.
const MOST_CHARACTERS: usize = 50;

/// Where a pull request explains its growth.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplanationArgs {
    /// Token with Pull requests: read: with it, a growth over the limits is explained by the description of the pull request as it
    /// is now, in the line `explanation-line`; a re-run reads it again
    #[arg(long, value_name = "GITHUB_TOKEN")]
    pub token: Option<Secret>,
    /// What the line begins with that explains the growth, as in `Bundle-size: up to +200 kB: the new editor`; a heading of this
    /// name works as well
    #[arg(long, value_name = "NAME", default_value = "Bundle-size")]
    pub explanation_line: LineName,
    /// Label without which the line does not count, set by someone who may set labels
    #[arg(long, value_name = "LABEL")]
    pub explanation_label: Option<LabelName>,
}

/// What a line begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineName(String);

/// The name of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelName(String);

/// A name of one line, without blanks around it.
fn name(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_accepted = (1..=MOST_CHARACTERS).contains(&text.chars().count()) && !text.contains(is_invisible);
    is_accepted.then_some(text)
}

impl LineName {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LineName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError =
            ValueError::new("1 to 50 characters that begin with a letter or a digit, such as `Bundle-size`");
        let text = text.trim().trim_end_matches(':');
        let name = name(text).filter(|name| name.starts_with(char::is_alphanumeric) && !name.contains(':'));
        name.map(|name| Self(name.to_owned())).ok_or(ACCEPTED)
    }
}

impl fmt::Display for LineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LabelName {
    /// Whether it is this label: GitHub ignores the case of labels.
    #[must_use]
    pub fn is(&self, label: &str) -> bool {
        self.0.to_lowercase() == label.to_lowercase()
    }
}

impl FromStr for LabelName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new("the name of a label: 1 to 50 characters");
        name(text).map(|name| Self(name.to_owned())).ok_or(ACCEPTED)
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_line() {
        for (text, line) in [
            ("Bundle-size", Some("Bundle-size")),
            (" Bundle size: ", Some("Bundle size")),
            ("Größe", Some("Größe")),
            ("", None),
            (":", None),
            ("a:b", None),
            ("## x", None),
            ("a\nb", None),
        ] {
            assert_eq!(text.parse::<LineName>().ok().as_ref().map(LineName::as_str), line, "{text:?}");
        }
        let label: LabelName = "bundle-size: explained".parse().unwrap();
        assert!(label.is("Bundle-Size: explained") && !label.is("bundle-size"));
        assert!("x".repeat(51).parse::<LabelName>().is_err() && " ".parse::<LabelName>().is_err());
    }
}
