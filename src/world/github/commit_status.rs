//! The status of a commit, as GitHub's API describes it.

use serde::Deserialize;

/// A status of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CommitStatus {
    /// `success`, `failure`, `error`, `pending`.
    pub state: String,
    /// GitHub compares contexts without case.
    pub context: String,
    #[serde(default)]
    pub description: Option<String>,
}

impl CommitStatus {
    #[must_use]
    pub fn has_context(&self, context: &str) -> bool {
        self.context.eq_ignore_ascii_case(context)
    }
}
