//! Tags: the commits that they name, here and on a remote.

use super::{Commit, Git, Remote, TagName};
use crate::finding::Finding;

impl Git {
    /// The commit of a tag in this checkout, or else on the remote, from where it is fetched. `None` when neither has the tag.
    ///
    /// # Errors
    /// Git failed, or the remote could not be reached.
    pub fn fetch_tag(&self, remote: &str, tag: &TagName) -> Result<Option<Commit>, Finding> {
        let full = tag.full();
        if let Some(commit) = self.commit_of(&full)? {
            return Ok(Some(commit));
        }
        let remote = self.remote(remote)?;
        let Some(commit) = self.remote_tag(&remote, &full)? else { return Ok(None) };
        self.fetch_commit(&remote, &commit)?;
        Ok(Some(commit))
    }

    /// The commit of a tag of the remote. An annotated tag is a separate object, and a second line has its commit.
    fn remote_tag(&self, remote: &Remote, full: &str) -> Result<Option<Commit>, Finding> {
        let refs = self.ls_remote(remote, &[], &format!("{full}*"))?;
        let id = |name: &str| refs.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix('\t'));
        let id = id(&format!("{full}^{{}}")).or_else(|| id(full));
        id.map(|id| self.parse("git ls-remote", id)).transpose()
    }
}
