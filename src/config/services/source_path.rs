//! A path of a service in its repository: `paths` of the config file.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// A file or a folder, from the root of the repository, without a slash at either end. A folder counts with everything below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePath(String);

impl SourcePath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SourcePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SourcePath {
    type Err = ValueError;

    /// A pattern may only end with `/**`: what is at a path is one object of git, which a hundred commits show at once.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        const ACCEPTED: ValueError = ValueError::new(
            "a folder such as `services/checkout/**`, or a file, from the repository's root; `*` only in `/**` at the end",
        );
        let path = text.strip_suffix("/**").or_else(|| text.strip_suffix('/')).unwrap_or(text);
        let is_plain = |part: &str| !matches!(part, "" | "." | "..");
        let has_pattern = path.contains(['*', '?', '[', ']', '{', '}', '!', '\\']) || path.contains(char::is_control);
        if (1..=400).contains(&path.len()) && path.split('/').all(is_plain) && !has_pattern {
            Ok(Self(path.to_owned()))
        } else {
            Err(ACCEPTED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_or_a_file_is_accepted_and_no_other_pattern() {
        for (text, path) in [
            ("services/checkout/**", "services/checkout"),
            ("services/checkout/", "services/checkout"),
            ("services/checkout", "services/checkout"),
            ("Cargo.lock", "Cargo.lock"),
            (".github/workflows/deploy staging.yml", ".github/workflows/deploy staging.yml"),
        ] {
            assert_eq!(text.parse::<SourcePath>().unwrap().as_str(), path);
        }
        for text in [
            "",
            "/",
            "/**",
            "**",
            "/services",
            "./services",
            "services/../x",
            "services//x",
            "services/*/x",
            "*.md",
            "!docs/**",
            "services/**/x",
            "a\nb",
            "services/**/",
            "[a]",
        ] {
            assert!(text.parse::<SourcePath>().is_err(), "{text:?}");
        }
    }
}
