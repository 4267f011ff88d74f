//! The commit that is checked out, and the last commit that it shares with others.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

use super::{
    checkout::{Git, LOCAL_TIMEOUT},
    names::TreePath,
    remote::Remote,
};
use crate::{
    finding::Finding,
    subject::Commit,
    world::process::{ProcessOutput, ProcessStatus},
};

/// By how many commits a shallow history is deepened first. Each further round fetches four times as many.
const FIRST_DEEPENING: u32 = 100;
/// The most rounds of deepening: 34,100 commits in all.
const MAX_ROUNDS: u32 = 5;

/// The commit that is checked out, with the parents that it was made with: also those that a shallow checkout lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub commit: Commit,
    pub parents: Vec<Commit>,
}

/// The last common commit of one commit and others, as far as this checkout can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeBase {
    One(Commit),
    /// A shallow history ends before the answer.
    Cut,
    /// The histories cross, so that several commits are the last one.
    Several,
    /// The histories are unrelated.
    None,
}

impl Git {
    /// The commit that is checked out; `None` before the first commit.
    ///
    /// # Errors
    /// Git failed.
    pub fn head(&self) -> Result<Option<Head>, Finding> {
        let output = self.run_local(&self.program().args(["cat-file", "--batch"]).stdin("HEAD\n"))?;
        let text = String::from_utf8_lossy(&output);
        let mut lines = text.lines();
        // `<id> SP commit SP <size>`, then the commit; <https://git-scm.com/docs/git-cat-file#_batch_output>.
        let Some((id, _)) = lines.next().unwrap_or_default().split_once(" commit ") else { return Ok(None) };
        let parents = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("parent "));
        let parents = parents.map(|id| self.parse("git cat-file", id)).collect::<Result<_, _>>()?;
        Ok(Some(Head { commit: self.parse("git cat-file", id)?, parents }))
    }

    /// Those of `paths` that exist in the commit that is checked out; none before the first commit.
    ///
    /// # Errors
    /// Git failed.
    pub fn in_head(&self, paths: &[TreePath]) -> Result<Vec<TreePath>, Finding> {
        let output = self.list_paths("HEAD", paths)?;
        if !output.status.success() {
            let head = self.run_git(&["rev-parse", "--quiet", "--verify", "HEAD"])?;
            if head.status == ProcessStatus::Exited(1) {
                return Ok(Vec::new());
            }
        }
        self.listed(output, paths)
    }

    /// Those of `paths` that exist in a commit, which must be in this checkout.
    ///
    /// # Errors
    /// Git failed.
    pub fn in_commit(&self, commit: &Commit, paths: &[TreePath]) -> Result<Vec<TreePath>, Finding> {
        let output = self.list_paths(commit.as_str(), paths)?;
        self.listed(output, paths)
    }

    fn list_paths(&self, tree: &str, paths: &[TreePath]) -> Result<ProcessOutput, Finding> {
        let list = self.program().args(["ls-tree", "-z", "--name-only", "--full-tree", tree, "--"]);
        // A partial clone may fetch the folders.
        self.run(&list.args(paths.iter().map(TreePath::as_str)), self.remote_timeout())
    }

    fn listed(&self, output: ProcessOutput, paths: &[TreePath]) -> Result<Vec<TreePath>, Finding> {
        let output = self.successful_output("git ls-tree", output)?;
        let listed: Vec<&[u8]> = output.split(|&byte| byte == 0).collect();
        Ok(paths.iter().filter(|path| listed.contains(&path.as_str().as_bytes())).cloned().collect())
    }

    /// The path in the repository of a file in the work tree, whose path is absolute and has no links in it.
    #[must_use]
    pub fn tree_path(&self, file: &Path) -> Option<TreePath> {
        TreePath::inside(self.toplevel(), file)
    }

    /// The URL of a remote in the configuration, as written there; `None` without such a remote.
    ///
    /// # Errors
    /// Git failed.
    pub fn configured_url(&self, remote: &str) -> Result<Option<String>, Finding> {
        let output = self.run_git(&["config", "--get", &format!("remote.{remote}.url")])?;
        if output.status == ProcessStatus::Exited(1) {
            return Ok(None);
        }
        let url = self.successful_output("git config", output)?;
        Ok(Some(OsStr::from_bytes(url.trim_ascii_end()).to_string_lossy().into_owned()))
    }

    /// The commit that a ref of this checkout names, such as `refs/remotes/origin/main`.
    ///
    /// # Errors
    /// Git failed.
    pub fn commit_of(&self, name: &str) -> Result<Option<Commit>, Finding> {
        let peeled = format!("{name}^{{commit}}");
        let output = self.run_git(&["rev-parse", "--quiet", "--verify", "--end-of-options", &peeled])?;
        if output.status == ProcessStatus::Exited(1) {
            return Ok(None);
        }
        let id = self.successful_output("git rev-parse", output)?;
        self.parse("git rev-parse", String::from_utf8_lossy(&id).trim_end()).map(Some)
    }

    /// Whether the history of this checkout is cut off.
    ///
    /// # Errors
    /// Git failed.
    pub fn is_shallow(&self) -> Result<bool, Finding> {
        self.shallow_ends().map(|ends| !ends.is_empty())
    }

    /// The last commit that `commit` has in common with `others` together, which must be in this checkout.
    ///
    /// # Errors
    /// Git failed.
    pub fn merge_base(&self, commit: &Commit, others: &[Commit]) -> Result<MergeBase, Finding> {
        let ends = self.shallow_ends()?;
        let others = || others.iter().map(Commit::as_str);
        if !ends.is_empty() {
            // The parents behind an end may be common to both. An end that is common itself is behind the answer.
            let one = self.run_local(&self.program().args(["rev-list", commit.as_str(), "--not"]).args(others()))?;
            let both = self.program().arg("rev-list").args(others()).args(["--not", commit.as_str()]);
            let both = [one, self.run_local(&both)?].concat();
            if String::from_utf8_lossy(&both).lines().any(|line| ends.lines().any(|end| end == line)) {
                return Ok(MergeBase::Cut);
            }
        }
        let base = self.program().args(["merge-base", "--all", commit.as_str()]).args(others());
        let output = self.run(&base, LOCAL_TIMEOUT)?;
        if output.status == ProcessStatus::Exited(1) && output.stdout.bytes.is_empty() {
            return Ok(MergeBase::None);
        }
        let bases = self.successful_output("git merge-base", output)?;
        match String::from_utf8_lossy(&bases).lines().collect::<Vec<_>>()[..] {
            [base] => self.parse("git merge-base", base).map(MergeBase::One),
            _ => Ok(MergeBase::Several),
        }
    }

    /// As [`Git::merge_base`], and deepens a shallow checkout as far as needed.
    ///
    /// # Errors
    /// The missing history could not be fetched.
    pub fn fetch_merge_base(&self, remote: &str, commit: &Commit, others: &[Commit]) -> Result<MergeBase, Finding> {
        let mut found = self.merge_base(commit, others)?;
        for round in 0..MAX_ROUNDS {
            if found != MergeBase::Cut {
                break;
            }
            let remote = self.remote(remote)?;
            let wanted: Vec<&str> = [commit].into_iter().chain(others).map(Commit::as_str).collect();
            self.deepen_at(&remote, &wanted, FIRST_DEEPENING << (2 * round))?;
            found = self.merge_base(commit, others)?;
        }
        Ok(found)
    }

    /// The last commit that each of `commits` has in common with `base`. A shallow checkout is deepened as far as needed, for all of
    /// them at once.
    ///
    /// # Errors
    /// The missing history could not be fetched.
    pub fn fetch_merge_bases(
        &self,
        remote: &Remote,
        base: &Commit,
        commits: &[Commit],
    ) -> Result<Vec<MergeBase>, Finding> {
        let of = |commit: &Commit| self.merge_base(commit, std::slice::from_ref(base));
        let mut found = commits.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        for round in 0..MAX_ROUNDS {
            let cut: Vec<usize> = (0..found.len()).filter(|index| found[*index] == MergeBase::Cut).collect();
            if cut.is_empty() {
                break;
            }
            let wanted: Vec<&str> =
                [base].into_iter().chain(cut.iter().map(|index| &commits[*index])).map(Commit::as_str).collect();
            self.deepen_at(remote, &wanted, FIRST_DEEPENING << (2 * round))?;
            for index in cut {
                found[index] = of(&commits[index])?;
            }
        }
        Ok(found)
    }

    fn deepen_at(&self, remote: &Remote, wanted: &[&str], by: u32) -> Result<(), Finding> {
        let output = self.fetch_all(remote, &[&format!("--deepen={by}")], wanted)?;
        if output.status.success() { Ok(()) } else { Err(self.unreachable("git fetch", remote, &output)) }
    }

    fn run_git(&self, args: &[&str]) -> Result<ProcessOutput, Finding> {
        self.run(&self.program().args(args.iter().copied()), LOCAL_TIMEOUT)
    }
}
