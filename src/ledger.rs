//! The ledger: the infra repository's commits, the only record of who promoted what.
//!
//! A commit belongs to the ledger when its message ends with the trailers `Service`, `Environment` and `Image`, each with a
//! valid value. Its committer and its changes do not matter. So teams can write entries by other means, and anybody who may
//! push to the branch can write any entry; `audit` finds image changes without an entry. All other trailers may be absent;
//! an invalid one counts as absent. Git decides which lines are trailers: the last paragraph of a message. Similar lines
//! elsewhere in the message do not count.

mod entry;
mod evidence_id;
pub mod infra_repo;
mod kind;
mod promotion;
mod query;
mod run_url;
#[cfg(test)]
pub mod tests;
mod trailer;

use jiff::Timestamp;

pub use entry::LedgerEntry;
pub use evidence_id::EvidenceId;
pub use infra_repo::InfraRepo;
pub use kind::PromotionKind;
pub use promotion::Promotion;
pub use query::{LedgerQuery, WantedEntry};
pub use run_url::RunUrl;

use crate::{
    finding::Finding,
    subject::{Environment, Service},
    world::git::{Commit, CommitSummary},
};

/// All entries that were committed at `since` or later, newest first. Fetches the branch first.
///
/// # Errors
/// The remote is unreachable, has no such branch, or does not give enough of its history.
pub fn read(repo: &InfraRepo, since: Timestamp) -> Result<Vec<LedgerEntry>, Finding> {
    let tip = repo.fetch()?.ok_or_else(|| repo.no_branch())?;
    read_from(repo, &tip.commit, since)
}

/// The entries in the history of `tip` that were committed at `since` or later, newest first.
///
/// # Errors
/// As [`read`].
fn read_from(repo: &InfraRepo, tip: &Commit, since: Timestamp) -> Result<Vec<LedgerEntry>, Finding> {
    let InfraRepo { git, remote, branch } = repo;
    Ok(entries(&git.commits_since(remote, branch, tip, since)?))
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
    let InfraRepo { git, remote, branch } = repo;
    let service_entries = |commits: &[CommitSummary]| {
        let mut entries = entries(commits);
        entries.retain(|entry| entry.promotion.is_for(service, environment));
        entries
    };
    // The search by name only preselects: git decides which of these messages have trailers, and their values.
    let is_enough = |commits: &[CommitSummary]| is_enough(&service_entries(commits));
    let commits = git.commits_mentioning(remote, branch, tip, service.as_str(), is_enough)?;
    Ok(service_entries(&commits))
}

/// The entries of a query in the history of `tip`, newest first. If the wanted entry is not among those of `since` or later,
/// they are the entries that [`history`] returns for it.
///
/// # Errors
/// As [`read`].
pub fn run_query(repo: &InfraRepo, tip: &Commit, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, Finding> {
    let LedgerQuery { service, environment, since, wanted } = query;
    let mut recent = read_from(repo, tip, *since)?;
    recent.retain(|entry| entry.promotion.is_for(service, environment));
    match wanted {
        Some(wanted) if !wanted.is_among(&recent) => {
            history(repo, tip, service, environment, |entries| wanted.is_among(entries))
        }
        _ => Ok(recent),
    }
}

/// The ledger entries among `commits`.
#[must_use]
pub fn entries(commits: &[CommitSummary]) -> Vec<LedgerEntry> {
    commits.iter().filter_map(LedgerEntry::read).collect()
}
