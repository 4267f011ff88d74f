//! The ledger: the infra repository's commits, the only record of who promoted what.
//!
//! A commit is in the ledger when it did what its message says. Its message ends with the trailers `Service`, `Environment` and
//! `Image`, each with a valid value, and against its first parent it changed an image entry from `Previous-Image` to `Image`:
//! in the files of that service and environment, and with the repository that the config file has for the service. Without
//! `Previous-Image` the entry was new. [`proof`] has the exact rule, [`layout`] the files. A service that has `files` now keeps the
//! history of the file that the setting `file` names, up to the commit that added the first of them.
//!
//! Only the first-parent line of the branch counts: what was on the branch, one state after the other. So trailers in a commit
//! that changed something else, in a squashed text, or in a cherry-pick that changed nothing make no entry, however they came
//! there. `audit` shows them; nothing else reads them. A promotion that was merged counts with the merge, when the merge changed
//! the image as the merged message says.
//!
//! The committer does not matter: teams can write entries by other means, and a person who may push to the branch can deploy. All
//! other trailers may be absent; an invalid one counts as absent. They are claims of the person who made the commit.
//! Git decides which lines are trailers: the last paragraph of a message. When a squash merge added its co-authors below them,
//! they are the paragraph before.

mod entry;
mod evidence_id;
mod examine;
mod image_changes;
pub mod infra_repo;
mod kind;
pub mod layout;
mod overlay_layout;
mod overlays;
mod promotion;
mod promotion_branch;
pub mod proof;
mod query;
mod run_check;
mod run_url;
#[cfg(test)]
pub mod tests;
mod trailer;
mod version;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use entry::{LedgerEntry, UnprovenClaim};
pub use evidence_id::EvidenceId;
pub use examine::{CheckedClaims, ClaimResult, ExaminedChange, FileClaim, MissingFiles, check_claims};
pub use image_changes::{ChangedImage, changed_images};
pub use infra_repo::InfraRepo;
pub use kind::PromotionKind;
pub use layout::{FileImage, ImageFile, ImageLayout, OwnedFile};
pub use overlay_layout::OverlayLayout;
pub use overlays::{ENVIRONMENT, OverlayScope, SERVICE};
pub use promotion::Promotion;
pub use promotion_branch::PromotionBranch;
pub use query::{LedgerQuery, WantedEntry};
pub use run_check::{RunCheck, RunChecker};
pub use run_url::RunUrl;
pub use version::{FileVersion, OverlayVersion};

use crate::{
    finding::Finding,
    subject::{Environment, Service},
    world::git::{Commit, FileChange, HistoryFilter, LoggedCommit, TreePath},
};

/// All entries that were committed at `since` or later, newest first. Fetches the branch first. The branch must have the file
/// of `scope`, so that a `file` that names another layout is no empty ledger.
///
/// # Errors
/// The remote is unreachable, has no such branch, or does not give enough of its history. The branch has no such file.
pub fn read(repo: &InfraRepo, scope: &OverlayScope, since: Timestamp) -> Result<Vec<LedgerEntry>, Finding> {
    let tip = repo.fetch()?.ok_or_else(|| repo.no_branch())?;
    repo.overlay_files(&tip.commit, scope)?;
    read_from(repo, &tip.commit, since, &|_| true)
}

/// The wanted entries in the history of `tip` that were committed at `since` or later, newest first.
///
/// # Errors
/// As [`read`].
fn read_from(
    repo: &InfraRepo,
    tip: &Commit,
    since: Timestamp,
    is_wanted: &dyn Fn(&Promotion) -> bool,
) -> Result<Vec<LedgerEntry>, Finding> {
    let InfraRepo { git, remote, branch, .. } = repo;
    let filter = HistoryFilter {
        is_wanted: &|path| repo.layout.matches(path),
        is_relevant: &|commit| may_promote(repo, commit, is_wanted),
    };
    let commits = git.commits_since(remote, branch, tip, since, &filter)?;
    prove(repo, commits, is_wanted, &mut MissingFiles::new())
}

