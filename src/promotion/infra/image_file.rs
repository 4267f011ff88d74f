//! Reads the file with an image entry from the infra repository.

use crate::{
    error::CommandError,
    finding::Finding,
    ledger::InfraRepo,
    world::git::{Commit, FileMode, TreeEntry, TreePath},
};

/// The text and mode of the file at `path` in a commit of the branch.
///
/// # Errors
/// Bad input when there is no such file; unobservable when git fails.
pub fn read_image_file(repo: &InfraRepo, commit: &Commit, path: &TreePath) -> Result<(String, FileMode), CommandError> {
    let actual = match repo.git.read_file(commit, path).map_err(Finding::unobservable)? {
        Some(TreeEntry::File(blob)) => {
            let text = String::from_utf8(blob.bytes).map_err(|error| {
                Finding::inconclusive(path.as_str()).actual(error.to_string()).expected("UTF-8").unobservable()
            })?;
            return Ok((text, blob.mode));
        }
        Some(_) => "no regular file",
        None => "no such file",
    };
    Err(Finding::inconclusive("`file`")
        .actual(format!("{actual} at {path} on {}", repo.branch))
        .expected("a kustomization file")
        .next("name the repository's layout with `file`; `{service}` and `{environment}` are filled in")
        .bad_input())
}
