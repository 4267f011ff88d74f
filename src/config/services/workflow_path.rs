//! The path of a workflow file.

use std::{fmt, str::FromStr};

use crate::error::ValueError;

/// The path of a workflow file, as GitHub reports it for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowPath(String);

impl WorkflowPath {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkflowPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WorkflowPath {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let name = text.strip_prefix(".github/workflows/").unwrap_or_default();
        let bare = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")).unwrap_or_default();
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        if (1..=100).contains(&bare.len()) && bare.chars().all(plain) && !bare.starts_with('.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("a workflow's file: .github/workflows/<name>.yml or .yaml"))
        }
    }
}
