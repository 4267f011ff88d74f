//! The updates that a watch reports.

use jiff::Timestamp;

use crate::finding::Finding;

/// An update of a watch on one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum WatchUpdate<T> {
    /// A new list begins: the known objects may be out of date until it is complete.
    Relisting,
    /// The complete list. An object that was known before and is not in it has been deleted.
    Listed {
        items: Vec<T>,
        /// The server's clock.
        at: Option<Timestamp>,
    },
    /// An object was created or has changed.
    Applied(T),
    Deleted(T),
    /// No update comes until the next watch, for this reason.
    Interrupted(String),
    /// No update will come.
    Refused(Finding),
}

impl<T> WatchUpdate<T> {
    /// The server's clock, if the update carries it.
    #[must_use]
    pub const fn clock(&self) -> Option<Timestamp> {
        match self {
            Self::Listed { at, .. } => *at,
            _ => None,
        }
    }
}