/// Whether a commit claims a wanted promotion, or is a merge that may have brought one in; or whether it added or removed a file,
/// which says until when an earlier layout counts.
fn may_promote(repo: &InfraRepo, commit: &LoggedCommit, is_wanted: &dyn Fn(&Promotion) -> bool) -> bool {
    let is_merge = commit.parents.len() > 1 && !commit.changes.is_empty();
    let changes_layout = repo.layout.has_files() && commit.changes.iter().any(is_added_or_removed);
    is_merge
        || changes_layout
        || Promotion::from_trailers(&commit.summary).is_some_and(|promotion| is_wanted(&promotion))
}

const fn is_added_or_removed(change: &FileChange) -> bool {
    change.before.is_none() || change.after.is_none()
}

/// The entries among commits that claim to be some.
fn prove(
    repo: &InfraRepo,
    mut commits: Vec<LoggedCommit>,
    is_wanted: &dyn Fn(&Promotion) -> bool,
    missing: &mut MissingFiles,
) -> Result<Vec<LedgerEntry>, Finding> {
    for commit in commits.iter_mut().filter(|commit| commit.parents.len() < 2) {
        // A commit that sets up a hundred services changes a hundred files; only the claimed ones matter.
        let Some(Promotion { service, environment, .. }) = Promotion::from_trailers(&commit.summary) else { continue };
        let files = repo.layout.all_files(&service, &environment);
        let has_files = repo.layout.has_files();
        commit.changes.retain(|change| {
            files.iter().any(|owned| owned.file.path == change.path) || has_files && is_added_or_removed(change)
        });
    }
    Ok(check_claims(repo, commits, is_wanted, &|_| Vec::new(), missing, &mut |_, _| {})?.entries)
}

/// The entries of one service in one environment in the history of `tip`, newest first: as many as `is_enough` needs, or
/// all. A shallow checkout is deepened only until `is_enough` is true.
///
/// # Errors
/// As [`read`].
pub fn history(
    repo: &InfraRepo,
    tip: &Commit,
    service: &Service,
    environment: &Environment,
    is_enough: impl Fn(&[LedgerEntry]) -> bool,
) -> Result<Vec<LedgerEntry>, Finding> {
    let InfraRepo { git, remote, branch, layout, .. } = repo;
    let paths: BTreeSet<String> =
        layout.all_files(service, environment).into_iter().map(|owned| owned.file.path).collect();
    let file = |path: &String| {
        path.parse::<TreePath>().map_err(|error| {
            Finding::inconclusive("`file`").actual(error).expected("a path inside the infra repository")
        })
    };
    let files = paths.iter().map(file).collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |promotion: &Promotion| promotion.is_for(service, environment);
    // An entry changed one of its files, so git can leave out all other commits.
    let filter = HistoryFilter {
        is_wanted: &|changed| paths.contains(changed),
        is_relevant: &|commit| may_promote(repo, commit, &is_wanted),
    };
    let (mut entries, mut missing) = (Vec::new(), MissingFiles::new());
    git.commits_of_files(remote, branch, tip, &files, &filter, |commits, first| {
        if first {
            entries.clear();
            missing.clear();
        }
        entries.extend(prove(repo, commits, &is_wanted, &mut missing)?);
        Ok(is_enough(&entries))
    })?;
    Ok(entries)
}

/// The entries of a query in the history of `tip`, newest first. If the wanted entry is not among those of `since` or later,
/// they are the entries that [`history`] returns for it.
///
/// # Errors
/// As [`read`].
pub fn run_query(repo: &InfraRepo, tip: &Commit, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, Finding> {
    let LedgerQuery { service, environment, since, wanted } = query;
    let recent = read_from(repo, tip, *since, &|promotion| promotion.is_for(service, environment))?;
    match wanted {
        Some(wanted) if !wanted.is_among(&recent) => {
            history(repo, tip, service, environment, |entries| wanted.is_among(entries))
        }
        _ => Ok(recent),
    }
}
