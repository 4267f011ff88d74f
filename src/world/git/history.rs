//! What the history says of a file.

use super::{Commit, Git, TreePath};
use crate::verdict::Complaint;

/// The last commit that changed a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastChange {
    pub commit: Commit,
    /// The trailers of its message, as git reads them.
    pub trailers: Vec<(String, String)>,
}

impl LastChange {
    /// The value of a trailer; names are compared as git does, whatever their case.
    #[must_use]
    pub fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Git {
    /// The last commit, from `tip` back, that changed the file at `path`; in a shallow checkout the oldest commit there is
    /// counts as having made everything. `None` when nothing ever stood there.
    ///
    /// # Errors
    /// The history could not be read.
    pub fn last_change(&self, tip: &Commit, path: &TreePath) -> Result<Option<LastChange>, Complaint> {
        let format = "--format=%H%n%(trailers:only=true,unfold=true)";
        let answer = self.ask(&self.program().args([
            "log",
            "-1",
            "--no-show-signature",
            format,
            tip.as_str(),
            "--",
            path.as_str(),
        ]))?;
        let answer = String::from_utf8_lossy(&answer);
        let mut lines = answer.lines();
        let Some(commit) = lines.next().filter(|line| !line.is_empty()) else {
            return Ok(None);
        };
        let trailers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()));
        Ok(Some(LastChange { commit: self.parse("git log", commit)?, trailers: trailers.collect() }))
    }
}
