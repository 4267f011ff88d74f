//! Commits as they are read from a history.

use jiff::Timestamp;

use crate::subject::Commit;

/// A commit with its time, author, title and trailers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitSummary {
    pub commit: Commit,
    /// The committer's time, by the committer's clock.
    pub at: Timestamp,
    /// The author's name.
    pub author: String,
    /// The first line of the message.
    pub title: String,
    /// The trailers of the message, as git parses them.
    pub trailers: Vec<(String, String)>,
}

impl CommitSummary {
    /// The value of a trailer. Names are compared without case, as in git.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A commit of a branch and the files that it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitChanges {
    pub commit: Commit,
    /// The branch's previous commit; `None` for the first commit.
    pub before: Option<Commit>,
    /// Whether it is a merge, whose changes count as the merge's own.
    pub merge: bool,
    /// The changed paths that match the pathspec; git quotes unusual names.
    pub paths: Vec<String>,
}
