//! Plans what the file of a service becomes.

use jiff::Timestamp;

use crate::{
    baselines::{BaselineStore, StoreError, StoredSession},
    reconcile::Plan,
    subject::{Subject, Tag},
};

/// What is new.
#[derive(Clone, Debug)]
pub struct StoreUpdate {
    pub sessions: Vec<StoredSession>,
    pub promoted: Vec<Subject>,
    /// The tags of releases whose sessions stay.
    pub keep: Vec<Tag>,
    pub now: Timestamp,
}

/// A new content, and what it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreEdit {
    pub text: String,
    pub result: StoreResult,
}

/// What a file has now that it had not before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoreResult {
    pub added: usize,
    pub marked: usize,
    pub removed: usize,
    pub promoted_sessions: usize,
    /// The promoted releases of which no session has figures.
    pub without_session: Vec<Subject>,
}

impl StoreResult {
    #[must_use]
    pub const fn is_change(&self) -> bool {
        self.added + self.marked + self.removed > 0
    }
}

/// Adds the sessions, marks those of promoted releases, and removes old ones. The same update changes nothing a second time.
///
/// # Errors
/// The new content would be too large.
pub fn plan(store: &BaselineStore, update: &StoreUpdate) -> Result<Plan<StoreEdit, StoreResult>, StoreError> {
    let mut store = store.clone();
    let mut result = StoreResult::default();
    for session in &update.sessions {
        result.added += usize::from(store.add(session.clone()));
    }
    for release in &update.promoted {
        let found = store.promote(release, update.now);
        result.marked += found.marked;
        if found.known == 0 {
            result.without_session.push(release.clone());
        }
    }
    // Old sessions alone are no reason to write.
    if result.is_change() {
        result.removed = store.shorten(&update.keep);
    }
    result.promoted_sessions = store.count_promoted();
    Ok(if result.is_change() {
        Plan::Write(StoreEdit { text: store.to_text()?, result })
    } else {
        Plan::UpToDate(result)
    })
}
