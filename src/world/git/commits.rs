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
    pub trailers: Trailers,
}

impl CommitSummary {
    /// The value of a trailer. Names are compared without case, as in git.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The trailers of a message, one a line, as git prints them: in one text, because a history has many commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trailers(String);

impl Trailers {
    #[must_use]
    pub fn new(lines: &str) -> Self {
        Self(lines.to_owned())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.0.lines().filter_map(|line| line.split_once(':'));
        lines.map(|(key, value)| (key.trim(), value.trim()))
    }
}

/// A commit on the first-parent line of a branch, and the files that it changed against its first parent. The changes of a
/// merged branch are the merge's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCommit {
    pub summary: CommitSummary,
    /// The first is the branch's previous commit; none for the first commit of all.
    pub parents: Vec<Commit>,
    /// The changes of wanted files.
    pub changes: Vec<FileChange>,
    /// The latest time of this commit and the older ones that were read with it: clocks differ, so an older commit may have
    /// a later time.
    pub latest: Timestamp,
}

/// A file that a commit changed. The content of a symbolic link is its target; a submodule has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub before: Option<BlobId>,
    pub after: Option<BlobId>,
}

/// The id of a file's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(String);

impl BlobId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the id of a file or symbolic link in git's raw format; `None` for other modes.
    pub(super) fn of_file(mode: &str, id: &str) -> Option<Self> {
        let is_id = matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        ((mode.starts_with("100") || mode == "120000") && is_id).then(|| Self(id.to_owned()))
    }
}
