//! Reads the file with an image entry from the infra repository, and the base that its entries are applied to.

use super::{image_field::ImageField, image_locator::ImageLocator};
use crate::{
    error::CommandError,
    finding::Finding,
    kustomization::base::{BaseImages, base_images},
    ledger::InfraRepo,
    world::git::{Commit, FileMode, TreeEntry, TreePath},
};

/// The image entry of a service in a commit of the branch, and its file.
pub struct FoundImage {
    pub text: String,
    pub mode: FileMode,
    pub field: ImageField,
    /// Why it is not certain that kustomize uses the entry.
    pub unchecked: Option<String>,
}

/// Finds the image entry of a service in a commit of the branch: the one that kustomize uses.
///
/// # Errors
/// As [`read_image_file`] and [`ImageLocator::find`].
pub fn find_image(repo: &InfraRepo, commit: &Commit, locator: &ImageLocator) -> Result<FoundImage, CommandError> {
    let (text, mode) = read_image_file(repo, commit, &locator.file)?;
    let base = read_base(repo, commit, &locator.file, &text);
    let field = locator.find(&text, &base)?;
    let unchecked = base.unread.first().or(base.changed_by.first()).cloned();
    Ok(FoundImage { text, mode, field, unchecked })
}

/// The images that the entries of the file are applied to. What git cannot read is noted in the result.
fn read_base(repo: &InfraRepo, commit: &Commit, file: &TreePath, text: &str) -> BaseImages {
    let read_files = |paths: &[String]| {
        let parsed: Vec<Option<TreePath>> = paths.iter().map(|path| path.parse().ok()).collect();
        let files: Vec<TreePath> = parsed.iter().flatten().cloned().collect();
        let read =
            repo.git.read_files(commit, &files).map_err(|finding| format!("{}: {}", finding.check, finding.actual))?;
        let mut read = read.into_iter();
        Ok(parsed.iter().map(|path| path.as_ref().and_then(|_| read.next().flatten())).collect())
    };
    base_images(file.as_str(), text, &read_files)
}

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
