//! Reads the files with the image of a service from the infra repository, and the base that the entries of a kustomization are
//! applied to.

use std::collections::BTreeMap;

use super::{
    image_edit::FileTexts,
    image_field::ImageField,
    image_locators::{FileLocator, ImageLocators},
};
use crate::{
    error::CommandError,
    finding::Finding,
    kustomization::base::{BaseImages, base_images},
    ledger::InfraRepo,
    world::git::{Commit, FileMode, TreeEntry, TreePath},
};

/// The image of a service in a commit of the branch, and its files.
#[derive(Default)]
pub struct FoundImages {
    pub texts: FileTexts,
    pub modes: BTreeMap<TreePath, FileMode>,
    /// In the order of the settings.
    pub fields: Vec<ImageField>,
    /// Why it is not certain that kustomize uses an entry.
    pub unchecked: Vec<String>,
}

/// Finds the image of a service in a commit of the branch: in a kustomization the entry that kustomize uses.
///
/// # Errors
/// As [`read_image_file`] and [`ImageLocator::find`](super::ImageLocator::find).
pub fn find_images(repo: &InfraRepo, commit: &Commit, locators: &ImageLocators) -> Result<FoundImages, CommandError> {
    let mut found = FoundImages::default();
    for locator in locators.iter() {
        let file = locator.file();
        if !found.texts.contains_key(file) {
            let (text, mode) = read_image_file(repo, commit, locator)?;
            found.texts.insert(file.clone(), text);
            found.modes.insert(file.clone(), mode);
        }
        let field = match locator {
            FileLocator::Fields(field) => field.clone(),
            FileLocator::Entry(locator) => {
                let text = found.texts.get(file).map(String::as_str).unwrap_or_default();
                let base = read_base(repo, commit, file, text);
                let field = locator.find(text, &base)?;
                let unchecked = base.unread.first().or(base.changed_by.first());
                let name = field.name();
                found.unchecked.extend(
                    unchecked.map(|why| format!("not checked whether kustomize uses the entry `{name}`: {why}")),
                );
                field
            }
        };
        found.fields.push(field);
    }
    Ok(found)
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

/// The text and mode of a locator's file in a commit of the branch.
///
/// # Errors
/// Bad input when there is no such file; unobservable when git fails.
fn read_image_file(
    repo: &InfraRepo,
    commit: &Commit,
    locator: &FileLocator,
) -> Result<(String, FileMode), CommandError> {
    let path = locator.file();
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
    let (expected, next) = match locator {
        FileLocator::Entry(_) => (
            "a kustomization file",
            "name the repository's layout with `file`; `{service}` and `{environment}` are filled in",
        ),
        FileLocator::Fields(_) => ("the file with the image", "correct `files` of the service in the config file"),
    };
    let check = format!("{} at {path} on {}", actual, repo.branch);
    Err(Finding::inconclusive("`file`").actual(check).expected(expected).next(next).bad_input())
}
