//! The ledger: the infra repository's commits. There is no other record of who promoted what.
//!
//! A commit is in it when its message ends with the trailers `Service`, `Environment` and `Image`, each with a value that
//! can be one, and nothing else tells: neither who committed it nor what it changed. So teams can write entries by other
//! means, and whoever may push to the branch may write what he likes; `audit` finds what changed without an entry. All
//! other trailers may be absent or broken: what cannot be read of one is not there. Trailers are what git takes for such,
//! the last paragraph of a message: lines that look like them anywhere else tell nothing.

mod entry;
pub mod place;
mod promotion;
#[cfg(test)]
pub mod tests;

use std::{fmt, str::FromStr};

use jiff::Timestamp;

pub use entry::{Entry, RunUrl};
pub use place::Place;
pub use promotion::Promotion;

use crate::{
    error::ValueError,
    finding::Finding,
    subject::{Environment, Service},
    world::git::{Commit, Told},
};

/// The names of the trailers. Git compares them whatever their case.
mod trailer {
    pub const SERVICE: &str = "Service";
    pub const ENVIRONMENT: &str = "Environment";
    pub const IMAGE: &str = "Image";
    pub const PREVIOUS: &str = "Previous-Image";
    pub const SOURCE_COMMIT: &str = "Source-commit";
    pub const VALIDATED_AT: &str = "Validated-at";
    pub const VALIDATION_RUN: &str = "Validation-run";
    pub const EVIDENCE: &str = "Evidence";
    pub const APPROVED_BY: &str = "Approved-by";
    pub const TRIGGERED_BY: &str = "Triggered-by";
    pub const WORKFLOW: &str = "Workflow";
    pub const REQUIRED: &str = "Required";
    pub const KIND: &str = "Promotion-kind";
    pub const INCIDENT: &str = "Incident";
    pub const REASON: &str = "Reason";
    pub const ROLLS_BACK: &str = "Rolls-back";
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A promotion through the gates.
    Normal,
    /// One around them.
    Emergency,
    /// One taken back.
    Rollback,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Normal, Self::Emergency, Self::Rollback];

    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Emergency => "emergency",
            Self::Rollback => "rollback",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Kind {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let known = Self::ALL.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(text));
        known.ok_or(ValueError::new("one of normal, emergency, rollback"))
    }
}

/// What names the evidence of one validation: the sha256 over its reports, so the same reports always have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvidenceId(String);

impl EvidenceId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EvidenceId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ValueError::new("an evidence id: 64 lower-case hex digits"))
        }
    }
}

impl fmt::Display for EvidenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All entries that were committed at `since` or later, newest first, as the remote's branch holds them now.
///
/// # Errors
/// The remote could not be asked, has no such branch, or does not give as much of its history.
pub fn read(place: &Place, since: Timestamp) -> Result<Vec<Entry>, Finding> {
    let tip = place.fetch()?.ok_or_else(|| place.no_branch())?;
    self::since(place, &tip.commit, since)
}

/// The entries that `tip` holds and that were committed at `since` or later, newest first.
///
/// # Errors
/// As [`read`].
pub fn since(place: &Place, tip: &Commit, since: Timestamp) -> Result<Vec<Entry>, Finding> {
    let Place { git, remote, branch } = place;
    Ok(entries(&git.told_since(remote, branch, tip, since)?))
}

/// The entries of one service in one environment that `tip` holds, newest first: as many as it takes until they are
/// `enough`, or all there are. A shallow checkout is given more history only as long as they are not.
///
/// # Errors
/// As [`read`].
pub fn history(
    place: &Place,
    tip: &Commit,
    service: &Service,
    environment: &Environment,
    enough: impl Fn(&[Entry]) -> bool,
) -> Result<Vec<Entry>, Finding> {
    let Place { git, remote, branch } = place;
    let ours = |told: &[Told]| {
        let mut entries = entries(told);
        entries.retain(|entry| entry.is_of(service, environment));
        entries
    };
    // A sieve only: which of these messages hold trailers, and of what value, is git's to say.
    let told = git.told_naming(remote, branch, tip, service.as_str(), |told| enough(&ours(told)))?;
    Ok(ours(&told))
}

/// Those among `commits` that are in the ledger.
#[must_use]
pub fn entries(commits: &[Told]) -> Vec<Entry> {
    commits.iter().filter_map(Entry::of).collect()
}
