//! Looks by git at what pull requests that are no promotions change.

use std::collections::{BTreeSet, VecDeque};

use super::change::{ImageDifference, ObservedChange};
use crate::{
    config::{Config, DEFAULT_PATHS},
    finding::Finding,
    ledger::{FileVersion, InfraRepo, OverlayLayout, OwnedFile, changed_images},
    subject::Service,
    values::clip,
    world::git::{BlobId, Commit, FileChange, MergeBase, Tip, TreePath},
};

/// How much of a text from a file a message has, in characters.
const CLIP: usize = 200;

/// The base branch and the commits at which pull requests left it.
pub struct FetchedHeads {
    pub tip: Tip,
    pub bases: Vec<MergeBase>,
}

/// Fetches the last commits of pull requests, those of forks too, and finds where each left the base branch. One request fetches all,
/// and a few more the history that a shallow checkout lacks.
///
/// # Errors
/// The remote cannot be read.
pub fn fetch_heads(infra: &InfraRepo, heads: &[Commit]) -> Result<FetchedHeads, Finding> {
    let tip = infra.fetch()?.ok_or_else(|| infra.no_branch())?;
    infra.git.fetch_commits(&infra.remote, heads)?;
    let bases = infra.git.fetch_merge_bases(&infra.remote, &tip.commit, heads)?;
    Ok(FetchedHeads { tip, bases })
}

/// Compares the images of pull requests with those of the base branch.
pub struct ChangeObserver<'a> {
    pub infra: &'a InfraRepo,
    /// Where the images are: by the settings of this step, never by those of a pull request.
    pub layout: &'a OverlayLayout,
    pub config: &'a Config,
    /// The last commit of the base branch.
    pub tip: &'a Commit,
}

