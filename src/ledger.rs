//! The ledger: the infra repository's commits, the only record of who promoted what.
//!
//! A commit is in the ledger when it did what its message says. Its message ends with the trailers `Service`, `Environment` and
//! `Image`, each with a valid value, and against its first parent it changed an image entry from `Previous-Image` to `Image`:
//! in the file of that service and environment, and with the repository that the config file has for the service. Without
//! `Previous-Image` the entry was new. [`proof`] has the exact rule.
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
pub mod infra_repo;
mod kind;
mod overlays;
mod promotion;
pub mod proof;
mod query;
mod run_check;
mod run_url;
#[cfg(test)]
pub mod tests;
mod trailer;

use jiff::Timestamp;

pub use entry::{LedgerEntry, UnprovenClaim};
pub use evidence_id::EvidenceId;
pub use examine::{CheckedClaims, ClaimResult, ExaminedChange, FileClaim, OverlayVersion, check_claims, read_version};
pub use infra_repo::InfraRepo;
pub use kind::PromotionKind;
pub use overlays::{ENVIRONMENT, OverlayPattern, OverlayScope, SERVICE};
pub use promotion::Promotion;
pub use query::{LedgerQuery, WantedEntry};
pub use run_check::{RunCheck, RunChecker};
pub use run_url::RunUrl;

use crate::{
    finding::Finding,
    subject::{Environment, Service},
    world::git::{Commit, HistoryFilter, LoggedCommit, TreePath},
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
        is_wanted: &|path| repo.overlays.matches(path),
        is_relevant: &|commit| may_promote(commit, is_wanted),
    };
    let commits = git.commits_since(remote, branch, tip, since, &filter)?;
    prove(repo, commits, is_wanted)
}

/// Whether a commit claims a wanted promotion, or is a merge that may have brought one in.
fn may_promote(commit: &LoggedCommit, is_wanted: &dyn Fn(&Promotion) -> bool) -> bool {
    let is_merge = commit.parents.len() > 1 && !commit.changes.is_empty();
    is_merge || Promotion::from_trailers(&commit.summary).is_some_and(|promotion| is_wanted(&promotion))
}

/// The entries among commits that claim to be some.
fn prove(
    repo: &InfraRepo,
    mut commits: Vec<LoggedCommit>,
    is_wanted: &dyn Fn(&Promotion) -> bool,
) -> Result<Vec<LedgerEntry>, Finding> {
    for commit in commits.iter_mut().filter(|commit| commit.parents.len() < 2) {
        // A commit that sets up a hundred services changes a hundred files; only the claimed one matters.
        let Some(Promotion { service, environment, .. }) = Promotion::from_trailers(&commit.summary) else { continue };
        let path = repo.overlays.path(&service, &environment);
        commit.changes.retain(|change| change.path == path);
    }
    Ok(check_claims(repo, commits, is_wanted, &mut |_, _| {})?.entries)
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
    let InfraRepo { git, remote, branch, overlays, .. } = repo;
    let path = overlays.path(service, environment);
    let file: TreePath = path.parse().map_err(|error: String| {
        Finding::inconclusive("`file`").actual(error).expected("a path inside the infra repository")
    })?;
    let is_wanted = |promotion: &Promotion| promotion.is_for(service, environment);
    // An entry changed its file, so git can leave out all other commits.
    let filter =
        HistoryFilter { is_wanted: &|changed| changed == path, is_relevant: &|commit| may_promote(commit, &is_wanted) };
    let mut entries = Vec::new();
    git.commits_of_file(remote, branch, tip, &file, &filter, |commits, first| {
        if first {
            entries.clear();
        }
        entries.extend(prove(repo, commits, &is_wanted)?);
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
