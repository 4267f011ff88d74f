//! Reads the ledger, and the image changes that are not in it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    observations::{AuditObservations, ManualChange, WINDOW},
    overlay_layout::OverlayLayout,
};
use crate::{
    error::CommandError,
    finding::Finding,
    kustomization::{self, ImageEntry},
    ledger::{self, InfraRepo, LedgerEntry},
    subject::{Environment, Service},
    world::git::{Commit, CommitChanges, CommitSummary, TreePath},
};

/// # Errors
/// Bad input when there is no such branch; a history that cannot be read far enough.
pub(super) fn observe(
    repo: &InfraRepo,
    layout: &OverlayLayout,
    since: Timestamp,
    until: Timestamp,
) -> Result<AuditObservations, CommandError> {
    let InfraRepo { git, remote, branch } = repo;
    let tip = repo.tip()?;
    let earliest = until.checked_sub(WINDOW).map_or(since, |window| window.min(since));
    let commits = git.commits_since(remote, branch, &tip.commit, earliest).map_err(Finding::unobservable)?;
    let mut entries = ledger::entries(&commits);
    entries.retain(|entry| layout.includes(&entry.promotion.service, &entry.promotion.environment));
    // Up to the oldest commit of the period: commits in between may have an earlier commit time.
    let audited = &commits[..commits.iter().rposition(|commit| commit.at >= since).map_or(0, |last| last + 1)];
    let by_hand = find_manual_changes(repo, layout, &entries, audited, &tip.commit).map_err(Finding::unobservable)?;
    Ok(AuditObservations { since, until, entries, by_hand })
}

/// The overlay that a commit changed.
struct ChangedOverlay<'a> {
    commit: &'a CommitSummary,
    /// The branch before the commit.
    parent: Commit,
    is_merge: bool,
    path: TreePath,
    service: Service,
    environment: Environment,
}

/// The image changes that the ledger does not record.
fn find_manual_changes(
    repo: &InfraRepo,
    layout: &OverlayLayout,
    entries: &[LedgerEntry],
    commits: &[CommitSummary],
    tip: &Commit,
) -> Result<Vec<ManualChange>, Finding> {
    let Some(oldest) = commits.last() else { return Ok(Vec::new()) };
    let by_id: BTreeMap<&Commit, &CommitSummary> = commits.iter().map(|commit| (&commit.commit, commit)).collect();
    let mut changed = Vec::new();
    for CommitChanges { commit, before, merge, paths } in
        repo.git.commits_changing(&oldest.commit, tip, &layout.pathspec())?
    {
        // The first commit of all changes nothing: there was nothing before it.
        let (Some(commit), Some(parent)) = (by_id.get(&commit), before) else { continue };
        for path in paths {
            if let (Some((service, environment)), Ok(path)) = (layout.owner(&path), path.parse()) {
                let parent = parent.clone();
                changed.push(ChangedOverlay { commit, parent, is_merge: merge, path, service, environment });
            }
        }
    }
    let entries = entries.iter().map(|entry| (&entry.commit, entry)).collect();
    let mut manual = Vec::new();
    // In parts, so that the files of years are not in memory at once.
    for changed in changed.chunks(500) {
        let files: Vec<_> = changed.iter().flat_map(ChangedOverlay::versions).collect();
        let files = repo.git.read_files(&files)?;
        for (overlay, files) in changed.iter().zip(files.chunks(2)) {
            let [before, after] = files else { continue };
            let name = layout.image_name(&overlay.service);
            // A new file promotes nothing: it sets up a service.
            let Some(before) = before.as_deref().map(|bytes| image(bytes, &overlay.parent, name)) else { continue };
            let after = after.as_deref().map(|bytes| image(bytes, &overlay.commit.commit, name));
            let after = after.unwrap_or_else(|| "no file".to_owned());
            manual.extend(overlay.manual_change(repo, &entries, before, after)?);
        }
    }
    Ok(manual)
}

impl ChangedOverlay<'_> {
    /// The file before and after.
    fn versions(&self) -> [(Commit, TreePath); 2] {
        [(self.parent.clone(), self.path.clone()), (self.commit.commit.clone(), self.path.clone())]
    }

    /// The change, unless the ledger records it.
    fn manual_change(
        &self,
        repo: &InfraRepo,
        entries: &BTreeMap<&Commit, &LedgerEntry>,
        before: String,
        after: String,
    ) -> Result<Option<ManualChange>, Finding> {
        if before == after {
            return Ok(None);
        }
        let is_same = |entry: &LedgerEntry| entry.promotion.is_for(&self.service, &self.environment);
        let entry = entries.get(&self.commit.commit).filter(|entry| is_same(entry));
        let recorded = entry.map(|entry| entry.promotion.image.clone());
        if recorded.as_ref() == Some(&after) {
            return Ok(None);
        }
        if self.is_merge {
            // A promotion on a merged branch is recorded by its commit there.
            for entry in entries.values().filter(|entry| is_same(entry) && entry.promotion.image == after) {
                if !repo.git.is_ancestor(&entry.commit, &self.parent)? {
                    return Ok(None);
                }
            }
        }
        let CommitSummary { commit, at, author, title, .. } = self.commit.clone();
        let (service, environment) = (self.service.clone(), self.environment.clone());
        Ok(Some(ManualChange { commit, at, author, title, service, environment, before, after, recorded }))
    }
}

/// The image in a file of a commit.
fn image(bytes: &[u8], commit: &Commit, name: &str) -> String {
    let text = str::from_utf8(bytes).map_err(|error| error.to_string());
    match text.and_then(|text| kustomization::image(text, name).map_err(|error| error.to_string())) {
        Ok(entry) => entry.as_ref().map_or_else(|| "no image entry".to_owned(), ImageEntry::reference),
        // The text contains the commit, so two unreadable versions never count as unchanged.
        Err(why) => format!("a file that cannot be read in {commit}: {why}"),
    }
}
