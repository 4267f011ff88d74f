//! Which entries of the ledger a plan needs.

use jiff::Timestamp;

use super::entry::LedgerEntry;
use crate::subject::{Commit, Environment, Service};

/// The entries of one service in one environment that a plan needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerQuery {
    pub service: Service,
    pub environment: Environment,
    /// Every entry that was committed at this time or later.
    pub since: Timestamp,
    /// If this entry is not among those, the ledger is read further back until it is found, or to its end.
    pub wanted: Option<WantedEntry>,
}

/// One entry that a plan needs, however old it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedEntry {
    Commit(Commit),
    Latest,
}

impl WantedEntry {
    /// Whether it is one of `entries`, which are newest first.
    #[must_use]
    pub fn is_among(&self, entries: &[LedgerEntry]) -> bool {
        match self {
            Self::Commit(commit) => entries.iter().any(|entry| entry.commit == *commit),
            Self::Latest => !entries.is_empty(),
        }
    }
}
