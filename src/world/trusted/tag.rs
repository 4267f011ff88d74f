//! A trusted file as a tag has it.

use super::{TrustedFile, TrustedFiles, from_commit, tree_path, with_depth};
use crate::{
    error::CommandError,
    finding::Finding,
    world::{git::TagName, process::ProcessGroups},
};

impl TrustedFiles {
    /// Reads a file at a tag, which is fetched if the checkout lacks it. `path` is relative to the working directory. `None` when
    /// the tag has no such file.
    ///
    /// # Errors
    /// Bad input for an invalid path. Unobservable: no checkout, no such tag, or one that cannot be fetched.
    pub fn read_at_tag(
        &self,
        tag: &TagName,
        path: &str,
        groups: &ProcessGroups,
    ) -> Result<Option<TrustedFile>, CommandError> {
        let missing = |actual: &str| {
            Finding::inconclusive(format!("tag {tag}")).actual(actual).expected("a tag of this repository")
        };
        let git = self.open(groups)?.ok_or_else(|| missing("no checkout").unobservable())?;
        let tree_path = tree_path(&git, path)?;
        let commit = git.fetch_tag("origin", tag).map_err(|finding| with_depth(finding, 0).unobservable())?;
        let commit = commit.ok_or_else(|| {
            missing("no such tag, here or on `origin`").next("push the tag, or name another one").unobservable()
        })?;
        from_commit(&git, &commit, path, &tree_path)
    }
}