impl ChangeObserver<'_> {
    /// Checks that the settings name files of the base branch. Without one, no pull request would seem to change an image.
    ///
    /// # Errors
    /// No service is configured, or none of them has a file there; git fails.
    pub fn check_places(&self) -> Result<(), Finding> {
        if self.config.services.is_empty() {
            return Err(Finding::inconclusive("`services`")
                .actual("no service is configured, so no image is known")
                .next("list the services in the config file, and check out the repository that has it"));
        }
        let files = self.infra.overlay_files(self.tip, &self.layout.scope)?;
        let is_configured =
            |(path, _): &(String, BlobId)| self.layout.owners(path).iter().any(|owned| self.is_configured(owned));
        // Without known owners, each changed file says so.
        if self.layout.check_owners().is_err() || files.iter().any(is_configured) {
            return Ok(());
        }
        let services: Vec<&str> = self.config.services.keys().map(Service::as_str).collect();
        Err(Finding::inconclusive("`services`")
            .actual(format!("no file of {} has the image of {}", self.infra.branch, clip(&services.join(", "), CLIP)))
            .next("name the services as their folders, or their files with `file` or `files`"))
    }

    fn is_configured(&self, owned: &OwnedFile) -> bool {
        self.config.services.contains_key(&owned.service)
    }

    /// What a pull request changes since it left the base branch: that is what its merge brings there.
    ///
    /// # Errors
    /// It is not known where it left the branch; git fails.
    pub fn observe(&self, base: &MergeBase, head: &Commit) -> Result<ObservedChange, Finding> {
        let base = self.single_base(base)?;
        let changes = self.infra.git.changes_between(base, head)?;
        let mut observed = ObservedChange::default();
        let config_path = self.config.file.as_ref().map(|file| file.path.as_str());
        let is_config = |path: &str| DEFAULT_PATHS.contains(&path) || config_path == Some(path);
        observed.rules = changes.iter().map(|change| &change.path).find(|path| is_config(path)).cloned();
        observed.unknown.extend(self.moved_since(base, &changes)?);
        let mut owned = Vec::new();
        for change in &changes {
            let owners = self.owners(base, &change.path)?;
            if owners.is_empty() && self.layout.matches(&change.path) {
                let unknown = self.layout.check_owners().err();
                observed.unknown.extend(unknown.map(|why| format!("{}: {}", clip(&change.path, CLIP), why.actual)));
            } else if !owners.is_empty() {
                owned.push((change, owners));
            }
        }
        self.compare(&owned, &mut observed)?;
        Ok(observed)
    }

    fn single_base<'b>(&self, base: &'b MergeBase) -> Result<&'b Commit, Finding> {
        let branch = &self.infra.branch;
        let unknown = |actual: String, next: String| Err(Finding::inconclusive("merge base").actual(actual).next(next));
        match base {
            MergeBase::One(base) => Ok(base),
            MergeBase::Cut => unknown(
                format!("it left {branch} further back than the checkout and 34,100 commits reach"),
                "check out the repository with `fetch-depth: 0`".to_owned(),
            ),
            MergeBase::Several => unknown(
                format!("it and {branch} were merged into each other, and left each other at several commits"),
                format!("merge {branch} into it"),
            ),
            MergeBase::None => unknown(
                format!("it has no commit in common with {branch}"),
                format!("make the change on top of {branch}"),
            ),
        }
    }

    /// The services whose image a changed file has, as far as they are configured. The file of an earlier layout counts while the
    /// base has none of the present files.
    fn owners(&self, base: &Commit, path: &str) -> Result<Vec<OwnedFile>, Finding> {
        let mut owners = self.layout.owners(path);
        owners.retain(|owned| self.is_configured(owned));
        let mut counted = Vec::new();
        for owned in owners {
            if !owned.is_former || !self.has_present_files(base, &owned)? {
                counted.push(owned);
            }
        }
        Ok(counted)
    }

    fn has_present_files(&self, base: &Commit, owned: &OwnedFile) -> Result<bool, Finding> {
        let path =
            |path: String| path.parse::<TreePath>().map_err(|error| Finding::inconclusive("`files`").actual(error));
        let paths = self.layout.present_files(owned).into_iter().map(path).collect::<Result<Vec<_>, _>>()?;
        Ok(!self.infra.git.in_commit(base, &paths)?.is_empty())
    }

    /// Why a change may reach an image under another path: a merge follows a file that the base branch moved in the meantime. That
    /// matters only if the base branch has new files with images.
    fn moved_since(&self, base: &Commit, changes: &[FileChange]) -> Result<Option<String>, Finding> {
        if base == self.tip {
            return Ok(None);
        }
        let on_base = self.infra.git.changes_between(base, self.tip)?;
        if !on_base.iter().any(|change| change.before.is_none() && self.layout.matches(&change.path)) {
            return Ok(None);
        }
        let removed: BTreeSet<&str> =
            on_base.iter().filter(|change| change.after.is_none()).map(|change| change.path.as_str()).collect();
        let moved = changes.iter().find(|change| change.before.is_some() && removed.contains(change.path.as_str()));
        let branch = &self.infra.branch;
        Ok(moved.map(|change| {
            let path = clip(&change.path, CLIP);
            format!("{branch} has no {path} any more, and new files with images: merge {branch} into it")
        }))
    }

    /// Reads both versions of each file, and compares the images of its owners.
    fn compare(&self, owned: &[(&FileChange, Vec<OwnedFile>)], observed: &mut ObservedChange) -> Result<(), Finding> {
        let InfraRepo { git, remote, images, .. } = self.infra;
        let ids: Vec<BlobId> =
            owned.iter().flat_map(|(change, _)| [&change.before, &change.after]).flatten().cloned().collect();
        let mut read = VecDeque::with_capacity(ids.len());
        git.read_blobs(remote, &ids, &mut |content| read.push_back(FileVersion::new(content)))?;
        let mut next = |id: &Option<BlobId>| match id {
            None => Ok(FileVersion::no_file()),
            Some(id) => read
                .pop_front()
                .ok_or_else(|| Finding::inconclusive("git cat-file").actual(format!("no content of {}", id.as_str()))),
        };
        for (change, owners) in owned {
            let versions = (next(&change.before)?, next(&change.after)?);
            for owned in owners {
                let (before, after) = (versions.0.images(&owned.file.image), versions.1.images(&owned.file.image));
                let OwnedFile { service, environment, file, .. } = owned;
                let Some(differences) = changed_images(self.layout, owned, images, &before, &after) else {
                    let why = [&before, &after].into_iter().find_map(|version| version.entries().err());
                    observed.unknown.push(unreadable(owned, why.unwrap_or_default()));
                    continue;
                };
                observed.images.extend(differences.into_iter().map(|image| ImageDifference {
                    service: service.clone(),
                    environment: environment.clone(),
                    path: file.path.clone(),
                    before: image.before,
                    after: image.after,
                }));
            }
        }
        Ok(())
    }
}

fn unreadable(OwnedFile { service, file, .. }: &OwnedFile, why: &str) -> String {
    format!("the image of {service} in {} cannot be read: {}", clip(&file.path, CLIP), clip(why, CLIP))
}
