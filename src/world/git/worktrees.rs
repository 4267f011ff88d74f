//! A second work tree of the repository, with another commit.

use std::path::Path;

use super::checkout::Git;
use crate::{finding::Finding, subject::Commit};

impl Git {
    /// Checks a commit out into a new folder. No hook runs: those of the checkout may have been written by the change that is
    /// judged.
    ///
    /// # Errors
    /// Git failed, for instance because the disk is full.
    pub fn add_worktree(&self, folder: &Path, commit: &Commit) -> Result<(), Finding> {
        let program = self.program().args(["-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach"]);
        let output = self.run(&program.arg(folder).arg(commit.as_str()), self.remote_timeout())?;
        self.successful_output("git worktree add", output).map(|_| ())
    }

    /// Removes such a folder and what git knows of it, as far as possible.
    pub fn remove_worktree(&self, folder: &Path) {
        let program = self.program().args(["worktree", "remove", "--force"]).arg(folder);
        if let Err(finding) = self.run(&program, self.remote_timeout()) {
            log::debug!("worktree left: {finding}");
        }
    }
}
